"""A results folder as one page: question, finding, figures, what is assumed, parameters with sources, money flows, how to rerun.

The page is one HTML file without scripts and without anything from outside: figures are inline SVG, and its policy (CSP) forbids requests.
Everything in it is computed from the folder, so that the same folder and version give the same page. The template is report.html.j2.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import checks, describe, numbers, result, scenario, terminal
from .analysis import compare
from .figures import base, draw_all
from .figures import compare as compare_figures
from .result import BASELINE, Result
from .scenario import MAIN, Scenario
from .schema import InputError

TEMPLATE = "report.html.j2"
TIERS = {  # tier → what it means, in the order of the page
    "frozen": "follows from accounting or a definition",
    "data": "read from official tables or measured, with its source",
    "calibrated": "chosen so that the model meets observed moments",
    "swept": "not known well: an assumption or a range from the literature, to be varied",
    "choice": "switches, sizes and other choices of the scenario",
}
CAPTIONS = {  # figure → what it answers; others take their file name
    "forest": "What differs, and how sure is it?",
    "cost_and_effect": "What do policies cost, and what do they bring?",
    "effect": "How do output, GDP and employment move?",
    "unmet_demand": "What cannot be had?",
    "deposits": "Who holds the money?",
    "sectors": "Which sectors are hit, and when?",
    "before_after": "Where does each sector stand at the end?",
    "cascade": "How does it spread from firm to firm?",
    "bullwhip": "Do orders swing more than demand along the chain?",
}
DETAILS = ("differ clearly", "runs needed", "no difference")  # of a comparison, in the table of differences
EXPONENT = re.compile(r"([+-]?)(\d(?:\.\d+)?e\+\d+)")
HYPHEN = re.compile(r"(?<![\w.])-(?=\d)")
NO_BREAK = "\u00a0"
CHOICES = "choice"  # what is no number to be known: switches, names, sizes
UNITS_OF_CHOICES, SECTIONS_OF_CHOICES = ("switch", "choice", "file"), ("population", "network", "horizon", "runs", "output")
MOST_ROWS = 14  # of the table of differences
ASSUMED = "assum"  # in a source: assumption, assumed


def write(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the page of a results folder; default report.html in it. Written to a temporary name and renamed. Returns its path.

    Raises InputError where the folder is not one of `smbsim run`.
    """
    folder = Path(folder)
    manifest = checks.read_manifest(folder)
    if manifest.get("kind") not in (None, "run") or not (folder / "ensemble.nc").is_file():
        raise InputError(f"{folder}: a report is about a folder of `smbsim run`; this is one of another command")
    path = folder / "report.html" if out is None else Path(out)
    page = render(folder)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(page, encoding="utf-8")
    temporary.rename(path)
    return path


def render(folder: Path) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"readable": _readable, "grouped": terminal.grouped, "value": _value}
    return page.get_template(TEMPLATE).render(gather(folder))


def gather(folder: Path) -> dict[str, Any]:
    """What stands on the page, as plain data."""
    found = result.load(folder)
    manifest = found.manifest
    told = numbers.of(found)
    comparison = compare.differences(found) if len(found.variants) > 1 else None
    try:
        spec, stale = scenario.load(manifest["scenario"]), []
    except InputError as error:  # written by another version, which had other parameters
        spec, stale = None, [f"this version of smbsim does not know all of the scenario: {error.lines[0]}"]
    used = _parameters(spec) if spec else []
    return {
        "name": found.name,
        "question": manifest.get("description", ""),
        "sources": manifest.get("sources", []),
        "in_short": _in_short(found, comparison),
        "in_detail": _in_detail(told["summary"], found.variants),
        "variants": [_variant(name, manifest) for name in found.variants],
        "runs": len(found.seeds),
        "weeks": len(found.weeks),
        "burn_in": manifest["scenario"]["horizon"]["burn_in"],
        "failed": manifest.get("failed", 0),
        "currency": manifest.get("currency", "currency"),
        "differences": _differences(comparison),
        "level": None if comparison is None else f"{comparison.level:.0%}",
        "policies": {v: _policy(t) for v, t in told["policies"].items()},
        "figures": figures(folder, found, comparison),
        "tiers": _tiers(used),
        "changed": [p for p in used if p["changed"]],
        "sections": _by_section(used),
        "notes": manifest.get("economy_notes", []),
        "flows": _flow_matrix(found),
        "gaps": told["largest_gap"],
        "stale": stale + checks.changes_since(folder),
        "manifest": manifest,
        "folder": str(folder),
        "text": json.dumps(_given(manifest["scenario"], spec), indent=1, ensure_ascii=False),
    }


# -- finding ------------------------------------------------------------------------------------------------------------------------------


