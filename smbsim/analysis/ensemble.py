"""Many runs of one scenario, always beside its paired baseline, streamed to a folder that survives being killed.

    results/<name>/<UTC time>-<hash8>/
      scenario.yaml   the exact input          manifest.json   resolved scenario, seeds, versions, hashes, how it ended
      runs.csv        one row per run          parts/<seed>.nc  finished runs, kept when something stops the rest
      ensemble.nc     all runs                 summary.csv, flows.csv                figures/ (drawn by the caller, after the numbers)

hash8 stands for the resolved scenario and the code, so that `resume` continues only what is the same experiment. Files are written to a
temporary name and renamed. Runs go to threads, because kernels release the GIL; two cores go to two runs before they go to one.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Lock

from .. import economy as economies
from .. import scenario as scenarios
from ..graph import from_networkx
from ..network import FirmNetwork
from ..result import Result, concatenate, load_dataset
from ..scenario import Scenario
from ..schema import InputError
from ..simulate import ignore, validate
from ..simulate import run as run_variants

Progress = Callable[[int, int], None]  # weeks done, weeks in all

NUMBERS = ("ensemble.nc", "summary.csv", "flows.csv")
PACKAGES = ("smbsim", "numpy", "scipy", "numba", "networkx", "mesa", "pydantic", "xarray", "h5netcdf", "h5py", "matplotlib")


class AllRunsFailed(RuntimeError):
    """No run is left to make a result of."""


@dataclass
class Log:
    """What became of each run: one row of runs.csv."""

    rows: list[dict] = field(default_factory=list)

    def add(self, seed: int, status: str, seconds: float, error: str = "") -> None:
        self.rows.append({"run": len(self.rows), "seed": seed, "status": status, "seconds": f"{seconds:.3f}", "error": error})

    @property
    def failed(self) -> int:
        return sum(row["status"] == "failed" for row in self.rows)

    def write(self, path: Path) -> None:
        with path.open("w", newline="") as f:
            out = csv.DictWriter(f, ("run", "seed", "status", "seconds", "error"), lineterminator="\n")
            out.writeheader()
            out.writerows(sorted(self.rows, key=lambda row: row["seed"]))


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
    executor: Executor | None = None,
    progress: Progress | None = None,
    network=None,
) -> Result:
    """Simulate a scenario and its variants with `runs` seeds from `seed` on.

    out       : results folder to write to; nothing is written without one
    jobs      : runs at a time; default one per core
    resume    : take finished runs from the folder's parts
    check     : check every column after every phase (slow)
    executor  : any concurrent.futures.Executor instead of threads, also of other processes or machines that see the folder
    progress  : called with (weeks done, weeks in all), from one thread at a time; with an executor once per finished run
    network   : firms and links as a networkx.DiGraph or a FirmNetwork, instead of those of the scenario

    Raises InputError before anything is simulated or written when the scenario cannot mean anything; AllRunsFailed when no run is left.
    One failed run is a row of runs.csv with its error, and `result.manifest["failed"]` counts them.
    """
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
    seeds = _seeds(scenario, runs, seed)
    variants = scenario.all_variants(baseline)
    economy = economies.load(scenario.economy)
    if network is not None and not isinstance(network, FirmNetwork):
        network = from_networkx(network, sectors=economy.sectors)
    validate(variants, economy, network)
    folder = Path(out) if out is not None else None
    started, parts, log = time.time(), {}, Log()
    if folder is not None:
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        for stale in () if resume else (folder / "parts").glob("*.nc"):
            stale.unlink()
        (folder / "scenario.yaml").write_text(_as_yaml(scenario))
        parts = {s: load_dataset(_part(folder, s)) for s in seeds if resume and _part(folder, s).is_file()}
    for s in parts:
        log.add(s, "resumed", 0.0)
    weeks = _weeks(variants)
    done, one_at_a_time = weeks * len(parts), Lock()

    def report(n: int) -> None:
        nonlocal done
        with one_at_a_time:
            done += n
            if progress is not None:
                progress(done, weeks * len(seeds))

    one = partial(_run_one, variants, economy, network, threads, check, folder)
    left = [s for s in seeds if s not in parts]
    if executor is None:
        _run_in_threads(partial(one, report), left, parts, log, jobs)
    else:
        _run_elsewhere(partial(one, ignore), left, parts, log, executor, partial(report, weeks))
    if folder is not None:
        log.write(folder / "runs.csv")
    if not parts:
        raise AllRunsFailed(f"all {len(seeds)} runs failed; the first: {log.rows[0]['error']}")
    manifest = _manifest(scenario, variants, seeds, economy, threads, log, time.time() - started)
    result = replace(concatenate([parts[s] for s in sorted(parts)]), manifest=manifest)
    if folder is not None:
        _write(result, folder)
    return result


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


def _seeds(scenario: Scenario, runs: int | None, seed: int | None) -> list[int]:
    first = scenario.runs.seed if seed is None else seed
    count = scenario.runs.replicates if runs is None else runs
    if count < 1 or first < 0:
        raise InputError(f"runs = {count} and seed = {first}: at least one run, and a seed of 0 or more")
    return list(range(first, first + count))


def _weeks(variants) -> int:
    """Weeks simulated per seed: the burn-in is shared by variants that differ only in their interventions."""
    burn_ins = {v.without_interventions(): v.horizon.burn_in for v in variants.values()}
    return sum(burn_ins.values()) + sum(v.horizon.weeks for v in variants.values())


def _run_one(variants, economy, network, threads: int, check: bool, folder: Path | None, progress, s: int) -> tuple[Result, float]:
    """The result of one seed, and the seconds it took. At module level, so that it can be sent to another process."""
    began = time.perf_counter()
    result = run_variants(variants, s, economy, threads, check, progress, network)
    if folder is not None:
        result.save(_part(folder, s))
    return result, time.perf_counter() - began


def _run_in_threads(one, seeds, parts, log, jobs) -> None:
    jobs = jobs or min(os.cpu_count() or 1, max(len(seeds), 1))
    if jobs == 1 or len(seeds) == 1:
        for s in seeds:
            _keep(s, partial(one, s), parts, log)
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="run")
    try:
        waiting = {pool.submit(one, s): s for s in seeds}
        for future in as_completed(waiting):
            _keep(waiting[future], future.result, parts, log)
    finally:
        pool.shutdown(cancel_futures=True)


def _run_elsewhere(one, seeds, parts, log, executor: Executor, report) -> None:
    waiting = {executor.submit(one, s): s for s in seeds}
    for future in as_completed(waiting):
        _keep(waiting[future], future.result, parts, log)
        report()


def _keep(s: int, get, parts, log) -> None:
    """File the outcome of one run. A run whose invariants broke or whose numbers overflowed is a row with its error."""
    try:
        parts[s], seconds = get()
    except InputError:
        raise
    except (ValueError, ArithmeticError, MemoryError) as error:
        log.add(s, "failed", 0.0, f"{type(error).__name__}: {error}")
    else:
        log.add(s, "done", seconds)


def _part(folder: Path, seed: int) -> Path:
    return folder / "parts" / f"{seed}.nc"


def _write(result: Result, folder: Path) -> None:
    result.save(folder / "ensemble.nc")
    result.write_tables(folder)
    result.manifest["files"] = {name: digest(folder / name) for name in NUMBERS}
    temporary = folder / "manifest.part"
    temporary.write_text(json.dumps(result.manifest, indent=1))
    temporary.rename(folder / "manifest.json")


def _manifest(scenario, variants, seeds: Sequence[int], economy, threads: int, log: Log, seconds: float) -> dict:
    return {
        "name": scenario.name,
        "description": scenario.description,
        "sources": list(scenario.sources),
        "hash": scenario.hash8,
        "code": scenarios.code_digest(),
        "scenario": scenario.dump(),
        "variants": {name: [shock.model_dump(mode="json") for shock in v.interventions] for name, v in variants.items()},
        "seeds": list(seeds),
        "failed": log.failed,
        "ended": "complete" if not log.failed else f"{log.failed} of {len(seeds)} runs failed",
        "seconds": round(seconds, 3),
        "threads": threads,
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


def _as_yaml(scenario: Scenario) -> str:
    """The resolved scenario as JSON, which is YAML."""
    return json.dumps(scenario.dump(), indent=1, ensure_ascii=False) + "\n"
