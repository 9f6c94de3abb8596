"""Work: who has none, who is hired, who leaves and why, what is paid. People are full-time equivalents."""

from __future__ import annotations

import numpy as np

from .base import metric


@metric("1", "Unemployment")
def unemployment(state):
    """Unemployed by labour force (staff of firms and unemployed)."""
    force = state.regions.labour_force.sum()
    return state.regions.unemployed.sum() / force if force > 0 else 0.0


@metric("1", "Unemployment", axis="region")
def region_unemployment(state):
    """Unemployed by labour force, by region."""
    force = state.regions.labour_force
    return np.divide(state.regions.unemployed, force, out=np.zeros_like(force), where=force > 0)


@metric("heads", "Vacancies")
def vacancies(state):
    """Jobs on offer this week."""
    return state.firms.vacancies.sum()


@metric("heads/wk", "Hires")
def hires(state):
    """People hired this week, by entrants too."""
    return state.firms.hires.sum()


@metric("heads/wk", "Quits")
def quits(state):
    """Separations that the worker chose."""
    return state.firms.quits.sum()


@metric("heads/wk", "Layoffs")
def layoffs(state):
    """Separations for lack of work."""
    return state.firms.layoffs.sum()


@metric("heads/wk", "Jobs lost in closures")
def releases(state):
    """Separations because the firm closed."""
    return state.firms.releases.sum()


@metric("currency/wk", "Pay of one head")
def mean_wage(state):
    """Wage per head, weighted by staff."""
    staff = state.firms.employment
    return (state.firms.wage * staff).sum() / staff.sum() if staff.any() else 0.0


@metric("1", "Productivity")
def productivity(state):
    """Output per head relative to rest, weighted by staff."""
    staff = state.firms.employment
    return (state.firms.productivity * staff).sum() / staff.sum() if staff.any() else 1.0


@metric("currency/wk", "Wage subsidies")
def wage_subsidies(state):
    """Paid by the state for idle staff."""
    return state.firms.wage_subsidy.sum()
