r"""Do indicators tell runs that are about to tip from runs that are not? Measured over two ensembles under the same forcing.

    found = skill(runs[tipping], calm)          (R₁, T) that tip, (R₀, T) that do not
    print(found.in_words())

    score       Kendall's τ of an indicator up to the end of a run, in the direction it has near a fold (|τ| of skewness)
    ends        of a run that tips: before it leaves its level (`warning.tip`); of the others: those of the tipping runs, in turn
    AUC         P(score of a tipping run > score of a calm one), ties half; .5 is a coin; interval by Newcombe (2006)
    online      every so often what is known up to then is judged anew; the score of the composite in standard deviations of the calm
                runs at that date; an alarm above the level that `false_alarms` of the calm runs ever reach
    lead        from the first alarm of a run to its end, in units of time; median over the runs with one, and how many have none
    test        share of runs in which the surrogate test of `warning` says alarm, of both kinds

The level is set on the calm runs given: on others the false alarms vary around it. Runs are chosen here for having tipped, which favours
every indicator of the way out; that is why they end before it. Sources: MODEL.md 5.5; Boettiger and Hastings (2012), Proc. R. Soc. B 279
and J. R. Soc. Interface 9; Newcombe (2006), Statistics in Medicine 25, method 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..schema import InputError
from .indicators import BANDWIDTH, INDICATORS, LEAST_WINDOW, WINDOW, check_series, in_windows, kendall, least_length, trend
from .surrogates import surrogates
from .sweeps import System, each, hold_seed
from .thresholds import wilson
from .warning import SIGNIFICANT, exceeded, tip

LEAST_RUNS = 5  # of each kind; MODEL.md 5.5 asks for 50
WANTED_RUNS = 50
FALSE_ALARMS = 0.05  # share of the calm runs that may raise an alarm at any date
DATES = 16  # at which runs are judged online
LEVEL = 0.95
EDGE = 1e-9  # keeps the search for an interval off 0 and 1, where the standard error is zero


@dataclass(frozen=True)
class Area:
    """AUC with its interval."""

    auc: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """It is no coin."""
        return self.low > 0.5

    def __str__(self) -> str:
        return f"{self.auc:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Skill:
    """scores: indicator → ((R₁,) tipping, (R₀,) calm); areas: indicator → AUC; lead (R₁,) time, NaN without an alarm; ends (R₁,) time.

    dates (K,) in time at which runs are judged; level: the score above which there is an alarm; false: share of calm runs with one;
    hits, false_hits: (share, low, high) of runs in which the surrogate test says alarm, None without surrogates.
    """

    name: str
    unit: str
    scores: Mapping[str, tuple[np.ndarray, np.ndarray]]
    areas: Mapping[str, Area]
    lead: np.ndarray
    ends: np.ndarray
    dates: np.ndarray
    level: float
    false: float
    hits: tuple[float, float, float] | None
    false_hits: tuple[float, float, float] | None

    @property
    def runs(self) -> tuple[int, int]:
        """Tipping, calm."""
        one = self.scores["composite"]
        return len(one[0]), len(one[1])

    @property
    def warned(self) -> float:
        """Share of the tipping runs with an alarm before the end."""
        return float(np.isfinite(self.lead).mean())

    @property
    def median_lead(self) -> float:
        """Over the runs with an alarm; NaN where there is none."""
        return float(np.nanmedian(self.lead)) if self.warned else float("nan")

    def roc(self, name: str = "composite") -> tuple[np.ndarray, np.ndarray]:
        """(false alarms, hits) for every level, from none to all."""
        return roc(*self.scores[name])

    def in_words(self) -> str:
        """Skill with its interval, lead time, what is missed, false alarms."""
        area, (n, m) = self.areas["composite"], self.runs
        lines = [
            f"{self.name}: the composite ranks a tipping run above a calm one with probability {area} (AUC, 95 % interval; {n} tipping, "
            f"{m} calm runs): {'skill' if area.clear else 'no better than a coin'}"
        ]
        if area.clear and self.warned:
            low, high = np.nanpercentile(self.lead, (25, 75))
            lines.append(
                f"at {self.false:.0%} false alarms it warns in {self.warned:.0%} of the tipping runs, {self.median_lead:.3g} {self.unit} "
                f"ahead (middle half {low:.3g} to {high:.3g}); {1 - self.warned:.0%} come without a warning"
            )
        elif not area.clear:
            lines.append("nothing here slows down before the jump, or it goes too fast to be seen; a lead time would be chance")
        if self.hits is not None and self.false_hits is not None:
            lines.append(f"surrogate test: alarm in {_share(self.hits)} of tipping and {_share(self.false_hits)} of calm runs")
        if min(n, m) < WANTED_RUNS:
            lines.append(f"fewer than {WANTED_RUNS} runs of each kind: the intervals are wide")
        return "\n".join(lines)


def _share(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.0%} ({found[1]:.0%} to {found[2]:.0%})"


def skill(
    tipping: np.ndarray,
    calm: np.ndarray,
    time: np.ndarray | None = None,
    *,
    ends: Sequence[int] | None = None,
    calm_ends: Sequence[int] | None = None,
    window: float = WINDOW,
    bandwidth: float = BANDWIDTH,
    n_surrogates: int = 0,
    false_alarms: float = FALSE_ALARMS,
    dates: int = DATES,
    seed: int = 1,
    name: str = "series",
    unit: str = "steps",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Skill:
    """Measure the skill of every indicator on runs that tip, (R₁, T), and runs that do not, (R₀, T).

    ends         : values of each tipping run that are looked at; default: found by `warning.tip`; runs without a tip are refused
    calm_ends    : of each calm run; default: those of the tipping runs in turn, and never a tip
    n_surrogates : of the surrogate test of each run; 0 leaves it out
    unit         : of time

    Raises InputError for fewer than 5 runs of a kind, for runs that end too early, and for calm runs that tip.
    """
    tipping, calm = (np.atleast_2d(np.asarray(x, dtype=float)) for x in (tipping, calm))
    t = np.arange(tipping.shape[1], dtype=float) if time is None else np.asarray(time, dtype=float)
    until = _ends(tipping, ends)
    calm_until = np.resize(until, len(calm)) if calm_ends is None else np.asarray(calm_ends)
    _check(tipping, calm, t, until, calm_until, calm_ends is None, window)
    runs = [(x[:n], k) for k, (x, n) in enumerate([*zip(tipping, until, strict=True), *zip(calm, calm_until, strict=True)])]
    done = [0]

    def judge(one: tuple[np.ndarray, int]) -> tuple[dict[str, float], float]:
        found = _scores(*one, window, bandwidth, n_surrogates, seed)
        done[0] += 1
        if progress is not None:
            progress(done[0], len(runs))
        return found

    judged = each(judge, runs, jobs)
    n = len(tipping)
    scores = {k: (np.array([s[k] for s, _ in judged[:n]]), np.array([s[k] for s, _ in judged[n:]])) for k in INDICATORS}
    areas = {k: area(*both) for k, both in scores.items()}
    places, lead, level, false = _online(tipping, calm, until, calm_until, t, window, bandwidth, false_alarms, dates)
    tested = [_rate([p < SIGNIFICANT for _, p in part]) if n_surrogates else None for part in (judged[:n], judged[n:])]
    return Skill(name, unit, scores, areas, lead, t[until - 1], t[places - 1], level, false, *tested)


def _ends(tipping: np.ndarray, ends: Sequence[int] | None) -> np.ndarray:
    found = [tip(x) for x in tipping] if ends is None else list(ends)
    none = [k for k, n in enumerate(found) if n is None]
    if none:
        raise InputError(
            f"{len(none)} of {len(found)} runs said to tip have no lasting jump, run {none[0]} first: leave them out, or give ends"
        )
    return np.array(found, dtype=int)


def _check(tipping, calm, t, until, calm_until, look: bool, window: float) -> None:
    problems = [
        f"{len(x)} {kind} runs: at least {LEAST_RUNS} are needed, {WANTED_RUNS} for an interval that says something"
        for kind, x in (("tipping", tipping), ("calm", calm))
        if len(x) < LEAST_RUNS
    ]
    if tipping.shape[1] != calm.shape[1] or len(t) != calm.shape[1]:
        problems.append(f"tipping runs of {tipping.shape[1]} values, calm ones of {calm.shape[1]}, {len(t)} times: they must be as long")
    if problems:
        raise InputError(*problems)
    jumped = [k for k, x in enumerate(calm) if tip(x) is not None] if look else []
    if jumped:
        raise InputError(
            f"{len(jumped)} of {len(calm)} runs said to be calm have a lasting jump, run {jumped[0]} first: they belong to the others"
        )
    short = [k for k, n in enumerate(until) if n < least_length(window)]
    if short:
        raise InputError(
            f"{len(short)} of {len(until)} tipping runs end too early, run {short[0]} after {until[short[0]]} values; "
            f"{least_length(window)} are needed with a window of {window:g}: drive the system more slowly, or look at it more often"
        )
    for x, n in [*zip(tipping, until, strict=True), *zip(calm, calm_until, strict=True)]:
        check_series(x[:n], window)


def _scores(x: np.ndarray, run: int, window: float, bandwidth: float, n_surrogates: int, seed: int) -> tuple[dict[str, float], float]:
    """τ of every indicator, turned to what it does near a fold, and p of the composite."""
    width = _width(window, len(x))
    residual = x - trend(x, bandwidth)
    taus = {name: float(kendall(values)[0]) for name, values in in_windows(residual, width).items()}
    p = np.nan
    if n_surrogates:
        like = surrogates(residual, n_surrogates, seed + run)
        p = exceeded(taus["composite"], kendall(in_windows(like - trend(like, bandwidth), width)["composite"]), 1)
    return {name: _turned(tau, INDICATORS[name]) for name, tau in taus.items()}, p


def _width(window: float, n: int) -> int:
    return max(round(window * n), LEAST_WINDOW)


def _turned(tau: float, direction: int) -> float:
    """Unknown counts as no trend."""
    tau = tau if np.isfinite(tau) else 0.0
    return abs(tau) if direction == 0 else tau * direction


def _online(tipping, calm, until, calm_until, t, window, bandwidth, false_alarms, dates):
    """(values known at each date (K,), lead (R₁,), level, share of calm runs with an alarm)."""
    places = np.unique(np.linspace(least_length(window), until.max(), dates).round().astype(int))
    together, n, z = np.concatenate([tipping, calm]), len(tipping), []
    for place in places:
        x = together[:, :place]
        tau = kendall(in_windows(x - trend(x, bandwidth), _width(window, place))["composite"])
        z.append((tau - tau[n:].mean()) / tau[n:].std(ddof=1))
    watched = places <= np.concatenate([until, calm_until])[:, None]
    z = np.where(watched, np.array(z).T, -np.inf)
    highest = np.sort(z[n:].max(axis=1))
    level = float(highest[max(int(np.ceil((1 - false_alarms) * len(highest))) - 1, 0)])
    alarm = z[:n] > level
    first = t[places[np.argmax(alarm, axis=1)] - 1]
    lead = np.where(alarm.any(axis=1), t[until - 1] - first, np.nan)
    return places, lead, level, float(np.mean(highest > level))


def _rate(alarms: Sequence[bool]) -> tuple[float, float, float]:
    share = float(np.mean(alarms))
    return share, *(float(x) for x in wilson(share, len(alarms)))


# -- ROC ----------------------------------------------------------------------------------------------------------------------------------


def roc(tipping: np.ndarray, calm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share of calm, share of tipping scores at or above a level), for all levels from the highest down, beginning at (0, 0)."""
    levels = np.unique(np.concatenate([tipping, calm]))[::-1]
    false, hits = (np.mean(x[None] >= levels[:, None], axis=1) for x in (calm, tipping))
    return np.r_[0.0, false], np.r_[0.0, hits]


