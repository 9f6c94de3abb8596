"""Rows of tables that stand in an order: which belong to whom, which is where, and how they move when rows come and go.

A table is cut by its owners: the rows of owner o are start[o] : start[o+1]. Members of one owner ascend. Rows move within the memory of
their columns: where nothing moves nothing is touched, and a column of zeros stays without memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .kernel import kernel, spread


class Moves:
    """Rows that go, and rows that come between those that stay: row e becomes row e + rows that came before it - rows that went.

    n     : number of rows afterwards
    made  : (k,) rows of those that come
    first, stop, shift : (runs,) rows first : stop move by shift; in this order, downwards from the last one, they overwrite no row that
                         has still to move
    """

    def __init__(self, rows: int, places: np.ndarray, gone: np.ndarray):
        """rows: their number before; places (k,): the rows that the new ones stand before, ascending; gone: rows that go, ascending."""
        self.before, self.n = rows, rows + len(places) - len(gone)
        self.made = places + np.arange(len(places)) - np.searchsorted(gone, places)
        first, stop, shift = np.empty((3, len(places) + len(gone) + 1), dtype=np.int64)
        runs = cut_moves(places, gone, rows, first, stop, shift)
        self.first, self.stop, self.shift = first[:runs], stop[:runs], shift[:runs]

    def __call__(self, columns: Iterable[tuple[np.ndarray, float]], threads: int = 1) -> None:
        """Move the rows of columns, each with room for all of them; new rows, and those left over at the end, get the column's default."""
        words = (pair for values, default in columns for pair in _words(values, np.full(values.shape[1:], default, values.dtype)))
        moves = self.first, self.stop, self.shift, self.made, self.n, self.before
        spread(threads, move_rows, ((*pair, *moves) for pair in words))


