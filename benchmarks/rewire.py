"""What structural change costs: rewiring a large economy, and a week in which firms close, search, review and enter. Prints one table.

    python benchmarks/rewire.py [--smbs 100000] [--links 20000] [--repeats 5]

The rewiring is the median of several, the week the mean of whole rounds of search and entry; the network is the sparse one, ten links a
firm.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from smbsim import scenario, simulate
from smbsim.mechanisms.base import Step

THIN = {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}}


def change(state, links: int, rng) -> float:
    """Drop some links and add as many between firms that had none; seconds it takes."""
    gone = np.sort(rng.choice(state.links.n, links, replace=False))
    slot, supplier = rng.integers(state.slots.n, size=links), rng.integers(state.firms.n, size=links)
    pairs = np.unique(slot * state.firms.n + supplier)
    slot, supplier = pairs // state.firms.n, pairs % state.firms.n
    there = np.isin(pairs, state.links.slot.astype(np.int64) * state.firms.n + state.links.supplier)
    slot, supplier = slot[~there], supplier[~there]
    start = time.perf_counter()
    state.rewire(links=(supplier, state.slots.customer[slot], state.slots.group[slot]), gone_links=gone)
    return time.perf_counter() - start


def rewiring(smbs: int, links: int, repeats: int) -> float:
    """Seconds of one change of the layout."""
    state = simulate.prepare(scenario.load({"population": {"smbs": smbs}, **THIN}))[0]
    rng = np.random.default_rng(1)
    change(state, links, rng)  # compiles
    print(f"{state.firms.n} firms, {state.slots.n} slots, {state.links.n} links")
    return statistics.median(change(state, links, rng) for _ in range(repeats))


def weeks(smbs: int, repeats: int, **sections) -> tuple[float, float]:
    """Mean and largest seconds of a week, the first eight left out."""
    state, plan, draws = simulate.prepare(scenario.load({"population": {"smbs": smbs}, **THIN, **sections}))
    times = []
    for t in range(8 + 4 * repeats):
        start = time.perf_counter()
        simulate.advance(state, plan, Step(t, draws))
        times.append(time.perf_counter() - start)
    return statistics.mean(times[8:]), max(times[8:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smbs", type=int, default=100_000)
    parser.add_argument("--links", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"rewire, {given.links} links changed      {1e3 * rewiring(given.smbs, given.links, given.repeats):8.1f} ms")
    for name, sections in (
        ("closed", {}),
        ("money", {"model": "money"}),
        ("life", {"model": "life"}),
        ("money without sourcing", {"model": "money", "exits": {"enabled": False}, "sourcing": {"enabled": False}}),
    ):
        mean, most = weeks(given.smbs, given.repeats, **sections)
        print(f"week, {name:<30} {1e3 * mean:8.1f} ms   (largest {1e3 * most:.1f})")


if __name__ == "__main__":
    main()
