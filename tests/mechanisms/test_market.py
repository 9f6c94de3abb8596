"""Market: budgets become demand, taste, price and quality move it, what is delivered is paid; prices follow costs and customers."""

from __future__ import annotations

import numpy as np
import pytest
from models import miniature

from smbsim.mechanisms.market import Market
from smbsim.rest import ACCOUNTS
from smbsim.state import EVERYWHERE

from .shops import MILL, SHOP, WEEK, asked, three_shops

INVESTMENT, FOREIGN, GOVERNMENT = 1, 2, 3  # columns of `spending`


# -- demand -----------------------------------------------------------------------------------------------------------------------------


def test_household_demand_is_home_and_elsewhere():
    """Budgets of 8 and 4 in regions a and b: firm 0 gets ½ at home and ¼ elsewhere, 4 + 1; firm 1 the same the other way, 2 + 2."""
    state = three_shops()
    state.regions.budget[:, SHOP] = (8.0, 4.0)
    state.firms.customer_base[:2] = (0.5, 0.25)
    assert asked(state).tolist() == [5.0, 4.0, 0.0]


def test_firm_that_is_everywhere_sells_in_every_region():
    """Large firms get ½ of the budget of region a and ¼ of that of b, and share it ¾ to ¼: (4 + 1) × ¾ and ¼."""
    state = three_shops(regions=(EVERYWHERE, EVERYWHERE, 0))
    state.regions.budget[0, SHOP] = 8.0
    state.regions.large_customers[0, SHOP] = 0.5
    state.firms.customer_base[:2, 0] = (0.75, 0.25)
    assert asked(state).tolist() == [3.0, 1.0, 0.0]


def test_other_uses_are_shared_by_what_is_sold_outside_links():
    """Investment 4, exports 2 and the state 2: ¾ and ¼ of the 8."""
    state = three_shops()
    state.sectors.spending[SHOP, 1:4] = (4.0, 2.0, 2.0)
    state.firms.sale_share[:] = (0.75, 0.25, 1.0)
    assert asked(state).tolist() == [6.0, 2.0, 0.0]


def test_price_turns_budgets_into_volumes():
    """At a price of 2 budgets of 4 + 8 ask for 6; what firms buy over the counter is a volume already."""
    state = three_shops()
    state.regions.budget[0, SHOP], state.sectors.spending[SHOP, GOVERNMENT] = 4.0, 8.0
    state.firms.customer_base[0, 0] = state.firms.sale_share[0] = 1.0
    state.firms.price[0] = 2.0
    assert asked(state)[0] == 6.0
    state.sectors.counter_coefficient[MILL, SHOP] = 0.5
    state.firms.output[:] = (0.0, 0.0, 10.0)
    assert asked(state)[0] == 11.0


def test_demand_factor_cuts_demand_and_nobody_else_gets_it():
    state = three_shops()
    state.regions.budget[:, SHOP] = 8.0
    state.firms.customer_base[:2] = (0.5, 0.5)
    state.firms.demand_factor[0] = 0.25
    assert asked(state).tolist() == [2.0, 8.0, 0.0]


@pytest.mark.parametrize(
    ("taste", "demand"),
    [
        ((1.0, 1.0, 1.0), (6.0, 2.0, 8.0)),
        ((0.5, 1.0, 1.0), (4.8, 3.2, 8.0)),  # within the sector: 3 to 2 of the 8
        ((0.0, 1.0, 1.0), (0.0, 8.0, 8.0)),
        ((0.5, 0.5, 1.0), (4.0, 4 / 3, 32 / 3)),  # the sector as a whole: 4 to 8 of the 16
        ((0.0, 0.0, 1.0), (0.0, 0.0, 16.0)),
        ((0.5, 0.5, 0.5), (6.0, 2.0, 8.0)),  # nowhere else to go
        ((1.0, 1.0, 2.0), (4.0, 4 / 3, 32 / 3)),
    ],
)
def test_taste_moves_demand_and_keeps_its_total(taste, demand):
    """Households aim 6, 2 and 8 at the firms of two sectors: 16 whatever the taste."""
    state = three_shops(regions=(0, 0, 0))
    state.regions.budget[0, [SHOP, MILL]] = 8.0
    state.firms.customer_base[:, 0] = (0.75, 0.25, 1.0)
    state.firms.taste_factor[:] = taste
    assert asked(state).tolist() == pytest.approx(demand, rel=1e-14)


