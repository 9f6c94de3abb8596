"""Results: what is saved is what is read, bit for bit and byte for byte; paired comparisons; tables; mistakes in names."""

from __future__ import annotations

import csv
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from models import miniature, united_states

from smbsim import scenario, simulate
from smbsim.result import BANDS, BASELINE, Result, Series, concatenate, load, load_dataset
from smbsim.schema import InputError

VARIANTS, RUNS, WEEKS = 2, 3, 4


def numbers(*shape, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 0.2, shape)


@pytest.fixture
def result() -> Result:
    """Two variants × three runs × four weeks, with awkward numbers: NaN, -0, the smallest and the largest, text beyond ASCII."""
    output, sector = numbers(VARIANTS, RUNS, WEEKS), numbers(VARIANTS, RUNS, WEEKS, 2, seed=1)
    output[0, 0] = 5e-324, -0.0, 1.7976931348623157e308, 0.1
    whip = numbers(VARIANTS, RUNS, 2, seed=2)
    whip[1, :, 0] = np.nan
    return Result(
        name="Schlüter & Söhne",
        variants=(BASELINE, "grün, \"quoted\""),
        seeds=(7, 8, 2**63 - 1),
        weeks=np.arange(WEEKS),
        series={
            "output": Series(output, "base currency/wk", "Output of firms"),
            "sector_output": Series(sector, "base currency/wk", "Output", "sector"),
        },
        panels={"bullwhip": Series(whip, "1", "Bullwhip ratio", "tier")},
        labels={"sector": ("44", "Θ"), "region": ("north",), "tier": ("1", "2")},
        firms={
            "sector": np.array([0, 1, 1], dtype=np.int32),
            "kind": np.array([0, 0, 1], dtype=np.int8),
            "output": numbers(3, seed=4),
            "relative_output": numbers(VARIANTS, 2, 3, seed=5).astype(np.float32),
            "snapshot_week": np.array([0, 3]),
            "supplier": np.array([2, 0], dtype=np.int32),
            "buyer": np.array([0, 1], dtype=np.int32),
            "flow": numbers(2, seed=6),
        },
        flows={(BASELINE, "wages", "firm", "household"): 0.1 + 0.2, ("grün, \"quoted\"", "wages", "firm", "household"): 1e-300},
        events=((BASELINE, 7, 2, "the last SMB of sector Θ closed"), ("grün, \"quoted\"", 2**63 - 1, 0, "…")),
    )  # fmt: skip


def same_arrays(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        a.dtype == other[k].dtype and a.shape == other[k].shape and a.tobytes() == other[k].tobytes() for k, a in one.items()
    )


def same_tables(one: dict, other: dict) -> bool:
    return same_arrays({k: s.values for k, s in one.items()}, {k: s.values for k, s in other.items()}) and all(
        (s.unit, s.label, s.axis) == (other[k].unit, other[k].label, other[k].axis) for k, s in one.items()
    )


def same(one: Result, other: Result) -> bool:
    """Everything but the manifest, to the bit."""
    return (
        (one.name, one.variants, one.seeds, one.flows, one.events) == (other.name, other.variants, other.seeds, other.flows, other.events)
        and dict(one.labels) == dict(other.labels)
        and same_arrays({"weeks": one.weeks, **one.firms}, {"weeks": other.weeks, **other.firms})
        and same_tables(one.series, other.series)
        and same_tables(one.panels, other.panels)
    )


@pytest.fixture(scope="module")
def simulated() -> Result:
    """Two seeds of a small economy, a shock and its baseline, with noise."""
    spec = scenario.load({"population": {"smbs": 40, "regions": 2}, "horizon": {"weeks": 6, "burn_in": 3}})
    shocked = spec.with_({"shocks": [{"kind": "demand", "start": 1, "stop": 4, "size": 0.3}]})
    runs = [simulate.run({BASELINE: spec, "scenario": shocked}, seed, united_states()) for seed in (1, 2)]
    return concatenate(runs)


