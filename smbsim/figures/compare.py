"""Variants side by side: differences with their intervals, each indicator in its own scale.

The figure takes a `Comparison` (of `analysis.compare`) and, if wanted, an axis; it returns the axis. What policies cost and bring stands
in `policy`; `draw_all` draws both.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

from . import base, policy

SHOWN = ("real_value_added", "gdp", "employment", "unemployment", "consumption", "wages", "exits", "entries", "smbs_alive", "refused_smbs",
         "smb_deposits", "government_deposits", "price_level", "unmet_demand")  # fmt: skip
MOST_ROWS = 12
HALF = 1.0  # of the width is the largest bound of a row
ONE_LINE = 36  # letters of a name from which the key has a line for each variant
HERE, TEXT = 1.12, 8.0  # where the numbers begin, their size


def chosen(comparison, metrics: Sequence[str] | None = None) -> list[str]:
    """The indicators to draw: those asked for, else the usual ones that differ, then others that differ clearly."""
    if metrics is not None:
        return list(metrics)
    differs = dict.fromkeys(row.metric for row in comparison.rows if row.mean)
    clear = dict.fromkeys(row.metric for row in comparison.rows if row.clear)
    found = [name for name in SHOWN if name in differs] + [name for name in clear if name not in SHOWN]
    return found[:MOST_ROWS] or list(dict.fromkeys(row.metric for row in comparison.rows))[:MOST_ROWS]


def _scale(row) -> tuple[float, str]:
    """Factor and unit in which a difference is told: percent of the reference, points of a share."""
    if row.unit == "1":
        return 100.0, "pp"
    return (100.0 / abs(row.reference), "%") if row.reference else (1.0, row.unit)


def _told(row) -> str:
    factor, unit = _scale(row)
    if not row.mean and not row.sd:
        return "no difference"
    middle = base.signed(row.mean * factor, unit)
    if not math.isfinite(row.low):
        return middle
    return f"{middle} ({base.signed(row.low * factor)} to {base.signed(row.high * factor)})"


@base.styled
def forest(comparison, metrics: Sequence[str] | None = None, ax=None):
    """Differences of every variant with their intervals, one row per indicator, each in its own scale around zero.

    Filled marks differ clearly, looking at all indicators being allowed for.
    """
    names, variants = chosen(comparison, metrics), comparison.variants
    lines = len(names) * len(variants)
    ax = base.axis(ax, 7.2, 1.5 + 0.19 * lines + 0.16 * len(names) + 0.2 * len(variants))
    ax.grid(False)
    ax.axvline(0, color=base.INK, linewidth=0.9, zorder=1)
    y, ticks, labels = 0.0, [], []
    for k, name in enumerate(names):
        rows = {row.variant: row for row in comparison.rows if row.metric == name}
        bounds = [abs(x) for row in rows.values() for x in (row.mean, row.low, row.high) if math.isfinite(x)]
        widest = max(bounds, default=0.0) or 1.0
        if k % 2 == 0:
            ax.axhspan(y - 0.75, y + len(variants) - 0.25, color="#F5F5F5", linewidth=0, zorder=0)
        ticks.append(y + (len(variants) - 1) / 2)
        labels.append(next(iter(rows.values())).label)
        for v, variant in enumerate(variants):
            row, color = rows[variant], base.PALETTE[v % len(base.PALETTE)]
            if math.isfinite(row.low):
                ax.plot([row.low / widest, row.high / widest], [y, y], color=color, linewidth=1.6, solid_capstyle="round", zorder=2)
            face = color if row.clear else "white"
            ax.plot(row.mean / widest, y, marker="o", markersize=5, markeredgecolor=color, markerfacecolor=face, zorder=3)
            ax.annotate(_told(row), (HERE, y), va="center", fontsize=TEXT, color=color, annotation_clip=False)
            y += 1.0
        y += 0.75
    ax.set_yticks(ticks, labels, fontsize=base.SMALL)
    ax.set_ylim(y - 0.75, -0.75)
    ax.set_xlim(-1.05 * HALF, 1.05 * HALF + 0.95)
    ax.set_xticks([-0.5, 0.5], ["less", "more"], fontsize=base.SMALL)
    ax.tick_params(axis="both", length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    base.name_below(ax, "Difference (% of the reference, percentage points of shares; each row in its own scale)")
    ax.set_ylabel("Indicator (mean over the weeks)", fontsize=base.STYLE["axes.labelsize"])
    if len(variants) > 1:
        _key(ax, comparison)
    base.headline(ax, _title(comparison, names), _below(comparison), base.width_of(labels))
    return ax


def _key(ax, comparison) -> None:
    """Which colour is which variant, below the axis label."""
    from matplotlib.lines import Line2D

    against = {row.variant: row.to for row in comparison.rows}
    handles = [
        Line2D(
            [],
            [],
            color=base.PALETTE[v % len(base.PALETTE)],
            marker="o",
            markersize=5,
            label=_short(f"{variant} less {against[variant]}", 90),
        )
        for v, variant in enumerate(comparison.variants)
    ]
    longest = max(len(handle.get_label()) for handle in handles)
    legend = ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.35, 0.0), ncols=min(len(handles), 3) if longest < ONE_LINE else 1,
        frameon=False, fontsize=base.SMALL, borderaxespad=3.6,
    )  # fmt: skip
    legend.set_in_layout(longest < ONE_LINE)


def _short(text: str, longest: int) -> str:
    return textwrap.shorten(text, longest, placeholder="…")


def _title(comparison, names: Sequence[str]) -> str:
    if len(comparison.seeds) == 1:
        return "One run: differences without intervals"
    clear = {v: sum(row.clear for row in comparison.rows if row.variant == v) for v in comparison.variants}
    looked = len({row.metric for row in comparison.rows})
    if not any(clear.values()):
        return f"None of {looked} indicators differs clearly"
    return "Indicators that differ clearly, of " + f"{looked}: " + ", ".join(f"{_short(v, 34)} {n}" for v, n in clear.items())


def _below(comparison) -> str:
    first, last = comparison.weeks
    runs = len(comparison.seeds)
    said = f"'{comparison.name}', weeks {first} to {last}, {runs} paired run{'s' * (runs > 1)}"
    if runs == 1:
        return said
    return f"{said}; {comparison.level:.0%} intervals. Filled: clear, looking at all indicators being allowed for".replace("%", " %")


def draw_all(comparison, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw what there is to draw into a folder, SVG and PNG. Returns the files written."""
    files = base.save(forest(comparison), folder, "forest", manifest_hash)
    return files + policy.draw(comparison, folder, manifest_hash)
