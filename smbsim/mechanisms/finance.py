r"""Finance (M5) in its limit: whatever is due is paid, from an overdraft at zero interest if need be; nobody fails.

    due_e       = TC_e / τ                                  trade credit along the links, and imports bought on credit
    interest_i  = r L_i / 52                                loans are rolled over, ΔL = 0; the bank passes interest on to owners
    capex_i     = δ K_i                                     replacement of capital; the investment pool buys the goods
    profit_i    = p x_i - inputs used - counter and spot inputs - emergency imports - wages - product taxes - capex - interest
    dividends_i = [ M_i - M*_i ]⁺ / 13 ,   M*_i = max( n_M · outflow ,  outflow - final receipts )

Inputs used are valued at their mean purchase price, emergency imports at what they cost; capex stands for depreciation, which it
replaces. At rest M = M* + 12 dividends, so that the dividend of a week is a thirteenth of what is above the target. n_M is lognormal over
SMBs with the median of their sector.

symbol  column              unit
M       cash                currency
M*      liquidity_target    currency
L       debt                currency
K       capital             currency
TC      payable             currency

Sources: JPMorgan Chase Institute (2016), "Cash is King", for n_M; IRS SOI 2013 for debt; Godley and Lavoie (2007), ch. 3.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer
from ..rest import BANK, FOREIGN, INVESTMENT
from ..schema import DAYS_PER_WEEK, Column, param
from ..state import SMB, total
from .base import Mechanism


class Finance(Mechanism):
    name = "finance"
    columns = (
        Column("debt", "currency", 0.0, "Bank loans", low=0),
        Column("capital", "base currency", 0.0, "Fixed assets", low=0),
        Column("capex", "currency/wk", 0.0, "Planned spending on capital", low=0),
        Column("interest", "currency/wk", 0.0, "Interest on bank loans", low=0),
        Column("liquidity_target", "currency", 0.0, "Deposits above which dividends are paid"),
        Column("profit", "currency/wk", 0.0, "Taxable profit"),
        Column("dividends", "currency/wk", 0.0, "Paid to owners", low=0),
        Column("mean_outflow", "currency/wk", 0.0, "What falls due in a week, but dividends and new capital: mean of 13 weeks"),
        Column("mean_receipts", "currency/wk", 0.0, "Paid to the firm over the counter in a week: mean of 13 weeks", low=0),
        Column("mean_profit", "currency/wk", 0.0, "Profit after interest: mean of 52 weeks"),
        Column("mean_demand", "base currency/wk", 0.0, "Demand: mean of 52 weeks", low=0),
        Column("cash_cover", "wk", 0.0, "Weeks of outflow that the firm wants to hold as deposits", low=0),
        Column("normal_debt", "currency", 0.0, "Bank loans that roll over; what is above them is repaid", low=0),
        Column("interest_rate", "share/yr", 0.0, "Rate on the bank loans of the firm", low=0),
        Column("interest_arrears", "currency", 0.0, "Interest due and not paid", low=0),
        Column("principal", "currency/wk", 0.0, "Repaid to the bank this week", low=0),
        Column("loan_overdue", "currency", 0.0, "Principal that fell due this week and was not paid; still part of the debt", low=0),
        Column("trade_overdue", "currency", 0.0, "Trade credit that fell due this week and was not paid; still payable", low=0),
        Column("overdue", "currency", 0.0, "All that fell due up to this week and is not paid: wages, taxes, the bank, suppliers", low=0),
        Column("capital_coefficient", "wk", 0.0, "Capital per unit of capacity; 0: capacity needs no capital", low=0),
        Column("capital_need", "wk", 0.0, "Capital wanted per unit of mean demand", low=0),
        Column("depreciation_share", "1/wk", 0.0, "Share of capital that wears out in a week", low=0, high=1),
        Column("depreciation", "currency/wk", 0.0, "Capital worn out this week, at its price today", low=0),
        Column("capital_price", "currency per base currency", 1.0, "Price of capital (row of the investment pool)", axis="account", low=0),
        Column("residual_investment", "currency/wk", 0.0, "Planned housing and net investment of the cell", axis="household", low=0),
        Column("invested", "currency/wk", 0.0, "Paid for it this week", axis="household"),
    )
    reads = ("payment_terms", "output", "price", "input_use", "emergency_import", "purchase_price",
             "counter_cost", "spot_cost", "emergency_cost",
             "wage_bill", "product_tax_paid", "final_sales")  # fmt: skip
    writes = (*(c.name for c in columns), "payable", "import_payable", "income", "cash", "deposits", "balance")

    enabled: bool = param(False, unit="switch", doc="Credit and failure; off: overdraft at zero interest, no exits",
                                    source="limit of M5")  # fmt: skip
    loan_rate: float = param(0.07, unit="share/yr", doc="r: interest on bank loans", low=0, high=1,
                             source="assumption; new small business loans cost 7 to 10 % in 2023-24 (Kansas City Fed)")  # fmt: skip
    cash_days: float | None = param(None, unit="days", doc="Median days of outflow held as deposits; null: by sector from the economy",
                                    low=0, high=365, source="JPMorgan Chase Institute (2016): 27 days, by sector 16 to 47")  # fmt: skip
    cash_spread: float = param(1.0, unit="1", doc="Standard deviation of the logarithm of cash days over SMBs", low=0, high=3,
                               source="JPMorgan Chase Institute (2016): quartiles 13 and 62 days")  # fmt: skip
    dividend_weeks: float = param(13.0, unit="wk", doc="Time over which cash above the target is paid out", low=1, high=260,
                                  source="assumption")  # fmt: skip
    own_funds_share: float = param(0.08, unit="1", doc="Bank's own funds at rest as a share of loans", low=0, high=1,
                                   source="assumption; the Basel minimum of total capital")  # fmt: skip

    def settle(self, state, rest):
        from scipy.special import ndtri  # half a second to import

        firms = state.firms
        for name in ("debt", "capital", "capex", "interest", "dividends"):
            getattr(firms, name)[:] = getattr(rest, name)
        firms.profit[:] = rest.surplus - rest.capex - rest.interest
        state.households.residual_investment[:] = rest.residual_investment
        state.households.invested[:] = rest.residual_investment
        days = rest.cash_days if self.cash_days is None else np.full(firms.n, self.cash_days)
        spread = np.where(firms.kind == SMB, np.exp(self.cash_spread * ndtri(np.clip(rest.cash_rank, 1e-6, 1 - 1e-6))), 1.0)
        outflow = rest.output - rest.dividends
        firms.liquidity_target[:] = np.maximum(days / DAYS_PER_WEEK * spread * outflow, outflow - firms.final_sales)
        firms.cash[:] = firms.liquidity_target + (self.dividend_weeks - 1.0) * rest.dividends
        state.accounts.balance[state.account(BANK)] = self.own_funds_share * rest.debt.sum()

    def plan_investment(self, state, step):
        """What firms want to spend on capital: at rest, its replacement."""

    def open_purse(self, state, step):
        """What each firm can spend this week."""

    def pay(self, state, step):
        """Customers pay what is due on trade credit, to their suppliers and abroad."""
        firms, links, slots = state.firms, state.links, state.slots
        due = links.payable / firms.payment_terms[links.buyer]
        transfer(state, "customer", "supplier", due, "network inputs")
        links.payable[:] -= due
        due = slots.import_payable / firms.payment_terms[slots.customer]
        transfer(state, "firm", FOREIGN, state.sum_slots(due), "imported inputs")
        slots.import_payable[:] -= due

    def invest(self, state, step):
        """Firms and owner households pay for what the investment pool could buy, in proportion to what they planned."""
        firms, households = state.firms, state.households
        spent = -state.accounts.balance[state.account(INVESTMENT)]
        planned = total(firms.capex) + total(households.residual_investment)
        bought = spent / planned if planned > 0 else 0.0
        households.invested[:] = bought * households.residual_investment
        transfer(state, "firm", INVESTMENT, bought * firms.capex, "capital replacement")
        transfer(state, "household", INVESTMENT, households.invested, "residual investment")

    def pay_bank(self, state, step):
        """Interest on loans."""
        firms = state.firms
        firms.interest[:] = self.weekly("loan_rate") * firms.debt
        transfer(state, "firm", BANK, firms.interest, "interest")

    def take_stock(self, state, step):
        """The profit that is left to tax."""
        firms, slots = state.firms, state.slots
        inputs = state.sum_slots(slots.purchase_price * (slots.input_use - slots.emergency_import))
        firms.profit[:] = (
            firms.price * firms.output - inputs - firms.counter_cost - firms.spot_cost - firms.emergency_cost
            - firms.wage_bill - firms.product_tax_paid - firms.capex - firms.interest
        )  # fmt: skip

    def distribute(self, state, step):
        """A thirteenth of the deposits above target goes to owners each week; the bank passes its interest on."""
        firms = state.firms
        firms.dividends[:] = np.maximum(firms.cash - firms.liquidity_target, 0.0) / self.dividend_weeks
        self._to_owners(state, "firm", firms.dividends, "dividends")
        self._to_owners(state, BANK, firms.interest, "bank dividends")

    def _to_owners(self, state, payer, amount, flow) -> None:
        received = np.zeros(state.households.n)
        received[1::2] = state.by_region(amount)
        if payer == BANK:
            transfer(state, BANK, "household", received, flow)
        else:
            transfer(state, payer, "household", amount, flow, received)
        state.households.income[:] += received
