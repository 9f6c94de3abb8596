"""The phases of one week, in order, each with the reason for its place. `simulate.advance` runs them and nothing else.

Every method reads the state as the phases before it left it; goods, orders and payments move one hop a week, so that no result
depends on the order of firms within a phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .mechanisms.base import Mechanism

SCHEDULE = (
    # phase, mechanism, method                 why here
    ("policies", "policies", "begin"),  # after phase 0 has reset what they move; from what firms were at the end of last week
    ("downtime", "production", "break_down"),  # before anybody counts on the capacity
    ("expectations", "platforms", "report"),  # what last week's reports imply goes into the forecast
    ("expectations", "orders", "expect"),  # from last week's demand: nobody knows this week's yet
    ("labour", "skills", "lend"),  # from last week's plans, so that staff on loan counts when firms hire and lay off
    ("labour", "labour", "adjust"),
    ("labour", "automation", "tag"),  # once it is known who was laid off
    ("credit", "credit", "appraise"),
    ("credit", "credit", "borrow"),  # before anything is spent
    ("credit", "finance", "plan_investment"),
    ("production", "production", "produce"),  # with what arrives: goods are made to plan; services learn what they could make
    ("orders", "orders", "place"),  # after use, so that the stock is what is left
    ("final demand", "passthrough", "spend"),  # budgets first: from deposits at the start of the week
    ("final demand", "foreign", "spend"),
    ("final demand", "households", "spend"),
    ("final demand", "market", "attract"),
    ("final demand", "costs", "order"),  # counter inputs, for the output made last
    ("final demand", "market", "share"),
    ("delivery", "trade", "collect"),
    ("delivery", "production", "serve"),  # services are made to order, so after the orders
    ("delivery", "trade", "ration"),
    ("delivery", "trade", "ship"),  # with invoices: payment follows booking
    ("delivery", "production", "work_overtime"),
    ("payment", "market", "sell"),
    ("payment", "costs", "pay_counter"),
    ("payment", "market", "buy_elsewhere"),
    ("payment", "policies", "support"),  # grants and loans can be spent this week; the subsidy labour pays is fitted to its budget
    ("payment", "finance", "open_purse"),  # what each firm can spend: deposits and this week's receipts over the counter
    ("payment", "platforms", "pay"),  # withheld from what is sold there
    ("payment", "labour", "pay"),  # seniority: wages, taxes, imports, the bank, trade credit, then capital
    ("payment", "policies", "charge"),  # compliance hours rank with wages
    ("payment", "skills", "pay"),
    ("payment", "government", "tax_products"),
    ("payment", "costs", "buy_spot"),
    ("payment", "production", "pay_emergency"),
    ("payment", "automation", "pay"),  # as spot inputs: paid, or not had
    ("payment", "finance", "pay_bank"),
    ("payment", "finance", "pay"),
    ("payment", "finance", "invest"),
    ("distribution", "finance", "take_stock"),
    ("distribution", "government", "tax_profits"),
    ("distribution", "finance", "distribute"),  # what is left above the liquidity target
    ("distribution", "passthrough", "pay"),
    ("distribution", "foreign", "close"),
    ("distribution", "platforms", "distribute"),
    ("distribution", "government", "pay"),
    ("distribution", "policies", "top_up"),  # of the benefits just paid
    ("distribution", "government", "collect"),  # last: income of the week is complete
    ("distress", "exits", "judge"),
    ("distress", "exits", "liquidate"),
    ("distress", "labour", "release"),
    ("distress", "sourcing", "close_links"),
    ("distress", "exits", "settle_estates"),
    ("distress", "policies", "make_good"),  # the guarantees just paid
    ("slow decisions", "costs", "estimate"),
    ("slow decisions", "market", "review"),  # prices hold until the next review
    ("slow decisions", "strategy", "decide"),
    ("slow decisions", "mergers", "merge"),
    ("slow decisions", "automation", "decide"),  # from what is left of deposits, at a firm's review
    ("slow decisions", "platforms", "decide"),  # before suppliers are looked for: members hear of those that do not deliver
    ("slow decisions", "sourcing", "review"),
    ("slow decisions", "skills", "learn"),  # from the work of the week
    ("slow decisions", "skills", "review"),
    ("entry", "entry", "enter"),
    ("region", "households", "update"),
    ("rules", "policies", "watch"),  # of the week that is over
)  # fmt: skip


def plan(mechanisms: Sequence[Mechanism]) -> tuple[tuple[str, Callable], ...]:
    """The schedule bound to these mechanisms: (phase, method) in order; without those that are not there, or optional and off.

    Mechanisms that are not in the schedule run where their `runs_after` puts them, in the order given.
    """
    by_name = {mechanism.name: mechanism for mechanism in mechanisms if not mechanism.optional or mechanism.enabled}
    rows = _with_added(mechanisms)
    return tuple((f"{phase}: {name}.{method}", getattr(by_name[name], method)) for phase, name, method in rows if name in by_name)


def _with_added(mechanisms: Sequence[Mechanism]) -> Sequence[tuple[str, str, str]]:
    own = [mechanism for mechanism in mechanisms if isinstance(mechanism, Mechanism)]  # policies act together as one that is none
    added = [(step, mechanism.name, method) for mechanism in own for method, step in mechanism.runs_after.items()]
    if not added:
        return SCHEDULE
    rows = []
    for phase, name, method in SCHEDULE:
        rows.append((phase, name, method))
        rows += [(phase, mine, runs) for step, mine, runs in added if step == f"{name}.{method}"]
    return rows
