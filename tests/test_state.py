"""The state: tables that grow, index arrays of a hand-made network, sums by owner, relabelling, copies, and what `check` says."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import columns, miniature

from smbsim import kernel
from smbsim.kernel import Pieces
from smbsim.schema import Column
from smbsim.state import EVERYWHERE, LARGE, SMB, STRUCTURE, State, Table

EXTRA = (
    Column("inventory", "base currency", 0.0, "Finished goods", low=0),
    Column("share", "1", 0.5, "A share", low=0, high=1),
    Column("wish", "1", 0.0, "By sector", width="sector"),
    Column("input_stock", "base currency", 0.0, "Stock", axis="slot", low=0),
    Column("pipeline", "base currency", 0.0, "In transit", axis="slot", width="lead", low=0),
    Column("flow", "base currency/wk", 0.0, "Flow", axis="link", low=0),
)
# customer, group of each slot; the third slot has no link, firm 2 has no slot, firm 4 neither sells nor buys
SLOTS = (np.array([0, 0, 1, 3]), np.array([0, 1, 1, 0]))
# supplier, customer, group of each link
LINKS = (np.array([2, 1, 3, 0, 2]), np.array([0, 0, 0, 3, 3]), np.array([0, 1, 1, 0, 0]))


def small(lead: int = 2) -> State:
    """Five firms in two sectors and two regions, the fourth a large one that is everywhere; four slots, five links."""
    return State(
        EXTRA,
        sectors=("goods", "services"),
        regions=("north", "south"),
        accounts=("government", "foreign"),
        firms={
            "uid": np.arange(5),
            "sector": np.array([0, 1, 0, 1, 0]),
            "region": np.array([0, 1, 1, EVERYWHERE, 0]),
            "kind": np.array([SMB, SMB, SMB, LARGE, SMB]),
        },
        slots=SLOTS,
        links=LINKS,
        widths={"lead": lead},
    )


def same(one: State, other: State) -> bool:
    """Every column and every index array has the same bits."""
    a, b = columns(one), columns(other)
    index = ("slot_start", "link_start", "customer_start", "by_supplier", "supplier_start")
    return a.keys() == b.keys() and all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for x, y in [*((a[name], b[name]) for name in a), *((getattr(one, name), getattr(other, name)) for name in index)]
    )


def scrambled(state: State, seed: int = 0) -> State:
    """Random numbers in every column of the small state that is not structure."""
    rng = np.random.default_rng(seed)
    structure = {column.name for column in STRUCTURE}
    for table in (state.firms, state.slots, state.links):
        for name in table.columns:
            if name not in structure:
                getattr(table, name)[...] = rng.random(getattr(table, name).shape)
    state.firms.cash[:] = rng.normal(size=state.firms.n)
    return state


# -- tables -------------------------------------------------------------------------------------------------------------------------------


def table(n: int = 10) -> Table:
    made = Table("firm", n)
    made.add(Column("cash", "currency", 0.0, "Deposits"))
    made.add(Column("alive", "1", 1, "Exists", dtype="b1"))
    made.add(Column("ring", "1", 7.0, "Ring"), 3)
    made.cash[:] = np.arange(n)
    return made


def test_few_firms_have_one_thread(monkeypatch):
    """More do not pay there; results are the same."""
    state = small()
    state.allow_threads(2)
    assert state.customers.threads == state.pieces.threads == 1
    monkeypatch.setattr("smbsim.state.THREADS_FROM", state.firms.n)
    state.allow_threads(2)
    assert state.customers.threads == state.pieces.threads == 2


def test_append_grows_capacity_by_half():
    """Eleven rows need a capacity of 15; the next four fill it without a copy; the sixteenth needs 22."""
    firms = table(10)
    sizes = []
    for _ in range(7):
        before = firms.cash.base
        firms.append(1)
        sizes.append(len(firms.cash.base))
        assert (firms.cash.base is before) == (len(before) == len(firms.cash.base))
    assert sizes == [15, 15, 15, 15, 15, 22, 22]


def test_append_of_many_rows_makes_room_for_all():
    firms = table(10)
    assert firms.append(100) == slice(10, 110)
    assert firms.n == len(firms.cash) == len(firms.alive) == len(firms.ring) == 110


def test_append_keeps_the_old_rows_and_starts_the_new_at_their_default():
    firms = table(10)
    firms.ring[:] = 1.0
    firms.alive[:] = False
    for rows in (3, 1, 20):
        firms.append(rows)
    assert firms.cash.tolist() == [*range(10), *[0.0] * 24]
    assert firms.alive.tolist() == [False] * 10 + [True] * 24
    assert np.all(firms.ring[:10] == 1.0)
    assert np.all(firms.ring[10:] == 7.0)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12))
def test_views_are_of_the_rows_in_use_whatever_is_appended(steps):
    """Every column has n rows, contiguous, and what is written through a view is there after the next append."""
    firms = table(2)
    for k, rows in enumerate(steps):
        new = firms.append(rows)
        firms.cash[new] = 100 + k
        assert new.stop == firms.n == len(firms.cash) == len(firms.ring)
        assert firms.cash.flags.c_contiguous
        assert firms.ring.flags.c_contiguous
    assert firms.cash.tolist() == [0.0, 1.0, *np.repeat([100 + k for k in range(len(steps))], steps)]


def test_rebinding_a_column_is_an_error_that_says_what_to_write():
    firms = table()
    with pytest.raises(AttributeError, match=r"^write into the column: firms\.cash\[:\] = …$"):
        firms.cash = np.zeros(10)
    with pytest.raises(AttributeError, match=r"firms\.cahs\[:\]"):
        firms.cahs = np.zeros(10)


def test_augmented_assignment_to_a_column_is_an_error_too():
    """`firms.cash += 1` would rebind; `firms.cash[:] += 1` is meant."""
    firms = table()
    with pytest.raises(AttributeError, match="write into the column"):
        firms.cash += 1.0


def test_unknown_column_names_the_nearest():
    with pytest.raises(AttributeError, match=r"^firm table: unknown column 'cahs'\. Did you mean 'cash'\? Valid: cash, alive, ring\.$"):
        _ = table().cahs
    assert not hasattr(table(), "__array__")
    assert "cash" in table()
    assert "cahs" not in table()


def test_take_gives_an_independent_table():
    firms = table()
    taken = firms.take(np.array([3, 1]))
    taken.cash[:] += 100
    assert taken.cash.tolist() == [103.0, 101.0]
    assert firms.cash.tolist() == list(range(10))
    assert taken.n == 2
    assert len(taken.ring) == 2


# -- index arrays -------------------------------------------------------------------------------------------------------------------------


def test_index_arrays_of_a_network_by_hand():
    state = small()
    assert state.slots.customer.tolist() == [0, 0, 1, 3]
    assert state.slots.group.tolist() == [0, 1, 1, 0]
    assert state.slot_start.tolist() == [0, 2, 3, 3, 4, 4]  # firms 2 and 4 have no slot
    assert state.links.slot.tolist() == [0, 1, 1, 3, 3]
    assert state.link_start.tolist() == [0, 1, 3, 3, 5]  # slot 2 has no link
    assert state.customer_start.tolist() == [0, 3, 3, 3, 5, 5]
    assert state.links.supplier.tolist() == [2, 1, 3, 0, 2]
    assert state.links.buyer.tolist() == [0, 0, 0, 3, 3]
    assert state.by_supplier.tolist() == [3, 1, 0, 4, 2]  # suppliers 0 1 2 2 3
    assert state.supplier_start.tolist() == [0, 1, 2, 4, 5, 5]


def test_state_without_links_or_slots():
    none = np.empty(0, dtype=int)
    state = State(
        EXTRA, sectors=("a",), regions=("r",), accounts=(), firms={"sector": np.zeros(3, dtype=int)}, slots=(none, none),
        links=(none, none, none), widths={"lead": 2},
    )  # fmt: skip
    assert state.slot_start.tolist() == state.customer_start.tolist() == state.supplier_start.tolist() == [0, 0, 0, 0]
    assert state.link_start.tolist() == [0]
    for sums in (state.sum_slots, state.sum_by_customer, state.sum_by_supplier):
        assert sums(np.empty(0)).tolist() == [0.0, 0.0, 0.0]
    state.check()


@pytest.mark.parametrize(("customer", "group"), [(0, 1), (1, 0), (1, 1)])
def test_link_to_a_slot_that_does_not_exist_is_refused(customer, group):
    """The slots are (0, 0) and (1, 2)."""
    with pytest.raises((AssertionError, IndexError)):
        State(
            (), sectors=("a", "b", "c"), regions=("r",), accounts=(), firms={"sector": np.zeros(3, dtype=int)},
            slots=(np.array([0, 1]), np.array([0, 2])), links=(np.array([2]), np.array([customer]), np.array([group])), widths={},
        )  # fmt: skip


def test_links_out_of_firms_are_looked_up_once_and_anew_after_a_change():
    """In any order, of who was asked for before and who was not, before and after a link goes; as the sorted links say."""
    state = random_network(3)
    for _ in range(2):
        twin = state.copy()
        for firms in ([4, 1, 7], [7], [2, 7], [1, 1], []):
            firms = np.array(firms, dtype=np.int64)
            expected = [e for i in firms for e in twin.by_supplier[twin.supplier_start[i] : twin.supplier_start[i + 1]]]
            assert state.links_out_of(firms).tolist() == expected
        assert len(state.links_out_of(np.arange(state.firms.n))) == state.links.n
        state.rewire(gone_links=state.links_out_of(np.arange(state.firms.n))[:1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_index_arrays_of_random_networks_cut_links_by_their_owner(seed):
    """Every link is in the rows of its slot, its buyer and its supplier, once each, and rows are ascending."""
    state = random_network(seed)
    m = state.links.n
    for start, order, owner in (
        (state.link_start, np.arange(m), state.links.slot),
        (state.customer_start, np.arange(m), state.links.buyer),
        (state.supplier_start, state.by_supplier, state.links.supplier),
    ):
        assert np.array_equal(np.repeat(np.arange(len(start) - 1), np.diff(start)), owner[order])
    assert sorted(state.by_supplier.tolist()) == list(range(m))
    assert np.array_equal(state.slots.customer[state.links.slot], state.links.buyer)
    pairs = state.links.supplier[state.by_supplier].astype(int) * state.firms.n + state.links.buyer[state.by_supplier]
    assert np.all(np.diff(pairs) >= 0)


def random_network(seed: int) -> State:
    """Up to a dozen firms, some without slots, some slots without links."""
    rng = np.random.default_rng(seed)
    n, G, R = int(rng.integers(1, 13)), 3, 2
    customer, group = np.nonzero(rng.random((n, G)) < 0.5)
    linked = rng.random((len(customer), n)) < 0.3
    slot, supplier = np.nonzero(linked)
    state = State(
        EXTRA, sectors=("a", "b", "c"), regions=("r", "s"), accounts=("government",),
        firms={"uid": rng.permutation(50)[:n], "sector": rng.integers(0, G, n), "region": rng.integers(-1, R, n)},
        slots=(customer, group), links=(supplier, customer[slot], group[slot]), widths={"lead": 2},
    )  # fmt: skip
    return scrambled(state, seed)


def test_widths_allocate_a_second_axis():
    state = small(lead=1)
    assert state.slots.pipeline.shape == (4, 1)  # a named width of one still is an axis
    assert state.firms.wish.shape == (5, 2)
    assert state.slots.input_stock.shape == (4,)
    assert (state.households.n, state.regions.n, state.sectors.n, state.accounts.n) == (4, 2, 2, 2)


# -- sums ---------------------------------------------------------------------------------------------------------------------------------


def test_sums_by_owner_by_hand():
    state = small()
    state.regions.population_share[:] = 0.25, 0.75
    firms, slots, links = 10.0 ** np.arange(5), 10.0 ** np.arange(4), 10.0 ** np.arange(5)
    assert state.by_sector(firms).tolist() == [10101.0, 1010.0]
    assert state.by_region(firms).tolist() == [10001.0 + 250.0, 110.0 + 750.0]
    assert state.by_region_and_sector(firms).tolist() == [[10001.0, 0.0], [100.0, 10.0]]  # the large firm is left out
    assert state.sum_slots(slots).tolist() == [11.0, 100.0, 0.0, 1000.0, 0.0]
    assert state.sum_links(links).tolist() == [1.0, 110.0, 0.0, 11000.0]
    assert state.sum_by_customer(links).tolist() == [111.0, 0.0, 0.0, 11000.0, 0.0]
    assert state.sum_by_supplier(links).tolist() == [1000.0, 10.0, 10001.0, 100.0, 0.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.none() | st.integers(1, 9))
def test_sums_agree_with_bincount_for_any_threads_and_blocks(seed, threads, blocks):
    state = random_network(seed)
    values = state.links.flow.copy()
    n = state.firms.n
    state.set_threads(threads, blocks)
    for sums, owner in ((state.sum_by_customer, state.links.buyer), (state.sum_by_supplier, state.links.supplier)):
        assert np.allclose(sums(values), np.bincount(owner, values, minlength=n), rtol=1e-14, atol=0)
    assert np.allclose(state.sum_slots(state.slots.input_stock), np.bincount(state.slots.customer, state.slots.input_stock, n), rtol=1e-14)


@pytest.mark.parametrize("pieces", [2, 4])
@pytest.mark.parametrize("threads", [1, 3])
def test_sums_in_pieces_are_those_of_the_pieces_in_order_for_any_threads(pieces, threads):
    """The links into a range of customers each: added link by link within a piece, then piece by piece, whoever runs them."""
    state = random_network(4)
    values = state.links.flow * 1e8 ** np.random.default_rng(1).uniform(-1, 1, state.links.n)
    state.pieces = Pieces(state.customer_start, state.firms.n, threads, pieces)
    assert [state.pieces.blocks[0][0], state.pieces.blocks[-1][1], len(state.pieces.blocks)] == [0, state.firms.n, pieces]
    parts = []
    for start, stop in state.pieces.blocks:
        rows = slice(state.customer_start[start], state.customer_start[stop])
        parts.append(np.bincount(state.links.supplier[rows], values[rows], state.firms.n))
        assert abs((rows.stop - rows.start) - state.links.n / pieces) <= np.diff(state.customer_start).max()
    for _ in range(2):  # nothing is left in the totals
        assert state.sum_by_supplier(values).tobytes() == np.cumsum(parts, axis=0)[-1].tobytes()


def test_large_networks_are_summed_in_pieces_that_firms_without_links_do_not_move():
    """So that a firm that nobody knows changes no bit of the others' sums."""
    cut = Pieces(np.arange(0, 4 * kernel.PIECES_FROM, 4), 3)
    assert len(cut.blocks) == kernel.PIECES
    assert len(Pieces(np.array([0, kernel.PIECES_FROM - 1]), 3).blocks) == 1
    work = np.random.default_rng(2).integers(0, 30, 1000)
    alone, more = (np.concatenate([[0], np.cumsum(w)]) for w in (work, np.insert(work, [0, 100, 500, 1000], 0)))
    ends = [[start[stop] for _, stop in Pieces(start, 3, 1, 4).blocks] for start in (alone, more)]
    assert ends[0] == ends[1]


