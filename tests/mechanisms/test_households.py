"""Households: consumption from smoothed income and deposits, its cap, the smoothing, the baskets, the open loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import given, miniature

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.households import Households
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))


def two_regions():
    """Two firms of two sectors in two regions: cells are worker and owner of each."""
    network = from_edges([], [52 * 30.0, 52 * 10.0], sector=[3, 4])
    return given(replace(network, region=np.array([0, 1]), region_names=("a", "b")))[0]


@pytest.mark.parametrize(
    ("income", "deposits", "consumption"),
    # ¾ Ỹ + (¼ / 10) V, at most V, at least 0
    [(100.0, 1000.0, 100.0), (100.0, 2000.0, 125.0), (40.0, 1000.0, 55.0), (100.0, 50.0, 50.0), (100.0, 0.0, 0.0), (-100.0, 40.0, 0.0)],
)
def test_consumption_is_a_share_of_income_and_of_deposits_up_to_the_deposits(income, deposits, consumption):
    state = two_regions()
    state.households.income_smoothed[:], state.households.deposits[:] = income, deposits
    Households(income_share=0.75, wealth_weeks=10.0).spend(state, WEEK)
    assert np.allclose(state.households.consumption, consumption, rtol=1e-15)


def test_overdrawn_household_consumes_nothing():
    state = two_regions()
    state.households.deposits[:] = -5.0
    Households().spend(state, WEEK)
    assert not state.households.consumption.any()
    assert not state.regions.budget.any()


def test_consumption_equals_income_at_the_resting_wealth():
    """V = n_V Y: c_y Y + (1 - c_y)/n_V × n_V Y = Y, for every share."""
    for share in (0.0, 0.5, 0.8, 1.0):
        state = two_regions()
        state.households.income_smoothed[:], state.households.deposits[:] = 8.0, 8.0 * 26.0
        Households(income_share=share).spend(state, WEEK)
        assert np.allclose(state.households.consumption, 8.0, rtol=1e-15)


@pytest.mark.parametrize(("speed", "expected"), [(0.25, 12.0), (1.0, 18.0), (0.001, 10.008)])
def test_income_is_smoothed(speed, expected):
    """Smoothed 10, income 18: a share ω of the difference is taken in."""
    state = two_regions()
    state.households.income_smoothed[:], state.households.disposable[:] = 10.0, 18.0
    Households(smoothing=speed).update(state, WEEK)
    assert np.allclose(state.households.income_smoothed, expected, rtol=1e-15)


def test_budgets_are_common_shares_of_regional_consumption():
    """Shares ¾ and ¼: regions that consume 8 and 4 spend 6 + 2 and 3 + 1."""
    state = two_regions()
    basket = state.sectors.sector_basket
    assert basket[3] == pytest.approx(basket.sum() - basket[4], rel=1e-15)
    basket[:] = 0.0
    basket[[3, 4]] = 0.75, 0.25
    state.households.consumption[:] = (6.0, 2.0, 3.0, 1.0)
    Households(enabled=False).spend(state, WEEK)
    assert state.regions.budget[:, [3, 4]].tolist() == [[6.0, 2.0], [3.0, 1.0]]
    assert state.sectors.spending[[3, 4], 0].tolist() == [9.0, 3.0]


def test_open_loop_consumes_what_it_did_at_rest():
    """Switched off, neither income nor deposits change consumption."""
    state = two_regions()
    rest = state.households.consumption.copy()
    state.households.income_smoothed[:], state.households.deposits[:] = 1.0, 1e9
    Households(enabled=False).spend(state, WEEK)
    assert np.array_equal(state.households.consumption, rest)
    assert rest.min() > 0.0


def test_basket_shares_sum_to_one():
    """Sectors, imports and products of accounts together take every unit of consumption."""
    for state in (two_regions(), miniature(60)[0]):
        shares = state.sectors.sector_basket.sum() + state.sectors.import_basket.sum() + state.accounts.account_basket.sum()
        assert shares == pytest.approx(1.0, rel=1e-14)


def test_resting_deposits_are_weeks_of_income():
    state = given(from_edges([], [52 * 30.0], sector=[8]), households={"wealth_weeks": 10.0})[0]
    assert np.allclose(state.households.deposits, 10.0 * state.households.consumption, rtol=1e-15)


@pytest.mark.parametrize(
    ("kappa", "unemployed", "share"), [(1.0, 0.05, 1.0), (1.0, 0.25, 0.8), (2.0, 0.0, 1.1), (5.0, 0.5, 0.0), (0.0, 0.9, 1.0)]
)
def test_confidence_falls_with_unemployment(kappa, unemployed, share):
    """k = [1 - κ (u - .05)]⁺ of what would be spent, in all regions alike."""
    state = two_regions()
    wanted = state.households.consumption.copy()
    state.regions.unemployed[:] = unemployed * state.regions.labour_force
    Households(confidence=kappa).spend(state, WEEK)
    assert np.allclose(state.households.consumption, share * wanted, rtol=1e-12, atol=1e-12)


def test_unemployment_of_one_region_worries_all():
    state = two_regions()
    regions, wanted = state.regions, state.households.consumption.copy()
    regions.labour_force[:], regions.unemployed[:] = (30.0, 10.0), (1.5, 4.5)  # 5 % and 45 %, 15 % of all
    Households(confidence=1.0).spend(state, WEEK)
    assert np.allclose(state.households.consumption, 0.9 * wanted, rtol=1e-12)
