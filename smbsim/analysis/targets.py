"""Stylised facts of small firms: what the statistics say, how far off a model may be, and whether it was calibrated on them.

Numbers come from the tables of the economy (business dynamics, exit hazards, worker flows, literature values with source and status); a
fact that no table holds is declared here with its source. A fact without a target in another economy is measured all the same.

role      calibration  a moment on which a parameter is chosen: output autocorrelation and bullwhip (speeds of ordering), hires and the lag
                       of employment (speeds of hiring and firing), exit by age (overhead, productivity, cash), approvals of loans, entry;
                       with tools and skills: pace of AI use and its gradient by size, productivity of adopters, effects of training
          input        what the initial firms are drawn from; here it is asked whether it lasts
          hold-out     everything else: nothing is chosen to meet it
verdict   pass within [low, high], partial within twice the distance from the target, else fail; missing where nothing can be measured

Tolerances were set before the model was run: a fifth for rates of the whole economy, more where cells are small or sources differ.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..economy import Economy
from ..scenario import Scenario
from . import people
from .facts import AGE_NAMES, SIZE_KINDS, SIZE_NAMES, SIZES, size_effects

CALIBRATION, INPUT, HOLD_OUT = "calibration", "input", "hold-out"
ROLES = (CALIBRATION, INPUT, HOLD_OUT)
PASS, PARTIAL, FAIL, MISSING = "pass", "partial", "fail", "missing"
VERDICTS = (PASS, PARTIAL, FAIL, MISSING)

HAZARD_WINDOW, RATE_WINDOW, RATE_YEARS = "2015_2019", "mean_2015_2019", range(2015, 2020)  # before the pandemic
BY_SECTOR, BY_SIZE, BY_YEAR = ("business_dynamics_by_sector.csv", "business_dynamics_by_size.csv", "business_dynamics_timeseries.csv")
HAZARDS, AGES_NOW, FLOWS, LITERATURE = "exit_hazard_by_age.csv", "firm_age_distribution.csv", "worker_flows.csv", "assumptions.csv"
ALL = "ALL"  # sector code of totals in these tables
SURVIVAL_YEARS = 5
SECTOR_TOLERANCE = 0.25  # of a sector's rate; or two standard errors of the count where that is more
BAM = "targets of the BAM growth model (secondary source)"
INFINITE = float("inf")

Measures = Mapping[str, np.ndarray]  # name → (R, …) over runs


REASONS = {
    "5-9": "offers to owners fall smoothly with what the firm earns; in the statistics exit drops at five heads and is flat above",
    "100+": "there are some eight such firms in 2 000, few exits, and bad luck comes on top of retirement, which alone is at the target",
    "exit": "what makes trades turbulent besides what their owners earn, such as sunk cost, is not in the model; trades that hardly earn "
            "anything in the tables run out of cash",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One row: how it is measured, what it should be. `of` maps measures of one run or many to a number."""

    name: str
    group: str
    label: str
    unit: str
    role: str
    of: Callable[[Measures], float]
    target: float
    low: float
    high: float
    source: str
    note: str = ""
    reason: str = ""  # why the model as calibrated misses it

    def judge(self, value: float) -> str:
        """The verdict on a value."""
        if not (np.isfinite(value) and np.isfinite(self.target)):
            return MISSING
        if self.low <= value <= self.high:
            return PASS
        return PARTIAL if 2 * self.low - self.target <= value <= 2 * self.high - self.target else FAIL

    def distance(self, value: float) -> float:
        """From the target in tolerances of that side: up to 1 passes, up to 2 partly. Without a bound it is never more than 1."""
        below, above = self.target - self.low, self.high - self.target
        side, other = (above, below) if value > self.target else (below, above)
        if np.isfinite(side) and side > 0:
            return (value - self.target) / side
        return float(np.clip((value - self.target) / other, -1.0, 1.0))


