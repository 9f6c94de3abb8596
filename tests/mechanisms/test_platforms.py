"""Platforms: who starts on them, rest, joining and leaving, critical mass, fees and operators, reach, prices, shared data, warnings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import CALM, advance, columns, lively, miniature
from scipy.optimize import brentq

from smbsim import scenario
from smbsim.analysis.loops import critical_masses, loops
from smbsim.draws import logistic
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.market import Market
from smbsim.mechanisms.mergers import unite_firms
from smbsim.mechanisms.platforms import SELLING, SHARING, Platforms, logit
from smbsim.metrics import METRICS
from smbsim.metrics.identities import Books
from smbsim.rest import DATA_PLATFORM, FOREIGN, GOVERNMENT, INVESTMENT, MARKETPLACE
from smbsim.schema import InputError
from smbsim.state import LARGE, SMB

ON = {"model": "life", "platforms": {"enabled": True}}
FREE = {"enabled": True, "fee": 0.0, "data_fee": 0.0, "setup": 0.0, "privacy": 0.0}


@pytest.fixture(scope="module")
def life():
    """(state, draws) with platforms at rest."""
    state, _, draws = miniature(150, 2, **ON)
    return state, draws


@pytest.fixture
def start(life):
    return life[0].copy(), life[1]


def mine(state):
    return np.flatnonzero((state.firms.kind == SMB) & state.firms.alive)


def quarters(mechanism, state, draws, number=1, first=0, look=None):
    """So many reviews of every firm; what look(state) saw after each quarter."""
    seen = []
    for t in range(first, first + 13 * number):
        mechanism.decide(state, Step(t, draws))
        if look is not None and t % 13 == 12:
            seen.append(look(state))
    return seen


def shares(state, platform=SHARING) -> float:
    return METRICS[("marketplace_sellers", "data_members")[platform]](state)


def crowd(smbs=2000, **platforms):
    """(state, mechanism, draws) of many SMBs with more than enough cash, who differ in taste alone, and do not look at their own links."""
    values = {**FREE, "attention": 1.0, "link_weight": 0.0, **platforms}
    state, _, draws = miniature(smbs, 1, finance={"enabled": True}, market={"enabled": True}, platforms=values)
    state.firms.cash[:] = 1e15
    return state, Platforms(**values), draws


# -- the start ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("platform", "share"), [(SELLING, 0.229), (SHARING, 0.1)])
def test_starting_share_is_that_of_the_table_in_every_sector(platform, share):
    """22.9 % of enterprises with e-sales: all in all to within one SMB, in each sector to within one."""
    state, _, _ = miniature(2000, 2, **ON)
    small, firms = mine(state), state.firms
    joined = firms.member[small, platform]
    assert abs(joined.sum() - share * len(small)) <= 1.0
    number, found = np.bincount(firms.sector[small]), np.bincount(firms.sector[small], joined)
    assert np.abs(found - share * number).max() <= 1.0
    assert not firms.member[firms.kind == LARGE].any()
    keen = firms.eagerness[small, platform] < share
    assert np.array_equal(keen, joined == 1), "members are the keenest"
    assert np.histogram(firms.eagerness[small, platform], 4, (0, 1))[0].min() > 0.2 * len(small), "tastes are uniform"


def test_platforms_need_finance_and_market():
    with pytest.raises(InputError, match=r"platforms.enabled = true needs finance.enabled = true and market.enabled = true"):
        scenario.load({"platforms": {"enabled": True}})


# -- rest and off -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weeks", [120, pytest.param(520, marks=pytest.mark.long)])
def test_nothing_moves_at_the_starting_membership_without_hazards(weeks):
    """Whole model, firms reviewing as ever: nobody joins or leaves, and every column stays what it was after the first week."""
    state, plan, draws = miniature(100, 2, **ON, **CALM)
    assert state.firms.sharing.any()
    assert (state.firms.member == 1).any(axis=0).all()
    advance(state, plan, draws, 0, 1)
    before = columns(state)
    advance(state, plan, draws, 1, 1 + weeks // 12 * 12)
    for place, now in columns(state).items():
        if place[1] in ("stage", "aspiration", "sales_this_year", "sales_last_year"):
            continue
        size = max(np.abs(before[place].astype(float)).max(initial=0.0), 1e-3 * before["firms", "output"].mean())
        assert np.abs(now.astype(float) - before[place].astype(float)).max(initial=0.0) <= 1e-10 * size, place
    assert not any("platform" in line for flow in state.flows for line in flow)


def test_platforms_without_effects_and_members_change_nothing():
    """Nobody on them, nobody who looks: every column of every other mechanism bit for bit that of an economy without them."""
    nobody = {"enabled": True, "sellers": 0.0, "data_members": 0.0, "attention": 0.0}
    without, with_ = (lively(platforms=values) for values in ({"enabled": False}, nobody))
    for economy in (without, with_):
        advance(*economy, 0, 26)
    own = {column.name for column in Platforms.columns}
    found = columns(with_[0])
    for place, values in columns(without[0]).items():
        assert place[1] in own or np.array_equal(values, found[place]), place


def test_a_frozen_marketplace_takes_no_fees_and_gives_no_reach():
    """Members of the start at the start's fees and number of buyers: that is what the tables contain."""
    state, plan, draws = lively(platforms={"enabled": True, "attention": 0.0}, exits={"enabled": True, "estate_weeks": 4})
    flows = []
    for t in range(10):
        advance(state, plan, draws, t, t + 1)
        flows += [flow for flow in state.flows if MARKETPLACE in flow]
    alive = state.firms.alive
    assert np.all(state.firms.platform_reach[alive] == 1.0)
    assert not state.firms.platform_fee[alive & (state.firms.member[:, SELLING] == 1), SELLING].any()
    assert not flows


