"""A policy on the network itself: second suppliers, and how far the risk index falls with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..schema import InputError
from ..systemic.esri import RiskNetwork, esri


@dataclass(frozen=True, eq=False)
class SecondSupplier:
    """A network with second suppliers, and the index before and after: of the firms relieved and of those that took over."""

    network: RiskNetwork
    firms: np.ndarray  # (k,) rows
    before: np.ndarray  # (k,)
    after: np.ndarray  # (k,)
    backups: np.ndarray  # (b,) rows of the second suppliers
    backups_before: np.ndarray  # (b,)
    backups_after: np.ndarray  # (b,)
    moved: float  # currency/yr bought elsewhere

    @property
    def fall(self) -> np.ndarray:
        """(k,) by how much the index of each firm falls."""
        return self.before - self.after


def second_supplier(network: RiskNetwork, firms: Sequence[int], **options: Any) -> SecondSupplier:
    """The customers of these firms buy half of what they buy there from the next best supplier of the same sector.

    The next best is the largest of the other suppliers that the customer has in the sector; without one, the largest firm of the sector
    that is neither among these firms nor the customer itself. A customer for whom there is none changes nothing. The risk does not vanish,
    it moves: look at the index of the second suppliers, too.

    firms   : rows
    options : of `systemic.esri.esri`

    Raises InputError for rows that are not there.
    """
    n = network.n
    firms = np.unique(np.asarray(firms, dtype=np.int64))
    if len(firms) == 0 or firms[0] < 0 or firms[-1] >= n:
        raise InputError(f"firms must be rows from 0 to {n - 1}, at least one")
    backup = _next_best(network, firms)
    links = np.flatnonzero(backup >= 0)
    half = 0.5 * network.weight[links]
    weight = network.weight.copy()
    weight[links] -= half
    new = _joined(
        network, np.concatenate([network.supplier, backup[links]]), np.concatenate([network.customer, network.customer[links]]),
        np.concatenate([weight, half]), np.concatenate([network.essentiality, network.essentiality[links]]),
    )  # fmt: skip
    backups = np.unique(backup[links])
    rows, k = np.concatenate([firms, backups]), len(firms)
    before, after = (esri(net, rows, **options).esri for net in (network, new))
    return SecondSupplier(new, firms, before[:k], after[:k], backups, before[k:], after[k:], float(half.sum()))


def _next_best(network: RiskNetwork, firms: np.ndarray) -> np.ndarray:
    """(m,) row of the next best supplier of links out of the firms; -1 for other links and where there is none."""
    relieved, sales = np.isin(np.arange(network.n), firms), network.sales()
    group = network.sector[network.supplier]
    slot = network.customer.astype(np.int64) * (int(network.sector.max()) + 1) + group
    others = np.flatnonzero(~relieved[network.supplier])
    best = others[np.lexsort((-network.weight[others], slot[others]))]  # the first of each slot is the largest
    slots, first = np.unique(slot[best], return_index=True)
    at_hand = dict(zip(slots.tolist(), network.supplier[best[first]].tolist(), strict=True))
    largest: dict[int, list[int]] = {}
    for g in np.unique(network.sector[firms]).tolist():
        free = np.flatnonzero((network.sector == g) & ~relieved)
        largest[g] = free[np.argsort(-sales[free], kind="stable")[:2]].tolist()
    found = np.full(len(network.supplier), -1, dtype=np.int64)
    for e in np.flatnonzero(relieved[network.supplier]).tolist():
        customer = int(network.customer[e])
        anywhere = (row for row in largest[int(group[e])] if row != customer)
        found[e] = at_hand.get(int(slot[e]), next(anywhere, -1))
    return found


def _joined(network: RiskNetwork, supplier, customer, weight, essentiality) -> RiskNetwork:
    """The network with these links, those between the same firms added up, in customer order."""
    pair = customer.astype(np.int64) * len(network.sector) + supplier
    _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    total = np.bincount(inverse, weight)
    order = np.lexsort((supplier[first], network.sector[supplier[first]], customer[first]))
    kept = first[order]
    return replace(network, supplier=supplier[kept], customer=customer[kept], weight=total[order], essentiality=essentiality[kept])
