"""What happens over time: paths with bands, the effect of a shock, sector by sector.

A difference is always paired: run by run against the baseline with the same seed. Bands are quantiles over runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..result import BASELINE, Result
from ..schema import InputError
from . import base

QUANTILES = (5, 25, 50, 75, 95)
HIT = -1.0  # %, from which a sector counts as hit
RECOVERED = 0.1  # of the extreme: what is left when nine tenths are back
CONSECUTIVE = 8  # weeks that a recovery must last (MODEL.md 7, resilience)
NOTHING = 1e-9  # below it a difference is rounding, in % or relative to the level


# -- numbers --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """Values to draw, their unit as written on an axis, and what they are relative to."""

    values: np.ndarray  # (V, R, T[, K])
    unit: str
    to: str


def plain_series(result: Result, name: str):
    """A weekly series without axis. Raises InputError for what has sectors, regions or tiers, or no weeks."""
    series = result[name]
    if series.axis is not None:
        instead = "sectors()" if series.axis == "sector" else "a series without axis"
        raise InputError(f"figure: '{name}' has one value per {series.axis}; use {instead}")
    return series


def difference(result: Result, name: str) -> Difference:
    """Difference from the paired baseline: in % where levels are positive, in percentage points for shares, else in the unit itself.

    Without baseline the difference is from the first week.
    """
    series = result[name]
    row = base.baseline_of(result)
    reference = series.values[:, :, :1] if row is None else series.values[row][None]
    to = "first week" if row is None else BASELINE
    if series.unit == "1":
        return Difference(100 * (series.values - reference), "percentage points", to)
    if np.any(reference < 0) or (series.axis is None and np.any(reference == 0)):
        return Difference(series.values - reference, series.unit, to)
    same = np.broadcast_to(reference, series.values.shape)
    change = np.divide(series.values - same, same, out=np.zeros(series.values.shape), where=same != 0)
    return Difference(100 * change, "%", to)


@dataclass(frozen=True)
class Extreme:
    """Where a path is farthest from zero, when nine tenths of that are back (for good: CONSECUTIVE weeks), and where it ends."""

    value: float
    week: int
    recovered: int | None
    last: float
    end: int

    def in_words(self, unit: str, divisor: float = 1.0) -> str:
        """−3.2 % at the trough (week 12), 90 % back by week 41."""
        kind, gone = ("trough", "back") if self.value < 0 else ("peak", "gone")
        if self.recovered is not None:
            then = f", {100 * (1 - RECOVERED):.0f} % {gone} by week {self.recovered}"
        else:
            then = f", {base.signed(self.last / divisor, unit)} in week {self.end}" if self.end > self.week else ""
        return f"{base.signed(self.value / divisor, unit)} at the {kind} (week {self.week}){then}"


def extreme(path: np.ndarray, weeks: np.ndarray) -> Extreme | None:
    """The extreme of a path (T,) of differences; None if there is no difference."""
    if not np.any(np.abs(np.nan_to_num(path)) > NOTHING):
        return None
    size = np.abs(np.nan_to_num(path))
    at = int(np.argmax(size >= size.max() * (1 - NOTHING)))  # the first of equals, whatever the rounding
    near = path[at:] * np.sign(path[at]) <= RECOVERED * abs(path[at])  # one-sided: beyond zero is back, too
    back = next((int(weeks[at + k]) for k in range(len(near) - CONSECUTIVE + 1) if near[k : k + CONSECUTIVE].all()), None)
    return Extreme(float(path[at]), int(weeks[at]), back, float(path[-1]), int(weeks[-1]))


def quantiles(values: np.ndarray) -> np.ndarray:
    """(5, V, T) over runs; NaN where every run is NaN, without a warning."""
    if values.shape[1] == 1:
        return np.broadcast_to(values[:, 0], (len(QUANTILES), *values[:, 0].shape))
    if np.isfinite(values).all():
        return np.percentile(values, QUANTILES, axis=1)
    filled = np.where(np.isnan(values).all(axis=1, keepdims=True), 0.0, values)
    q = np.nanpercentile(filled, QUANTILES, axis=1)
    return np.where(np.isnan(values).all(axis=1), np.nan, q)


# -- paths ----------------------------------------------------------------------------------------------------------------------------


def _draw(ax, result: Result, values: np.ndarray, rows: list[int]) -> np.ndarray:
    """Bands and medians of some variants; returns the quantiles (5, V, T)."""
    q = quantiles(values)
    many = values.shape[1] > 1
    for v in rows:
        look = base.look(result, v)
        marker = {"marker": "o", "markersize": 4} if len(result.weeks) == 1 else {}
        if many and len(rows) <= base.MOST_BANDS:
            ax.fill_between(result.weeks, q[0, v], q[4, v], color=look["color"], alpha=base.SHADE["outer"], linewidth=0)
        if many:
            ax.fill_between(result.weeks, q[1, v], q[3, v], color=look["color"], alpha=base.SHADE["inner"], linewidth=0)
        ax.plot(result.weeks, q[2, v], **look, **marker, solid_capstyle="round")
    return q


def _range(q: np.ndarray, rows: list[int]) -> tuple[float, float]:
    drawn = q[:, rows] if len(rows) <= base.MOST_BANDS else q[1:4, rows]
    known = drawn[np.isfinite(drawn)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def _label_variants(ax, result: Result, q: np.ndarray, rows: list[int], extra=lambda v: "") -> None:
    """Names of the variants at the ends of their lines, with something below them."""
    texts = [result.variants[v] + extra(v) for v in rows]
    base.label_ends(ax, float(result.weeks[-1]), [q[2, v, -1] for v in rows], texts, [base.look(result, v)["color"] for v in rows])


@base.styled
def paths(result: Result, name: str = "output", ax=None, relative: bool = False):
    """Time paths of a metric, every variant, with bands over runs. relative: in % of the paired baseline.

    Raises InputError for an unknown metric, or one with a value per sector or region.
    """
    series = plain_series(result, name)
    if relative and base.baseline_of(result) is not None:
        values, unit, divisor, what = 100 * result.relative(name).values, "% of baseline", 1.0, series.label
    else:
        relative = False
        known = np.abs(series.values[np.isfinite(series.values)])
        divisor, unit = base.unit_of(series.unit, known.max(initial=0.0))
        values, what = series.values, series.label
    ax = base.axis(ax)
    rows = [v for v in range(len(result.variants)) if not (relative and result.variants[v] == BASELINE)]
    q = _draw(ax, result, values, rows)
    low, high = _range(q, rows)
    if relative:
        ax.axhline(100, color=base.NEUTRAL, linewidth=0.9)
        ax.set_ylim(*base.limits(low, high, 0.5, include=(100,)))
    elif series.unit == "1":
        include = (0,) if high < 0.5 else (1,) if high <= 1 else ()
        bottom, top = base.limits(low, high, 0.01, include)
        ax.set_ylim(bottom if low < 0 else max(bottom, -0.04 * top), top)
    else:
        ax.set_ylim(*base.limits(low, high, 0.02 * max(abs(low), abs(high)) or 1.0, (0,) if low <= 0 else ()))
    if low < 0 < high:
        ax.axhline(0, color=base.INK, linewidth=0.9)
    base.name_axis(ax, what, unit, divisor)
    base.name_weeks(ax, result.weeks)
    base.shade_windows(ax, result, q[:, rows])
    if len(rows) > 1 or (rows and result.variants[rows[0]] != BASELINE):
        _label_variants(ax, result, q, rows)
    base.headline(ax, _level_in_words(result, name, q), base.runs_in_words(len(result.seeds), len(rows) <= base.MOST_BANDS))
    return ax


def _level_in_words(result: Result, name: str, q: np.ndarray) -> str:
    """The extreme of the first variant shown against the baseline's same week, or first and last week."""
    series = result[name]
    known = np.abs(series.values[np.isfinite(series.values)])
    divisor, unit = base.unit_of(series.unit, known.max(initial=0.0))

    def text(x):
        return f"{x / divisor:.1f}" if unit == "%" and abs(x / divisor) >= 0.05 else base.human(x / divisor)

    row = base.baseline_of(result)
    if row is not None:
        medians = quantiles(series.values)[2]
        v = base.shown(result, None)
        gap = medians[v] - medians[row]
        if np.any(np.abs(np.nan_to_num(gap)) > NOTHING * max(known.max(initial=0.0), 1e-300)):
            at = int(np.nanargmax(np.abs(gap)))
            here, there = text(medians[v, at]), text(medians[row, at])
            return f"{series.label}: {here} {unit} in week {result.weeks[at]} with '{result.variants[v]}', {there} {unit} in the baseline"
        return f"{series.label}: the same as in the baseline"
    first, last = (float(quantiles(series.values)[2, 0, t]) for t in (0, -1))
    if len(result.weeks) == 1:
        return f"{series.label}: {text(first)} {unit}"
    return f"{series.label}: {text(first)} {unit} in week {result.weeks[0]}, {text(last)} in week {result.weeks[-1]}"


