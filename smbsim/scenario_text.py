"""Scenario text → plain data that remembers where each value was written: reading, refusing, merging.

YAML 1.2 or JSON through one reader. Refused with one line before anything is built: files above MOST_BYTES, nesting deeper than
MOST_LEVELS, more than MOST_VALUES values, aliases, anchors, tags, directives, repeated keys, numbers that are not finite.

Merging (`extends`, variants): mappings are merged deeply, anything else replaces; `key+: [..]` appends to the list `key`, `key-: [..]`
takes items from the list or keys from the mapping `key`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from .schema import InputError

MOST_BYTES = 256 * 1024  # per file (DECISIONS.md 27)
MOST_LEVELS = 20  # nesting; a scenario has about five
MOST_VALUES = 10_000  # per file; more take more than a second to read
DIRECTIVE = re.compile(r"^%", re.MULTILINE)
LONGEST_SHOWN = 80  # characters of a value in a message


@dataclass
class Node:
    """A value and where it was written. value: dict of text → Node, list of Node, or text, number, truth value, None.

    where : "file.yaml:7", "--set", or "" for data that was not read; raw: the text of a scalar as it stands in the file
    """

    value: Any
    where: str = ""
    raw: str | None = None

    @classmethod
    def of(cls, data: Any, where: str = "") -> Node:
        """The node of plain data. Raises InputError for what a scenario cannot hold."""
        if isinstance(data, Node):
            return data
        if isinstance(data, BaseModel):
            return cls.of(data.model_dump(mode="json"), where)
        if isinstance(data, dict):
            return cls({str(key): cls.of(value, where) for key, value in data.items()}, where)
        if isinstance(data, list | tuple | np.ndarray):
            return cls([cls.of(value, where) for value in data], where)
        value = data.item() if isinstance(data, np.generic) else str(data) if isinstance(data, Path) else data
        if not (value is None or isinstance(value, str | int | float)):
            raise InputError(f"a scenario cannot hold {type(data).__name__} {shown(str(data))}")
        return cls(value, where)

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: Iterable[str | int]) -> Node:
        """The node at a path, or the last one on the way to it that exists."""
        node = self
        for part in path:
            inside = node.value
            if part not in (inside if isinstance(inside, dict) else range(len(inside)) if isinstance(inside, list) else ()):
                break
            node = inside[part]
        return node

    def leaves(self, path: tuple = ()) -> Iterable[tuple[tuple, Node]]:
        """(path, node) of every value that is not a mapping or a list."""
        inside = self.value
        if not isinstance(inside, dict | list):
            yield path, self
            return
        for part, node in inside.items() if isinstance(inside, dict) else enumerate(inside):
            yield from node.leaves((*path, part))


def shown(value: Any) -> str:
    """A value as it would be written in a file, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False) if not (isinstance(value, float) and not math.isfinite(value)) else f".{value}"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def dotted(path: Iterable[str | int]) -> str:
    """("shocks", 0, "size") → "shocks[0].size"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read(path: Path, label: str) -> Node:
    """The data of a file; label is its name in messages. Raises InputError with all mistakes of the text."""
    if not path.is_file():
        raise InputError(f"{label} {'is not a file' if path.exists() else 'does not exist'}")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"{label} is larger than {MOST_BYTES // 1024} KB")
    try:
        return parse(data.decode("utf-8-sig"), label)
    except UnicodeDecodeError as error:
        raise InputError(f"{label} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from error


def parse(text: str, label: str, numbered: bool = True, path: tuple = ()) -> Node:
    """The data of a text. numbered: say "label:line" rather than "label"; path: where the data belongs.

    Raises InputError: at once for what is refused as a whole, else with all mistakes of the text.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    def place(line: int) -> str:
        return f"{label}:{line + 1}" if numbered else label

    try:
        _refuse_hostile(text, place, YAML(typ="safe", pure=True).parse)
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        problems: list[str] = []
        node = _node(root, yaml.constructor.construct_object, place, problems, path) if root is not None else Node(None, place(0))
    except MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError(f"{place(line)} is not valid YAML: {reason}") from error
    except YAMLError as error:
        raise InputError(f"{label} is not valid YAML: {str(error).splitlines()[0]}") from error
    if problems:
        raise InputError(*problems)
    return node


