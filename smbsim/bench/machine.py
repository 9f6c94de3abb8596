r"""What the machine can do, measured beside the model: the STREAM triad, and a pair of products with the same sparse matrix.

    triad   a_i = b_i + q c_i                 24 bytes an entry: two read, one written (McCalpin 1995; write-allocation not counted)
    pair    A x and Aᵀ x                      scipy CSR, float64 values, int32 indices, one thread, firms in the order of the model

    held    bytes of an array whose pages the system has handed out (Linux); a column of zeros that nobody writes to takes none

The pair repeats on a matrix that stays as it is, the model walks through several times as many bytes: the comparison flatters the pair.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..kernel import Rows, kernel

ENTRIES = 16_000_000  # of each array of the triad: 128 MB, several times any cache of a core
FEW_ENTRIES = 4_000_000
BYTES = 24  # an entry
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
PRESENT, OWN = np.uint64(1 << 63), np.uint64(1 << 56)  # bits of an entry of /proc/self/pagemap: in memory, and of this process alone
PAGES = Path("/proc/self/pagemap")
OWN_PAGES_FROM = 100_000  # bytes of an array that has pages of its own, where MALLOC_MMAP_THRESHOLD_ is so much
LARGE = 64 * OWN_PAGES_FROM  # bytes from which an array has pages of its own in any case


def resident(values: np.ndarray) -> int:
    """Bytes of the array's pages that are in memory and its own; the page of zeros that all share is not. All of it where unknown."""
    if not PAGES.exists():
        return values.nbytes
    first, last = values.ctypes.data // PAGE, (values.ctypes.data + values.nbytes - 1) // PAGE
    with PAGES.open("rb") as pages:
        pages.seek(8 * first)
        entry = np.frombuffer(pages.read(8 * (last - first + 1)), dtype=np.uint64)
    return round(values.nbytes * float(((entry & PRESENT > 0) & (entry & OWN > 0)).mean()))


class Triad:
    """Three arrays, and the triad on any number of threads."""

    def __init__(self, entries: int = ENTRIES):
        self.entries = entries
        self._arrays = np.zeros(entries), np.ones(entries), np.full(entries, 2.0)
        self._rows: dict[int, Rows] = {}

    def run(self, threads: int) -> None:
        """Once over the arrays."""
        if threads not in self._rows:
            self._rows[threads] = Rows(np.arange(self.entries + 1), threads)
        self._rows[threads].run(triad, *self._arrays, 3.0)

    def rate(self, seconds: float) -> float:
        """GB/s."""
        return BYTES * self.entries / seconds / 1e9


def pair(state) -> Callable[[], None]:
    """A x and Aᵀ x of the matrix of shares, customers by suppliers, as a function to be timed."""
    from scipy import sparse

    n, links = state.firms.n, state.links
    shares = np.asarray(links.weight, dtype=np.float64)
    matrix = sparse.csr_matrix((shares, links.supplier.astype(np.int32), state.customer_start.astype(np.int32)), shape=(n, n))
    turned, x = matrix.T, np.random.default_rng(1).random(n)

    def both() -> None:
        matrix @ x
        turned @ x

    return both


@kernel
def triad(start, stop, a, b, c, q):
    """a = b + q c. a, b, c (n,); a written."""
    for i in range(start, stop):
        a[i] = b[i] + q * c[i]
