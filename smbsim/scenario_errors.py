"""What a scenario model refuses, told in one line per mistake: where, what, the value, what is allowed, the nearest valid name.

An error of pydantic says which field is wrong (`loc`) and how (`type`); the line comes from the `Node` at that place, bounds, unit and
choices from the declaration of the field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .scenario_text import Node, dotted, shown
from .schema import nearest

EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of this size",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a section (key: value)",
    "model_type": "a section (key: value)",
}
UNITLESS = ("1", "choice", "switch")


def explain(error: dict, root: Node, model: type[BaseModel], more_keys: tuple[str, ...] = ()) -> str:
    """One line for one error of pydantic: where, what, the value, what is allowed. more_keys: valid at the top besides the fields."""
    path, field, options = _follow(model, error["loc"])
    kind, context, name = error["type"], error.get("ctx", {}), dotted(path)
    if kind.startswith("union_tag"):
        return _explain_kind(error, root, path, options)
    value = error["input"]
    node = root.at(path)
    assignment = f"{name} = {shown(value)}"
    if kind == "extra_forbidden":
        owner = _follow(model, error["loc"][:-1])[2] if path[:-1] else [model]
        valid = [key for option in owner for key in option.model_fields] + list(more_keys if not path[:-1] else ())
        section = f"{dotted(path[:-1])}: " if path[:-1] else ""
        line = f"{section}unknown key '{path[-1]}'.{nearest(str(path[-1]), valid)}"
    elif kind == "missing":
        line = f"{dotted(path[:-1])}: '{path[-1]}' is missing"
    elif kind in ("greater_than_equal", "less_than_equal"):
        line = f"{assignment} is outside {_range(field, context)}"
    elif kind == "literal_error":
        valid = [choice if isinstance(choice, str) else shown(choice) for choice in _choices(field.annotation)]
        line = f"{assignment} is not valid.{nearest(str(value), valid)}"
    elif kind in EXPECTED:
        bounds = _range(field, context) if EXPECTED[kind].endswith("number") else ""
        hint = f"; allowed: {bounds}" if bounds else ""
        if kind == "string_type" and type(value) in (int, float):
            hint = f"; write {shown(node.raw or str(value))}"
        line = f"{assignment} is not {EXPECTED[kind]}{hint}"
    else:
        reason = str(context["error"]) if kind == "value_error" else error["msg"]
        line = f"{name}: {reason}" if name else reason
    return f"{node.where} {line}".lstrip()


def _explain_kind(error: dict, root: Node, path: tuple, options: list[type[BaseModel]]) -> str:
    valid = [kind for option in options for kind in _choices(option.model_fields["kind"].annotation)]
    if error["type"] == "union_tag_not_found":
        return f"{root.at(path).where} {dotted(path)}: 'kind' is missing.{nearest('', valid)}".lstrip()
    path, kind = (*path, "kind"), error["ctx"]["tag"]
    return f"{root.at(path).where} {dotted(path)} = {shown(kind)} is not valid.{nearest(kind, valid)}".lstrip()


def _follow(model: type[BaseModel], loc: Iterable[str | int]) -> tuple[tuple, FieldInfo | None, list[type[BaseModel]]]:
    """The path of an error without the tags of unions, the last field on it, and the models that can stand there."""
    path, field, options = [], None, [model]
    for part in loc:
        if isinstance(part, str) and len(options) > 1:
            options = [option for option in options if part in _choices(option.model_fields["kind"].annotation)]
            continue
        path.append(part)
        if isinstance(part, str):
            field = options[0].model_fields.get(part) if options else None
            options = _models(field.annotation) if field else []
    return tuple(path), field, options


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _choices(annotation: Any) -> list:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _range(field: FieldInfo | None, context: dict) -> str:
    """ "[0, 1] 1/wk": what a number may be, from the declaration of the field or the bound that was broken; "" if nothing is known."""
    low, high = context.get("ge"), context.get("le")
    for bound in (*field.metadata, *_bounds(field.annotation)) if field else ():
        low, high = getattr(bound, "ge", low), getattr(bound, "le", high)
    if low is None and high is None:
        return ""
    unit = (field.json_schema_extra or {}).get("unit", "") if field else ""
    interval = f"{'(-inf' if low is None else f'[{low:g}'}, {'inf)' if high is None else f'{high:g}]'}"
    return interval if unit in UNITLESS else f"{interval} {unit}".rstrip()


def _bounds(annotation: Any) -> list:
    """The bounds declared inside a list of numbers."""
    inner = [bound for extra in getattr(annotation, "__metadata__", ()) for bound in getattr(extra, "metadata", ())]
    return inner + [bound for part in get_args(annotation) for bound in _bounds(part)]
