"""One page about a results folder: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import terminal
from .options import JsonOption, app


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Results folder that `smbsim run` wrote.", show_default=False)],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the page goes; default DIR/report.html.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one page about a results folder, to pass on.

    Question, finding, figures, what is assumed, parameters with sources, money flows, how to rerun: one HTML file that needs no network.
    """
    import webbrowser

    from .. import report as reports

    with terminal.working("writing the page"):
        path = reports.write(folder, out)
    if as_json:
        terminal.write_json({"folder": str(folder), "report": str(path), "bytes": path.stat().st_size})
    else:
        terminal.out(str(path))
    if open_it and not webbrowser.open(path.resolve().as_uri()):
        terminal.note(f"no browser could be opened; the page is {path}")
