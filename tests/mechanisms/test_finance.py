"""Finance: trade credit, investment pool, interest, taxable profit, dividends, and the deposits held at rest; then, switched on: payments
that fail, estates, repayment, investment that follows demand, and a bank that can lose its own funds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import advance, columns, given, miniature
from strategies import REPEATABLE, disturb

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.finance import Finance
from smbsim.metrics import METRICS
from smbsim.network import from_edges
from smbsim.state import LARGE, UNLIMITED
from smbsim.trade_credit import sum_credit

WEEK = Step(0, Draws(1))
ON = Finance(enabled=True, loan_rate=0.052)
MONEY = {"finance": {"enabled": True}, "credit": {"enabled": True}}


def pair(final=(52 * 12.0, 52 * 24.0, 52 * 12.0), **sections):
    """Firm 0 sells 8 a week to firm 1; firm 2 stands alone. Nobody holds or owes anything."""
    state = given(from_edges([(0, 1, 52 * 8.0)], list(final), sector=[3, 4, 5]), **sections)[0]
    for column in (state.firms.cash, state.firms.debt, state.households.deposits, state.accounts.balance, state.households.income):
        column[:] = 0.0
    return state


def owe(state, amount):
    """Trade credit of each link."""
    state.links.payable[:] = amount
    sum_credit(state)


def balance(state, account: str) -> float:
    return float(state.accounts.balance[state.account(account)])


def test_customers_pay_a_share_of_what_they_owe():
    """Owed 40 at terms of 5 weeks: 8 are paid to the supplier; owed 12 abroad at the same terms: 2.4."""
    state = pair()
    owe(state, 40.0)
    state.firms.import_payable[:], state.firms.payment_terms[:] = (0.0, 12.0, 0.0), 5.0
    Finance().pay(state, WEEK)
    assert state.links.payable.tolist() == [32.0]
    assert state.firms.import_payable.tolist() == [0.0, 9.6, 0.0]
    assert state.firms.cash.tolist() == pytest.approx([8.0, -10.4, 0.0], rel=1e-15)
    assert balance(state, "foreign") == pytest.approx(2.4, rel=1e-15)
    assert state.flows["network inputs", "firm", "firm"] == 8.0


def test_terms_are_those_of_the_customer_and_an_overdraft_pays():
    """At terms of one week all is due at once, and it is paid without any deposits: nobody fails in this limit."""
    state = pair()
    owe(state, 40.0)
    state.firms.payment_terms[:] = 8.0, 1.0, 8.0
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
    Finance().take_stock(state, WEEK)
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


# -- switched on: who pays what ---------------------------------------------------------------------------------------------------------


def poor(cash=(0.0, 0.0, 0.0), **sections):
    """`pair` with finance on: these deposits, counted."""
    state = pair(**sections)
    state.firms.cash[:] = cash
    ON.open_purse(state, WEEK)
    return state


def test_smb_spends_what_it_has_and_a_large_firm_whatever_it_owes():
    state = pair()
    state.firms.cash[:], state.firms.kind[2] = (7.0, -3.0, -3.0), LARGE
    ON.open_purse(state, WEEK)
    assert state.firms.spendable.tolist() == [7.0, 0.0, UNLIMITED]
    Finance().open_purse(state, WEEK)
    assert state.firms.spendable.tolist() == [7.0, 0.0, UNLIMITED], "switched off it counts nothing"


def test_customer_pays_what_it_has_abroad_first_and_owes_the_rest():
    """8 due at home and 2.4 abroad with deposits of 6.4: abroad gets 2.4, the supplier 4; the other 4 stay payable and are overdue."""
    state = poor(cash=(0.0, 6.4, 0.0))
    owe(state, 40.0)
    state.firms.import_payable[:], state.firms.payment_terms[:] = (0.0, 12.0, 0.0), 5.0
    ON.pay(state, WEEK)
    assert state.firms.import_payable[1] == pytest.approx(9.6)
    assert state.links.payable[0] == pytest.approx(36.0)
    assert state.firms.trade_due[1] == pytest.approx(10.4)
    assert state.firms.trade_overdue[1] == pytest.approx(4.0)
    assert 0.0 <= state.firms.cash[1] < 1e-10
    assert state.firms.cash[0] == pytest.approx(4.0)


def test_last_cent_on_a_link_that_carries_nothing_is_paid():
    """Otherwise an old link would be owed something for ever."""
    state = poor(cash=(0.0, 5.0, 0.0))
    owe(state, 0.009)
    state.links.weight[:] = 0.0
    ON.pay(state, WEEK)
    assert state.links.payable[0] == 0.0
    owe(state, 0.009)
    state.links.weight[:] = 1.0
    ON.pay(state, WEEK)
    assert state.links.payable[0] == pytest.approx(0.75 * 0.009)


def test_interest_that_cannot_be_paid_is_due_first_next_week():
    """1 a week with deposits of .25: .75 in arrears; with 1.5 the week after, everything but .25."""
    state = poor(cash=(0.25, 0.0, 0.0))
    state.firms.debt[:], state.firms.normal_debt[:] = (1000.0, 0.0, 0.0), 1000.0
    ON.pay_bank(state, WEEK)
    assert state.firms.interest_arrears[0] == pytest.approx(0.75)
    state.firms.cash[0] = 1.5
    ON.open_purse(state, WEEK)
    ON.pay_bank(state, WEEK)
    assert state.firms.interest_arrears[0] == pytest.approx(0.25)
    assert balance(state, "bank") == pytest.approx(1.75)
    assert state.firms.cash[0] == 0.0


@settings(max_examples=30, **REPEATABLE)
@drawn(st.floats(0, 20), st.floats(0, 20), st.floats(0, 10))
def test_interest_rate_rises_with_leverage_above_normal_and_never_falls(first, second, normal):
    """r = base + ρ [λ - λ at rest]⁺: monotone, flat below the normal leverage, the base rate for large firms."""
    state = poor(cash=(1e9, 1e9, 1e9))
    firms = state.firms
    low, high = sorted((first, second))
    firms.leverage[:], firms.normal_leverage[:], firms.kind[2] = (low, high, high), normal, LARGE
    ON.pay_bank(state, WEEK)
    assert 0.052 <= firms.interest_rate[0] <= firms.interest_rate[1]
    assert firms.interest_rate[1] == pytest.approx(0.052 + 0.01 * max(high - normal, 0.0))
    assert firms.interest_rate[2] == 0.052


def test_only_loans_above_the_normal_debt_are_repaid():
    """1040 above a normal debt of 1000: .2/52 of it, 4 a week; a firm at its normal debt and one below repay nothing."""
    state = poor(cash=(100.0, 100.0, 100.0))
    firms = state.firms
    firms.debt[:], firms.normal_debt[:], firms.guaranteed_debt[:] = (2040.0, 1000.0, 500.0), 1000.0, (510.0, 0.0, 0.0)
    money = state.money()
    ON.pay_bank(state, WEEK)
    assert firms.principal.tolist() == pytest.approx([4.0, 0.0, 0.0])
    assert firms.debt.tolist() == pytest.approx([2036.0, 1000.0, 500.0])
    assert firms.guaranteed_debt[0] == pytest.approx(509.0), "what the state stands for falls with the loan"
    assert not firms.loan_overdue.any()
    assert state.money() == pytest.approx(money, rel=1e-15)


def test_principal_that_cannot_be_paid_stays_in_the_debt():
    state = poor(cash=(2.04 + 1.0, 0.0, 0.0))  # interest of the week, and 1 of the 4 due
    state.firms.debt[:], state.firms.normal_debt[:] = (2040.0, 0.0, 0.0), (1000.0, 0.0, 0.0)
    ON.pay_bank(state, WEEK)
    assert state.firms.principal[0] == pytest.approx(1.0)
    assert state.firms.loan_overdue[0] == pytest.approx(3.0)
    assert state.firms.debt[0] == pytest.approx(2039.0)


def test_estate_pays_the_bank_then_its_suppliers_then_its_owners():
    """All is due at once: 30 to the bank, then 40 to the supplier, of which an estate with 50 pays half; with 100 the owners get 30."""
    for cash, to_supplier, to_owners in ((50.0, 20.0, 0.0), (100.0, 40.0, 30.0)):
        state = pair()
        firms = state.firms
        firms.alive[1], firms.cash[1], firms.debt[1], firms.normal_debt[1] = False, cash, 30.0, 30.0
        owe(state, 40.0)
        state.firms.import_payable[:] = 0.0
        ON.open_purse(state, WEEK)
        for phase in (ON.pay_bank, ON.pay, ON.take_stock, ON.distribute):
            phase(state, WEEK)
        assert firms.debt[1] == 0.0
        assert firms.interest[1] == 0.0
        assert state.links.payable[0] == pytest.approx(40.0 - to_supplier)
        assert state.flows.get(("estates", "firm", "household"), 0.0) == pytest.approx(to_owners)
        assert 0.0 <= firms.cash[1] < 1e-9
        assert firms.overdue[1] == pytest.approx(40.0 - to_supplier)


# -- switched on: investment ------------------------------------------------------------------------------------------------------------


def at_rest(**finance):
    """A miniature of the United States with finance on, and its mechanism."""
    state, _, _ = miniature(60, 1, finance={"enabled": True, **finance}, credit={"enabled": True})
    return state, Finance(enabled=True, **finance)


def test_at_rest_capital_is_replaced():
    state, finance = at_rest()
    before, spending = state.firms.capex.copy(), state.sectors.spending.copy()
    finance.plan_investment(state, WEEK)
    assert np.allclose(state.firms.capex, before, rtol=1e-12)
    assert np.allclose(state.sectors.spending, spending, rtol=1e-12)
    assert state.accounts.capital_price[state.account("investment")] == pytest.approx(1.0, abs=1e-14)


def test_capital_follows_demand_and_capacity_follows_capital():
    """Demand 10 % above normal for ever: capital and capacity end 10 % higher, whatever the time it takes."""
    state, finance = at_rest(investment_weeks=26.0)
    firms, pool = state.firms, state.account("investment")
    capital, capacity = firms.capital.copy(), firms.capacity.copy()
    firms.mean_demand[:] *= 1.1
    for _ in range(520):
        firms.spendable[:] = UNLIMITED
        firms.cash[:] = firms.liquidity_target
        finance.plan_investment(state, WEEK)
        state.accounts.balance[pool] = -total_planned(state)
        finance.invest(state, WEEK)
    assert np.allclose(firms.capital, 1.1 * capital, rtol=1e-6)
    assert np.allclose(firms.capacity, 1.1 * capacity, rtol=1e-6)


def total_planned(state) -> float:
    return float(state.firms.capex.sum() + state.households.residual_investment.sum())


def test_firms_below_their_liquidity_target_invest_less():
    """Half the target, half the investment; no deposits, none; the price of capital is what the pool pays on average."""
    state, finance = at_rest()
    firms = state.firms
    full = firms.capex.copy()
    firms.cash[::2] = 0.5 * firms.liquidity_target[::2]
    firms.cash[1::2] = -1.0
    finance.plan_investment(state, WEEK)
    assert np.allclose(firms.capex[::2], 0.5 * full[::2], rtol=1e-12)
    assert not firms.capex[1::2].any()


def test_capital_costs_what_the_pool_pays():
    """All prices at 2, imports too: capital costs 2 but for what comes from accounts, and its replacement twice as much."""
    state, finance = at_rest()
    state.firms.price[:], state.sectors.import_price_factor[:] = 2.0, 2.0
    finance.plan_investment(state, WEEK)
    accounts = state.accounts.resting_account_spending[:, 1].sum()
    goods = state.sectors.resting_spending[:, 1].sum() + state.sectors.resting_import_spending[:, 1].sum()
    price = state.accounts.capital_price[state.account("investment")]
    assert price == pytest.approx((goods + accounts) / (goods / 2.0 + accounts), rel=1e-12)
    assert state.firms.capex.sum() > 1.9 * at_rest()[0].firms.capex.sum()


def test_capital_bought_is_what_was_paid_and_the_rest_is_billed_again():
    """The pool spent 10, the plans are 6 and 4 of firms: the first can pay only 2. The pool stays 4 short, billed next week."""
    state = poor(cash=(2.0, 100.0, 0.0))
    firms = state.firms
    firms.capex[:], firms.capital[:] = (6.0, 4.0, 0.0), 50.0
    state.households.residual_investment[:], firms.depreciation_share[:] = 0.0, 0.0
    state.accounts.capital_price[state.account("investment")] = 2.0
    state.accounts.balance[state.account("investment")] = -10.0
    ON.invest(state, WEEK)
    assert firms.capital.tolist() == [51.0, 52.0, 50.0]
    assert balance(state, "investment") == pytest.approx(-4.0)
    assert firms.cash[0] == 0.0


def test_what_entrants_prepaid_is_spent_and_billed_to_nobody():
    """The pool holds 30: it asks for a resting basket × (planned + 30) / planned, and bills only what it spent beyond the 30."""
    state, finance = at_rest()
    pool, planned = state.account("investment"), total_planned(state)
    resting = state.sectors.spending[:, 1].copy()
    state.accounts.balance[pool] = 0.25 * planned
    finance.plan_investment(state, WEEK)
    assert np.allclose(state.sectors.spending[:, 1], 1.25 * resting, rtol=1e-12)
    capital = state.firms.capital.copy()
    state.accounts.balance[pool] = 0.1 * planned  # shortages: the pool could not spend all it was given
    finance.invest(state, WEEK)
    assert state.accounts.balance[pool] == pytest.approx(0.1 * planned)
    assert np.all(state.firms.capital <= capital), "nobody was billed, capital wears out"


# -- switched on: what is left ----------------------------------------------------------------------------------------------------------


def test_liquidity_target_follows_what_falls_due():
    """Everything due doubles for good: the 13-week mean, and with it the target, goes there; a target by receipts follows them."""
    state, finance = at_rest(cash_days=70.0, cash_spread=0.0)
    firms = state.firms
    outflow, target = firms.mean_outflow.copy(), firms.liquidity_target.copy()
    for name in ("wage_bill", "product_tax_paid", "profit_tax_paid", "counter_cost", "spot_cost", "interest", "capex", "depreciation"):
        getattr(firms, name)[:] *= 2.0
    firms.trade_due[:] = 2.0 * outflow - (
        firms.wage_bill + firms.product_tax_paid + firms.profit_tax_paid + firms.counter_cost + firms.spot_cost + firms.interest
        + firms.capex
    )  # fmt: skip
    firms.final_sales[:] *= 2.0
    for _ in range(300):
        finance._look_back(state)
    assert np.allclose(firms.mean_outflow, 2.0 * outflow, rtol=1e-9)
    assert np.allclose(firms.liquidity_target, 2.0 * target, rtol=1e-9)


def test_growth_is_no_part_of_the_target_at_rest_and_where_demand_falls():
    """Capital covers what is needed: the target is the same without the sum that growth would add."""
    for factor in (1.0, 0.9):
        state, finance = at_rest()
        firms = state.firms
        firms.mean_demand[:] *= factor
        finance._aim(state)
        without = np.maximum(firms.cash_cover * firms.mean_outflow, firms.mean_outflow - firms.mean_receipts)
        assert np.array_equal(firms.liquidity_target, np.maximum(without, firms.mean_counter))


def test_a_quarter_of_growth_is_part_of_the_target():
    """Demand a tenth above that at rest: the target rises by what 13 weeks of the net investment planned for it cost."""
    state, finance = at_rest()
    firms, target = state.firms, state.firms.liquidity_target.copy()
    firms.mean_demand[:] *= 1.1
    firms.cash[:] = 1e12  # nobody puts anything off
    finance.plan_investment(state, WEEK)
    net = firms.capex - firms.depreciation
    finance._aim(state)
    assert net.max() > 0.0
    assert np.allclose(firms.liquidity_target - target, 13.0 * net, rtol=1e-6, atol=1e-9 * target.max())
    state.accounts.capital_price[state.account("investment")] *= 2.0
    once = firms.liquidity_target - target
    finance._aim(state)
    assert np.allclose(firms.liquidity_target - target, 2.0 * once, rtol=1e-12, atol=1e-12 * target.max())


def test_switched_off_nobody_saves_for_growth():
    state = miniature(40, 1)[0]
    target = state.firms.liquidity_target.copy()
    state.firms.mean_demand[:] *= 2.0
    Finance()._aim(state)
    assert np.array_equal(state.firms.liquidity_target, target)


def test_deposits_at_rest_last_as_long_as_those_of_the_data():
    """JPMorgan Chase Institute (2016): median 27 days, quartiles 13 and 62; in the model calibrated to them."""
    state, _, _ = miniature(2000, 2, model="life")
    found = [METRICS[name](state) for name in ("cash_days_p25", "cash_days", "cash_days_p75")]
    assert found == pytest.approx([13.0, 27.0, 62.0], rel=0.12)


def test_days_count_all_deposits_whatever_waits_to_be_paid_out():
    """M = days × outflow / 7 for every way to pay dividends, unless more than that waits or other floors of the target bind."""
    held, free = [], []
    for weeks in (2.0, 13.0):
        state, _ = at_rest(dividend_weeks=weeks)
        firms = state.firms
        held.append(firms.cash.copy())
        free.append((firms.cash_cover > 0) & (firms.liquidity_target == firms.cash_cover * firms.mean_outflow))
    both = free[0] & free[1]
    assert both.mean() > 0.4
    assert np.allclose(held[0][both], held[1][both], rtol=1e-12)


def test_no_dividends_while_anything_is_overdue():
    state = poor(cash=(1000.0, 1000.0, 1000.0))
    state.firms.liquidity_target[:] = 0.0
    state.firms.tax_arrears[1] = 5.0
    ON.distribute(state, WEEK)
    assert state.firms.dividends[0] > 0.0
    assert state.firms.dividends[1] == 0.0
    assert state.firms.overdue[1] == 5.0


@pytest.mark.parametrize(("deposits", "owners"), [(1000.0, 90.0), (50.0, 50.0), (0.0, 0.0)])
def test_bank_under_water_is_raised_to_its_required_funds(deposits, owners):
    """Own funds -100, loans 1000, required 80: owners pay half of 180 as far as they can, the state the rest; the run reports it."""
    state = poor()
    state.firms.debt[:] = (1000.0, 0.0, 0.0)
    state.households.deposits[1::2] = deposits
    state.accounts.balance[state.account("bank")] = -100.0
    ON.distribute(state, Step(7, Draws(1)))
    assert balance(state, "bank") == pytest.approx(80.0)
    assert state.households.deposits[1::2].sum() == pytest.approx(deposits - owners)
    assert balance(state, "government") == pytest.approx(owners - 180.0)
    assert [week for week, _ in state.events] == [7]


def test_bank_pays_owners_what_it_has_above_its_required_funds():
    """Interest of 4 on loans of 1000: with 70 of the required 80 nothing is paid; with 100, 20."""
    for funds, paid in ((70.0, 0.0), (100.0, 20.0)):
        state = poor()
        state.firms.debt[:], state.firms.interest[:] = (1000.0, 0.0, 0.0), (4.0, 0.0, 0.0)
        state.accounts.balance[state.account("bank")] = funds
        ON.distribute(state, WEEK)
        assert state.flows["bank dividends", "bank", "household"] == pytest.approx(paid)
        assert not state.events


# -- switched on: the whole ---------------------------------------------------------------------------------------------------------------

STOCKS = ("cash", "debt", "capital", "capacity", "liquidity_target", "mean_outflow", "mean_profit", "mean_demand", "equity", "output")


def test_rest_lasts_520_weeks_with_finance_and_credit():
    """Every stock constant to 1e-10: targets, capital, means and net worth are where they would go."""
    state, plan, draws = miniature(100, 2, **MONEY)
    start = columns(state)
    advance(state, plan, draws, 0, 520)
    for name in STOCKS:
        assert np.allclose(getattr(state.firms, name), start["firms", name], rtol=1e-10, atol=0), name
    assert np.allclose(state.accounts.balance, start["accounts", "balance"], rtol=1e-10, atol=1e-3)
    assert not state.firms.overdue.any()
    assert not state.firms.requested.any()
    assert not state.events


@pytest.mark.parametrize("finance", [{"dividend_weeks": 4.0, "cash_days": 0.0}, {"loan_rate": 0.0}, {"investment_weeks": 8.0}], ids=str)
def test_rest_does_not_depend_on_parameters_of_finance(finance):
    state, plan, draws = miniature(60, 1, finance={"enabled": True, **finance}, credit={"enabled": True})
    start = columns(state)
    advance(state, plan, draws, 0, 104)
    for name in STOCKS:
        assert np.allclose(getattr(state.firms, name), start["firms", name], rtol=1e-10, atol=0), name


HARD = {
    "nobody buys": {"kind": "demand", "start": 0, "size": 0.9},
    "imports cost the fourfold": {"kind": "import_price", "start": 0, "size": 3.0},
    "plants stand still": {"kind": "capacity", "start": 0, "size": 0.95, "target": {"share": 0.5}},
}


@pytest.mark.parametrize("shock", HARD.values(), ids=list(HARD))
def test_no_smb_ends_a_week_below_zero_and_no_money_is_made(shock):
    """From deposits anywhere between nothing and twice the normal, through two years of a hard shock; money to 1e-12."""
    state, plan, draws = miniature(60, 2, shocks=[shock], **MONEY)
    disturb(state, 3)
    small, money = state.firms.kind != LARGE, state.money()
    lowest = advance(state, plan, draws, 0, 104, lambda s: s.firms.cash[small].min())
    state.check()
    assert min(lowest) >= -1e-9  # of currency: rounding
    turnover = np.abs(state.firms.cash).sum() + np.abs(state.households.deposits).sum() + np.abs(state.accounts.balance).sum()
    assert abs(state.money() - money) < 1e-12 * turnover


def test_extinct_economy_stays_finite():
    """All SMBs closed: estates pay out, nobody invests, no number breaks."""
    state, plan, draws = miniature(60, 2, **MONEY)
    state.firms.alive[state.firms.kind != LARGE] = False
    advance(state, plan, draws, 0, 26)
    state.check()
    state.firms.alive[:] = False
    advance(state, plan, draws, 26, 52)
    state.check()
    assert not state.firms.capex.any()
    assert not state.firms.dividends.any()
