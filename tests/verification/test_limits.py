"""Closed forms: the Leontief limit (R1), a permanent demand cut, a supplier that stops, and the gridlock of a cyclic network."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, given, miniature, reference

from smbsim.network import chain, from_edges, ring

WEEKS_A_YEAR = 52
STORABLE = 5  # row of sector "32" among the sectors of the United States: manufacturing, kept in stock
CUT = reference("limits.json")["demand_cut"]
STOP = reference("limits.json")["supplier_stop_chain"]


def leontief_output(state):
    """x = (I - A)^-1 f at firm level: links, counter inputs as a rank-one part, final demand as it is now."""
    firms, slots, links = state.firms, state.slots, state.links
    n = firms.n
    a = np.zeros((n, n))
    domestic = slots.coefficient * (1.0 - slots.import_share)
    a[links.supplier, links.buyer] = domestic[links.slot] * links.weight
    sold = firms.demand_factor * firms.sale_share
    a += sold[:, None] * state.sectors.counter_coefficient[firms.sector][:, firms.sector].T
    uses = state.sectors.spending[:, 1:].sum(axis=1)[firms.sector]
    final = firms.demand_factor * (firms.household_demand + firms.sale_share * uses)
    return np.linalg.solve(np.eye(n) - a, final)


def test_leontief_limit_is_reached_after_a_permanent_cut():
    """R1: lot-for-lot orders, inputs never binding, consumption fixed: x = (I - A)^-1 f to 1e-10."""
    shock = {"kind": "demand", "target": {"sector": "72"}, "start": 0, "size": 0.4}
    state, plan, draws = miniature(150, model="leontief", shocks=[shock], production={"utilisation": 0.5})
    before = state.firms.output.copy()
    advance(state, plan, draws, 0, 260)
    expected = leontief_output(state)
    assert np.max(np.abs(state.firms.output / expected - 1.0)) < 1e-10
    assert np.max(np.abs(state.firms.output / before - 1.0)) > 0.1


@pytest.mark.parametrize("rule", ["leontief", "half_critical", "ario_psi"])
def test_orders_converge_after_a_permanent_cut(rule):
    """MODEL.md 8, rule 6: target stocks follow expected demand, so the economy reaches the Leontief solution and stays there."""
    edges = [(j, i, float(w)) for j, i, w in CUT["edges_i_to_j"]]
    network = from_edges(edges, [float(f) for f in CUT["final_demand"]], sector=[4, 5, 6])
    cut = 1.0 - CUT["new_final_demand"][2] / CUT["final_demand"][2]
    shock = {"kind": "demand", "target": {"firms": ["2"]}, "start": 0, "size": cut}
    state, plan, draws = given(network, [shock], households={"enabled": False}, production={"rule": rule, "breakdown_hazard": 0.0})
    path = np.array(advance(state, plan, draws, 0, 1000, lambda s: s.firms.output * WEEKS_A_YEAR))
    assert np.max(np.abs(path[-200:] / CUT["target_output_Leontief"] - 1.0)) < 1e-9


def stopped_chain(**production):
    """Output of the customer, annual, when its only supplier stops in week 0; stocks last as long as the closed form says."""
    weeks = 19 if production.get("rule") == "leontief" else 120
    ((supplier, customer, weight),) = STOP["edges"]
    network = from_edges([(supplier, customer, float(weight))], [float(f) for f in STOP["final_demand"]], sector=[STORABLE] * 2)
    shock = {"kind": "removal", "target": {"firms": [str(supplier)]}, "start": 0}
    cover = production.pop("cover")
    state, plan, draws = given(
        network, [shock], households={"enabled": False}, trade={"local_lead": 1},
        orders={"input_cover_weeks": cover, "finished_cover_weeks": 0.0},
        production={"emergency_share": 0.0, "breakdown_hazard": 0.0, **production},
    )  # fmt: skip
    return np.array(advance(state, plan, draws, 0, weeks, lambda s: s.firms.output[1] * WEEKS_A_YEAR))


def test_days_of_stock_give_a_cliff():
    """Leontief with a stock of 15 weeks' use (14 and the one in hand): full output for 15 weeks, then nothing."""
    path = stopped_chain(rule="leontief", cover=14.0)
    assert np.allclose(path[:15], 200.0, rtol=1e-12)
    assert np.max(np.abs(path[15:])) < 1e-9


@pytest.mark.parametrize(("psi", "last_full"), [(0.8, 18), (1.0, 0)])
def test_psi_rule_gives_an_exponential_tail(psi, last_full):
    """ARIO-ψ with 90 weeks' use in stock: full output until the stock is ψ 90, then a factor 1 - 1/(ψ 90) a week."""
    path = stopped_chain(rule="ario_psi", scarcity=psi, cover=89.0)
    weeks = np.arange(len(path))
    expected = 200.0 * (1.0 - 1.0 / (psi * 90.0)) ** np.maximum(weeks - last_full, 0)
    assert np.allclose(path, expected, rtol=1e-12)


def test_buffer_threshold_is_cover_of_inputs_and_finished_goods():
    """M1: a closure of D weeks of the sole critical supplier costs its customer's buyers nothing iff D ≤ n_in + n_fg."""
    losses = []
    for weeks in (5, 6):
        network = chain(2, sectors=1)
        network = from_edges([(0, 1, 100.0)], [0.0, 200.0], sector=[STORABLE] * 2)
        shock = {"kind": "plant_closure", "target": {"firms": ["0"]}, "start": 0, "stop": weeks, "size": 1.0}
        state, plan, draws = given(
            network, [shock], households={"enabled": False}, trade={"local_lead": 1},
            orders={"input_cover_weeks": 4.0, "finished_cover_weeks": 1.0, "inventory_adjustment": 0.0, "stock_adjustment": 0.0},
            production={"rule": "leontief", "emergency_share": 0.0, "breakdown_hazard": 0.0, "utilisation": 0.1},
        )  # fmt: skip
        state.firms.inventory[0] = 0.0  # the supplier has nothing in stock itself
        sold = advance(state, plan, draws, 0, 20, lambda s: s.firms.final_sales[1] * WEEKS_A_YEAR)
        losses.append(200.0 - min(sold))
    assert losses[0] == pytest.approx(0.0, abs=1e-9)
    assert losses[1] > 1.0


def emptied_ring(valve: float):
    """Output over time, relative to rest, of a cyclic Leontief network whose stocks were emptied."""
    network = ring(6, sectors=1)
    state, plan, draws = given(
        network, households={"enabled": False},
        production={"rule": "leontief", "emergency_share": valve, "breakdown_hazard": 0.0},
        orders={"input_cover_weeks": 3.0, "finished_cover_weeks": 1.0},
    )  # fmt: skip
    rest = state.firms.output.sum()
    for stock in (state.slots.input_stock, state.slots.pipeline, state.slots.supply_line, state.firms.inventory):
        stock[:] = 0.0
    path = np.array(advance(state, plan, draws, 0, 520, lambda s: s.firms.output.sum() / rest))
    state.check()
    return path


def test_gridlock_is_absorbing_without_the_valve():
    """A cyclic Leontief network with empty stocks makes nothing, for ever: an artefact that looks like hysteresis."""
    assert np.array_equal(emptied_ring(0.0), np.zeros(520))


@pytest.mark.parametrize("valve", [0.5, 1.0])
def test_gridlock_ends_with_the_valve(valve):
    """Emergency imports of half of what is missing bring the same network back."""
    path = emptied_ring(valve)
    assert path[0] > 0.4
    assert path[-1] == pytest.approx(1.0, abs=1e-3)
