"""Sourcing: what happens to links when firms close, the search and the review, and what must not change."""

from __future__ import annotations

import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smbsim import scenario
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.sourcing import Pools, Sourcing, scale_links, score, stand_in, worst_link
from smbsim.metrics.identities import Books
from smbsim.network import FirmNetwork
from smbsim.state import LARGE, SMB

SOURCING = Sourcing(enabled=True, search_hazard=1.0, review_hazard=0.0, noise=0.0)
REVIEWING = Sourcing(enabled=True, search_hazard=0.0, review_hazard=1.0, noise=0.0)


def step(t: int, seed: int = 1) -> Step:
    return Step(t, Draws(seed))


def close(state, rows, t: int) -> None:
    """The firms in these rows close in week t."""
    state.firms.alive[rows] = False
    state.firms.exit_week[rows] = t


def pay_all(state) -> None:
    state.links.payable[:] = 0.0


def smbs_that_sell(state) -> np.ndarray:
    return np.flatnonzero((state.firms.kind == SMB) & (np.diff(state.supplier_start) > 0))


def weights_of(state, slot: int) -> dict[int, float]:
    """Supplier → weight of a slot."""
    rows = slice(state.link_start[slot], state.link_start[slot + 1])
    return dict(zip(state.links.supplier[rows].tolist(), state.links.weight[rows].tolist(), strict=True))


def hand_made(sector, links, output=None):
    """State of a network given as {(supplier, customer): annual flow}, in one region; sectors are numbered from that of professions on."""
    n, pairs = len(sector), list(links)
    sector = models.united_states().sectors.index("54") + np.array(sector)
    unknown = np.full(n, np.nan)
    network = FirmNetwork(
        tuple("abcdefgh"[:n]), sector, np.zeros(n, dtype=int), ("here",), unknown,
        unknown if output is None else np.array(output, dtype=float), unknown,
        np.array([j for j, _ in pairs]), np.array([i for _, i in pairs]), np.array(list(links.values())), np.full(len(pairs), -1),
    )  # fmt: skip
    return models.given(network)[0]


def three_suppliers():
    """Firm 0 buys from 1, 2 and 3 of another sector, half, .3 and .2; firm 4 buys from firm 1 alone."""
    return hand_made([0, 2, 2, 2, 0], {(1, 0): 50.0, (2, 0): 30.0, (3, 0): 20.0, (1, 4): 40.0}, [400, 500, 300, 200, 400])


# -- kernels ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
def test_what_a_dead_supplier_sold_goes_to_the_others_in_proportion(compiled):
    """Weights .5 .3 .2, the first dies: .6 .4, half is lost. The second dies too: 1, and .5 (1 - .6) = .2 of the slot is left untouched."""
    kernel = stand_in if compiled else stand_in.py_func
    weight, lost, supplied = np.array([0.5, 0.3, 0.2]), np.zeros(1), np.empty(1, dtype=bool)
    alive = np.array([False, True, True])
    arguments = np.array([0]), np.array([0, 3]), np.array([0, 1, 2])
    kernel(*arguments, alive, weight, lost, supplied)
    assert weight == pytest.approx([0.0, 0.6, 0.4])
    assert (lost[0], supplied[0]) == (pytest.approx(0.5), True)
    alive[1] = False
    kernel(*arguments, alive, weight, lost, supplied)
    assert weight == pytest.approx([0.0, 0.0, 1.0])
    assert lost[0] == pytest.approx(0.8)
    alive[2] = False
    kernel(*arguments, alive, weight, lost, supplied)
    assert weight.tolist() == [0.0, 0.0, 0.0]
    assert (lost[0], supplied[0]) == (1.0, False)


