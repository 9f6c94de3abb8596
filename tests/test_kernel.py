"""Rows: every row once, whatever the work, the blocks and the threads; and a cache folder where nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smbsim.kernel as kernels
from smbsim.kernel import BLOCKS_PER_THREAD, Rows
from smbsim.state import sum_rows

works = st.lists(st.integers(0, 50), max_size=60)  # work of each row; many rows have none


def cumulated(work) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(work, dtype=np.int64))])


def blocks_of(rows: Rows) -> list[tuple[int, int]]:
    """(start, stop) of every block that is run."""
    blocks = []
    rows.run(lambda start, stop: blocks.append((start, stop)))
    return sorted(blocks)


@settings(max_examples=60, deadline=None)
@given(works, st.integers(1, 4), st.none() | st.integers(1, 80))
def test_blocks_cover_every_row_once(work, threads, blocks):
    """The blocks are a partition of 0 … n-1, none empty, for any work, number of threads and number of blocks."""
    seen = []
    for start, stop in blocks_of(Rows(cumulated(work), threads, blocks)):
        assert start < stop
        seen += range(start, stop)
    assert seen == list(range(len(work)))


@settings(max_examples=30, deadline=None)
@given(works, st.integers(1, 3), st.none() | st.integers(1, 80))
def test_run_visits_every_row_once(work, threads, blocks):
    visits = np.zeros(len(work), dtype=int)

    def visit(start, stop, seen):
        seen[start:stop] += 1

    Rows(cumulated(work), threads, blocks).run(visit, visits)
    assert np.all(visits == 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(0, 10**6))
def test_blocks_have_about_equal_work(threads, seed):
    """No block has more than its share of the work, plus one row."""
    work = np.random.default_rng(seed).integers(0, 40, 500)
    blocks = blocks_of(Rows(cumulated(work), threads))
    assert len(blocks) == threads * BLOCKS_PER_THREAD
    share = (work.sum() + work.size) / len(blocks)
    assert max(np.sum(work[start:stop] + 1) for start, stop in blocks) <= share + work.max() + 1


def test_one_thread_is_one_block():
    assert blocks_of(Rows(cumulated([3, 0, 5]))) == [(0, 3)]


def test_table_without_rows_runs_nothing():
    assert blocks_of(Rows(np.zeros(1, dtype=np.int64), 2)) == []


def test_hub_ends_its_block():
    """The rows after a row with nearly all the work are another thread's."""
    assert blocks_of(Rows(cumulated([1] * 50 + [100_000] + [1] * 50), 2)) == [(0, 51), (51, 101)]


@settings(max_examples=40, deadline=None)
@given(works, st.integers(2, 4), st.none() | st.integers(1, 50))
def test_result_does_not_depend_on_threads_or_blocks(work, threads, blocks):
    """Every row is summed by one thread in one order: the same bits."""
    starts = cumulated(work)
    values = np.random.default_rng(len(work)).normal(size=starts[-1]) * 1e8 ** np.random.default_rng(1).uniform(-1, 1, starts[-1])
    one, many = np.empty(len(work)), np.empty(len(work))
    Rows(starts, 1).run(sum_rows, starts, values, one)
    Rows(starts, threads, blocks).run(sum_rows, starts, values, many)
    assert one.tobytes() == many.tobytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_error_in_a_block_surfaces(threads):
    def fail(start, stop):
        if start <= 70 < stop:
            raise ZeroDivisionError(f"row 70 in {start} to {stop}")

    with pytest.raises(ZeroDivisionError, match="row 70"):
        Rows(np.arange(101), threads).run(fail)


def test_threads_are_those_asked_for():
    names, together = set(), threading.Barrier(2, timeout=20)

    def meet(start, stop):
        names.add(threading.current_thread().name)
        together.wait()  # two blocks wait for each other: they run at the same time

    Rows(np.arange(11), 2, blocks=2).run(meet)
    names.remove(threading.current_thread().name)  # who asks works as well
    assert [name.startswith("smbsim") for name in names] == [True]


# -- cache folder -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No cache folder given; the user's cache is under tmp_path/home, which need not exist."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.setattr(kernels.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    return monkeypatch


def chosen(environment, writable) -> str | None:
    """The cache folder that is set when only these folders can be written."""
    environment.setattr(kernels.os, "access", lambda path, mode: Path(path) in writable)
    kernels._ensure_cache_folder()
    found = os.environ.get("NUMBA_CACHE_DIR")
    environment.delenv("NUMBA_CACHE_DIR", raising=False)
    return found


def test_cache_folder_is_left_to_numba_where_the_package_can_be_written(environment):
    assert chosen(environment, {Path(kernels.__file__).parent}) is None


def test_cache_folder_is_left_to_numba_where_the_home_can_be_written(environment, tmp_path):
    """The nearest folder above ~/.cache that exists decides: numba makes the rest."""
    assert chosen(environment, {tmp_path}) is None


def test_cache_folder_is_temporary_and_personal_where_nothing_can_be_written(environment, tmp_path):
    assert chosen(environment, set()) == str(tmp_path / "tmp" / f"smbsim-numba-{os.getuid()}")


def test_cache_folder_that_is_given_is_kept(environment):
    environment.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    assert chosen(environment, set()) == "/elsewhere"


@pytest.mark.parametrize("before", ["", "import numba; "])
def test_kernel_compiles_where_nothing_can_be_written(tmp_path, before):
    """As a process sees it: neither package nor home is writable, and a kernel of the package still compiles, runs and is cached.

    Also in a program that imported numba before, which reads its cache folder when it is imported.
    """
    code = (
        f"{before}import os; real = os.access; os.access = lambda path, mode, **k: mode != os.W_OK and real(path, mode, **k)\n"
        "import smbsim.kernel, numpy as np, sys\n"
        "from smbsim.state import total\n"
        "assert total(np.ones(3)) == 3.0; print(os.environ['NUMBA_CACHE_DIR'])"
    )
    settings = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")}
    settings.update(TMPDIR=str(tmp_path), HOME=str(tmp_path / "home"), XDG_CACHE_HOME=str(tmp_path / "home"))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=settings, check=False)
    assert done.stderr == ""
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path
    assert [path.name for path in folder.rglob("state.total*.nbi")]
