"""Rest of the world: constant exports, imports sold at the world price, and the transfer that closes its account at rest.

    closing transfer V_K = imports - exports at rest, a constant
    V_K > 0: paid to the government (foreigners finance the public deficit);  V_K < 0: paid by owner households (they lend abroad)

A shock therefore moves the account of the rest of the world. Source: POPULATION.md 1.5, closing variable 1.
"""

from __future__ import annotations

from ..accounts import transfer
from ..rest import FOREIGN, GOVERNMENT
from ..schema import Column, param
from .base import Mechanism


class Foreign(Mechanism):
    name = "foreign"
    columns = (
        Column("closing_transfer", "currency/wk", 0.0, "From the rest of the world to the government", axis="account", low=0),
        Column("foreign_lending", "currency/wk", 0.0, "From the cell to the rest of the world", axis="household", low=0),
    )
    writes = ("closing_transfer", "foreign_lending", "deposits", "balance")

    reserve_weeks: float = param(10.0, unit="wk", doc="Deposits at rest in weeks of imports; the level is arbitrary", low=0, high=520,
                                 source="assumption")  # fmt: skip

    def settle(self, state, rest):
        own = state.account(FOREIGN)
        state.accounts.closing_transfer[own] = max(rest.closing_transfer, 0.0)
        state.households.foreign_lending[:] = rest.foreign_lending
        state.accounts.balance[own] = self.reserve_weeks * rest.imports

    def close(self, state, step):
        """The constant transfer that balances trade at rest."""
        transfer(state, FOREIGN, GOVERNMENT, float(state.accounts.closing_transfer[state.account(FOREIGN)]), "closing transfer")
        transfer(state, "household", FOREIGN, state.households.foreign_lending, "lending abroad")
