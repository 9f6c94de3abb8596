"""A scenario: everything a run needs, read from a file that says only what differs.

    file → `scenario_text` → extends and overrides merged → preset of `model` fills what is open → Scenario (frozen)

Rungs of the complexity ladder, `model`
    leontief   inputs in fixed proportions pass orders on one for one: no stocks adjusted, no breakdowns, no income loop
    ario       stocks, forecasts and supply lines; consumption stays at rest
    closed     consumption follows income (default)
    money      firms pay from what they have, borrow, owe each other and fail; customers of the failed look for others
    work       firms hire and fire, wages move, people are out of work
    life       firms set prices, choose strategies, merge; new ones enter
    people     staff learns and forgets, firms train and share it, adopt tools and join platforms

Paths in a file stay under its folder; bare names (`extends: baseline`, `economy: us_2022`) are packaged ones. Sources: DECISIONS.md 1,
3, 26, 27, 28; the ladder is that of MODEL.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from . import economy as economies
from . import own_mechanisms
from .interventions.base import Intervention
from .interventions.policies import AnyPolicy, labels
from .interventions.shocks import Shock
from .mechanisms.automation import Automation
from .mechanisms.base import Mechanism
from .mechanisms.costs import Costs
from .mechanisms.credit import Credit
from .mechanisms.entry import Entry
from .mechanisms.exits import Exits
from .mechanisms.finance import Finance
from .mechanisms.foreign import Foreign
from .mechanisms.government import Government
from .mechanisms.households import Households
from .mechanisms.labour import Labour
from .mechanisms.market import Market
from .mechanisms.mergers import Mergers
from .mechanisms.orders import Orders
from .mechanisms.passthrough import Passthrough
from .mechanisms.platforms import Platforms
from .mechanisms.production import Production
from .mechanisms.skills import Skills
from .mechanisms.sourcing import Sourcing
from .mechanisms.strategy import Strategy
from .mechanisms.trade import Trade
from .reconstruct import Reconstruct
from .sample import Sample
from .scenario_errors import explain
from .scenario_files import FILES, apply_overrides, find, gather, gather_data, put
from .scenario_text import Node, merge
from .schema import Column, InputError, nearest, param
from .state import STRUCTURE

MECHANISMS = (Production, Orders, Trade, Market, Costs, Finance, Labour, Households, Government, Foreign, Passthrough, Credit,
              Exits, Sourcing, Entry, Strategy, Mergers, Skills, Automation, Platforms)  # fmt: skip

BY_HEADS = {"government": {"benefit_basis": "heads"}}  # benefits where people can be out of work
MOVING = {  # calibrated to how US firms and output move (`smbsim scorecard`)
    "foreign": {"demand_noise": 0.38, "demand_persistence": 0.9},
    "orders": {"stock_adjustment": 0.035, "inventory_adjustment": 0.035},
    "households": {"smoothing": 0.03},
}
PRESETS = {
    "leontief": {
        "orders": {"preset": "lot_for_lot"},
        "production": {"rule": "linear", "breakdown_hazard": 0.0},
        "households": {"enabled": False},
    },
    "ario": {"households": {"enabled": False}},
    "closed": {},
    "money": {section: {"enabled": True} for section in ("finance", "credit", "exits", "sourcing")},
    "work": {**{section: {"enabled": True} for section in ("finance", "credit", "exits", "sourcing", "labour")}, **BY_HEADS},
    "life": {**{section: {"enabled": True} for section in
                ("credit", "exits", "sourcing", "labour", "market", "entry", "strategy", "mergers")},
             "finance": {"enabled": True, "cash_spread": 1.42}, **BY_HEADS, **MOVING},
}  # fmt: skip
PRESETS["people"] = {**PRESETS["life"], **{section: {"enabled": True} for section in ("skills", "automation", "platforms")}}

NEEDS = {  # what a mechanism cannot do without
    "credit": ("finance",),
    "exits": ("finance", "sourcing"),
    "entry": ("finance", "credit", "sourcing"),
    "strategy": ("finance", "market"),
    "mergers": ("strategy", "exits", "credit", "labour"),
    "skills": ("labour", "finance"),
    "automation": ("finance",),
    "platforms": ("finance", "market"),
}

BASELINE, MAIN = "baseline", "scenario"  # names of the run without interventions and of the file as it stands
WITHDRAWAL = "policy_withdrawal"  # kind of shock that is about a policy
SHARED = ("extends", "variants", "horizon", "runs", "output")  # what cannot differ between the variants of one file
APART = (*SHARED, own_mechanisms.KEY)  # what a dump says once

# Size of the state: measured on us_2022, 20 000 to 1 000 000 SMBs.
SLOTS_PER_FIRM = {0.0: 21.0, 0.01: 13.9, 0.02: 11.0, 0.03: 9.4, 0.05: 6.7, 0.1: 3.3, 0.2: 1.0}  # by reconstruct.threshold
LINKS_PER_DRAW = 3.2  # links of a firm beyond one for each slot, by reconstruct.draws_per_slot
SECTORS = 21  # of columns by firm and sector
BUILD_FACTOR = 1.1  # memory at the peak, relative to the columns that are in use


class Section(BaseModel):
    """A section of a scenario file: fixed once read, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Population(Sample):
    """Who is in the economy."""

    smbs: int | None = param(2000, unit="firms", doc="SMBs; null where files say which firms there are", low=1, source="choice of size")
    regions: int = param(4, unit="regions", doc="Regions", low=1, high=10_000, source="assumption")
    region_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = param(
        None, unit="1", doc="Share of each region in SMBs; null: equal", source="assumption"
    )

    @model_validator(mode="after")
    def _check_weights(self):
        if self.region_weights is not None and len(self.region_weights) != self.regions:
            raise ValueError(f"region_weights has {len(self.region_weights)} entries for {self.regions} regions")
        if self.region_weights is not None and not sum(self.region_weights) > 0:
            raise ValueError("region_weights must have a sum above 0")
        return self

    @property
    def weights(self) -> np.ndarray:
        """(R,) shares of the regions, sum 1."""
        weights = np.ones(self.regions) if self.region_weights is None else np.array(self.region_weights)
        return weights / weights.sum()


