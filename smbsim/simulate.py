"""The only time loop of the project: `advance` runs the schedule for one week, `run` repeats it and records.

Common random numbers: every variant of a scenario starts from the same firms and meets the same draws, so that a difference between
variants is the effect of what differs between them. Variants that differ only in their interventions share the burn-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .adoption import FUNCTIONS
from .draws import Draws
from .economy import Economy
from .interventions.base import EMPTY, Known, apply, resolve
from .interventions.policies import enact
from .mechanisms.base import Step
from .metrics import METRICS
from .metrics.adoption import AI, QUARTILES, SIZES
from .metrics.base import Metric
from .metrics.displacement import SEPARATIONS
from .metrics.equity import GROUPINGS
from .metrics.identities import Books
from .metrics.network import TIERS, bullwhip, by_tier, tiers
from .metrics.stakeholders import STAKEHOLDERS
from .network import FirmNetwork
from .occupations import DOMAINS
from .outcome import GROUPS, Outcome, firm_panel, panels, policy_names
from .population import build
from .result import BASELINE, Result, Series
from .scenario import Scenario
from .schedule import plan as schedule_plan
from .schema import WEEKS_PER_YEAR, InputError, nearest
from .state import State

SNAPSHOTS = 13  # weeks for which output and tools of every firm are kept, of the first run
LINKS_KEPT = 20_000  # largest links kept for the picture of the network
IDENTITIES = {
    "money_gap": Series(np.empty(0), "1", "Money that appeared or vanished, relative to all deposits"),
    "goods_gap": Series(np.empty(0), "1", "Goods that appeared or vanished, relative to stocks and output"),
    "heads_gap": Series(np.empty(0), "1", "People counted twice or not at all, relative to the labour force"),
}
RECORDED = {  # besides the metrics
    "tier_orders": Series(np.empty(0), "base currency/wk", "Orders placed", "tier"),
    "tier_demand": Series(np.empty(0), "base currency/wk", "Demand received", "tier"),
    **IDENTITIES,
}

Plan = Sequence[tuple[str, Callable[[State, Step], None]]]
Progress = Callable[[int], None]  # called with the number of weeks done since the last call


def ignore(weeks: int) -> None:
    """Progress that nobody looks at."""


def advance(state: State, plan: Plan, step: Step, check: bool = False) -> None:
    """Move the state forward by one week. With `check`, every column is checked after every phase (slow).

    Raises ValueError naming table, column, phase and firms when a column leaves its bounds.
    """
    state.flows.clear()
    for name, phase in plan:
        phase(state, step)
        if check:
            state.check(f"after phase '{name}' at week {step.t}")


def plan(scenario: Scenario, state: State, draws: Draws, known: Known = EMPTY) -> Plan:
    """The phases of a week under this scenario: its shocks first, then the schedule with its policies, whose books are opened.

    known: whom interventions concern that began earlier, as `resolve` found it then

    Raises InputError when the target of an intervention selects nothing.
    """
    shocks = scenario.shocks
    masks = resolve(shocks, state, draws, known)
    programme = enact(scenario.policies, state, draws, known)
    return (("interventions", partial(apply, shocks, masks=masks)), *schedule_plan((*scenario.mechanisms, *programme)))


def prepare(
    scenario: Scenario, seed: int | None = None, economy: Economy | None = None, threads: int = 1, network: FirmNetwork | None = None
) -> tuple[State, Plan, Draws]:
    """The initial state of a scenario, its plan and its draws; burn-in has yet to be run.

    seed: default that of the scenario; network: the firms and links, instead of those the scenario says (see `graph.from_networkx`).
    """
    seed = scenario.runs.seed if seed is None else seed
    draws = Draws(seed)
    state = build(scenario, draws, economy, network)
    state.allow_threads(threads)
    return state, plan(scenario, state, draws), draws


def validate(variants: Mapping[str, Scenario], economy: Economy, network: FirmNetwork | None = None) -> dict[Scenario, State]:
    """The initial state of every variant, built once where only interventions differ, with all targets resolved on it.

    Raises InputError for everything that would stop a run.
    """
    built: dict[Scenario, State] = {}
    for variant in variants.values():
        chosen(variant.output.metrics)
        alone = variant.without_interventions()
        if alone not in built:
            built[alone] = prepare(alone, None, economy, network=network)[0]
        plan(variant, built[alone], Draws(variant.runs.seed))
    return built


def burn_in(state: State, plan: Plan, draws: Draws, weeks: int, check: bool = False, progress: Progress = ignore) -> None:
    """Advance through the weeks -weeks … -1, which are not recorded. plan: one without interventions."""
    for t in range(-weeks, 0):
        advance(state, plan, Step(t, draws), check)
        progress(1)


@dataclass
class Recorder:
    """What is kept of one variant of one run: the weeks first … first + weeks - 1."""

    metrics: Sequence[Metric]
    first: int
    weeks: int
    snapshots: np.ndarray
    resting: np.ndarray  # (n,) output at rest
    tier: np.ndarray  # (n,)
    books: Books
    outcome: Outcome
    still: frozenset[str] = frozenset()  # metrics of mechanisms that are off: looked at once
    values: dict[str, np.ndarray] = field(default_factory=dict)
    flows: dict[tuple[str, str, str], float] = field(default_factory=dict)
    events: tuple[tuple[int, str], ...] = ()  # (week, what happened), none from the burn-in

    def __post_init__(self):
        self.relative = np.ones((len(self.snapshots), len(self.resting)), dtype=np.float32)
        self.ai_functions = np.zeros(self.relative.shape, dtype=np.int8)
        self.moving = [m for m in self.metrics if m.name not in self.still]

    def record(self, state: State, t: int) -> None:
        """Look at the state after week t."""
        orders = state.sum_slots(state.slots.order + state.slots.import_order)
        along = {"tier_orders": by_tier(orders, self.tier), "tier_demand": by_tier(state.firms.demand, self.tier)}
        looked = self.metrics if t == self.first else self.moving
        for name, value in (*((m.name, m(state)) for m in looked), *along.items(), *self.books.gaps(state).items()):
            if name not in self.values:
                self.values[name] = np.empty((self.weeks, *np.shape(value)))
                self.values[name][:] = value  # of all weeks, where it stands still
            self.values[name][t - self.first] = value
        for line, amount in state.flows.items():
            self.flows[line] = self.flows.get(line, 0.0) + amount
        if t in self.snapshots:
            n = len(self.resting)
            ratio = np.divide(state.firms.output[:n], self.resting, out=np.ones(n), where=self.resting > 0)
            row = np.searchsorted(self.snapshots, t)
            self.relative[row] = ratio
            self.ai_functions[row] = np.where(state.firms.alive[:n], (state.firms.tier[:n] == AI).sum(axis=1), -1)
        self.outcome.watch(state)


def run(
    variants: Mapping[str, Scenario],
    seed: int,
    economy: Economy | None = None,
    threads: int = 1,
    check: bool = False,
    progress: Progress = ignore,
    network: FirmNetwork | None = None,
) -> Result:
    """Simulate every variant with one seed: the last one from a start on the start itself, those before it on copies.

    Raises InputError for what the scenario cannot mean, ValueError when an invariant breaks (with `check`).
    """
    started: dict[Scenario, tuple[State, np.ndarray, np.ndarray]] = {}
    last = {scenario.without_interventions(): name for name, scenario in variants.items()}
    recorders: dict[str, Recorder] = {}
    panel: dict[str, np.ndarray] = {}
    for name, scenario in variants.items():
        key = scenario.without_interventions()
        if key not in started:
            started[key] = _start(key, seed, economy, threads, check, progress, network)
        state, resting, tier = started[key]
        panel = panel or _start_panel(state, resting, tier)
        phases = plan(scenario, state, Draws(seed))  # before the copy: what a target looks up is known to the variants after it
        own = started.pop(key)[0] if last[key] == name else state.copy()
        del state
        recorders[name] = _record(scenario, own, phases, resting, tier, Draws(seed), check, progress)
    first = next(iter(variants.values()))
    pairs = {name: _without_policies(name, variants) for name, variant in variants.items() if variant.policies}
    return _result(first, list(variants), pairs, seed, recorders, own, panel, 0)


def futures(
    variants: Mapping[str, Scenario],
    state: State,
    week: int,
    seed: int,
    resting: np.ndarray,
    tier: np.ndarray,
    known: Known = EMPTY,
    target_draws: Draws | None = None,
    check: bool = False,
    progress: Progress = ignore,
) -> Result:
    """Simulate every variant from the same state, which is left as it is: from `week` to the end of the horizon.

    known        : whom interventions concern that began earlier
    target_draws : behind the targets of the others; default those of the seed
    """
    recorders, shared = {}, state.copy()  # which takes the books of policies, and keeps what targets look up
    for name, scenario in variants.items():
        phases = plan(scenario, shared, target_draws or Draws(seed), known)
        recorders[name] = _record(scenario, shared.copy(), phases, resting, tier, Draws(seed), check, progress, week)
    pairs = {name: _without_policies(name, variants) for name, variant in variants.items() if variant.policies}
    first, panel = next(iter(variants.values())), _start_panel(state, resting, tier)
    return _result(first, list(variants), pairs, seed, recorders, state, panel, week)


def _without_policies(name: str, variants: Mapping[str, Scenario]) -> str:
    """The variant that is this one without its policies; "" where it was not run."""
    alone = variants[name].without_policies()
    return next((other for other, scenario in variants.items() if scenario == alone), "")


def _start(scenario, seed, economy, threads, check, progress, network):
    state, quiet, draws = prepare(scenario, seed, economy, threads, network)
    resting, tier = state.firms.output.copy(), tiers(state)
    burn_in(state, quiet, draws, scenario.horizon.burn_in, check, progress)
    return state, resting, tier


def _record(scenario, state, phases, resting, tier, draws, check, progress, first=0) -> Recorder:
    weeks = scenario.horizon.weeks
    snapshots = np.unique(np.linspace(first, weeks - 1, SNAPSHOTS).astype(int))
    metrics = chosen(scenario.output.metrics)
    still = frozenset(m.name for m in metrics if m.mechanism and not getattr(scenario, m.mechanism).enabled)
    recorder = Recorder(metrics, first, weeks - first, snapshots, resting, tier, Books(state), Outcome.begin(state), still)
    for t in range(first, weeks):
        advance(state, phases, Step(t, draws), check)
        recorder.record(state, t)
        progress(1)
    recorder.outcome.close(state, scenario.policies, weeks)
    recorder.events = tuple((week, text) for week, text in state.events if week >= first)
    return recorder


def chosen(names: Sequence[str] | None) -> tuple[Metric, ...]:
    """The metrics by name; all of them for None. Raises InputError naming the nearest."""
    for name in names or ():
        if name not in METRICS:
            raise InputError(f"output.metrics: unknown metric '{name}'.{nearest(name, METRICS)}")
    return tuple(METRICS.values() if names is None else (METRICS[name] for name in names))


def _result(scenario, names, pairs, seed, recorders, state, panel, week) -> Result:
    stack = {name: np.stack([recorders[v].values[name] for v in names])[:, None] for name in recorders[names[0]].values}
    known = {**METRICS, **RECORDED}
    series = {name: Series(v, known[name].unit, known[name].label, known[name].axis) for name, v in stack.items()}
    base = recorders.get(BASELINE)
    whip = np.stack([_bullwhip(recorders[v], base if v != BASELINE else None) for v in names])[:, None]
    years = (scenario.horizon.weeks - week) / WEEKS_PER_YEAR
    flows = {(v, *line): amount / years for v in names for line, amount in recorders[v].flows.items()}
    outcomes = {v: recorders[v].outcome for v in names}
    labels = {
        "sector": state.sector_codes, "region": state.region_names, "tier": TIERS, "function": FUNCTIONS, "size": SIZES,
        "quartile": QUARTILES, "domain": (*DOMAINS, "new"),
        "grouping": GROUPINGS, "stakeholder": STAKEHOLDERS, "separation": SEPARATIONS,
    }  # fmt: skip
    if known_policies := policy_names(tuple(outcomes.values())):
        labels |= {"policy": known_policies, "group": GROUPS, "account": state.account_names}
    return Result(
        scenario.name, tuple(names), (seed,), np.arange(week, scenario.horizon.weeks), series,
        {"bullwhip": Series(whip, "1", "Bullwhip ratio", "tier"), **panels(outcomes, pairs)}, labels,
        {**panel, **_firm_panel([recorders[v] for v in names]), **firm_panel(tuple(outcomes.values()))}, flows,
        events=tuple((v, seed, *event) for v in names for event in recorders[v].events),
    )  # fmt: skip


def _bullwhip(recorder: Recorder, base: Recorder | None) -> np.ndarray:
    along = ("tier_orders", "tier_demand")
    return bullwhip(*(recorder.values[name] for name in along), *(base.values[name] for name in along if base is not None))


def _start_panel(state, resting, tier) -> dict[str, np.ndarray]:
    """The firms of the start and the largest links between them."""
    n, firms, links = len(resting), state.firms, state.links
    flow = state.slots.order[links.slot] * links.weight
    flow[(links.supplier >= n) | (links.buyer >= n)] = 0.0  # of firms that entered during the burn-in
    largest = np.sort(np.argsort(-flow, kind="stable")[: min(LINKS_KEPT, np.count_nonzero(flow))])
    return {
        "sector": firms.sector[:n].copy(), "kind": firms.kind[:n].copy(), "region": firms.region[:n].copy(), "tier": tier,
        "output": resting, "supplier": links.supplier[largest].copy(), "buyer": links.buyer[largest].copy(), "flow": flow[largest],
    }  # fmt: skip


def _firm_panel(recorders) -> dict[str, np.ndarray]:
    """What became of the firms of the start, by variant."""
    return {
        "relative_output": np.stack([r.relative for r in recorders]),
        "ai_functions": np.stack([r.ai_functions for r in recorders]),
        "snapshot_week": recorders[0].snapshots,
    }
