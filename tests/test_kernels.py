"""Every kernel: it calls only functions of its own file, compiled it says what its Python says, and it is compiled once.

Also without the compiler (what needs both forms is then skipped):

    NUMBA_DISABLE_JIT=1 python -m pytest tests/test_kernels.py
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import smbsim
from smbsim import draws, heads, reconstruct, rows, state, suppliers, tools, trade_credit
from smbsim.mechanisms import base, costs, credit, finance, labour, market, orders, platforms, production, skills, sourcing, trade

MODULES = (
    draws,
    rows,
    state,
    suppliers,
    trade_credit,
    reconstruct,
    production,
    orders,
    trade,
    finance,
    credit,
    costs,
    sourcing,
    labour,
    market,
    heads,
    skills,
    tools,
    platforms,
    base,
)  # every module with kernels
KERNELS = {
    "draws.fill_uniforms", "draws.fill_pair_uniforms", "state.total", "state.two_sum", "state.sum_rows", "state.add_to_suppliers",
    "state.add_parts", "reconstruct.fill_slots",
    "mechanisms.production.make_goods", "mechanisms.production.make_services", "mechanisms.production.adjust_overtime",
    "mechanisms.orders.plan_output", "mechanisms.orders.order_inputs", "mechanisms.trade.add_orders", "mechanisms.trade.share_out",
    "mechanisms.trade.ship_links", "trade_credit.take_off",
    "rows.cut_rows", "rows.move_starts", "rows.sort_rows", "rows.pick_rows", "rows.find_rows", "rows.cut_moves", "rows.move_rows",
    "rows.move_owners", "state.match_slots", "suppliers.mean_lead",
    "mechanisms.costs.add_up", "state.sum_by", "mechanisms.market.sum_markets",
    "mechanisms.market.reach_customers", "mechanisms.finance.plan_capital", "mechanisms.finance.pay_loans",
    "mechanisms.finance.count_profit", "mechanisms.finance.look_back", "mechanisms.finance.aim", "mechanisms.production.emergency_costs",
    "mechanisms.sourcing.pick_members", "mechanisms.sourcing.keep_better", "suppliers.idle_links",
    "mechanisms.sourcing.stand_in", "mechanisms.sourcing.worst_link", "mechanisms.sourcing.scale_links",
    "mechanisms.sourcing.score", "mechanisms.sourcing.slots_asking",
    "trade_credit.find_due", "trade_credit.pay_usual", "trade_credit.pay_singly", "trade_credit.pay_last",
    "mechanisms.credit.value_inputs",
    "tools.tag_layoffs",
    "tools.count_users", "tools.ask_links", "tools.listen", "tools.share_of_peers", "tools.describe", "tools.weigh", "tools.work",
    "tools.labour", "tools.ready", "tools.seen_of", "tools.beyond", "heads.sum_skills", "heads.sum_profiles", "heads.mix_in",
    "mechanisms.skills.sum_gains", "mechanisms.skills.gini", "mechanisms.skills.study",
    "mechanisms.skills.ask_around", "mechanisms.skills.lend_staff", "mechanisms.skills.rate_competence",
    "mechanisms.skills.pay_of_lent",
    "mechanisms.labour.sum_pay", "mechanisms.labour.wish", "mechanisms.labour.fill", "mechanisms.labour.review_pay",
    "mechanisms.labour.longest", "mechanisms.platforms.imply_demand", "mechanisms.platforms.value_sales",
    "mechanisms.base.find_turn", "mechanisms.platforms.look_downstream", "mechanisms.platforms.add_purchases",
}  # fmt: skip
# kernels compared where their arguments are made: with Python in tests/systemic/ and tests/test_bench.py, with a linear programme in
# tests/test_tipping.py
ELSEWHERE = (
    "bench.machine",
    "systemic.cascade",
    "analysis.bimodality",
    "analysis.indicators",
)
PACKAGE = Path(smbsim.__file__).parent
ALLOWED = {"range", "len", "min", "max", "abs", "np", "prefetch"}  # what a kernel may use besides constants and kernels of its file
RETURNING = {
    "total",
    "cut_moves",
    "idle_links",
    "slots_asking",
    "score",
    "labour",
    "ready",
    "seen_of",
    "beyond",
    "gini",
    "two_sum",
}  # a sum, a count, and parts of kernels that return a number
PARTS = {"labour", "ready", "seen_of", "beyond", "listen", "score", "gini", "two_sum"}  # called by kernels alone, and compiled into them
FIRMS, SECTORS, REGIONS, LEAD, IMPORT_LEAD = 40, 5, 3, 3, 4

compiled = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")


def module_name(module) -> str:
    return module.__name__.removeprefix("smbsim.")


def dispatchers(module) -> dict:
    """Name → kernel of the kernels defined in a module."""
    return {name: k for name, k in vars(module).items() if hasattr(k, "py_func") and k.py_func.__module__ == module.__name__}


def kernel(name: str):
    """The kernel of that name in one of MODULES."""
    return next(vars(module)[name] for module in MODULES if name in vars(module))


def python(k):
    """The function as it was written."""
    return getattr(k, "py_func", k)


def decorated(path: Path) -> set[str]:
    """Functions under @kernel, or under anything of numba, in a file."""
    words = ("kernel", "njit", "jit", "vectorize", "guvectorize")
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if any(getattr(part, "id", getattr(part, "attr", None)) in words for part in ast.walk(mark))
    }


@cache  # two seconds
def files_with_kernels() -> dict[str, set[str]]:
    """Module → its kernels, read from the source of the whole package."""
    found = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): decorated(path) for path in sorted(PACKAGE.rglob("*.py"))}
    return {module: names for module, names in found.items() if names}


def test_modules_listed_here_hold_all_kernels():
    """No kernel outside MODULES and ELSEWHERE, none that is not in KERNELS."""
    found = files_with_kernels()
    assert {f"{module}.{name}" for module, names in found.items() for name in names if module not in ELSEWHERE} == KERNELS
    assert {f"{module_name(module)}.{name}" for module in MODULES for name in decorated(Path(module.__file__))} == KERNELS


@compiled
def test_only_kernels_are_compiled():
    """Every dispatcher of the modules is made by the one decorator: cached, without the GIL, serial, without fast mathematics."""
    assert {f"{module_name(module)}.{name}" for module in MODULES for name in dispatchers(module)} == KERNELS
    for module in MODULES:
        for k in dispatchers(module).values():
            options = k.targetoptions
            assert (options["nopython"], options["nogil"], options["error_model"]) == (True, True, "numpy")
            assert not options.get("parallel")
            assert not options.get("fastmath")
            assert type(k._cache).__name__ == "FunctionCache"


@compiled
@pytest.mark.parametrize("name", files_with_kernels())
def test_kernel_calls_only_functions_of_its_own_file(name):
    """A cached kernel that calls a kernel of another file keeps giving the old answer after that file is edited (ARCHITECTURE.md 7)."""
    own = dispatchers(importlib.import_module(f"smbsim.{name}"))
    assert set(own) == files_with_kernels()[name]
    for caller, k in own.items():
        for used in k.py_func.__code__.co_names:
            value = k.py_func.__globals__.get(used)
            if value is None or used in ALLOWED or isinstance(value, (int, float, np.generic)):
                continue
            assert getattr(value, "__module__", "") == f"smbsim.{name}", f"{caller} uses {used} of {getattr(value, '__module__', '?')}"


# -- compiled = interpreted ---------------------------------------------------------------------------------------------------------------


class Case:
    """A random network in the layout of the state, with random columns; a hub, firms without slots, slots without links."""

    def __init__(self, seed: int):
        self.rng = rng = np.random.default_rng(seed)
        n_slots = rng.integers(0, SECTORS + 1, FIRMS)
        n_slots[[0, 7]] = 0, SECTORS
        group = np.concatenate([rng.permutation(SECTORS)[:k] for k in n_slots]) if n_slots.sum() else np.empty(0)
        self.slots = int(n_slots.sum())
        n_links = rng.integers(0, 4, self.slots)
        n_links[: self.slots // 9] = 25
        self.links = int(n_links.sum())
        self.slot_start = np.concatenate([[0], np.cumsum(n_slots)]).astype(np.int64)
        self.link_start = np.concatenate([[0], np.cumsum(n_links)]).astype(np.int64)
        self.group = group.astype(np.int32)
        self.customer = np.repeat(np.arange(FIRMS), n_slots).astype(np.int32)
        self.slot = np.repeat(np.arange(self.slots), n_links).astype(np.int32)
        self.supplier = rng.integers(0, FIRMS, self.links).astype(np.int32)
        self.by_supplier = np.argsort(self.supplier, kind="stable").astype(np.int64)
        self.supplier_start = np.searchsorted(self.supplier[self.by_supplier], np.arange(FIRMS + 1)).astype(np.int64)

    def amounts(self, n, *width) -> np.ndarray:
        """Positive numbers over eight orders of magnitude, a quarter of them zero."""
        values = 10.0 ** self.rng.uniform(-4, 4, (n, *width))
        return np.where(self.rng.random((n, *width)) < 0.25, 0.0, values)

    def ring(self, weeks) -> np.ndarray:
        """Goods in transit of slots, week by week."""
        return np.asfortranarray(self.amounts(self.slots, weeks))

    def some(self, n) -> np.ndarray:
        """True of three in four."""
        return self.rng.random(n) < 0.75

    def shares(self, n) -> np.ndarray:
        """Numbers in [0, 1], the bounds among them."""
        return np.clip(self.rng.uniform(-0.2, 1.2, n), 0.0, 1.0)


def arguments_fill_uniforms(c):
    return np.uint64(c.rng.integers(2**63)), c.rng.integers(0, 2**62, 100), np.full(100, np.nan)


def arguments_fill_pair_uniforms(c):
    return np.uint64(c.rng.integers(2**63)), c.rng.integers(0, 2**62, 100), c.rng.integers(0, 2**62, 100), np.full(100, np.nan)


def arguments_two_sum(c):
    return c.rng.lognormal(), c.rng.lognormal()


def arguments_total(c):
    return (c.amounts(500) * np.where(c.rng.random(500) < 0.5, -1.0, 1.0),)


def arguments_sum_rows(c):
    return 0, FIRMS, c.slot_start, c.amounts(c.slots), np.full(FIRMS, np.nan)


def arguments_add_to_suppliers(c):
    return 0, FIRMS, c.link_start[c.slot_start], c.supplier, c.amounts(c.links), np.zeros(FIRMS)


def arguments_add_parts(c):
    return 0, FIRMS, c.amounts(4, FIRMS), np.full(FIRMS, np.nan)


def arguments_fill_slots(c):
    weight, sold = np.full(c.links, np.nan), np.full(FIRMS, np.nan)
    return c.link_start, c.supplier.astype(np.int64), c.amounts(c.links), c.shares(FIRMS), c.amounts(c.slots), weight, sold


def arguments_make_goods(c, rule=2):
    limits = np.where(c.shares(FIRMS) < 0.5, 1e300, c.amounts(FIRMS)), c.amounts(FIRMS), 1.0 + c.shares(FIRMS)
    of_slots = c.shares(c.slots), c.rng.integers(0, 3, c.slots).astype(np.int8), 10 * c.shares(c.slots), c.shares(SECTORS)
    held = c.ring(LEAD), c.ring(IMPORT_LEAD), c.amounts(c.slots)
    return (
        0, FIRMS, 1, 2, rule, production.BINDING[rule], 0.8, 0.5, 0.1 * (rule % 2), 0.02, c.slot_start, c.some(FIRMS), c.some(FIRMS),
        c.amounts(FIRMS), *limits, c.shares(FIRMS), c.shares(FIRMS), c.customer, c.group, *of_slots, *held, c.amounts(c.slots),
        np.full(c.slots, np.nan), np.full(c.slots, np.nan), c.amounts(FIRMS), np.full(FIRMS, np.nan), np.full(FIRMS, np.nan),
        c.amounts(FIRMS), np.full(FIRMS, np.nan),
    )  # fmt: skip


def arguments_make_services(c):
    asked, of_slots = (c.amounts(FIRMS) for _ in range(3)), (c.shares(c.slots), c.amounts(c.slots), c.amounts(c.slots))
    return 0, FIRMS, c.slot_start, c.some(FIRMS), *asked, *of_slots, c.amounts(FIRMS), c.amounts(FIRMS)


def arguments_adjust_overtime(c):
    return 0, FIRMS, 1.25, 52.0, c.some(FIRMS), c.shares(FIRMS), c.amounts(FIRMS), 1.0 + 0.2 * c.shares(FIRMS)


def arguments_plan_output(c):
    seen, planned = [c.amounts(FIRMS), c.amounts(FIRMS), c.shares(FIRMS)], np.full(FIRMS, np.nan)
    return 0, FIRMS, 0.15, 0.12, c.some(FIRMS), *seen, *(c.amounts(FIRMS) for _ in range(4)), planned


def arguments_order_inputs(c):
    share = np.where(c.some(c.slots), c.shares(c.slots), 0.0)
    slots = [c.shares(c.slots), 10 * c.shares(c.slots), 1.0 + c.shares(c.slots), share, c.amounts(c.slots), c.ring(LEAD)]
    firms = c.shares(FIRMS), c.slot_start, c.amounts(FIRMS), c.amounts(FIRMS), c.some(FIRMS)
    made = np.full(c.slots, np.nan), np.zeros(c.slots)  # of imports where there is a share
    return 0, FIRMS, 1, 2, 0.12, 0.34, *firms, *slots, c.ring(IMPORT_LEAD), c.amounts(c.slots), *made


def arguments_add_orders(c):
    return 0, FIRMS, c.link_start[c.slot_start], c.supplier, c.slot, c.shares(c.links), c.amounts(c.slots), np.zeros(FIRMS)


def arguments_share_out(c, final_last=True):
    made = (np.full(FIRMS, np.nan) for _ in range(4))
    final = c.amounts(FIRMS)
    return 0, FIRMS, final_last, c.amounts(FIRMS) + final, final, *(c.amounts(FIRMS) for _ in range(4)), *made


def arguments_ship_links(c, lead=LEAD):
    lead_time = c.rng.integers(1, lead + 1, c.links).astype(np.int8)
    share = np.where(c.some(c.slots), c.shares(c.slots), 0.0)
    slots = share, c.amounts(c.slots), c.amounts(c.slots), c.amounts(c.slots)
    owed = c.amounts(c.links), c.amounts(c.links), c.amounts(c.slots), c.amounts(FIRMS)
    offers = np.stack((c.shares(FIRMS), 0.5 + c.shares(FIRMS)), axis=1)
    return (
        0, FIRMS, 1, 2, c.slot_start, c.link_start, c.slot, c.supplier, c.shares(c.links), lead_time, offers, c.customer, c.group,
        c.shares(SECTORS), 1.0 + c.shares(SECTORS), *slots, *owed, c.ring(lead), c.ring(IMPORT_LEAD), np.full(c.slots, np.nan),
        1.0 + c.shares(c.slots), np.full(FIRMS, np.nan),
    )  # fmt: skip


def _terms(c):
    return np.where(c.some(FIRMS), 4.0, 1.0 + 3.0 * c.shares(FIRMS))


def _weights(c):
    return np.where(c.some(c.links), c.shares(c.links), 0.0)


def arguments_find_due(c):
    owed, spendable = (c.amounts(FIRMS), c.amounts(FIRMS)), np.where(c.shares(FIRMS) < 0.3, 1e300, c.amounts(FIRMS))
    sums = (np.full(FIRMS, np.nan) for _ in range(4))
    return 0, FIRMS, 0.25, c.some(FIRMS), _terms(c), *owed, spendable, *sums, np.zeros(FIRMS, dtype=bool)


def arguments_pay_usual(c):
    return 0, FIRMS, 0.25, 0.5, c.link_start[c.slot_start], c.some(FIRMS), _weights(c), c.amounts(c.links), np.zeros(FIRMS, dtype=bool)


def arguments_pay_singly(c):
    rows, starts = np.flatnonzero(c.some(FIRMS)), c.link_start[c.slot_start]
    return rows, 0.25, starts, c.some(FIRMS), _terms(c), c.supplier, c.amounts(c.links), c.amounts(FIRMS), c.amounts(FIRMS)


def arguments_pay_last(c):
    rows, starts = np.flatnonzero(c.some(FIRMS)), c.link_start[c.slot_start]
    return rows, 0.5, starts, c.supplier, _weights(c), c.amounts(c.links), *(c.amounts(FIRMS) for _ in range(4))


def arguments_plan_capital(c):
    given = (c.amounts(FIRMS) for _ in range(5))
    return 0, FIRMS, 1.25, 52.0, c.some(FIRMS), *given, c.shares(FIRMS), np.full(FIRMS, np.nan), np.full(FIRMS, np.nan)


def arguments_pay_loans(c):
    given, kind = [c.amounts(FIRMS) for _ in range(7)], c.some(FIRMS).astype(np.int8)
    rate, interest, paid, principal, overdue = (np.full(FIRMS, np.nan) for _ in range(5))
    return (
        0, FIRMS, 0.07, 0.01, 0.004, kind, c.some(FIRMS), c.shares(FIRMS), c.shares(FIRMS), c.shares(FIRMS), *given[:3], given[3], rate,
        interest, given[4], paid, principal, overdue,
    )  # fmt: skip


def arguments_count_profit(c):
    slots, firms = (c.amounts(c.slots) for _ in range(3)), (c.amounts(FIRMS) for _ in range(13))
    return 0, FIRMS, c.slot_start, *slots, *firms, np.full(FIRMS, np.nan)


def arguments_look_back(c):
    return 0, FIRMS, *(c.amounts(FIRMS) for _ in range(28))


def arguments_aim(c):
    return 0, FIRMS, True, 1.25, 52.0, *(c.amounts(FIRMS) for _ in range(8)), np.full(FIRMS, np.nan)


def arguments_emergency_costs(c):
    return 0, FIRMS, c.slot_start, c.group, 1.0 + c.shares(SECTORS), c.amounts(c.slots), np.full(FIRMS, np.nan)


def arguments_value_inputs(c):
    held = c.shares(c.slots), c.amounts(c.slots), c.ring(LEAD), c.ring(IMPORT_LEAD)
    return 0, FIRMS, c.slot_start, *held, np.full(FIRMS, np.nan)


def arguments_cut_rows(c):
    return c.supplier, np.zeros(FIRMS + 1, dtype=np.int64)


def arguments_sort_rows(c):
    return c.supplier, c.supplier_start[:-1].copy(), np.full(c.links, -1, dtype=np.int64)


def arguments_match_slots(c):
    customer = np.repeat(np.arange(FIRMS, dtype=np.int32), np.diff(c.slot_start))
    group = c.group[np.lexsort((c.group, customer))]
    missing = c.rng.random(c.slots) < 0.1  # slots of links that are not there
    return customer[~missing], group[~missing], customer[c.slot], group[c.slot], np.full(c.links, -2, dtype=np.int32)


def _some_slots(c):
    return np.sort(c.rng.permutation(c.slots)[: c.slots // 2])


def arguments_find_rows(c):
    slot, supplier = _some_slots(c), np.concatenate([np.sort(part) for part in np.split(c.supplier, c.link_start[1:-1])])
    row, there = np.full(slot.size, -2, dtype=np.int64), np.zeros(slot.size, dtype=bool)
    return slot, c.rng.integers(0, FIRMS, slot.size), c.link_start, supplier, row, there


def arguments_move_starts(c):
    come, gone = np.sort(c.rng.integers(0, FIRMS, 20)), np.sort(c.rng.permutation(c.links)[:20])
    return c.supplier_start, come, np.sort(c.supplier[gone]).astype(np.int64)


def arguments_pick_rows(c):
    some, wanted, free = np.arange(3, FIRMS, 7), np.zeros(FIRMS, dtype=bool), np.zeros(FIRMS, dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(np.diff(c.supplier_start)[some])])
    wanted[some], free[some] = True, start[:-1]
    return c.supplier, wanted, free, np.full(start[-1], -2, dtype=np.int64)


def _changes(c):
    return np.sort(c.rng.integers(0, c.links + 1, 30)), np.sort(c.rng.permutation(c.links)[:20])


def arguments_cut_moves(c):
    return *_changes(c), c.links, *np.full((3, 51), -2, dtype=np.int64)


def arguments_move_rows(c):
    move = rows.Moves(c.links, *_changes(c))
    words = np.concatenate([c.rng.integers(0, 3, 2 * c.links), np.zeros(60, dtype=np.int64)]).astype(np.uint64)
    return words, np.ones(2, dtype=np.uint64), move.first, move.stop, move.shift, move.made, move.n, move.before


def arguments_move_owners(c):
    places, gone = np.sort(c.rng.integers(0, c.slots + 1, 10)), np.sort(c.rng.permutation(c.slots)[:5])
    move = rows.Moves(c.slots, places, gone)
    return c.slot, c.link_start, move.first, move.stop, move.shift


def arguments_idle_links(c):
    return *(np.round(c.shares(c.links)) for _ in range(3)), np.full(c.links, -2, dtype=np.int64)


def _draws_of_slots(c):
    return c.rng.integers(-1, REGIONS, c.slots).astype(np.int32), c.group[: c.slots], c.rng.random(c.slots), c.rng.random(c.slots)


def arguments_pick_members(c):
    cell = np.sort(c.rng.permutation(np.repeat(np.arange(SECTORS * (REGIONS + 1)), 3))[:FIRMS])
    start = np.searchsorted(cell, np.arange(SECTORS * (REGIONS + 1) + 1))
    cumulated = np.concatenate([[0.0], np.cumsum(1.0 + c.amounts(FIRMS))])
    share, places = np.array([0.5, 0.3, 0.2]), (0.1 * cumulated).astype(np.int32)
    guide = np.searchsorted(places, np.arange(places[-1] + 2))
    return *_draws_of_slots(c), 0.5, share, start, cumulated, 0.1, guide, c.rng.permutation(FIRMS), np.full(c.slots, -2, dtype=np.int64)


def _taste(c):
    """What makes a score of a firm: whether the buyers of slots were warned, their regions, appeal, regions, and their weights."""
    heard, region = c.rng.integers(0, 2, c.slots).astype(np.int8), c.rng.integers(-1, REGIONS, c.slots).astype(np.int32)
    return heard, region, c.rng.normal(size=(FIRMS, 2)), _places(c)[0], 0.2, 0.1


def arguments_score(c):
    heard, region, *taste = _taste(c)
    return 3, 0.4, heard[0], region[0], *taste


def arguments_keep_better(c):
    asking, candidate = np.arange(0, c.slots, 2), c.rng.integers(-1, FIRMS, c.slots)[::2].copy()
    buyer, kind = c.rng.integers(0, FIRMS, c.slots).astype(np.int32), c.rng.integers(0, 2, FIRMS).astype(np.int8)
    asked = c.rng.random(asking.size), buyer, c.amounts(c.slots), 0.5, c.rng.random(c.slots) < 0.3
    return (
        asking, candidate, *asked, kind, c.amounts(FIRMS), c.link_start, c.supplier, np.round(c.shares(c.links)), *_taste(c),
        np.full(c.slots, -1, dtype=np.int64), c.shares(c.slots) - 0.5,
    )  # fmt: skip


def arguments_slots_asking(c):
    customer, alive = c.rng.integers(0, FIRMS, 5).astype(np.int32), c.rng.random(FIRMS) < 0.8
    lost, warned = np.round(c.shares(c.slots)), c.rng.integers(0, 2, c.slots).astype(np.int8)
    return 3, c.rng.random(5), customer, alive, lost, warned, c.link_start, 0.9, 0.4, np.full(5, -2, dtype=np.int64)


def arguments_mean_lead(c):
    lead_time = c.rng.integers(1, LEAD + 1, c.links).astype(np.int8)
    return _some_slots(c), c.link_start, c.shares(c.links), lead_time, c.shares(c.slots), IMPORT_LEAD, np.ones(c.slots)


def arguments_take_off(c):
    payables, receivables = c.amounts(FIRMS), c.amounts(FIRMS)
    paid, received = (owed * np.where(c.some(FIRMS), c.shares(FIRMS), 1.0 - 1e-15) for owed in (payables, receivables))
    return 0, FIRMS, paid, received, payables, receivables


def arguments_stand_in(c):
    slot, alive = _some_slots(c), c.rng.random(FIRMS) < 0.5
    return slot, c.link_start, c.supplier, alive, c.shares(c.links), c.shares(c.slots), np.zeros(slot.size, dtype=bool)


def arguments_worst_link(c):
    found = np.full(c.slots, -2, dtype=np.int64), np.full(c.slots, np.nan), np.full(c.slots, -2, dtype=np.int64)
    return c.link_start, c.supplier, np.round(c.shares(c.links), 1), c.rng.random(c.links), *_taste(c), *found


def arguments_scale_links(c):
    slot = _some_slots(c)
    return slot, c.shares(slot.size), c.link_start, c.shares(c.links)


def _places(c):
    """Region, -1 for everywhere, and sector of each firm."""
    return c.rng.integers(-1, REGIONS, FIRMS).astype(np.int32), c.rng.integers(0, SECTORS, FIRMS).astype(np.int32)


def arguments_sum_by(c):
    return _places(c)[0], -1, c.amounts(FIRMS), np.zeros(REGIONS + 1)


def arguments_sum_markets(c):
    shape = REGIONS, SECTORS
    return *_places(c), c.amounts(FIRMS, 2), 1.0 + c.shares(FIRMS), c.shares(FIRMS), np.zeros(shape), np.zeros(shape), np.zeros(SECTORS)


def arguments_reach_customers(c):
    budget, base = c.amounts(REGIONS, SECTORS), (c.amounts(FIRMS, 2), 1.0 + c.shares(FIRMS), c.shares(FIRMS))
    return 0, FIRMS, *_places(c), *base, budget, budget.sum(axis=0), c.amounts(SECTORS), np.full(FIRMS, np.nan)


def arguments_add_up(c):
    slots, prices = (c.slot_start, c.shares(c.slots), c.amounts(c.slots)), (_places(c)[1], c.amounts(SECTORS))
    staff = (1.0 + c.shares(FIRMS) for _ in range(7))
    fixed = c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS, 2), c.amounts(FIRMS)
    return 0, FIRMS, *slots, *prices, 1.0 + c.shares(FIRMS), *staff, *fixed, np.full(FIRMS, np.nan), np.full(FIRMS, np.nan)


def arguments_value_sales(c):
    firms = c.rng.random(FIRMS) < 0.7, c.rng.integers(0, 2, FIRMS).astype(np.int8), *(c.amounts(FIRMS) for _ in range(6))
    member = c.rng.integers(0, 2, (FIRMS, 2)).astype(np.int8), c.shares(FIRMS * 2).reshape(FIRMS, 2)
    return 0, FIRMS, *firms, *member, 0.3, 0.2, np.full((2, FIRMS), np.nan), np.full((2, FIRMS), np.nan)


def _skills(c) -> np.ndarray:
    """(FIRMS, 11) levels, 0 and 1 among them."""
    return c.shares(FIRMS * 11).reshape(FIRMS, 11)


def _region(c) -> np.ndarray:
    return c.rng.integers(-1, REGIONS, FIRMS).astype(np.int32)


def arguments_sum_skills(c):
    return _region(c), c.amounts(FIRMS), _skills(c), np.zeros((REGIONS + 1, 11))


def arguments_sum_profiles(c):
    places = (REGIONS + 1, 11)
    return _region(c), c.amounts(FIRMS), _skills(c), np.zeros(places), np.full(places, np.inf), np.full(places, -np.inf)


def arguments_mix_in(c):
    known, slope = (c.shares((REGIONS + 1) * 11).reshape(REGIONS + 1, 11) for _ in range(2))
    return _region(c), c.amounts(FIRMS), c.amounts(FIRMS), known, slope, _skills(c), _skills(c)


def arguments_sum_gains(c):
    return c.rng.integers(0, 6, FIRMS), c.amounts(FIRMS), _skills(c), _skills(c), np.zeros((6, 11)), np.zeros(6)


def arguments_study(c):
    peers, use_of_function = (c.shares(rows * 11).reshape(rows, 11) - shift for rows, shift in ((6, 0.5), (7, 0.0)))
    practice = np.where(c.rng.random((FIRMS, 1)) < 0.5, 1.0, 2.0 * c.shares(FIRMS * 7).reshape(FIRMS, 7))
    staff, training = (c.amounts(FIRMS), c.amounts(FIRMS), c.shares(FIRMS) - 0.5), (40.0 * c.shares(FIRMS), c.shares(FIRMS))
    return (
        0, FIRMS, c.rng.integers(0, SECTORS, FIRMS).astype(np.int32), c.rng.integers(0, 6, FIRMS), *staff, practice, *training,
        c.rng.random(FIRMS) < 0.3, 0.1 * _skills(c), _skills(c), c.shares(SECTORS * 11).reshape(SECTORS, 11),
        0.1 * c.shares(SECTORS * 11).reshape(SECTORS, 11), peers, use_of_function, use_of_function.sum(axis=0), np.round(c.shares(11)),
        3, 0, 1.0, 1.0, 0.02, 0.03, 0.25, 4.0, _skills(c), np.full(FIRMS, np.nan), np.full(FIRMS, np.nan),
    )  # fmt: skip


def arguments_ask_around(c):
    region = c.rng.integers(0, REGIONS, FIRMS).astype(np.int32)
    staff = c.amounts(FIRMS), c.amounts(FIRMS)
    return c.rng.random(FIRMS) < 0.8, region, *staff, 0.25, np.zeros(REGIONS), np.zeros(REGIONS), np.full(FIRMS, np.nan)


def arguments_lend_staff(c):
    return 0, FIRMS, c.rng.integers(0, REGIONS, FIRMS).astype(np.int32), c.shares(REGIONS), c.shares(REGIONS), c.rng.normal(size=FIRMS)


def arguments_pay_of_lent(c):
    return 0, FIRMS, c.rng.normal(size=FIRMS), 1.0 + c.shares(FIRMS), c.amounts(FIRMS), np.full(FIRMS, np.nan)


def arguments_rate_competence(c):
    typical, weight = c.shares((REGIONS + 1) * 11).reshape(REGIONS + 1, 11), c.shares(77).reshape(7, 11)
    made = np.full((FIRMS, 7), np.nan), np.full(FIRMS, np.nan)
    return 0, FIRMS, c.rng.permutation(FIRMS), _region(c), _skills(c), typical, weight, *made


def arguments_gini(c):
    return (c.amounts(7),)


def arguments_find_turn(c):
    return c.rng.permutation(5 * FIRMS)[:FIRMS], 5, 13.0, np.zeros(FIRMS, dtype=bool)


def arguments_sum_pay(c):
    return _region(c), *(c.amounts(FIRMS) for _ in range(3)), np.full(FIRMS, np.nan), np.zeros(REGIONS + 1), np.zeros(REGIONS + 1)


def arguments_wish(c):
    output = c.amounts(FIRMS), c.amounts(FIRMS), 1.0 + c.shares(FIRMS), c.shares(FIRMS), c.amounts(FIRMS)
    staff = 1.0 + c.shares(FIRMS), 1.0 + c.shares(FIRMS), 1.0 + c.shares(FIRMS), c.amounts(FIRMS), c.rng.normal(size=FIRMS)
    kept = c.rng.random(FIRMS) < 0.9, c.shares(FIRMS), c.shares(FIRMS), 1.0 + c.shares(FIRMS), 1.0 + c.shares(FIRMS)
    return 0, FIRMS, *output, *staff, *kept, 0.2, 0.2, 0.012, *(np.full(FIRMS, np.nan) for _ in range(4))


def arguments_fill(c):
    return 0, FIRMS, _region(c), c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(REGIONS), np.full(FIRMS, np.nan)


def arguments_review_pay(c):
    slack, staff = 0.2 * c.shares(REGIONS + 1) - 0.1, (c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS))
    return (
        0, FIRMS, _region(c), slack, c.rng.random(FIRMS) < 0.5, *staff, c.amounts(FIRMS), 13.0, 0.05, 0.1, 0.05, 0.5, c.shares(FIRMS),
        c.amounts(FIRMS),
    )  # fmt: skip


def arguments_longest(c):
    staff = c.amounts(FIRMS), c.rng.normal(size=FIRMS), 1.0 + c.shares(FIRMS), 1.0 + c.shares(FIRMS)
    return 0, FIRMS, c.shares(FIRMS), 1.1, *staff, c.amounts(FIRMS), 1.0 + c.shares(FIRMS), np.full(FIRMS, np.nan)


def _tiers(c) -> np.ndarray:
    return c.rng.integers(0, 4, (FIRMS, 7)).astype(np.int8)


def _by_function(c, rows=FIRMS) -> np.ndarray:
    return c.shares(rows * 7).reshape(rows, 7)


def _known(c) -> np.ndarray:
    """What there is to know of each firm, in bits; a third are no peers, a third have no tool."""
    return c.rng.choice(np.array([0, tools.PEER, tools.PEER + 1, tools.PEER + 72], dtype=np.uint8), FIRMS)


def arguments_count_users(c):
    users = np.zeros((REGIONS, SECTORS)), np.zeros((REGIONS, SECTORS, 7))
    return c.rng.random(FIRMS) < 0.7, *_places(c), _tiers(c), 3, *users, np.full(FIRMS, 255, dtype=np.uint8)


def arguments_tag_layoffs(c):
    return 0, FIRMS, c.rng.random(FIRMS) < 0.8, *(c.amounts(FIRMS) for _ in range(6)), np.full(FIRMS, np.nan)


def _asked(c):
    return _known(c), _by_function(c), np.zeros(15), np.zeros((15, 7)), np.zeros((15, 7))


def arguments_ask_links(c):
    customer_start = c.link_start[c.slot_start]
    buyer = np.repeat(np.arange(FIRMS), np.diff(customer_start)).astype(np.int32)
    rows = np.sort(c.rng.permutation(FIRMS)[:15])
    place = np.full(FIRMS, -1, dtype=np.int32)
    place[rows] = np.arange(15)
    return rows, place, customer_start, c.supplier, buyer, c.shares(c.links), *_asked(c)


def arguments_listen(c):
    known, belief, _, having, told = _asked(c)
    return np.uint32(3), np.uint32(c.rng.integers(FIRMS)), known, belief, having, told


def arguments_share_of_peers(c):
    region = c.rng.integers(0, REGIONS, FIRMS).astype(np.int32)
    number, users = np.round(3.0 * c.shares(REGIONS * SECTORS).reshape(REGIONS, SECTORS)), c.amounts(REGIONS, SECTORS, 7)
    asked = np.round(3.0 * c.shares(FIRMS)), np.round(2.0 * _by_function(c))
    return (
        0, FIRMS, c.rng.permutation(FIRMS), region, _places(c)[1], _known(c), number, users, *asked, 0.5, np.full((FIRMS, 7), np.nan),
        _by_function(c),
    )  # fmt: skip


def _made(*shapes):
    return (np.full(shape, np.nan) for shape in shapes)


def arguments_describe(c):
    shares = c.shares(SECTORS * 7).reshape(SECTORS, 7)
    fit = np.where(c.rng.random((FIRMS, 7)) < 0.5, 1.0 + _by_function(c), 0.0)
    work = shares, c.amounts(FIRMS), _by_function(c), _by_function(c), _by_function(c) - 0.5, fit
    worth = c.shares(FIRMS), c.shares(7), 1.0 + c.shares(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS, 7), c.shares(7)
    made = _made(*4 * [(FIRMS, 7)], FIRMS)
    return 0, FIRMS, _places(c)[1], *work, *worth, 0.02, 1.5, 0.8, 0.2, 0.5, 0.3, 1.0, *made, np.ones(FIRMS, dtype=bool)


def arguments_weigh(c):
    told = _by_function(c), _by_function(c), np.round(2.0 * _by_function(c)), _by_function(c)
    worth = c.shares(FIRMS) - 0.5, 0.1 + c.shares(FIRMS), 0.1 * c.shares(FIRMS)
    return (
        0, FIRMS, c.rng.permutation(FIRMS), _tiers(c) >= 3, *told, *worth, 0.01, 0.2, 0.2, 1.75, 0.5, 1.0, 0.5, 0.5, 4.0,
        *_made(*4 * [(FIRMS, 7)]),
    )  # fmt: skip


def arguments_work(c):
    depth = [np.maximum(_by_function(c) - 0.3, 0.0) for _ in range(3)]  # often all zero
    made = _made(*2 * [(FIRMS, 7)], *4 * [FIRMS])
    return (
        0, FIRMS, c.rng.permutation(FIRMS), _places(c)[1], c.shares(SECTORS * 7).reshape(SECTORS, 7), *depth, _by_function(c) - 0.5,
        _by_function(c), 2.0 * _by_function(c), c.amounts(FIRMS, 7), c.shares(7), 1.0 + c.shares(FIRMS), c.shares(7), 0.02, 1.5, 0.8, 0.5,
        0.3, 1.0, *made, np.ones(FIRMS, dtype=bool), *_made((FIRMS, 7)),
    )  # fmt: skip


def arguments_labour(c):
    return *(float(x) for x in c.shares(3)), 0.3, 1.0


def arguments_ready(c):
    return float(c.rng.normal()), 0.5


def arguments_seen_of(c):
    return float(c.shares(1)[0]), 0.3, 0.02, 1.5, 0.8


def arguments_beyond(c):
    return *(float(x) for x in c.shares(2)), float(2.0 * c.shares(1)[0])


def arguments_imply_demand(c):
    downstream = c.amounts(FIRMS, SECTORS)
    given = c.shares(FIRMS), downstream, c.amounts(SECTORS), c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS), c.rng.random(FIRMS) < 0.8
    kept = c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS), c.amounts(FIRMS)
    return 0, FIRMS, *given, 26.0, *kept, np.full(FIRMS, np.nan), np.full(FIRMS, np.nan)


def _purchases(c):
    customer_start = c.link_start[c.slot_start]
    return customer_start, c.slot, c.supplier, c.shares(c.links), c.amounts(c.slots), c.shares(c.slots), c.amounts(FIRMS)


def _on(c):
    return np.where(c.rng.random(FIRMS) < 0.5, c.shares(FIRMS), 0.0)


def arguments_add_purchases(c):
    return 0, FIRMS, *_purchases(c), _on(c), np.zeros(FIRMS)


def arguments_look_downstream(c):
    sector = c.rng.integers(0, SECTORS, FIRMS).astype(np.int32)
    return *_purchases(c), _on(c), c.amounts(FIRMS), sector, np.ones((FIRMS, SECTORS))


ARGUMENTS = {name.removeprefix("arguments_"): make for name, make in list(globals().items()) if name.startswith("arguments_")}


def called(function, arguments):
    """What a function returns, and all its arrays after it, as bytes."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        returned = function(*copies)
    return returned, [a.tobytes() for a in copies if isinstance(a, np.ndarray)]


