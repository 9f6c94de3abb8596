"""Is it right? A scenario before it runs, a results folder after it ran, and this machine: `smbsim check`, `verify`, `rerun`, `doctor`.

Everything here returns plain data; printing is the business of the command line.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import economy as economies
from . import scenario as scenarios
from . import simulate
from .analysis import consistency, ensemble, response, risk_checks, risk_folder, sweep_checks, tipping_checks, tipping_folder
from .analysis.loops import Loop, loops
from .analysis.stability import Stability, stability
from .mechanisms.base import Step
from .metrics import METRICS
from .result import BASELINE, load_dataset
from .scenario import BUILD_FACTOR, Scenario
from .schema import WEEKS_PER_YEAR, InputError
from .state import LARGE, SMB, TABLES, State, sum_rows

IDENTITY_TOLERANCE = 1e-9  # of money and goods, relative
REST_TOLERANCE = 1e-10  # of output at rest, relative
ROUNDING = 1e-6  # a spectral radius above one by more than this grows
STABILITY_SMBS = 100  # drawn economies are judged at this size: the same sectors, fewer firms
STABILITY_FIRMS = 5_000  # larger networks from files are not judged
TIMED_SECONDS, TIMED_WEEKS = 1.0, 20  # of a few weeks from which the time of a run is estimated, at most
FINISHED = ("done", "resumed")
PROVENANCE = (
    "name", "description", "sources", "hash", "code", "scenario", "variants", "seeds", "failed", "ended", "seconds", "threads", "currency",
    "sector_names", "economy_notes", "versions", "machine", "files",
)  # fmt: skip
REST_SCENARIO = {"population": {"smbs": 60, "regions": 1}, "production": {"breakdown_hazard": 0.0}}
REST_WEEKS = 8

KINDS = {risk_folder.KIND: risk_checks, response.KIND: sweep_checks, tipping_folder.KIND: tipping_checks}  # who verifies, who runs again
IDENTICAL, DIFFERENT = "the same bit for bit", "DIFFERENT"


# -- a scenario ---------------------------------------------------------------------------------------------------------------------------


def check(scenario: Scenario, judge_stability: bool = True) -> dict[str, Any]:
    """Everything there is to know about a scenario before it runs: size, calibration, closing, notes, stability, warnings.

    Raises InputError for what it cannot mean: a target that selects nothing, files that do not fit together.
    """
    simulate.chosen(scenario.output.metrics)
    economy = economies.load(scenario.economy)
    variants = scenario.all_variants()
    built = simulate.validate(variants, economy)
    main = next(v for name, v in variants.items() if name != BASELINE or len(variants) == 1)
    state = built[main.without_interventions()]
    report = {
        "name": scenario.name,
        "description": scenario.description,
        "sources": list(scenario.sources),
        "hash": scenario.hash8,
        "differs": differences(scenario),
        "variants": list(variants),
        "runs": scenario.runs.replicates,
        "weeks": scenario.horizon.weeks,
        "burn_in": scenario.horizon.burn_in,
        "economy": {"name": economy.name, "currency": economy.currency, "base_year": economy.base_year, "folder": economy.folder},
        "size": _size(state, scenario),
        "calibration": consistency.against_tables(state, economy) if scenario.network is None else None,
        "closing": _closing(state),
        "notes": list(economy.notes),
        "stability": {},
        "loops": {},
        "warnings": [],
    }
    if scenario.network is None:
        report["miniature"] = {"smbs": scenario.population.smbs, "stand_for": economy.n_smbs, "weight": 1.0 / state.scale}
    closed = _loops(variants, built)
    report["loops"] = {name: [vars(loop) | {"past": loop.past} for loop in found] for name, found in closed.items()}
    if judge_stability:
        report["stability"] = _judge(variants, built, economy)
    report["warnings"] = _warnings(report["stability"]) + _past(closed)
    return report


def _warnings(judged: Mapping[str, Mapping]) -> list[str]:
    """One line for each spectral radius above one, with the names of the economies that have it."""
    by_radius: dict[str, list[str]] = {}
    for name, found in judged.items():
        if found["radius"] is not None and found["radius"] > 1.0 + ROUNDING:
            by_radius.setdefault(f"{found['radius']:.4f}", []).append(name)
    lines = []
    for radius, names in by_radius.items():
        which = "" if len(names) == len(judged) else f" ({', '.join(names)})"
        lines.append(
            f"this economy swings by itself{which}: a push grows (spectral radius {radius} > 1). What a shock does cannot be told from it; "
            "lower orders.stock_adjustment or raise orders.supply_line_weight"
        )
    return lines


def _loops(variants: Mapping[str, Scenario], built: Mapping[Scenario, State]) -> dict[str, list[Loop]]:
    """The reinforcing loops of every economy among the variants, named after the first of them that has it."""
    first = {variant.without_interventions(): name for name, variant in reversed(variants.items())}
    return {name: loops(built[alone], alone) for alone, name in sorted(first.items(), key=lambda one: list(variants).index(one[1]))}


def _past(closed: Mapping[str, list[Loop]]) -> list[str]:
    """One line for each loop past its threshold, with the names of the economies in which it is."""
    found: dict[str, list[tuple[str, Loop]]] = {}
    for name, of in closed.items():
        for loop in of:
            if loop.past:
                found.setdefault(loop.name, []).append((name, loop))
    lines = []
    for name, past in found.items():
        which = "" if len(past) == len(closed) else f" ({', '.join(variant for variant, _ in past)})"
        worst = max((loop for _, loop in past), key=lambda loop: loop.value)
        number = f"{worst.doc} {worst.value:.3g} > {worst.threshold:g}"
        lines.append(f"the {name} feeds on itself once it has begun{which}: {number}; {worst.remedy}")
    return lines


def differences(scenario: Scenario) -> list[tuple[str, Any, Any]]:
    """(dotted name, value, default) of every number that is not the default; interventions and texts are left out."""
    apart = ("name", "description", "sources", "shocks", "variants")
    mine, usual = ({k: v for k, v in s.dump().items() if k not in apart} for s in (scenario, Scenario()))
    return list(_unequal(mine, usual))


def _unequal(mine: Any, usual: Any, path: str = ""):
    if isinstance(mine, dict):
        for key, value in mine.items():
            there = usual.get(key) if isinstance(usual, dict) else None
            yield from _unequal(value, there, f"{path}.{key}" if path else key)
    elif mine != usual:
        yield path, mine, usual


def _size(state: State, scenario: Scenario) -> dict[str, Any]:
    tables = [state.table(axis) for axis in TABLES]
    held = sum(getattr(table, name).nbytes for table in tables for name in table.columns)
    return {
        "firms": state.firms.n,
        "smbs": int((state.firms.kind == SMB).sum()),
        "large_firm_rows": int((state.firms.kind == LARGE).sum()),
        "links": state.links.n,
        "input_slots": state.slots.n,
        "regions": len(state.region_names),
        "sectors": len(state.sector_codes),
        "state_bytes": held,
        "memory_bytes": max(scenario.memory, int(BUILD_FACTOR * held)),
    }


def _closing(state: State) -> dict[str, Any]:
    """What closes the accounts at rest: per year of the real economy, and as a share of GDP."""
    gdp = METRICS["gdp"](state) * WEEKS_PER_YEAR
    found = consistency.closing(state)
    rate = found.pop("income tax rate")
    lines = {name: {"per_year": amount / state.scale, "share_of_gdp": amount / gdp} for name, amount in found.items()}
    return {**lines, "income tax rate": {"share_of_income": rate}}


def _judge(variants: Mapping[str, Scenario], built: Mapping[Scenario, State], economy) -> dict[str, dict]:
    """Stability of every economy among the variants, named after the first of them that has it."""
    found: dict[str, dict] = {}
    seen = set()
    for name, variant in variants.items():
        alone = variant.without_interventions()
        if alone in seen:
            continue
        seen.add(alone)
        firms = built[alone].firms.n
        if variant.network is not None and firms > STABILITY_FIRMS:
            found[name] = {"radius": None, "in_words": f"not judged: {firms} firms are more than {STABILITY_FIRMS}"}
        else:
            try:
                s = resting_stability(alone, economy)
            except ArithmeticError as error:
                found[name] = {"radius": None, "in_words": f"not judged: {error}"}
                continue
            swing = None if s.swing is None else abs(s.swing)
            words = s.in_words()
            found[name] = {"radius": s.radius, "swing": swing, "period": s.period, "half_life": s.half_life, "in_words": words}
    return found


def resting_stability(scenario: Scenario, economy=None) -> Stability:
    """Stability of the scenario's economy at rest, without noise; one that is drawn from tables is judged in small."""
    quiet: dict[str, Any] = {"production.breakdown_hazard": 0.0}
    if scenario.network is None:
        smbs = min(scenario.population.smbs, STABILITY_SMBS)
        quiet |= {"population.regions": 1, "population.region_weights": None, "population.smbs": smbs}
    state, plan, _ = simulate.prepare(scenario.without_interventions().with_(quiet), None, economy)
    return stability(state, plan, closed=scenario.households.enabled)


