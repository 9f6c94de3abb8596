r"""Automation (M9): firms adopt tools function by function: they look, try one in a pilot, learn what it brings, extend it or give up.

Work. A firm has seven business functions f, each a share φ_f of its pay. Depth d is the share of the routine work that tools do, of what
the best tools could do: at most .38, .77 and 1 with basic tools, specialised tools and artificial intelligence (tiers).

    ℓ_f(d)   = (1 - ς τ_f d) / (1 + (1-ς) γ d R_f)          labour per unit of work: people replaced, people helped (human in the loop)
    d̂_f      = d⁰_f + q_f (d_f - d⁰_f)                         d⁰ at the start; q = fit · maturity · (1 + κ mean depth of other functions)
    ι_i      = (1 + Σ φ_f [ℓ_f(d̂_f) / ℓ_f(d⁰_f) - 1]) (1 + j 1[something is rolled out])                 labour_intensity
    practice = 1 + (1 - 2ς) (d̂_f - d⁰_f)                               of skills: who is helped uses them more, who is replaced less
    reach    = exp Σ φ_f (η_f + η_q e (1 - ē (1 - o R_f))) (d̂_f - d⁰_f)                   marketing and sales; fewer errors, with oversight
    operations: weight of goods on order β + (1-β) care, cover of stocks;  finance: cash held;  service: capital per unit of capacity

Effects are those of what differs from the start, because the tables the economy begins from contain the tools of their year.

Worth. For the best tool on offer, per unit of depth and by the pay of the function,

    W_if     = m_if / c_if - h + J (x̄_if - ½) + ρ (R_f - R̄) + κ_I I_r + κ_V unfilled_i - resistance
    c_if     = [ rent + setup (heads / 20)^-s (1 + integration · functions with tools) (1 - subsidy) / payback ] (1-κ_c)^years
    θ_if     = q_f (1 - ℓ_f(1) + value_f)                     what it brings in truth; value: sales, errors, capital, stocks and cash saved

    x̄ = share of peers with it: linked firms, and firms of the sector in the region.  ε_if logistic with scale 1/β, for ever

Every 13 weeks, staggered by uid:

    look     with chance 1 - exp(-(p + q x̄) / 4): a pilot if W - ϕ √v / c + ε > 0       so that of those who look Logit β(W - ϕ√v/c) begin
    belief   N(m₀, v₀), and what w peers with the tool believe, when it begins;  then y ~ N(θ, σ² / (1 + R_f)) every quarter:
             m ← m + k (y - m) , v ← (1 - k) v , k = v / (v + σ²/(1 + R_f))
    go on    P(W + ε > 0) > p*: d ← d + (1 - resistance) step (½ + R_f) of the way to its ceiling, when that can be paid
    give up  P(W' + ε > 0) < p_ab, W' = W for a pilot, then with rent alone (the rest is sunk): back to the depth before

Older tools are part of how work is done and judged no more; firms with them look at the best ones like those without. Adoption is that of
the tables until week 0. The row of a sector's large firms keeps the lead over the SMBs of its sector that it began with. Set-up is paid
when a step is taken, from deposits above half the liquidity target; who cannot saves and borrows for it (`tool_plan` is part of the
target). Set-up and rent go to the investment pool, which buys goods and software for them.

Limits: h → -∞ leaves Bass's hazard p + q x̄; v₀ = 0, setup = 0, p → ∞ is Brock and Durlauf's logistic choice x = Logit β(u + J x), with
folds where βJ > 4; β → ∞ on links alone Watts's threshold rule.

symbol       column / parameter                unit
d, d⁰        depth, starting_depth             1 (by function)
m, v         belief_mean, belief_variance      1 (by the pay of the function)
R            resting_readiness + readiness     1 (by function)
I            infrastructure (region)           1

Sources: Acemoglu and Restrepo (2018) for tasks; Bass (1969); Brock and Durlauf (2001); Watts (2002); Brynjolfsson, Rock and Syverson
(2021) for the J-curve; Acemoglu et al. (2022), ABS, for the productivity of adopters; MODEL.md M9 for the form.
"""

from __future__ import annotations

import numpy as np

from .. import tools
from ..accounts import afford, bear, promised, transfer
from ..adoption import CEILINGS, FUNCTIONS, TIERS, tier
from ..draws import LEAST_UNIFORM
from ..rest import INVESTMENT, price_of_capital
from ..schema import WEEKS_PER_QUARTER, WEEKS_PER_YEAR, Column, InputError, param
from ..state import LARGE, SMB, UNLIMITED
from .base import Mechanism, whose_turn

STAGES = ("none", "pilot", "rollout", "mature", "abandoned")
NO_TOOL, PILOT, ROLLOUT, MATURE, ABANDONED = range(len(STAGES))
MARKETING, SALES, SERVICE, OPERATIONS, FINANCE, ADMINISTRATION, GREEN = range(len(FUNCTIONS))
ROUTINE = np.array([0.35, 0.30, 0.45, 0.40, 0.60, 0.50, 0.30])  # τ of specialised tools; MODEL.md M9, green: assumption
ROUTINE_AT_BEST = ROUTINE * (1.0 / CEILINGS[2])  # of the best tools
SELLING = np.isin(np.arange(len(FUNCTIONS)), (MARKETING, SALES)).astype(float)
REFERENCE_HEADS = 20.0  # size at which set-up costs `setup_years`; definition


