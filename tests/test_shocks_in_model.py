"""Each kind of shock does in the model what it says: exactly, in the first week, against the same economy without it; then over time.

`tests/test_interventions.py` has the factor of every week and the targets; here is what the economy makes of the factors.
"""

from __future__ import annotations

import models
import numpy as np
import pytest

from smbsim import scenario
from smbsim.interventions.shocks import KINDS
from smbsim.network import from_edges
from smbsim.schema import InputError

START = 3
RESTAURANTS, METAL, CHEMICALS = "72", "33", "32"
SERVICE = models.united_states().sectors.index(RESTAURANTS)


def pair(shock: dict, until: int = START + 1, **sections):
    """(state with the shock, state without it) after the weeks before `until`; the shock begins in START."""
    found = []
    for shocks in ([{"start": START, **shock}], []):
        state, plan, draws = models.miniature(120, 2, shocks=shocks, **sections)
        models.advance(state, plan, draws, 0, until)
        found.append(state)
    return found


def of_sector(state, code: str) -> np.ndarray:
    return state.firms.sector == state.sector_codes.index(code)


def slots_of(state, code: str) -> np.ndarray:
    return state.slots.group == state.sector_codes.index(code)


# -- demand and preference ------------------------------------------------------------------------------------------------------------


def test_demand_shock_cuts_final_sales_by_its_size():
    """Restaurants sell 0.6 of what they would have sold outside links, every one of them; the others what they would have sold."""
    shocked, plain = pair({"kind": "demand", "size": 0.4, "target": {"sector": RESTAURANTS}})
    hit = of_sector(plain, RESTAURANTS)
    assert np.allclose(shocked.firms.final_sales[hit], 0.6 * plain.firms.final_sales[hit], rtol=1e-12)
    assert np.allclose(shocked.firms.final_sales[~hit], plain.firms.final_sales[~hit], rtol=1e-12)


def test_demand_shock_is_saved():
    """What households do not spend they keep: spending is down by 40 % of their budget for restaurants, and deposits are up."""
    shocked, plain = pair({"kind": "demand", "size": 0.4, "target": {"sector": RESTAURANTS}})
    line = ("consumption", "household", "firm")
    kept = plain.flows[line] - shocked.flows[line]
    assert kept == pytest.approx(0.4 * plain.firms.household_demand[of_sector(plain, RESTAURANTS)].sum(), rel=1e-12)
    earned_less = plain.households.disposable.sum() - shocked.households.disposable.sum()
    more = shocked.households.deposits.sum() - plain.households.deposits.sum()
    assert more == pytest.approx(kept - earned_less, rel=1e-9)
    assert 0 < earned_less < kept


def test_demand_boom_is_dissaved():
    shocked, plain = pair({"kind": "demand", "size": -0.2, "target": {"sector": RESTAURANTS}})
    assert shocked.households.deposits.sum() < plain.households.deposits.sum()
    hit = of_sector(plain, RESTAURANTS)
    assert np.allclose(shocked.firms.final_demand[hit], 1.2 * plain.firms.final_demand[hit], rtol=1e-12)


def test_preference_against_firms_moves_custom_within_their_sector():
    """Firms of a sector that is not hit as a whole: the sector keeps its customers, the other firms gain in proportion to their own."""
    state, _, _ = models.miniature(120, 2)
    rows = np.flatnonzero(of_sector(state, RESTAURANTS) & (state.firms.household_demand > 0))[:3]
    uids = [int(uid) for uid in state.firms.uid[rows]]
    shocked, plain = pair({"kind": "preference", "size": 0.5, "target": {"firms": uids}})
    hit, sector = np.isin(plain.firms.uid, uids), of_sector(plain, RESTAURANTS)
    before, after = plain.firms.household_demand, shocked.firms.household_demand
    share = before[hit].sum() / before[sector].sum()
    gain = 1.0 / (1.0 - 0.5 * share)  # Σ reach / Σ reach · taste
    assert np.allclose(after[hit], 0.5 * gain * before[hit], rtol=1e-12)
    assert np.allclose(after[sector & ~hit], gain * before[sector & ~hit], rtol=1e-12)
    assert np.allclose(after[~sector], before[~sector], rtol=1e-12)
    assert after[hit].sum() < before[hit].sum()


