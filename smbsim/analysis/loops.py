r"""The reinforcing loops of an economy at rest, each as one number that must stay below its threshold (MODEL.md 4.4).

credit         G = d LGD / ζ_B < 1        a unit of lost bank capital cuts credit by 1/ζ_B; each unit of credit cut brings d units of
                                          defaults, of which LGD is lost: d = Σ L_i 1[φ L_i > M_i + Y_i] / φ Σ L_i when a share φ of
                                          all loans is called within a year; Y profit after tax and capital spending of that year
trade credit   ρ(V) < 1 ,                 V_ji = 1[λ TC_{j→i} > M_j]: would the failure of customer i empty supplier j? ρ is the mean
                                          number of failures that one failure brings in a long chain
income         c < 1                      part of a unit of demand that comes back as demand in the same place (see `stability`)

A number above its threshold says that the loop feeds on itself once it has begun; it does not say that something begins it.
Sources: the credit gain is algebra on M5; Gai and Kapadia (2010), Proc. R. Soc. A 466, for vulnerable links.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..schema import WEEKS_PER_YEAR
from ..state import SMB, State

CALLED = 0.1  # φ: share of all loans that is called when the credit loop is judged
ROUNDS = 500  # of the power iteration at most
CONVERGED = 1e-9


@dataclass(frozen=True)
class Loop:
    """One loop: past its threshold it amplifies itself."""

    name: str
    value: float
    threshold: float
    doc: str

    @property
    def past(self) -> bool:
        return self.value > self.threshold

    def in_words(self) -> str:
        side = "ABOVE" if self.past else "below"
        return f"{self.name}: {self.value:.3g}, {side} its threshold of {self.threshold:.3g} ({self.doc})"


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
    supplier, buyer = links.supplier[exposed], links.buyer[exposed]
    hit, radius = np.ones(firms.n), 0.0
    for _ in range(ROUNDS):
        new = np.bincount(supplier, hit[buyer], minlength=firms.n)
        size = new.max(initial=0.0)
        if size == 0.0 or abs(size - radius) < CONVERGED * size:
            return float(size)
        hit, radius = new / size, size
    return float(radius)
