"""The tuples `reads` and `writes` say what a mechanism does: every phase changes only columns in `writes`, and uses no others than its own
and those in `reads` and `writes`.

The truth is recorded while economies settle and run: tables are wrapped so that every column that a phase asks for is noted. Rows that
come, go or move are compared by who they are. What a new firm takes over, and what becomes of the columns of two firms that merge, is
declared with the columns (`Column.entrant`, and the unit of an amount), not by the mechanism that moves whole rows.
"""

from __future__ import annotations

from functools import partialmethod

import models
import numpy as np
import pytest
from strategies import disturb

from smbsim import network, scenario
from smbsim.draws import Draws
from smbsim.interventions import FACTORS, policies
from smbsim.interventions.shocks import KINDS
from smbsim.mechanisms import mergers
from smbsim.mechanisms.base import Mechanism, Step
from smbsim.schedule import SCHEDULE
from smbsim.state import STRUCTURE, TABLES, Table

BY_NAME = {mechanism.name: mechanism for mechanism in scenario.MECHANISMS}
STRUCTURAL = {column.name for column in STRUCTURE}
EVERYTHING = {"breakdown_hazard": 0.2, "repair_weeks": 2, "spoil_share": 0.02, "scrap_share": 0.02, "rule": "half_critical"}
SHOCKS = [
    {"kind": kind, "start": 0, "size": 0.4, "target": {} if kind.startswith("import") else {"share": 0.4}}
    for kind in ("demand", "preference", "capacity", "labour", "import_stop", "import_price", "wage", "cost")
]
SETTLED = [(name, "settle") for name, mechanism in BY_NAME.items() if mechanism.settle is not Mechanism.settle]
METHODS = [(name, method) for _, name, method in SCHEDULE if name in BY_NAME] + SETTLED
OF_POLICIES = [(name, method) for _, name, method in SCHEDULE if name not in BY_NAME]
COLUMNS = [*STRUCTURE, *(column for mechanism in BY_NAME.values() for column in mechanism.columns)]
INHERITED = {column.name for column in COLUMNS if column.entrant}  # by new firms and their slots
MERGED = {column.name for column in COLUMNS if column.axis == "firm" and (column.entrant or column.unit in mergers.AMOUNTS)}
MOVED = {"mergers": MERGED}  # whole rows that an existing firm takes over
KEYS = {"firms": {"uid"}, "slots": {"customer", "group"}, "links": {"supplier", "buyer", "slot"}}
NEUTRAL = {("sourcing", "settle")}  # more than one firm stands behind a row only in economies larger than these
RARE = {  # not in the weeks that are watched
    "mergers": {"lost_share", "import_share"},  # where one of the two was the only supplier of the other; where only one imports
    "exits": {"tax_arrears"},  # where a firm fails in the year of a profit
}


class Recording:
    """A table that notes the columns it is asked for; `state` methods that use a table are noted for the phase that calls them."""

    def __init__(self, table: Table, asked: set[str]):
        self.__dict__.update(table=table, asked=asked)

    def __getattr__(self, name: str):
        if name in self.table.columns:
            self.asked.add(name)
        return getattr(self.table, name)

    def whole(self, name: str):
        self.asked.add(name)
        return self.table.whole(name)

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


def keys(state) -> dict[str, np.ndarray]:
    """Table → who each row is; the tables not named never change their rows."""
    uid, slots, links = state.firms.uid, state.slots, state.links
    return {
        "firms": uid.copy(),
        "slots": np.stack([uid[slots.customer], slots.group], axis=1),
        "links": np.stack([uid[links.supplier], uid[links.buyer], slots.group[links.slot]], axis=1),
    }