class Network(Section):
    """A supply network known firm by firm: two CSV files or one GraphML file."""

    firms: str | None = param(None, unit="file", doc="firms.csv: firm, sector[, region, employment, output, final_sales]", source="user")
    links: str | None = param(None, unit="file", doc="links.csv: supplier, customer, weight[, essentiality]", source="user")
    graphml: str | None = param(None, unit="file", doc="A directed graph with the same words as attributes", source="user")

    @model_validator(mode="after")
    def _check_files(self):
        given = tuple(key for key in ("firms", "links", "graphml") if getattr(self, key) is not None)
        if given not in (("firms", "links"), ("graphml",)):
            raise ValueError(f"give firms and links, or graphml; given: {', '.join(given) or 'nothing'}")
        return self


class Horizon(Section):
    """How long."""

    weeks: int = param(156, unit="wk", doc="Weeks recorded", low=1, high=52_000, source="choice of horizon")
    burn_in: int = param(104, unit="wk", doc="Weeks before week 0, not recorded", low=0, high=52_000, source="DECISIONS.md 12")


class Runs(Section):
    """How often."""

    replicates: int = param(1, unit="runs", doc="Runs with different random numbers", low=1, high=1_000_000, source="choice")
    seed: int = param(1, unit="1", doc="Seed of the first run", low=0, high=2**63 - 1, source="choice")


class Output(Section):
    """What is kept."""

    metrics: tuple[str, ...] | None = param(None, unit="choice", doc="Names of metrics; null: all", source="choice")
    bands: tuple[Annotated[float, Field(ge=0, le=100)], ...] = param(
        (5.0, 25.0, 50.0, 75.0, 95.0), unit="percent", doc="Quantiles shown over runs", source="choice"
    )