# -- disk ---------------------------------------------------------------------------------------------------------------------------------


def test_saved_and_read_is_the_same_to_the_bit(result, tmp_path):
    result.save(tmp_path / "ensemble.nc")
    assert same(load_dataset(tmp_path / "ensemble.nc"), result)


def test_simulated_result_saved_and_read_is_the_same_to_the_bit(simulated, tmp_path):
    simulated.save(tmp_path / "ensemble.nc")
    back = load_dataset(tmp_path / "ensemble.nc")
    assert same(back, simulated)
    assert list(back.series) == list(simulated.series)  # in the order in which metrics are listed


def test_saved_twice_is_the_same_bytes(result, simulated, tmp_path):
    for each in (result, simulated):
        for name in ("a.nc", "b.nc"):
            replace(each).save(tmp_path / name)
        assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_read_and_saved_again_is_the_same_bytes(result, tmp_path):
    result.save(tmp_path / "a.nc")
    load_dataset(tmp_path / "a.nc").save(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_saving_leaves_no_other_file(result, tmp_path):
    result.save(tmp_path / "ensemble.nc")
    result.save(tmp_path / "ensemble.nc")
    assert [path.name for path in tmp_path.iterdir()] == ["ensemble.nc"]


def test_economy_without_links_can_be_saved(result, tmp_path):
    """Nobody sells to anybody: the tables of links are empty."""
    none = {"supplier": np.empty(0, np.int32), "buyer": np.empty(0, np.int32), "flow": np.empty(0)}
    alone = replace(result, firms={**result.firms, **none})
    alone.save(tmp_path / "ensemble.nc")
    assert same(load_dataset(tmp_path / "ensemble.nc"), alone)


def test_folder_is_read_with_its_manifest(result, tmp_path):
    result.save(tmp_path / "ensemble.nc")
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "0.1.0"}))
    back = load(tmp_path)
    assert back.manifest == {"version": "0.1.0"}
    assert same(back, result)


@pytest.mark.parametrize("missing", ["ensemble.nc", "manifest.json"])
def test_folder_without_a_file_names_it(result, tmp_path, missing):
    result.save(tmp_path / "ensemble.nc")
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / missing).unlink()
    with pytest.raises(InputError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path}: no {missing}; is this a results folder of smbsim?"


def test_data_has_dimensions_units_and_labels(result):
    data = result.data
    assert data["output"].dims == ("variant", "run", "week")
    assert data["sector_output"].dims == ("variant", "run", "week", "sector")
    assert data["bullwhip"].dims == ("variant", "run", "tier")
    assert data["firm_relative_output"].dims == ("variant", "snapshot", "firm")
    assert data["output"].attrs == {"units": "base currency/wk", "long_name": "Output of firms"}
    assert float(data["sector_output"].sel(variant=BASELINE, sector="Θ", week=2).isel(run=1)) == result["sector_output"].values[0, 1, 2, 1]
    assert data["seed"].values.tolist() == list(result.seeds)


def test_result_survives_a_process_boundary(result):
    _ = result.data  # cached
    assert same(pickle.loads(pickle.dumps(result)), result)


# -- comparisons --------------------------------------------------------------------------------------------------------------------------


def paired(base, other, **panels) -> Result:
    values = np.array([base, other], dtype=float)[:, None]  # one run
    return Result(
        "pair", (BASELINE, "shock"), (1,), np.arange(values.shape[-1]), {"output": Series(values, "base currency/wk", "Output")},
        {name: Series(np.array(v, dtype=float)[:, None], "1", name, "tier") for name, v in panels.items()}, {"tier": ("1",)}, {},
        {(BASELINE, "wages", "firm", "household"): 10.0, ("shock", "wages", "firm", "household"): 7.0,
         ("shock", "tax", "firm", "government"): 2.0},
    )  # fmt: skip


