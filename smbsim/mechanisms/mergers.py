r"""Mergers (M6): a firm that chose to merge buys another one of its sector and region, and goes on as one firm.

    price_j     = κ E_j                          paid to the owners of the target j; feasible if κ E_j <= M_i - M*_i / 2
    K, M, L, goods, goods in transit, staff, customers, payables, arrears of j are added to those of the buyer i
    weights of a slot that both fill              in proportion to what the slots needed
    productivity_i ← (1 - ι) productivity_i        the friction of becoming one; it wears off as productivity reverts

Each bidder looks at a few firms drawn at random and takes the largest that it can pay; bidders choose in an order drawn anew each week.
What the two owed or ordered from each other falls away. What becomes of a column is declared with it: amounts, and what an entrant takes
over in proportion to size, add up; what it copies becomes the mean by capacity; the rest is the buyer's. Only firms that use the same
inputs can merge, so that nothing is left over. The target's row stays behind, empty, closed by a merger.

symbol  column              unit
E       equity              currency
M, M*   cash, liquidity_target   currency

Sources: MODEL.md M6; Delli Gatti et al. (2011) for the size of steps; κ and ι are assumptions.
"""

from __future__ import annotations

import numpy as np

from .. import heads
from ..accounts import assume_loans, transfer
from ..schema import param
from ..state import MERGER, OWNER, SMB
from ..suppliers import recount_backlog, update_lead
from ..trade_credit import recount_credit
from .base import Mechanism

MERGE = 4  # the option of `strategy`
AMOUNTS = ("currency", "currency/wk", "base currency", "base currency/wk", "heads", "heads/wk")
MOVED_AS_MONEY = ("cash", "debt", "spendable")  # by accounts
LOOKED_AT = 4  # firms a bidder looks at; MODEL.md M11, m


class Mergers(Mechanism):
    name = "mergers"
    optional = True
    reads = ("alive", "kind", "sector", "region", "uid", "strategy", "tried_since", "equity", "liquidity_target", "expected_demand",
             "capacity", "coefficient")  # fmt: skip
    writes = ("productivity", "skill", "alive", "exit_week", "exit_cause", "cash", "deposits", "debt", "supplier", "buyer", "slot",
              "weight", "lead_time", "lost_share", "backlog", "backlog_due", "payable", "receivables", "payables", "input_stock",
              "pipeline", "import_pipeline", "supply_line", "purchase_price", "import_share", "lead")  # fmt: skip
    # and the columns of firms, which it adds up or averages as they declare

    enabled: bool = param(False, unit="switch", doc="Firms buy others of their sector and region; off: nobody does", source="limit of M6")
    price: float = param(1.2, unit="1", doc="κ: price of a firm by its net worth", low=0.1, high=10, source="assumption")
    friction: float = param(0.1, unit="1", doc="ι: productivity lost at first", low=0, high=0.9, source="assumption")

    def merge(self, state, step):
        """Bidders find targets, pay their owners, and take them over."""
        firms = state.firms
        bidders = np.flatnonzero(firms.alive & (firms.strategy == MERGE) & (firms.tried_since == step.t))
        if len(bidders) == 0:
            return
        buyer, target = self._match(state, step, bidders)
        if len(target) == 0:
            return
        self._pay_owners(state, buyer, target)
        unite_networks(state, buyer, target)
        unite_firms(state, buyer, target)
        firms.productivity[buyer] *= 1.0 - self.friction
        firms.alive[target] = False
        firms.exit_week[target], firms.exit_cause[target] = step.t, MERGER

    def _match(self, state, step, bidders) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (buyer, target), every firm in at most one of them."""
        firms, G = state.firms, len(state.sector_codes)
        cell = firms.region.astype(np.int64) * G + firms.sector
        asked = np.zeros(len(state.region_names) * G, dtype=bool)
        asked[cell[bidders]] = True  # bidders have a region
        market = np.flatnonzero(asked[cell] & firms.alive & (firms.kind == SMB) & (firms.equity > 0))
        market, start = state.by_key(market, cell, len(asked))
        taken, buyer, target = set(bidders.tolist()), [], []
        uid = firms.uid[bidders]
        looks = [step.draws.uniform(f"merger candidate {k}", step.t, uid) for k in range(LOOKED_AT)]
        for b in np.lexsort((uid, step.draws.uniform("merger order", step.t, uid))):
            i = bidders[b]
            first, last = start[cell[i]], start[cell[i] + 1]
            seen = {int(market[first + int(u[b] * (last - first))]) for u in looks} if last > first else ()
            spare = firms.cash[i] - 0.5 * firms.liquidity_target[i]
            fit = [j for j in seen if j not in taken and 0 < self.price * firms.equity[j] <= spare and _same_inputs(state, i, j)]
            if fit:
                best = max(fit, key=lambda j: (firms.expected_demand[j], -firms.uid[j]))
                taken.add(best)
                buyer.append(i)
                target.append(best)
        return np.array(buyer, dtype=np.int64), np.array(target, dtype=np.int64)

    def _pay_owners(self, state, buyer, target) -> None:
        firms = state.firms
        amount = np.zeros(firms.n)
        amount[buyer] = self.price * firms.equity[target]
        received = np.zeros(state.households.n)
        received[OWNER::2] = state.by_region(amount)
        transfer(state, "firm", "household", amount, "mergers", received)


def unite_firms(state, buyer: np.ndarray, target: np.ndarray) -> None:
    """Give the buyers what the targets have and owe, and leave the targets' rows empty. buyer, target (k,) rows, no row twice."""
    firms = state.firms
    both = firms.capacity[buyer] + firms.capacity[target]
    share = np.divide(firms.capacity[target], both, out=np.zeros(len(buyer)), where=both > 0)
    heads.unite_skills(state, buyer, target)
    for name, column in firms.columns.items():
        if name in MOVED_AS_MONEY:
            continue
        if column.entrant == "scaled" or (column.entrant is None and column.unit in AMOUNTS):
            values = getattr(firms, name)
            values[buyer] += values[target]
            values[target] = 0.0
        elif column.entrant == "copied" and column.dtype.startswith("f"):
            values = getattr(firms, name)
            values[buyer] += share.reshape(-1, *[1] * (values.ndim - 1)) * (values[target] - values[buyer])
    given, taken, loans = np.zeros(firms.n), np.zeros(firms.n), np.zeros(firms.n)
    given[target] = taken[buyer] = firms.cash[target]
    loans[buyer] += firms.debt[target]
    loans[target] -= firms.debt[target]
    transfer(state, "firm", "firm", given, "deposits of merged firms", taken)
    assume_loans(state, loans)


