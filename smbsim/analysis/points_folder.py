"""The folder of an experiment over many points of a scenario: what was asked, tables, and a manifest that is written last.

results/<name>_<kind>/<UTC time>-<hash8>/
  input.json   what was asked        parts/   finished runs, from which it goes on when stopped       manifest.json   how it ended
  points.csv   every point with the mean and s.d. of every output                                     runs.csv        one row per run

hash8 stands for the question and the code, so that only the same experiment is continued.
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

import numpy as np

from .. import scenario as scenarios
from ..schema import InputError
from . import store
from .ensemble import PACKAGES, version
from .evaluations import Evaluations
from .space import Parameter


def asked_of(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """Parameters and ranges as plain data."""
    return [asdict(p) for p in parameters]


def digest_of(asked: Mapping[str, Any]) -> str:
    """hash8 of a question and the code."""
    return hashlib.sha256((json.dumps(asked, sort_keys=True) + scenarios.code_digest()).encode()).hexdigest()[:8]


def default_folder(kind: str, name: str, asked: Mapping[str, Any]) -> Path:
    """results/<name>_<kind>/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_{kind}" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{digest_of(asked)}"


def newest_folder(kind: str, name: str, asked: Mapping[str, Any]) -> Path | None:
    """The newest folder of the same question and code, if there is one."""
    found = sorted((Path("results") / f"{name}_{kind}").glob(f"*-{digest_of(asked)}"))
    return found[-1] if found else None


def open_folder(folder: Path, asked: Mapping[str, Any], resume: bool) -> None:
    """Make a folder ready: runs of before stay only where the same is resumed. Raises InputError when it holds something else."""
    folder.mkdir(parents=True, exist_ok=True)
    written, now = folder / "input.json", {**asked, "code": scenarios.code_digest()}
    if resume and written.is_file() and json.loads(written.read_text(encoding="utf-8")) != json.loads(json.dumps(now)):
        raise InputError(
            f"--resume: {folder} holds another experiment, or one of other code; use another folder, or --force to overwrite it"
        )
    if not resume:
        store.clear(folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    write_json(written, now)


def manifest_of(kind: str, name: str, asked: Mapping[str, Any], found: Evaluations, seconds: float) -> dict[str, Any]:
    """Provenance. asked: options and the resolved scenario."""
    runs, failed = len(found.points) * len(found.seeds), len(found.failures)
    return {
        "kind": kind, "name": name, "hash": digest_of(asked), "code": scenarios.code_digest(), "asked": dict(asked),
        "seeds": list(found.seeds), "runs": runs, "failed": failed,
        "ended": "complete" if not failed else f"{failed} of {runs} runs failed", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in (*PACKAGES, "SALib", "scikit-learn")}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip


def write_evaluations(found: Evaluations, folder: Path) -> None:
    """points.csv and runs.csv."""
    parameters = [p.name for p in found.parameters]
    mean = found.values.mean(axis=1)
    sd = found.values.std(axis=1, ddof=1) if len(found.seeds) > 1 else np.full_like(mean, np.nan)
    both = np.stack([mean, sd], axis=2).reshape(len(found.points), -1)
    names = [f"{output}_{what}" for output in found.outputs for what in ("mean", "sd")]
    points = [[p, *point, *row] for p, (point, row) in enumerate(zip(found.points.tolist(), both.tolist(), strict=True))]
    write_table(folder / "points.csv", ("point", *parameters, *names), points)
    runs = [
        (p, s, store.FAILED if (p, s) in found.failures else store.DONE, *row, found.failures.get((p, s), ""))
        for p, rows in enumerate(found.values.tolist())
        for s, row in zip(found.seeds, rows, strict=True)
    ]
    write_table(folder / "runs.csv", ("point", "seed", "status", *found.outputs, "error"), runs)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file, complete or not there; numbers as they are, empty where unknown."""
    temporary = path.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows([["" if isinstance(x, float) and x != x else x for x in row] for row in rows])
    temporary.rename(path)


def write_json(path: Path, data: Any) -> None:
    """Plain data, complete or not there; what is not a finite number becomes null."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(_finite(data), indent=1, ensure_ascii=False), encoding="utf-8")
    temporary.rename(path)


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not abs(data) < float("inf") else data
