"""Entry: who enters, what a new firm is like, what it costs, and that nothing is lost or made of nothing."""

from __future__ import annotations

from itertools import pairwise

import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smbsim import population, scenario, simulate
from smbsim.draws import Draws
from smbsim.economy import AGES
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.entry import FIRST_UID, MOST_ENTRANTS, Entrants, Entry, poisson
from smbsim.metrics import METRICS
from smbsim.metrics.identities import Books
from smbsim.schema import InputError
from smbsim.state import OWNER, SMB

ROUND = 2  # a week in which firms enter: half a round before those of sourcing
OFTEN = {"rate": 0.9}


def step(t: int = ROUND, seed: int = 1) -> Step:
    return Step(t, Draws(seed))


def economy(smbs: int = 120, **parameters):
    """A state at rest in which many enter, and the mechanism."""
    parameters = {"enabled": True, **OFTEN, **parameters}
    return models.miniature(smbs, 2, model="life", entry=parameters)[0], Entry(**parameters)


def entered(smbs: int = 120, t: int = ROUND, **parameters):
    """(state before, state after a round of entry at rest, rows of the entrants)."""
    state, mechanism = economy(smbs, **parameters)
    before = state.copy()
    mechanism.enter(state, step(t))
    return before, state, np.arange(before.firms.n, state.firms.n)


# -- how many -----------------------------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 60), st.floats(0, 1, exclude_max=True))
def test_number_is_the_quantile_of_a_poisson_distribution(mean, u):
    found = poisson(np.array([mean]), np.array([u]))[0]
    assert found == (0 if mean == 0 else max(stats.poisson.ppf(u, mean), 0)) or abs(stats.poisson.cdf(found, mean) - u) < 1e-9


def test_number_rises_with_the_mean_and_is_bounded():
    u = Draws(1).uniform("u", 0, np.arange(500))
    counts = [poisson(np.full(500, mean), u) for mean in (0.0, 0.5, 2.0, 30.0)]
    assert counts[0].sum() == 0
    assert all(np.all(a <= b) for a, b in pairwise(counts))
    assert poisson(np.array([1e9]), np.array([0.5])).max() < MOST_ENTRANTS


def test_entries_are_as_many_as_the_rates_say():
    """Over two years at rest, within four standard deviations of rate × firms, and those who are gone before they are counted."""
    state, *_ = models.miniature(400, 2, model="life")
    mechanism = Entry(enabled=True)
    expected = 2 * mechanism.uncounted * (state.regions.firms_at_rest @ models.united_states().entry_rate).sum()
    found = sum(len(mechanism._potential(state, step(t))[0]) for t in range(ROUND, 104, mechanism.every))
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_nobody_enters_between_the_rounds():
    for t in range(ROUND + 1, ROUND + 4):
        before, state, rows = entered(t=t)
        assert len(rows) == 0
        assert state.links.n == before.links.n


@pytest.mark.parametrize(("change", "sign"), [("margin", 1), ("loss", -1), ("funds", -1)])
def test_more_enter_where_it_pays_and_where_owners_have_money(change, sign):
    state, mechanism = economy(400)
    usual = len(mechanism._potential(state, step())[0])
    if change == "funds":
        state.households.deposits[OWNER::2] *= 0.2
    else:
        state.sectors.sector_margin[:] += sign * 0.3
    assert sign * (len(mechanism._potential(state, step())[0]) - usual) > 0


