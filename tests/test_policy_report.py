"""What is said about policies: counted by hand on a small result, and exact against runs made one by one."""

from __future__ import annotations

import json

import models
import numpy as np
import pytest
from scipy import stats

from smbsim import numbers, printing, scenario, simulate
from smbsim.analysis import ensemble, policy
from smbsim.outcome import BY_GROUP, BY_POLICY, GROUPS, Outcome, panels
from smbsim.result import load_dataset
from smbsim.schema import WEEKS_PER_YEAR
from smbsim.state import SMB

SPEC = {
    "model": "work", "population": {"smbs": 80, "regions": 2}, "horizon": {"weeks": 30, "burn_in": 4},
    "shocks": [{"kind": "demand", "start": 2, "size": 0.5}],
    "variants": {
        "grant": {"policies+": [{"kind": "grant", "start": 4, "weeks": 8.0, "target": {"kind": "smb", "share": 0.4}}]},
        "both": {"policies+": [
            {"kind": "grant", "start": 4, "weeks": 8.0, "name": "aid", "target": {"size": "micro"}}, {"kind": "wage_subsidy", "start": 4},
        ]},
        "mild": {"labour": {"firing_speed": 0.05}, "policies+": [{"kind": "regulation", "start": 4, "target": {"kind": "smb"}}]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return ensemble.run(scenario.load(SPEC), runs=2, jobs=1)


def outcome(alive, jobs, borrowed=None, support=None) -> Outcome:
    """Three firms by hand, none entered."""
    one = Outcome(np.arange(3), {"uid": np.arange(3)}, 3, np.array(jobs) * WEEKS_PER_YEAR, np.array(borrowed or [0.0] * 3))
    one.closed, one.balance = ~np.array(alive), np.zeros(1)
    if support is not None:
        one.support["aid"], one.got["aid"], one.books["aid"] = np.array(support), np.array(support) > 0, (sum(support), sum(support), 0.0)
    return one


def test_panels_by_hand():
    """Firms 0 and 1 get 6 and 2. Firm 0 lives in both worlds, 1 only with the policy, 2 lives only without: it was displaced."""
    with_it = outcome([True, True, False], [4.0, 2.0, 0.5], [1.0, 1.0, 0.0], [6.0, 2.0, 0.0])
    without = outcome([True, False, True], [3.0, 1.0, 2.0], [0.0, 5.0, 0.0])
    found = panels({"plain": without, "aided": with_it}, {"aided": "plain"})
    by_policy = {name: found[name].values[1, 0, 0] for name in BY_POLICY}
    assert by_policy == {
        "policy_committed": 8, "policy_spent": 8, "policy_returned": 0, "policy_recipients": 2, "policy_support": 8, "policy_alive": 2,
        "policy_alive_anyway": 1, "policy_money_anyway": 6, "policy_borrowed": 2, "policy_borrowed_anyway": 1, "policy_jobs": 6,
        "policy_jobs_anyway": 4, "policy_turns": 0,
    }  # fmt: skip
    by_group = {name: found[name].values[1, 0].tolist() for name in BY_GROUP}
    assert by_group == {
        "group_firms": [2, 1, 0], "group_jobs": [6, 0.5, 0], "group_jobs_without": [4, 2, 0], "group_exits": [0, 1, 0],
        "group_exits_without": [1, 0, 0],
    }  # fmt: skip
    assert np.isnan(found["policy_spent"].values[0]).all(), "a variant without the policy has no number"
    assert panels({"plain": without}, {}) == {}


def test_estimates_by_hand():
    """Mean 2 of 1 and 3, standard error 1; a cost of 10 for a gain of 2 with 1 to 4 is 5 with 2.5 to 10; none where nothing is gained."""
    e = policy.estimate(np.array([1.0, 3.0, np.nan]), "1")
    assert (e.mean, e.low, e.high) == pytest.approx((2.0, 0.04, 3.96))
    effect = policy.Effect(
        {"net_cost": np.array([10.0, 10.0]), "job_years": np.array([1.0, 3.0]), "exits_avoided": np.array([-1.0, 0.0])}, {}
    )
    cost = effect.estimate("cost_per_job_year")
    assert (cost.mean, cost.low, cost.high) == pytest.approx((5.0, 10 / 3.96, 10 / 0.04))
    assert np.isnan(effect.estimate("cost_per_exit_avoided").mean)
    assert np.isnan(policy.estimate(np.array([1.0]), "1").low), "one run has no interval"


def test_region_is_hotelling_s():
    """On its border the statistic of the mean equals its quantile; below three runs there is none; unknown runs are left out."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((10, 2)) * [1.0, 3.0] + [2.0, 5.0]
    plane = policy.Effect({"job_years": np.append(x[:, 0], np.nan), "net_cost": np.append(x[:, 1], 7.0)}, {}).plane("job_years")
    assert plane["runs"] == x.tolist()
    t = np.linspace(0, 2 * np.pi, 12)
    d = np.stack([np.cos(t), np.sin(t)], axis=1) @ np.array(plane["half_axes"])
    inverse = np.linalg.inv(np.cov(x.T))
    assert np.allclose(np.einsum("pi,ij,pj->p", d, inverse, d), 2 * 9 / (10 * 8) * stats.f.ppf(0.95, 2, 8))
    assert plane["mean"] == x.mean(axis=0).tolist()
    assert policy.Effect({"job_years": x[:2, 0], "net_cost": x[:2, 1]}, {}).plane("job_years")["half_axes"] is None


def test_deadweight_is_that_of_the_paired_run(result):
    """The same firms followed by hand in two runs of one seed: who got a grant, who of them is there at the end without it."""
    ended = {}
    spec = scenario.load(SPEC)
    for name, one in spec.all_variants().items():
        if name in ("scenario", "grant"):
            state, quiet, draws = simulate.prepare(one.without_interventions(), 1, models.united_states())
            simulate.burn_in(state, quiet, draws, 4)
            plan = simulate.plan(one, state, draws)
            jobs = sum(models.advance(state, plan, draws, 0, 30, lambda s: s.firms.employment.copy()))
            ended[name] = state, jobs / WEEKS_PER_YEAR
    got = ended["grant"][0].firms.support[:, 0] > 0
    v = result.variant("grant")
    assert result["policy_recipients"].values[v, 0, 0] == got.sum() > 0
    assert result["policy_alive_anyway"].values[v, 0, 0] == ended["scenario"][0].firms.alive[got].sum()
    gained = ended["grant"][1].sum() - ended["scenario"][1].sum()
    assert policy.effects(result)["grant"].runs["job_years"][0] == pytest.approx(gained, rel=1e-9)
    balances = [ended[name][0].accounts.balance[0] for name in ("grant", "scenario")]
    assert policy.effects(result)["grant"].runs["budget_balance"][0] == pytest.approx(balances[0] - balances[1], rel=1e-9)


def test_groups_add_up_to_all_firms(result):
    """Job-years of the groups are those of the metric."""
    groups = result["group_jobs"].values
    for v, variant in enumerate(result.variants):
        if np.isfinite(groups[v]).any():
            assert np.allclose(groups[v].sum(axis=1), result["employment"].values[v].sum(axis=1) / WEEKS_PER_YEAR, rtol=1e-9), variant
    assert result.labels["group"] == GROUPS


def test_policies_of_variants_stand_side_by_side(result):
    """Names over all variants; no number where a variant has not the policy; each beside the same without its policies."""
    assert result.labels["policy"] == ("grant", "aid", "wage_subsidy", "regulation")
    assert "mild without policies" in result.variants
    assert set(policy.effects(result)) == {"grant", "both", "mild"}
    assert set(policy.effects(result)["both"].policies) == {"aid", "wage_subsidy"}
    assert (policy.effects(result)["mild"].runs["net_cost"] == 0).all()


def test_firms_of_week_0_are_followed_in_every_variant(result):
    firms, grant = result.firms, result.variant("grant")
    m = len(firms["start_uid"])
    assert firms["start_support"].shape == (len(result.variants), 4, m)
    assert firms["start_alive"].shape == firms["start_exit_week"].shape == firms["start_job_weeks"].shape == (len(result.variants), m)
    assert firms["start_there"].all()
    small = firms["start_kind"] == SMB
    assert not firms["start_support"][grant, 0][~small].any()
    spent = result["policy_spent"].values[grant, 0, 0]
    assert firms["start_support"][grant, 0].sum() == pytest.approx(spent, rel=1e-12)
    closed = ~firms["start_alive"][grant]
    assert np.all((firms["start_exit_week"][grant] >= 0)[closed])
    assert np.all((firms["start_exit_cause"][grant] > 0) == closed)


def test_report_survives_the_disk(result, tmp_path):
    result.save(tmp_path / "ensemble.nc")
    back = load_dataset(tmp_path / "ensemble.nc")
    for name, series in result.panels.items():
        assert np.array_equal(series.values, back.panels[name].values, equal_nan=True), name
        assert series.axis == back.panels[name].axis
    for name, values in result.firms.items():
        assert np.array_equal(values, back.firms[name], equal_nan=values.dtype.kind == "f"), name
        assert values.dtype == back.firms[name].dtype
    assert policy.told(back) == policy.told(result) or json.dumps(policy.told(back)) == json.dumps(policy.told(result))


def test_what_is_printed_has_every_measure(result, capsys):
    told = numbers.of(result)
    json.dumps(told)
    printing.numbers(told)
    text = capsys.readouterr().out
    for word in (*policy.OF_VARIANT, *policy.COSTS, *policy.OF_POLICY, "wage_subsidy", "95 % interval"):
        assert word in text
    assert "grant: grant spends" in result.summary()


def test_result_without_policies_says_nothing_of_them():
    spec = {"population": {"smbs": 40, "regions": 1}, "horizon": {"weeks": 4, "burn_in": 0}}
    plain = ensemble.run(scenario.load(spec), jobs=1)
    assert policy.effects(plain) == {}
    assert set(plain.panels) == {"bullwhip"}
    assert "start_support" not in plain.firms
