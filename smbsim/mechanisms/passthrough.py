"""Producing accounts that are not firms (housing services in the US tables): they spend this week what they earned last week.

    budget_q = deposits of q at the start of the week
    spent in constant shares on inputs, imports, other accounts, wages and taxes; the surplus goes to owner households

At rest the deposits are one week's revenue. Source: POPULATION.md 1.5, flows s5, s6, s11, s16; there the account holds nothing and
remembers its revenue, here it holds it, so that it never spends what it does not have.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer
from ..rest import ACCOUNTS, GOVERNMENT, USES
from ..schema import Column
from .base import Mechanism

N_USES = len(USES)  # one use per pass-through account follows


class Passthrough(Mechanism):
    name = "passthrough"
    columns = (
        Column("passthrough_budget", "currency/wk", 0.0, "What the account can spend this week", axis="account"),
        Column("resting_budget", "currency/wk", 0.0, "The same at rest", axis="account", low=0),
        Column("resting_tax", "currency/wk", 0.0, "Product taxes less subsidies of the account at rest", axis="account"),
        Column("resting_value_added", "currency/wk", 0.0, "Value added of the account at rest", axis="account"),
        Column("resting_wages", "currency/wk", 0.0, "Wages at rest by account", axis="household", width="account", low=0),
        Column("resting_surplus", "currency/wk", 0.0, "Surplus at rest by account", axis="household", width="account"),
        Column("resting_spending", "currency/wk", 0.0, "Inputs at rest by account", axis="sector", width="use", low=0),
        Column("resting_import_spending", "currency/wk", 0.0, "Imports at rest by account", axis="sector", width="use", low=0),
        Column("resting_account_spending", "currency/wk", 0.0, "Purchases from accounts at rest", axis="account", width="use", low=0),
    )
    writes = (*(c.name for c in columns), "spending", "import_spending", "account_spending", "income", "deposits", "balance")

    def settle(self, state, rest):
        accounts, cells, first = state.accounts, state.households, len(ACCOUNTS)
        accounts.balance[first:] = rest.passthrough_revenue
        accounts.resting_budget[first:] = rest.passthrough_revenue
        accounts.passthrough_budget[first:] = rest.passthrough_revenue
        accounts.resting_tax[first:] = rest.passthrough_taxes
        accounts.resting_value_added[first:] = (
            rest.passthrough_wages.sum(axis=0) + rest.passthrough_surplus.sum(axis=0) + rest.passthrough_taxes
        )
        cells.resting_wages[:, first:] = rest.passthrough_wages
        cells.resting_surplus[:, first:] = rest.passthrough_surplus
        state.sectors.resting_spending[:] = rest.basket
        state.sectors.resting_import_spending[:] = rest.import_basket
        accounts.resting_account_spending[:] = rest.account_basket

    def spend(self, state, step):
        """Spread the start-of-week deposits over inputs in the proportions of the resting state."""
        sectors, accounts, first = state.sectors, state.accounts, len(ACCOUNTS)
        accounts.passthrough_budget[first:] = np.maximum(accounts.balance[first:], 0.0)
        scale = self._scale(state)[first:]
        sectors.spending[:, N_USES:] = sectors.resting_spending[:, N_USES:] * scale
        sectors.import_spending[:, N_USES:] = sectors.resting_import_spending[:, N_USES:] * scale
        accounts.account_spending[:, N_USES:] = accounts.resting_account_spending[:, N_USES:] * scale

    def pay(self, state, step):
        """Wages, taxes and surplus of the account."""
        accounts, cells = state.accounts, state.households
        scale = self._scale(state)
        for a in range(len(ACCOUNTS), accounts.n):
            account = state.account_names[a]
            for amount, flow in ((cells.resting_wages, "wages"), (cells.resting_surplus, "surplus")):
                received = scale[a] * amount[:, a]
                transfer(state, account, "household", received, f"{account} {flow}")
                cells.income[:] += received
            transfer(state, account, GOVERNMENT, scale[a] * float(accounts.resting_tax[a]), f"{account} taxes")

    def _scale(self, state) -> np.ndarray:
        """(A,) this week's budget relative to that at rest."""
        resting = state.accounts.resting_budget
        return np.divide(state.accounts.passthrough_budget, resting, out=np.zeros_like(resting), where=resting > 0)
