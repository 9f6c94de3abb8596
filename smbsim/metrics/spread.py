r"""How differently firms fare, and whether firms that trade with each other fare alike.

    x_i   output / normal output of an SMB that is alive
    variance   mean of (x - x̄)²
    Moran's I  (n / m) Σ_links z_supplier z_customer / Σ z²        z = x - x̄; n firms, m links; -1/(n-1) where nothing is shared

Both rise before a system of linked parts tips, if it slows down on the way (early-warning signals, MODEL.md 5.5). The variance also rises
as firms with different luck drift apart, which warns of nothing.
Source: Moran (1950), Biometrika 37.
"""

from __future__ import annotations

import numpy as np

from .base import metric, smbs

STILL = 1e-20  # variance below which all fare alike but for rounding


def moran(x: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Moran's I of x (n,) over links (m,) between rows first and second; 0 where there is no link or no difference."""
    z = x - x.mean() if x.size else x
    variance = float(np.mean(z**2)) if x.size else 0.0
    return float(np.mean(z[first] * z[second]) / variance) if len(first) and variance > STILL else 0.0


def relative_output(state) -> tuple[np.ndarray, np.ndarray]:
    """Of the SMBs alive that have a normal output: which they are (n,) bool, and their output relative to it."""
    firms = state.firms
    known = smbs(state) & (firms.normal_output > 0)
    return known, firms.output[known] / firms.normal_output[known]


@metric("1", "Variance of relative output across SMBs")
def output_variance(state):
    """Variance over living SMBs of output relative to normal output."""
    _, x = relative_output(state)
    return float(x.var()) if x.size else 0.0


@metric("1", "Moran's I of relative output along links")
def output_moran(state):
    """Moran's I of output relative to normal output, over the links between living SMBs; 0 where all fare alike."""
    known, x = relative_output(state)
    row, links = np.cumsum(known) - 1, state.links
    between = known[links.supplier] & known[links.buyer] & (links.weight > 0)
    return moran(x, row[links.supplier[between]], row[links.buyer[between]])
