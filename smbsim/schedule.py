"""The phases of one week, in order, each with the reason for its place. `simulate.advance` runs them and nothing else.

Every method reads the state as the phases before it left it; goods, orders and payments move one hop a week, so that no result
depends on the order of firms within a phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .mechanisms.base import Mechanism

SCHEDULE = (
    # phase, mechanism, method                 why here
    ("arrivals", "trade", "receive"),  # goods dispatched in earlier weeks can be used this week
    ("downtime", "production", "break_down"),  # before anybody counts on the capacity
    ("expectations", "orders", "expect"),  # from last week's demand: nobody knows this week's yet
    ("labour", "labour", "adjust"),
    ("production", "production", "produce"),  # goods are made to plan; services learn what they could make
    ("orders", "orders", "place"),  # after use, so that the stock is what is left
    ("final demand", "passthrough", "spend"),  # budgets first: from deposits at the start of the week
    ("final demand", "households", "spend"),
    ("final demand", "market", "share"),
    ("delivery", "trade", "collect"),
    ("delivery", "production", "serve"),  # services are made to order, so after the orders
    ("delivery", "trade", "ration"),
    ("delivery", "trade", "ship"),
    ("delivery", "production", "work_overtime"),
    ("payment", "trade", "invoice"),  # payment follows booking
    ("payment", "market", "sell"),
    ("payment", "market", "buy_elsewhere"),
    ("payment", "labour", "pay"),  # seniority: wages, taxes, imports, trade credit, then capital
    ("payment", "government", "tax_products"),
    ("payment", "market", "buy_spot"),
    ("payment", "production", "pay_emergency"),
    ("payment", "finance", "pay"),
    ("payment", "finance", "invest"),
    ("distribution", "finance", "pay_interest"),
    ("distribution", "government", "tax_profits"),
    ("distribution", "finance", "distribute"),  # what is left above the liquidity target
    ("distribution", "passthrough", "pay"),
    ("distribution", "foreign", "close"),
    ("distribution", "government", "pay"),
    ("distribution", "government", "collect"),  # last: income of the week is complete
    ("region", "households", "update"),
)  # fmt: skip


def plan(mechanisms: Sequence[Mechanism]) -> tuple[tuple[str, Callable], ...]:
    """The schedule bound to these mechanisms: (phase, method) in order; mechanisms that are not there are left out."""
    by_name = {mechanism.name: mechanism for mechanism in mechanisms}
    return tuple((f"{phase}: {name}.{method}", getattr(by_name[name], method)) for phase, name, method in SCHEDULE if name in by_name)
