"""Path dependence of a scenario: branches of one economy that part for half a year, and the order of two interventions.

    found = of_scenario("credit_crunch", "employment", at=52)           `paths.Memory`
    found = order_of("recession", guarantee, grant, start=4, weeks=52)  `paths.Order`

One burn-in, many futures (`checkpoint`): every branch is the same firms up to week `at`, then meets draws of its own for 26 weeks, then
those that all branches meet. Both orders of two interventions begin from the same week and meet the same draws, run by run.
Source: MODEL.md 5.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import scenario as scenarios
from ..checkpoint import burn_in, fork
from ..interventions.base import Intervention
from ..metrics import METRICS
from ..result import BASELINE, Result, concatenate
from ..scenario import Scenario
from ..schema import InputError, nearest
from .paths import Memory, Order, check_branches, memory, order
from .sweeps import each

PARTED = 26  # weeks with draws of their own; MODEL.md 5.8
LAST_WEEKS = 26  # over which the outcome of an order is the mean
APART = 1_000_003  # between the seeds of early and of late draws, so that none is the same

Progress = Callable[[int, int], None]


def of_scenario(
    scenario: Scenario | str | Path,
    metric: str = "output",
    *,
    at: int = 0,
    during: int = PARTED,
    early: int = 16,
    late: int = 3,
    seed: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Memory:
    """Branch a scenario in week `at` and judge what is left of it at the end of its horizon.

    metric      : one without an axis; its value in the first week of common draws is where branches meet
    early, late : branches, and futures of each

    Raises InputError for what the scenario cannot mean, and where the horizon ends before the branches have met for long.
    """
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
    check_metric(metric)
    check_branches(early, late, during, scenario.horizon.weeks - at - during - 1)
    result = branched(scenario, at=at, during=during, early=early, late=late, seed=seed, jobs=jobs, progress=progress, metrics=(metric,))
    y = result[metric].values[0].reshape(early, late, -1)
    return memory(y, result.weeks - result.weeks[0], METRICS[metric].label, METRICS[metric].unit)


def check_metric(name: str) -> None:
    """Raise InputError for a metric that is unknown or has an axis."""
    single = [m for m in METRICS if METRICS[m].axis is None]
    if name not in METRICS:
        raise InputError(f"unknown metric '{name}'.{nearest(name, single)}")
    if name not in single:
        raise InputError(f"metric {name} has one value per {METRICS[name].axis}; a single number is needed")


def branched(
    scenario: Scenario,
    *,
    at: int = 0,
    during: int = PARTED,
    early: int = 16,
    late: int = 3,
    seed: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    metrics: tuple[str, ...] | None = None,
) -> Result:
    """All branches as one result, from the week in which they meet: run e · late + l is branch e under late draws l."""
    if metrics is not None:
        scenario = scenario.with_(output={"metrics": list(metrics)})
    start = burn_in(scenario, seed, until=at)
    weeks, done = early * (during + late * (start.scenario.horizon.weeks - at - during)), [0]

    def told(n: int) -> None:
        done[0] += n
        if progress is not None:
            progress(done[0], weeks)

    def branch(e: int) -> list[Result]:
        parted = replace(start, seed=start.seed + APART + e).until(at + during, progress=told)
        futures = (replace(parted, seed=start.seed + number) for number in range(late))
        return [fork(one, {BASELINE: start.scenario}, progress=told) for one in futures]

    return concatenate([result for one in each(branch, range(early), jobs) for result in one])


def order_of(
    scenario: Scenario | str | Path,
    first: Intervention,
    second: Intervention,
    metric: str = "output",
    *,
    start: int = 0,
    weeks: int = 26,
    runs: int = 8,
    seed: int | None = None,
) -> Order:
    """First one intervention for so many weeks from `start` on, then the other, against the other way round; all else alike.

    The outcome is the mean of the metric over the last half year of the horizon. start and stop of the interventions are set here.

    Raises InputError for what the scenario cannot mean, and where the horizon ends before both have acted.
    """
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
    check_metric(metric)
    end = start + 2 * weeks
    if weeks < 1 or scenario.horizon.weeks < end + LAST_WEEKS:
        raise InputError(
            f"horizon.weeks = {scenario.horizon.weeks}: {end + LAST_WEEKS} are needed for two times {weeks} weeks from week {start} on and "
            f"the {LAST_WEEKS} weeks that are compared"
        )
    scenario = scenario.with_(output={"metrics": [metric]})
    begun = burn_in(scenario, seed)

    def then(one: Intervention, two: Intervention) -> Scenario:
        early = one.model_copy(update={"start": start, "stop": start + weeks})
        return begun.scenario.with_(early, two.model_copy(update={"start": start + weeks, "stop": end}))

    result = fork(begun, {"ab": then(first, second), "ba": then(second, first)}, runs=runs)
    ends = {v: result[metric].values[result.variant(v), :, -LAST_WEEKS:].mean(axis=1) for v in ("ab", "ba")}
    names = (first.kind, second.kind) if first.kind != second.kind else (f"{first.kind} (first)", f"{second.kind} (second)")
    return order(ends["ab"], ends["ba"], *names, METRICS[metric].label, METRICS[metric].unit)
