r"""Market (M3): customers choose firms by price, quality and place; firms set prices from cost and markup; buyers pay for what they get.

    attraction                v_i = p_i^(1-ε) (p_i / P_s)^-ε'_i q_i^η T_i     limit: 1;  0 once the firm has closed;  T reach of tools
    share of a market         s_i,r = B_i,r v_i / Σ_j B_j,r v_j               B at home, or R_i B elsewhere; large firms: B_home B_L,r
    household demand          h_i = τ_i Σ_r s_i,r C_r,s
    pooled demand             g_i = b_i v_i / Σ_j b_j v_j · ( Σ_u π_i,u spending_s,u / p_i + counter_s P_s / p_i )     u other final use
    final demand (volume)     F_i = demand_factor_i ( h_i / p_i + g_i )
    payments                  each buyer pays the share of its budget that was delivered

b_i is the firm's share of what its sector sells outside links, and P the price index at which the pool's counter inputs are as many as
were asked for; last week's is what customers compare with on platforms (ε', and R reach elsewhere, of members; 0 and 1 without platforms).
The state's purchases are tilted by π_i, a factor of policy whose mean over the pool is one. A taste factor τ below one
moves demand: customers turn to the other firms of the sector first, and a sector that is hit as a whole loses to the other sectors;
household spending as a whole stays what it was. Where nobody sells, the money stays with the buyers.

Households choose between the sector and imports of the same goods (Armington), θ their shares at rest, P_r,s = (Σ B v / Σ B)^(1/(1-ε)):

    C_r,s = f θ_s C_r P_r,s^(1-σ) ,   imports = f θ_m C_r φ^(1-σ) ,   f = (θ_s + θ_m) / (θ_s P_r,s^(1-σ) + θ_m φ^(1-σ))

Every 13 weeks, staggered by uid, a firm reviews its offer; the row of a sector's large firms, which stands for many, moves by a
thirteenth every week instead:

    μ_i ← μ_i + |μ_i| ( exp( υ Δln share_i - υ_S [S_i / (n_fg D̂_i) - 1]¹₋₁ ) - 1 )       share in expected demand; stocks where storable
    p_i ← p_i · [ (1 + μ_i) ĉ_i / p_i ] within 1 ± step                                     ĉ unit cost; at rest μ = 1/ĉ - 1, so that p = 1
    ln q_i ← ρ ln q_i + σ max(L_i, 1)^(-γ) z_i                                             SMBs of L heads; z standard normal

symbol  column               unit
C       budget (region, s)   currency/wk
B       customer_base        1
b       sale_share           1
p       price                currency per base currency
q       quality              1
μ       markup               1
ĉ       unit_cost            currency per base currency
π       procurement_factor   1

Sources: Bijmolt, van Heerde and Pieters (2005): mean price elasticity -2.62 of 1,851 estimates, of quantity, hence 1 - ε of spending;
Dosi, Fagiolo and Roventini (2010) for markups that follow the market share; Delli Gatti et al. (2011) for the step of prices;
POPULATION.md 1.3 and 1.4 for the shares at rest.
"""

from __future__ import annotations

import numpy as np

from ..accounts import transfer
from ..kernel import kernel
from ..rest import ACCOUNTS, FOREIGN, GOVERNMENT, INVESTMENT, USES
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import EVERYWHERE, LARGE, SMB
from .base import Mechanism, whose_turn

ROUNDING = 1e-12  # shares of a market that sum to one up to this are those of the start
CHEAPEST = 1e-3  # lowest price of imports that counts when households compare, so that their share stays finite
STATE = USES.index(GOVERNMENT)
FLOWS = {INVESTMENT: "investment goods", FOREIGN: "exports", GOVERNMENT: "government purchases"}


