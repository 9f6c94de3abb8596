"""The ladder: networks × sizes × threads, by phase and as a whole, beside what else the machine can do with the same network.

Everything of one rung takes turns in one process, a round at a time: the triad on one thread and on all, the pair of sparse products, the
core, the core without finance, the whole model, the peers. A figure is the median over rounds, a ratio the median of the ratios within
rounds, so that other work on the machine hits both sides alike. A figure on several threads counts only if the triad shows `SCALES` in the
same rounds. Peers that do not agree are not timed: `Disagreement` ends the run.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from .. import economy as economies
from ..schema import InputError, nearest
from . import layout, networks
from .gate import Problem, agree
from .machine import ENTRIES, FEW_ENTRIES, Triad, pair
from .week import ROUND, SPARSE, Model, core, full

UNITED_STATES = "us"  # the packaged economy, drawn with about ten links a firm
NETWORKS = (*networks.KINDS, UNITED_STATES)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
REPEATS = 7
QUICK = {"networks": ("local",), "sizes": (1_000, 10_000), "repeats": 3, "entries": FEW_ENTRIES}
SCALES = 1.8  # of the triad on two threads over one, from which a run on several threads counts
SHORTEST = 0.01  # seconds of one timing; what is shorter is repeated
WARM_UP = 8  # weeks before the clock starts: kernels are compiled, search and entry have had a turn
GATE_FIRMS = 2_000  # of the network on which peers are compared before they are timed on larger ones
SLOW_PEERS = {"mesa": 10_000}  # most firms of a peer that takes seconds a week
SECONDS_PER_FIRM = 4e-4  # of a rung, about; only for the time that is left


@dataclass
class Asked:
    """What to measure."""

    networks: Sequence[str] = NETWORKS
    sizes: Sequence[int] = SIZES
    threads: Sequence[int] = field(default_factory=lambda: tuple(sorted({1, os.cpu_count() or 1})))
    repeats: int = REPEATS
    entries: int = ENTRIES

    def check(self) -> None:
        """Raises InputError for what cannot be measured."""
        for name in self.networks:
            if name not in NETWORKS:
                raise InputError(f"--networks: unknown network '{name}'.{nearest(name, NETWORKS)}")
        for name, values, least in (("sizes", self.sizes, networks.FEWEST), ("threads", self.threads, 1)):
            for value in values:
                if value < least:
                    raise InputError(f"--{name} = {value} is below {least}")
        if 1 not in self.threads:
            raise InputError("--threads must have 1: the other numbers are compared with it")
        if self.repeats < 1:
            raise InputError(f"--repeats = {self.repeats} is below 1")


class Clock:
    """Seconds of things that take turns: name -> one figure per round."""

    def __init__(self):
        self.seconds: dict[str, list[float]] = {}
        self.times: dict[str, int] = {}

    def measure(self, name: str, action: Callable[[], object]) -> None:
        """Time an action, repeated until it takes SHORTEST; how often is found out at the first call."""
        times = self.times.get(name)
        if times is None:
            began = time.perf_counter()
            action()
            times = self.times[name] = max(1, math.ceil(SHORTEST / max(time.perf_counter() - began, 1e-9)))
        began = time.perf_counter()
        for _ in range(times):
            action()
        self.seconds.setdefault(name, []).append((time.perf_counter() - began) / times)

    def median(self, name: str) -> float:
        """Seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, by: str, factor: float = 1.0) -> float:
        """Median over rounds of factor × name / by."""
        return factor * statistics.median(a / b for a, b in zip(self.seconds[name], self.seconds[by], strict=True))


def timed_phases(model: Model, weeks: int) -> dict[str, float]:
    """Seconds a week of each phase: mean over the weeks, which the model goes ahead."""
    spent = dict.fromkeys((name for name, _ in model.plan), 0.0)

    def clocked(name, phase, state, step):
        began = time.perf_counter()
        phase(state, step)
        spent[name] += time.perf_counter() - began

    plan = model.plan
    model.plan = tuple((name, partial(clocked, name, phase)) for name, phase in plan)
    model.weeks(weeks)
    model.plan = plan
    return {name: seconds / weeks for name, seconds in spent.items()}


