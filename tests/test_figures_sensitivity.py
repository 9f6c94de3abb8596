"""Figures of sensitivity analyses: what they show is what was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smbsim.analysis.sensitivity import sensitivity
from smbsim.analysis.space import Parameter
from smbsim.figures import sensitivity as figures

PARAMETERS = (Parameter("finance.loan_rate", 0.02, 0.1, "share/yr", 0.07), Parameter("orders.forecast_speed", 0.1, 0.3, "1/wk", 0.15),
              Parameter("shocks[0].size", 0.0, 1.0))  # fmt: skip


def f(p, seed):
    luck = np.random.default_rng([seed, *(int(1e6 * x) for x in p.values())]).normal()
    rate, size = p["finance.loan_rate"], p["shocks[0].size"]
    return {"jobs": 0.3 * rate - 0.02 * size * rate + 1e-4 * luck, "exits.total": 400 * rate + 10 * size + luck}


@pytest.fixture(scope="module", params=["morris", "sobol"])
def found(request):
    given = sensitivity(f, PARAMETERS, ["jobs", "exits.total"], method=request.param, samples=8, runs=3)
    return replace(given, units={"jobs": ("1", "Effect on employment"), "exits.total": ("firms", "Exits, total")})


def texts(ax) -> str:
    return "\n".join([t.get_text() for t in ax.texts] + [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]).replace("\u00a0", " ")


def test_tornado_has_the_largest_swing_on_top_and_values_with_units(found):
    ax = figures.tornado(found, "exits.total")
    assert next(t.get_text() for t in ax.get_yticklabels()) == "finance.loan_rate"
    said = texts(ax)
    assert "0.02 share/yr" in said
    assert "0.3/wk" in said
    assert "Change (firms)" in said
    lengths = sorted(bar.get_width() for bar in ax.patches if abs(bar.get_width()) > 5)
    swings = sorted(s.difference for s in found.swings if s.output == "exits.total" and abs(s.difference) > 5)
    assert lengths == pytest.approx(swings)


def test_shares_are_percentage_points(found):
    assert "percentage points" in texts(figures.tornado(found, "jobs"))


def test_indices_have_their_figure(found):
    ax = figures.SENSITIVITY_FIGURES[found.method](found, "exits.total")
    assert "Exits, total: what matters is finance.loan_rate" in " ".join(texts(ax).split())
    if found.method == "sobol":
        widths = [bar.get_width() for bar in ax.patches]
        assert 100 * found.index("exits.total", "finance.loan_rate").value == pytest.approx(max(widths))
        assert "alone" in texts(ax)
    else:
        drawn = {tuple(line.get_xydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1}
        index = found.index("exits.total", "finance.loan_rate")
        assert (index.value, found.index("exits.total", "finance.loan_rate", "sigma").value) in drawn
        assert "luck of the runs" in texts(ax)


def test_given_axis_is_used(found):
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert figures.tornado(found, ax=ax) is ax


def test_all_are_written_and_the_same_twice(found, tmp_path):
    files = figures.draw_all(found, tmp_path / "a", "1234")
    assert {path.stem for path in files} == {f"{name}_{o}" for name in ("tornado", found.method) for o in ("jobs", "exits_total")}
    again = figures.draw_all(found, tmp_path / "b", "1234")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_figures_of_nothing_and_of_failures(method):
    """An output that nothing moves, and one of which every run failed, can be drawn."""
    flat = sensitivity(lambda p, seed: {"y": 1.0}, PARAMETERS, ["y"], method=method, samples=8, runs=2)
    broken = sensitivity(lambda p, seed: {"y": 1 / 0}, PARAMETERS, ["y"], method=method, samples=8)
    for given in (flat, broken):
        assert "nothing" in texts(figures.tornado(given))
        assert "nothing matters clearly" in texts(figures.SENSITIVITY_FIGURES[method](given))
