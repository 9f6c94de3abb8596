r"""Labour (M7): firms hire and fire towards the staff they need, people quit, pools of the unemployed fill vacancies, wages are reviewed.

    L*_i      = λ_i ι_i min(planned_i, capacity_i) / (a_i h_i)                  staff wanted; a productivity, h skills, ι tools
    cut_i     = γ_F (1 - s_i) (1 - ρ_i) [L_i + B_i - L*_i]⁺                     s share of idle staff's pay that the state bears
    quits_i   = q z_i L_i ŵ_i^(-ε_q) , layoffs_i = [cut_i - quits_i]⁺              who quits need not be laid off
    N_i       = γ_H [L*_i - L_i - B_i]⁺ + [quits_i - cut_i]⁺                     hires wanted: growth, and quits replaced
    V_i       = N_i / f̂_r ,   f̂_r ← f̂_r + (f_r - f̂_r) / τ_f                     vacancies; f̂ the expected share of vacancies filled
    M_r       = min( A_r U_r^η V_r^(1-η) , U_r , V_r ) ,   f_r = M_r / V_r        matches of the week, from the pool at its start
    hires_i   = V_i min(1, ŵ_i^ε_w M_r / Σ_j V_j ŵ_j^ε_w)                        better pay draws more
    limit_i   = labour_factor_i · m (L_i + B_i) a_i h_i / (λ_i ι_i)             longer hours carry a firm up to m
    wages_i   = w_i max(L_i, λ_i ι_i x_i / (a_i h_i) - B_i)                     idle staff is paid; longer hours are paid
    w_i       ← max( w_i (1 + clip(ξ unfilled_i + ψ (u₀ - u_r), ±c)), w_min w⁰_i )  every 13 weeks, each firm in its own
    ln a_i    ← ρ ln a_i + (1-ρ) σ²/2 + noise                                   SMBs; σ² the variance in the long run, so that E[1/a] = 1

ŵ is the wage relative to the firm's own at rest, over the mean of that in the region; unfilled is a mean of 1 - hires/N. A_r is such that
at rest, with U = u₀ of the labour force, quits are just replaced at f̂ = f. z is the sector's turnover relative to the mean of all staff;
where a pool could not replace the quits of a week, z is lower for all. Firms that are everywhere offer vacancies by population and lay
off where their staff lives. B is staff at work here that other firms employ and pay, less own staff at work there; ρ is the share of idle
staff that is found other work in the firm.

Separations are told apart by what caused them: quits, layoffs (demand), releases (the firm closed).

Off, the limit γ_H, γ_F → ∞ with unlimited pools: staff is what the output of the week needs, L_i = λ_i ι_i x_i / (a_i h_i), and without
a shock labour limits nothing. A labour shock m < 1 keeps a share of the normal staff away: labour_limit = m · output at rest.

symbol  column                    unit
L       employment                heads
λ       labour_coefficient        heads per base currency/wk
a       productivity              1
h       efficiency                1
ι       labour_intensity          1
B       borrowed                  heads
ρ       redeployed                1
z       turnover                  1
w       wage                      currency per head and week
U       unemployed (region)       heads
f̂       expected_fill (region)    1/wk
u₀      normal_unemployment       1

Sources: Pissarides (2000) for matching and Petrongolo and Pissarides (2001) for η; Pichler et al. (2022) for asymmetric adjustment;
Delli Gatti et al. (2011), ch. 3, for wages posted by firms; Foster, Haltiwanger and Syverson (2008) for productivity. Wages per head at
rest are the table's compensation by employment.
"""

from __future__ import annotations

import numpy as np

from .. import heads
from ..accounts import afford, transfer
from ..kernel import kernel
from ..rest import GOVERNMENT
from ..schema import WEEKS_PER_YEAR, Column, param
from ..state import EVERYWHERE, SMB, UNLIMITED
from .base import Mechanism, whose_turn

LEAST_FILL = 0.1  # 1/wk, of the expected fill rate: no firm offers more than ten jobs for each hire it wants. Assumption
NOBODY = 1e-9  # of staff: fewer hires wanted than that are rounding, and their lack no reason to raise pay


