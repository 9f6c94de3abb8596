r"""Policies (X1): interventions of the state with a budget, conditions, take-up and an administrative lag.

    entitled_i      first week of the window in which firm i is a target, takes the policy up and meets its condition
    supported       from entitled_i + lag on, while the policy acts and the firm lives
    committed       Σ what was paid, deferred or guaranteed ≤ budget ;  a year of the policy ≤ yearly budget
    given           claims · min(1, left / Σ claims)                     in the week in which the budget runs out all get the same share

    credit_guarantee        guarantee_share c ; the budget holds the whole amount guaranteed, so that losses can never exceed it
    emergency_loan          m · payroll, once: a bank loan whose loss the state bears in full
    grant                   m · payroll, once
    wage_subsidy            share m of the pay of idle staff ; firms lay off that much less of it
    tax_deferral            share m of product and profit taxes becomes due later
    procurement_preference  the firm's share of government purchases · (1 + m), at the expense of others in its sector
    benefit                 unemployment benefit · (1 + m)
    regulation              compliance hours, paid to the workers of the firm's region: m b_i Σ_j W_j / Σ_j b_j  over the firms it binds
      inverted_u            b_i = W_i [1 + r exp(-(ln L_i - ln L_peak)² / 2 s²)]
      fixed_cost            b_i = (1 - f) W_i / Σ_j W_j + f w_i / Σ_j w_j

payroll_i is the weekly pay of the normal staff, W_i the wage bill, w_i the wage, L_i employment; m the strength of the week. What policies
cover together is covered once: the second takes its share of what the first left. A guarantee's fee is paid once, out of the loan.

What a policy has committed, spent and got back, and who was entitled, stands in the state, so that a copy of it goes on exactly.
Nothing is moved, drawn from or written where the strength, the budget or the take-up is zero.

Sources: MODEL.md X1; SBA 7(a) for coverage; the US Paycheck Protection Program of 2020 for two and a half months of payroll; the British
Coronavirus Job Retention Scheme for 80 % of pay; Trebbi, Zhang and Simkovic (2023) for compliance cost by size; the rest are assumptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Union

import numpy as np
from pydantic import Field

from .. import heads
from ..accounts import afford, draw_on, lend, transfer
from ..draws import Draws
from ..mechanisms.base import Step
from ..rest import BANK, GOVERNMENT
from ..schema import WEEKS_PER_YEAR, param
from ..state import NEVER, UNLIMITED, State, total
from .base import EMPTY, Intervention, Known, resolve

CONDITIONS = ("all", "arrears", "low_cash", "sales_drop", "refused")
THRESHOLDS = {"low_cash": 0.5, "sales_drop": 0.25}  # of the liquidity target, and below normal sales; assumptions
CONDITION_NEEDS = {"arrears": ("finance",), "refused": ("credit",)}  # without them nobody ever meets the condition
SPENT_UP = 1e-9  # of a budget: less is left by rounding
PAYOUT = ("guarantees", GOVERNMENT, BANK)  # the flow by which the state makes good a guaranteed loan


class Policy(Intervention):
    """What all policies have. Subclasses say what they do in `act` (phase 0) and in the phases that move money.

    spends     : it takes from a budget
    guarantees : what it gives are promises, paid when a loan is lost
    """

    section = "policies"
    spends: ClassVar[bool] = True
    guarantees: ClassVar[bool] = False

    name: str | None = param(None, unit="choice", doc="Name in tables and flows; null: its kind, numbered", source="choice")
    budget: float | None = param(None, unit="currency", doc="Most that it commits in all; null: no limit", low=0, source="choice")
    yearly_budget: float | None = param(None, unit="currency/yr", doc="Most that it commits in 52 weeks from start on; null: no limit",
                                        low=0, source="choice")  # fmt: skip
    eligibility: Literal[CONDITIONS] = param(
        "all", unit="choice", doc="Condition, looked at every week until it is met: anything overdue; deposits below `threshold` of the "
        "liquidity target; expected demand at least `threshold` below normal; last loan refused", source="definition",
    )  # fmt: skip
    threshold: float | None = param(None, unit="1", doc="Of eligibility low_cash (null: .5) and sales_drop (null: .25)", low=0, high=100,
                                    source="assumption")  # fmt: skip
    take_up: float = param(1.0, unit="1", doc="Probability that a firm that may have it asks for it", low=0, high=1, source="assumption")
    lag: int = param(0, unit="wk", doc="Weeks from entitlement to support", low=0, high=520, source="assumption")

    @property
    def needed(self) -> tuple[str, ...]:
        """Sections of the scenario that must be enabled: for what the policy does, and for its condition."""
        return (*self.needs, *CONDITION_NEEDS.get(self.eligibility, ()))

    def _misfits(self) -> list[str]:
        problems = []
        if self.threshold is not None and self.eligibility not in THRESHOLDS:
            problems.append(f"threshold belongs to eligibility {' or '.join(THRESHOLDS)}")
        if self.end is not None and self.start + self.lag >= self.end:
            problems.append(f"with a lag of {self.lag} weeks nobody is supported before stop {self.end}")
        given = [key for key in ("budget", "yearly_budget") if getattr(self, key) is not None]
        if given and not self.spends:
            problems.append(f"{self.kind} takes nothing from a budget: leave out {' and '.join(given)}")
        if self.name is not None and not self.name.strip():
            problems.append("name is empty: leave it out or give one")
        return problems

    def takers(self, mask: np.ndarray, state: State, draws: Draws) -> np.ndarray:
        """Of the firms concerned, those that would ask for it; the same ones in every variant."""
        return mask & (draws.uniform(f"take-up {self.kind}", 0, state.firms.uid[: len(mask)]) < self.take_up)

    def begin(self, state: State, k: int, step: Step, takers: np.ndarray) -> None:
        """What the budget allows this week, who is supported and at which level. k: row of its books."""
        books = state.policies
        if step.t >= self.start and (step.t - self.start) % WEEKS_PER_YEAR == 0:
            books.committed_before[k] = books.committed[k]
        books.left[k] = self._left(books.committed[k], books.committed_before[k])
        m = self.strength(step.t, step.draws)
        if m != 0.0 and books.left[k] > 0.0:
            self.act(state, k, m, self._supported(state, k, step.t, takers))

    def _left(self, committed: float, before: float) -> float:
        pairs = ((self.budget, committed), (self.yearly_budget, committed - before))
        left = [budget - used if budget - used > SPENT_UP * budget else 0.0 for budget, used in pairs if budget is not None]
        return min(left, default=UNLIMITED)

    def _supported(self, state: State, k: int, t: int, takers: np.ndarray) -> np.ndarray:
        """(n,) who is supported this week; who meets the condition for the first time is entitled from now on."""
        firms, entitled = state.firms, state.firms.entitled[:, k]
        if self.end is None or t < self.end:
            asking = np.zeros(firms.n, dtype=bool)
            asking[: len(takers)] = takers
            entitled[asking & firms.alive & (entitled == NEVER) & self._condition(state)] = t
        return firms.alive & (entitled <= t - self.lag)

    def _condition(self, state: State) -> np.ndarray:
        firms = state.firms
        threshold = THRESHOLDS.get(self.eligibility) if self.threshold is None else self.threshold
        if self.eligibility == "arrears":
            return firms.overdue > 0
        if self.eligibility == "low_cash":
            return firms.cash < threshold * firms.liquidity_target
        if self.eligibility == "sales_drop":
            return firms.expected_demand <= (1.0 - threshold) * firms.normal_output
        if self.eligibility == "refused":
            return firms.refused.copy()
        return np.ones(firms.n, dtype=bool)

    def act(self, state: State, k: int, m: float, who: np.ndarray) -> None:
        """Phase 0: the level of the firms supported this week, and the modifiers that others read."""
        state.firms.support_level[who, k] = m

    def support(self, state: State, k: int) -> None:
        """Before firms know what they can spend: what the state gives them."""

    def charge(self, state: State, k: int) -> None:
        """After wages: what it costs the firms."""

    def top_up(self, state: State, k: int, step: Step) -> None:
        """After benefits: what the state gives households."""

    def _book(self, state: State, k: int, given: np.ndarray, paid: bool = True) -> None:
        state.firms.support[:, k] += given
        if paid:
            state.policies.spent[k] += float(total(given))


def cover(column: np.ndarray, level: np.ndarray, m: float, who: np.ndarray) -> None:
    """A share m of what is not covered yet: level = m (1 - column), added to the column, for the firms of the mask. column, level (n,)."""
    level[who] = min(max(m, 0.0), 1.0) * (1.0 - column[who])
    column[who] += level[who]


def payroll(state: State) -> np.ndarray:
    """(n,) currency/wk pay of the normal staff."""
    firms = state.firms
    return firms.wage * firms.labour_coefficient * firms.normal_output


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

    def act(self, state, k, m, who):
        """Phase 0: the state bears a share m of what earlier guarantees leave of the loss."""
        cover(state.firms.guarantee_share, state.firms.support_level[:, k], m, who)

    def support(self, state, k):
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

    def support(self, state, k):
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

    def support(self, state, k):
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

    def act(self, state, k, m, who):
        """Phase 0: a share m of what earlier subsidies leave of the pay of idle staff."""
        cover(state.firms.wage_subsidy_share, state.firms.support_level[:, k], m, who)

    def support(self, state, k):
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

    def act(self, state, k, m, who):
        """Phase 0: the share of this week's taxes that becomes due later."""
        state.firms.tax_deferral_share[who, k] = min(max(m, 0.0), 1.0)


