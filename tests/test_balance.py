"""The balance sheet by class of holder: rows that sum to zero, and net worth that changes by income less spending less write-offs."""

from __future__ import annotations

import models
import numpy as np
import pytest
from strategies import disturb

from smbsim import accounts
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.credit import Credit
from smbsim.metrics.balance import (
    ABROAD,
    FINANCIAL,
    HOLDERS,
    LARGE_FIRMS,
    OTHERS,
    OWNERS,
    REAL,
    SMBS,
    THE_BANK,
    THE_STATE,
    WORKERS,
    balance_sheet,
    capital,
    goods,
    own_worth,
)
from smbsim.state import LARGE, SMB

TOLERANCE = 1e-9
STRESS = {
    "finance": {"enabled": True, "cash_days": 3.0, "cash_spread": 1.5},
    "exits": {
        "enabled": True,
        "retirement_hazard": 0.5,
        "grace_weeks": 1,
        "estate_weeks": 2,
        "capital_recovery": 0.02,
        "goods_recovery": 0.0,
    },
    "production": {"breakdown_hazard": 0.1, "repair_weeks": 3},
    "shocks": [
        {"kind": "demand", "start": 1, "stop": 12, "size": 0.6, "target": {"share": 0.5}},
        {"kind": "capacity", "start": 2, "stop": 20, "size": 0.9, "target": {"share": 0.3}},
    ],
}
SETTLING = {  # phases that pay claims which are booked when they fall due: what they pay is no income, what fell due is
    "payment: labour.pay", "payment: government.tax_products", "distribution: government.tax_profits", "payment: production.pay_emergency",
    "payment: finance.pay_bank", "payment: finance.pay",
}  # fmt: skip


def by_kind(state, values) -> np.ndarray:
    """(n,) → (8,) sums by holder."""
    found = np.zeros(len(HOLDERS))
    for holder, kind in ((SMBS, SMB), (LARGE_FIRMS, LARGE)):
        found[holder] = values[state.firms.kind == kind].sum()
    return found


class Payments:
    """Payments that settle no claim, by class: what was received less what was paid. The phase that runs is told by `phase`."""

    def __init__(self, monkeypatch):
        self.net, self.phase = np.zeros(len(HOLDERS)), ""
        move = accounts._add

        def noted(state, holder, amount, paid, sign, rows):
            if self.phase not in SETTLING:
                self.net += sign * split(state, holder, amount, paid, rows)
            move(state, holder, amount, paid, sign, rows)

        monkeypatch.setattr(accounts, "_add", noted)


def split(state, holder, amount, paid, rows) -> np.ndarray:
    """A payment by class. rows: the firms whose amounts these are."""
    found = np.zeros(len(HOLDERS))
    if holder in ("customer", "supplier"):
        return by_kind(state, state.sum_by_customer(amount) if holder == "customer" else state.sum_by_supplier(amount))
    if holder == "firm":
        of_all = np.zeros(state.firms.n)
        of_all[rows] = amount
        return by_kind(state, of_all)
    if holder == "household":
        found[WORKERS], found[OWNERS] = amount[0::2].sum(), amount[1::2].sum()
    else:
        found[{"bank": THE_BANK, "government": THE_STATE, "foreign": ABROAD}.get(holder, OTHERS)] = paid
    return found


def invoices(state) -> np.ndarray:
    """(8,) what firms are about to invoice each other, less what they will be invoiced."""
    firms, links = state.firms, state.links
    shipped = firms.fill_rate[links.supplier] * (links.backlog + state.slots.order[links.slot] * links.weight)
    return by_kind(state, state.sum_by_supplier(worth := firms.price[links.supplier] * shipped) - state.sum_by_customer(worth))


def accrued(state) -> np.ndarray:
    """(8,) income less spending of the week that was booked as a claim, besides `invoices`: imports, wages, taxes, interest."""
    firms, slots = state.firms, state.slots
    found = np.zeros(len(HOLDERS))
    abroad = state.sectors.import_price_factor[slots.group] * slots.imports
    found += by_kind(state, -state.sum_slots(abroad) - firms.emergency_cost)
    found[ABROAD] += abroad.sum() + firms.emergency_cost.sum()
    taxes = firms.product_tax_paid + firms.profit_tax_paid
    for creditor, due in ((WORKERS, firms.wage_bill), (THE_STATE, taxes), (THE_BANK, firms.interest)):
        found -= by_kind(state, due)
        found[creditor] += due.sum()
    return found