class Automation(Mechanism):
    name = "automation"
    optional = True
    columns = (
        Column("depth", "1", 0.0, "Share of the function's routine work that tools do, of what the best tools could do",
               width=len(FUNCTIONS), low=0, high=1, entrant="copied"),
        Column("starting_depth", "1", 0.0, "The same at the start", width=len(FUNCTIONS), low=0, high=1, entrant="copied"),
        Column("tier", "1", 0, f"Best tool in use: {', '.join(f'{i} {name}' for i, name in enumerate(TIERS))}", width=len(FUNCTIONS),
               dtype="i1", low=0, high=len(TIERS) - 1, entrant="copied"),
        Column("former_depth", "1", 0.0, "Depth before the tool last tried", width=len(FUNCTIONS), low=0, high=1, entrant="copied"),
        Column("starting_readiness", "1", 0.0, "Readiness of the staff at the start, relative to what is typical", width=len(FUNCTIONS),
               entrant="copied"),
        Column("tool_stage", "1", NO_TOOL, f"Of the tool last tried: {', '.join(f'{i} {name}' for i, name in enumerate(STAGES))}",
               width=len(FUNCTIONS), dtype="i1", low=0, high=len(STAGES) - 1, entrant="copied"),
        Column("belief_mean", "1", 0.0, "Expected gain of the tool last tried in full use, by the pay of the function",
               width=len(FUNCTIONS), dtype="f4", entrant="copied"),
        Column("belief_variance", "1", 0.0, "Variance of that belief", width=len(FUNCTIONS), dtype="f4", low=0, entrant="copied"),
        Column("maturity", "1", 0.0, "Share of a tool's gain that the firm's processes let it have", low=0, high=1, entrant="copied"),
        Column("base_rent", "currency/wk", 0.0, "Rent of the tools beyond those of the start, at first prices", low=0, entrant="scaled"),
        Column("tool_rent", "currency/wk", 0.0, "Paid as rent of tools this week", low=0),
        Column("setup_cost", "currency/wk", 0.0, "Paid for setting up tools this week", low=0),
        Column("tool_support", "currency/wk", 0.0, "The state's share in setting up tools this week", low=0),
        Column("tool_plan", "currency", 0.0, "Set-up that is wanted and cannot be paid yet", low=0),
        Column("tool_value", "currency", 0.0, "What setting up the tools beyond those of the start has cost", low=0, entrant="scaled"),
        Column("redundant", "heads", 0.0, "Staff that tools have made redundant and that is still there", low=0),
        Column("automation_layoffs", "heads/wk", 0.0, "Part of the layoffs that is due to tools", low=0),
        Column("tool_subsidy", "1", 0.0, "Share of set-up that each policy pays", width="policy", low=0, high=1),
        Column("tool_fit", "1", 1.0, "How much better tools fit since advisers were there", low=0),
        Column("tool_odds", "1", 0.0, "Log odds of a pilot of the best tool at the last review, before taste; 0 where it is in use",
               width=len(FUNCTIONS), dtype="f4"),
        Column("tool_doubt", "1", 0.0, "Part of them that doubt takes", width=len(FUNCTIONS), dtype="f4", low=0),
        Column("tool_cost_factor", "1", 1.0, "Factor of shocks on the price of tools", low=0),
        Column("routine_factor", "1", 1.0, "Factor of shocks on the work that tools can do", low=0),
        Column("advice", "1", 0.0, "Share of the variance of first beliefs that advice removes", low=0, high=1),
        Column("function_share", "1", 0.0, "Share of pay that goes to the staff of the function", axis="sector", width=len(FUNCTIONS),
               low=0, high=1),
        Column("infrastructure", "1", 0.0, "Digital infrastructure above that at rest", axis="region"),
    )  # fmt: skip
    reads = ("alive", "kind", "uid", "sector", "region", "weight", "firm_count", "wage", "employment", "desired_employment", "borrowed",
             "layoffs", "quits", "unfilled", "price", "unit_cost", "mean_demand", "depreciation_share", "capital",
             "capital_price", "interest_rate", "liquidity_target", "readiness", "spending_credit", "most")  # fmt: skip
    writes = (*(c.name for c in columns), "labour_intensity", "practice", "tool_reach", "order_care", "finished_cover", "input_cover",
              "cash_cover", "capital_coefficient", "capital_need", "capacity", "other_cost", "spendable", "cash", "balance", "support",
              "committed", "left", "spent")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="Firms adopt tools; off: none are there", source="limit of M9")
    # what tools do
    frontier: int = param(3, unit="1", doc="Best tier on offer: 1 basic, 2 specialised, 3 artificial intelligence", low=1, high=3,
                          source="definition")  # fmt: skip
    routine: float = param(1.0, unit="1", doc="Factor on the share of work that tools can do, all functions", low=0, high=2,
                           source="assumption; MODEL.md M9: .30 (sales) to .60 (finance) for specialised tools")  # fmt: skip
    substitution: float = param(0.3, unit="1", doc="ς: share of a tool's use that replaces people; the rest helps them", low=0, high=1,
                                source="assumption; MODEL.md M9, to be swept")  # fmt: skip
    augmentation: float = param(1.0, unit="1", doc="γ: productivity of people who are helped, at full depth and readiness", low=0, high=2,
                                tier="calibrated", source="productivity of mature adopters: +11.4 % (Acemoglu et al. 2022)")  # fmt: skip
    resting_readiness: float = param(0.5, unit="1", doc="R̄: readiness of staff at rest", low=0, high=1, source="assumption")
    fit_spread: float = param(0.3, unit="1", doc="Standard deviation of the logarithm of how well tools fit a firm's function", low=0,
                              high=2, source="assumption")  # fmt: skip
    synergy: float = param(0.2, unit="1", doc="κ: more gain per depth of tools in the other functions", low=0, high=2, source="assumption")
    first_maturity: float = param(0.8, unit="1", doc="Maturity of processes of a firm without tools", low=0, high=1, source="assumption")
    maturity_weeks: float = param(52.0, unit="wk", doc="Time in which processes mature once there are tools", low=13, high=1040,
                                  source="assumption")  # fmt: skip
    disruption: float = param(0.02, unit="1", doc="j: more labour needed while a tool is rolled out", low=0, high=1,
                              source="assumption; MODEL.md M9, J-curve")  # fmt: skip
    human_errors: float = param(0.02, unit="1", doc="e: share of work done wrong by people", low=0, high=0.5, source="assumption")
    machine_errors: float = param(1.5, unit="1", doc="ē: errors of tools nobody watches, by those of people", low=0, high=10,
                                  source="assumption")  # fmt: skip
    oversight: float = param(0.8, unit="1", doc="o: share of them that ready staff catches", low=0, high=1, source="assumption")
    quality_gain: float = param(1.0, unit="1", doc="η_q: of what customers see to errors avoided", low=0, high=10, source="assumption")
    selling_gain: float = param(0.3, unit="1", doc="η: of what customers see to tools in marketing and sales, by their share of pay", low=0,
                                high=5, source="assumption; elasticity to advertising .12 to .24 (Sethuraman et al. 2011)")  # fmt: skip
    capital_gain: float = param(0.1, unit="1", doc="Capital saved by tools in service, by its share of pay", low=0, high=0.9,
                                source="assumption")  # fmt: skip
    cover_gain: float = param(0.3, unit="1", doc="Stocks saved by tools in operations, by its share of pay", low=0, high=0.9,
                              source="assumption")  # fmt: skip
    care_gain: float = param(0.5, unit="1", doc="Share of the goods on order neglected in ordering that tools in operations bring to mind",
                             low=0, high=1, source="assumption")  # fmt: skip
    cash_gain: float = param(0.3, unit="1", doc="Cash saved by tools in finance, by its share of pay", low=0, high=0.9,
                             source="assumption")  # fmt: skip
    # what they cost
    setup_years: float = param(0.3, unit="yr", doc="Set-up at full depth by the yearly pay of the function, at 20 heads", low=0, high=10,
                               source="assumption; ICT and software stock per worker 2013: 2 to 25 % of yearly pay (BEA)")  # fmt: skip
    setup_scale: float = param(0.1, unit="1", doc="s: by how much set-up per head falls with size, elasticity", low=0, high=1,
                               tier="calibrated",
                               source="gradient of AI use by size: 2.04, INE; `smbsim scorecard`")  # fmt: skip
    integration: float = param(0.1, unit="1", doc="More set-up per function with tools already", low=0, high=2, source="assumption")
    rent_share: float = param(0.05, unit="1", doc="Rent at full depth by the pay of the function", low=0, high=1, source="assumption")
    payback_years: float = param(3.0, unit="yr", doc="Time over which owners count set-up", low=0.25, high=30, source="assumption")
    cost_decline: float = param(0.01, unit="1/yr", doc="κ_c: yearly fall of the price of tools", low=0, high=0.9, tier="calibrated",
                                source="assumption; lowered from .10 so that not all use AI after ten years")  # fmt: skip
    # how firms decide
    innovation: float = param(0.18, unit="share/yr", doc="p: rate at which a firm looks at a tool by itself", low=0, high=100,
                              tier="calibrated", source="pace of AI use, BTOS; Sultan et al. (1990): .03 for all goods")  # fmt: skip
    imitation: float = param(0.1, unit="share/yr", doc="q: the same because of peers, all of whom have it", low=0, high=100,
                             tier="calibrated", source="as innovation; Sultan et al. (1990): .38 for all goods")  # fmt: skip
    link_weight: float = param(0.5, unit="1", doc="Weight of suppliers and customers among peers; the rest: sector and region", low=0,
                               high=1, source="assumption")  # fmt: skip
    choice: float = param(4.0, unit="1", doc="β: how sharply worth decides", low=0, high=1e4, source="assumption")
    hurdle: float = param(1.75, unit="1", doc="h: gain by cost from which a tool pays for the owner", low=-100, high=100, tier="calibrated",
                          source="pace of AI use in its first half year, BTOS plans")  # fmt: skip
    peer_effect: float = param(0.5, unit="1", doc="J: of peers who have it on worth, from none to all", low=0, high=100,
                               tier="calibrated", source="assumption, set for the pace; βJ = 2, below the fold at 4")  # fmt: skip
    readiness_effect: float = param(1.0, unit="1", doc="ρ: of staff's readiness on worth", low=-10, high=10, source="assumption")
    infrastructure_effect: float = param(1.0, unit="1", doc="κ_I: of digital infrastructure on worth", low=-10, high=10,
                                         source="assumption")  # fmt: skip
    shortage_effect: float = param(1.0, unit="1", doc="κ_V: of the share of wanted hires not found on worth", low=-10, high=10,
                                   source="assumption")  # fmt: skip
    caution: float = param(0.5, unit="1", doc="ϕ: of doubt on worth, by standard deviation", low=0, high=10, source="assumption")
    resistance: float = param(0.0, unit="1", doc="Of staff and owners, on worth and on the pace of roll-out", low=0, high=1,
                              source="assumption")  # fmt: skip
    prior_gain: float = param(0.2, unit="1", doc="m₀: gain expected before anything is known", low=-2, high=2, source="assumption")
    prior_spread: float = param(0.1, unit="1", doc="√v₀: standard deviation of that", low=0, high=2, source="assumption")
    trial_noise: float = param(0.1, unit="1", doc="σ: standard deviation of what a quarter shows of the gain", low=0, high=10,
                               source="assumption")  # fmt: skip
    peer_evidence: float = param(0.2, unit="1", doc="w: weight of what a linked firm has learned, by a quarter of one's own", low=0,
                                 high=10, source="assumption")  # fmt: skip
    go_on: float = param(0.8, unit="1", doc="p*: certainty from which a tool is extended", low=0, high=1, source="assumption; MODEL.md M9")
    give_up: float = param(0.2, unit="1", doc="p_ab: certainty below which it is given up", low=0, high=1,
                           source="assumption; MODEL.md M9")  # fmt: skip
    pilot_share: float = param(0.1, unit="1", doc="Part of the way to full use that a pilot is", low=0.01, high=1,
                               source="assumption; MODEL.md M9")  # fmt: skip
    step_share: float = param(0.5, unit="1", doc="Part of the way that a quarter of roll-out adds, where staff is half ready",
                              low=0.01, high=10, source="assumption")  # fmt: skip
    pilots_at_once: int = param(1, unit="1", doc="New pilots of a firm in a quarter, the worthiest first", low=0, high=7,
                                source="assumption: owners' attention")  # fmt: skip
    large_follow: float = param(1.0, unit="1", doc="Part of the SMBs' progress that the large firms of a sector make", low=0, high=1,
                                source="assumption")  # fmt: skip

    def settle(self, state, rest):
        if not self.enabled:
            return
        if not rest.function_share.any():
            raise InputError("automation.enabled = true: the economy has no tables of adoption and functions (tech_adoption_by_*.csv)")
        firms = state.firms
        state.sectors.function_share[:] = rest.function_share
        firms.depth[:] = np.minimum(rest.tool_depth(), CEILINGS[self.frontier])
        firms.starting_depth[:], firms.starting_readiness[:] = firms.depth, firms.readiness
        firms.tier[:] = tier(firms.depth)
        used = firms.depth > 0.0
        firms.tool_stage[:] = np.where(used, MATURE, NO_TOOL)
        firms.maturity[:] = np.where(used.any(axis=1), 1.0, self.first_maturity)
        rows = np.arange(firms.n)
        fit = np.ones(firms.depth.shape)
        known = self._look(state, 0, rows, firms.depth, firms.starting_depth, fit).gain  # what they bring to a firm that they fit as most
        firms.belief_mean[:] = np.where(used, known, self.prior_gain)
        firms.belief_variance[:] = np.where(used, 0.0, self.prior_spread**2)

    # -- every week -------------------------------------------------------------------------------------------------------------------

    def tag(self, state, step):
        """Layoffs due to tools: in proportion to what part of the staff too many they have made redundant."""
        firms = state.firms
        state.customers.run(
            tools.tag_layoffs, firms.alive, firms.employment, firms.borrowed, firms.desired_employment, firms.quits, firms.layoffs,
            firms.redundant, firms.automation_layoffs,
        )  # fmt: skip

    def pay(self, state, step):
        """Rent of the tools beyond those of the start; what a firm cannot pay it does not have this week."""
        firms = state.firms
        firms.tool_rent[:] = afford(state, np.where(firms.alive, self._price(step.t) * firms.tool_cost_factor * firms.base_rent, 0.0))
        if firms.tool_rent.any():
            transfer(state, "firm", INVESTMENT, firms.tool_rent, "rent of tools")
        firms.other_cost[:] += firms.tool_rent + firms.setup_cost  # of last week, after its profit was drawn up

    def _price(self, t: int) -> float:
        """(1-κ_c)^years since week 0."""
        return (1.0 - self.weekly("cost_decline")) ** max(t, 0)

    # -- reviews ----------------------------------------------------------------------------------------------------------------------

    def decide(self, state, step):
        """Firms whose turn it is judge what they use and look at what they do not; large firms follow."""
        firms = state.firms
        firms.setup_cost[:], firms.tool_support[:] = 0.0, 0.0
        if step.t < 0:
            return  # the burn-in leaves adoption at what the tables say
        due = firms.alive & whose_turn(firms.uid, step.t, WEEKS_PER_QUARTER)
        rows = np.flatnonzero(due & (firms.kind == SMB))
        if len(rows):
            self._review(state, step, rows)
        large = np.flatnonzero(due & (firms.kind == LARGE))
        if len(large):
            self._follow(state, step, large)

    def _review(self, state, step, rows) -> None:
        firms, uid = state.firms, state.firms.uid[rows]
        depth, starting, best = (column.take(rows, axis=0) for column in (firms.depth, firms.starting_depth, firms.tier))
        in_use = best >= self.frontier  # `take` picks wide rows in a fifth of the time of an index
        share, told, heard = self._peers(state, rows)
        looks = self._looks(step, uid, in_use, share)
        r, f = tools.pairs(in_use | looks | (depth > starting))
        fit = np.zeros(depth.shape)  # of tools that nobody has or looks at
        fit[r, f] = self._fit(step, uid[r], f) * firms.tool_fit[rows[r]]
        look = self._look(state, step.t, rows, depth, starting, fit)
        context, worth = self._weigh(state, rows, look, in_use, share, told, heard)
        used = r, f = tools.pairs(in_use)
        self._learn(state, step, rows, used, look)
        extend, leave = np.zeros_like(in_use), np.zeros_like(in_use)
        extend[used], leave[used] = self._judge(state, rows, used, look, context[used], _taste(step, uid[r], f))
        begin = self._begin(state, step, rows, looks & (look.pay > tools.SMALLEST_PAY), told, heard, worth)
        self._move(state, rows, look, leave, extend, begin)

    def _looks(self, step, uid, in_use, share) -> np.ndarray:
        """(k, 7) bool: the tools not in use that firms look at this quarter, each with chance 1 - exp(-rate)."""
        k, F = share.shape
        u = tools.uniforms(step.draws, "automation look", step.t, np.repeat(uid, F), np.tile(np.arange(F), k)).reshape(k, F)
        rate = (self.weekly("innovation") + self.weekly("imitation") * share) * WEEKS_PER_QUARTER
        looks = ~in_use & (u < rate)  # who looks is among these, as 1 - exp(-rate) is less
        some = tools.pairs(looks)
        looks[some] = u[some] < -np.expm1(-rate[some])
        return looks

    def _fit(self, step, uid, function) -> np.ndarray:
        """(c,) how well tools fit, drawn once for every firm and function; mean one."""
        from scipy.special import ndtri  # half a second to import

        u = tools.uniforms(step.draws, "automation fit", 0, uid, function)
        return np.exp(self.fit_spread * ndtri(u) - 0.5 * self.fit_spread**2)

    def _look(self, state, t, rows, depth, starting, fit) -> tools.Look:
        """What the firms of these rows are like, and what tools are like for them in week t. depth, starting, fit (k, 7)."""
        firms = state.firms
        pay, readiness, quality, gain = (np.empty(depth.shape) for _ in range(4))
        functions, grown = np.empty(len(rows)), np.empty(len(rows), dtype=bool)
        state.rows(len(rows)).run(
            tools.describe, firms.sector[rows], state.sectors.function_share, firms.wage[rows] * firms.employment[rows], depth, starting,
            firms.readiness.take(rows, axis=0), fit, firms.maturity[rows], self._routine, firms.routine_factor[rows],
            *self._value(state, rows), *self._seen, self.synergy, *self._labour, pay, readiness, quality, gain, functions, grown,
        )  # fmt: skip
        heads = np.maximum(firms.employment[rows] / np.maximum(firms.firm_count[rows], 1.0), 1.0)
        price = self._price(t) * firms.tool_cost_factor[rows]
        setup = self.setup_years * (heads / REFERENCE_HEADS) ** -self.setup_scale * (1.0 + self.integration * functions) * price
        own = setup * (1.0 - firms.tool_subsidy[rows].sum(axis=1)) * (1.0 - firms.spending_credit[rows])
        return tools.Look(depth, starting, pay, readiness, quality, gain, grown, self.rent_share * price, setup, own)

    @property
    def _labour(self) -> tuple[float, float, float]:
        return self.resting_readiness, self.substitution, self.augmentation

    @property
    def _routine(self) -> np.ndarray:
        """(7,) τ of the best tools."""
        return ROUTINE_AT_BEST * self.routine

    @property
    def _seen(self) -> tuple[np.ndarray, float, float, float]:
        """What customers see of tools: (7,) of those that sell, of errors, of errors nobody looks for, and the share that staff finds."""
        return self.selling_gain * SELLING, self.quality_gain * self.human_errors, self.machine_errors, self.oversight

    def _value(self, state, rows) -> tuple[np.ndarray, np.ndarray]:
        """What sales earn (k,), and what tools at full depth save besides labour (k, 7), by the share of pay; currency/wk."""
        firms = state.firms
        interest = firms.interest_rate[rows] / WEEKS_PER_YEAR
        sales, cost = firms.mean_demand[rows], firms.unit_cost[rows]
        capital = price_of_capital(state) * firms.capital[rows]
        saved = np.zeros((len(rows), len(FUNCTIONS)))
        saved[:, SERVICE] = self.capital_gain * (interest + firms.depreciation_share[rows]) * capital
        saved[:, OPERATIONS] = self.cover_gain * interest * cost * firms.finished_cover[rows] * sales
        saved[:, FINANCE] = self.cash_gain * interest * firms.liquidity_target[rows]
        return np.maximum(firms.price[rows] - cost, 0.0) * sales, saved

    def _peers(self, state, rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(k, 7) share of peers with the best tool; what linked ones with it expect of it, on average, and how many they are."""
        firms, links, shape = state.firms, state.links, (len(rows), len(FUNCTIONS))
        number = np.zeros((len(state.region_names), len(state.sector_codes)))
        users, known = np.zeros((*number.shape, len(FUNCTIONS))), np.empty(firms.n, dtype=np.uint8)
        peer = firms.alive & (firms.kind == SMB) & (firms.employment > 0.0)
        tools.count_users(peer, firms.region, firms.sector, firms.tier, self.frontier, number, users, known)
        seen, having, share, told = np.zeros(len(rows)), np.zeros(shape), np.empty(shape), np.zeros(shape)
        if self.link_weight > 0.0 or self.peer_evidence > 0.0:
            place = np.full(firms.n, -1, dtype=np.int32)
            place[rows] = np.arange(len(rows))
            tools.ask_links(
                rows, place, state.customer_start, links.supplier, links.buyer, links.weight, known, firms.belief_mean, seen, having, told
            )
        state.rows(len(rows)).run(
            tools.share_of_peers, rows, firms.region, firms.sector, known, number, users, seen, having, self.link_weight, share, told
        )
        return share, told, having

    def _weigh(self, state, rows, look, in_use, share, told, heard) -> tuple[np.ndarray, np.ndarray]:
        """(k, 7) what counts besides the gain of the best tool, and its worth to those who do not have it, before taste."""
        firms, context, worth = state.firms, np.empty(share.shape), np.empty(share.shape)
        apart = (
            self.infrastructure_effect * state.regions.infrastructure[firms.region[rows]]
            + self.shortage_effect * firms.unfilled[rows] - self.resistance
        )  # fmt: skip
        state.rows(len(rows)).run(
            tools.weigh, rows, in_use, share, told, heard, look.readiness, apart,
            np.maximum(look.cost(self.payback_years), tools.LEAST_COST), self.prior_spread**2 * (1.0 - firms.advice[rows]),
            self.trial_noise**2, self.prior_gain, self.peer_evidence, self.hurdle, self.peer_effect, self.readiness_effect,
            self.resting_readiness, self.caution, self.choice, context, worth, firms.tool_odds, firms.tool_doubt,
        )  # fmt: skip
        return context, worth

    def _learn(self, state, step, rows, used, look) -> None:
        """What a quarter has shown of the tools in use, and processes that mature with them."""
        firms, (r, f) = state.firms, used
        i = rows[r]
        doubts = firms.belief_variance[i, f] > 0.0
        if doubts.any():
            from scipy.special import ndtri  # half a second to import

            r, i, f = r[doubts], i[doubts], f[doubts]
            noise = self.trial_noise**2 / (1.0 + look.readiness[r, f])
            luck = ndtri(np.maximum(step.draws.uniform("automation trial", step.t, firms.uid[i], f), LEAST_UNIFORM))
            shown = look.gain[r, f] + np.sqrt(noise) * luck
            firms.belief_mean[i, f], firms.belief_variance[i, f] = tools.posterior(
                firms.belief_mean[i, f], firms.belief_variance[i, f], shown, noise
            )
        pace = WEEKS_PER_QUARTER / self.maturity_weeks
        firms.maturity[rows] += np.where(look.grown, pace * (1.0 - firms.maturity[rows]), 0.0)

    def _judge(self, state, rows, used, look, context, taste) -> tuple[np.ndarray, np.ndarray]:
        """(u,) bool: which of the tools in use are extended, which are given up. used: row and function; context, taste (u,)."""
        firms, (r, f) = state.firms, used
        mean, spread = firms.belief_mean[rows[r], f], np.sqrt(firms.belief_variance[rows[r], f])
        pays, carries = (
            tools.certainty(self.choice * (mean / cost + context) - taste, self.choice * spread / cost)
            for cost in (np.maximum(c, tools.LEAST_COST)[r] for c in (look.cost(self.payback_years), look.rent))
        )
        leave = np.where(firms.tool_stage[rows[r], f] == PILOT, pays, carries) < self.give_up
        return ~leave & (pays > self.go_on), leave

    def _begin(self, state, step, rows, looks, told, heard, worth) -> np.ndarray:
        """(k, 7) bool: the pilots that begin, of a firm the worthiest, at most so many at once; beliefs start with them."""
        firms, (r, f) = state.firms, tools.pairs(looks)
        worth = worth[r, f] - _taste(step, firms.uid[rows[r]], f)
        wanted = np.flatnonzero(worth > 0.0)
        r, f, worth = r[wanted], f[wanted], worth[wanted]
        order = np.lexsort((f, -worth, r))
        r, f = r[order], f[order]
        first = np.arange(len(r)) - np.searchsorted(r, r) < self.pilots_at_once
        r, f = r[first], f[first]
        quarters = self.peer_evidence * heard[r, f]  # of evidence
        noise = np.divide(self.trial_noise**2, quarters, out=np.full(len(r), np.inf), where=quarters > 0.0)
        doubt = self.prior_spread**2 * (1.0 - firms.advice[rows[r]])
        firms.belief_mean[rows[r], f], firms.belief_variance[rows[r], f] = tools.posterior(self.prior_gain, doubt, told[r, f], noise)
        begins = np.zeros(looks.shape, dtype=bool)
        begins[r, f] = True
        return begins

    def _move(self, state, rows, look, leave, extend, begin) -> None:
        """Tools are given up, extended and begun; then what they do is brought up to date, of all these firms."""
        firms, new, stage = state.firms, look.depth.copy(), state.firms.tool_stage.take(rows, axis=0)
        firms.tool_plan[rows] = 0.0
        moves = np.flatnonzero(tools.rows_with(leave | extend | begin))
        if len(moves):
            new[moves], stage[moves] = self._change(
                state, rows[moves], new[moves], look.readiness[moves], WEEKS_PER_YEAR * look.setup[moves, None] * look.pay[moves],
                leave[moves], extend[moves], begin[moves],
            )  # fmt: skip
            firms.depth[rows[moves]], firms.tool_stage[rows[moves]] = new[moves], stage[moves]
        self._apply(state, rows, look, new, stage)

    def _change(self, state, rows, depth, readiness, setup, leave, extend, begin) -> tuple[np.ndarray, np.ndarray]:
        """(k, 7) depth and stage after what is done is done, as far as it can be paid. setup (k, 7) currency at full depth."""
        firms = state.firms
        former = firms.former_depth[rows]
        top = CEILINGS[self.frontier]
        pace = self.step_share * (1.0 - self.resistance) * (0.5 + readiness)
        wanted = np.where(extend, np.minimum(depth + pace * (top - former), top), depth)
        wanted = np.where(begin, depth + self.pilot_share * np.maximum(top - depth, 0.0), wanted)
        step_up = np.maximum(wanted - depth, 0.0)
        whole = setup * step_up
        share = promised(state, firms.tool_subsidy[rows], whole.sum(axis=1), rows)
        cost = whole * (1.0 - share.sum(axis=1))[:, None]
        spare = np.where(firms.spendable[rows] < UNLIMITED, firms.cash[rows] - 0.5 * firms.liquidity_target[rows], UNLIMITED)
        order = np.argsort(begin, axis=1, kind="stable")  # what is under way comes first
        bill = np.cumsum(np.take_along_axis(cost, order, axis=1), axis=1)
        can = np.empty(bill.shape, dtype=bool)
        np.put_along_axis(can, order, bill <= spare[:, None], axis=1)
        can |= cost == 0.0
        firms.tool_plan[rows] = np.where(can, 0.0, cost).sum(axis=1)
        grows = can & (step_up > 0.0)
        new = np.where(leave, np.minimum(depth, former), np.where(grows, wanted, depth))
        begin &= can
        stage = np.select(
            [leave, begin, extend & (new >= top), extend & grows], [ABANDONED, PILOT, MATURE, ROLLOUT], firms.tool_stage[rows]
        ).astype(np.int8)
        firms.tier[rows] = np.where(leave, tier(new), np.where(begin, self.frontier, firms.tier[rows]))
        firms.former_depth[rows] = np.where(begin, depth, former)
        self._buy(state, rows, np.where(grows, whole, 0.0).sum(axis=1), share)
        self._write_off(state, rows, depth, new)
        return new, stage

    def _buy(self, state, rows, whole, share) -> None:
        """Set-up (k,) currency is paid to the investment pool, the shares (k, P) of policies by the state."""
        firms = state.firms
        firms.tool_value[rows] += whole
        firms.tool_support[rows] = bear(state, INVESTMENT, share, whole, rows)
        own = np.maximum(whole - firms.tool_support[rows], 0.0)
        firms.setup_cost[rows] = own
        if own.any():
            transfer(state, "firm", INVESTMENT, own, "tools", rows=rows)

    def _write_off(self, state, rows, old, new) -> None:
        """What is given up has cost what it has cost."""
        firms, start = state.firms, state.firms.starting_depth[rows]
        had, has = (np.maximum(d - start, 0.0).sum(axis=1) for d in (np.maximum(old, new), new))
        firms.tool_value[rows] *= np.divide(has, had, out=np.ones(len(rows)), where=had > has)

    def _apply(self, state, rows, look, new, stage) -> None:
        """All that follows from depths and stages (k, 7)."""
        firms, shares, shape = state.firms, state.sectors.function_share, new.shape
        before, now, moved = np.empty(shape), np.empty(shape), np.empty(len(rows), dtype=bool)
        was, is_, seen, rented = (np.empty(len(rows)) for _ in range(4))
        state.rows(len(rows)).run(
            tools.work, rows, firms.sector[rows], shares, new, look.depth, look.starting, firms.starting_readiness.take(rows, axis=0),
            look.readiness, look.quality, look.pay, self._routine, firms.routine_factor[rows], *self._seen, *self._labour, before, now, was,
            is_, seen, rented, moved, firms.practice,
        )  # fmt: skip
        firms.redundant[rows] = np.maximum(firms.redundant[rows] + firms.employment[rows] * (1.0 - is_ / was), 0.0)
        firms.labour_intensity[rows] = is_ * (1.0 + self.disruption * tools.rows_with(stage == ROLLOUT))
        firms.tool_reach[rows] = np.exp(seen)
        firms.order_care[rows] = self.care_gain * np.maximum(now[:, OPERATIONS], 0.0)
        firms.base_rent[rows] = self.rent_share * rented
        if moved.any():
            self._save(state, rows[moved], before[moved], now[moved])

    def _save(self, state, rows, before, now) -> None:
        """Stocks, cash and capital that tools make unnecessary, for firms whose tools have changed. before, now (k, 7)."""
        firms, slots = state.firms, state.slots
        share = state.sectors.function_share[firms.sector[rows]]
        before, now = share * before, share * now

        def ratio(gain, f):
            return (1.0 - gain * now[:, f]) / (1.0 - gain * before[:, f])

        cover, capital = ratio(self.cover_gain, OPERATIONS), ratio(self.capital_gain, SERVICE)
        firms.finished_cover[rows] *= cover
        slots.input_cover[state.slots_of(rows)] *= np.repeat(cover, np.diff(state.slot_start)[rows])
        firms.cash_cover[rows] *= ratio(self.cash_gain, FINANCE)
        firms.capital_coefficient[rows] *= capital
        firms.capital_need[rows] *= capital
        firms.capacity[rows] = np.divide(
            firms.capital[rows], firms.capital_coefficient[rows], out=firms.capacity[rows], where=firms.capital_coefficient[rows] > 0.0
        )

    def _follow(self, state, step, rows) -> None:
        """Large firms go as far beyond their start as the SMBs of their sector have on average, by staff."""
        firms, mean = state.firms, np.zeros((len(state.sector_codes), len(FUNCTIONS)))
        small = firms.alive & (firms.kind == SMB) & (firms.employment > 0.0)
        for g in np.unique(firms.sector[rows]):
            mine = np.flatnonzero(small & (firms.sector == g))
            staff = firms.employment[mine]
            if len(mine):
                mean[g] = staff @ (firms.depth.take(mine, axis=0) - firms.starting_depth.take(mine, axis=0)) / staff.sum()
        old, starting = firms.depth[rows], firms.starting_depth[rows]
        look = self._look(state, step.t, rows, old, starting, np.ones(old.shape))
        new = np.clip(starting + self.large_follow * mean[firms.sector[rows]], 0.0, CEILINGS[self.frontier])
        added = np.maximum(new - old, 0.0)
        whole = WEEKS_PER_YEAR * look.setup * (look.pay * added).sum(axis=1)
        self._buy(state, rows, whole, promised(state, firms.tool_subsidy[rows], whole, rows))
        self._write_off(state, rows, old, new)
        stage = np.where(new > 0.0, MATURE, NO_TOOL)
        more = (added > 0.0).any(axis=1)
        firms.maturity[rows] += np.where(more, WEEKS_PER_QUARTER / self.maturity_weeks * (1.0 - firms.maturity[rows]), 0.0)
        self._apply(state, rows, look, new, stage)
        firms.depth[rows], firms.tool_stage[rows] = new, stage


def _taste(step, uid, function) -> np.ndarray:
    """(c,) -βε: log odds against a tool that firms would rather not have, for ever. uid, function (c,)."""
    u = tools.uniforms(step.draws, "automation taste", 0, uid, function)
    return np.log(u) - np.log1p(-u)
