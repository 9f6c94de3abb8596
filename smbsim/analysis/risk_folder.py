"""The folder of a risk index: where it is, what it was made from, and the finished chunks with which a stopped run is continued.

    results/<name>_risk/<UTC time>-<hash8>/
      input.json      what was asked           manifest.json   the same with versions, timing, hashes, how it ended
      inputs/         copies of links.csv, firms.csv and essentiality.csv, where the network is a user's
      risk.csv        [run,]firm,esri,esri_up,esri_down,iterations: one row per firm and run, in the order of the network; empty where
                      `component` leaves it out
      firms.csv       [run,]firm,sector,size_class,output_share: who they are
      statistics.csv  concentration, plateau and rank correlation: quantiles over the runs
      classes.csv     mean index by sector and size class: quantiles over the runs
      risk.nc         all of it (xarray)       parts/           finished chunks of closures, with which a stopped run is continued

The column `run` counts from 0 in the order of the seeds of the manifest; it is there when there is more than one.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .. import scenario as scenarios
from ..schema import InputError
from .ensemble import PACKAGES, digest, version
from .risk_job import Job, job

KIND = "risk"  # in the manifest: whose folder this is
INPUTS = "inputs"


def default_folder(job: Job, name: str) -> Path:
    """results/<name>_risk/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_risk" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{job.hash8}"


def newest_folder(job: Job, name: str) -> Path | None:
    """The newest folder of the same question and code, if there is one."""
    found = sorted((Path("results") / f"{name}_risk").glob(f"*-{job.hash8}"))
    return found[-1] if found else None


def open_folder(folder: Path, job: Job, resume: bool) -> None:
    """Make the folder, or look whether it holds the same question. Raises InputError when it holds another, or that of other code."""
    parts, question, code = folder / "parts", folder / "input.json", scenarios.code_digest()
    if resume and question.is_file():
        held = json.loads(question.read_text(encoding="utf-8"))
        instead = "use another folder, or --force to overwrite it"
        if held.get("code") != code:  # first, because the hash of a scenario holds the code as well
            raise InputError(f"--resume: {folder} was begun with other code of smbsim, whose numbers may differ; {instead}")
        if held.get("asked") != job.asked:
            raise InputError(f"--resume: {folder} holds another network or other options; {instead}")
    for sub in (parts, folder / INPUTS) if job.files else (parts,):
        sub.mkdir(parents=True, exist_ok=True)
    for stale in [] if resume else [*parts.glob("*.npz"), folder / "manifest.json"]:
        stale.unlink(missing_ok=True)
    for name, file in job.files.items():
        if file.resolve() != (folder / INPUTS / f"{name}.csv").resolve():
            shutil.copyfile(file, folder / INPUTS / f"{name}.csv")
    rename_into(question, json.dumps({"code": code, "asked": job.asked}, indent=1))


def part_of(folder: Path, seed: int, first: int) -> Path:
    """Where a chunk of closures is kept."""
    return folder / "parts" / f"{seed}-{first:08d}.npz"


def rename_into(path: Path, text: str) -> None:
    """Write a text file (UTF-8) so that it is there whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def manifest_of(job: Job, closures: Sequence[int], seconds: float) -> dict:
    """Provenance. closures: firms closed in each run."""
    return {
        "kind": KIND, "name": job.name, "hash": job.hash8, "code": scenarios.code_digest(), "asked": job.asked, "recipe": job.recipe,
        "inputs": {name: digest(file) for name, file in job.files.items()}, "seeds": list(job.seeds), "closures": list(closures),
        "notes": list(job.notes), "sector_names": dict(job.sector_names), "ended": "complete", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip


def again(folder: Path, manifest: Mapping) -> Job:
    """The job of a folder, from the copies it holds. Raises InputError where it cannot be asked again."""
    recipe = manifest.get("recipe")
    if recipe is None:
        raise InputError(f"{folder}: the network was given in Python and is not kept here; it cannot be run again")
    files = {name: folder / INPUTS / f"{name}.csv" for name in manifest["inputs"]}
    scenario = {} if files else {"scenario": scenarios.load(recipe["scenario"])}
    return replace(job(**recipe | scenario | files), name=manifest["name"])
