"""The economy of MODEL.md 3.7 on the model's own mechanisms: uniform value shares, six sectors of storable goods, one region.

    a = .4 inputs at home, m = .1 imports, l = .38 wages, π = .12 profits;  C / X = .409, exports = imports, the state buys the rest

These shares put the two numbers that R20 states where it has them: with final uses other than consumption fixed, output without any
consumption is (1 - a - C/X) / (1 - a) = .318 of rest, and the tax on income, .139, puts the bound on κ at 1.08 (`income_gain` = 1).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from models import QUIET, united_states

from smbsim import population, scenario, simulate
from smbsim.draws import Draws
from smbsim.network import from_edges

INPUTS, IMPORTS, WAGES, PROFITS, CONSUMPTION = 0.4, 0.1, 0.38, 0.12, 0.6 * (1.0 - 0.318)
INCOME_TAX = 0.1386
UNEMPLOYMENT, BENEFIT = 0.05, 0.5
SECTORS, SUPPLIERS = 6, 4
CALM = {"productivity_noise": 0.0, "wage_pressure": 0.0, "wage_slope": 0.0}  # one fixed wage, as the prices
PACE = {"hiring_speed": 0.1, "firing_speed": 0.15, "quit_share": 0.005}  # MODEL.md 3.7


def structure(n: int, seed: int, spec):
    """n firms of which each buys .4 of its output from four others, with equal final sales."""
    rng = np.random.default_rng(seed)
    sector = np.arange(n) % SECTORS
    shares = np.zeros((n, n))  # supplier, customer
    for customer in range(n):
        suppliers = rng.choice(np.delete(np.arange(n), customer), min(SUPPLIERS, n - 1), replace=False)
        shares[suppliers, customer] = INPUTS * rng.dirichlet(np.full(len(suppliers), 5.0))
    output = np.linalg.solve(np.eye(n) - shares, np.full(n, 1.0)) * 1000.0
    flows = shares * output
    supplier, customer = np.nonzero(flows)
    edges = list(zip(supplier.tolist(), customer.tolist(), flows[supplier, customer].tolist(), strict=True))
    network = from_edges(edges, (output - flows.sum(axis=1)).tolist(), sector=(sector + 2).tolist())
    given = population.from_firms(network, united_states(), Draws(seed), 0.0, spec.production.storable_days)
    final = np.bincount(given.sector, given.output - np.bincount(given.supplier, given.link_flow, n), minlength=len(given.sectors))
    uses = np.array([CONSUMPTION, 0.0, IMPORTS, 1.0 - INPUTS - CONSUMPTION - IMPORTS]) / (1.0 - INPUTS)
    return replace(
        given, storable=np.ones(n, dtype=bool), essentiality=np.full(len(given.slot_customer), 2),
        wages=WAGES * given.output, taxes=np.zeros(n), surplus=PROFITS * given.output, employment=given.output,
        capital=np.zeros(n), debt_share=np.zeros(n), cash_days=np.full(n, 28.0), turnover=np.ones(n),
        other_imports=np.full(len(given.sectors), IMPORTS), basket=final[:, None] * uses,
    )  # fmt: skip


def economy(n: int = 240, seed: int = 1, shocks=(), **sections):
    """(state, plan, draws, scenario) of it at rest, with hiring and firing unless labour says otherwise."""
    given = {
        **QUIET,
        "labour": {"enabled": True, **CALM, **PACE},
        "government": {"income_tax": INCOME_TAX, "benefit_share": BENEFIT, "unemployment": UNEMPLOYMENT, "benefit_basis": "heads"},
        "orders": {"input_cover_weeks": 3.0, "finished_cover_weeks": 1.0},
        "trade": {"local_lead": 1},
        "finance": {"cash_spread": 0.0, "loan_rate": 0.0},
    }
    merged = given | {name: given.get(name, {}) | section for name, section in sections.items()}
    spec = scenario.load({**merged, "shocks": list(shocks)})
    state = population.settle(structure(n, seed, spec), spec.mechanisms)
    draws = Draws(seed)
    return state, simulate.plan(spec, state, draws), draws, spec
