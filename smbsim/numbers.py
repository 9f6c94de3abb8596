"""The numbers of a result as plain data: what `smbsim show` and `smbsim run --json` print."""

from __future__ import annotations

from typing import Any

import numpy as np

from .analysis import lives
from .analysis.resilience import MEASURES, resilience
from .result import BASELINE, EVENT, Result
from .simulate import IDENTITIES

BAND = (5, 50, 95)  # percent


def of(result: Result) -> dict[str, Any]:
    """name, variants, runs, weeks, the summary in words, resilience of each variant, its firms and people, its policies, events,
    each metric in brief."""
    return {
        "name": result.name,
        "variants": list(result.variants),
        "runs": len(result.seeds),
        "seeds": list(result.seeds),
        "weeks": len(result.weeks),
        "summary": result.summary().splitlines(),
        "resilience": measures(result),
        "lives": of_lives(result),
        "policies": result.policies(),
        "events": [dict(zip(EVENT, event, strict=True)) for event in result.events],
        "metrics": metrics(result),
        "largest_gap": {name: float(result.series[name].values.max()) for name in IDENTITIES if name in result.series},
    }


def measures(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Variant → measure → unit and quantiles over the runs; empty without a baseline. A recovery that is not reached counts as none."""
    if BASELINE not in result.variants or "real_value_added" not in result.series:
        return {}
    found = {}
    for variant in result.variants:
        if variant != BASELINE:
            r = resilience(result, variant)
            found[variant] = {name: {"unit": unit, **_quantiles(getattr(r, name))} for name, unit in MEASURES.items()}
    return found


def of_lives(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Variant → measure → unit and quantiles over the runs; without those of which nothing happens."""
    variants = [v for v in result.variants if v != BASELINE] if BASELINE in result.variants else []
    found = {v: lives.lives(result, v) for v in variants}
    return {v: {n: {"unit": lives.MEASURES[n], **_quantiles(x)} for n, x in of.items()} for v, of in found.items() if of}


def metrics(result: Result) -> dict[str, dict[str, Any]]:
    """Metric → unit, label and, by variant, medians over the runs: first and last week, lowest value and its week, last to baseline."""
    base = result.variants.index(BASELINE) if BASELINE in result.variants else None
    found = {}
    for name, s in result.series.items():
        if s.axis is not None or name in IDENTITIES:
            continue
        rows = {}
        for v, variant in enumerate(result.variants):
            path = np.median(s.values[v], axis=0)
            lowest = int(path.argmin())
            first, last, least = float(path[0]), float(path[-1]), float(path[lowest])
            rows[variant] = {"first": first, "lowest": least, "lowest_week": int(result.weeks[lowest]), "last": last}
            if base is not None and v != base:
                there = s.values[base, :, -1]
                effect = np.divide(s.values[v, :, -1], there, out=np.ones_like(there), where=there != 0) - 1.0
                rows[variant]["last_against_baseline"] = float(np.median(effect))
        found[name] = {"unit": s.unit, "label": s.label, "variants": rows}
    return found


def _quantiles(values: np.ndarray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    found = np.percentile(known, BAND) if known.size else np.full(len(BAND), np.nan)
    return {f"p{band}": float(q) for band, q in zip(BAND, found, strict=True)}
