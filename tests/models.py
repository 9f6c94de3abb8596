"""Small models to test on: a miniature of the United States, or a network given link by link."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from smbsim import economy as economies
from smbsim import population, scenario, simulate
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.network import FirmNetwork

QUIET = {"production": {"breakdown_hazard": 0.0}}


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


REFERENCE = Path(__file__).parent / "reference"


def reference(name: str) -> dict:
    """Numbers of other programs and closed forms."""
    return json.loads((REFERENCE / name).read_text())
