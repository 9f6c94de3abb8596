"""Policies for technology and people: what each pays, to whom, when, and what it changes; exact on hand-sized numbers.

That none oversteps its budget, acts before its time or changes a bit at size zero is shown for all kinds in `test_policies`.
"""

from __future__ import annotations

import models
import numpy as np
import pytest
from test_policies import TECHNOLOGY, economy

from smbsim.draws import Draws
from smbsim.interventions.policy import mean_wage
from smbsim.interventions.technology import AdvisorySupport
from smbsim.mechanisms.base import Step
from smbsim.occupations import HOURS
from smbsim.schema import WEEKS_PER_YEAR
from smbsim.state import SMB

STILL = {"automation": {}, "exits": {"enabled": False}}  # nobody leaves between what is paid and the end of the week


def run(policy: dict, stop: int, look=None, **sections):
    """The state after some weeks without a crisis, and what was seen in each."""
    state, plan, draws = economy([policy], shocks=[], **sections)
    return state, models.advance(state, plan, draws, 0, stop, look)


def paid(state, flow: str, payer: str, payee: str) -> float:
    return state.flows.get((flow, payer, payee), 0.0)


# -- tools --------------------------------------------------------------------------------------------------------------------------------


def test_tool_grant_pays_its_share_of_every_set_up_to_the_investment_pool():
    """Half of what is set up, in the week in which the firm does it; more firms set something up than without it."""
    state, seen = run(
        {"kind": "tool_grant", "start": 0, "share": 0.5}, 13, lambda s: (s.firms.setup_cost.sum(), s.firms.tool_support.sum())
    )
    assert sum(own for own, _ in seen) > 0
    assert [support for _, support in seen] == pytest.approx([own for own, _ in seen], rel=1e-12)
    assert state.policies.spent[0] == pytest.approx(sum(support for _, support in seen), rel=1e-12)
    assert state.firms.support[:, 0].sum() == pytest.approx(state.policies.spent[0], rel=1e-12)
    assert paid(state, "tool_grant", "government", "investment") == pytest.approx(seen[-1][1], rel=1e-12)
    without, _ = run({"kind": "tool_grant", "start": 0, "share": 0.0}, 13)
    assert state.firms.tool_value.sum() > without.firms.tool_value.sum()


def test_tool_grant_is_capped_by_firm():
    most = 500.0
    state, _ = run({"kind": "tool_grant", "start": 0, "share": 0.5, "most": most}, 26)
    assert state.firms.support.max() == pytest.approx(most, rel=1e-9)
    assert state.firms.support.max() <= most


def test_two_grants_pay_no_more_than_the_whole():
    """Four fifths, and half of the rest: a firm bears a tenth."""
    policies = [{"kind": "tool_grant", "start": 0, "share": share} for share in (0.8, 0.5)]
    state, plan, draws = economy(policies, shocks=[])
    own = sum(models.advance(state, plan, draws, 0, 8, lambda s: s.firms.setup_cost.sum()))
    assert own > 0
    assert state.policies.spent == pytest.approx([8.0 * own, own], rel=1e-9)


def test_tax_credit_comes_back_a_quarter_later():
    """Nothing for 12 weeks; then a fifth of what was spent on tools and training until the week before."""
    spent, back = [], []

    def look(s):
        spent.append(s.firms.training_cost.sum() + s.firms.tool_rent.sum() + s.firms.setup_cost.sum())
        back.append(paid(s, "tax_credit", "government", "firm"))

    state, _ = run({"kind": "tax_credit", "start": 0, "share": 0.2}, 13, look, exits={"offer_rate": 0.0})
    assert not any(back[:12])
    # the rent and the set-up of a week are noted at the next, with the fees of it; the quarter closes before those of week 12
    assert back[12] == pytest.approx(0.2 * sum(spent[:12]), rel=1e-9)
    assert back[12] == pytest.approx(state.policies.spent[0], rel=1e-12)
    assert not state.firms.claimed.any()


