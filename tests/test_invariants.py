"""What holds in every week of every economy: money, goods, heads, orders, shares; finite numbers within their bounds.

`python tests/test_invariants.py` runs 300 other random scenarios of 52 weeks and prints the largest gap of every identity.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import models
import numpy as np
import pytest
from hypothesis import Phase, given, reject, settings
from strategies import RANDOM, REPEATABLE, Case, cases

from smbsim import heads
from smbsim.mechanisms.base import Step
from smbsim.metrics.identities import Books
from smbsim.schema import InputError
from smbsim.simulate import Plan, advance
from smbsim.state import EVERYWHERE, State

TOLERANCE = 1e-9  # MODEL.md 6, R3 and R4: of what there is
WRITTEN_OFF = "loans written off"
HOLDERS = {"firm": ("firms", "cash"), "household": ("households", "deposits")}


class Ledger:
    """The books, and the deposits of every holder and the goods of every row last week.

    Rows may come, go and move once a week is over ("distress" and later): what holds row by row is looked at before that, by a phase of its
    own that `watched` adds to the plan; the books of the sectors close over the whole week.
    """

    def __init__(self, state: State):
        self.books, self.deposits, self.goods, self.turnover = Books(state), deposits(state), goods(state), float(state.firms.output.mean())
        self.by_row: dict[str, float] = {}

    def watched(self, plan: Plan) -> Plan:
        """The plan with a look at every row before the first phase in which rows may change."""
        place = next(i for i, (name, _) in enumerate(plan) if name.startswith(("distress", "slow decisions")))
        return (*plan[:place], ("every row", self.look), *plan[place:])

    def look(self, state: State, step: Step) -> None:
        """Row by row: goods, orders, wages and customers."""
        self.by_row = self._goods(state) | wages(state) | deliveries(state) | customers(state)

    def gaps(self, state: State) -> dict[str, float]:
        """Name of identity → largest gap of the week, relative to what there is."""
        found = self.books.gaps(state) | self.by_row | self._flows(state) | trade(state, self.turnover)
        self.goods = goods(state)
        return found

    def _goods(self, state) -> dict[str, float]:
        """The goods identities of `Books` one by one: of every firm, slot and link, each relative to all that is in it."""
        firms, slots, links = state.firms, state.slots, state.links
        before, now = self.goods, goods(state)
        supply = firms.output - firms.scrap - firms.sold_to_firms - firms.final_sales - (now[0] - before[0])
        ordered = slots.order[links.slot] * links.weight
        shipped = firms.fill_rate[links.supplier] * (before[2] + ordered)
        came = np.bincount(links.slot, shipped, slots.n) + slots.imports + slots.emergency_import
        inputs = came - slots.input_use - slots.input_spoiled - (now[1] - before[1])
        return {
            "goods of a firm": relative(supply, firms.output + before[0] + now[0]),
            "inputs of a slot": relative(inputs, came + before[1] + now[1]),
            "orders of a link": relative(ordered - shipped - (now[2] - before[2]), ordered + before[2] + now[2]),
        }

    def _flows(self, state) -> dict[str, float]:
        """Change of the deposits of every holder = what it was paid - what it paid; a loan makes a deposit, its loss takes own funds."""
        before, now = self.deposits, deposits(state)
        self.deposits = now
        turnover = sum(abs(amount) for amount in state.flows.values()) + sum(abs(amount) for amount in now.values())
        worst = 0.0
        for holder in now:
            paid = sum(amount for line, amount in state.flows.items() if line[1] == holder and not (holder == "bank" and lends(line)))
            received = sum(amount for line, amount in state.flows.items() if line[2] == holder and takes(holder, line))
            worst = max(worst, abs(now[holder] - before[holder] - received + paid))
        return {"deposits change by flows": worst / max(turnover, 1e-300)}


def lends(line: tuple[str, str, str]) -> bool:
    """A loan: all that the bank gives firms."""
    return line[1:] == ("bank", "firm") and line[0] != WRITTEN_OFF


def takes(holder: str, line: tuple[str, str, str]) -> bool:
    """Deposits of the holder rise by it: not those of the bank by principal, nor those of a firm by a loan that is forgiven."""
    return not (holder == "bank" and line[0] == "principal") and not (holder == "firm" and line[0] == WRITTEN_OFF)


def goods(state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finished goods (n,), inputs in stock and in transit (s,), backlog (m,)."""
    slots = state.slots
    held = slots.input_stock + slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1)
    return state.firms.inventory.copy(), held, state.links.backlog.copy()


