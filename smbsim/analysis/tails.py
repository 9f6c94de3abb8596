r"""Ranks and tails: Spearman's correlation, and the power law that fits the upper end of a list of sizes.

    p(x) ∝ x^-α for x >= xmin                    α by maximum likelihood, xmin where the distance of the two CDFs is least

Source: Clauset, Shalizi and Newman (2009), SIAM Review 51(4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..schema import InputError

LEAST_TAIL = 10  # observations in the tail of a power-law fit; fewer say nothing about an exponent (assumption)
CANDIDATES = 200  # most lower bounds tried; a longer list is thinned evenly
STEEPEST = 20.0  # largest exponent of the discrete fit


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation; ties have their mean rank. NaN where one is constant."""
    from scipy.stats import rankdata  # a second to import

    x, y = (rankdata(v) - (len(v) + 1) / 2 for v in (x, y))
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else np.nan


@dataclass(frozen=True)
class PowerLaw:
    """p(x) ∝ x^-α for x >= xmin: alpha with its standard error, the tail's count of n, the largest distance ks of the two CDFs.

    p : share of samples of the fitted law that lie further from their own fit; below .1 the power law is not plausible. NaN: not asked
    """

    alpha: float
    error: float
    xmin: float
    tail: int
    n: int
    ks: float
    p: float

    def summary(self) -> str:
        """One sentence."""
        judged = "" if np.isnan(self.p) else f", p = {self.p:.2f}" + (" (not a power law)" if self.p < 0.1 else "")
        return (
            f"tail exponent {self.alpha:.2f} ± {self.error:.2f} from {self.xmin:.3g} on ({self.tail} of {self.n}), KS {self.ks:.3f}{judged}"
        )


def power_law(values: np.ndarray, xmin: float | None = None, discrete: bool = False, bootstrap: int = 0, seed: int = 0) -> PowerLaw:
    """Fit by maximum likelihood; xmin, unless given, is where the distance of the two CDFs is least (Clauset et al. 2009).

    values    : (n,) > 0; whole numbers if discrete
    bootstrap : samples for p: below xmin drawn from the values, from there on from the law, each fitted like the values

    Raises InputError where fewer than LEAST_TAIL values, or only equal ones, are left.
    """
    x = np.sort(np.asarray(values, dtype=float))
    if xmin is None:
        fit = _best_fit(x, discrete)
    else:
        fit = _fit(x[x >= xmin], float(xmin), discrete) if (x >= xmin).sum() >= LEAST_TAIL and x[-1] > xmin else None
    if fit is None:
        raise InputError(f"power law: {len(x)} values above zero, of which no {LEAST_TAIL} different enough make a tail")
    ks, alpha, lower, tail = fit
    p = np.nan
    if bootstrap > 0:
        draws = Draws(seed)
        drawn = [_resample(x, alpha, lower, tail, discrete, draws, b) for b in range(bootstrap)]
        again = [_best_fit(s, discrete) if xmin is None else _fit(s[s >= lower], lower, discrete) for s in drawn]
        p = float(np.mean([other is not None and other[0] >= ks for other in again]))
    return PowerLaw(alpha, _standard_error(alpha, lower, tail, discrete), lower, tail, len(x), ks, p)


def _best_fit(x: np.ndarray, discrete: bool) -> tuple[float, float, float, int] | None:
    """(ks, alpha, xmin, tail) at the lower bound with the least distance. x sorted."""
    lower = np.unique(x)
    lower = lower[(lower < x[-1]) & (len(x) - np.searchsorted(x, lower) >= LEAST_TAIL)] if len(x) else lower
    if len(lower) > CANDIDATES:
        lower = lower[np.linspace(0, len(lower) - 1, CANDIDATES).astype(int)]
    return min((_fit(x[np.searchsorted(x, low) :], float(low), discrete) for low in lower), default=None)


def _fit(x: np.ndarray, low: float, discrete: bool) -> tuple[float, float, float, int]:
    """(ks, alpha, xmin, tail). x sorted, all >= low, not all equal to it."""
    n, logs = len(x), np.log(x / low).sum()
    if not discrete:
        alpha = 1.0 + n / logs
        law = 1.0 - (x / low) ** (1.0 - alpha)
        ranks = np.arange(n)
        return float(np.max(np.maximum(law - ranks / n, (ranks + 1) / n - law))), float(alpha), low, n
    from scipy.optimize import minimize_scalar
    from scipy.special import zeta

    logs = np.log(x).sum()
    alpha = float(minimize_scalar(lambda a: n * np.log(zeta(a, low)) + a * logs, bounds=(1.0001, STEEPEST), method="bounded").x)
    there, counts = np.unique(x, return_counts=True)
    law = 1.0 - zeta(alpha, there + 1.0) / zeta(alpha, low)
    before = 1.0 - zeta(alpha, there) / zeta(alpha, low)
    seen = np.cumsum(counts) / n
    gap = np.maximum(np.abs(law - seen), np.abs(before - np.append(0.0, seen[:-1])))
    return float(gap.max()), alpha, low, n


def _standard_error(alpha: float, low: float, n: int, discrete: bool) -> float:
    """Of the exponent: (α - 1)/√n, or from the curvature of the discrete likelihood."""
    if not discrete:
        return (alpha - 1.0) / np.sqrt(n)
    from scipy.special import zeta

    h = 1e-3
    curvature = (np.log(zeta(alpha + h, low)) - 2 * np.log(zeta(alpha, low)) + np.log(zeta(alpha - h, low))) / h**2
    return float(1.0 / np.sqrt(n * curvature))


def _resample(x: np.ndarray, alpha: float, low: float, tail: int, discrete: bool, draws: Draws, number: int) -> np.ndarray:
    """A sorted sample of the same length: from the law with probability tail / n, otherwise from the values below xmin."""
    index = np.arange(len(x))
    which, value = draws.uniform("power law, which", number, index), draws.uniform("power law, value", number, index)
    body = x[: len(x) - tail]
    law = (low - 0.5 * discrete) * (1.0 - value) ** (-1.0 / (alpha - 1.0))
    law = np.floor(law + 0.5) if discrete else law  # Clauset et al. (2009), appendix D: good from xmin of about 5 on
    below = body[(value * len(body)).astype(int)] if len(body) else law
    return np.sort(np.where(which < tail / len(x), law, below))