# -- joining and leaving ------------------------------------------------------------------------------------------------------------------


def test_lower_fees_bring_members_and_higher_ones_lose_them(start):
    state, draws = start
    mechanism = Platforms(enabled=True, attention=1.0, fee=0.5)
    small = mine(state)
    state.firms.normal_worth[:] = mechanism._worth(state, np.arange(state.firms.n))
    state.firms.cash[:] = 1e15
    found = {}
    for factor in (0.0, 1.0, 3.0):
        other = state.copy()
        other.firms.platform_fee_factor[:] = factor
        quarters(mechanism, other, draws)
        found[factor] = other.firms.member[small, SELLING].sum()
    assert found[0.0] > found[1.0] == state.firms.member[small, SELLING].sum() > found[3.0]


def test_who_does_not_think_of_it_or_cannot_pay_stays_out(start):
    state, draws = start
    state.regions.infrastructure[:] = 100.0
    assert quarters(Platforms(enabled=True, attention=0.0), state.copy(), draws, look=shares)[0] == shares(state)
    state.firms.cash[:] = 0.0
    assert quarters(Platforms(enabled=True, attention=1.0), state.copy(), draws, look=shares)[0] == shares(state)
    state.firms.cash[:] = 1e15
    assert quarters(Platforms(enabled=True, attention=1.0), state.copy(), draws, look=shares)[0] == 1.0


def test_setup_keeps_out_who_is_not_in_and_is_sunk_for_who_is(start):
    """Between joining and leaving lies a band as wide as set-up by year."""
    state, draws = start
    mechanism = Platforms(enabled=True, attention=1.0, setup=0.3, setup_years=3.0)  # .1 a year of sales: β times it is 3
    state.firms.cash[:] = 1e15
    state.regions.infrastructure[:] = 0.05 / mechanism.infrastructure_effect  # worth half of it
    before = state.firms.member.copy()
    quarters(mechanism, state, draws)
    assert np.array_equal(state.firms.member, before)
    state.firms.platform_subsidy[:] = 0.9
    quarters(mechanism, state, draws, first=13)
    assert state.firms.member.sum() > before.sum()


def test_setup_is_paid_to_the_investment_pool_and_in_part_by_the_state(start):
    state, draws = start
    state.regions.infrastructure[:] = 100.0
    state.firms.cash[:], state.firms.platform_subsidy[:] = 1e12, 0.25
    cash, pool, funds = state.firms.cash.copy(), *(state.accounts.balance[state.account(a)] for a in (INVESTMENT, GOVERNMENT))
    mechanism = Platforms(enabled=True, attention=1.0)
    new = state.firms.member.copy()
    quarters(mechanism, state, draws)
    new = state.firms.member - new
    expected = new.sum(axis=1) * mechanism.setup * 52 * state.firms.price * state.firms.usual_demand
    assert cash - state.firms.cash == pytest.approx(0.75 * expected, rel=1e-3, abs=1.0)
    assert state.accounts.balance[state.account(INVESTMENT)] - pool == pytest.approx(expected.sum(), rel=1e-9)
    assert funds - state.accounts.balance[state.account(GOVERNMENT)] == pytest.approx(0.25 * expected.sum(), rel=1e-9)


