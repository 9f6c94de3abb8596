"""What a run of a scenario says in a single number: the outputs of sensitivity analyses and the moments of calibrations, by name.

    employment.mean          a metric over the recorded weeks: mean, min, max, total, or end (mean of the last half year)
    effect.exits.total       the same, less that of the paired reference
    relative.output.min      the same, as a share of that of the reference
    depth, loss, …           resilience of the variant (`analysis.resilience`)
    more_exits, …            what happens to firms and people (`analysis.lives`)
    fact.hires_rate          a row of the scorecard (`analysis.targets`), from a panel of some years without interventions

Without a word after it a metric is its mean. The reference is the variant `to`, under the same seed; resilience and lives are always
against the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .. import economy as economies
from ..economy import Economy
from ..metrics import METRICS
from ..result import BASELINE, Result
from ..scenario import MAIN, Scenario
from ..schema import InputError, nearest
from ..simulate import run
from . import lives, resilience
from .facts import measure
from .panel import simulate_panel
from .targets import facts_of

EFFECT, RELATIVE, FACT = "effect", "relative", "fact"
STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of (R, T)
    "mean": lambda x: x.mean(axis=1),
    "min": lambda x: x.min(axis=1),
    "max": lambda x: x.max(axis=1),
    "total": lambda x: x.sum(axis=1),
    "end": lambda x: x[:, -resilience.LAST_WEEKS :].mean(axis=1),
}
SAID = {"mean": "mean", "min": "lowest week", "max": "highest week", "total": "total", "end": "last half year"}
MOST_YEARS = 100
NEEDED = {  # metrics that a measure is made of
    **dict.fromkeys(resilience.MEASURES, ("real_value_added",)),
    **dict.fromkeys(lives.MEASURES, ("exits", *lives.CAUSES, "entries", "unemployment", "vacancies", "loans_asked", "new_loans")),
}
USUAL = ("real_value_added", "employment", "consumption")  # outputs when none are asked for
USUAL_WHERE = {"labour": "unemployment.mean", "exits": "exits.total"}  # and of mechanisms that are on


@dataclass(frozen=True)
class Output:
    """A named number of a run. signed: zero means no effect, so that its sign is a finding."""

    name: str
    unit: str
    label: str
    signed: bool
    metrics: tuple[str, ...]
    of: Callable[[Result, str, str], np.ndarray] | None  # (result, variant, to) → (R,); None: a row of the scorecard


def output(name: str, economy: Economy, scenario: Scenario | None = None) -> Output:
    """The output of this name. Raises InputError naming the nearest."""
    if name in NEEDED:
        return _measure(name)
    kind, _, rest = name.partition(".")
    if kind == FACT:
        return _fact(name, rest, economy, scenario)
    compared = kind in (EFFECT, RELATIVE)
    metric, _, statistic = (rest if compared else name).partition(".")
    statistic = statistic or "mean"
    single = {n: m for n, m in METRICS.items() if m.axis is None}
    if metric not in single:
        raise InputError(f"unknown output '{name}'.{nearest(metric, [*single, *NEEDED, EFFECT, RELATIVE, FACT])}")
    if statistic not in STATISTICS:
        raise InputError(f"unknown output '{name}': '{statistic}' is no statistic.{nearest(statistic, STATISTICS)}")
    m, of = single[metric], STATISTICS[statistic]
    unit = m.unit[: -len("/wk")] if statistic == "total" and m.unit.endswith("/wk") else m.unit
    label = f"{m.label}, {SAID[statistic]}"

    def level(result: Result, variant: str) -> np.ndarray:
        return of(result[metric].values[result.variant(variant)])

    if kind == EFFECT:
        return Output(name, unit, f"Effect on {_lower(label)}", True, (metric,), lambda r, v, to: level(r, v) - level(r, to))
    if kind == RELATIVE:
        return Output(name, "1", f"Effect on {_lower(label)}", True, (metric,), lambda r, v, to: _share(level(r, v), level(r, to)))
    return Output(name, unit, label, False, (metric,), lambda r, v, to: level(r, v))


def usual(scenario: Scenario) -> tuple[str, ...]:
    """The outputs that are looked at when none are asked for: effects where there are interventions or variants, else levels."""
    compared = bool(scenario.interventions or scenario.variants)
    more = [name for section, name in USUAL_WHERE.items() if getattr(scenario, section).enabled]
    prefix = f"{RELATIVE}." if compared else ""
    return (*(f"{prefix}{name}.mean" for name in USUAL), *(f"{EFFECT}.{name}" if compared else name for name in more))


def _share(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.divide(here - there, np.abs(there), out=np.full(len(here), np.nan), where=there != 0)


def _lower(label: str) -> str:
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _measure(name: str) -> Output:
    if name in resilience.MEASURES:
        said = name.replace("_", " ").capitalize()
        return Output(name, resilience.MEASURES[name], f"{said} of value added", name == "hysteresis_gap", NEEDED[name],
                      lambda r, v, to: getattr(resilience.resilience(r, v), name))  # fmt: skip
    unit = lives.MEASURES[name]
    nothing = 0.0 if unit == "firms" or name == "unemployment_gap" else np.nan  # where nothing of its kind happens
    signed = name.startswith("more_") or name == "unemployment_gap"
    return Output(name, unit, name.replace("_", " ").capitalize(), signed, NEEDED[name],
                  lambda r, v, to: lives.lives(r, v).get(name, np.full(len(r.seeds), nothing)))  # fmt: skip


def _fact(name: str, row: str, economy: Economy, scenario: Scenario | None) -> Output:
    known = {fact.name: fact for fact in facts_of(economy, scenario)}
    if row not in known:
        raise InputError(f"unknown output '{name}': the scorecard has no row '{row}'.{nearest(row, known)}")
    return Output(name, known[row].unit, known[row].label, False, (), None)


# -- a scenario as a function -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ScenarioFunction:
    """f(parameters, seed) → {output: number} of a scenario.

    variant : whose outputs; default the file as it stands, the baseline where there are no interventions
    to      : what effects are measured against; default the baseline
    years   : of the panel from which rows of the scorecard are taken
    """

    scenario: Scenario
    outputs: Sequence[str]
    variant: str | None = None
    to: str = BASELINE
    years: int = 5

    def __post_init__(self):
        economy = economies.load(self.scenario.economy)
        known, problems = {}, []
        for name in self.outputs:
            try:
                known[name] = output(name, economy, self.scenario)
            except InputError as error:
                problems += error.lines
        variants = self.scenario.all_variants()
        variant = self.variant or (MAIN if MAIN in variants else BASELINE)
        for option, name in (("--variant", variant), ("--to", self.to)):
            if name not in variants:
                problems.append(f"{option} {name}: unknown variant.{nearest(name, variants)}")
        compared = [name for name, o in known.items() if o.signed or name in NEEDED]
        if compared and variant == self.to and not problems:
            problems.append(f"{compared[0]}: an effect needs a variant that differs from {self.to}; this file has {', '.join(variants)}")
        if not 1 <= self.years <= MOST_YEARS:
            problems.append(f"--years {self.years}: 1 to {MOST_YEARS}")
        if problems:
            raise InputError(*problems)
        object.__setattr__(self, "variant", variant)
        object.__setattr__(self, "economy", economy)
        object.__setattr__(self, "known", known)

    def __reduce__(self):
        """For other processes: what it was made of."""
        return type(self), (self.scenario, tuple(self.outputs), self.variant, self.to, self.years)

    @property
    def size(self) -> tuple[int, int]:
        """(weeks, firms) of one evaluation, about."""
        weeks = self.scenario.horizon.burn_in + len({self.variant, self.to}) * self.scenario.horizon.weeks
        return weeks, self.scenario.population.smbs

    @property
    def digest(self) -> str:
        """What stands for this function in the ids of runs: scenario, tables, code, and how outputs are taken."""
        return f"{self.scenario.hash8} {self.variant} {self.to} {self.years}"

    @property
    def units(self) -> dict[str, tuple[str, str]]:
        """Output → unit, label."""
        return {name: (o.unit, o.label) for name, o in self.known.items()}

    @property
    def signed(self) -> tuple[str, ...]:
        """Outputs whose sign is a finding."""
        return tuple(name for name, o in self.known.items() if o.signed)

    def at(self, parameters: Mapping[str, float]) -> Scenario:
        """The scenario with these values. Raises InputError where it may not have them."""
        return self.scenario.with_(dict(parameters))

    def __call__(self, parameters: Mapping[str, float], seed: int) -> dict[str, float]:
        """Run what the outputs need with one seed."""
        scenario, found = self.at(parameters), {}
        metrics = tuple(dict.fromkeys(m for o in self.known.values() for m in o.metrics))
        if metrics:
            kept = scenario.with_({"output.metrics": metrics}).all_variants()
            result = run(
                {name: kept[name] for name in dict.fromkeys((BASELINE, self.to, self.variant)) if name in kept}, seed, self.economy
            )
            found = {name: float(o.of(result, self.variant, self.to)[0]) for name, o in self.known.items() if o.of is not None}
        facts = {name.removeprefix(f"{FACT}."): name for name, o in self.known.items() if o.of is None}
        if facts:
            panel = simulate_panel(scenario.without_interventions(), seed, self.years, self.economy)
            one = {name: values[None] for name, values in measure(panel).items()}
            found |= {facts[fact.name]: fact.of(one) for fact in facts_of(self.economy, self.scenario) if fact.name in facts}
        return found
