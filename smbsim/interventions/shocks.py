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
}

Shock = Annotated[Union[tuple(dict.fromkeys(KINDS.values()))], Field(discriminator="kind")]  # noqa: UP007 (built from the table)
