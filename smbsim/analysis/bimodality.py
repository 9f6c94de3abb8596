r"""Has a sample one mode or two? Three answers that fail in different ways; two modes are claimed only where all three agree.

    Sarle      b = (g₁² + 1) / (g₂ + 3 (n-1)² / ((n-2)(n-3)))         > 5/9, the value of a uniform distribution; misled by skewness
    Hartigan   D = min over unimodal F of max |F_n - F|               p: share of uniform samples of the same size with a larger dip
    mixture    ΔBIC = BIC(one Gaussian) - BIC(two Gaussians)          > 10; misled by every shape that is not Gaussian

g₁ skewness and g₂ excess kurtosis of a sample (unbiased); F_n the empirical distribution. The uniform is the unimodal distribution with the
largest dip, so that p errs on the side of one mode. Sources: Hartigan and Hartigan (1985), Annals of Statistics 13, whose algorithm it is;
Pfister et al. (2013), Frontiers in Psychology 4, on Sarle's b; Kass and Raftery (1995) on ΔBIC; MODEL.md 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..kernel import kernel

SUSPICIOUS = 5 / 9  # b of a uniform distribution
SIGNIFICANT = 0.01  # p of the dip; MODEL.md 5.4
STRONG = 10.0  # ΔBIC; MODEL.md 5.4
LEAST = 20  # values below which nothing is said
SIMULATIONS = 2000  # uniform samples behind a p-value
NARROWEST = 0.02  # of a component of the mixture, relative to the standard deviation of all; a spike has an infinite likelihood
ROUNDS, CONVERGED = 500, 1e-8  # of expectation and maximisation; relative gain in likelihood


@dataclass(frozen=True)
class Bimodality:
    """What the three say of one sample. weights, means, deviations (2,): the components, lower mode first."""

    n: int
    sarle: float
    dip: float
    dip_p: float
    delta_bic: float
    weights: tuple[float, float]
    means: tuple[float, float]
    deviations: tuple[float, float]

    def two_modes(self, tests: int = 1) -> bool:
        """All three say two, with the dip's p below .01 shared among so many tests."""
        return self.sarle > SUSPICIOUS and self.dip_p < SIGNIFICANT / tests and self.delta_bic > STRONG


def bimodality(values: np.ndarray, simulations: int = SIMULATIONS) -> Bimodality:
    """Judge a sample, (n,). With fewer than 20 different draws, or all equal, there is one mode."""
    x = np.sort(np.asarray(values, dtype=float).ravel())
    if x.size < LEAST or np.ptp(x) <= 1e-12 * max(abs(x[0]), abs(x[-1])):
        middle = float(x.mean()) if x.size else np.nan
        return Bimodality(x.size, np.nan, np.nan, 1.0, 0.0, (1.0, 0.0), (middle, middle), (0.0, 0.0))
    found = dip(x)
    return Bimodality(x.size, sarle(x), found, dip_p(found, x.size, simulations), *mixture(x))


def sarle(values: np.ndarray) -> float:
    """b of the module, between 0 and 1 for large samples."""
    from scipy.stats import kurtosis, skew

    n = len(values)
    spread = 3.0 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    return float((skew(values, bias=False) ** 2 + 1.0) / (kurtosis(values, bias=False) + spread))


# -- the dip --------------------------------------------------------------------------------------------------------------------------


def dip(values: np.ndarray) -> float:
    """D of the module, between 1/2n and 1/4."""
    x, count = np.unique(np.asarray(values, dtype=float), return_counts=True)
    found = np.empty(1)
    above = np.cumsum(count) / count.sum()
    fill_dip(x, above - count / count.sum(), above, found)
    return float(found[0])


def dip_p(found: float, n: int, simulations: int = SIMULATIONS) -> float:
    """Share of uniform samples of n values whose dip is at least as large, the sample itself counted among them."""
    return float((1 + np.sum(_uniform_dips(n, simulations) >= found)) / (simulations + 1))


@lru_cache(maxsize=64)
def _uniform_dips(n: int, simulations: int) -> np.ndarray:
    samples = np.sort(np.random.default_rng(n).random((simulations, n)), axis=1)
    above = np.arange(1, n + 1) / n
    below, dips = above - 1 / n, np.empty(simulations)
    for k in range(simulations):
        fill_dip(samples[k], below, above, dips[k : k + 1])
    return dips


