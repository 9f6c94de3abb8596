r"""The reinforcing loops of an economy at rest, each as one number that must stay below its threshold (MODEL.md 4.4).

credit         G = d LGD / ζ_B < 1        a unit of lost bank capital cuts credit by 1/ζ_B; each unit of credit cut brings d units of
                                          defaults, of which LGD is lost: d = Σ L_i 1[φ L_i > M_i + Y_i] / φ Σ L_i when a share φ of
                                          all loans is called within a year; Y profit after tax and capital spending of that year
trade credit   ρ(V) < 1 ,                 V_ji = 1[λ TC_{j→i} > M_j]: would the failure of customer i empty supplier j? ρ is the mean
                                          number of failures that one failure brings in a long chain
adoption       βJ < 4                     peers on tools: past it x = Logit β(u + J x) has three roots for some u (`automation`)
platforms      a sellers by buyers < 1    slopes of the shares that would join in the shares that have (`platforms`), at the start; past one
               a members by members < 1   the start is a critical mass: who joins brings more than one other, so that it tips
income         c < 1                      part of a unit of demand that comes back as demand in the same place (see `stability`)

LGD is what is lost of a loan as large as the bank gives on fixed assets: [1 - κ_K / ζ_LTV]⁺, κ_K what they bring in liquidation. Suppliers
lose all: λ = 1, they come last. A number above its threshold says that the loop feeds on itself once it has begun; it does not say that
something begins it. The critical mass of a platform is the unstable share of n = f(n) above the start, f the share that would join where
n have: past it membership grows by itself.

Sources: Katz and Shapiro (1985) for critical mass; the credit gain is algebra on M5; Gai and Kapadia (2010), Proc. R. Soc. A 466, for
vulnerable links.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..mechanisms.platforms import Platforms
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR
from ..state import SMB, State
from .stability import income_gain

CALLED = 0.1  # φ: share of all loans that is called when the credit loop is judged
ROUNDS = 500  # of the power iteration at most
CONVERGED = 1e-9
GRID = 2000  # shares at which a critical mass is looked for
NEAR = 1e-5  # step of a share for a slope
SMALLEST_LOAN = 1e-6  # share of fixed assets that a bank lends on at least, for LGD


@dataclass(frozen=True)
class Loop:
    """One loop: past its threshold it amplifies itself. remedy: what to change in a scenario then."""

    name: str
    value: float
    threshold: float
    doc: str

    remedy: str = ""

    @property
    def past(self) -> bool:
        """The loop amplifies itself: what comes back is more than the threshold."""
        return self.value > self.threshold

    def in_words(self) -> str:
        """One line: name, value, on which side of its threshold, and what the value is."""
        side = "ABOVE" if self.past else "below"
        return f"{self.name}: {self.value:.3g}, {side} its threshold of {self.threshold:.3g} ({self.doc})"


def loops(state: State, scenario: Scenario) -> list[Loop]:
    """The loops that are closed in a scenario, at its state at rest."""
    found = []
    if scenario.households.enabled:
        gain = income_gain(state, scenario.households, scenario.government)
        what, remedy = "demand that comes back of a unit of demand", "lower households.confidence or households.income_share"
        found.append(Loop("income loop", gain, 1.0, what, remedy))
    if scenario.credit.enabled and scenario.exits.enabled:
        lost = max(1.0 - scenario.exits.capital_recovery / max(scenario.credit.loan_to_value, SMALLEST_LOAN), 0.0)
        gain = credit_gain(state, scenario.credit.capital_share, lost)
        what, remedy = "bank capital that is lost again per unit lost", "raise credit.capital_share or finance.cash_days"
        found.append(Loop("credit spiral", gain, 1.0, what, remedy))
    if scenario.exits.enabled:
        what, remedy = "failures that one failure brings in a long chain", "raise finance.cash_days or lower trade.payment_weeks"
        found.append(Loop("chain of trade credit", trade_credit_radius(state), 1.0, what, remedy))
    if scenario.automation.enabled:
        what, remedy = "peers on adoption: sharpness of choice times their effect", "lower automation.peer_effect or automation.choice"
        found.append(Loop("imitation of tools", scenario.automation.choice * scenario.automation.peer_effect, 4.0, what, remedy))
    if scenario.platforms.enabled:
        found += [_platform(*loop) for loop in _platforms(scenario.platforms)]
    return found


def _platforms(platforms: Platforms) -> tuple[tuple[str, Callable, float, str], ...]:
    def by_way_of_buyers(sellers):
        return platforms.sellers_wanted(platforms.buyers_wanted(sellers))

    return (
        ("marketplace", by_way_of_buyers, platforms.sellers, "lower platforms.seller_gain or platforms.buyer_gain"),
        ("data platform", platforms.sharers_wanted, platforms.data_members, "lower platforms.data_gain"),
    )


def _platform(name: str, wanted: Callable, start: float, remedy: str) -> Loop:
    low, high = max(start - NEAR, 0.0), min(start + NEAR, 1.0)
    slope = (float(wanted(high)) - float(wanted(low))) / (high - low)
    masses = [share for share in critical_masses(wanted) if share > start + NEAR]
    distance = f"critical mass at {masses[0]:.2f} of SMBs, {masses[0] - start:.2f} above the start" if masses else "no critical mass above"
    return Loop(f"growth of the {name}", slope, 1.0, f"members that one more member brings; {distance}", remedy)


def critical_masses(wanted: Callable[[np.ndarray], np.ndarray]) -> list[float]:
    """Shares n in (0, 1) with f(n) = n from which membership falls below and grows above, ascending. wanted: f, of shares (k,)."""
    from scipy.optimize import brentq

    share = np.linspace(0.0, 1.0, GRID + 1)
    gap = wanted(share) - share
    crossings = np.flatnonzero((gap[:-1] < 0.0) & (gap[1:] >= 0.0))
    return [float(brentq(lambda n: float(wanted(n)) - n, share[k], share[k + 1])) for k in crossings if share[k + 1] < 1.0]


def credit_gain(state: State, capital_ratio: float, loss_given_default: float, called: float = CALLED) -> float:
    """G: loss of bank capital that follows from one unit lost, round after round. SMBs only; large firms do not fail."""
    firms = state.firms
    small = (firms.kind == SMB) & firms.alive
    lent = firms.debt[small]
    cut = called * lent.sum()
    able = firms.cash + WEEKS_PER_YEAR * (firms.profit - firms.profit_tax_paid + firms.capex)
    failing = lent[able[small] < called * lent].sum()
    return float(failing / cut * loss_given_default / capital_ratio) if cut > 0 else 0.0


def trade_credit_radius(state: State, loss_given_default: float = 1.0) -> float:
    """ρ(V): spectral radius of the matrix of vulnerable links; 0 where no chain of them closes."""
    firms, links = state.firms, state.links
    exposed = links.payable * loss_given_default > np.maximum(firms.cash[links.supplier], 0.0)
    exposed &= (firms.kind[links.supplier] == SMB) & (firms.kind[links.buyer] == SMB)
    return _radius(links.supplier[exposed], links.buyer[exposed], firms.n)


def _radius(row: np.ndarray, column: np.ndarray, n: int) -> float:
    """Spectral radius of the matrix of ones at (row, column): power iteration on each strongly connected part plus the identity.

    The identity keeps rings from swinging. Of x > 0 in an irreducible part, min (Ax/x) <= ρ <= max (Ax/x), Collatz and Wielandt.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    parts, part = connected_components(csr_array((np.ones(len(row)), (row, column)), shape=(n, n)), connection="strong")
    inside = part[row] == part[column]  # whatever leads out of its part never comes back
    row, column = row[inside], column[inside]
    if len(row) == 0:
        return 0.0
    nodes = np.unique(row)
    x, high = np.ones(n), 0.0
    for _ in range(ROUNDS):
        new = x + np.bincount(row, x[column], minlength=n)
        ratio = (new / x)[nodes]
        least, most, scale = np.full(parts, np.inf), np.zeros(parts), np.ones(parts)
        np.minimum.at(least, part[nodes], ratio)
        np.maximum.at(most, part[nodes], ratio)
        np.maximum.at(scale, part, new)
        low, high = np.where(most > 0.0, least, 0.0).max(), most.max()
        if high - low < CONVERGED * high:
            break
        x = new / scale[part]
    return float(high - 1.0)
