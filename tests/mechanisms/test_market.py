"""Market: budgets become demand, taste, price and quality move it, what is delivered is paid; prices follow costs and customers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import advance, miniature

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.market import Market
from smbsim.metrics.identities import Books
from smbsim.rest import USES
from smbsim.state import EVERYWHERE, SMB

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
    assert paid == {"government": -3.0, "foreign": -1.0, "bank": 0.0, "investment": -2.0, "marketplace": 0.0, "data platform": 0.0}
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
    assert paid == {"government": 2.0, "foreign": 6.0, "bank": 0.0, "investment": -2.0, "marketplace": 0.0, "data platform": 0.0}


def test_resting_demand_is_what_each_firm_makes_beyond_its_links():
    """With large firms, counter inputs, a pass-through account and two regions: asked + ordered = output, to rounding."""
    state = miniature(60)[0]
    demand = asked(state) + state.sum_by_supplier(state.slots.order[state.links.slot] * state.links.weight)
    assert np.allclose(demand, state.firms.output, rtol=1e-12)
    assert state.sectors.spending.shape[1] == len(USES) + 1


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


# -- competition --------------------------------------------------------------------------------------------------------------------------

COMPETING = Market(enabled=True, quality_noise=0.0)


def rivals():
    """Three equal shops of one region share a budget of 12, government purchases of 6 and counter inputs of 3."""
    state = three_shops(sectors=(SHOP, SHOP, SHOP), regions=(0, 0, 0))
    state.regions.budget[0, SHOP], state.sectors.spending[SHOP, GOVERNMENT] = 12.0, 6.0
    state.firms.customer_base[:, 0] = state.firms.sale_share[:] = 1 / 3
    state.firms.output[:] = 10.0
    state.sectors.counter_coefficient[SHOP, SHOP] = 0.1
    state.sectors.sector_basket[:], state.sectors.import_basket[:] = 0.0, 0.0
    state.sectors.sector_basket[SHOP] = 1.0
    state.households.consumption[:] = (12.0, 0.0, 0.0, 0.0)
    return state


def test_equal_firms_have_equal_shares():
    state = rivals()
    state.firms.price[:], state.firms.quality[:] = 1.3, 0.8
    assert np.allclose(asked(state, COMPETING), (18.0 / 1.3 + 3.0) / 3.0, rtol=1e-14)


def test_dearer_firm_sells_less_and_its_rivals_more():
    state = rivals()
    before = asked(state, COMPETING)
    state.firms.price[0] = 1.1
    state.regions.budget[0, SHOP] = 12.0
    after = asked(state, COMPETING)
    assert after[0] < before[0] / 1.1
    assert after[1] == after[2] > before[1]


def test_better_firm_sells_more():
    state = rivals()
    state.firms.quality[0] = 1.1
    assert np.allclose(asked(state, COMPETING), np.array([1.1, 1.0, 1.0]) / 3.1 * 21.0, rtol=1e-14)


def test_price_elasticity_of_a_small_firm_is_that_of_the_parameter():
    """R: one SMB of many raises its price by 1 %: households, the state and counter customers buy 2.6 % less of it, bar its own share."""
    state = miniature(300, 1, market={"enabled": True})[0]
    market = Market(enabled=True)
    households, demand = state.regions.budget.copy(), asked(state, market)
    small = np.flatnonzero((state.firms.kind == SMB) & (state.firms.pool_share > 0) & (state.firms.pool_share < 0.02))
    for i in small[:: len(small) // 12]:
        state.firms.price[i] = 1.01
        state.regions.budget[:] = households
        measured = np.log(asked(state, market)[i] / demand[i]) / np.log(1.01)
        assert measured == pytest.approx(-2.6, abs=0.06), i
        state.firms.price[i] = 1.0


@given(
    prices=st.lists(st.floats(0.05, 20.0), min_size=3, max_size=3),
    quality=st.lists(st.floats(0.05, 20.0), min_size=3, max_size=3),
    alive=st.lists(st.booleans(), min_size=3, max_size=3),
    imports=st.just(0.0) | st.floats(1e-6, 1.0),
    abroad=st.floats(0.0, 20.0),
    enabled=st.booleans(),
)
def test_shares_sum_to_one_and_nobody_spends_more_than_the_budget(prices, quality, alive, imports, abroad, enabled):
    """Whatever prices, qualities and exits: money spent is the budget where anybody sells, and nothing otherwise."""
    state = rivals()
    firms, sectors = state.firms, state.sectors
    firms.price[:], firms.quality[:], firms.alive[:] = prices, quality, alive
    sectors.sector_basket[SHOP], sectors.import_basket[SHOP] = 1.0 - imports, imports
    state.regions.budget[0, SHOP], sectors.import_spending[SHOP, 0] = 12.0 * (1.0 - imports), 12.0 * imports
    sectors.import_price_factor[SHOP] = abroad
    asked(state, Market(enabled=enabled))
    spent = firms.household_demand.sum() + sectors.import_spending[SHOP, 0]
    assert spent == pytest.approx(12.0 if any(alive) or (enabled and imports > 0) else 12.0 * imports, rel=1e-9)
    assert firms.pool_share.sum() == pytest.approx(float(any(alive)), rel=1e-12)
    assert (firms.pool_share * firms.bargain).sum() * sectors.counter_demand[SHOP] == pytest.approx(
        sectors.counter_demand[SHOP] * any(alive)
    )
    assert np.isfinite(firms.final_demand).all()
    assert not firms.final_demand[~firms.alive].any()
    shares = state.regions.intensity[0, SHOP] * firms.pull * firms.customer_base[:, 0]
    assert shares.sum() == pytest.approx(float(any(alive)), rel=1e-12)


def test_procurement_tilts_the_purchases_of_the_state_and_keeps_their_total():
    """Twice the weight for one of three equal firms: half of the state's 6 instead of a third; nobody else's money moves."""
    state = rivals()
    before = asked(state)
    state.firms.procurement_factor[0] = 2.0
    assert np.allclose(asked(state) - before, [1.0, -0.5, -0.5], rtol=1e-12)
    Market().sell(state, WEEK)
    assert state.accounts.balance[state.account("government")] == pytest.approx(-6.0, rel=1e-14)
    assert np.allclose(state.firms.cash, [4.0 + 3.0, 4.0 + 1.5, 4.0 + 1.5], rtol=1e-14)


# -- imports ------------------------------------------------------------------------------------------------------------------------------


def household_spending(state, abroad, sigma, at_home=1.0):
    """(on the shops, on imports) of households that spend 12, a quarter of it abroad at rest."""
    state.sectors.sector_basket[SHOP], state.sectors.import_basket[SHOP] = 0.75, 0.25
    state.regions.budget[0, SHOP], state.sectors.import_spending[SHOP, 0] = 9.0, 3.0
    state.sectors.import_price_factor[SHOP], state.firms.price[:] = abroad, at_home
    asked(state, Market(enabled=True, import_elasticity=sigma))
    return state.firms.household_demand.sum(), state.sectors.import_spending[SHOP, 0]


def test_dearer_imports_turn_households_to_the_sector():
    """Armington: relative spending moves by 1 - σ times the relative price."""
    for sigma in (0.5, 1.5, 3.0):
        home, abroad = household_spending(rivals(), 1.2, sigma)
        assert home + abroad == pytest.approx(12.0, rel=1e-14)
        assert np.log(abroad / home / (1 / 3)) == pytest.approx((1.0 - sigma) * np.log(1.2), rel=1e-12)
    home, abroad = household_spending(rivals(), 1.0, 1.5, at_home=1.2)
    assert np.log(home / abroad / 3) == pytest.approx((1.0 - 1.5) * np.log(1.2), rel=1e-12)


def test_imports_do_not_compete_at_an_elasticity_of_one():
    assert household_spending(rivals(), 2.0, 1.0) == pytest.approx((9.0, 3.0), rel=1e-14)


def test_fewer_sellers_of_the_same_price_do_not_drive_households_abroad():
    state = rivals()
    state.firms.alive[:2] = False
    assert household_spending(state, 1.0, 1.5) == pytest.approx((9.0, 3.0), rel=1e-14)


def test_households_buy_abroad_what_a_dead_sector_sold():
    state = rivals()
    state.firms.alive[:] = False
    assert household_spending(state, 1.0, 1.5) == pytest.approx((0.0, 12.0), rel=1e-14)


# -- prices -------------------------------------------------------------------------------------------------------------------------------


def reviewing(market=COMPETING, weeks=13, uid=(0, 1, 2), **columns):
    """Three shops at rest at a unit cost of .8, then what `columns` says, reviewed for some weeks."""
    state = rivals()
    firms = state.firms
    firms.uid[:], firms.unit_cost[:], firms.markup[:], firms.storable[:] = uid, 0.8, 0.25, False
    firms.expected_demand[:], firms.reviewed_share[:] = 7.0, 1 / 3
    for name, values in columns.items():
        getattr(firms, name)[:] = values
    for t in range(weeks):
        market.review(state, Step(t, Draws(1)))
    return state


def test_prices_stay_where_nothing_changes():
    assert np.allclose(reviewing(weeks=130).firms.price, 1.0, rtol=1e-14)


def test_price_follows_cost_by_steps():
    """A cost 25 % higher asks for a price 25 % higher: 10 % at a review, so that it takes three; and down likewise."""
    for week, price in ((13, 1.1), (26, 1.21), (39, 1.25)):
        assert reviewing(weeks=week, unit_cost=1.0).firms.price.tolist() == pytest.approx([price] * 3, rel=1e-12)
    for week, price in ((13, 0.9), (26, 0.81), (52, 0.75)):
        assert reviewing(weeks=week, unit_cost=0.6).firms.price.tolist() == pytest.approx([price] * 3, rel=1e-12)


def test_a_thirteenth_of_firms_reviews_each_week():
    """Each SMB once in 13 weeks, as its uid says; the row of a sector's large firms goes a thirteenth of the way every week."""
    state, draws = miniature(200, 2, market={"enabled": True, "quality_noise": 0.0})[0], Draws(1)
    firms, market = state.firms, Market(enabled=True, quality_noise=0.0)
    firms.unit_cost[:] *= 1.05
    smb, seen = firms.kind == SMB, np.zeros(firms.n, dtype=int)
    for t in range(13):
        before = firms.price.copy()
        market.review(state, Step(t, draws))
        moved = firms.price != before
        assert np.array_equal(moved[smb], (firms.uid[smb] + t) % 13 == 0)
        assert moved[~smb].all()
        assert abs(moved[smb].sum() - smb.sum() / 13) <= 1
        seen += moved
    assert np.all(seen[smb] == 1)
    assert np.allclose(firms.price[smb], 1.05, rtol=1e-3)
    assert np.allclose(firms.price[~smb], 1.05 - 0.05 * (12 / 13) ** 13, rtol=1e-3)