def estimate(scenario: Scenario, runs: int | None, jobs: int, threads: int, baseline: bool) -> dict[str, Any]:
    """How many weeks a command would simulate, the memory and the time they would take, from building it and timing a few weeks."""
    simulate.chosen(scenario.output.metrics)
    economy = economies.load(scenario.economy)
    variants = scenario.all_variants(baseline)
    runs = scenario.runs.replicates if runs is None else runs
    built = simulate.validate(variants, economy)
    began = time.perf_counter()
    state, plan, draws = simulate.prepare(scenario, None, economy, threads)
    build = time.perf_counter() - began
    simulate.advance(state, plan, Step(0, draws))  # the first week may compile
    began, weeks = time.perf_counter(), 0
    while weeks < TIMED_WEEKS and time.perf_counter() - began < TIMED_SECONDS:
        weeks += 1
        simulate.advance(state, plan, Step(weeks, draws))
    week = (time.perf_counter() - began) / weeks
    total = sum(v.horizon.burn_in for v in built) + sum(v.horizon.weeks for v in variants.values())
    size, at_a_time = _size(state, scenario), min(jobs, runs)
    seconds = (build * len(built) * 2 + week * total) * runs / at_a_time
    return {
        "variants": list(variants), "runs": runs, "weeks": scenario.horizon.weeks, "burn_in": scenario.horizon.burn_in,
        "weeks_simulated": total * runs, "seconds_per_week": week, "seconds_to_build": build, "at_a_time": at_a_time, "seconds": seconds,
        "memory_bytes": size["memory_bytes"] * at_a_time,
    }  # fmt: skip


