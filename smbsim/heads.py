r"""How many people an output needs, and the only code that moves them, and what they know, between firms and the pools of the unemployed.

    labour force_r = unemployed_r + Σ_{i in r} L_i + roaming_r              of region r, at any moment
    Σ_r roaming_r  = Σ_{i everywhere} L_i                                   roaming_r lives in r and works for firms that are everywhere

Employment therefore changes only by people who come from a pool or go to one. Where people have skills, they carry them along:

    who leaves knows what the staff of the firm knows on average ; the pool is the mean of those in it
    who joins i from pool r knows   h = p_r + θ_r (s⁰_i - m_r)              p pool, s⁰ what the firm's trade needs, m its mean over hires
    Σ_i L_i s_i + Σ_r U_r p_r = constant under every move                    skill mass, by domain

People look for the work that they know: those who join a firm differ from the pool as its trade does from others. θ <= 1 is as large as
the pool allows, so that nobody knows less than nothing. An economy in whose pools nobody knows anything has no skills to carry.

Source: MODEL.md 3.6, heads; M8 for the mass of skills. The sorting by trade is an assumption, without which all trades would end alike.
"""

from __future__ import annotations

import numpy as np

from .kernel import kernel
from .occupations import N_DOMAINS
from .state import EVERYWHERE, State, sum_by


def needed(state: State, output: np.ndarray) -> np.ndarray:
    """(n,) heads that make an output (n,) base currency/wk: coefficient · intensity · output / (productivity · efficiency)."""
    firms = state.firms
    return firms.labour_coefficient * firms.labour_intensity * output / (firms.productivity * firms.efficiency)


def leave(state: State, heads: np.ndarray, rows: np.ndarray | slice = slice(None)) -> None:
    """People leave their firms for the pools; those of firms that are everywhere leave in each region alike.

    heads (k,) of the firms `rows` (k,), or (n,) of all
    """
    firms, regions = state.firms, state.regions
    gone = _by_place(state, heads, rows)
    roaming = regions.roaming_staff.sum()
    roamers = regions.roaming_staff * (gone[0] / roaming) if roaming > 0 else np.zeros(regions.n)
    if _skilled(state):
        _take_along(state, heads, rows, gone, roamers)
    firms.employment[rows] = np.maximum(firms.employment[rows] - heads, 0.0)
    regions.roaming_staff[:] = np.maximum(regions.roaming_staff - roamers, 0.0)
    regions.unemployed[:] += gone[1:] + roamers


def join(state: State, heads: np.ndarray, roamers: np.ndarray) -> None:
    """People (n,) join firms; of those who join firms that are everywhere, roamers (R,) live in each region."""
    joining = _by_place(state, heads)
    if _skilled(state):
        _bring_along(state, heads, joining, roamers)
    state.firms.employment[:] += heads
    state.regions.roaming_staff[:] += roamers
    state.regions.unemployed[:] -= joining[1:] + roamers


def hire(state: State, rows: np.ndarray | slice, heads: np.ndarray) -> np.ndarray:
    """Firms with a region take on as many as their pools hold, short pools shared in proportion. heads wanted (k,); returns those hired."""
    firms, pools = state.firms, state.regions.unemployed
    region = firms.region[rows]
    wanted = np.bincount(region, weights=heads, minlength=len(pools))
    had = np.divide(np.maximum(pools, 0.0), wanted, out=np.ones_like(wanted), where=wanted > np.maximum(pools, 0.0))
    hired = heads * had[region]
    if _skilled(state):
        joining = np.zeros(firms.n)
        joining[rows] = hired
        _bring_along(state, joining, _by_place(state, joining), np.zeros(len(pools)))
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


def unite_skills(state: State, buyer: np.ndarray, target: np.ndarray) -> None:
    """The skills of two staffs that become one, before they do: the mean over their heads. buyer, target (k,) rows."""
    firms = state.firms
    both = firms.employment[buyer] + firms.employment[target]
    share = np.divide(firms.employment[target], both, out=np.zeros(len(buyer)), where=both > 0)
    firms.skill[buyer] += share[:, None] * (firms.skill[target] - firms.skill[buyer])


