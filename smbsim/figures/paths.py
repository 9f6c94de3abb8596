"""Path dependence: branches that part and meet the same luck again, and both orders of two interventions, run by run.

Each function takes what `analysis.paths` found and, if wanted, an axis; it returns the axis. PATH_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

EARLY, LATE, BOTH = base.PALETTE[0], base.PALETTE[4], "#BBBBBB"
TOP_PD = 3.0  # an axis of PD reaches this far at least where it is amplified


@base.styled
def memory(found, ax=None):
    """Branches over time, coloured by where they were when they met; what is left of their differences; what the variance is made of.

    With an axis given only the branches are drawn.
    """
    if ax is not None:
        return _branches(found, base.axis(ax))
    axes = base.figure(7.2, 7.6).subplots(3, sharex=True, height_ratios=(1.4, 1, 1))
    top, middle, bottom = (base.axis(one) for one in axes)
    _branches(found, top)
    _left(found, middle)
    _shares(found, bottom)
    base.name_below(bottom, "Time since the branches meet the same draws (weeks)")
    e, n_late, _ = found.y.shape
    low, high = found.band[:, -1]
    below = f"{e} branches, each under {n_late} sets of late draws; at the end PD = {base.human(found.pd[-1], 2)} "
    below += f"({base.human(low, 2)} to {base.human(high, 2)}), {'p < 0.001' if found.p < 0.001 else f'p = {found.p:.2g}'}"
    base.headline(top, found.kind[0].upper() + found.kind[1:], below)
    return top


def _branches(found, ax):
    """Under the first late draws; dark below, light above the median at the start."""
    from matplotlib import colormaps

    start = found.y[:, 0, 0]
    rank = np.argsort(np.argsort(start)) / max(len(start) - 1, 1)
    divisor, unit = base.unit_of(found.unit, float(np.abs(found.y).max()))
    for y, r in zip(found.y[:, 0], rank, strict=True):
        ax.plot(found.time, y, color=colormaps["viridis"](0.9 * r), linewidth=0.9, alpha=0.9)
    base.name_axis(ax, found.name, unit, divisor)
    ax.set_xlim(found.time[0], found.time[-1])
    return ax


def _left(found, ax):
    ax.fill_between(found.time, *found.band, color=EARLY, alpha=base.SHADE["outer"], linewidth=0)
    ax.plot(found.time, found.pd, color=EARLY)
    ax.axhline(1, color=base.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.set_ylim(0, min(1.08 * max(float(found.band[1].max()), 1.2), max(TOP_PD, 1.2 * float(found.pd.max()))))
    ax.set_ylabel("Variance by early draws\n(relative to the start)", fontsize=base.SMALL)
    ax.set_title("PD with its 95 % band: 0 forgotten, 1 kept, above it amplified", loc="left", fontsize=base.SMALL, color=base.INK)
    return ax


def _shares(found, ax):
    ax.stackplot(found.time, 100 * found.shares, colors=(EARLY, LATE, BOTH), linewidth=0)
    ax.set_title("Blue: early draws, orange: late draws, grey: how the two go together", loc="left", fontsize=base.SMALL, color=base.INK)
    ax.set_ylim(0, 100)
    ax.set_ylabel("Share of the variance\n(%)", fontsize=base.SMALL)
    return ax


@base.styled
def order(found, ax=None):
    """The outcome of one order less that of the other, run by run, with the mean and its interval."""
    ax = base.axis(ax, 7.2, 2.8)
    d = found.ab - found.ba
    divisor, unit = base.unit_of(found.unit, float(np.abs(d).max()) or 1.0)
    ax.axvline(0, color=base.INK, linewidth=0.9)
    ax.plot(d, np.full(len(d), 0.35), "o", color=EARLY, alpha=0.5, markeredgewidth=0, markersize=6)
    ax.plot([found.low, found.high], [0.7, 0.7], color=base.PALETTE[1], linewidth=2.4)
    ax.plot(found.mean, 0.7, "D", color=base.PALETTE[1], markersize=6)
    ax.set_yticks([0.35, 0.7], ["runs", "mean,\n95 % interval"])
    ax.set_ylim(0.1, 0.95)
    ax.grid(axis="y", visible=False)
    base.name_axis(ax, f"{found.name}: {found.first} first, less {found.second} first", unit, divisor, "x")
    said = "The order matters" if found.matters else "No difference at all" if found.exact else "No effect of the order is claimed"
    base.headline(ax, said, f"{len(d)} runs that meet the same draws in both orders")
    return ax


PATH_FIGURES: dict[str, Callable] = {"memory": memory, "order": order}


def draw_all(found, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw what was found, branches or an order, into a folder, SVG and PNG. Returns the files written."""
    name = "memory" if hasattr(found, "pd") else "order"
    return base.save(PATH_FIGURES[name](found), folder, name, manifest_hash)
