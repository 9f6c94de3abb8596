r"""Finance (M5): firms pay what they can in the order of seniority, invest, repay, and pay out what is left; a bank with funds of its own.

    spendable  S_i = [M_i]⁺ after receipts over the counter             large firms: without limit; switched off: everybody without limit
    paid       min(due, S), in the order of the schedule; the rest stays in arrears (wages, taxes, interest), in debt or in payables
    due_e      = TC_e / τ ,  paid in proportion over the links of a customer, imports first
    interest   r_i L_i / 52 ,  r_i = r + spread_i + ρ [ min(L/E, ℓ) - (L/E at rest) ]⁺            external-finance premium
    principal  (θ / 52) [ L_i - L*_i ]⁺                                 healthy debt L* rolls over
    wanted     ι_i = [ δ_i K_i + (K*_i - K_i) / T ]⁺ · min(1, [M_i]⁺ / M*_i) ,   K*_i = k_i · (52-week mean of demand)
    pool       spends its resting basket × (Σ p_K ι + I₀ + what was prepaid) / its sum at rest, and bills what it got for its money
    K_i       += paid_i / p_K - δ_i K_i ,   capacity_i = K_i / c_i      both stay at rest while demand does
    M*_i       = max( n_i Ō_i ,  Ō_i - R̄_i ,  C̄_i ) + 13 p_K [K*_i - K_i]⁺ / T + tools    13-week means: what falls due, receipts and inputs
                                                        over the counter; a quarter of growth, and new tools, are saved or borrowed for
    dividends  = [ M_i - M*_i ]⁺ / 13                                   nothing while anything is overdue
    profit_i   = p x_i + wage subsidies - inputs used - counter and spot inputs - emergency imports - wages - product taxes
                 - p_K δ_i K_i - interest - trade credit lost the week before - rules - training, tools, staff on loan
    bank       pays [F - f Σ L]⁺ to owners; when F < 0, owners and the state raise it to f Σ L

An estate (a firm that closed) goes through the same waterfall with everything due at once; what is then left is its owners'.
Inputs used are valued at their mean purchase price, emergency imports at what they cost. At rest M = M* + 12 dividends, so that the
dividend of a week is a thirteenth of what is above the target. n is lognormal over SMBs with the median of their sector. Switched off,
whatever is due is paid, from an overdraft at zero interest if need be, capital is replaced as at rest, and nobody fails.

symbol  column               unit
M       cash                 currency
S       spendable            currency
M*      liquidity_target     currency
L, L*   debt, normal_debt    currency
E       equity               currency
K       capital              base currency
p_K     capital_price        currency per base currency
c, k    capital_coefficient, capital_need   wk
δ       depreciation_share   1/wk
TC      payable              currency
F       balance of the bank  currency

Sources: JPMorgan Chase Institute (2016), "Cash is King", for n; IRS SOI 2013 for debt; Delli Gatti et al. (2011), ch. 3, for the premium;
Poledna et al. (2023) for repayment and capital; Godley and Lavoie (2007), ch. 3; the accelerator in proportion to the gap is an assumption.
"""

from __future__ import annotations

import numpy as np

from ..accounts import afford, repay, transfer
from ..kernel import kernel
from ..rest import BANK, FOREIGN, GOVERNMENT, INVESTMENT, USES, price_of_capital
from ..schema import DAYS_PER_WEEK, WEEKS_PER_YEAR, Column, param
from ..state import OWNER, SMB, UNLIMITED, total
from ..trade_credit import pay_suppliers
from .base import Mechanism

POOL = USES.index(INVESTMENT)
CASH_WEEKS, SLOW_WEEKS = 13.0, 52.0  # memory of the means of payments, and of demand and profit; MODEL.md M5
SMALLEST_PAYABLE = 0.01  # currency; less on a link that carries nothing any more is paid at once (DECISIONS.md 21)
STILL = 1.0 - 1e-9  # of the capital needed: rounding is no growth
NOTHING = 1e-9  # of a week's outflow: less overdue is rounding


