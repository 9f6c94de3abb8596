"""Scenario files → merged data: where a file is, what it extends, where its paths lead, and overrides by dotted name.

Bare names (`extends: baseline`, `economy: us_2022`) are packaged ones; any other path in a file must stay under the folder of that file,
links followed (DECISIONS.md 26).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import economy as economies
from .scenario_text import Node, merge, parse, read, shown
from .schema import InputError, nearest

FILES = (("network", "firms"), ("network", "links"), ("network", "graphml"))
BARE_NAME = re.compile(r"[\w-]+")
INDEX = re.compile(r"\[(\d{1,6})\]")
MOST_EXTENDS = 20  # files in a chain


def packaged() -> dict[str, Path]:
    """Name → file of the scenarios that come with the package, or with a checkout."""
    here = Path(__file__).parent
    folder = next((f for f in (here / "scenarios", here.parent / "scenarios") if f.is_dir()), here)
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(source: str | Path) -> tuple[Path, str]:
    """File and its name in messages; a bare name is a packaged scenario."""
    name = str(source)
    if isinstance(source, str) and BARE_NAME.fullmatch(name) and not Path(name).is_file():
        known = packaged()
        if name not in known:
            raise InputError(f"there is no packaged scenario '{name}'.{nearest(name, known)}")
        return known[name], known[name].name
    return Path(name), name


def gather_data(data: Mapping[str, Any], problems: list[str]) -> Node:
    """Plain data; it may extend a packaged scenario, and its paths are taken as they are."""
    root = Node.of(dict(data))
    parent = root.value.pop("extends", None)
    return merge(Node({}) if parent is None else gather(*find(str(parent.value)), (), problems), root, problems)


def gather(path: Path, label: str, children: tuple[Path, ...], problems: list[str]) -> Node:
    """The data of a file on top of what it extends. children: the files that led here."""
    path = path.resolve()
    root = read(path, label)
    if not isinstance(root.value, dict):
        raise InputError(f"{root.where} {shown(root.plain())} is not a scenario: sections of key: value are expected")
    _locate(root, path.parent, problems)
    parent = root.value.pop("extends", None)
    base = Node({}) if parent is None else _base(parent, path, Path(label).parent, children, problems)
    return merge(base, root, problems)


def _base(parent: Node, path: Path, label: Path, children: tuple[Path, ...], problems: list[str]) -> Node:
    """The data of the file that `extends` names; nothing, and a problem, where it leads nowhere or round in a circle."""
    found = _parent(parent, path.parent, label, problems)
    if found is None:
        return Node({})
    if found[0] in (*children, path):
        problems.append(f"{parent.where} extends = {shown(parent.value)} leads back to a file that extends it")
    elif len(children) >= MOST_EXTENDS:
        problems.append(f"{parent.where} extends = {shown(parent.value)}: more than {MOST_EXTENDS} files in a chain")
    else:
        try:
            return gather(*found, (*children, path), problems)
        except InputError as error:
            problems += error.lines
    return Node({})


def _parent(node: Node, folder: Path, label: Path, problems: list[str]) -> tuple[Path, str] | None:
    """File and label of what `extends` names."""
    name = node.value
    if isinstance(name, str) and BARE_NAME.fullmatch(name):
        known = packaged()
        if name in known:
            return known[name].resolve(), known[name].name
        problems.append(f"{node.where} extends = {shown(node.plain())} is not a packaged scenario.{nearest(name, known)}")
        return None
    found = _inside(node, "extends", folder, problems)
    return (found, str(label / name)) if found else None


def _locate(root: Node, folder: Path, problems: list[str]) -> None:
    """Replace the paths in a file, variants included, by where they lead; what is not there or outside the folder is a problem."""
    variants = root.at(("variants",)).value if "variants" in root.value else {}
    for part in (root, *(variants.values() if isinstance(variants, dict) else ())):
        if not isinstance(part.value, dict):
            continue
        node = part.value.get("economy")
        if node is not None and node.value not in economies.available():
            node.value = str(_inside(node, "economy", folder, problems, is_folder=True) or node.value)
        for section, key in FILES:
            node = part.at((section, key))
            if section in part.value and node is not part.value[section] and isinstance(node.value, str):
                node.value = str(_inside(node, f"{section}.{key}", folder, problems) or node.value)


def _inside(node: Node, name: str, folder: Path, problems: list[str], is_folder: bool = False) -> Path | None:
    """Where a path in a file leads, links followed. None, and a problem, if it is not there or outside the folder of the file."""
    what = f"{node.where} {name} = {shown(node.plain())}"
    if not isinstance(node.value, str):
        problems.append(f"{what} is not text")
        return None
    try:
        path = (folder / node.value).resolve()
        there = path.is_dir() if is_folder else path.is_file()
    except (OSError, RuntimeError, ValueError):  # name too long, links in a circle, a zero byte
        path, there = folder, False
    if Path(node.value).is_absolute() or not path.is_relative_to(folder):
        problems.append(f"{what} is outside the folder of the file")
        return None
    if not there:
        hint = f"neither a packaged economy nor a folder.{nearest(node.value, economies.available())}" if is_folder else "not a file"
        problems.append(f"{what} is {hint}")
        return None
    return path


def apply_overrides(root: Node, assignments: Iterable[str], problems: list[str]) -> None:
    """Set "section.key=value" for each of the texts; values are read as in a file."""
    for text in assignments:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not (equals and name):
            problems.append(f"--set {text}: write section.key=value")
            continue
        try:
            put(root, name, parse(value, "--set", numbered=False, path=(name,)), problems, "--set")
        except InputError as error:
            problems += error.lines


def put(root: Node, name: str, value: Node, problems: list[str], where: str = "") -> None:
    """Merge a value in at a dotted name: "orders.stock_adjustment", "shocks[0].size", "shocks+"."""
    parts = INDEX.sub(r".\1", name).split(".")
    holder = root
    for depth, part in enumerate(parts):
        inside = holder.value
        if isinstance(inside, list) and part.isdecimal() and int(part) < len(inside):
            part = int(part)
        elif not isinstance(inside, dict) or part.isdecimal() or any(p.isdecimal() for p in parts[depth + 1 :] if part not in inside):
            problems.append(f"{where} {name}: there is no such place".lstrip())
            return
        if depth < len(parts) - 1:
            holder = inside.setdefault(part, Node({}, where)) if isinstance(inside, dict) else inside[part]
    if isinstance(inside, dict):
        holder.value = merge(holder, Node({part: value}, where), problems, tuple(parts[:-1])).value
    else:
        inside[part] = value
