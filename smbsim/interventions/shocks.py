"""The shocks: each says which factor it moves and how its size is bounded. A size is a share of the value without the shock."""

from __future__ import annotations

from typing import Annotated, Literal, Union

import numpy as np
from pydantic import Field

from ..schema import param
from .base import Intervention


class DemandShock(Intervention):
    """Final demand for the firms is lower by this share; what is not spent is saved. A negative size is a boom."""

    moves = (("firms", "demand_factor"),)
    kind: Literal["demand"] = param("demand", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share of final demand that is cut", low=-1, high=1, source="definition")


class PreferenceShock(Intervention):
    """Households like the firms less by this share and spend the money elsewhere. A negative size is a fashion."""

    moves = (("firms", "taste_factor"),)
    kind: Literal["preference"] = param("preference", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share of household demand that goes elsewhere", low=-1, high=1, source="definition")


class CapacityShock(Intervention):
    """The firms can make less by this share of their capacity: damage, a closed plant, a supply stop."""

    moves = (("firms", "capacity_factor"),)
    kind: Literal["capacity", "supply", "plant_closure"] = param(
        "capacity", unit="choice", doc="Kind of shock; three names for one thing", source="definition"
    )
    size: float = param(..., unit="1", doc="Share of capacity that is lost", low=-1, high=1, source="definition")


class LabourShock(Intervention):
    """This share of the firms' normal staff cannot work."""

    moves = (("firms", "labour_factor"),)
    kind: Literal["labour"] = param("labour", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share of normal staff that is away", low=0, high=1, source="definition")


class WageShock(Intervention):
    """Pay is higher by this share for the same work: a minimum wage, a shortage of hands. A negative size is a cut."""

    moves = (("firms", "wage_factor"),)
    sign = 1
    kind: Literal["wage"] = param("wage", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share added to wages", low=-1, high=10, source="definition")


class CostShock(Intervention):
    """Costs besides wages rise by this share: energy, rent, insurance. What they cost more is really paid, to the rest of the world."""

    moves = (("firms", "cost_factor"),)
    sign = 1
    kind: Literal["cost"] = param("cost", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share added to the costs besides wages", low=-1, high=10, source="definition")


class CreditCrunch(Intervention):
    """Banks approve fewer loans by this share, accept less collateral by as much, and may charge more."""

    moves = (("firms", "credit_factor"),)
    needs = ("credit",)
    kind: Literal["credit_crunch"] = param("credit_crunch", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share of approvals and of the collateral accepted that is lost", low=0, high=1,
                        source="definition")  # fmt: skip
    spread: float = param(0.0, unit="share/yr", doc="Added to the interest rate at full size", low=0, high=1, source="definition")

    def apply(self, state, m, mask):
        """As for all shocks; the spread is added in proportion to the size that acts this week."""
        super().apply(state, m, mask)
        if m:
            state.firms.loan_spread[: len(mask)][mask] += self.spread * max(m / self.size, 0.0)


class TechnologyShock(Intervention):
    """New technology: tools can take over more work and are cheaper, skills go out of date faster, and one that nobody has is needed.

    Each in proportion to the size that acts this week. What concerns skills goes by sector: those of the target.
    """

    moves = (("firms", "routine_factor"), ("firms", "tool_cost_factor"), ("sectors", "obsolescence_factor"), ("sectors", "new_skill"))
    needs = ("automation",)
    kind: Literal["technology"] = param("technology", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(1.0, unit="1", doc="Share of all that follows", low=0, high=1, source="definition")
    routine: float = param(0.3, unit="1", doc="Share added to the work that tools can take over", low=0, high=5, source="assumption")
    cost: float = param(0.3, unit="1", doc="Share by which tools are cheaper", low=0, high=1, source="assumption")
    obsolescence: float = param(0.0, unit="1", doc="Share added to how fast skills go out of date", low=0, high=20, source="assumption")
    new_skill: float = param(0.0, unit="1", doc="Weight in the work of the skill nobody has; the others have 1 together", low=0, high=5,
                             source="assumption")  # fmt: skip

    @property
    def needed(self):
        """Skills too, where the shock concerns them."""
        return (*self.needs, "skills") if self.obsolescence or self.new_skill else self.needs

    def apply(self, state, m, mask):
        """Factors · (1 + routine m) and (1 - cost m) of the firms, (1 + obsolescence m) of the sectors; new_skill m is added."""
        m = max(m, 0.0)
        firms, sectors, which = state.firms, state.sectors, self.target.sector
        firms.routine_factor[: len(mask)][mask] *= 1.0 + self.routine * m
        firms.tool_cost_factor[: len(mask)][mask] *= max(0.0, 1.0 - self.cost * m)
        rows = np.array([which is None or code in which for code in state.sector_codes], dtype=bool)
        sectors.obsolescence_factor[rows] *= 1.0 + self.obsolescence * m
        sectors.new_skill[rows] += self.new_skill * m


class PolicyWithdrawal(Intervention):
    """A policy of the scenario is withdrawn while it acts; those who count on it did not see it coming. What was given stays given."""

    moves = (("policies", "policy_factor"),)
    kind: Literal["policy_withdrawal"] = param("policy_withdrawal", unit="choice", doc="Kind of shock", source="definition")
    policy: str = param(..., unit="choice", doc="Its name: the one given, or its kind, numbered from the second on", source="choice")
    size: float = param(1.0, unit="1", doc="Share of its strength that is withdrawn", low=0, high=1, source="definition")

    def _misfits(self):
        return ["policy_withdrawal concerns a policy: leave out target"] if self.target.given() else []

    def mask(self, state, draws):
        """(1,) bool: something is concerned; which row of the books is known once they are open."""
        return np.ones(1, dtype=bool)

    def apply(self, state, m, mask):
        """Factor 1 - m of the policy."""
        if self.policy in state.policy_names:
            state.policies.policy_factor[state.policy_names.index(self.policy)] *= max(0.0, 1.0 - m)


class Removal(Intervention):
    """The firms are shut: they make nothing and final buyers ask nothing of them."""

    moves = (("firms", "capacity_factor"), ("firms", "demand_factor"))
    kind: Literal["removal"] = param("removal", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(1.0, unit="1", doc="Share of the firm that is shut", low=0, high=1, source="definition")


class ImportShock(Intervention):
    """A shock to goods from abroad. `target.sector` names the supplying sectors; all of them if not given."""

    def _misfits(self):
        others = [key for key in self.target.given() if key != "sector"]
        return [f"the target of {self.kind} can name sectors only, not {', '.join(others)}"] if others else []

    def mask(self, state, draws):
        """(G,) bool: the supplying sectors concerned."""
        sectors = self.target.sector
        return np.array([sectors is None or code in sectors for code in state.sector_codes], dtype=bool)


class ImportStop(ImportShock):
    """This share of the imports of a group cannot be had."""

    moves = (("sectors", "import_factor"),)
    kind: Literal["import_stop"] = param("import_stop", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(1.0, unit="1", doc="Share of imports that cannot be had", low=0, high=1, source="definition")


class ImportPriceShock(ImportShock):
    """Imports of a group are dearer by this share."""

    moves = (("sectors", "import_price_factor"),)
    sign = 1
    kind: Literal["import_price"] = param("import_price", unit="choice", doc="Kind of shock", source="definition")
    size: float = param(..., unit="1", doc="Share added to the price of imports", low=-1, high=100, source="definition")


KINDS = {
    "demand": DemandShock,
    "preference": PreferenceShock,
    "capacity": CapacityShock,
    "supply": CapacityShock,
    "plant_closure": CapacityShock,
    "labour": LabourShock,
    "removal": Removal,
    "import_stop": ImportStop,
    "import_price": ImportPriceShock,
    "wage": WageShock,
    "cost": CostShock,
    "credit_crunch": CreditCrunch,
    "technology": TechnologyShock,
    "policy_withdrawal": PolicyWithdrawal,
}

Shock = Annotated[Union[tuple(dict.fromkeys(KINDS.values()))], Field(discriminator="kind")]  # noqa: UP007 (built from the table)
