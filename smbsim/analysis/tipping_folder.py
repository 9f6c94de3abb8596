"""What a search for a tipping point leaves: tables, a manifest, and the same as plain data.

results/<name>_tipping/<UTC time>-<hash8>/
  tests.csv       T1 to T4 with reasons          thresholds.csv  where it tips, up, down and afresh, with bands
  sweep.csv       every realisation of the sweeps, single and doubled holds, and begun afresh
  cloud.csv       realisations around the threshold              modes.csv   one or two modes at each parameter
  scaling.csv     moments by size and parameter                  checks.csv  artefacts, basins, noise, ramp speeds
  phases.csv      both ways over a second parameter, if there is one
  input.json      what was asked                                 manifest.json   the same with versions, timing, hashes, the finding
  parts/          finished holds, with which a stopped search is continued (`holds`)             figures/
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import scenario as scenarios
from ..schema import InputError
from .ensemble import PACKAGES, digest, version
from .points_folder import digest_of, write_json, write_table
from .tipping import Tipping

KIND = "tipping"  # in the manifest: whose folder this is
NUMBERS = ("tests.csv", "thresholds.csv", "sweep.csv", "cloud.csv", "modes.csv", "scaling.csv", "checks.csv", "phases.csv")
DIRECTIONS = ("up", "down")
AT = ("parameter", "low", "high", "held_twice_as_long")  # of a threshold


def open_folder(folder: Path, asked: Mapping[str, Any], resume: bool) -> Path:
    """Make the folder, or look whether it holds the same question; where finished holds are kept. Raises InputError if it does not."""
    folder.mkdir(parents=True, exist_ok=True)
    question, holds, now = folder / "input.json", folder / "parts" / "holds.csv", {"code": scenarios.code_digest(), "asked": dict(asked)}
    if resume and question.is_file() and json.loads(question.read_text(encoding="utf-8")) != json.loads(json.dumps(now)):
        raise InputError(
            f"--resume: {folder} holds another search, or one with other code of smbsim; use another folder, or --force to overwrite it"
        )
    (folder / "manifest.json").unlink(missing_ok=True)
    if not resume:
        holds.unlink(missing_ok=True)
    write_json(question, now)
    return holds


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
    if found.phases is not None:
        d = found.phases
        told["phases"] = {
            "second": d.seconds.tolist(), "up": d.crossings[:, 0].tolist(), "down": d.crossings[:, 1].tolist(), "width": d.width.tolist(),
            "cusp": dict(zip(("parameter", "second"), d.cusp, strict=True)),
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
    write_tables(found, folder)
    write_json(folder / "manifest.json", found.manifest | {"found": plain(found), "files": {n: digest(folder / n) for n in NUMBERS}})


def write_tables(found: Tipping, folder: Path) -> None:
    """The tables alone."""
    tests = [(t.name, t.holds, t.why) for t in found.verdict.tests]
    cloud = ((p, r, m) for p, row in zip(found.cloud_at, found.cloud, strict=True) for r, m in enumerate(row))
    modes = [(p, m.n, m.sarle, m.dip, m.dip_p, m.delta_bic, *m.weights, *m.means) for p, m in zip(found.cloud_at, found.modes, strict=True)]
    of_modes = ("parameter", "n", "sarle", "dip", "dip_p", "delta_bic", "weight_low", "weight_high", "mean_low", "mean_high")
    for name, header, rows in (
        ("tests", ("test", "holds", "why"), tests),
        ("thresholds", ("way", *AT), _thresholds(found)),
        ("sweep", ("way", "holds", "parameter", "realisation", "m"), _sweeps(found)),
        ("cloud", ("parameter", "realisation", "m"), cloud),
        ("modes", of_modes, modes),
        ("scaling", ("size", "parameter", "mean", "susceptibility", "binder", "tipped"), _by_size(found)),
        ("checks", ("check", "of", "value"), _checks(found)),
        ("phases", ("second", "parameter", "up", "down", "regime"), _phases(found)),
    ):
        write_table(folder / f"{name}.csv", header, ([_cell(x) for x in row] for row in rows))


def _cell(x: Any) -> Any:
    """As it is written: nothing for what was not tested, floats so that they are read back exactly."""
    return "" if x is None else float(x) if isinstance(x, float) else x


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


def _phases(found: Tipping) -> Iterable[tuple]:
    d = found.phases
    if d is not None:
        names = ("low", "both", "high")
        for k, second in enumerate(d.seconds):
            yield from ((second, p, u, m, names[r]) for p, u, m, r in zip(d.parameters, d.up[k], d.down[k], d.regime[k], strict=True))
