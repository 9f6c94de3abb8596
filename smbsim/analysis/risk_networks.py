"""The networks whose firms are closed one at a time: of a scenario's population at rest, or of a user's own files.

A `Case` is one network, the firms that close, and what a loss is counted in. `Options` say how the index is computed.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import economy as economies
from .. import simulate
from ..interventions.base import SIZES
from ..network import FirmNetwork, read_network
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..state import LARGE, SMB, State
from ..systemic.esri import LINEAR, RiskNetwork, of_firms, of_state

SIZE_CLASSES = (*SIZES, "large", "unknown")
WEIGHTS = ("output", "employment", "smb_employment")
MARKET_SHARES, COMPONENTS = ("dynamic", "static", "off"), ("both", "up", "down")
MOST_LINES = 20  # mistakes printed


@dataclass(frozen=True)
class Options:
    """How the index is computed. See `systemic.esri`."""

    tolerance: float = 1e-6
    market_share: str = "dynamic"
    component: str = "both"
    final_sales: bool = True
    weight: str = "output"
    large_firms: bool = False

    def check(self) -> None:
        """Raise InputError for what cannot be."""
        problems = []
        if not 0.0 < self.tolerance < 1.0:
            problems.append(f"tolerance {self.tolerance:g} must lie between 0 and 1")
        for key, valid in (("market_share", MARKET_SHARES), ("component", COMPONENTS)):
            if getattr(self, key) not in valid:
                problems.append(f"unknown {key.replace('_', ' ')} '{getattr(self, key)}'.{nearest(getattr(self, key), valid)}")
        if self.weight not in WEIGHTS and not self.weight.startswith("region="):
            problems.append(f"unknown weight '{self.weight}'.{nearest(self.weight, (*WEIGHTS, 'region=NAME'))}")
        if problems:
            raise InputError(*problems)


@dataclass(frozen=True, eq=False)
class Case:
    """One network whose firms are closed one at a time. n firms, k closures."""

    network: RiskNetwork
    names: Sequence[str]  # (n,)
    sectors: tuple[str, ...]  # codes
    size_class: np.ndarray  # (n,) row in SIZE_CLASSES
    closures: np.ndarray  # (k,) rows of firms
    weight: np.ndarray | None  # (n,) what a loss is counted in; None: output


def of_scenario(scenario: Scenario, seed: int, options: Options, only: Sequence[str] | None = None) -> Case:
    """The network of a scenario's population at rest. Raises InputError for what it cannot mean."""
    economy = economies.load(scenario.economy)
    state = simulate.prepare(scenario.without_interventions(), seed, economy)[0]
    firms = state.firms
    names = getattr(state, "names", ()) or [str(uid) for uid in firms.uid]
    rows = np.flatnonzero(firms.alive & ((firms.kind == SMB) | options.large_firms))
    heads = firms.labour_coefficient * firms.normal_output
    size_class = np.where(firms.kind == LARGE, SIZE_CLASSES.index("large"), _class_of(heads))
    return Case(
        of_state(state, options.large_firms), names, state.sector_codes, size_class,
        _chosen(names, rows, only), _weight_of_state(state, heads, options.weight),
    )  # fmt: skip


def _weight_of_state(state: State, heads: np.ndarray, weight: str) -> np.ndarray | None:
    firms = state.firms
    if weight == "output":
        return None
    if weight.startswith("region="):
        region = _region(weight, state.region_names)
        share = np.where(firms.region == region, 1.0, 0.0)
        return np.where(firms.region < 0, state.regions.population_share[region], share) * firms.normal_output
    return heads if weight == "employment" else np.where(firms.kind == SMB, heads, 0.0)


def _region(weight: str, names: Sequence[str]) -> int:
    name = weight.removeprefix("region=")
    if name not in names:
        raise InputError(f"weight: unknown region '{name}'.{nearest(name, names)}")
    return names.index(name)


def _class_of(heads: np.ndarray) -> np.ndarray:
    """(n,) row in SIZE_CLASSES by employment; unknown where it is not given."""
    lowest = [low for low, _ in SIZES.values()]
    return np.where(np.isnan(heads), SIZE_CLASSES.index("unknown"), np.searchsorted(lowest, heads, side="right") - 1)


def _chosen(names: Sequence[str], rows: np.ndarray, only: Sequence[str] | None) -> np.ndarray:
    """The rows to close: all, or those of the firms named, in the order of the network."""
    if only is None:
        return rows
    known = {names[row]: row for row in rows}
    problems = [f"firms list: firm '{name}' is not among those that can be closed" for name in only if name not in known]
    problems += [f"firms list: firm '{name}' is there {times} times" for name, times in Counter(only).items() if times > 1]
    _stop(problems or ([] if only else ["firms list: no firm is named"]))
    return np.array(sorted({known[name] for name in only}))