def test_relative_is_run_by_run_to_the_baseline():
    found = paired([10.0, 20.0], [5.0, 30.0]).relative("output")
    assert found.values.tolist() == [[[1.0, 1.0]], [[0.5, 1.5]]]
    assert (found.unit, found.label, found.axis) == ("1", "Output relative to baseline", None)


def test_relative_of_zero_to_zero_is_one_and_of_something_to_zero_is_unknown():
    """1 says that nothing differs; where the baseline has nothing and the variant something, no ratio says how much."""
    found = paired([0.0, 0.0, 2.0], [0.0, 3.0, 2.0]).relative("output").values
    assert found[1, 0, [0, 2]].tolist() == [1.0, 1.0]
    assert np.isnan(found[1, 0, 1])
    assert found[0, 0].tolist() == [1.0, 1.0, 1.0]


def test_relative_may_be_to_another_variant(result):
    name = result.variants[1]
    found = result.relative("sector_output", to=name).values
    assert np.all(found[1] == 1.0)
    assert np.array_equal(found[0], result["sector_output"].values[0] / result["sector_output"].values[1])


def test_difference_is_run_by_run_from_the_baseline():
    """Series, panels and flows; a flow that one variant does not have is zero there."""
    found = paired([10.0, 20.0], [5.0, 30.0], bullwhip=[[1.5], [2.0]]).difference()
    assert found["output"].values.tolist() == [[[0.0, 0.0]], [[-5.0, 10.0]]]
    assert found["bullwhip"].values.tolist() == [[[0.0]], [[0.5]]]
    assert found["output"].label == "Δ Output"
    assert found["bullwhip"].label == "Δ bullwhip"
    assert found.name == "pair: difference from baseline"
    assert {line: amount for line, amount in found.flows.items() if amount} == {
        ("shock", "wages", "firm", "household"): -3.0,
        ("shock", "tax", "firm", "government"): 2.0,
    }


def test_equal_variants_do_not_differ(simulated):
    same_twice = replace(simulated, series={n: replace(s, values=s.values[[0, 0]]) for n, s in simulated.series.items()})
    assert all(np.all(s.values == 0.0) for s in same_twice.difference().series.values())
    assert np.all(same_twice.relative("output").values == 1.0)


