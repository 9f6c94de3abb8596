"""Comparisons: intervals are those of the textbook, pairing is worth what the algebra says, and what is put side by side stays apart."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import smbsim
from smbsim.analysis import intervals
from smbsim.analysis.compare import differences
from smbsim.analysis.intervals import runs_needed
from smbsim.analysis.side_by_side import side_by_side
from smbsim.result import BASELINE, Result, Series
from smbsim.schema import InputError

WEEKS, RUNS = 5, 12


def made(values: dict[str, dict[str, np.ndarray]], name="made", seeds=None, manifest=None) -> Result:
    """A result from variant → metric → (R,) values that hold in every week."""
    variants = tuple(values)
    metrics = dict.fromkeys(metric for of in values.values() for metric in of)
    R = len(next(iter(next(iter(values.values())).values())))
    series = {
        m: Series(np.stack([np.repeat(values[v][m][:, None], WEEKS, axis=1) for v in variants]), unit, m)
        for m, unit in zip(metrics, ["heads", "firms/wk", "1", "currency"], strict=False)
    }
    seeds = tuple(range(1, R + 1)) if seeds is None else seeds
    return Result(name, variants, seeds, np.arange(WEEKS), series, {}, {}, {}, {}, manifest=manifest or {"hash": "x"})


@pytest.fixture
def noisy() -> Result:
    """A common part with s.d. 10, an effect of -3 with s.d. 1; exits go up by exactly 1."""
    rng = np.random.default_rng(1)
    common, own = 100 + 10 * rng.standard_normal(RUNS), rng.standard_normal(RUNS)
    base = {"employment": common, "exits": np.full(RUNS, 4.0) + rng.random(RUNS), "unemployment": np.full(RUNS, 0.05)}
    hit = {"employment": common - 3 + own, "exits": base["exits"] + 1.0, "unemployment": base["unemployment"]}
    return made({BASELINE: base, "scenario": hit})


def test_interval_is_student_s_of_the_differences(noisy):
    row = differences(noisy).of("scenario")["employment"]
    d = noisy["employment"].values[1, :, 0] - noisy["employment"].values[0, :, 0]
    expected = stats.ttest_1samp(d, 0.0)
    interval = expected.confidence_interval(0.95)
    assert np.allclose((row.mean, row.low, row.high, row.p_value), (d.mean(), *interval, expected.pvalue), rtol=1e-12)
    assert row.bootstrap[0] < row.mean < row.bootstrap[1]
    assert np.allclose(row.bands, np.percentile(d, (5, 25, 50, 75, 95)))
    assert row.clear
    assert row.better == 1


def test_gain_is_the_ratio_of_the_variances_and_of_the_runs_needed(noisy):
    row = differences(noisy, precision=0.05).of("scenario")["employment"]
    d = noisy["employment"].values[1, :, 0] - noisy["employment"].values[0, :, 0]
    unpaired = noisy["employment"].values[:, :, 0].var(axis=1, ddof=1).sum()
    assert row.gain == pytest.approx(unpaired / d.var(ddof=1))
    assert row.gain > 50
    assert row.needed_unpaired / row.needed == pytest.approx(row.gain, rel=0.1)


@pytest.mark.parametrize(("sd", "half", "arms"), [(1.0, 0.5, 1), (1.0, 0.5, 2), (3.0, 0.01, 1), (0.2, 5.0, 1), (0.0, 1.0, 2)])
def test_runs_needed_is_the_smallest_number_that_does(sd, half, arms):
    def width(n):
        return stats.t.ppf(0.975, arms * (n - 1)) * sd / np.sqrt(n)

    n = runs_needed(sd, half, arms=arms)
    assert width(n) <= half
    assert n == 2 or width(n - 1) > half


def test_no_number_of_runs_is_enough_for_no_effect():
    assert runs_needed(1.0, 0.0) is None
    assert runs_needed(1.0, 1e-6) is None
    assert runs_needed(np.nan, 1.0) is None


def test_intervals_cover_as_often_as_they_say():
    """2 000 comparisons of 8 runs with a known effect: Student's interval misses in 5 % of them."""
    d = 1.0 + np.random.default_rng(2).standard_normal((2000, 8))
    low, high, _ = intervals.student(d, 0.95)
    assert np.mean((low <= 1) & (high >= 1)) == pytest.approx(0.95, abs=0.015)


def test_what_is_counted_by_the_week_is_told_by_the_year_and_equal_differences_are_certain(noisy):
    row = differences(noisy).of("scenario")["exits"]
    assert row.unit == "firms/yr"
    assert row.mean == pytest.approx(52)
    assert row.clear
    assert row.gain == np.inf
    assert row.needed == 2


def test_what_does_not_differ_is_not_clear(noisy):
    row = differences(noisy).of("scenario")["unemployment"]
    assert (row.mean, row.low, row.high, row.p_value, row.clear, row.needed) == (0, 0, 0, 1, False, None)


def test_noise_is_rarely_clear():
    """Of 20 × 40 indicators without an effect, hardly any is clear."""
    rng, found = np.random.default_rng(3), 0
    for _ in range(20):
        p = intervals.student(rng.standard_normal((40, 8)), 0.95)[2]
        found += intervals.clear(p, 0.95).sum()
    assert found <= 2


