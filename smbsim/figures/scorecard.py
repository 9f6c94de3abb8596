"""A scorecard: exits, cash, growth and jobs of firms, and the clouds of Beveridge and Okun, over many runs beside the statistics.

Figures of a `Scorecard` (of `analysis.scorecard`); CARD_FIGURES is the list. All take an axis if wanted and return it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base
from .demography import CAUSE_COLORS

VERDICT_COLORS = {"pass": "#009E73", "partial": "#E69F00", "fail": "#D55E00", "missing": "#BDBDBD"}
BANDS = (5, 95)
FARTHEST = 3.5  # tolerances from the target that an axis shows
CURVE_YEARS = 5  # of the survival curve, for which the statistics have single years
MOST_DOTS = 4_000
CASH_FACTS = ("cash_days_p25", "cash_days_median", "cash_days_p75")
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


def _share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


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
    base.percent(ax)
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
    base.percent(ax)
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
    base.percent(ax)
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
    base.percent(ax, "x")
    base.percent(ax, "y")
    base.name_below(ax, label_x)
    ax.set_ylabel(label_y, fontsize=base.STYLE["axes.labelsize"])
    if len(x) < 3 or np.ptp(x) <= 1e-12 or np.ptp(y) <= 1e-12:
        return float("nan")
    slope, level = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, level + slope * ends, color=base.PALETTE[1], linewidth=1.4)
    return float(np.corrcoef(x, y)[0, 1])


@base.styled
def beveridge(card, ax=None):
    """Vacancies against unemployment, one dot per quarter and run."""
    ax = base.axis(ax, 5.2, 3.8)
    u, v = (card.measures[f"quarter_{name}"].ravel() for name in ("unemployment", "vacancies"))
    _cloud(ax, u, v, "Unemployment (% of the labour force)", "Vacancies (% of jobs and vacancies)")
    ax.set_ylim(bottom=0.0)
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
    base.headline(ax, title, f"'{card.name}', {_runs(card)}; mean correlation of single runs")
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
    base.percent(ax)
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
