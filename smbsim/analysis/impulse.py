r"""What a unit of demand brings: an impulse of public orders beside a paired baseline, and what it comes to in the long run.

The state buys d_i more of the target firms in each of D weeks and pays for what it gets:

    μ(h) = Σ_{t<=h} ΔVA_t / Σ_{t<=h} Δdemand_t

While capacity and stocks suffice the model is linear, every stock returns to rest, and the long run follows from sums over all weeks. With
Δ the sum over all weeks: orders ΔX = A ΔX + ΔF; a firm pays out what it does not spend or save, ΔD = (1 - τ_Π) Δprofit; a household cell
ends with the wealth it began with, so ΔC = ΔY whatever c_y is; accounts spend all they earn. Hence, per unit of demand at firm i,

    p_i = v_i + Σ_j A_ji p_j + Σ_a α_ia z_a + [ (1 - τ_y - b) ω_i + (1 - τ_y)(1 - τ_Π) π_i ] y_{r(i)}
    y_r = Σ_i B_ir θ_{s(i)} p_i + Σ_a θ_a z_a            a unit of disposable income in region r
    z_a = spending of account a per unit of its revenue: inputs, other accounts, wages (1 - τ_y - b) y, surplus (1 - τ_y) y

with ω wages, π = 1 - inputs - ω - product taxes, α inputs from accounts, b benefits saved per unit of wages, all per unit of output.
    open loop (households at rest, y = 0), no imports, no accounts:   p = v'(I - A)⁻¹ = 1 exactly: every unit ends as somebody's value added
    closed loop, one sector, no imports, τ_Π = b = 0:                 p = 1 / (1 - (1 - τ_y) λ) , λ = ω + π     (R19 with c = 1)
R19 has c < 1 because it has no wealth: here what is not consumed at once is wealth, and is consumed later. c_y takes the place of c only
before wealth is spent (n_V → ∞ at a given horizon).

Source: MODEL.md 5.2 and R19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..accounts import transfer
from ..draws import Draws
from ..economy import Economy
from ..mechanisms.base import Step
from ..network import FirmNetwork
from ..rest import ACCOUNTS, GOVERNMENT, USES
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR, InputError, nearest
from ..simulate import Plan, burn_in, plan, prepare
from ..state import EVERYWHERE, OWNER, WORKER, State
from ..systemic.multipliers import link_coefficient, series, value_added_coefficient
from .paired import check_lengths, label_of, uids_of, watch, without_variants


@dataclass(frozen=True)
class Impulse:
    """Of an impulse in R replicates, (R, T) sums up to each week: demand asked, value_added, base currency; jobs heads·yr.

    open_loop, long_run : multipliers of value added expected without and with all later rounds of spending by households, if the impulse
                          is small against spare capacity and stocks; equal where consumption stays at rest
    """

    label: str
    size: float
    weeks: int
    demand: np.ndarray
    value_added: np.ndarray
    jobs: np.ndarray
    open_loop: float
    long_run: float

    @property
    def path(self) -> np.ndarray:
        """(R, T) μ(h), value added up to week h per unit of demand up to week h."""
        return self.value_added / self.demand

    @property
    def multiplier(self) -> np.ndarray:
        """(R,) μ at the horizon."""
        return self.path[:, -1]

    @property
    def job_multiplier(self) -> np.ndarray:
        """(R,) job-years per base currency of demand, at the horizon."""
        return self.jobs[:, -1] / self.demand[:, -1]

    def summary(self) -> str:
        """Two sentences."""
        weeks, mu = self.path.shape[1], self.multiplier
        band = f" ({mu.min():.2f} to {mu.max():.2f})" if len(mu) > 1 else ""
        return (
            f"{self.label}: {self.size:+.2%} of its output for {self.weeks} weeks; after {weeks} weeks a unit of demand is "
            f"{mu.mean():.2f}{band} of value added, and a million {1e6 * self.job_multiplier.mean():.1f} job-years\n"
            f"expected: {self.open_loop:.2f} without household spending, {self.long_run:.2f} when all of it has gone round"
        )


def impulse_multiplier(
    scenario: Scenario,
    sector: str | None = None,
    firms: Sequence[int | str] | None = None,
    size: float = 1e-4,
    horizon: int = 104,
    weeks: int = 4,
    replicates: int = 1,
    *,
    seed: int | None = None,
    economy: Economy | None = None,
    network: FirmNetwork | None = None,
) -> Impulse:
    """Let the state buy `size` of their normal output more from firms for `weeks` weeks, beside a paired baseline.

    sector, firms : the target, one of them or neither (all firms)
    size          : share of the weekly output of the target at rest, which may be negative. It is marginal while it is small against spare
                    capacity and input cover: finance in the US table holds .003 weeks of inputs, and .001 for 4 weeks uses them up

    Raises InputError for unknown sectors and firms, a size of 0, an impulse longer than the horizon.
    """
    check_lengths(weeks, horizon, replicates)
    if sector is not None and firms is not None:
        raise InputError("sector and firms: give one of the two")
    if size == 0.0 or not size > -1.0:
        raise InputError(f"size = {size:g}: a share of output above -1, not 0")
    alone = without_variants(scenario, horizon)
    first = alone.runs.seed if seed is None else seed
    state, quiet, _ = prepare(alone.without_interventions(), first, economy, network=network)
    target = _target(state, sector, firms)
    bought = np.where(target, size * state.firms.normal_output, 0.0)
    sums = []
    for r in range(replicates):
        draws, begun = Draws(first + r), state.copy()
        burn_in(begun, quiet, draws, alone.horizon.burn_in)
        usual = plan(alone, begun, draws)
        runs = [watch(begun.copy(), phases, draws, horizon, 0, len(bought)) for phases in (usual, _with_orders(usual, bought, weeks))]
        sums.append([np.cumsum(getattr(runs[1], name) - getattr(runs[0], name)) for name in ("value_added", "heads")])
    added, heads = np.moveaxis(np.array(sums), 1, 0)
    asked = np.cumsum(np.where(np.arange(horizon) < weeks, bought.sum(), 0.0))
    long_run, open_loop = (bought @ long_run_multipliers(state, alone, closed) / bought.sum() for closed in (None, False))
    label = "all firms" if target.all() else f"sector {sector}" if sector is not None else label_of(state, tuple(np.flatnonzero(target)))
    return Impulse(
        label, size, weeks, np.tile(asked, (replicates, 1)), added, heads / WEEKS_PER_YEAR, float(open_loop), float(long_run)
    )  # fmt: skip


def _target(state: State, sector: str | None, firms: Sequence[int | str] | None) -> np.ndarray:
    if firms is not None:
        return np.isin(np.arange(state.firms.n), uids_of(state, [tuple(firms)])[0])
    if sector is None:
        return np.ones(state.firms.n, dtype=bool)
    if sector not in state.sector_codes:
        raise InputError(f"unknown sector '{sector}'.{nearest(sector, state.sector_codes)}")
    target = state.firms.sector == state.sector_codes.index(sector)
    if not target.any():
        raise InputError(f"sector '{sector}' has no firm here")
    return target


def _with_orders(phases: Plan, bought: np.ndarray, weeks: int) -> Plan:
    """The phases with more public purchases, (n,) base currency/wk: asked for with final demand, paid for when delivered."""

    def ask(state: State, step: Step) -> None:
        if step.t < weeks:
            state.firms.final_demand[: len(bought)] = np.maximum(state.firms.final_demand[: len(bought)] + bought, 0.0)

    def pay(state: State, step: Step) -> None:
        if step.t < weeks:
            firms = state.firms
            asked = np.zeros(firms.n)
            asked[: len(bought)] = bought
            transfer(state, GOVERNMENT, "firm", firms.price * firms.final_fill_rate * asked, "government purchases")

    after = {"final demand: market.share": ("final demand: impulse", ask), "payment: market.sell": ("payment: impulse", pay)}
    longer = []
    for name, phase in phases:
        longer.append((name, phase))
        if name in after:
            longer.append(after.pop(name))
    assert not after, f"the schedule has no {', '.join(after)}"
    return tuple(longer)


def long_run_multipliers(state: State, scenario: Scenario, closed: bool | None = None, per_unit: np.ndarray | None = None) -> np.ndarray:
    """(n,) p of the module: value added per unit of final demand at each firm when all rounds of spending have ended.

    state    : at rest, as built from the scenario
    closed   : households spend what they earn; None: as in the scenario
    per_unit : (n,) anything else made or used per unit of output, instead of value added

    Raises ValueError where the rounds do not die out.
    """
    firms, sectors, accounts, links, cells = state.firms, state.sectors, state.accounts, state.links, state.households
    closed = scenario.households.enabled if closed is None else closed
    n, regions, first = firms.n, len(state.region_names), len(ACCOUNTS)
    own_use = value_added_coefficient(state) if per_unit is None else np.asarray(per_unit, dtype=float)
    a, products = link_coefficient(state), sectors.account_coefficient[firms.sector]
    taxed = float(accounts.tax_rate[state.account(GOVERNMENT)])
    kept = np.array([1.0 - taxed - scenario.government.benefit_share, 1.0 - taxed])  # of a unit earned by workers, by owners
    wages = firms.labour_coefficient * firms.wage
    profit = value_added_coefficient(state) - wages - firms.product_tax_coefficient
    paid_out = profit * (1.0 - scenario.government.profit_tax * (firms.profit > 0))
    earned = (kept[WORKER] * wages + kept[OWNER] * paid_out) * closed  # disposable income per unit of output
    budget = np.divide(1.0, accounts.resting_budget, out=np.zeros(accounts.n), where=accounts.resting_budget > 0)
    passes = (cells.resting_wages.reshape(regions, 2, -1)[:, WORKER] * kept[WORKER]
              + cells.resting_surplus.reshape(regions, 2, -1)[:, OWNER] * kept[OWNER]) * budget * closed  # (R, A)  # fmt: skip
    basket = sectors.sector_basket[firms.sector]
    everywhere = firms.region == EVERYWHERE
    reach = state.regions.large_customers[:, firms.sector] * everywhere  # (R, n)

    def rounds(x: np.ndarray) -> np.ndarray:
        """One round of spending: (n + R + A,) of p, y and z in this order → what it adds to each."""
        p, y, z = x[:n], x[n : n + regions], x[n + regions :]
        pools = state.by_sector(firms.sale_share * p)
        income = np.where(everywhere, state.regions.population_share @ y, y[firms.region])
        new_p = state.sum_by_customer(a * p[links.supplier]) + (sectors.counter_coefficient @ pools)[firms.sector]
        new_p += products @ z + earned * income
        worth = basket * p
        home, other = (np.bincount(firms.region + 1, firms.customer_base[:, k] * worth, regions + 1)[1:] for k in (0, 1))
        new_y = home + other.sum() - other + reach @ (firms.customer_base[:, 0] * worth) + accounts.account_basket @ z
        new_z = np.zeros(accounts.n)
        used = pools @ sectors.resting_spending + z @ accounts.resting_account_spending  # (U,) by use
        new_z[first:] = used[len(USES) :] * budget[first:]
        new_z[first:] += (y @ passes)[first:]
        return np.concatenate([new_p, new_y * closed, new_z])

    return series(np.concatenate([own_use, np.zeros(regions + accounts.n)]), rounds)[:n]