def test_sum_over_regions_is_the_sum_over_firms():
    """What belongs to firms that are everywhere is spread by population: nothing is lost."""
    state, _, _ = miniature(40)
    assert state.by_region(state.firms.output).sum() == pytest.approx(state.firms.output.sum(), rel=1e-14)
    assert state.account("bank") == 2


# -- rows ---------------------------------------------------------------------------------------------------------------------------------


def test_append_firms_adds_isolated_firms():
    state = scrambled(small())
    before = columns(state)
    rows = state.append_firms(sector=np.array([1, 0]), region=np.array([1, 1]))
    assert rows == slice(5, 7)
    assert state.firms.uid.tolist() == list(range(7))
    assert state.firms.sector[rows].tolist() == [1, 0]
    assert state.firms.alive[rows].all()
    assert state.firms.share[rows].tolist() == [0.5, 0.5]
    assert state.sum_by_customer(state.links.flow)[rows].tolist() == state.sum_by_supplier(state.links.flow)[rows].tolist() == [0.0, 0.0]
    assert state.sum_slots(state.slots.input_stock)[rows].tolist() == [0.0, 0.0]
    for (name, column), values in before.items():
        assert np.array_equal(getattr(getattr(state, name), column)[: len(values)], values)
    state.check()


def test_uids_go_on_after_the_largest():
    state = small()
    state.firms.uid[:] = [7, 3, 9, 1, 0]
    state.append_firms(sector=np.array([0]))
    assert state.firms.uid[-1] == 10