@kernel
def fill_dip(x, below, above, found):
    """The dip of a sample: the modal interval [low, high] is narrowed until the bounds no longer come apart inside it.

    x (k,) different values, ascending; below, above (k,) share of the sample below a value, and up to it; writes found (1,).
    G is the greatest convex minorant of the lower corners, L the least concave majorant of the upper ones.
    """
    k = x.size
    low, high, largest = 0, k - 1, 0.0
    convex, concave = np.empty(k, np.int64), np.empty(k, np.int64)
    while True:
        n_convex = n_concave = 0
        for i in range(low, high + 1):
            while n_convex > 1:
                a, b = convex[n_convex - 2], convex[n_convex - 1]
                if (below[b] - below[a]) * (x[i] - x[a]) < (below[i] - below[a]) * (x[b] - x[a]):
                    break
                n_convex -= 1
            convex[n_convex] = i
            n_convex += 1
            while n_concave > 1:
                a, b = concave[n_concave - 2], concave[n_concave - 1]
                if (above[b] - above[a]) * (x[i] - x[a]) > (above[i] - above[a]) * (x[b] - x[a]):
                    break
                n_concave -= 1
            concave[n_concave] = i
            n_concave += 1
        apart, new_low, new_high, j = 0.0, low, high, 0
        for i in range(n_convex):  # where L - G is largest at a corner of G
            at = convex[i]
            while concave[j + 1] < at and j + 2 < n_concave:
                j += 1
            a, b = concave[j], concave[min(j + 1, n_concave - 1)]
            upper = above[a] + (above[b] - above[a]) * (x[at] - x[a]) / (x[b] - x[a]) if b > a else above[a]
            if upper - below[at] > apart:
                apart, new_low, new_high = upper - below[at], at, b if at > a else a
        j = 0
        for i in range(n_concave):  # or at a corner of L
            at = concave[i]
            while convex[j + 1] < at and j + 2 < n_convex:
                j += 1
            a, b = convex[j], convex[min(j + 1, n_convex - 1)]
            lower = below[a] + (below[b] - below[a]) * (x[at] - x[a]) / (x[b] - x[a]) if b > a else below[a]
            if above[at] - lower > apart:
                apart, new_low, new_high = above[at] - lower, b if at == b else a, at
        if apart <= largest:
            break
        for i in range(n_convex - 1):  # left of the modal interval F must keep to G, right of it to L
            a, b = convex[i], convex[i + 1]
            for m in range(a, b + 1):
                if b <= new_low and m < new_low:  # at the mode F may jump
                    largest = max(largest, above[m] - below[a] - (below[b] - below[a]) * (x[m] - x[a]) / (x[b] - x[a]))
        for i in range(n_concave - 1):
            a, b = concave[i], concave[i + 1]
            for m in range(a, b + 1):
                if a >= new_high and m > new_high:
                    largest = max(largest, above[a] + (above[b] - above[a]) * (x[m] - x[a]) / (x[b] - x[a]) - below[m])
        if (new_low == low and new_high == high) or new_low >= new_high:
            break
        low, high = new_low, new_high
    if low < high:  # F jumps at one end of the modal interval only
        largest = max(largest, min(above[low] - below[low], above[high] - below[high]))
    found[0] = 0.5 * largest


# -- the mixture ----------------------------------------------------------------------------------------------------------------------


def mixture(values: np.ndarray) -> tuple[float, tuple, tuple, tuple]:
    """ΔBIC, weights, means and standard deviations of two Gaussians, fitted by expectation and maximisation from the best cut in two."""
    x = np.sort(np.asarray(values, dtype=float))
    n, overall = x.size, x.std()
    one = -0.5 * n * (np.log(2 * np.pi * overall**2) + 1)
    cut = _best_cut(x)
    member = np.stack([np.arange(n) < cut, np.arange(n) >= cut]).astype(float)
    before = -np.inf
    for _ in range(ROUNDS):
        size = np.maximum(member.sum(axis=1), 1e-12)
        mean = member @ x / size
        deviation = np.sqrt(np.maximum((member * (x - mean[:, None]) ** 2).sum(axis=1) / size, (NARROWEST * overall) ** 2))
        log = np.log(size / n)[:, None] - np.log(deviation * np.sqrt(2 * np.pi))[:, None]
        log = log - 0.5 * ((x - mean[:, None]) / deviation[:, None]) ** 2
        each = np.logaddexp(log[0], log[1])
        two = float(each.sum())
        member = np.exp(log - each)
        if two - before < CONVERGED * max(abs(two), 1.0):
            break
        before = two
    order = np.argsort(mean, kind="stable")
    delta = 2.0 * (two - one) - 3.0 * np.log(n)  # three more parameters
    return float(delta), *(tuple(float(v) for v in part[order]) for part in (size / n, mean, deviation))


def _best_cut(x: np.ndarray) -> int:
    """Number of values in the lower part, so that the two parts are as narrow as can be. x ascending."""
    n, left = x.size, np.arange(1, x.size)
    sums = np.cumsum(x)
    between = (sums[:-1] / left - (sums[-1] - sums[:-1]) / (n - left)) ** 2 * left * (n - left)
    return int(left[np.argmax(between)])
