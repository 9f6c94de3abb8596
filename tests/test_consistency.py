"""The initial economy against its tables: exact as built, and every kind of mistake is seen."""

from __future__ import annotations

import numpy as np
import pytest
from models import miniature, united_states

from smbsim.analysis.consistency import against_tables, closing

EXACT = 1e-11


@pytest.fixture(scope="module")
def built():
    return miniature(60)[0]


def test_miniature_is_exactly_the_tables(built):
    assert max(against_tables(built, united_states()).values()) < EXACT


def scale_up(table: str, column: str, factor: float = 1.01):
    def mistake(state):
        getattr(getattr(state, table), column)[:] *= factor

    return mistake


def move_output(state):
    """From the largest firm of one sector to another sector: totals stay."""
    a, b = (int(np.flatnonzero(state.firms.sector == g)[-1]) for g in (5, 8))
    state.firms.output[a] -= 0.01 * state.firms.output[a]
    state.firms.output[b] += 0.01 * state.firms.output[a]


def move_heads(state):
    heads, sector = state.firms.employment, state.firms.sector
    heads[np.flatnonzero(sector == 5)[-1]] *= 1.01


def one_slot(state):
    state.slots.order[int(np.argmax(state.slots.order))] *= 1.01


@pytest.mark.parametrize(
    ("mistake", "seen"),
    [
        (scale_up("firms", "output"), {"output by sector", "GDP by production", "flows between sectors"}),  # counter inputs follow output
        (move_output, {"output by sector", "flows between sectors"}),
        (move_heads, {"employment by sector"}),
        (one_slot, {"flows between sectors"}),
        (scale_up("sectors", "counter_coefficient"), {"flows between sectors"}),
        (scale_up("slots", "input_use"), {"GDP by production"}),
        (scale_up("firms", "spot_use"), {"GDP by production", "GDP by expenditure"}),
        (scale_up("sectors", "spending"), {"GDP by expenditure"}),
        (scale_up("slots", "imports"), {"GDP by expenditure"}),
        (scale_up("firms", "wage_bill"), {"GDP by income"}),
        (scale_up("firms", "profit"), {"GDP by income"}),
        (scale_up("firms", "product_tax_paid"), {"GDP by income"}),
        (scale_up("accounts", "resting_value_added"), {"GDP by production", "GDP by income"}),
        (scale_up("regions", "budget"), {"household spending by sector"}),
    ],
)
def test_mistake_of_one_percent_is_seen_where_it_is(built, mistake, seen):
    """Negative controls: the quantities that depend on the column are wrong, and only those."""
    state = built.copy()
    mistake(state)
    wrong = {name for name, error in against_tables(state, united_states()).items() if error > 1e-5}
    assert wrong == seen


def test_wrong_scale_is_seen_everywhere(built):
    """An economy that thinks it is 1 % larger than it is: every quantity is off by 1 %."""
    state = built.copy()
    state.scale *= 1.01
    errors = against_tables(state, united_states())
    assert all(error == pytest.approx(1 - 1 / 1.01, rel=1e-6) for error in errors.values())


def test_closing_numbers_are_those_of_the_tables(built):
    """POPULATION.md 1.5 for the United States, in 10^9: V_K 841.6, τ_y .25, transfers 4,335, consumption 17,568."""
    found, billion = closing(built), 1e9 * built.scale
    assert found["transfer from the rest of the world"] / billion == pytest.approx(841.6, abs=0.5)
    assert found["lending abroad by households"] == 0.0
    assert found["transfers and benefits to households"] / billion == pytest.approx(4335, abs=1)
    assert found["income tax rate"] == 0.25
    assert found["household consumption"] / billion == pytest.approx(13292 + 2666 + 654 + 956, abs=1)
