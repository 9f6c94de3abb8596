r"""Government: taxes on products, profits and income; purchases, wages, transfers and benefits.

    product tax  t_i x_i (less subsidies)     profit tax  τ_Π [profit_i]⁺     income tax  τ_y · taxable income of the cell
    benefit_r  = b [ W_r / (1 - u₀) - wages_r ]⁺                              W_r wages of the region at rest, u₀ unemployment at rest
    transfers  = constant + benefit

Purchases, wages and transfers are nominal constants; deposits absorb the difference. At rest revenue equals expenditure: transfers
close the budget when τ_y is given (default), τ_y closes it when transfers are given. b and u₀ stand for the wages of those who have
lost work; benefits go to the worker cells.

symbol  parameter            unit
τ_Π     profit_tax           1
τ_y     income_tax           1
b       benefit_share        1
u₀      unemployment         1

Source: POPULATION.md 1.5, flows s6, s8, s15, s18, s19; rates are assumptions that the tables' balances close.
"""

from __future__ import annotations

import numpy as np

from ..accounts import afford, transfer
from ..rest import GOVERNMENT
from ..schema import Column, param
from .base import Mechanism


class Government(Mechanism):
    name = "government"
    columns = (
        Column("product_tax_coefficient", "1", 0.0, "Product taxes less subsidies per unit of output"),
        Column("product_tax_paid", "currency/wk", 0.0, "Product taxes less subsidies of the week"),
        Column("profit_tax_paid", "currency/wk", 0.0, "Profit tax of the week", low=0),
        Column("tax_arrears", "currency", 0.0, "Taxes due and not paid", low=0),
        Column("government_wages", "currency/wk", 0.0, "Wages of public employees", axis="household", low=0),
        Column("transfers", "currency/wk", 0.0, "Constant transfers to the cell", axis="household"),
        Column("benefits", "currency/wk", 0.0, "Unemployment benefit of the week", axis="household", low=0),
        Column("potential_wages", "currency/wk", 0.0, "Wages at full employment", axis="household", low=0),
        Column("tax_rate", "1", 0.0, "Rate of the income tax (row of the government)", axis="account", low=0, high=1),
    )
    reads = ("output", "profit", "invested", "foreign_lending")
    writes = (*(c.name for c in columns), "income", "disposable", "spendable", "cash", "deposits", "balance")

    profit_tax: float = param(0.15, unit="1", doc="τ_Π: tax on profits", low=0, high=0.9, source="assumption")
    income_tax: float | None = param(0.25, unit="1", doc="τ_y: tax on household income; null: closes the budget", low=0, high=0.9,
                                     source="assumption; tax net of transfers is about 5 % in the US table")  # fmt: skip
    other_transfers: float | None = param(None, unit="currency/yr", doc="Transfers besides the benefit, when income_tax is null", low=0,
                                    source="assumption")  # fmt: skip
    benefit_share: float = param(0.5, unit="1", doc="b: benefit as a share of the lost wage", low=0, high=1,
                                 source="assumption; BeforeIT uses .55 net")  # fmt: skip
    unemployment: float = param(0.05, unit="1", doc="u₀: unemployment at rest", low=0, high=0.5, source="assumption")
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
        self._tax(state, firms.product_tax_paid, "product taxes")

    def tax_profits(self, state, step):
        """Profit tax; losses are not carried forward."""
        firms = state.firms
        firms.profit_tax_paid[:] = self.profit_tax * np.maximum(firms.profit, 0.0)
        self._tax(state, firms.profit_tax_paid, "profit tax")

    def _tax(self, state, tax, flow) -> None:
        due = tax + state.firms.tax_arrears
        paid = afford(state, due)
        state.firms.tax_arrears[:] = np.maximum(due - paid, 0.0)
        transfer(state, "firm", GOVERNMENT, paid, flow)

    def pay(self, state, step):
        """Public wages, transfers and benefits; then the income tax, which leaves disposable income."""
        cells = state.households
        transfer(state, GOVERNMENT, "household", cells.government_wages, "government wages")
        cells.income[:] += cells.government_wages
        cells.benefits[0::2] = self.benefit_share * np.maximum(cells.potential_wages - cells.income, 0.0)[0::2]
        transfer(state, GOVERNMENT, "household", cells.transfers, "transfers")
        transfer(state, GOVERNMENT, "household", cells.benefits, "benefits")

    def collect(self, state, step):
        """Income tax; what is left after it, investment and lending abroad is disposable."""
        cells = state.households
        tax = state.accounts.tax_rate[state.account(GOVERNMENT)] * cells.income
        transfer(state, "household", GOVERNMENT, tax, "income tax")
        cells.disposable[:] = cells.income - tax + cells.transfers + cells.benefits - cells.invested - cells.foreign_lending
