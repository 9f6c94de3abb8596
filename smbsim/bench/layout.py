"""Bytes by the layout: what the arrays of a state take per firm and per link, and what a week moves of them. Nothing is typed in by hand.

A week moves the arrays of each phase. What a kernel does with an argument is read from its source: 8 bytes an entry of a column of doubles
that it loads, 8 that it stores, 16 if it does both; an array gathered through an index counts once as a whole. A column that a phase only
touches with numpy counts once. Temporaries do not count: the sum is what the equations need under this layout, as STREAM counts, so that
bytes over time is a rate that may be set against the triad. Reading twice what a cache could have kept is the kernel's own fault.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from ..kernel import Pieces, Rows
from ..mechanisms.base import Step
from ..state import TABLES, State, Table
from .machine import LARGE, resident
from .week import Model

AXES = ("firm", "slot", "link")  # what grows with the network
PLAIN = {"range", "len", "min", "max", "abs"}  # functions that load no array
NEAR = 2048  # entries by which an array may be longer than its axis: one more for starts, padding for what is fetched ahead


def memory(state: State, held: bool = False) -> dict[str, int]:
    """Bytes of all arrays of the state by axis: firm, slot, link, other; of columns the rows in use.

    held: of large ones what takes memory, which room for rows to come does not; see `machine`
    """
    size = dict.fromkeys((*AXES, "other"), 0)
    for axis, array, used in _arrays(state):
        size[axis if axis in AXES else "other"] += resident(array) if held and array.nbytes >= LARGE else used
    return size


def per_row(state: State) -> dict[str, float]:
    """Bytes per firm, and per link with what its slots take; what belongs to neither is the firms'. held_: of what takes memory."""
    found = {}
    for prefix, size in (("", memory(state)), ("held_", memory(state, held=True))):
        found[f"{prefix}per_link"] = (size["link"] + size["slot"]) / max(state.links.n, 1)
        found[f"{prefix}per_firm"] = (size["firm"] + size["other"]) / max(state.firms.n, 1)
    return found


def _arrays(state: State) -> Iterator[tuple[str, np.ndarray, int]]:
    """(axis, array, bytes in use) of every buffer that is reachable from the state, each once."""
    seen: set[int] = set()
    todo: list[tuple[str | None, object]] = [(None, state)]
    while todo:
        axis, found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, np.ndarray):
            if found.base is None:
                yield axis or _axis_of(state, found), found, found.nbytes
            elif isinstance(found.base, np.ndarray):
                todo.append((axis, found.base))
        elif isinstance(found, Table):
            for name, buffer in found._buffers.items():
                yield found.axis, buffer, getattr(found, name).nbytes
        elif isinstance(found, list | tuple):
            todo += [(axis, part) for part in found]
        elif isinstance(found, dict):
            todo += [(axis, part) for part in found.values()]
        elif hasattr(found, "__dict__") and not isinstance(found, type):
            todo += [(axis, part) for part in vars(found).values()]


def _axis_of(state: State, array: np.ndarray) -> str:
    """The axis whose number of rows the array has, at most a few more; that with the most rows where several fit."""
    rows = {axis: getattr(state, TABLES[axis]).n for axis in AXES}
    length = array.shape[0] if array.ndim else 0
    fitting = [axis for axis, n in rows.items() if n <= length <= n + min(NEAR, n)]
    return max(fitting, key=rows.__getitem__) if fitting else "other"


# -- what a week moves --------------------------------------------------------------------------------------------------------------------


@cache
def uses(function) -> tuple[int, ...]:
    """How often each parameter of a kernel is loaded or stored: 0 untouched or a scalar, 1 loaded or stored, 2 both."""
    source = ast.parse(textwrap.dedent(inspect.getsource(getattr(function, "py_func", function)))).body[0]
    loads, stores = set(), set()
    for node in ast.walk(source):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            (stores if isinstance(node.ctx, ast.Store) else loads).add(node.value.id)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript) and isinstance(node.target.value, ast.Name):
            loads.add(node.target.value.id)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") not in PLAIN:  # handed on to another kernel, which loads it
            loads |= {argument.id for argument in node.args if isinstance(argument, ast.Name)}
    return tuple((name.arg in loads) + (name.arg in stores) for name in source.args.args)


class _Watch:
    """What one phase touches: buffer -> (bytes, axis)."""

    def __init__(self, state: State):
        self.state, self.kernels, self.columns = state, {}, {}

    def column(self, table: Table, name: str) -> None:
        array = table.__dict__[name]
        self.columns[array.__array_interface__["data"][0]] = (array.nbytes, table.axis)

    def kernel(self, function, arguments) -> None:
        for argument, times in zip(arguments, uses(function)[2:], strict=True):  # after start and stop
            if isinstance(argument, np.ndarray) and times:
                where = argument.__array_interface__["data"][0]
                before = self.kernels.get(where, (0, ""))[0]
                size, axis = self.columns.get(where) or (argument.nbytes, _axis_of(self.state, argument))
                self.kernels[where] = (before + times * size, axis)

    def total(self) -> dict[str, int]:
        moved = dict.fromkeys((*AXES, "other"), 0)
        for amount, axis in ({**self.columns, **self.kernels}).values():  # a kernel knows better
            moved[axis if axis in AXES else "other"] += amount
        return moved


@contextmanager
def _watched(watch: _Watch):
    """Columns of the state and arguments of kernels that are run over rows are told to `watch`."""
    run, add, tables = Rows.run, Pieces.add, [getattr(watch.state, name) for name in TABLES.values()]

    class Watched(Table):
        def __getattribute__(self, name):
            if not name.startswith("_") and name in super().__getattribute__("__dict__")["columns"]:
                watch.column(self, name)
            return super().__getattribute__(name)

        def whole(self, name):
            watch.column(self, name)
            return super().whole(name)

    def run_and_tell(rows, function, *arguments):
        watch.kernel(function, arguments)
        run(rows, function, *arguments)

    def add_and_tell(pieces, function, *arguments):
        watch.kernel(function, (*arguments, pieces.totals.T))  # rows of the totals are its second axis
        return add(pieces, function, *arguments)

    try:
        Rows.run, Pieces.add = run_and_tell, add_and_tell
        for table in tables:
            object.__setattr__(table, "__class__", Watched)
        yield
    finally:
        Rows.run, Pieces.add = run, add
        for table in tables:
            object.__setattr__(table, "__class__", Table)


def traffic(model: Model) -> dict[str, dict[str, int]]:
    """Phase -> bytes that it moves, by axis. The model goes one week ahead."""
    moved, step = {}, Step(model.t, model.draws)
    model.state.flows.clear()
    for name, phase in model.plan:
        watch = _Watch(model.state)
        with _watched(watch):
            phase(model.state, step)
        moved[name] = watch.total()
    model.t += 1
    return moved