def deposits(state: State) -> dict[str, float]:
    held = {holder: float(getattr(getattr(state, table), column).sum()) for holder, (table, column) in HOLDERS.items()}
    return held | dict(zip(state.account_names, state.accounts.balance.tolist(), strict=True))


def wages(state: State) -> dict[str, float]:
    """All labour used is paid."""
    firms = state.firms
    used = firms.wage_factor * firms.wage * (heads.needed(state, firms.output) - firms.borrowed)
    return {"wages": relative(np.maximum(used - firms.wage_bill, 0.0), firms.wage_bill)}


def deliveries(state: State) -> dict[str, float]:
    """Nobody gets more than was asked for or made."""
    firms = state.firms
    return {
        "final sales ≤ final demand": relative(np.maximum(firms.final_sales - firms.final_demand, 0.0), firms.final_demand),
        "output ≤ what could be made": relative(np.maximum(firms.output - firms.available_output, 0.0), firms.output),
    }


def trade(state: State, turnover: float) -> dict[str, float]:
    """Backlog and supply line are those of the links; the shares of suppliers add to one, wherever a living firm has any.

    turnover: of a firm at rest, base currency/wk; where nobody orders any more a millionth of it is as good as nothing
    """
    firms, slots, links = state.firms, state.slots, state.links
    owed = np.bincount(links.supplier, links.backlog, firms.n)
    line = slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1) + np.bincount(links.slot, links.backlog, slots.n)
    weights = np.bincount(links.slot, links.weight, slots.n)
    linked = (np.bincount(links.slot, minlength=slots.n) > 0) & firms.alive[slots.customer]
    without = (weights == 0.0) & (slots.lost_share == 1.0)  # until the search finds somebody
    return {
        "backlog_due": relative(firms.backlog_due - owed, owed, 1e-6 * turnover),
        "supply_line": relative(slots.supply_line - line, line, 1e-6 * turnover),
        "weights of a slot": float(np.abs(weights - 1.0)[linked & ~without].max(initial=0.0)),
        "weights of the dead": float(links.weight[~firms.alive[links.supplier] | ~firms.alive[links.buyer]].max(initial=0.0)),
    }


def customers(state: State) -> dict[str, float]:
    """Where households spend on a sector, the shares of its firms add to one; and tastes move their money, but spend all of it."""
    firms, budget = state.firms, state.regions.budget
    placed = firms.region != EVERYWHERE
    home = state.by_region_and_sector(firms.pull * firms.customer_base[:, 0])
    elsewhere = state.by_region_and_sector(firms.pull * firms.platform_reach * firms.customer_base[:, 1])
    large = state.by_sector(np.where(placed, 0.0, firms.pull * firms.customer_base[:, 0]))
    shares = state.regions.intensity * (home + elsewhere.sum(axis=0) - elsewhere + state.regions.large_customers * large)
    sold = (budget > 0) & (state.regions.intensity > 0)  # where nobody sells the money stays with the buyers
    pool = state.by_sector(firms.pool_share)
    spent = budget[sold].sum()
    liked = firms.household_demand.sum() > 0 or spent == 0  # tastes of 0 everywhere leave nobody to buy from
    return {
        "customer shares": float(np.abs(shares - 1.0)[sold].max(initial=0.0)),
        "pool shares": float(np.minimum(np.abs(pool - 1.0), np.abs(pool)).max(initial=0.0)),
        "household demand = budgets": abs(firms.household_demand.sum() - spent) / max(spent, 1e-300) if liked else 0.0,
    }


def relative(gap: np.ndarray, size: np.ndarray, least: float = 1e-300) -> float:
    """Largest gap, relative to its own row or to a millionth of the largest row, or to `least`, where that is more."""
    scale = np.maximum(np.abs(size), 1e-6 * np.abs(size).max(initial=0.0))
    return float(np.max(np.abs(gap) / np.maximum(scale, least), initial=0.0))


