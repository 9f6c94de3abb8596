r"""Skills (M8): what staff knows, how it is learned and lost, and what it does to output per head.

s_ik in [0, 1] is the mean level of firm i's staff in domain k; ten domains, and a spare one for a skill that nobody knows yet. Each week

    s_ik  ← s_ik + (1 - s_ik) G_ik - D_ik s_ik
    G_ik  = Λ_i γ_ik ( η_ik u_i Σ_f ω_fk v_if  +  η_T T_ik / 52  +  P_ik )         by doing, by training, from peers; at most 1
    Λ_i   = 1 + a (s_i,AD - ½) ,  γ_ik = 1 - b (1 - s_i,DL) for k gated            who adapts learns; who cannot use a computer does not
    D_ik  = δ_k o_g + ν                                                           forgetting and obsolescence, drift of technology
    P_ik  = 13 κ [ mean over peers (s_jk - s⁰_jk) - (s_ik - s⁰_ik) ]⁺               once in 13 weeks; peers: the sector in the region
    T_ik  = T_i [ (1-χ) V_k / Σ V + χ X_k / Σ X ] ,  V_k = need_gk (1 - s_ik) ,  X_k = max_j s_ij - s_ik     value × gap; cross-training
    p_rk  ← (1 - δ_U) p_rk + (1 - p_rk) (learned by the unemployed of region r)

η_ik, learning by doing at normal use, is what keeps the firm's profile where it is at rest, against forgetting and the hires that replace
quits. u_i is the share of staff that has work, v_if how much the tools of function f are used (written by who brings them). People carry
skills when they move (`heads`), so that

    Σ_i L_i s_i + Σ_r U_r p_r   changes by learning and forgetting only

What skills do
    efficiency_i = exp( value_i ) (1 - T_i / H) ,  value_i = ε Σ_k need_gk (s_ik - s⁰_ik)      H hours of a year; T off the job
    readiness_if = Σ_k Ω_fk (s_ik - m_rk) ,  versatility_i = 1 - Gini over f of Σ_k Ω_fk s_ik    m the region's typical profile
    redeployed_i = ρ versatility_i                                                share of idle staff that is not laid off
    w_i, w⁰_i    ← × exp( ψ Δ value_i )                                            at a review: pay follows skills; relative pay stays

Training is decided on at quarterly reviews, staggered by uid. SMBs of which the owner thinks of it (chance α) start a programme of T hours
a head and year, for a year, with probability

    Logit( β ( B_i (1-ψ) Y / [ T/H (1 + c (1-σ_i)) ] - 1 ) )                        B believed gain in value, Y years it lasts, c fee by pay
    if the fees of the year are covered by deposits above half the liquidity target; afterwards B_i ← B_i + g (gain seen - B_i)

Fees are paid weekly to the investment pool, as other spending on intangibles; who cannot pay stops. Training as usual is part of the
tables (inputs from schools, time off) and of learning by doing: T is what a firm does beyond it.

Staff on loan: in each region a share μ of what both sides allow of the idle staff of some SMBs works for others that are short of staff,
for a week at a time, as last week's plans say. Heads and skills stay with the employer, who pays them and is paid their wages by the host.

symbol  column / parameter              unit
s, s⁰   skill, normal_skill             1 (by domain)
p, m    pool_skill, typical_skill       1 (region, by domain)
η       learning                        1/wk (by domain)
v       practice                        1 (by function)
o       obsolescence_factor (sector)    1
T       training_hours                  h/yr a head
B       training_payoff                 1
σ       training_subsidy                1

Sources: Arrow (1962) for learning by doing; Ben-Porath (1967) for training; de Grip and van Loo (2002) for obsolescence; Konings and
Vanormelingen (2015) for the effect of training and the share of it in pay; Cyert and March (1963) for decisions on learned returns.
"""

from __future__ import annotations

import numpy as np

from .. import heads
from ..accounts import afford, bear, promised, transfer
from ..draws import logistic
from ..kernel import kernel
from ..occupations import AD, COMPETENCE, DL, GATED, HOURS, LEAST_LEVEL, MOST_LEVEL, N_DOMAINS, SPARE, TECHNICAL
from ..rest import INVESTMENT
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import EVERYWHERE, SMB
from .base import Mechanism, whose_turn

