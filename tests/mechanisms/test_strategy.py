"""Strategy: nothing is tried at rest; what is tried is what the options say; beliefs follow experience; stages follow sales."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, miniature

from smbsim.mechanisms.base import Step
from smbsim.mechanisms.strategy import (
    DECLINE,
    EXPAND,
    GROWTH,
    HOLD,
    MATURITY,
    OPTIONS,
    PENETRATE,
    RENEWAL,
    RETRENCH,
    REVIEW,
    STARTUP,
    TRIAL,
    Strategy,
    margin,
)  # fmt: skip
from smbsim.schema import WEEKS_PER_YEAR
from smbsim.state import SMB

CALM = {
    "labour": {"productivity_noise": 0.0}, "market": {"quality_noise": 0.0}, "exits": {"retirement_hazard": 0.0, "offer_rate": 0.0},
    "foreign": {"demand_noise": 0.0}, "sourcing": {"review_hazard": 0.0}, "entry": {"enabled": False},
}  # fmt: skip


def life(smbs=80, **strategy):
    return miniature(smbs, 2, model="life", **CALM, strategy=strategy)


@pytest.fixture
def settled():
    """(state, draws) of an economy that has gone a week."""
    state, plan, draws = life(search_base=0.0, search_slope=0.0, peer_weight=0.0)
    advance(state, plan, draws, 0, 1)
    return state, draws


def test_at_rest_nobody_searches_who_looks_only_at_the_past(settled):
    state, draws = settled
    mechanism = Strategy(enabled=True, search_base=0.0, search_slope=100.0, peer_weight=0.0)
    for t in range(1, 30):
        mechanism.decide(state, Step(t, draws))
    assert np.all(state.firms.strategy == HOLD)
    assert np.allclose(state.firms.aspiration, margin(state), atol=1e-12)


def test_at_rest_only_those_search_who_earn_less_than_their_peers(settled):
    """Owing more than others of the sector leaves less; who earns the median or more has what it aspires to."""
    state, draws = settled
    firms = state.firms
    mechanism = Strategy(enabled=True, search_base=0.0, search_slope=100.0, choice=0.0)
    earned, small = margin(state), firms.kind == SMB
    median = {g: np.median(earned[small & (firms.sector == g)]) for g in np.unique(firms.sector[small])}
    below = np.array([k and m < median[g] - 1e-9 for k, m, g in zip(small, earned, firms.sector, strict=True)])
    for t in range(1, 2 * REVIEW):
        mechanism.decide(state, Step(t, draws))
    tried = firms.tried_since > 0
    assert tried.any()
    assert np.all(below[tried])


def test_every_smb_is_reviewed_once_a_quarter_and_the_weeks_share_them(settled):
    state, draws = settled
    mechanism = Strategy(enabled=True, search_base=1.0, choice=0.0)  # everybody reviewed tries something, all options alike
    state.firms.cash[:] += 1e9
    tried = []
    for t in range(REVIEW):
        before = state.firms.margin_before.copy()
        state.firms.margin_before[:] = np.nan
        mechanism.decide(state, Step(t, draws))
        tried.append(np.flatnonzero(~np.isnan(state.firms.margin_before)))
        state.firms.margin_before[:] = before
    smbs = np.flatnonzero(state.firms.kind == SMB)
    assert np.array_equal(np.sort(np.concatenate(tried)), smbs)
    assert max(len(rows) for rows in tried) <= len(smbs) // REVIEW + 1


@pytest.mark.parametrize("option", [PENETRATE, EXPAND, RETRENCH])
def test_an_option_does_what_it_says_and_money_is_kept(settled, option):
    state, draws = settled
    firms = state.firms
    mechanism = Strategy(enabled=True, search_base=1.0, choice=100.0, noise=0.0)
    firms.cash[:] += 1e9
    firms.payoff[:, option] = 1.0
    before = {name: getattr(firms, name).copy() for name in ("markup", "capital", "capacity", "cash")}
    money = state.money()
    mechanism.decide(state, Step(0, draws))
    chose = firms.strategy == option
    assert chose.any()
    assert np.all(firms.strategy[~chose] == HOLD)
    ratio = {name: getattr(firms, name)[chose] / old[chose] for name, old in before.items() if name != "cash"}
    markup, capital = {PENETRATE: (0.9, 1.0), EXPAND: (1.0, 1.1), RETRENCH: (1.1, 0.9)}[option]
    assert np.allclose(ratio["markup"], markup)
    assert np.allclose(ratio["capital"], capital)
    assert np.allclose(ratio["capacity"], capital)
    paid = {PENETRATE: 0.0, EXPAND: 0.1, RETRENCH: -0.05}[option] * before["capital"]
    assert np.allclose((before["cash"] - firms.cash)[chose], paid[chose])
    assert state.money() == pytest.approx(money, rel=1e-14)


def test_what_cannot_be_paid_is_not_chosen(settled):
    state, draws = settled
    firms = state.firms
    firms.cash[:] = np.minimum(firms.cash, 0.4 * firms.liquidity_target)
    firms.payoff[:, EXPAND] = 1.0
    firms.payoff[:, OPTIONS.index("merge")] = 1.0
    mechanism = Strategy(enabled=True, search_base=1.0)
    for t in range(REVIEW):
        mechanism.decide(state, Step(t, draws))
    assert not np.isin(firms.strategy, (EXPAND, OPTIONS.index("merge"))).any()


def test_a_firm_below_its_aspiration_searches_more(settled):
    state, draws = settled
    firms = state.firms
    mechanism = Strategy(enabled=True, search_base=0.0, search_slope=100.0, choice=0.0)
    low = (np.arange(firms.n) % 2 == 0) & (firms.kind == SMB)
    firms.mean_profit[low] = -firms.mean_profit[low]
    for t in range(2 * REVIEW):
        mechanism.decide(state, Step(t, draws))
    assert (firms.tried_since[low] > 0).mean() > (firms.tried_since[~low] > 0).mean() + 0.2


def test_belief_moves_towards_experience(settled):
    state, draws = settled
    firms = state.firms
    mechanism = Strategy(enabled=True, search_base=0.0, learning=0.3)
    row = int(np.flatnonzero((firms.kind == SMB) & (firms.uid % REVIEW == 0))[0])
    firms.strategy[row], firms.tried_since[row] = PENETRATE, 0
    firms.margin_before[row] = margin(state)[row] - 0.05
    week = next(t for t in range(TRIAL, TRIAL + REVIEW + 1) if (t + firms.uid[row]) % REVIEW == 0)
    mechanism.decide(state, Step(week, draws))
    assert firms.strategy[row] == HOLD
    assert firms.payoff[row, PENETRATE] == pytest.approx(0.3 * 0.05)


@pytest.mark.parametrize(
    ("before", "factor", "age", "stage"),
    [
        (MATURITY, 1.0, 10, MATURITY), (MATURITY, 1.3, 10, GROWTH), (MATURITY, 0.8, 10, DECLINE), (DECLINE, 1.05, 10, RENEWAL),
        (DECLINE, 0.95, 10, MATURITY), (MATURITY, 1.3, 1, STARTUP),
    ],
)  # fmt: skip
def test_stage_follows_a_year_of_sales(settled, before, factor, age, stage):
    state, draws = settled
    firms = state.firms
    firms.stage[:] = before
    firms.born[:] = -age * WEEKS_PER_YEAR
    firms.sales_this_year[:] = factor * firms.sales_last_year - firms.output
    week = int(-firms.uid[0]) % WEEKS_PER_YEAR
    Strategy(enabled=True).decide(state, Step(week, draws))
    mine = (firms.kind == SMB) & ((week + firms.uid) % WEEKS_PER_YEAR == 0)
    assert mine.any()
    assert np.all(firms.stage[mine] == stage)


def test_an_economy_of_strategists_keeps_its_books():
    state, plan, draws = miniature(60, 2, model="life", strategy={"search_base": 0.5})
    money = state.money()
    advance(state, plan, draws, 0, 48)
    advance(state, plan, draws, 48, 60, check=True)  # the weeks in which the first tries are judged
    assert state.money() == pytest.approx(money, rel=1e-12)
    assert np.any(state.firms.payoff != 0.0)
