"""Many runs of one scenario, always beside its paired baseline, streamed to a folder that survives being killed.

    results/<name>/<UTC time>-<hash8>/
      scenario.yaml   the exact input          manifest.json   resolved scenario, seeds, versions, hashes, how it ended
      runs.csv        one row per run          parts/          finished runs, each kept as soon as it ends (`store`)
      ensemble.nc     all runs                 summary.csv, flows.csv                figures/ (drawn by the caller, after the numbers)

hash8 stands for the resolved scenario and the code. `resume` takes what is there of the same runs, told by their content, and computes the
rest; shards of one ensemble may share a folder. Files are written to a temporary name and renamed. Runs go to threads (`executors`); two
cores go to two runs before they go to one. Memory does not grow with the number of runs: they are written block by block.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np

from .. import economy as economies
from .. import result_file
from .. import scenario as scenarios
from ..graph import from_networkx
from ..network import FirmNetwork
from ..result import Result, concatenate, load_dataset
from ..scenario import Scenario
from ..schema import InputError
from ..simulate import validate
from .executors import PROCESSES, suited, workers
from .store import DONE, FAILED, Store, clear, told
from .study import RESUMED, Progress, Row, Study, again, execute

NUMBERS = ("ensemble.nc", "summary.csv", "flows.csv")
COLUMNS = ("run", "id", "point", "seed", "status", "seconds", "error")  # of runs.csv
PACKAGES = ("smbsim", "numpy", "scipy", "numba", "networkx", "mesa", "pydantic", "xarray", "h5netcdf", "h5py", "matplotlib")


class AllRunsFailed(RuntimeError):
    """No run is left to make a result of."""


class ShardsMissing(RuntimeError):
    """This shard is done; others are not, so that there is no result yet."""


def run(
    scenario: Scenario | str | Path,
    *,
    runs: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    threads: int = 1,
    baseline: bool = True,
    resume: bool = False,
    check: bool = False,
    executor: Executor | str | None = None,
    scheduler: str | None = None,
    shard: tuple[int, int] = (1, 1),
    reuse: Sequence[str | Path] = (),
    time_limit: float | None = None,
    progress: Progress | None = None,
    network=None,
) -> Result:
    """Simulate a scenario and its variants with `runs` seeds from `seed` on.

    out        : results folder to write to; nothing is written without one
    jobs       : runs at a time; default one per core
    resume     : take finished runs from the folder
    check      : check every column after every phase (slow)
    executor   : "threads", "processes", or any concurrent.futures.Executor, which stays open; default: processes for many runs of small
                 economies, and for mechanisms of your own that stand in a module, because Python code runs in one thread at a time;
                 otherwise threads. In a script of yours processes need `if __name__ == "__main__":`
    scheduler  : address of a dask scheduler, whose workers compute instead
    shard      : (i, N): compute only every N-th run, from the i-th on; the last of the shards to end makes the result
    reuse      : other results folders, whose finished runs are taken where they are the same
    time_limit : seconds a run may take, looked at between weeks; longer is a failed run
    progress   : called with (weeks done, weeks in all), from one thread at a time; with an executor once per finished run
    network    : firms and links as a networkx.DiGraph or a FirmNetwork, instead of those of the scenario

    Raises InputError before anything is simulated or written when the scenario cannot mean anything, and when results cannot be kept;
    AllRunsFailed when no run is left; ShardsMissing when this shard is done and others are not. One failed run is a row of runs.csv
    with its error, and `result.manifest["failed"]` counts them.
    """
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
    economy = economies.load(scenario.economy)
    if network is not None and not isinstance(network, FirmNetwork):
        network = from_networkx(network, sectors=economy.sectors)
    study = Study(
        scenario, seeds_of(scenario, runs, seed), economy, baseline=baseline, network=network, threads=threads, check=check,
        limit=time_limit,
    )  # fmt: skip
    validate(study.variants(0), economy, network)
    folder, started = Path(out) if out is not None else None, time.time()
    result, rows = compute(
        study, folder, jobs=jobs, executor=executor, scheduler=scheduler, shard=shard, reuse=reuse, resume=resume, progress=progress
    )
    result = replace(result, manifest=manifest_of(study, rows, time.time() - started))
    if folder is not None:
        with told(folder):
            result.write_tables(folder)
            seal(folder, result.manifest, NUMBERS)
    return result


def compute(
    study: Study,
    folder: Path | None,
    *,
    jobs: int | None = None,
    executor: Executor | str | None = None,
    scheduler: str | None = None,
    shard: tuple[int, int] = (1, 1),
    reuse: Sequence[str | Path] = (),
    resume: bool = False,
    design: Mapping[str, np.ndarray] | None = None,
    watch: Callable[[int, Result], None] | None = None,
    progress: Progress | None = None,
) -> tuple[Result, dict[int, Row]]:
    """All runs of a study, computed or taken from what is there, as one result; and what became of each.

    design : name → (P,) values of the parameters at the points
    watch  : called with every finished run and its number, in their order

    Into the folder go scenario.yaml, parts, runs.csv and ensemble.nc. Raises what `run` raises.
    """
    _check(folder, shard, study.limit)
    if executor is None and jobs != 1 and len(study) > 1:
        executor = PROCESSES if study.in_python else suited(study.weeks * len(study), study.firms, jobs)
    sharded = shard != (1, 1)
    if folder is not None:
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            put_text(folder / "scenario.yaml", json.dumps(study.scenario.dump(), indent=1, ensure_ascii=False) + "\n")
            if not (resume or sharded):
                clear(folder)
    part = f"shard-{shard[0]}-of-{shard[1]}" if sharded else "all"
    with Store(folder, part, [Path(other) for other in reuse]) as store:
        with workers(jobs, executor, scheduler, len(study)) as on:
            rows, mistake = execute(study, store, on, shard, progress)
        if sharded:
            rows = _of_all_shards(study, store, rows)
        if folder is not None:
            with told(folder):
                _write_rows(study, rows, folder / "runs.csv")
        if len(rows) < len(study):
            text = f"shard {shard[0]} of {shard[1]} is done; {len(study) - len(rows)} of {len(study)} runs are not"
            raise ShardsMissing(f"{text}: of other shards, which make the result when the last of them ends")
        finished = [k for k in sorted(rows) if rows[k].status != FAILED]
        if not finished:
            raise mistake or AllRunsFailed(f"all {len(study)} runs failed; the first: {rows[0].error}")
        if not store.has_firms(rows[finished[0]].id):  # they were not of the first run when they were kept
            store.put(again(study, finished[0]), -1)
        points = np.array([study.point(k) for k in finished])
        along = {} if design is None else {"point": points, **{name: values[points] for name, values in design.items()}}
        kept = _read_in_order(study, store, {k: rows[k].id for k in finished}, watch)
        if folder is None:
            result = replace(concatenate(list(kept)), design=along)
        else:
            with told(folder):
                result_file.write(folder / "ensemble.nc", kept, len(finished), along)
            result = load_dataset(folder / "ensemble.nc")
    if mistake is not None:
        raise mistake
    return result, rows


def _read_in_order(study: Study, store: Store, ids: Mapping[int, str], watch: Callable[[int, Result], None] | None) -> Iterator[Result]:
    """The results of the finished runs, the first with its firms."""
    for n, (k, run_id) in enumerate(ids.items()):
        result = replace(store.get(run_id, with_firms=n == 0), name=study.scenario.name)
        if watch is not None:
            watch(k, result)
        yield result


def _check(folder: Path | None, shard: tuple[int, int], limit: float | None) -> None:
    problems = []
    if not 1 <= shard[0] <= shard[1]:
        problems.append(f"shard = {shard[0]}/{shard[1]}: write I/N with I from 1 to N")
    if folder is None and shard != (1, 1):
        problems.append("shard: needs a folder (out), which the shards share or which is merged with reuse")
    if limit is not None and not limit > 0:
        problems.append(f"time limit = {limit:g}: more than 0 seconds")
    if problems:
        raise InputError(*problems)


def _of_all_shards(study: Study, store: Store, rows: dict[int, Row]) -> dict[int, Row]:
    """What became of the runs of all shards, as far as they are done."""
    found = dict(rows)
    for k in range(len(study)):
        if k not in found and (known := store.status(run_id := study.run_id(k))) is not None:
            found[k] = Row(run_id, RESUMED if known[0] == DONE else FAILED, *known[1:])
    return found


def _write_rows(study: Study, rows: Mapping[int, Row], path: Path) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(COLUMNS)
        for k, row in sorted(rows.items()):
            out.writerow((k, row.id, study.point(k), study.seed(k), row.status, f"{row.seconds:.3f}", row.error))
    temporary.rename(path)


def default_folder(scenario: Scenario, name: str) -> Path:
    """results/<name>/<UTC time>-<hash8>."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("results") / name / f"{stamp}-{scenario.hash8}"


