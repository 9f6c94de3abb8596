r"""Households (M14): consumption from smoothed income and wealth, by region and class.

    C_c  = min( (c_y Ỹ_c + c_w V_c) k ,  V_c ) ,   c_w = (1 - c_y) / n_V      cell c = region × {worker, owner}
    k    = [ 1 - κ (u - u₀) ]⁺                                                confidence: u unemployment of the economy, u₀ at rest
    Ỹ_c ← Ỹ_c + ω (Y_c - Ỹ_c)                                                 Y disposable income net of investment and lending abroad
    budget_{r,s} = θ_s Σ_{c in r} C_c                                         common shares θ of sectors, accounts and imports

At rest V = n_V Y, so that C = Y. Switched off, every cell consumes what it does at rest (the open loop).

symbol  column / parameter      unit
C       consumption             currency/wk
V       deposits                currency
Ỹ       income_smoothed         currency/wk
c_y     income_share            1
n_V     wealth_weeks            wk
ω       smoothing               1/wk
κ       confidence              1

Sources: Godley and Lavoie (2007), ch. 3, for the consumption function; Pichler et al. (2022) for a propensity of .82; Gualdi, Tarzia,
Zamponi and Bouchaud (2015) for confidence that falls with unemployment.
"""

from __future__ import annotations

import numpy as np

from ..schema import Column, param
from .base import Mechanism


class Households(Mechanism):
    name = "households"
    columns = (
        Column("consumption", "currency/wk", 0.0, "Planned consumption of the cell", axis="household", low=0),
        Column("disposable", "currency/wk", 0.0, "Disposable income less investment and lending abroad", axis="household"),
        Column("income_smoothed", "currency/wk", 0.0, "Smoothed disposable income", axis="household"),
        Column("sector_basket", "1", 0.0, "Share of the sector in consumption", axis="sector", low=0, high=1),
        Column("import_basket", "1", 0.0, "Share of imports of the group in consumption", axis="sector", low=0, high=1),
        Column("account_basket", "1", 0.0, "Share of the account's products in consumption", axis="account", low=0, high=1),
    )
    reads = ("deposits", "disposable", "unemployed", "labour_force", "normal_unemployment")
    writes = (*(c.name for c in columns), "budget", "spending", "import_spending", "account_spending", "deposits")

    enabled: bool = param(True, unit="switch", doc="Consumption follows income; off: consumption stays at rest", source="limit of M14")
    income_share: float = param(0.8, unit="1", doc="c_y: share of smoothed income consumed", low=0, high=1, tier="calibrated",
                                source="Pichler et al. (2022): .82")  # fmt: skip
    wealth_weeks: float = param(26.0, unit="wk", doc="n_V: deposits at rest in weeks of income", low=1, high=520, source="assumption")
    smoothing: float = param(0.1, unit="1/wk", doc="ω: speed at which expected income follows income", low=0.001, high=1,
                             source="assumption in the range .05 to .25")  # fmt: skip
    confidence: float = param(0.0, unit="1", doc="κ: share of consumption withheld per unit of unemployment above normal", low=0, high=10,
                              source="assumption; 0 leaves it out")  # fmt: skip

    def settle(self, state, rest):
        cells = state.households
        cells.consumption[:] = rest.consumption
        cells.disposable[:] = rest.consumption
        cells.income_smoothed[:] = rest.consumption
        cells.deposits[:] = self.wealth_weeks * rest.consumption
        total = rest.consumption.sum()
        share = 1.0 / total if total > 0 else 0.0
        state.sectors.sector_basket[:] = np.minimum(rest.basket[:, 0] * share, 1.0)  # the only thing bought may round to above one
        state.sectors.import_basket[:] = np.minimum(rest.import_basket[:, 0] * share, 1.0)
        state.accounts.account_basket[:] = np.minimum(rest.account_basket[:, 0] * share, 1.0)
        self._spread(state)

    def spend(self, state, step):
        """Decide consumption from smoothed income and deposits, and spread it over the basket."""
        cells = state.households
        if self.enabled:
            wanted = self.income_share * cells.income_smoothed + (1.0 - self.income_share) / self.wealth_weeks * cells.deposits
            cells.consumption[:] = np.maximum(np.minimum(wanted * self._mood(state), cells.deposits), 0.0)
        self._spread(state)

    def _mood(self, state) -> float:
        """k: what unemployment leaves of the wish to spend."""
        regions = state.regions
        force = regions.labour_force.sum()
        idle = (regions.unemployed - regions.normal_unemployment * regions.labour_force).sum()
        return max(1.0 - self.confidence * idle / force, 0.0) if force > 0 else 1.0

    def _spread(self, state) -> None:
        regional = state.households.consumption.reshape(-1, 2).sum(axis=1)
        state.regions.budget[:] = regional[:, None] * state.sectors.sector_basket
        total = regional.sum()
        state.sectors.spending[:, 0] = total * state.sectors.sector_basket
        state.sectors.import_spending[:, 0] = total * state.sectors.import_basket
        state.accounts.account_spending[:, 0] = total * state.accounts.account_basket

    def update(self, state, step):
        """Smooth disposable income."""
        cells = state.households
        cells.income_smoothed[:] += self.smoothing * (cells.disposable - cells.income_smoothed)
