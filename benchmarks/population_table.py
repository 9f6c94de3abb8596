"""The table of verified numbers in POPULATION.md 1.8, measured again beside the document's values: one markdown table on stdout.

    python benchmarks/population_table.py [--sizes 200 2000] [--seed 1]

Rows that concern the population and the network; United States 2022, four equal regions. "sparse" has threshold .05 and 1.2 draws per slot.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from smbsim.draws import Draws
from smbsim.economy import load
from smbsim.reconstruct import Network, Reconstruct, draw_network, technology
from smbsim.sample import Firms, draw_firms

REGIONS = np.full(4, 0.25)
SPARSE = Reconstruct(threshold=0.05, draws_per_slot=1.2)
TAIL_SHARE = 0.05  # of firms, for the Hill exponent
NEUMANN_TERMS = 80  # .42^80 is below the smallest double relative to 1

DOCUMENT = {  # POPULATION.md 1.8, in the order of the columns below
    "links": ("3,303", "35,408", "375,752", "1,895,388", "1,001,677"),
    "links per firm": ("14.9", "17.5", "18.8", "18.9", "10.0"),
    "SMB→SMB, large→SMB, SMB→large, per SMB": ("6.8, 6.9, 3.7", "11.3, 4.1, 2.4", "13.1, 3.5, 2.2", "13.2, 3.5, 2.2", "6.8, 2.2, 1.0"),
    "build, s": (".1", ".2", ".5", "2.2", "1.5"),
    "max sector-flow error": ("4e-16", "7e-16", "2e-15", "6e-15", "–"),
    "min final sales / output": (".026", ".018", ".012", ".018", ".003"),
    "max abs(x−Ax−f)/x": ("2e-16", "2e-16", "3e-16", "4e-16", "–"),
    "Neumann solve": ("1e-15", "1e-15", "1e-15", "4e-15", "–"),
    "SMB share of output": (".30", ".402", ".410", ".410", ".410"),
    "SMB share of employment": ("–", "–", "–", ".462", ".462"),
    "in-degree SMB mean, median, max": ("12.8, 11, 52", "15.3, 11, 140", "16.6, 11, 296", "16.7, 11, 331", "9.0, 8, 133"),
    "out-degree SMB mean, median, max": ("9.6, 3.5, 82", "13.6, 4, 459", "15.3, 4, 905", "15.5, 4, 1368", "7.8, 1, 704"),
    "out-degree 0": (".18", ".20", ".20", ".20", ".43"),
    "Hill exponent top 5 % in / out": ("–", "2.16 / 1.84", "1.93 / 1.65", "1.92 / 1.60", "1.97 / 1.57"),
    "elasticity to sales in / out": (".30 / .45", ".41 / .50", ".45 / .53", ".46 / .53", ".29 / .65"),
    "SMB links within region": (".43", ".45", ".470", ".475", ".475"),
    "top-buyer share of link sales": (".51", ".49", ".48", ".48", ".52"),
    "largest row: customers / suppliers": ("172 / 87", "1242 / 609", "12101 / 6048", "60262 / 30565", "36031 / 14782"),
    "links made by repair": ("<1 %", ".06 %", ".05 %", ".05 %", ".4 %"),
    "value SMB→SMB, SMB→L, L→SMB, L→L, L self, counter, %": ("–", "–", "17, 17, 20, 24, 11, 12", "–", "–"),
    "class shares": ("–", "–", "–", ".630 .162 .103 .068 .022 .011 .005", "–"),
}
COLUMNS = ((200, False), (2000, False), (20000, False), (100000, False), (100000, True))


def measure(economy, smbs: int, parameters: Reconstruct, seed: int) -> dict[str, str]:
    """All rows of one column, as text."""
    draws = Draws(seed)
    start = time.perf_counter()
    firms = draw_firms(economy, smbs, REGIONS, draws)
    network = draw_network(economy, firms, draws, parameters)
    seconds = time.perf_counter() - start
    return {
        "build, s": f"{seconds:.2f}",
        **counts(firms, network),
        **accuracy(economy, firms, network, parameters),
        **degrees(firms, network),
        **places(firms, network),
        **values(economy, firms, network),
    }


def counts(firms: Firms, network: Network) -> dict[str, str]:
    smb, n_smbs = firms.smb, firms.smb.sum()
    kinds = [(a, b) for a, b in ((True, True), (False, True), (True, False))]
    per_smb = [np.sum((smb[network.supplier] == a) & (smb[network.customer] == b)) / n_smbs for a, b in kinds]
    shares = np.bincount(firms.size_class[smb]) / n_smbs
    return {
        "links": f"{len(network):,}",
        "links per firm": f"{len(network) / len(firms):.1f}",
        "SMB→SMB, large→SMB, SMB→large, per SMB": ", ".join(f"{v:.1f}" for v in per_smb),
        "links made by repair": f"{100 * network.repaired / len(network):.2f} %",
        "class shares": " ".join(short(v, 3) for v in shares),
    }


def accuracy(economy, firms: Firms, network: Network, parameters: Reconstruct) -> dict[str, str]:
    """Flow errors, the identity x = Ax + f, and x as the sum of A^k f."""
    G, sector, x = economy.G, firms.sector, firms.output
    coefficient, network_group, _ = technology(economy, parameters.threshold)
    flow = np.bincount(sector[network.supplier] * G + sector[network.customer], network.weight, minlength=G * G).reshape(G, G)
    expected = np.where(network_group.T, firms.scale * economy.domestic[:G, :G], 0.0)
    pool = network.outside / np.bincount(sector, network.outside)[sector]
    sales = economy.uses[:G].sum(axis=1) + economy.domestic[:G, G:].sum(axis=1)
    final = pool * firms.scale * sales[sector]
    counter = np.where(network_group.T, 0.0, coefficient)

    def inputs(output):
        linked = np.bincount(network.supplier, network.weight * (output / x)[network.customer], minlength=len(firms))
        return linked + pool * (counter @ np.bincount(sector, output))[sector]

    solved = final.copy()
    for _ in range(NEUMANN_TERMS):
        solved = final + inputs(solved)
    return {
        "max sector-flow error": f"{np.max(np.abs(flow - expected)[expected > 0] / expected[expected > 0]):.0e}",
        "min final sales / output": short(np.min(final / x), 3),
        "max abs(x−Ax−f)/x": f"{np.max(np.abs(x - inputs(x) - final) / x):.0e}",
        "Neumann solve": f"{np.max(np.abs(solved - x) / x):.0e}",
        "SMB share of output": short(x[firms.smb].sum() / x.sum(), 3),
        "SMB share of employment": short(firms.employment[firms.smb].sum() / firms.employment.sum(), 3),
    }


def degrees(firms: Firms, network: Network) -> dict[str, str]:
    smb = firms.smb
    supplies, buys = (np.bincount(rows, minlength=len(firms)) for rows in (network.supplier, network.customer))

    def summary(degree):
        return f"{degree.mean():.1f}, {np.median(degree):g}, {degree.max()}"

    return {
        "in-degree SMB mean, median, max": summary(buys[smb]),
        "out-degree SMB mean, median, max": summary(supplies[smb]),
        "out-degree 0": short(np.mean(supplies[smb] == 0), 2),
        "Hill exponent top 5 % in / out": " / ".join(f"{hill(d[smb]):.2f}" for d in (buys, supplies)),
        "elasticity to sales in / out": " / ".join(short(elasticity(d, firms), 2) for d in (buys, supplies)),
        "largest row: customers / suppliers": f"{supplies.max()} / {buys.max()}",
    }


def hill(degree) -> float:
    """Exponent of the complementary distribution of the largest degrees: 1 / mean log excess."""
    top = np.sort(degree)[-max(2, round(TAIL_SHARE * degree.size)) :]
    return 1 / np.mean(np.log(top[1:] / top[0]))


def elasticity(degree, firms: Firms) -> float:
    """Slope of log degree on log output within sectors, SMBs with links."""
    used = firms.smb & (degree > 0)
    sector, y, x = firms.sector[used], np.log(degree[used]), np.log(firms.output[used])
    size = np.maximum(np.bincount(sector), 1)
    y, x = (v - (np.bincount(sector, v) / size)[sector] for v in (y, x))
    return float(x @ y / (x @ x))


def places(firms: Firms, network: Network) -> dict[str, str]:
    between = firms.smb[network.supplier] & firms.smb[network.customer]
    local = (firms.region[network.supplier] == firms.region[network.customer])[between]
    sold, largest = np.bincount(network.supplier, network.weight, minlength=len(firms)), np.zeros(len(firms))
    np.maximum.at(largest, network.supplier, network.weight)
    sellers = firms.smb & (sold > 0)
    return {
        "SMB links within region": short(local.mean(), 3),
        "top-buyer share of link sales": short(np.mean(largest[sellers] / sold[sellers]), 2),
    }


def values(economy, firms: Firms, network: Network) -> dict[str, str]:
    smb = firms.smb
    from_smb, to_smb, itself = smb[network.supplier], smb[network.customer], network.supplier == network.customer
    groups = (from_smb & to_smb, from_smb & ~to_smb, ~from_smb & to_smb, ~from_smb & ~to_smb & ~itself, itself)
    total = firms.scale * economy.domestic[: economy.G, : economy.G].sum()
    shares = [network.weight[group].sum() / total for group in groups]
    shares.append(1 - sum(shares))
    return {"value SMB→SMB, SMB→L, L→SMB, L→L, L self, counter, %": ", ".join(f"{100 * v:.0f}" for v in shares)}


def short(value: float, digits: int) -> str:
    """A share without its leading zero, as in the document."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if 0 <= value < 1 else f"{value:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=sorted({size for size, _ in COLUMNS}), help="numbers of SMBs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    economy = load("us_2022")
    draw_network(economy, draw_firms(economy, 50, REGIONS, Draws(0)), Draws(0))  # compile outside the clock
    known = [c for c in range(len(COLUMNS)) if COLUMNS[c][0] in options.sizes]
    other = [size for size in options.sizes if size not in {size for size, _ in COLUMNS}]
    columns = [(*COLUMNS[c], {row: DOCUMENT[row][c] for row in DOCUMENT}) for c in known]
    columns += [(size, False, dict.fromkeys(DOCUMENT, "–")) for size in other]
    measured = [measure(economy, size, SPARSE if sparse else Reconstruct(), options.seed) for size, sparse, _ in columns]
    names = [f"{size:,}{' sparse' if sparse else ''}" for size, sparse, _ in columns]
    print("| | " + " | ".join(f"{name} | document" for name in names) + " |")
    print("|---" * (1 + 2 * len(columns)) + "|")
    for row in DOCUMENT:
        cells = [f"{found[row]} | {document[row]}" for found, (_, _, document) in zip(measured, columns, strict=True)]
        print(f"| {row} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
