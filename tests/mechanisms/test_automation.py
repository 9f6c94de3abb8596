"""Automation: starting adoption of the tables, rest, beliefs, pilots, roll-out, giving up, money, what tools do, displacement, entrants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import CALM, advance, columns, lively, miniature, united_states

from smbsim import adoption, scenario, simulate
from smbsim.adoption import CEILINGS, FUNCTIONS, chances, tier
from smbsim.analysis.loops import loops
from smbsim.draws import Draws
from smbsim.mechanisms.automation import (
    ABANDONED,
    ADMINISTRATION,
    FINANCE,
    MARKETING,
    MATURE,
    NO_TOOL,
    OPERATIONS,
    PILOT,
    ROLLOUT,
    SERVICE,
    Automation,
)  # fmt: skip
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.mergers import unite_firms
from smbsim.metrics import METRICS
from smbsim.metrics.identities import Books
from smbsim.rest import INVESTMENT
from smbsim.schema import InputError
from smbsim.state import LARGE, SMB, UNLIMITED
from smbsim.tools import certainty, labour, posterior

ON = {"model": "life", "automation": {"enabled": True}}
HASTE = {"enabled": True, "innovation": 4.0, "hurdle": -1.0, "pilots_at_once": 3, "go_on": 0.3, "give_up": 0.25, "setup_years": 0.02}
NEVER = {"enabled": True, "innovation": 0.0, "imitation": 0.0, "give_up": 0.0}


@pytest.fixture(scope="module")
def life():
    """(state, draws) with tools, as the tables say."""
    state, _, draws = miniature(150, 2, **ON)
    return state, draws


@pytest.fixture
def start(life):
    return life[0].copy(), life[1]


def mine(state):
    return np.flatnonzero((state.firms.kind == SMB) & state.firms.alive)


def quarter(mechanism, state, draws, first=0):
    """One review of every firm."""
    for t in range(first, first + 13):
        mechanism.decide(state, Step(t, draws))


# -- the start ----------------------------------------------------------------------------------------------------------------------------


def test_chances_meet_both_tables():
    """Raking: sectors exactly, size bands in proportion."""
    rng = np.random.default_rng(1)
    number, sector, size = rng.integers(0, 400, (21, 7)).astype(float), rng.uniform(0.05, 0.6, 21), rng.uniform(0.1, 0.5, 7)
    p = chances(number, sector, size)
    assert np.allclose((number * p).sum(axis=1), number.sum(axis=1) * sector, rtol=1e-9)
    ratio = (number * p).sum(axis=0) / (number.sum(axis=0) * size)
    assert ratio == pytest.approx(ratio[0], rel=1e-6)
    assert np.all((p > 0) & (p < 1))


@pytest.mark.parametrize("technology", adoption.TECHNOLOGIES)
def test_starting_users_are_those_of_the_tables(technology):
    """In each sector to within one firm; by size within sampling error, once both tables are made to have the same number of users."""
    known, rng = united_states().adoption, np.random.default_rng(3)
    n = 30_000
    sector, heads, small = rng.integers(0, 21, n), rng.pareto(1.05, n) + 1.0, rng.random(n) < 0.97
    using = adoption.users(known, technology, sector, heads, small, Draws(1))
    assert not using[~small].any()
    number, users = np.bincount(sector[small], minlength=21), np.bincount(sector[small], using[small], 21)
    assert np.abs(users - number * known.by_sector[technology]).max() <= 1.0
    bands = known.heads[technology]
    band = np.searchsorted(bands, heads, side="right") - 1
    number, users = (np.bincount(band[small], w, len(bands)) for w in (None, using[small]))
    expected = number * known.by_size[technology]
    expected *= users.sum() / expected.sum()
    assert np.all(np.abs(users - expected) <= 4.0 * np.sqrt(np.maximum(expected, 1.0)) + 1.0)


def test_state_starts_with_the_users_of_the_tables():
    """Artificial intelligence in any function: BTOS; tools in administration: at least the users of specialised software of the ABS."""
    state, _, _ = miniature(2000, 2, model="work", automation={"enabled": True})
    firms, known, small = state.firms, united_states().adoption, mine(state)
    number = np.bincount(firms.sector[small], minlength=21)
    ai = np.bincount(firms.sector[small], (firms.tier[small] == adoption.AI).any(axis=1), 21)
    assert np.abs(ai - number * known.by_sector["ai"]).max() <= 1.0
    software = np.bincount(firms.sector[small], firms.depth[small, ADMINISTRATION] > 0, 21)
    assert np.all(software >= number * known.by_sector["software"] - 1.0)
    assert METRICS["ai_use"](state) == pytest.approx(ai.sum() / number.sum())
    assert (firms.tier == tier(firms.depth))[small].all()
    assert set(np.unique(firms.tool_stage)) == {NO_TOOL, MATURE}


def test_tier_follows_depth():
    assert tier(np.array([0.0, 0.01, CEILINGS[1], 0.5, CEILINGS[2], 0.9, 1.0])).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_an_economy_without_tables_of_adoption_says_so(tmp_path):
    from economies import write_economy

    folder = write_economy(tmp_path)
    spec = scenario.load(
        {"population": {"smbs": 20, "regions": 1}, "finance": {"enabled": True}, "automation": {"enabled": True}}, (), folder
    )
    with pytest.raises(InputError, match="no tables of adoption"):
        simulate.prepare(spec)


def test_automation_needs_finance():
    with pytest.raises(InputError, match=r"automation.enabled = true needs finance.enabled = true"):
        scenario.load({"automation": {"enabled": True}})


# -- rest ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weeks", [120, pytest.param(520, marks=pytest.mark.long)])
def test_nothing_moves_at_starting_adoption_without_hazards(weeks):
    """Whole model: every column of every table is after years what it was after the first week, but for what tells age, and for what owners
    think of tools that they do not buy, which get cheaper."""
    state, plan, draws = miniature(100, 2, model="life", automation=NEVER, **CALM)
    assert (state.firms.depth > 0).any()
    advance(state, plan, draws, 0, 1)
    before = columns(state)
    advance(state, plan, draws, 1, 1 + weeks // 12 * 12)
    for place, now in columns(state).items():
        if place[1] in ("stage", "aspiration", "sales_this_year", "sales_last_year", "tool_odds", "tool_doubt"):
            continue
        size = max(np.abs(before[place].astype(float)).max(initial=0.0), 1e-3 * before["firms", "output"].mean())
        assert np.abs(now.astype(float) - before[place]).max(initial=0.0) <= 1e-10 * size, place


def test_without_hazards_it_is_as_off():
    """In a life with noise, entries and mergers: the same bits, but for the columns that only automation knows."""
    noise = {"production": {"breakdown_hazard": 0.02}, "entry": {"rate": 0.5}, "strategy": {"search_base": 0.5}}
    one, other = (miniature(100, 2, model="life", **noise, automation=a) for a in (NEVER, {"enabled": False}))
    own = {column.name for column in Automation.columns}
    for t in range(20):
        for state, plan, draws in (one, other):
            advance(state, plan, draws, t, t + 1)
        there = columns(other[0])
        assert all(np.array_equal(now, there[place]) for place, now in columns(one[0]).items() if place[1] not in own), t
    assert columns(one[0])["firms", "depth"].any()


def test_burn_in_leaves_adoption_at_the_tables(start):
    state, draws = start
    before = state.firms.depth.copy()
    for t in range(-26, 0):
        Automation(**HASTE).decide(state, Step(t, draws))
    assert np.array_equal(state.firms.depth, before)
    quarter(Automation(**HASTE), state, draws)
    assert (state.firms.depth > before).any()


# -- beliefs ------------------------------------------------------------------------------------------------------------------------------


@drawn(st.floats(-2, 2), st.floats(1e-6, 4), st.floats(-3, 3), st.floats(1e-6, 100))
@settings(max_examples=200, deadline=None)
def test_posterior_lies_between_and_is_surer(mean, variance, shown, noise):
    m, v = posterior(np.array(mean), np.array(variance), np.array(shown), np.array(noise))
    assert min(mean, shown) - 1e-12 <= m <= max(mean, shown) + 1e-12
    assert 0.0 <= v < variance
    assert 1.0 / v == pytest.approx(1.0 / variance + 1.0 / noise, rel=1e-6)


def test_certainty_knows_the_ends():
    """Without doubt it is what the sign says; with doubt a half where nothing speaks for either."""
    assert certainty(np.array([-1.0, 0.0, 1.0]), np.zeros(3)).tolist() == [0.0, 0.5, 1.0]
    assert certainty(np.array([0.0, 1.96]), np.ones(2)) == pytest.approx([0.5, 0.975], abs=1e-4)
    assert np.all(np.diff(certainty(np.linspace(-3, 3, 50), np.full(50, 0.7))) > 0)


def test_beliefs_get_surer_and_nearer_to_the_truth(start):
    """Firms that have everything on trial and neither extend nor give up: after ten quarters they know what it is worth to them."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.tier[rows], firms.depth[rows], firms.tool_stage[rows] = 3, 0.1, PILOT
    firms.belief_mean[:], firms.belief_variance[:] = 1.0, 0.25
    mechanism = Automation(**{**NEVER, "go_on": 1.0, "maturity_weeks": 1040.0, "synergy": 0.0})
    fit = mechanism._fit(Step(0, draws), np.repeat(firms.uid[rows], 7), np.tile(np.arange(7), len(rows))).reshape(-1, 7)
    truth = looked(mechanism, state, rows, fit).gain
    variance = firms.belief_variance[rows]
    for k in range(10):
        quarter(mechanism, state, draws, 13 * k)
        now = firms.belief_variance[rows]
        assert np.all(now < variance)
        variance = now
    assert np.sqrt(variance).max() < 0.04
    usual = truth < 1.0  # where hardly anybody works in the function a tool may be worth many times its pay
    assert np.abs(firms.belief_mean[rows] - truth)[usual].max() < 0.25
    assert np.abs(firms.belief_mean[rows] - truth)[usual].mean() < 0.06


