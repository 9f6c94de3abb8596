"""The only code that moves money, and the record of who paid whom for what.

A payment lowers the payer's deposits and raises the payee's by the same total, and is recorded as payer × payee × flow. Deposits
therefore change only by payments (and loans), and the money identity

    Σ firms' cash + Σ household deposits + Σ account balances - Σ loans = constant

holds at every moment. Source: Godley and Lavoie (2007), ch. 2 (every flow comes from somewhere and goes somewhere).
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from .state import State, total

BELOW_ONE = 1.0 - 1e-12  # so that rounding never oversteps a budget
LEAK = 1e-9  # largest difference between what is paid and what is received, relative to what is paid: rounding, never a leak


def transfer(
    state: State,
    payer: str,
    payee: str,
    amount: np.ndarray | float,
    flow: str,
    received: np.ndarray | None = None,
    rows: np.ndarray | slice = slice(None),
) -> None:
    """Move money from payer to payee.

    payer, payee : "firm", "household", an account's name; or "customer" and "supplier" for payments along the links
    amount       : currency, one entry per row of the side that has rows: (n,) firms, (2 R,) household cells, (m,) links; a scalar
                   between two accounts
    flow         : name of the flow in the transaction-flow matrix
    received     : what each row of the payee gets, where both sides have rows of different kinds; its total must be that of amount
    rows         : the firms (k,) whose amounts these are, none twice, where others pay and receive nothing; (k,) instead of (n,) entries

    Raises ValueError when an amount is not finite, or paid and received differ by more than rounding.
    """
    paid = float(total(amount) if isinstance(amount, np.ndarray) else amount)
    if not isfinite(paid):
        raise ValueError(f"{flow}: {payer} pays {payee} an amount that is not finite")
    if received is not None:
        got = float(total(received))
        if not (abs(got - paid) <= LEAK * abs(paid) or abs(got - paid) <= LEAK * float(np.abs(received).sum())):
            raise ValueError(f"{flow}: {payer} pays {paid!r}, {payee} receives {got!r}")
    _add(state, payer, amount, paid, -1.0, rows)
    _add(state, payee, amount if received is None else received, paid, 1.0, rows)
    line = (flow, _table(payer), _table(payee))
    state.flows[line] = state.flows.get(line, 0.0) + paid


def afford(state: State, due: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """What the firms can pay of what is due: min(due, spendable), which it lowers. Who comes first in the schedule is paid first.

    due (k,) currency of the firms `rows` (k,), or (n,) of all; returns as many
    """
    paid = np.minimum(due, state.firms.spendable[rows])
    state.firms.spendable[rows] -= paid
    return paid


def draw_on(state: State, policy: int, claims: np.ndarray) -> np.ndarray:
    """What the budget of a policy gives of the claims on it (currency, any rows): all, or the same share of each. It is committed.

    policy : row of the table of policies
    """
    asked, left = float(total(claims)), float(state.policies.left[policy])
    given = claims if asked <= left else claims * (left / asked * BELOW_ONE)
    committed = max(float(total(given)), 0.0)
    state.policies.left[policy] = max(left - committed, 0.0)
    state.policies.committed[policy] += committed
    return given


def promised(state: State, share: np.ndarray, cost: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The shares of costs that policies can bear, if everybody asks: what a firm may get in all, and what the budget holds, the same part
    of it for everybody.

    share (k, P) of each policy; cost (k,) currency of the firms `rows` (k,); returns (k, P)
    """
    if not share.any():
        return share
    books = state.policies
    asked = np.minimum(share * cost[:, None], BELOW_ONE * np.maximum(books.most - state.firms.support[rows], 0.0))
    whole = np.array([total(np.ascontiguousarray(claims)) for claims in asked.T])
    held = np.divide(books.left, whole, out=np.ones_like(whole), where=whole > books.left) * BELOW_ONE
    asked *= np.where(whole > books.left, held, 1.0)
    return np.divide(asked, cost[:, None], out=np.zeros_like(share), where=cost[:, None] > 0)


def bear(state: State, payee: str, share: np.ndarray, cost: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The state pays its shares of what these firms buy from an account, out of the budgets. share (k, P) as `promised`, cost (k,) currency
    of the firms `rows` (k,); returns (k,) currency."""
    borne = np.zeros(len(rows))
    for k in np.flatnonzero(share.any(axis=0)):
        given = draw_on(state, k, share[:, k] * cost)
        transfer(state, "government", payee, float(total(given)), state.policy_names[k])
        state.firms.support[rows, k] += given
        state.policies.spent[k] += float(total(given))
        borne += given
    return borne


def lend(state: State, amount: np.ndarray, flow: str = "new loans") -> None:
    """New loans (n,) currency: the bank creates the deposit with the debt, so that deposits less loans stay what they were."""
    _loans(state, amount, "bank", "firm", flow)
    state.firms.cash[:] += amount


def repay(state: State, amount: np.ndarray) -> None:
    """Principal (n,) currency: deposit and debt vanish together."""
    _loans(state, -amount, "firm", "bank", "principal")
    state.firms.cash[:] -= amount


def assume_loans(state: State, change: np.ndarray) -> None:
    """Loans change hands: what one firm no longer owes, another one does. change (n,) currency, sum zero.

    Raises ValueError when the sum is more than rounding.
    """
    if abs(float(total(change))) > LEAK * float(np.abs(change).sum()):
        raise ValueError(f"loans change hands: {float(total(change))!r} appears")
    state.firms.debt[:] += change


def write_off(state: State, amount: np.ndarray) -> None:
    """Loans that will not come back (n,) currency: debt falls, and the bank's own funds with it."""
    _loans(state, -amount, "bank", "firm", "loans written off")
    state.accounts.balance[state.account("bank")] -= float(total(amount))


def _loans(state: State, change: np.ndarray, payer: str, payee: str, flow: str) -> None:
    moved = float(total(change))
    if not isfinite(moved):
        raise ValueError(f"{flow}: an amount is not finite")
    state.firms.debt[:] += change
    line = (flow, payer, payee)
    state.flows[line] = state.flows.get(line, 0.0) + abs(moved)


def _add(state: State, holder: str, amount, paid: float, sign: float, rows: np.ndarray | slice) -> None:
    add, firms, cells = np.add if sign > 0 else np.subtract, state.firms, state.households
    if holder == "firm":
        cash = firms.cash[rows]
        add(cash, amount, out=cash)
        if not isinstance(rows, slice):  # what was taken is a copy
            firms.cash[rows] = cash
    elif holder == "household":
        add(cells.deposits, amount, out=cells.deposits)
    elif holder == "customer":
        add(firms.cash, state.sum_by_customer(amount), out=firms.cash)
    elif holder == "supplier":
        add(firms.cash, state.sum_by_supplier(amount), out=firms.cash)
    else:
        state.accounts.balance[state.account(holder)] += sign * paid


def _table(holder: str) -> str:
    return "firm" if holder in ("customer", "supplier") else holder