def test_everybody_disliked_means_no_household_demand():
    state = three_shops(regions=(0, 0, 0))
    state.regions.budget[0, [SHOP, MILL]], state.firms.customer_base[:, 0], state.firms.taste_factor[:] = 8.0, (0.5, 0.5, 1.0), 0.0
    assert not asked(state).any()


# -- payments ---------------------------------------------------------------------------------------------------------------------------


def test_households_pay_for_what_is_delivered_and_keep_the_rest():
    """Region a spends 8 (worker 6, owner 2) and is served half: 3 and 1 are paid, and firm 0 gets 4."""
    state = three_shops()
    state.regions.budget[0, SHOP], state.firms.customer_base[0, 0] = 8.0, 1.0
    state.households.consumption[:] = (6.0, 2.0, 0.0, 0.0)
    asked(state)
    state.firms.final_fill_rate[:] = 0.5
    Market().sell(state, WEEK)
    assert state.firms.cash.tolist() == [4.0, 0.0, 0.0]
    assert state.households.deposits.tolist() == [-3.0, -1.0, 0.0, 0.0]


def test_each_region_pays_for_what_it_bought_elsewhere():
    """Firm 0 of region a sells to region b only; b pays. A firm that is everywhere is paid by both."""
    state = three_shops(sectors=(SHOP, MILL, MILL), regions=(0, EVERYWHERE, EVERYWHERE))
    state.regions.budget[:, MILL], state.households.consumption[:] = (4.0, 12.0), (4.0, 0.0, 6.0, 6.0)
    state.regions.large_customers[:, MILL], state.firms.customer_base[1:, 0] = (1.0, 0.5), (0.75, 0.25)
    asked(state)
    Market().sell(state, WEEK)
    assert state.firms.cash.tolist() == [0.0, 7.5, 2.5]
    assert state.households.deposits.tolist() == [-4.0, 0.0, -3.0, -3.0]
    other = three_shops()
    other.regions.budget[1, SHOP], other.firms.customer_base[0, 1] = 8.0, 1.0
    other.households.consumption[:] = (5.0, 5.0, 4.0, 4.0)
    asked(other)
    Market().sell(other, WEEK)
    assert other.firms.cash.tolist() == [8.0, 0.0, 0.0]
    assert other.households.deposits.tolist() == [0.0, 0.0, -4.0, -4.0]


def test_what_is_sold_elsewhere_is_not_paid_at_home():
    """Budgets of 8 and 4 bring firm 0 of region a ½ at home and ¼ elsewhere: a pays 4, b pays 1."""
    state = three_shops()
    state.regions.budget[:, SHOP], state.firms.customer_base[0] = (8.0, 4.0), (0.5, 0.25)
    state.households.consumption[:] = (8.0, 0.0, 3.0, 1.0)
    asked(state)
    Market().sell(state, WEEK)
    assert state.firms.cash.tolist() == [5.0, 0.0, 0.0]
    assert state.households.deposits.tolist() == [-4.0, 0.0, -0.75, -0.25]


def test_other_uses_pay_the_share_that_was_delivered():
    """Half of investment 4, exports 2 and purchases 6 is delivered: 2, 1 and 3 are paid."""
    state = three_shops()
    state.sectors.spending[SHOP, 1:4] = (4.0, 2.0, 6.0)
    state.firms.sale_share[0] = 1.0
    asked(state)
    state.firms.final_fill_rate[:] = 0.5
    Market().sell(state, WEEK)
    paid = dict(zip(state.account_names, state.accounts.balance.tolist(), strict=True))
    assert paid == {"government": -3.0, "foreign": -1.0, "bank": 0.0, "investment": -2.0}
    assert state.firms.cash[0] == 6.0


