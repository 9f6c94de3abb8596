"""Which way: a parameter or a shock, a low and a high value, a number of the economy, and the sign of the difference.

Each row is a claim of theory that the model was not fitted to. A zero strength has a test of its own (`test_equivalences`).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import models
import numpy as np
import pytest

from smbsim import scenario, simulate
from smbsim.metrics import METRICS

SMBS, REGIONS, WEEKS, START = 150, 2, 104, 4
RECORDED = (
    "output", "unmet_demand", "smb_deposits", "household_deposits", "trade_credit", "dividends", "imported_inputs", "finished_goods",
)  # fmt: skip
QUIET = {"production.breakdown_hazard": 0.0}
SUPPLIERS = ("32", "33")  # goods that most others need

DEMAND = {"kind": "demand", "target": {"sector": "72"}, "size": 0.4, "start": START, "stop": START + 26}
WIDE = {"kind": "demand", "size": 0.2, "start": START, "stop": START + 13}
CLOSURE = {"kind": "plant_closure", "target": {"sector": "32"}, "size": 1.0, "start": START, "stop": START + 8}
SHORT_CLOSURE = {**CLOSURE, "stop": START + 3}
STOP = {"kind": "import_stop", "target": {"sector": list(SUPPLIERS)}, "size": 1.0, "start": START, "stop": START + 13}
PRICE = {"kind": "import_price", "size": 0.5, "start": START, "stop": START + 26}


@cache
def _run(parameters: tuple, shocks: tuple) -> dict[str, np.ndarray]:
    spec = scenario.load({"population": {"smbs": SMBS, "regions": REGIONS}}).with_(
        dict(parameters), shocks=[_thaw(shock) for shock in shocks]
    )  # fmt: skip
    state, plan, draws = simulate.prepare(spec, 1, models.united_states())

    def look(state):
        firms, slots = state.firms, state.slots
        numbers = {name: METRICS[name](state) for name in RECORDED}
        numbers["final_unmet"] = (firms.final_demand - firms.final_sales).sum() / firms.final_demand.sum()
        numbers["profit"] = firms.profit.sum()
        numbers["orders"], numbers["demand"] = (slots.order + slots.import_order).sum(), firms.demand.sum()
        numbers["fill_32"] = firms.fill_rate[firms.sector == state.sector_codes.index("32")].min()
        return numbers

    seen = models.advance(state, plan, draws, 0, WEEKS, look)
    return {name: np.array([numbers[name] for numbers in seen]) for name in seen[0]}


def _freeze(value):
    return (
        tuple((key, _freeze(v)) for key, v in value.items())
        if isinstance(value, dict)
        else tuple(value)
        if isinstance(value, list)
        else value
    )


def _thaw(shock: tuple) -> dict:
    return {key: dict(value) if key == "target" else value for key, value in shock}


def run(parameters: dict, shocks: list[dict]) -> dict[str, np.ndarray]:
    """Name → (T,) of an economy without noise unless the parameters say otherwise."""
    return _run(_freeze(QUIET | parameters), tuple(_freeze(shock) for shock in shocks))


class Pair:
    """The economy with the shocks, and the same without them."""

    def __init__(self, parameters: dict, shocks: list[dict]):
        self.shocked, self.plain = run(parameters, shocks), run(parameters, [])

    def ratio(self, name: str) -> np.ndarray:
        return self.shocked[name] / self.plain[name]


# -- numbers of a pair ----------------------------------------------------------------------------------------------------------------


def loss(pair: Pair) -> float:
    """Weeks of output lost, net of what is made up for later."""
    return float(np.sum(1.0 - pair.ratio("output")))


def depth(pair: Pair) -> float:
    """Largest fall of output."""
    return float(1.0 - pair.ratio("output").min())


def unmet(pair: Pair) -> float:
    return float(pair.shocked["unmet_demand"].mean())


def final_unmet(pair: Pair) -> float:
    return float(pair.shocked["final_unmet"].mean())


def sold_out(pair: Pair) -> float:
    """First week in which a firm of sector 32 cannot deliver all it is asked for; the horizon if never."""
    short = pair.shocked["fill_32"] < 1.0 - 1e-9
    return float(np.argmax(short)) if short.any() else float(WEEKS)


def first_loss(pair: Pair) -> float:
    """First week in which output is a thousandth lower."""
    low = pair.ratio("output") < 1.0 - 1e-3
    return float(np.argmax(low)) if low.any() else float(WEEKS)


def bullwhip(pair: Pair) -> float:
    """Variance of all orders for inputs relative to that of all demand, both against the paired baseline."""
    return float(np.var(pair.ratio("orders")) / np.var(pair.ratio("demand")))


def mean(name: str):
    """Mean over the weeks of the shocked economy."""

    def of(pair: Pair) -> float:
        return float(pair.shocked[name].mean())

    of.__name__ = f"mean {name}"
    return of


def saved(pair: Pair) -> float:
    """Deposits of households in the last week of the shock, relative to those without it."""
    return float(pair.ratio("household_deposits")[DEMAND["stop"] - 1])


DIRECTIONS = (
    # what                             low            high                shocks       number       sign
    ("shock.size", 0.2, 0.4, [DEMAND], loss, 1),
    ("shock.size", 0.0, 0.4, [DEMAND], saved, 1),
    ("shock.stop", START + 13, START + 26, [DEMAND], loss, 1),
    ("shock.recovery", 0, 13, [DEMAND], loss, 1),
    ("shock.size", 0.5, 1.0, [CLOSURE], loss, 1),
    ("shock.size", 0.5, 1.0, [CLOSURE], unmet, 1),
    ("shock.stop", START + 4, START + 12, [CLOSURE], loss, 1),
    ("shock.size", 0.5, 1.0, [STOP], depth, 1),
    ("shock.size", 0.2, 1.0, [PRICE], mean("profit"), -1),
    ("shock.size", 0.2, 1.0, [PRICE], mean("dividends"), -1),
    ("orders.finished_cover_weeks", 0.5, 4.0, [CLOSURE], sold_out, 1),
    ("orders.finished_cover_weeks", 0.5, 4.0, [SHORT_CLOSURE], unmet, -1),
    ("orders.finished_cover_weeks", 0.5, 4.0, [], mean("finished_goods"), 1),
    ("orders.input_cover_weeks", 1.0, 8.0, [CLOSURE], loss, -1),
    ("orders.input_cover_weeks", 1.0, 8.0, [STOP], first_loss, 1),
    ("orders.forecast_speed", 0.1, 0.3, [WIDE], bullwhip, 1),
    ("orders.stock_adjustment", 0.05, 0.2, [WIDE], bullwhip, 1),
    ("orders.inventory_adjustment", 0.05, 0.2, [WIDE], bullwhip, 1),
    ("orders.supply_line_weight", 0.0, 1.0, [WIDE], bullwhip, -1),
    ("orders.preset", "lot_for_lot", "sterman", [WIDE], bullwhip, 1),
    ("trade.import_lead", 1, 8, [STOP], first_loss, 1),
    ("trade.other_lead", 1, 6, [WIDE], bullwhip, 1),
    ("trade.payment_weeks", 2.0, 8.0, [], mean("trade_credit"), 1),
    ("trade.rationing", "proportional", "final_last", [CLOSURE], final_unmet, 1),
    ("production.emergency_share", 0.0, 0.9, [STOP], loss, -1),
    ("production.emergency_share", 0.0, 0.9, [CLOSURE], loss, -1),
    ("production.emergency_share", 0.1, 0.9, [CLOSURE], mean("imported_inputs"), 1),
    ("production.emergency_premium", 0.0, 2.0, [CLOSURE], mean("profit"), -1),
    ("production.utilisation", 0.6, 1.0, [CLOSURE], loss, 1),
    ("production.utilisation", 0.6, 1.0, [CLOSURE], unmet, 1),
    ("production.overtime_max", 1.0, 2.0, [CLOSURE], unmet, -1),
    ("production.breakdown_hazard", 0.005, 0.05, [], mean("output"), -1),
    ("production.repair_weeks", 1, 6, [], mean("output"), -1),
    ("production.spoil_share", 0.0, 0.05, [], mean("orders"), 1),
    ("production.scrap_share", 0.0, 0.1, [], mean("orders"), 1),
    ("households.enabled", False, True, [DEMAND], depth, 1),
    ("households.income_share", 0.5, 0.95, [DEMAND], depth, 1),
    ("households.smoothing", 0.02, 0.5, [DEMAND], depth, 1),
    ("government.benefit_share", 0.0, 0.9, [DEMAND], depth, -1),
    ("finance.cash_days", 5.0, 50.0, [], mean("smb_deposits"), 1),
)
WITH = {  # what else must be so for a row to be about its parameter
    "production.repair_weeks": {"production.breakdown_hazard": 0.02},
    "trade.import_lead": {"households.enabled": False, "production.emergency_share": 0.0},
    "orders.supply_line_weight": {"trade.other_lead": 4},
}


def numbers_of(what: str, values, shocks, number) -> list[float]:
    """The number at each value."""
    found = []
    for value in values:
        if what.startswith("shock."):
            found.append(number(Pair({}, [{**shock, what.removeprefix("shock."): value} for shock in shocks])))
        else:
            found.append(number(Pair({**WITH.get(what, {}), what: value}, shocks)))
    return found


@pytest.mark.parametrize(
    ("what", "low", "high", "shocks", "number", "sign"),
    DIRECTIONS,
    ids=[f"{what}-{shocks[0]['kind'] if shocks else 'rest'}-{number.__name__}" for what, _, _, shocks, number, _ in DIRECTIONS],
)
def test_direction(what, low, high, shocks, number, sign):
    """The number rises (sign 1) or falls (-1) by more than rounding when the parameter goes from low to high."""
    at_low, at_high = numbers_of(what, (low, high), shocks, number)
    assert sign * (at_high - at_low) > 1e-6 * max(abs(at_low), abs(at_high)), f"{at_low:.6g} at {low}, {at_high:.6g} at {high}"


@pytest.mark.parametrize("sector", SUPPLIERS)
def test_stricter_inputs_cost_more(sector):
    """Closure of a sector that others need: leontief ≥ strongly ≥ half ≥ weakly critical, and the ends differ."""
    rules = ("leontief", "strongly_critical", "half_critical", "weakly_critical")
    closure = {**CLOSURE, "target": {"sector": sector}}
    losses = [loss(Pair({"production.rule": rule, "production.emergency_share": 0.0}, [closure])) for rule in rules]
    assert all(stricter >= milder for stricter, milder in pairwise(losses)), losses
    assert losses[0] > 1.05 * losses[-1]


@pytest.mark.parametrize("number", [loss, depth])
def test_more_of_the_largest_plants_closed_cost_more(number):
    found = [number(Pair({}, [{**CLOSURE, "target": {"kind": "smb", "largest": count}}])) for count in (1, 5, 25)]
    assert 0 < found[0] < found[1] < found[2]


def test_preference_costs_less_than_demand():
    """The same guests stay away: when they spend their money elsewhere the economy loses less than when they save it."""
    saved_loss, moved_loss = (loss(Pair({}, [{**DEMAND, "kind": kind}])) for kind in ("demand", "preference"))
    assert moved_loss < 0.5 * saved_loss


def test_two_shocks_cost_more_than_either():
    both = loss(Pair({}, [DEMAND, CLOSURE]))
    assert both > max(loss(Pair({}, [DEMAND])), loss(Pair({}, [CLOSURE])))