class Market(Mechanism):
    name = "market"
    columns = (
        Column("price", "currency per base currency", 1.0, "Price of the firm's output", low=0, entrant="copied"),
        Column("markup", "1", 0.0, "Price over unit cost less one; covers capital, interest and profit", low=-1, entrant="copied"),
        Column("quality", "1", 1.0, "Quality of the offer, relative to rest", low=0, entrant="copied"),
        Column("tool_reach", "1", 1.0, "Factor of tools on what customers see of the firm, relative to rest", low=0, entrant="copied"),
        Column("platform_reach", "1", 1.0, "Factor of platforms on customers elsewhere, relative to rest", low=0, entrant="copied"),
        Column("visibility", "1", 0.0, "Price elasticity that platforms add, against the sector's pool", low=0, entrant="copied"),
        Column("reviewed_share", "1", 0.0, "Share of the sector's expected demand at the last review", low=0, entrant="scaled"),
        Column(
            "customer_base",
            "1",
            0.0,
            "Share of household demand for the sector: at home, elsewhere (a firm that is everywhere: share of large_customers, 0)",
            width=2,
            low=0,
            entrant="scaled",
        ),
        Column("large_customers", "1", 0.0, "The same for the sector's large firms", axis="region", width="sector", low=0),
        Column("sale_share", "1", 0.0, "Weight in what the sector sells outside links; at rest its share", low=0, entrant="scaled"),
        Column("demand_factor", "1", 1.0, "Factor of shocks on final demand; what is cut is saved", low=0),
        Column("taste_factor", "1", 1.0, "Factor of shocks on households' preference; what is cut goes elsewhere", low=0),
        Column("procurement_factor", "1", 1.0, "Factor of policy on the firm's share of government purchases", low=0),
        Column("pull", "1", 1.0, "Attraction of the firm's offer to whoever buys outside links; 0 once it has closed", low=0),
        Column("intensity", "1", 1.0, "Factor by which the shares of a market's sellers sum to one", axis="region", width="sector", low=0),
        Column("pool_share", "1", 0.0, "Share of what the sector sells outside links, of the firms that are there now", low=0, high=1),
        Column("bargain", "1", 1.0, "Units of the firm for the price of one of the pool, where customers choose by price", low=0),
        Column("household_demand", "currency/wk", 0.0, "Household budgets aimed at the firm", low=0),
        Column("final_demand", "base currency/wk", 0.0, "Asked of the firm outside links", low=0),
        Column("counter_price", "currency per base currency", 1.0, "Price of a unit from the sector's pool", axis="sector", low=0),
        Column("budget", "currency/wk", 0.0, "Household spending by region and sector", axis="region", width="sector", low=0),
        Column("spending", "currency/wk", 0.0, "Spending of each final use on the sector", axis="sector", width="use", low=0),
        Column("import_spending", "currency/wk", 0.0, "Spending of each use on imports of the group", axis="sector", width="use", low=0),
        Column("account_spending", "currency/wk", 0.0, "Spending of each use on products of the account", axis="account", width="use"),
    )
    reads = ("final_fill_rate", "consumption", "sector_basket", "import_basket", "counter_demand", "import_factor", "import_price_factor",
             "expected_demand", "inventory", "finished_cover", "storable", "unit_cost", "employment")  # fmt: skip
    writes = (*(c.name for c in columns), "cash", "deposits", "balance")

    enabled: bool = param(False, unit="switch", doc="Prices, and customers who compare; off: price 1 and constant customer bases",
                          source="limit of M3")  # fmt: skip
    price_elasticity: float = param(2.6, unit="1", doc="ε: of the quantity sold to the firm's own price", low=1, high=20, tier="calibrated",
                                    source="Bijmolt et al. (2005): mean -2.62 of 1,851 estimates")  # fmt: skip
    quality_elasticity: float = param(1.0, unit="1", doc="η: of the quantity sold to quality", low=0, high=10, source="assumption")
    import_elasticity: float = param(1.5, unit="1", doc="σ: substitution of households between a sector and imports of its goods", low=0,
                                     high=10, source="assumption; macro estimates of Armington elasticities are 1 to 2")  # fmt: skip
    review_weeks: int = param(13, unit="wk", doc="Weeks between two reviews of a firm's price", low=1, high=104, source="assumption")
    price_step: float = param(0.10, unit="1", doc="Largest change of a price at a review", low=0, high=0.9,
                              source="Delli Gatti et al. (2011): up to .10 a quarter")  # fmt: skip
    markup_min: float = param(0.0, unit="1", doc="μ_min: markup below which no adjustment takes it", low=-0.9, high=5, source="assumption")
    share_response: float = param(0.04, unit="1", doc="υ: of the logarithm of the markup to that of the market share", low=0, high=1,
                                  source="Dosi, Fagiolo and Roventini (2010): .04; sweep .01 to .1")  # fmt: skip
    stock_response: float = param(0.04, unit="1", doc="υ_S: of the logarithm of the markup to finished goods above target", low=0, high=1,
                                  source="assumption")  # fmt: skip
    quality_noise: float = param(0.73, unit="1", doc="σ: standard deviation of a year's shocks to ln quality, of a firm of one head",
                                 low=0, high=2, tier="calibrated",
                                 source="fitted to exit by age with `offer_rate` and to job creation, BDS 2015-19")  # fmt: skip
    diversification: float = param(0.27, unit="1", doc="γ: by which the shocks of larger firms are smaller", low=0, high=0.5,
                                   tier="calibrated", source="fitted to the volatility of growth, which falls with size by .14 to .20: "
                                   "Stanley et al. (1996)")  # fmt: skip
    quality_persistence: float = param(0.9, unit="1", doc="Share of an advantage in quality that is left after a year", low=0, high=0.999,
                                       source="assumption, as for productivity")  # fmt: skip

    def settle(self, state, rest):
        firms, sectors = state.firms, state.sectors
        firms.customer_base[:] = rest.customers
        state.regions.large_customers[:] = rest.large_customers
        firms.sale_share[:] = rest.sale_share
        firms.markup[:] = np.divide(1.0, firms.unit_cost, out=np.ones(firms.n), where=firms.unit_cost > 0) - 1.0
        firms.reviewed_share[:] = self._demand_share(state)
        sectors.spending[:] = rest.basket
        sectors.import_spending[:] = rest.import_basket
        state.accounts.account_spending[:] = rest.account_basket
        self._attract(state)
        self._ask(state)

    # -- demand ---------------------------------------------------------------------------------------------------------------------------

    def attract(self, state, step):
        """What each firm's offer is worth to customers, and its share of the pool."""
        self._attract(state)

    def share(self, state, step):
        """Budgets of all uses become demand for firms."""
        if self.enabled:
            self._compare_with_imports(state)
        self._ask(state)

    def _attract(self, state) -> None:
        firms, sectors = state.firms, state.sectors
        firms.pull[:] = firms.alive
        if self.enabled:
            firms.pull[:] *= firms.price ** (1.0 - self.price_elasticity) * firms.quality**self.quality_elasticity * firms.tool_reach
            self._compare(state)
        state.regions.intensity[:] = self._normaliser(state, self._by_market(state, firms.pull))
        offered = firms.sale_share * firms.pull
        firms.pool_share[:] = offered * self._normaliser(state, state.by_sector(offered))[firms.sector]
        if self.enabled:
            units = state.by_sector(firms.pool_share / firms.price)
            sectors.counter_price[:] = np.divide(1.0, units, out=np.zeros_like(units), where=units > 0)
            firms.bargain[:] = sectors.counter_price[firms.sector] / firms.price
        else:
            sectors.counter_price[:] = state.by_sector(firms.pool_share * firms.price)

    def _compare(self, state) -> None:
        """Customers on platforms see what others of the sector ask."""
        firms = state.firms
        rows = np.flatnonzero(firms.visibility > 0.0)
        usual = state.sectors.counter_price[firms.sector[rows]]
        relative = np.divide(firms.price[rows], usual, out=np.ones(len(rows)), where=usual > 0.0)
        firms.pull[rows] *= relative ** -firms.visibility[rows]

    def _normaliser(self, state, shares) -> np.ndarray:
        """1 / shares, 0 where nobody sells; in the limit exactly 1 as long as the sellers are those of the start."""
        gone = ~state.firms.alive
        sold = gone.any() and (state.firms.sale_share[gone].any() or state.firms.customer_base[gone].any())
        if not self.enabled and not sold and shares.max(initial=0.0) <= 1.0 + ROUNDING:
            return np.ones_like(shares)
        return np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)

    def _by_market(self, state, weight) -> np.ndarray:
        """(R, G) Σ of customer base × weight over those who sell in the market of region r and sector s. weight (n,)."""
        firms, shape = state.firms, state.regions.large_customers.shape
        home, elsewhere, large = np.zeros(shape), np.zeros(shape), np.zeros(shape[1])
        weight = np.ascontiguousarray(weight, dtype=np.float64)
        sum_markets(firms.region, firms.sector, firms.customer_base, firms.platform_reach, weight, home, elsewhere, large)
        return home + (elsewhere.sum(axis=0) - elsewhere) + state.regions.large_customers * large

    def _compare_with_imports(self, state) -> None:
        """Households turn to imports where these are the cheaper offer, and the other way round; each keeps its budget for the goods."""
        firms, regions, sectors = state.firms, state.regions, state.sectors
        bases, offers = self._by_market(state, firms.alive), self._by_market(state, firms.pull)
        exponent = (1.0 - self.import_elasticity) / (1.0 - self.price_elasticity) if self.price_elasticity > 1 else 0.0
        at_home = np.divide(offers, bases, out=np.zeros_like(offers), where=offers > 0)
        np.power(at_home, exponent, out=at_home, where=offers > 0)  # P^(1-σ); 0 where nobody sells
        abroad = np.maximum(sectors.import_price_factor, CHEAPEST) ** (1.0 - self.import_elasticity)
        worth = sectors.sector_basket * at_home + sectors.import_basket * abroad
        factor = np.divide(sectors.sector_basket + sectors.import_basket, worth, out=np.zeros_like(worth), where=worth > 0)
        regional = state.households.consumption.reshape(-1, 2).sum(axis=1)
        regions.budget[:] *= factor * at_home
        sectors.spending[:, 0] = regions.budget.sum(axis=0)
        sectors.import_spending[:, 0] = (regional @ factor) * sectors.import_basket * abroad

    def _ask(self, state) -> None:
        firms, sectors = state.firms, state.sectors
        firms.household_demand[:] = self._preferred(state, self._reach(state))
        spending = sectors.spending[:, 1:].sum(axis=1)[firms.sector] + (self._tilt(state) - 1.0) * sectors.spending[firms.sector, STATE]
        pooled = spending / firms.price + sectors.counter_demand[firms.sector] * firms.bargain
        firms.final_demand[:] = firms.demand_factor * (firms.household_demand / firms.price + firms.pool_share * pooled)

    def _tilt(self, state) -> np.ndarray | float:
        """(n,) the state's purchases from the firm, relative to its share of the pool; the sector's total is kept."""
        firms = state.firms
        if np.all(firms.procurement_factor == 1.0):
            return 1.0
        mean = state.by_sector(firms.pool_share * firms.procurement_factor)
        return firms.procurement_factor * np.divide(1.0, mean, out=np.zeros_like(mean), where=mean > 0)[firms.sector]

    def _reach(self, state) -> np.ndarray:
        """(n,) what the regions' budgets bring each firm by its customer base and its pull."""
        firms, budget, reach = state.firms, state.regions.budget * state.regions.intensity, np.empty(state.firms.n)
        anywhere, large = budget.sum(axis=0), (state.regions.large_customers * budget).sum(axis=0)
        state.customers.run(
            reach_customers,
            firms.region,
            firms.sector,
            firms.customer_base,
            firms.platform_reach,
            firms.pull,
            budget,
            anywhere,
            large,
            reach,
        )
        return reach

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

    # -- payment --------------------------------------------------------------------------------------------------------------------------

    def sell(self, state, step):
        """Buyers pay for what was delivered to them; what could not be delivered stays with them."""
        firms, sectors = state.firms, state.sectors
        delivered = firms.demand_factor * firms.final_fill_rate
        received = delivered * firms.household_demand
        transfer(state, "household", "firm", self._paid_by_cells(state, received), "consumption", received)
        for u, use in enumerate(uses(state)[1:], start=1):
            part = firms.pool_share * (self._tilt(state) if u == STATE else 1.0)
            transfer(state, use, "firm", delivered * part * sectors.spending[firms.sector, u], FLOWS.get(use, f"{use} inputs"))

    def _paid_by_cells(self, state, received) -> np.ndarray:
        """(2R,) a region pays what its budget brought the firms, its cells in proportion to their consumption."""
        reach = self._reach(state)
        ratio = np.divide(received, reach, out=np.zeros_like(reach), where=reach > 0)
        budget = state.regions.budget * state.regions.intensity
        paid = (budget * self._by_market(state, state.firms.pull * ratio)).sum(axis=1)
        by_class = state.households.consumption.reshape(-1, 2)
        total = by_class.sum(axis=1, keepdims=True)
        return (paid[:, None] * np.divide(by_class, total, out=np.zeros_like(by_class), where=total > 0)).ravel()

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

    # -- prices ---------------------------------------------------------------------------------------------------------------------------

    def review(self, state, step):
        """Firms whose turn it is set their price; their quality moves on."""
        if not self.enabled:
            return
        firms = state.firms
        roaming = firms.kind == LARGE
        due = firms.alive & (roaming | whose_turn(firms.uid, step.t, self.review_weeks))
        rows = np.flatnonzero(due)
        pace = np.where(roaming[rows], 1.0 / self.review_weeks, 1.0)
        self._adjust_markup(state, rows, pace)
        self._set_price(state, rows, pace)
        if self.quality_noise > 0:
            self._change_quality(state, step, rows[firms.kind[rows] == SMB])

    def _demand_share(self, state) -> np.ndarray:
        """(n,) share in the expected demand of the sector."""
        firms = state.firms
        sold = state.by_sector(firms.expected_demand)[firms.sector]
        return np.divide(firms.expected_demand, sold, out=np.zeros(firms.n), where=sold > 0)

    def _adjust_markup(self, state, rows, pace) -> None:
        """Up with the market share, down with unsold goods; never below the least markup by adjustment alone."""
        firms = state.firms
        share, before = self._demand_share(state)[rows], firms.reviewed_share[rows]
        known = (share > 0) & (before > 0)
        gained = np.log(np.divide(share, before, out=np.ones(len(rows)), where=known))
        target = np.where(firms.storable, firms.finished_cover * firms.expected_demand, 0.0)[rows]
        unsold = np.clip(np.divide(firms.inventory[rows], target, out=np.ones(len(rows)), where=target > 0) - 1.0, -1.0, 1.0)
        markup = firms.markup[rows]
        wanted = markup + np.abs(markup) * np.expm1(self.share_response * gained - self.stock_response * pace * unsold)
        firms.markup[rows] = np.maximum(wanted, np.minimum(markup, self.markup_min))
        firms.reviewed_share[rows] = share

    def _set_price(self, state, rows, pace) -> None:
        firms = state.firms
        price = firms.price[rows]
        wanted = (1.0 + firms.markup[rows]) * firms.unit_cost[rows]
        change = np.clip(wanted / price - 1.0, -self.price_step, self.price_step)
        firms.price[rows] = price * (1.0 + pace * change)

    def _change_quality(self, state, step, rows) -> None:
        """A mean-reverting walk of its logarithm; a larger firm has more customers and products, whose luck is not the same."""
        firms = state.firms
        kept = self.quality_persistence ** (self.review_weeks / WEEKS_PER_YEAR)
        lasting = self.quality_noise**2 / (1.0 - self.quality_persistence**2)
        shock = step.draws.normal("quality", step.t, firms.uid[rows])
        shock *= np.maximum(firms.employment[rows], 1.0) ** -self.diversification
        firms.quality[rows] = np.exp(kept * np.log(firms.quality[rows]) + np.sqrt((1.0 - kept**2) * lasting) * shock)