class Labour(Mechanism):
    name = "labour"
    columns = (
        Column("employment", "heads", 0.0, "Staff; in the limit labour used, in full-time equivalents", low=0),
        Column("normal_output", "base currency/wk", 0.0, "Output that the normal staff makes", low=0, entrant="scaled"),
        Column("labour_coefficient", "heads per base currency/wk", 0.0, "Labour per unit of weekly output", low=0, entrant="copied"),
        Column("wage", "currency/wk", 0.0, "Pay of one head", low=0, entrant="copied"),
        Column("resting_wage", "currency/wk", 0.0, "Pay of one head at rest", low=0, entrant="copied"),
        Column("wage_factor", "1", 1.0, "Factor of shocks on pay", low=0),
        Column("wage_bill", "currency/wk", 0.0, "Wages of the week", low=0),
        Column("wage_arrears", "currency", 0.0, "Wages due and not paid", low=0),
        Column("wage_subsidy_share", "1", 0.0, "Share of the pay of idle staff that the state bears", low=0, high=1),
        Column("wage_subsidy", "currency/wk", 0.0, "Received for idle staff this week", low=0),
        Column("labour_factor", "1", 1.0, "Share of the normal staff left by shocks", low=0),
        Column("labour_limit", "base currency/wk", 1e300, "Output that labour allows", low=0),
        Column("productivity", "1", 1.0, "Output per head, relative to rest", low=0),
        Column("efficiency", "1", 1.0, "Output per head due to skills, relative to rest", low=0),
        Column("labour_intensity", "1", 1.0, "Labour per unit of output due to tools, relative to rest", low=0, entrant="copied"),
        Column("redeployed", "1", 0.0, "Share of idle staff that is found other work instead of being laid off", low=0, high=1),
        Column("borrowed", "heads", 0.0, "Staff of other firms at work here, less own staff at work for others"),
        Column("turnover", "1", 1.0, "Quits relative to the mean of all staff", low=0),
        Column("desired_employment", "heads", 0.0, "Staff that planned output needs", low=0),
        Column("vacancies", "heads", 0.0, "Jobs on offer this week", low=0),
        Column("hires", "heads/wk", 0.0, "Hired this week", low=0),
        Column("quits", "heads/wk", 0.0, "Left this week of their own accord", low=0),
        Column("layoffs", "heads/wk", 0.0, "Laid off this week for lack of work", low=0),
        Column("releases", "heads/wk", 0.0, "Let go this week because the firm closed", low=0),
        Column("unfilled", "1", 0.0, "Share of the hires wanted that were not found, mean over the time between two wage reviews", high=1),
        Column("income", "currency/wk", 0.0, "Taxable income of the cell this week", axis="household"),
        Column("labour_force", "heads", 0.0, "Staff of firms and unemployed of the region", axis="region", low=0),
        Column("unemployed", "heads", 0.0, "Looking for work; in the limit below 0 if more work than there are", axis="region"),
        Column("roaming_staff", "heads", 0.0, "Live in the region and work for firms that are everywhere", axis="region", low=0),
        Column("normal_unemployment", "1", 0.0, "Unemployment at rest", axis="region", low=0, high=1),
        Column("matching_efficiency", "1/wk", 0.0, "A: matches of one unemployed and one vacancy", axis="region", low=0),
        Column("expected_fill", "1/wk", 0.0, "Share of vacancies that firms expect to fill in a week", axis="region", low=0, high=1),
    )
    reads = ("output", "planned_output", "capacity", "overtime", "capacity_factor", "alive", "kind", "uid", "region", "population_share",
             "normal_skill", "typical_skill")  # fmt: skip
    writes = (*(c.name for c in columns), "spendable", "cash", "deposits", "balance", "skill", "pool_skill")

    enabled: bool = param(False, unit="switch", doc="Hiring and firing; off: employment follows need", source="limit of M7")
    hiring_speed: float = param(0.2, unit="1/wk", doc="γ_H: share of missing staff sought in a week", low=0, high=1, tier="calibrated",
                                source="assumption; Pichler et al. (2022): 1/30 a day in a pandemic, .21 a week")  # fmt: skip
    firing_speed: float = param(0.2, unit="1/wk", doc="γ_F: share of idle staff cut in a week", low=0, high=1, tier="calibrated",
                                source="assumption; Pichler et al. (2022): 2/30 a day in a pandemic, .38 a week")  # fmt: skip
    quit_share: float = param(0.012, unit="1/wk", doc="q: share of staff that quits in a week", low=0, high=0.2,
                             source="fitted to hires of worker_flows.csv, .205 a quarter; JOLTS quits: 2 % a month")  # fmt: skip
    quit_spread: float = param(1.0, unit="1", doc="Share of the differences between sectors in separations that quits have", low=0, high=1,
                               source="assumption; differences as in worker_flows.csv (QWI 2022-23)")  # fmt: skip
    quit_elasticity: float = param(2.0, unit="1", doc="ε_q: of quits to relative pay", low=0, high=10, source="assumption")
    hire_elasticity: float = param(2.0, unit="1", doc="ε_w: of a vacancy's draw to relative pay", low=0, high=10, source="assumption")
    matching_elasticity: float = param(0.5, unit="1", doc="η: of matches to the unemployed", low=0.1, high=0.9,
                                       source="Petrongolo and Pissarides (2001): .5 to .7")  # fmt: skip
    resting_fill: float = param(0.25, unit="1/wk", doc="f: share of vacancies filled in a week at rest", low=0.02, high=1,
                                source="assumption; with unemployment of 5 % a tenth of the unemployed find work in a week")  # fmt: skip
    fill_weeks: float = param(5.0, unit="wk", doc="τ_f: time in which firms learn how vacancies fill", low=1, high=52, source="assumption")
    hours_max: float = param(1.1, unit="1", doc="m: longest hours relative to normal", low=1, high=2, source="assumption")
    wage_review_weeks: int = param(13, unit="wk", doc="Weeks between wage reviews of a firm", low=1, high=104, source="assumption")
    wage_pressure: float = param(0.05, unit="1", doc="ξ: raise at a review when no wanted hire is found", low=0, high=0.5,
                                 source="Delli Gatti et al. (2011): at most .05 a quarter")  # fmt: skip
    wage_slope: float = param(0.1, unit="1", doc="ψ: raise at a review per unit of unemployment below normal", low=0, high=5,
                              source="assumption; Phillips slopes of .3 to .5 a year are common")  # fmt: skip
    wage_step: float = param(0.05, unit="1", doc="c: largest change at a review", low=0, high=0.5,
                             source="Delli Gatti et al. (2011): .05 a quarter")  # fmt: skip
    wage_floor: float = param(0.5, unit="1", doc="w_min: lowest pay relative to the firm's at rest", low=0, high=1,
                              source="Delli Gatti et al. (2011)")  # fmt: skip
    productivity_noise: float = param(0.05, unit="1", doc="Standard deviation of a year's shocks to the logarithm of productivity", low=0,
                                      high=1, source="assumption: dispersion .08; Foster et al. (2008): .26")  # fmt: skip
    productivity_persistence: float = param(0.8, unit="1", doc="Share of a productivity advantage that is left after a year", low=0,
                                            high=0.999, source="Foster, Haltiwanger and Syverson (2008)")  # fmt: skip

    def settle(self, state, rest):
        firms, regions = state.firms, state.regions
        firms.normal_output[:] = rest.output
        firms.labour_coefficient[:] = np.divide(rest.employment, rest.output, out=np.zeros(firms.n), where=rest.output > 0)
        firms.wage[:] = np.divide(rest.wages, rest.employment, out=np.zeros(firms.n), where=rest.employment > 0)
        firms.resting_wage[:] = firms.wage
        firms.wage_bill[:] = rest.wages
        firms.labour_limit[:] = UNLIMITED
        firms.desired_employment[:] = rest.employment
        state.households.income[:] = rest.taxable_income
        regions.normal_unemployment[:] = rest.unemployment
        regions.labour_force[:] = state.by_region(rest.employment) / (1.0 - rest.unemployment)
        mean = np.average(rest.turnover, weights=rest.employment) if rest.employment.any() else 1.0
        firms.turnover[:] = 1.0 + self.quit_spread * (rest.turnover / mean - 1.0)
        heads.place(state, rest.employment)
        if self.enabled:
            self._settle_flows(state)

    def _settle_flows(self, state) -> None:
        """Quits, vacancies that replace them, and the efficiency of matching at which they do."""
        firms, regions = state.firms, state.regions
        firms.quits[:] = self.quit_share * firms.turnover * firms.employment
        leaving = state.by_region(firms.quits)
        pool = np.maximum(regions.unemployed, 0.0)
        replaced = np.divide(pool, leaving, out=np.ones(regions.n), where=leaving > pool).min()
        firms.turnover[:] *= replaced  # who quits is out of work for a week at least
        firms.quits[:] *= replaced
        firms.hires[:] = firms.quits
        firms.vacancies[:] = firms.quits / self.resting_fill
        regions.expected_fill[:] = self.resting_fill
        posted = state.by_region(firms.vacancies)
        tightness = np.divide(posted, pool, out=np.ones(regions.n), where=(pool > 0) & (posted > 0))
        regions.matching_efficiency[:] = self.resting_fill * tightness**self.matching_elasticity
        firms.labour_limit[:] = self._limit(state)

    def adjust(self, state, step):
        """Quits, layoffs and hires of the week; what the staff can then make."""
        firms = state.firms
        if not self.enabled:
            firms.labour_limit[:] = np.where(firms.labour_factor < 1.0, firms.labour_factor * firms.normal_output, UNLIMITED)
            return
        self._learn(state, step)
        relative = self._relative_pay(state)
        wanted = np.empty(firms.n)
        state.customers.run(
            wish, firms.planned_output, firms.capacity, firms.overtime, firms.capacity_factor, firms.labour_coefficient,
            firms.labour_intensity, firms.productivity, firms.efficiency, firms.employment, firms.borrowed, firms.alive,
            firms.wage_subsidy_share, firms.redeployed, firms.turnover, 1.0 / relative**self.quit_elasticity, self.hiring_speed,
            self.firing_speed, self.quit_share, firms.desired_employment, firms.quits, firms.layoffs, wanted,
        )  # fmt: skip
        roamers = self._match(state, wanted, relative)
        heads.leave(state, firms.quits + firms.layoffs)
        heads.join(state, firms.hires, roamers)
        self._review_wages(state, step, wanted)
        firms.labour_limit[:] = self._limit(state)

    def _limit(self, state) -> np.ndarray:
        """(n,) base currency/wk that the staff can make in the longest hours."""
        firms, limit = state.firms, np.empty(state.firms.n)
        state.customers.run(
            longest, firms.labour_factor, self.hours_max, firms.employment, firms.borrowed, firms.productivity, firms.efficiency,
            firms.labour_coefficient, firms.labour_intensity, limit,
        )  # fmt: skip
        return limit

    def _learn(self, state, step) -> None:
        """Productivity moves on: a mean-reverting walk of its logarithm, for SMBs."""
        if self.productivity_noise == 0.0:
            return
        firms = state.firms
        kept = self.productivity_persistence ** (1.0 / WEEKS_PER_YEAR)
        lasting = self.productivity_noise**2 / (1.0 - self.productivity_persistence**2)  # a year's shocks decay within the year
        shock = step.draws.normal("productivity", step.t, firms.uid)
        moved = np.log(firms.productivity)
        moved *= kept
        moved += (1.0 - kept) * lasting / 2.0
        shock *= np.sqrt((1.0 - kept**2) * lasting)
        moved += shock
        np.copyto(firms.productivity, np.exp(moved, out=moved), where=(firms.kind == SMB) & firms.alive)

    def _relative_pay(self, state) -> np.ndarray:
        """(n,) ŵ: pay relative to that at rest, over the mean of the region (of all, for a firm that is everywhere)."""
        firms, places = state.firms, state.regions.n + 1
        own, staff, paid = np.empty(firms.n), np.zeros(places), np.zeros(places)
        sum_pay(firms.region, firms.wage, firms.resting_wage, firms.employment, own, staff, paid)
        staff[0], paid[0] = staff.sum(), paid.sum()
        mean = np.divide(paid, staff, out=np.ones(places), where=staff > 0)
        return np.divide(own, mean[firms.region - EVERYWHERE], out=own)

    def _match(self, state, wanted, relative) -> np.ndarray:
        """Vacancies meet the unemployed of their region; (R,) those who join firms that are everywhere."""
        firms, regions = state.firms, state.regions
        share, draw = regions.population_share, relative**self.hire_elasticity
        expected = np.append(regions.expected_fill, share @ regions.expected_fill)  # the last for region -1: everywhere
        np.divide(wanted, expected[firms.region], out=firms.vacancies)
        posted, drawing = state.by_region(firms.vacancies), state.by_region(firms.vacancies * draw)
        pool = np.maximum(regions.unemployed, 0.0)
        eta = self.matching_elasticity
        matches = np.minimum(regions.matching_efficiency * pool**eta * posted ** (1.0 - eta), np.minimum(pool, posted))
        rate = np.divide(matches, drawing, out=np.zeros(regions.n), where=drawing > 0)
        state.customers.run(fill, firms.region, firms.vacancies, draw, rate, firms.hires)
        everywhere = np.flatnonzero(firms.region == EVERYWHERE)
        found = firms.vacancies[everywhere, None] * share * np.minimum(draw[everywhere, None] * rate, 1.0)
        firms.hires[everywhere] = found.sum(axis=1)
        filled = np.divide(matches, posted, out=regions.expected_fill.copy(), where=posted > 0)
        regions.expected_fill[:] += (filled - regions.expected_fill) / self.fill_weeks
        np.maximum(regions.expected_fill, LEAST_FILL, out=regions.expected_fill)
        return found.sum(axis=0)

    def _review_wages(self, state, step, wanted) -> None:
        """Firms whose turn it is raise or lower pay, as they found people and as many are out of work."""
        firms, regions = state.firms, state.regions
        force = regions.labour_force
        slack = np.divide(regions.unemployed, force, out=regions.normal_unemployment.copy(), where=force > 0) - regions.normal_unemployment
        slack = np.append(slack, np.average(slack, weights=force) if force.any() else 0.0)  # the last for region -1: everywhere
        due = whose_turn(firms.uid, step.t, self.wage_review_weeks) & firms.alive
        state.customers.run(
            review_pay, firms.region, slack, due, firms.hires, wanted, firms.employment, firms.resting_wage, float(self.wage_review_weeks),
            self.wage_pressure, self.wage_slope, self.wage_step, self.wage_floor, firms.unfilled, firms.wage,
        )  # fmt: skip

    def release(self, state, step):
        """The staff of firms that closed this week becomes unemployed."""
        firms = state.firms
        closed = np.flatnonzero(~firms.alive & (firms.employment > 0.0))
        firms.releases[:] = 0.0
        firms.releases[closed] = firms.employment[closed]
        if len(closed):
            heads.leave(state, firms.releases[closed], closed)

    def pay(self, state, step):
        """Wages, from firms to the worker cells of their region; before them the state's share in the pay of idle staff."""
        firms, households = state.firms, state.households
        if self.enabled:
            used = heads.needed(state, firms.output)
            firms.wage_bill[:] = firms.wage_factor * firms.wage * np.maximum(firms.employment, used - firms.borrowed)
            self._subsidise(state, used)
        else:
            heads.place(state, heads.needed(state, firms.output))
            firms.wage_bill[:] = firms.wage_factor * firms.wage * firms.employment
        due = firms.wage_bill + firms.wage_arrears
        paid = afford(state, due)
        firms.wage_arrears[:] = due - paid
        households.income[:] = 0.0
        households.income[0::2] = state.by_region(paid)
        transfer(state, "firm", "household", paid, "wages", households.income)

    def _subsidise(self, state, used) -> None:
        """The state's share in the pay of idle staff. used (n,) heads with work."""
        firms = state.firms
        firms.wage_subsidy[:] = 0.0
        if not firms.wage_subsidy_share.any():
            return
        idle = np.maximum(firms.employment + firms.borrowed - used, 0.0)
        firms.wage_subsidy[:] = firms.wage_subsidy_share * firms.wage_factor * firms.wage * idle
        if firms.wage_subsidy.any():
            transfer(state, GOVERNMENT, "firm", firms.wage_subsidy, "wage subsidy")
            firms.spendable[:] += firms.wage_subsidy


