r"""Adaptive rules: a policy that is looked at again and again, and runs at the level that what is seen calls for.

What is seen of a metric is its mean ȳ over `mean_weeks` weeks, known `reporting_lag` weeks later, each week with an error N(0, noise²), the
same for all who look at that metric. Every `review_weeks` from the policy's start on:

    threshold    on  if ȳ is past y_on at so many reviews in a row ;  off as soon as it is past y_off on the other side ;  else as it was
    pi           level = clip( base + k_p e + k_i Σ e , low, high ) ,  e = ȳ - target           Σ stands still while the level is at an end
    experiment   half of the regions, drawn, have the policy for `trial_weeks`; then all of them if it worked, else none:
                 effect = mean over those with it of (last quarter of the trial - quarter before it), less the same of the others
                 it worked if the effect is on the side `better` says, at least so many standard errors (Welch) from 0
    warning      on  for `hold_weeks` if an indicator of slowing down has been above its band at so many reviews in a row

The strength of the policy is multiplied by the level; the experiment switches it by region (firms that are everywhere have what all regions
have). Before its first review a rule of thresholds or of warning is off, one of pi at `base`.

Stability. Of a first-order plant T ẏ = -y + g level with the delay τ from what happens to what is done (lag, half of mean_weeks, half of
review_weeks), k_p g has to stay below about (π/2) T / τ, or the policy itself makes it swing: Hayes (1950). `turns` counts how often the
level turned from rising to falling or back.

Warning. In windows of w = window_weeks, less their linear trend: v = ln variance and φ, the autocorrelation at lag one, against their means
v̄ and φ̄ over the windows of the weeks 0 … learn_weeks = L, in which nothing is done:

    z = (z_v + z_φ) / √2 > width ,   z_v = (v - v̄) / σ_v , σ_v² = 2 (1 + φ̄²) / ((1 - φ̄²) w) (1 + w / L) ,
                                     z_φ = (φ - φ̄) / σ_φ , σ_φ² = (1 - φ̄²) / w (1 + w / L)                     Bartlett (1946)

Windows overlap, so that chance passes the band about once in 1 / P(Z > width) times w weeks.

All that a rule remembers stands in the state. Sources: MODEL.md X1; Walker, Rahman and Cave (2001), European Journal of Operational
Research 128, for adaptive policies; Hayes (1950), Journal of the London Mathematical Society 25, for the delay; Bartlett (1946), Supplement
to the Journal of the Royal Statistical Society 8, for the scatter of the indicators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, Union

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..adoption import AI
from ..mechanisms.base import Step
from ..occupations import SPARE
from ..schema import WEEKS_PER_QUARTER, WEEKS_PER_YEAR, InputError, param
from ..state import MEMORY, MERGER, SMB, State

Parts = tuple[np.ndarray, np.ndarray]  # (R,) numerator, denominator: regions add up to the economy


def _unemployment(state: State, t: int) -> Parts:
    return np.maximum(state.regions.unemployed, 0.0), state.regions.labour_force


def _output(state: State, t: int) -> Parts:
    return state.by_region(state.firms.output), state.regions.labour_force


def _exits(state: State, t: int) -> Parts:
    firms = state.firms
    small = firms.kind == SMB
    gone = small & (firms.exit_week == t) & (firms.exit_cause != MERGER)
    return WEEKS_PER_YEAR * state.by_region(gone.astype(float)), state.by_region((small & (firms.alive | gone)).astype(float))


def _adoption(state: State, t: int) -> Parts:
    small = (state.firms.kind == SMB) & state.firms.alive
    return state.by_region((small & (state.firms.tier == AI).any(axis=1)).astype(float)), state.by_region(small.astype(float))


def _skill(state: State, t: int) -> Parts:
    firms = state.firms
    return state.by_region(firms.employment * firms.skill[:, :SPARE].mean(axis=1)), state.by_region(firms.employment)


def _arrears(state: State, t: int) -> Parts:
    small = (state.firms.kind == SMB) & state.firms.alive
    return state.by_region((small & (state.firms.overdue > 0.0)).astype(float)), state.by_region(small.astype(float))


OBSERVED: dict[str, tuple[str, str, Callable[[State, int], Parts]]] = {  # what a rule may look at → unit, meaning, by region
    "unemployment": ("1", "unemployed by labour force", _unemployment),
    "output": ("base currency/wk", "output of firms per head of the labour force", _output),
    "exits": ("1/yr", "SMBs that close by those there are, a year", _exits),
    "adoption": ("1", "SMBs that use artificial intelligence", _adoption),
    "skill": ("1", "mean level of staff over the ten domains", _skill),
    "arrears": ("1", "SMBs that have anything overdue", _arrears),
}
OBSERVED_NEEDS = {"exits": ("exits",), "adoption": ("automation",), "skill": ("skills",), "arrears": ("finance",)}
ON, OFF = 1.0, 0.0
MOST_MEMORY = 0.95  # autocorrelation beyond which its scatter would be taken for none
LEAST_VARIANCE = 1e-24  # of a metric that stands still, so that its logarithm is finite


class Rule(BaseModel):
    """What all rules have. `begin` sets the level when the policy starts, `review` changes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: ClassVar[int] = 1  # that an economy must have

    kind: str
    observe: Literal[tuple(OBSERVED)] = param("unemployment", unit="choice", doc="Metric it looks at, in the regions of the target",
                                              source="choice")  # fmt: skip
    review_weeks: int = param(13, unit="wk", doc="Weeks between two reviews", low=1, high=520, source="MODEL.md X1: 13")
    reporting_lag: int = param(4, unit="wk", doc="Weeks until what happened is known", low=0, high=52, source="MODEL.md X1: 4")
    mean_weeks: int = param(4, unit="wk", doc="Weeks of which the mean is seen", low=1, high=52, source="assumption: a month")
    noise: float = param(0.0, unit="1", doc="Standard deviation of the error of a week, in the unit of the metric", low=0, high=1e9,
                         source="assumption")  # fmt: skip

    @model_validator(mode="after")
    def _check(self):
        problems = self._misfits()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _misfits(self) -> list[str]:
        return []

    # -- what is seen -----------------------------------------------------------------------------------------------------------------

    def note(self, state: State, k: int, step: Step, where: np.ndarray) -> None:
        """Remember this week: the metric over the regions `where` (R,) bool, with its error."""
        above, below = OBSERVED[self.observe][2](state, step.t)
        whole = float(below[where].sum())
        value = float(above[where].sum()) / whole if whole > 0.0 else 0.0
        state.policies.seen[k, step.t % MEMORY] = value + self._error(step)
        state.policies.seen_from[k] = min(int(state.policies.seen_from[k]), step.t)

    def _error(self, step: Step) -> float:
        return self.noise * step.draws.one_normal(f"report of {self.observe}", step.t) if self.noise else 0.0

    def last(self, state: State, k: int, t: int, weeks: int) -> np.ndarray:
        """What is known at the end of week t of the last so many weeks, the earliest first; fewer where less is known."""
        known = t - self.reporting_lag
        return state.policies.seen[k, np.arange(max(known - weeks + 1, int(state.policies.seen_from[k])), known + 1) % MEMORY]

    # -- what is done -----------------------------------------------------------------------------------------------------------------

    def begin(self, state: State, k: int, step: Step, where: np.ndarray) -> None:
        """In the policy's first week, before it acts."""
        state.policies.rule_level[k] = OFF

    def watch(self, state: State, k: int, step: Step, start: int, where: np.ndarray) -> None:
        """At the end of every week."""
        self.note(state, k, step, where)
        due = step.t >= start and (step.t - start + 1) % self.review_weeks == 0
        known = self.last(state, k, step.t, self.mean_weeks)
        if due and len(known):
            before = float(state.policies.rule_level[k])
            self.review(state, k, step, float(known.mean()))
            self._count_turns(state, k, float(state.policies.rule_level[k]) - before)

    def review(self, state: State, k: int, step: Step, y: float) -> None:
        """Set the level from what is seen."""

    def _count_turns(self, state: State, k: int, moved: float) -> None:
        books = state.policies
        if moved * books.direction[k] < 0.0:
            books.turns[k] += 1
        if moved != 0.0:
            books.direction[k] = np.sign(moved)