def test_linked_users_tell_what_they_expect(start):
    """A first belief is the prior and what linked users believe, by its weight; advice makes it surer."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.tier[:], firms.depth[:], firms.belief_mean[:], firms.belief_variance[:] = 0, 0.0, 9.0, 0.0
    half = rows[::2]
    firms.tier[half], firms.depth[half] = 3, 1.0
    haste = {**HASTE, "innovation": 100.0, "pilots_at_once": 7, "give_up": 0.0}
    beliefs = {}
    for name, changes, advice in (
        ("alone", {"peer_evidence": 0.0}, 0.0),
        ("told", {"peer_evidence": 1.0}, 0.0),
        ("advised", {"peer_evidence": 0.0}, 0.5),
    ):
        twin = state.copy()
        twin.firms.advice[:] = advice
        quarter(Automation(**{**haste, **changes, "prior_gain": 0.3, "prior_spread": 0.2}), twin, draws)
        begun = (twin.firms.tool_stage[rows[1::2]] == PILOT) & (twin.firms.tier[rows[1::2]] == 3)
        assert begun.mean() > 0.5
        beliefs[name] = twin.firms.belief_mean[rows[1::2]][begun], twin.firms.belief_variance[rows[1::2]][begun]
    assert np.all(beliefs["alone"][0] == 0.3)
    assert np.allclose(beliefs["alone"][1], 0.04)
    assert np.allclose(beliefs["advised"][1], 0.02)
    told = beliefs["told"][0] > 0.3
    assert told.any()
    assert np.all(beliefs["told"][1][told] < 0.04)
    assert beliefs["told"][0].max() <= 9.0


# -- pilots, roll-out, giving up ----------------------------------------------------------------------------------------------------------


def test_a_tool_goes_from_pilot_to_full_use_in_steps(start):
    """A pilot is a tenth of the way, a quarter of roll-out half of it (staff half ready), then it is mature at its ceiling."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.cash[rows] = 1e12
    sure = {"enabled": True, "innovation": 100.0, "hurdle": -100.0, "go_on": 0.0, "give_up": 0.0, "pilots_at_once": 7}
    before = firms.depth[rows].copy()
    new = (firms.tier[rows] < 3) & (state.sectors.function_share[firms.sector[rows]] > 0)
    seen = []
    for k in range(4):
        quarter(Automation(**sure), state, draws, 13 * k)
        seen.append((firms.depth[rows][new], firms.tool_stage[rows][new]))
    way = 1.0 - before[new]
    assert np.allclose(seen[0][0], before[new] + 0.1 * way)
    assert np.all(seen[0][1] == PILOT)
    assert np.allclose(seen[1][0], before[new] + 0.6 * way)
    assert np.all(seen[1][1] == ROLLOUT)
    for depth, stage in seen[2:]:
        assert np.all(depth == 1.0)
        assert np.all(stage == MATURE)


