"""What matters: each parameter at the ends of its range, elementary effects, shares of the variance.

Each function takes what `analysis.sensitivity.sensitivity` found, the output that is asked about (default the first) and, if wanted, an
axis; it returns the axis. SENSITIVITY_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

LOW, HIGH = base.PALETTE[0], base.PALETTE[1]
MATTERS, OTHER = base.PALETTE[0], base.NEUTRAL
TOTAL, FIRST = base.PALETTE[5], base.PALETTE[0]
MOST = 15  # parameters in one figure, the largest
NAMED = 3  # in a title
ROW = 0.36  # inches


def _value(x: float, unit: str) -> str:
    """A value of a parameter with its unit."""
    return base.human(x) + (unit[1:] if unit.startswith("1/") else "" if unit == "1" else f" {unit}")


def _title(found, output: str) -> str:
    """The answer: what matters for an output."""
    names = [i.parameter for i in found.ranking(output) if found.verdict(output, i.parameter) == "matters"]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{found.label(output)}: " + (f"what matters is {', '.join(names[:NAMED])}{more}" if names else "nothing matters clearly")


def _axis(ax, rows: int, head: float = 1.5):
    ax = base.axis(ax, 7.2, head + ROW * rows)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(rows - 0.4, -0.6)
    return ax


def _runs(found) -> str:
    r = len(found.evaluations.seeds)
    return "one run" if r == 1 else f"{r} runs with the same luck at every point"


@base.styled
def tornado(found, output: str | None = None, ax=None):
    """What the output does when one parameter goes to the low or to the high end of its range and the others stay; largest first."""
    output = output or found.outputs[0]
    swings = {p.name: [s for s in found.swings if (s.output, s.parameter) == (output, p.name)] for p in found.parameters}
    size = {name: max((abs(s.difference) for s in pair if np.isfinite(s.difference)), default=0.0) for name, pair in swings.items()}
    order = sorted(found.parameters, key=lambda p: -size[p.name])[:MOST]
    ax = _axis(ax, len(order))
    ends = [x for p in order for s in swings[p.name] for x in (s.difference, s.low, s.high) if np.isfinite(x)]
    largest = max((abs(x) for x in ends), default=0.0)
    divisor, unit = base.unit_of(found.unit(output), largest)
    reach = max(largest, 1e-300)
    for row, p in enumerate(order):
        low, high = swings[p.name]
        for s, color, value in ((low, LOW, p.low), (high, HIGH, p.high)):
            if not np.isfinite(s.difference):
                continue
            same_side = low.difference * high.difference > 0
            at = row + (0.19 if s is high else -0.19) * same_side
            ax.barh(at, s.difference, 0.34 if same_side else 0.6, color=color, alpha=0.85, linewidth=0)
            tip = s.difference
            if np.isfinite(s.low) and s.high > s.low:
                ax.plot([s.low, s.high], [at, at], color=base.INK, linewidth=1.0, solid_capstyle="butt")
                tip = s.high if s.difference > 0 else s.low
            right = s.difference > 0 or (s.difference == 0 and s is high)
            ax.annotate(_value(value, p.unit), (tip, at), xytext=(4 if right else -4, 0), textcoords="offset points", va="center",
                        ha="left" if right else "right", fontsize=base.SMALL - (1.0 if same_side else 0.0), color=color)  # fmt: skip
    ax.axvline(0.0, color=base.INK, linewidth=0.9)
    ax.set_xlim(-1.45 * reach, 1.45 * reach)
    ax.set_yticks(np.arange(len(order)), [p.name for p in order])
    what = "points" if found.unit(output) == "1" else unit
    base.name_axis(ax, "Change", "percentage points" if what == "points" else what, divisor, "x")
    start = found.start[output]
    first = next((p.name for p in order if size[p.name] > 0), None)
    title = f"{found.label(output)}: {first} moves it most" if first else f"{found.label(output)}: nothing that was moved has an effect"
    by = f"{base.human(start / divisor)} {unit}"
    below = f"{by} as the file stands. Each parameter alone at the low (blue) and high (orange) end of its range"
    base.headline(ax, title, f"{below}; lines: 95 % interval over {_runs(found)}", _names(order))
    return ax


def _names(parameters) -> float:
    """Points that the names left of the axis take."""
    return max((len(p.name) for p in parameters), default=0) * base.STYLE["ytick.labelsize"] * base.GLYPH + 8


@base.styled
def morris(found, output: str | None = None, ax=None):
    """Elementary effects: how much a parameter moves the output (μ*), and how much that depends on the others (σ)."""
    output = output or found.outputs[0]
    ax = base.axis(ax, 7.2, 4.6)
    star = [found.index(output, p.name, "mu_star") for p in found.parameters]
    sigma = [found.index(output, p.name, "sigma") for p in found.parameters]
    y = np.array([i.value for i in sigma])
    high = np.array([i.high for i in star])
    top_x, top_y = np.nanmax(np.append(high, 1e-300)) * 1.25, np.nanmax(np.append(y, 1e-300)) * 1.2
    top_y = max(top_y, 0.35 * top_x)
    divisor, unit = base.unit_of(found.unit(output), top_x)
    ax.plot([0, min(top_x, top_y)], [0, min(top_x, top_y)], color=base.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate("σ = μ*", (min(top_x, top_y), min(top_x, top_y)), xytext=(2, -4), textcoords="offset points", va="top",
                fontsize=base.SMALL, color=base.NEUTRAL)  # fmt: skip
    luck = max((i.noise for i in star if np.isfinite(i.noise)), default=0.0)
    if luck > 0:
        ax.axvspan(0, luck, color="#F2EBDD", linewidth=0, zorder=0)
        ax.annotate("luck of the runs", (luck, 1), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points", va="top",
                    fontsize=base.SMALL, color="#8A7440")  # fmt: skip
    for i, s in zip(star, sigma, strict=True):
        if not np.isfinite(i.value):
            continue
        color = MATTERS if found.verdict(output, i.parameter) == "matters" else OTHER
        ax.plot([max(i.low, 0), i.high], [s.value] * 2, color=color, linewidth=1.0, alpha=0.7)
        ax.plot(i.value, s.value, "o", color=color, markersize=6, markeredgewidth=0)
    ax.set_xlim(0, top_x)
    ax.set_ylim(0, top_y)
    _label(ax, [(i.value, s.value, i.parameter, MATTERS if found.verdict(output, i.parameter) == "matters" else OTHER)
                for i, s in zip(star, sigma, strict=True) if np.isfinite(i.value)])  # fmt: skip
    unit = "percentage points" if unit == "%" else unit
    base.name_axis(ax, "μ*: mean size of the effect of the whole range", unit, divisor, "x")
    base.name_axis(ax, "σ: how it varies with the other parameters", unit, divisor)
    title = _title(found, output)
    blocks, of_all = found.left_out[output]
    below = f"{of_all - blocks} trajectories, {_runs(found)}; lines: 95 % bootstrap interval of μ*"
    base.headline(ax, title, f"{below}; grey: not clear or negligible")
    return ax


def _label(ax, points) -> None:
    """Names beside points, moved apart up and down where they would overlap; to the left of points near the right edge."""
    to_axes = ax.transScale + ax.transLimits
    box = ax.get_position()
    height = box.height * ax.figure.get_figheight() * 72 * 0.8
    width = box.width * ax.figure.get_figwidth() * 72 * 0.85
    at = np.array([to_axes.transform((x, y)) for x, y, *_ in points]).reshape(-1, 2)
    up = base.spread(at[:, 1] * height, base.SMALL * base.LINE_HEIGHT, 2.0, height) - at[:, 1] * height
    for (x, y, text, color), where, move in zip(points, at, up, strict=True):
        left = where[0] * width + len(text) * base.SMALL * base.GLYPH > width
        ax.annotate(text, (x, y), xytext=(-6 if left else 6, 5 + move), textcoords="offset points", ha="right" if left else "left",
                    fontsize=base.SMALL, color=color, annotation_clip=False)  # fmt: skip


@base.styled
def sobol(found, output: str | None = None, ax=None):
    """Shares of the variance: of each parameter alone, and with everything it takes part in; largest first."""
    output = output or found.outputs[0]
    order = [i.parameter for i in found.ranking(output)][:MOST]
    ax = _axis(ax, len(order))
    for row, name in enumerate(order):
        for index, color, shift in (("total", TOTAL, -0.18), ("first", FIRST, 0.18)):
            i = found.index(output, name, index)
            if not np.isfinite(i.value):
                continue
            ax.barh(row + shift, 100 * max(i.value, 0.0), 0.34, color=color, linewidth=0)
            ax.plot([100 * i.low, 100 * i.high], [row + shift] * 2, color=base.INK, linewidth=1.0, solid_capstyle="butt")
            if row == 0:
                said = "with all it takes part in" if index == "total" else "alone"
                ax.annotate(said, (100 * max(i.high, 0.0), row + shift), xytext=(5, 0), textcoords="offset points", va="center",
                            fontsize=base.SMALL, color=base.INK)  # fmt: skip
    luck = found.noise_share[output]
    if np.isfinite(luck) and luck > 0:
        ax.axvspan(0, 100 * luck, color="#F2EBDD", linewidth=0, zorder=0)
        ax.annotate("luck of the runs", (100 * luck, len(order) - 0.42), xytext=(3, 2), textcoords="offset points", va="bottom",
                    fontsize=base.SMALL, color="#8A7440")  # fmt: skip
    ax.axvline(0.0, color=base.INK, linewidth=0.9)
    ax.set_yticks(np.arange(len(order)), order)
    ends = [100 * x for name in order for n in ("total", "first") for x in (found.index(output, name, n).high,) if np.isfinite(x)]
    ax.set_xlim(min(0.0, -0.03 * max([*ends, 1.0])), max([*ends, 1.0]) * 1.3)
    base.name_axis(ax, "Share of the variance", "%", 1.0, "x")
    alone = sum(max(found.index(output, p.name, "first").value, 0.0) for p in found.parameters)
    together = f"; parameters acting together make {100 * max(1 - alone, 0):.0f} %" if np.isfinite(alone) else ""
    title = _title(found, output) + together
    blocks, of_all = found.left_out[output]
    below = f"Base sample of {of_all - blocks}, {_runs(found)}; lines: 95 % bootstrap interval"
    base.headline(ax, title, below, _names([p for p in found.parameters if p.name in order]))
    return ax


SENSITIVITY_FIGURES: dict[str, Callable] = {"tornado": tornado, "morris": morris, "sobol": sobol}


def draw_all(found, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw the tornado and the indices of every output into a folder, SVG and PNG. Returns the files written."""
    files = []
    for output in found.outputs:
        for name in ("tornado", found.method):
            file = f"{name}_{output.replace('.', '_')}"
            files += base.save(SENSITIVITY_FIGURES[name](found, output), folder, file, manifest_hash)
    return files
