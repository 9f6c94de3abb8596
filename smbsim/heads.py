"""How many people an output needs, and the only code that moves them between firms and the pools of the unemployed.

    labour force_r = unemployed_r + Σ_{i in r} L_i + roaming_r              of region r, at any moment
    Σ_r roaming_r  = Σ_{i everywhere} L_i                                   roaming_r lives in r and works for firms that are everywhere

Employment therefore changes only by people who come from a pool or go to one. Source: MODEL.md 3.6, heads.
"""

from __future__ import annotations

import numpy as np

from .state import EVERYWHERE, State


def needed(state: State, output: np.ndarray) -> np.ndarray:
    """(n,) heads that make an output (n,) base currency/wk: coefficient · intensity · output / (productivity · efficiency)."""
    firms = state.firms
    return firms.labour_coefficient * firms.labour_intensity * output / (firms.productivity * firms.efficiency)


def leave(state: State, heads: np.ndarray) -> None:
    """People (n,) leave their firms for the pools; those of firms that are everywhere leave in each region alike."""
    firms, regions = state.firms, state.regions
    gone = _by_place(state, heads)
    roaming = regions.roaming_staff.sum()
    roamers = regions.roaming_staff * (gone[0] / roaming) if roaming > 0 else np.zeros(regions.n)
    firms.employment[:] = np.maximum(firms.employment - heads, 0.0)
    regions.roaming_staff[:] = np.maximum(regions.roaming_staff - roamers, 0.0)
    regions.unemployed[:] += gone[1:] + roamers


def join(state: State, heads: np.ndarray, roamers: np.ndarray) -> None:
    """People (n,) join firms; of those who join firms that are everywhere, roamers (R,) live in each region."""
    state.firms.employment[:] += heads
    state.regions.roaming_staff[:] += roamers
    state.regions.unemployed[:] -= _by_place(state, heads)[1:] + roamers


def hire(state: State, rows: np.ndarray | slice, heads: np.ndarray) -> np.ndarray:
    """Firms with a region take on as many as their pools hold, short pools shared in proportion. heads wanted (k,); returns those hired."""
    firms, pools = state.firms, state.regions.unemployed
    region = firms.region[rows]
    wanted = np.bincount(region, weights=heads, minlength=len(pools))
    had = np.divide(np.maximum(pools, 0.0), wanted, out=np.ones_like(wanted), where=wanted > np.maximum(pools, 0.0))
    hired = heads * had[region]
    firms.employment[rows] += hired
    firms.hires[rows] += hired
    pools[:] -= np.bincount(region, weights=hired, minlength=len(pools))
    return hired


def place(state: State, heads: np.ndarray) -> None:
    """Employment is what it is (n,), drawn from the pools without asking; firms that are everywhere employ by population."""
    regions = state.regions
    here = _by_place(state, heads)
    state.firms.employment[:] = heads
    regions.roaming_staff[:] = regions.population_share * here[0]
    regions.unemployed[:] = regions.labour_force - here[1:] - regions.roaming_staff


def _by_place(state: State, heads: np.ndarray) -> np.ndarray:
    """(1 + R,) heads of firms that are everywhere, then of those in each region."""
    return np.bincount(state.firms.region - EVERYWHERE, weights=heads, minlength=state.regions.n + 1)