def test_preference_against_a_sector_moves_custom_to_the_others():
    """All firms of a sector: its share w falls to w (1 - m) / (1 - m w), every other firm gains by the same factor."""
    shocked, plain = pair({"kind": "preference", "size": 0.5, "target": {"sector": RESTAURANTS}})
    sector, before, after = of_sector(plain, RESTAURANTS), plain.firms.household_demand, shocked.firms.household_demand
    gain = 1.0 / (1.0 - 0.5 * before[sector].sum() / before.sum())
    assert np.allclose(after[sector], 0.5 * gain * before[sector], rtol=1e-12)
    assert np.allclose(after[~sector], gain * before[~sector], rtol=1e-12)


@pytest.mark.parametrize("target", [{"sector": RESTAURANTS}, {"share": 0.3}, {"region": "region 1", "kind": "smb"}, {"kind": "large"}])
def test_preference_keeps_household_spending(target):
    """What households plan to spend on firms is the same to the last digits, whoever is disliked."""
    shocked, plain = pair({"kind": "preference", "size": 0.6, "target": target})
    assert shocked.firms.household_demand.sum() == pytest.approx(plain.firms.household_demand.sum(), rel=1e-12)
    assert np.abs(shocked.firms.household_demand / plain.firms.household_demand.clip(1e-300) - 1.0).max() > 0.1


# -- capacity, labour, removal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["capacity", "supply", "plant_closure"])
def test_lost_capacity_of_one_stops_output(kind):
    """Nothing is made while it lasts, goods in stock are sold. Other goods are made as planned; services lose the orders of the plants."""
    shocked, plain = pair({"kind": kind, "size": 1.0, "target": {"sector": CHEMICALS}})
    hit = of_sector(plain, CHEMICALS)
    assert shocked.firms.output[hit].max() == 0.0
    assert shocked.firms.employment[hit].max() == 0.0
    assert shocked.firms.final_sales[hit].sum() > 0.0
    goods = plain.firms.storable & ~hit
    assert np.allclose(shocked.firms.output[goods], plain.firms.output[goods], rtol=1e-12)
    services = ~plain.firms.storable
    assert np.all(shocked.firms.output[services] <= plain.firms.output[services] * (1 + 1e-12))
    assert shocked.firms.output[services].sum() < plain.firms.output[services].sum()


def test_lost_capacity_of_services_is_lost_sales():
    """Services keep no stock: half the capacity at a utilisation of one is half the output and half of what is sold in the same week."""
    shock = {"kind": "capacity", "size": 0.5, "target": {"sector": RESTAURANTS}}
    shocked, plain = pair(shock, production={"breakdown_hazard": 0.0, "utilisation": 1.0})
    hit = of_sector(plain, RESTAURANTS)
    assert np.allclose(shocked.firms.output[hit], 0.5 * plain.firms.output[hit], rtol=1e-12)
    sold = [state.firms.final_sales[hit] + state.firms.sold_to_firms[hit] for state in (shocked, plain)]
    assert np.allclose(sold[0], 0.5 * sold[1], rtol=1e-12)
    assert np.all(shocked.firms.fill_rate[hit] < 0.6)


def test_spare_capacity_absorbs_a_loss_of_its_size():
    """At a utilisation of 0.8 a fifth of capacity is spare: losing it changes no output, losing a quarter leaves 0.75 / 0.8."""
    for size, left in ((0.2 - 1e-9, 1.0), (0.25, 0.75 / 0.8)):
        shocked, plain = pair({"kind": "capacity", "size": size})
        goods = plain.firms.storable
        assert np.allclose(shocked.firms.output[goods], left * plain.firms.output[goods], rtol=1e-9)


@pytest.mark.parametrize("size", [0.3, 1.0])
def test_labour_shock_limits_output_to_the_staff_that_is_left(size):
    """0.3 of the staff away: 0.7 of normal output in the first week, and never more while it lasts, whatever is owed."""
    limit = 1.0 - size
    shocked, plain = pair({"kind": "labour", "size": size, "target": {"share": 0.5}})
    hit = shocked.firms.labour_factor < 1.0
    assert 0 < hit.sum() < hit.size
    assert np.allclose(shocked.firms.output[hit], limit * plain.firms.normal_output[hit], rtol=1e-12)
    for until in (START + 5, START + 15):
        shocked, _ = pair({"kind": "labour", "size": size, "target": {"share": 0.5}}, until)
        assert np.all(shocked.firms.output[hit] <= limit * shocked.firms.normal_output[hit] * (1 + 1e-12))
        assert np.all(shocked.firms.employment[hit] <= limit * plain.firms.employment[hit] * (1 + 1e-9))


