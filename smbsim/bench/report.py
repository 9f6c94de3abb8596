"""The measurements as tables in markdown: the ladder, phases, memory, peers, start-up, and every limit with what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .guard import SCALES, Change, quiet, ratios, slower

MILLION, TENTH = 1_000_000, 100_000


@dataclass(frozen=True)
class Limit:
    """What is promised: at most, or at least, so much at one size; `find` gives what was measured, None where it was not."""

    what: str
    bound: float
    at_most: bool
    find: Callable[[dict], float | None]

    def holds(self, value: float) -> bool:
        """Whether a value keeps it."""
        return value <= self.bound if self.at_most else value >= self.bound


def _rungs(found: dict, size: int, *networks: str) -> list[dict]:
    return [rung for rung in found["rungs"] if rung["size"] == size and (not networks or rung["network"] in networks)]


def _week(key: str, week: str, threads: int, size: int, networks: Sequence[str], worst=max) -> Callable[[dict], float | None]:
    """The worst of the rungs of that size, of a figure of a week on so many threads, where nothing else ran."""

    def find(found: dict) -> float | None:
        values = [
            row[key]
            for rung in _rungs(found, size, *networks)
            if quiet(rung)
            for row in rung["weeks"]
            if (row["week"], row["threads"]) == (week, threads)
        ]
        return worst(values) if values else None

    return find


def _peer(name: str, threads: int, size: int) -> Callable[[dict], float | None]:
    def find(found: dict) -> float | None:
        values = [
            times
            for rung in _rungs(found, size)
            if name in rung["peers"] and quiet(rung)
            for k, times in rung["peers"][name]["times"].items()
            if int(k) == threads
        ]
        return min(values) if values else None

    return find


def _speed_up(size: int) -> Callable[[dict], float | None]:
    slow = _week("by_one_thread", "core", 2, size, ())
    return lambda found: None if slow(found) is None else 1.0 / slow(found)


def _scaling(found: dict) -> float | None:
    return max((value for name, value in ratios(found).items() if name.startswith("cost per link") and ": local" in name), default=None)


def _memory(row: str) -> Callable[[dict], float | None]:
    def find(found: dict) -> float | None:
        largest = max((rung["size"] for rung in found["rungs"]), default=0)
        return max((memory[row] for rung in _rungs(found, largest) for memory in rung["memory"].values()), default=None)

    return find


def _startup(key: str) -> Callable[[dict], float | None]:
    return lambda found: found.get("startup", {}).get(key) if all(map(quiet, found["rungs"])) else None


MADE = ("local", "random", "hubs")
LIMITS = (
    Limit("core by pair, a million firms, 2 threads", 1.4, True, _week("by_pair", "core", 2, MILLION, MADE)),
    Limit("core by pair, a million firms, 1 thread", 2.7, True, _week("by_pair", "core", 1, MILLION, MADE)),
    Limit("core with finance off by pair, 2 threads", 1.25, True, _week("by_pair", "core, finance off", 2, MILLION, MADE)),
    Limit("share of the triad, local, 2 threads", 0.5, False, _week("share_of_triad", "core", 2, MILLION, ("local",), min)),
    Limit("share of the triad, random, hubs, 2 threads", 0.4, False, _week("share_of_triad", "core", 2, MILLION, ("random", "hubs"), min)),
    Limit("every mechanism by core, a million firms, 1 thread", 3.0, True, _week("by_core", "people", 1, MILLION, MADE)),
    Limit("every mechanism by core, a million firms, 2 threads", 3.0, True, _week("by_core", "people", 2, MILLION, MADE)),
    Limit("two threads, times one, a million firms", 1.7, False, _speed_up(MILLION)),
    Limit("two threads, times one, 100 000 firms", 1.4, False, _speed_up(TENTH)),
    Limit("cost per link, largest by smallest, local, from 10 000 firms", 2.0, True, _scaling),
    Limit("times the Mesa model, 10 000 firms, 1 thread", 300.0, False, _peer("mesa", 1, 10_000)),
    Limit("times numpy and scipy, a million firms, 1 thread", 6.0, False, _peer("numpy", 1, MILLION)),
    Limit("times numpy and scipy, a million firms, 2 threads", 10.0, False, _peer("numpy", 2, MILLION)),
    Limit("bytes per link, slots included, largest network", 80.0, True, _memory("held_per_link")),
    Limit("bytes per firm, largest network", 800.0, True, _memory("held_per_firm")),
    Limit("warm start to the end of the first week, s", 1.5, True, _startup("warm_s")),
    Limit("cold compilation of all kernels, s", 15.0, True, _startup("compile_s")),
)  # fmt: skip


def text(found: dict, changes: list[Change] | None = None) -> str:
    """Everything, in markdown."""
    return "\n\n".join("\n".join(part) for part in _parts(found, changes)) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table."""
    return [f"| {' | '.join(str(cell) for cell in row)} |" for row in (header, ["---"] * len(header), *rows)]