def test_every_kernel_has_arguments_here():
    assert {name.rpartition(".")[2] for name in KERNELS} == set(ARGUMENTS)


@compiled
@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@pytest.mark.parametrize("seed", range(4))
def test_compiled_says_what_python_says(name, seed):
    """Bit for bit: nothing is reassociated, contracted or rounded differently."""
    arguments = ARGUMENTS[name](Case(seed))
    assert called(kernel(name), arguments) == called(python(kernel(name)), arguments)


@compiled
@pytest.mark.parametrize("rule", range(len(production.RULES)), ids=production.RULES)
def test_compiled_says_what_python_says_for_every_input_rule(rule):
    arguments = arguments_make_goods(Case(11), rule)
    assert called(production.make_goods, arguments) == called(python(production.make_goods), arguments)


@compiled
def test_compiled_says_what_python_says_for_two_weeks_on_the_way():
    arguments = arguments_ship_links(Case(11), 2)
    assert called(trade.ship_links, arguments) == called(python(trade.ship_links), arguments)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_kernel_writes_every_row_it_is_given_and_numbers_only(name):
    """Outputs start as NaN: what is left of it was not written. Also runs uncompiled."""
    arguments = ARGUMENTS[name](Case(5))
    with np.errstate(over="ignore"):
        returned = kernel(name)(*arguments)
    assert (returned is not None) == (name in RETURNING)
    for array in arguments:
        assert not isinstance(array, np.ndarray) or np.isfinite(array).all()


