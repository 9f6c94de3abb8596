r"""Exits (M5): who closes and why, the sale of what a closed firm owned, and the losses of those it owed.

    arrears_i   ← arrears_i + 1 in a week with anything overdue, else 0                      weeks in a row
    illiquid      arrears_i > grace weeks
    insolvent     net worth E_i < 0 and the last application for a loan refused
    voluntary     an offer comes, o ξ_i a year, and is worth more than the firm brings:  P_i = exp( -[ Π̄_i + w_i + s_i ]⁺ / θ y_i )
    retirement    with a hazard a year
    y_s         = max( profit , φ · pay )  of the sector's SMBs at rest, per head ;   w_i = [ φ · pay - profit ]⁺ L_i  of the sector
    proceeds_i  = κ_K (1 - f Q_s / A_s)⁺ q K_i + κ_G ( c_i S_i + Σ_g price of inputs · (M_ig + in transit) )
    Q_s         ← [Q_s - A_s]⁺ + Σ_{closing in s} q K_i                                      fixed assets waiting for a buyer

A_s is what the sector's living firms spend on capital in a week, so that Q_s / A_s is the number of weeks in which the sector could take up
what is on sale, and f the discount for each of them. The buyers are abroad: the goods leave as scrap, inputs as spoiled.

An owner's income is the mean profit Π̄ of a year and, where the trade earns less than a share φ of pay per head, an owner's pay w inside the
wage bill that makes up for it; what closing would destroy, (1 - κ) of capital and goods, counts with its yearly return as the stake s. y is
what an owner of the trade usually earns per head of staff; offers are exponential with the income that comes with θ heads. Who earns little
leaves easily: the young that turn out worse than they hoped, and the small, because they are small. ξ is how restless an owner is,
exponential with mean one among those who begin; of those who have stayed for a years it is so with mean 1 / (1 + o P_i a).

A closed firm leaves an estate for some weeks. Customers go on paying it, and `finance` pays its creditors by seniority. Then what is left
unpaid is cancelled, once for the debtor and once for the creditor: wages, taxes and interest in arrears, trade credit at the loss of the
suppliers (and of those abroad), loans at the loss of the bank's own funds; of a guaranteed loan the state makes good its part. An estate
without time that has nothing to pay with is settled at once; one with deposits gets a week to pay them out. Only SMBs close.

symbol  column               unit
E       equity               currency
K       capital              base currency
q       capital_price        currency per base currency
Q       capital_on_sale      currency
A       capex, by sector     currency/wk
S       inventory            base currency
c       unit_cost            currency per base currency
M       input_stock          base currency
Π̄       mean_profit          currency/wk
w, y    owner_pay, offer     currency/wk

Sources: Delli Gatti et al. (2010), JEDC 34(9), and Poledna et al. (2023), European Economic Review 151, for exits by insolvency and
illiquidity; Battiston et al. (2007), JEDC 31(6), for chains of trade credit; Shleifer and Vishny (1992), Journal of Finance 47(4), for
assets sold to a sector that is short of cash itself; Vaupel, Manton and Stallard (1979), Demography 16(3), for ξ; Lucas (1978), Bell
Journal 9(2), and Jovanovic (1982), Econometrica 50(3), for owners who compare what they earn with what they could; Kermani and Ma (2023),
QJE 138(1), for what liquidation brings. An owner who closes unpressed takes time to sell: κ is the same higher share for capital and goods
then, or else every retirement would cost the bank money.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer, write_off
from ..rest import BANK, FOREIGN, GOVERNMENT, price_of_capital
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import CAUSES, ILLIQUID, INSOLVENT, NEVER, NONE, RETIREMENT, SMB, VOLUNTARY, total
from ..trade_credit import settle_credit
from .base import Mechanism


class Exits(Mechanism):
    name = "exits"
    optional = True
    columns = (
        Column("weeks_in_arrears", "wk", 0, "Weeks in a row in which something due was not paid", dtype="i4", low=0),
        Column("exit_week", "wk", NEVER, "Week in which the firm closed", dtype="i4"),
        Column("exit_cause", "1", 0, f"Why it closed: {', '.join(f'{i} {cause}' for i, cause in enumerate(CAUSES))}", dtype="i1", low=0,
               high=len(CAUSES) - 1),
        Column("weeks_since_exit", "wk", 0, "Full weeks since the firm closed; 0 while it lives", dtype="i4", low=0),
        Column("owner_pay", "currency/wk", 0.0, "Owner's income that the accounts count as wages", low=0, entrant="scaled"),
        Column("restlessness", "1", -1.0, "Offers to the owner by those to the average beginner; below 0: not known yet", low=-1),
        Column("offer", "currency/wk", 0.0, "Mean worth of what an owner could do instead", low=0, entrant="copied"),
        Column("liquidation", "currency/wk", 0.0, "Brought this week by the sale of what the closed firm owned", low=0),
        Column("credit_losses", "currency/wk", 0.0, "Trade credit written off this week, as a supplier", low=0),
        Column("loan_losses", "currency/wk", 0.0, "Loans to the firm written off this week", low=0),
        Column("arrears_losses", "currency/wk", 0.0, "Wages, taxes and interest that the firm owed, written off this week", low=0),
        Column("payable_losses", "currency/wk", 0.0, "Trade credit to the firm, from abroad too, written off this week", low=0),
        Column("capital_on_sale", "currency", 0.0, "Fixed assets of closed firms that wait for a buyer", axis="sector", low=0),
    )  # fmt: skip
    reads = ("overdue", "mean_profit", "equity", "collateral", "refused", "capex", "capital_price", "unit_cost", "purchase_price")
    writes = (*(c.name for c in columns), "alive", "capital", "capacity", "normal_output", "inventory", "scrap", "input_stock",
              "input_spoiled", "pipeline", "import_pipeline", "supply_line", "debt", "guaranteed_debt", "wage_arrears", "tax_arrears",
              "interest_arrears", "payable", "receivables", "payables", "import_payable", "cash", "balance")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="Firms can close; off: nobody does", source="limit of M5")
    grace_weeks: int = param(20, unit="wk", doc="Weeks in a row in arrears that creditors stand", low=0, high=520, source="assumption")
    offer_rate: float = param(2.15, unit="offers/yr", doc="o: offers to the average beginner", low=0, high=52, tier="calibrated",
                              source="fitted to exit rates by age, BDS 2015-19")  # fmt: skip
    offer_size: float = param(0.87, unit="heads", doc="θ: staff whose usual income for an owner equals the mean offer", low=0.01, high=1000,
                              tier="calibrated", source="fitted to exit rates by age, BDS 2015-19")  # fmt: skip
    stake_return: float = param(0.07, unit="share/yr", doc="Return that owners expect of what closing would destroy", low=0, high=1,
                                source="assumption: the interest on loans")  # fmt: skip
    owner_pay_share: float = param(0.3, unit="1", doc="φ: least an owner earns per head of staff, by the pay of a head", low=0.01, high=2,
                                   source="assumption")  # fmt: skip
    retirement_hazard: float = param(0.006, unit="1/yr", doc="Chance in a year that an owner retires and nobody takes over", low=0,
                                     high=1, tier="calibrated", source="exit rate of the largest SMBs, BDS 2015-19: .0065")  # fmt: skip
    estate_weeks: int = param(16, unit="wk", doc="Weeks in which an estate collects and pays before the rest is written off", low=0,
                              high=520, source="assumption")  # fmt: skip
    capital_recovery: float = param(0.35, unit="1", doc="κ_K: what fixed assets bring in liquidation, as a share of their value", low=0,
                                    high=1, source="Kermani and Ma (2023), QJE: .35 of net book value")  # fmt: skip
    goods_recovery: float = param(0.45, unit="1", doc="κ_G: the same for finished goods, inputs and goods in transit", low=0, high=1,
                                  source="assumption")  # fmt: skip
    orderly_recovery: float = param(0.8, unit="1", doc="κ of capital and goods where the owner closes of free will", low=0, high=1,
                                    source="assumption")  # fmt: skip
    fire_sale: float = param(0.002, unit="1/wk", doc="f: discount for each week in which the sector could take up what is on sale", low=0,
                             high=1, source="assumption")  # fmt: skip

    def settle(self, state, rest):
        firms = state.firms
        small = firms.kind == SMB
        heads = state.by_sector(np.where(small, rest.employment, 0.0))
        per_head = (
            np.divide(state.by_sector(np.where(small, amount, 0.0)), heads, out=np.zeros(len(heads)), where=heads > 0)
            for amount in (rest.surplus - rest.capex - rest.interest, self.owner_pay_share * rest.wages)
        )
        profit, least = per_head
        firms.owner_pay[:] = np.maximum(least - profit, 0.0)[firms.sector] * rest.employment
        firms.offer[:] = self.offer_size * np.maximum(profit, least)[firms.sector]

    def judge(self, state, step):
        """Who closes this week, and why: the first cause that applies."""
        firms = state.firms
        firms.weeks_since_exit[:] += ~firms.alive
        firms.weeks_in_arrears[:] = np.where(firms.alive & (firms.overdue > 0), firms.weeks_in_arrears + 1, 0)
        cause = np.full(firms.n, NONE, dtype=firms.exit_cause.dtype)
        for reason, struck in (  # the last one that is true stays
            (RETIREMENT, step.draws.uniform("retirement", step.t, firms.uid) < self.weekly("retirement_hazard")),
            (VOLUNTARY, self._leaving(state, step)),
            (INSOLVENT, (firms.equity < 0.0) & firms.refused),
            (ILLIQUID, firms.weeks_in_arrears > self.grace_weeks),
        ):
            cause[struck] = reason
        closing = firms.alive & (firms.kind == SMB) & (cause != NONE)
        firms.alive[closing] = False
        firms.exit_week[closing] = step.t
        firms.exit_cause[closing] = cause[closing]
        self._tell(state, step, closing)

    def _leaving(self, state, step) -> np.ndarray:
        """Rows of the firms whose owner is offered something better: of those to whom an offer comes, o ξ_i, the share P_i."""
        firms = state.firms
        luck, offers = step.draws.uniform("offer", step.t, firms.uid), self._restless(state, step) * self.weekly("offer_rate")
        rows = np.flatnonzero(luck < offers)
        return rows[luck[rows] < offers[rows] * self._taken(state, rows)]

    def _taken(self, state, rows) -> np.ndarray:
        """(k,) P_i of the firms in these rows: the share of offers that are worth more than what the firm brings."""
        firms = state.firms
        assets = firms.collateral[rows] + firms.capital[rows] * price_of_capital(state)
        stake = self.weekly("stake_return") * (1.0 - self.orderly_recovery) * assets
        income, offer = np.maximum(firms.mean_profit[rows] + firms.owner_pay[rows] + stake, 0.0), firms.offer[rows]
        return np.exp(-np.divide(income, offer, out=np.full(len(rows), np.inf), where=offer > 0))

    def _restless(self, state, step) -> np.ndarray:
        """(n,) ξ, drawn once for an owner; those who have been in business for long are the less restless ones."""
        firms = state.firms
        new = np.flatnonzero(firms.restlessness < 0.0)
        years = np.maximum(step.t - firms.born[new], 0) / WEEKS_PER_YEAR
        drawn = -np.log1p(-step.draws.uniform("restlessness", 0, firms.uid[new]))
        firms.restlessness[new] = drawn / (1.0 + self.offer_rate * self._taken(state, new) * years)
        return firms.restlessness

    def _tell(self, state, step, closing) -> None:
        """An event where a sector lost its last SMB."""
        firms = state.firms
        left = state.by_sector(firms.alive & (firms.kind == SMB))
        for sector in np.flatnonzero((state.by_sector(closing) > 0) & (left == 0)):
            state.events.append((step.t, f"the last SMB of sector {state.sector_codes[sector]} closed"))

    def liquidate(self, state, step):
        """The firms that closed sell what they have, abroad and at a discount."""
        firms, sectors = state.firms, state.sectors
        absorbed = state.by_sector(np.where(firms.alive, firms.capex, 0.0))
        closing, price = np.flatnonzero(firms.exit_week == step.t), price_of_capital(state)
        sector, value = firms.sector[closing], firms.capital[closing] * price
        on_sale = np.bincount(sector, weights=value, minlength=len(absorbed))
        sectors.capital_on_sale[:] = np.maximum(sectors.capital_on_sale - absorbed, 0.0) + on_sale
        firms.liquidation[:] = 0.0
        if len(closing) == 0:
            return
        weeks = np.divide(sectors.capital_on_sale, absorbed, out=np.full(len(absorbed), np.inf), where=absorbed > 0)
        discount = np.minimum(self.fire_sale * weeks, 1.0) if self.fire_sale > 0 else np.zeros(len(absorbed))
        goods = firms.unit_cost[closing] * firms.inventory[closing] + self._clear_inputs(state, closing)[closing]
        pressed = np.isin(firms.exit_cause[closing], (ILLIQUID, INSOLVENT))
        of_capital = np.where(pressed, self.capital_recovery, self.orderly_recovery) * (1.0 - discount[sector])
        of_goods = np.where(pressed, self.goods_recovery, self.orderly_recovery)
        firms.liquidation[closing] = of_capital * value + of_goods * goods
        transfer(state, FOREIGN, "firm", firms.liquidation, "liquidation")
        firms.scrap[closing] += firms.inventory[closing]
        for column in (firms.inventory, firms.capital, firms.capacity, firms.normal_output):
            column[closing] = 0.0

    def _clear_inputs(self, state, closing) -> np.ndarray:
        """(n,) value of the inputs, in stock and in transit, that the firms in these rows give away."""
        slots = state.slots
        rows = state.slots_of(closing)
        moving = slots.pipeline[rows].sum(axis=1) + slots.import_pipeline[rows].sum(axis=1)
        held = slots.input_stock[rows] + moving
        slots.input_spoiled[rows] += held
        slots.supply_line[rows] = np.maximum(slots.supply_line[rows] - moving, 0.0)
        for column in (slots.input_stock, slots.pipeline, slots.import_pipeline):
            column[rows] = 0.0
        return np.bincount(slots.customer[rows], weights=slots.purchase_price[rows] * held, minlength=state.firms.n)

    def settle_estates(self, state, step):
        """What estates owe at the end of their time is written off, by debtor and creditor alike."""
        firms = state.firms
        for losses in (firms.credit_losses, firms.loan_losses, firms.arrears_losses, firms.payable_losses):
            losses[:] = 0.0
        gone = np.flatnonzero(~firms.alive)
        since = firms.weeks_since_exit[gone]
        ended = gone[(since >= self.estate_weeks) & ((since > 0) | (firms.cash[gone] <= 0))]
        if len(ended) == 0:
            return
        for arrears in (firms.wage_arrears, firms.tax_arrears, firms.interest_arrears):
            firms.arrears_losses[ended] += arrears[ended]
            arrears[ended] = 0.0
        self._cancel_payables(state, ended)
        firms.loan_losses[ended] = firms.debt[ended]
        write_off(state, firms.loan_losses)
        made_good = np.minimum(firms.guaranteed_debt[ended], firms.loan_losses[ended])
        transfer(state, GOVERNMENT, BANK, float(total(made_good)), "guarantees")
        firms.guaranteed_debt[ended] = 0.0

    def _cancel_payables(self, state, ended) -> None:
        firms, links = state.firms, state.links
        rows = state.links_into(ended)
        lost = links.payable[rows]
        firms.credit_losses[:] = np.bincount(links.supplier[rows], weights=lost, minlength=firms.n)
        firms.payable_losses[:] = np.bincount(links.buyer[rows], weights=lost, minlength=firms.n)
        settle_credit(state, firms.payable_losses, firms.credit_losses)
        firms.payable_losses[ended] += firms.import_payable[ended]
        links.payable[rows], firms.import_payable[ended] = 0.0, 0.0