class Finance(Mechanism):
    name = "finance"
    columns = (
        Column("debt", "currency", 0.0, "Bank loans", low=0),
        Column("capital", "base currency", 0.0, "Fixed assets", low=0, entrant="scaled"),
        Column("capex", "currency/wk", 0.0, "Planned spending on capital", low=0),
        Column("interest", "currency/wk", 0.0, "Interest on bank loans", low=0),
        Column("liquidity_target", "currency", 0.0, "Deposits above which dividends are paid", entrant="scaled"),
        Column("profit", "currency/wk", 0.0, "Taxable profit"),
        Column("other_cost", "currency/wk", 0.0, "Paid this week for training, tools and staff of others, less what came in for own staff"),
        Column("dividends", "currency/wk", 0.0, "Paid to owners", low=0),
        Column("mean_outflow", "currency/wk", 0.0, "What falls due in a week, but dividends and new capital: mean of 13 weeks",
               entrant="scaled"),
        Column("mean_receipts", "currency/wk", 0.0, "Paid to the firm over the counter in a week: mean of 13 weeks", low=0,
               entrant="scaled"),
        Column("mean_counter", "currency/wk", 0.0, "Paid for counter inputs in a week: mean of 13 weeks", low=0, entrant="scaled"),
        Column("mean_profit", "currency/wk", 0.0, "Profit after interest: mean of 52 weeks; of a new firm at first that of its model",
               entrant="scaled"),
        Column("mean_demand", "base currency/wk", 0.0, "Demand: mean of 52 weeks", low=0, entrant="scaled"),
        Column("cash_cover", "wk", 0.0, "Weeks of outflow that the firm wants to hold as deposits", low=0, entrant="copied"),
        Column("normal_debt", "currency", 0.0, "Bank loans that roll over; what is above them is repaid", low=0, entrant="scaled"),
        Column("interest_rate", "share/yr", 0.0, "Rate on the bank loans of the firm", low=0, entrant="copied"),
        Column("interest_arrears", "currency", 0.0, "Interest due and not paid", low=0),
        Column("principal", "currency/wk", 0.0, "Repaid to the bank this week", low=0),
        Column("loan_overdue", "currency", 0.0, "Principal that fell due this week and was not paid; still part of the debt", low=0),
        Column("trade_due", "currency", 0.0, "Trade credit that fell due this week"),
        Column("trade_overdue", "currency", 0.0, "Trade credit that fell due this week and was not paid; still payable", low=0),
        Column("overdue", "currency", 0.0, "All that fell due up to this week and is not paid: wages, taxes, the bank, suppliers", low=0),
        Column("capital_coefficient", "wk", 0.0, "Capital per unit of capacity; 0: capacity needs no capital", low=0, entrant="copied"),
        Column("capital_need", "wk", 0.0, "Capital wanted per unit of mean demand", low=0, entrant="copied"),
        Column("depreciation_share", "1/wk", 0.0, "Share of capital that wears out in a week", low=0, high=1, entrant="copied"),
        Column("depreciation", "currency/wk", 0.0, "Capital worn out this week, at its price today", low=0),
        Column("capital_price", "currency per base currency", 1.0, "Price of capital (row of the investment pool)", axis="account", low=0),
        Column("residual_investment", "currency/wk", 0.0, "Planned housing and net investment of the cell", axis="household", low=0),
        Column("invested", "currency/wk", 0.0, "Paid for it this week", axis="household"),
    )  # fmt: skip
    reads = ("payment_terms", "output", "price", "input_use", "emergency_import", "purchase_price", "demand", "weight", "supplier",
             "counter_cost", "spot_cost", "emergency_cost", "wage_bill", "wage_arrears", "wage_subsidy", "credit_losses",
             "product_tax_paid", "profit_tax_paid", "tax_arrears", "compliance_cost", "final_sales", "leverage", "normal_leverage",
             "loan_spread", "pool_share", "import_price_factor", "tool_plan", "resting_spending", "resting_import_spending",
             "resting_account_spending")  # fmt: skip
    writes = (*(c.name for c in columns), "payable", "import_payable", "receivables", "payables", "guaranteed_debt", "capacity", "spending",
              "import_spending", "account_spending", "income", "spendable", "cash", "deposits", "balance")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="Payments that can fail, repayment and endogenous investment; off: overdraft at zero "
                          "interest, capital replaced as at rest", source="limit of M5")  # fmt: skip
    loan_rate: float = param(0.07, unit="share/yr", doc="r: interest on bank loans", low=0, high=1,
                             source="assumption; new small business loans cost 7 to 10 % in 2023-24 (Kansas City Fed)")  # fmt: skip
    premium: float = param(0.01, unit="share/yr", doc="ρ: interest added per unit of leverage above that at rest, SMBs only", low=0,
                           high=1, source="assumption; the form is that of Delli Gatti et al. (2011)")  # fmt: skip
    repayment_rate: float = param(0.2, unit="share/yr", doc="θ: loans above the normal level repaid in a year", low=0, high=1,
                                  source="Poledna et al. (2023): .05 a quarter")  # fmt: skip
    cash_days: float | None = param(None, unit="days", doc="Median days of outflow held as deposits; null: by sector from the economy",
                                    low=0, high=365, source="JPMorgan Chase Institute (2016): 27 days, by sector 16 to 47")  # fmt: skip
    cash_spread: float = param(1.0, unit="1", doc="Standard deviation of the logarithm of cash days over SMBs", low=0, high=3,
                               source="JPMorgan Chase Institute (2016): quartiles 13 and 62 days")  # fmt: skip
    dividend_weeks: float = param(13.0, unit="wk", doc="Time over which cash above the target is paid out", low=1, high=260,
                                  source="assumption")  # fmt: skip
    investment_weeks: float = param(52.0, unit="wk", doc="T: time over which the gap of capital is closed", low=1, high=1040,
                                    source="assumption")  # fmt: skip
    own_funds_share: float = param(0.08, unit="1", doc="f: bank's own funds as a share of loans, at rest and after recapitalisation",
                                   low=0, high=1, source="assumption; the Basel minimum of total capital")  # fmt: skip
    owners_share: float = param(0.5, unit="1", doc="Share of a recapitalisation paid by owner households, as far as they can; the state "
                                "pays the rest", low=0, high=1, source="Poledna et al. (2023): ζ_b .5")  # fmt: skip

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
        firms.cash_cover[:] = days / DAYS_PER_WEEK * spread
        if self.enabled:  # the days count all deposits, of which some wait to be paid out as dividends
            waiting = np.divide((self.dividend_weeks - 1.0) * rest.dividends, outflow, out=np.zeros(firms.n), where=outflow > 0)
            firms.cash_cover[:] = np.maximum(firms.cash_cover - waiting, 0.0)
        firms.mean_outflow[:], firms.mean_receipts[:], firms.mean_counter[:] = outflow, firms.final_sales, firms.counter_cost
        self._aim(state)
        firms.cash[:] = firms.liquidity_target + (self.dividend_weeks - 1.0) * rest.dividends
        firms.mean_profit[:], firms.mean_demand[:] = firms.profit, rest.output
        firms.normal_debt[:], firms.interest_rate[:] = rest.debt, self.loan_rate
        firms.depreciation[:] = rest.capex
        for column, part, whole in (
            (firms.depreciation_share, rest.capex, rest.capital),
            (firms.capital_coefficient, rest.capital, firms.capacity),
            (firms.capital_need, rest.capital, rest.output),
        ):
            np.divide(part, whole, out=column, where=whole > 0)
        state.accounts.balance[state.account(BANK)] = self.own_funds_share * rest.debt.sum()
        self.open_purse(state, None)

    # -- investment -------------------------------------------------------------------------------------------------------------------

    def plan_investment(self, state, step):
        """What firms want to spend on capital, and what the investment pool asks for with it."""
        if not self.enabled:
            return
        firms, pool = state.firms, state.account(INVESTMENT)
        price = self._price_capital(state)
        state.accounts.capital_price[pool] = price
        state.customers.run(
            plan_capital, price, self.investment_weeks, firms.alive, firms.cash, firms.liquidity_target, firms.mean_demand,
            firms.capital_need, firms.capital, firms.depreciation_share, firms.depreciation, firms.capex,
        )  # fmt: skip
        planned = total(firms.capex) + total(state.households.residual_investment) + max(state.accounts.balance[pool], 0.0)
        resting = self._basket(state)
        at_rest = sum(float(total(part)) for part in resting)
        scale = planned / at_rest if at_rest > 0 else 0.0
        state.sectors.spending[:, POOL], state.sectors.import_spending[:, POOL], state.accounts.account_spending[:, POOL] = (
            scale * part for part in resting
        )

    def _basket(self, state) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the pool buys at rest: from firms (G,), imports (G,), from accounts (A,); currency/wk."""
        sectors, accounts = state.sectors, state.accounts
        return tuple(
            np.ascontiguousarray(table[:, POOL])
            for table in (sectors.resting_spending, sectors.resting_import_spending, accounts.resting_account_spending)
        )

    def _price_capital(self, state) -> float:
        """Currency that buys what cost 1 in the base year."""
        firms, (domestic, imports, accounts) = state.firms, self._basket(state)
        sold = state.by_sector(firms.pool_share)
        volume = state.by_sector(np.divide(firms.pool_share, firms.price, out=np.zeros(firms.n), where=firms.price > 0))
        per_currency = np.divide(volume, sold, out=np.ones_like(sold), where=sold > 0)
        cheap = np.divide(1.0, state.sectors.import_price_factor, out=np.ones_like(sold), where=state.sectors.import_price_factor > 0)
        bought = float(domestic @ per_currency + imports @ cheap + accounts.sum())
        spent = float(domestic.sum() + imports.sum() + accounts.sum())
        return spent / bought if bought > 0 else 1.0

    def invest(self, state, step):
        """Firms and owner households pay for what the investment pool could buy, in proportion to what they planned."""
        firms, households = state.firms, state.households
        spent = -state.accounts.balance[state.account(INVESTMENT)]
        if self.enabled:
            spent = max(spent, 0.0)  # entrants have prepaid more than the pool could buy
        planned = total(firms.capex) + total(households.residual_investment)
        bought = spent / planned if planned > 0 else 0.0
        households.invested[:] = bought * households.residual_investment
        paid = afford(state, bought * firms.capex)
        transfer(state, "firm", INVESTMENT, paid, "capital replacement")
        transfer(state, "household", INVESTMENT, households.invested, "residual investment")
        if self.enabled:
            firms.capital[:] += paid / price_of_capital(state) - firms.depreciation_share * firms.capital
            np.divide(firms.capital, firms.capital_coefficient, out=firms.capacity, where=firms.capital_coefficient > 0)

    # -- the waterfall ----------------------------------------------------------------------------------------------------------------

    def open_purse(self, state, step):
        """What each firm can spend this week: its deposits, to which this week's receipts over the counter have come."""
        state.firms.other_cost[:] = 0.0
        if self.enabled:
            self._count_cash(state)

    def _count_cash(self, state) -> None:
        firms = state.firms
        firms.spendable[:] = np.where(firms.kind == SMB, np.maximum(firms.cash, 0.0), UNLIMITED)

    def pay_bank(self, state, step):
        """Interest on loans, and principal of what is above the normal debt."""
        firms = state.firms
        if not self.enabled:
            firms.interest[:] = self.weekly("loan_rate") * firms.debt
            transfer(state, "firm", BANK, firms.interest, "interest")
            return
        paid = np.empty(firms.n)
        state.customers.run(
            pay_loans, self.loan_rate, self.premium, self.weekly("repayment_rate"), firms.kind, firms.alive, firms.leverage,
            firms.normal_leverage, firms.loan_spread, firms.debt, firms.normal_debt, firms.guaranteed_debt, firms.spendable,
            firms.interest_rate, firms.interest, firms.interest_arrears, paid, firms.principal, firms.loan_overdue,
        )  # fmt: skip
        transfer(state, "firm", BANK, paid, "interest")
        if firms.principal.any():
            repay(state, firms.principal)

    def pay(self, state, step):
        """Customers pay what is due on trade credit, abroad and to their suppliers."""
        abroad, paid, received = pay_suppliers(state, SMALLEST_PAYABLE if self.enabled else 0.0)
        transfer(state, "firm", "firm", paid, "network inputs", received)
        transfer(state, "firm", FOREIGN, abroad, "imported inputs")

    # -- what is left -----------------------------------------------------------------------------------------------------------------

    def take_stock(self, state, step):
        """The profit that is left to tax; what came in from customers can be spent on it."""
        firms, slots = state.firms, state.slots
        state.customers.run(
            count_profit, state.slot_start, slots.purchase_price, slots.input_use, slots.emergency_import, firms.price, firms.output,
            firms.counter_cost, firms.spot_cost, firms.emergency_cost, firms.wage_bill, firms.product_tax_paid,
            firms.depreciation if self.enabled else firms.capex, firms.interest, firms.wage_subsidy, firms.credit_losses,
            firms.compliance_cost, firms.other_cost, firms.profit,
        )  # fmt: skip
        if self.enabled:
            self._count_cash(state)

    def distribute(self, state, step):
        """A thirteenth of the deposits above target goes to owners each week; the bank passes on what it earned."""
        firms = state.firms
        if self.enabled:
            self._look_back(state)
        firms.dividends[:] = np.maximum(firms.cash - firms.liquidity_target, 0.0) / self.dividend_weeks
        if self.enabled:
            firms.dividends[(firms.overdue > 0) | ~firms.alive] = 0.0
        self._to_owners(state, "firm", firms.dividends, "dividends")
        if self.enabled:
            self._close_estates(state)
            self._settle_bank(state, step.t)
        else:
            self._to_owners(state, BANK, firms.interest, "bank dividends")

    def _look_back(self, state) -> None:
        """What is overdue, the means, and the liquidity target that follows them."""
        firms = state.firms
        state.customers.run(
            look_back, firms.wage_arrears, firms.tax_arrears, firms.interest_arrears, firms.loan_overdue, firms.trade_overdue,
            firms.wage_bill, firms.compliance_cost, firms.product_tax_paid, firms.profit_tax_paid, firms.counter_cost, firms.spot_cost,
            firms.emergency_cost, firms.other_cost, firms.interest, firms.principal, firms.trade_due, firms.capex, firms.depreciation,
            firms.price, firms.final_sales, firms.profit, firms.demand, firms.overdue, firms.mean_outflow, firms.mean_receipts,
            firms.mean_counter, firms.mean_profit, firms.mean_demand,
        )  # fmt: skip
        self._aim(state)

    def _aim(self, state) -> None:
        """Deposits that a firm wants; switched off, nobody saves for growth or for what is paid at the counter."""
        firms = state.firms
        state.customers.run(
            aim, self.enabled, price_of_capital(state), self.investment_weeks, firms.cash_cover, firms.mean_outflow, firms.mean_receipts,
            firms.mean_counter, firms.capital_need, firms.mean_demand, firms.capital, firms.tool_plan, firms.liquidity_target,
        )  # fmt: skip

    def _close_estates(self, state) -> None:
        """What firms that closed have left when nothing is owed any more goes to their owners."""
        firms = state.firms
        rows = np.flatnonzero(~firms.alive)
        rows = rows[(firms.overdue[rows] == 0.0) & (firms.cash[rows] > 0.0)]
        if rows.size:
            left = np.zeros(firms.n)
            left[rows] = firms.cash[rows]
            self._to_owners(state, "firm", left, "estates")

    def _settle_bank(self, state, t) -> None:
        """Own funds above the required share of loans go to owners; a bank under water is raised to it by owners and the state."""
        firms, cells, own = state.firms, state.households, state.account(BANK)
        funds, required = float(state.accounts.balance[own]), self.own_funds_share * float(total(firms.debt))
        if funds < 0.0:
            need = required - funds
            able = np.zeros(cells.n)
            able[OWNER::2] = np.maximum(cells.deposits[OWNER::2], 0.0)
            share = min(self.owners_share * need / able.sum(), 1.0) if able.sum() > 0 else 0.0
            transfer(state, "household", BANK, share * able, "bank recapitalisation")
            transfer(state, GOVERNMENT, BANK, need - float(total(share * able)), "bank recapitalisation")
            state.events.append((t, "the bank was recapitalised after losses beyond its own funds"))
        excess = max(float(state.accounts.balance[own]) - required, 0.0)
        received = np.zeros(cells.n)
        regional = state.by_region(firms.interest)
        earned = regional.sum()
        received[OWNER::2] = excess * (regional / earned if earned > 0 else state.regions.population_share)
        transfer(state, BANK, "household", received, "bank dividends")
        cells.income[:] += received

    def _to_owners(self, state, payer, amount, flow) -> None:
        received = np.zeros(state.households.n)
        received[1::2] = state.by_region(amount)
        if payer == BANK:
            transfer(state, BANK, "household", received, flow)
        else:
            transfer(state, payer, "household", amount, flow, received)
        state.households.income[:] += received


