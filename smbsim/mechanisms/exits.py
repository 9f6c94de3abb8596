"""Exits (M5): arrears, insolvency, retirement; the estates of firms that closed, and what is written off. Under construction."""

from __future__ import annotations

from ..schema import Column, param
from .base import Mechanism

NEVER = 2**30
CAUSES = ("none", "illiquid", "insolvent", "voluntary", "retirement", "merger")


class Exits(Mechanism):
    name = "exits"
    optional = True
    columns = (
        Column("weeks_in_arrears", "wk", 0, "Weeks in a row in which something due was not paid", dtype="i4", low=0),
        Column("exit_week", "wk", NEVER, "Week in which the firm closed", dtype="i4"),
        Column("exit_cause", "1", 0, "Why it closed: 0 it has not, 1 illiquid, 2 insolvent, 3 voluntary, 4 retirement, 5 merger",
               dtype="i1", low=0, high=5),
        Column("credit_losses", "currency/wk", 0.0, "Trade credit written off this week, as a supplier", low=0),
        Column("loan_losses", "currency/wk", 0.0, "Loans to the firm written off this week", low=0),
    )  # fmt: skip
    reads = ()
    writes = tuple(c.name for c in columns)

    enabled: bool = param(False, unit="switch", doc="Firms can close; off: nobody does", source="limit of M5")

    def judge(self, state, step):
        """Who closes this week, and why."""

    def liquidate(self, state, step):
        """The firms that closed sell what they have."""

    def settle_estates(self, state, step):
        """Estates pay what they owe, and what is left after their time is written off."""
