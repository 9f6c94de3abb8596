"""Exits: who closes and why, what liquidation brings, what creditors lose, chains of failure, extinction."""

from __future__ import annotations

import models
import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import advance, given, miniature
from strategies import REPEATABLE

from smbsim.accounts import transfer
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.exits import Exits
from smbsim.metrics import METRICS
from smbsim.metrics.balance import FINANCIAL, balance_sheet
from smbsim.metrics.identities import Books
from smbsim.network import from_edges
from smbsim.schema import WEEKS_PER_YEAR
from smbsim.state import CAUSES, ILLIQUID, LARGE, MERGER, NEVER, RETIREMENT, SMB

WEEK = Step(0, Draws(1))
QUIET = {"offer_rate": 0.0, "retirement_hazard": 0.0, "grace_weeks": 4}
WORTHLESS = {**QUIET, "capital_recovery": 0.0, "goods_recovery": 0.0, "orderly_recovery": 0.0}
NOBODY = Exits(**QUIET)


def trio(**sections):
    """Firm 0 sells 8 a week to firm 1, firm 1 as much to firm 2; nobody holds, owes or fears anything."""
    state = given(from_edges([(0, 1, 52 * 8.0), (1, 2, 52 * 8.0)], [52 * 4.0, 52 * 12.0, 52 * 20.0], sector=[3, 4, 5]), **sections)[0]
    firms, slots, links = state.firms, state.slots, state.links
    for column in (firms.cash, firms.debt, firms.capital, firms.inventory, firms.equity, links.payable, firms.import_payable,
                   slots.input_stock, slots.pipeline, slots.import_pipeline, state.households.deposits,
                   state.accounts.balance):  # fmt: skip
        column[:] = 0.0
    firms.born[:] = -20 * WEEKS_PER_YEAR
    return state


def balance(state, account: str) -> float:
    return float(state.accounts.balance[state.account(account)])


def causes(state) -> list[str]:
    return [CAUSES[cause] for cause in state.firms.exit_cause]


# -- who closes ------------------------------------------------------------------------------------------------------------------------


def test_firm_closes_when_it_is_longer_in_arrears_than_creditors_stand():
    """Overdue for five weeks in a row with a grace of four; a week without arrears starts the count again."""
    state = trio()
    for t in range(5):
        state.firms.overdue[:] = (1.0, t != 3, 0.0)
        assert state.firms.alive.all()
        NOBODY.judge(state, Step(t, Draws(1)))
    assert state.firms.weeks_in_arrears.tolist() == [5, 1, 0]
    assert causes(state) == ["illiquid", "none", "none"]
    assert state.firms.alive.tolist() == [False, True, True]
    assert state.firms.exit_week.tolist() == [4, NEVER, NEVER]


def test_insolvency_takes_both_lost_net_worth_and_a_refused_loan():
    state = trio()
    state.firms.equity[:], state.firms.refused[:] = (-1.0, -1.0, 1.0), (True, False, True)
    NOBODY.judge(state, WEEK)
    assert causes(state) == ["insolvent", "none", "none"]


def test_owner_leaves_for_an_offer_that_is_worth_more_than_the_firm():
    state = trio()
    state.firms.mean_profit[:], state.firms.offer[:], state.firms.restlessness[:] = (-1.0, 1e3, -1.0), (1.0, 1.0, 0.0), 1.0
    Exits(offer_rate=0.0, retirement_hazard=0.0).judge(state, WEEK)
    assert state.firms.alive.all()
    Exits(offer_rate=52.0, retirement_hazard=0.0).judge(state, WEEK)
    assert causes(state) == ["voluntary", "none", "none"]


def test_offers_are_taken_at_the_rate_of_the_formula():
    """o ξ exp(-[profit + owner's pay + stake] / θ y), week by week for many firms alike."""
    state = miniature(3_000, 1, model="money")[0]
    firms, rule = state.firms, Exits(offer_rate=0.4, retirement_hazard=0.0, stake_return=0.0)
    small = firms.kind == SMB
    firms.mean_profit[:], firms.owner_pay[:], firms.offer[:], firms.restlessness[:] = 3.0, 1.0, 5.0, 1.0
    for t in range(WEEKS_PER_YEAR):
        rule.judge(state, Step(t, Draws(1)))
    expected = 1.0 - (1.0 - 0.4 / 52 * np.exp(-0.8)) ** 52
    assert abs(np.mean(~firms.alive[small]) - expected) < 4 * np.sqrt(expected * (1 - expected) / small.sum())


