"""Thirty-odd numbers of two scenarios, kept so that no change of results goes unnoticed.

`python tests/test_golden.py --refresh` writes tests/golden/numbers.json anew, and nothing else does. A commit that changes the file says
"results change" in its message and in CHANGELOG: which number, by how much, and why. Without the flag the script prints what differs.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path

import models
import numpy as np
import pytest

from smbsim import scenario, simulate
from smbsim.analysis.resilience import resilience

NUMBERS = Path(__file__).parent / "golden" / "numbers.json"
TOLERANCE = 1e-9  # relative: sums may be taken in another order on another machine, nothing more
SMBS, SEED = 200, 1
SECTORS = {"demand_shock": "72", "plant_closure": "32"}  # the sector that is hit
WEEKS = (25, 30, 51, 155)  # the last before the shocks, two of them, the last
LAST = ("household_deposits", "smb_deposits", "government_deposits", "trade_credit", "input_stocks")
MEAN = ("employment", "unmet_demand", "dividends", "gdp")


@cache
def numbers(name: str) -> dict[str, float]:
    """Name → number of a packaged scenario at 200 SMBs, without its variants."""
    spec = scenario.load(name, [f"population.smbs={SMBS}"])
    variants = {variant: spec.all_variants()[variant] for variant in ("baseline", "scenario")}
    result = simulate.run(variants, SEED, models.united_states())
    row, sector = result.variant("scenario"), result.labels["sector"].index(SECTORS[name])

    def series(metric):
        return result[metric].values[row, 0]

    found = {f"output in week {week}": series("output")[week] for week in WEEKS}
    found |= {f"sector output in week {week}": series("sector_output")[week, sector] for week in WEEKS[:3]}
    found |= {f"{metric} in the last week": series(metric)[-1] for metric in LAST}
    found |= {f"mean {metric}": series(metric).mean() for metric in MEAN}
    effect = resilience(result, "scenario")
    found |= {measure: getattr(effect, measure)[0] for measure in ("depth", "trough", "loss")}
    found["wages a year"] = result.flows["scenario", "wages", "firm", "household"]
    return {key: float(value) for key, value in found.items()}


def all_numbers() -> dict[str, dict[str, float]]:
    return {name: numbers(name) for name in SECTORS}


def differences(found: dict, kept: dict) -> list[str]:
    """A line for every number that is not what it was, or is not there on one side."""
    lines = []
    for name in sorted(found.keys() | kept.keys()):
        here, there = found.get(name, {}), kept.get(name, {})
        for key in sorted(here.keys() | there.keys()):
            new, old = here.get(key, np.nan), there.get(key, np.nan)
            if not abs(new - old) <= TOLERANCE * abs(old):
                change = f" ({new / old - 1.0:+.3%})" if old and np.isfinite(new / old) else ""
                lines.append(f"{name}: {key}: {old!r} → {new!r}{change}")
    return lines


@pytest.mark.parametrize("name", SECTORS)
def test_numbers_are_what_they_were(name):
    """Results change only on purpose."""
    kept = json.loads(NUMBERS.read_text(encoding="utf-8"))
    lines = differences({name: numbers(name)}, {name: kept[name]})
    assert not lines, "\n".join(lines)


def test_every_kept_number_is_looked_at():
    assert json.loads(NUMBERS.read_text(encoding="utf-8")).keys() == SECTORS.keys()


def test_comparison_sees_a_hundred_millionth():
    """Negative control, and what is missing on one side is a difference."""
    kept = {"demand_shock": {"depth": 0.1, "loss": 2.0}}
    assert differences({"demand_shock": {"depth": 0.1, "loss": 2.0}}, kept) == []
    assert len(differences({"demand_shock": {"depth": 0.1 * (1 + 1e-8), "loss": 2.0}}, kept)) == 1
    assert len(differences({"demand_shock": {"depth": 0.1, "trough": 3.0}}, kept)) == 2


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare the numbers of the golden file with those of the code, or write it anew.")
    parser.add_argument("--refresh", action="store_true", help="write tests/golden/numbers.json anew")
    wanted, fresh = parser.parse_args(), all_numbers()
    kept = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    print("\n".join(differences(fresh, kept)) or "nothing differs")
    if wanted.refresh:
        NUMBERS.parent.mkdir(exist_ok=True)
        NUMBERS.write_text(json.dumps(fresh, indent=1) + "\n", encoding="utf-8")
