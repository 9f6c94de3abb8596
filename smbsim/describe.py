"""Everything that has a name, described from the one place where it is declared: what `smbsim describe` and `smbsim list` print.

`entries()` is the list; an `Entry` is plain data, so that a machine can read it as well.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from . import economy as economies
from . import scenario, terminal
from .analysis.concentration import STATISTICS
from .analysis.resilience import MEASURES
from .figures import OF_RESULTS
from .figures.risk import RISK_FIGURES
from .figures.scorecard import CARD_FIGURES
from .interventions import policies, policy, rules, shocks
from .interventions.base import Intervention, Target
from .mechanisms import orders
from .metrics import METRICS
from .reconstruct import Reconstruct
from .scenario_files import packaged
from .schedule import SCHEDULE
from .schema import InputError, nearest
from .simulate import IDENTITIES, RECORDED
from .state import STRUCTURE, TABLES

GROUPS = {  # kind of entry → heading of its list
    "mechanism": "mechanisms", "section": "other sections of a scenario", "shock": "shocks", "policy": "policies",
    "adaptive_rule": "adaptive rules of policies",
    "metric": "metrics",
    "measure": "resilience measures", "statistic": "statistics of the risk index", "figure": "figures",
    "scenario": "packaged scenarios", "economy": "packaged economies",
    "model": "model presets", "preset": "ordering presets", "rule": "rules of drawn networks", "parameter": "parameters",
    "column": "columns",
}  # fmt: skip
PLURALS = {"economy": "economies", "policy": "policies"}  # that do not just end in s
ONLY_ON_REQUEST = ("parameter", "column")
SECTIONS = {
    "population": scenario.Population, "reconstruct": Reconstruct, "network": scenario.Network, "horizon": scenario.Horizon,
    "runs": scenario.Runs, "output": scenario.Output, "target": Target,
}  # fmt: skip
MOST_SUGGESTED = 8


@dataclass(frozen=True)
class Entry:
    """Something with a name. facts: label → text; parameters: one mapping each; table: rows below a header."""

    name: str
    kind: str
    summary: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[dict[str, Any], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = ()  # further names

    def plain(self) -> dict:
        """What is not empty, as plain data."""
        return {key: value for key, value in asdict(self).items() if value}


def find(name: str) -> list[Entry]:
    """All entries of a name; upper and lower case, spaces and hyphens do not matter. Raises InputError naming the nearest."""
    wanted = _key(name)
    found = [entry for entry in entries() if wanted in map(_key, (entry.name, *entry.names))]
    if found:
        return found
    known = list(dict.fromkeys(n for entry in entries() for n in (entry.name, *entry.names)))
    guess = nearest(wanted, known).partition(" Valid:")[0]
    inside = [n for n in known if wanted in n][:MOST_SUGGESTED]
    hint = f" Names with '{name}' in them: {', '.join(inside)}." if inside else ""
    raise InputError(f"nothing is called '{name}'.{guess}{hint} `smbsim list` has all names")


def groups(kind: str | None = None) -> dict[str, list[Entry]]:
    """Heading → entries, of one kind or of all that are listed without asking. Raises InputError for an unknown kind."""
    by_heading = {heading: [e for e in entries() if e.kind == name] for name, heading in GROUPS.items()}
    if kind is None:
        return {GROUPS[name]: by_heading[GROUPS[name]] for name in GROUPS if name not in ONLY_ON_REQUEST}
    valid = {**{_key(name): heading for name, heading in GROUPS.items()}, **{_key(name) + "s": heading for name, heading in GROUPS.items()}}
    valid |= {plural: GROUPS[name] for name, plural in PLURALS.items()}
    valid |= {"rules": GROUPS["rule"], "networks": GROUPS["rule"], "models": GROUPS["model"]}
    if _key(kind) not in valid:
        plurals = [PLURALS.get(name, f"{name}s") for name in GROUPS]
        raise InputError(f"there is no list of '{kind}'.{nearest(kind, plurals)}")
    heading = valid[_key(kind)]
    return {heading: by_heading[heading]}


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


# -- the entries --------------------------------------------------------------------------------------------------------------------------


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, in the order in which they are listed."""
    return (
        *_mechanisms(), *_sections(), *_interventions("shock", shocks.KINDS), *_interventions("policy", policies.KINDS, policy.__doc__),
        *_rules(),
        *_metrics(), *_measures(), *_statistics(), *_figures(), *_scenarios(), *_economies(), *_presets(), *_parameters(), *_columns(),
    )  # fmt: skip


