"""Figures of a result. Each function takes the result and, if wanted, an axis; it returns the axis.

FIGURES is the list of those that every result has, OF_LIVES, OF_TOOLS and OF_POLICIES of those of models in which firms close, in which
they learn and adopt tools, and of scenarios with policies; figures of the risk index and of a scorecard stand in `risk` and `scorecard`.
`draw_all` draws the default set of a run.
matplotlib is imported when something is drawn, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..result import Result
from . import adoption, base, demography, network, policy, series, skills

FIGURES: dict[str, Callable] = {
    "paths": series.paths,
    "effect": series.effect,
    "sectors": series.sectors,
    "before_after": series.before_after,
    "cascade": network.cascade,
    "bullwhip": network.bullwhip,
}
OF_LIVES: dict[str, Callable] = {name: draw for name, (draw, _) in demography.RESULT_FIGURES.items()}
OF_TOOLS: dict[str, Callable] = {name: draw for name, (draw, _) in (adoption.RESULT_FIGURES | skills.RESULT_FIGURES).items()}
OF_POLICIES: dict[str, Callable] = {"cost_and_effect": policy.cost_and_effect}
OF_RESULTS: dict[str, Callable] = {**FIGURES, **OF_LIVES, **OF_TOOLS, **OF_POLICIES}

# file name → figure and the metrics it is drawn for, one panel each
STACKED: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "effect": (series.effect, ("output", "gdp", "employment")),
    "unmet_demand": (series.paths, ("unmet_demand", "fill_rate")),
    "deposits": (series.effect, ("smb_deposits", "household_deposits", "government_deposits")),
}
OF_PLATFORMS = ("marketplace_sellers", "marketplace_buyers", "platform_sales_share")  # paths, where somebody joins or leaves


def describe() -> dict[str, str]:
    """Figure → the first sentence of its documentation."""
    return {name: (draw.__doc__ or "").strip().splitlines()[0] for name, draw in OF_RESULTS.items()}


@base.styled
def stacked(draw: Callable, result: Result, names: tuple[str, ...]):
    """One panel per metric below each other. Returns the first axis."""
    axes = base.figure(7.2, 0.5 + 2.35 * len(names)).subplots(len(names), squeeze=False)[:, 0]
    for ax, name in zip(axes, names, strict=True):
        draw(result, name, ax=ax)
    for ax in axes[:-1]:
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    return axes[0]


def draw_all(result: Result, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw the default set of a run into a folder, SVG and PNG. What the result did not record is left out. Returns the files written."""
    files = []
    for file, (draw, wanted) in STACKED.items():
        names = tuple(name for name in wanted if name in result.series)
        if names:
            files += base.save(stacked(draw, result, names), folder, file, manifest_hash)
    if base.moves(result, OF_PLATFORMS[0]):
        files += base.save(stacked(series.paths, result, OF_PLATFORMS), folder, "platforms", manifest_hash)
    if "sector_output" in result.series:
        files += base.save(series.sectors(result), folder, "sectors", manifest_hash)
        files += base.save(series.before_after(result), folder, "before_after", manifest_hash)
    if len(result.firms.get("output", ())):
        files += base.save(network.cascade(result), folder, "cascade", manifest_hash)
    if "bullwhip" in result.panels:
        files += base.save(network.bullwhip(result), folder, "bullwhip", manifest_hash)
    for subject in (demography, adoption, skills):
        files += subject.draw_result(result, folder, manifest_hash)
    return files + policy.draw(result, folder, manifest_hash)
