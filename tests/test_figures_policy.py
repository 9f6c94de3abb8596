"""Cost against effect: points, intervals and words are those of the report on policies."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from smbsim import describe, figures, scenario
from smbsim.analysis import ensemble
from smbsim.figures import policy
from smbsim.result import Result
from smbsim.schema import InputError

SPEC = {
    "model": "work", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 30, "burn_in": 2},
    "shocks": [{"kind": "demand", "start": 2, "size": 0.5}],
    "variants": {
        "grant": {"policies+": [{"kind": "grant", "start": 4, "weeks": 8.0, "target": {"kind": "smb", "share": 0.4}}]},
        "both": {"policies+": [{"kind": "grant", "start": 4, "weeks": 8.0}, {"kind": "wage_subsidy", "start": 4}]},
        "free": {"policies+": [{"kind": "regulation", "start": 4, "target": {"kind": "smb"}}]},
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=[1, 2])
def result(request) -> Result:
    return ensemble.run(scenario.load(SPEC), runs=request.param, jobs=1)


@pytest.fixture(autouse=True)
def no_trace():
    """matplotlib is as it was."""
    import matplotlib

    before = copy.deepcopy(dict(matplotlib.rcParams))
    yield
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("effect", policy.EFFECTS)
def test_points_and_intervals_are_those_of_the_report(result, effect):
    ax = policy.cost_and_effect(result, effect)
    told = result.policies()
    assert set(told) == {"grant", "both", "free"}
    points = {tuple(c.lines[0].get_xydata()[0]): c for c in ax.containers}
    for of in told.values():
        cost, gain = (of["measures"][name] for name in ("net_cost", effect))
        bars = points[cost["mean"], gain["mean"]].lines[2]
        if len(result.seeds) == 1:
            assert not bars, "one run has no interval"
        else:
            ends = [bar.get_segments()[0] for bar in bars]
            np.testing.assert_allclose(ends[0][:, 0], [cost["low"], cost["high"]])
            np.testing.assert_allclose(ends[1][:, 1], [gain["low"], gain["high"]])
    assert "USD" in ax.get_xlabel()
    assert "(" in ax.get_ylabel()
    assert ax.get_title(loc="left")
    mine = figures.base.figure(5, 3).subplots()
    assert policy.cost_and_effect(result, effect, ax=mine) is mine


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
    assert title(both, "job_years", "job-year", "cost_per_job_year", "EUR") == "A job-year costs 900 EUR ('b', uncertain), 2 k EUR ('a')"
    assert title({"c": both["c"]}, "job_years", "job-year", "cost_per_job_year", "EUR") == "No policy brings a single job-year"


def test_what_cannot_be_drawn_is_refused_in_words(result):
    with pytest.raises(InputError, match="effect = 'jobs' is none of job_years, exits_avoided"):
        policy.cost_and_effect(result, "jobs")
    empty = Result("plain", ("baseline",), (1,), np.arange(3), {}, {}, {}, {}, {})
    with pytest.raises(InputError, match="no variant of 'plain' has policies"):
        policy.cost_and_effect(empty)


def test_default_figures_of_a_run_with_policies_and_firms_that_close(result, tmp_path):
    names = {path.stem for path in figures.draw_all(result, tmp_path)}
    assert names >= {
        "cost_and_effect",
        "survival_curves",
        "exits_by_cause",
        "cash_days_over_time",
        "beveridge_by_variant",
        "okun_by_variant",
    }


def test_economy_without_exits_has_no_figures_of_lives(tmp_path):
    result = ensemble.run(scenario.load({"population": {"smbs": 40}, "horizon": {"weeks": 30, "burn_in": 0},
                                         "shocks": [{"kind": "demand", "start": 2, "size": 0.5}]}), runs=1)  # fmt: skip
    names = {path.stem for path in figures.draw_all(result, tmp_path)}
    assert names.isdisjoint({*figures.OF_LIVES, *figures.OF_POLICIES})


def test_every_figure_is_listed():
    listed = {entry.name for entry in describe.entries() if entry.kind == "figure"}
    assert listed >= {*figures.FIGURES, *figures.OF_LIVES, *figures.OF_POLICIES}
    assert set(figures.describe()) <= listed