def test_the_restless_leave_first_and_those_who_have_stayed_are_less_so():
    """Exponential frailty: the hazard at age a is h / (1 + h a), for beginners who grow old and for firms of the start that are old."""
    state = miniature(4_000, 1, model="money")[0]
    firms, rule = state.firms, Exits(offer_rate=0.5, retirement_hazard=0.0)
    small, old = firms.kind == SMB, np.arange(firms.n) % 2 == 0
    firms.mean_profit[:], firms.owner_pay[:], firms.offer[:] = -1e30, 0.0, 1.0  # every offer is taken
    firms.born[:] = np.where(old, -10 * WEEKS_PER_YEAR, 0)
    rule.judge(state, Step(0, Draws(1)))
    assert firms.restlessness[small & ~old].mean() == pytest.approx(1.0, abs=0.1)
    assert firms.restlessness[small & old].mean() == pytest.approx(1.0 / 6.0, rel=0.1)
    for t in range(1, WEEKS_PER_YEAR):
        rule.judge(state, Step(t, Draws(1)))
    left = [np.mean(~firms.alive[small & group]) for group in (old, ~old)]
    assert left[0] < 0.45 * left[1]


def test_an_owner_earns_at_least_a_share_of_the_pay_of_the_trade():
    class rest:
        surplus, capex, interest = np.array([5.0, 0.5, 2.0]), np.zeros(3), np.zeros(3)
        wages, employment = np.array([10.0, 10.0, 10.0]), np.array([2.0, 4.0, 4.0])

    state = trio()
    Exits(owner_pay_share=0.3, offer_size=2.0).settle(state, rest)
    per_head = {g: (rest.surplus[state.firms.sector == g].sum() / rest.employment[state.firms.sector == g].sum(),
                    0.3 * rest.wages[state.firms.sector == g].sum() / rest.employment[state.firms.sector == g].sum())
                for g in set(state.firms.sector.tolist())}  # fmt: skip
    for i, g in enumerate(state.firms.sector.tolist()):
        profit, least = per_head[g]
        assert state.firms.offer[i] == pytest.approx(2.0 * max(profit, least))
        assert state.firms.owner_pay[i] == pytest.approx(max(least - profit, 0.0) * rest.employment[i])


def test_first_cause_that_applies_is_the_one_that_is_kept():
    state = trio()
    state.firms.overdue[0], state.firms.equity[:2], state.firms.refused[:], state.firms.mean_profit[:] = 1.0, -1.0, True, -1e9
    state.firms.offer[:], state.firms.restlessness[:] = 1.0, 1.0
    Exits(grace_weeks=0, offer_rate=52.0, retirement_hazard=1.0).judge(state, WEEK)
    assert causes(state) == ["illiquid", "insolvent", "voluntary"]


def test_large_firms_never_close():
    state = trio()
    state.firms.kind[:], state.firms.equity[:], state.firms.refused[:] = (LARGE, LARGE, SMB), -1.0, True
    Exits(offer_rate=52.0, retirement_hazard=1.0).judge(state, WEEK)
    assert state.firms.alive.tolist() == [True, True, False]


def test_retirements_come_at_their_yearly_hazard_and_to_the_same_firms_under_other_row_numbers():
    state = miniature(2_000, 1, model="money", exits={"retirement_hazard": 0.3})[0]
    order = np.random.default_rng(1).permutation(state.firms.n)
    other, rule = state.relabelled(order), Exits(retirement_hazard=0.3, offer_rate=0.0)
    small = int((state.firms.kind == SMB).sum())
    for t in range(WEEKS_PER_YEAR):
        for one in (state, other):
            rule.judge(one, Step(t, Draws(1)))
    closed = int((~state.firms.alive).sum())
    assert abs(closed - 0.3 * small) < 4 * np.sqrt(0.3 * 0.7 * small)
    assert set(causes(state)) == {"none", "retirement"}
    assert np.array_equal(other.firms.exit_week, state.firms.exit_week[order])


# -- liquidation -----------------------------------------------------------------------------------------------------------------------


