"""What the commands print for people, from plain data. Nothing here computes."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from . import terminal

WIDTH_WITH_UNITS = 100  # columns of a window below which the table of metrics has no units


def count(n: int, noun: str) -> str:
    """1, "run" → "1 run"; 2 000, "run" → "2 000 runs"."""
    return f"{terminal.grouped(n)} {noun}{'s' * (n != 1)}"


def summary(result) -> None:
    """What happened, in words."""
    terminal.heading(f"{result.name}: {len(result.variants)} variants × {count(len(result.seeds), 'run')} × {len(result.weeks)} weeks")
    for line in result.summary().splitlines():
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")


def risk(told: dict) -> None:
    """What `smbsim risk` found: in words, beside the published figures, with the ten riskiest firms of the first run."""
    r = told["runs"]
    terminal.heading(f"{told['name']}: systemic risk" + (f", {count(r, 'reconstruction')}" if r > 1 else ""))
    for line in told["summary"]:
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")
    if r > 1:
        _section("statistics: median (5 to 95 % of reconstructions)")
        terminal.out(terminal.columns([(name, q["unit"], _banded(q)) for name, q in told["statistics"].items()]))
    _section("ten highest" + (", first reconstruction" if r > 1 else ""))
    rows = [(t["firm"], t["sector"], t["size_class"], *(f"{100 * t[k]:.3g}" for k in RISK_COLUMNS)) for t in told["top"]]
    terminal.out(terminal.columns(rows, ("firm", "sector", "size", "% of output", "index %", "up %", "down %")))


RISK_COLUMNS = ("output_share", "esri", "esri_up", "esri_down")


def scorecard(told: dict) -> None:
    """What `smbsim scorecard` found: in words, every fact beside its target, growth of jobs by size with and without age."""
    terminal.heading(f"{told['name']}: scorecard of {count(told['runs'], 'run')} of {count(told['years'], 'year')}")
    for line in told["summary"]:
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")
    rows = []
    for row in told["rows"]:
        value, low, high, target = (terminal.readable(row[k]) for k in ("value", "p5", "p95", "target"))
        rows.append((row["verdict"], value, f"({low} to {high})", target, row["unit"], row["role"], row["label"]))
    _table("facts", rows, ("verdict", "value", "(5 to 95 % of runs)", "target", "unit", "role", "fact"))
    by_role = [(role, *counts.values()) for role, counts in told["counts"].items()]
    _table("verdicts by role", by_role, ("role", *told["counts"]["all"]))
    sizes = dict.fromkeys(r["class"] for r in told["regression"])
    kinds = dict.fromkeys((r["size"], r["age"]) for r in told["regression"])
    found = {(r["size"], r["age"], r["class"]): r["growth_less_largest"] for r in told["regression"]}
    rows = [(name, *(terminal.readable(100 * found[*kind, name]) for kind in kinds)) for name in sizes]
    _table("net growth of jobs less that of the largest class, points a year", rows, ("heads", *(", ".join(kind) for kind in kinds)))


def comparison(told: dict) -> None:
    """What `smbsim compare` found: in words, and every indicator of every variant that differs from its reference."""
    first, last = told["weeks"]
    terminal.heading(f"{told['name']}: paired differences of {count(told['runs'], 'run')}, weeks {first} to {last}")
    for line in told["summary"]:
        terminal.out(terminal.wrap(line, indent="  ") if sys.stdout.isatty() else f"  {line}")
    for variant, to in dict.fromkeys((row["variant"], row["to"]) for row in told["differences"]):
        rows = [row for row in told["differences"] if (row["variant"], row["to"]) == (variant, to) and row["difference"]]
        if rows:
            how = f"mean ({told['level']:.0%} interval); * differs clearly; runs needed for {told['precision']:.0%}"
            _section(f"{variant} less {to}: {how}")
            lines = [
                (row["metric"], row["unit"], terminal.readable(row["reference"]), _difference(row), "*" if row["clear"] else "",
                 _needed(row["runs_needed"]), _needed(row["runs_needed_unpaired"])) for row in rows
            ]  # fmt: skip
            terminal.out(terminal.columns(lines, ("indicator", "unit", to, "difference", "", "paired", "unpaired")))
    for variant, told_of in told["policies"].items():
        _policies(variant, told_of)


def _difference(row: dict) -> str:
    middle, low, high = (terminal.readable(row[k]) for k in ("difference", "low", "high"))
    return f"{middle} ({low} to {high})" if low != "–" else middle


def _needed(runs: int | None) -> str:
    return "–" if runs is None else terminal.grouped(runs)


def estimate(e: dict) -> None:
    """How much `smbsim run --dry-run` expects."""
    each = f"{e['weeks']} weeks after a burn-in of {e['burn_in']}"
    terminal.out(f"{count(len(e['variants']), 'variant')} × {count(e['runs'], 'run')} × {each}")
    terminal.out(f"{count(e['weeks_simulated'], 'week')} in all")
    terminal.out(f"variants: {', '.join(e['variants'])}")
    terminal.out(f"memory: about {terminal.size(e['memory_bytes'])} with {count(e['at_a_time'], 'run')} at a time")
    terminal.out(f"time: about {terminal.duration(e['seconds'])} at {e['seconds_per_week'] * 1e3:.2g} ms a week, and the figures")


def report(r: dict) -> None:
    """What `smbsim check` found out about one scenario."""
    terminal.heading(f"{r['file']}: {r['name'] or 'without a name'}")
    if r["description"]:
        terminal.out(terminal.wrap(r["description"], indent="  ", hang=""))
    if "scenario" in r:
        _section("scenario")
        terminal.out(as_yaml(r["scenario"]))
    elif r["differs"]:
        rows = [(name, _inline(value), _inline(usual)) for name, value, usual in r["differs"]]
        _table("differs from the defaults", rows, ("name", "value", "default"))
    each = f"{count(r['runs'], 'run')} of {r['weeks']} weeks after a burn-in of {r['burn_in']}"
    _table("runs", [("variants", ", ".join(r["variants"])), ("each", each), ("hash", r["hash"])])
    _table("size", _size(r))
    if r["calibration"]:
        _table("calibration: largest relative difference from the tables", [(name, f"{e:.1e}") for name, e in r["calibration"].items()])
    title = "what closes the accounts at rest, per year" + (" of the real economy" if "miniature" in r else "")
    _table(title, [_closing(name, line, r["economy"]["currency"]) for name, line in r["closing"].items()])
    if r["notes"]:
        _section("assumed where the tables are silent")
        for line in r["notes"]:
            terminal.out(terminal.wrap(line, indent="  "))
    if r["stability"]:
        alike: dict[str, list[str]] = {}
        for name, found in r["stability"].items():
            alike.setdefault(found["in_words"], []).append(name)
        _section("stability: the economy at rest after a small push")
        for words, names in alike.items():
            terminal.out(terminal.wrap(f"{', '.join(names)}: {words}" if len(r["stability"]) > 1 else words, indent="  "))
    if r["loops"]:
        several = len(r["loops"]) > 1
        rows = [
            (*([variant] if several else []), loop["name"], terminal.readable(loop["value"]), f"{loop['threshold']:g}",
             "PAST IT" if loop["past"] else "below", loop["doc"])
            for variant, found in r["loops"].items() for loop in found
        ]  # fmt: skip
        header = (*(["variant"] if several else []), "loop", "value", "threshold", "", "what it counts")
        _table("reinforcing loops at rest: past its threshold one feeds on itself", rows, header)
    terminal.out()


def _size(r: dict) -> list[tuple[str, str]]:
    s, e, grouped = r["size"], r["economy"], terminal.grouped
    rows = [
        ("economy", f"{e['name']}, {e['base_year']}, {e['currency']}"),
        ("firms", f"{grouped(s['firms'])}: {grouped(s['smbs'])} SMBs, {count(s['large_firm_rows'], 'row')} of large firms"),
        ("links", f"{grouped(s['links'])} into {grouped(s['input_slots'])} input slots"),
        ("places", f"{count(s['regions'], 'region')}, {count(s['sectors'], 'sector')}"),
        ("memory", f"{terminal.size(s['state_bytes'])}; about {terminal.size(s['memory_bytes'])} while it is built"),
    ]
    if "miniature" in r:
        m = r["miniature"]
        text = f"{grouped(m['smbs'])} SMBs stand for {terminal.readable(m['stand_for'])}: a firm here weighs {grouped(round(m['weight']))}"
        rows.append(("miniature", f"{text} times what it does in the real economy"))
    return rows


def _table(title: str, rows: list, header: tuple = ()) -> None:
    _section(title)
    terminal.out(terminal.columns(rows, header))


def _section(title: str) -> None:
    terminal.out()
    terminal.heading(title)


def _closing(name: str, line: dict, currency: str) -> tuple[str, str, str]:
    if "per_year" not in line:
        return name, f"{line['share_of_income']:.2%}", "of income"
    return name, terminal.readable(line["per_year"]), f"{currency}, {line['share_of_gdp']:.2%} of GDP"


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_yaml(data: dict) -> str:
    """A resolved scenario as it would stand in a file."""
    from ruamel.yaml import YAML

    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = False, terminal.width(), False
    yaml.allow_unicode = True
    yaml.dump(data, text)
    return text.getvalue().rstrip()


def lists(groups: dict) -> None:
    """Names and summaries below the heading of their group."""
    for number, (heading, found) in enumerate(groups.items()):
        terminal.out() if number else None
        terminal.heading(heading)
        terminal.out(terminal.columns([(entry.name, entry.summary) for entry in found]))


def numbers(told: dict) -> None:
    """Resilience, firms and people by variant, and every metric in brief: what `smbsim show` prints below the summary."""
    for what, found in (("resilience of value added", told["resilience"]), ("firms and people", told["lives"])):
        if found:
            _section(f"{what} against the paired baseline: median (5 to 95 % of runs)")
            units = {name: q["unit"] for of in found.values() for name, q in of.items()}
            rows = [(n, unit, *(_banded(of[n]) if n in of else "–" for of in found.values())) for n, unit in units.items()]
            terminal.out(terminal.columns(rows, ("measure", "unit", *found)))
    for variant, told_of in told["policies"].items():
        _policies(variant, told_of)
    for variant in told["variants"]:
        _section(f"{variant}: medians over the runs")
        terminal.out(_table_of_metrics(told["metrics"], variant))


def _policies(variant: str, told: dict) -> None:
    """What the policies of a variant cost and did."""
    _section(f"{variant}: its policies against the same without them, mean (95 % interval)")
    terminal.out(terminal.columns([(name, e["unit"], _estimated(e)) for name, e in told["measures"].items()], ("measure", "unit", variant)))
    of = told["policies"]
    rows = [(m, e["unit"], *(_estimated(p[m]) for p in of.values())) for m, e in next(iter(of.values())).items()]
    terminal.out()
    terminal.out(terminal.columns(rows, ("policy", "unit", *of)))


def _estimated(e: dict) -> str:
    middle, low, high = (f"{e[k]:.4g}" for k in ("mean", "low", "high"))
    return middle.replace("nan", "–") if low == "nan" and high == "nan" else f"{middle} ({low} to {high})".replace("nan", "–")


def _banded(q: dict) -> str:
    low, middle, high = (f"{q[p]:.3g}" for p in ("p5", "p50", "p95"))
    return middle.replace("nan", "–") if low == high else f"{middle} ({low} to {high})"


def _table_of_metrics(metrics: dict, variant: str) -> str:
    header = ("metric", "unit", "first", "lowest", "week", "last", "to baseline")
    rows = []
    for name, m in metrics.items():
        row = m["variants"][variant]
        effect = row.get("last_against_baseline")
        values = (terminal.readable(row["first"]), terminal.readable(row["lowest"]), row["lowest_week"], terminal.readable(row["last"]))
        rows.append((name, m["unit"], *values, "–" if effect is None else f"{effect:+.2%}"))
    if terminal.width() < WIDTH_WITH_UNITS:
        header, rows = (header[0], *header[2:]), [(row[0], *row[2:]) for row in rows]
    return terminal.columns(rows, header)


def health(found: dict) -> None:
    """What `smbsim doctor` found."""
    memory = found["available_memory_bytes"]
    rows = [
        ("system", found["system"]),
        ("cores", f"{found['cores']}, of which {found['usable_cores']} may be used"),
        ("threading", found["threading"]),
        ("memory", f"{terminal.size(memory)} can be had" if memory is not None else "unknown"),
        ("disk", f"{terminal.size(found['free_disk_bytes'])} free here"),
        ("kernel cache", f"{found['cache_folder']} ({'writable' if found['cache_writable'] else 'NOT writable'})"),
        ("resting test", f"output moves by {found['movement_at_rest']:.1e} in {terminal.duration(found['self_test_seconds'])}: "
                         f"{'ok' if found['rests'] else 'FAILED'}"),
    ]  # fmt: skip
    terminal.out(terminal.columns(rows, indent=""))
    _section("versions")
    terminal.out(terminal.columns(found["versions"].items()))


def tipping_estimate(expected: dict) -> None:
    """What `smbsim tipping --dry-run` expects."""
    terminal.out(
        f"up to {terminal.grouped(expected['weeks'])} weeks of economies of {expected['smbs'] or 'the given'} SMBs, about "
        f"{terminal.duration(expected['seconds'])}; without a jump or a loop {terminal.duration(expected['seconds_without'])}"
    )


def tipping(told: dict, param: str) -> None:
    """What `smbsim tipping` found."""
    terminal.out(terminal.wrap(told["verdict"]))
    _section("tests, all of which a tipping point must pass")
    said = {True: "holds", False: "does not hold", None: "not tested"}
    terminal.out(terminal.columns([(name, said[test["holds"]], test["why"]) for name, test in told["tests"].items()]))
    if told["thresholds"]:
        _section(f"thresholds of {param}: half of the runs tip, 5 to 95 % of them between low and high")
        rows = [(way, *map(terminal.readable, at.values())) for way, at in told["thresholds"].items()]
        terminal.out(terminal.columns(rows, ("way", "threshold", "low", "high", "held twice as long")))
    for line in told["notes"]:
        terminal.out(terminal.wrap(f"note: {line}"))
