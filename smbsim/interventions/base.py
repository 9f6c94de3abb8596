r"""What every intervention has: a window, a profile, a target; and phase 0, which turns all of them into modifiers.

    m(t), n = stop - start, acts in start <= t < stop                 table of every week in tests/test_interventions.py
      step    size
      ramp    size (t - start + 1) / n                                reaches size in the last week
      pulse   size in the week `start`, nothing after it              stop = start + 1
      decay   size exp(-(t - start) / tau)
      ar1     m(t) = rho m(t-1) + size eps_t ,  m(start - 1) = 0      eps_t standard normal, keyed by kind, target and week
    after stop, with r = recovery weeks:
      m(stop + k) = m(stop - 1) (1 - (k + 1) / (r + 1)) ,  0 <= k < r         r = 0: back at once

    factor = product over interventions, in file order, of max(0, 1 - m)      max(0, 1 + m) for what raises a factor

Week 0 is the first after burn-in. Every modifier is neutral where nothing acts (a factor 1, a share 0), and size 0 leaves it exactly so.
Source: DECISIONS.md 24; MODEL.md 8, rules 1, 2 and 13 (a size is a share of the value without the intervention).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from ..draws import Draws
from ..mechanisms.base import Step
from ..schema import WEEKS_PER_YEAR, InputError, nearest, param
from ..state import KINDS, LARGE, SMB, State

FACTORS = (  # what phase 0 resets every week to its default, which is neutral: table, column
    ("firms", "demand_factor"),
    ("firms", "taste_factor"),
    ("firms", "capacity_factor"),
    ("firms", "labour_factor"),
    ("firms", "wage_factor"),
    ("firms", "cost_factor"),
    ("firms", "credit_factor"),
    ("firms", "loan_spread"),
    ("firms", "guarantee_share"),
    ("firms", "wage_subsidy_share"),
    ("firms", "tax_deferral_share"),
    ("firms", "procurement_factor"),
    ("firms", "compliance_cost"),
    ("firms", "support_level"),
    ("firms", "spending_credit"),
    ("firms", "training_subsidy"),
    ("firms", "public_training"),
    ("sectors", "import_factor"),
    ("sectors", "import_price_factor"),
    ("sectors", "obsolescence_factor"),
    ("sectors", "new_skill"),
    ("regions", "pool_training"),
    ("firms", "tool_subsidy"),
    ("firms", "tool_cost_factor"),
    ("firms", "routine_factor"),
    ("firms", "advice"),
    ("regions", "infrastructure"),
    ("firms", "platform_fee_factor"),
    ("firms", "platform_subsidy"),
    ("policies", "policy_factor"),
)

SIZES = {"micro": (0.0, 10.0), "small": (10.0, 50.0), "medium": (50.0, math.inf)}  # heads at rest: from, below; SMBs only


def _as_tuple(value):
    """One name or a list of names; whole numbers stay what they are, so that a sector code without quotes is refused."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _as_names(value):
    """As _as_tuple; a firm may be given by its uid, a whole number."""
    return tuple(str(v) if type(v) is int and v >= 0 else v for v in _as_tuple(value))


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | list[str])]
Firms = Annotated[tuple[str, ...], BeforeValidator(_as_names, json_schema_input_type=str | int | list[str | int])]
Sizes = Annotated[tuple[Literal[tuple(SIZES)], ...], BeforeValidator(_as_tuple, json_schema_input_type=str | list[str])]


