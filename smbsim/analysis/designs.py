"""Designs of a sweep: at which values of its parameters a scenario is run.

    factorial   every combination of the values: NAME=A:B:N is N values from A to B, NAME=X,Y,Z these; A:B:N:log evenly in the logarithm
    lhs         Latin hypercube: each parameter's range, NAME=A:B, cut into as many parts as there are points, one point in each
    sobol       a scrambled Sobol' sequence, which fills the cube of all parameters more evenly; a power of 2 points

NAME alone is the declared range. In a sample a list of values is a range too, each value having an equal part of it. Samples are drawn
with a seed of their own, so that the same question gives the same design; every point is run with the same seeds.

Sources: McKay, Beckman and Conover (1979), Technometrics 21; Owen (1998), ACM TOMACS 8, for scrambling; scipy.stats.qmc.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ..scenario import Scenario
from ..schema import InputError, nearest
from .space import LOG, NOT_MOVED, Parameter, of_scenario

FACTORIAL, LHS, SOBOL = "factorial", "lhs", "sobol"
KINDS = (FACTORIAL, LHS, SOBOL)
SAMPLED = 64  # points of a sample, if no number is given
MOST_POINTS = 1_000_000
SEED = 1  # of samples


@dataclass(frozen=True)
class Factor:
    """One parameter of a design: its values, or the range from which they are drawn. text: what was asked for, NAME=…"""

    name: str
    text: str
    levels: tuple[Any, ...] = ()
    range: Parameter | None = None
    unit: str = "1"

    @property
    def numeric(self) -> bool:
        """Whether its values can stand on an axis."""
        return all(isinstance(x, int | float) and not isinstance(x, bool) for x in self.levels)

    def at(self, shares: np.ndarray) -> list[Any]:
        """Values at shares of the range, 0 to 1."""
        if self.levels:
            return [self.levels[min(int(u * len(self.levels)), len(self.levels) - 1)] for u in shares]
        return [int(x) if self.range.whole else float(x) for x in self.range.at(shares)]


@dataclass(frozen=True, eq=False)
class Design:
    """The points of a sweep, in order. points: dotted name → value, one mapping per point."""

    kind: str
    factors: tuple[Factor, ...]
    points: tuple[Mapping[str, Any], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(f.name for f in self.factors)

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Name → (P,): numbers, or texts where values are not numbers."""
        found = {}
        for f in self.factors:
            column = [point[f.name] for point in self.points]
            found[f.name] = np.array(column, dtype=float) if f.numeric else np.array([shown(x) for x in column], dtype=object)
        return found

    def at(self, point: int) -> str:
        """A point in words: orders.stock_adjustment = 0.1, trade.payment_days = 30."""
        return ", ".join(f"{name} = {shown(x)}" for name, x in self.points[point].items())

    def csv(self) -> str:
        """The text of design.csv: the point and the values of its parameters, exactly."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(("point", *self.names))
        out.writerows((p, *(exact(point[name]) for name in self.names)) for p, point in enumerate(self.points))
        return text.getvalue()


def shown(x: Any) -> str:
    """A value for people."""
    return f"{x:.6g}" if isinstance(x, float) else exact(x)


def exact(x: Any) -> str:
    """A value as a file or a command line has it."""
    return x if isinstance(x, str) else repr(x) if isinstance(x, float) else json.dumps(x)


def design(scenario: Scenario, over: Sequence[str] | Mapping[str, Any], kind: str = FACTORIAL, points: int | None = None) -> Design:
    """The design of a question about a scenario.

    over   : "NAME=A:B:N", "NAME=X,Y,Z", "NAME=A:B" or "NAME"; or name → list of values, or the text behind the "="
    kind   : factorial, lhs or sobol
    points : of a sample; default 64

    Raises InputError, one line per mistake: no such parameter, a value it may not have, a number of points that cannot be.
    """
    if kind not in KINDS:
        raise InputError(f"--design {kind} is not valid.{nearest(kind, KINDS)}")
    factors, problems = [], []
    for name, asked in _pairs(over):
        try:
            factors.append(_factor(scenario, name, asked, kind))
        except InputError as error:
            problems += error.lines
    names = [f.name for f in factors]
    problems += [f"--over {name}: given twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    problems += [] if factors or problems else ["--over: no parameter to move"]
    if kind == FACTORIAL and points is not None:
        problems.append("--points: a factorial has as many as its values make; --design lhs or sobol takes a number")
    if problems:
        raise InputError(*problems)
    if kind == FACTORIAL:
        number = math.prod(len(f.levels) for f in factors)
        _check_number(number)
        return Design(
            kind, tuple(factors), tuple(dict(zip(names, values, strict=True)) for values in product(*(f.levels for f in factors)))
        )
    number = SAMPLED if points is None else points
    _check_number(number)
    columns = [f.at(u) for f, u in zip(factors, _sample(kind, len(factors), number).T, strict=True)]
    return Design(kind, tuple(factors), tuple(dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)))


def _check_number(points: int) -> None:
    if not 1 <= points <= MOST_POINTS:
        raise InputError(f"{points} points: at least 1 and at most {MOST_POINTS}")


def _sample(kind: str, k: int, points: int) -> np.ndarray:
    """(points, k) in the unit cube."""
    from scipy.stats import qmc

    if kind == LHS:
        return qmc.LatinHypercube(k, rng=SEED).random(points)
    power = points.bit_length() - 1
    if points != 1 << power:
        raise InputError(f"--points {points}: a Sobol' sequence is balanced with a power of 2, {1 << power} or {2 << power}")
    return qmc.Sobol(k, rng=SEED).random_base2(power)


# -- what was asked for -------------------------------------------------------------------------------------------------------------------


def _pairs(over: Sequence[str] | Mapping[str, Any]) -> list[tuple[str, Any]]:
    if isinstance(over, str):
        raise InputError(f"over = '{over}': a list of texts or a mapping is needed")
    if isinstance(over, Mapping):
        return [(str(name), asked) for name, asked in over.items()]
    split = (text.partition("=") for text in over)
    return [(name.strip(), asked.strip()) for name, _, asked in split]


def _factor(scenario: Scenario, name: str, asked: Any, kind: str) -> Factor:
    if name.partition(".")[0].partition("[")[0] in NOT_MOVED:
        raise InputError(f"--over {name}: {', '.join(NOT_MOVED)} are the same at every point")
    if not isinstance(asked, str):
        return _listed(scenario, name, [_python(x) for x in asked])
    if "," in asked or (asked and ":" not in asked):
        return _listed(scenario, name, [_read(part.strip()) for part in asked.split(",")])
    parts = [part.strip() for part in asked.split(":")] if asked else []
    log = LOG in parts[2:]
    grid = len(parts) == 3 + log and (not log or parts[3] == LOG) and parts[2] != LOG
    if kind == FACTORIAL and not grid:
        raise InputError(f"--over {name}{'=' * bool(asked)}{asked}: write {name}=A:B:N, N values from A to B, or {name}=X,Y,Z")
    if not grid:
        found = of_scenario(scenario, [f"{name}={asked}" if asked else name])[0]
        return Factor(name, f"{name}={asked}" if asked else name, range=found, unit=found.unit)
    if kind != FACTORIAL:
        raise InputError(f"--over {name}={asked}: a sample takes a range, {name}={parts[0]}:{parts[1]}, and --points N for all of it")
    if not (parts[2].isdecimal() and int(parts[2]) >= 2):
        raise InputError(f"--over {name}={asked}: N = {parts[2]} is not a whole number of 2 or more")
    found = of_scenario(scenario, [f"{name}={':'.join([*parts[:2], *([LOG] if log else [])])}"])[0]
    share = np.linspace(0.0, 1.0, int(parts[2]))
    if found.whole:
        at = found.low + share * (found.high - found.low)
        levels = tuple(int(x) for x in np.unique(np.round(at)))
    else:
        levels = tuple(float(f"{x:.12g}") for x in found.at(share))  # 0.3, not 0.30000000000000004
    return Factor(name, f"{name}={asked}", levels, unit=found.unit)


def _listed(scenario: Scenario, name: str, levels: list[Any]) -> Factor:
    """These values, each of which the scenario may have."""
    text = f"{name}={','.join(exact(x) for x in levels)}"
    if not levels or len(set(map(exact, levels))) < len(levels):
        raise InputError(f"--over {text}: values that differ from each other are needed")
    problems = []
    for x in levels:
        try:
            scenario.with_({name: x})
        except InputError as error:
            problems += [f"--over {text}: {line}" for line in error.lines]
    if problems:
        raise InputError(*dict.fromkeys(problems))
    factor = Factor(name, text, tuple(levels))
    if not factor.numeric or len(levels) < 2:
        return Factor(name, text, tuple(levels), unit="1" if factor.numeric else "choice")
    return Factor(name, text, tuple(levels), unit=of_scenario(scenario, [f"{name}={min(levels)}:{max(levels)}"])[0].unit)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _python(x: Any) -> Any:
    """Numbers of numpy as those of Python."""
    return x.item() if isinstance(x, np.generic) else x
