r"""Who supplies whom, drawn from sector tables and firm sizes so that every sector-to-sector flow is exact.

A sector g whose share in the domestic purchases of sector h is at least theta is a *network input* of h: its purchases are links. Smaller
ones are *counter inputs*, bought from the sector's pool like final demand. A slot (customer i, group g) needs q = a_gh x_i.

    m     = stochastic round( nu_i max(1, k0 (e_i/nu_i)^eta w_gh) )       draws of a slot; w_gh is proportional to sqrt(share), sum 1
    P(j)  ~ nu_j (x_j/nu_j)^gamma,  SMBs with x_j >= q/(m tau) and L_g    each draw; local with probability lambda_loc
    w_ji  = q m_ji xhat_j^(1-gamma) f_j / sum over the slot               m_ji equal draws, xhat_j = x_j/nu_j, f_j found by balancing:
      soft    f_j toward sum_i w_ji = (1 - phi_g) x_j, within [1/kappa_w, kappa_w]
      hard    f_j further down toward sum_i w_ji <= c_j = x_j (1 - f_keep phi_g)
      repair  cut to c_j; what is missing goes to who has room, by the north-west-corner rule. Always feasible: sum c_j >= sum q
    y_j   = x_j - sum_i w_ji >= f_keep phi_g x_j                          sold outside links; phi_g is the sector's share of that

symbol       name                     unit             symbol       name                 unit
theta        threshold                share            lambda_loc   from local_share     share of links
k0, eta      draws_per_slot,          draws,           f_keep       keep_share           share of phi_g
             size_elasticity          1                kappa_w      weight_bound         1
gamma        supplier_exponent        1                tau          supplier_cap         share of a supplier's output
Source: design note POPULATION.md 1.3 and 1.4; balancing by iterative proportional fitting (Deming and Stephan 1940); the rule `scgm` is
the stripe-corrected gravity model of Ialongo et al. (2022), Sci. Rep. 12: p_ij = z s_i s_gj / (1 + z s_i s_gj).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from .draws import Draws
from .kernel import kernel
from .sample import Firms
from .schema import InputError, param

SOFT_ROUNDS = 30
HARD_ROUNDS = 60
HARD_MARGIN = 0.05  # the hard rounds aim this much of the kept part below c_j, so that few suppliers are left above it. Assumption
NEGLIGIBLE = 1e-12  # of a slot's need: links and gaps below it are rounding
MOST_DRAWS = 4  # per possible supplier
SCGM_FIRMS = 5000  # the rule scgm looks at every pair of firms
SCGM_BISECTIONS = 60


class Reconstruct(BaseModel):
    """Parameters of the drawn network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["size_dependent", "scgm"] = param(
        "size_dependent", unit="choice", doc="How suppliers are drawn; scgm is for comparison, up to 5000 firms", source="POPULATION.md 1.4"
    )
    threshold: float = param(
        0.03, unit="1", low=0, high=1, doc="Least share in domestic firm inputs of a group that has links and stocks", source="assumption"
    )
    draws_per_slot: float = param(
        3.0, unit="1", low=0, high=1000, doc="Supplier draws of a one-person firm, all groups", source="assumption; mean degree 15–20"
    )
    size_elasticity: float = param(
        0.8, unit="1", low=0, high=2, doc="Elasticity of draws to employment", source="assumption; in-degree elasticity .45"
    )
    supplier_exponent: float = param(
        0.6, unit="1", low=0, high=2, doc="Power of output that draws a supplier", source="assumption; out-degree elasticity .5"
    )
    supplier_cap: float = param(
        0.5, unit="1", low=0.01, high=1, doc="Largest share of a supplier's output taken by one draw", source="assumption"
    )
    local_share: float = param(
        0.475, unit="1", low=0, high=1, doc="Share of SMB links that stay in a region", source="Belgium, NUTS 2 (POPULATION.md 1.6)"
    )
    keep_share: float = param(
        0.1, unit="1", low=0.001, high=1, doc="Least share sold outside links, relative to the sector's", source="assumption"
    )
    weight_bound: float = param(
        30.0, unit="1", low=1, high=1000, doc="Bound on the factor adapting sales to size", source="assumption; no effect 5–200"
    )