@kernel
def plan_capital(start, stop, price, weeks, alive, cash, target, mean_demand, need, capital, worn_share, depreciation, capex):
    """ι = [δ K + (k D̄ - K) / T]⁺ · min(1, [M]⁺ / M*) ,  at the price of capital; nothing where a firm is closed.

    alive, cash, target M*, mean_demand D̄, need k wk, capital K, worn_share δ (n,); writes depreciation, capex (n,) currency/wk
    """
    for i in range(start, stop):
        worn = price * worn_share[i] * capital[i]
        depreciation[i] = worn
        wanted = worn + price * (need[i] * mean_demand[i] - capital[i]) / weeks
        liquid = cash[i] / target[i] if cash[i] < target[i] else 1.0
        liquid = liquid if liquid > 0.0 else 0.0
        capex[i] = wanted * liquid if alive[i] and wanted > 0.0 else 0.0


@kernel
def pay_loans(start, stop, base_rate, premium, repaid, kind, alive, leverage, normal_leverage, spread, debt, normal_debt, guaranteed,
              spendable, rate, interest, arrears, paid, principal, overdue):  # fmt: skip
    """r = base + spread + ρ [leverage - normal]⁺ of SMBs ,  interest = r L / 52 ,  principal due = θ [L - L*]⁺ ,  of a closed firm L

    Both are paid in this order as far as what can be spent goes; the part of the debt that the state stands for falls with it.
    kind, alive, leverage, normal_leverage, spread, debt L, normal_debt L* (n,); changes guaranteed, spendable, arrears (n,); writes rate
    share/yr, interest, paid (interest), principal (paid), overdue (principal) (n,) currency
    """
    for i in range(start, stop):
        excess = leverage[i] - normal_leverage[i]
        rate[i] = base_rate + spread[i] + (premium * excess if kind[i] == SMB and excess > 0.0 else 0.0)
        interest[i] = rate[i] / WEEKS_PER_YEAR * debt[i] if alive[i] else 0.0
        able = spendable[i]
        due = interest[i] + arrears[i]
        paid[i] = due if due < able else able
        arrears[i] = due - paid[i]
        able -= paid[i]
        above = debt[i] - normal_debt[i] if debt[i] > normal_debt[i] else 0.0
        due = repaid * above if alive[i] else debt[i]
        principal[i] = due if due < able else able
        overdue[i] = due - principal[i]
        spendable[i] = able - principal[i]
        if principal[i] > 0.0:
            guaranteed[i] *= (debt[i] - principal[i]) / debt[i]


