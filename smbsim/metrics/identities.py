"""Do the books close? Money, goods and people that appear or vanish, relative to what there is (MODEL.md 3.4, 3.6).

money     Σ deposits - Σ loans = constant
supply    output = scrap + Δ finished goods + sold to firms + final sales                    per sector
inputs    sold to firms + imports + emergency imports = use + spoiled + Δ (stocks + in transit)    per group
orders    ordered = sold to firms + Δ backlog + cancelled                                          per sector
heads     labour force = unemployed + staff of firms                                         per region
credit    invoiced = paid + Δ payable is held by `accounts` and `finance` together: deposits are in `money`
"""

from __future__ import annotations

import numpy as np

from ..state import EVERYWHERE, State


class Books:
    """The stocks of last week, to compare with this week's flows."""

    def __init__(self, state: State):
        self.money = state.money()
        self.turnover = abs(state.firms.cash).sum() + abs(state.households.deposits).sum() + abs(state.accounts.balance).sum()
        self._remember(state)

    def _remember(self, state: State) -> None:
        self.finished = state.by_sector(state.firms.inventory)
        self.inputs = _by_group(state, _input_goods(state))
        self.backlog = state.by_sector(state.firms.backlog_due)

    def gaps(self, state: State) -> dict[str, float]:
        """Largest relative gap of each identity since last week; then remembers this week's stocks."""
        firms, slots = state.firms, state.slots
        finished, inputs, backlog = self.finished, self.inputs, self.backlog
        self._remember(state)
        sold = state.by_sector(firms.sold_to_firms)
        made = state.by_sector(firms.output)
        supply = made - state.by_sector(firms.scrap + firms.final_sales) - sold - (self.finished - finished)
        came = sold + _by_group(state, slots.imports + slots.emergency_import)
        used = _by_group(state, slots.input_use + slots.input_spoiled)
        ordered = state.by_sector(firms.demand - firms.final_demand - firms.cancelled)
        return {
            "money_gap": abs(state.money() - self.money) / max(self.turnover, 1e-300),
            "goods_gap": max(
                _relative(supply, made + self.finished + finished),
                _relative(came - used - (self.inputs - inputs), came + self.inputs + inputs),
                _relative(ordered - sold - (self.backlog - backlog), state.by_sector(firms.demand) + self.backlog + backlog),
            ),
            "heads_gap": heads_gap(state),
        }


def heads_gap(state: State) -> float:
    """People counted twice or not at all, by region; staff of firms that are everywhere is counted where it lives."""
    firms, regions = state.firms, state.regions
    staff = np.bincount(firms.region - EVERYWHERE, weights=firms.employment, minlength=regions.n + 1)
    gap = regions.labour_force - regions.unemployed - regions.roaming_staff - staff[1:]
    roaming = np.atleast_1d(regions.roaming_staff.sum() - staff[0])
    return max(_relative(gap, regions.labour_force), _relative(roaming, np.atleast_1d(regions.labour_force.sum())))


def _input_goods(state: State) -> np.ndarray:
    slots = state.slots
    return slots.input_stock + slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1)


def _by_group(state: State, values: np.ndarray) -> np.ndarray:
    return np.bincount(state.slots.group, weights=values, minlength=len(state.sector_codes))


def _relative(gap: np.ndarray, size: np.ndarray) -> float:
    scale = np.maximum(size, 1e-12 * max(float(size.max(initial=0.0)), 1e-300))
    return float(np.max(np.abs(gap) / scale, initial=0.0))
