"""Prices, markups, and how concentrated sectors are."""

from __future__ import annotations

import numpy as np

from .base import metric, smbs


def _mean_by_sector(state, values) -> np.ndarray:
    """(G,) mean over the firms of a sector, weighted by output; 1 where nothing is made."""
    made = state.by_sector(state.firms.output)
    return np.divide(state.by_sector(values * state.firms.output), made, out=np.ones_like(made), where=made > 0)


@metric("1", "Price level of firms")
def price_level(state):
    """Mean price relative to the base year, weighted by output; 1 where nothing is made."""
    made = state.firms.output.sum()
    return (state.firms.price * state.firms.output).sum() / made if made > 0 else 1.0


@metric("1", "Price level", axis="sector")
def sector_price(state):
    """Mean price of a sector relative to the base year, weighted by output; 1 where nothing is made."""
    return _mean_by_sector(state, state.firms.price)


@metric("1", "Markup of SMBs")
def smb_markup(state):
    """Σ price × output / Σ unit cost × output - 1 over living SMBs; it covers capital, interest and profit."""
    firms, small = state.firms, smbs(state)
    cost = (firms.unit_cost * firms.output)[small].sum()
    return (firms.price * firms.output)[small].sum() / cost - 1.0 if cost > 0 else 0.0


@metric("1", "Concentration of SMBs", axis="sector")
def sector_concentration(state):
    """Herfindahl index of the output of living SMBs: Σ share² by sector; one over their number where they are equal, 0 where none is."""
    made = np.where(smbs(state), state.firms.output, 0.0)
    total = state.by_sector(made)
    return np.divide(state.by_sector(made**2), total**2, out=np.zeros_like(total), where=total > 0)


@metric("1", "Share of imports in household spending on goods")
def import_share(state):
    """Household spending on imports of the groups by all their spending on sectors and imports of them."""
    abroad, at_home = state.sectors.import_spending[:, 0].sum(), state.regions.budget.sum()
    return abroad / (abroad + at_home) if abroad + at_home > 0 else 0.0
