"""Small synthetic economies on disk, exactly balanced, with the headers of the packaged one and none of its codes, numbers or sizes."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

OPTIONAL = ("sector_parameters.csv", "inventories.csv", "criticality.csv")
CLASSES = ((1, 9), (10, 49), (50, 249), (250, None))
PAY = 42.0  # klcu per head in the smallest class
UNDERCOUNT = 3.0  # all workers / workers in the firm statistics, where undercounted


def write_economy(
    folder: Path | str,
    *,
    sectors: int = 3,
    seed: int = 0,
    government: bool = True,
    passthrough: int = 0,
    imports: bool = True,
    other_imports: bool = True,
    negative_inventory: bool = True,
    undercounted: bool = True,
    empty_class: bool = False,
    classes: Sequence[tuple[int, int | None]] = CLASSES,
    threshold: int = 250,
    gdp: float = 1e5,
    optional: Sequence[str] = OPTIONAL,
) -> Path:
    """Write a folder that `smbsim.economy.load` reads. The same arguments give the same files; every identity holds to float precision.

    sectors, passthrough : number of firm sectors and of exogenous accounts other than the government's
    government           : whether there is a government account; it buys from the sectors either way
    imports              : whether anything is imported; other_imports adds a supplier code that is not an account
    negative_inventory   : the first sector runs down stocks, and so do importers of its goods
    undercounted         : the firm statistics miss two thirds of the first sector's workers
    empty_class          : the last sector has no firm in the second largest class
    classes, threshold   : bounds of the size classes (None: open) and the employees from which a firm is no SMB
    gdp                  : mlcu/yr, about
    optional             : which of OPTIONAL to write
    """
    folder, rng = Path(folder), np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    firm = [f"S{g + 1}" for g in range(sectors)]
    rent = [f"RENT{q + 1}" for q in range(passthrough)]
    codes = firm + rent + (["STATE"] if government else [])
    table = _balanced_table(rng, len(firm), len(rent), government, imports, other_imports, negative_inventory, gdp)
    settings = {"economy": f"Synthetic {seed}", "currency": "SYN", "base_year": 2019, "smb_threshold_employees": threshold}
    if not government:
        settings["government"] = None
    (folder / "economy.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    # exogenous accounts first and suppliers reversed: nothing may depend on the order of rows beyond the order of the firm sectors
    order = list(range(len(firm), len(codes))) + list(range(len(firm)))
    rows = [{"sector": codes[a], "name": f"Account, number {a}", "in_firm_population": int(a < len(firm))} for a in order]
    _write(folder / "sectors.csv", rows)
    _write(folder / "sector_accounts.csv", [{"sector": codes[a], "year": 2019, **table.accounts[a]} for a in order])
    suppliers = codes + (["ABROAD"] if imports and other_imports else [])
    flows = [
        {"year": 2019, "supplier_sector": g, "user_sector": h, "flow_domestic_mlcu": domestic, "flow_imported_mlcu": imported}
        for g, row_d, row_m in reversed(list(zip(suppliers, table.domestic, table.imported, strict=False)))
        for h, domestic, imported in zip(codes, row_d.tolist(), row_m.tolist(), strict=True)
    ]
    _write(folder / "io_coefficients.csv", flows)
    payroll = [
        0.85 * account["compensation_mlcu"] * 1e3 for account in table.accounts[: len(firm)]
    ]  # klcu; the rest is social contributions
    missing = np.where((np.arange(len(firm)) == 0) & undercounted, UNDERCOUNT, 1.0)
    size_rows = _size_classes(firm, np.array(payroll) / missing, classes, empty_class)
    _write(folder / "size_classes.csv", size_rows)
    employment = {g: sum(row["employment"] for row in size_rows if row["sector"] == g) for g in firm}
    output = [account["gross_output_mlcu"] for account in table.accounts]
    tables = {
        "sector_parameters.csv": _parameters(rng, firm, output, employment, missing),
        "inventories.csv": [{"sector": g, "us_soi2013_inventory_days_of_sales_smb": round(rng.uniform(2, 45), 2)} for g in firm],
        "criticality.csv": [
            {"supplier_sector": g, "user_sector": h, "criticality_mean": float(rng.choice([0.0, 0.5, 1.0]))} for g in firm for h in firm
        ],
    }
    for file in optional:
        _write(folder / file, tables[file])
    return folder


class _Balanced:
    """A table in mlcu: domestic and imported flows with the extra supplier in the last row, and a row of sector_accounts per account."""

    def __init__(self, domestic, imported, accounts):
        self.domestic, self.imported, self.accounts = domestic, imported, accounts


def _balanced_table(rng, n_firm, n_rent, government, imports, other_imports, negative_inventory, gdp) -> _Balanced:
    n = n_firm + n_rent + government
    is_firm, is_state = np.arange(n) < n_firm, (np.arange(n) == n - 1) & government
    inputs = rng.dirichlet(np.full(n_firm, 1.5), size=n).T * rng.uniform(0.3, 0.45, n)
    coefficients = np.vstack([inputs, np.full((n - n_firm, n), 0.004)])
    import_coefficients = np.vstack([coefficients * 0.12, np.full((1, n), 0.005 * other_imports)]) * imports

    weight = np.where(is_firm, rng.uniform(0.5, 1.5, n), 1.0)
    uses = {
        "households": weight * np.where(is_state, 0.1, 1.0),
        "private_fixed_investment": weight * is_firm * 0.4,
        "inventory_change": weight * is_firm * 0.01,
        "exports": weight * is_firm * 0.2,
        "government": weight * is_firm * 0.12 + is_state * 0.25 * weight.sum(),
        "import_margin_adjustment": weight * is_firm * 0.005 * imports,
    }
    if negative_inventory:
        uses["inventory_change"][0] = -0.45 * weight[0]  # below minus fixed investment, so that the investment cell is negative
    scale = gdp / sum(uses.values()).sum()
    uses = {name: use * scale for name, use in uses.items()}
    output = np.linalg.solve(np.eye(n) - coefficients, sum(uses.values()))
    domestic, imported = np.vstack([coefficients * output, np.zeros((1, n))]), import_coefficients * output

    abroad = {name: 0.1 * uses[name] * is_firm * imports for name in uses if name != "import_margin_adjustment"}
    abroad["exports"] = 0 * output
    value_added = output - domestic.sum(axis=0) - imported.sum(axis=0)
    wages = value_added * np.where(is_firm, rng.uniform(0.5, 0.65, n), np.where(is_state, 0.8, 0.02))
    taxes = value_added * np.where(is_state, -0.02, rng.uniform(0.04, 0.1, n))
    columns = {
        "gross_output_mlcu": output,
        "compensation_mlcu": wages,
        "taxes_less_subsidies_mlcu": taxes,
        "gross_operating_surplus_mlcu": value_added - wages - taxes,
        "value_added_mlcu": value_added,
        "intermediate_domestic_mlcu": domestic.sum(axis=0),
        "intermediate_imported_mlcu": imported.sum(axis=0),
        **{f"fd_domestic_{name}_mlcu": use for name, use in uses.items()},
        **{f"fd_imported_{name}_mlcu": use for name, use in abroad.items()},
    }
    accounts = [{name: float(column[a]) for name, column in columns.items()} for a in range(n)]
    return _Balanced(domestic, imported, accounts)


def _size_classes(firm, payroll, classes, empty_class) -> list[dict]:
    """Rows of size_classes.csv: firms have about the geometric mean of their bounds, larger ones pay more, classes share the workers."""
    low = np.array([bounds[0] for bounds in classes], dtype=float)
    high = np.array([bounds[1] or 5 * bounds[0] for bounds in classes], dtype=float)
    pay = PAY * (1 + 0.1 * np.arange(len(classes)))
    rows = []
    for g, sector in enumerate(firm):
        shares = 1.0 + 0.2 * ((np.arange(len(classes)) + g) % 3)
        if empty_class and g == len(firm) - 1:
            shares[-2] = 0.0
        people = np.round(shares / (shares @ pay) * payroll[g])
        firms = np.where(people > 0, np.maximum(np.round(people / np.sqrt(np.maximum(low, 1) * high)), 1), 0)
        for c in reversed(range(len(classes))):
            row = {"year": 2019, "sector": sector, "size_class": f"c{c}", "emp_min": classes[c][0], "emp_max": classes[c][1] or ""}
            counts = {"firms": firms[c], "employment": people[c], "payroll_klcu": people[c] * pay[c]}
            shares_of = {"firm_share": firms[c] / firms.sum(), "employment_share": people[c] / people.sum()}
            rows.append({**row, **{k: float(v) for k, v in (counts | shares_of).items()}})
    return rows


def _parameters(rng, firm, output, employment, missing) -> list[dict]:
    return [
        {
            "sector": sector,
            "employment_all_workers_2024": employment[sector] * float(missing[g]),
            "smb_debt_to_receipts": round(rng.uniform(0.1, 0.4), 4),
            "smb_interest_rate_on_debt": round(rng.uniform(0.03, 0.06), 4),
            "net_fixed_assets_2024_mlcu": round(output[g] * rng.uniform(0.4, 1.2), 1),
            "depreciation_rate_annual": round(rng.uniform(0.05, 0.12), 4),
            "smb_payable_days_of_cogs": round(rng.uniform(20, 60), 2),
            "firm_entry_rate": round(rng.uniform(0.05, 0.1), 4),
            "cash_buffer_days_median_jpmc2016": round(rng.uniform(16, 45), 1),
        }
        for g, sector in enumerate(firm)
    ]


def _write(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
