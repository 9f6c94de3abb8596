"""The United States one to one: the packaged scenario `united_states`, built and stepped week by week, with and without its shock.

    python benchmarks/united_states.py [--smbs N] [--weeks 52] [--threads 2] [--variants scenario baseline] [--json FILE]

Each variant is built and stepped in a process of its own, one after the other, so that one economy at a time is in memory; equal seeds
make them a pair. Printed as they come: weekly output by output at rest, and how far money, goods and heads are from adding up. Then what
building took, what a week costs and in which phases, and the most memory the process held. A run of the command `smbsim run` holds the
same economy twice (at the start of all variants, and on its way).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from smbsim import scenario, simulate
from smbsim.mechanisms.base import Step
from smbsim.metrics.identities import Books
from smbsim.state import TABLES

SHOWN = 12  # phases
SMALL = 300  # SMBs of the economy that compiles the kernels before the clock starts


def megabytes() -> float:
    """The most memory this process has held, in millions of bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def step(variant: str, smbs: int | None, weeks: int | None, threads: int) -> dict:
    """Build one variant and step it; its figures."""
    given = scenario.load("united_states", [] if smbs is None else [f"population.smbs={smbs}"])
    given = given if variant == "scenario" else given.without_interventions()
    weeks = weeks or given.horizon.weeks
    warm, phases, draws = simulate.prepare(given.with_({"population.smbs": SMALL}), threads=threads)
    simulate.advance(warm, phases, Step(0, draws))
    del warm, phases
    began = time.perf_counter()
    state, phases, draws = simulate.prepare(given, threads=threads)
    found = {
        "variant": variant, "smbs": given.population.smbs, "firms": state.firms.n, "slots": state.slots.n, "links": state.links.n,
        "scale": state.scale, "threads": threads, "build_seconds": time.perf_counter() - began, "build_megabytes": megabytes(),
    }  # fmt: skip
    print(f"{variant}: {state.firms.n} firms, {state.links.n} links, built in {found['build_seconds']:.0f} s, "
          f"{megabytes() / 1e3:.1f} GB", flush=True)  # fmt: skip
    books, rest = Books(state), state.firms.output.sum()
    output, gaps, seconds, processor, spent = [], [], [], [], {name: [] for name, _ in phases}
    for t in range(weeks):
        state.flows.clear()
        week, start, used = Step(t, draws), time.perf_counter(), time.process_time()
        last = start
        for name, phase in phases:
            phase(state, week)
            now = time.perf_counter()
            spent[name].append(now - last)
            last = now
        seconds.append(last - start)
        processor.append(time.process_time() - used)
        output.append(float(state.firms.output.sum()))
        gaps.append(books.gaps(state))
        shown = " ".join(f"{name} {gap:.0e}" for name, gap in gaps[-1].items())
        print(f"  week {t:>3}  output {output[-1] / rest:.6f} of rest  {shown}  {seconds[-1]:.2f} s", flush=True)
    return found | {
        "output_at_rest": float(rest), "output": output, "gaps": gaps, "week_seconds": seconds, "week_processor_seconds": processor,
        "peak_megabytes": megabytes(),
        "phase_seconds": {name: statistics.median(values) for name, values in spent.items()},
        "bytes_in_columns": {axis: sum(getattr(state.table(axis), name).nbytes for name in state.table(axis).columns) for axis in TABLES},
    }  # fmt: skip


def report(found: dict) -> None:
    week, links = statistics.median(found["week_seconds"]), found["links"]
    print(f"\n{found['variant']}: {found['smbs']} SMBs, scale {found['scale']:.4f}, {links / found['firms']:.1f} links and "
          f"{found['slots'] / found['firms']:.1f} slots a firm, {found['threads']} threads")  # fmt: skip
    print(f"built in {found['build_seconds']:.0f} s; a week takes {week:.2f} s, {1e9 * week / links:.0f} ns a link "
          f"({statistics.median(found['week_processor_seconds']):.2f} s of processor time); "
          f"at most {found['build_megabytes'] / 1e3:.1f} GB while built, {found['peak_megabytes'] / 1e3:.1f} GB in all")  # fmt: skip
    worst = {name: max(gap[name] for gap in found["gaps"]) for name in found["gaps"][0]}
    print("largest gaps: " + ", ".join(f"{name} {gap:.1e}" for name, gap in worst.items()))
    dear = sorted(found["phase_seconds"].items(), key=lambda entry: -entry[1])[:SHOWN]
    print("\n".join(f"{name:<44}{1e3 * seconds:>9.0f} ms {100 * seconds / week:>5.1f} %" for name, seconds in dear))


def compare(scenario: dict, baseline: dict) -> None:
    """What the shock takes, week by week of the pair."""
    weeks = min(len(scenario["output"]), len(baseline["output"]))
    lost = 1.0 - np.array(scenario["output"][:weeks]) / np.array(baseline["output"][:weeks])
    print(f"\nshock: {100 * lost.mean():.3f} % of output on average, at most {100 * lost.max():.3f} % in week {int(lost.argmax())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smbs", type=int, help="default: that of the scenario, one for each in the country")
    parser.add_argument("--weeks", type=int, help="default: that of the scenario")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=("scenario", "baseline"), default=("scenario", "baseline"))
    parser.add_argument("--json", type=Path, default=Path("united_states.json"), help="write the figures there")
    parser.add_argument("--one", choices=("scenario", "baseline"), help=argparse.SUPPRESS)  # what a process of its own does
    given = parser.parse_args()
    if given.one:
        given.json.write_text(json.dumps(step(given.one, given.smbs, given.weeks, given.threads)), encoding="utf-8")
        return
    found = {}
    for variant in given.variants:
        part = given.json.with_suffix(f".{variant}.json")
        numbers = [f"--{name}={value}" for name in ("smbs", "weeks", "threads") if (value := getattr(given, name)) is not None]
        subprocess.run([sys.executable, __file__, "--one", variant, *numbers, "--json", str(part)], check=True)
        found[variant] = json.loads(part.read_text(encoding="utf-8"))
        report(found[variant])
    if len(found) == 2:
        compare(found["scenario"], found["baseline"])
    given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
