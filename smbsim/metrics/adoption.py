"""Tools: which SMBs use them, in which functions; who is left behind; what tools do to work. All at nothing where automation is off."""

from __future__ import annotations

import numpy as np

from ..adoption import FUNCTIONS, TIERS
from ..schema import WEEKS_PER_YEAR
from .base import metric, smbs

AI = TIERS.index("ai")
SIZES = ("1 to 9", "10 to 49", "50 and more")  # heads
BOUNDS = (10.0, 50.0)
QUARTILES = ("least staff", "second", "third", "most staff")  # of SMBs


def _with_ai(state) -> np.ndarray:
    """(n,) the firm uses artificial intelligence in some function."""
    return (state.firms.tier == AI).any(axis=1)


def _share(having: np.ndarray, key: np.ndarray, groups: int) -> np.ndarray:
    """Share of the rows that have it, by group; 0 where a group is empty."""
    number = np.bincount(key, minlength=groups)
    return np.divide(np.bincount(key, having, groups), number, out=np.zeros(groups), where=number > 0)


@metric("1", "SMBs with tools", axis="function")
def tool_use(state):
    """Share of SMBs that use tools of any tier in the function."""
    small = smbs(state)
    return (state.firms.depth[small] > 0.0).mean(axis=0) if small.any() else np.zeros(len(FUNCTIONS))


@metric("1", "SMBs that use AI", axis="function")
def function_ai_use(state):
    """Share of SMBs that use artificial intelligence in the function."""
    small = smbs(state)
    return (state.firms.tier[small] == AI).mean(axis=0) if small.any() else np.zeros(len(FUNCTIONS))


@metric("1", "SMBs that use AI")
def ai_use(state):
    """Share of SMBs that use artificial intelligence in any function."""
    small = smbs(state)
    return _with_ai(state)[small].mean() if small.any() else 0.0


@metric("1", "SMBs that use AI", axis="sector")
def sector_ai_use(state):
    """Share of the sector's SMBs that use artificial intelligence in any function."""
    small = smbs(state)
    return _share(_with_ai(state)[small], state.firms.sector[small], len(state.sector_codes))


@metric("1", "SMBs that use AI", axis="size")
def size_ai_use(state):
    """Share of SMBs that use artificial intelligence in any function, by staff now."""
    small = smbs(state)
    return _share(_with_ai(state)[small], np.digitize(state.firms.employment[small], BOUNDS), len(SIZES))


@metric("1", "SMBs that use AI", axis="quartile")
def quartile_ai_use(state):
    """Share of SMBs that use artificial intelligence in any function, by quarter of SMBs by staff now; the third takes what is over."""
    small = np.flatnonzero(smbs(state))
    if len(small) < len(QUARTILES):
        return np.zeros(len(QUARTILES))
    order = small[np.argsort(state.firms.employment[small], kind="stable")]
    using, quarter = _with_ai(state)[order], len(order) // len(QUARTILES)
    parts = (using[:quarter], using[quarter : 2 * quarter], using[2 * quarter : -quarter], using[-quarter:])
    return np.array([part.mean() for part in parts])


@metric("1", "Depth of tools")
def tool_depth(state):
    """Share of routine work that tools do, of what the best tools could do, weighted by pay over functions and by staff over SMBs."""
    firms, small = state.firms, smbs(state)
    staff = firms.employment[small]
    share = state.sectors.function_share[firms.sector[small]]
    return ((firms.depth[small] * share).sum(axis=1) @ staff) / staff.sum() if staff.any() else 0.0


@metric("1", "Digital divide")
def digital_divide(state):
    """1 - AI use of the quarter of SMBs with the least staff / that of the quarter with the most; 0 where nobody uses it."""
    small = np.flatnonzero(smbs(state))
    if len(small) < 4:
        return 0.0
    order = small[np.argsort(state.firms.employment[small], kind="stable")]
    using, quarter = _with_ai(state)[order], len(order) // 4
    most = using[-quarter:].mean()
    return 1.0 - using[:quarter].mean() / most if most > 0 else 0.0


@metric("per 1 000 heads and year", "Displacement by tools")
def displacement(state):
    """Layoffs that are due to tools, of SMBs and large firms, by staff."""
    staff = state.firms.employment.sum()
    return 1e3 * WEEKS_PER_YEAR * state.firms.automation_layoffs.sum() / staff if staff > 0 else 0.0


@metric("1", "Labour saved by tools")
def labour_saved(state):
    """1 - labour per unit of output relative to rest, as far as tools changed it; SMBs, weighted by staff."""
    firms, small = state.firms, smbs(state)
    staff = firms.employment[small]
    return (1.0 - firms.labour_intensity[small]) @ staff / staff.sum() if staff.any() else 0.0


@metric("1", "Productivity of adopters")
def adopter_productivity(state):
    """Output per head relative to the start of SMBs with more tools than then, by that of the others; 1 where a group is empty."""
    firms, small = state.firms, smbs(state) & (state.firms.employment > 0.0)
    more = (firms.depth > firms.starting_depth).any(axis=1)
    relative = firms.productivity * firms.efficiency / np.where(firms.labour_intensity > 0.0, firms.labour_intensity, 1.0)
    groups = [small & more, small & ~more]
    if not all(group.any() for group in groups):
        return 1.0
    adopters, others = (np.average(relative[group], weights=firms.employment[group]) for group in groups)
    return adopters / others if others > 0 else 1.0


@metric("currency/wk", "Spending on tools")
def tool_spending(state):
    """Set-up and rent of tools beyond those of the start, paid by firms this week."""
    return state.firms.setup_cost.sum() + state.firms.tool_rent.sum()


@metric("1/yr", "Yearly return of tools")
def tool_roi(state):
    """What the tools of SMBs beyond those of the start save in wages, less their rent, in a year, by what setting them up has cost.

    Sales won from others are left out. 0 where nothing was set up.
    """
    firms, small = state.firms, smbs(state) & (state.firms.labour_intensity > 0.0)
    invested = firms.tool_value[small].sum()
    saved = (firms.wage_bill[small] * (1.0 / firms.labour_intensity[small] - 1.0)).sum() - firms.tool_rent[small].sum()
    return WEEKS_PER_YEAR * saved / invested if invested > 0.0 else 0.0