def facts_of(economy: Economy, scenario: Scenario | None = None) -> tuple[Fact, ...]:
    """Every row of the scorecard, in order; those on tools and skills where the scenario has them on."""
    tables = Tables(Path(economy.folder))
    return (
        *_exits(tables), *_sectors(tables, economy.sectors), *_jobs(tables, economy.smb_threshold), *_credit(tables), *_labour(tables),
        *_cycles(),
        *(_tools(tables, economy) if scenario is not None and scenario.automation.enabled else ()),
        *(_training() if scenario is not None and scenario.skills.enabled else ()),
    )  # fmt: skip


class Tables:
    """The tables of a folder as rows of text; a table that is not there has none."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.rows: dict[str, list[dict[str, str]]] = {}

    def find(self, file: str, **keys: str) -> list[dict[str, str]]:
        """Rows with these cells."""
        if file not in self.rows:
            path = self.folder / file
            self.rows[file] = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())) if path.is_file() else []
        return [row for row in self.rows[file] if all(row.get(column) == text for column, text in keys.items())]

    def number(self, file: str, column: str, **keys: str) -> float:
        """One cell; NaN if it is not there or empty."""
        found = self.find(file, **keys)
        return float(found[0][column]) if found and found[0].get(column) else float("nan")

    def literature(self, name: str, scope: str) -> tuple[float, float, float, str]:
        """Value, low, high (NaN where not given) and source of a literature value."""
        found = self.find(LITERATURE, parameter=name, scope=scope)
        if not found:
            return float("nan"), float("nan"), float("nan"), LITERATURE
        row = found[0]
        value, low, high = (float(row[c]) if _is_number(row[c]) else float("nan") for c in ("value", "low", "high"))
        return value, low, high, f"{row['source']} ({row['status']})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def ratio(top: str, bottom: str, at: int | None = None) -> Callable[[Measures], float]:
    """Sum of counts over sum of counts, over the runs; at: of one class."""

    def of(m: Measures) -> float:
        a, b = (m[name].sum(axis=0) for name in (top, bottom))
        a, b = (a, b) if at is None else (a[at], b[at])
        return float(a.sum() / b.sum()) if b.sum() > 0 else float("nan")

    return of


def mean(name: str, at: int | None = None) -> Callable[[Measures], float]:
    """Mean of a statistic over the runs in which it is known."""

    def of(m: Measures) -> float:
        values = m[name] if at is None else m[name][:, at]
        known = values[np.isfinite(values)]
        return float(known.mean()) if len(known) else float("nan")

    return of


def around(target: float, share: float) -> dict[str, float]:
    """A target and a band of plus and minus a share of it."""
    return {"target": target, "low": target - share * abs(target), "high": target + share * abs(target)}


def within(target: float, low: float, high: float) -> dict[str, float]:
    """A target and a band with its own ends, all in the unit of the fact."""
    return {"target": target, "low": low, "high": high}


# -- exits --------------------------------------------------------------------------------------------------------------------------------


def hazard_targets(tables: Tables) -> np.ndarray:
    """(A,) exit hazard by age. The table counts firms older than its first year apart: joined with the oldest class by numbers of firms."""
    rows = tables.find(HAZARDS, sector=ALL, window=HAZARD_WINDOW)
    if not rows:
        return np.full(len(AGE_NAMES), np.nan)
    hazard = [float(row["annual_exit_hazard"]) for row in rows]
    firms = [float(row["firms"]) for row in tables.find(AGES_NOW, sector=ALL) if row["firm_age"] in ("26+", "Left Censored")]
    return np.array([*hazard[:-2], np.average(hazard[-2:], weights=firms or None)])


def survival(hazard: np.ndarray, years: int = SURVIVAL_YEARS) -> float:
    """Share of firms in their first snapshot that are there `years` snapshots later."""
    return float(np.prod(1 - hazard[:years]))


def _exits(tables: Tables) -> list[Fact]:
    hazard, source = hazard_targets(tables), f"BDS 2015-19 ({HAZARDS})"
    facts = [
        Fact(f"exit_hazard_age_{name}", "exit by age", f"Exit hazard at age {name}", "1/yr", CALIBRATION,
             ratio("age_exits", "age_years", a), **around(hazard[a], 0.2), source=source)
        for a, name in enumerate(AGE_NAMES)
    ]  # fmt: skip

    def five_years(m: Measures) -> float:
        years = m["age_years"].sum(axis=0)
        return survival(np.divide(m["age_exits"].sum(axis=0), years, out=np.full(years.shape, np.nan), where=years > 0))

    goal = survival(hazard)
    facts.append(Fact("survival_5", "exit by age", "Survival over five years", "1", CALIBRATION, five_years,
                      **within(goal, goal - 0.04, goal + 0.04), source=source))  # fmt: skip
    goal = _shares_under(tables, ("0", "1", "2", "3", "4"))
    facts.append(Fact("young_share", "exit by age", "Share of SMBs younger than five years", "1", HOLD_OUT, ratio("young", "firms"),
                      **around(goal, 0.15), source=f"BDS 2022 ({AGES_NOW})"))  # fmt: skip
    for c, (name, low) in enumerate(zip(SIZE_NAMES, SIZES, strict=True)):
        goal = tables.number(BY_SIZE, "firm_exit_rate", window=RATE_WINDOW, emp_min=str(max(low, 1)))
        facts.append(Fact(f"exit_rate_size_{name}", "exit by size", f"Exit rate with {name} heads", "1/yr", HOLD_OUT,
                          ratio("size_exits", "size_years", c), **around(goal, 0.3), source=f"BDS 2015-19 ({BY_SIZE})",
                          reason=REASONS.get(name, "")))  # fmt: skip
    return facts


def _shares_under(tables: Tables, ages: Sequence[str]) -> float:
    found = [float(row["firm_share"]) for row in tables.find(AGES_NOW, sector=ALL) if row["firm_age"] in ages]
    return sum(found) if found else float("nan")


# -- sectors ------------------------------------------------------------------------------------------------------------------------------


def share_near(top: str, bottom: str, goal: np.ndarray) -> Callable[[Measures], float]:
    """Share of sectors whose pooled rate is within SECTOR_TOLERANCE of the goal, or within two standard errors of the count."""

    def of(m: Measures) -> float:
        hits, base = m[top].sum(axis=0), m[bottom].sum(axis=0)
        known = (base > 0) & np.isfinite(goal)
        expected = goal[known] * base[known]
        allowed = np.maximum(SECTOR_TOLERANCE * expected, 2 * np.sqrt(expected))
        return float(np.mean(np.abs(hits[known] - expected) <= allowed)) if known.any() else float("nan")

    return of


def rank_correlation(top: str, bottom: str, goal: np.ndarray) -> Callable[[Measures], float]:
    """Spearman's, of pooled rates of sectors with those of the table."""

    def of(m: Measures) -> float:
        from scipy.stats import rankdata

        hits, base = m[top].sum(axis=0), m[bottom].sum(axis=0)
        known = (base > 0) & np.isfinite(goal)
        rate = hits[known] / base[known]
        if known.sum() < 3 or np.ptp(rate) == 0 or np.ptp(goal[known]) == 0:
            return float("nan")
        return float(np.corrcoef(rankdata(rate), rankdata(goal[known]))[0, 1])

    return of


