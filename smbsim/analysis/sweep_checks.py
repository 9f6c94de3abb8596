"""A results folder of `smbsim sweep` after it was made: is it whole, what has changed since, and the same sweep again."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import scenario as scenarios
from ..result import load_dataset
from ..schema import InputError
from ..simulate import IDENTITIES
from . import ensemble, response
from .study import FAILED, Progress

IDENTITY_TOLERANCE = 1e-9  # of money and goods, relative
NEEDED = ("scenario", "seeds", "asked", "files", "code", "hash", "versions")


def verify(folder: Path, manifest: Mapping) -> list[tuple[str, list[str]]]:
    """(what was looked at, what is wrong with it) for every part of the folder."""
    return [
        ("files are those of the manifest", _wrong_files(folder, manifest)),
        ("books close: money and goods gaps below 1e-9", _open_books(folder)),
        ("all runs are there", _missing_runs(folder, manifest)),
        ("provenance is complete", [f"manifest.json has no '{key}'" for key in NEEDED if key not in manifest]),
    ]


def _wrong_files(folder: Path, manifest: Mapping) -> list[str]:
    listed = manifest.get("files", {})
    wrong = [f"{name} is not listed in the manifest" for name in response.NUMBERS if name not in listed]
    for name, sha in listed.items():
        if not (folder / name).is_file():
            wrong.append(f"{name} is missing")
        elif ensemble.digest(folder / name) != sha:
            wrong.append(f"{name} was changed: its SHA-256 is not that of the manifest")
    return wrong


def _open_books(folder: Path) -> list[str]:
    try:
        result = load_dataset(folder / "ensemble.nc")
    except (OSError, KeyError, ValueError) as error:
        return [f"ensemble.nc cannot be read: {error}"]
    worst = {name: float(np.max(result.series[name].values)) if name in result.series else np.nan for name in IDENTITIES}
    return [f"{name} is up to {gap:.1e}" for name, gap in worst.items() if not gap < IDENTITY_TOLERANCE]


def _missing_runs(folder: Path, manifest: Mapping) -> list[str]:
    path, asked = folder / "runs.csv", manifest.get("runs_asked", 0)
    if not path.is_file():
        return ["runs.csv is missing"]
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    wrong = [f"point {row['point']}, seed {row['seed']}: {row['status']}: {row['error']}" for row in rows if row["status"] == FAILED]
    return wrong + ([f"runs.csv has {len(rows)} rows, {asked} runs were asked for"] if len(rows) != asked else [])


def rerun(folder: Path, manifest: Mapping, out: Path, progress: Progress | None = None) -> dict[str, bool]:
    """Run the sweep again with the same points and seeds; file → whether it is the same bit for bit."""
    lost = [key for key in NEEDED if not manifest.get(key)]
    if lost:
        raise InputError(f"{folder}: manifest.json has no {', '.join(lost)}; it cannot be run again")
    response.again(manifest, out, progress)
    return {name: ensemble.digest(out / name) == sha for name, sha in manifest["files"].items()}


def changes_since(folder: Path, manifest: Mapping) -> list[str]:
    """Whether the code, or the tables and files, are no longer those of the folder."""
    if manifest.get("code") != scenarios.code_digest():
        return ["the code of smbsim is not that of the folder; different numbers would be no surprise"]
    study, made, weeks = response.plan_of(manifest)
    if response.hash8(study, made, weeks) != manifest.get("hash"):
        return ["the tables of the economy, the files of the network or the points of the design are not those of the folder"]
    return []
