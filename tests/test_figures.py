"""Figures draw every result a run can leave, say units on both axes, leave no trace in matplotlib, and give the same bytes twice."""

import copy
import dataclasses

import numpy as np
import pytest

from smbsim import figures
from smbsim.figures import base, network, series
from smbsim.result import Result, Series
from smbsim.schema import InputError

SECTORS = ("31", "44", "72")
NAMES = {"31": "Manufacturing: food, beverage, textile, apparel, leather", "44": "Retail trade", "72": "Accommodation (hotels) and food"}
TIERS = ("1 (final use)", "2", "3", "4 (upstream)")
SHOCK = {"scenario": {"shocks": [{"kind": "demand", "start": 4, "stop": 9}]}, "sector_names": NAMES}
UNITS = {"paths": "currency/wk", "effect": "(%)", "sectors": "code", "before_after": "code", "cascade": "code", "bullwhip": "ratio"}


def tiny(V=2, R=3, T=30, n=40, manifest=SHOCK) -> Result:
    """A result by hand: from week 4 to 8 variant 1 makes 10 % less. Sector 31 never makes anything; some bullwhip ratios are NaN."""
    rng = np.random.default_rng(1)
    hit = 1 - 0.1 * np.arange(V)[:, None, None] * ((np.arange(T) >= 4) & (np.arange(T) < 9))
    level = hit * (1 + 0.01 * rng.standard_normal((1, R, T)))
    by_sector = np.stack([0 * level, level, level * hit], axis=-1)
    known = {
        "output": Series(2e9 * level, "base currency/wk", "Output of firms"),
        "gdp": Series(1e9 * level, "base currency/wk", "GDP"),
        "employment": Series(4e4 * level, "heads", "Employment in firms"),
        "unmet_demand": Series(1 - level / level.max(), "1", "Unmet demand"),
        "fill_rate": Series(level / level.max(), "1", "Fill rate"),
        "smb_deposits": Series(5e8 * level, "currency", "Deposits of SMBs"),
        "government_deposits": Series(1e8 * (level - 1), "currency", "Deposits of the state"),
        "sector_output": Series(1e8 * by_sector, "base currency/wk", "Output", "sector"),
    }
    whip = 1.5 + rng.random((V, R, 4))
    whip[0] = np.nan
    whip[-1, :, 1] = np.nan
    shots = np.unique(np.linspace(0, T - 1, 5).astype(int))
    kind = (np.arange(n) < 3).astype(np.int8)
    relative = np.ones((V, len(shots), n), dtype=np.float32)
    relative[1:, len(shots) // 2, ::4] = 0.5
    relative[:, :, 5] = 0.0
    firms = {
        "sector": np.arange(n) % 3, "kind": kind, "region": np.zeros(n, int), "tier": (np.arange(n) % 4).astype(np.int8),
        "output": np.where(np.arange(n) == 7, 0.0, 10.0 + np.arange(n)), "relative_output": relative, "snapshot_week": shots,
        "supplier": np.arange(n), "buyer": np.arange(n)[::-1], "flow": np.arange(n, dtype=float),
    }  # fmt: skip
    variants = ("baseline", "demand", "demand and a guarantee")[:V]
    return Result(
        "tiny", variants, tuple(range(R)), np.arange(T), known, {"bullwhip": Series(whip, "1", "Bullwhip ratio", "tier")},
        {"sector": SECTORS, "region": ("all",), "tier": TIERS}, firms, {}, manifest,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was: no setting changed, no figure known to pyplot."""
    import matplotlib
    import matplotlib._pylab_helpers

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs


def texts(ax) -> list[str]:
    return [t.get_text() for t in ax.texts]


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_draws_takes_an_axis_and_carries_units(name):
    from matplotlib.axes import Axes

    result = tiny()
    ax = figures.FIGURES[name](result)
    assert isinstance(ax, Axes)
    assert ax.get_title(loc="left")
    labels = f"{ax.figure.axes[0].get_ylabel()} {ax.get_xlabel()}"
    assert UNITS[name] in labels
    assert "weeks" in labels or "(%)" in labels or "quartile" in labels
    mine = base.figure(5, 3).subplots()
    assert figures.FIGURES[name](result, ax=mine) is mine


def test_notebooks_show_a_figure_without_pyplot():
    """IPython asks an object for `_repr_png_`; matplotlib's own answer needs pyplot."""
    assert base.figure(4, 3)._repr_png_().startswith(b"\x89PNG")


def test_figures_are_listed_with_one_sentence():
    assert set(UNITS) == set(figures.FIGURES) < set(figures.describe())
    assert all(sentence.endswith(".") or ":" in sentence for sentence in figures.describe().values())


@pytest.mark.parametrize(("V", "R", "T", "manifest"), [(1, 1, 1, {}), (1, 2, 2, SHOCK), (3, 1, 3, SHOCK)])
@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_shape_of_result_can_be_drawn(name, V, R, T, manifest):
    figures.FIGURES[name](tiny(V, R, T, manifest=manifest)).figure.draw_without_rendering()


def test_draw_all_writes_the_default_set_with_the_hash_inside(tmp_path):
    files = figures.draw_all(tiny(V=1, R=1, T=1), tmp_path, "abcd1234")
    assert {f.stem for f in files} == {"effect", "unmet_demand", "deposits", "sectors", "before_after", "cascade", "bullwhip"}
    assert {f.suffix for f in files} == {".svg", ".png"}
    assert all(f.is_file() and b"abcd1234" in f.read_bytes() for f in files)


def test_draw_all_leaves_out_what_was_not_recorded(tmp_path):
    whole = tiny()
    part = dataclasses.replace(whole, series={"gdp": whole.series["gdp"]}, panels={}, firms={})
    assert {f.stem for f in figures.draw_all(part, tmp_path)} == {"effect"}


@pytest.mark.parametrize("name", ["effect", "sectors", "cascade"])  # lines, an image, pixels inside an SVG
def test_the_same_result_gives_the_same_bytes(tmp_path, name):
    for folder in ("a", "b"):
        base.save(figures.FIGURES[name](tiny()), tmp_path / folder, name, "hash")
    for suffix in ("svg", "png"):
        one, two = ((tmp_path / folder / f"{name}.{suffix}").read_bytes() for folder in ("a", "b"))
        assert one == two
    assert b"dc:date" not in (tmp_path / "a" / f"{name}.svg").read_bytes()


def test_effect_names_trough_week_and_recovery():
    """Ten percent less from week 4 to 8, all back in week 9; the paired difference has no noise."""
    ax = series.effect(tiny())
    title = ax.get_title(loc="left").replace("\u00a0", " ").replace("\n", " ")
    assert title == "Output of firms: −10 % at the trough (week 4), 90 % back by week 9"
    assert "shock" in texts(ax)


def test_effect_says_when_nothing_differs():
    result = tiny()
    same = np.broadcast_to(result["output"].values[:1], result["output"].values.shape)
    ax = series.effect(dataclasses.replace(result, series={"output": dataclasses.replace(result["output"], values=same)}))
    assert "no difference" in ax.get_title(loc="left")


def test_difference_is_in_the_unit_that_fits():
    """Percent for levels, percentage points for shares, currency where a balance may be below zero."""
    result = tiny()
    units = {name: series.difference(result, name).unit for name in ("output", "unmet_demand", "government_deposits", "sector_output")}
    assert units == {"output": "%", "unmet_demand": "percentage points", "government_deposits": "currency", "sector_output": "%"}
    assert series.difference(result, "output").values[1, :, 5] == pytest.approx(-10)


def test_sectors_are_ordered_by_first_hit_and_silent_ones_are_counted():
    result = tiny()
    late = result["sector_output"].values.copy()
    late[1, :, 4:6, 1] = late[0, :, 4:6, 1]  # retail is hit two weeks later
    late_hit = dataclasses.replace(result["sector_output"], values=late)
    ax = series.sectors(dataclasses.replace(result, series={"sector_output": late_hit}))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Accommodation and food (72)", "Retail trade (44)"]
    assert any("1 sector without output" in t for t in texts(ax))


def test_variants_do_not_share_a_look_and_the_baseline_is_grey():
    result = dataclasses.replace(tiny(), variants=("baseline", *(f"v{k}" for k in range(2 * len(base.PALETTE)))))
    looks = [tuple(base.look(result, v).values()) for v in range(len(result.variants))]
    assert len(set(looks)) == len(looks)
    assert looks[0][0] == base.NEUTRAL


def test_labels_at_line_ends_do_not_overlap():
    """At least the gap apart, inside the axis, in the order of the lines; untouched where there is room."""
    assert base.spread([10.0, 50.0], 12, 0, 100).tolist() == [10, 50]
    placed = base.spread([50.0, 50.5, 49.0, 99.0], 12, 0, 100)
    assert np.diff(np.sort(placed)).min() >= 12 - 1e-9
    assert np.argsort(placed).tolist() == [2, 0, 1, 3]
    assert base.spread([5.0] * 30, 12, 0, 100).max() <= 100


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (-0.5, "−0.5"), (999_999, "1 m"), (1_234_567, "1.23 m"), (2.5e9, "2.5 bn"), (41_613, "41.6 k"), (np.nan, "–")],
)
def test_numbers_are_readable(number, text):
    assert base.human(number) == text


@pytest.mark.parametrize(("number", "text"), [(-3.0, "−3.0 %"), (0.31, "+0.31 %"), (0.0, "0 %"), (-35.2, "−35 %"), (0.014, "+0.01 %")])
def test_differences_carry_sign_and_unit(number, text):
    assert base.signed(number, "%") == text


def test_shock_windows_are_found_wherever_the_manifest_keeps_them():
    result = tiny(manifest={"variants": {"demand": {"shocks+": [{"start": 3, "stop": 5}], "policies": [{"start": 1, "stop": 2}]}}})
    assert base.windows(result) == [(3, 5)]
    assert base.windows(tiny(V=1)) == []


def test_firms_keep_their_place_and_stay_in_their_cell():
    tier, row = np.array([0, 0, 3, 3, 0]), np.array([1, 1, 0, 0, 1])
    x, y = network.places(tier, row)
    assert np.all(np.abs(x - tier) < 0.5)
    assert np.all(np.abs(y - row) < 0.5)
    assert len(set(zip(x, y, strict=True))) == 5


def test_a_large_population_is_thinned_without_losing_large_firms():
    kind = np.zeros(100_000, dtype=np.int8)
    kind[::1000] = network.LARGE
    rows = network._drawn(kind)
    assert len(rows) <= network.MOST + 100
    assert set(np.flatnonzero(kind)) <= set(rows)


