"""Mergers: two firms become one, and nothing is lost or made: money, goods, heads, customers, claims along links."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, miniature

from smbsim.mechanisms.base import Step
from smbsim.mechanisms.mergers import MERGE, Mergers, unite_networks
from smbsim.metrics.identities import Books
from smbsim.state import MERGER, SMB

QUIET = {"strategy": {"search_base": 0.0}, "entry": {"enabled": False}, "exits": {"retirement_hazard": 0.0}}


@pytest.fixture
def running():
    """(state, plan, draws) of an economy with noise after some weeks."""
    state, plan, draws = miniature(120, 1, model="life", production={"breakdown_hazard": 0.02}, **QUIET)
    advance(state, plan, draws, 0, 9)
    return state, plan, draws


def bid(state, t: int, share: float = 0.2) -> None:
    """Rich firms want to merge."""
    firms = state.firms
    rows = np.flatnonzero((firms.kind == SMB) & firms.alive)[:: int(1 / share)]
    firms.strategy[rows], firms.tried_since[rows] = MERGE, t
    firms.cash[rows] += 1e8


def totals(state) -> dict[str, float]:
    """What must not change in a merger."""
    firms, slots, links, G = state.firms, state.slots, state.links, len(state.sector_codes)
    return {
        "heads": firms.employment.sum(), "goods": slots.input_stock.sum() + slots.pipeline.sum() + slots.import_pipeline.sum(),
        "finished": firms.inventory.sum(), "capital": firms.capital.sum(), "capacity": firms.capacity.sum(),
        "import_payable": firms.import_payable.sum(), "money": state.money(), "debt": firms.debt.sum(),
        "customers": np.bincount(firms.sector, firms.customer_base.sum(axis=1), G),
        "sale_share": np.bincount(firms.sector, firms.sale_share, G),
        "sold": np.bincount(firms.sector, firms.sold_to_firms, G), "to itself": np.count_nonzero(links.supplier == links.buyer),
    }  # fmt: skip


def test_nothing_is_lost_and_the_target_is_empty(running):
    state, _, draws = running
    bid(state, 9)
    before, firms = totals(state), state.firms
    pairs_payable = state.links.payable.sum()
    alive = firms.alive.copy()
    Mergers(enabled=True).merge(state, Step(9, draws))
    gone = np.flatnonzero(alive & ~firms.alive)
    assert len(gone) > 3
    assert np.all(firms.exit_cause[gone] == MERGER)
    assert np.all(firms.exit_week[gone] == 9)
    for name, value in totals(state).items():
        assert np.allclose(value, before[name], rtol=1e-12), name
    for name in ("cash", "debt", "capital", "capacity", "employment", "inventory", "expected_demand", "sale_share"):
        assert np.all(np.abs(getattr(firms, name)[gone]) < 1e-6), name
    left = np.concatenate([state.links_into(gone), state.links_out_of(gone)])
    assert np.all(state.links.weight[left] + state.links.backlog[left] + state.links.payable[left] == 0)
    assert 0 < state.links.payable.sum() <= pairs_payable  # what the two owed each other falls away


def test_weights_of_every_slot_sum_to_what_they_did(running):
    state, _, draws = running
    before = dict(zip(zip(state.slots.customer, state.slots.group, strict=True), state.sum_links(state.links.weight), strict=True))
    bid(state, 9)
    Mergers(enabled=True).merge(state, Step(9, draws))
    slots, weight = state.slots, state.sum_links(state.links.weight)
    for s in np.flatnonzero(state.firms.alive[slots.customer]):
        old = before[slots.customer[s], slots.group[s]]
        assert weight[s] == pytest.approx(old, abs=1e-12) or (weight[s] == 0 and slots.lost_share[s] == 1)


def test_a_pair_keeps_its_suppliers_in_proportion_to_need(running):
    state, _, _ = running
    firms, slots, links = state.firms, state.slots, state.links
    a, b = same_sector(state)
    flow = links.weight * (slots.coefficient * firms.expected_demand[slots.customer])[links.slot]
    mine = np.isin(links.buyer, (a, b)) & ~np.isin(links.supplier, (a, b))
    bought = np.bincount(links.supplier[mine], flow[mine], firms.n)
    unite_networks(state, np.array([a]), np.array([b]))
    links = state.links
    rows = state.links_into(np.array([a]))
    share = np.bincount(links.supplier[rows], links.weight[rows], firms.n)
    for group in np.unique(firms.sector[links.supplier[rows]]):
        sellers = np.unique(links.supplier[rows][firms.sector[links.supplier[rows]] == group])
        assert np.allclose(share[sellers] * bought[sellers].sum(), bought[sellers] * share[sellers].sum())


def test_what_the_pair_owed_each_other_is_no_longer_under_way(running):
    """The order of one with the other falls away, from what is owed to the slot as well; the backlog of firms is that of the links."""
    state, _, _ = running
    firms, slots, links = state.firms, state.slots, state.links
    pairs = zip(links.supplier.tolist(), links.buyer.tolist(), strict=True)
    inputs = [slots.group[state.slots_of(np.array([i]))].tolist() for i in range(firms.n)]
    e = next(e for e, (j, i) in enumerate(pairs) if i != j and inputs[i] == inputs[j] and firms.kind[i] == firms.kind[j] == SMB)
    seller, customer = int(links.supplier[e]), int(links.buyer[e])
    links.backlog[:] = np.random.default_rng(1).uniform(1.0, 2.0, links.n)
    firms.backlog_due[:] = state.sum_by_supplier(links.backlog)
    slots.supply_line[:] = slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1) + state.sum_links(links.backlog)
    owed = links.backlog.sum() - links.backlog[e]
    unite_networks(state, np.array([customer]), np.array([seller]))
    slots, links = state.slots, state.links
    assert links.backlog.sum() == pytest.approx(owed)
    line = slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1) + state.sum_links(links.backlog)
    assert slots.supply_line == pytest.approx(line, rel=1e-12, abs=1e-12)
    assert firms.backlog_due == pytest.approx(np.bincount(links.supplier, links.backlog, firms.n), rel=1e-12)


def same_sector(state) -> tuple[int, int]:
    firms = state.firms
    for g in range(len(state.sector_codes)):
        rows = np.flatnonzero((firms.kind == SMB) & firms.alive & (firms.sector == g))
        if len(rows) > 4:
            return int(rows[0]), int(rows[1])
    raise AssertionError("no sector with two firms")


def test_owners_are_paid_for_what_the_target_was_worth(running):
    state, _, draws = running
    bid(state, 9)
    worth, alive, deposits = state.firms.equity.copy(), state.firms.alive.copy(), state.households.deposits.copy()
    Mergers(enabled=True, price=1.5).merge(state, Step(9, draws))
    gone = alive & ~state.firms.alive
    assert np.all(worth[gone] > 0)
    assert (state.households.deposits - deposits).sum() == pytest.approx(1.5 * worth[gone].sum())
    assert np.all(state.households.deposits[0::2] == deposits[0::2])


def test_who_cannot_pay_does_not_buy(running):
    state, _, draws = running
    bid(state, 9)
    state.firms.cash[:] = np.minimum(state.firms.cash, 0.5 * state.firms.liquidity_target)
    alive = state.firms.alive.copy()
    Mergers(enabled=True).merge(state, Step(9, draws))
    assert np.array_equal(state.firms.alive, alive)


def test_books_close_in_the_weeks_after(running):
    state, plan, draws = running
    books = Books(state)
    for t in range(9, 40):
        advance(state, plan, draws, t, t + 1, check=t < 18)
        if t in (12, 13, 25):
            bid(state, t + 1)
            state.households.deposits[0] -= 1e8 * np.count_nonzero(state.firms.tried_since == t + 1)  # where the gift comes from
        gaps = books.gaps(state)
        assert max(gaps.values()) < 1e-9, (t, gaps)
    assert np.count_nonzero(state.firms.exit_cause == MERGER) > 3


def test_inputs_of_the_pair_come_as_late_as_from_their_suppliers(running):
    """The mean lead time is that of the suppliers together; a slot with imports on the way has a share of imports, so that they arrive."""
    state, _, _ = running
    slots = state.slots
    a, b = same_sector(state)
    mine, theirs = (state.slots_of(np.array([i])) for i in (a, b))
    slots.import_share[mine], slots.import_share[theirs] = 0.0, 0.25
    unite_networks(state, np.array([a]), np.array([b]))
    slots, links = state.slots, state.links
    for s in state.slots_of(np.array([a])):
        rows = slice(state.link_start[s], state.link_start[s + 1])
        assert slots.import_share[s] == 0.25
        if links.weight[rows].sum() > 0.0:
            at_home = links.weight[rows] @ links.lead_time[rows] / links.weight[rows].sum()
            assert slots.lead[s] == pytest.approx(0.75 * at_home + 0.25 * state.widths["import_lead"])
