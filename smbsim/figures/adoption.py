"""Who adopts tools, when and where: S-curves beside the statistics, the divide by size, adoption on the network, who is displaced and why.

Figures of a `Result`; RESULT_FIGURES is the list, with the series each needs. All take an axis if wanted and return it. Where tipping
depends on two parameters, `smbsim tipping --second` draws the phase diagram (`tipping.phases`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import economy
from ..adoption import PAST_WORDING, read_history
from ..result import Result
from ..schema import WEEKS_PER_YEAR, InputError
from . import base, network

SHARE = "SMBs that use artificial intelligence"
SIZE_COLORS = ("#56B4E9", "#0072B2", "#003B5C")  # of the three sizes, light to dark
CAUSE_COLORS = {"tools": "#D55E00", "demand": "#56B4E9", "closures": "#999999"}  # why people are let go
LEVELS = ("#DADADA", "#7DB5DE", "#0072B2", "#002B45")  # functions with artificial intelligence: none, one, two, more
VIEWS = 4  # moments of the network
LINKS = 200  # largest links drawn
BANDS = (5, 95)


# -- S-curves ---------------------------------------------------------------------------------------------------------------------------


@base.styled
def s_curves(result: Result, ax=None, variant: str | None = None):
    """Adoption of artificial intelligence by size, with the statistics up to the start, and by business function.

    With an axis given only the sizes are drawn. variant: by default the first that is not the baseline.
    """
    v = base.shown(result, variant)
    axes = base.figure(8.6, 4.2).subplots(1, 2, sharey=True, width_ratios=(1.25, 1)) if ax is None else [ax]
    own = [base.axis(one) for one in axes]
    top, said = _by_size(own[0], result, v)
    if len(own) > 1:
        top = max(top, _lines(own[1], result, v, "function_ai_use", base.PALETTE))
    for one in own:
        one.set_ylim(0, 1.08 * max(top, 0.01))
    _name_lines(own[0], result, v, "size_ai_use", SIZE_COLORS, " heads")
    own[0].set_ylabel(f"{SHARE} (%)", fontsize=base.STYLE["axes.labelsize"])
    use = np.median(result["ai_use"].values[v], axis=0)
    years = base.human((len(result.weeks) - 1) / WEEKS_PER_YEAR, 2)
    title = f"{base.human(100 * use[0], 2)} % of SMBs use artificial intelligence at the start, {base.human(100 * use[-1], 2)} % after "
    base.headline(own[0], f"{title}{years} years", f"'{result.variants[v]}', by staff. {_runs(result)}{said}")
    if len(own) > 1:
        _name_lines(own[1], result, v, "function_ai_use", base.PALETTE)
        base.headline(own[1], "By business function", "")
    return own[0]


def _by_size(ax, result: Result, v: int) -> tuple[float, str]:
    """Lines by size and the dots of the statistics; the highest point, and what the dots are."""
    top = _lines(ax, result, v, "size_ai_use", SIZE_COLORS)
    sizes = np.array([float(name.split()[0]) for name in result.labels["size"]])
    history, first = _history(result), 0.0
    for wording, reading in history.items():
        past = wording == PAST_WORDING
        for k, color in enumerate(SIZE_COLORS[: len(sizes)]):
            mine = np.searchsorted(sizes, reading.heads, side="right") - 1 == k
            known = np.isfinite(reading.share[:, mine])
            x = np.broadcast_to(reading.years[:, None], known.shape)[known]
            y = reading.share[:, mine][known]
            ax.plot(x, y, "o", color=color, markersize=2.6 if past else 4.5, markeredgewidth=0, alpha=0.45 if past else 0.95, zorder=3)
        first, top = min(first, float(reading.years.min())), max(top, float(np.nanmax(reading.share)))
    ax.set_xlim(first - (0.1 if history else 0.0), result.weeks[-1] / WEEKS_PER_YEAR)
    if not history:
        return top, ""
    ax.axvline(0, color=base.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)))
    return top, ". Dots: survey, each a size class; small ones: asked about producing goods or services only"


def _history(result: Result):
    """The statistics of the result's economy; empty where its folder is not here or has none."""
    name = result.manifest.get("scenario", {}).get("economy", "")
    if name not in economy.available() and not Path(name or "-").is_dir():
        return {}
    return read_history(Path(economy.load(name).folder))


def _lines(ax, result: Result, v: int, name: str, colors) -> float:
    """A line with its band for each label of a series; the highest point."""
    values, years = result[name].values[v], result.weeks / WEEKS_PER_YEAR
    for k in range(values.shape[-1]):
        if values.shape[0] > 1:
            ax.fill_between(years, *np.percentile(values[..., k], BANDS, axis=0), color=colors[k], alpha=base.SHADE["outer"], linewidth=0)
        ax.plot(years, np.median(values[..., k], axis=0), color=colors[k])
    base.percent(ax)
    ax.set_xlim(years[0], max(years[-1], years[0] + 1e-9))
    base.name_below(ax, "Time (years from the start)")
    return float(np.percentile(values, BANDS[1], axis=0).max())


