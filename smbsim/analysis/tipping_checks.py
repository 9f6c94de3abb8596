"""A finished folder of `smbsim tipping`: read again, verified, searched again."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .. import scenario as scenarios
from ..schema import InputError
from .ensemble import digest
from .holds import Holds
from .tipping import Progress, Tipping
from .tipping_folder import NUMBERS, plain, write_tables
from .tipping_scenario import search_again

PROVENANCE = ("kind", "name", "hash", "code", "asked", "notes", "ended", "seconds", "versions", "machine", "found", "files")


def load(folder: Path, manifest: Mapping) -> Tipping:
    """The finding of a folder, from the holds it keeps; nothing is simulated. Raises InputError where they are not those of this search."""
    found = search_again(manifest["asked"]).find(1, None, Holds(folder / "parts" / "holds.csv", missing="refuse"))
    return replace(found, manifest=dict(manifest))


def verify(folder: Path, manifest: Mapping) -> list[tuple[str, list[str]]]:
    """(what was looked at, what is wrong with it) for every part of a folder."""
    found = [("files are those of the manifest", _wrong_files(folder, manifest))]
    lost = [f"manifest.json has no '{key}'" for key in PROVENANCE if key not in manifest]
    if not lost:
        found.append(("tables and verdict follow from the holds", _what_does_not_follow(folder, manifest)))
        lost = _lost_question(folder, manifest)
    return [*found, ("provenance is complete", lost)]


def _wrong_files(folder: Path, manifest: Mapping) -> list[str]:
    listed = manifest.get("files", {})
    wrong = [f"{name} is not listed in the manifest" for name in NUMBERS if name not in listed]
    for name, sha in listed.items():
        if not (folder / name).is_file():
            wrong.append(f"{name} is missing")
        elif digest(folder / name) != sha:
            wrong.append(f"{name} was changed: its SHA-256 is not that of the manifest")
    return wrong


def _what_does_not_follow(folder: Path, manifest: Mapping) -> list[str]:
    """Everything is worked out anew from the holds."""
    if manifest["code"] != scenarios.code_digest():
        return ["cannot be told: the code of smbsim is not that of the folder"]
    try:
        found = load(folder, manifest)
    except InputError as error:
        return list(error.lines)
    with tempfile.TemporaryDirectory() as temporary:
        write_tables(found, Path(temporary))
        wrong = [name for name in NUMBERS if digest(Path(temporary) / name) != manifest["files"].get(name)]
    said = [f"{name} is not what the holds give" for name in wrong]
    same = found.verdict.in_words() == manifest["found"]["verdict"] and found.verdict.tipping_point == manifest["found"]["tipping_point"]
    return said if same else [*said, f"the holds give another verdict: {plain(found)['verdict']}"]


def _lost_question(folder: Path, manifest: Mapping) -> list[str]:
    try:
        question = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ["input.json is missing, or was changed"]
    return [] if question == {key: manifest[key] for key in ("code", "asked")} else ["input.json is not the question of the manifest"]


def rerun(folder: Path, manifest: Mapping, out: Path, progress: Progress | None = None) -> dict[str, bool]:
    """Search again from nothing; table → whether it is the same bit for bit."""
    found = search_again(manifest["asked"]).find(os.cpu_count() or 1, progress, Holds())
    out.mkdir(parents=True, exist_ok=True)
    write_tables(found, out)
    return {name: digest(out / name) == sha for name, sha in manifest["files"].items()}


def changes_since(folder: Path, manifest: Mapping) -> list[str]:
    """What went into the numbers and is no longer as it was."""
    if manifest.get("code") != scenarios.code_digest():
        return ["the code of smbsim is not that of the folder; different numbers would be no surprise"]
    return []
