"""Births, lives and deaths of firms: survival, causes of exit, cash, growth, jobs, and the clouds of Beveridge and Okun.

Figures of a `Scorecard` (of `analysis.scorecard`) compare many seeds with the statistics; CARD_FIGURES is the list. Figures of a `Result`
compare the variants of a scenario; RESULT_FIGURES is the list, with the series each needs. All take an axis if wanted and return it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..result import Result
from ..schema import WEEKS_PER_YEAR, InputError
from . import base

VERDICT_COLORS = {"pass": "#009E73", "partial": "#E69F00", "fail": "#D55E00", "missing": "#BDBDBD"}
CAUSE_COLORS = {"illiquid": "#D55E00", "insolvent": "#E69F00", "voluntary": "#56B4E9", "retirement": "#0072B2", "merger": "#CC79A7"}
BANDS = (5, 95)
QUARTER = 13  # weeks
FARTHEST = 3.5  # tolerances from the target that an axis shows
CURVE_YEARS = 5  # of the survival curve, for which the statistics have single years
MOST_DOTS = 4_000
MOST_QUARTILES = 3  # variants of which the quartiles of cash are drawn
FAR_APART = 20.0  # ratio of largest and smallest from which an axis is logarithmic
STILL = 1e-12  # a smaller range is none
HARDLY = 0.1  # a smaller correlation is none
CASH_QUARTILES = ("cash_days_p25", "cash_days", "cash_days_p75")  # metrics
CASH_FACTS = ("cash_days_p25", "cash_days_median", "cash_days_p75")
CAUSE_SERIES = {  # metric → cause
    "illiquid_exits": "illiquid", "insolvent_exits": "insolvent", "voluntary_exits": "voluntary", "retirements": "retirement",
    "mergers": "merger",
}  # fmt: skip
DATA = {"color": base.INK, "marker": "o", "linestyle": "none", "markersize": 5, "zorder": 4}


def _runs(card) -> str:
    n = len(card.seeds)
    return f"{n} run{'s' * (n != 1)} of {card.years} year{'s' * (card.years != 1)}"


def _line(ax, x, middle, each, color, **look) -> None:
    """A line of all runs together with the 5–95 % band of single ones."""
    if len(each) > 1:
        known = np.isfinite(each).all(axis=0)
        if known.any():
            low, high = np.percentile(each[:, known], BANDS, axis=0)
            ax.fill_between(np.asarray(x)[known], low, high, color=color, alpha=base.SHADE["outer"] + 0.05, linewidth=0)
    ax.plot(x, middle, color=color, **look)


def _percent(ax, which: str = "y") -> None:
    from matplotlib.ticker import FuncFormatter

    line = ax.yaxis if which == "y" else ax.xaxis
    line.set_major_formatter(FuncFormatter(lambda x, _: base.plain(round(100 * x, 10))))


def _share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


# -- a scorecard --------------------------------------------------------------------------------------------------------------------------


@base.styled
def overview(card, ax=None):
    """Every fact: how many tolerances it is off its target, with the spread over single runs, coloured by verdict."""
    rows = card.judged
    if ax is None:
        height = 1.2 + 0.2 * len(rows)
        fig = base.figure(7.6, height)
        fig.set_layout_engine(None)  # names on both sides: saved with all that is drawn, wherever it is
        fig.subplots_adjust(left=0.42, right=0.86, top=1 - 0.6 / height, bottom=0.6 / height)
        ax = fig.subplots()
    ax = base.axis(ax)
    ax.grid(visible=False)
    ax.axvspan(-2, 2, color="#F6F6F6", linewidth=0, zorder=0)
    ax.axvspan(-1, 1, color="#E8F2EE", linewidth=0, zorder=0)
    ax.axvline(0, color=base.INK, linewidth=0.7, zorder=1)
    for y, row in enumerate(rows):
        fact, color = row.fact, VERDICT_COLORS[row.verdict]
        if not np.isfinite(row.value):
            ax.annotate("not measured", (0, y), fontsize=base.SMALL - 1, color=base.NEUTRAL, ha="center", va="center")
            continue
        off = fact.distance(row.value)
        at, low, high = np.clip([off, fact.distance(row.low), fact.distance(row.high)], -FARTHEST, FARTHEST)
        ax.plot([low, high], [y, y], color=color, linewidth=1.2, alpha=0.6, zorder=2)
        marker = "o" if abs(off) <= FARTHEST else ">" if off > 0 else "<"
        ax.plot([at], [y], color=color, marker=marker, markersize=5, zorder=3)
    groups = [row.fact.group for row in rows]
    for y in range(1, len(rows)):
        if groups[y] != groups[y - 1]:
            ax.axhline(y - 0.5, color=base.FAINT, linewidth=0.6)
    marks = {"calibration": " ◂", "input": " ◃", "hold-out": ""}
    texts = [f"{row.fact.label}{marks[row.fact.role]}" for row in rows]
    ax.set_yticks(range(len(rows)), texts, fontsize=base.SMALL - 1)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(-FARTHEST - 0.2, FARTHEST + 0.2)
    ax.tick_params(axis="y", length=0)
    right = ax.twinx()
    right.set_ylim(ax.get_ylim())
    right.spines[:].set_visible(False)
    values = [f"{base.human(row.value)} / {base.human(row.fact.target)}" for row in rows]
    right.set_yticks(range(len(rows)), values, fontsize=base.SMALL - 1, color="#666666")
    right.tick_params(axis="y", length=0)
    base.name_below(ax, "Distance from the target (tolerances)")
    counts = card.count()
    title = f"{counts['pass']} of {len(rows)} facts pass, {counts['partial']} partly, {counts['fail']} fail"
    below = (
        f"'{card.name}', {_runs(card)}; bars: 5–95 % of single runs. ◂ used in calibration, ◃ input, else hold-out. Right: value / target"
    )
    base.headline(ax, title, below, base.width_of(texts) * 0.9)
    return ax


@base.styled
def survival(card, ax=None):
    """Exit hazard by age class beside the statistics."""
    ax = base.axis(ax)
    x, goal = np.arange(len(card.age_names)), card.hazard_targets
    years, exits = card.measures["age_years"], card.measures["age_exits"]
    each, middle = _share(exits, years), _share(exits.sum(axis=0), years.sum(axis=0))
    _line(ax, x, middle, each, base.PALETTE[0], marker="o", markersize=3, label="model")
    if np.isfinite(goal).any():
        ax.plot(x, goal, label="statistics", **DATA)
        ax.legend(frameon=False, fontsize=base.SMALL, loc="upper right")
    ax.set_xticks(x, card.age_names)
    ax.set_ylim(0, None)
    _percent(ax)
    base.name_below(ax, "Age before the year (years)")
    ax.set_ylabel("Firms that close within a year (%)", fontsize=base.STYLE["axes.labelsize"])
    five, there = (float(np.prod(1 - h[:CURVE_YEARS])) for h in (middle, goal))
    title = (
        f"{base.human(100 * five, 2)} % of new firms live five years" if np.isfinite(five) else "Too few young firms for a survival rate"
    )
    title += f", {base.human(100 * there, 2)} % in the statistics" if np.isfinite(there) else ""
    base.headline(ax, title, f"'{card.name}', {_runs(card)}; band: 5–95 % of single runs")
    return ax


@base.styled
def exit_causes(card, ax=None):
    """Why firms close, by age: shares of exits."""
    ax = base.axis(ax)
    found = card.measures["cause_by_age"].sum(axis=0)
    total, left = found.sum(axis=1), np.zeros(len(found))
    for c, cause in enumerate(card.causes):
        share = np.divide(found[:, c], total, out=np.zeros(len(found)), where=total > 0)
        if share.any():
            ax.bar(np.arange(len(found)), share, bottom=left, color=CAUSE_COLORS[cause], width=0.8, label=cause)
        left += share
    ax.set_xticks(
        np.arange(len(found)), [f"{name}\n({base.human(n / len(card.seeds))})" for name, n in zip(card.age_names, total, strict=True)]
    )
    ax.set_ylim(0, 1)
    _percent(ax)
    base.name_below(ax, "Age before the year (years; exits per run in parentheses)", lines=2)
    ax.set_ylabel("Share of exits (%)", fontsize=base.STYLE["axes.labelsize"])
    if total.sum() > 0:
        ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        shares = found.sum(axis=0) / total.sum()
        order = [int(c) for c in np.argsort(-shares) if shares[c] > 0][:3]
        title = "Exits: " + ", ".join(f"{base.human(100 * shares[c], 2)} % {card.causes[c]}" for c in order)
    else:
        title = "No firm closes"
    base.headline(ax, title, f"'{card.name}', {_runs(card)}. No statistics of causes to compare with")
    return ax


@base.styled
def cash_days(card, ax=None):
    """Distribution of the days of outflow that deposits cover, with quartiles beside those of the statistics."""
    ax = base.axis(ax)
    edges, count = card.cash_edges, card.measures["cash_histogram"].sum(axis=0)
    share = count / max(count.sum(), 1)
    ax.stairs(share, edges, fill=True, color=base.PALETTE[0], alpha=0.35)
    ax.set_xscale("log")
    ax.set_ylim(0, max(share.max(), 1e-9) * 1.35)
    goals = {row.fact.name: row.fact.target for row in card.rows}
    found = [_mean(card.measures["cash_quartiles"][:, k]) for k in range(3)]
    for k, name in enumerate(CASH_FACTS):
        if np.isfinite(found[k]):
            ax.axvline(found[k], color=base.PALETTE[0], linewidth=1.4)
        if np.isfinite(goals.get(name, np.nan)):
            ax.plot([goals[name]], [share.max() * 1.12], **DATA | {"marker": "v"}, label="quartiles of the statistics" if k == 0 else None)
    ax.plot([], [], color=base.PALETTE[0], linewidth=1.4, label="quartiles of the model")
    ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left")
    from matplotlib.ticker import FuncFormatter

    ax.xaxis.set_major_formatter(FuncFormatter(base.plain))
    _percent(ax)
    base.name_below(ax, "Deposits (days of outflow, log scale)")
    ax.set_ylabel("Share of SMBs (%)", fontsize=base.STYLE["axes.labelsize"])
    title = (
        f"The median SMB could pay for {base.human(found[1], 2)} days without income" if np.isfinite(found[1]) else "No outflow is known"
    )
    below = f"'{card.name}', {_runs(card)}, all yearly snapshots. At the ends: less than a day, more than {edges[-1]:g} days"
    base.headline(ax, title, below)
    return ax


def _mean(x: np.ndarray) -> float:
    known = x[np.isfinite(x)]
    return float(known.mean()) if len(known) else float("nan")


def _cloud(ax, x, y, label_x: str, label_y: str) -> float:
    """Dots of pairs in percent with the line of least squares; the correlation."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    step = max(-(-len(x) // MOST_DOTS), 1)
    ax.scatter(x[::step], y[::step], s=10, color=base.PALETTE[0], alpha=0.35, linewidths=0, rasterized=True)
    _percent(ax, "x")
    _percent(ax, "y")
    base.name_below(ax, label_x)
    ax.set_ylabel(label_y, fontsize=base.STYLE["axes.labelsize"])
    if len(x) < 3 or np.ptp(x) <= 1e-12 or np.ptp(y) <= 1e-12:
        return float("nan")
    slope, level = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, level + slope * ends, color=base.PALETTE[1], linewidth=1.4)
    return float(np.corrcoef(x, y)[0, 1])


