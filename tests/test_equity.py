"""Measures of inequality against textbook values and identities; who gets what a firm creates; who loses a job and why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from models import advance, miniature
from test_metrics import naive_gini, network

from smbsim.metrics import METRICS, equity
from smbsim.metrics.displacement import SEPARATIONS
from smbsim.metrics.stakeholders import STAKEHOLDERS, Year, stakes

SPREAD = arrays(float, st.integers(1, 30), elements=st.floats(0, 1e6))


def test_everybody_alike_is_equal_and_one_who_has_all_is_not():
    """Gini 0 and 1 - 1/n, Theil 0 and ln n, Atkinson 0 and 1 - n^(-ε/(1-ε)) below one, 1 from there on."""
    alike, one = np.full(5, 3.0), np.array([0.0, 0.0, 7.0, 0.0, 0.0])
    for measure in (equity.gini, equity.theil, lambda y: equity.atkinson(y, 0.5), lambda y: equity.atkinson(y, 1.0)):
        assert measure(alike) == pytest.approx(0.0, abs=1e-15)
    assert equity.gini(one) == pytest.approx(0.8)
    assert equity.theil(one) == pytest.approx(np.log(5))
    assert equity.atkinson(one, 0.5) == pytest.approx(1 - 1 / 5)
    assert [equity.atkinson(one, aversion) for aversion in (1.0, 2.0)] == [1.0, 1.0]
    assert equity.top_share(alike) == pytest.approx(0.1)
    assert equity.palma(alike) == pytest.approx(0.25)
    assert (equity.top_share(one), equity.palma(one)) == (pytest.approx(0.5), 0.0)


def test_laws_have_the_indices_of_their_formulas():
    """Pareto 2: Gini 1/3, Theil ln(1/2) + 1; lognormal σ: Theil σ²/2, Atkinson 1 - exp(-ε σ²/2); exponential: Gini 1/2."""
    u = (np.arange(400_000) + 0.5) / 400_000
    assert equity.gini(-np.log1p(-u)) == pytest.approx(0.5, abs=1e-4)
    pareto = (1 - u) ** -0.5
    assert equity.gini(pareto) == pytest.approx(1 / 3, abs=2e-3)
    assert equity.theil(pareto) == pytest.approx(1 - np.log(2), abs=5e-3)
    from scipy.special import ndtri

    lognormal = np.exp(0.8 * ndtri(u))
    assert equity.theil(lognormal) == pytest.approx(0.32, abs=1e-3)
    for aversion in (0.5, 1.0, 2.0):
        assert equity.atkinson(lognormal, aversion) == pytest.approx(1 - np.exp(-aversion * 0.32), abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(values=SPREAD, seed=st.integers(0, 99))
def test_measures_know_no_unit_and_weights_are_copies(values, seed):
    """Homogeneous of degree zero; a unit of weight three is three units; the pairs' formula gives the same Gini."""
    weight = np.random.default_rng(seed).integers(1, 4, len(values))
    copies = np.repeat(values, weight)
    for measure in (equity.gini, equity.theil, equity.top_share, lambda y, w=None: equity.atkinson(y, 0.5, w)):
        assert measure(values, weight.astype(float)) == pytest.approx(measure(copies), abs=1e-9)
        assert measure(1e3 * values) == pytest.approx(measure(values), abs=1e-9)
    if values.sum() > 1e-100:
        assert equity.gini(values, weight.astype(float)) == pytest.approx(naive_gini(values, weight), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(values=SPREAD, seed=st.integers(0, 99))
def test_theil_is_what_lies_between_groups_and_within_them(values, seed):
    group = np.random.default_rng(seed).integers(0, 3, len(values))
    within = sum(values[group == k].sum() * equity.theil(values[group == k]) for k in range(3))
    total = values.sum()
    whole = equity.theil_between(values, group) + (within / total if total > 1e-200 else 0.0)
    assert whole == pytest.approx(equity.theil(values), abs=1e-9)


def test_nothing_to_share_is_shared_equally():
    for nothing in (np.zeros(0), np.zeros(4)):
        assert (equity.gini(nothing), equity.theil(nothing), equity.atkinson(nothing, 0.5)) == (0.0, 0.0, 0.0)


def test_what_a_firm_creates_is_divided_without_rest():
    """The parts add up to value added, computed from prices and costs, and what is cheap or never paid; shares over a year add up to 1."""
    state, plan, draws = miniature(60)
    year = Year()
    state.firms.demand_factor[:] = 0.8
    total = 0.0
    for t in range(8):
        advance(state, plan, draws, t, 1)
        firms, slots = state.firms, state.slots
        used = state.sum_slots(slots.purchase_price * (slots.input_use - slots.emergency_import)) + firms.emergency_cost
        added = firms.price * firms.output - used - firms.counter_cost - firms.spot_cost - firms.compliance_cost - firms.other_cost
        year.add(state)
        total += added
        parts = stakes(state)
        price_part = parts[:, STAKEHOLDERS.index("customers")] - firms.credit_losses
        assert state.by_sector(price_part) == pytest.approx(0.0, abs=1e-6 * abs(parts).max())
        assert parts.sum(axis=1) - price_part == pytest.approx(added, abs=1e-9 * abs(added).max())
    created = year.amounts.sum(axis=1) > 0
    assert created.any()
    assert year.shares[created].sum(axis=1) == pytest.approx(1.0, rel=1e-12)
    assert np.isnan(year.shares[~created]).all()


def test_a_year_keeps_firms_that_enter_later():
    state = network(3, [(0, 1)])
    state.firms.wage_bill[:] = 1.0, 2.0, 3.0
    year, smaller = Year(), network(2, [(0, 1)])
    smaller.firms.wage_bill[:] = 10.0, 20.0
    year.add(smaller)
    year.add(state)
    assert year.amounts[:, 0].tolist() == [11.0, 22.0, 3.0]


def test_layoffs_are_told_apart_and_add_up():
    state = network(2, [(0, 1)])
    firms = state.firms
    firms.employment[:], firms.layoffs[:], firms.releases[:], firms.automation_layoffs[:] = 50.0, (2.0, 1.0), (0.0, 4.0), (0.5, 3.0)
    by_cause = dict(zip(SEPARATIONS, METRICS["displacement_by_cause"](state) / 520.0, strict=True))
    assert by_cause == pytest.approx({"tools": 1.5, "demand": 1.5, "closures": 4.0})  # never more because of tools than laid off


def test_where_nobody_is_hired_a_year_of_pay_is_lost():
    state = network(2, [(0, 1)])
    firms, regions = state.firms, state.regions
    firms.layoffs[:], firms.wage[:], regions.unemployed[:], regions.population_share[:] = (2.0, 0.0), (10.0, 5.0), (8.0, 0.0), (1.0, 0.0)
    assert METRICS["reemployment"](state) == 0.0
    firms.hires[:] = 0.0, 1e-9
    assert METRICS["earnings_loss"](state) == pytest.approx(1.0, abs=1e-6)
    firms.hires[:] = 0.0, 8.0  # at once, at half the pay
    assert METRICS["earnings_loss"](state) == pytest.approx(1 - (1 - 1 / 52) / 2)
    assert METRICS["reemployment"](state) == 1.0
