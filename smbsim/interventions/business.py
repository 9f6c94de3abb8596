r"""Policies for firms: credit, grants, wages, taxes, purchases of the state; and rules, which cost hours.

    credit_guarantee        guarantee_share c ; the budget holds the whole amount guaranteed, so that losses can never exceed it
    emergency_loan          m · payroll, once: a bank loan whose loss the state bears in full
    grant                   m · payroll, once
    wage_subsidy            share m of the pay of idle staff ; firms lay off that much less of it
    tax_deferral            share m of product and profit taxes becomes due later
    procurement_preference  the firm's share of government purchases · (1 + m), at the expense of others in its sector
    regulation              compliance hours, paid to the workers of the firm's region: m b_i Σ_j W_j / Σ_j b_j  over the firms it binds
      inverted_u            b_i = W_i [1 + r exp(-(ln L_i - ln L_peak)² / 2 s²)]
      fixed_cost            b_i = (1 - f) W_i / Σ_j W_j + f w_i / Σ_j w_j

payroll_i is the weekly pay of the normal staff, W_i the wage bill, w_i the wage, L_i employment; m the strength of the week. What policies
cover together is covered once: the second takes its share of what the first left. A guarantee's fee is paid once, out of the loan.

Sources: MODEL.md X1; SBA 7(a) for coverage; the US Paycheck Protection Program of 2020 for two and a half months of payroll; the British
Coronavirus Job Retention Scheme for 80 % of pay; Trebbi, Zhang and Simkovic (2023) for compliance cost by size; the rest are assumptions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import heads
from ..accounts import afford, draw_on, lend, transfer
from ..rest import GOVERNMENT
from ..schema import param
from ..state import State, total
from .policy import Policy, cover, payroll


class CreditGuarantee(Policy):
    """The state bears a share of the loss on new bank loans, so that banks lend to more firms."""

    amount = "coverage"
    guarantees = True
    needs = ("credit",)
    moves = (("firms", "guarantee_share"),)
    kind: Literal["credit_guarantee"] = param("credit_guarantee", unit="choice", doc="Kind of policy", source="definition")
    coverage: float = param(0.8, unit="1", doc="Share of a loss that the state bears", low=0, high=1,
                            source="US SBA 7(a): .75 to .85")  # fmt: skip
    fee: float = param(0.0, unit="1", doc="Paid once by the firm, as a share of the amount guaranteed", low=0, high=0.5,
                       source="assumption; US SBA 7(a): .02 to .0375")  # fmt: skip

    def act(self, state, k, m, who, step):
        """Phase 0: the state bears a share m of what earlier guarantees leave of the loss."""
        cover(state.firms.guarantee_share, state.firms.support_level[:, k], m, who)

    def support(self, state, k, step):
        """The budget is taken up by what this week's new loans are guaranteed for (new_loans (n,) currency); the fee is paid out of the
        loan."""
        firms = state.firms
        asked = firms.support_level[:, k] * firms.new_loans
        if not asked.any():
            return
        given = draw_on(state, k, asked)
        firms.guaranteed_debt[:] = np.maximum(firms.guaranteed_debt - (asked - given), 0.0)  # the budget did not hold the rest
        self._book(state, k, given, paid=False)
        if self.fee:
            transfer(state, "firm", GOVERNMENT, self.fee * given, f"{state.policy_names[k]} fee")
            state.policies.returned[k] += self.fee * float(total(given))


class EmergencyLoan(Policy):
    """A bank loan, once, of some weeks of payroll, whose loss the state bears in full; it is repaid like any other loan."""

    amount = "weeks"
    guarantees = True
    needs = ("finance", "credit")
    moves = (("firms", "guaranteed_debt"),)
    kind: Literal["emergency_loan"] = param("emergency_loan", unit="choice", doc="Kind of policy", source="definition")
    weeks: float = param(10.8, unit="wk", doc="Amount in weeks of the pay of the normal staff", low=0, high=520,
                         source="US Paycheck Protection Program (2020): 2.5 months of payroll")  # fmt: skip
    most: float | None = param(None, unit="currency", doc="Largest loan to one firm; null: no limit", low=0, source="choice")

    def support(self, state, k, step):
        """Lends to those who had nothing so far, in full guaranteed; the whole amount is taken from the budget."""
        given = _once(self, state, k)
        if given is not None:
            lend(state, given, state.policy_names[k])
            state.firms.guaranteed_debt[:] += given
            self._book(state, k, given, paid=False)


class Grant(Policy):
    """Money, once, of some weeks of payroll."""

    amount = "weeks"
    moves = (("firms", "cash"),)
    kind: Literal["grant"] = param("grant", unit="choice", doc="Kind of policy", source="definition")
    weeks: float = param(10.8, unit="wk", doc="Amount in weeks of the pay of the normal staff", low=0, high=520,
                         source="US Paycheck Protection Program (2020): 2.5 months of payroll")  # fmt: skip
    most: float | None = param(None, unit="currency", doc="Largest grant to one firm; null: no limit", low=0, source="choice")

    def support(self, state, k, step):
        """Pays those who had nothing so far."""
        given = _once(self, state, k)
        if given is not None:
            transfer(state, GOVERNMENT, "firm", given, state.policy_names[k])
            self._book(state, k, given)


def _once(policy: EmergencyLoan | Grant, state: State, k: int) -> np.ndarray | None:
    """(n,) what firms that had nothing so far are given this week; None if nobody is."""
    firms = state.firms
    asked = np.where(firms.support[:, k] == 0.0, np.maximum(firms.support_level[:, k], 0.0) * payroll(state), 0.0)
    if policy.most is not None:
        asked = np.minimum(asked, policy.most)
    return draw_on(state, k, asked) if asked.any() else None


class WageSubsidy(Policy):
    """The state pays a share of the wages of staff without work, so that firms keep more of it. Paid with the wages."""

    amount = "share"
    needs = ("labour",)
    moves = (("firms", "wage_subsidy_share"),)
    kind: Literal["wage_subsidy"] = param("wage_subsidy", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.8, unit="1", doc="Share of the pay of idle staff", low=0, high=1,
                         source="UK Coronavirus Job Retention Scheme (2020): .8")  # fmt: skip

    def act(self, state, k, m, who, step):
        """Phase 0: a share m of what earlier subsidies leave of the pay of idle staff."""
        cover(state.firms.wage_subsidy_share, state.firms.support_level[:, k], m, who)

    def support(self, state, k, step):
        """Claims on what labour is about to pay; where the budget is short the share that it reads is lowered."""
        firms, level = state.firms, state.firms.support_level[:, k]
        if not level.any():
            return
        idle = np.maximum(firms.employment + firms.borrowed - heads.needed(state, firms.output), 0.0)
        asked = level * firms.wage_factor * firms.wage * idle
        given = draw_on(state, k, asked)
        refused = 1.0 - np.divide(given, asked, out=np.ones(firms.n), where=asked > 0)
        firms.wage_subsidy_share[:] = np.maximum(firms.wage_subsidy_share - level * refused, 0.0)
        self._book(state, k, given)


class TaxDeferral(Policy):
    """A share of product and profit taxes is due later without interest, in parts once the policy has ended (government.deferral_weeks)."""

    amount = "share"
    moves = (("firms", "tax_deferral_share"),)
    kind: Literal["tax_deferral"] = param("tax_deferral", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(1.0, unit="1", doc="Share of taxes that is deferred", low=0, high=1, source="assumption")

    def act(self, state, k, m, who, step):
        """Phase 0: the share of this week's taxes that becomes due later."""
        state.firms.tax_deferral_share[who, k] = min(max(m, 0.0), 1.0)


