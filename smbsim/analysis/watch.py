"""Early warnings of many runs: those of a result, or of a scenario whose parameter is moved across a threshold; and what they are worth.

watch(result, "output", "scenario", until="tip")         every run judged; skill where enough runs tip and enough do not
drift(scenario, "households.confidence", 0.9, 1.3)       runs in which a parameter drifts, beside runs in which it stays or stops short

results/<name>_warning/<UTC time>-<hash8>/
  rises.csv       τ, chance and p of every indicator of every run       indicators.csv  them over time, of the run that is drawn
  scores.csv      what tipping and calm runs score, lead times          manifest.json   what was asked, the finding, versions   figures/
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import scenario as scenarios
from ..metrics import METRICS
from ..result import Result
from ..scenario import Scenario
from ..schema import InputError
from .ensemble import PACKAGES, version
from .indicators import WINDOW, least_length
from .points_folder import digest_of, write_json, write_table
from .skill import LEAST_RUNS, Skill, ramp, skill
from .sweeps import each
from .tipping_scenario import ScenarioSystem
from .warning import NO_PREDICTION, SIGNIFICANT, SURROGATES, EarlyWarning, Until, tip, warning

ACROSS = {"output_variance": "cross_section_variance", "output_moran": "moran"}  # metrics that are indicators as they are
KIND = "warning"  # in the manifest: whose folder this is
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Watch:
    """found: a warning per run; tipped (R,) bool: it has a tip; skill: None where runs of one kind are missing, which `missing` says."""

    name: str
    found: tuple[EarlyWarning, ...]
    tipped: np.ndarray
    skill: Skill | None
    missing: str
    manifest: dict = field(default_factory=dict)

    @property
    def shown(self) -> int:
        """The run that is drawn: the one with the middle τ of the composite, among those that tip where some do."""
        rows = np.flatnonzero(self.tipped) if self.tipped.any() else np.arange(len(self.found))
        taus = np.array([self.found[k].rises["composite"].tau for k in rows])
        return int(rows[np.argsort(taus, kind="stable")[(len(rows) - 1) // 2]])

    def in_words(self) -> str:
        """What the run, or the runs, say; then what that is worth."""
        if len(self.found) == 1:
            lines = [self.found[0].in_words()]
        else:
            n, alarms = len(self.found), sum(one.alarm for one in self.found)
            lines = [
                f"{self.found[0].name}: the indicators rise together in {alarms} of {n} runs; where nothing changes about "
                f"{SIGNIFICANT * n:.2g} would. {NO_PREDICTION}"
            ]
        if self.tipped.any():
            lines.append(f"{int(self.tipped.sum())} of {len(self.found)} runs tip")
        lines.append(self.skill.in_words() if self.skill is not None else f"skill not measured: {self.missing}")
        return "\n".join(lines + list(self.manifest.get("notes", ())))

    def plain(self) -> dict:
        """The numbers a reader wants, as plain data."""
        told: dict[str, Any] = {
            "series": self.found[0].name, "unit": self.found[0].unit, "summary": self.in_words().splitlines(),
            "runs": len(self.found), "tipped": int(self.tipped.sum()), "alarms": sum(one.alarm for one in self.found),
            "false_alarms_expected": SIGNIFICANT * len(self.found), "window": self.found[0].window,
            "rises": [
                {n: {"tau": r.tau, "chance": list(r.band), "p": r.p, "adjusted": r.adjusted} for n, r in one.rises.items()}
                for one in self.found
            ],
        }  # fmt: skip
        if self.skill is not None:
            s = self.skill
            told["skill"] = {
                "runs": list(s.runs), "auc": {n: {"auc": a.auc, "low": a.low, "high": a.high} for n, a in s.areas.items()},
                "false_alarms": s.false, "warned": s.warned, "median_lead": s.median_lead, "unit": s.unit,
                "surrogate_test": None if s.hits is None else {"hits": list(s.hits), "false_alarms": list(s.false_hits or ())},
            }  # fmt: skip
        return told

    def write(self, folder: Path) -> None:
        """Write all tables, the manifest last: a folder without one is not complete."""
        folder.mkdir(parents=True, exist_ok=True)
        rises = [
            (k, bool(self.tipped[k]), name, r.tau, *r.band, r.p, r.adjusted)
            for k, one in enumerate(self.found)
            for name, r in one.rises.items()
        ]
        write_table(folder / "rises.csv", ("run", "tips", "indicator", "tau", "chance_low", "chance_high", "p", "adjusted_p"), rises)
        one = self.found[self.shown]
        rows = np.column_stack([one.ends, *one.indicators.values()]).tolist()
        write_table(folder / "indicators.csv", ("window_ends", *one.indicators), rows)
        if self.skill is not None:
            scores = [
                (kind, k, name, x)
                for name, both in self.skill.scores.items()
                for kind, values in zip(("tipping", "calm"), both, strict=True)
                for k, x in enumerate(values.tolist())
            ]
            lead = [("tipping", k, "lead", x) for k, x in enumerate(self.skill.lead.tolist())]
            write_table(folder / "scores.csv", ("kind", "run", "score", "value"), scores + lead)
        write_json(folder / "manifest.json", self.manifest | {"found": self.plain()})


def watch(
    result: Result,
    name: str = "output",
    variant: str | None = None,
    *,
    until: Until = None,
    calm: Result | str | None = None,
    n_surrogates: int = SURROGATES,
    jobs: int = 1,
    progress: Progress | None = None,
    asked: Mapping[str, Any] | None = None,
    **options,
) -> Watch:
    """Judge every run of a variant of a result, with the indicators across firms where they were recorded.

    variant : default the last
    until   : as in `warning`; with "tip" a run that has none is looked at to its end
    calm    : runs that do not tip, to measure skill against: another result or a variant; default: the runs of this one that do not
    options : window, bandwidth, kind, seed of `warning`

    Raises InputError naming what is unknown, and for series about which nothing can be said.
    """
    variant = result.variants[-1] if variant is None else variant
    values, label, unit = series_of(result, name, variant)
    others = {said: series_of(result, one, variant)[0] for one, said in ACROSS.items() if one in result.series and one != name}
    weeks = result.weeks.astype(float)
    quiet = _calm_of(result, calm, name, variant)
    return _watch(
        f"{result.name}: {variant}",
        values,
        weeks,
        quiet,
        others,
        label,
        unit,
        until,
        n_surrogates,
        jobs,
        progress,
        dict(asked or {}),
        options,
    )


def _calm_of(result: Result, calm: Result | str | None, name: str, variant: str) -> np.ndarray | None:
    if calm is None:
        return None
    if isinstance(calm, Result):
        return series_of(calm, name, calm.variants[-1])[0]
    if calm == variant:
        raise InputError(f"--calm {calm} is the variant that is watched")
    return series_of(result, name, calm)[0]


def series_of(result: Result, name: str, variant: str) -> tuple[np.ndarray, str, str]:
    """(R, T) of a metric without an axis, its label and unit. Raises InputError naming the nearest."""
    v, found = result.variant(variant), result[name]
    if name not in result.series or found.axis is not None:
        raise InputError(f"--series {name} has one value per {found.axis or 'run'}; a number for every week is needed")
    return found.values[v], found.label, found.unit


def drift(
    scenario: Scenario,
    param: str,
    a: float,
    b: float,
    *,
    calm_to: float | None = None,
    metric: str = "output",
    weeks: int = 4,
    steps: int = 200,
    runs: int = 20,
    seed: int | None = None,
    n_surrogates: int = SURROGATES,
    jobs: int = 1,
    progress: Progress | None = None,
    asked: Mapping[str, Any] | None = None,
    **options,
) -> Watch:
    """Let a parameter of a scenario drift from a to b while the economy runs, so many steps of so many weeks, and watch for the tip.

    calm_to : where the parameter of the paired calm runs drifts to, from a as well and as often; default a: it stays
    metric  : mean of the second half of each step, relative to rest

    Raises InputError for what the scenario cannot mean and for too few steps.
    """
    needed = least_length(options.get("window", WINDOW))
    problems = [f"{n} = {k}: at least 1" for n, k in (("runs", runs),) if k < 1]
    problems += [f"steps = {steps}: at least {needed}, for windows that can be judged"] if steps < needed else []
    if problems:
        raise InputError(*problems)
    system, first = ScenarioSystem(scenario, param, metric, weeks), scenario.runs.seed if seed is None else seed
    ways = [np.linspace(a, b, steps), np.linspace(a, a if calm_to is None else calm_to, steps)]
    for p in (a, b, ways[1][-1]):
        system.at(float(p))
    notes, total, done = system.notes(a, b), 2 * runs * steps * weeks, [0]

    def counted(parameter, state, run_seed):
        answer = system(parameter, state, run_seed)
        done[0] += weeks
        if progress is not None:
            progress(min(done[0], total), total)
        return answer

    seeds = [first + k for k in range(runs)]
    tipping, calm = (ramp(counted, way, seeds, jobs) for way in ways)
    weekly = weeks * np.arange(1.0, steps + 1)
    told = {"param": param, "from": a, "to": b, "calm_to": float(ways[1][-1]), "weeks": weeks, "steps": steps, "runs": runs, "seed": first}
    told |= {"metric": metric, "scenario": scenario.dump(), "notes": notes, **(asked or {})}
    label, unit = METRICS[metric].label, "1" if METRICS[metric].unit == "1" else "share of rest"
    name = f"{scenario.name}: {param} from {a:g} to {b:g}"
    until = "tip" if any(tip(x) is not None for x in tipping) else None
    return _watch(name, tipping, weekly, calm, {}, label, unit, until, n_surrogates, jobs, None, told, options)


def _watch(name, values, weeks, quiet, others, label, unit, until, n_surrogates, jobs, progress, asked, options) -> Watch:
    began, ends = time.time(), [tip(x) for x in values]
    tipped = np.array([n is not None for n in ends])
    if until == "tip" and len(values) == 1 and not tipped.any():
        raise InputError("until = tip: the series has no lasting jump to end before; give a time, or look at all of it")
    seed, done = options.pop("seed", 1), [0]

    def judge(r: int) -> EarlyWarning:
        found = warning(
            values[r], weeks, until=None if until == "tip" and not tipped[r] else until, across={n: o[r] for n, o in others.items()},
            n_surrogates=n_surrogates, seed=seed + r, name=label, unit=unit, **options,
        )  # fmt: skip
        done[0] += 1
        if progress is not None:
            progress(done[0], len(values))
        return found

    found = tuple(each(judge, range(len(values)), jobs))
    quiet = values[~tipped] if quiet is None else quiet[[tip(x) is None for x in quiet]]
    measured, missing = None, _missing(int(tipped.sum()), len(quiet))
    if not missing:
        kept = [k for k, n in enumerate(ends) if n is not None and n >= least_length(options.get("window", WINDOW))]
        missing = _missing(len(kept), len(quiet), "late enough ")
        if not missing:
            settings = {k: v for k, v in options.items() if k in ("window", "bandwidth")}
            measured = skill(
                values[kept], quiet, weeks, ends=[ends[k] for k in kept], n_surrogates=n_surrogates, seed=seed, name=label, unit="weeks",
                jobs=jobs, **settings,
            )  # fmt: skip
    notes = asked.pop("notes", [])
    return Watch(name, found, tipped, measured, missing, _manifest(name, asked, notes, time.time() - began))


def _manifest(name: str, asked: Mapping[str, Any], notes: Sequence[str], seconds: float) -> dict:
    return {
        "kind": KIND, "name": name, "hash": digest_of(asked), "code": scenarios.code_digest(), "asked": dict(asked), "notes": list(notes),
        "ended": "complete", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
    }  # fmt: skip


def _missing(tipping: int, calm: int, how: str = "") -> str:
    if min(tipping, calm) >= LEAST_RUNS:
        return ""
    return f"{tipping} runs tip {how}and {calm} do not; {LEAST_RUNS} of each are needed (50 to be sure)"
