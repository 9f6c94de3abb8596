r"""Orders (M2): forecast, stock adjustment and the supply line, from which the bullwhip comes.

    D̂_i     ← D̂_i + θ (D̃_i - D̂_i)
    D̃_i       = (1 - σ_i) D_i + σ_i D^end_i          D orders received and final demand of last week; σ, D^end of shared data, 0 without
    planned_i = [ D̂_i + α_f (n_fg D̂_i - S_i + B_i) ]⁺                        S finished goods, B backlog
    O_ig      = [ a_ig x̂_i + α_S ( (n_g a_ig x̂_i - M_ig) + β_i ((ℓ_ig - 1) a_ig x̂_i - SL_ig) ) ]⁺ ,   x̂ = min(planned, able)
    β_i       = β + (1 - β) care_i                                             care: of tools, 0 at rest
    of which the import share of the slot goes abroad, the rest to its suppliers in proportion to the links' weights

able is what capacity and labour allow, breakdowns aside: a closed plant does not order for the backlog that builds up. SL is what is in
transit or owed to the slot. A service firm uses its inputs only when it delivers, later in the week, so that M is taken after its planned
use.

symbol   parameter              column
D̂                               expected_demand
θ        forecast_speed
α_f      inventory_adjustment
α_S      stock_adjustment
β        supply_line_weight
n_fg                            finished_cover
n_g                             input_cover
σ, D^end                        sharing, end_demand
ℓ                               lead
SL                              supply_line
O                               order + import_order

Source: Sterman (1989), Management Science 35(3), anchoring and adjustment; its estimates θ = .36, α_S = .26, β = .34 are the preset
"sterman", which is unstable on this step. Presets fill what the file leaves open.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import model_validator

from ..kernel import kernel
from ..schema import Column, param
from .base import Mechanism

PRESETS = {
    "damped": {},
    "sterman": {"forecast_speed": 0.36, "stock_adjustment": 0.26, "inventory_adjustment": 0.26, "supply_line_weight": 0.34},
    "lot_for_lot": {"forecast_speed": 1.0, "stock_adjustment": 0.0, "inventory_adjustment": 0.0, "supply_line_weight": 0.0},
}


class Orders(Mechanism):
    name = "orders"
    columns = (
        Column("expected_demand", "base currency/wk", 0.0, "Forecast of demand", low=0, entrant="scaled"),
        Column("planned_output", "base currency/wk", 0.0, "Output wanted this week", low=0),
        Column("order_care", "1", 0.0, "Share of the neglect of goods on order that tools make up for", low=0, high=1, entrant="copied"),
        Column("finished_cover", "wk", 0.0, "Target stock of finished goods in weeks of expected demand", low=0, entrant="copied"),
        Column("input_cover", "wk", 0.0, "Target stock of the input in weeks of planned use", axis="slot", low=0, entrant="copied"),
        Column("import_share", "1", 0.0, "Share of the slot's orders placed abroad", axis="slot", low=0, high=1, entrant="copied"),
        Column("lead", "wk", 1.0, "Mean lead time of the slot's orders, by value", axis="slot", low=1, entrant="copied"),
        Column("order", "base currency/wk", 0.0, "Order of the slot to its suppliers", axis="slot", low=0),
        Column("import_order", "base currency/wk", 0.0, "Order of the slot abroad", axis="slot", low=0),
    )
    reads = ("able_output", "demand", "inventory", "backlog_due", "storable", "coefficient", "input_stock", "supply_line", "alive",
             "sharing", "end_demand", "pipeline", "import_pipeline")  # fmt: skip
    writes = tuple(c.name for c in columns)

    preset: Literal["damped", "sterman", "lot_for_lot"] = param("damped", unit="choice", doc="Values for what is not given here",
                                                                source="see the module's docstring")  # fmt: skip
    forecast_speed: float = param(0.15, unit="1/wk", doc="θ: speed of the forecast", low=0.001, high=1, tier="calibrated",
                                  source="assumption, chosen for damping; Sterman (1989) estimates .36")  # fmt: skip
    stock_adjustment: float = param(0.12, unit="1/wk", doc="α_S: share of the gap of input stocks ordered in a week", low=0, high=2,
                                    tier="calibrated", source="BoARIO documentation: 60 days, 7/60 = .117")  # fmt: skip
    inventory_adjustment: float = param(0.12, unit="1/wk", doc="α_f: the same for finished goods", low=0, high=2, tier="calibrated",
                                        source="as stock_adjustment")  # fmt: skip
    supply_line_weight: float = param(0.34, unit="1", doc="β: weight of goods on order", low=0, high=1,
                                      source="Sterman (1989), mean estimate")  # fmt: skip
    input_cover_weeks: float | None = param(None, unit="wk", doc="Cover of every input; null: from the economy's inventory days", low=0,
                                            high=520, source="half the SMB inventory days of the user's sector, IRS SOI 2013")  # fmt: skip
    finished_cover_weeks: float | None = param(None, unit="wk", doc="Cover of finished goods that can be stored; null: by sector",
                                               low=0, high=520, source="half the sector's SMB inventory days, IRS SOI 2013")  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given):
        if isinstance(given, dict) and given.get("preset") in PRESETS:
            return {**PRESETS[given["preset"]], **given}
        return given

    def settle(self, state, rest):
        firms, slots = state.firms, state.slots
        covers = rest.cover if self.input_cover_weeks is None else np.full(firms.n, self.input_cover_weeks)
        slots.input_cover[:] = covers[slots.customer]
        finished = rest.cover if self.finished_cover_weeks is None else np.full(firms.n, self.finished_cover_weeks)
        firms.finished_cover[:] = np.where(rest.storable, finished, 0.0)
        firms.expected_demand[:] = rest.output
        firms.planned_output[:] = rest.output
        need = rest.coefficient * rest.output[slots.customer]
        slots.order[:] = (1.0 - rest.import_share) * need
        if rest.import_share.any():  # columns of zeros that nobody writes to take no memory
            slots.import_share[:] = rest.import_share
            slots.import_order[:] = rest.import_share * need

    def expect(self, state, step):
        """Forecast demand, and plan output from it, the stock of finished goods and the backlog."""
        firms = state.firms
        state.customers.run(
            plan_output, self.forecast_speed, self.inventory_adjustment, firms.alive, firms.demand, firms.end_demand, firms.sharing,
            firms.finished_cover, firms.inventory, firms.backlog_due, firms.expected_demand, firms.planned_output,
        )  # fmt: skip

    def place(self, state, step):
        """Order inputs for planned output and for the gaps of stock and supply line."""
        firms, slots = state.firms, state.slots
        state.customers.run(
            order_inputs, *state.ring_places(step.t), self.stock_adjustment, self.supply_line_weight, firms.order_care, state.slot_start,
            firms.planned_output, firms.able_output, firms.storable, slots.coefficient, slots.input_cover, slots.lead, slots.import_share,
            slots.input_stock, slots.whole("pipeline"), slots.whole("import_pipeline"), slots.supply_line, slots.order,
            slots.import_order,
        )  # fmt: skip


@kernel
def plan_output(start, stop, speed, adjustment, alive, demand, end_demand, sharing, finished_cover, inventory, backlog_due, expected,
                planned):  # fmt: skip
    """D̂ ← D̂ + θ (D̃ - D̂) ,  planned = [D̂ + α_f (n_f D̂ - S + B)]⁺, nothing where a firm is closed.

    alive, demand, end_demand, sharing, finished_cover wk, inventory, backlog_due (n,); changes expected, writes planned (n,)
    """
    for i in range(start, stop):
        seen = demand[i] + sharing[i] * (end_demand[i] - demand[i])
        forecast = expected[i] + speed * (seen - expected[i])
        expected[i] = forecast
        gap = finished_cover[i] * forecast - inventory[i] + backlog_due[i]
        wanted = forecast + adjustment * gap
        planned[i] = wanted if alive[i] and wanted > 0.0 else 0.0


@kernel
def order_inputs(start, stop, now, import_now, alpha, beta, care, slot_start, planned, able, storable, coefficient, cover, lead,
                 import_share, stock, pipeline, import_pipeline, supply_line, order, import_order):  # fmt: skip
    """O = [a x̂ + α_S((n a x̂ - M) + β_i((ℓ-1) a x̂ - SL))]⁺, split between suppliers and imports. What came this week is no longer in SL.

    care, planned, able, storable (n,); coefficient, cover wk, lead wk, import_share, stock, supply_line (s,); pipeline (s, L),
    import_pipeline (s, L_imp), of which the positions now and import_now have arrived; writes order, import_order (s,)
    """
    for i in range(start, stop):
        output = planned[i] if planned[i] < able[i] else able[i]
        weight = beta + (1.0 - beta) * care[i]
        stored = storable[i]
        for s in range(np.uint64(slot_start[i]), np.uint64(slot_start[i + 1])):
            need = coefficient[s] * output
            left = stock[s] - need if stock[s] > need else 0.0
            kept = stock[s] if stored else left
            share = import_share[s]
            line = supply_line[s] - pipeline[s, now]
            if share > 0.0:
                line -= import_pipeline[s, import_now]
            line = line if line > 0.0 else 0.0  # rounding
            gap = (cover[s] * need - kept) + weight * ((lead[s] - 1.0) * need - line)
            wanted = need + alpha * gap
            wanted = wanted if wanted > 0.0 else 0.0
            order[s] = wanted
            if share > 0.0:
                import_order[s] = share * wanted
                order[s] -= import_order[s]