REVIEW = 13  # weeks between two reviews of a firm
PROGRAMME = 52  # weeks that a training programme lasts
N_FUNCTIONS = len(COMPETENCE)
NOT_GATED = np.array([k not in GATED for k in range(N_DOMAINS)], dtype=np.float64)
USE_OF_FUNCTION = np.divide(COMPETENCE, COMPETENCE.sum(axis=0), out=np.zeros(COMPETENCE.shape), where=COMPETENCE.sum(axis=0) > 0)  # ω
USUAL = USE_OF_FUNCTION.sum(axis=0)  # use of each domain where tools change nothing


class Skills(Mechanism):
    name = "skills"
    optional = True
    columns = (
        Column("skill", "1", 0.0, "Mean level of the staff by domain", width=N_DOMAINS, low=0, high=1),
        Column("normal_skill", "1", 0.0, "The same at rest: what the firm's trade needs", width=N_DOMAINS, low=0, high=1,
               entrant="copied"),
        Column("learning", "1/wk", 0.0, "Learning by doing at normal use", width=N_DOMAINS, low=0, entrant="copied"),
        Column("practice", "1", 1.0, "Use of the skills of each function, relative to rest", width=N_FUNCTIONS, low=0),
        Column("skill_value", "1", 0.0, "Logarithm of output per head due to skills, relative to rest"),
        Column("rewarded", "1", 0.0, "Skill value that pay reflects", entrant="copied"),
        Column("readiness", "1", 0.0, "Competence for each function beyond what is typical of the region at rest", width=N_FUNCTIONS,
               low=-1, high=1),
        Column("versatility", "1", 0.0, "Evenness of competence over functions", low=0, high=1),
        Column("training_hours", "h/yr", 0.0, "Training of a head beyond what is usual, off the job", low=0),
        Column("training_since", "wk", 0, "Week in which it began", dtype="i4"),
        Column("value_before", "1", 0.0, "Skill value when it began"),
        Column("training_payoff", "1", 0.0, "Believed gain in skill value from a programme", entrant="copied"),
        Column("training_spent", "currency", 0.0, "Fees and hours that the programme under way has cost so far", low=0),
        Column("training_cost", "currency/wk", 0.0, "Fees paid this week, less what the state bears", low=0),
        Column("training_subsidy", "1", 0.0, "Share of the fees that each policy bears", width="policy", low=0, high=1),
        Column("public_training", "h/yr", 0.0, "Training of a head that a programme of the state gives", low=0),
        Column("skill_growth", "heads/wk", 0.0, "Skill mass learned less forgotten by the staff this week, summed over domains"),
        Column("pool_skill", "1", 0.0, "Mean level of the unemployed by domain", axis="region", width=N_DOMAINS, low=0, high=1),
        Column("typical_skill", "1", 0.0, "Mean normal level of those who are hired at rest", axis="region", width=N_DOMAINS, low=0,
               high=1),
        Column("pool_training", "h/yr", 0.0, "Training of an unemployed head", axis="region", low=0),
        Column("pool_growth", "heads/wk", 0.0, "Skill mass learned less forgotten by the unemployed this week", axis="region"),
        Column("skill_need", "1", 0.0, "Weight of each domain in the work of the sector", axis="sector", width=N_DOMAINS, low=0),
        Column("new_skill", "1", 0.0, "Weight of the domain that was not known", axis="sector", low=0),
        Column("obsolescence_factor", "1", 1.0, "Factor of shocks on forgetting", axis="sector", low=0),
    )  # fmt: skip
    reads = ("uid", "alive", "kind", "sector", "region", "employment", "unemployed", "roaming_staff", "quits", "hires", "output",
             "labour_coefficient", "labour_intensity", "productivity", "desired_employment", "wage_factor",
             "liquidity_target", "spending_credit", "most")  # fmt: skip
    writes = (*(c.name for c in columns), "efficiency", "borrowed", "redeployed", "wage", "resting_wage", "other_cost", "spendable", "cash",
              "balance", "support", "committed", "left", "spent")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="Skills are learned and lost; off: they stay", source="limit of M8")
    spread: float = param(0.35, unit="1", doc="Standard deviation between firms of a sector of the logit of a level", low=0, high=2,
                          source="assumption")  # fmt: skip
    elasticity: float = param(4.0, unit="1", doc="ε: gain in the logarithm of output per head by that in the mean level", low=0, high=20,
                              tier="calibrated",
                              source="slope over sectors of log pay (OEWS May 2024) on the mean level: 4.2")  # fmt: skip
    general_decay: float = param(0.03, unit="1/yr", doc="δ of general domains", low=0, high=1, source="recalled; MODEL.md M8")
    technical_decay: float = param(0.2, unit="1/yr", doc="δ of technical domains", low=0, high=1,
                                   source="half-life of 2.5 to 5 years; MODEL.md M8")  # fmt: skip
    drift: float = param(0.01, unit="1/yr", doc="ν: by how much the frontier moves away", low=0, high=1,
                         source="assumption; 0 to .05 in MODEL.md M8")  # fmt: skip
    idle_decay: float = param(0.1, unit="1/yr", doc="δ_U: forgetting of the unemployed, besides", low=0, high=1, source="assumption")
    ability: float = param(1.0, unit="1", doc="a: of learning to adaptability", low=0, high=2, source="MODEL.md M8: λ = ½ + s_AD")
    gating: float = param(1.0, unit="1", doc="b: of learning digital domains to digital literacy", low=0, high=1, source="MODEL.md M8")
    teaching: float = param(0.0185, unit="1/h", doc="η_T: share of the gap that an hour of training closes, before Λ and γ", low=0,
                            high=1, tier="calibrated",
                            source="fitted: staff always in training makes .23 more; Konings and Vanormelingen (2015)")  # fmt: skip
    peer_learning: float = param(0.002, unit="1/wk", doc="κ: share of what peers gained that is learned from them in a week", low=0,
                                 high=0.05, source="assumption")  # fmt: skip
    pass_through: float = param(0.55, unit="1", doc="ψ: gain in the logarithm of pay by that in output per head", low=0, high=1,
                                source="Konings and Vanormelingen (2015): ln 1.12 / ln 1.23")  # fmt: skip
    hours: float = param(40.0, unit="h/yr", doc="T: training of a head in a programme", low=0, high=400, source="assumption: 20 to 40")
    fee: float = param(1.0, unit="1", doc="c: fee of an hour of training by hourly pay", low=0, high=20,
                       source="assumption: 1 to 2 % of payroll with the hours above")  # fmt: skip
    cross_training: float = param(0.25, unit="1", doc="χ: share of training for what staff knows least", low=0, high=1,
                                  source="assumption")  # fmt: skip
    attention: float = param(0.05, unit="1", doc="α: chance at a review that the owner thinks of training", low=0, high=1,
                             source="assumption")  # fmt: skip
    prior: float = param(0.02, unit="1", doc="B at the start: gain in skill value that owners expect of a programme", low=0, high=1,
                         source="assumption: below what it brings, or all would train already")  # fmt: skip
    horizon: float = param(2.0, unit="yr", doc="Y: years over which gains are counted", low=0, high=20, source="assumption")
    choice: float = param(2.0, unit="1", doc="β: how sharply the return decides", low=0, high=100, source="assumption")
    belief_gain: float = param(0.5, unit="1", doc="g: weight of the last programme in the belief", low=0, high=1, source="assumption")
    redeployment: float = param(0.3, unit="1", doc="ρ: share of idle staff that fully versatile firms find other work", low=0, high=1,
                                source="assumption")  # fmt: skip
    lending: float = param(0.1, unit="1", doc="μ: share of the possible loans of staff in a region that come about", low=0, high=1,
                           source="assumption")  # fmt: skip
    lending_most: float = param(0.25, unit="1", doc="Most staff on loan by own staff", low=0, high=1, source="assumption")

    # -- rest -------------------------------------------------------------------------------------------------------------------------

    def settle(self, state, rest):
        if not self.enabled:
            return
        firms, regions = state.firms, state.regions
        known = np.arange(N_DOMAINS) < SPARE
        state.sectors.skill_need[:] = rest.skill_need
        level = np.clip(rest.skill_level, LEAST_LEVEL, MOST_LEVEL)[firms.sector]
        logit = np.log(level / (1.0 - level)) + self.spread * rest.skill_draw()
        firms.normal_skill[:] = known * np.clip(logistic(logit), LEAST_LEVEL, MOST_LEVEL)
        firms.skill[:] = firms.normal_skill
        firms.training_payoff[:] = self.prior
        leaving = firms.quits if firms.quits.any() else firms.employment
        regions.typical_skill[:] = np.stack([_mean_by_region(state, leaving, firms.normal_skill[:, k]) for k in range(N_DOMAINS)], axis=1)
        came = state.by_region(firms.quits)
        lost = came + self.weekly("idle_decay") * regions.unemployed
        hired = regions.typical_skill * np.divide(came, lost, out=np.ones(regions.n), where=lost > 0)[:, None]  # what those who join know
        regions.pool_skill[:] = (1.0 - self.weekly("idle_decay")) * hired
        self._settle_learning(state)
        self._judge(state, np.flatnonzero(firms.alive))

    def _settle_learning(self, state) -> None:
        """Learning by doing that makes up for a week of moves and forgetting: the moves are made, looked at, and undone."""
        firms, regions = state.firms, state.regions
        places = (firms.skill, firms.employment, regions.pool_skill, regions.unemployed, regions.roaming_staff)
        before = [column.copy() for column in places]
        heads.leave(state, firms.quits)
        heads.join(state, firms.hires, regions.population_share * firms.hires[firms.region == EVERYWHERE].sum())
        moved = firms.skill.copy()
        for column, value in zip(places, before, strict=True):
            column[:] = value
        open_ = (1.0 - moved) * self._openness(moved)
        missing = firms.normal_skill - moved * (1.0 - self._decay())
        firms.learning[:] = np.maximum(np.divide(missing, open_, out=np.zeros_like(moved), where=open_ > 0), 0.0)

    def _decay(self) -> np.ndarray:
        """(K,) δ + ν of a week, without shocks."""
        technical = np.isin(np.arange(N_DOMAINS), TECHNICAL)
        return np.where(technical, self.weekly("technical_decay"), self.weekly("general_decay")) + self.weekly("drift")

    def _openness(self, skill) -> np.ndarray:
        """(k, K) Λ γ. skill (k, K)."""
        ability = 1.0 + self.ability * (skill[:, AD] - 0.5)
        shut = self.gating * (1.0 - skill[:, DL])
        return ability[:, None] * np.where(NOT_GATED > 0, 1.0, 1.0 - shut[:, None])

    # -- the week ---------------------------------------------------------------------------------------------------------------------

    def lend(self, state, step):
        """Idle staff of some firms works for others of the region that are short of it."""
        firms = state.firms
        firms.borrowed[:] = 0.0
        if self.lending == 0.0:
            return
        there = firms.alive & (firms.kind == SMB) & (firms.region != EVERYWHERE)
        asked, offered = np.zeros(state.regions.n), np.zeros(state.regions.n)
        ask_around(there, firms.region, firms.desired_employment, firms.employment, self.lending_most, asked, offered, firms.borrowed)
        matched = self.lending * np.minimum(asked, offered)
        found, taken = (np.divide(matched, total, out=np.zeros_like(total), where=total > 0) for total in (asked, offered))
        state.customers.run(lend_staff, firms.region, found, taken, firms.borrowed)

    def pay(self, state, step):
        """Fees of training, and pay of staff on loan from host to employer."""
        firms = state.firms
        firms.training_cost[:] = 0.0
        if firms.training_hours.any():
            self._pay_fees(state)
        if firms.borrowed.any():
            self._pay_employers(state)

    def _pay_fees(self, state) -> None:
        firms = state.firms
        rows = np.flatnonzero(firms.training_hours > 0.0)
        fees = self.fee * firms.wage_factor[rows] * firms.wage[rows] * firms.employment[rows] * firms.training_hours[rows] / HOURS
        share = promised(state, firms.training_subsidy[rows], fees, rows)
        due = fees - share.sum(axis=1) * fees
        paid = afford(state, due, rows)
        stopped = paid < due
        firms.training_hours[rows[stopped]] = 0.0
        firms.training_cost[rows] = paid
        transfer(state, "firm", INVESTMENT, paid, "training", rows=rows)
        bear(state, INVESTMENT, np.where(stopped[:, None], 0.0, share), fees, rows)
        time = firms.wage_factor[rows] * firms.wage[rows] * firms.employment[rows] * firms.training_hours[rows] / HOURS
        firms.training_spent[rows] += paid + time
        firms.other_cost[rows] += paid

    def _pay_employers(self, state) -> None:
        firms = state.firms
        wages, host = np.empty(firms.n), np.maximum(firms.borrowed, 0.0)
        state.customers.run(pay_of_lent, firms.borrowed, firms.wage_factor, firms.wage, wages)
        due, on_loan = state.by_region(wages), state.by_region(host)
        price = np.divide(due, on_loan, out=np.zeros_like(due), where=on_loan > 0)
        host *= price[firms.region]
        paid = afford(state, host)
        got = np.divide(state.by_region(paid), due, out=np.zeros_like(due), where=due > 0)
        wages *= got[firms.region]
        transfer(state, "firm", "firm", paid, "staff on loan", wages)
        firms.other_cost[:] += np.subtract(paid, wages, out=paid)

    def learn(self, state, step):
        """Learning and forgetting of the week, of staff and of the unemployed; what staff is then able to do."""
        firms, sectors = state.firms, state.sectors
        need = sectors.skill_need.copy()
        need[:, SPARE] = sectors.new_skill
        forgetting = (self._decay() - self.weekly("drift")) * sectors.obsolescence_factor[:, None] + self.weekly("drift")
        cell, peers = self._gains_of_peers(state)
        due = whose_turn(firms.uid, step.t, REVIEW)
        state.customers.run(
            study, firms.sector, cell, firms.employment, heads.needed(state, firms.output), firms.borrowed, firms.practice,
            firms.training_hours, firms.public_training, due, firms.learning, firms.normal_skill, need, np.minimum(forgetting, 1.0), peers,
            USE_OF_FUNCTION, USUAL, NOT_GATED, AD, DL, self.ability, self.gating, self.teaching, REVIEW * self.peer_learning,
            self.cross_training, self.elasticity, firms.skill, firms.skill_value, firms.skill_growth,
        )  # fmt: skip
        able = np.exp(firms.skill_value)
        away = firms.training_hours + firms.public_training
        if away.any():
            able *= np.maximum(1.0 - away / HOURS, 0.0)
        np.copyto(firms.efficiency, able, where=firms.employment > 0.0)
        self._teach_unemployed(state)

    def _gains_of_peers(self, state) -> tuple[np.ndarray, np.ndarray]:
        """(n,) cell of each firm, (cells, K) what the staff of a sector in a region has learned beyond rest, per head."""
        firms, G = state.firms, len(state.sector_codes)
        cell = (firms.region - EVERYWHERE).astype(np.int64) * G + firms.sector
        cells = (state.regions.n + 1) * G
        gains, staff = np.zeros((cells, N_DOMAINS)), np.zeros(cells)
        if self.peer_learning > 0.0:
            sum_gains(cell, firms.employment, firms.skill, firms.normal_skill, gains, staff)
            gains /= np.where(staff > 0, staff, 1.0)[:, None]
        return cell, gains

    def _teach_unemployed(self, state) -> None:
        regions = state.regions
        pool = regions.pool_skill
        left = np.where(np.arange(N_DOMAINS) < SPARE, 1.0 - pool, 0.0)
        taught = regions.pool_training[:, None] / WEEKS_PER_YEAR * left / np.maximum(left.sum(axis=1, keepdims=True), 1e-300)
        gain = np.minimum(self.teaching * taught * self._openness(pool), 1.0)
        change = (1.0 - pool) * gain - self.weekly("idle_decay") * pool
        regions.pool_growth[:] = np.maximum(regions.unemployed, 0.0) * change.sum(axis=1)
        pool += change

    # -- reviews ----------------------------------------------------------------------------------------------------------------------

    def review(self, state, step):
        """Firms whose turn it is look at their competence, adjust pay to it, judge their training and decide on the next."""
        firms = state.firms
        rows = np.flatnonzero(firms.alive & whose_turn(firms.uid, step.t, REVIEW))
        self._judge(state, rows)
        self._reward(state, rows)
        self._train(state, step, rows[firms.kind[rows] == SMB])

    def _judge(self, state, rows) -> None:
        firms, regions = state.firms, state.regions
        typical = np.vstack([regions.typical_skill, regions.population_share @ regions.typical_skill])  # the last for region -1
        state.rows(len(rows)).run(rate_competence, rows, firms.region, firms.skill, typical, COMPETENCE, firms.readiness, firms.versatility)
        firms.redeployed[rows] = np.where(firms.kind[rows] == SMB, self.redeployment * firms.versatility[rows], 0.0)

    def _reward(self, state, rows) -> None:
        firms = state.firms
        raised = np.exp(self.pass_through * (firms.skill_value[rows] - firms.rewarded[rows]))
        firms.wage[rows] *= raised
        firms.resting_wage[rows] *= raised
        firms.rewarded[rows] = firms.skill_value[rows]

    def _train(self, state, step, rows) -> None:
        firms = state.firms
        done = rows[(firms.training_hours[rows] > 0.0) & (step.t - firms.training_since[rows] >= PROGRAMME)]
        gained = firms.skill_value[done] - firms.value_before[done]
        firms.training_payoff[done] += self.belief_gain * (gained - firms.training_payoff[done])
        firms.training_hours[done] = 0.0
        free = rows[firms.training_hours[rows] == 0.0]
        thinks = step.draws.uniform("training attention", step.t, firms.uid[free]) < self.attention
        thinks[np.isin(free, done)] = True  # who has just done it knows about it
        rows = free[thinks]
        off = self.hours / HOURS
        price = self.fee * (1.0 - firms.training_subsidy[rows].sum(axis=1))
        seen = price * (1.0 - firms.spending_credit[rows])
        worth = firms.training_payoff[rows] * (1.0 - self.pass_through) * self.horizon
        net = np.divide(worth, off * (1.0 + seen), out=np.zeros(len(rows)), where=off > 0) - 1.0
        likely = 1.0 / (1.0 + np.exp(np.clip(-self.choice * net, -50.0, 50.0)))
        fees = PROGRAMME * price * off * firms.wage[rows] * firms.employment[rows]
        can = fees <= firms.cash[rows] - 0.5 * firms.liquidity_target[rows]
        starts = rows[can & (step.draws.uniform("training", step.t, firms.uid[rows]) < likely) & (off > 0.0)]
        firms.training_hours[starts] = self.hours
        firms.training_since[starts] = step.t
        firms.training_spent[starts] = 0.0
        firms.value_before[starts] = firms.skill_value[starts]


