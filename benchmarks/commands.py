"""How long a user waits: the commands, the simulation in them, building a large economy. Prints one table, limits beside measurements.

    python benchmarks/commands.py [--repeats 5] [--quick]

Every figure is the median of several. A run counts only if two different executions leave the same numbers (the digest of
`ensemble.nc`); otherwise nothing is printed. Limits are those of the foundation's issue, on two quiet cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from smbsim import economy, scenario, simulate
from smbsim.draws import Draws
from smbsim.population import build

SCENARIO = "demand_shock"


def median(action: Callable[[], object], repeats: int) -> float:
    """Median wall time of an action in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def command(*words: str, cache: Path | None = None) -> Callable[[], object]:
    """Runs `smbsim words…` in a process of its own, in a scratch folder; cache: where numba keeps what it compiled."""
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache else {})}

    def run():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "smbsim", *words], cwd=folder, env=environment, check=True, capture_output=True)

    return run


def cold(action_with: Callable[[Path], Callable[[], object]]) -> Callable[[], object]:
    """The same with an empty compile cache each time."""

    def run():
        folder = Path(tempfile.mkdtemp())
        try:
            action_with(folder)()
        finally:
            shutil.rmtree(folder)

    return run


def same_numbers_twice() -> bool:
    """Two processes, one with one job and one with two: the same bytes."""
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        for jobs in ("1", "2"):
            out = Path(folder) / jobs
            words = ["run", SCENARIO, "--steps", "60", "--runs", "2", "--jobs", jobs, "--no-figures", "--out", str(out)]
            subprocess.run([sys.executable, "-m", "smbsim", *words], check=True, capture_output=True)
            digests.add(json.loads((out / "manifest.json").read_text())["files"]["ensemble.nc"])
    return len(digests) == 1


def build_large(sparse: bool) -> Callable[[], object]:
    """Build 100 000 SMBs at rest; sparse: a million links, otherwise 1.9 million."""
    thin = {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}} if sparse else {}
    spec = scenario.load({"population": {"smbs": 100_000}, **thin})
    tables = economy.load("us_2022")
    return lambda: build(spec, Draws(1), tables)


def rows(repeats: int, quick: bool):
    """(what, limit in seconds, measured seconds)."""
    variants = scenario.load(SCENARIO).all_variants()
    simulate.run(variants, 1)  # compile
    yield "smbsim --help", 0.4, median(command("--help"), max(repeats, 7))
    yield "simulate 2 000 SMBs, 156 weeks and baseline (burn-in of 104 included)", 3.0, median(lambda: simulate.run(variants, 1), repeats)
    yield "smbsim run demand_shock, warm compile cache", 15.0, median(command("run", SCENARIO), repeats)
    if not quick:
        yield "smbsim run demand_shock, cold compile cache", 75.0, median(cold(lambda c: command("run", SCENARIO, cache=c)), 1)
        yield "build 100 000 SMBs at rest, 1.0 million links", 10.0, median(build_large(True), 3)
        yield "build 100 000 SMBs at rest, 1.9 million links", 10.0, median(build_large(False), 3)
        eight = [median(command("run", SCENARIO, "--runs", "8", "--no-figures", "--jobs", str(jobs)), 1) for jobs in (1, 2)]
        yield "8 runs on one job", float("nan"), eight[0]
        yield "8 runs on two jobs", float("nan"), eight[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    given = parser.parse_args()
    if not same_numbers_twice():
        sys.exit("one job and two jobs leave different numbers: nothing is measured")
    print("| what | limit, s | measured, s | share of limit |\n|---|---|---|---|")
    for what, limit, seconds in rows(given.repeats, given.quick):
        known = limit == limit
        print(f"| {what} | {limit if known else ''} | {seconds:.2f} | {f'{seconds / limit:.0%}' if known else ''} |", flush=True)


if __name__ == "__main__":
    main()