def changes(before, after, state) -> tuple[set[str], set[str]]:
    """Columns that differ in rows that were there before, or of which rows went; and columns of new rows that are not at their default."""
    (were, old), (are, new) = before, after
    changed, begun = set(), set()
    for table in TABLES.values():
        kept, same, fresh = slice(None), slice(None), None
        if table in were and not np.array_equal(were[table], are[table]):
            place = {tuple(np.atleast_1d(key)): row for row, key in enumerate(are[table].tolist())}
            rows = [place.get(tuple(np.atleast_1d(key)), -1) for key in were[table].tolist()]
            there = np.array(rows) >= 0
            kept, same = np.flatnonzero(there), np.array(rows)[there]
            fresh = np.setdiff1d(np.arange(len(are[table])), same)
            changed |= KEYS[table] if not there.all() else set()
        for (of, column), values in old.items():
            if of != table:
                continue
            if not np.array_equal(values[kept], new[table, column][same]):
                changed.add(column)
            if fresh is not None and np.any(new[table, column][fresh] != getattr(state, table).columns[column].default):
                begun.add(column)
    return changed, begun


class Watch:
    """(mechanism, method) → columns asked for, changed, and given to new rows, over all weeks and economies watched."""

    def __init__(self):
        self.asked, self.changed, self.begun = ({place: set() for place in [*METHODS, *OF_POLICIES]} for _ in range(3))

    def run(self, place, method, mechanism, state, argument) -> None:
        before = keys(state), models.columns(state)
        seen, asked = record(state)
        method(mechanism, seen, argument)
        state.__dict__.update({name: value for name, value in seen.__dict__.items() if name not in TABLES.values()})
        changed, begun = changes(before, (keys(state), models.columns(state)), state)
        for found, of in ((self.asked, asked), (self.changed, changed), (self.begun, begun)):
            found[place] |= of


def economies():
    """(state, plan, draws, weeks) of a miniature under both kinds of rationing, of a network without imports that lends abroad, disturbed;
    and of one in which everything that can happen does."""
    with_everything = {"production": EVERYTHING, "shocks": SHOCKS}
    for state, plan, draws in (
        models.miniature(80, 2, **with_everything),
        models.miniature(80, 1, **with_everything, trade={"rationing": "final_last"}),
        models.given(network.random_graph(30, 3.0, 5, Draws(1), 2), production=EVERYTHING),
    ):
        disturb(state, 1)
        yield state, plan, draws, 6
    yield *models.lively(), 20


