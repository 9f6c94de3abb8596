"""Multipliers against the table, against dense algebra, and against closed forms of networks small enough to solve by hand."""

from __future__ import annotations

import numpy as np
import pytest
from models import given, miniature, united_states

from smbsim.draws import Draws
from smbsim.metrics import network
from smbsim.network import chain, from_edges, random_graph, ring, star
from smbsim.schema import WEEKS_PER_YEAR
from smbsim.systemic import multipliers as m


def dense(state) -> np.ndarray:
    """A[j, i], firm by firm, written out: links, and the counter inputs as a rank-one part per supplying sector."""
    firms, links, sectors = state.firms, state.links, state.sectors
    a = np.zeros((firms.n, firms.n))
    np.add.at(a, (links.supplier, links.buyer), m.link_coefficient(state))
    return a + firms.sale_share[:, None] * sectors.counter_coefficient[firms.sector][:, firms.sector].T


def table():
    """A[g, h] of the economy's own table."""
    economy = united_states()
    return economy.domestic[: economy.G, : economy.G] / economy.output[: economy.G]


@pytest.mark.parametrize(("smbs", "seed"), [(30, 1), (150, 2)])
def test_output_multiplier_of_a_firm_is_that_of_its_sector_in_the_table(smbs, seed):
    """POPULATION.md 1.4: with sector technology S A_firm = A_sector S, so that 1'(I - A_firm)⁻¹ = 1'(I - A_sector)⁻¹ S."""
    state, _, _ = miniature(smbs, seed=seed)
    of_sector = np.linalg.solve((np.eye(len(table())) - table()).T, np.ones(len(table())))
    found = m.output_multipliers(state)
    assert np.max(np.abs(found / of_sector[state.firms.sector] - 1.0)) < 1e-9
    assert found.max() / found.min() > 1.3  # sectors do differ


def test_value_added_and_jobs_are_those_of_the_table():
    economy, (state, _, _) = united_states(), miniature(60)
    G = economy.G
    inverse = np.linalg.inv(np.eye(G) - table())
    added = (economy.wages + economy.taxes + economy.surplus)[:G] / economy.output[:G]
    assert np.allclose(m.value_added_multipliers(state), (added @ inverse)[state.firms.sector], rtol=1e-9)
    final = state.firms.output - dense(state) @ state.firms.output
    jobs = m.employment_multipliers(state) @ final * WEEKS_PER_YEAR  # heads differ within a sector, so only the sum is the table's
    assert jobs == pytest.approx(state.firms.employment.sum(), rel=1e-12)
    assert jobs / state.scale == pytest.approx(economy.employment.sum(), rel=1e-9)


def test_a_unit_of_demand_is_value_added_imports_and_products_of_accounts():
    state, _, _ = miniature(60)
    accounts = m.total_requirement(state, state.sectors.account_coefficient.sum(axis=1)[state.firms.sector])
    assert np.allclose(m.value_added_multipliers(state) + m.import_content(state) + accounts, 1.0, rtol=0, atol=1e-12)
    assert m.import_content(state).min() > 0.0


@pytest.mark.parametrize("make", [lambda: miniature(40), lambda: given(random_graph(30, 3.0, 4, Draws(3)))])
def test_series_agrees_with_dense_algebra(make):
    state, _, _ = make()
    a, n = dense(state), state.firms.n
    inverse = np.linalg.inv(np.eye(n) - a)
    use = np.linspace(0.5, 2.0, n)
    assert np.allclose(m.total_requirement(state, use), use @ inverse, rtol=1e-11)
    bought = a.sum(axis=0)
    w = np.divide(a, bought, out=np.zeros_like(a), where=bought > 0).T  # w[i, j]: share of i's inputs from j
    for alpha in (0.2, 0.5, 1.0):
        expected = alpha / n * np.linalg.solve(np.eye(n) - (1 - alpha) * w.T, np.ones(n))
        assert np.allclose(m.influence(state, alpha), expected, rtol=1e-11)