def test_liquidation_brings_a_share_of_every_asset_from_abroad():
    """Capital 100 at .4; goods 10 at a cost of 2, inputs 6 in stock and 1 + 2 in transit at price 3, all at .5. No fire sale."""
    state = trio()
    firms, slots = state.firms, state.slots
    own = state.slots_of(np.array([1]))[0]
    firms.unit_cost[1], firms.capital[1], firms.inventory[1] = 2.0, 100.0, 10.0
    slots.input_stock[own], slots.purchase_price[own], slots.pipeline[own, 0], slots.import_pipeline[own, 1] = 6.0, 3.0, 1.0, 2.0
    slots.supply_line[own] = 3.0 + 4.0  # 4 are still on order
    firms.scrap[:], slots.input_spoiled[:] = 0.0, 0.0
    firms.alive[1], firms.exit_week[1], firms.exit_cause[1] = False, 0, ILLIQUID
    Exits(capital_recovery=0.4, goods_recovery=0.5, fire_sale=0.0).liquidate(state, WEEK)
    assert firms.cash.tolist() == [0.0, 0.4 * 100 + 0.5 * (20 + 27), 0.0]
    assert balance(state, "foreign") == -63.5
    assert state.flows["liquidation", "foreign", "firm"] == 63.5
    assert firms.scrap[1] == 10.0
    assert slots.input_spoiled[own] == 9.0
    assert slots.supply_line[own] == pytest.approx(4.0, abs=0)
    for column in (firms.inventory, firms.capital, firms.capacity, firms.normal_output, slots.input_stock):
        assert column[1 if column.size == firms.n else own] == 0.0
    assert slots.pipeline[own].sum() + slots.import_pipeline[own].sum() == 0.0


def test_owner_who_is_not_pressed_gets_more():
    state = trio()
    firms = state.firms
    firms.unit_cost[:], firms.capital[:], firms.inventory[:] = 1.0, 100.0, 10.0
    firms.alive[:2], firms.exit_week[:2], firms.exit_cause[:2] = False, 0, (ILLIQUID, RETIREMENT)
    Exits(capital_recovery=0.3, goods_recovery=0.5, orderly_recovery=0.8, fire_sale=0.0).liquidate(state, WEEK)
    assert firms.liquidation.tolist() == pytest.approx([35.0, 88.0, 0.0], rel=1e-15)


@pytest.mark.parametrize(("capex", "share"), [(100.0, 0.9), (10.0, 0.0), (0.0, 0.0), (1e12, 1.0)])
def test_more_capital_on_sale_than_the_sector_takes_up_lowers_its_price(capex, share):
    """1000 on sale at a discount of 1 % for each week in which living firms of the sector could buy it: ten weeks cost a tenth."""
    state = trio()
    firms = state.firms
    firms.sector[:] = 3
    firms.capital[1], firms.capex[:], firms.alive[1], firms.exit_week[1] = 1000.0, (capex, 1e9, 0.0), False, 0
    firms.exit_cause[1] = ILLIQUID
    Exits(capital_recovery=1.0, fire_sale=0.01).liquidate(state, WEEK)
    assert firms.liquidation[1] == pytest.approx(1000.0 * share, rel=1e-6)
    assert state.sectors.capital_on_sale[3] == 1000.0
    Exits().liquidate(state, Step(1, Draws(1)))
    assert state.sectors.capital_on_sale[3] == max(1000.0 - capex, 0.0), "buyers take up what is on sale week by week"
    assert firms.liquidation.tolist() == [0.0, 0.0, 0.0]


# -- estates ---------------------------------------------------------------------------------------------------------------------------


def owing_estate():
    """Firm 1 has closed and owes: 30 to firm 0, 5 abroad, 7 wages, 2 taxes, 1 interest, 100 to the bank, 40 of it guaranteed."""
    state = trio()
    firms = state.firms
    state.links.payable[state.links_into(np.array([1]))] = 30.0
    state.links.payable[state.links_into(np.array([2]))] = 11.0
    state.firms.import_payable[1] = 5.0
    firms.wage_arrears[1], firms.tax_arrears[1], firms.interest_arrears[1], firms.debt[1], firms.guaranteed_debt[1] = (
        7.0,
        2.0,
        1.0,
        100.0,
        40.0,
    )
    firms.alive[1] = False
    return state