def _sectors(tables: Tables, sectors: Sequence[str]) -> list[Fact]:
    facts = []
    for word, role, top, bottom in (
        ("entry", CALIBRATION, "sector_entrants", "sector_firms"),
        ("exit", HOLD_OUT, "sector_exits", "sector_years"),
    ):
        column, group, source = f"firm_{word}_rate", "entry and exit", f"BDS 2015-19 ({BY_SECTOR})"
        years = [float(row[column]) for row in tables.find(BY_YEAR) if int(row["year"]) in RATE_YEARS]
        goal = np.array([tables.number(BY_SECTOR, column, window=RATE_WINDOW, sector=code) for code in sectors])
        there = float("nan") if np.isnan(goal).all() else 1.0
        total_role = CALIBRATION  # the exit rate of all firms is the mean of the hazards by age
        facts += [
            Fact(f"{word}_rate", group, f"{word.capitalize()} rate of all SMBs", "1/yr", total_role, ratio(top, bottom),
                 **around(float(np.mean(years)) if years else float("nan"), 0.15), source=f"BDS 2015-19 ({BY_YEAR})"),
            Fact(f"{word}_sectors_near", group, f"Sectors whose {word} rate is near", "1", role, share_near(top, bottom, goal),
                 **within(there, 0.8, 1.0), source=source, note="within a quarter, or two standard errors of the count",
                 reason=REASONS.get(word, "")),
            Fact(f"{word}_sectors_rank", group, f"Rank correlation of {word} rates by sector", "1", role,
                 rank_correlation(top, bottom, goal), **within(there, 0.5, 1.0), source=source,
                 reason=REASONS.get(word, "")),
        ]  # fmt: skip
    return facts


