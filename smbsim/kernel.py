"""The kernel decorator, and the threads that run a kernel over blocks of rows.

A kernel is serial, releases the GIL and works on the rows [start, stop) of the table that owns its result: it gathers. Cutting the rows
into blocks and giving blocks to threads therefore cannot change a single bit of the result. Where rows of one table are summed by rows of
another, each of a fixed number of pieces adds into totals of its own, which are then added in order: threads do not show there either.

Inner loops use unsigned indices (np.uint64, np.uint32): a signed one is looked at each time, as it may count from the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

PIECES, PIECES_FROM = 4, 100_000  # pieces of a sum by another table's rows, from this much work on: they bound the threads of such a sum
BLOCKS_PER_THREAD = 8  # threads take blocks in turn, so that a dear block does not keep the others waiting


def _ensure_cache_folder() -> None:
    """Give numba a temporary cache folder where neither the package nor the user's cache folder can be written.

    Without one, `njit(cache=True)` raises while the package is being imported.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    home_cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    existing = next((p for p in (home_cache, *home_cache.parents) if p.exists()), home_cache)
    if not (os.access(Path(__file__).parent, os.W_OK) or os.access(existing, os.W_OK)):
        os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"smbsim-numba-{os.getuid()}")


_ensure_cache_folder()

from llvmlite import ir  # noqa: E402
from numba import config, njit, types  # noqa: E402  (numba reads its cache folder when it is imported)
from numba.core import cgutils  # noqa: E402
from numba.extending import intrinsic, overload  # noqa: E402

config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR", config.CACHE_DIR)  # which somebody else may have done before

kernel = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)  # called from Python and each other, never from C


def prefetch(array, row):
    """Tell the processor that row `row` of an array will be read soon. It changes no value, and does nothing outside of kernels."""


@intrinsic
def _prefetch(context, array, row):
    def generate(context, builder, signature, arguments):
        values = context.make_array(signature.args[0])(context, builder, arguments[0])
        step = cgutils.unpack_tuple(builder, values.strides)[0]
        offset = builder.mul(context.cast(builder, arguments[1], signature.args[1], types.intp), step)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        place = builder.gep(builder.bitcast(values.data, byte), [offset])
        read, near, data = number(0), number(3), number(1)
        builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0i8"), [place, read, near, data])
        return context.get_dummy_value()

    return types.void(array, row), generate


@overload(prefetch)
def _compiled_prefetch(array, row):
    return lambda array, row: _prefetch(array, row)


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="smbsim")


def spread(threads: int, function: Callable, jobs: Iterable[tuple]) -> None:
    """Call function(*job) for every job; threads take them in turn. Jobs must not write what others read or write."""
    if threads == 1:
        for job in jobs:
            function(*job)
        return
    left = iter(list(jobs))  # of a list: two threads never get the same

    def work():
        for job in left:
            function(*job)

    others = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]  # this thread works as well: waking others is dear
    try:
        work()
    finally:
        wait(others)
    for other in others:
        other.result()


class Rows:
    """The rows of a table cut into blocks of about equal work, and the number of threads that run them."""

    def __init__(self, work_start: np.ndarray, threads: int = 1, blocks: int | None = None):
        """work_start: (n+1,) cumulated work before each row, for example the first link of each firm."""
        self.n = len(work_start) - 1
        self.threads = threads
        blocks = blocks or (threads * BLOCKS_PER_THREAD if threads > 1 else 1)
        if blocks == 1:
            self.blocks = [(0, self.n)] if self.n else []
            return
        work = np.asarray(work_start, dtype=np.int64) + np.arange(self.n + 1)  # a row without links is still a row
        targets = np.linspace(work[0], work[-1], blocks + 1)
        bounds = np.unique(np.searchsorted(work, targets))
        self.blocks = list(pairwise(int(b) for b in bounds))

    def run(self, function: Callable, *arrays) -> None:
        """Call function(start, stop, *arrays) for every block; with one thread the blocks run in turn."""
        spread(self.threads, function, ((*block, *arrays) for block in self.blocks))


class Pieces(Rows):
    """Rows cut for sums by the rows of another table: into pieces that depend on the work alone, each with totals of its own."""

    def __init__(self, work_start: np.ndarray, width: int, threads: int = 1, pieces: int | None = None):
        """work_start: (n+1,) cumulated work before each row; width: rows of the totals."""
        self.n, self.threads = len(work_start) - 1, threads
        pieces = pieces or (PIECES if work_start[-1] >= PIECES_FROM else 1)
        inner = np.searchsorted(work_start, np.linspace(0, work_start[-1], pieces + 1)[1:-1])
        self.blocks = list(pairwise([0, *(int(b) for b in inner), self.n]))
        self.totals = np.zeros((pieces, width))

    def add(self, function: Callable, *arrays) -> np.ndarray:
        """(pieces, width): what function(start, stop, *arrays, totals) adds to each piece's totals, zero before; valid until the next."""

        def piece(start, stop, totals):
            totals[:] = 0.0
            function(start, stop, *arrays, totals)

        spread(self.threads, piece, ((*block, totals) for block, totals in zip(self.blocks, self.totals, strict=True)))
        return self.totals
