"""Random scenarios for property tests: parameters within their declared bounds, populations, networks, shocks, disturbed states.

A `Case` is plain data, so that a failing one can be read and repeated; `Case.build` makes the state, the plan and the draws of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import models
import numpy as np
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from smbsim import network, population, scenario, simulate
from smbsim.draws import Draws
from smbsim.interventions import policies as policy
from smbsim.interventions.policy import CONDITION_NEEDS, CONDITIONS, Regional
from smbsim.interventions.shocks import KINDS
from smbsim.mechanisms.base import Mechanism
from smbsim.state import State
from smbsim.trade_credit import sum_credit

RANDOM = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}  # settings: other cases each time
REPEATABLE = {**RANDOM, "derandomize": True, "phases": (Phase.explicit, Phase.generate)}  # the same cases each time, not shrunk

NARROWED = {  # (mechanism, parameter): bounds within the declared ones, where the whole range would only cost memory or time
    ("orders", "input_cover_weeks"): (0.0, 26.0),
    ("orders", "finished_cover_weeks"): (0.0, 26.0),
    ("trade", "import_lead"): (1, 12),
    ("trade", "local_lead"): (1, 8),
    ("trade", "other_lead"): (1, 8),
    ("government", "other_transfers"): (0.0, 1e6),
    ("sourcing", "candidates"): (1, 8),
    ("sourcing", "every"): (1, 8),
    ("entry", "every"): (1, 8),
    ("labour", "wage_review_weeks"): (1, 26),
    ("market", "review_weeks"): (1, 26),
    ("exits", "estate_weeks"): (0, 12),
    ("exits", "grace_weeks"): (0, 8),
}
LEFT_OUT = {("government", "income_tax"), ("government", "other_transfers")}  # most values have no resting budget: see `government`
LARGEST_RISE = 5.0  # of a price or a preference; declared up to 100 and more
LATEST_START = 12  # so that a shock acts in the few weeks that are looked at
SECTORS_OF_NETWORKS = 6


# -- parameters -----------------------------------------------------------------------------------------------------------------------


def values(owner: type, name: str, low: float | None = None, high: float | None = None) -> st.SearchStrategy:
    """Every value that `param` declares for a field: the choices of a Literal, both switches of a bool, the numbers within bounds."""
    declared = owner.model_fields[name]
    kinds = [kind for kind in get_args(declared.annotation) if kind is not NoneType] if _optional(declared.annotation) else None
    kind = kinds[0] if kinds else declared.annotation
    if get_origin(kind) is Literal:
        found = st.sampled_from(get_args(kind))
    elif kind is bool:
        found = st.booleans()
    else:
        bounds = {type(m).__name__: m for m in declared.metadata}
        low = bounds["Ge"].ge if low is None else low
        high = bounds["Le"].le if high is None else min(high, bounds["Le"].le)
        found = st.integers(low, high) if kind is int else st.floats(low, high, allow_subnormal=False)
    return st.none() | found if kinds else found


def _optional(annotation) -> bool:
    return get_origin(annotation) is not Literal and NoneType in get_args(annotation)


def parameters(mechanism: type[Mechanism]) -> st.SearchStrategy[dict]:
    """Some of the parameters of a mechanism, each anywhere within its bounds."""
    name = mechanism.name
    free = [field for field in mechanism.model_fields if (name, field) not in LEFT_OUT]
    return st.fixed_dictionaries({}, optional={f: values(mechanism, f, *NARROWED.get((name, f), ())) for f in free})


government = st.sampled_from(
    ({}, {"income_tax": 0.05}, {"income_tax": 0.4}, {"income_tax": None}, {"income_tax": None, "other_transfers": 1e3})
)


@st.composite
def sections(draw) -> dict[str, Any]:
    """Sections of a scenario: a rung of the ladder, mechanisms on or off as far as they can be, every mechanism with some parameters."""
    model = draw(st.sampled_from(("closed", "money", "work", "life", "life")))
    found = {mechanism.name: draw(parameters(mechanism)) for mechanism in scenario.MECHANISMS}
    found["government"] |= draw(government)
    found = {name: section for name, section in found.items() if section}
    on = {name for name in scenario.NEEDS if _enabled(model, found, name)}
    for name in scenario.NEEDS:  # later ones need earlier ones
        needed = scenario.NEEDS[name]
        if name in on and not all(_enabled(model, found, other) for other in needed):
            found.setdefault(name, {})["enabled"] = False
    return {"model": model, **found}


def _enabled(model: str, found: dict, name: str) -> bool:
    said = found.get(name, {}).get("enabled")
    return scenario.PRESETS[model].get(name, {}).get("enabled", False) if said is None else said


def switched_on(sections: dict) -> set[str]:
    """The mechanisms that can be off and are on under these sections."""
    resolved = scenario.load(sections)
    return {mechanism.name for mechanism in resolved.mechanisms if getattr(mechanism, "enabled", False)}


# -- shocks ---------------------------------------------------------------------------------------------------------------------------


def targets(codes, regions, firms) -> st.SearchStrategy[dict]:
    """Up to three keys of a target; together they may select nobody."""
    keys = {
        "sector": st.lists(st.sampled_from(codes), min_size=1, max_size=4, unique=True),
        "region": st.lists(st.sampled_from(regions), min_size=1, max_size=2, unique=True),
        "firms": st.lists(st.sampled_from(firms), min_size=1, max_size=5, unique=True),
        "size": st.lists(st.sampled_from(("micro", "small", "medium")), min_size=1, max_size=2, unique=True),
        "kind": st.sampled_from(("smb", "large")),
        "share": st.floats(0.05, 1.0),
        "largest": st.integers(1, 20),
    }
    some = st.lists(st.sampled_from(sorted(keys)), max_size=3, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: keys[name] for name in names}))


@st.composite
def shocks(draw, codes, regions, firms, on=()) -> dict[str, Any]:
    """One shock of any kind, profile and size, as in a scenario file. on: mechanisms that a kind may need."""
    kind = draw(st.sampled_from(sorted(name for name, of in KINDS.items() if set(of.needs) <= set(on) and "policy" not in of.model_fields)))
    found = {"kind": kind, **draw(windows(("step", "ramp", "pulse", "decay", "ar1")))}
    found["size"] = draw(values(KINDS[kind], "size", None, LARGEST_RISE if kind in ("import_price", "wage", "cost") else None))
    if kind in ("import_stop", "import_price"):
        named = draw(st.none() | st.lists(st.sampled_from(codes), min_size=1, max_size=4, unique=True))
        found["target"] = {} if named is None else {"sector": named}
    else:
        found["target"] = draw(targets(codes, regions, firms))
    if kind == "credit_crunch":
        found["spread"] = draw(st.floats(0.0, 0.2))
    return found


@st.composite
def windows(draw, profiles) -> dict[str, Any]:
    """When something acts and how its strength moves."""
    start, weeks, profile = draw(st.integers(0, LATEST_START)), draw(st.integers(1, 20)), draw(st.sampled_from(profiles))
    found: dict[str, Any] = {"start": start, "profile": profile}
    if profile == "ramp" or (profile != "pulse" and draw(st.booleans())):
        found["stop"] = start + weeks
    if "stop" in found or profile == "pulse":
        found["recovery"] = draw(st.integers(0, 10))
    if profile == "decay":
        found["tau"] = draw(st.floats(0.5, 50.0))
    if profile == "ar1":
        found["rho"] = draw(st.floats(0.0, 1.0))
    return found


@st.composite
def policies(draw, codes, regions, firms, on) -> dict[str, Any]:
    """One policy of any kind that the mechanisms that are on allow, with a budget, a condition, take-up and a lag."""
    kinds = sorted(name for name, of in policy.KINDS.items() if set(of.needs) <= set(on))
    kind = draw(st.sampled_from(kinds))
    of, found = policy.KINDS[kind], {"kind": kind, **draw(windows(("step", "ramp", "decay")))}
    found[of.amount] = draw(values(of, of.amount, None, LARGEST_RISE if of.amount == "size" else None))
    found["take_up"] = draw(st.sampled_from((0.0, 0.5, 1.0)))
    found["lag"] = draw(st.integers(0, 6)) if "stop" not in found else 0
    if of.spends:
        found["budget"] = draw(st.none() | st.sampled_from((0.0, 1e3, 1e6)))
        found["yearly_budget"] = draw(st.none() | st.sampled_from((0.0, 1e4, 1e7)))
    if issubclass(of, Regional):
        found["target"] = draw(st.sampled_from(({}, {"region": regions[:1]})))
        return found
    found["target"] = draw(targets(codes, regions, firms))
    conditions = [name for name in CONDITIONS if set(CONDITION_NEEDS.get(name, ())) <= set(on)]
    found["eligibility"] = draw(st.sampled_from(conditions))
    if kind == "regulation":
        found["curve"] = draw(st.sampled_from(("inverted_u", "fixed_cost")))
    if kind == "credit_guarantee":
        found["fee"] = draw(st.sampled_from((0.0, 0.05)))
    return found


# -- cases ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One random run, as plain data. Without `degree` the firms are drawn from the tables, with it from a random graph."""

    firms: int
    regions: int
    seed: int
    degree: float | None = None
    sections: dict = field(default_factory=dict)
    shocks: tuple[dict, ...] = ()
    policies: tuple[dict, ...] = ()
    disturbance: float = 0.0  # 0 at rest, 1 every stock anywhere between nothing and twice its level at rest

    def build(self):
        """(state, plan, draws); what selects nobody is left out. Raises InputError where no resting accounts exist."""
        draws, economy = Draws(self.seed), models.united_states()
        spec = scenario.load({"population": {"smbs": self.firms, "regions": self.regions}, **self.sections})
        if self.degree is None:
            state = population.build(spec, draws, economy)
        else:
            degree = min(self.degree, self.firms - 1)
            graph = network.random_graph(self.firms, degree, SECTORS_OF_NETWORKS, draws, self.regions)
            structure = population.from_firms(graph, economy, draws, spec.population.home_sales, spec.production.storable_days)
            state = population.settle(structure, spec.mechanisms)
        if self.disturbance:
            disturb(state, self.seed, self.disturbance)
        given = scenario.load({**self.sections, "shocks": list(self.shocks), "policies": list(self.policies)}).interventions
        spec = spec.with_(*(one for one in given if one.mask(state, draws).any()))
        return state, simulate.plan(spec, state, draws), draws


