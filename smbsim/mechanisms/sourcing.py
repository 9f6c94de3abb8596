r"""Sourcing (M11): firms replace suppliers that closed, and now and then compare those they have with others.

When a firm closes
    orders it has not shipped, and those it has placed, are cancelled
    its share of a slot goes at once to the slot's other suppliers, in proportion to theirs; a slot left without any buys from the
    sector's large firms, or else from the largest firm of the sector, or else from nobody until the search finds somebody
    lost_s ← 1 - (1 - lost_s)(1 - w_e)                   share of the slot that others stand in for
    the link stays, at weight 0, until what is owed along it has been paid or written off

Every few weeks, for all slots at once (a layout is dear to change)
    search    of a slot with lost_s > 0:                 m candidates, the best one takes over the share lost_s
    review    of any other slot:                         m candidates, the best one replaces the worst supplier where
              score_new > score_old + switch_cost; a slot with more suppliers than at rest gives up its worst one instead
              a slot whose buyer was warned of a supplier reviews as soon as one in need, by the fill rate of now if that is lower
    score_ij  = -ln p_j + η_f r_j + η_l [same region] + σ ε_ij          r_j smoothed fill rate, ε logit noise of the pair and week

Candidates are drawn as the first network was: with probability ν_j (y_j/ν_j)^γ, y capacity and ν the firms behind the row, local with the
same preference, and not if the order would be more than a share τ of what they can make. Links are new links: their backlog and what is
owed along them start at zero; goods in transit belong to the slot and arrive.

symbol  column / parameter
w       weight
lost    lost_share
r       reliability
ν       firm_count
γ       supplier_exponent
τ       supplier_cap
m       candidates

Sources: the stand-in and the search hazard are assumptions (DECISIONS.md 21); the review follows the choice of suppliers in Mark I models
(Delli Gatti et al. 2011, search among few); Gumbel (1958) for the noise that makes the choice a logit.
"""

from __future__ import annotations

import numpy as np

from ..draws import LEAST_UNIFORM
from ..kernel import kernel, prefetch
from ..rows import cut_rows
from ..schema import Column, param
from ..state import EVERYWHERE, LARGE, NO_ROWS
from ..suppliers import connect, recount_backlog, update_lead
from .base import Mechanism

LEAST_PRICE = 1e-300  # keeps the logarithm finite
BLOCK = 2**15  # slots looked at together, so that what it takes stays in a cache of a megabyte; fewer make more calls
AHEAD = 16  # links and candidates by which their firms are asked for before they are looked at. Measured
FIRST_NETWORK = "as reconstruct: candidates are drawn like the first suppliers"


