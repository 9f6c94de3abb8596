"""Money moves only by `transfer`: between every pair of holders, without a leak, on the record."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smbsim
from smbsim.accounts import LEAK, afford, lend, repay, transfer, write_off
from smbsim.schema import Column
from smbsim.state import State

PACKAGE = Path(smbsim.__file__).parent
HOLDERS = ("firm", "household", "customer", "supplier", "government", "bank")
FIRMS, CELLS, LINKS = 4, 4, 5
SUPPLIER, CUSTOMER = np.array([1, 2, 0, 1, 3]), np.array([0, 0, 2, 3, 3])


def economy() -> State:
    """Four firms with five links, two regions, two accounts; everybody holds 1000 and nobody has borrowed."""
    state = State(
        (Column("debt", "currency", 0.0, "Bank loans", low=0),),
        sectors=("a",),
        regions=("north", "south"),
        accounts=("government", "bank"),
        firms={"uid": np.arange(FIRMS), "sector": np.zeros(FIRMS, dtype=int)},
        slots=(np.array([0, 2, 3]), np.zeros(3, dtype=int)),
        links=(SUPPLIER, CUSTOMER, np.zeros(LINKS, dtype=int)),
        widths={},
    )
    for deposits in (state.firms.cash, state.households.deposits, state.accounts.balance):
        deposits[:] = 1000.0
    return state


def amounts(holder: str) -> np.ndarray | float:
    """Different amounts for the rows of a holder, 60 in all."""
    rows = {"firm": FIRMS, "household": CELLS, "customer": LINKS, "supplier": LINKS}.get(holder)
    if rows is None:
        return 60.0
    values = np.arange(1.0, rows + 1)
    return values * 60.0 / values.sum()


def expected(holder: str, amount, paid: float):
    """(table, column, change by row) of what a holder pays or receives."""
    if holder == "firm":
        return "firms", "cash", amount
    if holder == "household":
        return "households", "deposits", amount
    if holder in ("customer", "supplier"):
        by_firm = np.zeros(FIRMS)
        for link, firm in enumerate(CUSTOMER if holder == "customer" else SUPPLIER):
            by_firm[firm] += amount[link]
        return "firms", "cash", by_firm
    return "accounts", "balance", paid * np.array([holder == "government", holder == "bank"], dtype=float)


def balances(state: State) -> dict:
    return {
        ("firms", "cash"): state.firms.cash.copy(),
        ("households", "deposits"): state.households.deposits.copy(),
        ("accounts", "balance"): state.accounts.balance.copy(),
    }


@pytest.mark.parametrize(("payer", "payee"), [*itertools.product(HOLDERS, HOLDERS)])
def test_transfer_moves_money_between_every_pair_of_holders(payer, payee):
    """Each row of the payer loses its amount, each row of the payee gains its own; everybody else keeps what they have."""
    state = economy()
    wanted = balances(state)
    # one array does for both sides where the rows are the same, or one side is a single account
    accounts = ("government", "bank")
    shared = payer in accounts or payee in accounts or payer == payee or {payer, payee} == {"customer", "supplier"}
    amount, received = amounts(payee if payer in accounts else payer), amounts(payee)
    transfer(state, payer, payee, amount, "test", None if shared else received)
    for holder, value, sign in ((payer, amount, -1.0), (payee, amount if shared else received, 1.0)):
        table, column, change = expected(holder, value, 60.0)
        wanted[table, column] = wanted[table, column] + sign * change
    for name, values in balances(state).items():
        assert np.allclose(values, wanted[name], rtol=1e-15, atol=1e-12)
    assert state.money() == pytest.approx(10_000.0, rel=1e-15)
    table = {"customer": "firm", "supplier": "firm"}
    assert state.flows == {("test", table.get(payer, payer), table.get(payee, payee)): pytest.approx(60.0, rel=1e-15)}


payments = st.lists(
    st.tuples(
        st.sampled_from(HOLDERS),
        st.sampled_from(HOLDERS),
        st.lists(st.floats(-1e9, 1e9), min_size=5, max_size=5),
        st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(payments)
def test_transfers_conserve_money(drawn):
    """Whoever pays whom however often: Σ deposits changes by rounding at most, and each flow is recorded with its total."""
    state = economy()
    total = {}
    turnover = 0.0
    for payer, payee, values, shares in drawn:
        paid = np.array(values)[: len(np.atleast_1d(amounts(payer)))]
        weights = np.array(shares)[: len(np.atleast_1d(amounts(payee)))]
        scalar = payer in ("government", "bank")
        amount = float(paid[0]) if scalar else paid
        whole = float(np.sum(amount))
        received = None if payee in ("government", "bank") else whole * weights / weights.sum()
        if scalar and received is not None:
            amount, received = received, None  # an account pays the rows of the payee
        elif received is not None and abs(received.sum() - whole) > LEAK * np.abs(received).sum():
            continue
        transfer(state, payer, payee, amount, "f", received)
        line = ("f", {"customer": "firm", "supplier": "firm"}.get(payer, payer), {"customer": "firm", "supplier": "firm"}.get(payee, payee))
        total[line] = total.get(line, 0.0) + whole
        turnover += np.abs(paid).sum()
    assert abs(state.money() - 10_000.0) <= 1e-13 * (10_000.0 + turnover)
    assert state.flows.keys() == total.keys()
    for line, amount in total.items():
        assert abs(state.flows[line] - amount) <= 1e-12 * (1.0 + turnover)


def test_payments_of_nothing_leave_every_bit():
    state = economy()
    state.firms.cash[:] = [0.1, -0.2, 1e-300, 3.0]
    before = {name: values.tobytes() for name, values in balances(state).items()}
    for payer, payee in itertools.product(HOLDERS, HOLDERS):
        received = None if payer == payee or "government" in (payer, payee) or "bank" in (payer, payee) else 0 * amounts(payee)
        amount = amounts(payee if payer in ("government", "bank") else payer)
        transfer(state, payer, payee, 0 * amount, "nothing", received)
    assert {name: values.tobytes() for name, values in balances(state).items()} == before


def test_flows_of_one_name_add_up_by_payer_and_payee():
    state = economy()
    transfer(state, "firm", "government", np.ones(FIRMS), "tax")
    transfer(state, "firm", "government", np.ones(FIRMS), "tax")
    transfer(state, "household", "government", np.ones(CELLS), "tax")
    transfer(state, "customer", "supplier", np.ones(LINKS), "inputs")
    assert state.flows == {("tax", "firm", "government"): 8.0, ("tax", "household", "government"): 4.0, ("inputs", "firm", "firm"): 5.0}


def test_received_may_be_spread_otherwise_than_paid():
    state = economy()
    transfer(state, "firm", "household", np.array([10.0, 0.0, 0.0, 0.0]), "wages", np.array([1.0, 2.0, 3.0, 4.0]))
    assert state.firms.cash.tolist() == [990.0, 1000.0, 1000.0, 1000.0]
    assert state.households.deposits.tolist() == [1001.0, 1002.0, 1003.0, 1004.0]


def unchanged(state: State, before: dict) -> bool:
    return all(np.array_equal(values, before[name]) for name, values in balances(state).items()) and state.flows == {}


def test_leak_is_refused_before_anything_moves():
    state = economy()
    before = balances(state)
    with pytest.raises(ValueError, match=r"^wages: firm pays 10\.0, household receives 9\.9999$"):
        transfer(state, "firm", "household", np.array([10.0, 0, 0, 0]), "wages", np.array([9.9999, 0, 0, 0]))
    assert unchanged(state, before)


@pytest.mark.parametrize(("share", "refused"), [(1.0 + 0.5 * LEAK, False), (1.0 + 2 * LEAK, True), (1.0 - 2 * LEAK, True)])
def test_rounding_is_no_leak(share, refused):
    state, paid = economy(), np.array([1e6, 0, 0, 0])
    if refused:
        with pytest.raises(ValueError, match="receives"):
            transfer(state, "firm", "household", paid, "wages", share * paid)
    else:
        transfer(state, "firm", "household", paid, "wages", share * paid)


def test_something_for_nothing_is_a_leak():
    with pytest.raises(ValueError, match=r"^gift: firm pays 0\.0, household receives 1e-12$"):
        transfer(economy(), "firm", "household", np.zeros(FIRMS), "gift", np.array([1e-12, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("payer", "payee"), [("firm", "government"), ("government", "household"), ("customer", "supplier"), ("bank", "government")]
)
def test_amount_that_is_not_finite_is_refused_before_anything_moves(wrong, payer, payee):
    state = economy()
    before = balances(state)
    amount = amounts(payee if payer == "government" else payer)
    amount = wrong if isinstance(amount, float) else np.where(np.arange(len(amount)) == 2, wrong, amount)
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=f"^tax: {payer} pays {payee} an amount that is not finite$"):
        transfer(state, payer, payee, amount, "tax")
    assert unchanged(state, before)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_receipt_that_is_not_finite_is_refused(wrong):
    state = economy()
    before = balances(state)
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=r"^wages: firm pays"):
        transfer(state, "firm", "household", np.ones(FIRMS), "wages", np.array([4.0, wrong, 0.0, 0.0]))
    assert unchanged(state, before)


# -- loans and payments that can fail ----------------------------------------------------------------------------------------------------

LOAN = np.array([100.0, 0.0, 50.0, 0.0])


def test_loan_makes_the_deposit_that_its_repayment_destroys():
    """Deposits and debt rise by 150 and fall by 75: money, deposits less loans, stays what it was at every moment."""
    state = economy()
    money = state.money()
    lend(state, LOAN)
    assert state.firms.cash.tolist() == [1100.0, 1000.0, 1050.0, 1000.0]
    assert state.firms.debt.tolist() == LOAN.tolist()
    assert state.money() == money
    repay(state, 0.5 * LOAN)
    assert state.firms.cash.tolist() == [1050.0, 1000.0, 1025.0, 1000.0]
    assert state.firms.debt.tolist() == [50.0, 0.0, 25.0, 0.0]
    assert state.money() == money
    assert state.flows == {("new loans", "bank", "firm"): 150.0, ("principal", "firm", "bank"): 75.0}


def test_loan_written_off_is_the_loss_of_the_bank():
    """The same amount twice, with opposite sign: debtor and bank; deposits of firms stay."""
    state = economy()
    lend(state, LOAN)
    money, cash = state.money(), state.firms.cash.tolist()
    write_off(state, LOAN)
    assert not state.firms.debt.any()
    assert state.firms.cash.tolist() == cash
    assert state.accounts.balance.tolist() == [1000.0, 850.0]
    assert state.money() == money


@pytest.mark.parametrize("change", [lend, repay, write_off])
def test_loan_that_is_not_finite_is_refused_before_anything_moves(change):
    state = economy()
    before = balances(state)
    with pytest.raises(ValueError, match="not finite"):
        change(state, np.array([1.0, np.nan, 0.0, 0.0]))
    assert unchanged(state, before)
    assert not state.firms.debt.any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e6), min_size=FIRMS, max_size=FIRMS), min_size=1, max_size=5), st.floats(0, 1e6))
def test_nobody_pays_more_than_there_is(dues, purse):
    """However many payments fall due: each is paid as far as the purse goes, the first ones first, and what is left is never negative."""
    state = economy()
    state.firms.spendable[:] = purse
    left = np.full(FIRMS, purse)
    for due in map(np.array, dues):
        paid = afford(state, due)
        assert np.all(paid == np.minimum(due, left))
        left = state.firms.spendable.copy()
        assert left.min() >= 0.0


# -- nobody else -------------------------------------------------------------------------------------------------------------------------

MONEY = {("firms", "cash"), ("households", "deposits"), ("accounts", "balance")}
OWNERS = {"cash", "deposits", "balance"}
# set a state of their own to what they ask about; no run passes through them
EXPERIMENTS = {("analysis/stability.py", "_week"), ("bench/week.py", "core")}


def functions(tree: ast.AST):
    """(name, node) of every function; a nested function belongs to the outer one."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        else:
            yield from functions(node)


