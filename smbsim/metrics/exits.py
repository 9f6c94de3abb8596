"""Who closed this week and why, how many SMBs there are, and what the creditors of the closed lost. All zero where nobody can close."""

from __future__ import annotations

import numpy as np

from ..state import ILLIQUID, INSOLVENT, MERGER, RETIREMENT, SMB, VOLUNTARY
from .base import metric, smbs


def closed(state) -> np.ndarray:
    """(n,) the firm closed this week."""
    return ~state.firms.alive & (state.firms.weeks_since_exit == 0)


def _closed_for(state, cause: int) -> int:
    return int((closed(state) & (state.firms.exit_cause == cause)).sum())


@metric("firms", "SMBs")
def smbs_alive(state):
    """Small and medium businesses that have not closed."""
    return smbs(state).sum()


@metric("1", "SMBs of the start")
def surviving_smbs(state):
    """Share still there of the small and medium businesses that were there in week 0; 1 before it."""
    firms = state.firms
    start = (firms.kind == SMB) & (firms.born <= 0) & (firms.exit_week >= 0)
    return float(np.mean(firms.alive[start])) if start.any() else 0.0


@metric("firms/wk", "Exits")
def exits(state):
    """SMBs that closed this week, for whatever cause."""
    return closed(state).sum()


@metric("firms/wk", "Exits: illiquid")
def illiquid_exits(state):
    """SMBs that closed after too many weeks in arrears."""
    return _closed_for(state, ILLIQUID)


@metric("firms/wk", "Exits: insolvent")
def insolvent_exits(state):
    """SMBs that closed without net worth and without a loan."""
    return _closed_for(state, INSOLVENT)


@metric("firms/wk", "Exits: voluntary")
def voluntary_exits(state):
    """SMBs that closed because the owner was offered more than the firm brought."""
    return _closed_for(state, VOLUNTARY)


@metric("firms/wk", "Exits: retirement")
def retirements(state):
    """SMBs that closed because the owner retired."""
    return _closed_for(state, RETIREMENT)


@metric("firms/wk", "Exits: merger")
def mergers(state):
    """SMBs that another firm bought."""
    return _closed_for(state, MERGER)


@metric("firms", "SMBs in arrears")
def smbs_in_arrears(state):
    """SMBs that could not pay something that was due this week."""
    return (smbs(state) & (state.firms.weeks_in_arrears > 0)).sum()


@metric("currency/wk", "Loans written off")
def loans_written_off(state):
    """Loans to closed firms that the bank gave up this week, guaranteed parts included."""
    return state.firms.loan_losses.sum()


@metric("currency/wk", "Trade credit written off")
def trade_credit_written_off(state):
    """What suppliers lost this week to customers that closed; suppliers abroad left out."""
    return state.firms.credit_losses.sum()