# -- growth, sizes, jobs ------------------------------------------------------------------------------------------------------------------


def _jobs(tables: Tables, threshold: float) -> list[Fact]:
    shape = 1.0 if tables.literature("firm_growth_rate_distribution", "all")[3] != LITERATURE else float("nan")
    slope, low, high, slope_source = tables.literature("growth_volatility_size_exponent", "all")
    facts = [
        Fact("growth_shape", "growth", "Subbotin shape of sales growth (1 Laplace, 2 Gaussian)", "1", HOLD_OUT, mean("growth_shape"),
             **within(shape, 0.7, 1.3), source=tables.literature("firm_growth_rate_distribution", "all")[3]),
        Fact("volatility_exponent", "growth", "Volatility of growth against size, exponent", "1", CALIBRATION, mean("volatility_exponent"),
             **within(slope, low, high), source=slope_source),
        Fact("size_tail", "sizes", "Exponent of the size tail from 10 heads", "1", INPUT, mean("size_tail"), **within(1.05, 0.95, 1.15),
             source="SUSB 2022 by truncated-Pareto maximum likelihood; Axtell (2001): 1.06",
             reason="new firms are small and no firm crosses the border between SMBs and large firms, so that the upper end thins out"),
    ]  # fmt: skip
    small = [row for row in tables.find(BY_SIZE, window=RATE_WINDOW) if float(row["emp_min"]) < threshold]
    heads = [float(row["employment"]) for row in small]
    for word in ("creation", "destruction"):
        goal = float(np.average([float(row[f"job_{word}_rate"]) for row in small], weights=heads)) if small else float("nan")
        facts.append(Fact(f"job_{word}", "jobs", f"Job {word} rate of SMBs", "1/yr",
                          CALIBRATION if word == "creation" else HOLD_OUT, ratio(f"job_{word}", "jobs"),
                          **around(goal, 0.2), source=f"BDS 2015-19 ({BY_SIZE}), classes below {threshold:g} heads"))  # fmt: skip
    facts.append(
        Fact("size_effect_given_age", "jobs", "Net growth, smallest less largest SMBs, given age", "1/yr", HOLD_OUT, size_effect,
             **within(0.0, -INFINITE, 0.01), source="Haltiwanger, Jarmin and Miranda (2013): none or below zero, mean size (recalled)",
             note="nothing in the model refers to it")
    )  # fmt: skip
    return facts


def size_effect(m: Measures, kind: str = "mean size", with_age: bool = True) -> float:
    """Growth of the smallest class less that of the largest, from the normal equations of all runs together."""
    k = SIZE_KINDS.index(kind)
    return float(size_effects(m["normal_matrix"].sum(axis=0)[k], m["normal_vector"].sum(axis=0)[k], with_age)[0])


# -- money --------------------------------------------------------------------------------------------------------------------------------

LENDERS = ("large_bank", "small_bank", "online_lender", "finance_company", "credit_union", "cdfi")


def approval_target(tables: Tables, what: str) -> float:
    """Share of applications approved, over all lenders, weighted by how many applicants ask each."""
    weight = np.array([tables.literature("loan_source_applied_to", lender)[0] for lender in LENDERS])
    share = np.array([tables.literature(what, lender)[0] for lender in LENDERS])
    known = np.isfinite(weight) & np.isfinite(share)
    return float(np.average(share[known], weights=weight[known])) if known.any() else float("nan")


