r"""What a panel of firms says: hazards, growth, jobs, credit, cycles. Pure functions of a `Panel`, tested on panels with known answers.

    hazard by age    firms of age a at a yearly snapshot that are gone at the next / firms of age a          mergers are not exits
    DHS growth       g = (E_t - E_{t-1}) / z ,   z = (E_t + E_{t-1}) / 2                 2 for a birth, -2 for a death
    job creation     \sum_{g>0} g z / \sum z ,   destruction the same for g < 0
    Subbotin         f(x) = exp(-|x/s|^b / b) / (2 s b^{1/b} \Gamma(1 + 1/b))            b = 1 Laplace, b = 2 Gaussian
    volatility       slope of ln s.d.(growth) on ln size over ten bins of size           growth of yearly sales less mean of sector and year
    size tail        truncated Pareto, 1/a = ln(h/l) / ((h/l)^a - 1) + mean ln(x/l)      l <= x < h
    risk ratio       \sum_s d_1 W_0 / W over \sum_s d_0 W_1 / W                          Mantel and Haenszel, strata s: sector and size
    cycle            x - trend, the trend of Hodrick and Prescott                        1 600 for quarters, 129 600 for months

d_1, W_1 are failures and firm-weeks within EXPOSED weeks after a loss on trade credit, d_0 and W_0 all others. The regression is that of
the literature on job creation: DHS growth of every firm and year on classes of size, with and without classes of age, weighted by z.

Sources: Davis, Haltiwanger and Schuh (1996); Haltiwanger, Jarmin and Miranda (2013), REStat 95(2); Bottazzi and Secchi (2006), RAND J.
Econ. 37(2); Stanley et al. (1996), Nature 379; Mantel and Haenszel (1959), JNCI 22(4); Hodrick and Prescott (1997), JMCB 29(1); Ravn and
Uhlig (2002), REStat 84(2); Jacobson and von Schedvin (2015), Econometrica 83(4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..metrics.network import bullwhip
from ..schema import DAYS_PER_WEEK, WEEKS_PER_YEAR
from ..state import CAUSES, ILLIQUID, INSOLVENT, MERGER, NEVER
from .panel import Panel
from .people import measure_people

AGES = (0, 1, 2, 3, 4, 5, 10, 15, 20, 25)  # first year of each class; those of exit_hazard_by_age.csv, as ages before the year
AGE_NAMES = ("0", "1", "2", "3", "4", "5-9", "10-14", "15-19", "20-24", "25+")
SIZES = (0, 5, 10, 20, 100)  # heads from which each class begins; those of business_dynamics_by_size.csv below the SMB threshold
SIZE_NAMES = ("1-4", "5-9", "10-19", "20-99", "100+")
FINE_SIZES = (0, 5, 10, 20, 50, 100, 250)  # of the regression
FINE_NAMES = ("1-4", "5-9", "10-19", "20-49", "50-99", "100-249", "250+")
REGRESSION_AGES = (0, 1, 2, 3, 4, 5, 6, 11, 16)  # age at the end of the year; births are 0
SIZE_KINDS = ("size before", "mean size")  # how a firm is put into a class: HJM call them base-year and current (average) size

QUARTER, MONTH = 13, 4  # weeks
SMOOTH_QUARTERS, SMOOTH_MONTHS = 1600.0, 129_600.0  # Hodrick and Prescott (1997); Ravn and Uhlig (2002)
EXPOSED = 26  # weeks after a loss on trade credit in which a failure counts as exposed; assumption
TAIL_FROM = 10.0  # heads from which the size tail is measured
SIZE_BINS = 10  # of the volatility of growth
YOUNG = 5  # years
LONGEST_LAG = 12  # months by which employment is let to follow output, or to lead it
FAILURES = (ILLIQUID, INSOLVENT)
GROWTH_EDGES = np.linspace(-8.0, 8.0, 65)  # growth in mean absolute deviations
CASH_EDGES = np.geomspace(0.5, 1000.0, 45)  # days


# -- estimators ---------------------------------------------------------------------------------------------------------------------------


def class_of(values: np.ndarray, starts: Sequence[float]) -> np.ndarray:
    """Row of the class, given where each begins; the first takes all that is below the second."""
    return np.maximum(np.searchsorted(starts, values, side="right") - 1, 0)


def subbotin_shape(x: np.ndarray) -> float:
    """Maximum-likelihood shape b of an exponential-power law around zero. NaN for fewer than ten values or without spread.

    For a given b the scale is s = (mean |x|^b)^{1/b}, so that one number is left to search.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    size = np.abs(x[x != 0])
    if len(size) < 10 or np.ptp(size) == 0:
        return float("nan")
    size = size / size.mean()

    def surprise(b):
        return np.log(np.mean(size**b)) / b + (np.log(b) + 1) / b + gammaln(1 + 1 / b)

    return float(minimize_scalar(surprise, bounds=(0.1, 6.0), method="bounded", options={"xatol": 1e-5}).x)


