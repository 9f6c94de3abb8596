"""Early-warning signals: warning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import terminal
from .options import EconomyOption, ForceOption, JobsOption, JsonOption, NoFiguresOption, SeedOption, SetOption, app, at_a_time, tell


@app.command()
def warning(
    source: Annotated[str, typer.Argument(metavar="FILE|DIR", help="Scenario file or name, or results folder.", show_default=False)],
    series: Annotated[str, typer.Option("--series", metavar="NAME", help="Metric with one value a week.")] = "output",
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Variant to watch; default: the last.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WEEK|tip", help="Last week looked at; tip: before each run's largest lasting jump; default: all.")
    ] = None,
    calm: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="Variant or folder of runs that do not tip; default: those runs that do not.")
    ] = None,
    param: Annotated[str | None, typer.Option(metavar="NAME", help="Let this parameter of the file drift, and watch for the tip.")] = None,
    start: Annotated[float | None, typer.Option("--from", metavar="A", help="With --param: where it begins.")] = None,
    stop: Annotated[float | None, typer.Option("--to", metavar="B", help="With --param: where it ends, beyond a threshold.")] = None,
    calm_to: Annotated[float | None, typer.Option(metavar="C", help="With --param: where it ends in the calm runs; default A.")] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="K", help="With --param: values that it takes.")] = 200,
    weeks: Annotated[int, typer.Option(min=2, metavar="N", help="With --param: weeks at each.")] = 4,
    runs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Runs of a file; default: the file's; with --param 20 of each kind.")
    ] = None,
    seed: SeedOption = None,
    window: Annotated[float, typer.Option(metavar="P", help="Length of the sliding windows, of the series.")] = 0.25,
    bandwidth: Annotated[float, typer.Option(metavar="P", help="Bandwidth of the trend, of the series.")] = 0.2,
    surrogates: Annotated[int, typer.Option(min=1, metavar="N", help="Series without change behind each p.")] = 200,
    kind: Annotated[str, typer.Option(metavar="ar|phase", help="Surrogates: autoregressions, or phases drawn anew.")] = "ar",
    changes: SetOption = None,
    economy: EconomyOption = None,
    jobs: JobsOption = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder; default results/NAME_warning/TIME-HASH.")] = None,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look for early warnings of tipping in a series.

    Variance, autocorrelation, skewness, spectrum, spread across firms and along links in sliding windows; their trends against surrogates;
    and, where some runs tip and some do not, how often a warning is right, how early, and how often false.

    The folder holds rises.csv, indicators.csv, scores.csv, manifest.json and figures/.
    """
    from ..analysis import ensemble, points_folder
    from ..figures import warning as figures

    options = {"window": window, "bandwidth": bandwidth, "kind": kind, "n_surrogates": surrogates}
    parallel, name = at_a_time(jobs), Path(source).resolve().name if Path(source).is_dir() else Path(source).stem
    asked = {"source": source, "series": series, "variant": variant, "until": until, "calm": calm, **options}
    asked |= {"param": param, "from": start, "to": stop, "calm_to": calm_to, "steps": steps, "weeks": weeks, "runs": runs, "seed": seed}
    folder = out or points_folder.default_folder("warning", name, asked)
    ensemble.claim(folder, force=force)
    if param is None:
        found = _of_results(source, series, variant, until, calm, runs, seed, changes, economy, parallel, asked, options)
    else:
        found = _of_drift(source, param, start, stop, calm_to, series, weeks, steps, runs, seed, changes, economy, parallel, asked, options)
    found.write(folder)
    tell(found, folder, lambda: _say(found), found.plain, None if no_figures else figures.draw_all, as_json)


def _of_results(source, series, variant, until, calm, runs, seed, changes, economy, jobs, asked, options):
    """A results folder as it is; of a scenario the runs that are there, or new ones."""
    from .. import scenario
    from ..analysis import watch as watching
    from ..result import load
    from .compare import run_or_resume

    last = _week_or_tip(until)
    result = load(source) if Path(source).is_dir() else None
    if result is None:
        result = run_or_resume(scenario.load(source, changes or (), economy), Path(source).stem, runs, seed, jobs)
    quiet = load(calm) if calm is not None and Path(calm).is_dir() else calm
    with terminal.progress("looking for early warnings", "first run", "runs") as progress:
        return watching.watch(result, series, variant, until=last, calm=quiet, jobs=jobs, progress=progress, asked=asked, **options)


def _of_drift(source, param, start, stop, calm_to, series, weeks, steps, runs, seed, changes, economy, jobs, asked, options):
    from .. import scenario
    from ..analysis import watch as watching
    from ..schema import InputError

    missing = [f"--{option}: needed with --param, a number" for option, x in (("from", start), ("to", stop)) if x is None]
    if missing:
        raise InputError(*missing)
    spec, many = scenario.load(source, changes or (), economy), {} if runs is None else {"runs": runs}
    with terminal.progress(f"moving {param}", "building the economy", "weeks") as progress:
        return watching.drift(
            spec, param, start, stop, calm_to=calm_to, metric=series, weeks=weeks, steps=steps, seed=seed, jobs=jobs, progress=progress,
            asked=asked, **many, **options,
        )  # fmt: skip


def _say(found) -> None:
    """In words; the indicators of one run, or of how many runs each rises in, and its AUC."""
    for line in found.in_words().splitlines():
        terminal.out(terminal.wrap(line))
    one, rows = found.found[found.shown], []
    for name, rise in one.rises.items():
        chance = f"{rise.band[0]:.2f} to {rise.band[1]:.2f}"
        row = (name, f"{rise.tau:.2f}", chance, f"{rise.p:.2g}", f"{rise.adjusted:.2g}")
        auc = () if found.skill is None else (str(found.skill.areas[name]) if name in found.skill.areas else "–",)
        rows.append(tuple(cell.replace("nan", "–") for cell in (*row, *auc)))
    terminal.out()
    terminal.heading("indicators" if len(found.found) == 1 else f"indicators of run {found.shown}, whose composite is the middle one")
    header = ("indicator", "τ", "by chance", "p", "adjusted", *(() if found.skill is None else ("AUC of all runs",)))
    terminal.out(terminal.columns(rows, header))


def _week_or_tip(text: str | None) -> float | str | None:
    from ..schema import InputError

    if text is None or text == "tip":
        return text
    if not text.lstrip("-").isdecimal():
        raise InputError(f"--until {text} is neither a week nor tip")
    return float(text)