def test_leaving_makes_sharing_zero_at_once(start):
    state, draws = start
    assert state.firms.sharing[mine(state)].any()
    state.firms.platform_trust[:] = 0.0
    quarters(Platforms(enabled=True, attention=1.0, risk=10.0), state, draws)
    small = mine(state)
    assert not state.firms.member[small].any()
    assert np.all(state.firms.sharing == 0.0)
    before = state.firms.demand.copy()
    state.firms.end_demand[:] = np.nan  # not used
    state.firms.end_demand[:] = 1e9
    assert np.array_equal(before + state.firms.sharing * (state.firms.end_demand - before), before)


def test_nobody_moves_before_week_zero(start):
    state, draws = start
    state.regions.infrastructure[:], state.firms.cash[:] = 100.0, 1e12
    before = state.firms.member.copy()
    quarters(Platforms(enabled=True, attention=1.0), state, draws, first=-13)
    assert np.array_equal(state.firms.member, before)


# -- critical mass ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theta", "gain", "cost"), [(0.5, 0.4, 0.2), (1.0, 0.4, 0.16), (2.0, 0.5, 0.08)])
def test_interior_share_of_alike_firms_is_an_unstable_critical_mass(theta, gain, cost):
    """v n^θ = c: from just below everybody leaves, from just above everybody joins (β large: firms are alike)."""
    mass = (cost / gain) ** (1.0 / theta)
    assert 0.1 < mass < 0.9
    for first, end in ((mass - 0.02, 0.0), (mass + 0.02, 1.0)):
        values = {"data_members": first, "choice": 1e5, "network_exponent": theta, "data_gain": gain, "data_cost": cost}
        state, mechanism, draws = crowd(500, **values)
        assert quarters(mechanism, state, draws, look=shares)[-1] == end
    wanted = Platforms(**FREE | {"choice": 1e5, "network_exponent": theta, "data_gain": gain, "data_cost": cost}).sharers_wanted
    assert critical_masses(wanted) == pytest.approx([mass], abs=1e-3)


def fold(beta: float, J: float) -> tuple[float, float]:
    """(up, down): u at which the low and the high root of n = Logit β(u + J n) end. MODEL.md M9, R12."""
    roots = [0.5 * (1 + sign * np.sqrt(1 - 4 / (beta * J))) for sign in (-1, 1)]
    return tuple(np.log(x / (1 - x)) / beta - J * x for x in roots)


@pytest.mark.parametrize("upward", [True, False])
def test_logistic_case_has_the_folds_of_static_choice(upward):
    """θ = 1, βJ = 8, β = 4: jump up at u = -.734, collapse at -1.266; on either side of each the reviews of firms end where theory says."""
    beta, J = 4.0, 2.0
    up, down = fold(beta, J)
    assert (up, down) == pytest.approx((-0.7336, -1.2664), abs=1e-4)
    edge, first = (up, 0.02) if upward else (down, 0.98)
    for u, stays in ((edge - 0.06, upward), (edge + 0.06, not upward)):
        values = {"data_members": first, "choice": beta, "network_exponent": 1.0, "data_gain": J, "data_cost": -u}
        state, mechanism, draws = crowd(2000, **values)
        end = quarters(mechanism, state, draws, 24, look=shares)[-1]
        assert (end < 0.5) == (first < 0.5 if stays else first > 0.5), (u, end)
        roots = [n for n in np.linspace(0.001, 0.999, 999) if abs(logistic(beta * (u + J * n)) - n) < 0.02]
        assert min(abs(end - n) for n in roots) < 0.03


