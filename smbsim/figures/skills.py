"""Skills: what staff knows by domain, before and after. RESULT_FIGURES is the list of figures, with the series each needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..occupations import DOMAINS
from ..result import Result
from ..schema import WEEKS_PER_YEAR, InputError
from . import base

MOST = 4  # variants drawn
RINGS = 5  # circles with a number
LEAST_SPAN = 2.0  # % between the innermost and the outermost circle at least: less would make news of nothing


@base.styled
def skill_radar(result: Result, ax=None):
    """Level of skills by domain at the end, relative to the start, by variant: mean over runs; the circle at 100 % is the start.

    ax: a polar axis. Raises InputError for another.
    """
    if ax is None:
        ax = base.figure(6.6, 5.6).subplots(subplot_kw={"projection": "polar"})
    if ax.name != "polar":
        raise InputError("figure: skill_radar needs a polar axis: subplots(subplot_kw={'projection': 'polar'})")
    levels = result["domain_skill_level"].values.mean(axis=1)  # (V, T, K)
    there = np.flatnonzero(levels[:, 0].min(axis=0) > 0)  # the spare domain has no start
    start, end = levels[:, 0][:, there], levels[:, -1][:, there]
    change = 100 * end / start
    angle = 2 * np.pi * np.arange(len(there)) / len(there)
    rows = range(min(len(result.variants), MOST))
    for v in rows:
        look = base.look(result, v)
        ax.plot(np.append(angle, angle[0]), np.append(change[v], change[v, 0]), **look, marker="o", markersize=3, label=result.variants[v])
        ax.fill(angle, change[v], color=look["color"], alpha=0.07, linewidth=0)
    around = np.linspace(0, 2 * np.pi, 181)
    ax.plot(around, np.full(around.shape, 100.0), color=base.INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    _rings(ax, change[list(rows)])
    names = [f"{DOMAINS.get(result.labels['domain'][k], result.labels['domain'][k])}".replace(" ", "\n", 1) for k in there]
    row = base.shown(result, None)
    texts = [f"{name}\n{100 * a:.0f} → {100 * b:.0f} %" for name, a, b in zip(names, start[row], end[row], strict=True)]
    ax.set_xticks(angle, texts, fontsize=base.SMALL)
    ax.tick_params(axis="x", pad=14, colors=base.INK)
    ax.legend(frameon=False, fontsize=base.SMALL, loc="upper left", bbox_to_anchor=(1.12, 1.12))
    _say(ax, result, change[row], [name.replace("\n", " ") for name in names], row)
    return ax


def _rings(ax, change: np.ndarray) -> None:
    """Circles around what is drawn, in %; the centre is not zero."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(change.min(), 100.0), max(change.max(), 100.0)
    extra = max(LEAST_SPAN - (high - low), 0.0) / 2
    low, high = low - extra, high + extra
    ticks = [t for t in MaxNLocator(RINGS, steps=[1, 2, 5, 10]).tick_values(low, high) if low - 1e-9 <= t <= high + 1e-9]
    ax.set_ylim(low - 0.35 * (high - low), high + 0.05 * (high - low))
    ax.set_yticks(ticks, [f"{base.plain(t)} %" for t in ticks], fontsize=base.SMALL - 1, color="#666666")
    ax.set_rlabel_position(18)
    ax.grid(color=base.FAINT, linewidth=0.6)
    ax.spines["polar"].set_visible(False)
    ax.set_theta_zero_location("N")
    ax.set_theta_direction(-1)


def _say(ax, result: Result, change: np.ndarray, names: list[str], row: int) -> None:
    """The title: which domain gains most and least."""
    most, least = int(np.argmax(change)), int(np.argmin(change))
    years = base.human((len(result.weeks) - 1) / WEEKS_PER_YEAR, 2)
    title = f"Skills after {years} years: {names[most]} {base.signed(change[most] - 100, '%')}, {names[least]} "
    title += base.signed(change[least] - 100, "%")
    runs = f"mean of {len(result.seeds)} run{'s' * (len(result.seeds) != 1)}"
    below = f"'{result.variants[row]}', {runs}; level of staff at the start → at the end. Dashed circle: the start; the centre is not zero"
    fig = ax.figure
    inches = fig.get_figheight()
    if fig.axes == [ax] and fig.get_layout_engine() is not None:
        fig.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1.0 - 0.75 / inches))
        fig.text(0.012, 1 - 0.08 / inches, title, va="top", fontsize=base.STYLE["axes.titlesize"], fontweight="bold", color=base.INK)
        fig.text(0.012, 1 - 0.32 / inches, base.balanced(below, 105), va="top", fontsize=base.SMALL, color="#666666")
    else:
        ax.set_title(base.balanced(title, 50), loc="left", fontsize=base.STYLE["axes.titlesize"], fontweight="bold", color=base.INK, pad=34)


RESULT_FIGURES: dict[str, tuple[Callable, tuple[str, ...]]] = {  # name → figure and the series it needs, which must move
    "skill_radar": (skill_radar, ("domain_skill_level",)),
}


def draw_result(result: Result, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw those of RESULT_FIGURES whose series were recorded and move, SVG and PNG. Returns the files written."""
    files = []
    for name, (draw, needed) in RESULT_FIGURES.items():
        if all(base.moves(result, series) for series in needed):
            files += base.save(draw(result), folder, name, manifest_hash)
    return files
