"""Scenarios: what a file may say, every message for what it may not, merging, presets, and that nothing is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smbsim import describe
from smbsim import scenario as scenarios
from smbsim.interventions.shocks import DemandShock
from smbsim.mechanisms.orders import PRESETS as ORDERS
from smbsim.mechanisms.orders import Orders
from smbsim.scenario import MECHANISMS, Scenario, load, override, schema
from smbsim.scenario_files import packaged
from smbsim.schema import InputError

ROOT = Path(__file__).resolve().parents[1]
ORDER_KEYS = "preset, forecast_speed, stock_adjustment, inventory_adjustment, supply_line_weight, input_cover_weeks, finished_cover_weeks"
KINDS = (
    "demand, preference, capacity, supply, plant_closure, labour, removal, import_stop, import_price, wage, cost, credit_crunch, "
    "technology, policy_withdrawal"
)
TOP_KEYS = (
    "name, description, sources, economy, model, population, reconstruct, network, horizon, production, orders, trade, market, costs, "
    "finance, labour, households, government, foreign, passthrough, credit, exits, sourcing, entry, strategy, mergers, skills, automation, "
    "platforms, shocks, policies, "
    "variants, runs, output, extends"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str | bytes, name: str = "s.yaml") -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


def read(text: str, *overrides: str) -> Scenario:
    return load(write(text), overrides)


def complaints(text: str | bytes, *overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(write(text), overrides)
    return list(caught.value.lines)


# -- what a file says -----------------------------------------------------------------------------------------------------------------


def test_empty_sections_give_the_defaults(folder):
    assert read("name: x\npopulation: {}\n") == load({"name": "x"})
    assert read('{\n\t"name": "x"}') == load({"name": "x"}), "JSON goes through the same reader"


def test_mechanisms_carry_the_numbers_of_the_file_in_a_fixed_order(folder):
    s = read("orders: {stock_adjustment: 0.2}\nproduction: {rule: linear}")
    assert [m.name for m in s.mechanisms] == [m.name for m in MECHANISMS]
    assert (s.mechanisms[0].rule, s.mechanisms[1].stock_adjustment) == ("linear", 0.2)


def test_yaml_is_version_1_2(folder):
    """`NO` is text, 1e-3 is a number, and a date is text."""
    s = read("name: NO\ndescription: 2024-01-01\norders: {forecast_speed: 1e-3}")
    assert (s.name, s.description, s.orders.forecast_speed) == ("NO", "2024-01-01", 0.001)


def test_one_name_may_stand_for_a_list_of_one(folder):
    one, many = (read(f"shocks: [{{kind: demand, start: 1, size: 0.1, target: {{sector: {t}}}}}]") for t in ('"72"', '["72"]'))
    assert one == many
    assert one.shocks[0].target.sector == ("72",)


# -- presets --------------------------------------------------------------------------------------------------------------------------


def test_presets_fill_only_what_is_left_open(folder):
    s = read("model: leontief\nproduction: {rule: half_critical}\norders: {forecast_speed: 0.5}")
    assert (s.production.rule, s.production.breakdown_hazard, s.households.enabled) == ("half_critical", 0.0, False)
    assert s.orders == Orders(preset="lot_for_lot", forecast_speed=0.5)
    assert load({"model": "ario"}) == load({"model": "ario", "households": {"enabled": False}})
    assert load({"model": "closed"}) == load({})


def test_changing_a_preset_takes_back_what_the_old_one_filled():
    leontief = load({"model": "leontief", "orders": {"supply_line_weight": 0.5}})
    assert leontief.with_({"model": "closed"}) == load({"orders": {"supply_line_weight": 0.5}})
    sterman = load({"orders": {"preset": "sterman"}})
    assert override(sterman, "orders.preset=lot_for_lot").orders.forecast_speed == ORDERS["lot_for_lot"]["forecast_speed"]


# -- merging --------------------------------------------------------------------------------------------------------------------------


def test_extends_merges_mappings_and_replaces_lists(folder):
    write("name: base\nsources: [a, b]\norders: {stock_adjustment: 0.2, forecast_speed: 0.3}", "base.yaml")
    s = read("extends: base.yaml\nsources: [c]\norders: {forecast_speed: 0.4}")
    assert (s.name, s.sources, s.orders.stock_adjustment, s.orders.forecast_speed) == ("base", ("c",), 0.2, 0.4)


def test_plus_appends_and_minus_removes(folder):
    write("sources: [a, b]\norders: {preset: sterman, stock_adjustment: 0.2}\nshocks: [{kind: demand, start: 1, size: 0.1}]", "base.yaml")
    s = read("extends: base.yaml\nsources-: [a]\nsources+: [c]\norders-: [preset]\nshocks+: [{kind: removal, start: 2}]")
    assert s.sources == ("b", "c")
    assert (s.orders.preset, s.orders.stock_adjustment) == ("damped", 0.2)
    assert [shock.kind for shock in s.shocks] == ["demand", "removal"]


def test_extends_works_over_several_files_folders_and_packaged_names(folder):
    write("extends: baseline\nname: c", "sub/deeper/c.yaml")
    write("extends: deeper/c.yaml\ndescription: b", "sub/b.yaml")
    s = read("extends: sub/b.yaml\nhorizon: {weeks: 10}")
    assert (s.name, s.description, s.horizon.weeks, s.horizon.burn_in) == ("c", "b", 10, load("baseline").horizon.burn_in)
    assert load({"extends": "baseline", "name": "d"}).name == "d"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("shocks+: 5", "s.yaml:1 shocks+ = 5 is not a list"),
        ("name: x\nname+: [y]", "s.yaml:2 name+: 'name' is not a list"),
        ("sources-: [x]", "s.yaml:1 sources-: \"x\" is not in 'sources'"),
        ("orders-: [nothing]", "s.yaml:1 orders-: \"nothing\" is not in 'orders'"),
    ],
)
def test_merging_mistakes_are_named(folder, text, line):
    assert complaints(text) == [line]


# -- overrides and changes ------------------------------------------------------------------------------------------------------------


def test_overrides_come_last_and_before_presets(folder):
    text = "model: leontief\norders: {stock_adjustment: 0.1}\nshocks: [{kind: demand, start: 1, size: 0.1}]"
    s = read(text, "orders.stock_adjustment=0.3", "model=closed", "shocks[0].size=0.9", "shocks+=[{kind: removal, start: 3}]")
    assert (s.orders.stock_adjustment, s.orders.preset, s.households.enabled) == (0.3, "damped", True)
    assert [(x.kind, x.size) for x in s.shocks] == [("demand", 0.9), ("removal", 1.0)]
    assert override(load({}), "orders.stock_adjustment = 0.3", "name=x") == load({"name": "x", "orders": {"stock_adjustment": 0.3}})


def test_override_mistakes_are_named_all_at_once(folder):
    lines = complaints(
        "name: x",
        "name",
        "orders.x=1",
        "shocks[0].size=1",
        "name.first=1",
        "orders.forecast_speed=.inf",
        "sources=[a",
        "orders.preset=sterma",
    )
    assert lines == [
        "--set name: write section.key=value",
        "--set shocks[0].size: there is no such place",
        "--set name.first: there is no such place",
        "--set orders.forecast_speed = .inf is not a finite number",
        "--set is not valid YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
        "--set orders.preset = \"sterma\" is not valid. Did you mean 'sterman'? Valid: damped, sterman, lot_for_lot.",
        f"--set orders: unknown key 'x'. Valid: {ORDER_KEYS}.",
    ]


def test_with_returns_a_new_scenario():
    base = load({"name": "base"})
    shock = DemandShock(start=3, size=0.2, target={"sector": "72"})
    changed = base.with_(shock, {"orders.stock_adjustment": 0.2}, population={"smbs": 50}, orders=Orders(forecast_speed=0.9))
    assert changed.shocks == (shock,)
    assert (changed.population.smbs, changed.orders.forecast_speed) == (50, 0.9)
    assert changed.with_(shock).shocks == (shock, shock)
    assert base == load({"name": "base"})
    with pytest.raises(InputError, match=r"^orders.stock_adjustment = 3 is outside \[0, 2\] 1/wk$"):
        base.with_({"orders.stock_adjustment": 3})
    with pytest.raises(InputError, match=r"^a scenario cannot hold complex \"1j\"$"):
        base.with_(name=1j)


# -- variants -------------------------------------------------------------------------------------------------------------------------

WITH_VARIANTS = """
shocks: [{kind: demand, start: 1, size: 0.1}]
variants:
  worse: {shocks: [{kind: demand, start: 1, size: 0.5}]}
  longer: {"shocks+": [{kind: removal, start: 2}], orders: {preset: sterman}}
