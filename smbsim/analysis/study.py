"""Variants × points of a design × seeds: which runs an experiment has, and getting them computed, each once, wherever that is.

Common random numbers throughout: a run is all variants with one seed at one point, and every point meets the same seeds, so that what
differs between variants or points is their effect. Runs are numbered point by point.

A run that raises, or takes longer than it may, is a row with its error, and the others go on. What can go wrong in the model (EXPECTED,
a time limit) is only that; another exception is a mistake in the code, and is raised as well when all is done.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.machinery import PathFinder
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from .. import scenario as scenarios
from ..economy import Economy
from ..network import FirmNetwork
from ..scenario import Scenario
from ..schema import InputError
from ..simulate import ignore
from ..simulate import run as run_variants
from .executors import Workers, as_they_end
from .store import DONE, FAILED, Record, Store, record, run_id

Progress = Callable[[int, int], None]  # weeks done, weeks in all

PACKAGE = __name__.partition(".")[0]
RESUMED = "resumed"
EXPECTED = (ValueError, ArithmeticError, MemoryError)
ABOUT = ("name", "description", "sources", "variants", "runs", "economy")  # what no number of a run depends on; tables count by content


class TimeLimit(RuntimeError):
    """A run took longer than it may."""


@dataclass(frozen=True, eq=False)
class Study:
    """All runs of an experiment.

    points : changes of the scenario by dotted name, one mapping per point of the design
    check  : check every column after every phase
    limit  : seconds a run may take, looked at between weeks; None for any number
    """

    scenario: Scenario
    seeds: tuple[int, ...]
    economy: Economy
    points: Sequence[Mapping[str, Any]] = ({},)
    baseline: bool = True
    network: FirmNetwork | None = None
    threads: int = 1
    check: bool = False
    limit: float | None = None
    _last: dict = field(default_factory=dict)  # what belongs to the point asked for last

    def __len__(self) -> int:
        return len(self.points) * len(self.seeds)

    def point(self, k: int) -> int:
        """The point of run k."""
        return k // len(self.seeds)

    def seed(self, k: int) -> int:
        """The seed of run k."""
        return self.seeds[k % len(self.seeds)]

    def variants(self, point: int) -> dict[str, Scenario]:
        """Name → scenario of all that is run at a point. Raises InputError where the scenario may not have these values."""
        if self._last.get("point") != point:
            changes = self.points[point]
            found = (self.scenario.with_(changes) if changes else self.scenario).all_variants(self.baseline)
            self._last.update(point=point, variants=found, digest=self._digest(found))
        return self._last["variants"]

    def run_id(self, k: int) -> str:
        """The content-addressed id of run k."""
        self.variants(self.point(k))
        return run_id(self._last["digest"], self.seed(k))

    def _digest(self, variants: Mapping[str, Scenario]) -> str:
        data = {name: {key: value for key, value in v.dump().items() if key not in ABOUT} for name, v in variants.items()}
        return hashlib.sha256((json.dumps(data, sort_keys=True) + self._read).encode()).hexdigest()

    @cached_property
    def _read(self) -> str:
        """Hash of the code, of the tables of the economy, and of the network's files or arrays."""
        digest = hashlib.sha256(scenarios.code_digest().encode())
        network = self.scenario.network
        files = [] if network is None else [Path(path) for path in network.model_dump().values() if path is not None]
        for path in (*sorted(Path(self.economy.folder).glob("*.*")), *files):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        for name, values in vars(self.network).items() if self.network is not None else ():
            digest.update(
                name.encode() + (np.ascontiguousarray(values).tobytes() if isinstance(values, np.ndarray) else repr(values).encode())
            )
        return digest.hexdigest()

    @property
    def in_python(self) -> bool:
        """Whether a mechanism of a user's own, which holds the lock of the interpreter, takes part, and another process can import it."""
        own = {type(m) for v in self.variants(0).values() for m in v.mechanisms if type(m).__module__.partition(".")[0] != PACKAGE}
        return bool(own) and all(_importable(kind) for kind in own)

    @property
    def firms(self) -> int:
        """About how many there are."""
        return self.scenario.population.smbs if self.network is None else len(self.network.names)

    @cached_property
    def weeks(self) -> int:
        """Weeks simulated per run: the burn-in is shared by variants that differ only in their interventions."""
        variants = self.variants(0)
        burn_ins = {v.without_interventions(): v.horizon.burn_in for v in variants.values()}
        return sum(burn_ins.values()) + sum(v.horizon.weeks for v in variants.values())