@st.composite
def cases(draw, most_shocks: int = 4, most_policies: int = 3) -> Case:
    """Any economy of 20 to 120 SMBs in 1 to 4 regions, or a random network of 2 to 60 firms; any model, parameters, shocks, policies and
    disturbance."""
    drawn = draw(st.sampled_from((True, True, False)))
    firms, regions = draw(st.integers(20, 120) if drawn else st.integers(2, 60)), draw(st.integers(1, 4))
    if drawn:
        names, uids = [f"region {r + 1}" for r in range(regions)], list(range(20))
    else:
        names = [f"region {r}" for r in range(regions)] if regions > 1 else ["all"]
        uids = [f"F{i:0{len(str(firms - 1))}d}" for i in range(firms)]
    seed, degree, parts = draw(st.integers(0, 10_000)), None if drawn else draw(st.sampled_from((0.5, 2.0, 5.0))), draw(sections())
    who = models.united_states().sectors, names, uids, switched_on(parts)
    return Case(
        firms, regions, seed, degree, parts, tuple(draw(shocks(*who)) for _ in range(draw(st.integers(0, most_shocks)))),
        tuple(draw(policies(*who)) for _ in range(draw(st.integers(0, most_policies)))), draw(st.sampled_from((0.0, 0.3, 1.0))),
    )  # fmt: skip


