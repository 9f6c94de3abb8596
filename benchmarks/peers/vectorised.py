"""The core week in numpy and scipy.sparse: no loop over firms, slots or links; sums over rows that lie together by `reduceat`, sums by
supplier by a sparse product where the weights do not change and by `bincount` where they do.

What a supplier ships in all is its fill rate times what was asked of it, so that backlogs are summed without looking at the links.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse


class Vectorised:
    """The week on arrays of numpy."""

    def __init__(self, p):
        self.p, n, s, m = p, len(p.storable), len(p.customer), len(p.slot)
        self.n = n
        self.first_link = np.flatnonzero(np.diff(p.slot, prepend=-1))  # every slot has a link
        self.first_slot = np.flatnonzero(np.diff(p.customer, prepend=-1))
        self.buyers = p.customer[self.first_slot]  # firms that have slots
        self.buyer = p.customer[p.slot]
        self.first_bought = np.flatnonzero(np.diff(self.buyer, prepend=-1))
        self.ordered = sparse.csr_matrix((p.weight, (p.supplier, p.slot)), shape=(n, s))
        self.stored_slot = p.storable[p.customer]
        self.binding, self.important = p.essentiality == 2, p.essentiality == 1
        self.leads = [(lead, p.lead_time == lead) for lead in np.unique(p.lead_time)]
        self.expected, self.demand, self.inventory, self.cash = (
            v.copy() for v in (p.expected_demand, p.demand, p.inventory, p.cash)
        )  # fmt: skip
        self.stock, self.line, self.ring, self.payable = (v.copy() for v in (p.input_stock, p.supply_line, p.pipeline, p.payable))
        self.backlog, self.owed, self.overtime = np.zeros(m), np.zeros(n), np.ones(n)
        self.final_demand, self.capacity_factor = p.final_demand, np.ones(n)

    def disturb(self, final_demand, capacity_factor):
        self.final_demand, self.capacity_factor = final_demand, capacity_factor

    def use(self, active_slot, output):
        used = np.where(active_slot, np.minimum(self.stock, self.p.coefficient * output[self.p.customer]), 0.0)
        self.stock -= used

    def possible(self, limit, wanted):
        p, a = self.p, self.p.coefficient
        missing = a * wanted[p.customer] - self.stock
        self.stock += np.where(self.binding & (missing > 0.0), p.emergency_share * missing, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            covered = self.stock / a
        by_slot = np.where(self.binding, covered, np.where(self.important, 0.5 * (covered + p.capacity[p.customer]), np.inf))
        by_slot[a <= 0.0] = np.inf
        possible = limit.copy()
        possible[self.buyers] = np.minimum(limit[self.buyers], np.minimum.reduceat(by_slot, self.first_slot))
        return possible

    def advance(self, t):
        p, customer = self.p, self.p.customer
        now = t % self.ring.shape[1]
        self.stock += self.ring[:, now]
        self.line = np.maximum(self.line - self.ring[:, now], 0.0)
        self.ring[:, now] = 0.0

        self.expected += p.forecast_speed * (self.demand - self.expected)
        gap = p.finished_cover * self.expected - self.inventory + self.owed
        planned = np.maximum(self.expected + p.inventory_adjustment * gap, 0.0)

        able = np.minimum(p.capacity * self.overtime * self.capacity_factor, p.labour_limit)
        possible = self.possible(able, np.minimum(planned, able))
        made = np.where(p.storable, np.minimum(planned, possible), 0.0)
        self.use(self.stored_slot, made)
        self.inventory += made

        need = p.coefficient * np.minimum(planned, able)[customer]
        kept = np.where(self.stored_slot, self.stock, np.maximum(self.stock - need, 0.0))
        short = (p.input_cover * need - kept) + p.supply_line_weight * ((p.lead - 1.0) * need - self.line)
        self.order = np.maximum(need + p.stock_adjustment * short, 0.0)

        by_links = self.sum_orders()
        self.demand = by_links + self.final_demand
        self.output = np.where(p.storable, made, np.minimum(possible, self.owed + self.demand))
        self.use(~self.stored_slot, self.output)
        self.inventory = np.where(p.storable, self.inventory, self.output)

        asked = self.owed + self.demand
        fill = np.clip(np.divide(self.inventory, asked, out=np.ones(self.n), where=asked > np.maximum(self.inventory, 0.0)), 0.0, 1.0)
        still_owed = self.deliver(t, fill)
        self.line = self.ring.sum(axis=1) + still_owed
        sold = fill * (self.owed + by_links)
        self.owed = self.owed + by_links - sold
        self.final_sales = fill * self.final_demand
        self.inventory = np.where(p.storable, np.maximum(self.inventory - sold - self.final_sales, 0.0), 0.0)
        unmet = 1.0 - fill
        rise = (p.overtime_max - self.overtime) * unmet
        self.overtime = self.overtime + np.where(unmet > 0.0, rise, 1.0 - self.overtime) / p.overtime_time

        self.settle()

    def sum_orders(self):
        """(n,) ordered along links."""
        return self.ordered @ self.order

    def deliver(self, t, fill):
        """Ship and invoice along links; (s,) what is still owed to each slot."""
        p = self.p
        wanted = self.backlog + self.order[p.slot] * p.weight
        shipped = fill[p.supplier] * wanted
        self.backlog = wanted - shipped
        for lead, with_lead in self.leads:
            self.ring[:, (t + lead) % self.ring.shape[1]] += np.add.reduceat(np.where(with_lead, shipped, 0.0), self.first_link)
        self.payable += shipped
        return np.add.reduceat(self.backlog, self.first_link)

    def share_paid(self, owed):
        """(n,) share of what is owed that its firm can pay."""
        p = self.p
        paid = np.minimum(owed, np.where(p.bounded, np.maximum(self.cash, 0.0), np.inf))
        return np.divide(p.below_one * paid, owed, out=np.ones(self.n), where=paid < owed)

    def settle(self):
        """Pay what is due."""
        p = self.p
        due = self.payable / p.payment_terms[self.buyer]
        owed = np.zeros(self.n)
        owed[self.buyers] = np.add.reduceat(due, self.first_bought)
        share = self.share_paid(owed)
        due *= share[self.buyer]
        self.payable -= due
        self.cash = self.cash - share * owed + np.bincount(p.supplier, due, self.n)

    def found(self):
        return {
            "output": self.output, "inventory": self.inventory, "expected_demand": self.expected, "demand": self.demand,
            "backlog_due": self.owed, "overtime": self.overtime, "final_sales": self.final_sales, "cash": self.cash,
            "input_stock": self.stock, "order": self.order, "supply_line": self.line,
        }  # fmt: skip