def written(node: ast.AST) -> set[str]:
    """Names of the money columns that a statement assigns to, whole or in part, or hands to a function as `out`.

    What an object keeps under such a name of its own, `self.balance`, is no column.
    """
    targets = []
    for part in ast.walk(node):
        if isinstance(part, ast.Assign):
            targets += part.targets
        elif isinstance(part, ast.AugAssign | ast.AnnAssign):
            targets.append(part.target)
        elif isinstance(part, ast.Call):
            targets += [word.value for word in part.keywords if word.arg == "out"]
            if isinstance(part.func, ast.Attribute) and part.func.attr in ("fill", "put", "at", "copyto", "sort"):
                targets += [*part.args[:1], part.func.value]
    columns = [x for target in targets for x in _bases(target) if isinstance(x, ast.Attribute) and x.attr in OWNERS]
    return {x.attr for x in columns if not (isinstance(x.value, ast.Name) and x.value.id == "self")}


def _bases(target: ast.AST):
    """The arrays behind an assignment target: a[:], (a, b), *a."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _bases(part)
    elif isinstance(target, ast.Subscript | ast.Starred):
        yield from _bases(target.value)
    else:
        yield target


def writers() -> dict[tuple[str, str], set[str]]:
    """(file, function) → money columns that it writes."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, node in functions(tree):
            if columns := written(node):
                found[path.relative_to(PACKAGE).as_posix(), name] = columns
    return found


