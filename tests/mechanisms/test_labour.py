"""Labour in its limit: heads follow output in the same week, wages are paid for them, a shock keeps staff away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.labour import UNLIMITED, Labour
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))


def shops():
    """Three firms that make 10 a week with 2, 5 and 10 heads, in region 0, in region 1, and everywhere."""
    network = from_edges([], [52 * 10.0] * 3, sector=[3, 4, 5])
    network = replace(network, region=np.array([0, 1, -1]), region_names=("a", "b"), employment=np.array([2.0, 5.0, 10.0]))
    return given(network)[0]


def test_employment_and_wages_follow_output():
    """Half the output needs half the heads: 1, 2.5, 5 at a pay of 2, 4 and 6 are 2, 10 and 30 in wages."""
    state = shops()
    state.firms.output[:], state.firms.wage[:], state.firms.cash[:] = 5.0, (2.0, 4.0, 6.0), 0.0
    Labour().pay(state, WEEK)
    assert np.allclose(state.firms.employment, [1.0, 2.5, 5.0], rtol=1e-15)
    assert np.allclose(state.firms.wage_bill, [2.0, 10.0, 30.0], rtol=1e-15)
    assert np.allclose(state.firms.cash, [-2.0, -10.0, -30.0], rtol=1e-15)


def test_wages_go_to_the_workers_of_the_region_and_those_of_firms_everywhere_by_population():
    """Regions of 2 and 5 heads of placed firms: 2/7 and 5/7 of the 70 paid everywhere, and 2 and 10 at home."""
    state = shops()
    state.firms.wage[:], state.firms.output[:] = (1.0, 2.0, 7.0), 10.0
    state.households.deposits[:], state.households.income[:] = 0.0, 99.0
    Labour().pay(state, WEEK)
    assert np.allclose(state.households.income, [2.0 + 20.0, 0.0, 10.0 + 50.0, 0.0], rtol=1e-14)
    assert np.allclose(state.households.deposits, state.households.income, rtol=1e-15)


@pytest.mark.parametrize(("factor", "limit"), [(1.0, UNLIMITED), (0.5, 5.0), (0.0, 0.0), (1.5, UNLIMITED)])
def test_labour_limits_output_only_while_staff_is_away(factor, limit):
    """A share of the normal staff makes that share of normal output; without a shock hiring is instant."""
    state = shops()
    state.firms.labour_factor[:] = factor
    state.firms.output[:] = 3.0  # what was made last week does not matter
    Labour().adjust(state, WEEK)
    assert state.firms.labour_limit.tolist() == [limit] * 3


def test_resting_wage_is_the_wage_bill_by_heads():
    """At rest: pay × heads is the wage bill that the accounts closed with, and heads are those given."""
    state = shops()
    firms = state.firms
    assert firms.employment.tolist() == [2.0, 5.0, 10.0]
    assert np.allclose(firms.wage * firms.employment, firms.wage_bill, rtol=1e-15)
    assert np.allclose(firms.labour_coefficient, [0.2, 0.5, 1.0], rtol=1e-15)
