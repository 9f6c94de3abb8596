r"""Entry (M6): new firms, modelled on others of their sector, funded by owners and the bank.

    number_rs ~ Poisson( g e_s N⁰_rs · exp(b (π_s - π⁰_s)) · φ_r · (N_rs / N⁰_rs)^κ · weeks / 52 )
    size      = 1 + exponential, mean `size` heads
    debt      = normal debt at that size ;   owners pay for what it does not: capital + first inputs + liquidity target - debt
    ln A = σ z  (its inverse with mean one) ,  ln q = ln q_model - h + σ_q z        productivity, and quality as customers see it

e is the sector's entry rate in the statistics, which count once a year, and g makes up for those that are gone by then; N is the number of
SMBs in region r and sector s (⁰ at rest), π the margin of the sector's SMBs in the last half year, φ = min(1, V_r / v V⁰_r) for the
deposits V of owner households, who cannot found more than they can pay for.

A new firm is modelled on a small firm of its sector, of its region if there is one: at its own size it has the same technology, suppliers
and customers. What it takes over is declared with the columns (`Column.entrant`). Links to its customers dilute those of their other
suppliers, w ← w / (1 + Σ new); the market does the same with households. It buys its capital from the investment pool, in advance, and
its first stock of inputs abroad, and hires from the unemployed of its region.

A potential entrant is the k-th of its cell and week: its uid follows from these three, so that it is the same firm in every variant.

symbol  column / parameter             unit
e       entry_rate (sector)            1/yr
N⁰      firms_at_rest                  firms
π, π⁰   sector_margin, resting_margin  1
V⁰      funds_at_rest                  currency
b       profit_response
κ       agglomeration
v       funds_share
σ       spread

Sources: Census BDS 2015-19 for rates by sector, BDS 2022 for the size of firms of age 0; Delli Gatti et al. (2011) and Dosi et al. (2010)
for entrants as scaled copies of incumbents; Foster, Haltiwanger and Syverson (2008) for the spread,
(2016) for the handicap; κ as in MODEL.md M6.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .. import heads
from ..accounts import lend, transfer
from ..rest import FOREIGN, INVESTMENT, price_of_capital
from ..schema import WEEKS_PER_YEAR, Column, InputError, param
from ..state import CLASSES, OWNER, SMB
from ..suppliers import lead_times, update_lead
from .base import Mechanism

FIRST_UID = 10**9  # of those who enter; no economy starts with as many firms
FIRST_WEEK = -52_000  # the earliest week of a burn-in
MOST_ENTRANTS = 1000  # of one cell at a time
MARGIN_WEEKS = 26.0  # over which the margin of a sector is smoothed. Assumption
MOST_RESPONSE = 2.0  # bound on the exponent of profitability, so that a sector in ruins has finite rates. Assumption


class Entry(Mechanism):
    name = "entry"
    optional = True
    columns = (
        Column("entered", "1", 0, "The firm entered this week", dtype="b1"),
        Column("entry_rate", "1/yr", 0.0, "New firms in a year by firms at rest", axis="sector", low=0),
        Column("sector_margin", "1", 0.0, "Profit by sales of the sector's SMBs, mean of half a year", axis="sector"),
        Column("resting_margin", "1", 0.0, "The same at rest", axis="sector"),
        Column("firms_at_rest", "firms", 0.0, "SMBs at rest", axis="region", width="sector", low=0),
        Column("funds_at_rest", "currency", 0.0, "Deposits of owner households at rest", axis="region"),
    )
    reads = ("alive", "kind", "sector", "region", "uid", "profit", "price", "output", "normal_output", "labour_coefficient",
             "normal_debt", "liquidity_target", "capital", "capital_price", "tool_value", "coefficient", "input_cover", "import_factor",
             "import_price_factor", "local_lead", "other_lead", "import_share", "normal_skill", "typical_skill")  # fmt: skip
    writes = (*(c.name for c in columns), "uid", "region", "born", "productivity", "quality", "customer", "group", "supplier", "buyer",
              "slot", "weight", "lead_time", "lead", "input_stock", "imports", "purchase_price", "debt", "spendable", "cash", "deposits",
              "balance", "employment", "hires", "unemployed",
              "skill", "pool_skill", "disposable")  # fmt: skip

    enabled: bool = param(False, unit="switch", doc="New firms; off: nobody enters", source="limit of M6")
    rate: float | None = param(None, unit="1/yr", doc="e: new firms in a year by firms at rest; null: by sector from the economy", low=0,
                               high=1, source="Census BDS 2015-19, firm_entry_rate of sector_parameters.csv")  # fmt: skip
    uncounted: float = param(1.25, unit="1", doc="g: new firms by those still there at the yearly count", low=1, high=3,
                             tier="calibrated", source="entry rate of the scorecard, BDS 2015-19")  # fmt: skip
    every: int = param(4, unit="wk", doc="Weeks between two rounds of entry", low=1, high=52, source="assumption, for speed")
    size: float = param(5.2, unit="heads", doc="Mean size for which new firms are planned", low=1, high=50, tier="calibrated",
                        source="fitted to job creation; BDS 2022: 4.8 heads at age 0, after the first closures")  # fmt: skip
    model_size: float = param(20.0, unit="heads", doc="Size up to which firms are models for new ones, where there are such", low=1,
                              high=500, source="assumption")  # fmt: skip
    spread: float = param(0.26, unit="1", doc="σ: standard deviation of the logarithm of productivity of new firms", low=0, high=1,
                          source="Foster, Haltiwanger and Syverson (2008): dispersion of productivity .26")  # fmt: skip
    quality_spread: float = param(0.62, unit="1", doc="σ_q: the same of their quality", low=0, high=2, tier="calibrated",
                                  source="fitted to exit by age, BDS 2015-19")  # fmt: skip
    handicap: float = param(0.0, unit="1", doc="h: by how much customers think less of a firm they do not know, log", low=0, high=2,
                            tier="calibrated",
                            source="0 fits exit by age, BDS 2015-19, best; Foster, Haltiwanger and Syverson (2016)")  # fmt: skip
    profit_response: float = param(5.0, unit="1", doc="b: of the logarithm of entry to the sector's margin above that at rest", low=0,
                                   high=100, source="assumption")  # fmt: skip
    funds_share: float = param(0.25, unit="1", doc="v: deposits of owners, by those at rest, below which they found fewer firms", low=0,
                               high=10, source="assumption")  # fmt: skip
    agglomeration: float = param(0.0, unit="1", doc="κ: elasticity of entry to the number of firms in sector and region", low=-2, high=2,
                                 source="off; MODEL.md M6 and M14, loop R10")  # fmt: skip

    def settle(self, state, rest):
        firms = state.firms
        if self.enabled and self.rate is None and not rest.entry_rate.any():
            raise InputError("entry.rate is null, and the economy has no firm_entry_rate: give a rate")
        firms.born[:] = -np.floor(rest.age * WEEKS_PER_YEAR).astype(np.int64)
        state.sectors.entry_rate[:] = rest.entry_rate if self.rate is None else self.rate
        state.sectors.resting_margin[:] = self._margin(state)
        state.sectors.sector_margin[:] = state.sectors.resting_margin
        state.regions.firms_at_rest[:] = self._number(state)
        state.regions.funds_at_rest[:] = state.households.deposits[OWNER :: len(CLASSES)]

    def enter(self, state, step):
        """New firms of this round."""
        state.firms.entered[:] = False
        state.sectors.sector_margin[:] += (self._margin(state) - state.sectors.sector_margin) / MARGIN_WEEKS
        if (step.t + self.every // 2) % self.every:  # between the rounds of sourcing
            return
        cell, uid = self._potential(state, step)
        model = self._models(state, step, cell, uid)
        there = model >= 0  # where a sector has lost all its SMBs there is nobody to learn from
        new = self._size(state, step, Entrants(uid, cell // len(state.sector_codes), model)[there])
        bill = self._bill(state, new)
        can = self._can_pay(state, new, bill[-1])
        if can.any():
            new = new[can]
            rows = self._join(state, step, new)
            self._pay(state, rows, *bill[:, can])
            heads.hire(state, rows, new.staff)

    def _margin(self, state) -> np.ndarray:
        firms = state.firms
        small = (firms.kind == SMB) & firms.alive
        sales = state.by_sector(np.where(small, firms.price * firms.output, 0.0))
        return np.divide(state.by_sector(np.where(small, firms.profit, 0.0)), sales, out=np.zeros(len(sales)), where=sales > 0)

    def _number(self, state) -> np.ndarray:
        """(R, G) SMBs."""
        return state.by_region_and_sector(1.0 * ((state.firms.kind == SMB) & state.firms.alive))

    def _potential(self, state, step) -> tuple[np.ndarray, np.ndarray]:
        """Cell (region × sector) and uid of everybody who would enter."""
        sectors, regions = state.sectors, state.regions
        funds = state.households.deposits[OWNER :: len(CLASSES)]
        enough = self.funds_share * regions.funds_at_rest
        funded = np.divide(funds, enough, out=np.ones(regions.n), where=enough > 0)
        response = np.clip(self.profit_response * (sectors.sector_margin - sectors.resting_margin), -MOST_RESPONSE, MOST_RESPONSE)
        mean = self.uncounted * regions.firms_at_rest * sectors.entry_rate * np.exp(response) * np.clip(funded, 0.0, 1.0)[:, None]
        if self.agglomeration != 0.0:
            crowd = np.divide(self._number(state), regions.firms_at_rest, out=np.ones_like(mean), where=regions.firms_at_rest > 0)
            mean *= np.maximum(crowd, 1.0 / np.maximum(regions.firms_at_rest, 1.0)) ** self.agglomeration
        cells = np.arange(mean.size)
        number = poisson(mean.ravel() * self.every / WEEKS_PER_YEAR, step.draws.uniform("entry", step.t, cells))
        cell = np.repeat(cells, number)
        k = np.arange(len(cell)) - np.repeat(np.cumsum(number) - number, number)
        return cell, FIRST_UID + ((step.t - FIRST_WEEK) * len(cells) + cell) * MOST_ENTRANTS + k

    def _models(self, state, step, cell, uid) -> np.ndarray:
        """(k,) the firm that each is modelled on: small and of the cell, else small and of the sector, else any SMB of it; -1 for none."""
        firms, G = state.firms, len(state.sector_codes)
        staff = firms.labour_coefficient * firms.normal_output
        fit = firms.alive & (firms.kind == SMB) & (staff > 0.0)
        small = fit & (staff <= self.model_size)
        u = step.draws.uniform("entry.model", step.t, uid)
        model = np.full(len(cell), -1, dtype=np.int64)
        here = firms.region * np.int64(G) + firms.sector
        for candidates, key, wanted, keys in (
            (small, here, cell, G * state.regions.n), (small, firms.sector, cell % G, G), (fit, firms.sector, cell % G, G)
        ):  # fmt: skip
            if np.all(model >= 0):
                break
            rows, start = state.by_key(np.flatnonzero(candidates), key, keys)
            first, last = start[wanted], start[wanted + 1]
            open_ = (model < 0) & (last > first)
            model[open_] = rows[(first + np.floor(u * (last - first)).astype(np.int64))[open_]]
        return model

    def _size(self, state, step, new: Entrants) -> Entrants:
        firms = state.firms
        staff = 1.0 - (self.size - 1.0) * np.log1p(-step.draws.uniform("entry.size", step.t, new.uid))
        normal = (firms.labour_coefficient * firms.normal_output)[new.model]
        return Entrants(new.uid, new.region, new.model, staff, staff / normal)

    def _first_stock(self, state, new: Entrants) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slots of the models, the entrant each is a pattern for, and the input it starts with (base currency)."""
        firms, slots = state.firms, state.slots
        pattern, owner = state.slots_of(new.model), np.repeat(np.arange(len(new.uid)), np.diff(state.slot_start)[new.model])
        stock = slots.input_cover[pattern] * slots.coefficient[pattern] * (firms.normal_output[new.model] * new.size)[owner]
        return pattern, owner, stock * np.minimum(state.sectors.import_factor[slots.group[pattern]], 1.0)

    def _bill(self, state, new: Entrants) -> np.ndarray:
        """(4, k) what capital and tools cost, what the first inputs cost, what the bank lends, what owners put in; currency."""
        firms = state.firms
        pattern, owner, stock = self._first_stock(state, new)
        worth = state.sectors.import_price_factor[state.slots.group[pattern]] * stock
        capital = (price_of_capital(state) * firms.capital[new.model] + firms.tool_value[new.model]) * new.size
        inputs = np.bincount(owner, worth, minlength=len(new.uid))
        debt = firms.normal_debt[new.model] * new.size
        needed = capital + inputs + firms.liquidity_target[new.model] * new.size
        return np.stack([capital, inputs, debt, np.maximum(needed - debt, 0.0)])

    def _can_pay(self, state, new: Entrants, equity) -> np.ndarray:
        """(k,) bool: the deposits of the region's owners suffice for this one and those before it."""
        can = np.zeros(len(new.uid), dtype=bool)
        deposits = state.households.deposits[OWNER :: len(CLASSES)]
        for r in np.unique(new.region):
            mine = new.region == r
            can[mine] = np.cumsum(equity[mine]) <= deposits[r]
        return can

    def _join(self, state, step, new: Entrants) -> slice:
        """Rows, slots and links of the entrants."""
        firms, slots, links, sectors = state.firms, state.slots, state.links, state.sectors
        pattern, owner, stock = self._first_stock(state, new)
        of_slot, group = slots.inherited(pattern, new.size[owner]), slots.group[pattern]
        buying, selling = state.links_into(new.model), state.links_out_of(new.model)
        buyer = np.repeat(np.arange(len(new.uid)), np.diff(state.customer_start)[new.model])
        seller = np.repeat(np.arange(len(new.uid)), np.diff(state.supplier_start)[new.model])
        used = links.weight[buying] > 0.0
        buying, buyer = buying[used], buyer[used]
        used = (links.weight[selling] > 0.0) & firms.alive[links.buyer[selling]]
        selling, seller = selling[used], seller[used]
        own = links.weight[buying]  # before there is room for others in the slots of the models
        weight = np.concatenate([own, self._dilute(state, selling, links.weight[selling] * new.size[seller])])
        bought = slots.group[links.slot[np.concatenate([buying, selling])]]
        supplier, customer = links.supplier[buying], links.buyer[selling]

        rows = state.append_firms(**{
            **firms.inherited(new.model, new.size), "uid": new.uid, "region": new.region, "born": step.t, "entered": True,
            **self._talent(step, new, firms.quality[new.model]),
        })  # fmt: skip
        supplier = np.concatenate([supplier, rows.start + seller])
        customer = np.concatenate([rows.start + buyer, customer])
        made, opened = state.rewire(links=(supplier, customer, bought), slots=(rows.start + owner, group))
        links.weight[made], links.lead_time[made] = weight, lead_times(state, supplier, customer)
        slots.fill(opened, {
            **of_slot, "input_stock": stock, "imports": stock, "purchase_price": sectors.import_price_factor[group],
        })  # fmt: skip
        update_lead(state, np.unique(links.slot[made]))
        return rows

    def _dilute(self, state, selling, added) -> np.ndarray:
        """Make room in the slots that these links fill: (k,) weights of new links of this relative size, the others are scaled down."""
        slot, place = np.unique(state.links.slot[selling], return_inverse=True)
        room = 1.0 / (1.0 + np.bincount(place, added, minlength=len(slot)))
        there = state.links_filling(slot)
        state.links.weight[there] *= np.repeat(room, np.diff(state.link_start)[slot])
        return added * room[place]

    def _talent(self, step, new: Entrants, quality) -> dict[str, np.ndarray]:
        """Productivity and quality, around those of incumbents."""
        if self.spread == self.quality_spread == self.handicap == 0.0:
            return {}
        z = [step.draws.normal(f"entry.{what}", step.t, new.uid) for what in ("productivity", "quality")]
        return {
            "productivity": np.exp(self.spread * z[0] + 0.5 * self.spread**2),
            "quality": quality * np.exp(self.quality_spread * z[1] - self.handicap),
        }

    def _pay(self, state, rows, capital, inputs, debt, equity) -> None:
        """Owners and the bank pay in; capital is ordered and paid, inputs are bought abroad."""
        firms = state.firms

        def of_firms(amount):
            whole = np.zeros(firms.n)
            whole[rows] = amount
            return whole

        paid_in = np.zeros(state.households.n)
        paid_in[OWNER :: len(CLASSES)] = state.by_region(of_firms(equity))
        transfer(state, "household", "firm", paid_in, "capital of entrants", of_firms(equity))
        state.households.disposable[:] -= paid_in  # saved, not there to be spent
        lend(state, of_firms(debt))
        transfer(state, "firm", INVESTMENT, of_firms(capital), "investment of entrants")
        transfer(state, "firm", FOREIGN, of_firms(inputs), "first inputs of entrants")
        firms.spendable[rows] = firms.cash[rows]


@dataclass(frozen=True)
class Entrants:
    """Firms about to enter: uid, region, row of the model, staff wanted and size relative to the model, each (k,)."""

    uid: np.ndarray
    region: np.ndarray
    model: np.ndarray
    staff: np.ndarray = field(default_factory=lambda: np.empty(0))
    size: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __getitem__(self, chosen: np.ndarray) -> Entrants:
        return Entrants(*(v[chosen] if len(v) else v for v in (self.uid, self.region, self.model, self.staff, self.size)))


def poisson(mean: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(k,) the u-quantile of a Poisson distribution with this mean, at most MOST_ENTRANTS - 1: equal u, more where the mean is higher."""
    number, chance = np.zeros(mean.shape, dtype=np.int64), np.exp(-mean)
    summed = chance.copy()
    for k in range(1, MOST_ENTRANTS):
        more = u >= summed
        if not more.any():
            break
        number[more] = k
        chance *= mean / k
        summed += chance
    return number