def _mean_by_region(state, weight, values) -> np.ndarray:
    """(R,) mean of values (n,) over weight (n,); firms that are everywhere count in each region by its population."""
    total = state.by_region(weight)
    return np.divide(state.by_region(weight * values), total, out=np.zeros(len(total)), where=total > 0)


@kernel
def sum_gains(cell, staff, skill, normal, gains, heads):
    """gains_ck += staff_i (skill_ik - normal_ik), heads_c += staff_i. skill, normal (n, K); writes gains (cells, K), heads (cells,)."""
    for i in range(cell.size):
        if staff[i] > 0.0:
            c = np.uint64(cell[i])
            heads[c] += staff[i]
            for k in range(np.uint64(N_DOMAINS)):
                gains[c, k] += staff[i] * (skill[i, k] - normal[i, k])


@kernel
def ask_around(there, region, desired, employment, most, asked, offered, gap):
    """Staff that firms are short of (gap > 0) or have idle (gap < 0), at most so much of their staff, and both by region.

    there, region, desired, employment heads (n,); adds to asked, offered heads (R,); writes gap heads (n,)
    """
    last = 0
    short, idle = asked[0], offered[0]  # of the region that stands in a run of rows
    for i in range(there.size):
        gap[i] = 0.0
        if there[i]:
            if region[i] != last:
                asked[last], offered[last] = short, idle
                last = region[i]
                short, idle = asked[last], offered[last]
            gap[i] = min(max(desired[i] - employment[i], -most * employment[i]), most * employment[i])
            short += max(gap[i], 0.0)
            idle += max(-gap[i], 0.0)
    asked[last], offered[last] = short, idle


