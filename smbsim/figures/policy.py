"""What policies cost and bring: the cost-effectiveness plane, and who would have lived anyway.

Drawn from `policies()` of a result or of a comparison. The figure takes either and, if wanted, an axis; it returns the axis.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..schema import InputError
from . import base

EFFECTS = {  # measure → what it is called on the axis, unit, in a title, the cost of one of it
    "job_years": ("Work gained", "job-years", "A job-year", "cost_per_job_year"),
    "exits_avoided": ("Exits avoided", "firms", "An exit avoided", "cost_per_exit_avoided"),
}
MOST_RAYS = MOST_NAMED = 3
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}  # behind names
ROOM, ROOM_FOR_NAMES = 0.08, 0.38  # of the range, around what is drawn, and to its right
BORDER = np.linspace(0.0, 2.0 * np.pi, 73)  # points of an ellipse
LETTER = {"fontsize": base.SMALL, "linespacing": 1.1}


def draw(shown, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw both effects into a folder, SVG and PNG, where there are policies. Returns the files written."""
    return base.save(both(shown), folder, "cost_and_effect", manifest_hash) if shown.policies() else []


@base.styled
def both(shown):
    """Job-years and exits avoided, each against the same net cost. Returns the first axis."""
    told = _told(shown)
    axes = base.figure(7.2, 4.0).subplots(1, len(EFFECTS), sharey=True)
    for ax, effect in zip(axes, EFFECTS, strict=True):
        _plane(shown, told, effect, base.axis(ax))
        base.headline(ax, _title(told, effect, _currency(shown)))
    for ax in axes[1:]:
        ax.set_ylabel("")
    axes[0].figure.supxlabel(_below(shown, told, "\n"), x=0.01, ha="left", color="#666666", fontsize=base.SMALL)
    return axes[0]


@base.styled
def cost_and_effect(shown, effect: str = "job_years", ax=None):
    """What the policies of each variant cost and bring: net cost against job-years or exits avoided, by run, with the region of the mean.

    shown: a result or a comparison; effect: job_years or exits_avoided
    Raises InputError for another effect, and where no variant with policies has its pair without them.
    """
    if effect not in EFFECTS:
        raise InputError(f"figure: effect = '{effect}' is none of {', '.join(EFFECTS)}")
    told = _told(shown)
    ax = base.axis(ax, 7.2, 4.0)
    _plane(shown, told, effect, ax)
    base.headline(ax, _title(told, effect, _currency(shown)), _below(shown, told))
    return ax


def _told(shown) -> dict[str, dict]:
    told = shown.policies()
    if not told:
        raise InputError(f"figure: no variant of '{shown.name}' has policies and was run beside the same without them")
    return told


def _plane(shown, told: dict, effect: str, ax) -> None:
    """Everything of one effect but the words above."""
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    planes = {variant: of["planes"][effect] for variant, of in told.items()}
    edges = {variant: _drawn(plane) for variant, plane in planes.items()}
    _limit(ax, np.concatenate(list(edges.values())))
    _rays(ax)
    ax.axhline(0, color=base.NEUTRAL, linewidth=1.0, zorder=1)
    ax.axvline(0, color=base.NEUTRAL, linewidth=1.0, zorder=1)
    for variant, plane in planes.items():
        color = base.look(shown, shown.variants.index(variant))["color"]
        runs = np.array(plane["runs"]).reshape(-1, 2)
        ax.plot(*plane["mean"], marker="o", markersize=6, color=color, linestyle="none", zorder=4)
        if len(runs) > 1:
            ax.scatter(*runs.T, s=12, color=color, alpha=0.4, linewidths=0, zorder=2)
        if plane["half_axes"] is not None:
            ax.fill(*_border(plane).T, facecolor=(color, base.SHADE["outer"]), edgecolor=color, linewidth=1.2, zorder=3)
    _name(ax, shown, told, edges)
    divisor, sign = base.step(max(abs(x) for x in ax.get_ylim()))
    base.name_axis(ax, "Net cost of the policies to the state", f"{sign} {_currency(shown)}".strip(), divisor)
    base.name_axis(ax, *EFFECTS[effect][:2], which="x")


def _border(plane: dict) -> np.ndarray:
    """(points, 2) border of the region of the mean."""
    first, second = np.array(plane["half_axes"])
    return plane["mean"] + np.cos(BORDER)[:, None] * first + np.sin(BORDER)[:, None] * second


def _drawn(plane: dict) -> np.ndarray:
    """(points, 2) all that is drawn of a variant: its runs, and the border of the region of their mean."""
    runs = np.array(plane["runs"]).reshape(-1, 2)
    return runs if plane["half_axes"] is None else np.concatenate([runs, _border(plane)])