def _credit(tables: Tables) -> list[Fact]:
    facts = []
    for k, (name, word) in enumerate((("p25", "first quartile"), ("median", "median"), ("p75", "third quartile"))):
        goal, _, _, source = tables.literature(f"cash_buffer_days_{name}", "economy")
        label = f"Days of outflow that deposits cover, {word}"
        facts.append(
            Fact(f"cash_days_{name}", "cash", label, "days", INPUT, mean("cash_quartiles", k), **around(goal, 0.25), source=source)
        )
    goal, _, _, survey = tables.literature("loan_application_rate_12m", "small employer firms")
    risk = [
        tables.literature("loan_approval_by_risk", f"{bank} {kind} risk")[0]
        for bank in LENDERS[:2]
        for kind in ("low credit", "medium/high")
    ]
    gap = (risk[0] - risk[1] + risk[2] - risk[3]) / 2

    def gap_of(m: Measures) -> float:
        asked, yes, bad, bad_yes = (m[name].sum() for name in ("applications", "approved", "risky_applications", "risky_approved"))
        return float((yes - bad_yes) / (asked - bad) - bad_yes / bad) if min(bad, asked - bad) > 0 else float("nan")

    def loss_ratio(m: Measures) -> float:
        top, bottom = m["loss_ratio"].sum(axis=0)
        return float(top / bottom) if bottom > 0 and m["exposed_weeks"].sum() > 0 else float("nan")

    return [
        *facts,
        Fact("application_rate", "credit", "SMBs that apply for a loan within a year", "1/yr", HOLD_OUT, ratio("applicants", "firms"),
             **around(goal, 0.2), source=survey),
        Fact("approval", "credit", "Applications approved at least in part", "1", CALIBRATION, ratio("approved", "applications"),
             **around(approval_target(tables, "loan_approval_at_least_partial"), 0.1), source=survey),
        Fact("approval_full", "credit", "Applications approved in full", "1", CALIBRATION, ratio("approved_in_full", "applications"),
             **around(approval_target(tables, "loan_approval_full"), 0.15), source=survey),
        Fact("approval_risk_gap", "credit", "Approval of the less indebted half less that of the other", "1", CALIBRATION, gap_of,
             **around(gap, 0.5), source=survey, note="the survey splits by credit score, here by debt / net worth"),
        Fact("trade_credit_losses", "credit", "Failure hazard after a loss on trade credit, relative to none", "1", HOLD_OUT, loss_ratio,
             **within(1.5, 1.1, INFINITE), source="Jacobson and von Schedvin (2015): above 1 (recalled)",
             note="within sector, size and age, 26 weeks; the target is only that it is above 1"),
    ]  # fmt: skip


# -- labour and cycles --------------------------------------------------------------------------------------------------------------------


def _labour(tables: Tables) -> list[Fact]:
    small = [row for row in tables.find(FLOWS, sector=ALL) if row["firm_size_band"] != "500+"]
    heads = [float(row["employment_jobs"]) for row in small]
    goal = float(np.average([float(row["quarterly_hire_rate"]) for row in small], weights=heads)) if small else float("nan")
    hires = ratio("hires", "head_weeks")
    return [
        Fact("hires_rate", "labour", "Hires per head and quarter", "1/quarter", CALIBRATION, lambda m: 13 * hires(m), **around(goal, 0.25),
             source=f"QWI 2022-23 ({FLOWS}), firms below 500 heads",
             note="QWI counts every new job, also those of days; surveys of vacancies count about half as many hires"),
        Fact("employment_lag", "labour", "Weeks by which employment follows output", "wk", CALIBRATION, mean("employment_lag"),
             **within(13.0, 0.0, 26.0), source="Stock and Watson (1999), Handbook of Macroeconomics: about a quarter (recalled)"),
        Fact("beveridge", "labour", "Beveridge: correlation of vacancies and unemployment", "1", HOLD_OUT, mean("beveridge"),
             **within(-0.27, -1.0, -0.135), source=f"{BAM}: -.27"),
        Fact("okun", "labour", "Okun: correlation of output growth and the change of unemployment", "1", HOLD_OUT, mean("okun"),
             **within(-0.85, -1.0, -0.425), source=f"{BAM}: -.85"),
        Fact("phillips", "labour", "Phillips: correlation of wage growth and unemployment", "1", HOLD_OUT, mean("phillips"),
             **within(-0.19, -1.0, -0.095), source=f"{BAM}: -.19"),
    ]  # fmt: skip


