"""Mechanisms of a user's own, added to a scenario without touching the package.

    from smbsim.mechanisms import Column, Mechanism, param, transfer

    class Saving(Mechanism):
        name = "saving"
        runs_after = {"save": "households.spend"}          phase method → the method of the schedule right after which it runs
        columns, reads, writes = (...)                     what it owns, what it looks at, what it changes
        share: float = param(0.1, unit="1", doc="Share saved", low=0, high=1, source="assumption")

        def save(self, state, step): ...

    result = ss.run(base.with_(Saving(share=0.2)))

It is a mechanism like any other: it settles with the others, its columns are allocated and checked, its payments are in the books, and
whatever takes a scenario takes it (runs, comparisons, searches, Mesa). The manifest says its parameters and its source. No file can hold
it: a scenario loaded from one is without it and says so. Workers in other processes need it in a module that they can import; threads do
not.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from .mechanisms.base import Mechanism
from .schedule import SCHEDULE
from .schema import Column, nearest

KEY = "mechanisms"  # of a dumped scenario
STEPS = tuple(f"{name}.{method}" for _, name, method in SCHEDULE)


def problems_of(added: Sequence[Mechanism], taken: Iterable[str], columns: Iterable[Column]) -> list[str]:
    """One line for each reason why mechanisms cannot be added. taken: names of the package's own; columns: that exist."""
    problems, names, known = [], set(taken), {column.name for column in columns}
    for mechanism in added:
        kind = type(mechanism)
        name = getattr(kind, "name", "")
        where = f"mechanism {kind.__name__}"
        if not name:
            problems.append(f"{where} has no name")
        elif name in names:
            problems.append(f"{where}: there is a mechanism '{name}' already; choose another name")
        names.add(name)
        if not kind.runs_after:
            problems.append(f"{where} would never act: runs_after names no phase")
        for method, step in kind.runs_after.items():
            if not callable(getattr(mechanism, method, None)):
                problems.append(f"{where}: runs_after has '{method}', which is no method of it")
            if step not in STEPS:
                problems.append(f"{where}: runs_after puts {method} after '{step}', which is not in the schedule.{nearest(step, STEPS)}")
        problems += [f"{where}: there is a column '{c.name}' already; choose another name" for c in kind.columns if c.name in known]
        known |= {c.name for c in kind.columns}
        for which in ("reads", "writes"):
            unknown = [c for c in getattr(kind, which) if c not in known]
            problems += [f"{where}: {which} has '{c}', which is no column.{nearest(c, known)}" for c in unknown]
    return problems


def told(mechanism: Mechanism) -> dict[str, Any]:
    """What stands for a mechanism in a manifest and in hashes: its parameters and its code."""
    kind = type(mechanism)
    functions = {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}
    return {
        "name": kind.name, "class": f"{kind.__module__}.{kind.__qualname__}", "parameters": mechanism.model_dump(mode="json"),
        "runs_after": dict(kind.runs_after), "columns": [repr(column) for column in kind.columns],
        "reads": list(kind.reads), "writes": list(kind.writes),
        "source": {name: _source(function) for name, function in sorted(functions.items())},
    }  # fmt: skip


def _source(function) -> str:
    """Its text; where it was typed at a prompt that keeps none, a hash of its code."""
    try:
        return inspect.getsource(function)
    except OSError:
        code = function.__code__
        plain = [constant for constant in code.co_consts if not inspect.iscode(constant)]
        return hashlib.sha256(code.co_code + repr((code.co_names, plain)).encode()).hexdigest()
