"""R11, R12, R13: with its payoffs switched off the mechanism is Bass's, with costs sunk by nothing Brock and Durlauf's, on links Watts's.

The firms are SMBs of one sector in one region; only `decide` runs, because nothing else matters for who adopts. Each of the seven business
functions is a sample of its own.
"""

from __future__ import annotations

import numpy as np
import pytest
from models import given

from smbsim.adoption import FUNCTIONS
from smbsim.draws import Draws
from smbsim.mechanisms.automation import MATURE, NO_TOOL, Automation
from smbsim.mechanisms.base import Step
from smbsim.network import from_edges, random_graph
from smbsim.schema import WEEKS_PER_QUARTER, WEEKS_PER_YEAR

ONE_TOOL = {"frontier": 1, "fit_spread": 0.0, "prior_spread": 0.0, "trial_noise": 0.0, "pilots_at_once": len(FUNCTIONS)}
FREE = {"setup_years": 0.0, "rent_share": 0.2, "prior_gain": 0.2, "cost_decline": 0.0}  # gain by cost is 1
ALIKE = {"readiness_effect": 0.0, "shortage_effect": 0.0, "caution": 0.0, "peer_evidence": 0.0}
LIMIT = {"enabled": True, **ONE_TOOL, **FREE, **ALIKE}


def crowd(n, network=None, together=False):
    """State of n SMBs of one sector and region that use nothing yet. together: all have their review in the same week."""
    if network is None:
        network = from_edges([], [52 * 100.0] * n, sector=[5] * n)
    state, _, _ = given(network, model="money", automation={"enabled": True})
    firms = state.firms
    for column in (firms.depth, firms.starting_depth, firms.former_depth):
        column[:] = 0.0
    firms.tier[:], firms.tool_stage[:] = 0, NO_TOOL
    if together:
        firms.uid[:] *= WEEKS_PER_QUARTER
    return state


def share(state):
    """(7,) share of firms with the tool."""
    return (state.firms.tier > 0).mean(axis=0)


def settle(state, mechanism, draws, rounds=500):
    """Reviews of all, until one changes nothing."""
    for _ in range(rounds):
        before = state.firms.tier.copy()
        mechanism.decide(state, Step(0, draws))
        if np.array_equal(before, state.firms.tier):
            return share(state)
    raise AssertionError(f"not settled after {rounds} rounds")


def test_without_payoffs_adoption_is_that_of_bass():
    """R11: F = (1 - e^-(p+q)t) / (1 + q/p e^-(p+q)t), the peak of dF/dt at ln(q/p)/(p+q) = 6.19 years, where F = ½ - p/2q.

    Sampling error from the seven functions; half a per cent for reviews that are quarters.
    """
    p, q = 0.03, 0.38
    state, draws = crowd(1300), Draws(1)
    mechanism = Automation(**LIMIT, innovation=p, imitation=q, hurdle=-100.0, peer_effect=0.0, link_weight=0.0)
    seen = []
    for t in range(16 * WEEKS_PER_YEAR):
        mechanism.decide(state, Step(t, draws))
        seen.append(share(state))
    found, years = np.array(seen), np.arange(1, len(seen) + 1) / WEEKS_PER_YEAR
    decay = np.exp(-(p + q) * years)
    expected = (1.0 - decay) / (1.0 + q / p * decay)
    error = found.std(axis=1, ddof=1) / np.sqrt(len(FUNCTIONS))
    assert np.all(np.abs(found.mean(axis=1) - expected) < 3.0 * error + 0.005)
    assert error.max() < 0.03
    peak = np.interp(0.5 - p / (2.0 * q), found.mean(axis=1), years)
    assert peak == pytest.approx(np.log(q / p) / (p + q), rel=0.05)
    assert found[-1].min() > 0.95


def logistic(u, beta, J):
    """The mechanism in the limit x = Logit β(u + J x): everybody looks at every review, and nothing is sunk."""
    return Automation(**LIMIT, innovation=100.0, imitation=0.0, choice=beta, peer_effect=J, hurdle=1.0 - J / 2.0 - u, link_weight=0.0)


def fold(state, draws, J, levels):
    """(7,) where the share of adopters passes a half when u goes through `levels` and the state goes with it."""
    before, where = share(state) > 0.5, np.full(len(FUNCTIONS), np.nan)
    width = levels[1] - levels[0]
    for u in levels:
        now = settle(state, logistic(u, 4.0, J), draws) > 0.5
        jumped = (now != before) & np.isnan(where)
        where[jumped] = u - width / 2.0
    return where


@pytest.mark.parametrize(
    ("J", "up", "down"), [(2.0, -0.7336, -1.2664), pytest.param(1.5, -0.6462, -0.8538, marks=pytest.mark.long)], ids=["8", "6"]
)
def test_logistic_choice_folds_where_theory_says(J, up, down):
    """R12, β = 4: the few become all at the upper fold, and all become few at the lower one; on the way there they do neither."""
    state, draws = crowd(2500, together=True), Draws(1)
    jumps = fold(state, draws, J, np.arange(up - 0.04, up + 0.045, 0.01))
    assert np.mean(jumps) == pytest.approx(up, rel=0.02)
    settle(state, logistic(up + 0.2, 4.0, J), draws)
    falls = fold(state, draws, J, np.arange(down + 0.04, down - 0.045, -0.01))
    assert np.mean(falls) == pytest.approx(down, rel=0.02)


@pytest.mark.parametrize("J", [0.5, 0.75])
def test_logistic_choice_has_one_root_below_the_fold(J):
    """βJ < 4: from nobody and from everybody the same share, that of x = Logit β(u + J x), to what a sample of 1 500 tastes allows."""
    for u in (-0.6, -0.3):
        state, draws = crowd(1500, together=True), Draws(2)
        low = settle(state, logistic(u, 4.0, J), draws)
        settle(state, logistic(10.0, 4.0, J), draws)
        assert share(state).min() == 1.0
        high = settle(state, logistic(u, 4.0, J), draws)
        assert np.abs(high - low).max() < 0.03
        x = np.linspace(0.0, 1.0, 100_001)
        root = x[np.argmin(np.abs(x - 1.0 / (1.0 + np.exp(-4.0 * (u + J * x)))))]
        assert np.mean(low) == pytest.approx(root, abs=0.03)


def seeded(degree, threshold=0.18):
    """(7,) share reached from one adopter, another in each function, where firms adopt when more than `threshold` of their links have."""
    state = crowd(600, random_graph(600, degree / 2.0, 1, Draws(3)), together=True)
    firms = state.firms
    for f in range(len(FUNCTIONS)):
        firms.tier[20 * f, f], firms.depth[20 * f, f], firms.tool_stage[20 * f, f] = 1, 0.1, MATURE
    sharp = {"choice": 1e4, "peer_effect": 1.0, "hurdle": 0.5 + threshold, "give_up": 0.0, "link_weight": 1.0}
    return settle(state, Automation(**LIMIT, **sharp, innovation=100.0, imitation=0.0), Draws(1))


def test_sharp_choice_on_links_cascades_only_where_links_are_few():
    """Watts: at a threshold of .18 a neighbour is enough for firms with up to five links; z = 3 has cascades, z = 14 none."""
    few, many = seeded(3.0), seeded(14.0)
    assert np.median(few) > 0.5
    assert many.max() < 0.02
