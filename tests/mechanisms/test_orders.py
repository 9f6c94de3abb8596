"""Orders: forecast, plan, the order formula with supply line and imports, and the presets, on three firms with whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.orders import Orders
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))


def three_firms(**sections):
    """Firms 0 and 1, of two sectors, sell 16 and 8 a week to firm 2, whose output is 32."""
    network = from_edges([(0, 2, 52 * 16.0), (1, 2, 52 * 8.0)], [52 * 32.0] * 3, sector=[3, 4, 5])
    return given(network, **sections)[0]


@pytest.mark.parametrize(("speed", "expected"), [(0.25, 12.0), (0.5, 14.0), (1.0, 18.0)])
def test_forecast_follows_last_weeks_demand(speed, expected):
    """Forecast 10, demand 18: a share θ of the difference is closed."""
    state = three_firms()
    state.firms.expected_demand[2], state.firms.demand[2] = 10.0, 18.0
    Orders(forecast_speed=speed).expect(state, WEEK)
    assert state.firms.expected_demand[2] == expected


@pytest.mark.parametrize(
    ("cover", "inventory", "backlog", "planned"),
    [(2.0, 16.0, 0.0, 8.0), (2.0, 20.0, 0.0, 6.0), (0.0, 0.0, 6.0, 11.0), (1.0, 0.0, 2.0, 13.0), (0.0, 30.0, 0.0, 0.0)],
)
def test_plan_closes_a_share_of_the_gap_of_finished_goods(cover, inventory, backlog, planned):
    """Forecast 8 + ½ (cover × 8 - stock + backlog), never below zero."""
    state = three_firms()
    firms = state.firms
    firms.expected_demand[2] = firms.demand[2] = 8.0
    firms.finished_cover[2], firms.inventory[2], firms.backlog_due[2] = cover, inventory, backlog
    Orders(inventory_adjustment=0.5).expect(state, WEEK)
    assert firms.planned_output[2] == planned


def ordering(orders, planned=16.0, able=100.0, storable=True, import_share=0.0, stock=(10.0, 4.0), line=(8.0, 2.0)):
    """The orders (from firms, abroad) of firm 2: coefficients ½ and ¼, covers 2 and 1, leads 3 and 1."""
    state = three_firms()
    firms, slots = state.firms, state.slots
    assert slots.coefficient.tolist() == [0.5, 0.25]
    firms.planned_output[:], firms.able_output[:], firms.storable[:] = planned, able, storable
    slots.input_cover[:], slots.lead[:], slots.import_share[:] = (2.0, 1.0), (3.0, 1.0), import_share
    slots.input_stock[:], slots.supply_line[:], slots.pipeline[:] = stock, line, 0.0
    orders.place(state, WEEK)
    return slots.order.tolist(), slots.import_order.tolist()


def test_order_covers_use_the_gap_of_the_stock_and_the_gap_of_the_supply_line():
    """Needs 8 and 4.  8 + ½ ((16 - 10) + ¼ (16 - 8)) = 12 ;  4 + ½ ((4 - 4) + ¼ (0 - 2)) = 3.75"""
    assert ordering(Orders(stock_adjustment=0.5, supply_line_weight=0.25)) == ([12.0, 3.75], [0.0, 0.0])


def test_order_without_supply_line_forgets_what_is_under_way():
    """β = 0: 8 + ½ (16 - 10) = 11, 4 + ½ (4 - 4) = 4."""
    assert ordering(Orders(stock_adjustment=0.5, supply_line_weight=0.0))[0] == [11.0, 4.0]


def test_imports_take_their_share_of_the_order():
    """A quarter of 12 and of 3.75 is ordered abroad."""
    orders = Orders(stock_adjustment=0.5, supply_line_weight=0.25)
    assert ordering(orders, import_share=0.25) == ([9.0, 2.8125], [3.0, 0.9375])


def test_service_firm_counts_its_stock_after_the_planned_use():
    """It uses 8 and 4 only later in the week: 10 - 8 = 2 and 0 are what it keeps. 8 + ½ (16 - 2) = 15 and 4 + ½ (4 - 0) = 6."""
    orders = Orders(stock_adjustment=0.5, supply_line_weight=0.0)
    assert ordering(orders, storable=False)[0] == [15.0, 6.0]
    assert ordering(orders, storable=False, stock=(3.0, 1.0))[0] == [16.0, 6.0]  # no stock is kept below zero


def test_orders_never_are_negative():
    """Stocks of 1000 leave nothing to order."""
    assert ordering(Orders(stock_adjustment=0.5), stock=(1000.0, 1000.0)) == ([0.0, 0.0], [0.0, 0.0])


def test_closed_plant_orders_for_what_it_can_make():
    """Planned 16 but able to make 4: needs 2 and 1 instead of 8 and 4; nothing to do, no order."""
    lot_for_lot = Orders(preset="lot_for_lot")
    assert ordering(lot_for_lot, able=4.0)[0] == [2.0, 1.0]
    assert ordering(lot_for_lot, able=0.0)[0] == [0.0, 0.0]


def test_no_demand_ends_in_no_orders():
    """All demand gone: forecasts, plans and orders go to zero, and never below."""
    state, plan, draws = given(
        from_edges([(0, 1, 52 * 8.0)], [52 * 8.0, 52 * 16.0], sector=[5, 5]), [{"kind": "demand", "start": 0, "size": 1.0}],
        households={"enabled": False},
    )  # fmt: skip
    seen = advance(state, plan, draws, 0, 300, lambda s: (s.slots.order.min(), s.firms.output.min()))
    state.check()
    assert np.min(seen) >= 0.0
    assert state.slots.order[0] < 1e-6
    assert state.firms.output.max() < 1e-6


@pytest.mark.parametrize(
    ("preset", "values"),
    [("damped", (0.15, 0.12, 0.12, 0.34)), ("sterman", (0.36, 0.26, 0.26, 0.34)), ("lot_for_lot", (1.0, 0.0, 0.0, 0.0))],
)
def test_preset_fills_what_is_not_given(preset, values):
    """θ, α_S, α_f, β of each preset; what is given wins."""
    orders = Orders(preset=preset)
    assert (orders.forecast_speed, orders.stock_adjustment, orders.inventory_adjustment, orders.supply_line_weight) == values
    mine = Orders(preset=preset, forecast_speed=0.5)
    assert (mine.forecast_speed, mine.stock_adjustment) == (0.5, values[1])


def test_resting_orders_are_what_is_used():
    """Lot for lot or with stocks at their targets: at rest the order is a x, and the plan is what is asked."""
    for preset in ("damped", "lot_for_lot"):
        state = three_firms(orders={"preset": preset})
        orders = Orders(preset=preset)
        orders.expect(state, WEEK)
        assert np.allclose(state.firms.planned_output, [48.0, 40.0, 32.0], rtol=1e-15)
        state.slots.input_stock[:] += np.where(state.firms.storable[2], 0.0, state.slots.input_use)  # a service has yet to use it
        orders.place(state, WEEK)
        assert np.allclose(state.slots.order, [16.0, 8.0], rtol=1e-14)
