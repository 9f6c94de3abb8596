"""Pichler et al. (2022): our input rules inside their daily model reproduce the reference run of their three-sector economy.

Labour, consumption and orders of that model are not ours, so they are written down here from the paper (JEDC 144, eqs. 4 to 7, 19, 20) and
only the input limit of production comes from the kernel `make_goods`. With supplier j, user i and A, Z, n, τ of the reference file:

    O_ji   = [ A_ji d_i(t-1) + (n_i Z_ji - S_ji) / τ ]⁺                       the target stock n Z is a constant
    l_i    = min( l_i(0) (1 - shock_i) ,  l_i + γ Δl_i ) ,  Δl = l(0)/x(0) (min(x^inp, d) - x^cap) of the day before
    log c  = ρ log c + (1-ρ)/2 [ log m (b Σl(0) + (1-b) Σl) + log m Σl(0) ]    c total consumption, constant shares
    d      = Σ_i O_ji + c_j + f_j ,  x = min( l/l(0) x(0) ,  x^inp ,  d )
    S_ji   ← [ S_ji + O_ji x_j / d_j - A_ji x_i ]⁺                            rationing in proportion to orders

Row 0 of the reference is the initial state, so that the first day is row 1.
"""

from __future__ import annotations

import numpy as np
import pytest
from models import reference

from smbsim.mechanisms.production import BINDING, RULES, make_goods

FILE = reference("pichler_3sector.json")
SHOCK_DAYS, SHOCK_SECTOR = range(10, 40), 0
SHOCK = float(np.float32(0.8))  # the reference was run in single precision
IN_FULL = 1e9  # overtime factor at which capacity never binds, while the rule half_critical still sees the capacity


def input_limit(rule: str, stock, technology, criticality, capacity):
    """(n,) output that the stocks (supplier, user) allow by the kernel of `production`. criticality: 0, ½ or 1."""
    n = len(capacity)
    slots, possible, user = n * n, np.empty(n), np.repeat(np.arange(n, dtype=np.int32), n)
    essentiality, on_the_way = np.round(2 * criticality.T.ravel()).astype(np.int8), np.zeros((slots, 1))
    make_goods(
        0, n, 0, 0, RULES.index(rule), BINDING[RULES.index(rule)], 0.8, 0.0, 0.0, 0.0, np.arange(0, slots + 1, n),
        np.ones(n, dtype=bool), np.zeros(n, dtype=bool), capacity, np.full(n, 1e300), capacity, np.full(n, IN_FULL), np.zeros(n),
        np.ones(n), user, np.tile(np.arange(n, dtype=np.int32), n), technology.T.ravel(), essentiality, np.zeros(slots), np.ones(n),
        on_the_way, on_the_way, stock.T.ravel(), np.empty(slots), np.zeros(slots), np.zeros(slots), np.zeros(n), np.empty(n), possible,
        np.zeros(n), np.empty(n),
    )  # fmt: skip
    return possible


def daily_output(rule: str, days: int, shock: float = SHOCK) -> np.ndarray:
    """(days, 3) gross output of the published model."""
    p = {name: np.array(value, dtype=float) for name, value in FILE["params"].items()}
    normal, staff, normal_staff = p["x0"], p["l0"], p["l0"]
    demand, stock, consumption = normal, p["n"] * p["Z"], p["c0"].sum()
    capacity, possible = normal, normal
    propensity, smoothing = p["c0"].sum() / normal_staff.sum(), (1.0 - p["rho"]) / 2.0
    path = [normal]
    for day in range(1, days):
        present = np.ones(3)
        present[SHOCK_SECTOR] = 1.0 - shock * (day in SHOCK_DAYS)
        change = normal_staff / normal * (np.minimum(possible, demand) - capacity)
        staff = np.minimum(normal_staff * present, staff + np.where(change >= 0, p["gH"], p["gF"]) * change)
        capacity = staff / normal_staff * normal
        income = p["b"] * normal_staff.sum() + (1.0 - p["b"]) * staff.sum()
        expected = np.log(propensity * income) + np.log(propensity * normal_staff.sum())
        consumption = np.exp(p["rho"] * np.log(consumption) + smoothing * expected)
        orders = np.maximum(p["A"] * demand + (p["n"] * p["Z"] - stock) / p["tau"], 0.0)
        demand = orders.sum(axis=1) + p["c0"] / p["c0"].sum() * consumption + p["f"]
        possible = input_limit(rule, stock, p["A"], p["C"], normal)
        output = np.minimum(np.minimum(capacity, possible), demand)
        stock = np.maximum(stock + orders * (output / demand)[:, None] - p["A"] * output, 0.0)
        path.append(output)
    return np.array(path)


