"""Measures of loss and recovery on paths that were made up, with answers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from smbsim.analysis.resilience import MEASURES, Resilience, convexity, not_back, resilience, sectors_hit
from smbsim.analysis.summary import in_words
from smbsim.result import Result, Series
from smbsim.schema import InputError

WEEKS = 60


def path(changes: dict, weeks: int = WEEKS) -> np.ndarray:
    """(weeks,) ones, other values by week; a slice sets many weeks."""
    q = np.ones(weeks)
    for week, value in changes.items():
        q[slice(*week) if isinstance(week, tuple) else week] = value
    return q


def result_of(*paths, base=None, **series) -> Result:
    """Variants baseline and scenario, one run per path."""
    q = np.array(paths)
    base = np.full_like(q, 50.0) if base is None else np.array(base)
    axes = {"sector_output": "sector"}
    more = {name: Series(np.array(values), "1", name, axes.get(name)) for name, values in series.items()}
    added = Series(np.stack([base, q * base]), "base currency/wk", "Value added")
    seeds, weeks = tuple(range(1, len(q) + 1)), np.arange(q.shape[1])
    labels = {"sector": ("A", "B", "C")}
    return Result("made up", ("baseline", "scenario"), seeds, weeks, {"real_value_added": added, **more}, {}, labels, {}, {})


def measured(*paths, **kwargs) -> Resilience:
    return resilience(result_of(*paths, **kwargs), "scenario")


def test_measures_of_a_short_dip():
    """.9, .7, .9 in weeks 4 to 6, then 5 % too much in week 10."""
    r = measured(path({4: 0.9, 5: 0.7, 6: 0.9, 10: 1.05}))
    assert r.depth == pytest.approx([0.3])
    assert r.trough.tolist() == [5.0]
    assert r.duration.tolist() == [3.0]
    assert r.loss == pytest.approx([0.5])
    assert r.recovery.tolist() == [7.0]
    assert r.overshoot == pytest.approx([0.05])
    assert r.hysteresis_gap == pytest.approx([0.0])
    assert r.index == pytest.approx([1.0 - 0.5 / 60])


def test_recovery_needs_eight_good_weeks_on_end():
    """Weeks 6 to 13 are eight, 6 to 12 are not; after two relapses it is the week after the second."""
    assert measured(path({5: 0.7, 14: 0.9})).recovery.tolist() == [6.0]
    assert measured(path({5: 0.7, 13: 0.9})).recovery.tolist() == [14.0]
    assert measured(path({5: 0.7, 13: 0.9, 20: 0.9})).recovery.tolist() == [21.0]


@pytest.mark.parametrize(("last", "recovery"), [(51, 52.0), (52, np.nan), (59, np.nan)])
def test_recovery_is_unknown_when_the_horizon_comes_first(last, recovery):
    """Bad up to a week, good to the end in week 59: with eight good weeks it has recovered, with seven nobody knows."""
    assert np.array_equal(measured(path({(5, last + 1): 0.9})).recovery, [recovery], equal_nan=True)


def test_recovery_begins_at_the_trough():
    """Ten good weeks between two dips, the second one deeper: the recovery is from the second."""
    r = measured(path({3: 0.9, 20: 0.8}))
    assert r.trough.tolist() == [20.0]
    assert r.recovery.tolist() == [21.0]
    assert r.duration.tolist() == [2.0]


def test_permanent_loss_is_a_gap_at_the_end():
    """A tenth lost for ever: no recovery, and a gap of a tenth over the last half year; half of that half year gives half the gap."""
    r = measured(path({(10, 60): 0.9}), path({(10, 47): 0.9}))
    assert np.isnan(r.recovery[0])
    assert r.hysteresis_gap == pytest.approx([0.1, 0.05])
    assert r.loss == pytest.approx([5.0, 3.7])
    assert r.duration.tolist() == [50.0, 37.0]


def test_overshoot_counts_after_the_trough_only():
    """A boom of 10 % before the dip and of 4 % after it."""
    assert measured(path({2: 1.1, 5: 0.9, 9: 1.04})).overshoot == pytest.approx([0.04])
    assert measured(path({(5, 60): 0.9})).overshoot.tolist() == [0.0]


def test_gain_is_no_loss():
    """5 % more for ever: nothing is lost, the gap is negative."""
    r = measured(path({(10, 60): 1.05}))
    assert (r.depth[0], r.loss[0], r.duration[0], r.index[0]) == (0.0, 0.0, 0.0, 1.0)
    assert r.overshoot == pytest.approx([0.05])
    assert r.hysteresis_gap == pytest.approx([-0.05])


@pytest.mark.parametrize(("depth", "edge"), [(0.5, 0.02), (0.2, 0.02), (0.1, 0.01), (0.01, 0.001)])
def test_threshold_is_two_percent_or_a_tenth_of_the_depth(depth, edge):
    """Weeks a little below the threshold count, weeks a little above it do not."""
    r = measured(path({5: 1 - depth, 6: 1 - 1.01 * edge}), path({5: 1 - depth, 6: 1 - 0.99 * edge}))
    assert r.duration.tolist() == [2.0, 1.0]


def test_rapidity_is_what_is_regained_per_week():
    """From .7 in week 5 over .8 and .9 to 1 in week 8."""
    r = measured(path({5: 0.7, 6: 0.8, 7: 0.9}), path({(5, 60): 0.9}))
    assert r.rapidity == pytest.approx([0.1, np.nan], nan_ok=True)


def test_return_rate_of_an_exponential_is_its_own():
    """1 - q = .3 e^{-.25 t} from the trough on, nearly all of it before the horizon; back within a week, or not at all, there is none."""
    q = np.ones(120)
    q[10:] -= 0.3 * np.exp(-0.25 * np.arange(110))
    assert measured(q).return_rate == pytest.approx([0.25], rel=1e-6)
    r = measured(path({5: 0.7}), path({(5, 60): 0.7}))
    assert np.isnan(r.return_rate).all()


def test_second_year_counts_from_the_first_loss():
    """Loss in week 4; .98 in its first year, 1.02 in its second; a horizon before its end says nothing."""
    q = path({4: 0.7, (5, 56): 0.99, (56, 108): 1.02}, 110)
    assert measured(q).second_year == pytest.approx([0.02])
    assert np.isnan(measured(q[:107]).second_year).all()


def test_theil_of_the_loss_by_sector():
    """Three sectors alike in size: the same loss in all is 0, one that bears all ln 3; two of them ln(3/2); nothing lost 0."""
    cases = [(0.8, 0.8, 0.8), (0.8, 1.0, 1.0), (0.8, 0.8, 1.0), (1.0, 1.0, 1.0)]
    for losses, expected in zip(cases, (0.0, np.log(3), np.log(1.5), 0.0), strict=True):
        series = sector_paths(*(path({5: x}) for x in losses))
        r = resilience(result_of(path({5: 0.9}), sector_output=series), "scenario")
        assert r.loss_theil == pytest.approx([expected], abs=1e-12)


def test_survival_is_relative_to_the_baseline_at_the_end():
    alive = np.stack([np.linspace(1.0, 0.8, WEEKS)[None], np.linspace(1.0, 0.6, WEEKS)[None]])
    assert resilience(result_of(path({5: 0.9}), surviving_smbs=alive), "scenario").survival == pytest.approx([0.75])


def test_what_was_not_recorded_is_unknown():
    r = measured(path({5: 0.7}))
    assert np.isnan(r.loss_theil).all()
    assert np.isnan(r.survival).all()


def test_share_not_back_counts_those_that_the_horizon_cut_off():
    """Back after 1, 1 and 3 weeks; one run never, one without a loss: 4 at risk, then 1/2, then 1/4."""
    paths = path({5: 0.7}), path({8: 0.7}), path({5: 0.7, 6: 0.9, 7: 0.9}), path({(5, 60): 0.7}), path({})
    weeks, share, low, high = not_back(result_of(*paths), "scenario")
    assert dict(zip(weeks[:2], share[:2], strict=True)) == {1.0: 0.5, 3.0: 0.25}
    assert share[-1] == 0.25
    assert np.all((low <= share) & (share <= high))
    assert resilience(result_of(*paths), "scenario").back == 0.75
    assert not_back(result_of(path({})), "scenario")[0].size == 0
    never = not_back(result_of(path({(5, 60): 0.7})), "scenario")
    assert never[1].tolist() == [1.0]


def test_bands_leave_out_what_is_unknown():
    r = measured(path({5: 0.9}), path({5: 0.7}), path({(5, 60): 0.8}))
    assert r.band("depth", (0, 50, 100)) == pytest.approx([0.1, 0.2, 0.3])
    assert r.band("recovery", (50,)) == pytest.approx([6.0])
    assert np.isnan(measured(path({(5, 60): 0.8})).band("recovery")).all()


def test_convexity_is_the_loss_of_twice_the_shock_beyond_twice_the_loss():
    """.1 once and .3 twice: .1 more than linear."""
    base, once, twice = (np.array([path(c)]) for c in ({}, {5: 0.9}, {5: 0.7}))
    added = Series(np.stack([base, once, twice]), "base currency/wk", "Value added")
    result = Result("m", ("baseline", "once", "twice"), (1,), np.arange(WEEKS), {"real_value_added": added}, {}, {}, {}, {})
    assert convexity(result, "once", "twice") == pytest.approx([0.1])


def test_rounding_is_no_effect():
    r = measured(path({5: 1.0 - 1e-12}))
    assert (r.depth[0], r.trough[0], r.duration[0], r.loss[0], r.index[0]) == (0.0, 0.0, 0.0, 0.0, 1.0)


def test_measures_are_paired_run_by_run():
    """Each run against its own baseline: a falling baseline is no loss, and runs are not mixed."""
    base = [np.linspace(50.0, 20.0, WEEKS), np.full(WEEKS, 10.0)]
    r = measured(path({}), path({5: 0.5}), base=base)
    assert r.depth == pytest.approx([0.0, 0.5], abs=1e-12)


def test_every_measure_has_a_unit():
    assert list(MEASURES) == list(Resilience.__dataclass_fields__)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown variant 'scenari'\. Did you mean 'scenario'"):
        resilience(result_of(path({})), "scenari")
    with pytest.raises(InputError, match=r"unknown metric 'real_value'\. Did you mean 'real_value_added'"):
        resilience(result_of(path({})), "scenario", "real_value")


# -- sectors and words ------------------------------------------------------------------------------------------------------------------


def sector_paths(*paths):
    """(2, 1, T, K) the baseline at 1, and a run with these paths by sector."""
    q = np.stack(paths, axis=-1)[None]
    return np.stack([np.ones_like(q), q])


def test_sectors_are_listed_by_depth_with_the_week_that_the_shock_reached_them():
    """Week of a quarter of the own depth: B falls .02, .2, .4 in weeks 3, 4, 5 and reaches .1 in week 4; A has .1 in week 2; C nothing."""
    series = sector_paths(path({2: 0.9}), path({3: 0.98, 4: 0.8, 5: 0.6}), path({}))
    hit = sectors_hit(result_of(path({2: 0.9}), sector_output=series), "scenario")
    assert [(code, week) for code, week, _ in hit] == [("B", 4), ("A", 2)]
    assert [depth for *_, depth in hit] == pytest.approx([0.4, 0.1])


def test_words_tell_depth_recovery_loss_jobs_and_sectors():
    jobs = np.stack([np.ones((1, WEEKS)), path({5: 0.75})[None]])
    sectors = sector_paths(path({2: 0.9}), path({4: 0.6}), path({}))
    lines = in_words(result_of(path({5: 0.7, 6: 0.9}), employment=jobs, sector_output=sectors)).splitlines()
    assert lines == [
        "scenario: value added falls by 30.00 % at the trough in week 5; back within a tenth of the loss in week 7",
        "scenario: the loss adds up to 0.400 weeks of value added; over the last half year the gap is 0.000 %",
        "scenario: 25.00 % of jobs are not needed at the worst",
        "scenario: hit most: B −40.0% (from week 4), A −10.0% (from week 2)",
    ]


def test_words_give_a_band_over_runs_and_say_how_many_are_not_back():
    """Depths of .1, .2, .3; one run of three has not recovered."""
    text = in_words(result_of(path({5: 0.9}), path({5: 0.8}), path({(5, 60): 0.7})))
    assert "falls by 20.00 (11.00 to 29.00) % at the trough in week 5;" in text
    assert "back within a tenth of the loss in week 6 (33% of runs not before the horizon)" in text


def test_words_for_no_effect_no_return_and_no_comparison():
    assert in_words(result_of(path({}))) == "scenario: no effect"
    assert "at the trough in week 5; not back" in in_words(result_of(path({(5, 60): 0.9})))
    alone = Result("alone", ("baseline",), (1,), np.arange(3), {}, {}, {}, {}, {})
    assert in_words(alone) == "alone: nothing to compare"


def test_words_report_the_books():
    gap = np.zeros((2, 1, WEEKS))
    gap[1, 0, 3] = 2e-14
    text = in_words(result_of(path({}), money_gap=gap, goods_gap=gap * 2))
    assert text.splitlines()[-1] == "books: largest gap of money 2.0e-14, of goods 4.0e-14 (relative)"
