r"""Tools in business functions: what firms look at before they adopt one, what they believe, and whom they see using it.

    m ← m + k (y - m) , v ← (1 - k) v , k = v / (v + σ²)            belief N(m, v) after an observation y with variance σ²
    P(W > 0)                                                        for a worth W that is normal

Pure functions on arrays by firm and function, used by `automation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .adoption import FUNCTIONS
from .draws import LEAST_UNIFORM, Draws
from .kernel import kernel

SURE = 1e6  # distance to a threshold in standard deviations from which no doubt is left; keeps quotients finite


@dataclass(frozen=True)
class Look:
    """What tools are like for some firms, by firm and function.

    pay (k, 7) currency/wk; readiness, routine, quality (k, 7); gain θ (k, 7) by the pay; rent (k,) by the pay; setup, own_setup (k,) years
    of the pay, in all and what the firm bears of it
    """

    pay: np.ndarray
    readiness: np.ndarray
    routine: np.ndarray
    quality: np.ndarray
    gain: np.ndarray
    rent: np.ndarray
    setup: np.ndarray
    own_setup: np.ndarray

    def cost(self, payback: float) -> np.ndarray:
        """(k, 1) c: rent, and set-up spread over the time of payback, by the pay."""
        return (self.rent + self.own_setup / payback)[:, None]


def posterior(mean, variance, shown, noise) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a normal belief after a normal observation `shown` with variance `noise`; any shape."""
    both = variance + noise
    gain = np.divide(variance, both, out=np.zeros(np.shape(both)), where=both > 0.0)
    return mean + gain * (shown - mean), (1.0 - gain) * variance


def certainty(distance: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """P(x > 0) of normals with mean `distance` and standard deviation `spread` >= 0; without spread 0, ½ at zero, or 1. Any shape."""
    from scipy.special import ndtr  # half a second to import

    return ndtr(np.divide(distance, spread, out=SURE * np.sign(distance), where=spread > np.abs(distance) / SURE))


def uniforms(draws: Draws, name: str, step: int, uid: np.ndarray) -> np.ndarray:
    """(k, 7) a uniform above 0 for every firm and function."""
    firm, function = np.repeat(uid, len(FUNCTIONS)), np.tile(np.arange(len(FUNCTIONS)), len(uid))
    return np.maximum(draws.uniform(name, step, firm, function), LEAST_UNIFORM).reshape(len(uid), len(FUNCTIONS))


@kernel
def count_users(cell, tier, frontier, number, users):
    """Firms of each cell, and those with a tool of the tier `frontier` or better.

    cell (n,), below 0: left out; tier (n, F); adds to number (C,), users (C, F)
    """
    for i in range(cell.size):
        c = cell[i]
        if c >= 0:
            number[c] += 1.0
            for f in range(tier.shape[1]):
                if tier[i, f] >= frontier:
                    users[c, f] += 1.0


@kernel
def ask_links(row, peer, customer_start, supplier, supplier_start, by_supplier, buyer, weight, frontier, tier, belief, seen, having,
              told):  # fmt: skip
    """Of the suppliers and customers of each firm that are peers: how many there are, have a tool of the tier `frontier`, and expect of it.

    row (k,); peer (n,) bool; customer_start, supplier_start (n+1,); supplier, by_supplier, buyer, weight (m,);
    tier, belief (n, F); adds to seen (k,), having, told (k, F)
    """
    for r in range(row.size):
        i = row[r]
        into = customer_start[i + 1] - customer_start[i]
        for p in range(into + supplier_start[i + 1] - supplier_start[i]):
            e = customer_start[i] + p if p < into else by_supplier[supplier_start[i] + p - into]
            j = supplier[e] if p < into else buyer[e]
            if weight[e] > 0.0 and peer[j]:
                seen[r] += 1.0
                for f in range(tier.shape[1]):
                    if tier[j, f] >= frontier:
                        having[r, f] += 1.0
                        told[r, f] += belief[j, f]
