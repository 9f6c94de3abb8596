r"""Policies for technology: what tools cost, what owners know of them, and what they run on.

    tool_grant              the state pays the share m of setting up tools, at most `most` to one firm
    tax_credit              the share m of what firms spend on tools and training comes back a quarter later; owners count on it
    advisory_support        once for a firm: the variance of its first beliefs · (1 - m), for as long as the policy acts; tools fit better
                            for good, by the factor 1 + fit m. So many firms a quarter, chosen
      random                by lot
      need                  those with the least depth of tools first, by pay of the functions
      uplift                by the predicted rise of the chance to begin a pilot, Σ_f φ_f [Λ(w_f + (1 - √(1-m)) d_f) - Λ(w_f)] first
    digital_infrastructure  regions' infrastructure + m · (committed / cost) once it is built, which takes `lag` weeks and is paid for
                            in them
    public_platform         the share m of what members of platforms would pay, to the operators; for members fees fall by as much

w_f are the log odds with which a firm that looks at the best tool of function f begins a pilot, d_f the part of them that doubt takes, as
of the firm's last review (`automation`); φ_f is the function's share of pay; Λ the logistic function.

Sources: MODEL.md X1; the rest are assumptions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..accounts import draw_on, transfer
from ..draws import logistic
from ..rest import DATA_PLATFORM, GOVERNMENT, INVESTMENT, MARKETPLACE
from ..schema import WEEKS_PER_QUARTER, WEEKS_PER_YEAR, param
from ..state import UNLIMITED, State, total
from .policy import Policy, Regional, mean_wage, share_left


class ToolGrant(Policy):
    """The state pays a share of setting up tools, when a firm does so."""

    amount = "share"
    needs = ("automation",)
    moves = (("firms", "tool_subsidy"), ("policies", "most"))
    kind: Literal["tool_grant"] = param("tool_grant", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.5, unit="1", doc="Share of set-up that the state pays", low=0, high=1, source="assumption")
    most: float | None = param(None, unit="currency", doc="Most that one firm is given; null: no limit", low=0, source="choice")

    def act(self, state, k, m, who, step):
        """Phase 0: its share of what earlier grants leave; `automation` draws on the budget when a firm buys."""
        share_left(state.firms.tool_subsidy, k, m, who)
        state.policies.most[k] = UNLIMITED if self.most is None else self.most


class TaxCredit(Policy):
    """A share of what firms spend on tools and training comes back at the end of the quarter."""

    amount = "share"
    needs = ("automation", "skills")
    moves = (("firms", "cash"), ("firms", "spending_credit"), ("firms", "claimed"))
    kind: Literal["tax_credit"] = param("tax_credit", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.2, unit="1", doc="Share of set-up and rent of tools and of fees of training", low=0, high=1,
                         source="assumption; R&D tax credits are mostly .1 to .3 of spending (OECD)")  # fmt: skip

    def act(self, state, k, m, who, step):
        """Phase 0: what owners expect back."""
        super().act(state, k, min(max(m, 0.0), 1.0), who, step)
        credit = state.firms.spending_credit
        credit[:] = np.minimum(credit + np.maximum(state.firms.support_level[:, k], 0.0), 1.0)

    def support(self, state, k, step):
        """Notes what was spent last week, and pays what was noted every 13 weeks."""
        firms = state.firms
        claimed = firms.claimed[:, k]
        claimed += np.maximum(firms.support_level[:, k], 0.0) * (firms.training_cost + firms.tool_rent + firms.setup_cost)
        claimed[~firms.alive] = 0.0
        if (step.t - self.start + 1) % WEEKS_PER_QUARTER == 0 and claimed.any():
            given = draw_on(state, k, claimed.copy())
            transfer(state, GOVERNMENT, "firm", given, state.policy_names[k])
            claimed[:] = 0.0
            self._book(state, k, given)


class AdvisorySupport(Policy):
    """Advisers visit firms, once each: owners know better what tools would bring, and choose those that fit."""

    amount = "share"
    needs = ("automation",)
    moves = (("firms", "advice"), ("firms", "tool_fit"))
    kind: Literal["advisory_support"] = param("advisory_support", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.5, unit="1", doc="Share of the variance of first beliefs that a visit removes", low=0, high=1,
                         source="assumption")  # fmt: skip
    fit: float = param(0.1, unit="1", doc="How much better tools fit after a visit that removes all doubt", low=0, high=2,
                       source="assumption; consulting raised productivity by .17 in Bloom et al. (2013)")  # fmt: skip
    weeks: float = param(2.0, unit="wk", doc="Cost of a visit in weeks of the mean wage at rest", low=0, high=520, source="assumption")
    places: float | None = param(
        None, unit="firms/quarter", doc="Firms visited in a quarter; null: all that ask", low=0, high=1e8, source="choice"
    )
    choose: Literal["random", "need", "uplift"] = param("random", unit="choice", doc="Who comes first", source="definition")

    def act(self, state, k, m, who, step):
        """Phase 0: who is visited this week, and who was before."""
        firms = state.firms
        had = firms.support[:, k] > 0.0
        asking = np.flatnonzero(who & ~had & (firms.employment > 0.0))
        if self.places is not None:
            since = step.t - self.start
            number = int((since + 1) * self.places / WEEKS_PER_QUARTER) - int(since * self.places / WEEKS_PER_QUARTER)
            score = self.score(state, asking, m, step)
            asking = asking[np.lexsort((firms.uid[asking], -score))][:number]
        firms.support_level[who & had, k] = m
        firms.support_level[asking, k] = m

    def score(self, state: State, rows: np.ndarray, m: float, step) -> np.ndarray:
        """(k,) the higher, the sooner a firm is visited. rows (k,) of firms."""
        firms = state.firms
        if self.choose == "random":
            return step.draws.uniform(f"advice {self.kind}", 0, firms.uid[rows])
        share = state.sectors.function_share[firms.sector[rows]]
        if self.choose == "need":
            return -(share * firms.depth[rows]).sum(axis=1)
        odds, doubt = firms.tool_odds[rows].astype(float), firms.tool_doubt[rows].astype(float)
        less = 1.0 - np.sqrt(1.0 - min(max(m, 0.0), 1.0))
        return (share * (logistic(odds + less * doubt) - logistic(odds))).sum(axis=1)

    def charge(self, state, k, step):
        """Pays advisers, who are workers of the region; what they tell stays with the firm."""
        firms, level = state.firms, np.maximum(state.firms.support_level[:, k], 0.0)
        new = (level > 0.0) & (firms.support[:, k] == 0.0)
        if new.any():
            asked = np.where(new, self.weeks * mean_wage(state), 0.0)
            given = draw_on(state, k, asked)
            self._pay_advisers(state, k, given)
            held = np.divide(given, asked, out=np.zeros(firms.n), where=asked > 0)
            firms.tool_fit[:] *= 1.0 + self.fit * level * held
            self._book(state, k, given)
        visited = np.where(firms.support[:, k] > 0.0, level, 0.0)
        firms.advice[:] = 1.0 - (1.0 - firms.advice) * (1.0 - np.minimum(visited, 1.0))

    def _pay_advisers(self, state: State, k: int, given: np.ndarray) -> None:
        received = np.zeros(state.households.n)
        received[0::2] = state.by_region(given)
        transfer(state, GOVERNMENT, "household", received, state.policy_names[k])
        state.households.income[:] += received


class PublicPlatform(Policy):
    """The state pays the fees of platforms for their members; whoever owns a platform gets what it would have got."""

    amount = "share"
    needs = ("platforms",)
    moves = (("firms", "platform_fee_factor"),)
    kind: Literal["public_platform"] = param("public_platform", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(1.0, unit="1", doc="Share of the fees that the state pays", low=0, high=1, source="MODEL.md X1: fee 0")

    def act(self, state, k, m, who, step):
        """Phase 0: its share of what earlier policies leave."""
        factor, level = state.firms.platform_fee_factor, state.firms.support_level[:, k]
        level[who] = min(max(m, 0.0), 1.0) * factor[who]
        factor[who] -= level[who]

    def top_up(self, state, k, step):
        """Pays the operators for the fees of the week; once the budget is spent, what is left of them is their loss."""
        firms = state.firms
        waived = np.maximum(firms.support_level[:, k], 0.0)[:, None] * firms.list_fee
        asked = waived.sum(axis=1)
        if not asked.any():
            return
        given = draw_on(state, k, asked)
        held = np.divide(given, asked, out=np.zeros(firms.n), where=asked > 0)
        for p, operator in enumerate((MARKETPLACE, DATA_PLATFORM)):
            transfer(state, GOVERNMENT, operator, float(total(waived[:, p] * held)), state.policy_names[k])
        self._book(state, k, given)


class DigitalInfrastructure(Regional):
    """The state builds what tools run on. The target can name regions."""

    needs = ("automation",)
    moves = (("regions", "infrastructure"),)
    kind: Literal["digital_infrastructure"] = param("digital_infrastructure", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(0.2, unit="1", doc="Infrastructure added; worth of tools rises by infrastructure_effect times as much", low=0,
                        high=10, source="choice")  # fmt: skip
    cost: float = param(0.01, unit="1", doc="Cost of size 1 by a year's wages of the region at full employment", low=0, high=10,
                        source="assumption")  # fmt: skip
    lag: int = param(52, unit="wk", doc="Weeks in which it is built and paid for", low=0, high=520, source="MODEL.md X1: 52")

    def begin(self, state, k, step, takers):
        """As for all policies; what was paid for is there once it is built."""
        super().begin(state, k, step, takers)
        needed = float(total(self._cost(state, k)))
        if step.t >= self.start + self.lag and needed > 0.0:
            built = min(float(state.policies.committed[k]) / needed, 1.0)
            state.regions.infrastructure[:] += self.running(state, k, step) * built * self._where(state, k)

    def _where(self, state: State, k: int) -> np.ndarray:
        """(R,) share of the region in which it is built."""
        return self.take_up * self.regions(state) * state.policies.region_on[k]

    def _cost(self, state: State, k: int) -> np.ndarray:
        """(R,) currency, of all of it."""
        yearly = WEEKS_PER_YEAR * state.households.potential_wages[0::2]
        return self.cost * self.size * yearly * self._where(state, k)

    def top_up(self, state, k, step):
        """Pays an equal part of the cost in each week of building."""
        weeks = max(self.lag, 1)
        if not self.start <= step.t < self.start + weeks or self.running(state, k, step) == 0.0:
            return
        given = draw_on(state, k, self._cost(state, k) / weeks)
        transfer(state, GOVERNMENT, INVESTMENT, float(total(given)), state.policy_names[k])
        state.policies.spent[k] += float(total(given))