def test_influence_sums_to_one_where_everybody_buys():
    state, _, _ = miniature(100)
    phi = m.influence(state)
    assert phi.sum() == pytest.approx(1.0, abs=1e-12)
    assert phi.min() > 0.0


def test_influence_of_a_star_and_of_a_ring():
    """Star: leaves α/n each, the hub α/n + (1 - α)(n - 1) α/n. Ring: 1/n each, whatever α."""
    n, alpha = 6, 0.4
    state, _, _ = given(star(n))
    phi = m.influence(state, alpha)
    assert np.allclose(phi, [alpha / n * (1 + (1 - alpha) * (n - 1)), *[alpha / n] * (n - 1)], rtol=1e-13)
    state, _, _ = given(ring(n))
    assert np.allclose(m.influence(state, alpha), 1 / n, rtol=1e-13)


def test_multipliers_of_a_chain_by_hand():
    """0 → 1 → 2, each sells 1 on and makes 2: a = ½, so m = 1, 1 + ½, 1 + ½ · 1½; every unit is value added of somebody."""
    state, _, _ = given(chain(3))
    assert np.allclose(m.output_multipliers(state), [1.0, 1.5, 1.75], rtol=1e-14)
    assert np.allclose(m.value_added_multipliers(state), 1.0, rtol=1e-14)
    assert np.allclose(m.import_content(state), 0.0, atol=0)
    per_head = state.firms.labour_coefficient[0] / WEEKS_PER_YEAR  # one sector: the same for all
    assert np.allclose(m.employment_multipliers(state), per_head * np.array([1.0, 1.5, 1.75]), rtol=1e-13)


def test_mean_multiplier_is_output_over_final_demand():
    """Σ m_i f_i = Σ x_i, for any network."""
    state, _, _ = given(random_graph(40, 4.0, 3, Draws(8)))
    f = state.firms.output - dense(state) @ state.firms.output
    assert m.output_multipliers(state) @ f == pytest.approx(state.firms.output.sum(), rel=1e-12)


def test_an_isolated_firm_changes_nobody():
    edges = [(0, 1, 5.0), (1, 2, 4.0)]
    with_it, _, _ = given(from_edges(edges, [1.0, 6.0, 9.0, 7.0]))
    without, _, _ = given(from_edges(edges, [1.0, 6.0, 9.0]))
    found = m.output_multipliers(with_it)
    assert np.allclose(found[:3], m.output_multipliers(without), rtol=1e-15)
    assert found[3] == 1.0


def test_no_value_added_is_said(monkeypatch):
    """Two firms that buy from each other all they make: the series never ends."""
    state, _, _ = given(ring(2))
    state.slots.coefficient[:] = 1.0
    monkeypatch.setattr(m, "ROUNDS", 1000)
    with pytest.raises(ValueError, match="does not converge"):
        m.output_multipliers(state)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.5, np.nan])
def test_alpha_outside_its_bounds_is_refused(alpha):
    state, _, _ = given(chain(2))
    with pytest.raises(ValueError, match="alpha"):
        m.influence(state, alpha)


def test_all_of_them_in_words():
    state, _, _ = miniature(60)
    before = state.firms.output.copy()
    found = m.multipliers(state)
    assert m.upstreamness is network.upstreamness
    assert np.array_equal(found.upstreamness, network.upstreamness(state))
    assert np.array_equal(state.firms.output, before)
    assert 0.3 < found.alpha < 0.7
    assert found.volatility * np.sqrt(state.firms.n) > 1.0
    for number in (f"{found.output.max():.2f}", f"{found.influence.max():.1%}"):
        assert number in found.summary()


def test_order_of_rows_and_threads_do_not_matter():
    state, _, _ = miniature(80)
    order = np.random.default_rng(0).permutation(state.firms.n)
    moved = state.relabelled(order)
    assert np.allclose(m.output_multipliers(moved), m.output_multipliers(state)[order], rtol=1e-13)
    one = m.influence(state)
    state.set_threads(2)
    assert np.array_equal(m.influence(state), one)