def _in_short(found: Result, comparison) -> list[str]:
    """The finding in one sentence per variant, then conflicts of signs; without a comparison what the result says."""
    if comparison is None:
        return [_sentence(line) for line in found.summary().splitlines()[:1]]
    lines = [line for line in comparison.in_words() if not any(part in line for part in DETAILS)]
    return [_sentence(line) for line in lines]


def _in_detail(summary: Iterable[str], variants: Iterable[str]) -> list[tuple[str, list[str]]]:
    """(variant, sentences about it) of the summary of the result; what is about none of them has no name."""
    by_variant: dict[str, list[str]] = {name: [] for name in (*variants, "")}
    for line in summary:
        about, _, said = line.partition(": ")
        about, text = (about, said) if about in by_variant else ("", line)
        by_variant[about].append(_sentence(text[:1].upper() + text[1:]))
    return [(name, lines) for name, lines in by_variant.items() if lines]


def _sentence(text: str) -> str:
    """With a full stop, a minus for a hyphen before numbers, and large numbers that can be read."""
    text = EXPONENT.sub(lambda found: f"{found[1]}{terminal.readable(float(found[2]))}", text)
    text = HYPHEN.sub("−", text).replace("_", " ")
    return text + ("" if text.endswith(".") else ".")


def _readable(x: float) -> str:
    return terminal.readable(x).replace("-", "−").replace(" ", NO_BREAK)


def _variant(name: str, manifest: Mapping) -> dict[str, Any]:
    """A variant with its interventions in words."""
    acting = manifest.get("variants", {}).get(name, [])
    what = {BASELINE: "the same economy left alone", MAIN: "the file as it stands"}.get(name, "")
    return {"name": name, "what": what, "interventions": [_intervention(one) for one in acting]}


def _intervention(one: Mapping[str, Any]) -> dict[str, str]:
    target = ", ".join(f"{k} {_value(v)}" for k, v in one.get("target", {}).items() if v is not None) or "everybody"
    stop = one.get("stop")
    weeks = f"from week {one['start']}" + (f" to {stop - 1}" if stop is not None else " on")
    apart = ("kind", "target", "start", "stop")
    rest = ", ".join(f"{k} {_value(v)}" for k, v in one.items() if k not in apart and v is not None)
    return {"kind": one["kind"], "target": target, "weeks": weeks, "rest": rest}


def _differences(comparison) -> list[dict[str, Any]]:
    """Variant → rows of the indicators drawn in the forest figure."""
    if comparison is None:
        return []
    names = compare_figures.chosen(comparison)[:MOST_ROWS]
    found = []
    for variant in comparison.variants:
        rows = comparison.of(variant)
        to = next(iter(rows.values())).to
        found.append({"variant": variant, "to": to, "rows": [rows[name] for name in names if name in rows]})
    return found


def _policy(told: Mapping) -> dict[str, Any]:
    """Measures of a variant's policies as text."""
    measures = [(name.replace("_", " "), e["unit"], _estimated(e)) for name, e in told["measures"].items()]
    of = told["policies"]
    first = next(iter(of.values()))
    rows = [(m.replace("_", " "), e["unit"], [_estimated(p[m]) for p in of.values()]) for m, e in first.items()]
    return {"measures": measures, "names": list(of), "rows": rows}


def _estimated(e: Mapping) -> str:
    share = e["unit"] == "1"
    middle, low, high = (f"{100 * e[k]:.3g}{NO_BREAK}%" if share else _readable(e[k]) for k in ("mean", "low", "high"))
    text = middle if "nan" in low or low == "–" else f"{middle} ({low} to {high})"
    return text.replace(f"nan{NO_BREAK}%", "–").replace("-", "−")


# -- figures ------------------------------------------------------------------------------------------------------------------------------


def figures(folder: Path, found: Result, comparison) -> list[dict[str, str]]:
    """Figures of the folder as inline SVG, in the order of CAPTIONS; drawn where the folder has none."""
    with tempfile.TemporaryDirectory() as temporary:
        drawn = Path(temporary)
        if comparison is not None:
            base.save(compare_figures.forest(comparison), drawn / "compare", "forest", found.manifest["hash"])
        there = folder / "figures"
        if not any(there.glob("*.svg")):
            there = drawn / "run"
            draw_all(found, there, found.manifest["hash"])
        files = {path.stem: path for path in [*sorted(there.glob("*.svg")), *sorted((drawn / "compare").glob("*.svg"))]}
        order = list(CAPTIONS)
        names = sorted(files, key=lambda name: (order.index(name) if name in order else len(order), name))
        return [
            {"name": name, "caption": CAPTIONS.get(name, name.replace("_", " ").capitalize()), "svg": inline(files[name].read_text(), name)}
            for name in names
        ]


