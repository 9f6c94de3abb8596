"""The initial state: firms, network and accounts of an economy at rest.

Either drawn from sector tables and firm sizes (`from_tables`; POPULATION.md 1.2 to 1.4) or given firm by firm (`from_firms`; files or
a networkx graph). Both end in a `Structure`, which `rest.close` closes with money and every mechanism settles from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from . import economy as economies
from .adoption import FUNCTIONS, starting_depth
from .draws import Draws
from .economy import AGES, OLDEST, Economy
from .graph import read_graphml
from .mechanisms.base import Mechanism
from .network import FirmNetwork, complete, read_network
from .occupations import N_DOMAINS, even
from .reconstruct import Network, draw_network
from .rest import ACCOUNTS, GOVERNMENT, Rates, Structure, close
from .sample import Firms, draw_firms, household_sales
from .schema import DAYS_PER_WEEK, WEEKS_PER_YEAR, InputError
from .state import EVERYWHERE, LARGE, SMB, State

CRITICAL, IMPORTANT = 0.75, 0.25  # mean rating from which an input is critical, important; assumption (DECISIONS.md 25)
AGE_WITH_SIZE = 0.4  # ρ: correlation of the ranks in age and size over all firms; fitted to exit by age with `exits` (assumption)
COMMON_SKILL = 0.5  # share of the variance between firms that is common to all domains: able firms are able in most things. Assumption
DEFAULT_CASH_DAYS = 27.0  # median over all sectors; JPMorgan Chase Institute (2016)


def build(scenario, draws: Draws, economy: Economy | None = None, network: FirmNetwork | None = None) -> State:
    """The initial state of a scenario, exactly at rest.

    economy : already loaded; by default that of the scenario is loaded
    network : firms and links, instead of those that the scenario names or that would be drawn

    Raises InputError when files, tables or accounts do not fit together.
    """
    economy = economy or economies.load(scenario.economy)
    wanted, days = scenario.population, scenario.production.storable_days
    if network is None and scenario.network is not None:
        network = _read(scenario.network, economy)
    sized = scenario.finance.enabled
    if network is not None:
        return settle(from_firms(network, economy, draws, wanted.home_sales, days, sized), scenario.mechanisms)
    return settle(_drawn(scenario, economy, draws, sized), scenario.mechanisms)


def _drawn(scenario, economy: Economy, draws: Draws, sized: bool) -> Structure:
    """The structure drawn from the tables; the network as it was drawn is let go of."""
    wanted = scenario.population
    firms = draw_firms(economy, wanted.smbs, wanted.weights, draws, wanted.kappa_max, wanted.tail)
    network = draw_network(economy, firms, draws, scenario.reconstruct)
    return from_tables(economy, firms, network, draws, wanted.home_sales, scenario.production.storable_days, sized)


def _read(files, economy: Economy) -> FirmNetwork:
    if files.graphml is not None:
        return read_graphml(files.graphml, economy.sectors)
    return read_network(files.firms, files.links, economy.sectors)


def from_tables(
    economy: Economy, firms: Firms, network: Network, draws: Draws, home_sales: float, storable_days: float, debt_by_size: bool = False
) -> Structure:
    """The structure of an economy drawn from its tables: sector technology, table flows scaled by the sample.

    debt_by_size : loans of SMBs by their size, as in the table where the economy has one; otherwise by their sector only
    """
    G, k = economy.G, firms.scale / WEEKS_PER_YEAR
    sold = economy.output[:G]
    per_unit = np.divide(1.0, sold, out=np.zeros(G), where=sold > 0)
    domestic, imported = economy.domestic[:G, :G] * per_unit, economy.imported[:G, :G] * per_unit
    stocked = network.network_group.T  # (supplier, user)
    output = firms.output / WEEKS_PER_YEAR
    slot_customer, slot_group = _slots(firms.sector, network.network_group)
    user = firms.sector.astype(np.int16)[slot_customer]
    coefficient = (domestic + imported)[slot_group, user]
    share = np.divide(imported[slot_group, user], coefficient, out=np.zeros(len(user)), where=coefficient > 0)
    other = (economy.imported_other[:G] + economy.imported[G:, :G].sum(axis=0)) * per_unit
    baskets = _baskets(economy, k)
    income = [(v[:G] * per_unit)[firms.sector] * output for v in (economy.wages, economy.taxes, economy.surplus)]
    n_passthrough, government = len(economy.passthrough), economy.government is not None
    return Structure(
        sectors=economy.sectors, regions=_region_names(len(firms.region_weights)), passthrough=economy.passthrough, names=(),
        sector=firms.sector, region=firms.region, kind=firms.kind, firm_count=firms.nu,
        age=_ages(economy, firms.sector, firms.employment, draws),
        output=output, employment=firms.employment,
        wages=income[0], taxes=income[1], surplus=income[2],
        **_finances(economy, firms.sector, output, (firms.kind == SMB) & debt_by_size, draws),
        **_covers(economy, firms.sector, storable_days),
        **_tools(economy, firms.sector, firms.employment, firms.kind == SMB, draws),
        slot_customer=slot_customer, slot_group=slot_group, coefficient=coefficient, import_share=share,
        essentiality=_essentiality(economy, slot_group, user),
        supplier=network.supplier, customer=network.customer, group=network.group, link_flow=network.weight / WEEKS_PER_YEAR,
        counter=np.where(stocked, 0.0, domestic).T, spot_imports=np.where(stocked, 0.0, imported).T, other_imports=other,
        account_inputs=_account_inputs(economy, per_unit), sale_share=_within_sector(firms.sector, network.outside, G),
        basket=baskets[0], import_basket=baskets[1], account_basket=baskets[2], entry_rate=_entry_rates(economy),
        government_wages=float(economy.wages[-1] * k) if government else 0.0,
        public_value_added=float((economy.wages + economy.taxes + economy.surplus)[-1] * k) if government else 0.0,
        passthrough_wages=economy.wages[G : G + n_passthrough] * k, passthrough_taxes=economy.taxes[G : G + n_passthrough] * k,
        passthrough_surplus=economy.surplus[G : G + n_passthrough] * k,
        region_weights=firms.region_weights, home_sales=home_sales, scale=firms.scale, **_skills(economy, len(output), draws),
        platform_draw=partial(_keen, len(output), draws),
    )  # fmt: skip


def from_firms(
    network: FirmNetwork, economy: Economy, draws: Draws, home_sales: float, storable_days: float, debt_by_size: bool = False
) -> Structure:
    """The structure of an economy given firm by firm: every input is a link, and value added and final uses are split as in the tables.

    There are no imports, no accounts but the state: what the files do not say is not invented. A firm counts as large from the SMB
    threshold of the economy on. Raises InputError when no firm has a place.
    """
    given = complete(network, economy)
    n, G, R = len(given.names), economy.G, len(given.region_names)
    output = given.output / WEEKS_PER_YEAR
    bought = np.bincount(given.customer, given.weight, minlength=n) / WEEKS_PER_YEAR
    added = output - bought
    parts = np.stack([np.maximum(v[:G], 0.0) for v in (economy.wages, economy.taxes, economy.surplus)])
    wages, taxes, surplus = parts[:, given.sector] / parts.sum(axis=0)[given.sector] * added
    order = np.lexsort((given.supplier, given.sector[given.supplier], given.customer))
    supplier, customer, flow = given.supplier[order], given.customer[order], given.weight[order] / WEEKS_PER_YEAR
    group = given.sector[supplier]
    slots, first, inverse = np.unique(customer.astype(np.int64) * G + group, return_index=True, return_inverse=True)
    slot_customer, slot_group = slots // G, slots % G
    need = np.bincount(inverse, flow, minlength=len(slots))
    rated = _essentiality(economy, slot_group, given.sector[slot_customer])
    stated = given.essentiality[order][first] if len(slots) else np.empty(0, dtype=int)
    sales = np.bincount(given.sector, given.final_sales, minlength=G) / WEEKS_PER_YEAR
    uses = economy.uses[:G].clip(min=0.0)
    split = np.divide(uses, uses.sum(axis=1, keepdims=True), out=np.tile([1.0, 0, 0, 0], (G, 1)), where=uses.sum(axis=1, keepdims=True) > 0)
    accounts = np.zeros((len(ACCOUNTS), 4))
    placed = given.region != EVERYWHERE
    if not placed.any():
        raise InputError("network: no firm has a region, so that no household has one")
    population = np.bincount(given.region[placed], given.employment[placed], minlength=R)
    large = ~placed | (given.employment >= economy.smb_threshold)
    return Structure(
        sectors=economy.sectors, regions=given.region_names, passthrough=(), names=given.names,
        sector=given.sector, region=given.region, kind=np.where(large, LARGE, SMB), firm_count=np.ones(n),
        age=_ages(economy, given.sector, given.employment, draws), output=output, employment=given.employment,
        wages=wages, taxes=taxes, surplus=surplus,
        **_finances(economy, given.sector, output, ~large & debt_by_size, draws),
        **_covers(economy, given.sector, storable_days),
        **_tools(economy, given.sector, given.employment, ~large, draws),
        slot_customer=slot_customer, slot_group=slot_group, coefficient=need / output[slot_customer],
        import_share=np.zeros(len(slots)), essentiality=np.where(stated >= 0, stated, rated),
        supplier=supplier, customer=customer, group=group, link_flow=flow,
        counter=np.zeros((G, G)), spot_imports=np.zeros((G, G)), other_imports=np.zeros(G), account_inputs=np.zeros((G, len(ACCOUNTS))),
        sale_share=_within_sector(given.sector, given.final_sales, G),
        basket=sales[:, None] * split, import_basket=np.zeros((G, 4)), account_basket=accounts, entry_rate=_entry_rates(economy),
        government_wages=0.0, public_value_added=0.0,
        passthrough_wages=np.empty(0), passthrough_taxes=np.empty(0), passthrough_surplus=np.empty(0),
        region_weights=population / population.sum(), home_sales=home_sales, scale=1.0, **_skills(economy, n, draws),
        platform_draw=partial(_keen, n, draws),
    )  # fmt: skip


def _skills(economy: Economy, n: int, draws: Draws) -> dict:
    """Skills of the sectors, the same everywhere without tables, and of each firm a draw common to all domains and one for each."""
    level, need = (economy.skill_level, economy.skill_need) if economy.skill_level is not None else even(economy.G)
    return {"skill_level": level, "skill_need": need, "skill_draw": partial(_able, n, draws)}


def _able(n: int, draws: Draws) -> np.ndarray:
    """(n, 11) standard normal: how able each firm is in each domain."""
    uid = np.arange(n)
    own = np.stack([draws.normal(f"skill {k}", 0, uid) for k in range(N_DOMAINS)], axis=1)
    common = draws.normal("skill", 0, uid)[:, None]
    return np.sqrt(COMMON_SKILL) * common + np.sqrt(1.0 - COMMON_SKILL) * own


def _keen(n: int, draws: Draws) -> np.ndarray:
    """(n, 2) uniform: how keen each firm is on each platform."""
    return np.stack([draws.uniform(f"starting platforms {p}", 0, np.arange(n)) for p in range(2)], axis=1)


def settle(structure: Structure, mechanisms: Sequence[Mechanism]) -> State:
    """Close the accounts, allocate the columns of the mechanisms and let each settle its own, in order.

    What the caller does not keep of the structure is let go of as soon as the state has it.
    """
    by_name = {m.name: m for m in mechanisms}
    finance, government, trade = by_name["finance"], by_name["government"], by_name["trade"]
    rates = Rates(
        finance.loan_rate, government.profit_tax, government.income_tax, government.other_transfers,
        government.benefit_share, government.unemployment,
    )  # fmt: skip
    rest = close(structure, rates, _customers)
    state = State(
        [column for m in mechanisms for column in m.columns],
        sectors=structure.sectors,
        regions=structure.regions,
        accounts=structure.accounts,
        firms={
            "uid": np.arange(len(structure.sector)),
            "sector": structure.sector,
            "region": structure.region,
            "kind": structure.kind,
        },
        slots=(structure.slot_customer, structure.slot_group),
        links=(structure.supplier, structure.customer, structure.group),
        widths={
            "lead": max(trade.local_lead, trade.other_lead),
            "import_lead": trade.import_lead,
            "use": structure.basket.shape[1],
        },
    )
    state.names, state.scale, state.public_value_added = structure.names, structure.scale, structure.public_value_added
    state.regions.population_share[:] = structure.region_weights
    del structure
    for name in ON_THE_NETWORK:
        by_name[name].settle(state, rest)
    rest = rest.placed()
    for name in (*SETTLING_ORDER, *(name for name in by_name if name not in ON_THE_NETWORK + SETTLING_ORDER)):  # last a user's own
        by_name[name].settle(state, rest)
    return state


ON_THE_NETWORK = ("orders", "production", "trade")  # these settle slots and links, the others read them from the state
SETTLING_ORDER = ("labour", "households", "passthrough", "government", "costs", "market", "foreign",
                  "finance", "credit", "exits", "sourcing", "entry", "strategy", "mergers",
                  "skills", "automation", "platforms")  # fmt: skip


def _customers(s: Structure, consumption: np.ndarray):
    """Shares of household demand: (n, 2) at home and elsewhere, (R, G) of the firms that are everywhere, who share it by their sales."""
    G, total, roaming = len(s.sectors), s.basket[:, 0], s.region == EVERYWHERE
    rows = Firms(s.sector, s.region, np.where(roaming, LARGE, SMB), s.kind, s.employment, s.output, s.output, s.scale, s.region_weights)
    has_large = np.bincount(s.sector[roaming], minlength=G) > 0
    sales = household_sales(rows, s.sale_share * total[s.sector], total, consumption, s.home_sales if has_large.all() else 0.0)
    part = _within_sector(s.sector, np.where(roaming, s.sale_share, 0.0), G)
    alone = roaming & (np.bincount(s.sector[roaming], minlength=G) == 1)[s.sector]
    home = np.where(roaming, np.where(alone, 1.0, part), sales.home)
    return np.stack([home, sales.elsewhere], axis=1), np.where(has_large[:, None], sales.large, 0.0).T


def _slots(sector, network_group):
    customer, group = np.nonzero(network_group[sector])
    return customer.astype(np.int32), group.astype(np.int16)


def _baskets(economy: Economy, k: float):
    """basket (G, U), import_basket (G, U), account_basket (A, U) per week: the table's final uses, and the columns of the accounts."""
    G, Q = economy.G, len(economy.passthrough)
    public = G + Q
    users = [*range(G, G + Q)]
    basket = np.hstack([economy.uses[:G], economy.domestic[:G, users]])
    import_basket = np.hstack([economy.uses_imported[:G], economy.imported[:G, users]])
    accounts = np.zeros((len(ACCOUNTS) + Q, 4 + Q))
    foreign = ACCOUNTS.index("foreign")
    accounts[foreign, :4] = economy.uses_imported[G:].sum(axis=0)
    accounts[foreign, 4:] = (economy.imported[G:].sum(axis=0) + economy.imported_other)[users]
    for q in range(Q):
        row = economy.domestic[G + q, users].copy()
        row[q] = 0.0  # what an account buys from itself stays inside
        accounts[len(ACCOUNTS) + q] = np.concatenate([economy.uses[G + q], row])
    if economy.government is not None:
        accounts[0, :4] = economy.uses[public]
        accounts[0, 3] = 0.0  # the state's own use of its services stays inside
        accounts[0, 4:] = economy.domestic[public, users]
        basket[:, 3] += economy.domestic[:G, public]
        import_basket[:, 3] += economy.imported[:G, public]
        accounts[foreign, 3] += economy.imported[G:, public].sum() + economy.imported_other[public]
        accounts[len(ACCOUNTS) :, 3] += economy.domestic[G : G + Q, public]
    import_basket[:, 2] = 0.0
    accounts[foreign, 2] = 0.0  # what the rest of the world buys from itself stays outside
    return basket * k, import_basket * k, accounts * k


