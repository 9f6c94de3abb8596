"""Costs: counter and spot inputs without a stock, paid on delivery; extra costs of shocks; what a unit costs."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, miniature

from smbsim.mechanisms.costs import Costs
from smbsim.metrics.identities import Books

from .shops import MILL, SHOP, WEEK, asked, three_shops


def test_counter_inputs_are_asked_and_paid_by_those_who_use_them():
    """Outputs 10 and 30 at ½ and ¼ per unit ask 5 + 7.5 of the shop, which delivers ⅘ at a price of 2: 4 for 8 and 6 for 12."""
    state = three_shops(sectors=(SHOP, 1, MILL), regions=(0, 0, 0))
    state.sectors.counter_coefficient[1, SHOP], state.sectors.counter_coefficient[MILL, SHOP] = 0.5, 0.25
    state.firms.output[:], state.firms.sale_share[0], state.firms.price[0] = (0.0, 10.0, 30.0), 1.0, 2.0
    assert asked(state).tolist() == [12.5, 0.0, 0.0]
    state.firms.final_fill_rate[:] = 0.8
    Costs().pay_counter(state, WEEK)
    assert np.allclose(state.firms.counter_use, [0.0, 4.0, 6.0], rtol=1e-15)
    assert np.allclose(state.firms.counter_cost, [0.0, 8.0, 12.0], rtol=1e-15)
    assert np.allclose(state.firms.cash, [20.0, -8.0, -12.0], rtol=1e-15)


def test_spot_imports_and_products_of_accounts_are_paid_for_this_weeks_output():
    """Output 8: spot imports ¼, half of them to be had, at a price of 2; ⅛ of imports of no group; ½ from the state. 2 + 1 + 4."""
    state = three_shops()
    sectors = state.sectors
    sectors.spot_coefficient[MILL, SHOP], sectors.other_import_coefficient[MILL] = 0.25, 0.125
    sectors.account_coefficient[MILL, state.account("government")] = 0.5
    sectors.import_factor[SHOP], sectors.import_price_factor[SHOP] = 0.5, 2.0
    state.firms.output[:] = (5.0, 5.0, 8.0)
    Costs().buy_spot(state, WEEK)
    assert state.firms.spot_use.tolist() == [0.0, 0.0, 6.0]
    assert state.firms.spot_cost.tolist() == [0.0, 0.0, 7.0]
    assert state.firms.cash.tolist() == [0.0, 0.0, -7.0]
    assert state.accounts.balance[state.account("foreign")] == 3.0
    assert state.accounts.balance[state.account("government")] == 4.0


# -- cash on delivery ---------------------------------------------------------------------------------------------------------------------


def counter_customers():
    """Mills with an output of 10 and 30 use half a unit of the shop's goods for each, at a price of 2."""
    state = three_shops(sectors=(SHOP, MILL, MILL), regions=(0, 0, 0))
    state.sectors.counter_coefficient[MILL, SHOP] = 0.5
    state.firms.output[:], state.firms.sale_share[0], state.firms.price[0] = (0.0, 10.0, 30.0), 1.0, 2.0
    return state


def test_who_pays_from_deposits_orders_no_more_over_the_counter_than_they_pay_for():
    """Deposits of 4 buy two units; without a limit the other mill gets its 15; nobody is overdrawn."""
    state = counter_customers()
    state.firms.spendable[1], state.firms.cash[1] = 0.0, 4.0
    assert asked(state).tolist() == [2.0 + 15.0, 0.0, 0.0]
    Costs().pay_counter(state, WEEK)
    assert state.firms.counter_use.tolist() == [0.0, 2.0, 15.0]
    assert state.firms.cash.tolist() == [34.0, 0.0, -30.0]


def test_who_is_overdrawn_or_closed_orders_nothing_over_the_counter():
    state = counter_customers()
    state.firms.spendable[1], state.firms.cash[1], state.firms.alive[2] = 0.0, -3.0, False
    assert asked(state).tolist() == [0.0, 0.0, 0.0]
    Costs().pay_counter(state, WEEK)
    assert state.firms.cash.tolist() == [0.0, -3.0, 0.0]


