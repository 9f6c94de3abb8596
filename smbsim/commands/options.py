"""What the commands share: the app and how errors become exit codes, options that several take, and the steps that several go through.

Exit codes: 0 fine · 1 some runs failed · 2 bad input · 3 internal error · 4 verification failed · 130 stopped by Ctrl-C.
Data go to stdout, everything else to stderr. Only Typer is imported before a command has been chosen, so that --help is instant.

A command that computes takes these steps: its inputs are read, `claimed` finds the folder, the work runs inside `terminal.progress` and
`resumable`, and `tell` says what came out.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from .. import __version__, printing, terminal

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
            explain(error, ctx.params.get("show_traceback") or os.environ.get(TRACEBACK, "") not in ("", "0"))


def explain(error: Exception, show_traceback: bool) -> NoReturn:
    """Say in a line what went wrong and leave: with BAD_INPUT if the input is to blame, with INTERNAL if not."""
    from ..schema import InputError

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


# -- arguments and options that several commands take -------------------------------------------------------------------------------------

File = Annotated[str, typer.Argument(metavar="FILE", help="Scenario file (YAML or JSON), or the name of a packaged scenario.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Results folder that `smbsim run` or `smbsim risk` wrote.", show_default=False)]
EconomyOption = Annotated[str | None, typer.Option("--economy", metavar="DIR", help="Folder of tables, or packaged economy, to use.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one value: orders.stock_adjustment=0.2. May be given several times."),
]
SeedOption = Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first run; default: the file's.")]
JobsOption = Annotated[str, typer.Option("--jobs", metavar="auto|N", help="Runs at a time; auto is one per core.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue a folder that was stopped; without --out the newest one.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite a results folder.")]
NoFiguresOption = Annotated[bool, typer.Option("--no-figures", help="Write numbers only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
TimeLimitOption = Annotated[float | None, typer.Option("--time-limit", metavar="S", help="Seconds that a run may take; longer has failed.")]
ProcessesOption = Annotated[
    bool | None, typer.Option("--processes/--no-processes", help="Runs in processes or threads; default: what is faster. Same results.")
]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Runs on the workers of a dask scheduler, such as tcp://10.0.0.1:8786.")
]
ShardOption = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Only every N-th run, from the I-th on; shards share --out or are merged.")
]
ReuseOption = Annotated[
    list[Path] | None, typer.Option("--reuse", metavar="DIR", help="Take runs that are the same from another folder; may be repeated.")
]


# -- steps that several commands go through -----------------------------------------------------------------------------------------------


def at_a_time(jobs: str) -> int:
    """How many runs or threads at a time `--jobs` asks for; auto is one per core. Raises InputError for anything but auto and 1, 2, …"""
    from ..schema import InputError

    if jobs == "auto":
        return os.cpu_count() or 1
    if not jobs.isdecimal() or int(jobs) < 1:
        raise InputError(f"--jobs = {jobs} is neither auto nor a whole number of 1 or more")
    return int(jobs)


def executor_of(processes: bool | None) -> str | None:
    """The executor of `--processes`; None where it is left to the size of the task."""
    return None if processes is None else "processes" if processes else "threads"


def shard_of(text: str | None) -> tuple[int, int]:
    """(i, N) of `--shard i/N`; (1, 1) without one. Raises InputError for anything else."""
    from ..schema import InputError

    first, slash, number = (text or "1/1").partition("/")
    if not (slash and first.isdecimal() and number.isdecimal() and 1 <= int(first) <= int(number)):
        raise InputError(f"--shard = {text} is not I/N with I from 1 to N, such as 2/8")
    return int(first), int(number)


def claimed(out: Path | None, newest: Callable[[], Path | None], default: Callable[[], Path], resume: bool, force: bool) -> Path:
    """Where results go: what was asked for, the folder to continue, or a new one.

    Raises InputError for a folder that holds something already, unless it is to be continued or overwritten.
    """
    from ..analysis import ensemble

    folder = out or (newest() if resume else None) or default()
    ensemble.claim(folder, resume, force)
    if resume:
        terminal.note(f"continuing {folder}" if folder.is_dir() else "there is nothing to continue; starting anew")
    return folder


@contextmanager
def resumable(folder: Path, parts: str = "*.nc", noun: str = "finished run", count: Callable[[Path], int] | None = None) -> Iterator[None]:
    """Around work that Ctrl-C may stop: says what is kept in folder/parts and how to go on, and leaves with STOPPED.

    count: of what is kept in the folder; default the files that `parts` names
    """
    try:
        yield
    except KeyboardInterrupt:
        if folder.is_dir():
            kept = printing.count(count(folder) if count else len(list((folder / "parts").glob(parts))), noun)
            terminal.note(f"stopped; {kept} kept in {folder}. To continue: the same command with --resume")
        else:
            terminal.note("stopped; nothing was written")
        raise typer.Exit(STOPPED) from None


def drawn(draw: Callable, shown: Any, folder: Path) -> list[Path]:
    """The figures of what is shown, in folder/figures in place of those that are there, each marked with the hash of its manifest."""
    import shutil

    shutil.rmtree(folder / "figures", ignore_errors=True)
    with terminal.working("drawing figures"):
        return draw(shown, folder / "figures", shown.manifest.get("hash", ""))


def say_figures(figures: list[Path], folder: Path) -> None:
    """One line per figure, with its files relative to the folder."""
    for stem in dict.fromkeys(path.with_suffix("") for path in figures):
        terminal.out("  " + "  ".join(str(path.relative_to(folder)) for path in figures if path.with_suffix("") == stem))


def tell(shown: Any, folder: Path, say: Callable[[], None], plain: Callable[[], dict], draw: Callable | None, as_json: bool) -> None:
    """Say what came out of a command, numbers first: in words, then the folder and its figures; or all of it as one JSON object.

    say prints the words, plain gives the JSON, draw draws the figures (None: no figures).
    """
    if not as_json:
        say()
        terminal.out()
        terminal.out(str(folder))
    figures = drawn(draw, shown, folder) if draw else []
    if as_json:
        terminal.write_json({"folder": str(folder), "figures": [str(path) for path in figures], **plain()})
    else:
        say_figures(figures, folder)