def newest_folder(scenario: Scenario, name: str) -> Path | None:
    """The newest results folder of the same experiment and code, if there is one."""
    found = sorted((Path("results") / name).glob(f"*-{scenario.hash8}"))
    return found[-1] if found else None


def claim(folder: Path, resume: bool = False, force: bool = False) -> None:
    """Make sure that results may go to a folder. Raises InputError when it is a file or holds something already."""
    if folder.is_file():
        raise InputError(f"--out: {folder} is a file, not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (resume or force):
        raise InputError(f"--out: {folder} is not empty; use --resume to continue it, --force to overwrite it, or another folder")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seeds_of(scenario: Scenario, runs: int | None, seed: int | None) -> tuple[int, ...]:
    """The seeds of a scenario, or as many others. Raises InputError for none, or one below zero."""
    first = scenario.runs.seed if seed is None else seed
    count = scenario.runs.replicates if runs is None else runs
    if count < 1 or first < 0:
        raise InputError(f"runs = {count} and seed = {first}: at least one run, and a seed of 0 or more")
    return tuple(range(first, first + count))


def seal(folder: Path, manifest: dict, numbers: Sequence[str]) -> None:
    """Write the manifest, with the hashes of the files of numbers: the folder is whole."""
    manifest["files"] = {name: digest(folder / name) for name in numbers}
    put_text(folder / "manifest.json", json.dumps(manifest, indent=1))


def put_text(path: Path, text: str) -> None:
    """Write a file under a temporary name of this process, and rename it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def manifest_of(study: Study, rows: Mapping[int, Row], seconds: float) -> dict:
    """Provenance of an ensemble: what is needed to run it again, and how it went."""
    scenario, economy = study.scenario, study.economy
    failed = sum(row.status == FAILED for row in rows.values())
    return {
        "name": scenario.name,
        "description": scenario.description,
        "sources": list(scenario.sources),
        "hash": scenario.hash8,
        "code": scenarios.code_digest(),
        "scenario": scenario.dump(),
        "variants": {name: [one.model_dump(mode="json") for one in v.interventions] for name, v in study.variants(0).items()},
        "seeds": list(study.seeds),
        "failed": failed,
        "ended": "complete" if not failed else f"{failed} of {len(study)} runs failed",
        "seconds": round(seconds, 3),
        "threads": study.threads,
        "currency": economy.currency,
        "sector_names": dict(zip(economy.sectors, economy.sector_names, strict=True)),
        "economy_notes": list(economy.notes),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }


def version(package: str) -> str:
    """Installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
