"""Designs: which points a question asks for, and one line for every question that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from smbsim import scenario
from smbsim.analysis.designs import design
from smbsim.schema import InputError

SIZE, SPEED = "shocks[0].size", "orders.stock_adjustment"


@pytest.fixture(scope="module")
def spec():
    return scenario.load({"population": {"smbs": 30, "regions": 1}, "shocks": [{"kind": "demand", "start": 1, "stop": 3, "size": 0.2}]})


def test_factorial_has_every_combination_once_the_last_parameter_moving_fastest(spec):
    made = design(spec, [f"{SIZE}=0.1:0.3:3", f"{SPEED}=0.05,0.2"])
    assert [tuple(point.values()) for point in made.points] == [
        (0.1, 0.05), (0.1, 0.2), (0.2, 0.05), (0.2, 0.2), (0.3, 0.05), (0.3, 0.2)
    ]  # fmt: skip
    assert made.values[SIZE].tolist() == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]
    assert made.factors[1].unit == "1/wk"


def test_values_can_be_spread_by_their_ratio_or_be_whole_numbers_or_words(spec):
    made = design(spec, [f"{SPEED}=0.01:1:3:log", "population.smbs=100:300:3", "model=closed,ario"])
    assert made.factors[0].levels == (0.01, 0.1, 1.0)
    assert made.factors[1].levels == (100, 200, 300)
    assert all(isinstance(x, int) for x in made.factors[1].levels)
    assert made.values["model"].tolist()[:2] == ["closed", "ario"]


def test_python_asks_with_lists(spec):
    made = design(spec, {SIZE: np.array([0.1, 0.4]), SPEED: "0.05:0.2:2"})
    assert made.points[-1] == {SIZE: 0.4, SPEED: 0.2}
    assert type(made.points[0][SIZE]) is float


@pytest.mark.parametrize("kind", ["lhs", "sobol"])
def test_samples_have_one_point_in_every_part_of_every_range(spec, kind):
    """Of 64 points each 64th of a range holds exactly one: by construction of both samples."""
    made = design(spec, [f"{SIZE}=0.1:0.5", SPEED], kind, 64)
    low, high = 0.1, 0.5
    parts = np.floor(64 * (made.values[SIZE] - low) / (high - low))
    assert sorted(parts) == list(range(64))
    again = design(spec, [f"{SIZE}=0.1:0.5", SPEED], kind, 64)
    assert again.points == made.points


def test_words_in_a_sample_have_equal_parts(spec):
    made = design(spec, [f"{SIZE}=0.1:0.5", "model=closed,ario"], "lhs", 10)
    assert sorted(made.values["model"]) == ["ario"] * 5 + ["closed"] * 5


def test_design_csv_is_exact(spec):
    made = design(spec, [f"{SIZE}=0.1:0.5", "model=closed,ario"], "sobol", 4)
    rows = [line.split(",") for line in made.csv().splitlines()]
    assert rows[0] == ["point", SIZE, "model"]
    assert [float(row[1]) for row in rows[1:]] == made.values[SIZE].tolist()


@pytest.mark.parametrize(
    ("over", "options", "message"),
    [
        ([], {}, "--over: no parameter to move"),
        ([f"{SIZE}=0.1,0.2", f"{SIZE}=0.3,0.4"], {}, "given twice"),
        (["shocks[0].sise=0.1,0.2"], {}, "sise"),
        ([f"{SIZE}=0.1,7"], {}, r"shocks\[0\].size = 7 is outside \[-1, 1\]"),
        ([f"{SIZE}=0.1:7:3"], {}, "7 is outside"),
        ([f"{SIZE}=0.1,0.1"], {}, "differ from each other"),
        ([f"{SIZE}=0.1:0.5"], {}, "A:B:N"),
        ([SIZE], {}, "A:B:N"),
        ([f"{SIZE}=0.1:0.5:1"], {}, "2 or more"),
        (["horizon.weeks=10,20"], {}, "the same at every point"),
        ([f"{SIZE}=0.1:0.5:3"], {"kind": "lhs"}, "a sample takes a range"),
        ([f"{SIZE}=0.1:0.5"], {"kind": "sobol", "points": 60}, "power of 2, 32 or 64"),
        ([f"{SIZE}=0.1:0.5:3"], {"points": 5}, "--points: a factorial"),
        ([f"{SIZE}=0.1:0.5:3"], {"kind": "latin"}, "--design latin is not valid"),
        ([f"{SIZE}=-1:1:2000", "orders.stock_adjustment=0:1:2000"], {}, "4000000 points: at least 1 and at most 1000000"),
        (["name=a,b", f"{SIZE}=0.1,7"], {"kind": "factorial"}, "7 is outside"),
    ],
)
def test_what_cannot_be_is_one_line(spec, over, options, message):
    with pytest.raises(InputError, match=message):
        design(spec, over, **options)


def test_all_mistakes_are_told_at_once(spec):
    with pytest.raises(InputError) as error:
        design(spec, [f"{SIZE}=0.1,7", "orders.speed=1,2"])
    assert len(error.value.lines) == 2