@dataclass(frozen=True)
class Network:
    """Links in customer order: sorted by (customer, group, supplier), each pair once, no SMB its own supplier.

    supplier, customer (m,) rows · group (m,) sector of the supplier · weight (m,) base currency/yr, domestic
    network_group (G, G) bool [user, supplier] · outside (n,) base currency/yr sold outside links · repaired: links made by the repair
    """

    supplier: np.ndarray
    customer: np.ndarray
    group: np.ndarray
    weight: np.ndarray
    network_group: np.ndarray
    outside: np.ndarray
    repaired: int

    def __len__(self) -> int:
        return len(self.supplier)


@dataclass(frozen=True)
class Market:
    """The suppliers of one group and the slots that buy from it. Supplier j is row member[j], in row order; the last one is the large row.

    member (J+1,) · output, unit (x and x/nu), sales, limit (J+1,): target and bound of link sales · kept (J+1,) least outside sales
    customer (k,) rows · need (k,) currency/yr · own (k,) the customer's place among the members, -1 if elsewhere
    """

    group: int
    member: np.ndarray
    output: np.ndarray
    unit: np.ndarray
    sales: np.ndarray
    kept: np.ndarray
    customer: np.ndarray
    need: np.ndarray
    own: np.ndarray

    @property
    def large(self) -> int:
        """Place of the large row among the members."""
        return self.member.size - 1

    @property
    def limit(self) -> np.ndarray:
        """(J+1,) currency/yr: most that each can sell along links."""
        return self.output - self.kept


def draw_network(economy, firms: Firms, draws: Draws, parameters: Reconstruct | None = None) -> Network:
    """Draw the links of all groups. Raises InputError where the rule cannot handle the number of firms."""
    parameters = parameters or Reconstruct()
    coefficient, network_group, shares = technology(economy, parameters.threshold)
    markets = [_market(g, coefficient, network_group, firms, parameters) for g in range(economy.G)]
    density = _scgm_density(markets, firms, shares, draws, parameters) if parameters.rule == "scgm" else None
    links, repaired = [], 0
    for market in markets:
        if density is None:
            slot, supplier, base = _draw_links(market, firms, shares, draws, parameters)
        else:
            slot, supplier, base = _scgm_links(market, density, draws)
        weight = _balance(market, slot, supplier, base, parameters.weight_bound)
        slot, supplier, weight, new = _repair(market, slot, supplier, weight)
        links.append((market.customer.astype(np.int32)[slot], market.member.astype(np.int32)[supplier], weight))
        repaired += new
    return _in_customer_order(firms, links, network_group, repaired)


def technology(economy, threshold: float):
    """Domestic coefficients a (supplier, user); who is a network input of whom (user, supplier); shares of the draws (user, supplier)."""
    G = economy.G
    flow, output = economy.domestic[:G, :G], economy.output[:G]
    coefficient = np.divide(flow, output, out=np.zeros((G, G)), where=output > 0)
    total = flow.sum(axis=0)
    share = np.divide(flow, total, out=np.zeros((G, G)), where=total > 0).T
    network_group = (share >= threshold) & (share > 0)
    root = np.sqrt(np.where(network_group, share, 0.0))
    total_root = root.sum(axis=1, keepdims=True)
    return coefficient, network_group, np.divide(root, total_root, out=np.zeros((G, G)), where=total_root > 0)


def _market(g, coefficient, network_group, firms, parameters) -> Market:
    rows = np.flatnonzero((firms.sector == g) & firms.smb)
    member = np.append(rows, np.flatnonzero((firms.sector == g) & ~firms.smb))
    customer = np.flatnonzero(network_group[firms.sector, g] & (firms.output > 0))
    need = coefficient[g, firms.sector[customer]] * firms.output[customer]
    own = np.full(len(firms), -1)
    own[rows] = np.arange(rows.size)
    output = firms.output[member]
    outside_share = max(0.0, 1 - need.sum() / output.sum()) if output.sum() > 0 else 0.0
    return Market(
        group=g,
        member=member,
        output=output,
        unit=output / firms.nu[member],
        sales=(1 - outside_share) * output,
        kept=parameters.keep_share * outside_share * output,
        customer=customer,
        need=need,
        own=own[customer],
    )


