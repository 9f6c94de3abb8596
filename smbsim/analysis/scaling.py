r"""Does a transition become sharper in a larger system? Moments of the order parameter for several sizes N, where each of them tips.

    χ_N = N (⟨m²⟩ - ⟨m⟩²)                    susceptibility; its peak grows like N^x: x = 0 smooth, 1 a jump between two regimes (first
                                             order), between them a continuous transition (γ/ν̄; ½ in mean field)
    U₄  = 1 - ⟨m⁴⟩ / 3⟨m²⟩²                  Binder's cumulant, m measured from the regime that is left; curves of different N cross at p_c
    P_N(p)                                   share of realisations that have tipped; where the curves cross, or where they lead
    p_q(N) = p_∞ + c N^-y                    where a share q has tipped; y is not known: ⅓, ½ and 1 are fitted and say how sure p_∞ is

What N units do independently of each other gives χ_N that does not depend on N, whatever the steepness of the response; that is why the
exponent is the test of sharpening. Sources: Binder (1981), Z. Physik B 43; MODEL.md 4.6, 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..schema import InputError
from .sweeps import ERRORS, FLAT, System, ensemble
from .thresholds import threshold

LEAST_SIZES = 4  # MODEL.md 4.6
SHARPENS = 0.2  # exponent of the peak of χ above which a transition sharpens
POWERS = (1 / 3, 1 / 2, 1.0)  # y: window of a branching process, of averaged noise, of a first-order transition
BOOTSTRAPS = 200
QUANTILES = (0.25, 0.5, 0.75)  # shares tipped whose parameters are extrapolated
GRID = 9  # parameters per size
REACH = 1.5  # half of the grid, in widths of the threshold
COARSE = 1 / 500  # resolution of the threshold of each size, relative to the range


@dataclass(frozen=True)
class Extrapolation:
    """p_∞ and the range of it over the powers y; value and error at each size (S,)."""

    limit: float
    low: float
    high: float
    sizes: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Scaling:
    """S sizes, each at K parameters of its own. m by size (K, R); origin: m of the regime that is left; side: sign of m - level there."""

    sizes: np.ndarray
    parameters: np.ndarray
    m: tuple[np.ndarray, ...]
    level: float
    origin: float
    side: float
    thresholds: np.ndarray
    widths: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(S, K)"""
        return np.stack([m.mean(axis=1) for m in self.m])

    @property
    def susceptibility(self) -> np.ndarray:
        """χ_N, (S, K)."""
        return np.stack([n * m.var(axis=1) for n, m in zip(self.sizes, self.m, strict=True)])

    @property
    def binder(self) -> np.ndarray:
        """U₄, (S, K); NaN where m is exactly that of the regime that is left."""
        found = []
        for m in self.m:
            second, fourth = ((m - self.origin) ** 2).mean(axis=1), ((m - self.origin) ** 4).mean(axis=1)
            found.append(1.0 - np.divide(fourth, 3.0 * second**2, out=np.full(len(m), np.nan), where=second > 0))
        return np.stack(found)

    @property
    def tipped(self) -> np.ndarray:
        """P_N, (S, K)."""
        return np.stack([((m - self.level) * self.side < 0).mean(axis=1) for m in self.m])

    @property
    def peaks(self) -> np.ndarray:
        """(S,) largest χ_N."""
        return self.susceptibility.max(axis=1)

    def exponent(self) -> tuple[float, float]:
        """x of the peak of χ, and its standard error over bootstrap samples of the realisations; NaN where a size has no noise."""
        scale = max(float(np.abs(m).max()) for m in self.m)
        if (self.peaks <= self.sizes * (FLAT * scale) ** 2).any():
            return np.nan, np.nan
        rng, log_n = np.random.default_rng(0), np.log(self.sizes)
        slopes = []
        for _ in range(BOOTSTRAPS):
            peaks = [n * m[:, rng.integers(0, m.shape[1], m.shape[1])].var(axis=1).max() for n, m in zip(self.sizes, self.m, strict=True)]
            slopes.append(np.polyfit(log_n, np.log(np.maximum(peaks, 1e-300)), 1)[0])
        return float(np.polyfit(log_n, np.log(self.peaks), 1)[0]), float(np.std(slopes))

    @property
    def sharpens(self) -> bool | None:
        """The peak of χ grows with N beyond doubt; None where there is no noise to tell."""
        x, error = self.exponent()
        return None if np.isnan(x) else bool(x - ERRORS * error > 0 and x > SHARPENS)

    def crossings(self, which: str) -> np.ndarray:
        """Where the curves of neighbouring sizes cross; which: "binder" or "tipped"."""
        values = getattr(self, which)
        found = [crossing(self.parameters[k], values[k], self.parameters[k + 1], values[k + 1]) for k in range(len(self.sizes) - 1)]
        return np.array(found)

    def limit(self, share: float = 0.5) -> Extrapolation:
        """p_∞ of the parameter at which this share has tipped."""
        at = [passed(p, tipped, share) for p, tipped in zip(self.parameters, self.tipped, strict=True)]
        return extrapolate(self.sizes, np.where(np.isfinite(at), at, self.thresholds if share == 0.5 else np.nan))


