"""What every paired simulation needs: who is meant, and what is kept of a run beside its baseline.

A pair is two runs of the same firms under the same draws that differ in one thing only. The economy (firms, network) is built once, from
the seed; replicate r meets the weekly draws of seed + r, so that a firm is the same firm in all of them, and replicate 0 is the run of
`simulate.run` with that seed. Without noise (breakdown_hazard 0) all replicates are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..mechanisms.base import Step
from ..metrics.activity import value_added
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..simulate import Plan, advance
from ..state import SMB, State

CASCADE_WEEKS = 26  # for which the output of every firm is kept; MODEL.md 5.1
MOST_NAMED = 3  # members of a set in its label

Closure = int | str | Iterable[int | str]  # one firm, or several that shut together: uids, or names where the network has names


@dataclass(frozen=True)
class Path:
    """One run: value added and heads (T,), output of the first weeks (26, n), and the firms' own value added up to week D, (n,).

    n firms of the start; those who enter count in the totals.
    """

    value_added: np.ndarray
    heads: np.ndarray
    output: np.ndarray
    own: np.ndarray


def watch(state: State, phases: Plan, draws: Draws, horizon: int, weeks: int, n: int) -> Path:
    """Advance the state through `horizon` weeks and keep what a comparison needs. weeks: D, of which `own` is the sum; n: first rows."""
    path = Path(np.empty(horizon), np.empty(horizon), np.empty((min(horizon, CASCADE_WEEKS), n)), np.zeros(n))
    for t in range(horizon):
        advance(state, phases, Step(t, draws))
        added = value_added(state)
        path.value_added[t], path.heads[t] = added.sum(), state.firms.employment.sum()
        if t < len(path.output):
            path.output[t] = state.firms.output[:n]
        if t < weeks:
            path.own[:] += added[:n]
    return path


def check_lengths(weeks: int, horizon: int, replicates: int) -> None:
    """Raise InputError, one line per mistake, for closures longer than the horizon and for no run at all."""
    problems = []
    if not 1 <= weeks <= horizon:
        problems.append(f"weeks = {weeks}: at least 1 and at most the horizon of {horizon} weeks")
    if replicates < 1:
        problems.append(f"replicates = {replicates}: at least 1")
    if problems:
        raise InputError(*problems)


def without_variants(scenario: Scenario, horizon: int) -> Scenario:
    """The scenario without its variants, over this horizon."""
    return next(iter(scenario.all_variants(baseline=False).values())).with_(horizon={"weeks": horizon})


def uids_of(state: State, firms: Sequence[Closure] | None) -> tuple[tuple[int, ...], ...]:
    """Uids of every closure; uids are rows, because nobody has entered yet. Raises InputError, one line per mistake."""
    if firms is None:
        return tuple((int(i),) for i in np.flatnonzero(state.firms.kind == SMB))
    names = {name: uid for uid, name in enumerate(state.names)}
    problems, found = [], []
    for k, closure in enumerate(firms):
        uids = []
        for firm in several(closure):
            uid = names.get(firm) if isinstance(firm, str) and names else int(firm) if str(firm).isdecimal() else None
            if uid is None or not uid < state.firms.n:
                hint = nearest(str(firm), names).partition(" Valid:")[0] if names else f" Uids run from 0 to {state.firms.n - 1}."
                problems.append(f"firms[{k}]: unknown firm '{firm}'.{hint}")
            else:
                uids.append(uid)
        if not uids and not problems:
            problems.append(f"firms[{k}]: no firm to shut")
        if len(set(uids)) < len(uids):
            problems.append(f"firms[{k}]: a firm twice")
        found.append(tuple(uids))
    if not found and not problems:
        problems.append("firms: no closure")
    if problems:
        raise InputError(*problems)
    return tuple(found)


def several(closure: Closure) -> tuple[int | str, ...]:
    """The firms of a closure."""
    return (closure,) if isinstance(closure, int | str | np.integer) else tuple(closure)


def name_of(state: State, uid: int) -> str:
    """Name of a firm; its uid where there are no names."""
    return state.names[uid] if len(state.names) else str(uid)


def label_of(state: State, uids: tuple[int, ...]) -> str:
    """Firms with their sectors, the first few of many."""
    named = [f"firm {name_of(state, uid)} (sector {state.sector_codes[state.firms.sector[uid]]})" for uid in uids[:MOST_NAMED]]
    return " + ".join(named) + (f" + {len(uids) - MOST_NAMED} more" if len(uids) > MOST_NAMED else "")