@pytest.mark.parametrize("compiled", [True, False])
def test_worst_link_of_each_slot(compiled):
    """The lowest score among links with weight, -1 where there is none, and how many have weight; to a warned buyer only what he heard."""
    kernel = worst_link if compiled else worst_link.py_func
    worst, least, number = np.empty(4, dtype=np.int64), np.empty(4), np.empty(4, dtype=np.int64)
    first, supplier = np.array([0, 2, 2, 4, 6]), np.array([0, 1, 2, 3, 0, 3], dtype=np.int32)
    weight, heard = np.array([0.5, 0.5, 0.0, 1.0, 0.5, 0.5]), np.array([0, 0, 0, 1], dtype=np.int8)
    appeal = np.array([[0.2, -1.0], [0.1, 9.0], [-9.0, 9.0], [0.3, 9.0]])
    home, regions = np.array([-1, 0, 0, 0], dtype=np.int32), np.array([-1, 0, 0, 0], dtype=np.int32)
    kernel(first, supplier, weight, np.full(6, 0.5), heard, home, appeal, regions, 0.25, 0.0, worst, least, number)
    assert worst.tolist() == [1, -1, 3, 4]
    assert least.tolist() == [0.1, 0.0, 0.55, -1.0]
    assert number.tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize("compiled", [True, False])
def test_noise_of_a_score_is_a_gumbel(compiled):
    """The median of exp(-exp(-ε)) is -ln ln 2; the least and the largest uniform give a number."""
    kernel = score if compiled else score.py_func
    appeal, regions = np.zeros((1, 2)), np.array([-1], dtype=np.int32)
    assert kernel(0, 0.5, 0, -1, appeal, regions, 1.0, 2.0) == pytest.approx(-2.0 * np.log(np.log(2.0)))
    assert np.isfinite([kernel(0, u, 0, -1, appeal, regions, 1.0, 2.0) for u in (0.0, 1.0 - 2**-53)]).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_scaling_links_of_slots(compiled):
    weight = np.array([0.4, 0.6, 1.0])
    (scale_links if compiled else scale_links.py_func)(np.array([0]), np.array([0.5]), np.array([0, 2, 3]), weight)
    assert weight.tolist() == [0.2, 0.3, 1.0]


# -- closing ------------------------------------------------------------------------------------------------------------------------------


def test_the_other_suppliers_stand_in_at_once():
    state = three_suppliers()
    close(state, [1], 3)
    SOURCING.close_links(state, step(3))
    assert weights_of(state, 0) == pytest.approx({1: 0.0, 2: 0.6, 3: 0.4})
    assert state.slots.lost_share.tolist() == pytest.approx([0.5, 1.0])


def test_a_slot_left_without_buys_from_the_largest_of_the_sector():
    """Nobody else sold to firm 4: without a large row it is the largest firm, by a new link; then the next largest."""
    state = three_suppliers()
    close(state, [1], 3)
    SOURCING.close_links(state, step(3))
    assert weights_of(state, 1) == {1: 0.0, 2: 1.0}
    close(state, [2], 4)
    SOURCING.close_links(state, step(4))
    assert weights_of(state, 1) == {1: 0.0, 2: 0.0, 3: 1.0}
    close(state, [3], 5)
    SOURCING.close_links(state, step(5))
    assert set(weights_of(state, 1).values()) == {0.0}, "nobody is left"
    SOURCING.review(state, step(8))
    state.check()


def test_large_firms_stand_in_before_larger_small_ones():
    state = three_suppliers()
    state.firms.kind[3] = LARGE
    close(state, [1], 3)
    SOURCING.close_links(state, step(3))
    assert weights_of(state, 1) == {1: 0.0, 3: 1.0}


def test_a_firm_does_not_stand_in_for_its_own_supplier():
    state = hand_made([0, 0, 0], {(1, 0): 10.0}, [100, 20, 10])
    close(state, [1], 0)
    SOURCING.close_links(state, step(0))
    assert weights_of(state, 0) == {1: 0.0, 2: 1.0}


def test_orders_with_a_closed_firm_are_cancelled_and_known_to_the_books():
    state, *_ = models.miniature(80, 2, model="money")
    rng = np.random.default_rng(1)
    state.links.backlog[:] = rng.random(state.links.n)
    state.firms.backlog_due[:] = state.sum_by_supplier(state.links.backlog)
    before = state.by_sector(state.firms.backlog_due)
    closed = smbs_that_sell(state)[[3, 20, 40]]
    touched = np.isin(state.links.supplier, closed) | np.isin(state.links.buyer, closed)
    owed = state.links.backlog[touched].sum()
    close(state, closed, 7)
    SOURCING.close_links(state, step(7))
    assert state.firms.cancelled.sum() == pytest.approx(owed, rel=1e-12)
    assert before - state.by_sector(state.firms.backlog_due) == pytest.approx(state.by_sector(state.firms.cancelled), rel=1e-9, abs=1e-9)
    assert state.firms.backlog_due == pytest.approx(state.sum_by_supplier(state.links.backlog), abs=1e-12)
    assert not np.isin(state.links.supplier[state.links.backlog > 0], closed).any()
    state.check()


