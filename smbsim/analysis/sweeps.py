r"""Quasi-static sweeps of one parameter, there and back: where the order parameter jumps, and whether the way back is the way there.

A system is any callable

    f(parameter, state, seed) -> (order parameter, state)          one hold: for some time at this parameter, from this state

state is whatever the system needs to go on, None: it starts afresh; the one it is given must be left as it is, because futures branch from
it. The same arguments give the same answer. The order parameter is a number, or an array (R,) of realisations that the system moves
together. Longer holds are several calls in a row.

    up, down     every parameter begins where the one before ended (continuation); restart: every parameter begins afresh
    H = ∫ |m↓ - m↑| dp / (Δp Δm)     area between the branches, |∮ m dp| where they do not cross; Δp the range, Δm the span of m
    H(2h) against H(h)               a delay shrinks with the hold, hysteresis does not
    gap(t) at the heart of the loop  both branches held there for long: of a delay nothing is left, extrapolated by Aitken's Δ²

Both directions meet the same random numbers at the same parameter, so that noise cancels from their difference. Source: MODEL.md 5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

System = Callable[[float, Any, int], tuple[Any, Any]]

LEAST_AREA = 0.02  # H below it is no loop; assumption: less than half of what a delay of one step of 21 makes
KEPT_AREA = 0.6  # share of H that must be left when holds are twice as long; of a pure delay half is, and a loop has delays as well
KEPT_GAP = 0.5  # share of the gap that must be left in the long run
LONG = 9  # holds for which the gap is watched
ERRORS = 3.0  # standard errors from which a difference counts
FLAT = 1e-9  # span of the order parameter, relative to its size, below which nothing answers


@dataclass(frozen=True)
class Branch:
    """One way through the parameters. m (K, R) at the end of each hold, in the order of `Sweep.parameters`; before: by seed, the place and
    the state one step before the largest jump; kept: by seed, the state at the place asked for."""

    m: np.ndarray
    before: tuple[tuple[int, Any], ...] = field(repr=False)
    kept: tuple[Any, ...] = field(repr=False)


@dataclass(frozen=True)
class Sweep:
    """Up from the first parameter to the last and back. restart (K, R), or None."""

    parameters: np.ndarray
    holds: int
    up: Branch
    down: Branch
    restart: np.ndarray | None = None

    @property
    def middle(self) -> np.ndarray:
        """(2, K) median of the realisations, up and down."""
        return np.stack([np.median(branch.m, axis=1) for branch in (self.up, self.down)])

    @property
    def span(self) -> float:
        """Δm: of the median, over both branches; 0 where nothing answers."""
        middle = self.middle
        span = float(np.ptp(middle))
        return span if span > FLAT * max(float(np.abs(middle).max()), 1e-300) else 0.0

    @property
    def apart(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) mean difference between the ways, down less up, and its standard error (0 for one realisation)."""
        apart = self.down.m - self.up.m
        n = apart.shape[1]
        return apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(len(apart))

    @property
    def area(self) -> float:
        """H of the module; where the ways do not differ beyond the noise nothing is counted."""
        apart, error = self.apart
        return self._relative(np.trapezoid(np.where(np.abs(apart) > ERRORS * error, np.abs(apart), 0.0), np.abs(self._along)))

    @property
    def error(self) -> float:
        """Standard error of H; 0 for one realisation."""
        _, error = self.apart
        return self._relative(float(np.sqrt(np.sum((error * np.abs(np.gradient(self._along))) ** 2))))

    @property
    def _along(self) -> np.ndarray:
        return self.parameters - self.parameters[0]

    def _relative(self, area: float) -> float:
        return float(area) / (abs(float(self._along[-1])) * self.span) if self.span else 0.0

    @property
    def heart(self) -> int:
        """Place in the middle of the loop: as much of its area on one side as on the other. At its ends a delay looks like a branch."""
        up, down = self.middle
        area = np.cumsum(np.abs(up - down))
        return int(np.searchsorted(area, area[-1] / 2)) if area[-1] > 0 else len(up) // 2

    def jump(self, branch: int) -> tuple[int, float, float]:
        """Place before the largest jump of the median (up 0, down 1), in order of the parameters; m on its lower and upper side."""
        middle = self.middle[branch]
        k = int(np.argmax(np.abs(np.diff(middle))))
        return k, float(middle[k]), float(middle[k + 1])

    def at_jump(self, branch: int) -> float:
        """Middle of the step with the largest jump."""
        k = self.jump(branch)[0]
        return float(self.parameters[k : k + 2].mean())

    @property
    def level(self) -> float:
        """m half way through the larger of the two jumps: what divides one regime from the other."""
        (_, a, b), (_, c, d) = self.jump(0), self.jump(1)
        return (a + b) / 2 if abs(b - a) >= abs(d - c) else (c + d) / 2

    @property
    def width(self) -> float:
        """p_c up - p_c down, relative to the range; where the largest jumps are."""
        return abs(self.at_jump(0) - self.at_jump(1)) / abs(self.parameters[-1] - self.parameters[0])


