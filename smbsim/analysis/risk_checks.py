"""Is a folder of the risk index whole, and does it come out the same again? What `smbsim verify` and `smbsim rerun` do with it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np

from .. import scenario as scenarios
from ..schema import InputError
from . import risk
from .ensemble import digest
from .risk_folder import INPUTS, again
from .risk_table import NUMBERS, RiskTable, load

ROUNDING = 1e-9  # of sums of shares
PROVENANCE = (
    "kind", "name", "hash", "code", "asked", "recipe", "inputs", "seeds", "closures", "notes", "sector_names", "ended", "seconds",
    "versions", "machine", "files",
)  # fmt: skip


def verify(folder: Path, manifest: Mapping) -> list[tuple[str, list[str]]]:
    """(what was looked at, what is wrong with it) for every part of a folder."""
    found = [("files are those of the manifest", _wrong_files(folder, manifest))]
    try:
        table = load(folder)
    except (InputError, OSError, KeyError, ValueError, AttributeError) as error:
        found.append(("numbers can be read", [f"risk.nc cannot be read: {error}"]))
    else:
        found += [
            ("tables agree with risk.nc", _wrong_tables(folder, table)),
            ("every closure is there", _missing_closures(table, manifest)),
            ("scores are shares, and the combined index lies between its parts and their sum", _wrong_scores(table)),
        ]
    return [*found, ("provenance is complete", _lost_provenance(folder, manifest))]


def _wrong_files(folder: Path, manifest: Mapping) -> list[str]:
    listed = dict(manifest.get("files", {}))
    wrong = [f"{name} is not listed in the manifest" for name in NUMBERS if name not in listed]
    listed |= {f"{INPUTS}/{name}.csv": sha for name, sha in manifest.get("inputs", {}).items()}
    for name, sha in listed.items():
        if not (folder / name).is_file():
            wrong.append(f"{name} is missing")
        elif digest(folder / name) != sha:
            wrong.append(f"{name} was changed: its SHA-256 is not that of the manifest")
    return wrong


def _wrong_tables(folder: Path, table: RiskTable) -> list[str]:
    """Every table is written anew from risk.nc: the first line that differs, of each."""
    wrong = []
    with tempfile.TemporaryDirectory() as temporary:
        table.save(temporary)
        for name in NUMBERS:
            if not name.endswith(".csv") or not (folder / name).is_file():
                continue
            here, there = ((Path(place) / name).read_text(encoding="utf-8").splitlines() for place in (folder, temporary))
            pairs = enumerate(zip_longest(here, there, fillvalue="no line"), start=1)
            line = next(
                (f"{name} line {k} is '{mine}', but risk.nc says '{theirs}'" for k, (mine, theirs) in pairs if mine != theirs), None
            )
            wrong += [line] if line else []
    return wrong


def _missing_closures(table: RiskTable, manifest: Mapping) -> list[str]:
    wrong = []
    if list(table.seeds) != manifest.get("seeds"):
        wrong.append(f"risk.nc has the seeds {list(table.seeds)}, the manifest {manifest.get('seeds')}")
    for r, count in enumerate(manifest.get("closures", ())):
        names = table.firm[table.of_run(r)]
        if len(names) != count or len(set(names)) != count:
            wrong.append(f"run {r}: {len(set(names))} different firms in {len(names)} rows, the manifest says {count}")
    return wrong


def _wrong_scores(table: RiskTable) -> list[str]:
    wrong = []
    parts = [part for part in (table.esri_up, table.esri_down) if not np.isnan(part).all()]
    low, high = np.max(parts, axis=0) - ROUNDING, np.sum(parts, axis=0) + ROUNDING
    for what, bad in (
        ("is not between 0 and 1", ~((table.esri >= 0) & (table.esri <= 1 + ROUNDING))),
        ("is not between its parts and their sum", ~((table.esri >= low) & (table.esri <= high))),
    ):
        rows = np.flatnonzero(bad)
        wrong += [f"{len(rows)} scores: esri {what}, first firm '{table.firm[rows[0]]}': {table.esri[rows[0]]:.6g}"] if len(rows) else []
    top = table.esri[table.top(1)[0]]
    if not abs(table.hurt.loss.sum() - top) <= ROUNDING:
        wrong.append(f"losses by sector sum to {table.hurt.loss.sum():.6g}, the index of firm '{table.hurt.firm}' is {top:.6g}")
    return wrong


def _lost_provenance(folder: Path, manifest: Mapping) -> list[str]:
    wrong = [f"manifest.json has no '{key}'" for key in PROVENANCE if key not in manifest]
    try:
        question = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    except OSError:
        return [*wrong, "input.json is missing"]
    except ValueError:
        return [*wrong, "input.json was changed: it is no longer what smbsim wrote"]
    given = {key: manifest.get(key) for key in ("code", "asked")}
    return wrong if question == given else [*wrong, "input.json is not the question of the manifest"]


def rerun(folder: Path, manifest: Mapping, out: Path, progress: risk.Progress | None = None) -> dict[str, bool]:
    """Compute the index of a folder again; file → whether it is the same bit for bit. Raises InputError where it cannot be done."""
    risk.compute(again(folder, manifest), out=out, progress=progress)
    return {name: digest(out / name) == sha for name, sha in manifest["files"].items()}


def changes_since(folder: Path, manifest: Mapping) -> list[str]:
    """What went into the numbers and is no longer as it was."""
    if manifest.get("code") != scenarios.code_digest():
        return ["the code of smbsim is not that of the folder; different numbers would be no surprise"]
    if again(folder, manifest).asked != manifest.get("asked"):
        return ["the tables of the economy or the files of the network are not those of the folder"]
    return []