@base.styled
def effect(result: Result, name: str = "output", ax=None):
    """What a shock or policy does: paired difference from the baseline, with bands. Without baseline: the path itself.

    In % where levels are positive, in percentage points for shares, otherwise in the unit of the metric.
    Raises InputError for an unknown metric, or one with a value per sector or region.
    """
    series = plain_series(result, name)
    row = base.baseline_of(result)
    if row is None:
        return paths(result, name, ax)
    change = difference(result, name)
    ax = base.axis(ax)
    ax.axhline(0, color=base.NEUTRAL, linewidth=1.2)
    rows = [v for v in range(len(result.variants)) if v != row]
    q = _draw(ax, result, change.values, rows)
    low, high = _range(q, rows)
    absolute = change.unit == series.unit
    divisor, unit = base.unit_of(series.unit, max(abs(low), abs(high))) if absolute else (1.0, change.unit)
    ax.set_ylim(*base.limits(low, high, 1e-6 * np.nanmax(np.abs(series.values)) if absolute else 0.1, include=(0,)))
    base.name_axis(ax, "Difference from baseline", unit, divisor)
    base.name_weeks(ax, result.weeks)
    base.shade_windows(ax, result, q[:, rows])
    found = {v: extreme(q[2, v], result.weeks) for v in rows}
    short_unit = "pp" if unit == "percentage points" else unit

    def farthest(v):
        return f"\n{base.signed(found[v].value / divisor, short_unit)}, week {found[v].week}" if found[v] and len(rows) > 1 else ""

    _label_variants(ax, result, q, rows, farthest)
    known = [v for v in rows if found[v]]
    below = base.runs_in_words(len(result.seeds), len(rows) <= base.MOST_BANDS)
    if not known:
        base.headline(ax, f"{series.label}: no difference from the baseline", below)
        return ax
    v = max(known, key=lambda v: abs(found[v].value))
    which = f" with '{result.variants[v]}'" if len(rows) > 1 else ""
    base.headline(ax, f"{series.label}{which}: {found[v].in_words(short_unit, divisor)}", below)
    return ax