@dataclass(frozen=True)
class Loop:
    """What becomes of the loop when there is more time. gap (LONG,) between the branches at its heart, one hold after the other."""

    area: float
    error: float
    doubled: float
    gap: np.ndarray
    in_the_long_run: float

    @property
    def there(self) -> bool:
        """There is a loop at all, beyond the noise."""
        return bool(self.area > max(LEAST_AREA, ERRORS * self.error))

    @property
    def kept(self) -> bool:
        """It does not shrink when there is more time."""
        return bool(self.doubled >= KEPT_AREA * self.area and self.in_the_long_run >= KEPT_GAP * self.gap[0])

    @property
    def hysteresis(self) -> bool:
        """The loop is there, and it is kept when there is more time: not an effect of going too fast."""
        return self.there and self.kept


def hold_seed(seed: int, place: int, number: int) -> int:
    """The seed of one hold: a function of the seed of the realisation, the place among the parameters and the number of the hold."""
    return int(np.random.SeedSequence((seed, place, number)).generate_state(1)[0])


def hold(f: System, parameter: float, state: Any, seed: int, place: int = 0, holds: int = 1, first: int = 0) -> tuple[np.ndarray, Any]:
    """m (holds, R) at the end of every hold, and the state then. first: number of the first hold, for random numbers of its own."""
    values = []
    for number in range(first, first + holds):
        m, state = f(parameter, state, hold_seed(seed, place, number))
        values.append(np.atleast_1d(np.asarray(m, dtype=float)))
    return np.stack(values), state


def each(call: Callable, items: Iterable, jobs: int = 1) -> list:
    """call(item) of all items, in their order, so many at a time."""
    items = list(items)
    if jobs == 1 or len(items) < 2:
        return [call(item) for item in items]
    pool = ThreadPoolExecutor(min(jobs, len(items)), thread_name_prefix="hold")
    try:
        return [future.result() for future in [pool.submit(call, item) for item in items]]
    finally:
        pool.shutdown(cancel_futures=True)


def sweep(
    f: System,
    parameters: Sequence[float],
    seeds: Sequence[int],
    holds: int = 1,
    restart: bool = False,
    keep: int | None = None,
    jobs: int = 1,
) -> Sweep:
    """Move a system through the parameters and back, once for every seed.

    restart : also begin afresh at every parameter
    keep    : place at which the states of both branches are kept
    """
    p = np.asarray(parameters, dtype=float)
    loops = each(lambda seed: _there_and_back(f, p, seed, holds, keep), seeds, jobs)
    up, down = (
        Branch(np.concatenate([one[b][0] for one in loops], axis=1), tuple(one[b][1] for one in loops), tuple(one[b][2] for one in loops))
        for b in (0, 1)
    )
    afresh = None
    if restart:
        afresh = np.stack(ensemble(f, p, seeds, holds, jobs, places=range(len(p))))
    return Sweep(p, holds, up, down, afresh)


