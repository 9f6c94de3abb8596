r"""What the machine can do, measured beside the model: the STREAM triad, and a pair of products with the same sparse matrix.

    triad   a_i = b_i + q c_i                 24 bytes an entry: two read, one written (McCalpin 1995; write-allocation not counted)
    pair    A x and Aᵀ x                      scipy CSR, float64 values, int32 indices, one thread, firms in the order of the model

The pair repeats on a matrix that stays as it is, the model walks through several times as many bytes: the comparison flatters the pair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..kernel import Rows, kernel

ENTRIES = 16_000_000  # of each array of the triad: 128 MB, several times any cache of a core
FEW_ENTRIES = 4_000_000
BYTES = 24  # an entry


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
