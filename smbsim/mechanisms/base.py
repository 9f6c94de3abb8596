"""What every mechanism is: a frozen set of sourced parameters, the columns it owns, and phase methods on the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..draws import Draws
from ..kernel import kernel
from ..rest import Rest
from ..schema import Column, per_week
from ..state import State


@dataclass(frozen=True)
class Step:
    """The week that is being simulated: t = 0 is the first week after burn-in, burn-in weeks are negative."""

    t: int
    draws: Draws


def whose_turn(uid: np.ndarray, t: int, every: int) -> np.ndarray:
    """(n,) bool: t + uid is a multiple of `every`, so that each firm has its turn once in so many weeks, the same number every week."""
    due = np.empty(len(uid), dtype=np.bool_)
    find_turn(uid, t % every, float(every), due)
    return due


@kernel
def find_turn(uid, shift, every, due):
    """due_i: (uid_i + shift) / every is whole. uid (n,) below 2^53 / every: no other quotient rounds to a whole number; writes due (n,)."""
    for i in range(uid.size):
        turns = (uid[i] + shift) / every  # a third of the time of a remainder
        due[i] = np.floor(turns) == turns


class Mechanism(BaseModel):
    """A frozen set of parameters with phase methods `(state, step)`.

    It changes only the columns in `writes`, reads only its own and those in `reads`, and moves money only through `accounts.transfer`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    optional: ClassVar[bool] = False  # left out of the schedule when not enabled; the others have their limit instead
    columns: ClassVar[tuple[Column, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    runs_after: ClassVar[Mapping[str, str]] = {}  # of one that is not in the schedule: its phase method → the method it follows

    def settle(self, state: State, rest: Rest) -> None:
        """Write this mechanism's columns at the resting state."""

    def weekly(self, name: str) -> float:
        """A parameter in weekly terms, converted by its declared unit."""
        return per_week(getattr(self, name), type(self).model_fields[name].json_schema_extra["unit"])
