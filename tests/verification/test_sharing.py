"""Shared demand against theory (R7): two stages multiply each other's bullwhip; with shared demand only their lead times add up."""

from __future__ import annotations

import numpy as np
import pytest
from models import given
from scipy.special import ndtri

from smbsim.mechanisms.base import Step
from smbsim.mechanisms.orders import Orders
from smbsim.mechanisms.platforms import SHARING, Platforms
from smbsim.network import from_edges

ALPHA, LEAD, WEEKS, SAMPLES = 0.25, 2, 4_000, 6
EXACT = {"enabled": True, "data_error": 0.0, "data_bias": 0.0, "memory": 1e12}  # every member is known without error; means are for ever


def amplification(lead_weeks: float) -> float:
    """Var(q)/Var(D) of order-up-to with exponential smoothing and iid demand: 1 + 2αL + 2α²L²/(2-α)."""
    return 1.0 + 2.0 * ALPHA * lead_weeks + 2.0 * (ALPHA * lead_weeks) ** 2 / (2.0 - ALPHA)


def chain_of(stages: int, members: int):
    """(state, orders, platforms, draws): firm 0 sells to 1 and so on, the last to households; the last `members` share demand."""
    edges = [(i, i + 1, 52 * 20.0 * (i + 1)) for i in range(stages - 1)]
    network = from_edges(edges, [0.0] * (stages - 1) + [52 * 100.0], sector=[4, 5, 6][:stages])
    state, _, draws = given(network, finance={"enabled": True}, market={"enabled": True}, platforms={**EXACT, "data_members": 0.0})
    firms, orders, platforms = state.firms, Orders(forecast_speed=ALPHA, inventory_adjustment=1.0), Platforms(**EXACT)
    firms.finished_cover[:] = LEAD - 1.0
    for column in (firms.expected_demand, firms.demand, firms.usual_demand, firms.planned_output):
        column[:] = 100.0
    firms.final_demand[:] = firms.usual_final[:] = np.where(np.arange(stages) == stages - 1, 100.0, 0.0)
    firms.member[stages - members :, SHARING] = 1
    platforms._look_along_links(state)
    return state, orders, platforms, draws


def whip(stages: int, members: int) -> np.ndarray:
    """(SAMPLES,) Var(planned output of the first stage) / Var(final demand), iid N(100, 10²); each stage orders what it plans."""
    state, orders, platforms, draws = chain_of(stages, members)
    firms, found = state.firms, []
    net = np.full(stages, (LEAD - 1.0) * 100.0)
    noise = 10.0 * ndtri(np.clip(draws.uniform("demand", 0, np.arange(SAMPLES * WEEKS)), 1e-12, None)).reshape(SAMPLES, WEEKS)
    for sample in noise:
        planned = np.empty(WEEKS)
        for t in range(WEEKS):
            firms.inventory[:], firms.backlog_due[:] = np.maximum(net, 0.0), np.maximum(-net, 0.0)
            platforms.report(state, Step(t, draws))
            orders.expect(state, Step(t, draws))
            firms.final_demand[-1] = 100.0 + sample[t]
            firms.demand[:-1], firms.demand[-1] = firms.planned_output[1:], firms.final_demand[-1]
            net += firms.planned_output - firms.demand
            planned[t] = firms.planned_output[0]
        found.append(planned[200:].var() / sample.var())
    return np.array(found)


def test_sharing_is_complete_on_the_chain():
    """Members whose customers all are: σ = 1 exactly; the last one, who sells to households, knows all by itself."""
    state, *_ = chain_of(3, 3)
    assert state.firms.sharing.tolist() == [1.0, 1.0, 0.0]
    state, *_ = chain_of(3, 2)
    assert state.firms.sharing.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(("members", "expected"), [(0, 5.35), (2, amplification(2 * LEAD))])
def test_bullwhip_of_two_stages(members, expected):
    """R7: α = .25, L = 2 each: 5.35 decentralised (by simulation; the product of both stages is 5.22), 4.14 with shared demand."""
    assert amplification(2 * LEAD) == pytest.approx(4.143, abs=1e-3)
    found = whip(2, members)
    error = found.std(ddof=1) / np.sqrt(SAMPLES)
    assert error < 0.03
    assert found.mean() == pytest.approx(expected, abs=4.0 * error + 0.01)


@pytest.mark.long
@pytest.mark.parametrize(("members", "expected"), [(0, None), (3, amplification(3 * LEAD))])
def test_bullwhip_of_three_stages(members, expected):
    """Geometric without, additive with shared demand: a third stage takes the ratio from 5.35 to over 11, or from 4.14 to 6.57."""
    found = whip(3, members).mean()
    if expected is None:
        assert found > amplification(LEAD) ** 3 * 0.95
    else:
        assert found == pytest.approx(expected, rel=0.03)


def test_reports_take_one_week_per_stage():
    """What households asked for in week t is in the retailer's report of t + 1 and in the forecast of its supplier in t + 2."""
    state, _, platforms, draws = chain_of(2, 2)
    firms, seen = state.firms, []
    for t in range(4):
        platforms.report(state, Step(t, draws))
        seen.append(firms.end_demand[0])
        firms.final_demand[1] = firms.demand[1] = 120.0 if t == 0 else 100.0
    assert seen == pytest.approx([100.0, 100.0, 120.0, 100.0])
