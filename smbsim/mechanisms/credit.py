r"""Credit (M5): what a firm is worth, who asks for a loan, whom the bank trusts, and how much its own funds allow.

    E_i      = M + AR + c S + Σ p_s (stock + in transit) + p_K K - L - AP - arrears            net worth, goods at cost
    λ_i      = min(L/E, ℓ) ,  ℓ where E ≤ 0                                                    leverage
    asks     M < b M*  or something is overdue, at most once in 13 weeks:  need_i = M* - M + overdue
    limit_i  = f_i [ min( ζ_LTV p_K K + κ_AR AR + κ_inv inventories ,  ℓ_max [E]⁺ ) - L ]⁺
    granted  = min( need · [ (P - u) / m P ] , limit ) ,  [ ] cut to 0 … 1, u uniform     a share m of the trusted gets a part
    P        = f_i Logit( b₀ + b₁ ln(1 + age) - b₂ λ - b₃ 1[DSCR < 1.2] + b₄ guarantee + b₅ 1[has a loan] )
    DSCR     = (mean profit + depreciation + interest) / (interest + principal due)
    bank     Σ new loans ≤ F/ζ_B - Σ L ,  scaled pro rata

f is the factor of credit shocks, age in years. A loan creates the deposit it is paid out in. A guarantee lowers nothing but the bank's
risk: the share of the loan it covers is remembered, to be paid by the state when the loan is written off. Loans of large firms roll over;
they ask for none. G = d LGD / ζ_B, loans lost again per loan lost, is the gain of the credit spiral (MODEL.md 4.4).

symbol  column                                 unit
M, M*   cash, liquidity_target                 currency
AR, AP  receivables, payables, import_payable  currency
S, c    inventory, unit_cost                   base currency, currency per base currency
p_s     purchase_price                         currency per base currency
K, p_K  capital, capital_price                 base currency, currency per base currency
L       debt                                   currency
F       balance of the bank                    currency

Sources: Poledna et al. (2023) for ζ_LTV and ζ_B; Delli Gatti et al. (2011) for ℓ_max; the Federal Reserve's Small Business Credit Survey
2024 for the share of approvals, to which b₀ and b₂ are calibrated; the form of the logit and the advance rates are assumptions.
"""

from __future__ import annotations

import numpy as np

from ..accounts import lend
from ..draws import logistic
from ..kernel import kernel
from ..rest import BANK, price_of_capital
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import NEVER, SMB, total
from .base import Mechanism

NOTHING = 1e-9  # of what was asked for: a loan that is smaller is rounding
DUST = 1e-9  # currency; net worth below it is rounding of what is owned and owed


