"""Credit: net worth, who asks, collateral, trust, the bank's own funds, and firms that nobody lends to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import advance, given, miniature
from strategies import REPEATABLE, disturb

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.credit import Credit
from smbsim.network import from_edges
from smbsim.state import LARGE
from smbsim.trade_credit import sum_credit

WEEK = Step(0, Draws(1))
SURE = {"trust": 10.0, "partial": 0.0}  # the bank trusts whoever has collateral, in full
MONEY = {"finance": {"enabled": True}, "credit": {"enabled": True}}


def trio(**credit):
    """(state, mechanism): three firms, of which the first sells to the second; 40 of deposits wanted, 100 of capital, nothing owed."""
    state = given(from_edges([(0, 1, 52 * 8.0)], [52 * 12.0, 52 * 24.0, 52 * 12.0], sector=[3, 4, 5]))[0]
    firms, slots = state.firms, state.slots
    for column in (firms.cash, firms.debt, firms.inventory, slots.input_stock, slots.pipeline, slots.import_pipeline):
        column[:] = 0.0
    for column in (firms.import_payable, state.links.payable, firms.mean_profit, firms.interest, firms.depreciation):
        column[:] = 0.0
    sum_credit(state)
    firms.capital[:], firms.liquidity_target[:], firms.cash[:] = 100.0, 40.0, 40.0
    state.accounts.balance[state.account("bank")] = 1e6
    return state, Credit(enabled=True, **credit)


def test_net_worth_is_what_is_owned_less_what_is_owed():
    """Firm 1: deposits 40, 2 × (3 + 1 + 1) inputs at 2, 5 goods that cost 1.5, capital 100 at 1.1, less 20, 12, 6 and arrears of 3."""
    state, credit = trio()
    firms, slots = state.firms, state.slots
    slots.purchase_price[:], slots.input_stock[:], slots.pipeline[:, 0], slots.import_pipeline[:, 1] = 2.0, 3.0, 1.0, 1.0
    firms.inventory[1], firms.unit_cost[1], firms.debt[1] = 5.0, 1.5, 20.0
    state.accounts.capital_price[state.account("investment")] = 1.1
    state.links.payable[:], firms.import_payable[:] = 12.0, (0.0, 6.0, 0.0)
    sum_credit(state)
    firms.wage_arrears[1], firms.tax_arrears[1], firms.interest_arrears[1] = 1.5, 1.0, 0.5
    credit.appraise(state, WEEK)
    goods = 2.0 * 5.0 + 5.0 * 1.5
    assert firms.collateral[1] == pytest.approx(goods)
    assert firms.equity[1] == pytest.approx(40.0 + goods + 110.0 - 20.0 - 12.0 - 6.0 - 3.0)
    assert firms.leverage[1] == pytest.approx(20.0 / firms.equity[1])
    assert firms.receivables[0] == 12.0
    assert firms.equity[0] == pytest.approx(40.0 + 12.0 + 110.0)


def test_leverage_without_net_worth_is_the_largest():
    state, credit = trio(largest_leverage=7.0)
    state.firms.debt[:] = (150.0, 139.0, 0.0)  # against 140 of deposits and capital
    credit.appraise(state, WEEK)
    assert state.firms.equity.tolist() == pytest.approx([-10.0, 1.0, 140.0])
    assert state.firms.leverage.tolist() == pytest.approx([7.0, 7.0, 0.0])


def test_firms_short_of_cash_borrow_up_to_their_target():
    """Below half of 40: 25 for deposits of 15; not for 25; and 40 - 30 + 9 for one with 9 overdue. Deposits and debt rise together."""
    state, credit = trio(**SURE, borrow_below=0.5)
    firms = state.firms
    firms.cash[:], firms.overdue[:] = (15.0, 25.0, 30.0), (0.0, 0.0, 9.0)
    money = state.money()
    credit.appraise(state, WEEK)
    credit.borrow(state, WEEK)
    assert firms.new_loans.tolist() == pytest.approx([25.0, 0.0, 19.0])
    assert firms.cash.tolist() == pytest.approx([40.0, 25.0, 49.0])
    assert firms.debt.tolist() == firms.new_loans.tolist()
    assert firms.applied.tolist()[::2] == [0, 0]
    assert not firms.refused.any()
    assert state.money() == pytest.approx(money, rel=1e-15)
    assert state.flows["new loans", "bank", "firm"] == pytest.approx(44.0)


def test_large_firms_and_the_dead_do_not_ask():
    state, credit = trio(**SURE)
    state.firms.cash[:], state.firms.kind[0], state.firms.alive[1] = 0.0, LARGE, False
    credit.appraise(state, WEEK)
    credit.borrow(state, WEEK)
    assert state.firms.requested.tolist() == [0.0, 0.0, 40.0]


def test_one_application_in_thirteen_weeks():
    state, credit = trio(**SURE)
    asked = []
    for t in range(30):
        state.firms.cash[:] = (0.0, 40.0, 40.0)
        credit.appraise(state, WEEK)
        credit.borrow(state, Step(t, Draws(1)))
        asked += [t] if state.firms.requested[0] > 0 else []
    assert asked == [0, 13, 26]


def test_loan_is_limited_by_collateral_and_by_net_worth():
    """Capital 100 secures 60, less the 50 owed: 10. Net worth 20 carries 2 × 20 - 30: 10. Without collateral: refused."""
    state, credit = trio(**SURE)
    firms = state.firms
    firms.cash[:], firms.capital[:], firms.debt[:] = 0.0, (100.0, 50.0, 0.0), (50.0, 30.0, 0.0)
    firms.liquidity_target[:] = 1000.0
    credit.appraise(state, WEEK)
    assert credit.limit(state, np.arange(3)).tolist() == pytest.approx([10.0, 0.0, 0.0])
    credit = Credit(enabled=True, **SURE, loan_to_value=1.0)
    assert credit.limit(state, np.arange(3)).tolist() == pytest.approx([50.0, 10.0, 0.0])
    credit.borrow(state, WEEK)
    assert firms.new_loans.tolist() == pytest.approx([50.0, 10.0, 0.0])
    assert firms.refused.tolist() == [False, False, True]


def test_bank_lends_no_more_than_its_own_funds_allow():
    """Own funds 3 at a requirement of .03 carry loans of 100, of which 60 are taken: 40 for 80 asked, half for each."""
    for funds, granted in ((3.0, 20.0), (1.0, 0.0), (-5.0, 0.0)):
        now, credit = trio(**SURE)
        now.firms.cash[:], now.firms.debt[2] = (0.0, 0.0, 100.0), 60.0
        now.accounts.balance[now.account("bank")] = funds
        credit.appraise(now, WEEK)
        credit.borrow(now, WEEK)
        assert now.firms.new_loans.tolist() == pytest.approx([granted, granted, 0.0])
        assert now.firms.refused.tolist() == [granted == 0.0, granted == 0.0, False]


def crowd(n: int = 3000, **credit):
    """(state, mechanism): so many firms without deposits that want 40 each, on capital of 100, at a bank that trusts half of them."""
    state = given(from_edges([], [52.0] * n, sector=[3, 4, 5] * (n // 3)))[0]
    firms = state.firms
    for column in (firms.cash, firms.debt, firms.inventory, firms.mean_profit, firms.interest, firms.depreciation, firms.born):
        column[:] = 0.0
    firms.capital[:], firms.liquidity_target[:] = 100.0, 40.0
    state.accounts.balance[state.account("bank")] = 1e9
    return state, Credit(enabled=True, **{"trust": 0.0, "trust_age": 0.0, "trust_service": 0.0, **credit})


@pytest.mark.parametrize("partial", [0.0, 0.37, 1.0])
def test_a_share_of_the_loans_granted_falls_short(partial):
    """Half are trusted; of these `partial` get less than they asked, evenly between nothing and all; four standard deviations."""
    state, credit = crowd(partial=partial)
    n = state.firms.n
    credit.appraise(state, WEEK)
    credit.borrow(state, WEEK)
    granted = state.firms.new_loans / 40.0
    some, short = granted > 0.0, (granted > 0.0) & (granted < 1.0)
    assert some.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n))
    assert np.array_equal(state.firms.refused, ~some)
    assert short.sum() / some.sum() == pytest.approx(partial, abs=4 * np.sqrt(partial * (1 - partial) / some.sum()))
    if partial > 0.0:
        assert granted[short].mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * short.sum()))
    assert granted.max() <= 1.0


def test_who_is_trusted_does_not_depend_on_how_many_get_a_part():
    """The same firms are refused, and nobody gets more where more fall short."""
    loans = []
    for partial in (0.0, 0.37, 1.0):
        state, credit = crowd(300, partial=partial)
        credit.appraise(state, WEEK)
        credit.borrow(state, WEEK)
        loans.append(state.firms.new_loans.copy())
    full, usual, parts = loans
    assert np.array_equal(full > 0, usual > 0)
    assert np.array_equal(full > 0, parts > 0)
    assert np.all(parts <= usual)
    assert np.all(usual <= full)


def test_guaranteed_part_of_a_loan_is_remembered():
    state, credit = trio(**SURE)
    state.firms.cash[:], state.firms.guarantee_share[:] = (0.0, 40.0, 0.0), (0.8, 0.8, 0.0)
    credit.appraise(state, WEEK)
    credit.borrow(state, WEEK)
    assert state.firms.guaranteed_debt.tolist() == pytest.approx([32.0, 0.0, 0.0])


BETTER = {  # column, from, to: what makes a bank trust more
    "age": ("born", 0, -520),
    "leverage": ("leverage", 3.0, 0.5),
    "debt service": ("mean_profit", -5.0, 5.0),
    "guarantee": ("guarantee_share", 0.0, 0.8),
    "relationship": ("debt", 0.0, 10.0),
    "no crunch": ("credit_factor", 0.5, 1.0),
}


@pytest.mark.parametrize("name", BETTER)
def test_bank_trusts_more(name):
    column, before, after = BETTER[name]
    state, credit = trio()
    state.firms.interest[:], state.firms.mean_profit[:], rows = 1.0, 1.0, np.arange(3)
    getattr(state.firms, column)[:] = before
    low = credit.approval(state, rows, 0)
    getattr(state.firms, column)[:] = after
    assert np.all(credit.approval(state, rows, 0) > low)


@settings(max_examples=40, **REPEATABLE)
@drawn(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 2), st.floats(-1e6, 1e6))
def test_loans_never_exceed_limits_whatever_the_state(seed, strength, factor, funds):
    """0 ≤ new loans ≤ min(need, limit), all of them ≤ what own funds allow; approval within [0, 1]; nothing is NaN."""
    state, _, _ = MINIATURE
    state = state.copy()
    disturb(state, seed, strength)
    firms, credit = state.firms, Credit(enabled=True)
    rng = np.random.default_rng(seed)
    firms.capital[:] *= rng.uniform(0, 2, firms.n)
    firms.debt[:] *= rng.uniform(0, 4, firms.n)
    firms.credit_factor[:] = factor
    state.accounts.balance[state.account("bank")] = funds
    credit.appraise(state, WEEK)
    rows, owed, before = np.arange(firms.n), firms.debt.sum(), firms.debt.copy()
    limit, trust = credit.limit(state, rows), credit.approval(state, rows, 0)
    credit.borrow(state, WEEK)
    assert np.all((trust >= 0.0) & (trust <= 1.0))
    assert np.all(firms.new_loans >= 0.0)
    assert np.all(firms.new_loans <= limit * (1 + 1e-12))
    assert np.all(firms.new_loans <= firms.requested * (1 + 1e-12))
    assert firms.new_loans.sum() <= max(funds / credit.capital_share - owed, 0.0) * (1 + 1e-9)
    assert np.allclose(firms.debt, before + firms.new_loans)
    state.check()


MINIATURE = miniature(60, 2, **MONEY)


def test_everybody_refused_stays_finite():
    """A bank that trusts nobody, in an economy whose imports cost the fourfold: no loans, no number breaks, and many refusals."""
    shock = {"kind": "import_price", "start": 0, "size": 3.0}
    state, plan, draws = miniature(60, 2, shocks=[shock], finance={"enabled": True}, credit={"enabled": True, "trust": -10.0})
    disturb(state, 2)
    debt = state.firms.debt.sum()
    lent = advance(state, plan, draws, 0, 52, lambda s: s.firms.new_loans.sum())
    state.check()
    assert max(lent) == 0.0
    assert state.firms.refused.any()
    assert state.firms.debt.sum() <= debt


def test_bank_under_water_lends_nothing_until_it_is_raised():
    state, plan, draws = miniature(60, 2, **MONEY)
    disturb(state, 2)
    state.accounts.balance[state.account("bank")] = -1e9
    lent = advance(state, plan, draws, 0, 2, lambda s: s.firms.new_loans.sum())
    assert lent[0] == 0.0
    assert state.accounts.balance[state.account("bank")] >= 0.0
    assert len(state.events) == 1


def test_off_lends_nothing():
    """Not in the schedule: nobody asks, whatever they lack."""
    state, plan, draws = miniature(60, 1)
    disturb(state, 2)
    advance(state, plan, draws, 0, 4)
    assert not state.firms.requested.any()
    assert not state.firms.new_loans.any()