# -- sectors --------------------------------------------------------------------------------------------------------------------------


def _by_sector(result: Result, name: str, v: int) -> tuple[np.ndarray, np.ndarray, Difference]:
    """Median over runs of the difference (T, K) in % of one variant, which sectors exist (K,), and the difference."""
    series = result[name]
    if series.axis != "sector":
        raise InputError(f"figure: '{name}' has no value per sector; use paths() or effect()")
    change = difference(result, name)
    there = np.nan_to_num(np.abs(series.values)).max(axis=(0, 1, 2)) > 0
    return np.median(np.nan_to_num(change.values[v]), axis=0), there, change


def _not_shown(there: np.ndarray) -> str:
    missing = int((~there).sum())
    return f" {missing} sector{'s' if missing > 1 else ''} without output not shown." if missing else ""


def _first_hit(path: np.ndarray, threshold: float) -> np.ndarray:
    """(K,) row of the first week below the threshold; T where there is none. path (T, K)."""
    below = path < threshold
    return np.where(below.any(axis=0), below.argmax(axis=0), len(path))


@base.styled
def sectors(result: Result, name: str = "sector_output", ax=None, variant: str | None = None):
    """Sector by week: difference from the paired baseline, sectors in the order in which they were first hit.

    variant: by default the first that is not the baseline. Raises InputError for an unknown name or a metric without sectors.
    """
    v = base.shown(result, variant)
    path, there, change = _by_sector(result, name, v)
    names = [n for n, t in zip(base.sector_names(result), there, strict=True) if t]
    path = path[:, there]
    T, K = path.shape
    room = base.width_of(names) if ax is None else 0.0
    ax = base.axis(ax, 8.6, 1.9 + 0.2 * max(K, 6))
    ax.grid(False)
    if not K:
        base.name_weeks(ax, result.weeks)
        base.headline(ax, "No sector has output")
        return ax
    first = _first_hit(path, HIT)
    order = np.lexsort((path.min(axis=0), first))
    cmap, norm = base.diverging(path)
    weeks = result.weeks
    width = (weeks[-1] - weeks[0]) / (T - 1) if T > 1 else 1.0
    extent = (weeks[0] - width / 2, weeks[-1] + width / 2, K - 0.5, -0.5)
    image = ax.imshow(path[:, order].T, aspect="auto", cmap=cmap, norm=norm, extent=extent, interpolation="nearest")
    hit = [k for k in range(K) if first[order[k]] < T]
    ax.plot([weeks[first[order[k]]] for k in hit], hit, linestyle="none", marker="|", markersize=7, color=base.INK)
    for window in base.windows(result):
        for week in window:
            if weeks[0] < week < weeks[-1]:
                ax.axvline(week, color=base.INK, linewidth=0.8, linestyle=(0, (2, 2)))
    ax.set_yticks(np.arange(K), [names[k] for k in order], fontsize=base.SMALL)
    ax.tick_params(axis="y", length=0)
    trough = path.min(axis=0)[order]
    for k in range(K):
        ax.annotate(
            base.signed(trough[k]) if trough[k] < -0.005 else "0", (1, k), xycoords=("axes fraction", "data"), xytext=(34, 0),
            textcoords="offset points", fontsize=base.SMALL, ha="right", va="center", color=base.INK,
        )  # fmt: skip
    ax.annotate(
        f"trough ({'pp' if 'points' in change.unit else change.unit})", (1, 1), xycoords="axes fraction", xytext=(34, 3),
        textcoords="offset points", fontsize=base.SMALL, ha="right", va="bottom", color=base.INK,
    )  # fmt: skip
    base.name_weeks(ax, weeks)
    ax.set_xlim(extent[0], extent[1])
    ax.set_ylabel("Sector (code)", fontsize=base.STYLE["axes.labelsize"])
    ax.spines[["left", "bottom"]].set_visible(False)
    label = result[name].label
    base.colorbar(ax, image, f"{label}, difference from {change.to} ({change.unit}), median over runs")
    below = (
        f"'{result.variants[v]}'. First hit on top; sticks: first week below {base.plain(HIT)} {change.unit}; dashed: shock starts, stops."
    )
    base.headline(ax, _hit_in_words(names, order, first, weeks, T), below + _not_shown(there), room)
    return ax