def test_the_worthiest_pilots_begin_and_no_more_than_allowed(start):
    state, draws = start
    rows = mine(state)
    quarter(Automation(**{**HASTE, "innovation": 100.0, "pilots_at_once": 2, "hurdle": -100.0}), state, draws)
    begun = (state.firms.tool_stage[rows] == PILOT).sum(axis=1)
    assert begun.max() == 2
    assert (begun == 2).mean() > 0.5


def test_what_is_given_up_falls_back_and_costs_what_it_cost(start):
    """Firms that are sure that tools bring nothing drop what they began; the depth before is back, the money is not."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.cash[rows] = 1e9
    before, cash = firms.depth[rows].copy(), firms.cash[rows].copy()
    quarter(Automation(**{**HASTE, "hurdle": -100.0, "innovation": 100.0, "setup_years": 0.3}), state, draws)
    began = firms.tool_stage[rows] == PILOT
    assert began.any()
    assert firms.tool_value[rows][began.any(axis=1)].min() > 0
    firms.belief_mean[:], firms.belief_variance[:] = -5.0, 0.0
    quarter(Automation(**{**NEVER, "give_up": 0.2, "go_on": 1.0}), state, draws, 13)
    assert np.all(firms.tool_stage[rows][began] == ABANDONED)
    assert np.array_equal(firms.depth[rows][began], before[began])
    assert np.all(firms.tool_value[rows] == 0.0)
    assert np.all(firms.cash[rows][began.any(axis=1)] < cash[began.any(axis=1)])


def test_nobody_adopts_what_never_pays(start):
    state, draws = start
    before = state.firms.depth.copy()
    for k in range(4):
        quarter(Automation(**{**HASTE, "hurdle": 100.0, "give_up": 0.0}), state, draws, 13 * k)
    assert np.array_equal(state.firms.depth, before)


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [("hurdle", 2.0, 0.5), ("prior_gain", 0.1, 0.4), ("caution", 5.0, 0.0), ("resistance", 0.9, 0.0), ("setup_years", 2.0, 0.05),
     ("innovation", 0.02, 1.0), ("peer_effect", 3.0, 0.0), ("rent_share", 0.3, 0.01), ("payback_years", 1.0, 10.0)],
)  # fmt: skip
def test_more_firms_begin_where_it_is_worth_more(start, parameter, low, high):
    """Each parameter in the direction in which the equations say; while few have the tool its peers speak against it."""
    state, draws = start
    usual = {"enabled": True, "innovation": 1.0, "pilots_at_once": 7}
    begun = []
    for value in (low, high):
        twin = state.copy()
        quarter(Automation(**{**usual, parameter: value}), twin, draws)
        begun.append(int((twin.firms.tool_stage == PILOT).sum()))
    assert begun[0] < begun[1]


# -- money --------------------------------------------------------------------------------------------------------------------------------


def test_set_up_is_paid_by_the_firm_and_the_state_to_the_investment_pool(start):
    state, draws = start
    firms, pool = state.firms, state.account(INVESTMENT)
    k = state.enact(["help"])
    state.policies.left[k], firms.tool_subsidy[:] = UNLIMITED, 0.25
    cash, balance, state_had = firms.cash.copy(), state.accounts.balance[pool], state.accounts.balance[state.account("government")]
    worth = firms.tool_value.copy()
    Automation(**HASTE).decide(state, Step(0, draws))
    assert firms.setup_cost.any()
    assert np.allclose(cash - firms.cash, firms.setup_cost, atol=1e-6)
    assert np.allclose(firms.tool_support, firms.setup_cost / 3.0)
    assert state.accounts.balance[pool] - balance == pytest.approx((firms.setup_cost + firms.tool_support).sum())
    assert state_had - state.accounts.balance[state.account("government")] == pytest.approx(firms.tool_support.sum())
    assert np.allclose(firms.tool_value - worth, firms.setup_cost + firms.tool_support)


def test_rent_is_paid_as_far_as_deposits_go_and_lowers_profit(start):
    state, draws = start
    firms, pool = state.firms, state.account(INVESTMENT)
    firms.base_rent[:], firms.setup_cost[:], firms.spendable[:], firms.other_cost[:] = 10.0, 2.0, 7.0, 0.0
    firms.alive[3] = False
    balance = state.accounts.balance[pool]
    Automation(enabled=True, cost_decline=0.1).pay(state, Step(52, draws))
    alive = firms.alive
    assert np.all(firms.tool_rent[alive] == 7.0)
    assert firms.tool_rent[3] == 0.0
    assert np.all(firms.other_cost[alive] == 9.0)
    assert state.accounts.balance[pool] - balance == pytest.approx(7.0 * alive.sum())
    firms.spendable[:] = 100.0
    Automation(enabled=True, cost_decline=0.1).pay(state, Step(104, draws))
    assert firms.tool_rent[alive] == pytest.approx(10.0 * 0.9**2)


def test_who_cannot_pay_saves_for_it(start):
    """Without deposits nobody begins; what is wanted becomes part of the liquidity target, so that firms save or borrow for it."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.cash[rows], before = 0.0, firms.depth[rows].copy()
    quarter(Automation(**{**HASTE, "innovation": 100.0}), state, draws)
    assert np.array_equal(firms.depth[rows], before)
    assert not firms.setup_cost[rows].any()
    wanting = firms.tool_plan[rows] > 0
    assert wanting.mean() > 0.3
    from smbsim.mechanisms.finance import Finance

    finance = Finance(enabled=True)
    plan = firms.tool_plan.copy()
    finance._aim(state)
    target = firms.liquidity_target.copy()
    firms.tool_plan[:] = 0.0
    finance._aim(state)
    assert np.allclose(target - firms.liquidity_target, plan)


