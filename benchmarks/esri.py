"""What the risk index costs, in products of the same sparse matrices. Prints one table, limits beside measurements.

    python benchmarks/esri.py [--quick] [--country] [--only-country]

A *pair* is one product of a vector with each of W and W transposed: scipy CSR, float64, one thread, repeated in the same run. The cost of
the index is time / (closures × sweeps × pair), where a closure's sweeps are its `iterations`; the time to build the layout, which is paid
once, is shared among as many closures as there are firms, also where only a sample of them is solved. One thread is timed
by the time its process had a processor, so that other work on the machine does not count; two threads by the clock, interleaved with one,
and this only means something when both cores are free. Beside it stands what the processor time of the same runs allows: with q the part
of one thread that is not shared (checking and building the layout) and g the processor time of two threads over that of one,
1 / (q + (g - q) / 2).

Networks: out-degrees from P(k) ∝ k^-2.3 on 1 … 128, then single links added at random firms below the cap until the mean is reached;
customers uniform and distinct; weights 0.1 + U(0, 1); 616 sectors at random; no final sales; tolerance 1e-2. `--country` adds the size
of Hungary's (91 595 firms, 1.1 million links): the time of all closures is estimated from a sample of them. It is also timed at the default
tolerance, 1e-6, and then with final sales as large as all links, as in national accounts: without any, every firm of this network loses
everything in the end, slowly (MODEL.md 4.18), and at 1e-6 the sweeps do not end within minutes for a single batch.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse

from smbsim.systemic.esri import ESSENTIAL, LINEAR, RiskNetwork, esri

SEED = 42
SECTORS = 616
EXPONENT, MOST = 2.3, 128
TOLERANCE = 1e-2
COUNTRY_FIRMS, COUNTRY_DEGREE, COUNTRY_MINUTES = 91_595, 12, 60.0  # minutes of processor time: half an hour on two cores
DEFAULT_TOLERANCE = 1e-6
LEVELS = {"linear": LINEAR, "essential": ESSENTIAL}
PAIRS = 40  # products timed before and after each measurement


def network(n: int, mean_degree: float, essentiality: int) -> RiskNetwork:
    """The recipe above."""
    rng = np.random.default_rng(SEED)
    degree = np.arange(1, MOST + 1)
    chance = degree**-EXPONENT
    out = rng.choice(degree, n, p=chance / chance.sum())
    while (missing := int(mean_degree * n) - out.sum()) > 0:
        more = np.bincount(rng.choice(np.flatnonzero(out < MOST), missing), minlength=n)
        out = np.minimum(out + more, MOST)
    supplier = np.repeat(np.arange(n), out)
    customer = rng.integers(0, n, supplier.size)
    while (wrong := _twice(supplier, customer, n)).any():  # drawn again until all are distinct and nobody is its own customer
        customer[wrong] = rng.integers(0, n, np.count_nonzero(wrong))
    weight = 0.1 + rng.random(supplier.size)
    return RiskNetwork(supplier, customer, weight, rng.integers(0, SECTORS, n), np.full(supplier.size, essentiality))


def _twice(supplier: np.ndarray, customer: np.ndarray, n: int) -> np.ndarray:
    key = supplier * n + customer
    wrong = np.ones(key.size, dtype=bool)
    wrong[np.unique(key, return_index=True)[1]] = False
    return wrong | (supplier == customer)


def timed(action: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of one call."""
    start = clock()
    action()
    return clock() - start


def pair(net: RiskNetwork, clock: Callable[[], float]) -> float:
    """Median seconds of one product with each of the two matrices."""
    w = sparse.csr_matrix((net.weight, (net.supplier, net.customer)), (net.n, net.n))
    transposed, x = w.T.tocsr(), np.random.default_rng(0).random(net.n)
    return statistics.median(timed(lambda: (w @ x, transposed @ x), clock) for _ in range(PAIRS))


