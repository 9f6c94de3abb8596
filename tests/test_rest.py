"""The resting state with money: every holder's income is its spending, the flows are those of the table, and what cannot close says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from economies import write_economy
from models import advance, miniature, united_states

from smbsim import economy, population, scenario, simulate
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.reconstruct import Reconstruct, draw_network
from smbsim.rest import ACCOUNTS, CAPEX_CEILING, INTEREST_CEILING, Rates, Rest, Structure, close
from smbsim.sample import draw_firms
from smbsim.schema import WEEKS_PER_YEAR, InputError
from smbsim.state import CLASSES, OWNER, WORKER

RATES = Rates(loan_rate=0.07, profit_tax=0.15, income_tax=0.25, transfers=None, benefit_share=0.5, unemployment=0.05)
EXACT = 1e-12
BILLION = 1e9
ECONOMIES = {
    "plain": {"sectors": 3},
    "no government": {"government": False},
    "two pass-through": {"sectors": 4, "passthrough": 2, "seed": 3},
    "autarky": {"imports": False, "negative_inventory": False, "undercounted": False, "seed": 5},
    "no optional tables": {"optional": (), "passthrough": 1, "seed": 2},
    "one sector": {"sectors": 1, "seed": 7, "negative_inventory": False, "undercounted": False},
}
OPEN = {**RATES.__dict__, "income_tax": None}  # the rate closes the budget


def structure(tables, smbs: int = 80, regions: int = 3, seed: int = 1) -> Structure:
    draws, weights = Draws(seed), np.arange(1.0, regions + 1) / np.arange(1.0, regions + 1).sum()
    firms = draw_firms(tables, smbs, weights, draws)
    return population.from_tables(tables, firms, draw_network(tables, firms, draws, Reconstruct()), draws, 0.5, 14.0)


def closed(s: Structure, rates: Rates = RATES) -> Rest:
    return close(s, rates, population._customers)


@pytest.fixture(scope="module")
def us() -> Structure:
    return structure(united_states())


@pytest.fixture(scope="module", params=ECONOMIES, ids=lambda name: name.replace(" ", "-"))
def synthetic(request, tmp_path_factory):
    return economy.load(write_economy(tmp_path_factory.mktemp("economy") / "folder", **ECONOMIES[request.param]))


def holders(state) -> dict[str, tuple[float, float]]:
    """Holder → (received, spent) in the last week."""
    names = {name for _, payer, payee in state.flows for name in (payer, payee)}
    return {
        name: (
            sum(v for (_, _, payee), v in state.flows.items() if payee == name),
            sum(v for (_, payer, _), v in state.flows.items() if payer == name),
        )
        for name in names
    }


# -- balances -----------------------------------------------------------------------------------------------------------------------------


def test_every_holder_spends_what_it_receives(synthetic):
    """Firms, households, bank, investment pool, government, the world, every pass-through account: inflow = outflow to 1e-12."""
    spec = scenario.load({"population": {"smbs": 60, "regions": 2}, "production": {"breakdown_hazard": 0.0}})
    state, plan, draws = simulate.prepare(spec, 1, synthetic)
    simulate.advance(state, plan, Step(0, draws), check=True)
    found = holders(state)
    assert {"firm", "household", "government", "foreign", "bank", "investment"} <= found.keys()
    assert {*synthetic.passthrough} <= found.keys()
    turnover = max(spent for _, spent in found.values())
    for name, (received, spent) in found.items():
        assert abs(received - spent) <= EXACT * turnover, name


def test_every_firm_spends_what_it_receives(synthetic):
    """Surplus = capex + interest + profit tax + dividends, each ≥ 0, wherever the surplus is not negative."""
    rest = closed(structure(synthetic, 60, 2))
    spent = rest.capex + rest.interest + rest.profit_tax + rest.dividends
    assert np.allclose(spent, np.maximum(rest.surplus, 0.0), rtol=0, atol=EXACT * rest.output.max())
    for part in (rest.capex, rest.interest, rest.debt, rest.profit_tax, rest.dividends):
        assert part.min() >= 0.0
    assert (rest.capex <= CAPEX_CEILING * np.maximum(rest.surplus, 0.0) + 1e-12).all()
    assert (rest.interest <= INTEREST_CEILING * (rest.surplus - rest.capex).clip(0) + 1e-12).all()
    assert np.allclose(rest.interest, RATES.loan_rate / WEEKS_PER_YEAR * rest.debt, rtol=1e-14, atol=0)


def test_investment_is_bought_once(synthetic):
    """Σ capex + I₀ = what the pool buys, domestic and imported."""
    rest = closed(structure(synthetic, 60, 2))
    bought = rest.basket[:, 1].sum() + rest.import_basket[:, 1].sum() + rest.account_basket[:, 1].sum()
    assert rest.capex.sum() + rest.residual_investment.sum() == pytest.approx(bought, rel=EXACT)
    assert rest.residual_investment.min() >= 0.0


def test_household_consumption_is_implied(synthetic):
    """Walras: income after tax, transfers, I₀ and lending abroad is the consumption of the table; nothing is left to choose."""
    rest = closed(structure(synthetic, 60, 2))
    table = rest.basket[:, 0].sum() + rest.import_basket[:, 0].sum() + rest.account_basket[:, 0].sum()
    assert rest.consumption.sum() == pytest.approx(table, rel=EXACT)
    cells = (
        (1 - rest.income_tax_rate) * rest.taxable_income + rest.transfers + rest.benefits - rest.residual_investment - rest.foreign_lending
    )
    assert np.allclose(cells, rest.consumption, rtol=EXACT)
    assert rest.consumption.min() >= 0.0


def test_rest_of_the_world_is_balanced_by_the_closing_transfer(synthetic):
    """V_K = imports - exports; a deficit is paid to the government, a surplus lent by households."""
    rest = closed(structure(synthetic, 60, 2))
    exports = rest.basket[:, 2].sum() + rest.account_basket[:, 2].sum()
    assert rest.closing_transfer == pytest.approx(rest.imports - exports, abs=EXACT * rest.output.sum())
    assert rest.foreign_lending.sum() == pytest.approx(max(-rest.closing_transfer, 0.0), abs=EXACT * rest.output.sum())


def test_wages_go_to_workers_and_capital_income_to_owners(us):
    rest = closed(us)
    assert np.all(rest.wage_income[OWNER::2] == 0.0)
    assert np.all(rest.government_wages[OWNER::2] == 0.0)
    capital = rest.taxable_income - rest.wage_income
    assert np.all(capital[WORKER::2] == 0.0)
    wages = us.wages.sum() + us.government_wages + us.passthrough_wages.sum()
    assert rest.wage_income.sum() == pytest.approx(wages, rel=EXACT)
    assert capital.sum() == pytest.approx((rest.dividends + rest.interest).sum() + us.passthrough_surplus.sum(), rel=EXACT)
    assert len(CLASSES) * len(us.regions) == rest.consumption.size


def test_benefit_replaces_its_share_of_lost_wages(us):
    """b w̄ U with U = u₀/(1 - u₀) of those employed."""
    rest = closed(us)
    assert np.allclose(rest.benefits, 0.5 * 0.05 / 0.95 * rest.wage_income, rtol=EXACT)


def test_customers_share_out_all_demand(us):
    """Σ_i B_ir + B_Lr = 1 for every region and sector that households buy from."""
    rest = closed(us)
    regional = rest.consumption.reshape(-1, 2).sum(axis=1)
    small = rest.region >= 0
    for r in range(len(us.regions)):
        share = np.where(rest.region == r, rest.customers[:, 0], rest.customers[:, 1]) * small
        total = np.bincount(rest.sector, share, len(us.sectors)) + rest.large_customers[r]
        assert np.allclose(total, 1.0, rtol=1e-12)
    assert rest.customers.min() >= 0.0
    assert rest.large_customers.min() >= 0.0
    assert regional.min() > 0.0


# -- the United States --------------------------------------------------------------------------------------------------------------------

US_FLOWS = {  # POPULATION.md 1.5: bn USD a year; (flow or "*", payer, payee)
    "s1 network inputs": ([("network inputs", "firm", "firm")], 14_161),
    "s2 counter inputs": ([("counter inputs", "firm", "firm")], 1_918),
    "s3 imported inputs": ([("imported inputs", "firm", "foreign")], 1_860),
    "s4 inputs from the state": ([("inputs from government", "firm", "government")], 441),
    "s4 inputs from housing": ([("inputs from HSG", "firm", "HSG")], 2),
    "s5 wages of firms": ([("wages", "firm", "household")], 11_156),
    "s5 wages of the state": ([("government wages", "government", "household")], 2_273),
    "s5 wages of housing": ([("HSG wages", "HSG", "household")], 26),
    "s6 product taxes of firms": ([("product taxes", "firm", "government")], 1_485),
    "s6 product taxes of housing": ([("HSG taxes", "HSG", "government")], 297),
    "s7 interest to the bank": ([("interest", "firm", "bank")], 688),
    "s7 interest to owners": ([("bank dividends", "bank", "household")], 688),
    "s8 profit tax": ([("profit tax", "firm", "government")], 596),
    "s9 capex": ([("capital replacement", "firm", "investment")], 3_351),
    "s10 dividends": ([("dividends", "firm", "household")], 3_378),
    "s11 housing surplus": ([("HSG surplus", "HSG", "household")], 2_091),
    "s12 residual investment": ([("residual investment", "household", "investment")], 1_476),
    "s13 investment goods": ([("*", "investment", "firm")], 4_292),
    "s13 investment from housing": ([("*", "investment", "HSG")], 20),
    "s13 investment imported": ([("*", "investment", "foreign")], 515),
    "s14 consumption from firms": ([("*", "household", "firm")], 13_292),
    "s14 consumption from housing": ([("*", "household", "HSG")], 2_666),
    "s14 consumption from the state": ([("purchases from government", "household", "government")], 654),
    "s14 consumption imported": ([("imports", "household", "foreign")], 956),
    "s15 purchases from firms": ([("*", "government", "firm")], 2_539),
    "s15 purchases from housing": ([("*", "government", "HSG")], 7),
    "s15 purchases imported": ([("*", "government", "foreign")], 243),
    "s16 housing inputs from firms": ([("*", "HSG", "firm")], 275),
    "s16 housing inputs from the state": ([("purchases from government", "HSG", "government")], 1),
    "s16 housing inputs imported": ([("*", "HSG", "foreign")], 4),
    "s17 exports of firms": ([("*", "foreign", "firm")], 2_560),
    "s17 exports of the state": ([("purchases from government", "foreign", "government")], 177),
    "s18 income tax": ([("income tax", "household", "government")], 4_903),
    "s19 transfers": ([("transfers", "government", "household"), ("benefits", "government", "household")], 4_335),
    "s19 of which benefit": ([("benefits", "government", "household")], 354),
    "s20 closing transfer": ([("closing transfer", "foreign", "government")], 842),
}


@pytest.fixture(scope="module")
def us_flows() -> dict:
    """(flow, payer, payee) → bn USD a year, of one week of the miniature at rest."""
    state, plan, draws = miniature(100)
    advance(state, plan, draws, 0, 1, check=True)
    return {line: amount * WEEKS_PER_YEAR / state.scale / BILLION for line, amount in state.flows.items()}


@pytest.mark.parametrize("name", US_FLOWS)
def test_us_flow_is_that_of_the_table(us_flows, name):
    """Whatever the sample: the flows of a miniature, scaled back, are the table's to a billion (its last digit)."""
    lines, expected = US_FLOWS[name]
    found = sum(v for (flow, payer, payee), v in us_flows.items() for f, a, b in lines if (payer, payee) == (a, b) and f in ("*", flow))
    assert found == pytest.approx(expected, abs=1.0)