class Scenario(Section):
    """A resolved scenario. Build it with `load` or from another one with `with_`; two are equal when their `dump` is."""

    name: str = Field("", description="Short name")
    description: str = Field("", description="The question it answers")
    sources: tuple[str, ...] = Field((), description="Where its numbers come from")
    economy: str = Field("us_2022", description="A packaged economy, or a folder of tables")
    model: Literal[tuple(PRESETS)] = Field("closed", description="Rung of the complexity ladder: fills what is not given")
    population: Population = Population()
    reconstruct: Reconstruct = Reconstruct()
    network: Network | None = None
    horizon: Horizon = Horizon()
    production: Production = Production()
    orders: Orders = Orders()
    trade: Trade = Trade()
    market: Market = Market()
    costs: Costs = Costs()
    finance: Finance = Finance()
    labour: Labour = Labour()
    households: Households = Households()
    government: Government = Government()
    foreign: Foreign = Foreign()
    passthrough: Passthrough = Passthrough()
    credit: Credit = Credit()
    exits: Exits = Exits()
    sourcing: Sourcing = Sourcing()
    entry: Entry = Entry()
    strategy: Strategy = Strategy()
    mergers: Mergers = Mergers()
    skills: Skills = Skills()
    automation: Automation = Automation()
    platforms: Platforms = Platforms()
    shocks: tuple[Shock, ...] = ()
    policies: tuple[AnyPolicy, ...] = ()
    variants: dict[str, dict[str, Any]] = Field({}, description="Name → what differs from this scenario")
    runs: Runs = Runs()
    output: Output = Output()

    _given: dict = PrivateAttr(default_factory=dict)  # what was said, before presets and defaults: the start of `with_`
    _added: tuple[Mechanism, ...] = PrivateAttr(default=())  # of a user's own

    def model_post_init(self, context: Any) -> None:
        """Built without a file, what was said is what was given to the constructor."""
        full = self.model_dump(mode="json")
        self._given = {**self.model_dump(mode="json", exclude_unset=True), "shocks": full["shocks"], "policies": full["policies"]}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.dump() == other.dump()

    def __hash__(self) -> int:
        return hash(json.dumps(self.dump(), sort_keys=True))

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """The mechanisms with their parameters, in the order of MECHANISMS, then those of a user's own."""
        return (*(getattr(self, mechanism.name) for mechanism in MECHANISMS), *self._added)

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """All shocks, then all policies, in file order."""
        return (*self.shocks, *self.policies)

    def dump(self) -> dict:
        """Plain data with every value, its own and those of its variants: load(s.dump()) == s, and presets have nothing left to fill.

        What stands for mechanisms of a user's own is there to be read: they cannot be loaded.
        """
        data = self.model_dump(mode="json")
        if self._added:
            data[own_mechanisms.KEY] = [own_mechanisms.told(mechanism) for mechanism in self._added]
        for name in self.variants:
            data["variants"][name] = {key: value for key, value in self._variant(name).dump().items() if key not in APART}
        return data

    def _without(self, *sections: str) -> Node:
        return Node.of({key: value for key, value in self._given.items() if key not in sections})

    def _variant(self, name: str) -> Scenario:
        return self._again(merge(self._without("variants"), Node.of(self.variants[name]), []))

    def _again(self, root: Node, problems: Sequence[str] = ()) -> Scenario:
        """Another scenario with the same mechanisms of a user's own. It may be as large as this one is."""
        scenario = _build(root, list(problems), anywhere=True)
        if scenario.memory > self.memory and (lines := [line for _, line in _too_large(scenario)]):
            raise InputError(*lines)
        scenario._added = self._added
        return scenario

    def with_(self, *changes: Intervention | Mechanism | Mapping[str, Any], **sections: Any) -> Scenario:
        """A new scenario with changes on top.

        changes  : interventions to add; mechanisms of your own to add, in place of one of the same class (see `own_mechanisms`);
                   or mappings of dotted names to values: {"orders.stock_adjustment": 0.2}
        sections : whole or partial sections, merged: with_(population={"smbs": 500}, orders=Orders(preset="sterman"))

        Raises InputError, one line per mistake.
        """
        problems: list[str] = []
        root, added = Node.of(self._given), list(self._added)
        for change in changes:
            if isinstance(change, Mechanism):
                added = [*(one for one in added if type(one) is not type(change)), change]
                continue
            if isinstance(change, Intervention):
                root = merge(root, Node.of({f"{change.section}+": [change]}), problems)
                continue
            for name, value in change.items():
                put(root, name, Node.of(value), problems)
        columns = [*STRUCTURE, *(column for mechanism in MECHANISMS for column in mechanism.columns)]
        problems += own_mechanisms.problems_of(added, [mechanism.name for mechanism in MECHANISMS], columns)
        scenario = _build(merge(root, Node.of(sections), problems), problems)
        scenario._added = tuple(added)
        return scenario

    def without_interventions(self) -> Scenario:
        """The same economy left alone: what effects are measured against."""
        return self._again(self._without("shocks", "policies", "variants"))

    def without_policies(self) -> Scenario:
        """The same economy under the same shocks, without policies and their withdrawal: what their effect is measured against."""
        alone = self._without("policies", "variants")
        shocks = [shock for shock in self._given.get("shocks", ()) if shock["kind"] != WITHDRAWAL]
        return self._again(merge(alone, Node.of({"shocks": shocks}), []) if "shocks" in self._given else alone)

    def all_variants(self, baseline: bool = True) -> dict[str, Scenario]:
        """Name → scenario of everything this file asks to run: the baseline, the file as it stands, then its variants.

        Without interventions the file as it stands is the baseline. A variant with policies also needs the same without them, to be
        compared with: where no other variant is that, it is added. baseline: False leaves out what is an extra run.
        """
        main = self._again(self._without("variants")) if self.variants else self
        found = {MAIN: main} if self.interventions else {BASELINE: main}
        if self.interventions and baseline:
            found = {BASELINE: self.without_interventions(), **found}
        found |= {name: self._variant(name) for name in self.variants}
        for name, variant in list(found.items()) if baseline else ():
            if variant.policies and (alone := variant.without_policies()) not in found.values():
                found[f"{name} without policies"] = alone
        return found

    @property
    def hash8(self) -> str:
        """Eight hexadecimal digits that stand for this scenario, the contents of its files and the code of the package."""
        data = self.dump()
        data["economy"] = _digest(_economy_folder(self.economy).glob("*.*"))
        for section, key in FILES:
            if self.network is not None and data[section][key] is not None:
                data[section][key] = _digest([Path(data[section][key])])
        text = json.dumps(data, sort_keys=True) + code_digest()
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def memory(self) -> int:
        """Bytes needed to build it and step it, estimated from the columns; 0 where files say which firms there are."""
        slots = float(np.interp(self.reconstruct.threshold, list(SLOTS_PER_FIRM), list(SLOTS_PER_FIRM.values())))
        counts = {"firm": 1.0, "slot": slots, "link": slots + LINKS_PER_DRAW * self.reconstruct.draws_per_slot}
        leads = {"lead": max(self.trade.local_lead, self.trade.other_lead), "import_lead": self.trade.import_lead}
        widths = {**leads, "policy": len(self.policies), "sector": SECTORS}
        columns = [*STRUCTURE, *(column for m in self.mechanisms for column in m.columns if used(m, column))]
        per_firm = sum(
            counts[column.axis] * widths.get(column.width, column.width) * np.dtype(column.dtype).itemsize
            for column in columns
            if column.axis in counts
        )
        return int(BUILD_FACTOR * per_firm * (self.population.smbs or 0))


