r"""Government: taxes on products, profits and income; purchases, wages, transfers and benefits.

    product tax  t_i x_i (less subsidies)     profit tax  τ_Π [profit_i]⁺     income tax  τ_y · taxable income of the cell
    benefit_r  = b [ W̄_r - wages_r ]⁺  (basis wages),  b W̄_r U_r / N_r  (basis heads)       W̄_r = W_r / (1 - u₀)
    transfers  = constant + benefit
    due_i      = (1 - s_i) tax_i + arrears_i + d_i D_i ,   D_i ← D_i + s_i tax_i - d_i D_i      s_i share deferred by policies

W_r are the wages of the region at rest, U_r of its N_r workers are out of work: with hiring and firing benefits go by heads, in its limit
by wages lost. A tax deferred is no arrears: nothing of D_i is due while the firm's taxes are deferred, then d = 1 / deferral_weeks of it
every week, and all of it once the firm has closed.

Purchases, wages and transfers are nominal constants; deposits absorb the difference. At rest revenue equals expenditure: transfers
close the budget when τ_y is given (default), τ_y closes it when transfers are given. b and u₀ stand for the wages of those who have
lost work; benefits go to the worker cells.

symbol  parameter            unit
τ_Π     profit_tax           1
τ_y     income_tax           1
b       benefit_share        1
u₀      unemployment         1
1/d     deferral_weeks       wk
D       deferred_tax         currency (column)

Source: POPULATION.md 1.5, flows s6, s8, s15, s18, s19; rates are assumptions that the tables' balances close.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..accounts import afford, draw_on, transfer
from ..rest import GOVERNMENT
from ..schema import Column, param
from ..state import total
from .base import Mechanism

SMALL_CHANGE = 0.01  # currency: a deferred tax below this is due in full


class Government(Mechanism):
    name = "government"
    columns = (
        Column("product_tax_coefficient", "1", 0.0, "Product taxes less subsidies per unit of output", entrant="copied"),
        Column("product_tax_paid", "currency/wk", 0.0, "Product taxes less subsidies of the week"),
        Column("profit_tax_paid", "currency/wk", 0.0, "Profit tax of the week", low=0),
        Column("tax_arrears", "currency", 0.0, "Taxes due and not paid", low=0),
        Column("tax_deferral_share", "1", 0.0, "Share of taxes that each policy defers", width="policy", low=0, high=1),
        Column("deferred_tax", "currency", 0.0, "Taxes deferred by each policy and not yet due", width="policy", low=0),
        Column("spending_credit", "1", 0.0, "Share of spending on tools and training that owners expect back", low=0, high=1),
        Column("compliance_cost", "currency/wk", 0.0, "Cost of rules, due this week", low=0),
        Column("government_wages", "currency/wk", 0.0, "Wages of public employees", axis="household", low=0),
        Column("transfers", "currency/wk", 0.0, "Constant transfers to the cell", axis="household"),
        Column("benefits", "currency/wk", 0.0, "Unemployment benefit of the week", axis="household", low=0),
        Column("basic_income", "currency/wk", 0.0, "Basic income of the week, of policies", axis="household", low=0),
        Column("levies", "currency/wk", 0.0, "Levies of policies on the income of the week", axis="household", low=0),
        Column("potential_wages", "currency/wk", 0.0, "Wages at full employment", axis="household", low=0),
        Column("tax_rate", "1", 0.0, "Rate of the income tax (row of the government)", axis="account", low=0, high=1),
    )
    reads = ("output", "profit", "invested", "foreign_lending", "unemployed", "labour_force", "alive")
    writes = (*(c.name for c in columns), "income", "disposable", "spendable", "cash", "deposits", "balance",
              "support", "committed", "left", "spent", "returned")  # fmt: skip

    profit_tax: float = param(0.15, unit="1", doc="τ_Π: tax on profits", low=0, high=0.9, source="assumption")
    income_tax: float | None = param(0.25, unit="1", doc="τ_y: tax on household income; null: closes the budget", low=0, high=0.9,
                                     source="assumption; tax net of transfers is about 5 % in the US table")  # fmt: skip
    other_transfers: float | None = param(None, unit="currency/yr", doc="Transfers besides the benefit, when income_tax is null", low=0,
                                    source="assumption")  # fmt: skip
    benefit_share: float = param(0.5, unit="1", doc="b: benefit as a share of the lost wage", low=0, high=1,
                                 source="assumption; BeforeIT uses .55 net")  # fmt: skip
    unemployment: float = param(0.05, unit="1", doc="u₀: unemployment at rest", low=0, high=0.5, source="assumption")
    benefit_basis: Literal["wages", "heads"] = param(
        "wages", unit="choice", doc="Benefit by wages lost, or by the number of unemployed; models with hiring and firing fill in heads",
        source="definition",
    )  # fmt: skip
    deferral_weeks: float = param(52.0, unit="wk", doc="1/d: mean time in which deferred taxes fall due once deferral has ended", low=1,
                                  high=520, source="assumption; payment plans after 2020 ran for about a year")  # fmt: skip
    reserve_weeks: float = param(10.0, unit="wk", doc="Deposits at rest in weeks of spending; the level is arbitrary", low=0, high=520,
                                 source="assumption")  # fmt: skip

    def settle(self, state, rest):
        firms, cells = state.firms, state.households
        firms.product_tax_coefficient[:] = np.divide(rest.taxes, rest.output, out=np.zeros(firms.n), where=rest.output > 0)
        firms.product_tax_paid[:] = rest.taxes
        firms.profit_tax_paid[:] = rest.profit_tax
        cells.government_wages[:] = rest.government_wages
        cells.transfers[:] = rest.transfers
        cells.benefits[:] = rest.benefits
        cells.potential_wages[0::2] = rest.wage_income[0::2] / (1.0 - self.unemployment)
        own = state.account(GOVERNMENT)
        state.accounts.tax_rate[own] = rest.income_tax_rate
        state.accounts.balance[own] = self.reserve_weeks * rest.government_spending

    def tax_products(self, state, step):
        """Product taxes less subsidies on this week's output."""
        firms = state.firms
        firms.product_tax_paid[:] = firms.product_tax_coefficient * firms.output
        self._recall(state)
        self._tax(state, firms.product_tax_paid, "product taxes")

    def tax_profits(self, state, step):
        """Profit tax; losses are not carried forward."""
        firms = state.firms
        firms.profit_tax_paid[:] = self.profit_tax * np.maximum(firms.profit, 0.0)
        self._tax(state, firms.profit_tax_paid, "profit tax")

    def _tax(self, state, tax, flow) -> None:
        due = tax - self._defer(state, tax) + state.firms.tax_arrears
        paid = afford(state, due)
        state.firms.tax_arrears[:] = np.maximum(due - paid, 0.0)
        transfer(state, "firm", GOVERNMENT, paid, flow)

    def _defer(self, state, tax) -> np.ndarray | float:
        """(n,) what policies let firms pay later, each out of what the ones before it left."""
        firms, rest, deferred = state.firms, np.maximum(tax, 0.0), 0.0
        for k in np.flatnonzero(firms.tax_deferral_share.any(axis=0)):
            given = draw_on(state, k, firms.tax_deferral_share[:, k] * rest)
            rest, deferred = rest - given, deferred + given
            firms.deferred_tax[:, k] += given
            firms.support[:, k] += given
            state.policies.spent[k] += total(given)
        return deferred

    def _recall(self, state) -> None:
        """Deferred taxes that fall due become arrears, to be paid with the taxes of the week."""
        firms = state.firms
        if not firms.deferred_tax.any():
            return
        alive, deferred = firms.alive[:, None], firms.deferred_tax
        waiting = alive & firms.tax_deferral_share.any(axis=1, keepdims=True)
        part = np.where(alive & (deferred > SMALL_CHANGE), deferred / self.deferral_weeks, deferred)
        due = np.where(waiting, 0.0, part)
        state.policies.returned[:] += np.where(alive, due, 0.0).sum(axis=0)
        firms.deferred_tax[:] -= due
        firms.tax_arrears[:] += due.sum(axis=1)

    def pay(self, state, step):
        """Public wages, transfers and benefits; then the income tax, which leaves disposable income."""
        cells = state.households
        transfer(state, GOVERNMENT, "household", cells.government_wages, "government wages")
        cells.income[:] += cells.government_wages
        cells.levies[:] = 0.0
        cells.basic_income[:] = 0.0
        cells.benefits[0::2] = self.benefit_share * self._lost_wages(state)
        transfer(state, GOVERNMENT, "household", cells.transfers, "transfers")
        transfer(state, GOVERNMENT, "household", cells.benefits, "benefits")

    def _lost_wages(self, state) -> np.ndarray:
        """(R,) what the unemployed of each region would earn."""
        cells, regions = state.households, state.regions
        if self.benefit_basis == "wages":
            return np.maximum(cells.potential_wages - cells.income, 0.0)[0::2]
        idle, force = np.maximum(regions.unemployed, 0.0), regions.labour_force
        return cells.potential_wages[0::2] * np.divide(idle, force, out=np.zeros_like(force), where=force > 0)

    def collect(self, state, step):
        """Income tax; what is left after it, investment and lending abroad is disposable."""
        cells = state.households
        tax = state.accounts.tax_rate[state.account(GOVERNMENT)] * cells.income
        transfer(state, "household", GOVERNMENT, tax, "income tax")
        given = cells.transfers + cells.benefits + cells.basic_income
        cells.disposable[:] = cells.income - tax + given - cells.levies - cells.invested - cells.foreign_lending