def measure(
    asked: Asked, peers: Mapping[str, Callable] | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict:
    """All rungs. peers: name -> made from a `Problem`; progress: called with (done, in all), in expected seconds.

    Raises InputError for what cannot be measured, `gate.Disagreement` for a peer that computes something else.
    """
    asked.check()
    peers, economy = peers or {}, economies.load("us_2022")
    agreement = gate(peers, economy)
    rungs = [(kind, n) for n in sorted(asked.sizes) for kind in asked.networks]
    shares = [max(round(SECONDS_PER_FIRM * n), 1) * (1 + asked.repeats) for _, n in rungs]
    total = sum(shares)
    triad, found, done = Triad(asked.entries), [], 0
    load = os.getloadavg()[0]
    for (kind, n), share in zip(rungs, shares, strict=True):
        found.append(rung(kind, n, asked, economy, triad, peers, partial(_further, progress, done, share, total)))
        done += share
        progress(done, total)
    return {
        "machine": {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(), "load": [load, os.getloadavg()[0]],
                    "python": platform.python_version()},
        "repeats": asked.repeats, "triad_entries": asked.entries, "agreement": agreement, "rungs": found,
    }  # fmt: skip


def _further(progress: Callable[[int, int], None], done: int, share: int, total: int, part: float) -> None:
    progress(done + int(share * part), total)


def gate(peers: Mapping[str, Callable], economy) -> dict[str, float]:
    """Peer -> largest difference from the model, on the network that is hardest for sums: with hubs. Raises Disagreement."""
    if not peers:
        return {}
    network = networks.draw("hubs", GATE_FIRMS, economy.G)
    return {name: agree(name, make, core(network, economy)) for name, make in peers.items()}


def rung(kind: str, n: int, asked: Asked, economy, triad: Triad, peers: Mapping[str, Callable], progress: Callable[[float], None]) -> dict:
    """Everything about one network of one size."""
    began = time.perf_counter()
    sections = {"population": {"smbs": n}, **SPARSE} if kind == UNITED_STATES else {}
    network = None if kind == UNITED_STATES else networks.draw(kind, n, economy.G)
    drawn = time.perf_counter() - began
    began = time.perf_counter()
    first = core(network, economy, **sections)
    built = time.perf_counter() - began
    known = Problem.of(first) if network is not None else None
    taking_part = [name for name in peers if known is not None and n <= SLOW_PEERS.get(name, n)]
    others = {name: map(peers[name](known).advance, count()) for name in taking_part}  # name -> its weeks, one after the other
    del known
    state, both, total = first.state, pair(first.state), 2 * asked.repeats
    weeks, memory, clocks = [], {}, []
    first.weeks(WARM_UP)
    for make, beside in ((partial(core, finance=False), others), (full, {})):  # two states at a time: that of the core, and one other
        model, clock = make(network, economy, **sections), Clock()
        model.weeks(WARM_UP)
        for k in range(asked.repeats):
            one_round(clock, (first, model), beside, both, triad, asked.threads)
            progress((len(clocks) * asked.repeats + k + 1) / total)
        rows = (first, model) if not clocks else (model,)
        memory |= {row.name: layout.per_row(row.state) for row in rows}
        for row in rows:
            moved = layout.traffic(row)
            weeks += [_week(clock, row, k, moved, triad) for k in asked.threads]
        clocks.append(clock)
        beside.clear()  # a million firms fill the memory
        del model, rows, row
    clock = clocks[0]
    return {
        "network": kind, "size": n, "firms": state.firms.n, "links": state.links.n, "slots_per_link": state.slots.n / state.links.n,
        "drawn_s": drawn, "built_s": built,
        "memory": memory,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "pair_ms": 1e3 * clock.median("pair"),
        "triad_gb_s": {str(k): triad.rate(clock.median(f"triad {k}")) for k in asked.threads},
        "triad_scales": {str(k): min(c.ratio("triad 1", f"triad {k}") for c in clocks) for k in asked.threads},
        "weeks": weeks,
        "peers": {name: _peer(clock, name, asked.threads) for name in taking_part},
    }  # fmt: skip


def one_round(clock: Clock, models: Sequence[Model], others: Mapping, both: Callable, triad: Triad, threads: Sequence[int]) -> None:
    """Everything once, in turn."""
    for k in threads:
        clock.measure(f"triad {k}", partial(triad.run, k))
    clock.measure("pair", both)
    for model in models:
        for k in threads:
            model.state.set_threads(k)
            clock.measure(f"{model.name} {k}", partial(model.weeks, ROUND))
            clock.seconds.setdefault(f"phases {model.name} {k}", []).append(timed_phases(model, ROUND))
        model.state.set_threads(1)
    for name, weeks in others.items():
        clock.measure(name, partial(next, weeks))


def _week(clock: Clock, model: Model, threads: int, moved: dict, triad: Triad) -> dict:
    name, links = f"{model.name} {threads}", model.state.links.n
    seconds = clock.median(name) / ROUND
    bytes_moved = sum(sum(by_axis.values()) for by_axis in moved.values())
    rounds = clock.seconds[f"phases {name}"]
    return {
        "week": model.name, "threads": threads, "ms": 1e3 * seconds, "ns_per_link": 1e9 * seconds / links,
        "by_pair": clock.ratio(name, "pair", 1 / ROUND), "by_core": clock.ratio(name, f"core {threads}"),
        "by_one_thread": clock.ratio(name, f"{model.name} 1"),
        "bytes_per_link": bytes_moved / links, "gb_s": bytes_moved / seconds / 1e9,
        "share_of_triad": bytes_moved / seconds / 1e9 / triad.rate(clock.median(f"triad {threads}")),
        "phases": {phase: {"ms": 1e3 * statistics.median(r[phase] for r in rounds), "bytes": sum(moved[phase].values())}
                   for phase, _ in model.plan},
    }  # fmt: skip


def _peer(clock: Clock, name: str, threads: Sequence[int]) -> dict:
    return {"ms": 1e3 * clock.median(name), "times": {str(k): clock.ratio(name, f"core {k}", ROUND) for k in threads}}