def test_markup_follows_the_market_share():
    """R: υ is the elasticity of the markup to the share: a third to a half raises the markup of .25 by 1.5^.04."""
    state = reviewing(expected_demand=(14.0, 7.0, 7.0))
    assert state.firms.markup.tolist() == pytest.approx([0.25 * 1.5**0.04, 0.25 * 0.75**0.04, 0.25 * 0.75**0.04], rel=1e-12)
    again = reviewing(expected_demand=(14.0, 7.0, 7.0), weeks=130)
    assert again.firms.markup.tolist() == pytest.approx(state.firms.markup.tolist(), rel=1e-12), "the same share twice changes nothing"


def test_unsold_goods_lower_the_markup_where_they_can_be_stored():
    stocked = {"storable": (True, True, False), "finished_cover": 2.0, "inventory": (21.0, 7.0, 99.0)}
    markup = reviewing(**stocked).firms.markup
    assert markup.tolist() == pytest.approx([0.25 * np.exp(-0.04 * 0.5), 0.25 * np.exp(0.04 * 0.5), 0.25], rel=1e-12)


def test_price_never_falls_below_cost_and_the_least_markup():
    """A firm that loses its customers for years asks at least its cost; one that sold below cost at rest may go on."""
    eager = Market(enabled=True, quality_noise=0.0, markup_min=0.2, share_response=1.0)
    state = reviewing(eager, 130, expected_demand=(1.0, 7.0, 7.0), markup=(0.25, 0.25, -0.1), price=(1.0, 1.0, 0.72))
    assert state.firms.markup[0] == 0.2
    assert state.firms.price[0] == pytest.approx(0.96, rel=1e-12)
    assert -0.1 < state.firms.markup[2] < 0.0


