r"""Where firms stand in the network, and how orders amplify along it.

    upstreamness  U = (I - B)^{-1} 1 ,  B_ji share of j's output sold to firm i along links        mean number of steps to final use
    bullwhip      BW_i = [Var(O_i) / Ō_i²] / [Var(D_i) / D̄_i²] ,  O orders placed, D demand received, both less a linear trend

Sources: Antràs, Chor, Fally and Hillberry (2012), AER P&P 102(3), for upstreamness; Cachon, Randall and Schmidt (2007), M&SOM 9(4),
for the ratio of coefficients of variation.
"""

from __future__ import annotations

import numpy as np

from ..state import State

TIERS = ("1 (final use)", "2", "3", "4 (upstream)")
ROUNDS = 200  # of the Neumann series; the share sold on is below one, so it converges
CONVERGED = 1e-10


def upstreamness(state: State) -> np.ndarray:
    """(n,) mean number of steps from a firm's output to final use, along links at their present flows. 1: all is sold for final use."""
    firms, links = state.firms, state.links
    flow = state.slots.order[links.slot] * links.weight
    sold = np.maximum(state.sum_by_supplier(flow), firms.output)
    share = np.divide(flow, sold[links.supplier], out=np.zeros(links.n), where=sold[links.supplier] > 0)
    steps = np.ones(firms.n)
    for _ in range(ROUNDS):
        new = 1.0 + state.sum_by_supplier(share * steps[links.buyer])
        if np.max(np.abs(new - steps), initial=0.0) < CONVERGED:
            break
        steps = new
    return steps


def tiers(state: State) -> np.ndarray:
    """(n,) quartile of upstreamness over firms, 0 nearest to final use."""
    steps = upstreamness(state)
    return np.searchsorted(np.quantile(steps, [0.25, 0.5, 0.75]), steps, side="left").astype(np.int8)


class Bullwhip:
    """Running sums of orders placed and demand received per firm, from which the ratio follows at the end."""

    def __init__(self, n: int):
        self.sums = np.zeros((2, 3, n))  # orders, demand × (Σ y, Σ y², Σ t y)
        self.weeks = 0

    def observe(self, state: State) -> None:
        """Add one week."""
        orders = state.sum_slots(state.slots.order + state.slots.import_order)
        for sums, values in zip(self.sums, (orders, state.firms.demand), strict=True):
            sums[0] += values
            sums[1] += values * values
            sums[2] += self.weeks * values
        self.weeks += 1

    def ratio(self) -> np.ndarray:
        """(n,) BW_i; NaN where demand or orders do not vary or are zero."""
        (orders, demand) = (self._squared_variation(sums) for sums in self.sums)
        known = (orders > 0) & (demand > 0)
        return np.divide(orders, demand, out=np.full(orders.shape, np.nan), where=known)

    def _squared_variation(self, sums) -> np.ndarray:
        n = self.weeks
        t_mean, t_square = (n - 1) / 2, n * (n * n - 1) / 12
        mean = sums[0] / max(n, 1)
        slope = (sums[2] - t_mean * sums[0]) / t_square if n > 1 else 0.0
        variance = (sums[1] - n * mean**2 - slope**2 * t_square) / max(n, 1)
        known = (mean > 0) & (variance > 1e-14 * mean**2)  # below it is rounding
        return np.divide(variance, mean**2, out=np.zeros_like(mean), where=known)


def bullwhip_by_tier(ratio: np.ndarray, tier: np.ndarray) -> np.ndarray:
    """(4,) median ratio of each tier; NaN where no firm of it has one."""
    by_tier = np.full(len(TIERS), np.nan)
    for k in range(len(TIERS)):
        known = ratio[(tier == k) & np.isfinite(ratio)]
        if known.size:
            by_tier[k] = np.median(known)
    return by_tier
