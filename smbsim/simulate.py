"""The only time loop of the project: `advance` runs the schedule for one week, `simulate` repeats it and records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .draws import Draws
from .mechanisms.base import Step
from .state import State

Plan = Sequence[tuple[str, Callable[[State, Step], None]]]


def advance(state: State, plan: Plan, step: Step, check: bool = False) -> None:
    """Move the state forward by one week. With `check`, every column is checked after every phase (slow).

    Raises ValueError naming table, column, phase and firms when a column leaves its bounds.
    """
    state.flows.clear()
    for name, phase in plan:
        phase(state, step)
        if check:
            state.check(f"after phase '{name}' at week {step.t}")


def weeks(state: State, plan: Plan, draws: Draws, start: int, stop: int, check: bool = False) -> Iterator[Step]:
    """Advance week by week from `start` up to and without `stop`; yields after each, so that the caller can look and record."""
    for t in range(start, stop):
        step = Step(t, draws)
        advance(state, plan, step, check)
        yield step
