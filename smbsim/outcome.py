"""What became of the firms that were there in week 0, and what the policies did, against the same run without them.

Every variant starts from the same firms and meets the same draws, so that what a firm would have done without a policy is not estimated:
it is what the same firm does in the paired run. Counted so are those who would have acted anyway, and what happened to those who got
nothing. Groups of firms: supported (by any policy), unsupported, entrants (later than week 0; not the same firms in two variants).

    anyway          supported firms that are there at the end without the policy too ; that borrow without it too
    jobs anyway     Σ over the supported of min(job-years with, job-years without)
    money anyway    Σ over the supported of support to those that are there at the end without it too

Source: MODEL.md 5.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .interventions.policies import labels
from .interventions.policy import Policy
from .result import Series
from .schema import WEEKS_PER_YEAR
from .state import MERGER, State

GROUPS = ("supported", "unsupported", "entrants")
BY_POLICY = {  # panel → unit, label; axis policy
    "policy_committed": ("currency", "Taken from the budget"),
    "policy_spent": ("currency", "Spent"),
    "policy_returned": ("currency", "Paid back"),
    "policy_recipients": ("firms", "Firms supported"),
    "policy_support": ("currency", "Support given to firms"),
    "policy_alive": ("firms", "Supported firms there at the end"),
    "policy_alive_anyway": ("firms", "Supported firms there at the end without the policies too"),
    "policy_money_anyway": ("currency", "Support of firms there at the end without the policies too"),
    "policy_borrowed": ("firms", "Supported firms that borrow"),
    "policy_borrowed_anyway": ("firms", "Supported firms that borrow without the policies too"),
    "policy_jobs": ("job-years", "Job-years at supported firms"),
    "policy_jobs_anyway": ("job-years", "Job-years at supported firms without the policies too"),
    "policy_turns": ("1", "How often its rule turned the level from rising to falling or back"),
}
BY_GROUP = {  # panel → unit, label; axis group
    "group_firms": ("firms", "Firms"),
    "group_jobs": ("job-years", "Job-years"),
    "group_jobs_without": ("job-years", "Job-years without the policies"),
    "group_exits": ("firms", "Exits"),
    "group_exits_without": ("firms", "Exits without the policies"),
}
BALANCES = {
    "final_balance": ("currency", "Deposits at the end"),
    "final_balance_without": ("currency", "Deposits at the end without the policies"),
}


@dataclass
class Outcome:
    """Of one variant of one run, for the n firms that lived in week 0.

    rows, began  : their rows, and what they were: uid, sector, region, kind, employment (n,)
    closed       : (n,) for good; a firm that merged goes on in another
    support, got : by policy, (n,) currency so far, bool
    books        : by policy, committed, spent and returned
    turns        : by policy, how often its rule turned
    """

    rows: np.ndarray
    began: dict[str, np.ndarray]
    first_entrant: int
    job_weeks: np.ndarray
    borrowed: np.ndarray
    entrant_weeks: float = 0.0
    closed: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    ended: dict[str, np.ndarray] = field(default_factory=dict)
    support: dict[str, np.ndarray] = field(default_factory=dict)
    got: dict[str, np.ndarray] = field(default_factory=dict)
    books: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    entrants: int = 0
    entrant_exits: int = 0
    balance: np.ndarray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def begin(cls, state: State) -> Outcome:
        """In week 0, before anything happens."""
        rows = np.flatnonzero(state.firms.alive)
        began = {name: getattr(state.firms, name)[rows] for name in ("uid", "sector", "region", "kind", "employment")}
        return cls(rows, began, state.firms.n, np.zeros(len(rows)), np.zeros(len(rows)))

    def watch(self, state: State) -> None:
        """After each week."""
        firms = state.firms
        self.job_weeks += firms.employment[self.rows]
        self.borrowed += firms.new_loans[self.rows]
        self.entrant_weeks += float(firms.employment[self.first_entrant :].sum())

    def close(self, state: State, policies: Sequence[Policy], weeks: int) -> None:
        """After the last week."""
        firms, rows = state.firms, self.rows
        self.ended = {name: getattr(firms, name)[rows] for name in ("alive", "exit_week", "exit_cause")}
        closed = ~firms.alive & (firms.exit_cause != MERGER)
        self.closed, entered = closed[rows], closed[self.first_entrant :]
        self.entrants, self.entrant_exits = len(entered), int(entered.sum())
        self.balance = state.accounts.balance.copy()
        for policy, name in zip(policies, labels(policies), strict=True):
            k = state.policy_names.index(name)
            self.support[name] = firms.support[rows, k]
            self.got[name] = self.support[name] > 0.0 if policy.spends else firms.entitled[rows, k] < weeks - policy.lag
            books = state.policies
            self.turns[name] = int(state.policies.turns[k])
            self.books[name] = float(books.committed[k]), float(books.spent[k]), float(books.returned[k])

    @property
    def supported(self) -> np.ndarray:
        """(n,) got something from any policy."""
        return np.any(list(self.got.values()), axis=0) if self.got else np.zeros(len(self.rows), dtype=bool)


def firm_panel(outcomes: Sequence[Outcome]) -> dict[str, np.ndarray]:
    """What became of the firms of week 0, by variant: arrays for `Result.firms`.

    Where variants have other firms in week 0, because their burn-in was another, all of them: `start_there` says which had which.
    """
    uids = np.unique(np.concatenate([o.began["uid"] for o in outcomes]))
    place = [np.searchsorted(uids, o.began["uid"]) for o in outcomes]
    found = {name: np.zeros(len(uids), dtype=values.dtype) for name, values in outcomes[0].began.items()}
    for o, rows in reversed(list(zip(outcomes, place, strict=True))):
        for name, values in o.began.items():
            found[name][rows] = values
    there = [{"there": np.ones(len(o.rows), dtype=bool), "job_weeks": o.job_weeks, "borrowed": o.borrowed, **o.ended} for o in outcomes]
    for name, values in there[0].items():
        found[name] = np.zeros((len(outcomes), len(uids)), dtype=values.dtype)
        for v, rows in enumerate(place):
            found[name][v, rows] = there[v][name]
    names = policy_names(outcomes)
    if names:
        found["support"] = np.zeros((len(outcomes), len(names), len(uids)))
        for v, o in enumerate(outcomes):
            for name, values in o.support.items():
                found["support"][v, names.index(name), place[v]] = values
    return {f"start_{name}": values for name, values in found.items()}


def policy_names(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The policies of all variants by name."""
    return tuple(dict.fromkeys(name for o in outcomes for name in o.books))


