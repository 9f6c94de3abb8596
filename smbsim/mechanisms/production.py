r"""Production (M1): output from orders, labour, capacity and stocks of inputs.

    able_i  = min( capacity_i · overtime_i · capacity_factor_i ,  labour_limit_i )     what a firm counts on when it orders
    limit_i = min( capacity_i · overtime_i · capacity_factor_i · (1 - downtime_i) ,  labour_limit_i )
    M_ig   ← M_ig + goods of slot ig that are due this week   arrivals of links and imports
    e_ig    = ε [a_ig min(planned_i, limit_i) - M_ig]⁺        emergency import of a missing input that can stop production
    input limit, with M after the emergency import:
      leontief            min over all g             M_g / a_g
      strongly_critical   min over essentiality ≥ 1  M_g / a_g
      half_critical       min over essentiality 2    M_g / a_g ,  and over essentiality 1  ½ (M_g / a_g + capacity)
      weakly_critical     min over essentiality 2    M_g / a_g
      linear              Σ M_g / Σ a_g
      ario_psi            min over all g             M_g / (max(1, ψ (n_g + 1)) a_g)
    x_i     = min( planned_i , limit_i , input limit )        storable: made to plan, before delivery
    x_i     = min( what is asked of i , limit_i , input limit )   services: made to order, at delivery
    use_ig  = min( M_ig , a_ig x_i )
    S_i    += (1 - w) x_i
    overtime⁺ = overtime + (max - overtime) ζ / τ   if ζ > 0   else  overtime + (1 - overtime) / τ ,  ζ unmet share of demand

symbol       column            unit
x            output            base currency/wk
planned      planned_output    base currency/wk
M            input_stock       base currency
a            coefficient       1
S            inventory         base currency
n            input_cover       wk

Sources: Hallegatte (2008, 2013) for inventories and overtime (ARIO); Pichler et al. (2022), JEDC 144, for the five input rules; the
ψ rule is that of BoARIO's documentation, x_opt · min(1, M / (ψ n a x_opt)), written as a limit (n + 1, because a cover counts what is
left after the week's use); the emergency import is an assumption without which a cyclic Leontief network has an
absorbing state of zero output. A sector is storable when its stocks cover at least `storable_days` of sales.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..accounts import afford, transfer
from ..kernel import kernel
from ..rest import FOREIGN
from ..schema import Column, param
from ..state import LARGE
from .base import Mechanism

RUN = 128  # firms that `make_goods` goes through together, so that it passes over their slots in one flat loop
RULES = ("leontief", "strongly_critical", "half_critical", "weakly_critical", "linear", "ario_psi")
LEONTIEF, STRONGLY, HALF, WEAKLY, LINEAR, ARIO = range(6)
BINDING = (0, 1, 2, 2, 0, 0)  # least essentiality of an input that can stop production, by rule
ARIO_SOURCE = "BoARIO documentation, default"


class Production(Mechanism):
    name = "production"
    columns = (
        Column("output", "base currency/wk", 0.0, "Goods or services made; until a service firm delivers, last week's", low=0),
        Column("capacity", "base currency/wk", 0.0, "Output at full use of capital, without overtime", low=0, entrant="scaled"),
        Column("capacity_factor", "1", 1.0, "Share of capacity left by shocks", low=0),
        Column("overtime", "1", 1.0, "Factor on capacity while demand is unmet", low=1),
        Column("downtime", "1", 0.0, "Share of the week lost to breakdowns", low=0, high=1),
        Column("repair", "wk", 0, "Weeks until a breakdown is repaired", dtype="i4", low=0),
        Column("able_output", "base currency/wk", 0.0, "Output that capacity and labour allow, breakdowns aside", low=0),
        Column("available_output", "base currency/wk", 0.0, "Most that can be made this week", low=0),
        Column("storable", "1", 0, "Output can be kept in stock; otherwise it is made to order", dtype="b1", entrant="copied"),
        Column("inventory", "base currency", 0.0, "Finished goods", low=0),
        Column("scrap", "base currency/wk", 0.0, "Output lost as scrap and spoiled finished goods", low=0),
        Column("coefficient", "1", 0.0, "Input per unit of output, domestic and imported", axis="slot", low=0, entrant="copied"),
        Column("essentiality", "1", 2, "0 production goes on without it, 1 important, 2 critical", axis="slot", dtype="i1", low=0, high=2,
               entrant="copied"),
        Column("input_stock", "base currency", 0.0, "Stock of the input", axis="slot", low=0),
        Column("input_use", "base currency/wk", 0.0, "Input used this week", axis="slot", low=0),
        Column("input_spoiled", "base currency/wk", 0.0, "Input spoiled this week", axis="slot", low=0),
        Column("emergency_cost", "currency/wk", 0.0, "Paid for emergency imports, premium included", low=0),
        Column("emergency_import", "base currency/wk", 0.0, "Missing input bought abroad at once, at a premium", axis="slot", low=0),
    )  # fmt: skip
    reads = ("kind", "uid", "alive", "pipeline", "import_pipeline", "planned_output", "labour_limit", "input_cover",
             "import_factor", "import_price_factor", "demand", "backlog_due", "fill_rate", "finished_cover")  # fmt: skip
    writes = (*(c.name for c in columns), "import_payable", "spendable", "cash", "balance")

    rule: Literal[RULES] = param("half_critical", unit="choice", doc="How missing inputs limit output",
                                 source="Pichler et al. (2022), JEDC 144; default half_critical as preferred there")  # fmt: skip
    scarcity: float = param(0.8, unit="1", doc="ψ of the rule ario_psi: share of the target stock below which output is cut", low=0.01,
                            high=1, source=ARIO_SOURCE)  # fmt: skip
    utilisation: float = param(0.8, unit="1", doc="Output at rest as a share of capacity", low=0.05, high=1,
                               source="assumption; US capacity utilisation is about 0.78 to 0.80")  # fmt: skip
    overtime_max: float = param(1.25, unit="1", doc="Largest overtime factor", low=1, high=2, source=ARIO_SOURCE)
    overtime_time: float = param(52.0, unit="wk", doc="Time to reach it", low=1, high=520, source=ARIO_SOURCE + " (365 days)")
    scrap_share: float = param(0.0, unit="1", doc="Share of output lost as scrap", low=0, high=0.5,
                               source="0 in calibrated economies, whose tables contain it; 0.02 otherwise (assumption)")  # fmt: skip
    spoil_share: float = param(0.0, unit="1/wk", doc="Share of stocks spoiled in a week", low=0, high=0.5,
                              source="0 in calibrated economies, whose tables contain it; up to 0.10 otherwise (assumption)")  # fmt: skip
    emergency_share: float = param(0.5, unit="1", doc="ε: share of a missing input that is bought abroad at once", low=0, high=1,
                                   source="assumption; needed against gridlock")  # fmt: skip
    emergency_premium: float = param(0.2, unit="1", doc="Price premium of emergency imports", low=0, high=5, source="assumption")
    breakdown_hazard: float = param(0.005, unit="1/wk", doc="Chance of a breakdown of an SMB in a week", low=0, high=1, source="assumption")
    repair_weeks: int = param(1, unit="wk", doc="Weeks a breakdown lasts", low=1, high=52, source="assumption")
    storable_days: float = param(14.0, unit="d", doc="Inventory days of sales from which a sector's output counts as storable", low=0,
                                 high=365, source="assumption")  # fmt: skip

    def settle(self, state, rest):
        firms, slots = state.firms, state.slots
        firms.output[:] = rest.output
        firms.capacity[:] = rest.output / self.utilisation
        firms.able_output[:] = firms.capacity
        firms.available_output[:] = firms.capacity
        firms.storable[:] = rest.storable
        slots.coefficient[:] = rest.coefficient
        slots.essentiality[:] = rest.essentiality
        slots.input_stock[:] = slots.input_cover * rest.coefficient * rest.output[slots.customer]
        slots.input_use[:] = rest.coefficient * rest.output[slots.customer]
        firms.inventory[:] = firms.finished_cover * rest.output

    def break_down(self, state, step):
        """Firms of the SMB kind break down at random, each by its own draw, and stand still until repaired."""
        firms = state.firms
        firms.repair[:] = np.maximum(firms.repair - 1, 0)
        if self.breakdown_hazard > 0:
            struck = (step.draws.uniform("breakdown", step.t, firms.uid) < self.breakdown_hazard) & (firms.kind != LARGE)
            firms.repair[struck] = self.repair_weeks
        firms.downtime[:] = firms.repair > 0

    def produce(self, state, step):
        """What arrives this week is taken into stock; storable goods are made to plan; a service firm works out what it could make."""
        firms, slots, rule = state.firms, state.slots, RULES.index(self.rule)
        state.customers.run(
            make_goods, *state.ring_places(step.t), rule, BINDING[rule], self.scarcity, self.emergency_share, self.spoil_share,
            self.scrap_share, state.slot_start, firms.alive, firms.storable, firms.planned_output, firms.labour_limit, firms.capacity,
            firms.overtime, firms.downtime, firms.capacity_factor, slots.customer, slots.group, slots.coefficient,
            slots.essentiality, slots.input_cover, state.sectors.import_factor, slots.whole("pipeline"), slots.whole("import_pipeline"),
            slots.input_stock, slots.input_use, slots.input_spoiled, slots.emergency_import, firms.inventory, firms.able_output,
            firms.available_output, firms.output, firms.scrap,
        )  # fmt: skip

    def serve(self, state, step):
        """Services make what is asked of them this week, as far as they can; it is in `inventory` until it is delivered."""
        firms, slots = state.firms, state.slots
        state.customers.run(
            make_services, state.slot_start, firms.storable, firms.available_output, firms.backlog_due, firms.demand, slots.coefficient,
            slots.input_stock, slots.input_use, firms.output, firms.inventory,
        )  # fmt: skip

    def pay_emergency(self, state, step):
        """Emergency imports are paid in cash, at a premium; what a firm cannot pay is added to what it owes abroad."""
        firms, slots = state.firms, state.slots
        price = (1.0 + self.emergency_premium) * state.sectors.import_price_factor
        state.customers.run(emergency_costs, state.slot_start, slots.group, price, slots.emergency_import, firms.emergency_cost)
        paid = afford(state, firms.emergency_cost)
        transfer(state, "firm", FOREIGN, paid, "emergency imports")
        firms.import_payable[:] += firms.emergency_cost - paid

    def work_overtime(self, state, step):
        """After delivery: firms that could not meet demand raise overtime, the others let it fall."""
        firms = state.firms
        state.customers.run(
            adjust_overtime, self.overtime_max, self.overtime_time, firms.storable, firms.fill_rate, firms.inventory, firms.overtime
        )


@kernel
def make_goods(
    start, stop, now, import_now, rule, binding, psi, emergency_share, spoil_share, scrap_share, slot_start,
    alive, storable, planned, labour_limit, capacity, overtime, downtime, capacity_factor,
    customer, group, coefficient, essentiality, cover, import_factor, pipeline, import_pipeline,
    stock, use, spoiled, emergency, inventory, able, possible, output, scrap,
):  # fmt: skip
    """M ← (1 - w) (M + arrivals) + emergency imports ; x = min(planned, limit, input limit) of storable goods ; M ← M - min(M, a x)

    firms (n,): alive, storable, planned, labour_limit, capacity, overtime, downtime, capacity_factor; inventory (read and changed);
    writes able, possible, output (of storable goods), scrap; all base currency(/wk)
    slots (s,): customer, group, coefficient, essentiality, cover wk; stock base currency (read and changed); writes spoiled, emergency, and
    use of storable goods; pipeline (s, L), import_pipeline (s, L_imp): what is at `now` and `import_now` arrives; shipping empties them
    import_factor (G,) share of imports that can be had
    """
    wanted, limit, input_limit, held, needed = np.empty(RUN), np.empty(RUN), np.empty(RUN), np.empty(RUN), np.empty(RUN)
    for first in range(start, stop, RUN):
        last = first + RUN if first + RUN < stop else stop
        base = np.uint64(first)
        for i in range(base, np.uint64(last)):
            r = i - base
            kept = capacity[i] * overtime[i] * capacity_factor[i]
            working = kept * (1.0 - downtime[i])
            most = working if working < labour_limit[i] else labour_limit[i]
            limit[r] = most
            wanted[r] = planned[i] if planned[i] < most else most
            input_limit[r] = np.inf
            able[i] = (kept if kept < labour_limit[i] else labour_limit[i]) if alive[i] else 0.0
            if rule == LINEAR:
                held[r] = 0.0
                needed[r] = 0.0
        for s in range(np.uint64(slot_start[first]), np.uint64(slot_start[last])):  # values are selected: branches on data are dear
            i = np.uint64(np.uint32(customer[s]))
            r = i - base
            a = coefficient[s]
            vital = essentiality[s] >= binding
            there = stock[s] + (pipeline[s, now] + import_pipeline[s, import_now])
            lost = spoil_share * there
            there -= lost
            missing = a * wanted[r] - there
            to_buy = emergency_share * missing * import_factor[np.uint32(group[s])]
            bought = to_buy if vital and missing > 0.0 else 0.0
            there += bought
            stock[s] = there
            if emergency[s] != bought:  # what is never written to takes no memory
                emergency[s] = bought
            if spoiled[s] != lost:
                spoiled[s] = lost
            weeks = there / a
            covered = weeks if a > 0.0 else np.inf
            if rule == LINEAR:
                held[r] += there if a > 0.0 else 0.0
                needed[r] += a
            else:
                if rule == ARIO:
                    covered /= max(1.0, psi * (cover[s] + 1.0))
                half = 0.5 * (covered + capacity[i]) if rule == HALF and essentiality[s] == 1 else np.inf
                allowed = covered if vital else half
                input_limit[r] = allowed if allowed < input_limit[r] else input_limit[r]
        for i in range(base, np.uint64(last)):
            r = i - base
            if rule == LINEAR and needed[r] > 0.0:
                input_limit[r] = held[r] / needed[r]
            most = limit[r] if limit[r] < input_limit[r] else input_limit[r]
            possible[i] = most if alive[i] else 0.0
            made = planned[i] if planned[i] < possible[i] else possible[i]
            output[i] = made if storable[i] else (output[i] if alive[i] else 0.0)
            made = made if storable[i] else 0.0
            wanted[r] = made
            spoilt = spoil_share * inventory[i]
            scrapped = scrap_share * made
            scrap[i] = spoilt + scrapped
            inventory[i] += made - (spoilt + scrapped)
        for s in range(np.uint64(slot_start[first]), np.uint64(slot_start[last])):
            i = np.uint64(np.uint32(customer[s]))
            if storable[i]:
                needs = coefficient[s] * wanted[i - base]
                used = needs if needs < stock[s] else stock[s]
                use[s] = used
                stock[s] -= used


@kernel
def make_services(start, stop, slot_start, storable, possible, backlog_due, demand, coefficient, stock, use, output, inventory):
    """x = min(possible, B + D) of services, at once in `inventory` ; M ← M - min(M, a x)

    storable, possible, backlog_due, demand (n,); coefficient (s,); changes stock (s,); writes use (s,), output, inventory (n,)
    """
    for i in range(start, stop):
        if not storable[i]:
            asked = backlog_due[i] + demand[i]
            made = possible[i] if possible[i] < asked else asked
            output[i] = made
            inventory[i] = made
            for s in range(np.uint64(slot_start[i]), np.uint64(slot_start[i + 1])):
                needs = coefficient[s] * made
                used = needs if needs < stock[s] else stock[s]
                use[s] = used
                stock[s] -= used


@kernel
def adjust_overtime(start, stop, most, weeks, storable, fill_rate, inventory, overtime):
    """overtime += (max - overtime) ζ / τ where ζ = 1 - fr > 0, else (1 - overtime) / τ ; services keep nothing in stock.

    storable, fill_rate (n,); changes inventory, overtime (n,)
    """
    for i in range(start, stop):
        unmet = 1.0 - fill_rate[i]
        overtime[i] += ((most - overtime[i]) * unmet if unmet > 0.0 else 1.0 - overtime[i]) / weeks
        if not storable[i]:
            inventory[i] = 0.0


@kernel
def emergency_costs(start, stop, slot_start, group, price, bought, cost):
    """cost_i = Σ_s price_g bought_s over the slots of firm i. group, bought (s,); price (G,) premium included; writes cost (n,)."""
    for i in range(start, stop):
        total = 0.0
        for s in range(np.uint64(slot_start[i]), np.uint64(slot_start[i + 1])):
            total += price[np.uint32(group[s])] * bought[s]
        cost[i] = total
