r"""Variants side by side: what differs between them, how sure that is, and how many runs it takes to be surer.

Run r of every variant meets the same firms with the same luck (common random numbers), so that the difference is taken run by run and
what all variants share cancels out.

    d_r      x_r(variant) - x_r(reference)                     x: mean over the weeks, of what is counted by the week per year
    s_u²     s²(variant) + s²(reference)                       what the variance would be with other firms and other luck in each
    gain     s_u² / s_d²                                       so many times fewer runs for the same interval
    clear    the interval leaves out zero, all indicators and variants that are looked at being allowed for

Intervals, what is clear and the runs needed are those of `intervals`. The reference of a variant with policies is the same without them,
where that was run; of the others the baseline. A conflict of signs is a variant that clearly betters one indicator and clearly worsens
another; which way is better stands in GOOD, what is not in it is not judged. Costs and effects of policies are those of `policy`.

Sources: MODEL.md 4.3, 5.9, Replications (half-width below a quarter of the effect).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..interventions import policies as policy_kinds
from ..result import BASELINE, Result, Series
from ..result import load as load_result
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR, InputError, nearest
from ..simulate import IDENTITIES
from . import ensemble, policy
from .intervals import MOST_RUNS, NO_EFFECT, bootstrap, clear, runs_needed, student
from .side_by_side import side_by_side

BANDS = (5, 25, 50, 75, 95)
GOOD = {  # indicator → 1 more is better, -1 less is; an assumption about what most people want
    **dict.fromkeys(
        ("output", "smb_output", "real_value_added", "gdp", "employment", "smb_employment", "wages", "consumption", "fill_rate",
         "smb_deposits", "household_deposits", "government_deposits", "smbs_alive", "surviving_smbs", "entries", "entrant_jobs",
         "productivity", "bank_own_funds", "firm_investment"), 1,
    ),
    **dict.fromkeys(
        ("unmet_demand", "stopped_smbs", "overdrawn_smbs", "overdue", "refused_smbs", "exits", "illiquid_exits", "insolvent_exits",
         "smbs_in_arrears", "loans_written_off", "trade_credit_written_off", "unemployment", "layoffs", "releases"), -1,
    ),
}  # fmt: skip
TOLD = ("real_value_added", "employment", "unemployment", "exits", "smbs_alive", "consumption", "government_deposits")  # in words, in order
MOST_TOLD, MOST_LISTED = 4, 5
COLUMNS = ("variant", "to", "metric", "label", "unit", "reference", "difference", "low", "high", "bootstrap_low", "bootstrap_high",
           *(f"p{b}" for b in BANDS), "p_value", "clear", "better", "sd", "sd_unpaired", "gain", "runs_needed",
           "runs_needed_unpaired")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One indicator of one variant against its reference `to`; intervals are NaN with one run. better: 1, -1, 0 not judged."""

    variant: str
    to: str
    metric: str
    label: str
    unit: str
    reference: float  # mean over the runs
    mean: float
    low: float
    high: float
    bootstrap: tuple[float, float]
    bands: tuple[float, ...]  # quantiles of d_r over the runs, in percent BANDS
    p_value: float
    clear: bool
    better: int
    sd: float
    sd_unpaired: float
    gain: float  # inf where all differences are equal
    needed: int | None  # runs in all; None: no effect to be precise about, or more than MOST_RUNS
    needed_unpaired: int | None

    @property
    def relative(self) -> float:
        """The difference as a share of the reference."""
        return self.mean / abs(self.reference) if self.reference else math.nan

    def plain(self) -> dict[str, Any]:
        """As one row of comparison.csv."""
        values = (
            self.variant, self.to, self.metric, self.label, self.unit, self.reference, self.mean, self.low, self.high, *self.bootstrap,
            *self.bands, self.p_value, self.clear, self.better, self.sd, self.sd_unpaired, self.gain, self.needed, self.needed_unpaired,
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True)
class Comparison:
    """Differences of all variants from their references. told: what policies cost per effect, as `analysis.policy.told` has it."""

    name: str
    seeds: tuple[int, ...]
    weeks: tuple[int, int]  # first and last that count
    level: float
    precision: float
    rows: tuple[Difference, ...]
    told: dict[str, dict]
    manifest: dict = field(default_factory=dict)

    @property
    def variants(self) -> tuple[str, ...]:
        """Those that are compared with another one."""
        return tuple(dict.fromkeys(row.variant for row in self.rows))

    def policies(self) -> dict[str, dict]:
        """What the policies of each variant that has some cost and did, as `Result.policies` has it."""
        return self.told

    def of(self, variant: str) -> dict[str, Difference]:
        """Indicator → its difference. Raises InputError naming the nearest variant."""
        if variant not in self.variants:
            raise InputError(f"comparison: unknown variant '{variant}'.{nearest(variant, self.variants)}")
        return {row.metric: row for row in self.rows if row.variant == variant}

    def conflicts(self) -> dict[str, tuple[list[Difference], list[Difference]]]:
        """Variant → indicators that it clearly betters and clearly worsens, largest relative difference first, where there are both."""
        found = {}
        for variant in self.variants:
            judged = [row for row in self.of(variant).values() if row.clear and row.better]
            judged.sort(key=lambda row: -abs(row.relative) if math.isfinite(row.relative) else -math.inf)
            sides = [[row for row in judged if row.better * row.mean > 0], [row for row in judged if row.better * row.mean < 0]]
            if all(sides):
                found[variant] = tuple(sides)
        return found

    def gain(self, variant: str) -> float:
        """Median over the indicators that differ: so many times fewer runs than without pairing."""
        gains = [row.gain for row in self.of(variant).values() if abs(row.mean) > 0 and math.isfinite(row.gain)]
        return float(np.median(gains)) if gains else math.nan

    def in_words(self) -> list[str]:
        """What differs, conflicts, what effects cost, what pairing gains and how many runs are missing."""
        lines = [line for variant in self.variants for line in self._words_of(variant)]
        for variant, (better, worse) in self.conflicts().items():
            lines.append(f"{variant}: signs conflict: better in {_named(better)}; worse in {_named(worse)}")
        for variant, told in self.told.items():
            known = [(what, told["measures"][f"cost_per_{what}"]["mean"]) for what in ("job_year", "exit_avoided")]
            costs = [f"{_number(x)} per {what.replace('_', ' ')}" for what, x in known if x > 0]
            if costs:
                lines.append(f"{variant}: costs {' and '.join(costs)}")
        if len(self.seeds) == 1:
            lines.append("one run: no interval, and noise cannot be told from effect; use --runs")
        return lines

    def _words_of(self, variant: str) -> list[str]:
        rows = self.of(variant)
        told = [rows[name] for name in TOLD if name in rows and abs(rows[name].mean) > 0][:MOST_TOLD]
        to = next(iter(rows.values())).to
        if not told and not any(abs(row.mean) > 0 for row in rows.values()):
            return [f"{variant}: no difference from {to}"]
        lines = [f"{variant} less {to}: " + "; ".join(map(_said, told))] if told else []
        clear, total = sum(row.clear for row in rows.values()), sum(math.isfinite(row.p_value) for row in rows.values())
        gain = self.gain(variant)
        if total:
            lines.append(
                f"{variant}: {clear} of {total} indicators differ clearly, looking at all of them being allowed for"
                + (f"; pairing needs {_number(gain)} times fewer runs (median of the indicators)" if math.isfinite(gain) else "")
            )
        missing = [row for row in told if (row.needed or 0) > len(self.seeds)]
        if missing:
            each = [f"{_lower(row.label)} {_runs(row.needed)} (unpaired {_runs(row.needed_unpaired)})" for row in missing]
            lines.append(f"{variant}: runs needed to know the effect within {self.precision:.0%} of itself: {', '.join(each)}")
        return lines

    def plain(self) -> dict[str, Any]:
        """All of it as plain data."""
        conflicts = {v: {"better": [r.metric for r in a], "worse": [r.metric for r in b]} for v, (a, b) in self.conflicts().items()}
        return {
            "name": self.name, "runs": len(self.seeds), "seeds": list(self.seeds), "weeks": list(self.weeks), "level": self.level,
            "precision": self.precision, "summary": self.in_words(), "gain": {v: self.gain(v) for v in self.variants},
            "conflicts": conflicts, "policies": self.told, "differences": [row.plain() for row in self.rows],
        }  # fmt: skip

    def write(self, folder: str | Path) -> list[Path]:
        """comparison.csv (one row per variant and indicator) and comparison.json (all of it). Returns the files written."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        table, data = folder / "comparison.csv", folder / "comparison.json"
        with (folder / "comparison.part").open("w", newline="") as file:
            out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            out.writeheader()
            out.writerows({k: f"{x:.10g}" if isinstance(x, float) else x for k, x in row.plain().items()} for row in self.rows)
        (folder / "comparison.part").rename(table)
        (folder / "comparison.part").write_text(json.dumps(_finite(self.plain() | {"manifest": self.manifest}), indent=1) + "\n")
        (folder / "comparison.part").rename(data)
        return [table, data]


def compare(
    *sources: Result | Scenario | str | Path,
    to: str | None = None,
    metrics: Sequence[str] | None = None,
    weeks: tuple[int, int] | None = None,
    level: float = 0.95,
    precision: float = 0.25,
    runs: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    progress: ensemble.Progress | None = None,
) -> Comparison:
    """Compare the variants of one source, or of several side by side.

    sources   : results, results folders, scenarios, scenario files or packaged names; what is not yet a result is simulated
    to        : the reference of all; default: of a variant with policies the same without them, of others the baseline
    metrics   : indicators; default all that have one value a week
    weeks     : first and last week that count; default all
    level     : of the intervals
    precision : half-width of the interval that is wanted, as a share of the effect
    runs, seed, jobs, progress : of what is simulated; default those of the scenario

    Raises InputError for what cannot be compared.
    """
    if not sources:
        raise InputError("nothing to compare")
    found: dict[str, Result] = {}
    for source in sources:
        if isinstance(source, str | Path) and Path(source).is_dir():
            one = load_result(source)
        else:
            one = source if isinstance(source, Result) else ensemble.run(source, runs=runs, seed=seed, jobs=jobs, progress=progress)
        name = one.name or f"result {len(found) + 1}"
        found[name if name not in found else f"{name} {len(found) + 1}"] = one
    return differences(side_by_side(found), to=to, metrics=metrics, weeks=weeks, level=level, precision=precision)


def differences(
    result: Result,
    *,
    to: str | None = None,
    metrics: Sequence[str] | None = None,
    weeks: tuple[int, int] | None = None,
    level: float = 0.95,
    precision: float = 0.25,
) -> Comparison:
    """The comparison of the variants of one result; the options are those of `compare`."""
    problems = [f"{name} = {x}: above 0 and below 1" for name, x in (("level", level), ("precision", precision)) if not 0.0 < x < 1.0]
    if problems:
        raise InputError(*problems)
    references = _references(result, to)
    names, shown = _indicators(result, metrics), _weeks(result, weeks)
    pairs = [(v, name) for v in references for name in names]
    values = {name: _per_run(result[name], shown) for name in names}
    d = np.array([values[name][result.variant(v)] - values[name][result.variant(references[v])] for v, name in pairs])
    if not len(d):
        raise InputError(f"result '{result.name}': nothing to compare: {'one variant' if len(result.variants) == 1 else 'no indicator'}")
    there = np.array([values[name][result.variant(references[v])] for v, name in pairs])
    here = there + d
    d[np.abs(d) <= NO_EFFECT * np.abs(there)] = 0.0
    low, high, p = student(d, level)
    sure, boot = clear(p, level), bootstrap(d, level)
    rows = tuple(
        _row(result, v, references[v], name, here[k], there[k], d[k], (low[k], high[k]), boot[k], p[k], sure[k], level, precision)
        for k, (v, name) in enumerate(pairs)
    )
    bounds = int(result.weeks[shown][0]), int(result.weeks[shown][-1])
    return Comparison(result.name, result.seeds, bounds, level, precision, rows, policy.told(result, level), result.manifest)


def _row(result, variant, to, name, here, there, d, interval, boot, p, clear, level, precision) -> Difference:
    series, R = result[name], len(d)
    factor, unit = (WEEKS_PER_YEAR, f"{series.unit[:-3]}/yr") if series.unit.endswith("/wk") else (1.0, series.unit)
    mean = float(d.mean())
    sd, unpaired = (float(x) for x in (d.std(ddof=1), math.hypot(here.std(ddof=1), there.std(ddof=1)))) if R > 1 else (math.nan, math.nan)
    gain = math.nan if R == 1 or (not mean and not sd) else unpaired**2 / sd**2 if sd > NO_EFFECT * abs(mean) else math.inf
    half = precision * abs(mean)
    return Difference(
        variant, to, name, series.label, unit, float(there.mean()) * factor, mean * factor, *(float(x) * factor for x in interval),
        tuple(float(x) * factor for x in boot), tuple(float(x) * factor for x in np.percentile(d, BANDS)), float(p), bool(clear),
        GOOD.get(name, 0), sd * factor, unpaired * factor, gain, runs_needed(sd, half, level), runs_needed(unpaired, half, level, arms=2),
    )  # fmt: skip


# -- what is compared with what -----------------------------------------------------------------------------------------------------------


def _references(result: Result, to: str | None) -> dict[str, str]:
    """Variant → its reference, for all variants that have one."""
    if to is not None:
        result.variant(to)
        return {v: to for v in result.variants if v != to}
    base = BASELINE if BASELINE in result.variants else result.variants[0]
    found = {v: base for v in result.variants if v != base}
    acting = result.manifest.get("variants", {})
    bases = result.manifest.get("references", {})
    for variant in found:
        found[variant] = bases.get(variant, base)
        shocks = _without_policies(acting.get(variant, []))
        if shocks != acting.get(variant, []):
            alike = [v for v in result.variants if v in acting and acting[v] == shocks and bases.get(v, base) == found[variant]]
            found[variant] = alike[0] if alike else found[variant]
    return {v: reference for v, reference in found.items() if v not in bases.values()}


def _without_policies(interventions: list[dict]) -> list[dict]:
    return [one for one in interventions if one["kind"] not in policy_kinds.KINDS]


def _indicators(result: Result, metrics: Sequence[str] | None) -> list[str]:
    """Recorded metrics with one value a week. Raises InputError, one line per mistake."""
    known = [name for name, s in result.series.items() if s.axis is None and name not in IDENTITIES]
    problems = [f"unknown indicator '{name}'.{nearest(name, known)}" for name in metrics or () if name not in known]
    if problems:
        raise InputError(*problems)
    return list(dict.fromkeys(metrics)) if metrics else known


def _weeks(result: Result, weeks: tuple[int, int] | None) -> np.ndarray:
    """(T,) bool: the weeks that count."""
    first, last = int(result.weeks[0]), int(result.weeks[-1])
    start, stop = weeks or (first, last)
    if not first <= start <= stop <= last:
        raise InputError(f"weeks {start} to {stop}: recorded are {first} to {last}")
    return (result.weeks >= start) & (result.weeks <= stop)


def _per_run(series: Series, shown: np.ndarray) -> np.ndarray:
    """(V, R) mean over the weeks."""
    return series.values[:, :, shown].mean(axis=2)


# -- words --------------------------------------------------------------------------------------------------------------------------------


def _said(row: Difference) -> str:
    """Output of firms −0.45 % (−2.9 to +2.1 %)."""
    share = row.unit == "1"
    factor = 100.0 if share else 100.0 / abs(row.reference) if row.reference else 1.0
    unit = "points" if share else "%" if row.reference else row.unit
    known = math.isfinite(row.low)
    band = f" ({_signed(row.low * factor)} to {_signed(row.high * factor)})" if known else ""
    return f"{_lower(row.label)} {_signed(row.mean * factor)} {unit}{band}" + ("" if row.clear or not known else ", not clear")


def _lower(label: str) -> str:
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _named(rows: Sequence[Difference]) -> str:
    return ", ".join(map(_said, rows[:MOST_LISTED])) + (f" and {len(rows) - MOST_LISTED} more" if len(rows) > MOST_LISTED else "")


def _runs(n: int | None) -> str:
    return _number(n) if n else f"more than {_number(MOST_RUNS)}"


def _number(x: float) -> str:
    return f"{x:,.0f}".replace(",", " ") if abs(x) >= 1000 else f"{x:.3g}"


def _signed(x: float) -> str:
    return f"{x:+.2g}" if abs(x) < 10 else f"{x:+.3g}"


def _finite(data: Any) -> Any:
    """Plain data in which what is not a finite number is null."""
    if isinstance(data, dict):
        return {key: _finite(x) for key, x in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(x) for x in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