class ThresholdRule(Rule):
    """On beyond one value, off on the other side of another, and as it was in between: hysteresis keeps it from chattering."""

    kind: Literal["threshold"] = param("threshold", unit="choice", doc="Kind of rule", source="definition")
    y_on: float = param(..., unit="1", doc="On beyond this: above it if y_off is lower, below it if y_off is higher", source="choice")
    y_off: float = param(..., unit="1", doc="Off on the other side of this", source="choice")
    reviews: int = param(1, unit="1", doc="In a row that it takes to switch on", low=1, high=100, source="assumption")

    def _misfits(self):
        return [f"y_on and y_off are both {self.y_on:g}: without a gap the policy would chatter"] if self.y_on == self.y_off else []

    def review(self, state, k, step, y):
        """On after enough reviews past y_on, off past y_off."""
        books, sign = state.policies, 1.0 if self.y_on > self.y_off else -1.0
        books.in_a_row[k] = books.in_a_row[k] + 1 if sign * (y - self.y_on) > 0.0 else 0
        if books.in_a_row[k] >= self.reviews:
            books.rule_level[k] = ON
        elif sign * (y - self.y_off) < 0.0:
            books.rule_level[k] = OFF


class PIRule(Rule):
    """A level in proportion to how far the metric is from its target, and to how long it has been."""

    kind: Literal["pi"] = param("pi", unit="choice", doc="Kind of rule", source="definition")
    target: float = param(..., unit="1", doc="Value of the metric that is wanted", source="choice")
    k_p: float = param(..., unit="1", doc="Level per unit of error; below zero where more of the policy raises the metric", low=-1e6,
                       high=1e6, source="choice")  # fmt: skip
    k_i: float = param(0.0, unit="1", doc="Level per unit of error and review", low=-1e6, high=1e6, source="choice")
    base: float = param(0.0, unit="1", doc="Level without an error", low=0, high=10, source="choice")
    low: float = param(0.0, unit="1", doc="Lowest level", low=0, high=10, source="choice")
    high: float = param(1.0, unit="1", doc="Highest level", low=0, high=10, source="choice")

    def _misfits(self):
        problems = [f"low {self.low:g} is not below high {self.high:g}"] if self.low >= self.high else []
        if not self.low <= self.base <= self.high:
            problems.append(f"base {self.base:g} is outside low {self.low:g} … high {self.high:g}")
        return problems + (["k_p and k_i are both 0: the level would never move"] if self.k_p == self.k_i == 0.0 else [])

    def begin(self, state, k, step, where):
        """The level without an error."""
        state.policies.rule_level[k] = self.base

    def review(self, state, k, step, y):
        """Level from the error and its sum, which stands still at an end (else it would take as long to come back)."""
        books, error = state.policies, y - self.target
        summed = float(books.error_sum[k]) + error
        wanted = self.base + self.k_p * error + self.k_i * summed
        books.rule_level[k] = min(max(wanted, self.low), self.high)
        if self.low <= wanted <= self.high:
            books.error_sum[k] = summed