def _cycles() -> list[Fact]:
    return [
        Fact("output_spread", "cycle", "Standard deviation of output around its trend, quarters", "1", HOLD_OUT, mean("output_spread"),
             **within(0.015, 0.01, 0.02), source="US 1 to 2 %: Stock and Watson (1999), Handbook of Macroeconomics (recalled)"),
        Fact("output_autocorrelation", "cycle", "Autocorrelation of output around its trend, one quarter", "1", CALIBRATION,
             mean("output_autocorrelation"), **within(0.84, 0.69, 0.95), source="US .84: Stock and Watson (1999) (recalled)"),
        Fact("bullwhip_upstream", "cycle", "Bullwhip ratio of firms farthest from final use", "1", CALIBRATION, mean("bullwhip", 3),
             **within(2.0, 1.5, 3.0), source="1.5 to 3 (recalled); Cachon, Randall and Schmidt (2007) dispute that it is general",
             reason="one speed of ordering is fitted to it and to the autocorrelation of output, which pull it apart"),
    ]  # fmt: skip


# -- tools and skills ---------------------------------------------------------------------------------------------------------------------

PACE = "ai_use_timeseries_by_size.csv"
ASKED_LONGEST = "producing_goods_or_services"  # the wording that was asked from 2023 on
READINGS_PER_YEAR = 26
ADOPTION = "tech_adoption_by_size.csv"
CLASSES = "ABCDEFG"  # of size in the series; their heads are those of people.BANDS
BTOS = "BTOS"


def firms_by_band(tables: Tables) -> np.ndarray:
    """(B,) US employers by the size bands of the survey: the latest count in the table of adoption by size; NaN where there is none."""
    counted = [row for row in tables.find(ADOPTION) if row["n_companies"]]
    latest = max((row["year"] for row in counted), default="")
    by_class = {float(row["emp_min"]): float(row["n_companies"]) for row in counted if row["year"] == latest}
    if not by_class:
        return np.full(len(people.BANDS), np.nan)
    band = np.searchsorted(people.BANDS, list(by_class), side="right") - 1  # the largest class of the survey is open
    return np.bincount(band, list(by_class.values()), len(people.BANDS))


def observed_pace(tables: Tables) -> float:
    """Yearly growth of the log odds that a firm uses AI: slope over all readings of the longest series, size classes by their firms."""
    firms, series = firms_by_band(tables), {}
    for row in tables.find(PACE, wording=ASKED_LONGEST):
        if row["share"]:
            series.setdefault(row["period"], {})[row["btos_size_class"]] = float(row["share"])
    whole = sorted((period, by_class) for period, by_class in series.items() if len(by_class) == len(CLASSES))
    if len(whole) < 2 or not firms.any():
        return float("nan")
    years = np.array([int(period[:4]) + (int(period[4:]) - 1) / READINGS_PER_YEAR for period, _ in whole])
    share = np.array([np.average([by_class[c] for c in CLASSES], weights=firms) for _, by_class in whole])
    return float(np.polyfit(years, np.log(share / (1.0 - share)), 1)[0])


def planned_growth(tables: Tables) -> float:
    """What firms that plan to use AI in six months add to its share today, size classes by their firms."""
    names = ("ai_any_business_function_next_6_months", "ai_any_business_function_current")
    shares = [[tables.number(ADOPTION, "share_using", technology=name, emp_min=f"{low:g}") for low in people.BANDS] for name in names]
    firms = firms_by_band(tables)
    return float(np.average(np.subtract(*shares), weights=firms)) if firms.any() else float("nan")


