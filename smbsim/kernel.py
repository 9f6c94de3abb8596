"""The kernel decorator, and the threads that run a kernel over blocks of rows.

A kernel is serial, releases the GIL and works on the rows [start, stop) of the table that owns its result: it gathers, it never
scatters. Cutting the rows into blocks and giving blocks to threads therefore cannot change a single bit of the result.
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