def used(mechanism: Mechanism, column: Column) -> bool:
    """The column takes memory: zeros of a mechanism that is off do not."""
    return bool(column.default) or not mechanism.optional or mechanism.enabled


def load(
    source: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), economy: str | Path | None = None, anywhere: bool = False
) -> Scenario:
    """The scenario of a file, of a packaged name ("demand_shock"), or of plain data (what `dump` gave).

    overrides : "orders.stock_adjustment=0.2", applied after the file and what it extends
    economy   : a packaged economy or a folder anywhere, instead of what the file says
    anywhere  : it is not to be run on this machine, whose memory may be too small for it

    Raises InputError with one line per mistake.
    """
    if isinstance(source, Mapping) and source.get(own_mechanisms.KEY):
        names = ", ".join(one["name"] for one in source[own_mechanisms.KEY])
        raise InputError(f"{own_mechanisms.KEY}: {names}: no file can hold a mechanism of your own; add it again in Python: with_(…)")
    problems: list[str] = []
    root = gather_data(source, problems) if isinstance(source, Mapping) else gather(*find(source), (), problems)
    apply_overrides(root, overrides, problems)
    if economy is not None:
        name = str(economy)
        root.value["economy"] = Node(name if name in economies.available() else str(Path(name).resolve()), "--economy")
    return _build(root, problems, anywhere)


