"""What policies cost and bring: net cost against job-years and exits avoided, with 95 % intervals, and who would have lived anyway.

Drawn from `Result.policies()`. The figure takes the result and, if wanted, an axis; it returns the axis.
"""

from __future__ import annotations

import numpy as np

from ..result import Result
from ..schema import InputError
from . import base

EFFECTS = {  # measure → what it is called on the axis, unit, in a title, the cost of one of it
    "job_years": ("Work gained", "job-years", "job-year", "cost_per_job_year"),
    "exits_avoided": ("Exits avoided", "firms", "exit avoided", "cost_per_exit_avoided"),
}
ANYWAY = "Anyway: firms reached that would be there at the end without it"
MOST_RAYS = MOST_NAMED = 3
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}  # behind names
ROOM = 0.16  # of the range, around the points and their intervals


@base.styled
def cost_and_effect(result: Result, effect: str = "job_years", ax=None):
    """What the policies of each variant cost and bring: job-years or exits avoided against net cost, means with 95 % intervals.

    effect: job_years or exits_avoided. Raises InputError for another one, and where no variant with policies has its pair without them.
    """
    if effect not in EFFECTS:
        raise InputError(f"figure: effect = '{effect}' is none of {', '.join(EFFECTS)}")
    told = result.policies()
    if not told:
        raise InputError(f"figure: no variant of '{result.name}' has policies and was run beside the same without them")
    what, unit, one, per = EFFECTS[effect]
    ax = base.axis(ax, 7.2, 3.6)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    cost, gain = ([of["measures"][m] for of in told.values()] for m in ("net_cost", effect))
    divisor, sign = base.step(max(abs(e[k]) for e in cost for k in ("mean", "low", "high") if np.isfinite(e[k])))
    _limit(ax, cost, gain)
    _rays(ax)
    ax.axhline(0, color=base.NEUTRAL, linewidth=1.0, zorder=1)
    ax.axvline(0, color=base.NEUTRAL, linewidth=1.0, zorder=1)
    for variant, x, y in zip(told, cost, gain, strict=True):
        color = base.look(result, result.variant(variant))["color"]
        ax.errorbar(x["mean"], y["mean"], xerr=_bar(x), yerr=_bar(y), color=color, marker="o", markersize=7, elinewidth=1.6, zorder=4)
        right = x["mean"] < np.mean(ax.get_xlim())
        ax.annotate(
            f"{variant}\n{_anyway(told[variant])}", (x["mean"], y["mean"]), xytext=(9 if right else -9, 6), textcoords="offset points",
            color=color, fontsize=base.SMALL, va="bottom", ha="left" if right else "right", zorder=5, bbox=PAPER,
        )  # fmt: skip
    base.name_axis(ax, "Net cost of the policies to the state", f"{sign} {_currency(result)}".strip(), divisor, which="x")
    base.name_axis(ax, what, unit)
    runs = f"mean of {len(result.seeds)} runs, 95 % intervals" if len(result.seeds) > 1 else "one run, no interval"
    base.headline(ax, _title(told, effect, one, per, _currency(result)), f"'{result.name}', {runs}. Better: up, left. {ANYWAY}")
    return ax


def _limit(ax, cost, gain) -> None:
    """Limits that hold all points, their intervals and zero, with room for names."""
    for limit, found in ((ax.set_xlim, cost), (ax.set_ylim, gain)):
        known = [0.0, *(e[k] for e in found for k in ("mean", "low", "high") if np.isfinite(e[k]))]
        low, high = min(known), max(known)
        pad = ROOM * ((high - low) or 1.0)
        limit(low - pad, high + pad)


def _rays(ax) -> None:
    """Faint lines of equal cost per unit of effect through zero, in 1-2-5 steps, each with its cost at the edge."""
    (_, right), (_, top) = ax.get_xlim(), ax.get_ylim()
    if right <= 0 or top <= 0:
        return
    middle = right / top
    steps = np.array([m * 10.0**k for k in range(-3, 16) for m in (1, 2, 5)])
    near = steps[np.argsort(np.abs(np.log(steps / middle)))[:MOST_RAYS]]
    for cost in near:
        x = min(right, cost * top)
        ax.plot([0, x], [0, x / cost], color=base.FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            f"{base.human(cost)} each", (x, x / cost), xytext=(-3, 2) if x < right else (-3, 3), textcoords="offset points", ha="right",
            va="bottom" if x == right else "top", fontsize=base.SMALL - 1, color="#8A8A8A", zorder=0,
        )  # fmt: skip


def _bar(e: dict):
    """Lengths of an error bar below and above; none where there is no interval."""
    return [[e["mean"] - e["low"]], [e["high"] - e["mean"]]] if np.isfinite(e["low"]) else None


def _anyway(told: dict) -> str:
    """Share of those supported who would have been there anyway, a line per policy."""
    lines = []
    for name, of in told["policies"].items():
        share = of["deadweight_of_firms"]["mean"]
        who = f"{name}: " if len(told["policies"]) > 1 else ""
        lines.append(f"{who}{100 * share:.0f} % anyway" if np.isfinite(share) else f"{who}reaches nobody")
    return "\n".join(lines)


def _title(told: dict, effect: str, one: str, per: str, currency: str) -> str:
    costs = {variant: of["measures"][per]["mean"] for variant, of in told.items()}
    known = sorted((c, variant) for variant, c in costs.items() if np.isfinite(c))
    if not known:
        saves = [variant for variant, of in told.items() if of["measures"][effect]["mean"] > 0]
        return f"'{saves[0]}' brings more than it costs" if saves else f"No policy brings a single {one}"
    unsure = {variant: ", uncertain" for variant, of in told.items() if not of["measures"][effect]["low"] > 0}
    listed = [
        f"{'less than nothing' if c < 0 else f'{base.human(c)} {currency}'} ('{variant}'{unsure.get(variant, '')})"
        for c, variant in known[:MOST_NAMED]
    ]
    plural = {"job-year": "A job-year", "exit avoided": "An exit avoided"}[one]
    return f"{plural} costs {', '.join(listed)}"


def _currency(result: Result) -> str:
    return result.manifest.get("currency", "currency")
