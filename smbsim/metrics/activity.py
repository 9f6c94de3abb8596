"""Output, value added, jobs, demand that was not met, stocks: what a week of the economy looks like.

Volumes are in base-year currency per week; the model economy is `scale` times the real one.
"""

from __future__ import annotations

import numpy as np

from .base import metric, smbs


def value_added(state) -> np.ndarray:
    """(n,) output less all inputs used, at base-year prices: network, counter, imported, of accounts."""
    firms = state.firms
    return firms.output - state.sum_slots(state.slots.input_use) - firms.counter_use - firms.spot_use


@metric("base currency/wk", "Output of firms")
def output(state):
    """Σ x_i over all firms."""
    return state.firms.output.sum()


@metric("base currency/wk", "Output of SMBs")
def smb_output(state):
    """Σ x_i over small and medium businesses."""
    return state.firms.output[smbs(state)].sum()


@metric("base currency/wk", "Value added of firms")
def real_value_added(state):
    """Σ (output - inputs used) at base-year prices."""
    return value_added(state).sum()


@metric("base currency/wk", "GDP")
def gdp(state):
    """Real value added of firms, of pass-through accounts (in proportion to their spending) and of the state (constant)."""
    accounts = state.accounts
    scale = np.divide(accounts.passthrough_budget, accounts.resting_budget, out=np.zeros(accounts.n), where=accounts.resting_budget > 0)
    return value_added(state).sum() + (scale * accounts.resting_value_added).sum() + state.public_value_added


@metric("heads", "Employment in firms")
def employment(state):
    """Labour used by firms, in full-time equivalents."""
    return state.firms.employment.sum()


@metric("heads", "Employment in SMBs")
def smb_employment(state):
    """Labour used by small and medium businesses."""
    return state.firms.employment[smbs(state)].sum()


@metric("currency/wk", "Wages")
def wages(state):
    """Wages paid by firms."""
    return state.firms.wage_bill.sum()


@metric("currency/wk", "Household consumption")
def consumption(state):
    """What households planned to spend."""
    return state.households.consumption.sum()


@metric("1", "Unmet demand")
def unmet_demand(state):
    """Share of what was asked of firms this week (backlog, orders, final demand) that was not delivered."""
    firms = state.firms
    delivered = firms.sold_to_firms.sum() + firms.final_sales.sum()
    asked = delivered + firms.backlog_due.sum() + (firms.final_demand - firms.final_sales).sum()
    return 1.0 - delivered / asked if asked > 0 else 0.0


@metric("1", "Fill rate")
def fill_rate(state):
    """Mean fill rate of firms, weighted by their output at normal staff."""
    weight = state.firms.normal_output
    return (state.firms.fill_rate * weight).sum() / weight.sum() if weight.sum() > 0 else 1.0


@metric("1", "SMBs without output")
def stopped_smbs(state):
    """Share of SMBs that make less than a tenth of their normal output."""
    small = smbs(state)
    return float(np.mean(state.firms.output[small] < 0.1 * state.firms.normal_output[small])) if small.any() else 0.0


@metric("base currency", "Finished goods")
def finished_goods(state):
    """Inventories of finished goods."""
    return state.firms.inventory.sum()


@metric("base currency", "Input stocks")
def input_stocks(state):
    """Stocks of inputs held by firms."""
    return state.slots.input_stock.sum()


@metric("base currency/wk", "Orders between firms")
def orders(state):
    """Orders placed along links."""
    return state.slots.order.sum()


@metric("base currency/wk", "Imported inputs")
def imported_inputs(state):
    """Imports dispatched to stocks, and emergency imports."""
    return state.slots.imports.sum() + state.slots.emergency_import.sum()


@metric("base currency/wk", "Output", axis="sector")
def sector_output(state):
    """Output by sector."""
    return state.by_sector(state.firms.output)


@metric("heads", "Employment", axis="sector")
def sector_employment(state):
    """Labour used by sector."""
    return state.by_sector(state.firms.employment)


@metric("1", "Fill rate", axis="sector")
def sector_fill_rate(state):
    """Mean fill rate by sector, weighted by output at normal staff."""
    weight = state.firms.normal_output
    total = state.by_sector(weight)
    return np.divide(state.by_sector(state.firms.fill_rate * weight), total, out=np.ones_like(total), where=total > 0)


@metric("heads", "Employment", axis="region")
def region_employment(state):
    """Labour used by region; large firms by population."""
    return state.by_region(state.firms.employment)