def _hit_in_words(names, order, first, weeks, T) -> str:
    hit = [k for k in order if first[k] < T]
    if not hit:
        return f"No sector falls by more than {-HIT:g} %"
    text = f"{len(hit)} of {len(names)} sectors fall by more than {-HIT:g} %"
    where = [f"{names[hit[0]]} first (week {weeks[first[hit[0]]]})"]
    if len(hit) > 1:
        where.append(f"{names[hit[-1]]} last (week {weeks[first[hit[-1]]]})")
    return f"{text}: {', '.join(where)}"


@base.styled
def before_after(result: Result, name: str = "sector_output", ax=None, variant: str | None = None):
    """Each sector before the shock, at its trough and at the end, relative to the paired baseline.

    variant: by default the first that is not the baseline. Raises InputError for an unknown name or a metric without sectors.
    """
    v = base.shown(result, variant)
    path, there, change = _by_sector(result, name, v)
    names = [n for n, t in zip(base.sector_names(result), there, strict=True) if t]
    path = path[:, there]
    K = path.shape[1]
    room = base.width_of(names) if ax is None else 0.0
    ax = base.axis(ax, 8.0, 1.6 + 0.2 * max(K, 6))
    starts = [start for start, _ in base.windows(result)]
    quiet = result.weeks < starts[0] if starts else result.weeks == result.weeks[0]
    before = path[quiet].mean(axis=0) if quiet.any() else np.zeros(K)
    trough, end = path.min(axis=0), path[-1]
    order = np.argsort(trough, kind="stable")
    y = np.arange(K)
    ax.hlines(y, np.minimum(np.minimum(trough, end), before)[order], np.maximum(np.maximum(trough, end), before)[order],
              color=base.FAINT, linewidth=3)  # fmt: skip
    ax.axvline(0, color=base.NEUTRAL, linewidth=1.0, zorder=1)
    # three shapes as well as three colours; the end is open so that nothing hides below it
    marks = (
        ("before", before, {"marker": "|", "markersize": 9, "color": base.NEUTRAL}),
        ("trough", trough, {"marker": "o", "markersize": 6, "color": base.PALETTE[1]}),
        ("end", end, {"marker": "D", "markersize": 5, "markerfacecolor": "white", "color": base.PALETTE[0]}),
    )
    for _, x, look in marks:
        ax.plot(x[order], y, linestyle="none", **look, zorder=3)
    low, high = float(min(path.min(initial=0.0), 0)), float(max(end.max(initial=0.0), before.max(initial=0.0), 0))
    ax.set_xlim(*base.limits(low, high, 0.5, margin=0.12))
    for k, x in zip(y, trough[order], strict=True):
        if x < -0.005:
            ax.annotate(
                base.signed(x), (x, k), xytext=(-7, 0), textcoords="offset points", ha="right", va="center", fontsize=base.SMALL,
                color=base.PALETTE[1],
            )  # fmt: skip
    ax.set_yticks(y, [names[k] for k in order], fontsize=base.SMALL)
    ax.set_ylim(K - 0.4 if K else 1, -1.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(False)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    ax.spines["left"].set_visible(False)
    base.name_axis(ax, f"{result[name].label}, difference from {change.to}", change.unit, which="x")
    ax.set_ylabel("Sector (code)", fontsize=base.STYLE["axes.labelsize"])
    _key(ax, marks)
    if K and trough.min() < -NOTHING:
        worst, unit = int(order[0]), "pp" if "points" in change.unit else change.unit
        title = f"{names[worst]} falls most: {base.signed(trough[worst], unit)} at its trough, "
        title += f"{base.signed(end[worst], unit)} in week {result.weeks[-1]}"
    else:
        title = "No sector falls"
    runs = f"median of {len(result.seeds)} runs" if len(result.seeds) > 1 else "one run"
    base.headline(ax, title, f"'{result.variants[v]}', {runs}. Before, at its own trough, and at the end." + _not_shown(there), room)
    return ax


def _key(ax, marks) -> None:
    """What the marks mean, in one line on top of the sectors."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linestyle="none", label=text, **look) for text, _, look in marks]
    ax.legend(
        handles=handles,
        loc="upper left",
        ncols=3,
        frameon=False,
        fontsize=base.SMALL,
        handletextpad=0.1,
        columnspacing=1.2,
        borderaxespad=0.1,
    )