def _words(values: np.ndarray, row: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A column, and one row of it, as whole numbers of the same bits along one axis: row by row, or column by column if it lies so."""
    word = f"u{values.itemsize}"
    if values.ndim == 1 or values.flags.c_contiguous:
        yield values.reshape(-1).view(word), row.reshape(-1).view(word)
    else:
        for k in range(values.shape[1]):
            yield values[:, k].view(word), row[k : k + 1].view(word)


def find(owner, wanted, start, member) -> tuple[np.ndarray, np.ndarray]:
    """(k,) the row of each wanted member of an owner, or that before which it would stand; and whether it is there. Members ascend."""
    owner, wanted = np.ascontiguousarray(owner, dtype=np.int64), np.ascontiguousarray(wanted, dtype=np.int64)
    row, there = np.empty(len(owner), dtype=np.int64), np.empty(len(owner), dtype=np.bool_)
    find_rows(owner, wanted, start, member, row, there)
    return row, there


def spans(start: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """start[o], …, start[o+1] - 1 for each owner o, one after the other."""
    length = start[owners + 1] - start[owners]
    return np.repeat(start[owners] - (np.cumsum(length) - length), length) + np.arange(length.sum())


@kernel
def cut_rows(owner, start):
    """start_i = number of rows whose owner is below i. owner (m,) in [0, n); writes start (n+1,), zeros before."""
    for e in range(owner.size):
        start[owner[e] + 1] += 1
    for i in range(1, start.size):
        start[i] += start[i - 1]


@kernel
def move_starts(start, come, gone):
    """start_i += rows of owners below i that come - those that go. come, gone (k,) owners of such rows, ascending; start (n+1,)."""
    more = 0
    a = 0
    b = 0
    while a < come.size or b < gone.size:
        owner = come[a] if b == gone.size or (a < come.size and come[a] < gone[b]) else gone[b]
        while a < come.size and come[a] == owner:
            more += 1
            a += 1
        while b < gone.size and gone[b] == owner:
            more -= 1
            b += 1
        last = start.size - 1
        if a < come.size:
            last = come[a]
        if b < gone.size and gone[b] < last:
            last = gone[b]
        if more != 0:
            for i in range(owner + 1, last + 1):
                start[i] += more


@kernel
def sort_rows(owner, free, order):
    """Rows by owner, in their order within each (a counting sort). owner (m,); free (n,) first place of each owner; writes order (m,)."""
    for e in range(owner.size):
        order[free[owner[e]]] = e
        free[owner[e]] += 1


@kernel
def pick_rows(owner, wanted, free, order):
    """As sort_rows, of the owners that are wanted. owner (m,); wanted (n,) bool; free (n,) first place of each; writes order (places,)."""
    for e in range(owner.size):
        o = np.uint32(owner[e])
        if wanted[o]:
            order[free[o]] = e
            free[o] += 1


@kernel
def find_rows(owner, wanted, start, member, row, there):
    """The first row of start[o] : start[o+1] whose member is not below the wanted one, and whether it is that one.

    owner, wanted (k,); start (owners + 1,); member (m,), ascending for each owner; writes row (k,), there (k,)
    """
    for k in range(owner.size):
        low, stop = start[owner[k]], start[owner[k] + 1]
        high = stop
        while low < high:
            middle = (low + high) // 2
            if member[middle] < wanted[k]:
                low = middle + 1
            else:
                high = middle
        row[k] = low
        there[k] = low < stop and member[low] == wanted[k]


@kernel
def cut_moves(places, gone, rows, first, stop, shift):
    """Runs of rows that move by as many: by the new rows that stand before them less those that went. Returns their number.

    places (k,) rows that new ones stand before, gone (g,) rows that go, both ascending; writes first, stop, shift (k + g + 1,)

    Runs that move up stand in descending order, so that each moves to where others have left. Between those that move up and those that
    move down there are rows that stay, or one that goes where one comes: neither gets in the way of the other.
    """
    runs = 0
    by = 0
    row = 0
    a = 0
    b = 0
    while a < places.size or b < gone.size:
        comes = a < places.size and (b == gone.size or places[a] <= gone[b])
        at = places[a] if comes else gone[b]
        if by != 0 and at > row:
            first[runs], stop[runs], shift[runs] = row, at, by
            runs += 1
        if comes:
            row = at
            by += 1
            a += 1
        else:
            row = at + 1
            by -= 1
            b += 1
    if by != 0 and rows > row:
        first[runs], stop[runs], shift[runs] = row, rows, by
        runs += 1
    a = 0
    while a < runs:  # turn those that move up; by single values: assigned slices take numba four seconds to compile
        b = a + 1
        if shift[a] > 0:
            while b < runs and shift[b] > 0:
                b += 1
            for k in range((b - a) // 2):
                low, high = a + k, b - 1 - k
                first[low], first[high] = first[high], first[low]
                stop[low], stop[high] = stop[high], stop[low]
                shift[low], shift[high] = shift[high], shift[low]
        a = b
    return runs


@kernel
def move_rows(words, default, first, stop, shift, made, rows, before):
    """Move runs of rows in place, and write the default into the new rows and those left over. Where all is zero nothing is written.

    words (rows · w,) whole numbers; default (w,) one row of them; first, stop, shift (runs,) as cut_moves makes them; made (k,) new rows;
    rows, before: their number afterwards and before
    """
    width, e, i = default.size, 0, 0
    while e < before * width and words[e] == 0:
        e += 1
    while i < width and default[i] == 0:
        i += 1
    if e == before * width and i == width:
        return
    for k in range(first.size):
        low, high, by = first[k] * width, stop[k] * width, shift[k] * width
        if by > 0:
            for at in range(high - 1, low - 1, -1):
                words[np.uint64(at + by)] = words[np.uint64(at)]
        else:
            for at in range(low, high):
                words[np.uint64(at + by)] = words[np.uint64(at)]
    for k in range(made.size):
        for i in range(width):
            words[made[k] * width + i] = default[i]
    for k in range(rows * width, before * width, width):
        for i in range(width):
            words[k + i] = default[i]


@kernel
def move_owners(owner, start, first, stop, shift):
    """owner_e += shift for the rows e of owners that move by it. owner (m,); start (n+1,); first, stop, shift (runs,) from cut_moves."""
    for k in range(first.size):
        for e in range(start[first[k]], start[stop[k]]):
            owner[e] += shift[k]
