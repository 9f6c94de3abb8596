r"""Series that look like a given one but in which nothing changes: what an indicator does by chance.

    ar      r_t = Σ_{k ≤ p} φ_k r_{t-k} + e_t      Yule and Walker's φ, which are stationary; p ≤ 10 by BIC. A long enough AR is an ARMA.
    phase   the amplitudes of r at every frequency with phases drawn anew      same spectrum exactly, Gaussian, circular

Entry t of surrogate k is keyed by (seed, k, t). Sources: MODEL.md 5.5; Dakos et al. (2012), PLoS ONE 7(7), e41010; Theiler et al. (1992),
Physica D 58, for phases.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..draws import Draws
from ..schema import InputError, nearest

Kind = Literal["ar", "phase"]
KINDS = ("ar", "phase")
MOST_ORDER = 10
VALUES_PER_ORDER = 10  # no more coefficients than a tenth of the values
SETTLE = 200  # steps by which a surrogate is older than what is used of it
STREAM = "early-warning surrogates"


def surrogates(r: np.ndarray, count: int, seed: int = 1, kind: Kind = "ar") -> np.ndarray:
    """(count, n) series like r (n,). Raises InputError for an unknown kind."""
    if kind not in KINDS:
        raise InputError(f"surrogates of kind '{kind}'.{nearest(kind, KINDS)}")
    return _autoregressive(r, count, seed) if kind == "ar" else _rephased(r, count, seed)


def fit(r: np.ndarray) -> tuple[np.ndarray, float]:
    """(φ (p,), standard deviation of e) of an autoregression, its order by BIC."""
    from scipy.linalg import solve_toeplitz

    n, z = len(r), r - r.mean()
    most = min(MOST_ORDER, n // VALUES_PER_ORDER)
    covariance = np.array([z[: n - k] @ z[k:] for k in range(most + 1)]) / n
    best = (n * np.log(covariance[0]), np.empty(0), covariance[0])
    for p in range(1, most + 1):
        phi = solve_toeplitz(covariance[:p], covariance[1 : p + 1])
        left = max(covariance[0] - phi @ covariance[1 : p + 1], 1e-300)
        best = min(best, (n * np.log(left) + p * np.log(n), phi, left), key=lambda one: one[0])
    return best[1], float(np.sqrt(best[2]))


def _autoregressive(r: np.ndarray, count: int, seed: int) -> np.ndarray:
    from scipy.signal import lfilter

    phi, sigma = fit(r)
    draws, entry = Draws(seed), np.arange(SETTLE + len(r))
    noise = sigma * np.stack([draws.normal(STREAM, k, entry) for k in range(count)])
    return lfilter([1.0], np.r_[1.0, -phi], noise, axis=1)[:, SETTLE:] + r.mean()


def _rephased(r: np.ndarray, count: int, seed: int) -> np.ndarray:
    n, draws = len(r), Draws(seed)
    spectrum = np.abs(np.fft.rfft(r - r.mean()))
    turn = np.stack([np.exp(2j * np.pi * draws.uniform(STREAM, k, np.arange(len(spectrum)))) for k in range(count)])
    if n % 2 == 0:  # Nyquist's frequency has a sign, not a phase
        turn[:, -1] = np.where(turn[:, -1].real < 0, -1.0, 1.0)
    return np.fft.irfft(spectrum * turn, n, axis=1) + r.mean()
