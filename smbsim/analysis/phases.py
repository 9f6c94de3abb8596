r"""A phase diagram over two parameters: which regime there is, where two exist side by side, and where the two thresholds meet.

For every value s of the second parameter the first one, p, is swept up and down (`sweeps`). A branch is on one side of the level that
divides the regimes or on the other; where the branches are on different sides, both regimes exist.

    width(s) = |p_up - p_down|           distance of the places where the branches pass the level
    cusp     width^(2/3) → 0             near a cusp of dx = h + r x - x³ folds lie at h = ± 2 (r/3)^(3/2): width^(2/3) is linear in r

A loop no wider than delay makes it (DELAY steps) counts as none. Source: Strogatz (1994), Nonlinear Dynamics and Chaos, 3.6; MODEL.md 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..schema import InputError
from .sweeps import Sweep, System, sweep
from .verdict import LARGE

LOW, BOTH, HIGH = 0, 1, 2  # regimes: order parameter below the level, on either side, above it
DELAY = 1.5  # steps of the sweep
LEAST_VALUES = 3  # of the second parameter
NEAREST = 4  # rows with a loop, next to those without, from which the cusp is extrapolated


@dataclass(frozen=True)
class Phases:
    """n values of the second parameter, K of the first.

    up, down  : (n, K) median order parameter on the ways
    crossings : (n, 2) where the way up passes the level, and where the way down is back; NaN where that is out of range
    abrupt    : (n, 2) the way jumps there: one step has a large part of the span
    """

    parameters: np.ndarray
    seconds: np.ndarray
    up: np.ndarray
    down: np.ndarray
    level: float
    crossings: np.ndarray
    abrupt: np.ndarray

    @property
    def width(self) -> np.ndarray:
        """(n,) of the loop, in units of the first parameter; 0 where it is no wider than delay makes it; NaN where it leaves the range."""
        width = np.abs(self.crossings[:, 0] - self.crossings[:, 1])
        step = abs(float(self.parameters[1] - self.parameters[0]))
        return np.where(width > DELAY * step, width, np.where(np.isnan(width), np.nan, 0.0))

    @property
    def regime(self) -> np.ndarray:
        """(n, K) LOW, BOTH or HIGH. A branch that has passed the level stays passed."""
        up, down = (m > self.level for m in (self.up, self.down))
        apart = (self.width > 0) | np.isnan(self.width)
        return np.where(up == down, np.where(up, HIGH, LOW), np.where(apart[:, None], BOTH, np.where(up, HIGH, LOW)))

    @property
    def cusp(self) -> tuple[float, float]:
        """(first, second) parameter where the thresholds meet; NaN where loops are nowhere or everywhere."""
        some, none = np.flatnonzero(self.width > 0), np.flatnonzero(self.width == 0)
        if len(some) < 2 or not len(none):
            return np.nan, np.nan
        edge = min(some, key=lambda k: np.abs(none - k).min())
        near = sorted(some, key=lambda k: abs(k - edge))[:NEAREST]
        slope, start = np.polyfit(self.seconds[near], self.width[near] ** (2 / 3), 1)
        if slope == 0:
            return np.nan, np.nan
        end = self.seconds[-1] if none[np.argmin(np.abs(none - edge))] > edge else self.seconds[0]
        second = float(np.clip(-start / slope, *sorted((self.seconds[edge], end))))  # not among the loops; narrow ones are not seen
        middle = self.crossings.mean(axis=1)
        known = np.isfinite(middle)
        return float(np.interp(second, self.seconds[known], middle[known])), second


def phases(systems: Mapping[float, System], parameters: Sequence[float], seeds: Sequence[int], holds: int = 1, jobs: int = 1) -> Phases:
    """Sweep every system there and back. systems: value of the second parameter → the system there.

    Raises InputError for fewer than three of them.
    """
    if len(systems) < LEAST_VALUES:
        raise InputError(f"the second parameter has {len(systems)} values; at least {LEAST_VALUES} are needed")
    seconds = sorted(systems)
    swept = [sweep(systems[s], parameters, seeds, holds, jobs=jobs) for s in seconds]
    widest = max(swept, key=_largest_jump)
    level, span = widest.level, widest.span
    crossings = [[_passes(way, one, level) for way in (0, 1)] for one in swept]
    abrupt = [[abs(one.jump(way)[2] - one.jump(way)[1]) >= LARGE * span > 0 for way in (0, 1)] for one in swept]
    up, down = (np.stack([one.middle[way] for one in swept]) for way in (0, 1))
    return Phases(swept[0].parameters, np.array(seconds), up, down, level, np.array(crossings), np.array(abrupt))


def _largest_jump(one: Sweep) -> float:
    return max(abs(one.jump(way)[2] - one.jump(way)[1]) for way in (0, 1))


def _passes(way: int, one: Sweep, level: float) -> float:
    """Where the way up leaves the side it began on, first; where the way down comes back to it, last. NaN where that is out of range."""
    home = one.middle[0, 0] > level
    p, m = (one.parameters, one.middle[0]) if way == 0 else (one.parameters[::-1], one.middle[1][::-1])
    there = (m > level) == (home if way else not home)  # where it has got to
    arrivals = np.flatnonzero(there[1:] & ~there[:-1])
    if not arrivals.size:
        return np.nan
    k = int(arrivals[-1] if way else arrivals[0]) + 1
    return float(p[k - 1] + (p[k] - p[k - 1]) * (level - m[k - 1]) / (m[k] - m[k - 1]))