class Sourcing(Mechanism):
    name = "sourcing"
    optional = True
    columns = (
        Column("cancelled", "base currency/wk", 0.0, "Orders to the firm cancelled this week, backlog included", low=0),
        Column("reliability", "1", 1.0, "Smoothed share of its orders that the firm fills", low=0, high=1),
        Column("firm_count", "1", 1.0, "Firms behind the row", low=0),
        Column("more_candidates", "firms", 0, "Candidates that platforms show the firm besides", dtype="i4", low=0, entrant="copied"),
        Column("warned", "1", 0, "A platform says that a supplier does not deliver", axis="slot", dtype="i1", low=0, high=1),
        Column("normal_suppliers", "1", 0, "Suppliers of the slot at rest", axis="slot", dtype="i4", low=0, entrant="copied"),
        Column("lost_share", "1", 0.0, "Share of the slot that others stand in for since suppliers closed", axis="slot", low=0, high=1),
    )
    reads = ("exit_week", "alive", "uid", "kind", "sector", "region", "fill_rate", "capacity", "price", "expected_demand", "coefficient",
             "import_share", "payable", "input_stock", "input_use", "input_spoiled", "imports", "emergency_import", "pipeline",
             "import_pipeline", "local_lead", "other_lead", "population_share")  # fmt: skip
    writes = (*(c.name for c in columns), "customer", "group", "supplier", "buyer", "slot", "weight", "lead_time", "lead", "backlog",
              "backlog_due", "supply_line")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="Firms look for suppliers; off: the network stays as it is", source="limit of M11")
    search_hazard: float = param(0.125, unit="1/wk", doc="Chance that a slot in need of a supplier looks for one", low=0, high=1,
                                 source="assumption")  # fmt: skip
    review_hazard: float = param(0.25, unit="1/quarter", doc="Chance that a slot compares its suppliers with others", low=0, high=1,
                                 source="assumption (MODEL.md M11)")  # fmt: skip
    every: int = param(4, unit="wk", doc="Weeks between two rounds of search and review", low=1, high=52, source="assumption, for speed")
    candidates: int = param(4, unit="firms", doc="m: candidates looked at", low=1, high=100, source="search among four in Mark I models")
    switch_cost: float = param(0.02, unit="1", doc="Gain in score below which nobody changes supplier", low=0, high=1, source="assumption")
    fill_weight: float = param(1.0, unit="1", doc="η_f: a fill rate lower by one point counts as a price higher by one percent", low=0,
                               high=10, source="assumption")  # fmt: skip
    local_weight: float = param(0.02, unit="1", doc="η_l: what a supplier of the region may cost more", low=0, high=1, source="assumption")
    noise: float = param(0.01, unit="1", doc="σ: scale of the logit noise of a score", low=0, high=1, source="assumption")
    memory: float = param(13.0, unit="wk", doc="Time over which the fill rate is smoothed", low=1, high=260, source="assumption")
    supplier_exponent: float = param(0.6, unit="1", doc="γ: power of capacity that draws a candidate", low=0, high=2, source=FIRST_NETWORK)
    supplier_cap: float = param(0.5, unit="1", doc="τ: largest share of a candidate's capacity that one order may be", low=0.01, high=1,
                                source=FIRST_NETWORK)  # fmt: skip
    local_share: float = param(0.475, unit="1", doc="Share of candidates from the buyer's region", low=0, high=1, source=FIRST_NETWORK)

    def settle(self, state, rest):
        state.firms.firm_count[:] = rest.firm_count
        state.slots.normal_suppliers[:] = np.diff(state.link_start)

    def close_links(self, state, step):
        """Orders with firms that closed are cancelled; the other suppliers of the slot stand in, or else a large firm."""
        firms, slots, links = state.firms, state.slots, state.links
        firms.reliability[:] += (firms.fill_rate - firms.reliability) / self.memory
        firms.cancelled[:] = 0.0
        closed = np.flatnonzero((firms.exit_week >= step.t - 1) & (firms.exit_week <= step.t))  # mergers come after this phase
        if len(closed) == 0:
            return
        lost, given_up = state.links_out_of(closed), state.links_into(closed)
        self._cancel(state, closed, np.union1d(lost[links.backlog[lost] > 0.0], given_up[links.backlog[given_up] > 0.0]))
        links.weight[given_up] = 0.0
        slot = np.unique(links.slot[lost]).astype(np.int64)
        slot = slot[firms.alive[slots.customer[slot]]]
        supplied = np.empty(len(slot), dtype=np.bool_)
        stand_in(slot, state.link_start, links.supplier, firms.alive, links.weight, slots.lost_share, supplied)
        update_lead(state, slot)
        alone = slot[~supplied & (slots.lost_share[slot] > 0.0)]
        supplier = self._largest(state, alone)
        found = supplier >= 0
        connect(state, alone[found], supplier[found], np.ones(found.sum()))

    def _cancel(self, state, closed, ended) -> None:
        firms, slots, links = state.firms, state.slots, state.links
        backlog = links.backlog[ended]
        firms.cancelled[:] = np.bincount(links.supplier[ended], backlog, minlength=firms.n)
        slot, place = np.unique(links.slot[ended], return_inverse=True)
        slots.supply_line[slot] = np.maximum(slots.supply_line[slot] - np.bincount(place, backlog, len(slot)), 0.0)
        links.backlog[ended] = 0.0
        recount_backlog(state, np.concatenate([closed, links.supplier[ended]]))

    def _largest(self, state, slot) -> np.ndarray:
        """(k,) the row that stands in for the suppliers of each slot: the sector's large firms, else its largest firm; -1 for nobody."""
        firms = state.firms
        buyer, group = state.slots.customer[slot], state.slots.group[slot]
        found = np.full(len(slot), -1, dtype=np.int64)
        large = np.flatnonzero(firms.alive & (firms.kind == LARGE))
        for g in np.unique(group):
            rows = large[firms.sector[large] == g]
            rows = rows if len(rows) else np.flatnonzero(firms.alive & (firms.sector == g))
            rows = rows[np.lexsort((-firms.uid[rows], firms.capacity[rows]))][-2:]  # two, if one is the buyer
            for row in rows:
                mine = (group == g) & ((buyer != row) | (firms.kind[row] == LARGE))
                found[mine] = row
        return found

    def review(self, state, step):
        """Slots in need of a supplier look for one, others compare theirs with candidates; links nobody needs any more go."""
        if step.t % self.every:
            return
        slots, links = state.slots, state.links
        slot = self._asking(state, step)
        share, worst, crowded, supplier = self._compare(state, step, slot)
        self._give_up(state, slot[crowded], worst[crowded])
        found = supplier >= 0
        slot, share, worst, supplier = (values[found] for values in (slot, share, worst, supplier))
        searching = slots.lost_share[slot] > 0.0
        links.weight[worst[~searching]] = 0.0
        scale_links(slot[searching], 1.0 - share[searching], state.link_start, links.weight)
        slots.lost_share[slot[searching]] = 0.0
        connect(state, slot, supplier, share, prune=True)

    def _asking(self, state, step) -> np.ndarray:
        """Slots that look for a supplier or compare theirs in this round."""
        firms, slots, found = state.firms, state.slots, [NO_ROWS]
        chance = self._chance("search_hazard"), self._chance("review_hazard")
        for first in range(0, slots.n, BLOCK):
            rows = slice(first, first + BLOCK)
            customer = slots.customer[rows]
            u, row = step.draws.uniform("sourcing", step.t, firms.uid[customer], slots.group[rows]), np.empty(len(customer), dtype=np.int64)
            number = slots_asking(first, u, customer, firms.alive, slots.lost_share, slots.warned, state.link_start, *chance, row)
            found.append(row[:number])
        return np.concatenate(found)

    def _compare(self, state, step, slot) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of these slots (k,): the share for which somebody is looked for, the link of the worst supplier, -1 for none, whether there are
        more suppliers than at rest, and the candidate who is to have the share, -1 for none.
        """
        firms = state.firms
        cheap = -np.log(np.maximum(firms.price, LEAST_PRICE))
        delivers = firms.reliability, np.minimum(firms.reliability, firms.fill_rate)
        appeal = np.stack([self.fill_weight * r + cheap for r in delivers], axis=1)  # as all know it, as who was warned does
        pools = Pools(state, self.supplier_exponent, self.local_share)
        found = np.empty(len(slot)), np.empty_like(slot), np.empty(len(slot), dtype=np.bool_), np.empty_like(slot)
        turn = np.argsort(state.slots.group[slot].astype(np.int16), kind="stable")
        for first in range(0, len(slot), BLOCK):  # sector by sector, so that its firms stay in the cache
            k = turn[first : first + BLOCK]
            for whole, part in zip(found, self._compare_some(state, step, slot[k], appeal, pools), strict=True):
                whole[k] = part
        return found

    def _compare_some(self, state, step, slot, appeal, pools) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The same for some of the slots."""
        firms, slots, links = state.firms, state.slots, state.links
        buyer, group, heard = slots.customer[slot], slots.group[slot], slots.warned[slot]
        uid, region = firms.uid[buyer], firms.region[buyer]
        rows, length = state.links_filling(slot), state.link_start[slot + 1] - state.link_start[slot]
        first, supplier, weight = np.concatenate([[0], np.cumsum(length)]), links.supplier[rows], links.weight[rows]
        taste = heard, region, appeal, firms.region, self.local_weight, self.noise

        u = step.draws.uniform("sourcing.noise", step.t, np.repeat(uid, length), firms.uid[supplier])
        worst, least, number = np.empty(len(slot), dtype=np.int64), np.empty(len(slot)), np.empty(len(slot), dtype=np.int64)
        worst_link(first, supplier, weight, u, *taste, worst, least, number)
        lost, supplied = slots.lost_share[slot], number > 0
        reviewing = lost == 0.0
        crowded = reviewing & (number > slots.normal_suppliers[slot])
        share = lost.copy()
        share[reviewing & supplied] = weight[worst[reviewing & supplied]]
        worst[supplied] = rows[worst[supplied]]

        best, most = np.full(len(slot), -1, dtype=np.int64), np.where(reviewing, least + self.switch_cost, -np.inf)
        order = share * slots.coefficient[slot] * (1.0 - slots.import_share[slot]) * firms.expected_demand[buyer]
        offers = np.where(~crowded & (share > 0.0), self.candidates + firms.more_candidates[buyer], 0)
        for c in range(offers.max(initial=0)):
            asking = np.flatnonzero(offers > c)
            by, of = uid[asking], group[asking]
            u = (step.draws.uniform(f"sourcing.{what} {c}", step.t, by, of) for what in ("local", "pick"))
            candidate = pools.pick(region[asking], of, *u)
            u = step.draws.uniform("sourcing.noise", step.t, by, firms.uid[candidate])
            keep_better(
                asking, candidate, u, buyer, order, self.supplier_cap, ~reviewing, firms.kind, firms.capacity, first, supplier, weight,
                *taste, best, most,
            )  # fmt: skip
        return share, worst, crowded, best

    def _give_up(self, state, slot, worst) -> None:
        """The worst supplier of these slots goes; the others share what it sold, in proportion."""
        kept = 1.0 - state.links.weight[worst]
        state.links.weight[worst] = 0.0
        scale_links(slot, 1.0 / kept, state.link_start, state.links.weight)
        update_lead(state, slot)

    def _chance(self, hazard: str) -> float:
        """The chance of a round from that of a week."""
        return 1.0 - (1.0 - self.weekly(hazard)) ** self.every