def _centred(x: np.ndarray) -> np.ndarray:
    """(R, Q) each run less its own mean, plus the mean of all: levels of runs differ, and only movements count."""
    known = np.isfinite(x).all(axis=1)
    return np.where(known[:, None], x - x.mean(axis=1, keepdims=True) + (x[known].mean() if known.any() else 0.0), np.nan)


@base.styled
def beveridge(card, ax=None):
    """Vacancies against unemployment, one dot per quarter and run."""
    ax = base.axis(ax, 5.2, 3.8)
    u, v = (_centred(card.measures[f"quarter_{name}"]).ravel() for name in ("unemployment", "vacancies"))
    _cloud(ax, u, v, "Unemployment (% of the labour force)", "Vacancies (% of jobs and vacancies)")
    return _signed(ax, card, "beveridge", "More vacancies go with", ("less", "more"), "unemployment")


@base.styled
def okun(card, ax=None):
    """Growth of output against the change of unemployment, one dot per quarter and run."""
    ax = base.axis(ax, 5.2, 3.8)
    change = np.diff(card.measures["quarter_unemployment"], axis=1).ravel()
    _cloud(ax, change, card.measures["quarter_output_growth"].ravel(), "Change of unemployment (points in a quarter)",
           "Growth of output (% in a quarter)")  # fmt: skip
    return _signed(ax, card, "okun", "When output grows, unemployment", ("falls", "rises"), "")


