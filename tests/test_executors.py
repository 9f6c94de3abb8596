"""Which workers are chosen where none are asked for."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from smbsim.analysis import executors
from smbsim.analysis.executors import LOCKED, PROCESSES, THREADS, suited

LONG = 10**6  # weeks


@pytest.fixture
def main(monkeypatch, tmp_path):
    """A main module that new processes may import."""
    module = ModuleType("__main__")
    module.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module


def test_long_ensembles_of_small_economies_go_to_processes(main):
    assert suited(LONG, 2000, 2) == PROCESSES


def test_short_ones_of_small_economies_go_to_threads(main):
    """Processes would take longer to start than to run."""
    assert suited(100, 2000, 2) == THREADS


def test_large_economies_go_to_threads(main):
    assert suited(LONG, LOCKED, 3) == THREADS


def test_work_is_counted_by_worker(main):
    enough = executors.WORTH / (executors.WEEK + 2000 * executors.FIRM_WEEK)
    assert suited(int(2.1 * enough), 2000, 2) == PROCESSES
    assert suited(int(2.1 * enough), 2000, 4) == THREADS


@pytest.mark.parametrize(("text", "chosen"), [("run()", THREADS), ('if __name__ == "__main__":\n    run()', PROCESSES)])
def test_script_is_run_again_by_no_process(main, tmp_path, text, chosen):
    main.__file__ = str(tmp_path / "script.py")
    (tmp_path / "script.py").write_text(text)
    assert suited(LONG, 2000, 2) == chosen
    main.__file__ = str(tmp_path / "gone.py")
    assert suited(LONG, 2000, 2) == THREADS


def test_worker_starts_no_workers(main, monkeypatch):
    monkeypatch.setattr(executors, "parent_process", lambda: object())
    assert suited(LONG, 2000, 2) == THREADS
