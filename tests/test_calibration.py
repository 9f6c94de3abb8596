"""Calibration: known simulators recovered, flat directions named, what is impossible ruled out, a scenario end to end, bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from smbsim import InputError, load
from smbsim.analysis import calibration_study
from smbsim.analysis.calibration import CUT, Target, calibrate, implausible, remaining, target, varimax
from smbsim.analysis.emulator import fit
from smbsim.analysis.evaluations import Where
from smbsim.analysis.space import Parameter
from smbsim.analysis.targets import facts_of
from smbsim.cli import app

TINY = {
    "name": "tiny", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 12, "burn_in": 0},
    "shocks": [{"kind": "demand", "start": 2, "stop": 6, "size": 0.4}],
}  # fmt: skip
AR1 = (Parameter("rho", 0.0, 0.95), Parameter("a", 0.0, 2.0), Parameter("b", 0.0, 2.0))
AR1_TARGETS = (Target("mean", 1.6, 0.3), Target("autocorrelation", 0.6, 0.1))


def ar1(p, seed):
    """x_t = ρ x_{t-1} + e_t + (1 - ρ)(a + b), 300 steps: only a + b can be known."""
    e, x = np.random.default_rng(seed).normal(size=300), np.zeros(300)
    for t in range(1, 300):
        x[t] = p["rho"] * x[t - 1] + e[t]
    d = x - x.mean()
    return {"mean": x.mean() * (1 - p["rho"]) + p["a"] + p["b"], "autocorrelation": (d[1:] * d[:-1]).sum() / (d * d).sum()}


@pytest.fixture(scope="module")
def found():
    return calibrate(ar1, AR1, AR1_TARGETS, runs=4, waves=3)


# -- a simulator that is known ------------------------------------------------------------------------------------------------------------


def test_truth_is_recovered_and_not_ruled_out(found):
    assert found.fitted["a"] + found.fitted["b"] == pytest.approx(1.6, abs=0.2)
    assert found.fitted["rho"] == pytest.approx(0.6, abs=0.1)
    truth = np.array([[p.share(x) for p, x in zip(AR1, row, strict=True)] for row in ((0.6, 0.7, 0.9), (0.6, 1.5, 0.1))])
    assert (implausible(found.waves, AR1_TARGETS)(truth) < CUT).all()
    false = np.array([[p.share(x) for p, x in zip(AR1, row, strict=True)] for row in ((0.1, 0.7, 0.9), (0.6, 1.9, 1.9))])
    assert (implausible(found.waves, AR1_TARGETS)(false) > CUT).all()


def test_what_is_left_is_what_meets_the_targets(found):
    """|ρ - .6| < about .12 of .95 and |a + b - 1.6| < about .35 of a square of side 2: some twelfth of the space, without much noise."""
    assert 0.02 < found.left < 0.12
    a, b = 2 * found.remaining[:, 1], 2 * found.remaining[:, 2]
    assert np.abs(a + b - 1.6).max() < 0.7
    assert a.max() - a.min() > 1.2  # each alone is open
    assert [wave.left for wave in found.waves] == sorted((wave.left for wave in found.waves), reverse=True)


def test_flat_direction_is_found_and_named(found):
    flat = [d for d in found.directions if d.flat]
    assert len(flat) == 1
    assert np.abs(flat[0].vector) == pytest.approx([0.0, 0.5**0.5, 0.5**0.5], abs=0.05)
    assert flat[0].vector[1] * flat[0].vector[2] < 0
    assert flat[0].spread > 3 * min(d.spread for d in found.directions if not d.flat)
    words = "\n".join(calibration_study.in_words(found))
    assert "they leave open 0.71 a − 0.71 b" in words or "they leave open 0.71 b − 0.71 a" in words
    assert "mean: 1." in words
    assert "met" in words


def test_parameter_that_does_nothing_is_left_open_alone():
    found = calibrate(
        lambda p, seed: {"y": 3 * p["x"]}, [Parameter("x", 0.0, 1.0), Parameter("idle", 0.0, 1.0)], [Target("y", 1.0, 0.2)], waves=2
    )
    assert [d.flat for d in found.directions] == [False, True]
    assert "they leave open idle alone" in "\n".join(calibration_study.in_words(found))
    assert found.fitted["x"] == pytest.approx(1 / 3, abs=0.01)
    assert found.left == pytest.approx(0.4 / 3, rel=0.25)  # |3 x - 1| ≤ .2


def test_two_parameters_that_do_nothing_are_each_named():
    """Any mixture of them is an eigenvector; the flat space is turned until each stands alone."""
    parameters = [Parameter(name, 0.0, 1.0) for name in ("x", "idle", "lazy")]
    found = calibrate(lambda p, seed: {"y": 3 * p["x"]}, parameters, [Target("y", 1.0, 0.2)], waves=1)
    assert "they leave open idle alone; lazy alone" in "\n".join(calibration_study.in_words(found)).replace(
        "lazy alone; idle alone", "idle alone; lazy alone"
    )
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 2)))[0]
    simple = varimax(np.eye(4)[:, :2] @ turn)
    assert np.sort(np.abs(simple).ravel()) == pytest.approx([0] * 6 + [1] * 2, abs=1e-6)


def test_targets_that_exclude_each_other_leave_nothing():
    parameters = [Parameter("x", 0.0, 1.0), Parameter("y", 0.0, 1.0)]
    both = [Target("sum", 0.4, 0.05), Target("twice", 1.6, 0.05)]
    found = calibrate(lambda p, seed: {"sum": p["x"] + p["y"], "twice": 2 * (p["x"] + p["y"])}, parameters, both, waves=2)
    assert found.left == 0.0
    assert "nothing is left" in calibration_study.in_words(found)[0]


def test_noise_keeps_points_from_being_ruled_out():
    """With few runs of a noisy simulator more is left than without noise."""

    def f(p, seed, luck):
        return {"y": p["x"] + luck * np.random.default_rng([seed, int(1e9 * p["x"])]).normal()}

    noisy, quiet = (
        calibrate(lambda p, s, luck=luck: f(p, s, luck), [Parameter("x", 0.0, 1.0)], [Target("y", 0.5, 0.05)], waves=2)
        for luck in (0.4, 0.0)
    )
    assert noisy.left > 1.5 * quiet.left > 0
    x = noisy.x[noisy.wave == 0]  # where it was run too the emulator knows that means are not exact
    mean, variance = noisy.waves[0].emulators[0].predict(x)
    assert np.sqrt(((mean - x[:, 0]) ** 2 / variance).mean()) < 2


def test_luck_that_all_points_share_counts():
    """A shift that every point has under a seed is uncertainty of the level, although no difference between points shows it."""

    def f(p, seed):
        return {"y": p["x"] + 0.3 * np.random.default_rng(seed).normal()}

    found = calibrate(f, [Parameter("x", -2.0, 2.0)], [Target("y", 0.0, 0.01)], waves=2, runs=4)
    assert found.waves[-1].shared[0] == pytest.approx(0.09 / 4, rel=2)
    assert np.ptp(found.remaining) * 4 > 0.3


def test_same_question_same_answer_whatever_the_jobs(found):
    again = calibrate(ar1, AR1, AR1_TARGETS, runs=4, waves=3, where=Where(3))
    assert np.array_equal(again.evaluations.points, found.evaluations.points)
    assert np.array_equal(again.remaining, found.remaining)


def test_failed_points_are_left_out():
    def f(p, seed):
        if p["x"] > 0.9:
            raise ValueError("too much")
        return {"y": p["x"] + p["y"]}

    found = calibrate(f, [Parameter("x", 0.0, 1.0), Parameter("y", 0.0, 1.0)], [Target("y", 0.8, 0.1)], waves=2)
    assert found.evaluations.failures
    assert sum(found.fitted.values()) == pytest.approx(0.8, abs=0.05)
    with pytest.raises(InputError, match="only 0 of 20 points of a wave have a value: ZeroDivisionError"):
        calibrate(lambda p, seed: {"y": 1 / 0}, [Parameter("x", 0.0, 1.0)], [Target("y", 0.8, 0.1)])


# -- parts --------------------------------------------------------------------------------------------------------------------------------


def test_emulator_interpolates_and_knows_what_it_does_not_know():
    x = np.random.default_rng(1).random((40, 2))
    emulator = fit(x, np.sin(5 * x[:, 0]) + x[:, 1], 0.0)
    new = np.random.default_rng(2).random((200, 2)) * 0.8 + 0.1
    mean, variance = emulator.predict(new)
    error = np.abs(mean - np.sin(5 * new[:, 0]) - new[:, 1])
    assert error.max() < 0.1
    assert (error < 4 * np.sqrt(variance) + 1e-3).mean() > 0.95
    assert emulator.predict(np.array([[3.0, 3.0]]))[1] > 10 * np.median(variance)


def test_emulator_knows_that_its_trend_is_uncertain():
    """Points around a plane with much luck and no process: errors of the mean are as large as the variance says, over thirty samples."""
    rng, errors = np.random.default_rng(1), []
    for _ in range(30):
        x = rng.random((30, 2))
        mean, variance = fit(x, x[:, 0] + 0.2 * rng.normal(size=30), 0.04).predict(np.array([[0.9, 0.2]]))
        errors.append((mean[0] - 0.9) ** 2 / variance[0])
    assert 0.5 < np.sqrt(np.mean(errors)) < 1.6


def test_share_of_a_small_ball_by_subset_simulation():
    """of(x) ≤ 3 inside a ball of radius .1 in four dimensions: π²/2 · 10⁻⁴ of the cube."""

    def of(x):
        return 30.0 * np.linalg.norm(x - 0.5, axis=1)

    shares = [remaining(of, 4, np.random.default_rng(s)) for s in range(4)]
    assert np.mean([share for _, share in shares]) == pytest.approx(np.pi**2 / 2 * 1e-4, rel=0.35)
    assert all((of(sample) <= CUT).all() for sample, _ in shares)


@pytest.mark.parametrize("text", ["y=1±0.5", "y=1+-0.5", "y = 1 +/- 5e-1"])
def test_target_is_read(text):
    assert target(text) == Target("y", 1.0, 0.5)


@pytest.mark.parametrize("text", ["y", "y=1", "y=1±", "y=a±b", "y=1±0", "y=1±-1", "y=nan±1"])
def test_bad_target_is_one_line(text):
    with pytest.raises(InputError) as error:
        target(text)
    assert len(error.value.lines) == 1
    assert error.value.lines[0].startswith("--target y")


@pytest.mark.parametrize(("options", "line"), [
    ({"targets": []}, "no moment to meet"),
    ({"targets": [Target("mean", 1, 1)] * 2}, "--target mean: given twice"),
    ({"points": 5}, "--points 5: at least 8 for 3 parameters"),
    ({"waves": 0}, "--waves 0: at least 1"),
    ({"runs": 1}, "--runs 1: at least 2, so that noise is known"),
    ({"targets": [Target("men", 1, 1)]}, "unknown output 'men'. Did you mean 'mean'?"),
])  # fmt: skip
def test_options_that_cannot_be(options, line):
    with pytest.raises(InputError) as error:
        calibrate(ar1, AR1, **{"targets": AR1_TARGETS, **options})
    assert line in str(error.value)


# -- figures ------------------------------------------------------------------------------------------------------------------------------


def test_figures_show_what_was_found(found, tmp_path):
    from smbsim.figures import calibration as figures

    files = figures.draw_all(found, tmp_path, "1234")
    assert {path.name for path in files} == {f"{name}.{kind}" for name in ("remaining", "moments", "directions") for kind in ("svg", "png")}
    bars = sorted(bar.get_width() for bar in figures.directions(found).patches)
    assert bars[-1] == 100.0
    assert figures.moments(found).get_title(loc="left") == "The best point meets 2 of 2 targets"
    assert "is not ruled out" in figures.remaining(found).get_title(loc="left").replace("\n", " ")
    again = figures.draw_all(found, tmp_path / "again", "1234")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


# -- a scenario ---------------------------------------------------------------------------------------------------------------------------


def command(tmp_path, *options):
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(TINY))
    return CliRunner().invoke(app, ["calibrate", str(file), *options])


def test_command_end_to_end(tmp_path):
    """The size of a shock is found again from the depth it makes; best.yaml is a scenario that can be run."""
    out = tmp_path / "out"
    options = ("--over", "shocks[0].size=0.1:0.7", "--target", "depth=0.07+-0.01", "--points", "6", "--waves", "1", "--runs", "2",
               "--out", str(out), "--jobs", "1")  # fmt: skip
    done = command(tmp_path, *options, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    (moment,) = told["moments"]
    assert moment["met"]
    assert moment["best"] == pytest.approx(0.07, abs=0.01)
    assert 0 < told["left"] < 0.5
    fitted = load(out / "best.yaml")
    assert fitted.shocks[0].size == told["best"]["shocks[0].size"]
    assert fitted.with_({"shocks[0].size": 0.4, "name": "tiny"}) == load(TINY)
    with (out / "waves.csv").open() as rows:
        assert sum(row["best"] == "True" for row in csv.DictReader(rows)) == 1
    wanted = {"points.csv", "runs.csv", "waves.csv", "moments.csv", "directions.csv", "remaining.csv", "manifest.json", "scenario.yaml"}
    assert wanted <= {path.name for path in out.iterdir()}
    before = (out / "waves.csv").read_bytes()
    again = command(tmp_path, *options, "--resume", "--no-figures")
    assert again.exit_code == 0
    assert "depth: 0.07" in again.stdout
    assert (out / "waves.csv").read_bytes() == before


def test_best_scenario_of_several_sections(found):
    from dataclasses import replace

    parameters = tuple(
        replace(p, name=name, low=0.01, high=0.5)
        for p, name in zip(AR1, ("orders.forecast_speed", "orders.stock_adjustment", "shocks[0].size"), strict=True)
    )
    points = np.clip(found.evaluations.points, 0.01, 0.5)
    given = replace(found, evaluations=replace(found.evaluations, parameters=parameters, points=points))
    text = calibration_study.best_yaml(given, load(TINY))
    assert "extends: scenario.yaml" in text
    lines = dict(line.split(": ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert set(json.loads(lines["orders"])) == {"forecast_speed", "stock_adjustment"}
    assert json.loads(lines["shocks"])[0]["start"] == 2


def test_row_of_the_scorecard_brings_its_own_target():
    asked = calibration_study.of(load({"model": "life"}), ["labour.hiring_speed=0.05:0.5"], ["fact.hires_rate"], years=1)
    fact = next(f for f in facts_of(asked.f.economy) if f.name == "hires_rate")
    assert asked.targets == (Target("fact.hires_rate", fact.target, fact.high - fact.target),)


@pytest.mark.parametrize(("options", "line"), [
    (["--over", "shocks[0].size", "--target", "depth"], "--target depth: write NAME=VALUE±TOLERANCE"),
    (["--over", "shocks[0].size", "--target", "dept=0.1+-0.1"], "unknown output 'dept'"),
    (["--over", "shocks[0].size=0.5:2", "--target", "depth=0.1+-0.1"], "2 is outside [-1, 1]"),
    (["--over", "shocks[0].size", "--target", "depth=0.1+-0.1", "--runs", "1"], "--runs 1: at least 2"),
])  # fmt: skip
def test_bad_options_are_one_line_and_code_2(tmp_path, options, line):
    done = command(tmp_path, *options)
    assert done.exit_code == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml"}
