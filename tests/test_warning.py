"""Early warnings: indicators against their definitions window by window, surrogates, tips, areas under a curve, folders and the command."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from known_systems import autoregression, moved, no_fold, saddle_node
from scipy.stats import kendalltau, mannwhitneyu, skew
from typer.testing import CliRunner

from smbsim import cli
from smbsim.analysis import skill as skills
from smbsim.analysis.indicators import INDICATORS, across, in_windows, kendall, least_length, running_kendall, trend
from smbsim.analysis.skill import area, ramp, roc, skill
from smbsim.analysis.surrogates import fit, surrogates
from smbsim.analysis.warning import tip, warning
from smbsim.analysis.watch import watch
from smbsim.figures import warning as figures
from smbsim.metrics.spread import moran
from smbsim.result import Result, Series
from smbsim.schema import InputError

RNG = np.random.default_rng(5)
WALKS = RNG.normal(size=(3, 120)).cumsum(axis=1)
WIDTH = 40


def windows(x=WALKS, width=WIDTH):
    """(S, W, width) each window less its mean."""
    w = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)
    return w - w.mean(axis=2, keepdims=True)


# -- indicators -----------------------------------------------------------------------------------------------------------------------


def test_windows_are_counted_from_the_first_full_one_to_the_end():
    found = in_windows(WALKS, WIDTH)
    assert {values.shape for values in found.values()} == {(3, 120 - WIDTH + 1)}
    assert list(found) == list(INDICATORS)


def test_variance_autocorrelation_and_skewness_are_those_of_each_window():
    found, d = in_windows(WALKS, WIDTH), windows()
    assert found["variance"] == pytest.approx((d**2).mean(axis=2), rel=1e-9)
    assert found["ac1"] == pytest.approx((d[..., 1:] * d[..., :-1]).sum(axis=2) / (d**2).sum(axis=2), abs=1e-10)
    assert found["skewness"] == pytest.approx(skew(d, axis=2), abs=1e-8)


def test_return_rate_is_that_of_the_autocorrelation_per_time():
    """-ln(ac1) / Δt; unknown where it returns within a step."""
    once, twice = in_windows(WALKS, WIDTH), in_windows(WALKS, WIDTH, dt=2.0)
    assert once["return_rate"] == pytest.approx(2 * twice["return_rate"])
    assert np.exp(-once["return_rate"]) == pytest.approx(once["ac1"])
    noise = in_windows(RNG.normal(size=(1, 200)), 50)
    assert np.array_equal(np.isnan(noise["return_rate"]), noise["ac1"] <= 0)


def test_reddening_is_the_share_of_the_lowest_frequencies():
    """Against the Fourier transform of each window: k = 1, 2 of 20."""
    power = np.abs(np.fft.rfft(windows(), axis=2)) ** 2
    expected = 2 * power[..., 1:3].sum(axis=2) / (WIDTH * (windows() ** 2).sum(axis=2))
    assert in_windows(WALKS, WIDTH)["reddening"] == pytest.approx(expected, rel=1e-9)


def test_reddening_of_a_slow_and_a_fast_wave_is_one_and_nothing():
    t = np.arange(200)
    waves = np.sin(2 * np.pi * np.outer([1, 10], t) / WIDTH)
    assert in_windows(waves, WIDTH)["reddening"].mean(axis=1) == pytest.approx([1.0, 0.0], abs=1e-9)


def test_composite_is_the_mean_of_standardised_indicators():
    found = in_windows(WALKS, WIDTH)
    z = [(found[n] - found[n].mean(axis=1, keepdims=True)) / found[n].std(axis=1, keepdims=True) for n in ("variance", "ac1", "reddening")]
    assert found["composite"] == pytest.approx(np.mean(z, axis=0))


def test_trend_leaves_straight_lines_as_they_are_up_to_both_ends():
    """Which a local mean would not: it is that bias which would look like variance at the ends."""
    line = 3.0 - 0.2 * np.arange(150)
    assert trend(line) == pytest.approx(line, abs=1e-10)


def test_trend_has_its_quartiles_at_a_quarter_of_the_bandwidth():
    """Half of the weight in the middle of a long series lies within b n / 4."""
    n = 2001
    weights = trend(np.eye(n), 0.2)[:, 1000]
    assert weights.sum() == pytest.approx(1.0)
    assert weights[900:1101].sum() == pytest.approx(0.5, abs=0.005)


def test_tau_is_kendalls_with_and_without_ties():
    for x in (RNG.normal(size=60), RNG.integers(0, 5, 60).astype(float)):
        assert kendall(x) == pytest.approx(kendalltau(np.arange(60), x).statistic)
        assert running_kendall(x)[30] == pytest.approx(kendalltau(np.arange(31), x[:31]).statistic)
    with_gap = np.r_[np.nan, 1.0, np.nan, 2.0, 5.0, 4.0]
    assert kendall(with_gap) == pytest.approx(4 / 6)
    assert np.isnan(kendall(np.ones(9)))
    assert np.isnan(kendall(np.array([np.nan, 1.0, 2.0])))


def test_moran_of_a_ring_by_hand():
    """Four in a ring: alike in pairs, one half of the links joins the same and one half the opposite; alternating, all the opposite."""
    first, second = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])
    assert moran(np.array([1.0, 1.0, 0.0, 0.0]), first, second) == pytest.approx(0.0)
    assert moran(np.array([1.0, 0.0, 1.0, 0.0]), first, second) == pytest.approx(-1.0)
    assert moran(np.array([1.0, 1.0, 0.0, 0.0]), first[[0, 2]], second[[0, 2]]) == pytest.approx(1.0)
    assert moran(np.ones(4), first, second) == 0.0
    assert moran(np.array([1.0, 2.0]), first[:0], second[:0]) == 0.0


def test_indicators_across_firms_rise_as_a_lattice_moves_together():
    """Noise that spreads ever farther along a ring: variance and Moran's I both rise with the coupling."""
    n, first = 200, np.arange(200)
    panel = []
    for reach in np.linspace(0.0, 0.32, 60):
        x = np.zeros(n)
        for _ in range(60):
            x = reach * (np.roll(x, 1) + x + np.roll(x, -1)) + RNG.normal(size=n)
        panel.append(x)
    found = across(np.array(panel), first, np.roll(first, 1))
    assert kendall(found["moran"]) > 0.5
    assert kendall(found["cross_section_variance"]) > 0.5


# -- surrogates -----------------------------------------------------------------------------------------------------------------------


def test_fit_finds_order_coefficients_and_noise():
    """x_t = .5 x_{t-1} - .4 x_{t-2} + e; white noise has order 0."""
    x = np.zeros(20_000)
    e = RNG.normal(size=x.size)
    for t in range(2, x.size):
        x[t] = 0.5 * x[t - 1] - 0.4 * x[t - 2] + 2.0 * e[t]
    phi, sigma = fit(x)
    assert phi == pytest.approx([0.5, -0.4], abs=0.03)
    assert sigma == pytest.approx(2.0, rel=0.02)
    assert len(fit(e)[0]) == 0


def test_phases_drawn_anew_leave_the_spectrum_exactly():
    for n in (101, 102):
        x = autoregression(0.8, n, seed=4)[0]
        like = surrogates(x, 5, kind="phase")
        assert np.abs(np.fft.rfft(like, axis=1))[:, 1:] == pytest.approx(np.tile(np.abs(np.fft.rfft(x))[1:], (5, 1)))
        assert np.ptp(like, axis=0).min() > 0
        assert like.mean(axis=1) == pytest.approx(np.full(5, x.mean()))


def test_autoregressive_surrogates_have_variance_and_memory_of_the_series():
    x = autoregression(0.7, 3000, seed=2)[0]
    like = surrogates(x, 40)
    assert like.var() == pytest.approx(x.var(), rel=0.1)
    assert np.mean(like[:, 1:] * like[:, :-1]) / like.var() == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("kind", ["ar", "phase"])
def test_surrogates_are_keyed_by_seed_and_number(kind):
    x = autoregression(0.5, 100)[0]
    assert np.array_equal(surrogates(x, 3, 7, kind), surrogates(x, 5, 7, kind)[:3])
    assert not np.array_equal(surrogates(x, 3, 7, kind), surrogates(x, 3, 8, kind))


@pytest.mark.parametrize(("phi", "kind"), [(0.0, "ar"), (0.8, "ar"), (0.8, "phase")])
def test_one_in_twenty_stationary_series_raises_an_alarm(kind, phi):
    """The test is as often wrong as it says: 5 % of 100, within three standard errors."""
    series = enumerate(autoregression(phi, 100, 100, seed=3))
    alarms = np.mean([warning(x, n_surrogates=40, kind=kind, seed=k).alarm for k, x in series])
    assert alarms < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


# -- one series -----------------------------------------------------------------------------------------------------------------------


