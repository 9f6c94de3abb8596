"""Fit a few parameters to targets: calibrate."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import terminal
from .options import (
    EconomyOption,
    File,
    ForceOption,
    JobsOption,
    JsonOption,
    NoFiguresOption,
    ProcessesOption,
    ResumeOption,
    SchedulerOption,
    SeedOption,
    SetOption,
    app,
    at_a_time,
    claimed,
    executor_of,
    resumable,
    tell,
)
from .sensitivity import OverOption, estimate, say_failures


@app.command()
def calibrate(
    file: File,
    over: OverOption,
    target: Annotated[
        list[str],
        typer.Option(metavar="NAME=VALUE±TOLERANCE", help="A moment to meet, such as unemployment.mean=0.05±0.01 (or +-). Several times."),
    ],
    waves: Annotated[int, typer.Option(metavar="N", help="Rounds of ruling out, at most.")] = 4,
    points: Annotated[int | None, typer.Option(metavar="N", help="Points of a wave; default 10 per parameter.")] = None,
    runs: Annotated[int, typer.Option(metavar="N", help="Runs at every point, with the same seeds at all of them.")] = 4,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Variant to look at; default: the file as it stands.")] = None,
    to: Annotated[str, typer.Option(metavar="NAME", help="Variant that effects are measured against, under the same luck.")] = "baseline",
    seed: SeedOption = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Weeks to record, instead of horizon.weeks.")] = None,
    years: Annotated[int, typer.Option(metavar="N", help="Years from which rows of the scorecard (fact.NAME) are taken.")] = 5,
    changes: SetOption = None,
    economy: EconomyOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_calibration/TIME-HASH.")] = None,
    jobs: JobsOption = "auto",
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs and how long; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit a few parameters to targets, and say what stays open.

    History matching: in waves, values that cannot meet the targets are ruled out; the noise of the runs, what the emulator does not
    know and the tolerances all count against ruling out. What is left is a region, not a point; flat directions are combinations of
    parameters that no target pins down.

    The tolerance is the farthest a moment may be and still count as met. Moments are the outputs of smbsim sensitivity: unemployment.mean,
    exits.total, relative.output.min, …; fact.NAME alone takes target and tolerance of the scorecard's row.

    Example: smbsim calibrate baseline --set model=work --over labour.hiring_speed=0.05:0.5 --target fact.hires_rate

    The results folder holds best.yaml (a scenario), points, moments, directions and what remains as CSV, manifest.json and figures/.
    """
    from .. import scenario
    from ..analysis import calibration_study, points_folder, store
    from ..analysis.evaluations import Where
    from ..figures import calibration as figures

    parallel, weeks = at_a_time(jobs), [f"horizon.weeks={steps}"] if steps else []
    spec = scenario.load(file, [*(changes or ()), *weeks], economy)
    asked = calibration_study.of(
        spec, over, target, variant=variant, to=to, years=years, waves=waves, points=points, runs=runs, seed=seed
    )  # fmt: skip
    if dry_run:
        with terminal.working("timing two runs"):
            expected = asked.estimate(parallel)
        terminal.write_json(expected) if as_json else estimate(expected, parallel)
        return
    name, finders = Path(file).stem, (points_folder.newest_folder, points_folder.default_folder)
    folder = claimed(out, *(partial(find, calibration_study.KIND, name, asked.asked) for find in finders), resume, force)
    with terminal.progress("ruling out what does not fit", "choosing points", "runs") as progress, resumable(folder, count=store.count):
        found = asked.run(name, folder, Where(parallel, executor_of(processes), scheduler), resume, progress)
    told = calibration_study.plain(found)
    tell(found, folder, partial(say, told), lambda: told, None if no_figures else figures.draw_all, as_json)
    say_failures(told["failed"], folder)


def say(told: dict) -> None:
    """What was found: in words, then what is left of every parameter."""
    for line in told["summary"]:
        terminal.out(terminal.wrap(line) if sys.stdout.isatty() else line)
    terminal.out()
    terminal.heading("parameters: best, 5 to 95 % of what is left, what was allowed")
    rows = [
        (p["name"], terminal.readable(told["best"][p["name"]]), *(terminal.readable(x) for x in told["remaining"][p["name"]]),
         terminal.readable(p["low"]), terminal.readable(p["high"]), p["unit"]) for p in told["parameters"]
    ]  # fmt: skip
    terminal.out(terminal.columns(rows, ("parameter", "best", "left from", "to", "allowed from", "to", "unit")))