def test_removed_firms_make_nothing_and_final_buyers_ask_nothing_of_them():
    """No output, no final demand; their customers' orders are a backlog that is owed once the stock is gone."""
    shocked, plain = pair({"kind": "removal", "target": {"sector": CHEMICALS, "kind": "smb"}}, START + 12)
    hit = of_sector(plain, CHEMICALS) & (plain.firms.kind == 0)
    assert hit.any()
    assert shocked.firms.output[hit].max() == 0.0
    assert shocked.firms.final_demand[hit].max() == 0.0
    assert shocked.firms.final_sales[hit].max() == 0.0
    assert shocked.firms.sold_to_firms[hit].max() < 1e-6 * plain.firms.sold_to_firms[hit].max()
    assert shocked.firms.backlog_due[hit].sum() > plain.firms.sold_to_firms[hit].sum()


# -- imports --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1.0, 0.25])
def test_import_stop_dispatches_nothing_of_the_group(size):
    """Goods of the group: none (or three quarters) leave abroad this week; of the other groups all; what is in transit still arrives."""
    shocked, plain = pair({"kind": "import_stop", "size": size, "target": {"sector": METAL}})
    hit = slots_of(plain, METAL)
    assert plain.slots.imports[hit].sum() > 0
    assert np.allclose(shocked.slots.imports[hit], (1.0 - size) * plain.slots.imports[hit], rtol=1e-12)
    assert np.allclose(shocked.slots.imports[~hit], plain.slots.imports[~hit], rtol=1e-12)
    assert np.allclose(shocked.slots.input_stock, plain.slots.input_stock, rtol=1e-12, atol=1e-12)


def test_import_stop_reaches_stocks_after_the_time_of_transit():
    """Four weeks on their way: input stocks are what they were for four weeks, and lower in the fifth."""
    for until, alike in ((START + 4, True), (START + 5, False)):
        shocked, plain = pair({"kind": "import_stop", "target": {"sector": METAL}}, until, households={"enabled": False})
        hit = slots_of(plain, METAL) & (plain.slots.import_share > 0)
        ratio = shocked.slots.input_stock[hit] / plain.slots.input_stock[hit]
        assert (ratio.min() > 1.0 - 1e-9) == alike


def test_import_stop_of_final_goods_is_not_paid():
    """Households and the other final uses pay for no import of the group; they keep the money."""
    shocked, plain = pair({"kind": "import_stop", "target": {"sector": METAL}})
    row = plain.sectors.import_spending[plain.sector_codes.index(METAL), 0]
    line = ("imports", "household", "foreign")
    assert plain.flows[line] - shocked.flows[line] == pytest.approx(row, rel=1e-12)


@pytest.mark.parametrize("rise", [0.5, 1.0, -0.5])
def test_import_price_raises_what_is_paid_by_exactly_its_size(rise):
    """Every import of the group is invoiced at 1 + m: on credit for stocks, at once on the spot. No volume changes in the first week."""
    shocked, plain = pair({"kind": "import_price", "size": rise, "target": {"sector": METAL}})
    hit, group = slots_of(plain, METAL), plain.sector_codes.index(METAL)
    assert np.array_equal(shocked.slots.imports, plain.slots.imports)
    dearer = shocked.firms.import_payable - plain.firms.import_payable
    last = 1.0 - 1.0 / plain.firms.payment_terms  # one payment of 1/τ has been made since the invoice
    bought = np.bincount(plain.slots.customer[hit], plain.slots.imports[hit], plain.firms.n)
    assert np.allclose(dearer, rise * last * bought, rtol=1e-9, atol=1e-9)
    assert np.abs(dearer[bought == 0.0]).max() == 0.0
    spot = plain.firms.output * plain.sectors.spot_coefficient[plain.firms.sector, group]
    assert np.allclose(shocked.firms.spot_cost - plain.firms.spot_cost, rise * spot, rtol=1e-9, atol=1e-9 * plain.firms.spot_cost.max())
    assert np.array_equal(shocked.firms.spot_use, plain.firms.spot_use)