def _mechanisms() -> Iterable[Entry]:
    for mechanism in scenario.MECHANISMS:
        doc = sys.modules[mechanism.__module__].__doc__
        phases = [f"{phase} ({method})" for phase, owner, method in SCHEDULE if owner == mechanism.name]
        facts = {
            "section": mechanism.name,
            "acts in": ", ".join(phases) or "no phase of its own",
            "owns": ", ".join(column.name for column in mechanism.columns) or "–",
            "reads": ", ".join(mechanism.reads) or "–",
        }
        yield Entry(mechanism.name, "mechanism", first_sentence(doc), inspect.cleandoc(doc), facts, declared(mechanism, mechanism.name))


def _sections() -> Iterable[Entry]:
    for name, model in SECTIONS.items():
        yield Entry(name, "section", first_sentence(model.__doc__), inspect.cleandoc(model.__doc__), {}, declared(model, name))
    top = {key: f for key, f in scenario.Scenario.model_fields.items() if isinstance(f.description, str)}
    rows = tuple((key, f.description) for key, f in top.items())
    yield Entry("scenario", "section", "The top of a scenario file.", "", {}, (), (("key", "meaning"), *rows))


def _interventions(kind: str, kinds: Mapping[str, type[Intervention]], more: str = "") -> Iterable[Entry]:
    """Those of one section. more: said of all of them besides what their file says and the course over time."""
    window = sys.modules[Intervention.__module__].__doc__
    for model in dict.fromkeys(kinds.values()):
        names = [name for name, of in kinds.items() if of is model]
        moves = ", ".join(column for _, column in model.moves)
        facts = {"in Python": f"smbsim.{model.__name__}", "moves": moves, "section": model.section}
        if model.needs:
            facts["needs"] = ", ".join(f"{name}.enabled = true" for name in model.needs)
        if names[1:]:
            facts["also called"] = ", ".join(names[1:])
        its = sys.modules[model.__module__].__doc__ if more else ""
        text = "\n\n".join(inspect.cleandoc(part) for part in (model.__doc__, its, more, window) if part)
        yield Entry(names[0], kind, first_sentence(model.__doc__), text, facts, declared(model), names=(*names[1:], model.__name__))


def _rules() -> Iterable[Entry]:
    watched = tuple((name, unit, meaning) for name, (unit, meaning, _) in rules.OBSERVED.items())
    for name, model in rules.KINDS.items():
        text = "\n\n".join(inspect.cleandoc(part) for part in (model.__doc__, rules.__doc__))
        facts = {"stands in": "a policy, as `rule`"}
        table = (("metric", "unit", "meaning"), *watched)
        yield Entry(f"{name}_rule", "adaptive_rule", first_sentence(model.__doc__), text, facts, declared(model), table, (model.__name__,))


def _metrics() -> Iterable[Entry]:
    for m in METRICS.values():
        facts = {"unit": m.unit, "label": m.label, "by": m.axis or "economy"}
        yield Entry(m.name, "metric", f"{m.label} [{m.unit}]{f', by {m.axis}' if m.axis else ''}", inspect.cleandoc(m.doc), facts)
    for name, series in RECORDED.items():
        text = "below 1e-9 or the run is wrong" if name in IDENTITIES else f"by {series.axis} of upstreamness"
        yield Entry(name, "metric", f"{series.label} [{series.unit}]", f"Recorded every week, {text}.")


def _measures() -> Iterable[Entry]:
    doc = inspect.cleandoc(sys.modules["smbsim.analysis.resilience"].__doc__)
    for name, unit in MEASURES.items():
        said = re.search(rf"\b{name.replace('_', ' ')}(?: {{2,}}|: )(.+?)(?: {{2,}}|$)", doc, re.MULTILINE)
        yield Entry(name, "measure", f"{said.group(1) if said else ''} [{unit}]".strip(), doc, {"unit": unit})


