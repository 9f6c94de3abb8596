"""Skills: exact rest, mass conserved by every move, bounds, forgetting, training and what it brings, loans of staff, off = nothing."""

from __future__ import annotations

import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import REPEATABLE

from smbsim import heads
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.skills import HOURS, Skills, gini
from smbsim.occupations import AD, COMPETENCE, DL, DOMAINS, GATED, SPARE
from smbsim.state import EVERYWHERE, SMB, UNLIMITED

CALM = {
    "model": "life",
    "labour": {"productivity_noise": 0.0}, "market": {"quality_noise": 0.0}, "exits": {"retirement_hazard": 0.0, "offer_rate": 0.0},
    "strategy": {"search_base": 0.0, "search_slope": 0.0}, "sourcing": {"review_hazard": 0.0}, "entry": {"rate": 0.0},
    "foreign": {"demand_noise": 0.0},
}  # fmt: skip


def calm(smbs: int = 80, regions: int = 2, **skills):
    """(state, plan, draws) of an economy in which nothing happens but what skills do; nobody trains."""
    return models.miniature(smbs, regions, **CALM, skills={"enabled": True, "attention": 0.0, **skills})


def mass(state) -> np.ndarray:
    """(11,) Σ heads · level over staff and unemployed."""
    return state.firms.employment @ state.firms.skill + np.maximum(state.regions.unemployed, 0.0) @ state.regions.pool_skill


def only(**numbers) -> Skills:
    return Skills(enabled=True, **numbers)


# -- rest ---------------------------------------------------------------------------------------------------------------------------------


def test_rest_is_exact():
    """With nobody training, learning by doing makes up for forgetting and for the hires that replace quits, and nothing moves."""
    state, plan, draws = calm(60)
    skill, pool, output = state.firms.skill.copy(), state.regions.pool_skill.copy(), state.firms.output.copy()
    assert skill[:, :SPARE].min() > 0
    models.advance(state, plan, draws, 0, 60)
    assert np.abs(state.firms.skill - skill).max() < 1e-12
    assert np.abs(state.regions.pool_skill - pool).max() < 1e-12
    assert np.abs(state.firms.output / output - 1.0).max() < 1e-10
    assert np.abs(state.firms.efficiency - 1.0).max() < 1e-10
    assert np.all(state.firms.learning[:, :SPARE] > 0)
    assert np.all(state.regions.pool_skill[:, :SPARE] < state.regions.typical_skill[:, :SPARE]), "who is out of work forgets"


@pytest.mark.long
def test_rest_lasts_ten_years():
    state, plan, draws = calm()
    skill, output = state.firms.skill.copy(), state.firms.output.copy()
    models.advance(state, plan, draws, 0, 520)
    assert np.abs(state.firms.skill - skill).max() < 1e-10
    assert np.abs(state.firms.output / output - 1.0).max() < 1e-10


def test_off_moves_nothing_and_an_economy_without_it_is_the_same():
    """Off, no column of skills leaves its default but those that phase 0 resets; nobody carries anything."""
    state, plan, draws = models.miniature(60, 2, model="life")
    models.advance(state, plan, draws, 0, 8)
    own = {column.name: column for column in Skills.columns}
    for table in (state.firms, state.regions, state.sectors):
        assert all(np.all(getattr(table, name) == column.default) for name, column in own.items() if name in table)
    assert not any("skills" in name for name, _ in plan)


def test_neutral_numbers_change_no_bit_of_the_economy():
    """Skills that do nothing to output, pay, layoffs or loans: the economy is bit for bit that without them."""
    ignored = {column.name for column in Skills.columns}
    seen = []
    for skills in ({}, {"enabled": True, "elasticity": 0.0, "attention": 0.0, "redeployment": 0.0, "lending": 0.0}):
        state, plan, draws = models.miniature(80, 2, model="life", shocks=list(models.CRISIS), skills=skills)
        models.advance(state, plan, draws, 0, 30)
        seen.append({place: values.tobytes() for place, values in models.columns(state).items() if place[1] not in ignored})
    assert seen[0] == seen[1]


# -- mass ---------------------------------------------------------------------------------------------------------------------------------


