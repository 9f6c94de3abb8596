"""The loader of an economy's tables: known numbers of the packaged one, identities on others, and the text of every error."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from economies import OPTIONAL, UNDERCOUNT, write_economy

from smbsim.economy import BANDS, DEBT_TABLE, FOREIGN, INVESTMENT, PARAMETERS, available, load
from smbsim.schema import InputError

MACHINE = 4 * np.finfo(float).eps


@pytest.fixture(scope="module")
def us():
    return load("us_2022")


def row_error(economy):
    return np.abs(economy.output - economy.domestic.sum(axis=1) - economy.uses.sum(axis=1)) / economy.output


def column_error(economy):
    paid = economy.domestic.sum(axis=0) + economy.imported.sum(axis=0) + economy.imported_other
    return np.abs(economy.output - paid - economy.wages - economy.taxes - economy.surplus) / economy.output


# The packaged economy; expected numbers from POPULATION.md 1.8 and 1.5, computed there by independent code.


def test_us_gdp_is_the_published_one_three_ways(us):
    """Production, expenditure and income are the same number once rows and columns are exact (26,006.9 bn USD in 2022)."""
    assert us.gdp_production == pytest.approx(26_006.9e9, abs=0.05e9)
    assert us.gdp_expenditure == pytest.approx(us.gdp_production, rel=1e-12)
    assert us.gdp_income == pytest.approx(us.gdp_production, rel=1e-12)


def test_us_accounts_are_sectors_then_housing_then_government(us):
    assert (us.G, len(us.codes), us.passthrough, us.government) == (21, 23, ("HSG",), "GOV")
    assert us.codes == us.sectors + us.passthrough + (us.government,)
    assert us.sectors[:3] == ("11", "21", "22")
    assert us.sector_names[2] == "Utilities"
    assert (us.name, us.currency, us.base_year, us.smb_threshold) == ("United States", "USD", 2022, 500)


def test_us_coefficients_have_the_known_spectral_radius(us):
    assert np.abs(np.linalg.eigvals(us.coefficients)).max() == pytest.approx(0.417600818894, abs=1e-9)


def test_us_coverage_corrects_farming_only(us):
    corrected = {sector: factor for sector, factor in zip(us.sectors, us.coverage, strict=True) if factor != 1}
    assert corrected == {"11": pytest.approx(7.754, abs=1e-3)}


def test_us_firms_and_workers_match_the_statistics(us):
    smb = us.is_smb_class
    assert smb.sum() == 7
    assert us.n_smbs == pytest.approx(6.56e6, rel=1e-3)
    assert us.employment.sum() == pytest.approx(136.9e6, rel=1e-3)
    assert us.employment[:, smb].sum() / us.employment.sum() == pytest.approx(0.462, abs=5e-4)
    share = us.payroll[:, smb].sum(axis=1) / us.payroll.sum(axis=1)
    assert share @ us.output[: us.G] / us.output[: us.G].sum() == pytest.approx(0.410, abs=5e-4)


def test_us_flows_match_the_transaction_table(us):
    """Rows s3, s5, s13 to s17 and s20 of POPULATION.md 1.5, bn USD."""
    firms = us.uses[: us.G].sum(axis=0) / 1e9
    assert firms == pytest.approx([13_292, 4_292, 2_559.5, 803], abs=0.6)
    assert us.wages[: us.G].sum() / 1e9 == pytest.approx(11_156, abs=0.6)
    assert us.imports / 1e9 == pytest.approx(3_578.0, abs=0.05)
    assert us.uses[:, FOREIGN].sum() / 1e9 == pytest.approx(2_736.4, abs=0.05)
    assert us.surplus[us.codes.index("HSG")] / 1e9 == pytest.approx(2_091, abs=0.6)


def test_us_surplus_differs_from_the_published_by_rounding(us):
    with (Path(us.folder) / "sector_accounts.csv").open(encoding="utf-8") as lines:
        published = {row["sector"]: float(row["gross_operating_surplus_mlcu"]) * 1e6 for row in csv.DictReader(lines)}
    assert max(abs(us.surplus[a] - published[code]) for a, code in enumerate(us.codes)) < 9e6


def test_us_parameters_are_complete(us):
    (note,) = us.notes  # BTOS suppresses holding companies
    assert note.startswith("tech_adoption_by_sector.csv has no ai_any_business_function_current of 2025 for 55; taken as 0.164")
    for name in set(PARAMETERS) - {"all_workers"}:
        assert np.isfinite(getattr(us, name)).all()
    assert us.capital[us.sectors.index("22")] == 3_752_644e6
    assert us.inventory_days[us.sectors.index("44")] == 46.55
    assert us.criticality[us.sectors.index("11"), us.sectors.index("11")] == 0.8444


def test_us_is_packaged_and_read_only(us):
    assert available() == ("us_2022",)
    with pytest.raises(ValueError, match="read-only"):
        us.output[0] = 1
    assert (pickle.loads(pickle.dumps(us)).domestic == us.domestic).all()


# Any other folder with the same files and headers.

ECONOMIES = {
    "plain": {},
    "no exogenous accounts": {"government": False},
    "pass-through only": {"government": False, "passthrough": 1},
    "two pass-throughs": {"sectors": 4, "passthrough": 2, "seed": 3},
    "closed": {"imports": False, "seed": 4},
    "no other imports": {"other_imports": False},
    "one sector": {"sectors": 1, "seed": 5},
    "many sectors": {"sectors": 30, "seed": 6, "passthrough": 1},
    "two classes": {"classes": ((0, 99), (100, None)), "threshold": 100},
    "six classes, one empty": {
        "classes": ((1, 4), (5, 9), (10, 19), (20, 99), (100, 499), (500, None)),
        "threshold": 500,
        "empty_class": True,
    },
}


@pytest.mark.parametrize("arguments", ECONOMIES.values(), ids=ECONOMIES)
def test_other_economies_hold_every_identity(tmp_path, arguments):
    """Rows and columns hold to machine precision, final uses are not negative, the three GDPs agree."""
    economy = load(write_economy(tmp_path, **arguments))
    assert row_error(economy).max() <= MACHINE
    assert column_error(economy).max() <= MACHINE
    assert min(economy.uses.min(), economy.uses_imported.min(), economy.domestic.min(), economy.imported.min()) >= 0
    assert economy.gdp_expenditure == pytest.approx(economy.gdp_production, rel=1e-12)
    assert economy.gdp_income == pytest.approx(economy.gdp_production, rel=1e-12)
    assert economy.coverage == pytest.approx(np.where(np.arange(economy.G) == 0, UNDERCOUNT, 1.0))
    assert economy.firms * economy.mean_employment == pytest.approx(economy.employment)
    assert economy.notes == ()


def test_us_holds_every_identity(us):
    assert row_error(us).max() <= MACHINE
    assert column_error(us).max() <= MACHINE
    assert min(us.uses.min(), us.uses_imported.min()) >= 0


def test_accounts_keep_their_order_whatever_the_rows(tmp_path):
    economy = load(write_economy(tmp_path, passthrough=1))
    assert economy.codes == ("S1", "S2", "S3", "RENT1", "STATE")
    assert economy.class_names == ("c0", "c1", "c2", "c3")
    assert economy.emp_max.tolist() == [9, 49, 249, np.inf]
    assert economy.is_smb_class.tolist() == [True, True, True, False]


def test_written_economy_depends_on_the_seed_only(tmp_path):
    first, again, other = (load(write_economy(tmp_path / name, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert (first.domestic == again.domestic).all()
    assert (first.domestic != other.domestic).any()


def test_negative_investment_moves_to_foreign(tmp_path):
    """A run-down of stocks is a sale abroad: the row total and every other use stay as they are."""
    folder = write_economy(tmp_path, imports=False)
    row = next(row for row in read_rows(folder / "sector_accounts.csv") if row["sector"] == "S1")
    cells = {
        use: float(row[f"fd_domestic_{use}_mlcu"]) * 1e6
        for use in ("households", "private_fixed_investment", "inventory_change", "exports")
    }
    investment = cells["private_fixed_investment"] + cells["inventory_change"]
    economy = load(folder)
    assert investment < 0
    assert economy.uses[0, INVESTMENT] == 0
    assert economy.uses[0, FOREIGN] == pytest.approx(cells["exports"] + investment)
    assert economy.uses[0, 0] == pytest.approx(cells["households"])


def test_remaining_negative_use_is_spread_over_the_positive(tmp_path):
    folder = write_economy(tmp_path)
    row = next(row for row in read_rows(folder / "sector_accounts.csv") if row["sector"] == "S2")
    loss = 2 * float(row["fd_domestic_exports_mlcu"])
    moved = {
        "fd_domestic_exports_mlcu": float(row["fd_domestic_exports_mlcu"]) - loss,
        "fd_domestic_households_mlcu": float(row["fd_domestic_households_mlcu"]) + loss,
    }
    before = load(folder)
    set_cell(folder / "sector_accounts.csv", {"sector": "S2"}, moved)
    after = load(folder)
    assert after.uses[1, FOREIGN] == 0
    assert after.uses[1].sum() == pytest.approx(before.uses[1].sum(), rel=1e-14)
    assert after.uses[1, INVESTMENT] / before.uses[1, INVESTMENT] < 1


@pytest.mark.parametrize("missing", OPTIONAL)
def test_optional_table_may_be_missing(tmp_path, missing):
    economy = load(write_economy(tmp_path, optional=[file for file in OPTIONAL if file != missing]))
    for name in set(PARAMETERS) - {"all_workers"}:
        assert (getattr(economy, name) is None) == (PARAMETERS[name][0] == missing)
    assert economy.notes == tuple(f"{missing} is missing: {name} is unknown" for name in PARAMETERS if PARAMETERS[name][0] == missing)


def test_gap_takes_the_output_weighted_mean_and_is_noted(tmp_path):
    folder = write_economy(tmp_path)
    whole = load(folder)
    set_cell(folder / "sector_parameters.csv", {"sector": "S2"}, {"net_fixed_assets_2024_mlcu": "", "depreciation_rate_annual": ""})
    set_cell(folder / "sector_parameters.csv", {"sector": "S1"}, {"employment_all_workers_2024": ""})
    economy, others = load(folder), [0, 2]
    mean = np.average(whole.depreciation[others], weights=whole.output[others])
    ratio = whole.capital[others].sum() / whole.output[others].sum()
    assert economy.depreciation[1] == pytest.approx(mean)
    assert economy.capital[1] == pytest.approx(ratio * whole.output[1])
    assert economy.coverage[0] == 1
    assert economy.notes == (
        "sector_parameters.csv column 'employment_all_workers_2024': empty for S1; coverage taken as 1",
        f"sector_parameters.csv column 'net_fixed_assets_2024_mlcu': empty for S2; taken as {ratio:.6g} of output, "
        "the output-weighted mean of the others",
        f"sector_parameters.csv column 'depreciation_rate_annual': empty for S2; taken as {mean:.6g}, "
        "the output-weighted mean of the others",
    )


def test_gap_in_criticality_is_weighted_by_the_supplier(tmp_path):
    folder = write_economy(tmp_path, sectors=2)
    whole = load(folder)
    set_cell(folder / "criticality.csv", {"supplier_sector": "S1", "user_sector": "S2"}, {"criticality_mean": ""})
    weights, known = np.array([[1, 1], [1, 1]]) * whole.output[:2, None], np.array([[True, False], [True, True]])
    economy = load(folder)
    assert economy.criticality[0, 1] == pytest.approx(np.average(whole.criticality[known], weights=weights[known]))
    assert economy.notes[0].startswith("criticality.csv column 'criticality_mean': empty for S1 to S2; taken as ")


def test_missing_optional_column_is_noted(tmp_path):
    folder = write_economy(tmp_path)
    drop_column(folder / "inventories.csv", "us_soi2013_inventory_days_of_sales_smb")
    economy = load(folder)
    assert economy.inventory_days is None
    assert economy.notes == ("inventories.csv has no column 'us_soi2013_inventory_days_of_sales_smb': inventory_days is unknown",)


def test_threshold_inside_a_class_is_noted(tmp_path):
    economy = load(write_economy(tmp_path, threshold=100))
    assert economy.notes == ("size_class 'c2' (50 to 249) contains the threshold 100; all of it counts as SMBs",)


def test_government_is_named_or_the_largest_consumer_of_itself(tmp_path):
    folder = write_economy(tmp_path, passthrough=1)
    assert load(folder).government == "STATE"
    set_setting(folder, government="RENT1")
    assert (load(folder).government, load(folder).passthrough) == ("RENT1", ("STATE",))
    set_setting(folder, government=None)
    assert (load(folder).government, load(folder).passthrough) == (None, ("RENT1", "STATE"))


def test_relative_path_starts_at_base(tmp_path):
    write_economy(tmp_path / "mine")
    assert load("mine", base=tmp_path).codes == load(tmp_path / "mine").codes


# Errors: the exact text.


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write_rows(path, rows):
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def set_cell(path, where, values):
    """Put values into the first row that has the cells `where`."""
    rows = read_rows(path)
    next(row for row in rows if where.items() <= row.items()).update(values)
    write_rows(path, rows)


def drop_row(path, **where):
    write_rows(path, [row for row in read_rows(path) if not where.items() <= row.items()])


def drop_column(path, column):
    write_rows(path, [{name: cell for name, cell in row.items() if name != column} for row in read_rows(path)])


def set_setting(folder, **values):
    settings = json.loads((folder / "economy.json").read_text(encoding="utf-8"))
    (folder / "economy.json").write_text(json.dumps(settings | values), encoding="utf-8")


def problems(folder):
    with pytest.raises(InputError) as caught:
        load(folder)
    return caught.value.lines


@pytest.fixture
def folder(tmp_path):
    return write_economy(tmp_path, passthrough=1)


def test_unknown_name_is_told_the_nearest():
    assert problems("us_2023") == ("economy 'us_2023' is neither a packaged economy nor a folder. Did you mean 'us_2022'? Valid: us_2022.",)


def test_missing_files_are_all_named(folder):
    for file in ("economy.json", "sectors.csv", "size_classes.csv"):
        (folder / file).unlink()
    expected = [f"{file} is missing in {folder}" for file in ("economy.json", "sectors.csv", "size_classes.csv")]
    assert problems(folder) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"economy": "X",\n "currency" "Y"}', ["economy.json line 2 column 13: Expecting ':' delimiter"]),
        ("[1]", ["economy.json holds a list, must be an object"]),
        (
            '{"economy": "X", "curency": "Y", "base_year": "2019", "smb_threshold_employees": 250}',
            [
                "economy.json: key 'currency' is missing. Did you mean 'curency'? "
                "Valid: economy, curency, base_year, smb_threshold_employees.",
                "economy.json: base_year = '2019' is not of type int",
            ],
        ),
    ],
)
def test_bad_settings_are_located(folder, text, expected):
    (folder / "economy.json").write_text(text, encoding="utf-8")
    assert problems(folder) == tuple(expected)


def test_missing_column_is_told_the_nearest(folder):
    rows = [
        {("in_firm_populaton" if k == "in_firm_population" else k): v for k, v in row.items()} for row in read_rows(folder / "sectors.csv")
    ]
    write_rows(folder / "sectors.csv", rows)
    assert problems(folder) == (
        "sectors.csv: column 'in_firm_population' is missing. Did you mean 'in_firm_populaton'? Valid: sector, name, in_firm_populaton.",
    )


def test_surplus_cell_is_refused(folder):
    path = folder / "sectors.csv"
    path.write_text(path.read_text(encoding="utf-8").replace('"Account, number 0"', "Account, number 0"), encoding="utf-8")
    assert problems(folder) == ("sectors.csv line 4: more cells than the header has columns",)


def test_unknown_exogenous_accounts_are_refused(folder):
    set_setting(folder, government="STAT", exogenous_sectors=["STATE"])
    assert problems(folder) == (
        "economy.json: exogenous_sectors ['STATE'] are not those of sectors.csv, ['RENT1', 'STATE']",
        "economy.json: government 'STAT' is not an exogenous account. Did you mean 'STATE'? Valid: RENT1, STATE.",
    )


def test_sector_flag_is_zero_or_one(folder):
    set_cell(folder / "sectors.csv", {"sector": "S3"}, {"in_firm_population": "0.5"})
    assert problems(folder) == ("sectors.csv: in_firm_population of 'S3' is 0.5, not 0 or 1",)


def test_sectors_that_do_not_join_are_named(folder):
    for file in ("sector_accounts.csv", "inventories.csv"):
        set_cell(folder / file, {"sector": "S2"}, {"sector": "S22"})
    valid = "Did you mean 'S2'? Valid: RENT1, STATE, S1, S2, S3."
    assert problems(folder) == (
        f"sector_accounts.csv line 5: unknown sector 'S22'. {valid}",
        "sector_accounts.csv: no row for sector 'S2'",
        f"inventories.csv line 3: unknown sector 'S22'. {valid}",
        "inventories.csv: no row for sector 'S2'",
    )


def test_flows_that_do_not_join_are_named(folder):
    path = folder / "io_coefficients.csv"
    set_cell(path, {"supplier_sector": "S1", "user_sector": "S2"}, {"user_sector": "S3"})
    set_cell(path, {"supplier_sector": "ABROAD", "user_sector": "S1"}, {"flow_domestic_mlcu": "1"})
    drop_row(folder / "size_classes.csv", sector="S2", size_class="c1")
    assert problems(folder) == (
        "io_coefficients.csv line 29: supplier_sector 'S1', user_sector 'S3' is there already, in line 28",
        "io_coefficients.csv: no row for supplier_sector 'S1' with user_sector S2",
        "io_coefficients.csv: supplier_sector 'ABROAD' has domestic flows but is not in sectors.csv. Valid: S1, S2, S3, RENT1, STATE.",
        "size_classes.csv: no row for sector 'S2' with size_class c1",
    )


def test_bad_cells_are_all_located(folder):
    set_cell(folder / "io_coefficients.csv", {"supplier_sector": "S1", "user_sector": "S2"}, {"flow_domestic_mlcu": "-5"})
    set_cell(folder / "sector_accounts.csv", {"sector": "S1"}, {"gross_output_mlcu": "n/a"})
    set_cell(folder / "size_classes.csv", {"sector": "S1", "size_class": "c0"}, {"firms": ""})
    set_cell(folder / "criticality.csv", {"supplier_sector": "S1", "user_sector": "S1"}, {"criticality_mean": "1.5"})
    assert problems(folder) == (
        "sector_accounts.csv line 4, column 'gross_output_mlcu' (sector 'S1'): 'n/a' is not a number",
        "io_coefficients.csv line 28, column 'flow_domestic_mlcu' (supplier_sector 'S1', user_sector 'S2'): -5 is below 0",
        "size_classes.csv line 5, column 'firms' (sector 'S1', size_class 'c0'): '' is not a number",
        "criticality.csv line 2, column 'criticality_mean' (supplier_sector 'S1', user_sector 'S1'): 1.5 is above 1",
    )


def test_classes_must_follow_each_other(folder):
    for sector in ("S1", "S2", "S3"):
        set_cell(folder / "size_classes.csv", {"sector": sector, "size_class": "c1"}, {"emp_max": "48"})
    set_cell(folder / "size_classes.csv", {"sector": "S2", "size_class": "c0"}, {"emp_min": "0"})
    set_setting(folder, smb_threshold_employees=1)
    assert problems(folder) == (
        "size_classes.csv: emp_min or emp_max of size_class 'c0' differ between sectors",
        "size_classes.csv: size_class 'c1' ends at 48 but 'c2' starts at 50",
        "economy.json: smb_threshold_employees 1 leaves no size class below it",
    )


def test_unbalanced_row_and_column_give_the_values(folder):
    set_cell(folder / "sector_accounts.csv", {"sector": "S2"}, {"gross_output_mlcu": "30000"})
    row, column = problems(folder)
    assert row.startswith(
        "sector_accounts.csv sector 'S2': gross_output_mlcu is 30000 but its row, flow_domestic_mlcu of io_coefficients.csv and "
        "fd_domestic_*, sums to "
    )
    assert column.startswith(
        "sector_accounts.csv sector 'S2': gross_output_mlcu is 30000 but its column, inputs of io_coefficients.csv and value_added_mlcu, "
        "sums to "
    )
    assert row.endswith(" (allowed difference 3)")


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("intermediate_domestic_mlcu", "its column of flow_domestic_mlcu of io_coefficients.csv"),
        ("intermediate_imported_mlcu", "its column of flow_imported_mlcu of io_coefficients.csv"),
        ("compensation_mlcu", "compensation, taxes less subsidies and surplus"),
    ],
)
def test_every_identity_is_checked(folder, column, parts):
    cell = float(next(row for row in read_rows(folder / "sector_accounts.csv") if row["sector"] == "S3")[column])
    set_cell(folder / "sector_accounts.csv", {"sector": "S3"}, {column: str(cell + 50)})
    (problem,) = problems(folder)
    assert problem.startswith("sector_accounts.csv sector 'S3': ")
    assert f"but {parts} sums to " in problem


def test_rounding_below_the_tolerance_is_repaired(folder):
    """Cells rounded to whole millions, as published, still load, and the row is exact afterwards."""
    rows = read_rows(folder / "sector_accounts.csv")
    write_rows(
        folder / "sector_accounts.csv", [{k: (str(round(float(v))) if k.endswith("_mlcu") else v) for k, v in row.items()} for row in rows]
    )
    economy = load(folder)
    assert row_error(economy).max() <= MACHINE
    assert column_error(economy).max() <= MACHINE


def test_output_must_be_positive(folder):
    set_cell(folder / "sector_accounts.csv", {"sector": "S1"}, {"gross_output_mlcu": "0"})
    assert problems(folder) == ("sector_accounts.csv sector 'S1': gross_output_mlcu is 0, must be above 0",)


def test_shares_and_employment_are_checked(folder):
    path = folder / "size_classes.csv"
    set_cell(path, {"sector": "S1", "size_class": "c1"}, {"firm_share": "0"})
    set_cell(path, {"sector": "S2", "size_class": "c1"}, {"firms": "7", "employment": "0", "payroll_klcu": "9"})
    for c in range(4):
        set_cell(path, {"sector": "S3", "size_class": f"c{c}"}, {"firms": "0", "employment": "0", "payroll_klcu": "0"})
    rows = [row for row in read_rows(path) if row["sector"] == "S1"]
    total = sum(float(row["firm_share"]) for row in rows)
    assert problems(folder) == (
        "size_classes.csv: sector 'S2', size_class 'c1' has firms 7, employment 0, payroll_klcu 9; all or none must be 0",
        "size_classes.csv: employment of sector 'S3' sums to 0, must be above 0",
        f"size_classes.csv: firm_share of sector 'S1' sums to {total:.6g}, not 1 within 0.001",
    )


def test_negative_final_uses_are_refused(folder):
    cells = {
        "fd_imported_households_mlcu": "0",
        "fd_imported_private_fixed_investment_mlcu": "0",
        "fd_imported_inventory_change_mlcu": "-40",
    }
    set_cell(folder / "sector_accounts.csv", {"sector": "S2"}, cells | {"fd_imported_government_mlcu": "10"})
    assert problems(folder) == ("sector_accounts.csv sector 'S2': fd_imported_* sum to -30; final uses must sum to 0 or more",)


# Loans by size: a table with a second key, optional.


def write_debt(folder: Path, sales=(1.0, 2.0, 3.0, 4.0, 5.0)) -> None:
    """The table for the synthetic sectors, with these mean sales for each class of assets, in million, and loans of .1 to .5 of them."""
    rows = [
        f"{code},{band},{1e6 * sold},{0.1 * (k + 1)}"
        for code in ("S1", "S2", "S3")
        for k, (band, sold) in enumerate(zip(BANDS, sales, strict=True))
    ]
    (folder / DEBT_TABLE).write_text("\n".join(["sector,asset_size_band_usd,mean_receipts_lcu,debt_to_receipts", *rows]), encoding="utf-8")


def test_loans_by_size_are_read_where_there_are_any(tmp_path, us):
    assert us.debt_by_size.shape == (21, 5, 2)
    assert us.debt_by_size[us.sectors.index("72"), -1].tolist() == [19_554_075.0, 0.4199]
    folder = write_economy(tmp_path)
    assert load(folder).debt_by_size is None
    write_debt(folder)
    assert load(folder).debt_by_size[1, :, 1] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_sales_that_do_not_rise_with_assets_are_refused(tmp_path):
    folder = write_economy(tmp_path)
    write_debt(folder, sales=(1.0, 3.0, 2.0, 4.0, 5.0))
    with pytest.raises(InputError) as error:
        load(folder)
    assert error.value.lines[0] == f"{DEBT_TABLE}: mean_receipts_lcu of sector 'S1' does not rise with assets"