def test_losses_appear_once_for_the_debtor_and_once_for_the_creditor():
    state = owing_estate()
    firms, before = state.firms, balance_sheet(owing_estate())
    money = state.money()
    Exits(estate_weeks=0).settle_estates(state, WEEK)
    assert firms.credit_losses.tolist() == [30.0, 0.0, 0.0]
    assert firms.payable_losses.tolist() == [0.0, 35.0, 0.0], "those abroad lose 5 of it"
    assert firms.loan_losses.tolist() == [0.0, 100.0, 0.0]
    assert firms.arrears_losses.tolist() == [0.0, 10.0, 0.0]
    assert (balance(state, "bank"), balance(state, "government")) == (-60.0, -40.0)
    assert state.flows["guarantees", "government", "bank"] == 40.0
    assert state.flows["loans written off", "bank", "firm"] == 100.0
    assert state.links.payable[state.links_into(np.array([2]))] == 11.0, "its own customers still owe what they owe"
    assert state.money() == money
    after = balance_sheet(state)
    for row in ("loans", "trade credit", "arrears"):
        assert after[row].sum() == pytest.approx(0.0, abs=1e-12)
    change = after["arrears"] - before["arrears"]
    assert change[[0, 2, 4, 5]].tolist() == [-7.0, 10.0, -1.0, -2.0]


def test_estate_has_its_time_before_anything_is_written_off():
    state, rule = owing_estate(), Exits(estate_weeks=3, **QUIET)
    lost = []
    for t in range(1, 6):
        rule.judge(state, Step(t, Draws(1)))
        rule.settle_estates(state, Step(t, Draws(1)))
        lost.append(float(state.firms.loan_losses.sum()))
    assert lost == [0.0, 0.0, 100.0, 0.0, 0.0]


def test_estate_without_time_is_settled_at_once_unless_it_has_something_to_pay_with():
    for cash, lost in ((0.0, [100.0, 0.0]), (50.0, [0.0, 100.0])):
        state, rule, seen = owing_estate(), Exits(estate_weeks=0, **QUIET), []
        state.firms.cash[1] = cash
        for t in range(2):
            rule.settle_estates(state, Step(t, Draws(1)))
            seen.append(float(state.firms.loan_losses.sum()))
            rule.judge(state, Step(t + 1, Draws(1)))
        assert seen == lost


def closing(plan, rows, week: int, worthless: bool = False) -> list:
    """The plan, in which these firms close in that week for a reason of their own; worthless: after their deposits went abroad."""

    def judge(phase):
        def run(state, step):
            phase(state, step)
            if step.t == week:
                firms = state.firms
                firms.alive[rows], firms.exit_cause[rows], firms.exit_week[rows] = False, MERGER, step.t
                if worthless:
                    gone = np.zeros(firms.n)
                    gone[rows] = firms.cash[rows]
                    transfer(state, "firm", "foreign", gone, "embezzled")

        return run

    return [(name, judge(phase) if name.endswith("exits.judge") else phase) for name, phase in plan]


def test_estate_of_a_healthy_firm_pays_everybody_and_leaves_the_rest_to_the_owners():
    state, plan, draws = miniature(80, 2, model="money", exits=QUIET)
    firms = state.firms
    row = np.flatnonzero((firms.kind == SMB) & (firms.debt < 0.2 * firms.equity))[:1]
    owed = firms.debt[row] + state.sum_by_customer(state.links.payable)[row]
    assert owed > 0
    lost = advance(state, closing(plan, row, 2), draws, 0, 30, lambda state: float(firms.loan_losses.sum() + firms.credit_losses.sum()))
    assert max(lost) == 0.0
    assert firms.debt[row] == 0.0
    assert abs(firms.cash[row]) < 1.0
    assert state.sum_by_customer(state.links.payable)[row] == pytest.approx(0.0, abs=1e-9)


