"""Simulating a scenario, and checking it before: run, check."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    BAD_INPUT,
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
def run(
    file: File,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs with different random numbers; default: the file's.")] = None,
    seed: SeedOption = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Weeks to record, instead of horizon.weeks.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME/TIME-HASH.")] = None,
    jobs: JobsOption = "auto",
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads inside a run; they pay above about 30 000 firms.")] = 1,
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    shard: ShardOption = None,
    time_limit: TimeLimitOption = None,
    resume: ResumeOption = False,
    reuse: ReuseOption = None,
    force: ForceOption = False,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Do not run the paired baseline.")] = False,
    no_figures: NoFiguresOption = False,
    check_columns: Annotated[bool, typer.Option("--check", help="Check every column after every phase (slow).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many weeks, how much memory and time; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate a scenario beside its paired baseline.

    Numbers are written first, then figures.

    The results folder holds ensemble.nc (all numbers, xarray), summary.csv, flows.csv, runs.csv, manifest.json and figures/.
    """
    from .. import numbers, scenario
    from ..analysis import ensemble, store
    from ..figures import draw_all

    parallel, part = at_a_time(jobs), shard_of(shard)
    weeks = [f"horizon.weeks={steps}"] if steps else []
    spec = scenario.load(file, [*(changes or ()), *weeks], economy)
    if dry_run:
        from .. import checks

        with terminal.working("timing a few weeks"):
            expected = checks.estimate(spec, runs, parallel, threads, not no_baseline)
        terminal.write_json(expected) if as_json else printing.estimate(expected)
        return
    name = Path(file).stem
    folder = _folder(spec, name, out, resume or shard is not None, force, not no_baseline)
    total = runs or spec.runs.replicates
    with terminal.progress(printing.count(total, "run"), "building the economy", "weeks") as progress, resumable(folder, count=store.count):
        try:
            result = ensemble.run(
                spec, runs=runs, seed=seed, out=folder, jobs=parallel, threads=threads, baseline=not no_baseline, resume=resume,
                check=check_columns, executor=executor_of(processes), scheduler=scheduler, shard=part, reuse=reuse or (),
                time_limit=time_limit, progress=progress,
            )  # fmt: skip
        except ensemble.ShardsMissing as missing:
            terminal.note(f"{missing}; kept in {folder}")
            return
        except ensemble.AllRunsFailed as error:
            terminal.note(f"{error}; see {folder / 'runs.csv'}")
            raise typer.Exit(RUNS_FAILED) from None
    failed = result.manifest["failed"]
    tell(
        result, folder, say=lambda: printing.summary(result), plain=lambda: {"failed": failed, **numbers.of(result)},
        draw=None if no_figures else draw_all, as_json=as_json,
    )  # fmt: skip
    if failed:
        terminal.note(f"{failed} of {total} runs failed; see {folder / 'runs.csv'}")
        raise typer.Exit(RUNS_FAILED)


def _folder(spec, name: str, out: Path | None, resume: bool, force: bool, baseline: bool) -> Path:
    """Where results go. Refuses what holds something already, and to continue a folder that holds another scenario."""
    import json

    from ..analysis import ensemble, store
    from ..schema import InputError

    folder = claimed(out, partial(ensemble.newest_folder, spec, name), partial(ensemble.default_folder, spec, name), resume, force)
    written = folder / "scenario.yaml"
    if resume and written.is_file() and json.loads(written.read_text(encoding="utf-8")) != spec.dump():
        raise InputError(f"--resume: {folder} holds another scenario; use another folder, or --force to overwrite it")
    made = store.variants(folder) if resume else None
    if made is not None and made != tuple(spec.all_variants(baseline)):
        raise InputError(f"--resume: the runs in {folder} were made {'without' if baseline else 'with'} the baseline; continue them so")
    return folder


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Scenario files, or packaged names.", show_default=False)],
    changes: SetOption = None,
    economy: EconomyOption = None,
    full: Annotated[bool, typer.Option("--full", help="Print the whole resolved scenario.")] = False,
    no_stability: Annotated[bool, typer.Option("--no-stability", help="Leave out the stability numbers, which take the longest.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate scenarios and say what they hold.

    What differs from the defaults, the variants, size and memory, errors against the tables, what closes the accounts, assumed values,
    and whether the economy at rest is stable.
    """
    from .. import checks, scenario
    from ..schema import InputError

    reports, bad = [], False
    for file in files:
        try:
            spec = scenario.load(file, changes or (), economy)
            with terminal.working(f"checking {file}"):
                report = {"file": file, "ok": True, **checks.check(spec, not no_stability)}
        except InputError as error:
            bad = True
            reports.append({"file": file, "ok": False, "errors": list(error.lines)})
            for line in error.lines:
                terminal.note(line)
            continue
        if full:
            report["scenario"] = spec.dump()
        reports.append(report)
        for line in report["warnings"]:
            terminal.warn(f"{file}: warning: {line}")
        if not as_json:
            printing.report(report)
    if as_json:
        terminal.write_json(reports)
    if bad:
        raise typer.Exit(BAD_INPUT)