def _signed(ax, card, name: str, start: str, words: tuple[str, str], end: str):
    value = _mean(card.measures[name])
    if np.isfinite(value):
        strength = "hardly" if abs(value) < 0.1 else words[value > 0]
        title = f"{start} {strength} {end}".strip() + f": correlation {value:.2f}".replace("-", "−")
    else:
        title = "Nothing moves"
    base.headline(ax, title, f"'{card.name}', {_runs(card)}; mean correlation of single runs, quarters less the mean of their run")
    return ax


@base.styled
def growth(card, ax=None):
    """Distribution of the growth of sales on a log scale, beside the tent of Laplace and the bell of Gauss with the same mean deviation."""
    ax = base.axis(ax)
    edges, count = card.growth_edges, card.measures["growth_histogram"].sum(axis=0)
    width, middle, n = np.diff(edges), (edges[1:] + edges[:-1]) / 2, max(count.sum(), 1)
    density = count / n / width
    x = np.linspace(edges[0], edges[-1], 400)
    gauss_spread = np.sqrt(np.pi / 2)  # s.d. of a Gaussian whose mean absolute deviation is 1
    gauss = np.exp(-((x / gauss_spread) ** 2) / 2) / (gauss_spread * np.sqrt(2 * np.pi))
    ax.plot(x, np.exp(-np.abs(x)) / 2, color=base.PALETTE[1], linewidth=1.3)
    ax.plot(x, gauss, color=base.NEUTRAL, linewidth=1.3, linestyle="--")
    there = density > 0
    ax.plot(middle[there], density[there], **DATA | {"color": base.PALETTE[0], "markersize": 4})
    ax.set_yscale("log")
    ax.set_ylim(max(0.3 / n, 1e-7), 2)
    ax.set_xlim(edges[0], edges[-1])
    ax.annotate("Laplace", (7.0, np.exp(-7.0) / 2), xytext=(0, 6), textcoords="offset points", color=base.PALETTE[1], fontsize=base.SMALL)
    ax.annotate("Gauss", (2.8, np.exp(-((2.8 / gauss_spread) ** 2) / 2) / 3), xytext=(-34, -18), textcoords="offset points",
                color="#666666", fontsize=base.SMALL)  # fmt: skip
    base.name_below(ax, "Growth of yearly sales less mean of sector and year (mean absolute deviations)")
    ax.set_ylabel("Density (1 per mean deviation, log scale)", fontsize=base.STYLE["axes.labelsize"])
    shape = _mean(card.measures["growth_shape"])
    if np.isfinite(shape):
        like = (
            "a tent"
            if 0.7 <= shape <= 1.3
            else "sharper than a tent"
            if shape < 0.7
            else "between tent and bell"
            if shape < 1.7
            else "a bell"
        )
        title = f"Growth rates are {like}: shape {shape:.2f} (Laplace 1, Gauss 2)"
    else:
        title = "Too little growth to have a shape"
    base.headline(ax, title, f"'{card.name}', {_runs(card)}, {base.human(count.sum())} firm-years")
    return ax