def test_default_of_a_customer_brings_down_suppliers_that_hold_little_cash():
    """Trade credit carries failure (Jacobson and von Schedvin 2015): ten suppliers sell most of what they make to a hub. More of them
    fail where it defaults than where it closes and pays, none where it stays, and the more cash they hold the fewer."""
    hub, suppliers, source = 0, np.arange(1, 11), 11
    edges = [(int(k), hub, 520.0) for k in suppliers] + [(source, int(k), 100.0) for k in suppliers]
    network = from_edges(edges, [10_000.0, *[52.0] * 10, 500.0], sector=[3, *[4] * 10, 5])

    def failed(closes: bool, exits: dict) -> list[int]:
        sections = {"model": "money", "credit": {"enabled": False}, "exits": {"estate_weeks": 4, **exits}}
        state, plan, draws = given(network, government={"income_tax": 0.02}, **sections)
        state.firms.cash[suppliers] = np.linspace(0.0, 45.0, 10)
        advance(state, closing(plan, np.array([hub]), 1, exits == WORTHLESS) if closes else plan, draws, 0, 26)
        return [int(k) for k in suppliers if not state.firms.alive[k]]

    none, paid, lost = failed(False, QUIET), failed(True, QUIET), failed(True, WORTHLESS)
    assert none == []
    assert len(paid) < len(lost) < 10
    assert lost == list(suppliers[: len(lost)]), "those that hold least"


def test_default_travels_one_link_a_week():
    """Firm 2 owes firm 1 what firm 1 owes firm 0: insolvent one after the other, each the week after it lost its claim."""
    state = trio()
    firms, rule = state.firms, Exits(estate_weeks=0, **QUIET)
    state.links.payable[:] = 10.0
    firms.refused[:] = True
    weeks = []
    for t in range(4):
        firms.equity[:] = 5.0 - 8.0 * (t == 0) * (np.arange(3) == 2)
        claims, debts = state.sum_by_supplier(state.links.payable), state.sum_by_customer(state.links.payable)
        firms.equity[1:2] = (5.0 + claims - 10.0)[1:2]
        firms.equity[0] = 5.0 + claims[0] - 10.0
        assert debts.sum() == claims.sum()
        for phase in (rule.judge, rule.liquidate, rule.settle_estates):
            phase(state, Step(t, Draws(1)))
        weeks.append([int(row) for row in np.flatnonzero(~firms.alive)])
    assert weeks == [[2], [1, 2], [0, 1, 2], [0, 1, 2]]


# -- after the exit --------------------------------------------------------------------------------------------------------------------


def test_closed_firm_does_nothing_and_the_books_stay_closed():
    state, plan, draws = miniature(100, 2, model="money", exits=QUIET)
    firms, slots = state.firms, state.slots
    rows = np.flatnonzero(firms.kind == SMB)[::7]
    plan, books = closing(plan, rows, 1), Books(state)
    for t in range(30):
        advance(state, plan, draws, t, t + 1)
        state.check()
        assert max(books.gaps(state).values()) < 1e-9
        if t > 1:
            for column in (firms.output, firms.planned_output, firms.employment, firms.wage_bill, firms.sold_to_firms, firms.final_sales,
                           firms.counter_cost, firms.spot_cost, firms.capex, firms.capital, firms.new_loans):  # fmt: skip
                assert not column[rows].any()
            own = state.slots_of(rows)
            for column in (slots.order, slots.import_order, slots.input_use):
                assert not column[own].any()


def test_exits_that_do_not_happen_change_no_bit():
    runs = []
    for enabled in (False, True):
        state, plan, draws = miniature(80, 2, model="money", exits={"enabled": enabled, **QUIET}, production={"breakdown_hazard": 0.05})
        advance(state, plan, draws, 0, 20)
        assert state.firms.alive.all()
        runs.append(models.columns(state))
    own = {column.name for column in Exits.columns}
    assert all(np.array_equal(runs[0][place], values) for place, values in runs[1].items() if place[1] not in own)


def test_at_rest_nobody_closes():
    state, plan, draws = miniature(
        80, 2, model="money", exits={"offer_rate": 0.0, "retirement_hazard": 0.0}, sourcing={"review_hazard": 0.0}
    )
    state.firms.born[:] = -520
    output = state.firms.output.copy()
    advance(state, plan, draws, 0, 104)
    assert state.firms.alive.all()
    assert state.firms.output == pytest.approx(output, rel=1e-10)


def test_metrics_count_exits_of_the_week_by_cause():
    state, plan, draws = miniature(100, 2, model="money", exits={"offer_rate": 0.0, "retirement_hazard": 0.9})
    names = ("smbs_alive", "exits", "retirements", "illiquid_exits", "insolvent_exits", "voluntary_exits", "mergers")
    seen = np.array(advance(state, plan, draws, 0, 20, lambda state: [METRICS[name](state) for name in names]))
    assert seen[:, 1].sum() == (~state.firms.alive).sum() > 5
    assert np.array_equal(seen[:, 1], seen[:, 2:].sum(axis=1))
    assert np.array_equal(np.diff(seen[:, 0]), -seen[1:, 1])


