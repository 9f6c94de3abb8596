r"""The resting state with money: from the structure of an economy to the flows at which nothing moves.

`population` gives the structure (who makes what, from what, for whom); `close` adds what firms do with their surplus and how state,
households and the rest of the world balance. Every mechanism settles its columns from the result. All flows are per week, in base-year
currency at price 1.

    capex      ι_i = min(δ_i K_i, .9 Π_i⁺)                 all scaled down if their sum exceeds total investment I
    interest   min( r · debt to receipts · sales, ½ (Π - ι)⁺ )          loans are rolled over
    profit tax τ_Π (Π - ι - interest)⁺ ;  dividends = the rest ≥ 0
    I₀ = I - Σ ι                                           housing and net investment, paid by owner households

Three closing variables:
    rest of the world   V_K = imports - exports, paid by it to the government if > 0, by owner households to it if < 0
    government          expenditure - other revenue = τ_y · base - transfers, base = wages + dividends + pass-through surplus;
                        transfers close it when τ_y is given, τ_y when transfers are
    households          nothing is left to choose: disposable income less I₀ is table consumption (Walras), and that is checked

Where owners could not afford I₀ and lending abroad, or workers a negative transfer (small networks given firm by firm), all households
pay them in proportion to income.

Source: POPULATION.md 1.5 (flows s1 to s20); Godley and Lavoie (2007) for the balances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .schema import WEEKS_PER_YEAR, InputError
from .state import CLASSES, OWNER, WORKER, State

GOVERNMENT, FOREIGN, BANK, INVESTMENT = "government", "foreign", "bank", "investment"
MARKETPLACE, DATA_PLATFORM = "marketplace", "data platform"  # operators of platforms; nothing passes through them at rest
ACCOUNTS = (GOVERNMENT, FOREIGN, BANK, INVESTMENT, MARKETPLACE, DATA_PLATFORM)  # then one per pass-through producer of the economy
USES = ("household", INVESTMENT, FOREIGN, GOVERNMENT)  # then one use per pass-through producer
CAPEX_CEILING = 0.9  # largest share of the gross surplus spent on replacement; assumption (POPULATION.md 1.5)
INTEREST_CEILING = 0.5  # largest share of what is left that goes to interest; assumption (POPULATION.md 1.5)
NETWORK = ("slot_customer", "slot_group", "coefficient", "import_share", "essentiality", "supplier", "customer", "group", "link_flow")
WALRAS = 1e-9  # tolerated difference between household income and consumption, relative


@dataclass(frozen=True)
class Structure:
    """Who makes what, from what, for whom: per week, base-year currency. n firms, s slots, m links, R regions, G sectors, Q pass-through.

    firms     sector, region, kind, firm_count (firms the row stands for), age yr (n,);
              output, employment, wages, taxes, surplus (n,); capital (n,) currency, depreciation (n,) 1/yr,
              debt_share (n,) loans by annual sales; cash_days (n,) median; cash_rank (n,) uniform; turnover (n,)
              separations, in any unit; cover (n,) wk; storable (n,); names (n,) or empty
    on demand made when called, by mechanisms that are on: tool_depth (n, 7) depth of the tools by business function; skill_draw (n, 11)
              standard normal, what tells a firm's skills from its sector's; platform_draw (n, 2) uniform, how keen it is on platforms
    slots     slot_customer, slot_group, coefficient, import_share, essentiality (s,)
    links     supplier, customer, group, link_flow (m,)
    the rest  counter, spot_imports (G, G) [user, supplier], other_imports (G,), account_inputs (G, A) per unit of output;
              sale_share (n,); basket, import_basket (G, U), account_basket (A, U);
              entry_rate (G,) 1/yr, new firms by firms; skill_level, skill_need (G, 11) of each domain;
              function_share (G, 7) of pay by business function, zeros where unknown;
              government_wages, public_value_added; passthrough_wages, passthrough_taxes, passthrough_surplus (Q,); region_weights (R,)
    """

    sectors: tuple[str, ...]
    regions: tuple[str, ...]
    passthrough: tuple[str, ...]
    names: tuple[str, ...]
    sector: np.ndarray
    region: np.ndarray
    kind: np.ndarray
    firm_count: np.ndarray
    age: np.ndarray
    output: np.ndarray
    employment: np.ndarray
    wages: np.ndarray
    taxes: np.ndarray
    surplus: np.ndarray
    capital: np.ndarray
    depreciation: np.ndarray
    debt_share: np.ndarray
    cash_days: np.ndarray
    cash_rank: np.ndarray
    turnover: np.ndarray
    cover: np.ndarray
    storable: np.ndarray
    tool_depth: Callable[[], np.ndarray]
    function_share: np.ndarray
    slot_customer: np.ndarray
    slot_group: np.ndarray
    coefficient: np.ndarray
    import_share: np.ndarray
    essentiality: np.ndarray
    supplier: np.ndarray
    customer: np.ndarray
    group: np.ndarray
    link_flow: np.ndarray
    counter: np.ndarray
    spot_imports: np.ndarray
    other_imports: np.ndarray
    account_inputs: np.ndarray
    sale_share: np.ndarray
    basket: np.ndarray
    import_basket: np.ndarray
    account_basket: np.ndarray
    entry_rate: np.ndarray
    government_wages: float
    public_value_added: float
    passthrough_wages: np.ndarray
    passthrough_taxes: np.ndarray
    passthrough_surplus: np.ndarray
    region_weights: np.ndarray
    home_sales: float
    scale: float
    skill_level: np.ndarray
    skill_need: np.ndarray
    skill_draw: Callable[[], np.ndarray]
    platform_draw: Callable[[], np.ndarray]

    @property
    def accounts(self) -> tuple[str, ...]:
        """Names of all accounts: those that every economy has, then its sectors without firms."""
        return (*ACCOUNTS, *self.passthrough)

    def by_region(self, values: np.ndarray) -> np.ndarray:
        """(n,) → (R,); what belongs to firms that are everywhere is spread by the regions' weights."""
        totals = np.bincount(self.region + 1, weights=values, minlength=len(self.regions) + 1)
        return totals[1:] + self.region_weights * totals[0]

    @property
    def unstocked(self) -> np.ndarray:
        """(n,) imports and account products bought on the spot."""
        return self.output * (self.spot_imports.sum(axis=1) + self.other_imports + self.account_inputs.sum(axis=1))[self.sector]

    def all_imports(self) -> float:
        """Currency/wk."""
        stocked = (self.import_share * self.coefficient * self.output[self.slot_customer]).sum()
        spot = (self.output * (self.spot_imports.sum(axis=1) + self.other_imports)[self.sector]).sum()
        return float(stocked + spot + self.import_basket.sum() + self.account_basket[ACCOUNTS.index(FOREIGN)].sum())


