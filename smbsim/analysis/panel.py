"""A panel of firms: yearly snapshots of every SMB, weekly series of the economy, and the events between them, of one run.

Snapshots are taken at the end of burn-in (year 0) and after every 52 weeks; what happened to a firm between two of them is known by its
exit week and cause. A firm that enters and closes between two snapshots is in no snapshot, as in the yearly statistics it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from .. import simulate
from ..economy import Economy
from ..mechanisms.automation import MATURE
from ..mechanisms.base import Step
from ..metrics import METRICS
from ..metrics.adoption import AI
from ..metrics.network import by_tier, tiers
from ..occupations import SPARE
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR
from ..state import SMB, State

WEEKLY = {  # name → unit
    "gdp": "base currency/wk", "output": "base currency/wk", "employment": "heads", "unemployment": "1", "vacancy_rate": "1",
    "mean_wage": "currency/wk", "price_level": "1", "hires": "heads/wk", "staff": "heads",
    "applications": "1/wk", "approvals": "1/wk", "exits": "1/wk", "entries": "1/wk",
}  # fmt: skip
AI_USE = {"ai_use": "1"}  # the same where firms adopt tools
OF_TOOLS, OF_SKILLS = ("ai", "more_tools", "mature_tools", "per_head"), ("trains", "level", "per_head", "pay")  # yearly, where they are on
IN_FULL = 0.99  # share of the loan asked for from which it counts as granted in full; surveys round
SNAPSHOT = ("employment", "cash", "outflow", "output", "sales", "alive", "applied")
DIMS = {  # field → dimensions on disk
    **dict.fromkeys(("uid", "sector", "region", "born", "exit_week", "exit_cause"), ("firm",)),
    **dict.fromkeys(SNAPSHOT, ("snapshot", "firm")),
    **dict.fromkeys(("tier_orders", "tier_demand"), ("week", "tier")),
    **dict.fromkeys(("loss_firm", "loss_week"), ("loss",)),
    **dict.fromkeys(("loan_firm", "loan_week", "loan_refused", "loan_in_full", "loan_leverage"), ("loan",)),
}


@dataclass(frozen=True, eq=False)
class Panel:
    """n SMBs that were there at some time, Y + 1 snapshots, T = 52 Y weeks."""

    seed: int
    sectors: tuple[str, ...]
    threshold: float  # employees from which a firm is no longer small or medium
    uid: np.ndarray  # (n,)
    sector: np.ndarray  # (n,) row in sectors
    region: np.ndarray  # (n,)
    born: np.ndarray  # (n,) week
    exit_week: np.ndarray  # (n,) far beyond T for those that live
    exit_cause: np.ndarray  # (n,) row in state.CAUSES
    employment: np.ndarray  # (Y+1, n) heads at the snapshot; NaN before entry
    cash: np.ndarray  # (Y+1, n) currency
    outflow: np.ndarray  # (Y+1, n) currency/wk, smoothed
    output: np.ndarray  # (Y+1, n) base currency/wk, mean of the year before the snapshot; NaN in the first
    sales: np.ndarray  # (Y+1, n) currency/wk, the same
    alive: np.ndarray  # (Y+1, n) bool
    applied: np.ndarray  # (Y+1, n) bool: for a loan, within the year before
    weekly: dict[str, np.ndarray]  # name in WEEKLY → (T,)
    tier_orders: np.ndarray  # (T, 4)
    tier_demand: np.ndarray  # (T, 4)
    loss_firm: np.ndarray  # (k,) row of a firm that lost trade credit
    loss_week: np.ndarray  # (k,)
    loan_firm: np.ndarray  # (l,) row of a firm that applied for a loan
    loan_week: np.ndarray  # (l,)
    loan_refused: np.ndarray  # (l,) bool
    loan_in_full: np.ndarray  # (l,) bool: got all it asked for
    loan_leverage: np.ndarray  # (l,) debt / net worth, at most the largest that counts
    people: dict[str, np.ndarray] = field(default_factory=dict)  # name in OF_TOOLS or OF_SKILLS → (Y+1, n), see `people_of`

    @property
    def weeks(self) -> int:
        """Weeks recorded."""
        return len(self.tier_orders)

    @cached_property
    def age(self) -> np.ndarray:
        """(Y+1, n) whole years since entry at each snapshot, 0 before it."""
        snapshots = WEEKS_PER_YEAR * np.arange(len(self.alive))[:, None] - 1
        return np.maximum(snapshots - self.born, 0) // WEEKS_PER_YEAR

    @cached_property
    def heads(self) -> np.ndarray:
        """(Y+1, n) employment of firms that are alive, else 0."""
        return np.where(self.alive, self.employment, 0.0).astype(float)

    def save(self, path: Path) -> None:
        """Write to netCDF: to a temporary name first, the same bytes for the same numbers."""
        import xarray as xr

        variables = {name: (dims, getattr(self, name)) for name, dims in DIMS.items()}
        units = WEEKLY | AI_USE
        variables |= {f"weekly_{name}": ("week", v, {"units": units[name]}) for name, v in self.weekly.items()}
        variables |= {f"people_{name}": (("snapshot", "firm"), v) for name, v in self.people.items()}
        data = xr.Dataset(variables, {"sector_code": list(self.sectors)}, {"seed": self.seed, "threshold": self.threshold})
        temporary = path.with_suffix(".part")
        data.to_netcdf(temporary, engine="h5netcdf", encoding={name: {"zlib": True, "complevel": 1} for name in variables})
        temporary.rename(path)


def load(path: Path) -> Panel:
    """Read what `Panel.save` wrote."""
    import xarray as xr

    with xr.open_dataset(path, engine="h5netcdf") as data:
        data.load()
    arrays = {name: data[name].values for name in DIMS}
    weekly, people = (
        {str(name).removeprefix(start): data[name].values for name in data.data_vars if str(name).startswith(start)}
        for start in ("weekly_", "people_")
    )
    sectors = tuple(str(code) for code in data["sector_code"].values)
    return Panel(seed=int(data.attrs["seed"]), sectors=sectors, threshold=float(data.attrs["threshold"]), weekly=weekly, people=people,
                 **arrays)  # fmt: skip


def simulate_panel(
    scenario: Scenario, seed: int, years: int, economy: Economy, progress: simulate.Progress = simulate.ignore, threads: int = 1
) -> Panel:
    """Burn in, then watch `years` years of a scenario without interventions."""
    state, plan, draws = simulate.prepare(scenario, seed, economy, threads)
    simulate.burn_in(state, plan, draws, scenario.horizon.burn_in, progress=progress)
    seen = (OF_TOOLS if scenario.automation.enabled else ()) + (OF_SKILLS if scenario.skills.enabled else ())
    watch = Watch(state, years, tiers(state), tuple(dict.fromkeys(seen)))
    for t in range(WEEKS_PER_YEAR * years):
        simulate.advance(state, plan, Step(t, draws))
        watch.look(state, t)
        progress(1)
    return watch.panel(state, seed, economy.smb_threshold)


class Watch:
    """Collects a panel week by week; firms may enter meanwhile. people: what is seen of staff and tools besides, see `people_of`."""

    def __init__(self, state: State, years: int, tier: np.ndarray, people: tuple[str, ...] = ()):
        self.tier, self.people, weeks = tier, people, WEEKS_PER_YEAR * years
        self.weekly = {name: np.full(weeks, np.nan) for name in (*WEEKLY, *(AI_USE if "ai" in people else ()))}
        self.tier_orders, self.tier_demand = np.zeros((weeks, 4)), np.zeros((weeks, 4))
        self.losses: list[np.ndarray] = []
        self.loans: list[np.ndarray] = []
        self.snapshots: list[dict[str, np.ndarray]] = []
        self.output, self.sales = np.full(state.firms.n, np.nan), np.full(state.firms.n, np.nan)
        self._snap(state, -1)

    def look(self, state: State, t: int) -> None:
        """After week t."""
        firms = state.firms
        self.output = _grown(self.output, firms.n) + firms.output
        self.sales = _grown(self.sales, firms.n) + firms.price * (firms.sold_to_firms + firms.final_sales)
        for name, value in economy_of(state, t).items():
            self.weekly[name][t] = value
        for name in AI_USE:
            if name in self.weekly:
                self.weekly[name][t] = METRICS[name](state)
        self.tier_orders[t] = by_tier(state.sum_slots(state.slots.order + state.slots.import_order), self.tier)
        self.tier_demand[t] = by_tier(firms.demand, self.tier)
        lost = np.flatnonzero(firms.credit_losses > 0)
        self.losses.append(np.stack([lost, np.full(len(lost), t)]))
        self.loans.append(loans_of(state, t))
        if (t + 1) % WEEKS_PER_YEAR == 0:
            self._snap(state, t)

    def _snap(self, state: State, t: int) -> None:
        firms = state.firms
        self.snapshots.append({
            "employment": firms.employment.astype("f4"), "cash": firms.cash.astype("f4"), "outflow": firms.mean_outflow.astype("f4"),
            "output": (self.output / WEEKS_PER_YEAR).astype("f4"), "sales": (self.sales / WEEKS_PER_YEAR).astype("f4"),
            "alive": firms.alive.copy(), "applied": firms.applied > t - WEEKS_PER_YEAR,
            **{name: value for name, value in people_of(state).items() if name in self.people},
        })  # fmt: skip
        self.output, self.sales = np.zeros(firms.n), np.zeros(firms.n)

    def panel(self, state: State, seed: int, threshold: float) -> Panel:
        """What was seen, of SMBs only, those left out that had closed before the first snapshot."""
        firms = state.firms
        keep = np.flatnonzero((firms.kind == SMB) & _grown(self.snapshots[0]["alive"], firms.n, True))
        row = np.full(firms.n, -1)
        row[keep] = np.arange(len(keep))
        yearly = {
            name: np.stack([_grown(s[name], firms.n, False if s[name].dtype == bool else np.nan)[keep] for s in self.snapshots])
            for name in (*SNAPSHOT, *self.people)
        }
        people = {name: yearly.pop(name) for name in self.people}
        losses, loans = np.concatenate(self.losses, axis=1), np.concatenate(self.loans, axis=1)
        losses[0], loans[0] = row[losses[0]], row[loans[0].astype(int)]
        losses, loans = losses[:, losses[0] >= 0], loans[:, loans[0] >= 0]
        static = {name: getattr(firms, name)[keep] for name in ("uid", "sector", "region", "born", "exit_week", "exit_cause")}
        return Panel(
            seed=seed, sectors=state.sector_codes, threshold=float(threshold), **static, **yearly, weekly=self.weekly,
            tier_orders=self.tier_orders, tier_demand=self.tier_demand, loss_firm=losses[0], loss_week=losses[1],
            loan_firm=loans[0].astype(np.int64), loan_week=loans[1].astype(np.int64), loan_refused=loans[2] > 0,
            loan_in_full=loans[3] > 0, loan_leverage=loans[4], people=people,
        )  # fmt: skip


def people_of(state: State) -> dict[str, np.ndarray]:
    """(n,) each: ai, more_tools (than at the start), mature_tools (some of those in full use), trains: bool; per_head output relative to
    rest, level of the staff's skills, pay of a head in currency/wk."""
    firms = state.firms
    more = firms.depth > firms.starting_depth
    needed = np.where(firms.labour_intensity > 0.0, firms.labour_intensity, 1.0)
    return {
        "ai": (firms.tier == AI).any(axis=1), "more_tools": more.any(axis=1),
        "mature_tools": (more & (firms.tool_stage == MATURE)).any(axis=1), "trains": firms.training_hours > 0.0,
        "per_head": (firms.productivity * firms.efficiency / needed).astype("f4"),
        "level": firms.skill[:, :SPARE].mean(axis=1).astype("f4"), "pay": firms.wage.astype("f4"),
    }  # fmt: skip


