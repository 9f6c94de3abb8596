"""A sensitivity analysis of a scenario: the question, its folder, and what it says in words.

results/<name>_sensitivity/<UTC time>-<hash8>/
  indices.csv   every index of every parameter and output, interval, noise, verdict        runs.csv       one row per run
  swings.csv    each parameter at the ends of its range, the others as in the file         points.csv     mean and s.d. over the runs
  signs.csv     where the sign of an output is clear                                       manifest.json  what was asked, versions, words
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..scenario import Scenario
from . import points_folder
from .evaluations import HERE, Progress, Where
from .outputs import ScenarioFunction, usual
from .sensitivity import (
    BOTH,
    CONSTANT,
    INSIDE_NOISE,
    MATTERS,
    MORRIS,
    NEGATIVE,
    NO_CLAIM,
    POSITIVE,
    SMALL,
    SOBOL,
    UNSETTLED,
    Sensitivity,
    around_start,
    check,
    distinct,
    sensitivity,
    shares,
)
from .space import Parameter, named, of_scenario

KIND = "sensitivity"


@dataclass(frozen=True, eq=False)
class SensitivityStudy:
    """A question about a scenario; f is the scenario as a function."""

    f: ScenarioFunction
    parameters: tuple[Parameter, ...]
    method: str
    samples: int
    runs: int
    seed: int

    @property
    def asked(self) -> dict[str, Any]:
        """Plain data that stand for the question: equal ones have equal answers."""
        f = self.f
        return {
            "scenario": f.scenario.dump(), "files": f.scenario.hash8, "parameters": points_folder.asked_of(self.parameters),
            "outputs": list(f.outputs), "variant": f.variant, "to": f.to, "years": f.years,
            "method": self.method, "samples": self.samples, "runs": self.runs, "seed": self.seed,
        }  # fmt: skip

    def check_points(self) -> np.ndarray:
        """(P, k) the points to run. Raises InputError where the scenario may not have such values."""
        points, _ = distinct(self.parameters, shares(self.method, self.samples, len(self.parameters)))
        for point in points:
            self.f.at(named(self.parameters, point))
        return points

    def estimate(self, jobs: int = 1) -> dict[str, Any]:
        """Points, runs and about how many seconds."""
        points = self.check_points()
        start = named(self.parameters, around_start(self.parameters)[0])
        self.f(start, self.seed)  # kernels are compiled
        began = time.perf_counter()
        self.f(start, self.seed)
        seconds = (time.perf_counter() - began) * len(points) * self.runs / max(jobs, 1)
        return {"points": len(points), "runs": len(points) * self.runs, "seconds": seconds}

    def run(
        self, name: str, folder: Path | None = None, where: Where = HERE, resume: bool = False, progress: Progress | None = None
    ) -> Sensitivity:
        """Run and analyse; written to a folder if one is given, where a stopped analysis goes on with `resume`."""
        began = time.time()
        self.check_points()
        if folder is not None:
            points_folder.open_folder(folder, self.asked, resume)
        found = sensitivity(
            self.f, self.parameters, self.f.outputs, method=self.method, samples=self.samples, runs=self.runs, seed=self.seed,
            where=replace(where, folder=folder, what=self.f.digest), progress=progress,
        )  # fmt: skip
        manifest = points_folder.manifest_of(KIND, name, self.asked, found.evaluations, time.time() - began)
        done = replace(found, units=self.f.units, signed=self.f.signed, manifest=manifest)
        if folder is not None:
            write(done, folder)
        return done


def of(
    scenario: Scenario,
    over: Sequence[str],
    *,
    method: str = MORRIS,
    outputs: Sequence[str] = (),
    variant: str | None = None,
    to: str = "baseline",
    years: int = 5,
    samples: int | None = None,
    runs: int = 8,
    seed: int | None = None,
) -> SensitivityStudy:
    """The sensitivity analysis of a scenario; `over` as in `space.of_scenario`, outputs as in `outputs`. Raises InputError at once."""
    f = ScenarioFunction(scenario, tuple(outputs or usual(scenario)), variant, to, years)
    parameters = of_scenario(scenario, over)
    samples = check(method, samples, parameters, f.outputs, runs)
    return SensitivityStudy(f, parameters, method, samples, runs, scenario.runs.seed if seed is None else seed)


# -- words --------------------------------------------------------------------------------------------------------------------------------


def in_words(found: Sensitivity) -> list[str]:
    """Which parameters matter for which output, how much of that is luck, and of which outputs the sign can be claimed."""
    lines = [line for output in found.outputs for line in _words_of(found, output)]
    return [*lines, *_signs_in_words(found)]


def _words_of(found: Sensitivity, output: str) -> list[str]:
    named: dict[str, list[str]] = {}
    for index in found.ranking(output):
        named.setdefault(found.verdict(output, index.parameter), []).append(index.parameter)
    if set(named) == {CONSTANT}:
        return [f"{output}: nothing that was moved has any effect"]
    parts = []
    if MATTERS in named:
        parts.append("what matters: " + ", ".join(_with_index(found, output, name) for name in named[MATTERS]))
    for verdict, said in ((UNSETTLED, "not settled (more --samples)"), (INSIDE_NOISE, "inside the noise of the runs (more --runs)"),
                          (SMALL, "negligible"), (CONSTANT, "no effect at all")):  # fmt: skip
        if verdict in named:
            parts.append(f"{said}: {', '.join(named[verdict])}")
    lines = [f"{output}: {'; '.join(parts)}"]
    about = []
    if found.method == SOBOL:
        alone = sum(found.index(output, p.name, "first").value for p in found.parameters)
        about.append(f"parameters acting together make {100 * max(1.0 - alone, 0.0):.0f} % of its variance")
    luck = found.noise_share[output]
    about.append(
        "one run per point, so that noise is not known" if luck != luck else f"luck makes {_percent(luck)} of its variance between points"
    )
    blocks, of_all = found.left_out[output]
    if blocks:
        about.append(f"{blocks} of {of_all} parts of the design are left out because a run failed or has no such value")
    return [*lines, f"{output}: {'; '.join(about)}"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %" if share >= 1e-4 or share == 0 else "less than 0.01 %"


def _with_index(found: Sensitivity, output: str, parameter: str) -> str:
    i = found.index(output, parameter)
    direction = ""
    if found.method == MORRIS:
        mu = found.index(output, parameter, "mu")
        direction = ", raises it" if mu.low > 0 else ", lowers it" if mu.high < 0 else ", either way"
    return f"{parameter} ({i.value:.2g} ± {i.high - i.value:.1g}{direction})"


def _signs_in_words(found: Sensitivity) -> list[str]:
    told = [found.sign(output) for output in found.outputs if output in found.signed]
    lines = []
    robust = [
        f"{s.output} ({s.verdict} at {100 * max(s.positive, s.negative):.0f} % of the points)"
        for s in told
        if s.verdict in (POSITIVE, NEGATIVE)
    ]
    both = [f"{s.output} (positive at {100 * s.positive:.0f} %, negative at {100 * s.negative:.0f} %)" for s in told if s.verdict == BOTH]
    none = [
        f"{s.output} (clear at {100 * (s.positive + s.negative):.0f} %)" if s.open < 1 else s.output for s in told if s.verdict == NO_CLAIM
    ]
    if robust:
        lines.append(f"robust in sign: {', '.join(robust)}")
    if both:
        lines.append(f"the sign depends on the parameters: {', '.join(both)}")
    if none:
        lines.append(f"no claim about the sign: {', '.join(none)}")
    return lines


def plain(found: Sensitivity) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "method": found.method, "points": len(found.evaluations.points), "runs_per_point": len(found.evaluations.seeds),
        "failed": len(found.evaluations.failures), "summary": in_words(found),
        "parameters": points_folder.asked_of(found.parameters),
        "indices": [dict(zip(INDEX_COLUMNS, row, strict=True)) for row in _index_rows(found)],
        "signs": [dict(zip(SIGN_COLUMNS, row, strict=True)) for row in _sign_rows(found)],
        "swings": [dict(zip(SWING_COLUMNS, row, strict=True)) for row in _swing_rows(found)],
        "noise_share": dict(found.noise_share),
    }  # fmt: skip


# -- tables -------------------------------------------------------------------------------------------------------------------------------

INDEX_COLUMNS = ("output", "parameter", "index", "value", "low", "high", "noise", "verdict")
SIGN_COLUMNS = ("output", "unit", "positive", "negative", "verdict", "claimed")
SWING_COLUMNS = ("output", "unit", "start", "parameter", "parameter_unit", "at", "difference", "low", "high")


def _index_rows(found: Sensitivity):
    return [(i.output, i.parameter, i.name, i.value, i.low, i.high, i.noise, found.verdict(i.output, i.parameter)) for i in found.indices]


def _sign_rows(found: Sensitivity):
    return [(s.output, found.unit(s.output), s.positive, s.negative, s.verdict, s.output in found.signed) for s in found.signs]


def _swing_rows(found: Sensitivity):
    units = {p.name: p.unit for p in found.parameters}
    return [
        (s.output, found.unit(s.output), found.start[s.output], s.parameter, units[s.parameter], s.at, s.difference, s.low, s.high)
        for s in found.swings
    ]


def write(found: Sensitivity, folder: Path) -> None:
    """Write the tables, the manifest last: a folder without one is not complete."""
    points_folder.write_table(folder / "indices.csv", INDEX_COLUMNS, _index_rows(found))
    points_folder.write_table(folder / "swings.csv", SWING_COLUMNS, _swing_rows(found))
    points_folder.write_table(folder / "signs.csv", SIGN_COLUMNS, _sign_rows(found))
    points_folder.write_evaluations(found.evaluations, folder)
    points_folder.write_json(folder / "manifest.json", found.manifest | {"found": plain(found)})