def _statistics() -> Iterable[Entry]:
    doc = inspect.cleandoc(sys.modules["smbsim.analysis.concentration"].__doc__)
    for name, (unit, label) in STATISTICS.items():
        yield Entry(name, "statistic", f"{label} [{unit}]", doc, {"unit": unit, "written to": "statistics.csv of `smbsim risk`"})


def _figures() -> Iterable[Entry]:
    for name, draw in {**OF_RESULTS, **RISK_FIGURES, **CARD_FIGURES}.items():
        doc = inspect.cleandoc(draw.__doc__ or "")
        facts = {"in Python": f"{draw.__module__}.{draw.__name__}{inspect.signature(draw)}".replace("'", "")}
        yield Entry(name, "figure", first_sentence(doc), doc, facts)


def _scenarios() -> Iterable[Entry]:
    for name, path in packaged().items():
        spec = scenario.load(name, anywhere=True)
        facts = {"file": str(path), "sources": "; ".join(spec.sources), "variants": ", ".join(spec.all_variants())}
        yield Entry(name, "scenario", spec.name, spec.description, facts)


def _economies() -> Iterable[Entry]:
    for name in economies.available():
        economy = economies.load(name)
        facts = {
            "base year": str(economy.base_year),
            "currency": economy.currency,
            "SMBs": f"{terminal.grouped(round(economy.n_smbs))}, below {economy.smb_threshold} employees",
            "other accounts": ", ".join(economy.codes[economy.G :]) or "–",
            "folder": economy.folder,
        }
        rows = zip(economy.sectors, economy.sector_names, economy.output[: economy.G], economy.employment.sum(axis=1), strict=True)
        table = tuple((code, terminal.readable(x), terminal.readable(e), label) for code, label, x, e in rows)
        header = ("sector", f"output, {economy.currency}/yr", "employment", "name")
        yield Entry(name, "economy", f"{economy.name}, {economy.G} sectors.", "", facts, (), (header, *table))


def _presets() -> Iterable[Entry]:
    rungs = _described(scenario.__doc__, scenario.PRESETS)
    for name, sets in scenario.PRESETS.items():
        text = "; ".join(f"{section}: {_listed(values)}" for section, values in sets.items())
        yield Entry(name, "model", rungs[name], f"`model: {name}` fills what the file leaves open: {text or 'the defaults'}.")
    for name, sets in orders.PRESETS.items():
        values = _listed(sets) or "the defaults"
        yield Entry(name, "preset", values, f"`orders: {{preset: {name}}}` fills what the file leaves open: {values}.")
    rule = Reconstruct.model_fields["rule"]
    for name in get_args(rule.annotation):
        default = " (default)" if name == rule.default else ""
        yield Entry(name, "rule", f"{rule.description}{default}", f"`reconstruct: {{rule: {name}}}`. See `smbsim describe reconstruct`.")


def _described(doc: str, names: Iterable[str]) -> dict[str, str]:
    """Name → the rest of the line of a docstring that begins with it."""
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in doc.splitlines() if len(line.split()) > 1 and line.startswith("  ")}
    return {name: lines.get(name, "") for name in names}


def _listed(values: Mapping) -> str:
    return ", ".join(f"{key} {_written(value)}" for key, value in values.items())


def _parameters() -> Iterable[Entry]:
    holders = [(m.name, m) for m in scenario.MECHANISMS] + list(SECTIONS.items())
    for section, model in holders:
        for p in declared(model, section):
            facts = {key: p[key] for key in ("default", "unit", "allowed", "tier", "source")}
            yield Entry(p["name"], "parameter", p["meaning"], p["meaning"], facts, names=(p["name"].split(".")[-1],))