class Pools:
    """Where candidates come from: live firms by sector and region, those that are everywhere behind the last region of each sector."""

    def __init__(self, state, exponent: float, local_share: float):
        firms, weights = state.firms, state.regions.population_share
        self.R = len(weights)
        region = np.where(firms.region == EVERYWHERE, self.R, firms.region)
        cell = firms.sector * np.int64(self.R + 1) + region
        live = np.flatnonzero(firms.alive & (firms.capacity > 0.0))
        self.member, self.start = state.by_key(live, cell, len(state.sector_codes) * (self.R + 1))
        appeal = firms.firm_count * (firms.capacity / firms.firm_count) ** exponent
        self.cumulated = np.concatenate([[0.0], np.cumsum(appeal[self.member])])
        self.per_appeal = len(live) / self.cumulated[-1] if len(live) else 0.0  # places of the guide: about one for each member
        place = (self.per_appeal * self.cumulated).astype(np.int32)
        self.guide = np.zeros(place[-1] + 2, dtype=np.int64)
        cut_rows(place, self.guide)
        self.share = weights
        same = float(np.sum(weights**2))  # chance that two firms drawn at random share a region
        self.p_local = max(0.0, (local_share - same) / (1.0 - same)) if same < 1.0 else 0.0

    def pick(self, region, group, u_local, u_pick) -> np.ndarray:
        """(k,) a live firm of each group by its appeal, of the region with chance p_local; -1 where the sector has none.

        A firm that is everywhere counts in a region with the region's share. region, group (k,); u_local, u_pick (k,) uniforms
        """
        picked = np.empty(len(group), dtype=np.int64)
        pools = self.p_local, self.share, self.start, self.cumulated, self.per_appeal, self.guide, self.member
        pick_members(region, group, u_local, u_pick, *pools, picked)
        return picked


