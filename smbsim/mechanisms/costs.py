r"""Costs: inputs that are bought without a stock, and what a unit of output costs.

    counter inputs     k_hg x_i of sector g for a firm of sector h, bought like final demand for the output each firm made last (a
                       service firm's is that of last week); only as much as deposits can pay, where a firm pays from what it has
    spot inputs        imports and products of accounts for what was made this week, and extra costs; paid on delivery, or not had
    materials_i        Σ_g a_ig m_ig + Σ_g k_hg P_g + Σ_g m_hg φ_g + other imports + products of accounts         per unit
    extra cost_i       (f_i - 1) materials_i x_i                                          shocks; paid to the rest of the world
    unit cost_i        f_i materials_i + t_i + w_i λ_i ι_i / (A_i h_i) + r_i        w wage, λ staff per unit, r rules, tools, fees

A is productivity, h what skills and ι what tools do to the labour needed; a is the input per unit of output from stock, m its mean
purchase price, P the price index of a sector's pool, φ the price of imports.
Capital and interest are no part of the unit cost: they are paid from the markup.

symbol  column                 unit
k       counter_coefficient    1
x       output                 base currency/wk
P       counter_price          currency per base currency
f       cost_factor            1
t       product_tax_coefficient  1

Source: POPULATION.md 1.3 for inputs without a stock; MODEL.md M3 for the unit cost.
"""

from __future__ import annotations

import numpy as np

from ..accounts import afford, transfer
from ..kernel import kernel
from ..rest import FOREIGN
from ..schema import Column
from ..state import UNLIMITED
from .base import Mechanism


