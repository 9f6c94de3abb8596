"""Interventions: the factor of every week, who is a target, and that nothing happens where nothing is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from smbsim.draws import Draws
from smbsim.interventions import FACTORS, apply, check_targets, policies, resolve
from smbsim.interventions.shocks import (
    KINDS,
    CapacityShock,
    CostShock,
    CreditCrunch,
    DemandShock,
    ImportPriceShock,
    ImportStop,
    LabourShock,
    PreferenceShock,
    Removal,
    WageShock,
)
from smbsim.mechanisms.automation import Automation
from smbsim.mechanisms.base import Step
from smbsim.mechanisms.costs import Costs
from smbsim.mechanisms.credit import Credit
from smbsim.mechanisms.government import Government
from smbsim.mechanisms.labour import Labour
from smbsim.mechanisms.market import Market
from smbsim.mechanisms.production import Production
from smbsim.mechanisms.skills import Skills
from smbsim.mechanisms.trade import Trade
from smbsim.schema import InputError
from smbsim.state import LARGE, SMB, State

DRAWS = Draws(7)
HEADS = [2.0, 9.9, 10.0, 49.0, 50.0, 400.0, 9000.0, 3.0]
SECTOR = [0, 1, 0, 1, 0, 1, 0, 1]
REGION = [0, 0, 1, 1, 0, 1, -1, 0]


@pytest.fixture
def state() -> State:
    """Eight firms, the seventh a large one, the last one dead; two sectors, two regions."""
    columns = [c for m in (Market, Production, Labour, Trade, Costs, Credit, Government, Skills, Automation) for c in m.columns]
    none = np.empty(0, dtype=int)
    made = State(
        columns,
        sectors=("44", "72"),
        regions=("north", "south"),
        accounts=("government",),
        firms={"uid": np.arange(8), "sector": SECTOR, "region": REGION, "kind": [SMB] * 6 + [LARGE, SMB], "alive": [True] * 7 + [False]},
        slots=(none, none),
        links=(none, none, none),
        widths={"lead": 2, "import_lead": 4, "use": 4},
    )
    made.firms.normal_output[:] = 100.0 * np.array(HEADS)
    made.firms.labour_coefficient[:] = 0.01
    return made


def selected(state, **target) -> list[int]:
    return np.flatnonzero(resolve([DemandShock(start=0, size=0.1, target=target)], state, DRAWS)[0]).tolist()


def strengths(weeks, **keys) -> list[float]:
    shock = DemandShock(**{"start": 2, "size": 0.4, **keys})
    return [shock.strength(t, DRAWS) for t in range(weeks)]


# -- the factor of every week ---------------------------------------------------------------------------------------------------------

E1, E2, E3 = np.exp([-1 / 2, -2 / 2, -3 / 2])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [  # week                                         0  1  2    3    4    5    6    7    8
        ({"profile": "step", "stop": 5}, [0, 0, 0.4, 0.4, 0.4, 0, 0, 0, 0]),
        ({"profile": "step"}, [0, 0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]),
        ({"profile": "step", "stop": 5, "recovery": 1}, [0, 0, 0.4, 0.4, 0.4, 0.2, 0, 0, 0]),
        ({"profile": "step", "stop": 5, "recovery": 3}, [0, 0, 0.4, 0.4, 0.4, 0.3, 0.2, 0.1, 0]),
        ({"profile": "ramp", "stop": 6}, [0, 0, 0.1, 0.2, 0.3, 0.4, 0, 0, 0]),
        ({"profile": "ramp", "stop": 6, "recovery": 1}, [0, 0, 0.1, 0.2, 0.3, 0.4, 0.2, 0, 0]),
        ({"profile": "pulse"}, [0, 0, 0.4, 0, 0, 0, 0, 0, 0]),
        ({"profile": "pulse", "stop": 3}, [0, 0, 0.4, 0, 0, 0, 0, 0, 0]),
        ({"profile": "pulse", "recovery": 3}, [0, 0, 0.4, 0.3, 0.2, 0.1, 0, 0, 0]),
        ({"profile": "decay", "tau": 2, "stop": 5}, [0, 0, 0.4, 0.4 * E1, 0.4 * E2, 0, 0, 0, 0]),
        ({"profile": "decay", "tau": 2, "stop": 5, "recovery": 1}, [0, 0, 0.4, 0.4 * E1, 0.4 * E2, 0.2 * E2, 0, 0, 0]),
        ({"profile": "decay", "tau": 2}, [0, 0, *(0.4 * np.exp(-np.arange(7) / 2))]),
        ({"profile": "ar1", "rho": 0.5, "stop": 2 + 3}, None),
    ],
)
def test_factor_of_every_week(keys, expected):
    found = strengths(9, **keys)
    if expected is None:  # random: its recursion is the claim of the next test
        assert found[:2] == [0, 0]
        assert found[5:] == [0, 0, 0, 0]
        assert all(found[2:5])
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_ar1_follows_its_recursion_with_standard_normal_innovations():
    """m(t) - rho m(t-1) = size eps, the same eps for every rho and size; 1000 of them have mean 0 and deviation 1."""
    weeks = 1000
    shocks = [DemandShock(start=0, size=size, profile="ar1", rho=rho) for size, rho in ((1.0, 0.0), (0.5, 0.9))]
    plain, persistent = ([s.strength(t, DRAWS) for t in range(weeks)] for s in shocks)
    innovations = np.diff(persistent, prepend=0.0) + 0.1 * np.array([0.0, *persistent[:-1]])
    np.testing.assert_allclose(innovations, 0.5 * np.array(plain), atol=1e-12)
    assert abs(np.mean(plain)) < 0.1  # three standard errors
    assert abs(np.std(plain) - 1) < 0.07


def test_ar1_does_not_depend_on_which_week_is_asked_first():
    shock = DemandShock(start=3, size=0.2, profile="ar1", rho=0.8)
    assert [shock.strength(t, DRAWS) for t in (200, 3, 60)] == [[shock.strength(t, DRAWS) for t in range(201)][t] for t in (200, 3, 60)]


# -- what cannot be meant -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"start": 5, "stop": 5}, "start 5 is not before stop 5"),
        ({"profile": "pulse", "stop": 9}, "a pulse lasts one week: leave out stop, or write stop 3 instead of 9"),
        ({"profile": "ramp"}, "profile ramp needs stop"),
        ({"recovery": 4}, "recovery needs stop"),
        ({"profile": "decay"}, "profile decay needs tau"),
        ({"tau": 3}, "tau belongs to profile decay"),
        ({"profile": "ar1"}, "profile ar1 needs rho"),
        ({"rho": 0.5, "stop": 1}, "start 2 is not before stop 1; rho belongs to profile ar1"),
    ],
)
def test_window_that_cannot_be_meant_is_refused(keys, message):
    with pytest.raises(ValidationError) as caught:
        DemandShock(**{"start": 2, "size": 0.4, **keys})
    assert str(caught.value.errors()[0]["ctx"]["error"]) == message


def test_import_target_takes_sectors_only():
    with pytest.raises(ValidationError) as caught:
        ImportStop(start=0, target={"sector": "44", "region": "north", "share": 0.5})
    assert str(caught.value.errors()[0]["ctx"]["error"]) == "the target of import_stop can name sectors only, not region, share"


# -- targets --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6]),
        ({"sector": "72"}, [1, 3, 5]),
        ({"sector": ["44", "72"]}, [0, 1, 2, 3, 4, 5, 6]),
        ({"size": "micro"}, [0, 1]),
        ({"size": "small"}, [2, 3]),
        ({"size": ["medium", "micro"]}, [0, 1, 4, 5]),
        ({"region": "north"}, [0, 1, 4]),
        ({"kind": "large"}, [6]),
        ({"kind": "smb", "sector": "44"}, [0, 2, 4]),
        ({"firms": [3, 1]}, [1, 3]),
        ({"firms": "3"}, [3]),
        ({"largest": 2}, [5, 6]),
        ({"largest": 1, "sector": "44", "kind": "smb"}, [4]),
        ({"share": 1.0, "sector": "72"}, [1, 3, 5]),
    ],
)
def test_target_keys_hold_together(state, target, rows):
    assert selected(state, **target) == rows


def test_firm_names_are_used_where_there_are_any(state):
    state.names = tuple("abcdefgh")
    assert selected(state, firms=["c", "a"]) == [0, 2]


def test_share_is_nested_keyed_by_uid_and_by_kind(state):
    """A larger share contains a smaller one; rows in another order are the same firms; `draw` makes kinds meet the same firms."""
    few, many = (set(selected(state, share=share)) for share in (0.4, 0.7))
    assert few < many
    again = state.relabelled(np.arange(8)[::-1])
    assert {int(u) for u in again.firms.uid[selected(again, share=0.7)]} == many
    shocks = [kind(start=0, size=0.1, target={"share": 0.5, "draw": 3}) for kind in (DemandShock, LabourShock)]
    first, second = resolve(shocks, state, DRAWS)
    np.testing.assert_array_equal(first, second)


def test_targets_do_not_depend_on_what_firms_make_this_week(state):
    """Size and rank are those at rest: a firm that stands still is not a micro firm."""
    before = [selected(state, size="micro"), selected(state, largest=3)]
    state.firms.output[:] = 0.0
    state.firms.employment[:] = 0.0
    assert [selected(state, size="micro"), selected(state, largest=3)] == before


def test_mistakes_in_targets_are_named_all_at_once(state):
    shocks = [
        DemandShock(start=0, size=0.1, target={"sector": "72"}),
        DemandShock(start=0, size=0.1, target={"sector": ["71", "44"], "region": "nort"}),
        ImportStop(start=0, target={"sector": "73"}),
    ]
    with pytest.raises(InputError) as caught:
        resolve(shocks, state, DRAWS)
    assert caught.value.lines == (
        "shocks[1] (demand): unknown sector '71'. Valid: 44, 72.",
        "shocks[1] (demand): unknown region 'nort'. Did you mean 'north'? Valid: north, south.",
        "shocks[2] (import_stop): unknown sector '73'. Valid: 44, 72.",
    )
    with pytest.raises(InputError):
        check_targets(shocks, state.sector_codes, state.region_names)


def test_empty_target_unknown_firm_and_unread_factor_are_errors(state):
    shocks = [
        LabourShock(start=0, size=0.1, target={"region": "south", "size": "micro"}),
        DemandShock(start=0, size=0.1, target={"firms": ["44", 1]}),
        DemandShock(start=0, size=0.1, target={"sector": []}),
    ]
    with pytest.raises(InputError) as caught:
        resolve(shocks, state, DRAWS)
    assert caught.value.lines == (
        "shocks[1] (demand): unknown firm '44'. Did you mean '4'? Valid: 0, 1, 2, 3, 4, 5, 6, 7.",
        "shocks[0] (labour): target {'size': ['micro'], 'region': ['south']} selects no firm",
        "shocks[2] (demand): target {'sector': []} selects no firm",
    )
    del state.firms.columns["taste_factor"]
    with pytest.raises(InputError, match=r"^shocks\[0\] \(preference\): nothing in this model reads taste_factor$"):
        resolve([PreferenceShock(start=0, size=0.1)], state, DRAWS)


# -- phase 0 --------------------------------------------------------------------------------------------------------------------------


def factors(state) -> dict[str, list[float]]:
    return {column: getattr(getattr(state, table), column).tolist() for table, column in FACTORS if column in getattr(state, table)}


def act(state, *shocks, t=5) -> dict[str, list[float]]:
    apply(shocks, state, Step(t, DRAWS), resolve(shocks, state, DRAWS))
    return factors(state)


@pytest.mark.parametrize(
    ("shock", "column", "expected"),
    [
        (DemandShock(start=0, size=0.4, target={"sector": "72"}), "demand_factor", [1, 0.6, 1, 0.6, 1, 0.6, 1, 1]),
        (PreferenceShock(start=0, size=0.25, target={"region": "north"}), "taste_factor", [0.75, 0.75, 1, 1, 0.75, 1, 1, 1]),
        (CapacityShock(start=0, size=1, target={"kind": "large"}), "capacity_factor", [1, 1, 1, 1, 1, 1, 0, 1]),
        (LabourShock(start=0, size=0.5, target={"size": "small"}), "labour_factor", [1, 1, 0.5, 0.5, 1, 1, 1, 1]),
        (WageShock(start=0, size=0.5, target={"sector": "44"}), "wage_factor", [1.5, 1, 1.5, 1, 1.5, 1, 1.5, 1]),
        (CostShock(start=0, size=0.25, target={"size": "micro"}), "cost_factor", [1.25, 1.25, 1, 1, 1, 1, 1, 1]),
        (CreditCrunch(start=0, size=0.5, target={"region": "north"}), "credit_factor", [0.5, 0.5, 1, 1, 0.5, 1, 1, 1]),
        (ImportStop(start=0, target={"sector": "44"}), "import_factor", [0, 1]),
        (ImportStop(start=0, size=0.5), "import_factor", [0.5, 0.5]),
        (ImportPriceShock(start=0, size=0.5, target={"sector": "72"}), "import_price_factor", [1, 1.5]),
    ],
)
def test_each_kind_moves_its_own_factor_and_no_other(state, shock, column, expected):
    neutral = factors(state)
    assert act(state, shock) == {**neutral, column: expected}
    assert act(state) == neutral, "without an intervention every factor is back at one"


def test_removed_firm_makes_nothing_and_is_asked_nothing(state):
    found = act(state, Removal(start=0, target={"firms": 2}))
    assert found["capacity_factor"] == found["demand_factor"] == [1, 1, 0, 1, 1, 1, 1, 1]


def test_interventions_multiply_and_a_factor_never_falls_below_zero(state):
    shocks = [DemandShock(start=0, size=0.5, target={"firms": f}) for f in ([0, 1], [1, 2])]
    assert act(state, *shocks)["demand_factor"][:4] == [0.5, 0.25, 0.5, 1]
    noisy = DemandShock(start=0, size=1.0, profile="ar1", rho=1.0)
    assert min(min(act(state, noisy, t=t)["demand_factor"]) for t in range(60)) == 0.0


@pytest.mark.parametrize("kind", [kind for kind, of in KINDS.items() if "policy" not in of.model_fields])
@pytest.mark.parametrize("profile", [{}, {"profile": "decay", "tau": 3}, {"profile": "ar1", "rho": 0.9}, {"stop": 5, "recovery": 4}])
def test_size_zero_leaves_every_factor_exactly_one(state, kind, profile):
    shock = KINDS[kind](kind=kind, start=0, size=0, **profile)
    neutral = act(state)
    assert act(state, shock) == neutral


def test_masks_of_the_start_hold_when_firms_enter(state):
    shocks = (DemandShock(start=0, size=0.5),)
    masks = resolve(shocks, state, DRAWS)
    state.append_firms(sector=np.array([0]))
    apply(shocks, state, Step(0, DRAWS), masks)
    assert state.firms.demand_factor.tolist() == [0.5] * 7 + [1.0, 1.0]


WAITING = {  # read by some mechanism, not moved by any kind yet
    ("firms", "platform_subsidy"),
}  # fmt: skip


def test_every_factor_is_reset_to_what_changes_nothing(state):
    """A factor to 1, a share to 0; what shocks and policies move is among what is reset, but for stocks that are only paid into."""
    for table, column in FACTORS:
        if column in getattr(state, table):
            neutral = 1.0 if column.endswith("_factor") else 0.0
            assert getattr(state, table).columns[column].default == neutral
    moved = {place for kind in (*KINDS.values(), *policies.KINDS.values()) for place in kind.moves}
    stocks = {("firms", "cash"), ("firms", "guaranteed_debt"), ("firms", "claimed"), ("firms", "tool_fit"), ("households", "benefits"),
              ("households", "basic_income"), ("households", "levies"), ("policies", "most")}  # fmt: skip
    assert moved - stocks == set(FACTORS) - {("firms", "loan_spread"), ("firms", "support_level")} - WAITING


def test_credit_crunch_adds_its_spread_in_the_course_of_its_strength(state):
    """A ramp over four weeks: a quarter of the spread in the first, all of it in the last; none without a size."""
    crunch = CreditCrunch(start=0, stop=4, size=0.4, spread=0.02, profile="ramp")
    for t, spread in enumerate((0.005, 0.01, 0.015, 0.02, 0.0)):
        act(state, crunch, t=t)
        assert state.firms.loan_spread[0] == pytest.approx(spread, abs=1e-15)
    act(state, CreditCrunch(start=0, size=0.0, spread=0.02))
    assert not state.firms.loan_spread.any()