@pytest.mark.parametrize(("gain", "tips"), [(0.85, False), (1.15, True)])
def test_two_sides_tip_where_the_product_of_their_slopes_passes_one(gain, tips):
    """θ = 1, both at one half: slopes βv/4 of sellers by buyers and of buyers by sellers; a push of 3 % dies out, or leads away."""
    beta = 4.0
    values = {"sellers": 0.5, "first_buyers": 0.5, "choice": beta, "network_exponent": 1.0, "seller_gain": gain, "buyer_gain": gain}
    state, mechanism, draws = crowd(4000, **values)
    slope = (beta * gain / 4.0) ** 2
    spec = scenario.load({"model": "life", "platforms": {**FREE, **values}})
    loop = next(loop for loop in loops(state, spec) if "marketplace" in loop.name)
    assert loop.value == pytest.approx(slope, rel=1e-3)
    assert loop.past == tips == (slope > 1.0)
    state.regions.buyers[:] = 0.53
    seen = quarters(mechanism, state, draws, 60, look=lambda s: float(s.regions.buyers[0]))
    if tips:
        high = brentq(lambda n: mechanism.buyers_wanted(mechanism.sellers_wanted(n)) - n, 0.55, 1.0)
        assert seen[-1] == pytest.approx(high, abs=0.03)
    else:
        assert seen[-1] == pytest.approx(0.5, abs=0.02)


def test_loops_name_the_critical_mass():
    """Users are told how far the start is from where membership grows by itself."""
    values = {**FREE, "data_members": 0.1, "choice": 30.0, "network_exponent": 1.0, "data_gain": 0.2}
    spec = scenario.load({"model": "life", "platforms": values})
    state, _, _ = miniature(40, 1, model="life", platforms=values)
    loop = next(loop for loop in loops(state, spec) if "data" in loop.name)
    mass = brentq(lambda n: logistic(logit(0.1) + 6.0 * (n - 0.1)) - n, 0.15, 0.8)
    assert loop.value == pytest.approx(6.0 * 0.1 * 0.9, rel=1e-4)
    assert f"critical mass at {mass:.2f} of SMBs" in loop.in_words()
    mild = scenario.load({"model": "life", "platforms": {"enabled": True}})
    assert [loop.past for loop in loops(state, mild) if "growth of the" in loop.name] == [False, False]


# -- money --------------------------------------------------------------------------------------------------------------------------------


def joined_marketplace(state, buyers=0.4):
    """Everybody sells there, and more households buy."""
    state.firms.member[mine(state)] = 1
    state.regions.buyers[:] = buyers
    state.firms.spendable[:], state.firms.other_cost[:] = 1e15, 0.0
    state.flows.clear()


@pytest.mark.parametrize("owner", ["private", "cooperative", "public"])
def test_fees_sum_to_the_income_of_the_operator_and_its_profit_goes_to_its_owners(start, owner):
    state, draws = start
    joined_marketplace(state)
    mechanism = Platforms(enabled=True, marketplace=owner, data_platform=owner)
    cash, money = state.firms.cash.copy(), state.money()
    mechanism.pay(state, Step(0, draws))
    for p, operator in enumerate((MARKETPLACE, DATA_PLATFORM)):
        income = state.flows.get(("platform fees", "firm", operator), 0.0)
        assert income == pytest.approx(state.firms.platform_fee[:, p].sum(), rel=1e-12)
        assert state.accounts.balance[state.account(operator)] == income
        assert (income == 0.0) == (owner == "public")
    assert cash - state.firms.cash == pytest.approx(state.firms.platform_fee.sum(axis=1), rel=1e-9, abs=1e-9)
    mechanism.distribute(state, Step(0, draws))
    received = {line: amount for line, amount in state.flows.items() if line[1] in (MARKETPLACE, DATA_PLATFORM)}
    running = sum(amount for (flow, *_), amount in received.items() if flow == "running of platforms")
    assert running > 0.0
    assert [state.accounts.balance[state.account(a)] for a in (MARKETPLACE, DATA_PLATFORM)] == pytest.approx([0.0, 0.0], abs=1e-9)
    fees = state.firms.platform_fee.sum()
    if owner == "private":
        home, abroad = (sum(received[line] for line in received if line[2] == who) for who in ("household", FOREIGN))
        assert home == pytest.approx(abroad) == pytest.approx((fees - running) / 2, rel=1e-9)
    elif owner == "cooperative":
        assert state.firms.platform_dividend.sum() == pytest.approx(fees - running, rel=1e-9)
        assert np.all(state.firms.platform_dividend[state.firms.member[:, SHARING] == 0] == 0.0)
    else:
        funding = sum(amount for (flow, *_), amount in state.flows.items() if flow == "funding of platforms")
        assert funding == pytest.approx(running, rel=1e-12)
    assert state.money() == pytest.approx(money, rel=1e-14)