def _name_lines(ax, result: Result, v: int, name: str, colors, after: str = "") -> None:
    ends = np.median(result[name].values[v, :, -1], axis=0)
    texts = [f"{label}{after}" for label in result.labels[result[name].axis]]
    base.label_ends(ax, float(result.weeks[-1]) / WEEKS_PER_YEAR, list(ends), texts, list(colors[: len(texts)]))


def _runs(result: Result) -> str:
    return "One run" if len(result.seeds) == 1 else f"Median of {len(result.seeds)} runs; bands: 5–95 % of runs"


# -- the divide -------------------------------------------------------------------------------------------------------------------------


@base.styled
def divide(result: Result, ax=None):
    """Use of artificial intelligence in the quarter of SMBs with the least staff and in that with the most, by week and variant.

    With an axis given: how many points the first is behind the second.
    """
    least, most = (100 * result["quartile_ai_use"].values[..., k] for k in (0, -1))
    gap = np.median(most - least, axis=1)
    if ax is None:
        own = [base.axis(one) for one in base.figure(8.6, 3.8).subplots(1, 2, sharey=True)]
        drawn = (("quarter of SMBs with the least staff", least), ("quarter with the most staff", most))
    else:
        own, drawn = [base.axis(ax)], (("difference of most and least staff", most - least),)
    top = max(np.percentile(values, BANDS[1], axis=1).max() for _, values in drawn)
    low = min(0.0, min(np.percentile(values, BANDS[0], axis=1).min() for _, values in drawn))
    colors = [base.look(result, v)["color"] for v in range(len(result.variants))]
    for one, (_, values) in zip(own, drawn, strict=True):
        middle = np.median(values, axis=1)
        for v in range(len(result.variants)):
            look = base.look(result, v)
            if values.shape[1] > 1 and len(result.variants) <= base.MOST_BANDS:
                band = np.percentile(values[v], BANDS, axis=0)
                one.fill_between(result.weeks, *band, color=look["color"], alpha=base.SHADE["outer"], linewidth=0)
            one.plot(result.weeks, middle[v], **look)
        base.name_weeks(one, result.weeks)
        one.set_ylim(low, 1.08 * max(top, 1.0))
    base.label_ends(own[-1], float(result.weeks[-1]), list(middle[:, -1]), list(result.variants), colors)
    own[0].set_ylabel(f"{SHARE} ({'%' if ax is None else 'points'})", fontsize=base.STYLE["axes.labelsize"])
    base.headline(own[0], _gap_in_words(result, gap), f"Here: {drawn[0][0]}. {_runs(result)}")
    if len(own) > 1:
        base.headline(own[1], "", f"Here: {drawn[1][0]}")
    return own[0]


def _gap_in_words(result: Result, gap: np.ndarray) -> str:
    """gap (V, T) in points."""
    row = base.baseline_of(result)
    v = 0 if row is None else max((v for v in range(len(gap)) if v != row), key=lambda v: abs(gap[v, -1] - gap[row, -1]))
    first, last = (base.human(x, 2) for x in gap[v, [0, -1]])
    title = f"The smallest quarter is {first} points behind the largest at the start, {last} at the end"
    if row is None:
        return title
    return f"{title} under '{result.variants[v]}', {base.human(gap[row, -1], 2)} in the baseline"


# -- the network ------------------------------------------------------------------------------------------------------------------------


@base.styled
def adoption_network(result: Result, ax=None, variant: str | None = None):
    """Adoption on the supply network over time: SMBs of the first run by tier and sector, darker the more functions use it.

    Without `ax` some moments beside each other; with `ax` the last one only. variant: by default the first that is not the baseline.
    Raises InputError when the result holds no firms.
    """
    if "ai_functions" not in result.firms:
        raise InputError(f"figure: result '{result.name}' does not hold who uses artificial intelligence")
    v, weeks = base.shown(result, variant), result.firms["snapshot_week"]
    shown = np.unique(np.linspace(0, len(weeks) - 1, VIEWS).round().astype(int)) if ax is None else np.array([len(weeks) - 1])
    codes, tiers = base.sector_names(result, longest=32), result.labels["tier"]
    small = np.flatnonzero(result.firms["kind"] != network.LARGE)
    present, place = network.rows_of_sectors(result)
    x, y = network.places(result.firms["tier"], place[result.firms["sector"]])
    if ax is None:
        figure = base.figure(2.6 + 1.95 * len(shown), 2.1 + 0.19 * max(len(present), 6))
        own = list(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)))
    else:
        own = [ax]
    for k, (one, s) in enumerate(zip(own, shown, strict=True)):
        base.axis(one).grid(False)
        one.spines[["left", "bottom"]].set_visible(False)
        one.tick_params(length=0)
        used = result.firms["ai_functions"][v, s, small]
        network.draw_links(one, result, x, y, LINKS)
        for level, color in enumerate(LEVELS):  # those with more on top; who has closed is gone
            mine = small[used == level if level < len(LEVELS) - 1 else used >= level]
            one.scatter(x[mine], y[mine], s=np.clip(6e3 / max(len(small), 1), 2.0, 16.0), color=color, linewidths=0, zorder=2 + level)
        one.set_xticks(np.arange(len(tiers)), [t.split()[0] for t in tiers], fontsize=base.SMALL)
        one.set_xlim(-0.55, len(tiers) - 0.45)
        one.set_ylim(len(present) - 0.45, -0.55)
        base.name_below(one, "Tier (1 final use)")
        there = used >= 0
        share = 100 * np.mean(used[there] > 0) if there.any() else 0.0
        below = "" if k else f"SMBs of the start that are left and use it: '{result.variants[v]}', first run"
        base.headline(one, f"Year {base.human(weeks[s] / WEEKS_PER_YEAR, 2)}: {base.human(share, 2)} %", below)
    own[0].set_yticks(np.arange(len(present)), [codes[k] for k in present], fontsize=base.SMALL)
    own[0].set_ylabel("Sector (code)", fontsize=base.STYLE["axes.labelsize"])
    _key(own[-1])
    return own[-1]