def _draw_links(market, firms, shares, draws, parameters):
    """Slot, supplier (place among the members) and unscaled weight of each link; sorted by (slot, supplier)."""
    n_draws = _number_of_draws(market, firms, shares, draws, parameters)
    slot = np.repeat(np.arange(market.customer.size), n_draws)
    smallest = market.need / (np.maximum(n_draws, 1) * parameters.supplier_cap)
    picked = _pick(market, _pools(market, firms, parameters), slot, n_draws, smallest, firms.region[market.customer], draws)
    picked = np.where(picked == market.own[slot], market.large, picked)
    pair, multiplicity = np.unique(slot * market.member.size + picked, return_counts=True)
    slot, supplier = np.divmod(pair, market.member.size)
    return slot, supplier, multiplicity * market.unit[supplier] ** (1 - parameters.supplier_exponent)


def _number_of_draws(market, firms, shares, draws, parameters) -> np.ndarray:
    i = market.customer
    heads = firms.employment[i] / firms.nu[i]
    mean = parameters.draws_per_slot * heads**parameters.size_elasticity * shares[firms.sector[i], market.group]
    rounded = np.floor(firms.nu[i] * np.maximum(1.0, mean) + draws.uniform("reconstruct.draws", market.group, i))
    return np.minimum(rounded, MOST_DRAWS * market.member.size).astype(np.int64)


@dataclass(frozen=True)
class _Pools:
    """Where a draw picks from: the SMBs of each region, then those of the whole sector (pool R), each by falling output.

    start (R+1,) first entry of each pool · member (2J,) · key (J,) region * J + rank by output of the regional entries, ascending ·
    cumulated (2J+1,) weight of the entries before · large (R+1,) weight of the large row · p_local probability of a regional draw
    """

    start: np.ndarray
    member: np.ndarray
    key: np.ndarray
    cumulated: np.ndarray
    large: np.ndarray
    p_local: float


def _pools(market, firms, parameters) -> _Pools:
    J, R = market.large, firms.region_weights.size
    region, by_size = firms.region[market.member[:J]], np.argsort(-market.output[:J], kind="stable")
    rank = np.argsort(by_size)
    by_region = np.lexsort((rank, region))
    member = np.concatenate([by_region, by_size])
    weight = firms.nu[market.member] * market.unit**parameters.supplier_exponent
    same_region = np.sum(firms.region_weights**2)  # probability for two firms drawn at random
    return _Pools(
        start=np.append(np.searchsorted(region[by_region], np.arange(R)), J),
        member=member,
        key=region[by_region] * J + rank[by_region],
        cumulated=np.concatenate([[0.0], np.cumsum(weight[member])]),
        large=np.append(firms.region_weights, 1.0) * weight[J],
        p_local=max(0.0, (parameters.local_share - same_region) / (1 - same_region)) if same_region < 1 else 0.0,
    )


def _pick(market, pools, slot, n_draws, smallest, region, draws) -> np.ndarray:
    """One supplier for each draw, by binary search in the cumulated weights of its pool down to the smallest eligible supplier."""
    J, nationwide = market.large, pools.start.size - 1
    eligible = np.searchsorted(-market.output[pools.member[J:]], -smallest, side="right")
    local_stop = np.searchsorted(pools.key, region * J + eligible)
    has_local = (region >= 0) & (local_stop > pools.start[region])
    which = np.arange(slot.size) - np.repeat(np.cumsum(n_draws) - n_draws, n_draws)
    u_local, u_pick = (
        draws.uniform(name, market.group, market.customer[slot], which) for name in ("reconstruct.local", "reconstruct.pick")
    )
    local = has_local[slot] & (u_local < pools.p_local)
    pool, stop = np.where(local, region[slot], nationwide), np.where(local, local_stop[slot], J + eligible[slot])
    below, above = pools.cumulated[pools.start[pool]], pools.cumulated[stop]
    target = below + u_pick * (above - below + pools.large[pool])
    entry = np.searchsorted(pools.cumulated, target, side="right") - 1
    return np.where(target < above, np.append(pools.member, J)[np.minimum(entry, 2 * J)], J)


