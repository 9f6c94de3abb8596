"""What a week costs, by model and by phase, beside the model of the foundation (closed). Prints two tables.

    python benchmarks/step.py [--smbs 100000] [--weeks 40] [--threads 1 2] [--models closed money work life] [--clock wall] [--json FILE]

United States, the sparse network with ten links a firm. The models take turns in one process, a block of weeks each: a block holds one
round of whatever is not done every week. A figure is the median over blocks, a ratio the median over the ratios of neighbouring blocks,
so that other work on the machine hits both alike. Both are given by the clock on the wall and in processor time (of all threads), phases
by the clock chosen. The limit is that of the issue "Money, work and life", at 100 000 firms.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from smbsim import scenario, simulate
from smbsim.mechanisms.base import Step

SPARSE = {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}}
MODELS = ("closed", "money", "work", "life")
BLOCK = 4  # weeks; search and entry come every fourth
WARM_UP = 12  # weeks before the clock starts: kernels are compiled, the first firms have closed and entered
LIMIT, LIMIT_FROM = 3.0, 100_000  # life by closed, at this many firms and more; fewer are dominated by the interpreter
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


@dataclass
class Run:
    """One model on its way, and what each of its blocks took."""

    model: str
    state: object
    plan: object
    draws: object
    t: int = 0
    blocks: dict[str, list[float]] = field(default_factory=lambda: {clock: [] for clock in CLOCKS})  # seconds a week
    phases: list[dict[str, float]] = field(default_factory=list)  # the same by phase

    @classmethod
    def begin(cls, model: str, smbs: int, threads: int) -> Run:
        given = scenario.load({"model": model, "population": {"smbs": smbs}, **SPARSE})
        run = cls(model, *simulate.prepare(given, threads=threads))
        for _ in range(WARM_UP):
            simulate.advance(run.state, run.plan, Step(run.t, run.draws))
            run.t += 1
        return run

    def block(self, clock: str) -> None:
        """Advance by a block of weeks, phase by phase, as `simulate.advance` does. clock: for the phases."""
        spent, now = dict.fromkeys((name for name, _ in self.plan), 0.0), CLOCKS[clock]
        start = {name: read() for name, read in CLOCKS.items()}
        for _ in range(BLOCK):
            self.state.flows.clear()
            step, last = Step(self.t, self.draws), now()
            for name, phase in self.plan:
                phase(self.state, step)
                done = now()
                spent[name] += done - last
                last = done
            self.t += 1
        for name, read in CLOCKS.items():
            self.blocks[name].append((read() - start[name]) / BLOCK)
        self.phases.append({name: seconds / BLOCK for name, seconds in spent.items()})

    def week(self, clock: str) -> float:
        """Seconds a week, median over blocks."""
        return statistics.median(self.blocks[clock])

    def phase(self, name: str) -> float:
        """Seconds a week in a phase, median over blocks; 0 where the model does not have it."""
        return statistics.median(block.get(name, 0.0) for block in self.phases)

    def by(self, base: Run, clock: str) -> float:
        """How many times what `base` takes, by blocks that stood side by side."""
        return statistics.median(a / b for a, b in zip(self.blocks[clock], base.blocks[clock], strict=True))


def measure(models, smbs: int, weeks: int, threads: int, clock: str) -> list[Run]:
    runs = [Run.begin(model, smbs, threads) for model in models]
    for _ in range(max(1, weeks // BLOCK)):
        for run in runs:
            run.block(clock)
    return runs


def report(runs: list[Run], threads: int, clock: str) -> dict:
    """Print both tables; the same figures as a dictionary."""
    base, figures = runs[0], {}
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, weeks {WARM_UP} to {base.t}; wall, then processor")
    print(f"{'model':<8}{'firms':>9}{'links':>10}{'ms a week':>12}{'':>10}{'ns a link':>12}{'':>8}{'by ' + base.model:>12}{'':>8}")
    for run in runs:
        firms, links = run.state.firms.n, run.state.links.n
        found = figures[run.model] = {"firms": firms, "links": links}
        for name in CLOCKS:
            found |= {f"ms_week_{name}": 1e3 * run.week(name), f"ns_link_week_{name}": 1e9 * run.week(name) / links}
            found[f"ratio_{name}"] = run.by(base, name)
        found["phases"] = {name: 1e3 * run.phase(name) for name, _ in run.plan}
        ms, ns, times = ([found[f"{what}_{name}"] for name in CLOCKS] for what in ("ms_week", "ns_link_week", "ratio"))
        print(
            f"{run.model:<8}{firms:>9}{links:>10}{ms[0]:>12.2f}{ms[1]:>10.2f}{ns[0]:>12.1f}{ns[1]:>8.1f}{times[0]:>12.2f}{times[1]:>8.2f}"
        )
    print(f"\n{f'phase, ms a week, {clock}':<44}" + "".join(f"{run.model:>10}" for run in runs))
    for name, _ in max((run.plan for run in runs), key=len):
        print(f"{name:<44}" + "".join(f"{1e3 * run.phase(name):>10.2f}" for run in runs))
    if base.model == "closed" and "life" in figures and base.state.firms.n >= LIMIT_FROM:
        found = figures["life"]["ratio_wall"]
        print(f"\nlife by closed: {found:.2f}, limit {LIMIT:g}{'' if found <= LIMIT else ': EXCEEDED'}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smbs", type=int, default=100_000)
    parser.add_argument("--weeks", type=int, default=40)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="the first is what the others are compared with")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="of the table of phases")
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args()
    figures = {}
    for threads in given.threads:
        figures[threads] = report(measure(given.models, given.smbs, given.weeks, threads, given.clock), threads, given.clock)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