def test_advice_is_given_once_and_lasts():
    """So many visits a quarter, each paid to workers; beliefs are surer while the policy acts, tools fit better for good."""
    policy = {"kind": "advisory_support", "start": 0, "stop": 14, "places": 26.0, "target": {"kind": "smb"}}
    seen = []
    state, _ = run(policy, 16, lambda s: seen.append(((s.firms.support[:, 0] > 0).sum(), (s.firms.advice == 0.5).sum())))
    assert [visited for visited, _ in seen[:13]] == [2 * (t + 1) for t in range(13)]
    assert [advised for _, advised in seen[:3]] == [2, 4, 6]
    assert seen[-1][1] == 0
    visited = state.firms.support[:, 0] > 0
    assert np.allclose(state.firms.tool_fit[visited], 1.05)
    assert np.all(state.firms.tool_fit[~visited] == 1.0)
    assert state.policies.spent[0] == pytest.approx(28 * 2.0 * mean_wage(state), rel=1e-9)


def test_advice_goes_where_it_is_meant_to():
    """By need: those with the least depth; by uplift: those whose chance to begin rises most, where doubt decides."""
    state, plan, draws = economy([], shocks=[], automation=TECHNOLOGY["automation"] | {"caution": 1.0})
    models.advance(state, plan, draws, 0, 13)
    rows = np.flatnonzero((state.firms.kind == SMB) & state.firms.alive)
    share = state.sectors.function_share[state.firms.sector[rows]]
    depth = (share * state.firms.depth[rows]).sum(axis=1)
    scores = {
        choose: AdvisorySupport(start=0, choose=choose).score(state, rows, 0.5, Step(13, Draws(1)))
        for choose in ("random", "need", "uplift")
    }
    assert np.array_equal(np.argsort(-scores["need"], kind="stable"), np.argsort(depth, kind="stable"))
    odds, doubt = state.firms.tool_odds[rows].astype(float), state.firms.tool_doubt[rows].astype(float)
    rise = 1.0 / (1.0 + np.exp(-(odds + (1.0 - np.sqrt(0.5)) * doubt))) - 1.0 / (1.0 + np.exp(-odds))
    assert scores["uplift"] == pytest.approx((share * rise).sum(axis=1), rel=1e-12)
    assert scores["uplift"].max() > 2.0 * np.median(scores["uplift"]) > 0.0
    assert np.all(AdvisorySupport(start=0, choose="uplift").score(state, rows, 0.0, Step(13, Draws(1))) == 0.0)


@pytest.mark.parametrize("budget", [None, 0.5])
def test_infrastructure_is_paid_while_it_is_built_and_there_afterwards(budget):
    """Equal parts over the lag, in the region named; as much of it is there as was paid for."""
    policy = {"kind": "digital_infrastructure", "start": 2, "lag": 4, "size": 0.2, "cost": 0.01, "target": {"region": "region 1"}}
    state, plan, draws = economy([policy], shocks=[])
    whole = 0.2 * 0.01 * WEEKS_PER_YEAR * state.households.potential_wages[0]
    if budget:
        state, plan, draws = economy([policy | {"budget": budget * whole}], shocks=[])
    look = models.advance(state, plan, draws, 0, 8, lambda s: (paid(s, "digital_infrastructure", "government", "investment"),
                                                              *s.regions.infrastructure))  # fmt: skip
    payments, there, elsewhere = zip(*look, strict=True)
    assert payments[2] == pytest.approx(whole / 4.0, rel=1e-12)
    assert sum(payments) == pytest.approx((budget or 1.0) * whole, rel=1e-9)
    assert there == pytest.approx([0.0] * 6 + [0.2 * (budget or 1.0)] * 2, rel=1e-9)
    assert not any(elsewhere)