def test_fee_is_that_of_sales_beyond_those_of_the_start(start):
    """A newcomer pays φ b of household sales; a member of the start for the growth of b; one that left saves its fees."""
    state, draws = start
    mechanism, firms = Platforms(enabled=True, data_fee=0.0), state.firms
    small = mine(state)
    old, new = (small[firms.starting_member[small, SELLING] == was] for was in (1.0, 0.0))
    firms.member[new[:5], SELLING], firms.member[old[:3], SELLING] = 1, 0
    state.regions.buyers[:], firms.spendable[:], firms.other_cost[:] = 0.25, 1e15, 0.0
    mechanism.pay(state, Step(0, draws))
    sales = firms.demand_factor * firms.final_fill_rate * firms.household_demand
    for rows, share in ((new[:5], 0.25), (old[3:], 0.10), (old[:3], -0.15), (new[5:], 0.0)):
        assert firms.platform_fee[rows, SELLING] == pytest.approx(0.10 * share * sales[rows], rel=1e-12)
    assert firms.other_cost == pytest.approx(firms.platform_fee.sum(axis=1))


def test_who_cannot_pay_its_fees_is_no_member_any_more(start):
    state, draws = start
    joined_marketplace(state)
    poor = mine(state)[::2]
    state.firms.spendable[poor] = 0.0
    Platforms(enabled=True).pay(state, Step(0, draws))
    owing = state.firms.household_demand[poor] > 0.0
    assert owing.any()
    assert not state.firms.member[poor[owing], SELLING].any()
    assert not state.firms.member[poor, SHARING][state.firms.starting_member[poor, SHARING] == 0.0].any()
    assert state.firms.member[mine(state)[1::2]].all()


# -- what customers see -------------------------------------------------------------------------------------------------------------------


def test_reach_brings_customers_of_other_regions_and_takes_them_from_others(start):
    """Households spend the same; who joined sells more elsewhere, in proportion; what the sector sells stays."""
    state, _ = start
    mechanism, firms, market = Platforms(enabled=True), state.firms, Market(enabled=True)
    before, sold = firms.household_demand.copy(), state.by_sector(firms.household_demand)
    new = mine(state)[(firms.starting_member[mine(state), SELLING] == 0.0)][::7]
    firms.member[new, SELLING] = 1
    mechanism._show(state)
    reach = 1.0 + 0.15**0.5
    assert firms.platform_reach[new] == pytest.approx(reach)
    assert np.all(np.delete(firms.platform_reach, new) == 1.0)
    market._attract(state)
    market._ask(state)
    gains = firms.household_demand[new] / np.maximum(before[new], 1e-300)
    elsewhere = firms.customer_base[new, 1] > 0.0
    assert elsewhere.any()
    assert np.all(gains[elsewhere] > 1.0)
    assert np.all(gains < reach)
    assert state.by_sector(firms.household_demand) == pytest.approx(sold, rel=1e-12)


def test_visible_prices_make_customers_of_members_choosier():
    """Elasticity of a member's sales to its price: ε, and Δε b more, against the price of the sector's pool."""
    state, _, _ = miniature(150, 2, model="life", platforms={"enabled": True, "price_visibility": 2.0})
    firms, market = state.firms, Market(enabled=True)
    Platforms(enabled=True, price_visibility=2.0)._show(state)
    member = firms.member[:, SELLING] == 1
    assert np.all(firms.visibility[~member] == 0.0)
    assert firms.visibility[member] == pytest.approx(2.0 * 0.15)
    before = firms.pull.copy()
    firms.price[:] *= 1.1
    market._attract(state)
    gone = np.log(firms.pull / before) / np.log(1.1)
    assert gone[~member] == pytest.approx(1.0 - 2.6)
    assert gone[member] == pytest.approx(1.0 - 2.6 - 0.3)
    market._attract(state)  # everybody is as dear: last week's pool now says so
    assert np.log(firms.pull / before)[member] / np.log(1.1) == pytest.approx(1.0 - 2.6, abs=1e-12)


# -- shared data --------------------------------------------------------------------------------------------------------------------------