class ProcurementPreference(Policy):
    """The state buys more from these firms than from others in their sector; what it spends in the sector stays what it was."""

    spends = False
    moves = (("firms", "procurement_factor"),)
    kind: Literal["procurement_preference"] = param("procurement_preference", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(..., unit="1", doc="Share added to the firm's weight in government purchases", low=-1, high=1000, source="choice")

    def act(self, state, k, m, who, step):
        """Phase 0: the weight in government purchases."""
        super().act(state, k, m, who, step)
        state.firms.procurement_factor[who] *= max(0.0, 1.0 + m)


class Regulation(Policy):
    """Rules cost hours: compliance takes a share of the wage bill of all firms it binds, spread over them by size by one of two curves."""

    amount = "share"
    spends = False
    moves = (("firms", "compliance_cost"),)
    kind: Literal["regulation"] = param("regulation", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.0134, unit="1", doc="Compliance cost by wage bill, of all together", low=0, high=1,
                         source="Trebbi, Zhang and Simkovic (2023): .0134, up to .0333")  # fmt: skip
    curve: Literal["inverted_u", "fixed_cost"] = param("inverted_u", unit="choice", doc="Course by size", source="definition")
    peak: float = param(500.0, unit="heads", doc="Size at which it is dearest, of inverted_u", low=1, high=1e6,
                        source="Trebbi, Zhang and Simkovic (2023)")  # fmt: skip
    rise: float = param(0.4, unit="1", doc="How much dearer it is there than for the smallest, of inverted_u", low=0, high=100,
                        source="Trebbi, Zhang and Simkovic (2023)")  # fmt: skip
    width: float = param(2.0, unit="1", doc="Breadth of the hump in the logarithm of size, of inverted_u", low=0.1, high=20,
                         source="assumption: nothing is left of the rise at one head")  # fmt: skip
    fixed: float = param(0.8, unit="1", doc="Share that does not depend on size, of fixed_cost", low=0, high=1, source="assumption")

    def charge(self, state, k, step):
        """Firms pay for compliance (n,) currency/wk, as far as they can afford it, to the workers of their region; the rest is owed as
        arrears of wages."""
        firms = state.firms
        level = np.where(firms.alive, np.maximum(state.firms.support_level[:, k], 0.0), 0.0)
        bound = np.flatnonzero(level * firms.wage_bill > 0.0)
        if not len(bound):
            return
        due = np.zeros(firms.n)
        due[bound] = level[bound] * self.base(firms.employment[bound], firms.wage_bill[bound], (firms.wage_factor * firms.wage)[bound])
        paid = afford(state, due)
        firms.wage_arrears[:] += np.maximum(due - paid, 0.0)
        firms.compliance_cost[:] += due
        received = np.zeros(state.households.n)
        received[0::2] = state.by_region(paid)
        transfer(state, "firm", "household", paid, state.policy_names[k], received)
        state.households.income[:] += received

    def base(self, heads: np.ndarray, wage_bill: np.ndarray, wage: np.ndarray) -> np.ndarray:
        """What `share` is taken of, for the firms it binds; the sum is that of their wage bills, whatever the curve.

        heads (n,), wage_bill (n,) currency/wk, wage (n,) currency per head and week; returns (n,) currency/wk
        """
        whole = total(wage_bill)
        if self.curve == "fixed_cost":
            by_size = (1.0 - self.fixed) * wage_bill / whole + self.fixed * wage / total(wage)
        else:
            distance = np.log(np.maximum(heads, 1.0)) - np.log(self.peak)
            by_size = wage_bill * (1.0 + self.rise * np.exp(-0.5 * (distance / self.width) ** 2))
        return by_size * (whole / total(by_size))