def _columns() -> Iterable[Entry]:
    owned = [("state", c) for c in STRUCTURE] + [(m.name, c) for m in scenario.MECHANISMS for c in m.columns]
    for owner, column in owned:
        facts = {
            "table": TABLES[column.axis],
            "unit": column.unit,
            "default": f"{column.default:g}",
            "allowed": _interval(column.low, column.high) or "any",
            "owner": owner,
            "shape": f"({TABLES[column.axis]})" if column.width == 1 else f"({TABLES[column.axis]}, {column.width})",
        }
        names = (f"{TABLES[column.axis]}.{column.name}",)
        yield Entry(column.name, "column", f"{column.doc} [{column.unit}], {TABLES[column.axis]}", column.doc, facts, names=names)


# -- parameters ---------------------------------------------------------------------------------------------------------------------------


def declared(model: type[BaseModel], section: str = "") -> tuple[dict[str, str], ...]:
    """The parameters of a section: name, default, unit, allowed, tier, meaning, source."""
    rows = []
    own = inspect.get_annotations(model)
    for key, f in sorted(model.model_fields.items(), key=lambda entry: entry[0] not in own):  # its own before inherited ones
        extra = f.json_schema_extra or {}
        rows.append(
            {
                "name": f"{section}.{key}" if section else key,
                "default": "(needed)" if f.is_required() else _written(f.get_default(call_default_factory=True)),
                "unit": extra.get("unit", "–"),
                "allowed": allowed(f),
                "tier": extra.get("tier", "–"),
                "meaning": f.description or "",
                "source": extra.get("source", "–"),
            }
        )
    return tuple(rows)


def allowed(f: FieldInfo) -> str:
    """What a parameter may be: its choices or its bounds."""
    choices = _choices(f.annotation)
    if choices:
        return " | ".join(map(str, choices))
    if f.annotation is bool:
        return "true | false"
    low = next((bound.ge for bound in f.metadata if getattr(bound, "ge", None) is not None), None)
    high = next((bound.le for bound in f.metadata if getattr(bound, "le", None) is not None), None)
    return _interval(low, high) or "–"


UNITLESS = ("1", "choice", "switch", "–")


def _interval(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'(-inf' if low is None else f'[{low:g}'}, {'inf)' if high is None else f'{high:g}]'}"


def _choices(annotation: Any) -> list:
    if isinstance(annotation, str):
        return [annotation]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _written(value: Any) -> str:
    """A default as it would stand in a file."""
    if isinstance(value, BaseModel):
        return "{}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def first_sentence(doc: str | None) -> str:
    """The first sentence of a docstring."""
    paragraph = " ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split())
    head, stop, _ = paragraph.partition(". ")
    return head + stop.strip()


# -- for people ---------------------------------------------------------------------------------------------------------------------------


def show(entry: Entry) -> None:
    """Print an entry."""
    terminal.heading(f"{entry.name} · {entry.kind}")
    if entry.text or entry.summary:
        terminal.out()
        terminal.out(terminal.reflow(entry.text or entry.summary))
    if entry.facts:
        terminal.out()
        terminal.out(terminal.columns(entry.facts.items()))
    if entry.parameters:
        terminal.out()
        terminal.out(table_of_parameters(entry.parameters))
    if entry.table:
        terminal.out()
        terminal.out(terminal.columns(entry.table[1:], entry.table[0]))


def table_of_parameters(parameters: Iterable[Mapping[str, str]]) -> str:
    """Name, default, unit, bounds and tier in columns; meaning and source below each."""
    keys = ("name", "default", "unit", "allowed", "tier")
    long = {p["name"]: p["allowed"] for p in parameters if len(p["allowed"]) > LONGEST_ALLOWED}
    rows = [tuple("see below" if k == "allowed" and p["name"] in long else p[k] for k in keys) for p in parameters]
    head, *lines = terminal.columns(rows, ("parameter", "default", "unit", "allowed", "tier")).splitlines()
    shown = [head]
    for line, p in zip(lines, parameters, strict=True):
        choices = f" One of {p['allowed']}." if p["name"] in long else ""
        shown += [line, terminal.wrap(f"{p['meaning'].rstrip('.')}.{choices} Source: {p['source']}", indent="      ", hang="")]
    return "\n".join(shown)


LONGEST_ALLOWED = 20  # characters in the column