def override(scenario: Scenario, *assignments: str) -> Scenario:
    """A new scenario with "orders.stock_adjustment=0.2" applied; values are read as in a file. Raises InputError."""
    root = Node.of(scenario._given)
    problems: list[str] = []
    apply_overrides(root, assignments, problems)
    return scenario._again(root, problems)


def schema() -> dict:
    """JSON Schema of a scenario file, with units, bounds and sources, for editors."""
    full = Scenario.model_json_schema(mode="validation")
    properties = full["properties"]
    properties["extends"] = {"type": "string", "description": "A file in this folder, or the name of a packaged scenario, to start from"}
    for holder in (full, *full["$defs"].values()):
        lists = [name for name, entry in holder.get("properties", {}).items() if "array" in _types(entry)]
        for name in lists:
            entry = holder["properties"][name]
            holder["properties"] |= {f"{name}+": {**entry, "description": f"Added to {name}"}, f"{name}-": {"type": "array"}}
    partial = {key: entry for key, entry in properties.items() if key not in SHARED}
    full["$defs"]["Variant"] = {"type": "object", "additionalProperties": False, "properties": partial}
    properties["variants"]["additionalProperties"] = {"$ref": "#/$defs/Variant"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **full, "title": "smbsim scenario"}


def _types(entry: dict) -> list[str]:
    return [entry.get("type", ""), *(t for option in entry.get("anyOf", ()) for t in _types(option))]


# -- from merged data to scenario -----------------------------------------------------------------------------------------------------


def _build(root: Node, problems: list[str], anywhere: bool = False) -> Scenario:
    """The checked scenario. Raises InputError with all problems, those found before, its own and those of its variants."""
    problems = list(problems)
    scenario = _validate(root, problems, anywhere)
    alone = Node({key: node for key, node in root.value.items() if key != "variants"}, root.where)
    variants = root.value["variants"].value if "variants" in root.value else {}
    for name, partial in variants.items() if isinstance(variants, dict) else ():
        if not isinstance(partial.value, dict):
            continue  # said by the validation of the scenario
        if name in (BASELINE, MAIN):
            problems.append(f"{partial.where} variants: '{name}' is the name of a run that is made by itself; choose another".lstrip())
        shared = [key for key in partial.value if key.rstrip("+-") in SHARED]
        problems += [f"{partial.value[key].where} variants.{name}: '{key}' cannot differ between variants".lstrip() for key in shared]
        if not shared:
            own: list[str] = []
            _validate(merge(alone, partial, own), own, anywhere)
            said = {_without_places(line) for line in problems}  # by the scenario itself, or an earlier variant
            problems += [line for line in own if _without_places(line) not in said]
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return scenario


def _without_places(line: str) -> str:
    """A message without the numbers of list entries, which differ between variants."""
    return re.sub(r"\[\d+\]", "", line)


