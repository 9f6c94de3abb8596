"""Rest of the world: the constant transfer that closes its account, in both directions; demand from abroad that moves."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, columns, given, miniature

from smbsim import scenario, simulate
from smbsim.draws import Draws
from smbsim.economy import load
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.foreign import EXPORTS, Foreign
from smbsim.metrics.identities import Books
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))


def empty():
    state = given(from_edges([], [52 * 10.0], sector=[8]))[0]
    for column in (state.households.deposits, state.accounts.balance, state.accounts.closing_transfer, state.households.foreign_lending):
        column[:] = 0.0
    return state


def test_deficit_is_financed_by_lending_to_the_government():
    """Imports above exports by 3: the rest of the world gives the 3 back to the government."""
    state = empty()
    state.accounts.closing_transfer[state.account("foreign")] = 3.0
    Foreign().close(state, WEEK)
    assert dict(zip(state.account_names, state.accounts.balance.tolist(), strict=True)) == {
        "government": 3.0, "foreign": -3.0, "bank": 0.0, "investment": 0.0, "marketplace": 0.0, "data platform": 0.0,
    }  # fmt: skip
    assert not state.households.deposits.any()


def test_surplus_is_lent_abroad_by_owners():
    """Exports above imports by 5: owners lend the 5 abroad."""
    state = empty()
    state.households.foreign_lending[:] = (0.0, 5.0)
    Foreign().close(state, WEEK)
    assert state.households.deposits.tolist() == [0.0, -5.0]
    assert state.accounts.balance[state.account("foreign")] == 5.0
    assert state.flows["lending abroad", "household", "foreign"] == 5.0


def trade(state) -> tuple[float, float]:
    """(imports, exports) of a week: what is paid to the rest of the world and by it for goods."""
    bought = sum(amount for (flow, _, payee), amount in state.flows.items() if payee == "foreign" and "import" in flow)
    sold = sum(amount for (flow, payer, _), amount in state.flows.items() if payer == "foreign" and flow != "closing transfer")
    return bought, sold


def test_deficit_of_the_tables_closes():
    """The United States import more than they export: V_K is the difference, and the account stays as it was."""
    state, plan, draws = miniature(40)
    own, before = state.account("foreign"), state.accounts.balance.copy()
    simulate.advance(state, plan, Step(0, draws))
    imports, exports = trade(state)
    assert imports > exports
    assert np.isclose(state.accounts.closing_transfer[own], imports - exports, rtol=1e-12)
    assert not state.households.foreign_lending.any()
    assert np.isclose(state.accounts.balance[own], before[own], rtol=1e-13)


def test_surplus_of_the_tables_closes(tmp_path):
    """An economy that imports nothing: households lend abroad what exports bring."""
    from economies import write_economy

    folder = write_economy(tmp_path / "e", imports=False)
    spec = scenario.load({"economy": str(folder), "population": {"smbs": 30, "regions": 2}, "production": {"breakdown_hazard": 0.0}})
    state, plan, draws = simulate.prepare(spec, 1, load(folder))
    simulate.advance(state, plan, Step(0, draws))
    imports, exports = trade(state)
    assert imports == 0.0
    assert exports > 0.0
    assert not state.accounts.closing_transfer.any()
    assert np.isclose(state.households.foreign_lending.sum(), exports, rtol=1e-12)


# -- demand that moves --------------------------------------------------------------------------------------------------------------------


def test_demand_from_abroad_has_the_spread_and_the_persistence_of_its_law():
    """The logarithm has mean 0, standard deviation σ and keeps ρ of a deviation for a year; four centuries, forgotten within weeks."""
    noise, kept, n = 0.2, 0.01, 400 * 52  # kept^(1/52) = .915 a week
    state, foreign = empty(), Foreign(demand_noise=noise, demand_persistence=kept)
    own, path = state.account("foreign"), np.empty(n)
    for t in range(n):
        foreign.spend(state, Step(t, Draws(1)))
        path[t] = np.log(state.accounts.demand_level[own])
    independent = n * (1 - kept ** (1 / 52)) / (1 + kept ** (1 / 52))  # draws that say as much about the mean
    assert path.mean() == pytest.approx(0.0, abs=4 * noise / np.sqrt(independent))
    assert path.std() == pytest.approx(noise, rel=4 / np.sqrt(2 * independent))
    for lag in (1, 13):
        assert np.corrcoef(path[lag:], path[:-lag])[0, 1] == pytest.approx(kept ** (lag / 52), abs=4 / np.sqrt(independent))


def test_demand_from_abroad_moves_in_common_and_nothing_else_does():
    """What foreigners ask of every sector and of every account is the same factor of what they ask at rest."""
    state, _, _ = miniature(40)
    before = state.sectors.spending.copy()
    Foreign(demand_noise=0.1).spend(state, WEEK)
    level = state.accounts.demand_level[state.account("foreign")]
    assert level != 1.0
    assert np.array_equal(state.sectors.spending[:, EXPORTS], level * before[:, EXPORTS])
    others = [u for u in range(before.shape[1]) if u != EXPORTS]
    assert np.array_equal(state.sectors.spending[:, others], before[:, others])
    resting = state.accounts.resting_account_spending
    assert np.array_equal(state.accounts.account_spending[:, EXPORTS], level * resting[:, EXPORTS])


def test_without_noise_nothing_moves():
    """σ = 0, whatever the persistence: no bit differs from a world that never heard of it."""
    found = []
    for section in ({}, {"demand_noise": 0.0, "demand_persistence": 0.9}):
        state, plan, draws = miniature(40, foreign=section)
        advance(state, plan, draws, 0, 8)
        found.append(columns(state))
    assert all(found[0][place].tobytes() == found[1][place].tobytes() for place in found[0])
    own = state.account("foreign")
    assert state.accounts.demand_level[own] == 1.0


def test_books_close_while_demand_from_abroad_moves():
    state, plan, draws = miniature(40, model="money", foreign={"demand_noise": 0.4})
    exports, books, money = state.sectors.spending[:, EXPORTS].copy(), Books(state), state.money()
    gaps = advance(state, plan, draws, 0, 6, books.gaps, check=True) + advance(state, plan, draws, 6, 26, books.gaps)
    assert max(max(gap.values()) for gap in gaps) < 1e-11
    assert state.money() == pytest.approx(money, rel=1e-11)
    assert not np.allclose(state.sectors.spending[:, EXPORTS], exports, rtol=0.01)
