r"""What the policies of a variant cost and did: the paired difference from the same run without them.

    net cost            Σ (spent - returned)                                 a guarantee costs what it pays, a deferral what is not back yet
    job-years           Σ over all firms of employment / 52, less without    within the horizon
    exits avoided       exits without - exits with                           firms of week 0 and entrants
    displaced           job-years at firms that got nothing and at entrants, less without; below zero they lost
    budget balance      deposits of the state at the end, less without       taxes, benefits and all else included
    cost per effect     mean net cost / mean effect                          none where the mean effect is not above zero

    deadweight          share of those supported who would have acted anyway, exact because the same firms are followed in both runs:
      of firms          there at the end without it too                      of money: weighted by what they got
      of loans          supported firms that borrow, of which without it too
      of jobs           job-years at supported firms, of which without it too: Σ min(with, without)

    turns               how often its rule turned the level from rising to falling or back: swings that the policy makes or follows

An interval is the mean over the runs ± 1.96 standard errors of it; with one run there is none. The region of the mean effect e and cost c
together is Hotelling's, for x = (e, c) in R runs with mean x̄ and covariance S; below three runs there is none:

    (x - x̄)ᵀ S⁻¹ (x - x̄) ≤ 2 (R - 1) / (R (R - 2)) F_{2, R-2}

Sources: MODEL.md 5.9; Hotelling (1931), Annals of Mathematical Statistics 2; Black (1990), Medical Decision Making 10, for the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..outcome import BY_POLICY, GROUPS
from ..result import Result

NORMAL_95 = 1.96  # standard errors on each side of a mean
DEADWEIGHT = {  # measure → panels: supported who would have acted anyway, supported
    "deadweight_of_firms": ("policy_alive_anyway", "policy_recipients"),
    "deadweight_of_money": ("policy_money_anyway", "policy_support"),
    "deadweight_of_loans": ("policy_borrowed_anyway", "policy_borrowed"),
    "deadweight_of_jobs": ("policy_jobs_anyway", "policy_jobs"),
}
OF_POLICY = {  # measure → unit
    "spent": "currency", "returned": "currency", "committed": "currency", "recipients": "firms", "turns": "1",
    **dict.fromkeys(DEADWEIGHT, "1"),
}  # fmt: skip
OF_VARIANT = {  # measure → unit
    "net_cost": "currency", "job_years": "job-years", "exits_avoided": "firms", "displaced": "job-years", "budget_balance": "currency",
}  # fmt: skip
LEAST_IN_REGION = 3  # runs: with two there is no variance left to divide by
COSTS = {"cost_per_job_year": ("job_years", "currency per job-year"), "cost_per_exit_avoided": ("exits_avoided", "currency per firm")}


@dataclass(frozen=True)
class Estimate:
    """A mean over the runs and its 95 % interval; low and high are NaN with one run."""

    mean: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Effect:
    """Of one variant. runs: measure of OF_VARIANT → (R,); policies: name → measure of OF_POLICY → (R,)."""

    runs: dict[str, np.ndarray]
    policies: dict[str, dict[str, np.ndarray]]

    def estimate(self, measure: str) -> Estimate:
        """Mean and interval of a measure of OF_VARIANT, or of a cost per effect: the cost at the ends of the interval of the effect."""
        if measure not in COSTS:
            return estimate(self.runs[measure], OF_VARIANT[measure])
        effect, unit = COSTS[measure]
        cost, gain = self.estimate("net_cost").mean, self.estimate(effect)
        return Estimate(*(cost / x if x > 0 and gain.mean > 0 else np.nan for x in (gain.mean, gain.high, gain.low)), unit)

    def plane(self, measure: str, level: float = 0.95) -> dict[str, Any]:
        """A measure of OF_VARIANT against net cost, as plain data: x = (measure, net cost).

        runs (R, 2) x of every run where both are known ; mean (2,)
        half_axes (2, 2): the border of the region of the mean is mean + cos(t) half_axes[0] + sin(t) half_axes[1]; None below three runs
        """
        x = np.stack([self.runs[measure], self.runs["net_cost"]], axis=1)
        x = x[np.isfinite(x).all(axis=1)]
        half_axes = None if len(x) < LEAST_IN_REGION else region(x, level).tolist()
        return {"runs": x.tolist(), "mean": x.mean(axis=0).tolist() if len(x) else [np.nan, np.nan], "half_axes": half_axes, "level": level}


def region(x: np.ndarray, level: float) -> np.ndarray:
    """(2, 2) half axes, one a row, of Hotelling's region of the mean of x (R, 2), R >= 3, in the units of x."""
    from scipy.stats import f

    R = len(x)
    size, axes = np.linalg.eigh(np.cov(x.T))
    radius = sqrt(2.0 * (R - 1) / (R * (R - 2)) * f.ppf(level, 2, R - 2))
    return radius * (axes * np.sqrt(np.maximum(size, 0.0))).T


