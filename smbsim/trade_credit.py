"""Trade credit along links: what each firm owes and is owed for what was shipped, and the weekly payment (MODEL.md M5).

    AP_i = Σ_{e into i} TC_e ,  AR_j = Σ_{e out of j} TC_e
    due  = AP / τ ,  of a closed firm all ;  paid = min(due, S) after what is due abroad, the same share of every link
    R_j  = AR_j / τ + Σ_e (paid_e - TC_e / τ) over the links of customers who pay another share than most

Sums by firm are columns, so that a week of payments needs no sum over all links: most customers pay the usual share of each, and their
suppliers receive that share of what they are owed. Links of the others are gone through one by one; all, where most of what is owed is
theirs. No money moves here: `finance` transfers what is returned.

symbol  column                unit
TC      payable               currency
AR, AP  receivables, payables currency
τ       payment_terms         wk
S       spendable             currency
"""

from __future__ import annotations

import numpy as np

from .accounts import BELOW_ONE
from .kernel import kernel
from .state import State
from .suppliers import sums_of

RUN = 32  # firms whose links are paid in one flat loop; of more, most have a link that is nearly paid and are gone through again
NEGLIGIBLE = 1e-200  # currency; less is not owed any more: numbers below 1e-308 are slow to add
ROUNDING = 1e-12  # of a sum of links: less is left of it by rounding alone


