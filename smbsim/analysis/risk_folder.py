"""The folder of a risk index: where it is, what it was made from, and the finished chunks with which a stopped run is continued.

    results/<name>_risk/<UTC time>-<hash8>/
      input.json      what was asked           manifest.json   the same with versions, timing, hashes, how it ended
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
from pathlib import Path

from .. import scenario as scenarios
from ..schema import InputError
from .ensemble import PACKAGES, version
from .risk_job import Job


def default_folder(job: Job, name: str) -> Path:
    """results/<name>_risk/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_risk" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{job.hash8}"


def newest_folder(job: Job, name: str) -> Path | None:
    """The newest folder of the same question and code, if there is one."""
    found = sorted((Path("results") / f"{name}_risk").glob(f"*-{job.hash8}"))
    return found[-1] if found else None


def open_folder(folder: Path, job: Job, resume: bool) -> None:
    """Make the folder, or look whether it holds the same question. Raises InputError when it holds another."""
    parts, question = folder / "parts", folder / "input.json"
    if resume and question.is_file() and json.loads(question.read_text(encoding="utf-8")) != job.asked:
        raise InputError(f"--resume: {folder} holds another network or other options; use another folder, or --force to overwrite it")
    parts.mkdir(parents=True, exist_ok=True)
    for stale in [] if resume else [*parts.glob("*.npz"), folder / "manifest.json"]:
        stale.unlink(missing_ok=True)
    rename_into(question, json.dumps(job.asked, indent=1))


def part_of(folder: Path, seed: int, first: int) -> Path:
    """Where a chunk of closures is kept."""
    return folder / "parts" / f"{seed}-{first:08d}.npz"


def rename_into(path: Path, text: str) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def manifest_of(job: Job, seconds: float) -> dict:
    return {
        "name": job.name, "hash": job.hash8, "code": scenarios.code_digest(), "asked": job.asked, "seeds": list(job.seeds),
        "notes": list(job.notes), "sector_names": dict(job.sector_names), "ended": "complete", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip
