"""Policies: within their budget, for whom they are meant, when they are; exact effects on hand-sized numbers and against the same without.

What nobody asks for changes no bit; what is spent stands in the state, so that a copy goes on exactly.
"""

from __future__ import annotations

import json
import pickle

import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from strategies import REPEATABLE

from smbsim import scenario, simulate
from smbsim.draws import Draws
from smbsim.interventions.base import FACTORS
from smbsim.interventions.business import CreditGuarantee, Grant, Regulation
from smbsim.interventions.people import Benefit
from smbsim.interventions.policies import KINDS, labels
from smbsim.interventions.policy import CONDITIONS, Regional, payroll
from smbsim.mechanisms.base import Step
from smbsim.schema import InputError
from smbsim.state import NEVER, SMB

CRISIS = [{"kind": "demand", "start": 0, "stop": 20, "size": 0.4}, {"kind": "credit_crunch", "start": 0, "stop": 20, "size": 0.3}]
BY_POLICY = ("support", "support_level", "entitled", "claimed", "tax_deferral_share", "deferred_tax", "tool_subsidy", "training_subsidy")
BOOKS = {("firms", name) for name in BY_POLICY}
AMOUNT = {kind: of.amount for kind, of in KINDS.items()}
EXAMPLES = {  # kind → a policy of that kind that does something in the crisis
    "credit_guarantee": {"kind": "credit_guarantee", "start": 2, "fee": 0.02},
    "emergency_loan": {"kind": "emergency_loan", "start": 2, "weeks": 4.0, "target": {"kind": "smb"}},
    "grant": {"kind": "grant", "start": 2, "weeks": 4.0, "target": {"kind": "smb"}},
    "wage_subsidy": {"kind": "wage_subsidy", "start": 2},
    "tax_deferral": {"kind": "tax_deferral", "start": 2, "stop": 8},
    "procurement_preference": {"kind": "procurement_preference", "start": 2, "size": 2.0, "target": {"size": "micro"}},
    "benefit": {"kind": "benefit", "start": 2, "size": 0.3},
    "regulation": {"kind": "regulation", "start": 2, "target": {"kind": "smb"}},
    "tool_grant": {"kind": "tool_grant", "start": 2},
    "tax_credit": {"kind": "tax_credit", "start": 2},
    "advisory_support": {"kind": "advisory_support", "start": 2, "choose": "uplift", "target": {"kind": "smb"}},
    "digital_infrastructure": {"kind": "digital_infrastructure", "start": 2, "lag": 2},
    "public_platform": {"kind": "public_platform", "start": 2},
    "staff_training": {"kind": "staff_training", "start": 2, "target": {"kind": "smb"}},
    "training_subsidy": {"kind": "training_subsidy", "start": 2},
    "jobseeker_training": {"kind": "jobseeker_training", "start": 2},
    "reskilling_obligation": {"kind": "reskilling_obligation", "start": 2},
    "basic_income": {"kind": "basic_income", "start": 2, "funding": "tax"},
}
TECHNOLOGY = {"market": {"enabled": True}, "platforms": {"enabled": True}}
TECHNOLOGY |= {name: models.LIVELY[name] for name in ("skills", "automation")}  # tools and training of which something comes within weeks
MONEY = [kind for kind, of in KINDS.items() if of.spends]


def economy(policies=(), smbs: int = 80, model: str = "work", shocks=CRISIS, **sections):
    """(state, plan, draws) of a crisis in which firms run short of cash; the bank could lend. At work firms train and adopt tools."""
    sections = (TECHNOLOGY if model == "work" else {}) | sections
    state, plan, draws = models.miniature(smbs, 2, model=model, policies=list(policies), shocks=shocks, **sections)
    firms = state.firms
    short = np.where(firms.kind == SMB, 0.7 * np.maximum(firms.cash, 0.0), 0.0)
    firms.cash[:] -= short
    firms.applied[:] = firms.uid % 8 - 13  # an eighth of them may ask the bank in each of the first weeks
    state.accounts.balance[state.account("bank")] += short.sum()
    return state, plan, draws


def weeks(state, plan, draws, stop=12):
    return models.advance(state, plan, draws, 0, stop, models.columns)