@pytest.fixture(scope="module")
def observed() -> Watch:
    """What happens when economies are settled and over some weeks of them."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        for name, mechanism in BY_NAME.items():
            if (name, "settle") in SETTLED:
                patch.setattr(mechanism, "settle", partialmethod(watched, watch, (name, "settle"), mechanism.settle))
        for state, plan, draws, weeks in economies():
            for t in range(weeks):
                state.flows.clear()
                plan[0][1](state, Step(t, draws))
                for _, phase in plan[1:]:
                    watch.run((phase.__self__.name, phase.__func__.__name__), phase.__func__, phase.__self__, state, Step(t, draws))
    return watch


def watched(mechanism, watch, place, method, state, rest):
    """`settle` as seen by `observed`."""
    watch.run(place, method, mechanism, state, rest)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_phase_changes_only_what_its_mechanism_writes(observed, name, method):
    changed = observed.changed[name, method]
    assert changed <= set(BY_NAME[name].writes) | MOVED.get(name, set())
    assert changed or (name, method) in NEUTRAL, f"{name}.{method} changed nothing in a disturbed economy: the test could not fail"


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_new_rows_hold_what_is_declared(observed, name, method):
    """A column of a new firm is written by the mechanism, taken over from its model as the column says, or at its default."""
    begun = observed.begun[name, method]
    assert begun <= set(BY_NAME[name].writes) | (INHERITED if name == "entry" else set())
    assert bool(begun) == (name in ("entry", "mergers", "sourcing") and method != "settle"), "who makes rows is seen making some"


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_phase_uses_only_its_own_columns_and_those_declared(observed, name, method):
    """Structural columns (who is where, and who buys from whom) need no declaration."""
    mechanism = BY_NAME[name]
    own = {column.name for column in mechanism.columns}
    assert observed.asked[name, method] <= own | set(mechanism.reads) | set(mechanism.writes) | STRUCTURAL | MOVED.get(name, set())


@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_is_declared_that_is_not_used(observed, name):
    """Every column in `reads` is asked for by some phase, every column of others in `writes` is changed by some phase."""
    mechanism = BY_NAME[name]
    own = {column.name for column in mechanism.columns}
    asked = set().union(*(used for (owner, _), used in observed.asked.items() if owner == name))
    changed = set().union(*(made for of in (observed.changed, observed.begun) for (owner, _), made in of.items() if owner == name))
    assert set(mechanism.reads) <= asked
    assert set(mechanism.writes) <= changed | own | RARE.get(name, set())
    assert own <= set(mechanism.writes), "what it owns it may write"


@pytest.mark.parametrize(("name", "method"), OF_POLICIES)
def test_policies_change_only_what_their_kinds_move_and_money(observed, name, method):
    """What each kind moves, the books of the policies, and what follows from money that is paid, lent or owed."""
    moved = {column for kind in policies.KINDS.values() for _, column in kind.moves}
    books = {column.name for column in STRUCTURE if column.axis == "policy" or column.width == "policy"}
    owed = {"cash", "deposits", "balance", "debt", "spendable", "wage_arrears", "income"}
    changed = observed.changed[name, method]
    assert changed <= moved | books | owed
    assert changed, f"{name}.{method} changed nothing: the test could not fail"
    assert not observed.begun[name, method]


@pytest.mark.parametrize("name", BY_NAME)
def test_declared_columns_exist_and_have_one_owner(name):
    columns = [column.name for mechanism in BY_NAME.values() for column in mechanism.columns] + sorted(STRUCTURAL)
    assert len(columns) == len(set(columns))
    mechanism = BY_NAME[name]
    assert set(mechanism.reads) | set(mechanism.writes) <= set(columns)
    for declared in (mechanism.reads, mechanism.writes):
        assert len(declared) == len(set(declared)), "no column twice"


def test_interventions_change_only_factors():
    """Phase 0 writes the factors, each owned by the mechanism that reads it, and nothing else; what policies do comes after it."""
    shocks = [{"kind": kind, "start": 0, "size": 0.5, "target": {} if kind.startswith("import") else {"share": 0.5}}
              for kind, of in KINDS.items() if "policy" not in of.model_fields]  # fmt: skip
    shocks += [{"kind": "credit_crunch", "start": 0, "size": 0.5, "spread": 0.02}]
    shocks += [{"kind": "technology", "start": 0, "obsolescence": 0.5, "new_skill": 0.1}]
    shocks += [{"kind": "policy_withdrawal", "policy": "benefit", "start": 0}]
    policies = [{"kind": "benefit", "start": 0, "size": 0.1}]
    state, plan, draws = models.miniature(60, 2, model="people", shocks=shocks, policies=policies)
    before = models.columns(state)
    plan[0][1](state, Step(0, draws))
    after = models.columns(state)
    moved = {place for kind in KINDS.values() for place in kind.moves} | {("firms", "loan_spread")}
    assert moved <= set(FACTORS)
    assert {place for place in before if not np.array_equal(before[place], after[place])} == moved


def test_recording_sees_a_column_that_is_read_and_one_that_is_written():
    """Negative control."""
    state, _, _ = models.miniature(40, 1)
    seen, asked = record(state)
    seen.firms.output[:] += seen.firms.cash
    assert asked == {"output", "cash"}
    asked.clear()
    seen.by_sector(seen.firms.price)
    assert asked == {"price", "sector"}


def test_changes_are_seen_in_rows_that_moved():
    """Negative control: of a firm, a slot and a link that have gone to other rows, and of new ones."""
    state, _, _ = models.miniature(40, 1)
    before = keys(state), models.columns(state)
    state.append_firms(sector=np.zeros(1, dtype=int), cash=np.ones(1))
    state.rewire(gone_links=np.array([3]))
    assert changes(before, (keys(state), models.columns(state)), state)[0] == KEYS["links"]
    state.links.payable[5] += 1.0
    changed, begun = changes(before, (keys(state), models.columns(state)), state)
    assert "payable" in changed
    assert {"uid", "cash"} <= begun
