"""The week that is measured: the core of the model, from arrivals to the receipts of trade credit, and the whole of it.

The core is the phases of `CORE` in the order of the schedule, on a given network at rest: final demand stays what it was, and the only
payments are those for what was delivered along links, out of deposits that last. One firm in `ONE_IN` has next to nothing and pays from
what it is paid, so that the part of the kernel for those who cannot pay has something to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import scenario, simulate
from ..draws import Draws
from ..economy import Economy
from ..mechanisms.base import Step
from ..network import FirmNetwork
from ..scenario import Scenario
from ..state import State

CORE = (
    "orders.expect", "production.produce", "orders.place", "trade.collect", "production.serve", "trade.ration",
    "trade.ship", "production.work_overtime", "finance.open_purse", "finance.pay",
)  # fmt: skip
FULL = "people"  # the model with every mechanism
SPARSE = {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}}  # of the United States, about ten links a firm
QUIET = {"production": {"breakdown_hazard": 0.0}}
LASTING = 1000.0  # weeks of purchases that deposits are enough for, in the core
ONE_IN = 500  # firms that can hardly pay
HARDLY = 0.5  # weeks of purchases that they have
ROUND = 4  # weeks of the whole model that are timed together: search and entry come every fourth


@dataclass
class Model:
    """A state on its way through the weeks."""

    name: str
    spec: Scenario
    state: State
    plan: simulate.Plan
    draws: Draws
    t: int = 0

    def weeks(self, n: int = 1) -> None:
        """Advance."""
        for _ in range(n):
            simulate.advance(self.state, self.plan, Step(self.t, self.draws))
            self.t += 1


def core(network: FirmNetwork | None, economy: Economy, finance: bool = True, **sections) -> Model:
    """The core on a network. finance: off, everybody can always pay."""
    spec = scenario.load({"finance": {"enabled": finance}, **QUIET, **sections})
    state, plan, draws = simulate.prepare(spec, economy=economy, network=network)
    model = Model("core" if finance else "core, finance off", spec, state, core_of(plan), draws)
    if finance:
        bought = state.sum_slots(state.slots.order)
        state.firms.cash[:] = np.where(np.arange(state.firms.n) % ONE_IN == 0, HARDLY, LASTING) * bought
    return model


def core_of(plan: simulate.Plan) -> simulate.Plan:
    """The phases of the core, out of the plan of a scenario. Raises ValueError when one is not there."""
    rows = tuple((name, phase) for name, phase in plan if _method(name) in CORE)
    missing = set(CORE) - {_method(name) for name, _ in rows}
    if missing:
        raise ValueError(f"the schedule has no {', '.join(sorted(missing))}")
    return rows


def _method(name: str) -> str:
    """trade.ship of "delivery: trade.ship"."""
    return name.rpartition(": ")[2]


def full(network: FirmNetwork | None, economy: Economy, **sections) -> Model:
    """Every mechanism on a network."""
    spec = scenario.load({"model": FULL, **sections})
    return Model(FULL, spec, *simulate.prepare(spec, economy=economy, network=network))