@kernel
def fill_slots(first, supplier, base, factor, need, weight, sold):
    """Share the need of each slot among its links, w = q base f / sum over the slot, and add up what each supplier sells.

    first (k+1,) first link of each slot; supplier, base (m,); factor (J+1,); need (k,); writes weight (m,) and sold (J+1,)
    """
    sold[:] = 0.0
    for k in range(need.size):
        total = 0.0
        for e in range(first[k], first[k + 1]):
            weight[e] = base[e] * factor[supplier[e]]
            total += weight[e]
        scale = need[k] / total if total > 0.0 else 0.0
        for e in range(first[k], first[k + 1]):
            weight[e] *= scale
            sold[supplier[e]] += weight[e]


def _balance(market, slot, supplier, base, weight_bound) -> np.ndarray:
    """Link weights with exact slots: suppliers near their target (soft), then few above their limit (hard, a projection in KL distance)."""
    first = np.searchsorted(slot, np.arange(market.need.size + 1))
    weight, sold = np.empty(slot.size), np.empty(market.member.size)
    soft, hard = np.ones(sold.size), np.ones(sold.size)
    for _ in range(SOFT_ROUNDS):
        fill_slots(first, supplier, base, soft, market.need, weight, sold)
        ratio = np.divide(market.sales, sold, out=np.ones(sold.size), where=sold > 0)
        soft = np.clip(soft * ratio, 1 / weight_bound, weight_bound)
    aim = np.maximum(market.limit - HARD_MARGIN * market.kept, 0.0)
    for _ in range(HARD_ROUNDS):
        fill_slots(first, supplier, base, soft * hard, market.need, weight, sold)
        if (sold <= market.limit).all():
            break
        hard = np.minimum(1.0, hard * np.divide(aim, sold, out=np.ones(sold.size), where=sold > 0))
    return weight


def _repair(market, slot, supplier, weight):
    """Cut every supplier to its limit, give what is missing to suppliers with room, drop rounding; also returns the number of new links."""
    limit, need = market.limit, market.need
    sold = np.bincount(supplier, weight, minlength=limit.size)
    weight = weight * np.minimum(1.0, np.divide(limit, sold, out=np.ones(sold.size), where=sold > 0))[supplier]
    gap = need - np.bincount(slot, weight, minlength=need.size)
    gap[gap <= NEGLIGIBLE * need] = 0.0
    room = np.maximum(limit - np.bincount(supplier, weight, minlength=limit.size), 0.0)
    new = _north_west_corner(gap, room)
    if new[0].size:
        links = (np.concatenate(pair) for pair in zip((slot, supplier, weight), new, strict=True))
        slot, supplier, weight = _merge(*_without_self_links(market.own, *links), limit.size)
    kept = weight > NEGLIGIBLE * need[slot]
    slot, supplier, weight = slot[kept], supplier[kept], weight[kept]
    scale = need / np.bincount(slot, weight, minlength=need.size)
    return slot, supplier, weight * scale[slot], new[0].size


def _north_west_corner(gap, room):
    """Fill gaps from rooms, both taken by falling size: a link is an overlap of the two cumulated lists. Returns gap, room, amount."""
    gaps, rooms = (np.argsort(-v, kind="stable")[: np.count_nonzero(v)] for v in (gap, room))
    if not gaps.size:
        return gaps, gaps, np.zeros(0)
    gap_end, room_end = np.cumsum(gap[gaps]), np.cumsum(room[rooms])
    end = np.union1d(gap_end, room_end[room_end < gap_end[-1]])
    which_room = np.minimum(np.searchsorted(room_end, end), rooms.size - 1)  # the last room takes the rounding
    return gaps[np.searchsorted(gap_end, end)], rooms[which_room], np.diff(end, prepend=0.0)


