r"""What a panel says of tools and skills: who uses artificial intelligence, what it brings, what training brings. Pure functions.

    pace        [ logit(share_2) - logit(share_0) ] / 2              share of SMBs that use AI at the start and two years later
    gradient    odds of AI use with 50 heads and more / odds with 10 to 49, at the end
    premium     Σ_t w_t (mean ln a of mature adopters - mean ln a of the others) / Σ_t w_t ,   w = n₁ n₀ / (n₁ + n₀) in each year t
    training    slope of ln(a_T / a_0) on the share of the yearly snapshots in which the firm was in training, by least squares within runs
    novices     mean ln(a_T / a_0) of adopters in the lowest third by level of their staff at the start, less that of the highest third

a is output per head relative to rest (or pay). Levels are taken less the mean of the sector. Mature adopters have tools beyond those of the
start in full use, the others have none beyond those of the start; firms still trying count as neither. Measures of a run are counts and
sums, which add up over runs; effects are given as exp(·) - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..schema import WEEKS_PER_YEAR
from .panel import Panel

BANDS = np.array([1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0])  # heads from which each size band of BTOS begins
THREE = (10.0, 50.0)  # heads: 1-9, 10-49, 50 and more
PACE_YEARS = 2  # as long as the survey has been asked
HALF_YEAR = WEEKS_PER_YEAR // 2

Measures = Mapping[str, np.ndarray]  # name → (R, …) over runs


def measure_people(panel: Panel) -> dict:
    """Measures of one run; none where neither tools nor skills are on."""
    found = {}
    if "ai" in panel.people:
        found |= _use(panel) | _premium(panel)
    if "trains" in panel.people:
        found |= {f"training_{of}": _training(panel, panel.people[of]) for of in ("per_head", "pay")}
        found["novices"] = _novices(panel) if "ai" in panel.people else np.zeros((2, 2))
    return found


def _use(panel: Panel) -> dict:
    ai, alive = panel.people["ai"].astype(bool) & panel.alive, panel.alive
    there, sector = alive[0], panel.sector
    band = np.maximum(np.searchsorted(BANDS, panel.employment[0], side="right") - 1, 0)
    last = np.digitize(np.nan_to_num(panel.employment[-1]), THREE)
    G, weekly = len(panel.sectors), panel.weekly["ai_use"]
    return {
        "ai_sector_users": np.bincount(sector[ai[0]], minlength=G), "ai_sector_firms": np.bincount(sector[there], minlength=G),
        "ai_size_users": np.bincount(band[ai[0]], minlength=len(BANDS)), "ai_size_firms": np.bincount(band[there], minlength=len(BANDS)),
        "ai_users": ai.sum(axis=1), "ai_firms": alive.sum(axis=1),
        "ai_last_users": np.bincount(last[ai[-1]], minlength=3), "ai_last_firms": np.bincount(last[alive[-1]], minlength=3),
        "ai_half_year": weekly[HALF_YEAR - 1] - ai[0].sum() / max(there.sum(), 1),
    }  # fmt: skip


def _premium(panel: Panel) -> dict:
    """Σ w d and Σ w over the years, d the difference of mean logarithms."""
    top = bottom = 0.0
    for t in range(1, len(panel.alive)):
        staffed = panel.alive[t] & (panel.employment[t] > 0) & (panel.people["per_head"][t] > 0)
        mature = staffed & panel.people["mature_tools"][t].astype(bool)
        none = staffed & ~panel.people["more_tools"][t].astype(bool)
        n1, n0 = mature.sum(), none.sum()
        if n1 and n0:
            log = np.log(panel.people["per_head"][t], where=staffed, out=np.zeros(len(staffed)))
            weight = n1 * n0 / (n1 + n0)
            top, bottom = top + weight * (log[mature].mean() - log[none].mean()), bottom + weight
    return {"premium": (top, bottom)}


def _stayed(panel: Panel) -> np.ndarray:
    """(n,) there with staff at the first and the last snapshot."""
    return panel.alive[0] & panel.alive[-1] & (np.nan_to_num(panel.employment[0]) > 0) & (np.nan_to_num(panel.employment[-1]) > 0)


def _growth(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.log(values[-1, rows].astype(float) / values[0, rows])


def _training(panel: Panel, values: np.ndarray) -> np.ndarray:
    """(2,) Σ (x - x̄)² and Σ (x - x̄) y: y growth of the logarithm, x share of the snapshots after the first in training."""
    rows = _stayed(panel) & ~panel.people["trains"][0].astype(bool)
    x = panel.people["trains"][1:, rows].astype(bool).mean(axis=0)
    x = x - x.mean() if x.size else x
    return np.array([x @ x, x @ _growth(values, rows)])


def _novices(panel: Panel) -> np.ndarray:
    """(2, 2) firms and Σ growth of output per head of adopters, by third with the least and with the most able staff at the start."""
    rows = _stayed(panel)
    level, sector = panel.people["level"][0, rows].astype(float), panel.sector[rows]
    firms = np.bincount(sector)
    level = level - (np.bincount(sector, level) / np.maximum(firms, 1))[sector] if rows.any() else level
    low, high = np.quantile(level, (1 / 3, 2 / 3)) if rows.any() else (0.0, 0.0)
    adopts, growth = panel.people["more_tools"][-1, rows].astype(bool), _growth(panel.people["per_head"], rows)
    thirds = (adopts & (level <= low), adopts & (level >= high))
    return np.array([[third.sum(), growth[third].sum()] for third in thirds])


# -- over runs ----------------------------------------------------------------------------------------------------------------------------


def pace_of_ai(m: Measures) -> float:
    """Yearly growth of the log odds over the first two years, or those there are."""
    users, firms = m["ai_users"].sum(axis=0), m["ai_firms"].sum(axis=0)
    last = min(PACE_YEARS, len(users) - 1)
    if last < 1 or not all(0 < users[t] < firms[t] for t in (0, last)):
        return float("nan")
    odds = users / np.maximum(firms - users, 1)
    return float(np.log(odds[last] / odds[0]) / last)


def size_gradient(m: Measures) -> float:
    """Odds ratio of the largest to the middle class of size; half a firm is added to every cell, so that none is empty."""
    users, firms = m["ai_last_users"].sum(axis=0), m["ai_last_firms"].sum(axis=0)
    if not (firms[1] and firms[2]):
        return float("nan")
    odds = (users + 0.5) / (firms - users + 0.5)
    return float(odds[2] / odds[1])


def premium(m: Measures) -> float:
    """Output per head of mature adopters over that of the others, less one."""
    top, bottom = m["premium"].sum(axis=0)
    return float(np.expm1(top / bottom)) if bottom > 0 else float("nan")


def effect_of_training(of: str) -> Callable[[Measures], float]:
    """exp(slope) - 1 for output per head ("per_head") or pay ("pay")."""

    def value(m: Measures) -> float:
        spread, together = m[f"training_{of}"].sum(axis=0)
        return float(np.expm1(together / spread)) if spread > 0 else float("nan")

    return value


def novices_gain(m: Measures) -> float:
    """Difference of the mean growth of the two thirds; NaN where one is empty."""
    (n1, low), (n0, high) = m["novices"].sum(axis=0)
    return float(low / n1 - high / n0) if n1 and n0 else float("nan")
