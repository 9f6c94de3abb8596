r"""What all policies have: a budget, conditions, take-up and an administrative lag; and books in which all of it stands.

    entitled_i      first week of the window in which firm i is a target, takes the policy up and meets its condition
    supported       from entitled_i + lag on, while the policy acts and the firm lives
    committed       Σ what was paid, deferred or guaranteed ≤ budget ;  a year of the policy ≤ yearly budget
    given           claims · min(1, left / Σ claims)                     in the week in which the budget runs out all get the same share

What a policy has committed, spent and got back, and who was entitled, stands in the state, so that a copy of it goes on exactly.
Nothing is moved, drawn from or written where the strength, the budget or the take-up is zero.

Source: MODEL.md X1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from ..draws import Draws
from ..mechanisms.base import Step
from ..schema import WEEKS_PER_YEAR, param
from ..state import NEVER, UNLIMITED, State, total
from .base import Intervention
from .rules import OBSERVED_NEEDS, AnyRule

CONDITIONS = ("all", "arrears", "low_cash", "sales_drop", "refused")
THRESHOLDS = {"low_cash": 0.5, "sales_drop": 0.25}  # of the liquidity target, and below normal sales; assumptions
CONDITION_NEEDS = {"arrears": ("finance",), "refused": ("credit",)}  # without them nobody ever meets the condition
SPENT_UP = 1e-9  # of a budget: less is left by rounding


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
    rule: AnyRule | None = param(None, unit="choice", doc="At which level it runs, by what is seen: threshold, pi, experiment or warning",
                                 source="choice")  # fmt: skip

    @property
    def needed(self) -> tuple[str, ...]:
        """Sections of the scenario that must be enabled: for what the policy does, and for its condition."""
        seen = OBSERVED_NEEDS.get(self.rule.observe, ()) if self.rule is not None else ()
        return (*self.needs, *CONDITION_NEEDS.get(self.eligibility, ()), *seen)

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
        if self.rule is not None and step.t == self.start:
            self.rule.begin(state, k, step, self.regions(state))
        if step.t >= self.start and (step.t - self.start) % WEEKS_PER_YEAR == 0:
            books.committed_before[k] = books.committed[k]
        books.left[k] = self._left(books.committed[k], books.committed_before[k])
        m = self.running(state, k, step)
        if m != 0.0 and books.left[k] > 0.0:
            self.act(state, k, m, self._supported(state, k, step.t, takers), step)

    def running(self, state: State, k: int, step: Step) -> float:
        """m of the week, times the level of its rule, as far as shocks leave it."""
        return self.strength(step.t, step.draws) * float(state.policies.rule_level[k] * state.policies.policy_factor[k])

    def regions(self, state: State) -> np.ndarray:
        """(R,) bool: the regions of the target, which its rule looks at."""
        return np.array([self.target.region is None or name in self.target.region for name in state.region_names], dtype=bool)

    def watch(self, state: State, k: int, step: Step) -> None:
        """At the end of the week: what the rule sees, and does."""
        if self.rule is not None:
            self.rule.watch(state, k, step, self.start, self.regions(state))

    def _left(self, committed: float, before: float) -> float:
        pairs = ((self.budget, committed), (self.yearly_budget, committed - before))
        left = [budget - used if budget - used > SPENT_UP * budget else 0.0 for budget, used in pairs if budget is not None]
        return min(left, default=UNLIMITED)

    def _supported(self, state: State, k: int, t: int, takers: np.ndarray) -> np.ndarray:
        """(n,) who is supported this week; who meets the condition for the first time is entitled from now on."""
        firms, entitled, on = state.firms, state.firms.entitled[:, k], state.policies.region_on[k]
        there = firms.alive & (np.append(on, on.min(initial=1.0))[firms.region] > 0.0)
        if self.end is None or t < self.end:
            asking = np.zeros(firms.n, dtype=bool)
            asking[: len(takers)] = takers
            entitled[asking & there & (entitled == NEVER) & self._condition(state)] = t
        return there & (entitled <= t - self.lag)

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

    def act(self, state: State, k: int, m: float, who: np.ndarray, step: Step) -> None:
        """Phase 0: the level of the firms supported this week, and the modifiers that others read."""
        state.firms.support_level[who, k] = m

    def support(self, state: State, k: int, step: Step) -> None:
        """Before firms know what they can spend: what the state gives them."""

    def charge(self, state: State, k: int, step: Step) -> None:
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


class Regional(Policy):
    """A policy for regions, whose target can name regions only. Take-up is a share of the people concerned."""

    def _misfits(self):
        others = [key for key in self.target.given() if key != "region"]
        problems = [f"the target of {self.kind} can name regions only, not {', '.join(others)}"] if others else []
        if self.eligibility != "all":
            problems.append(f"{self.kind} is for regions: leave out eligibility")
        return problems + super()._misfits()

    def mask(self, state, draws):
        """(R,) bool: the regions concerned."""
        return self.regions(state)

    def takers(self, mask, state, draws):
        """The regions concerned."""
        return mask

    def begin(self, state, k, step, takers):
        """As for all policies, with no firm supported."""
        super().begin(state, k, step, np.zeros(0, dtype=bool))

    def given_to(self, state: State, k: int, step: Step) -> np.ndarray:
        """(R,) the strength in each region this week, times take-up; 0 before the lag is over and once the budget is spent."""
        if step.t < self.start + self.lag or state.policies.left[k] == 0.0:
            return np.zeros(state.regions.n)
        return self.take_up * self.running(state, k, step) * self.regions(state) * state.policies.region_on[k]


def share_left(share: np.ndarray, k: int, m: float, who: np.ndarray) -> None:
    """Writes policy k's share of what earlier policies leave: m in [0, 1] of 1 - Σ share, for the firms `who` (n,). share (n, policies)."""
    share[who, k] = min(max(m, 0.0), 1.0) * np.maximum(1.0 - share[who].sum(axis=1), 0.0)


def mean_wage(state: State) -> float:
    """Currency per head and week at rest, over all regions."""
    force = float(state.regions.labour_force.sum())
    return float(state.households.potential_wages.sum()) / force if force > 0 else 0.0


def payroll(state: State) -> np.ndarray:
    """(n,) currency/wk pay of the normal staff."""
    firms = state.firms
    return firms.wage * firms.labour_coefficient * firms.normal_output
