"""What happened, in words and numbers with a band over the runs: value added, firms, people, policies, rare events, the books."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

from ..result import BASELINE, Result
from . import policy
from .lives import CAUSES, lives
from .resilience import resilience, sectors_hit

MOST_SECTORS, MOST_EVENTS = 4, 3  # that are told of a variant
LEAST_HIT = 0.0005  # loss of output from which a sector is told of


def in_words(result: Result) -> str:
    """A few lines for each variant; what policies cost; what happened that is rare; whether the books close."""
    lines = []
    for variant in result.variants:
        if variant == BASELINE or BASELINE not in result.variants or "real_value_added" not in result.series:
            continue
        lines += _variant_in_words(result, variant)
    lines += policy.in_words(result)
    lines += events_in_words(result)
    gaps = [f"{s} {result.series[n].values.max():.1e}" for n, s in (("money_gap", "money"), ("goods_gap", "goods")) if n in result.series]
    if gaps:
        lines.append(f"books: largest gap of {', of '.join(gaps)} (relative)")
    return "\n".join(lines) if lines else f"{result.name}: nothing to compare"


def _variant_in_words(result: Result, variant: str) -> list[str]:
    r, of_lives = resilience(result, variant), lives_in_words(result, variant)
    if not r.depth.any():
        return of_lives or [f"{variant}: no effect"]
    back = f"back within a tenth of the loss in week {_band(r.recovery, 1, '.0f')}" if np.isfinite(r.recovery).any() else "not back"
    late = np.isnan(r.recovery).mean()
    lines = [
        f"{variant}: value added falls by {_band(r.depth, 100, '.2f')} % at the trough in week {_band(r.trough, 1, '.0f')}; {back}"
        + (f" ({late:.0%} of runs not before the horizon)" if 0 < late < 1 else ""),
        f"{variant}: the loss adds up to {_band(r.loss, 1, '.3f')} weeks of value added; over the last half year the gap is "
        f"{_band(r.hysteresis_gap, 100, '.3f')} %",
    ]
    if of_lives:
        lines += of_lives
    elif "employment" in result.series:
        jobs = result.relative("employment").values[result.variant(variant)]
        lines.append(f"{variant}: {_band(1 - jobs.min(axis=1), 100, '.2f')} % of jobs are not needed at the worst")
    if "sector_output" in result.series:
        names = result.manifest.get("sector_names", {})
        worst = [hit for hit in sectors_hit(result, variant)[:MOST_SECTORS] if hit[2] >= LEAST_HIT]
        listed = ", ".join(f"{names.get(code, code)} −{depth:.1%} (from week {week})" for code, week, depth in worst)
        if listed:
            lines.append(f"{variant}: hit most: {listed}")
    return lines


def lives_in_words(result: Result, variant: str) -> list[str]:
    """What happens to firms, to people and to those who ask for a loan; nothing where nobody closes and nobody loses a job."""
    found, lines, parts = lives(result, variant), [], []
    if "more_exits" in found:
        causes = {said: float(found[f"more_{name}"].mean()) for name, said in CAUSES.items() if f"more_{name}" in found}
        listed = ", ".join(f"{more:+.3g} {said}" for said, more in sorted(causes.items(), key=lambda c: -abs(c[1])) if more)
        text = f"{found['exits'].mean():.4g} SMBs close, {_more(found['more_exits'])} than in the baseline"
        text += f" ({listed})" if listed else ""
        lines.append(f"{variant}: {text}" + (f"; {_more(found['more_entries'])} enter" if "more_entries" in found else ""))
    if "unemployment_gap" in found:
        gap, week = _band(found["unemployment_gap"], 100, "+.2f"), found["unemployment_week"][0]
        parts.append(f"unemployment is farthest from the baseline in week {week:.0f}, by {gap} points")
    if "loans_refused" in found:
        refused, more = _band(found["loans_refused"], 100, ".0f"), _band(found["more_refused"], 100, "+.1f")
        parts.append(f"of the loans that firms ask for {refused} % are refused, {more} points against the baseline")
    return lines + ([f"{variant}: {'; '.join(parts)}"] if parts else [])


def events_in_words(result: Result) -> list[str]:
    """What is rare enough to be told, a line per variant; what happens in the baseline too is told there only."""
    usual = {(seed, text) for variant, seed, _, text in result.events if variant == BASELINE}
    weeks: dict[str, dict[str, dict[int, list[int]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for variant, seed, week, text in result.events:
        if variant == BASELINE or (seed, text) not in usual:
            weeks[variant][text][seed].append(week)
    lines = []
    for variant in result.variants:
        found = sorted(weeks[variant].items(), key=lambda event: (-len(event[1]), min(map(min, event[1].values()))))
        told = [_event(text, by_seed, result) for text, by_seed in found[:MOST_EVENTS]]
        more = [f"and {len(found) - MOST_EVENTS} other things"] if len(found) > MOST_EVENTS else []
        lines += [f"{variant}: {'; '.join(told + more)}"] if told else []
    return lines


def _event(text: str, by_seed: dict[int, list[int]], result: Result) -> str:
    """One event with its weeks: the first of each run, and how often where it comes back."""
    names = result.manifest.get("sector_names", {})
    text = re.sub(r"sector (\S+)", lambda code: f"sector {code[1]} ({names[code[1]]})" if code[1] in names else code[0], text)
    first, times = np.array([min(weeks) for weeks in by_seed.values()], dtype=float), sum(map(len, by_seed.values()))
    often = f", {times} times in all" if times > len(by_seed) else ""
    if len(result.seeds) == 1:
        return f"week {first[0]:.0f}: {text}{often}"
    low, high = f"{first.min():.0f}", f"{first.max():.0f}"
    return f"{text} in {len(by_seed)} of {len(result.seeds)} runs (week {low if low == high else f'{low} to {high}'}{often})"


def _more(values: np.ndarray) -> str:
    """12 (3 to 20) more, 4 fewer: the mean, which adds up over causes."""
    if not values.any():
        return "as many"
    word, sign = ("fewer", -1) if values.mean() < 0 else ("more", 1)
    return f"{_band(sign * values, 1, '.3g', np.mean)} {word}"


def _band(values: np.ndarray, factor: float, form: str, middle=np.median) -> str:
    """Median, or mean, and with more than one run the 5 to 95 % band."""
    known = values[np.isfinite(values)] * factor
    middle = format(float(middle(known)), form)
    if known.size < 2:
        return middle
    low, high = (format(float(x), form) for x in np.percentile(known, (5, 95)))
    return middle if low == high else f"{middle} ({low} to {high})"
