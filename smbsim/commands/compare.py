"""Variants, scenarios or results beside each other, run by run: compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    RUNS_FAILED,
    EconomyOption,
    JobsOption,
    JsonOption,
    NoFiguresOption,
    SeedOption,
    SetOption,
    app,
    at_a_time,
    resumable,
    tell,
)  # fmt: skip


@app.command()
def compare(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE…|DIR…", help="Scenario files or names, or results folders; both together too.", show_default=False),
    ],
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs of each file; default: the file's.")] = None,
    seed: SeedOption = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    to: Annotated[str | None, typer.Option("--to", metavar="VARIANT", help="Compare all with this; default: each with its own.")] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Indicator; may be given several times; default: all.")
    ] = None,
    weeks: Annotated[str | None, typer.Option(metavar="A:B", help="First and last week that count; default: all.")] = None,
    level: Annotated[float, typer.Option(metavar="P", help="Of the intervals.")] = 0.95,
    precision: Annotated[float, typer.Option(metavar="P", help="Half-width wanted, as a share of the effect.")] = 0.25,
    jobs: JobsOption = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the comparison; default results/NAME_compare/TIME.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a folder.")] = False,
    no_figures: NoFiguresOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare variants, scenarios or results, run by run.

    Paired differences with intervals, conflicts of signs, cost per effect, and how many runs would be needed. Files are run first, into
    results/NAME/TIME-HASH; runs that are there already are taken from it.

    The folder of the comparison holds comparison.csv, comparison.json and figures/.
    """
    import datetime as dt

    from .. import scenario
    from ..analysis import compare as comparing
    from ..analysis import ensemble
    from ..figures import compare as figures
    from ..result import load

    shown, parallel = week_range(weeks), at_a_time(jobs)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [Path(source).stem if not Path(source).is_dir() else Path(source).resolve().name for source in sources]
    folder = out or Path("results") / f"{names[0]}_compare" / stamp
    ensemble.claim(folder, force=force)
    specs = {source: scenario.load(source, changes or (), economy) for source in sources if not Path(source).is_dir()}
    found = {}
    for source, name in zip(sources, names, strict=True):
        one = run_or_resume(specs[source], name, runs, seed, parallel) if source in specs else load(source)
        label = one.name or name
        found[label if label not in found else f"{label} ({name})"] = one
    with terminal.working("comparing"):
        result = comparing.side_by_side(found)
        comparison = comparing.differences(result, to=to, metrics=metrics, weeks=shown, level=level, precision=precision)
    written = comparison.write(folder)
    tell(
        comparison, folder, say=lambda: printing.comparison(comparison.plain()),
        plain=lambda: {"files": [str(path) for path in written], **comparison.plain()},
        draw=None if no_figures else figures.draw_all, as_json=as_json,
    )  # fmt: skip


def week_range(text: str | None) -> tuple[int, int] | None:
    from ..schema import InputError

    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
        raise InputError(f"--weeks = {text} is not A:B, two weeks")
    return int(first), int(last)


def run_or_resume(spec, name: str, runs: int | None, seed: int | None, jobs: int):
    """The runs of a scenario; those that an earlier command has finished with the same code are not made again."""
    from ..analysis import ensemble

    folder = ensemble.newest_folder(spec, name) or ensemble.default_folder(spec, name)
    total = runs or spec.runs.replicates
    with terminal.progress(f"{name}: {printing.count(total, 'run')}", "building the economy", "weeks") as progress, resumable(folder):
        try:
            return ensemble.run(spec, runs=runs, seed=seed, out=folder, jobs=jobs, resume=folder.is_dir(), progress=progress)
        except ensemble.AllRunsFailed as error:
            terminal.note(f"{error}; see {folder / 'runs.csv'}")
            raise typer.Exit(RUNS_FAILED) from None
