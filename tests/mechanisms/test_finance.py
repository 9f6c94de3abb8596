"""Finance: trade credit, investment pool, interest, taxable profit, dividends, and the deposits held at rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.finance import Finance
from smbsim.network import from_edges
from smbsim.state import LARGE

WEEK = Step(0, Draws(1))


def pair(final=(52 * 12.0, 52 * 24.0, 52 * 12.0), **sections):
    """Firm 0 sells 8 a week to firm 1; firm 2 stands alone. Nobody holds or owes anything."""
    state = given(from_edges([(0, 1, 52 * 8.0)], list(final), sector=[3, 4, 5]), **sections)[0]
    for column in (state.firms.cash, state.firms.debt, state.households.deposits, state.accounts.balance, state.households.income):
        column[:] = 0.0
    return state


def balance(state, account: str) -> float:
    return float(state.accounts.balance[state.account(account)])


def test_customers_pay_a_share_of_what_they_owe():
    """Owed 40 at terms of 5 weeks: 8 are paid to the supplier; owed 12 abroad at the same terms: 2.4."""
    state = pair()
    state.links.payable[:], state.slots.import_payable[:], state.firms.payment_terms[:] = 40.0, 12.0, 5.0
    Finance().pay(state, WEEK)
    assert state.links.payable.tolist() == [32.0]
    assert state.slots.import_payable.tolist() == [9.6]
    assert state.firms.cash.tolist() == pytest.approx([8.0, -10.4, 0.0], rel=1e-15)
    assert balance(state, "foreign") == pytest.approx(2.4, rel=1e-15)
    assert state.flows["network inputs", "firm", "firm"] == 8.0


def test_terms_are_those_of_the_customer_and_an_overdraft_pays():
    """At terms of one week all is due at once, and it is paid without any deposits: nobody fails in this limit."""
    state = pair()
    state.links.payable[:], state.firms.payment_terms[:] = 40.0, (8.0, 1.0, 8.0)
    Finance().pay(state, WEEK)
    assert state.firms.cash.tolist() == [40.0, -40.0, 0.0]


@pytest.mark.parametrize(("spent", "share"), [(10.0, 1.0), (5.0, 0.5), (0.0, 0.0), (20.0, 2.0)])
def test_investment_pool_is_paid_by_all_in_proportion_to_plans(spent, share):
    """Planned 2, 3, 1 by firms and 4 by the owners: each pays the share of its plan that the pool could buy; the pool ends at zero."""
    state = pair()
    state.firms.capex[:] = (2.0, 3.0, 1.0)
    state.households.residual_investment[:] = (0.0, 4.0)
    state.accounts.balance[state.account("investment")] = -spent
    Finance().invest(state, WEEK)
    assert state.firms.cash.tolist() == [-2.0 * share, -3.0 * share, -1.0 * share]
    assert state.households.invested.tolist() == [0.0, 4.0 * share]
    assert state.households.deposits.tolist() == [0.0, -4.0 * share]
    assert balance(state, "investment") == 0.0


def test_investment_nobody_planned_is_not_paid():
    """No plans, no payments: 0 of 0."""
    state = pair()
    state.firms.capex[:], state.households.residual_investment[:] = 0.0, 0.0
    Finance().invest(state, WEEK)
    assert not state.firms.cash.any()


def test_interest_is_a_weekly_share_of_the_rate():
    """5.2 % a year on 1000 is 1 a week, paid to the bank; loans are rolled over."""
    state = pair()
    state.firms.debt[:] = (1000.0, 0.0, 500.0)
    Finance(loan_rate=0.052).pay_bank(state, WEEK)
    assert np.allclose(state.firms.interest, [1.0, 0.0, 0.5], rtol=1e-15)
    assert balance(state, "bank") == pytest.approx(1.5, rel=1e-15)
    assert state.firms.debt.tolist() == [1000.0, 0.0, 500.0]


def test_profit_is_sales_value_of_output_less_all_costs():
    """1.5 × 20 - inputs 2 × (6 - 1) - counter 1 - spot .5 - emergency 2.5 - wages 5 - tax 2 - capex 3 - interest 1 = 5."""
    state = pair()
    firms, slots = state.firms, state.slots
    for name, value in {
        "output": 20.0, "price": 1.5, "counter_cost": 1.0, "spot_cost": 0.5, "emergency_cost": 2.5, "wage_bill": 5.0,
        "product_tax_paid": 2.0, "capex": 3.0, "debt": 1000.0,
    }.items():  # fmt: skip
        getattr(firms, name)[1] = value
    slots.input_use[:], slots.emergency_import[:], slots.purchase_price[:] = 6.0, 1.0, 2.0
    Finance(loan_rate=0.052).pay_bank(state, WEEK)
    assert firms.profit[1] == pytest.approx(5.0, rel=1e-14)


def test_dividends_are_a_thirteenth_of_what_is_above_the_target():
    """Deposits 40 against a target of 14: 26/13 = 2 to the owners. Below the target, or overdrawn: nothing."""
    state = pair()
    state.firms.cash[:], state.firms.liquidity_target[:], state.firms.interest[:] = (40.0, 10.0, -5.0), 14.0, 0.0
    Finance().distribute(state, WEEK)
    assert state.firms.dividends.tolist() == [2.0, 0.0, 0.0]
    assert state.firms.cash.tolist() == [38.0, 10.0, -5.0]
    assert state.households.deposits.tolist() == [0.0, 2.0]
    assert state.households.income.tolist() == [0.0, 2.0]


def test_bank_passes_interest_on_to_owners():
    """Interest of 3 comes into the bank and goes to the owners in the same week."""
    state = pair()
    state.firms.interest[:] = (1.0, 0.0, 2.0)
    state.firms.liquidity_target[:] = 100.0
    state.accounts.balance[state.account("bank")] = 3.0
    Finance().distribute(state, WEEK)
    assert balance(state, "bank") == 0.0
    assert state.households.income.tolist() == [0.0, 3.0]
    assert state.flows["bank dividends", "bank", "household"] == 3.0


def test_resting_deposits_give_resting_dividends():
    """M = M* + 12 dividends, so that a thirteenth of M - M* after the week's dividend came in is that dividend."""
    state = given(from_edges([(0, 1, 52 * 8.0)], [52 * 12.0, 52 * 24.0], sector=[3, 4]))[0]
    firms = state.firms
    assert np.all(firms.dividends > 0.0)
    assert np.allclose(firms.cash - firms.liquidity_target, 12.0 * firms.dividends, rtol=1e-12)
    firms.cash[:] += firms.dividends
    expected = firms.dividends.copy()
    Finance().distribute(state, WEEK)
    assert np.allclose(firms.dividends, expected, rtol=1e-12)