def follow(case: Case, weeks: int, check: bool = False) -> Iterator[tuple[int, dict[str, float]]]:
    """(week, gaps) of every week; with `check` the bounds of every column are checked after every phase, otherwise after every week."""
    try:
        state, plan, draws = case.build()
    except InputError as refused:
        if "balance the budget" in str(refused) or "would consume" in str(refused):  # no resting accounts: not an economy
            reject()
        raise
    state.check("at rest")
    ledger = Ledger(state)
    plan = ledger.watched(plan)
    for t in range(weeks):
        advance(state, plan, Step(t, draws), check)
        state.check(f"after week {t}")
        yield t, ledger.gaps(state)


def assert_identities(case: Case, weeks: int, check: bool = False) -> None:
    for t, gaps in follow(case, weeks, check):
        broken = {name: gap for name, gap in gaps.items() if not gap < TOLERANCE}
        assert not broken, f"week {t}: {broken}"


@settings(max_examples=40, **REPEATABLE)
@given(cases())
def test_random_scenarios_keep_every_identity(case):
    """Money, goods, heads and orders close to 1e-9 in every week, and every column is finite and within its bounds."""
    assert_identities(case, weeks=16)


@settings(max_examples=10, **REPEATABLE)
@given(cases())
def test_columns_stay_in_bounds_after_every_phase(case):
    """Not only at the end of a week: no phase leaves a column outside its bounds for the next one to mend."""
    assert_identities(case, weeks=6, check=True)


@pytest.mark.long
@settings(max_examples=300, **RANDOM)
@given(cases())
def test_three_hundred_random_scenarios_keep_every_identity(case):
    """The same over a year, other scenarios each time:  pytest -m long tests/test_invariants.py"""
    assert_identities(case, weeks=52)


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        (lambda s: s.firms.cash.__imul__(1.001), "money_gap"),
        (lambda s: s.firms.inventory.__imul__(1.001), "goods of a firm"),
        (lambda s: s.slots.input_stock.__imul__(1.001), "inputs of a slot"),
        (lambda s: s.firms.employment.__imul__(1.001), "heads_gap"),
        (lambda s: s.links.backlog.__iadd__(0.001 * s.slots.order[s.links.slot] * s.links.weight), "backlog_due"),
        (lambda s: s.links.backlog.__iadd__(0.001 * s.slots.order[s.links.slot] * s.links.weight), "orders of a link"),
        (lambda s: s.slots.pipeline.__imul__(1.001), "supply_line"),
        (lambda s: s.links.weight.__imul__(1.001), "weights of a slot"),
        (lambda s: s.firms.customer_base.__imul__(1.001), "customer shares"),
        (lambda s: s.households.deposits.__imul__(1.001), "deposits change by flows"),
    ],
)
def test_every_identity_sees_a_thousandth(mistake, name):
    """Negative control: a thousandth of a stock out of place is far above the tolerance."""
    state, plan, draws = Case(40, 2, 1, sections={"model": "life"}, disturbance=0.3).build()
    ledger = Ledger(state)
    plan = ledger.watched(plan)
    advance(state, plan, Step(0, draws))
    assert max(ledger.gaps(state).values()) < TOLERANCE
    advance(state, plan, Step(1, draws))
    mistake(state)
    ledger.look(state, Step(1, draws))
    assert ledger.gaps(state)[name] > 1e3 * TOLERANCE


def test_goods_gap_of_the_books_is_small_when_firms_stand_still():
    """Breakdowns of half a year: no orders are left, only the rounding of demand - final demand. No good has appeared."""
    state, plan, draws = Case(14, 4, 280, 2.0, {"production": {"breakdown_hazard": 0.4, "repair_weeks": 32}}).build()
    books = Books(state)
    assert max(models.advance(state, plan, draws, 0, 52, lambda state: books.gaps(state)["goods_gap"])) < TOLERANCE


def worst_gaps(scenarios: int, weeks: int) -> dict[str, tuple[float, Case | None]]:
    """Name of identity → (largest gap over random scenarios, the case it was in)."""
    worst: dict[str, tuple[float, Case | None]] = {}

    @settings(max_examples=scenarios, phases=(Phase.generate,), **RANDOM)
    @given(cases())
    def look(case):
        for _, gaps in follow(case, weeks):
            for name, gap in gaps.items():
                worst[name] = max(worst.get(name, (0.0, None)), (gap, case), key=lambda found: found[0])

    look()
    return worst


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:3]] or [300, 52]
    for name, (gap, _) in sorted(worst_gaps(*counts).items()):
        print(f"{gap:9.2e}  {name}")