def _key(ax) -> None:
    """What the shades mean, to the right."""
    from matplotlib.lines import Line2D

    dots = [Line2D([], [], linestyle="none", marker="o", color=color, markersize=5) for color in LEVELS]
    ax.legend(dots, ("none", "1", "2", "3 and more"), title="Functions\nwith AI", frameon=False, fontsize=base.SMALL,
              title_fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.0, 1.0), alignment="left")  # fmt: skip


# -- displacement -----------------------------------------------------------------------------------------------------------------------


@base.styled
def displacement_by_cause(result: Result, ax=None):
    """People let go because of tools, for lack of demand and in closures, by variant: per 1 000 heads and year, mean of all weeks."""
    own = ax is None
    ax = base.axis(ax, 7.2, 1.7 + 0.42 * len(result.variants))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    per_run = result["displacement_by_cause"].values.mean(axis=2)  # (V, R, causes)
    left, y = np.zeros(len(result.variants)), np.arange(len(result.variants))
    for k, cause in enumerate(result.labels["separation"]):
        width = per_run[:, :, k].mean(axis=1)
        ax.barh(y, width, left=left, color=CAUSE_COLORS[cause], height=0.7, label=cause)
        left += width
    for row, total in enumerate(left):
        text = f"{base.human(total)}, tools {base.human(per_run[row, :, 0].mean(), 2)}"
        ax.annotate(text, (total, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=base.SMALL, color="#666666")
    ax.set_yticks(y, result.variants)
    ax.set_ylim(len(y) - 0.4, -0.6)
    ax.set_xlim(0, 1.3 * max(left.max(), 1e-9))
    ax.tick_params(axis="y", length=0)
    base.name_below(ax, "People let go (per 1 000 heads and year)")
    ax.set_ylabel("Variant (name)", fontsize=base.STYLE["axes.labelsize"])
    ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    runs = f"'{result.name}', mean of {len(result.seeds)} run{'s' * (len(result.seeds) != 1)}"
    base.headline(ax, _displaced_in_words(result, per_run), runs, base.width_of(result.variants) if own else 0.0)
    return ax


def _displaced_in_words(result: Result, per_run: np.ndarray) -> str:
    """per_run (V, R, causes)."""
    row, tools = base.baseline_of(result), per_run[:, :, 0].mean(axis=1)
    most = int(np.argmax(tools))
    if not tools[most] > 0:
        return "Nobody is let go because of tools"
    share = 100 * tools[most] / per_run[most].sum(axis=1).mean()
    title = f"Tools are behind {base.human(share, 2)} % of displacement under '{result.variants[most]}'"
    if row is None or row == most:
        return title
    total = (per_run[most] - per_run[row]).sum(axis=1).mean()
    return f"{title}; in all {base.signed(total)} per 1 000 heads and year against the baseline"


RESULT_FIGURES: dict[str, tuple[Callable, tuple[str, ...]]] = {  # name → figure and the series it needs, which must move
    "s_curves": (s_curves, ("ai_use", "size_ai_use", "function_ai_use")),
    "divide": (divide, ("quartile_ai_use",)),
    "adoption_network": (adoption_network, ("ai_use",)),
    "displacement_by_cause": (displacement_by_cause, ("displacement_by_cause", "ai_use")),
}


def draw_result(result: Result, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw those of RESULT_FIGURES whose series were recorded and move, SVG and PNG. Returns the files written."""
    files = []
    for name, (draw, needed) in RESULT_FIGURES.items():
        if all(base.moves(result, series) for series in needed) and (name != "adoption_network" or "ai_functions" in result.firms):
            files += base.save(draw(result), folder, name, manifest_hash)
    return files