def _without_self_links(own, slot, supplier, weight):
    """Exchange what an SMB sells itself with other links of the group: (j→j, v), (k→i, v) become (k→j, v), (j→i, v). No sum changes."""
    for e in np.flatnonzero(supplier == own[slot]):
        while weight[e] > 0:
            usable = np.where((supplier != supplier[e]) & (slot != slot[e]), weight, 0.0)
            other = np.argmax(usable)
            amount = min(weight[e], usable[other])
            if not amount > 0:
                raise InputError(f"reconstruct: the only supplier left for one firm of {own.size} is the firm itself; use more firms")
            slot, supplier = np.append(slot, slot[[e, other]]), np.append(supplier, supplier[[other, e]])
            weight = np.append(weight, [amount, amount])
            weight[[e, other]] -= amount
    return slot, supplier, weight


def _merge(slot, supplier, weight, suppliers):
    """Add up links of the same pair; sorted by (slot, supplier)."""
    pair, place = np.unique(slot * suppliers + supplier, return_inverse=True)
    return *np.divmod(pair, suppliers), np.bincount(place, weight, minlength=pair.size)


def _in_customer_order(firms, links, network_group, repaired) -> Network:
    """Lay the links of all groups, each sorted by (customer, supplier), behind each other for every customer. Empties the list."""
    n = len(firms)
    degree = sum((np.bincount(customer, minlength=n) for customer, _, _ in links), np.zeros(n, dtype=np.int64))
    free = np.cumsum(degree) - degree
    supplier, customer, group = (np.empty(degree.sum(), dtype) for dtype in (np.int32, np.int32, np.int16))
    weight = np.empty(degree.sum())
    for g in range(len(links)):
        buyer, seller, amount = links[g]
        links[g] = ()  # so that a link is not held twice
        count = np.bincount(buyer, minlength=n)
        place = free[buyer] + np.arange(buyer.size) - (np.cumsum(count) - count)[buyer]
        supplier[place], customer[place], group[place], weight[place] = seller, buyer, g, amount
        free += count
    outside = np.maximum(firms.output - np.bincount(supplier, weight, minlength=n), 0.0)
    return Network(supplier, customer, group, weight, network_group, outside, repaired)


def _scgm_density(markets, firms, shares, draws, parameters) -> float:
    """z of the gravity model such that it has as many links in expectation as the size-dependent rule draws, by bisection in log z."""
    if len(firms) > SCGM_FIRMS + len(markets):
        raise InputError(f"reconstruct.rule = scgm looks at all pairs: {len(firms)} rows are too many, at most {SCGM_FIRMS} SMBs")
    links = sum(_draw_links(market, firms, shares, draws, parameters)[0].size for market in markets)
    products = [np.outer(market.need, market.sales) for market in markets]
    largest = max(p.max(initial=0.0) for p in products)
    low, high = (np.log(z / largest) for z in (np.finfo(float).eps, 1 / np.finfo(float).eps ** 2))
    for _ in range(SCGM_BISECTIONS):
        middle = (low + high) / 2
        expected = sum(np.sum(p / (np.exp(-middle) + p)) for p in products)
        low, high = (middle, high) if expected < links else (low, middle)
    return float(np.exp((low + high) / 2))


def _scgm_links(market, density, draws):
    """Every pair of slot and supplier is a link with probability p; its unscaled weight makes each flow exact in expectation."""
    product = density * np.outer(market.need, market.sales)
    slot, supplier = (index.ravel() for index in np.indices(product.shape))
    u = draws.uniform("reconstruct.scgm", market.group, market.customer[slot], market.member[supplier])
    linked = (u < (product / (1 + product)).ravel()) & (supplier != market.own[slot])
    return slot[linked], supplier[linked], 1 + product.ravel()[linked]