def test_quantiles_are_over_runs(result):
    values = np.arange(5.0)[None, :, None] * np.array([1.0, 10.0])[:, None, None]  # (V, 5 runs, 1 week)
    each = replace(result, series={"output": Series(values, "1", "x")})
    assert each.quantiles("output", (0, 25, 50, 100))[:, :, 0].tolist() == [[0.0, 0.0], [1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]
    assert result.quantiles("sector_output").shape == (len(BANDS), VARIANTS, WEEKS, 2)


def test_quantiles_leave_out_what_is_unknown(result):
    """One run without a value is left out; without any run the quantile is unknown, and nobody is warned."""
    whip = result["bullwhip"].values.copy()
    whip[0, :, 1] = 1.0, np.nan, 3.0
    found = replace(result, panels={"bullwhip": replace(result["bullwhip"], values=whip)}).quantiles("bullwhip", (50,))
    assert found.shape == (1, VARIANTS, 2)
    assert found[0, 0, 1] == 2.0
    assert np.isnan(found[0, 1, 0])
    assert np.isfinite(found[0, 0, 0])


# -- joining ------------------------------------------------------------------------------------------------------------------------------


def part(result: Result, runs: slice, wages: float) -> Result:
    cut = {table: {n: replace(s, values=s.values[:, runs]) for n, s in getattr(result, table).items()} for table in ("series", "panels")}
    events = tuple(event for event in result.events if event[1] in result.seeds[runs])
    return replace(result, seeds=result.seeds[runs], flows={(BASELINE, "wages", "firm", "household"): wages}, events=events, **cut)


def test_concatenated_parts_are_the_whole(result):
    parts = [part(result, slice(0, 1), 3.0), part(result, slice(1, 3), 6.0)]
    whole = concatenate(parts)
    assert same(replace(whole, flows={}), replace(result, flows={}))
    assert whole.flows == {(BASELINE, "wages", "firm", "household"): 5.0}  # mean over three runs


def test_flow_that_one_run_has_not_counts_as_zero_there(result):
    one, two = part(result, slice(0, 1), 3.0), part(result, slice(1, 2), 3.0)
    assert concatenate([one, replace(two, flows={})]).flows == {(BASELINE, "wages", "firm", "household"): 1.5}


def test_concatenating_one_changes_nothing(result):
    assert same(concatenate([result]), result)


# -- tables and words ---------------------------------------------------------------------------------------------------------------------


def rows(path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


def test_tables_have_these_headers_and_rows(result, tmp_path):
    result.write_tables(tmp_path)
    summary, flows = rows(tmp_path / "summary.csv"), rows(tmp_path / "flows.csv")
    assert summary[0] == ["variant", "metric", "unit", "label", "week", "p5", "p25", "p50", "p75", "p95"]
    assert len(summary) == 1 + VARIANTS * WEEKS * (1 + 2)
    line = next(r for r in summary if r[:2] == [result.variants[1], "sector_output"] and r[3:5] == ["Θ", "2"])
    assert line[2] == "base currency/wk"
    assert [float(x) for x in line[5:]] == pytest.approx(result.quantiles("sector_output")[:, 1, 2, 1], rel=1e-9)
    assert flows[0] == ["variant", "flow", "payer", "payee", "currency_per_year"]
    assert flows[1:] == [
        [BASELINE, "wages", "firm", "household", "0.3"], ["grün, \"quoted\"", "wages", "firm", "household", "1e-300"]
    ]  # fmt: skip


def test_tables_are_the_same_bytes_twice(simulated, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        simulated.write_tables(tmp_path / folder)
    for name in ("summary.csv", "flows.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_table_of_a_metric_without_a_value_in_any_run(result, tmp_path):
    """A week that nobody knows is written as nan."""
    values = result["output"].values.copy()
    values[:, :, 1] = np.nan
    replace(result, series={"output": replace(result["output"], values=values)}).write_tables(tmp_path)
    assert [r[4] for r in rows(tmp_path / "summary.csv")[1:] if r[5:] == ["nan"] * 5] == ["1", "1"]


def test_unknown_names_are_told_the_nearest(result):
    with pytest.raises(InputError) as error:
        _ = result["outptu"]
    assert str(error.value) == (
        "result 'Schlüter & Söhne': unknown metric 'outptu'. Did you mean 'output'? Valid: output, sector_output, bullwhip."
    )
    for ask in (result.variant, lambda name: result.relative("output", to=name), result.difference):
        with pytest.raises(InputError, match=r"unknown variant 'basline'\. Did you mean 'baseline'\? Valid: baseline, grün"):
            ask("basline")


def test_repr_says_what_there_is(result):
    assert repr(result).startswith("Result('Schlüter & Söhne', variants=('baseline', ")
    assert repr(result).endswith("runs=3, weeks=4, metrics=['output', 'sector_output'])")


def test_result_is_read_only(result):
    with pytest.raises(AttributeError):
        result.name = "other"


def test_series_of_a_run_have_the_shapes_of_the_docstring(simulated):
    state, _, _ = miniature(40)
    k = {axis: len(names) for axis, names in simulated.labels.items()}
    assert (k["sector"], k["region"], k["tier"]) == (state.sectors.n, state.regions.n, 4)
    for s in simulated.series.values():
        assert s.values.shape == (2, 2, 6, *([k[s.axis]] if s.axis else []))
    assert simulated["bullwhip"].values.shape == (2, 2, 4)
    n = len(simulated.firms["output"])
    assert simulated.firms["relative_output"].shape == (2, len(simulated.firms["snapshot_week"]), n)
    assert {variant for variant, *_ in simulated.flows} == {BASELINE, "scenario"}
