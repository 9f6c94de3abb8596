"""Labour in its limit: heads follow output in the same week, wages are paid for them, a shock keeps staff away. Then hiring and firing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import advance, columns, given, miniature, united_states

from smbsim import heads
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.labour import UNLIMITED, Labour
from smbsim.metrics.identities import heads_gap
from smbsim.network import from_edges
from smbsim.state import SMB

WEEK = Step(0, Draws(1))


def shops():
    """Three firms that make 10 a week with 2, 5 and 10 heads, in region 0, in region 1, and everywhere."""
    network = from_edges([], [52 * 10.0] * 3, sector=[3, 4, 5])
    network = replace(network, region=np.array([0, 1, -1]), region_names=("a", "b"), employment=np.array([2.0, 5.0, 10.0]))
    return given(network)[0]


def test_employment_and_wages_follow_output():
    """Half the output needs half the heads: 1, 2.5, 5 at a pay of 2, 4 and 6 are 2, 10 and 30 in wages."""
    state = shops()
    state.firms.output[:], state.firms.wage[:], state.firms.cash[:] = 5.0, (2.0, 4.0, 6.0), 0.0
    Labour().pay(state, WEEK)
    assert np.allclose(state.firms.employment, [1.0, 2.5, 5.0], rtol=1e-15)
    assert np.allclose(state.firms.wage_bill, [2.0, 10.0, 30.0], rtol=1e-15)
    assert np.allclose(state.firms.cash, [-2.0, -10.0, -30.0], rtol=1e-15)


def test_wages_go_to_the_workers_of_the_region_and_those_of_firms_everywhere_by_population():
    """Regions of 2 and 5 heads of placed firms: 2/7 and 5/7 of the 70 paid everywhere, and 2 and 10 at home."""
    state = shops()
    state.firms.wage[:], state.firms.output[:] = (1.0, 2.0, 7.0), 10.0
    state.households.deposits[:], state.households.income[:] = 0.0, 99.0
    Labour().pay(state, WEEK)
    assert np.allclose(state.households.income, [2.0 + 20.0, 0.0, 10.0 + 50.0, 0.0], rtol=1e-14)
    assert np.allclose(state.households.deposits, state.households.income, rtol=1e-15)


@pytest.mark.parametrize(("factor", "limit"), [(1.0, UNLIMITED), (0.5, 5.0), (0.0, 0.0), (1.5, UNLIMITED)])
def test_labour_limits_output_only_while_staff_is_away(factor, limit):
    """A share of the normal staff makes that share of normal output; without a shock hiring is instant."""
    state = shops()
    state.firms.labour_factor[:] = factor
    state.firms.output[:] = 3.0  # what was made last week does not matter
    Labour().adjust(state, WEEK)
    assert state.firms.labour_limit.tolist() == [limit] * 3


def test_resting_wage_is_the_wage_bill_by_heads():
    """At rest: pay × heads is the wage bill that the accounts closed with, and heads are those given."""
    state = shops()
    firms = state.firms
    assert firms.employment.tolist() == [2.0, 5.0, 10.0]
    assert np.allclose(firms.wage * firms.employment, firms.wage_bill, rtol=1e-15)
    assert np.allclose(firms.labour_coefficient, [0.2, 0.5, 1.0], rtol=1e-15)


# -- hiring and firing ----------------------------------------------------------------------------------------------------------------

STILL = {"enabled": True, "productivity_noise": 0.0, "quit_spread": 0.0}
PACE = {"quit_share": 0.005, "hiring_speed": 0.1, "firing_speed": 0.15, "resting_fill": 0.25, "hours_max": 1.1}


def working(**labour):
    """The three firms of `shops` under hiring and firing at a fixed wage, and their mechanism; at rest."""
    network = from_edges([], [52 * 10.0] * 3, sector=[3, 4, 5])
    network = replace(network, region=np.array([0, 1, -1]), region_names=("a", "b"), employment=np.array([20.0, 50.0, 100.0]))
    sections = {**STILL, **PACE, "wage_pressure": 0.0, "wage_slope": 0.0, **labour}
    return given(network, labour=sections)[0], Labour(**sections)


def want(state, heads):
    """Plan the output for which the firms need these staffs."""
    firms = state.firms
    firms.capacity[:] = 1e9
    firms.planned_output[:] = np.array(heads) / firms.labour_coefficient


def test_pools_at_rest_hold_the_normal_unemployment_of_every_region():
    """Regions of 20 and 50 heads at home and 2/7 and 5/7 of the 100 who work everywhere: u₀/(1-u₀) of them are out of work."""
    state, _ = working()
    staff = np.array([20 + 200 / 7, 50 + 500 / 7])
    assert np.allclose(state.regions.unemployed, staff * 0.05 / 0.95, rtol=1e-14)
    assert np.allclose(state.regions.roaming_staff, [200 / 7, 500 / 7], rtol=1e-14)
    assert heads_gap(state) < 1e-15


def test_quits_are_just_replaced_at_rest():
    """q L quit, V = q L / f are offered, f of them filled."""
    state, labour = working()
    before = columns(state)
    labour.adjust(state, WEEK)
    assert np.allclose(state.firms.quits, [0.1, 0.25, 0.5], rtol=1e-14)
    assert np.allclose(state.firms.hires, state.firms.quits, rtol=1e-12)
    assert np.allclose(state.firms.vacancies, [0.4, 1.0, 2.0], rtol=1e-12)
    assert not state.firms.layoffs.any()
    for table, name in (("firms", "employment"), ("firms", "wage"), ("regions", "unemployed"), ("regions", "roaming_staff")):
        assert np.allclose(getattr(getattr(state, table), name), before[table, name], rtol=1e-12)


@pytest.mark.parametrize(
    ("wanted", "layoffs", "sought"),
    [
        (20.0, 0.0, 0.1),  # quits replaced
        (19.6, 0.0, 0.04),  # .15 × .4 = .06 of the .1 who quit are not replaced
        (10.0, 1.4, 0.0),  # .15 × 10 = 1.5, of whom .1 quit
        (0.0, 2.9, 0.0),
    ],
)
def test_who_quits_need_not_be_laid_off(wanted, layoffs, sought):
    """.1 of 20 quit; L - L* shrinks by γ_F = .15 of it in any case, first by replacing fewer."""
    state, labour = working()
    want(state, [wanted, 50.0, 100.0])
    labour.adjust(state, WEEK)
    firms = state.firms
    assert firms.layoffs[0] == pytest.approx(layoffs, abs=1e-12)
    assert firms.vacancies[0] * 0.25 == pytest.approx(sought, abs=1e-12)
    assert firms.employment[0] == pytest.approx(20.0 - 0.1 - layoffs + firms.hires[0], rel=1e-12)


def test_wage_subsidy_keeps_that_share_of_idle_staff_and_pays_for_it():
    """Ten of 20 idle: half of .15 × 10 go; the state pays half the wage of those who stay idle."""
    state, labour = working()
    firms = state.firms
    want(state, [10.0, 50.0, 100.0])
    firms.wage_subsidy_share[0] = 0.5
    labour.adjust(state, WEEK)
    assert firms.employment[0] == pytest.approx(20.0 - 0.75, rel=1e-12)
    firms.output[:], firms.cash[:], treasury = (5.0, 10.0, 10.0), 0.0, state.accounts.balance[0]
    labour.pay(state, WEEK)
    idle = (19.25 - 10.0) * firms.wage[0] / 2
    assert np.allclose(firms.wage_subsidy, [idle, 0.0, 0.0], rtol=1e-12)
    assert firms.cash[0] == pytest.approx(idle - 19.25 * firms.wage[0], rel=1e-12)
    assert state.accounts.balance[0] == pytest.approx(treasury - idle, rel=1e-12)


def test_quits_differ_between_sectors_as_separations_do():
    """On average q of all staff; the ratio of two sectors is that of their separations in worker_flows.csv."""
    state, _, _ = miniature(60, 1, labour={**STILL, **PACE, "quit_spread": 1.0})
    firms, rates = state.firms, united_states().separation_rate
    assert firms.quits.sum() == pytest.approx(0.005 * firms.employment.sum(), rel=1e-12)
    assert np.ptp(firms.turnover / rates[firms.sector]) < 1e-12 * firms.turnover.max() / rates.min()
    codes = state.sector_codes
    assert rates[codes.index("72")] == pytest.approx(0.311, abs=1e-3)
    assert rates[codes.index("72")] > 2 * rates[codes.index("31")]


def test_matches_are_cobb_douglas_in_unemployed_and_vacancies():
    """Four times the unemployed at η = ½ fill twice the vacancies; half of them at η = ¼ fill 2^-¼."""
    for eta, factor, expected in ((0.5, 4.0, 2.0), (0.25, 0.5, 0.5**0.25)):
        state, labour = working(matching_elasticity=eta)
        state.regions.unemployed[:] *= factor
        labour.adjust(state, WEEK)
        assert np.allclose(state.firms.hires / state.firms.quits, expected, rtol=1e-12)


def test_nobody_is_hired_from_an_empty_pool():
    state, labour = working()
    state.regions.labour_force[:] -= state.regions.unemployed
    state.regions.unemployed[:] = 0.0
    want(state, [40.0, 100.0, 300.0])
    for t in range(200):
        labour.adjust(state, Step(t, Draws(1)))
        assert state.regions.unemployed.min() >= -1e-12
    assert heads_gap(state) < 1e-12
    state.check()


def test_staff_reaches_what_is_wanted():
    """A lasting need of 10 % more or less is met: vacancies allow for those that stay open, so that employment does not rest low."""
    for change in (1.03, 0.9):
        state, labour = working()
        want(state, change * np.array([20.0, 50.0, 100.0]))
        for t in range(400):
            labour.adjust(state, Step(t, Draws(1)))
        assert np.allclose(state.firms.employment, change * np.array([20.0, 50.0, 100.0]), rtol=1e-3)


def test_better_pay_draws_hires_and_keeps_staff():
    """Of three shops of a region one pays 21 % more than the others, relative to rest: ŵ² the hires per vacancy, ŵ⁻² the quits per head."""
    network = replace(from_edges([], [52 * 10.0] * 3, sector=[3, 4, 5]), employment=np.array([30.0, 50.0, 60.0]))
    state, labour = given(network, labour=STILL)[0], Labour(**STILL)
    firms = state.firms
    firms.wage[0] *= 1.21
    staff = firms.employment.copy()
    labour.adjust(state, WEEK)
    for flow, base, power in ((firms.quits, staff, -2), (firms.hires, firms.vacancies, 2)):
        per_unit = flow / base
        assert np.allclose(per_unit / per_unit[1], [1.21**power, 1.0, 1.0], rtol=1e-12)


def test_longer_hours_carry_a_firm_and_are_paid():
    """Up to 10 % more output than the staff makes in normal hours, at the same pay an hour; idle staff is paid in full."""
    state, labour = working()
    labour.adjust(state, WEEK)
    assert np.allclose(state.firms.labour_limit, 11.0, rtol=1e-9)
    state.firms.output[:] = (11.0, 5.0, 10.0)
    labour.pay(state, WEEK)
    assert np.allclose(state.firms.wage_bill, state.firms.wage * [22.0, 50.0, 100.0], rtol=1e-9)


def test_staff_away_and_productivity_move_what_staff_can_make():
    state, labour = working()
    state.firms.labour_factor[:], state.firms.productivity[:] = (0.5, 1.0, 1.0), (1.0, 1.2, 1.0)
    labour.adjust(state, WEEK)
    lost = 0.15 * (1.0 - 1.0 / 1.2)  # of the staff that the more productive firm no longer needs
    assert np.allclose(state.firms.labour_limit[:2], [5.5, 11.0 * 1.2 * (1.0 - lost)], rtol=1e-9)


@pytest.mark.parametrize(
    ("unfilled", "unemployment", "raised"),
    [(0.0, 0.05, 0.0), (1.0, 0.05, 0.05), (0.4, 0.05, 0.02), (0.0, 0.15, -0.01), (0.0, 0.95, -0.05), (1.0, 0.0, 0.05)],
)
def test_wages_are_reviewed_by_open_vacancies_and_unemployment(unfilled, unemployment, raised):
    """ξ unfilled + ψ (u₀ - u), at most 5 % either way."""
    state, labour = working(wage_pressure=0.05, wage_slope=0.1)
    before = state.firms.wage.copy()
    state.firms.unfilled[:] = unfilled * 13 / 12  # of which a thirteenth is forgotten this week
    state.regions.unemployed[:] = unemployment * state.regions.labour_force
    labour._review_wages(state, Step(0, Draws(1)), np.zeros(3))
    assert state.firms.wage[0] / before[0] == pytest.approx(1.0 + raised, rel=1e-12)  # uid 0 has its turn in week 0
    assert np.array_equal(state.firms.wage[1:], before[1:])


def test_every_firm_has_its_turn_once_in_thirteen_weeks_and_a_floor():
    state, labour = working(wage_slope=1.0)
    rest = state.firms.wage.copy()
    state.regions.unemployed[:] = state.regions.labour_force
    for t in range(13):
        labour._review_wages(state, Step(t, Draws(1)), np.zeros(3))
    assert np.allclose(state.firms.wage, 0.95 * rest, rtol=1e-12)
    for t in range(13, 600):
        labour._review_wages(state, Step(t, Draws(1)), np.zeros(3))
    assert np.allclose(state.firms.wage, 0.5 * rest, rtol=1e-12)


def test_productivity_has_the_spread_and_the_mean_of_its_law():
    """In the long run the logarithm has variance σ_yr² / (1 - ρ²) and E[1/a] = 1; a fifth of an advantage is gone after a year."""
    n, labour = 3999, Labour(enabled=True, productivity_noise=0.15, productivity_persistence=0.8)
    network = replace(from_edges([], [52.0] * n, sector=[3, 4, 5] * (n // 3)), employment=np.ones(n))
    state = given(network)[0]
    path = []
    for t in range(-10 * 52, 53):
        labour._learn(state, Step(t, Draws(1)))
        path.append(np.log(state.firms.productivity))
    variance = 0.15**2 / (1.0 - 0.8**2)
    assert path[-1].var() == pytest.approx(variance, rel=0.06)
    assert np.mean(1.0 / state.firms.productivity) == pytest.approx(1.0, abs=0.015)
    assert np.corrcoef(path[-1], path[-53])[0, 1] == pytest.approx(0.8, abs=0.03)


def test_closed_firm_releases_its_staff_where_it_lives():
    """Firms of 50 in region b and of 100 everywhere close: 50 and 5/7 of 100 join the pool of b, tagged as what they are."""
    state, labour = working()
    pools = state.regions.unemployed.copy()
    state.firms.alive[[1, 2]] = False
    labour.release(state, WEEK)
    assert state.firms.releases.tolist() == [0.0, 50.0, 100.0]
    assert np.allclose(state.regions.unemployed - pools, [200 / 7, 50 + 500 / 7], rtol=1e-12)
    assert state.firms.employment.tolist() == [20.0, 0.0, 0.0]
    assert heads_gap(state) < 1e-12
    labour.release(state, WEEK)
    assert not state.firms.releases.any(), "once"


def test_entrants_hire_what_the_pool_holds():
    """Two firms ask 1 and 3 of a pool of 2.56, and get half and 1.5 of 2: shared in proportion; another region is not asked."""
    state, _ = working()
    regions = state.regions
    rows = state.append_firms(region=np.array([0, 0, 1]), sector=np.array([3, 3, 4]))
    regions.labour_force[0] += 2.0 - regions.unemployed[0]
    regions.unemployed[0], before = 2.0, regions.unemployed[1]
    hired = heads.hire(state, rows, np.array([1.0, 3.0, 2.0]))
    assert np.allclose(hired, [0.5, 1.5, 2.0], rtol=1e-14)
    assert np.allclose(state.firms.employment[rows], hired, rtol=1e-15)
    assert np.allclose(regions.unemployed, [0.0, before - 2.0], atol=1e-14)
    assert heads_gap(state) < 1e-14


def test_people_have_one_place_whatever_happens():
    """Noise, shocks, a closure and a labour force that is used up: heads close to 1e-12 in every week of two years, nothing is NaN."""
    shocks = [{"kind": "demand", "start": 20, "stop": 60, "size": 0.4}, {"kind": "labour", "start": 80, "stop": 90, "size": 0.5}]
    state, plan, draws = miniature(40, 2, labour={"enabled": True}, shocks=shocks, production={"breakdown_hazard": 0.05})
    gaps = advance(state, plan, draws, 0, 104, lambda s: (heads_gap(s), -s.regions.unemployed.min()))
    state.check()
    assert np.max(gaps, axis=0)[0] < 1e-12
    assert np.max(gaps, axis=0)[1] < 1e-9


def test_unemployment_and_vacancies_move_against_each_other_and_with_output():
    """Beveridge and Okun: over a recession and the recovery unemployment correlates negatively with vacancies and with output."""
    shock = {"kind": "demand", "start": 10, "stop": 60, "size": 0.2, "profile": "ramp"}
    state, plan, draws = miniature(60, 2, labour=STILL, shocks=[shock])

    def look(s):
        return s.regions.unemployed.sum(), s.firms.vacancies.sum(), s.firms.output.sum()

    unemployed, vacancies, output = np.array(advance(state, plan, draws, 0, 156, look)).T
    assert np.corrcoef(unemployed, vacancies)[0, 1] < -0.2
    assert np.corrcoef(unemployed, output)[0, 1] < -0.7


STOCKS = (
    ("firms", "employment"), ("firms", "wage"), ("firms", "cash"), ("firms", "output"), ("firms", "inventory"), ("regions", "unemployed"),
    ("regions", "roaming_staff"), ("households", "deposits"), ("slots", "input_stock"),
)  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"quit_share": 0.0},
        {"quit_spread": 1.0},
        {"quit_spread": 1.0, "quit_share": 0.15},
        {"quit_share": 0.2, "resting_fill": 1.0},
        {"hours_max": 1.0, "matching_elasticity": 0.9, "hiring_speed": 1.0, "firing_speed": 1.0},
    ],
)
def test_economy_with_hiring_and_firing_stays_at_rest(given):
    """520 weeks without noise: flows go on, no stock moves by 1e-10."""
    state, plan, draws = miniature(60, 3, labour=STILL | given)
    start = columns(state)
    advance(state, plan, draws, 0, 520)
    for table, name in STOCKS:
        now, then = getattr(getattr(state, table), name), start[table, name]
        assert np.max(np.abs(now - then)) <= 1e-10 * np.max(np.abs(then)), name
    state.check()


@pytest.mark.parametrize("unemployment", [0.0, 0.001, 0.3])
def test_any_unemployment_at_rest_will_do(unemployment):
    """Where the pool could not replace q L quits a week, fewer quit."""
    state, plan, draws = miniature(40, 2, labour=STILL, government={"unemployment": unemployment})
    output = state.firms.output.copy()
    advance(state, plan, draws, 0, 104)
    assert np.allclose(state.firms.output, output, rtol=1e-10)


def test_draws_of_productivity_are_keyed_to_the_firm():
    """A firm's luck does not depend on its row."""
    labour = Labour(enabled=True, productivity_noise=0.3)
    state = shops()
    order = np.array([2, 0, 1])
    moved = state.relabelled(order)
    for s in (state, moved):
        s.firms.kind[:] = SMB
        labour._learn(s, WEEK)
    assert np.array_equal(moved.firms.productivity, state.firms.productivity[order])