def pareto_tail(sizes: np.ndarray, low: float, high: float) -> float:
    """Maximum-likelihood exponent of a Pareto law truncated to [low, high). NaN for fewer than ten firms there."""
    from scipy.optimize import brentq

    tail = sizes[(sizes >= low) & (sizes < high)]
    if len(tail) < 10:
        return float("nan")
    log_ratio, mean_log = np.log(high / low), np.log(tail / low).mean()

    def excess(a):
        return 1 / a - log_ratio / np.expm1(a * log_ratio) - mean_log

    return float(brentq(excess, 1e-6, 50)) if excess(1e-6) > 0 > excess(50) else float("nan")


def volatility_exponent(size: np.ndarray, growth: np.ndarray, bins: int = SIZE_BINS) -> float:
    """Slope of ln s.d.(growth) on mean ln size over bins with equally many firms; NaN where a bin does not move or holds too few."""
    if len(size) < 10 * bins or not np.ptp(size) > 0:
        return float("nan")
    parts = np.array_split(np.argsort(size, kind="stable"), bins)
    spread = np.array([growth[p].std() for p in parts])
    middle = np.array([np.log(size[p]).mean() for p in parts])
    return float(np.polyfit(middle, np.log(spread), 1)[0]) if (spread > 0).all() else float("nan")


def cycle(x: np.ndarray, smoothing: float) -> np.ndarray:
    """(T,) what is left of a series less its Hodrick-Prescott trend: (I + λ D'D)^{-1} x, D second differences; NaN if one is not known."""
    T = len(x)
    if T < 3 or not np.isfinite(x).all():
        return x - x
    from scipy.linalg import solveh_banded

    second = np.zeros((T - 2, T))
    rows = np.arange(T - 2)
    for shift, weight in enumerate((1.0, -2.0, 1.0)):
        second[rows, rows + shift] = weight
    matrix = np.eye(T) + smoothing * second.T @ second
    band = np.zeros((3, T))
    for k in range(3):
        band[k, : T - k] = np.diagonal(matrix, -k)
    return x - solveh_banded(band, x, lower=True)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's; NaN for fewer than four pairs, or where one does not move."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 4 or np.std(x) <= 1e-12 * max(np.abs(x).max(), 1e-300) or np.std(y) <= 1e-12 * max(np.abs(y).max(), 1e-300):
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def lag_behind(follower: np.ndarray, leader: np.ndarray, longest: int) -> float:
    """By how many steps the follower's movements come later: the lag at which they correlate most; below zero it leads."""
    lags = range(-longest, longest + 1)
    found = [correlation(follower[max(k, 0) : len(follower) + min(k, 0)], leader[max(-k, 0) : len(leader) - max(k, 0)]) for k in lags]
    return float("nan") if np.isnan(found).all() else float(lags[int(np.nanargmax(found))])


