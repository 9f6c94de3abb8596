r"""Where a system tips: bisection of the parameter under common random numbers, and the chance of tipping beside it.

    tipped(p)     m(p) and m at the start of the search lie on different sides of the level that divides the regimes
    p_c           the parameter at which half of the realisations have tipped; from 5 to 95 % of them between low and high
    P(p)          share tipped, with Wilson's interval: the curve of the probability of a cascade

Every realisation meets the same random numbers at every parameter, so that only the parameter differs between two trials and P(p) is the
distribution of the thresholds of single realisations, where tipping is monotone in p. Source: MODEL.md 5.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from .sweeps import System, each, hold

SHARES = (0.5, 0.05, 0.95)  # of the realisations: the threshold first, then what it varies between


@dataclass(frozen=True)
class Threshold:
    """p_c with the band of single realisations; NaN where the system does not tip in the range, or has tipped from the start.

    tried (T,) parameters, ascending; m (T, R) there; tipped (T,) share.
    """

    parameter: float
    low: float
    high: float
    resolution: float
    level: float
    tried: np.ndarray
    m: np.ndarray
    tipped: np.ndarray

    @property
    def found(self) -> bool:
        """The system tips inside the range."""
        return bool(np.isfinite(self.parameter))

    @property
    def width(self) -> float:
        """Distance within which 90 % of the realisations tip."""
        return abs(self.high - self.low)


def wilson(share: np.ndarray | float, n: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share of n trials. Source: Wilson (1927), J. American Statistical Association 22."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - np.asarray(share)) / n + z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def threshold(
    f: System,
    a: float,
    b: float,
    level: float,
    seeds: Sequence[int],
    states: Sequence[Any] | None = None,
    holds: int = 1,
    resolution: float | None = None,
    jobs: int = 1,
    shares: Sequence[float] = SHARES,
) -> Threshold:
    """Bisect between a, where the system has not tipped, and b (which may be below a).

    states     : one per seed, from which every trial begins; default: afresh
    resolution : default a thousandth of the distance
    shares     : of the realisations that have tipped, the first for the threshold itself, the two others for the band
    """
    if states is None:
        states = [None] * len(seeds)
    resolution = abs(b - a) / 1000 if resolution is None else resolution
    seen: dict[float, np.ndarray] = {}

    def at(p: float) -> np.ndarray:
        if p not in seen:
            items = list(zip(seeds, states, strict=True))
            seen[p] = np.concatenate(each(lambda item: hold(f, p, item[1], item[0], 0, holds)[0][-1], items, jobs))
        return seen[p]

    side = np.sign(float(np.median(at(float(a)))) - level) or 1.0
    shared = [
        _bisect(lambda p: float(np.mean((at(p) - level) * side < 0)), float(a), float(b), share, resolution, seen) for share in shares
    ]
    tried = np.array(sorted(seen))
    m = np.stack([seen[p] for p in tried])
    found = (*shared, shared[0], shared[0])[:3] if len(shared) < 3 else shared[:3]
    low, high = sorted(found[1:]) if np.isfinite(found[1:]).all() else (np.nan, np.nan)
    return Threshold(found[0], low, high, resolution, level, tried, m, ((m - level) * side < 0).mean(axis=1))


def _bisect(share_at, a: float, b: float, share: float, resolution: float, seen) -> float:
    """The parameter at which the share is passed, from what has been seen already on."""
    if share_at(a) >= share or share_at(b) < share:
        return np.nan
    for p in sorted(seen, key=lambda p: abs(p - a)):  # the nearest to a that has tipped, and the one before it
        if not min(a, b) <= p <= max(a, b):
            continue
        if share_at(p) >= share:
            b = p
            break
        a = p
    while abs(b - a) > resolution:
        middle = (a + b) / 2
        a, b = (a, middle) if share_at(middle) >= share else (middle, b)
    return (a + b) / 2
