"""Rest of the world: the constant transfer that closes its account, in both directions."""

from __future__ import annotations

import numpy as np
from models import given, miniature

from smbsim import scenario, simulate
from smbsim.draws import Draws
from smbsim.economy import load
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.foreign import Foreign
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
        "government": 3.0, "foreign": -3.0, "bank": 0.0, "investment": 0.0,
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