def test_agglomeration_draws_firms_to_firms():
    state, *_ = models.miniature(400, 2, model="life")
    state.firms.alive[(state.firms.kind == SMB) & (state.firms.region == 0)] = False
    state.sectors.entry_rate[:] = 0.9
    found = {k: np.bincount(Entry(enabled=True, agglomeration=k)._potential(state, step())[0] // 21, minlength=2) for k in (-1, 0, 1)}
    assert found[-1][0] > found[0][0] > found[1][0]
    assert found[-1][1] == found[0][1] == found[1][1]


def test_a_sector_in_ruins_has_finite_rates():
    state, *_ = models.miniature(60, 2, model="life")
    for margin in (-1e300, 1e300):
        state.sectors.sector_margin[:] = margin
        cell, uid = Entry(enabled=True)._potential(state, step())
        assert len(cell) == len(np.unique(uid)) < 60


def test_no_rate_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(population, "_entry_rates", lambda economy: np.zeros(economy.G))
    with pytest.raises(InputError, match=r"entry\.rate is null, and the economy has no firm_entry_rate: give a rate"):
        models.miniature(40, 2, model="life")
    models.miniature(40, 2, model="money")  # nobody asks


# -- the same potential entrant -----------------------------------------------------------------------------------------------------------


def test_the_same_potential_entrant_has_the_same_uid_in_every_variant():
    """With fewer deposits of owners a cell has fewer entrants: the first of those it would have had, with the same uid, size and talent."""
    runs = []
    for funds in (1.0, 0.1):
        state, mechanism = economy(300)
        n = state.firms.n
        state.households.deposits[OWNER::2] *= funds
        for t in (ROUND, ROUND + 4):
            mechanism.enter(state, step(t))
        f = state.firms
        runs.append({int(u): (f.region[i], f.sector[i], f.born[i], f.productivity[i]) for i, u in enumerate(f.uid) if i >= n})
    many, few = runs
    assert few.keys() < many.keys()
    assert all(few[uid] == many[uid] for uid in few)
    assert min(many) >= FIRST_UID


def test_uids_are_never_used_twice():
    state, mechanism = economy(100, every=1)
    for t in (-52_000, -51_999, -1, 0, 1, 2, 51_999):
        mechanism.enter(state, step(t))
    assert len(np.unique(state.firms.uid)) == state.firms.n


def test_runs_with_and_without_a_shock_share_their_entrants():
    spec = scenario.load({
        "model": "life", "population": {"smbs": 120, "regions": 2}, "horizon": {"weeks": 12, "burn_in": 0}, "entry": OFTEN,
        "shocks": [{"kind": "demand", "start": 0, "size": 0.3}],
    })  # fmt: skip
    found = []
    for variant in (spec, spec.without_interventions()):
        state, plan, draws = simulate.prepare(variant, 1, models.united_states())
        n = state.firms.n
        models.advance(state, plan, draws, 0, 12)
        found.append(dict(zip(state.firms.uid[n:].tolist(), zip(state.firms.sector[n:], state.firms.born[n:], strict=True), strict=True)))
    common = found[0].keys() & found[1].keys()
    assert len(common) > 0.5 * max(map(len, found))
    assert all(found[0][uid] == found[1][uid] for uid in common)


# -- what a new firm is like --------------------------------------------------------------------------------------------------------------


def test_a_new_firm_is_a_scaled_copy_of_a_small_one_of_its_sector():
    before, state, rows = entered(spread=0.0)
    assert len(rows) > 3
    old, firms = before.firms, state.firms
    for i in rows:
        heads = firms.labour_coefficient[i] * firms.normal_output[i]
        like = np.flatnonzero((old.sector == firms.sector[i]) & (old.kind == SMB))
        assert np.isin(firms.capacity[i] / firms.normal_output[i], old.capacity[like] / old.normal_output[like]) or heads > 0
        group = state.slots.group[state.slot_start[i] : state.slot_start[i + 1]]
        model_groups = {tuple(before.slots.group[before.slot_start[j] : before.slot_start[j + 1]]) for j in like}
        assert tuple(group) in model_groups
    assert firms.born[rows].tolist() == [ROUND] * len(rows)
    assert firms.entered[rows].all()
    assert not firms.entered[: before.firms.n].any()
    assert np.all(firms.productivity[rows] == 1.0)
    assert firms.capacity[rows] / firms.normal_output[rows] == pytest.approx(1.25)  # utilisation of .8 at rest
    state.check()


def newcomers(state, n: int = 4000) -> Entrants:
    """So many who would enter, on the model of the SMBs of the state in turn."""
    models_ = np.flatnonzero(state.firms.kind == SMB)
    return Entrants(FIRST_UID + np.arange(n), np.zeros(n, dtype=int), np.resize(models_, n))


@pytest.mark.parametrize("size", [4.8, 6.5])
def test_mean_size_is_the_parameter(size):
    """One head and exponentially many more; what it takes over is in proportion to the staff of its model."""
    state, mechanism = economy(60, size=size)
    new = mechanism._size(state, step(), newcomers(state))
    assert new.staff.min() >= 1.0
    assert new.staff.mean() == pytest.approx(size, abs=4 * (size - 1.0) / np.sqrt(len(new.staff)))
    assert np.allclose(new.size * (state.firms.labour_coefficient * state.firms.normal_output)[new.model], new.staff, rtol=1e-12)


def test_talent_has_the_spreads_of_its_law():
    """E[1/A] = 1 and the logarithm spreads by σ; ln q spreads by σ_q around the model's less the handicap; the two are independent."""
    mechanism = Entry(enabled=True, spread=0.26, quality_spread=0.5, handicap=0.65)
    state, _ = economy(60)
    new = newcomers(state)
    n, model_quality = len(new.uid), np.linspace(0.5, 2.0, len(new.uid))
    talent = mechanism._talent(step(), new, model_quality)
    productivity, quality = np.log(talent["productivity"]), np.log(talent["quality"] / model_quality)
    assert np.mean(1.0 / talent["productivity"]) == pytest.approx(1.0, abs=4 * 0.27 / np.sqrt(n))
    for found, mean, spread in ((productivity, 0.26**2 / 2, 0.26), (quality, -0.65, 0.5)):
        assert found.mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(n))
        assert found.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * n))
    assert np.corrcoef(productivity, quality)[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(n))


