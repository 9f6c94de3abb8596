r"""The firms of a miniature economy: how many, how large, where, and what they sell to whose households.

One SMB of the model is one firm of the real size and the economy is s times the real one in every flow. Of each sector the SMBs are drawn
from the firm-size table, and one *large row* carries whatever the sample misses, so that totals are exact for every number of firms.

    s      = N / sum of N_gc over SMB classes                       one SMB stands for itself
    n_k    = floor(C_k + u) - floor(C_{k-1} + u)                    systematic rounding; C cumulates s N_gc over cells (sector, class)
    F(e)   = (1 - (e/lo)^-a) / (1 - (hi/lo)^-a)                     truncated Pareto in a class; a solved so that the mean is the table's
    x_i    = kappa_g e_i (X_g / payroll_g) pay_gc                   output follows payroll; kappa_g brings the SMBs to their share sigma_g
    x_L    = s X_g - sum of x_i ;  e_L = s E_g - sum of e_i         the large row

symbol      name                           unit
e_i         employment                     heads (not rounded)
x_i         output                         base currency/yr
nu_i        nu, firms a row stands for     firms (1 for an SMB)
s           scale                          1
omega_r     region_weights                 share of SMBs
kappa_max   kappa_max                      1
lambda_H    home_sales                     share of household sales
Source: design note POPULATION.md 1.2 and 1.4; Pareto sizes after Axtell (2001), Science 293; systematic sampling is textbook.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from .draws import Draws
from .schema import InputError, param

KIND_SMB = 0
KIND_LARGE = 1

LEAST_HEADS = 0.5  # heads; a part-time owner. Assumption
MOST_OUTPUT_OF_ONE = 0.25  # share of its sector's output one SMB may have. Assumption
MOST_HEADS_OF_SMBS = 0.98  # share of its sector's employment all SMBs may have. Assumption
OPEN_CLASS_RATIO = 100.0  # upper over lower bound of a class without an upper bound. Assumption
GOLDEN = (5**0.5 - 1) / 2  # the step that spreads a sequence most evenly over [0, 1)
STEEPEST = 500.0  # bound on |exponent| * ln(hi/lo), so that exp() cannot overflow
BISECTIONS = 100  # halvings of that interval: to machine precision


class Sample(BaseModel):
    """Parameters of the draw of firms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kappa_max: float = param(
        1.5, unit="1", low=1, high=10, doc="Largest factor by which a sector's sampled SMBs are scaled to their share", source="assumption"
    )
    tail: float = param(
        1.06, unit="1", low=0.1, high=5, doc="Pareto exponent where a class mean lies outside its bounds", source="Axtell (2001)"
    )
    home_sales: float = param(
        0.5, unit="1", low=0, high=1, doc="Share of household sales made in the home region, where possible", source="assumption"
    )


@dataclass(frozen=True)
class Firms:
    """Firms as rows, ordered by (region, sector); the large row of each sector at the end, in sector order.

    sector (n,) · region (n,), -1 for a large row · kind (n,), KIND_SMB or KIND_LARGE · size_class (n,), -1 for a large row ·
    employment (n,) heads · output (n,) base currency/yr · nu (n,) firms the row stands for · scale · region_weights (R,), sum 1
    """

    sector: np.ndarray
    region: np.ndarray
    kind: np.ndarray
    size_class: np.ndarray
    employment: np.ndarray
    output: np.ndarray
    nu: np.ndarray
    scale: float
    region_weights: np.ndarray

    def __len__(self) -> int:
        return len(self.sector)

    @property
    def smb(self) -> np.ndarray:
        """(n,) bool: the row is one SMB."""
        return self.kind == KIND_SMB


def draw_firms(economy, smbs: int, region_weights, draws: Draws, kappa_max: float = 1.5, tail: float = 1.06) -> Firms:
    """Draw `smbs` SMBs and one large row per sector. Raises InputError for less than one SMB or unusable region weights."""
    weights = _checked_weights(region_weights)
    population = np.where(economy.is_smb_class, economy.firms, 0.0)
    if smbs < 1 or not population.sum() > 0:
        raise InputError(f"population: {smbs} SMBs cannot be drawn from {population.sum():.0f} firms below the SMB threshold")
    scale = smbs / population.sum()
    count = systematic_counts(scale * population, draws.one("sample.count"))
    sector, size_class = (np.repeat(index.ravel(), count.ravel()) for index in np.indices(count.shape))
    heads = _draw_heads(economy, count, draws, tail)
    payroll = heads * _pay(economy)[sector, size_class]
    total_payroll = economy.payroll.sum(axis=1)
    output = payroll * np.divide(economy.output[: economy.G], total_payroll, out=np.zeros(economy.G), where=total_payroll > 0)[sector]
    factor = _tilt(economy, scale, sector, output, heads, kappa_max)
    region = _spread(sector, heads * factor, weights, draws.one("sample.region"))
    return _rows(economy, scale, weights, sector, size_class, region, heads * factor, output * factor)