@dataclass(frozen=True)
class Rest:
    """The closed resting state: the structure, and what follows from it. Cells (2 R,) are region × (worker, owner).

    capex, interest, debt, profit_tax, dividends (n,); wage_income, taxable_income, consumption, residual_investment, foreign_lending,
    transfers, benefits, government_wages (2 R,); passthrough_wages, passthrough_surplus (2 R, Q); passthrough_revenue (Q,);
    customers (n, 2), large_customers (R, G) shares of household demand; closing_transfer V_K, imports currency/wk; income_tax_rate
    """

    structure: Structure
    capex: np.ndarray
    interest: np.ndarray
    debt: np.ndarray
    profit_tax: np.ndarray
    dividends: np.ndarray
    wage_income: np.ndarray
    taxable_income: np.ndarray
    consumption: np.ndarray
    residual_investment: np.ndarray
    foreign_lending: np.ndarray
    transfers: np.ndarray
    benefits: np.ndarray
    government_wages: np.ndarray
    passthrough_wages: np.ndarray
    passthrough_surplus: np.ndarray
    passthrough_revenue: np.ndarray
    customers: np.ndarray
    large_customers: np.ndarray
    closing_transfer: float
    income_tax_rate: float
    government_spending: float
    unemployment: float
    imports: float

    def placed(self) -> Rest:
        """The same without slots and links, for when the state has them: half the memory of the structure."""
        return replace(self, structure=replace(self.structure, **dict.fromkeys(NETWORK)))

    def __getattr__(self, name: str):
        if name.startswith("_") or name == "structure":
            raise AttributeError(name)
        return getattr(self.structure, name)