def test_public_platform_pays_operators_what_members_do_not():
    """Members pay nothing, and get back what the tables contain of fees; the operators have what they would have had."""
    (state, _), (plain, _) = (run({"kind": "public_platform", "start": 0, "share": share}, 1) for share in (1.0, 0.0))
    fees = state.firms.list_fee.sum(axis=0)
    assert np.all(fees > 0)
    for operator, due in zip(("marketplace", "data platform"), fees, strict=True):
        assert paid(state, "public_platform", "government", operator) == pytest.approx(due, rel=1e-12)
    assert state.firms.platform_fee.sum() == pytest.approx(plain.firms.platform_fee.sum() - fees.sum(), rel=1e-9)
    assert state.policies.spent[0] == pytest.approx(fees.sum(), rel=1e-12)
    assert state.firms.cash.sum() > plain.firms.cash.sum()


# -- people -------------------------------------------------------------------------------------------------------------------------------


def test_staff_training_fills_its_seats_and_pays_for_them():
    """Ten seats of 52 hours a year at the pay of those who sit on them; a fifth drops out."""
    policy = {
        "kind": "staff_training",
        "start": 0,
        "hours": 52.0,
        "seats": 10.0,
        "completion": 0.8,
        "fee": 2.0,
        "target": {"size": "micro"},
    }
    state, _ = run(policy, 1, **STILL)
    firms = state.firms
    taught = firms.public_training > 0
    staff, wages = firms.employment[taught].sum(), (firms.wage * firms.employment)[taught].sum()
    assert firms.public_training[taught] == pytest.approx(0.8 * 52.0 * 10.0 / staff, rel=1e-9)
    assert state.policies.spent[0] == pytest.approx(
        2.0 * 10.0 / staff * wages * 52.0 / HOURS, rel=1e-3
    )  # pay is reviewed at the end of the week
    assert paid(state, "staff_training", "government", "investment") == pytest.approx(state.policies.spent[0], rel=1e-12)


def test_trained_staff_makes_more_when_it_is_back():
    policy = {"kind": "staff_training", "start": 0, "stop": 52, "target": {"size": "micro"}}
    value, taught = [], None
    for hours in (40.0, 0.0):
        state, _ = run(policy | {"hours": hours}, 54, smbs=40, automation={}, skills={"enabled": True, "attention": 0.0})
        taught = state.firms.entitled[:, 0] == 0 if hours else taught
        value.append(np.average(state.firms.skill_value[taught], weights=state.firms.employment[taught]))
    assert value[0] > value[1] + 0.02


def test_training_subsidy_is_paid_for_the_training_that_firms_decide_on():
    state, plan, draws = economy([{"kind": "training_subsidy", "start": 0, "share": 0.25}], shocks=[])
    seen = models.advance(state, plan, draws, 0, 14, lambda s: (s.firms.training_cost.sum(), paid(s, "training_subsidy", "government",
                                                                                               "investment")))  # fmt: skip
    own, borne = np.array(seen).T
    assert own.sum() > 0
    assert borne == pytest.approx(own / 3.0, rel=1e-9)
    assert borne.sum() == pytest.approx(state.policies.spent[0], rel=1e-9)


def test_training_of_the_unemployed_is_for_them_and_their_region():
    policy = {"kind": "jobseeker_training", "start": 0, "hours": 520.0, "completion": 0.5, "target": {"region": "region 2"}}
    state, _ = run(policy, 1, **STILL)
    idle = state.regions.unemployed[1]
    assert state.regions.pool_training == pytest.approx([0.0, 260.0], rel=1e-9)
    assert state.policies.spent[0] == pytest.approx(mean_wage(state) * 520.0 / HOURS * idle, rel=1e-6)
    other, _ = run(policy | {"hours": 0.0}, 1, **STILL)
    assert np.all(state.regions.pool_skill[1, :10] > other.regions.pool_skill[1, :10])
    assert np.array_equal(state.regions.pool_skill[0], other.regions.pool_skill[0])


