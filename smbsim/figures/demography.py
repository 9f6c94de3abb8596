"""Births, lives and deaths of firms by variant: survival, causes of exit, cash, and the clouds of Beveridge and Okun.

Figures of a `Result`; RESULT_FIGURES is the list, with the series each needs. All take an axis if wanted and return it. Those of many
runs beside the statistics stand in `scorecard`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..result import Result
from ..schema import WEEKS_PER_YEAR, InputError
from . import base

CAUSE_COLORS = {"illiquid": "#D55E00", "insolvent": "#E69F00", "voluntary": "#56B4E9", "retirement": "#0072B2", "merger": "#CC79A7"}
BANDS = (5, 95)
QUARTER = 13  # weeks
MOST_QUARTILES = 3  # variants of which the quartiles of cash are drawn
FAR_APART = 20.0  # ratio of largest and smallest from which an axis is logarithmic
STILL = 1e-12  # a smaller range is none
HARDLY = 0.1  # a smaller correlation is none
CASH_QUARTILES = ("cash_days_p25", "cash_days", "cash_days_p75")  # metrics
CAUSE_SERIES = {  # metric → cause
    "illiquid_exits": "illiquid", "insolvent_exits": "insolvent", "voluntary_exits": "voluntary", "retirements": "retirement",
    "mergers": "merger",
}  # fmt: skip


def _weekly(result: Result, name: str) -> np.ndarray:
    """(V, R, T) of a series. Raises InputError naming it when the result has none."""
    return result[name].values


def _bands(ax, result: Result, values: np.ndarray) -> np.ndarray:
    """A line and a band per variant, named at its end; the medians (V, T)."""
    middle = np.median(values, axis=1)
    for v in range(len(result.variants)):
        look = base.look(result, v)
        if values.shape[1] > 1:
            low, high = np.percentile(values[v], BANDS, axis=0)
            ax.fill_between(result.weeks, low, high, color=look["color"], alpha=base.SHADE["outer"], linewidth=0)
        ax.plot(result.weeks, middle[v], **look)
    return middle


def _finish_weeks(ax, result: Result, middle: np.ndarray) -> None:
    base.name_weeks(ax, result.weeks)
    base.shade_windows(ax, result, middle)
    colors = [base.look(result, v)["color"] for v in range(len(result.variants))]
    base.label_ends(ax, float(result.weeks[-1]), list(middle[:, -1]), list(result.variants), colors)


@base.styled
def survival_curves(result: Result, ax=None):
    """Share of the SMBs of the start that are still there, by week and variant."""
    ax = base.axis(ax)
    values = _weekly(result, "surviving_smbs")
    middle = _bands(ax, result, values)
    low, high = base.limits(float(values.min()), 1.0, 0.02)
    ax.set_ylim(max(low, 0.0), min(high, 1.02))
    base.percent(ax)
    ax.set_ylabel("SMBs of the start still there (%)", fontsize=base.STYLE["axes.labelsize"])
    _finish_weeks(ax, result, middle)
    least, most = (result.variants[int(k(middle[:, -1]))] for k in (np.argmin, np.argmax))
    years = base.human(len(result.weeks) / WEEKS_PER_YEAR, 2)
    title = f"{base.human(100 * middle[:, -1].min(), 3)} % of the SMBs of the start are left after {years} years under '{least}'"
    title += f", {base.human(100 * middle[:, -1].max(), 3)} % under '{most}'" if least != most else ""
    base.headline(ax, title, f"'{result.name}'. {base.runs_in_words(len(result.seeds))}" if len(result.seeds) == 1 else
                  f"'{result.name}'. Median of {len(result.seeds)} runs; bands: 5–95 % of runs")  # fmt: skip
    return ax


@base.styled
def exits_by_cause(result: Result, ax=None):
    """Exits over the whole time by cause, one bar per variant: per 1000 SMBs of the start."""
    own = ax is None
    ax = base.axis(ax, 7.2, 1.6 + 0.42 * len(result.variants))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    start = np.maximum(_weekly(result, "smbs_alive")[:, :, 0] + _weekly(result, "exits")[:, :, 0], 1.0)
    left, y = np.zeros(len(result.variants)), np.arange(len(result.variants))
    for name, cause in CAUSE_SERIES.items():
        count = (1000 * _weekly(result, name).sum(axis=2) / start).mean(axis=1)
        if count.any():
            ax.barh(y, count, left=left, color=CAUSE_COLORS[cause], height=0.7, label=cause)
        left += count
    for row, total in enumerate(left):
        ax.annotate(
            base.human(total), (total, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=base.SMALL, color="#666666"
        )
    ax.set_yticks(y, result.variants)
    ax.set_ylim(len(y) - 0.4, -0.6)
    ax.set_xlim(0, max(left.max(), 1e-9) * 1.15)
    ax.tick_params(axis="y", length=0)
    base.name_below(ax, "Exits (per 1 000 SMBs of the start)")
    ax.set_ylabel("Variant (name)", fontsize=base.STYLE["axes.labelsize"])
    if left.any():
        ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    years = len(result.weeks) / WEEKS_PER_YEAR
    row, most = base.baseline_of(result), int(np.argmax(left))
    most = most if row is None else max((v for v in range(len(left)) if v != row), key=lambda v: abs(left[v] - left[row]))
    title = f"Of 1 000 SMBs {base.human(left[most])} close within {base.human(years, 2)} years under '{result.variants[most]}'"
    title += "" if row is None else f", {base.human(left[row])} in the baseline"
    title = title if left.any() else "No SMB closes"
    base.headline(ax, title, f"'{result.name}', mean of {len(result.seeds)} run{'s' * (len(result.seeds) != 1)}",
                  base.width_of(result.variants) if own else 0.0)  # fmt: skip
    return ax


@base.styled
def cash_days_over_time(result: Result, ax=None):
    """Quartiles over SMBs of the days of outflow that deposits cover, by week and variant."""
    ax = base.axis(ax)
    low, middle, high = (np.median(_weekly(result, name), axis=1) for name in CASH_QUARTILES)  # over runs
    row = base.baseline_of(result)
    for v in range(len(result.variants)):
        look = base.look(result, v)
        if v == (row or 0):  # bands over each other cannot be told apart
            ax.fill_between(result.weeks, low[v], high[v], color=look["color"], alpha=base.SHADE["outer"], linewidth=0)
        elif len(result.variants) <= MOST_QUARTILES:
            for quartile in (low[v], high[v]):
                ax.plot(result.weeks, quartile, color=look["color"], linewidth=0.8, alpha=0.8)
        ax.plot(result.weeks, middle[v], **look)
    ax.set_ylim(min(float(low.min()), 0.0), max(1.08 * float(high.max()), 5.0))
    ax.set_ylabel("Deposits (days of outflow)", fontsize=base.STYLE["axes.labelsize"])
    _finish_weeks(ax, result, middle)
    runs = f"median of {len(result.seeds)} run{'s' * (len(result.seeds) != 1)}"
    quartiles = " and thin lines" if 1 < len(result.variants) <= MOST_QUARTILES else ""
    base.headline(ax, _cash_in_words(result, middle, row), f"'{result.name}', {runs}. Thick: the median SMB; band{quartiles}: quartiles")
    return ax


def _cash_in_words(result: Result, middle: np.ndarray, row: int | None) -> str:
    """How far the median SMB is from the baseline at most; without one, what it has at the lowest. middle (V, T)."""
    away = middle if row is None else -np.abs(middle - middle[row])
    v, t = np.unravel_index(np.argmin(away), away.shape)
    where = f"('{result.variants[v]}', week {result.weeks[t]})"
    if row is None:
        return f"The median SMB has {base.human(middle[v, t], 2)} days of cash at the lowest {where}"
    gap = middle[v, t] - middle[row, t]
    return f"Cash of the median SMB: up to {base.signed(gap, 'days')} against the baseline {where}" if gap else "Cash: no difference"


@base.styled
def beveridge_by_variant(result: Result, ax=None):
    """Vacancies against unemployment, one dot per quarter and run, one colour per variant."""
    vacancies = _quarters(_weekly(result, "vacancies"))
    posts = vacancies + _quarters(_weekly(result, "employment"))
    rate = np.divide(vacancies, posts, out=np.full(posts.shape, np.nan), where=posts > 0)
    u = _quarters(_weekly(result, "unemployment"))
    texts = ("Unemployment (% of the labour force)", "Vacancies (% of jobs and vacancies)", "vacancies and unemployment")
    ax = _clouds(result, ax, u, rate, *texts)
    known = rate[np.isfinite(rate) & (rate > 0)]
    if known.size and known.max() > FAR_APART * known.min():
        ax.set_yscale("log")
        ax.set_ylim(0.8 * known.min(), 1.25 * known.max())
        base.percent(ax)
        ax.yaxis.set_minor_formatter(ax.yaxis.get_major_formatter())
        ax.yaxis.set_minor_locator(_few_between())
    return ax


def _few_between():
    """2 and 5 between the powers of ten of a logarithmic axis."""
    from matplotlib.ticker import LogLocator

    return LogLocator(10, subs=(2.0, 5.0))


@base.styled
def okun_by_variant(result: Result, ax=None):
    """Growth of output against the change of unemployment, one dot per quarter and run, one colour per variant."""
    u, x = (_quarters(_weekly(result, name)) for name in ("unemployment", "gdp"))
    growth = np.diff(np.log(np.maximum(x, 1e-300)), axis=2)
    texts = ("Change of unemployment (points in a quarter)", "Growth of output (% in a quarter)", "output and unemployment")
    return _clouds(result, ax, np.diff(u, axis=2), growth, *texts)


def _quarters(values: np.ndarray) -> np.ndarray:
    """(V, R, T) → (V, R, Q) means. Raises InputError for fewer than two quarters."""
    V, R, T = values.shape
    if T < 2 * QUARTER:
        raise InputError(f"figure: {T} weeks are less than two quarters")
    return values[:, :, : T // QUARTER * QUARTER].reshape(V, R, -1, QUARTER).mean(axis=3)


def _clouds(result: Result, ax, x: np.ndarray, y: np.ndarray, label_x: str, label_y: str, what: str):
    ax = base.axis(ax, 5.6, 3.8)
    found = []
    for v, variant in enumerate(result.variants):
        look = base.look(result, v)
        a, b = x[v].ravel(), y[v].ravel()
        ax.scatter(a, b, s=11, color=look["color"], alpha=0.55, linewidths=0, label=variant)
        moves = len(a) > 2 and np.ptp(a) > STILL and np.ptp(b) > STILL
        found.append(float(np.corrcoef(a, b)[0, 1]) if moves else float("nan"))
    base.percent(ax, "x")
    base.percent(ax, "y")
    base.name_below(ax, label_x)
    ax.set_ylabel(label_y, fontsize=base.STYLE["axes.labelsize"])
    ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    known = [(c, variant) for c, variant in zip(found, result.variants, strict=True) if np.isfinite(c)]
    texts = [f"{c:.2f} ('{variant}')".replace("-", "−") for c, variant in known[:3]]
    signs = {c > 0 for c, _ in known if abs(c) >= HARDLY}
    how = {True: "move together", False: "move against each other"}.get(*signs) if len(signs) == 1 else "do not always move alike"
    title = f"{what.capitalize()} {how}: correlation {', '.join(texts)}" if texts else f"{what.capitalize()} do not move"
    base.headline(ax, title, f"'{result.name}', quarters of {len(result.seeds)} run{'s' * (len(result.seeds) != 1)}")
    return ax


RESULT_FIGURES: dict[str, tuple[Callable, tuple[str, ...]]] = {  # name → figure and the series it needs; the first must move
    "survival_curves": (survival_curves, ("surviving_smbs",)),
    "exits_by_cause": (exits_by_cause, ("smbs_alive", "exits", *CAUSE_SERIES)),
    "cash_days_over_time": (cash_days_over_time, ("surviving_smbs", *CASH_QUARTILES)),
    "beveridge_by_variant": (beveridge_by_variant, ("vacancies", "unemployment", "employment")),
    "okun_by_variant": (okun_by_variant, ("vacancies", "unemployment", "gdp")),
}


OF_QUARTERS = ("beveridge_by_variant", "okun_by_variant")


def draw_result(result: Result, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw those of RESULT_FIGURES whose series were recorded, the first of them moving, SVG and PNG. Returns the files written."""
    files = []
    for name, (draw, needed) in RESULT_FIGURES.items():
        if name in OF_QUARTERS and len(result.weeks) < 2 * QUARTER:
            continue
        if all(series in result.series for series in needed) and np.ptp(result[needed[0]].values) > STILL:
            files += base.save(draw(result), folder, name, manifest_hash)
    return files