def _there_and_back(f, p, seed, holds, keep):
    up, state = _way(f, p, range(len(p)), None, seed, holds, keep)
    down, _ = _way(f, p, range(len(p))[::-1], state, seed, holds, keep)
    return up, down


def _way(f, p, places, state, seed, holds, keep):
    """(m in the order of p, (place, state) before the largest jump, state kept), state at the end."""
    m, ends, largest, before, kept = [None] * len(p), [], -1.0, None, None
    for k in places:
        values, state = hold(f, float(p[k]), state, seed, k, holds)
        m[k] = values[-1]
        ends.append((k, state))
        if len(ends) > 1:
            jump = abs(float(np.mean(m[k]) - np.mean(m[ends[-2][0]])))
            if jump > largest:
                largest, before = jump, ends[0]
        ends = ends[-2:]
        kept = state if k == keep else kept
    return (np.stack(m), before, kept), state


def ensemble(
    f: System, parameters: Sequence[float], seeds: Sequence[int], holds: int = 1, jobs: int = 1, places: Sequence[int] | None = None
) -> list[np.ndarray]:
    """m (R,) of realisations that begin afresh, for every parameter; the same random numbers at all of them unless places differ."""
    places = [0] * len(parameters) if places is None else list(places)
    items = [(float(p), place, seed) for p, place in zip(parameters, places, strict=True) for seed in seeds]
    values = each(lambda item: hold(f, item[0], None, item[2], item[1], holds)[0][-1], items, jobs)
    n = len(seeds)
    return [np.concatenate(values[k * n : (k + 1) * n]) for k in range(len(parameters))]


def loop(f: System, single: Sweep, doubled: Sweep, seeds: Sequence[int], jobs: int = 1) -> Loop:
    """Judge the loop of a sweep by one with holds twice as long, which has kept the states of both branches at the heart of the first."""
    place = single.heart
    p = float(single.parameters[place])
    items = [(seed, state) for branch in (doubled.up, doubled.down) for seed, state in zip(seeds, branch.kept, strict=True)]
    held = each(lambda item: hold(f, p, item[1], item[0], len(single.parameters), LONG)[0], items, jobs)
    n = len(seeds)
    up, down = (np.concatenate(part, axis=1) for part in (held[:n], held[n:]))
    apart = down - up  # (LONG, R)
    return Loop(single.area, single.error, doubled.area, np.abs(apart.mean(axis=1)), long_run_gap(apart))


def long_run_gap(apart: np.ndarray) -> float:
    """What is left of a gap (T, R) for good: its last third where it does not shrink beyond the noise, else extrapolated (Aitken)."""
    thirds = [part.mean(axis=0) for part in np.array_split(apart, 3)]
    g = [float(part.mean()) for part in thirds]
    sign = np.sign(g[0]) or 1.0
    g = [sign * x for x in g]
    change = thirds[0] - thirds[2]
    between = change.std(ddof=1) / np.sqrt(change.size) if change.size > 1 else 0.0
    error = max(between, _noise_in_time(apart.mean(axis=1)) * np.sqrt(2 * 3 / len(apart)))
    if g[0] - g[2] <= max(ERRORS * error, FLAT * abs(g[0])):
        return g[2]
    slowing = (g[1] - g[2]) / (g[0] - g[1]) if g[0] > g[1] else 1.0
    if slowing >= 1.0:  # it closes ever faster
        return 0.0
    return max(g[2] - (g[1] - g[2]) * slowing / (1.0 - slowing), 0.0) if slowing > 0 else g[2]


def _noise_in_time(x: np.ndarray) -> float:
    """Standard deviation about whatever x (T,) does smoothly: of white noise, second differences have six times its variance."""
    return float(np.sqrt(np.mean(np.diff(x, 2) ** 2) / 6.0)) if len(x) > 2 else 0.0
