"""The initial economy: what the tables and files say becomes firms, stocks and shares; the accounts close; nothing moves at rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from economies import OPTIONAL, write_economy
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st
from models import advance, columns, given, miniature, united_states

from smbsim import population, scenario, simulate
from smbsim.analysis.consistency import against_tables
from smbsim.draws import Draws
from smbsim.economy import AGES, OLDEST, load
from smbsim.network import from_edges
from smbsim.population import CRITICAL, DEFAULT_CASH_DAYS, IMPORTANT
from smbsim.reconstruct import draw_network
from smbsim.sample import draw_firms
from smbsim.schema import InputError
from smbsim.state import EVERYWHERE, LARGE, SMB

SHOP, MILL = 8, 5  # rows of two sectors of the United States
EXACT = 1e-12


def pair(**changes):
    """Firms 0 and 1, of one sector, sell 8 and 4 a week to firm 2, whose output is 40; changes: of the network."""
    network = from_edges([(0, 2, 52 * 8.0), (1, 2, 52 * 4.0)], [52 * 20.0, 52 * 20.0, 52 * 40.0], sector=[MILL, MILL, SHOP])
    return replace(network, **{name: np.array(v) if isinstance(v, list) else v for name, v in changes.items()})


def with_tables(monkeypatch, **changes):
    """Let networks be read beside a United States with other tables."""
    economy = replace(united_states(), **changes)
    monkeypatch.setattr("models.united_states", lambda: economy)
    return economy


# -- covers and essentiality ------------------------------------------------------------------------------------------------------------


def test_covers_are_half_the_inventory_days_and_storable_from_two_weeks_on(monkeypatch):
    """28 days: 2 weeks of inputs and of finished goods. 14 days: 1 week each. Just below 14: inputs only, made to order."""
    days = np.zeros(united_states().G)
    days[[MILL, SHOP]] = 28.0, 14.0
    with_tables(monkeypatch, inventory_days=days)
    state, _, _ = given(pair())
    assert state.firms.storable.tolist() == [True, True, True]
    assert state.firms.finished_cover.tolist() == [2.0, 2.0, 1.0]
    assert state.slots.input_cover.tolist() == [1.0]  # of the user's sector
    days = days.copy()
    days[SHOP] = 13.9
    with_tables(monkeypatch, inventory_days=days)
    state, _, _ = given(pair())
    assert state.firms.storable.tolist() == [True, True, False]
    assert state.firms.finished_cover.tolist() == [2.0, 2.0, 0.0]
    assert state.slots.input_cover[0] == pytest.approx(13.9 / 14.0, rel=1e-15)
    state, _, _ = given(pair(), production={"storable_days": 7.0, "breakdown_hazard": 0.0})
    assert state.firms.storable.all()


@pytest.mark.parametrize(("rating", "essentiality"), [(1.0, 2), (CRITICAL, 2), (0.7499, 1), (IMPORTANT, 1), (0.2499, 0), (0.0, 0)])
def test_rating_of_an_input_says_how_essential_it_is(monkeypatch, rating, essentiality):
    """Critical from .75 on, important from .25 on; the rating is that of the supplying sector for the user's."""
    G = united_states().G
    ratings = np.full((G, G), 0.5)
    ratings[MILL, SHOP] = rating
    with_tables(monkeypatch, criticality=ratings)
    assert given(pair())[0].slots.essentiality.tolist() == [essentiality]


@pytest.mark.parametrize("stated", [0, 1, 2])
def test_essentiality_in_the_file_wins_over_the_rating(monkeypatch, stated):
    with_tables(monkeypatch, criticality=np.ones((united_states().G,) * 2))
    assert given(pair(essentiality=[stated, stated]))[0].slots.essentiality.tolist() == [stated]


