"""The scorecard of stylised facts: a panel of many seeds, what it says, and how that compares with the statistics.

    results/<name>_scorecard/<UTC time>-<hash8>/
      input.json      what was asked           manifest.json   the same with versions, seeds, timing, how it ended
      scorecard.csv   one row per fact         regression.csv  growth by size class, with and without age
      measures.nc     all measures by run      parts/<seed>.nc the panel of each run, with which a stopped one is continued

A run without interventions is watched for some years after burn-in (`panel`), and measured at once (`facts`), so that memory does not
grow with the number of runs. Values are of all runs together: counts are added, statistics averaged; the spread is over single runs.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from .. import economy as economies
from .. import scenario as scenarios
from ..economy import Economy
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR, InputError
from ..state import CAUSES
from . import panel as panels
from .ensemble import PACKAGES, AllRunsFailed, version
from .facts import AGE_NAMES, CASH_EDGES, FINE_NAMES, GROWTH_EDGES, SIZE_KINDS, SIZE_NAMES, measure, size_effects
from .targets import FAIL, HOLD_OUT, MISSING, PASS, ROLES, VERDICTS, Fact, Tables, facts_of, hazard_targets, size_effect

RUNS, YEARS = 32, 10
BANDS = (5, 95)  # percent of runs
MOST_YEARS = 100
NOTHING = 0.005  # difference of growth rates that is called none; assumption

Progress = Callable[[int, int], None]  # weeks done, weeks in all


@dataclass(frozen=True)
class Row:
    """A fact, its value over all runs, the 5 and 95 % quantiles over single runs, and the verdict."""

    fact: Fact
    value: float
    low: float
    high: float
    verdict: str

    def plain(self) -> dict[str, Any]:
        """One row of scorecard.csv: column → text or number (NaN where unknown)."""
        f = self.fact
        return {
            "name": f.name, "group": f.group, "label": f.label, "unit": f.unit, "role": f.role, "verdict": self.verdict,
            "value": self.value, "p5": self.low, "p95": self.high, "target": f.target, "from": f.low, "to": f.high,
            "source": f.source, "note": f.note, "reason": f.reason,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scorecard:
    """Facts of R runs of some years. measures: name → (R, …), see `facts.measure`."""

    name: str
    seeds: tuple[int, ...]
    years: int
    sectors: tuple[str, ...]
    facts: tuple[Fact, ...]
    measures: dict[str, np.ndarray]
    hazard_targets: np.ndarray  # (A,) exit hazard by age in the statistics
    manifest: dict = field(default_factory=dict)

    age_names = AGE_NAMES
    size_names = SIZE_NAMES
    fine_names = FINE_NAMES
    causes = CAUSES
    growth_edges = GROWTH_EDGES
    cash_edges = CASH_EDGES

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every fact with its value and verdict."""
        single = [{name: v[r : r + 1] for name, v in self.measures.items()} for r in range(len(self.seeds))]
        found = []
        for fact in self.facts:
            value, each = fact.of(self.measures), np.array([fact.of(m) for m in single])
            known = each[np.isfinite(each)]
            low, high = np.percentile(known, BANDS) if len(known) else (np.nan, np.nan)
            found.append(Row(fact, value, float(low), float(high), fact.judge(value)))
        return tuple(found)

    @property
    def judged(self) -> tuple[Row, ...]:
        """Rows that have a target."""
        return tuple(row for row in self.rows if np.isfinite(row.fact.target))

    def count(self, role: str | None = None) -> dict[str, int]:
        """Verdict → rows with it, of one role or all."""
        rows = [row for row in self.judged if role in (None, row.fact.role)]
        return {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}

    def effects(self, kind: str, with_age: bool) -> np.ndarray:
        """(1 + R, S) growth of each size class less that of the largest: of all runs together, then of each."""
        k = SIZE_KINDS.index(kind)
        matrix, vector = self.measures["normal_matrix"][:, k], self.measures["normal_vector"][:, k]
        each = [size_effects(matrix[r], vector[r], with_age) for r in range(len(self.seeds))]
        return np.stack([size_effects(matrix.sum(axis=0), vector.sum(axis=0), with_age), *each])

    def summary(self) -> str:
        """What the scorecard says, in words."""
        return "\n".join(_in_words(self))

    def plain(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "name": self.name, "runs": len(self.seeds), "seeds": list(self.seeds), "years": self.years,
            "summary": self.summary().splitlines(), "rows": [row.plain() for row in self.rows],
            "counts": {"all": self.count(), **{role: self.count(role) for role in ROLES}},
            "regression": list(_regression_rows(self)),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{line}</li>" for line in self.summary().splitlines())
        return f"<b>{self.name}</b>: scorecard of {len(self.seeds)} runs of {self.years} years<ul>{lines}</ul>"

    def __repr__(self) -> str:
        return f"Scorecard({self.name!r}, runs={len(self.seeds)}, years={self.years}, {self.count()})"

    def save(self, folder: Path) -> None:
        """Write scorecard.csv, regression.csv and measures.nc: the same bytes for the same numbers."""
        import xarray as xr

        _write_csv(folder / "scorecard.csv", [row.plain() for row in self.rows])
        _write_csv(folder / "regression.csv", list(_regression_rows(self)))
        variables = {name: (("run", *(f"{name}_{k}" for k in range(v.ndim - 1))), v) for name, v in self.measures.items()}
        temporary = folder / "measures.part"
        xr.Dataset(variables, {"seed": ("run", list(self.seeds))}, {"name": self.name}).to_netcdf(temporary, engine="h5netcdf")
        temporary.rename(folder / "measures.nc")


def _write_csv(path: Path, rows: Sequence[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        out = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows({k: f"{v:.8g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


# -- words --------------------------------------------------------------------------------------------------------------------------------


def _in_words(card: Scorecard) -> list[str]:
    n, counts = len(card.judged), card.count()
    if n == 0:
        return ["No table of this economy holds a target; the values stand alone."]
    lines = [f"{counts[PASS]} of {n} facts pass ({100 * counts[PASS] / n:.0f} %), {counts['partial']} partly, {counts[FAIL]} fail" +
             (f", {counts[MISSING]} cannot be measured." if counts[MISSING] else ".")]  # fmt: skip
    held = card.count(HOLD_OUT)
    lines.append(f"Of the {sum(held.values())} hold-out facts, to which nothing was fitted, {held[PASS]} pass.")
    missed: dict[str, list[str]] = {}
    for row in card.judged:
        if row.verdict != PASS and row.fact.reason:
            missed.setdefault(row.fact.reason, []).append(row.fact.label)
    lines += [f"Missed: {', '.join(labels)}: {reason}." for reason, labels in missed.items()]
    return [*lines, *_jobs_in_words(card)]


def _jobs_in_words(card: Scorecard) -> list[str]:
    """What the job-creation regression says, without and with age."""
    lines = []
    for kind in SIZE_KINDS:
        found = [(size_effect(card.measures, kind, age), card.effects(kind, age)[1:, 0]) for age in (False, True)]
        if not all(np.isfinite(value) for value, _ in found):
            continue
        texts = []
        for value, each in found:
            known = each[np.isfinite(each)]
            low, high = np.percentile(known, BANDS) if len(known) else (np.nan, np.nan)
            texts.append(f"{100 * value:+.1f} points a year ({100 * low:+.1f} to {100 * high:+.1f})")
        says = _says(found[0][0], found[1][0])
        lines.append(
            f"Job creation by {kind}: the smallest SMBs grow {texts[0]} more than the largest; at the same age {texts[1]}: {says}."
        )
    return lines


def _says(without: float, given_age: float) -> str:
    if without <= NOTHING:
        return (
            "small firms do not create more jobs, with or without age"
            if given_age <= NOTHING
            else "only at the same age are the small ahead"
        )
    if given_age <= NOTHING:
        return "it is youth that creates jobs, not smallness"
    share = 1 - given_age / without
    return (
        f"age explains {100 * share:.0f} % of what looks like an effect of size" if share > 0 else "age does not explain the effect of size"
    )


def _regression_rows(card: Scorecard):
    for kind in SIZE_KINDS:
        for with_age in (False, True):
            found = card.effects(kind, with_age)
            for c, name in enumerate(FINE_NAMES):
                each = found[1:, c][np.isfinite(found[1:, c])]
                low, high = np.percentile(each, BANDS) if len(each) else (np.nan, np.nan)
                about = {"size": kind, "age": "with age" if with_age else "without age", "class": name}
                yield about | {"growth_less_largest": float(found[0, c]), "p5": float(low), "p95": float(high)}


# -- computing ----------------------------------------------------------------------------------------------------------------------------


LIFE = {"name": "life", "model": "life"}  # the economy that is scored when none is named: every mechanism of firm life on


def asked(scenario: Scenario, runs: int, seed: int | None, years: int) -> dict:
    """Plain data that stand for the input; two are equal if and only if the results are."""
    first = scenario.runs.seed if seed is None else seed
    return {"scenario": scenario.without_interventions().hash8, "runs": runs, "first_seed": first, "years": years}


def default_folder(name: str, what: dict) -> Path:
    """results/<name>_scorecard/<UTC time>-<hash8>."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("results") / f"{name}_scorecard" / f"{stamp}-{_hash(what)}"


def newest_folder(name: str, what: dict) -> Path | None:
    """The newest folder of the same input and code, if there is one."""
    found = sorted((Path("results") / f"{name}_scorecard").glob(f"*-{_hash(what)}"))
    return found[-1] if found else None


def _hash(what: dict) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]


def compute(
    scenario: Scenario | str | Path | None = None,
    *,
    runs: int = RUNS,
    seed: int | None = None,
    years: int = YEARS,
    out: str | Path | None = None,
    jobs: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Scorecard:
    """Simulate a panel and score it.

    scenario : default every mechanism of firm life; its interventions and variants are left out
    years    : recorded, after the burn-in of the scenario
    out      : folder to write to; nothing is written without one
    jobs     : runs at a time; default one per core
    resume   : take finished runs from the folder

    Raises InputError for what cannot be, AllRunsFailed when no run is left.
    """
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(LIFE if scenario is None else scenario)
    name, scenario = scenario.name or "scenario", scenario.without_interventions()
    if not (1 <= years <= MOST_YEARS and runs >= 1):
        raise InputError(f"years = {years} and runs = {runs}: at least one run, and 1 to {MOST_YEARS} years")
    what, economy, began = asked(scenario, runs, seed, years), economies.load(scenario.economy), time.time()
    first = what["first_seed"]
    folder = None if out is None else Path(out)
    if folder is not None:
        _open(folder, what, resume)
    measures, failed = _measure_all(scenario, range(first, first + runs), years, economy, folder, jobs or os.cpu_count() or 1, progress)
    if not measures:
        raise AllRunsFailed(f"all {runs} runs failed; the first: {next(iter(failed.values()))}")
    seeds = tuple(sorted(measures))
    stacked = {key: np.stack([measures[s][key] for s in seeds]) for key in measures[seeds[0]]}
    card = Scorecard(name, seeds, years, economy.sectors, facts_of(economy, scenario), stacked,
                     hazard_targets(Tables(Path(economy.folder))),
                     _manifest(scenario, what, seeds, failed, economy, time.time() - began))  # fmt: skip
    if folder is not None:
        card.save(folder)
        temporary = folder / "manifest.part"
        temporary.write_text(json.dumps(card.manifest, indent=1), encoding="utf-8")
        temporary.rename(folder / "manifest.json")
    return card


def _open(folder: Path, what: dict, resume: bool) -> None:
    """Make the folder ready. Raises InputError when it holds another input that was to be continued."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    written = folder / "input.json"
    if resume and written.is_file() and json.loads(written.read_text(encoding="utf-8")) != what:
        raise InputError(f"--resume: {folder} holds another panel; use another folder, or --force to overwrite it")
    for stale in () if resume else (folder / "parts").glob("*.nc"):
        stale.unlink()
    written.write_text(json.dumps(what, indent=1), encoding="utf-8")


def _measure_all(scenario, seeds, years, economy: Economy, folder, jobs, progress) -> tuple[dict[int, dict], dict[int, str]]:
    """Measures of every seed that came to its end, and the errors of the others."""
    weeks, done, one_at_a_time = scenario.horizon.burn_in + WEEKS_PER_YEAR * years, 0, Lock()
    measures: dict[int, dict] = {}
    failed: dict[int, str] = {}

    def report(n: int) -> None:
        """n weeks more are done; called from several threads."""
        nonlocal done
        with one_at_a_time:
            done += n
            if progress is not None:
                progress(done, weeks * len(seeds))

    def one(s: int) -> dict[str, np.ndarray]:
        """Measures of one seed, name → array, from its panel; the panel is read where it is there, else simulated and kept. Raises what a
        run raises."""
        path = None if folder is None else folder / "parts" / f"{s}.nc"
        if path is not None and path.is_file():
            report(weeks)
            return measure(panels.load(path))
        seen = panels.simulate_panel(scenario, s, years, economy, report)
        if path is not None:
            seen.save(path)
        return measure(seen)

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="run")
    try:
        waiting = {pool.submit(one, s): s for s in seeds}
        for future in as_completed(waiting):
            try:
                measures[waiting[future]] = future.result()
            except InputError:
                raise
            except (ValueError, ArithmeticError, MemoryError) as error:
                failed[waiting[future]] = f"{type(error).__name__}: {error}"
    finally:
        pool.shutdown(cancel_futures=True)
    return measures, failed


def _manifest(scenario: Scenario, what: dict, seeds, failed, economy: Economy, seconds: float) -> dict:
    return {
        "asked": what, "hash": _hash(what), "scenario": scenario.dump(), "code": scenarios.code_digest(), "seeds": list(seeds),
        "failed": {str(s): line for s, line in failed.items()}, "seconds": round(seconds, 3), "currency": economy.currency,
        "sector_names": dict(zip(economy.sectors, economy.sector_names, strict=True)),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip
