"""Adaptive rules: what each does with what it sees, that a delay makes it swing when it should, and that it goes on exactly from a copy."""

from __future__ import annotations

import math
import pickle

import models
import numpy as np
import pytest

from smbsim import scenario, simulate
from smbsim.draws import Draws
from smbsim.interventions.base import FACTORS
from smbsim.interventions.people import Benefit
from smbsim.interventions.rules import KINDS, MEMORY, OBSERVED, ExperimentRule, PIRule, ThresholdRule, WarningRule, indicators
from smbsim.mechanisms.base import Step
from smbsim.schema import InputError

DRAWS = Draws(3)


@pytest.fixture
def state():
    """Six regions, of which each has 100 people at first in work, and the books of one policy."""
    made, _, _ = models.miniature(60, 6)
    made.enact(["help"])
    made.regions.labour_force[:] = 100.0
    made.regions.unemployed[:] = 0.0
    return made


def drive(rule, state, unemployment, start: int = 0) -> np.ndarray:
    """The level after each week in which unemployment is what is given: one number for all regions, or one each."""
    where, levels = np.ones(6, dtype=bool), []
    for t, u in enumerate(unemployment):
        step = Step(t, DRAWS)
        if t == start:
            rule.begin(state, 0, step, where)
        state.regions.unemployed[:] = 100.0 * np.asarray(u)
        rule.watch(state, 0, step, start, where)
        levels.append(float(state.policies.rule_level[0]))
    return np.array(levels)


WEEKLY = {"review_weeks": 1, "reporting_lag": 0, "mean_weeks": 1}


# -- what is seen -------------------------------------------------------------------------------------------------------------------------


def test_rule_sees_the_mean_of_weeks_that_are_known():
    """Reviewed in weeks 12 and 25, what happened four weeks earlier and in the three before."""
    seen = []

    class Noting(ThresholdRule):
        def review(self, state, k, step, y):
            seen.append((step.t, y))

    made, _, _ = models.miniature(60, 6)
    made.enact(["help"])
    made.regions.labour_force[:] = 100.0
    drive(Noting(y_on=0.1, y_off=0.05), made, np.arange(30) / 100.0)
    assert seen == [(12, pytest.approx(np.mean([5, 6, 7, 8]) / 100.0)), (25, pytest.approx(np.mean([18, 19, 20, 21]) / 100.0))]


def test_error_of_a_report_is_that_of_its_week_for_all(state):
    """Two policies that look at the same metric are told the same; its standard deviation is what was said."""
    rules = [ThresholdRule(y_on=0.1, y_off=0.05, noise=0.02), PIRule(target=0.0, k_p=1.0, noise=0.02)]
    told = []
    for rule in rules:
        drive(rule, state, np.full(MEMORY, 0.5))
        told.append(state.policies.seen[0].copy())
    assert np.array_equal(*told)
    assert np.std(told[0]) == pytest.approx(0.02, rel=0.2)
    assert np.mean(told[0]) == pytest.approx(0.5, abs=0.006)


@pytest.mark.parametrize("name", OBSERVED)
def test_every_metric_is_that_of_the_economy(name):
    """Parts of regions add up to what the metric of the same meaning says."""
    state, plan, draws = models.lively(80, 3)
    models.advance(state, plan, draws, 0, 9)
    above, below = OBSERVED[name][2](state, 8)
    value = above.sum() / below.sum()
    metrics = {name: metric(state) for name, metric in simulate.METRICS.items() if metric.axis is None}
    expected = {
        "unemployment": metrics["unemployment"], "output": metrics["output"] / state.regions.labour_force.sum(),
        "adoption": metrics["ai_use"], "skill": metrics["skill_level"], "arrears": metrics["smbs_in_arrears"] / metrics["smbs_alive"],
    }  # fmt: skip
    if name == "exits":
        gone = (state.firms.exit_week == 8) & (state.firms.exit_cause != 5) & (state.firms.kind == 0)
        assert value == pytest.approx(52.0 * gone.sum() / (gone.sum() + metrics["smbs_alive"]))
    else:
        assert value == pytest.approx(expected[name], rel=1e-9)