def _refuse_hostile(text: str, place: Callable[[int], str], events: Callable) -> None:
    """Look at the events of a text, one by one, before anything is built from them. Raises InputError at the first that is refused."""
    directive = DIRECTIVE.search(text)
    if directive:
        raise InputError(f"{place(text.count(chr(10), 0, directive.start()))} directives (%…) are not allowed")
    level = values = 0
    for event in events(text):
        what = type(event).__name__
        line = place(event.start_mark.line)
        if what == "AliasEvent" or getattr(event, "anchor", None) is not None:
            raise InputError(f"{line} aliases and anchors (*{event.anchor}, &{event.anchor}) are not allowed")
        if getattr(event, "tag", None) is not None:
            raise InputError(f"{line} tags ({event.tag}) are not allowed")
        level += what in ("MappingStartEvent", "SequenceStartEvent")
        level -= what in ("MappingEndEvent", "SequenceEndEvent")
        values += what == "ScalarEvent"
        if level > MOST_LEVELS:
            raise InputError(f"{line} is nested deeper than {MOST_LEVELS} levels")
        if values > MOST_VALUES:
            raise InputError(f"{line} has more than {MOST_VALUES} values before it")


def _node(yaml_node, construct: Callable, place: Callable[[int], str], problems: list[str], path: tuple) -> Node:
    where = place(yaml_node.start_mark.line)
    if yaml_node.id == "mapping":
        entries: dict[str, Node] = {}
        for key_node, value_node in yaml_node.value:
            key, line = key_node.value, place(key_node.start_mark.line)
            if not isinstance(key, str):
                problems.append(f"{line} {dotted(path) or 'the file'}: a key must be text")
                continue
            if key in entries:
                problems.append(f"{line} {dotted((*path, key))} is there already, in {entries[key].where}")
                continue
            entries[key] = _node(value_node, construct, place, problems, (*path, key))
            entries[key].where = line
        return Node(entries, where)
    if yaml_node.id == "sequence":
        return Node([_node(item, construct, place, problems, (*path, i)) for i, item in enumerate(yaml_node.value)], where)
    return Node(_scalar(yaml_node, construct, where, problems, path), where, yaml_node.value)


def _scalar(yaml_node, construct: Callable, where: str, problems: list[str], path: tuple) -> Any:
    try:
        value = construct(yaml_node)
    except ValueError:  # a whole number of thousands of digits
        value = math.inf
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(f"{f'{where} {dotted(path)}'.rstrip()} = {shown(yaml_node.value)[1:-1]} is not a finite number")
    return value if value is None or isinstance(value, str | int | float) else yaml_node.value  # dates are text


def merge(base: Node, over: Node, problems: list[str], path: tuple = ()) -> Node:
    """`over` on top of `base`, both mappings; neither is changed. Keys that end in + or - work on lists, except inside `variants`."""
    entries = dict(base.value)
    for key, new in over.value.items():
        name, sign = (key[:-1], key[-1]) if key[-1:] in ("+", "-") and path[:1] != ("variants",) else (key, "")
        old, here = entries.get(name), (*path, name)
        if sign:
            changed = _change_list(old, new, sign, problems, here)
            if changed is not None:
                entries[name] = changed
            continue
        if isinstance(new.value, dict):
            below = old if old is not None and isinstance(old.value, dict) else Node({}, new.where)
            merged = merge(below, new, problems, here)
            entries[name] = Node(merged.value, new.where)
        else:
            entries[name] = new
    return Node(entries, over.where or base.where)


def _change_list(old: Node | None, new: Node, sign: str, problems: list[str], path: tuple) -> Node | None:
    """The list (or mapping) `old` with the items of `new` appended or taken away; None after a mistake."""
    key = f"{new.where} {dotted(path)}{sign}".lstrip()
    if not isinstance(new.value, list):
        problems.append(f"{key} = {shown(new.plain())} is not a list")
        return None
    inside = old.value if old is not None else []
    if sign == "+" and isinstance(inside, list):
        return Node([*inside, *new.value], new.where)
    unwanted = [item.plain() for item in new.value]
    present = list(inside) if isinstance(inside, dict) else [item.plain() for item in inside] if isinstance(inside, list) else []
    lost = [item for item in unwanted if item not in present]
    if sign == "+" or lost:
        problems.append(f"{key}: '{path[-1]}' is not a list" if sign == "+" else f"{key}: {shown(lost[0])} is not in '{path[-1]}'")
        return None
    if isinstance(inside, dict):
        return Node({name: node for name, node in inside.items() if name not in unwanted}, old.where)
    return Node([item for item in inside if item.plain() not in unwanted], old.where)
