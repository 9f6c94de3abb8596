"""What a metric is: one function of the state, with its name, unit and label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..state import SMB, State

MOVED_BY = {"skills": "skills", "adoption": "automation", "platforms": "platforms"}  # file of metrics → what moves all of them


@dataclass(frozen=True)
class Metric:
    """A named number of the state, or one per sector or region (axis)."""

    name: str
    unit: str
    label: str
    axis: str | None
    doc: str
    of: Callable[[State], float | np.ndarray]

    def __call__(self, state: State):
        return self.of(state)

    @property
    def mechanism(self) -> str | None:
        """The one without which the metric stands still."""
        return MOVED_BY.get(self.of.__module__.rpartition(".")[2])


def metric(unit: str, label: str, axis: str | None = None) -> Callable[[Callable], Metric]:
    """Make a metric of a function; its docstring is the definition that `smbsim describe` prints."""

    def make(function: Callable) -> Metric:
        return Metric(function.__name__, unit, label, axis, function.__doc__ or "", function)

    return make


def smbs(state: State) -> np.ndarray:
    """(n,) the firm is an SMB and alive."""
    return (state.firms.kind == SMB) & state.firms.alive
