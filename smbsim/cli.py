"""The command line: each command is a few lines around one public function.

Exit codes: 0 fine · 1 some runs failed · 2 bad input · 3 internal error · 4 verification failed · 130 stopped by Ctrl-C.
Data go to stdout, everything else to stderr. Only Typer is imported before a command has been chosen, so that --help is instant.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from . import __version__, printing, terminal

RUNS_FAILED, BAD_INPUT, INTERNAL, NOT_VERIFIED, STOPPED = 1, 2, 3, 4, 130
TRACEBACK = "SMBSIM_TRACEBACK"
NOT_OURS = (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)  # what the file system refuses


class Commands(TyperGroup):
    """Turns whatever goes wrong in a command into lines on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            terminal.note("stopped")
            raise typer.Exit(STOPPED) from None
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, BrokenPipeError):  # Typer's own, and a reader that has gone
                raise
            _explain(error, ctx.params.get("show_traceback") or os.environ.get(TRACEBACK, "") not in ("", "0"))


def _explain(error: Exception, show_traceback: bool) -> NoReturn:
    from .schema import InputError

    if show_traceback:
        traceback.print_exception(error)
    if isinstance(error, InputError):
        for line in error.lines:
            terminal.note(line)
        raise typer.Exit(BAD_INPUT)
    if isinstance(error, NOT_OURS):
        terminal.note(f"{error.filename}: {error.strerror}")
        raise typer.Exit(BAD_INPUT)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    terminal.note(f"internal error: {what} (run with smbsim --traceback … to see where)")
    raise typer.Exit(INTERNAL)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

