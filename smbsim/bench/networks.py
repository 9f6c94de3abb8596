r"""Large networks to measure on: ten links a firm, a power law of customers, lognormal numbers of suppliers; drawn all at once.

    P(supplier of a link is j) ∝ a_j ,   P(a > x) = x^-1.5                         number of customers: power law, exponent 1.5
    P(customer of a link is i) ∝ exp(z_i) ,   z standard normal                    number of suppliers: lognormal
    y_i = max( B_i / .6 - S_i , .1 S_i , 1 )                                       final sales: inputs are at most 60 % of output

random   firms stand in any order, regions are drawn
hubs     the same, and the first firm of each sector (21 firms) together sells half of all links
local    80 % of links inside the region; firms stand by region and sector
Regions have 2 000 firms, or half of all; links that leave one take two weeks instead of one.
Pairs drawn twice and firms that would supply themselves are drawn again.

Source: the networks on which the layout of links was designed; exponent, shares and spread are assumptions in the range of published
production networks (Bacilieri et al., 2023).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..network import NOT_GIVEN, FirmNetwork
from ..schema import InputError, nearest

LINKS_PER_FIRM = 10
EXPONENT = 1.5  # of the power law of attraction to customers
SPREAD = 1.0  # standard deviation of the logarithm of the number of suppliers
FIRMS_PER_REGION = 2000
LOCAL_SHARE = 0.8
HUB_SHARE = 0.5  # of all links
INPUT_SHARE = 0.6  # most of the output that is spent on inputs
FINAL_SHARE = 0.1  # least of what is sold along links that is sold outside
SPARE = 1.05  # draws per link that is missing
ROUNDS = 20  # of draws; hubs of small networks soon sell to everybody
LARGEST_WEIGHT = 100.0  # weights are log-uniform from 1
FEWEST = 200  # firms; with fewer, half of all pairs of a hub would be drawn twice


def random(n: int, sectors: int, seed: int = 1) -> FirmNetwork:
    """Suppliers from anywhere."""
    rng = np.random.default_rng(seed)
    sector, region, attraction = rng.integers(0, sectors, n), rng.integers(0, _regions(n), n), _attraction(rng, n)
    return _network(rng, sector, region, lambda customer: _chosen(rng, attraction, 0 * customer, 0 * customer + n))


def hubs(n: int, sectors: int, seed: int = 1) -> FirmNetwork:
    """As `random`, and one firm of each sector sells a share of half of all links between them."""
    rng = np.random.default_rng(seed)
    sector, region, attraction = rng.integers(0, sectors, n), rng.integers(0, _regions(n), n), _attraction(rng, n)
    hub, size = np.unique(sector, return_index=True)[1], _attraction(rng, len(np.unique(sector)))
    attraction[hub] = 0.0
    attraction[hub] = size / size.sum() * attraction.sum() * HUB_SHARE / (1.0 - HUB_SHARE)
    return _network(rng, sector, region, lambda customer: _chosen(rng, attraction, 0 * customer, 0 * customer + n))


def local(n: int, sectors: int, seed: int = 1) -> FirmNetwork:
    """Most suppliers from the region of the customer; rows by region, then sector."""
    rng = np.random.default_rng(seed)
    regions = _regions(n)
    region = np.arange(n) * regions // n
    sector, attraction = np.sort(region * sectors + rng.integers(0, sectors, n)) % sectors, _attraction(rng, n)
    start = np.searchsorted(region, np.arange(regions + 1))

    def choose(customer):
        at_home, home = rng.random(len(customer)) < LOCAL_SHARE, region[customer]
        return _chosen(rng, attraction, np.where(at_home, start[home], 0), np.where(at_home, start[home + 1], n))

    return _network(rng, sector, region, choose)


KINDS: dict[str, Callable[..., FirmNetwork]] = {"local": local, "random": random, "hubs": hubs}


def draw(kind: str, n: int, sectors: int, seed: int = 1) -> FirmNetwork:
    """The network of that kind with n firms. Raises InputError for another kind, or too few firms."""
    if kind not in KINDS:
        raise InputError(f"network '{kind}' is unknown.{nearest(kind, KINDS)}")
    if n < FEWEST:
        raise InputError(f"a network of {n} firms is too small to measure on; give {FEWEST} or more")
    return KINDS[kind](n, sectors, seed)


def _regions(n: int) -> int:
    return max(2, n // FIRMS_PER_REGION)


def _attraction(rng, n: int) -> np.ndarray:
    return rng.pareto(EXPONENT, n) + 1.0


def _chosen(rng, attraction: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """For each draw a row of [first, last), in proportion to attraction. attraction (n,); first, last (k,)."""
    below = np.concatenate([[0.0], np.cumsum(attraction)])
    level = below[first] + rng.random(len(first)) * (below[last] - below[first])
    return np.clip(np.searchsorted(below, level, side="right") - 1, first, last - 1)


def _pairs(rng, n: int, choose: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """customer n + supplier of each link, ascending; of customers, their suppliers are chosen."""
    wish, wanted = np.exp(SPREAD * rng.standard_normal(n)), LINKS_PER_FIRM * n
    found = np.empty(0, dtype=np.int64)
    for _ in range(ROUNDS):
        customer = np.repeat(np.arange(n), rng.multinomial(round(SPARE * (wanted - len(found))) + 1, wish / wish.sum()))
        supplier = choose(customer)
        found = np.unique(np.concatenate([found, (customer * n + supplier)[customer != supplier]]))
        if len(found) >= wanted:
            break
    return np.sort(rng.choice(found, wanted, replace=False)) if len(found) > wanted else found


def _network(rng, sector: np.ndarray, region: np.ndarray, choose: Callable[[np.ndarray], np.ndarray]) -> FirmNetwork:
    """Links, weights, and final sales that leave value added. sector, region (n,)."""
    n = len(sector)
    customer, supplier = np.divmod(_pairs(rng, n, choose), n)
    weight = LARGEST_WEIGHT ** rng.random(len(supplier))
    sold, bought = np.bincount(supplier, weight, n), np.bincount(customer, weight, n)
    final = np.maximum(np.maximum(bought / INPUT_SHARE - sold, FINAL_SHARE * sold), 1.0)
    return FirmNetwork(
        tuple(f"F{i}" for i in range(n)), sector, region, tuple(f"region {r + 1}" for r in range(int(region.max()) + 1)),
        np.full(n, np.nan), sold + final, final, supplier, customer, weight, np.full(len(supplier), NOT_GIVEN),
    )  # fmt: skip
