r"""An economy: a folder of tables read once, checked against its accounting identities, and never changed afterwards.

Four exact repairs (POPULATION.md 1.1) make the published table close to machine precision:

    1  \Pi_h = X_h - sum_g Z^d_gh - sum_g Z^m_gh - W_h - T_h             operating surplus is the residual
    2  a negative investment cell moves to `foreign` of its row; a cell still negative is spread over the positive uses, row total kept
    3  X_g = sum_h Z^d_gh + sum_u F^u_g                                   the rounding residual of a row goes to its largest use
    4  \phi_g = all workers / workers in the firm statistics where that ratio exceeds 1.5, else 1

symbol   field                          unit     table and columns
X_g      output                         lcu/yr   sector_accounts.csv gross_output_mlcu
W, T     wages, taxes (less subsidies)  lcu/yr   sector_accounts.csv compensation_mlcu, taxes_less_subsidies_mlcu
\Pi      surplus                        lcu/yr   residual
Z^d Z^m  domestic, imported             lcu/yr   io_coefficients.csv flow_domestic_mlcu, flow_imported_mlcu
F^u      uses, uses_imported            lcu/yr   sector_accounts.csv fd_domestic_*, fd_imported_*
\phi_g   coverage                       1        sector_parameters.csv employment_all_workers_2024, size_classes.csv employment

`lcu` is one unit of the economy's currency. Use `investment` is fixed investment plus inventory change; `foreign` is exports plus the
import margins booked in the import column. Supplier codes of io_coefficients.csv that are not accounts may carry imports only
(`imported_other`; a user without a row there buys none).

A mistake in the folder raises InputError with all problems of the first stage that has any: files and columns, sectors, cells, identities,
sign of final uses. A later stage cannot be judged before the earlier one is right. A sector parameter without table or column is None, and
one with empty cells takes the output-weighted mean of the other sectors; both are recorded in `Economy.notes`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from smbsim import adoption as adoptions
from smbsim.occupations import read_skills
from smbsim.schema import InputError, nearest
from smbsim.tables import LARGEST, Table

USES = ("households", "investment", "foreign", "government")
INVESTMENT, FOREIGN = USES.index("investment"), USES.index("foreign")
MILLION, THOUSAND = 1e6, 1e3

# Relative to output. Statistical offices round each cell of a table to about 1e-5 of its sector; a wrong or missing cell shows above 1e-4.
BALANCE_TOLERANCE = 1e-4
# Shares are published with three to six decimals; a missing size class moves their sum by more.
SHARE_TOLERANCE = 1e-3
# Above this ratio of all workers to workers in firm statistics a sector's firms are not covered (POPULATION.md 1.1, repair 4; assumption).
COVERAGE_RATIO = 1.5

VALUE_ADDED = ("compensation_mlcu", "taxes_less_subsidies_mlcu", "gross_operating_surplus_mlcu")
TOTALS = ("gross_output_mlcu", "value_added_mlcu", "intermediate_domestic_mlcu", "intermediate_imported_mlcu")
DEMAND = {  # field -> for each of USES the columns it sums
    "uses": (
        ("fd_domestic_households_mlcu",),
        ("fd_domestic_private_fixed_investment_mlcu", "fd_domestic_inventory_change_mlcu"),
        ("fd_domestic_exports_mlcu", "fd_domestic_import_margin_adjustment_mlcu"),
        ("fd_domestic_government_mlcu",),
    ),
    "uses_imported": (
        ("fd_imported_households_mlcu",),
        ("fd_imported_private_fixed_investment_mlcu", "fd_imported_inventory_change_mlcu"),
        ("fd_imported_exports_mlcu",),
        ("fd_imported_government_mlcu",),
    ),
}
ACCOUNT_COLUMNS = (*TOTALS, *VALUE_ADDED, *(column for uses in DEMAND.values() for columns in uses for column in columns))
LOWEST = {"compensation_mlcu": 0.0}
COUNTS = ("firms", "employment", "payroll_klcu")

AGES = {  # firm_age -> the years from which and before which, as the statistics have them
    "0": (0, 1), "1": (1, 2), "2": (2, 3), "3": (3, 4), "4": (4, 5), "5": (5, 6), "6 to 10": (6, 11), "11 to 15": (11, 16),
    "16 to 20": (16, 21), "21 to 25": (21, 26), "26+": (26, 42), "Left Censored": (42, 60),
}  # fmt: skip
AGE_TABLE = "firm_age_distribution.csv"  # optional, and with a second key
DEBT_TABLE = "finance_by_sector_size.csv"  # the same
FLOW_TABLE = "worker_flows.csv"  # the same
FIRM_SIZES = ("0-19", "20-49", "50-249", "250-499", "500+")  # heads
BANDS = ("lt_0.5M", "0.5M_1M", "1M_5M", "5M_10M", "10M_25M")  # of assets, rising: small and medium corporations
OLDEST = 60  # years; firms older than the statistics, which began 42 years before the table's year. Assumption
REQUIRED = {
    "sectors.csv": ("sector", "name", "in_firm_population"),
    "sector_accounts.csv": ("sector", *ACCOUNT_COLUMNS),
    "io_coefficients.csv": ("supplier_sector", "user_sector", "flow_domestic_mlcu", "flow_imported_mlcu"),
    "size_classes.csv": ("sector", "size_class", "emp_min", "emp_max", *COUNTS),
}
OPTIONAL = {
    "sector_parameters.csv": ("sector",),
    "inventories.csv": ("sector",),
    "criticality.csv": ("supplier_sector", "user_sector", "criticality_mean"),
}
SETTINGS = {  # field -> key of economy.json, type
    "name": ("economy", str),
    "currency": ("currency", str),
    "base_year": ("base_year", int),
    "smb_threshold": ("smb_threshold_employees", int),
}
PARAMETERS = {  # field -> table, column, highest value allowed (the lowest is 0)
    "inventory_days": ("inventories.csv", "us_soi2013_inventory_days_of_sales_smb", LARGEST),
    "debt_to_receipts": ("sector_parameters.csv", "smb_debt_to_receipts", LARGEST),
    "interest_rate": ("sector_parameters.csv", "smb_interest_rate_on_debt", 1.0),
    "capital": ("sector_parameters.csv", "net_fixed_assets_2024_mlcu", LARGEST),
    "depreciation": ("sector_parameters.csv", "depreciation_rate_annual", 1.0),
    "payable_days": ("sector_parameters.csv", "smb_payable_days_of_cogs", LARGEST),
    "cash_days_median": ("sector_parameters.csv", "cash_buffer_days_median_jpmc2016", LARGEST),
    "entry_rate": ("sector_parameters.csv", "firm_entry_rate", 1.0),
    "criticality": ("criticality.csv", "criticality_mean", 1.0),
    "all_workers": ("sector_parameters.csv", "employment_all_workers_2024", LARGEST),  # becomes `coverage`
}


@dataclass(frozen=True, eq=False)
class Economy:
    """A checked economy. G firm sectors, A accounts, C size classes; arrays are read-only; money in lcu per year, stocks in lcu."""

    name: str
    currency: str
    base_year: int
    smb_threshold: int  # employees; a size class belongs to SMBs iff its emp_min is below
    folder: str

    sectors: tuple[str, ...]  # (G,) firm sectors in the order of sectors.csv
    sector_names: tuple[str, ...]  # (G,)
    passthrough: tuple[str, ...]  # producing accounts that are neither firms nor government, such as housing services
    government: str | None  # the government's producing account

    output: np.ndarray  # (A,) lcu/yr; accounts in the order of `codes`: sectors, passthrough, government
    wages: np.ndarray  # (A,) lcu/yr compensation
    taxes: np.ndarray  # (A,) lcu/yr less subsidies, may be negative
    surplus: np.ndarray  # (A,) lcu/yr gross operating surplus, the residual
    domestic: np.ndarray  # (A, A) lcu/yr [supplier, user]
    imported: np.ndarray  # (A, A) lcu/yr [supplier, user]
    imported_other: np.ndarray  # (A,) lcu/yr bought by the user from supplier codes that are not accounts
    uses: np.ndarray  # (A, 4) lcu/yr domestic final uses, columns USES, >= 0
    uses_imported: np.ndarray  # (A, 4) lcu/yr imported final uses, columns USES, >= 0

    class_names: tuple[str, ...]  # (C,) size classes, rising
    emp_min: np.ndarray  # (C,) employees
    emp_max: np.ndarray  # (C,) employees, inf if open
    firms: np.ndarray  # (G, C) firms, times coverage
    employment: np.ndarray  # (G, C) employees, times coverage
    payroll: np.ndarray  # (G, C) lcu/yr, times coverage
    mean_employment: np.ndarray  # (G, C) employees per firm, 0 where there are no firms
    coverage: np.ndarray  # (G,) 1, the factor in firms, employment and payroll

    inventory_days: np.ndarray | None  # (G,) days of sales, SMBs
    debt_to_receipts: np.ndarray | None  # (G,) years of sales, SMBs
    interest_rate: np.ndarray | None  # (G,) share/yr, SMBs
    capital: np.ndarray | None  # (G,) lcu, net fixed assets
    depreciation: np.ndarray | None  # (G,) 1/yr
    payable_days: np.ndarray | None  # (G,) days of cost of goods sold, SMBs
    cash_days_median: np.ndarray | None  # (G,) days of outflow, SMBs
    entry_rate: np.ndarray | None  # (G,) 1/yr, new firms by firms
    debt_by_size: np.ndarray | None  # (G, 5, 2) by BANDS: mean sales of a firm, lcu/yr, and its loans in years of sales
    separation_rate: np.ndarray | None  # (G,) 1/quarter, separations by jobs
    age_shares: np.ndarray | None  # (G, 12) share of the sector's firms in each of AGES, sum 1
    adoption: adoptions.Adoption | None  # who uses which tools, and what staff does
    criticality: np.ndarray | None  # (G, G) 0..1 [supplier, user], 1 = the user cannot produce without it
    skill_level: np.ndarray | None = None  # (G, 11) mean level of each domain, 0..1; see `occupations`
    skill_need: np.ndarray | None = None  # (G, 11) weight of each domain in the work of a sector, sum 1
    notes: tuple[str, ...] = field(default=())  # every value that was assumed, one line each

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def codes(self) -> tuple[str, ...]:
        """(A,) account codes: firm sectors, pass-through accounts, government."""
        return self.sectors + self.passthrough + ((self.government,) if self.government is not None else ())

    @property
    def G(self) -> int:
        """Number of firm sectors; the first G accounts."""
        return len(self.sectors)

    @property
    def is_smb_class(self) -> np.ndarray:
        """(C,) bool: classes whose smallest firm is below the SMB threshold."""
        return self.emp_min < self.smb_threshold

    @property
    def n_smbs(self) -> float:
        """Small and medium firms in the real economy, coverage included."""
        return float(self.firms[:, self.is_smb_class].sum())

    @property
    def coefficients(self) -> np.ndarray:
        """(G, G) domestic inputs from firm sector g per unit of output of firm sector h."""
        return self.domestic[: self.G, : self.G] / self.output[: self.G]

    @property
    def imports(self) -> float:
        """lcu/yr, of inputs and of final uses."""
        return float(self.imported.sum() + self.imported_other.sum() + self.uses_imported.sum())

    @property
    def gdp_production(self) -> float:
        """lcu/yr: output less all inputs."""
        return float(self.output.sum() - self.domestic.sum() - self.imported.sum() - self.imported_other.sum())

    @property
    def gdp_expenditure(self) -> float:
        """lcu/yr: final uses, domestic and imported, less imports."""
        return float(self.uses.sum() + self.uses_imported.sum() - self.imports)

    @property
    def gdp_income(self) -> float:
        """lcu/yr: wages, taxes less subsidies, operating surplus."""
        return float(self.wages.sum() + self.taxes.sum() + self.surplus.sum())


def available() -> tuple[str, ...]:
    """Names of the packaged economies."""
    return tuple(sorted(path.parent.name for path in _packaged().glob("*/economy.json")))


def load(folder: str | Path, base: str | Path | None = None) -> Economy:
    """The economy of a folder, checked and repaired.

    folder : a packaged name ("us_2022"), which wins over a folder of that name in sight ("./us_2022" means yours), or a path
    base   : the folder that a relative path starts from; without it, the working directory

    Raises InputError with one line per problem, and for a name that is neither packaged nor a folder.
    """
    path = _packaged() / folder if str(folder) in available() else Path(base or ".") / folder
    if not path.is_dir():
        raise InputError(f"economy '{folder}' is neither a packaged economy nor a folder.{nearest(str(folder), available())}")
    problems: list[str] = []
    settings = _read_settings(path, problems)
    tables = _read_tables(path, problems)
    _stop(problems)

    accounts = _read_accounts(settings.pop("accounts"), tables, problems)
    _stop(problems)
    codes, sectors = accounts.pop("codes"), accounts["sectors"]
    notes: list[str] = []
    flows = _read_flows(tables, codes, problems)
    classes = _read_classes(tables["size_classes.csv"], sectors, settings["smb_threshold"], problems, notes)
    parameters = {name: _read_parameter(tables, name, sectors, notes) for name in PARAMETERS}
    ages = _read_ages(path, sectors, problems)
    tools = adoptions.read(path, sectors, problems, notes)
    debt = _read_debt(path, sectors, problems)
    separations = _read_separations(path, sectors, problems)
    skill_level, skill_need = read_skills(path, sectors, problems) or (None, None)
    _stop(problems)

    _check_flows(flows, codes, problems)
    _check_classes(tables["size_classes.csv"], classes, sectors, problems)
    _stop(problems)
    closed = _close(flows, codes, problems)
    _stop(problems)
    classes = _cover(classes, parameters.pop("all_workers"), sectors, notes)
    parameters = {name: _fill_gaps(name, values, closed["output"][: len(sectors)], sectors, notes) for name, values in parameters.items()}
    others = {
        "age_shares": ages, "debt_by_size": debt, "separation_rate": separations, "adoption": tools, "folder": str(path),
        "notes": tuple(notes),
    }  # fmt: skip
    others |= {"skill_level": skill_level, "skill_need": skill_need}
    return Economy(**settings, **accounts, **closed, **classes, **parameters, **others)


def _packaged() -> Path:
    return Path(str(resources.files("smbsim") / "data"))


def _stop(problems: list[str]) -> None:
    if problems:
        raise InputError(*problems)


def _read_settings(path: Path, problems: list[str]) -> dict[str, Any]:
    """The fields of SETTINGS from economy.json, and `accounts`: what it says on "government" and "exogenous_sectors", both optional."""
    if not (path / "economy.json").is_file():
        problems.append(f"economy.json is missing in {path}")
        return {}
    try:
        given = json.loads((path / "economy.json").read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        problems.append(f"economy.json line {error.lineno} column {error.colno}: {error.msg}")
        return {}
    if not isinstance(given, dict):
        problems.append(f"economy.json holds a {type(given).__name__}, must be an object")
        return {}
    for key, kind in SETTINGS.values():
        if key not in given:
            problems.append(f"economy.json: key '{key}' is missing.{nearest(key, given)}")
        elif type(given[key]) is not kind:
            problems.append(f"economy.json: {key} = {given[key]!r} is not of type {kind.__name__}")
    accounts = {key: given[key] for key in ("government", "exogenous_sectors") if key in given}
    return {name: given.get(key) for name, (key, _) in SETTINGS.items()} | {"accounts": accounts}


def _read_tables(path: Path, problems: list[str]) -> dict[str, Table]:
    """{file name: table}; an optional file that is not there has no entry."""
    tables = {}
    for file, columns in (REQUIRED | OPTIONAL).items():
        if (path / file).is_file():
            tables[file] = Table(path / file, columns, problems)
        elif file in REQUIRED:
            problems.append(f"{file} is missing in {path}")
    return tables


def _read_accounts(given: dict[str, Any], tables: dict[str, Table], problems: list[str]) -> dict[str, Any]:
    """The account fields of Economy and `codes`; then every table by sector finds its rows.

    The government is the account that economy.json names with the key "government" (null: there is none). Without that key it is the
    exogenous account with the largest fd_domestic_government_mlcu, provided that this is positive: only government consumes government.
    """
    table = tables["sectors.csv"]
    table.index(sector=None)
    codes = tuple(key[0] for key in table.rows)
    flag = table.numbers("in_firm_population", codes, low=0, high=1)
    for a in np.flatnonzero((flag > 0) & (flag < 1)):
        problems.append(f"sectors.csv: in_firm_population of '{codes[a]}' is {flag[a]:g}, not 0 or 1")
    sectors = tuple(code for code, firm in zip(codes, flag, strict=True) if firm == 1)
    exogenous = tuple(code for code in codes if code not in sectors)
    if not sectors:
        problems.append("sectors.csv: no sector has in_firm_population 1")
    listed = given.get("exogenous_sectors", list(exogenous))
    if not isinstance(listed, list) or sorted(map(str, listed)) != sorted(exogenous):
        problems.append(f"economy.json: exogenous_sectors {listed} are not those of sectors.csv, {list(exogenous)}")
    tables["sector_accounts.csv"].index(sector=codes)
    tables["sector_accounts.csv"].require(codes)
    for file in [file for file in OPTIONAL if file in tables]:
        keys = [column for column in OPTIONAL[file] if column.endswith("sector")]
        tables[file].index(**{column: codes for column in keys})
        tables[file].require(*[sectors for _ in keys])
    government = _find_government(given, tables["sector_accounts.csv"], exogenous, problems)
    passthrough = tuple(code for code in exogenous if code != government)
    return {
        "codes": sectors + passthrough + ((government,) if government is not None else ()),
        "sectors": sectors,
        "sector_names": tuple(table.rows[(code,)][1]["name"] for code in sectors),
        "passthrough": passthrough,
        "government": government,
    }


def _find_government(given: dict[str, Any], accounts: Table, exogenous: tuple[str, ...], problems: list[str]) -> str | None:
    if "government" in given:
        named = given["government"]
        if named is not None and named not in exogenous:
            problems.append(f"economy.json: government '{named}' is not an exogenous account.{nearest(named, exogenous)}")
        return named
    own_use = {code: accounts.numbers("fd_domestic_government_mlcu", (code,))[0] for code in exogenous if (code,) in accounts.rows}
    largest = max(own_use, key=own_use.get, default=None)
    return largest if largest is not None and own_use[largest] > 0 else None


def _read_flows(tables: dict[str, Table], codes: tuple[str, ...], problems: list[str]) -> dict[str, np.ndarray]:
    """The columns of sector_accounts.csv (A,), `uses` and `uses_imported` (A, 4), and the flows, all in mlcu/yr."""
    accounts, table = tables["sector_accounts.csv"], tables["io_coefficients.csv"]
    flows = {column: accounts.numbers(column, codes, low=LOWEST.get(column, -LARGEST)) for column in ACCOUNT_COLUMNS}
    for name, uses in DEMAND.items():
        flows[name] = np.stack([sum(flows[column] for column in columns) for columns in uses], axis=1)

    table.index(supplier_sector=None, user_sector=codes)
    table.require(codes, codes)
    flows["domestic"] = table.numbers("flow_domestic_mlcu", codes, codes, low=0)
    flows["imported"] = table.numbers("flow_imported_mlcu", codes, codes, low=0)
    others = tuple(dict.fromkeys(key[0] for key in table.rows if key[0] not in codes))
    for other in others:
        if np.nansum(np.abs(table.numbers("flow_domestic_mlcu", (other,), codes))) > 0:
            hint = nearest(other, codes)
            problems.append(f"io_coefficients.csv: supplier_sector '{other}' has domestic flows but is not in sectors.csv.{hint}")
    flows["imported_other"] = np.nansum(table.numbers("flow_imported_mlcu", others, codes, low=0), axis=0)
    return flows


def _read_classes(table: Table, sectors: tuple[str, ...], threshold: int, problems: list[str], notes: list[str]) -> dict[str, Any]:
    """Size classes, rising, and the published firms, employment and payroll_klcu (G, C)."""
    table.index(sector=sectors, size_class=None)
    names = tuple(dict.fromkeys(key[1] for key in table.rows))
    table.require(sectors, names)
    low = table.numbers("emp_min", sectors, names, low=0)
    high = table.numbers("emp_max", sectors, names, low=0, empty=np.inf)
    counts = [table.numbers(column, sectors, names, low=0) for column in COUNTS]
    if np.isnan(low).any() or np.isnan(high).any():
        return {}  # the cells are already among the problems
    order = np.argsort(low[0])
    names, low, high = [names[c] for c in order], low[:, order], high[:, order]
    for c in np.flatnonzero((low != low[0]).any(axis=0) | (high != high[0]).any(axis=0)):
        problems.append(f"size_classes.csv: emp_min or emp_max of size_class '{names[c]}' differ between sectors")
    for c in np.flatnonzero(low[0, 1:] != high[0, :-1] + 1):
        bounds = f"'{names[c]}' ends at {high[0, c]:g} but '{names[c + 1]}' starts at {low[0, c + 1]:g}"
        problems.append(f"size_classes.csv: size_class {bounds}")
    if not (low[0] < threshold).any():
        problems.append(f"economy.json: smb_threshold_employees {threshold} leaves no size class below it")
    for c in np.flatnonzero((low[0] < threshold) & (high[0] >= threshold)):
        notes.append(
            f"size_class '{names[c]}' ({low[0, c]:g} to {high[0, c]:g}) contains the threshold {threshold}; all of it counts as SMBs"
        )
    columns = {column: count[:, order] for column, count in zip(COUNTS, counts, strict=True)}
    return {"class_names": tuple(names), "emp_min": low[0], "emp_max": high[0], **columns}


def _check_classes(table: Table, classes: dict[str, Any], sectors: tuple[str, ...], problems: list[str]) -> None:
    """Cells have firms, employment and payroll or none of them; sectors have employment; shares, where the file has them, sum to one."""
    counts = np.stack([classes[column] for column in COUNTS])
    for g, sector in enumerate(sectors):
        if not counts[1, g].sum() > 0:
            problems.append(f"size_classes.csv: employment of sector '{sector}' sums to {counts[1, g].sum():g}, must be above 0")
        for c in np.flatnonzero((counts[:, g] > 0).any(axis=0) & (counts[:, g] == 0).any(axis=0)):
            what = ", ".join(f"{n} {v:g}" for n, v in zip(COUNTS, counts[:, g, c], strict=True))
            problems.append(f"size_classes.csv: {table.name((sector, classes['class_names'][c]))} has {what}; all or none must be 0")
    for column in [column for column in ("firm_share", "employment_share") if column in table.header]:
        total = table.numbers(column, sectors, classes["class_names"]).sum(axis=1)
        for g in np.flatnonzero(~(np.abs(total - 1) <= SHARE_TOLERANCE)):
            problems.append(f"size_classes.csv: {column} of sector '{sectors[g]}' sums to {total[g]:.6g}, not 1 within {SHARE_TOLERANCE:g}")


def _check_flows(flows: dict[str, np.ndarray], codes: tuple[str, ...], problems: list[str]) -> None:
    """Output is positive; rows, columns and value added balance within BALANCE_TOLERANCE of output."""
    output, inputs = flows["gross_output_mlcu"], flows["domestic"].sum(axis=0)
    imported = flows["imported"].sum(axis=0) + flows["imported_other"]
    sold = flows["domestic"].sum(axis=1) + flows["uses"].sum(axis=1)
    flow = "of io_coefficients.csv"
    identities = (
        ("gross_output_mlcu", f"its row, flow_domestic_mlcu {flow} and fd_domestic_*,", sold),
        ("gross_output_mlcu", f"its column, inputs {flow} and value_added_mlcu,", inputs + imported + flows["value_added_mlcu"]),
        ("value_added_mlcu", "compensation, taxes less subsidies and surplus", sum(flows[column] for column in VALUE_ADDED)),
        ("intermediate_domestic_mlcu", f"its column of flow_domestic_mlcu {flow}", inputs),
        ("intermediate_imported_mlcu", f"its column of flow_imported_mlcu {flow}", imported),
    )
    for a, code in enumerate(codes):
        where = f"sector_accounts.csv sector '{code}'"
        if output[a] <= 0:
            problems.append(f"{where}: gross_output_mlcu is {output[a]:g}, must be above 0")
            continue
        allowed = BALANCE_TOLERANCE * output[a]
        for column, parts, total in identities:
            value = flows[column][a]
            if abs(value - total[a]) > allowed:
                problems.append(f"{where}: {column} is {value:.10g} but {parts} sums to {total[a]:.10g} (allowed difference {allowed:.3g})")


def _settle_uses(uses: np.ndarray) -> np.ndarray:
    """Repair 2. uses (A, 4), row totals kept; a row whose total is below 0 stays negative, for the caller to name."""
    uses = uses.copy()
    sold_off = np.minimum(uses[:, INVESTMENT], 0.0)
    uses[:, INVESTMENT] -= sold_off
    uses[:, FOREIGN] += sold_off
    total, positive = uses.sum(axis=1), np.maximum(uses, 0.0)
    for a in np.flatnonzero((uses < 0).any(axis=1) & (total >= 0)):
        uses[a] = positive[a] * (total[a] / positive[a].sum())
    return uses


def _close(flows: dict[str, np.ndarray], codes: tuple[str, ...], problems: list[str]) -> dict[str, np.ndarray]:
    """The flow fields of Economy in lcu/yr, after repairs 2, 3 and 1: rows and columns hold to machine precision."""
    output, domestic, imported = (flows[name] * MILLION for name in ("gross_output_mlcu", "domestic", "imported"))
    wages, taxes = flows["compensation_mlcu"] * MILLION, flows["taxes_less_subsidies_mlcu"] * MILLION
    uses, uses_imported = _settle_uses(flows["uses"] * MILLION), _settle_uses(flows["uses_imported"] * MILLION)
    rows = np.arange(len(codes))
    uses[rows, uses.argmax(axis=1)] += output - domestic.sum(axis=1) - uses.sum(axis=1)
    for origin, table in (("domestic", uses), ("imported", uses_imported)):
        for a in np.flatnonzero((table < 0).any(axis=1)):
            total = table[a].sum() / MILLION
            problems.append(f"sector_accounts.csv sector '{codes[a]}': fd_{origin}_* sum to {total:.6g}; final uses must sum to 0 or more")
    imported_other = flows["imported_other"] * MILLION
    surplus = output - domestic.sum(axis=0) - imported.sum(axis=0) - imported_other - wages - taxes
    return {
        **{"output": output, "wages": wages, "taxes": taxes, "surplus": surplus, "uses": uses, "uses_imported": uses_imported},
        **{"domestic": domestic, "imported": imported, "imported_other": imported_other},
    }


def _cover(classes: dict[str, Any], all_workers: np.ndarray | None, sectors: tuple[str, ...], notes: list[str]) -> dict[str, Any]:
    """Repair 4: the size-class fields of Economy. all_workers (G,), None or nan where unknown, which leaves the sector as it is."""
    firms, employment = classes["firms"], classes["employment"]
    ratio = np.ones(len(sectors)) if all_workers is None else all_workers / employment.sum(axis=1)
    if np.isnan(ratio).any():
        unknown = ", ".join(sectors[g] for g in np.flatnonzero(np.isnan(ratio)))
        notes.append(f"{PARAMETERS['all_workers'][0]} column '{PARAMETERS['all_workers'][1]}': empty for {unknown}; coverage taken as 1")
    coverage = np.where(ratio > COVERAGE_RATIO, ratio, 1.0)
    return {
        **{name: classes[name] for name in ("class_names", "emp_min", "emp_max")},
        "firms": firms * coverage[:, None],
        "employment": employment * coverage[:, None],
        "payroll": classes["payroll_klcu"] * THOUSAND * coverage[:, None],
        "mean_employment": np.divide(employment, firms, out=np.zeros_like(firms), where=firms > 0),
        "coverage": coverage,
    }


def _read_parameter(tables: dict[str, Table], name: str, sectors: tuple[str, ...], notes: list[str]) -> np.ndarray | None:
    """A column of PARAMETERS over its keys, nan for an empty cell; None, with a note, without table, column or any value."""
    file, column, high = PARAMETERS[name]
    if file not in tables:
        notes.append(f"{file} is missing: {name} is unknown")
        return None
    if column not in tables[file].header:
        notes.append(f"{file} has no column '{column}': {name} is unknown")
        return None
    values = tables[file].numbers(column, *[sectors for _ in tables[file].keys], low=0, high=high, empty=np.nan)
    if np.isnan(values).all():
        notes.append(f"{file} column '{column}' is empty: {name} is unknown")
        return None
    return values


def _read_ages(path: Path, sectors: tuple[str, ...], problems: list[str]) -> np.ndarray | None:
    """(G, ages) shares of the sector's firms, None without the table."""
    if not (path / AGE_TABLE).is_file():
        return None
    table = Table(path / AGE_TABLE, ("sector", "firm_age", "firms"), problems)
    _stop(problems)
    table.index(sector=None, firm_age=tuple(AGES))
    table.require(sectors, tuple(AGES))
    firms = table.numbers("firms", sectors, tuple(AGES), low=0)
    problems += [f"{AGE_TABLE}: sector '{code}' has no firms" for code, total in zip(sectors, firms.sum(axis=1), strict=True) if total <= 0]
    return firms / np.maximum(firms.sum(axis=1, keepdims=True), 1e-300)


