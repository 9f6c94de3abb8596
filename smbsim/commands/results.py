"""What a results folder holds, whether it is whole, and the same run again: show, verify, rerun."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import NOT_VERIFIED, Folder, JsonOption, app, drawn, say_figures


@app.command()
def show(
    folder: Folder,
    figures: Annotated[bool, typer.Option("--figures", help="Draw the figures anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the numbers of a results folder.

    What happened in words, resilience, firms, people and policies by variant with bands over the runs, every metric in brief, the figures.
    """
    from .. import checks, numbers, result
    from ..analysis import response, risk_folder, tipping_folder
    from ..figures import draw_all

    manifest = checks.read_manifest(folder)
    if others := {risk_folder.KIND: _show_risk, response.KIND: _show_sweep, tipping_folder.KIND: _show_tipping}.get(manifest.get("kind")):
        others(folder, manifest, figures, as_json)
        return
    found = result.load(folder)
    told = numbers.of(found)
    there = sorted((folder / "figures").glob("*.*"), key=lambda path: (path.stem, path.suffix != ".svg"))
    paths = drawn(draw_all, found, folder) if figures else there
    if as_json:
        files = [str(path) for path in paths]
        terminal.write_json({"folder": str(folder), "figures": files, "failed": found.manifest.get("failed"), **told})
        return
    printing.summary(found)
    printing.numbers(told)
    if paths:
        terminal.out()
        terminal.heading("figures")
        say_figures(paths, folder)


def _show_risk(folder: Path, manifest: dict, figures: bool, as_json: bool) -> None:
    from ..analysis import risk_table

    told = risk_table.load(folder).plain()
    if as_json:
        terminal.write_json({"folder": str(folder), **told})
        return
    printing.risk(told)
    for line in told["notes"]:
        terminal.note(line)


def _show_sweep(folder: Path, manifest: dict, figures: bool, as_json: bool) -> None:
    from ..analysis import response
    from ..figures import sweep as drawing
    from .sweep import say

    found = response.load(folder)
    paths = drawn(drawing.draw_all, found, folder) if figures else sorted((folder / "figures").glob("*.*"))
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in paths], **found.plain()})
        return
    say(found)
    if paths:
        terminal.out()
        terminal.heading("figures")
        say_figures(paths, folder)


def _show_tipping(folder: Path, manifest: dict, figures: bool, as_json: bool) -> None:
    from ..analysis import tipping_checks
    from ..figures import tipping

    paths = drawn(tipping.draw_all, tipping_checks.load(folder, manifest), folder) if figures else sorted((folder / "figures").glob("*.*"))
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in paths], **manifest["found"]})
        return
    printing.tipping(manifest["found"], manifest["asked"]["param"])
    if paths:
        terminal.out()
        terminal.heading("figures")
        say_figures(paths, folder)


@app.command()
def verify(folder: Folder, as_json: JsonOption = False) -> None:
    """Verify that a results folder is whole.

    Files are as they were written, money and goods add up, all runs are there, provenance is complete. Exit code 4 if not.
    """
    from .. import checks

    found = checks.verify(folder)
    if as_json:
        terminal.write_json({what: {"ok": not wrong, "wrong": wrong} for what, wrong in found})
    for what, wrong in found:
        terminal.out(f"{'FAILED' if wrong else 'ok':8}{what}") if not as_json else None
        for line in wrong:
            terminal.note(f"{folder}: {line}")
    if any(wrong for _, wrong in found):
        raise typer.Exit(NOT_VERIFIED)


@app.command()
def rerun(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the new results here; otherwise they are only compared.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a results folder again and compare bit by bit.

    The same scenario with the same seeds. Exit code 4 if a file differs; what changed since is said first.
    """
    import tempfile

    from .. import checks
    from ..analysis import ensemble, risk_folder

    changed = checks.changes_since(folder)
    unit = "closures" if checks.read_manifest(folder).get("kind") == risk_folder.KIND else "weeks"
    for line in changed:
        terminal.warn(f"{folder}: {line}")
    ensemble.claim(out) if out else None
    with tempfile.TemporaryDirectory() as temporary, terminal.progress("again", "building the economy", unit) as progress:
        found = checks.rerun(folder, out or Path(temporary), progress)
    if as_json:
        terminal.write_json({"changed": changed, "files": found})
    else:
        terminal.out(terminal.columns(found.items(), indent=""))
    if checks.DIFFERENT in found.values():
        raise typer.Exit(NOT_VERIFIED)