class ExperimentRule(Rule):
    """The policy is tried in half of the regions; if it works it is for all, if not for none. It is looked at once, when that is known."""

    regions: ClassVar[int] = 4  # two with it and two without: fewer have no variance

    kind: Literal["experiment"] = param("experiment", unit="choice", doc="Kind of rule", source="definition")
    better: Literal["lower", "higher"] = param("lower", unit="choice", doc="Value of the metric that is wanted", source="choice")
    trial_weeks: int = param(52, unit="wk", doc="Weeks of the trial", low=4, high=520, source="assumption: a year")
    certainty: float = param(1.64, unit="1", doc="Standard errors from 0 that the effect must be", low=0, high=10,
                             source="one side, 95 %")  # fmt: skip

    def begin(self, state, k, step, where):
        """Half of the regions, drawn; of an odd number one fewer."""
        books, R = state.policies, state.regions.n
        lot = np.where(where, step.draws.uniform(f"trial of {state.policy_names[k]}", 0, np.arange(R)), np.inf)
        books.rule_level[k] = ON
        books.region_on[k] = np.isin(np.arange(R), np.argsort(lot, kind="stable")[: int(where.sum()) // 2])

    def watch(self, state, k, step, start, where):
        """Sums what is seen of each region in the quarter before the trial, and in its last; decides when that is known."""
        books, t = state.policies, step.t
        if t < start + self.trial_weeks:
            above, below = OBSERVED[self.observe][2](state, t)
            value = np.divide(above, below, out=np.zeros(state.regions.n), where=below > 0.0)
            if self.noise:
                value = value + self.noise * step.draws.normal(f"report of {self.observe} by region", t, np.arange(state.regions.n))
            if t < max(start, 1) and t >= start - WEEKS_PER_QUARTER:
                books.region_before[k] += (value - books.region_before[k]) / (t - max(start - WEEKS_PER_QUARTER, 0) + 1)
            first = start + max(self.trial_weeks - WEEKS_PER_QUARTER, 0)
            if t >= first:
                books.region_after[k] += (value - books.region_after[k]) / (t - first + 1)
        if t == start + self.trial_weeks - 1 + self.reporting_lag:
            self._decide(state, k, where)

    def _decide(self, state: State, k: int, where: np.ndarray) -> None:
        books = state.policies
        effect, error = self.effect(books.region_after[k] - books.region_before[k], books.region_on[k] == ON, where)
        worked = (effect if self.better == "higher" else -effect) > self.certainty * error
        books.rule_level[k], books.region_on[k], books.effect[k] = (ON if worked else OFF), 1.0, effect

    @staticmethod
    def effect(change: np.ndarray, tried: np.ndarray, where: np.ndarray) -> tuple[float, float]:
        """Mean change of the regions with the policy less that of those without, and its standard error. change (R,); tried, where bool."""
        groups = [change[where & tried], change[where & ~tried]]
        error = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
        return float(groups[0].mean() - groups[1].mean()), float(error)


class WarningRule(Rule):
    """On for a while when the metric returns ever more slowly from its disturbances, as before a fold."""

    kind: Literal["warning"] = param("warning", unit="choice", doc="Kind of rule", source="definition")
    window_weeks: int = param(52, unit="wk", doc="Weeks of a window", low=20, high=MEMORY - 52, source="assumption: a year")
    learn_weeks: int = param(104, unit="wk", doc="Weeks from 0 on in which it learns what is usual", low=40, high=5200, source="assumption")
    width: float = param(2.33, unit="1", doc="Standard deviations of z from which it warns", low=0, high=10, source="one side, 99 %")
    reviews: int = param(2, unit="1", doc="In a row that it takes to switch on", low=1, high=100, source="assumption")
    hold_weeks: int = param(52, unit="wk", doc="Weeks for which it stays on", low=1, high=5200, source="assumption: a year")

    def _misfits(self):
        least = self.window_weeks + self.reporting_lag + 10
        return [f"learn_weeks {self.learn_weeks} is below {least}: nothing is known of what is usual"] if self.learn_weeks < least else []

    def watch(self, state, k, step, start, where):
        """Learns the band week by week, then looks at it at every review."""
        super().watch(state, k, step, start, where)
        window = self.last(state, k, step.t, self.window_weeks)
        if step.t < self.learn_weeks and len(window) == self.window_weeks:
            books = state.policies
            books.learned[k] += 1
            books.usual[k] += (indicators(window) - books.usual[k]) / books.learned[k]

    def review(self, state, k, step, y):
        """On after enough reviews above the band; off when it has been on long enough and is not above it."""
        books, window = state.policies, self.last(state, k, step.t, self.window_weeks)
        if step.t < self.learn_weeks or books.learned[k] == 0 or len(window) < self.window_weeks:
            return
        books.in_a_row[k] = books.in_a_row[k] + 1 if self.slowing(window, books.usual[k]) > self.width else 0
        if books.in_a_row[k] >= self.reviews:
            books.rule_level[k], books.on_until[k] = ON, step.t + self.hold_weeks
        elif step.t >= books.on_until[k]:
            books.rule_level[k] = OFF

    def slowing(self, window: np.ndarray, usual: np.ndarray) -> float:
        """z of a window against the usual indicators (2,), see above."""
        w, memory = self.window_weeks, min(max(float(usual[1]), 0.0), MOST_MEMORY)
        longer = 1.0 + w / self.learn_weeks
        spread = np.sqrt(longer / w * np.array([2.0 * (1.0 + memory**2) / (1.0 - memory**2), 1.0 - memory**2]))
        return float(((indicators(window) - usual) / spread).sum() / np.sqrt(2.0))


def indicators(x: np.ndarray) -> np.ndarray:
    """(2,) logarithm of the variance, and autocorrelation at lag one, of a series less its linear trend. x (w,), w >= 3."""
    t = np.arange(len(x)) - (len(x) - 1) / 2.0
    r = x - x.mean() - t * (t @ x) / (t @ t)
    variance = max(float(r @ r) / len(x), LEAST_VARIANCE)
    return np.array([np.log(variance), float(r[:-1] @ r[1:]) / (variance * len(x))])


KINDS = {"threshold": ThresholdRule, "pi": PIRule, "experiment": ExperimentRule, "warning": WarningRule}
AnyRule = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007 (built from the table)


def check_regions(rule: Rule, label: str, where: np.ndarray) -> None:
    """Raise InputError where the target has fewer regions than the rule needs. where (R,) bool."""
    if int(where.sum()) < rule.regions:
        raise InputError(f"{label}: rule {rule.kind} needs {rule.regions} regions to compare; the target has {int(where.sum())}")
