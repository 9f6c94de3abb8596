"""The calibration of a scenario: targets, its folder, and what it says in words.

results/<name>_calibration/<UTC time>-<hash8>/
  best.yaml        a scenario with the values that fit best, on top of scenario.yaml     moments.csv     target and best, moment by moment
  remaining.csv    a sample of the values that are not ruled out                         directions.csv  what the targets leave open
  points.csv, runs.csv, waves.csv   everything that was run                              manifest.json   what was asked, versions, words
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..scenario import Scenario
from ..schema import InputError
from . import points_folder
from .calibration import CUT, FINAL, NAMED, WAVES, Calibration, Direction, Target, calibrate, check, target
from .evaluations import HERE, Progress, Where
from .outputs import FACT, ScenarioFunction
from .space import Parameter, named, of_scenario, values_at
from .targets import facts_of

KIND = "calibration"
SUSPECT = 2.0  # inflation of an emulator's variance from which it is told
BAND = (5, 95)  # % of what is left
MOST_REMAINING = 500  # rows of remaining.csv


@dataclass(frozen=True, eq=False)
class CalibrationStudy:
    """A question about a scenario; f is the scenario as a function."""

    f: ScenarioFunction
    parameters: tuple[Parameter, ...]
    targets: tuple[Target, ...]
    waves: int
    points: int
    runs: int
    seed: int

    @property
    def asked(self) -> dict[str, Any]:
        """Plain data that stand for the question: equal ones have equal answers."""
        f = self.f
        return {
            "scenario": f.scenario.dump(), "files": f.scenario.hash8, "parameters": points_folder.asked_of(self.parameters),
            "targets": [asdict(t) for t in self.targets], "variant": f.variant, "to": f.to, "years": f.years,
            "waves": self.waves, "points": self.points, "runs": self.runs, "seed": self.seed,
        }  # fmt: skip

    def estimate(self, jobs: int = 1) -> dict[str, Any]:
        """Points and runs at most, and about how many seconds they take."""
        start = named(self.parameters, np.array([p.start for p in self.parameters]))
        self.f(start, self.seed)  # kernels are compiled
        began = time.perf_counter()
        self.f(start, self.seed)
        points = self.waves * self.points + FINAL
        seconds = (time.perf_counter() - began) * points * self.runs / max(jobs, 1)
        return {"points": points, "runs": points * self.runs, "seconds": seconds}

    def run(
        self, name: str, folder: Path | None = None, where: Where = HERE, resume: bool = False, progress: Progress | None = None
    ) -> Calibration:
        """Calibrate; written to a folder if one is given, where a stopped calibration goes on with `resume`."""
        began = time.time()
        if folder is not None:
            points_folder.open_folder(folder, self.asked, resume)
        found = calibrate(
            self.f, self.parameters, self.targets, waves=self.waves, points=self.points, runs=self.runs, seed=self.seed,
            where=replace(where, folder=folder, what=self.f.digest), progress=progress,
        )  # fmt: skip
        manifest = points_folder.manifest_of(KIND, name, self.asked, found.evaluations, time.time() - began)
        found = replace(found, units=self.f.units, manifest=manifest)
        if folder is not None:
            write(found, self.f.scenario, folder)
        return found


def of(
    scenario: Scenario,
    over: Sequence[str],
    targets: Sequence[str],
    *,
    variant: str | None = None,
    to: str = "baseline",
    years: int = 5,
    waves: int = WAVES,
    points: int | None = None,
    runs: int = 4,
    seed: int | None = None,
) -> CalibrationStudy:
    """The calibration of a scenario.

    over    : as in `space.of_scenario`
    targets : "MOMENT=VALUE±TOLERANCE", moments as in `outputs`; "fact.NAME" alone takes target and tolerance of the scorecard

    Raises InputError at once, one line per mistake.
    """
    texts = {text: text.partition("=")[0].strip() for text in targets}
    f = ScenarioFunction(scenario, tuple(dict.fromkeys(texts.values())), variant, to, years)
    wanted = tuple(
        _of_scorecard(name, f) if "=" not in text and name.startswith(f"{FACT}.") else target(text) for text, name in texts.items()
    )
    parameters = of_scenario(scenario, over)
    points = check(parameters, wanted, waves, points, runs)
    return CalibrationStudy(f, parameters, wanted, waves, points, runs, scenario.runs.seed if seed is None else seed)


def _of_scorecard(name: str, f: ScenarioFunction) -> Target:
    fact = next(fact for fact in facts_of(f.economy, f.scenario) if f"{FACT}.{fact.name}" == name)
    sides = [x for x in (fact.target - fact.low, fact.high - fact.target) if np.isfinite(x)]
    if not (np.isfinite(fact.target) and sides):
        raise InputError(f"--target {name}: the scorecard has no target for it; write {name}=VALUE±TOLERANCE")
    return Target(name, fact.target, max(sides))


# -- words --------------------------------------------------------------------------------------------------------------------------------


def in_words(found: Calibration) -> list[str]:
    """What is left, what fits best and how well, what the targets pin down and what they leave open."""
    count, runs = len(found.wave), len(found.evaluations.seeds)
    after = f"after {len(found.waves)} wave{'s' * (len(found.waves) > 1)} ({count} points, {runs} runs each)"
    own = found.implausibility()[found.best]
    lines = []
    if found.left > 0:
        lines.append(f"{after} {_percent(found.left)} of the space is not ruled out")
    else:
        worst = found.targets[int(own.argmax())]
        lines.append(f"{after} nothing is left: no values in these ranges meet all targets; hardest to meet is {worst.moment}")
    lines.append("best: " + ", ".join(f"{name} = {value:.4g}" for name, value in found.fitted.items()))
    for t, mean, distance in zip(found.targets, found.moments[found.best], own, strict=True):
        met = "met" if abs(mean - t.value) <= t.tolerance else "not ruled out" if distance <= CUT else "missed"
        lines.append(f"{t.moment}: {mean:.4g} at the best point, target {t.value:g} ± {t.tolerance:g}: {met}")
    lines += _directions_in_words(found)
    for j, t in enumerate(found.targets):
        inflation = found.waves[-1].emulators[j].inflation
        if inflation > SUSPECT:
            lines.append(
                f"{t.moment}: the emulator missed points left out by more than it said; its variance was multiplied by {inflation:.2g}"
            )
    if found.evaluations.failures:
        lines.append(f"{len(found.evaluations.failures)} of {count * runs} runs failed; their points are left out")
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _directions_in_words(found: Calibration) -> list[str]:
    names = [p.name for p in found.parameters]
    flat = [combination(names, d) for d in found.directions if d.flat]
    fixed = [
        f"{combination(names, d)} (within {_percent(min(d.width / d.across, 1.0))} of the way across)"
        for d in found.directions
        if not d.flat
    ]
    lines = []
    if fixed:
        lines.append(f"the targets pin down {'; '.join(fixed)}")
    if flat:
        along = "it" if len(flat) == 1 else "any of them"
        lines.append(f"they leave open {'; '.join(flat)}: moving along {along} through the whole space is not ruled out")
    return lines if flat else [*lines, "no direction is flat"]


def combination(names: Sequence[str], d: Direction) -> str:
    """A direction in words: the parameter alone, or which rise while which fall, with weights in ranges."""
    parts = [(w, name) for name, w in zip(names, d.vector, strict=True) if abs(w) >= NAMED]
    parts.sort(key=lambda part: -abs(part[0]))
    if len(parts) == 1:
        return f"{parts[0][1]} alone"
    first = f"{abs(parts[0][0]):.2g} {parts[0][1]}"
    return first + "".join(f" {'+' if w > 0 else '−'} {abs(w):.2g} {name}" for w, name in parts[1:])


# -- data and files -----------------------------------------------------------------------------------------------------------------------

MOMENT_COLUMNS = ("moment", "unit", "target", "tolerance", "best", "sd_over_runs", "implausibility", "met")
DIRECTION_COLUMNS = ("direction", "flat", "eigenvalue", "width", "across", "spread")


def _moment_rows(found: Calibration):
    own = found.implausibility()[found.best]
    at_best = found.evaluations.values[found.best]
    for j, t in enumerate(found.targets):
        mean, sd = float(at_best[:, j].mean()), float(at_best[:, j].std(ddof=1))
        met = abs(mean - t.value) <= t.tolerance
        yield t.moment, found.units.get(t.moment, ("1", ""))[0], t.value, t.tolerance, mean, sd, float(own[j]), met


def _direction_rows(found: Calibration):
    names = [p.name for p in found.parameters]
    return [(combination(names, d), d.flat, d.eigenvalue, d.width, d.across, d.spread, *d.vector) for d in found.directions]


def _ranges(found: Calibration) -> dict[str, list[float]]:
    """Parameter → 5 and 95 % of what is left."""
    values = values_at(found.parameters, found.remaining)
    return {p.name: [float(x) for x in np.percentile(values[:, k], BAND)] for k, p in enumerate(found.parameters)}


def plain(found: Calibration) -> dict[str, Any]:
    """The numbers a reader wants, as plain data."""
    columns = (*DIRECTION_COLUMNS, *(p.name for p in found.parameters))
    return {
        "summary": in_words(found), "left": found.left, "left_by_wave": [wave.left for wave in found.waves], "points": len(found.wave),
        "runs_per_point": len(found.evaluations.seeds), "failed": len(found.evaluations.failures),
        "best": named(found.parameters, found.evaluations.points[found.best]), "remaining": _ranges(found),
        "parameters": points_folder.asked_of(found.parameters),
        "moments": [dict(zip(MOMENT_COLUMNS, row, strict=True)) for row in _moment_rows(found)],
        "directions": [dict(zip(columns, row, strict=True)) for row in _direction_rows(found)],
    }  # fmt: skip


def write(found: Calibration, scenario: Scenario, folder: Path) -> None:
    """Write tables and scenarios, the manifest last: a folder without one is not complete."""
    names, write_table = [p.name for p in found.parameters], points_folder.write_table
    points_folder.write_evaluations(found.evaluations, folder)
    own = found.implausibility()
    rows = [[p, int(w), *map(float, own[p]), p == found.best] for p, w in enumerate(found.wave)]
    write_table(folder / "waves.csv", ("point", "wave", *(f"implausibility_{t.moment}" for t in found.targets), "best"), rows)
    write_table(folder / "moments.csv", MOMENT_COLUMNS, _moment_rows(found))
    write_table(folder / "directions.csv", (*DIRECTION_COLUMNS, *names), _direction_rows(found))
    write_table(folder / "remaining.csv", names, values_at(found.parameters, found.remaining[:MOST_REMAINING]).tolist())
    (folder / "scenario.yaml").write_text(json.dumps(scenario.dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "best.yaml").write_text(best_yaml(found, scenario), encoding="utf-8")
    points_folder.write_json(folder / "manifest.json", found.manifest | {"found": plain(found)})


def best_yaml(found: Calibration, scenario: Scenario) -> str:
    """A scenario file with the values that fit best, on top of scenario.yaml beside it."""
    values = named(found.parameters, found.evaluations.points[found.best])
    fitted = scenario.with_(values).dump()
    sections: dict[str, Any] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        section = re.sub(r"\[.*", "", head)
        if section != head or "." in rest or "[" in rest:
            sections[section] = fitted[section]  # an entry of a list, or deeper: the whole section
        elif section not in sections or isinstance(sections[section], dict):
            sections.setdefault(section, {})[rest] = value
    said = [f"# {line}" for line in in_words(found)]
    body = [f"{section}: {json.dumps(content, ensure_ascii=False)}" for section, content in sections.items()]
    title = json.dumps(f"{scenario.name or 'scenario'}, fitted", ensure_ascii=False)
    return "\n".join([*said, "extends: scenario.yaml", f"name: {title}", *body, ""])