def test_economy_without_optional_tables_has_defaults(monkeypatch):
    """No inventories: everything is made to order, without stocks. No ratings: every input is critical. No finance: no loans, 27 days."""
    names = ("inventory_days", "criticality", "debt_to_receipts", "capital", "depreciation", "cash_days_median")
    with_tables(monkeypatch, **dict.fromkeys(names))
    state, _, _ = given(pair(), finance={"cash_spread": 0.0})
    firms = state.firms
    assert not firms.storable.any()
    assert not state.slots.input_stock.any()
    assert state.slots.essentiality.tolist() == [2]
    assert not firms.debt.any()
    assert not firms.capex.any()
    outflow = firms.output - firms.dividends
    assert np.allclose(firms.liquidity_target, np.maximum(DEFAULT_CASH_DAYS / 7 * outflow, outflow - firms.final_sales), rtol=1e-14)


def test_loans_by_size_keep_the_loans_of_the_sector():
    """Switched on, small firms of a sector share out the same loans by what they sell: the smallest of sector 72 owe least."""
    off, on = (miniature(600, 2, finance={"enabled": enabled})[0] for enabled in (False, True))
    small, sector = off.firms.kind == SMB, off.firms.sector
    before, after = (np.bincount(sector[small], state.firms.debt[small]) for state in (off, on))
    assert np.allclose(after, before, rtol=1e-12)
    hotels = small & (sector == off.sector_codes.index("72"))
    ratio, sales = (on.firms.debt / off.firms.debt)[hotels], off.firms.output[hotels]
    assert ratio[sales.argmin()] == pytest.approx(ratio.min(), rel=1e-12)
    assert ratio.max() > 2.0 * ratio.min()
    assert np.array_equal(on.firms.debt[~small], off.firms.debt[~small])


# -- firms from files -------------------------------------------------------------------------------------------------------------------


def test_inputs_of_one_sector_share_a_slot():
    """12 a week from two firms of one sector for an output of 40: one coefficient of .3, weights ⅔ and ⅓."""
    state, _, _ = given(pair())
    assert state.slots.n == 1
    assert state.slots.coefficient[0] == pytest.approx(0.3, rel=1e-15)
    assert np.allclose(state.links.weight, [2 / 3, 1 / 3], rtol=1e-15)
    assert state.firms.output.tolist() == [28.0, 24.0, 40.0]


@pytest.mark.parametrize("more", [-0.5, 0.0])
def test_firm_is_large_from_the_threshold_of_the_economy_on(more):
    threshold = united_states().smb_threshold
    state, _, _ = given(pair(employment=[1.0, threshold + more, threshold * 10.0]))
    assert state.firms.kind.tolist() == [SMB, LARGE if more == 0.0 else SMB, LARGE]


def test_firm_that_is_everywhere_is_large_and_sells_to_all_regions():
    """However few it employs. The regions' weights are those of the firms that have a place."""
    network = pair(employment=[30.0, 10.0, 1.0], region=[0, 1, EVERYWHERE], region_names=("a", "b"))
    state, _, _ = given(network)
    assert state.firms.kind.tolist() == [SMB, SMB, LARGE]
    assert state.regions.population_share.tolist() == [0.75, 0.25]
    assert state.firms.customer_base[2].tolist() == [1.0, 0.0]
    assert state.regions.large_customers[:, SHOP].tolist() == [1.0, 1.0]
    assert not state.regions.large_customers[:, MILL].any()
    budget = state.regions.budget[:, SHOP]
    assert state.firms.household_demand[2] == pytest.approx(budget.sum(), rel=1e-14)


def test_network_without_a_place_is_refused():
    with pytest.raises(InputError, match="network: no firm has a region"):
        given(pair(region=[EVERYWHERE] * 3, region_names=()))


def test_value_added_is_split_as_in_the_sector():
    """Wages, taxes and surplus of firm 2 in the ratios of its sector, and together output less inputs: 40 - 12."""
    economy = united_states()
    parts = np.maximum([economy.wages[SHOP], economy.taxes[SHOP], economy.surplus[SHOP]], 0.0)
    expected = parts / parts.sum() * 28.0
    firms = given(pair())[0].firms
    surplus = firms.profit + firms.capex + firms.interest
    assert [firms.wage_bill[2], firms.product_tax_paid[2], surplus[2]] == pytest.approx(expected, rel=1e-13)


