"""Government: its four taxes, wages, transfers and benefits; and what closes its budget at rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models import advance, given, miniature

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.government import Government
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))


def treasury():
    """Three firms, two regions; nobody holds anything and the state plans nothing."""
    network = from_edges([], [52 * 10.0] * 3, sector=[3, 8, 5])
    state = given(replace(network, region=np.array([0, 1, 0]), region_names=("a", "b")))[0]
    cells = state.households
    for column in (state.firms.cash, cells.deposits, state.accounts.balance, cells.transfers, cells.government_wages, cells.benefits,
                   cells.potential_wages, cells.invested, cells.foreign_lending, cells.income):  # fmt: skip
        column[:] = 0.0
    return state


def treasure(state) -> float:
    return float(state.accounts.balance[state.account("government")])


def test_product_taxes_follow_output_and_subsidies_are_paid_out():
    """¼, 0 and -½ per unit of outputs 8, 8 and 4: 2 from the first firm, 2 to the third."""
    state = treasury()
    state.firms.product_tax_coefficient[:], state.firms.output[:] = (0.25, 0.0, -0.5), (8.0, 8.0, 4.0)
    Government().tax_products(state, WEEK)
    assert state.firms.cash.tolist() == [-2.0, 0.0, 2.0]
    assert treasure(state) == 0.0


def test_profit_tax_takes_its_share_of_profits_and_nothing_of_losses():
    state = treasury()
    state.firms.profit[:] = (8.0, -8.0, 4.0)
    Government(profit_tax=0.25).tax_profits(state, WEEK)
    assert state.firms.profit_tax_paid.tolist() == [2.0, 0.0, 1.0]
    assert state.firms.cash.tolist() == [-2.0, 0.0, -1.0]
    assert treasure(state) == 3.0


@pytest.mark.parametrize(("wages", "benefit"), [(20.0, 0.0), (16.0, 2.0), (0.0, 10.0), (30.0, 0.0)])
def test_benefit_pays_half_of_the_wages_that_are_missing(wages, benefit):
    """Full employment pays 20: with 16 in wages half of the missing 4 is paid, and nothing above 20. Only to workers."""
    state = treasury()
    state.households.potential_wages[0::2] = 20.0
    state.households.income[:] = (wages, 3.0, 20.0, 3.0)
    Government(benefit_share=0.5).pay(state, WEEK)
    assert state.households.benefits.tolist() == [benefit, 0.0, 0.0, 0.0]
    assert state.households.deposits.tolist() == [benefit, 0.0, 0.0, 0.0]
    assert treasure(state) == -benefit


def test_public_wages_are_income_and_count_against_the_benefit():
    """Wages of 10 and public wages of 6 leave 4 of 20 missing; a transfer of 5 is no income."""
    state = treasury()
    state.households.potential_wages[0], state.households.income[0] = 20.0, 10.0
    state.households.government_wages[0], state.households.transfers[0] = 6.0, 5.0
    Government(benefit_share=0.5).pay(state, WEEK)
    assert state.households.income[0] == 16.0
    assert state.households.benefits[0] == 2.0
    assert treasure(state) == -13.0


def test_income_tax_leaves_disposable_income():
    """A quarter of 16 is tax. 16 - 4 + transfers 5 + benefit 2 - investment 3 - lending abroad 1 = 15."""
    state = treasury()
    cells = state.households
    state.accounts.tax_rate[state.account("government")] = 0.25
    cells.income[0], cells.transfers[0], cells.benefits[0], cells.invested[0], cells.foreign_lending[0] = 16.0, 5.0, 2.0, 3.0, 1.0
    Government().collect(state, WEEK)
    assert cells.deposits.tolist() == [-4.0, 0.0, 0.0, 0.0]
    assert treasure(state) == 4.0
    assert cells.disposable.tolist() == [15.0, 0.0, 0.0, 0.0]


def budget_gap(state, plan, draws) -> float:
    """Change of the state's deposits in a week at rest, relative to its spending."""
    before = treasure(state)
    advance(state, plan, draws, 0, 1)
    spent = sum(amount for (_, payer, _), amount in state.flows.items() if payer == "government")
    assert spent > 0.0
    return (treasure(state) - before) / spent


@pytest.mark.parametrize("rate", [0.1, 0.25, None])
def test_budget_is_balanced_at_rest(rate):
    """Transfers close it when the tax rate is given, the rate when transfers are."""
    state, plan, draws = miniature(40, government={"income_tax": rate})
    found = state.accounts.tax_rate[state.account("government")]
    assert found == rate if rate is not None else 0.0 < found < 0.1
    assert budget_gap(state, plan, draws) == pytest.approx(0.0, abs=1e-12)


