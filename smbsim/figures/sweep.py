"""Sweeps: the response of an outcome as a curve over one parameter, a map over two, or a cloud for each of many.

Each function takes what `analysis.response.sweep` found and, if wanted, a metric and an axis; it returns the axis.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

MOST_CURVES = 4  # variants in one figure
MOST_METRICS = 3  # drawn by default
MOST_CLOUDS = 6  # parameters, those that move the outcome most
WRITTEN = 120  # cells of a map up to which the value stands in each
BINS = 8  # of a cloud, for the line through it
COLUMNS = 3
CLASSES = 11  # of colour, about
HEAD = 0.55  # inches above the clouds for the title


def kind_of(sweep) -> Callable:
    """The figure that shows this design best."""
    factors, full = sweep.design.factors, sweep.design.kind == "factorial"
    if len(factors) == 1 and (factors[0].numeric or full):
        return curve
    return heatmap if len(factors) == 2 and full else clouds


def response(sweep, metric: str | None = None, ax=None):
    """The response of a metric, as a curve, a map or clouds, as the design has it."""
    return kind_of(sweep)(sweep, metric, ax=ax)


# -- one parameter ------------------------------------------------------------------------------------------------------------------------


@base.styled
def curve(sweep, metric: str | None = None, ax=None):
    """Over one parameter: mean with its 95 % interval, and the 5–95 % of runs, of every variant."""
    ax = base.axis(ax, 7.2, 3.9)
    factor = sweep.design.factors[0]
    x, order, names = _positions(sweep, factor.name)
    found = [sweep.response(metric or sweep.metrics[0], v) for v in sweep.variants[:MOST_CURVES]]
    scale, unit = _scale(found[0], np.concatenate([r.mean for r in found]))
    ends = []
    for k, r in enumerate(found):
        color = base.PALETTE[k % len(base.PALETTE)] if sweep.variants != ("baseline",) else base.PALETTE[0]
        mean, half, bands = (values[..., order] / scale for values in (r.mean, r.half, r.bands))
        if (r.runs > 1).any():
            ax.fill_between(x, bands[0], bands[-1], color=color, alpha=base.SHADE["outer"], linewidth=0)
            ax.fill_between(x, mean - half, mean + half, color=color, alpha=base.SHADE["inner"], linewidth=0)
        ax.plot(x, mean, color=color, marker="o", markersize=3.5 if len(x) < 40 else 0)
        ends.append((mean, r.variant, color))
    if found[0].relative:
        ax.axhline(0.0, color=base.NEUTRAL, linewidth=0.8, zorder=1)
    if names:
        ax.set_xticks(x, names)
    if _even_in_logarithm(x):
        _logarithmic(ax, x)
    pad = 0.0 if _even_in_logarithm(x) else 0.02 * (x[-1] - x[0] or 1.0)
    ax.set_xlim(x[0] - pad, x[-1] + (0.0 if len(ends) > 1 else pad))
    base.name_below(ax, _named(factor))
    ax.set_ylabel(_axis_name(found[0], unit), fontsize=base.STYLE["axes.labelsize"])
    if len(ends) > 1:
        base.label_ends(ax, x[-1], [m[-1] for m, _, _ in ends], [v for _, v, _ in ends], [c for _, _, c in ends])
    runs = int(found[0].runs.max())
    below = f"Mean of {base.human(runs)} runs at each of {len(x)} values; dark band: 95 % interval of the mean, light: 5–95 % of runs"
    at = names or [base.human(v, 4) for v in x]
    at[0] = f"{factor.name} = {at[0]}"
    of = f" ({found[0].variant})" if len(found) > 1 else ""
    base.headline(ax, f"{_subject(found[0])}{of}: {_answer(found[0], order, at, scale, unit)}", below if runs > 1 else "One run each")
    return ax


def _positions(sweep, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Places on the axis in rising order, which point is at each, and names where values are not numbers."""
    values = sweep.design.values[name]
    if values.dtype.kind == "O":
        return np.arange(len(values), dtype=float), np.arange(len(values)), list(values)
    order = np.argsort(values, kind="stable")
    return values[order], order, []