def slowing(n=400, seed=6):
    """An autoregression whose coefficient goes from .1 to .97."""
    rng, x = np.random.default_rng(seed), np.zeros(n)
    for t in range(1, n):
        x[t] = (0.1 + 0.87 * t / n) * x[t - 1] + rng.standard_normal()
    return x


def test_slowing_down_raises_an_alarm_and_says_that_it_is_no_prediction():
    found = warning(slowing(), name="made up")
    assert found.alarm
    assert found.rises["composite"].tau > found.rises["composite"].band[1]
    assert found.rises["return_rate"].tau < 0
    assert found.rises["ac1"].adjusted < 0.05
    assert "the indicators rise together" in found.in_words()
    assert "no prediction" in found.in_words()
    assert found.window == 100


def test_noise_raises_none_and_silence_is_no_all_clear():
    found = warning(autoregression(0.5, 300, seed=8)[0])
    assert not found.alarm
    assert "no all-clear" in found.in_words()


def test_p_is_adjusted_over_the_indicators_that_say_something_of_their_own():
    """Holm over variance, ac1, skewness, reddening: the smallest p four times, and never below the one before."""
    rises = warning(slowing()).rises
    own = sorted(((r.p, r.adjusted) for n, r in rises.items() if n not in ("return_rate", "composite")), key=lambda pair: pair[0])
    assert own[0][1] == pytest.approx(min(1.0, 4 * own[0][0]))
    assert [a for _, a in own] == sorted(a for _, a in own)
    assert np.isnan(rises["composite"].adjusted)


def test_indicators_across_firms_are_tested_as_they_are():
    n = 200
    rising, flat = np.linspace(0, 3, n) + RNG.normal(size=n), np.full(n, 2.0)
    rises = warning(autoregression(0.5, n)[0], across={"moran": rising, "cross_section_variance": flat}).rises
    assert rises["moran"].tau > 0.3
    assert rises["moran"].p < 0.05
    assert np.isnan(rises["cross_section_variance"].p)


def test_time_gives_the_unit_of_windows_and_rates_and_the_end():
    x, time = slowing(), 4.0 * np.arange(400)
    whole, half = warning(x, time), warning(x, time, until=799.0)
    assert whole.window == 400.0
    assert whole.indicators["return_rate"] == pytest.approx(warning(x).indicators["return_rate"] / 4)
    assert len(half.series) == 200
    assert half.ends[-1] == half.time[-1] == 796.0
    assert np.array_equal(np.r_[half.series, half.after[1][1:]], x)


@pytest.mark.parametrize(
    ("series", "options", "match"),
    [
        (np.arange(79.0), {}, "a series of 79 values is too short for a warning: 80 are needed with a window of 0.25"),
        (np.arange(39.0), {"window": 0.5}, "40 are needed"),
        (np.r_[np.arange(99.0), np.nan], {}, "1 unknown values of 100"),
        (np.ones(100), {}, "does not move"),
        (slowing(), {"window": 0.7}, r"window = 0.7 is outside \(0, 0.5\]"),
        (slowing(), {"bandwidth": 0.0}, "bandwidth = 0.0 is outside"),
        (slowing(), {"kind": "arr"}, "surrogates of kind 'arr'. Did you mean 'ar'"),
        (slowing(), {"until": 500}, "until = 500: 'tip', or a time from 0 to 399"),
        (slowing(), {"until": "tip"}, "no lasting jump"),
        (slowing(), {"n_surrogates": 0}, "n_surrogates = 0: at least 1"),
        (np.ones((2, 100)), {}, r"a series of shape \(2, 100\)"),
    ],
)
def test_what_nothing_can_be_said_about_is_refused(series, options, match):
    with pytest.raises(InputError, match=match):
        warning(series, **options)


def test_length_needed_is_that_of_a_window_of_twenty():
    assert [least_length(window) for window in (0.25, 0.5, 0.3)] == [80, 40, 67]


# -- tips -----------------------------------------------------------------------------------------------------------------------------


def test_tip_is_where_the_level_is_left():
    """A jump of 10 at 200 after three steps on the way out: the series ends before those."""
    x = RNG.normal(size=300) * 0.5
    x[197:200], x[200:] = (3.0, 5.0, 8.0), x[200:] + 10.0
    assert 180 < tip(x) <= 197
    assert tip(-x) == tip(x)