def test_import_price_goes_into_the_value_of_stocks():
    """The mean purchase price of a slot rises by rise × the part of its goods that came at the new price."""
    shocked, plain = pair({"kind": "import_price", "size": 0.5})
    slots = plain.slots
    held = slots.input_stock + slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1)
    assert np.allclose(shocked.slots.purchase_price, 1.0 + 0.5 * slots.imports / held, rtol=1e-9)


def test_emergency_imports_cost_the_new_price_and_the_premium():
    state, plan, draws = models.miniature(
        120, 2, shocks=[{"kind": "import_price", "size": 0.5, "start": 0}], production={"breakdown_hazard": 0.0, "emergency_premium": 0.2}
    )
    state.slots.input_stock[:] *= 0.1
    state.slots.pipeline[:] *= 0.1
    state.slots.import_pipeline[:] *= 0.1
    models.advance(state, plan, draws, 0, 1)
    bought = state.sum_slots(state.slots.emergency_import)
    assert bought.sum() > 0
    assert np.allclose(state.firms.emergency_cost, 1.2 * 1.5 * bought, rtol=1e-12)


# -- over time ------------------------------------------------------------------------------------------------------------------------

PROFILES = [
    {"profile": "step", "stop": 9},
    {"profile": "step", "stop": 6, "recovery": 5},
    {"profile": "ramp", "stop": 10, "recovery": 3},
    {"profile": "pulse", "recovery": 4},
    {"profile": "decay", "tau": 3.0},
    {"profile": "ar1", "rho": 0.8, "stop": 12, "recovery": 2},
]


def path(shock: dict, column: str, weeks: int = 18, **sections) -> tuple[np.ndarray, list[float]]:
    """(column of the first of two restaurants relative to rest, strength of the shock), week by week."""
    network = from_edges([], [100.0, 50.0], sector=[SERVICE] * 2)
    given = {"start": START, "target": {"firms": ["0"]}, **shock}
    state, plan, draws = models.given(network, [given], households={"enabled": False}, **sections)
    rest = state.firms.output[0]
    found = models.advance(state, plan, draws, 0, weeks, lambda s: float(getattr(s.firms, column)[0]))
    parsed = KINDS[given["kind"]](**given)
    return np.array(found) / rest, [parsed.strength(t, draws) for t in range(weeks)]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p["profile"])
def test_profile_of_demand_is_the_path_of_output(profile):
    """A restaurant that sells to final buyers only makes 1 - m(t) of its normal output in every week, recovery included."""
    found, strength = path({"kind": "demand", "size": 0.2, **profile}, "output", production={"breakdown_hazard": 0.0, "utilisation": 0.05})
    assert np.allclose(found, 1.0 - np.array(strength), rtol=1e-12)
    assert np.ptp(found) > 0.1


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p["profile"])
def test_profile_of_capacity_is_the_path_of_output(profile):
    """At a utilisation of one, without overtime, the same is true of lost capacity; output never exceeds demand."""
    size = -0.2 if profile["profile"] == "ar1" else 0.2  # so that its path goes down at times
    found, strength = path(
        {"kind": "capacity", "size": size, **profile}, "output",
        production={"breakdown_hazard": 0.0, "utilisation": 1.0, "overtime_max": 1.0},
    )  # fmt: skip
    assert np.allclose(found, np.minimum(1.0 - np.array(strength), 1.0), rtol=1e-12)
    assert np.ptp(found) > 0.05


def test_economy_comes_back_after_a_shock_with_recovery():
    """Output falls when the shock begins, is lower with a slow return than without one, and is back after two years."""
    weeks, sums = 130, []
    for recovery in (0, 13):
        shock = {"kind": "demand", "size": 0.4, "start": START, "stop": 10, "recovery": recovery, "target": {"sector": RESTAURANTS}}
        state, plan, draws = models.miniature(120, 2, shocks=[shock])
        rest = state.firms.output.sum()
        output = np.array(models.advance(state, plan, draws, 0, weeks, lambda s: s.firms.output.sum())) / rest
        assert np.allclose(output[:START], 1.0, rtol=1e-12)
        assert output[START] < 1.0 - 1e-3
        assert abs(output[-1] - 1.0) < 0.25 * (1.0 - output.min())
        sums.append(np.sum(1.0 - output[START:40]))
    assert sums[1] > 1.2 * sums[0]


