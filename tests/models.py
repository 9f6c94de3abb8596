"""Small models to test on: a miniature of the United States, or a network given link by link."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from smbsim import economy as economies
from smbsim import population, scenario, simulate
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.network import FirmNetwork
from smbsim.state import SMB

QUIET = {"production": {"breakdown_hazard": 0.0}}
CALM = {  # every hazard and noise of `life` off: what is at rest stays there
    "production": {"breakdown_hazard": 0.0}, "foreign": {"demand_noise": 0.0}, "labour": {"productivity_noise": 0.0},
    "market": {"quality_noise": 0.0}, "exits": {"retirement_hazard": 0.0, "offer_rate": 0.0}, "sourcing": {"review_hazard": 0.0},
    "entry": {"rate": 0.0}, "strategy": {"search_base": 0.0, "search_slope": 0.0},
}  # fmt: skip


@cache
def united_states():
    return economies.load("us_2022")


def miniature(smbs: int = 100, regions: int = 2, seed: int = 1, threads: int = 1, **sections):
    """(state, plan, draws) of a small United States at rest; without noise unless production says otherwise."""
    data = {"population": {"smbs": smbs, "regions": regions}, **QUIET, **sections}
    return simulate.prepare(scenario.load(data), seed, united_states(), threads)


def given(network: FirmNetwork, shocks=(), seed: int = 1, **sections):
    """(state, plan, draws) of a network given firm by firm, with the sectors of the United States."""
    draws = Draws(seed)
    spec = scenario.load({**QUIET, "shocks": list(shocks), **sections})
    structure = population.from_firms(network, united_states(), draws, 0.0, spec.production.storable_days)
    state = population.settle(structure, spec.mechanisms)
    return state, simulate.plan(spec, state, draws), draws


def advance(state, plan, draws, start: int, stop: int, look=None, check: bool = False) -> list:
    """Advance through the weeks; what `look(state)` saw after each."""
    seen = []
    for t in range(start, stop):
        simulate.advance(state, plan, Step(t, draws), check)
        if look is not None:
            seen.append(look(state))
    return seen


def columns(state) -> dict:
    """Every column of every table, copied: (table, column) → array."""
    tables = ("firms", "slots", "links", "households", "regions", "sectors", "accounts", "policies")
    return {(name, column): getattr(getattr(state, name), column).copy() for name in tables for column in getattr(state, name).columns}


LIVELY = {  # everything that can happen does, within half a year
    "model": "life",
    "production": {"breakdown_hazard": 0.02},
    "finance": {"cash_days": 5.0},
    "credit": {"trust": -2.0},
    "exits": {"retirement_hazard": 0.3, "grace_weeks": 1, "estate_weeks": 4, "capital_recovery": 0.0, "goods_recovery": 0.1},
    "sourcing": {"review_hazard": 0.6},
    "entry": {"rate": 0.8},
    "strategy": {"search_base": 0.9},
    "mergers": {"price": 0.2},
    "skills": {"enabled": True, "attention": 0.5, "prior": 0.2},
    "automation": {
        "enabled": True, "innovation": 4.0, "hurdle": 3.0, "caution": 0.0, "pilots_at_once": 3, "prior_spread": 0.5, "trial_noise": 0.3,
        "go_on": 0.3, "give_up": 0.6, "setup_years": 0.02,
    },
    "platforms": {"enabled": True, "attention": 1.0, "sellers": 0.5, "data_members": 0.6, "data_platform": "cooperative", "choice": 200.0},
}  # fmt: skip
CRISIS = (
    {"kind": "demand", "start": 2, "stop": 14, "size": 0.5, "target": {"share": 0.6}, "recovery": 6},
    {"kind": "capacity", "start": 5, "stop": 12, "size": 0.9, "target": {"largest": 12, "kind": "smb"}},
    {"kind": "credit_crunch", "start": 4, "stop": 20, "size": 0.4, "spread": 0.03},
    {"kind": "wage", "start": 6, "stop": 18, "size": 0.1},
    {"kind": "cost", "start": 3, "stop": 16, "size": 0.1, "target": {"share": 0.5}},
    {"kind": "import_stop", "start": 3, "stop": 18, "size": 0.7, "target": {"sector": "33"}, "profile": "ramp"},
    {"kind": "import_price", "start": 8, "size": 0.5, "profile": "decay", "tau": 10.0},
    {"kind": "labour", "start": 6, "size": 0.2, "target": {"share": 0.5}, "profile": "ar1", "rho": 0.7},
    {"kind": "preference", "start": 4, "stop": 20, "size": 0.5, "target": {"share": 0.3}},
)
HELP = (
    {"kind": "credit_guarantee", "start": 3, "fee": 0.02, "take_up": 0.5},
    {"kind": "emergency_loan", "start": 0, "weeks": 2.0, "eligibility": "arrears", "target": {"share": 0.5}},
    {"kind": "grant", "start": 5, "weeks": 2.0, "eligibility": "low_cash", "budget": 1e5, "lag": 2},
    {"kind": "wage_subsidy", "start": 3, "stop": 16, "yearly_budget": 5e6},
    {"kind": "tax_deferral", "start": 4, "stop": 12, "share": 0.5, "budget": 2e6},
    {"kind": "procurement_preference", "start": 2, "size": 2.0, "target": {"size": "micro"}},
    {
        "kind": "benefit",
        "start": 2,
        "size": 0.3,
        "rule": {"kind": "pi", "target": 0.0, "k_p": 4.0, "k_i": 0.5, "base": 0.5, "review_weeks": 4, "reporting_lag": 2, "noise": 0.01},
    },
    {"kind": "regulation", "start": 2, "target": {"share": 0.7}},
    {"kind": "tool_grant", "start": 1, "share": 0.4, "most": 1e4, "budget": 1e6},
    {"kind": "tax_credit", "start": 1, "budget": 1e6},
    {"kind": "advisory_support", "start": 2, "places": 200.0, "choose": "uplift", "target": {"kind": "smb"}},
    {"kind": "digital_infrastructure", "start": 1, "lag": 6},
    {"kind": "staff_training", "start": 3, "seats": 200.0, "target": {"share": 0.5}},
    {"kind": "training_subsidy", "start": 2, "take_up": 0.5, "budget": 1e6},
    {"kind": "jobseeker_training", "start": 2, "seats": 100.0},
    {"kind": "reskilling_obligation", "start": 2},
    {
        "kind": "basic_income",
        "start": 4,
        "size": 0.02,
        "funding": "tax",
        "rule": {"kind": "threshold", "observe": "output", "y_on": 1e9, "y_off": 2e9, "review_weeks": 2, "mean_weeks": 1},
    },
)


def lively(smbs: int = 120, regions: int = 3, seed: int = 1, threads: int = 1, shocks=CRISIS, policies=HELP, **sections):
    """(state, plan, draws) of a small economy in which firms fail, retire, merge and are founded, and the state helps and regulates.

    Every third SMB has lost its deposits to the bank.
    """
    sections = {**LIVELY, "shocks": list(shocks), "policies": list(policies), **sections}
    state, plan, draws = miniature(smbs, regions, seed, threads, **sections)
    lost = np.where((state.firms.kind == SMB) & (state.firms.uid % 3 == 0), state.firms.cash, 0.0)
    state.firms.cash[:] -= lost
    state.accounts.balance[state.account("bank")] += lost.sum()
    return state, plan, draws


REFERENCE = Path(__file__).parent / "reference"


def reference(name: str) -> dict:
    """Numbers of other programs and closed forms."""
    return json.loads((REFERENCE / name).read_text())
