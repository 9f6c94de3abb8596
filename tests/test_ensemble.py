"""Many runs of one scenario: the same numbers however they are run, stopped or continued, and a folder that says what happened."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import sqlite3
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from smbsim import result as results
from smbsim import scenario as scenarios
from smbsim.analysis import ensemble, store, study
from smbsim.analysis.ensemble import NUMBERS, PACKAGES, AllRunsFailed, claim, digest
from smbsim.schema import InputError

WEEKS, BURN_IN, RUNS = 6, 2, 2
TOTAL = RUNS * (BURN_IN + 2 * WEEKS)  # weeks simulated: the burn-in is shared by baseline and scenario
BROKEN = ValueError("firms.cash: 1 values not finite")
SHOCK = {"kind": "demand", "start": 1, "stop": 3, "size": 0.2}


def spec(**changes):
    data = {
        "name": "small", "population": {"smbs": 15, "regions": 1}, "horizon": {"weeks": WEEKS, "burn_in": BURN_IN},
        "runs": {"replicates": RUNS, "seed": 4}, "output": {"metrics": ["real_value_added", "sector_output"]}, "shocks": [SHOCK],
    }  # fmt: skip
    return scenarios.load(data | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs, one after the other."""
    path = tmp_path_factory.mktemp("ensemble") / "results"
    ensemble.run(spec(), out=path, jobs=1)
    return path


def digests(path) -> dict[str, str]:
    return {name: digest(path / name) for name in NUMBERS}


