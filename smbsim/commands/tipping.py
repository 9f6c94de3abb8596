"""The search for a tipping point of one parameter, and a phase diagram over a second one: tipping."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    EconomyOption,
    File,
    ForceOption,
    JsonOption,
    NoFiguresOption,
    ResumeOption,
    SetOption,
    app,
    at_a_time,
    claimed,
    resumable,
    tell,
)


@app.command()
def tipping(
    file: File,
    param: Annotated[str, typer.Option(metavar="NAME", help="What to move, by its dotted name: households.confidence, shocks[0].size.")],
    start: Annotated[float, typer.Option("--from", metavar="A", help="First value of the parameter.")],
    stop: Annotated[float, typer.Option("--to", metavar="B", help="Last value; the sweep goes there and back.")],
    metric: Annotated[str, typer.Option(metavar="NAME", help="Order parameter: a metric with one value, relative to rest.")] = "output",
    steps: Annotated[int, typer.Option(min=2, metavar="K", help="Values of the parameter in a sweep; at least 21.")] = 21,
    weeks: Annotated[int, typer.Option(min=2, metavar="N", help="Weeks for which every value is held; at least 104 for a finding.")] = 104,
    sweeps: Annotated[int, typer.Option(min=1, metavar="N", help="Sweeps with different random numbers.")] = 2,
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs begun afresh at each value around a threshold.")] = 40,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,N,N", help="SMBs of at least four sizes; default: a quarter to twice the file's.")
    ] = None,
    second: Annotated[
        str | None,
        typer.Option(metavar="NAME=A:B:N", help="Also draw a phase diagram: a second parameter at N values from A to B."),
    ] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Do everything, even where neither a jump nor a loop is seen.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first sweep; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Runs at a time; auto is one per core; same results.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_tipping/TIME-HASH.")] = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many weeks and how long; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search for a tipping point of one parameter.

    Sweeps up and down, hysteresis, thresholds, two regimes, sizes, artefacts; a verdict that names which of four tests hold.

    The results folder holds tests, thresholds, sweeps, realisations, modes, sizes and checks as CSV, manifest.json and figures/.
    Every hold of a value is kept as soon as it is done: after a kill, --resume goes on from there.
    """
    from .. import scenario
    from ..analysis import points_folder, tipping_folder, tipping_scenario
    from ..analysis.holds import Holds
    from ..figures import tipping as figures

    parallel = at_a_time(jobs)
    other, values = ("", ()) if second is None else _parameter_and_values(second)
    search = tipping_scenario.search(
        scenario.load(file, changes or (), economy), param, start, stop, metric=metric, weeks=weeks, steps=steps, sweeps=sweeps, runs=runs,
        sizes=None if sizes is None else _whole_numbers("--sizes", sizes), second=other, seconds=values, thorough=thorough,
        seed=seed,
    )  # fmt: skip
    if dry_run:
        with terminal.working("timing a few weeks"):
            expected = search.estimate(parallel)
        terminal.write_json(expected) if as_json else printing.tipping_estimate(expected)
        return
    name = Path(file).stem
    kind = (tipping_folder.KIND, name, search.asked)
    folder = claimed(out, partial(points_folder.newest_folder, *kind), partial(points_folder.default_folder, *kind), resume, force)
    with (
        terminal.progress("looking for a tipping point", "building the economy", "weeks") as progress,
        resumable(folder, "holds.csv", "file of finished holds"),
    ):
        holds = Holds(tipping_folder.open_folder(folder, search.asked, resume))
        if len(holds):
            terminal.note(f"{terminal.grouped(len(holds))} finished holds are taken from {folder}")
        found = search.run(name, parallel, progress, holds)
    tipping_folder.write(found, folder)
    told = tipping_folder.plain(found)
    tell(found, folder, lambda: printing.tipping(told, param), lambda: told, None if no_figures else figures.draw_all, as_json)


def _parameter_and_values(text: str) -> tuple[str, list[float]]:
    """ "labour.firing_speed=0.05:0.5:7" → the name and seven values. Raises InputError."""
    import numpy as np

    from ..schema import InputError

    name, _, values = text.partition("=")
    try:
        first, last, count = (read(part) for read, part in zip((float, float, int), values.split(":"), strict=True))
        if count < 1 or not (np.isfinite(first) and np.isfinite(last)):
            raise ValueError
    except ValueError:
        raise InputError(f"--second {text}: write NAME=A:B:N, such as labour.firing_speed=0.05:0.5:7") from None
    return name.strip(), np.linspace(first, last, count).tolist()


def _whole_numbers(option: str, text: str) -> list[int]:
    from ..schema import InputError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"{option} {text}: write whole numbers with commas between them, such as 500,1000,2000,4000")
    return [int(part) for part in parts]