"""


def test_variants_are_resolved_beside_a_baseline_without_interventions(folder):
    s = read(WITH_VARIANTS)
    found = s.all_variants()
    assert list(found) == ["baseline", "scenario", "worse", "longer"]
    assert [[shock.size for shock in v.shocks] for v in found.values()] == [[], [0.1], [0.5], [0.1, 1.0]]
    assert [v.orders.preset for v in found.values()] == ["damped", "damped", "damped", "sterman"]
    assert not any(v.variants for v in found.values())
    assert list(s.all_variants(baseline=False)) == ["scenario", "worse", "longer"]
    assert list(load({}).all_variants()) == ["baseline"]
    assert list(load({}).all_variants(baseline=False)) == ["baseline"], "a file without interventions is its own baseline"


def test_mistakes_in_variants_are_found_on_loading(folder):
    lines = complaints(
        "shocks: [{kind: demand, start: 1, size: 2}]\nvariants:\n  baseline: {}\n  a: {orders: {x: 1}}\n  b: {runs: {seed: 2}}\n  c: 5"
    )
    assert lines == [
        "s.yaml:1 shocks[0].size = 2 is outside [-1, 1]",
        "s.yaml:6 variants.c = 5 is not a section (key: value)",
        "s.yaml:3 variants: 'baseline' is the name of a run that is made by itself; choose another",
        f"s.yaml:4 orders: unknown key 'x'. Valid: {ORDER_KEYS}.",
        "s.yaml:5 variants.b: 'runs' cannot differ between variants",
    ]


# -- values that are refused ----------------------------------------------------------------------------------------------------------

SHOCK = "shocks: [{{kind: demand, start: 1, size: 0.2, {}}}]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("orders: {stock_adjustment: '0.05'}", 's.yaml:1 orders.stock_adjustment = "0.05" is not a number; allowed: [0, 2] 1/wk'),
        ("orders:\n  stock_adjustment: true", "s.yaml:2 orders.stock_adjustment = true is not a number; allowed: [0, 2] 1/wk"),
        ("orders: {stock_adjustment: .inf}", "s.yaml:1 orders.stock_adjustment = .inf is not a finite number"),
        ("orders: {stock_adjustment: .NaN}", "s.yaml:1 orders.stock_adjustment = .NaN is not a finite number"),
        ("population: {smbs: .inf}", "s.yaml:1 population.smbs = .inf is not a finite number"),
        ("orders: {stock_adjustment: 3}", "s.yaml:1 orders.stock_adjustment = 3 is outside [0, 2] 1/wk"),
        ("orders: {stock_adjustment: null}", "s.yaml:1 orders.stock_adjustment = null is not a number; allowed: [0, 2] 1/wk"),
        ("orders: 5", "s.yaml:1 orders = 5 is not a section (key: value)"),
        ("orders: {x: 1}", f"s.yaml:1 orders: unknown key 'x'. Valid: {ORDER_KEYS}."),
        (
            "orders:\n  preset: damped\n  stock_ajustment: 1",
            f"s.yaml:3 orders: unknown key 'stock_ajustment'. Did you mean 'stock_adjustment'? Valid: {ORDER_KEYS}.",
        ),
        ("name: x\nshoks: []", f"s.yaml:2 unknown key 'shoks'. Did you mean 'shocks'? Valid: {TOP_KEYS}."),
        (
            "model: ariot",
            "s.yaml:1 model = \"ariot\" is not valid. Did you mean 'ario'? Valid: leontief, ario, closed, money, work, life, people.",
        ),
        ("market: {enabled: 1}", "s.yaml:1 market.enabled = 1 is not true or false"),
        ("credit: {enabled: true}", "s.yaml:1 credit.enabled = true needs finance.enabled = true"),
        ("population: {smbs: 0}", "s.yaml:1 population.smbs = 0 is outside [1, inf) firms"),
        ("population: {smbs: 20.5}", "s.yaml:1 population.smbs = 20.5 is not a whole number; allowed: [1, inf) firms"),
        ("population: {smbs: null}", "s.yaml:1 population.smbs = null needs network"),
        ("population: {region_weights: [1, 2]}", "s.yaml:1 population: region_weights has 2 entries for 4 regions"),
        ("population: {regions: 1, region_weights: [0]}", "s.yaml:1 population: region_weights must have a sum above 0"),
        ("households: {enabled: 'no'}", 's.yaml:1 households.enabled = "no" is not true or false'),
        ("output: {bands: [5, 101]}", "s.yaml:1 output.bands[1] = 101 is outside [0, 100] percent"),
        ("sources: none", 's.yaml:1 sources = "none" is not a list'),
        ("name: 2022", 's.yaml:1 name = 2022 is not text; write "2022"'),
        ("shocks: [{kind: demnd, start: 1}]", f"s.yaml:1 shocks[0].kind = \"demnd\" is not valid. Did you mean 'demand'? Valid: {KINDS}."),
        ("shocks:\n  - {start: 1}", f"s.yaml:2 shocks[0]: 'kind' is missing. Valid: {KINDS}."),
        ("shocks: [{kind: demand, size: 0.1}]", "s.yaml:1 shocks[0]: 'start' is missing"),
        (SHOCK.format("stop: 1"), "s.yaml:1 shocks[0]: start 1 is not before stop 1"),
        (SHOCK.format("target: {sector: 44}"), 's.yaml:1 shocks[0].target.sector[0] = 44 is not text; write "44"'),
        (SHOCK.format("target: {sector: [0x2c]}"), 's.yaml:1 shocks[0].target.sector[0] = 44 is not text; write "0x2c"'),
        (SHOCK.format("target: {size: tiny}"), 's.yaml:1 shocks[0].target.size[0] = "tiny" is not valid. Valid: micro, small, medium.'),
        (SHOCK.format("target: {share: 1.5}"), "s.yaml:1 shocks[0].target.share = 1.5 is outside [0, 1]"),
        (SHOCK.format("target: {draw: 1}"), "s.yaml:1 shocks[0].target: draw belongs to share"),
        (
            "horizon: {weeks: 10}\nshocks: [{kind: removal, start: 10}]",
            "s.yaml:2 shocks[0].start = 10 is after the last week 9: it would never act",
        ),
        ("network: {firms: s.yaml}", "s.yaml:1 network: give firms and links, or graphml; given: firms"),
        (
            "population: {smbs: 5}\nnetwork: {graphml: s.yaml}",
            "s.yaml:1 population.smbs and network exclude each other: the files say which firms there are",
        ),
        ("runs: {seed: -1}", "s.yaml:1 runs.seed = -1 is outside [0, 9.22337e+18]"),
    ],
)
def test_each_mistake_is_told_in_one_line(folder, text, line):
    assert complaints(text) == [line]


def test_stop_may_lie_beyond_the_horizon(folder):
    assert read("horizon: {weeks: 10}\nshocks: [{kind: removal, start: 9, stop: 500}]").shocks[0].stop == 500


def test_all_mistakes_come_at_once_each_with_the_line_of_its_own_file(folder):
    write("name: base\norders: {stock_adjustment: 9}\ntrade: {local_lead: 0}", "base.yaml")
    assert complaints("extends: base.yaml\neconomy: nowhere\nfinance:\n  loan_rate: 2\n  hazard: 1") == [
        's.yaml:2 economy = "nowhere" is neither a packaged economy nor a folder. Valid: us_2022.',
        "base.yaml:2 orders.stock_adjustment = 9 is outside [0, 2] 1/wk",
        "base.yaml:3 trade.local_lead = 0 is outside [1, 26] wk",
        "s.yaml:4 finance.loan_rate = 2 is outside [0, 1] share/yr",
        "s.yaml:5 finance: unknown key 'hazard'. Valid: " + ", ".join(type(load({}).finance).model_fields) + ".",
    ]


def test_more_firms_than_memory_holds_are_refused_before_anything_is_allocated(folder, monkeypatch):
    monkeypatch.setattr(scenarios, "available_memory", lambda: 10**9)
    per_firm = load({"population": {"smbs": 1000}}).memory / 1000
    assert complaints("population:\n  smbs: 100000000000") == [
        f"s.yaml:2 population.smbs = 100000000000 needs about {per_firm * 1e11 / 1e9:.3g} GB of memory; 1 GB can be had, "
        f"enough for {int(1e9 / per_firm)} firms"
    ]
    monkeypatch.setattr(scenarios, "available_memory", lambda: None)
    assert load({"population": {"smbs": 10**11}}).population.smbs == 10**11, "where the system does not say, nothing is refused"


def test_memory_grows_with_firms_and_with_links():
    small, large = (load({"population": {"smbs": n}}).memory for n in (2000, 20_000))
    assert large == pytest.approx(10 * small, rel=1e-6)
    assert 2_000 < small / 2000 < 20_000, "bytes per firm; 3 KB were measured at the peak of a million firms with ten links each"
    assert load({"reconstruct": {"draws_per_slot": 30.0}}).memory > small


# -- texts that are refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x 1\nb: *x", "s.yaml:1 aliases and anchors (*x, &x) are not allowed"),
        ("b: *x", "s.yaml:1 aliases and anchors (*x, &x) are not allowed"),
        ("name: !!str 5", "s.yaml:1 tags (tag:yaml.org,2002:str) are not allowed"),
        ("name: !python/object 5", "s.yaml:1 tags (!python/object) are not allowed"),
        ("# x\n%YAML 1.1\n---\nname: x", "s.yaml:2 directives (%…) are not allowed"),
        ("name: x\norders: {preset: damped}\nname: y", "s.yaml:3 name is there already, in s.yaml:1"),
        ("orders:\n  preset: damped\n  preset: sterman", "s.yaml:3 orders.preset is there already, in s.yaml:2"),
        ("? [1, 2]\n: 3", "s.yaml:1 the file: a key must be text"),
        ("[" * 30, "s.yaml:1 is nested deeper than 20 levels"),
        ("a: [" + "1," * 12_000 + "]", "s.yaml:1 has more than 10000 values before it"),
        ("a: [1", "s.yaml:1 is not valid YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'"),
        (
            "a: 1\n---\nb: 2",
            "s.yaml:2 is not valid YAML: expected a single document in the stream but found another document",
        ),
        ("a: \x00", "s.yaml is not valid YAML: unacceptable character #x0000: special characters are not allowed"),
        (b"a: \xff", "s.yaml is not UTF-8 text: byte 3 is 0xff"),
        (b"#" * (256 * 1024 + 1), "s.yaml is larger than 256 KB"),
        ("", "s.yaml:1 null is not a scenario: sections of key: value are expected"),
        ("- 1\n- 2", "s.yaml:1 [1, 2] is not a scenario: sections of key: value are expected"),
        ("runs: {seed: " + "9" * 5000 + "}", "s.yaml:1 runs.seed = " + "9" * 78 + " is not a finite number"),
    ],
)
def test_hostile_or_broken_text_is_refused_in_one_line(folder, text, line):
    assert complaints(text) == [line]


# -- paths ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("economy: ../outside", 's.yaml:1 economy = "../outside" is outside the folder of the file'),
        ("economy: /etc", 's.yaml:1 economy = "/etc" is outside the folder of the file'),
        (
            "economy: us_2023",
            "s.yaml:1 economy = \"us_2023\" is neither a packaged economy nor a folder. Did you mean 'us_2022'? Valid: us_2022.",
        ),
        ("economy: 5", "s.yaml:1 economy = 5 is not text"),
        ('economy: "a\\0b"', 's.yaml:1 economy = "a\\u0000b" is neither a packaged economy nor a folder. Valid: us_2022.'),
        ("network: {graphml: missing.graphml}", 's.yaml:1 network.graphml = "missing.graphml" is not a file'),
        ("network: {graphml: link.graphml}", 's.yaml:1 network.graphml = "link.graphml" is outside the folder of the file'),
        ("variants: {a: {network: {graphml: ../x}}}", 's.yaml:1 network.graphml = "../x" is outside the folder of the file'),
        ("extends: ../x.yaml", 's.yaml:1 extends = "../x.yaml" is outside the folder of the file'),
        ("extends: x.yaml", 's.yaml:1 extends = "x.yaml" is not a file'),
        ("extends: [a]", 's.yaml:1 extends = ["a"] is not text'),
        ("extends: s.yaml", 's.yaml:1 extends = "s.yaml" leads back to a file that extends it'),
        ("extends: broken.yaml", "broken.yaml:1 tags (!x) are not allowed"),
    ],
)
def test_paths_stay_under_the_folder_of_the_file(folder, monkeypatch, text, line):
    (folder / "inside").mkdir()
    outside = folder / "secret.graphml"
    outside.write_text("x")
    write("a: !x 1", "inside/broken.yaml")
    (folder / "inside" / "link.graphml").symlink_to(outside)
    monkeypatch.chdir(folder / "inside")
    assert complaints(text) == [line]


def test_extends_may_not_go_round_through_several_files(folder):
    write("extends: b.yaml", "a.yaml")
    write("extends: s.yaml", "b.yaml")
    assert complaints("extends: a.yaml") == ['b.yaml:1 extends = "s.yaml" leads back to a file that extends it']


def test_paths_are_meant_from_the_file_that_names_them(folder):
    write("x", "sub/net.graphml")
    write("network: {graphml: net.graphml}", "sub/base.yaml")
    s = read("extends: sub/base.yaml")
    assert s.network.graphml == str(folder / "sub" / "net.graphml")
    assert s.population.smbs is None
    assert load(s.dump()) == s


def test_a_missing_file_and_an_unknown_name_are_told(folder):
    for source, line in (
        ("no.yaml", "no.yaml does not exist"),
        (".", ". is not a file"),
        ("demand_shok", f"there is no packaged scenario 'demand_shok'. Did you mean 'demand_shock'? Valid: {', '.join(packaged())}."),
    ):
        with pytest.raises(InputError) as caught:
            load(source)
        assert caught.value.lines == (line,)


def test_the_economy_of_the_command_line_may_be_anywhere(folder):
    assert load(write("name: x"), economy="elsewhere").economy == str(folder / "elsewhere")
    assert load(write("name: x\neconomy: us_2022"), economy="us_2022").economy == "us_2022"


# -- nothing is lost ------------------------------------------------------------------------------------------------------------------

share = st.floats(0, 1)
weeks = st.integers(0, 50)
target = st.fixed_dictionaries(
    {},
    optional={
        "sector": st.lists(st.sampled_from(["44", "72"]), min_size=1),
        "size": st.just(["micro"]),
        "share": share,
        "largest": st.just(3),
    },
)
window = st.one_of(
    st.fixed_dictionaries({"start": weeks}),
    st.fixed_dictionaries({"start": weeks, "stop": st.integers(51, 90), "profile": st.sampled_from(["step", "ramp"]), "recovery": weeks}),
    st.fixed_dictionaries({"start": weeks, "profile": st.just("decay"), "tau": st.floats(0.1, 99)}),
    st.fixed_dictionaries({"start": weeks, "profile": st.just("ar1"), "rho": share, "stop": st.just(70)}),
)
shock = st.builds(
    lambda kind, size, when, whom: {"kind": kind, "size": size, **when, "target": whom},
    st.sampled_from(["demand", "preference", "capacity", "supply", "labour", "removal"]), share, window, target,
)  # fmt: skip
partial = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=5),
        "model": st.sampled_from(["leontief", "ario", "closed"]),
        "population": st.fixed_dictionaries({"smbs": st.integers(1, 10_000), "regions": st.integers(1, 9)}),
        "orders": st.fixed_dictionaries({}, optional={"preset": st.sampled_from([*ORDERS]), "stock_adjustment": st.floats(0, 2)}),
        "production": st.fixed_dictionaries({}, optional={"breakdown_hazard": share, "repair_weeks": st.integers(1, 52)}),
        "trade": st.fixed_dictionaries({"local_lead": st.integers(1, 26), "import_lead": st.integers(1, 52)}),
        "finance": st.fixed_dictionaries({"cash_days": st.none() | st.floats(0, 365)}),
        "shocks": st.lists(shock, max_size=3),
    },
)
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FAST
@given(partial, st.dictionaries(st.sampled_from(["a", "b"]), partial, max_size=2))
def test_a_dumped_scenario_loads_to_the_same(data, variants):
    s = load({**data, "variants": variants, "horizon": {"weeks": 100}})
    again = load(json.loads(json.dumps(s.dump())))
    assert again == s
    assert hash(again) == hash(s)
    assert again.hash8 == s.hash8
    assert again.all_variants() == s.all_variants()


@FAST
@given(partial, partial)
def test_a_file_on_top_of_another_is_the_same_as_changes_on_a_scenario(base, over):
    assert load(base).with_(**over) == load({**base}).with_(over)


def test_hash_follows_content_not_the_order_of_keys_or_the_place_of_files(folder):
    first = read("name: x\norders: {stock_adjustment: 0.2, forecast_speed: 0.1}")
    second = read("orders: {forecast_speed: 0.1, stock_adjustment: 0.2}\nname: x")
    assert first.hash8 == second.hash8
    assert len(first.hash8) == 8
    assert first.hash8 != first.with_({"orders.forecast_speed": 0.11}).hash8
    places = []
    for place, content in (("one", "a"), ("two", "a"), ("three", "b")):
        write(content, f"{place}/n.graphml")
        places.append(load(write("network: {graphml: n.graphml}", f"{place}/s.yaml")).hash8)
    assert places[0] == places[1] != places[2], "the bytes of a network file count, not where it is"


def test_hash_follows_the_code(monkeypatch):
    before = load({}).hash8
    monkeypatch.setattr(scenarios, "code_digest", lambda: "other code")
    assert load({}).hash8 != before


def test_a_scenario_built_without_a_file_keeps_what_it_was_given():
    shock = DemandShock(start=3, size=0.2)
    s = Scenario(name="x", orders=Orders(forecast_speed=0.5), shocks=(shock,))
    assert s.with_(shock).with_(name="y") == load({"name": "y", "orders": {"forecast_speed": 0.5}, "shocks": [shock, shock]})
    assert load(s.dump()) == s


def test_scenarios_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load({}).name = "y"


# -- the schema and the packaged files ------------------------------------------------------------------------------------------------


def test_schema_declares_every_key_with_unit_bounds_and_source():
    found = schema()
    assert {*TOP_KEYS.split(", "), "shocks+", "shocks-", "sources+"} <= set(found["properties"])
    assert found["additionalProperties"] is False
    speed = found["$defs"]["Orders"]["properties"]["forecast_speed"]
    assert (speed["unit"], speed["minimum"], speed["maximum"]) == ("1/wk", 0.001, 1)
    assert speed["source"]
    variant = found["$defs"]["Variant"]["properties"]
    assert "shocks+" in variant
    assert "runs" not in variant
    sector = found["$defs"]["Target"]["properties"]["sector"]["anyOf"]
    assert [option["type"] for option in sector] == ["string", "array", "null"], "one name or a list"
    references = {part.split('"')[0] for part in json.dumps(found).split("#/$defs/")[1:]}
    assert references <= set(found["$defs"])


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_packaged_scenario_says_its_question_and_its_sources(path, monkeypatch):
    monkeypatch.setattr(scenarios, "available_memory", lambda: None)
    s = load(path)
    assert path.read_text().startswith("# ")
    assert "?" in s.description
    assert s.sources
    assert s.economy == "us_2022"
    assert load(s.dump()) == s
    named, here = load(path.stem).dump(), s.dump()
    if s.network is not None:  # an installed copy has its files elsewhere
        assert [Path(f).name for f in named.pop("network").values() if f] == [Path(f).name for f in here.pop("network").values() if f]
    assert named == here


def test_scenario_too_large_for_this_machine_can_be_read_and_not_run(monkeypatch):
    monkeypatch.setattr(scenarios, "available_memory", lambda: 10**9)
    assert load("united_states", anywhere=True).population.smbs > 6e6
    assert {"united_states", "baseline"} <= {entry.name for entry in describe.entries() if entry.kind == "scenario"}
    with pytest.raises(InputError, match=r"united_states.yaml:\d+ population.smbs = \d+ needs about 1\d"):
        load("united_states")


def test_the_packaged_scenarios_are_those_promised():
    assert {"baseline", "demand_shock", "plant_closure", "import_stop", "local_network_from_files"} <= set(packaged())
