r"""The systemic-risk index of every firm as a table: of a scenario's network at rest, over many reconstructions, or of a user's files.

    results/<name>_risk/<UTC time>-<hash8>/
      input.json      what was asked           manifest.json   the same with versions, timing, hashes, how it ended
      risk.csv        [run,]firm,esri,esri_up,esri_down,iterations: one row per firm and run, in the order of the network; empty where
                      `component` leaves it out
      firms.csv       [run,]firm,sector,size_class,output_share: who they are
      statistics.csv  concentration, plateau and rank correlation: quantiles over the runs
      classes.csv     mean index by sector and size class: quantiles over the runs
      risk.nc         all of it (xarray)       parts/           finished chunks of closures, with which a stopped run is continued

A run is one reconstruction: another sample of firms and another graph from the same tables, so that firm 17 of one run is not firm 17 of
the next. Hence the bands are over classes of firms and over the statistics of the ranking. The column `run` counts from 0 in the order of
the seeds of the manifest; it is there when there is more than one.

    Gini          sum_ij |x_i - x_j| / (2 n² mean(x))
    plateau       firms whose index is at least 0.95 of the highest
    output share  of the firm in the output of all firms of the network, large ones included

Source of the index, and of the published figures: Diem, Borsos, Reisch, Kertész and Thurner (2022), Scientific Reports 12, 7719; the
equations stand in `systemic.esri`. Quantities of the table are shares of the output of the economy, or of what `weight` says.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import economy as economies
from .. import scenario as scenarios
from .. import simulate
from ..graph import from_networkx
from ..interventions.base import SIZES
from ..network import FirmNetwork, read_network
from ..scenario import Scenario
from ..schema import InputError, nearest
from ..state import LARGE, SMB, State
from ..systemic.esri import RiskNetwork, esri, of_firms, of_state
from .ensemble import PACKAGES, digest, version

CHUNK = 2048  # closures between two parts
BANDS = (5, 25, 50, 75, 95)  # percent of runs
NEAR_TOP = 0.95  # share of the highest index from which a firm is on the plateau
HIGH = 0.01  # index from which Diem et al. count a firm as risky
MANY_MEANS = 10.0
MOSTLY_SIZE = 0.9  # rank correlation with size from which the words say that size explains the ranking; assumption
HUNGARY = {"firms": 91_595, "plateau_share": 0.00035, "plateau_index": 0.23, "above_1_percent": 0.002}  # Diem et al. (2022)

LINEAR = 1  # essentiality where nothing is said
SIZE_CLASSES = (*SIZES, "large", "unknown")
RELATIONS = ("itself", "its customers", "its suppliers", "further away")
WEIGHTS = ("output", "employment", "smb_employment")
MARKET_SHARES, COMPONENTS = ("dynamic", "static", "off"), ("both", "up", "down")
SCORES = ("esri", "esri_up", "esri_down", "iterations")
MOST_LINES = 20  # mistakes printed
TINY = np.finfo(float).tiny
NUMBERS = ("risk.csv", "firms.csv", "statistics.csv", "classes.csv", "risk.nc")

STATISTICS = {  # name → unit, what it is
    "firms": ("firms", "Firms closed, one at a time"),
    "mean": ("1", "Mean index"),
    "median": ("1", "Median index"),
    "highest": ("1", "Highest index"),
    "gini": ("1", "Gini coefficient of the index"),
    "above_1_percent": ("1", "Share of firms with an index above 0.01"),
    "above_10_means": ("1", "Share of firms with more than ten times the mean index"),
    "plateau": ("firms", "Firms with at least 0.95 of the highest index"),
    "plateau_share": ("1", "Share of firms with at least 0.95 of the highest index"),
    "plateau_index": ("1", "Mean index of these firms"),
    "spearman_size": ("1", "Spearman correlation of the index with the firm's share of output"),
}

Progress = Callable[[int, int], None]  # closures done, closures in all


# -- what is asked ------------------------------------------------------------------------------------------------------------------------


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


# -- networks -----------------------------------------------------------------------------------------------------------------------------


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


# -- the table ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Hurt:
    """Who loses when the firm with the highest index closes. G sectors, four relations to it."""

    firm: str
    sector: str
    loss: np.ndarray  # (G, 4) share of the economy lost, by sector and relation; sums to the index
    share: np.ndarray  # (G,) share of each sector in the economy


@dataclass(frozen=True, eq=False)
class RiskTable:
    """The index of K firms, of one run or of several below each other; read-only. esri is a share of the economy's output (or weight)."""

    name: str
    seeds: tuple[int, ...]
    sectors: tuple[str, ...]
    run: np.ndarray  # (K,) row in seeds
    firm: np.ndarray  # (K,) names
    sector: np.ndarray  # (K,) row in sectors
    size_class: np.ndarray  # (K,) row in SIZE_CLASSES
    output_share: np.ndarray  # (K,)
    esri: np.ndarray  # (K,)
    esri_up: np.ndarray  # (K,)
    esri_down: np.ndarray  # (K,)
    iterations: np.ndarray  # (K,)
    hurt: Hurt
    manifest: dict = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names along the axis of sectors, as a `Result` has them."""
        return {"sector": self.sectors}

    def of_run(self, r: int) -> np.ndarray:
        """Rows of a run."""
        return np.flatnonzero(self.run == r)

    def top(self, k: int = 10, run: int = 0) -> np.ndarray:
        """Rows of the k firms with the highest index of a run, highest first; ties in the order of the network."""
        rows = self.of_run(run)
        return rows[np.argsort(-self.esri[rows], kind="stable")[:k]]

    @cached_property
    def statistics(self) -> dict[str, np.ndarray]:
        """Name in STATISTICS → (R,) by run."""
        found = [_statistics(self.esri[rows], self.output_share[rows]) for rows in map(self.of_run, range(len(self.seeds)))]
        return {name: np.array([one[name] for one in found]) for name in STATISTICS}

    @cached_property
    def classes(self) -> list[dict[str, Any]]:
        """One entry per sector and size class that has firms: sector, size_class, firms per run, and quantiles of the mean index over runs.

        Runs without a firm in the class are left out of its quantiles.
        """
        C = len(SIZE_CLASSES)
        cell = self.sector.astype(np.int64) * C + self.size_class
        count, total = (np.zeros((len(self.seeds), len(self.sectors) * C)) for _ in range(2))
        np.add.at(count, (self.run, cell), 1.0)
        np.add.at(total, (self.run, cell), self.esri)
        found = []
        for c in np.flatnonzero(count.sum(axis=0)):
            there = count[:, c] > 0
            quantiles = np.percentile(total[there, c] / count[there, c], BANDS)
            about = {"sector": self.sectors[c // C], "size_class": SIZE_CLASSES[c % C], "firms": float(count[:, c].mean())}
            found.append(about | {f"p{b}": float(q) for b, q in zip(BANDS, quantiles, strict=True)})
        return found

    def bands(self) -> dict[str, dict[str, float]]:
        """Statistic → p5 … p95 over the runs."""
        return {name: {f"p{b}": float(np.percentile(v, b)) for b in BANDS} for name, v in self.statistics.items()}

    def summary(self) -> str:
        """What the ranking says, in words and numbers; medians over the runs."""
        middle = {name: float(np.median(v)) for name, v in self.statistics.items()}
        counted = self.manifest.get("asked", {}).get("weight", "output")
        return "\n".join(_in_words(middle, self.hurt if len(self.seeds) == 1 else None, counted))

    def plain(self) -> dict[str, Any]:
        """The same as plain data."""
        top = [
            {
                "firm": str(self.firm[k]), "sector": self.sectors[self.sector[k]], "size_class": SIZE_CLASSES[self.size_class[k]],
                "output_share": float(self.output_share[k]), **{name: float(getattr(self, name)[k]) for name in SCORES},
            }
            for k in self.top()
        ]  # fmt: skip
        return {
            "name": self.name, "runs": len(self.seeds), "seeds": list(self.seeds), "summary": self.summary().splitlines(),
            "statistics": {name: {"unit": STATISTICS[name][0], **q} for name, q in self.bands().items()},
            "top": top, "classes": self.classes, "hungary": HUNGARY, "notes": self.manifest.get("notes", []),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{line}</li>" for line in self.summary().splitlines())
        return f"<b>{self.name}</b>: systemic risk of {len(self.firm)} firms<ul>{rows}</ul>"

    def __repr__(self) -> str:
        return f"RiskTable({self.name!r}, firms={len(self.firm)}, runs={len(self.seeds)}, highest={self.esri.max():.4g})"

    # -- disk -------------------------------------------------------------------------------------------------------------------------

    @cached_property
    def data(self):
        """The same as an xarray.Dataset with dimensions firm (all runs below each other), run, sector and relation."""
        import xarray as xr

        share = {"units": "1"}
        variables = {
            "firm_name": ("firm", self.firm.astype(str)), "firm_run": ("firm", self.run), "firm_sector": ("firm", self.sector),
            "firm_size_class": ("firm", self.size_class), "output_share": ("firm", self.output_share, share),
            **{name: ("firm", getattr(self, name), share) for name in SCORES},
            "hurt_loss": (("sector", "relation"), self.hurt.loss, share), "hurt_share": ("sector", self.hurt.share, share),
            **{f"stat_{name}": ("run", v, {"units": STATISTICS[name][0], "long_name": STATISTICS[name][1]})
               for name, v in self.statistics.items()},
        }  # fmt: skip
        coords = {"seed": ("run", list(self.seeds)), "sector": list(self.sectors), "relation": list(RELATIONS)}
        about = {"name": self.name, "hurt_firm": self.hurt.firm, "hurt_sector": self.hurt.sector, "size_classes": " ".join(SIZE_CLASSES)}
        return xr.Dataset(variables, coords, about)

    def save(self, folder: str | Path) -> None:
        """Write NUMBERS into a folder: the same bytes for the same numbers."""
        folder, many = Path(folder), len(self.seeds) > 1
        temporary = folder / "risk.part"
        self.data.to_netcdf(temporary, engine="h5netcdf")
        temporary.rename(folder / "risk.nc")
        runs = [[int(r)] for r in self.run] if many else [[]] * len(self.run)
        head = ["run"] if many else []
        scores = zip(self.firm, self.esri, self.esri_up, self.esri_down, self.iterations, strict=True)
        body = (
            [*run, firm, *("" if np.isnan(x) else f"{x:.12g}" for x in three), int(n)]
            for run, (firm, *three, n) in zip(runs, scores, strict=True)
        )
        _write_csv(folder / "risk.csv", [*head, "firm", *SCORES], body)
        about = zip(self.firm, self.sector, self.size_class, self.output_share, strict=True)
        body = ([*run, f, self.sectors[g], SIZE_CLASSES[c], f"{x:.12g}"] for run, (f, g, c, x) in zip(runs, about, strict=True))
        _write_csv(folder / "firms.csv", [*head, "firm", "sector", "size_class", "output_share"], body)
        quantiles = [f"p{b}" for b in BANDS]
        body = ([name, *STATISTICS[name], *(f"{q[p]:.10g}" for p in quantiles)] for name, q in self.bands().items())
        _write_csv(folder / "statistics.csv", ["statistic", "unit", "label", *quantiles], body)
        keys = ["sector", "size_class", "firms", *quantiles]
        body = ([one[k] if k in keys[:2] else f"{one[k]:.10g}" for k in keys] for one in self.classes)
        _write_csv(folder / "classes.csv", keys, body)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def load(folder: str | Path) -> RiskTable:
    """Read a folder of `risk` back. Raises InputError naming what is missing."""
    import xarray as xr

    folder = Path(folder)
    for needed in ("risk.nc", "manifest.json"):
        if not (folder / needed).is_file():
            raise InputError(f"{folder}: no {needed}; did `smbsim risk` write it, to its end?")
    with xr.open_dataset(folder / "risk.nc", engine="h5netcdf") as data:
        data.load()
    about, values = data.attrs, {name: data[name].values for name in ("output_share", *SCORES)}
    hurt = Hurt(about["hurt_firm"], about["hurt_sector"], data["hurt_loss"].values, data["hurt_share"].values)
    return RiskTable(
        about["name"], tuple(int(s) for s in data["seed"].values), tuple(str(s) for s in data["sector"].values), data["firm_run"].values,
        data["firm_name"].values.astype(object), data["firm_sector"].values, data["firm_size_class"].values, **values, hurt=hurt,
        manifest=json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
    )  # fmt: skip


def gini(x: np.ndarray) -> float:
    """Gini coefficient of non-negative numbers; nan where they sum to 0."""
    n, total = len(x), float(np.sum(x))
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(x) / (n * total)) if total > 0 else float("nan")


def _statistics(x: np.ndarray, size: np.ndarray) -> dict[str, float]:
    top = x >= NEAR_TOP * x.max()
    return {
        "firms": len(x), "mean": x.mean(), "median": np.median(x), "highest": x.max(), "gini": gini(x),
        "above_1_percent": np.mean(x > HIGH), "above_10_means": np.mean(x > MANY_MEANS * x.mean()),
        "plateau": int(top.sum()), "plateau_share": top.mean(), "plateau_index": x[top].mean(), "spearman_size": _spearman(x, size),
    }  # fmt: skip


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation; nan where all are equal or there are fewer than three."""
    from scipy.stats import rankdata

    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _in_words(s: Mapping[str, float], hurt: Hurt | None, counted: str) -> list[str]:
    """hurt: of the one run; None with several."""
    n, plateau = round(s["firms"]), round(s["plateau"])
    who = "" if hurt is None else f" (firm {hurt.firm}, sector {hurt.sector})"
    lines = [
        f"{n} firms closed one at a time: the median firm takes {_percent(s['median'])} of {counted} with it, the mean "
        f"{_percent(s['mean'])}, the highest {_percent(s['highest'])}{who}.",
        f"Concentration: Gini {s['gini']:.2f}; {_percent(s['above_1_percent'])} of firms are above 1 %, "
        f"{_percent(s['above_10_means'])} above ten times the mean.",
        f"Plateau: {plateau} firm{'s' * (plateau != 1)} ({_percent(s['plateau_share'])}) within 5 % of the highest index.",
    ]
    rho = s["spearman_size"]
    if np.isfinite(rho):
        meaning = "size explains most of the ranking" if rho > MOSTLY_SIZE else "size alone does not explain the ranking"
        lines.append(f"Size: rank correlation with output {rho:.2f}; {meaning}.")
    h = HUNGARY
    lines.append(
        f"Hungary (Diem et al. 2022, 91 595 firms): {_percent(h['plateau_share'])} of firms carry about {h['plateau_index']} each, "
        f"{_percent(1 - h['above_1_percent'])} are below 1 %. Here {_percent(s['plateau_share'])} carry about {s['plateau_index']:.2g}, "
        f"{_percent(1 - s['above_1_percent'])} are below 1 %."
    )
    return lines