def test_neither_drift_nor_memory_nor_an_excursion_is_a_tip():
    assert tip(np.linspace(0, 10, 300) + RNG.normal(size=300)) is None
    assert all(tip(x) is None for x in autoregression(0.95, 300, 40, seed=2))
    there_and_back = RNG.normal(size=300) * 0.5
    there_and_back[100:150] += 10.0
    assert tip(there_and_back) is None
    assert tip(np.zeros(10)) is None
    assert tip(np.zeros(100)) is None


# -- skill ----------------------------------------------------------------------------------------------------------------------------


def test_area_is_that_of_mann_and_whitney_and_of_the_curve():
    a, b = RNG.normal(0.8, 1, 40), RNG.normal(0, 1, 30).round(1)
    a = a.round(1)
    found = area(a, b)
    assert found.auc == pytest.approx(mannwhitneyu(a, b).statistic / 1200)
    false, hits = roc(a, b)
    assert np.trapezoid(hits, false) == pytest.approx(found.auc)
    assert (false[0], hits[0], false[-1], hits[-1]) == (0, 0, 1, 1)


def test_interval_of_an_area_covers_and_is_no_point_where_all_are_told_apart():
    """Normal scores one deviation apart: AUC = Φ(1 / √2) = .760; of 300 intervals 95 % hold it, within three standard errors."""
    inside = [one.low <= 0.7602 <= one.high for one in (area(RNG.normal(1, 1, 25), RNG.normal(0, 1, 25)) for _ in range(300))]
    assert abs(np.mean(inside) - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 300)
    best = area(np.arange(20) + 100.0, np.arange(20.0))
    assert (best.auc, best.high) == (1.0, 1.0)
    assert 0.8 < best.low < 0.95
    assert not area(np.arange(10.0), np.arange(10.0)).clear


@pytest.fixture(scope="module")
def fold():
    """20 + 20 runs of .5 per step: into the fold, and the same drift without one."""
    p = np.linspace(-1, 0.6, 300)
    return moved(saddle_node, p, -1.3, 0.1, 20, seed=1), moved(no_fold, p, -1.2, 0.1, 20, seed=2)


def test_skill_is_measured_and_told(fold):
    found = skill(*fold, n_surrogates=20)
    assert found.runs == (20, 20)
    assert found.areas["composite"].low > 0.5
    assert found.false <= 0.05
    assert 0 < found.median_lead < 300
    assert np.all((found.lead >= 0) | np.isnan(found.lead))
    assert found.hits[0] > found.false_hits[2]
    words = found.in_words()
    assert "(AUC, 95 % interval; 20 tipping, 20 calm runs): skill" in words
    assert "come without a warning" in words
    assert "fewer than 50 runs of each kind" in words


def test_no_skill_is_called_a_coin():
    x = autoregression(0.5, 200, 40, seed=4)
    found = skill(x[:20], x[20:], ends=[200] * 20)
    assert "no better than a coin" in found.in_words()
    assert "a lead time would be chance" in found.in_words()


@pytest.mark.parametrize(
    ("case", "match"),
    [
        (lambda t, c: skill(t[:4], c), "4 tipping runs: at least 5"),
        (lambda t, c: skill(t, c[:, :-1]), "they must be as long"),
        (lambda t, c: skill(c, c), "20 of 20 runs said to tip have no lasting jump, run 0 first"),
        (lambda t, c: skill(t, t), "said to be calm have a lasting jump"),
        (lambda t, c: skill(t, c, ends=[70] * 20), "end too early, run 0 after 70 values; 80 are needed"),
    ],
)
def test_skill_refuses_what_cannot_be_measured(fold, case, match):
    with pytest.raises(InputError, match=match):
        case(*fold)


def test_ramp_moves_a_system_from_hold_to_hold():
    """A system that adds its parameter to its state; two realisations each."""

    def f(p, state, seed):
        x = np.zeros(2) if state is None else state
        return x + p, x + p

    assert ramp(f, [1.0, 2.0, 3.0], [1, 2]).tolist() == [[1.0, 3.0, 6.0]] * 4


# -- many runs, the folder, the command ---------------------------------------------------------------------------------------------------


def result_of(**variants):
    values = np.stack(list(variants.values()))
    runs, weeks = values.shape[1:]
    series = {"output": Series(values, "1", "Made up"), "output_moran": Series(np.abs(values), "1", "Moran's I")}
    series["by_sector"] = Series(values[..., None], "1", "By sector", "sector")
    return Result("made up", tuple(variants), tuple(range(runs)), np.arange(weeks), series, {}, {"sector": ("A",)}, {}, {})


