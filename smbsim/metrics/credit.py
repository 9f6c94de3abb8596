"""Bank loans: what is owed, asked for and refused, and what the bank can bear."""

from __future__ import annotations

import numpy as np

from ..state import total
from .base import metric, smbs


@metric("currency", "Bank loans")
def loans(state):
    """Loans of the bank to firms."""
    return total(state.firms.debt)


@metric("currency/wk", "Loans asked for")
def loans_asked(state):
    """Loans that SMBs applied for this week."""
    return total(state.firms.requested)


@metric("currency/wk", "New loans")
def new_loans(state):
    """Loans granted this week."""
    return total(state.firms.new_loans)


@metric("firms/wk", "Loan applications")
def loan_applications(state):
    """SMBs that applied for a loan this week."""
    return float(np.count_nonzero(state.firms.requested))


@metric("firms/wk", "Loans approved in full")
def loans_in_full(state):
    """Of them, those that got all they asked for."""
    asked, got = state.firms.requested, state.firms.new_loans
    return float(np.count_nonzero((asked > 0) & (got >= asked)))


@metric("1", "SMBs refused a loan")
def refused_smbs(state):
    """Share of SMBs whose last application was refused."""
    small = smbs(state)
    return float(np.mean(state.firms.refused[small])) if small.any() else 0.0


@metric("share/yr", "Interest rate")
def interest_rate(state):
    """Mean rate on the loans of firms, by value."""
    owed = total(state.firms.debt)
    return total(state.firms.interest_rate * state.firms.debt) / owed if owed > 0 else 0.0


@metric("1", "Leverage of SMBs")
def smb_leverage(state):
    """Debt of SMBs by their net worth, the median."""
    small = smbs(state)
    return float(np.median(state.firms.leverage[small])) if small.any() else 0.0


@metric("1", "Own funds of the bank")
def bank_own_funds(state):
    """Own funds of the bank as a share of its loans."""
    owed = total(state.firms.debt)
    return float(state.accounts.balance[state.account("bank")]) / owed if owed > 0 else 0.0