def test_skill_mass_changes_by_learning_and_forgetting_only():
    """Every week of an economy in which firms fail, merge, enter, hire and lay off, by domain moves conserve it; 1e-9 of the mass."""
    state, plan, draws = models.lively()
    kinds = {"entered": 0, "closed": 0, "merged": 0}
    for t in range(30):
        before = mass(state)
        models.advance(state, plan, draws, t, t + 1, check=t < 3)
        grown = state.firms.skill_growth.sum() + state.regions.pool_growth.sum()
        assert abs((mass(state) - before).sum() - grown) < 1e-9 * before.sum()
        kinds["entered"] += int(state.firms.entered.sum())
        kinds["closed"], kinds["merged"] = int((~state.firms.alive).sum()), int((state.firms.exit_cause == 5).sum())
    assert all(kinds.values()), f"not everything that moves people happened: {kinds}"


@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=12, **REPEATABLE)
def test_moves_conserve_every_domain(seed, leaving, joining):
    """Whoever leaves or joins, by any number: Σ L s + Σ U p stays, in every domain, and levels stay in [0, 1]."""
    state, _, _ = calm(30, 2)
    rng, firms, regions = np.random.default_rng(seed), state.firms, state.regions
    firms.skill[:], firms.normal_skill[:] = rng.random((2, *firms.skill.shape))
    regions.pool_skill[:], regions.typical_skill[:] = rng.random((2, *regions.pool_skill.shape))
    before = mass(state)
    heads.leave(state, leaving * rng.random(firms.n) * firms.employment)
    assert mass(state) == pytest.approx(before, rel=1e-12)
    wanted = rng.random(firms.n) * (rng.random(firms.n) < 0.5)
    roaming = firms.region == EVERYWHERE
    room = joining * regions.unemployed
    at = np.bincount(firms.region[~roaming], wanted[~roaming], regions.n)
    wanted[~roaming] *= np.divide(0.5 * room, at, out=np.zeros_like(at), where=at > 0)[firms.region[~roaming]]
    wanted[roaming] *= 0.5 * room.sum() / max(wanted[roaming].sum(), 1e-300)
    heads.join(state, wanted, 0.5 * room if wanted[roaming].any() else np.zeros(regions.n))
    assert mass(state) == pytest.approx(before, rel=1e-9)
    for levels in (firms.skill, regions.pool_skill):
        assert 0.0 <= levels.min() <= levels.max() <= 1.0


def test_who_joins_knows_the_trade_as_far_as_the_pool_allows():
    """At rest who is hired differs from the pool as the firm's trade differs from others, so that trades stay apart."""
    state, _, _ = calm(60, 1)
    firms, regions = state.firms, state.regions
    near = regions.typical_skill[0] - regions.pool_skill[0]
    before = firms.skill.copy()
    heads.leave(state, firms.quits)
    assert np.array_equal(firms.skill, before), "the average of the staff leaves"
    heads.join(state, firms.hires, regions.population_share * firms.hires[firms.region == EVERYWHERE].sum())
    local = (firms.region == 0) & (firms.hires > 0)
    lost = (before - firms.skill)[local] * (firms.employment / np.where(firms.hires > 0, firms.hires, 1.0))[local, None]
    assert np.all(lost >= -1e-12), "the new know a little less"
    assert np.all(lost <= near + 1e-12)


# -- learning and forgetting --------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.floats(0.0, 5.0), st.floats(0.0, 400.0), st.floats(0.0, 4.0))
@settings(max_examples=12, **REPEATABLE)
def test_levels_stay_between_0_and_1(seed, practice, hours, obsolescence):
    state, _, draws = calm(30, 1)
    rng, firms = np.random.default_rng(seed), state.firms
    firms.skill[:] = np.clip(rng.uniform(-0.3, 1.3, firms.skill.shape), 0.0, 1.0)
    firms.practice[:], firms.training_hours[:], firms.learning[:] = practice, hours, rng.random(firms.learning.shape)
    state.sectors.obsolescence_factor[:] = obsolescence
    before = mass(state)
    only(teaching=1.0, peer_learning=0.05, technical_decay=1.0).learn(state, Step(int(seed % 13), draws))
    assert 0.0 <= firms.skill.min() <= firms.skill.max() <= 1.0
    grown = firms.skill_growth.sum() + state.regions.pool_growth.sum()
    assert (mass(state) - before).sum() == pytest.approx(grown, abs=1e-9 * before.sum())