def price_of_capital(state: State) -> float:
    """Currency that buys capital worth 1 in the base year."""
    return float(state.accounts.capital_price[state.account(INVESTMENT)])


@dataclass(frozen=True)
class Rates:
    """The behavioural numbers that the closure needs, as declared by the mechanisms: shares of one, r per year."""

    loan_rate: float
    profit_tax: float
    income_tax: float | None
    transfers: float | None
    benefit_share: float
    unemployment: float


def close(structure: Structure, rates: Rates, customers) -> Rest:
    """Close the accounts. customers: (structure, consumption by region) → (customers (n, 2), large_customers (R, G)).

    Raises InputError when the accounts cannot close: a tax rate outside [0, 1), negative consumption of a cell.
    """
    s = structure
    investment = s.basket[:, 1].sum() + s.import_basket[:, 1].sum() + s.account_basket[:, 1].sum()
    capex, interest, debt = _use_of_surplus(s, rates, investment)
    taxable = np.maximum(s.surplus - capex - interest, 0.0)
    profit_tax = rates.profit_tax * taxable
    dividends = np.maximum(s.surplus - capex - interest - profit_tax, 0.0)

    worker = _workers(s.by_region(s.wages))
    government_wages = _workers(s.region_weights * s.government_wages)
    passthrough_wages = np.outer(_workers(s.region_weights), s.passthrough_wages)
    passthrough_surplus = np.outer(_owners(s.region_weights), s.passthrough_surplus)
    wage_income = worker + government_wages + passthrough_wages.sum(axis=1)
    capital_income = _owners(s.by_region(dividends + interest)) + passthrough_surplus.sum(axis=1)
    residual = max(investment - capex.sum(), 0.0)
    benefits = rates.benefit_share * rates.unemployment / (1.0 - rates.unemployment) * wage_income

    exports = s.basket[:, 2].sum() + s.account_basket[:, 2].sum()
    imports = s.all_imports()
    closing = imports - exports
    base = wage_income.sum() + capital_income.sum()
    other_revenue = (
        s.taxes.sum() + s.passthrough_taxes.sum() + profit_tax.sum() + max(closing, 0.0)
        + (s.output * s.account_inputs[:, 0][s.sector]).sum() + s.account_basket[0].sum()
    )  # fmt: skip
    purchases = s.basket[:, 3].sum() + s.import_basket[:, 3].sum() + s.account_basket[:, 3].sum() + s.government_wages
    rate, transfers = _balance_budget(rates, base, purchases - other_revenue, benefits.sum())

    income, left = wage_income + capital_income, transfers - benefits.sum()
    for owners, workers in ((capital_income, wage_income), (income, income if left < 0 else wage_income)):
        lending, residual_cells = _shares(owners) * max(-closing, 0.0), _shares(owners) * residual
        constant_transfers = _shares(workers) * left
        net = (1.0 - rate) * income + constant_transfers + benefits - lending - residual_cells
        if net.min() >= 0.0:
            break  # otherwise the closing payments are spread over all households in proportion to income
    _check_walras(s, net)
    regional = net.reshape(-1, len(CLASSES)).sum(axis=1)
    shares, large = customers(s, regional / regional.sum() if regional.sum() > 0 else s.region_weights)
    first = len(ACCOUNTS)
    revenue = s.account_basket[first:].sum(axis=1) + s.account_inputs[:, first:].T @ np.bincount(
        s.sector, s.output, minlength=len(s.sectors)
    )
    return Rest(
        structure=s, capex=capex, interest=interest, debt=debt, profit_tax=profit_tax, dividends=dividends, wage_income=wage_income,
        taxable_income=wage_income + capital_income,
        consumption=net, residual_investment=residual_cells, foreign_lending=lending, transfers=constant_transfers, benefits=benefits,
        government_wages=government_wages, passthrough_wages=passthrough_wages, passthrough_surplus=passthrough_surplus,
        passthrough_revenue=revenue, customers=shares, large_customers=large, closing_transfer=float(closing), income_tax_rate=rate,
        government_spending=float(purchases + transfers), unemployment=rates.unemployment, imports=imports,
    )  # fmt: skip