def _account_inputs(economy: Economy, per_unit) -> np.ndarray:
    """(G, A) what a unit of output of a sector buys from each account."""
    G, Q = economy.G, len(economy.passthrough)
    inputs = np.zeros((G, len(ACCOUNTS) + Q))
    inputs[:, len(ACCOUNTS) :] = (economy.domestic[G : G + Q, :G] * per_unit).T
    if economy.government is not None:
        inputs[:, ACCOUNTS.index(GOVERNMENT)] = economy.domestic[G + Q, :G] * per_unit
    return inputs


def _finances(economy: Economy, sector, output, sized, draws: Draws) -> dict:
    """Capital, depreciation, loans and cash days by the sector's ratios; zero where the economy has no table. sized (n,): loans by size."""
    n, G = len(sector), economy.G
    zero = np.zeros(G)
    capital_share = zero if economy.capital is None else economy.capital / economy.output[:G]
    days = np.full(G, DEFAULT_CASH_DAYS) if economy.cash_days_median is None else economy.cash_days_median
    return {
        "capital": capital_share[sector] * output * WEEKS_PER_YEAR,
        "depreciation": (zero if economy.depreciation is None else economy.depreciation)[sector],
        "debt_share": _debt_shares(economy, sector, WEEKS_PER_YEAR * output, sized),
        "cash_days": days[sector],
        "cash_rank": draws.uniform("cash_days", 0, np.arange(n)),
        "turnover": (np.ones(G) if economy.separation_rate is None else economy.separation_rate)[sector],
    }