class Credit(Mechanism):
    name = "credit"
    optional = True
    columns = (
        Column("collateral", "currency", 0.0, "Inputs in stock and in transit, finished goods", low=0),
        Column("equity", "currency", 0.0, "Net worth: deposits, receivables, goods and capital, less debt, payables and arrears"),
        Column("leverage", "1", 0.0, "Debt by net worth, at most the largest that counts; that where there is no net worth", low=0),
        Column("normal_leverage", "1", 0.0, "The same at rest", low=0, entrant="copied"),
        Column("requested", "currency", 0.0, "Loans applied for this week", low=0),
        Column("refused", "1", 0, "The last application for a loan was refused", dtype="b1"),
        Column("applied", "wk", -NEVER, "Week of the last application for a loan", dtype="i4"),
        Column("new_loans", "currency/wk", 0.0, "Borrowed this week", low=0),
        Column("credit_factor", "1", 1.0, "Factor of shocks on approval and on the collateral accepted", low=0),
        Column("loan_spread", "share/yr", 0.0, "Added to the interest rate by shocks", low=0),
        Column("guaranteed_debt", "currency", 0.0, "Part of the debt whose loss the state bears", low=0),
        Column("guarantee_share", "1", 0.0, "Share of a loss on new loans that the state bears", low=0, high=1),
    )
    reads = ("liquidity_target", "overdue", "debt", "capital", "capital_price", "inventory", "unit_cost", "input_stock", "pipeline",
             "import_pipeline", "purchase_price", "receivables", "payables", "import_payable", "wage_arrears", "tax_arrears",
             "interest_arrears", "deferred_tax", "mean_profit", "depreciation", "interest", "principal", "loan_overdue")  # fmt: skip
    writes = (*(c.name for c in columns), "debt", "cash")

    enabled: bool = param(False, unit="switch", doc="Bank loans; off: nobody borrows", source="limit of M5")
    borrow_below: float = param(0.95, unit="1", doc="b: share of the liquidity target below which a firm asks for a loan", low=0, high=1,
                                source="MODEL.md M5; assumption")  # fmt: skip
    reapply_weeks: int = param(13, unit="wk", doc="Least time between two applications", low=1, high=520, source="assumption")
    loan_to_value: float = param(0.6, unit="1", doc="ζ_LTV: share of capital that secures a loan", low=0, high=1,
                                 source="Poledna et al. (2023): .6")  # fmt: skip
    receivables_share: float = param(0.7, unit="1", doc="κ_AR: share of receivables that secures a loan", low=0, high=1,
                                     source="assumption; advance rates of asset-based lending are .7 to .85")  # fmt: skip
    inventory_share: float = param(0.4, unit="1", doc="κ_inv: share of inventories that secures a loan", low=0, high=1,
                                   source="assumption; advance rates of asset-based lending are .2 to .65")  # fmt: skip
    most_leverage: float = param(2.0, unit="1", doc="ℓ_max: largest loan by net worth", low=0, high=100,
                                 source="Delli Gatti et al. (2011): 2")  # fmt: skip
    largest_leverage: float = param(10.0, unit="1", doc="ℓ: leverage that counts at most, and counts where net worth is gone", low=0,
                                    high=1000, source="MODEL.md M5")  # fmt: skip
    trust: float = param(0.95, unit="1", doc="b₀: level of the approval logit", low=-10, high=10, tier="calibrated",
                         source="fitted to approvals in the preset life, Small Business Credit Survey 2023: .71")  # fmt: skip
    trust_age: float = param(0.5, unit="1", doc="b₁: of ln(1 + age in years)", low=-5, high=5, source="assumption")
    trust_leverage: float = param(3.5, unit="1", doc="b₂: of leverage, negative sign", low=0, high=10, tier="calibrated",
                                  source="fitted to approvals by credit risk, Small Business Credit Survey 2023")  # fmt: skip
    trust_service: float = param(1.5, unit="1", doc="b₃: of debt service that is not covered, negative sign", low=0, high=10,
                                 source="assumption")  # fmt: skip
    trust_guarantee: float = param(2.0, unit="1", doc="b₄: of the share that the state guarantees", low=0, high=10, source="assumption")
    trust_relationship: float = param(0.5, unit="1", doc="b₅: of having a loan already", low=0, high=10, source="assumption")
    service_cover: float = param(1.2, unit="1", doc="Debt service coverage below which a bank hesitates", low=0, high=10,
                                 source="assumption; a common covenant")  # fmt: skip
    partial: float = param(0.31, unit="1", doc="m: share of the loans granted that fall short of what was asked", low=0, high=1,
                           tier="calibrated", source="Small Business Credit Survey 2023: .71 in part or full, .45 in full")  # fmt: skip
    capital_share: float = param(0.03, unit="1", doc="ζ_B: own funds that the bank must hold against loans", low=0.001, high=1,
                                 source="Poledna et al. (2023): .03; Delli Gatti et al. (2011): .10")  # fmt: skip

    def settle(self, state, rest):
        self.appraise(state, None)
        state.firms.normal_leverage[:] = state.firms.leverage

    def appraise(self, state, step):
        """Net worth and leverage of every firm."""
        firms, slots = state.firms, state.slots
        goods = np.empty(firms.n)
        state.customers.run(
            value_inputs, state.slot_start, slots.purchase_price, slots.input_stock, slots.whole("pipeline"),
            slots.whole("import_pipeline"), goods,
        )  # fmt: skip
        firms.collateral[:] = goods + firms.unit_cost * firms.inventory
        firms.equity[:] = (
            firms.cash + firms.receivables + firms.collateral + price_of_capital(state) * firms.capital
            - firms.debt - firms.payables - firms.import_payable
            - firms.wage_arrears - firms.tax_arrears - firms.interest_arrears - firms.deferred_tax.sum(axis=1)
        )  # fmt: skip
        most = np.full(firms.n, self.largest_leverage)
        firms.leverage[:] = np.minimum(np.divide(firms.debt, firms.equity, out=most, where=firms.equity > DUST), self.largest_leverage)

    def borrow(self, state, step):
        """Firms short of cash apply; the bank decides, within its own funds, and creates the deposits."""
        firms = state.firms
        firms.requested[:], firms.new_loans[:] = 0.0, 0.0
        short = (firms.cash < self.borrow_below * firms.liquidity_target) | (firms.overdue > 0)
        may = (firms.kind == SMB) & firms.alive & (step.t - firms.applied.astype(np.int64) >= self.reapply_weeks)
        asking = np.flatnonzero(short & may)
        if len(asking) == 0:
            return
        need = np.maximum(firms.liquidity_target - firms.cash, 0.0)[asking] + firms.overdue[asking]
        luck, trusted = step.draws.uniform("loan", step.t, firms.uid[asking]), self.approval(state, asking, step.t)
        part = self.partial * trusted  # of those it trusts just enough the bank meets a part of the need
        share = np.divide(np.clip(trusted - luck, 0.0, part), part, out=1.0 * (luck < trusted), where=part > 0)
        granted = np.minimum(share * need, self.limit(state, asking))
        granted *= self._room(state, granted.sum())
        firms.requested[asking], firms.applied[asking], firms.refused[asking] = need, step.t, granted <= NOTHING * need
        firms.new_loans[asking] = granted
        if granted.any():
            firms.guaranteed_debt[:] += firms.guarantee_share * firms.new_loans
            lend(state, firms.new_loans)

    def limit(self, state, rows) -> np.ndarray:
        """Largest new loan of the firms in these rows, by collateral and net worth; currency."""
        firms = state.firms
        secured = (
            self.loan_to_value * price_of_capital(state) * firms.capital + self.receivables_share * firms.receivables
            + self.inventory_share * firms.collateral
        )[rows]  # fmt: skip
        limit = np.minimum(secured, self.most_leverage * np.maximum(firms.equity[rows], 0.0)) - firms.debt[rows]
        return np.maximum(limit, 0.0) * firms.credit_factor[rows]

    def approval(self, state, rows, t) -> np.ndarray:
        """Probability that the bank trusts the firms in these rows."""
        firms = state.firms
        service = firms.interest + firms.principal + firms.loan_overdue
        earned = firms.mean_profit + firms.depreciation + firms.interest
        age = np.maximum(t - firms.born[rows], 0) / WEEKS_PER_YEAR
        score = (
            self.trust + self.trust_age * np.log1p(age) - self.trust_leverage * firms.leverage[rows]
            - self.trust_service * (earned < self.service_cover * service)[rows]
            + self.trust_guarantee * firms.guarantee_share[rows] + self.trust_relationship * (firms.debt[rows] > 0)
        )  # fmt: skip
        return np.minimum(firms.credit_factor[rows], 1.0) * logistic(score)

    def _room(self, state, wanted: float) -> float:
        """Share of the wanted loans that the bank's own funds allow."""
        funds = float(state.accounts.balance[state.account(BANK)])
        room = max(funds / self.capital_share - float(total(state.firms.debt)), 0.0)
        return min(room / wanted, 1.0) if wanted > 0 else 1.0


@kernel
def value_inputs(start, stop, slot_start, price, stock, pipeline, import_pipeline, goods):
    """goods_i = Σ_s p_s (stock_s + in transit_s) over the slots of i. price, stock (s,); pipelines (s, L); writes goods (n,) currency"""
    for i in range(start, stop):
        value = 0.0
        for s in range(np.uint64(slot_start[i]), np.uint64(slot_start[i + 1])):
            held = stock[s]
            for k in range(pipeline.shape[1]):
                held += pipeline[s, k]
            for k in range(import_pipeline.shape[1]):
                held += import_pipeline[s, k]
            value += price[s] * held
        goods[i] = value