def _validate(root: Node, problems: list[str], anywhere: bool) -> Scenario | None:
    given = root.plain()
    try:
        scenario = Scenario.model_validate_json(json.dumps(_filled(given)), strict=True)
    except ValidationError as error:
        problems += [explain(e, root, Scenario, ("extends",)) for e in error.errors(include_url=False)]
        return None
    scenario._given = given
    found = (*_misfits(scenario), *(() if anywhere else _too_large(scenario)))
    problems += [f"{root.at(path).where} {line}".lstrip() for path, line in found]
    return scenario


def _misfits(scenario: Scenario) -> Iterable[tuple[tuple, str]]:
    """(path, line) of what is right by itself and wrong together."""
    last, smbs = scenario.horizon.weeks - 1, scenario.population.smbs
    for section in ("shocks", "policies"):
        for i, one in enumerate(getattr(scenario, section)):
            if one.start > last:
                yield (section, i, "start"), f"{section}[{i}].start = {one.start} is after the last week {last}: it would never act"
            off = [name for name in dict.fromkeys(one.needed) if not getattr(scenario, name).enabled]
            if off:
                needed = " and ".join(f"{name}.enabled = true" for name in off)
                yield (section, i, "kind"), f"{section}[{i}].kind = {one.kind} needs {needed} (model: {_first_with(off)} has it)"
    names = labels(scenario.policies)
    for i, shock in enumerate(scenario.shocks):
        if shock.kind == WITHDRAWAL and shock.policy not in names:
            line = f"shocks[{i}].policy = {shock.policy}: no policy has this name.{nearest(shock.policy, names)}"
            yield ("shocks", i, "policy"), line
    for i, policy in enumerate(scenario.policies):
        if policy.name is not None and names[i] != policy.name:
            yield ("policies", i, "name"), f"policies[{i}].name = {policy.name} is the name of an earlier policy"
    for name, needed in NEEDS.items():
        missing = [other for other in needed if getattr(scenario, name).enabled and not getattr(scenario, other).enabled]
        if missing:
            yield (name, "enabled"), f"{name}.enabled = true needs {' and '.join(f'{other}.enabled = true' for other in missing)}"
    if scenario.network is not None and smbs is not None:
        yield ("population", "smbs"), "population.smbs and network exclude each other: the files say which firms there are"
    if scenario.network is None and smbs is None:
        yield ("population", "smbs"), "population.smbs = null needs network"


def _too_large(scenario: Scenario) -> Iterable[tuple[tuple, str]]:
    """(path, line) where the economy needs more memory than can be had."""
    available, smbs = available_memory(), scenario.population.smbs
    if available is not None and scenario.memory > available:
        needed, most = _gigabytes(scenario.memory), int(smbs * (available / scenario.memory))
        line = f"population.smbs = {smbs} needs about {needed} of memory; {_gigabytes(available)} can be had, enough for {most} firms"
        yield ("population", "smbs"), line


def _first_with(mechanisms: Sequence[str]) -> str:
    """The first rung of the ladder on which these mechanisms are on."""
    return next(rung for rung, sets in PRESETS.items() if all(sets.get(name, {}).get("enabled") for name in mechanisms))


def _filled(given: dict) -> dict:
    """What the preset of the model adds to what was said."""
    preset = PRESETS.get(given.get("model", "closed") if isinstance(given.get("model", ""), str) else "", {})
    data = dict(given)
    for section, values in preset.items():
        if isinstance(data.setdefault(section, {}), dict):
            data[section] = {**values, **data[section]}
    if data.get("network") is not None and isinstance(data.setdefault("population", {}), dict):
        data["population"] = {"smbs": None, **data["population"]}
    return data


# -- size and identity ----------------------------------------------------------------------------------------------------------------


def available_memory() -> int | None:
    """Bytes of memory that can be had now; None where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        names = getattr(os, "sysconf_names", {})
        known = "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"


@cache
def code_digest() -> str:
    """Hash of the bytes of the package's .py files."""
    return _digest(Path(__file__).parent.rglob("*.py"))


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _economy_folder(name: str) -> Path:
    return Path(__file__).parent / "data" / name if name in economies.available() else Path(name)
