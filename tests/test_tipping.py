"""The parts of the search for tipping points, each against what is known exactly; the scenario as a system; the command."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog
from typer.testing import CliRunner

from smbsim import cli, scenario
from smbsim.analysis import bimodality as modes
from smbsim.analysis import tipping_checks, tipping_folder, tipping_scenario, verdict
from smbsim.analysis.basins import basin
from smbsim.analysis.holds import Holds
from smbsim.analysis.phases import BOTH, HIGH, LOW, phases
from smbsim.analysis.scaling import Scaling, crossing, extrapolate, passed, scaling
from smbsim.analysis.sweeps import Loop, long_run_gap, sweep
from smbsim.analysis.thresholds import threshold, wilson
from smbsim.analysis.tipping import expected, tipping
from smbsim.figures import tipping as figures
from smbsim.schema import InputError

RNG = np.random.default_rng(7)
P = np.linspace(-1, 1, 21)


# -- one mode or two ------------------------------------------------------------------------------------------------------------------


def unimodal_distance(values) -> float:
    """The dip by linear programming: for every mode, the nearest function that is convex before and concave after it."""
    x, count = np.unique(values, return_counts=True)
    k, above = len(x), np.cumsum(count) / count.sum()
    below, best = above - count / count.sum(), 1.0
    for mode in range(k):
        left, rows, bounds = mode + 1, [], []
        n = k + 2  # values up to the mode, from it on, and the distance

        def add(bound, *terms, n=n, rows=rows, bounds=bounds):
            row = np.zeros(n)
            for index, factor in terms:
                row[index] += factor
            rows.append(row)
            bounds.append(bound)

        for first, last, sign in ((0, mode, 1.0), (mode, k - 1, -1.0)):

            def at(i, shift=0 if sign > 0 else left - mode):
                return i + shift

            for i in range(first, last + 1):
                if sign > 0 or i > mode:
                    add(below[i], (at(i), 1), (n - 1, -1))
                if sign < 0 or i < mode:
                    add(-above[i], (at(i), -1), (n - 1, -1))
                if i > first:
                    add(0, (at(i - 1), 1), (at(i), -1))
                if first < i < last:
                    s, t = sign / (x[i] - x[i - 1]), sign / (x[i + 1] - x[i])
                    add(0, (at(i), s + t), (at(i - 1), -s), (at(i + 1), -t))
        add(0, (mode, 1), (left, -1))
        best = min(best, linprog(np.eye(n)[-1], A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * n).fun)
    return best


@pytest.mark.parametrize("kind", range(4))
def test_dip_is_the_distance_to_the_nearest_unimodal_distribution(kind):
    """Against linear programming, with and without ties."""
    for _ in range(4):
        n = int(RNG.integers(5, 15))
        values = (RNG.random(n), RNG.normal(size=n), np.r_[RNG.normal(size=n), 5 + RNG.normal(size=n // 2)], RNG.integers(0, 5, n) * 1.0)[
            kind
        ]
        if np.ptp(values) > 0:
            assert modes.dip(values) == pytest.approx(unimodal_distance(values), abs=1e-7)


def test_dip_of_two_points_is_a_quarter():
    assert modes.dip(np.repeat([0.0, 1.0], 50)) == pytest.approx(0.25)


def test_critical_dips_are_the_published_ones():
    """Hartigan and Hartigan (1985), table 1, n = 50: .0471 to .0500 at the median, .0702 at 95 %."""
    dips = modes._uniform_dips(50, 2000)
    assert np.quantile(dips, 0.95) == pytest.approx(0.0702, abs=0.002)


def test_p_of_the_dip_is_right_for_the_uniform_and_safe_for_the_gaussian():
    """A share p of uniform samples has a smaller p; Gaussian ones have fewer."""
    uniform = np.array([modes.dip_p(modes.dip(RNG.random(60)), 60) for _ in range(300)])
    gaussian = np.array([modes.dip_p(modes.dip(RNG.normal(size=60)), 60) for _ in range(300)])
    assert np.mean(uniform < 0.1) == pytest.approx(0.1, abs=0.055)
    assert np.mean(gaussian < 0.1) < 0.02


def test_sarle_is_five_ninths_for_the_uniform_and_one_for_two_points():
    assert modes.sarle(np.linspace(0, 1, 100_001)) == pytest.approx(5 / 9, abs=1e-3)
    assert modes.sarle(np.r_[np.zeros(100_000), np.ones(300_000)]) == pytest.approx(1.0, abs=1e-3)


def test_mixture_finds_its_components():
    found = modes.bimodality(np.r_[RNG.normal(0, 1, 3000), RNG.normal(6, 0.5, 1000)])
    assert found.weights == pytest.approx((0.75, 0.25), abs=0.02)
    assert found.means == pytest.approx((0.0, 6.0), abs=0.1)
    assert found.deviations == pytest.approx((1.0, 0.5), abs=0.06)
    assert found.two_modes(9)


@pytest.mark.parametrize("name", ["normal", "exponential", "random", "lognormal", "constant"])
def test_one_mode_is_not_taken_for_two(name):
    """Skewed samples mislead Sarle and the mixture; the dip is not misled."""
    values = np.ones(200) if name == "constant" else getattr(RNG, name)(size=200)
    assert not modes.bimodality(values).two_modes()


# -- sweeps ---------------------------------------------------------------------------------------------------------------------------


def relay(p, state, seed):
    """Switches up at .5 and down at -.5, at once."""
    on = p > 0.5 or (bool(state) and p > -0.5)
    return float(on), on


def test_sweep_of_a_relay():
    """Loop of width 1 in a range of 2; both branches are there, begun afresh it is the lower one."""
    found = sweep(relay, P, [1, 2], restart=True, keep=10)
    assert found.area == pytest.approx(0.5, abs=0.01)
    assert found.width == pytest.approx(0.5)
    assert found.level == 0.5
    assert found.error == 0
    assert found.up.kept == (False, False)
    assert found.down.kept == (True, True)
    assert (found.restart == found.up.m).all()
    assert [place for place, _ in found.up.before] == [14, 14]  # one step before the jump between .5 and .6


def test_sweep_branches_and_never_changes_a_state():
    def counting(p, state, seed):
        return p, [*(state or []), (round(p, 6), seed)]

    found = sweep(counting, P, [3], holds=2, keep=20)
    assert len(found.up.kept[0]) == 42
    assert len(found.down.kept[0]) == 44
    up, down = found.up.kept[0][-2:], found.down.kept[0][-2:]
    assert up == down  # the same random numbers at the same parameter
    assert len({seed for _, seed in found.up.kept[0]}) == 42


def test_gap_that_dies_exponentially_is_gone_in_the_long_run():
    t = np.arange(9.0)[:, None]
    assert long_run_gap(np.exp(-t / 500)) == pytest.approx(0.0, abs=1e-9)
    assert long_run_gap(-np.exp(-t / 2)) == pytest.approx(0.0, abs=0.01)
    assert long_run_gap(0.7 + 0.3 * np.exp(-t / 2)) == pytest.approx(0.7, abs=0.01)
    assert long_run_gap(np.full((9, 1), -2.0)) == 2.0


def test_gap_of_one_realisation_that_swings_is_not_taken_for_one_that_closes():
    """A cycle on one branch, seen once: what it does from hold to hold is its noise. A branch that is lost in the end is lost."""
    swinging = np.array([0.648, 0.593, 0.520, 0.608, 0.632, 0.591, 0.527, 0.572, 0.647])[:, None]
    assert long_run_gap(swinging) == pytest.approx(0.582, abs=1e-3)
    lost = np.r_[np.full(6, 0.6), np.zeros(3)][:, None]
    assert long_run_gap(lost) == 0.0


def test_loop_needs_both_checks():
    assert Loop(0.3, 0.0, 0.3, np.ones(9), 1.0).hysteresis
    assert not Loop(0.3, 0.0, 0.15, np.ones(9), 1.0).hysteresis
    assert not Loop(0.3, 0.0, 0.3, np.ones(9), 0.1).hysteresis
    assert not Loop(0.3, 0.2, 0.3, np.ones(9), 1.0).there
    assert not Loop(0.01, 0.0, 0.01, np.ones(9), 1.0).there


# -- thresholds, basins ---------------------------------------------------------------------------------------------------------------


def personal(p, state, seed):
    """A thousand realisations that tip at thresholds of their own, uniform between .4 and .6."""
    return (p > np.random.default_rng(0).uniform(0.4, 0.6, 1000)).astype(float), state


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, 0.0)])
def test_threshold_is_the_median_and_the_band_holds_ninety_percent(a, b):
    found = threshold(personal, a, b, 0.5, [1])
    assert found.parameter == pytest.approx(0.5, abs=0.01)
    assert (found.low, found.high) == pytest.approx((0.41, 0.59), abs=0.01)
    assert (np.diff(found.tipped) * (b - a) >= 0).all()


def test_threshold_outside_the_range_is_not_found():
    assert not threshold(personal, 0.0, 0.3, 0.5, [1]).found
    assert not threshold(lambda p, state, seed: (0.0, None), 0.0, 1.0, 0.5, [1]).found


def test_wilson_interval_is_the_textbook_one():
    """Zero of ten: 0 to .278."""
    low, high = wilson(0.0, 10)
    assert (low, high) == pytest.approx((0.0, 0.2775), abs=1e-3)


def test_smallest_push_is_the_distance_to_the_edge():
    """dx = x - x³ from 1, pushed towards -1: tips from a push of 1 on."""

    def well(p, x, seed):
        for _ in range(400):
            x = x + 0.05 * (x - x**3)
        return x, x

    found = basin(well, 0.0, 1.0, lambda x, size, seed: x - 2 * size, 0.0, [1, 2, 3])
    assert found.smallest == pytest.approx(0.5, abs=0.01)
    assert found.stability == 0.0
    assert basin(well, 0.0, 1.0, lambda x, size, seed: x - 0.4 * size, 0.0, [1, 2, 3]).stability == 1.0


# -- sizes ----------------------------------------------------------------------------------------------------------------------------


def averaged(n):
    return lambda p, state, seed: (np.tanh(50 * p) + np.random.default_rng(seed).normal(size=400) / np.sqrt(n), None)


def coin(n):
    return lambda p, state, seed: ((np.random.default_rng(seed).random(400) < 0.5 + p / 2).astype(float), None)


def test_exponent_is_zero_for_independent_units_and_one_for_two_regimes():
    of = {
        name: scaling({n: f(n) for n in (10, 40, 160, 640)}, -1, 1, 0.5, [1], parameters=P[::2])
        for name, f in (("a", averaged), ("c", coin))
    }
    assert of["a"].exponent()[0] == pytest.approx(0.0, abs=0.15)
    assert of["c"].exponent()[0] == pytest.approx(1.0, abs=0.05)
    assert of["a"].sharpens is False
    assert of["c"].sharpens is True


def test_sizes_without_noise_tell_nothing():
    found = scaling({n: lambda p, state, seed: (np.full(5, p), None) for n in (1, 2, 3, 4)}, -1, 1, 0.0, [1], parameters=P)
    assert found.sharpens is None
    assert isinstance(found, Scaling)


def test_binder_is_zero_for_gauss_and_two_thirds_for_a_regime():
    def f(p, state, seed):
        return np.random.default_rng(1).normal(size=200_000) if p < 0 else np.full(200_000, 3.0), None

    found = scaling({n: f for n in (1, 2, 3, 4)}, -1, 1, 1.0, [1], parameters=[-1, 1], origin=0.0)
    assert found.binder[0] == pytest.approx([0.0, 2 / 3], abs=0.02)


def test_crossing_passing_extrapolating():
    x = np.linspace(0, 1, 11)
    assert crossing(x, x, x, 0.6 - x) == pytest.approx(0.3)
    assert np.isnan(crossing(x, x, x, x + 1))
    assert passed(x, x, 0.25) == pytest.approx(0.25)
    assert passed(x, 1 - x, 0.25) == pytest.approx(0.75)
    n = np.array([100, 400, 1600, 6400])
    for power in (1 / 3, 1 / 2, 1.0):
        assert extrapolate(n, 2.0 + 5 * n**-power).limit == pytest.approx(2.0)


def test_fewer_than_four_sizes_are_refused():
    with pytest.raises(InputError, match="at least 4"):
        scaling({n: coin(n) for n in (10, 20, 30)}, -1, 1, 0.5, [1])


# -- the search -----------------------------------------------------------------------------------------------------------------------


def test_nothing_is_claimed_that_was_not_tested():
    """A relay jumps and has hysteresis, but without sizes and pushes there is no tipping point."""
    found = tipping(relay, -1, 1, sweeps=1, runs=2)
    assert found.verdict.holding == ("T1", "T2")
    assert [test.holds for test in found.verdict.tests] == [True, True, None, None]
    assert not found.verdict.tipping_point
    assert "T3 and T4 not tested" in found.verdict.in_words()
    assert [at.parameter for at in found.look.thresholds] == pytest.approx([0.5, -0.5], abs=0.002)
    assert found.rates[1.0] == pytest.approx((0.55, -0.45))


def test_verdict_needs_all_four():
    four = [verdict.Test(name, True, "") for name in ("T1", "T2", "T3", "T4")]
    assert verdict.Verdict(tuple(four), "").tipping_point
    for k in range(4):
        for holds in (False, None):
            some = [*four[:k], verdict.Test(four[k].name, holds, ""), *four[k + 1 :]]
            assert not verdict.Verdict(tuple(some), "").tipping_point


def test_what_does_not_answer_is_said_so():
    found = tipping(lambda p, state, seed: (1.0, None), 0, 1, sweeps=1, runs=1)
    assert found.look is None
    assert "does not answer" in found.verdict.in_words()


def test_variant_without_the_finding_is_an_artefact():
    found = tipping(relay, -1, 1, sweeps=1, runs=2, variants={"open": lambda p, state, seed: (p, None)})
    assert found.checks == {"open": False}
    assert found.verdict.tests[3].holds is False


def test_jobs_do_not_change_results_and_progress_ends():
    seen = []
    one, two = (
        tipping(relay, -1, 1, sweeps=3, runs=5, jobs=jobs, progress=lambda done, total: seen.append((done, total))) for jobs in (1, 2)
    )
    assert tipping_folder.plain(one) == tipping_folder.plain(two)
    assert (one.cloud == two.cloud).all()
    assert seen[-1][0] == seen[-1][1] == expected(relay, 21, 1, 3, 5)


def test_mistakes_are_said_all_at_once():
    with pytest.raises(InputError) as error:
        tipping(relay, 1, 1, steps=5, runs=0)
    assert len(error.value.lines) == 3


def test_standstill_on_a_branch_is_an_artefact():
    """MODEL.md 4.5: a branch on which nothing moves any more is no regime."""
    for stopped in (False, True):
        found = tipping(relay, -1, 1, sweeps=1, runs=2, blocked=lambda state, stopped=stopped: stopped and state)
        assert found.checks == {"firms that are not all blocked": not stopped}
        assert found.verdict.tests[3].holds is not stopped


# -- holds that are remembered ----------------------------------------------------------------------------------------------------------


class Walker:
    """A system that counts its calls; its state is everything that happened to it."""

    def __init__(self):
        self.calls = 0

    def __call__(self, p, state, seed):
        self.calls += 1
        walked = [*(state or []), (round(p, 9), seed)]
        return float(sum(x * (k + 1) for k, (x, _) in enumerate(walked))), walked


def pushed(state, size, seed):
    return [*state, ("push", size, seed)]


def test_places_lead_to_the_states_they_stand_for(tmp_path):
    """Through holds and pushes, remembered or not; what is remembered is not computed again, nor is what has not been asked for."""
    ends, calls = [], []
    for _ in range(3):
        one, holds = Walker(), Holds(tmp_path / "holds.csv")
        f, push = holds.system("w", one), holds.push(lambda state, size, seed: [(x, seed) for x, _ in state] + [(size, seed)])
        m, place = f(0.1, None, 1)
        for k in range(40):
            m, place = f(0.1 * k, place, k)
        m, place = f(3.0, push(place, 0.5, 9), 2)
        calls.append(one.calls)
        ends.append((m, place.state(), holds.question("long", lambda state: len(state) > 3)(place)))
    assert ends[0] == ends[1] == ends[2]
    assert calls == [42, 0, 0]
    assert one.calls == 42  # the last state was asked for: the chain was walked once
    other = Holds(tmp_path / "holds.csv").system("another", Walker())
    assert other(0.1, None, 1)[0] == 0.1  # systems are told apart by their name


def test_remembered_search_is_the_search(tmp_path):
    """Also after a kill in the middle of a line, at any place; and nothing is simulated to look at it again."""

    def search(holds, f):
        return tipping(holds.system("f", f), -1, 1, sweeps=2, runs=3, perturb=holds.push(lambda state, size, seed: state))

    path = tmp_path / "holds.csv"
    straight = search(Holds(), relay)
    whole = search(Holds(path), relay)
    text = path.read_bytes()
    assert tipping_folder.plain(straight) == tipping_folder.plain(whole) == tipping_folder.plain(tipping(
        relay, -1, 1, sweeps=2, runs=3, perturb=lambda state, size, seed: state))  # fmt: skip
    for cut in (3, len(text) // 3, len(text) - 5):
        path.write_bytes(text[:cut])
        again = search(Holds(path), relay)
        assert tipping_folder.plain(again) == tipping_folder.plain(whole)
        assert sorted(path.read_bytes().splitlines()) == sorted(text.splitlines())
    path.write_bytes(text)
    assert tipping_folder.plain(search(Holds(path, missing="refuse"), None)) == tipping_folder.plain(whole)
    path.write_bytes(text[: len(text) // 2])
    with pytest.raises(InputError, match="a hold is missing"):
        search(Holds(path, missing="refuse"), None)
    assert path.stat().st_size == len(text) // 2  # a reader changes nothing


# -- two parameters ---------------------------------------------------------------------------------------------------------------------


def test_phases_of_relays_are_where_they_switch():
    """Up at s, down at -s: both regimes in between; a relay without a gap has one."""

    def of(s):
        def f(p, state, seed):
            on = p > s or (bool(state) and p > -s)
            return float(on), on

        return f

    found = phases({s: of(s) for s in (0.01, 0.25, 0.45, 0.65)}, P, [1])
    assert found.crossings[1:] == pytest.approx(np.array([[s, -s] for s in (0.25, 0.45, 0.65)]))
    assert found.width[0] == 0
    assert (found.regime[0] == BOTH).sum() == 0
    assert found.regime[2].tolist() == [LOW] * 6 + [BOTH] * 9 + [HIGH] * 6
    assert found.abrupt.all()
    assert found.cusp[1] <= 0.25
    wide = phases({s: of(s) for s in (0.25, 0.45, 1.2)}, P, [1])  # of which the last never tips
    assert np.isnan(wide.crossings[2]).all()
    assert (wide.regime[2] == LOW).all()
    assert np.isnan(wide.cusp).all()  # loops everywhere
    with pytest.raises(InputError, match="at least 3"):
        phases({0.1: of(0.1)}, P, [1])


def test_every_figure_draws_with_and_without_noise(tmp_path):
    found = tipping(coin(10), -1, 1, sweeps=1, runs=1, sizes={n: coin(n) for n in (1, 2, 4, 8)}, thorough=True)
    found = replace(found, phases=phases({s: relay for s in (1.0, 2.0, 3.0)}, P, [1]))
    drawn = figures.draw_all(found, tmp_path)
    assert {path.stem for path in drawn} == set(figures.TIPPING_FIGURES)
    assert {path.stem for path in figures.draw_all(tipping(relay, -1, 1, sweeps=1, runs=1), tmp_path / "few")} == {"bifurcation", "modes"}


def test_folder_has_every_table(tmp_path):
    found = tipping(coin(10), -1, 1, sweeps=1, runs=1, sizes={n: coin(n) for n in (1, 2, 4, 8)}, thorough=True)
    tipping_folder.write(found, tmp_path)
    rows = {path.name: list(csv.reader(path.read_text().splitlines())) for path in tmp_path.glob("*.csv")}
    assert [row[0] for row in rows["tests.csv"][1:]] == ["T1", "T2", "T3", "T4"]
    assert len(rows["sweep.csv"]) == 1 + 400 * 21 * 5
    assert len(rows["scaling.csv"]) == 1 + 4 * 9
    assert json.loads((tmp_path / "manifest.json").read_text())["found"]["tests"].keys() == {"T1", "T2", "T3", "T4"}


# -- a scenario as a system -----------------------------------------------------------------------------------------------------------

TINY = {"population": {"smbs": 40, "regions": 1}, "horizon": {"weeks": 20, "burn_in": 4}}


def test_scenario_branches_from_a_state_that_stays_as_it_is():
    system = tipping_scenario.ScenarioSystem(scenario.load(TINY), "households.confidence", weeks=6)
    _, held = system(0.5, None, 1)
    before = held.state.copy()
    first, second = system(1.5, held, 2), system(1.5, held, 2)
    assert first[0] == second[0] != system(1.5, held, 3)[0]
    assert (held.week, first[1].week) == (6, 12)
    assert (before.firms.output == held.state.firms.output).all()
    pushed = tipping_scenario.perturb(held, 1.0, 5)
    assert (pushed.state.firms.inventory != held.state.firms.inventory).any()
    assert (pushed.state.slots.input_stock >= 0).all()
    assert (before.firms.inventory == held.state.firms.inventory).all()
    same = tipping_scenario.perturb(held, 0.0, 5)
    assert (same.state.firms.inventory == held.state.firms.inventory).all()


def test_firms_are_blocked_where_none_makes_anything():
    _, held = tipping_scenario.ScenarioSystem(scenario.load(TINY), "households.confidence", weeks=6)(0.5, None, 1)
    assert not tipping_scenario.blocked(held)
    held.state.firms.output[:-1] = 0.0
    assert not tipping_scenario.blocked(held)
    held.state.firms.output[:] = 0.0
    assert tipping_scenario.blocked(held)


def test_scenario_at_rest_stays_at_one():
    quiet = scenario.load({**TINY, "production": {"breakdown_hazard": 0.0}})
    system = tipping_scenario.ScenarioSystem(quiet, "orders.stock_adjustment", weeks=4)
    assert system(0.1, None, 1)[0] == pytest.approx(1.0, abs=1e-9)


def test_scenario_says_what_a_sweep_cannot_move():
    system = tipping_scenario.ScenarioSystem(scenario.load(TINY), "orders.input_cover_weeks")
    assert "decides how the economy is built" in system.notes(1.0, 3.0)[0]
    assert tipping_scenario.ScenarioSystem(scenario.load(TINY), "households.confidence").notes(0.0, 1.0) == []


def test_scenario_comes_in_sizes_with_valves_and_noise():
    system = tipping_scenario.ScenarioSystem(scenario.load(TINY), "households.confidence")
    assert list(tipping_scenario.of_sizes(system)) == [40, 80, 160, 320]
    assert {s.scenario.production.emergency_share for s in tipping_scenario.of_valves(system).values()} == {0.0, 1.0}
    hazard = system.scenario.production.breakdown_hazard
    assert [s.scenario.production.breakdown_hazard for s in tipping_scenario.of_noise(system).values()] == [hazard / 2, hazard * 2]


def smbsim(*words, code=0):
    done = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps(TINY))
    return path


def test_command_writes_tables_figures_and_a_verdict(tiny):
    words = ("--param", "households.confidence", "--from", 0, "--to", 0.2, "--weeks", 2, "--sweeps", 1, "--runs", 2, "--jobs", 1, "--json")
    told = json.loads(smbsim("tipping", tiny, *words, "--out", "there").stdout)
    assert told["tipping_point"] is False
    assert {path.name for path in (tiny.parent / "there").iterdir()} >= {"tests.csv", "sweep.csv", "manifest.json", "figures"}
    assert "not empty" in smbsim("tipping", tiny, *words, "--out", "there", code=2).stderr


SMALL = ("--param", "households.confidence", "--from", 0, "--to", 0.2, "--weeks", 2, "--sweeps", 1, "--runs", 1, "--jobs", 1)
SECOND = ("--second", "labour.firing_speed=0.1:0.5:3")


def test_folder_is_shown_verified_and_searched_again(tiny):
    """Its figures are drawn without simulating anything; a changed table, and holds that do not belong to it, are found out."""
    there = tiny.parent / "there"
    told = json.loads(smbsim("tipping", tiny, *SMALL, *SECOND, "--out", there, "--no-figures", "--json").stdout)
    assert len(told["phases"]["second"]) == 3
    shown = json.loads(smbsim("show", there, "--figures", "--json").stdout)
    assert shown["verdict"] == told["verdict"]
    assert {Path(path).stem for path in shown["figures"]} == {"bifurcation", "phases"}
    assert smbsim("verify", there).stdout.count("ok ") == 3
    assert set(json.loads(smbsim("rerun", there, "--json").stdout)["files"].values()) == {"the same bit for bit"}
    (there / "sweep.csv").write_text((there / "sweep.csv").read_text() + "up,1,0.0,0,1.0\n")
    (there / "parts" / "holds.csv").write_text("key,m\n")
    said = smbsim("verify", there, code=4).stderr
    assert "sweep.csv was changed" in said
    assert "a hold is missing" in said


def test_stopped_search_goes_on_where_it_was(tiny):
    """With the question and the code it was begun with, and to the same tables, bit for bit."""
    folder = tiny.parent / "there"
    words = ("tipping", tiny, *SMALL, "--out", folder, "--no-figures")
    smbsim(*words)
    tables = {name: (folder / name).read_bytes() for name in tipping_folder.NUMBERS}
    holds = folder / "parts" / "holds.csv"
    kept = holds.read_bytes()
    (folder / "manifest.json").unlink()
    holds.write_bytes(kept[: len(kept) // 2])
    assert "was stopped before its end" in smbsim("show", folder, code=2).stderr
    assert "another search" in smbsim(*words, "--seed", 9, "--resume", code=2).stderr
    assert "finished holds are taken" in smbsim(*words, "--resume").stderr
    assert {name: (folder / name).read_bytes() for name in tables} == tables
    assert sorted(holds.read_bytes().split()) == sorted(kept.split())


@pytest.mark.long
def test_killed_search_goes_on_to_the_same_tables(tiny):
    """SIGKILL three times; the tables are those of a search that was left alone."""
    words = [
        sys.executable,
        "-m",
        "smbsim",
        "tipping",
        str(tiny),
        *map(str, SMALL),
        "--thorough",
        "--no-figures",
        "--weeks",
        "20",
        "--resume",
    ]
    alone, killed = tiny.parent / "alone", tiny.parent / "killed"
    subprocess.run([*words, "--out", str(alone)], check=True, capture_output=True)
    done = []
    for _ in range(3):
        running = subprocess.Popen([*words, "--out", str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        holds, before = killed / "parts" / "holds.csv", done[-1] if done else 0
        while running.poll() is None and (holds.stat().st_size if holds.exists() else 0) < before + 2000:
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        done.append(holds.stat().st_size)
        assert not (killed / "manifest.json").exists()
    assert done == sorted(done)
    subprocess.run([*words, "--out", str(killed)], check=True, capture_output=True)
    assert all((alone / name).read_bytes() == (killed / name).read_bytes() for name in tipping_folder.NUMBERS)
    assert not [said for _, said in tipping_checks.verify(killed, json.loads((killed / "manifest.json").read_text())) if said]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--param", "households.confidence", "--to", 1, "--second", "labour.firing_speed=1:2"), "write NAME=A:B:N"),
        (("--param", "households.confidence", "--to", 1, "--second", "labour.firing_speed=0:.5:2"), "at least 3 different values"),
        (("--param", "households.confidence", "--to", 1, "--second", "labour.firing_sped=.1:.5:3"), "Did you mean 'firing_speed'"),
        (("--param", "households.confidenc", "--to", 1), "Did you mean 'confidence'"),
        (("--param", "households.confidence", "--to", -1), "outside"),
        (("--param", "population.smbs", "--to", 9), "settled before the first week"),
        (("--param", "households.confidence", "--to", 1, "--metric", "outpu"), "Did you mean 'output'"),
        (("--param", "households.confidence", "--to", 1, "--metric", "sector_output"), "one value per sector"),
        (("--param", "households.confidence", "--to", 0), "two different finite numbers"),
        (("--param", "households.confidence", "--to", 1, "--sizes", "10,20"), "at least 4"),
        (("--param", "households.confidence", "--to", 1, "--sizes", "a"), "whole numbers"),
    ],
)
def test_command_refuses_in_one_line(tiny, words, said):
    done = smbsim("tipping", tiny, "--from", 0, *words, code=2)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tiny.parent.iterdir()) == [tiny]


def test_dry_run_says_how_long_and_writes_nothing(tiny):
    words = ("--param", "households.confidence", "--from", 0, "--to", 2, "--dry-run")
    told = json.loads(smbsim("tipping", tiny, *words, "--json").stdout)
    assert told["weeks"] > 21 * 2 * 104 * 3
    assert 0 < told["seconds_without"] < told["seconds"]
    assert "weeks" in smbsim("tipping", tiny, *words).stdout
    assert list(tiny.parent.iterdir()) == [tiny]