def _read_separations(path: Path, sectors: tuple[str, ...], problems: list[str]) -> np.ndarray | None:
    """(G,) separations by jobs in a quarter over firms of all sizes, None without the table."""
    if not (path / FLOW_TABLE).is_file():
        return None
    columns = ("employment_jobs", "quarterly_separation_rate")
    table = Table(path / FLOW_TABLE, ("sector", "firm_size_band", *columns), problems)
    _stop(problems)
    table.index(sector=None, firm_size_band=None)
    table.require(sectors, FIRM_SIZES)
    jobs, rate = (table.numbers(column, sectors, FIRM_SIZES, low=0) for column in columns)
    problems += [f"{FLOW_TABLE}: sector '{code}' has no jobs" for code, total in zip(sectors, jobs.sum(axis=1), strict=True) if total <= 0]
    return (jobs * rate).sum(axis=1) / np.maximum(jobs.sum(axis=1), 1e-300)


def _read_debt(path: Path, sectors: tuple[str, ...], problems: list[str]) -> np.ndarray | None:
    """(G, bands, 2) mean sales and loans by sales, None without the table."""
    if not (path / DEBT_TABLE).is_file():
        return None
    columns = ("mean_receipts_lcu", "debt_to_receipts")
    table = Table(path / DEBT_TABLE, ("sector", "asset_size_band_usd", *columns), problems)
    _stop(problems)
    table.index(sector=None, asset_size_band_usd=None)
    table.require(sectors, BANDS)
    found = np.stack([table.numbers(column, sectors, BANDS, low=0, high=LARGEST) for column in columns], axis=-1)
    falling = ~(np.diff(found[:, :, 0], axis=1) > 0).all(axis=1) & ~np.isnan(found).any(axis=(1, 2))
    problems += [f"{DEBT_TABLE}: mean_receipts_lcu of sector '{sectors[g]}' does not rise with assets" for g in np.flatnonzero(falling)]
    return found


def _fill_gaps(name: str, values: np.ndarray | None, output: np.ndarray, sectors: tuple[str, ...], notes: list[str]) -> np.ndarray | None:
    """A parameter (G,) or (G, G), money in lcu, its gaps at the mean of the others weighted by output of the (supplying) sector.

    A stock of money grows with the sector, so there the mean is that of its ratio to output.
    """
    if values is None:
        return None
    file, column, _ = PARAMETERS[name]
    scale, unit = (output / MILLION, " of output") if column.endswith("_mlcu") else (np.ones_like(output), "")
    values = (values.T / scale).T
    gaps = np.isnan(values)
    if gaps.any():
        weights = np.broadcast_to(output, values.T.shape).T
        values[gaps] = np.average(values[~gaps], weights=weights[~gaps])
        empty = ", ".join(" to ".join(sectors[g] for g in key) for key in np.argwhere(gaps))
        mean = f"{values[gaps][0]:.6g}{unit}, the output-weighted mean of the others"
        notes.append(f"{file} column '{column}': empty for {empty}; taken as {mean}")
    return values * output if unit else values