def test_without_use_and_training_levels_only_fall():
    """No work, no training, no peers: every level falls every week, at the rate of its kind, and the technical ones faster."""
    state, _, draws = calm(30, 1)
    firms = state.firms
    skills = only(peer_learning=0.0)
    firms.output[:] = 0.0
    start = firms.skill.copy()
    for t in range(52):
        before = firms.skill.copy()
        skills.learn(state, Step(t, draws))
        assert np.all(firms.skill[:, :SPARE] < before[:, :SPARE])
    left = (firms.skill / np.where(start > 0, start, 1.0))[:, :SPARE]
    general = ((0.97 ** (1 / 52)) + (0.99 ** (1 / 52)) - 1.0) ** 52
    technical = ((0.80 ** (1 / 52)) + (0.99 ** (1 / 52)) - 1.0) ** 52
    for k in range(SPARE):
        assert left[:, k] == pytest.approx(technical if k in GATED else general, rel=1e-9)


def test_training_goes_to_what_is_worth_most_and_known_least():
    """One week of training alone, worked out by hand: value × gap, and a share for what is known least; gates and ability."""
    state, _, draws = calm(30, 1)
    firms, need = state.firms, state.sectors.skill_need
    skills = only(peer_learning=0.0, general_decay=0.0, technical_decay=0.0, drift=0.0, teaching=0.01, cross_training=0.4)
    firms.output[:] = 0.0
    i = int(np.flatnonzero(firms.kind == SMB)[0])
    before = firms.skill[i].copy()
    firms.training_hours[i] = 52.0
    skills.learn(state, Step(0, draws))
    weight = need[firms.sector[i]]
    value, gap = weight * (1.0 - before), np.where(weight > 0, before[:SPARE].max() - before, 0.0)
    hours = 0.6 * value / value.sum() + 0.4 * gap / gap.sum()
    gate = np.where(np.isin(np.arange(SPARE + 1), GATED), before[DL], 1.0)
    expected = before + (1.0 - before) * (0.5 + before[AD]) * gate * 0.01 * hours
    assert firms.skill[i] == pytest.approx(expected, rel=1e-12)
    assert firms.skill_value[i] == pytest.approx(4.0 * (weight * (expected - before)).sum(), rel=1e-9)
    assert firms.efficiency[i] == pytest.approx(np.exp(firms.skill_value[i]) * (1.0 - 52.0 / HOURS), rel=1e-12)
    others = (np.arange(firms.n) != i) & (firms.employment > 0)
    assert np.array_equal(firms.skill[others], firms.normal_skill[others])


def test_the_new_skill_is_inert_until_it_is_named():
    """Nobody learns the spare domain until it has a weight; then training turns to it first, and it counts."""
    state, _, draws = calm(30, 1)
    firms = state.firms
    firms.training_hours[:] = 40.0
    only().learn(state, Step(0, draws))
    assert np.all(firms.skill[:, SPARE] == 0.0)
    value = firms.skill_value.copy()
    state.sectors.new_skill[:] = 0.2
    only(general_decay=0.0, technical_decay=0.0).learn(state, Step(1, draws))
    trained = firms.employment > 0
    assert np.all(firms.skill[trained, SPARE] > 0.0)
    assert np.all(firms.skill_value[trained] > value[trained])


def test_peers_pass_on_what_they_gained():
    """A firm that knows more than at rest teaches those of its sector and region, each once in 13 weeks, and nobody else."""
    state, _, draws = calm(80, 2)
    firms = state.firms
    sector, region = firms.sector[-2], firms.region[-2]
    small = (firms.kind == SMB) & (firms.sector == np.bincount(firms.sector[firms.kind == SMB]).argmax()) & (firms.region == 0)
    sector, region = firms.sector[small][0], 0
    master = int(np.flatnonzero(small)[0])
    firms.skill[master, :SPARE] += 0.1
    before = firms.skill.copy()
    skills = only(general_decay=0.0, technical_decay=0.0, drift=0.0)
    firms.output[:] = 0.0
    for t in range(13):
        skills.learn(state, Step(t, draws))
    learned = (firms.skill > before).any(axis=1)
    cell = (firms.sector == sector) & (firms.region == region) & (firms.employment > 0)
    cell[master] = False
    assert cell.sum() > 1
    assert np.array_equal(learned, cell)


def test_the_unemployed_forget_and_can_be_taught():
    state, _, draws = calm(30, 2)
    pool = state.regions.pool_skill.copy()
    state.regions.pool_training[:] = 0.0, 400.0
    only().learn(state, Step(0, draws))
    assert state.regions.pool_skill[0, :SPARE] == pytest.approx(0.9 ** (1 / 52) * pool[0, :SPARE], rel=1e-12)
    assert np.all(state.regions.pool_skill[1, :SPARE] > state.regions.pool_skill[0, :SPARE])


