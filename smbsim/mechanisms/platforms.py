r"""Platforms (M10): a marketplace where SMBs sell to customers of other regions, and a data platform on which firms share their demand.

Membership. Once in 13 weeks, staggered by uid, an SMB thinks with chance α about each platform. It is a member from then on if

    logit(u_i) < logit(n⁰) + β (V_i - V_i⁰)          u_i uniform, for ever: tastes are logistic with scale 1/β;  n⁰ the share at the start
    logit(u_i) < β (V_i - c)                         where the cost c besides those below is given; the start need not be at rest then
    V marketplace   v b^θ         - f φ b h_i - (1-z) s / τ - r (1 - trust_i) + κ I      b share of households that buy there
    V data          w x_i^θ       - f ψ       - (1-z) s / τ - r (1 - trust_i) + κ I - privacy
    x_i = (1-λ) n + λ c_i                            n share of SMBs that are members, c_i that of what i sells along links
    households      b_r ← b_r + (α/13) ( Logit( logit(b⁰) + β [ v_b (n^θ - n⁰^θ) + κ I ] ) - b_r )         or with a cost of theirs

all by the firm's sales: fees φ of sales through the marketplace, h_i the share of household sales, ψ of all sales; set-up s, of a year's
sales, counts only for those who are not yet in, must be affordable and goes to the investment pool. Tables and elasticities contain what
the members of the start do; fees and reach are therefore differences from it. Until week 0 nobody joins or leaves.

What the marketplace does
    reach      R_i = (1 + ρ m_i b^θ) / (1 + ρ m_i⁰ b⁰^θ)         of customers elsewhere, relative to rest;  m membership
    visibility elasticity of demand to the price, by that of the sector's pool: Δε m_i b more

What the data platform does
    σ_i        = m_i c_i Q ,  Q = [1 - √(e²/N + e₀²)]⁺                      N members; pooled errors fall down to a bias
    D^end_i    = F_i + (D̄_i - F̄_i) Σ_s ω_is J_s                             D demand, F final demand, ¯ usual; ω sectors of member customers
    J_s(t+1)   = Σ_j m_j D̃_j / Σ_j m_j D̄_j ,  D̃ = (1-σ) D + σ D^end            what members of sector s report; read by `orders`
    search     so many more candidates for a supplier; a fill rate of a member below a threshold warns its customers: they look around

A report goes one step up the chain a week, as orders do. Sums over links (c, ω, warnings) are taken every fourth week. The row of a
sector's large firms is on the data platform with the share of SMBs that are, and not on the marketplace. Fees are withheld, before wages;
a firm that cannot pay them, or closes, is no member any more.

The operator of each platform has an account. It pays its costs beyond those of the start to the investment pool; profit of a private one
goes to owners at home and abroad, that of a cooperative to its members by what they sell there, losses being carried forward; a public
one asks no fees and the state pays what it costs.

Theory: one side alone with the cost c has an unstable share v n^θ = c as β → ∞; with θ = 1 it is the logistic choice of `automation`, with
folds where βv > 4; two sides tip where the product of their slopes passes one (`analysis.loops`).

symbol  column / parameter             unit
m, m⁰   member, starting_member        1 (by platform)
u       eagerness                      1 (by platform)
V⁰      normal_worth                   1 (by platform)
b       buyers (region)                1
f, z    platform_fee_factor, platform_subsidy   1
trust   platform_trust                 1
I       infrastructure (region)        1
R       platform_reach                 1
c, ω    coverage, downstream           1
σ       sharing                        1
J       shared_demand (sector)         1

Sources: Katz and Shapiro (1985) and Rochet and Tirole (2003) for network effects on one and two sides; Chen, Drezner, Ryan and
Simchi-Levi (2000) for shared demand; Cachon and Fisher (2000) for its value; MODEL.md M10 for the form.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..accounts import afford, transfer
from ..draws import logistic
from ..kernel import kernel
from ..rest import DATA_PLATFORM, FOREIGN, GOVERNMENT, INVESTMENT, MARKETPLACE
from ..schema import WEEKS_PER_QUARTER, WEEKS_PER_YEAR, Column, param
from ..state import LARGE, OWNER, SMB, total
from .base import Mechanism, whose_turn

OPERATORS = (MARKETPLACE, DATA_PLATFORM)  # in the order of the columns by platform
SELLING, SHARING = range(len(OPERATORS))
LOOK = 4  # weeks between two looks along the links, in the weeks in which `sourcing` looks too
SURE = 1e-9  # shares are kept this far from 0 and 1, where their logit is not finite
UNKNOWN = -1.0
NO_MEMBER = 1e-12  # usual demand of the members of a sector below which nothing is reported; base currency/wk

Ownership = Literal["private", "cooperative", "public"]


class Platforms(Mechanism):
    name = "platforms"
    optional = True
    columns = (
        Column("member", "1", 0, "The firm is on the marketplace, on the data platform", width=2, dtype="i1", low=0, high=1,
               entrant="copied"),
        Column("starting_member", "1", 0.0, "The same at the start", width=2, low=0, high=1, entrant="copied"),
        Column("eagerness", "1", UNKNOWN, "Share of firms that are keener on the platform; below 0: not known yet", width=2, low=-1,
               high=1),
        Column("normal_worth", "1", 0.0, "Worth of membership by sales at the start", width=2, entrant="copied"),
        Column("coverage", "1", 0.0, "Share of what the firm sells along links that members of the data platform buy", low=0, high=1),
        Column("downstream", "1", 0.0, "Sectors of these members, as a firm that is one sees them", width="sector", low=0, high=1),
        Column("sharing", "1", 0.0, "Share of demand along links that shared data stands in for", low=0, high=1),
        Column("end_demand", "base currency/wk", 0.0, "Demand that shared data implies", low=0),
        Column("usual_demand", "base currency/wk", 0.0, "Mean demand", low=0, entrant="scaled"),
        Column("usual_final", "base currency/wk", 0.0, "Mean final demand", low=0, entrant="scaled"),
        Column("demand_variance", "1", 0.0, "Mean squared deviation of demand from its mean, relative", low=0),
        Column("plan_variance", "1", 0.0, "The same of planned output", low=0),
        Column("platform_sales", "currency/wk", 0.0, "Sold through the marketplace", low=0),
        Column("platform_fee", "currency/wk", 0.0, "Fees paid beyond those of the start, by platform", width=2),
        Column("list_fee", "currency/wk", 0.0, "Fees of membership this week if nobody waived them, by platform", width=2, low=0),
        Column("platform_setup", "currency/wk", 0.0, "Paid for joining this week", low=0),
        Column("platform_dividend", "currency/wk", 0.0, "From cooperative operators this week", low=0),
        Column("platform_fee_factor", "1", 1.0, "Factor of policy on fees", low=0),
        Column("platform_subsidy", "1", 0.0, "Share of set-up that the state pays", low=0, high=1),
        Column("platform_trust", "1", 1.0, "Trust in platforms", low=0, high=1),
        Column("buyers", "1", 0.0, "Share of households that buy on the marketplace", axis="region", low=0, high=1),
        Column("starting_sellers", "1", 0.0, "Share of SMBs that sold there at the start", axis="region", low=0, high=1),
        Column("shared_demand", "1", 1.0, "Demand by its mean that members of the sector reported", axis="sector", low=0),
    )  # fmt: skip
    reads = ("uid", "alive", "kind", "sector", "region", "weight", "coefficient", "import_share", "expected_demand", "demand",
             "final_demand", "planned_output", "fill_rate", "final_fill_rate", "demand_factor", "household_demand", "price",
             "sold_to_firms", "final_sales", "liquidity_target", "infrastructure", "population_share")  # fmt: skip
    writes = (*(c.name for c in columns), "platform_reach", "visibility", "more_candidates", "warned", "income", "other_cost", "spendable",
              "cash", "deposits", "balance")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="There are platforms; off: nobody is a member", source="limit of M10")
    marketplace: Ownership = param("private", unit="choice", doc="Owner of the marketplace", source="definition")
    data_platform: Ownership = param("private", unit="choice", doc="Owner of the data platform", source="definition")
    # who is there
    sellers: float = param(0.229, unit="1", doc="n⁰: share of SMBs that sell on the marketplace at the start", low=0, high=1, tier="data",
                           source="enterprises with e-sales, EU 2023: Eurostat, MODEL.md M10")  # fmt: skip
    first_buyers: float = param(0.15, unit="1", doc="b⁰: share of households that buy there at the start", low=0, high=1,
                                source="assumption; e-commerce is about 15 % of US retail sales")  # fmt: skip
    data_members: float = param(0.1, unit="1", doc="n⁰: share of SMBs on the data platform at the start", low=0, high=1,
                                source="assumption")  # fmt: skip
    attention: float = param(0.5, unit="1", doc="α: chance that a firm thinks about a platform at its quarterly review", low=0, high=1,
                             source="assumption")  # fmt: skip
    choice: float = param(30.0, unit="1", doc="β: how sharply worth by sales decides", low=0, high=1e6, source="assumption")
    network_exponent: float = param(0.5, unit="1", doc="θ: power of the share of members in worth and reach", low=0.05, high=2,
                                    source="assumption; MODEL.md M10, 1 would be Metcalfe's law")  # fmt: skip
    seller_gain: float = param(0.1, unit="1", doc="v: worth of a marketplace on which everybody buys, by sales", low=0, high=100,
                               source="assumption; βv = 3")  # fmt: skip
    buyer_gain: float = param(0.1, unit="1", doc="v_b: worth to a household of one on which everybody sells", low=0, high=100,
                              source="assumption; as sellers")  # fmt: skip
    data_gain: float = param(0.1, unit="1", doc="w: worth of a data platform with everybody on it, by sales", low=0, high=100,
                             source="assumption; Cachon and Fisher (2000): sharing saves 2 % of cost, at most 12 %")  # fmt: skip
    link_weight: float = param(0.5, unit="1", doc="λ: weight of customers along links among the members that count", low=0, high=1,
                               source="assumption")  # fmt: skip
    seller_cost: float | None = param(None, unit="1", doc="c of sellers by sales; null: what keeps the starting share", low=-100, high=100,
                                      source="definition")  # fmt: skip
    buyer_cost: float | None = param(None, unit="1", doc="c of households; null: what keeps the starting share", low=-100, high=100,
                                     source="definition")  # fmt: skip
    data_cost: float | None = param(None, unit="1", doc="c of sharing data by sales; null: what keeps the starting share", low=-100,
                                    high=100, source="definition")  # fmt: skip
    fee: float = param(0.10, unit="1", doc="φ: of a marketplace that is not public, by sales there", low=0, high=1,
                       source="assumption; 8 to 15 % are usual")  # fmt: skip
    data_fee: float = param(0.0005, unit="1", doc="ψ: of a data platform that is not public, by the member's sales", low=0, high=1,
                            source="assumption")  # fmt: skip
    setup: float = param(0.002, unit="yr", doc="s: set-up by a year's sales", low=0, high=10, source="assumption")
    setup_years: float = param(3.0, unit="yr", doc="τ: time over which set-up is counted", low=0.25, high=30, source="assumption")
    risk: float = param(0.02, unit="1", doc="r: loss by sales of a member who has no trust", low=0, high=10, source="assumption")
    privacy: float = param(0.005, unit="1", doc="Cost by sales of letting others see one's data", low=0, high=10, source="assumption")
    infrastructure_effect: float = param(0.02, unit="1", doc="κ: of digital infrastructure on worth by sales", low=-10, high=10,
                                         source="assumption")  # fmt: skip
    # what platforms do
    reach: float = param(1.0, unit="1", doc="ρ: more customers elsewhere of a member if all households bought there", low=0, high=100,
                         source="assumption")  # fmt: skip
    price_visibility: float = param(0.5, unit="1", doc="Δε: higher price elasticity of customers who buy there", low=0, high=20,
                                    source="assumption; MODEL.md M10")  # fmt: skip
    data_error: float = param(0.5, unit="1", doc="e: error of what one member's data say", low=0, high=10, source="assumption")
    data_bias: float = param(0.1, unit="1", doc="e₀: error that no number of members removes", low=0, high=1, source="assumption")
    memory: float = param(26.0, unit="wk", doc="Time over which usual demand is a mean", low=4, high=1e12, source="assumption")
    search: int = param(4, unit="firms", doc="More candidates that a member looks at for a supplier", low=0, high=100,
                        source="assumption: as many as others look at")  # fmt: skip
    alert: float = param(0.9, unit="1", doc="Fill rate of a member below which its customers on the platform are warned", low=0, high=1,
                         source="assumption")  # fmt: skip
    # what operators do
    running: float = param(0.03, unit="1", doc="Cost of the marketplace by sales there", low=0, high=1, source="assumption")
    data_running: float = param(0.0002, unit="1", doc="Cost of the data platform by the sales of members", low=0, high=1,
                                source="assumption")  # fmt: skip
    home_owned: float = param(0.5, unit="1", doc="Share of a private operator's profit that goes to owners at home", low=0, high=1,
                              source="assumption")  # fmt: skip

    def settle(self, state, rest):
        if not self.enabled:
            return
        firms = state.firms
        firms.usual_demand[:], firms.usual_final[:] = firms.demand, firms.final_demand
        firms.end_demand[:] = firms.demand
        small, draw = np.flatnonzero(firms.kind == SMB), rest.platform_draw()
        for p, share in enumerate(self._starting):
            u = draw[:, p]
            rows = small[np.lexsort((u[small], firms.sector[small]))]
            firms.member[rows, p] = np.diff(np.floor(share * np.arange(len(rows) + 1) + 0.5))  # in each sector its share to within one
            firms.eagerness[:, p] = np.where(firms.member[:, p] == 1, share * u, share + (1.0 - share) * u)
        firms.starting_member[:] = firms.member
        state.regions.buyers[:], state.regions.starting_sellers[:] = self.first_buyers, self._share(state, SELLING)
        self._look_along_links(state)
        firms.normal_worth[:] = self._worth(state, np.arange(firms.n))
        self._show(state)

    @property
    def _starting(self) -> tuple[float, float]:
        return self.sellers, self.data_members

    @property
    def _fees(self) -> np.ndarray:
        """(2,) by sales there, by sales."""
        public = np.array([owner == "public" for owner in (self.marketplace, self.data_platform)])
        return np.where(public, 0.0, (self.fee, self.data_fee))

    # -- what is shared ---------------------------------------------------------------------------------------------------------------

    def report(self, state, step):
        """What members made of last week's demand goes one step up the chain; each learns what the reports of last week imply."""
        firms = state.firms
        corrected, shared = np.empty(firms.n), state.sectors.shared_demand
        state.customers.run(
            imply_demand, firms.sharing, firms.downstream, shared, firms.demand, firms.final_demand, firms.planned_output, firms.alive,
            self.memory, firms.usual_demand, firms.usual_final, firms.demand_variance, firms.plan_variance, firms.end_demand, corrected,
        )  # fmt: skip
        on = self._on_data_platform(state)
        usual, reported = state.by_sector(on * firms.usual_demand), state.by_sector(on * corrected)
        shared[:] = np.divide(reported, usual, out=np.ones_like(usual), where=usual > NO_MEMBER)

    def _on_data_platform(self, state) -> np.ndarray:
        """(n,) 1 for members, the share of SMBs that are for the rows of large firms."""
        firms = state.firms
        return np.where(firms.kind == LARGE, self._share(state, SHARING), firms.member[:, SHARING]) * firms.alive

    def _share(self, state, platform: int) -> float:
        """n: share of SMBs that are members."""
        counted = self._counted(state)
        number = np.count_nonzero(counted)
        return np.count_nonzero(counted & (state.firms.member[:, platform] == 1)) / number if number else 0.0

    def _members(self, state, platform: int) -> int:
        return np.count_nonzero(self._counted(state) & (state.firms.member[:, platform] == 1))

    def _counted(self, state) -> np.ndarray:
        """(n,) bool: SMBs that somebody buys from; another one changes nobody's mind."""
        firms = state.firms
        return firms.alive & (firms.kind == SMB) & (firms.usual_demand > 0.0)

    def _look_along_links(self, state) -> None:
        """Who buys from whom on the data platform: coverage, and suppliers that do not deliver."""
        firms, slots, links = state.firms, state.slots, state.links
        on = self._on_data_platform(state)
        bought = (
            state.customer_start, links.slot, links.supplier, links.weight, slots.coefficient, slots.import_share, firms.expected_demand
        )  # fmt: skip
        sold, known = (state.add_by_supplier(add_purchases, *bought, part) for part in (np.ones(firms.n), on))
        firms.coverage[:] = np.minimum(np.divide(known, sold, out=np.zeros(firms.n), where=known > 0.0), 1.0)
        look_downstream(*bought, on, known, firms.sector, firms.downstream)
        members = self._members(state, SHARING)
        quality = max(1.0 - np.sqrt(self.data_error**2 / members + self.data_bias**2), 0.0) if members else 0.0
        firms.sharing[:] = on * firms.coverage * quality
        slots.warned[:] = 0
        sold = state.links_out_of(np.flatnonzero((firms.fill_rate < self.alert) & (on > 0.0)))
        slots.warned[links.slot[sold[(links.weight[sold] > 0.0) & (on[links.buyer[sold]] > 0.0)]]] = 1

    # -- who is a member --------------------------------------------------------------------------------------------------------------

    def decide(self, state, step):
        """Firms whose turn it is join or leave, households come and go; then what follows from it."""
        firms = state.firms
        firms.platform_setup[:] = 0.0
        gone = np.flatnonzero(~firms.alive)
        firms.member[gone], firms.sharing[gone] = 0, 0.0
        if step.t >= 0:
            sellers = self._share(state, SELLING)
            self._review(state, step, np.flatnonzero(firms.alive & (firms.kind == SMB) & whose_turn(firms.uid, step.t, WEEKS_PER_QUARTER)))
            regions = state.regions
            wanted = self.buyers_wanted(sellers, regions.starting_sellers, regions.infrastructure)
            regions.buyers[:] += self.attention / WEEKS_PER_QUARTER * (wanted - regions.buyers)
        self._show(state)
        if step.t % LOOK == 0:
            self._look_along_links(state)

    def _review(self, state, step, rows) -> None:
        firms, uid = state.firms, state.firms.uid[rows]
        worth, cost = self._worth(state, rows), np.zeros(len(rows))
        setup = self.setup * (1.0 - firms.platform_subsidy[rows])
        sales = WEEKS_PER_YEAR * firms.price[rows] * firms.usual_demand[rows]
        for p in range(len(OPERATORS)):
            new = rows[firms.eagerness[rows, p] == UNKNOWN]
            firms.eagerness[new, p] = step.draws.uniform("platform taste", 0, firms.uid[new], np.full(len(new), p))
            thinks = np.flatnonzero(step.draws.uniform("platform attention", step.t, uid, np.full(len(rows), p)) < self.attention)
            who = rows[thinks]
            was = firms.member[who, p] == 1
            score = self._score(p, worth[thinks, p] - np.where(was, 0.0, setup[thinks] / self.setup_years), firms.normal_worth[who, p])
            wants = logit(firms.eagerness[who, p]) < score
            price = setup[thinks] * sales[thinks]
            joins = wants & ~was & (cost[thinks] + price <= firms.cash[who] - 0.5 * firms.liquidity_target[who])
            cost[thinks[joins]] += price[joins]
            firms.member[who[joins], p] = 1
            self._leave(state, who[~wants & was], p)
        self._pay_setup(state, rows, cost)

    def _leave(self, state, rows, platform: int) -> None:
        state.firms.member[rows, platform] = 0
        if platform == SHARING:
            state.firms.sharing[rows] = 0.0

    def _pay_setup(self, state, rows, cost) -> None:
        firms = state.firms
        if not cost.any():
            return
        firms.platform_setup[rows] = cost
        transfer(state, "firm", INVESTMENT, cost, "joining platforms", rows=rows)
        share = firms.platform_subsidy[rows]
        borne = np.divide(cost * share, 1.0 - share, out=np.zeros(len(rows)), where=share < 1.0)
        if borne.any():
            transfer(state, GOVERNMENT, INVESTMENT, float(total(borne)), "support for joining platforms")

    def _worth(self, state, rows) -> np.ndarray:
        """(k, 2) V but for set-up, by the firms' sales."""
        firms, regions = state.firms, state.regions
        bought, joined = self._bought(state), self._share(state, SHARING)
        sales = firms.price[rows] * firms.usual_demand[rows]
        household = np.divide(firms.household_demand[rows], sales, out=np.zeros(len(rows)), where=sales > 0.0)
        fee = firms.platform_fee_factor[rows, None] * self._fees
        seen = (1.0 - self.link_weight) * joined + self.link_weight * firms.coverage[rows]
        worth = np.stack([
            self.seller_gain * bought**self.network_exponent - fee[:, SELLING] * bought * np.minimum(household, 1.0),
            self.data_gain * seen**self.network_exponent - fee[:, SHARING] - self.privacy,
        ], axis=1)  # fmt: skip
        return worth + (self.infrastructure_effect * regions.infrastructure[firms.region[rows]]
                        - self.risk * (1.0 - firms.platform_trust[rows]))[:, None]  # fmt: skip

    def _score(self, platform: int, worth, normal) -> np.ndarray:
        cost = (self.seller_cost, self.data_cost)[platform]
        return logit(self._starting[platform]) + self.choice * (worth - normal) if cost is None else self.choice * (worth - cost)

    def _bought(self, state) -> float:
        """b: share of all households."""
        return float(state.regions.population_share @ state.regions.buyers)

    def buyers_wanted(self, sellers, first_sellers=None, infrastructure=0.0):
        """Share of households that would buy where this share of SMBs sells, and this share did at the start. Shares or arrays of them."""
        first = self.sellers if first_sellers is None else first_sellers
        worth, normal = (self.buyer_gain * n**self.network_exponent for n in (sellers, first))
        worth = worth + self.infrastructure_effect * infrastructure
        if self.buyer_cost is not None:
            return logistic(self.choice * (worth - self.buyer_cost))
        return logistic(logit(self.first_buyers) + self.choice * (worth - normal))

    def sellers_wanted(self, buyers):
        """Share of SMBs, alike but for their tastes, that would sell where this share of households buys; fees aside."""
        worth, normal = (self.seller_gain * b**self.network_exponent for b in (buyers, self.first_buyers))
        return logistic(self._score(SELLING, worth, normal))

    def sharers_wanted(self, members):
        """Share of SMBs, alike but for their tastes, that would share data where this share of them does."""
        worth, normal = (self.data_gain * n**self.network_exponent for n in (members, self.data_members))
        return logistic(self._score(SHARING, worth - self.privacy * (self.data_cost is not None), normal))

    def _show(self, state) -> None:
        """What customers see of members, and what members see of suppliers."""
        firms, bought = state.firms, self._bought(state)
        selling = firms.member[:, SELLING]
        now, start = bought**self.network_exponent, self.first_buyers**self.network_exponent
        firms.platform_reach[:] = (1.0 + self.reach * now * selling) / (1.0 + self.reach * start * firms.starting_member[:, SELLING])
        firms.visibility[:] = self.price_visibility * bought * selling
        firms.more_candidates[:] = self.search * firms.member[:, SHARING]

    # -- money ------------------------------------------------------------------------------------------------------------------------

    def pay(self, state, step):
        """Fees to the operators, beyond those of the start; who cannot pay them is no member any more."""
        firms = state.firms
        sales = self._sales(state)
        firms.other_cost[:] += firms.platform_setup - firms.platform_dividend  # of last week, after its profit was drawn up
        for p, (operator, sold, normal) in enumerate(zip(OPERATORS, *sales, strict=True)):
            if p == SELLING:
                firms.platform_sales[:] = sold
            firms.list_fee[:, p] = np.maximum(self._fees[p] * sold, 0.0)
            due = self._fees[p] * (firms.platform_fee_factor * sold - normal)
            paid = afford(state, due)
            firms.platform_fee[:, p] = paid
            self._leave(state, np.flatnonzero(paid < due), p)
            firms.other_cost[:] += paid
            if paid.any():
                transfer(state, "firm", operator, paid, "platform fees")

    def _sales(self, state) -> np.ndarray:
        """(2, 2, n) what is sold on each platform, and what members of the start would have sold there then; currency/wk."""
        firms, sales = state.firms, np.empty((2, len(OPERATORS), state.firms.n))
        state.customers.run(
            value_sales, firms.alive, firms.kind, firms.demand_factor, firms.final_fill_rate, firms.household_demand, firms.price,
            firms.sold_to_firms, firms.final_sales, firms.member, firms.starting_member, self._bought(state), self.first_buyers, *sales,
        )  # fmt: skip
        return sales

    def distribute(self, state, step):
        """Operators pay their costs; profit goes to those who own them."""
        state.firms.platform_dividend[:] = 0.0
        owners, costs = (self.marketplace, self.data_platform), (self.running, self.data_running)
        for operator, owner, cost, sold, normal in zip(OPERATORS, owners, costs, *self._sales(state), strict=True):
            spent = cost * max(float(total(sold - normal)), 0.0)
            if spent > 0.0:
                transfer(state, operator, INVESTMENT, spent, "running of platforms")
            left = float(state.accounts.balance[state.account(operator)])
            if left == 0.0:
                continue
            if owner == "public":
                transfer(state, GOVERNMENT, operator, -left, "funding of platforms")
            elif owner == "private":
                self._pay_owners(state, operator, left)
            elif left > 0.0:
                self._pay_members(state, operator, left, sold)

    def _pay_owners(self, state, operator, profit) -> None:
        cells = state.households
        received = np.zeros(cells.n)
        received[OWNER::2] = self.home_owned * profit * state.regions.population_share
        transfer(state, operator, "household", received, "platform profits")
        cells.income[:] += received
        transfer(state, operator, FOREIGN, profit - float(total(received)), "platform profits")

    def _pay_members(self, state, operator, profit, sales) -> None:
        sold = total(sales)
        if sold > 0.0:
            paid = profit * sales / sold
            transfer(state, operator, "firm", paid, "dividends of cooperatives")
            state.firms.platform_dividend[:] += paid


