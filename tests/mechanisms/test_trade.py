"""Trade: rationing, backlog, goods in transit by lead time, invoices and payables, on three firms with whole numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.production import Production
from smbsim.mechanisms.trade import Trade
from smbsim.network import from_edges
from smbsim.state import EVERYWHERE


def week(t: int = 0) -> Step:
    return Step(t, Draws(1))


def one_seller(regions=(0, 0, 1), **sections):
    """Firm 0 sells 6 a week to firm 1 and 2 to firm 2; regions: of the three firms, -1 everywhere."""
    network = from_edges([(0, 1, 52 * 6.0), (0, 2, 52 * 2.0)], [52 * 12.0] * 3, sector=[3, 4, 5])
    network = replace(network, region=np.array(regions), region_names=("here", "there"))
    return given(network, **sections)[0]


def two_sellers():
    """Firms 0 and 1, of one sector, sell 6 and 2 a week to firm 2: one slot with two links, weights ¾ and ¼."""
    network = from_edges([(0, 2, 52 * 6.0), (1, 2, 52 * 2.0)], [52 * 12.0] * 3, sector=[3, 3, 5])
    state = given(network)[0]
    assert state.links.weight.tolist() == [0.75, 0.25]
    return state


def ordered(state, orders, final=0.0):
    """Orders per slot and the seller's final demand reach the suppliers."""
    state.slots.order[:], state.firms.final_demand[:] = orders, 0.0
    state.firms.final_demand[0] = final
    Trade().collect(state, week())


def test_demand_is_orders_by_weight_and_final_demand():
    """An order of 8 goes to the links as 6 and 2; final demand comes on top."""
    state = two_sellers()
    ordered(state, 8.0, final=3.0)
    assert state.firms.demand.tolist() == [9.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("rationing", "inventory", "links", "final"),
    [
        ("proportional", 20.0, 1.0, 1.0),
        ("proportional", 8.0, 0.5, 0.5),
        ("proportional", 0.0, 0.0, 0.0),
        ("final_last", 20.0, 1.0, 1.0),
        ("final_last", 14.0, 1.0, 0.5),
        ("final_last", 6.0, 0.5, 0.0),
    ],
)
def test_scarce_goods_are_shared_out(rationing, inventory, links, final):
    """Owed 4, ordered 6 + 2, final demand 4: 16 in all, of which 12 along links."""
    state = one_seller()
    ordered(state, (6.0, 2.0), final=4.0)
    state.firms.backlog_due[0], state.firms.inventory[0] = 4.0, inventory
    Trade(rationing=rationing).ration(state, week())
    assert state.firms.fill_rate[0] == links
    assert state.firms.final_fill_rate[0] == final


def test_nobody_asks_and_everything_counts_as_filled():
    """0 of 0 is a fill rate of one, with and without goods."""
    for inventory in (0.0, 5.0):
        state = one_seller()
        ordered(state, 0.0)
        state.firms.inventory[0] = inventory
        Trade().ration(state, week())
        assert state.firms.fill_rate[0] == state.firms.final_fill_rate[0] == 1.0


def test_backlog_is_carried_and_unmet_final_demand_is_lost():
    """Owed 2 to firm 1, ordered 6 + 2, final demand 6: half of all 16 is there. Links carry 4 and 1 over; of final demand 3 are lost."""
    state = one_seller()
    trade = Trade()
    ordered(state, (6.0, 2.0), final=6.0)
    state.links.backlog[:], state.firms.backlog_due[0], state.firms.inventory[0] = (2.0, 0.0), 2.0, 8.0
    trade.ration(state, week())
    empty_pipes(state)
    trade.ship(state, week())
    assert state.slots.pipeline.sum(axis=1).tolist() == [4.0, 1.0]
    assert state.links.backlog.tolist() == [4.0, 1.0]
    assert state.firms.backlog_due[0] == 5.0
    assert state.firms.sold_to_firms[0] == 5.0
    assert state.firms.final_sales[0] == 3.0
    assert state.firms.inventory[0] == 0.0
    ordered(state, 0.0)
    state.firms.inventory[0] = 5.0
    assert arrived(state, 1).tolist() == [4.0, 0.0]
    trade.ration(state, week(1))
    trade.ship(state, week(1))
    assert state.slots.pipeline.sum(axis=1).tolist() == [4.0, 2.0]
    assert state.links.backlog.tolist() == [0.0, 0.0]
    assert state.firms.final_sales[0] == 0.0


def empty_pipes(state):
    for column in (state.slots.pipeline, state.slots.import_pipeline, state.slots.supply_line, state.slots.input_stock):
        column[:] = 0.0


def arrived(state, t):
    """(s,) what production takes into stock in week t when nothing is made."""
    state.firms.planned_output[:], before = 0.0, state.slots.input_stock.copy()
    Production().produce(state, week(t))
    return state.slots.input_stock - before


@pytest.mark.parametrize("start", [-5, -1, 0, 1, 2, 3, 104])
def test_goods_arrive_exactly_after_the_lead_time(start):
    """Shipped once: firm 1 in the same region has it a week later, firm 2 in another one after 2 weeks, imports come after 4."""
    state = one_seller()
    trade = Trade()
    assert state.links.lead_time.tolist() == [1, 2]
    empty_pipes(state)
    arrivals = []
    state.slots.import_share[:] = 0.1
    for t in range(start, start + 10):
        arrivals.append(arrived(state, t).tolist())
        state.slots.order[:] = (6.0, 2.0) if t == start else 0.0
        state.slots.import_order[:] = (0.5, 0.25) if t == start else 0.0
        state.firms.fill_rate[:] = 1.0
        state.firms.final_fill_rate[:] = 1.0
        trade.ship(state, week(t))
    assert arrivals[:5] == [[0.0, 0.0], [6.0, 0.0], [0.0, 2.0], [0.0, 0.0], [0.5, 0.25]]
    assert not np.any(arrivals[5:])
    assert not state.slots.supply_line.any()