def test_money_closes_and_bounds_hold_where_tools_spread_fast():
    """A lively economy with tools in haste, every column checked after every phase; spending has a payee in the flow matrix."""
    doubtful = {**HASTE, "hurdle": 3.0, "caution": 0.0, "prior_spread": 0.5, "trial_noise": 0.3, "give_up": 0.6}
    state, plan, draws = lively(80, 2, automation=doubtful)
    books, flows, worst = Books(state), {}, 0.0
    for t in range(40):
        advance(state, plan, draws, t, t + 1, check=True)
        for (flow, payer, payee), amount in state.flows.items():
            flows[flow, payer, payee] = flows.get((flow, payer, payee), 0.0) + amount
        worst = max(worst, *books.gaps(state).values())
    firms = state.firms
    assert worst < 1e-9
    assert flows["tools", "firm", INVESTMENT] > 0
    assert flows["rent of tools", "firm", INVESTMENT] > 0
    assert {PILOT, ROLLOUT, MATURE, ABANDONED} <= set(np.unique(firms.tool_stage[firms.kind == SMB]))
    assert firms.depth.min() >= 0.0
    assert firms.depth.max() <= 1.0


# -- what tools do ------------------------------------------------------------------------------------------------------------------------


@drawn(st.floats(0.01, 1), st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_labour_per_unit_of_work_falls_with_depth(substitution, augmentation, routine, readiness):
    """For ς > 0 never up, and down where there is anything that tools can do."""
    left = [labour(depth, readiness, routine, substitution, augmentation) for depth in np.linspace(0, 1, 21)]
    assert left[0] == 1.0
    assert np.all(np.diff(left) <= 1e-15)
    assert routine < 0.01 or left[-1] < 1.0


def test_helping_people_saves_labour_only_as_far_as_they_are_ready():
    assert labour(1.0, 0.0, 0.5, 0.0, 0.5) == 1.0
    assert labour(1.0, 1.0, 0.5, 0.0, 0.5) == pytest.approx(1.0 / 1.5)


def looked(mechanism, state, rows, fit=1.0):
    """What these firms look at in week 0, tools fitting as told."""
    depth, starting = state.firms.depth[rows], state.firms.starting_depth[rows]
    return mechanism._look(state, 0, rows, depth, starting, fit * np.ones(depth.shape))


def full_use(state, draws, function, **parameters):
    """All SMBs get the best tool in one function at once; what follows from it is brought up to date."""
    firms, rows = state.firms, mine(state)
    mechanism = Automation(**{**NEVER, "fit_spread": 0.0, **parameters})
    look = looked(mechanism, state, rows)
    new = firms.depth[rows].copy()
    new[:, function] = 1.0
    mechanism._apply(state, rows, look, new, firms.tool_stage[rows])
    return rows[firms.starting_depth[rows, function] < 1.0]


def test_tools_do_in_each_function_what_they_are_for(start):
    """Labour falls everywhere; customers see more through marketing; operations need less stock and mind what is on order; finance frees
    cash, service capital. Other functions leave these alone."""
    effects = {
        "tool_reach": MARKETING,
        "order_care": OPERATIONS,
        "finished_cover": OPERATIONS,
        "cash_cover": FINANCE,
        "capital_need": SERVICE,
    }
    for function in (MARKETING, OPERATIONS, FINANCE, SERVICE, ADMINISTRATION):
        state = start[0].copy()
        before = {name: getattr(state.firms, name).copy() for name in (*effects, "labour_intensity", "capacity")}
        rows = full_use(state, start[1], function, quality_gain=0.0)
        rows = rows[state.sectors.function_share[state.firms.sector[rows], function] > 0]
        assert np.all(state.firms.labour_intensity[rows] < 1.0)
        for name, of in effects.items():
            now, was = getattr(state.firms, name)[rows], before[name][rows]
            there = was != 0 if name != "order_care" else np.ones(len(rows), dtype=bool)
            if function != of:
                assert np.array_equal(now, was), (name, function)
            elif name in ("tool_reach", "order_care"):
                assert np.all(now > was), name
            else:
                assert np.all(now[there] < was[there]), name
        if function == SERVICE:
            assert np.all(state.firms.capacity[rows] >= before["capacity"][rows])


def test_ready_staff_catches_what_machines_do_wrong(start):
    """Fewer errors win customers where staff is ready, more errors cost some where nobody looks."""
    reach = {}
    for readiness in (0.5, -0.5):
        state = start[0].copy()
        state.firms.readiness[:] = readiness
        rows = full_use(state, start[1], ADMINISTRATION, selling_gain=0.0, human_errors=0.1)
        reach[readiness] = state.firms.tool_reach[rows]
    assert np.all(reach[0.5] >= 1.0)
    assert np.all(reach[-0.5] <= 1.0)
    assert reach[0.5].max() > reach[-0.5].min()


def test_roll_out_disturbs_work(start):
    state, _ = start
    rows = mine(state)
    mechanism = Automation(**{**NEVER, "disruption": 0.05})
    look = looked(mechanism, state, rows)
    stage = np.full((len(rows), len(FUNCTIONS)), MATURE)
    stage[:, 0] = ROLLOUT
    mechanism._apply(state, rows, look, state.firms.depth[rows], stage)
    assert np.allclose(state.firms.labour_intensity[rows], 1.05)
    assert not state.firms.redundant.any()


def test_layoffs_are_tagged_in_proportion_to_who_is_redundant(start):
    """Ten too many, four of them because of tools: two fifths of those laid off; what is left of the four stays redundant."""
    state, draws = start
    firms = state.firms
    firms.employment[:], firms.desired_employment[:], firms.borrowed[:] = 107.0, 100.0, 0.0
    firms.layoffs[:], firms.quits[:], firms.redundant[:] = 2.0, 1.0, 4.0
    firms.redundant[1], firms.redundant[2] = 0.0, 50.0
    Automation(enabled=True).tag(state, Step(0, draws))
    assert firms.automation_layoffs[0] == pytest.approx(0.8)
    assert firms.redundant[0] == pytest.approx(0.4 * 7.0)
    assert firms.automation_layoffs[1] == 0.0
    assert firms.automation_layoffs[2] == 2.0
    assert np.all(firms.automation_layoffs <= firms.layoffs)


def test_redundant_is_who_the_tools_replace(start):
    state, draws = start
    rows = full_use(state, draws, ADMINISTRATION)
    firms = state.firms
    assert np.allclose(firms.redundant[rows], firms.employment[rows] * (1.0 - firms.labour_intensity[rows]))


# -- who comes, goes and stays large ------------------------------------------------------------------------------------------------------


def test_large_firms_follow_their_sector(start):
    state, draws = start
    firms = state.firms
    rows, large = mine(state), np.flatnonzero(firms.kind == LARGE)
    was = firms.depth.copy()
    firms.depth[rows] = 1.0
    quarter(Automation(**NEVER), state, draws)
    for i in large:
        peers = rows[firms.sector[rows] == firms.sector[i]]
        if len(peers):
            gained = np.average(1.0 - firms.starting_depth[peers], weights=firms.employment[peers], axis=0)
            assert np.allclose(firms.depth[i], np.minimum(was[i] + gained, 1.0))
    assert np.all(firms.labour_intensity[large] <= 1.0)
    assert firms.labour_intensity[large].min() < 1.0


def test_the_dead_neither_adopt_nor_count(start):
    """A closed firm's tools are lost: it begins nothing, pays nothing, and its neighbours do not see it."""
    state, draws = start
    firms, rows = state.firms, mine(state)
    firms.tier[:], firms.depth[:] = 0, 0.0
    gone = rows[::2]
    firms.tier[gone], firms.depth[gone], firms.base_rent[gone] = 3, 1.0, 1.0
    firms.alive[gone] = False
    left = rows[1::2]
    share, _, heard = Automation(enabled=True)._peers(state, left)
    assert not share.any()
    assert not heard.any()
    before = firms.depth[gone].copy()
    mechanism = Automation(**HASTE)
    quarter(mechanism, state, draws)
    mechanism.pay(state, Step(13, draws))
    assert np.array_equal(firms.depth[gone], before)
    assert not firms.tool_rent[gone].any()


def test_entrants_have_the_tools_of_the_firms_they_are_modelled_on_and_pay_for_them():
    state, plan, draws = miniature(120, 2, model="life", automation=HASTE, entry={"rate": 1.0})
    advance(state, plan, draws, 0, 40)
    firms = state.firms
    new = np.flatnonzero((firms.born > 0) & firms.alive)
    assert len(new) > 3
    assert (firms.starting_depth[new] > 0).any()
    assert (firms.depth[new] > firms.starting_depth[new]).any()
    assert np.all(firms.maturity[new] >= 0.8)


def test_merged_firms_have_tools_between_the_two(start):
    state, _ = start
    firms = state.firms
    buyer, target = mine(state)[:1], mine(state)[1:2]
    firms.depth[buyer], firms.depth[target], firms.tool_value[buyer], firms.tool_value[target] = 0.2, 0.8, 5.0, 7.0
    share = firms.capacity[target] / (firms.capacity[buyer] + firms.capacity[target])
    unite_firms(state, buyer, target)
    assert np.allclose(firms.depth[buyer], 0.2 + 0.6 * share)
    assert firms.tool_value[buyer] == 12.0
    assert firms.tool_value[target] == 0.0


# -- what is told -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("peer_effect", "past"), [(0.75, False), (1.5, True)])
def test_loop_number_of_imitation(peer_effect, past):
    sections = {"population": {"smbs": 40, "regions": 1}, **ON, "automation": {"enabled": True, "peer_effect": peer_effect}}
    spec = scenario.load(sections)
    (loop,) = (loop for loop in loops(simulate.prepare(spec)[0], spec) if loop.name == "imitation of tools")
    assert (loop.value, loop.threshold, loop.past) == (4.0 * peer_effect, 4.0, past)


def test_metrics_of_adoption_by_hand(start):
    state, _ = start
    firms, rows = state.firms, mine(state)
    firms.tier[:], firms.depth[:], firms.starting_depth[:] = 0, 0.0, 0.0
    firms.employment[:] = 0.0
    firms.employment[rows] = np.arange(1.0, len(rows) + 1)
    top = rows[-(len(rows) // 4) :]
    firms.tier[top, FINANCE], firms.depth[top, FINANCE] = 3, 1.0
    firms.labour_intensity[:] = 1.0
    firms.labour_intensity[top] = 0.8
    firms.productivity[:] = firms.efficiency[:] = 1.0
    firms.automation_layoffs[rows[0]] = 3.0
    by_name = {name: METRICS[name](state) for name in ("ai_use", "digital_divide", "displacement", "adopter_productivity", "labour_saved")}
    assert by_name["ai_use"] == pytest.approx(len(top) / len(rows))
    assert by_name["digital_divide"] == 1.0
    assert by_name["displacement"] == pytest.approx(3.0 * 52e3 / firms.employment.sum())
    assert by_name["adopter_productivity"] == pytest.approx(1.25)
    assert by_name["labour_saved"] == pytest.approx(0.2 * firms.employment[top].sum() / firms.employment[rows].sum())
    use = METRICS["tool_use"](state)
    assert use[FINANCE] == pytest.approx(len(top) / len(rows))
    assert use.sum() == use[FINANCE]
    assert METRICS["size_ai_use"](state)[0] == 0.0