def test_spot_inputs_are_had_as_far_as_they_are_paid():
    """Due 4 abroad and 4 to the state; spendable 2: a quarter of each is used and paid, and nothing is left to spend."""
    state = three_shops()
    state.sectors.spot_coefficient[MILL, SHOP] = state.sectors.account_coefficient[MILL, state.account("government")] = 0.5
    state.firms.output[:], state.firms.spendable[2] = (0.0, 0.0, 8.0), 2.0
    Costs().buy_spot(state, WEEK)
    assert (state.firms.spot_use[2], state.firms.spot_cost[2], state.firms.spendable[2]) == (2.0, 2.0, 0.0)
    assert state.accounts.balance[state.account("foreign")] == state.accounts.balance[state.account("government")] == 1.0


# -- what a unit costs --------------------------------------------------------------------------------------------------------------------


def priced():
    """A mill that uses 0.2 of stocked goods at 1.5, 0.1 over the counter at 2, 0.1 of spot imports at 3 and 0.1 from the state."""
    state = three_shops()
    sectors, firms = state.sectors, state.firms
    sectors.counter_coefficient[MILL, SHOP], sectors.counter_price[SHOP] = 0.1, 2.0
    sectors.spot_coefficient[MILL, SHOP], sectors.import_price_factor[SHOP] = 0.1, 3.0
    sectors.account_coefficient[MILL, state.account("government")] = 0.1
    firms.product_tax_coefficient[2], firms.labour_coefficient[2], firms.wage[2] = 0.05, 0.01, 10.0
    firms.productivity[2], firms.wage_factor[2] = 0.5, 1.25
    return state


def test_unit_cost_is_inputs_taxes_and_wages_at_current_prices():
    """.2 + .3 + .1 of inputs, .05 of taxes, .1 of wages over a productivity of ½ and a factor of 5/4; a cost shock raises inputs only."""
    state = priced()
    Costs().estimate(state, WEEK)
    assert state.firms.material_cost[2] == pytest.approx(0.6, rel=1e-14)
    assert state.firms.unit_cost[2] == pytest.approx(0.6 + 0.05 + 0.25, rel=1e-14)
    state.firms.cost_factor[2] = 1.5
    Costs().estimate(state, WEEK)
    assert state.firms.unit_cost[2] == pytest.approx(0.9 + 0.05 + 0.25, rel=1e-14)


def test_unit_cost_at_rest_is_what_the_surplus_leaves():
    """With stocked inputs, counter and spot inputs of the table: 1 - surplus / output, for every firm."""
    state = miniature(60)[0]
    firms = state.firms
    spent = state.sum_slots(state.slots.input_use) + firms.counter_cost + firms.spot_cost + firms.product_tax_paid + firms.wage_bill
    assert np.allclose(firms.unit_cost, spent / firms.output, rtol=1e-12)
    assert np.allclose((1.0 + firms.markup) * firms.unit_cost, 1.0, rtol=1e-14)


@pytest.mark.parametrize(("factor", "paid"), [(1.5, 2.4), (1.0, 0.0), (0.75, -1.2)])
def test_extra_costs_are_paid_abroad(factor, paid):
    """Half as much again for inputs of .6 a unit: 2.4 for an output of 8; relief is received."""
    state = priced()
    state.firms.output[:], state.firms.cost_factor[2] = (0.0, 0.0, 8.0), factor
    Costs().estimate(state, WEEK)
    Costs().buy_spot(state, WEEK)
    assert state.firms.extra_cost[2] == pytest.approx(paid, rel=1e-14)
    assert state.firms.spot_cost[2] == pytest.approx(8 * 0.4 + paid, rel=1e-14)
    assert state.accounts.balance[state.account("foreign")] == pytest.approx(8 * 0.3 + paid, rel=1e-14)
    assert state.flows.get(("extra costs", "firm", "foreign"), 0.0) == pytest.approx(paid, rel=1e-14)


def test_books_close_under_a_cost_shock():
    state, plan, draws = miniature(60, 2)
    books, worst = Books(state), 0.0
    costly = state.firms.uid % 2 == 0
    for t in range(12):
        state.firms.cost_factor[:] = np.where(costly, 1.3, 1.0)
        gaps = advance(state, plan[1:], draws, t, t + 1, books.gaps)  # without phase 0, which would reset the factor
        worst = max(worst, *gaps[0].values())
    assert worst < 1e-9
    assert np.array_equal(state.firms.extra_cost > 0, costly)
