"""The kernel decorator, and the threads that run a kernel over blocks of rows.

A kernel is serial, releases the GIL and works on the rows [start, stop) of the table that owns its result: it gathers. Cutting the rows
into blocks and giving blocks to threads therefore cannot change a single bit of the result. Where rows of one table are summed by rows of
another, each of a fixed number of pieces adds into totals of its own, which are then added in order: threads do not show there either.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

from numba import njit  # noqa: E402  (numba reads its cache folder when it is imported)

kernel = njit(cache=True, nogil=True, error_model="numpy")


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="smbsim")


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
        if self.threads == 1:
            for start, stop in self.blocks:
                function(start, stop, *arrays)
            return
        for done in [_pool(self.threads).submit(function, start, stop, *arrays) for start, stop in self.blocks]:
            done.result()


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

        if self.threads == 1:
            for block, totals in zip(self.blocks, self.totals, strict=True):
                piece(*block, totals)
        else:
            jobs = [_pool(self.threads).submit(piece, *block, totals) for block, totals in zip(self.blocks, self.totals, strict=True)]
            for done in jobs:
                done.result()
        return self.totals
