"""How outcomes respond to parameters: sweep."""

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
    ReuseOption,
    SchedulerOption,
    SeedOption,
    SetOption,
    ShardOption,
    TimeLimitOption,
    app,
    at_a_time,
    claimed,
    executor_of,
    resumable,
    shard_of,
    tell,
)  # fmt: skip


@app.command()
def sweep(
    file: File,
    over: Annotated[
        list[str],
        typer.Option("--over", metavar="NAME=VALUES", help="A:B:N (N values from A to B; :log at the end) or X,Y,Z; in a sample A:B."),
    ],
    design: Annotated[
        str, typer.Option(metavar="KIND", help="factorial: all combinations; lhs, sobol: samples of the ranges.")
    ] = "factorial",
    points: Annotated[int | None, typer.Option(min=1, metavar="N", help="Points of a sample; default 64.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs at every point, the same seeds; default: the file's.")] = None,
    seed: SeedOption = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Weeks to record, instead of horizon.weeks.")] = None,
    weeks: Annotated[str | None, typer.Option(metavar="A:B", help="First and last week that count in the outcomes; default: all.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_sweep/TIME-HASH.")] = None,
    jobs: JobsOption = "auto",
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    shard: ShardOption = None,
    time_limit: TimeLimitOption = None,
    resume: ResumeOption = False,
    reuse: ReuseOption = None,
    force: ForceOption = False,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Do not run the paired baseline.")] = False,
    no_figures: NoFiguresOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many points, runs and how long; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario at many values of its parameters.

    Every point beside its paired baseline, with the same seeds at all of them. What was stopped goes on with --resume; a run that fails is
    a row of runs.csv, and the others go on.

    Example: smbsim sweep demand_shock --over shocks[0].size=0.1:0.5:5 --over orders.stock_adjustment=0.05,0.1,0.2 --runs 8

    The results folder holds design.csv, summary.csv (outcomes by point), flows.csv, ensemble.nc, runs.csv, manifest.json and figures/.
    """
    from .. import scenario
    from ..analysis import ensemble, response, store
    from ..figures import sweep as figures
    from .compare import week_range

    parallel, part, length = at_a_time(jobs), shard_of(shard), [f"horizon.weeks={steps}"] if steps else []
    spec = scenario.load(file, [*(changes or ()), *length], economy)
    question = {
        "scenario": spec, "over": over, "kind": design, "points": points, "runs": runs, "seed": seed, "weeks": week_range(weeks),
        "baseline": not no_baseline,
    }  # fmt: skip
    study, made, counted = response.plan(**question)
    if dry_run:
        _estimate(spec, study, made, parallel, not no_baseline, as_json)
        return
    name, mark = Path(file).stem, response.hash8(study, made, counted)
    going_on = resume or shard is not None
    folder = claimed(out, partial(response.newest_folder, name, mark), partial(response.default_folder, name, mark), going_on, force)
    if going_on:
        response.check_same(study, made, folder)
    total = f"{printing.count(len(made.points), 'point')} × {printing.count(len(study.seeds), 'run')}"
    with terminal.progress(total, "building the economy", "weeks") as progress, resumable(folder, count=store.count):
        try:
            found = response.sweep(
                **question, out=folder, jobs=parallel, executor=executor_of(processes), scheduler=scheduler, shard=part,
                reuse=reuse or (), resume=resume, time_limit=time_limit, progress=progress,
            )  # fmt: skip
        except ensemble.ShardsMissing as missing:
            terminal.note(f"{missing}; kept in {folder}")
            return
        except ensemble.AllRunsFailed as error:
            terminal.note(f"{error}; see {folder / 'runs.csv'}")
            raise typer.Exit(RUNS_FAILED) from None
    tell(found, folder, partial(say, found), found.plain, None if no_figures else figures.draw_all, as_json)
    failed = found.manifest["failed"]
    if failed:
        terminal.note(f"{failed} of {len(study)} runs failed; see {folder / 'runs.csv'}")
        raise typer.Exit(RUNS_FAILED)


def _estimate(spec, study, made, parallel: int, baseline: bool, as_json: bool) -> None:
    from .. import checks

    with terminal.working("timing a few weeks"):
        expected = checks.estimate(spec, len(study.seeds), parallel, 1, baseline)
    points = len(made.points)
    times = {"points": points, "weeks_simulated": expected["weeks_simulated"] * points, "seconds": expected["seconds"] * points}
    if as_json:
        terminal.write_json(expected | times)
        return
    terminal.out(f"{printing.count(points, 'point')} ({made.kind} over {', '.join(made.names)}), at each:")
    printing.estimate(expected)
    terminal.out(f"in all: {printing.count(times['weeks_simulated'], 'week')}, about {terminal.duration(times['seconds'])}")


def say(found) -> None:
    """What `smbsim sweep` found, in words, and the first outcomes at every point of a small design."""
    seeds = len(found.manifest["seeds"])
    terminal.heading(
        f"{found.name}: {found.design.kind}, {printing.count(len(found.design.points), 'point')} × {printing.count(seeds, 'run')}"
    )
    for line in found.in_words():
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")
    if len(found.design.points) > MOST_ROWS:
        return
    from ..analysis.response import value_in_words

    responses = [found.response(metric) for metric in found.metrics[:COLUMNS]]
    rows = [(*map(_cell, point.values()), *(value_in_words(r, p) for r in responses)) for p, point in enumerate(found.design.points)]
    terminal.out()
    against = " against the baseline, mean (± half of the 95 % interval)" if responses[0].relative else ""
    terminal.heading(f"{responses[0].variant}{against}")
    terminal.out(terminal.columns(rows, (*found.design.names, *(r.metric for r in responses))))


MOST_ROWS, COLUMNS = 40, 3  # of the table of outcomes


def _cell(x) -> str:
    from ..analysis.designs import shown

    return shown(x)
