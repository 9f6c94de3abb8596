"""Figures of lives of firms draw every scorecard and result, say units, leave no trace, and give the same bytes twice."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smbsim import economy
from smbsim.analysis import facts, scorecard, targets
from smbsim.figures import base, demography
from smbsim.figures import scorecard as drawing
from smbsim.result import Result, Series
from smbsim.schema import InputError

WEEKS = 60


def card(runs=3, empty=False, seed=0) -> scorecard.Scorecard:
    """Random counts and statistics with the shapes of a run; empty: nothing happened, nothing is known."""
    us, rng = economy.load("us_2022"), np.random.default_rng(seed)
    A, S, G, C, F = len(facts.AGES), len(facts.SIZES), us.G, len(facts.CAUSES), len(facts.FINE_SIZES) + len(facts.REGRESSION_AGES)
    counts = {
        "age_years": (A,), "age_exits": (A,), "size_years": (S,), "size_exits": (S,), "sector_years": (G,), "sector_exits": (G,),
        "sector_entrants": (G,), "sector_firms": (G,), "cause_by_age": (A, C), "young": (), "firms": (), "job_creation": (),
        "job_destruction": (), "jobs": (), "growth_histogram": (len(facts.GROWTH_EDGES) - 1,),
        "cash_histogram": (len(facts.CASH_EDGES) - 1,), "applicants": (), "applications": (), "approved": (), "approved_in_full": (),
        "risky_applications": (), "risky_approved": (), "exposed_weeks": (), "loss_ratio": (2,), "hires": (), "head_weeks": (),
    }  # fmt: skip
    statistics = {
        "growth_shape": (), "volatility_exponent": (), "size_tail": (), "cash_quartiles": (3,), "quarter_unemployment": (8,),
        "quarter_vacancies": (8,), "quarter_output_growth": (7,), "beveridge": (), "okun": (), "phillips": (), "output_spread": (),
        "output_autocorrelation": (), "employment_lag": (), "bullwhip": (4,),
    }  # fmt: skip
    m = {name: (0.0 if empty else 1.0) * rng.integers(1, 50, (runs, *shape)) for name, shape in counts.items()}
    m |= {name: np.full((runs, *shape), np.nan) if empty else rng.random((runs, *shape)) for name, shape in statistics.items()}
    m["cause_by_age"][:, :, 0] = 0.0  # nobody closes without a cause
    m["age_years"] = 10 * m["age_exits"]
    design = rng.random((runs, 2, 50, F)) * (0.0 if empty else 1.0)
    m["normal_matrix"], m["normal_vector"] = design.swapaxes(2, 3) @ design, design.sum(axis=2)
    hazard = targets.hazard_targets(targets.Tables(Path(us.folder)))
    return scorecard.Scorecard("made up", tuple(range(runs)), 2, us.sectors, targets.facts_of(us), m, hazard)


def result(variants=("baseline", "guarantee", "grant"), runs=3, still=False) -> Result:
    """Random paths of the series that the figures need; still: nobody closes and nothing moves."""
    rng, shape = np.random.default_rng(1), (len(variants), runs, WEEKS)
    noise = np.zeros(shape) if still else rng.random(shape)
    paths = {
        "surviving_smbs": 1 - 0.002 * np.cumsum(noise, axis=2), "smbs_alive": 100 - noise, "exits": noise,
        "unemployment": 0.05 + 0.01 * noise,
        "vacancies": 3 - noise, "employment": 100 - noise, "gdp": 100 + noise,
        **{name: 10.0 * (k + 1) + noise for k, name in enumerate(demography.CASH_QUARTILES)},
        **{name: np.round(noise) for name in demography.CAUSE_SERIES},
    }  # fmt: skip
    series = {name: Series(values, "1", name) for name, values in paths.items()}
    return Result("made up", tuple(variants), tuple(range(runs)), np.arange(WEEKS), series, {}, {}, {}, {})


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was."""
    import matplotlib
    import matplotlib._pylab_helpers

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("name", drawing.CARD_FIGURES)
def test_every_figure_of_a_card_has_a_title_units_and_takes_an_axis(name, runs, empty):
    draw, made = drawing.CARD_FIGURES[name], card(runs, empty)
    assert draw.__doc__
    ax = draw(made)
    assert ax.get_title(loc="left")
    assert "(" in ax.get_xlabel()
    assert name == "overview" or "(" in ax.get_ylabel()
    ax.figure.draw_without_rendering()  # files are written in the last tests
    mine = base.figure(5, 3).subplots()
    assert draw(made, ax=mine) is mine


@pytest.mark.parametrize("variants", [("baseline",), ("baseline", "guarantee", "grant"), tuple("abcde")])
@pytest.mark.parametrize("still", [False, True])
@pytest.mark.parametrize("name", demography.RESULT_FIGURES)
def test_every_figure_of_a_result_has_a_title_units_and_takes_an_axis(name, still, variants):
    draw, needed = demography.RESULT_FIGURES[name]
    made = result(variants, 1 if still else 3, still)
    assert draw.__doc__
    ax = draw(made)
    assert ax.get_title(loc="left")
    assert "(" in ax.get_xlabel()
    assert "(" in ax.get_ylabel()
    ax.figure.draw_without_rendering()  # files are written in the last tests
    mine = base.figure(5, 3).subplots()
    assert draw(made, ax=mine) is mine
    assert set(needed) <= set(made.series)
    with pytest.raises(InputError, match="unknown metric"):
        draw(replace(made, series={}))


def test_what_is_drawn_is_what_was_measured():
    made = card()
    line = next(line for line in drawing.survival(made).lines if line.get_label() == "model")
    np.testing.assert_allclose(line.get_ydata(), 0.1)
    dots = next(line for line in drawing.survival(made).lines if line.get_label() == "statistics")
    np.testing.assert_allclose(dots.get_ydata(), made.hazard_targets)
    bars = sum(bar.get_height() for bar in drawing.exit_causes(made).patches)
    assert bars == pytest.approx(len(facts.AGES))


def test_a_result_is_drawn_as_far_as_it_was_recorded(tmp_path):
    made = result()
    assert len(demography.draw_result(made, tmp_path)) == 2 * len(demography.RESULT_FIGURES)
    left = {name: s for name, s in made.series.items() if name != "gdp"}
    assert len(demography.draw_result(replace(made, series=left), tmp_path)) == 2 * (len(demography.RESULT_FIGURES) - 1)
    assert demography.draw_result(result(still=True), tmp_path) == []


def test_the_same_card_gives_the_same_bytes(tmp_path, monkeypatch):
    drawn = {name: drawing.CARD_FIGURES[name] for name in ("growth", "survival")}
    monkeypatch.setattr(drawing, "CARD_FIGURES", drawn)
    for folder in ("a", "b"):
        drawing.draw_card(card(2), tmp_path / folder, "hash")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
