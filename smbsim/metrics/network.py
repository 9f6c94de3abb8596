r"""Where firms stand in the network, and how orders amplify along it.

    upstreamness  U = (I - B)^{-1} 1 ,  B_ji share of j's output sold to firm i along links        mean number of steps to final use
    tier          quartile of U over firms, 1 nearest to final use
    bullwhip      BW_k = Var_t( O_kt / Ō_kt ) / Var_t( D_kt / D̄_kt )     tier k, O orders placed, D demand received

Ō and D̄ are those of the paired baseline in the same week, so that the ratio is about the response to what a variant does; for the
baseline itself they are linear trends, and the ratio is about the noise of breakdowns. Tiers are summed before the ratio is taken:
single firms near final use meet a demand that hardly moves, and a ratio to it says nothing.

Sources: Antràs, Chor, Fally and Hillberry (2012), AER P&P 102(3), for upstreamness; Cachon, Randall and Schmidt (2007), M&SOM 9(4),
for the ratio of variances and the warning about aggregation.
"""

from __future__ import annotations

import numpy as np

from ..state import State

TIERS = ("1 (final use)", "2", "3", "4 (upstream)")
ROUNDS = 5_000  # at most, of the Neumann series; twenty as a rule, more where little leaves a ring of firms
CONVERGED = 1e-10
STILL = 1e-16  # variance of a ratio below which it is rounding


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


def by_tier(values: np.ndarray, tier: np.ndarray) -> np.ndarray:
    """(n,) per firm, of which the first len(tier) have a tier → (4,) sums."""
    return np.bincount(tier, weights=values[: len(tier)], minlength=len(TIERS))


def bullwhip(orders: np.ndarray, demand: np.ndarray, base_orders: np.ndarray | None = None, base_demand: np.ndarray | None = None):
    """(K,) bullwhip ratio of each tier from weekly totals (T, K), against a paired baseline or, without one, against linear trends.

    NaN where demand does not move.
    """
    placed = _variance(orders, _trend(orders) if base_orders is None else base_orders)
    received = _variance(demand, _trend(demand) if base_demand is None else base_demand)
    return np.divide(placed, received, out=np.full(placed.shape, np.nan), where=received > STILL)


def _variance(values: np.ndarray, base: np.ndarray) -> np.ndarray:
    return np.var(np.divide(values, base, out=np.ones_like(values), where=base > 0), axis=0)


def _trend(values: np.ndarray) -> np.ndarray:
    t = np.arange(len(values)) - (len(values) - 1) / 2
    slope = t @ values / max(float(t @ t), 1.0)
    return values.mean(axis=0) + t[:, None] * slope