def test_watch_judges_every_run_and_measures_skill_where_both_kinds_are_there(fold):
    found = watch(result_of(calm=fold[1], tipping=fold[0]), until="tip", calm="calm", n_surrogates=20)
    assert len(found.found) == 20
    assert found.tipped.all()
    assert "moran" in found.found[0].rises
    assert found.skill.runs == (20, 20)
    assert found.found[found.shown].after[0].size > 1
    told = found.plain()
    assert told["alarms"] == sum(one.alarm for one in found.found)
    assert told["skill"]["auc"]["composite"]["low"] > 0.5


def test_watch_finds_calm_runs_among_those_of_the_variant(fold):
    mixed = np.concatenate([fold[0][:6], fold[1][:6]])
    found = watch(result_of(mixed=mixed), until="tip", n_surrogates=5)
    assert found.tipped.tolist() == [True] * 6 + [False] * 6
    assert found.skill.runs == (6, 6)
    only = watch(result_of(tipping=fold[0][:6]), until="tip", n_surrogates=5)
    assert only.skill is None
    assert "6 runs tip and 0 do not; 5 of each are needed" in only.in_words()


def test_watch_refuses_what_is_not_there(fold):
    result = result_of(calm=fold[1][:2], tipping=fold[0][:2])
    for options, match in (
        ({"name": "outptu"}, "unknown metric 'outptu'. Did you mean 'output'"),
        ({"name": "by_sector"}, "--series by_sector has one value per sector"),
        ({"variant": "tippin"}, "Did you mean 'tipping'"),
        ({"calm": "tipping"}, "is the variant that is watched"),
    ):
        with pytest.raises(InputError, match=match):
            watch(result, **options)


def test_folder_holds_tables_and_a_manifest(fold, tmp_path):
    found = watch(result_of(mixed=np.concatenate([fold[0][:5], fold[1][:5]])), until="tip", n_surrogates=5)
    found.write(tmp_path)
    with (tmp_path / "rises.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 10 * 7
    assert float(rows[0]["tau"]) == found.found[0].rises["variance"].tau
    with (tmp_path / "scores.csv").open() as f:
        assert sum(row["score"] == "composite" for row in csv.DictReader(f)) == 10
    about = json.loads((tmp_path / "manifest.json").read_text())
    assert about["kind"] == "warning"
    assert about["found"]["tipped"] == 5


def test_every_figure_draws(fold, tmp_path):
    both = watch(result_of(mixed=np.concatenate([fold[0][:5], fold[1][:5]])), until="tip", n_surrogates=5)
    for draw in figures.WARNING_FIGURES.values():
        assert draw(both).figure.axes
    ax = figures.roc(both)
    assert figures.panel(both, ax=ax) is ax
    one = watch(result_of(one=slowing()[None]), n_surrogates=5)
    assert [path.name for path in figures.draw_all(one, tmp_path)] == ["warning.svg", "warning.png"]


def test_command_refuses_bad_input_in_a_line(tmp_path):
    for arguments, said in (
        (["baseline", "--until", "soon"], "--until soon is neither a week nor tip"),
        (["baseline", "--param", "households.confidence"], "--from: needed with --param, a number"),
        (["baseline", "--param", "households.confidence", "--from", "0", "--to", "1", "--steps", "9"], "steps = 9: at least 80"),
        (["nowhere"], "there is no packaged scenario 'nowhere'"),
    ):
        result = CliRunner().invoke(cli.app, ["warning", *arguments, "--out", str(tmp_path / "w")])
        assert result.exit_code == 2
        assert said in result.stderr
        assert not (tmp_path / "w").exists()


def test_command_drifts_a_parameter_and_writes_its_folder(tmp_path):
    arguments = ["warning", "demand_shock", "--param", "orders.stock_adjustment", "--from", "0.05", "--to", "0.06", "--steps", "80",
                 "--weeks", "2", "--runs", "1", "--set", "population.smbs=60", "--set", "horizon.burn_in=4", "--surrogates", "9",
                 "--no-figures", "--json", "--out", str(tmp_path / "w")]  # fmt: skip
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["runs"] == 1
    assert "skill" not in told
    assert (tmp_path / "w" / "manifest.json").is_file()
    assert told["figures"] == []


def test_dates_of_watching_and_false_alarms_are_named():
    """The words and the figure quote these."""
    assert (skills.DATES, skills.FALSE_ALARMS, skills.WANTED_RUNS) == (16, 0.05, 50)