class Target(BaseModel):
    """Whom an intervention concerns. What is given must hold together; nothing given means everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sector: Names | None = param(None, unit="choice", doc="Codes of sectors, as text", source="economy")
    size: Sizes | None = param(
        None, unit="choice", doc="Size classes of SMBs by employment at rest: micro 1-9, small 10-49, medium 50 and more", source="OECD"
    )
    region: Names | None = param(None, unit="choice", doc="Names of regions; large firms are in none", source="economy")
    firms: Firms | None = param(None, unit="choice", doc="Names of firms, or uids where the network has no names", source="network")
    kind: Literal[KINDS] | None = param(None, unit="choice", doc="SMBs or the rows of large firms", source="definition")
    share: float | None = param(None, unit="1", doc="Each firm is concerned with this probability", low=0, high=1, source="definition")
    draw: int | None = param(
        None, unit="1", doc="Number of the draw behind `share`: equal numbers pick the same firms; null: by kind of intervention", low=0,
        source="definition",
    )  # fmt: skip
    largest: int | None = param(None, unit="firms", doc="Only the so many largest by output at rest", low=1, source="definition")
    top_risk: int | None = param(
        None, unit="firms", doc="Of those selected otherwise, the so many with the highest systemic-risk index; large firms only where "
        "kind says so", low=1, source="Diem et al. (2022)",
    )  # fmt: skip

    @model_validator(mode="after")
    def _check_draw(self):
        if self.draw is not None and self.share is None:
            raise ValueError("draw belongs to share")
        return self

    def given(self) -> dict:
        """The keys that select something."""
        return {key: value for key, value in self.model_dump(mode="json").items() if value is not None and key != "draw"}

    def rows(self, state: State, draws: Draws, kind: str) -> np.ndarray:
        """(n,) bool: the firms that are concerned, by their size at rest. kind: of the intervention; it keys the random share."""
        firms = state.firms
        mask = firms.alive.copy()
        if self.sector is not None:
            mask &= np.isin(firms.sector, [state.sector_codes.index(code) for code in self.sector])
        if self.size is not None:
            heads = firms.labour_coefficient * firms.normal_output
            mask &= (firms.kind == SMB) & np.any([(low <= heads) & (heads < high) for low, high in map(SIZES.get, self.size)], axis=0)
        if self.region is not None:
            mask &= np.isin(firms.region, [state.region_names.index(name) for name in self.region])
        if self.firms is not None:
            mask &= np.isin(firms.uid, self.uids(state))
        if self.kind is not None:
            mask &= firms.kind == KINDS.index(self.kind)
        if self.share is not None:
            stream, number = ("target", self.draw) if self.draw is not None else (f"target {kind}", 0)
            mask &= draws.uniform(stream, number, firms.uid) < self.share
        if self.largest is not None:
            order = np.lexsort((firms.uid, -np.where(mask, firms.normal_output, -np.inf)))
            mask &= np.isin(np.arange(firms.n), order[: self.largest])
        if self.top_risk is not None:
            mask &= (firms.kind == SMB) | (self.kind == KINDS[LARGE])
            index = risk_index(state, mask)
            order = np.lexsort((firms.uid, -np.where(mask, index, -np.inf)))
            mask &= np.isin(np.arange(firms.n), order[: self.top_risk])
        return mask

    def uids(self, state: State) -> list[int]:
        """The uids of the firms named; those that are not there are left out."""
        known = _known_firms(state)
        return [known[name] for name in self.firms if name in known]


def risk_index(state: State, mask: np.ndarray) -> np.ndarray:
    """(n,) systemic-risk index of the firms of the mask on the network at rest; nan where nobody asked for it so far.

    The state and its copies keep it, so that every firm is closed once: uids, ascending, and their index.
    """
    from ..systemic.esri import esri

    uid = state.firms.uid
    known, values = getattr(state, "risk_index", (np.empty(0, dtype=np.int64), np.empty(0)))
    index = np.full(len(uid), np.nan)
    there = np.isin(uid, known)
    index[there] = values[np.searchsorted(known, uid[there])]
    rows = np.flatnonzero(mask & ~there)
    if len(rows):
        index[rows] = esri(_network_at_rest(state), rows).esri
        found = np.concatenate([known, uid[rows]])
        order = np.argsort(found)
        state.risk_index = found[order], np.concatenate([values, index[rows]])[order]
    return index


def _network_at_rest(state: State):
    """The flows that normal output needs, whatever is ordered this week: the same before and after the burn-in."""
    from ..systemic.esri import of_state

    firms, slots, links = state.firms, state.slots, state.links
    need = (1.0 - slots.import_share) * slots.coefficient * firms.normal_output[slots.customer]
    flow = need[links.slot] * links.weight
    outside = np.maximum(firms.normal_output - np.bincount(links.supplier, flow, firms.n), 0.0)
    return replace(of_state(state), weight=flow, final_sales=outside)


class Intervention(BaseModel):
    """A change from outside. Subclasses say which factors it moves: `moves` (table, column) and `sign`, -1 lowers, 1 raises.

    section : of the scenario that lists it
    needs   : mechanisms that must be on, because nobody else reads what it moves
    amount  : the field that says how strong it is
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # each is built when it is used, not at every start

    section: ClassVar[str] = "shocks"
    moves: ClassVar[tuple[tuple[str, str], ...]] = ()
    sign: ClassVar[int] = -1
    needs: ClassVar[tuple[str, ...]] = ()
    amount: ClassVar[str] = "size"

    kind: str
    target: Target = param(Target(), unit="choice", doc="Whom it concerns; everybody if not given", source="definition")
    start: int = param(..., unit="wk", doc="First week in which it acts; 0 is the first week after burn-in", low=0, source="definition")
    stop: int | None = param(None, unit="wk", doc="First week in which it no longer acts; null: it stays", low=1, source="definition")
    profile: Literal["step", "ramp", "pulse", "decay", "ar1"] = param("step", unit="choice", doc="Course over time", source="definition")
    recovery: int = param(0, unit="wk", doc="Weeks of linear return after stop", low=0, source="definition")
    tau: float | None = param(None, unit="wk", doc="Time constant of the profile decay", low=0.01, high=10_000, source="definition")
    rho: float | None = param(None, unit="1", doc="Persistence from week to week of the profile ar1", low=0, high=1, source="definition")

    @model_validator(mode="after")
    def _check_window(self):
        problems = []
        if self.stop is not None and self.start >= self.stop:
            problems.append(f"start {self.start} is not before stop {self.stop}")
        elif self.profile == "pulse" and self.stop not in (None, self.start + 1):
            problems.append(f"a pulse lasts one week: leave out stop, or write stop {self.start + 1} instead of {self.stop}")
        if self.profile == "ramp" and self.stop is None:
            problems.append("profile ramp needs stop")
        if self.recovery and self.end is None:
            problems.append("recovery needs stop")
        for key, profile in (("tau", "decay"), ("rho", "ar1")):
            if (getattr(self, key) is not None) != (self.profile == profile):
                problems.append(f"profile {profile} needs {key}" if self.profile == profile else f"{key} belongs to profile {profile}")
        problems += self._misfits()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _misfits(self) -> list[str]:
        """What does not fit the kind of the intervention."""
        return []

    @property
    def needed(self) -> tuple[str, ...]:
        """Mechanisms that must be on for this intervention to do anything."""
        return self.needs

    @property
    def end(self) -> int | None:
        """First week in which it no longer acts (recovery aside); None if it stays."""
        return self.start + 1 if self.profile == "pulse" else self.stop

    def strength(self, t: int, draws: Draws) -> float:
        """m(t), a share of the value without the intervention; 0 outside the window and its recovery."""
        if t < self.start:
            return 0.0
        if self.end is None or t < self.end:
            return self._course(t, draws)
        left = 1.0 - (t - self.end + 1) / (self.recovery + 1)
        return self._course(self.end - 1, draws) * left if left > 0.0 else 0.0

    def _course(self, t: int, draws: Draws) -> float:
        size = getattr(self, self.amount)
        if self.profile == "ramp":
            return size * (t - self.start + 1) / (self.end - self.start)
        if self.profile == "decay":
            return size * math.exp(-(t - self.start) / self.tau)
        if self.profile == "ar1":
            years = (t - self.start) // WEEKS_PER_YEAR + 1  # whole years at a time, so that few paths are made
            stream = f"ar1 {self.kind} {self.target.given()}"
            return size * _ar1(draws, stream, self.start, self.rho, years * WEEKS_PER_YEAR)[t - self.start]
        return size

    def mask(self, state: State, draws: Draws) -> np.ndarray:
        """Rows of the table it moves that it concerns, bool."""
        return self.target.rows(state, draws, self.kind)

    def apply(self, state: State, m: float, mask: np.ndarray) -> None:
        """Multiply its factors by 1 ± m, never below 0, where the mask is true."""
        for table, column in self.moves:
            getattr(getattr(state, table), column)[: len(mask)][mask] *= max(0.0, 1.0 + self.sign * m)


