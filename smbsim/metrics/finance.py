"""Deposits of firms, households and the state; payments overdue, trade credit, dividends and capital."""

from __future__ import annotations

import numpy as np

from ..schema import DAYS_PER_WEEK
from ..state import total
from .base import metric, smbs


@metric("currency", "Deposits of firms", axis="sector")
def sector_deposits(state):
    """Deposits of all firms by sector; overdrafts count as negative."""
    return state.by_sector(state.firms.cash)


@metric("currency", "Deposits of SMBs")
def smb_deposits(state):
    """Deposits of small and medium businesses."""
    return state.firms.cash[smbs(state)].sum()


@metric("currency", "Deposits of households")
def household_deposits(state):
    """Deposits of worker and owner households."""
    return state.households.deposits.sum()


@metric("currency", "Deposits of the state")
def government_deposits(state):
    """Deposits of the government; below zero a public debt."""
    return state.accounts.balance[state.account("government")]


@metric("1", "SMBs in overdraft")
def overdrawn_smbs(state):
    """Share of SMBs whose deposits are below zero."""
    small = smbs(state)
    return float(np.mean(state.firms.cash[small] < 0)) if small.any() else 0.0


@metric("currency/wk", "Dividends")
def dividends(state):
    """Dividends of firms to owner households."""
    return state.firms.dividends.sum()


@metric("currency", "Trade credit")
def trade_credit(state):
    """What firms owe each other for goods shipped."""
    return state.links.payable.sum()


@metric("days", "Cash days of SMBs")
def cash_days(state):
    """Days for which the deposits of an SMB cover its mean outflow, the median."""
    return _cash_days(state, 0.5)


@metric("days", "Cash days, first quartile")
def cash_days_p25(state):
    """The same, of the SMB above a quarter of them."""
    return _cash_days(state, 0.25)


@metric("days", "Cash days, third quartile")
def cash_days_p75(state):
    """The same, of the SMB below a quarter of them."""
    return _cash_days(state, 0.75)


def _cash_days(state, rank: float) -> float:
    firms, spends = state.firms, smbs(state) & (state.firms.mean_outflow > 0)
    return DAYS_PER_WEEK * float(np.quantile(firms.cash[spends] / firms.mean_outflow[spends], rank)) if spends.any() else 0.0


@metric("currency", "Overdue payments")
def overdue(state):
    """What firms should have paid by now: wages, taxes, the bank, suppliers."""
    return total(state.firms.overdue)


@metric("base currency", "Fixed assets of firms")
def capital(state):
    """Capital of firms at the prices of the base year."""
    return total(state.firms.capital)


@metric("currency/wk", "Investment of firms")
def firm_investment(state):
    """What firms want to spend on capital this week, replacement included."""
    return total(state.firms.capex)