def differing(one, other) -> list[tuple[int, str]]:
    """(week, column) of everything that is not bit for bit the same, but for the books of policies."""
    found = []
    for t, (a, b) in enumerate(zip(one, other, strict=True)):
        places = [place for place in a if place[0] != "policies" and place not in BOOKS]
        found += [(t, ".".join(place)) for place in places if a[place].tobytes() != b[place].tobytes()]
    return found


@pytest.fixture(scope="module")
def plain():
    return weeks(*economy())


# -- what does nothing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_policy_of_no_size_changes_no_bit(plain, kind):
    policy = EXAMPLES[kind] | {AMOUNT[kind]: 0.0}
    assert differing(plain, weeks(*economy([policy]))) == []


@pytest.mark.parametrize("kind", MONEY)
@pytest.mark.parametrize("nothing", [{"budget": 0.0}, {"yearly_budget": 0.0}, {"take_up": 0.0}], ids=lambda n: next(iter(n)))
def test_policy_without_budget_or_takers_changes_no_bit(plain, kind, nothing):
    assert differing(plain, weeks(*economy([EXAMPLES[kind] | nothing]))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_policy_acts_from_its_first_week_on_and_not_before(plain, kind):
    """Negative control of the tests above."""
    found = {t for t, _ in differing(plain, weeks(*economy([EXAMPLES[kind]])))}
    assert found, "it does something"
    assert min(found) >= 2


@pytest.mark.parametrize("kind", ["grant", "wage_subsidy", "benefit", "regulation", "tax_deferral"])
def test_lag_is_a_delay(plain, kind):
    """With a lag of three weeks nothing happens before the fifth week; a guarantee of new loans or a loan is the same rule."""
    found = {t for t, _ in differing(plain, weeks(*economy([EXAMPLES[kind] | {"lag": 3}])))}
    assert min(found) == 5


# -- budgets ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MONEY)
@pytest.mark.parametrize("share", [0.3, 0.999])
def test_spending_never_exceeds_the_budget_and_uses_all_of_it(kind, share):
    """A budget of a part of what the policy would commit without one is used up and never overstepped."""
    stop = 16 if kind == "tax_credit" else 12  # it is paid after a quarter
    state, plan, draws = economy([EXAMPLES[kind]])
    models.advance(state, plan, draws, 0, stop)
    wanted = state.policies.committed[0]
    assert wanted > 0
    budget = share * wanted
    state, plan, draws = economy([EXAMPLES[kind] | {"budget": budget}])
    committed = models.advance(state, plan, draws, 0, stop, lambda s: (s.policies.committed[0], s.policies.spent[0]))
    assert max(max(pair) for pair in committed) <= budget
    if kind not in ("credit_guarantee", "wage_subsidy"):  # what they cost depends on what they did before
        assert committed[-1][0] == pytest.approx(budget, rel=1e-9)


def test_yearly_budget_begins_anew_after_52_weeks():
    policy = EXAMPLES["benefit"] | {"yearly_budget": 1000.0}
    state, plan, draws = economy([policy], smbs=40, model="closed", shocks=CRISIS[:1])
    committed = models.advance(state, plan, draws, 0, 60, lambda s: s.policies.committed[0])
    assert committed[53] == pytest.approx(1000.0, rel=1e-9)
    assert committed[54] > 1000.0
    assert committed[-1] == pytest.approx(2000.0, rel=1e-9)


def test_nothing_trickles_from_a_budget_that_is_spent():
    """Who qualifies later gets nothing at all, and is no recipient."""
    policy = EXAMPLES["grant"] | {"eligibility": "low_cash", "budget": 5e4}
    state, plan, draws = economy([policy])
    recipients = models.advance(state, plan, draws, 0, 12, lambda s: int((s.firms.support[:, 0] > 0).sum()))
    assert recipients[2] == recipients[-1] > 0
    assert (state.firms.entitled[:, 0] < NEVER).sum() >= recipients[-1]


def test_a_short_budget_is_shared_in_proportion():
    """In the week in which it runs out everybody gets the same share of what they ask for."""
    state, plan, draws = economy([EXAMPLES["grant"] | {"budget": 1e4}], exits={"offer_rate": 0.0}, skills={})
    models.advance(state, plan, draws, 0, 3)
    firms = state.firms
    got = firms.support[:, 0] > 0
    assert got.sum() == (firms.kind == SMB).sum()
    ratio = firms.support[got, 0] / (4.0 * payroll(state)[got])
    assert np.ptp(ratio) < 1e-9 * ratio.mean()


# -- whom -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS)
def test_condition_decides_who_is_entitled(condition):
    """Entitled in a week are those of the target who meet the condition at the end of the last one, each from its first such week on."""
    policy = {"kind": "grant", "start": 0, "weeks": 0.001, "eligibility": condition, "target": {"kind": "smb"}}
    state, plan, draws = economy([policy])
    first, got = np.full(state.firms.n, NEVER), np.zeros(state.firms.n, dtype=bool)

    def look(s, t):
        f = s.firms
        meets = {
            "all": np.ones(f.n, dtype=bool), "arrears": f.overdue > 0, "low_cash": f.cash < 0.5 * f.liquidity_target,
            "sales_drop": f.expected_demand <= 0.75 * f.normal_output, "refused": f.refused,
        }[condition]  # fmt: skip
        new = (first == NEVER) & meets & f.alive & (f.kind == SMB)
        first[new], got[new] = t, payroll(s)[new] > 0

    for t in range(12):
        look(state, t)
        models.advance(state, plan, draws, t, t + 1)
    assert np.array_equal(state.firms.entitled[:, 0], first)
    assert np.array_equal(state.firms.support[:, 0] > 0, got)
    assert got.any()


def test_threshold_says_what_low_and_drop_mean():
    counts = []
    for threshold in (0.1, 0.9):
        state, plan, draws = economy([{"kind": "grant", "start": 0, "eligibility": "low_cash", "threshold": threshold}])
        models.advance(state, plan, draws, 0, 1)
        counts.append((state.firms.entitled[:, 0] == 0).sum())
    assert counts[0] < counts[1]


def test_take_up_is_nested_and_the_same_firms_in_every_variant():
    """Who takes up at 30 % is among those at 60 %; about as many as said; other rows are the same firms."""
    takers = []
    for take_up in (0.3, 0.6):
        state, plan, draws = economy([EXAMPLES["grant"] | {"take_up": take_up}], smbs=300)
        models.advance(state, plan, draws, 0, 3)
        takers.append(set(state.firms.uid[state.firms.support[:, 0] > 0].tolist()))
    assert takers[0] < takers[1]
    assert 0.2 < len(takers[0]) / 300 < 0.4


def test_grants_are_given_once_and_in_weeks_of_payroll():
    """Four weeks of the pay of the normal staff to each, at most the cap; the state pays, firms get; nothing a second time."""
    cap = 2000.0
    policy = EXAMPLES["grant"] | {"most": cap}
    state, plan, draws = economy([policy], exits={"offer_rate": 0.0})
    expected = np.where(state.firms.kind == SMB, np.minimum(4.0 * payroll(state), cap), 0.0)
    flows = models.advance(state, plan, draws, 0, 8, lambda s: s.flows.get(("grant", "government", "firm"), 0.0))
    assert np.allclose(state.firms.support[:, 0], expected, rtol=1e-12)
    assert flows[2] == pytest.approx(expected.sum(), rel=1e-12)
    assert sum(flows) == flows[2] == pytest.approx(state.policies.spent[0], rel=1e-12)


def test_emergency_loan_is_debt_that_the_state_guarantees():
    """The bank lends, debt and deposits rise together, the state bears the whole loss and spends nothing yet."""
    with_it, without = economy([EXAMPLES["emergency_loan"]]), economy()
    for run in (with_it, without):
        models.advance(*run, 0, 3)
    lent = with_it[0].firms.support[:, 0]
    assert lent.sum() > 0
    assert with_it[0].flows["emergency_loan", "bank", "firm"] == pytest.approx(lent.sum(), rel=1e-12)
    assert np.allclose(with_it[0].firms.guaranteed_debt - without[0].firms.guaranteed_debt, lent, rtol=0.05)  # less what is repaid at once
    assert with_it[0].policies.spent[0] == 0.0


def test_guarantee_covers_new_loans_up_to_its_budget():
    """Promised is the share of what is lent, as far as the budget holds it; the fee is paid out of the loan."""
    policy = EXAMPLES["credit_guarantee"]
    state, plan, draws = economy([policy])
    promised = 0.0
    for t in range(8):
        models.advance(state, plan, draws, t, t + 1)
        if t >= 2:
            promised += 0.8 * state.firms.new_loans.sum()
            fee = state.flows.get(("credit_guarantee fee", "firm", "government"), 0.0)
            assert fee == pytest.approx(0.02 * 0.8 * state.firms.new_loans.sum(), rel=1e-12)
    assert promised > 0
    assert state.policies.committed[0] == pytest.approx(promised, rel=1e-12)
    short, plan, draws = economy([policy | {"budget": 0.5 * promised}])
    models.advance(short, plan, draws, 0, 8)
    assert short.firms.guaranteed_debt.sum() <= 0.5 * promised


def test_two_guarantees_cover_what_the_first_left():
    """80 % and then half of the rest: 90 %, never more than the loan."""
    state, plan, draws = economy([EXAMPLES["credit_guarantee"], EXAMPLES["credit_guarantee"] | {"coverage": 0.5}])
    models.advance(state, plan, draws, 0, 4)
    firms = state.firms
    assert np.allclose(firms.guarantee_share[firms.alive], 0.9, rtol=1e-14)
    assert state.policy_names == ("credit_guarantee", "credit_guarantee 2")
    assert firms.support[:, 0].sum() == pytest.approx(8.0 * firms.support[:, 1].sum(), rel=1e-9)


def test_guarantees_paid_are_booked_to_those_who_promised():
    """In a deep crisis firms with guaranteed loans close: what the state pays the bank is what the two policies have spent."""
    policies = [EXAMPLES["credit_guarantee"], EXAMPLES["emergency_loan"]]
    crisis = [{"kind": "demand", "start": 0, "size": 0.7}]
    state, plan, draws = economy(policies, shocks=crisis, exits={"enabled": True, "estate_weeks": 1})
    paid = sum(models.advance(state, plan, draws, 0, 40, lambda s: s.flows.get(("guarantees", "government", "bank"), 0.0)))
    assert paid > 0.0
    assert state.policies.spent.sum() == pytest.approx(paid, rel=1e-9)
    assert np.all(state.policies.spent <= state.policies.committed)


def test_wage_subsidy_is_what_labour_pays():
    """Booked is what the flow says, in every week, with and without a budget that runs out; firms lay off less."""
    for budget in (None, 1e5):
        state, plan, draws = economy([EXAMPLES["wage_subsidy"] | {"budget": budget}])
        paid = sum(models.advance(state, plan, draws, 0, 12, lambda s: s.flows.get(("wage subsidy", "government", "firm"), 0.0)))
        assert paid > 0.0
        assert state.policies.spent[0] == pytest.approx(paid, rel=1e-9)
        assert budget is None or paid <= budget
    heads = []
    for policies in ([], [EXAMPLES["wage_subsidy"]]):
        state, plan, draws = economy(policies)
        models.advance(state, plan, draws, 0, 12)
        heads.append(state.firms.employment.sum())
    assert heads[1] > heads[0]


def test_procurement_moves_sales_within_the_sector():
    """Micro firms sell more to the state, others less; the state spends the same."""
    (a, plan_a, draws), (b, plan_b, _) = economy([EXAMPLES["procurement_preference"]]), economy()
    models.advance(a, plan_a, draws, 0, 3)
    models.advance(b, plan_b, draws, 0, 3)
    micro = a.firms.entitled[:, 0] < NEVER
    more = a.firms.final_demand - b.firms.final_demand
    assert micro.any()
    assert np.all(more[micro] >= -1e-9)
    assert np.all(more[~micro] <= 1e-9)
    assert more[micro].sum() > 0
    line = ("government purchases", "government", "firm")
    assert a.flows[line] == pytest.approx(b.flows[line], rel=1e-2)


def test_benefit_goes_to_the_unemployed_of_the_region():
    state, plan, draws = economy([EXAMPLES["benefit"] | {"target": {"region": "region 2"}}])
    models.advance(state, plan, draws, 0, 3)
    other, plan, draws = economy()
    models.advance(other, plan, draws, 0, 3)
    ratio = state.households.benefits[0::2] / other.households.benefits[0::2]
    assert ratio[0] == pytest.approx(1.0, rel=1e-12)
    assert ratio[1] == pytest.approx(1.3, rel=1e-9)
    assert state.flows["benefit", "government", "household"] == pytest.approx(state.policies.spent[0], rel=1e-12)


# -- regulation -------------------------------------------------------------------------------------------------------------------------


def by_wage_bill(curve: str, heads: np.ndarray) -> np.ndarray:
    """(n,) cost by wage bill relative to `share`, all at the same wage."""
    return Regulation(start=0, curve=curve).base(heads, 7.0 * heads, np.full(len(heads), 7.0)) / (7.0 * heads)


def test_regulation_curve_by_size():
    """40 % dearer at 500 heads than at one; with four fifths fixed, firms of 1 and 9 heads share those equally: 4.2 and .2 + 4/9."""
    hump = by_wage_bill("inverted_u", np.array([500.0, 1.0]))
    assert hump[0] / hump[1] == pytest.approx(1.4, rel=1e-2)
    assert by_wage_bill("fixed_cost", np.array([1.0, 9.0])) == pytest.approx([4.2, 0.2 + 4.0 / 9.0], rel=1e-12)


@given(st.lists(st.floats(0.0, 1e5), min_size=2, max_size=20))
def test_regulation_costs_shape(sizes):
    """By either curve all firms together pay the share of their wage bills; fixed_cost never rises with size relative to the wage bill,
    and inverted_u is highest nearest the peak, 1 + rise above the lowest at most."""
    heads = np.sort(np.maximum(np.array(sizes), 0.01))
    fixed, hump = by_wage_bill("fixed_cost", heads), by_wage_bill("inverted_u", heads)
    for found in (fixed, hump):
        assert found @ heads == pytest.approx(heads.sum(), rel=1e-12)
    assert np.all(np.diff(fixed) <= 1e-9 * fixed[:-1])
    assert hump.max() <= 1.4 * hump.min() * (1.0 + 1e-12)
    distance = np.abs(np.log(np.maximum(heads, 1.0) / 500.0))
    assert hump[np.argmin(distance)] == pytest.approx(hump.max(), rel=1e-12)


@pytest.mark.parametrize("curve", ["inverted_u", "fixed_cost"])
def test_regulation_is_paid_to_the_workers_of_the_region(curve):
    """What firms owe for rules is income of workers; what cannot be paid is owed with the wages."""
    state, plan, draws = economy([EXAMPLES["regulation"] | {"curve": curve}], model="closed", shocks=[])
    models.advance(state, plan, draws, 0, 3)
    firms = state.firms
    small, due = np.flatnonzero((firms.kind == SMB) & (firms.wage_bill > 0)), np.zeros(firms.n)
    due[small] = 0.0134 * Regulation(start=0, curve=curve).base(firms.employment[small], firms.wage_bill[small], firms.wage[small])
    assert due.sum() == pytest.approx(0.0134 * firms.wage_bill[small].sum(), rel=1e-12)
    assert np.allclose(firms.compliance_cost, due, rtol=1e-12)
    assert state.flows["regulation", "firm", "household"] == pytest.approx(due.sum(), rel=1e-12)
    other, plan, draws = economy(model="closed", shocks=[])
    models.advance(other, plan, draws, 0, 3)
    assert state.households.income[0::2].sum() > other.households.income[0::2].sum()


# -- books ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [lambda s: s.copy(), lambda s: pickle.loads(pickle.dumps(s))], ids=["copy", "pickle"])
def test_copy_goes_on_with_its_budgets(copied):
    """Half way through every policy: a copy under a plan of its own ends where the original does, to the bit, books included.

    Phase 0 leaves the factors of firms alone that had closed when the plan was made.
    """
    policies = [policy | ({"budget": 5e4} if KINDS[kind].spends else {}) for kind, policy in EXAMPLES.items()]
    state, plan, draws = economy(policies)
    models.advance(state, plan, draws, 0, 6)
    twin = copied(state)
    spec = scenario.load(
        {"population": {"smbs": 80, "regions": 2}, **models.QUIET, **TECHNOLOGY, "model": "work", "policies": policies, "shocks": CRISIS}
    )
    twin_plan = simulate.plan(spec, twin, draws)
    one, other = (models.advance(s, p, draws, 6, 12, models.columns) for s, p in ((state, plan), (twin, twin_plan)))
    for a, b in zip(one, other, strict=True):
        assert [place for place in a if place not in FACTORS and a[place].tobytes() != b[place].tobytes()] == []


def test_relabelled_firms_get_the_same():
    policies = list(EXAMPLES.values())
    state, plan, draws = economy(policies)
    order = np.random.default_rng(1).permutation(state.firms.n)
    other = state.relabelled(order)
    spec = scenario.load(
        {"population": {"smbs": 80, "regions": 2}, **models.QUIET, **TECHNOLOGY, "model": "work", "policies": policies, "shocks": CRISIS}
    )
    other_plan = simulate.plan(spec, other, draws)
    models.advance(state, plan, draws, 0, 6)
    models.advance(other, other_plan, draws, 0, 6)
    back = np.argsort(other.firms.uid)
    size = np.abs(state.firms.support).max(axis=0)
    assert np.allclose(other.firms.support[back], state.firms.support, rtol=1e-9, atol=1e-9 * size.max())
    assert np.allclose(other.policies.spent, state.policies.spent, rtol=1e-9)


@settings(max_examples=12, **REPEATABLE)
@given(
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4), st.sampled_from(("closed", "money", "work", "people")),
    st.floats(0.0, 1e5), st.sampled_from(("all", "low_cash", "sales_drop")), st.floats(0.0, 1.0), st.integers(0, 3), st.data(),
)  # fmt: skip
def test_any_policies_keep_books_money_and_bounds(kinds, model, budget, condition, take_up, lag, data):
    """Whatever is asked of them: money is conserved, every column is in bounds, nothing is spent above the budget, in a deep crisis too."""
    policies = []
    for kind in kinds:
        policy = EXAMPLES[kind] | {"lag": lag, "take_up": take_up}
        policy |= {"budget": budget} if KINDS[kind].spends else {}
        policy |= {"eligibility": condition} if not issubclass(KINDS[kind], Regional) else {}
        policy |= {"profile": data.draw(st.sampled_from(("step", "decay"))), "tau": 3.0}
        policy = policy if policy["profile"] == "decay" else {k: v for k, v in policy.items() if k != "tau"}
        policies.append(policy)
    rungs = {name: of for name, of in scenario.PRESETS.items()}
    on = {name for name, sets in rungs[model].items() if sets.get("enabled")} | (set(TECHNOLOGY) if model == "work" else set())
    policies = [p for p in policies if set(KINDS[p["kind"]].needs) <= on]
    shocks = [{"kind": "demand", "start": 0, "size": 0.6}]
    state, plan, draws = economy(policies, smbs=30, model=model, shocks=shocks)
    before = state.money()
    for t in range(15):
        simulate.advance(state, plan, Step(t, draws))
        state.check(f"at week {t}")
        assert abs(state.money() / before - 1.0) < 1e-9
        assert np.all(state.policies.committed <= budget) or not any(KINDS[p["kind"]].spends for p in policies)
        assert np.all(state.policies.spent <= state.policies.committed * (1 + 1e-12) + 1e-9)