def share_near_table(of: str, goal: np.ndarray) -> Callable[[Measures], float]:
    """As `share_near`, of users among firms at the start; the goal is taken in proportion, so that it adds up to all users there are."""

    def value(m: Measures) -> float:
        users, firms = (m[f"{of}_{what}"].sum(axis=0) for what in ("users", "firms"))
        known = np.where(np.isfinite(goal), goal, 0.0)
        factor = users.sum() / (known @ firms) if known @ firms > 0 else float("nan")
        return share_near(f"{of}_users", f"{of}_firms", factor * goal)(m)

    return value


def _tools(tables: Tables, economy: Economy) -> list[Fact]:
    known, group = economy.adoption, "tools"
    by_sector = np.full(len(economy.sectors), np.nan) if known is None else known.by_sector["ai"]
    by_size = np.full(len(people.BANDS), np.nan)
    if known is not None and np.array_equal(known.heads["ai"], people.BANDS):
        by_size = known.by_size["ai"]
    there = float("nan") if known is None else 1.0
    pace, plans, table = observed_pace(tables), planned_growth(tables), "BTOS 2023-25"
    return [
        Fact("ai_start_sectors", group, "Sectors whose AI use at the start is near", "1", INPUT, share_near_table("ai_sector", by_sector),
             **within(there, 0.8, 1.0), source=f"{BTOS} end of 2025 (tech_adoption_by_sector.csv)",
             note="in proportion; within a quarter, or two standard errors of the count"),
        Fact("ai_start_sizes", group, "Size classes whose AI use at the start is near", "1", INPUT, share_near_table("ai_size", by_size),
             **within(there, 0.8, 1.0), source=f"{BTOS} end of 2025 ({ADOPTION})",
             note="in proportion; within a quarter, or two standard errors of the count"),
        Fact("ai_pace", group, "Yearly growth of the log odds of AI use, first two years", "1/yr", CALIBRATION, people.pace_of_ai,
             **around(pace, 0.3), source=f"{table} ({PACE}), the wording asked longest"),
        Fact("ai_half_year", group, "AI use after half a year less that at the start", "1", HOLD_OUT, mean("ai_half_year"),
             **around(plans, 0.5), source=f"{BTOS} end of 2025: plans for the next six months ({ADOPTION})",
             note="plans, which firms may not carry out"),
        Fact("ai_size_gradient", group, "Odds of AI use, 50 heads and more to 10-49, at the end", "1", CALIBRATION, people.size_gradient,
             **within(2.04, 1.25, 2.55), source="INE, Spain, later wave: 30.8, 17.9 % (recalled); US today 1.25, Spain before 2.5"),
        Fact("adopter_premium", group, "Output per head of mature adopters over others, less one", "1", CALIBRATION, people.premium,
             **around(0.114, 0.4), source="Acemoglu et al. (2022), ABS 2019: 11.4 %",
             note="relative to rest, within years; others have no tools beyond those of the start"),
    ]  # fmt: skip


def _training() -> list[Fact]:
    source = "Konings and Vanormelingen (2015)"
    note = "growth over all years by the share of years in training"
    return [
        Fact("training_productivity", "skills", "Output per head, always in training over never, less one", "1", CALIBRATION,
             people.effect_of_training("per_head"), **around(0.23, 0.3), source=f"{source}: 23 %", note=note),
        Fact("training_pay", "skills", "Pay, always in training over never, less one", "1", CALIBRATION,
             people.effect_of_training("pay"), **around(0.12, 0.35), source=f"{source}: 12 %", note=note),
        Fact("novices_gain", "skills", "Gain of adopters, third with the least able staff less that with the most", "1", HOLD_OUT,
             people.novices_gain, **within(0.05, 0.0, INFINITE),
             source="Brynjolfsson, Li and Raymond (2025): 34 % for novices, about none for experts",
             note="between firms, the source within one; the target is only that it is above zero"),
    ]  # fmt: skip