def test_us_flows_are_all_in_the_table(us_flows):
    """No flow of a resting week is missing from s1 to s20, but for housing sold abroad, 0.02 bn."""
    counted = [line for lines, _ in US_FLOWS.values() for line in lines]
    missing = {
        (flow, payer, payee): v
        for (flow, payer, payee), v in us_flows.items()
        if v > 0.1 and not any((payer, payee) == (a, b) and f in ("*", flow) for f, a, b in counted)
    }
    assert missing == {}


def test_us_government_and_world_balance_at_the_known_sums(us_flows):
    """Revenue and expenditure 9,396.5 bn; imports 3,578.0 = exports 2,736.4 + V_K 841.6."""
    revenue = sum(v for (_, _, payee), v in us_flows.items() if payee == "government")
    spending = sum(v for (_, payer, _), v in us_flows.items() if payer == "government")
    imports = sum(v for (_, _, payee), v in us_flows.items() if payee == "foreign")
    assert revenue == pytest.approx(9_396.5, abs=0.1)
    assert spending == pytest.approx(revenue, rel=EXACT)
    assert imports == pytest.approx(3_578.0, abs=0.1)
    assert imports - us_flows["closing transfer", "foreign", "government"] == pytest.approx(2_736.4, abs=0.1)


def test_us_income_tax_would_be_4_7_percent_with_benefits_only(us):
    """POPULATION.md 1.5: with transfers = unemployment benefit, τ_y is a tax net of transfers."""
    rest = closed(us, Rates(**OPEN))
    assert rest.income_tax_rate == pytest.approx(0.047, abs=5e-4)
    assert np.allclose(rest.transfers, 0.0, atol=EXACT * rest.output.sum())


