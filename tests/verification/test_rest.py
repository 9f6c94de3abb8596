"""R2, R3, R4 and POPULATION.md 1.7: in balance, with no noise and no shocks, nothing moves; and the negative controls, which must move."""

from __future__ import annotations

import numpy as np
import pytest
from models import advance, columns, miniature, united_states

from smbsim import heads
from smbsim.analysis.consistency import against_tables
from smbsim.metrics.identities import Books

STOCKS = (
    ("firms", "output"), ("firms", "inventory"), ("firms", "cash"), ("slots", "input_stock"), ("slots", "pipeline"),
    ("slots", "import_pipeline"), ("firms", "import_payable"), ("links", "payable"), ("households", "deposits"),
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


STILL = {  # no hazards, no draws, nobody founds a firm; whoever earns less than others tries nothing for it
    "production": {"breakdown_hazard": 0.0},
    "foreign": {"demand_noise": 0.0},
    "labour": {"productivity_noise": 0.0},
    "market": {"quality_noise": 0.0},
    "exits": {"retirement_hazard": 0.0, "offer_rate": 0.0},
    "sourcing": {"review_hazard": 0.0},
    "entry": {"rate": 0.0},
    "strategy": {"search_base": 0.0, "search_slope": 0.0},
}
FIRST = {  # where goods in transit stand in their rings, and what is first worked out in the first week
    ("slots", "pipeline"), ("slots", "import_pipeline"), ("firms", "able_output"), ("firms", "available_output"), ("firms", "trade_due"),
    ("firms", "sales_this_year"), ("firms", "sales_last_year"), ("firms", "restlessness"),
}  # fmt: skip
AGES = {("firms", "stage"), ("firms", "aspiration")}  # firms grow old, and owners look at what others earn


def moved(state, before: dict, least: float = 1e-10) -> dict[tuple[str, str], float]:
    """Column → largest change by the largest value of the column, or by the mean output of a firm (a share: 1) where that is nothing.

    Only what has moved by more than `least` is in it; rows that came or went are a change of 1.
    """
    found, output = {}, before["firms", "output"].mean()
    for place, now in columns(state).items():
        old, unit = before[place], getattr(state, place[0]).columns[place[1]].unit
        if old.shape != now.shape:
            found[place] = 1.0
        elif old.size and place not in AGES:
            least_size = 1e-3 * (output if "currency" in unit and " per " not in unit else 1.0)
            size = max(np.abs(old.astype(float)).max(), least_size)
            found[place] = float(np.abs(now.astype(float) - old).max() / size)
    return {place: change for place, change in found.items() if change > least}


@pytest.mark.parametrize("model", ["money", "work", "life"])
@pytest.mark.parametrize("smbs", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_whole_model_stays_at_rest(model, smbs):
    """Every column of every table is after 520 weeks what it was after the first; quits are replaced, prices reviewed, debt rolled over."""
    state, plan, draws = miniature(smbs, 3, model=model, **STILL)
    start, books = columns(state), Books(state)
    advance(state, plan, draws, 0, 1)
    assert set(moved(state, start)) <= FIRST
    start = columns(state)
    gaps = advance(state, plan, draws, 1, 521, lambda state: max(books.gaps(state).values()))
    assert moved(state, start) == {}
    assert max(gaps) < 1e-12
    assert state.firms.interest.sum() > 0
    assert (state.firms.quits.sum() > 0) == (model != "money")
    assert not state.events


@pytest.mark.parametrize(
    "sections",
    [
        {"finance": {"premium": 0.1, "repayment_rate": 1.0, "cash_days": 5.0, "own_funds_share": 0.2, "investment_weeks": 4.0}},
        {"credit": {"borrow_below": 1.0, "largest_leverage": 2.0}},
        {
            "labour": {
                "hiring_speed": 0.5,
                "firing_speed": 0.9,
                "quit_share": 0.02,
                "fill_weeks": 1.0,
                "resting_fill": 0.6,
                "hours_max": 1.0,
            }
        },
        {"market": {"price_elasticity": 6.0, "review_weeks": 3, "markup_min": 0.3, "import_elasticity": 4.0, "share_response": 0.5}},
        {"households": {"confidence": 0.5}},
        {"government": {"unemployment": 0.1, "benefit_share": 0.9}},
        {"sourcing": {"search_hazard": 1.0, "every": 1}, "mergers": {"price": 0.1}},
        {"trade": {"import_lead": 6, "payment_weeks": 8.0}, "orders": {"input_cover_weeks": 4.0}},
    ],
    ids=lambda s: "-".join(s),
)
def test_rest_of_the_whole_model_does_not_depend_on_parameters(sections):
    state, plan, draws = miniature(60, 2, **{**STILL, "model": "life", **{k: {**STILL.get(k, {}), **v} for k, v in sections.items()}})
    advance(state, plan, draws, 0, 1)
    start = columns(state)
    advance(state, plan, draws, 1, 1 + 156)  # years, and whole turns of every ring
    state.check()
    assert moved(state, start) == {}


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


def short_of_staff(state):
    """A hundredth of the staff is out of work."""
    gone = 0.01 * state.firms.employment
    heads.leave(state, gone)


def low_target(state):
    """Firms aim at 90 % of the deposits that they have at rest."""
    state.firms.cash_cover[:] *= 0.9
    state.firms.liquidity_target[:] *= 0.9


def above_normal_debt(state):
    """The bank expects back a tenth of all loans."""
    state.firms.normal_debt[:] *= 0.9


def thin_markup(state):
    """A tenth off the markup."""
    state.firms.markup[:] *= 0.9


def worn_capital(state):
    """A tenth of capital is gone."""
    state.firms.capital[:] *= 0.9


def doubted_demand(state):
    """Owners remember a year that was a tenth better."""
    state.firms.mean_demand[:] *= 1.1


def no_reserves(state):
    """The bank has half of its own funds."""
    state.accounts.balance[state.account("bank")] *= 0.5


@pytest.mark.parametrize(
    ("mistake", "column", "least"),
    [
        (short_of_staff, ("regions", "unemployed"), 0.02),
        (low_target, ("firms", "cash"), 0.02),
        (above_normal_debt, ("firms", "debt"), 0.015),
        (thin_markup, ("firms", "price"), 0.01),
        (worn_capital, ("firms", "capacity"), 0.05),
        (doubted_demand, ("firms", "capex"), 0.02),
        (no_reserves, ("households", "deposits"), 1e-4),
    ],
)
def test_whole_model_moves_with_a_wrong_stock(mistake, column, least):
    """Negative controls of the whole model at rest."""
    state, plan, draws = miniature(80, 2, model="life", **STILL)
    table, name = column
    before = getattr(getattr(state, table), name).copy()
    mistake(state)
    moves = advance(state, plan, draws, 0, 52, lambda s: np.max(np.abs(getattr(getattr(s, table), name) - before) / np.abs(before).max()))
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