def uses(state) -> tuple[str, ...]:
    """Final uses in the order of the columns of `spending`; all but households are accounts."""
    return (*USES, *state.account_names[len(ACCOUNTS) :])


@kernel
def sum_markets(region, sector, base, known, weight, home, elsewhere, large):
    """Σ base × weight by region and sector, of customers at home and elsewhere, and by sector of firms that are everywhere.

    region, sector, weight (n,); base (n, 2), elsewhere times `known` (n,), what platforms make of it; adds to home, elsewhere (R, G) and
    large (G,)
    """
    for i in range(region.size):
        if region[i] == EVERYWHERE:
            large[sector[i]] += weight[i] * base[i, 0]
        else:
            home[region[i], sector[i]] += weight[i] * base[i, 0]
            elsewhere[region[i], sector[i]] += weight[i] * (base[i, 1] * known[i])


@kernel
def reach_customers(start, stop, region, sector, base, known, pull, budget, anywhere, large, reach):
    """pull (B_home C_r,s + B_elsewhere Σ of the other regions' C_s), for firms that are everywhere pull B_home Σ_r B_L,r C_r,s.

    B_elsewhere is times `known`, what platforms make of it.

    region, sector, pull, known (n,); base (n, 2); budget (R, G), anywhere its sum by sector, large Σ_r B_L,r C_r,s (G,) currency/wk;
    writes reach (n,)
    """
    for i in range(start, stop):
        if region[i] == EVERYWHERE:
            reach[i] = pull[i] * (base[i, 0] * large[sector[i]])
        else:
            home = budget[region[i], sector[i]]
            reach[i] = pull[i] * (base[i, 0] * home + base[i, 1] * known[i] * (anywhere[sector[i]] - home))