def _stop(problems: Sequence[str]) -> None:
    """Raise InputError with the first of these lines, if there are any."""
    if problems:
        more = [f"… and {len(problems) - MOST_LINES} more"] if len(problems) > MOST_LINES else []
        raise InputError(*problems[:MOST_LINES], *more)


def of_network(network: FirmNetwork, sectors: Sequence[str], options: Options, table: np.ndarray | None = None, only=None) -> Case:
    """A network known firm by firm. table: (G, G) essentiality by supplying and using sector; without it every input is linear.

    Raises InputError when the weight asks for what is not known.
    """
    given = np.full((len(sectors), len(sectors)), LINEAR) if table is None else table
    known = _with_final_sales(network) if options.final_sales else replace(network, final_sales=np.zeros(len(network.names)))
    weight = None
    if options.weight.startswith("region="):
        region = _region(options.weight, network.region_names)
        weight = np.where(network.region == region, known.sold + known.final_sales, 0.0)
    elif options.weight == "employment":
        weight = network.employment
        _refuse_gaps(weight, network.names, "weight employment: firms.csv has no employment of")
    elif options.weight == "smb_employment":
        raise InputError("weight smb_employment: only a scenario says which firms are small; use employment")
    rows = np.arange(len(network.names))
    return Case(
        of_firms(known, given), network.names, tuple(sectors), _class_of(network.employment), _chosen(network.names, rows, only), weight
    )


def _with_final_sales(network: FirmNetwork) -> FirmNetwork:
    """With final sales of every firm: given, or what is left of its output. Raises InputError naming firms where neither is known."""
    final = np.where(np.isnan(network.final_sales), network.output - network.sold, network.final_sales)
    _refuse_gaps(final, network.names, "final sales: neither final_sales nor output is given of")
    return replace(network, final_sales=np.maximum(final, 0.0))


def _refuse_gaps(values: np.ndarray, names: Sequence[str], what: str) -> None:
    gaps = np.flatnonzero(np.isnan(values))
    if len(gaps):
        rest = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        raise InputError(f"{what} firm '{names[gaps[0]]}'{rest}")


# -- files --------------------------------------------------------------------------------------------------------------------------------


def read_files(links: str | Path, firms: str | Path) -> tuple[FirmNetwork, tuple[str, ...]]:
    """The network of links.csv and firms.csv, whose sectors may have any codes, and these codes sorted.

    Raises InputError with a line for every mistake.
    """
    sectors = _sectors_in(Path(firms))
    return read_network(firms, links, sectors), sectors


def _sectors_in(path: Path) -> tuple[str, ...]:
    """The codes in the column sector of a file; what is wrong with the file is said when it is read as a whole."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines)
            header = [cell.strip() for cell in next(rows, ())]
            column = header.index("sector")
            return tuple(sorted({row[column].strip() for row in rows if len(row) > column} - {""}))
    except (OSError, ValueError, csv.Error):
        return ()


def read_list(path: str | Path) -> list[str]:
    """Names of firms, one a line; blank lines and a first line `firm` are left out. Raises InputError when it cannot be read."""
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path.name}: the file is not UTF-8") from None
    return [line for line in lines[lines[:1] == ["firm"] :] if line]


ESSENTIALITY_COLUMNS = ("supplier_sector", "customer_sector", "essentiality")


def read_essentiality(path: str | Path, sectors: Sequence[str]) -> np.ndarray:
    """(G, G) essentiality by supplying and using sector: 0 none, 1 linear, 2 essential; 1 for pairs that the file leaves out.

    Raises InputError with a line for every mistake: an unknown sector, a pair that is there twice, another number.
    """
    path, problems = Path(path), []
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path.name}: the file is not UTF-8") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    if sorted(header) != sorted(ESSENTIALITY_COLUMNS):
        raise InputError(f"{path.name}: the columns must be {', '.join(ESSENTIALITY_COLUMNS)}, not {', '.join(header) or 'nothing'}")
    place, row_of = [header.index(column) for column in ESSENTIALITY_COLUMNS], {code: g for g, code in enumerate(sectors)}
    table, seen = np.full((len(sectors), len(sectors)), LINEAR, dtype=np.int8), {}
    for number, row in enumerate(rows[1:], start=2):
        where = f"{path.name} line {number}"
        if len(row) != len(header):
            problems.append(f"{where}: {len(row)} cells, but the header has {len(header)} columns")
            continue
        supplier, customer, level = (row[k].strip() for k in place)
        unknown = [code for code in (supplier, customer) if code not in row_of]
        for code in unknown:
            problems.append(f"{where}: no firm is in sector '{code}'.{nearest(code, sectors)}")
        if level not in ("0", "1", "2"):
            problems.append(f"{where}: essentiality '{level}' must be 0, 1 or 2")
        elif (supplier, customer) in seen:
            problems.append(f"{where}: sectors '{supplier}' and '{customer}' are there already, in line {seen[supplier, customer]}")
        elif not unknown:
            table[row_of[supplier], row_of[customer]] = int(level)
        seen[supplier, customer] = number
    _stop(problems)
    return table