def test_customers_think_less_of_a_firm_they_do_not_know():
    """Without spreads the handicap is all that tells entrants from their models, whose quality is one at rest."""
    _, state, rows = entered(spread=0.0, quality_spread=0.0, handicap=0.4)
    assert state.firms.quality[rows] == pytest.approx(np.exp(-0.4), rel=1e-12)
    _, state, rows = entered(spread=0.0, quality_spread=0.0, handicap=0.0)
    assert np.all(state.firms.quality[rows] == 1.0)
    assert np.all(state.firms.productivity[rows] == 1.0)


def test_what_owners_pay_in_is_not_there_to_be_spent():
    """Owners' disposable income of the week falls by what leaves their deposits; that of workers stays."""
    before, state, _ = entered()
    paid = before.households.deposits - state.households.deposits
    lower = before.households.disposable - state.households.disposable
    assert paid[OWNER::2].min() > 0
    assert lower[OWNER::2] == pytest.approx(paid[OWNER::2], rel=1e-9)
    assert not lower[0::2].any()


def test_it_pays_for_capital_and_inputs_and_holds_its_liquidity_target():
    before, state, rows = entered()
    firms, slots = state.firms, state.slots
    assert firms.debt[rows] == pytest.approx(firms.normal_debt[rows])
    flows = {flow: amount for (flow, _, _), amount in state.flows.items()}
    worth = np.bincount(slots.customer, slots.input_stock, minlength=firms.n)[rows]
    needed = firms.capital[rows] + worth + firms.liquidity_target[rows] - firms.debt[rows]
    assert np.all(needed > 0)
    assert firms.cash[rows] == pytest.approx(firms.liquidity_target[rows], rel=1e-9)
    assert flows["capital of entrants"] == pytest.approx(needed.sum(), rel=1e-9)
    assert flows["investment of entrants"] == pytest.approx(firms.capital[rows].sum())
    assert flows["first inputs of entrants"] == pytest.approx(worth.sum())
    paid = before.households.deposits - state.households.deposits
    assert paid[OWNER::2].sum() == pytest.approx(needed.sum(), rel=1e-9)
    assert np.all(paid[0::2] == 0.0)
    assert state.money() == pytest.approx(before.money(), rel=1e-13)


def test_it_hires_from_the_pool_of_its_region():
    before, state, rows = entered()
    hired = np.bincount(state.firms.region[rows], state.firms.employment[rows], minlength=2)
    assert before.regions.unemployed - state.regions.unemployed == pytest.approx(hired, rel=1e-9)
    assert np.all(state.regions.unemployed >= 0)
    assert METRICS["entries"](state) == len(rows)
    assert METRICS["entrant_jobs"](state) == pytest.approx(hired.sum())


def test_links_of_entrants_dilute_those_of_others():
    """Every slot that had suppliers still gives all it orders to them, in the old proportions among the old."""
    before, state, rows = entered()
    weight = state.sum_links(state.links.weight)
    assert weight[state.sum_links(np.ones(state.links.n)) > 0] == pytest.approx(1.0, abs=1e-12)
    assert np.isin(state.links.supplier, rows).any()
    assert np.isin(state.links.buyer, rows).any()
    n = before.firms.n
    old = (state.links.supplier < n) & (state.links.buyer < n)
    room = np.bincount(state.links.slot[old], state.links.weight[old], minlength=state.slots.n)[state.links.slot[old]]
    assert state.links.weight[old] / room == pytest.approx(before.links.weight, rel=1e-12)


