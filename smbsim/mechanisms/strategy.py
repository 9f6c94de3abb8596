r"""Strategy (M6): firms compare what they earn with what they aspire to, and when they fall short they try something.

    margin_i    = mean profit_i / (p_i · mean demand_i)                                      means of a year
    aspiration  ← aspiration + α (ϖ peers' median + (1-ϖ) own - aspiration)                 peers: SMBs of the sector, at a review
    P(search)   = π₀ + π₁ [aspiration - margin]⁺                                            at a review, when nothing is under way
    U_c         = V_c + σ s ε_c ,   P(c) ∝ exp(β U_c / s)                                     over the options the firm can pay
    V_c         ← V_c + a (margin after 26 weeks - margin before - V_c)                      belief about option c, learned by doing

Reviews come every quarter, staggered by uid. Options
    hold        nothing
    penetrate   a tenth off the markup, to win customers by price
    expand      a tenth more capital, paid from deposits above half the liquidity target
    retrench    a tenth of capital sold abroad at a discount, a tenth on the markup
    merge       buys another firm of its sector and region (`mergers`)

Stages are labels, set once a year: startup under two years of age, growth above 20 % real growth of sales, decline below -10 %, renewal
when sales grow again after a decline, maturity otherwise.

symbol      column             unit
aspiration  aspiration         1
V           payoff             1 (by option)

Sources: Ansoff (1957), HBR 35(5), for the options; Cyert and March (1963) for aspiration and search; March (1991), Organization Science
2(1), for learning by doing. The numbers are assumptions.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer
from ..rest import FOREIGN, INVESTMENT, price_of_capital
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import SMB
from .base import Mechanism, whose_turn

OPTIONS = ("hold", "penetrate", "expand", "retrench", "merge")
HOLD, PENETRATE, EXPAND, RETRENCH, MERGE = range(len(OPTIONS))
STAGES = ("startup", "growth", "maturity", "decline", "renewal")
STARTUP, GROWTH, MATURITY, DECLINE, RENEWAL = range(len(STAGES))
REVIEW = 13  # weeks between two reviews of a firm
TRIAL = 26  # weeks after which an option is judged
STARTUP_YEARS, GROWING, SHRINKING = 2, 0.20, -0.10  # bounds of the stages


class Strategy(Mechanism):
    name = "strategy"
    optional = True
    columns = (
        Column("aspiration", "1", 0.0, "Margin the owner aspires to", entrant="copied"),
        Column("strategy", "1", HOLD, f"What is tried: {', '.join(f'{i} {name}' for i, name in enumerate(OPTIONS))}", dtype="i1", low=0,
               high=len(OPTIONS) - 1),
        Column("tried_since", "wk", 0, "Week in which it began", dtype="i4"),
        Column("margin_before", "1", 0.0, "Margin when it began"),
        Column("payoff", "1", 0.0, "Believed gain in margin by option", width=len(OPTIONS)),
        Column("stage", "1", MATURITY, f"Stage of life: {', '.join(f'{i} {name}' for i, name in enumerate(STAGES))}", dtype="i1", low=0,
               high=len(STAGES) - 1),
        Column("sales_this_year", "base currency", 0.0, "Output since the last anniversary", low=0),
        Column("sales_last_year", "base currency", 0.0, "Output of the year before", low=0),
    )  # fmt: skip
    reads = ("mean_profit", "mean_demand", "price", "output", "alive", "kind", "sector", "uid", "born", "liquidity_target",
             "capital_price")  # fmt: skip
    writes = (*(c.name for c in columns), "markup", "capital", "capital_need", "capacity", "cash", "balance")

    enabled: bool = param(False, unit="switch", doc="Firms choose strategies; off: they hold", source="limit of M6")
    search_base: float = param(0.02, unit="1", doc="π₀: chance at a review to try something without need", low=0, high=1,
                               source="assumption")  # fmt: skip
    search_slope: float = param(5.0, unit="1", doc="π₁: the same per unit of margin below the aspiration", low=0, high=100,
                                source="assumption")  # fmt: skip
    aspiration_speed: float = param(0.05, unit="1/wk", doc="α: speed of the aspiration", low=0, high=1, source="assumption")
    peer_weight: float = param(0.5, unit="1", doc="ϖ: weight of the peers in the aspiration", low=0, high=1, source="assumption")
    choice: float = param(4.0, unit="1", doc="β: how sharply the better option is chosen", low=0, high=100, source="assumption")
    scale: float = param(0.02, unit="1", doc="s: margin that counts as one unit of utility", low=1e-4, high=1, source="assumption")
    noise: float = param(0.5, unit="1", doc="σ: spread of what a firm believes of an option, relative to s", low=0, high=10,
                         source="assumption")  # fmt: skip
    learning: float = param(0.3, unit="1", doc="a: weight of the last experience in the belief", low=0, high=1, source="assumption")
    step_size: float = param(0.10, unit="1", doc="Change of capital or markup by one decision", low=0, high=0.5,
                             source="Delli Gatti et al. (2011): steps of up to .10 a quarter")  # fmt: skip
    resale: float = param(0.5, unit="1", doc="Share of its value that capital brings when a living firm sells it", low=0, high=1,
                          source="assumption")  # fmt: skip

    def settle(self, state, rest):
        firms = state.firms
        firms.aspiration[:] = margin(state)
        firms.sales_last_year[:] = WEEKS_PER_YEAR * rest.output
        firms.sales_this_year[:] = (firms.uid - 1) % WEEKS_PER_YEAR * rest.output  # at the next anniversary a whole year

    def decide(self, state, step):
        """Stages and, at a review, aspiration and the choice of what to try next."""
        firms, earned = state.firms, margin(state)
        acting = firms.alive & (firms.kind == SMB)
        self._label(state, step, acting)
        due = acting & whose_turn(firms.uid, step.t, REVIEW)
        self._aspire(state, acting, due, earned)
        self._learn(state, step, due, earned)
        rows = np.flatnonzero(due & (firms.strategy == HOLD))
        chance = self.search_base + self.search_slope * np.maximum(firms.aspiration[rows] - earned[rows], 0.0)
        rows = rows[step.draws.uniform("strategy search", step.t, firms.uid[rows]) < chance]
        firms.margin_before[rows] = earned[rows]
        self._choose(state, step, rows)

    def _label(self, state, step, acting) -> None:
        firms = state.firms
        firms.sales_this_year[:] += np.where(acting, firms.output, 0.0)
        rows = np.flatnonzero(acting & whose_turn(firms.uid, step.t, WEEKS_PER_YEAR))
        last, year = firms.sales_last_year[rows], firms.sales_this_year[rows]
        growth = np.divide(year, last, out=np.ones(len(rows)), where=last > 0) - 1.0
        shrank = firms.stage[rows] == DECLINE
        stage = np.select([growth < SHRINKING, shrank & (growth > 0), growth > GROWING], [DECLINE, RENEWAL, GROWTH], MATURITY)
        young = step.t - firms.born[rows] < STARTUP_YEARS * WEEKS_PER_YEAR
        firms.stage[rows] = np.where(young, STARTUP, stage)
        firms.sales_last_year[rows], firms.sales_this_year[rows] = year, 0.0

    def _aspire(self, state, acting, due, earned) -> None:
        firms = state.firms
        trading, rows = acting & (firms.mean_demand > 0), np.flatnonzero(due)
        peers = self._medians(state, earned, trading, np.unique(firms.sector[due & trading]))[firms.sector[rows]]
        speed = 1.0 - (1.0 - self.aspiration_speed) ** REVIEW
        aim = self.peer_weight * peers + (1.0 - self.peer_weight) * earned[rows]
        firms.aspiration[rows] += speed * (aim - firms.aspiration[rows])

    def _medians(self, state, values, chosen, sectors) -> np.ndarray:
        """(G,) median of the values of the chosen firms of these sectors, each of which has some; 0 for the other sectors."""
        rows, start = state.by_key(np.flatnonzero(chosen), state.firms.sector, len(state.sector_codes))
        median = np.zeros(len(state.sector_codes))
        for g in sectors:
            middle, odd = divmod(start[g + 1] - start[g], 2)
            ordered = np.partition(values[rows[start[g] : start[g + 1]]], middle)  # one place: for two it takes five times as long
            median[g] = ordered[middle] if odd else (ordered[:middle].max() + ordered[middle]) / 2.0
        return median

    def _learn(self, state, step, due, earned) -> None:
        """What was tried half a year ago is judged by the change of the margin."""
        firms = state.firms
        rows = np.flatnonzero(due & (firms.strategy != HOLD) & (step.t - firms.tried_since >= TRIAL))
        option = firms.strategy[rows]
        firms.payoff[rows, option] += self.learning * (earned[rows] - firms.margin_before[rows] - firms.payoff[rows, option])
        firms.strategy[rows] = HOLD

    def _choose(self, state, step, rows) -> None:
        firms = state.firms
        spare = firms.cash[rows] - 0.5 * firms.liquidity_target[rows]
        price = self.step_size * firms.capital[rows] * price_of_capital(state)
        possible = np.ones((len(rows), len(OPTIONS)), dtype=bool)
        possible[:, EXPAND] = (price > 0) & (spare > price)
        possible[:, RETRENCH] = price > 0
        possible[:, MERGE] = spare > firms.liquidity_target[rows]
        belief = np.stack([self._noisy(firms.payoff[rows, c], step, firms.uid[rows], c) for c in range(len(OPTIONS))], axis=1)
        weight = np.where(possible, np.exp(np.clip(self.choice * belief / self.scale, -50, 50)), 0.0)
        ladder = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        chosen = (ladder < step.draws.uniform("strategy choice", step.t, firms.uid[rows])[:, None]).sum(axis=1)
        chosen = np.minimum(chosen, len(OPTIONS) - 1)
        acts = chosen != HOLD
        firms.strategy[rows] = chosen
        firms.tried_since[rows[acts]] = step.t
        firms.markup[rows[chosen == PENETRATE]] *= 1.0 - self.step_size
        firms.markup[rows[chosen == RETRENCH]] *= 1.0 + self.step_size
        self._move_capital(state, rows[chosen == EXPAND], rows[chosen == RETRENCH])

    def _noisy(self, payoff, step, uid, option) -> np.ndarray:
        """What the firm believes this time: the learned payoff and an error, uniform with the spread σ s."""
        error = step.draws.uniform(f"strategy belief {OPTIONS[option]}", step.t, uid) - 0.5
        return payoff + self.noise * self.scale * np.sqrt(12.0) * error

    def _move_capital(self, state, buying, selling) -> None:
        """New capital is ordered from the investment pool and paid at once; old capital is sold abroad below its value."""
        firms = state.firms
        paid, received = np.zeros(firms.n), np.zeros(firms.n)
        paid[buying] = price_of_capital(state) * self.step_size * firms.capital[buying]
        received[selling] = self.resale * price_of_capital(state) * self.step_size * firms.capital[selling]
        transfer(state, "firm", INVESTMENT, paid, "expansion")
        transfer(state, FOREIGN, "firm", received, "capital sold")
        for rows, factor in ((buying, 1.0 + self.step_size), (selling, 1.0 - self.step_size)):
            for column in (firms.capital, firms.capacity, firms.capital_need):
                column[rows] *= factor


def margin(state) -> np.ndarray:
    """(n,) mean profit of a year by mean sales; 0 without sales."""
    firms = state.firms
    sales = firms.price * firms.mean_demand
    return np.divide(firms.mean_profit, sales, out=np.zeros(firms.n), where=sales > 0)
