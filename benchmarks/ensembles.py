"""Many runs: how many a minute, what two jobs gain over one, what the harness costs, and memory against the number of runs.

    python benchmarks/ensembles.py [--smbs 2000] [--runs 16] [--repeats 5] [--many 10000] [--model closed]

First it is checked that one job, two threads and two processes write the same bytes; otherwise nothing is printed. One and two jobs are
timed in turn, and medians are compared. Processor time tells how much of a gain is lost to the machine being shared: the load is printed.
The cost of the harness is processor time of an ensemble beside that of its bare runs; files are written once, whatever the number of
runs. Memory is the peak of a process of its own. Aims, on two quiet cores: two jobs 1.7 times one; harness below 5 %; peak of 10 000
small runs 1.2 times that of 100.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from smbsim import economy, scenario, simulate
from smbsim.analysis import ensemble

FEW, BURN_IN, QUIET = 100, 52, 0.5  # small runs, weeks, load
SMALL = {
    "population": {"smbs": 15, "regions": 1}, "horizon": {"weeks": 6, "burn_in": 2},
    "output": {"metrics": ["real_value_added", "employment"]}, "shocks": [{"kind": "demand", "start": 1, "stop": 3, "size": 0.2}],
}  # fmt: skip
WAYS = {"1 job": {"jobs": 1}, "2 threads": {"jobs": 2}, "2 processes": {"jobs": 2, "executor": "processes"}}
PEAK = """
import json, resource, sys
from smbsim.analysis import ensemble
ensemble.run(json.loads(sys.argv[1]), runs=int(sys.argv[2]), out=sys.argv[3], jobs=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds, those of child processes included."""
    before, wall = os.times(), time.perf_counter()
    action()
    after = os.times()
    return time.perf_counter() - wall, sum(after[:4]) - sum(before[:4])


def ensemble_of(spec, runs: int, folder: Path, **how) -> dict[str, str]:
    """Run it into a folder; the digests of its numbers."""
    ensemble.run(spec, runs=runs, out=folder, **how)
    return {name: ensemble.digest(folder / name) for name in ensemble.NUMBERS}


def same_bytes(spec, folder: Path) -> bool:
    """Whether all ways of computing write the same files; compiles on the way."""
    found = [ensemble_of(spec, 2, folder / name, **how) for name, how in WAYS.items()]
    return all(one == found[0] for one in found)


def speed(spec, runs: int, repeats: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Way → median wall and processor seconds, the ways timed in turn."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for k in range(repeats):
        for name, how in WAYS.items():
            times[name].append(timed(lambda name=name, how=how, k=k: ensemble_of(spec, runs, folder / f"{k} {name}", **how)))
    return {name: tuple(statistics.median(column) for column in zip(*seen, strict=True)) for name, seen in times.items()}


def overhead(spec, runs: int, repeats: int, folder: Path) -> tuple[float, float]:
    """Processor time of the harness as a share of that of the runs, and seconds of writing the files once: medians over repeats.

    Bare runs, an ensemble, and the same with --resume, which only writes the files, in turn: (ensemble - files - bare) / bare.
    """
    tables, variants, shares, files = economy.load(spec.economy), spec.all_variants(), [], []
    for k in range(repeats):
        bare = timed(lambda: [simulate.run(variants, spec.runs.seed + s, tables) for s in range(runs)])[1]
        whole = timed(lambda k=k: ensemble_of(spec, runs, folder / f"overhead {k}", jobs=1))[1]
        files.append(timed(lambda k=k: ensemble_of(spec, runs, folder / f"overhead {k}", jobs=1, resume=True))[1])
        shares.append((whole - files[-1]) / bare - 1.0)
    return statistics.median(shares), statistics.median(files)


def peak(runs: int) -> float:
    """Peak memory of a process that makes so many small runs, MB."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-c", PEAK, json.dumps(SMALL), str(runs), str(Path(folder) / "out")]
        return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout) / 1024


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smbs", type=int, default=2000)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--model", default="closed")
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--many", type=int, default=10_000, help="small runs whose memory is compared with that of 100; 0: leave out")
    asked = parser.parse_args()
    spec = scenario.load(SMALL).with_({"model": asked.model, "output.metrics": None}).with_(
        population={"smbs": asked.smbs, "regions": 4}, horizon={"weeks": asked.weeks, "burn_in": BURN_IN}
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not same_bytes(spec, folder):
            sys.exit("one job, two threads and two processes do not write the same numbers; nothing is timed")
        load = os.getloadavg()[0]
        found = speed(spec, asked.runs, asked.repeats, folder)
        cost, files = overhead(spec, asked.runs, asked.repeats, folder)
    busy = " (NOT QUIET: wall times and gains are too low)" if load > QUIET else ""
    print(f"{asked.runs} runs of {asked.smbs} SMBs, {asked.model}, {asked.weeks} + {BURN_IN} weeks, with baseline")
    print(f"{os.cpu_count()} cores, load {load:.1f}{busy}")
    base = found["1 job"][0]
    for name, (wall, processor) in found.items():
        rate, gain, cores = 60 * asked.runs / wall, base / wall, processor / wall
        print(f"{name:12} {rate:7.1f} runs/min   {gain:4.2f} times one job   processor {processor:6.1f} s, {cores:.2f} cores busy")
    print(f"harness      {cost:7.1%} of the processor time of the bare runs (aim: below 5 %), and {files:.2f} s once to write the files")
    if asked.many:
        few, many = peak(FEW), peak(asked.many)
        print(f"memory       {few:.0f} MB for {FEW} small runs, {many:.0f} MB for {asked.many}: {many / few:.2f} times (aim: at most 1.2)")


if __name__ == "__main__":
    main()
