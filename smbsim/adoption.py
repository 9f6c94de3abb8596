r"""Who uses which tools at the start: from the shares of users by sector and by size to the tools of each firm.

    p_gb = Logit(α_g + β_b)                        chance that a firm of sector g and size band b uses a technology, with
    Σ_b n_gb p_gb = n_g share_g ,   Σ_g n_gb p_gb = c n_b share_b           n firms of the sample; c makes both add up to the same number

Of n_gb firms as many use it as the running sum of n_gb p_gb passes whole numbers, so that each sector has its number to within one firm;
in a cell those with the smallest rank do, which is the same for all technologies: who uses one is likelier to use another.

technology   table                                                                        function, level reached
software     specialized software, ABS 2018                                               offices: each in proportion to FUNCTION_MIX
equipment    specialized equipment, ABS 2018                                              operations
ai           artificial intelligence in any business function, BTOS end of 2025           one function, drawn by FUNCTION_MIX

The two tables of 2018 are the last in which all older technologies were asked for; they stand for the base year. Who did not know counts
as no user. Sources: US Census Annual Business Survey (NCSES tables 5702, 5703, 5706, 5707); Census Business Trends and Outlook Survey.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .draws import Draws, logistic
from .schema import InputError, nearest
from .tables import Table

FUNCTIONS = ("marketing", "sales", "service", "operations", "finance", "administration", "green")
OPERATIONS = FUNCTIONS.index("operations")
TIERS = ("none", "basic", "specialised", "ai")  # of tools, by how much of the routine work they can take over
REACH_OF_TIER = (0.0, 0.5, 1.0, 1.3)  # relative to specialised tools; MODEL.md M9, assumption
CEILINGS = np.array(REACH_OF_TIER) / REACH_OF_TIER[-1]  # depth at which a tool of each tier is in full use
SPECIALISED, AI = 2, 3
# Share of enterprises that use AI in the function, per cent; marketing and sales share one line, service has that of logistics. SURS 2024.
FUNCTION_MIX = np.array([3.5, 3.5, 3.0, 6.0, 5.0, 8.0, 0.0])
TECHNOLOGIES = {  # name → technology and year in the tables
    "software": ("specialized_software", "2018"),
    "equipment": ("specialized_equipment", "2018"),
    "ai": ("ai_any_business_function_current", "2025"),
}
BY_SECTOR, BY_SIZE, STAFF = "tech_adoption_by_sector.csv", "tech_adoption_by_size.csv", "function_shares.csv"
HISTORY, PAST_WORDING = "ai_use_timeseries_by_size.csv", "producing_goods_or_services"
SURVEY_HEADS = {"A": 1, "B": 5, "C": 10, "D": 20, "E": 50, "F": 100, "G": 250}  # smallest staff of the classes of the survey
PERIODS = 26  # of the survey in a year, of two weeks each
ROUNDS = 200  # of raking: shares then agree to 1e-9
SURE = 1e-9  # shares are kept this far from 0 and 1, where their logit is not finite


@dataclass(frozen=True)
class Adoption:
    """What the tables say. Bands are those of the technology's table by size, from `heads` on.

    by_sector  : technology → (G,) share of firms that use it
    heads      : technology → (B,) smallest staff of each band, rising
    by_size    : technology → (B,) share of firms that use it
    wage_share : (G, 7) share of pay that goes to the staff of each function
    """

    by_sector: dict[str, np.ndarray]
    heads: dict[str, np.ndarray]
    by_size: dict[str, np.ndarray]
    wage_share: np.ndarray


def read(path: Path, sectors: tuple[str, ...], problems: list[str], notes: list[str]) -> Adoption | None:
    """The adoption tables of an economy's folder; None unless all three are there."""
    missing = [file for file in (BY_SECTOR, BY_SIZE, STAFF) if not (path / file).is_file()]
    if missing:
        return None
    columns = ("year", "technology", "share_using")
    tables = [Table(path / file, (*columns, key), problems) for file, key in ((BY_SECTOR, "sector"), (BY_SIZE, "emp_min"))]
    staff = Table(path / STAFF, ("sector", *FUNCTIONS), problems)
    if problems:
        return None
    tables[0].index(year=None, technology=None, sector=None)
    tables[1].index(year=None, technology=None, emp_min=None)
    staff.index(sector=None)
    staff.require(sectors)
    by_sector, heads, by_size = {}, {}, {}
    for name, (technology, year) in TECHNOLOGIES.items():
        bands = tuple(sorted((key[2] for key in tables[1].rows if key[:2] == (year, technology)), key=float))
        if not bands:
            known = {key[1] for key in tables[1].rows}
            problems.append(f"{BY_SIZE}: no rows for technology '{technology}' of {year}.{nearest(technology, known)}")
            continue
        heads[name] = np.array([float(band) for band in bands])
        by_size[name] = tables[1].numbers("share_using", (year,), (technology,), bands, low=0, high=1).ravel()
        share = tables[0].numbers("share_using", (year,), (technology,), sectors, low=0, high=1).ravel()
        unknown = np.isnan(share)
        if unknown.all():
            problems.append(f"{BY_SECTOR}: no rows for technology '{technology}' of {year}")
        elif unknown.any():
            share[unknown] = share[~unknown].mean()
            gone = ", ".join(sectors[g] for g in np.flatnonzero(unknown))
            notes.append(f"{BY_SECTOR} has no {technology} of {year} for {gone}; taken as {share[unknown][0]:.4g}, the mean of the others")
        by_sector[name] = share
    wages = np.stack([staff.numbers(name, sectors, low=0, high=1) for name in FUNCTIONS], axis=1)
    if problems:
        return None
    return Adoption(by_sector, heads, by_size, wages / wages.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Reading:
    """A question of the survey on artificial intelligence, asked again and again.

    years : (P,) before the last reading of any question, which is where the model begins; 0 or less, rising
    heads : (B,) smallest staff of each size class, rising
    share : (P, B) of firms that say yes; NaN where not published
    """

    years: np.ndarray
    heads: np.ndarray
    share: np.ndarray


def read_history(path: Path) -> dict[str, Reading]:
    """wording of the question → Reading; empty where the economy's folder has no such table. Raises InputError naming bad cells."""
    if not (path / HISTORY).is_file():
        return {}
    problems: list[str] = []
    table = Table(path / HISTORY, ("period", "wording", "btos_size_class", "share"), problems)
    if not problems:
        table.index(wording=None, period=None, btos_size_class=tuple(SURVEY_HEADS))
        periods = {period for _, period, _ in table.rows}
        problems += [f"{HISTORY}: period '{p}' is not a year and a number, as 202519" for p in sorted(periods) if not _is_period(p)]
    if problems:
        raise InputError(*problems)
    found = {}
    for wording in dict.fromkeys(key[0] for key in table.rows):
        asked = tuple(sorted({key[1] for key in table.rows if key[0] == wording}))
        share = table.numbers("share", (wording,), asked, tuple(SURVEY_HEADS), empty=np.nan, low=0, high=1)[0]
        known = np.isfinite(share).any(axis=1)
        years = np.array([int(p[:4]) + int(p[4:]) / PERIODS for p in asked])
        found[wording] = Reading(years[known], np.array(list(SURVEY_HEADS.values())), share[known])
    if problems:
        raise InputError(*problems)
    last = max(reading.years.max(initial=0.0) for reading in found.values())
    return {wording: replace(reading, years=reading.years - last) for wording, reading in found.items()}


def _is_period(text: str) -> bool:
    return len(text) == 6 and text.isdigit() and 1 <= int(text[4:]) <= PERIODS


def chances(number: np.ndarray, by_sector: np.ndarray, by_size: np.ndarray) -> np.ndarray:
    """(G, B) chance p_gb that a firm uses a technology. number (G, B) firms of the sample; by_sector (G,), by_size (B,) shares of users."""
    sector, size = np.clip(by_sector, SURE, 1.0 - SURE), np.clip(by_size, SURE, 1.0 - SURE)
    users, wanted = number.sum(axis=1) * sector, number.sum(axis=0) * size
    wanted *= users.sum() / wanted.sum() if wanted.sum() > 0 else 1.0
    a, b = np.log(sector / (1.0 - sector)), np.log(size / (1.0 - size))
    b -= b.mean()
    for _ in range(ROUNDS):
        b += _step(number, a, b, wanted, axis=0)
        a += _step(number, a, b, users, axis=1)
    return logistic(a[:, None] + b)


def _step(number, a, b, wanted, axis) -> np.ndarray:
    """Newton's step of one margin, at most one unit of the logit."""
    p = logistic(a[:, None] + b)
    slope = (number * p * (1.0 - p)).sum(axis=axis)
    missing = wanted - (number * p).sum(axis=axis)
    return np.clip(np.divide(missing, slope, out=np.zeros_like(slope), where=slope > 0), -1.0, 1.0)


def users(known: Adoption, technology: str, sector: np.ndarray, heads: np.ndarray, small: np.ndarray, draws: Draws) -> np.ndarray:
    """(n,) bool: the SMBs that use a technology. sector, heads, small (n,), the last bool: the SMBs."""
    bands, G = known.heads[technology], len(known.by_sector[technology])
    B = len(bands)
    band = np.maximum(np.searchsorted(bands, heads, side="right") - 1, 0)
    cell = sector * B + band
    number = np.bincount(cell[small], minlength=G * B).reshape(G, B)
    expected = (number * chances(number, known.by_sector[technology], known.by_size[technology])).ravel()
    passed = np.floor(np.cumsum(expected) + draws.one(f"starting tools {technology}"))
    quota = np.diff(passed, prepend=0.0)
    rank = draws.uniform("starting tools", 0, np.arange(len(sector)))
    rows = np.flatnonzero(small)
    rows = rows[np.lexsort((rank[rows], cell[rows]))]
    place = np.arange(len(rows)) - np.searchsorted(cell[rows], cell[rows])
    found = np.zeros(len(sector), dtype=bool)
    found[rows[place < quota[cell[rows]]]] = True
    return found


def starting_depth(known: Adoption, sector: np.ndarray, heads: np.ndarray, small: np.ndarray, draws: Draws) -> np.ndarray:
    """(n, 7) depth of the tools of each firm in each function; firms that are no SMBs have the mean of their sector's SMBs."""
    n, F = len(sector), len(FUNCTIONS)
    depth = np.zeros((n, F))
    software, equipment, ai = (users(known, name, sector, heads, small, draws) for name in TECHNOLOGIES)
    firm, function = np.repeat(np.arange(n), F), np.tile(np.arange(F), n)
    u = draws.uniform("starting functions", 0, firm, function).reshape(n, F)
    office = FUNCTION_MIX / FUNCTION_MIX.max()
    office[OPERATIONS] = 0.0
    depth[software[:, None] & (u < office)] = CEILINGS[SPECIALISED]
    depth[equipment, OPERATIONS] = CEILINGS[SPECIALISED]
    ladder = np.cumsum(FUNCTION_MIX) / FUNCTION_MIX.sum()
    chosen = np.searchsorted(ladder, draws.uniform("starting ai", 0, np.arange(n)), side="right")
    depth[np.flatnonzero(ai), chosen[ai]] = CEILINGS[AI]
    for g in np.unique(sector[~small]):
        mine = small & (sector == g)
        depth[~small & (sector == g)] = depth[mine].mean(axis=0) if mine.any() else 0.0
    return depth


def tier(depth: np.ndarray) -> np.ndarray:
    """The tier of the tool in use at a depth: the first whose ceiling is not below it."""
    return np.searchsorted(CEILINGS, depth, side="left")