# -- costs and credit ------------------------------------------------------------------------------------------------------------------


def test_wage_shock_raises_the_wage_bill_of_its_firms():
    """A tenth more pay for the same work in the first week, for restaurants only; the workers get it."""
    shocked, plain = pair({"kind": "wage", "size": 0.1, "target": {"sector": RESTAURANTS}})
    hit = of_sector(plain, RESTAURANTS)
    assert np.allclose(shocked.firms.wage_bill[hit], 1.1 * plain.firms.wage_bill[hit], rtol=1e-12)
    assert np.array_equal(shocked.firms.wage_bill[~hit], plain.firms.wage_bill[~hit])
    line = ("wages", "firm", "household")
    assert shocked.flows[line] - plain.flows[line] == pytest.approx(0.1 * plain.firms.wage_bill[hit].sum(), rel=1e-9)


def test_cost_shock_is_paid_to_the_rest_of_the_world():
    """A tenth more for all inputs of a unit of output, for restaurants only."""
    shocked, plain = pair({"kind": "cost", "size": 0.1, "target": {"sector": RESTAURANTS}})
    hit = of_sector(plain, RESTAURANTS)
    extra = 0.1 * plain.firms.material_cost * plain.firms.output
    assert np.allclose(shocked.firms.extra_cost, np.where(hit, extra, 0.0), rtol=1e-9)
    assert shocked.flows["extra costs", "firm", "foreign"] == pytest.approx(extra[hit].sum(), rel=1e-9)
    assert ("extra costs", "firm", "foreign") not in plain.flows


def test_credit_crunch_takes_loans_from_those_it_concerns():
    """Firms without deposits ask for loans: with a full crunch in one region nobody there gets one, elsewhere as many as without."""
    lent = {}
    for size in (0.0, 1.0):
        crunch = {"kind": "credit_crunch", "start": 0, "size": size, "target": {"region": "region 1"}}
        state, plan, draws = models.miniature(200, 2, model="money", shocks=[crunch])
        small = state.firms.kind == 0
        state.accounts.balance[state.account("bank")] += 2.0 * state.firms.cash[small].sum()  # own funds are not what limits loans
        state.accounts.balance[state.account("government")] += state.firms.cash[small].sum()
        state.firms.cash[small] = 0.0
        models.advance(state, plan, draws, 0, 1)
        lent[size] = state.by_region(state.firms.new_loans)
    assert np.all(lent[0.0] > 0.0)
    assert lent[1.0][0] == 0.0
    assert lent[1.0][1] == lent[0.0][1]


# -- technology, withdrawal of a policy -------------------------------------------------------------------------------------------------


PEOPLE = {name: models.LIVELY[name] for name in ("skills", "automation")}


def test_new_technology_is_adopted_more_and_does_more():
    """Tools that cost half and do twice as much work: more is set up within half a year, and labour per unit of work falls further."""
    shocked, plain = pair({"kind": "technology", "routine": 1.0, "cost": 0.5}, 29, model="work", **PEOPLE)
    assert shocked.firms.depth.sum() > plain.firms.depth.sum()
    more = shocked.firms.depth > shocked.firms.starting_depth
    both = (more & (plain.firms.depth > plain.firms.starting_depth)).any(axis=1)
    assert both.any()
    assert shocked.firms.labour_intensity[both].mean() < plain.firms.labour_intensity[both].mean() - 0.01


