"""A scenario as a system whose parameter can be moved while the economy runs: what `tipping` needs to look at this model.

The economy is built once, with the seed of the scenario, and burnt in at the parameter with which it begins; every hold goes on from there
for so many weeks with the mechanisms and interventions of its own parameter. What a parameter decides only when the economy is built stays
as it was: `system.notes` says so. The order parameter is a metric, mean of the second half of the hold, relative to its value at rest;
shares ("1") as they are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from .. import scenario as scenarios
from ..draws import Draws
from ..economy import Economy
from ..mechanisms.base import Step
from ..metrics import METRICS
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..simulate import advance, burn_in, plan, prepare
from ..state import State
from .holds import Holds
from .phases import LEAST_VALUES, phases
from .scaling import check_sizes
from .tipping import Count, Progress, Tipping, check_search, expected, tipping
from .tipping_folder import manifest_of

FIXED = (
    "name",
    "description",
    "sources",
    "economy",
    "model",
    "population",
    "reconstruct",
    "network",
    "horizon",
    "runs",
    "output",
    "variants",
)
VALVE = "production.emergency_share"  # M1: emergency purchases abroad, without which a cyclic economy can lock (MODEL.md 4.5)
VALVES = {"the valve against gridlock shut": 0.0, "the valve against gridlock open": 1.0}
NOISE = ("production.breakdown_hazard", "foreign.demand_noise", "labour.productivity_noise", "market.quality_noise")
FACTORS = (0.5, 2.0)  # MODEL.md 5.4
SMALLEST, DOUBLINGS = 0.25, 3  # sizes: from a quarter of that of the scenario, doubled three times
FEWEST = 40  # SMBs of the smallest at least
FIRMS_PER_OVERHEAD = 1500  # firms whose week takes as long as what a week takes without any; measured on `closed`
LEAST_WEEKS = 104  # MODEL.md 5.4
TIMED_WEEKS = 4
RESOLUTION = 2e-3  # of thresholds, relative to the range
STANDSTILL = 1e-3  # share of its normal output below which a firm is at a standstill
LARGE_PUSH = 4.0  # weeks of normal use or output by which stocks move in the largest push; assumption


@dataclass(frozen=True)
class Held:
    """The state of an economy and the week that comes next."""

    state: State
    week: int


@dataclass(frozen=True, eq=False)
class ScenarioSystem:
    """f(parameter, state, seed) of a scenario. name: dotted, of a mechanism or an intervention ("shocks[0].size"); weeks of one hold."""

    scenario: Scenario
    name: str
    metric: str = "output"
    weeks: int = 104
    economy: Economy | None = None

    def __post_init__(self):
        object.__setattr__(self, "_lock", Lock())
        object.__setattr__(self, "_known", {})
        problems = []
        section = self.name.partition(".")[0].partition("[")[0]
        if section in FIXED:
            problems.append(
                f"--param {self.name}: '{section}' is settled before the first week; a sweep needs a number of a mechanism, shock or policy"
            )
        if self.metric not in METRICS:
            problems.append(
                f"--metric {self.metric}: unknown metric.{nearest(self.metric, [m for m in METRICS if METRICS[m].axis is None])}"
            )
        elif METRICS[self.metric].axis is not None:
            problems.append(f"--metric {self.metric} has one value per {METRICS[self.metric].axis}; a single number is needed")
        if self.weeks < 2:
            problems.append(f"weeks = {self.weeks}: at least 2")
        if problems:
            raise InputError(*problems)

    @property
    def cost(self) -> float:
        """Weeks of work of one call, those of a small economy being 1."""
        return self.weeks * (1.0 + (self.scenario.population.smbs or 0) / FIRMS_PER_OVERHEAD)

    def at(self, parameter: float) -> Scenario:
        """The scenario with this value. Raises InputError where it may not have it."""
        with self._lock:
            if parameter not in self._known:
                self._known[parameter] = self.scenario.with_({self.name: float(parameter)})
            return self._known[parameter]

    @cached_property
    def resting(self) -> tuple[State, float]:
        """The economy at rest, and what the order parameter is divided by."""
        state = prepare(self.scenario.without_interventions(), None, self.economy)[0]
        metric = METRICS[self.metric]
        rest = 1.0 if metric.unit == "1" else float(metric(state))
        return state, rest if rest != 0 else 1.0

    def __call__(self, parameter: float, held: Held | None, seed: int) -> tuple[float, Held]:
        scenario, draws = self.at(parameter), Draws(seed)
        with self._lock:
            start, rest = self.resting
        always = Draws(self.scenario.runs.seed)  # who is targeted does not change from hold to hold
        if held is None:
            state, week = start.copy(), 0
            alone = scenario.without_interventions()
            burn_in(state, plan(alone, state, always), draws, alone.horizon.burn_in)
        else:
            state, week = held.state.copy(), held.week
        phases, metric, values = plan(scenario, state, always), METRICS[self.metric], []
        for t in range(week, week + self.weeks):
            advance(state, phases, Step(t, draws))
            if t >= week + self.weeks // 2:
                values.append(float(metric(state)))
        return float(np.mean(values)) / rest, Held(state, week + self.weeks)

    def with_(self, changes: dict[str, Any]) -> ScenarioSystem:
        """The same system of a scenario with other values."""
        return replace(self, scenario=self.scenario.with_(changes))

    def notes(self, a: float, b: float) -> list[str]:
        """What the sweep leaves as it was: columns of the economy at rest that the parameter decides when it is built."""
        states = [prepare(self.at(p).without_interventions(), None, self.economy)[0] for p in (a, b)]
        differ = sorted(
            f"{axis}.{name}"
            for axis in ("firms", "slots", "links", "regions", "households", "accounts")
            for name in getattr(states[0], axis).columns
            if not np.array_equal(getattr(getattr(states[0], axis), name), getattr(getattr(states[1], axis), name))
        )
        if not differ:
            return []
        listed = ", ".join(differ[:4]) + (f" and {len(differ) - 4} more" if len(differ) > 4 else "")
        return [f"{self.name} also decides how the economy is built ({listed}); that part stays at the value of the file"]


def perturb(held: Held, size: float, seed: int) -> Held:
    """Stocks of every firm and slot move by up to `size` × LARGE_PUSH weeks of normal use, up or down; what is expected by up to `size`."""
    state, draws = held.state.copy(), Draws(seed)
    firms, slots = state.firms, state.slots
    push = [size * (2.0 * draws.uniform(f"tipping push {k}", held.week, firms.uid) - 1.0) for k in range(3)]
    stocked = firms.inventory + np.where(firms.storable, push[0] * LARGE_PUSH * firms.normal_output, 0.0) * firms.alive
    firms.inventory[:] = np.maximum(stocked, 0.0)
    used = slots.coefficient * (firms.normal_output * firms.alive)[slots.customer]
    slots.input_stock[:] = np.maximum(slots.input_stock + push[1][slots.customer] * LARGE_PUSH * used, 0.0)
    firms.expected_demand[:] = np.maximum(firms.expected_demand + push[2] * firms.normal_output * firms.alive, 0.0)
    return Held(state, held.week)


def of_sizes(system: ScenarioSystem, sizes: Sequence[int] | None = None) -> dict[int, ScenarioSystem]:
    """The system in several sizes, SMBs; by default a quarter to twice that of the scenario. None where files say which firms there are."""
    smbs = system.scenario.population.smbs
    if smbs is None:
        return {}
    smallest = max(round(SMALLEST * smbs), FEWEST)
    wanted = [smallest * 2**k for k in range(DOUBLINGS + 1)] if sizes is None else sorted(set(sizes))
    return {n: system.with_({"population.smbs": n}) for n in wanted}


def of_valves(system: ScenarioSystem) -> dict[str, ScenarioSystem]:
    """The system with the valve against gridlock shut and open; nothing where it is the parameter itself."""
    if system.name == VALVE:
        return {}
    return {name: system.with_({VALVE: share}) for name, share in VALVES.items()}


def of_noise(system: ScenarioSystem) -> dict[float, ScenarioSystem]:
    """The system with half and with twice its noise; nothing where it has none."""
    now = {name: _value(system.scenario, name) for name in NOISE if name != system.name}
    now = {name: value for name, value in now.items() if value > 0}
    return {factor: system.with_({name: factor * value for name, value in now.items()}) for factor in FACTORS} if now else {}


def _value(scenario: Scenario, name: str) -> float:
    section, _, key = name.partition(".")
    mechanism = getattr(scenario, section)
    return float(getattr(mechanism, key)) if getattr(mechanism, "enabled", True) else 0.0


def blocked(held: Held) -> bool:
    """Gridlock (MODEL.md 4.5): of all firms that should make something none makes anything to speak of."""
    firms = held.state.firms
    there = firms.alive & (firms.normal_output > 0)
    return not (firms.output[there] > STANDSTILL * firms.normal_output[there]).any()


# -- the whole search ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """A question about one parameter of a scenario. asked: what stands for it; seconds: value of a second parameter → system."""

    system: ScenarioSystem
    a: float
    b: float
    options: dict = field(default_factory=dict)
    systems: dict = field(default_factory=dict)
    second: str = ""
    seconds: Mapping[float, ScenarioSystem] = field(default_factory=dict)

    @property
    def asked(self) -> dict:
        """Plain data; `search_again` makes the same search of it."""
        metric, spec = METRICS[self.system.metric], self.system.scenario
        return {
            "param": self.system.name, "param_unit": unit_of(spec, self.system.name), "from": self.a, "to": self.b,
            "second": self.second, "second_unit": unit_of(spec, self.second), "seconds": list(self.seconds),
            "metric": metric.name, "metric_label": metric.label, "metric_unit": "1" if metric.unit == "1" else "share of rest",
            "weeks": self.system.weeks, **self.options, "sizes": list(self.systems["sizes"] or ()), "scenario": spec.dump(),
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What a reader of the finding must know about how it was looked for."""
        notes = self.system.notes(self.a, self.b)
        if self.system.weeks < LEAST_WEEKS:
            notes.append(f"every value is held for {self.system.weeks} weeks only; {LEAST_WEEKS} are asked for")
        return notes

    def run(self, name: str, jobs: int = 1, progress: Progress | None = None, holds: Holds | None = None) -> Tipping:
        """Search; see `tipping.tipping`. holds: where finished holds are kept, and taken from."""
        began = time.time()
        manifest = manifest_of(name, self.asked, self.notes(), time.time() - began)
        found = self.find(jobs, progress, Holds() if holds is None else holds)
        return replace(found, manifest=manifest | {"seconds": round(time.time() - began, 3)})

    def find(self, jobs: int, progress: Progress | None, holds: Holds) -> Tipping:
        """The finding without its provenance."""
        systems = {kind: holds.systems(kind, of) for kind, of in self.systems.items()}
        f, push, stuck = holds.system("the system", self.system), holds.push(perturb), holds.question("blocked", blocked)
        seconds, more = holds.systems(self.second, self.seconds), self._units_of_phases()
        beyond = None if progress is None else lambda done, total: progress(done, total + more)
        found = tipping(f, self.a, self.b, perturb=push, blocked=stuck, jobs=jobs, progress=beyond, **self.options, **systems)
        if not seconds:
            return found
        p = np.linspace(self.a, self.b, self.options["steps"])
        seeds = [self.options["seed"] + k for k in range(self.options["sweeps"])]
        count = Count(progress, self._units() + more, self._units())
        diagram = phases({s: count.counted(one) for s, one in seconds.items()}, p, seeds, jobs=jobs)
        count.finish()
        return replace(found, phases=diagram)

    def _units(self) -> int:
        given = {key: self.options[key] for key in ("steps", "sweeps", "runs")} | {"holds": 1}
        return expected(self.system, **given, perturb=perturb, **self.systems)

    def _units_of_phases(self) -> int:
        return int(2 * self.options["steps"] * self.options["sweeps"] * sum(one.cost for one in self.seconds.values()))

    def estimate(self, jobs: int = 1) -> dict:
        """Weeks and seconds, about: of everything, and of what is done where nothing is seen."""
        everything, more = self._units() + self._units_of_phases(), self._units_of_phases()
        given = {key: self.options[key] for key in ("steps", "sweeps")} | {"holds": 1, "runs": 1}
        look = expected(self.system, **given, rates=False) + more
        short = replace(self.system, weeks=TIMED_WEEKS, scenario=self.system.scenario.with_({"horizon.burn_in": 0}))
        _, held = short(self.a, None, 1)  # kernels are compiled
        began = time.perf_counter()
        short(self.a, held, 2)
        per_unit = (time.perf_counter() - began) / short.cost / max(jobs, 1)
        return {
            "smbs": self.system.scenario.population.smbs, "weeks": int(everything / self.system.cost * self.system.weeks),
            "seconds": everything * per_unit, "seconds_without": look * per_unit,
        }  # fmt: skip