def economy_of(state: State, t: int) -> dict[str, float]:
    """The economy in week t: name in WEEKLY → value."""
    firms = state.firms
    employed, vacancies, small = firms.employment.sum(), firms.vacancies.sum(), firms.kind == SMB
    asked = small & firms.alive & (firms.applied == t)
    return {
        **{name: METRICS[name](state) for name in ("gdp", "output", "employment", "unemployment", "mean_wage", "price_level")},
        "vacancy_rate": vacancies / (vacancies + employed) if vacancies + employed > 0 else float("nan"),
        "hires": firms.hires[small].sum(), "staff": firms.employment[small].sum(),
        "applications": asked.sum(), "approvals": (asked & ~firms.refused).sum(),
        "exits": (small & (firms.exit_week == t)).sum(), "entries": (small & (firms.born == t)).sum(),
    }  # fmt: skip


def loans_of(state: State, t: int) -> np.ndarray:
    """(5, k) applications of week t: row, week, refused, got all it asked for, leverage when it asked."""
    firms = state.firms
    rows = np.flatnonzero((firms.applied == t) & (firms.kind == SMB))
    full = firms.new_loans[rows] >= IN_FULL * firms.requested[rows]
    return np.stack(
        [rows.astype(float), np.full(len(rows), float(t)), firms.refused[rows], full & ~firms.refused[rows], firms.leverage[rows]]
    )


def _grown(values: np.ndarray, n: int, fill: float = 0.0) -> np.ndarray:
    """The same with rows for firms that have entered since."""
    return values if len(values) == n else np.concatenate([values, np.full(n - len(values), fill, dtype=values.dtype)])