@lru_cache(maxsize=64)
def _ar1(draws: Draws, stream: str, start: int, rho: float, weeks: int) -> tuple[float, ...]:
    """The first weeks of an AR(1) path with unit innovations that begins at 0 before `start`."""
    path, last = [], 0.0
    for t in range(start, start + weeks):
        last = rho * last + draws.one_normal(stream, t)
        path.append(last)
    return tuple(path)


def check_targets(interventions: Sequence[Intervention], sectors: Sequence[str], regions: Sequence[str]) -> None:
    """Every sector and region named must exist. Raises InputError with one line for each that does not."""
    problems = [
        f"{_label(i, shock)}: unknown {key} '{name}'.{nearest(name, valid)}"
        for i, shock in enumerate(interventions)
        for key, valid in (("sector", sectors), ("region", regions))
        for name in getattr(shock.target, key) or ()
        if name not in valid
    ]
    if problems:
        raise InputError(*problems)


Known = Mapping[Intervention, np.ndarray]  # intervention → the rows it concerns, found earlier
EMPTY: Known = MappingProxyType({})


def resolve(interventions: Sequence[Intervention], state: State, draws: Draws, known: Known = EMPTY) -> tuple[np.ndarray, ...]:
    """The rows each intervention concerns, worked out once; firms that enter later are not among them.

    known: what was found for some of them earlier in the run, which holds

    Raises InputError, one line per mistake: a name that is not there, a target that selects nothing, a column that nobody reads.
    """
    check_targets(interventions, state.sector_codes, state.region_names)
    problems = []
    for i, shock in enumerate(interventions):
        there = _known_firms(state) if shock.target.firms is not None else {}
        lost = [name for name in shock.target.firms or () if name not in there]
        problems += [f"{_label(i, shock)}: unknown firm '{name}'.{_near(name, there)}" for name in lost]
        absent = [column for table, column in shock.moves if column not in getattr(state, table)]
        problems += [f"{_label(i, shock)}: nothing in this model reads {column}" for column in absent]
    masks = tuple(known[shock] if shock in known else shock.mask(state, draws) for shock in interventions)
    for i, (shock, mask) in enumerate(zip(interventions, masks, strict=True)):
        if not mask.any() and not any(line.startswith(_label(i, shock)) for line in problems):
            problems.append(f"{_label(i, shock)}: target {shock.target.given()} selects no firm")
    if problems:
        raise InputError(*problems)
    return masks


def apply(interventions: Sequence[Intervention], state: State, step: Step, masks: Sequence[np.ndarray]) -> None:
    """Phase 0: every modifier back to neutral, then what acts this week. masks: what `resolve` gave for these interventions."""
    for table, column in FACTORS:
        rows = getattr(state, table)
        if column in rows and (getattr(rows, column) != rows.columns[column].default).any():  # what nobody moves is not written to
            getattr(rows, column)[:] = rows.columns[column].default
    for shock, mask in zip(interventions, masks, strict=True):
        shock.apply(state, shock.strength(step.t, step.draws), mask)


def _label(i: int, shock: Intervention) -> str:
    return f"{shock.section}[{i}] ({shock.kind})"


def _known_firms(state: State) -> dict[str, int]:
    """Name → uid of the firms of the start; without names the uid is the name."""
    names = getattr(state, "names", ())
    return {name: uid for uid, name in enumerate(names)} if len(names) else {str(uid): int(uid) for uid in state.firms.uid}


def _near(name: str, known: dict[str, int]) -> str:
    """The nearest firm; all of them only where the list is short."""
    return nearest(name, known).partition(" Valid:")[0] if len(known) > MOST_NAMES_LISTED else nearest(name, known)


MOST_NAMES_LISTED = 30
