"""What got slower: ratios of this run beside recorded ones. Ratios only, never seconds, because these depend on the machine and its day.

Every ratio is a cost, so that larger is worse: one thing over another that took turns with it in the same process, or bytes over rows.
Times are left out where the triad does not scale: then other work had its share of cores, cache and memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..schema import InputError
from .ladder import SCALES

TOLERANCE = 0.25  # by which a ratio of times may exceed the recorded one: medians of two runs on a shared machine differ by up to a fifth
BYTES_TOLERANCE = 0.02  # of memory, which does not vary but with what the network happens to be
SCALING_FROM = 10_000  # firms; fewer are dominated by the interpreter


@dataclass(frozen=True)
class Change:
    """A ratio beside the recorded one."""

    name: str
    recorded: float
    found: float

    @property
    def factor(self) -> float:
        """Above 1: costs more."""
        return self.found / self.recorded

    @property
    def tolerance(self) -> float:
        """Relative change that is not worth a word."""
        return BYTES_TOLERANCE if self.name.startswith("bytes") else TOLERANCE


def counts(rung: dict, threads: int | str) -> bool:
    """Whether figures of a rung on so many threads count: the triad must scale, on three and more threads as far as on two."""
    return int(threads) == 1 or rung["triad_scales"][str(threads)] >= SCALES


def quiet(rung: dict) -> bool:
    """Whether nothing else ran, as far as the triad can tell: it scales on all threads that were asked for."""
    return all(counts(rung, threads) for threads in rung["triad_scales"])


def ratios(found: dict) -> dict[str, float]:
    """All ratios of a run by name, those that count."""
    return {name: value for name, value in _ratios(found) if math.isfinite(value)}


def _ratios(found: dict) -> Iterator[tuple[str, float]]:
    for rung in found["rungs"]:
        where = f"{rung['network']} {rung['size']}"
        for row, held in rung["memory"]["core"].items():  # of the other weeks it depends on how many firms and links came
            yield f"bytes {row.replace('_', ' ')}: {where}", held
        if not quiet(rung):
            continue
        for week in rung["weeks"]:
            on = f"{where}, {week['threads']} thread{'s' if week['threads'] > 1 else ''}"
            yield f"{week['week']} / pair: {on}", week["by_pair"]
            if week["week"] != "core":
                yield f"{week['week']} / core: {on}", week["by_core"]
            if week["threads"] > 1:
                yield f"{week['week']}, threads / one thread: {on}", week["by_one_thread"]
        for name, peer in rung["peers"].items():
            for threads, times in peer["times"].items():
                yield f"core / {name}: {where}, {threads} thread{'s' if int(threads) > 1 else ''}", 1.0 / times
    yield from _scaling(found)
    if (startup := found.get("startup")) and all(map(quiet, found["rungs"])):
        yield "warm start / import of numba", startup["warm_by_numba"]


def _scaling(found: dict) -> Iterator[tuple[str, float]]:
    """Largest over smallest cost per link of the core on one thread, from SCALING_FROM firms on."""
    for network in dict.fromkeys(rung["network"] for rung in found["rungs"]):
        costs = {
            rung["size"]: week["ns_per_link"]
            for rung in found["rungs"]
            if rung["network"] == network and rung["size"] >= SCALING_FROM and quiet(rung)
            for week in rung["weeks"]
            if (week["week"], week["threads"]) == ("core", 1)
        }
        if len(costs) > 1:
            yield f"cost per link, largest / smallest: {network} {min(costs)} to {max(costs)}", max(costs.values()) / min(costs.values())


def recorded(path: Path) -> dict[str, float]:
    """The ratios of a file. Raises InputError when it is not one."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["ratios"]
        return {str(name): float(value) for name, value in kept.items()}
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; a run with --record writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a file of recorded ratios") from None


def record(path: Path, found: dict) -> None:
    """Keep the ratios of this run; those of rungs that it did not have stay."""
    kept = recorded(path) if path.exists() else {}
    merged = {name: float(f"{value:.4g}") for name, value in sorted((kept | ratios(found)).items())}
    path.write_text(json.dumps({"tolerance": TOLERANCE, "ratios": merged}, indent=1) + "\n", encoding="utf-8")


def compare(found: dict, kept: dict[str, float]) -> list[Change]:
    """Every ratio that is in both, dearest first."""
    now = ratios(found)
    changes = [Change(name, kept[name], now[name]) for name in kept if name in now]
    return sorted(changes, key=lambda change: -change.factor)


def slower(changes: list[Change]) -> list[Change]:
    """Those that cost more by more than their tolerance."""
    return [change for change in changes if change.factor > 1.0 + change.tolerance]