def _limit(ax, points: np.ndarray) -> None:
    """Limits that hold all points and zero, with room for names on the right."""
    for limit, x, right in ((ax.set_xlim, points[:, 0], ROOM_FOR_NAMES), (ax.set_ylim, points[:, 1], ROOM)):
        low, high = x.min(initial=0.0), x.max(initial=0.0)
        span = (high - low) or 1.0
        limit(low - ROOM * span, high + right * span)


def _rays(ax) -> None:
    """Faint lines of equal cost per unit of effect through zero, in 1-2-5 steps, each with its cost at the edge."""
    (_, right), (_, top) = ax.get_xlim(), ax.get_ylim()
    if right <= 0 or top <= 0:
        return
    steps = np.array([m * 10.0**k for k in range(-3, 16) for m in (1, 2, 5)])
    for cost in steps[np.argsort(np.abs(np.log(steps * right / top)))[:MOST_RAYS]]:
        x = min(right, top / cost)
        ax.plot([0, x], [0, x * cost], color=base.FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            f"{base.human(cost)} each", (x, x * cost), xytext=(-3, -2), textcoords="offset points", ha="right", va="top",
            fontsize=base.SMALL - 1, color="#8A8A8A", zorder=0,
        )  # fmt: skip


def _name(ax, shown, told: dict, edges: dict[str, np.ndarray]) -> None:
    """The name of each variant to the right of what is drawn of it, moved up or down where names would overlap. Limits must be final."""
    texts = [f"{variant}\n{_anyway(of)}" for variant, of in told.items()]
    height = ax.get_position().height * ax.figure.get_figheight() * 72 * 0.85  # points, before the layout takes its share
    (bottom, top), order = ax.get_ylim(), list(told)
    at = [np.array([points[:, 0].max(initial=0.0), told[v]["measures"]["net_cost"]["mean"]]) for v, points in edges.items()]
    wanted = [(y - bottom) / (top - bottom) * height for _, y in at]
    line = base.SMALL * base.LINE_HEIGHT
    placed = base.spread(wanted, line * (1 + max(text.count("\n") for text in texts)), line, height - line)
    for variant, text, xy, here, there in zip(order, texts, at, wanted, placed, strict=True):
        color = base.look(shown, shown.variants.index(variant))["color"]
        ax.annotate(
            text, xy, xytext=(7, there - here), textcoords="offset points", color=color, va="center", zorder=5, bbox=PAPER, **LETTER
        )


def _anyway(told: dict) -> str:
    """Share of those supported who would have been there anyway, a line per policy."""
    lines = []
    for name, of in told["policies"].items():
        share = of["deadweight_of_firms"]["mean"]
        who = f"{name}: " if len(told["policies"]) > 1 else ""
        lines.append(f"{who}{100 * share:.0f} % anyway" if np.isfinite(share) else f"{who}reaches nobody")
    return "\n".join(lines)


def _title(told: dict, effect: str, currency: str) -> str:
    _, _, one, per = EFFECTS[effect]
    costs = {variant: of["measures"][per]["mean"] for variant, of in told.items()}
    known = sorted((c, variant) for variant, c in costs.items() if np.isfinite(c))
    if not known:
        saves = [variant for variant, of in told.items() if of["measures"][effect]["mean"] > 0]
        return f"'{saves[0]}' brings more than it costs" if saves else f"No policy brings a single {one.split(' ', 1)[1]}"
    unsure = {variant: ", uncertain" for variant, of in told.items() if not of["measures"][effect]["low"] > 0}
    prices = [f"{base.human(c)} {currency}" if c > 0 else "nothing" if c == 0 else "less than nothing" for c, _ in known[:MOST_NAMED]]
    listed = [f"{price} ('{variant}'{unsure.get(variant, '')})" for price, (_, variant) in zip(prices, known, strict=False)]
    return f"{one} costs {', '.join(listed)}"


def _below(shown, told: dict, between: str = " ") -> str:
    """How to read the figure, in two sentences."""
    planes, runs = [plane for of in told.values() for plane in of["planes"].values()], len(shown.seeds)
    region = f"; ellipses: {100 * planes[0]['level']:g} % region of their mean" if any(p["half_axes"] for p in planes) else ""
    dots = f"dots: {runs} runs, each beside the same without its policies{region}" if runs > 1 else "one run"
    return f"'{shown.name}', {dots}.{between}Better: down, right. Anyway: firms reached that would be there at the end without it"


def _currency(shown) -> str:
    return shown.manifest.get("currency", "currency")