@pytest.mark.parametrize("draw", [series.paths, series.effect])
def test_a_metric_by_sector_is_refused_with_advice(draw):
    with pytest.raises(InputError, match=r"one value per sector; use sectors\(\)"):
        draw(tiny(), "sector_output")


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="unknown metric 'outputt'"):
        series.paths(tiny(), "outputt")
    with pytest.raises(InputError, match="no value per sector"):
        series.sectors(tiny(), "output")
    with pytest.raises(InputError, match="unknown variant 'demnd'"):
        series.before_after(tiny(), variant="demnd")
    with pytest.raises(InputError, match="holds no firms"):
        network.cascade(dataclasses.replace(tiny(), firms={}))


def test_relative_paths_are_percent_of_the_baseline():
    ax = series.paths(tiny(), relative=True)
    assert "% of baseline" in ax.get_ylabel()
    low, high = ax.get_ylim()
    assert low < 90 < 100 < high


def test_titles_are_wrapped_evenly():
    assert base.balanced("one two three four five", 20) == "one two three\nfour five"
    assert base.balanced("one two", 20) == "one two"
    assert base.balanced("", 20) == ""


def test_importing_figures_does_not_import_matplotlib():
    """`smbsim list` prints the figures; it must start fast."""
    import subprocess
    import sys

    code = "import sys, smbsim.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