File = Annotated[str, typer.Argument(metavar="FILE", help="Scenario file (YAML or JSON), or the name of a packaged scenario.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Results folder that `smbsim run` or `smbsim risk` wrote.", show_default=False)]
EconomyOption = Annotated[str | None, typer.Option("--economy", metavar="DIR", help="Folder of tables, or packaged economy, to use.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one value: orders.stock_adjustment=0.2. May be given several times."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


def _version(value: bool) -> None:
    if value:
        terminal.out(f"smbsim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    show_traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code an error arose.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """What happens to an economy of small and medium businesses.

    Start with: smbsim run demand_shock
    """


@app.command()
def run(
    file: File,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs with different random numbers; default: the file's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first run; default: the file's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Weeks to record, instead of horizon.weeks.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME/TIME-HASH.")] = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Runs at a time; auto is one per core.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads inside a run; they pay above about 30 000 firms.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a folder that was stopped; without --out the newest one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a results folder.")] = False,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Do not run the paired baseline.")] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")] = False,
    check_columns: Annotated[bool, typer.Option("--check", help="Check every column after every phase (slow).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many weeks, how much memory and time; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate a scenario beside its paired baseline.

    Numbers are written first, then figures.

    The results folder holds ensemble.nc (all numbers, xarray), summary.csv, flows.csv, runs.csv, manifest.json and figures/.
    """
    from . import scenario
    from .analysis import ensemble

    at_a_time = _jobs(jobs)
    weeks = [f"horizon.weeks={steps}"] if steps else []
    spec = scenario.load(file, [*(changes or ()), *weeks], economy)
    if dry_run:
        from . import checks

        with terminal.working("timing a few weeks"):
            expected = checks.estimate(spec, runs, at_a_time, threads, not no_baseline)
        terminal.write_json(expected) if as_json else printing.estimate(expected)
        return
    name = Path(file).stem
    folder = _folder(spec, name, out, resume, force, not no_baseline)
    total = runs or spec.runs.replicates
    with terminal.progress(printing.count(total, "run"), "building the economy", "weeks") as progress:
        try:
            result = ensemble.run(
                spec, runs=runs, seed=seed, out=folder, jobs=at_a_time, threads=threads, baseline=not no_baseline, resume=resume,
                check=check_columns, progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            _say_how_to_resume(folder)
            raise typer.Exit(STOPPED) from None
        except ensemble.AllRunsFailed as error:
            terminal.note(f"{error}; see {folder / 'runs.csv'}")
            raise typer.Exit(RUNS_FAILED) from None
    if not as_json:
        printing.summary(result)
        terminal.out()
        terminal.out(str(folder))
    figures = [] if no_figures else _draw(result, folder)
    if as_json:
        from . import numbers

        written = {"folder": str(folder), "figures": [str(path) for path in figures], "failed": result.manifest["failed"]}
        terminal.write_json(written | numbers.of(result))
    else:
        _say_figures(figures, folder)
    if result.manifest["failed"]:
        terminal.note(f"{result.manifest['failed']} of {total} runs failed; see {folder / 'runs.csv'}")
        raise typer.Exit(RUNS_FAILED)


def _say_figures(figures: list[Path], folder: Path) -> None:
    for stem in dict.fromkeys(path.with_suffix("") for path in figures):
        terminal.out("  " + "  ".join(str(path.relative_to(folder)) for path in figures if path.with_suffix("") == stem))


def _jobs(text: str) -> int:
    from .schema import InputError

    if text == "auto":
        return os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--jobs = {text} is neither auto nor a whole number of 1 or more")
    return int(text)


def _folder(spec, name: str, out: Path | None, resume: bool, force: bool, baseline: bool) -> Path:
    """Where results go. Refuses what holds something already, and to continue a folder that holds another scenario."""
    import json

    from .analysis import ensemble
    from .result import load_dataset
    from .schema import InputError

    folder = _claimed(out, partial(ensemble.newest_folder, spec, name), partial(ensemble.default_folder, spec, name), resume, force)
    written = folder / "scenario.yaml"
    if resume and written.is_file() and json.loads(written.read_text(encoding="utf-8")) != spec.dump():
        raise InputError(f"--resume: {folder} holds another scenario; use another folder, or --force to overwrite it")
    part = next((folder / "parts").glob("*.nc"), None) if resume else None
    if part is not None and load_dataset(part).variants != tuple(spec.all_variants(baseline)):
        raise InputError(f"--resume: the runs in {folder} were made {'without' if baseline else 'with'} the baseline; continue them so")
    return folder


def _claimed(out: Path | None, newest: Callable, default: Callable, resume: bool, force: bool) -> Path:
    """Where results go: what was asked for, the folder to continue, or a new one. Refuses what holds something already."""
    from .analysis import ensemble

    folder = out or (newest() if resume else None) or default()
    ensemble.claim(folder, resume, force)
    if resume:
        terminal.note(f"continuing {folder}" if folder.is_dir() else "there is nothing to continue; starting anew")
    return folder


def _drawn(draw: Callable, shown, folder: Path, mark: str) -> list[Path]:
    """The figures, in place of those that are there. mark: hash put into each."""
    import shutil

    shutil.rmtree(folder / "figures", ignore_errors=True)
    with terminal.working("drawing figures"):
        return draw(shown, folder / "figures", mark)


def _draw(result, folder: Path) -> list[Path]:
    from .figures import draw_all

    return _drawn(draw_all, result, folder, result.manifest["hash"])


def _draw_risk(table, folder: Path) -> list[Path]:
    from .figures import risk

    return _drawn(risk.draw_all, table, folder, table.manifest["hash"])


def _draw_scorecard(card, folder: Path) -> list[Path]:
    from .figures import demography

    return _drawn(demography.draw_card, card, folder, card.manifest["hash"])


def _draw_comparison(comparison, folder: Path) -> list[Path]:
    from .figures import compare

    return _drawn(compare.draw_all, comparison, folder, comparison.manifest.get("hash", ""))


def _draw_tipping(found, folder: Path) -> list[Path]:
    from .figures import tipping

    return _drawn(tipping.draw_all, found, folder, found.manifest["hash"])


def _say_how_to_resume(folder: Path, parts: str = "*.nc", noun: str = "finished run") -> None:
    if not folder.is_dir():
        terminal.note("stopped; nothing was written")
        return
    done = len(list((folder / "parts").glob(parts)))
    terminal.note(f"stopped; {printing.count(done, noun)} kept in {folder}. To continue: the same command with --resume")


# -- check --------------------------------------------------------------------------------------------------------------------------------


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
    from . import checks, scenario
    from .schema import InputError

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


# -- risk ---------------------------------------------------------------------------------------------------------------------------------


@app.command()
def risk(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Scenario file, or packaged name; or give --links.")] = None,
    links: Annotated[Path | None, typer.Option(metavar="CSV", help="Your own links: supplier,customer,weight[,essentiality].")] = None,
    firms: Annotated[Path | None, typer.Option(metavar="CSV", help="Your own firms: firm,sector[,final_sales,employment,…].")] = None,
    essentiality: Annotated[
        Path | None, typer.Option(metavar="CSV", help="supplier_sector,customer_sector,essentiality: 0 none, 1 linear, 2 essential.")
    ] = None,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Reconstructions of a scenario's network; default 1.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    tolerance: Annotated[float, typer.Option(metavar="X", help="Largest change in the last iteration; 1e-2 is the published one.")] = 1e-6,
    market_share: Annotated[str, typer.Option(metavar="dynamic|static|off", help="How replaceable a supplier is.")] = "dynamic",
    component: Annotated[str, typer.Option(metavar="both|up|down", help="Which losses count in the index.")] = "both",
    weight: Annotated[
        str, typer.Option(metavar="KIND", help="What losses are counted in: output, employment, smb_employment, region=NAME.")
    ] = "output",
    final_sales: Annotated[
        bool | None, typer.Option("--final-sales/--no-final-sales", help="Sales outside links keep a firm going; default where known.")
    ] = None,
    large_firms: Annotated[bool, typer.Option("--large-firms", help="Also close the rows of all large firms of a sector.")] = False,
    firms_list: Annotated[Path | None, typer.Option(metavar="FILE", help="Close only the firms named here, one a line.")] = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Threads; auto is one per core. Results do not depend on it.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_risk/TIME-HASH.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a folder that was stopped; without --out the newest one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a results folder.")] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the firms whose closure would hurt the economy most.

    The systemic-risk index of every firm, of a scenario's network at rest or of your own links and firms.

    The results folder holds risk.csv, firms.csv, statistics.csv, classes.csv, risk.nc, manifest.json and figures/.
    """
    from . import scenario
    from .analysis import risk as risks
    from .analysis import risk_folder
    from .analysis.risk_networks import read_list
    from .schema import InputError

    threads = _jobs(jobs)
    if file is None and (changes or economy):
        raise InputError("--set and --economy go with a scenario")
    job = risks.job(
        None if file is None else scenario.load(file, changes or (), economy), links=links, firms=firms, essentiality=essentiality,
        runs=runs, seed=seed, only=None if firms_list is None else read_list(firms_list), final_sales=final_sales,
        tolerance=tolerance, market_share=market_share, component=component, weight=weight, large_firms=large_firms,
    )  # fmt: skip
    name = Path(file).stem if file else links.stem
    folder = _claimed(out, partial(risk_folder.newest_folder, job, name), partial(risk_folder.default_folder, job, name), resume, force)
    with terminal.progress("closing firms", "building the network", "closures") as progress:
        try:
            table = risks.compute(job, out=folder, resume=resume, threads=threads, progress=progress)
        except KeyboardInterrupt:
            _say_how_to_resume(folder, "*.npz", "finished chunk")
            raise typer.Exit(STOPPED) from None
    if not as_json:
        printing.risk(table.plain())
        for line in job.notes:
            terminal.note(line)
        terminal.out()
        terminal.out(str(folder))
    figures = [] if no_figures else _draw_risk(table, folder)
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in figures], **table.plain()})
    else:
        _say_figures(figures, folder)


# -- scorecard ----------------------------------------------------------------------------------------------------------------------------


@app.command()
def scorecard(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Scenario file, or packaged name; default: firm life.")] = None,
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs with different random numbers.")] = 32,
    years: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Years after the burn-in of the scenario.")] = 10,
    smbs: Annotated[int | None, typer.Option(min=1, metavar="N", help="SMBs of each run; default: the file's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first run; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Runs at a time; auto is one per core.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_scorecard/TIME-HASH.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a folder that was stopped; without --out the newest one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a results folder.")] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the model with the stylised facts of small firms.

    Exits, entry, growth, jobs, cash, credit, work and cycles of many runs without interventions, each with target, tolerance and verdict.

    The results folder holds scorecard.csv, regression.csv, measures.nc, the panels in parts/, manifest.json and figures/.
    """
    from . import scenario
    from .analysis import scorecard as cards
    from .analysis.ensemble import AllRunsFailed

    more = [*(changes or ()), *([f"population.smbs={smbs}"] if smbs else [])]
    spec = scenario.load(file or cards.LIFE, more, economy)
    name, at_a_time = Path(file).stem if file else "life", _jobs(jobs)
    asked = cards.asked(spec, runs, seed, years)
    folder = _claimed(out, partial(cards.newest_folder, name, asked), partial(cards.default_folder, name, asked), resume, force)
    with terminal.progress(f"{printing.count(runs, 'run')} of {years} years", "building the economy", "weeks") as progress:
        try:
            card = cards.compute(
                spec, runs=runs, seed=seed, years=years, out=folder, jobs=at_a_time, resume=resume, progress=progress
            )  # fmt: skip
        except KeyboardInterrupt:
            _say_how_to_resume(folder)
            raise typer.Exit(STOPPED) from None
        except AllRunsFailed as error:
            terminal.note(str(error))
            raise typer.Exit(RUNS_FAILED) from None
    if not as_json:
        printing.scorecard(card.plain())
        terminal.out()
        terminal.out(str(folder))
    figures = [] if no_figures else _draw_scorecard(card, folder)
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in figures], **card.plain()})
    else:
        _say_figures(figures, folder)
    if card.manifest["failed"]:
        terminal.note(f"{len(card.manifest['failed'])} of {runs} runs failed; see {folder / 'manifest.json'}")
        raise typer.Exit(RUNS_FAILED)


# -- describe, list, schema ---------------------------------------------------------------------------------------------------------------


@app.command()
def describe(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Mechanism, shock, metric, parameter, column, figure, …")] = None,
    as_json: JsonOption = False,
) -> None:
    """Describe anything that has a name.

    Equations, parameters with default, unit, bounds, source and tier, columns; without a name, what there is.
    """
    from . import describe as descriptions

    if name is None:
        _lists(descriptions.groups(), as_json)
        terminal.note("`smbsim describe NAME` tells more; `smbsim list parameters` and `smbsim list columns` have the rest")
        return
    found = descriptions.find(name)
    if as_json:
        terminal.write_json([entry.plain() for entry in found])
        return
    for number, entry in enumerate(found):
        terminal.out() if number else None
        descriptions.show(entry)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="mechanisms, shocks, metrics, figures, parameters, …")] = None,
    as_json: JsonOption = False,
) -> None:
    """List everything that has a name.

    Mechanisms, shocks, metrics, figures, scenarios, economies, presets, rules; on request parameters and columns.
    """
    from . import describe as descriptions

    _lists(descriptions.groups(kind), as_json)