def test_final_uses_pay_abroad_and_accounts():
    """Households want imports of 8, half of which can be had, and buy 2 from the state; investors want imports of 4."""
    state = three_shops()
    state.households.consumption[:] = (6.0, 2.0, 0.0, 0.0)
    state.sectors.import_spending[SHOP, [0, INVESTMENT]] = (8.0, 4.0)
    state.sectors.import_factor[SHOP] = 0.5
    state.accounts.account_spending[state.account("government"), 0] = 2.0
    Market().buy_elsewhere(state, WEEK)
    assert state.households.deposits.tolist() == [-4.5, -1.5, 0.0, 0.0]
    paid = dict(zip(state.account_names, state.accounts.balance.tolist(), strict=True))
    assert paid == {"government": 2.0, "foreign": 6.0, "bank": 0.0, "investment": -2.0}


def test_resting_demand_is_what_each_firm_makes_beyond_its_links():
    """With large firms, counter inputs, a pass-through account and two regions: asked + ordered = output, to rounding."""
    state = miniature(60)[0]
    demand = asked(state) + state.sum_by_supplier(state.links.shipped)
    assert np.allclose(demand, state.firms.output, rtol=1e-12)
    assert state.sectors.spending.shape[1] == len(ACCOUNTS) + 1


# -- exits and entries ------------------------------------------------------------------------------------------------------------------


def sold_outside(state):
    """Every use is fully served: what the firms get for it."""
    state.firms.cash[:] = 0.0
    Market().sell(state, WEEK)
    return state.firms.cash.sum()


def test_customers_of_a_firm_that_closed_go_to_the_others():
    """Region a has firms with ½ and ¼ and ¼ of the customers; without the first the others have ½ each, and so for pooled sales."""
    state = three_shops(sectors=(SHOP, SHOP, SHOP), regions=(0, 0, 0))
    state.regions.budget[0, SHOP], state.sectors.spending[SHOP, GOVERNMENT] = 8.0, 16.0
    state.firms.customer_base[:, 0] = state.firms.sale_share[:] = (0.5, 0.25, 0.25)
    state.households.consumption[0] = 8.0
    assert asked(state).tolist() == [12.0, 6.0, 6.0]
    state.firms.alive[0] = False
    assert asked(state).tolist() == [0.0, 12.0, 12.0]
    assert sold_outside(state) == 24.0


def test_customers_of_a_region_without_sellers_come_from_elsewhere():
    """Firm 1 sells ¼ in region a, the rest of which was firm 0's: it gets all of a's budget of 8."""
    state = three_shops()
    state.regions.budget[0, SHOP] = 8.0
    state.firms.customer_base[:2] = (0.75, 0.0), (0.0, 0.25)
    state.firms.alive[0] = False
    assert asked(state).tolist() == [0.0, 8.0, 0.0]


def test_money_stays_with_the_buyers_of_a_sector_that_died_out():
    state = miniature(60)[0]
    firms = state.firms
    died = firms.sector == SHOP
    before = state.households.deposits.copy()
    firms.alive[died], firms.output[died] = False, 0.0
    assert not asked(state)[died].any()
    assert np.isfinite(firms.final_demand).all()
    Market().sell(state, WEEK)
    kept = state.regions.budget[:, SHOP].sum()
    assert (before - state.households.deposits).sum() == pytest.approx(state.regions.budget.sum() - kept, rel=1e-12)
    assert not state.regions.intensity[:, SHOP].any()


def test_firm_that_enters_takes_its_share_from_all():
    """A newcomer as large as the incumbent of the only region gets half."""
    state = three_shops(sectors=(SHOP, MILL, MILL), regions=(0, 1, 1))
    state.regions.budget[0, SHOP], state.sectors.spending[SHOP, GOVERNMENT] = 8.0, 16.0
    state.firms.customer_base[0, 0] = state.firms.sale_share[0] = 1.0
    state.append_firms(sector=np.array([SHOP]), region=np.array([0]))
    state.firms.customer_base[3, 0] = state.firms.sale_share[3] = 1.0
    assert asked(state).tolist() == [12.0, 0.0, 0.0, 12.0]