def test_subsidies_of_a_sector_are_left_out(monkeypatch):
    """A negative part would make others larger than value added: it counts as zero, and the rest is split."""
    economy = united_states()
    taxes = economy.taxes.copy()
    taxes[SHOP] = -0.5 * economy.wages[SHOP]
    with_tables(monkeypatch, taxes=taxes)
    firms = given(pair())[0].firms
    assert firms.product_tax_paid[2] == 0.0
    assert firms.wage_bill[2] == pytest.approx(28.0 * economy.wages[SHOP] / (economy.wages[SHOP] + economy.surplus[SHOP]), rel=1e-13)


def test_final_sales_go_to_the_uses_of_the_sector():
    """By the sector's final uses in the table, in full, and none of them negative."""
    state, _, _ = given(pair())
    uses = united_states().uses[SHOP]
    assert np.allclose(state.sectors.spending[SHOP], 40.0 * uses / uses.sum(), rtol=1e-14)
    assert state.sectors.spending[MILL].sum() == pytest.approx(40.0, rel=1e-14)
    assert state.sectors.spending.min() >= 0.0


def test_sales_of_a_sector_that_runs_down_stocks_are_never_negative(tmp_path):
    """A negative investment cell in the table: its firms still sell, to somebody, what they say."""
    economy = load(write_economy(tmp_path / "e", negative_inventory=True))
    spec = scenario.load({"production": {"breakdown_hazard": 0.0}, "economy": economy.folder})
    network = from_edges([(0, 1, 52 * 8.0)], [52 * 20.0, 52 * 40.0, 52 * 30.0], sector=[0, 1, 2])
    state = population.settle(population.from_firms(network, economy, Draws(1), 0.5, 14.0), spec.mechanisms)
    assert state.sectors.spending.min() >= 0.0
    assert np.allclose(state.sectors.spending.sum(axis=1), [20.0, 40.0, 30.0], rtol=1e-13)


def household_shares(state) -> np.ndarray:
    """(R, G) parts of household demand that somebody serves: at home, from elsewhere, by firms that are everywhere."""
    firms, large = state.firms, state.regions.large_customers
    placed = np.where(firms.region == EVERYWHERE, 0.0, 1.0)
    home = state.by_region_and_sector(placed * firms.customer_base[:, 0])
    elsewhere = state.by_region_and_sector(placed * firms.customer_base[:, 1])
    roaming = state.by_sector(np.where(firms.region == EVERYWHERE, firms.customer_base[:, 0], 0.0))
    return home + elsewhere.sum(axis=0) - elsewhere + large * roaming


@pytest.mark.parametrize("region", [[0, 0, 0], [0, 1, 0], [EVERYWHERE, 0, 1], [0, 1, EVERYWHERE], [EVERYWHERE, EVERYWHERE, 0]])
def test_household_shares_sum_to_one_in_every_region_and_sector(region):
    """Also where two firms of a sector are everywhere and share what they sell."""
    state, _, _ = given(pair(region=region, region_names=("a", "b")[: max(region) + 1]))
    sold = state.sectors.spending[:, 0] > 0
    assert sold.sum() == 2
    assert np.allclose(household_shares(state)[:, sold], 1.0, rtol=1e-13)
    assert state.firms.customer_base.min() >= 0.0


def test_household_shares_of_the_miniature_sum_to_one():
    state, _, _ = miniature(60, regions=3)
    sold = state.sectors.spending[:, 0] > 0
    assert np.allclose(household_shares(state)[:, sold], 1.0, rtol=1e-12)


def test_accounts_that_cannot_close_are_refused_in_words():
    """Builders sell to investors alone: their owners would have to save more than they earn."""
    network = from_edges([], [52 * 10.0], sector=[3])
    with pytest.raises(InputError, match=r"owners in all would consume -.* per week at rest; lower government\.income_tax"):
        given(network)
    with pytest.raises(InputError, match=r"government\.income_tax: a rate of .* would balance the budget, outside \[0, 1\)"):
        given(pair(), government={"income_tax": None, "other_transfers": 1e9})