# -- extinction ------------------------------------------------------------------------------------------------------------------------


def survives(state, plan, draws, weeks: int) -> None:
    """Finite numbers within their bounds and closed books in every week."""
    books, money = Books(state), state.money()
    for t in range(weeks):
        advance(state, plan, draws, t, t + 1)
        state.check()
        gaps = books.gaps(state)
        assert max(gaps.values()) < 1e-9, gaps
        table = balance_sheet(state)
        for row in FINANCIAL:
            assert abs(table[row].sum()) <= 1e-9 * max(np.abs(table[row]).sum(), 1.0)
        for metric in METRICS.values():
            assert np.all(np.isfinite(metric(state))), metric.name
    assert state.money() == pytest.approx(money, rel=1e-9)


@pytest.mark.parametrize("worthless", [False, True])
def test_all_smbs_of_a_sector_close_at_once(worthless):
    state, plan, draws = miniature(80, 2, model="money", exits=WORTHLESS if worthless else QUIET)
    firms = state.firms
    small = firms.kind == SMB
    rows = np.flatnonzero(small & (firms.sector == np.bincount(firms.sector[small]).argmax()))
    survives(state, closing(plan, rows, 2, worthless), draws, 30)
    assert not firms.alive[rows].any()


@pytest.mark.parametrize("model", ["money", "work", "life"])
def test_all_smbs_close_at_once(model):
    state, plan, draws = miniature(60, 2, model=model, exits=WORTHLESS)
    rows = np.flatnonzero(state.firms.kind == SMB)
    survives(state, closing(plan, rows, 2, True), draws, 30)
    assert not state.firms.alive[rows].any()


def test_everybody_retires_in_a_week_and_it_is_told():
    state, plan, draws = miniature(60, 2, model="money", exits={"retirement_hazard": 1.0})
    survives(state, plan, draws, 4)
    assert not state.firms.alive[state.firms.kind == SMB].any()
    told = [text for _, text in state.events if text.startswith("the last SMB of sector")]
    assert len(told) == len(np.unique(state.firms.sector[state.firms.kind == SMB]))


def test_economy_of_smbs_alone_dies_out_in_finite_numbers():
    """No large firm is left to sell anything."""
    state, plan, draws = given(from_edges([(0, 1, 400.0), (1, 0, 300.0)], [600.0, 900.0], sector=[3, 4]), model="money", exits=WORTHLESS)
    survives(state, closing(plan, np.array([0, 1]), 1, True), draws, 30)
    assert state.firms.output.sum() == 0.0


def test_losses_beyond_the_own_funds_of_the_bank_leave_the_books_closed():
    state, plan, draws = miniature(60, 2, model="money", exits={**WORTHLESS, "estate_weeks": 1})
    rows = np.flatnonzero(state.firms.kind == SMB)
    state.firms.debt[rows] *= 5.0  # the bank lent far beyond its means, and nothing comes back
    survives(state, closing(plan, rows[::2], 1, True), draws, 20)
    assert any("bank" in text for _, text in state.events)
    assert state.accounts.balance[state.account("bank")] >= 0.0


@settings(max_examples=8, **REPEATABLE)
@drawn(
    seed=st.integers(0, 1000),
    model=st.sampled_from(("money", "work")),
    hazard=st.floats(0.0, 1.0),
    grace=st.integers(0, 3),
    weeks=st.sampled_from((0, 1, 5)),
    recovery=st.floats(0.0, 1.0),
    fire_sale=st.floats(0.0, 1.0),
    size=st.floats(0.0, 1.0),
)
def test_random_exits_keep_every_identity(seed, model, hazard, grace, weeks, recovery, fire_sale, size):
    state, plan, draws = miniature(
        40, 2, seed, model=model,
        exits={"retirement_hazard": hazard, "grace_weeks": grace, "estate_weeks": weeks, "capital_recovery": recovery,
               "goods_recovery": recovery, "fire_sale": fire_sale},
        shocks=[{"kind": "demand", "start": 2, "stop": 12, "size": size, "target": {"share": 0.5}}],
    )  # fmt: skip
    survives(state, plan, draws, 20)