def test_coverage_is_the_share_of_links_to_members(start):
    """Against a plain loop over the links; large firms count with the share of SMBs that are members."""
    state, _ = start
    firms, slots, links = state.firms, state.slots, state.links
    mechanism = Platforms(enabled=True)
    firms.member[mine(state)[::3], SHARING] = 1
    mechanism._look_along_links(state)
    joined = shares(state)
    on = [joined if firms.kind[i] == LARGE else float(firms.member[i, SHARING]) for i in range(firms.n)]
    sold, known = np.zeros(firms.n), np.zeros((firms.n, state.sectors.n))
    for e in range(links.n):
        i, j, s = links.supplier[e], links.buyer[e], links.slot[e]
        flow = links.weight[e] * slots.coefficient[s] * (1 - slots.import_share[s]) * firms.expected_demand[j]
        sold[i] += flow
        known[i, firms.sector[j]] += on[j] * flow
    total = known.sum(axis=1)
    assert firms.coverage == pytest.approx(np.divide(total, sold, out=np.zeros(firms.n), where=sold > 0), abs=1e-12)
    expected = np.divide(known, total[:, None], out=np.zeros(known.shape), where=total[:, None] > 0)
    asking = np.array(on) > 0
    assert firms.downstream[asking] == pytest.approx(expected[asking], abs=1e-12)
    members = firms.member[mine(state), SHARING].sum()
    assert firms.sharing == pytest.approx(np.array(on) * firms.coverage * (1 - np.sqrt(0.25 / members + 0.01)))


def test_quality_rises_with_members_to_a_bias():
    state, _, _ = miniature(200, 1, **ON)
    seen, small = [], mine(state)
    for number in (1, 10, len(small)):
        state.firms.member[:, SHARING] = 0
        state.firms.member[small[:number], SHARING] = 1
        Platforms(enabled=True)._look_along_links(state)
        some = state.firms.coverage[small[:number]] > 0.0
        seen.append(
            (state.firms.sharing[small[:number]] / np.where(some, state.firms.coverage[small[:number]], 1.0))[some].max(initial=0.0)
        )
    assert seen[1] == pytest.approx(1 - np.sqrt(0.025 + 0.01))
    assert seen[1] < seen[2] < 0.9


@settings(max_examples=25)
@drawn(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0), error=st.floats(0.0, 3.0), bias=st.floats(0.0, 1.0))
def test_sharing_is_a_share_and_zero_without_membership(life, seed, share, error, bias):
    state, rng = life[0].copy(), np.random.default_rng(seed)
    small = mine(state)
    state.firms.member[small, SHARING] = rng.random(len(small)) < share
    state.links.weight[:] *= rng.random(state.links.n)
    Platforms(enabled=True, data_error=error, data_bias=bias)._look_along_links(state)
    assert np.all((state.firms.sharing >= 0.0) & (state.firms.sharing <= 1.0))
    assert np.all(state.firms.sharing[small[state.firms.member[small, SHARING] == 0]] == 0.0)
    state.check()


def test_shared_demand_of_an_economy_at_rest_is_its_demand(start):
    state, draws = start
    state.firms.member[mine(state), SHARING] = 1
    mechanism = Platforms(enabled=True)
    mechanism._look_along_links(state)
    for t in range(5):
        mechanism.report(state, Step(t, draws))
    assert state.firms.end_demand == pytest.approx(state.firms.demand, rel=1e-12)
    assert state.sectors.shared_demand == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("orders", "most"), [({}, 0.9), ({"forecast_speed": 0.36, "stock_adjustment": 0.26, "inventory_adjustment": 0.26}, 0.6)]
)
def test_orders_upstream_swing_less_where_demand_is_shared(orders, most):
    """Whole economy under noise of final demand, nobody on the data platform or everybody: a little where orders are damped, much where
    they are placed as Sterman's subjects did."""
    found = {}
    for members in (0.0, 1.0):
        values = {**FREE, "data_members": members, "attention": 0.0, "data_error": 0.0, "data_bias": 0.0, "search": 0, "alert": 0.0}
        state, plan, draws = miniature(
            120, 1, finance={"enabled": True}, market={"enabled": True, "quality_noise": 0.0}, platforms=values, orders=orders
        )
        noise, path = 1.0 + 0.05 * draws.normal("push", 0, np.arange(100)), []
        sold = state.firms.sold_to_firms / state.firms.output
        upstream = sold >= np.quantile(sold, 0.75)
        for t in range(100):
            plan[0][1](state, Step(t, draws))
            state.firms.demand_factor[:] = noise[t]
            state.flows.clear()
            for _, phase in plan[1:]:
                phase(state, Step(t, draws))
            path.append(state.sum_slots(state.slots.order + state.slots.import_order)[upstream].sum())
        found[members] = np.std(path[20:]) / np.mean(path[20:])
    assert found[1.0] < most * found[0.0]


