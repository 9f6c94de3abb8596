"""Sweeps: responses of a design under common random numbers, told, drawn, kept and made again."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import smbsim
from smbsim import checks, figures, scenario
from smbsim.analysis import ensemble, response
from smbsim.cli import app
from smbsim.figures import base
from smbsim.figures import sweep as drawing
from smbsim.schema import InputError

SIZE, SPEED = "shocks[0].size", "orders.stock_adjustment"
DATA = {
    "name": "tiny", "population": {"smbs": 20, "regions": 1}, "horizon": {"weeks": 6, "burn_in": 2},
    "runs": {"replicates": 2, "seed": 3}, "output": {"metrics": ["real_value_added", "employment"]},
    "shocks": [{"kind": "demand", "start": 1, "stop": 4, "size": 0.2}],
}  # fmt: skip
OVER = [f"{SIZE}=0.1,0.3", f"{SPEED}=0.05,0.2"]


@pytest.fixture(scope="module")
def spec():
    return scenario.load(DATA)


@pytest.fixture(scope="module")
def folder(spec, tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "results"
    response.sweep(spec, OVER, out=path, jobs=1)
    return path


@pytest.fixture(scope="module")
def found(folder):
    return response.load(folder)


def rows(path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


# -- numbers ------------------------------------------------------------------------------------------------------------------------------


def test_a_point_is_the_same_scenario_run_alone(spec, found):
    """Point 2 is size 0.3 and speed 0.05, with the same two seeds."""
    alone = ensemble.run(spec.with_({SIZE: 0.3, SPEED: 0.05}), jobs=1)
    for name in ("real_value_added", "employment"):
        assert np.array_equal(found.result[name].values[:, 4:6], alone[name].values)
    assert found.result.design[SIZE].tolist() == [0.1] * 4 + [0.3] * 4
    assert found.result.design["point"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found.result.seeds == (3, 4) * 4


def test_response_is_the_paired_effect_of_the_shock(found):
    """Mean over the seeds of x / x(baseline) - 1, x the mean over the weeks; its interval is that of Student."""
    x = found.result["employment"].values.mean(axis=2)
    effect = (x[1] / x[0] - 1.0).reshape(4, 2)
    r = found.response("employment")
    np.testing.assert_allclose(r.mean, effect.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(r.half, 12.706204736 * effect.std(axis=1, ddof=1) / np.sqrt(2), rtol=1e-6)
    assert (r.relative, r.unit, r.variant) == (True, "1", "scenario")
    assert np.all(r.mean[2:] < r.mean[:2])  # the larger shock


def test_only_the_weeks_that_count_are_in_the_outcome(spec):
    before = response.sweep(spec, {SIZE: [0.1, 0.3]}, runs=1, weeks=(0, 0), jobs=1)
    assert np.all(before.response("employment").mean == 0.0)  # the shock begins in week 1
    with pytest.raises(InputError, match="weeks 0 to 6: recorded are 0 to 5"):
        response.sweep(spec, {SIZE: [0.1, 0.3]}, weeks=(0, 6))


def test_without_interventions_the_metric_itself_responds(spec):
    alone = response.sweep(spec.without_interventions(), {"population.smbs": [20, 40]}, runs=1, jobs=1)
    r = alone.response("employment")
    assert (r.relative, r.variant) == (False, "baseline")
    assert r.mean[1] != r.mean[0]


def test_ranks_see_what_moves_the_outcome(found):
    ranks = found.ranks(found.response("employment"))
    assert ranks[SIZE] < -0.8
    assert abs(ranks[SPEED]) < 0.5


def test_unknown_metric_names_the_nearest(found):
    with pytest.raises(InputError, match="Did you mean 'employment'"):
        found.response("employmnt")


def test_words_name_ends_and_parameters(found):
    lines = found.in_words()
    assert lines[0].startswith("scenario: value added of firms differs from the baseline by −")
    assert f"{SIZE} = 0.3" in lines[0]
    assert f"with {SIZE}" in lines[0]
    one = response.sweep(scenario.load(DATA), {SIZE: [0.1, 0.3]}, runs=1, jobs=1)
    assert one.in_words()[-1].startswith("one run at each point")
    assert "tiny" in repr(one)


# -- files --------------------------------------------------------------------------------------------------------------------------------


def test_tables_have_every_point_and_variant(found, folder):
    table = rows(folder / "summary.csv")
    assert len(table) == 4 * 2 * 2
    row = next(r for r in table if (r["point"], r["variant"], r["metric"]) == ("2", "scenario", "employment"))
    assert (row[SIZE], row[SPEED], row["runs"]) == ("0.3", "0.05", "2")
    assert float(row["effect"]) == pytest.approx(found.response("employment").mean[2], rel=1e-9)
    assert next(r for r in table if r["variant"] == "baseline")["effect"] == ""
    wages = [r for r in rows(folder / "flows.csv") if (r["variant"], r["flow"], r["payer"]) == ("scenario", "wages", "firm")]
    assert sorted({r["point"] for r in wages}) == ["0", "1", "2", "3"]
    whole = found.result.flows["scenario", "wages", "firm", "household"]
    assert np.mean([float(r["currency_per_year"]) for r in wages if r["payee"] == "household"]) == pytest.approx(whole, rel=1e-9)


def test_xarray_reads_the_parameters_of_every_run(folder):
    import xarray as xr

    with xr.open_dataset(folder / "ensemble.nc") as data:
        assert data[f"design_{SIZE}"].values.tolist() == [0.1] * 4 + [0.3] * 4
        assert data.employment.dims == ("variant", "run", "week")


def test_more_runs_of_a_sweep_reuse_those_there_are(spec, folder, tmp_path):
    """Runs are told by their content: another folder, another number of runs, another grid, the same runs."""
    response.sweep(spec, {SIZE: [0.3], SPEED: [0.05]}, runs=3, out=tmp_path / "more", reuse=[folder], jobs=1)
    assert [row["status"] for row in rows(tmp_path / "more" / "runs.csv")] == ["resumed", "resumed", "done"]


def test_folder_is_verified_and_run_again(folder, tmp_path):
    found = checks.verify(folder)
    assert [wrong for _, wrong in found] == [[]] * len(found)
    assert set(checks.rerun(folder, tmp_path / "again").values()) == {checks.IDENTICAL}
    assert checks.changes_since(folder) == []
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "design.csv").write_text("point\n")
    assert any("design.csv was changed" in line for _, wrong in checks.verify(copy) for line in wrong)


def test_point_that_cannot_be_is_refused_before_anything_is_written(spec, tmp_path):
    one = spec.with_({"shocks[0].target": {"firms": ["150"]}, "population.smbs": 200})
    with pytest.raises(InputError, match=r"at population.smbs = 20: .*unknown firm '150'"):
        response.sweep(one, {"population.smbs": [200, 20]}, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


# -- the command --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(json.dumps(DATA))
    return tmp_path


def smbsim_(*words, code: int = 0):
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == code, done.output
    return done


def test_command_tells_draws_and_goes_on(here):
    words = ("sweep", "tiny.json", "--over", f"{SIZE}=0.1:0.3:2", "--runs", 1, "--out", "out", "--jobs", 1)
    done = smbsim_(*words)
    assert done.stdout.startswith("tiny: factorial, 2 points × 1 run\n  scenario: value added of firms differs")
    drawn = {path.name for path in (here / "out" / "figures").iterdir()}
    assert drawn == {f"response_{m}.{kind}" for m in ("real_value_added", "employment") for kind in ("svg", "png")}
    assert "use --resume" in smbsim_(*words, code=2).stderr
    before = {name: (here / "out" / name).read_bytes() for name in response.NUMBERS}
    smbsim_(*words, "--resume", "--no-figures")
    assert {row["status"] for row in rows(here / "out" / "runs.csv")} == {"resumed"}
    assert {name: (here / "out" / name).read_bytes() for name in response.NUMBERS} == before
    other = ("sweep", "tiny.json", "--over", f"{SIZE}=0.1:0.3:3", "--runs", 1, "--out", "out", "--resume")
    assert "holds another design" in smbsim_(*other, code=2).stderr
    told = json.loads(smbsim_("show", "out", "--json").stdout)
    assert told["points"] == [{SIZE: 0.1}, {SIZE: 0.3}]
    assert smbsim_("report", "out", code=2).stderr.count("\n") == 1


def test_dry_run_writes_nothing(here):
    told = json.loads(smbsim_("sweep", "tiny.json", "--over", f"{SIZE}=0.1:0.3:3", "--dry-run", "--json").stdout)
    assert (told["points"], told["weeks_simulated"]) == (3, 3 * 2 * (2 + 2 * 6))
    assert [path.name for path in here.iterdir()] == ["tiny.json"]


# -- figures ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "kind", "points", "expected"),
    [
        ({SIZE: [0.1, 0.2, 0.3]}, "factorial", None, drawing.curve),
        ({SIZE: [0.1, 0.3], SPEED: [0.05, 0.2]}, "factorial", None, drawing.heatmap),
        ({SIZE: "0.1:0.3", SPEED: "0.05:0.2", "model": ["closed", "ario"]}, "lhs", 6, drawing.clouds),
        ({"model": ["closed", "ario"]}, "factorial", None, drawing.curve),
    ],
)
def test_every_design_has_a_figure_with_units(spec, tmp_path, over, kind, points, expected):
    found = response.sweep(spec, over, kind=kind, points=points, runs=1, jobs=1)
    assert drawing.kind_of(found) is expected
    ax = drawing.response(found)
    assert ax.get_xlabel()
    assert all(path.stat().st_size > 0 for path in base.save(ax, tmp_path, "response"))
    own = base.figure(4, 3).subplots()
    assert drawing.response(found, "employment", ax=own) is own
    assert figures is not drawing


def test_public_name():
    assert smbsim.sweep is response.sweep
