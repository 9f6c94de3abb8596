"""Cost against effect: means, runs, regions and words are those of the report on policies, of a result and of a comparison."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from smbsim import describe, figures, scenario
from smbsim.analysis import ensemble
from smbsim.analysis.compare import differences
from smbsim.analysis.policy import effects
from smbsim.figures import demography, policy
from smbsim.result import Result
from smbsim.schema import InputError

LIVES = sorted({series for _, needed in demography.RESULT_FIGURES.values() for series in needed})
SPEC = {
    "output": {"metrics": LIVES},
    "model": "work", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 30, "burn_in": 2},
    "shocks": [{"kind": "demand", "start": 2, "size": 0.5}],
    "variants": {
        "grant": {"policies+": [{"kind": "grant", "start": 4, "weeks": 8.0, "target": {"kind": "smb", "share": 0.4}}]},
        "both": {"policies+": [{"kind": "grant", "start": 4, "weeks": 8.0}, {"kind": "wage_subsidy", "start": 4}]},
        "free": {"policies+": [{"kind": "regulation", "start": 4, "target": {"kind": "smb"}}]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> Result:
    return ensemble.run(scenario.load(SPEC), runs=3, jobs=1)


@pytest.fixture(scope="module", params=[1, 2, 3])
def result(whole, request) -> Result:
    """The first runs of it: below three there is no region."""
    return first(whole, request.param)


def first(result: Result, runs: int) -> Result:
    series = {name: replace(s, values=s.values[:, :runs]) for name, s in result.series.items()}
    panels = {name: replace(s, values=s.values[:, :runs]) for name, s in result.panels.items()}
    return replace(result, seeds=result.seeds[:runs], series=series, panels=panels)


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was."""
    import matplotlib

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("effect", policy.EFFECTS)
def test_means_runs_and_regions_are_those_of_the_report(result, effect):
    ax, runs = policy.cost_and_effect(result, effect), len(result.seeds)
    told, found = result.policies(), effects(result)
    assert set(told) == {"grant", "both", "free"}
    means = {tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert means == {tuple(of["measures"][name]["mean"] for name in (effect, "net_cost")) for of in told.values()}
    dots = [c.get_offsets() for c in ax.collections]
    expected = [np.stack([e.runs[effect], e.runs["net_cost"]], axis=1) for e in found.values()] if runs > 1 else []
    np.testing.assert_array_equal(dots, expected)
    assert len(ax.patches) == (3 if runs > 2 else 0)
    for patch, of in zip(ax.patches, told.values(), strict=False):
        middle = patch.get_xy()[:-1].mean(axis=0)  # of a border that is closed twice
        reach = np.ptp(patch.get_xy(), axis=0) / 2
        np.testing.assert_allclose(reach, np.hypot(*np.array(of["planes"][effect]["half_axes"])), rtol=2e-3, atol=1e-9)
        np.testing.assert_allclose(middle, of["planes"][effect]["mean"], atol=0.02 * reach.max() + 1e-9)
    assert "USD" in ax.get_ylabel()
    assert "(" in ax.get_xlabel()
    assert ax.get_title(loc="left")
    mine = figures.base.figure(5, 3).subplots()
    assert policy.cost_and_effect(result, effect, ax=mine) is mine


def test_comparison_of_the_same_result_draws_the_same(result):
    of_result, of_comparison = (policy.cost_and_effect(shown) for shown in (result, differences(result)))
    assert [t.get_text() for t in of_result.texts] == [t.get_text() for t in of_comparison.texts]
    for one, other in zip(of_result.patches, of_comparison.patches, strict=True):
        np.testing.assert_array_equal(one.get_xy(), other.get_xy())
        assert one.get_edgecolor() == other.get_edgecolor()


def test_level_of_a_comparison_is_that_of_its_regions(whole):
    narrow, wide = (policy.cost_and_effect(differences(whole, level=level)).patches[0].get_xy() for level in (0.5, 0.95))
    assert np.ptp(narrow, axis=0)[1] < 0.5 * np.ptp(wide, axis=0)[1]


def test_both_effects_stand_beside_each_other_on_one_scale_of_cost(result):
    left, right = policy.both(result).figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert "job-years" in left.get_xlabel()
    assert "firms" in right.get_xlabel()


def test_who_would_have_lived_anyway_stands_beside_the_name(result):
    texts = [t.get_text() for t in policy.cost_and_effect(result).texts]
    share = result.policies()["grant"]["policies"]["grant"]["deadweight_of_firms"]["mean"]
    assert f"grant\n{100 * share:.0f} % anyway" in texts
    assert any(text.startswith("both\ngrant: ") and "\nwage_subsidy: " in text for text in texts)


def test_title_tells_what_one_costs_and_what_is_not_known():
    def told(mean, low, cost):
        return {"measures": {"job_years": {"mean": mean, "low": low}, "cost_per_job_year": {"mean": cost}}}

    title = policy._title
    both = {"a": told(5, 1, 2000.0), "b": told(5, -1, 900.0), "c": told(-5, -9, np.nan)}
    assert title(both, "job_years", "EUR") == "A job-year costs 900 EUR ('b', uncertain), 2 k EUR ('a')"
    assert title({"c": both["c"]}, "job_years", "EUR") == "No policy brings a single job-year"
    assert title({"d": told(5, 1, 0.0)}, "job_years", "EUR") == "A job-year costs nothing ('d')"


def test_what_cannot_be_drawn_is_refused_in_words(result):
    with pytest.raises(InputError, match="effect = 'jobs' is none of job_years, exits_avoided"):
        policy.cost_and_effect(result, "jobs")
    empty = Result("plain", ("baseline",), (1,), np.arange(3), {}, {}, {}, {}, {})
    with pytest.raises(InputError, match="no variant of 'plain' has policies"):
        policy.cost_and_effect(empty)
    assert policy.draw(empty, "nowhere") == []


def test_default_figures_of_a_run_with_policies_and_firms_that_close(whole, tmp_path):
    names = {path.stem for path in figures.draw_all(whole, tmp_path)}
    assert names >= {
        "cost_and_effect",
        "survival_curves",
        "exits_by_cause",
        "cash_days_over_time",
        "beveridge_by_variant",
        "okun_by_variant",
    }


def test_economy_without_exits_has_no_figures_of_lives(tmp_path):
    result = ensemble.run(scenario.load({"output": {"metrics": LIVES}, "population": {"smbs": 40}, "horizon": {"weeks": 30, "burn_in": 0},
                                         "shocks": [{"kind": "demand", "start": 2, "size": 0.5}]}), runs=1)  # fmt: skip
    names = {path.stem for path in figures.draw_all(result, tmp_path)}
    assert names.isdisjoint({*figures.OF_LIVES, *figures.OF_POLICIES})


def test_every_figure_is_listed():
    listed = {entry.name for entry in describe.entries() if entry.kind == "figure"}
    assert listed >= {*figures.FIGURES, *figures.OF_LIVES, *figures.OF_POLICIES}
    assert set(figures.describe()) <= listed
