"""How a column, a parameter and a mistake in an input are declared: once, with unit, bounds and source.

`Column` declares one array of the state, `param` one number of a scenario. Everything that describes, validates, allocates or documents
them (`smbsim describe`, the JSON Schema, `State.check`, the bounds of a sensitivity analysis) reads these declarations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

WEEKS_PER_YEAR = 52
WEEKS_PER_QUARTER = 13
DAYS_PER_WEEK = 7

Tier = Literal["frozen", "data", "calibrated", "swept"]


class InputError(ValueError):
    """Something a user gave is wrong. Holds one line per mistake; the command line prints them and exits with code 2."""

    def __init__(self, *lines: str):
        self.lines = tuple(lines)
        super().__init__("\n".join(lines))

    def __reduce__(self):
        return type(self), self.lines


@dataclass(frozen=True)
class Column:
    """One array of the state: what it holds, in which unit, within which bounds. The default means "no effect".

    axis says which table it lives in; width is the length of a second axis, a number or the name of one of `State.widths`
    ("sector", "region", "lead", "import_lead", "use", "policy"); low and high are inclusive. entrant
    says what a new firm takes over from the firm it is modelled on: the value as it is, or in proportion to size; None: nothing, it starts
    at the default.
    """

    name: str
    unit: str
    default: float
    doc: str
    axis: Literal["firm", "slot", "link", "household", "region", "sector", "account", "policy"] = "firm"
    width: int | str = 1
    dtype: str = "f8"
    low: float | None = None
    high: float | None = None
    entrant: Literal["copied", "scaled"] | None = None


def param(
    default: Any,
    *,
    unit: str,
    doc: str,
    low: float | None = None,
    high: float | None = None,
    source: str,
    tier: Tier = "swept",
) -> Any:
    """A number (or choice) of a mechanism as a pydantic field: default, unit, inclusive bounds and source ("assumption" is a source)."""
    return Field(
        default,
        ge=low,
        le=high,
        allow_inf_nan=None if low is None and high is None else False,
        validate_default=True,
        description=doc,
        json_schema_extra={"unit": unit, "source": source, "tier": tier},
    )


def per_week(value: float, unit: str) -> float:
    """The weekly value of a number in its declared unit. The unit alone decides the conversion (52 weeks a year).

    "1/yr"       hazard or decay a: 1 - (1 - a)^(1/52)
    "1/quarter"  the same over 13 weeks
    "share/yr"   nominal rate such as interest: a / 52
    ".../yr"     flow: a / 52
    "days"       duration: weeks
    "wk", "1/wk", and everything without time: unchanged
    """
    if unit == "1/yr":
        return 1.0 - (1.0 - value) ** (1.0 / WEEKS_PER_YEAR)
    if unit == "1/quarter":
        return 1.0 - (1.0 - value) ** (1.0 / WEEKS_PER_QUARTER)
    if unit.endswith("/yr"):
        return value / WEEKS_PER_YEAR
    if unit == "days":
        return value / DAYS_PER_WEEK
    return value


def nearest(word: str, valid: Iterable[str]) -> str:
    """A hint for an unknown word: the nearest valid one if any is near, and the list of all."""
    valid = [str(v) for v in valid]
    near = difflib.get_close_matches(str(word), valid, n=1)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    return f"{guess} Valid: {', '.join(valid)}." if valid else guess