def test_the_search_sees_every_kind_of_assignment():
    for code in (
        "s.firms.cash[:] = 1", "s.firms.cash[i] += 1", "a, s.firms.cash[:] = 1, 2", "np.add(a, b, out=s.firms.cash)", "firms.cash.fill(0)",
        "np.add.at(s.firms.cash, i, 1)",
    ):  # fmt: skip
        assert written(ast.parse(code)) == {"cash"}, code
    for code in ("x = s.firms.cash[:] + 1", "self.balance = s.accounts.balance.copy()"):
        assert written(ast.parse(code)) == set(), code


def test_only_transfer_and_settling_change_deposits():
    """No other function of the package assigns to firms' cash, household deposits or account balances."""
    found = writers()
    assert found[("accounts.py", "_add")] == OWNERS
    strangers = {
        (file, name)
        for file, name in found
        if file != "accounts.py" and not name.lstrip("_").startswith("settle") and (file, name) not in EXPERIMENTS
    }
    assert strangers == set()


def test_every_resting_deposit_is_settled_by_its_mechanism():
    settled = {(file, frozenset(columns)) for (file, name), columns in writers().items() if name == "settle"}
    assert settled == {
        ("mechanisms/finance.py", frozenset({"cash", "balance"})),
        ("mechanisms/households.py", frozenset({"deposits"})),
        ("mechanisms/government.py", frozenset({"balance"})),
        ("mechanisms/foreign.py", frozenset({"balance"})),
        ("mechanisms/passthrough.py", frozenset({"balance"})),
    }
