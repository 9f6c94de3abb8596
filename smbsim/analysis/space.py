"""What is moved in an experiment: parameters with their ranges, and the unit cube in which designs live.

Ranges come from the declaration of the parameter (`param`), with its unit; "finance.loan_rate=0.02:0.1" narrows one, ":log" at the end
spreads it evenly over its logarithm. A point of the cube says at which share of its range each parameter is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from ..scenario import Scenario
from ..schema import InputError, nearest

PART = re.compile(r"([A-Za-z_]\w*)((?:\[\d+\])*)")
NOT_MOVED = ("horizon", "runs", "output", "variants")  # how long and how often, not what the economy is
LOG = "log"


@dataclass(frozen=True)
class Parameter:
    """A number and its range. default: its value when it is not moved, the middle of the range if none is given; whole: only integers."""

    name: str
    low: float
    high: float
    unit: str = "1"
    default: float | None = None
    whole: bool = False
    log: bool = False

    def __post_init__(self):
        problems = []
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            problems.append(f"{self.name} = {self.low:g}:{self.high:g}: a range has a finite low end and a higher, finite high end")
        if self.log and not self.low > 0:
            problems.append(f"{self.name} = {self.low:g}:{self.high:g}:{LOG}: a logarithm needs a low end above 0")
        if problems:
            raise InputError(*problems)

    @property
    def start(self) -> float:
        """Value when it is not moved."""
        return float(self.at(np.array(0.5))) if self.default is None else self.default

    def at(self, share: np.ndarray) -> np.ndarray:
        """Values at shares of the range, 0 to 1; every integer gets an equal part of the range."""
        if self.whole:
            return np.minimum(np.floor(self.low + share * (self.high - self.low + 1.0)), self.high)
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def share(self, value: np.ndarray) -> np.ndarray:
        """The inverse of `at`; of an integer the middle of its part."""
        if self.whole:
            return (np.asarray(value, float) - self.low + 0.5) / (self.high - self.low + 1.0)
        if self.log:
            return np.log(np.asarray(value, float) / self.low) / np.log(self.high / self.low)
        return (np.asarray(value, float) - self.low) / (self.high - self.low)


def values_at(parameters: Sequence[Parameter], shares: np.ndarray) -> np.ndarray:
    """(P, k) values of points given as shares (P, k)."""
    return np.stack([p.at(shares[:, k]) for k, p in enumerate(parameters)], axis=1)


def named(parameters: Sequence[Parameter], values: np.ndarray) -> dict[str, float]:
    """Name → value of one point (k,); whole numbers as integers."""
    return {p.name: int(x) if p.whole else float(x) for p, x in zip(parameters, values, strict=True)}


def check_names(parameters: Sequence[Parameter]) -> None:
    """Raise InputError where there is no parameter, or one twice."""
    names = [p.name for p in parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise InputError(*(f"--over {name}: given twice" for name in twice), *([] if names else ["--over: no parameter to move"]))


# -- parameters of a scenario -------------------------------------------------------------------------------------------------------------


def of_scenario(scenario: Scenario, over: Sequence[str]) -> tuple[Parameter, ...]:
    """Parameters of "NAME" (its declared range), "NAME=LOW:HIGH" or "NAME=LOW:HIGH:log". Raises InputError, one line per mistake."""
    found, problems = [], []
    for text in over:
        try:
            found.append(_parameter(scenario, text))
        except InputError as error:
            problems += error.lines
    if problems:
        raise InputError(*problems)
    check_names(found)
    return tuple(found)


def _parameter(scenario: Scenario, text: str) -> Parameter:
    name, given, asked = (part.strip() for part in text.partition("="))
    model, key, value = _place(scenario, name)
    field = type(model).model_fields[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = "has no value here (null): set one in the file or with --set" if value is None else "is not a number"
        raise InputError(f"--over {name}: {kind}")
    unit = (field.json_schema_extra or {}).get("unit", "1")
    lowest = next((m.ge for m in field.metadata if getattr(m, "ge", None) is not None), None)
    highest = next((m.le for m in field.metadata if getattr(m, "le", None) is not None), None)
    if not given:
        if lowest is None or highest is None:
            raise InputError(f"--over {name}: its range is open, {_range(lowest, highest, unit)}; write {name}=LOW:HIGH")
        return Parameter(name, float(lowest), float(highest), unit, float(value), isinstance(value, int))
    low, high, log = _ends(name, asked)
    outside = [x for x in (low, high) if (lowest is not None and x < lowest) or (highest is not None and x > highest)]
    if outside:
        raise InputError(f"--over {name}={asked}: {outside[0]:g} is outside {_range(lowest, highest, unit)}")
    whole = isinstance(value, int)
    if whole and not (low.is_integer() and high.is_integer()):
        raise InputError(f"--over {name}={asked}: only whole numbers can stand there")
    return Parameter(name, low, high, unit, float(value), whole, log)


def _ends(name: str, asked: str) -> tuple[float, float, bool]:
    parts = [part.strip() for part in asked.split(":")]
    log = len(parts) == 3 and parts[2] == LOG
    try:
        low, high = (float(part) for part in (parts[:2] if log else parts))
    except ValueError:
        raise InputError(f"--over {name}={asked}: write {name}=LOW:HIGH or {name}=LOW:HIGH:{LOG}, such as 0.02:0.1") from None
    return low, high, log


def _range(low: float | None, high: float | None, unit: str) -> str:
    interval = f"{'(-inf' if low is None else f'[{low:g}'}, {'inf)' if high is None else f'{high:g}]'}"
    return interval if unit == "1" else f"{interval} {unit}"


def _place(scenario: Scenario, name: str) -> tuple[BaseModel, str, Any]:
    """The section, the key in it and its value for a dotted name such as finance.loan_rate or shocks[0].size. Raises InputError."""
    here: Any = scenario
    parts = name.split(".")
    for depth, part in enumerate(parts):
        match = PART.fullmatch(part)
        if match is None:
            raise InputError(f"--over {name}: write a dotted name such as finance.loan_rate or shocks[0].size")
        key, indices = match[1], [int(i) for i in re.findall(r"\d+", match[2])]
        known = list(type(here).model_fields) if isinstance(here, BaseModel) else []
        known = [k for k in known if depth or k not in NOT_MOVED]
        if key not in known:
            where = ".".join(parts[:depth])
            inside = f"{where} is a single value" if not known else f"unknown key '{key}'{f' in {where}' if where else ''}."
            raise InputError(f"--over {name}: {inside}{nearest(key, known)}")
        holder, here = here, getattr(here, key)
        for i in indices:
            if not isinstance(here, list | tuple) or i >= len(here):
                count = len(here) if isinstance(here, list | tuple) else 0
                raise InputError(f"--over {name}: {key} has {count} entries, the first is [0]")
            holder, here = here, here[i]
        if depth == len(parts) - 1:
            if not isinstance(holder, BaseModel) or isinstance(here, BaseModel | list | tuple | dict):
                raise InputError(f"--over {name}: a single number is needed, not a section or a list")
            return holder, key, here
    raise AssertionError("a dotted name has at least one part")