def test_what_is_owed_to_a_closed_firm_keeps_its_link_until_it_is_paid():
    state, *_ = models.miniature(80, 2, model="money")
    closed = smbs_that_sell(state)[:5]
    owed = state.sum_by_supplier(state.links.payable)[closed]
    close(state, closed, 0)
    SOURCING.close_links(state, step(0))
    SOURCING.review(state, step(0))
    assert state.sum_by_supplier(state.links.payable)[closed] == pytest.approx(owed, rel=1e-14)
    pay_all(state)
    SOURCING.review(state, step(4))
    assert not np.isin(state.links.supplier, closed).any()


def test_goods_in_transit_of_a_closed_supplier_arrive():
    """What is in transit to a slot is the same before and after its suppliers have closed and others have been found."""
    state, *_ = models.miniature(80, 2, model="money")
    key = state.slots.customer.astype(int) * 100 + state.slots.group
    moving, stock = state.slots.pipeline.copy(), state.slots.input_stock.copy()
    closed = smbs_that_sell(state)[::3]
    close(state, closed, 0)
    SOURCING.close_links(state, step(0))
    SOURCING.review(state, step(0))
    after = np.searchsorted(state.slots.customer.astype(int) * 100 + state.slots.group, key)
    assert np.array_equal(state.slots.pipeline[after], moving)
    assert np.array_equal(state.slots.input_stock[after], stock)


def test_slots_of_a_closed_firm_go_when_nothing_is_left_in_them():
    state, *_ = models.miniature(80, 2, model="money")
    closed = np.flatnonzero((state.firms.kind == SMB) & (np.diff(state.slot_start) > 0))[:4]
    close(state, closed, 0)
    SOURCING.close_links(state, step(0))
    SOURCING.review(state, step(0))
    assert np.isin(closed, state.slots.customer).all(), "goods and debts are still there"
    gone = np.isin(state.slots.customer, closed)
    for name in ("input_stock", "pipeline", "import_pipeline", "imports", "input_use"):
        getattr(state.slots, name)[gone] = 0.0
    pay_all(state)
    SOURCING.review(state, step(4))
    assert not np.isin(closed, state.slots.customer).any()
    assert not np.isin(closed, state.links.buyer).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_weights_sum_to_one_where_a_supplier_lives_and_nobody_buys_from_the_dead(seed):
    """Whoever closes and whenever; also with hardly anybody left."""
    rng = np.random.default_rng(seed)
    state, *_ = models.miniature(60, 2, model="money")
    mechanism = Sourcing(enabled=True, search_hazard=0.5, review_hazard=0.9)
    share = rng.choice([0.02, 0.2, 0.9])
    for t in range(8):
        small = np.flatnonzero(state.firms.alive & (rng.random(state.firms.n) < share) & ((state.firms.kind == SMB) | (share == 0.9)))
        close(state, small, t)
        mechanism.close_links(state, step(t, seed))
        mechanism.review(state, step(t, seed))
        state.links.payable[rng.random(state.links.n) < 0.5] = 0.0
        weight, live = state.sum_links(state.links.weight), state.firms.alive[state.slots.customer]
        others = np.array([np.any(state.firms.alive & (state.firms.sector == g)) for g in range(len(state.sector_codes))])
        alone = np.array([
            state.firms.sector[i] == g and np.sum(state.firms.alive & (state.firms.sector == g)) == 1
            for i, g in zip(state.slots.customer, state.slots.group, strict=True)
        ])  # fmt: skip
        full = live & others[state.slots.group] & ~alone
        assert weight[full] == pytest.approx(1.0, abs=1e-12)
        assert np.all(state.links.weight[~state.firms.alive[state.links.supplier]] == 0.0)
        assert np.all(state.links.weight[~state.firms.alive[state.links.buyer]] == 0.0)
        state.check()