def _lists(groups: dict, as_json: bool) -> None:
    if as_json:
        terminal.write_json({heading: {entry.name: entry.summary for entry in found} for heading, found in groups.items()})
    else:
        printing.lists(groups)


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write smbsim.schema.json into this folder, for editors.")] = False,
) -> None:
    """Print the JSON Schema of scenario files."""
    import json

    from . import scenario

    text = json.dumps(scenario.schema(), indent=1, ensure_ascii=False)
    if not write:
        terminal.out(text)
        return
    Path("smbsim.schema.json").write_text(text + "\n", encoding="utf-8")
    terminal.out("smbsim.schema.json")


# -- results ------------------------------------------------------------------------------------------------------------------------------


@app.command()
def show(
    folder: Folder,
    figures: Annotated[bool, typer.Option("--figures", help="Draw the figures anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the numbers of a results folder.

    What happened in words, resilience, firms, people and policies by variant with bands over the runs, every metric in brief, the figures.
    """
    from . import checks, numbers, result

    if checks.is_risk(checks.read_manifest(folder)):
        _show_risk(folder, as_json)
        return
    found = result.load(folder)
    told = numbers.of(found)
    drawn = (
        _draw(found, folder) if figures else sorted((folder / "figures").glob("*.*"), key=lambda path: (path.stem, path.suffix != ".svg"))
    )
    if as_json:
        files = [str(path) for path in drawn]
        terminal.write_json({"folder": str(folder), "figures": files, "failed": found.manifest.get("failed"), **told})
        return
    printing.summary(found)
    printing.numbers(told)
    if drawn:
        terminal.out()
        terminal.heading("figures")
        _say_figures(drawn, folder)


def _show_risk(folder: Path, as_json: bool) -> None:
    from .analysis import risk_table

    told = risk_table.load(folder).plain()
    if as_json:
        terminal.write_json({"folder": str(folder), **told})
        return
    printing.risk(told)
    for line in told["notes"]:
        terminal.note(line)


@app.command()
def verify(folder: Folder, as_json: JsonOption = False) -> None:
    """Verify that a results folder is whole.

    Files are as they were written, money and goods add up, all runs are there, provenance is complete. Exit code 4 if not.
    """
    from . import checks

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

    from . import checks
    from .analysis import ensemble

    changed = checks.changes_since(folder)
    unit = "closures" if checks.is_risk(checks.read_manifest(folder)) else "weeks"
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


# -- new, doctor --------------------------------------------------------------------------------------------------------------------------


@app.command()
def new(name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, _ and -.", show_default=False)]) -> None:
    """Write a scenario and a notebook to start from.

    NAME.yaml has every parameter as a comment; NAME.ipynb runs it. Nothing is overwritten.
    """
    from . import starters

    for path in starters.write(name, Path(".")):
        terminal.out(str(path))
    terminal.note(f"next: smbsim check {name}.yaml, then smbsim run {name}.yaml")


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look at this machine and test the installation.

    Versions, cores, memory, kernel cache, disk; and a tiny economy at rest that must stay at rest. Exit code 4 if it moves.
    """
    with terminal.working("a test; the first time kernels are compiled, which takes about a minute"):
        from . import checks

        found = checks.doctor(Path("."))
    if as_json:
        terminal.write_json(found)
    else:
        printing.health(found)
    if not found["rests"]:
        terminal.note(f"the resting economy moved by {found['movement_at_rest']:.1e}: the installation computes wrong numbers")
        raise typer.Exit(NOT_VERIFIED)
    if not found["cache_writable"]:
        terminal.warn(f"{found['cache_folder']} cannot be written: kernels are compiled anew in every process; set NUMBA_CACHE_DIR")


# -- compare, report ----------------------------------------------------------------------------------------------------------------------


@app.command()
def compare(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE…|DIR…", help="Scenario files or names, or results folders; both together too.", show_default=False),
    ],
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs of each file; default: the file's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first run; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    to: Annotated[str | None, typer.Option("--to", metavar="VARIANT", help="Compare all with this; default: each with its own.")] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Indicator; may be given several times; default: all.")
    ] = None,
    weeks: Annotated[str | None, typer.Option(metavar="A:B", help="First and last week that count; default: all.")] = None,
    level: Annotated[float, typer.Option(metavar="P", help="Of the intervals.")] = 0.95,
    precision: Annotated[float, typer.Option(metavar="P", help="Half-width wanted, as a share of the effect.")] = 0.25,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Runs at a time; auto is one per core.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the comparison; default results/NAME_compare/TIME.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a folder.")] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare variants, scenarios or results, run by run.

    Paired differences with intervals, conflicts of signs, cost per effect, and how many runs would be needed. Files are run first, into
    results/NAME/TIME-HASH; runs that are there already are taken from it.

    The folder of the comparison holds comparison.csv, comparison.json and figures/.
    """
    import datetime as dt

    from . import scenario
    from .analysis import compare as comparing
    from .analysis import ensemble
    from .result import load

    shown, at_a_time = _week_range(weeks), _jobs(jobs)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [Path(source).stem if not Path(source).is_dir() else Path(source).resolve().name for source in sources]
    folder = out or Path("results") / f"{names[0]}_compare" / stamp
    ensemble.claim(folder, force=force)
    specs = {source: scenario.load(source, changes or (), economy) for source in sources if not Path(source).is_dir()}
    found = {}
    for source, name in zip(sources, names, strict=True):
        one = _run_or_resume(specs[source], name, runs, seed, at_a_time) if source in specs else load(source)
        label = one.name or name
        found[label if label not in found else f"{label} ({name})"] = one
    with terminal.working("comparing"):
        result = comparing.side_by_side(found)
        comparison = comparing.differences(result, to=to, metrics=metrics, weeks=shown, level=level, precision=precision)
    written = comparison.write(folder)
    if not as_json:
        printing.comparison(comparison.plain())
        terminal.out()
        terminal.out(str(folder))
    figures = [] if no_figures else _draw_comparison(comparison, folder)
    if as_json:
        files = [str(path) for path in written]
        terminal.write_json({"folder": str(folder), "files": files, "figures": [str(path) for path in figures], **comparison.plain()})
    else:
        _say_figures(figures, folder)


def _week_range(text: str | None) -> tuple[int, int] | None:
    from .schema import InputError

    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
        raise InputError(f"--weeks = {text} is not A:B, two weeks")
    return int(first), int(last)


def _run_or_resume(spec, name: str, runs: int | None, seed: int | None, jobs: int):
    """The runs of a scenario; those that an earlier command has finished with the same code are not made again."""
    from .analysis import ensemble

    folder = ensemble.newest_folder(spec, name) or ensemble.default_folder(spec, name)
    total = runs or spec.runs.replicates
    with terminal.progress(f"{name}: {printing.count(total, 'run')}", "building the economy", "weeks") as progress:
        try:
            return ensemble.run(spec, runs=runs, seed=seed, out=folder, jobs=jobs, resume=folder.is_dir(), progress=progress)
        except KeyboardInterrupt:
            _say_how_to_resume(folder)
            raise typer.Exit(STOPPED) from None
        except ensemble.AllRunsFailed as error:
            terminal.note(f"{error}; see {folder / 'runs.csv'}")
            raise typer.Exit(RUNS_FAILED) from None


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Results folder that `smbsim run` wrote.", show_default=False)],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the page goes; default DIR/report.html.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one page about a results folder, to read and to pass on.

    Question, finding, figures, what is assumed, parameters with sources, money flows, how to rerun: one HTML file that needs no network.
    """
    import webbrowser

    from . import report as reports

    with terminal.working("writing the page"):
        path = reports.write(folder, out)
    if as_json:
        terminal.write_json({"folder": str(folder), "report": str(path), "bytes": path.stat().st_size})
    else:
        terminal.out(str(path))
    if open_it and not webbrowser.open(path.resolve().as_uri()):
        terminal.note(f"no browser could be opened; the page is {path}")


# -- tipping ------------------------------------------------------------------------------------------------------------------------------


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
    thorough: Annotated[bool, typer.Option("--thorough", help="Do everything, even where neither a jump nor a loop is seen.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first sweep; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Runs at a time; auto is one per core; same results.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_tipping/TIME-HASH.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a results folder.")] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many weeks and how long; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search for a tipping point of one parameter.

    Sweeps up and down, hysteresis, thresholds, two regimes, sizes, artefacts; a verdict that names which of four tests hold.

    The results folder holds tests, thresholds, sweeps, realisations, modes, sizes and checks as CSV, manifest.json and figures/.
    """
    from . import scenario
    from .analysis import ensemble, tipping_folder, tipping_scenario

    at_a_time = _jobs(jobs)
    search = tipping_scenario.search(
        scenario.load(file, changes or (), economy), param, start, stop, metric=metric, weeks=weeks, steps=steps, sweeps=sweeps, runs=runs,
        sizes=None if sizes is None else _whole_numbers("--sizes", sizes), thorough=thorough, seed=seed,
    )  # fmt: skip
    if dry_run:
        with terminal.working("timing a few weeks"):
            expected = search.estimate(at_a_time)
        terminal.write_json(expected) if as_json else printing.tipping_estimate(expected)
        return
    folder = out or tipping_folder.default_folder(Path(file).stem, search.asked)
    ensemble.claim(folder, force=force)
    with terminal.progress("looking for a tipping point", "building the economy", "weeks") as progress:
        found = search.run(Path(file).stem, at_a_time, progress)
    tipping_folder.write(found, folder)
    told = tipping_folder.plain(found)
    if not as_json:
        printing.tipping(told, param)
        terminal.out()
        terminal.out(str(folder))
    figures = [] if no_figures else _draw_tipping(found, folder)
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in figures], **told})
    else:
        _say_figures(figures, folder)


def _whole_numbers(option: str, text: str) -> list[int]:
    from .schema import InputError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"{option} {text}: write whole numbers with commas between them, such as 500,1000,2000,4000")
    return [int(part) for part in parts]


def main() -> None:
    """Entry point of the command `smbsim`."""
    app()


if __name__ == "__main__":
    main()
