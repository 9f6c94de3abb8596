r"""What a moment is likely to be where it was not run: a Gaussian process on the residuals of a linear trend.

    y(x) = β₀ + β x + s [g(x) + e],   g ~ GP(0, σ² Matérn_{5/2}(x, x'; one length per parameter),   e ~ N(0, v / s²)

x in the unit cube, v the variance of the luck of the runs in every y. Lengths and σ² by maximum likelihood. Leaving out each point in turn
gives standardised errors e_i = [K⁻¹ r]_i / √[K⁻¹]_ii; where their mean square is above 1 the variance is too small, and multiplied by it.

Sources: Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 5.12; scikit-learn.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..schema import InputError

LENGTHS = (0.05, 30.0)  # of the process, in ranges of the parameters: from wiggly to straight
HEIGHTS = (1e-3, 1e3)  # of its variance, that of the residuals being 1
LEAST_NOISE = 1e-8  # relative variance: keeps the matrix regular
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Emulator:
    """A fitted process. errors: (n,) standardised errors of points left out; inflation: of the variance, for them."""

    trend: np.ndarray
    scale: float
    process: Any
    errors: np.ndarray
    inflation: float

    def mean(self, x: np.ndarray) -> np.ndarray:
        """(m,) what is expected at x (m, k)."""
        return _linear(x) @ self.trend + self.scale * self.process.predict(x)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of what is expected at x (m, k), each (m,)."""
        mean, sd = self.process.predict(x, return_std=True)
        return _linear(x) @ self.trend + self.scale * mean, self.inflation * (self.scale * sd) ** 2


def fit(x: np.ndarray, y: np.ndarray, noise: float) -> Emulator:
    """The process of y (n,) at x (n, k) with this variance of luck in y. Raises InputError where scikit-learn is not installed."""
    gp, kernels = _sklearn()
    trend = np.linalg.lstsq(_linear(x), y, rcond=None)[0]
    rest = y - _linear(x) @ trend
    scale = max(float(rest.std()), TINY * float(np.abs(y).max()), TINY)
    kernel = kernels.ConstantKernel(1.0, HEIGHTS) * kernels.Matern(np.full(x.shape[1], 1.0), LENGTHS, nu=2.5)
    alpha = max(noise / scale**2, LEAST_NOISE)
    process = gp.GaussianProcessRegressor(kernel, alpha=alpha, n_restarts_optimizer=1, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a length is at its bound: a parameter that does nothing has no length
        process.fit(x, rest / scale)
    inverse = np.linalg.inv(process.kernel_(x) + alpha * np.eye(len(x)))
    errors = inverse @ (rest / scale) / np.sqrt(np.diag(inverse))
    return Emulator(trend, scale, process, errors, max(1.0, float((errors**2).mean())))


def _linear(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _sklearn():
    try:
        from sklearn import gaussian_process as gp
        from sklearn.gaussian_process import kernels
    except ImportError:
        raise InputError("calibration needs scikit-learn: pip install 'smbsim[calibrate]'") from None
    return gp, kernels
