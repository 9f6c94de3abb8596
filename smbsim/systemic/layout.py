"""A network as the sweeps of the cascade read it, and the arrays they write into.

`build` makes the `Layout` of a `RiskNetwork`, `workspace` what one thread needs beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .cascade import AHEAD, CACHE_LINE, STATIC, VECTOR

if TYPE_CHECKING:
    from .esri import RiskNetwork

NONE, LINEAR, ESSENTIAL = range(3)  # what the loss of an input does


class Layout(NamedTuple):
    """The network as the sweeps read it. Rows are firms in the order of their sectors; links without effect are left out.

    A slot is what a loss of the customer is the largest of: its essential inputs from one sector, or all its linear inputs.
    """

    sales: np.ndarray  # (n,) along links, and to final use if that counts
    size: np.ndarray  # (n,) weight in the index, sums to 1
    sector: np.ndarray  # (n,)
    member_start: np.ndarray  # (G+1,) firms of sector g
    sector_sales: np.ndarray  # (G,)
    market_share: np.ndarray  # (n,) σ where it is not dynamic
    whole: np.ndarray  # (n,) ones: upstream nobody replaces a buyer
    out_start: np.ndarray  # (n+1,) by supplier: the slots it sells into
    out_slot: np.ndarray
    out_customer: np.ndarray
    out_share: np.ndarray
    slot_start: np.ndarray  # (n+1,) by customer: its slots
    input_start: np.ndarray  # (s+1,) by slot: who sells into it
    input_supplier: np.ndarray
    input_share: np.ndarray
    buy_start: np.ndarray  # (n+1,) by customer: from whom it buys, and its share in their sales
    buy_supplier: np.ndarray
    buy_share: np.ndarray
    sale_start: np.ndarray  # (n+1,) by supplier: to whom it sells, and their share in its sales
    sale_customer: np.ndarray
    sale_share: np.ndarray


class Rules(NamedTuple):
    """What is swept and when it ends."""

    tolerance: float
    market_share: int
    down: bool
    up: bool
    sparse: float  # a closure goes on dense once a sweep changes more than this part of all losses


class Closures(NamedTuple):
    """Firms that are shut, in part or wholly: closure c shuts row[start[c] : start[c+1]] by `loss`; and what comes out of it."""

    queue: np.ndarray  # (k,) closures in the order in which they are solved
    start: np.ndarray
    row: np.ndarray
    loss: np.ndarray
    esri: np.ndarray
    up: np.ndarray
    down: np.ndarray
    iterations: np.ndarray
    losses: np.ndarray  # (k, n), or (0, n) if nobody wants them
    firm: np.ndarray  # (n,) column of a row in `losses`


class Branch(NamedTuple):
    """One direction of one sparse closure. Firms and totals are zero between closures."""

    firm: np.ndarray  # (n, 4) columns LOSS … TOTAL side by side, because a firm is met at random: one wait for memory, not four
    total: np.ndarray  # (s,) downstream, per slot: sum of what was received; upstream it is the column TOTAL
    news: np.ndarray  # (n,) what senders have to tell
    touched: np.ndarray  # rows with a loss, in the order in which they were reached
    changed: np.ndarray  # (n+1,) rows whose loss changed in the last sweep; one entry more than there can be
    senders: np.ndarray  # rows that tell their partners in this sweep
    n_touched: np.ndarray  # (1,)


class Sectors(NamedTuple):
    """What a sparse closure has taken from each sector."""

    lost: np.ndarray  # (G,) sales
    first: np.ndarray  # (G,) touched firms of a sector as a chain: first, then `following`; n ends it
    following: np.ndarray  # (n,)
    changed: np.ndarray
    is_changed: np.ndarray  # (G,)


class Lanes(NamedTuple):
    """Dense closures side by side."""

    down: np.ndarray  # (n, lanes)
    sent_down: np.ndarray
    up: np.ndarray  # this and the next take turns
    other_up: np.ndarray
    closure: np.ndarray  # (lanes,) -1 empty
    iterations: np.ndarray
    change: np.ndarray  # (lanes,) largest of the last sweep
    scale: np.ndarray  # (lanes,) scratch
    sales: np.ndarray  # (n,) those of the layout in the precision of the lanes
    market_share: np.ndarray  # (n,)


class Workspace(NamedTuple):
    """What one thread writes into."""

    down: Branch
    up: Branch
    sectors: Sectors
    lanes: Lanes


def build(network: RiskNetwork, order: np.ndarray, size: np.ndarray, rules: Rules, final_sales: bool, dtype: type) -> Layout:
    """The links that matter, cut by supplier, by customer and by slot. order: (n,) firm of each row."""
    n, rank = network.n, np.argsort(order)
    used = network.weight > 0
    supplier, customer, w = rank[network.supplier[used]], rank[network.customer[used]], network.weight[used].astype(np.float64)
    essentiality, sector = network.essentiality[used], network.sector[order]
    groups = int(sector.max(initial=-1)) + 1
    sales = network.sales(final_sales)[order]
    sector_sales = np.bincount(sector, sales, groups)
    at_rest = np.divide(sales, sector_sales[sector], out=np.ones(n), where=sector_sales[sector] > 0)

    # downstream: slot g of a customer for the essential inputs of sector g, slot `groups` for all linear ones
    group = sector[supplier]
    bought = np.bincount(customer, w, n)
    _, pair = np.unique(customer * groups + group, return_inverse=True)
    share = w / np.where(essentiality == ESSENTIAL, np.bincount(pair, w)[pair] if w.size else w, bought[customer])
    binding = (essentiality != NONE) & rules.down
    key = customer * (groups + 1) + np.where(essentiality == ESSENTIAL, group, groups)
    slots, slot = np.unique(key[binding], return_inverse=True)
    seller, share = supplier[binding], share[binding]
    by_supplier, by_slot = _sorted(seller, slot), _sorted(slot, seller)

    # upstream
    supplier, customer, lost = (values[: None if rules.up else 0] for values in (supplier, customer, w / sales[supplier]))
    by_buyer, by_seller = _sorted(customer, supplier), _sorted(supplier, customer)

    return Layout(
        sales=sales,
        size=size[order],
        sector=sector.astype(np.uint32),
        member_start=np.searchsorted(sector, np.arange(groups + 1)).astype(np.uint64),
        sector_sales=sector_sales,
        market_share=at_rest if rules.market_share == STATIC else np.ones(n),
        whole=np.ones(n),
        out_start=_starts(seller, n),
        out_slot=slot[by_supplier].astype(np.uint32),
        out_customer=(slots // (groups + 1))[slot[by_supplier]].astype(np.uint32),
        out_share=share[by_supplier],
        slot_start=np.searchsorted(slots // (groups + 1), np.arange(n + 1)).astype(np.uint64),
        input_start=_starts(slot, slots.size),
        input_supplier=_padded(seller[by_slot]),
        input_share=share[by_slot].astype(dtype),
        buy_start=_starts(customer, n),
        buy_supplier=supplier[by_buyer].astype(np.uint32),
        buy_share=lost[by_buyer],
        sale_start=_starts(supplier, n),
        sale_customer=_padded(customer[by_seller]),
        sale_share=lost[by_seller].astype(dtype),
    )


def _sorted(rows: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Links in the order of `rows`, and of `within` inside a row. No two links agree in both, so that any sort gives the same order."""
    return np.argsort(rows * (int(within.max(initial=0)) + 1) + within)


