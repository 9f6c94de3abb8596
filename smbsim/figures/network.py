"""Who is hit when, and how orders amplify, along the supply network.

Firms are drawn in columns by quartile of upstreamness, from final use on the left to upstream on the right, and in rows by sector. Places
inside a cell follow a low-discrepancy sequence over the rows of the firm table, so that a picture never changes from run to run.
"""

from __future__ import annotations

import numpy as np

from ..result import BASELINE, Result
from ..schema import InputError
from . import base

LARGE = 1  # value of the column `kind` for rows of large firms
LINKS = 300  # largest links drawn
LOST = -5.0  # %, from which a firm counts as hit in the title
R2 = (0.7548776662466927, 0.5698402909980532)  # steps of the R2 sequence: powers of the plastic number; Roberts (2018)
MOST, MOST_EDGES = 20_000, 5_000  # firms drawn, drawn with an outline; more would be a carpet
DOTS, SMALLEST, SQUARE = 1.5e4, 1.2, 130.0  # points²: all dots together, least, largest square; by trial for 500 to 100 000 firms
EDGE = 0.2  # points
RATIO_SPAN = 20.0  # from this ratio of largest to smallest value on, the axis of the bullwhip is logarithmic


def places(tier: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every firm: its tier and the row of its sector, moved inside the cell by the firm's rank there."""
    cell = tier.astype(np.int64) * (int(row.max(initial=0)) + 1) + row
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell)
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - start[cell[order]]
    inside = [((rank + 0.5) * step) % 1.0 - 0.5 for step in R2]
    return tier + 0.84 * inside[0], row + 0.8 * inside[1]


