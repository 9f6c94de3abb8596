"""Everything that has a name: describe, list, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import JsonOption, app


@app.command()
def describe(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Mechanism, shock, metric, parameter, column, figure, …")] = None,
    as_json: JsonOption = False,
) -> None:
    """Describe anything that has a name.

    Equations, parameters with default, unit, bounds, source and tier, columns; without a name, what there is.
    """
    from .. import describe as descriptions

    if name is None:
        _lists(descriptions.groups(), as_json)
        terminal.note("`smbsim describe NAME` tells more; `smbsim list parameters` and `smbsim list columns` have the rest")
        return
    found = descriptions.find(name)
    if as_json:
        terminal.write_json([entry.plain() for entry in found])
        return
    for number, entry in enumerate(found):
        terminal.out() if number else None
        descriptions.show(entry)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="mechanisms, shocks, metrics, figures, parameters, …")] = None,
    as_json: JsonOption = False,
) -> None:
    """List everything that has a name.

    Mechanisms, shocks, metrics, figures, scenarios, economies, presets, rules; on request parameters and columns.
    """
    from .. import describe as descriptions

    _lists(descriptions.groups(kind), as_json)


def _lists(groups: dict, as_json: bool) -> None:
    if as_json:
        terminal.write_json({heading: {entry.name: entry.summary for entry in found} for heading, found in groups.items()})
    else:
        printing.lists(groups)


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write smbsim.schema.json into this folder, for editors.")] = False,
) -> None:
    """Print the JSON Schema of scenario files."""
    import json

    from .. import scenario

    text = json.dumps(scenario.schema(), indent=1, ensure_ascii=False)
    if not write:
        terminal.out(text)
        return
    Path("smbsim.schema.json").write_text(text + "\n", encoding="utf-8")
    terminal.out("smbsim.schema.json")