def _debt_shares(economy: Economy, sector, sales, sized) -> np.ndarray:
    """(n,) loans in years of sales: those of the sector; for the `sized` by what a firm sells, their sector's loans as a whole the same."""
    if economy.debt_to_receipts is None:
        return np.zeros(len(sector))
    share = economy.debt_to_receipts[sector]
    if economy.debt_by_size is None:
        return share
    for g in np.unique(sector[sized]):
        mine = sized & (sector == g)
        bands, loans = economy.debt_by_size[g].T
        by_size = np.interp(np.log(np.maximum(sales[mine], 1.0)), np.log(bands), loans)
        owed = by_size @ sales[mine]
        share[mine] = by_size * (share[mine] @ sales[mine] / owed) if owed > 0 else share[mine]
    return share


def _ages(economy: Economy, sector, employment, draws: Draws) -> np.ndarray:
    """(n,) years since the firm was founded, by the sector's firm ages; its larger firms are older. Zero where the economy has no table.

    The rank in age is that of ρ z(rank in size within the sector) + √(1 - ρ²) z, z standard normal.
    """
    if economy.age_shares is None:
        return np.zeros(len(sector))
    from scipy.special import ndtr, ndtri  # half a second to import

    u, count = draws.uniform("age", 0, np.arange(len(sector))), np.bincount(sector, minlength=economy.G)
    order, rank = np.lexsort((employment, sector)), np.empty(len(sector))
    rank[order] = np.arange(len(sector)) - (np.cumsum(count) - count)[sector[order]]
    by_size = ndtri((rank + 0.5) / count[sector])
    rank = ndtr(AGE_WITH_SIZE * by_size + np.sqrt(1.0 - AGE_WITH_SIZE**2) * ndtri(np.clip(u, 1e-12, 1.0 - 1e-12)))
    bounds = np.array([*(low for low, _ in AGES.values()), OLDEST])
    age = np.empty(len(sector))
    for g in range(economy.G):
        mine = sector == g
        age[mine] = np.interp(rank[mine], np.concatenate([[0.0], np.cumsum(economy.age_shares[g])]), bounds)
    return age


