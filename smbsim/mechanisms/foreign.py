r"""Rest of the world: what it buys, imports sold at the world price, and the transfer that closes its account at rest.

    ln e(t) = ρ ln e(t-1) + σ √(1 - ρ²) z(t) ,  ρ^52 = persistence       level of export demand, z standard normal
    exports asked for = e · exports at rest                               σ = 0: constant
    closing transfer V_K = imports - exports at rest, a constant
    V_K > 0: paid to the government (foreigners finance the public deficit);  V_K < 0: paid by owner households (they lend abroad)

A shock therefore moves the account of the rest of the world. Source: POPULATION.md 1.5, closing variable 1; the noise of demand from
abroad is the common part of what firms meet, without which only their own luck would move an economy.
"""

from __future__ import annotations

import math

from ..accounts import transfer
from ..rest import FOREIGN, GOVERNMENT, USES
from ..schema import WEEKS_PER_YEAR, Column, param
from .base import Mechanism

EXPORTS = USES.index(FOREIGN)


class Foreign(Mechanism):
    name = "foreign"
    columns = (
        Column("closing_transfer", "currency/wk", 0.0, "From the rest of the world to the government", axis="account", low=0),
        Column("demand_level", "1", 1.0, "Demand from abroad by that at rest (row of the rest of the world)", axis="account", low=0),
        Column("foreign_lending", "currency/wk", 0.0, "From the cell to the rest of the world", axis="household", low=0),
    )
    reads = ("resting_spending", "resting_account_spending")
    writes = (*(c.name for c in columns), "spending", "account_spending", "deposits", "balance")

    reserve_weeks: float = param(10.0, unit="wk", doc="Deposits at rest in weeks of imports; the level is arbitrary", low=0, high=520,
                                 source="assumption")  # fmt: skip
    demand_noise: float = param(0.0, unit="1", doc="σ: standard deviation of the logarithm of demand from abroad", low=0, high=1,
                                source="0 in the limits; set by the preset life, calibrated to how output moves")  # fmt: skip
    demand_persistence: float = param(0.5, unit="1/yr", doc="What is left of a deviation after a year", low=0.001, high=0.999,
                                      source="assumption")  # fmt: skip

    def settle(self, state, rest):
        own = state.account(FOREIGN)
        state.accounts.closing_transfer[own] = max(rest.closing_transfer, 0.0)
        state.households.foreign_lending[:] = rest.foreign_lending
        state.accounts.balance[own] = self.reserve_weeks * rest.imports

    def spend(self, state, step):
        """Demand from abroad moves on."""
        if self.demand_noise == 0.0:
            return
        own, accounts, sectors = state.account(FOREIGN), state.accounts, state.sectors
        kept = self.demand_persistence ** (1.0 / WEEKS_PER_YEAR)
        news = step.draws.one_normal("demand from abroad", step.t)
        level = math.exp(kept * math.log(accounts.demand_level[own]) + self.demand_noise * math.sqrt(1.0 - kept**2) * news)
        accounts.demand_level[own] = level
        sectors.spending[:, EXPORTS] = level * sectors.resting_spending[:, EXPORTS]
        accounts.account_spending[:, EXPORTS] = level * accounts.resting_account_spending[:, EXPORTS]

    def close(self, state, step):
        """The constant transfer that balances trade at rest."""
        transfer(state, FOREIGN, GOVERNMENT, float(state.accounts.closing_transfer[state.account(FOREIGN)]), "closing transfer")
        transfer(state, "household", FOREIGN, state.households.foreign_lending, "lending abroad")
