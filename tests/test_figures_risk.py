"""The figures of systemic risk draw every table that a run can leave, say units, leave no trace, and give the same bytes twice."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pytest

from smbsim.analysis.risk_networks import SIZE_CLASSES
from smbsim.analysis.risk_table import Hurt, RiskTable
from smbsim.figures import risk as figures


def tiny(runs=1, n=30, sectors=3, plateau=3, names=True) -> RiskTable:
    """A table by hand: the first firms share the highest index of 20 %, the others follow their size."""
    K = runs * n
    size = np.tile(np.geomspace(0.05, 1e-4, n), runs)
    score = np.minimum(size * 1.5 * (1 + 0.1 * np.repeat(np.arange(runs), n)), 0.15)
    score[np.arange(K) % n < plateau] = 0.2
    sector = np.arange(K) % sectors
    loss = np.zeros((sectors, 4))
    loss[0, 0], loss[-1, 1], loss[-1, 2], loss[:, 3] = 0.05, 0.08, 0.02, 0.05 / sectors
    codes = tuple(f"S{g}" for g in range(sectors))
    manifest = {"asked": {"weight": "output"}, "sector_names": {code: f"Sector number {code}" for code in codes} if names else {}}
    return RiskTable(
        "tiny", tuple(range(runs)), codes, np.repeat(np.arange(runs), n), np.array([f"f{k % n}" for k in range(K)], dtype=object), sector,
        np.full(K, SIZE_CLASSES.index("micro")), size, score, score / 2, score / 2, np.full(K, 7),
        Hurt("f0", "S0", loss, np.full(sectors, 1 / sectors)), manifest,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was."""
    import matplotlib
    import matplotlib._pylab_helpers

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs


def title(ax) -> str:
    return ax.get_title(loc="left").replace("\u00a0", " ").replace("\n", " ")


@pytest.mark.parametrize("name", figures.RISK_FIGURES)
def test_every_figure_takes_an_axis_has_a_sentence_and_says_units(name):
    draw = figures.RISK_FIGURES[name]
    assert draw.__doc__
    ax = draw(tiny())
    assert "(%" in ax.get_xlabel() + ax.get_ylabel()
    assert "(" in ax.get_xlabel()
    assert "(" in ax.get_ylabel()
    mine = figures.base.figure(5, 3).subplots()
    assert draw(tiny(), ax=mine) is mine


@pytest.mark.parametrize("name", figures.RISK_FIGURES)
@pytest.mark.parametrize("table", [tiny(1, 1, 1, 1), tiny(1, 2, 1, 2), tiny(3, 60), tiny(1, 400, 30), tiny(names=False)])
def test_every_shape_of_table_can_be_drawn(name, table):
    figures.RISK_FIGURES[name](table).figure.draw_without_rendering()


@pytest.mark.parametrize("name", figures.RISK_FIGURES)
def test_a_table_without_any_loss_can_be_drawn(name):
    none = tiny()
    zero = np.zeros_like(none.esri)
    empty = replace(none, esri=zero, output_share=zero, hurt=replace(none.hurt, loss=np.zeros((3, 4))))
    figures.RISK_FIGURES[name](empty).figure.draw_without_rendering()


def test_ranking_names_the_plateau_and_what_is_below_one_percent():
    assert title(figures.ranking(tiny())) == "3 firms carry 20 % each (10 % of firms); 67 % stay below 1 %"
    assert title(figures.ranking(tiny(plateau=1))).startswith("1 firm carries 20 % (3.3 % of firms)")
    ax = figures.ranking(tiny(runs=4))
    assert len(ax.collections) == 2  # bands
    assert any(re.fullmatch(r"plateau: 3 firms at 20 % \(\S+ % to \S+ %\)", text.get_text()) for text in ax.texts)


def test_shares_near_one_are_told_from_it():
    assert [figures._share(x) for x in (0.5, 0.99995, 1.0, 0.00035)] == ["50 %", "99.995 %", "100 %", "0.035 %"]


def test_against_size_says_what_size_explains():
    assert title(figures.against_size(tiny())).startswith("Size explains the ranking: rank correlation ")
    shuffled = tiny(plateau=1)
    mixed = replace(shuffled, output_share=np.random.default_rng(1).permutation(shuffled.output_share))
    assert title(figures.against_size(mixed)).startswith("Size alone does not explain the ranking")


def test_who_is_hurt_adds_up_and_names_the_firm():
    ax = figures.who_is_hurt(tiny())
    assert title(ax) == "If firm f0 (sector S0) closes, 20 % of output is lost, 50 % of it by its own customers and suppliers"
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(0.2)
    many = figures.who_is_hurt(tiny(sectors=25, n=50))
    assert sum(bar.get_width() for bar in many.patches) == pytest.approx(0.2)
    assert many.get_yticklabels()[-1].get_text() == "9 other sectors"


def test_draw_all_writes_the_same_bytes_twice_with_the_hash_inside(tmp_path):
    files = [figures.draw_all(tiny(runs=2), tmp_path / folder, "abcd1234") for folder in ("a", "b")]
    assert {file.name for file in files[0]} == {f"{name}.{kind}" for name in figures.RISK_FIGURES for kind in ("svg", "png")}
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()
        assert b"abcd1234" in one.read_bytes()