def test_reskilling_obligation_is_paid_by_those_who_displace():
    """Firms whose tools put people out of work pay half of 100 hours for each; the hours reach the pool of the region."""
    policy = {"kind": "reskilling_obligation", "start": 0, "share": 0.5, "hours": 100.0}
    state, seen = run(policy, 30, lambda s: (paid(s, "reskilling_obligation", "firm", "investment"), s.firms.automation_layoffs.copy(),
                                             (s.firms.wage_factor * s.firms.wage * WEEKS_PER_YEAR / HOURS).copy(),
                                             s.regions.pool_training.copy(), s.regions.unemployed.copy()))  # fmt: skip
    displaced = np.array([layoffs.sum() for _, layoffs, *_ in seen])
    week = int(np.argmax(displaced))
    payment, layoffs, hourly, training, idle = seen[week]
    assert displaced[week] > 0
    assert payment == pytest.approx(0.5 * 100.0 * (layoffs * hourly).sum(), rel=0.02)  # pay of the week's review comes after it
    assert (training * idle).sum() / WEEKS_PER_YEAR == pytest.approx(50.0 * displaced[week], rel=0.02)
    assert state.policies.spent[0] == 0.0


def test_basic_income_is_flat_and_its_levy_returns_it():
    """A tenth of the mean wage to each worker and each owner; the levy takes the same in proportion to income and leaves the state where it
    was; nobody's disposable income is created or lost."""
    policy = {"kind": "basic_income", "start": 0, "size": 0.1, "funding": "tax"}
    (state, _), (plain, _) = run(policy, 1), run(policy | {"size": 0.0}, 1)
    cells, wage = state.households, mean_wage(state)
    got = cells.basic_income
    assert got[0::2] == pytest.approx(0.1 * wage * state.regions.labour_force, rel=1e-9)
    owners = state.by_region(np.where((state.firms.kind == SMB) & (state.firms.region >= 0), state.firms.firm_count, 0.0))
    assert got[1::2] == pytest.approx(0.1 * wage * owners, rel=1e-9)
    assert cells.levies == pytest.approx(cells.income * got.sum() / cells.income.sum(), rel=1e-9)
    assert cells.disposable - plain.households.disposable == pytest.approx(got - cells.levies, rel=1e-6, abs=1e-6)
    government = state.account("government")
    assert state.accounts.balance[government] == pytest.approx(plain.accounts.balance[government], rel=1e-12)
    assert state.policies.returned[0] == pytest.approx(state.policies.spent[0], rel=1e-12)


def test_benefit_and_basic_income_do_not_feed_each_other():
    """In either order: the benefit rises by half of the unemployment benefit alone, and the basic income stays what it is."""
    benefit, income = {"kind": "benefit", "start": 0, "size": 0.5}, {"kind": "basic_income", "start": 0, "size": 0.1, "funding": "tax"}

    def look(state):
        given = [paid(state, name, "government", "household") for name in ("benefits", "benefit", "basic_income")]
        owners = np.where(state.firms.alive & (state.firms.kind == SMB) & (state.firms.employment > 0), state.firms.firm_count, 0.0)
        return *given, 0.1 * mean_wage(state) * (state.regions.labour_force.sum() + owners.sum()), state.households.benefits.sum()

    for policies in ([benefit, income], [income, benefit]):
        state, plan, draws = economy(policies, shocks=[], **STILL)
        for usual, more, flat, due, held in models.advance(state, plan, draws, 0, 6, look):
            assert usual > 0
            assert more == pytest.approx(0.5 * usual, rel=1e-9)
            assert flat == pytest.approx(due, rel=1e-9)
            assert held == pytest.approx(usual + more, rel=1e-9)


def test_basic_income_without_a_levy_is_borrowed():
    policy = {"kind": "basic_income", "start": 0, "size": 0.1}
    (state, _), (plain, _) = run(policy, 1), run(policy | {"size": 0.0}, 1)
    government = state.account("government")
    lost = plain.accounts.balance[government] - state.accounts.balance[government]
    assert lost == pytest.approx(state.policies.spent[0], rel=1e-9)
    assert not state.households.levies.any()