def _use_of_surplus(s: Structure, rates: Rates, investment: float):
    """capex, interest (n,) currency/wk and debt (n,) currency."""
    capex = np.minimum(s.depreciation * s.capital / WEEKS_PER_YEAR, CAPEX_CEILING * np.maximum(s.surplus, 0.0))
    if capex.sum() > investment:
        capex *= investment / capex.sum()
    wanted = s.debt_share * s.output  # weekly interest at a rate of 52
    afforded = INTEREST_CEILING * np.maximum(s.surplus - capex, 0.0)
    if rates.loan_rate == 0.0:
        return capex, np.zeros_like(wanted), WEEKS_PER_YEAR * wanted
    interest = np.minimum(rates.loan_rate * wanted, afforded)
    return capex, interest, WEEKS_PER_YEAR * interest / rates.loan_rate


def _balance_budget(rates: Rates, base: float, gap: float, benefits: float) -> tuple[float, float]:
    """(income tax rate, all transfers); gap is expenditure without transfers less revenue without the income tax."""
    if rates.income_tax is not None:
        return rates.income_tax, rates.income_tax * base - gap
    transfers = benefits + (rates.transfers or 0.0) / WEEKS_PER_YEAR
    rate = (gap + transfers) / base if base > 0 else 0.0
    if not 0.0 <= rate < 1.0:
        raise InputError(
            f"government.income_tax: a rate of {rate:.3g} would balance the budget, outside [0, 1); give a rate or other transfers"
        )
    return rate, transfers


def _check_walras(s: Structure, net: np.ndarray) -> None:
    consumption = s.basket[:, 0].sum() + s.import_basket[:, 0].sum() + s.account_basket[:, 0].sum()
    if abs(net.sum() - consumption) > WALRAS * max(consumption, s.output.sum()):
        losing = np.bincount(s.sector, s.surplus, minlength=len(s.sectors)) < 0.0
        names = ", ".join(np.array(s.sectors)[losing])
        why = f"nobody pays for the negative surplus of {names}" if names else "the table does not close"
        raise InputError(f"economy: household income {net.sum():.9g} and consumption {consumption:.9g} per week differ: {why}")
    if net.min() < -WALRAS * max(consumption, 1.0):
        cell = int(net.argmin())
        who = f"{CLASSES[cell % 2]}s in {s.regions[cell // 2]}"
        raise InputError(f"economy: {who} would consume {net[cell]:.4g} per week at rest; lower government.income_tax or transfers")


def _workers(regional: np.ndarray) -> np.ndarray:
    return _cells(regional, WORKER)


def _owners(regional: np.ndarray) -> np.ndarray:
    return _cells(regional, OWNER)


def _cells(regional: np.ndarray, kind: int) -> np.ndarray:
    """(R,) → (2 R,) with zeros for the other class."""
    cells = np.zeros(len(CLASSES) * len(regional))
    cells[kind :: len(CLASSES)] = regional
    return cells


def _shares(income: np.ndarray) -> np.ndarray:
    total = income.sum()
    return income / total if total > 0 else np.full(len(income), 1.0 / len(income))
