r"""How sure a mean of paired differences is, and how many runs it takes to be surer.

    interval d̄ ± t_{R-1} s / √R                                and by bootstrap of the runs (BCa, 2000 samples, from 4 runs on)
    needed   smallest R with t_{R-1} s / √R ≤ half-width       unpaired with 2 R - 2 degrees of freedom
    clear    false discovery rate at 1 - level over all that is looked at (Benjamini and Yekutieli 2001, any dependence)

Sources: Efron (1987), JASA 82, for BCa; Benjamini and Yekutieli (2001), Annals of Statistics 29.
"""

from __future__ import annotations

import math

import numpy as np

RESAMPLES, BOOTSTRAP_SEED, LEAST_BOOTSTRAPPED = 2000, 1, 4
NO_EFFECT = 1e-9  # of the reference: rounding
MOST_RUNS = 10_000_000  # more are not worth a number


def runs_needed(sd: float, half_width: float, level: float = 0.95, arms: int = 1) -> int | None:
    """Smallest number of runs (of each arm) whose interval has at most this half-width; None where there is none below MOST_RUNS.

    sd: of a difference; arms: 1 paired, with n - 1 degrees of freedom, 2 unpaired, with 2 n - 2
    """
    from scipy.stats import norm, t

    if not (math.isfinite(sd) and half_width > 0.0):
        return None
    tail = 0.5 + level / 2
    n = max(2, math.ceil((norm.ppf(tail) * sd / half_width) ** 2)) if sd < half_width * math.sqrt(MOST_RUNS) else MOST_RUNS
    while n < MOST_RUNS and t.ppf(tail, arms * (n - 1)) * sd > half_width * math.sqrt(n):
        n += 1
    return n if n < MOST_RUNS else None


def student(d: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds of Student's interval of the mean and the p-value of no difference, each (rows,). d (rows, R)."""
    from scipy.stats import t

    rows, R = d.shape
    if R == 1:
        return tuple(np.full((3, rows), np.nan))
    mean, error = d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(R)
    half = t.ppf(0.5 + level / 2, R - 1) * error
    ratio = np.divide(np.abs(mean), error, out=np.where(mean == 0.0, 0.0, np.inf), where=error > 0)
    return mean - half, mean + half, 2.0 * t.sf(ratio, R - 1)


def bootstrap(d: np.ndarray, level: float) -> np.ndarray:
    """(rows, 2) bounds of the BCa interval of the mean; where all runs are equal, their value. d (rows, R)."""
    from scipy import stats

    rows, R = d.shape
    found = np.full((rows, 2), np.nan)
    if R < LEAST_BOOTSTRAPPED:
        return found
    varied = np.ptp(d, axis=1) > NO_EFFECT * np.abs(d).max(axis=1)
    found[~varied] = d[~varied].mean(axis=1)[:, None]
    for k in np.flatnonzero(varied):
        scaled = d[k] / np.abs(d[k]).max()
        interval = stats.bootstrap(
            (scaled,), np.mean, n_resamples=RESAMPLES, confidence_level=level, rng=BOOTSTRAP_SEED
        ).confidence_interval
        found[k] = np.array(interval) * np.abs(d[k]).max()
    return found


def clear(p: np.ndarray, level: float) -> np.ndarray:
    """(rows,) bool: what differs from zero when all rows are looked at. p (rows,) of each alone; NaN is not clear."""
    from scipy.stats import false_discovery_control

    known, sure = np.isfinite(p), np.zeros(len(p), dtype=bool)
    if known.any():
        sure[known] = false_discovery_control(p[known], method="by") < 1.0 - level
    return sure
