r"""How far a regime can be pushed: the share of random pushes from which it comes back, and the smallest push that tips it.

    stability     share of pushed states that are back on their side of the level after some holds (with Wilson's interval)
    smallest      bisection of the size of the push under common random numbers: half of the realisations tip

A push is any perturb(state, size, seed) -> state, of size 0 none and of size 1 as large as is thought of. Sources: Menck et al. (2013),
Nature Physics 9; MODEL.md 5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sweeps import System, each, hold
from .thresholds import threshold, wilson

Perturb = Callable[[Any, float, int], Any]
RESOLUTION = 0.01  # of the smallest push, relative to the largest


@dataclass(frozen=True)
class Basin:
    """Of one regime at one parameter. n pushed states; smallest: size of the push from which half tip, NaN if none does."""

    stability: float
    low: float
    high: float
    n: int
    smallest: float


def basin(
    f: System,
    parameter: float,
    state: Any,
    perturb: Perturb,
    level: float,
    seeds: Sequence[int],
    holds: int = 2,
    size: float = 1.0,
    jobs: int = 1,
) -> Basin:
    """Push a state in as many ways as there are seeds and see whether it comes back."""
    side = np.sign(float(np.median(hold(f, parameter, state, seeds[0], 0, holds)[0][-1])) - level)

    def pushed(strength: float, _: Any, seed: int):
        """The system seen as one of the size of the push: it is pushed once, then held."""
        m, after = hold(f, parameter, perturb(state, strength, seed), seed, 0, holds)
        return m[-1], after

    m = np.concatenate(each(lambda seed: pushed(size, None, seed)[0], seeds, jobs))
    back = float(np.mean((m - level) * side > 0))
    least = threshold(pushed, 0.0, size, level, seeds, resolution=RESOLUTION * size, jobs=jobs, shares=(0.5,)).parameter
    low, high = wilson(back, m.size)
    return Basin(back, float(low), float(high), m.size, least)
