"""Which parameter matters: sensitivity."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    RUNS_FAILED,
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
)  # fmt: skip

OverOption = Annotated[
    list[str],
    typer.Option("--over", metavar="NAME[=LOW:HIGH]",
                 help="A parameter to move, over its declared range or from LOW to HIGH; LOW:HIGH:log spreads it by its logarithm."),
]  # fmt: skip


@app.command()
def sensitivity(
    file: File,
    over: OverOption,
    method: Annotated[
        str, typer.Option(metavar="morris|sobol", help="morris: a few runs say which matter; sobol: shares of the variance, many runs.")
    ] = "morris",
    outputs: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="What to look at: employment.end, exits.total, relative.output.min, depth, …; see below."),
    ] = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Variant to look at; default: the file as it stands.")] = None,
    to: Annotated[str, typer.Option(metavar="NAME", help="Variant that effects are measured against, under the same luck.")] = "baseline",
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="Trajectories (morris, default 10) or base sample (sobol, a power of 2, default 512).")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs at every point, with the same seeds at all of them.")] = 8,
    seed: SeedOption = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Weeks to record, instead of horizon.weeks.")] = None,
    years: Annotated[int, typer.Option(metavar="N", help="Years from which rows of the scorecard (fact.NAME) are taken.")] = 5,
    changes: SetOption = None,
    economy: EconomyOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_sensitivity/TIME-HASH.")] = None,
    jobs: JobsOption = "auto",
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs and how long; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say which parameters matter, and whether signs survive them.

    Every point is run with the same seeds; what the noise of the runs alone would give stands beside every index.

    Outputs: METRIC.mean, .min, .max, .total or .end (last half year) of the variant; effect.METRIC… is the difference from --to,
    relative.METRIC… the same as a share; depth, loss, recovery and others of its resilience; more_exits, unemployment_gap and others;
    fact.NAME a row of the scorecard. Names of metrics: smbsim list.

    Morris needs samples × (parameters + 1) points, Sobol samples × (parameters + 2); --dry-run says how long that takes.

    Example: smbsim sensitivity credit_crunch --over 'shocks[0].size' --over finance.loan_rate=0.02:0.1

    The results folder holds indices, swings, signs, points and runs as CSV, manifest.json and figures/.
    """
    from .. import scenario
    from ..analysis import points_folder, sensitivity_study, store
    from ..analysis.evaluations import Where
    from ..figures import sensitivity as figures

    parallel, weeks = at_a_time(jobs), [f"horizon.weeks={steps}"] if steps else []
    spec = scenario.load(file, [*(changes or ()), *weeks], economy)
    wanted = [name.strip() for name in outputs.split(",") if name.strip()] if outputs else ()
    asked = sensitivity_study.of(
        spec, over, method=method, outputs=wanted, variant=variant, to=to, years=years, samples=samples, runs=runs, seed=seed
    )
    if dry_run:
        with terminal.working("timing two runs"):
            expected = asked.estimate(parallel)
        terminal.write_json(expected) if as_json else estimate(expected, parallel)
        return
    name = Path(file).stem
    newest, default = (
        partial(find, sensitivity_study.KIND, name, asked.asked) for find in (points_folder.newest_folder, points_folder.default_folder)
    )
    folder = claimed(out, newest, default, resume, force)
    with terminal.progress("looking at what matters", "choosing points", "runs") as progress, resumable(folder, count=store.count):
        found = asked.run(name, folder, Where(parallel, executor_of(processes), scheduler), resume, progress)
    told = sensitivity_study.plain(found)
    tell(found, folder, partial(say, told), lambda: told, None if no_figures else figures.draw_all, as_json)
    say_failures(told["failed"], folder)


def estimate(expected: dict, jobs: int) -> None:
    """What --dry-run expects."""
    terminal.out(
        f"{printing.count(expected['points'], 'point')}, {printing.count(expected['runs'], 'run')}, about "
        f"{terminal.duration(expected['seconds'])} with {printing.count(jobs, 'run')} at a time"
    )


def say_failures(failed: int, folder: Path) -> None:
    """A line and RUNS_FAILED where runs failed."""
    if failed:
        terminal.note(f"{printing.count(failed, 'run')} failed; see {folder / 'runs.csv'}")
        raise typer.Exit(RUNS_FAILED)


def say(told: dict) -> None:
    """What was found: in words, then every index."""
    per_point = printing.count(told["runs_per_point"], "run")
    terminal.heading(
        f"{told['method']}: {len(told['parameters'])} parameters, {printing.count(told['points'], 'point')}, {per_point} at each"
    )
    for line in told["summary"]:
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")
    main = told["indices"][0]["index"]
    rows = [row for row in told["indices"] if row["index"] == main]
    for output in dict.fromkeys(row["output"] for row in rows):
        terminal.out()
        terminal.heading(f"{output}: {main}, 95 % interval, what luck alone would give")
        of = sorted(
            (row for row in rows if row["output"] == output), key=lambda row: -row["value"] if row["value"] == row["value"] else 1.0
        )
        cells = [(row["parameter"], *(terminal.readable(row[k]) for k in ("value", "low", "high", "noise")), row["verdict"]) for row in of]
        terminal.out(terminal.columns(cells, ("parameter", main, "low", "high", "noise", "verdict")))
