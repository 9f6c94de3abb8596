r"""Trade: orders reach suppliers, scarce goods are shared out, shipped with lead times, invoiced and owed.

    D_j     = Σ_{e out of j} O_{slot(e)} w_e + F_j                       demand: orders received and final demand F
    fr_j    = min(1, S_j / (B_j + D_j))                                  proportional rationing, one fill rate for all buyers
    final_last:  links are served first, final demand gets what is left
    ship_e  = fr_j (b_e + O w_e) ,  b_e ← (b_e + O w_e) - ship_e         backlog is carried along the link
    sold_j  = fr_j (B_j + D_j - F_j) ,  B_j ← (B_j + D_j - F_j) - sold_j its sums, as there is one fill rate for all links of j
    final sales_j = fr_j F_j                                             unmet final demand is lost, and the buyer keeps the money
    goods of link e arrive ℓ_e weeks later: 1 within a region, 2 between regions or with a large firm; imports after 4 weeks
    TC_e    ← TC_e + p_j ship_e ;  due_e = TC_e / τ                      invoiced at dispatch: trade credit, paid by `finance`
    AP_i    = Σ_{e into i} TC_e ;  AR_j ← AR_j + p_j sold_j              its sums, as j has one price

Goods in transit belong to the slot, in a ring of weeks: ring[s, (t + ℓ) mod L] arrives in week t + ℓ, when `production` takes it into
stock. Title passes at dispatch.
At rest a link holds ℓ_e weeks of its flow in transit and (τ - 1) weeks of it as payable, because payment follows booking.

symbol  column                unit
w       weight                1 (sums to one over a slot)
b       backlog               base currency
B       backlog_due           base currency
S       inventory             base currency
TC      payable               currency
AR, AP  receivables, payables currency

Sources: Hallegatte (2008) for proportional rationing; Godley and Lavoie (2007) for trade credit as a stock; the lead times and
terms of payment are assumptions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..kernel import kernel, prefetch
from ..schema import Column, param
from ..state import EVERYWHERE
from ..trade_credit import sum_credit
from .base import Mechanism

RUN = 1024  # slots that `ship_links` goes through together: what they need fits the second cache
AHEAD = 64  # links ahead of which it asks for what it needs of the supplier; 32 to 128 are equal
SMALLEST = 1e-200  # base currency; a backlog below it is none: numbers below 1e-308 are slow to add


class Trade(Mechanism):
    name = "trade"
    columns = (
        Column("weight", "1", 0.0, "Share of the slot's orders that goes to this supplier", axis="link", low=0, high=1),
        Column("lead_time", "wk", 1, "Weeks from dispatch to arrival", axis="link", dtype="i1", low=1),
        Column("backlog", "base currency", 0.0, "Ordered and not yet shipped", axis="link", low=0),
        Column("payable", "currency", 0.0, "Trade credit: shipped and not yet paid", axis="link", low=0),
        Column("pipeline", "base currency", 0.0, "In transit, by week of arrival", axis="slot", width="lead", low=0),
        Column("import_pipeline", "base currency", 0.0, "Imports in transit, by week of arrival", axis="slot", width="import_lead", low=0),
        Column("imports", "base currency/wk", 0.0, "Imports dispatched to the slot this week", axis="slot", low=0),
        Column("supply_line", "base currency", 0.0, "In transit or owed to the slot", axis="slot", low=0),
        Column("demand", "base currency/wk", 0.0, "Orders received and final demand of the week", low=0),
        Column("backlog_due", "base currency", 0.0, "Backlog owed to customers", low=0),
        Column("fill_rate", "1", 1.0, "Share of what was asked by links that was shipped", low=0, high=1),
        Column("final_fill_rate", "1", 1.0, "Share of final demand that was met", low=0, high=1),
        Column("sold_to_firms", "base currency/wk", 0.0, "Shipped along links this week", low=0),
        Column("final_sales", "base currency/wk", 0.0, "Sold outside links this week", low=0),
        Column("receivables", "currency", 0.0, "Trade credit given to customers: the sum of their payables"),
        Column("import_payable", "currency", 0.0, "Trade credit owed abroad", low=0),
        Column("payables", "currency", 0.0, "Trade credit that suppliers gave, along links"),
        Column("payment_terms", "wk", 4.0, "τ: what the firm owes falls due at 1/τ a week", low=1, entrant="copied"),
        Column(
            "purchase_price",
            "currency per base currency",
            1.0,
            "Mean price of the slot's goods, in stock and in transit",
            axis="slot",
            low=0,
        ),
        Column("local_lead", "wk", 1, "Lead time between firms of the region", axis="region", dtype="i1", low=1),
        Column("other_lead", "wk", 1, "Lead time of the group's goods from elsewhere", axis="sector", dtype="i1", low=1),
        Column("import_factor", "1", 1.0, "Share of imports of the group that can be had", axis="sector", low=0),
        Column("import_price_factor", "1", 1.0, "Factor on the price of imports of the group", axis="sector", low=0),
    )
    reads = ("order", "import_order", "import_share", "final_demand", "price", "region", "input_stock")
    writes = (*(c.name for c in columns), "inventory", "lead")

    local_lead: int = param(1, unit="wk", doc="Lead time between SMBs of one region", low=1, high=26, source="assumption")
    other_lead: int = param(2, unit="wk", doc="Lead time between regions, and with large firms", low=1, high=26, source="assumption")
    import_lead: int = param(4, unit="wk", doc="Lead time of imports", low=1, high=52, source="assumption")
    payment_weeks: float = param(4.0, unit="wk", doc="τ: terms of payment; 1/τ of what is owed is due each week", low=1, high=13,
                                 source="assumption; terms of 30 to 60 days are common (range 2 to 9)")  # fmt: skip
    rationing: Literal["proportional", "final_last"] = param("proportional", unit="choice", doc="Who gets scarce goods",
                                                             source="Hallegatte (2008); Inoue and Todo (2019)")  # fmt: skip

    def settle(self, state, rest):
        firms, slots, links = state.firms, state.slots, state.links
        need = state.sum_links(rest.link_flow)
        links.weight[:] = rest.link_flow / need[links.slot]
        regions = firms.region[links.supplier], firms.region[links.buyer]
        local = (regions[0] == regions[1]) & (regions[0] != EVERYWHERE)
        links.lead_time[:] = np.where(local, self.local_lead, self.other_lead)
        state.regions.local_lead[:], state.sectors.other_lead[:] = self.local_lead, self.other_lead
        links.payable[:] = (self.payment_weeks - 1.0) * rest.link_flow
        sum_credit(state)
        for weeks in range(1, state.widths["lead"] + 1):  # after week -1, the goods arriving in week 0 are in ring slot 0
            slots.pipeline[:, weeks - 1] = state.sum_links(np.where(links.lead_time >= weeks, rest.link_flow, 0.0))
        if rest.import_share.any():  # columns of zeros that nobody writes to take no memory
            slots.imports[:] = rest.import_share * rest.coefficient * rest.output[slots.customer]
            slots.import_pipeline[:] = slots.imports[:, None]
            firms.import_payable[:] = (self.payment_weeks - 1.0) * state.sum_slots(slots.imports)
        in_lead = state.sum_links(links.lead_time * rest.link_flow) + self.import_lead * slots.imports
        slots.lead[:] = in_lead / (need + slots.imports)
        slots.supply_line[:] = in_lead
        firms.sold_to_firms[:] = state.sum_by_supplier(rest.link_flow)
        firms.final_sales[:] = rest.output - firms.sold_to_firms
        firms.demand[:] = rest.output
        firms.payment_terms[:] = self.payment_weeks

    def collect(self, state, step):
        """Orders reach the suppliers: demand is what is ordered and asked for this week."""
        firms, slots, links = state.firms, state.slots, state.links
        state.add_by_supplier(add_orders, state.customer_start, links.supplier, links.slot, links.weight, slots.order, out=firms.demand)
        np.add(firms.demand, firms.final_demand, out=firms.demand)

    def ration(self, state, step):
        """Share scarce output among those who asked, in proportion to what they asked for, or final demand last; what is sold and owed."""
        firms = state.firms
        state.suppliers.run(
            share_out, self.rationing == "final_last", firms.demand, firms.final_demand, firms.price, firms.inventory, firms.backlog_due,
            firms.receivables, firms.fill_rate, firms.final_fill_rate, firms.sold_to_firms, firms.final_sales,
        )  # fmt: skip

    def ship(self, state, step):
        """Ship along the links and invoice; what is still owed is backlog, with what is in transit the supply line."""
        firms, slots, links = state.firms, state.slots, state.links
        offers = np.stack((firms.fill_rate, firms.price), axis=1)  # side by side, as a link looks both up
        state.customers.run(
            ship_links, *state.ring_places(step.t), state.slot_start, state.link_start, links.slot, links.supplier, links.weight,
            links.lead_time, offers, slots.customer, slots.group, state.sectors.import_factor,
            state.sectors.import_price_factor, slots.import_share, slots.order, slots.import_order, slots.input_stock, links.backlog,
            links.payable, slots.imports, firms.import_payable, slots.whole("pipeline"), slots.whole("import_pipeline"),
            slots.supply_line, slots.purchase_price, firms.payables,
        )  # fmt: skip


@kernel
def add_orders(first, last, customer_start, supplier, slot, weight, order, received):
    """received_j += O_{slot(e)} w_e for the links e from j into the firms first … last - 1, link by link.

    customer_start (n+1,); supplier, slot, weight (m,); order (s,); adds to received (n,) base currency/wk
    """
    links = np.uint64(supplier.size)
    for e in range(np.uint64(customer_start[first]), np.uint64(customer_start[last])):
        ahead = e + np.uint64(AHEAD)
        prefetch(received, np.uint32(supplier[ahead if ahead < links else e]))
        received[np.uint32(supplier[e])] += order[np.uint32(slot[e])] * weight[e]


@kernel
def share_out(start, stop, final_last, demand, final_demand, price, inventory, backlog_due, receivables, fill_rate, final_fill_rate,
              sold_to_firms, final_sales):  # fmt: skip
    """fr = min(1, S / (B + D)), or links first; then what each firm sells and goes on owing:

    sold = fr (B + D - F) ,  B ← (B + D - F) - sold ,  final sales = fr_F F ,  S ← S - sold - final sales ,  AR ← AR + p sold

    demand, final_demand, price (n,); inventory, backlog_due, receivables (n,) read and changed; writes fill_rate, final_fill_rate,
    sold_to_firms, final_sales (n,)
    """
    for i in range(start, stop):
        there = inventory[i] if inventory[i] > 0.0 else 0.0
        asked = backlog_due[i] + (demand[i] - final_demand[i])  # by links
        first = asked if final_last else backlog_due[i] + demand[i]
        rate = 1.0 if first <= there else there / first
        final_rate = rate
        if final_last:
            left = there - rate * asked if there > rate * asked else 0.0
            final_rate = 1.0 if final_demand[i] <= left else left / final_demand[i]
        fill_rate[i] = rate
        final_fill_rate[i] = final_rate
        sold = rate * asked
        sold_to_firms[i] = sold
        backlog_due[i] = asked - sold
        receivables[i] += price[i] * sold
        final_sales[i] = final_rate * final_demand[i]
        left = inventory[i] - sold - final_sales[i]
        inventory[i] = left if left > 0.0 else 0.0


@kernel
def ship_links(start, stop, now, import_now, slot_start, link_start, slot, supplier, weight, lead_time, offers, customer, group,
               import_factor, import_price, import_share, order, import_order, stock, backlog, payable, imports, import_payable, pipeline,
               import_pipeline, supply_line, purchase_price, payables):  # fmt: skip
    """ship_e = fr (b_e + O w_e) goes into the ring of its slot and on the bill, the rest stays as backlog:

    b_e ← b_e + O w_e - ship_e ,  TC_e ← TC_e + p_j ship_e ,  supply line = in transit + Σ b_e ;  imports alike, at once
    purchase price += Σ (price paid - purchase price) volume / (stock + in transit)            the mean price of what is held

    now, import_now: ring positions of this week, whose goods have arrived; the goods that take longest go there
    slot, supplier, weight, lead_time wk, backlog, payable (m,); offers (n, 2): fill rate and price p of suppliers; customer, group,
    import_share, order, import_order, stock, imports, supply_line, purchase_price (s,); pipeline (s, L); import_pipeline (s, L_imp);
    import_factor, import_price (G,); changes import_payable, writes payables (n,)

    Slots are gone through in runs, and the links of a run in one flat loop: slots of one or two links make loops whose ends a processor
    cannot foresee. A slot without a share of imports has none on the way either.
    """
    length, import_length, links = pipeline.shape[1], import_pipeline.shape[1], np.uint64(supplier.size)
    waiting = np.empty(RUN)  # Σ b_e
    in_transit = np.empty(RUN)
    owed = np.empty(RUN)  # Σ TC_e
    dearer = np.empty(RUN)  # Σ (price paid - purchase price) volume
    first, last = slot_start[start], slot_start[stop]
    for i in range(start, stop):
        payables[i] = 0.0
    for at in range(first, last, RUN):
        begin, run = np.uint64(at), np.uint64(RUN if at + RUN < last else last - at)
        for r in range(run):
            waiting[r] = 0.0
            in_transit[r] = 0.0
            owed[r] = 0.0
            dearer[r] = 0.0
            pipeline[begin + r, now] = 0.0
        importing = False
        for r in range(run):
            s = begin + r
            if import_share[s] > 0.0:
                importing = True
                g = np.uint32(group[s])
                sent = import_order[s] * import_factor[g]
                imports[s] = sent
                import_payable[np.uint32(customer[s])] += import_price[g] * sent
                import_pipeline[s, import_now] = sent  # arrives import_length weeks later, at this very position
                dearer[r] = (import_price[g] - purchase_price[s]) * sent
        for e in range(np.uint64(link_start[begin]), np.uint64(link_start[begin + run])):
            ahead = e + np.uint64(AHEAD)
            to_come = np.uint32(supplier[ahead if ahead < links else e])
            prefetch(offers, to_come)
            s, j = np.uint64(np.uint32(slot[e])), np.uint32(supplier[e])
            wanted = backlog[e] + order[s] * weight[e]
            price, ship = offers[j, 1], offers[j, 0] * wanted
            left = wanted - ship
            backlog[e] = left if left > SMALLEST else 0.0
            bill = payable[e] + price * ship
            payable[e] = bill
            place = now + lead_time[e]
            place = place - length if place >= length else place
            if length == 2:  # an address that waits for data is dear
                pipeline[s, 0] += ship * (1 - place)
                pipeline[s, 1] += ship * place
            else:
                pipeline[s, np.uint64(place)] += ship
            waiting[s - begin] += left
            owed[s - begin] += bill
            dearer[s - begin] += (price - purchase_price[s]) * ship
        for k in range(length):
            for r in range(run):
                in_transit[r] += pipeline[begin + r, k]
        for k in range(import_length if importing else 0):
            for r in range(run):
                in_transit[r] += import_pipeline[begin + r, k]
        for r in range(run):
            supply_line[begin + r] = in_transit[r] + waiting[r]
            payables[np.uint32(customer[begin + r])] += owed[r]
            if dearer[r] != 0.0:
                held = stock[begin + r] + in_transit[r]
                purchase_price[begin + r] += dearer[r] / (held if held > 0.0 else 1.0)