@kernel
def count_profit(start, stop, slot_start, purchase_price, use, bought, price, output, counter_cost, spot_cost, emergency_cost, wage_bill,
                 product_tax, worn, interest, wage_subsidy, credit_losses, compliance_cost, other_cost, profit):  # fmt: skip
    """p x - Σ_s p_s (used - bought at once) - costs - wages - taxes - capital worn - interest + wage subsidy - losses

    purchase_price, use, bought (s,); the others (n,); writes profit (n,) currency/wk
    """
    for i in range(start, stop):
        inputs = 0.0
        for s in range(np.uint64(slot_start[i]), np.uint64(slot_start[i + 1])):
            inputs += purchase_price[s] * (use[s] - bought[s])
        profit[i] = (
            price[i] * output[i] - inputs - counter_cost[i] - spot_cost[i] - emergency_cost[i] - wage_bill[i] - product_tax[i] - worn[i]
            - interest[i] + wage_subsidy[i] - credit_losses[i] - compliance_cost[i] - other_cost[i]
        )  # fmt: skip


@kernel
def look_back(start, stop, wage_arrears, tax_arrears, interest_arrears, loan_overdue, trade_overdue, wage_bill, compliance_cost,
              product_tax, profit_tax, counter_cost, spot_cost, emergency_cost, other_cost, interest, principal, trade_due, capex,
              depreciation, price, final_sales, profit, demand, overdue, mean_outflow, mean_receipts, mean_counter, mean_profit,
              mean_demand):  # fmt: skip
    """What is overdue, but for rounding, and the means of what falls due, receipts, counter inputs, profit and demand. All (n,).

    m += (value - m) / weeks, 13 of payments, 52 of profit and demand; writes overdue, changes the means
    """
    for i in range(start, stop):
        late = wage_arrears[i] + tax_arrears[i] + interest_arrears[i] + loan_overdue[i] + trade_overdue[i]
        overdue[i] = late if late > NOTHING * abs(mean_outflow[i]) else 0.0
        outflow = (
            wage_bill[i] + compliance_cost[i] + product_tax[i] + profit_tax[i] + counter_cost[i] + spot_cost[i] + emergency_cost[i]
            + max(other_cost[i], 0.0) + interest[i] + principal[i] + loan_overdue[i] + trade_due[i] + min(capex[i], depreciation[i])
        )  # fmt: skip
        mean_outflow[i] += (outflow - mean_outflow[i]) / CASH_WEEKS
        mean_receipts[i] += (price[i] * final_sales[i] - mean_receipts[i]) / CASH_WEEKS
        mean_counter[i] += (counter_cost[i] - mean_counter[i]) / CASH_WEEKS
        mean_profit[i] += (profit[i] - mean_profit[i]) / SLOW_WEEKS
        mean_demand[i] += (demand[i] - mean_demand[i]) / SLOW_WEEKS


@kernel
def aim(start, stop, growing, price, weeks, cover, outflow, receipts, counter, need, mean_demand, capital, tool_plan, target):
    """M* = max(n Ō, Ō - R̄, C̄) + 13 p_K [k D̄ - K]⁺ / T + tools: weeks of what falls due, but enough to pay before being paid and at the
    counter first, and for a quarter of growth; the last three only where `growing`.

    cover n wk, outflow Ō, receipts R̄, counter C̄, need k wk, mean_demand D̄, capital K, tool_plan (n,); writes target M* (n,) currency
    """
    for i in range(start, stop):
        wanted = max(cover[i] * outflow[i], outflow[i] - receipts[i])
        if growing:
            gap = max(STILL * need[i] * mean_demand[i] - capital[i], 0.0)
            wanted = max(wanted, counter[i]) + (CASH_WEEKS * price * gap / weeks + tool_plan[i])
        target[i] = wanted
