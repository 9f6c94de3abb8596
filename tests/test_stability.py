"""Eigenvalues of one week: those of a two-firm chain by hand, and those of the United States in the ranges found independently."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from models import given, miniature

from smbsim.analysis import stability as module
from smbsim.analysis.stability import Stability, stability
from smbsim.network import chain, from_edges

STORABLE = 5  # row of a sector that is kept in stock
CHAIN = {
    "households": {"enabled": False},
    "orders": {"forecast_speed": 0.2, "stock_adjustment": 0.3, "inventory_adjustment": 0.4, "finished_cover_weeks": 2.0,
               "input_cover_weeks": 3.0},
    "trade": {"local_lead": 1, "payment_weeks": 4.0},
    "finance": {"dividend_weeks": 10.0},
}  # fmt: skip


def moduli(**changes) -> np.ndarray:
    """Sorted moduli of the eigenvalues of a chain of two storable goods with fixed final demand."""
    sections = {name: CHAIN[name] | changes.get(name, {}) for name in CHAIN}
    state, plan, _ = given(from_edges([(0, 1, 52 * 8.0)], [52 * 16.0] * 2, sector=[STORABLE] * 2), **sections)
    return np.sort(np.abs(stability(state, plan, closed=False).eigenvalues))[::-1]


def test_chain_of_two_firms_has_the_eigenvalues_of_its_adjustments():
    """Nothing feeds back in a chain: 1 - 1/τ_div and 1 - θ and 1 - α_f of each firm, 1 - 1/τ of the link, 1 - α_S of the slot, zeros."""
    found = moduli()
    assert np.allclose(found[:8], [0.9, 0.9, 0.8, 0.8, 0.75, 0.7, 0.6, 0.6], atol=1e-8)
    assert np.max(found[8:]) < 1e-6


@pytest.mark.parametrize(
    ("section", "key", "value", "eigenvalue", "times"),
    [
        ("finance", "dividend_weeks", 20.0, 0.95, 2),
        ("orders", "forecast_speed", 0.5, 0.5, 2),
        ("orders", "inventory_adjustment", 0.05, 0.95, 2),
        ("orders", "stock_adjustment", 1.5, 0.5, 1),  # -½: it overshoots
        ("orders", "stock_adjustment", 0.0, 1.0, 1),  # a stock nobody adjusts stays where it is put
        ("trade", "payment_weeks", 10.0, 0.9, 3),  # beside the two of dividends
    ],
)
def test_each_adjustment_has_its_own_eigenvalue(section, key, value, eigenvalue, times):
    found = moduli(**{section: {key: value}})
    assert np.sum(np.isclose(found, eigenvalue, atol=1e-7)) == times


def test_stock_adjustment_above_two_grows():
    """Corrections of more than twice the gap: 1 - α_S = -1.0 at α_S = 2, on the verge."""
    assert moduli(orders={"stock_adjustment": 2.0})[0] == pytest.approx(1.0, abs=1e-8)
    assert moduli(orders={"stock_adjustment": 1.9})[0] == pytest.approx(0.9, abs=1e-8)


def test_longer_rings_of_goods_in_transit_change_nothing_for_a_short_lead():
    """A ring of three weeks for a lead of one: the same eigenvalues, and two more that are zero."""
    short, long = moduli(), moduli(trade={"local_lead": 1, "other_lead": 3})
    assert np.allclose(long[:8], short[:8], atol=1e-8)
    assert np.max(long[8:]) < 1e-6


@pytest.mark.parametrize("push", [1e-7, 1e-6, 1e-4, 1e-3])
def test_eigenvalues_do_not_depend_on_the_size_of_the_push(push, monkeypatch):
    """The week is linear near rest, so that any small push finds the same; exact rounding noise grows as the push shrinks."""
    before = moduli()
    monkeypatch.setattr(module, "PUSH", push)
    assert np.allclose(moduli(), before, atol=1e-6)


def test_state_is_left_as_it_was():
    state, plan, _ = given(chain(2), **CHAIN)
    before = {name: getattr(state.firms, name).copy() for name in state.firms.columns}
    stability(state, plan, closed=False)
    assert all(np.array_equal(getattr(state.firms, name), values) for name, values in before.items())


# -- the United States ------------------------------------------------------------------------------------------------------------------


@cache
def united_states(preset="damped", closed=True, lead=None, smbs=20) -> Stability:
    trade = {} if lead is None else {"local_lead": lead, "other_lead": lead}
    state, plan, _ = miniature(smbs, 1, orders={"preset": preset}, households={"enabled": closed}, trade=trade)
    return stability(state, plan, closed=closed)


@pytest.mark.parametrize("closed", [True, False])
def test_default_swings_are_damped_with_a_period_of_about_a_year(closed):
    """DECISIONS.md 12: .93 to .95, period 50 to 60 weeks, with and without the income loop."""
    found = united_states(closed=closed)
    assert 0.93 < abs(found.swing) < 0.95
    assert 50.0 < found.period < 60.0
    assert found.radius < 1.0


def test_income_loop_has_a_slow_mode_of_years():
    """About .99, a half-life near 100 weeks; without the loop the slowest real mode is that of dividends, 12/13."""
    found = united_states()
    assert 0.990 < found.radius < 0.996
    assert 80.0 < found.half_life < 130.0
    open_ = united_states(closed=False)
    assert open_.half_life == pytest.approx(np.log(2) / np.log(13 / 12), rel=1e-4)


def test_wealth_of_one_cell_against_another_decays_at_the_rate_of_consumption_out_of_wealth():
    """Shifting deposits between cells leaves spending as a whole: 1 - (1 - c_y)/n_V = 1 - .2/26."""
    found = united_states().eigenvalues
    assert np.min(np.abs(found - (1.0 - 0.2 / 26.0))) < 1e-6


def test_sterman_preset_is_unstable():
    """DECISIONS.md 12: 1.06 to 1.08 at a lead of four weeks; at the default leads of one and two it is just above one."""
    assert 1.0 < united_states("sterman", closed=False).radius < 1.03
    assert 1.05 < united_states("sterman", closed=False, lead=4).radius < 1.09


def test_stability_hardly_depends_on_the_number_of_firms():
    """POPULATION.md 1.4: firms inherit the eigenvalues of the sectors; here with lead times and stocks of their own."""
    small, large = united_states(), united_states(smbs=60)
    assert abs(small.swing) == pytest.approx(abs(large.swing), abs=2e-3)
    assert small.radius == pytest.approx(large.radius, abs=1e-4)


# -- reading eigenvalues ----------------------------------------------------------------------------------------------------------------


def test_swing_period_and_half_life_are_read_from_the_eigenvalues():
    """.5 e^{±iπ/2} swings in 4 weeks; .25 halves in half a week; .8 is the largest."""
    found = Stability(np.array([0.8, 0.5j, -0.5j, 0.25]))
    assert found.radius == 0.8
    assert found.swing == 0.5j
    assert found.period == pytest.approx(4.0, rel=1e-15)
    assert found.half_life == pytest.approx(np.log(2) / np.log(1.25), rel=1e-14)
    words = "spectral radius 0.8000: swings of 4 weeks shrink by 50.0% a week; the slowest mode has a half-life of 3 weeks"
    assert found.in_words() == words


def test_words_for_growth_and_for_nothing():
    assert "GROW by 10.0%" in Stability(np.array([1.1j, -1.1j, 0.5])).in_words()
    assert Stability(np.array([0.5, 0.25])).in_words() == "spectral radius 0.5000: no swing; the slowest mode has a half-life of 1 weeks"
    still = Stability(np.array([-0.5, 0.0]))
    assert still.swing is None
    assert still.period is None
    assert still.half_life is None
    assert still.in_words() == "spectral radius 0.5000: no swing"
    assert Stability(np.array([1.0])).half_life == np.inf
