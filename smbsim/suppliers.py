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


def lead_times(state: State, supplier: np.ndarray, buyer: np.ndarray) -> np.ndarray:
    """(k,) weeks from dispatch to arrival between these rows."""
    region = state.firms.region
    local = (region[supplier] == region[buyer]) & (region[buyer] != EVERYWHERE)
    return np.where(local, state.regions.local_lead[np.maximum(region[buyer], 0)], state.sectors.other_lead[state.firms.sector[supplier]])


def unused(state: State) -> dict[str, np.ndarray]:
    """Rows of links and slots that nobody needs, ascending."""
    used, needed = links_in_use(state), slots_in_use(state)
    needed[state.links.slot[used]] = True
    return {"gone_links": np.flatnonzero(~used), "gone_slots": np.flatnonzero(~needed)}


def links_in_use(state: State) -> np.ndarray:
    """(m,) bool: somebody orders, waits or owes along the link."""
    links = state.links
    return (links.weight > 0.0) | (links.payable > 0.0) | (links.backlog > 0.0)


def slots_in_use(state: State) -> np.ndarray:
    """(s,) bool: the customer lives, or the slot has goods, debts or flows of the week left."""
    slots = state.slots
    used = state.firms.alive[slots.customer]
    dead = np.flatnonzero(~used)
    for name in ("input_stock", "import_payable", "input_use", "input_spoiled", "imports", "emergency_import"):
        used[dead] |= getattr(slots, name)[dead] > 0.0
    for name in ("pipeline", "import_pipeline"):
        used[dead] |= getattr(slots, name)[dead].any(axis=1)
    return used


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