def _parts(found: dict, changes: list[Change] | None) -> Iterator[list[str]]:
    machine = found["machine"]
    begin, end = machine["load"]
    yield [
        f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}; load {begin:.1f} at the beginning, {end:.1f} "
        f"at the end; medians of {found['repeats']}."
    ]
    if found["agreement"]:
        yield ["Peers agree to " + ", ".join(f"{gap:.0e} ({name})" for name, gap in found["agreement"].items()) + " of the firm's flow."]
    yield ["## The ladder", "", *table(LADDER, [row for rung in found["rungs"] for row in _ladder(rung)])]
    yield [f"In brackets: the triad did not show {SCALES} in the same rounds, so that a core was not free; none of these is judged."]
    largest = max(found["rungs"], key=lambda rung: rung["size"], default=None)
    if largest:
        yield [f"## Phases, {largest['network']}, {_count(largest['size'])} firms", "", *_phases(largest)]
    peers = [row for rung in found["rungs"] for row in _peers(rung)]
    if peers:
        yield ["## Beside other implementations", "", *table(("network", "firms", "peer", "ms a week", "smbsim is faster by"), peers)]
    yield ["## Memory", "", *table(("network", "firms", "week", "slots a link", "bytes a link", "bytes a firm", "peak of the process"),
                                   [row for rung in found["rungs"] for row in _held(rung)])]  # fmt: skip
    if startup := found.get("startup"):
        yield ["## Start-up", "", *_start(startup)]
    yield ["## Limits", "", *table(("what", "limit", "found", ""), [_limit(limit, found) for limit in LIMITS])]
    if changes is not None:
        yield ["## Beside what was recorded", "", *_changes(changes, found)]


LADDER = ("network", "firms", "week", "threads", "ms", "ns a link", "by pair", "by core", "times one thread", "bytes a link", "GB/s",
          "of the triad")  # fmt: skip