# -- economies from tables --------------------------------------------------------------------------------------------------------------


def moved(state, start) -> float:
    """Largest change of any stock since the start, by its own size or that of a mean firm's output if that is larger."""
    unit = start["firms", "output"].mean()
    stocks = (
        ("firms", "output"), ("firms", "inventory"), ("firms", "cash"), ("slots", "input_stock"), ("slots", "pipeline"),
        ("slots", "import_pipeline"), ("links", "payable"), ("households", "deposits"), ("accounts", "balance"),
    )  # fmt: skip
    changes = [np.abs(getattr(getattr(state, t), c) - start[t, c]) / np.maximum(np.abs(start[t, c]), unit) for t, c in stocks]
    return max(float(change.max(initial=0.0)) for change in changes)


economies = st.fixed_dictionaries(
    {
        "sectors": st.integers(1, 6),
        "seed": st.integers(0, 1000),
        "government": st.booleans(),
        "passthrough": st.integers(0, 2),
        "imports": st.booleans(),
        "other_imports": st.booleans(),
        "negative_inventory": st.booleans(),
        "undercounted": st.booleans(),
        "empty_class": st.booleans(),
        "threshold": st.sampled_from((50, 250, 10_000)),
        "optional": st.sampled_from((OPTIONAL, (), *((name,) for name in OPTIONAL))),
    }
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@over(economies, st.sampled_from((1, 8, 40)), st.integers(1, 3))
def test_any_economy_is_its_tables_and_rests(tmp_path_factory, tables, smbs, regions):
    """With and without state, pass-through accounts, imports, optional tables, SMBs of all sizes: exact, and nothing moves in 60 weeks."""
    economy = load(write_economy(tmp_path_factory.mktemp("economy") / "e", **tables))
    spec = scenario.load(
        {"economy": economy.folder, "population": {"smbs": smbs, "regions": regions}, "production": {"breakdown_hazard": 0.0}}
    )
    state, plan, draws = simulate.prepare(spec, tables["seed"], economy)
    assert max(against_tables(state, economy).values()) < EXACT
    start = columns(state)
    advance(state, plan, draws, 0, 60)
    state.check()
    assert moved(state, start) < 1e-10


def test_share_of_the_only_thing_that_is_bought_is_one_and_no_more(tmp_path):
    """Households that can buy from one sector only: its share is not above one by a rounding error."""
    tables = {"sectors": 1, "seed": 166, "government": False, "imports": False, "undercounted": False, "optional": ()}
    spec = scenario.load({"economy": str(write_economy(tmp_path / "e", **tables)), "population": {"smbs": 1, "regions": 1}})
    state, _, _ = simulate.prepare(spec, 1)
    state.check()
    assert state.sectors.sector_basket.tolist() == [1.0]


def test_an_economy_out_of_balance_moves():
    """Negative control of the test above: a millionth more of one input is seen."""
    state, plan, draws = miniature(20)
    start = columns(state)
    state.slots.input_stock[int(np.argmax(state.slots.input_stock))] *= 1.000001
    advance(state, plan, draws, 0, 60)
    assert moved(state, start) > 1e-9


def test_regions_have_their_weights():
    """Weights 5, 3, 2 give shares .5, .3, .2 of population and about these of SMBs; large firms are in none."""
    state, _, _ = miniature(400, regions=3, population={"smbs": 400, "regions": 3, "region_weights": [5, 3, 2]})
    assert np.allclose(state.regions.population_share, [0.5, 0.3, 0.2], rtol=1e-15)
    small = state.firms.kind == SMB
    assert np.bincount(state.firms.region[small]) / small.sum() == pytest.approx([0.5, 0.3, 0.2], abs=0.01)
    assert np.all(state.firms.region[~small] == EVERYWHERE)


def test_region_without_weight_has_no_firms_and_no_households():
    state, plan, draws = miniature(40, population={"smbs": 40, "regions": 2, "region_weights": [1, 0]})
    assert not np.any(state.firms.region == 1)
    assert not state.households.consumption[2:].any()
    start = columns(state)
    advance(state, plan, draws, 0, 12)
    assert moved(state, start) < 1e-10


def test_same_seed_same_economy_other_seed_another():
    one, same, other = miniature(40, seed=3)[0], miniature(40, seed=3)[0], miniature(40, seed=4)[0]
    first, second, third = columns(one), columns(same), columns(other)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["firms", "output"], third["firms", "output"])
    assert one.firms.output.sum() == pytest.approx(other.firms.output.sum(), rel=1e-12)


