"""Where runs are computed: here, in threads, in processes, on other machines. The same calls, the same results, in no fixed order.

    threads    nothing has to be sent; kernels release the lock of the interpreter, which large economies therefore seldom wait for
    processes  started afresh (spawn), never forked: a fork after a kernel that used threads kills the child; for many runs of small
               economies, which hold the lock half of their time, and for code in Python
    dask       the address of a scheduler; workers need smbsim installed, but no common folder
    any other  concurrent.futures.Executor that is given

At most a few calls per worker are with the executor at a time, so that memory does not grow with their number.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, TypeVar

from ..schema import InputError

AHEAD = 2  # calls per worker that are with the executor
BATCH = 20  # runs per task on other machines: a task costs the scheduler about a millisecond, and its result a message
CONNECT = 10.0  # seconds to find a scheduler
THREADS, PROCESSES = "threads", "processes"
LOCKED = 30_000  # firms; below, a run holds the interpreter's lock so long that a few threads are the most that gain
WEEK, FIRM_WEEK = 1.5e-3, 2.5e-6  # seconds of the processor, roughly: of a week, and more for every firm
WORTH = 10.0  # seconds of work from which a process of its own pays; about two go into its start

Task = TypeVar("Task")


@dataclass(frozen=True)
class Workers:
    """An executor, how many calls it works on at a time, and how many runs should go into one call. near: it shares our memory."""

    executor: Executor
    number: int
    batch: int = 1
    near: bool = False


def suited(weeks: int, firms: int, jobs: int | None = None) -> str:
    """The executor where none is asked for: so many weeks in all, of economies of this size. The results are the same with any."""
    work = weeks * (WEEK + FIRM_WEEK * firms) / (jobs or os.cpu_count() or 1)
    return PROCESSES if firms < LOCKED and work > WORTH and _can_start() else THREADS


def _can_start() -> bool:
    """Whether a new process, which imports the main module again, would not do again what that does."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if parent_process() is not None:
        return False
    if file is None or getattr(main, "__spec__", None) is not None:  # a notebook, an interpreter, python -m
        return True
    try:
        return "__name__" in Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


class Here(Executor):
    """Computes at once what it is given."""

    def submit(self, function, /, *arguments, **named) -> Future:
        future: Future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def workers(
    jobs: int | None = None, executor: Executor | str | None = None, scheduler: str | None = None, tasks: int | None = None
) -> Iterator[Workers]:
    """The workers asked for, closed at the end if they were made here.

    jobs      : at a time; default one per core
    executor  : "threads" (default), "processes", or an executor, which stays open; see `suited`
    scheduler : address of a dask scheduler instead
    tasks     : how many there will be at most

    Raises InputError for a scheduler that does not answer.
    """
    jobs = min(jobs or os.cpu_count() or 1, max(tasks or 1, 1))
    if scheduler is not None:
        with _dask(scheduler, tasks or 1) as found:
            yield found
    elif isinstance(executor, Executor):
        yield Workers(executor, getattr(executor, "_max_workers", jobs))
    elif executor == PROCESSES:
        from multiprocessing import get_context

        with _closed(ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))) as pool:
            yield Workers(pool, jobs)
    elif executor not in (None, THREADS):
        raise InputError(f"executor = {executor!r} is neither '{THREADS}' nor '{PROCESSES}' nor an Executor")
    elif jobs == 1:
        yield Workers(Here(), 1, near=True)
    else:
        with _closed(ThreadPoolExecutor(jobs, thread_name_prefix="run")) as pool:
            yield Workers(pool, jobs, near=True)


@contextmanager
def _closed(pool: Executor) -> Iterator[Executor]:
    """Closed at the end; what waits is dropped."""
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _dask(address: str, tasks: int) -> Iterator[Workers]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler needs dask.distributed: pip install 'smbsim[dask]'") from None
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no dask scheduler answers there ({' '.join(str(error).split())[:200]})") from None
    with client:
        number = sum(client.nthreads().values())
        if not number:
            raise InputError(f"--scheduler {address}: it has no workers; start some with: dask worker {address}")
        fair = -(-tasks // (AHEAD * number))  # fewer where some workers would have nothing to do
        yield Workers(client.get_executor(pure=False), number, max(min(BATCH, fair), 1))


def as_they_end(call: Callable[[Task], Any], tasks: Iterable[Task], on: Workers) -> Iterator[tuple[Task, Any]]:
    """(task, its result, or the exception it raised) for every task, in the order in which they end.

    Raises InputError when the processes of an executor died.
    """
    tasks = iter(tasks)
    ahead = 1 if isinstance(on.executor, Here) else AHEAD * on.number
    waiting: dict[Future, Task] = {}
    try:
        while True:
            waiting |= {on.executor.submit(call, task): task for task in islice(tasks, ahead - len(waiting))}
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), _outcome(future)
    except BrokenExecutor as error:
        raise InputError(
            f'a worker process died ({error}): out of memory, or started by a script without `if __name__ == "__main__":`; '
            "finished runs are kept: --resume goes on"
        ) from None
    finally:
        for future in waiting:
            future.cancel()


def _outcome(future: Future) -> Any:
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as error:
        return error
