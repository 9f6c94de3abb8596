"""Declarations: every number and every column has a unit, bounds, a source and an owner; conversions to weeks; mistakes in words."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from smbsim.interventions import policies
from smbsim.interventions.base import Target
from smbsim.interventions.shocks import KINDS
from smbsim.reconstruct import Reconstruct
from smbsim.sample import Sample
from smbsim.scenario import MECHANISMS, Horizon, Network, Output, Population, Runs
from smbsim.schema import Column, InputError, Tier, nearest, param, per_week
from smbsim.state import STRUCTURE, TABLES

MODELS = (
    *MECHANISMS, Sample, Population, Reconstruct, Horizon, Runs, Output, Network, Target, *dict.fromkeys(KINDS.values()),
    *policies.KINDS.values(),
)  # fmt: skip
PARAMETERS = [(model, name) for model in MODELS for name in model.model_fields]
COLUMNS = [("state", column) for column in STRUCTURE] + [(m.name, column) for m in MECHANISMS for column in m.columns]
WIDTHS = ("sector", "region", "account", "lead", "import_lead", "use", "policy")
UNITS = {  # what a unit may be made of; a new word is a decision
    "1", "heads", "firms", "regions", "runs", "currency", "base currency", "choice", "switch", "file", "percent", "d", "days",
    "wk", "quarter", "yr", "share", "h", "offers",
}  # fmt: skip


def field(model, name):
    return model.model_fields[name]


def bounds(model, name) -> tuple:
    """(low, high) as declared; None where there is none."""
    found = {"ge": None, "le": None}
    for limit in field(model, name).metadata:
        for key in found:
            found[key] = getattr(limit, key, found[key])
    return found["ge"], found["le"]


def numeric(annotation) -> bool:
    return annotation in (int, float) or (bool not in get_args(annotation) and bool({int, float} & set(get_args(annotation))))


def label(pair) -> str:
    return f"{pair[0].__name__}.{pair[1]}"


# -- param --------------------------------------------------------------------------------------------------------------------------------


class Bounded(BaseModel):
    share: float = param(0.5, unit="1", doc="A share", low=0, high=1, source="assumption")
    weeks: int = param(4, unit="wk", doc="A time", low=1, source="assumption")


@pytest.mark.parametrize("share", [-1e-9, 1 + 1e-9, math.nan, math.inf, -math.inf])
def test_param_refuses_what_is_outside_its_bounds(share):
    with pytest.raises(ValidationError, match="share"):
        Bounded(share=share)


def test_param_accepts_its_bounds():
    assert (Bounded(share=0).share, Bounded(share=1).share, Bounded(weeks=1).weeks) == (0.0, 1.0, 1)


@pytest.mark.parametrize("weeks", [0, -3, math.nan, math.inf, 1.5])
def test_param_bounded_on_one_side_refuses_what_is_not_finite(weeks):
    with pytest.raises(ValidationError, match="weeks"):
        Bounded(weeks=weeks)


def test_param_checks_its_own_default():
    class Wrong(BaseModel):
        share: float = param(2.0, unit="1", doc="A share", low=0, high=1, source="assumption")

    with pytest.raises(ValidationError, match="share"):
        Wrong()


@pytest.mark.parametrize("pair", [p for p in PARAMETERS if numeric(field(*p).annotation)], ids=label)
def test_every_number_is_bounded_and_finite(pair):
    """A number has two bounds, or one where it counts or dates something or is money; no number can be NaN or infinite."""
    model, name = pair
    low, high = bounds(model, name)
    assert low is not None
    assert (
        high is not None
        or int in (field(*pair).annotation, *get_args(field(*pair).annotation))
        or field(*pair).json_schema_extra["unit"].startswith("currency")
    )
    assert low < (math.inf if high is None else high)
    known = {key: f.default for key, f in model.model_fields.items() if not f.is_required()}
    for value in (math.nan, math.inf, -math.inf, low - 1, *([] if high is None else [high + 1])):
        with pytest.raises(ValidationError) as error:
            model.model_validate({**known, name: value})
        assert name in {str(part) for mistake in error.value.errors() for part in mistake["loc"]}


@pytest.mark.parametrize("pair", PARAMETERS, ids=label)
def test_every_parameter_has_unit_doc_source_and_tier(pair):
    extra = field(*pair).json_schema_extra
    assert field(*pair).description.strip()
    assert extra["source"].strip()
    assert extra["tier"] in get_args(Tier)
    assert set(extra["unit"].split("/")) <= UNITS, extra["unit"]


@pytest.mark.parametrize("model", MECHANISMS, ids=lambda m: m.name)
def test_defaults_are_valid_and_a_mechanism_is_frozen(model):
    mechanism = model()
    with pytest.raises(ValidationError, match="frozen"):
        mechanism.name_of_nothing = 1
    with pytest.raises(ValidationError, match=r"[Ee]xtra"):
        model(name_of_nothing=1)


@pytest.mark.parametrize("model", MECHANISMS, ids=lambda m: m.name)
def test_names_in_rate_are_per_year(model):
    """DECISIONS.md 9; a rate per week is a speed or a share, and is called so."""
    for name in model.model_fields:
        if name.endswith("_rate"):
            assert field(model, name).json_schema_extra["unit"].endswith("/yr")


# -- columns ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("owner", "column"), COLUMNS, ids=lambda v: getattr(v, "name", v))
def test_every_column_has_unit_doc_and_a_default_within_bounds(owner, column):
    assert column.unit.strip()
    assert column.doc.strip()
    assert column.axis in TABLES
    assert column.width in WIDTHS or column.width >= 1
    value = np.dtype(column.dtype).type(column.default)
    assert float(value) == column.default  # the type can hold it
    assert column.low is None or column.low <= column.default
    assert column.high is None or column.default <= column.high


def test_columns_have_one_owner_and_one_name():
    assert {name: k for name, k in Counter(column.name for _, column in COLUMNS).items() if k > 1} == {}


@pytest.mark.parametrize("model", MECHANISMS, ids=lambda m: m.name)
def test_mechanisms_name_only_columns_that_exist(model):
    """reads and writes are columns of somebody; a mechanism writes every column it owns."""
    known = {column.name for _, column in COLUMNS}
    assert set(model.reads) <= known
    assert set(model.writes) <= known
    assert {column.name for column in model.columns} <= set(model.writes)


def test_factors_have_the_neutral_default_one():
    factors = [column for _, column in COLUMNS if column.name.endswith("_factor")]
    assert len(factors) >= 6
    assert [column.name for column in factors if column.default != 1.0] == []


# -- weeks --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "weekly"),
    [
        (5.2, "share/yr", 0.1),
        (104.0, "currency/yr", 2.0),
        (104.0, "base currency/yr", 2.0),
        (21.0, "days", 3.0),
        (13.0, "wk", 13.0),
        (0.15, "1/wk", 0.15),
        (0.3, "1", 0.3),
        (7.0, "currency", 7.0),
        (0.0, "1/yr", 0.0),
        (1.0, "1/yr", 1.0),
        (0.0, "1/quarter", 0.0),
        (1.0, "1/quarter", 1.0),
        (-3.0, "currency/yr", -3.0 / 52),
    ],
)
def test_weekly_value_follows_the_unit(value, unit, weekly):
    assert per_week(value, unit) == pytest.approx(weekly, rel=1e-15)


@pytest.mark.parametrize("hazard", [1e-6, 0.02, 0.5, 0.99])
def test_hazard_of_52_weeks_is_that_of_a_year(hazard):
    """(1 - weekly)^52 = 1 - yearly."""
    assert (1.0 - per_week(hazard, "1/yr")) ** 52 == pytest.approx(1.0 - hazard, rel=1e-12)
    assert (1.0 - per_week(hazard, "1/quarter")) ** 13 == pytest.approx(1.0 - hazard, rel=1e-12)


def test_mechanism_converts_by_its_own_unit():
    finance = next(m for m in MECHANISMS if m.name == "finance")
    assert finance(loan_rate=0.52).weekly("loan_rate") == pytest.approx(0.01, rel=1e-15)


# -- mistakes -----------------------------------------------------------------------------------------------------------------------------


def test_input_error_survives_a_process_boundary():
    """Workers of an ensemble send their errors back pickled."""
    error = InputError("first line", "second line")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is InputError
    assert back.lines == error.lines == ("first line", "second line")
    assert str(back) == "first line\nsecond line"
    assert isinstance(back, ValueError)


@pytest.mark.parametrize(
    ("word", "valid", "hint"),
    [
        ("loan_rat", ["hazard", "loan_rate"], " Did you mean 'loan_rate'? Valid: hazard, loan_rate."),
        ("zzz", ["hazard", "loan_rate"], " Valid: hazard, loan_rate."),
        ("zzz", [], ""),
        (44, [44, 45], " Did you mean '44'? Valid: 44, 45."),
    ],
)
def test_nearest_names_the_nearest_and_all(word, valid, hint):
    assert nearest(word, valid) == hint


def test_column_is_frozen():
    with pytest.raises(AttributeError):
        Column("a", "1", 0.0, "doc").name = "b"