def block_means(x: np.ndarray, weeks: int) -> np.ndarray:
    """Means of consecutive blocks of weeks; an incomplete last block is left out."""
    return x[: len(x) // weeks * weeks].reshape(-1, weeks, *x.shape[1:]).mean(axis=1)


def dhs(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Growth in [-2, 2] and mean employment of each firm; 0 and 0 where there is nobody before and after."""
    mean = (before + after) / 2
    return np.divide(after - before, mean, out=np.zeros(mean.shape), where=mean > 0), mean


YOUNG_WEEKS = 5 * WEEKS_PER_YEAR


def exposure_to_losses(panel: Panel, window: int = EXPOSED) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Firm-weeks within and outside `window` weeks after the firm's last loss on trade credit, and whether it failed in each: (n,) each.

    Only weeks 0 to T count, and losses in them, and not those of a firm's first year, in which failure has other reasons. A week belongs
    to the last loss before it.
    """
    T, n = panel.weeks, len(panel.uid)
    first, last = np.maximum(panel.born + WEEKS_PER_YEAR, 0), np.minimum(panel.exit_week, T)
    lived = np.maximum(last - first, 0).astype(float)
    order = np.lexsort((panel.loss_week, panel.loss_firm))
    firm, week = panel.loss_firm[order], panel.loss_week[order]
    until = np.append(week[1:], T)
    until[np.append(firm[1:] != firm[:-1], True) if len(firm) else slice(0)] = T
    until, begun = until[: len(firm)], np.maximum(week, first[firm])
    exposed = np.bincount(firm, np.clip(np.minimum(np.minimum(until, last[firm]), week + window) - begun, 0, window), minlength=n)[:n]
    failed = np.isin(panel.exit_cause, FAILURES) & (panel.exit_week >= first) & (panel.exit_week < T)
    latest = np.full(n, -NEVER)
    before = week < panel.exit_week[firm]
    np.maximum.at(latest, firm[before], week[before])
    hit = failed & (panel.exit_week - latest <= window)
    return exposed, lived - exposed, hit, failed & ~hit


def mantel_haenszel(weeks_1, weeks_0, hits_1, hits_0, stratum) -> tuple[float, float]:
    """Numerator and denominator of the rate ratio over strata, from arrays (n,) and the stratum of each row (n,)."""
    W1, W0, d1, d0 = (np.bincount(stratum, x) for x in (weeks_1, weeks_0, hits_1, hits_0))
    W = np.maximum(W1 + W0, 1.0)
    return float(np.sum(d1 * W0 / W)), float(np.sum(d0 * W1 / W))


# -- measures of one run ------------------------------------------------------------------------------------------------------------------


def measure(panel: Panel) -> dict[str, np.ndarray]:
    """Everything that the scorecard and its figures need of one run: counts, which add up over runs, and statistics."""
    return {
        name: np.asarray(value, dtype=float)
        for part in (exits_and_entries, jobs, growth, sizes_and_cash, credit, cycles, regression, measure_people)
        for name, value in part(panel).items()
    }


def exits_and_entries(panel: Panel) -> dict:
    """Firm-years at risk and exits by age, size and sector; entrants; causes by age."""
    there, gone = panel.alive[:-1], panel.alive[:-1] & ~panel.alive[1:]
    exits = gone & (panel.exit_cause != MERGER)
    sector = np.broadcast_to(panel.sector, there.shape)
    age, size = class_of(panel.age[:-1], AGES), class_of(panel.employment[:-1], SIZES)
    new = panel.alive[1:] & np.isnan(panel.employment[:-1])
    young = panel.alive & (panel.age < YOUNG)
    G = len(panel.sectors)
    return {
        "age_years": _count(age[there], len(AGES)), "age_exits": _count(age[exits], len(AGES)),
        "size_years": _count(size[there], len(SIZES)), "size_exits": _count(size[exits], len(SIZES)),
        "sector_years": _count(sector[there], G), "sector_exits": _count(sector[exits], G),
        "sector_entrants": _count(sector[new], G), "sector_firms": _count(sector[panel.alive[1:]], G),
        "cause_by_age": np.stack([_count(age[gone & (panel.exit_cause == c)], len(AGES)) for c in range(len(CAUSES))], axis=1),
        "young": young[1:].sum(), "firms": panel.alive[1:].sum(),
        "smbs": panel.alive.sum(axis=1),
    }  # fmt: skip


def jobs(panel: Panel) -> dict:
    """Jobs created, jobs destroyed and mean employment of all SMBs, births and deaths included."""
    g, mean = dhs(panel.heads[:-1], panel.heads[1:])
    return {"job_creation": (np.maximum(g, 0) * mean).sum(), "job_destruction": (np.maximum(-g, 0) * mean).sum(), "jobs": mean.sum()}


def growth(panel: Panel) -> dict:
    """Shape of the growth of yearly sales of firms that were there for two whole years, and how its spread falls with size."""
    before, after = panel.sales[:-1], panel.sales[1:]
    whole = panel.alive[:-1] & panel.alive[1:] & (panel.age[:-1] >= 1) & (before > 0) & (after > 0)
    whole[0] = False  # the year before the first snapshot was not recorded
    year, firm = np.nonzero(whole)
    if len(firm) == 0:
        return {"growth_shape": np.nan, "volatility_exponent": np.nan, "growth_histogram": np.zeros(len(GROWTH_EDGES) - 1)}
    g = np.log(after[whole].astype(float) / before[whole])
    cell = year * len(panel.sectors) + panel.sector[firm]
    count = np.bincount(cell)
    g -= (np.bincount(cell, g) / np.maximum(count, 1))[cell]
    several = count[cell] > 1
    g, size = g[several], before[whole][several].astype(float)
    scale = np.abs(g).mean() if len(g) else 0.0
    return {
        "growth_shape": subbotin_shape(g),
        "volatility_exponent": volatility_exponent(size, g),
        "growth_histogram": np.histogram(g / scale if scale > 0 else g, GROWTH_EDGES)[0],
    }


def sizes_and_cash(panel: Panel) -> dict:
    """Tail of the size distribution at the end, and days of outflow that deposits cover, in every snapshot but the first."""
    cover = panel.alive[1:] & (panel.outflow[1:] > 0)
    days = DAYS_PER_WEEK * panel.cash[1:][cover] / panel.outflow[1:][cover]
    quartiles = np.percentile(days, (25, 50, 75)) if len(days) else np.full(3, np.nan)
    return {
        "size_tail": pareto_tail(panel.employment[-1][panel.alive[-1]], TAIL_FROM, panel.threshold),
        "cash_quartiles": quartiles,
        "cash_histogram": np.histogram(np.clip(days, CASH_EDGES[0], CASH_EDGES[-1]), CASH_EDGES)[0],
        "cash_none": np.sum(days <= 0),
    }


def credit(panel: Panel) -> dict:
    """Applications for loans and what became of them; failures after losses on trade credit."""
    asked = panel.alive[1:] & panel.applied[1:]
    refused, leverage = panel.loan_refused, panel.loan_leverage
    risky = leverage > np.median(leverage) if len(leverage) else np.zeros(0, dtype=bool)
    exposed, other, hit, failed = exposure_to_losses(panel)
    heads = np.where(panel.alive, panel.employment, 0.0).max(axis=0)
    founded = np.digitize(panel.born, [-YOUNG_WEEKS, 0])  # before, within the five years before, and after the panel begins
    stratum = (panel.sector * len(SIZES) + class_of(heads, SIZES)) * 3 + founded
    ratio = mantel_haenszel(exposed, other, hit, failed, stratum)
    return {
        "applicants": asked.sum(),
        "applications": len(refused), "approved": (~refused).sum(), "approved_in_full": panel.loan_in_full.sum(),
        "risky_applications": risky.sum(), "risky_approved": (risky & ~refused).sum(),
        "exposed_weeks": exposed.sum(), "exposed_failures": hit.sum(), "failures": hit.sum() + failed.sum(),
        "loss_ratio": ratio,
    }  # fmt: skip


def cycles(panel: Panel) -> dict:
    """Quarters of the economy and how they move together."""
    w = panel.weekly
    output, u = block_means(w["gdp"], QUARTER), block_means(w["unemployment"], QUARTER)
    vacancies, wage = block_means(w["vacancy_rate"], QUARTER), block_means(w["mean_wage"], QUARTER)
    output_growth, wage_growth = np.diff(np.log(output)), np.diff(np.log(wage))
    swing = cycle(np.log(output), SMOOTH_QUARTERS)
    months = [cycle(np.log(np.maximum(block_means(w[name], MONTH), 1e-300)), SMOOTH_MONTHS) for name in ("employment", "gdp")]
    whip = bullwhip(*(block_means(tier, MONTH) for tier in (panel.tier_orders, panel.tier_demand)))
    return {
        "quarter_unemployment": u, "quarter_vacancies": vacancies,
        "quarter_output_growth": output_growth, "quarter_wage_growth": wage_growth,
        "beveridge": correlation(u, vacancies),
        "okun": correlation(np.diff(u), output_growth),
        "phillips": correlation(u[1:], wage_growth),
        "output_spread": swing.std(), "output_autocorrelation": correlation(swing[1:], swing[:-1]),
        "employment_lag": MONTH * lag_behind(*months, LONGEST_LAG),
        "bullwhip": whip,
        "hires": w["hires"].sum(), "head_weeks": w["staff"].sum(),
    }  # fmt: skip


def regression(panel: Panel) -> dict:
    """Normal equations of the job-creation regression, by kind of size: (2, P, P) and (2, P); they add up over runs."""
    before, after = panel.heads[:-1], panel.heads[1:]
    g, mean = dhs(before, after)
    rows = mean > 0
    g, mean, before, after = g[rows], mean[rows], before[rows], after[rows]
    age = np.where(panel.alive[1:], panel.age[1:], panel.age[:-1] + 1)[rows]
    age = class_of(np.where(before > 0, np.maximum(age, 1), 0), REGRESSION_AGES)
    sizes = (np.where(before > 0, before, after), mean)
    return dict(zip(("normal_matrix", "normal_vector"), _normal(g, mean, [class_of(s, FINE_SIZES) for s in sizes], age), strict=True))


def _normal(g, weight, sizes, age) -> tuple[np.ndarray, np.ndarray]:
    S, A = len(FINE_SIZES), len(REGRESSION_AGES)
    matrix, vector = np.zeros((len(sizes), S + A, S + A)), np.zeros((len(sizes), S + A))
    for k, size in enumerate(sizes):
        design = np.zeros((len(g), S + A))
        design[np.arange(len(g)), size] = 1.0
        design[np.arange(len(g)), S + age] = 1.0
        matrix[k], vector[k] = design.T @ (design * weight[:, None]), design.T @ (weight * g)
    return matrix, vector


def size_effects(matrix: np.ndarray, vector: np.ndarray, with_age: bool) -> np.ndarray:
    """(S,) growth of each size class less that of the largest with firms, from normal equations (P, P), (P,) of one kind of size.

    NaN for a class without firms. Age classes are complete, so that the solution is the one of least norm; differences do not depend on it.
    """
    S = len(FINE_SIZES)
    use = slice(None) if with_age else slice(S)
    found = np.linalg.pinv(matrix[use, use], hermitian=True) @ vector[use]
    known = np.diagonal(matrix)[:S] > 0
    return np.where(known, found[:S] - found[:S][known][-1], np.nan) if known.any() else np.full(S, np.nan)


def _count(rows: np.ndarray, length: int) -> np.ndarray:
    return np.bincount(rows, minlength=length).astype(float)