@kernel
def pick_members(region, group, u_local, u_pick, p_local, share, start, cumulated, per_appeal, guide, member, picked):
    """The member at which the share u_pick of the appeal of all is reached: in the cell (region, group) if the draw is local and somebody
    is there, else in all cells of the group. Those that are everywhere stand in the cell behind; locally they count by the region's share.
    A guide says where to look (Chen and Asau 1974): sums of place b, per_appeal · sum cut to a whole number, are guide_b : guide_{b+1}.

    region, group, u_local, u_pick (k,); share (R,); start (cells + 1,); cumulated (members + 1,); guide (places + 1,); member (members,);
    writes picked (k,)
    """
    for k in range(group.size):
        last = (group[k] + np.int64(1)) * (share.size + 1) - 1  # the cell of those that are everywhere
        first, end, part = last - share.size, last, 1.0
        home = first + max(region[k], 0)
        local = region[k] >= 0 and u_local[k] < p_local and cumulated[start[home + 1]] > cumulated[start[home]]
        if local:
            first, end, part = home, home + 1, share[region[k]]
        near = cumulated[start[end]] - cumulated[start[first]]
        far = cumulated[start[last + 1]] - cumulated[start[last]]
        picked[k] = -1
        if near + far <= 0.0:
            continue
        target = u_pick[k] * (near + part * far)
        low, high = start[first], start[last + 1]
        if target < near:
            target += cumulated[low]
            if local and target < cumulated[low] + near:
                high = start[end]
        else:
            low = start[last]
            target = cumulated[low] + (target - near) / part
        place = min(int(per_appeal * target), guide.size - 2)
        low = min(max(low, guide[place]), high)
        high = max(min(high, guide[place + 1]), low)
        while low < high:
            middle = (low + high) // 2
            if cumulated[middle] <= target:
                low = middle + 1
            else:
                high = middle
        picked[k] = member[low - 1]


