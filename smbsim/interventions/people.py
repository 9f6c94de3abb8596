r"""Policies for people: benefits, a basic income, training of staff and of the unemployed, and who pays for it.

    benefit                unemployment benefit · (1 + m)
    basic_income           m · mean wage at rest, to every worker and every owner of an SMB, each week; paid from the state's deposits, or
                           by a levy in proportion to the income of the week, which gives back all of it
    staff_training         m hours a year for `seats` of the staff; who drops out has cost as much and learned nothing
    training_subsidy       the share m of the fees of training that firms decide on
    jobseeker_training     the same for `seats` of the unemployed
    reskilling_obligation  firms pay the share m of `hours` of training for every head that their tools displace, in the week of the layoff;
                           the unemployed of their region are trained for it

An hour costs `fee` · hourly pay: of the firm's staff; of a mean worker of the region at rest, for the unemployed. Training is bought where
firms buy it, from the investment pool. Who drops out does so at once: completion counts by hours. Owners do not see an obligation coming:
it changes what a tool costs, not what it seems to cost.

Sources: MODEL.md X1; Card, Kluve and Weber (2018), Journal of the European Economic Association 16, for what training of the unemployed
is; the rest are assumptions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..accounts import afford, draw_on, transfer
from ..occupations import HOURS
from ..rest import GOVERNMENT, INVESTMENT
from ..schema import WEEKS_PER_YEAR, param
from ..state import EVERYWHERE, SMB, State, total
from .policy import Policy, Regional, mean_wage, share_left


class Benefit(Regional):
    """Unemployment benefit is higher by this share. The target can name regions."""

    moves = (("households", "benefits"),)
    kind: Literal["benefit"] = param("benefit", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(..., unit="1", doc="Share added to the benefit; below zero a cut", low=-1, high=10, source="choice")

    def top_up(self, state, k, step):
        """m of the benefits (C,) currency/wk of the cells concerned, times take-up, more; a cut (m < 0) is paid back, and takes at most
        what there is."""
        m = self.given_to(state, k, step)
        if m.any():
            cells = state.households
            given = _pay(state, k, np.repeat(np.maximum(m, -1.0), 2) * cells.benefits)
            cells.benefits[:] = np.maximum(cells.benefits + given, 0.0)


class BasicIncome(Regional):
    """A flat amount for every worker and every owner of an SMB, whatever they earn. The target can name regions."""

    moves = (("households", "basic_income"), ("households", "levies"))
    kind: Literal["basic_income"] = param("basic_income", unit="choice", doc="Kind of policy", source="definition")
    size: float = param(0.1, unit="1", doc="Amount by the mean wage at rest", low=0, high=2, source="choice")
    funding: Literal["deficit", "tax"] = param("deficit", unit="choice", doc="From the state's deposits, or by a levy on all income",
                                               source="choice")  # fmt: skip

    def top_up(self, state, k, step):
        """The amount, and the levy that pays for it."""
        m = self.given_to(state, k, step)
        if not m.any():
            return
        firms = state.firms
        people = np.empty(state.households.n)
        people[0::2] = state.regions.labour_force
        owned = firms.alive & (firms.kind == SMB) & (firms.region != EVERYWHERE) & (firms.employment > 0.0)
        people[1::2] = state.by_region(np.where(owned, firms.firm_count, 0.0))
        given = _pay(state, k, np.repeat(m, 2) * mean_wage(state) * people)
        state.households.basic_income[:] += given
        if self.funding == "tax":
            self._levy(state, k, float(total(given)))

    def _levy(self, state: State, k: int, wanted: float) -> None:
        cells = state.households
        income = np.maximum(cells.income, 0.0)
        whole = float(total(income))
        levy = income * min(wanted / whole, 1.0) if whole > 0.0 else np.zeros(cells.n)
        transfer(state, "household", GOVERNMENT, levy, f"{state.policy_names[k]} levy")
        cells.levies[:] += levy
        state.policies.returned[k] += float(total(levy))


def _pay(state: State, k: int, asked: np.ndarray) -> np.ndarray:
    """(C,) what the budget gives of what is asked for the cells, paid to them."""
    given = draw_on(state, k, asked)
    transfer(state, GOVERNMENT, "household", given, state.policy_names[k])
    state.policies.spent[k] += float(total(given))
    return given


class StaffTraining(Policy):
    """The state pays for training of the staff of firms, off the job."""

    amount = "hours"
    needs = ("skills",)
    moves = (("firms", "public_training"),)
    kind: Literal["staff_training"] = param("staff_training", unit="choice", doc="Kind of policy", source="definition")
    hours: float = param(40.0, unit="h/yr", doc="Training on a seat", low=0, high=400, source="as firms' own; assumption: 20 to 40")
    seats: float | None = param(None, unit="heads", doc="How many are trained at a time; null: all of the firms supported", low=0, high=1e8,
                                source="choice")  # fmt: skip
    completion: float = param(0.8, unit="1", doc="Share that stays to the end", low=0, high=1, source="assumption")
    fee: float = param(1.0, unit="1", doc="Price of an hour by hourly pay", low=0, high=20, source="assumption, as in `skills`")

    def support(self, state, k, step):
        """Pays for the seats, spread over the firms supported by staff; firms' staff is away for what is paid."""
        firms, hours = state.firms, np.maximum(state.firms.support_level[:, k], 0.0)
        staff = firms.employment * (hours > 0.0)
        if not staff.any():
            return
        seats = min(self.seats / float(total(staff)), 1.0) if self.seats is not None else 1.0
        asked = seats * self.fee * firms.wage_factor * firms.wage * staff * hours / HOURS
        given = draw_on(state, k, asked)
        transfer(state, GOVERNMENT, INVESTMENT, float(total(given)), state.policy_names[k])
        held = np.divide(given, asked, out=np.zeros(firms.n), where=asked > 0)
        firms.public_training[:] += self.completion * seats * hours * held
        self._book(state, k, given)