def panels(outcomes: Mapping[str, Outcome], without: Mapping[str, str]) -> dict[str, Series]:
    """Panels (V, 1, K) of what the policies did; none where there is no policy. NaN where a variant has not the policy or no pair.

    without : variant with policies → the variant that is the same without them, where that was run
    """
    names = policy_names(tuple(outcomes.values()))
    if not names:
        return {}
    by_policy = np.full((len(BY_POLICY), len(outcomes), 1, len(names)), np.nan)
    by_group = np.full((len(BY_GROUP), len(outcomes), 1, len(GROUPS)), np.nan)
    accounts = len(next(iter(outcomes.values())).balance)
    balances = np.full((len(BALANCES), len(outcomes), 1, accounts), np.nan)
    for v, (variant, one) in enumerate(outcomes.items()):
        other = outcomes.get(without.get(variant, ""))
        for name in one.books:
            by_policy[:, v, 0, names.index(name)] = _of_policy(one, other, name)
        if one.books:
            by_group[:, v, 0] = _of_groups(one, other)
        balances[:, v, 0] = one.balance, np.full(accounts, np.nan) if other is None else other.balance
    found = {}
    for table, values, axis in ((BY_POLICY, by_policy, "policy"), (BY_GROUP, by_group, "group"), (BALANCES, balances, "account")):
        for i, (name, (unit, label)) in enumerate(table.items()):
            found[name] = Series(values[i], unit, label, axis)
    return found


def _of_policy(one: Outcome, other: Outcome | None, name: str) -> tuple[float, ...]:
    """In the order of BY_POLICY."""
    got, support = one.got[name], one.support[name]
    alive, borrowed, jobs = got & ~one.closed, got & (one.borrowed > 0), one.job_weeks[got] / WEEKS_PER_YEAR
    anyway = there = least = lent = np.nan
    if other is not None:
        anyway, there = (got & ~other.closed).sum(), support[got & ~other.closed].sum()
        lent, least = (borrowed & (other.borrowed > 0)).sum(), np.minimum(jobs, other.job_weeks[got] / WEEKS_PER_YEAR).sum()
    return (*one.books[name], got.sum(), support[got].sum(), alive.sum(), anyway, there, borrowed.sum(), lent, jobs.sum(), least,
            one.turns.get(name, 0))  # fmt: skip


def _of_groups(one: Outcome, other: Outcome | None) -> np.ndarray:
    """(panels, groups) in the order of BY_GROUP."""
    found = np.full((len(BY_GROUP), len(GROUPS)), np.nan)
    for g, who in enumerate((one.supported, ~one.supported)):
        found[0, g], found[1, g], found[3, g] = who.sum(), one.job_weeks[who].sum() / WEEKS_PER_YEAR, one.closed[who].sum()
        if other is not None:
            found[2, g], found[4, g] = other.job_weeks[who].sum() / WEEKS_PER_YEAR, other.closed[who].sum()
    found[0, 2], found[1, 2], found[3, 2] = one.entrants, one.entrant_weeks / WEEKS_PER_YEAR, one.entrant_exits
    if other is not None:
        found[2, 2], found[4, 2] = other.entrant_weeks / WEEKS_PER_YEAR, other.entrant_exits
    return found