@kernel
def lend_staff(start, stop, region, found, taken, borrowed):
    """The share of what is asked and of what is offered that comes about. region (n,); found, taken (R,); changes borrowed heads (n,)."""
    for i in range(start, stop):
        if borrowed[i] != 0.0:
            borrowed[i] *= found[region[i]] if borrowed[i] > 0.0 else taken[region[i]]


@kernel
def pay_of_lent(start, stop, borrowed, factor, wage, wages):
    """Pay of own staff that works for others. borrowed heads, factor, wage currency/wk (n,); writes wages currency/wk (n,)."""
    for i in range(start, stop):
        wages[i] = factor[i] * wage[i] * max(-borrowed[i], 0.0)


@kernel
def rate_competence(start, stop, row, region, skill, typical, weight, readiness, versatility):
    """Σ_k Ω_fk (s_ik - m_rk) of the firms in `row` (k,), m what is typical of the region, and 1 - Gini over functions of Σ_k Ω_fk s_ik.

    region (n,); skill (n, K); typical (R + 1, K), the last everywhere; weight Ω (F, K); writes readiness (n, F) and versatility (n,)
    """
    own = np.empty(N_FUNCTIONS)
    for r in range(start, stop):
        i = row[r]
        m = region[i]
        for f in range(np.uint64(N_FUNCTIONS)):
            level = 0.0
            beyond = 0.0
            for k in range(np.uint64(N_DOMAINS)):
                level += skill[i, k] * weight[f, k]
                beyond += (skill[i, k] - typical[m, k]) * weight[f, k]
            own[f] = level
            readiness[i, f] = beyond
        versatility[i] = 1.0 - gini(own)


