r"""Equity: how unequally sales, income, wealth and pay are spread, and between whom (MODEL.md 5.7).

    L(p)      share of the total that the share p with the least has, on straight lines between the units              Lorenz (1905)
    Gini      1 - Σ_i (p_i - p_{i-1}) (L_i + L_{i-1})           = Σ_i Σ_j w_i w_j |y_i - y_j| / (2 W² ȳ)
    Palma     (1 - L(.9)) / L(.4) ,   top tenth 1 - L(.9)
    Theil     T = Σ_i (w_i / W) (y_i / ȳ) ln(y_i / ȳ) = between + Σ_k (W_k ȳ_k / W ȳ) T_k ,   between: y_i replaced by its group's mean ȳ_k
    Atkinson  1 - [ Σ_i (w_i / W) y_i^{1-ε} ]^{1/(1-ε)} / ȳ ,   ε = 1: the geometric mean by the mean

y_i ≥ 0 values, w_i weights; a zero adds nothing to T, its limit. Nobody is unequal where there is nothing to share.

Units are SMBs for sales, heads for pay, and household cells (region × class) for income and wealth, which say nothing of differences
within a cell. A cell counts its people: the labour force for workers, and one owner to OWNERS_PER_WORKER⁻¹ workers for owners.

Sources: Cowell (2011), Measuring Inequality; Theil (1967); Atkinson (1970); Cobham and Sumner (2013) for the Palma ratio.
"""

from __future__ import annotations

import numpy as np

from ..adoption import TIERS
from ..state import CLASSES, OWNER, WORKER
from .base import metric, smbs

TOP, BOTTOM = 0.1, 0.4  # Palma's groups
OWNERS_PER_WORKER = 0.11  # self-employed by employees, incorporated included, US 2022 (BLS; recalled)
GROUPINGS = ("region", "sector", "size", "use of AI")  # of firms
BOUNDS = (10.0, 50.0)  # heads: of the classes of size
AI = TIERS.index("ai")
NOTHING = 1e-200  # a total that is less is nothing to share: keeps quotients finite


# -- measures -----------------------------------------------------------------------------------------------------------------------------