@kernel
def sum_pay(region, wage, resting_wage, employment, own, staff, paid):
    """own_i = w_i / w⁰_i; staff and Σ own · staff by place: 0 everywhere, then the regions.

    region, wage, resting_wage, employment (n,); writes own (n,); adds to staff, paid (1 + R,)
    """
    last = EVERYWHERE
    s, p = staff[0], paid[0]  # of the place that stands in a run of rows
    for i in range(region.size):
        if region[i] != last:
            staff[last - EVERYWHERE], paid[last - EVERYWHERE] = s, p
            last = region[i]
            s, p = staff[last - EVERYWHERE], paid[last - EVERYWHERE]
        own[i] = wage[i] / resting_wage[i] if resting_wage[i] > 0.0 else 1.0
        s += employment[i]
        p += own[i] * employment[i]
    staff[last - EVERYWHERE], paid[last - EVERYWHERE] = s, p


@kernel
def wish(
    start, stop, planned, capacity, overtime, capacity_factor, coefficient, intensity, productivity, efficiency, employment, borrowed,
    alive, subsidy, redeployed, turnover, leaving, hiring, firing, quitting, desired, quits, layoffs, wanted,
):  # fmt: skip
    """L* , who quits, who is laid off, and the hires wanted, as in the docstring of the module.

    planned, capacity base currency/wk; leaving ŵ^(-ε_q); hiring γ_H, firing γ_F, quitting q 1/wk; writes desired, quits, layoffs, wanted
    heads; all (n,) but the rates
    """
    for i in range(start, stop):
        output = min(planned[i], capacity[i] * overtime[i] * capacity_factor[i])
        need = coefficient[i] * intensity[i] * output / (productivity[i] * efficiency[i])
        gap = need - (employment[i] + borrowed[i])
        cut = firing * (1.0 - subsidy[i]) * (1.0 - redeployed[i]) * max(-gap, 0.0)
        quit_ = min(quitting * turnover[i] * employment[i] * leaving[i], employment[i])
        desired[i] = need
        quits[i] = quit_
        layoffs[i] = min(max(cut - quit_, 0.0), employment[i] - quit_)  # borrowed staff just goes home
        wanted[i] = hiring * max(gap, 0.0) + max(quit_ - cut, 0.0) if alive[i] else 0.0