class TrainingSubsidy(Policy):
    """The state pays a share of the fees of training that firms decide on."""

    amount = "share"
    needs = ("skills",)
    moves = (("firms", "training_subsidy"),)
    kind: Literal["training_subsidy"] = param("training_subsidy", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.5, unit="1", doc="Share of the fees", low=0, high=1, source="assumption")

    def act(self, state, k, m, who, step):
        """Phase 0: its share of what earlier subsidies leave."""
        share_left(state.firms.training_subsidy, k, m, who)


class JobseekerTraining(Regional):
    """The state pays for training of the unemployed. The target can name regions."""

    amount = "hours"
    needs = ("skills",)
    moves = (("regions", "pool_training"),)
    kind: Literal["jobseeker_training"] = param("jobseeker_training", unit="choice", doc="Kind of policy", source="definition")
    hours: float = param(400.0, unit="h/yr", doc="Training on a seat", low=0, high=1800, source="assumption: a quarter of full time")
    seats: float | None = param(
        None, unit="heads", doc="How many are trained at a time; null: all unemployed", low=0, high=1e8, source="choice"
    )
    completion: float = param(0.7, unit="1", doc="Share that stays to the end", low=0, high=1, source="assumption")
    fee: float = param(1.0, unit="1", doc="Price of an hour by the hourly pay of a mean worker", low=0, high=20,
                       source="assumption, as in `skills`")  # fmt: skip

    def top_up(self, state, k, step):
        """Pays for the seats, spread over the regions concerned by who is out of work."""
        regions, m = state.regions, self.given_to(state, k, step)
        idle = np.maximum(regions.unemployed, 0.0) * (m > 0.0)
        if not idle.any():
            return
        seats = min(self.seats / idle.sum(), 1.0) if self.seats is not None else 1.0
        asked = seats * self.fee * mean_wage(state) * idle * m / HOURS
        given = draw_on(state, k, asked)
        transfer(state, GOVERNMENT, INVESTMENT, float(total(given)), state.policy_names[k])
        held = np.divide(given, asked, out=np.zeros(regions.n), where=asked > 0)
        regions.pool_training[:] += self.completion * seats * m * held
        state.policies.spent[k] += float(total(given))


class ReskillingObligation(Policy):
    """Firms pay for training of those whom their tools displace."""

    amount = "share"
    spends = False
    needs = ("skills", "automation")
    moves = (("firms", "compliance_cost"), ("regions", "pool_training"))
    kind: Literal["reskilling_obligation"] = param("reskilling_obligation", unit="choice", doc="Kind of policy", source="definition")
    share: float = param(0.5, unit="1", doc="Share of the cost that the firm bears; the rest is not done", low=0, high=1, source="choice")
    hours: float = param(400.0, unit="h", doc="Training of one displaced head", low=0, high=3600, source="assumption: a quarter of a year")
    fee: float = param(1.0, unit="1", doc="Price of an hour by the hourly pay of the firm", low=0, high=20,
                       source="assumption, as in `skills`")  # fmt: skip

    def charge(self, state, k, step):
        """Firms pay what they can afford; the unemployed of their region are trained this week for what is paid."""
        firms, regions = state.firms, state.regions
        hours = np.maximum(firms.support_level[:, k], 0.0) * self.hours * firms.automation_layoffs
        if not hours.any():
            return
        due = self.fee * firms.wage_factor * firms.wage * hours * (WEEKS_PER_YEAR / HOURS)
        paid = afford(state, due)
        transfer(state, "firm", INVESTMENT, paid, state.policy_names[k])
        firms.compliance_cost[:] += paid
        bought = state.by_region(hours * np.divide(paid, due, out=np.zeros(firms.n), where=due > 0))
        idle = regions.unemployed
        regions.pool_training[:] += WEEKS_PER_YEAR * np.divide(bought, idle, out=np.zeros(regions.n), where=idle > 0)
