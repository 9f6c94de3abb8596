"""What must not matter does not: threads, the order of rows, firms that have nothing to do with anybody, shocks of no size, spare capacity,
parameters that are not used, runs beside each other, copies. Bit for bit unless a tolerance is stated (MODEL.md 6, R22 and R23).
"""

from __future__ import annotations

import pickle

import models
import numpy as np
import pytest
from hypothesis import given, reject, settings
from strategies import REPEATABLE, cases, disturb

from smbsim import kernel, scenario, simulate
from smbsim.interventions import policies as policy
from smbsim.interventions.policy import Regional
from smbsim.interventions.shocks import KINDS
from smbsim.mechanisms.base import Step
from smbsim.schema import InputError
from smbsim.state import STRUCTURE, TABLES

WEEKS = 30
LIVELY_WEEKS = 24
NOISE = {"breakdown_hazard": 0.05, "repair_weeks": 2}
BOOKS = {  # of policies: table, column → default
    (TABLES[column.axis], column.name): column.default
    for column in (*STRUCTURE, *(column for mechanism in scenario.MECHANISMS for column in mechanism.columns))
    if "policy" in (column.axis, column.width)
}
LIFE = scenario.load({**models.LIVELY, "shocks": list(models.CRISIS), "policies": list(models.HELP)})
IMPORTS = ("import_stop", "import_price")
OF_ECONOMY = [kind for kind, of in KINDS.items() if "policy" not in of.model_fields]  # what is about a policy: test_technology_policies
ANYWHERE = [kind for kind in OF_ECONOMY if not KINDS[kind].needs]  # what acts on credit is looked at in test_policies
SHOCKS = [
    {"kind": "demand", "start": 2, "stop": 12, "size": 0.4, "target": {"share": 0.5}, "recovery": 4},
    {"kind": "preference", "start": 4, "stop": 20, "size": 0.5, "target": {"share": 0.3}},
    {"kind": "capacity", "start": 5, "stop": 9, "size": 0.8, "target": {"largest": 12, "kind": "smb"}},
    {"kind": "labour", "start": 6, "size": 0.3, "target": {"size": "micro", "share": 0.5, "draw": 2}, "profile": "ar1", "rho": 0.7},
    {"kind": "import_stop", "start": 3, "stop": 18, "size": 0.7, "target": {"sector": "33"}, "profile": "ramp"},
    {"kind": "import_price", "start": 8, "size": 0.5, "profile": "decay", "tau": 10.0},
    {"kind": "removal", "start": 15, "stop": 22, "target": {"largest": 2, "sector": "32"}},
]


def economy(shocks=SHOCKS, threads: int = 1, seed: int = 1, production=NOISE, **sections):
    """The disturbed, noisy and shocked economy that most tests run."""
    state, plan, draws = models.miniature(120, 3, seed, threads, shocks=list(shocks), production=production, **sections)
    disturb(state, 1)
    return state, plan, draws


def weeks(state, plan, draws, start: int = 0, stop: int = WEEKS, look=models.columns) -> list[dict]:
    """Every column of every table after each week."""
    return models.advance(state, plan, draws, start, stop, look)


def by_name(state, without=()) -> dict:
    """Every column, rows in the order of who they are (uids), numbers of rows replaced by uids; firms with the uids `without` left out."""
    uid, slots, links = state.firms.uid, state.slots, state.links
    firms = np.argsort(uid)
    rows = {
        "firms": firms[~np.isin(uid[firms], without)],
        "slots": np.lexsort((slots.group, uid[slots.customer])),
        "links": np.lexsort((uid[links.supplier], slots.group[links.slot], uid[links.buyer])),
    }
    found = models.columns(state)
    for place in (("slots", "customer"), ("links", "supplier"), ("links", "buyer")):
        found[place] = uid[found[place]]
    found["links", "slot"] = slots.group[links.slot]
    return {(table, name): values[rows[table]] if table in rows else values for (table, name), values in found.items()}


