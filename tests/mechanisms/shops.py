"""A hand-sized economy for what is sold outside links: three firms, nothing asked, held or owed yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from models import given

from smbsim.draws import Draws
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.costs import Costs
from smbsim.mechanisms.market import Market
from smbsim.network import from_edges

WEEK = Step(0, Draws(1))
SHOP, MILL = 8, 5  # rows of two sectors


def three_shops(sectors=(SHOP, SHOP, MILL), regions=(0, 1, 0)):
    """Firms 0 and 1 of one sector in two regions, firm 2 of another; nobody asks, holds or owes anything yet."""
    network = from_edges([], [52 * 10.0] * 3, sector=list(sectors))
    network = replace(network, region=np.array(regions), region_names=("a", "b"))
    state = given(network)[0]
    for column in (
        state.firms.cash, state.households.deposits, state.accounts.balance, state.regions.budget, state.sectors.spending,
        state.firms.customer_base, state.regions.large_customers, state.firms.sale_share,
    ):  # fmt: skip
        column[:] = 0.0
    return state


def asked(state, market=None):
    """(n,) final demand of the week, copied."""
    market = market or Market()
    market.attract(state, WEEK)
    Costs().order(state, WEEK)
    market.share(state, WEEK)
    return state.firms.final_demand.copy()
