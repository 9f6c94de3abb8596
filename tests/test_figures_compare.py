"""Figures of comparisons draw what was compared, also where there is little of it."""

import numpy as np
import pytest

from smbsim.analysis.compare import differences
from smbsim.figures import compare as drawing
from smbsim.result import BASELINE, Result, Series


def made(runs: int, variants=("scenario",), shift: float = -1.0) -> Result:
    rng = np.random.default_rng(1)
    base = 100 + rng.standard_normal(runs)
    values = np.stack([base] + [base + shift * (k + 1) + 0.1 * rng.standard_normal(runs) for k in range(len(variants))])
    known = {"employment": (values, "heads"), "unemployment": (values / 1000, "1"), "exits": (np.full_like(values, 2.0), "firms/wk")}
    series = {n: Series(np.repeat(v[:, :, None], 3, axis=2), unit, n) for n, (v, unit) in known.items()}
    names = (BASELINE, *variants)
    return Result("made", names, tuple(range(runs)), np.arange(3), series, {}, {}, {}, {}, manifest={"hash": "x", "currency": "USD"})


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts] + [ax.get_title(loc="left"), *(label.get_text() for label in ax.get_yticklabels())]


def test_forest_tells_every_difference_with_its_interval():
    comparison = differences(made(8, ("scenario", "other")))
    ax = drawing.forest(comparison)
    said = texts(ax)
    assert sum("to" in text and "%" in text for text in said) >= 2
    assert "employment" in said
    assert "exits" not in said  # nothing differs
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["scenario less baseline", "other less baseline"]


def test_forest_marks_what_is_clear():
    clear = drawing.forest(differences(made(8)))
    faces = {line.get_markerfacecolor() for line in clear.lines if line.get_marker() == "o"}
    assert "white" not in faces
    unsure = drawing.forest(differences(made(2, shift=-0.05)))
    assert {line.get_markerfacecolor() for line in unsure.lines if line.get_marker() == "o"} == {"white"}


def test_forest_of_one_run_has_no_intervals_and_says_so():
    ax = drawing.forest(differences(made(1)))
    assert "without intervals" in ax.get_title(loc="left").replace("\n", " ")
    assert not any(" to " in text.get_text() for text in ax.texts if text.get_text().startswith("−"))


@pytest.mark.parametrize("metrics", [None, ["exits"]])
def test_forest_where_nothing_differs(metrics):
    ax = drawing.forest(differences(made(4, shift=0.0) if metrics else made(4)), metrics)
    assert texts(ax)
    assert (metrics is None) or "no difference" in texts(ax)


def test_files_are_the_same_every_time(tmp_path):
    comparison = differences(made(4))
    first, second = (drawing.draw_all(comparison, tmp_path / name) for name in "ab")
    assert [path.name for path in first] == ["forest.svg", "forest.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_long_names_leave_room_for_the_figure(tmp_path):
    names = tuple(f"a scenario with a very long name indeed: variant number {k} of several" for k in range(5))
    drawing.draw_all(differences(made(4, names)), tmp_path)