@pytest.mark.parametrize("rule", FILE["cases"])
def test_reference_run_is_reproduced_day_by_day(rule):
    """182 days of every production function, to rounding: 1e-9 of an output of 1000."""
    case = FILE["cases"][rule]
    expected = np.array(case["gross_output_float64_reference"])
    path = daily_output(rule, len(expected))
    assert expected.shape == (182, 3)
    assert np.max(np.abs(path - expected)) < 1e-9
    total = path.sum(axis=1)
    assert total.min() == pytest.approx(case["min_aggregate_reference"], rel=1e-12)
    assert (total[0] - total).sum() == pytest.approx(case["cumulative_loss_reference"], rel=1e-9)


def test_reference_run_needs_the_right_rule():
    """Negative control: the run of one rule is hundreds away from the reference of another."""
    expected = np.array(FILE["cases"]["leontief"]["gross_output_float64_reference"])
    assert np.max(np.abs(daily_output("weakly_critical", 182) - expected)) > 100.0


def test_reference_run_rests_without_the_shock():
    """No lockdown: output is that of the first day, up to the single precision in which A is given."""
    assert np.max(np.abs(daily_output("half_critical", 182, shock=0.0) / [100.0, 300.0, 600.0] - 1.0)) < 1e-7


def published_limit(rule: str, stock, technology, criticality, capacity):
    """(n,) the five input rules as printed: minima over suppliers j of S_ji / A_ji by criticality, and the linear sum."""
    covered = np.divide(stock, technology, out=np.full_like(stock, np.inf), where=technology > 0)
    critical = np.where(criticality == 1.0, covered, np.inf).min(axis=0)
    important = np.where(criticality == 0.5, covered, np.inf).min(axis=0)
    return {
        "leontief": covered.min(axis=0),
        "strongly_critical": np.minimum(critical, important),
        "half_critical": np.minimum(critical, (important + capacity) / 2.0),
        "weakly_critical": critical,
        "linear": stock.sum(axis=0) / technology.sum(axis=0),
    }[rule]


@pytest.mark.parametrize("rule", FILE["cases"])
def test_rules_are_the_published_ones_with_important_inputs(rule):
    """The reference has no important inputs (strongly, half and weakly critical coincide there), so random criticalities here."""
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(200):
        technology = rng.uniform(0.01, 0.3, (4, 4)) * (rng.random((4, 4)) < 0.8)
        technology[0] += 0.01  # everybody uses something
        stock, capacity = rng.uniform(0.0, 30.0, (4, 4)) * (technology > 0), rng.uniform(50.0, 150.0, 4)
        criticality = rng.choice([0.0, 0.5, 1.0], (4, 4))
        expected = published_limit(rule, stock, technology, criticality, capacity)
        expected = np.minimum(expected, IN_FULL * capacity)
        assert np.allclose(input_limit(rule, stock, technology, criticality, capacity), expected, rtol=1e-14)
        other = published_limit("half_critical", stock, technology, criticality, capacity)
        seen.add(bool(np.any(np.abs(np.minimum(other, IN_FULL * capacity) - expected) > 1.0)))
    assert True in seen or rule == "half_critical"
