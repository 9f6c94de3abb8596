"""The core week agent by agent, as a Mesa model is usually written: each firm is an agent with its stocks and links, each phase is done by
every agent before the next begins."""

from __future__ import annotations

import mesa
import numpy as np


class Link:
    """A supplier of an input."""

    __slots__ = ("backlog", "due", "lead_time", "payable", "shipped", "supplier", "weight")

    def __init__(self, supplier, weight, lead_time, payable):
        self.supplier, self.weight, self.lead_time, self.payable = supplier, weight, lead_time, payable
        self.backlog = self.shipped = self.due = 0.0


class Input:
    """What a firm needs of one sector: its stock, what is on order, and who delivers."""

    def __init__(self, essentiality, coefficient, cover, lead, stock, line, pipeline):
        self.essentiality, self.coefficient, self.cover, self.lead = essentiality, coefficient, cover, lead
        self.stock, self.line, self.pipeline, self.order, self.links = stock, line, pipeline, 0.0, []


class FirmAgent(mesa.Agent):
    """A firm that makes goods to plan, or services to order."""

    def __init__(self, model, p, i):
        super().__init__(model)
        self.storable, self.bounded = bool(p.storable[i]), bool(p.bounded[i])
        for name in ("capacity", "labour_limit", "finished_cover", "payment_terms", "final_demand", "expected_demand", "demand",
                     "inventory", "cash"):  # fmt: skip
            setattr(self, name, float(getattr(p, name)[i]))
        self.backlog_due, self.overtime, self.capacity_factor, self.received = 0.0, 1.0, 1.0, 0.0
        self.inputs = []

    def receive(self):
        for put in self.inputs:
            now = self.model.week % len(put.pipeline)
            put.stock += put.pipeline[now]
            put.line = max(put.line - put.pipeline[now], 0.0)
            put.pipeline[now] = 0.0

    def expect(self):
        p = self.model.p
        self.expected_demand += p.forecast_speed * (self.demand - self.expected_demand)
        gap = self.finished_cover * self.expected_demand - self.inventory + self.backlog_due
        self.planned = max(self.expected_demand + p.inventory_adjustment * gap, 0.0)

    def produce(self):
        self.able = limit = min(self.capacity * self.overtime * self.capacity_factor, self.labour_limit)
        wanted = min(self.planned, limit)
        for put in self.inputs:
            missing = put.coefficient * wanted - put.stock
            if put.essentiality == 2 and missing > 0.0:
                put.stock += self.model.p.emergency_share * missing
            if put.coefficient > 0.0:
                covered = put.stock / put.coefficient
                if put.essentiality == 2:
                    limit = min(limit, covered)
                elif put.essentiality == 1:
                    limit = min(limit, 0.5 * (covered + self.capacity))
        self.possible = limit
        if self.storable:
            self.output = min(self.planned, self.possible)
            self.use_inputs()
            self.inventory += self.output

    def use_inputs(self):
        for put in self.inputs:
            put.stock -= min(put.stock, put.coefficient * self.output)

    def place_orders(self):
        p = self.model.p
        for put in self.inputs:
            need = put.coefficient * min(self.planned, self.able)
            kept = put.stock if self.storable else max(put.stock - need, 0.0)
            gap = (put.cover * need - kept) + p.supply_line_weight * ((put.lead - 1.0) * need - put.line)
            put.order = max(need + p.stock_adjustment * gap, 0.0)
        self.demand = self.final_demand

    def send_orders(self):
        for put in self.inputs:
            for link in put.links:
                link.supplier.demand += put.order * link.weight

    def serve(self):
        if not self.storable:
            self.output = min(self.possible, self.backlog_due + self.demand)
            self.use_inputs()
            self.inventory = self.output
        asked = self.backlog_due + self.demand
        self.fill_rate = min(max(self.inventory / asked, 0.0), 1.0) if asked > max(self.inventory, 0.0) else 1.0
        self.backlog_due = self.sold = 0.0

    def ship(self):
        """Goods come from the suppliers to this firm."""
        for put in self.inputs:
            put.line = 0.0
            for link in put.links:
                asked = link.backlog + put.order * link.weight
                link.shipped = link.supplier.fill_rate * asked
                link.backlog = asked - link.shipped
                link.supplier.sold += link.shipped
                link.supplier.backlog_due += link.backlog
                put.pipeline[(self.model.week + link.lead_time) % len(put.pipeline)] += link.shipped
                link.payable += link.shipped
                put.line += link.backlog
            put.line += sum(put.pipeline)

    def close_week(self):
        p = self.model.p
        self.final_sales = self.fill_rate * self.final_demand
        self.inventory = max(self.inventory - self.sold - self.final_sales, 0.0) if self.storable else 0.0
        unmet = 1.0 - self.fill_rate
        change = (p.overtime_max - self.overtime) * unmet if unmet > 0.0 else 1.0 - self.overtime
        self.overtime += change / p.overtime_time

    def pay(self):
        links = [link for put in self.inputs for link in put.links]
        owed = sum(link.payable / self.payment_terms for link in links)
        spendable = max(self.cash, 0.0) if self.bounded else float("inf")
        share = self.model.p.below_one * spendable / owed if spendable < owed else 1.0
        for link in links:
            due = share * link.payable / self.payment_terms
            link.payable -= due
            link.supplier.received += due
            self.cash -= due

    def collect(self):
        self.cash += self.received
        self.received = 0.0


class Naive(mesa.Model):
    """The economy, and the phases of its week."""

    PHASES = ("receive", "expect", "produce", "place_orders", "send_orders", "serve", "ship", "close_week", "pay", "collect")

    def __init__(self, p):
        super().__init__()
        self.p, self.week = p, 0
        self.firms = [FirmAgent(self, p, i) for i in range(len(p.storable))]
        self.puts = [
            Input(*(float(column[s]) for column in (p.essentiality, p.coefficient, p.input_cover, p.lead, p.input_stock, p.supply_line)),
                  p.pipeline[s].tolist())
            for s in range(len(p.customer))
        ]  # fmt: skip
        for put, i in zip(self.puts, p.customer.tolist(), strict=True):
            self.firms[i].inputs.append(put)
        for j, s, weight, lead, payable in zip(*(v.tolist() for v in (p.supplier, p.slot, p.weight, p.lead_time, p.payable)), strict=True):
            self.puts[s].links.append(Link(self.firms[j], weight, lead, payable))

    def disturb(self, final_demand, capacity_factor):
        for firm, asked, left in zip(self.firms, final_demand.tolist(), capacity_factor.tolist(), strict=True):
            firm.final_demand, firm.capacity_factor = asked, left

    def advance(self, t):
        self.week = t
        for phase in self.PHASES:
            self.agents.do(phase)

    def found(self):
        by_firm = ("output", "inventory", "expected_demand", "demand", "backlog_due", "overtime", "final_sales", "cash")
        found = {name: np.array([getattr(firm, name) for firm in self.firms]) for name in by_firm}
        by_input = {"input_stock": "stock", "order": "order", "supply_line": "line"}
        return found | {column: np.array([getattr(put, name) for put in self.puts]) for column, name in by_input.items()}