def test_lower_income_tax_means_lower_transfers():
    """What closes the budget goes to workers in proportion to wages."""
    low, high = (miniature(40, government={"income_tax": rate})[0] for rate in (0.1, 0.25))
    cells = high.households
    assert low.households.transfers.sum() < cells.transfers.sum()
    assert np.all(cells.transfers[1::2] == 0.0)
    wages = cells.potential_wages[0::2]
    assert np.allclose(cells.transfers[0::2] / cells.transfers.sum(), wages / wages.sum(), rtol=1e-12)


def test_resting_benefit_is_that_of_the_resting_unemployment():
    """b u₀/(1 - u₀) of the wages: .5 × .2/.8 = ⅛."""
    state = miniature(40, government={"benefit_share": 0.5, "unemployment": 0.2})[0]
    wages = state.households.potential_wages[0::2] * 0.8
    assert np.allclose(state.households.benefits[0::2], wages / 8.0, rtol=1e-14)


def test_benefit_by_heads_pays_half_of_what_the_unemployed_would_earn():
    """20 for 10 workers at full employment: 4 of them out of work lose 8 and get 4, whatever wages are paid; at rest both bases agree."""
    state = treasury()
    state.households.potential_wages[0::2], state.households.income[:] = 20.0, 1.0
    state.regions.labour_force[:], state.regions.unemployed[:] = (10.0, 0.0), (4.0, -1.0)
    Government(benefit_share=0.5, benefit_basis="heads").pay(state, WEEK)
    assert state.households.benefits.tolist() == [4.0, 0.0, 0.0, 0.0]
    wages, heads = (miniature(40, government={"benefit_basis": basis}) for basis in ("wages", "heads"))
    for run in (wages, heads):
        advance(*run, 0, 1)
    assert np.allclose(wages[0].households.benefits, heads[0].households.benefits, rtol=1e-12)


def deferring(share, budget=1e9):
    """Three firms that owe 2, 0 and 4 in product taxes, of which a policy defers a share."""
    state = treasury()
    state.enact(["later"])
    state.policies.left[0] = budget
    state.firms.product_tax_coefficient[:], state.firms.output[:] = (0.25, 0.0, 0.5), 8.0
    state.firms.tax_deferral_share[:, 0] = share
    return state


def test_deferred_tax_is_paid_later_and_is_no_arrears():
    """Three quarters of 2 and 4 wait while the deferral lasts; then a half of what is left falls due every week."""
    state, government = deferring(0.75), Government(deferral_weeks=2.0)
    government.tax_products(state, WEEK)
    assert state.firms.cash.tolist() == [-0.5, 0.0, -1.0]
    assert state.firms.deferred_tax[:, 0].tolist() == [1.5, 0.0, 3.0]
    assert not state.firms.tax_arrears.any()
    assert (state.policies.spent[0], state.policies.committed[0]) == (4.5, 4.5)
    state.firms.tax_deferral_share[:], state.firms.output[:] = 0.0, 0.0
    for paid in ([0.75, 0.0, 1.5], [0.375, 0.0, 0.75]):
        before = state.firms.cash.copy()
        government.tax_products(state, WEEK)
        assert (before - state.firms.cash).tolist() == paid
    assert state.policies.returned[0] == 3.375
    for _ in range(20):
        government.tax_products(state, WEEK)
    assert not state.firms.deferred_tax.any(), "small change is due in full"
    assert treasure(state) == 6.0
    assert state.policies.returned[0] == 4.5


def test_deferral_stops_at_its_budget_and_leaves_subsidies_alone():
    """3 of the 6 asked for: half to each; a subsidy is paid out as ever."""
    state = deferring(1.0, budget=3.0)
    state.firms.product_tax_coefficient[1] = -0.25
    Government().tax_products(state, WEEK)
    assert state.firms.deferred_tax[:, 0] == pytest.approx([1.0, 0.0, 2.0], rel=1e-9)
    assert state.firms.cash == pytest.approx([-1.0, 2.0, -2.0], rel=1e-9)
    assert state.policies.committed[0] <= 3.0


def test_deferred_tax_of_a_closed_firm_is_due_at_once():
    state = deferring(1.0)
    Government().tax_products(state, WEEK)
    state.firms.alive[2], state.firms.spendable[2], state.firms.output[:] = False, 0.0, 0.0
    Government().tax_products(state, WEEK)
    assert state.firms.deferred_tax[:, 0].tolist() == [2.0, 0.0, 0.0]
    assert state.firms.tax_arrears.tolist() == [0.0, 0.0, 4.0]
    assert state.policies.returned[0] == 0.0
