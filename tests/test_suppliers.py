"""Links made and found, mean lead times, and what may go."""

from __future__ import annotations

import models
import numpy as np
import pytest

from smbsim.state import SMB
from smbsim.suppliers import connect, lead_times, mean_lead, unused, update_lead


def test_links_are_found_among_those_of_their_slot():
    state = models.miniature(60, 2)[0]
    links = state.links
    assert np.array_equal(state.link_rows(links.slot, links.supplier), np.arange(links.n))
    strangers = np.full(links.n, links.buyer.max())
    found = state.link_rows(links.slot, strangers)
    assert np.array_equal(found >= 0, [np.any(links.supplier[links.slot == s] == strangers[0]) for s in links.slot])


@pytest.mark.parametrize("compiled", [True, False])
def test_mean_lead_by_hand(compiled):
    """Half at 1 week, half at 2, a quarter abroad at 4: .75 · 1.5 + .25 · 4; without a supplier it stays."""
    lead = np.array([9.0, 9.0])
    (mean_lead if compiled else mean_lead.py_func)(
        np.array([0, 1]), np.array([0, 2, 3]), np.array([0.5, 0.5, 0.0]), np.array([1, 2, 1]), np.array([0.25, 0.0]), 4, lead
    )
    assert lead.tolist() == [pytest.approx(2.125), 9.0]


def test_at_rest_leads_are_those_of_the_links():
    state, *_ = models.miniature(60, 3)
    settled = state.slots.lead.copy()
    assert np.array_equal(lead_times(state, state.links.supplier, state.links.buyer), state.links.lead_time)
    update_lead(state, np.arange(state.slots.n))
    assert state.slots.lead == pytest.approx(settled, rel=1e-12)


def test_a_link_that_is_there_is_used_again():
    state, *_ = models.miniature(60, 2)
    e = int(np.argmax(state.links.weight < 1.0))
    slot, supplier, weight, m = int(state.links.slot[e]), int(state.links.supplier[e]), float(state.links.weight[e]), state.links.n
    connect(state, np.array([slot]), np.array([supplier]), np.array([0.25]))
    assert state.links.n == m
    assert state.links.weight[e] == pytest.approx(min(weight + 0.25, 1.0))
    assert state.link_rows(np.array([slot]), np.array([supplier])).tolist() == [e]


def test_a_new_link_has_its_lead_time_and_its_share():
    state, *_ = models.miniature(60, 2)
    slot = int(state.slot_start[5])
    there = state.links.supplier[state.link_start[slot] : state.link_start[slot + 1]]
    other = int(next(i for i in range(state.firms.n) if i not in there))
    buyer, group, m = int(state.slots.customer[slot]), int(state.slots.group[slot]), state.links.n
    connect(state, np.array([slot]), np.array([other]), np.array([0.5]))
    e = int(state.link_rows(np.array([slot]), np.array([other]))[0])
    assert state.links.n == m + 1
    assert (state.links.weight[e], int(state.links.buyer[e]), int(state.slots.group[state.links.slot[e]])) == (0.5, buyer, group)
    assert state.links.lead_time[e] == lead_times(state, np.array([other]), np.array([buyer]))[0]
    assert state.links.payable[e] == state.links.backlog[e] == 0.0


def test_pruning_drops_what_nobody_needs_and_nothing_else():
    state, *_ = models.miniature(60, 2)
    state.links.weight[::7] = 0.0
    state.links.payable[::14] = 0.0
    dead = int(np.flatnonzero(state.firms.kind == SMB)[2])
    state.firms.alive[dead] = False
    n = state.slots.n
    assert unused(state)["gone_links"].tolist() == [e for e in range(state.links.n) if e % 14 == 0]
    assert len(unused(state)["gone_slots"]) == 0, "the dead firm still has goods"
    for name in ("input_stock", "pipeline", "import_pipeline", "imports", "input_use"):
        getattr(state.slots, name)[state.slots.customer == dead] = 0.0
    held = int(np.sum(state.slots.customer == dead))
    gone = state.customer_start[dead], state.customer_start[dead + 1]
    for name in ("weight", "payable"):
        getattr(state.links, name)[gone[0] : gone[1]] = 0.0
    kept, none = state.links.n - len(unused(state)["gone_links"]), np.empty(0, dtype=np.int64)
    connect(state, none, none, np.empty(0), prune=True)
    assert state.links.n == kept
    assert state.slots.n == n - held
    assert dead not in state.slots.customer
    assert dead not in state.links.buyer
