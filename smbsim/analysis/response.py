r"""How outcomes respond to parameters: a scenario and its variants at every point of a design, each under the same seeds.

    x(p, r)    mean over the weeks of a metric, at point p in run r
    effect     e(p, r) = x(variant) / x(baseline) - 1 at the same point and seed; of shares ("1") the difference
    response   mean of e (or of x, where there is no baseline) over the runs of a point ± t_{R-1} s / √R, and quantiles over the runs
    rank       Spearman's correlation of the response with each parameter over the points

    results/<name>_sweep/<UTC time>-<hash8>/
      design.csv     the points         ensemble.nc   all runs, point by point; design_… has the parameters of each
      summary.csv    outcomes by point, variant and metric              flows.csv   who pays whom, by point and variant
      and what `smbsim run` leaves: scenario.yaml, runs.csv, parts/, manifest.json, figures/

Source: MODEL.md 4.3 (common random numbers), 4.16 (what is claimed must hold over the parameters that are not known).
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import economy as economies
from .. import scenario as scenarios
from ..result import BANDS, BASELINE, Result
from ..result import load as load_result
from ..result_file import about, by_weeks
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..simulate import IDENTITIES, validate
from .designs import FACTORIAL, Design, design, exact
from .ensemble import compute, manifest_of, put_text, seal, seeds_of
from .store import told
from .study import Progress, Study

KIND = "sweep"  # in the manifest: whose folder this is
NUMBERS = ("ensemble.nc", "summary.csv", "flows.csv", "design.csv")
LEVEL = 0.95
FIRST = ("real_value_added", "employment", "unemployment", "exits", "output")  # metrics told and drawn first
MOST_TOLD, MOST_RANKED = 3, 3
FLAT = 1e-9  # of a response: rounding


@dataclass(frozen=True, eq=False)
class Response:
    """One outcome of one variant at the points, each (P,), NaN at a point without a run; mean ± half-width at LEVEL, NaN with one run.

    relative : whether it is the effect against the baseline, unit "1"; share: whether the metric is one, so that the effect is in points
    bands    : (5, P) quantiles over the runs of a point, in percent BANDS
    """

    metric: str
    variant: str
    label: str
    unit: str
    relative: bool
    share: bool
    runs: np.ndarray
    mean: np.ndarray
    half: np.ndarray
    bands: np.ndarray


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a scenario does over a design. weeks: first and last that count; result: all runs, point by point."""

    design: Design
    result: Result
    weeks: tuple[int, int]
    manifest: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the scenario."""
        return self.result.name

    @property
    def variants(self) -> tuple[str, ...]:
        """Those that are told: all but the baseline, where there are others."""
        others = tuple(v for v in self.result.variants if v != BASELINE)
        return others if others and BASELINE in self.result.variants else self.result.variants

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of what has one value a week, the most asked for first."""
        known = [n for n in self.result.series if n not in IDENTITIES and about(self.result, n)[2] is None]
        return tuple(sorted(known, key=lambda n: FIRST.index(n) if n in FIRST else len(FIRST)))

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        """Metric → (V, R) mean over the weeks that count."""
        shown_weeks = (self.result.weeks >= self.weeks[0]) & (self.result.weeks <= self.weeks[1])
        found = {}
        for name in self.metrics:
            sums, at = 0.0, 0
            for values in by_weeks(self.result, name):
                sums = sums + values[:, :, shown_weeks[at : at + values.shape[2]]].sum(axis=2)
                at += values.shape[2]
            found[name] = sums / shown_weeks.sum()
        return found

    def outcome(self, metric: str, variant: str) -> np.ndarray:
        """(R,) by run: the effect against the baseline; the metric itself of the baseline, or where there is none."""
        x, base = self._of(metric, variant), BASELINE in self.result.variants and variant != BASELINE
        if not base:
            return x
        there = self._of(metric, BASELINE)
        if about(self.result, metric)[0] == "1":
            return x - there
        return np.divide(x, there, out=np.where(x == 0.0, 1.0, np.nan), where=there != 0) - 1.0

    def _of(self, metric: str, variant: str) -> np.ndarray:
        if metric not in self._means:
            raise InputError(f"sweep: unknown metric '{metric}'.{nearest(metric, self.metrics)}")
        return self._means[metric][self.result.variant(variant)]

    def response(self, metric: str, variant: str | None = None) -> Response:
        """The response of a metric; variant: default the first that is told. Raises InputError naming the nearest."""
        variant = self.variants[0] if variant is None else variant
        unit, label, _ = about(self.result, metric) if metric in self.metrics else ("", "", None)
        relative = variant != BASELINE and BASELINE in self.result.variants
        return Response(
            metric, variant, label, "1" if relative else unit, relative, unit == "1", *self._by_point(self.outcome(metric, variant))
        )

    def _by_point(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Runs, mean, half-width of its interval (P,) and quantiles (5, P) of what is known by run, (R,)."""
        from scipy.stats import t

        P = len(self.design.points)
        runs, bands = np.bincount(self.result.design["point"], minlength=P), np.full((len(BANDS), P), np.nan)
        mean, half = np.full((2, P), np.nan)
        ends = np.cumsum(runs)  # runs stand point by point
        for p in np.flatnonzero(runs):
            mine = y[ends[p] - runs[p] : ends[p]]
            mean[p], bands[:, p] = mine.mean(), np.percentile(mine, BANDS)
            if runs[p] > 1:
                half[p] = t.ppf(0.5 + LEVEL / 2, runs[p] - 1) * mine.std(ddof=1) / np.sqrt(runs[p])
        return runs, mean, half, bands

    def ranks(self, response: Response) -> dict[str, float]:
        """Parameter → Spearman's rank correlation with the response over the points; NaN where one of them does not vary."""
        from scipy.stats import rankdata

        known, found = np.isfinite(response.mean), {}
        for name, x in self.design.values.items():
            y, flat = response.mean[known], x.dtype.kind == "O" or np.unique(x[known]).size < 2
            still = y.size < 3 or np.ptp(y) <= FLAT * np.abs(y).max(initial=0.0)
            found[name] = np.nan if flat or still else float(np.corrcoef(rankdata(x[known]), rankdata(y))[0, 1])
        return found

    def summary(self) -> str:
        """What was found, in words."""
        return "\n".join(self.in_words())

    # -- words and tables ---------------------------------------------------------------------------------------------------------------

    def in_words(self) -> list[str]:
        """How the first metrics respond, where most and where least, and which parameter moves them."""
        lines = []
        for variant in self.variants:
            for metric in self.metrics[:MOST_TOLD]:
                r = self.response(metric, variant)
                if np.isfinite(r.mean).any():
                    lines.append(f"{variant}: {_lower(r.label)} {self._response_in_words(r)}")
        empty = np.flatnonzero(np.bincount(self.result.design["point"], minlength=len(self.design.points)) == 0)
        if empty.size:
            lines.append(f"no run is left at {empty.size} of {len(self.design.points)} points, first {self.design.at(int(empty[0]))}")
        if len(self.manifest.get("seeds", ())) == 1:
            lines.append("one run at each point: no interval, and noise cannot be told from effect; use --runs")
        return lines

    def _response_in_words(self, r: Response) -> str:
        lowest, highest = int(np.nanargmin(r.mean)), int(np.nanargmax(r.mean))
        what = "differs from the baseline by" if r.relative else "is"
        if r.mean[highest] - r.mean[lowest] <= FLAT * np.nanmax(np.abs(r.mean)):
            return f"{what} {value_in_words(r, lowest)} at every point: it does not respond"
        numeric = len(self.design.factors) == 1 and self.design.factors[0].numeric
        ends = (0, len(r.mean) - 1) if numeric and np.isfinite(r.mean[[0, -1]]).all() and self._ordered else (lowest, highest)
        text = f"{what} " + " and ".join(f"{value_in_words(r, k)} at {self.design.at(k)}" for k in ends)
        inside = [k for k in (lowest, highest) if k not in ends and self._sticks_out(r, k, ends)]
        text += "".join(f"; {'lowest' if k == lowest else 'highest'} at {self.design.at(k)}, {value_in_words(r, k)}" for k in inside)
        ranked = sorted(((abs(x), name, x) for name, x in self.ranks(r).items() if np.isfinite(x)), reverse=True)[:MOST_RANKED]
        if len(self.design.factors) > 1 and ranked:
            text += "; rank correlation " + ", ".join(f"{x:+.2f} with {name}".replace("-", "−") for _, name, x in ranked)
        signs = np.sign(r.mean[np.isfinite(r.mean)])
        if r.relative and len(self.design.factors) > 1 and (signs == signs[0]).all():
            text += "; the same sign at every point"
        return text

    @property
    def _ordered(self) -> bool:
        """Whether the points of the only parameter rise or fall."""
        steps = np.diff(next(iter(self.design.values.values())))
        return bool((steps > 0).all() or (steps < 0).all())

    def _sticks_out(self, r: Response, k: int, ends: tuple[int, int]) -> bool:
        """Whether a point is beyond both ends by more than the intervals."""
        return all(abs(r.mean[k] - r.mean[e]) > np.nan_to_num(r.half[k]) + np.nan_to_num(r.half[e]) for e in ends)

    def plain(self) -> dict[str, Any]:
        """Everything a machine wants: the design, and the response of every metric at every point."""
        responses = []
        for variant in self.variants:
            for metric in self.metrics:
                r = self.response(metric, variant)
                ranks = self.ranks(r)
                of = {"metric": metric, "variant": variant, "label": r.label, "unit": r.unit, "against_baseline": r.relative}
                responses.append(of | {"rank_correlation": ranks, "mean": r.mean.tolist(), "half_width": r.half.tolist()})
        return {
            "name": self.name, "design": self.design.kind, "parameters": _parameters(self.design),
            "points": [dict(point) for point in self.design.points], "variants": list(self.result.variants),
            "seeds": self.manifest.get("seeds", []), "runs": len(self.result.seeds), "weeks": list(self.weeks), "level": LEVEL,
            "failed": self.manifest.get("failed", 0), "summary": self.in_words(), "responses": responses,
        }  # fmt: skip

    def write_summary(self, path: Path) -> None:
        """summary.csv: a row for every point, variant and metric; the effect is empty for the baseline."""
        values = [[exact(x) for x in point.values()] for point in self.design.points]
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            effect = ("effect", "effect_low", "effect_high")
            out.writerow(("point", *self.design.names, "variant", "metric", "unit", "runs", "mean", *(f"p{b}" for b in BANDS), *effect))
            for variant in self.result.variants:
                for metric in self.metrics:
                    unit, against = about(self.result, metric)[0], variant != BASELINE and BASELINE in self.result.variants
                    runs, mean, _, bands = self._by_point(self._of(metric, variant))
                    e = self.response(metric, variant)
                    effects = [e.mean, e.mean - e.half, e.mean + e.half] if against else np.full((3, len(mean)), np.nan)
                    for p, numbers in enumerate(zip(mean, *bands, *effects, strict=True)):
                        out.writerow(
                            (p, *values[p], variant, metric, unit, runs[p], *(f"{x:.10g}" if np.isfinite(x) else "" for x in numbers))
                        )

    def __repr__(self) -> str:
        points, seeds = len(self.design.points), len(self.manifest.get("seeds", ()))
        return f"Sweep({self.name!r}, {self.design.kind} over {self.design.names}, {points} points × {seeds} seeds)"

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{line}</li>" for line in self.in_words())
        return (
            f"<b>{self.name}</b>: {self.design.kind} over {', '.join(self.design.names)}, {len(self.design.points)} points<ul>{rows}</ul>"
        )


def value_in_words(r: Response, p: int) -> str:
    """−2.7 % (±0.1), of effects on shares in points, of a metric in its unit."""
    divisor = 0.01 if r.unit == "1" else 1.0
    unit = ("points" if r.share else "%") if r.relative else "%" if r.unit == "1" else r.unit
    sign = "+" if r.relative else ""
    mean, half = (x / divisor for x in (r.mean[p], r.half[p]))
    text = f"{mean:{sign}.3g}".replace("-", "−") if abs(mean) < 1e5 else f"{mean:{sign}.4g}".replace("-", "−")
    return f"{text} {unit}" + (f" (±{half:.2g})" if np.isfinite(half) and half > 0 else "")


def _lower(label: str) -> str:
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


# -- computed and kept --------------------------------------------------------------------------------------------------------------------


class PointFlows:
    """flows.csv of a sweep: what is paid per year, mean over the runs of a point, gathered while the runs pass by in order."""

    def __init__(self, points: int) -> None:
        self.lines: dict[tuple[str, str, str, str], int] = {}
        self.sums: list[dict[int, float]] = [{} for _ in range(points)]
        self.runs = [0] * points

    def add(self, point: int, result: Result) -> None:
        """One run."""
        self.runs[point] += 1
        sums = self.sums[point]
        for line, amount in result.flows.items():
            k = self.lines.setdefault(line, len(self.lines))
            sums[k] = sums.get(k, 0.0) + amount

    def write(self, path: Path) -> None:
        """A row for every point, variant and flow; a flow that a run has not counts as zero there."""
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(("point", "variant", "flow", "payer", "payee", "currency_per_year"))
            for point, sums in enumerate(self.sums):
                out.writerows((point, *line, f"{sums[k] / self.runs[point]:.12g}") for line, k in self.lines.items() if k in sums)


def sweep(
    scenario: Scenario | str | Path,
    over: Sequence[str] | Mapping[str, Any],
    *,
    kind: str = FACTORIAL,
    points: int | None = None,
    runs: int | None = None,
    seed: int | None = None,
    weeks: tuple[int, int] | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    threads: int = 1,
    baseline: bool = True,
    resume: bool = False,
    executor: Executor | str | None = None,
    scheduler: str | None = None,
    shard: tuple[int, int] = (1, 1),
    reuse: Sequence[str | Path] = (),
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Simulate a scenario and its variants at every point of a design, with the same `runs` seeds at each.

    over   : parameters and their values, ["finance.loan_rate=0.02:0.1:5", "model=closed,life"] or {"finance.loan_rate": [0.02, 0.1]}
    kind   : factorial, lhs or sobol; points: of the last two. See `designs`
    weeks  : first and last that count in the outcomes; default all
    others : as of `smbsim.run`

        s = ss.sweep("demand_shock", {"shocks[0].size": [0.1, 0.2, 0.4]}, runs=8)
        s.response("employment").mean                                         # (3,) effect against the baseline

    Raises InputError before anything is simulated when a point cannot be, and when results cannot be kept; AllRunsFailed when no run is
    left, ShardsMissing when this shard is done and others are not. A failed run is a row of runs.csv, the others go on.
    """
    study, design_, weeks = plan(scenario, over, kind=kind, points=points, runs=runs, seed=seed, weeks=weeks, threads=threads,
                                 baseline=baseline, limit=time_limit)  # fmt: skip
    folder, began, flows = None if out is None else Path(out), time.time(), PointFlows(len(design_.points))
    if folder is not None:
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            put_text(folder / "design.csv", design_.csv())
    result, rows = compute(
        study, folder, jobs=jobs, executor=executor, scheduler=scheduler, shard=shard, reuse=reuse, resume=resume, design=design_.values,
        watch=lambda k, one: flows.add(study.point(k), one), progress=progress,
    )  # fmt: skip
    manifest = manifest_of(study, rows, time.time() - began) | _asked(study.scenario, design_, weeks, study)
    found = Sweep(design_, replace(result, manifest=manifest), weeks, manifest)
    if folder is not None:
        with told(folder):
            found.write_summary(folder / "summary.csv")
            flows.write(folder / "flows.csv")
            seal(folder, manifest, NUMBERS)
    return found


def plan(
    scenario: Scenario | str | Path,
    over: Sequence[str] | Mapping[str, Any],
    *,
    kind: str = FACTORIAL,
    points: int | None = None,
    runs: int | None = None,
    seed: int | None = None,
    weeks: tuple[int, int] | None = None,
    threads: int = 1,
    baseline: bool = True,
    limit: float | None = None,
) -> tuple[Study, Design, tuple[int, int]]:
    """All runs of a sweep, its design and the weeks that count, checked: the first and the last point are built. Raises InputError."""
    scenario = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
    last = scenario.horizon.weeks - 1
    first, stop = weeks or (0, last)
    if not 0 <= first <= stop <= last:
        raise InputError(f"weeks {first} to {stop}: recorded are 0 to {last}")
    made, economy = design(scenario, over, kind, points), economies.load(scenario.economy)
    study = Study(scenario, seeds_of(scenario, runs, seed), economy, made.points, baseline, threads=threads, limit=limit)
    for p in dict.fromkeys((0, len(made.points) - 1)):
        try:
            validate(study.variants(p), economy)
        except InputError as error:
            raise InputError(*(f"at {made.at(p)}: {line}" for line in error.lines)) from None
    return study, made, (first, stop)


def load(folder: str | Path) -> Sweep:
    """Read a results folder of `smbsim sweep` back. Raises InputError for one that is not."""
    result = load_result(folder)
    if result.manifest.get("kind") != KIND:
        raise InputError(f"{folder} is not a folder of `smbsim sweep`")
    asked = result.manifest["asked"]
    made = design(scenarios.load(result.manifest["scenario"]), asked["over"], asked["design"], asked["points"])
    return Sweep(made, result, tuple(asked["weeks"]), result.manifest)


def again(manifest: Mapping[str, Any], out: Path, progress: Progress | None = None) -> Sweep:
    """The sweep of a manifest once more, into a folder."""
    return sweep(**_question(manifest), out=out, progress=progress)


def plan_of(manifest: Mapping[str, Any]) -> tuple[Study, Design, tuple[int, int]]:
    """The plan of the sweep of a manifest."""
    return plan(**_question(manifest))


def _question(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `sweep` that ask for the same."""
    asked, seeds = manifest["asked"], manifest["seeds"]
    return {
        "scenario": scenarios.load(manifest["scenario"]), "over": asked["over"], "kind": asked["design"], "points": asked["points"],
        "runs": len(seeds), "seed": seeds[0], "weeks": tuple(asked["weeks"]), "baseline": asked["baseline"],
    }  # fmt: skip


def _asked(scenario: Scenario, made: Design, weeks: tuple[int, int], study: Study) -> dict:
    """What the manifest says besides that of an ensemble."""
    asked = {
        "over": [f.text for f in made.factors], "design": made.kind, "points": None if made.kind == FACTORIAL else len(made.points),
        "weeks": list(weeks), "baseline": study.baseline,
    }  # fmt: skip
    text = json.dumps({**asked, "seeds": list(study.seeds)}, sort_keys=True) + scenario.hash8
    return {
        "kind": KIND,
        "hash": hashlib.sha256(text.encode()).hexdigest()[:8],
        "asked": asked,
        "parameters": _parameters(made),
        "runs_asked": len(study),
    }


def _parameters(made: Design) -> dict[str, dict[str, str]]:
    return {f.name: {"unit": f.unit, "asked": f.text} for f in made.factors}


def hash8(study: Study, made: Design, weeks: tuple[int, int]) -> str:
    """Eight hexadecimal digits that stand for a sweep, its files and the code of the package."""
    return _asked(study.scenario, made, weeks, study)["hash"]


def check_same(study: Study, made: Design, folder: Path) -> None:
    """Raise InputError where a folder that is to be continued holds another scenario or design."""
    scenario, points = folder / "scenario.yaml", folder / "design.csv"
    other = scenario.is_file() and json.loads(scenario.read_text(encoding="utf-8")) != study.scenario.dump()
    if other or (points.is_file() and points.read_text(encoding="utf-8") != made.csv()):
        what = "scenario" if other else "design"
        raise InputError(f"--resume: {folder} holds another {what}; use another folder, or --force to overwrite it")


def default_folder(name: str, hash_: str) -> Path:
    """results/<name>_sweep/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_sweep" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{hash_}"


def newest_folder(name: str, hash_: str) -> Path | None:
    """The newest results folder of the same sweep and code, if there is one."""
    found = sorted((Path("results") / f"{name}_sweep").glob(f"*-{hash_}"))
    return found[-1] if found else None
