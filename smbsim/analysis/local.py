r"""What part of a unit of money stays in its region: the local multiplier LM3.

A unit is spent at the firms of a region, tagged, and followed along the resting flows for as long as it stays there: local suppliers
(links, counter inputs, investment goods), wages and owners' income of the region, what these spend at home. Taxes, imports, large firms,
other regions, housing, saving and lending end the trail. Wages are counted before income tax, which leaves one round later.

    LM3 = 1 + s_1 + s_2                                  s_k what is spent in the region in the k-th round;  1 <= LM3 <= 3

Source: New Economics Foundation (2002), "The Money Trail".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..economy import Economy
from ..rest import INVESTMENT, USES
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..simulate import prepare
from ..state import EVERYWHERE, State

PAYEES = ("local suppliers", "local workers", "local owners", "local makers of investment goods")
SPENT_AT = {"smb": "its SMBs", "large": "large firms"}


@dataclass(frozen=True)
class LocalMultiplier:
    """Of R regions: rounds (R, K) what is spent in the region in each round, beginning with the unit itself; first (R, 4) of it by payee.

    first : of a unit received by the firms, what stays with local suppliers, workers, owners, makers of investment goods (PAYEES)
    """

    regions: tuple[str, ...]
    spent_at: str
    rounds: np.ndarray
    first: np.ndarray

    @cached_property
    def lm3(self) -> np.ndarray:
        """(R,) 1 + s_1 + s_2, currency spent in the region in three rounds per unit."""
        return self.rounds[:, :3].sum(axis=1)

    def summary(self) -> str:
        """One sentence per region."""
        return "\n".join(
            f"{name}: a unit spent at {self.spent_at} is {self.lm3[r]:.2f} after three rounds; in the first, "
            + ", ".join(f"{share:.0%} goes to {payee}" for payee, share in zip(PAYEES, self.first[r], strict=True))
            for r, name in enumerate(self.regions)
        )


def local_multiplier(
    source: State | Scenario, region: str | None = None, spent_at: str = "smb", rounds: int = 3, *, economy: Economy | None = None
) -> LocalMultiplier:
    """Follow a unit that households of a region spend at its SMBs, or at the large firms that are everywhere.

    source : a state at rest, or the scenario to build one from; region: None for all of them
    rounds : how often the unit is followed, 3 or more

    Raises InputError for an unknown region and for one whose households buy nothing from such firms.
    """
    state = source if isinstance(source, State) else prepare(source.without_interventions(), economy=economy)[0]
    if region is not None and region not in state.region_names:
        raise InputError(f"unknown region '{region}'.{nearest(region, state.region_names)}")
    if spent_at not in SPENT_AT:
        raise InputError(f"spent_at: unknown '{spent_at}'.{nearest(spent_at, SPENT_AT)}")
    if rounds < 3:
        raise InputError(f"rounds = {rounds}: at least 3")
    chosen = range(len(state.region_names)) if region is None else (state.region_names.index(region),)
    trails = [_trail(state, r, spent_at, rounds) for r in chosen]
    return LocalMultiplier(
        tuple(state.region_names[r] for r in chosen), SPENT_AT[spent_at], np.array([t[0] for t in trails]), np.array([t[1] for t in trails])
    )


def _trail(state: State, r: int, spent_at: str, rounds: int) -> tuple[list[float], np.ndarray]:
    """What is spent in region r in each round, and the payees of the first."""
    firms = state.firms
    bought = firms.customer_base[:, 0] * state.regions.budget[r, firms.sector]
    here = firms.region == r
    start = bought * (here if spent_at == "smb" else (firms.region == EVERYWHERE) * state.regions.large_customers[r, firms.sector])
    if not start.sum() > 0:
        raise InputError(f"households of {state.region_names[r]} buy nothing from {SPENT_AT[spent_at]}")
    held, cells = start / start.sum(), np.zeros(2)
    spent, first = [1.0], None
    for _ in range(rounds - 1):
        held, cells, payees = _respend(state, r, here, held, cells)
        first = payees if first is None else first
        spent.append(float(held.sum() + cells.sum()))
    return spent, first


def _respend(state: State, r: int, here: np.ndarray, held: np.ndarray, cells: np.ndarray):
    """Tagged money one round on: what firms (n,) and the region's workers and owners (2,) held → what local firms and cells get of it."""
    firms, slots, links, households, sectors = state.firms, state.slots, state.links, state.households, state.sectors
    bought = state.sum_slots(slots.order + slots.import_order) + firms.counter_use + firms.spot_use
    costs = bought + firms.wage_bill + firms.product_tax_paid + firms.capex + firms.interest + firms.profit_tax_paid + firms.dividends
    paid = np.maximum(costs, firms.output)
    scale = np.divide(held, paid, out=np.zeros(firms.n), where=paid > 0)  # of each of its payments that is tagged
    linked = state.sum_by_supplier(slots.order[links.slot] * links.weight * scale[links.buyer])
    counter = (state.by_sector(scale * firms.output) @ sectors.counter_coefficient)[firms.sector]
    living_here = np.where(firms.region == EVERYWHERE, state.regions.population_share[r], here)
    payroll, owned = living_here @ (scale * firms.wage_bill), living_here @ (scale * (firms.dividends + firms.interest))

    mine = slice(2 * r, 2 * r + 2)
    received = (households.income + households.transfers + households.benefits + households.basic_income)[mine]
    spending = np.divide(cells, received, out=np.zeros(2), where=received > 0)
    at_home = firms.customer_base[:, 0] * sectors.sector_basket[firms.sector] * (spending @ households.consumption[mine])
    goods = scale @ firms.capex, spending @ households.residual_investment[mine]
    u = USES.index(INVESTMENT)
    total = sectors.spending[:, u].sum() + sectors.import_spending[:, u].sum() + state.accounts.account_spending[:, u].sum()
    made = firms.sale_share * sectors.spending[firms.sector, u] / total if total > 0 else np.zeros(firms.n)

    suppliers = here * (linked + firms.sale_share * counter)
    next_held = suppliers + here * (at_home + made * sum(goods))
    payees = np.array([suppliers.sum(), payroll, owned, (here * made).sum() * goods[0]])
    return next_held, np.array([payroll, owned]), payees