def _count(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def _ladder(rung: dict) -> Iterator[list[str]]:
    for week in rung["weeks"]:
        cells = [f"{week['ms']:.3g}", f"{week['ns_per_link']:.3g}", f"{week['by_pair']:.3g}", f"{week['by_core']:.2f}",
                 f"{1 / week['by_one_thread']:.2f}", f"{week['bytes_per_link']:.0f}", f"{week['gb_s']:.1f}",
                 f"{week['share_of_triad']:.0%}"]  # fmt: skip
        marked = cells if quiet(rung) else [f"({cell})" for cell in cells]
        yield [rung["network"], _count(rung["size"]), week["week"], str(week["threads"]), *marked]


def _phases(rung: dict) -> list[str]:
    threads = sorted({week["threads"] for week in rung["weeks"]})
    core = {week["threads"]: week["phases"] for week in rung["weeks"] if week["week"] == "core"}
    whole = {week["threads"]: week["phases"] for week in rung["weeks"] if week["week"] != "core" and "core" not in week["week"]}
    header = ("phase", *(f"core, {k}: ms" for k in threads), "core: bytes a link", *(f"every mechanism, {k}: ms" for k in threads))
    names = dict.fromkeys((*next(iter(whole.values())), *core[threads[0]]))
    rows = []
    for name in names:
        cells = [f"{core[k][name]['ms']:.3g}" if name in core[k] else "" for k in threads]
        moved = f"{core[threads[0]][name]['bytes'] / rung['links']:.0f}" if name in core[threads[0]] else ""
        rows.append((name, *cells, moved, *(f"{whole[k][name]['ms']:.3g}" if name in whole[k] else "" for k in threads)))
    return table(header, rows)


def _peers(rung: dict) -> Iterator[list[str]]:
    for name, peer in rung["peers"].items():
        times = ", ".join(
            f"{times:.3g} on {k}" if quiet(rung) else f"({times:.3g} on {k})" for k, times in peer["times"].items()
        )  # fmt: skip
        yield [rung["network"], _count(rung["size"]), name, f"{peer['ms']:.3g}", times]


def _held(rung: dict) -> Iterator[list[str]]:
    for week, memory in rung["memory"].items():
        held = (f"{memory[f'held_{row}']:.0f}, of {memory[row]:.0f}" for row in ("per_link", "per_firm"))
        yield [rung["network"], _count(rung["size"]), week, f"{rung['slots_per_link']:.2f}", *held, f"{rung['peak_mb']:.0f} MB"]


def _start(startup: dict) -> list[str]:
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in startup["stages_s"].items())
    rows = [
        ("warm: from the command to the end of the first week", f"{startup['warm_s']:.2f} s"),
        ("the same in processor time", f"{startup['warm_processor_s']:.2f} s"),
        ("its stages, seconds since the command", stages),
        ("the same by an import of numba alone", f"{startup['warm_by_numba']:.2f}"),
        ("kernels compiled by a warm process", startup["compiled_when_warm"]),
        ("smbsim --help", f"{startup['help_s']:.2f} s"),
    ]
    if "cold_s" in startup:
        rows += [
            (f"cold: every mechanism, {startup['kernels']} kernels", f"{startup['cold_s']:.2f} s"),
            ("of which compilation", f"{startup['compile_s']:.2f} s, {startup['compile_processor_s']:.2f} s of processor time"),
            ("kernels a second process compiles, package read-only", startup["compiled_read_only"]["home"]),
            ("the same, and home read-only", startup["compiled_read_only"]["nothing"]),
            ("kernels compiled twice", ", ".join(startup["twice"]) or "none"),
        ]
    return table(("what", "found"), rows)


def _limit(limit: Limit, found: dict) -> tuple[str, ...]:
    value = limit.find(found)
    sign = "at most" if limit.at_most else "at least"
    if value is None:
        return limit.what, f"{sign} {limit.bound:g}", "–", "not measured, or not quiet"
    return limit.what, f"{sign} {limit.bound:g}", f"{value:.3g}", "kept" if limit.holds(value) else "**missed**"


def _changes(changes: list[Change], found: dict) -> list[str]:
    worse = slower(changes)
    loud = [] if all(map(quiet, found["rungs"])) else ["Times were not compared where the triad did not scale.", ""]
    if not changes:
        return [*loud, "Nothing of this run was recorded before."]
    if not worse:
        return [*loud, f"Nothing got slower: {len(changes)} ratios within their tolerance of what was recorded."]
    rows = [(change.name, f"{change.recorded:.3g}", f"{change.found:.3g}", f"{change.factor - 1:+.0%}") for change in worse]
    return [*loud, f"{len(worse)} of {len(changes)} ratios cost more:", "", *table(("ratio", "recorded", "now", "change"), rows)]
