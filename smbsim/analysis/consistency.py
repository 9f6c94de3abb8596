"""Does the initial economy say what the tables say? Largest relative differences, and what closes the accounts.

Every total of the model economy divided by its scale is compared with the table it was drawn from: GDP (by production, expenditure and
income), output and employment by sector, flows between sectors and household spending by sector.
"""

from __future__ import annotations

import numpy as np

from ..economy import Economy
from ..metrics import METRICS
from ..rest import FOREIGN, GOVERNMENT
from ..schema import WEEKS_PER_YEAR
from ..state import State


def against_tables(state: State, economy: Economy) -> dict[str, float]:
    """Largest relative error by quantity; flows relative to the largest flow into the user sector."""
    G, year = economy.G, WEEKS_PER_YEAR / state.scale
    firms = state.firms
    flows, table = _sector_flows(state) * year, economy.domestic[:G, :G]
    largest = np.maximum(table.max(axis=0, keepdims=True), 1e-300)
    gdp = economy.gdp_production
    return {
        "GDP by production": _error(METRICS["gdp"](state) * year, gdp),
        "GDP by expenditure": _error(_expenditure(state) * year, gdp),
        "GDP by income": _error(_income(state) * year, gdp),
        "output by sector": _error(state.by_sector(firms.output) * year, economy.output[:G]),
        "employment by sector": _error(state.by_sector(firms.employment) / state.scale, economy.employment.sum(axis=1)),
        "flows between sectors": float(np.max(np.abs(flows - table) / largest)),
        "household spending by sector": _error(state.regions.budget.sum(axis=0) * year, economy.uses[:G, 0]),
    }


def _expenditure(state: State) -> float:
    """C + I + G + X - M per week at rest. What the state makes for its own use is its value added plus purchases less sales."""
    sectors, accounts, firms = state.sectors, state.accounts, state.firms
    abroad, public = state.account(FOREIGN), state.account(GOVERNMENT)
    bought = sectors.spending[:, :4].sum() + sectors.import_spending[:, :4].sum() + accounts.account_spending[:, :4].sum()
    account_inputs = firms.output @ sectors.account_coefficient[firms.sector]
    sales = accounts.account_spending[public].sum() + account_inputs[public]
    spot = firms.spot_use.sum() - account_inputs.sum()
    imports = state.slots.imports.sum() + spot + sectors.import_spending.sum() + accounts.account_spending[abroad].sum()
    return float(bought + state.public_value_added - sales - imports)


def _income(state: State) -> float:
    """Wages, taxes on products and gross surplus per week at rest."""
    firms, accounts = state.firms, state.accounts
    surplus = firms.profit.sum() + firms.capex.sum() + firms.interest.sum()
    return float(
        firms.wage_bill.sum() + firms.product_tax_paid.sum() + surplus + accounts.resting_value_added.sum() + state.public_value_added
    )


def closing(state: State) -> dict[str, float]:
    """The numbers that close the accounts at rest, in currency per year of the model economy (the tax rate as a share)."""
    accounts, cells = state.accounts, state.households
    return {
        "transfer from the rest of the world": float(accounts.closing_transfer[state.account(FOREIGN)]) * WEEKS_PER_YEAR,
        "lending abroad by households": float(cells.foreign_lending.sum()) * WEEKS_PER_YEAR,
        "transfers and benefits to households": float((cells.transfers + cells.benefits).sum()) * WEEKS_PER_YEAR,
        "income tax rate": float(accounts.tax_rate[state.account(GOVERNMENT)]),
        "household consumption": float(cells.consumption.sum()) * WEEKS_PER_YEAR,
    }


def _sector_flows(state: State) -> np.ndarray:
    """(G, G) [supplier, user] weekly domestic purchases of inputs at rest: along links and over the counter."""
    G = len(state.sector_codes)
    user = state.firms.sector[state.slots.customer]
    linked = np.bincount(state.slots.group.astype(np.int64) * G + user, weights=state.slots.order, minlength=G * G).reshape(G, G)
    return linked + state.sectors.counter_coefficient.T * state.by_sector(state.firms.output)


def _error(model, table) -> float:
    model, table = np.atleast_1d(model), np.atleast_1d(table)
    return float(np.max(np.abs(np.divide(model, table, out=np.ones_like(table, dtype=float), where=table != 0) - 1.0)))