# -- suppliers ----------------------------------------------------------------------------------------------------------------------------


def test_customers_on_the_platform_are_warned_of_members_that_do_not_deliver(start):
    state, _ = start
    firms, links, slots = state.firms, state.links, state.slots
    small = mine(state)
    firms.member[:, SHARING] = 0
    e = np.flatnonzero((firms.kind[links.supplier] == SMB) & (firms.kind[links.buyer] == SMB) & (links.weight > 0.0))[0]
    supplier, buyer = links.supplier[e], links.buyer[e]
    firms.fill_rate[supplier] = 0.5
    for members, heard in (((), 0), ((buyer,), 0), ((supplier,), 0), ((supplier, buyer), 1)):
        firms.member[small, SHARING] = 0
        firms.member[list(members), SHARING] = 1
        Platforms(enabled=True)._look_along_links(state)
        assert slots.warned[links.slot[e]] == heard
    firms.fill_rate[supplier] = 0.95
    Platforms(enabled=True)._look_along_links(state)
    assert not slots.warned.any()


def test_who_is_warned_replaces_the_supplier_sooner():
    """A supplier that suddenly delivers nothing keeps its customers where its fill rate is a slow mean, not where they hear of it."""
    kept = {}
    for warned in (False, True):
        state, _, draws = miniature(200, 2, model="life")
        spec = scenario.load({"model": "life", "population": {"smbs": 200}})
        firms, links, slots = state.firms, state.links, state.slots
        bad = mine(state)[np.argsort(-firms.sold_to_firms[mine(state)])[:20]]
        firms.fill_rate[bad], uid = 0.0, firms.uid[bad]
        slots.warned[links.slot[np.isin(links.supplier, bad)]] = warned
        firms.more_candidates[:] = 4 * warned
        spec.sourcing.review(state, Step(0, draws))
        kept[warned] = links.weight[np.isin(firms.uid[links.supplier], uid)].sum()
    assert kept[True] < 0.8 * kept[False]


# -- firms that come, go and merge --------------------------------------------------------------------------------------------------------


def test_everything_that_can_happen_keeps_the_books_and_the_bounds():
    state, plan, draws = lively()
    books, members = Books(state), state.firms.member.copy()
    entered, flows = False, set()
    for t in range(30):
        advance(state, plan, draws, t, t + 1, check=t in (0, 13, 29))
        flows |= {flow for flow, *_ in state.flows}
        assert max(books.gaps(state).values()) < 1e-9, t
        entered |= bool(state.firms.entered.any())
        gone = ~state.firms.alive & (state.firms.exit_week < t)
        assert not state.firms.member[gone].any()
        assert np.all(state.firms.sharing[gone] == 0.0)
    assert entered
    n = len(members)
    assert (state.firms.member[:n][state.firms.alive[:n]] != members[state.firms.alive[:n]]).any(), "some join or leave"
    assert flows >= {"platform fees", "running of platforms", "platform profits", "joining platforms"}


def test_an_entrant_begins_like_its_model_and_has_its_own_taste():
    state, plan, draws = lively()
    advance(state, plan, draws, 0, 30)
    firms, new = state.firms, np.flatnonzero(state.firms.born > 0)
    assert len(new)
    old = new[firms.born[new] < 16]
    assert np.all(firms.eagerness[old[firms.alive[old]]] >= 0.0)
    assert len(np.unique(firms.eagerness[old[firms.alive[old]]])) > 2


def test_merged_firms_are_where_the_buyer_is_and_pay_for_what_the_other_was_not(start):
    """Member of the start buys a firm of its size that was none: all of it sells there now, half of it is more than the tables contain."""
    state, draws = start
    firms, small = state.firms, mine(state)
    buyer = small[firms.member[small, SELLING] == 1][0]
    target = small[firms.member[small, SELLING] == 0][0]
    firms.capacity[[buyer, target]] = 100.0
    unite_firms(state, np.array([buyer]), np.array([target]))
    assert (firms.member[buyer, SELLING], firms.starting_member[buyer, SELLING]) == (1, 0.5)
    firms.spendable[:], firms.other_cost[:], firms.household_demand[buyer] = 1e15, 0.0, 1000.0
    Platforms(enabled=True, data_fee=0.0).pay(state, Step(0, draws))
    assert firms.platform_fee[buyer, SELLING] == pytest.approx(0.10 * 0.15 * 0.5 * 1000.0)
