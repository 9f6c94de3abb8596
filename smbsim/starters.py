"""A scenario file and a notebook to start from: `smbsim new`. Every parameter stands in the file as a comment, from its declaration."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

from . import describe
from .scenario import MECHANISMS, Scenario
from .scenario_files import packaged
from .schema import InputError

NAME = re.compile(r"\w[\w-]*")
WIDTH, MARGIN = 120, 40  # of a line in the file, and where its comment begins
MODEL = "# model: "
ECONOMY_SECTIONS = ("population", "reconstruct", "horizon", "runs", "output")

HEAD = """\
# Run it:      smbsim run {name}.yaml --runs 8
# Check it:    smbsim check {name}.yaml
# Look up:     smbsim list, smbsim describe demand, smbsim describe us_2022 (its sectors)
# An editor that knows JSON Schema helps with every key after: smbsim schema --write
# yaml-language-server: $schema=./smbsim.schema.json
name: {title}
description: >-
  Which question does this file answer? Here: what does half a year in which micro and small businesses lose a tenth of their final
  demand do to the whole economy, and does it matter whether the money is saved or spent elsewhere?
sources:
  - "Where do the numbers come from? Here: an illustration (assumption)"
extends: baseline                 # a packaged scenario, or a file in this folder
horizon: {{weeks: 104, burn_in: 52}}
runs: {{replicates: 4, seed: 1}}

# What happens. Week 0 is the first after the burn-in; a target may name sector, size, region, firms, kind, share, largest: all must hold.
shocks:
  - {{kind: demand, target: {{size: [micro, small]}}, start: 13, stop: 39, size: 0.1}}

# What else to compare, each beside the same baseline. `shocks` replaces the list above, `shocks+` adds to it.
variants:
  spent_elsewhere:
    shocks: [{{kind: preference, target: {{size: [micro, small]}}, start: 13, stop: 39, size: 0.1}}]
  # longer:
  #   shocks+: [{{kind: labour, start: 13, stop: 65, size: 0.02, profile: ramp, recovery: 8}}]

# Everything below is as it would be without it: take away "# " to change a value.
"""

CELLS = (
    ("markdown", "# {title}\n\nWhich question does this notebook answer?"),
    ("code", "import smbsim as ss\n\nbase = ss.load(\"{name}.yaml\")\nresult = ss.run(base, runs=4)\nresult"),
    ("markdown", "Every variant beside its paired baseline: the same firms, the same random numbers."),
    ("code", "print(result.summary())"),
    ("code", "result.plot(\"real_value_added\");"),
    ("markdown", "Another question: a shock on top. Nothing is changed in place, `with_` makes a new scenario."),
    ("code", "harder = base.with_(ss.LabourShock(start=13, stop=39, size=0.05), population={{\"smbs\": 500}})\n"
             "print(ss.run(harder, runs=2).summary())"),
    ("markdown", "The numbers themselves, as an xarray.Dataset with units: `result.data`."),
    ("code", "result.data[\"output\"].median(\"run\")"),
)  # fmt: skip


def write(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.yaml and NAME.ipynb into a folder. Raises InputError for a name that cannot be one and for files that are there."""
    name = name.removesuffix(".yaml")
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}' cannot be the name of a scenario: letters, digits, _ and - only")
    if name in packaged():
        raise InputError(f"'{name}' is the name of a packaged scenario; choose another")
    files = folder / f"{name}.yaml", folder / f"{name}.ipynb"
    there = [str(path) for path in files if path.exists()]
    if there:
        raise InputError(*(f"{path} is there already; it is not overwritten" for path in there))
    for path, text in zip(files, (scenario_text(name), notebook_text(name)), strict=True):
        path.write_text(text, encoding="utf-8")
    return files


def scenario_text(name: str) -> str:
    """The scenario file."""
    sections = [(key, describe.SECTIONS[key]) for key in ECONOMY_SECTIONS if key not in ("horizon", "runs")]
    sections += [(mechanism.name, mechanism) for mechanism in MECHANISMS]
    text = HEAD.format(name=name, title=_title(name))
    text += f"\n{'# economy: us_2022':<{MARGIN}}# or a folder of tables beside this file\n{MODEL}{_models()}\n"
    for key, model in sections:
        parameters = describe.declared(model)
        if parameters:
            text += f"\n# {key}:\n" + "".join(_commented(p) for p in parameters)
    return text


def _commented(parameter: dict[str, str]) -> str:
    unit = "" if parameter["unit"] in describe.UNITLESS else f" {parameter['unit']}"
    bounds = f" · {(parameter['allowed'].strip('–') + unit).strip()}".rstrip(" ·")
    start, further = f"#   {parameter['name']}: {parameter['default']}", "#"
    about = textwrap.wrap(f"{parameter['meaning']}{bounds}", WIDTH - MARGIN)
    return "".join(f"{a:<{MARGIN}}# {text}\n" for a, text in zip([start, *[further] * len(about)], about, strict=False))


def _models() -> str:
    names = [entry.name for entry in describe.entries() if entry.kind == "model"]
    return f"{Scenario.model_fields['model'].default:<{MARGIN - len(MODEL)}}# {' | '.join(names)}"


def notebook_text(name: str) -> str:
    """The notebook."""
    cells = []
    for number, (kind, text) in enumerate(CELLS):
        source = text.format(name=name, title=_title(name)).splitlines(keepends=True)
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        cells.append(cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []})
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def _title(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