OF_ROWS = sorted(name for name in ARGUMENTS if python(kernel(name)).__code__.co_varnames[:2] == ("start", "stop"))


@pytest.mark.parametrize("name", OF_ROWS)
def test_kernel_in_pieces_is_the_kernel_in_one(name):
    """A kernel of rows [start, stop) gathers and never scatters: any cut, run in any order, gives the same bits."""
    arguments = ARGUMENTS[name](Case(3))
    whole = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    kernel(name)(*whole)
    for start, stop in ((17, 30), (30, FIRMS), (0, 1), (1, 17)):
        kernel(name)(start, stop, *arguments[2:])
    for a, b in zip(arguments, whole, strict=True):
        assert not isinstance(a, np.ndarray) or a.tobytes() == b.tobytes()


def test_total_is_the_sum_exactly_rounded_where_a_plain_sum_is_not():
    """Neumaier (1974): 1 + 1e100 + 1 - 1e100 is 2; zeros appended change nothing."""
    values = np.array([1.0, 1e100, 1.0, -1e100])
    assert values.sum() == 0.0
    assert state.total(values) == 2.0
    noise = Case(2).amounts(999)
    assert state.total(noise) == state.total(np.concatenate([noise, np.zeros(50)]))


# -- one version, one result --------------------------------------------------------------------------------------------------------------