def _by_place(state: State, heads: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """(1 + R,) heads (k,) of firms that are everywhere, then of those in each region."""
    total = np.zeros(state.regions.n + 1)
    sum_by(state.firms.region[rows], EVERYWHERE, heads, total)
    return total


def _skilled(state: State) -> bool:
    """Somebody knows something."""
    return bool(state.regions.pool_skill.any())


def _take_along(state: State, heads, rows, gone, roamers) -> None:
    """Those who leave bring what they know to the pools, before they are counted there. heads (k,); gone (1 + R,), roamers (R,) heads."""
    firms, regions = state.firms, state.regions
    mass = np.zeros((regions.n + 1, firms.skill.shape[1]))
    sum_skills(firms.region[rows], heads, firms.skill[rows], mass)
    if gone[0] > 0:
        mass[1:] += roamers[:, None] * (mass[0] / gone[0])
    pool, came = np.maximum(regions.unemployed, 0.0), gone[1:] + roamers
    there = came > 0
    mean = (pool[there, None] * regions.pool_skill[there] + mass[1:][there]) / (pool + came)[there, None]
    regions.pool_skill[there] = np.clip(mean, 0.0, 1.0)


def _bring_along(state: State, heads, joining, roamers) -> None:
    """Those who join bring what they know to their firms, before they are counted there. heads (n,); joining (1 + R,); roamers (R,)."""
    firms, regions = state.firms, state.regions
    places, K = regions.n + 1, firms.skill.shape[1]
    wanted, least, most = np.zeros((places, K)), np.full((places, K), np.inf), np.full((places, K), -np.inf)
    sum_profiles(firms.region, heads, firms.normal_skill, wanted, least, most)
    if joining[0] > 0:  # they are looked for in all regions alike
        here = roamers > 0
        wanted[1:] += roamers[:, None] * (wanted[0] / joining[0])
        least[1:][here], most[1:][here] = np.minimum(least[1:], least[0])[here], np.maximum(most[1:], most[0])[here]
    found = (joining[1:] + roamers)[:, None]
    pool, mean = regions.pool_skill, regions.typical_skill
    left = np.maximum(regions.unemployed[:, None] - found, 0.0)
    beyond = wanted[1:] - found * mean  # what they know together beyond those who joined at rest
    sort = np.ones((regions.n, K))
    for room, need in ((pool, mean - least[1:]), (1.0 - pool, most[1:] - mean), (pool * left, beyond), ((1.0 - pool) * left, -beyond)):
        np.minimum(sort, np.divide(room, need, out=np.ones_like(sort), where=need > room), out=sort)
    known, slope = np.zeros((places, K)), np.zeros((places, K))
    known[1:], slope[1:] = pool - sort * mean, sort
    if joining[0] > 0:
        known[0], slope[0] = (roamers / joining[0]) @ known[1:], (roamers / joining[0]) @ slope[1:]
    mix_in(firms.region, heads, firms.employment, known, slope, firms.normal_skill, firms.skill)
    change = np.divide(sort * beyond, left, out=np.zeros_like(sort), where=left > 0)
    pool[:] = np.clip(pool - change, 0.0, 1.0)


@kernel
def sum_skills(region, heads, skill, mass):
    """mass_rk += heads_i skill_ik over the firms of place r (0 everywhere, then the regions). skill (n, K); writes mass (1 + R, K)."""
    for i in range(region.size):
        if heads[i] > 0.0:
            r = np.uint64(region[i] + 1)
            for k in range(np.uint64(N_DOMAINS)):
                mass[r, k] += heads[i] * skill[i, k]


@kernel
def sum_profiles(region, heads, profile, mass, least, most):
    """As sum_skills, with the lowest and highest profile of the firms that take somebody on. Writes mass, least, most (1 + R, K)."""
    for i in range(region.size):
        if heads[i] > 0.0:
            r = np.uint64(region[i] + 1)
            for k in range(np.uint64(N_DOMAINS)):
                s = profile[i, k]
                mass[r, k] += heads[i] * s
                least[r, k] = min(least[r, k], s)
                most[r, k] = max(most[r, k], s)


@kernel
def mix_in(region, heads, staff, known, slope, profile, skill):
    """skill ← (staff · skill + heads · h) / (staff + heads) ,  h = known_r + slope_r profile_i. known, slope (1 + R, K); writes skill."""
    for i in range(region.size):
        if heads[i] > 0.0:
            r = region[i] + 1
            share = heads[i] / (staff[i] + heads[i])
            for k in range(skill.shape[1]):
                h = min(max(known[r, k] + slope[r, k] * profile[i, k], 0.0), 1.0)
                skill[i, k] += share * (h - skill[i, k])