def systematic_counts(expected, u: float) -> np.ndarray:
    """Whole numbers n_k = floor(C_k + u) - floor(C_{k-1} + u) with the total of `expected`, which must be whole, in cell order."""
    cumulated = np.cumsum(expected)
    cumulated[cumulated >= cumulated[-1]] = np.round(cumulated[-1])
    whole = np.floor(cumulated)
    upward = cumulated - whole + u >= 1  # not floor(C + u): a large C would round u up to 1
    return np.diff(whole + upward, prepend=0.0).astype(np.int64).reshape(expected.shape)


def pareto_mean(exponent, lo, hi):
    """Mean of the Pareto distribution truncated to [lo, hi): lo p(1-a)/p(-a), with p(k) = ((hi/lo)^k - 1)/k."""
    log_ratio = np.log(hi / lo)

    def moment(k):
        return np.where(k == 0, log_ratio, np.expm1(k * log_ratio) / np.where(k == 0, 1, k))

    return lo * moment(1 - exponent) / moment(-exponent)


def pareto_exponent(mean, lo, hi):
    """The exponent (of either sign) whose truncated Pareto on [lo, hi) has this mean; lo < mean < hi. By bisection."""
    mean, lo, hi = np.broadcast_arrays(mean, lo, hi)
    below, above = (sign * (STEEPEST / np.log(hi / lo) - 1) for sign in (-1, 1))
    for _ in range(BISECTIONS):
        middle = (below + above) / 2
        too_large = pareto_mean(middle, lo, hi) > mean
        below, above = np.where(too_large, middle, below), np.where(too_large, above, middle)
    return (below + above) / 2


def pareto_quantile(u, exponent, lo, hi):
    """Inverse of the truncated Pareto's distribution function."""
    exponent = np.where(np.abs(exponent) < np.finfo(float).eps, np.finfo(float).eps, exponent)  # at 0 the limit is log-uniform
    return lo * np.exp(-np.log1p(u * np.expm1(-exponent * np.log(hi / lo))) / exponent)


def _checked_weights(region_weights) -> np.ndarray:
    weights = np.asarray(region_weights, dtype=float)
    if weights.ndim != 1 or not weights.size or not np.isfinite(weights).all() or weights.min() < 0 or not weights.sum() > 0:
        raise InputError(f"population: region weights {weights.tolist()} must be a list of numbers >= 0 with a sum above 0")
    return weights / weights.sum()


def _pay(economy) -> np.ndarray:
    """(G, C) payroll per head."""
    return np.divide(economy.payroll, economy.employment, out=np.zeros(economy.payroll.shape), where=economy.employment > 0)


def _draw_heads(economy, count, draws, tail) -> np.ndarray:
    """Employment of each SMB in cell order: stratified draws u = (k + v)/n through the class's truncated Pareto."""
    cell = np.repeat(np.arange(count.size), count.ravel())
    within = np.arange(cell.size) - np.repeat(np.cumsum(count) - count.ravel(), count.ravel())
    u = (within + draws.uniform("sample.size", 0, np.arange(cell.size))) / count.ravel()[cell]
    lo = np.broadcast_to(np.maximum(economy.emp_min, LEAST_HEADS), count.shape)
    hi = np.where(np.isfinite(economy.emp_max), economy.emp_max + 1, OPEN_CLASS_RATIO * lo)
    mean = np.where(count > 0, economy.mean_employment, lo)  # the mean of an empty cell is not used
    inside = (lo < mean) & (mean < hi)
    exponent = np.where(inside, pareto_exponent(np.where(inside, mean, (lo + hi) / 2), lo, hi), tail)
    rescale = np.where(inside, 1.0, mean / pareto_mean(exponent, lo, hi))
    pick = (v.ravel()[cell] for v in (exponent, lo, hi))
    return np.maximum(pareto_quantile(u, *pick) * rescale.ravel()[cell], LEAST_HEADS)