RUN = """
import sys, hashlib
import numpy as np
from models import advance, columns, miniature
from smbsim import draws, heads, reconstruct, rows, state, suppliers, tools, trade_credit
from smbsim.mechanisms import base, costs, credit, finance, labour, market, orders, platforms, production, skills, sourcing, trade
from smbsim.draws import Draws

def digest(threads):
    s, plan, keyed = miniature(60, threads=threads, production={"emergency_share": 1, "scarcity": 1, "breakdown_hazard": 0.02})
    s.firms.demand_factor[:] = 0.7
    advance(s, plan, keyed, 0, 3)
    h = hashlib.sha256()
    for name, values in columns(s).items():
        h.update(repr(name).encode()); h.update(values.tobytes())
    return h.hexdigest(), s, plan, keyed

(one, s, plan, keyed), (two, *_) = digest(1), digest(2)
assert one == two, "one and two threads differ"
s = s.relabelled(np.arange(s.firms.n)[::-1].copy())
s.append_firms(sector=np.zeros(2, dtype=int))
advance(s, plan, keyed, 3, 4)
miniature(60, reconstruct={"rule": "scgm"})
Draws(1).uniform("pair", 0, np.arange(3), np.arange(3))
on = {"enabled": True}
life = miniature(60, model="life", skills=on, automation=on, platforms=on, exits={"retirement_hazard": 0.9}, entry={"rate": 0.9})
advance(*life, 0, 7)
for module in (draws, rows, state, suppliers, reconstruct, production, orders, trade, finance, credit, costs, sourcing, labour, market,
               heads, skills, tools, platforms, trade_credit, base):
    for name, k in vars(module).items():
        if hasattr(k, "py_func") and k.py_func.__module__ == module.__name__:
            print(name, len(k.signatures))
"""


@compiled
def test_kernels_are_compiled_once_and_threads_do_not_show():
    """After a run, with one thread and with two, relabelled and with firms appended, every kernel has one signature, or one by word."""
    path = os.pathsep.join([str(Path(__file__).parent), str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert done.stderr == ""
    signatures = dict(line.split() for line in done.stdout.splitlines())
    versions = {name.rpartition(".")[2]: "1" for name in KERNELS} | {"move_rows": "3"}  # for columns of one, four and eight bytes
    assert signatures.keys() == versions.keys()
    assert {name for name, number in signatures.items() if number != versions[name]} <= PARTS
    odd = {name: signatures[name] for name in PARTS if signatures[name] not in ("0", "1")}
    assert not odd, "compiled for more than one sort of arguments"