def test_who_cuts_its_price_wins_customers_and_its_rivals_follow_half_heartedly():
    """B1: lower cost of one → its price falls, by less than the cost → it sells more → the rivals' markups and prices fall, and less."""
    spec = {"market": {"enabled": True, "quality_noise": 0.0, "share_response": 0.1}}
    base, plan, draws = miniature(120, 1, **spec)
    state = base.copy()
    i = int(np.argmax(np.where(base.firms.kind == SMB, base.firms.pool_share, 0.0)))
    state.firms.wage[i] *= 0.7
    advance(base, plan, draws, 0, 104)
    advance(state, plan, draws, 0, 104)
    rivals = (base.firms.sector == base.firms.sector[i]) & (np.arange(base.firms.n) != i)
    cut = np.log(state.firms.price / base.firms.price)
    assert np.log(state.firms.unit_cost[i] / base.firms.unit_cost[i]) < cut[i] < -0.02  # pass-through below one
    assert state.firms.expected_demand[i] > base.firms.expected_demand[i]
    assert np.all(state.firms.markup[rivals] < base.firms.markup[rivals])
    assert np.all((cut[rivals] < 0) & (cut[rivals] > cut[i]))


def test_costs_that_all_firms_share_are_passed_on_in_full():
    """Imports dearer by three tenths: unit costs rise, along the chain, and prices with them; nobody's markup moves much."""
    state, plan, draws = miniature(
        120, 1, market={"enabled": True, "quality_noise": 0.0}, shocks=[{"kind": "import_price", "start": 0, "size": 0.3}]
    )
    rest = state.firms.unit_cost.copy()
    advance(state, plan, draws, 0, 156)
    raised = np.log(state.firms.unit_cost / rest)
    passed = np.log(state.firms.price) / raised
    assert raised.min() > 0
    assert 0.95 < passed.min() <= passed.max() < 1.05  # who wins customers from those hit harder asks a little more
    assert np.average(passed, weights=state.firms.output) == pytest.approx(1.0, abs=0.02)


