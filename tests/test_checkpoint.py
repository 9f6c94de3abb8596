"""Checkpoints: a file continues what was saved bit for bit, forks share their past, and a file that is not right is refused."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from models import CRISIS, HELP, LIVELY, columns

from smbsim import checkpoint, scenario, simulate
from smbsim.checkpoint import burn_in, fork, load
from smbsim.schema import InputError

SIZE = {"population": {"smbs": 80, "regions": 2}, "horizon": {"weeks": 26, "burn_in": 6}}
CLOSED = {**SIZE, "production": {"breakdown_hazard": 0.02}, "shocks": [
    {"kind": "capacity", "target": {"largest": 5, "kind": "smb"}, "start": 2, "stop": 16, "size": 0.8},
    {"kind": "demand", "target": {"share": 0.5}, "start": 4, "stop": 20, "size": 0.3, "recovery": 3},
    {"kind": "labour", "start": 3, "size": 0.1, "profile": "ar1", "rho": 0.6},
]}  # fmt: skip
LIFE = {**SIZE, **LIVELY, "shocks": list(CRISIS), "policies": list(HELP)}
MIDDLE = 11


def same(a, b) -> None:
    """Two results have the same variants and numbers, bit for bit."""
    assert a.variants == b.variants
    for tables in ((a.series, b.series), (a.panels, b.panels)):
        for name, s in tables[0].items():
            assert np.array_equal(s.values, tables[1][name].values, equal_nan=True), name
    assert a.flows == b.flows


@pytest.fixture(scope="module", params=["closed", "life"])
def model(request):
    """(scenario, uninterrupted result of its run, checkpoint in the middle)."""
    spec = scenario.load({"closed": CLOSED, "life": LIFE}[request.param])
    return spec, simulate.run({"scenario": spec}, 1), burn_in(spec, until=MIDDLE)


def test_continuing_from_a_file_in_the_middle_is_the_uninterrupted_run(model, tmp_path):
    spec, whole, middle = model
    middle.save(tmp_path / "middle.npz")
    again = load(tmp_path / "middle.npz")
    there, here = columns(again.state), columns(middle.state)
    assert there.keys() == here.keys()
    for key, values in here.items():
        assert values.dtype == there[key].dtype
        assert np.array_equal(values, there[key]), key
    for name in ("slot_start", "link_start", "customer_start", "supplier_start", "by_supplier"):
        assert np.array_equal(getattr(middle.state, name), getattr(again.state, name)), name
    for name in ("flows", "events", "widths", "names", "scale", "public_value_added", "policy_names"):
        assert getattr(middle.state, name) == getattr(again.state, name), name
    assert (again.scenario, again.seed, again.week) == (spec, 1, MIDDLE)
    result = fork(again, {"scenario": spec})
    for name, s in whole.series.items():
        assert np.array_equal(result[name].values[0], result[name].values[1]), name
        if name != "money_gap":  # rounding since the recording began
            assert np.array_equal(s.values[0, :, MIDDLE:], result[name].values[0]), name
    assert list(result.weeks) == list(range(MIDDLE, 26))


def test_in_life_firms_have_come_and_gone_before_the_checkpoint():
    middle = burn_in(scenario.load(LIFE), until=MIDDLE)
    firms = middle.state.firms
    assert firms.n > len(middle.resting)
    assert not firms.alive.all()
    assert middle.state.events is not None


def test_same_checkpoint_gives_the_same_bytes_and_loading_changes_nothing(model, tmp_path):
    _, _, middle = model
    middle.save(tmp_path / "a.npz")
    load(tmp_path / "a.npz").save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_until_in_two_steps_is_until_in_one(model):
    spec, _, middle = model
    stepped = burn_in(spec, until=4).until(MIDDLE)
    for key, values in columns(middle.state).items():
        assert np.array_equal(values, columns(stepped.state)[key]), key


def test_fork_after_burn_in_is_the_run_of_the_variants():
    """One burn-in, many futures: what `smbsim run` does with variants."""
    spec = scenario.load(LIFE)
    helped, alone = spec, spec.without_policies()
    start = burn_in(spec.without_interventions())
    before = columns(start.state)
    result = fork(start, {"helped": helped, "alone": alone})
    variants = {"baseline": spec.without_interventions(), "helped": helped, "alone": alone}
    same(result, simulate.run(variants, 1))
    for key, values in columns(start.state).items():
        assert np.array_equal(values, before[key]), key


def test_policies_are_also_run_without_them():
    spec = scenario.load({**SIZE, "model": "money"})
    start = burn_in(spec)
    crunch = spec.with_({"shocks": [{"kind": "credit_crunch", "start": 1, "stop": 9, "size": 0.5}]})
    guarded = crunch.with_({"policies": [{"kind": "credit_guarantee", "start": 2}]})
    assert fork(start, {"guarded": guarded}).variants == ("baseline", "guarded", "guarded without policies")
    assert fork(start, {"guarded": guarded, "crunch": crunch}).variants == ("baseline", "guarded", "crunch")


def test_futures_with_other_luck_share_the_past_and_run_0_is_the_checkpoint_s():
    spec = scenario.load(CLOSED)
    start = burn_in(spec, until=MIDDLE)
    result = fork(start, [spec.with_({"name": "same"})], runs=3)
    assert result.seeds == (1, 2, 3)
    output = result["output"].values
    assert np.array_equal(output[:, 0], fork(start, [spec])["output"].values[:, 0])
    assert not np.array_equal(output[0, 0], output[0, 1])


def test_a_parameter_that_differs_acts_from_the_fork_on():
    spec = scenario.load(CLOSED)
    result = fork(burn_in(spec), {"slow": spec.without_interventions().with_({"orders.stock_adjustment": 0.01})})
    assert result.variants == ("baseline", "slow")
    assert not np.array_equal(*result["output"].values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"population.smbs": 90}, "population differs"),
        ({"labour.enabled": True}, "labour.enabled differs"),
        ({"trade.other_lead": 7}, "trade.other_lead differs"),
        ({"horizon.weeks": 9}, "ends before the checkpoint at week 11"),
        ({"shocks": [{"kind": "demand", "start": 3, "size": 0.1}]}, "starts in week 3, before the checkpoint at week 11"),
    ],
)
def test_a_future_that_does_not_fit_is_refused(change, said):
    spec = scenario.load(CLOSED)
    with pytest.raises(InputError, match=f"odd: .*{said}"):
        fork(burn_in(spec, until=MIDDLE), {"odd": spec.with_(change)})


def test_bad_requests_are_one_line():
    start = burn_in(scenario.load(CLOSED), until=2)
    with pytest.raises(InputError, match="week 1 is past"):
        start.until(1)
    with pytest.raises(InputError, match="no future"):
        fork(start, [])
    with pytest.raises(InputError, match="runs = 0"):
        fork(start, [start.scenario], runs=0)


# -- files that are not right -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "start.npz"
    burn_in(scenario.load(CLOSED)).save(path)
    return path


def tampered(written, path, change):
    """A copy with contents changed and the hash made to fit."""
    with np.load(written) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop(checkpoint.ABOUT).tobytes())
    about.pop("contents")
    change(about, arrays)
    about["contents"] = checkpoint._digest(about, arrays)
    np.savez(path, **{checkpoint.ABOUT: np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}, **arrays)
    return path


def test_a_file_that_was_changed_or_cut_short_is_refused(written, tmp_path):
    data = written.read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.npz").write_text("week: 3")
    for name in ("cut", "text"):
        with pytest.raises(InputError, match="not a checkpoint"):
            load(tmp_path / f"{name}.npz")
    with np.load(written) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["firms/cash"] = arrays["firms/cash"] + 1.0
    np.savez(tmp_path / "richer.npz", **arrays)
    with pytest.raises(InputError, match="hash differs"):
        load(tmp_path / "richer.npz")


def test_python_objects_in_a_file_are_never_made(written, tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    trap = buffer.getvalue() + pickle.dumps(Trap())
    path = tmp_path / "trap.npz"
    path.write_bytes(written.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("firms/trap.npy", trap)
    with pytest.raises(InputError, match="not a checkpoint"):
        load(path)


def test_other_code_is_refused_unless_asked_for(written, tmp_path):
    path = tampered(written, tmp_path / "old.npz", lambda about, arrays: about.update(code="0" * 64))
    with pytest.raises(InputError, match="other code"):
        load(path)
    assert load(path, other_code=True).week == 0


def test_another_format_or_other_columns_are_refused(written, tmp_path):
    path = tampered(written, tmp_path / "format.npz", lambda about, arrays: about.update(format="smbsim checkpoint 0"))
    with pytest.raises(InputError, match="this version reads 'smbsim checkpoint 1'"):
        load(path)
    path = tampered(written, tmp_path / "columns.npz", lambda about, arrays: about["columns"]["firms"].pop())
    with pytest.raises(InputError, match="columns are not those"):
        load(path)


@pytest.mark.parametrize("column", ["links/supplier", "links/slot", "slots/customer", "slots/group", "firms/sector"])
def test_rows_that_point_outside_are_refused_before_a_kernel_sees_them(written, tmp_path, column):
    def change(about, arrays):
        arrays[column] = arrays[column].copy()
        arrays[column][0] = 10**6

    with pytest.raises(InputError, match=f"{column.replace('/', '.')} points outside"):
        load(tampered(written, tmp_path / "out.npz", change))


def test_shapes_and_bounds_are_checked(written, tmp_path):
    with pytest.raises(InputError, match=r"firms\.cash is not"):
        load(tampered(written, tmp_path / "short.npz", lambda about, arrays: arrays.update({"firms/cash": arrays["firms/cash"][:-1]})))
    with pytest.raises(InputError, match="below 0"):
        load(
            tampered(
                written, tmp_path / "low.npz", lambda about, arrays: arrays.update({"firms/inventory": arrays["firms/inventory"] - 1e9})
            )
        )


def test_a_state_with_something_new_is_not_half_saved(tmp_path):
    start = burn_in(scenario.load({**SIZE, "horizon": {"weeks": 4, "burn_in": 0}}))
    start.state.secret = 1
    with pytest.raises(AssertionError, match="secret"):
        start.save(tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []
