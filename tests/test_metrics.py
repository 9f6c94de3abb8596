"""Metrics: known values on a state by hand, positions in the network, amplification of orders, and books that see what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from models import advance, given, miniature

from smbsim import scenario, simulate
from smbsim.adoption import FUNCTIONS
from smbsim.mechanisms.base import Step
from smbsim.metrics import METRICS
from smbsim.metrics.activity import value_added
from smbsim.metrics.adoption import AI, QUARTILES, SIZES
from smbsim.metrics.base import Metric
from smbsim.metrics.displacement import SEPARATIONS
from smbsim.metrics.equity import GROUPINGS
from smbsim.metrics.identities import Books
from smbsim.metrics.network import TIERS, bullwhip, by_tier, tiers, upstreamness
from smbsim.metrics.stakeholders import STAKEHOLDERS
from smbsim.network import chain
from smbsim.occupations import DOMAINS
from smbsim.scenario import MECHANISMS
from smbsim.state import EVERYWHERE, LARGE, SMB, STRUCTURE, TABLES, State

COLUMNS = [column for mechanism in MECHANISMS for column in mechanism.columns]


def network(n: int, links, sectors=None) -> State:
    """n firms in the first of two sectors; links (supplier, customer), one slot for each customer; every column at its default."""
    links = np.array(sorted(links, key=lambda pair: tuple(pair[::-1])), dtype=int).reshape(-1, 2)
    sector = np.zeros(n, dtype=int) if sectors is None else np.array(sectors)
    customers = np.unique(links[:, 1])
    return State(
        COLUMNS,
        sectors=("goods", "services"),
        regions=("north", "south"),
        accounts=("government", "foreign", "bank", "investment", "housing"),
        firms={"uid": np.arange(n), "sector": sector},
        slots=(customers, np.zeros(len(customers), dtype=int)),
        links=(links[:, 0], links[:, 1], np.zeros(len(links), dtype=int)),
        widths={"lead": 2, "import_lead": 4, "use": 5},
    )


@pytest.fixture
def state() -> State:
    """Four firms: an SMB that sells to the others, an idle one, a dead one, and a large firm of services that is everywhere."""
    state = network(4, [(0, 1), (0, 3)], sectors=[0, 0, 1, 1])
    firms, slots, links = state.firms, state.slots, state.links
    firms.kind[:] = SMB, SMB, SMB, LARGE
    firms.alive[:] = True, True, False, True
    firms.region[:] = 0, 1, 1, EVERYWHERE
    state.regions.population_share[:] = 0.25, 0.75
    firms.output[:] = 100.0, 5.0, 0.0, 40.0
    firms.normal_output[:] = 100.0, 60.0, 0.0, 40.0
    firms.employment[:] = 10.0, 1.0, 0.0, 4.0
    firms.wage_bill[:] = 50.0, 5.0, 0.0, 20.0
    firms.fill_rate[:] = 0.5, 1.0, 1.0, 0.25
    firms.counter_use[:] = 3.0, 0.0, 0.0, 1.0
    firms.spot_use[:] = 2.0, 0.0, 0.0, 0.5
    firms.sold_to_firms[:] = 30.0, 0.0, 0.0, 0.0
    firms.final_sales[:] = 50.0, 5.0, 0.0, 15.0
    firms.final_demand[:] = 60.0, 5.0, 0.0, 35.0
    firms.backlog_due[:] = 70.0, 0.0, 0.0, 0.0
    firms.inventory[:] = 7.0, 8.0, 0.0, 0.0
    firms.cash[:] = 12.0, -4.0, 0.0, 100.0
    firms.dividends[:] = 1.0, 0.0, 0.0, 2.5
    firms.mean_outflow[:] = 2.0, 0.0, 0.0, 50.0
    firms.overdue[:] = 0.0, 3.0, 4.0, 0.0
    firms.capital[:] = 30.0, 20.0, 0.0, 50.0
    firms.capex[:] = 3.0, 1.5, 0.0, 4.0
    firms.debt[:] = 10.0, 20.0, 10.0, 60.0
    firms.interest_rate[:] = 0.05, 0.10, 0.20, 0.05
    firms.requested[:], firms.new_loans[:] = (4.0, 6.0, 0.0, 0.0), (0.0, 5.0, 0.0, 0.0)
    firms.refused[:] = True, False, True, False
    firms.leverage[:] = 0.5, 10.0, 10.0, 1.0
    slots.input_use[:] = 2.0, 10.0
    slots.input_stock[:] = 20.0, 40.0
    slots.order[:] = 4.0, 11.0
    slots.imports[:] = 1.0, 2.0
    slots.emergency_import[:] = 0.5, 0.0
    links.payable[:], links.weight[:] = (9.0, 16.0), 1.0
    state.households.consumption[:] = 10.0, 20.0, 30.0, 40.0
    state.households.deposits[:] = 100.0, 200.0, 300.0, 400.0
    state.accounts.balance[:] = -55.0, 1.0, 2.0, 3.0, 4.0
    state.accounts.resting_value_added[4] = 60.0
    state.accounts.resting_budget[4], state.accounts.passthrough_budget[4] = 200.0, 150.0
    state.public_value_added = 25.0
    state.regions.labour_force[:], state.regions.unemployed[:] = (30.0, 20.0), (3.0, 4.0)
    firms.vacancies[:], firms.hires[:], firms.quits[:] = (2.0, 0.0, 0.0, 6.0), (0.5, 0.0, 0.0, 1.0), (0.25, 0.0, 0.0, 0.5)
    firms.layoffs[:], firms.releases[:], firms.wage_subsidy[:] = (0.0, 0.75, 0.0, 0.0), (0.0, 0.0, 3.0, 0.0), (0.0, 9.0, 0.0, 0.0)
    firms.wage[:], firms.productivity[:] = (5.0, 4.0, 1.0, 8.0), (1.0, 0.5, 2.0, 1.25)
    firms.price[:], firms.unit_cost[:] = (1.1, 0.9, 3.0, 1.25), (0.8, 0.9, 3.0, 1.0)
    firms.exit_cause[2], firms.weeks_in_arrears[:], firms.entered[:] = 2, (0, 2, 3, 1), (False, True, True, False)
    firms.loan_losses[:], firms.credit_losses[:] = (0.0, 0.0, 6.0, 0.0), (0.5, 0.0, 0.0, 1.5)
    firms.skill[:, :10], firms.skill[:, 10] = np.array([[0.5], [0.2], [0.9], [0.4]]), (0.1, 0.0, 0.9, 0.0)
    firms.skill[0, 2:5], firms.normal_skill[:] = 0.3, 0.35
    state.sectors.skill_need[0, 0], state.sectors.skill_need[1, 1] = 1.0, 0.5
    state.regions.pool_skill[:, :10] = np.array([[0.1], [0.4]])
    firms.efficiency[:], firms.skill_value[:] = (1.2, 0.8, 3.0, 1.0), (0.3, 0.1, 2.0, 0.0)
    firms.training_hours[:], firms.training_cost[:] = (40.0, 0.0, 40.0, 0.0), (2.0, 0.0, 1.0, 0.5)
    firms.training_payoff[:] = 0.1, 0.3, 5.0, 5.0
    firms.versatility[:], firms.borrowed[:] = (0.9, 0.5, 0.1, 0.8), (-1.5, 2.0, 0.0, -0.5)
    firms.tier[:, 5], firms.depth[:, 5], firms.tier[0, 2], firms.depth[0, 2] = (3, 0, 3, 3), (1.0, 0.0, 1.0, 1.0), 2, 0.5
    firms.starting_depth[0, 2], state.sectors.function_share[0] = 0.5, (0.0, 0.1, 0.2, 0.3, 0.0, 0.4, 0.0)
    firms.labour_intensity[:], firms.automation_layoffs[:] = (0.8, 1.0, 0.5, 1.1), (0.0, 0.0, 0.0, 3.0)
    firms.setup_cost[:], firms.tool_rent[:] = (2.0, 0.0, 0.0, 1.0), (0.25, 0.0, 0.0, 0.5)
    state.sectors.import_spending[:, 0], state.regions.budget[0] = (1.0, 2.0), (7.0, 2.0)
    firms.member[:, 0], firms.member[:, 1], firms.platform_sales[:] = (1, 0, 1, 0), (1, 1, 1, 0), (3.0, 0.0, 0.0, 0.0)
    firms.platform_fee[:], firms.household_demand[:], firms.demand_factor[:] = [[0.3, 0.1], [-0.2, 0], [0, 0], [0, 0]], 10.0, 1.0
    firms.usual_demand[:], firms.usual_final[:], firms.sharing[:] = (80.0, 25.0, 9.0, 60.0), (20.0, 5.0, 0.0, 60.0), (0.5, 0.0, 1.0, 0.0)
    firms.plan_variance[:], firms.demand_variance[:] = (0.3, 0.2, 9.0, 9.0), (0.1, 0.4, 1.0, 1.0)
    state.regions.buyers[:] = 0.2, 0.4
    firms.interest[:], firms.depreciation[:], firms.profit[:] = (1.0, 0.5, 0.0, 2.0), (3.0, 0.5, 0.0, 2.0), (20.0, -1.0, 0.0, 10.0)
    firms.product_tax_paid[:], firms.profit_tax_paid[:] = (4.0, 0.25, 0.0, 3.0), (2.0, 0.0, 0.0, 1.0)
    firms.tool_value[:], firms.training_spent[:], firms.value_before[:] = (100.0, 20.0, 9.0, 9.0), (400.0, 7.0, 7.0, 0.0), 0.1
    state.households.disposable[:], state.households.invested[:] = (300.0, 60.0, 100.0, 105.0), (0.0, 6.0, 0.0, 5.0)
    return state


def naive_gini(y, w) -> float:
    """Mean difference of all pairs by twice the mean."""
    y, w = np.asarray(y), np.asarray(w)
    return float((np.abs(y[:, None] - y) * w[:, None] * w).sum() / (2 * w.sum() * (w @ y)))


def naive_theil(y, w) -> float:
    mean = np.average(y, weights=w)
    return sum(wi / sum(w) * yi / mean * np.log(yi / mean) for yi, wi in zip(y, w, strict=True))


SOLD, ONE = (88.0, 4.5), (1.0, 1.0)
PEOPLE, INCOME, WEALTH = (30.0, 3.3, 20.0, 2.2), (10.0, 20.0, 5.0, 50.0), (100 / 30, 200 / 3.3, 15.0, 400 / 2.2)
PAY, STAFF = (5.0, 4.0, 8.0), (10.0, 1.0, 4.0)


KNOWN = {
    "output": 145.0,
    "smb_output": 105.0,  # the large firm is left out
    "real_value_added": 145.0 - 12.0 - 4.0 - 2.5,
    "gdp": 126.5 + 0.75 * 60.0 + 25.0,  # the account spends three quarters of what it does at rest
    "employment": 15.0,
    "smb_employment": 11.0,
    "wages": 75.0,
    "consumption": 100.0,
    "unmet_demand": 1.0 - 100.0 / (100.0 + 70.0 + 30.0),  # delivered 30 + 70; asked that, the backlog 70 and lost final demand 10 + 20
    "fill_rate": (0.5 * 100 + 1.0 * 60 + 0.25 * 40) / 200,
    "stopped_smbs": 0.5,  # the second of two living SMBs makes 5 of 60
    "finished_goods": 15.0,
    "input_stocks": 60.0,
    "orders": 15.0,
    "imported_inputs": 3.5,
    "sector_output": [105.0, 40.0],
    "sector_employment": [11.0, 4.0],
    "sector_fill_rate": [(50.0 + 60.0) / 160.0, 0.25],
    "region_employment": [10.0 + 0.25 * 4.0, 1.0 + 0.75 * 4.0],
    "sector_deposits": [8.0, 100.0],
    "smb_deposits": 8.0,
    "household_deposits": 1000.0,
    "government_deposits": -55.0,
    "overdrawn_smbs": 0.5,
    "dividends": 3.5,
    "trade_credit": 25.0,
    "unemployment": 7.0 / 50.0,
    "region_unemployment": [0.1, 0.2],
    "vacancies": 8.0,
    "hires": 1.5,
    "quits": 0.75,
    "layoffs": 0.75,
    "releases": 3.0,
    "mean_wage": (10 * 5.0 + 1 * 4.0 + 4 * 8.0) / 15.0,  # the dead firm has no staff
    "productivity": (10 * 1.0 + 1 * 0.5 + 4 * 1.25) / 15.0,
    "wage_subsidies": 9.0,
    "cash_days": 7.0 * 12.0 / 2.0,  # the second SMB spends nothing
    "cash_days_p25": 7.0 * 12.0 / 2.0,
    "cash_days_p75": 7.0 * 12.0 / 2.0,
    "surviving_smbs": 2.0 / 3.0,
    "smbs_alive": 2.0,
    "exits": 1.0,
    "illiquid_exits": 0.0,
    "insolvent_exits": 1.0,
    "voluntary_exits": 0.0,
    "retirements": 0.0,
    "mergers": 0.0,
    "smbs_in_arrears": 1.0,  # neither the dead one nor the large one
    "loans_written_off": 6.0,
    "trade_credit_written_off": 2.0,
    "entries": 1.0,  # another one closed in the week in which it came
    "entrant_jobs": 1.0,
    "overdue": 7.0,
    "capital": 100.0,
    "firm_investment": 8.5,
    "loans": 100.0,
    "loans_asked": 10.0,
    "new_loans": 5.0,
    "loan_applications": 2.0,
    "loans_in_full": 0.0,  # one was refused, the other got 5 of 6
    "refused_smbs": 0.5,
    "interest_rate": (0.5 + 2.0 + 2.0 + 3.0) / 100.0,
    "smb_leverage": 5.25,
    "bank_own_funds": 2.0 / 100.0,
    "price_level": (110.0 + 4.5 + 50.0) / 145.0,
    "sector_price": [114.5 / 105.0, 1.25],
    "smb_markup": 114.5 / (80.0 + 4.5) - 1.0,
    "sector_concentration": [(100.0**2 + 5.0**2) / 105.0**2, 0.0],
    "import_share": 3.0 / 12.0,
    "skill_level": (10 * (7 * 0.5 + 3 * 0.3) / 10 + 1 * 0.2 + 4 * 0.4) / 15.0,
    "sector_skill_level": [(10 * (7 * 0.5 + 3 * 0.3) / 10 + 1 * 0.2) / 11.0, 0.4],
    "domain_skill_level": [
        *((10 * (0.3 if domain in ("CX", "AD", "CO") else 0.5) + 1 * 0.2 + 4 * 0.4) / 15.0 for domain in DOMAINS),
        10 * 0.1 / 15.0,
    ],
    "digital_skill_level": (10 * 0.5 + 1 * 0.2 + 4 * 0.4) / 15.0,
    "new_skill_level": 10 * 0.1 / 15.0,
    "pool_skill_level": (3 * 0.1 + 4 * 0.4) / 7.0,
    "skill_gap": 1 * 0.15 / 15.0,  # the second firm is the only one below, in the domain that counts
    "skill_efficiency": (10 * 1.2 + 1 * 0.8 + 4 * 1.0) / 15.0,
    "training_smbs": 0.5,
    "training_spending": 3.5,
    "training_return": np.exp(0.3 - 0.1) - 1.0,
    "training_belief": 0.2,
    "versatility": (10 * 0.9 + 1 * 0.5 + 4 * 0.8) / 15.0,
    "staff_on_loan": 2.0,
    "ai_use": 0.5,
    "tool_use": [0, 0, 0.5, 0, 0, 0.5, 0],
    "function_ai_use": [0, 0, 0, 0, 0, 0.5, 0],
    "sector_ai_use": [0.5, 0.0],
    "size_ai_use": [0.0, 1.0, 0.0],
    "quartile_ai_use": [0.0, 0.0, 0.0, 0.0],  # two firms have no quarters
    "tool_depth": 10 * (0.5 * 0.2 + 1.0 * 0.4) / 11.0,
    "digital_divide": 0.0,  # two firms have no quarters
    "displacement": 1e3 * 52 * 3.0 / 15.0,
    "labour_saved": 10 * 0.2 / 11.0,
    "adopter_productivity": (1.0 * 1.2 / 0.8) / (0.5 * 0.8),
    "tool_spending": 3.75,
    "training_roi": 52 * 50.0 * np.expm1(0.3 - 0.1) / 400.0,
    "tool_roi": 52 * (50.0 * 0.25 - 0.25) / 120.0,
    "displacement_by_cause": [0.0, 1e3 * 52 * 0.75 / 15.0, 1e3 * 52 * 3.0 / 15.0],
    "reemployment": (3 * (1 - 0.75**26) + 4 * (1 - 0.8125**26)) / 7,  # .75 of three, .75 of four are hired in a week
    "earnings_loss": 1 - (1 - (3 * (1 - 0.75**52) / 0.25 + 4 * (1 - 0.8125**52) / 0.1875) / 7 / 52) * 7.0 / 1.6,
    "stakeholder_shares": np.array([55.0, 1.5, -2.75, 20.5, 0.5]) / 74.75,  # what is cheap at one of the two is dear at the other
    "labour_share": 75.0 / (75.0 + 29.0 + 5.5 + 3.5 + 2.0 - 9.0),
    "smb_labour_share": 55.0 / (55.0 + 19.0 + 3.5 + 1.5 + 0.5 - 9.0),
    "sales_gini": naive_gini(SOLD, ONE),
    "sales_top_share": 0.2 * 88.0 / 92.5,  # a fifth of the larger of the two
    "sales_theil": naive_theil(SOLD, ONE),
    "sales_theil_between": [naive_theil(SOLD, ONE), 0.0, naive_theil(SOLD, ONE), naive_theil(SOLD, ONE)],  # both are of one sector
    "income_gini": naive_gini(INCOME, PEOPLE),
    "income_theil": naive_theil(INCOME, PEOPLE),
    "income_theil_classes": naive_theil((400 / 50, 176 / 5.5), (50.0, 5.5)),
    "income_theil_regions": naive_theil((366 / 33.3, 210 / 22.2), (33.3, 22.2)),
    "income_atkinson": 1 - np.average(np.sqrt(INCOME), weights=PEOPLE) ** 2 / np.average(INCOME, weights=PEOPLE),
    "income_palma": (110.0 + 20.0 * 3.3 + 10.0 * 0.05) / (100.0 + 10.0 * 2.2),  # tenths of 55.5: 5.55 and 22.2 people
    "wealth_gini": naive_gini(WEALTH, PEOPLE),
    "wealth_top_share": (400.0 + 200.0 + 15.0 * 0.05) / 1000.0,
    "wage_gini": naive_gini(PAY, STAFF),
    "wage_spread": np.sqrt(np.cov(np.log(PAY), aweights=STAFF, ddof=0)),
    "wage_theil": naive_theil(PAY, STAFF),
    "wage_theil_sectors": naive_theil((54 / 11, 8.0), (11.0, 4.0)),
    "marketplace_sellers": 0.5,
    "marketplace_buyers": 0.35,
    "data_members": 1.0,
    "platform_sales_share": 0.15,
    "platform_fees": 52 * 0.2,
    "shared_information": 0.5 * 60.0 / 80.0,
    "bullwhip_with_sharing": 3.0,
    "bullwhip_without_sharing": 0.5,
    "output_variance": (11.0 / 24.0) ** 2,  # 1 and 5 / 60
    "output_moran": -1.0,  # two that trade and fare differently
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_has_its_known_value(state, name):
    assert METRICS[name](state) == pytest.approx(KNOWN[name], rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_metric_is_declared(metric):
    """Name, unit, label and definition; a vector has as many entries as its axis."""
    assert isinstance(metric, Metric)
    assert METRICS[metric.name] is metric
    assert metric.unit
    assert metric.label
    assert metric.doc.strip().endswith(".")
    state, _, _ = miniature(30)
    shapes = {
        None: (), "sector": (state.sectors.n,), "region": (state.regions.n,), "function": (len(FUNCTIONS),), "size": (len(SIZES),),
        "grouping": (len(GROUPINGS),), "stakeholder": (len(STAKEHOLDERS),), "separation": (len(SEPARATIONS),),
        "quartile": (len(QUARTILES),), "domain": (len(DOMAINS) + 1,),
    }  # fmt: skip
    shape = shapes[metric.axis]
    assert np.shape(metric(state)) == shape
    assert np.all(np.isfinite(metric(state)))


@pytest.mark.parametrize("name", METRICS)
def test_metric_does_not_change_the_state(state, name):
    before = {(t, c): getattr(getattr(state, t), c).tobytes() for t in TABLES.values() for c in getattr(state, t).columns}
    METRICS[name](state)
    assert all(getattr(getattr(state, t), c).tobytes() == values for (t, c), values in before.items())


@pytest.mark.parametrize("name", METRICS)
def test_metric_of_an_economy_without_smbs_or_links_is_a_number(name):
    """One large firm, nothing made: no division by zero."""
    state = network(1, [])
    state.firms.kind[:], state.firms.region[:], state.public_value_added = LARGE, EVERYWHERE, 0.0
    assert np.all(np.isfinite(METRICS[name](state)))


@pytest.mark.parametrize(
    ("cause", "name"),
    [(1, "illiquid_exits"), (2, "insolvent_exits"), (3, "voluntary_exits"), (4, "retirements"), (5, "mergers")],
)
def test_exits_are_counted_by_cause_in_their_week(state, cause, name):
    """Each cause has its metric; the week after nobody counts."""
    state.firms.exit_cause[2] = cause
    assert METRICS[name](state) == METRICS["exits"](state) == 1
    state.firms.weeks_since_exit[2] = 1
    assert METRICS[name](state) == METRICS["exits"](state) == 0


def test_gdp_at_rest_is_value_added_of_firms_accounts_and_state():
    """GDP by production: output less inputs of firms; wages, taxes and surplus of the accounts; and the state's value added."""
    state, _, _ = miniature(60)
    accounts = state.accounts.resting_value_added.sum()
    assert METRICS["gdp"](state) == pytest.approx(value_added(state).sum() + accounts + state.public_value_added, rel=1e-14)


def test_deposits_of_zero_are_no_overdraft(state):
    state.firms.cash[:] = 0.0
    assert METRICS["overdrawn_smbs"](state) == 0.0


def test_metrics_by_sector_and_region_add_up():
    state, plan, draws = miniature(60)
    state.firms.demand_factor[:] = 0.6
    advance(state, plan, draws, 0, 5)
    for part, whole in (("sector_output", "output"), ("sector_employment", "employment"), ("region_employment", "employment")):
        assert METRICS[part](state).sum() == pytest.approx(METRICS[whole](state), rel=1e-13)


# -- positions in the network -------------------------------------------------------------------------------------------------------------


def along_links(state: State, amount: float = 60.0) -> None:
    """Every firm makes 100; each slot orders `amount`, split equally over its links."""
    state.firms.output[:] = 100.0
    state.slots.order[:] = amount
    per_slot = np.bincount(state.links.slot, minlength=state.slots.n)
    state.links.weight[:] = 1.0 / per_slot[state.links.slot]


def dense(state: State) -> np.ndarray:
    """U = (I - B)^{-1} 1 with B_ji the share of j's output sold to i."""
    n, links = state.firms.n, state.links
    flow = np.zeros((n, n))
    np.add.at(flow, (links.supplier, links.buyer), state.slots.order[links.slot] * links.weight)
    return np.linalg.solve(np.eye(n) - flow / state.firms.output[:, None], np.ones(n))


def test_quarters_by_staff_add_up_and_the_divide_is_between_the_first_and_the_last():
    """Ten firms with staff 1 to 10, of which 1, 4, 5, 6, 8, 9 and 10 use it: the third quarter is 5 to 8."""
    state = network(10, [(1, 0)])
    firms = state.firms
    firms.kind[:], firms.alive[:] = SMB, True
    firms.employment[:] = np.arange(10.0, 0.0, -1.0)
    firms.tier[[0, 1, 2, 4, 5, 6, 9], 2] = AI
    use = METRICS["quartile_ai_use"](state)
    assert use.tolist() == [0.5, 0.5, 0.75, 1.0]
    assert METRICS["digital_divide"](state) == 1.0 - use[0] / use[-1]


def test_upstreamness_counts_the_steps_of_a_chain():
    """A chain in which everything is sold on: 1, 2, 3 … steps to final use."""
    state = network(5, [(4, 3), (3, 2), (2, 1), (1, 0)])
    along_links(state, 100.0)
    assert upstreamness(state).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_upstreamness_of_a_given_chain():
    """The chain of `network.chain` sells everything on, too: its last firm sells for final use."""
    state, _, _ = given(chain(4))
    steps = upstreamness(state)
    assert sorted(steps.round(9).tolist()) == pytest.approx(sorted(dense(state)), rel=1e-9)
    assert steps.min() == pytest.approx(1.0)


def test_upstreamness_of_half_sold_on_is_halfway():
    """U = 1 + ½ U': 1, 1.5, 1.75."""
    state = network(3, [(2, 1), (1, 0)])
    along_links(state, 50.0)
    assert upstreamness(state).tolist() == [1.0, 1.5, 1.75]


@settings(max_examples=30, deadline=None)
@drawn(st.integers(0, 10**6))
def test_upstreamness_agrees_with_a_dense_solution(seed):
    """On random networks with loops, sold on at most 0.9 of output."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 15))
    state = network(n, np.argwhere(rng.random((n, n)) < 0.3))
    along_links(state)
    sold = np.zeros(n)
    np.add.at(sold, state.links.supplier, (state.slots.order[state.links.slot] * state.links.weight))
    state.firms.output[:] = np.maximum(sold / 0.9, 1.0) * (1.0 + rng.random(n))
    assert np.allclose(upstreamness(state), dense(state), rtol=1e-8, atol=0)


def test_upstreamness_of_the_miniature_agrees_with_a_dense_solution():
    state, _, _ = miniature(100)
    assert np.allclose(upstreamness(state), dense(state), rtol=1e-9, atol=0)


@pytest.mark.parametrize("sold_on", [0.5, 0.9, 0.99])
def test_upstreamness_of_a_ring_is_the_geometric_series(sold_on):
    """U = 1/(1 - b) where every firm sells the share b to the next, also where hardly anything leaves the ring."""
    state = network(3, [(0, 1), (1, 2), (2, 0)])
    along_links(state, 100.0 * sold_on)
    assert upstreamness(state) == pytest.approx(np.full(3, 1.0 / (1.0 - sold_on)), rel=1e-8)


def test_upstreamness_never_divides_by_an_output_of_zero():
    state = network(2, [(1, 0)])
    assert upstreamness(state).tolist() == [1.0, 1.0]


def test_tiers_are_quartiles_of_upstreamness():
    state = network(8, [(i + 1, i) for i in range(7)])
    along_links(state, 100.0)
    assert tiers(state).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(TIERS) == 4


def test_firms_at_equal_steps_are_in_the_same_tier():
    """Where nobody sells on, everybody is at final use; nine of ten at the first step leave the upper tiers empty."""
    assert tiers(network(8, [])).tolist() == [0] * 8
    state = network(10, [(9, 0)])
    along_links(state, 100.0)
    assert tiers(state).tolist() == [0] * 9 + [3]


# -- bullwhip -----------------------------------------------------------------------------------------------------------------------------

WAVE = np.sin(2 * np.pi * np.arange(52) / 13)[:, None]  # (T, 1): four whole waves, mean 0
TIER_LEVELS = np.array([100.0, 7.0, 0.5, 3000.0])


def test_bullwhip_against_a_baseline_is_the_ratio_of_the_responses():
    """Orders answer with waves of 20 %, demand with 10 % of the same week's baseline: (0.2/0.1)² = 4, whatever levels and trends."""
    rng = np.random.default_rng(1)
    base_orders, base_demand = TIER_LEVELS * rng.uniform(0.5, 2.0, (52, 4)), TIER_LEVELS[::-1] * rng.uniform(0.5, 2.0, (52, 4))
    ratio = bullwhip(base_orders * (1 + 0.2 * WAVE), base_demand * (1 + 0.1 * WAVE), base_orders, base_demand)
    assert ratio == pytest.approx(np.full(4, 4.0), rel=1e-12)


def test_bullwhip_of_a_permanent_step_counts_the_change_and_not_the_level():
    """Half the weeks at 80 % of the baseline in demand, at 60 % in orders: 4; a step in all weeks does not vary."""
    half = np.where(np.arange(10) < 5, 1.0, 0.0)[:, None] * np.ones(4)
    base = np.full((10, 4), 50.0)
    assert bullwhip(base * (1 - 0.4 * half), base * (1 - 0.2 * half), base, base) == pytest.approx(np.full(4, 4.0), rel=1e-12)
    assert np.isnan(bullwhip(0.6 * base, 0.8 * base, base, base)).all()


def test_bullwhip_without_a_baseline_is_about_a_linear_trend():
    """Waves in proportion to a rising line that the fit does not bend: the ratio of their squares."""
    rng = np.random.default_rng(2)
    orders, demand = np.exp(rng.normal(0, 0.1, (2, 300, 4)))

    def about_line(series):
        t = np.arange(len(series))
        return np.var(series / np.polyval(np.polyfit(t, series, 1), t))

    expected = [about_line(orders[:, k]) / about_line(demand[:, k]) for k in range(4)]
    assert bullwhip(orders, demand) == pytest.approx(expected, rel=1e-9)


def test_bullwhip_ignores_a_straight_line():
    """Orders and demand that rise in a line have no bullwhip."""
    line = 10.0 + 3.0 * np.arange(40.0)[:, None] * np.ones(4)
    assert np.isnan(bullwhip(2.0 * line, line)).all()
    assert bullwhip(line, line * (1 + 0.1 * np.sin(np.arange(40.0))[:, None])) == pytest.approx(np.zeros(4), abs=1e-20)


@pytest.mark.parametrize("weeks", [1, 2, 104, 5200])
@pytest.mark.parametrize("level", [1e-3, 0.1, 1.0 / 3.0, 12345.678, 1e9])
def test_bullwhip_to_a_demand_that_does_not_move_is_unknown(level, weeks):
    """Rounding is not taken for a variation, however long the run and whatever the level."""
    wave = level * (1.0 + 0.1 * np.sin(np.arange(weeks)))[:, None] * np.ones(4)
    still = np.full((weeks, 4), level)
    assert np.isnan(bullwhip(wave, still)).all()
    assert np.isnan(bullwhip(wave, still, still, still)).all()


def test_tier_without_firms_has_no_bullwhip():
    """Its orders and its demand are zero in every week; no division by zero."""
    orders = np.hstack([np.zeros((52, 1)), 10 * (1 + 0.2 * WAVE)])
    demand = np.hstack([np.zeros((52, 1)), 10 * (1 + 0.1 * WAVE)])
    for base in ((), (np.array([0.0, 10.0]) * np.ones((52, 1)),) * 2):
        ratio = bullwhip(orders, demand, *base)
        assert np.isnan(ratio[0])
        assert ratio[1] == pytest.approx(4.0, rel=0.1)


def test_tiers_are_summed_over_the_firms_of_the_start():
    """A firm that entered later has no tier and is left out."""
    tier = np.array([0, 3, 3, 0, 2], dtype=np.int8)
    assert by_tier(np.array([1.0, 2.0, 4.0, 8.0, 16.0, 1000.0]), tier).tolist() == [9.0, 0.0, 16.0, 6.0]


# -- identities ---------------------------------------------------------------------------------------------------------------------------


def lose_money(state):
    state.firms.cash[3] -= 1e-6 * np.abs(state.firms.cash).sum()


def make_money(state):
    state.households.deposits[0] += 1e-6 * state.households.deposits.sum()


def lose_finished_goods(state):
    row = int(np.argmax(state.firms.inventory))
    state.firms.inventory[row] *= 1 - 1e-3


def lose_inputs(state):
    state.slots.input_stock[0] += 1e-3 * state.slots.input_stock.max()


def lose_goods_in_transit(state):
    state.slots.pipeline[int(np.argmax(state.slots.pipeline[:, 0])), 0] *= 1 - 1e-3


def forget_backlog(state):
    row = int(np.argmax(state.firms.backlog_due))
    assert state.firms.backlog_due[row] > 0
    state.firms.backlog_due[row] *= 1 - 1e-3


def watched(leak=None, weeks: int = 6, **production):
    """Largest gaps over some weeks after a cut in capacity, with a leak planted after the fourth, just before the books are read."""
    state, plan, draws = miniature(60, production={"breakdown_hazard": 0.0, **production})
    state.firms.capacity_factor[::3] = 0.4
    books, worst = Books(state), {"money_gap": 0.0, "goods_gap": 0.0}
    plan = plan[1:]  # without interventions, which would reset the factor
    for t in range(weeks):
        advance(state, plan, draws, t, t + 1)
        if leak is not None and t == 3:
            leak(state)
        gaps = books.gaps(state)
        worst = {name: max(worst[name], gaps[name]) for name in worst}
    return worst