@kernel
def gini(values):
    """Gini index Σ_j (2 j - F - 1) y_j / (F Σ y) of values (F,) >= 0, which it sorts: y_1 is the lowest. 0 where all are zero."""
    F = values.size
    total = ranked = 0.0
    for j in range(F):
        lowest = j
        for other in range(j + 1, F):
            if values[other] < values[lowest]:
                lowest = other
        values[j], values[lowest] = values[lowest], values[j]
        total += values[j]
        ranked += values[j] * (2.0 * (j + 1) - F - 1.0)
    return ranked / (F * total) if total > 0.0 else 0.0


@kernel
def study(
    start, stop, sector, cell, staff, busy, borrowed, practice, programme, public, due, learning, normal, need, forgetting, peers,
    use_of_function, usual, not_gated, adaptability, literacy, ability, gating, teaching, peer_share, cross, elasticity, skill, value,
    growth,
):  # fmt: skip
    """One week of learning and forgetting, as in the docstring of the module, for firms with staff.

    staff, busy, borrowed heads, programme, public h/yr of training, due (n,); practice (n, F); learning, normal (n, K); need (G, K);
    forgetting D (G, K); peers (cells, K); use_of_function ω (F, K), usual its sum over functions (K,); not_gated (K,); adaptability,
    literacy domains;
    writes skill (n, K), value and growth (n,)
    """
    F, K = np.uint64(N_FUNCTIONS), np.uint64(N_DOMAINS)  # known to the compiler, which saves a sixth of the time
    for i in range(np.uint64(start), np.uint64(stop)):
        value[i] = growth[i] = 0.0
        if staff[i] <= 0.0:
            continue
        g = np.uint64(sector[i])
        at_work = staff[i] + borrowed[i]
        use = min(busy[i] / at_work, 1.0) if at_work > 0.0 else 0.0
        able = 1.0 + ability * (skill[i, adaptability] - 0.5)
        shut = able * (1.0 - gating * (1.0 - skill[i, literacy]))
        hours = (programme[i] + public[i]) / WEEKS_PER_YEAR
        best = 0.0
        worth = 0.0
        gap = 0.0
        if hours > 0.0:
            for k in range(K):
                if need[g, k] > 0.0:
                    best = max(best, skill[i, k])
            for k in range(K):
                if need[g, k] > 0.0:
                    worth += need[g, k] * (1.0 - skill[i, k])
                    gap += best - skill[i, k]
        helped = False
        for f in range(F):
            if practice[i, f] != 1.0:
                helped = True
        total = 0.0
        changed = 0.0
        for k in range(K):
            s = skill[i, k]
            used = usual[k]
            if helped:
                used = 0.0
                for f in range(F):
                    used += use_of_function[f, k] * practice[i, f]
            gain = learning[i, k] * use * used
            if hours > 0.0 and need[g, k] > 0.0:
                share = 0.0
                if gap > 0.0:
                    share = cross * (best - s) / gap
                if worth > 0.0:
                    share += (1.0 - cross) * need[g, k] * (1.0 - s) / worth
                gain += teaching * hours * share
            if due[i]:
                gain += peer_share * max(peers[cell[i], k] - (s - normal[i, k]), 0.0)
            change = (1.0 - s) * min((able if not_gated[k] > 0.0 else shut) * gain, 1.0) - forgetting[g, k] * s
            changed += change
            s = min(max(s + change, 0.0), 1.0)
            skill[i, k] = s
            total += need[g, k] * (s - normal[i, k])
        growth[i] = staff[i] * changed
        value[i] = elasticity * total