def _tilt(economy, scale, sector, output, heads, kappa_max) -> np.ndarray:
    """Factor on each SMB's output and heads: its sector's SMBs toward their payroll share, within the bounds named above."""
    payroll = economy.payroll.sum(axis=1)
    smb_payroll = economy.payroll[:, economy.is_smb_class].sum(axis=1)
    smb_share = np.divide(smb_payroll, payroll, out=np.zeros(economy.G), where=payroll > 0)
    sector_output = scale * economy.output[: economy.G]
    sampled_output, sampled_heads = (np.bincount(sector, v, minlength=economy.G) for v in (output, heads))
    with np.errstate(divide="ignore", invalid="ignore"):  # a sector without SMBs has no factor
        kappa = np.clip(smb_share * sector_output / sampled_output, 1 / kappa_max, kappa_max)
        kappa = np.minimum(kappa, (1 + smb_share) / 2 * sector_output / sampled_output)
        kappa = np.minimum(kappa, MOST_HEADS_OF_SMBS * scale * economy.employment.sum(axis=1) / sampled_heads)[sector]
        return np.minimum(kappa, MOST_OUTPUT_OF_ONE * sector_output[sector] / output)


def _spread(sector, size, weights, u) -> np.ndarray:
    """Region of each SMB: a golden-ratio sequence along (sector, falling size), so that every stratum has the regions' shares."""
    order = np.lexsort((-size, sector))
    place = (u + GOLDEN * np.arange(sector.size)) % 1.0
    region = np.empty(sector.size, dtype=np.int64)
    region[order] = np.searchsorted(np.cumsum(weights)[:-1], place, side="right")
    return region


def _rows(economy, scale, weights, sector, size_class, region, heads, output) -> Firms:
    """Put the SMBs in order of (region, sector) and append the large rows with what is missing."""
    G = economy.G
    large_output = scale * economy.output[:G] - np.bincount(sector, output, minlength=G)
    large_heads = scale * economy.employment.sum(axis=1) - np.bincount(sector, heads, minlength=G)
    large_firms = scale * economy.firms[:, ~np.asarray(economy.is_smb_class)].sum(axis=1)
    order = np.lexsort((sector, region))
    none = np.full(G, -1)
    return Firms(
        sector=np.concatenate([sector[order], np.arange(G)]),
        region=np.concatenate([region[order], none]),
        kind=np.repeat([KIND_SMB, KIND_LARGE], [sector.size, G]),
        size_class=np.concatenate([size_class[order], none]),
        employment=np.concatenate([heads[order], np.maximum(large_heads, 0.0)]),  # rounding may leave -1e-16
        output=np.concatenate([output[order], np.maximum(large_output, 0.0)]),
        nu=np.concatenate([np.ones(sector.size), np.maximum(1.0, large_firms)]),
        scale=scale,
        region_weights=weights,
    )


@dataclass(frozen=True)
class HouseholdSales:
    """Customer shares: whose part of household demand a firm has, in a region, for its sector. They sum to 1 per (region, sector).

    home_share (G,)   share of household sales SMBs of the sector make at home on top of their part of the nationwide sales
    home (n,)         share of the demand in its own region; 0 for a large row
    elsewhere (n,)    share of the demand in each other region; 0 for a large row
    large (G, R)      share of the large row
    """

    home_share: np.ndarray
    home: np.ndarray
    elsewhere: np.ndarray
    large: np.ndarray


def household_sales(firms: Firms, sales, total, consumption, home_sales: float = 0.5) -> HouseholdSales:
    """Where household sales are made: an SMB sells lambda at home, the rest in proportion to consumption; the large row the remainder.

    sales       : (n,) currency/yr   sales of each row to households; those of large rows are not read
    total       : (G,) currency/yr   household sales of each sector, >= those of its SMBs
    consumption : (R,) share         regional shares of household consumption, sum 1

    lambda_s = min(lambda_H, min over r of c_r (H - h) / (h_r - h c_r)  where h_r > h c_r)
    """
    smb = firms.smb
    G, R = len(total), len(consumption)
    regional = np.zeros((G, R))
    np.add.at(regional, (firms.sector[smb], firms.region[smb]), sales[smb])
    h = regional.sum(axis=1, keepdims=True)
    excess = regional - h * consumption
    room = np.maximum(total[:, None] - h, 0.0) * consumption
    bound = np.divide(room, excess, out=np.ones((G, R)), where=excess > 0)
    home_share = np.minimum(home_sales, bound.min(axis=1))
    per_demand = np.divide(1.0, total, out=np.zeros(G), where=total > 0)
    at_home = np.divide(1.0, consumption, out=np.zeros(R), where=consumption > 0)
    share = np.where(smb, sales * per_demand[firms.sector], 0.0)
    elsewhere = share * (1 - home_share[firms.sector])
    home = elsewhere + np.where(smb, share * home_share[firms.sector] * at_home[firms.region], 0.0)
    sold = (home_share[:, None] * regional * at_home + (1 - home_share[:, None]) * h) * per_demand[:, None]
    return HouseholdSales(home_share, home, elsewhere, np.clip(1 - sold, 0.0, 1.0))
