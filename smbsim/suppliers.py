"""What every change of suppliers needs: links made and found, their lead times, and what may go (MODEL.md M11).

A rewired link is a new link. The old one stays at weight 0 until nobody waits or owes along it, so that every debt has its link; goods in
transit belong to the slot. After a change the mean lead time of a slot is that of its new suppliers.
"""

from __future__ import annotations

import numpy as np

from .kernel import kernel
from .state import EVERYWHERE, State


def connect(state: State, slot: np.ndarray, supplier: np.ndarray, share: np.ndarray, prune: bool = False) -> None:
    """The suppliers get these shares of the slots' orders, along new links where there are none; prune: what nobody needs goes.

    slot (k,) different rows; supplier (k,) rows; share (k,)
    """
    slots, links = state.slots, state.links
    link, buyer, group = state.link_rows(slot, supplier), slots.customer[slot], slots.group[slot]
    new = link < 0
    links.weight[link[~new]] = np.minimum(links.weight[link[~new]] + share[~new], 1.0)
    gone = unused(state) if prune else {}
    if prune or new.any():
        rows, _ = state.rewire(links=(supplier[new], buyer[new], group[new]), **gone)
        links.weight[rows], links.lead_time[rows] = share[new], lead_times(state, supplier[new], buyer[new])
    update_lead(state, state.slot_rows(buyer, group))


def update_lead(state: State, slot: np.ndarray) -> None:
    """Mean lead time of these slots from the weights of their suppliers."""
    slots, links = state.slots, state.links
    rows, abroad = np.asarray(slot, dtype=np.int64), state.widths["import_lead"]
    mean_lead(rows, state.link_start, links.weight, links.lead_time, slots.import_share, abroad, slots.lead)


def recount_backlog(state: State, suppliers: np.ndarray) -> None:
    """What these suppliers have not shipped, from their links, so that no rounding is owed for good. suppliers (k,) rows"""
    rows = np.unique(suppliers)
    state.firms.backlog_due[rows] = sums_of(state.links.backlog, state.links_out_of(rows), state.supplier_start, rows)


def sums_of(values, links, start, rows) -> np.ndarray:
    """(k,) Σ values over the links (l,) of each of the rows (k,), which stand one after the other; start (n+1,) says how many each has."""
    owner = np.repeat(np.arange(len(rows)), start[rows + 1] - start[rows])
    return np.bincount(owner, values[links], minlength=len(rows))


def lead_times(state: State, supplier: np.ndarray, buyer: np.ndarray) -> np.ndarray:
    """(k,) weeks from dispatch to arrival between these rows."""
    region = state.firms.region
    local = (region[supplier] == region[buyer]) & (region[buyer] != EVERYWHERE)
    return np.where(local, state.regions.local_lead[np.maximum(region[buyer], 0)], state.sectors.other_lead[state.firms.sector[supplier]])


def unused(state: State) -> dict[str, np.ndarray]:
    """Rows that nobody needs, ascending. Links: nobody orders, waits or owes along them. Slots: the customer does not live, no such link
    fills them, and they have no goods, debts or flows of the week left.
    """
    links, slots = state.links, state.slots
    gone = np.empty(links.n, dtype=np.int64)
    gone = gone[: idle_links(links.weight, links.payable, links.backlog, gone)]
    rows = state.slots_of(np.flatnonzero(~state.firms.alive))
    start, stop = state.link_start[rows], state.link_start[rows + 1]
    used = np.searchsorted(gone, stop) - np.searchsorted(gone, start) < stop - start
    for name in ("input_stock", "input_use", "input_spoiled", "imports", "emergency_import"):
        used |= getattr(slots, name)[rows] > 0.0
    for name in ("pipeline", "import_pipeline"):
        used |= getattr(slots, name)[rows].any(axis=1)
    return {"gone_links": gone, "gone_slots": rows[~used]}


@kernel
def idle_links(weight, payable, backlog, row):
    """Rows of links at weight 0 along which nothing is owed or due; returns their number. All (m,); writes row."""
    number = 0
    for e in range(weight.size):
        row[number] = e
        number += weight[e] == 0.0 and payable[e] == 0.0 and backlog[e] == 0.0
    return number


@kernel
def mean_lead(slot, link_start, weight, lead_time, import_share, import_lead, lead):
    """ℓ = (1 - import share) Σ w ℓ_e + import share · ℓ_imp, where there is one. slot (k,); weight, lead_time (m,); writes lead (s,)"""
    for k in range(slot.size):
        s = slot[k]
        at_home = 0.0
        total = 0.0
        for e in range(link_start[s], link_start[s + 1]):
            at_home += weight[e] * lead_time[e]
            total += weight[e]
        if total > 0.0:
            lead[s] = (1.0 - import_share[s]) * at_home / total + import_share[s] * import_lead