# -- mistakes ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ({"kind": "grnt", "start": 0}, "policies[0].kind = \"grnt\" is not valid. Did you mean 'grant'? Valid: " + ", ".join(KINDS) + "."),
        ({"kind": "grant", "start": 0, "budgt": 1.0}, "policies[0]: unknown key 'budgt'. Did you mean 'budget'?"),
        ({"kind": "grant", "start": 0, "take_up": 1.5}, "policies[0].take_up = 1.5 is outside [0, 1]"),
        ({"kind": "grant", "start": 999}, "policies[0].start = 999 is after the last week 155: it would never act"),
        ({"kind": "grant", "start": 0, "threshold": 0.5}, "policies[0]: threshold belongs to eligibility low_cash or sales_drop"),
        ({"kind": "grant", "start": 0, "stop": 4, "lag": 4}, "policies[0]: with a lag of 4 weeks nobody is supported before stop 4"),
        ({"kind": "regulation", "start": 0, "budget": 1.0}, "policies[0]: regulation takes nothing from a budget: leave out budget"),
        ({"kind": "benefit", "start": 0, "size": 0.1, "target": {"size": "micro"}},
         "policies[0]: the target of benefit can name regions only, not size"),
        ({"kind": "credit_guarantee", "start": 0},
         "policies[0].kind = credit_guarantee needs credit.enabled = true (model: money has it)"),
        ({"kind": "wage_subsidy", "start": 0}, "policies[0].kind = wage_subsidy needs labour.enabled = true (model: work has it)"),
        ({"kind": "grant", "start": 0, "eligibility": "refused"},
         "policies[0].kind = grant needs credit.enabled = true (model: money has it)"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(policy, line):
    with pytest.raises(InputError) as caught:
        scenario.load({"policies": [policy]})
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(line)


def test_target_that_selects_nobody_is_an_error():
    with pytest.raises(InputError, match=r"^policies\[0\] \(grant\): unknown region 'nowhere'"):
        economy([{"kind": "grant", "start": 0, "target": {"region": "nowhere"}}])


def test_two_policies_of_one_name_are_an_error():
    with pytest.raises(InputError, match=r"policies\[1\].name = help is the name of an earlier policy"):
        scenario.load({"policies": [{"kind": "grant", "start": 0, "name": "help"}, {"kind": "grant", "start": 3, "name": "help"}]})


def test_names_are_given_or_kinds_with_numbers():
    policies = [Grant(start=0), Grant(start=0, name="aid"), Grant(start=0), Benefit(start=0, size=0.1)]
    assert labels(policies) == ("grant", "aid", "grant 2", "benefit")


def test_empty_name_is_refused():
    with pytest.raises(ValidationError, match="name is empty"):
        Grant(start=0, name=" ")


# -- scenarios --------------------------------------------------------------------------------------------------------------------------


def test_policies_stand_beside_shocks_and_are_taken_away_with_them():
    one = scenario.load({"model": "money", "shocks": CRISIS, "policies": [EXAMPLES["grant"]]})
    assert [x.kind for x in one.interventions] == ["demand", "credit_crunch", "grant"]
    assert one.without_interventions().interventions == ()
    assert [x.kind for x in one.without_policies().interventions] == ["demand", "credit_crunch"]
    assert scenario.load(json.loads(json.dumps(one.dump()))) == one
    more = one.with_(CreditGuarantee(start=1))
    assert [x.kind for x in more.policies] == ["grant", "credit_guarantee"]
    assert len(more.shocks) == 2


def test_variant_with_policies_is_run_beside_the_same_without_them():
    """The file as it stands is that where only policies differ; otherwise it is added, once."""
    base = {"model": "money", "shocks": CRISIS, "variants": {"grant": {"policies+": [EXAMPLES["grant"]]}}}
    assert list(scenario.load(base).all_variants()) == ["baseline", "scenario", "grant"]
    base["variants"]["mild"] = {"shocks": CRISIS[1:], "policies+": [EXAMPLES["grant"]]}
    found = scenario.load(base).all_variants()
    assert list(found) == ["baseline", "scenario", "grant", "mild", "mild without policies"]
    assert found["mild without policies"].policies == ()
    alone = scenario.load({"policies": [EXAMPLES["grant"]]}).all_variants()
    assert list(alone) == ["baseline", "scenario"]


def test_json_schema_knows_policies():
    known = scenario.schema()
    assert {"policies", "policies+", "policies-"} <= set(known["properties"])
    assert "policies" in known["$defs"]["Variant"]["properties"]
    assert known["$defs"]["Grant"]["properties"]["weeks"]["unit"] == "wk"


def test_draws_of_take_up_are_keyed_by_uid():
    """Firms appended later shift nobody's draw."""
    policy = Grant(start=0, take_up=0.5)
    state, _, _ = economy()
    before = policy.takers(np.ones(state.firms.n, dtype=bool), state, Draws(1))
    state.append_firms(sector=np.array([0]))
    after = policy.takers(np.ones(state.firms.n, dtype=bool), state, Draws(1))
    assert np.array_equal(before, after[:-1])
