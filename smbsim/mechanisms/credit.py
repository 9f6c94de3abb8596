"""Credit (M5): bank loans, applications and approval, the bank's capital limit. Under construction."""

from __future__ import annotations

from ..schema import Column, param
from .base import Mechanism


class Credit(Mechanism):
    name = "credit"
    optional = True
    columns = (
        Column("receivables", "currency", 0.0, "Trade credit given to customers", low=0),
        Column("equity", "currency", 0.0, "Net worth: deposits, receivables, goods at cost and capital, less debt, payables and arrears"),
        Column("refused", "1", 0, "The last application for a loan was refused", dtype="b1"),
        Column("applied", "wk", -(2**30), "Week of the last application for a loan", dtype="i4"),
        Column("new_loans", "currency/wk", 0.0, "Borrowed this week", low=0),
        Column("credit_factor", "1", 1.0, "Factor of shocks on approval and on the collateral accepted", low=0),
        Column("loan_spread", "share/yr", 0.0, "Added to the interest rate by shocks", low=0),
        Column("normal_leverage", "1", 0.0, "Debt by net worth at rest, at most the largest leverage that counts", low=0),
        Column("guaranteed_debt", "currency", 0.0, "Part of the debt whose loss the state bears", low=0),
        Column("guarantee_share", "1", 0.0, "Share of a loss on new loans that the state bears", low=0, high=1),
    )
    reads = ()
    writes = tuple(c.name for c in columns)

    enabled: bool = param(False, unit="switch", doc="Bank loans; off: nobody borrows", source="limit of M5")

    def appraise(self, state, step):
        """Net worth of every firm."""

    def borrow(self, state, step):
        """Firms short of cash apply; the bank decides and creates the deposits."""
