"""Costs: counter and spot inputs without a stock, paid on delivery; extra costs of shocks; what a unit costs."""

from __future__ import annotations

import numpy as np

from smbsim.mechanisms.costs import Costs

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
