"""What the targets leave: values that are not ruled out, moments against their targets, directions that are pinned down or open.

Each function takes what `analysis.calibration.calibrate` found and, if wanted, an axis; it returns the axis. CALIBRATION_FIGURES is the
list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

LEFT, BEST, OUT = base.PALETTE[0], base.PALETTE[1], base.NEUTRAL
MOST = 6  # parameters in the pair plot, those that are pinned down most
MOST_DOTS = 600
BINS = 20
LONG = 30  # letters of a combination from which it takes several lines
FAR = 1.0  # tolerances, from which the axis of the moments is logarithmic


def _values(parameters, shares: np.ndarray) -> np.ndarray:
    return np.stack([p.at(shares[:, k]) for k, p in enumerate(parameters)], axis=1)


def _label(p) -> str:
    return p.name if p.unit == "1" else f"{p.name}\n({p.unit})"


@base.styled
def remaining(found, ax=None):
    """Values that are not ruled out, pair by pair and one by one, with the best point and what was run. An axis shows the first pair."""
    spread = found.remaining.std(axis=0)
    shown = sorted(np.argsort(spread, kind="stable")[:MOST])
    parameters = [found.parameters[k] for k in shown]
    left = _values(found.parameters, found.remaining[:MOST_DOTS])[:, shown]
    run, best = found.evaluations.points[:, shown], found.evaluations.points[found.best][shown]
    k = len(parameters)
    if ax is not None and k > 1:
        return _pair(base.axis(ax), parameters, left, run, best, 0, 1)
    axes = base.figure(max(2.1 * k, 4.6), max(2.0 * k, 3.4) + 0.6).subplots(k, k, squeeze=False)
    for row in range(k):
        for col in range(k):
            one = axes[row][col]
            if col > row:
                one.set_axis_off()
                continue
            base.axis(one)
            one.grid(visible=False)
            if row == col:
                _alone(one, parameters[row], left[:, row], best[row])
            else:
                _pair(one, parameters, left, run, best, col, row)
            one.set_ylabel(_label(parameters[row]) if col == 0 and row > 0 else "", fontsize=base.SMALL)
            one.tick_params(labelbottom=row == k - 1, labelleft=col == 0 and row > 0, labelsize=7.5)
            if row == k - 1:
                base.name_below(one, _label(parameters[col]))
                one.xaxis.label.set_fontsize(base.SMALL)
    share = base.human(100 * found.left, 2)
    title = f"{share} % of the space is not ruled out" if found.left > 0 else "Everything is ruled out; shown is what is least implausible"
    below = "Blue: a sample of what is left; grey: points that were run; orange: the best"
    base.headline(axes[0][0], title, below, 1.0)
    return axes[0][0]


def _alone(ax, p, left, best) -> None:
    ax.hist(left, bins=BINS, range=(p.low, p.high), color=LEFT, alpha=0.6, linewidth=0)
    ax.axvline(best, color=BEST, linewidth=1.4)
    ax.set_xlim(p.low, p.high)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _pair(ax, parameters, left, run, best, col: int, row: int):
    ax.plot(run[:, col], run[:, row], "o", color=OUT, markersize=2.2, markeredgewidth=0, alpha=0.6)
    ax.plot(left[:, col], left[:, row], "o", color=LEFT, markersize=2.4, markeredgewidth=0, alpha=0.35)
    ax.plot(best[col], best[row], "D", color=BEST, markersize=5.5, markeredgecolor="white", markeredgewidth=0.7, clip_on=False,
            zorder=5)  # fmt: skip
    ax.set_xlim(parameters[col].low, parameters[col].high)
    ax.set_ylim(parameters[row].low, parameters[row].high)
    return ax


@base.styled
def moments(found, ax=None):
    """How far every point was from every target, wave by wave, in tolerances; the band is where a moment counts as met."""
    J, W = len(found.targets), int(found.wave.max()) + 1
    ax = base.axis(ax, 7.2, 1.7 + 0.62 * J)
    ax.grid(visible=False)
    ax.axvspan(-1, 1, color="#E3EEF6", linewidth=0, zorder=0)
    ax.axvline(0, color=base.INK, linewidth=0.8, zorder=1)
    far = [(found.moments[:, j] - t.value) / t.tolerance for j, t in enumerate(found.targets)]
    for j, x in enumerate(far):
        for w in range(W):
            rows = found.wave == w
            at = np.full(rows.sum(), j + 0.62 * ((w + 0.5) / W - 0.5))
            color = BEST if w == W - 1 else LEFT
            ax.plot(x[rows], at, "o", color=color, markersize=3.0, markeredgewidth=0, alpha=0.35 + 0.5 * w / max(W - 1, 1))
        ax.plot(x[found.best], j + 0.31, "D", color=BEST, markersize=5.5, markeredgecolor="white", markeredgewidth=0.7)
        ax.axhline(j + 0.5, color=base.FAINT, linewidth=0.6)
    ax.set_xscale("symlog", linthresh=FAR, linscale=1.0)
    reach = max(float(np.nanmax(np.abs(far))), 1.5) * 1.2
    ticks = [t for t in (1, 3, 10, 30, 100, 300, 1000, 10_000) if t <= reach]
    ax.set_xticks(
        [-t for t in reversed(ticks)] + [0] + ticks, [base.plain(-t) for t in reversed(ticks)] + ["0"] + [base.plain(t) for t in ticks]
    )
    ax.minorticks_off()
    ax.set_xlim(-reach, reach)
    ax.set_yticks(np.arange(J), [f"{t.moment}\n{t.value:g} ± {t.tolerance:g}" for t in found.targets])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(J - 0.5, -0.5)
    base.name_below(ax, "Distance from the target (tolerances; logarithmic beyond 1)")
    met = sum(abs(x[found.best]) <= 1 for x in far)
    title = f"The best point meets {met} of {J} target{'s' * (J > 1)}"
    names = max(len(t.moment) for t in found.targets) * base.STYLE["ytick.labelsize"] * base.GLYPH + 8
    below = f"Means over {len(found.evaluations.seeds)} runs; waves from top to bottom, last the points that should fit best (orange)"
    base.headline(ax, title, below, names)
    return ax


@base.styled
def directions(found, ax=None):
    """What the targets let through along every direction: combinations with a long bar are not pinned down."""
    k = len(found.directions)
    names = [_combination([p.name for p in found.parameters], d.vector) for d in found.directions]
    lines = sum(max(name.count("\n") + 1, 2) for name in names)
    ax = base.axis(ax, 7.2, 1.6 + 0.25 * lines)
    ax.grid(visible=False)
    for row, d in enumerate(found.directions):
        share = min(d.width / d.across, 1.0)
        ax.barh(row, 100 * share, 0.55, color=BEST if d.flat else LEFT, linewidth=0, alpha=0.85)
        ax.annotate(f"{base.human(100 * share, 2)} %", (100 * share, row), xytext=(4, 0), textcoords="offset points", va="center",
                    fontsize=base.SMALL, color=base.INK, annotation_clip=False)  # fmt: skip
    ax.set_yticks(np.arange(k), names)
    ax.tick_params(axis="y", length=0, labelsize=base.SMALL)
    ax.set_ylim(k - 0.4, -0.6)
    ax.set_xlim(0, 112)
    base.name_axis(ax, "What is let through of the way across the space", "%", 1.0, "x")
    flat = sum(d.flat for d in found.directions)
    title = f"The targets leave {flat} of {k} directions open" if flat else f"The targets pin down {'all ' if k > 1 else ''}{k} directions"
    widest = max(len(line) for name in names for line in name.splitlines())
    below = "Eigenvectors of the moments' sensitivity at the best point, weights in ranges of the parameters; orange: flat"
    base.headline(ax, title, below, widest * base.SMALL * 0.46)
    return ax


def _combination(names, vector, least: float = 0.2) -> str:
    """Weights of at least this, the largest first, each on its line where names are long."""
    parts = sorted(((w, name) for w, name in zip(vector, names, strict=True) if abs(w) >= least), key=lambda part: -abs(part[0]))
    if len(parts) == 1:
        return parts[0][1]
    texts = [f"{'+' if w > 0 else '−'} {abs(w):.2g} {name}" for w, name in parts]
    texts[0] = texts[0].removeprefix("+ ")
    return (" " if len(" ".join(texts)) <= LONG else "\n").join(texts)


CALIBRATION_FIGURES: dict[str, Callable] = {"remaining": remaining, "moments": moments, "directions": directions}


def draw_all(found, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw all into a folder, SVG and PNG. Returns the files written."""
    return [file for name, draw in CALIBRATION_FIGURES.items() for file in base.save(draw(found), folder, name, manifest_hash)]