# -- threshold ----------------------------------------------------------------------------------------------------------------------------


def test_threshold_switches_on_and_off_where_it_says(state):
    y = [0.04, 0.07, 0.09, 0.09, 0.07, 0.06, 0.04, 0.07, 0.09]
    assert drive(ThresholdRule(y_on=0.08, y_off=0.05, **WEEKLY), state, y).tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 1]


def test_threshold_waits_for_reviews_in_a_row(state):
    y = [0.09, 0.07, 0.09, 0.09, 0.09, 0.06]
    assert drive(ThresholdRule(y_on=0.08, y_off=0.05, reviews=3, **WEEKLY), state, y).tolist() == [0, 0, 0, 0, 1, 1]


def test_threshold_acts_on_what_is_low_where_off_is_higher(state):
    y = [0.09, 0.04, 0.06, 0.09]
    assert drive(ThresholdRule(y_on=0.05, y_off=0.08, **WEEKLY), state, y).tolist() == [0, 1, 1, 0]


def test_hysteresis_does_not_chatter(state):
    """A metric that hovers at y_on with noise switches hardly ever with a gap of six deviations, and all the time almost without."""
    y = 0.08 + 0.005 * np.random.default_rng(1).standard_normal(400)
    turns = []
    for y_off in (0.05, 0.0799):
        state.policies.turns[:], state.policies.direction[:] = 0, 0.0
        drive(ThresholdRule(y_on=0.08, y_off=y_off, **WEEKLY), state, y)
        turns.append(int(state.policies.turns[0]))
    assert turns[0] == 0
    assert turns[1] > 100


# -- proportional and integral --------------------------------------------------------------------------------------------------------


def plant(k_p: float, gain: float, T: float, delay: int, state, weeks: int = 1500) -> np.ndarray:
    """y of T ẏ = -y - gain · level under a PI rule that knows y so many weeks late, pushed away from its target once.

    The loop of one week takes a week itself: what is seen at the end of a week acts in the next.
    """
    rule = PIRule(target=0.5, k_p=k_p, base=1.0, high=2.0, review_weeks=1, reporting_lag=delay - 1, mean_weeks=1)
    where, y, seen = np.ones(6, dtype=bool), 0.50001, []
    state.policies.seen[:], state.policies.turns[:], state.policies.direction[:] = 0.0, 0, 0.0
    rule.begin(state, 0, Step(0, DRAWS), where)
    for t in range(weeks):
        level = float(state.policies.rule_level[0])
        y += (0.5 - y - gain * (level - 1.0)) * (1.0 - math.exp(-1.0 / T))
        state.regions.unemployed[:] = 100.0 * y
        rule.watch(state, 0, Step(t, DRAWS), 0, where)
        seen.append(y)
    return np.array(seen)


@pytest.mark.parametrize(("T", "delay"), [(100.0, 5), (60.0, 6), (200.0, 20)])
def test_pi_swings_beyond_the_gain_that_its_delay_allows(state, T, delay):
    """k_p g < (π/2) T / τ, the limit for T ≫ τ: a fifth below it a push dies out, a third above it grows until the level is at its ends."""
    limit, gain = math.pi / 2.0 * T / delay, 0.01
    calm, calm_turns = plant(0.8 * limit / gain, gain, T, delay, state), int(state.policies.turns[0])
    wild, wild_turns = plant(1.3 * limit / gain, gain, T, delay, state), int(state.policies.turns[0])
    assert np.ptp(calm[-200:]) < 0.05 * np.ptp(calm[:200])
    assert np.ptp(wild[-200:]) > np.ptp(wild[:200])
    assert wild_turns > 1500 / (6 * delay) > 0
    assert calm_turns < 2 * wild_turns


