"""What happens to firms and people, counted by hand; its words; what is rare enough to be told, from the state to the summary."""

from __future__ import annotations

import numpy as np
import pytest
from models import CRISIS, LIVELY, QUIET

from smbsim import numbers, scenario, simulate
from smbsim.analysis.lives import CAUSES, MEASURES, lives
from smbsim.analysis.summary import in_words
from smbsim.result import BASELINE, Result, Series
from smbsim.schema import InputError

WEEKS = 8


def weekly(base, other) -> Series:
    """Each run says what happens in each of its weeks: (2, R, T)."""
    return Series(np.array([base, other], dtype=float), "1", "made up")


def week(t: int, size: float = 1.0) -> np.ndarray:
    return size * (np.arange(WEEKS) == t)


@pytest.fixture
def result() -> Result:
    """Two runs. Closed: 1 and 2 in the baseline, 4 and 3 in the scenario. Unemployment 5 %, 8 % in week 6 of the scenario."""
    none = np.zeros(WEEKS)
    series = {
        "exits": weekly([week(1), week(2, 2)], [week(1) + week(4, 3), week(2, 3)]),
        "illiquid_exits": weekly([none, week(2, 2)], [week(4, 3), week(2, 3)]),
        "retirements": weekly([week(1), none], [week(1), none]),
        "insolvent_exits": weekly([none, none], [none, none]),
        "entries": weekly([week(0, 2), week(0, 2)], [week(0, 2), week(0)]),
        "unemployment": weekly([none + 0.05] * 2, [0.05 + week(6, 0.03) - week(1, 0.01)] * 2),
        "vacancies": weekly([none + 1] * 2, [none + 1] * 2),
        "loans_asked": weekly([none + 10] * 2, [none + 20] * 2),
        "new_loans": weekly([none + 6] * 2, [none + 9] * 2),
        "real_value_added": weekly([none + 1] * 2, [1 - week(3, 0.5)] * 2),
    }
    return Result("by hand", (BASELINE, "scenario"), (1, 2), np.arange(WEEKS), series, {}, {}, {}, {})


def test_measures_by_hand(result):
    found = {name: values.tolist() for name, values in lives(result, "scenario").items()}
    assert found == {
        "exits": [4, 3], "more_exits": [3, 1], "more_illiquid_exits": [3, 1], "more_retirements": [0, 0], "more_entries": [0, -1],
        "unemployment_gap": pytest.approx([0.03, 0.03]), "unemployment_week": [6, 6], "loans_refused": pytest.approx([0.55, 0.55]),
        "more_refused": pytest.approx([0.15, 0.15]),
    }  # fmt: skip
    assert set(found) <= set(MEASURES)
    with pytest.raises(InputError, match="unknown variant"):
        lives(result, "scenari")


def test_words_by_hand(result):
    """Means over runs, so that causes add up; the band is that of the runs."""
    lines = in_words(result).splitlines()
    assert lines[2:] == [
        "scenario: 3.5 SMBs close, 2 (1.1 to 2.9) more than in the baseline (+2 illiquid); 0.5 (0.05 to 0.95) fewer enter",
        "scenario: unemployment is farthest from the baseline in week 6, by +3.00 points; of the loans that firms ask for 55 % are "
        "refused, +15.0 points against the baseline",
    ]


def test_causes_add_up_to_all_exits(result):
    found = lives(result, "scenario")
    total = sum(found[f"more_{name}"] for name in CAUSES if f"more_{name}" in found)
    assert total.tolist() == found["more_exits"].tolist()


def test_nothing_is_said_of_what_cannot_happen():
    names = ("exits", "entries", "loans_asked", "new_loans", "unemployment")
    still = {name: weekly([np.zeros(WEEKS)], [np.zeros(WEEKS)]) for name in names}
    result = Result("still", (BASELINE, "scenario"), (1,), np.arange(WEEKS), still, {}, {}, {}, {})
    assert lives(result, "scenario") == {}
    assert in_words(result) == "still: nothing to compare"


# -- events -------------------------------------------------------------------------------------------------------------------------------


def told(result: Result, seeds, *events, names=None) -> list[str]:
    manifest = {"sector_names": names or {}}
    return in_words(Result("x", result.variants, seeds, result.weeks, {}, {}, {}, {}, {}, manifest, events)).splitlines()


def test_events_of_one_run_have_their_week_and_the_name_of_the_sector(result):
    closed = "the last SMB of sector 61 closed"
    lines = told(result, (1,), ("scenario", 1, 31, closed), ("scenario", 1, 40, "it rained"), ("scenario", 1, 44, "it rained"),
                 names={"61": "Educational services"})  # fmt: skip
    assert lines == [
        "scenario: week 31: the last SMB of sector 61 (Educational services) closed; week 40: it rained, 2 times in all"
    ]  # fmt: skip


def test_events_of_several_runs_are_counted_and_those_of_the_baseline_told_once(result):
    """Rain in both runs of the scenario, in one of which it rains without the shock too."""
    rain = [(BASELINE, 1, 3, "it rained"), ("scenario", 1, 3, "it rained"), ("scenario", 2, 5, "it rained")]
    more = [("scenario", 2, w, f"wonder {w}") for w in range(4)]
    assert told(result, (1, 2), *rain, *more) == [
        "baseline: it rained in 1 of 2 runs (week 3)",
        "scenario: wonder 0 in 1 of 2 runs (week 0); wonder 1 in 1 of 2 runs (week 1); wonder 2 in 1 of 2 runs (week 2); "
        "and 2 other things",
    ]


def test_events_of_the_state_reach_the_result_and_those_of_the_burn_in_do_not():
    spec = scenario.load({**QUIET, **LIVELY, "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 26, "burn_in": 26},
                          "shocks": list(CRISIS)})  # fmt: skip
    result = simulate.run(spec.all_variants(), 1)
    events = numbers.of(result)["events"]
    assert any(event["text"].startswith("the last SMB of sector") for event in events)
    assert all(0 <= event["week"] < 26 and event["variant"] in result.variants and event["seed"] == 1 for event in events)
    told = result.summary()
    assert any(f"week {event['week']}: {event['text']}" in told for event in events)