def rows(path) -> list[dict]:
    with (path / "runs.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def failing(monkeypatch, *seeds, error=BROKEN):
    """Let the runs of these seeds fail; returns the seeds that were run."""
    run, seen = study.run_variants, []

    def fail(variants, seed, *rest):
        seen.append(seed)
        if seed in seeds:
            raise error
        return run(variants, seed, *rest)

    monkeypatch.setattr(study, "run_variants", fail)
    return seen


# -- the same numbers -------------------------------------------------------------------------------------------------------------------


def test_two_jobs_write_the_same_bytes_as_one(folder, tmp_path):
    ensemble.run(spec(), out=tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(folder)


def test_nothing_needs_to_be_written_for_the_same_result(folder):
    written, kept = results.load(folder), ensemble.run(spec())
    assert kept.seeds == written.seeds == (4, 5)
    for name in written.series:
        assert np.array_equal(written[name].values, kept[name].values)


def test_run_of_an_ensemble_is_the_run_of_its_seed(folder):
    """Run 2 of 4, 5 is the single run of seed 5."""
    alone = ensemble.run(spec(), runs=1, seed=5)
    assert np.array_equal(alone["real_value_added"].values[:, 0], results.load(folder)["real_value_added"].values[:, 1])


class Courier(Executor):
    """Runs at once what it is sent, as another process would get and return it: as bytes."""

    def submit(self, function, *arguments):
        future = Future()
        call, given = pickle.loads(pickle.dumps((function, arguments)))
        try:
            future.set_result(pickle.loads(pickle.dumps(call(*given))))
        except ValueError as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("executor", [Courier(), ThreadPoolExecutor(2)], ids=["processes", "threads"])
def test_any_executor_writes_the_same_bytes(folder, tmp_path, executor):
    """Also one that sends its work elsewhere; it is not shut down, because it is the caller's."""
    seen = []
    with executor:
        ensemble.run(spec(), out=tmp_path / "new", executor=executor, progress=lambda done, all_: seen.append((done, all_)))
        assert executor.submit(abs, -1).result() == 1
    assert digests(tmp_path / "new") == digests(folder)
    assert seen == [(TOTAL // RUNS * k, TOTAL) for k in range(1, RUNS + 1)]


# -- progress ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_every_week_once(jobs):
    """One call a week, rising by one up to the total, whatever the number of jobs."""
    seen = []
    ensemble.run(spec(), jobs=jobs, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(k, TOTAL) for k in range(1, TOTAL + 1)]


def test_progress_of_a_resumed_ensemble_begins_with_what_is_done(folder, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(folder, path)
    forget(path, 5)
    seen = []
    ensemble.run(spec(), out=path, jobs=1, resume=True, progress=lambda done, _: seen.append(done))
    assert seen == list(range(TOTAL // RUNS + 1, TOTAL + 1))


# -- stopped, continued, failed ---------------------------------------------------------------------------------------------------------


def forget(path, *seeds) -> None:
    """Take the runs of these seeds out of the parts, as if they had not ended."""
    with sqlite3.connect(path / "parts" / "all.sqlite") as parts:
        ids = [row["id"] for row in rows(path) if int(row["seed"]) in seeds]
        for table in ("runs", "firms"):
            parts.executemany(f"delete from {table} where id = ?", [(one,) for one in ids])
    parts.close()


def test_resume_runs_only_what_is_missing_and_writes_the_same_bytes(folder, tmp_path, monkeypatch):
    """Killed in the second run: only the first is kept; the results are the same as if nothing had happened."""
    path = tmp_path / "copy"
    shutil.copytree(folder, path)
    forget(path, 5)
    for name in (*NUMBERS, "manifest.json", "runs.csv"):
        (path / name).unlink()
    ran = failing(monkeypatch)
    ensemble.run(spec(), out=path, jobs=1, resume=True)
    assert ran == [5]
    assert digests(path) == digests(folder)
    assert [(row["seed"], row["status"]) for row in rows(path)] == [("4", "resumed"), ("5", "done")]


def test_without_resume_old_parts_are_not_used(folder, tmp_path, monkeypatch):
    path = tmp_path / "copy"
    shutil.copytree(folder, path)
    ran = failing(monkeypatch)
    ensemble.run(spec(), out=path, jobs=1, runs=1)
    assert ran == [4]
    assert store.count(path) == 1


def test_failed_run_is_a_row_and_can_be_resumed(folder, tmp_path, monkeypatch):
    """The other run is the result, and says so; later the one that is missing is run, and nothing shows that it failed once."""
    new = tmp_path / "new"
    with monkeypatch.context() as patch:
        failing(patch, 5)
        result = ensemble.run(spec(), out=new, jobs=2)
    assert result.seeds == results.load(new).seeds == (4,)
    assert (result.manifest["failed"], result.manifest["ended"]) == (1, "1 of 2 runs failed")
    found = rows(new)
    assert [(row["seed"], row["status"]) for row in found] == [("4", "done"), ("5", "failed")]
    assert found[1]["error"] == "ValueError: firms.cash: 1 values not finite"
    assert store.count(new) == 1
    ensemble.run(spec(), out=new, jobs=1, resume=True)
    assert digests(new) == digests(folder)


def test_no_run_left_is_an_error_that_names_the_first(tmp_path, monkeypatch):
    failing(monkeypatch, 4, 5)
    with pytest.raises(AllRunsFailed, match=r"all 2 runs failed; the first: ValueError: firms\.cash: 1 values not finite"):
        ensemble.run(spec(), out=tmp_path / "new", jobs=1)
    assert [row["status"] for row in rows(tmp_path / "new")] == ["failed"] * 2
    assert not (tmp_path / "new" / "ensemble.nc").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_mistake_in_the_code_is_not_filed_away_as_a_failed_run(monkeypatch, jobs):
    failing(monkeypatch, 5, error=TypeError("a bug"))
    with pytest.raises(TypeError, match="a bug"):
        ensemble.run(spec(), jobs=jobs)


# -- the folder -------------------------------------------------------------------------------------------------------------------------


def test_folder_holds_what_is_promised_and_no_temporary_file(folder):
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(
        ["scenario.yaml", "manifest.json", "runs.csv", "parts/all.sqlite", *NUMBERS]
    )


def test_manifest_is_complete(folder):
    """Everything that is needed to run it again and to know whether the files are those that were written."""
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"name", "hash", "code", "scenario", "variants", "seeds", "failed", "ended", "seconds", "threads", "currency", "sector_names",
            "economy_notes", "versions", "machine", "files"} <= set(manifest)  # fmt: skip
    assert manifest["seeds"] == [4, 5]
    assert (manifest["failed"], manifest["ended"]) == (0, "complete")
    assert manifest["hash"] == spec().hash8
    assert scenarios.load(manifest["scenario"]) == spec()
    assert manifest["files"] == digests(folder)
    assert set(manifest["versions"]) == {"python", *PACKAGES}
    assert "not installed" not in [manifest["versions"][name] for name in PACKAGES if name != "smbsim"]
    assert list(manifest["variants"]) == ["baseline", "scenario"]
    assert manifest["variants"]["baseline"] == []
    assert [shock["size"] for shock in manifest["variants"]["scenario"]] == [0.2]
    assert results.load(folder).manifest == manifest


def test_scenario_of_the_folder_is_the_scenario(folder):
    assert scenarios.load(folder / "scenario.yaml") == spec()


def test_effect_of_the_shock_is_in_the_result(folder):
    """Week 0 is the same to the bit, in weeks 1 and 2 value added is lower in every run."""
    q = results.load(folder).relative("real_value_added").values[1]
    assert np.all(q[:, 0] == 1.0)
    assert np.all(q[:, 1:3] < 0.95)


def test_baseline_can_be_left_out():
    alone = ensemble.run(spec(), runs=1, baseline=False)
    assert alone.variants == ("scenario",)


# -- before anything is written ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"shocks": [SHOCK | {"target": {"firms": ["x"]}}]}, {}, "unknown firm 'x'"),
        ({"shocks": [SHOCK | {"target": {"firms": ["14"], "kind": "large"}}]}, {}, "selects no firm"),
        ({"output": {"metrics": ["outputs"]}}, {}, "unknown metric 'outputs'"),
        ({"government": {"income_tax": None, "other_transfers": 1e18}, "shocks": []}, {}, "would balance the budget"),
        ({}, {"runs": 0}, "runs = 0"),
        ({}, {"seed": -1}, "seed = -1"),
    ],
)
def test_nothing_is_written_for_input_that_cannot_be(tmp_path, changes, options, message):
    with pytest.raises(InputError, match=message):
        ensemble.run(spec(**changes), out=tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_claim_refuses_files_and_folders_in_use(tmp_path):
    claim(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    claim(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out: .*file is a file, not a folder"):
        claim(tmp_path / "file", force=True)
    with pytest.raises(InputError, match="is not empty; use --resume to continue it, --force to overwrite it, or another folder"):
        claim(tmp_path)
    claim(tmp_path, resume=True)
    claim(tmp_path, force=True)
    assert not (tmp_path / "new").exists()


def test_folders_are_found_by_name_and_content(tmp_path, monkeypatch):
    """The newest of the same experiment; another scenario has another hash."""
    monkeypatch.chdir(tmp_path)
    one, other = spec(), spec(runs={"replicates": 1, "seed": 9})
    assert ensemble.newest_folder(one, "small") is None
    assert ensemble.default_folder(one, "small").name.endswith(f"-{one.hash8}")
    for stamp in ("20240101T000000Z", "20250101T000000Z"):
        (tmp_path / "results" / "small" / f"{stamp}-{one.hash8}").mkdir(parents=True)
    assert ensemble.newest_folder(one, "small").name == f"20250101T000000Z-{one.hash8}"
    assert ensemble.newest_folder(other, "small") is None