def _same_inputs(state, i: int, j: int) -> bool:
    group, start = state.slots.group, state.slot_start
    return np.array_equal(group[start[i] : start[i + 1]], group[start[j] : start[j + 1]])


def unite_networks(state, buyer: np.ndarray, target: np.ndarray) -> None:
    """Give the buyers what the targets hold and owe along slots and links; what the two had with each other falls away."""
    firms, slots, links = state.firms, state.slots, state.links
    into = np.arange(firms.n)
    into[target] = buyer
    theirs = state.slots_of(np.sort(target))
    mine = state.slot_rows(into[slots.customer[theirs]], slots.group[theirs])
    taken_over = np.zeros(slots.n)
    taken_over[mine] = _need(state, theirs)

    involved = np.concatenate([buyer, target])
    rows = np.unique(np.concatenate([state.links_into(involved), state.links_out_of(involved)]))
    supplier, customer = into[links.supplier[rows]], into[links.buyer[rows]]
    group = slots.group[links.slot[rows]]
    slot = state.slot_rows(customer, group)
    outside = supplier != customer
    together = _need(state, slot) + taken_over[slot]
    part = np.divide(_need(state, links.slot[rows]), together, out=np.ones(len(rows)), where=together > 0) * links.weight[rows]
    inside = rows[~outside]  # these links stay behind, empty
    backlog = links.backlog[rows]
    np.subtract.at(slots.supply_line, links.slot[inside], links.backlog[inside])
    slots.supply_line[links.slot[inside]] = np.maximum(slots.supply_line[links.slot[inside]], 0.0)  # rounding
    np.add.at(firms.cancelled, into[links.supplier[inside]], links.backlog[inside])

    order = np.lexsort((supplier, group, customer))
    order = order[outside[order]]
    pair = np.stack([customer, group, supplier])[:, order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any(pair[:, 1:] != pair[:, :-1], axis=0)
    first = np.flatnonzero(new)
    sums = {name: np.add.reduceat(getattr(links, name)[rows][order], first) for name in ("payable", "backlog")}
    weight, lead = np.add.reduceat(part[order], first), np.maximum.reduceat(links.lead_time[rows][order], first)
    filled, place = np.unique(slot, return_inverse=True)
    kept = np.bincount(place[outside], part[outside], len(filled)), np.bincount(place, part, len(filled))
    for column in (links.weight, links.backlog, links.payable):
        column[inside] = 0.0
    _move_goods(state, mine, theirs)
    weight *= np.divide(kept[1], kept[0], out=np.zeros(len(filled)), where=kept[0] > 0)[place[order][first]]
    np.minimum(weight, 1.0, out=weight)  # rounding
    slots.lost_share[filled[(kept[0] == 0) & (kept[1] > 0)]] = 1.0  # who bought from the other one only looks for somebody else
    added, _ = state.rewire(links=(pair[2][first], pair[0][first], pair[1][first]), gone_links=rows[outside])
    for name, values in (*sums.items(), ("weight", weight), ("lead_time", lead)):
        getattr(state.links, name)[added] = values
    update_lead(state, np.union1d(mine, filled))
    recount_backlog(state, np.concatenate([involved, supplier[backlog > 0.0]]))
    recount_credit(state, involved)


def _need(state, slots) -> np.ndarray:
    """(k,) what these slots need in a week; base currency."""
    return state.slots.coefficient[slots] * state.firms.expected_demand[state.slots.customer[slots]]


def _move_goods(state, mine, theirs) -> None:
    """Stocks and goods in transit of the slots `theirs` go to the slots `mine`, at their mean price."""
    slots = state.slots
    held = [slots.input_stock[s] + slots.pipeline[s].sum(axis=1) + slots.import_pipeline[s].sum(axis=1) for s in (mine, theirs)]
    worth = held[0] * slots.purchase_price[mine] + held[1] * slots.purchase_price[theirs]
    slots.purchase_price[mine] = np.divide(worth, held[0] + held[1], out=slots.purchase_price[mine], where=held[0] + held[1] > 0)
    for column in (slots.input_stock, slots.pipeline, slots.import_pipeline, slots.supply_line):
        column[mine] += column[theirs]
        column[theirs] = 0.0
    slots.import_share[mine] = np.maximum(slots.import_share[mine], slots.import_share[theirs])  # what is on the way arrives only with one