def test_appended_rows_keep_the_threads():
    state = small()
    state.set_threads(3)
    state.append_firms(sector=np.array([0]))
    assert state.customers.threads == state.suppliers.threads == 3
    assert state.customers.n == 6


def test_uids_may_be_given_but_not_twice():
    state = small()
    state.append_firms(sector=np.array([0, 1]), uid=np.array([10**12, 77]))
    assert state.firms.uid.tolist() == [0, 1, 2, 3, 4, 10**12, 77]
    with pytest.raises(AssertionError, match="never used twice"):
        state.append_firms(sector=np.array([0]), uid=np.array([77]))


# -- rewiring -----------------------------------------------------------------------------------------------------------------------------


def test_rewire_by_hand():
    """Firm 2 loses firm 3 as a supplier of services, wins firm 1; firm 4 gets a slot and a supplier. What stays keeps its columns."""
    state = scrambled(small())
    flow, pipeline = state.links.flow.copy(), state.slots.pipeline.copy()
    new_links, new_slots = state.rewire(links=([4, 0], [4, 1], [0, 1]), slots=([4], [0]), gone_links=np.array([2]))
    assert state.slots.customer.tolist() == [0, 0, 1, 3, 4]
    assert new_slots.tolist() == [4]
    assert state.links.supplier.tolist() == [2, 1, 0, 0, 2, 4]
    assert state.links.buyer.tolist() == [0, 0, 1, 3, 3, 4]
    assert state.links.slot.tolist() == [0, 1, 2, 3, 3, 4]
    assert new_links.tolist() == [5, 2]
    assert state.links.flow.tolist() == [flow[0], flow[1], 0.0, flow[3], flow[4], 0.0]
    assert np.array_equal(state.slots.pipeline[:4], pipeline)
    assert np.all(state.slots.pipeline[4] == 0.0)
    assert state.by_supplier.tolist() == [2, 3, 1, 0, 4, 5]
    assert state.supplier_start.tolist() == [0, 2, 3, 5, 5, 6]
    state.check()