def _percent(x: float) -> str:
    """A share in percent with three digits, or as many as tell it from 100."""
    return f"{float(f'{100 * x:.3g}') if not 0.999 < x < 1 else 100 - float(f'{100 - 100 * x:.1g}'):.10g} %"


# -- computing ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Job:
    """All there is to compute: one case per seed, and what it was made from."""

    name: str
    case: Callable[[int], Case]  # seed → network
    seeds: tuple[int, ...]
    options: Options
    asked: dict  # plain data that stands for the input: equal if and only if the results are
    notes: tuple[str, ...] = ()
    sector_names: Mapping[str, str] = field(default_factory=dict)  # code → name, where they are known

    @property
    def hash8(self) -> str:
        """Eight hexadecimal digits that stand for the input and the code of the package."""
        text = json.dumps(self.asked, sort_keys=True) + scenarios.code_digest()
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def job(
    scenario: Scenario | str | Path | None = None,
    *,
    links: str | Path | None = None,
    firms: str | Path | None = None,
    essentiality: str | Path | None = None,
    network=None,
    runs: int | None = None,
    seed: int | None = None,
    only: Sequence[str] | None = None,
    final_sales: bool | None = None,
    **options: Any,
) -> Job:
    """What `risk` would compute, with all its input read and checked. The arguments are those of `risk`. Raises InputError."""
    Options(**options).check()
    given = [scenario is not None, links is not None or firms is not None, network is not None]
    if sum(given) != 1 or (given[1] and (links is None or firms is None)):
        raise InputError("give a scenario, or links and firms, or a network")
    if scenario is not None:
        if essentiality is not None:
            raise InputError("essentiality: a scenario has that of its economy; the file goes with links and firms")
        spec = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
        return _job_of_scenario(spec, runs, seed, only, Options(final_sales=final_sales is not False, **options))
    if runs not in (None, 1) or seed is not None:
        raise InputError("runs and seed: this network is known, and the same in every run")
    if Options(**options).large_firms:
        raise InputError("large_firms: belongs to a scenario; all firms of a known network are closed")
    if network is not None:
        known, sectors = _known(network)
        name, asked = "network", {"network": _fingerprint(known)}
    else:
        known, sectors = read_files(links, firms)
        name, asked = Path(links).stem, {"links": digest(Path(links)), "firms": digest(Path(firms))}
    if final_sales is None:
        final_sales = not np.isnan(np.where(np.isnan(known.final_sales), known.output, known.final_sales)).any()
    table = None if essentiality is None else read_essentiality(essentiality, sectors)
    chosen = Options(final_sales=final_sales, **options)
    case = of_network(known, sectors, chosen, table, only)
    asked |= {"essentiality": None if essentiality is None else digest(Path(essentiality)), "only": list(only or ()), **asdict(chosen)}
    return Job(name, lambda _: case, (0,), chosen, asked, _notes(known, table, chosen))