def test_liquidity_target_is_weeks_of_outflow_but_never_too_little_to_pay_before_being_paid():
    """14 days of outflow, or outflow less final receipts if that is more: firm 0 sells all but a trifle on credit."""
    state = given(
        from_edges([(0, 1, 52 * 8.0)], [0.52, 52 * 40.0], sector=[3, 4]), finance={"cash_days": 14.0, "cash_spread": 0.0},
    )[0]  # fmt: skip
    outflow = state.firms.output - state.firms.dividends
    assert np.allclose(state.firms.liquidity_target, 2.0 * outflow, rtol=1e-15)
    short = given(
        from_edges([(0, 1, 52 * 8.0)], [0.52, 52 * 40.0], sector=[3, 4]), finance={"cash_days": 0.0, "cash_spread": 0.0},
    )[0]  # fmt: skip
    assert short.firms.liquidity_target[0] == pytest.approx(outflow[0] - 0.01, rel=1e-12)
    assert short.firms.liquidity_target[1] == 0.0  # its customers pay 40 at once, more than it spends


def test_cash_days_are_spread_over_smbs_only():
    """A lognormal factor with median 1 for SMBs; a large firm holds the median."""
    n = 200
    network = from_edges([], [52 * 10.0] * n, sector=[8] * n)
    state = given(network, finance={"cash_days": 70.0, "cash_spread": 1.0})[0]
    weeks = state.firms.liquidity_target / (state.firms.output - state.firms.dividends)
    assert np.median(weeks) == pytest.approx(10.0, rel=0.15)
    assert np.std(np.log(weeks)) == pytest.approx(1.0, abs=0.12)
    big = given(replace(network, employment=np.full(n, 1e6)), finance={"cash_days": 70.0, "cash_spread": 1.0})[0]
    assert np.all(big.firms.kind == LARGE)
    assert np.allclose(big.firms.liquidity_target, 10.0 * (big.firms.output - big.firms.dividends), rtol=1e-14)
