"""Production: limits, input rules, emergency imports, breakdowns, overtime, scrap and spoilage, on four firms with whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from models import given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.production import RULES, Production
from smbsim.network import from_edges
from smbsim.state import LARGE

WEEK = Step(0, Draws(1))
CALM = {"emergency_share": 0.0, "breakdown_hazard": 0.0}
MILL = 3  # the firm that uses ½, ¼ and ⅛ of its output from firms 0, 1 and 2


def mill(storable: bool = True):
    """Output of firm 3 is 40 a week; its slots are 0, 1, 2, critical, important and without importance."""
    edges = [(0, MILL, 52 * 20.0), (1, MILL, 52 * 10.0), (2, MILL, 52 * 5.0)]
    state, _, _ = given(from_edges(edges, [52 * 40.0] * 4, sector=[3, 4, 5, 6]))
    firms, slots = state.firms, state.slots
    assert slots.coefficient.tolist() == [0.5, 0.25, 0.125]
    slots.essentiality[:] = (2, 1, 0)
    slots.input_stock[:], slots.pipeline[:] = 100.0, 0.0
    firms.storable[:] = storable
    firms.inventory[:] = 0.0
    firms.capacity[MILL] = 18.0
    firms.planned_output[MILL] = 100.0
    return state


@pytest.mark.parametrize(
    ("rule", "limit"),
    list(zip(RULES, (10.0, 12.0, 15.0, 16.0, 14.0, 5.0), strict=True)),
)
def test_input_rule_limits_output(rule, limit):
    """Stocks last for 16, 12 and 10: half critical min(16, (12 + 18)/2); linear 12.25/.875; ψ-rule 10/(½ (3 + 1))."""
    state = mill()
    state.slots.input_stock[:] = (8.0, 3.0, 1.25)
    state.slots.input_cover[:] = 3.0
    Production(rule=rule, scarcity=0.5, **CALM).produce(state, WEEK)
    assert state.firms.available_output[MILL] == limit
    assert state.firms.output[MILL] == limit


def test_psi_rule_does_not_ask_for_more_than_a_week_of_inputs():
    """ψ (n + 1) below one counts as one: a firm that holds what it needs this week is not limited."""
    state = mill()
    state.slots.input_stock[:] = (8.0, 4.0, 2.0)
    state.slots.input_cover[:] = 0.0
    Production(rule="ario_psi", scarcity=0.5, **CALM).produce(state, WEEK)
    assert state.firms.available_output[MILL] == 16.0


def test_firm_without_inputs_is_limited_by_capacity_alone():
    """Firm 0 buys nothing: its input limit is infinite under every rule."""
    for rule in RULES:
        state = mill()
        state.firms.capacity[0], state.firms.planned_output[0] = 7.0, 9.0
        Production(rule=rule, **CALM).produce(state, WEEK)
        assert state.firms.output[0] == 7.0


@pytest.mark.parametrize(
    ("change", "available", "able"),
    [
        ({"capacity": 12.0}, 12.0, 12.0),
        ({"overtime": 1.25}, 20.0, 20.0),
        ({"capacity_factor": 0.5}, 8.0, 8.0),
        ({"downtime": 1.0}, 0.0, 16.0),
        ({"labour_limit": 11.0}, 11.0, 11.0),
        ({"overtime": 1.5, "capacity_factor": 0.5, "downtime": 0.5, "labour_limit": 11.0}, 6.0, 11.0),
    ],
)
def test_capacity_and_labour_limit_output(change, available, able):
    """Capacity 16 times overtime, shocks and downtime, or labour; what the firm counts on when it orders leaves breakdowns aside."""
    state = mill()
    state.firms.capacity[MILL] = 16.0
    for name, value in change.items():
        getattr(state.firms, name)[MILL] = value
    Production(**CALM).produce(state, WEEK)
    assert state.firms.available_output[MILL] == available
    assert state.firms.able_output[MILL] == able
    assert state.firms.output[MILL] == available


def test_goods_are_made_to_plan_and_put_in_stock():
    """Plan 10 of a possible 18: 10 more in stock, and 5, 2.5 and 1.25 of the inputs used."""
    state = mill()
    state.firms.planned_output[MILL], state.firms.inventory[MILL] = 10.0, 4.0
    Production(**CALM).produce(state, WEEK)
    assert state.firms.output[MILL] == 10.0
    assert state.firms.inventory[MILL] == 14.0
    assert state.slots.input_use.tolist() == [5.0, 2.5, 1.25]
    assert state.slots.input_stock.tolist() == [95.0, 97.5, 98.75]


@pytest.mark.parametrize(("demand", "backlog", "made"), [(9.0, 2.0, 11.0), (30.0, 2.0, 18.0), (0.0, 0.0, 0.0)])
def test_services_are_made_to_order(demand, backlog, made):
    """A service firm makes what is owed and asked this week up to its capacity of 18, whatever was planned; unsold capacity is lost."""
    state = mill(storable=False)
    production = Production(**CALM)
    before = state.firms.output[MILL]
    production.produce(state, WEEK)
    assert state.firms.output[MILL] == before  # until it delivers, last week's
    state.firms.demand[MILL], state.firms.backlog_due[MILL] = demand, backlog
    production.serve(state, WEEK)
    assert state.firms.output[MILL] == state.firms.inventory[MILL] == made
    assert state.slots.input_use[0] == made / 2
    state.firms.fill_rate[:] = 1.0
    production.work_overtime(state, WEEK)
    assert state.firms.inventory[MILL] == 0.0


def test_input_that_does_not_bind_is_used_up_to_its_stock():
    """Half critical: ⅛ of 18 = 2.25 of the unimportant input are wanted and 1 is there; output is not cut, use is 1."""
    state = mill()
    state.slots.input_stock[2] = 1.0
    Production(**CALM).produce(state, WEEK)
    assert state.firms.output[MILL] == 18.0
    assert state.slots.input_use[2] == 1.0
    assert state.slots.input_stock[2] == 0.0


def test_dead_firm_makes_nothing():
    """A firm that is not alive neither produces nor uses inputs."""
    for storable in (True, False):
        state = mill(storable)
        state.firms.alive[MILL], state.firms.output[MILL] = False, 0.0
        production = Production(**CALM)
        production.produce(state, WEEK)
        production.serve(state, WEEK)
        assert state.firms.output[MILL] == 0.0
        assert np.all(state.slots.input_stock == 100.0)


# -- the valve --------------------------------------------------------------------------------------------------------------------------


def short_of_inputs(rule: str, **sectors):
    """(state, production) after production with stocks 5, 1, 0 for a possible 18: missing 9 - 5 = 4, 4.5 - 1 = 3.5, 2.25 - 0 = 2.25."""
    state = mill()
    state.slots.input_stock[:] = (5.0, 1.0, 0.0)
    for name, value in sectors.items():
        getattr(state.sectors, name)[:] = value
    production = Production(rule=rule, emergency_share=0.5, emergency_premium=0.25, breakdown_hazard=0.0)
    production.produce(state, WEEK)
    return state, production


@pytest.mark.parametrize(
    ("rule", "bought", "output"),
    [
        ("leontief", [2.0, 1.75, 1.125], 9.0),
        ("strongly_critical", [2.0, 1.75, 0.0], 11.0),
        ("half_critical", [2.0, 0.0, 0.0], 11.0),
        ("weakly_critical", [2.0, 0.0, 0.0], 14.0),
    ],
)
def test_emergency_imports_are_half_of_what_is_missing_and_can_stop_production(rule, bought, output):
    """After buying, stocks 7, 2.75, 1.125 last for 14, 11, 9; half critical buys none of the important input: (4 + 18)/2."""
    state, _ = short_of_inputs(rule)
    assert state.slots.emergency_import.tolist() == bought
    assert state.firms.output[MILL] == output


def test_emergency_imports_cost_the_premium_and_go_abroad():
    """2 at a price of 1.25 × 2 = 5, paid in cash to the rest of the world."""
    state, production = short_of_inputs("weakly_critical", import_price_factor=2.0)
    cash, abroad = state.firms.cash[MILL], state.accounts.balance[state.account("foreign")]
    money = state.money()
    production.pay_emergency(state, WEEK)
    assert state.firms.emergency_cost.tolist() == [0.0, 0.0, 0.0, 5.0]
    assert state.firms.cash[MILL] == pytest.approx(cash - 5.0, rel=1e-15)
    assert state.accounts.balance[state.account("foreign")] == pytest.approx(abroad + 5.0, rel=1e-15)
    assert state.flows["emergency imports", "firm", "foreign"] == 5.0
    assert state.money() == pytest.approx(money, rel=1e-15)


def test_import_stop_closes_the_valve():
    """With a quarter of imports to be had, a quarter of the emergency import arrives; with none, none."""
    assert short_of_inputs("weakly_critical", import_factor=0.25)[0].slots.emergency_import[0] == 0.5
    assert not short_of_inputs("leontief", import_factor=0.0)[0].slots.emergency_import.any()


def test_emergency_imports_are_for_what_could_be_made():
    """Plan 8: half of 8 needs 4 of the critical input, 5 are there, so that nothing is bought."""
    state = mill()
    state.slots.input_stock[:] = (5.0, 2.0, 1.0)
    state.firms.planned_output[MILL] = 8.0
    Production(rule="leontief", emergency_share=1.0, breakdown_hazard=0.0).produce(state, WEEK)
    assert not state.slots.emergency_import.any()


# -- breakdowns -------------------------------------------------------------------------------------------------------------------------


def test_breakdown_lasts_its_repair_weeks():
    """Struck in week 0 with 3 weeks of repair: down in weeks 0, 1 and 2, up in week 3. Large firms do not break down."""
    state = mill()
    state.firms.kind[1] = LARGE
    sure, never = Production(breakdown_hazard=1.0, repair_weeks=3), Production(breakdown_hazard=0.0, repair_weeks=3)
    sure.break_down(state, Step(0, Draws(1)))
    down = [state.firms.downtime.tolist()]
    for t in range(1, 4):
        never.break_down(state, Step(t, Draws(1)))
        down.append(state.firms.downtime.tolist())
    assert down == [[1.0, 0.0, 1.0, 1.0]] * 3 + [[0.0] * 4]


def test_breakdowns_are_keyed_by_uid():
    """The same firms break down under other row numbers, and when a firm is added."""
    state = mill()
    order = np.array([2, 0, 3, 1])
    other = state.relabelled(order)
    longer = state.copy()
    longer.append_firms(sector=np.array([3]))
    production = Production(breakdown_hazard=0.5)
    seen = set()
    for t in range(20):
        step = Step(t, Draws(7))
        for each in (state, other, longer):
            production.break_down(each, step)
        assert np.array_equal(state.firms.downtime[order], other.firms.downtime)
        assert np.array_equal(state.firms.downtime, longer.firms.downtime[:4])
        seen.add(tuple(state.firms.downtime))
    assert len(seen) > 5


def test_breakdowns_come_at_the_hazard():
    """4000 firm-weeks at a hazard of .1: 400 ± 4 standard deviations of 19."""
    state = mill()
    production, struck = Production(breakdown_hazard=0.1), 0
    for t in range(1000):
        production.break_down(state, Step(t, Draws(3)))
        struck += int(state.firms.downtime.sum())
    assert 324 < struck < 476


# -- overtime, scrap, spoilage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overtime", "filled", "expected"),
    [(1.0, 0.5, 1.05), (1.25, 0.5, 1.275), (1.25, 1.0, 1.1875), (1.5, 0.0, 1.5), (1.0, 1.0, 1.0)],
)
def test_overtime_rises_with_unmet_demand_and_falls_without(overtime, filled, expected):
    """Largest factor 1.5: up by (1.5 - overtime) ζ/5 - a tenth of the distance at ζ = ½ -, or down by a quarter of the way to 1."""
    state = mill()
    time = 4.0 if filled == 1.0 else 5.0
    state.firms.overtime[MILL], state.firms.fill_rate[MILL] = overtime, filled
    Production(overtime_max=1.5, overtime_time=time).work_overtime(state, WEEK)
    assert state.firms.overtime[MILL] == pytest.approx(expected, rel=1e-15)


def test_scrap_is_a_share_of_output():
    """A quarter of 8 is scrap, 6 go into stock, and the inputs of all 8 are used."""
    state = mill()
    state.firms.planned_output[MILL] = 8.0
    Production(scrap_share=0.25, **CALM).produce(state, WEEK)
    assert state.firms.output[MILL] == 8.0
    assert state.firms.scrap[MILL] == 2.0
    assert state.firms.inventory[MILL] == 6.0
    assert state.slots.input_use[0] == 4.0


def test_stocks_spoil_before_they_are_used():
    """An eighth of inputs and of finished goods is lost at the start of the week; 8 are made on top."""
    state = mill()
    state.slots.input_stock[:] = 16.0
    state.firms.inventory[MILL], state.firms.planned_output[MILL] = 8.0, 8.0
    Production(spoil_share=0.125, **CALM).produce(state, WEEK)
    assert state.slots.input_spoiled.tolist() == [2.0, 2.0, 2.0]
    assert state.slots.input_stock.tolist() == [10.0, 12.0, 13.0]
    assert state.firms.scrap[MILL] == 1.0
    assert state.firms.inventory[MILL] == 15.0


def test_resting_stocks_are_covers_of_use_and_capacity_has_slack():
    """Settled: M = n a x, S = n_fg x, capacity = x / utilisation."""
    edges = [(0, 1, 52 * 8.0)]
    covers = {"input_cover_weeks": 3.0, "finished_cover_weeks": 2.0}
    sections = {"orders": covers, "production": {"utilisation": 0.5, "breakdown_hazard": 0.0}}
    state, _, _ = given(from_edges(edges, [52 * 8.0, 52 * 16.0], sector=[5, 5]), **sections)
    assert state.slots.input_stock.tolist() == [24.0]
    assert state.firms.storable.all()
    assert state.firms.inventory.tolist() == [32.0, 32.0]
    assert state.firms.capacity.tolist() == [32.0, 32.0]


stocks = st.tuples(*[st.floats(0.0, 20.0)] * 3)


@settings(max_examples=60, deadline=None, derandomize=True)
@over(st.sampled_from(RULES), stocks, stocks, st.floats(0.0, 30.0), st.floats(0.0, 30.0))
def test_output_never_falls_when_there_is_more_of_anything(rule, stock, more, capacity, extra):
    """Output is at most each bound, and does not fall with stocks or capacity; use is at most the stock."""

    def made(stock, capacity):
        state = mill()
        state.slots.input_stock[:] = stock
        state.firms.capacity[MILL], state.firms.planned_output[MILL] = capacity, 25.0
        Production(rule=rule, **CALM).produce(state, WEEK)
        assert 0.0 <= state.firms.output[MILL] <= min(capacity, 25.0)
        assert np.all(state.slots.input_use <= np.array(stock))
        assert np.all(state.slots.input_stock >= 0.0)
        return state.firms.output[MILL]

    assert made(np.add(stock, more), capacity + extra) >= made(stock, capacity)
