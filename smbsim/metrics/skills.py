"""Skills: what staff and the unemployed know, who trains, and what it brings. All are at their neutral value where skills are off."""

from __future__ import annotations

import numpy as np

from ..occupations import N_DOMAINS, SPARE
from ..schema import WEEKS_PER_YEAR
from .base import metric, smbs


@metric("1", "Level of skills")
def skill_level(state):
    """Mean level of staff over the ten domains."""
    return _mean(state.firms.skill[:, :SPARE].mean(axis=1), state.firms.employment)


@metric("1", "Level of skills", axis="sector")
def sector_skill_level(state):
    """Mean level of staff over the ten domains, by sector."""
    firms = state.firms
    staff, known = state.by_sector(firms.employment), state.by_sector(firms.employment * firms.skill[:, :SPARE].mean(axis=1))
    return np.divide(known, staff, out=np.zeros_like(staff), where=staff > 0)


@metric("1", "Level of skills", axis="domain")
def domain_skill_level(state):
    """Mean level of staff, by domain."""
    return np.array([_mean(state.firms.skill[:, k], state.firms.employment) for k in range(N_DOMAINS)])


@metric("1", "Digital skills")
def digital_skill_level(state):
    """Mean level of staff in the domains that count most for tools: all but customer experience, adaptability and collaboration."""
    return _mean(state.firms.skill[:, DIGITAL].mean(axis=1), state.firms.employment)


@metric("1", "Level of a new skill")
def new_skill_level(state):
    """Mean level of staff in the domain that nobody knew."""
    return _mean(state.firms.skill[:, SPARE], state.firms.employment)


@metric("1", "Skills of the unemployed")
def pool_skill_level(state):
    """Mean level of the unemployed over the ten domains."""
    return _mean(state.regions.pool_skill[:, :SPARE].mean(axis=1), np.maximum(state.regions.unemployed, 0.0))


@metric("1", "Gap in skills")
def skill_gap(state):
    """Mean over staff of what is missing to the level at rest, domains weighted by their need; surplus in one makes up for no other."""
    firms = state.firms
    missing = np.maximum(firms.normal_skill - firms.skill, 0.0)
    return _mean((missing * state.sectors.skill_need[firms.sector]).sum(axis=1), firms.employment)


@metric("1", "Output per head due to skills")
def skill_efficiency(state):
    """Mean efficiency of staff relative to rest; time in training counts as lost."""
    return _mean(state.firms.efficiency, state.firms.employment, 1.0)


@metric("1", "SMBs in training")
def training_smbs(state):
    """Share of SMBs that train their staff beyond what is usual."""
    small = smbs(state)
    return (state.firms.training_hours[small] > 0.0).mean() if small.any() else 0.0


@metric("currency/wk", "Spending on training")
def training_spending(state):
    """Fees that firms paid this week."""
    return state.firms.training_cost.sum()


@metric("1", "Return to training")
def training_return(state):
    """Output per head, by skills and relative to rest, of the staff of SMBs in training over that of the others, less one."""
    firms, small = state.firms, smbs(state)
    trains = small & (firms.training_hours > 0.0)
    others = small & ~trains
    if not (firms.employment[trains].any() and firms.employment[others].any()):
        return 0.0
    return (
        np.exp(_mean(firms.skill_value[trains], firms.employment[trains]) - _mean(firms.skill_value[others], firms.employment[others]))
        - 1.0
    )


@metric("1/yr", "Yearly return of training")
def training_roi(state):
    """Gain since they began in the output of a year, at pay, of SMBs in training, by what it has cost so far in fees and hours.

    0 where nothing was spent.
    """
    firms, trains = state.firms, smbs(state) & (state.firms.training_hours > 0.0)
    spent = firms.training_spent[trains].sum()
    gained = np.expm1(firms.skill_value[trains] - firms.value_before[trains])
    return WEEKS_PER_YEAR * (firms.wage_bill[trains] @ gained) / spent if spent > 0.0 else 0.0


@metric("1", "Believed return to training")
def training_belief(state):
    """Mean over SMBs of the gain in the logarithm of output per head that owners expect of a programme of a year."""
    small = smbs(state)
    return state.firms.training_payoff[small].mean() if small.any() else 0.0


@metric("1", "Versatility")
def versatility(state):
    """Mean over staff of how even the competence for the business functions is."""
    return _mean(state.firms.versatility, state.firms.employment)


@metric("heads", "Staff on loan")
def staff_on_loan(state):
    """People at work for another firm than their own this week."""
    return np.maximum(state.firms.borrowed, 0.0).sum()


DIGITAL = [0, 1, 5, 6, 7, 8, 9]


def _mean(values, heads, nobody: float = 0.0) -> float:
    return float((values * heads).sum() / heads.sum()) if heads.any() else nobody