def _job_of_scenario(scenario: Scenario, runs: int | None, seed: int | None, only, options: Options) -> Job:
    first, count = scenario.runs.seed if seed is None else seed, runs or 1
    if count > 1 and scenario.network is not None:
        raise InputError("runs: the network of this scenario comes from files and is the same in every run")
    if count > 1 and only is not None:
        raise InputError("runs: a firms list goes with one run; firms differ between reconstructions")
    economy = economies.load(scenario.economy)
    asked = {"scenario": scenario.without_interventions().hash8, "only": list(only or ()), **asdict(options)}
    note = "one reconstruction is a guess: runs = 8 (--runs 8) gives bands" if count == 1 and scenario.network is None else None
    return Job(
        scenario.name or "scenario", lambda s: of_scenario(scenario, s, options, only), tuple(range(first, first + count)), options,
        asked | {"first_seed": first}, (note,) if note else (), dict(zip(economy.sectors, economy.sector_names, strict=True)),
    )  # fmt: skip


def _known(network) -> tuple[FirmNetwork, tuple[str, ...]]:
    """A network in memory and the codes of its sectors."""
    if isinstance(network, FirmNetwork):
        return network, tuple(str(g) for g in range(int(network.sector.max(initial=-1)) + 1))
    sectors = tuple(sorted({str(values["sector"]) for _, values in network.nodes(data=True) if "sector" in values}))
    return from_networkx(network, sectors=sectors), sectors