def test_integral_takes_away_what_proportional_leaves(state):
    """Against a lasting push P alone stays off target; with I it gets there, and Σ has not wound up while the level was at its end."""

    def last(k_i, weeks=3000):
        rule = PIRule(target=0.05, k_p=5.0, k_i=k_i, **WEEKLY)
        where, y = np.ones(6, dtype=bool), 0.05
        state.policies.error_sum[:] = 0.0
        rule.begin(state, 0, Step(0, DRAWS), where)
        for t in range(weeks):
            y += (0.10 - 0.08 * float(state.policies.rule_level[0]) - y) / 20.0
            state.regions.unemployed[:] = 100.0 * y
            rule.watch(state, 0, Step(t, DRAWS), 0, where)
        return y

    assert last(0.0) > 0.07
    assert last(0.1) == pytest.approx(0.05, abs=1e-6)


def test_sum_of_errors_stands_still_at_an_end(state):
    rule = PIRule(target=0.05, k_p=1.0, k_i=1.0, **WEEKLY)
    levels = drive(rule, state, [0.9] * 50 + [0.04] * 3)
    assert levels[49] == 1.0
    assert levels[50:].tolist() == pytest.approx([0.83, 0.82, 0.81], abs=0.02) or levels[50] < 1.0
    assert abs(state.policies.error_sum[0]) < 1.0


# -- experiment ---------------------------------------------------------------------------------------------------------------------------


def trial(state, effect: float, **keys) -> tuple[np.ndarray, float]:
    """Level after each of 80 weeks, and what was estimated, where the policy adds `effect` to unemployment in regions that have it."""
    rule = ExperimentRule(observe="unemployment", trial_weeks=40, **keys)
    where, rng, levels = np.ones(6, dtype=bool), np.random.default_rng(5), []
    base = 0.05 + 0.03 * rng.random(6)  # regions differ, and drift together
    for t in range(80):
        if t == 13:
            rule.begin(state, 0, Step(t, DRAWS), where)
        on = (state.policies.region_on[0] * state.policies.rule_level[0]) if t >= 13 else np.zeros(6)
        state.regions.unemployed[:] = 100.0 * (base + 0.0005 * t + effect * on + 0.002 * rng.standard_normal(6))
        rule.watch(state, 0, Step(t, DRAWS), 13, where)
        levels.append((float(state.policies.rule_level[0]), int(state.policies.region_on[0].sum())))
    return np.array(levels), float(state.policies.effect[0])


def test_experiment_scales_what_works_and_ends_what_does_not(state):
    """Three of six regions for 40 weeks; four weeks later, when it is known, all or none. The effect is found to a tenth of a point."""
    for effect, better, level in ((-0.02, "lower", 1.0), (0.02, "lower", 0.0), (0.02, "higher", 1.0), (0.0, "lower", 0.0)):
        state.policies.region_before[:], state.policies.region_after[:], state.policies.region_on[:] = 0.0, 0.0, 1.0
        levels, found = trial(state, effect, better=better)
        assert found == pytest.approx(effect, abs=0.002), better
        assert levels[13:56].tolist() == [[1.0, 3.0]] * 43
        assert levels[57:].tolist() == [[level, 6.0]] * 23


def test_experiment_needs_regions_to_compare():
    policy = {"kind": "benefit", "start": 0, "size": 0.1, "rule": {"kind": "experiment"}}
    with pytest.raises(InputError, match=r"^policies\[0\] \(benefit\): rule experiment needs 4 regions to compare; the target has 2$"):
        models.miniature(40, 2, policies=[policy])


