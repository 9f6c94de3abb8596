r"""People who lose their job against their will: why, how soon they find another, and what it costs them (MODEL.md 5.7).

    h_r          hires / unemployed of the region, a week
    found        1 - (1 - h)^26                                 within half a year, at the hiring of this week
    lost         1 - [ 1 - (1 - (1-h)^52) / (52 h) ] w_new / w_old     of the pay of the first year, before benefits

w_old is the pay at firms that let people go, by how many, w_new at firms that hire. In each region a head is as likely to be hired as any
other: people are not told apart by how long they have been without work.
"""

from __future__ import annotations

import numpy as np

from ..schema import WEEKS_PER_YEAR
from .base import metric

SEPARATIONS = ("tools", "demand", "closures")
HALF_YEAR = 26


def lost_jobs(state) -> np.ndarray:
    """(n, 3) heads/wk let go because of tools, for lack of demand, because the firm closed."""
    firms = state.firms
    tools = np.minimum(firms.automation_layoffs, firms.layoffs)
    return np.stack([tools, firms.layoffs - tools, firms.releases], axis=1)


def hiring(state) -> np.ndarray:
    """(R,) chance of an unemployed head to be hired in a week; 1 where nobody is unemployed."""
    idle = np.maximum(state.regions.unemployed, 0.0)
    hired = np.maximum(state.by_region(state.firms.hires), 0.0)
    return np.minimum(np.divide(hired, idle, out=np.ones_like(idle), where=idle > 0.0), 1.0)


@metric("per 1 000 heads and year", "Displacement", axis="separation")
def displacement_by_cause(state):
    """People let go because of tools, for lack of demand, and in closures, by staff of all firms."""
    staff, lost = state.firms.employment.sum(), lost_jobs(state).sum(axis=0)
    return 1e3 * WEEKS_PER_YEAR * lost / staff if staff > 0.0 else np.zeros(len(SEPARATIONS))


@metric("1", "Re-employment within half a year")
def reemployment(state):
    """Share of those who lose their job this week that have another within 26 weeks, if hiring stays as it is; regions by unemployed."""
    idle, h = np.maximum(state.regions.unemployed, 0.0), hiring(state)
    found = 1.0 - (1.0 - h) ** HALF_YEAR
    return float(found @ idle / idle.sum()) if idle.sum() > 0.0 else 1.0


@metric("1", "Earnings loss of the displaced")
def earnings_loss(state):
    """Share of a year's pay that who loses the job this week loses, without work and at the next job, before benefits; 0 without any."""
    firms, lost = state.firms, lost_jobs(state).sum(axis=1)
    if not (lost.any() and firms.hires.any()):
        return 0.0
    idle, h = np.maximum(state.regions.unemployed, 0.0), hiring(state)
    waiting = np.divide(1.0 - (1.0 - h) ** WEEKS_PER_YEAR, h, out=np.full_like(h, float(WEEKS_PER_YEAR)), where=h > 0.0)
    without = float(waiting @ idle / idle.sum()) if idle.sum() > 0.0 else 0.0
    old, new = firms.wage @ lost / lost.sum(), firms.wage @ firms.hires / firms.hires.sum()
    return float(1.0 - (1.0 - without / WEEKS_PER_YEAR) * new / old) if old > 0.0 else 0.0
