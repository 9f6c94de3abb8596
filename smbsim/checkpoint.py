"""One burn-in, many futures: an economy between two weeks, kept in memory or in a file, from which any number of futures begin.

    start = burn_in("credit_crunch")                    burn-in done, week 0 is next
    result = fork(start, {"guarantee": a, "grant": b})  both, and what would have gone on, from the same firms with the same luck
    middle = start.until(30); middle.save("week30.npz"); fork(load("week30.npz"), [a, b])

A file continues bit for bit what was saved. It is one .npz: every column of every table as an array, and a text (JSON) with the scenario,
names, flows, events and books. Nothing in it is a Python object, so that reading one runs no code. Its format, the code of the package, and
a hash of all contents are compared before anything is used; rows that point outside their tables are refused. Index arrays are made anew
from the links, by which they are determined.

What may differ between futures: interventions, and parameters of mechanisms, which then act from the fork on. What may not, because the
state was built from it: economy, population, network, what is switched on, lead times.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import economy as economies
from . import scenario as scenarios
from . import simulate
from .draws import Draws
from .economy import Economy
from .interventions.base import Intervention, Known
from .mechanisms.base import Step
from .metrics.network import tiers
from .result import BASELINE, Result, concatenate
from .scenario import MECHANISMS, Scenario
from .schema import Column, InputError
from .simulate import ignore
from .state import EVERYWHERE, STRUCTURE, TABLES, State, Table

FORMAT = "smbsim checkpoint 1"
ABOUT, RESTING, TIER, MASK, RISK = "about", "start/resting", "start/tier", "mask", "state/risk_index"
STRUCTURAL = ("economy", "population", "reconstruct", "network")  # sections from which the state is built
LEADS = ("local_lead", "other_lead", "import_lead")
TEXTS = ("sector_codes", "region_names", "account_names", "policy_names", "names")
NUMBERS = ("scale", "public_value_added")
BOOKS = ("flows", "events", "widths")
INDEX = (  # made from the links
    "slot_start", "link_start", "customer_start", "supplier_start", "_by_supplier", "customers", "suppliers", "pieces",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An economy between two weeks.

    scenario      : what was simulated so far
    seed          : of all its random numbers
    week          : t of the week that comes next; 0 after the burn-in
    state         : not to be changed; `state.copy()` may be
    resting, tier : (n,) output at rest and upstreamness of the firms of the start
    known         : the rows that each intervention of the scenario concerns
    """

    scenario: Scenario
    seed: int
    week: int
    state: State
    resting: np.ndarray
    tier: np.ndarray
    known: Known = field(default_factory=dict)

    def until(self, week: int, check: bool = False, progress: simulate.Progress = ignore) -> Checkpoint:
        """The same economy later, its own scenario simulated up to, and without, this week. Raises InputError for one that is past."""
        if week < self.week:
            raise InputError(f"week {week} is past: the checkpoint is at week {self.week}")
        state, draws = self.state.copy(), Draws(self.seed)
        phases = simulate.plan(self.scenario, state, draws, self.known)
        for t in range(self.week, week):
            simulate.advance(state, phases, Step(t, draws), check)
            progress(1)
        return replace(self, week=week, state=state)

    def save(self, path: str | Path) -> None:
        """Write one file: the same bytes for the same checkpoint. Written to a temporary name and renamed.

        Raises InputError for a scenario with mechanisms of a user's own, which no file can hold.
        """
        if len(self.scenario.mechanisms) > len(MECHANISMS):
            raise InputError(f"{path}: a file cannot hold mechanisms of your own; keep the checkpoint in memory")
        path = Path(path)
        about, arrays = _plain(self)
        about["contents"] = _digest(about, arrays)
        text = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
        temporary = path.with_name(path.name + ".part")
        with temporary.open("wb") as file:
            np.savez_compressed(file, **{ABOUT: text}, **arrays)
        temporary.rename(path)