def inline(svg: str, name: str) -> str:
    """An SVG file as an element of a page: no prolog, names of its own, width of the page, no metadata, nothing from outside."""
    body = svg[svg.index("<svg") :]
    for gone in (r"<metadata>.*?</metadata>", r"<title>.*?</title>", r"<!--.*?-->"):
        body = re.sub(gone, "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'((?:xlink:)?href)="#([^"]+)"', rf'\1="#{name}-\2"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", body, count=1)
    label = CAPTIONS.get(name, name).replace('"', "")
    body = re.sub(r"<style\b[^>]*>.*?</style>", "", body, flags=re.DOTALL)  # would hold for the whole page; said once in the template
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


# -- parameters ---------------------------------------------------------------------------------------------------------------------------


def _parameters(spec: Scenario) -> list[dict[str, Any]]:
    """Every parameter with the value used, its declaration, and whether it differs from the default; those of what is off are left out."""
    holders = [(m.name, m) for m in scenario.MECHANISMS] + [(k, v) for k, v in describe.SECTIONS.items() if k != "target"]
    changed = {name: value for name, value, _ in checks.differences(spec)}
    data, found = spec.dump(), []
    for section, model in holders:
        values = data.get(section)
        if values is None or values.get("enabled") is False:
            continue
        for p in describe.declared(model, section):
            value = values.get(p["name"].partition(".")[2])
            differs = any(name == p["name"] or name.startswith(f"{p['name']}.") for name in changed)
            assumed = ASSUMED in p["source"].lower()
            chosen = p["unit"] in UNITS_OF_CHOICES or section in SECTIONS_OF_CHOICES
            tier = CHOICES if chosen else p["tier"]
            found.append({**p, "tier": tier, "section": section, "value": _value(value), "changed": differs, "assumed": assumed})
    return found


def _tiers(used: list[dict]) -> list[dict[str, Any]]:
    """Tier → how many parameters, how many of them differ from their default, how many say that they are assumptions."""
    total = Counter(p["tier"] for p in used)
    return [
        {
            "tier": tier,
            "meaning": TIERS[tier],
            "count": total[tier],
            "changed": sum(p["changed"] for p in used if p["tier"] == tier),
            "assumed": sum(p["assumed"] for p in used if p["tier"] == tier),
        }
        for tier in TIERS
        if total[tier]
    ]


def _by_section(used: list[dict]) -> list[tuple[str, list[dict]]]:
    return [(name, [p for p in used if p["section"] == name]) for name in dict.fromkeys(p["section"] for p in used)]


def _given(data: Mapping[str, Any], spec: Scenario | None) -> Any:
    """The scenario as short as it can be said: what differs from the defaults."""
    if spec is None:
        return data
    short: dict[str, Any] = {key: data[key] for key in ("name", "model", "economy", "horizon", "runs") if key in data}
    for name, value, _ in checks.differences(spec):
        section, _, key = name.partition(".")
        if key:
            short.setdefault(section, {})
            short[section] = {**short[section], key: value} if isinstance(short[section], dict) else short[section]
        else:
            short[section] = value
    return short | {key: _shortened(data[key]) for key in ("shocks", "policies", "variants") if data.get(key)}


def _shortened(value: Any) -> Any:
    """Without what is not given."""
    if isinstance(value, dict):
        return {k: _shortened(v) for k, v in value.items() if v is not None and v != {}}
    return [_shortened(v) for v in value] if isinstance(value, list) else value


def _value(value: Any) -> str:
    """A value as it would stand in a file, digits grouped from a thousand."""
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_value(v)}" for k, v in value.items() if v is not None) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- money --------------------------------------------------------------------------------------------------------------------------------


def _flow_matrix(found: Result) -> list[dict[str, Any]]:
    """Of the first variant besides the baseline and of the baseline: payer × payee, currency a year, and every flow by itself."""
    names = [v for v in found.variants if v != BASELINE][:1] + ([BASELINE] if BASELINE in found.variants else [])
    tables = []
    for name in names:
        lines = {line[1:]: amount for line, amount in found.flows.items() if line[0] == name and amount}
        payers = list(dict.fromkeys(payer for _, payer, _ in lines))
        payees = list(dict.fromkeys(payee for _, _, payee in lines))
        cell: dict[tuple[str, str], float] = defaultdict(float)
        for (_, payer, payee), amount in lines.items():
            cell[payer, payee] += amount
        rows = [(payer, [cell.get((payer, payee)) for payee in payees], sum(cell.get((payer, p), 0.0) for p in payees)) for payer in payers]
        total = [sum(cell.get((payer, payee), 0.0) for payer in payers) for payee in payees]
        each = sorted(((flow, payer, payee, amount) for (flow, payer, payee), amount in lines.items()), key=lambda line: -abs(line[3]))
        tables.append({"variant": name, "payees": payees, "rows": rows, "total": total, "sum": sum(total), "each": each})
    return tables
