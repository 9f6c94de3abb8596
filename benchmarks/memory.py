"""What an economy holds in memory, by model, and what its parts would have to tell each other if it were cut by region.

    python benchmarks/memory.py [--smbs 40000] [--weeks 13] [--models closed money work life people] [--halo 300000]

Bytes a row of each table: of the columns declared, and of those whose pages the system has really handed out (Linux only; from a page of
memory a column, that is 40 000 firms, on). Columns of zeros that nobody writes to are not handed out. Each model runs in a process of its
own. The second table cuts a network into ranges of regions: links that cross, and different suppliers elsewhere, by firm of a part.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import numpy as np

from smbsim import economy, scenario, simulate
from smbsim.bench.machine import OWN_PAGES_FROM, resident
from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.reconstruct import Reconstruct, draw_network
from smbsim.sample import draw_firms

SPARSE = {"threshold": 0.05, "draws_per_slot": 1.2}
MODELS = ("closed", "money", "work", "life", "people")
REGIONS = 240
PARTS = (4, 8, 20, 60)


def held(model: str, smbs: int, weeks: int) -> None:
    """Print the bytes a row of one model."""
    given = scenario.load({"model": model, "population": {"smbs": smbs}, "reconstruct": SPARSE})
    state, plan, draws = simulate.prepare(given)
    for t in range(weeks):
        simulate.advance(state, plan, Step(t, draws))
    line = f"{model:<8}"
    for table in (state.firms, state.slots, state.links):
        columns = [values for name in table.columns if (values := getattr(table, name)).nbytes]
        declared = sum(values.nbytes for values in columns) / table.n
        line += f"{declared:>10.0f}{sum(map(resident, columns)) / table.n:>8.0f}"
    print(f"{line}{state.slots.n / state.links.n:>12.2f}")


def halo(smbs: int) -> None:
    """Print what parts of a network would have to tell each other."""
    tables, draws = economy.load("us_2022"), Draws(1)
    firms = draw_firms(tables, smbs, np.ones(REGIONS), draws)
    network = draw_network(tables, firms, draws, Reconstruct(**SPARSE))
    sold, bought = (1.0 - firms.smb[rows].mean() for rows in (network.supplier, network.customer))
    print(f"\n{smbs} SMBs, {len(network)} links, {REGIONS} regions; large rows sell {sold:.0%} of the links and buy {bought:.0%}")
    print(f"{'parts':<8}{'links that cross':>18}{'remote suppliers a firm':>26}")
    for parts in PARTS:
        part = np.where(firms.smb, firms.region * parts // REGIONS, -1)
        buyer, seller = part[network.customer], part[network.supplier]
        crosses = (buyer != seller) & (buyer >= 0) & (seller >= 0)
        remote = np.unique(buyer[crosses] * np.int64(len(firms)) + network.supplier[crosses]).size
        print(f"{parts:<8}{crosses.mean():>18.1%}{remote / smbs:>26.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smbs", type=int, default=40_000)
    parser.add_argument("--weeks", type=int, default=13)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--halo", type=int, default=300_000, help="SMBs of the network that is cut; 0: none")
    parser.add_argument("--one", choices=MODELS, help=argparse.SUPPRESS)  # what a process of its own does
    given = parser.parse_args()
    if given.one:
        held(given.one, given.smbs, given.weeks)
        return
    print(f"{'bytes a':<8}{'firm':>10}{'held':>8}{'slot':>10}{'held':>8}{'link':>10}{'held':>8}{'slots a link':>14}", flush=True)
    for model in given.models:
        command = [sys.executable, __file__, "--one", model, "--smbs", str(given.smbs), "--weeks", str(given.weeks)]
        subprocess.run(command, check=True, env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(OWN_PAGES_FROM)})
    if given.halo:
        halo(given.halo)


if __name__ == "__main__":
    main()