def burn_in(
    scenario: Scenario | str | Path,
    seed: int | None = None,
    *,
    until: int = 0,
    economy: Economy | None = None,
    threads: int = 1,
    check: bool = False,
    progress: simulate.Progress = ignore,
) -> Checkpoint:
    """Build the population of a scenario and simulate it up to week 0, or `until` a later week, in which its interventions act.

    seed: default that of the scenario; variants of the scenario are left aside

    Raises InputError for what the scenario cannot mean.
    """
    scenario = _main(scenario if isinstance(scenario, Scenario) else scenarios.load(scenario))
    seed = scenario.runs.seed if seed is None else seed
    quiet = scenario.without_interventions()
    state, phases, draws = simulate.prepare(quiet, seed, economy, threads)
    resting, tier = state.firms.output.copy(), tiers(state)
    simulate.burn_in(state, phases, draws, scenario.horizon.burn_in, check, progress)
    known = _concerned(scenario.interventions, state, draws)
    return Checkpoint(scenario, seed, 0, state, resting, tier, known).until(until, check, progress)


def fork(
    start: Checkpoint,
    futures: Mapping[str, Scenario] | Sequence[Scenario],
    *,
    runs: int = 1,
    check: bool = False,
    progress: simulate.Progress = ignore,
) -> Result:
    """Simulate several futures of one past, from the week of the checkpoint to the end of their horizon.

    futures : by name, or a sequence that takes the names of its scenarios
    runs    : futures of each with different luck: run r meets the draws of seed + r from the fork on, run 0 those of the checkpoint

    The result has the variant "baseline" as well: the scenario of the checkpoint goes on; after a mere burn-in, without interventions.
    A future with policies is also simulated without them, as `smbsim run` does. In the panels of what policies did, the firms of week 0
    are those of the fork.

    Raises InputError, one line per mistake, where a future does not fit the checkpoint.
    """
    if runs < 1:
        raise InputError(f"runs = {runs}: at least 1")
    variants = _variants(start, _named(futures))
    found = [
        simulate.futures(
            variants, start.state, start.week, start.seed + r, start.resting, start.tier, start.known, Draws(start.seed), check, progress
        )
        for r in range(runs)
    ]
    economy = economies.load(start.scenario.economy)
    manifest = {
        "name": start.scenario.name,
        "description": start.scenario.description,
        "scenario": start.scenario.dump(),
        "forked_in_week": start.week,
        "variants": {name: [one.model_dump(mode="json") for one in v.interventions] for name, v in variants.items()},
        "seeds": [start.seed + r for r in range(runs)],
        "currency": economy.currency,
        "sector_names": dict(zip(economy.sectors, economy.sector_names, strict=True)),
    }
    return replace(concatenate(found), name=start.scenario.name, manifest=manifest)


# -- futures ------------------------------------------------------------------------------------------------------------------------------


def _main(scenario: Scenario) -> Scenario:
    """The file as it stands, without its variants."""
    return next(iter(scenario.all_variants(baseline=False).values()))


def _concerned(interventions: Sequence[Intervention], state: State, draws: Draws) -> dict[Intervention, np.ndarray]:
    return dict(zip(interventions, simulate.resolve(interventions, state, draws), strict=True))


def _named(futures: Mapping[str, Scenario] | Sequence[Scenario]) -> dict[str, Scenario]:
    if isinstance(futures, Mapping):
        named = dict(futures)
    else:
        names = [one.name or f"future {k + 1}" for k, one in enumerate(futures)]
        twice = {name for name in names if names.count(name) > 1}
        named = {f"{name} {k + 1}" if name in twice else name: one for k, (name, one) in enumerate(zip(names, futures, strict=True))}
    if not named:
        raise InputError("no future to simulate")
    return {name: _main(one) for name, one in named.items()}


def _variants(start: Checkpoint, named: dict[str, Scenario]) -> dict[str, Scenario]:
    """The futures, beside what goes on without them. Raises InputError, one line per mistake."""
    going_on = start.scenario if start.week else start.scenario.without_interventions()
    weeks = next(iter(named.values())).horizon.weeks
    going_on = going_on.with_(horizon={"weeks": weeks}, output=next(iter(named.values())).output.model_dump(mode="json"))
    if BASELINE in named and named[BASELINE] != going_on:
        raise InputError(f"'{BASELINE}' is the name of the future that is made by itself; choose another")
    problems = [f"{name}: {line}" for name, future in named.items() for line in _misfits(start, going_on, future)]
    if problems:
        raise InputError(*problems)
    variants = {BASELINE: going_on} | {name: future for name, future in named.items() if name != BASELINE}
    for name, future in list(variants.items()):
        alone = future.without_policies()
        if name != BASELINE and future.policies and not start.scenario.policies and alone not in variants.values():
            variants[f"{name} without policies"] = alone
    return variants


