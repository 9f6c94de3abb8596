"""Ensembles that are killed, split, sent elsewhere, run out of disk or of time: nothing that was finished is lost, nothing changes."""

from __future__ import annotations

import csv
import errno
import importlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from smbsim import economy, result_file, scenario
from smbsim import result as results
from smbsim.analysis import ensemble, response, store, study
from smbsim.schema import InputError

DATA = {
    "name": "tiny", "population": {"smbs": 15, "regions": 1}, "horizon": {"weeks": 4, "burn_in": 1},
    "runs": {"replicates": 3, "seed": 4}, "output": {"metrics": ["real_value_added"]},
    "shocks": [{"kind": "demand", "start": 1, "stop": 3, "size": 0.2}],
}  # fmt: skip
OVER = ["shocks[0].size=0.1:0.4:4"]
FILES = ("ensemble.nc", "summary.csv", "flows.csv")


@pytest.fixture(scope="module")
def spec():
    return scenario.load(DATA)


@pytest.fixture(scope="module")
def whole(spec, tmp_path_factory):
    """The bytes of a sweep of twelve runs, one after the other."""
    path = tmp_path_factory.mktemp("whole") / "out"
    response.sweep(spec, OVER, out=path, jobs=1)
    return numbers(path)


def numbers(path) -> dict[str, bytes]:
    return {name: (path / name).read_bytes() for name in FILES}


def rows(path) -> list[dict]:
    with (path / "runs.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def statuses(path) -> list[str]:
    return [row["status"] for row in rows(path)]


# -- however it is computed ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"jobs": 2}, {"jobs": 2, "executor": "processes"}], ids=["threads", "processes"])
def test_threads_and_processes_write_the_same_bytes(spec, whole, tmp_path, how):
    response.sweep(spec, OVER, out=tmp_path / "out", **how)
    assert numbers(tmp_path / "out") == whole


OWN = """
import os
from smbsim.mechanisms import Column, Mechanism

class Where(Mechanism):
    name = "where"
    columns = (Column("place", "1", 0.0, "Process in which it was computed", low=0),)
    writes = ("place",)
    runs_after = {"look": "orders.expect"}

    def look(self, state, step):
        state.firms.place[:] = os.getpid()
        if os.getpid() == PARENT:
            raise ValueError("in the process that asked")
"""


def test_mechanism_in_python_goes_to_processes_where_they_can_import_it(spec, tmp_path, monkeypatch):
    """One that stands in a module; one of a test or a notebook, which no other process could find, stays in threads."""
    (tmp_path / "own_place.py").write_text(OWN.replace("PARENT", str(os.getpid())))
    monkeypatch.syspath_prepend(tmp_path)
    mechanism = importlib.import_module("own_place").Where
    found = ensemble.run(spec.with_(mechanism()), runs=2, jobs=2)
    assert found.manifest["failed"] == 0
    with pytest.raises(ensemble.AllRunsFailed, match="in the process that asked"):
        ensemble.run(spec.with_(mechanism()), runs=2, jobs=2, executor="threads")
    here = type("Here", (mechanism,), {"name": "here", "columns": (), "writes": (), "look": lambda self, state, step: None})
    here.__module__ = "__main__"
    assert not study.Study(spec.with_(here()), (1, 2), economy.load("us_2022")).in_python


def test_shards_of_one_folder_make_the_result_when_the_last_ends(spec, whole, tmp_path):
    out = tmp_path / "out"
    for i in (2, 1):
        with pytest.raises(ensemble.ShardsMissing, match=rf"shard {i} of 3 is done; \d+ of 12 runs are not"):
            response.sweep(spec, OVER, out=out, shard=(i, 3), jobs=1)
    assert not (out / "ensemble.nc").exists()
    response.sweep(spec, OVER, out=out, shard=(3, 3), jobs=1)
    assert numbers(out) == whole
    assert len(rows(out)) == 12


def test_shards_of_several_folders_are_merged(spec, whole, tmp_path, monkeypatch):
    parts = [tmp_path / "a", tmp_path / "b"]
    for i, part in enumerate(parts, 1):
        with pytest.raises(ensemble.ShardsMissing):
            response.sweep(spec, OVER, out=part, shard=(i, 2), jobs=1)
    monkeypatch.setattr(study, "run_variants", never)
    response.sweep(spec, OVER, out=tmp_path / "all", reuse=parts, jobs=1)
    assert numbers(tmp_path / "all") == whole


def never(*_):
    raise AssertionError("nothing is left to be run")


def test_shard_needs_a_folder_and_sense(spec, tmp_path):
    for shard, out in (((1, 2), None), ((3, 2), tmp_path / "out"), ((0, 2), tmp_path / "out")):
        with pytest.raises(InputError, match="shard"):
            ensemble.run(spec, shard=shard, out=out)
    assert not (tmp_path / "out").exists()


# -- dask ---------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50, protocol="tcp://"
    ) as running:
        yield running