def _fingerprint(network: FirmNetwork) -> str:
    parts = [value for value in vars(network).values() if isinstance(value, np.ndarray)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def _notes(network: FirmNetwork, table: np.ndarray | None, options: Options) -> tuple[str, ...]:
    """What was assumed because nothing said it."""
    notes = []
    if table is None and (network.essentiality < 0).any():
        notes.append("essentiality is not given: these inputs count as linear (1); essential inputs (2) make the index larger")
    if not options.final_sales:
        notes.append("final sales are left out: firms live from their links alone, and what closes upstream hurts more")
    return tuple(notes)


def risk(
    scenario: Scenario | str | Path | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    **asked: Any,
) -> RiskTable:
    """The systemic-risk index of the firms of a scenario, of files, or of a network.

    scenario     : file, packaged name or Scenario; its shocks play no part, the network is that of its population at rest
    links, firms : files as in DECISIONS 25; sectors may have any codes; with essentiality, a file by pair of sectors
    network      : a FirmNetwork or networkx.DiGraph, instead of files
    runs, seed   : reconstructions of a scenario, and the seed of the first; default one
    only         : names of the firms to close; default all, of a scenario all SMBs
    large_firms  : also close the rows that stand for all large firms of a sector of a scenario
    final_sales  : sales outside links count; default yes where they are known
    tolerance    : largest change of a firm's state in the last iteration; 1e-2 is the published choice
    market_share : "dynamic", "static", "off"          component : "both", "up", "down"
    weight       : what a loss is counted in: "output", "employment", "smb_employment", "region=NAME" (output of a region)
    out, resume  : folder to write to, and whether to go on from the chunks that are there
    threads      : default one per core; results do not depend on it

    Raises InputError, one line per mistake.
    """
    return compute(job(scenario, **asked), out=out, resume=resume, threads=threads, progress=progress)


def compute(
    job: Job, *, out: str | Path | None = None, resume: bool = False, threads: int | None = None, progress: Progress | None = None
) -> RiskTable:
    """Close all firms of all runs of a job. See `risk`."""
    began, folder = time.time(), None if out is None else Path(out)
    case, found = job.case(job.seeds[0]), []  # what is wrong with it is said before anything is written
    if folder is not None:
        _open(folder, job, resume)
    for r, seed in enumerate(job.seeds):
        case = case if r == 0 else job.case(seed)
        total = len(case.closures) * len(job.seeds)
        done = len(case.closures) * r

        def report(n: int, done=done, total=total) -> None:
            if progress is not None:
                progress(done + n, total)

        scores = _close(case, job.options, seed, folder, resume, threads or os.cpu_count() or 1, report)
        found.append(_table(job, case, scores, r))
    table = _below_each_other(found, job)
    table.manifest.update(_manifest(job, time.time() - began))
    if folder is not None:
        table.save(folder)
        table.manifest["files"] = {name: digest(folder / name) for name in NUMBERS}
        _rename_into(folder / "manifest.json", json.dumps(table.manifest, indent=1))
    return table


def _open(folder: Path, job: Job, resume: bool) -> None:
    """Make the folder, or look whether it holds the same question. Raises InputError when it holds another."""
    parts, question = folder / "parts", folder / "input.json"
    if resume and question.is_file() and json.loads(question.read_text(encoding="utf-8")) != job.asked:
        raise InputError(f"--resume: {folder} holds another network or other options; use another folder, or --force to overwrite it")
    parts.mkdir(parents=True, exist_ok=True)
    for stale in [] if resume else [*parts.glob("*.npz"), folder / "manifest.json"]:
        stale.unlink(missing_ok=True)
    _rename_into(question, json.dumps(job.asked, indent=1))


def _rename_into(path: Path, text: str) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def part_of(folder: Path, seed: int, first: int) -> Path:
    """Where a chunk of closures is kept."""
    return folder / "parts" / f"{seed}-{first:08d}.npz"


def _close(case: Case, options: Options, seed: int, folder: Path | None, resume: bool, threads: int, report) -> dict[str, np.ndarray]:
    """Scores of all closures, chunk by chunk; finished chunks are taken from the folder."""
    chunks = []
    for first in range(0, len(case.closures), CHUNK):
        rows = case.closures[first : first + CHUNK]
        part = None if folder is None else part_of(folder, seed, first)
        if resume and part is not None and part.is_file():
            with np.load(part) as kept:
                chunks.append({name: kept[name] for name in SCORES})
        else:
            found = _solve(case, options, rows, threads, lambda n, *_, first=first: report(first + n))
            chunks.append({"esri": found.esri, "esri_up": found.up, "esri_down": found.down, "iterations": found.iterations})
            if part is not None:
                temporary = part.with_suffix(".part")
                with temporary.open("wb") as data:
                    np.savez(data, **chunks[-1])
                temporary.rename(part)
        report(first + len(rows))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in SCORES}