def disturb(state: State, seed: int, strength: float = 1.0, prices: bool = True) -> None:
    """Every stock times a random number in [1 - strength, 1 + strength], some backlog, and prices other than 1; the books still close."""
    rng = np.random.default_rng(seed)
    firms, slots, links, cells = state.firms, state.slots, state.links, state.households

    def stretch(values):
        values *= rng.uniform(1.0 - strength, 1.0 + strength, values.shape)

    if prices:
        firms.price[:] = rng.uniform(1.0 - 0.3 * strength, 1.0 + 0.5 * strength, firms.n)
        slots.purchase_price[:] = rng.uniform(1.0 - 0.3 * strength, 1.0 + 0.5 * strength, slots.n)
    for values in (firms.cash, firms.demand, firms.expected_demand, firms.inventory, slots.input_stock, slots.pipeline):
        stretch(values)
    for values in (slots.import_pipeline, firms.import_payable, links.payable, cells.deposits, cells.income_smoothed):
        stretch(values)
    firms.inventory[~firms.storable] = 0.0
    firms.overtime[:] = 1.0 + 0.2 * strength * rng.random(firms.n)
    firms.repair[:] = rng.integers(0, 3, firms.n) * (rng.random(firms.n) < 0.1 * strength)
    links.backlog[:] = strength * slots.order[links.slot] * links.weight * rng.random(links.n)
    firms.backlog_due[:] = state.sum_by_supplier(links.backlog)
    sum_credit(state)
    slots.supply_line[:] = slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1) + state.sum_links(links.backlog)
