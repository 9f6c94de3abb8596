r"""What a moment is likely to be where it was not run: a linear trend and a Gaussian process around it (universal kriging).

    y(x) = h(x)ᵀ β + g(x) + e,   h = (1, x),   g ~ GP(0, σ² Matérn_{5/2}(x, x'; one length per parameter),   e ~ N(0, v)

    β = G Hᵀ K⁻¹ y,   G = (Hᵀ K⁻¹ H)⁻¹,   K = cov(g) + v I                          H: rows h(x_i) of the n points
    E(x) = hᵀ β + kᵀ K⁻¹ (y - H β)                                                   k: cov of g(x) with the points
    V(x) = σ² - kᵀ K⁻¹ k + uᵀ G u,   u = h - Hᵀ K⁻¹ k                                the last term: the trend is not known exactly

x in the unit cube, v the variance of the luck of the runs in every y. Lengths and σ² by maximum likelihood around the trend of least
squares. Leaving out each point in turn gives standardised errors [Q y]_i / √Q_ii, Q = K⁻¹ - K⁻¹ H G Hᵀ K⁻¹; where their mean square is
above 1 the variance is too small, and multiplied by it.

Sources: Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, 2.7; Dubrule (1983), Math. Geology 15, for leaving out;
scikit-learn finds lengths and σ².
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
    """A fitted process, in units of the spread of the residuals. errors: (n,) standardised errors of points left out.

    x (n, k) the points, kernel cov of g, inverse (n, n) K⁻¹, beta (k + 1,), G (k + 1, k + 1), weights (n,) K⁻¹ (y - H β)
    """

    x: np.ndarray
    kernel: Any
    inverse: np.ndarray
    beta: np.ndarray
    G: np.ndarray
    weights: np.ndarray
    scale: float
    errors: np.ndarray

    @property
    def inflation(self) -> float:
        """Of the variance, for the errors of points left out."""
        return max(1.0, float((self.errors**2).mean()))

    def mean(self, x: np.ndarray) -> np.ndarray:
        """(m,) what is expected at x (m, k)."""
        return self.scale * (_linear(x) @ self.beta + self.kernel(x, self.x) @ self.weights)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of what is expected at x (m, k), each (m,)."""
        k = self.kernel(x, self.x)
        through = k @ self.inverse
        u = _linear(x) - through @ _linear(self.x)
        variance = self.kernel.diag(x) - (through * k).sum(axis=1) + ((u @ self.G) * u).sum(axis=1)
        mean = self.scale * (_linear(x) @ self.beta + k @ self.weights)
        return mean, self.inflation * self.scale**2 * np.maximum(variance, 0.0)


def fit(x: np.ndarray, y: np.ndarray, noise: float) -> Emulator:
    """The process of y (n,) at x (n, k) with this variance of luck in y. Raises InputError where scikit-learn is not installed."""
    gp, kernels = _sklearn()
    H = _linear(x)
    rest = y - H @ np.linalg.lstsq(H, y, rcond=None)[0]
    scale = max(float(rest.std()), TINY * float(np.abs(y).max()), TINY)
    start = kernels.ConstantKernel(1.0, HEIGHTS) * kernels.Matern(np.full(x.shape[1], 1.0), LENGTHS, nu=2.5)
    alpha = max(noise / scale**2, LEAST_NOISE)
    process = gp.GaussianProcessRegressor(start, alpha=alpha, n_restarts_optimizer=1, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a length is at its bound: a parameter that does nothing has no length
        process.fit(x, rest / scale)
    kernel = process.kernel_
    inverse = np.linalg.inv(kernel(x) + alpha * np.eye(len(x)))
    G = np.linalg.inv(H.T @ inverse @ H)
    beta = G @ H.T @ inverse @ (y / scale)
    Q = inverse - inverse @ H @ G @ H.T @ inverse
    errors = Q @ (y / scale) / np.sqrt(np.maximum(np.diag(Q), LEAST_NOISE))
    return Emulator(x, kernel, inverse, beta, G, inverse @ (y / scale - H @ beta), scale, errors)


def _linear(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _sklearn():
    try:
        from sklearn import gaussian_process as gp
        from sklearn.gaussian_process import kernels
    except ImportError:
        raise InputError("calibration needs scikit-learn: pip install 'smbsim[calibrate]'") from None
    return gp, kernels