def _solve(case: Case, options: Options, rows: np.ndarray, threads: int, report=None, losses: bool = False):
    return esri(
        case.network, rows, tolerance=options.tolerance, market_share=options.market_share, component=options.component,
        final_sales=options.final_sales, weight=case.weight, threads=threads, losses=losses, progress=report,
    )  # fmt: skip


def _table(job: Job, case: Case, scores: Mapping[str, np.ndarray], r: int) -> RiskTable:
    """The table of one run."""
    rows, network = case.closures, case.network
    sold = _sales(network)
    share = sold[rows] / max(sold.sum(), TINY)
    top = int(rows[np.argmax(scores["esri"])])
    return RiskTable(
        job.name, job.seeds, case.sectors, np.full(len(rows), r), np.array([case.names[row] for row in rows], dtype=object),
        network.sector[rows], case.size_class[rows], share, **scores, hurt=_hurt(case, job.options, top),
    )  # fmt: skip


def _hurt(case: Case, options: Options, top: int) -> Hurt:
    """Who loses when one firm closes."""
    network, n, G = case.network, len(case.names), len(case.sectors)
    loss = _solve(case, options, np.array([top]), 1, losses=True).losses[0]
    weight = _sales(network, options.final_sales) if case.weight is None else case.weight
    weight = weight / max(weight.sum(), TINY)
    relation = np.full(n, 3)
    relation[network.supplier[network.customer == top]] = 2
    relation[network.customer[network.supplier == top]] = 1
    relation[top] = 0
    by_cell = np.bincount(network.sector * len(RELATIONS) + relation, weight * loss, G * len(RELATIONS)).reshape(G, len(RELATIONS))
    return Hurt(str(case.names[top]), case.sectors[network.sector[top]], by_cell, np.bincount(network.sector, weight, G))