def lorenz(values: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """p and L(p), each (n+1,). values (n,) >= 0 per unit of weight; weight (n,) >= 0, default equal. The diagonal without anything."""
    if weight is None:
        held = np.sort(values)
        people = np.arange(1.0, len(held) + 1.0)
    else:
        order = np.argsort(values)
        people = np.cumsum(weight[order])
        held = values[order] * weight[order]
    total = np.cumsum(held)
    if len(total) == 0 or total[-1] < NOTHING:
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    return np.append(0.0, people / people[-1]), np.append(0.0, total / total[-1])


def gini(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Gini index in [0, 1) of values (n,) >= 0."""
    p, share = lorenz(values, weight)
    return float(1.0 - np.diff(p) @ (share[1:] + share[:-1]))


def top_share(values: np.ndarray, weight: np.ndarray | None = None, top: float = TOP) -> float:
    """Share of the total that the share `top` with the most has."""
    return float(1.0 - np.interp(1.0 - top, *lorenz(values, weight)))


def palma(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """What the top tenth has by what the bottom four tenths have; 0 where these have nothing."""
    at = np.interp((BOTTOM, 1.0 - TOP), *lorenz(values, weight))
    return float((1.0 - at[1]) / at[0]) if at[0] > 0.0 else 0.0


def theil(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Theil's T in [0, ln n] of values (n,) >= 0."""
    weight = np.ones(len(values)) if weight is None else weight
    total, people = float(values @ weight), float(weight.sum())
    if total < NOTHING:
        return 0.0
    y = values * (people / total)
    return float((weight * y) @ np.log(np.where(y > 0.0, y, 1.0)) / people)


def theil_between(values: np.ndarray, group: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The part of Theil's T that lies between groups; the rest is within them. group (n,) row >= 0 of each unit's group."""
    if len(values) == 0:
        return 0.0
    weight = np.ones(len(values)) if weight is None else weight
    people, held = np.bincount(group, weight), np.bincount(group, weight * values)
    return theil(np.divide(held, people, out=np.zeros_like(held), where=people > 0.0), people)


def atkinson(values: np.ndarray, aversion: float, weight: np.ndarray | None = None) -> float:
    """Atkinson's index in [0, 1]: share of the total that could be given up, were it spread evenly. aversion ε > 0."""
    weight = np.ones(len(values)) if weight is None else weight
    total, people = float(values @ weight), float(weight.sum())
    if total < NOTHING:
        return 0.0
    y, share = values * (people / total), weight / people
    if aversion == 1.0:
        return float(1.0 - np.exp(share @ np.log(y))) if (y[share > 0.0] > 0.0).all() else 1.0
    if aversion > 1.0 and (y[share > 0.0] == 0.0).any():
        return 1.0
    return float(1.0 - (share @ y ** (1.0 - aversion)) ** (1.0 / (1.0 - aversion)))


# -- firms --------------------------------------------------------------------------------------------------------------------------------


def sales(state) -> np.ndarray:
    """(k,) currency/wk: what the living SMBs sold this week."""
    firms, small = state.firms, smbs(state)
    return firms.price[small] * np.maximum(firms.sold_to_firms[small] + firms.final_sales[small], 0.0)


def groups_of_firms(state) -> tuple[np.ndarray, ...]:
    """Row of the group of each living SMB (k,), for each of GROUPINGS."""
    firms, small = state.firms, smbs(state)
    size = np.digitize(firms.employment[small], BOUNDS)
    return firms.region[small] + 1, firms.sector[small], size, (firms.tier[small] == AI).any(axis=1).astype(np.int64)


@metric("1", "Gini of sales")
def sales_gini(state):
    """Gini index of the sales of SMBs."""
    return gini(sales(state))


@metric("1", "Sales of the top tenth")
def sales_top_share(state):
    """Share of the tenth of SMBs with the most sales."""
    return top_share(sales(state))


@metric("1", "Theil of sales")
def sales_theil(state):
    """Theil's T of the sales of SMBs."""
    return theil(sales(state))


@metric("1", "Theil of sales between groups", axis="grouping")
def sales_theil_between(state):
    """The part of Theil's T that lies between regions, sectors, classes of size, and SMBs with and without artificial intelligence."""
    sold = sales(state)
    return np.array([theil_between(sold, group) for group in groups_of_firms(state)])


# -- households ---------------------------------------------------------------------------------------------------------------------------


def people(state) -> np.ndarray:
    """(2 R,) heads of each household cell."""
    found = np.zeros(state.households.n)
    found[WORKER :: len(CLASSES)] = np.maximum(state.regions.labour_force, 0.0)
    found[OWNER :: len(CLASSES)] = OWNERS_PER_WORKER * found[WORKER :: len(CLASSES)]
    return found


def per_head(state, amount: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amount (2 R,) of the cells by their heads, and the heads; below zero counts as nothing."""
    heads = people(state)
    return np.divide(np.maximum(amount, 0.0), heads, out=np.zeros_like(heads), where=heads > 0.0), heads


def disposable_income(state) -> np.ndarray:
    """(2 R,) currency/wk: income after tax with transfers and benefits, before saving, investment and lending abroad."""
    cells = state.households
    return cells.disposable + cells.invested + cells.foreign_lending


@metric("1", "Gini of income")
def income_gini(state):
    """Gini index of disposable income per head, over the household cells."""
    return gini(*per_head(state, disposable_income(state)))


@metric("1", "Theil of income")
def income_theil(state):
    """Theil's T of disposable income per head, over the household cells."""
    return theil(*per_head(state, disposable_income(state)))


@metric("1", "Theil of income between workers and owners")
def income_theil_classes(state):
    """The part of it that lies between workers and owners; the rest is between regions within a class."""
    y, heads = per_head(state, disposable_income(state))
    return theil_between(y, np.arange(len(y)) % len(CLASSES), heads)


@metric("1", "Theil of income between regions")
def income_theil_regions(state):
    """The part of it that lies between regions; the rest is between workers and owners within a region."""
    y, heads = per_head(state, disposable_income(state))
    return theil_between(y, np.arange(len(y)) // len(CLASSES), heads)


@metric("1", "Atkinson index of income")
def income_atkinson(state):
    """Atkinson's index of disposable income per head with an aversion of one half, over the household cells."""
    y, heads = per_head(state, disposable_income(state))
    return atkinson(y, 0.5, heads)


@metric("1", "Palma ratio of income")
def income_palma(state):
    """Disposable income of the top tenth by that of the bottom four tenths, over the household cells."""
    return palma(*per_head(state, disposable_income(state)))


@metric("1", "Gini of wealth")
def wealth_gini(state):
    """Gini index of deposits per head, over the household cells."""
    return gini(*per_head(state, state.households.deposits))


@metric("1", "Wealth of the top tenth")
def wealth_top_share(state):
    """Share of the tenth of people with the most deposits, over the household cells."""
    return top_share(*per_head(state, state.households.deposits))


# -- pay ----------------------------------------------------------------------------------------------------------------------------------


@metric("1", "Gini of pay")
def wage_gini(state):
    """Gini index of pay per head over the staff of all firms; the staff of a firm earns the same."""
    return gini(state.firms.wage, state.firms.employment) if state.firms.employment.any() else 0.0


@metric("1", "Spread of pay")
def wage_spread(state):
    """Standard deviation of the logarithm of pay per head over the staff of all firms."""
    firms = state.firms
    paid = (firms.wage > 0.0) & (firms.employment > 0.0)
    log, staff = np.log(firms.wage[paid]), firms.employment[paid]
    return float(np.sqrt(max(np.average((log - np.average(log, weights=staff)) ** 2, weights=staff), 0.0))) if paid.any() else 0.0


@metric("1", "Theil of pay")
def wage_theil(state):
    """Theil's T of pay per head over the staff of all firms."""
    return theil(state.firms.wage, state.firms.employment)


@metric("1", "Theil of pay between sectors")
def wage_theil_sectors(state):
    """The part of it that lies between sectors."""
    return theil_between(state.firms.wage, state.firms.sector, state.firms.employment)