def _even_in_logarithm(x: np.ndarray) -> bool:
    """Whether the values are spread by their ratio, as A:B:N:log does."""
    if len(x) < 3 or x[0] <= 0 or x[-1] / x[0] < 8:
        return False
    ratio = x[1:] / x[:-1]
    return bool(ratio.max() / ratio.min() < 1.05)


def _logarithmic(ax, x: np.ndarray) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(x[:: -(-len(x) // 8)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: base.human(v)))


def _answer(r, order: np.ndarray, at: list[str], scale: float, unit: str) -> str:
    """The title: where it begins, where it ends, and where it is farthest out."""
    mean = r.mean[order] / scale
    known = np.flatnonzero(np.isfinite(mean))
    if not known.size:
        return "No run is left"
    first, last = known[0], known[-1]
    low, high = known[np.argmin(mean[known])], known[np.argmax(mean[known])]
    said = [f"{_value(mean[k], unit, r.relative)} at {at[k]}" for k in dict.fromkeys((first, last))]
    room = 0.1 * (mean[high] - mean[low])
    inside = [k for k in (low, high) if all(abs(mean[k] - mean[e]) > room for e in (first, last))]
    more = "".join(f", {'lowest' if k == low else 'highest'} {_value(mean[k], unit, r.relative)} at {at[k]}" for k in inside)
    return ", ".join(said) + more


# -- two parameters -----------------------------------------------------------------------------------------------------------------------


@base.styled
def heatmap(sweep, metric: str | None = None, ax=None):
    """Over two parameters: the mean response of the first variant, one cell for each pair of values."""
    across, up = sweep.design.factors
    r = sweep.response(metric or sweep.metrics[0])
    scale, unit = _scale(r, r.mean)
    grid = (r.mean / scale).reshape(len(across.levels), len(up.levels)).T
    noise = (r.half / scale).reshape(len(across.levels), len(up.levels)).T
    columns, rows = (np.argsort(f.levels) if f.numeric else np.arange(len(f.levels)) for f in (across, up))
    grid, noise = (values[np.ix_(rows, columns)] for values in (grid, noise))
    wide = min(3.2 + 0.62 * len(columns), 9.0)
    ax = base.axis(ax, max(wide, 6.0), min(2.6 + 0.42 * len(rows), 7.5))
    ax.grid(visible=False)
    cmap, norm = _diverging(grid) if r.relative else _sequential(grid)
    mesh = ax.pcolormesh(np.arange(len(columns) + 1), np.arange(len(rows) + 1), np.ma.masked_invalid(grid), cmap=cmap, norm=norm)
    mesh.set_edgecolor("white")
    mesh.set_linewidth(0.4)
    for which, factor, at in (("x", across, columns), ("y", up, rows)):
        every = max(-(-len(at) // 12), 1)
        texts = [base.human(factor.levels[k], 4) if factor.numeric else str(factor.levels[k]) for k in at]
        (ax.set_xticks if which == "x" else ax.set_yticks)(np.arange(len(at))[::every] + 0.5, texts[::every])
    if grid.size <= WRITTEN:
        _write_cells(ax, grid, noise, cmap, norm)
    base.name_below(ax, _named(across))
    ax.set_ylabel(_named(up), fontsize=base.STYLE["axes.labelsize"])
    base.colorbar(ax, mesh, _axis_name(r, unit), location="right")
    runs = int(r.runs.max())
    below = f"{r.variant}: mean of {base.human(runs)} runs per cell" if runs > 1 else f"{r.variant}: one run per cell"
    below += "; grey italics: the 95 % interval holds zero" if r.relative and runs > 1 and grid.size <= WRITTEN else ""
    base.headline(ax, _extremes(sweep, r, scale, unit), below)
    return ax


def _write_cells(ax, grid: np.ndarray, noise: np.ndarray, cmap, norm) -> None:
    digits = 2 if np.nanmax(np.abs(grid)) < 10 else 3
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            light = np.dot(cmap(norm(value))[:3], (0.3, 0.59, 0.11)) > 0.6
            unsure = np.isfinite(noise[row, column]) and abs(value) < noise[row, column]
            ax.text(
                column + 0.5, row + 0.5, base.human(value, digits), ha="center", va="center", fontsize=base.SMALL,
                color="#777777" if unsure else base.INK if light else "white", style="italic" if unsure else "normal",
            )  # fmt: skip


def _diverging(values: np.ndarray):
    """Even classes that include zero, coloured by their distance from it."""
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    known = values[np.isfinite(values)]
    low, high = min(known.min(initial=0.0), 0.0), max(known.max(initial=0.0), 0.0)
    borders = MaxNLocator(CLASSES).tick_values(low, high if high > low else 1.0)
    middles = (borders[1:] + borders[:-1]) / 2
    colors = base.diverging(known)[0].with_extremes(bad="#BBBBBB")
    cmap = ListedColormap(colors(0.5 + 0.5 * middles / np.abs(middles).max())).with_extremes(bad="#BBBBBB")
    return cmap, BoundaryNorm(borders, cmap.N)


def _sequential(values: np.ndarray):
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm
    from matplotlib.ticker import MaxNLocator

    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    borders = MaxNLocator(CLASSES).tick_values(low, high if high > low else low + 1.0)
    cmap = colormaps["cividis"].with_extremes(bad="#BBBBBB")
    return cmap, BoundaryNorm(borders, cmap.N)


def _extremes(sweep, r, scale: float, unit: str) -> str:
    """The title: the largest and the smallest response and where they are."""
    known = np.flatnonzero(np.isfinite(r.mean))
    if not known.size:
        return "No run is left"
    low, high = known[np.argmin(r.mean[known])], known[np.argmax(r.mean[known])]
    if low == high:
        return f"{_subject(r)}: {_value(r.mean[low] / scale, unit, r.relative)} at every point"
    said = [f"{_value(r.mean[k] / scale, unit, r.relative)} at {_point(sweep, int(k))}" for k in (low, high)]
    return f"{_subject(r)}: from {said[0]} to {said[1]}"


def _point(sweep, p: int) -> str:
    values = [
        base.human(x, 3) if isinstance(x, int | float) and not isinstance(x, bool) else str(x) for x in sweep.design.points[p].values()
    ]
    return f"({', '.join(values)})"


# -- many parameters ----------------------------------------------------------------------------------------------------------------------


@base.styled
def clouds(sweep, metric: str | None = None, ax=None):
    """One panel for each parameter, the one that moves the outcome most first: all points, and the mean along the parameter.

    With an axis given only the first panel is drawn.
    """
    r = sweep.response(metric or sweep.metrics[0])
    scale, unit = _scale(r, r.mean)
    ranks = sweep.ranks(r)
    names = sorted(ranks, key=lambda n: -abs(np.nan_to_num(ranks[n])))[:MOST_CLOUDS]
    if ax is not None:
        names, axes = names[:1], [ax]
    else:
        columns = min(len(names), COLUMNS)
        rows = -(-len(names) // columns)
        height = HEAD + 0.3 + 2.5 * rows
        figure = base.figure(max(2.75 * columns, 4.2), height)
        figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1.0 - HEAD / height))
        axes = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
        for unused in axes[len(names) :]:
            unused.set_visible(False)
    for k, (one, name) in enumerate(zip(axes, names, strict=False)):
        base.axis(one)
        _cloud(one, sweep, r, name, scale, ranks[name])
        if k % COLUMNS == 0:
            one.set_ylabel(_axis_name(r, unit), fontsize=base.STYLE["axes.labelsize"])
    runs = f"mean of {base.human(r.runs.max())} runs" if r.runs.max() > 1 else "one run each"
    below = f"{r.variant}: each dot one of {base.human(len(sweep.design.points))} points, {runs}; line: mean along the parameter"
    leader = names[0]
    if np.isfinite(ranks[leader]):
        title = f"{_subject(r)} moves most with {leader}: {_trend(ranks[leader])}"
    else:
        title = _extremes(sweep, r, scale, unit)
    if ax is not None:
        base.headline(ax, title, below)
    else:
        inches = figure.get_figheight()
        figure.text(0.012, 1 - 0.06 / inches, title, va="top", fontsize=base.STYLE["axes.titlesize"], fontweight="bold", color=base.INK)
        figure.text(0.012, 1 - 0.30 / inches, below, va="top", fontsize=base.SMALL, color="#666666")
    return axes[0]


def _trend(rank: float) -> str:
    return f"it {'rises' if rank > 0 else 'falls'} with it (rank correlation ρ = {rank:+.2f})".replace("-", "−")


def _cloud(ax, sweep, r, name: str, scale: float, rank: float) -> None:
    values, y = sweep.design.values[name], r.mean / scale
    factor = next(f for f in sweep.design.factors if f.name == name)
    if values.dtype.kind == "O":
        texts = sorted(set(values), key=list(values).index)
        x = np.array([texts.index(v) for v in values], dtype=float)
        ax.set_xticks(range(len(texts)), texts)
        edges = np.arange(len(texts) + 1) - 0.5
    else:
        x = values
        edges = np.quantile(x, np.linspace(0, 1, min(BINS, max(len(x) // 4, 1)) + 1))
    ax.plot(x, y, "o", color=base.PALETTE[0], markersize=3, markeredgewidth=0, alpha=0.45)
    if r.relative:
        ax.axhline(0.0, color=base.NEUTRAL, linewidth=0.8, zorder=1)
    edges = np.unique(edges)
    if len(edges) > 2:
        which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
        middle = [(x[which == b].mean(), np.nanmean(y[which == b])) for b in np.unique(which) if np.isfinite(y[which == b]).any()]
        line = (
            {"linestyle": "", "marker": "_", "markersize": 22, "markeredgewidth": 2.0} if values.dtype.kind == "O" else {"linewidth": 1.8}
        )
        ax.plot(*zip(*middle, strict=True), color=base.PALETTE[1], **line)
    if values.dtype.kind == "O":
        ax.set_xlim(edges[0], edges[-1])
    base.name_below(ax, _named(factor))
    if np.isfinite(rank):
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        ax.annotate(f"ρ = {rank:+.2f}".replace("-", "−"), (0.98, 0.97), xycoords="axes fraction", ha="right", va="top",
                    fontsize=base.SMALL, color=base.INK, bbox=box)  # fmt: skip


# -- words --------------------------------------------------------------------------------------------------------------------------------


def _scale(r, values: np.ndarray) -> tuple[float, str]:
    """Divisor of the numbers and their unit: effects in %, those on shares in points."""
    if r.relative:
        return 0.01, "points" if r.share else "%"
    return base.unit_of(r.unit, float(np.nanmax(np.abs(values), initial=0.0)))


def _value(x: float, unit: str, sign: bool) -> str:
    return base.signed(x, unit) if sign else f"{base.human(x)} {unit}"


def _subject(r) -> str:
    return re.sub(r"\s*\([^)]*\)", "", r.label)


def _axis_name(r, unit: str) -> str:
    return f"{_subject(r)}{' against baseline' if r.relative else ''}\n({unit})"


def _named(factor) -> str:
    return factor.name if factor.unit in ("1", "choice", "switch") else f"{factor.name} ({factor.unit})"


# -- all of them --------------------------------------------------------------------------------------------------------------------------


def draw_all(sweep, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw the response of the first metrics into a folder, SVG and PNG. Returns the files written."""
    files = []
    for metric in sweep.metrics[:MOST_METRICS]:
        files += base.save(response(sweep, metric), folder, f"response_{metric}", manifest_hash)
    return files
