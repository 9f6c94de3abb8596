"""Rows of the scorecard on tools and skills: measures find what a made-up panel was made with; they appear only where both are on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_scorecard import YEAR, made_up, stacked

from smbsim import economy
from smbsim.analysis import facts, people, scorecard, targets
from smbsim.analysis import panel as panels
from smbsim.scenario import load

N, YEARS = 4000, 4


def with_people(ai=None, years=YEARS, **changes):
    """A panel in which nobody has tools or trains and nothing grows, but for the changes."""
    panel, shape = made_up(N, years=years), (years + 1, N)
    seen = {name: np.zeros(shape, dtype=bool) for name in ("ai", "more_tools", "mature_tools", "trains")}
    seen |= {name: np.ones(shape) for name in ("per_head", "level", "pay")}
    seen["ai"] = seen["ai"] if ai is None else ai
    weekly = panel.weekly | {"ai_use": np.linspace(0.1, 0.5, YEAR * years)}
    return replace(panel, people=seen | changes, weekly=weekly)


def half(panel) -> np.ndarray:
    return np.broadcast_to(np.arange(N) % 2 == 0, panel.alive.shape)


def test_pace_is_the_growth_of_the_log_odds():
    share = 1 / (1 + np.exp(1.5 - 0.4 * np.arange(YEARS + 1)))
    ai = (np.arange(N) + 0.5) / N < share[:, None]
    m = stacked(with_people(ai), with_people(ai))
    assert people.pace_of_ai(m) == pytest.approx(0.4, abs=0.005)
    assert np.isnan(people.pace_of_ai(stacked(with_people())))
    first_half_year = 0.1 + 0.4 * (people.HALF_YEAR - 1) / (YEAR * YEARS - 1)
    assert m["ai_half_year"] == pytest.approx(first_half_year - ai[0].mean())


def test_gradient_is_an_odds_ratio():
    panel = with_people()
    size = np.broadcast_to(np.tile((5.0, 20.0, 80.0, 80.0), N // 4), panel.alive.shape)
    chance = np.where(size < 10, 0.1, np.where(size < 50, 0.2, 1 / 3))  # odds 1/9, 1/4 and 1/2
    ai = np.random.default_rng(7).random(size.shape) < chance
    panel = replace(panel, employment=size, people=panel.people | {"ai": ai})
    assert people.size_gradient(stacked(panel)) == pytest.approx(2.0, abs=0.3)


def test_premium_compares_mature_adopters_with_those_without_within_years():
    """Others grow 2 % a year, mature adopters make 10 % more, those that still try 40 % less: these count as neither."""
    panel = with_people()
    per_head = np.full(panel.alive.shape, 1.02) ** np.arange(YEARS + 1)[:, None]
    mature, tries = half(panel), np.broadcast_to(np.arange(N) % 4 == 1, panel.alive.shape)
    per_head = np.where(mature, 1.1 * per_head, np.where(tries, 0.6 * per_head, per_head))
    found = with_people(more_tools=mature | tries, mature_tools=mature, per_head=per_head)
    assert people.premium(stacked(found)) == pytest.approx(0.1, rel=1e-9)
    assert np.isnan(people.premium(stacked(with_people())))


def test_effect_of_training_is_the_slope_on_the_share_of_years():
    rng = np.random.default_rng(8)
    trains = rng.random((YEARS + 1, N)) < rng.random(N)
    trains[0] = False
    share = trains[1:].mean(axis=0)
    grown = np.ones((YEARS + 1, N))
    grown[-1] = 1.3 * 1.23**share * np.exp(0.01 * rng.standard_normal(N))
    m = stacked(with_people(trains=trains, per_head=grown, pay=np.sqrt(grown)))
    assert people.effect_of_training("per_head")(m) == pytest.approx(0.23, abs=0.005)
    assert people.effect_of_training("pay")(m) == pytest.approx(np.sqrt(1.23) - 1, abs=0.005)


def test_novices_gain_what_they_gain_more_at_the_same_trade():
    """Staff of the second sector knows more, which does not count; within sectors the lowest third gains 10 %, the highest 4 %."""
    level = np.tile(np.linspace(0.2, 0.5, N), (YEARS + 1, 1)) + 0.4 * (np.arange(N) % 2)
    grown = np.ones((YEARS + 1, N))
    grown[-1] = np.where(np.arange(N) < N / 3, 1.1, np.where(np.arange(N) > 2 * N / 3, 1.04, 5.0))
    m = stacked(with_people(level=level, per_head=grown, more_tools=half(with_people())))
    assert people.novices_gain(m) == pytest.approx(np.log(1.1 / 1.04), abs=0.005)
    assert np.isnan(people.novices_gain(stacked(with_people())))


@pytest.fixture(scope="module")
def us():
    return economy.load("us_2022")


def test_rows_are_there_where_the_mechanisms_are_on(us):
    life, both, tools = (
        {fact.name for fact in targets.facts_of(us, load({"name": "x", "model": model, **more}))}
        for model, more in (("life", {}), ("people", {}), ("people", {"skills": {"enabled": False}}))
    )
    assert life == {fact.name for fact in targets.facts_of(us)}
    of_tools = {"ai_start_sectors", "ai_start_sizes", "ai_pace", "ai_half_year", "ai_size_gradient", "adopter_premium"}
    assert tools - life == of_tools
    assert both - life == of_tools | {"training_productivity", "training_pay", "novices_gain"}


def test_targets_are_those_of_the_tables(us):
    tables = targets.Tables(Path(us.folder))
    known = {fact.name: fact for fact in targets.facts_of(us, load({"name": "x", "model": "people"}))}
    assert targets.firms_by_band(tables)[:2].tolist() == [2734191, 950548]
    assert known["ai_pace"].target == pytest.approx(0.50, abs=0.005)  # 4 % of firms in autumn 2023, 9 % two years later
    assert known["ai_half_year"].target == pytest.approx(0.0376, abs=1e-4)
    assert all(fact.source and fact.low <= fact.target <= fact.high for fact in known.values())


def test_economy_without_tables_of_tools_has_rows_without_targets(tmp_path):
    from economies import write_economy

    other = economy.load(write_economy(tmp_path, sectors=3))
    known = {fact.name: fact for fact in targets.facts_of(other, load({"name": "x", "model": "people"}))}
    assert all(np.isnan(known[name].target) for name in ("ai_start_sectors", "ai_start_sizes", "ai_pace", "ai_half_year"))


def test_panel_of_the_model_has_them_and_keeps_them_on_disk(us, tmp_path):
    small = load({"name": "small", "model": "people", "population": {"smbs": 60}, "horizon": {"burn_in": 4}})
    card = scorecard.compute(small, runs=1, years=1, out=tmp_path)
    kept = panels.load(tmp_path / "parts" / "1.nc")
    assert set(kept.people) == {*panels.OF_TOOLS, *panels.OF_SKILLS}
    assert np.isfinite(kept.weekly["ai_use"]).all()
    for name, value in facts.measure(kept).items():
        np.testing.assert_array_equal(value, card.measures[name][0])
    rows = {row.fact.name: row for row in card.rows}
    assert rows["ai_start_sectors"].verdict == "pass"
    assert 0.1 < (card.measures["ai_users"] / card.measures["ai_firms"])[0, 0] < 0.25
