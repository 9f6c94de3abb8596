"""The core week in GraphBLAS, on one thread: what is owed along links are sparse matrices of slots by suppliers, fill rates scale their
columns, and sums by slot, customer and supplier are reductions and products. What concerns one firm or one slot is numpy, as in
`vectorised`."""

from __future__ import annotations

import graphblas
import numpy as np
from graphblas import Matrix, Vector, binary, monoid, semiring

from .vectorised import Vectorised


class Graphs(Vectorised):
    """The week on matrices of GraphBLAS."""

    def __init__(self, p):
        super().__init__(p)
        graphblas.ss.config["nthreads"] = 1
        n, s = self.n, len(p.customer)
        self.shape = (s, n)

        def by_link(values, rows=p.slot):
            return Matrix.from_coo(rows, p.supplier, values, nrows=s, ncols=n)

        self.shares = by_link(p.weight)
        self.late = by_link(np.zeros(len(p.slot)))
        self.unpaid = by_link(p.payable)
        self.of_lead = [(lead, by_link(np.where(there, 1.0, 0.0))) for lead, there in self.leads]
        self.pays = by_link(1.0 / p.payment_terms[self.buyer])

    @staticmethod
    def dense(values):
        return Vector.from_dense(np.ascontiguousarray(values))

    def sum_orders(self):
        return self.dense(self.order).vxm(self.shares, semiring.plus_times).new().to_dense(0.0)

    def deliver(self, t, fill):
        wanted = self.dense(self.order).diag().mxm(self.shares, semiring.plus_times).new()
        wanted << wanted.ewise_add(self.late, monoid.plus)
        shipped = wanted.mxm(self.dense(fill).diag(), semiring.plus_times).new()
        self.late = wanted.ewise_union(shipped, binary.minus, 0.0, 0.0).new()
        ones = self.dense(np.ones(self.n))
        for lead, there in self.of_lead:
            arriving = shipped.ewise_mult(there, binary.times).new().mxv(ones, semiring.plus_times).new()
            self.ring[:, (t + lead) % self.ring.shape[1]] += arriving.to_dense(0.0)
        self.unpaid = self.unpaid.ewise_add(shipped, monoid.plus).new()
        return self.late.reduce_rowwise(monoid.plus).new().to_dense(0.0)

    def settle(self):
        due = self.unpaid.ewise_mult(self.pays, binary.times).new()
        owed = np.bincount(self.p.customer, due.reduce_rowwise(monoid.plus).new().to_dense(0.0), self.n)
        share = self.share_paid(owed)
        due = self.dense(share[self.p.customer]).diag().mxm(due, semiring.plus_times).new()
        self.unpaid = self.unpaid.ewise_union(due, binary.minus, 0.0, 0.0).new()
        received = due.reduce_columnwise(monoid.plus).new().to_dense(0.0)
        self.cash = self.cash - share * owed + received
