r"""Early-warning indicators of a series in sliding windows, and how steadily each of them rises.

    residual        r_t = x_t less the line through x around t, weights K((s - t) / σ)     K Gaussian, quartiles at ± b n / 4
    variance        mean of (r - r̄)² in the window of w steps
    ac1             Σ (r_t - r̄)(r_{t+1} - r̄) / Σ (r - r̄)²                         lag-1 autocorrelation
    return_rate     κ = -ln(ac1) / Δt                                              per time; NaN where ac1 ≤ 0: it returns within a step
    skewness        mean of (r - r̄)³ / variance^{3/2}
    reddening       share of the variance at the lowest eighth of the frequencies  Σ_{k ≤ w/16} 2 |X_k|² / (w Σ (r - r̄)²)
    composite       mean of variance, ac1 and reddening, each less its mean and in its standard deviations over time
    τ               Kendall's: (pairs of windows that rise - pairs that fall) / all pairs

Near a fold the rate κ at which a disturbance dies out goes to zero, so that a series remembers longer (ac1, reddening), moves farther
(variance) and, where the potential is lopsided, mostly one way (skewness). Between noise and a cliff that is not a fold nothing slows down.

Sources: MODEL.md 5.5; Dakos et al. (2012), PLoS ONE 7(7), e41010; Kleinen, Held and Petschel-Held (2003), Ocean Dynamics 53, for the
spectrum; Drake and Griffen (2010), Nature 467, for the composite.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ..kernel import kernel
from ..schema import InputError

BANDWIDTH, WINDOW = 0.2, 0.25  # of the length; ewstools' defaults (MODEL.md 5.5)
QUARTILE = 0.6745  # of a standard normal
LEAST_WINDOW = 20  # steps: the standard error of ac1 in a window is then 1/√20 = .22
LOW_FREQUENCIES = 1 / 8  # of all up to Nyquist's
INDICATORS = {  # name → what it does near a fold: 1 rises, -1 falls, 0 either
    "variance": 1, "ac1": 1, "return_rate": -1, "skewness": 0, "reddening": 1, "composite": 1,
}  # fmt: skip
IN_COMPOSITE = ("variance", "ac1", "reddening")
STILL = 1e-12  # standard deviation relative to the size of the series below which it is rounding


def check_series(x: np.ndarray, window: float = WINDOW, bandwidth: float = BANDWIDTH) -> None:
    """Raise InputError for what nothing can be said about: too short (with the length needed), unknown values, no movement."""
    problems = []
    if not 0 < window <= 0.5:
        problems.append(f"window = {window} is outside (0, 0.5] of the length")
    if not 0 < bandwidth <= 1:
        problems.append(f"bandwidth = {bandwidth} is outside (0, 1] of the length")
    if problems:
        raise InputError(*problems)
    n, needed = x.shape[-1], least_length(window)
    if n < needed:
        raise InputError(
            f"a series of {n} values is too short for a warning: {needed} are needed with a window of {window:g} of the length"
        )
    if not np.isfinite(x).all():
        raise InputError(f"a series with {int((~np.isfinite(x)).sum())} unknown values of {x.size}: every value must be a finite number")
    if np.any(x.std(axis=-1) <= STILL * np.maximum(np.abs(x).max(axis=-1), 1e-300)):
        raise InputError("a series that does not move has no indicators; there is no noise that could tell how fast it returns")


def least_length(window: float = WINDOW) -> int:
    """Values a series must have."""
    return int(np.ceil(LEAST_WINDOW / window))


def trend(x: np.ndarray, bandwidth: float = BANDWIDTH) -> np.ndarray:
    """(..., n) the series smoothed by local lines with Gaussian weights. A local mean would bend towards the middle at both ends, and
    what is left there would look like variance that rises: Fan and Gijbels (1996), Local Polynomial Modelling, ch. 3.
    """
    return x @ _smoother(x.shape[-1], bandwidth).T


@lru_cache(maxsize=8)
def _smoother(n: int, bandwidth: float) -> np.ndarray:
    """(n, n) weight of every value in the trend at every time; rows sum to one and leave straight lines as they are."""
    lag = np.arange(n) - np.arange(n)[:, None]
    w = np.exp(-0.5 * (lag * (4 * QUARTILE / (bandwidth * n))) ** 2)
    first, second = (w * lag).sum(axis=1, keepdims=True), (w * lag**2).sum(axis=1, keepdims=True)
    w = w * (second - first * lag)
    return w / w.sum(axis=1, keepdims=True)


def in_windows(r: np.ndarray, width: int, dt: float = 1.0) -> dict[str, np.ndarray]:
    """Indicators of residuals (S, n) in all W = n - width + 1 windows: name → (S, W). The last window ends with the series."""
    r = np.atleast_2d(r)
    r = r - r.mean(axis=1, keepdims=True)
    mean, square, cube = (_window_sums(r**k, width) / width for k in (1, 2, 3))
    variance = np.maximum(square - mean**2, 0.0)
    third = cube - 3 * mean * square + 2 * mean**3
    first, last = r[:, : r.shape[1] - width + 1], r[:, width - 1 :]
    neighbours = _window_sums(r[:, 1:] * r[:, :-1], width - 1)
    together = neighbours - mean * (2 * width * mean - first - last) + (width - 1) * mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        ac1 = together / (width * variance)
        found = {
            "variance": variance,
            "ac1": ac1,
            "return_rate": -np.log(np.where(ac1 > 0, ac1, np.nan)) / dt,
            "skewness": third / variance**1.5,
            "reddening": _low_frequencies(r, width) / (width**2 * variance),
        }
    return {**found, "composite": composite(found)}


def composite(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """(S, W) mean of the standardised indicators of IN_COMPOSITE."""
    parts = [found[name] for name in IN_COMPOSITE]
    return np.mean([(p - p.mean(axis=1, keepdims=True)) / np.maximum(p.std(axis=1, keepdims=True), 1e-300) for p in parts], axis=0)


def _window_sums(x: np.ndarray, width: int) -> np.ndarray:
    """(S, n) → (S, n - width + 1) sums of neighbours."""
    total = np.cumsum(x, axis=1)
    return np.concatenate([total[:, width - 1 : width], total[:, width:] - total[:, :-width]], axis=1)


def _low_frequencies(r: np.ndarray, width: int) -> np.ndarray:
    """(S, W) Σ 2 |X_k|² of the lowest Fourier frequencies of each window: the modulus of a sliding sum does not feel where it began."""
    t, power = np.arange(r.shape[1]), 0.0
    for k in range(1, max(int(LOW_FREQUENCIES * width / 2), 1) + 1):
        power = power + 2.0 * np.abs(_window_sums(r * np.exp(-2j * np.pi * k * t / width), width)) ** 2
    return power


# -- Kendall's tau ------------------------------------------------------------------------------------------------------------------------


@kernel
def fill_tau(x, tau):
    """τ_b of x (W,) against time up to every window, pairs with NaN left out; writes tau (W,), NaN before the third known value."""
    rises, pairs, ties, known = 0.0, 0.0, 0.0, 0
    for t in range(x.size):
        if x[t] == x[t]:
            for s in range(t):
                if x[s] == x[s]:
                    pairs += 1.0
                    if x[t] > x[s]:
                        rises += 1.0
                    elif x[t] < x[s]:
                        rises -= 1.0
                    else:
                        ties += 1.0
            known += 1
        tau[t] = rises / np.sqrt(pairs * (pairs - ties)) if known > 2 and pairs > ties else np.nan


def kendall(x: np.ndarray) -> np.ndarray:
    """(...) Kendall's τ of (..., W) against time; NaN where fewer than three values are known or all are equal."""
    return running_kendall(x)[..., -1]


def running_kendall(x: np.ndarray) -> np.ndarray:
    """(..., W) τ of what is known up to each window."""
    x = np.ascontiguousarray(x, dtype=float)
    flat, tau = x.reshape(-1, x.shape[-1]), np.empty((x.size // x.shape[-1], x.shape[-1]))
    for row, found in zip(flat, tau, strict=True):
        fill_tau(row, found)
    return tau.reshape(x.shape)


# -- across firms -------------------------------------------------------------------------------------------------------------------------


def across(panel: np.ndarray, first: np.ndarray | None = None, second: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Indicators across firms in every week, which need no window: variance, and Moran's I where links (m,) first → second are given.

    panel (T, n), relative to what is normal for each firm. They rise as the parts of a system that is about to tip move together:
    Guttal and Jayaprakash (2009), Theoretical Ecology 2; Dakos et al. (2010), Theoretical Ecology 3.
    """
    from ..metrics.spread import moran

    found = {"cross_section_variance": panel.var(axis=1)}
    if first is not None and second is not None:
        found["moran"] = np.array([moran(x, first, second) for x in panel])
    return found
