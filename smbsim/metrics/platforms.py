"""Platforms: who is on them, what is sold through them, what they take, and how much less orders swing where demand is shared.

All at nothing where there are no platforms; ratios of what does not move are one.
"""

from __future__ import annotations

import numpy as np

from ..schema import WEEKS_PER_YEAR
from ..state import total
from .base import metric, smbs

SELLING, SHARING = 0, 1  # columns of `member`
STILL = 1e-12  # mean relative variance below which it is rounding


def _share(state, platform: int) -> float:
    small = smbs(state)
    return float((state.firms.member[small, platform] == 1).mean()) if small.any() else 0.0


@metric("1", "SMBs on the marketplace")
def marketplace_sellers(state):
    """Share of SMBs that sell on the marketplace."""
    return _share(state, SELLING)


@metric("1", "Households on the marketplace")
def marketplace_buyers(state):
    """Share of households that buy on the marketplace."""
    return state.regions.population_share @ state.regions.buyers


@metric("1", "SMBs on the data platform")
def data_members(state):
    """Share of SMBs that share their demand on the data platform."""
    return _share(state, SHARING)


@metric("1", "Sales through the marketplace")
def platform_sales_share(state):
    """Share of what households spend at SMBs that goes through the marketplace."""
    firms, small = state.firms, smbs(state)
    sold = (firms.demand_factor * firms.final_fill_rate * firms.household_demand)[small].sum()
    return firms.platform_sales[small].sum() / sold if sold > 0 else 0.0


@metric("currency/yr", "Fees of platforms")
def platform_fees(state):
    """Fees paid by firms to both platforms beyond those of the start, which the tables contain; below zero where members have left."""
    return WEEKS_PER_YEAR * total(np.ascontiguousarray(state.firms.platform_fee.sum(axis=1)))


@metric("1", "Demand that is shared")
def shared_information(state):
    """σ: share of demand along links that shared data stands in for, mean of SMBs by what they sell along links."""
    firms, small = state.firms, smbs(state)
    sold = np.maximum(firms.usual_demand - firms.usual_final, 0.0)[small]
    return firms.sharing[small] @ sold / sold.sum() if sold.any() else 0.0


def _bullwhip(state, chosen) -> float:
    """Σ variance of plans / Σ variance of demand, both relative to their mean, of firms that sell along links."""
    firms = state.firms
    chosen = chosen & (firms.usual_demand > firms.usual_final)
    planned, asked = firms.plan_variance[chosen].sum(), firms.demand_variance[chosen].sum()
    return planned / asked if asked > STILL * np.count_nonzero(chosen) else 1.0


@metric("1", "Bullwhip with shared demand")
def bullwhip_with_sharing(state):
    """Variance of planned output by that of demand, over the memory of the platform: SMBs that learn what customers' customers ask for."""
    return _bullwhip(state, smbs(state) & (state.firms.sharing > 0.0))


@metric("1", "Bullwhip without shared demand")
def bullwhip_without_sharing(state):
    """The same of SMBs that do not."""
    return _bullwhip(state, smbs(state) & (state.firms.sharing == 0.0))
