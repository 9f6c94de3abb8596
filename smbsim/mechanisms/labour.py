r"""Labour (M7) in its limit: employment follows the need of the same week, wages are paid for the labour used.

    L_i = λ_i x_i                     heads needed for the output of the week
    wages_i = w_i L_i
    labour_limit_i = ∞ ;  while a labour shock is on (factor m < 1):  m_i · normal output of firm i

A labour shock keeps a share of the normal staff away, so the limit is that share of output at rest; without one hiring is instant.

symbol  column                    unit
λ       labour_coefficient        heads per base currency/wk
w       wage                      currency per head and week

Source: the limit of M7 (γ_H, γ_F → ∞, unlimited pool); wages per head are the table's compensation by employment.
"""

from __future__ import annotations

import numpy as np

from ..accounts import afford, transfer
from ..schema import Column, param
from ..state import UNLIMITED
from .base import Mechanism


class Labour(Mechanism):
    name = "labour"
    columns = (
        Column("employment", "heads", 0.0, "Labour used, in full-time equivalents", low=0),
        Column("normal_output", "base currency/wk", 0.0, "Output that the normal staff makes", low=0),
        Column("labour_coefficient", "heads per base currency/wk", 0.0, "Labour per unit of weekly output", low=0),
        Column("wage", "currency/wk", 0.0, "Pay of one head", low=0),
        Column("wage_bill", "currency/wk", 0.0, "Wages of the week", low=0),
        Column("wage_arrears", "currency", 0.0, "Wages due and not paid", low=0),
        Column("labour_factor", "1", 1.0, "Share of the normal staff left by shocks", low=0),
        Column("labour_limit", "base currency/wk", 1e300, "Output that labour allows", low=0),
        Column("income", "currency/wk", 0.0, "Taxable income of the cell this week", axis="household"),
    )
    reads = ("output",)
    writes = (*(c.name for c in columns), "spendable", "cash", "deposits")

    enabled: bool = param(False, unit="switch", doc="Hiring and firing; off: employment follows need", source="limit of M7")

    def settle(self, state, rest):
        firms = state.firms
        firms.employment[:] = rest.employment
        firms.normal_output[:] = rest.output
        firms.labour_coefficient[:] = np.divide(rest.employment, rest.output, out=np.zeros(firms.n), where=rest.output > 0)
        firms.wage[:] = np.divide(rest.wages, rest.employment, out=np.zeros(firms.n), where=rest.employment > 0)
        firms.wage_bill[:] = rest.wages
        firms.labour_limit[:] = UNLIMITED
        state.households.income[:] = rest.taxable_income

    def adjust(self, state, step):
        """Output that labour allows this week."""
        firms = state.firms
        firms.labour_limit[:] = np.where(firms.labour_factor < 1.0, firms.labour_factor * firms.normal_output, UNLIMITED)

    def release(self, state, step):
        """Workers of firms that closed this week become unemployed."""

    def pay(self, state, step):
        """Wages for the labour used, from firms to the worker cells of their region."""
        firms, households = state.firms, state.households
        firms.employment[:] = firms.labour_coefficient * firms.output
        firms.wage_bill[:] = firms.wage * firms.employment
        due = firms.wage_bill + firms.wage_arrears
        paid = afford(state, due)
        firms.wage_arrears[:] = due - paid
        households.income[:] = 0.0
        households.income[0::2] = state.by_region(paid)
        transfer(state, "firm", "household", paid, "wages", households.income)