def check_sizes(sizes: Mapping[int, System]) -> None:
    """Raise InputError for fewer than four sizes."""
    if len(sizes) < LEAST_SIZES or min(sizes) < 1:
        raise InputError(f"sizes = {', '.join(map(str, sizes))}: at least {LEAST_SIZES} different sizes of 1 or more are needed")


def scaling(
    systems: Mapping[int, System],
    a: float,
    b: float,
    level: float,
    seeds: Sequence[int],
    holds: int = 1,
    parameters: Sequence[float] | None = None,
    jobs: int = 1,
    origin: float | None = None,
) -> Scaling:
    """Realisations of every size, begun afresh at parameters around the threshold of that size, or at those given.

    origin: m from which Binder's cumulant is measured; default that of the largest system at a.

    Raises InputError for fewer than four sizes.
    """
    check_sizes(systems)
    sizes = sorted(systems)
    pilot = list(seeds)[: max(-(-len(seeds) // 5), 1)]
    start = ensemble(systems[sizes[-1]], [a], pilot, holds, jobs)[0].mean()
    grids, values, at, widths = [], [], [], []
    for n in sizes:
        if parameters is None:
            found = threshold(systems[n], a, b, level, pilot, None, holds, abs(b - a) * COARSE, jobs)
            grid = around(found.parameter, found.width, a, b)
            at.append(found.parameter)
            widths.append(found.width)
        else:
            grid = np.asarray(parameters, dtype=float)
        grids.append(grid)
        values.append(np.stack(ensemble(systems[n], grid, seeds, holds, jobs)))
    side = float(np.sign(start - level)) or 1.0
    nothing = np.full(len(sizes), np.nan)
    return Scaling(
        np.array(sizes), np.stack(grids), tuple(values), level, float(start) if origin is None else origin, side,
        np.array(at) if at else nothing, np.array(widths) if widths else nothing,
    )  # fmt: skip


def around(centre: float, width: float, a: float, b: float, count: int = GRID) -> np.ndarray:
    """Parameters about a threshold, as far as it varies; over the whole range where there is none. Always ascending, inside the range."""
    low, high = min(a, b), max(a, b)
    if not np.isfinite(centre):
        return np.linspace(low, high, count)
    reach = REACH * max(width if np.isfinite(width) else high - low, 2 * COARSE * (high - low))
    return np.linspace(max(centre - reach, low), min(centre + reach, high), count)


def crossing(p: np.ndarray, y: np.ndarray, q: np.ndarray, z: np.ndarray) -> float:
    """Where two curves cross, by linear interpolation over the parameters both have; the crossing with the steepest difference; or NaN."""
    known_p, known_q = np.isfinite(y), np.isfinite(z)
    if known_p.sum() < 2 or known_q.sum() < 2:
        return np.nan
    p, y, q, z = p[known_p], y[known_p], q[known_q], z[known_q]
    x = np.unique(np.concatenate([p, q]))
    x = x[(x >= max(p[0], q[0])) & (x <= min(p[-1], q[-1]))]
    if x.size < 2:
        return np.nan
    d = np.interp(x, q, z) - np.interp(x, p, y)
    change = np.flatnonzero(d[:-1] * d[1:] < 0)
    if not change.size:
        return np.nan
    k = change[np.argmax(np.abs(d[change + 1] - d[change]))]
    return float(x[k] - d[k] * (x[k + 1] - x[k]) / (d[k + 1] - d[k]))


def passed(p: np.ndarray, share: np.ndarray, at: float) -> float:
    """Where a share passes a value, by interpolation of its monotone fit; NaN if it does not."""
    from scipy.optimize import isotonic_regression

    rising = share[-1] >= share[0]
    fit = isotonic_regression(share, increasing=bool(rising)).x
    p, fit = (p, fit) if rising else (p[::-1], fit[::-1])
    if not fit[0] < at <= fit[-1]:
        return np.nan
    k = int(np.argmax(fit >= at))
    return float(p[k - 1] + (p[k] - p[k - 1]) * (at - fit[k - 1]) / (fit[k] - fit[k - 1]))


def extrapolate(sizes: Sequence[int], values: Sequence[float]) -> Extrapolation:
    """p_∞ of values (S,) by least squares: of the power y that fits best, with the range over all. NaN with fewer than three values."""
    n, v = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    known = np.isfinite(v)
    if known.sum() < 3:
        return Extrapolation(np.nan, np.nan, np.nan, n, v)
    limits, misfits = [], []
    for y in POWERS:
        design = np.stack([np.ones(known.sum()), n[known] ** -y], axis=1)
        solved, *_ = np.linalg.lstsq(design, v[known], rcond=None)
        limits.append(solved[0])
        misfits.append(float(np.sum((design @ solved - v[known]) ** 2)))
    return Extrapolation(float(limits[int(np.argmin(misfits))]), float(min(limits)), float(max(limits)), n, v)
