"""The tuples `reads` and `writes` say what a mechanism does: every phase changes only columns in `writes`, and uses no others than its own
and those in `reads` and `writes`.

The truth is recorded while economies settle and run: tables are wrapped so that every column that a phase asks for is noted.
"""

from __future__ import annotations

from functools import partialmethod

import models
import numpy as np
import pytest
from strategies import disturb

from smbsim import network, scenario
from smbsim.draws import Draws
from smbsim.interventions import FACTORS
from smbsim.interventions.shocks import KINDS
from smbsim.mechanisms.base import Step
from smbsim.schedule import SCHEDULE
from smbsim.state import STRUCTURE, TABLES, Table

BY_NAME = {mechanism.name: mechanism for mechanism in scenario.MECHANISMS}
STRUCTURAL = {column.name for column in STRUCTURE}
MONEY = {"cash", "deposits", "balance"}  # moved by accounts.transfer on behalf of the phase
WEEKS = 6
EVERYTHING = {"breakdown_hazard": 0.2, "repair_weeks": 2, "spoil_share": 0.02, "scrap_share": 0.02, "rule": "half_critical"}
SHOCKS = [
    {"kind": kind, "start": 0, "size": 0.4, "target": {} if kind.startswith("import") else {"share": 0.4}}
    for kind in ("demand", "preference", "capacity", "labour", "import_stop", "import_price")
]


class Recording:
    """A table that notes the columns it is asked for; `state` methods that use a table are noted for the phase that calls them."""

    def __init__(self, table: Table, asked: set[str]):
        self.__dict__.update(table=table, asked=asked)

    def __getattr__(self, name: str):
        if name in self.table.columns:
            self.asked.add(name)
        return getattr(self.table, name)

    def __contains__(self, name: str) -> bool:
        return name in self.table


def record(state) -> tuple[object, set[str]]:
    """The same state behind recording tables."""
    asked: set[str] = set()
    seen = object.__new__(type(state))
    seen.__dict__.update(state.__dict__)
    for name in TABLES.values():
        seen.__dict__[name] = Recording(getattr(state, name), asked)
    return seen, asked


METHODS = [(name, method) for _, name, method in SCHEDULE] + [(name, "settle") for name in BY_NAME]


def economies():
    """(state, plan, draws) of a miniature under both kinds of rationing and of a network without imports, which lends abroad; disturbed."""
    with_everything = {"production": EVERYTHING, "shocks": SHOCKS}
    yield models.miniature(80, 2, **with_everything)
    yield models.miniature(80, 1, **with_everything, trade={"rationing": "final_last"})
    yield models.given(network.random_graph(30, 3.0, 5, Draws(1), 2), production=EVERYTHING)


@pytest.fixture(scope="module")
def observed() -> dict[tuple[str, str], tuple[set[str], set[str]]]:
    """(mechanism, method) → (columns asked for, columns changed) when economies are settled and over some weeks of them."""
    found = {place: (set(), set()) for place in METHODS}

    def watch(place, method, mechanism, state, argument):
        before = models.columns(state)
        seen, asked = record(state)
        method(mechanism, seen, argument)
        after = models.columns(state)
        found[place][0].update(asked)
        found[place][1].update(column for (table, column), old in before.items() if not np.array_equal(old, after[table, column]))

    with pytest.MonkeyPatch.context() as patch:
        for name, mechanism in BY_NAME.items():
            patch.setattr(mechanism, "settle", partialmethod(watched, watch, (name, "settle"), mechanism.settle))
        for state, plan, draws in economies():
            disturb(state, 1)
            for t in range(WEEKS):
                state.flows.clear()
                plan[0][1](state, Step(t, draws))
                for (_, name, method), (_, phase) in zip(SCHEDULE, plan[1:], strict=True):
                    watch((name, method), phase.__func__, phase.__self__, state, Step(t, draws))
    return found


def watched(mechanism, watch, place, method, state, rest):
    """`settle` as seen by `observed`."""
    watch(place, method, mechanism, state, rest)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_phase_changes_only_what_its_mechanism_writes(observed, name, method):
    _, changed = observed[name, method]
    assert changed <= set(BY_NAME[name].writes)
    assert changed, f"{name}.{method} changed nothing in a disturbed economy: the test could not fail"


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_phase_uses_only_its_own_columns_and_those_declared(observed, name, method):
    """Structural columns (who is where, and who buys from whom) need no declaration."""
    asked, _ = observed[name, method]
    mechanism = BY_NAME[name]
    own = {column.name for column in mechanism.columns}
    assert asked <= own | set(mechanism.reads) | set(mechanism.writes) | STRUCTURAL


@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_is_declared_that_is_not_used(observed, name):
    """Every column in `reads` is asked for by some phase, every column of others in `writes` is changed by some phase."""
    mechanism = BY_NAME[name]
    own = {column.name for column in mechanism.columns}
    asked = set().union(*(used for (owner, _), (used, _) in observed.items() if owner == name))
    changed = set().union(*(made for (owner, _), (_, made) in observed.items() if owner == name))
    assert set(mechanism.reads) <= asked
    assert set(mechanism.writes) <= changed | own
    assert own <= set(mechanism.writes), "what it owns it may write"


@pytest.mark.parametrize("name", BY_NAME)
def test_declared_columns_exist_and_have_one_owner(name):
    columns = [column.name for mechanism in BY_NAME.values() for column in mechanism.columns] + sorted(STRUCTURAL)
    assert len(columns) == len(set(columns))
    mechanism = BY_NAME[name]
    assert set(mechanism.reads) | set(mechanism.writes) <= set(columns)
    for declared in (mechanism.reads, mechanism.writes):
        assert len(declared) == len(set(declared)), "no column twice"


def test_interventions_change_only_factors():
    """Phase 0 writes the factors, each owned by the mechanism that reads it, and nothing else."""
    shocks = [{"kind": kind, "start": 0, "size": 0.5, "target": {} if kind.startswith("import") else {"share": 0.5}} for kind in KINDS]
    state, plan, draws = models.miniature(60, 2, shocks=shocks)
    before = models.columns(state)
    plan[0][1](state, Step(0, draws))
    after = models.columns(state)
    assert {place for place in before if not np.array_equal(before[place], after[place])} == set(FACTORS)


def test_recording_sees_a_column_that_is_read_and_one_that_is_written():
    """Negative control."""
    state, _, _ = models.miniature(40, 1)
    seen, asked = record(state)
    seen.firms.output[:] += seen.firms.cash
    assert asked == {"output", "cash"}
    asked.clear()
    seen.by_sector(seen.firms.price)
    assert asked == {"price", "sector"}