def cost(net: RiskNetwork, rows: np.ndarray, repeats: int, tolerance: float = TOLERANCE, **options) -> tuple[float, float, float]:
    """(pairs per closure and sweep, seconds per closure, sweeps per closure), medians."""
    ratios, seconds = [], []
    sweeps = float(esri(net, rows, tolerance=tolerance, **options).iterations.mean())
    for _ in range(repeats):
        before = pair(net, time.process_time)
        once = timed(lambda: esri(net, rows[:0], tolerance=tolerance, **options), time.process_time)
        spent = timed(lambda: esri(net, rows, tolerance=tolerance, **options), time.process_time)
        seconds.append((spent - once) / len(rows) + once / net.n)
        ratios.append(seconds[-1] / (0.5 * (before + pair(net, time.process_time))))
    return statistics.median(ratios) / sweeps, statistics.median(seconds), sweeps


def speed_up(net: RiskNetwork, rows: np.ndarray, repeats: int) -> tuple[float, float]:
    """One thread over two, medians of interleaved runs: by the clock, and as the processor time allows."""
    by_clock, allowed = [], []
    for _ in range(repeats):
        once = timed(lambda: esri(net, rows[:0], tolerance=TOLERANCE), time.process_time)
        clock, spent = [], []
        for threads in (1, 2):
            begun = time.process_time()
            clock.append(timed(lambda: esri(net, rows, tolerance=TOLERANCE, threads=threads), time.perf_counter))  # noqa: B023
            spent.append(time.process_time() - begun)
        by_clock.append(clock[0] / clock[1])
        unshared, growth = once / spent[0], spent[1] / spent[0]
        allowed.append(1.0 / (unshared + 0.5 * (growth - unshared)))
    return statistics.median(by_clock), statistics.median(allowed)


def line(what: str, value: str, limit: str = "") -> None:
    print(f"{what:<58}{value:>12}{limit:>12}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a sample of closures, once")
    parser.add_argument("--country", action="store_true", help="add a network of the size of Hungary's")
    parser.add_argument("--only-country", action="store_true", help="nothing else")
    arguments = parser.parse_args()
    repeats, sample = (1, 1500) if arguments.quick else (5, 10_000)
    few = min(sample, 3000)  # of a large network
    if not arguments.only_country:
        small_and_large(repeats, sample, few)
    if arguments.country or arguments.only_country:
        country(few)


def small_and_large(repeats: int, sample: int, few: int) -> None:
    """Cost per closure and sweep against the limits, single precision, and two threads."""
    rng = np.random.default_rng(1)
    line("pairs per closure and sweep, one thread", "measured", "limit")
    for n, limit in ((10_000, 0.15), (100_000, 0.25)):
        for name, level in LEVELS.items():
            net = network(n, 8, level)
            esri(net, [0], tolerance=TOLERANCE)  # compiles
            rows = np.sort(rng.choice(n, sample if n == 10_000 else few, replace=False))
            found, seconds, sweeps = cost(net, rows, repeats)
            line(f"  {n} firms, {name} ({sweeps:.2f} sweeps, {seconds * 1e6:.0f} µs a closure)", f"{found:.3f}", f"{limit}")
    net = network(10_000, 8, LINEAR)
    esri(net, [0], precision="single")
    found, *_ = cost(net, np.arange(min(sample, net.n)), repeats, precision="single")
    line("  10000 firms, linear, single precision", f"{found:.3f}")
    by_clock, allowed = speed_up(net, np.arange(net.n), max(repeats, 3))
    line("two threads against one, by the clock", f"{by_clock:.2f}", "≥ 1.7")
    line("  as processor time allows", f"{allowed:.2f}")


def country(few: int) -> None:
    """A network of Hungary's size: cost, minutes for all closures from a sample, peak memory."""
    rng = np.random.default_rng(1)
    for tolerance in (TOLERANCE, DEFAULT_TOLERANCE):
        for name, level in LEVELS.items():
            net = network(COUNTRY_FIRMS, COUNTRY_DEGREE, level)
            if tolerance == DEFAULT_TOLERANCE:
                net = dataclasses.replace(net, final_sales=net.sales())
            rows = np.sort(rng.choice(net.n, few, replace=False))
            found, seconds, sweeps = cost(net, rows, 1, tolerance)
            line(f"country, {name}, tolerance {tolerance:g}: {len(net.weight)} links, {sweeps:.2f} sweeps", f"{found:.3f}")
            line("  minutes of processor time for all closures", f"{seconds * net.n / 60:.1f}", f"≤ {COUNTRY_MINUTES:.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line(f"peak memory, GB (sample of {few} closures)", f"{peak:.2f}", "≤ 4")


if __name__ == "__main__":
    main()