def test_income_tax_closes_for_given_transfers(us):
    """The rate found for transfers T gives, when it is given itself, transfers T."""
    wanted = 3e12 * us.scale  # currency a year
    rest = closed(us, Rates(**{**OPEN, "transfers": wanted}))
    assert rest.transfers.sum() * WEEKS_PER_YEAR == pytest.approx(wanted, rel=1e-10)
    back = closed(us, replace(RATES, income_tax=rest.income_tax_rate))
    assert back.transfers.sum() == pytest.approx(rest.transfers.sum(), rel=1e-9)
    assert back.consumption == pytest.approx(rest.consumption, rel=1e-9)


def test_loans_without_interest_keep_their_amount(us):
    """r = 0: no interest is paid, and the loans are those the ratio says."""
    rest = closed(us, replace(RATES, loan_rate=0.0))
    assert np.all(rest.interest == 0.0)
    assert rest.debt == pytest.approx(us.debt_share * us.output * WEEKS_PER_YEAR, rel=1e-14)


def test_closing_does_not_change_the_structure(us):
    before = {name: value.copy() for name, value in vars(us).items() if isinstance(value, np.ndarray)}
    closed(us)
    assert all(np.array_equal(value, before[name]) for name, value in vars(us).items() if name in before)


def test_rest_shows_its_structure(us):
    rest = closed(us)
    assert rest.output is us.output
    assert rest.accounts == (*ACCOUNTS, "HSG")
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = rest.no_such_thing


