"""Rows come, go and move in place as in a list of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smbsim.rows import Moves, cut_rows, move_starts

NEW = -1.0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=12), st.sets(st.integers(0, 29), max_size=12))
def test_moved_rows_are_those_of_a_list(rows, places, gone):
    """For columns of one and of two axes, that lie row by row or column by column, of any size of word; and starts are cut as anew."""
    places, gone = np.sort([p for p in places if p <= rows]).astype(np.int64), np.array(sorted(g for g in gone if g < rows), dtype=np.int64)
    expected = []
    for row in range(rows + 1):
        expected += [None] * np.count_nonzero(places == row)
        expected += [row] if row < rows and row not in gone else []
    move = Moves(rows, places, gone)
    assert move.n == len(expected)
    assert [expected[k] for k in move.made] == [None] * len(places)
    for dtype, width, order in (("f8", (), "C"), ("i4", (), "C"), ("i1", (), "C"), ("f8", (3,), "C"), ("f8", (3,), "F"), ("f8", (0,), "C")):
        values = np.full((rows + len(places), *width), NEW, dtype=dtype, order=order)
        before = np.random.default_rng(rows).integers(0, 3, (rows, *width))
        values[:rows] = before
        move([(values, NEW)])
        assert np.array_equal(values[: move.n], [np.full(width, NEW) if row is None else before[row] for row in expected] or values[:0])
        assert np.all(values[move.n :] == NEW), "rows left over are at the default"
    owner = np.sort(np.random.default_rng(rows).integers(0, 5, rows))
    owners_of_new = np.sort(np.random.default_rng(len(places)).integers(0, 5, len(places)))
    start, anew = np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64)
    cut_rows(owner, start)
    move_starts(start, owners_of_new, owner[gone])
    cut_rows(np.sort(np.append(np.delete(owner, gone), owners_of_new)), anew)
    assert np.array_equal(start, anew)