def test_conflict_of_signs_names_both_sides(noisy):
    comparison = differences(noisy)
    assert comparison.conflicts() == {}
    better = replace(noisy["employment"], values=noisy["employment"].values[::-1])
    comparison = differences(replace(noisy, series={**noisy.series, "employment": better}))
    ((gains, losses),) = comparison.conflicts().values()
    assert [row.metric for row in gains] == ["employment"]
    assert [row.metric for row in losses] == ["exits"]
    assert any("signs conflict: better in employment" in line for line in comparison.in_words())


def test_one_run_has_no_interval_and_says_so():
    one = made({BASELINE: {"employment": np.array([10.0])}, "scenario": {"employment": np.array([9.0])}})
    comparison = differences(one)
    (row,) = comparison.rows
    assert row.mean == -1
    assert np.isnan([row.low, row.high, row.p_value, *row.bootstrap]).all()
    assert not row.clear
    assert comparison.in_words()[-1].startswith("one run: no interval")


def test_reference_of_a_policy_is_the_same_without_it():
    x = {"employment": np.arange(4.0)}
    shock, policy = {"kind": "demand", "size": 0.1}, {"kind": "grant", "weeks": 4}
    variants = {BASELINE: [], "scenario": [shock], "helped": [shock, policy], "alone": [policy]}
    result = made(dict.fromkeys(variants, x), manifest={"hash": "x", "variants": variants})
    against = {row.variant: row.to for row in differences(result).rows}
    assert against == {"scenario": BASELINE, "helped": "scenario", "alone": BASELINE}
    assert {row.to for row in differences(result, to="helped").rows} == {"helped"}


# -- several results ----------------------------------------------------------------------------------------------------------------------


def test_results_with_the_same_baseline_share_it(noisy):
    other = replace(noisy, name="other")
    result = side_by_side({"a": noisy, "b": other})
    assert result.variants == (BASELINE, "a", "b")
    assert np.array_equal(result["employment"].values[1], result["employment"].values[2])
    assert {row.to for row in differences(result).rows} == {BASELINE}


def test_results_with_other_baselines_keep_their_own_and_only_common_seeds(noisy):
    other = replace(
        noisy, name="other", seeds=tuple(range(7, 7 + RUNS)),
        series={n: replace(s, values=s.values + 1) for n, s in noisy.series.items()},
    )  # fmt: skip
    result = side_by_side({"a": noisy, "b": other})
    assert result.variants == (BASELINE, "a", "b: baseline", "b")
    assert result.seeds == tuple(range(7, 13))
    assert {row.variant: row.to for row in differences(result).rows} == {"a": BASELINE, "b": "b: baseline"}


def test_what_cannot_be_compared_is_refused(noisy):
    with pytest.raises(InputError, match="no seed is common"):
        side_by_side({"a": noisy, "b": replace(noisy, seeds=tuple(range(50, 50 + RUNS)))})
    with pytest.raises(InputError, match="b is a sweep"):
        side_by_side({"a": noisy, "b": replace(noisy, design={"point": np.arange(RUNS)})})
    with pytest.raises(InputError, match="Did you mean 'exits'"):
        differences(noisy, metrics=["exit"])
    with pytest.raises(InputError, match="weeks 3 to 9: recorded are 0 to 4"):
        differences(noisy, weeks=(3, 9))
    with pytest.raises(InputError, match=r"level = 95: above 0 and below 1\n"):
        differences(noisy, level=95, precision=0)
    with pytest.raises(InputError, match="unknown variant 'scenaro'"):
        differences(noisy, to="scenaro")
    with pytest.raises(InputError, match="one variant"):
        differences(made({BASELINE: {"employment": np.arange(3.0)}}))


def test_files_hold_every_difference(noisy, tmp_path):
    comparison = differences(noisy)
    table, data = comparison.write(tmp_path)
    assert len(table.read_text().splitlines()) == 1 + len(comparison.rows)
    read = json.loads(data.read_text())
    assert len(read["differences"]) == 3
    assert read["differences"][1]["gain"] is None  # infinite
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.csv", "comparison.json"]


def test_scenarios_are_run_and_pairing_pays():
    """From Python, in small: a policy needs far fewer runs paired than unpaired."""
    base = smbsim.load({"model": "money", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 16, "burn_in": 0}})
    crunch = base.with_(smbsim.CreditCrunch(start=1, stop=12, size=0.8))
    helped = crunch.with_({"name": "helped"}, smbsim.Grant(start=2, stop=12, weeks=4, target={"kind": "smb"}))
    comparison = smbsim.compare(crunch.with_({"name": "crunch"}), helped, runs=4, jobs=1, metrics=["smb_deposits", "employment"])
    assert comparison.variants[:2] == ("crunch", "helped")
    assert comparison.of("helped")["smb_deposits"].gain > 5
    assert np.array(comparison.policies()["helped"]["planes"]["job_years"]["runs"]).shape == (4, 2)