def rows_of_sectors(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """The sectors that have firms, final use first, and the place of every sector among them."""
    sector, tier, number = result.firms["sector"], result.firms["tier"].astype(float), len(result.labels["sector"])
    depth, counts = np.bincount(sector, tier, minlength=number), np.bincount(sector, minlength=number)
    present = np.flatnonzero(counts)
    present = present[np.argsort(depth[present] / counts[present], kind="stable")]
    place = np.zeros(number, dtype=np.int64)
    place[present] = np.arange(len(present))
    return present, place


def _snapshots(result: Result, change: np.ndarray, output: np.ndarray) -> list[tuple[int, str]]:
    """Snapshots to show, each once: before the shock, at the trough of total output, at the end. change (S, n) in %."""
    weeks = result.firms["snapshot_week"]
    total = np.nan_to_num(change) @ output
    starts = [start for start, _ in base.windows(result)]
    before = int(np.sum(weeks < starts[0]) - 1) if starts and np.any(weeks < starts[0]) else 0
    names: dict[int, str] = {}
    for row, name in ((int(np.argmin(total)), "trough"), (before, "before"), (len(weeks) - 1, "end")):
        names.setdefault(row, name)
    return sorted(names.items())


@base.styled
def cascade(result: Result, ax=None, variant: str | None = None):
    """Who is hit when: every firm of the first run, coloured by its output relative to the paired baseline.

    Without `ax` three panels: before, at the trough, at the end; the axis returned is that of the trough. With `ax` the trough only.
    variant: by default the first that is not the baseline. Raises InputError when the result holds no firms.
    """
    firms = result.firms
    if "relative_output" not in firms or not len(firms["output"]):
        raise InputError(f"figure: result '{result.name}' holds no firms")
    v, row = base.shown(result, variant), base.baseline_of(result)
    output = np.asarray(firms["output"], float)
    own = np.asarray(firms["relative_output"][v], float)
    reference = np.ones_like(own) if row is None else np.asarray(firms["relative_output"][row], float)
    change = 100 * (np.divide(own, reference, out=np.ones_like(own), where=reference > 0) - 1)
    codes = base.sector_names(result, longest=36)
    present, place = rows_of_sectors(result)
    x, y = places(firms["tier"], place[firms["sector"]])
    views = _snapshots(result, change, output)
    trough = next(k for k, (_, name) in enumerate(views) if name == "trough")
    if ax is None:
        fig = base.figure(2.9 + 2.9 * len(views), 2.2 + 0.19 * max(len(present), 6))
        axes = list(np.atleast_1d(fig.subplots(1, len(views), sharey=True)))
    else:
        views, trough, axes = [views[trough]], 0, [ax]
    cmap, norm = base.diverging(change[[s for s, _ in views]], middle="#E9E9E9")
    to = "the state at rest" if row is None else "the baseline"
    drawn = _drawn(firms["kind"])
    some = "" if len(drawn) == len(output) else f", {base.human(len(drawn), 2)} of {base.human(len(output), 2)} firms drawn"
    notes = [
        f"'{result.variants[v]}', first run{some}",
        f"Hit: output at least {-LOST:g} % below {to}",
        "Sectors: final use on top. Squares: large firms",
    ]
    notes = notes if len(views) == len(notes) else [". ".join(notes)] * len(views)
    for panel, (s, name) in zip(axes, views, strict=True):
        _firms(panel, result, drawn, change[s], x, y, output, cmap, norm)
        tiers = result.labels["tier"]
        panel.set_xticks(np.arange(len(tiers)), [t.replace(" (", "\n(") for t in tiers], fontsize=base.SMALL)
        panel.set_xlim(-0.55, len(tiers) - 0.45)
        base.name_below(panel, "Tier (quartile of upstreamness)", lines=2)
        panel.set_ylim(len(present) - 0.45, -0.55)
        hit = 100 * np.mean(change[s] < LOST)
        words = f"Week {firms['snapshot_week'][s]}, {name}: {base.human(hit, 2)} % of firms hit"
        base.headline(panel, words, notes.pop(0))
    axes[0].set_yticks(np.arange(len(present)), [codes[k] for k in present], fontsize=base.SMALL)
    axes[0].set_ylabel("Sector (code)", fontsize=base.STYLE["axes.labelsize"])
    mappable = _mappable(cmap, norm)
    base.colorbar(axes[0], mappable, f"Output of a firm, difference from {BASELINE if row is not None else 'rest'} (%)", axes)
    return axes[trough]


def _mappable(cmap, norm):
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(norm, cmap)


def _firms(ax, result: Result, drawn, change, x, y, output, cmap, norm) -> None:
    """Dots and the largest links of one moment; the firms that change most are drawn last. Pixels, not shapes, in an SVG."""
    base.axis(ax).grid(False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    firms = result.firms
    for row in range(int(np.floor(y.max(initial=0))) + 1):
        if row % 2 == 0:
            ax.axhspan(row - 0.5, row + 0.5, color="#F6F6F6", linewidth=0, zorder=0)
    draw_links(ax, result, x, y, LINKS)
    root = np.sqrt(np.maximum(output, 0))
    drawn = drawn[np.argsort(np.abs(np.nan_to_num(change[drawn])), kind="stable")]
    large = firms["kind"][drawn] == LARGE
    edges = EDGE if len(drawn) <= MOST_EDGES else 0.0
    for rows, area, marker, edge in (
        (drawn[~large], DOTS * root / max(root[drawn].sum(), 1e-300), "o", edges),
        (drawn[large], SQUARE * root / max(root.max(initial=0), 1e-300), "s", 2 * EDGE),
    ):
        ax.scatter(
            x[rows], y[rows], s=np.clip(area[rows], SMALLEST, SQUARE), c=change[rows], cmap=cmap, norm=norm, marker=marker, linewidths=edge,
            edgecolors="#555555", rasterized=True, zorder=2,
        )  # fmt: skip


def draw_links(ax, result: Result, x: np.ndarray, y: np.ndarray, number: int) -> None:
    """The largest links, faint, as pixels in an SVG. x, y (n,) places of the firms."""
    from matplotlib.collections import LineCollection

    firms = result.firms
    top = np.argsort(-firms["flow"], kind="stable")[:number]
    ends = np.stack([firms["supplier"][top], firms["buyer"][top]], axis=1)
    ends = ends[(ends < len(x)).all(axis=1)]
    lines = LineCollection(np.stack([x[ends], y[ends]], axis=-1), colors="#777777", linewidths=0.4, alpha=0.25, zorder=1)
    lines.set_rasterized(True)
    ax.add_collection(lines)


def _drawn(kind: np.ndarray) -> np.ndarray:
    """Rows to draw: all large firms, and of the others every k-th, so that there are at most MOST."""
    large = kind == LARGE
    small = np.flatnonzero(~large)
    return np.sort(np.concatenate([np.flatnonzero(large), small[:: -(-len(small) // MOST) or 1]]))


@base.styled
def bullwhip(result: Result, ax=None):
    """Bullwhip ratio by tier: variance of orders placed relative to that of demand received; above 1 orders amplify.

    The baseline's own ratio is about breakdowns, not about a response, and is left out where there is another variant.
    """
    values = result["bullwhip"].values  # (V, R, K)
    names = result.labels["tier"]
    ax = base.axis(ax, 7.2, 3.8)
    V, R, K = values.shape
    rows = [v for v in range(V) if np.isfinite(values[v]).any() and (V == 1 or result.variants[v] != BASELINE)]
    known = values[rows][np.isfinite(values[rows]) & (values[rows] > 0)]
    wide = known.size > 0 and known.max() / known.min() > RATIO_SPAN
    if wide:
        ax.set_yscale("log")
        ax.set_ylim(min(known.min(), 1) / 1.5, max(known.max(), 1) * 1.5)
    else:
        ax.set_ylim(*base.limits(0.0, float(known.max(initial=0.0)), 1.0, include=(1,)))
    ax.axhline(1, color=base.INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.set_xlim(-0.4, K - 0.6)
    median = np.full((V, K), np.nan)
    for n, v in enumerate(rows):
        look = base.look(result, v)
        x = np.arange(K) + 0.09 * (n - (len(rows) - 1) / 2)
        for k in range(K):
            here = values[v, :, k][np.isfinite(values[v, :, k])]
            if not here.size:
                continue
            low, inner_low, median[v, k], inner_high, high = np.percentile(here, (5, 25, 50, 75, 95))
            if here.size > 1:
                ax.plot([x[k], x[k]], [low, high], color=look["color"], linewidth=1.2, solid_capstyle="butt")
                ax.plot([x[k], x[k]], [inner_low, inner_high], color=look["color"], linewidth=4, alpha=0.5, solid_capstyle="butt")
        ax.plot(x, median[v], **{**look, "linewidth": 1.0}, marker="o", markersize=5, zorder=3)
    last = [float(median[v][np.isfinite(median[v])][-1]) for v in rows]
    if len(rows) > 1:
        base.label_ends(ax, K - 0.6, last, [result.variants[v] for v in rows], [base.look(result, v)["color"] for v in rows])
    ax.annotate("orders amplify above this line", (0, 1), xycoords=("axes fraction", "data"), xytext=(3, -4), textcoords="offset points",
                fontsize=base.SMALL, color=base.INK, va="top")  # fmt: skip
    ax.set_xticks(np.arange(K), names, fontsize=base.STYLE["xtick.labelsize"])
    base.name_below(ax, "Tier (quartile of upstreamness)")
    base.name_axis(ax, "Bullwhip", "ratio of variances")
    v = base.shown(result, None)
    there = np.flatnonzero(np.isfinite(median[v]))
    if there.size:
        above = int((median[v, there] > 1).sum())
        ends = " and ".join(f"{base.human(median[v, k], 2)} in tier {k + 1}" for k in sorted({there[0], there[-1]}))
        title = f"Orders vary more than demand in {above} of {there.size} tiers: ratio {ends} ('{result.variants[v]}')"
    else:
        title = "Orders and demand do not vary: no bullwhip ratio"
    against = "relative to their trend" if V == 1 else "relative to the paired baseline"
    band = f"Orders placed and demand received, {against}, summed over the tier. "
    band += f"Dots: median of {R} runs; bars: 25–75 % and 5–95 %." if R > 1 else "One run."
    base.headline(ax, title, band)
    return ax