@base.styled
def job_creation(card, ax=None):
    """Net growth by size class relative to the largest, without and with age: the regression on job creation."""
    ax = base.axis(ax)
    x = np.arange(len(card.fine_names))
    ends = []
    for k, (with_age, text) in enumerate(((False, "without age"), (True, "given age"))):
        found = card.effects("mean size", with_age)
        _line(ax, x, found[0], found[1:], base.PALETTE[k], marker="o", markersize=4, label=text)
        ends.append(found[0, 0])
    ax.axhline(0, color=base.INK, linewidth=0.8)
    ax.set_xticks(x, card.fine_names)
    ax.legend(frameon=False, fontsize=base.SMALL)
    _percent(ax)
    base.name_below(ax, "Size (heads, mean of two years)")
    ax.set_ylabel("Net growth less that of the largest (points a year)", fontsize=base.STYLE["axes.labelsize"])
    if np.isfinite(ends).all():
        without, given = (base.signed(100 * end, "points") for end in ends)
        title = f"The smallest grow {without} against the largest; given age {given}"
    else:
        title = "Not every size class has firms"
    base.headline(ax, title, f"'{card.name}', {_runs(card)}; growth of employment weighted by it, births and deaths included")
    return ax


CARD_FIGURES: dict[str, Callable] = {
    "overview": overview, "survival": survival, "exit_causes": exit_causes, "cash_days": cash_days, "beveridge": beveridge, "okun": okun,
    "growth": growth, "job_creation": job_creation,
}  # fmt: skip


def draw_card(card, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw all of CARD_FIGURES into a folder, SVG and PNG. Returns the files written."""
    return [file for name, draw in CARD_FIGURES.items() for file in base.save(draw(card), folder, name, manifest_hash)]


# -- variants of a scenario ---------------------------------------------------------------------------------------------------------------


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
    _percent(ax)
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
    rate = _share(vacancies, vacancies + _quarters(_weekly(result, "employment")))
    u = _quarters(_weekly(result, "unemployment"))
    texts = ("Unemployment (% of the labour force)", "Vacancies (% of jobs and vacancies)", "vacancies and unemployment")
    ax = _clouds(result, ax, u, rate, *texts)
    known = rate[np.isfinite(rate) & (rate > 0)]
    if known.size and known.max() > FAR_APART * known.min():
        ax.set_yscale("log")
        ax.set_ylim(0.8 * known.min(), 1.25 * known.max())
        _percent(ax)
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
    _percent(ax, "x")
    _percent(ax, "y")
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
