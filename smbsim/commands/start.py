"""Before the first run: new, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import NOT_VERIFIED, JsonOption, app


@app.command()
def new(name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, _ and -.", show_default=False)]) -> None:
    """Write a scenario and a notebook to start from.

    NAME.yaml has every parameter as a comment; NAME.ipynb runs it. Nothing is overwritten.
    """
    from .. import starters

    for path in starters.write(name, Path(".")):
        terminal.out(str(path))
    terminal.note(f"next: smbsim check {name}.yaml, then smbsim run {name}.yaml")


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look at this machine and test the installation.

    Versions, cores, memory, kernel cache, disk; and a tiny economy at rest that must stay at rest. Exit code 4 if it moves.
    """
    with terminal.working("a test; the first time kernels are compiled, which takes about a minute"):
        from .. import checks

        found = checks.doctor(Path("."))
    if as_json:
        terminal.write_json(found)
    else:
        printing.health(found)
    if not found["rests"]:
        terminal.note(f"the resting economy moved by {found['movement_at_rest']:.1e}: the installation computes wrong numbers")
        raise typer.Exit(NOT_VERIFIED)
    if not found["cache_writable"]:
        terminal.warn(f"{found['cache_folder']} cannot be written: kernels are compiled anew in every process; set NUMBA_CACHE_DIR")
