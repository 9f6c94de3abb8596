r"""What happens to firms and people in a variant, against its paired baseline, run by run.

    exits              Σ_t exits of SMBs
    more_exits         the same, less that of the baseline                 by cause as well: more_illiquid_exits, more_mergers, …
    more_entries       Σ_t entries, less those of the baseline
    unemployment_gap   u_t - u_t^base in the week t of `unemployment_week`
    unemployment_week  when the median of the gap over the runs is farthest from zero
    loans_refused      1 - Σ new loans / Σ loans asked for                 by value
    more_refused       the same, less that of the baseline

A measure is there only where something of its kind happens: nobody closes in an economy without exits, and where there are no vacancies
the unemployed are only those whose work is not needed.
"""

from __future__ import annotations

import numpy as np

from ..result import BASELINE, Result
from .resilience import NO_EFFECT

CAUSES = {  # metric → what is said of those firms
    "illiquid_exits": "illiquid", "insolvent_exits": "insolvent", "voluntary_exits": "voluntary", "retirements": "retired",
    "mergers": "merged",
}  # fmt: skip
MEASURES = {  # name → unit
    "exits": "firms", "more_exits": "firms", **{f"more_{name}": "firms" for name in CAUSES}, "more_entries": "firms",
    "unemployment_gap": "1", "unemployment_week": "wk", "loans_refused": "1", "more_refused": "1",
}  # fmt: skip


def lives(result: Result, variant: str) -> dict[str, np.ndarray]:
    """Measure of MEASURES → (R,), without those of which nothing happens. Raises InputError for an unknown variant or no baseline."""
    v, base = result.variant(variant), result.variant(BASELINE)
    return {**_firms(result, v, base), **_people(result, v, base), **_loans(result, v, base)}


def _firms(result: Result, v: int, base: int) -> dict[str, np.ndarray]:
    known = [name for name in ("exits", *CAUSES, "entries") if name in result.series and result[name].values[[v, base]].any()]
    totals = {name: result[name].values.sum(axis=2) for name in known}
    more = {f"more_{name}": total[v] - total[base] for name, total in totals.items()}
    return {"exits": totals["exits"][v], **more} if "exits" in totals else more


def _people(result: Result, v: int, base: int) -> dict[str, np.ndarray]:
    if not {"unemployment", "vacancies"} <= set(result.series) or not result["vacancies"].values.any():
        return {}
    gap = result["unemployment"].values[v] - result["unemployment"].values[base]
    farthest = int(np.argmax(np.abs(np.median(gap, axis=0))))
    if not np.any(np.abs(gap) > NO_EFFECT):
        return {}
    return {"unemployment_gap": gap[:, farthest], "unemployment_week": np.full(len(gap), float(result.weeks[farthest]))}


def _loans(result: Result, v: int, base: int) -> dict[str, np.ndarray]:
    if not {"loans_asked", "new_loans"} <= set(result.series):
        return {}
    asked, got = (result[name].values[[v, base]].sum(axis=2) for name in ("loans_asked", "new_loans"))
    if not asked.all():
        return {}
    refused = 1.0 - got / asked
    return {"loans_refused": refused[0], "more_refused": refused[0] - refused[1]}