class ProcurementPreference(Policy):
    """The state buys more from these firms than from others in their sector; what it spends in the sector stays what it was."""

    spends = False
    moves = (("firms", "procurement_factor"),)
    kind: Literal["procurement_preference"] = param("procurement_preference", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(..., unit="1", doc="Share added to the firm's weight in government purchases", low=-1, high=1000, source="choice")

    def act(self, state, k, m, who):
        """Phase 0: the weight in government purchases."""
        super().act(state, k, m, who)
        state.firms.procurement_factor[who] *= max(0.0, 1.0 + m)


class Benefit(Policy):
    """Unemployment benefit is higher by this share. The target can name regions."""

    moves = (("households", "benefits"),)
    kind: Literal["benefit"] = param("benefit", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(..., unit="1", doc="Share added to the benefit; below zero a cut", low=-1, high=10, source="choice")

    def _misfits(self):
        others = [key for key in self.target.given() if key != "region"]
        problems = [f"the target of benefit can name regions only, not {', '.join(others)}"] if others else []
        if self.eligibility != "all":
            problems.append("benefit goes to the unemployed: leave out eligibility")
        return problems + super()._misfits()

    def mask(self, state, draws):
        """(R,) bool: the regions concerned."""
        return np.array([self.target.region is None or name in self.target.region for name in state.region_names], dtype=bool)

    def takers(self, mask, state, draws):
        """The regions concerned: take-up is a share of the unemployed, see `top_up`."""
        return mask

    def begin(self, state, k, step, takers):
        """As for all policies, with no firm supported."""
        super().begin(state, k, step, np.zeros(0, dtype=bool))

    def top_up(self, state, k, step):
        """m of the benefits (C,) currency/wk of the cells concerned, times take-up, more; a cut (m < 0) is paid back, and takes at most
        what there is."""
        m = self.take_up * self.strength(step.t, step.draws)
        if m == 0.0 or step.t < self.start + self.lag or state.policies.left[k] == 0.0:
            return
        cells = state.households
        asked = max(m, -1.0) * np.where(np.repeat(self.mask(state, step.draws), 2), cells.benefits, 0.0)
        given = draw_on(state, k, asked)
        transfer(state, GOVERNMENT, "household", given, state.policy_names[k])
        cells.benefits[:] = np.maximum(cells.benefits + given, 0.0)
        state.policies.spent[k] += float(total(given))


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

    def charge(self, state, k):
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


KINDS = {
    "credit_guarantee": CreditGuarantee,
    "emergency_loan": EmergencyLoan,
    "grant": Grant,
    "wage_subsidy": WageSubsidy,
    "tax_deferral": TaxDeferral,
    "procurement_preference": ProcurementPreference,
    "benefit": Benefit,
    "regulation": Regulation,
}

AnyPolicy = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007 (built from the table)


# -- the policies of a scenario ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Programme:
    """The policies of a scenario as phases of the week. rows: of their books; takers: firms that would ask for each."""

    policies: Sequence[Policy]
    rows: Sequence[int]
    takers: Sequence[np.ndarray]
    name: ClassVar[str] = "policies"
    optional: ClassVar[bool] = False

    def begin(self, state: State, step: Step) -> None:
        """Who is entitled to what, within which budgets."""
        for policy, k, takers in zip(self.policies, self.rows, self.takers, strict=True):
            policy.begin(state, k, step, takers)

    def support(self, state: State, step: Step) -> None:
        """What the state gives firms, lends them and promises their bank."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.support(state, k)

    def charge(self, state: State, step: Step) -> None:
        """What rules cost the firms."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.charge(state, k)

    def top_up(self, state: State, step: Step) -> None:
        """What the state gives households."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.top_up(state, k, step)

    def make_good(self, state: State, step: Step) -> None:
        """Books the guarantees paid this week, firm by firm in proportion to what each policy had guaranteed."""
        rows = [k for policy, k in zip(self.policies, self.rows, strict=True) if policy.guarantees]
        paid = state.flows.get(PAYOUT, 0.0)
        if not rows or paid == 0.0:
            return
        promised = state.firms.support[:, rows]
        by_firm = promised.sum(axis=1)
        lost = np.minimum(state.firms.loan_losses, by_firm)
        if lost.any():
            share = np.divide(promised, by_firm[:, None], out=np.zeros_like(promised), where=by_firm[:, None] > 0)
            state.policies.spent[rows] += min(paid / lost.sum(), 1.0) * (lost @ share)


def labels(policies: Sequence[Policy]) -> tuple[str, ...]:
    """The name of each policy: the one given, or its kind, numbered from the second on."""
    found: list[str] = []
    for policy in policies:
        name, number = policy.name or policy.kind, 2
        while name in found:
            name, number = f"{policy.name or policy.kind} {number}", number + 1
        found.append(name)
    return tuple(found)


def enact(policies: Sequence[Policy], state: State, draws: Draws, known: Known = EMPTY) -> tuple[Programme, ...]:
    """The programme of a scenario, with its books opened in the state; nothing where there is no policy.

    known: whom policies concern that began earlier

    Raises InputError, one line per mistake: a name that is not there, a target that selects nothing, a column that nobody reads.
    """
    if not policies:
        return ()
    masks = resolve(policies, state, draws, known)
    takers = tuple(policy.takers(mask, state, draws) for policy, mask in zip(policies, masks, strict=True))
    return (Programme(tuple(policies), tuple(state.enact(labels(policies))), takers),)
