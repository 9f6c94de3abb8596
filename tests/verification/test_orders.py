"""Orders against theory: the bullwhip of one firm (R5), its stability (R8), and the resonance of a network (R9)."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, given
from scipy.special import ndtri

from smbsim.analysis.stability import stability
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.orders import Orders
from smbsim.network import FirmNetwork, chain, from_edges

STORABLE = 5  # row of sector "32" among the sectors of the United States: manufacturing, kept in stock


@pytest.mark.parametrize(
    ("lead", "alpha", "expected"), [(1, 0.1, 1.211), (1, 0.25, 1.571), (2, 0.25, 2.286), (4, 0.25, 4.143), (4, 0.36, 6.409)]
)
def test_bullwhip_of_one_firm_is_that_of_order_up_to(lead, alpha, expected):
    """R5: Var(planned)/Var(demand) = 1 + 2αL + 2α²L²/(2-α) for α_f = 1, n_fg = L-1, θ = α, demand backlogged, iid N(100, 10²)."""
    orders = Orders(forecast_speed=alpha, inventory_adjustment=1.0)
    state, _, draws = given(chain(2))
    firms, weeks = state.firms, 40_000
    firms.finished_cover[:] = lead - 1.0
    firms.expected_demand[:], net = 100.0, np.full(2, (lead - 1.0) * 100.0)
    demand = 100.0 + 10.0 * ndtri(np.clip(draws.uniform("demand", 0, np.arange(2 * weeks)), 1e-12, None)).reshape(weeks, 2)
    planned = np.empty((weeks, 2))
    firms.demand[:] = 100.0
    for t in range(weeks):
        firms.inventory[:], firms.backlog_due[:] = np.maximum(net, 0.0), np.maximum(-net, 0.0)
        orders.expect(state, Step(t, draws))
        planned[t], firms.demand[:] = firms.planned_output, demand[t]
        net += planned[t] - demand[t]
    ratio = planned[100:].var() / demand[100:].var()
    assert 1 + 2 * alpha * lead + 2 * (alpha * lead) ** 2 / (2 - alpha) == pytest.approx(expected, abs=6e-4)
    assert ratio == pytest.approx(expected, rel=0.02)


def radius(network: FirmNetwork, lead: int = 1, **orders) -> float:
    """Spectral radius of a network of storable goods with fixed final demand."""
    state, plan, _ = given(
        network, households={"enabled": False}, orders={"finished_cover_weeks": 1.0, "input_cover_weeks": 3.0, **orders},
        trade={"local_lead": lead, "other_lead": lead},
    )  # fmt: skip
    return stability(state, plan, closed=False).radius


def critical(of, low: float, high: float) -> float:
    """Where a spectral radius that grows with its argument passes one; by bisection."""
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (low, middle) if of(middle) > 1.0 + 1e-6 else (middle, high)
    return (low + high) / 2


@pytest.mark.parametrize(("lead", "expected"), [(1, 2.0), (2, 1.0), (3, 0.618), (4, 0.445), (6, 0.285)])
def test_stock_adjustment_of_one_firm_is_stable_below_the_critical_value(lead, expected):
    """R8, β = 0: stable iff α_S < 2 cos(kπ/(2k+1)), k = ℓ - 1 weeks between order and arrival that are not watched."""
    k = lead - 1
    network = from_edges([(0, 1, 40.0)], [10.0, 100.0], sector=[STORABLE] * 2)
    found = critical(lambda a: radius(network, lead, stock_adjustment=a, supply_line_weight=0.0), 0.1, 2.0)
    assert 2 * np.cos(k * np.pi / (2 * k + 1)) == pytest.approx(expected, abs=1e-3)
    assert found == pytest.approx(expected, abs=2e-3)


def everyone_buys_from_everyone(share: float, n: int = 4) -> FirmNetwork:
    """n firms, each buying `share` of its output in equal parts from the others: Perron eigenvalue `share`."""
    edges = [(i, j, share * 100.0 / (n - 1)) for i in range(n) for j in range(n) if i != j]
    return from_edges(edges, [100.0 * (1 - share)] * n, sector=[STORABLE] * n)


@pytest.mark.parametrize(("theta", "expected"), [(0.1, 0.569), (0.25, 0.355), (0.36, 0.293)])
def test_network_resonates_above_the_critical_adjustment(theta, expected):
    """R9: λ = .4, n_in = 3, n_fg = 1, ℓ = 1, α_f = α_S: |z| = 1 on 1 - λ G(z) = 0 at the expected α."""
    network = everyone_buys_from_everyone(0.4)

    def of(alpha):
        return radius(network, 1, forecast_speed=theta, stock_adjustment=alpha, inventory_adjustment=alpha)

    assert critical(of, 0.1, 1.0) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(("theta", "damped", "growing"), [(0.1, 0.5, 0.7), (0.25, 0.3, 0.4), (0.36, 0.26, 0.3)])
def test_network_simulation_swings_only_above_it(theta, damped, growing):
    """R9, simulated: a 2 % push dies out below the critical adjustment and ends in a lasting swing above it."""

    def late_swing(alpha):
        state, plan, _ = given(
            everyone_buys_from_everyone(0.4), [{"kind": "demand", "start": 0, "stop": 8, "size": 0.02}], households={"enabled": False},
            orders={"finished_cover_weeks": 1.0, "input_cover_weeks": 3.0, "forecast_speed": theta, "stock_adjustment": alpha,
                    "inventory_adjustment": alpha},
            trade={"local_lead": 1, "other_lead": 1}, production={"breakdown_hazard": 0.0, "utilisation": 0.5},
        )  # fmt: skip
        rest = state.firms.output.sum()
        path = np.array(advance(state, plan, Draws(1), 0, 1300, lambda s: s.firms.output.sum() / rest))
        return np.ptp(path[-260:])

    assert late_swing(damped) < 1e-3
    assert late_swing(growing) > 0.02
