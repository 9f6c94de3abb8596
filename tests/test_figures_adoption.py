"""Figures of tools and skills draw every result, show what was measured beside the statistics, say units, and give the same bytes twice."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smbsim import adoption as tables
from smbsim import economy
from smbsim.adoption import FUNCTIONS
from smbsim.figures import adoption, base, skills
from smbsim.metrics.adoption import QUARTILES, SIZES
from smbsim.metrics.displacement import SEPARATIONS
from smbsim.occupations import DOMAINS
from smbsim.result import Result, Series
from smbsim.schema import InputError

WEEKS = 60
US = {"scenario": {"economy": "us_2022"}}
FIGURES = adoption.RESULT_FIGURES | skills.RESULT_FIGURES


def result(variants=("baseline", "training", "grant"), runs=3, still=False, manifest=US, firms=40) -> Result:
    """Adoption that rises by half a point a week and by variant, with noise; still: nothing moves."""
    rng, shape = np.random.default_rng(1), (len(variants), runs, WEEKS)
    rise = (0.1 + 0.05 * np.arange(len(variants))[:, None, None]) + (0.0 if still else 0.005) * np.arange(WEEKS)
    level = rise + (0.0 if still else 0.01) * rng.random(shape)

    def along(names, factor):
        return level[..., None] * (1.0 + factor * np.arange(len(names)))

    series = {
        "ai_use": Series(level, "1", "SMBs that use AI"),
        "size_ai_use": Series(along(SIZES, 0.3), "1", "SMBs that use AI", "size"),
        "function_ai_use": Series(along(FUNCTIONS, 0.1), "1", "SMBs that use AI", "function"),
        "quartile_ai_use": Series(along(QUARTILES, 0.2), "1", "SMBs that use AI", "quartile"),
        "displacement_by_cause": Series(along(SEPARATIONS, 1.0), "per 1 000 heads and year", "Displacement", "separation"),
        "domain_skill_level": Series(np.append(along(DOMAINS, 0.1), np.zeros((*shape, 1)), axis=3), "1", "Level of skills", "domain"),
    }
    labels = {
        "size": SIZES, "function": FUNCTIONS, "quartile": QUARTILES, "separation": SEPARATIONS, "domain": (*DOMAINS, "new"),
        "sector": ("31", "44", "72"), "tier": ("1 (final use)", "2", "3", "4 (upstream)"),
    }  # fmt: skip
    shots, rows = np.array([0, 20, 40, WEEKS - 1]), np.arange(firms)
    panel = {
        "sector": rows % 3, "tier": rows % 4, "kind": (rows < 3).astype(np.int8), "snapshot_week": shots,
        "ai_functions": rng.integers(-1, 6, (len(variants), len(shots), firms)).astype(np.int8),
        "supplier": rows, "buyer": rows[::-1].copy(), "flow": rows.astype(float),
    }  # fmt: skip
    return Result("made up", tuple(variants), tuple(range(runs)), np.arange(WEEKS), series, {}, labels, panel, {}, manifest)


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was."""
    import matplotlib
    import matplotlib._pylab_helpers

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs


@pytest.mark.parametrize(("variants", "runs", "still", "manifest"), [
    (("baseline",), 1, False, {}), (("baseline", "training", "grant"), 3, False, US), (tuple("abcdefgh"), 2, False, US),
    (("baseline", "training"), 2, True, US),
])  # fmt: skip
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_every_result_with_a_title_and_units(name, variants, runs, still, manifest):
    draw, needed = FIGURES[name]
    made = result(variants, runs, still, manifest)
    ax = draw(made)
    ax.figure.draw_without_rendering()
    said = ax.get_title(loc="left") + "".join(text.get_text() for text in ax.figure.texts)
    assert len(said) > 5
    below = ax.figure.axes[0]
    assert name == "skill_radar" or ("(" in below.get_ylabel() and "(" in ax.get_xlabel())
    kind = {"projection": "polar"} if name == "skill_radar" else {}
    mine = base.figure(5, 3).subplots(subplot_kw=kind)
    assert draw(made, ax=mine) is mine
    with pytest.raises(InputError, match=r"unknown metric|does not hold"):
        draw(replace(made, series={}, firms={}))
    assert set(needed) <= set(made.series)


def test_lines_are_medians_and_dots_the_survey():
    made = result()
    ax = adoption.s_curves(made)
    lines = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == WEEKS]
    np.testing.assert_allclose(lines[1], np.median(made["size_ai_use"].values[1, :, :, 1], axis=0))
    dots = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
    history = tables.read_history(Path(economy.load("us_2022").folder))
    published = np.concatenate([reading.share[np.isfinite(reading.share)] for reading in history.values()])
    np.testing.assert_allclose(np.sort(dots), np.sort(published))
    assert not [line for line in adoption.s_curves(replace(made, manifest={})).lines if line.get_marker() == "o"]


def test_the_history_ends_where_the_model_begins_and_names_bad_cells(tmp_path):
    history = tables.read_history(Path(economy.load("us_2022").folder))
    assert max(reading.years[-1] for reading in history.values()) == 0.0
    assert all(np.all(np.diff(reading.years) > 0) and reading.share.shape[1] == len(reading.heads) for reading in history.values())
    assert tables.read_history(tmp_path) == {}
    (tmp_path / tables.HISTORY).write_text("period,wording,btos_size_class,share\n202599,any,A,0.1\n")
    with pytest.raises(InputError, match="202599"):
        tables.read_history(tmp_path)
    (tmp_path / tables.HISTORY).write_text("period,wording,btos_size_class,share\n202501,any,A,1.5\n")
    with pytest.raises(InputError, match="line 2, column 'share'"):
        tables.read_history(tmp_path)


def test_bars_add_up_and_the_gap_is_named():
    made = result(("baseline", "training"), 2)
    bars = adoption.displacement_by_cause(made).patches
    assert sum(bar.get_width() for bar in bars) == pytest.approx(made["displacement_by_cause"].values.mean(axis=(1, 2)).sum())
    gap = made["quartile_ai_use"].values
    at_end = 100 * np.median(gap[1, :, -1, -1] - gap[1, :, -1, 0])
    assert f"{base.human(at_end, 2)} at the end" in adoption.divide(made).get_title(loc="left").replace("\n", " ")


def test_closed_firms_are_not_on_the_network():
    made = result(firms=30)
    ax = adoption.adoption_network(made, ax=base.figure(4, 4).subplots())
    drawn = sum(len(dots.get_offsets()) for dots in ax.collections if hasattr(dots, "get_sizes"))
    assert drawn == np.count_nonzero(made.firms["ai_functions"][1, -1, 3:] >= 0)


def test_the_radar_needs_a_polar_axis_and_leaves_out_what_nobody_knew():
    made = result(("baseline",), 1)
    with pytest.raises(InputError, match="polar"):
        skills.skill_radar(made, ax=base.figure(4, 4).subplots())
    assert len(skills.skill_radar(made).get_xticks()) == len(DOMAINS)


def test_a_result_is_drawn_as_far_as_it_was_recorded_and_twice_the_same(tmp_path):
    made = result(("baseline", "training"), 2)
    for subject in (adoption, skills):
        files = [subject.draw_result(made, tmp_path / folder, "hash") for folder in ("a", "b")]
        assert len(files[0]) == 2 * len(subject.RESULT_FIGURES)
        for one, two in zip(*files, strict=True):
            assert one.read_bytes() == two.read_bytes(), one.name
        assert subject.draw_result(result(still=True), tmp_path / "still") == []
        assert subject.draw_result(replace(made, series={}, firms={}), tmp_path / "none") == []
