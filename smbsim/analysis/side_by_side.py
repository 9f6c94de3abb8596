"""Several results as one, so that their variants can be compared run by run: common seeds, weeks and metrics, equal baselines once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..result import BASELINE, Result, Series
from ..scenario import MAIN
from ..schema import InputError


def side_by_side(results: Mapping[str, Result]) -> Result:
    """One result with the variants of several: their common seeds, weeks and metrics.

    Variants are called "name: variant", the file as it stands by its name alone; baselines that are equal become one.
    Raises InputError where no seed or no metric is common, and for a sweep, whose runs of one seed differ in their parameters.
    """
    if swept := [name for name, r in results.items() if r.design]:
        raise InputError(f"{swept[0]} is a sweep, whose runs of one seed differ in their parameters: `smbsim show` compares its points")
    if len(results) == 1:
        return next(iter(results.values()))
    found = list(results.values())
    seeds = tuple(s for s in found[0].seeds if all(s in r.seeds for r in found))
    if not seeds:
        raise InputError("no seed is common to all: nothing to pair (run them with the same --seed)")
    weeks = min((r.weeks for r in found), key=len)
    if not all(set(weeks) <= set(r.weeks) for r in found):
        raise InputError("no weeks are common to all")
    found = [_cut(r, seeds, weeks) for r in found]
    names = [n for n, s in found[0].series.items() if all(_fits(n, s, found[0], r) for r in found[1:])]
    if not names:
        raise InputError("no metric is common to all")
    kept, variants, acting, bases = [], [], {}, {}
    for name, r in zip(results, found, strict=True):
        own = {v: _called(name, v) for v in r.variants}
        if BASELINE in r.variants:
            same = next((k for k, (other, v) in enumerate(kept) if v == BASELINE and _equal(other, r, names)), None)
            own[BASELINE] = variants[same] if same is not None else BASELINE if not kept else f"{name}: {BASELINE}"
        for v in r.variants:
            if own[v] not in variants:
                kept.append((r, v))
                variants.append(own[v])
            acting[own[v]] = r.manifest.get("variants", {}).get(v, [])
            if BASELINE in r.variants and v != BASELINE:
                bases[own[v]] = own[BASELINE]
    series = {n: replace(found[0].series[n], values=_stacked([(r.series[n].values, r.variant(v)) for r, v in kept])) for n in names}
    labels = {a: found[0].labels[a] for a in {s.axis for s in series.values()} - {None}}
    panels = _policy_panels(kept, labels)
    manifest = {**found[0].manifest, "variants": acting, "references": bases, "description": "", "compared": list(results)}
    flows = {(new, *line[1:]): x for (r, v), new in zip(kept, variants, strict=True) for line, x in r.flows.items() if line[0] == v}
    return Result(" and ".join(results), tuple(variants), seeds, weeks, series, panels, labels, {}, flows, manifest=manifest)


def _called(name: str, variant: str) -> str:
    return name if variant == MAIN else f"{name}: {variant}"


def _cut(result: Result, seeds: Sequence[int], weeks: np.ndarray) -> Result:
    rows, shown = [result.seeds.index(s) for s in seeds], np.isin(result.weeks, weeks)
    series = {n: replace(s, values=s.values[:, rows][:, :, shown]) for n, s in result.series.items()}
    panels = {n: replace(s, values=s.values[:, rows]) for n, s in result.panels.items()}
    return replace(result, seeds=tuple(seeds), weeks=weeks, series=series, panels=panels)


def _fits(name: str, series: Series, result: Result, other: Result) -> bool:
    there = other.series.get(name)
    axis = series.axis
    return there is not None and there.unit == series.unit and (axis is None or other.labels.get(axis) == result.labels.get(axis))


def _equal(one: Result, other: Result, names: Sequence[str]) -> bool:
    return all(np.array_equal(one.series[n].values[one.variant(BASELINE)], other.series[n].values[other.variant(BASELINE)]) for n in names)


def _stacked(parts: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
    return np.stack([values[row] for values, row in parts])


def _policy_panels(kept: Sequence[tuple[Result, str]], labels: dict) -> dict[str, Series]:
    """What policies did, with the policies of all; NaN where a variant has not the policy. Adds their axes to the labels."""
    with_policies = [r for r, _ in kept if "policy" in r.labels]
    if not with_policies or any(r.labels["account"] != with_policies[0].labels["account"] for r in with_policies):
        return {}
    names = tuple(dict.fromkeys(name for r in with_policies for name in r.labels["policy"]))
    labels |= {"policy": names, "group": with_policies[0].labels["group"], "account": with_policies[0].labels["account"]}
    panels = {}
    for panel, s in with_policies[0].panels.items():
        if s.axis not in ("policy", "group", "account"):
            continue
        values = np.full((len(kept), s.values.shape[1], len(labels[s.axis])), np.nan)
        for k, (r, v) in enumerate(kept):
            if panel in r.panels:
                values[k][:, [labels[s.axis].index(name) for name in r.labels[s.axis]]] = r.panels[panel].values[r.variant(v)]
        panels[panel] = replace(s, values=values)
    return panels
