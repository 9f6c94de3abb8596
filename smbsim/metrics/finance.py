"""Deposits of firms, households and the state; how many firms live on an overdraft."""

from __future__ import annotations

import numpy as np

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