def _sales(network: RiskNetwork, final: bool = True) -> np.ndarray:
    """(n,) sold along links and, if wanted, outside them."""
    return np.bincount(network.supplier, network.weight, network.n) + (network.final_sales if final else 0.0)


def _below_each_other(tables: Sequence[RiskTable], job: Job) -> RiskTable:
    names = ("run", "firm", "sector", "size_class", "output_share", *SCORES)
    return replace(tables[0], **{name: np.concatenate([getattr(t, name) for t in tables]) for name in names}, manifest={})


def _manifest(job: Job, seconds: float) -> dict:
    return {
        "name": job.name, "hash": job.hash8, "code": scenarios.code_digest(), "asked": job.asked, "seeds": list(job.seeds),
        "notes": list(job.notes), "sector_names": dict(job.sector_names), "ended": "complete", "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }  # fmt: skip


def default_folder(job: Job, name: str) -> Path:
    """results/<name>_risk/<UTC time>-<hash8>."""
    return Path("results") / f"{name}_risk" / f"{dt.datetime.now(dt.UTC).strftime('%Y%m%dT%H%M%SZ')}-{job.hash8}"


def newest_folder(job: Job, name: str) -> Path | None:
    """The newest folder of the same question and code, if there is one."""
    found = sorted((Path("results") / f"{name}_risk").glob(f"*-{job.hash8}"))
    return found[-1] if found else None


# -- policy -------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SecondSupplier:
    """A network with second suppliers, and the index before and after: of the firms relieved and of those that took over."""

    network: RiskNetwork
    firms: np.ndarray  # (k,) rows
    before: np.ndarray  # (k,)
    after: np.ndarray  # (k,)
    backups: np.ndarray  # (b,) rows of the second suppliers
    backups_before: np.ndarray  # (b,)
    backups_after: np.ndarray  # (b,)
    moved: float  # currency/yr bought elsewhere

    @property
    def fall(self) -> np.ndarray:
        """(k,) by how much the index of each firm falls."""
        return self.before - self.after


def second_supplier(network: RiskNetwork, firms: Sequence[int], **options: Any) -> SecondSupplier:
    """The customers of these firms buy half of what they buy there from the next best supplier of the same sector.

    The next best is the largest of the other suppliers that the customer has in the sector; without one, the largest firm of the sector
    that is neither among these firms nor the customer itself. A customer for whom there is none changes nothing. The risk does not vanish,
    it moves: look at the index of the second suppliers, too.

    firms   : rows
    options : of `systemic.esri.esri`

    Raises InputError for rows that are not there.
    """
    n = network.n
    firms = np.unique(np.asarray(firms, dtype=np.int64))
    if len(firms) == 0 or firms[0] < 0 or firms[-1] >= n:
        raise InputError(f"firms must be rows from 0 to {n - 1}, at least one")
    backup = _next_best(network, firms)
    links = np.flatnonzero(backup >= 0)
    half = 0.5 * network.weight[links]
    weight = network.weight.copy()
    weight[links] -= half
    new = _joined(
        network, np.concatenate([network.supplier, backup[links]]), np.concatenate([network.customer, network.customer[links]]),
        np.concatenate([weight, half]), np.concatenate([network.essentiality, network.essentiality[links]]),
    )  # fmt: skip
    backups = np.unique(backup[links])
    rows, k = np.concatenate([firms, backups]), len(firms)
    before, after = (esri(net, rows, **options).esri for net in (network, new))
    return SecondSupplier(new, firms, before[:k], after[:k], backups, before[k:], after[k:], float(half.sum()))


def _next_best(network: RiskNetwork, firms: np.ndarray) -> np.ndarray:
    """(m,) row of the next best supplier of links out of the firms; -1 for other links and where there is none."""
    relieved, sales = np.isin(np.arange(network.n), firms), _sales(network)
    group = network.sector[network.supplier]
    slot = network.customer.astype(np.int64) * (int(network.sector.max()) + 1) + group
    others = np.flatnonzero(~relieved[network.supplier])
    best = others[np.lexsort((-network.weight[others], slot[others]))]  # the first of each slot is the largest
    slots, first = np.unique(slot[best], return_index=True)
    at_hand = dict(zip(slots.tolist(), network.supplier[best[first]].tolist(), strict=True))
    largest: dict[int, list[int]] = {}
    for g in np.unique(network.sector[firms]).tolist():
        free = np.flatnonzero((network.sector == g) & ~relieved)
        largest[g] = free[np.argsort(-sales[free], kind="stable")[:2]].tolist()
    found = np.full(len(network.supplier), -1, dtype=np.int64)
    for e in np.flatnonzero(relieved[network.supplier]).tolist():
        customer = int(network.customer[e])
        anywhere = (row for row in largest[int(group[e])] if row != customer)
        found[e] = at_hand.get(int(slot[e]), next(anywhere, -1))
    return found


def _joined(network: RiskNetwork, supplier, customer, weight, essentiality) -> RiskNetwork:
    """The network with these links, those between the same firms added up, in customer order."""
    pair = customer.astype(np.int64) * len(network.sector) + supplier
    _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    total = np.bincount(inverse, weight)
    order = np.lexsort((supplier[first], network.sector[supplier[first]], customer[first]))
    kept = first[order]
    return replace(network, supplier=supplier[kept], customer=customer[kept], weight=total[order], essentiality=essentiality[kept])
