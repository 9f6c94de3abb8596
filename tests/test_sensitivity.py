"""Sensitivity: analytic values of known functions, what noise does to indices, signs, a scenario end to end, bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from smbsim import InputError, load
from smbsim.analysis import sensitivity_study
from smbsim.analysis.evaluations import Where, evaluate, noise
from smbsim.analysis.outputs import ScenarioFunction, usual
from smbsim.analysis.sensitivity import (
    BOTH,
    CONSTANT,
    INSIDE_NOISE,
    MATTERS,
    NEGATIVE,
    NO_CLAIM,
    POSITIVE,
    SMALL,
    UNSETTLED,
    elementary_effects,
    sensitivity,
)  # fmt: skip
from smbsim.analysis.space import Parameter, named, of_scenario, values_at
from smbsim.cli import app

UNIT = [Parameter(f"x{k}", 0.0, 1.0) for k in range(4)]
TINY = {
    "name": "tiny", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 12, "burn_in": 0},
    "shocks": [{"kind": "demand", "start": 2, "stop": 6, "size": 0.4}],
}  # fmt: skip


def ishigami(p, seed):
    return {"y": np.sin(p["x0"]) + 7.0 * np.sin(p["x1"]) ** 2 + 0.1 * p["x2"] ** 4 * np.sin(p["x0"])}


def linear(p, seed):
    return {"y": 5.0 * p["x0"] - 2.0 * p["x1"] + 0.5 * p["x2"] + 0.0 * p["x3"]}


def lucky(p, seed):
    """x0 matters; x1 does not, but any change of anything means other luck; luck that all points share cancels out."""
    own = np.random.default_rng([seed, *(int(1e9 * x) for x in p.values())]).normal()
    return {"y": 10.0 * p["x0"] + own + 100.0 * np.random.default_rng(seed).normal()}


# -- indices ------------------------------------------------------------------------------------------------------------------------------


def test_sobol_indices_of_ishigami_are_the_analytic_ones():
    """a = 7, b = .1: V1 = (1 + b π⁴/5)²/2, V2 = a²/8, V13 = b² π⁸ (1/18 - 1/50); Ishigami and Homma (1990)."""
    a, b = 7.0, 0.1
    v1, v2, v13 = 0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = v1 + v2 + v13
    wanted = {"first": (v1, v2, 0.0), "total": (v1 + v13, v2, v13), "interaction": (v13, 0.0, v13)}
    found = sensitivity(ishigami, [Parameter(f"x{k}", -np.pi, np.pi) for k in range(3)], ["y"], method="sobol", samples=2048)
    for name, values in wanted.items():
        for k, value in enumerate(values):
            index = found.index("y", f"x{k}", name)
            assert index.value == pytest.approx(value / total, abs=0.03)
            assert index.low <= value / total <= index.high
    assert found.verdict("y", "x2") == MATTERS


def test_morris_gives_the_slopes_of_a_linear_function():
    """Every elementary effect of Σ a x is a, so that μ = a, μ* = |a|, σ = 0."""
    found = sensitivity(linear, UNIT, ["y"], samples=4, runs=2)
    assert [i.parameter for i in found.ranking("y")] == ["x0", "x1", "x2", "x3"]
    for name, slope in {"x0": 5.0, "x1": -2.0, "x2": 0.5, "x3": 0.0}.items():
        assert found.index("y", name).value == pytest.approx(abs(slope), abs=1e-12)
        assert found.index("y", name, "mu").value == pytest.approx(slope, abs=1e-12)
        assert found.index("y", name, "sigma").value == pytest.approx(0.0, abs=1e-12)
        assert found.index("y", name).noise == 0.0
    assert [found.verdict("y", f"x{k}") for k in range(4)] == [MATTERS, MATTERS, MATTERS, CONSTANT]


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_parameter_without_effect_gets_exactly_zero(method):
    found = sensitivity(linear, UNIT, ["y"], method=method, samples=8)
    assert found.index("y", "x3").value == 0.0
    assert found.verdict("y", "x3") == CONSTANT


def test_ranges_scale_effects():
    """An effect is that of the whole range, whatever the unit: half the range, half the effect."""
    narrow = [Parameter("x0", 0.0, 0.5), *UNIT[1:]]
    assert sensitivity(linear, narrow, ["y"], samples=3).index("y", "x0").value == pytest.approx(2.5)


def test_elementary_effects_by_hand():
    x = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]])
    y = np.array([[1.0], [2.0], [5.0]])
    assert elementary_effects(x, y)[0, :, 0].tolist() == [2.0, 3.0]


def test_constant_output_has_no_effect():
    found = sensitivity(lambda p, seed: {"y": 3.0}, UNIT[:2], ["y"], method="sobol", samples=8, runs=2)
    assert {found.verdict("y", p.name) for p in found.parameters} == {CONSTANT}
    assert sensitivity_study.in_words(found)[0] == "y: nothing that was moved has any effect"


# -- noise --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_luck_is_told_from_effect(method):
    """Where every change means other luck, a parameter without effect has an index above zero, and it is inside noise."""
    found = sensitivity(lucky, UNIT[:3], ["y"], method=method, samples=16, runs=4)
    assert found.verdict("y", "x0") == MATTERS
    for name in ("x1", "x2"):
        assert found.index("y", name).value > 0.0
        assert found.verdict("y", name) in (INSIDE_NOISE, SMALL)


def test_noise_of_a_table_with_known_parts():
    """s.d. 2 of points, 3 of seeds, 1 of both together: of the mean over R seeds the shares are 4, 9/R and 1/R."""
    rng, P, R = np.random.default_rng(1), 4000, 400
    found = noise(2.0 * rng.normal(size=(P, 1)) + 3.0 * rng.normal(size=R) + rng.normal(size=(P, R)))
    assert found.own == pytest.approx(1 / R, rel=0.02)
    assert found.shared == pytest.approx(9 / R, rel=0.2)
    assert found.share == pytest.approx((1 / R) / 4, rel=0.1)


def test_one_run_per_point_knows_no_noise():
    found = sensitivity(lucky, UNIT[:2], ["y"], samples=4, runs=1)
    assert np.isnan(found.index("y", "x0").noise)
    assert found.sign("y").verdict == NO_CLAIM
    assert "noise is not known" in "\n".join(sensitivity_study.in_words(found))


# -- signs and swings ---------------------------------------------------------------------------------------------------------------------


def test_signs_are_claimed_only_where_they_are_clear():
    def f(p, seed):
        luck = np.random.default_rng([seed, int(1e9 * p["x0"])]).normal()
        return {"up": 5.0 + p["x0"] + 0.1 * luck, "down": -5.0 + 0.1 * luck, "both": p["x0"] - 0.5 + 0.01 * luck, "luck": 0.01 + luck}

    found = sensitivity(f, UNIT[:2], ["up", "down", "both", "luck"], samples=6, runs=6)
    assert [found.sign(o).verdict for o in found.outputs] == [POSITIVE, NEGATIVE, BOTH, NO_CLAIM]
    words = "\n".join(sensitivity_study.in_words(found))
    assert "robust in sign: up (positive at 100 % of the points), down (negative" in words
    assert "the sign depends on the parameters: both" in words
    assert "no claim about the sign: luck" in words


def test_swings_are_those_of_one_parameter_at_a_time():
    parameters = [Parameter("x0", 0.0, 1.0, default=0.2), Parameter("x1", 0.0, 2.0, default=1.0), *UNIT[2:]]
    found = sensitivity(linear, parameters, ["y"], samples=2, runs=2)
    assert found.start["y"] == pytest.approx(5 * 0.2 - 2 + 0.25)
    assert [s.difference for s in found.swings[:4]] == pytest.approx([-1.0, 4.0, 2.0, -2.0])


# -- failures, workers, going on ----------------------------------------------------------------------------------------------------------


def test_blocks_with_a_failed_run_are_left_out():
    def f(p, seed):
        if p["x0"] > 0.9:
            raise ValueError("too much")
        return linear(p, seed)

    found = sensitivity(f, UNIT, ["y"], method="sobol", samples=32)
    out, of_all = found.left_out["y"]
    assert 0 < out < of_all == 32
    assert len(found.evaluations.failures) > 0
    assert found.index("y", "x1").value > found.index("y", "x2").value > 0
    assert found.evaluations.failures.popitem()[1] == "ValueError: too much"
    hopeless = sensitivity(lambda p, seed: 1 / 0, UNIT, ["y"], samples=2)
    assert np.isnan(hopeless.index("y", "x0").value)
    assert hopeless.verdict("y", "x0") == UNSETTLED


def test_results_do_not_depend_on_jobs():
    one, two = (sensitivity(lucky, UNIT[:2], ["y"], samples=4, runs=2, where=Where(jobs)) for jobs in (1, 3))
    assert np.array_equal(one.evaluations.values, two.evaluations.values)
    assert repr(one.indices) == repr(two.indices)


def test_mistake_in_the_code_is_raised():
    with pytest.raises(KeyError):
        sensitivity(lambda p, seed: {"y": p["x9"]}, UNIT[:1], ["y"], samples=2)


def test_what_was_run_is_not_run_again(tmp_path):
    calls = []

    def f(p, seed):
        calls.append(p)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return lucky(p, seed)

    points = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    where = Where(folder=tmp_path, what="lucky")
    with pytest.raises(KeyboardInterrupt):
        evaluate(f, UNIT[:2], points, (1, 2), ("y",), where)
    assert len(calls) == 5
    ended = evaluate(f, UNIT[:2], points, (1, 2), ("y",), where)
    assert len(calls) == 7  # four were kept
    assert np.array_equal(ended.values, evaluate(lucky, UNIT[:2], points, (1, 2), ("y",)).values)
    evaluate(f, UNIT[:2], points, (1, 2), ("y",), Where(folder=tmp_path, what="another"))
    assert len(calls) == 13


# -- parameters ---------------------------------------------------------------------------------------------------------------------------


def test_parameters_take_ranges_from_their_declaration():
    scenario = load(TINY)
    parameters = of_scenario(scenario, ["orders.supply_line_weight", "shocks[0].size=0.1:0.5", "trade.local_lead=1:3"])
    assert [(p.low, p.high, p.unit, p.default, p.whole) for p in parameters] == [
        (0.0, 1.0, "1", 0.34, False), (0.1, 0.5, "1", 0.4, False), (1.0, 3.0, "wk", 1.0, True),
    ]  # fmt: skip
    values = values_at(parameters, np.array([[0.0, 0.5, 0.0], [1.0, 1.0, 0.34], [0.5, 0.0, 1.0]]))
    assert values == pytest.approx(np.array([[0.0, 0.3, 1.0], [1.0, 0.5, 2.0], [0.5, 0.1, 3.0]]))
    assert named(parameters, values[1]) == {"orders.supply_line_weight": 1.0, "shocks[0].size": 0.5, "trade.local_lead": 2}
    for p in parameters:
        shares = np.array([0.2, 0.5, 0.8])
        assert p.at(p.share(p.at(shares))) == pytest.approx(p.at(shares))


def test_logarithmic_range():
    p = Parameter("x", 0.01, 100.0, log=True)
    assert p.at(np.array([0.0, 0.5, 1.0])) == pytest.approx([0.01, 1.0, 100.0])
    assert p.share(p.at(np.array(0.3))) == pytest.approx(0.3)


@pytest.mark.parametrize(("over", "line"), {
    "orders.stock_adjustmen": "unknown key 'stock_adjustmen' in orders. Did you mean 'stock_adjustment'?",
    "ordrs.stock_adjustment": "unknown key 'ordrs'. Did you mean 'orders'?",
    "orders.stock_adjustment=0.1:3": "3 is outside [0, 2] 1/wk",
    "orders.stock_adjustment=0.3:0.1": "a range has a finite low end and a higher, finite high end",
    "orders.stock_adjustment=0.1": "write orders.stock_adjustment=LOW:HIGH",
    "orders.stock_adjustment=0:1:log": "a logarithm needs a low end above 0",
    "orders.preset": "is not a number",
    "orders.input_cover_weeks=1:2": "has no value here (null)",
    "orders": "a single number is needed",
    "horizon.weeks=10:20": "unknown key 'horizon'",
    "shocks[3].size": "shocks has 1 entries, the first is [0]",
    "population.smbs": "its range is open, [1, inf) firms; write population.smbs=LOW:HIGH",
    "trade.local_lead=1.5:3": "only whole numbers",
    "a-b": "write a dotted name",
}.items())  # fmt: skip
def test_bad_parameter_is_one_line(over, line):
    with pytest.raises(InputError) as error:
        of_scenario(load(TINY), [over])
    assert len(error.value.lines) == 1
    assert line in error.value.lines[0]


def test_parameter_given_twice():
    with pytest.raises(InputError, match=r"orders\.supply_line_weight: given twice"):
        of_scenario(load(TINY), ["orders.supply_line_weight"] * 2)


# -- a scenario ---------------------------------------------------------------------------------------------------------------------------


def test_outputs_of_a_scenario_are_those_of_its_runs():
    from smbsim import run

    scenario = load(TINY)
    names = ("employment.end", "output.min", "relative.output.mean", "effect.consumption.total", "depth", "more_exits")
    found = ScenarioFunction(scenario, names)({"shocks[0].size": 0.3}, 5)
    result = run(scenario.with_({"shocks[0].size": 0.3}), runs=1, seed=5, jobs=1)
    shocked, base = (result.variant(v) for v in ("scenario", "baseline"))
    output, consumption = result["output"].values[:, 0], result["consumption"].values[:, 0]
    assert found["employment.end"] == result["employment"].values[shocked, 0].mean()  # twelve weeks are less than half a year
    assert found["output.min"] == output[shocked].min()
    assert found["relative.output.mean"] == pytest.approx(output[shocked].mean() / output[base].mean() - 1)
    assert found["effect.consumption.total"] == pytest.approx(consumption[shocked].sum() - consumption[base].sum())
    assert 0 < found["depth"] < 0.3
    assert found["more_exits"] == 0.0


def test_usual_outputs_are_effects_where_there_is_something_to_compare():
    scenario = load(TINY)
    assert usual(scenario)[0] == "relative.real_value_added.mean"
    assert usual(scenario.without_interventions())[0] == "real_value_added.mean"
    assert usual(load({"model": "work"}))[-2:] == ("unemployment.mean", "exits.total")


@pytest.mark.parametrize(("outputs", "options", "line"), [
    (["emploiment"], {}, "unknown output 'emploiment'. Did you mean 'employment'?"),
    (["employment.median"], {}, "'median' is no statistic"),
    (["fact.hires"], {}, "the scorecard has no row 'hires'. Did you mean"),
    (["depth"], {"variant": "baseline"}, "an effect needs a variant that differs from baseline"),
    (["output"], {"variant": "scenari"}, "--variant scenari: unknown variant. Did you mean 'scenario'?"),
    (["output"], {"to": "none"}, "--to none: unknown variant"),
])  # fmt: skip
def test_bad_output_is_one_line(outputs, options, line):
    with pytest.raises(InputError) as error:
        ScenarioFunction(load(TINY), outputs, **options)
    assert len(error.value.lines) == 1
    assert line in error.value.lines[0]


def command(tmp_path, *options):
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(TINY))
    return CliRunner().invoke(app, ["sensitivity", str(file), *options])


def test_command_end_to_end_and_again(tmp_path):
    out = tmp_path / "out"
    options = ("--over", "shocks[0].size=0.1:0.5", "--over", "orders.forecast_speed=0.1:0.3", "--samples", "2", "--runs", "3",
               "--outputs", "depth,relative.output.min", "--out", str(out), "--jobs", "1")  # fmt: skip
    done = command(tmp_path, *options, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    top = max((i for i in told["indices"] if (i["output"], i["index"]) == ("depth", "mu_star")), key=lambda i: i["value"])
    assert top["parameter"] == "shocks[0].size"
    assert top["verdict"] == MATTERS
    assert any(line.startswith("robust in sign: relative.output.min (negative at 100 %") for line in told["summary"])
    files = {path.name for path in out.iterdir()}
    assert {"indices.csv", "swings.csv", "signs.csv", "points.csv", "runs.csv", "manifest.json", "input.json"} <= files
    assert (out / "figures" / "tornado_depth.svg").is_file()
    with (out / "runs.csv").open() as rows:
        assert len(list(csv.DictReader(rows))) == told["points"] * 3
    before = (out / "indices.csv").read_bytes()
    refused = command(tmp_path, *options)
    assert refused.exit_code == 2
    assert "is not empty; use --resume" in refused.stderr
    again = command(tmp_path, *options, "--resume", "--no-figures")
    assert again.exit_code == 0
    assert (out / "indices.csv").read_bytes() == before
    other = command(tmp_path, *options[:2], *options[4:], "--resume")
    assert other.exit_code == 2
    assert "holds another experiment" in other.stderr


def test_dry_run_writes_nothing(tmp_path):
    out = tmp_path / "out"
    done = command(tmp_path, "--over", "shocks[0].size=0.1:0.5", "--dry-run", "--runs", "2", "--out", str(out), "--json")
    assert json.loads(done.stdout)["runs"] == 2 * json.loads(done.stdout)["points"]
    assert not out.exists()


@pytest.mark.parametrize(("options", "line"), [
    (["--over", "shocks[0].size", "--method", "fast"], "--method fast: one of morris, sobol"),
    (["--over", "shocks[0].size", "--method", "sobol", "--samples", "100"], "a Sobol sequence needs a power of 2, such as 64 or 128"),
    (["--over", "shocks[0].size", "--samples", "1"], "--samples 1: at least 2 for morris"),
    (["--over", "shocks[0].size", "--outputs", "depth,depth"], "none of them twice"),
    (["--over", "shocks[0].siz"], "Did you mean 'size'?"),
])  # fmt: skip
def test_bad_options_are_one_line_and_code_2(tmp_path, options, line):
    done = command(tmp_path, *options)
    assert done.exit_code == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml"}
