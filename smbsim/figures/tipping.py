"""Tipping points: both branches of a sweep, what changes with size, one or two modes around the threshold, regimes over two parameters.

Each function takes what `analysis.tipping.tipping` found and, if wanted, an axis; it returns the axis. TIPPING_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

UP, DOWN, AFRESH = base.PALETTE[0], base.PALETTE[1], base.NEUTRAL
BAND = (5, 95)  # % of realisations
MOST_DOTS = 40  # realisations begun afresh drawn per parameter
BINS = 30
REGIMES = (base.PALETTE[1], base.PALETTE[4], base.PALETTE[0])  # below the level, both, above
BOTH = 1  # number of the middle one
LEAST_NAMED = 0.03  # share of the plane from which a regime is named in it
SHOWN = 5  # parameters around the threshold in `modes`


def _names(found) -> tuple[str, str]:
    asked = found.manifest.get("asked", {})
    metric = asked.get("metric_label") or asked.get("metric") or "Order parameter"
    return _named(asked.get("param", "Parameter"), asked.get("param_unit", "1")), f"{metric} ({asked.get('metric_unit', '1')})"


def _named(name: str, unit: str) -> str:
    return name if unit in ("1", "") else f"{name} ({unit})"


def _verdict(found) -> str:
    held = ", ".join(found.verdict.holding) or "none"
    title = "A tipping point" if found.verdict.tipping_point else "No tipping point is claimed"
    return f"{title}: {found.verdict.kind} (tests that hold: {held})"


@base.styled
def bifurcation(found, ax=None):
    """The order parameter on the way up and on the way down, with the thresholds and what begins afresh at each parameter."""
    ax = base.axis(ax, 7.2, 4.2)
    sweep = found.look.twice if found.look is not None else found.single
    p = sweep.parameters
    if found.single.restart is not None:
        m = found.single.restart[:, :MOST_DOTS]
        ax.plot(np.repeat(p, m.shape[1]), m.ravel(), "o", color=AFRESH, markersize=3, markeredgewidth=0, alpha=0.5, label="begun afresh")
    for m, color, label, marker in ((sweep.up.m, UP, "way up", ">"), (sweep.down.m, DOWN, "way down", "<")):
        if m.shape[1] > 1:
            ax.fill_between(p, *np.percentile(m, BAND, axis=1), color=color, alpha=base.SHADE["outer"], linewidth=0)
        ax.plot(p, np.median(m, axis=1), color=color, marker=marker, markersize=4.5, label=label)
    said = []
    for at, step, color, name in _thresholds(found):
        if at.found and step is not None and step.large:
            ax.axvline(at.parameter, color=color, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
            if at.width > 0:
                ax.axvspan(at.low, at.high, color=color, alpha=0.1, linewidth=0, zorder=0)
            said.append(f"{base.human(at.parameter)} on the {name}")
    name, label = _names(found)
    ax.set_xlim(min(p), max(p))
    base.name_below(ax, name)
    ax.set_ylabel(label, fontsize=base.STYLE["axes.labelsize"])
    ax.legend(frameon=False, fontsize=base.SMALL, loc="best")
    below = f"Median and 5–95 % of {base.human(sweep.up.m.shape[1])} realisations" if sweep.up.m.shape[1] > 1 else "One realisation"
    if said:
        below += f". It tips at {' and '.join(said)}"
    if found.look is not None and found.look.loop.there:
        below += f". Loop {found.look.loop.area:.3f}, {found.look.loop.doubled:.3f} with holds twice as long"
    base.headline(ax, _verdict(found), below)
    return ax


def _thresholds(found):
    if found.look is None:
        return ()
    return zip(found.look.doubled, found.look.steps, (UP, DOWN), ("way up", "way down"), strict=True)


@base.styled
def sizes(found, ax=None):
    """By size: the share of realisations that have tipped, Binder's cumulant, and the susceptibility, whose peak grows at a transition.

    With an axis given only the first is drawn.
    """
    scaling = found.scaling
    own = [ax] if ax is not None else base.figure(7.2, 7.4).subplots(3, sharex=True)
    axes = [base.axis(one) for one in own]
    name, _ = _names(found)
    panels = (
        (100 * scaling.tipped, "Tipped\n(% of realisations)"), (scaling.binder, "Binder cumulant U₄\n(1)"),
        (scaling.susceptibility, "Susceptibility χ\n(N × variance)"),
    )  # fmt: skip
    for one, (values, label) in zip(axes, panels, strict=False):
        for k, n in enumerate(scaling.sizes):
            one.plot(
                scaling.parameters[k],
                values[k],
                color=base.PALETTE[k % len(base.PALETTE)],
                marker="o",
                markersize=3.5,
                label=f"N = {base.human(n)}",
            )
        one.set_ylabel(label, fontsize=base.STYLE["axes.labelsize"])
    if len(axes) == 3 and (scaling.susceptibility > 0).any():
        axes[2].set_yscale("log")
    limit = scaling.limit()
    if np.isfinite(limit.limit):
        for one in axes:
            one.axvline(limit.limit, color=base.INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axes[0].legend(frameon=False, fontsize=base.SMALL, loc="best")
    base.name_below(axes[-1], name)
    x, error = scaling.exponent()
    title = f"The peak of χ grows as N^{x:.2f} ± {error:.2f}" if np.isfinite(x) else "No noise to tell sizes apart"
    verdict = {True: "the transition sharpens with size", False: "the transition does not sharpen with size", None: "not tested"}[
        scaling.sharpens
    ]
    runs = scaling.m[0].shape[1]
    below = f"{base.human(runs)} realisations per point, begun afresh"
    below += f". Dashed: threshold of an infinite system, {base.human(limit.limit, 4)}" if np.isfinite(limit.limit) else ""
    base.headline(axes[0], f"{title}: {verdict}", below)
    return axes[0]


@base.styled
def modes(found, ax=None):
    """Realisations begun afresh around the threshold: one hill or two at each parameter."""
    at, cloud = found.cloud_at, found.cloud
    shown = np.unique(np.linspace(0, len(at) - 1, min(SHOWN, len(at))).round().astype(int))
    ax = base.axis(ax, 7.2, 4.4)
    low, high = float(cloud.min()), float(cloud.max())
    edges = np.linspace(low, high, BINS + 1) if high > low else np.linspace(low - 0.5, high + 0.5, BINS + 1)
    ax.grid(axis="y", visible=False)
    labels = []
    for row, k in enumerate(shown):
        counts = np.histogram(cloud[k], edges)[0]
        height = 0.85 * counts / max(counts.max(), 1)
        two = found.modes[k].two_modes(len(found.modes))
        color = base.PALETTE[1] if two else base.PALETTE[0]
        ax.fill_between(edges, row, row + np.append(height, height[-1]), step="post", color=color, alpha=0.7, linewidth=0)
        ax.axhline(row, color=base.FAINT, linewidth=0.6, zorder=0)
        p = found.modes[k].dip_p
        ax.annotate(f"{'two modes' if two else 'one mode'}, dip p = {p:.2g}", (1, row), xycoords=("axes fraction", "data"), xytext=(4, 3),
                    textcoords="offset points", fontsize=base.SMALL, color=color, annotation_clip=False)  # fmt: skip
        labels.append(base.human(at[k], 4))
    ax.set_yticks(np.arange(len(shown)), labels)
    ax.set_ylim(-0.05, len(shown))
    name, label = _names(found)
    ax.set_ylabel(name, fontsize=base.STYLE["axes.labelsize"])
    base.name_below(ax, label)
    count = sum(m.two_modes(len(found.modes)) for m in found.modes)
    title = f"Two groups of realisations at {count} of {len(at)} parameters" if count else "One group of realisations at every parameter"
    base.headline(ax, title, f"Share of {base.human(cloud.shape[1])} realisations, begun afresh; each row is as high as its highest bar")
    return ax


@base.styled
def phases(found, ax=None):
    """Regimes over two parameters: one, the other, or both side by side; where the ways up and down pass, and where they meet."""
    from matplotlib.colors import ListedColormap

    d, asked = found.phases, found.manifest.get("asked", {})
    ax = base.axis(ax, 7.2, 4.6)
    ax.grid(visible=False)
    ax.pcolormesh(d.parameters, d.seconds, d.regime, cmap=ListedColormap(REGIMES), vmin=0, vmax=2, shading="nearest", alpha=0.35)
    for way, color, name, marker in ((0, UP, "tips on the way up", ">"), (1, DOWN, "tips on the way down", "<")):
        at = d.crossings[:, way]
        ax.plot(at, d.seconds, color=color, linewidth=1.4, label=name)
        ax.plot(at, d.seconds, marker, color=color, markersize=5, linestyle="none")
    for regime, text in enumerate(("lower\nregime", "both", "upper\nregime")):
        row, column = np.nonzero(d.regime == regime)
        if row.size >= LEAST_NAMED * d.regime.size:
            centre = int(np.argmin(np.abs(row - np.median(row))))
            same = row == row[centre]
            ax.annotate(text, (float(np.median(d.parameters[column[same]])), d.seconds[row[centre]]), ha="center", va="center",
                        fontsize=base.STYLE["font.size"], color=base.INK)  # fmt: skip
    first, second = d.cusp
    if np.isfinite(second) and min(d.seconds) <= second <= max(d.seconds):
        ax.plot([first], [second], "*", color=base.INK, markersize=11, label=f"thresholds meet at about {base.human(second, 2)}", zorder=5)
    base.name_below(ax, _names(found)[0])
    ax.set_ylabel(_named(asked.get("second", "Second parameter"), asked.get("second_unit", "1")), fontsize=base.STYLE["axes.labelsize"])
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=base.SMALL, loc="best")
    share = np.mean(d.regime == BOTH)
    wide = d.width[np.isfinite(d.width)]
    title = f"Both regimes exist in {share:.0%} of the plane" if share else "Nowhere do both regimes exist"
    below = f"The loop is {base.human(float(wide.min()), 2)} to {base.human(float(wide.max()), 2)} wide" if wide.size else ""
    base.headline(ax, title, f"{below}. Regimes are divided at {base.human(d.level, 2)}; both: which one depends on where it comes from")
    return ax


TIPPING_FIGURES: dict[str, Callable] = {"bifurcation": bifurcation, "sizes": sizes, "modes": modes, "phases": phases}


def draw_all(found, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw what there is into a folder, SVG and PNG. Returns the files written."""
    wanted = {"bifurcation": True, "sizes": found.scaling is not None, "modes": found.cloud.size > 0, "phases": found.phases is not None}
    return [file for name, draw in TIPPING_FIGURES.items() if wanted[name] for file in base.save(draw(found), folder, name, manifest_hash)]