# -- what firms do ------------------------------------------------------------------------------------------------------------------------


def test_training_is_paid_to_the_investment_pool_and_stops_without_money():
    state, plan, draws = calm(60, 2)
    models.advance(state, plan, draws, 0, 1)
    firms, skills = state.firms, only()
    rows = np.flatnonzero(firms.kind == SMB)[:2]
    firms.training_hours[rows] = 40.0
    k = state.enact(["help"])
    state.policies.left[k], firms.training_subsidy[rows[0]] = UNLIMITED, 0.25
    firms.spendable[rows] = 1e9, 0.0
    cash, pool, state_money = firms.cash.copy(), *(state.accounts.balance[state.account(name)] for name in ("investment", "government"))
    state.flows.clear()
    skills.pay(state, Step(1, draws))
    fee = firms.wage[rows[0]] * firms.employment[rows[0]] * 40.0 / HOURS
    assert cash[rows[0]] - firms.cash[rows[0]] == pytest.approx(0.75 * fee, rel=1e-9)
    assert firms.training_hours[rows].tolist() == [40.0, 0.0]
    assert state.accounts.balance[state.account("investment")] - pool == pytest.approx(fee, rel=1e-6)
    assert state_money - state.accounts.balance[state.account("government")] == pytest.approx(0.25 * fee, rel=1e-6)
    assert set(state.flows) >= {("training", "firm", "investment"), ("help", "government", "investment")}
    assert firms.other_cost[rows[0]] == pytest.approx(0.75 * fee, rel=1e-12)


def test_owners_who_expect_more_train_more_and_learn_what_it_brings():
    """The share that starts rises with the belief; the belief moves halfway to what came of it; who is short of cash does not train."""
    shares = []
    for prior in (0.0, 0.05, 0.5):
        state, _, draws = calm(150, 1, prior=prior)
        firms, skills = state.firms, only(prior=prior, attention=1.0)
        for t in range(13):
            skills.review(state, Step(t, draws))
        rich = (firms.kind == SMB) & (firms.cash > firms.liquidity_target)
        shares.append((firms.training_hours[rich] > 0).mean())
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.9
    firms.skill_value[:] = 0.1
    trained = firms.training_hours > 0
    for t in range(52, 65):
        skills.review(state, Step(t, draws))
    assert firms.training_payoff[trained] == pytest.approx(0.5 + 0.5 * (0.1 - 0.5), rel=1e-12)
    firms.cash[:], firms.training_hours[:] = 0.0, 0.0
    for t in range(65, 78):
        skills.review(state, Step(t, draws))
    assert not firms.training_hours.any()


def test_pay_follows_skills_and_relative_pay_stays():
    state, _, draws = calm(40, 1)
    firms, skills = state.firms, only(attention=0.0)
    wage, relative = firms.wage.copy(), firms.wage / firms.resting_wage
    firms.skill_value[:] = 0.2
    for _ in range(2):  # the second time nothing is left to reward
        for t in range(13):
            skills.review(state, Step(t, draws))
    assert firms.wage == pytest.approx(wage * np.exp(0.55 * 0.2), rel=1e-12)
    assert firms.wage / firms.resting_wage == pytest.approx(relative, rel=1e-12)


def test_versatile_firms_lay_off_less():
    state, plan, draws = calm(60, 1, redeployment=0.5, lending=0.0)
    without, plan_without, _ = calm(60, 1, redeployment=0.0, lending=0.0)
    for economy in (state, without):
        economy.firms.planned_output[:] *= 0.5
    adjust = next(phase for name, phase in plan if name == "labour: labour.adjust")
    for economy in (state, without):
        adjust(economy, Step(0, draws))
    small = (state.firms.kind == SMB) & (without.firms.layoffs > 0)
    kept = 1.0 - 0.5 * state.firms.versatility[small]
    cut, cut_without = (economy.firms.layoffs[small] + economy.firms.quits[small] for economy in (state, without))
    assert np.all(state.firms.versatility[small] > 0.5)
    assert cut == pytest.approx(np.maximum(kept * cut_without, state.firms.quits[small]), rel=1e-12)
    assert plan_without