@dataclass(frozen=True)
class Task:
    """One run, with all that is needed to compute it."""

    place: int
    id: str
    seed: int
    variants: Mapping[str, Scenario]


@dataclass(frozen=True)
class Row:
    """What became of a run."""

    id: str
    status: str
    seconds: float
    error: str = ""


def execute(
    study: Study, store: Store, on: Workers, shard: tuple[int, int] = (1, 1), progress: Progress | None = None
) -> tuple[dict[int, Row], Exception | None]:
    """Compute what the store has not yet. Returns what became of each run, and the first mistake in the code.

    shard : (i, N): only runs i, i + N, i + 2 N, …, counted from 1

    Raises InputError when the results cannot be kept.
    """
    rows: dict[int, Row] = {}
    mine = range(shard[0] - 1, len(study), shard[1])
    done, lock, mistake = 0, Lock(), None

    def tell(weeks: int, aloud: bool = True) -> None:
        nonlocal done
        with lock:
            done += weeks
            if aloud and progress is not None:
                progress(done, study.weeks * len(mine))

    def left() -> Iterator[Task]:
        for k in mine:
            try:
                task = Task(k, study.run_id(k), study.seed(k), study.variants(study.point(k)))
            except InputError as error:
                rows[k] = Row("", FAILED, 0.0, _in_one_line(error))
                tell(study.weeks, aloud=False)
                continue
            known = store.status(task.id)
            if known is not None and known[0] == DONE:
                rows[k] = Row(task.id, RESUMED, known[1])
                tell(study.weeks, aloud=False)
            else:
                yield task

    def batches() -> Iterator[list[Task]]:
        tasks = left()
        while batch := list(islice(tasks, on.batch)):
            yield batch

    call = partial(_run_all, replace(study, points=({},), _last={}), tell if on.near else ignore)
    for batch, outcome in as_they_end(call, batches(), on):
        if isinstance(outcome, Exception):  # of the worker, not of a run
            outcome = [(Record(task.id, FAILED, 0.0, _in_one_line(outcome)), outcome) for task in batch]
        for task, (kept, error) in zip(batch, outcome, strict=True):
            store.put(kept, task.place)
            rows[task.place] = Row(kept.id, kept.status, kept.seconds, kept.error)
            mistake = mistake or error
        if not on.near:
            tell(study.weeks * len(batch))
    return rows, mistake


def _importable(kind: type) -> bool:
    """Whether a class can be found by a process that starts afresh: not one of a notebook, a script or a function."""
    top = kind.__module__.partition(".")[0]
    return top != "__main__" and "<" not in kind.__qualname__ and PathFinder.find_spec(top) is not None


def again(study: Study, k: int) -> Record:
    """Run k once more, here."""
    return _run_one(study, ignore, Task(k, study.run_id(k), study.seed(k), study.variants(study.point(k))))[0]


def _run_all(study: Study, report: Callable[[int], None], tasks: Sequence[Task]) -> list[tuple[Record, Exception | None]]:
    """The records of some runs, and the mistake in the code where one was met. At module level, to be sent to another process."""
    return [_run_one(study, report, task) for task in tasks]


def _run_one(study: Study, report: Callable[[int], None], task: Task) -> tuple[Record, Exception | None]:
    began = time.perf_counter()

    def tick(weeks: int) -> None:
        if study.limit is not None and time.perf_counter() - began > study.limit:
            raise TimeLimit(f"longer than the {study.limit:g} s that a run may take")
        report(weeks)

    try:
        result = run_variants(task.variants, task.seed, study.economy, study.threads, study.check, tick, study.network)
        return record(task.id, result, time.perf_counter() - began), None
    except (*EXPECTED, TimeLimit) as error:
        return Record(task.id, FAILED, time.perf_counter() - began, _in_one_line(error)), None
    except Exception as error:
        return Record(task.id, FAILED, time.perf_counter() - began, _in_one_line(error)), error


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
