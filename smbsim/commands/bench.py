"""How fast it is on this machine: bench."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from .. import terminal
from .options import JsonOption, NoFiguresOption, app


@app.command()
def bench(
    sizes: Annotated[str | None, typer.Option(metavar="N,…", help="Firms of the networks; default 1000 to a million.")] = None,
    threads: Annotated[str | None, typer.Option(metavar="N,…", help="Threads, 1 among them; default 1 and all cores.")] = None,
    networks: Annotated[str | None, typer.Option(metavar="NAME,…", help="Of local, random, hubs, us; default all.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, metavar="N", help="Rounds of which a figure is the median; default 7.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A minute: small, local networks, three rounds, no cold start.")] = False,
    peers: Annotated[Path | None, typer.Option(metavar="DIR", help="Python package whose peers() are other implementations.")] = None,
    recorded: Annotated[Path | None, typer.Option(metavar="FILE", help="Recorded ratios to compare with.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Write this run's ratios into the file of recorded ones.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where bench.md, bench.json and the figures go.")] = Path("results/bench"),
    no_figures: NoFiguresOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure what a week costs on this machine.

    Sizes and threads, by phase, beside sparse products and the memory's own rate in the same run; bytes, memory, start-up; and, with
    recorded ratios, what got slower. Let nothing else run: where two threads do not double the memory's rate, their figures do not count.
    """
    import json

    from ..bench import guard, ladder, report, startup
    from ..figures import bench as figures
    from ..schema import InputError

    usual = ladder.QUICK if quick else {}
    given = {"sizes": _numbers("--sizes", sizes), "threads": _numbers("--threads", threads), "repeats": repeats,
             "networks": tuple(networks.split(",")) if networks else None}  # fmt: skip
    asked = ladder.Asked(**{**usual, **{name: value for name, value in given.items() if value is not None}})
    asked.check()
    if record and recorded is None:
        raise InputError("--record needs --recorded FILE")
    kept = guard.recorded(recorded) if recorded and (recorded.exists() or not record) else None
    with terminal.progress("benchmarks", "building", "seconds") as progress:
        found = ladder.measure(asked, peers_of(peers), progress)
    with terminal.working("starting processes"):
        found["startup"] = startup.measure(asked.repeats, cold=not quick)
    changes = guard.compare(found, kept) if kept is not None else None
    if record:
        guard.record(recorded, found)
    out.mkdir(parents=True, exist_ok=True)
    written = report.text(found, changes)
    plain = {**found, "ratios": guard.ratios(found), "slower": [change.name for change in guard.slower(changes or [])]}
    (out / "bench.md").write_text(written, encoding="utf-8")
    (out / "bench.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    drawn = [] if no_figures else figures.draw_bench(found, out)
    if as_json:
        terminal.write_json(plain)
        return
    terminal.out(written)
    for path in (out / "bench.md", out / "bench.json", *drawn):
        terminal.out(str(path))


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    """1000,10000 → (1000, 10000). Raises InputError for anything else."""
    from ..schema import InputError

    if text is None:
        return None
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"{name} = {text} is not a list of whole numbers such as 1000,10000")
    return tuple(int(part) for part in parts)


def peers_of(folder: Path | None) -> dict:
    """The peers of a package. Raises InputError where there is none."""
    import sys

    from ..schema import InputError

    if folder is None:
        return {}
    if not (folder / "__init__.py").is_file():
        raise InputError(f"--peers = {folder}: no Python package there")
    sys.path.insert(0, str(folder.resolve().parent))
    try:
        package = import_module(folder.resolve().name)
    except ImportError as error:
        raise InputError(f"--peers = {folder}: {error}") from None
    finally:
        sys.path.pop(0)
    if not hasattr(package, "peers"):
        raise InputError(f"--peers = {folder}: the package has no function peers()")
    return package.peers()
