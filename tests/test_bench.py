"""The suite of measurements: its networks, that a wrong peer is refused, bytes by the layout, what got slower, and all of it in small."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from models import united_states
from typer.testing import CliRunner

import smbsim
from smbsim.bench import gate, guard, ladder, layout, machine, networks, report, startup, week
from smbsim.bench.machine import Triad, pair, triad
from smbsim.cli import app
from smbsim.commands.bench import peers_of
from smbsim.commands.options import BAD_INPUT
from smbsim.figures import bench as figures
from smbsim.kernel import kernel
from smbsim.schema import Column, InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
N = 400
compiled = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")


def network(kind: str = "local", n: int = N):
    return networks.draw(kind, n, united_states().G)


@pytest.fixture(scope="module")
def peers():
    return peers_of(BENCHMARKS / "peers")


# -- networks -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", networks.KINDS)
def test_networks_have_ten_links_a_firm_and_leave_value_added(kind):
    net = network(kind, 3000)
    assert len(net.supplier) == networks.LINKS_PER_FIRM * 3000
    assert np.all(np.diff(net.customer * 3000 + net.supplier) > 0), "by customer, each pair once"
    assert np.all(net.customer != net.supplier)
    assert np.all(net.bought <= networks.INPUT_SHARE * net.output * (1 + 1e-12))
    again = network(kind, 3000)
    assert all(
        np.array_equal(getattr(net, name), getattr(again, name))
        for name in ("sector", "region", "supplier", "customer", "weight", "final_sales")
    )


def test_local_firms_stand_by_region_and_sector_and_trade_at_home():
    net = network("local", 8000)
    order = net.region * united_states().G + net.sector
    assert np.all(np.diff(order) >= 0)
    home = np.mean(net.region[net.supplier] == net.region[net.customer])
    assert abs(home - (networks.LOCAL_SHARE + (1 - networks.LOCAL_SHARE) / 4)) < 0.03  # four regions: a quarter by chance


def test_hubs_sell_half_of_all_links():
    net = network("hubs", 20_000)
    sold = np.sort(np.bincount(net.supplier, minlength=20_000))[::-1]
    assert 0.42 < sold[: united_states().G].sum() / len(net.supplier) < 0.55
    others = np.sort(np.bincount(network("random", 20_000).supplier, minlength=20_000))[::-1]
    assert others[: united_states().G].sum() < 0.15 * len(net.supplier)


def test_numbers_of_customers_have_the_exponent_of_the_power_law():
    """The tail of the out-degree: Hill's estimate on the largest one percent is 1.5 within .3."""
    n = 50_000
    top = np.sort(np.bincount(network("random", n).supplier, minlength=n))[-n // 100 :]
    assert abs(1.0 / np.mean(np.log(top[1:] / top[0])) - networks.EXPONENT) < 0.3


def test_unknown_and_tiny_networks_are_refused():
    with pytest.raises(InputError, match="Did you mean 'hubs'"):
        networks.draw("hub", N, 21)
    with pytest.raises(InputError, match="too small"):
        networks.draw("hubs", 20, 21)


# -- the week -----------------------------------------------------------------------------------------------------------------------------


def test_core_is_its_phases_in_the_order_of_the_schedule():
    model = week.core(network(), united_states())
    assert [name.rpartition(": ")[2] for name, _ in model.plan] == list(week.CORE)
    with pytest.raises(ValueError, match=r"has no trade\.ship"):
        week.core_of([row for row in model.plan if "trade.ship" not in row[0]])


def test_core_stays_at_rest_where_everybody_can_pay():
    """Final demand and deposits are those of rest, so that output is."""
    model = week.core(network(), united_states(), finance=False)
    rest = model.state.firms.output.copy()
    model.weeks(12)
    assert np.max(np.abs(model.state.firms.output / rest - 1.0)) < 1e-12


def test_core_has_firms_that_cannot_pay_and_moves_money_only_between_firms():
    model = week.core(network(n=2000), united_states())
    before = model.state.firms.cash.sum()
    model.weeks(6)
    short = np.count_nonzero(model.state.firms.trade_overdue > 0)
    assert 0 < short <= 2000 / week.ONE_IN
    assert abs(model.state.firms.cash.sum() / before - 1.0) < 1e-12


def test_threads_change_no_bit_of_the_core():
    one, two = (week.core(network(), united_states()) for _ in range(2))
    two.state.set_threads(2, 7)
    for model in (one, two):
        model.weeks(4)
    assert one.state.firms.cash.tobytes() == two.state.firms.cash.tobytes()


# -- peers --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", networks.KINDS)
@pytest.mark.parametrize("name", ["mesa", "numpy", "graphblas"])
def test_peers_agree(peers, name, kind):
    if name not in peers:
        pytest.skip("GraphBLAS is not installed")
    assert gate.agree(name, peers[name], week.core(network(kind), united_states())) < 1e-10


def test_peers_agree_where_everybody_can_pay(peers):
    assert gate.agree("numpy", peers["numpy"], week.core(network(), united_states(), finance=False)) < 1e-10


@pytest.mark.parametrize(
    ("part", "wrong", "column"),
    [
        ("payment_terms", lambda p: replace(p, payment_terms=p.payment_terms * (1 + 1e-7)), "cash"),
        ("overtime_time", lambda p: replace(p, overtime_time=p.overtime_time * (1 + 1e-5)), "overtime"),
        ("lead_time", lambda p: replace(p, lead_time=np.minimum(p.lead_time, 1)), "output"),
        ("emergency_share", lambda p: replace(p, emergency_share=0.0), "o"),
        ("bounded", lambda p: replace(p, bounded=np.zeros_like(p.bounded)), "cash"),
    ],
)
def test_gate_refuses_a_peer_that_is_a_little_wrong(peers, part, wrong, column):
    """A part in ten million of a payment, a link that arrives a week early, a mechanism left out: not timed, and said where."""
    with pytest.raises(gate.Disagreement, match=rf"wrong: {column}.* differs by .* not timed"):
        gate.agree("wrong", lambda problem: peers["numpy"](wrong(problem)), week.core(network("random"), united_states()))


def test_gate_refuses_what_is_not_a_number(peers):
    class Nothing(peers["numpy"]):
        def found(self):
            return {name: np.full_like(values, np.nan) for name, values in super().found().items()}

    with pytest.raises(gate.Disagreement):
        gate.agree("nothing", Nothing, week.core(network(), united_states()))


def test_measuring_ends_where_a_peer_is_wrong(peers):
    asked = ladder.Asked(("local",), (N,), (1,), 1, 1000)
    with pytest.raises(gate.Disagreement, match="half"):
        ladder.measure(asked, {"half": lambda p: peers["numpy"](replace(p, weight=0.5 * p.weight))})


def test_problem_is_taken_before_the_first_week():
    model = week.core(network(), united_states())
    model.weeks()
    with pytest.raises(ValueError, match="first week"):
        gate.Problem.of(model)


# -- bytes --------------------------------------------------------------------------------------------------------------------------------


@kernel
def move(start, stop, source, both, written, factor):
    """Loads source and both, stores both and written."""
    for i in range(start, stop):
        both[i] += factor * source[i]
        written[i] = factor


def test_a_column_of_doubles_is_eight_bytes_a_row():
    """Memory follows the columns that are declared: one more of doubles by link, of a byte by firm, of two weeks by slot."""
    state = week.core(network(), united_states()).state
    before = layout.memory(state)
    for column, rows, size in (
        (Column("extra", "1", 0.0, "", axis="link"), state.links.n, 8),
        (Column("extra", "1", 0, "", dtype="i1"), state.firms.n, 1),
        (Column("extra", "1", 0.0, "", axis="slot", width=2), state.slots.n, 16),
    ):
        state.allocate(column)
        after = layout.memory(state)
        assert {axis: after[axis] - before[axis] for axis in after} == {**dict.fromkeys(after, 0), column.axis: size * rows}
        before = after


def test_memory_counts_every_column_and_index_once():
    """What is held by link is at least its columns, and not many times as much; slots are counted with links."""
    state = week.core(network(), united_states()).state
    held = layout.memory(state)
    for axis in layout.AXES:
        table = state.table(axis)
        columns = sum(getattr(table, name).nbytes for name in table.columns)
        assert columns <= held[axis] <= columns + 64 * table.n
    assert layout.per_row(state)["per_link"] * state.links.n == pytest.approx(held["link"] + held["slot"])
    assert layout.per_row(state)["held_per_link"] * state.links.n == pytest.approx(held["link"] + held["slot"]), "small arrays count whole"


@pytest.mark.skipif(not machine.PAGES.exists(), reason="the system does not say what it has handed out")
def test_zeros_that_nobody_wrote_to_take_no_memory():
    """64 MB of zeros of which the first half is written to."""
    values = np.zeros(8_000_000)
    values[:10].sum()
    assert machine.resident(values) < 0.01 * values.nbytes
    values[:4_000_000] = 1.0
    assert machine.resident(values) == pytest.approx(0.5 * values.nbytes, rel=0.07), "within a huge page at the end"


@compiled
def test_loads_and_stores_are_read_from_the_kernel():
    assert layout.uses(move) == (0, 0, 1, 2, 1, 0)
    assert layout.uses(triad) == (0, 0, 1, 1, 1, 0)


def test_traffic_is_what_the_phases_touch():
    """A kernel's loads and stores by its source, a column that numpy touches once, nothing for what is not touched."""
    model = week.core(network(), united_states())

    def by_kernel(state, step):
        state.customers.run(move, state.firms.cash, state.firms.debt, state.firms.capital, 2.0)

    def by_numpy(state, step):
        state.slots.order[:] = 1.0 + state.slots.order

    n, model.plan = model.state.firms.n, (("a", by_kernel), ("b", by_numpy), ("c", lambda state, step: None))
    moved = layout.traffic(model)
    assert moved["a"] == {"firm": 32 * n, "slot": 0, "link": 0, "other": 0}
    assert moved["b"] == {"firm": 0, "slot": 8 * model.state.slots.n, "link": 0, "other": 0}
    assert sum(moved["c"].values()) == 0


def test_traffic_sees_every_pass_over_the_links():
    """Orders are collected, goods shipped and bills paid along links; nothing else of the core touches them."""
    moved = layout.traffic(week.core(network(), united_states()))
    passes = {name.rpartition(": ")[2] for name, by_axis in moved.items() if by_axis["link"]}
    assert passes == {"trade.collect", "trade.ship", "finance.pay"}
    assert all(by_axis["firm"] + by_axis["slot"] > 0 for by_axis in moved.values())


def test_traffic_leaves_the_model_as_a_week_does():
    one, two = (week.core(network(), united_states()) for _ in range(2))
    layout.traffic(one)
    two.weeks()
    assert one.t == two.t == 1
    assert one.state.firms.cash.tobytes() == two.state.firms.cash.tobytes()
    assert type(one.state.firms) is type(two.state.firms)


# -- the machine --------------------------------------------------------------------------------------------------------------------------


def test_triad_is_b_plus_q_c():
    arrays = Triad(1000)
    arrays.run(1)
    arrays.run(2)
    assert np.all(arrays._arrays[0] == 7.0)
    assert arrays.rate(1e-6) == pytest.approx(24.0)
    python = np.zeros(5)
    getattr(triad, "py_func", triad)(0, 5, python, np.arange(5.0), np.ones(5), 2.0)
    assert np.array_equal(python, np.arange(5.0) + 2.0)


def test_pair_is_the_matrix_of_shares():
    """Rows of customers, in the order of the state: every slot's shares sum to one."""
    state = week.core(network(), united_states()).state
    both = pair(state)
    matrix = next(
        cell.cell_contents for cell in both.__closure__ if hasattr(cell.cell_contents, "indptr") and cell.cell_contents.format == "csr"
    )
    assert np.allclose(matrix.sum(axis=1).A1 if hasattr(matrix.sum(axis=1), "A1") else matrix.sum(axis=1), np.diff(state.slot_start))
    assert (matrix.dtype, matrix.indices.dtype) == (np.float64, np.int32)
    both()


# -- the guard ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(peers):
    """All of it in small, without start-up."""
    steps = []
    asked = ladder.Asked(("local", "us"), (N, 2 * N), (1, 2), 2, 20_000)
    found = ladder.measure(asked, {"numpy": peers["numpy"]}, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    return found


def scaled(found: dict, scales: float) -> dict:
    changed = json.loads(json.dumps(found))
    for rung in changed["rungs"]:
        rung["triad_scales"]["2"] = scales
    return changed


def test_all_rungs_are_measured(found):
    assert [(rung["network"], rung["size"]) for rung in found["rungs"]] == [("local", N), ("us", N), ("local", 2 * N), ("us", 2 * N)]
    for rung in found["rungs"]:
        weeks = {(row["week"], row["threads"]): row for row in rung["weeks"]}
        assert set(weeks) == {(name, k) for name in ("core", "core, finance off", "people") for k in (1, 2)}
        core = weeks["core", 1]
        assert core["ns_per_link"] == pytest.approx(1e6 * core["ms"] / rung["links"])
        assert core["bytes_per_link"] == pytest.approx(sum(phase["bytes"] for phase in core["phases"].values()) / rung["links"])
        assert core["gb_s"] == pytest.approx(core["bytes_per_link"] * rung["links"] / core["ms"] / 1e6)
        assert set(core["phases"]) < set(weeks["people", 1]["phases"])
    assert set(found["rungs"][0]["peers"]) == {"numpy"}
    assert not found["rungs"][1]["peers"], "peers know no imports"


def test_guard_names_what_got_slower_and_nothing_else(found):
    found = scaled(found, 2.0)
    kept = guard.ratios(found)
    name = f"core / pair: local {N}, 1 thread"
    assert not guard.slower(guard.compare(found, kept))
    dearer = guard.compare(found, {**kept, name: kept[name] / (1.0 + 1.1 * guard.TOLERANCE)})
    assert [change.name for change in guard.slower(dearer)] == [name]
    assert guard.slower(dearer)[0].factor == pytest.approx(1.0 + 1.1 * guard.TOLERANCE)
    within = guard.compare(found, {**kept, name: kept[name] / (1.0 + 0.9 * guard.TOLERANCE)})
    assert not guard.slower(within)
    cheaper = guard.compare(found, {**kept, name: 10.0 * kept[name]})
    assert not guard.slower(cheaper)
    assert "core / pair" in report.text(found, dearer)
    assert "Nothing got slower" in report.text(found, within)


def test_guard_watches_memory_closely(found):
    kept = guard.ratios(scaled(found, 2.0))
    name = f"bytes per link: local {N}"
    changes = guard.compare(scaled(found, 2.0), {**kept, name: 0.95 * kept[name]})
    assert [change.name for change in guard.slower(changes)] == [name]


def test_times_are_judged_only_where_the_triad_scales(found):
    """Of a run whose triad shows 1.7 on two threads only the bytes are compared, and the report says so."""
    assert any("2 threads" in name for name in guard.ratios(scaled(found, 1.8)))
    loud = scaled(found, 1.7)
    assert all(name.startswith("bytes") for name in guard.ratios(loud))
    assert "(0" in report.text(loud)
    assert "Times were not compared" in report.text(loud, [])


def test_ratios_hold_no_seconds(found):
    """Twice the time of everything gives the same ratios of times."""
    doubled = scaled(found, 2.0)
    for rung in doubled["rungs"]:
        rung["pair_ms"] *= 2
        for row in (*rung["weeks"], *rung["peers"].values()):
            row["ms"] *= 2
    assert guard.ratios(doubled) == guard.ratios(scaled(found, 2.0))


def test_recorded_ratios_are_merged_and_read_back(found, tmp_path):
    path = tmp_path / "recorded.json"
    path.write_text(json.dumps({"ratios": {"of another size": 3.0}}))
    found = scaled(found, 2.0)
    guard.record(path, found)
    kept = guard.recorded(path)
    assert kept["of another size"] == 3.0
    assert {name: pytest.approx(value, rel=1e-3) for name, value in guard.ratios(found).items()} == {
        name: value for name, value in kept.items() if name != "of another size"
    }
    path.write_text("[1]")
    with pytest.raises(InputError, match="recorded"):
        guard.recorded(path)
    with pytest.raises(InputError, match="no such file"):
        guard.recorded(tmp_path / "nowhere.json")


def test_recorded_ratios_of_the_repository_are_ratios():
    kept = guard.recorded(BENCHMARKS / "recorded.json")
    assert kept
    assert all(np.isfinite(value) and value > 0 for value in kept.values())


def test_limits_say_what_was_missed(found):
    """A limit is found at its size, on networks that are made, and only where two threads count."""
    large = scaled(found, 2.0)
    rung = large["rungs"][0]
    rung["size"] = report.MILLION
    core = next(row for row in rung["weeks"] if (row["week"], row["threads"]) == ("core", 2))
    limit = report.LIMITS[0]
    for by_pair, verdict in ((1.39, "kept"), (1.41, "**missed**")):
        core["by_pair"] = by_pair
        assert limit.find(large) == by_pair
        assert report._limit(limit, large)[-1] == verdict
    rung["triad_scales"]["2"] = 1.5
    assert limit.find(large) is None
    assert report._limit(limit, large)[-1] == "not measured, or not quiet"


def test_figures_draw(found, tmp_path):
    files = figures.draw_bench(found, tmp_path)
    assert sorted(path.name for path in files) == ["roofline.png", "roofline.svg", "scaling.png", "scaling.svg"]
    ax = figures.scaling(found)
    assert {line.get_linestyle() for line in ax.lines} == {"-", "--"}
    assert len(ax.lines) == 4  # the core, every mechanism, the pair, one peer


# -- the command --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sizes", "1e3"], "not a list of whole numbers"),
        (["--sizes", "20"], "--sizes = 20 is below 200"),
        (["--threads", "2"], "must have 1"),
        (["--networks", "lokal"], "Did you mean 'local'"),
        (["--record"], "needs --recorded"),
        (["--recorded", "nowhere.json"], "no such file"),
        (["--peers", "nowhere"], "no Python package"),
    ],
)
def test_command_refuses_bad_input_in_a_line(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["bench", "--quick", *words])
    assert done.exit_code == BAD_INPUT
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@compiled
def test_command_writes_table_json_and_pictures(tmp_path, monkeypatch):
    """In small, recorded first and compared then; the second prints JSON."""
    monkeypatch.setattr(ladder, "QUICK", {"networks": ("local",), "sizes": (N,), "repeats": 1, "entries": 10_000})
    words = ["bench", "--quick", "--threads", "1", "--recorded", str(tmp_path / "r.json"), "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(app, [*words, "--record"])
    assert first.exit_code == 0, first.stderr
    assert "## Limits" in first.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "bench.md", "bench.json", "scaling.svg", "scaling.png", "roofline.svg", "roofline.png"
    }  # fmt: skip
    second = CliRunner().invoke(app, [*words, "--json", "--no-figures"])
    assert second.exit_code == 0, second.stderr
    assert set(json.loads(second.stdout)["ratios"]) == set(guard.recorded(tmp_path / "r.json"))


# -- start-up -----------------------------------------------------------------------------------------------------------------------------


@compiled
def test_second_process_compiles_nothing(tmp_path):
    """Every mechanism for sixteen weeks: each kernel compiled for one kind of argument, and read from the cache by the next process."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(smbsim.__file__).parents[1])}
    first, second = (startup.process(startup.SMALL, startup.LONG_ENOUGH, environment) for _ in range(2))
    assert first["twice"] == []
    assert first["compiled"] == first["used"] > 60
    assert (second["compiled"], second["cached"]) == (0, second["used"]), "kernels within kernels come with these"


@compiled
@pytest.mark.long
def test_compile_cache_works_where_the_package_cannot_be_written(tmp_path):
    """As installed for all users: the cache goes to the home, or where that cannot be written either, to a temporary folder."""
    for name, second in startup.installed(tmp_path).items():
        assert second["package"].startswith(str(tmp_path)), name
        assert second["compiled"] == 0, name
        assert second["cached"] > 30, name
    assert list((tmp_path / "home home").rglob("*.nbi"))
    assert list((tmp_path / "nothing tmp").rglob("*.nbi"))


def test_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="unknown key"):
        startup.process({"modle": "closed"})
