"""The scorecard: every estimator finds the number that a made-up panel was made with; verdicts, files, a short run of the model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from smbsim import economy
from smbsim.analysis import facts, scorecard, targets
from smbsim.analysis import panel as panels
from smbsim.analysis.panel import SNAPSHOT, WEEKLY, Panel
from smbsim.scenario import load
from smbsim.schema import InputError
from smbsim.state import CAUSES, NEVER

YEAR = 52


def made_up(n=400, years=4, seed=0, sectors=("A", "B"), **changes) -> Panel:
    """A panel of firms that only grow older: born 0 to 30 years ago, of the same size for ever."""
    rng = np.random.default_rng(seed)
    T, heads = YEAR * years, rng.lognormal(1.5, 1.0, n)
    flat = np.broadcast_to(heads, (years + 1, n)).copy()
    weekly = {name: 1.0 + 0.01 * rng.standard_normal(T) for name in WEEKLY}
    none = np.zeros(0, dtype=np.int64)
    panel = Panel(
        seed=seed, sectors=tuple(sectors), threshold=500.0, uid=np.arange(n), sector=np.arange(n) % len(sectors),
        region=np.zeros(n, dtype=int), born=-rng.integers(1, 30 * YEAR, n), exit_week=np.full(n, NEVER),
        exit_cause=np.zeros(n, dtype=int), employment=flat, cash=flat * 100, outflow=flat * 100, output=flat, sales=flat.copy(),
        alive=np.ones((years + 1, n), dtype=bool), applied=np.zeros((years + 1, n), dtype=bool), weekly=weekly,
        tier_orders=np.ones((T, 4)), tier_demand=np.ones((T, 4)), loss_firm=none, loss_week=none, loan_firm=none, loan_week=none,
        loan_refused=none > 0, loan_in_full=none > 0, loan_leverage=np.zeros(0),
    )  # fmt: skip
    return replace(panel, **changes)


def closing(panel: Panel, exit_week: np.ndarray, cause: str = "illiquid") -> Panel:
    """The panel with firms closing in these weeks."""
    years = len(panel.alive) - 1
    alive = exit_week > YEAR * np.arange(years + 1)[:, None] - 1
    gone = np.where(exit_week < panel.weeks, CAUSES.index(cause), 0)
    return replace(panel, exit_week=exit_week, exit_cause=gone, alive=alive)


def stacked(*found: Panel) -> dict[str, np.ndarray]:
    measures = [facts.measure(panel) for panel in found]
    return {name: np.stack([m[name] for m in measures]) for name in measures[0]}


# -- estimators ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_subbotin_finds_the_shape_that_the_sample_has(shape):
    """|x/s|^b / b is gamma(1/b): the standard way to draw an exponential-power law."""
    rng = np.random.default_rng(1)
    x = 3.0 * rng.choice([-1, 1], 40_000) * (shape * rng.gamma(1 / shape, 1.0, 40_000)) ** (1 / shape)
    assert facts.subbotin_shape(x) == pytest.approx(shape, rel=0.04)
    assert facts.subbotin_shape(1e-3 * x) == pytest.approx(facts.subbotin_shape(x), rel=1e-4)


def test_subbotin_of_the_laplace_and_the_gaussian_law_are_one_and_two():
    rng = np.random.default_rng(2)
    assert facts.subbotin_shape(rng.laplace(size=40_000)) == pytest.approx(1.0, rel=0.04)
    assert facts.subbotin_shape(rng.normal(size=40_000)) == pytest.approx(2.0, rel=0.04)
    assert np.isnan(facts.subbotin_shape(np.zeros(100)))


@pytest.mark.parametrize("exponent", [0.6, 1.06, 2.0])
def test_pareto_tail_finds_the_exponent(exponent):
    u, ratio = (np.arange(50_000) + 0.5) / 50_000, 50.0**-exponent
    sizes = 10.0 * (1 - u * (1 - ratio)) ** (-1 / exponent)
    assert facts.pareto_tail(sizes, 10, 500) == pytest.approx(exponent, rel=0.01)
    assert facts.pareto_tail(np.concatenate([sizes, np.full(1000, 2.0), np.full(9, 900.0)]), 10, 500) == facts.pareto_tail(sizes, 10, 500)
    assert np.isnan(facts.pareto_tail(np.ones(100), 10, 500))


@pytest.mark.parametrize("slope", [-0.25, 0.0, 0.1])
def test_volatility_exponent_is_the_slope_of_the_law(slope):
    rng = np.random.default_rng(3)
    size = rng.lognormal(0, 2, 60_000)
    assert facts.volatility_exponent(size, size**slope * rng.laplace(size=60_000)) == pytest.approx(slope, abs=0.02)


def test_hodrick_prescott_takes_out_a_line_and_leaves_short_swings():
    t = np.arange(80.0)
    np.testing.assert_allclose(facts.cycle(3 + 0.5 * t, 1600), 0, atol=1e-8)
    wave = np.sin(2 * np.pi * t / 8)
    np.testing.assert_allclose(facts.cycle(3 + 0.5 * t + wave, 1600)[16:-16], wave[16:-16], atol=0.03)
    assert np.all(facts.cycle(np.ones(2), 1600) == 0)


def test_hodrick_prescott_gain_is_that_of_its_formula():
    """At frequency w the cycle keeps 4 λ (1-cos w)² / (1 + 4 λ (1-cos w)²) of a wave: King and Rebelo (1993)."""
    t, period, smoothing = np.arange(2000), 40, 1600.0
    wave = np.cos(2 * np.pi * t / period)
    power = 4 * smoothing * (1 - np.cos(2 * np.pi / period)) ** 2
    np.testing.assert_allclose(facts.cycle(wave, smoothing)[800:1200], (power / (1 + power) * wave)[800:1200], atol=1e-3)


@pytest.mark.parametrize("lag", [-3, 0, 4])
def test_lag_behind_finds_who_follows(lag):
    x = np.random.default_rng(4).standard_normal(200)
    assert facts.lag_behind(np.roll(x, lag), x, 6) == lag
    assert np.isnan(facts.lag_behind(np.ones(50), np.ones(50), 6))


def test_dhs_growth_of_births_and_deaths_is_two():
    g, mean = facts.dhs(np.array([0.0, 4.0, 2.0, 0.0]), np.array([3.0, 0.0, 4.0, 0.0]))
    np.testing.assert_allclose(g, [2, -2, 2 / 3, 0])
    np.testing.assert_allclose(mean, [1.5, 2, 3, 0])


# -- measures -----------------------------------------------------------------------------------------------------------------------------


def test_hazard_by_age_is_the_one_the_firms_were_given():
    """Yearly hazard .3 for firms younger than five years, .05 for all others."""
    panel = made_up(8000, years=6)
    rng, last = np.random.default_rng(5), np.full(8000, NEVER)
    for week in range(6 * YEAR):
        hazard = np.where((week - panel.born) < 5 * YEAR, 0.3, 0.05)
        hit = (last == NEVER) & (rng.random(8000) < 1 - (1 - hazard) ** (1 / YEAR))
        last[hit] = week
    m = stacked(closing(panel, last))
    rate = m["age_exits"][0] / m["age_years"][0]
    np.testing.assert_allclose(rate[:4], 0.3, atol=0.03)
    np.testing.assert_allclose(rate[5:], 0.05, atol=0.01)
    assert 0.05 < rate[4] < 0.3  # turns five within the year
    assert m["age_exits"].sum() == m["size_exits"].sum() == m["sector_exits"].sum() == np.sum(last < 6 * YEAR)
    assert m["age_exits"].sum() == m["cause_by_age"].sum()
    assert m["smbs"][0, 0] == 8000


def test_mergers_are_no_exits_and_a_firm_between_two_snapshots_is_not_seen():
    panel = made_up(10, years=2)
    last = np.full(10, NEVER)
    last[0] = 60
    m = facts.measure(closing(panel, last, "merger"))
    assert m["age_exits"].sum() == 0
    assert m["cause_by_age"][:, CAUSES.index("merger")].sum() == 1
    unseen = panel.employment.copy()
    unseen[:, 1] = np.nan
    alive = panel.alive.copy()
    alive[:, 1] = False
    born, last = panel.born.copy(), np.full(10, NEVER)
    born[1], last[1] = 60, 70
    m = facts.measure(replace(panel, employment=unseen, alive=alive, born=born, exit_week=last, exit_cause=(last < NEVER).astype(int)))
    assert m["age_exits"].sum() == m["sector_entrants"].sum() == 0


def test_age_classes_hold_the_ages_before_the_year_as_the_table_does():
    assert [facts.AGE_NAMES[c] for c in facts.class_of(np.array([0, 4, 5, 9, 10, 24, 25, 90]), facts.AGES)] == [
        "0", "4", "5-9", "5-9", "10-14", "20-24", "25+", "25+"
    ]  # fmt: skip
    panel = made_up(3, years=1, born=np.array([-1, -YEAR, -YEAR - 1]))
    assert panel.age[0].tolist() == [0, 0, 1]
    assert panel.age[1].tolist() == [1, 1, 2]


def test_entrants_count_in_their_first_snapshot_and_as_jobs_created():
    panel = made_up(4, years=2)
    heads, alive = np.full((3, 4), 10.0), np.ones((3, 4), dtype=bool)
    heads[:2, 0], alive[:2, 0] = np.nan, False
    born = panel.born.copy()
    born[0] = 80
    m = facts.measure(replace(panel, employment=heads, alive=alive, born=born))
    assert m["sector_entrants"].tolist() == [1, 0]
    assert m["job_creation"] == 10
    assert m["job_destruction"] == 0
    assert m["jobs"] == 6 * 10 + 5


def test_cash_days_of_a_firm_that_holds_a_month():
    panel = made_up(50, outflow=np.full((5, 50), 70.0), cash=np.full((5, 50), 300.0))
    m = facts.measure(panel)
    np.testing.assert_allclose(m["cash_quartiles"], 30.0)
    assert m["cash_histogram"].sum() == 4 * 50


def test_growth_is_that_of_sales_less_the_mean_of_sector_and_year():
    """A boom of one sector in one year is no growth of its firms relative to it."""
    rng = np.random.default_rng(6)
    n, years = 3000, 5
    steps = rng.laplace(scale=0.1, size=(years + 1, n))
    steps[3, ::2] += 1.0
    panel = made_up(n, years, sales=np.exp(np.cumsum(steps, axis=0)), born=np.full(n, -30 * YEAR))
    m = facts.measure(panel)
    assert m["growth_shape"] == pytest.approx(1.0, abs=0.1)
    assert 0.99 < m["growth_histogram"].sum() / (n * (years - 1)) <= 1


def test_losses_raise_the_failure_hazard_as_much_as_they_were_made_to():
    """Weekly hazard .002, three times that within 26 weeks after a loss: the stratified ratio is 3 though large firms lose more."""
    rng, n, years = np.random.default_rng(7), 4000, 6
    panel, T = made_up(n, years), 6 * YEAR
    large = panel.employment[0] > 5
    losing = np.where(large, 0.03, 0.004)
    base = np.where(large, 0.0005, 0.003)
    latest, last, firm, week = np.full(n, -1000), np.full(n, NEVER), [], []
    for t in range(T):
        there = last == NEVER
        dies = there & (rng.random(n) < base * np.where((t > latest) & (t - latest <= 26), 3.0, 1.0))
        last[dies] = t
        hit = np.flatnonzero((last == NEVER) & (rng.random(n) < losing))
        latest[hit] = t
        firm.append(hit)
        week.append(np.full(len(hit), t))
    panel = replace(closing(panel, last), loss_firm=np.concatenate(firm), loss_week=np.concatenate(week))
    exposed, other, hit, failed = facts.exposure_to_losses(panel)
    first = np.maximum(panel.born + YEAR, 0)
    np.testing.assert_allclose(exposed + other, np.maximum(np.minimum(last, T) - first, 0))
    assert hit.sum() + failed.sum() == np.sum((last >= first) & (last < T))
    m = facts.measure(panel)
    assert m["loss_ratio"][0] / m["loss_ratio"][1] == pytest.approx(3.0, rel=0.15)
    crude = (hit.sum() / exposed.sum()) / (failed.sum() / other.sum())
    assert crude < 1.5  # without strata the effect is hidden by who loses


def test_exposed_weeks_are_counted_once():
    """Losses in weeks 10 and 20: 10 weeks belong to the first, 26 to the second; the firm of week 40 lives to the end at 52."""
    panel = made_up(2, years=1, loss_firm=np.array([0, 0, 1]), loss_week=np.array([20, 10, 40]))
    exposed, other, _, _ = facts.exposure_to_losses(panel)
    assert exposed.tolist() == [36, 12]
    assert (exposed + other).tolist() == [52, 52]


def test_first_year_of_a_firm_is_left_out_of_its_exposure():
    """Founded in week -22, the firms count from week 30 on: of the 26 weeks after a loss in week 20, 16 do; nobody fails before."""
    panel = made_up(3, years=2, born=np.full(3, -22), loss_firm=np.array([0, 1]), loss_week=np.array([20, 60]))
    exposed, other, hit, failed = facts.exposure_to_losses(closing(panel, np.array([40, NEVER, 29])))
    assert exposed.tolist() == [10, 26, 0]
    assert (exposed + other).tolist() == [10, 74, 0]
    assert hit.tolist() == [True, False, False]
    assert not failed.any()
    everybody = facts.exposure_to_losses(closing(replace(panel, born=np.full(3, -100)), np.array([40, NEVER, 29])))
    assert everybody[0].tolist() == [20, 26, 0]
    assert everybody[3].tolist() == [False, False, True]


def test_regression_tells_age_from_size():
    """Growth depends on age only, and the young are small: without age the small seem to grow more, with it they do not."""
    rng, n, years = np.random.default_rng(8), 6000, 4
    born = -rng.integers(1, 40, n) * YEAR - 1
    heads = np.where(born > -6 * YEAR, rng.uniform(1, 8, n), rng.uniform(3, 400, n))
    path = [heads]
    for y in range(years):
        age = (YEAR * (y + 1) - 1 - born) // YEAR  # the classes of the regression end at ten years
        path.append(path[-1] * np.exp(np.where(age <= 10, 0.15, -0.05) + 0.02 * rng.standard_normal(n)))
    panel = made_up(n, years, born=born, employment=np.stack(path))
    m = stacked(panel)
    assert targets.size_effect(m, "size before", with_age=False) > 0.05
    assert abs(targets.size_effect(m, "size before", with_age=True)) < 0.01
    effects = facts.size_effects(m["normal_matrix"][0, 0], m["normal_vector"][0, 0], True)
    assert effects.shape == (len(facts.FINE_NAMES),)
    assert effects[-1] == 0


def test_normal_equations_of_two_runs_add_up():
    a, b = made_up(300, seed=1, employment=_walk(300, 1)), made_up(300, seed=2, employment=_walk(300, 2))
    static = ("uid", "sector", "region", "born", "exit_week", "exit_cause")
    both = replace(
        a, **{name: np.concatenate([getattr(a, name), getattr(b, name)], axis=-1) for name in SNAPSHOT},
        **{name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in static},
    )  # fmt: skip
    np.testing.assert_allclose(stacked(a, b)["normal_vector"].sum(axis=0), facts.measure(both)["normal_vector"], rtol=1e-10)


def _walk(n, seed):
    rng = np.random.default_rng(seed)
    return np.exp(np.cumsum(0.1 * rng.standard_normal((5, n)), axis=0) + rng.normal(2, 1, n))


def test_signs_of_beveridge_okun_and_phillips():
    t = np.arange(8 * YEAR)
    u = 0.05 + 0.01 * np.sin(2 * np.pi * t / 200)
    weekly = {name: np.ones(len(t)) for name in WEEKLY}
    weekly |= {"unemployment": u, "vacancy_rate": 0.1 - u, "gdp": np.exp(-2 * u), "employment": 1 - u, "mean_wage": np.exp(-np.cumsum(u))}
    m = facts.measure(made_up(20, years=8, weekly=weekly, tier_orders=np.ones((len(t), 4)), tier_demand=np.ones((len(t), 4))))
    assert m["beveridge"] == pytest.approx(-1)
    assert m["okun"] == pytest.approx(-1)
    assert m["phillips"] < -0.95
    assert m["employment_lag"] == 0


@pytest.mark.parametrize("nobody", [True, False])
def test_extinct_and_motionless_panels_give_numbers_or_nan_without_a_warning(nobody):
    """filterwarnings = error."""
    us = economy.load("us_2022")
    panel = made_up(60, sectors=us.sectors, weekly={name: np.full(4 * YEAR, np.nan if nobody else 0.5) for name in WEEKLY})
    panel = closing(panel, np.full(60, 10 if nobody else NEVER))
    m = stacked(panel, panel)
    for fact in targets.facts_of(us):
        value = fact.of(m)
        assert fact.judge(value) in targets.VERDICTS
        assert np.isfinite(value) or fact.judge(value) == targets.MISSING


# -- targets and verdicts -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def us():
    return {fact.name: fact for fact in targets.facts_of(economy.load("us_2022"))}


def test_targets_are_those_of_the_tables(us):
    assert us["exit_hazard_age_0"].target == 0.16284
    assert us["survival_5"].target == pytest.approx(0.54097, abs=1e-5)
    assert us["exit_rate_size_5-9"].target == 0.02754
    assert us["application_rate"].target == 0.37
    assert us["cash_days_median"].target == 27
    assert us["approval_full"].target == pytest.approx(0.4469, abs=1e-4)
    assert 0.03792 < us["exit_hazard_age_25+"].target < 0.04936
    assert len(us) == len(targets.facts_of(economy.load("us_2022")))
    assert all(fact.source and fact.role in targets.ROLES and fact.low <= fact.target <= fact.high for fact in us.values())


def test_what_is_calibrated_is_what_the_specification_names(us):
    """Output autocorrelation and bullwhip, hires and lag of employment, exit by age, approvals, entry; how volatility falls with size and
    job creation, for the luck of firms with customers; nothing else."""
    calibrated = {name for name, fact in us.items() if fact.role == targets.CALIBRATION}
    assert calibrated == {
        *(name for name in us if name.startswith("exit_hazard_age_")), "survival_5", "exit_rate", "entry_rate", "entry_sectors_near",
        "entry_sectors_rank", "approval", "approval_full", "approval_risk_gap", "hires_rate", "employment_lag", "output_autocorrelation",
        "bullwhip_upstream", "volatility_exponent", "job_creation",
    }  # fmt: skip


def test_verdicts():
    fact = targets.Fact("x", "g", "l", "1", targets.HOLD_OUT, lambda m: 0.0, 10.0, 8.0, 13.0, "s")
    assert [fact.judge(v) for v in (8, 13, 7.9, 6, 5.9, 16, 16.1, np.nan)] == [
        "pass", "pass", "partial", "partial", "fail", "partial", "fail", "missing"
    ]  # fmt: skip
    assert replace(fact, target=np.nan).judge(10) == "missing"
    above = replace(fact, target=1.5, low=1.1, high=np.inf)
    assert [above.judge(v) for v in (99.0, 1.1, 0.8, 0.6)] == ["pass", "pass", "partial", "fail"]


def test_what_is_missed_is_explained_in_words(us):
    """Every fact that the calibrated model is known to miss says why."""
    known = ("exit_rate_size_5-9", "exit_rate_size_100+", "exit_sectors_near", "exit_sectors_rank", "size_tail", "bullwhip_upstream")
    assert all(us[name].reason for name in known)
    assert not us["exit_rate"].reason


def test_economy_without_tables_has_facts_without_targets(tmp_path):
    from economies import write_economy

    other = economy.load(write_economy(tmp_path, sectors=3))
    found = {fact.name: fact for fact in targets.facts_of(other)}
    assert np.isnan(found["exit_hazard_age_0"].target)
    assert found["bullwhip_upstream"].target == 2.0


def test_sectors_near_forgive_what_chance_explains():
    near = targets.share_near("a", "b", np.array([0.1, 0.1]))
    assert near({"a": np.array([[13.0, 1.0]]), "b": np.array([[100.0, 20.0]])}) == 0.5 + 0.5  # 1 of 2 expected is chance
    assert near({"a": np.array([[1300.0, 100.0]]), "b": np.array([[1e4, 2e3]])}) == 0.0


# -- the whole ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return load({"name": "small", "model": "work", "population": {"smbs": 60}, "horizon": {"burn_in": 4}})


@pytest.fixture(scope="module")
def written(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("card") / "out"
    return folder, scorecard.compute(small, runs=2, years=2, out=folder, jobs=2)


def test_scorecard_of_the_model_is_whole(written):
    folder, card = written
    assert card.seeds == (1, 2)
    assert len(card.rows) == len(card.facts)
    assert sum(card.count().values()) == len(card.judged)
    assert {path.name for path in folder.iterdir()} == {
        "input.json",
        "manifest.json",
        "measures.nc",
        "parts",
        "regression.csv",
        "scorecard.csv",
    }
    assert "facts pass" in card.summary()
    told = card.plain()
    assert len(told["regression"]) == 4 * len(facts.FINE_NAMES)
    alive = [panels.load(path).alive[0].sum() for path in sorted((folder / "parts").glob("*.nc"))]
    assert card.measures["smbs"][:, 0].tolist() == alive
    assert 50 < min(alive) <= max(alive) <= 60  # a few close during the burn-in


def test_panel_on_disk_gives_the_same_measures(written):
    folder, card = written
    for r, path in enumerate(sorted((folder / "parts").glob("*.nc"))):
        for name, value in facts.measure(panels.load(path)).items():
            np.testing.assert_array_equal(value, card.measures[name][r])


def test_resume_takes_what_is_there_and_refuses_another_panel(written, small, monkeypatch):
    folder, card = written
    before = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    monkeypatch.setattr(panels, "simulate_panel", None)
    again = scorecard.compute(small, runs=2, years=2, out=folder, resume=True)
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == before
    assert again.count() == card.count()
    with pytest.raises(InputError, match="another panel"):
        scorecard.compute(small, runs=2, years=3, out=folder, resume=True)


def test_a_run_that_breaks_is_left_out_and_told(small, monkeypatch):
    real = panels.simulate_panel

    def broken(scenario, seed, *rest, **more):
        if seed == 2:
            raise ValueError("it broke")
        return real(scenario, seed, *rest, **more)

    monkeypatch.setattr(panels, "simulate_panel", broken)
    card = scorecard.compute(small, runs=2, years=1)
    assert card.seeds == (1,)
    assert card.manifest["failed"] == {"2": "ValueError: it broke"}
    with pytest.raises(scorecard.AllRunsFailed):
        scorecard.compute(small, runs=1, seed=2, years=1)


def test_years_and_runs_must_be_possible(small):
    with pytest.raises(InputError, match="years = 0"):
        scorecard.compute(small, years=0)


# -- the command --------------------------------------------------------------------------------------------------------------------------


def smbsim(*words: str):
    from typer.testing import CliRunner

    from smbsim import cli

    return CliRunner().invoke(cli.app, [str(word) for word in words])


SHORT = ("--runs", 1, "--years", 1, "--smbs", 30, "--set", "horizon.burn_in=2", "--set", "model=work", "--no-figures")


def test_command_prints_facts_and_regression_and_continues(tmp_path):
    found = smbsim("scorecard", *SHORT, "--out", tmp_path / "a")
    assert found.exit_code == 0, found.stderr
    for text in ("facts pass", "Survival over five years", "hold-out", "without age", str(tmp_path / "a")):
        assert text in found.stdout
    assert smbsim("scorecard", *SHORT, "--out", tmp_path / "a").exit_code == 2
    again = smbsim("scorecard", *SHORT, "--out", tmp_path / "a", "--resume", "--json")
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert {row["verdict"] for row in told["rows"]} <= set(targets.VERDICTS)
    assert told["folder"] == str(tmp_path / "a")