def test_idle_staff_works_for_others_and_is_paid_for():
    """Of ten idle and four missing heads a half of four are lent; heads stay, the host pays the employer's wage, nothing is lost."""
    state, _, draws = calm(60, 1)
    firms, skills = state.firms, only(lending=0.5, lending_most=1.0)
    a, b, c = np.flatnonzero((firms.kind == SMB) & (firms.employment > 3.0))[:3]
    firms.desired_employment[:] = firms.employment
    firms.desired_employment[[a, b]] -= 1.0, 2.0
    firms.desired_employment[c] += 1.5
    staff, limit = firms.employment.copy(), firms.employment + 0.0
    skills.lend(state, Step(0, draws))
    assert firms.borrowed[[a, b, c]] == pytest.approx([-0.25, -0.5, 0.75], rel=1e-9)
    assert abs(firms.borrowed.sum()) < 1e-12
    assert np.array_equal(firms.employment, staff)
    cash, state.flows = firms.cash.copy(), {}
    firms.spendable[:] = 1e12
    skills.pay(state, Step(0, draws))
    wages = 0.25 * firms.wage[a], 0.5 * firms.wage[b]
    assert firms.cash[[a, b, c]] - cash[[a, b, c]] == pytest.approx([*wages, -sum(wages)], rel=1e-6)
    assert limit.size == firms.n


def test_gini_of_known_rows():
    """Equal values 0; everything with one of n: 1 - 1/n; 1, 2, 3: 2/9."""
    rows = [[2.0, 2.0, 2.0], [0.0, 0.0, 5.0], [3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]
    assert [gini(np.array(row)) for row in rows] == pytest.approx([0.0, 2 / 3, 2 / 9, 0.0])


def test_readiness_is_competence_beyond_the_typical():
    state, _, draws = calm(60, 2)
    firms = state.firms
    staff = np.where(firms.quits > 0, firms.quits, 0.0)
    assert np.average(firms.readiness, axis=0, weights=staff) == pytest.approx(np.zeros(len(COMPETENCE)), abs=1e-12)
    assert firms.readiness.std(axis=0).min() > 0.02
    firms.skill[:, :SPARE] += 0.1 * (1.0 - firms.skill[:, :SPARE])
    before = firms.readiness.copy()
    for t in range(13):
        only().review(state, Step(t, draws))
    assert np.all(firms.readiness > before)


# -- numbers ------------------------------------------------------------------------------------------------------------------------------


def effect_of_training(years: int, **numbers) -> tuple[float, float]:
    """Output per head and pay, relative to others, of staff that is always in training; one SMB in ten trains."""
    state, plan, draws = calm(200, 2, **numbers)
    firms = state.firms
    trained = (firms.kind == SMB) & (firms.uid % 10 == 0)
    others = (firms.kind == SMB) & ~trained
    firms.training_since[trained] = 10**6
    for t in range(52 * years):
        firms.training_hours[trained] = 40.0
        models.advance(state, plan, draws, t, t + 1)
    gains = [np.average(firms.skill_value[who], weights=firms.employment[who]) for who in (trained, others)]
    pay = [0.55 * np.average(firms.rewarded[who], weights=firms.employment[who]) for who in (trained, others)]
    return np.exp(gains[0] - gains[1]) - 1.0, np.exp(pay[0] - pay[1]) - 1.0


def test_trained_staff_makes_a_quarter_more_and_earns_half_of_it():
    """Konings and Vanormelingen (2015): 23 % more output per head, 12 % more pay. With the defaults, after six years."""
    productivity, pay = effect_of_training(6)
    assert productivity == pytest.approx(0.23, abs=0.02)
    assert pay == pytest.approx(0.12, abs=0.015)


def test_sectors_differ_as_their_occupations_do():
    """Professional services know more than restaurants in every domain; firms of a sector differ; ten domains have names."""
    state, _, _ = calm(400, 1)
    firms, codes = state.firms, list(state.sector_codes)
    small = firms.kind == SMB
    means = {code: firms.skill[small & (firms.sector == codes.index(code)), :SPARE].mean(axis=0) for code in ("54", "72")}
    assert np.all(means["54"] > means["72"])
    assert firms.skill[small & (firms.sector == codes.index("54"))].std(axis=0)[:SPARE].min() > 0.02
    assert state.sectors.skill_need.sum(axis=1) == pytest.approx(np.ones(len(codes)), rel=1e-12)
    assert len(DOMAINS) == SPARE
    assert COMPETENCE.sum(axis=1) == pytest.approx(np.ones(7), rel=1e-12)
