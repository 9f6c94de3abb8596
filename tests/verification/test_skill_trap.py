r"""The skill trap: staff learns by using tools, and tools are used where staff knows how.

Mean field   a = Λ(β (u + b s)) ,  s = η a / (η a + δ)          Λ the logistic function, a use, s skill
bistable iff β b · max_a a (1 - a) η δ / (η a + δ)² > 1           the slope of the loop at its steepest

(η, δ) = (.6, .1)   critical β b = 4.67, at a = .13
(η, δ) = (.3, .15)  critical β b = 6.00

Here s is what the mechanism's own weekly learning leads to when its tools are used as much as a, without gates, training or peers.
"""

from __future__ import annotations

from functools import cache

import models
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from smbsim.mechanisms.base import Step
from smbsim.mechanisms.skills import Skills
from smbsim.occupations import SPARE

CASES = {(0.6, 0.1): (4.67, 0.13), (0.3, 0.15): (6.00, None)}
STILL = 1e-12  # change of a level in a week


@cache
def economy(eta: float, delta: float):
    """(state, mechanism, draws): forgetting δ and learning η a year, everything else off."""
    yearly = 1.0 - (1.0 - delta / 52) ** 52
    off = dict.fromkeys(("elasticity", "drift", "ability", "gating", "peer_learning"), 0.0)
    skills = Skills(enabled=True, general_decay=yearly, technical_decay=yearly, **off)
    state, _, draws = models.miniature(20, 1, model="work", skills={"enabled": True})
    state.firms.learning[:] = eta / 52
    state.firms.output[:] = state.firms.normal_output  # everybody has work
    return state, skills, draws


@cache
def settled(eta: float, delta: float, use: float) -> float:
    """The level to which use leads. A week is linear in the level, so that two weeks give the point where it stays; a third confirms it."""
    state, skills, draws = economy(eta, delta)
    firms = state.firms
    firms.practice[:] = use
    firms.skill[:], path = 0.5, [0.5]
    for t in range(2):
        skills.learn(state, Step(t, draws))
        path.append(float(firms.skill[0, 0]))
    first, second = np.diff(path)
    firms.skill[:] = level = path[0] + first**2 / (first - second)
    skills.learn(state, Step(2, draws))
    assert np.abs(firms.skill[firms.employment > 0, :SPARE] - level).max() < STILL, "in all domains of all firms alike"
    return level


def slope(eta: float, delta: float, a: float) -> float:
    """a (1 - a) ds/da, by central differences of what the mechanism gives."""
    step = 0.002
    return a * (1.0 - a) * (settled(eta, delta, round(a + step, 9)) - settled(eta, delta, round(a - step, 9))) / (2.0 * step)


@pytest.mark.parametrize(("eta", "delta"), CASES)
def test_level_follows_use(eta, delta):
    """s = η a / (η a + δ)."""
    for use in (0.05, 0.3, 1.0):
        assert settled(eta, delta, use) == pytest.approx(eta * use / (eta * use + delta), rel=1e-6)


@pytest.mark.parametrize(("eta", "delta"), CASES)
def test_critical_complementarity(eta, delta):
    """1 / max of the slope is the known number, within 1 %, at the known use."""
    best = minimize_scalar(lambda a: -slope(eta, delta, a), bounds=(0.02, 0.6), method="bounded", options={"xatol": 2e-3})
    critical, at = CASES[eta, delta]
    assert 1.0 / -best.fun == pytest.approx(critical, rel=0.01)
    if at is not None:
        assert best.x == pytest.approx(at, abs=0.01)


def rests(eta: float, delta: float, strength: float, start: float) -> float:
    """Use after the loop has run its course, with the outside option at which the steepest point is a fixed point. β b = strength."""
    state, skills, draws = economy(eta, delta)
    firms, centre = state.firms, delta / (eta + 2.0 * delta)  # where a (1 - a) / (η a + δ)² is largest
    outside = np.log(centre / (1.0 - centre)) - strength * eta * centre / (eta * centre + delta)
    firms.skill[:] = start
    use = 0.0
    for t in range(52 * 200):
        use = 1.0 / (1.0 + np.exp(-(outside + strength * firms.skill[0, 0])))
        firms.practice[:] = use
        before = firms.skill[0, 0]
        skills.learn(state, Step(t, draws))
        if abs(firms.skill[0, 0] - before) < 1e-9:
            break
    return float(use)


@pytest.mark.long
@pytest.mark.parametrize(("eta", "delta"), CASES)
def test_start_decides_only_beyond_the_critical_value(eta, delta):
    """10 % above it, staff that begins without skills ends elsewhere than staff that begins with all; 10 % below, at the same place."""
    critical = CASES[eta, delta][0]
    low, high = (rests(eta, delta, 1.1 * critical, start) for start in (0.0, 1.0))
    assert high - low > 0.1
    low, high = (rests(eta, delta, 0.9 * critical, start) for start in (0.0, 1.0))
    assert high - low < 1e-2
