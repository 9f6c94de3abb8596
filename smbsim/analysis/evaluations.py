"""A function f(parameters, seed) → {output: number} at many points, every point under the same seeds.

Common random numbers: what all points share cancels out of their differences. Every run is kept in the store of ensembles the moment it
ends, under the hash of what was asked, so that a stopped experiment goes on where it was. A run that raises has NaN in the values and its
error in `failures`.

Noise of the replicates, from the two-way table of point p and seed s, y_ps = mean + point_p + seed_s + rest_ps:

    spread of the means   V   = Var_p(mean_s y_ps)
    noise in them         v   = Σ rest² / ((P - 1) (R - 1)) / R           share v / V of what differs between points is luck
    shift shared by all   v_s = Var_s(mean_p y_ps) / R                     no difference between points has it, every level has
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ..result import Result, Series
from ..schema import InputError, nearest
from .executors import as_they_end, suited, workers
from .space import Parameter, named
from .store import DONE, Record, Store, record, run_id
from .study import EXPECTED, FAILED

Function = Callable[[Mapping[str, float], int], Mapping[str, float]]
Progress = Callable[[int, int], None]  # runs done, runs in all

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Evaluations:
    """P points (P, k) of k parameters under R seeds; values (P, R, O) of O outputs, NaN where a run failed or has no such value."""

    parameters: tuple[Parameter, ...]
    points: np.ndarray
    seeds: tuple[int, ...]
    outputs: tuple[str, ...]
    values: np.ndarray
    failures: dict[tuple[int, int], str]  # (point, seed) → error

    def of(self, output: str) -> np.ndarray:
        """(P, R) values of one output."""
        return self.values[:, :, self.outputs.index(output)]


def joined(parts: Sequence[Evaluations]) -> Evaluations:
    """The points of several evaluations with the same parameters, seeds and outputs, in order."""
    failures, before = {}, 0
    for part in parts:
        failures |= {(p + before, s): error for (p, s), error in part.failures.items()}
        before += len(part.points)
    points, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "values"))
    return Evaluations(parts[0].parameters, points, parts[0].seeds, parts[0].outputs, values, failures)


@dataclass(frozen=True)
class Where:
    """Where runs are computed and kept: see `executors.workers` and `store.Store`. what: stands for f, where a folder is given."""

    jobs: int | None = 1
    executor: Executor | str | None = None
    scheduler: str | None = None
    folder: Path | None = None
    what: str = ""


HERE = Where()  # one run at a time, kept in memory


def evaluate(
    f: Function,
    parameters: Sequence[Parameter],
    points: np.ndarray,
    seeds: Sequence[int],
    outputs: Sequence[str],
    where: Where = HERE,
    progress: Progress | None = None,
) -> Evaluations:
    """The values of f at all points under all seeds.

    points   : (P, k) values of the parameters
    outputs  : names of what is kept of what f gives
    where    : workers, and the folder in which finished runs are kept and found again; f must be picklable for other processes, which do
               the work where f.size = (weeks, firms) of an evaluation says that they are faster
    progress : called with (runs done, runs in all)

    The result depends neither on the workers nor on the order in which runs end. Raises InputError for what f refuses.
    """
    found = Evaluations(
        tuple(parameters), points, tuple(seeds), tuple(outputs), np.full((len(points), len(seeds), len(outputs)), np.nan), {}
    )  # fmt: skip
    wanted = list(_runs(found))
    with _kept(where) as kept:
        left = [run for run in wanted if not kept.known(run, found)]
        done = len(wanted) - len(left)
        executor = where.executor
        if executor is None and where.jobs != 1 and hasattr(f, "size"):
            weeks, firms = f.size
            executor = suited(weeks * len(left), firms, where.jobs)
        with workers(where.jobs, executor, where.scheduler, len(left)) as on:
            for batch, rows in as_they_end(partial(_compute, f, found.outputs), _batches(left, on.batch), on):
                if isinstance(rows, Exception):
                    raise rows
                for run, row in zip(batch, rows, strict=True):
                    kept.put(run, row, found.outputs)
                    _fill(found, run, row)
                done += len(batch)
                if progress is not None:
                    progress(done, len(wanted))
    return found


@dataclass(frozen=True)
class Run:
    """One run to compute: f at a point under a seed."""

    point: int
    seed: int
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """What came of a run: values of the outputs, seconds, the error or nothing."""

    values: tuple[float, ...]
    seconds: float
    error: str = ""


def _runs(of: Evaluations) -> Iterator[Run]:
    for p, point in enumerate(of.points):
        values = named(of.parameters, point)
        yield from (Run(p, s, values) for s in of.seeds)


def _batches(runs: Sequence[Run], size: int) -> Iterator[list[Run]]:
    left = iter(runs)
    while batch := list(islice(left, size)):
        yield batch


def _compute(f: Function, outputs: Sequence[str], runs: Sequence[Run]) -> list[Row]:
    """At module level, so that it can be sent to another process."""
    return [_compute_one(f, outputs, run) for run in runs]


def _compute_one(f: Function, outputs: Sequence[str], run: Run) -> Row:
    began = time.perf_counter()
    try:
        given = f(run.parameters, run.seed)
    except InputError:
        raise
    except EXPECTED as error:
        return Row((math.nan,) * len(outputs), time.perf_counter() - began, " ".join(f"{type(error).__name__}: {error}".split()))
    missing = [name for name in outputs if name not in given]
    if missing:
        raise InputError(*(f"unknown output '{name}'.{nearest(name, given)}" for name in missing))
    return Row(tuple(float(given[name]) for name in outputs), time.perf_counter() - began)


def _fill(found: Evaluations, run: Run, row: Row) -> None:
    found.values[run.point, found.seeds.index(run.seed)] = row.values
    if row.error:
        found.failures[run.point, run.seed] = row.error


# -- what is kept -------------------------------------------------------------------------------------------------------------------------


@contextmanager
def _kept(where: Where) -> Iterator[Kept]:
    if where.folder is None:
        yield Kept(None, where.what)
        return
    with Store(where.folder) as store:
        yield Kept(store, where.what)


@dataclass(frozen=True)
class Kept:
    """Finished runs in the store of ensembles, each as a result of one week whose series are the outputs. Without a store none is kept."""

    store: Store | None
    what: str

    def _id(self, run: Run, outputs: Sequence[str]) -> str:
        asked = json.dumps([self.what, list(outputs), run.parameters], sort_keys=True)
        return run_id(hashlib.sha256(asked.encode()).hexdigest(), run.seed)

    def known(self, run: Run, found: Evaluations) -> bool:
        """Whether a run has ended before; its values are then filled in."""
        if self.store is None:
            return False
        its = self._id(run, found.outputs)
        status = self.store.status(its)
        if status is None or status[0] != DONE:
            return False
        series = self.store.get(its).series
        _fill(found, run, Row(tuple(series[name].values.item() for name in found.outputs), status[1]))
        return True

    def put(self, run: Run, row: Row, outputs: Sequence[str]) -> None:
        """Keep a run that has ended."""
        if self.store is None:
            return
        its = self._id(run, outputs)
        if row.error:
            self.store.put(Record(its, FAILED, row.seconds, row.error), run.point)
            return
        series = {name: Series(np.full((1, 1, 1), x), "1", name) for name, x in zip(outputs, row.values, strict=True)}
        result = Result("", ("",), (run.seed,), np.zeros(1, dtype=int), series, {}, {}, {}, {})
        self.store.put(record(its, result, row.seconds), run.point)


# -- noise --------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    """Of one output: share v / V of what differs between points that is luck; variances of a mean by luck of its own, and shared by all."""

    share: float
    own: float
    shared: float


def noise(values: np.ndarray) -> Noise:
    """Noise of the means over seeds of values (P, R); NaN with one seed or one point. Points where a run failed are left out."""
    y = values[np.isfinite(values).all(axis=1)]
    P, R = y.shape
    if P < 2 or R < 2:
        return Noise(math.nan, math.nan, math.nan)
    means, level = y.mean(axis=1), y.mean(axis=0)
    rest = y - means[:, None] - level[None] + y.mean()
    own = float((rest**2).sum() / ((P - 1) * (R - 1)) / R)
    spread = float(means.var(ddof=1))
    share = 0.0 if own <= (ROUNDING * float(np.abs(y).max())) ** 2 else min(own / spread, 1.0)
    return Noise(share, own, float(level.var(ddof=1) / R))
