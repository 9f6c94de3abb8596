"""CSV tables by key: reading them, and saying in one line what is wrong with a cell, a row or a header."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np

from smbsim.schema import nearest

LARGEST = 1e18  # no cell of a table is beyond it; keeps sums and units from overflowing (assumption)
SURPLUS = "cells beyond the header"  # a key of csv rows that no header holds


class Table:
    """The rows of one CSV file by key; what is wrong with them goes to `problems`, one line each."""

    def __init__(self, path: Path, required: tuple[str, ...], problems: list[str]):
        self.file, self.problems = path.name, problems
        self.keys: tuple[str, ...] = ()
        self.rows: dict[tuple[str, ...], tuple[int, dict[str, str]]] = {}
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            reader = csv.DictReader(lines, restkey=SURPLUS, restval="")
            self.header = list(reader.fieldnames or ())
            self.lines = [(reader.line_num, row) for row in reader]
        problems += [f"{self.file} line {n}: more cells than the header has columns" for n, row in self.lines if SURPLUS in row]
        missing = [column for column in required if column not in self.header]
        problems += [f"{self.file}: column '{column}' is missing.{nearest(column, self.header)}" for column in missing]

    def index(self, **known: tuple[str, ...] | None) -> None:
        """Find rows by these key columns. known: key column = codes allowed in it (None: any); names unknown codes and repeated keys."""
        self.keys = tuple(known)
        for line, row in self.lines:
            key = tuple(row[column].strip() for column in known)
            for column, code in zip(known, key, strict=True):
                if not code or (known[column] is not None and code not in known[column]):
                    self.problems.append(f"{self.file} line {line}: unknown {column} '{code}'.{nearest(code, known[column] or ())}")
            if key in self.rows:
                self.problems.append(f"{self.file} line {line}: {self.name(key)} is there already, in line {self.rows[key][0]}")
            self.rows.setdefault(key, (line, row))

    def name(self, key: tuple[str, ...]) -> str:
        """sector '72', region '1': names a key in a message."""
        return ", ".join(f"{column} '{code}'" for column, code in zip(self.keys, key, strict=True))

    def require(self, *axes: tuple[str, ...]) -> None:
        """Name the keys without a row, one line per first key."""
        for first in axes[0]:
            missing = [key for key in product((first,), *axes[1:]) if key not in self.rows]
            if missing and len(axes) == 1:
                self.problems.append(f"{self.file}: no row for {self.keys[0]} '{first}'")
            elif missing:
                others = ", ".join(key[1] for key in missing)
                self.problems.append(f"{self.file}: no row for {self.keys[0]} '{first}' with {self.keys[1]} {others}")

    def numbers(self, column: str, *axes: tuple[str, ...], empty: float | None = None, low: float = -LARGEST, high: float = LARGEST):
        """The column as an array over the axes, nan without a row. empty: value of an empty cell (None: a problem)."""
        values = [self._number(column, key, empty, low, high) for key in product(*axes)]
        return np.array(values, dtype=np.float64).reshape([len(axis) for axis in axes])

    def _number(self, column: str, key: tuple[str, ...], empty: float | None, low: float, high: float) -> float:
        if key not in self.rows:
            return np.nan
        line, row = self.rows[key]
        text = row[column].strip()
        if not text and empty is not None:
            return empty
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            self.problems.append(f"{self.file} line {line}, column '{column}' ({self.name(key)}): '{text}' is not a number")
        elif not low <= value <= high:
            allowed = f"below {low:g}" if value < low else f"above {high:g}"
            self.problems.append(f"{self.file} line {line}, column '{column}' ({self.name(key)}): {value:g} is {allowed}")
        return value