def assert_identical(one: list[dict], other: list[dict], without=()) -> None:
    """Bit for bit, in every week, but for the columns named."""
    for t, (a, b) in enumerate(zip(one, other, strict=True)):
        assert a.keys() == b.keys()
        differ = [place for place in a if place not in without and a[place].tobytes() != b[place].tobytes()]
        assert not differ, f"week {t}: {differ}"


def differs(one: list[dict], other: list[dict]) -> bool:
    return any(a["firms", "output"].tobytes() != b["firms", "output"].tobytes() for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def reference():
    """The economy on one thread."""
    return weeks(*economy())


# -- threads and rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threads", "blocks"), [(2, None), (2, 3), (2, 141), (1, 7), (3, 2)])
def test_threads_and_blocks_change_no_bit(reference, threads, blocks):
    """R22: every loop over links is a gather by the row that owns the result, so cutting the rows differently is the same arithmetic."""
    state, plan, draws = economy()
    state.set_threads(threads, blocks)
    assert_identical(reference, weeks(state, plan, draws))


@pytest.mark.parametrize("model", ["closed", "life"])
def test_sums_in_pieces_know_nothing_of_threads_and_agree_with_sums_in_one(monkeypatch, model):
    """Large networks are summed by supplier in pieces: the same bits for any threads, and the sums of one piece to rounding."""
    one = weeks(*economy(model=model), 0, 6)
    monkeypatch.setattr(kernel, "PIECES_FROM", 1)
    state, plan, draws = economy(model=model)
    assert len(state.pieces.blocks) == kernel.PIECES
    alone = weeks(state, plan, draws, 0, 6)
    state, plan, draws = economy(threads=3, model=model)
    assert_identical(alone, weeks(state, plan, draws, 0, 6))
    for name in ("demand", "cash", "output"):
        place = next(key for key in one[-1] if key[:2] == ("firms", name))
        assert np.allclose(one[-1][place], alone[-1][place], rtol=1e-9, atol=1e-9 * np.abs(one[-1][place]).max())
    assert differs(one, alone), "the pieces were not used"


def test_threads_change_no_bit_from_the_start_of_building(reference):
    assert_identical(reference, weeks(*economy(threads=2)))


def assert_close(found: list[dict], expected: list[dict], tolerance: float = 1e-12) -> None:
    """Numbers to the tolerance of the largest of their column, everything else exactly, in every week."""
    for t, (here, there) in enumerate(zip(found, expected, strict=True)):
        for place, wanted in there.items():
            assert here[place].shape == wanted.shape, f"week {t}: {place}"
            if wanted.dtype.kind == "f":
                size = np.abs(wanted).max(initial=0.0)
                assert np.allclose(here[place], wanted, rtol=tolerance, atol=tolerance * size), f"week {t}: {place}"
            else:
                assert np.array_equal(here[place], wanted), f"week {t}: {place}"


@pytest.mark.parametrize("order_seed", [1, 2])
def test_relabelled_firms_do_the_same(order_seed):
    """R22: firms in other rows, random targets and breakdowns keyed to uids; sums in another order, so to 1e-12 and not bit for bit."""
    state, plan, draws = economy()
    expected = weeks(state.copy(), plan, draws, look=by_name)
    state = state.relabelled(np.random.default_rng(order_seed).permutation(state.firms.n))
    plan = simulate.plan(scenario.load({"shocks": SHOCKS, "production": NOISE}), state, draws)  # targets as rows of this state
    assert_close(weeks(state, plan, draws, look=by_name), expected)


@pytest.mark.parametrize("where", ["before the plan", "after the plan"])
@pytest.mark.parametrize("firms", [1, 40])
def test_isolated_firm_changes_nobody(reference, where, firms):
    """R23: firms without links, output and customers, met by breakdowns and random targets like all, leave the others as they are."""
    state, plan, draws = economy()
    n = state.firms.n
    isolated = {"sector": np.arange(firms) % 21, "region": np.arange(firms) % 3, "labour_limit": np.full(firms, 1e300)}
    state.append_firms(**isolated)
    if where == "before the plan":
        plan = simulate.plan(scenario.load({"shocks": SHOCKS, "production": NOISE}), state, draws)
    found = weeks(state, plan, draws)
    assert any(week["firms", "downtime"][n:].any() for week in found) or firms == 1, "they do break down"
    for week in found:
        assert week["firms", "output"][n:].max() == 0.0
        assert week["firms", "cash"][n:].max() == 0.0
    others = [{(t, c): v[:n] if t == "firms" else v for (t, c), v in week.items()} for week in found]
    assert_identical(reference, others)


def test_isolated_firm_does_not_keep_customers_in_a_disliked_sector():
    """R23 where every firm with customers is hit: a firm that nobody buys from is no alternative, so its being there changes nothing."""
    shocks = [{"kind": "preference", "start": 1, "size": 0.5, "target": {"sector": "72"}}]
    state, plan, draws = economy(shocks)
    other, n = state.copy(), state.firms.n
    other.append_firms(sector=np.full(3, state.sector_codes.index("72")))  # after the plan: not among its targets
    found = [{(t, c): v[:n] if t == "firms" else v for (t, c), v in week.items()} for week in weeks(other, plan, draws)]
    assert_identical(weeks(state, plan, draws), found)


@settings(max_examples=20, **REPEATABLE)
@given(cases())
def test_random_scenarios_know_nothing_of_threads_blocks_and_isolated_firms(case):
    """R22 and R23 whatever the model, the parameters, the network, the shocks, the policies and the disturbance.

    Only where new firms come because there are many (agglomeration) an isolated one counts.
    """
    case.sections.get("entry", {}).pop("agglomeration", None)
    try:
        state, plan, draws = case.build()
    except InputError:
        reject()  # no resting accounts; what else can be wrong is seen in test_invariants
    other, blocks = state.copy(), 1 + case.seed % 20
    new = other.append_firms(sector=np.arange(5) + case.seed % 16, region=np.arange(5) % len(state.region_names))
    uids = other.firms.uid[new].copy()
    other.set_threads(2, blocks)
    found = weeks(other, plan, draws, 0, 15, lambda state: by_name(state, uids))
    assert_identical(weeks(state, plan, draws, 0, 15, by_name), found)


# -- where everything that can happen does ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def life():
    """Every column of an economy in which firms fail, merge and are founded, with shocks and policies, after each week."""
    return weeks(*models.lively(), stop=LIVELY_WEEKS, look=by_name)


def test_everything_happens(life):
    """What the tests below are about: closures of every cause but one at least, new firms, new and lost suppliers, loans, support."""
    firms = {name: [week["firms", name] for week in life] for name in ("exit_cause", "entered", "new_loans", "support", "layoffs", "price")}
    assert {1, 3, 4, 5} <= set(firms["exit_cause"][-1].tolist())
    for name in ("entered", "new_loans", "layoffs"):
        assert any(week.any() for week in firms[name]), name
    kinds = [policy.KINDS[p["kind"]] for p in models.HELP]
    giving = [of.spends and not issubclass(of, Regional) for of in kinds]
    assert np.all(firms["support"][-1].any(axis=0)[giving]), "all that give firms something have given it"
    assert len({week["links", "weight"].tobytes() for week in life}) > 10
    assert np.abs(np.log(firms["price"][-1])).max() > 0.05


@pytest.mark.parametrize(("threads", "blocks"), [(2, None), (3, 7)])
def test_threads_and_blocks_change_no_bit_of_life(life, threads, blocks):
    state, plan, draws = models.lively()
    state.set_threads(threads, blocks)
    assert_identical(life, weeks(state, plan, draws, stop=LIVELY_WEEKS, look=by_name))


def test_relabelled_firms_live_the_same(life):
    """Closures, entries, mergers and switches of suppliers are the same ones, and everything else is to 1e-12."""
    state, _, draws = models.lively()
    state = state.relabelled(np.random.default_rng(1).permutation(state.firms.n))
    plan = simulate.plan(LIFE, state, draws)
    assert_close(weeks(state, plan, draws, stop=LIVELY_WEEKS, look=by_name), life)


@pytest.mark.parametrize("where", ["before the plan", "after the plan"])
def test_isolated_firms_change_nobody_who_lives(life, where):
    """R23: firms without links, output and customers are chosen by nobody: not as supplier, model, target, peer or for a budget."""
    state, plan, draws = models.lively()
    new = state.append_firms(sector=np.arange(40) % 21, region=np.arange(40) % 3, labour_limit=np.full(40, 1e300))
    uids = state.firms.uid[new].copy()
    if where == "before the plan":
        plan = simulate.plan(LIFE, state, draws)
    assert_identical(life, weeks(state, plan, draws, stop=LIVELY_WEEKS, look=lambda state: by_name(state, uids)))


@pytest.mark.parametrize("copied", [lambda state: state.copy(), lambda state: pickle.loads(pickle.dumps(state))], ids=["copy", "pickle"])
def test_copy_in_the_middle_of_life_goes_on_identically(life, copied):
    """Entitlements, budgets, estates, strategies and the order of suppliers all stand in the state."""
    state, plan, draws = models.lively()
    models.advance(state, plan, draws, 0, LIVELY_WEEKS // 2)
    twin = copied(state)
    assert_identical(life[LIVELY_WEEKS // 2 :], weeks(twin, plan, draws, LIVELY_WEEKS // 2, LIVELY_WEEKS, by_name))


def test_interventions_of_no_size_change_no_bit_of_life():
    """All kinds of shocks and policies at once, each of size zero; only the books of the policies, all empty, are there."""
    shocks = [{"kind": kind, "start": 1, "size": 0.0, "target": {} if kind in IMPORTS else {"share": 0.5}} for kind in OF_ECONOMY]
    policies = [{"kind": kind, "start": 1, of.amount: 0.0} for kind, of in policy.KINDS.items()]
    plain, empty = (weeks(*models.lively(80, 2, shocks=s, policies=p), stop=15, look=by_name) for s, p in (((), ()), (shocks, policies)))
    assert any(week["firms", "entered"].any() for week in plain)
    assert_identical(plain, empty, set(BOOKS))
    for place in set(BOOKS) - {("firms", "entitled"), ("policies", "left")}:
        assert np.all(empty[-1][place] == BOOKS[place]), place


# -- shocks that do nothing -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet():
    return weeks(*economy(shocks=()))


@pytest.mark.parametrize("kind", ANYWHERE)
def test_shock_of_size_zero_changes_no_bit(quiet, kind):
    target = {} if kind in IMPORTS else {"share": 0.5}
    shocks = [{"kind": kind, "start": 3, "size": 0.0, "target": target}]
    assert_identical(quiet, weeks(*economy(shocks=shocks)))


@pytest.mark.parametrize("kind", ANYWHERE)
def test_shock_that_has_not_begun_changes_no_bit(quiet, kind):
    """A shock acts in start ≤ t < stop: until `start` the weeks are those without it, and in `start` they are not."""
    target = {} if kind in IMPORTS else {"share": 0.5}
    size = 3.0 if kind == "import_price" else 1.0
    found = weeks(*economy(shocks=[{"kind": kind, "start": 20, "size": size, "target": target}]))
    assert_identical(quiet[:20], found[:20])
    with pytest.raises(AssertionError, match="week 0"):
        assert_identical(quiet[20:], found[20:])


def test_shock_whose_window_is_over_is_as_none_from_then_on():
    """Two plans on one state after the window and its recovery: the shocked plan goes on as the quiet one."""
    shocks = [shock | {"stop": 6, "recovery": 2} for shock in SHOCKS if shock["start"] < 5]
    state, plan, draws = economy(shocks=shocks)
    models.advance(state, plan, draws, 0, 8)
    other = state.copy()
    plain = simulate.plan(scenario.load({"production": NOISE}), other, draws)
    assert_identical(weeks(state, plan, draws, 8), weeks(other, plain, draws, 8))


# -- parameters that do nothing -------------------------------------------------------------------------------------------------------

CAPACITY = {("firms", name) for name in ("capacity", "able_output", "available_output", "capital_coefficient")}


@pytest.mark.parametrize("utilisation", [0.4, 0.05])
def test_spare_capacity_changes_nothing_at_rest(utilisation):
    """Capacity that nobody needs has no price and no effect; only the columns that state it differ."""
    one, other = (models.miniature(100, 2, production={"breakdown_hazard": 0.0, "utilisation": u}) for u in (0.8, utilisation))
    assert_identical(weeks(*one), weeks(*other), without=CAPACITY)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("production", "scarcity", 0.2),  # of another rule
        ("production", "repair_weeks", 9),  # without breakdowns
        ("production", "emergency_premium", 3.0),  # nothing is missing
        ("production", "emergency_share", 0.0),
        ("production", "overtime_max", 1.9),  # all demand is met
        ("production", "overtime_time", 3.0),
        ("households", "income_share", 0.1),  # switched off
        ("households", "smoothing", 0.9),
    ],
)
def test_parameter_that_is_not_used_changes_no_bit(section, name, value):
    """In a model without breakdowns and income loop that meets a fall in demand, so that nothing is scarce."""
    shocks = [{"kind": "demand", "start": 2, "stop": 6, "size": 0.1, "target": {"sector": "72"}}]
    base = {"households": {"enabled": False}, "production": {"breakdown_hazard": 0.0}, "orders": {"input_cover_weeks": 6.0}}
    changed = {**base, section: {**base.get(section, {}), name: value}}
    one, other = (weeks(*models.miniature(100, 2, shocks=shocks, **sections)) for sections in (base, changed))
    without = {("households", "income_smoothed")} if name == "smoothing" else set()
    assert_identical(one, other, without)
    assert differs(one, weeks(*models.miniature(100, 2, **base))), "the fall does something"


def test_rationing_does_not_matter_where_nothing_is_scarce():
    """Links first and final demand with what is left, or all alike: the same to rounding while everybody gets everything."""
    one, other = (weeks(*models.miniature(100, 2, trade={"rationing": rule})) for rule in ("proportional", "final_last"))
    for a, b in zip(one, other, strict=True):
        assert np.allclose(a["firms", "final_sales"], b["firms", "final_sales"], rtol=1e-12)
        assert np.allclose(a["firms", "output"], b["firms", "output"], rtol=1e-12)


IDLE = {  # mechanism → (parameters at which it does nothing, what must be off with it or without it)
    "credit": (
        {"loan_to_value": 0.0, "receivables_share": 0.0, "inventory_share": 0.0},  # nothing secures a loan
        {**{m: {"enabled": False} for m in ("exits", "entry", "mergers")}, "finance": {"premium": 0.0}},
    ),
    "exits": (
        {"retirement_hazard": 0.0, "offer_rate": 0.0, "grace_weeks": 520},
        {"credit": {"enabled": False}, "entry": {"enabled": False}, "mergers": {"enabled": False}},
    ),
    "sourcing": ({"search_hazard": 0.0, "review_hazard": 0.0}, {m: {"enabled": False} for m in ("exits", "entry", "mergers")}),
    "entry": ({"rate": 0.0}, {}),
    "strategy": ({"search_base": 0.0, "search_slope": 0.0}, {"mergers": {"enabled": False}}),
    "mergers": ({}, {"strategy": {"search_base": 0.0, "search_slope": 0.0}}),
}


@pytest.mark.parametrize("name", IDLE)
def test_mechanism_at_zero_strength_is_as_off(name):
    """In a life with noise and a shock; columns that only the mechanism itself knows may differ."""
    nothing, others = IDLE[name]
    calm = {"exits": {"retirement_hazard": 0.0, "offer_rate": 0.0}}
    shocks = [{"kind": "demand", "start": 2, "stop": 6, "size": 0.1, "target": {"sector": "72"}}]
    base = {"model": "life", "production": NOISE, "shocks": shocks, **calm, **{k: {**calm.get(k, {}), **v} for k, v in others.items()}}
    idle, off = ({**base, name: {**base.get(name, {}), **section}} for section in (nothing, {"enabled": False}))
    one, other = (weeks(*models.miniature(100, 2, **sections), stop=20) for sections in (idle, off))
    mechanism = next(mechanism for mechanism in scenario.MECHANISMS if mechanism.name == name)
    own = {(table, column.name) for column in mechanism.columns for table in TABLES.values() if (table, column.name) in one[0]}
    assert_identical(one, other, own)
    assert differs(one[-1:], one[:1])


# -- seeds, variants, copies ----------------------------------------------------------------------------------------------------------


def test_same_seed_twice_is_identical_and_another_seed_is_not(reference):
    assert_identical(reference, weeks(*economy()))
    other = weeks(*economy(seed=2))
    assert other[0]["firms", "output"].shape != reference[0]["firms", "output"].shape or differs(reference, other)


def test_seed_of_the_draws_alone_makes_a_difference(reference):
    """The same firms and network, other breakdowns."""
    state, plan, _ = economy()
    assert differs(reference, models.advance(state, plan, simulate.Draws(99), 0, WEEKS, models.columns))


@pytest.fixture(scope="module")
def variants():
    spec = scenario.load(
        {
            "population": {"smbs": 80, "regions": 2}, "horizon": {"weeks": WEEKS, "burn_in": 12}, "production": NOISE,
            "shocks": SHOCKS[:3], "variants": {"others": {"shocks": SHOCKS[3:]}, "linear": {"production": {"rule": "linear"}}},
        }
    )  # fmt: skip
    return spec.all_variants()


@pytest.mark.parametrize("name", ["baseline", "scenario", "others", "linear"])
def test_variants_beside_each_other_are_as_each_alone(variants, name):
    """A burn-in that is shared, and a variant with one of its own: the series are those of a run of one variant."""
    together = simulate.run(variants, 3, models.united_states())
    alone = simulate.run({name: variants[name]}, 3, models.united_states())
    row = together.variant(name)
    for metric in together.series:
        assert np.array_equal(together[metric].values[row], alone[metric].values[0], equal_nan=True), metric
    for key, amount in alone.flows.items():
        assert together.flows[key] == amount
    assert np.array_equal(together.firms["relative_output"][row], alone.firms["relative_output"][0])


@pytest.mark.parametrize("copied", [lambda state: state.copy(), lambda state: pickle.loads(pickle.dumps(state))], ids=["copy", "pickle"])
def test_copy_in_the_middle_goes_on_identically(reference, copied):
    """The state is all there is: a copy after half the weeks, with a plan of its own, ends where the original does; and they are apart."""
    state, plan, draws = economy()
    models.advance(state, plan, draws, 0, WEEKS // 2)
    before = models.columns(state)
    twin = copied(state)
    twin_plan = simulate.plan(scenario.load({"shocks": SHOCKS, "production": NOISE}), twin, draws)
    assert_identical(reference[WEEKS // 2 :], weeks(twin, twin_plan, draws, WEEKS // 2))
    assert_identical([before], [models.columns(state)])
    assert_identical(reference[WEEKS // 2 :], weeks(state, plan, draws, WEEKS // 2))


def test_plan_can_be_used_again(reference):
    """A plan holds no state of a run: after another run it does the same."""
    state, plan, draws = economy()
    models.advance(state.copy(), plan, draws, 0, WEEKS)
    assert_identical(reference, weeks(state, plan, draws))


def test_bit_identity_sees_the_last_bit(reference):
    """Negative control: one deposit moved by one unit in the last place is a difference."""
    other = [dict(week) for week in reference]
    other[-1]["firms", "cash"] = other[-1]["firms", "cash"].copy()
    other[-1]["firms", "cash"][5] = np.nextafter(other[-1]["firms", "cash"][5], np.inf)
    with pytest.raises(AssertionError, match="cash"):
        assert_identical(reference, other)
    assert set(TABLES.values()) == {table for table, _ in reference[0]}, "all tables are compared"


def test_weeks_do_not_depend_on_how_they_are_cut(reference):
    """advance is the whole of a week: one week at a time is the same as all of them."""
    state, plan, draws = economy()
    for t in range(WEEKS):
        simulate.advance(state, plan, Step(t, draws))
    assert_identical(reference[-1:], [models.columns(state)])