def test_larger_firms_are_older_and_the_shares_of_ages_stay_those_of_the_tables():
    """20 000 SMBs: mean heads rise with every class of age, from less than half of the mean to almost twice it; shares to a point."""
    economy, draws = united_states(), Draws(1)
    firms = draw_firms(economy, 20_000, np.full(4, 0.25), draws)
    age, small = population._ages(economy, firms.sector, firms.employment, draws), firms.kind == SMB
    bounds = [*(low for low, _ in AGES.values()), OLDEST]
    place = np.searchsorted(bounds, age[small], side="right") - 1
    shares = np.bincount(place, minlength=len(AGES)) / small.sum()
    assert shares == pytest.approx(economy.age_shares[firms.sector[small]].mean(axis=0), abs=0.01)
    for g in np.flatnonzero(np.bincount(firms.sector[small]) > 500):  # within three standard errors of a sample, in every sector
        mine, wanted = firms.sector[small] == g, economy.age_shares[g]
        found = np.bincount(place[mine], minlength=len(AGES)) / mine.sum()
        assert np.all(np.abs(found - wanted) < 3.0 * np.sqrt(wanted * (1.0 - wanted) / mine.sum()) + 1e-3)
    classes = np.digitize(age[small], (1, 6, 11, 26))
    heads = np.bincount(classes, firms.employment[small]) / np.bincount(classes) / firms.employment[small].mean()
    assert np.all(np.diff(heads) > 0)
    assert heads[0] < 0.5
    assert 1.5 < heads[-1] < 2.5


def test_every_row_is_at_its_place():
    """uids count the rows; slots are sorted by customer and group, links by slot and supplier."""
    state, _, _ = miniature(60)
    assert np.array_equal(state.firms.uid, np.arange(state.firms.n))
    slots, links = state.slots, state.links
    assert np.all(np.diff(slots.customer.astype(int) * 100 + slots.group) > 0)
    assert np.all(np.diff(links.slot.astype(int) * state.firms.n + links.supplier) > 0)
    assert np.array_equal(state.firms.sector[links.supplier], slots.group[links.slot])


@pytest.mark.parametrize("model", ["closed", "people"])
@pytest.mark.parametrize("sparse", [False, True])
def test_memory_is_foreseen_from_the_columns(model, sparse):
    """The estimate that refuses too large a scenario is that of the columns that are in use, to a tenth."""
    network = {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}} if sparse else {}
    given = scenario.load({"model": model, "population": {"smbs": 2000}, **network})
    state, _, _ = simulate.prepare(given)
    off = {column.name for m in given.mechanisms if m.optional and not m.enabled for column in m.columns if not column.default}
    tables = (state.firms, state.slots, state.links)
    needed = sum(getattr(table, name).nbytes for table in tables for name in table.columns if name not in off)
    assert given.memory / (scenario.BUILD_FACTOR * needed) == pytest.approx(1.0, abs=0.1)


def test_structure_is_left_as_it_was_by_settling():
    """What `settle` lets go of is its own reference: the structure can be settled again, to the same state."""
    us = united_states()
    firms = draw_firms(us, 200, [1.0], Draws(1))
    structure = population.from_tables(us, firms, draw_network(us, firms, Draws(1)), Draws(1), 0.5, 21.0)
    first, second = (population.settle(structure, scenario.load({}).mechanisms) for _ in range(2))
    assert structure.link_flow is not None
    assert all(np.array_equal(getattr(first.links, name), getattr(second.links, name)) for name in first.links.columns)
