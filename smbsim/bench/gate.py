r"""The core week as plain arrays for another implementation, and the gate: who does not agree is not timed.

A peer is made from a `Problem` and has `advance(t)` and `found()`, its columns under the names of `COMPARED`. Before anything is timed the
model and the peer go through the same disturbed weeks: demand of every third firm is cut, plants of every seventh close. They agree when

    |theirs - ours| <= TOLERANCE · max(flow of the firm at rest, 1)        in every firm, slot and week, for every column of COMPARED

Prices stay at 1 and nothing is imported on these networks, so that a peer needs neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..accounts import BELOW_ONE
from ..mechanisms.production import BINDING, RULES
from ..state import SMB
from .week import Model

TOLERANCE = 1e-9
WEEKS = 16  # compared
COMPARED = {  # column of the state -> table
    "output": "firms", "inventory": "firms", "expected_demand": "firms", "demand": "firms", "backlog_due": "firms", "overtime": "firms",
    "final_sales": "firms", "cash": "firms", "input_stock": "slots", "order": "slots", "supply_line": "slots",
}  # fmt: skip
DEMAND_CUT, PLANTS_CLOSED = (3, 0.6), (7, 0.2)  # every so many firms, factor that is left
CUT_WEEKS, CLOSED_WEEKS = range(1, 8), range(3, 6)


@dataclass(frozen=True)
class Problem:
    """The core on a network at rest. n firms, s slots, m links; slots stand by customer, links by slot; amounts per week.

    firms   storable, bounded (n,) bool: who cannot pay more than its deposits;
            capacity, labour_limit, finished_cover, payment_terms, final_demand (n,)
    slots   customer, essentiality, coefficient, input_cover, lead (s,)
    links   supplier, slot, lead_time, weight (m,)
    start   expected_demand, demand, inventory, cash (n,); input_stock, supply_line (s,); pipeline (s, longest lead); payable (m,)
    """

    storable: np.ndarray
    bounded: np.ndarray
    capacity: np.ndarray
    labour_limit: np.ndarray
    finished_cover: np.ndarray
    payment_terms: np.ndarray
    final_demand: np.ndarray
    customer: np.ndarray
    essentiality: np.ndarray
    coefficient: np.ndarray
    input_cover: np.ndarray
    lead: np.ndarray
    supplier: np.ndarray
    slot: np.ndarray
    lead_time: np.ndarray
    weight: np.ndarray
    expected_demand: np.ndarray
    demand: np.ndarray
    inventory: np.ndarray
    cash: np.ndarray
    input_stock: np.ndarray
    supply_line: np.ndarray
    pipeline: np.ndarray
    payable: np.ndarray
    forecast_speed: float
    stock_adjustment: float
    inventory_adjustment: float
    supply_line_weight: float
    emergency_share: float
    overtime_max: float
    overtime_time: float
    below_one: float  # a share of what is due is this much smaller where it falls short

    @classmethod
    def of(cls, model: Model) -> Problem:
        """That of a model of the core in its first week, copied. Raises ValueError for what peers do not know."""
        state, spec = model.state, model.spec
        firms, slots, links = state.firms, state.slots, state.links
        if model.t or BINDING[RULES.index(spec.production.rule)] != 2 or spec.production.rule != "half_critical":
            raise ValueError("peers know the first week, and the rule half_critical")
        if slots.import_share.any() or np.any(firms.price != 1.0) or not firms.alive.all():
            raise ValueError("peers know neither imports nor prices nor closed firms")

        def taken(table, *names):
            return {name: np.array(getattr(table, name), dtype=np.float64) for name in names}

        return cls(
            storable=firms.storable.copy(), bounded=(firms.kind == SMB) & spec.finance.enabled,
            **taken(firms, "capacity", "labour_limit", "finished_cover", "payment_terms", "final_demand", "expected_demand", "demand",
                    "inventory", "cash"),
            customer=slots.customer.astype(np.int64), essentiality=slots.essentiality.astype(np.int64),
            **taken(slots, "coefficient", "input_cover", "lead", "input_stock", "supply_line", "pipeline"),
            supplier=links.supplier.astype(np.int64), slot=links.slot.astype(np.int64), lead_time=links.lead_time.astype(np.int64),
            **taken(links, "weight", "payable"),
            **{name: getattr(spec.orders, name) for name in ("forecast_speed", "stock_adjustment", "inventory_adjustment",
                                                              "supply_line_weight")},
            **{name: getattr(spec.production, name) for name in ("emergency_share", "overtime_max", "overtime_time")},
            below_one=BELOW_ONE,
        )  # fmt: skip


class Peer(Protocol):
    """Another implementation of the core. It may change what it was given; final_demand and capacity_factor (n,) are set from outside."""

    def advance(self, t: int) -> None: ...

    def found(self) -> dict[str, np.ndarray]: ...

    def disturb(self, final_demand: np.ndarray, capacity_factor: np.ndarray) -> None: ...


class Disagreement(AssertionError):
    """A peer does not compute the same."""


def disturbance(final_demand: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Final demand and the share of capacity left (n,) in week t."""
    asked, left = final_demand.copy(), np.ones_like(final_demand)
    if t in CUT_WEEKS:
        asked[:: DEMAND_CUT[0]] *= DEMAND_CUT[1]
    if t in CLOSED_WEEKS:
        left[:: PLANTS_CLOSED[0]] = PLANTS_CLOSED[1]
    return asked, left


def agree(name: str, make: Callable[[Problem], Peer], model: Model, weeks: int = WEEKS) -> float:
    """Largest difference relative to the firm's flow over the disturbed weeks. The model is moved by them.

    Raises Disagreement when it is above TOLERANCE, naming peer, column and week.
    """
    state, given = model.state, Problem.of(model)
    peer, resting = make(given), state.firms.final_demand.copy()
    scale = {"firms": np.maximum(state.firms.output, 1.0)}
    scale["slots"] = scale["firms"][state.slots.customer]
    worst = 0.0
    for t in range(weeks):
        asked, left = disturbance(resting, t)
        state.firms.final_demand[:], state.firms.capacity_factor[:] = asked, left
        peer.disturb(asked, left)
        model.weeks()
        peer.advance(t)
        theirs = peer.found()
        for column, table in COMPARED.items():
            difference = np.abs(theirs[column] - getattr(getattr(state, table), column)) / scale[table]
            gap = float(difference.max(initial=0.0))
            if not gap <= TOLERANCE:
                where = int(np.argmax(np.where(np.isfinite(difference), difference, np.inf)))
                raise Disagreement(f"{name}: {column} of row {where} differs by {gap:.1e} of the firm's flow in week {t}; not timed")
            worst = max(worst, gap)
    return worst