class Costs(Mechanism):
    name = "costs"
    columns = (
        Column("counter_base", "base currency/wk", 0.0, "Output for which counter inputs are bought this week", low=0),
        Column("counter_use", "base currency/wk", 0.0, "Counter inputs delivered to the firm", low=0),
        Column("counter_cost", "currency/wk", 0.0, "Paid for counter inputs", low=0),
        Column("spot_use", "base currency/wk", 0.0, "Imports and products of accounts used without a stock", low=0),
        Column("spot_cost", "currency/wk", 0.0, "Paid for them, and extra costs"),
        Column("cost_factor", "1", 1.0, "Factor of shocks on the cost of inputs", low=0),
        Column("extra_cost", "currency/wk", 0.0, "Paid because of it this week; part of spot_cost"),
        Column("material_cost", "currency per base currency", 0.0, "Inputs for a unit of output at the prices last paid", entrant="copied"),
        Column("unit_cost", "currency per base currency", 0.0, "Inputs, product taxes and wages for a unit of output", entrant="copied"),
        Column("counter_demand", "base currency/wk", 0.0, "Counter inputs asked of the sector", axis="sector", low=0),
        Column("counter_coefficient", "1", 0.0, "Counter input per unit of output: user sector × supplier", axis="sector", width="sector"),
        Column("spot_coefficient", "1", 0.0, "Spot import per unit of output: user sector × group", axis="sector", width="sector"),
        Column("other_import_coefficient", "1", 0.0, "Imports of no group per unit of output", axis="sector"),
        Column("account_coefficient", "1", 0.0, "Products of accounts per unit of output", axis="sector", width="account"),
    )
    reads = ("output", "price", "pool_share", "counter_price", "bargain", "demand_factor", "final_fill_rate", "import_factor",
             "import_price_factor", "coefficient", "purchase_price", "product_tax_coefficient", "labour_coefficient",
             "labour_intensity", "productivity", "efficiency", "wage", "wage_factor", "compliance_cost", "tool_rent", "platform_fee",
             "normal_output")  # fmt: skip
    writes = (*(c.name for c in columns), "spendable", "cash", "balance")

    def settle(self, state, rest):
        firms, sectors = state.firms, state.sectors
        sectors.counter_coefficient[:] = rest.counter
        sectors.spot_coefficient[:] = rest.spot_imports
        sectors.other_import_coefficient[:] = rest.other_imports
        sectors.account_coefficient[:] = rest.account_inputs
        firms.counter_base[:] = rest.output
        sectors.counter_demand[:] = state.by_sector(firms.counter_base) @ sectors.counter_coefficient
        firms.counter_use[:] = firms.output * sectors.counter_coefficient.sum(axis=1)[firms.sector]
        firms.counter_cost[:] = firms.counter_use
        unstocked = sectors.spot_coefficient.sum(axis=1) + sectors.other_import_coefficient + sectors.account_coefficient.sum(axis=1)
        firms.spot_use[:] = firms.output * unstocked[firms.sector]
        firms.spot_cost[:] = firms.spot_use
        self._estimate(state)

    def order(self, state, step):
        """Firms ask for counter inputs; who must pay from deposits asks for no more than they pay for."""
        firms, sectors = state.firms, state.sectors
        per_unit = (sectors.counter_coefficient @ sectors.counter_price)[firms.sector]
        bound = (firms.spendable < UNLIMITED) & (per_unit > 0)
        affordable = np.divide(np.maximum(firms.cash, 0.0), per_unit, out=np.full(firms.n, UNLIMITED), where=bound)
        firms.counter_base[:] = np.where(firms.alive, np.minimum(firms.output, affordable), 0.0)
        sectors.counter_demand[:] = state.by_sector(firms.counter_base) @ sectors.counter_coefficient

    def pay_counter(self, state, step):
        """Firms pay for the counter inputs that were delivered to them."""
        firms, sectors = state.firms, state.sectors
        asked = sectors.counter_demand
        volume = firms.demand_factor * firms.final_fill_rate * firms.pool_share * asked[firms.sector] * firms.bargain
        for column, sold in ((firms.counter_use, volume), (firms.counter_cost, firms.price * volume)):
            per_unit = np.divide(state.by_sector(sold), asked, out=np.zeros_like(asked), where=asked > 0)
            column[:] = firms.counter_base * (sectors.counter_coefficient @ per_unit)[firms.sector]
        transfer(state, "firm", "firm", firms.counter_cost, "counter inputs", firms.price * volume)

    def buy_spot(self, state, step):
        """Firms pay for imports and products of accounts that they use without a stock, and for extra costs."""
        firms, sectors = state.firms, state.sectors
        volume = sectors.spot_coefficient * sectors.import_factor
        imports = volume @ sectors.import_price_factor + sectors.other_import_coefficient
        accounts = sectors.account_coefficient
        firms.extra_cost[:] = (firms.cost_factor - 1.0) * firms.material_cost * firms.output
        due = firms.output * (imports + accounts.sum(axis=1))[firms.sector] + firms.extra_cost
        firms.spot_cost[:] = afford(state, due)
        had = np.divide(firms.spot_cost, due, out=np.ones(firms.n), where=due != 0)
        firms.extra_cost[:] *= had
        unstocked = volume.sum(axis=1) + sectors.other_import_coefficient + accounts.sum(axis=1)
        firms.spot_use[:] = had * firms.output * unstocked[firms.sector]
        transfer(state, "firm", FOREIGN, had * firms.output * imports[firms.sector], "imported inputs")
        if firms.extra_cost.any():
            transfer(state, "firm", FOREIGN, firms.extra_cost, "extra costs")
        for a, account in enumerate(state.account_names):
            if accounts[:, a].any():
                transfer(state, "firm", account, had * firms.output * accounts[firms.sector, a], f"inputs from {account}")

    def estimate(self, state, step):
        """What a unit costs at the prices last paid."""
        self._estimate(state)

    def _estimate(self, state) -> None:
        firms, slots, sectors = state.firms, state.slots, state.sectors
        bought = sectors.counter_coefficient @ sectors.counter_price + sectors.spot_coefficient @ sectors.import_price_factor
        unstocked = bought + sectors.other_import_coefficient + sectors.account_coefficient.sum(axis=1)
        state.customers.run(
            add_up, state.slot_start, slots.coefficient, slots.purchase_price, firms.sector, unstocked, firms.cost_factor,
            firms.product_tax_coefficient, firms.wage_factor, firms.wage, firms.labour_coefficient, firms.labour_intensity,
            firms.productivity, firms.efficiency, firms.compliance_cost, firms.tool_rent, firms.platform_fee, firms.normal_output,
            firms.material_cost, firms.unit_cost,
        )  # fmt: skip


@kernel
def add_up(
    start, stop, slot_start, coefficient, purchase_price, sector, unstocked, cost_factor, tax, wage_factor, wage, staff, intensity,
    productivity, efficiency, rules, rent, fee, output, materials, unit,
):  # fmt: skip
    """materials_i = Σ_g a_ig m_ig + what is not from stock ,  unit_i = f_i materials_i + t_i + w_i λ_i ι_i / (A_i h_i) + r_i

    coefficient, purchase_price (s,); unstocked (G,); rules, rent currency/wk (n,) and fee (n, P), spread over normal output;
    writes materials, unit (n,) currency per base currency
    """
    for i in range(start, stop):
        total = 0.0
        for s in range(slot_start[i], slot_start[i + 1]):
            total += coefficient[s] * purchase_price[s]
        total += unstocked[sector[i]]
        fees = 0.0
        for p in range(fee.shape[1]):
            fees += fee[i, p]
        fixed = (rules[i] + rent[i] + fees) / output[i] if output[i] > 0.0 else 0.0
        labour = wage_factor[i] * wage[i] * (staff[i] * intensity[i]) / (productivity[i] * efficiency[i])
        materials[i] = total
        unit[i] = cost_factor[i] * total + tax[i] + labour + fixed