# -- search and review ------------------------------------------------------------------------------------------------------------------


def test_the_search_gives_the_lost_share_to_a_new_supplier():
    """One candidate takes over what was lost; the others are back at their old shares."""
    state = hand_made([0, 2, 2, 2, 2, 2], {(1, 0): 5.0, (2, 0): 5.0}, [100] + [500] * 5)
    close(state, [1], 0)
    SOURCING.close_links(state, step(0))
    assert weights_of(state, 0) == {1: 0.0, 2: 1.0}
    SOURCING.review(state, step(0))
    weights = weights_of(state, 0)
    assert weights[2] == pytest.approx(0.5) or weights[2] == pytest.approx(1.0), "it may be found again itself"
    assert sum(weights.values()) == pytest.approx(1.0)
    assert state.slots.lost_share[0] == 0.0


def test_a_review_switches_only_to_who_scores_more_than_the_cost_of_switching():
    """Without noise, and all prices and fill rates alike: a switch is from another region to one's own, or it does not pay."""
    state, *_ = models.miniature(100, 3, model="money")
    before = {(b, s): w for b, s, w in zip(state.links.buyer, state.links.supplier, state.links.weight, strict=True) if w > 0}
    REVIEWING.review(state, step(0))
    after = {(b, s): w for b, s, w in zip(state.links.buyer, state.links.supplier, state.links.weight, strict=True) if w > 0}
    assert after.keys() == before.keys(), "the bonus of one's region is the cost of switching"
    cheap = int(smbs_that_sell(state)[np.argmax(state.firms.capacity[smbs_that_sell(state)])])
    state.firms.price[cheap] = 0.5
    for t in range(4, 60, 4):
        REVIEWING.review(state, step(t))
    won = {(b, s) for b, s, w in zip(state.links.buyer, state.links.supplier, state.links.weight, strict=True) if w > 0} - before.keys()
    assert won
    assert {s for _, s in won} == {cheap}
    state.check()


def test_a_slot_with_more_suppliers_than_at_rest_gives_up_its_worst():
    """Half of its sales go to each of the other two in proportion: .5 .3 .2 without the first are .6 and .4."""
    state = three_suppliers()
    state.slots.normal_suppliers[:] = 2, 1
    state.firms.price[1] = 2.0
    REVIEWING.review(state, step(0))
    assert weights_of(state, 0) == pytest.approx({1: 0.0, 2: 0.6, 3: 0.4})
    REVIEWING.review(state, step(4))
    assert sorted(weights_of(state, 0).values()) == pytest.approx([0.0, 0.4, 0.6]), "two are enough"


def test_a_supplier_who_does_not_deliver_loses_customers():
    state, *_ = models.miniature(100, 2, model="money")
    bad = int(smbs_that_sell(state)[np.argmax(np.diff(state.supplier_start)[smbs_that_sell(state)])])
    sold = state.sum_by_supplier(state.links.weight)[bad]
    state.firms.fill_rate[bad] = 0.0
    for t in range(40):
        REVIEWING.close_links(state, step(t))
        REVIEWING.review(state, step(t))
    assert state.firms.reliability[bad] < 0.1
    others = np.delete(np.arange(state.firms.n), bad)
    assert state.firms.reliability[others] == pytest.approx(1.0)
    assert state.sum_by_supplier(state.links.weight)[bad] < 0.2 * sold, "but for customers who find nobody large enough"