def pay_suppliers(state: State, smallest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Firms pay what is due on trade credit as far as they can. Returns what each pays abroad and to its suppliers, and receives.

    smallest : currency; less than this on a link that carries nothing any more is paid at once
    Returns three (n,) currency; `spendable` and what is owed are lower by it, deposits are not yet.
    """
    firms, links = state.firms, state.links
    check_credit(state)
    usual = 1.0 / float(firms.payment_terms[np.argmax(firms.payables)]) if firms.n else 0.0  # as who owes most
    paid, abroad, singly = np.empty(firms.n), np.empty(firms.n), np.empty(firms.n, dtype=np.bool_)
    state.customers.run(
        find_due, usual, firms.alive, firms.payment_terms, firms.payables, firms.import_payable, firms.spendable, firms.trade_due,
        firms.trade_overdue, abroad, paid, singly,
    )  # fmt: skip
    if float(firms.payables[singly].sum()) > 0.5 * float(firms.payables.sum()):
        usual, singly[:] = 0.0, firms.payables > 0.0
    last = np.zeros(firms.n, dtype=np.bool_)
    state.customers.run(pay_usual, usual, smallest, state.customer_start, singly, links.weight, links.payable, last)
    received = usual * firms.receivables
    pay_singly(
        np.flatnonzero(singly), usual, state.customer_start, firms.alive, firms.payment_terms, links.supplier, links.payable, paid, received
    )
    pay_last(
        np.flatnonzero(last | singly), smallest, state.customer_start, links.supplier, links.weight, links.payable, firms.spendable,
        firms.trade_due, paid, received,
    )  # fmt: skip
    settle_credit(state, paid, received)
    return abroad, paid, received


def settle_credit(state: State, paid: np.ndarray, received: np.ndarray) -> None:
    """Payables and receivables of firms fall by what was paid and received, or written off, (n,) currency."""
    state.customers.run(take_off, paid, received, state.firms.payables, state.firms.receivables)


def check_credit(state: State) -> None:
    """Receivables from the links where they have moved from payables by more than rounding: where little is left of what once was owed."""
    owed = float(state.firms.payables.sum())
    if abs(float(state.firms.receivables.sum()) - owed) > ROUNDING * owed:
        sum_credit(state)


def sum_credit(state: State) -> None:
    """Receivables and payables of firms, from the links; for who changes these otherwise than by shipping and paying."""
    owed = state.links.payable
    state.firms.receivables[:], state.firms.payables[:] = state.sum_by_supplier(owed), state.sum_by_customer(owed)


def recount_credit(state: State, firms: np.ndarray) -> None:
    """Receivables and payables of these firms, from their links. firms (k,) rows"""
    rows, owed = np.unique(firms), state.links.payable
    state.firms.receivables[rows] = sums_of(owed, state.links_out_of(rows), state.supplier_start, rows)
    state.firms.payables[rows] = sums_of(owed, state.links_into(rows), state.customer_start, rows)


@kernel
def find_due(start, stop, usual, alive, terms, payables, import_payable, spendable, trade_due, trade_overdue, paid_abroad, paid, singly):
    """What is due, and what each firm pays of it, abroad first and then to suppliers, as far as what it can spend goes:

    due = TC / τ, of a closed firm all ,  paid = due · min(1, spendable / Σ due), a trillionth less where it falls short ,  TC ← TC - paid

    Abroad it is paid here. alive, terms τ wk, payables AP (n,); changes import_payable, spendable (n,); writes trade_due,
    trade_overdue, paid_abroad, paid (n,) currency; singly (n,): it pays another share of its links than `usual`, the 1/τ of most
    """
    for i in range(start, stop):
        rate = 1.0 / terms[i] if alive[i] else 1.0
        able = spendable[i]
        abroad = import_payable[i] * rate
        part = abroad if abroad < able else able
        paid_abroad[i] = abroad if abroad <= able else BELOW_ONE * able
        import_payable[i] -= paid_abroad[i]
        due = payables[i] * rate
        able -= part
        spendable[i] = able - due if due < able else 0.0
        trade_due[i] = abroad + due
        trade_overdue[i] = (abroad - part) + (due - able if due > able else 0.0)
        paid[i] = due if due <= able else BELOW_ONE * able
        singly[i] = due > 0.0 and (due > able or rate != usual)


@kernel
def pay_usual(start, stop, usual, smallest, customer_start, singly, weight, payable, last):
    """TC ← TC - usual TC of firms that do not pay singly; who may have a last payment to make.

    singly (n,); weight (m,); changes payable (m,); writes last (n,): less than `smallest` is left on a link that carries nothing any more
    """
    i = start
    while i < stop:
        j = i
        while j < stop and j < i + RUN and not singly[j]:
            j += 1
        small = False
        for e in range(np.uint64(customer_start[i]), np.uint64(customer_start[j])):
            rest = payable[e] - payable[e] * usual
            payable[e] = rest if rest > NEGLIGIBLE else 0.0
            small |= NEGLIGIBLE < rest < smallest
        if small:
            for k in range(i, j):
                for e in range(np.uint64(customer_start[k]), np.uint64(customer_start[k + 1])):
                    if 0.0 < payable[e] < smallest and weight[e] == 0.0:
                        last[k] = True
        i = j + 1 if j < stop and j < i + RUN else j


@kernel
def pay_singly(rows, usual, customer_start, alive, terms, supplier, payable, paid, received):
    """The firms `rows` (k,) pay `paid`, in proportion to what is due on each link, and received_j += paid_e - usual TC_e.

    alive, terms wk (n,); supplier (m,); changes payable (m,), received (n,), which holds usual · AR, and paid (n,), to the last digit
    """
    for i in rows:
        links = np.uint64(customer_start[i]), np.uint64(customer_start[i + 1])
        rate = 1.0 / terms[i] if alive[i] else 1.0
        due = 0.0
        for e in range(links[0], links[1]):
            due += payable[e] * rate
        share = rate if paid[i] >= due else rate * (paid[i] / due)
        paid[i] = 0.0
        for e in range(links[0], links[1]):
            part = payable[e] * share
            received[np.uint32(supplier[e])] += part - usual * payable[e]
            rest = payable[e] - part
            payable[e] = rest if rest > NEGLIGIBLE else 0.0
            paid[i] += part


@kernel
def pay_last(rows, smallest, customer_start, supplier, weight, payable, spendable, trade_due, paid, received):
    """The firms `rows` (k,) that can pay all that is left on links that carry nothing any more, where it is less than `smallest`.

    supplier, weight (m,); changes payable (m,), spendable, trade_due, paid, received (n,) currency
    """
    for i in rows:
        links = np.uint64(customer_start[i]), np.uint64(customer_start[i + 1])
        left = 0.0
        for e in range(links[0], links[1]):
            left += payable[e] if payable[e] < smallest and weight[e] == 0.0 else 0.0
        if 0.0 < left <= spendable[i]:
            spendable[i] -= left
            trade_due[i] += left
            paid[i] += left
            for e in range(links[0], links[1]):
                if payable[e] < smallest and weight[e] == 0.0:
                    received[np.uint32(supplier[e])] += payable[e]
                    payable[e] = 0.0


@kernel
def take_off(start, stop, paid, received, payables, receivables):
    """AP ← AP - paid ,  AR ← AR - received ; what is left within rounding is nothing. paid, received (n,); changes payables, receivables"""
    for i in range(start, stop):
        left = payables[i] - paid[i]
        payables[i] = left if abs(left) > ROUNDING * abs(payables[i]) else 0.0
        left = receivables[i] - received[i]
        receivables[i] = left if abs(left) > ROUNDING * abs(receivables[i]) else 0.0