def _misfits(start: Checkpoint, going_on: Scenario, future: Scenario) -> list[str]:
    past, lines = start.scenario, []
    for section in STRUCTURAL:
        if getattr(future, section) != getattr(past, section):
            lines.append(f"{section} differs from that of the checkpoint, which was built with it")
    for mechanism in MECHANISMS:
        before, now = getattr(past, mechanism.name), getattr(future, mechanism.name)
        if getattr(before, "enabled", True) != getattr(now, "enabled", True):
            lines.append(f"{mechanism.name}.enabled differs from the checkpoint; what is switched on cannot change in the middle")
    for name in LEADS:
        if getattr(past.trade, name) != getattr(future.trade, name):
            lines.append(f"trade.{name} differs from the checkpoint, in which goods are on their way")
    if future.horizon.weeks != going_on.horizon.weeks:
        lines.append(f"horizon.weeks = {future.horizon.weeks}, others have {going_on.horizon.weeks}")
    if future.output != going_on.output:
        lines.append("output differs from that of the others")
    if future.horizon.weeks <= start.week:
        lines.append(f"horizon.weeks = {future.horizon.weeks} ends before the checkpoint at week {start.week}")
    for one in future.interventions:
        if start.week and one not in start.known and one.start < start.week:
            lines.append(f"{one.kind} starts in week {one.start}, before the checkpoint at week {start.week}, in which it did not act")
    return lines


# -- files --------------------------------------------------------------------------------------------------------------------------------


def load(path: str | Path, other_code: bool = False, threads: int = 1) -> Checkpoint:
    """Read a checkpoint. other_code: accept one that another version of the package wrote, whose continuation may differ.

    Raises InputError where it is no checkpoint, was changed or cut short, or other code wrote it.
    """
    path = Path(path)
    try:
        about, arrays = _read(path)
    except InputError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a checkpoint of smbsim, or cut short ({error})") from None
    if about.get("format") != FORMAT:
        raise InputError(f"{path}: format {about.get('format')!r}; this version reads '{FORMAT}'")
    if about.pop("contents", None) != _digest(about, arrays):
        raise InputError(f"{path}: the contents are not those that were written (hash differs)")
    if about["code"] != scenarios.code_digest() and not other_code:
        raise InputError(f"{path}: written by other code of smbsim; its continuation may differ (load(…, other_code=True) reads it anyway)")
    return _rebuilt(path, about, arrays, threads)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        needed, available = sum(entry.file_size for entry in archive.infolist()), scenarios.available_memory()
    if available is not None and needed > available:
        raise InputError(f"{path}: needs {needed / 1e9:.3g} GB of memory; {available / 1e9:.3g} GB can be had")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop(ABOUT).tobytes().decode()), arrays


