"""Producing accounts that are not firms: they spend this week what they earned last week, and never what they do not have."""

from __future__ import annotations

import numpy as np
import pytest
from models import given, miniature

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.passthrough import N_USES, Passthrough
from smbsim.network import from_edges
from smbsim.rest import ACCOUNTS
from smbsim.simulate import advance

WEEK = Step(0, Draws(1))
HOUSING = len(ACCOUNTS)  # row of the first pass-through account


@pytest.fixture(scope="module")
def resting():
    """A miniature with one such account, housing services."""
    return miniature(40)


@pytest.mark.parametrize("factor", [1.0, 0.5, 2.0, 0.0])
def test_account_spends_its_deposits_in_constant_proportions(resting, factor):
    """Half the deposits buy half of everything."""
    state = resting[0].copy()
    state.accounts.balance[HOUSING] *= factor
    Passthrough().spend(state, WEEK)
    sectors, accounts = state.sectors, state.accounts
    assert accounts.passthrough_budget[HOUSING] == accounts.balance[HOUSING]
    assert np.allclose(sectors.spending[:, N_USES], factor * sectors.resting_spending[:, N_USES], rtol=1e-14)
    assert np.allclose(sectors.import_spending[:, N_USES], factor * sectors.resting_import_spending[:, N_USES], rtol=1e-14)
    assert np.allclose(accounts.account_spending[:, N_USES], factor * accounts.resting_account_spending[:, N_USES], rtol=1e-14)
    assert sectors.resting_spending[:, N_USES].sum() > 0.0


def test_other_uses_are_left_alone(resting):
    state = resting[0].copy()
    before = state.sectors.spending[:, :N_USES].copy()
    state.accounts.balance[HOUSING] = 0.0
    Passthrough().spend(state, WEEK)
    assert np.array_equal(state.sectors.spending[:, :N_USES], before)


def test_account_in_debt_spends_nothing(resting):
    state = resting[0].copy()
    state.accounts.balance[HOUSING] = -5.0
    Passthrough().spend(state, WEEK)
    assert state.accounts.passthrough_budget[HOUSING] == 0.0
    assert not state.sectors.spending[:, N_USES].any()


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_wages_taxes_and_surplus_follow_the_budget(resting, factor):
    """A quarter of the budget pays a quarter of wages, taxes and surplus, which are income of the cells and of the state."""
    state = resting[0].copy()
    cells, accounts = state.households, state.accounts
    accounts.balance[HOUSING] *= factor
    passthrough = Passthrough()
    passthrough.spend(state, WEEK)
    cells.income[:], cells.deposits[:], accounts.balance[:] = 0.0, 0.0, 0.0
    passthrough.pay(state, WEEK)
    expected = factor * (cells.resting_wages[:, HOUSING] + cells.resting_surplus[:, HOUSING])
    assert np.allclose(cells.income, expected, rtol=1e-14)
    assert np.allclose(cells.deposits, expected, rtol=1e-14)
    assert accounts.balance[state.account("government")] == pytest.approx(factor * accounts.resting_tax[HOUSING], rel=1e-14)
    assert cells.resting_wages[1::2].sum() == 0.0  # workers earn the wages, owners the surplus
    assert cells.resting_surplus[0::2].sum() == 0.0


def test_account_ends_the_week_with_what_it_earned(resting):
    """A week of the whole model with 10 % less: all of that is spent, and what is left is the week's revenue."""
    state, plan, draws = resting[0].copy(), resting[1], resting[2]
    state.accounts.balance[HOUSING] *= 0.9
    advance(state, plan, Step(0, draws))
    name = state.account_names[HOUSING]
    revenue = sum(amount for (_, _, payee), amount in state.flows.items() if payee == name)
    assert state.accounts.balance[HOUSING] == pytest.approx(revenue, rel=1e-12)


def test_account_keeps_the_money_for_what_it_could_not_get(resting):
    """Nothing is delivered by firms: inputs from them are not paid, all else is, and the rest is there next week."""
    state, plan, draws = resting[0].copy(), resting[1], resting[2]
    quiet = tuple((name, phase) for name, phase in plan if name != "delivery: trade.ration")
    state.firms.final_fill_rate[:] = 0.0
    advance(state, quiet, Step(0, draws))
    name = state.account_names[HOUSING]
    revenue = sum(amount for (_, _, payee), amount in state.flows.items() if payee == name)
    unspent = state.sectors.spending[:, N_USES].sum()
    assert unspent > 0.0
    assert state.accounts.balance[HOUSING] == pytest.approx(revenue + unspent, rel=1e-12)


def test_resting_budget_is_fully_spent(resting):
    """Inputs, imports, other accounts, wages, taxes and surplus add up to the revenue."""
    state = resting[0]
    accounts, cells, sectors = state.accounts, state.households, state.sectors
    spent = (
        sectors.resting_spending[:, N_USES].sum() + sectors.resting_import_spending[:, N_USES].sum()
        + accounts.resting_account_spending[:, N_USES].sum() + cells.resting_wages[:, HOUSING].sum()
        + cells.resting_surplus[:, HOUSING].sum() + accounts.resting_tax[HOUSING]
    )  # fmt: skip
    assert spent == pytest.approx(accounts.resting_budget[HOUSING], rel=1e-13)


def test_economy_without_such_accounts_has_nothing_to_do():
    """A network given firm by firm: both phases change nothing."""
    state = given(from_edges([], [52 * 10.0], sector=[8]))[0]
    money = state.money()
    Passthrough().spend(state, WEEK)
    Passthrough().pay(state, WEEK)
    assert state.money() == money
    assert not state.flows