def test_dead_firms_review_nothing():
    state = reviewing(unit_cost=1.0, alive=(False, True, True))
    assert state.firms.price[0] == 1.0


def test_quality_walks_by_the_uid_and_returns():
    """A stationary spread of σ L^-γ / √(1 - ρ²) for L heads, the large firms' at rest."""
    state, draws = miniature(400, 1)[0], Draws(3)
    noisy = Market(enabled=True, quality_noise=0.2, quality_persistence=0.5, diversification=0.3)
    for t in range(520):
        noisy.review(state, Step(t, draws))
    smb = state.firms.kind == SMB
    scale = 0.2 / np.sqrt(0.75) * np.maximum(state.firms.employment[smb], 1.0) ** -0.3
    assert (np.log(state.firms.quality[smb]) / scale).std() == pytest.approx(1.0, rel=0.15)
    assert np.all(state.firms.quality[~smb] == 1.0)


# -- whole weeks --------------------------------------------------------------------------------------------------------------------------

NOISY = {"market": {"enabled": True, "quality_noise": 0.3}, "production": {"breakdown_hazard": 0.05}}


def test_economy_with_prices_stays_at_rest():
    state, plan, draws = miniature(80, 2, market={"enabled": True, "quality_noise": 0.0})
    stocks = [(state.firms, n) for n in ("price", "markup", "unit_cost", "output", "inventory", "cash", "final_demand", "pool_share")]
    stocks += [(state.slots, "input_stock"), (state.slots, "purchase_price"), (state.links, "payable"), (state.sectors, "counter_price")]
    stocks += [(state.households, "deposits"), (state.accounts, "balance"), (state.regions, "budget"), (state.sectors, "import_spending")]
    before = [getattr(table, name).copy() for table, name in stocks]
    advance(state, plan, draws, 0, 104)
    for (table, name), old in zip(stocks, before, strict=True):
        assert np.allclose(getattr(table, name), old, rtol=1e-10, atol=1e-10 * np.abs(old).max()), name


def test_books_close_with_prices():
    shocks = [{"kind": "import_price", "start": 5, "size": 0.5}, {"kind": "demand", "start": 9, "stop": 20, "size": 0.3}]
    state, plan, draws = miniature(80, 2, shocks=shocks, **NOISY)
    books = Books(state)
    gaps = advance(state, plan, draws, 0, 12, books.gaps, check=True) + advance(state, plan, draws, 12, 60, books.gaps)
    assert max(max(gap.values()) for gap in gaps) < 1e-9
    assert state.firms.price.min() > 0
    assert np.ptp(state.firms.price) > 0.01


def test_row_numbers_do_not_matter_with_prices():
    state, plan, draws = miniature(80, 2, **NOISY)
    order = np.random.default_rng(5).permutation(state.firms.n)
    again = state.relabelled(order)
    advance(state, plan, draws, 0, 40)
    advance(again, plan, draws, 0, 40)
    for name in ("price", "markup", "quality", "output", "cash"):
        assert np.allclose(getattr(again.firms, name), getattr(state.firms, name)[order], rtol=1e-9, atol=1e-6), name