def test_skills_go_out_of_date_and_a_new_one_is_needed_in_the_sectors_concerned():
    """Forgetting twice as fast lowers levels there and nowhere else; the weight of the new skill is what was said."""
    skills = models.LIVELY["skills"] | {"attention": 0.0, "peer_learning": 0.0}
    shock = {"kind": "technology", "routine": 0.0, "cost": 0.0, "obsolescence": 1.0, "new_skill": 0.2, "target": {"sector": RESTAURANTS}}
    shocked, plain = pair(shock, START + 1, model="work", **(PEOPLE | {"skills": skills}))
    hit = of_sector(plain, RESTAURANTS) & (plain.firms.employment > 0)
    known = plain.firms.skill[:, :10]
    assert np.all(shocked.firms.skill[hit, :10] < known[hit])
    assert np.array_equal(shocked.firms.skill[~hit], plain.firms.skill[~hit])
    assert shocked.sectors.new_skill[SERVICE] == 0.2
    assert shocked.sectors.new_skill.sum() == 0.2


def test_technology_at_half_its_size_does_half():
    shocked, _ = pair({"kind": "technology", "size": 0.5, "routine": 1.0, "cost": 0.5, "target": {"kind": "smb"}}, model="work", **PEOPLE)
    small = shocked.firms.kind == 0
    assert np.all(shocked.firms.routine_factor[small] == 1.5)
    assert np.all(shocked.firms.tool_cost_factor[small] == 0.75)
    assert np.all(shocked.firms.routine_factor[~small] == 1.0)


def test_withdrawn_policy_is_over_from_that_week_on():
    """Benefits are higher until then and not afterwards; half of it, where half is withdrawn; back when the withdrawal is over."""
    policy = [{"kind": "benefit", "start": 0, "size": 0.4, "name": "aid"}]
    paid = {}
    for size in (0.0, 0.5, 1.0):
        shocks = [{"kind": "policy_withdrawal", "policy": "aid", "start": 4, "stop": 6, "size": size}]
        state, plan, draws = models.miniature(60, 2, model="work", policies=policy, shocks=shocks)
        paid[size] = models.advance(state, plan, draws, 0, 8, lambda s: s.flows.get(("aid", "government", "household"), 0.0))
    assert paid[0.5][:4] == paid[1.0][:4] == paid[0.0][:4]
    assert paid[1.0][4:6] == [0.0, 0.0]
    assert paid[0.5][4] == pytest.approx(0.5 * paid[0.0][4], rel=1e-12)
    assert all(paid[1.0][6:])


def test_effect_of_a_policy_that_is_withdrawn_is_measured_against_none_of_both():
    spec = scenario.load({
        "policies": [{"kind": "benefit", "start": 0, "size": 0.4}],
        "shocks": [{"kind": "demand", "start": 1, "size": 0.2}, {"kind": "policy_withdrawal", "policy": "benefit", "start": 4}],
    })  # fmt: skip
    assert [shock.kind for shock in spec.without_policies().shocks] == ["demand"]
    assert list(spec.all_variants()) == ["baseline", "scenario", "scenario without policies"]
    assert scenario.load(spec.dump()) == spec


@pytest.mark.parametrize(
    ("shock", "line"),
    [
        ({"kind": "policy_withdrawal", "policy": "benfit"},
         "shocks[0].policy = benfit: no policy has this name. Did you mean 'benefit'? Valid: benefit."),
        ({"kind": "policy_withdrawal", "policy": "benefit", "target": {"size": "micro"}},
         "shocks[0]: policy_withdrawal concerns a policy: leave out target"),
        ({"kind": "policy_withdrawal"}, "shocks[0]: 'policy' is missing"),
        ({"kind": "technology"}, "shocks[0].kind = technology needs automation.enabled = true (model: people has it)"),
        ({"kind": "technology", "new_skill": 0.1},
         "shocks[0].kind = technology needs automation.enabled = true and skills.enabled = true (model: people has it)"),
    ],
)  # fmt: skip
def test_mistakes_in_technology_and_withdrawal_are_one_line(shock, line):
    with pytest.raises(InputError) as caught:
        scenario.load({"policies": [{"kind": "benefit", "start": 0, "size": 0.1}], "shocks": [{"start": 0, **shock}]})
    assert caught.value.lines == (line,)


def test_every_kind_is_looked_at_here():
    """A kind of shock that is added needs a test of what it does."""
    assert set(KINDS) == {
        "demand", "preference", "capacity", "supply", "plant_closure", "labour", "removal", "import_stop", "import_price", "wage", "cost",
        "credit_crunch", "technology", "policy_withdrawal",
    }  # fmt: skip
