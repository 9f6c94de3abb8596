r"""R14, Gai and Kapadia (2010): contagion of defaults on a random network of claims, by the model's own phases.

Every firm with j debtors has a claim of 1/j on each, owes as much as its claims come to, and has a buffer of 1/K. It is insolvent when its
losses reach the buffer; nothing is recovered from it and its creditors lose at once. On a directed Poisson graph of mean degree z one
default spreads like a branching process: a firm is vulnerable to a single default if j ≤ K, and a creditor reached along a link has j
debtors with probability j p_j / z, whatever the number of its own creditors, so that

    b = Σ_{j,k} j k v_j p_jk / z = z · P(Poisson(z) ≤ K - 1)        branching: mean number of new defaults per default
    P(cascade) = s ,  s = 1 - e^{-b s}                              the default of a firm drawn at random goes on for ever

Source: Gai and Kapadia (2010), Proceedings of the Royal Society A 466, eqs. 2.5 to 2.8; MODEL.md M5, tipping (ii), and R14.
"""

from __future__ import annotations

from math import exp, factorial, sqrt

import numpy as np
import pytest

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.credit import Credit
from smbsim.mechanisms.exits import Exits
from smbsim.rest import ACCOUNTS
from smbsim.scenario import MECHANISMS
from smbsim.state import CAUSES, State
from smbsim.trade_credit import sum_credit

K = 4  # claims up to which the loss of one is the end
CASCADE = 0.05  # share of firms from which a chain of defaults counts as a cascade
PUBLISHED = {0.8: 0.0, 1.2: 0.23, 2.0: 0.70, 4.0: 0.70, 6.0: 0.0}  # mean degree → share of 40 seeds on one graph (MODEL.md 6)
PUBLISHED_RUNS = 40
COLUMNS = [column for mechanism in MECHANISMS for column in mechanism.columns]
AT_ONCE = Exits(estate_weeks=0, capital_recovery=0.0, goods_recovery=0.0, offer_rate=0.0, retirement_hazard=0.0)


def branching(z: float) -> float:
    """Mean number of vulnerable creditors of a vulnerable firm."""
    return z * sum(exp(-z) * z**j / factorial(j) for j in range(K))


def chance(z: float) -> float:
    """Probability that the default of one firm becomes a cascade, on an infinite network."""
    share = 1.0
    for _ in range(10_000):
        share = 1.0 - exp(-branching(z) * share)
    return share if branching(z) > 1 else 0.0


def claims(n: int, z: float, seed: int) -> State:
    """n firms, each the creditor of z others on average; a link runs from creditor (supplier) to debtor (customer)."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(0, n * n, rng.poisson(n * z)))
    debtor, creditor = pairs // n, pairs % n
    debtor, creditor = debtor[debtor != creditor], creditor[debtor != creditor]
    owing = np.unique(debtor)
    state = State(
        COLUMNS, sectors=("goods",), regions=("all",), accounts=ACCOUNTS,
        firms={"uid": np.arange(n), "sector": np.zeros(n, dtype=int)},
        slots=(owing, np.zeros(len(owing), dtype=int)), links=(creditor, debtor, np.zeros(len(debtor), dtype=int)),
        widths={"lead": 2, "import_lead": 4, "use": 4, "policy": 0},
    )  # fmt: skip
    count = np.bincount(creditor, minlength=n)
    state.links.payable[:] = 1.0 / count[creditor]
    sum_credit(state)
    state.firms.capital[:] = (1.0 - 1e-9) / K  # a loss of a K-th is the end, also when its rounding is the other way
    state.firms.capital[:] += state.sum_by_customer(state.links.payable)  # what it owes its own creditors bought fixed assets
    state.firms.debt[:] = count > 0
    state.firms.refused[:] = True
    return state


def cascade(calm: State, first: int) -> float:
    """Share of firms that default after the first."""
    state = calm.copy()
    state.firms.debt[first] += 1e3
    credit, closed = Credit(enabled=True), 0
    for t in range(state.firms.n):
        step = Step(t, Draws(0))
        credit.appraise(state, step)
        for phase in (AT_ONCE.judge, AT_ONCE.liquidate, AT_ONCE.settle_estates):
            phase(state, step)
        before, closed = closed, int((~state.firms.alive).sum())
        if closed == before:
            break
    assert set(state.firms.exit_cause[~state.firms.alive]) == {CAUSES.index("insolvent")}
    return closed / state.firms.n


def share_of_cascades(n: int, z: float, graphs: int, seeds: int) -> float:
    """Over random graphs and over firms drawn at random as the first to default."""
    found = []
    for graph in range(graphs):
        state = claims(n, z, graph)
        firsts = np.random.default_rng(1000 + graph).choice(n, seeds, replace=False)
        found += [cascade(state, int(first)) > CASCADE for first in firsts]
    return float(np.mean(found))


def error(p: float, runs: int) -> float:
    """Standard error of a share."""
    return sqrt(p * (1.0 - p) / runs)


def test_branching_is_that_of_the_published_table():
    assert [branching(z) for z in PUBLISHED] == pytest.approx([0.79, 1.16, 1.71, 1.73, 0.91], abs=0.005)


def test_chance_of_a_cascade_is_near_the_published_simulations():
    """Theory against the 40 seeds of the table: within three standard errors of those."""
    for z, published in PUBLISHED.items():
        assert abs(chance(z) - published) <= 3 * error(chance(z), PUBLISHED_RUNS)


def test_every_firm_starts_with_the_same_buffer_and_nobody_defaults():
    state, step = claims(500, 2.0, 1), Step(0, Draws(0))
    Credit(enabled=True).appraise(state, step)
    AT_ONCE.judge(state, step)
    assert np.allclose(state.firms.equity, 1.0 / K, rtol=1e-8)
    assert state.firms.alive.all()


@pytest.mark.parametrize(("z", "expected"), [(0.8, 0.0), (2.0, chance(2.0))])
def test_cascades_below_and_above_the_threshold(z, expected):
    """A quick look; the whole table is `long`."""
    runs = 40
    found = share_of_cascades(2_000, z, 4, runs // 4)
    assert abs(found - expected) <= 3 * error(expected, runs)


@pytest.mark.long
@pytest.mark.parametrize("z", [0.8, 1.2, 2.0, 4.0])
def test_share_of_cascades_is_that_of_the_theory(z):
    """R14: 10 graphs of 10 000 firms, 20 seeds each; within three standard errors, and of the published runs too."""
    runs = 200
    found, expected = share_of_cascades(10_000, z, 10, runs // 10), chance(z)
    assert abs(found - expected) <= 3 * error(expected, runs)
    assert abs(found - PUBLISHED[z]) <= 3 * sqrt(error(expected, runs) ** 2 + error(expected, PUBLISHED_RUNS) ** 2)


@pytest.mark.long
def test_cascades_just_above_the_upper_threshold_are_those_of_a_small_network():
    """R14, z = 6: a branching of .91 should die out. What cascades there are come from firms hit twice, and go as the network grows."""
    runs = 200
    small, middle, large = (share_of_cascades(n, 6.0, 10, runs // 10) for n in (2_500, 10_000, 40_000))
    pooled = (runs * middle + PUBLISHED_RUNS * PUBLISHED[6.0]) / (runs + PUBLISHED_RUNS)
    assert abs(middle - PUBLISHED[6.0]) <= 3 * sqrt(error(pooled, runs) ** 2 + error(pooled, PUBLISHED_RUNS) ** 2)
    assert small > middle > large
    assert large <= 3 * error(1.5 / runs, runs)