def written_off(state, arrears) -> np.ndarray:
    """(8,) claims lost this week less debts forgiven. arrears: of wages, taxes and interest, as much as was cancelled."""
    firms = state.firms
    found = by_kind(state, firms.credit_losses - firms.payable_losses - firms.loan_losses - firms.arrears_losses)
    found[ABROAD] = firms.payable_losses.sum() - firms.credit_losses.sum()
    found[[WORKERS, THE_STATE, THE_BANK]] += arrears
    found[THE_BANK] += firms.loan_losses.sum()
    return found


def arrears(state) -> np.ndarray:
    firms = state.firms
    return np.array([firms.wage_arrears.sum(), firms.tax_arrears.sum(), firms.interest_arrears.sum()])


def financial_worth(state) -> np.ndarray:
    table = balance_sheet(state)
    return own_worth(table) - table["goods"] - table["capital"]


@pytest.mark.parametrize("model", ["money", "work"])
def test_net_worth_changes_by_income_less_spending_less_write_offs(model, monkeypatch):
    """Of every class, in every week of a slump with failures. Goods and capital a class buys count as spending, what it sells as income."""
    state, plan, draws = models.miniature(120, 2, model=model, **STRESS)
    ruined = np.flatnonzero(state.firms.kind == SMB)[::5]
    for owed in (state.firms.wage_arrears, state.firms.tax_arrears, state.firms.interest_arrears):
        owed[ruined] = 100.0 * state.firms.output[ruined]
    payments, seen = Payments(monkeypatch), np.zeros(3)
    for t in range(40):
        before, payments.net = financial_worth(state), np.zeros(len(HOLDERS))
        state.flows.clear()
        for name, phase in plan:
            payments.phase, owed = name, arrears(state)
            if name.endswith("trade.ship"):
                invoiced = invoices(state)
            phase(state, Step(t, draws))
            if name.endswith("settle_estates"):
                cancelled = owed - arrears(state)
        expected = payments.net + invoiced + accrued(state) - written_off(state, cancelled)
        gap = financial_worth(state) - before - expected
        assert np.abs(gap).max() <= TOLERANCE * np.abs(before).max(), dict(zip(HOLDERS, gap, strict=True))
        seen += state.firms.loan_losses.sum(), state.firms.credit_losses.sum(), cancelled.sum()
    assert seen.all(), "nothing of a kind was written off: the test could not fail"


@pytest.mark.parametrize("model", ["closed", "money", "work", "life"])
def test_every_row_but_real_assets_sums_to_zero(model):
    state, plan, draws = models.miniature(80, 2, model=model)
    disturb(state, 1)
    for t in range(10):
        models.advance(state, plan, draws, t, t + 1)
        table = balance_sheet(state)
        assert tuple(table) == (*FINANCIAL, *REAL, "net worth")
        for row in FINANCIAL:
            assert abs(table[row].sum()) <= TOLERANCE * np.abs(table[row]).sum()
        real = goods(state).sum() + capital(state).sum()
        assert table["goods"].sum() + table["capital"].sum() == pytest.approx(real, rel=TOLERANCE)
        assert table["net worth"].sum() == pytest.approx(real, rel=TOLERANCE)
        assert np.abs(table["net worth"][[SMBS, LARGE_FIRMS, THE_BANK]]).max() <= TOLERANCE * np.abs(table["net worth"]).max()


def test_firms_are_worth_what_the_bank_takes_them_for():
    """The equity of `credit`, summed over SMBs and large firms, is the row of their owners."""
    state, plan, draws = models.miniature(80, 2, model="money", **STRESS)
    models.advance(state, plan, draws, 0, 15)
    Credit(enabled=True).appraise(state, Step(15, draws))
    table = balance_sheet(state)
    assert -table["firm equity"][[SMBS, LARGE_FIRMS]] == pytest.approx(
        by_kind(state, state.firms.equity)[[SMBS, LARGE_FIRMS]], rel=TOLERANCE
    )


def test_bank_is_worth_its_own_funds():
    state, plan, draws = models.miniature(60, 1, model="money")
    models.advance(state, plan, draws, 0, 3)
    table = balance_sheet(state)
    assert table["bank own funds"][OWNERS] == pytest.approx(state.accounts.balance[state.account("bank")], rel=TOLERANCE)
    assert table["loans"][THE_BANK] == pytest.approx(state.firms.debt.sum(), rel=TOLERANCE)
    assert table["base money"][THE_STATE] == -state.money()
