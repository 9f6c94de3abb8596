"""The Mesa face of a run: a `mesa.Model` whose agents are views of the rows of the state.

    model = SMBModel("demand_shock")                          burn-in done, week 0 is next
    model.step()                                              one week, by the same `simulate.advance` as `simulate.run`
    model.agents.select(lambda a: a.cash < 0).agg("employment", sum)

Nothing is stored in an agent: `a.cash` reads the array, `a.capacity *= 0.5` writes it, and two views of one row are equal. After k steps
the arrays are bit for bit those of week k - 1 of `simulate.run`; random numbers are keyed by (seed, name, week, uid), and Mesa's
generators `model.rng` and `model.random` serve only what a user does with agents, such as `shuffle`.

Where it differs from Mesa, on purpose
    agents              SMBs that are alive; `large_firms` has the others; both follow the arrays, selections are fixed
    attributes          unknown ones cannot be read or set: what is kept on a view would vanish with it. For numbers of your own, give the
                        state a column (`model.state.allocate`), for behaviour subclass SMB and set `SMBModel.agent_classes`
    entry and exit      by the mechanisms alone: agents and sets have no add, remove or create_agents
    agg                 hands an array of the column to the function, not a list
    unique_id           uid + 1, because Mesa counts from 1; nodes of `graph` are uids
    step                collects nothing: call `datacollector.collect(model)` after it, or in the step of a subclass

Known of Mesa 3.3.1: an agent reporter given as text becomes None where the attribute is misspelt (a callable raises), and a
DataCollector with such reporters, or lambdas, cannot be pickled (deepcopy works); `sort` is descending unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import mesa
import numpy as np

from . import accounts, graph, simulate
from .economy import Economy
from .mechanisms.base import Step
from .mesa_agents import SMB, Firm, LargeFirm, LazyAgentSet
from .metrics import METRICS
from .scenario import Scenario, load
from .schema import nearest
from .state import CLASSES, LARGE, WORKER
from .state import SMB as SMB_KIND

if TYPE_CHECKING:
    import networkx as nx


class SMBModel(mesa.Model):
    """A scenario as a Mesa model: `step` is a week. Metrics are attributes: `model.gdp`, also as text in a DataCollector.

    state : the arrays;  scenario : what is simulated;  week : t of the last week simulated, -1 after burn-in;  steps, running, rng : Mesa's
    """

    agent_classes: ClassVar[tuple[type[Firm], type[Firm]]] = (SMB, LargeFirm)  # by kind; a subclass may put its own here

    def __init__(self, scenario: Scenario | str | Path, seed: int | None = None, threads: int = 1, economy: Economy | None = None):
        """Build the population and run the burn-in.

        scenario : a Scenario, a file or a packaged name
        seed     : default that of the scenario
        threads  : results do not depend on it
        economy  : already loaded; by default that of the scenario is loaded

        Raises InputError for what the scenario cannot mean.
        """
        scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        seed = scenario.runs.seed if seed is None else seed
        super().__init__(rng=seed)
        self.scenario = scenario
        self.state, quiet, self._draws = simulate.prepare(scenario.without_interventions(), seed, economy, threads)
        simulate.burn_in(self.state, quiet, self._draws, scenario.horizon.burn_in)
        self.week = -1
        self._plan = simulate.plan(scenario, self.state, self._draws)

    def step(self) -> None:
        """Simulate one week. `running` turns false with the last week of the horizon; further steps are possible."""
        t = self.week + 1
        simulate.advance(self.state, self._plan, Step(t, self._draws))
        self.week = t
        self.running = t + 1 < self.scenario.horizon.weeks

    # -- agents -----------------------------------------------------------------------------------------------------------------------

    @property
    def agents(self) -> LazyAgentSet:
        """The living small and medium businesses."""
        return LazyAgentSet(self, kind=SMB_KIND)

    @property
    def large_firms(self) -> LazyAgentSet:
        """The large firms, one row per sector."""
        return LazyAgentSet(self, kind=LARGE)

    @property
    def agents_by_type(self) -> dict[type[Firm], LazyAgentSet]:
        """Class of agents → its agents; large firms too, which are not in `agents`."""
        return {cls: LazyAgentSet(self, kind=kind) for kind, cls in enumerate(self.agent_classes)}

    @property
    def agent_types(self) -> list[type[Firm]]:
        """The classes of agents."""
        return list(self.agent_classes)

    def agent(self, uid: int) -> Firm:
        """The firm with this uid, a node of `graph`. Raises KeyError."""
        found = np.flatnonzero(self.state.firms.uid == uid)
        if not len(found):
            raise KeyError(f"no firm has uid {uid}")
        return self.agent_at(found[0])

    def agent_at(self, row: int) -> Firm:
        """The view of a row of the firm table."""
        return self.agent_classes[self.state.firms.kind[row]](self, int(row))

    def row_of(self, agent: Firm) -> int:
        """Row of an agent in the firm table. Raises ValueError for what is no agent of this model."""
        if not isinstance(agent, Firm) or agent.model is not self:
            raise ValueError(f"{agent!r} is not a firm of this model")
        return agent.row

    def register_agent(self, agent) -> None:
        """Not possible: raises TypeError."""
        raise TypeError("agents are views of the rows of the state; entry and exit are a matter of the mechanisms")

    deregister_agent = register_agent

    def remove_all_agents(self) -> None:
        """Not possible: raises TypeError."""
        self.register_agent(None)

    # -- the rest of the economy ------------------------------------------------------------------------------------------------------

    @property
    def graph(self) -> nx.DiGraph:
        """A snapshot of the supply network, as `graph.to_networkx` makes it; nodes are uids."""
        return graph.to_networkx(self.state)

    @property
    def households(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """(region, class) → {column: value}; a snapshot. Classes are "worker" and "owner"."""
        table = self.state.households
        columns = {name: getattr(table, name).tolist() for name in table.columns}
        return MappingProxyType(
            {cell: MappingProxyType({name: values[row] for name, values in columns.items()}) for row, cell in enumerate(self._cells())}
        )

    @property
    def accounts(self) -> Mapping[str, float]:
        """Name of an account → its deposits (currency); a snapshot."""
        return MappingProxyType(dict(zip(self.state.account_names, self.state.accounts.balance.tolist(), strict=True)))

    def _cells(self) -> list[tuple[str, str]]:
        return [(region, name) for region in self.state.region_names for name in CLASSES]

    def transfer(self, payer, payee, amount: float, flow: str) -> None:
        """Move money, between the weeks, and record it in `state.flows` until the next step.

        payer, payee : an agent; the name of an account; a household cell ("region 1", "owner"); or "household", the workers of all
                       regions in proportion to their population
        amount       : currency, >= 0
        flow         : name of the flow

        Raises ValueError for an amount that is negative or not finite, and for a payer or payee that is not there.
        """
        if not (isfinite(amount) and amount >= 0):
            raise ValueError(
                f"{flow}: amount = {amount} must be finite and at least 0 currency; to pay the other way, swap payer and payee"
            )
        (side, paid), (other, received) = self._purse(payer, float(amount)), self._purse(payee, float(amount))
        accounts.transfer(self.state, side, other, paid, flow, received=received if isinstance(received, np.ndarray) else None)

    def _purse(self, holder, amount: float) -> tuple[str, np.ndarray | float]:
        """The name of the table for `accounts.transfer`, and the amount in its rows."""
        cells = self._cells()
        if isinstance(holder, str) and holder in self.state.account_names:
            return holder, amount
        if isinstance(holder, str) and holder == "household":
            rows = np.zeros(len(cells))
            rows[WORKER :: len(CLASSES)] = amount * self.state.regions.population_share
            return "household", rows
        if isinstance(holder, tuple) and holder in cells:
            return "household", np.where(np.arange(len(cells)) == cells.index(holder), amount, 0.0)
        if isinstance(holder, Firm):
            rows = np.zeros(self.state.firms.n)
            rows[self.row_of(holder)] = amount
            return "firm", rows
        known = nearest(holder, ["household", *self.state.account_names])
        raise ValueError(f"{holder!r} cannot pay or be paid: give an agent, a household cell (region, class) or a name.{known}")

    def __getattr__(self, name: str):
        if name in METRICS:
            return METRICS[name](self.state)
        raise AttributeError(f"SMBModel: unknown attribute or metric '{name}'.{'' if name.startswith('_') else nearest(name, METRICS)}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *METRICS})

    def __repr__(self) -> str:
        weeks = self.scenario.horizon.weeks
        return f"<{type(self).__name__} '{self.scenario.name}': {len(self.agents)} SMBs, {self.week + 1} of {weeks} weeks simulated>"