def _entry_rates(economy: Economy) -> np.ndarray:
    """(G,) 1/yr; zero where the economy has no table."""
    return np.zeros(economy.G) if economy.entry_rate is None else economy.entry_rate


def _covers(economy: Economy, sector, storable_days: float) -> dict:
    """Input and finished-goods cover (wk): half the inventory days of the sector each; storable from a number of days up."""
    days = np.zeros(economy.G) if economy.inventory_days is None else economy.inventory_days
    return {"cover": (0.5 * days / DAYS_PER_WEEK)[sector], "storable": (days >= storable_days)[sector]}


def _tools(economy: Economy, sector, employment, small, draws: Draws) -> dict:
    """Share of pay by business function (G, 7) and depth of tools (n, 7); zeros where the economy has no tables. small (n,) bool."""
    if economy.adoption is None:
        return {"function_share": np.zeros((economy.G, len(FUNCTIONS))), "tool_depth": partial(np.zeros, (len(sector), len(FUNCTIONS)))}
    depth = partial(starting_depth, economy.adoption, sector, employment, small, draws)
    return {"function_share": economy.adoption.wage_share, "tool_depth": depth}


def _essentiality(economy: Economy, group, user) -> np.ndarray:
    """0, 1 or 2 from the criticality ratings; critical where the economy has none."""
    if economy.criticality is None:
        return np.full(len(group), 2, dtype=np.int8)
    level = np.where(economy.criticality >= CRITICAL, 2, np.where(economy.criticality >= IMPORTANT, 1, 0))
    return level.astype(np.int8)[group, user]


def _within_sector(sector, amount, sectors: int) -> np.ndarray:
    total = np.bincount(sector, amount, minlength=sectors)[sector]
    return np.divide(amount, total, out=np.zeros(len(sector)), where=total > 0)


def _region_names(regions: int) -> tuple[str, ...]:
    return tuple(f"region {r + 1}" for r in range(regions))