def test_regions_without_the_policy_get_nothing():
    """In the whole model: benefits are higher in two of four regions, grants go to firms there, and not to those that are everywhere."""
    rule = {"kind": "experiment", "trial_weeks": 20}
    policies = [{"kind": kind, "start": 2, "rule": rule, **more} for kind, more in (("benefit", {"size": 0.5}), ("grant", {"weeks": 0.1}))]
    state, plan, draws = models.miniature(80, 4, model="work", policies=policies)
    plain, quiet, _ = models.miniature(80, 4, model="work")
    models.advance(state, plan, draws, 0, 3)
    models.advance(plain, quiet, draws, 0, 3)
    ratio = state.households.benefits[0::2] / plain.households.benefits[0::2]
    assert ratio == pytest.approx(1.0 + 0.5 * state.policies.region_on[0], rel=1e-6)
    assert sorted(state.policies.region_on[0]) == [0.0, 0.0, 1.0, 1.0]
    got = np.unique(state.firms.region[state.firms.support[:, 1] > 0])
    assert got.tolist() == np.flatnonzero(state.policies.region_on[1]).tolist()


# -- warning ------------------------------------------------------------------------------------------------------------------------------


def slowing(seed: int, rising: bool, weeks: int = 420) -> np.ndarray:
    """Unemployment as an AR(1) whose memory goes from .2 to .98 after week 160, or does not."""
    rng, x, path = np.random.default_rng(seed), 0.0, []
    for t in range(weeks):
        rho = 0.2 + (0.78 * min(max(t - 160, 0) / 200.0, 1.0) if rising else 0.0)
        x = rho * x + 0.002 * rng.standard_normal()
        path.append(0.1 + x)
    return np.array(path)


def test_warning_comes_on_when_the_metric_slows_down_and_seldom_otherwise(state):
    rule, found = WarningRule(reporting_lag=0, hold_weeks=26), []
    for rising in (True, False):
        on = []
        for seed in range(10):
            for name in ("learned", "in_a_row", "on_until"):
                getattr(state.policies, name)[:] = 0
            state.policies.usual[:] = 0.0
            levels = drive(rule, state, slowing(seed, rising))
            assert not levels[:104].any(), "nothing is done while it learns"
            on.append(bool(levels.any()))
        found.append(np.mean(on))
    assert found[0] == 1.0
    assert found[1] <= 0.3


def test_indicators_by_hand():
    """An alternating series about a line: variance 1, neighbours opposed."""
    x = np.array([1.0, -1.0] * 50) + 0.3 * np.arange(100)
    variance, memory = indicators(x)
    assert variance == pytest.approx(0.0, abs=1e-2)
    assert memory == pytest.approx(-0.99, abs=0.01)
    assert np.isfinite(indicators(np.ones(10))).all()


# -- in the model -------------------------------------------------------------------------------------------------------------------------


RULES = {
    "threshold": {"kind": "threshold", "y_on": 0.0, "y_off": -1.0, "review_weeks": 3, "reporting_lag": 1},
    "pi": {"kind": "pi", "target": 0.0, "k_p": 5.0, "k_i": 0.5, "review_weeks": 3, "reporting_lag": 1, "noise": 0.01},
    "experiment": {"kind": "experiment", "trial_weeks": 6, "reporting_lag": 1, "noise": 0.01, "certainty": 0.0},
    "warning": {"kind": "warning", "window_weeks": 20, "learn_weeks": 40, "reviews": 1, "width": 0.0, "review_weeks": 3, "hold_weeks": 20},
}


def ruled(kind: str):
    policies = [{"kind": "benefit", "start": 2, "size": 0.5, "rule": RULES[kind]}]
    shocks = (
        [{"kind": "demand", "start": 4, "stop": 12, "size": 0.3}] if kind != "warning" else [{"kind": "demand", "start": 41, "size": 0.4}]
    )
    spec = {"model": "work", "population": {"smbs": 50, "regions": 4}, "policies": policies, "shocks": shocks, **models.QUIET}
    return scenario.load(spec), simulate.prepare(scenario.load(spec), 1, models.united_states())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [lambda s: s.copy(), lambda s: pickle.loads(pickle.dumps(s))], ids=["copy", "pickle"])