def area(tipping: np.ndarray, calm: np.ndarray, level: float = LEVEL) -> Area:
    """AUC of scores with its interval: the values whose own standard error reaches to what was found (Newcombe's method 5)."""
    from scipy.optimize import brentq

    n, m = len(tipping), len(calm)
    found = float(np.mean((tipping[:, None] > calm) + 0.5 * (tipping[:, None] == calm)))
    z, half = NormalDist().inv_cdf((1 + level) / 2), (n + m) / 2 - 1

    def error(a: float) -> float:
        """Standard error if the area were a: Hanley and McNeil (1982), with equal numbers of both kinds in the sum."""
        return np.sqrt(a * (1 - a) * (1 + half * ((1 - a) / (2 - a) + a / (1 + a))) / (n * m))

    low = brentq(lambda a: a + z * error(a) - found, 0.0, found - EDGE * found) if found > 0 else 0.0
    high = brentq(lambda a: a - z * error(a) - found, found + EDGE * (1 - found), 1.0) if found < 1 else 1.0
    return Area(found, float(low), float(high))


# -- a parameter that moves ---------------------------------------------------------------------------------------------------------------


def ramp(f: System, parameters: Sequence[float], seeds: Sequence[int], jobs: int = 1) -> np.ndarray:
    """(R, T) the order parameter of a system (see `sweeps`) whose parameter takes these values one after the other, a hold at each."""

    def way(seed: int) -> np.ndarray:
        state, values = None, []
        for place, parameter in enumerate(parameters):
            m, state = f(float(parameter), state, hold_seed(seed, place, 0))
            values.append(np.atleast_1d(np.asarray(m, dtype=float)))
        return np.stack(values, axis=1)

    return np.concatenate(each(way, seeds, jobs))
