"""R2, R3, R4 and POPULATION.md 1.7: in balance, with no noise and no shocks, nothing moves; and the negative controls, which must move."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, columns, miniature, united_states

from smbsim.analysis.consistency import against_tables
from smbsim.metrics.identities import Books

STOCKS = (
    ("firms", "output"), ("firms", "inventory"), ("firms", "cash"), ("slots", "input_stock"), ("slots", "pipeline"),
    ("slots", "import_pipeline"), ("slots", "import_payable"), ("links", "payable"), ("households", "deposits"),
    ("households", "income_smoothed"), ("accounts", "balance"),
)  # fmt: skip


def drift(state, start) -> float:
    """Largest change of any stock, relative to the largest of its column at rest."""
    worst = 0.0
    for table, name in STOCKS:
        before, now = start[table, name], getattr(getattr(state, table), name)
        size = np.maximum(np.abs(before), 1e-6 * np.abs(before).max())
        worst = max(worst, float(np.max(np.abs(now - before) / np.where(size > 0, size, start["firms", "output"].mean()))))
    return worst


def test_rest_lasts_520_weeks_at_2000_smbs():
    """R2: max |x / x* - 1| < 1e-10 over 520 weeks, and every stock with it; R3, R4: money and goods close to 1e-9."""
    state, plan, draws = miniature(2000, regions=4)
    start, books = columns(state), Books(state)
    output = state.firms.output.copy()

    def look(state):
        gaps = books.gaps(state)
        return np.max(np.abs(state.firms.output / output - 1.0)), gaps["money_gap"], gaps["goods_gap"]

    worst = np.max(advance(state, plan, draws, 0, 520, look), axis=0)
    assert worst[0] < 1e-10
    assert worst[1] < 1e-9
    assert worst[2] < 1e-9
    assert drift(state, start) < 1e-10


@pytest.mark.parametrize(
    "sections",
    [
        {"model": "leontief"},
        {"model": "ario"},
        {"orders": {"preset": "sterman"}, "households": {"enabled": False}},
        {"production": {"breakdown_hazard": 0.0, "rule": "ario_psi"}},
        {"production": {"breakdown_hazard": 0.0, "rule": "leontief", "utilisation": 1.0}},
        {"trade": {"local_lead": 3, "other_lead": 5, "import_lead": 9, "payment_weeks": 8.0, "rationing": "final_last"}},
        {"finance": {"loan_rate": 0.0, "cash_days": 10.0, "cash_spread": 0.0, "dividend_weeks": 4.0}},
        {"government": {"income_tax": None, "profit_tax": 0.3}},
        {"orders": {"input_cover_weeks": 4.0, "finished_cover_weeks": 0.0}},
        {"reconstruct": {"threshold": 0.05, "draws_per_slot": 1.2}, "population": {"smbs": 60, "regions": 7}},
    ],
    ids=lambda s: "-".join(s),
)
def test_rest_does_not_depend_on_parameters(sections):
    """Every mechanism settles its own columns exactly, whatever its parameters."""
    state, plan, draws = miniature(**sections)
    start = columns(state)
    advance(state, plan, draws, 0, 180)  # whole turns of every ring of goods in transit
    state.check()
    assert drift(state, start) < 1e-10


def test_rest_equals_tables():
    """GDP three ways, output, employment, flows and household spending of the miniature, scaled, are those of the tables."""
    state, _, _ = miniature(2000, regions=4)
    errors = against_tables(state, united_states())
    assert set(errors) == {
        "GDP by production", "GDP by expenditure", "GDP by income", "output by sector", "employment by sector", "flows between sectors",
        "household spending by sector",
    }  # fmt: skip
    assert max(errors.values()) < 1e-12


def wrong_payables(state):
    """Trade credit of τ weeks instead of τ - 1, because payment follows booking."""
    state.links.payable[:] *= 4.0 / 3.0


def no_dividend_reserve(state):
    """Deposits without the (τ_div - 1) dividends above the target."""
    state.firms.cash[:] = state.firms.liquidity_target


def missing_week_in_transit(state):
    """One week of goods in transit too little."""
    state.slots.supply_line[:] -= state.slots.pipeline[:, 0]
    state.slots.pipeline[:, 0] = 0.0


def lean_inputs(state):
    """Input stocks at 90 %."""
    state.slots.input_stock[:] *= 0.9


@pytest.mark.parametrize(
    ("mistake", "column", "least"),
    [
        (wrong_payables, ("firms", "cash"), 0.2),
        (no_dividend_reserve, ("firms", "output"), 0.01),
        (missing_week_in_transit, ("firms", "output"), 0.01),
        (lean_inputs, ("firms", "output"), 0.003),
    ],
)
def test_rest_fails_with_a_wrong_stock(mistake, column, least):
    """POPULATION.md 1.7, negative controls: the resting test sees each wrong initial stock."""
    state, plan, draws = miniature()
    mistake(state)
    before = getattr(getattr(state, column[0]), column[1]).copy()
    table, name = column
    moves = advance(state, plan, draws, 0, 104, lambda s: np.max(np.abs(getattr(getattr(s, table), name) / before - 1.0)))
    assert max(moves) > least


def test_rest_returns_after_a_shock():
    """-5 % household demand for 8 weeks: the trough comes in the last week, a small overshoot follows, and the shock dies out.

    POPULATION.md 1.8 has a trough of .975 with services made to forecast; made to order they follow demand at once, which deepens it.
    """
    state, plan, draws = miniature(200)
    total, books = state.firms.output.sum(), Books(state)
    basket = state.sectors.sector_basket.copy()
    gaps = []

    def look(state):
        gaps.append(max(books.gaps(state).values()))
        return state.firms.output.sum() / total

    state.sectors.sector_basket[:] = 0.95 * basket  # the rest of the budget is saved
    path = advance(state, plan, draws, 0, 8, look)
    state.sectors.sector_basket[:] = basket
    path += advance(state, plan, draws, 8, 520, look)
    assert int(np.argmin(path)) == 7
    assert min(path) == pytest.approx(0.968, abs=0.002)
    assert max(path) == pytest.approx(1.005, abs=0.003)
    assert np.max(np.abs(np.array(path[312:]) - 1.0)) < 1e-3
    assert max(gaps) < 1e-12
