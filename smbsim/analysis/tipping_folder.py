"""What a search for a tipping point leaves: tables, a manifest, and the same as plain data.

results/<name>_tipping/<UTC time>-<hash8>/
  tests.csv       T1 to T4 with reasons          thresholds.csv  where it tips, up, down and afresh, with bands
  sweep.csv       every realisation of the sweeps, single and doubled holds, and begun afresh
  cloud.csv       realisations around the threshold              modes.csv   one or two modes at each parameter
  scaling.csv     moments by size and parameter                  checks.csv  artefacts, basins, noise, ramp speeds
  manifest.json   what was asked, seeds, versions, timing        figures/
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import scenario as scenarios
from .ensemble import PACKAGES, version
from .tipping import Tipping

KIND = "tipping"  # in the manifest: whose folder this is
DIRECTIONS = ("up", "down")
AT = ("parameter", "low", "high", "held_twice_as_long")  # of a threshold


def digest_of(asked: Mapping[str, Any]) -> str:
    """hash8 of a question and the code."""
    return hashlib.sha256((json.dumps(asked, sort_keys=True) + scenarios.code_digest()).encode()).hexdigest()[:8]


def default_folder(name: str, asked: Mapping[str, Any]) -> Path:
    """results/<name>_tipping/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_tipping" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{digest_of(asked)}"


def manifest_of(name: str, asked: Mapping[str, Any], notes: Sequence[str], seconds: float) -> dict:
    """Provenance. asked: options and the resolved scenario."""
    return {
        "kind": KIND, "name": name, "hash": digest_of(asked), "code": scenarios.code_digest(), "asked": dict(asked), "notes": list(notes),
        "ended": "complete", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip


def plain(found: Tipping) -> dict:
    """The numbers a reader wants, as plain data."""
    look, by_size = found.look, found.scaling
    told = {
        "tipping_point": found.verdict.tipping_point, "kind": found.verdict.kind, "verdict": found.verdict.in_words(),
        "tests": {test.name: {"holds": test.holds, "why": test.why} for test in found.verdict.tests},
        "thresholds": {row[0]: dict(zip(AT, row[1:], strict=True)) for row in _thresholds(found)},
        "checks": dict(found.checks), "basins": {name: asdict(basin) for name, basin in found.basins.items()},
        "noise": {f"{k:g}": dict(zip(DIRECTIONS, v, strict=True)) for k, v in found.noise.items()},
        "ramp_speed": {f"{k:g}": dict(zip(DIRECTIONS, v, strict=True)) for k, v in found.rates.items()},
        "notes": [*found.notes, *found.manifest.get("notes", ())],
    }  # fmt: skip
    if look is not None:
        told["hysteresis"] = {
            "area": look.loop.area, "error": look.loop.error, "area_held_twice_as_long": look.loop.doubled, "width": look.twice.width,
            "gap": look.loop.gap.tolist(), "gap_in_the_long_run": look.loop.in_the_long_run, "there": look.loop.hysteresis,
        }  # fmt: skip
    if by_size is not None:
        x, error = by_size.exponent()
        limit = by_size.limit()
        told["scaling"] = {
            "sizes": by_size.sizes.tolist(), "thresholds": by_size.thresholds.tolist(), "peaks": by_size.peaks.tolist(), "exponent": x,
            "exponent_error": error, "limit": limit.limit, "limit_low": limit.low, "limit_high": limit.high,
            "binder_crossings": by_size.crossings("binder").tolist(), "tipped_crossings": by_size.crossings("tipped").tolist(),
        }  # fmt: skip
    return told


def _thresholds(found: Tipping) -> list[tuple]:
    """(way, parameter, low, high, the same with holds twice as long)."""
    rows = []
    if found.look is not None:
        pairs = zip(DIRECTIONS, found.look.thresholds, found.look.doubled, strict=True)
        rows += [(name, one.parameter, one.low, one.high, two.parameter) for name, one, two in pairs]
    if found.afresh is not None:
        rows.append(("afresh", found.afresh.parameter, found.afresh.low, found.afresh.high, found.afresh.parameter))
    return rows


def write(found: Tipping, folder: Path) -> None:
    """Write all tables, the manifest last: a folder without one is not complete."""
    folder.mkdir(parents=True, exist_ok=True)
    _table(folder / "tests.csv", ("test", "holds", "why"), [(t.name, t.holds, t.why) for t in found.verdict.tests])
    _table(folder / "thresholds.csv", ("way", *AT), _thresholds(found))
    _table(folder / "sweep.csv", ("way", "holds", "parameter", "realisation", "m"), _sweeps(found))
    cloud = ((p, r, m) for p, row in zip(found.cloud_at, found.cloud, strict=True) for r, m in enumerate(row))
    _table(folder / "cloud.csv", ("parameter", "realisation", "m"), cloud)
    modes = [(p, m.n, m.sarle, m.dip, m.dip_p, m.delta_bic, *m.weights, *m.means) for p, m in zip(found.cloud_at, found.modes, strict=True)]
    _table(
        folder / "modes.csv",
        ("parameter", "n", "sarle", "dip", "dip_p", "delta_bic", "weight_low", "weight_high", "mean_low", "mean_high"),
        modes,
    )
    _table(folder / "scaling.csv", ("size", "parameter", "mean", "susceptibility", "binder", "tipped"), _by_size(found))
    _table(folder / "checks.csv", ("check", "of", "value"), _checks(found))
    temporary = folder / "manifest.part"
    temporary.write_text(json.dumps(found.manifest | {"found": _finite(plain(found))}, indent=1, ensure_ascii=False), encoding="utf-8")
    temporary.rename(folder / "manifest.json")


def _sweeps(found: Tipping) -> Iterable[tuple]:
    for sweep in [found.single, *([found.look.twice] if found.look is not None else [])]:
        for way, m in (("up", sweep.up.m), ("down", sweep.down.m), ("afresh", sweep.restart)):
            if m is not None:
                yield from ((way, sweep.holds, p, r, x) for p, row in zip(sweep.parameters, m, strict=True) for r, x in enumerate(row))


def _by_size(found: Tipping) -> Iterable[tuple]:
    s = found.scaling
    if s is not None:
        columns = (s.parameters, s.mean, s.susceptibility, s.binder, s.tipped)
        yield from ((n, *row) for k, n in enumerate(s.sizes) for row in zip(*(c[k] for c in columns), strict=True))


def _checks(found: Tipping) -> Iterable[tuple]:
    yield from (("still there", name, there) for name, there in found.checks.items())
    for name, basin in found.basins.items():
        yield from ((f"basin {key}", name, value) for key, value in asdict(basin).items())
    for what, held in (("noise", found.noise), ("ramp speed", found.rates)):
        yield from ((f"threshold {way}", f"{what} {k:g}", p) for k, pair in held.items() for way, p in zip(DIRECTIONS, pair, strict=True))


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows([["" if x is None else repr(float(x)) if isinstance(x, float) else x for x in row] for row in rows])
    temporary.rename(path)


def _finite(data: Any) -> Any:
    """What is no finite number becomes null."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not abs(data) < float("inf") else data