def test_first_inputs_are_imports_of_the_week():
    _, state, rows = entered()
    new = np.isin(state.slots.customer, rows)
    assert np.array_equal(state.slots.imports[new], state.slots.input_stock[new])
    need = state.slots.input_cover * state.slots.coefficient * state.firms.normal_output[state.slots.customer]
    assert state.slots.input_stock[new] == pytest.approx(need[new])


def test_owners_without_deposits_found_nothing():
    state, mechanism = economy(100)
    n = state.firms.n
    state.households.deposits[OWNER::2] = 0.0
    state.regions.funds_at_rest[:] = 0.0  # so that the number who would like to does not fall
    mechanism.enter(state, step())
    assert state.firms.n == n
    state.households.deposits[OWNER] = 1e15
    mechanism.enter(state, step())
    assert set(state.firms.region[n:].tolist()) == {0}


def test_where_the_last_firm_has_closed_nobody_follows():
    state, mechanism = economy(100)
    n = state.firms.n
    state.firms.alive[state.firms.kind == SMB] = False
    mechanism.enter(state, step())
    assert state.firms.n == n
    state.check()


# -- whole runs -------------------------------------------------------------------------------------------------------------------------

BUSY = {"model": "life", "entry": OFTEN, "exits": {"retirement_hazard": 0.9}, "production": {"breakdown_hazard": 0.02}}


def test_books_of_money_goods_and_heads_close_with_entry_and_exit():
    state, plan, draws = models.miniature(100, 2, **BUSY)
    n, books = state.firms.n, Books(state)
    gaps = models.advance(state, plan, draws, 0, 10, books.gaps, check=True) + models.advance(state, plan, draws, 10, 40, books.gaps)
    assert state.firms.n > n + 15
    assert (~state.firms.alive).sum() > 15
    assert max(max(gap.values()) for gap in gaps) < 1e-11


def test_at_rate_zero_nothing_differs_from_entry_switched_off():
    found = []
    for section in ({"enabled": True, "rate": 0.0}, {"enabled": False}):
        state, plan, draws = models.miniature(80, 2, **{**BUSY, "entry": section})
        models.advance(state, plan, draws, 0, 16)
        found.append(models.columns(state))
    one, other = found
    differ = {place for place in one if one[place].tobytes() != other[place].tobytes()}
    assert differ <= {("sectors", "sector_margin"), ("sectors", "entry_rate")}


def test_threads_change_no_bit_with_entry():
    found = []
    for threads in (1, 2):
        state, plan, draws = models.miniature(80, 2, threads=threads, **BUSY)
        models.advance(state, plan, draws, 0, 16)
        found.append(models.columns(state))
    assert all(found[0][place].tobytes() == found[1][place].tobytes() for place in found[0])


def test_relabelled_firms_are_followed_by_the_same_entrants():
    ends = []
    for order in (None, 3):
        state, plan, draws = models.miniature(80, 2, **BUSY)
        if order is not None:
            state = state.relabelled(np.random.default_rng(order).permutation(state.firms.n))
            plan = simulate.plan(scenario.load({"population": {"smbs": 80, "regions": 2}, **BUSY}), state, draws)
        models.advance(state, plan, draws, 0, 16)
        f = state.firms
        ends.append([dict(zip(f.uid.tolist(), values.tolist(), strict=True)) for values in (f.alive, f.sector, f.born, f.capacity)])
    assert ends[0][:3] == ends[1][:3]
    assert ends[1][3] == pytest.approx(ends[0][3], rel=1e-8)


def test_the_firms_of_the_start_are_as_old_as_the_statistics_say():
    """Shares of SMBs younger than one, five and 26 years, up to the noise of 600 draws."""
    state, *_ = models.miniature(600, 2)
    small = state.firms.kind == SMB
    age = -state.firms.born[small] / 52
    shares = models.united_states().age_shares[state.firms.sector[small]].mean(axis=0)
    for years in (1, 5, 26):
        younger = shares[[low < years for low, _ in AGES.values()]].sum()
        assert np.mean(age < years) == pytest.approx(younger, abs=0.06)
    assert 0 <= age.min() < age.max() <= 60