def test_copy_goes_on_with_what_the_rule_knows(kind, copied):
    """All that a rule remembers stands in the state: a copy under a plan of its own ends where the original does, to the bit."""
    middle, stop = (50, 66) if kind == "warning" else (7, 20)
    spec, (state, plan, draws) = ruled(kind)
    models.advance(state, plan, draws, 0, middle)
    twin = copied(state)
    ends = [models.advance(s, p, draws, middle, stop, models.columns) for s, p in ((state, plan), (twin, simulate.plan(spec, twin, draws)))]
    for one, other in zip(*ends, strict=True):
        assert [place for place in one if place not in FACTORS and one[place].tobytes() != other[place].tobytes()] == []
    assert state.policies.spent[0] > 0.0, "it acted"


def test_policy_acts_only_while_its_rule_has_it_on():
    """Off until the first review at the end of week 4 (start 2, every 3 weeks), then every week."""
    _, (state, plan, draws) = ruled("threshold")
    paid = models.advance(state, plan, draws, 0, 9, lambda s: s.flows.get(("benefit", "government", "household"), 0.0))
    assert not any(paid[:5])
    assert all(paid[5:])


@pytest.mark.parametrize("kind", KINDS)
def test_rule_of_a_policy_of_no_size_changes_no_bit(kind):
    """The rule looks and counts; nothing else moves."""
    policies = [{"kind": "benefit", "start": 2, "size": 0.0, "rule": RULES[kind]}]
    seen = []
    for given in (policies, []):
        state, plan, draws = models.miniature(40, 4, model="work", policies=given)
        seen.append(models.advance(state, plan, draws, 0, 10, models.columns))
    for one, other in zip(*seen, strict=True):
        assert [p for p in other if p[0] != "policies" and other[p].size and one[p].tobytes() != other[p].tobytes()] == []


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (
            {"kind": "threshhold", "y_on": 1.0, "y_off": 2.0},
            "policies[0].rule.kind = \"threshhold\" is not valid. Did you mean 'threshold'?",
        ),
        ({"kind": "threshold", "y_on": 0.1}, "policies[0].rule: 'y_off' is missing"),
        ({"kind": "threshold", "y_on": 0.1, "y_off": 0.1}, "policies[0].rule: y_on and y_off are both 0.1"),
        ({"kind": "pi", "target": 0.05, "k_p": 0.0}, "policies[0].rule: k_p and k_i are both 0"),
        ({"kind": "pi", "target": 0.05, "k_p": 1.0, "low": 1.0}, "policies[0].rule: low 1 is not below high 1; base 0 is outside low 1"),
        ({"kind": "pi", "target": 0.05, "kp": 1.0, "k_p": 1.0}, "policies[0].rule: unknown key 'kp'. Did you mean 'k_p'?"),
        ({"kind": "experiment", "observe": "adption"}, "policies[0].rule.observe = \"adption\" is not valid. Did you mean 'adoption'?"),
        ({"kind": "warning", "learn_weeks": 40}, "policies[0].rule: learn_weeks 40 is below 66"),
        (
            {"kind": "experiment", "observe": "adoption"},
            "policies[0].kind = benefit needs automation.enabled = true (model: people has it)",
        ),
    ],
)
def test_each_mistake_is_one_line(rule, line):
    with pytest.raises(InputError) as caught:
        scenario.load({"policies": [{"kind": "benefit", "start": 0, "size": 0.1, "rule": rule}]})
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(line)


def test_rules_survive_the_file():
    one = scenario.load({"policies": [{"kind": "benefit", "start": 0, "size": 0.1, "rule": rule} for rule in RULES.values()]})
    assert scenario.load(one.dump()) == one
    assert isinstance(one.policies[0], Benefit)
    assert "ThresholdRule" in scenario.schema()["$defs"]