@pytest.mark.filterwarnings("ignore")  # of distributed and its event loop
def test_dask_writes_the_same_bytes(spec, whole, tmp_path, cluster):
    response.sweep(spec, OVER, out=tmp_path / "out", scheduler=cluster.scheduler_address)
    assert numbers(tmp_path / "out") == whole


@pytest.mark.filterwarnings("ignore")
def test_killed_dask_worker_loses_nothing(spec, whole, tmp_path, cluster):
    """One of two worker processes is killed once the first runs are back; its runs are made again by the other."""
    killed = []

    def kill_one(done, _):
        if not killed:
            worker = next(iter(cluster.workers.values()))
            killed.append(worker.process.process.pid if hasattr(worker.process, "process") else worker.process.pid)
            os.kill(killed[0], signal.SIGKILL)

    response.sweep(spec, OVER, out=tmp_path / "out", scheduler=cluster.scheduler_address, progress=kill_one)
    assert killed
    assert numbers(tmp_path / "out") == whole
    assert set(statuses(tmp_path / "out")) == {"done"}


def test_no_scheduler_is_one_line(spec, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("smbsim.analysis.executors.CONNECT", 0.5)
    with pytest.raises(InputError, match=r"--scheduler tcp://127.0.0.1:1: no dask scheduler answers there"):
        ensemble.run(spec, out=tmp_path / "out", scheduler="tcp://127.0.0.1:1")


# -- killed -------------------------------------------------------------------------------------------------------------------------------

COMMAND = (sys.executable, "-m", "smbsim", "sweep", "tiny.json", "--no-figures", "--out", "out", "--jobs", "2")


def start(folder, *words):
    return subprocess.Popen([*COMMAND, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kept(folder) -> int:
    return store.count(folder / "out") if (folder / "out" / "parts" / "all.sqlite").is_file() else 0


def wait_for(process, folder, wanted: int) -> None:
    """Until so many runs are kept, or the process has ended."""
    while process.poll() is None:
        try:
            if kept(folder) >= wanted:
                return
        except InputError:
            pass  # the tables are being made
        time.sleep(0.01)


@pytest.mark.parametrize("runs", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_sweep_killed_three_times_at_random_is_the_same(tmp_path, runs):
    """SIGKILL; --resume; three times over. Runs that were kept are not made again, and the files are those of a sweep left alone."""
    seeds = runs // 10
    over = ("--over", "shocks[0].size=0.1:0.4:10", "--runs", str(seeds))
    chance = random.Random(7)
    moments = sorted(chance.sample(range(1, runs - runs // 10), 3))
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "tiny.json").write_text(json.dumps(DATA))
    before = 0
    for moment in moments:
        process = start(tmp_path / "killed", *over, "--resume")
        wait_for(process, tmp_path / "killed", moment)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
        process.stderr.close()
        now = kept(tmp_path / "killed")
        assert before <= moment <= now < runs
        before = now
    process = start(tmp_path / "killed", *over, "--resume")
    assert process.wait() == 0, process.stderr.read()
    process.stderr.close()
    response.sweep(tmp_path / "killed" / "tiny.json", [over[1]], runs=seeds, out=tmp_path / "alone", jobs=1)
    assert numbers(tmp_path / "killed" / "out") == numbers(tmp_path / "alone")
    assert statuses(tmp_path / "killed" / "out").count("resumed") == before


def test_kill_in_the_middle_of_a_write_is_mended(spec, whole, tmp_path):
    """A transaction that never ended leaves a journal beside the file; the next to open it takes the half-written run back."""
    out = tmp_path / "out"
    code = (
        "import os, sqlite3, sys; from smbsim.analysis.store import Store, Record; from pathlib import Path\n"
        "s = Store(Path(sys.argv[1])); s.put(Record('a', 'failed', 1.0, 'before'), 0); s.own.execute('pragma cache_size = 1')\n"
        "s.own.execute('begin immediate'); s.own.execute(\"insert into runs values ('b', 'done', 1, '', null, '', zeroblob(3000000))\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, out], check=False).returncode == -signal.SIGKILL
    assert (out / "parts" / "all.sqlite-journal").is_file()
    with store.Store(out) as found:
        assert found.status("a") == ("failed", 1.0, "before")
        assert found.status("b") is None
    response.sweep(spec, OVER, out=out, resume=True, jobs=1)
    assert numbers(out) == whole


# -- no room, no right, no time -----------------------------------------------------------------------------------------------------------


def test_full_disk_while_running_is_one_line_and_keeps_what_is_finished(spec, whole, tmp_path):
    """SQLite is told that its file may grow no further: what it says then is what it says when the disk is full."""
    out = tmp_path / "out"

    class Small(store.Store):
        def put(self, kept, place):
            if place == 5:
                pages = self.own.execute("pragma page_count").fetchone()[0]
                self.own.execute(f"pragma max_page_count = {pages}")
            super().put(kept, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "Store", Small)
        with pytest.raises(InputError, match="the disk is full; finished runs are kept: make room, then the same command with --resume"):
            response.sweep(spec, OVER, out=out, jobs=1)
    assert 5 <= store.count(out) < 12
    response.sweep(spec, OVER, out=out, resume=True, jobs=1)
    assert statuses(out).count("resumed") >= 5
    assert numbers(out) == whole


@pytest.mark.parametrize("name", ["ensemble.nc", "summary.csv", "manifest.json"])
def test_full_disk_at_the_end_is_one_line_and_leaves_no_half_file(spec, whole, tmp_path, monkeypatch, name):
    out = tmp_path / "out"

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        place = {
            "ensemble.nc": (result_file, "_end"),
            "summary.csv": (response.Sweep, "write_summary"),
            "manifest.json": (response, "seal"),
        }
        patch.setattr(*place[name], full)
        with pytest.raises(InputError, match="the disk is full"):
            response.sweep(spec, OVER, out=out, jobs=1)
    assert not list(out.rglob("*.part"))
    assert not (out / "manifest.json").exists()
    response.sweep(spec, OVER, out=out, resume=True, jobs=1)
    assert statuses(out) == ["resumed"] * 12
    assert numbers(out) == whole


def test_real_full_disk(spec, tmp_path):
    """/dev/full takes nothing: an ensemble whose parts lie there says so in a line."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scenario.yaml.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="the disk is full"), store.told(tmp_path / "out"):
        (tmp_path / "out" / "scenario.yaml.part").write_text("x" * 100_000)


def test_folder_that_cannot_be_written_is_one_line(spec):
    """/sys lets nobody make a folder, root neither."""
    with pytest.raises(InputError, match=r"^/sys/smbsim: .*: results cannot be written there$"):
        response.sweep(spec, OVER, out="/sys/smbsim", jobs=1)


def test_read_only_part_is_one_line_and_stays_readable(spec, tmp_path, monkeypatch):
    out = tmp_path / "out"
    response.sweep(spec, ["shocks[0].size=0.1,0.2"], out=out, jobs=1)
    connect = sqlite3.connect

    def read_only(path, **options):
        return connect(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(InputError, match="readonly database"):
        response.sweep(spec, OVER, out=out, resume=True, jobs=1)
    monkeypatch.undo()
    assert len(results.load(out).seeds) == 6


def test_run_that_raises_and_run_that_takes_too_long_do_not_stop_the_others(spec, tmp_path, monkeypatch):
    run, clock, late = study.run_variants, time.perf_counter, threading.local()

    def trouble(variants, seed, *rest):
        size = round(next(iter(variants["scenario"].shocks)).size, 1)
        if (size, seed) == (0.2, 5):
            raise ValueError("firms.cash: 1 values not finite")
        late.seconds = 5000.0 if (size, seed) == (0.3, 6) else 0.0
        try:
            return run(variants, seed, *rest)
        finally:
            late.seconds = 0.0

    monkeypatch.setattr(study, "run_variants", trouble)
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + getattr(late, "seconds", 0.0))
    found = response.sweep(spec, OVER, out=tmp_path / "out", jobs=2, time_limit=1000.0)
    failed = {(row["point"], row["seed"]): row["error"] for row in rows(tmp_path / "out") if row["status"] == "failed"}
    assert failed == {
        ("1", "5"): "ValueError: firms.cash: 1 values not finite",
        ("2", "6"): "TimeLimit: longer than the 1000 s that a run may take",
    }
    assert found.response("real_value_added").runs.tolist() == [3, 2, 2, 3]
    assert (found.manifest["failed"], found.manifest["ended"]) == (2, "2 of 12 runs failed")


def test_time_limit_must_be_positive(spec):
    with pytest.raises(InputError, match="time limit = 0: more than 0 seconds"):
        ensemble.run(spec, time_limit=0.0)


# -- ids ----------------------------------------------------------------------------------------------------------------------------------


def test_run_id_stands_for_what_is_computed_and_nothing_else(spec):
    def run_id(scenario_, seed=4, **changes):
        return study.Study(scenario_, (seed,), economy.load("us_2022"), **changes).run_id(0)

    same = run_id(spec)
    assert run_id(spec.with_(name="other", description="x", runs={"replicates": 99, "seed": 1})) == same
    assert run_id(spec, points=({"shocks[0].size": 0.2},)) == same
    others = {
        run_id(spec, seed=5), run_id(spec.with_({"shocks[0].size": 0.21})), run_id(spec.with_(horizon={"weeks": 5})),
        run_id(spec, baseline=False), run_id(spec.with_({"orders.stock_adjustment": 0.11})),
    }  # fmt: skip
    assert len(others) == 5
    assert same not in others


def test_firms_of_the_first_run_are_there_whoever_ends_first(spec, tmp_path):
    """The first seed of a smaller ensemble was not the first of the larger, in which its firms were not kept."""
    ensemble.run(spec, runs=3, seed=3, out=tmp_path / "more", jobs=1)
    one = ensemble.run(spec, runs=2, seed=4, out=tmp_path / "fewer", reuse=[tmp_path / "more"], jobs=1)
    alone = ensemble.run(spec, runs=2, seed=4, jobs=1)
    assert one.firms.keys() == alone.firms.keys()
    assert all((one.firms[name] == alone.firms[name]).all() for name in alone.firms)


def test_large_results_are_read_when_asked_for(spec, tmp_path, monkeypatch):
    """Beyond HELD bytes a series is read from the file; tables and differences are the same."""
    small = ensemble.run(spec, out=tmp_path / "small", jobs=1)
    monkeypatch.setattr(result_file, "HELD", 0)
    monkeypatch.setattr(result_file, "BLOCK", 1)
    large = ensemble.run(spec, out=tmp_path / "large", jobs=1)
    assert isinstance(large.series, result_file.Stored)
    assert list(large.series) == list(small.series)
    assert (large["real_value_added"].values == small["real_value_added"].values).all()
    for name in ("summary.csv", "flows.csv"):
        assert (tmp_path / "large" / name).read_bytes() == (tmp_path / "small" / name).read_bytes()
    assert large.summary() == small.summary()