def test_candidates_are_drawn_by_appeal_and_region():
    """ν (y/ν)^γ; a local draw stays in the region, or goes to who is everywhere by the region's share."""
    state, *_ = models.miniature(300, 2, model="money")
    firms = state.firms
    pools = Pools(state, 0.6, 0.475)
    assert pools.p_local == 0.0, "two regions of one size: half of all pairs are local anyway"
    pools = Pools(state, 0.6, 0.8)
    g = int(np.argmax(np.bincount(firms.sector[firms.kind == SMB])))
    draws, k = Draws(3), 20_000
    u = draws.uniform("a", 0, np.arange(k)), draws.uniform("b", 0, np.arange(k))
    region, group = np.zeros(k, dtype=np.int64), np.full(k, g)
    picked = pools.pick(region, group, *u)
    assert np.all(firms.sector[picked] == g)
    local = u[0] < pools.p_local
    assert set(firms.region[picked[local]].tolist()) <= {0, -1}
    appeal = np.where(firms.sector == g, firms.firm_count * (firms.capacity / firms.firm_count) ** 0.6, 0.0)
    expected = appeal / appeal.sum()
    found = np.bincount(picked[~local], minlength=firms.n) / np.sum(~local)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected.max() / np.sum(~local)))


def test_nobody_is_picked_where_the_sector_is_empty():
    state, *_ = models.miniature(60, 2, model="money")
    g = int(state.firms.sector[0])
    close(state, np.flatnonzero(state.firms.sector == g), 0)
    picked = Pools(state, 0.6, 0.475).pick(np.array([0, 1, -1]), np.full(3, g), np.full(3, 0.5), np.array([0.0, 0.5, 1.0 - 2**-53]))
    assert picked.tolist() == [-1, -1, -1]


# -- what must not matter ---------------------------------------------------------------------------------------------------------------


def test_without_hazards_and_exits_the_network_stays_bit_for_bit():
    """The limit: search and review at hazard 0 are the economy without sourcing, but for what the mechanism keeps for itself."""
    sections = {"finance": {"enabled": True}, "credit": {"enabled": True}, "production": {"breakdown_hazard": 0.02}}
    off = models.miniature(80, 2, **sections)
    still = models.miniature(80, 2, **sections, sourcing={"enabled": True, "review_hazard": 0.0})
    for state, plan, draws in (off, still):
        models.advance(state, plan, draws, 0, 20)
    one, other = models.columns(off[0]), models.columns(still[0])
    differ = [place for place in one if one[place].tobytes() != other[place].tobytes()]
    assert set(differ) <= {("firms", "reliability")}


BUSY = {
    "model": "money", "production": {"breakdown_hazard": 0.05}, "exits": {"retirement_hazard": 0.9},
    "sourcing": {"review_hazard": 0.9},
}  # fmt: skip


def test_books_close_while_firms_close_and_links_change():
    state, plan, draws = models.miniature(120, 2, **BUSY)
    books = Books(state)
    gaps = models.advance(state, plan, draws, 0, 20, books.gaps, check=True)
    assert (~state.firms.alive).sum() > 20
    assert max(max(gap.values()) for gap in gaps) < 1e-11


def test_threads_change_no_bit():
    found = []
    for threads in (1, 2):
        state, plan, draws = models.miniature(100, 2, threads=threads, **BUSY)
        models.advance(state, plan, draws, 0, 24)
        found.append(models.columns(state))
    assert all(found[0][place].tobytes() == found[1][place].tobytes() for place in found[0])


def test_relabelled_firms_choose_the_same():
    """Candidates are listed by uid and drawn by uid; sums in another order, so to rounding."""
    ends = []
    for order in (None, 5):
        state, _, draws = models.miniature(100, 2, **BUSY)
        if order is not None:
            state = state.relabelled(np.random.default_rng(order).permutation(state.firms.n))
        plan = models.simulate.plan(scenario.load({"population": {"smbs": 100, "regions": 2}, **BUSY}), state, draws)
        models.advance(state, plan, draws, 0, 24)
        uid, links = state.firms.uid, state.links
        ends.append((
            dict(zip(uid.tolist(), state.firms.alive.tolist(), strict=True)),
            {(int(uid[s]), int(uid[b])): w for s, b, w in zip(links.supplier, links.buyer, links.weight, strict=True)},
            dict(zip(uid.tolist(), state.firms.output.tolist(), strict=True)),
        ))  # fmt: skip
    assert ends[0][0] == ends[1][0]
    assert ends[1][1] == pytest.approx(ends[0][1], abs=1e-9)
    assert ends[1][2] == pytest.approx(ends[0][2], rel=1e-8, abs=1e-6)
