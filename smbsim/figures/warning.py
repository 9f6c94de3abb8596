"""Early warnings: what a series and its indicators did, whether they rose more than by chance, and what that is worth over many runs.

Each function takes what `analysis.watch` found and, if wanted, an axis; it returns the axis. WARNING_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

SHOWN = ("variance", "ac1", "reddening", "skewness")  # in panels of their own
NAMES = {
    "variance": "Variance", "ac1": "Autocorrelation (lag 1)", "return_rate": "Return rate", "skewness": "Skewness",
    "reddening": "Low frequencies", "composite": "Composite", "cross_section_variance": "Variance across firms",
    "moran": "Moran's I along links",
}  # fmt: skip
UNITS = {"ac1": "1", "skewness": "1", "reddening": "1"}
WITH_ROC = ("composite", "variance", "ac1", "skewness")  # direction of the others is that of these
SERIES, TREND, LATER, CALM = base.PALETTE[0], base.PALETTE[1], "#BBBBBB", base.NEUTRAL
SIGNIFICANT = 0.05


@base.styled
def panel(found, ax=None):
    """One run: the series with its trend and end, its indicators in sliding windows, their τ against chance, ROC where it was measured.

    With an axis given only τ against chance is drawn.
    """
    one = found.found[found.shown]
    if ax is not None:
        return _taus(one, base.axis(ax))
    fig = base.figure(7.2, 8.2)
    grid = fig.add_gridspec(4, 2, height_ratios=(1.25, 0.85, 0.85, 1.5))
    top = base.axis(fig.add_subplot(grid[0, :]))
    _series(one, top)
    small = [base.axis(fig.add_subplot(grid[1 + k // 2, k % 2])) for k in range(len(SHOWN))]
    for k, (name, part) in enumerate(zip(SHOWN, small, strict=True)):
        part.plot(one.ends, one.indicators[name], color=SERIES)
        part.set_xlim(one.time[0], one.after[0][-1])
        unit = UNITS.get(name, "1" if one.unit == "1" else f"square of {one.unit}")
        part.set_ylabel(f"({unit})", fontsize=base.SMALL)
        part.set_title(f"{NAMES[name]}: {_said(one.rises[name])}", loc="left", fontsize=base.SMALL, color=base.INK)
        if k < 2:
            part.tick_params(labelbottom=False)
        else:
            base.name_below(part, "End of the window (weeks)")
    _taus(one, base.axis(fig.add_subplot(grid[3, 0] if found.skill is not None else grid[3, :])))
    if found.skill is not None:
        _roc(found.skill, base.axis(fig.add_subplot(grid[3, 1])))
    base.headline(top, _title(found), _below(found, one))
    return top


def _title(found) -> str:
    alarms, n = sum(one.alarm for one in found.found), len(found.found)
    if n == 1:
        return (
            "The indicators rise together: it returns ever more slowly"
            if alarms
            else "No warning: the indicators do no more than by chance"
        )
    return f"The indicators rise together in {alarms} of {n} runs; by chance they would in about {SIGNIFICANT * n:.2g}"


def _below(found, one) -> str:
    which = "" if len(found.found) == 1 else f"Run {found.shown}, the middle one. "
    return f"{which}Vermilion: trend; grey: not looked at. Windows of {base.human(one.window)} weeks"


def _said(rise) -> str:
    p = rise.adjusted if np.isfinite(rise.adjusted) else rise.p
    return f"τ = {rise.tau:.2f}, p = {p:.2g}".replace("-", "−").replace("nan", "–")


def _series(one, ax) -> None:
    if len(one.after[0]) > 1:
        ax.plot(*one.after, color=LATER, linewidth=1.0)
        ax.axvline(one.time[-1], color=base.INK, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.plot(one.time, one.series, color=SERIES, linewidth=1.0)
    ax.plot(one.time, one.smooth, color=TREND, linewidth=1.6)
    divisor, unit = base.unit_of(one.unit, float(np.abs(one.series).max()))
    base.name_axis(ax, one.name, unit, divisor)
    base.name_weeks(ax, np.r_[one.time, one.after[0][1:]])


def _taus(one, ax):
    """τ of every indicator as a dot, beside the middle 90 % of what chance gives."""
    names = [name for name in NAMES if name in one.rises]
    ax.grid(axis="y", visible=False)
    ax.axvline(0, color=base.FAINT, linewidth=0.8, zorder=0)
    for row, name in enumerate(reversed(names)):
        rise = one.rises[name]
        ax.barh(row, rise.band[1] - rise.band[0], left=rise.band[0], height=0.5, color=CALM, alpha=0.3, linewidth=0)
        clear = (rise.adjusted if np.isfinite(rise.adjusted) else rise.p) < SIGNIFICANT
        ax.plot(rise.tau, row, "o", color=TREND if clear else SERIES, markersize=6)
    ax.set_yticks(range(len(names)), [NAMES[name] for name in reversed(names)], fontsize=base.SMALL)
    ax.set_xlim(-1.05, 1.05)
    base.name_below(ax, "Kendall's τ with time (1)")
    ax.set_title(f"Bars: 5–95 % of {one.n_surrogates} surrogates\nvermilion: p < .05", loc="left", fontsize=base.SMALL, color=base.INK)
    return ax


@base.styled
def roc(found, ax=None):
    """Hits against false alarms for every level of the score: the diagonal is a coin."""
    return _roc(found.skill, base.axis(ax, 4.6, 4.2))


def _roc(skill, ax):
    ax.plot([0, 100], [0, 100], color=CALM, linewidth=0.9, linestyle=(0, (4, 3)))
    for k, name in enumerate(WITH_ROC):
        false, hits = skill.roc(name)
        ax.plot(100 * false, 100 * hits, color=base.PALETTE[k], linewidth=2.2 if k == 0 else 1.1, drawstyle="steps-post",
                label=f"{NAMES[name].split(' (')[0]} {skill.areas[name]}")  # fmt: skip
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 101)
    ax.set_ylabel("Tipping runs warned of (%)", fontsize=base.STYLE["axes.labelsize"])
    base.name_below(ax, "Calm runs with a false alarm (%)")
    ax.legend(fontsize=base.SMALL - 1, loc="lower right", title="AUC (95 % interval)", title_fontsize=base.SMALL - 1, edgecolor="none")
    n, m = skill.runs
    word = "skill" if skill.areas["composite"].clear else "no better than a coin"
    ax.set_title(f"{n} tipping, {m} calm runs:\n{word}", loc="left", fontsize=base.SMALL, color=base.INK)
    return ax


@base.styled
def lead(found, ax=None):
    """How long before the end of each tipping run the first alarm came, and how many came without one."""
    skill = found.skill
    ax = base.axis(ax, 7.2, 3.6)
    known = skill.lead[np.isfinite(skill.lead)]
    top = max(float(known.max(initial=0.0)), float(np.ptp(skill.dates)))
    ax.hist(known, np.linspace(0, top, len(skill.dates) + 1), color=SERIES, alpha=0.8, linewidth=0)
    ax.set_ylim(0, 1.15 * ax.get_ylim()[1])
    if known.size:
        ax.axvline(skill.median_lead, color=TREND, linewidth=1.4)
        ax.annotate(f"median {base.human(skill.median_lead)} {skill.unit}", (skill.median_lead, 1), xycoords=("data", "axes fraction"),
                    xytext=(4, -10), textcoords="offset points", fontsize=base.SMALL, color=TREND)  # fmt: skip
    ax.set_xlim(top, 0)
    base.name_below(ax, f"First alarm, before the end of the run ({skill.unit})")
    ax.set_ylabel("Tipping runs", fontsize=base.STYLE["axes.labelsize"])
    ax.yaxis.get_major_locator().set_params(integer=True)
    if skill.areas["composite"].clear:
        title = f"{skill.warned:.0%} of the tipping runs are warned of, {1 - skill.warned:.0%} are not".replace("%", " %")
    else:
        title = "No skill: these alarms are chance"
    base.headline(
        ax, title, f"At a level that {skill.false:.0%} of the calm runs pass at any of {len(skill.dates)} dates".replace("%", " %")
    )
    return ax


WARNING_FIGURES: dict[str, Callable] = {"warning": panel, "roc": roc, "lead_time": lead}


def draw_all(found, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw what there is into a folder, SVG and PNG. Returns the files written."""
    wanted = {"warning": True, "roc": found.skill is not None, "lead_time": found.skill is not None}
    return [file for name, draw in WARNING_FIGURES.items() if wanted[name] for file in base.save(draw(found), folder, name, manifest_hash)]
