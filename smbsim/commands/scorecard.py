"""The model beside the stylised facts of small firms: scorecard."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    RUNS_FAILED,
    EconomyOption,
    ForceOption,
    JobsOption,
    JsonOption,
    NoFiguresOption,
    ResumeOption,
    SeedOption,
    SetOption,
    app,
    at_a_time,
    claimed,
    resumable,
    tell,
)  # fmt: skip


@app.command()
def scorecard(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Scenario file, or packaged name; default: firm life.")] = None,
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs with different random numbers.")] = 32,
    years: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Years after the burn-in of the scenario.")] = 10,
    smbs: Annotated[int | None, typer.Option(min=1, metavar="N", help="SMBs of each run; default: the file's.")] = None,
    seed: SeedOption = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    jobs: JobsOption = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_scorecard/TIME-HASH.")] = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the model with the stylised facts of small firms.

    Exits, entry, growth, jobs, cash, credit, work and cycles of many runs without interventions, each with target, tolerance and verdict.

    The results folder holds scorecard.csv, regression.csv, measures.nc, the panels in parts/, manifest.json and figures/.
    """
    from .. import scenario
    from ..analysis import scorecard as cards
    from ..analysis.ensemble import AllRunsFailed
    from ..figures import scorecard as figures

    more = [*(changes or ()), *([f"population.smbs={smbs}"] if smbs else [])]
    spec = scenario.load(file or cards.LIFE, more, economy)
    name, parallel = Path(file).stem if file else "life", at_a_time(jobs)
    asked = cards.asked(spec, runs, seed, years)
    folder = claimed(out, partial(cards.newest_folder, name, asked), partial(cards.default_folder, name, asked), resume, force)
    with (
        terminal.progress(f"{printing.count(runs, 'run')} of {years} years", "building the economy", "weeks") as progress,
        resumable(folder),
    ):
        try:
            card = cards.compute(spec, runs=runs, seed=seed, years=years, out=folder, jobs=parallel, resume=resume, progress=progress)
        except AllRunsFailed as error:
            terminal.note(str(error))
            raise typer.Exit(RUNS_FAILED) from None
    tell(card, folder, lambda: printing.scorecard(card.plain()), card.plain, None if no_figures else figures.draw_card, as_json)
    if card.manifest["failed"]:
        terminal.note(f"{len(card.manifest['failed'])} of {runs} runs failed; see {folder / 'manifest.json'}")
        raise typer.Exit(RUNS_FAILED)