def estimate(values: np.ndarray, unit: str) -> Estimate:
    """Mean and interval over the runs in which the value is known. values (R,)."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return Estimate(np.nan, np.nan, np.nan, unit)
    mean = float(known.mean())
    half = NORMAL_95 * float(known.std(ddof=1)) / sqrt(known.size) if known.size > 1 else np.nan
    return Estimate(mean, mean - half, mean + half, unit)


def effects(result: Result) -> dict[str, Effect]:
    """Variant → what its policies did, for the variants that were run beside the same without their policies."""
    if "policy_spent" not in result.panels:
        return {}
    found = {}
    for v, variant in enumerate(result.variants):
        panel = {name: s.values[v] for name, s in result.panels.items() if name != "bullwhip"}
        policies = {
            name: _of_policy({p: panel[p][:, k] for p in BY_POLICY})
            for k, name in enumerate(result.labels["policy"])
            if np.isfinite(panel["policy_spent"][:, k]).any()
        }
        if policies and np.isfinite(panel["group_jobs_without"]).any():
            found[variant] = Effect(_of_variant(panel, policies, result), policies)
    return found


def _of_policy(panel) -> dict[str, np.ndarray]:
    found = {name: panel[f"policy_{name}"] for name in ("spent", "returned", "committed", "recipients", "turns")}
    for name, (anyway, all_of_them) in DEADWEIGHT.items():
        of = panel[all_of_them]
        found[name] = np.divide(panel[anyway], of, out=np.full(of.shape, np.nan), where=of > 0)
    return found


def _of_variant(panel, policies, result: Result) -> dict[str, np.ndarray]:
    jobs, exits = (panel[f"group_{what}"] - panel[f"group_{what}_without"] for what in ("jobs", "exits"))
    state = result.labels["account"].index("government")
    return {
        "net_cost": sum(p["spent"] - p["returned"] for p in policies.values()),
        "job_years": jobs.sum(axis=1),
        "exits_avoided": -exits.sum(axis=1),
        "displaced": jobs[:, GROUPS.index("unsupported") :].sum(axis=1),
        "budget_balance": (panel["final_balance"] - panel["final_balance_without"])[:, state],
    }


def told(result: Result, level: float = 0.95) -> dict[str, dict]:
    """Variant → measures with unit, mean and interval, the same of each policy, and the planes of cost against effect, as plain data.

    level: of the regions in the planes
    """
    found = {}
    for variant, effect in effects(result).items():
        names = (*OF_VARIANT, *COSTS)
        policies = {name: {m: vars(estimate(of[m], unit)) for m, unit in OF_POLICY.items()} for name, of in effect.policies.items()}
        planes = {name: effect.plane(name, level) for name, _ in COSTS.values()}
        found[variant] = {"measures": {name: vars(effect.estimate(name)) for name in names}, "policies": policies, "planes": planes}
    return found


def in_words(result: Result) -> list[str]:
    """What each policy cost, whom it reached and what it changed, a line or two per variant."""
    lines = []
    for variant, effect in effects(result).items():
        for name, of in effect.policies.items():
            anyway = estimate(of["deadweight_of_firms"], "").mean
            reached = f"{estimate(of['recipients'], '').mean:.4g} firms"
            reached += f", of which {anyway:.0%} would be there at the end without it" if np.isfinite(anyway) else ""
            turns = estimate(of["turns"], "").mean
            swings = f"; its rule turned {turns:.2g} times between more and less" if turns > 0 else ""
            lines.append(f"{variant}: {name} {_outlay(of)}; it reaches {reached}{swings}")
        jobs, exits, balance = (effect.estimate(m) for m in ("job_years", "exits_avoided", "budget_balance"))
        lines.append(
            f"{variant}: {_signed(jobs)} job-years and {_signed(exits)} exits avoided against the same without the policies; "
            f"the state ends with {_signed(balance)} of deposits"
        )
        costs = {"job-year": effect.estimate("cost_per_job_year"), "exit avoided": effect.estimate("cost_per_exit_avoided")}
        known = [f"{_money(cost.mean)} per {what}" for what, cost in costs.items() if cost.mean > 0]
        if known:
            lines.append(f"{variant}: it costs {' and '.join(known)}")
    return lines


def _outlay(of) -> str:
    """What a policy costs the state, in words."""
    committed, spent, back = (estimate(of[m], "").mean for m in ("committed", "spent", "returned"))
    if not (committed or spent):
        return "takes nothing from a budget"
    promised = f"promises {_money(committed)} and " if committed != spent else ""
    return f"{promised}spends {_money(spent)}" + (f", gets back {_money(back)}" if back else "")


def _money(x: float) -> str:
    return f"{x:.4g}"


def _signed(e: Estimate) -> str:
    band = f" ({e.low:+.4g} to {e.high:+.4g})" if np.isfinite(e.low) else ""
    return f"{e.mean:+.4g}{band}"