def unit_of(scenario: Scenario, name: str) -> str:
    """The declared unit of a parameter; of an intervention's number "1"."""
    section, _, key = name.partition(".")
    declared = type(getattr(scenario, section, None))
    known = getattr(declared, "model_fields", {}).get(key)
    return (known.json_schema_extra or {}).get("unit", "1") if known is not None else "1"


def search(
    scenario: Scenario,
    name: str,
    a: float,
    b: float,
    *,
    metric: str = "output",
    weeks: int = 104,
    steps: int = 21,
    sweeps: int = 2,
    runs: int = 40,
    sizes: Sequence[int] | None = None,
    second: str = "",
    seconds: Sequence[float] = (),
    thorough: bool = False,
    seed: int | None = None,
) -> Search:
    """The search for a tipping point of a scenario's parameter, with everything `tipping` can use.

    second, seconds: a second parameter and its values, for a phase diagram. Raises InputError at once.
    """
    system = ScenarioSystem(scenario, name, metric, weeks)
    check_search(a, b, steps, 1, sweeps, runs, RESOLUTION, None)
    for value in (a, b):
        system.at(value)
    by_size = of_sizes(system, sizes)
    if by_size:
        check_sizes(by_size)
    if second and (second == name or len(set(seconds)) < LEAST_VALUES):
        raise InputError(f"--second {second}: another parameter than {name}, with at least {LEAST_VALUES} different values, is needed")
    options = {
        "steps": steps, "sweeps": sweeps, "runs": runs, "thorough": thorough, "resolution": RESOLUTION,
        "seed": scenario.runs.seed if seed is None else seed,
    }  # fmt: skip
    by_second = {float(value): system.with_({second: float(value)}) for value in sorted(set(seconds))} if second else {}
    systems = {"sizes": by_size or None, "variants": of_valves(system), "noise": of_noise(system)}
    return Search(system, a, b, options, systems, second, by_second)


def search_again(asked: Mapping[str, Any]) -> Search:
    """The search that a manifest tells of. Raises InputError where the scenario cannot be loaded any more."""
    same = {key: asked[key] for key in ("metric", "weeks", "steps", "sweeps", "runs", "second", "seconds", "thorough", "seed")}
    return search(scenarios.load(asked["scenario"]), asked["param"], asked["from"], asked["to"], sizes=asked["sizes"] or None, **same)