@kernel
def score(j, u, heard, region, appeal, regions, local_weight, noise):
    """What a buyer thinks of supplier j: appeal, the region, and σ ε, whose distribution function is exp(-exp(-ε)).

    u: uniform on [0, 1); heard: the buyer was warned; region of the buyer; appeal (n, 2): as all know j, as who was warned does;
    regions (n,)
    """
    local = region == regions[j] and region != EVERYWHERE
    return appeal[j, heard] + local_weight * local - noise * np.log(-np.log(max(u, LEAST_UNIFORM)))


@kernel
def keep_better(
    asking, candidate, u, buyer, order, cap, free, kind, capacity, first, supplier, weight, heard, region, appeal, regions, local_weight,
    noise, best, most,
):  # fmt: skip
    """A candidate that can make what is ordered, is not the buyer and, unless the slot is free, no supplier yet is kept if it is better.

    asking (q,) entries of the others; candidate, u (q,); buyer, order, free (k,); kind, capacity (n,); supplier, weight (l,) of the links
    first_k : first_{k+1}; heard, region (k,) to noise as `score` has them; writes best, most (k,)
    """
    for q in range(asking.size):
        ahead = max(candidate[min(q + AHEAD, asking.size - 1)], 0)
        prefetch(appeal, ahead)
        prefetch(capacity, ahead)
        prefetch(regions, ahead)
        k, j = asking[q], candidate[q]
        if j < 0 or order[k] > cap * capacity[j] or (j == buyer[k] and kind[j] != LARGE):
            continue
        found = score(j, u[q], heard[k], region[k], appeal, regions, local_weight, noise)
        if found <= most[k]:
            continue
        new = True
        if not free[k]:
            for e in range(first[k], first[k + 1]):
                new &= supplier[e] != j or weight[e] == 0.0
        if new:
            best[k], most[k] = j, found


@kernel
def slots_asking(first, u, customer, alive, lost_share, warned, link_start, search, review, row):
    """Slots first, first + 1, … whose customer lives and whose uniform is below the hazard: of search in need or when warned, else of
    review where there are suppliers. Returns their number.

    u, customer (k,); alive (n,); lost_share, warned (s,); link_start (s+1,); writes row (k,)
    """
    number = 0
    for k in range(u.size):
        s = first + k
        searching = lost_share[s] > 0.0
        row[number] = s
        hazard = search if searching or warned[s] == 1 else review
        number += u[k] < hazard and alive[customer[k]] and (searching or link_start[s + 1] > link_start[s])
    return number


@kernel
def stand_in(slot, link_start, supplier, alive, weight, lost_share, supplied):
    """w of suppliers who died goes to the others of the slot, in proportion; lost ← 1 - (1 - lost)(1 - w). supplied: there are others.

    slot (k,); link_start (s+1,); supplier (m,); alive (n,); writes weight (m,), lost_share (s,), supplied (k,)
    """
    for k in range(slot.size):
        s = slot[k]
        gone = 0.0
        left = 0.0
        for e in range(link_start[s], link_start[s + 1]):
            if alive[supplier[e]]:
                left += weight[e]
            else:
                gone += weight[e]
                weight[e] = 0.0
        supplied[k] = left > 0.0
        if gone > 0.0:
            lost_share[s] = 1.0 - (1.0 - lost_share[s]) * (left / (left + gone))
            for e in range(link_start[s], link_start[s + 1]):
                if left > 0.0:
                    weight[e] = min(weight[e] / left, 1.0)


@kernel
def worst_link(first, supplier, weight, u, heard, region, appeal, regions, local_weight, noise, worst, least, number):
    """The link with weight that scores least among first_k : first_{k+1}, -1 and 0 for none, and the number of links with weight.

    supplier, weight, u (l,); heard, region (k,) to noise as `score` has them; writes worst, least, number (k,)
    """
    for k in range(worst.size):
        worst[k], least[k], number[k] = -1, 0.0, 0
        for e in range(first[k], first[k + 1]):
            ahead = supplier[min(e + AHEAD, supplier.size - 1)]
            prefetch(appeal, ahead)
            prefetch(regions, ahead)
            if weight[e] > 0.0:
                number[k] += 1
                found = score(np.int64(supplier[e]), u[e], heard[k], region[k], appeal, regions, local_weight, noise)
                if worst[k] < 0 or found < least[k]:
                    worst[k], least[k] = e, found


@kernel
def scale_links(slot, factor, link_start, weight):
    """w_e ← factor_k w_e, at most one, for the links of each slot. slot, factor (k,); link_start (s+1,); writes weight (m,)."""
    for k in range(slot.size):
        for e in range(link_start[slot[k]], link_start[slot[k] + 1]):
            weight[e] = min(weight[e] * factor[k], 1.0)
