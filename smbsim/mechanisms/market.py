r"""Market (M3) in its limit: price 1, constant customer bases. Budgets become demand for firms, and buyers pay for what they get.

    household demand for firm i   h_i = τ_i [ B_home C_{r(i),s} + B_else Σ_{r≠r(i)} C_{r,s} ]      large firms: B_home Σ_r B_{L,r} C_{r,s}
    pooled demand                 g_i = b_i ( Σ_u spending_{s,u} / p_i + counter_s )               u every other final use
    final demand (volume)         F_i = demand_factor_i ( h_i / p_i + g_i )
    payments                      each buyer pays the share of its budget that was delivered

b_i is the firm's share of what its sector sells outside links. Counter inputs are bought like final demand, for the output each firm
made last (a service firm's is that of last week); imports and products of accounts without a stock are bought on the spot for what
was made this week. A taste factor τ below one moves demand: customers turn to the other firms of the sector first, and a sector that
is hit as a whole loses to the other sectors; household spending as a whole stays what it was.

symbol  column               unit
C       budget (region, s)   currency/wk
B       customer_base        1
b       sale_share           1
p       price                currency per base currency

Source: POPULATION.md 1.3 and 1.4; shares by price, quality and locality (Bijmolt et al. 2005) come with price setting.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer
from ..rest import ACCOUNTS, FOREIGN, GOVERNMENT, INVESTMENT, USES
from ..schema import Column, param
from ..state import EVERYWHERE
from .base import Mechanism

ROUNDING = 1e-12  # shares of a market that sum to one up to this are those of the start
FLOWS = {INVESTMENT: "investment goods", FOREIGN: "exports", GOVERNMENT: "government purchases"}


class Market(Mechanism):
    name = "market"
    columns = (
        Column("price", "currency per base currency", 1.0, "Price of the firm's output", low=0),
        Column(
            "customer_base",
            "1",
            0.0,
            "Share of household demand for the sector: at home, elsewhere (a firm that is everywhere: share of large_customers, 0)",
            width=2,
            low=0,
        ),
        Column("large_customers", "1", 0.0, "The same for the sector's large firms", axis="region", width="sector", low=0),
        Column("sale_share", "1", 0.0, "Share of what the sector sells outside links", low=0, high=1),
        Column("demand_factor", "1", 1.0, "Factor of shocks on final demand; what is cut is saved", low=0),
        Column("taste_factor", "1", 1.0, "Factor of shocks on households' preference; what is cut goes elsewhere", low=0),
        Column("pull", "1", 1.0, "Attraction of the firm's offer to whoever buys outside links; 0 once it has closed", low=0),
        Column("intensity", "1", 1.0, "Factor by which the shares of a market's sellers sum to one", axis="region", width="sector", low=0),
        Column("pool_share", "1", 0.0, "Share of what the sector sells outside links, of the firms that are there now", low=0, high=1),
        Column("household_demand", "currency/wk", 0.0, "Household budgets aimed at the firm", low=0),
        Column("final_demand", "base currency/wk", 0.0, "Asked of the firm outside links", low=0),
        Column("counter_base", "base currency/wk", 0.0, "Output for which counter inputs are bought this week", low=0),
        Column("counter_use", "base currency/wk", 0.0, "Counter inputs delivered to the firm", low=0),
        Column("counter_cost", "currency/wk", 0.0, "Paid for counter inputs", low=0),
        Column("spot_use", "base currency/wk", 0.0, "Imports and products of accounts used without a stock", low=0),
        Column("spot_cost", "currency/wk", 0.0, "Paid for them", low=0),
        Column("counter_demand", "base currency/wk", 0.0, "Counter inputs asked of the sector", axis="sector", low=0),
        Column("counter_coefficient", "1", 0.0, "Counter input per unit of output: user sector × supplier", axis="sector", width="sector"),
        Column("spot_coefficient", "1", 0.0, "Spot import per unit of output: user sector × group", axis="sector", width="sector"),
        Column("other_import_coefficient", "1", 0.0, "Imports of no group per unit of output", axis="sector"),
        Column("account_coefficient", "1", 0.0, "Products of accounts per unit of output", axis="sector", width="account"),
        Column("budget", "currency/wk", 0.0, "Household spending by region and sector", axis="region", width="sector", low=0),
        Column("spending", "currency/wk", 0.0, "Spending of each final use on the sector", axis="sector", width="use", low=0),
        Column("import_spending", "currency/wk", 0.0, "Spending of each use on imports of the group", axis="sector", width="use", low=0),
        Column("account_spending", "currency/wk", 0.0, "Spending of each use on products of the account", axis="account", width="use"),
    )
    reads = ("sector", "region", "output", "final_fill_rate", "consumption", "import_factor", "import_price_factor")
    writes = (*(c.name for c in columns), "cash", "deposits", "balance")

    enabled: bool = param(False, unit="switch", doc="Price setting; off: price 1 and constant customer bases", source="limit of M3")

    def settle(self, state, rest):
        firms, sectors = state.firms, state.sectors
        firms.customer_base[:] = rest.customers
        state.regions.large_customers[:] = rest.large_customers
        firms.sale_share[:] = rest.sale_share
        firms.counter_base[:] = rest.output
        sectors.counter_coefficient[:] = rest.counter
        sectors.spot_coefficient[:] = rest.spot_imports
        sectors.other_import_coefficient[:] = rest.other_imports
        sectors.account_coefficient[:] = rest.account_inputs
        sectors.spending[:] = rest.basket
        sectors.import_spending[:] = rest.import_basket
        state.accounts.account_spending[:] = rest.account_basket
        self._settle_flows(state)

    def _settle_flows(self, state) -> None:
        """What was asked, bought and paid in the week before the first."""
        firms, sectors = state.firms, state.sectors
        self._ask(state)
        firms.counter_use[:] = firms.output * sectors.counter_coefficient.sum(axis=1)[firms.sector]
        firms.counter_cost[:] = firms.counter_use
        unstocked = sectors.spot_coefficient.sum(axis=1) + sectors.other_import_coefficient + sectors.account_coefficient.sum(axis=1)
        firms.spot_use[:] = firms.output * unstocked[firms.sector]
        firms.spot_cost[:] = firms.spot_use

    def review(self, state, step):
        """Firms whose turn it is set their price."""

    def share(self, state, step):
        """Budgets of all uses become demand for firms."""
        self._ask(state)

    def _ask(self, state) -> None:
        firms, sectors = state.firms, state.sectors
        self._attract(state)
        firms.counter_base[:] = np.where(firms.alive, firms.output, 0.0)
        sectors.counter_demand[:] = state.by_sector(firms.counter_base) @ sectors.counter_coefficient
        firms.household_demand[:] = self._preferred(state, self._reach(state))
        pooled = sectors.spending[:, 1:].sum(axis=1)[firms.sector] / firms.price + sectors.counter_demand[firms.sector]
        firms.final_demand[:] = firms.demand_factor * (firms.household_demand / firms.price + firms.pool_share * pooled)

    def _attract(self, state) -> None:
        """Customers of the firms that are there: shares of every market sum to one again after an exit or an entry."""
        firms = state.firms
        firms.pull[:] = firms.alive
        state.regions.intensity[:] = self._normaliser(state, self._by_market(state, firms.pull))
        offered = firms.sale_share * firms.pull
        firms.pool_share[:] = offered * self._normaliser(state, state.by_sector(offered))[firms.sector]

    def _normaliser(self, state, shares) -> np.ndarray:
        """1 / shares, 0 where nobody sells; exactly 1 where the shares are those of the start."""
        if state.firms.alive.all() and shares.max(initial=0.0) <= 1.0 + ROUNDING:
            return np.ones_like(shares)
        return np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)

    def _by_market(self, state, weight) -> np.ndarray:
        """(R, G) Σ of customer base × weight over those who sell in the market of region r and sector s. weight (n,)."""
        firms = state.firms
        home = state.by_region_and_sector(weight * firms.customer_base[:, 0])
        elsewhere = state.by_region_and_sector(weight * firms.customer_base[:, 1])
        large = state.by_sector(np.where(firms.region == EVERYWHERE, weight * firms.customer_base[:, 0], 0.0))
        return home + (elsewhere.sum(axis=0) - elsewhere) + state.regions.large_customers * large

    def _reach(self, state) -> np.ndarray:
        """(n,) what the regions' budgets bring each firm by its customer base and its pull."""
        firms, budget = state.firms, state.regions.budget * state.regions.intensity
        home = budget[firms.region, firms.sector]
        small = firms.customer_base[:, 0] * home + firms.customer_base[:, 1] * (budget.sum(axis=0)[firms.sector] - home)
        large = firms.customer_base[:, 0] * (state.regions.large_customers * budget).sum(axis=0)[firms.sector]
        return firms.pull * np.where(firms.region == EVERYWHERE, large, small)

    def _preferred(self, state, reach) -> np.ndarray:
        """Household demand after the taste factors: within the sector first, then between sectors; the total is kept."""
        firms = state.firms
        if np.all(firms.taste_factor == 1.0):
            return reach
        best = np.zeros(len(state.sector_codes))
        np.maximum.at(best, firms.sector, np.where(reach > 0, firms.taste_factor, 0.0))
        aimed = state.by_sector(reach) * best
        aimed *= state.by_sector(reach).sum() / aimed.sum() if aimed.sum() > 0 else 0.0
        liked = state.by_sector(reach * firms.taste_factor)
        return reach * firms.taste_factor * np.divide(aimed, liked, out=np.zeros_like(liked), where=liked > 0)[firms.sector]

    def sell(self, state, step):
        """Buyers pay for what was delivered to them; what could not be delivered stays with them."""
        firms, sectors = state.firms, state.sectors
        delivered = firms.demand_factor * firms.final_fill_rate
        received = delivered * firms.household_demand
        transfer(state, "household", "firm", self._paid_by_cells(state, received), "consumption", received)
        for u, use in enumerate(uses(state)[1:], start=1):
            flow = FLOWS.get(use, f"{use} inputs")
            transfer(state, use, "firm", delivered * firms.pool_share * sectors.spending[firms.sector, u], flow)
        volume = delivered * firms.pool_share * sectors.counter_demand[firms.sector]
        self._pay_over_counter(state, volume)

    def _paid_by_cells(self, state, received) -> np.ndarray:
        """(2R,) a region pays what its budget brought the firms, its cells in proportion to their consumption."""
        reach = self._reach(state)
        ratio = np.divide(received, reach, out=np.zeros_like(reach), where=reach > 0)
        budget = state.regions.budget * state.regions.intensity
        paid = (budget * self._by_market(state, state.firms.pull * ratio)).sum(axis=1)
        by_class = state.households.consumption.reshape(-1, 2)
        total = by_class.sum(axis=1, keepdims=True)
        return (paid[:, None] * np.divide(by_class, total, out=np.zeros_like(by_class), where=total > 0)).ravel()

    def _pay_over_counter(self, state, volume) -> None:
        firms, sectors = state.firms, state.sectors
        asked = sectors.counter_demand
        for column, sold in ((firms.counter_use, volume), (firms.counter_cost, firms.price * volume)):
            per_unit = np.divide(state.by_sector(sold), asked, out=np.zeros_like(asked), where=asked > 0)
            column[:] = firms.counter_base * (sectors.counter_coefficient @ per_unit)[firms.sector]
        transfer(state, "firm", "firm", firms.counter_cost, "counter inputs", firms.price * volume)

    def buy_spot(self, state, step):
        """Firms pay for imports and products of accounts that they use without a stock."""
        firms, sectors = state.firms, state.sectors
        volume = sectors.spot_coefficient * sectors.import_factor
        imports = volume @ sectors.import_price_factor + sectors.other_import_coefficient
        accounts = sectors.account_coefficient
        firms.spot_use[:] = firms.output * (volume.sum(axis=1) + sectors.other_import_coefficient + accounts.sum(axis=1))[firms.sector]
        firms.spot_cost[:] = firms.output * (imports + accounts.sum(axis=1))[firms.sector]
        transfer(state, "firm", FOREIGN, firms.output * imports[firms.sector], "imported inputs")
        for a, account in enumerate(state.account_names):
            if accounts[:, a].any():
                transfer(state, "firm", account, firms.output * accounts[firms.sector, a], f"inputs from {account}")

    def buy_elsewhere(self, state, step):
        """Final uses pay for imports and for products of accounts; imports that cannot be had are not paid."""
        imports = state.sectors.import_factor @ state.sectors.import_spending
        for u, use in enumerate(uses(state)):
            self._pay(state, use, FOREIGN, imports[u] + state.accounts.account_spending[state.account(FOREIGN), u], "imports")
            for a, account in enumerate(state.account_names):
                if account not in (FOREIGN, use):
                    self._pay(state, use, account, state.accounts.account_spending[a, u], f"purchases from {account}")

    def _pay(self, state, use, account, amount, flow) -> None:
        if amount == 0.0:
            return
        if use == "household":
            consumption = state.households.consumption
            amount = amount * consumption / consumption.sum()
        transfer(state, use, account, amount, flow)


def uses(state) -> tuple[str, ...]:
    """Final uses in the order of the columns of `spending`; all but households are accounts."""
    return (*USES, *state.account_names[len(ACCOUNTS) :])