# -- what cannot close --------------------------------------------------------------------------------------------------------------------


def refused(s: Structure, rates: Rates) -> str:
    with pytest.raises(InputError) as error:
        closed(s, rates)
    return str(error.value)


def test_transfers_no_tax_can_pay_are_refused(us):
    base = closed(us).taxable_income.sum()
    # the rate that balances without transfers besides the benefit is 4.7 %; transfers of the whole base add 100 %
    text = refused(us, Rates(**{**OPEN, "transfers": base * WEEKS_PER_YEAR}))
    assert text == "government.income_tax: a rate of 1.05 would balance the budget, outside [0, 1); give a rate or other transfers"


def test_budget_that_needs_a_negative_tax_is_refused(us):
    """Where other revenue exceeds all spending, no rate in [0, 1) balances."""
    text = refused(replace(us, government_wages=0.0, taxes=3.0 * us.taxes), Rates(**OPEN))
    assert text.startswith("government.income_tax: a rate of -")
    assert text.endswith("would balance the budget, outside [0, 1); give a rate or other transfers")


def test_table_that_does_not_close_is_refused(us):
    """A millionth of consumption too much: household income and consumption differ."""
    basket = us.basket.copy()
    basket[:, 0] *= 1 + 1e-6
    text = refused(replace(us, basket=basket), RATES)
    assert text.startswith("economy: household income ")
    assert text.endswith(" per week differ: the table does not close")


def test_sector_that_makes_a_loss_is_named(us):
    """Wages above value added: at rest the firms would lose deposits for ever."""
    hit, wages, surplus = us.sector == us.sectors.index("44"), us.wages.copy(), us.surplus.copy()
    wages[hit] += 1.2 * surplus[hit]
    surplus[hit] *= -0.2
    text = refused(replace(us, wages=wages, surplus=surplus), RATES)
    assert text.startswith("economy: household income ")
    assert text.endswith(" per week differ: nobody pays for the negative surplus of 44")


def test_cell_that_would_consume_less_than_nothing_is_refused(us):
    """Without capex of firms owners must pay all investment, which an income tax of 90 % does not leave them; the poorest cell is named."""
    text = refused(replace(us, depreciation=0.0 * us.depreciation), replace(RATES, income_tax=0.9))
    assert text.startswith("economy: owners in region 3 would consume -")
    assert text.endswith(" per week at rest; lower government.income_tax or transfers")


def test_owners_pay_for_investment_and_workers_get_the_transfers(us):
    """Where they can: I₀ falls on owners in proportion to capital income, transfers to workers in proportion to wages."""
    rest = closed(us)
    assert np.all(rest.residual_investment[WORKER::2] == 0.0)
    assert np.all(rest.transfers[OWNER::2] == 0.0)
    capital = rest.taxable_income - rest.wage_income
    assert rest.residual_investment == pytest.approx(rest.residual_investment.sum() * capital / capital.sum(), rel=EXACT)
    assert rest.transfers == pytest.approx(rest.transfers.sum() * rest.wage_income / rest.wage_income.sum(), rel=EXACT)


def test_payments_that_owners_cannot_afford_are_spread_over_all(us):
    """Without capex and at a tax of 70 % owners could not pay I₀; all households do, in proportion to income."""
    rest = closed(replace(us, depreciation=0.0 * us.depreciation), replace(RATES, income_tax=0.7))
    assert rest.residual_investment / rest.taxable_income == pytest.approx(
        np.full(6, rest.residual_investment.sum() / rest.taxable_income.sum()), rel=EXACT
    )
    assert rest.consumption.min() >= 0.0