@kernel
def fill(start, stop, region, vacancies, draw, rate, hires):
    """hires_i = V_i min(1, ŵ_i^ε_w M_r / Σ_j V_j ŵ_j^ε_w), of firms with a region. draw ŵ^ε_w (n,); rate (R,); writes hires (n,)."""
    for i in range(start, stop):
        hires[i] = vacancies[i] * min(draw[i] * rate[region[i]], 1.0)


@kernel
def review_pay(
    start, stop, region, slack, due, hires, wanted, employment, resting_wage, weeks, pressure, slope, most, floor, unfilled, wage
):  # fmt: skip
    """The share of wanted hires not found goes into its mean; firms whose turn it is change pay.

    region, due, hires, wanted, employment, resting_wage (n,); slack u_r - u₀ (R + 1,), the last everywhere; writes unfilled, wage (n,)
    """
    for i in range(start, stop):
        missed = 1.0 - (hires[i] / wanted[i] if wanted[i] > NOBODY * employment[i] else 1.0)
        unfilled[i] += (missed - unfilled[i]) / weeks
        if due[i]:
            change = min(max(pressure * unfilled[i] - slope * slack[region[i]], -most), most)
            wage[i] = max(wage[i] * (1.0 + change), floor * resting_wage[i])


@kernel
def longest(start, stop, factor, hours, employment, borrowed, productivity, efficiency, coefficient, intensity, limit):
    """limit_i = labour_factor_i m (L_i + B_i) a_i h_i / (λ_i ι_i), unlimited where output needs nobody. hours m; writes limit (n,)."""
    for i in range(start, stop):
        per_unit = coefficient[i] * intensity[i]
        made = factor[i] * hours * max(employment[i] + borrowed[i], 0.0) * (productivity[i] * efficiency[i])
        limit[i] = made / per_unit if per_unit > 0.0 else UNLIMITED