def _digest(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


def _plain(start: Checkpoint) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is written: texts and numbers, arrays."""
    state, saved = start.state, vars(start.state)
    unknown = set(saved) - {*TABLES.values(), *TEXTS, *NUMBERS, *BOOKS, *INDEX, "risk_index"}
    assert not unknown, f"a checkpoint would lose {sorted(unknown)} of the state"
    arrays = {RESTING: start.resting, TIER: start.tier}
    for name in TABLES.values():
        arrays |= {
            f"{name}/{column}": np.ascontiguousarray(getattr(getattr(state, name), column)) for column in getattr(state, name).columns
        }
    arrays |= {f"{MASK}/{k}": mask for k, mask in enumerate(start.known.values())}
    if "risk_index" in saved:
        arrays |= {f"{RISK}/{k}": values for k, values in enumerate(state.risk_index)}
    about = {
        "format": FORMAT,
        "code": scenarios.code_digest(),
        "scenario": start.scenario.dump(),
        "seed": start.seed,
        "week": start.week,
        "known": [start.scenario.interventions.index(one) for one in start.known],
        "tables": {name: getattr(state, name).n for name in TABLES.values()},
        "columns": {name: [asdict(column) for column in getattr(state, name).columns.values()] for name in TABLES.values()},
        "widths": state.widths,
        **{name: list(saved[name]) for name in TEXTS},
        **{name: float(saved[name]) for name in NUMBERS},
        "flows": [[*line, float(amount)] for line, amount in state.flows.items()],
        "events": [[int(week), text] for week, text in state.events],
    }
    return json.loads(json.dumps(about)), arrays


def _rebuilt(path: Path, about: dict[str, Any], arrays: dict[str, np.ndarray], threads: int) -> Checkpoint:
    state = object.__new__(State)
    for name in TEXTS:
        setattr(state, name, tuple(about[name]))
    for name in NUMBERS:
        setattr(state, name, about[name])
    state.widths = about["widths"]
    state.flows = {tuple(line): amount for *line, amount in about["flows"]}
    state.events = [(week, text) for week, text in about["events"]]
    problems: list[str] = []
    columns = {name: [Column(**entry) for entry in about["columns"][name]] for name in TABLES.values()}
    if {column for table in columns.values() for column in table} != set(_declared()):
        raise InputError(f"{path}: its columns are not those of this version of smbsim")
    for axis, name in TABLES.items():
        setattr(state, name, _table(axis, about["tables"][name], columns[name], state.widths, arrays, problems))
    problems += [] if problems else _outside(state)
    if problems:
        raise InputError(*(f"{path}: {line}" for line in problems))
    if f"{RISK}/0" in arrays:
        state.risk_index = arrays[f"{RISK}/0"], arrays[f"{RISK}/1"]
    state._index()
    state.allow_threads(threads)
    try:
        state.check()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    scenario = scenarios.load(about["scenario"])
    known = {scenario.interventions[i]: arrays[f"{MASK}/{k}"] for k, i in enumerate(about["known"])}
    return Checkpoint(scenario, about["seed"], about["week"], state, arrays[RESTING], arrays[TIER], known)


def _declared() -> list[Column]:
    return [*STRUCTURE, *(column for mechanism in MECHANISMS for column in mechanism.columns)]


def _table(axis: str, n: int, columns: Sequence[Column], widths: Mapping[str, int], arrays, problems: list[str]) -> Table:
    """A table with the columns of the file; one that is missing or has another shape or type is a problem."""
    table = Table(axis, n)
    for column in columns:
        table.add(column, None if column.width == 1 else widths[column.width] if isinstance(column.width, str) else column.width)
        there, values = getattr(table, column.name), arrays.get(f"{TABLES[axis]}/{column.name}")
        if values is None or values.shape != there.shape or values.dtype != there.dtype:
            problems.append(f"{TABLES[axis]}.{column.name} is not {there.shape} of type {there.dtype}")
        else:
            there[:] = values
    return table


def _outside(state: State) -> list[str]:
    """Rows that point outside their tables, or stand in the wrong order: kernels do not look."""
    firms, slots, links = state.firms, state.slots, state.links
    ends = {
        "firms.sector": (firms.sector, 0, len(state.sector_codes)),
        "firms.region": (firms.region, EVERYWHERE, len(state.region_names)),
        "slots.customer": (slots.customer, 0, firms.n),
        "slots.group": (slots.group, 0, len(state.sector_codes)),
        "links.supplier": (links.supplier, 0, firms.n),
        "links.slot": (links.slot, 0, slots.n),
        "links.lead_time": (links.lead_time, 1, state.widths["lead"] + 1),
    }
    problems = [f"{name} points outside its table" for name, (rows, low, stop) in ends.items() if np.any((rows < low) | (rows >= stop))]
    sizes = {"households": 2 * len(state.region_names), "regions": len(state.region_names), "sectors": len(state.sector_codes)}
    sizes |= {"accounts": len(state.account_names), "policies": len(state.policy_names)}
    problems += [f"{name} has {getattr(state, name).n} rows, not {n}" for name, n in sizes.items() if getattr(state, name).n != n]
    if problems:
        return problems
    ordered = np.all(np.diff(state._slot_key(slots.customer, slots.group)) > 0)
    ordered &= np.all(np.diff(links.slot.astype(np.int64) * firms.n + links.supplier) > 0)
    if not ordered or not np.array_equal(links.buyer, slots.customer[links.slot]):
        problems.append("links or slots do not stand in their order")
    return problems