def links_of(state) -> dict:
    """(supplier, customer, group) → flow."""
    links = state.links
    return dict(zip(zip(links.supplier.tolist(), links.buyer.tolist(), state.slots.group[links.slot].tolist(), strict=True),
                    links.flow.tolist(), strict=True))  # fmt: skip


def slots_of(state) -> dict:
    """(customer, group) → goods in transit."""
    pairs = zip(state.slots.customer.tolist(), state.slots.group.tolist(), strict=True)
    return dict(zip(pairs, map(tuple, state.slots.pipeline.tolist()), strict=True))


def rewire_at_random(state, rng) -> None:
    """Firms appended, slots and links dropped and made, each with the odds of a coin."""
    if rng.random() < 0.5:
        state.append_firms(sector=rng.integers(0, 3, 2))
    n, keep_slots = state.firms.n, rng.random(state.slots.n) < rng.choice([0.5, 1.0])
    keep_links = (rng.random(state.links.n) < rng.choice([0.6, 1.0])) & keep_slots[state.links.slot]
    there = set(slots_of(state))
    new_slots = [(i, g) for i in range(n) for g in range(3) if (i, g) not in there and rng.random() < 0.2]
    kept = [pair for pair, keep in zip(slots_of(state), keep_slots, strict=True) if keep]
    linked = {pair for pair, keep in zip(links_of(state), keep_links, strict=True) if keep}
    new_links = [(j, *pair) for pair in kept + new_slots for j in range(n) if (j, *pair) not in linked and rng.random() < 0.2]
    rng.shuffle(new_links)
    links, slots = np.array(new_links, dtype=int).reshape(-1, 3).T, np.array(new_slots, dtype=int).reshape(-1, 2).T
    before = (
        {pair: flow for pair, flow in links_of(state).items() if pair in linked},
        {p: v for p, v in slots_of(state).items() if p in kept},
    )
    rows, places = state.rewire(links=links, slots=slots, gone_links=np.flatnonzero(~keep_links), gone_slots=np.flatnonzero(~keep_slots))
    assert links_of(state) == {**before[0], **{pair: 0.0 for pair in new_links}}
    assert slots_of(state) == {**before[1], **{pair: (0.0, 0.0) for pair in new_slots}}
    assert np.array_equal(state.links.supplier[rows], links[0])
    assert np.array_equal(state.slots.customer[places], slots[0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_random_rewires_leave_the_layout_of_a_state_built_from_scratch(seed, threads):
    rng = np.random.default_rng(seed)
    state = random_network(seed)
    state.set_threads(threads)
    for _ in range(3):
        rewire_at_random(state, rng)
        scrambled(state, seed)
    rebuilt = State(
        EXTRA, sectors=state.sector_codes, regions=state.region_names, accounts=state.account_names,
        firms={name: getattr(state.firms, name) for name in ("uid", "sector", "region", "alive")},
        slots=(state.slots.customer, state.slots.group),
        links=(state.links.supplier, state.links.buyer, state.slots.group[state.links.slot]), widths={"lead": 2},
    )  # fmt: skip
    assert same(scrambled(rebuilt, seed), state)
    assert state.customers.threads == threads
    assert same(pickle.loads(pickle.dumps(state)), state)


def test_rewiring_nothing_changes_nothing():
    state = random_network(3)
    before = state.copy()
    state.rewire()
    assert same(state, before)


def test_rewiring_refuses_what_is_there_twice_and_links_without_slot():
    state = small()
    for links in (([2], [0], [0]), ([4, 4], [0, 0], [0, 0])):
        with pytest.raises(AssertionError, match="there"):
            state.rewire(links=links)
    with pytest.raises(AssertionError, match="a link to a slot that is not there"):
        state.rewire(links=([0], [1], [0]))
    with pytest.raises(AssertionError, match="a link outlives its slot"):
        state.rewire(gone_slots=np.array([0]))


def test_relabelled_by_hand():
    """Firm order[i] stands in row i; its uid, its slots and its links move with it."""
    state = scrambled(small())
    order = np.array([3, 4, 0, 2, 1])
    new = state.relabelled(order)
    assert new.firms.uid.tolist() == order.tolist()
    assert new.slots.customer.tolist() == [0, 2, 2, 4]
    assert new.slots.group.tolist() == [0, 0, 1, 1]
    assert new.slots.input_stock.tolist() == state.slots.input_stock[[3, 0, 1, 2]].tolist()
    assert new.links.supplier.tolist() == [2, 3, 3, 0, 4]
    assert new.links.flow.tolist() == state.links.flow[[3, 4, 0, 2, 1]].tolist()
    new.check()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_relabelling_and_back_gives_the_identical_state(seed):
    state = random_network(seed)
    order = np.random.default_rng(seed).permutation(state.firms.n)
    back = state.relabelled(order).relabelled(np.argsort(order))
    assert same(back, state)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_relabelling_permutes_the_sums(seed):
    """What belongs to a firm does not depend on its row (up to the order of additions, which the labels decide)."""
    state = random_network(seed)
    order = np.random.default_rng(seed + 1).permutation(state.firms.n)
    new = state.relabelled(order)
    assert sorted(new.links.flow) == sorted(state.links.flow)
    for sums, name in (("sum_by_customer", "links.flow"), ("sum_by_supplier", "links.flow"), ("sum_slots", "slots.input_stock")):
        table, column = name.split(".")
        there = getattr(new, sums)(getattr(getattr(new, table), column))
        here = getattr(state, sums)(getattr(getattr(state, table), column))
        assert np.allclose(there, here[order], rtol=1e-14, atol=0)


def test_relabelled_state_is_independent():
    state = scrambled(small())
    before = columns(state)
    new = state.relabelled(np.arange(5))
    for table in (new.firms, new.slots, new.links, new.households, new.regions, new.sectors, new.accounts):
        for name in table.columns:
            getattr(table, name)[...] = 1
    new.flows["a", "b", "c"] = 1.0
    assert state.flows == {}
    assert all(np.array_equal(values, before[name]) for name, values in columns(state).items())


@pytest.mark.parametrize("twin", [State.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_copies_are_equal_and_independent(twin):
    state = scrambled(small())
    state.firms.append(0)
    state.set_threads(2)
    state.flows["wages", "firm", "household"] = 3.0
    new = twin(state)
    assert same(new, state)
    assert new.flows == state.flows
    assert new.customers.threads == 2
    before = columns(state)
    new.firms.cash[:] = -1.0
    new.links.flow[:] = -1.0
    new.flows.clear()
    new.append_firms(sector=np.array([0]))
    assert all(np.array_equal(values, before[name]) for name, values in columns(state).items())
    assert state.flows
    assert len(state.slot_start) == 6


def test_copy_after_appending_can_append_again():
    state = small()
    state.append_firms(sector=np.zeros(3, dtype=int))
    for twin in (state.copy(), pickle.loads(pickle.dumps(state))):
        twin.append_firms(sector=np.zeros(4, dtype=int))
        assert twin.firms.n == 12
        assert state.firms.n == 8
        twin.check()


# -- checks -------------------------------------------------------------------------------------------------------------------------------


def twenty_five() -> State:
    none = np.empty(0, dtype=int)
    return State(
        EXTRA, sectors=("a", "b"), regions=("r",), accounts=("government",),
        firms={"uid": np.arange(25), "sector": np.zeros(25, dtype=int)}, slots=(none, none), links=(none, none, none), widths={"lead": 2},
    )  # fmt: skip


def complaint(state: State, where: str = "") -> str:
    with pytest.raises(ValueError) as error:
        state.check(where)
    return str(error.value)


def test_check_names_column_count_phase_and_first_firms():
    state = twenty_five()
    state.firms.inventory[[4, 19, 20]] = -1.0
    expected = "firms.inventory: 3 values below 0 after phase 'ship' at step 17, first uids [4, 19, 20]"
    assert complaint(state, "after phase 'ship' at step 17") == expected
    assert complaint(state) == "firms.inventory: 3 values below 0, first uids [4, 19, 20]"


def test_check_names_uids_and_not_rows():
    state = twenty_five()
    state.firms.uid[:] = state.firms.uid[::-1] + 100
    state.firms.share[[1, 2]] = 1.5
    assert complaint(state) == "firms.share: 2 values above 1, first uids [123, 122]"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_check_finds_what_is_not_finite(value):
    state = twenty_five()
    state.firms.cash[7] = value
    assert complaint(state) == "firms.cash: 1 values not finite, first uids [7]"


def test_check_counts_rows_of_wide_columns_once():
    state = small()
    state.slots.pipeline[2] = -1.0
    assert complaint(state) == "slots.pipeline: 1 values below 0, first rows [2]"


def test_check_accepts_the_bounds_and_what_has_none():
    state = twenty_five()
    state.firms.share[:2] = 0.0, 1.0
    state.firms.cash[:] = -1e30
    state.check()


@pytest.mark.parametrize("name", ["firms", "slots", "links", "households", "regions", "sectors", "accounts", "policies"])
def test_check_looks_at_every_table(name):
    """One NaN in any real column of any table is found, and named."""
    state, _, _ = miniature(30)
    state.enact(["grant"])
    table = getattr(state, name)
    state.check()
    for column in table.columns:
        values = getattr(table, column)
        if values.dtype.kind == "f":
            kept = values.flat[-1]
            values.flat[-1] = np.nan
            assert complaint(state).startswith(f"{name}.{column}: 1 values not finite, first ")
            values.flat[-1] = kept
    state.check()


def test_money_is_deposits_less_loans():
    state = small()
    state.firms.cash[:] = [1.0, 2.0, 3.0, 4.0, -5.0]
    state.households.deposits[:] = 10.0
    state.accounts.balance[:] = -20.0, 7.0
    assert state.money() == 5.0 + 40.0 - 13.0
    state.allocate(Column("debt", "currency", 2.0, "Loans"))
    assert state.money() == 32.0 - 10.0


def test_books_of_policies_are_opened_once_and_kept():
    """A second policy widens the columns; what stands in those of the first stays, in copies and under other row numbers too."""
    state = small()
    assert state.firms.support.shape == (state.firms.n, 0)
    assert state.enact(["grant"]) == [0]
    state.firms.support[:, 0], state.policies.spent[0] = np.arange(state.firms.n), 7.0
    other = state.relabelled(np.arange(state.firms.n)[::-1])
    assert other.enact(["loan", "grant"]) == [1, 0]
    assert other.firms.support.tolist() == [[float(i), 0.0] for i in range(state.firms.n)][::-1]
    assert other.policies.spent.tolist() == [7.0, 0.0]
    assert state.policy_names == ("grant",), "the state it came from has its own books"
    assert state.policies.n == 1
    state.append_firms(sector=np.array([0]))
    assert state.firms.support[-1].tolist() == [0.0]


def _resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say what a process holds")
def test_columns_that_nobody_writes_to_take_no_memory():
    """120 MB of zeros, their copy, and their copy with more rows are handed out when they are written to.

    A column of 40 MB is more than the allocator ever takes from memory that was used before.
    """
    table, before = Table("firm", 5_000_000), _resident()
    for k in range(3):
        table.add(Column(f"unused{k}", "1", 0.0, ""))
    twin = copy.deepcopy(table)
    twin.append(1)
    assert _resident() - before < 20e6
    table.unused0[:] = 1.0
    assert _resident() - before > 20e6


def test_a_pickled_table_with_spare_rows_grows_again():
    """Columns of slots lie week by week, also where there is room for more rows than are in use."""
    table = Table("slot", 2)
    table.add(Column("pipeline", "1", 0.0, "", axis="slot"), 3)
    table.append(1)
    table._resize(2)
    table.pipeline[:] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    twin = pickle.loads(pickle.dumps(table))
    twin.append(2)
    assert twin.pipeline.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.0] * 3, [0.0] * 3]
    assert twin.whole("pipeline").flags.f_contiguous


def test_copy_of_a_column_has_the_bits_of_its_zeros():
    table = Table("firm", 3)
    table.add(Column("change", "1", 0.0, ""))
    table.change[1] = -0.0
    assert np.array_equal(np.signbit(copy.deepcopy(table).change), [False, True, False])