@pytest.mark.parametrize("production", [{}, {"spoil_share": 0.03, "scrap_share": 0.02}, {"emergency_share": 0.0}], ids=str)
def test_books_close_while_goods_are_short(production):
    worst = watched(**production)
    assert worst["money_gap"] < 1e-13
    assert worst["goods_gap"] < 1e-11


@pytest.mark.parametrize("leak", [lose_money, make_money])
def test_books_see_a_leak_of_money(leak):
    worst = watched(leak)
    assert worst["money_gap"] > 1e-8
    assert worst["goods_gap"] < 1e-11


@pytest.mark.parametrize("leak", [lose_finished_goods, lose_inputs, lose_goods_in_transit, forget_backlog])
def test_books_see_a_leak_of_goods(leak):
    worst = watched(leak, weeks=4)
    assert worst["goods_gap"] > 1e-8
    assert worst["money_gap"] < 1e-13


def test_money_gap_stays_and_goods_gap_passes():
    """Money that is gone is missing ever after; a gap of goods is that of one week."""
    state, plan, draws = miniature(60)
    books = Books(state)
    advance(state, plan, draws, 0, 1)
    lose_money(state)
    lose_inputs(state)
    first = books.gaps(state)
    advance(state, plan, draws, 1, 2)
    second = books.gaps(state)
    assert second["money_gap"] == pytest.approx(first["money_gap"], rel=1e-6)
    assert second["goods_gap"] < 1e-11 < first["goods_gap"]


def test_books_of_an_empty_economy_have_no_gap():
    state = network(1, [])
    assert Books(state).gaps(state) == {"money_gap": 0.0, "goods_gap": 0.0, "heads_gap": 0.0}


def test_structure_is_owned_by_the_state():
    """The hand-made state above allocates what the mechanisms declare, and nothing else besides the structure."""
    state = network(1, [])
    there = {name for table in TABLES.values() for name in getattr(state, table).columns}
    assert there == {column.name for column in (*STRUCTURE, *COLUMNS)}


@pytest.mark.parametrize("model", ["closed", "life"])
def test_metrics_of_mechanisms_that_are_off_stand_still(model):
    """So that a run looks at them once. Of those that are on none is left out."""
    spec = scenario.load({"model": model, "population": {"smbs": 60}, "shocks": [{"kind": "demand", "start": 1, "stop": 9, "size": 0.6}]})
    state, plan, draws = simulate.prepare(spec)
    off = [m for m in METRICS.values() if m.mechanism]
    assert {m.mechanism for m in off} == {"skills", "automation", "platforms"}
    assert not any(getattr(spec, m.mechanism).enabled for m in off)
    first = {m.name: m(state) for m in off}
    for t in range(20):
        simulate.advance(state, plan, Step(t, draws))
        for m in off:
            np.testing.assert_array_equal(m(state), first[m.name], err_msg=m.name)


def test_run_records_the_same_as_looking_every_week():
    """A rung with tools, and the same without: what stands still in one variant moves in the other."""
    spec = scenario.load({"model": "people", "population": {"smbs": 40}, "horizon": {"weeks": 6, "burn_in": 2},
                          "variants": {"without": {"automation": {"enabled": False}}}})  # fmt: skip
    variants = spec.all_variants()
    result = simulate.run(variants, 3)
    for name, alone in variants.items():
        state, plan, draws = simulate.prepare(alone, 3)
        simulate.burn_in(state, plan, draws, 2)
        for t in range(6):
            simulate.advance(state, plan, Step(t, draws))
            for m in METRICS.values():
                seen = result[m.name].values[result.variants.index(name), 0, t]
                np.testing.assert_array_equal(seen, m(state), err_msg=f"{name} {m.name} {t}")