def logit(share):
    """ln x / (1 - x), of shares kept within SURE of 0 and 1. Any shape."""
    x = np.clip(share, SURE, 1.0 - SURE)
    return np.log(x) - np.log1p(-x)


@kernel
def value_sales(
    start, stop, alive, kind, factor, filled, demand, price, to_firms, final, member, starting, bought, first, sold, normal
):  # fmt: skip
    """What SMBs sell on the platforms: there to the share of households that buy there, with shared data everything.

    alive, kind, factor, filled, demand currency/wk, price, to_firms, final base currency/wk (n,); member, starting (n, 2) now and at the
    start; bought, first: share of households now and at the start; writes sold, normal (2, n) currency/wk
    """
    for i in range(start, stop):
        counts = alive[i] and kind[i] == SMB
        household = factor[i] * filled[i] * demand[i] if counts else 0.0
        all_ = price[i] * (to_firms[i] + final[i]) if counts else 0.0
        sold[SELLING, i] = household * (member[i, SELLING] * bought)
        normal[SELLING, i] = household * (starting[i, SELLING] * first)
        sold[SHARING, i] = all_ * member[i, SHARING]
        normal[SHARING, i] = all_ * starting[i, SHARING]


@kernel
def imply_demand(start, stop, sharing, downstream, shared, demand, final, planned, alive, memory, usual, usual_final, demand_variance,
                 plan_variance, end, corrected):  # fmt: skip
    """Means of demand and of its deviations; D^end = F + (D̄ - F̄) Σ_s ω_is J_s where something is shared; D̃ = D + σ (D^end - D).

    sharing, demand, final, planned, alive (n,); downstream (n, G); shared (G,); memory wk; writes the rest (n,)
    """
    for i in range(start, stop):
        if alive[i]:
            usual[i] += (demand[i] - usual[i]) / memory
            usual_final[i] += (final[i] - usual_final[i]) / memory
            if usual[i] > 0.0:
                asked = demand[i] / usual[i] - 1.0
                wanted = planned[i] / usual[i] - 1.0
                demand_variance[i] += (asked * asked - demand_variance[i]) / memory
                plan_variance[i] += (wanted * wanted - plan_variance[i]) / memory
        end[i] = demand[i]
        if sharing[i] > 0.0:
            level = 0.0
            for g in range(shared.size):
                level += downstream[i, g] * shared[g]
            end[i] = final[i] + max(usual[i] - usual_final[i], 0.0) * level
        corrected[i] = demand[i] + sharing[i] * (end[i] - demand[i])