def _starts(rows: np.ndarray, count: int) -> np.ndarray:
    """(count+1,) where each row begins once the links are in the order of their rows."""
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))]).astype(np.uint64)


def _padded(rows: np.ndarray) -> np.ndarray:
    """Rows with spare entries at the end, which `raise_row` reads ahead of its time."""
    return np.concatenate([rows, np.zeros(AHEAD)]).astype(np.uint32)


def workspace(layout: Layout, lanes: int, dtype: type) -> Workspace:
    """Everything at rest; lanes are rounded up to whole vectors."""
    lanes = -(-lanes // VECTOR) * VECTOR
    n, groups = layout.sales.size, layout.sector_sales.size

    def branch(slots: int) -> Branch:
        rows = (np.zeros(n + 1, dtype=np.uint32) for _ in range(3))
        return Branch(_aligned_zeros((n, 4), np.float64), np.zeros(slots), np.zeros(n), *rows, np.zeros(1, dtype=np.int64))

    sectors = Sectors(
        lost=np.zeros(groups),
        first=np.full(groups, n, dtype=np.uint32),
        following=np.full(n, n, dtype=np.uint32),
        changed=np.zeros(groups, dtype=np.uint32),
        is_changed=np.zeros(groups, dtype=np.uint8),
    )
    side_by_side = Lanes(
        *(_aligned_zeros((n, lanes), dtype) for _ in range(4)),
        closure=np.full(lanes, -1, dtype=np.int64),
        iterations=np.zeros(lanes, dtype=np.int64),
        change=np.zeros(lanes, dtype=dtype),
        scale=np.zeros(lanes, dtype=dtype),
        sales=layout.sales.astype(dtype),
        market_share=layout.market_share.astype(dtype),
    )
    return Workspace(branch(layout.input_start.size - 1), branch(0), sectors, side_by_side)


def _aligned_zeros(shape: tuple[int, int], dtype: type) -> np.ndarray:
    """Zeros whose rows do not straddle more cache lines than they must."""
    size = shape[0] * shape[1] * np.dtype(dtype).itemsize
    raw = np.zeros(size + CACHE_LINE, dtype=np.uint8)
    first = -raw.ctypes.data % CACHE_LINE
    return raw[first : first + size].view(dtype).reshape(shape)
