r"""Who gets what firms create: employees, lenders, the state, owners, customers (MODEL.md 5.7).

    value added    p x - inputs - other purchases  = wages + interest + taxes less subsidies + gross profit after tax + claims lost
    customers      (p̄_g - p) x + claims lost        what they pay less than the market for the same volume, and what they never pay
    created        value added + (p̄_g - p) x

p̄_g is the mean price of the sector by output, so that what customers of cheap firms gain those of dear ones pay: over a sector the price
part is zero and created = value added. The parts of a firm add up to what it created, before externalities. Owners have dividends and
what stays in the firm, replacement of capital included. Grants are not created by the firm and are left out.

Labour share = wages / (wages + gross surplus), taxes on products left out.
"""

from __future__ import annotations

import numpy as np

from .base import metric, smbs

STAKEHOLDERS = ("employees", "lenders", "state", "owners", "customers")


def stakes(state) -> np.ndarray:
    """(n, 5) currency/wk: what each firm created this week, by who got it, in the order of STAKEHOLDERS; rows add up to what it created."""
    firms = state.firms
    made, worth = state.by_sector(firms.output), state.by_sector(firms.price * firms.output)
    usual = np.divide(worth, made, out=np.ones_like(made), where=made > 0.0)
    saved = np.where(firms.output > 0.0, (usual[firms.sector] - firms.price) * firms.output, 0.0)
    return np.stack([
        firms.wage_bill,
        firms.interest,
        firms.product_tax_paid + firms.profit_tax_paid - firms.wage_subsidy,
        firms.profit - firms.profit_tax_paid + firms.depreciation,
        saved + firms.credit_losses,
    ], axis=1)  # fmt: skip


class Year:
    """The account of every firm over some weeks: `add` the state after each, then read `amounts` or `shares`.

    Rows are those of the state; of firms that entered meanwhile only what was seen of them.
    """

    def __init__(self):
        self.amounts = np.zeros((0, len(STAKEHOLDERS)))  # (n, 5) currency

    def add(self, state) -> None:
        """After a week."""
        new = stakes(state)
        new[: len(self.amounts)] += self.amounts
        self.amounts = new

    @property
    def shares(self) -> np.ndarray:
        """(n, 5) of what each firm created; rows add up to 1, NaN where it created nothing or less."""
        created = self.amounts.sum(axis=1, keepdims=True)
        return np.divide(self.amounts, created, out=np.full(self.amounts.shape, np.nan), where=created > 0.0)


@metric("1", "Who gets what SMBs create", axis="stakeholder")
def stakeholder_shares(state):
    """Shares of employees, lenders, the state, owners and customers in what SMBs created this week; owners can have less than nothing."""
    amounts = stakes(state)[smbs(state)].sum(axis=0)
    created = amounts.sum()
    return amounts / created if created > 0.0 else np.zeros(len(STAKEHOLDERS))


@metric("1", "Labour share")
def labour_share(state):
    """Wages of all firms by wages and gross surplus: profit before tax, interest, replacement of capital."""
    firms = state.firms
    paid = firms.wage_bill.sum()
    surplus = (firms.profit + firms.depreciation + firms.interest + firms.credit_losses - firms.wage_subsidy).sum()
    return paid / (paid + surplus) if paid + surplus > 0.0 else 0.0


@metric("1", "Labour share of SMBs")
def smb_labour_share(state):
    """The same of SMBs."""
    firms, small = state.firms, smbs(state)
    paid = firms.wage_bill[small].sum()
    surplus = (firms.profit + firms.depreciation + firms.interest + firms.credit_losses - firms.wage_subsidy)[small].sum()
    return paid / (paid + surplus) if paid + surplus > 0.0 else 0.0