@kernel
def add_purchases(first, last, customer_start, slot, supplier, weight, coefficient, import_share, expected, part, sold):
    """sold_j += part_i a (1 - import share) D^e_i w_e over the links e from j into the firms i = first … last - 1.

    customer_start (n+1,); slot, supplier, weight (m,); coefficient, import_share (s,); expected, part (n,); adds to sold (n,)
    """
    for i in range(first, last):
        if part[i] > 0.0:
            for e in range(np.uint64(customer_start[i]), np.uint64(customer_start[i + 1])):
                s = np.uint32(slot[e])
                sold[np.uint32(supplier[e])] += part[i] * (coefficient[s] * (1.0 - import_share[s]) * expected[i] * weight[e])


@kernel
def look_downstream(customer_start, slot, supplier, weight, coefficient, import_share, expected, on, known, sector, downstream):
    """Sectors, by what they buy, of the customers `on` the platform of each firm that is on it; of others nothing is asked.

    The arrays of add_purchases; on, known, sector (n,): known is what these customers buy; writes downstream (n, G) where on
    """
    for j in range(on.size):
        if on[j] > 0.0:
            downstream[j] = 0.0
    for i in range(on.size):
        if on[i] > 0.0:
            for e in range(customer_start[i], customer_start[i + 1]):
                s, j = slot[e], supplier[e]
                if on[j] > 0.0:
                    downstream[j, sector[i]] += on[i] * (coefficient[s] * (1.0 - import_share[s]) * expected[i] * weight[e])
    for j in range(on.size):
        if on[j] > 0.0 and known[j] > 0.0:
            for g in range(downstream.shape[1]):
                downstream[j, g] = min(downstream[j, g] / known[j], 1.0)