# -- a results folder ---------------------------------------------------------------------------------------------------------------------


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a results folder. Raises InputError when there is none."""
    path = folder / "manifest.json"
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    if not path.is_file() and (folder / "parts").is_dir():
        raise InputError(f"{folder} was stopped before its end; continue it: the same command with --resume")
    if not path.is_file():
        raise InputError(f"{folder}: no manifest.json; is this a results folder of smbsim?")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def verify(folder: Path) -> list[tuple[str, list[str]]]:
    """(what was looked at, what is wrong with it) for every part of a results folder."""
    manifest = read_manifest(folder)
    if kind := KINDS.get(manifest.get("kind")):
        return kind.verify(folder, manifest)
    return [
        ("files are those of the manifest", _wrong_files(folder, manifest)),
        ("books close: money and goods gaps below 1e-9", _open_books(folder)),
        ("all runs are there", _missing_runs(folder, manifest)),
        ("provenance is complete", _lost_provenance(folder, manifest)),
    ]


def _wrong_files(folder: Path, manifest: Mapping) -> list[str]:
    listed = manifest.get("files", {})
    wrong = [f"{name} is not listed in the manifest" for name in ensemble.NUMBERS if name not in listed]
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
    wrong = []
    for name in simulate.IDENTITIES:
        gaps = result.series[name].values if name in result.series else np.array(np.nan)
        worst = float(np.max(gaps))
        if not worst < IDENTITY_TOLERANCE:
            wrong.append(f"{name} is up to {worst:.1e}")
    return wrong


def _missing_runs(folder: Path, manifest: Mapping) -> list[str]:
    path = folder / "runs.csv"
    if not path.is_file():
        return ["runs.csv is missing"]
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    seeds = {row["seed"] for row in rows}
    wrong = [f"seed {row['seed']}: {row['status']}: {row['error']}" for row in rows if row["status"] not in FINISHED]
    return wrong + [f"seed {seed} has no row in runs.csv" for seed in manifest.get("seeds", ()) if str(seed) not in seeds]


def _lost_provenance(folder: Path, manifest: Mapping) -> list[str]:
    wrong = [f"manifest.json has no '{key}'" for key in PROVENANCE if key not in manifest]
    if not (folder / "scenario.yaml").is_file():
        return [*wrong, "scenario.yaml is missing"]
    try:
        given = json.loads((folder / "scenario.yaml").read_text(encoding="utf-8"))
    except ValueError:
        return [*wrong, "scenario.yaml was changed: it is no longer what smbsim wrote"]
    return wrong if given == manifest.get("scenario") else [*wrong, "scenario.yaml is not the scenario of the manifest"]


def rerun(folder: Path, out: Path, progress: ensemble.Progress | None = None) -> dict[str, str]:
    """Run the scenario of a results folder again with the same seeds; file → whether it is the same bit for bit."""
    manifest = read_manifest(folder)
    if kind := KINDS.get(manifest.get("kind")):
        found = kind.rerun(folder, manifest, out, progress)
        return {name: IDENTICAL if same else DIFFERENT for name, same in found.items()}
    lost = [key for key in ("scenario", "seeds", "variants", "files") if not manifest.get(key)]
    if lost:
        raise InputError(f"{folder}: manifest.json has no {', '.join(lost)}; it cannot be run again")
    ensemble.run(
        scenarios.load(manifest["scenario"]), runs=len(manifest["seeds"]), seed=manifest["seeds"][0], out=out,
        baseline=BASELINE in manifest["variants"], progress=progress,
    )  # fmt: skip
    return {name: IDENTICAL if ensemble.digest(out / name) == sha else DIFFERENT for name, sha in manifest["files"].items()}


def changes_since(folder: Path) -> list[str]:
    """What is no longer as it was when a results folder was made: the code, the tables and files, the versions."""
    manifest = read_manifest(folder)
    changed = []
    if kind := KINDS.get(manifest.get("kind")):
        changed += kind.changes_since(folder, manifest)
    elif manifest.get("code") != scenarios.code_digest():
        changed.append("the code of smbsim is not that of the folder; different numbers would be no surprise")
    elif manifest.get("hash") != scenarios.load(manifest["scenario"]).hash8:
        changed.append("the tables of the economy or the files of the network are not those of the folder")
    now = {"python": platform.python_version(), **{name: ensemble.version(name) for name in ensemble.PACKAGES}}
    was = manifest.get("versions", {})
    return changed + [f"{name} was {was[name]}, is {now[name]}" for name in now if name in was and was[name] != now[name]]


# -- this machine -------------------------------------------------------------------------------------------------------------------------


def doctor(folder: Path) -> dict[str, Any]:
    """Versions, cores, memory, where compiled kernels are kept, free disk space of a folder, and whether a tiny economy rests."""
    began = time.perf_counter()
    moved = movement_at_rest()
    seconds = time.perf_counter() - began
    cache = Path(sum_rows.stats.cache_path)
    return {
        "versions": {"python": platform.python_version(), **{name: ensemble.version(name) for name in ensemble.PACKAGES}},
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threading": f"Python threads over runs and rows; global lock {'on' if _has_global_lock() else 'off'}, kernels release it",
        "available_memory_bytes": scenarios.available_memory(),
        "cache_folder": str(cache),
        "cache_writable": os.access(cache if cache.exists() else cache.parent, os.W_OK),
        "free_disk_bytes": shutil.disk_usage(folder).free,
        "movement_at_rest": moved,
        "self_test_seconds": seconds,
        "rests": moved < REST_TOLERANCE,
    }


def movement_at_rest() -> float:
    """Largest relative change of any firm's output over a few weeks of a tiny economy that should rest."""
    state, plan, draws = simulate.prepare(scenarios.load(REST_SCENARIO))
    rest = state.firms.output.copy()
    for t in range(REST_WEEKS):
        simulate.advance(state, plan, Step(t, draws))
    return float(np.max(np.abs(state.firms.output / rest - 1.0)))


def _has_global_lock() -> bool:
    return getattr(sys, "_is_gil_enabled", lambda: True)()