def test_steady_shipments_arrive_every_week():
    """3 a week over a lead of two weeks: nothing, nothing, then 3 each week, and 6 always under way."""
    state = one_seller()
    trade = Trade()
    empty_pipes(state)
    arrivals = []
    for t in range(7):
        arrivals.append(arrived(state, t)[1])
        state.slots.order[:] = (0.0, 3.0)
        state.slots.import_order[:] = 0.0
        state.firms.fill_rate[:] = 1.0
        trade.ship(state, week(t))
    assert arrivals == [0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    assert state.slots.supply_line[1] == 6.0


def test_supply_line_is_what_is_under_way_or_owed():
    """Ordered 6, half of it shipped: 3 in transit and 3 owed; imports of 1 count as well."""
    state = one_seller()
    empty_pipes(state)
    state.slots.order[:], state.slots.import_order[:], state.slots.import_share[:] = (6.0, 0.0), (1.0, 0.0), 0.1
    state.firms.fill_rate[:] = 0.5
    Trade().ship(state, week())
    assert state.slots.supply_line[0] == 7.0
    assert arrived(state, 1)[0] == 3.0
    state.slots.order[:], state.slots.import_order[:] = 0.0, 0.0
    Trade().ship(state, week(1))
    assert state.slots.supply_line[0] == 4.0, "3 that were owed, half of them under way now, and the import"


def test_import_stop_cuts_what_is_dispatched():
    """With a quarter of imports to be had, an order of 8 abroad brings 2; the rest is not owed."""
    state = one_seller()
    empty_pipes(state)
    state.slots.order[:], state.slots.import_order[:] = 0.0, (8.0, 0.0)
    state.sectors.import_factor[:], state.slots.import_share[:] = 0.25, 1.0
    Trade().ship(state, week())
    assert state.slots.imports[0] == 2.0
    assert state.slots.supply_line[0] == 2.0


@pytest.mark.parametrize(
    ("regions", "leads"), [((0, 0, 1), [1, 2]), ((0, 0, 0), [1, 1]), ((EVERYWHERE, 0, 1), [2, 2]), ((EVERYWHERE, EVERYWHERE, 0), [2, 2])]
)
def test_lead_time_is_one_week_within_a_region_and_two_otherwise(regions, leads):
    """Firms that are everywhere are not local to anybody, not even to each other."""
    assert one_seller(regions).links.lead_time.tolist() == leads


def shipped_at(state, shipped, imports):
    """These volumes along the links and from abroad, all that was ordered."""
    state.slots.order[:], state.slots.import_order[:], state.firms.fill_rate[:] = shipped, imports, 1.0
    state.slots.import_share[:] = 0.5
    Trade().ship(state, week())


def test_invoice_is_price_times_what_was_shipped_and_is_owed():
    """4 at a price of 1.5 and 1 at 1.5: owed 6 and 1.5 more than before; an import of 2 at 3 is owed abroad."""
    state = one_seller()
    state.links.payable[:], state.firms.import_payable[:] = (10.0, 20.0), (0.0, 5.0, 0.0)
    state.firms.price[0], state.sectors.import_price_factor[:] = 1.5, 3.0
    shipped_at(state, (4.0, 1.0), (2.0, 0.0))
    assert state.links.payable.tolist() == [16.0, 21.5]
    assert state.firms.import_payable.tolist() == [0.0, 11.0, 0.0]


def test_purchase_price_is_the_mean_of_what_is_held():
    """6 held at 1 (of them 2 just shipped at 4): (4 × 1 + 2 × 4) / 6 = 2. Nothing bought: nothing changes."""
    state = one_seller()
    empty_pipes(state)
    state.slots.input_stock[0], state.firms.price[0] = 4.0, 4.0
    shipped_at(state, (2.0, 0.0), 0.0)
    assert state.slots.purchase_price.tolist() == [2.0, 1.0]


def test_price_of_imports_counts_in_what_is_held():
    """2 held at 1, 1 shipped at 4 and 1 imported at 3: (2 × 1 + 4 + 3) / 4."""
    state = one_seller()
    empty_pipes(state)
    state.slots.input_stock[0], state.firms.price[0], state.sectors.import_price_factor[:] = 2.0, 4.0, 3.0
    shipped_at(state, (1.0, 0.0), (1.0, 0.0))
    assert state.slots.purchase_price.tolist() == [2.25, 1.0]


def test_backlog_too_small_to_be_added_fast_is_none():
    """A hundredth of what is left stays each week: without a floor it would end among numbers that a processor adds slowly."""
    state = one_seller()
    state.slots.order[:], state.firms.fill_rate[:] = (6.0, 0.0), 0.99
    least = []
    for t in range(120):
        Trade().ship(state, week(t))
        state.slots.order[:] = 0.0
        least.append(state.links.backlog[0])
    assert least[0] == pytest.approx(0.06)
    assert min(b for b in least if b > 0.0) > 1e-200
    assert least[-1] == 0.0


def test_resting_payables_and_goods_in_transit_are_those_of_the_lead_times():
    """A link of w with lead ℓ has ℓ w in transit; payment follows booking, so that (τ - 1) w is owed."""
    state = one_seller(trade={"payment_weeks": 5.0, "other_lead": 3})
    assert state.links.lead_time.tolist() == [1, 3]
    assert state.slots.pipeline.tolist() == [[6.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
    assert state.slots.supply_line.tolist() == [6.0, 6.0]
    assert state.links.payable.tolist() == [24.0, 8.0]
    assert state.slots.lead.tolist() == [1.0, 3.0]
