r"""What a closure costs and what a unit of demand brings, measured on the model itself by paired simulations.

Closures (MODEL.md 5.1). A set S of firms is shut for D weeks; run and baseline meet the same draws. Sums over the horizon T:

    DSI_S     = Σ_t (VA_t^base - VA_t^S) / Σ_t VA_t^base                  share of value added lost; `employment`: the same for jobs
    own_S     = Σ_{t<D} Σ_{i in S} va_it^base / Σ_t VA_t^base             what the closed firms themselves would have added meanwhile
    amplification = DSI_S / own_S                                         1: nobody else loses, and they catch up on nothing
    cascade   = number of other firms with x_it < .8 x_it^base in some week t < 26
    stopped   = number of other firms with x_it < .1 normal output in some week t < 26 in which their baseline is not
    Em(G)     = L(G) / Σ_{i in G} L({i}) - 1 ,  L = DSI                   > 0: the closures make each other worse;  < 0: they overlap

Nobody fails in the foundation of the model, so `stopped` counts firms that nearly stand still, not failures. The economy (firms, network)
is built once, from the seed; replicate r meets the weekly draws of seed + r, so that a firm is the same firm in all of them, and
replicate 0 is the run of `simulate.run` with that seed. Without noise (breakdown_hazard 0) all replicates are equal.

Impulses. The state buys d_i more of the target firms in each of D weeks and pays for what it gets:

    μ(h) = Σ_{t<=h} ΔVA_t / Σ_{t<=h} Δdemand_t

While capacity and stocks suffice the model is linear, every stock returns to rest, and the long run follows from sums over all weeks. With
Δ the sum over all weeks: orders ΔX = A ΔX + ΔF; a firm pays out what it does not spend or save, ΔD = (1 - τ_Π) Δprofit; a household cell
ends with the wealth it began with, so ΔC = ΔY whatever c_y is; accounts spend all they earn. Hence, per unit of demand at firm i,

    p_i = v_i + Σ_j A_ji p_j + Σ_a α_ia z_a + [ (1 - τ_y - b) ω_i + (1 - τ_y)(1 - τ_Π) π_i ] y_{r(i)}
    y_r = Σ_i B_ir θ_{s(i)} p_i + Σ_a θ_a z_a            a unit of disposable income in region r
    z_a = spending of account a per unit of its revenue: inputs, other accounts, wages (1 - τ_y - b) y, surplus (1 - τ_y) y

with ω wages, π = 1 - inputs - ω - product taxes, α inputs from accounts, b benefits saved per unit of wages, all per unit of output.
    open loop (households at rest, y = 0), no imports, no accounts:   p = v'(I - A)⁻¹ = 1 exactly: every unit ends as somebody's value added
    closed loop, one sector, no imports, τ_Π = b = 0:                 p = 1 / (1 - (1 - τ_y) λ) , λ = ω + π     (R19 with c = 1)
R19 has c < 1 because it has no wealth: here what is not consumed at once is wealth, and is consumed later. c_y takes the place of c only
before wealth is spent (n_V → ∞ at a given horizon).

Local multiplier. A unit is spent at the firms of a region, tagged, and followed along the resting flows for as long as it stays there:
local suppliers (links, counter inputs, investment goods), wages and owners' income of the region, what these spend at home. Taxes,
imports, large firms, other regions, housing, saving and lending end the trail. Wages are counted before income tax, which leaves one
round later.

    LM3 = 1 + s_1 + s_2                                  s_k what is spent in the region in the k-th round;  1 <= LM3 <= 3

Sources: Diem et al. (2022) for what is compared; Hallegatte (2008) and Inoue and Todo (2019) for indirect losses; Gabaix (2011) for size;
Clauset, Shalizi and Newman (2009), SIAM Review 51(4), for the power-law fit; New Economics Foundation (2002), "The Money Trail", for LM3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..accounts import transfer
from ..draws import Draws
from ..economy import Economy
from ..interventions.shocks import Removal
from ..mechanisms.base import Step
from ..metrics.activity import value_added
from ..network import FirmNetwork
from ..rest import ACCOUNTS, GOVERNMENT, INVESTMENT, USES
from ..scenario import Scenario
from ..schema import WEEKS_PER_YEAR, InputError, nearest
from ..simulate import Plan, Progress, advance, burn_in, ignore, plan, prepare
from ..state import EVERYWHERE, OWNER, SMB, WORKER, State
from ..systemic.multipliers import link_coefficient, series, value_added_coefficient

CASCADE_WEEKS = 26  # MODEL.md 5.1
HURT = 0.8  # share of the baseline's output below which a firm is part of the cascade; MODEL.md 5.1
STOPPED = 0.1  # share of normal output below which a firm has stopped; the metric stopped_smbs has the same
NO_LOSS = 1e-12  # a smaller share of value added is rounding
MOST_NAMED = 3  # members of a set in its label
LEAST_TAIL = 10  # observations in the tail of a power-law fit; fewer say nothing about an exponent (assumption)
CANDIDATES = 200  # most lower bounds tried; a longer list is thinned evenly
STEEPEST = 20.0  # largest exponent of the discrete fit

Closure = int | str | Iterable[int | str]  # one firm, or several that shut together: uids, or names where the network has names


# -- closures -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Impact:
    """Of K closures in R replicates, (R, K): dsi, employment (jobs lost), own, amplification (NaN where own is 0), cascade, stopped.

    labels, members : names and uids of the firms of each closure
    size            : (K,) their share of all output at rest
    weeks, horizon  : D and T, wk
    """

    labels: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    weeks: int
    horizon: int
    size: np.ndarray
    own: np.ndarray
    dsi: np.ndarray
    employment: np.ndarray
    cascade: np.ndarray
    stopped: np.ndarray

    @property
    def amplification(self) -> np.ndarray:
        """(R, K) DSI over the closed firms' own part of value added."""
        return np.divide(self.dsi, self.own, out=np.full(self.dsi.shape, np.nan), where=self.own > NO_LOSS)

    @property
    def mean(self) -> np.ndarray:
        """(K,) DSI, mean over replicates."""
        return self.dsi.mean(axis=0)

    def band(self, low: float = 5.0, high: float = 95.0) -> tuple[np.ndarray, np.ndarray]:
        """Two percentiles of DSI over replicates, (K,) each."""
        return tuple(np.percentile(self.dsi, (low, high), axis=0))

    @property
    def ranking(self) -> np.ndarray:
        """(K,) closures by mean DSI, worst first."""
        return np.argsort(-self.mean, kind="stable")

    def rank_correlation(self, scores: np.ndarray | None = None) -> float:
        """Spearman's ρ of mean DSI with scores (K,), such as a static index of the same firms; with their size if not given.

        The firms of the closures are those of `simulate.prepare(scenario, seed)[0]`, so that is where to take the index from.
        NaN where one of the two is constant.
        """
        return spearman(self.mean, self.size if scores is None else np.asarray(scores, dtype=float))

    def tail(self, bootstrap: int = 0) -> PowerLaw:
        """Power law of the upper tail of mean DSI. Raises InputError where too few closures lose anything."""
        return power_law(self.mean[self.mean > NO_LOSS], bootstrap=bootstrap)

    def cascade_tail(self, bootstrap: int = 0) -> PowerLaw:
        """Power law of the upper tail of the size of cascades, all replicates together. Raises InputError where there are too few."""
        return power_law(self.cascade[self.cascade > 0].ravel(), discrete=True, bootstrap=bootstrap)

    def summary(self, scores: np.ndarray | None = None) -> str:
        """A few sentences. scores: (K,) of a static index, to say how far it agrees."""
        worst, mean, runs = int(self.ranking[0]), self.mean, len(self.dsi)
        low, high = self.band()
        band = f" ({low[worst]:.3%} to {high[worst]:.3%} in nine of ten runs)" if runs > 1 else ""
        amplified = self.amplification[np.isfinite(self.amplification)]
        middle, most = (np.median(amplified), amplified.max()) if amplified.size else (np.nan, np.nan)
        lines = [
            f"{len(mean)} closures of {self.weeks} weeks, {runs} paired run{'s' * (runs > 1)} of {self.horizon} weeks each",
            f"worst: {self.labels[worst]}, {mean[worst]:.3%} of value added{band} and {self.employment[:, worst].mean():.3%} of jobs, "
            f"{self.cascade[:, worst].mean():.0f} other firms below {HURT:.0%} of their output",
            f"amplification: {middle:.2f} in the middle, {most:.2f} at most (1: only the closed firms lose)",
            f"cascades of more than one other firm: {np.mean(self.cascade > 1):.1%}; other firms that nearly stop: "
            f"{self.stopped.mean():.2f} per closure (nobody fails in this model)",
        ]
        if len(mean) > 2:
            share = np.sort(mean)[::-1][: max(len(mean) // 10, 1)].sum() / mean.sum() if mean.sum() > 0 else np.nan
            lines.append(f"the worst tenth makes {share:.0%} of all losses; rank correlation with size {self.rank_correlation():.2f}")
            if scores is not None:
                lines.append(f"rank correlation with the static index {self.rank_correlation(scores):.2f}")
        return "\n".join(lines)


def dynamic_impact(
    scenario: Scenario,
    firms: Sequence[Closure] | None = None,
    weeks: int = 4,
    horizon: int = 52,
    replicates: int = 1,
    *,
    seed: int | None = None,
    economy: Economy | None = None,
    network: FirmNetwork | None = None,
    jobs: int = 1,
    progress: Progress = ignore,
) -> Impact:
    """Shut firms, or sets of firms, one after the other for `weeks` weeks from week 0, and compare `horizon` weeks with the baseline.

    scenario   : its own interventions act in the baseline as well; variants are ignored
    firms      : one entry per closure, a firm or several (uids, or names where the network has names); None: every SMB by itself
    replicates : R, runs with different weekly draws on the same firms and links
    seed       : of the firms, the links and the first replicate; default that of the scenario
    jobs       : closures at a time, by threads: pays from some thousand firms on. Results do not depend on it
    progress   : called with the number of weeks simulated since the last call

    Raises InputError for unknown firms, empty sets and closures longer than the horizon.
    """
    _check(weeks, horizon, replicates)
    alone = _alone(scenario, horizon)
    first = alone.runs.seed if seed is None else seed
    state, quiet, _ = prepare(alone.without_interventions(), first, economy, network=network)
    members = _members(state, firms)
    shut = [_removal(alone, state, uids, weeks) for uids in members]
    output = state.firms.normal_output
    size = np.array([output[list(uids)].sum() for uids in members]) / output.sum()
    found = []
    for r in range(replicates):
        draws, begun = Draws(first + r), state.copy()
        burn_in(begun, quiet, draws, alone.horizon.burn_in, progress=progress)
        base = _watch(begun.copy(), plan(alone, begun, draws), draws, horizon, weeks)
        progress(horizon)

        def one(k: int, begun=begun, base=base, draws=draws) -> tuple[float, ...]:
            run = begun.copy()
            seen = _watch(run, plan(shut[k], run, draws), draws, horizon, weeks)
            progress(horizon)
            return _compare(base, seen, np.array(members[k]), output)

        found.append(_map(one, len(members), jobs))
    dsi, lost_jobs, own, cascade, stopped = np.moveaxis(np.array(found, dtype=float), 2, 0)
    labels = tuple(_label(state, uids) for uids in members)
    return Impact(labels, members, weeks, horizon, size, own, dsi, lost_jobs, cascade.astype(int), stopped.astype(int))


@dataclass(frozen=True)
class Superadditivity:
    """Of K groups in R replicates, (R, K): loss L(G), singles Σ L({i}), both shares of value added; Em = L(G) / Σ L({i}) - 1."""

    labels: tuple[str, ...]
    loss: np.ndarray
    singles: np.ndarray

    @property
    def emergence(self) -> np.ndarray:
        """(R, K) Em; NaN where the firms by themselves lose nothing."""
        there = np.abs(self.singles) > NO_LOSS
        return np.divide(self.loss, self.singles, out=np.full(self.loss.shape, np.nan), where=there) - 1.0

    def summary(self) -> str:
        """One sentence per group."""
        lines = []
        for k, label in enumerate(self.labels):
            em = float(self.emergence[:, k].mean())
            what = "as bad as" if not abs(em) > 0.005 else f"{abs(em):.0%} {'worse' if em > 0 else 'less bad'} than"
            what = "not comparable with" if np.isnan(em) else what
            lines.append(f"{label}: together {self.loss[:, k].mean():.3%} of value added, {what} one by one")
        return "\n".join(lines)


def superadditivity(scenario: Scenario, groups: Sequence[Iterable[int | str]], *args, **options) -> Superadditivity:
    """Shut each group at once and its firms one by one. Arguments as for `dynamic_impact`; raises what it raises."""
    groups = [_several(group) for group in groups]
    single = list(dict.fromkeys(firm for group in groups for firm in group))
    found = dynamic_impact(scenario, [*groups, *single], *args, **options)
    place = {firm: len(groups) + k for k, firm in enumerate(single)}
    singles = np.stack([found.dsi[:, [place[firm] for firm in group]].sum(axis=1) for group in groups], axis=1)
    return Superadditivity(found.labels[: len(groups)], found.dsi[:, : len(groups)], singles)


@dataclass(frozen=True)
class _Path:
    """One run: value added and heads (T,), output of the first weeks (26, n), and the firms' own value added up to week D, (n,)."""

    value_added: np.ndarray
    heads: np.ndarray
    output: np.ndarray
    own: np.ndarray


def _watch(state: State, phases: Plan, draws: Draws, horizon: int, weeks: int) -> _Path:
    n = state.firms.n
    path = _Path(np.empty(horizon), np.empty(horizon), np.empty((min(horizon, CASCADE_WEEKS), n)), np.zeros(n))
    for t in _weeks(state, phases, draws, horizon):
        added = value_added(state)
        path.value_added[t], path.heads[t] = added.sum(), state.firms.employment.sum()
        if t < len(path.output):
            path.output[t] = state.firms.output
        if t < weeks:
            path.own[:] += added
    return path


def _weeks(state: State, phases: Plan, draws: Draws, horizon: int) -> Iterator[int]:
    """Each week after the state has been advanced through it."""
    for t in range(horizon):
        advance(state, phases, Step(t, draws))
        yield t


def _compare(base: _Path, run: _Path, closed: np.ndarray, normal: np.ndarray) -> tuple[float, ...]:
    """dsi, employment, own, cascade, stopped of one closure."""
    total = base.value_added.sum()
    others = np.ones(len(normal), dtype=bool)
    others[closed] = False
    hurt = (run.output < HURT * base.output).any(axis=0)
    idle = STOPPED * normal
    stopped = ((run.output < idle) & (base.output >= idle)).any(axis=0)
    return (
        (base.value_added - run.value_added).sum() / total, (base.heads - run.heads).sum() / base.heads.sum(),
        base.own[closed].sum() / total, (hurt & others).sum(), (stopped & others).sum(),
    )  # fmt: skip


def _map(one: Callable[[int], tuple], count: int, jobs: int) -> list[tuple]:
    if jobs == 1:
        return [one(k) for k in range(count)]
    with ThreadPoolExecutor(jobs, thread_name_prefix="closure") as pool:
        return list(pool.map(one, range(count)))


def _check(weeks: int, horizon: int, replicates: int) -> None:
    problems = []
    if not 1 <= weeks <= horizon:
        problems.append(f"weeks = {weeks}: at least 1 and at most the horizon of {horizon} weeks")
    if replicates < 1:
        problems.append(f"replicates = {replicates}: at least 1")
    if problems:
        raise InputError(*problems)


def _alone(scenario: Scenario, horizon: int) -> Scenario:
    """The scenario without its variants, over this horizon."""
    return next(iter(scenario.all_variants(baseline=False).values())).with_(horizon={"weeks": horizon})


def _removal(scenario: Scenario, state: State, uids: tuple[int, ...], weeks: int) -> Scenario:
    return scenario.with_(Removal(target={"firms": [_name(state, uid) for uid in uids]}, start=0, stop=weeks))


def _members(state: State, firms: Sequence[Closure] | None) -> tuple[tuple[int, ...], ...]:
    """Uids of every closure; uids are rows, because nobody has entered yet. Raises InputError, one line per mistake."""
    if firms is None:
        return tuple((int(i),) for i in np.flatnonzero(state.firms.kind == SMB))
    names = {name: uid for uid, name in enumerate(state.names)}
    problems, found = [], []
    for k, closure in enumerate(firms):
        uids = []
        for firm in _several(closure):
            uid = names.get(firm) if isinstance(firm, str) and names else int(firm) if str(firm).isdecimal() else None
            if uid is None or not uid < state.firms.n:
                hint = nearest(str(firm), names).partition(" Valid:")[0] if names else f" Uids run from 0 to {state.firms.n - 1}."
                problems.append(f"firms[{k}]: unknown firm '{firm}'.{hint}")
            else:
                uids.append(uid)
        if not uids and not problems:
            problems.append(f"firms[{k}]: no firm to shut")
        if len(set(uids)) < len(uids):
            problems.append(f"firms[{k}]: a firm twice")
        found.append(tuple(uids))
    if not found and not problems:
        problems.append("firms: no closure")
    if problems:
        raise InputError(*problems)
    return tuple(found)


def _several(closure: Closure) -> tuple[int | str, ...]:
    return (closure,) if isinstance(closure, int | str | np.integer) else tuple(closure)


def _name(state: State, uid: int) -> str:
    return state.names[uid] if len(state.names) else str(uid)


def _label(state: State, uids: tuple[int, ...]) -> str:
    named = [f"firm {_name(state, uid)} (sector {state.sector_codes[state.firms.sector[uid]]})" for uid in uids[:MOST_NAMED]]
    return " + ".join(named) + (f" + {len(uids) - MOST_NAMED} more" if len(uids) > MOST_NAMED else "")


# -- distributions --------------------------------------------------------------------------------------------------------------------


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation; ties have their mean rank. NaN where one is constant."""
    from scipy.stats import rankdata  # a second to import

    x, y = (rankdata(v) - (len(v) + 1) / 2 for v in (x, y))
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else np.nan


@dataclass(frozen=True)
class PowerLaw:
    """p(x) ∝ x^-α for x >= xmin: alpha with its standard error, the tail's count of n, the largest distance ks of the two CDFs.

    p : share of samples of the fitted law that lie further from their own fit; below .1 the power law is not plausible. NaN: not asked
    """

    alpha: float
    error: float
    xmin: float
    tail: int
    n: int
    ks: float
    p: float

    def summary(self) -> str:
        """One sentence."""
        judged = "" if np.isnan(self.p) else f", p = {self.p:.2f}" + (" (not a power law)" if self.p < 0.1 else "")
        return (
            f"tail exponent {self.alpha:.2f} ± {self.error:.2f} from {self.xmin:.3g} on ({self.tail} of {self.n}), KS {self.ks:.3f}{judged}"
        )


def power_law(values: np.ndarray, xmin: float | None = None, discrete: bool = False, bootstrap: int = 0, seed: int = 0) -> PowerLaw:
    """Fit by maximum likelihood; xmin, unless given, is where the distance of the two CDFs is least (Clauset et al. 2009).

    values    : (n,) > 0; whole numbers if discrete
    bootstrap : samples for p: below xmin drawn from the values, from there on from the law, each fitted like the values

    Raises InputError where fewer than LEAST_TAIL values, or only equal ones, are left.
    """
    x = np.sort(np.asarray(values, dtype=float))
    if xmin is None:
        fit = _best_fit(x, discrete)
    else:
        fit = _fit(x[x >= xmin], float(xmin), discrete) if (x >= xmin).sum() >= LEAST_TAIL and x[-1] > xmin else None
    if fit is None:
        raise InputError(f"power law: {len(x)} values above zero, of which no {LEAST_TAIL} different enough make a tail")
    ks, alpha, lower, tail = fit
    p = np.nan
    if bootstrap > 0:
        draws = Draws(seed)
        drawn = [_resample(x, alpha, lower, tail, discrete, draws, b) for b in range(bootstrap)]
        again = [_best_fit(s, discrete) if xmin is None else _fit(s[s >= lower], lower, discrete) for s in drawn]
        p = float(np.mean([other is not None and other[0] >= ks for other in again]))
    return PowerLaw(alpha, _standard_error(alpha, lower, tail, discrete), lower, tail, len(x), ks, p)


def _best_fit(x: np.ndarray, discrete: bool) -> tuple[float, float, float, int] | None:
    """(ks, alpha, xmin, tail) at the lower bound with the least distance. x sorted."""
    lower = np.unique(x)
    lower = lower[(lower < x[-1]) & (len(x) - np.searchsorted(x, lower) >= LEAST_TAIL)] if len(x) else lower
    if len(lower) > CANDIDATES:
        lower = lower[np.linspace(0, len(lower) - 1, CANDIDATES).astype(int)]
    return min((_fit(x[np.searchsorted(x, low) :], float(low), discrete) for low in lower), default=None)


def _fit(x: np.ndarray, low: float, discrete: bool) -> tuple[float, float, float, int]:
    """(ks, alpha, xmin, tail). x sorted, all >= low, not all equal to it."""
    n, logs = len(x), np.log(x / low).sum()
    if not discrete:
        alpha = 1.0 + n / logs
        law = 1.0 - (x / low) ** (1.0 - alpha)
        ranks = np.arange(n)
        return float(np.max(np.maximum(law - ranks / n, (ranks + 1) / n - law))), float(alpha), low, n
    from scipy.optimize import minimize_scalar
    from scipy.special import zeta

    logs = np.log(x).sum()
    alpha = float(minimize_scalar(lambda a: n * np.log(zeta(a, low)) + a * logs, bounds=(1.0001, STEEPEST), method="bounded").x)
    there, counts = np.unique(x, return_counts=True)
    law = 1.0 - zeta(alpha, there + 1.0) / zeta(alpha, low)
    before = 1.0 - zeta(alpha, there) / zeta(alpha, low)
    seen = np.cumsum(counts) / n
    gap = np.maximum(np.abs(law - seen), np.abs(before - np.append(0.0, seen[:-1])))
    return float(gap.max()), alpha, low, n


def _standard_error(alpha: float, low: float, n: int, discrete: bool) -> float:
    """Of the exponent: (α - 1)/√n, or from the curvature of the discrete likelihood."""
    if not discrete:
        return (alpha - 1.0) / np.sqrt(n)
    from scipy.special import zeta

    h = 1e-3
    curvature = (np.log(zeta(alpha + h, low)) - 2 * np.log(zeta(alpha, low)) + np.log(zeta(alpha - h, low))) / h**2
    return float(1.0 / np.sqrt(n * curvature))


def _resample(x: np.ndarray, alpha: float, low: float, tail: int, discrete: bool, draws: Draws, number: int) -> np.ndarray:
    """A sorted sample of the same length: from the law with probability tail / n, otherwise from the values below xmin."""
    index = np.arange(len(x))
    which, value = draws.uniform("power law, which", number, index), draws.uniform("power law, value", number, index)
    body = x[: len(x) - tail]
    law = (low - 0.5 * discrete) * (1.0 - value) ** (-1.0 / (alpha - 1.0))
    law = np.floor(law + 0.5) if discrete else law  # Clauset et al. (2009), appendix D: good from xmin of about 5 on
    below = body[(value * len(body)).astype(int)] if len(body) else law
    return np.sort(np.where(which < tail / len(x), law, below))


# -- impulses -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Impulse:
    """Of an impulse in R replicates, (R, T) sums up to each week: demand asked, value_added, base currency; jobs heads·yr.

    open_loop, long_run : multipliers of value added expected without and with all later rounds of spending by households, if the impulse
                          is small against spare capacity and stocks; equal where consumption stays at rest
    """

    label: str
    size: float
    weeks: int
    demand: np.ndarray
    value_added: np.ndarray
    jobs: np.ndarray
    open_loop: float
    long_run: float

    @property
    def path(self) -> np.ndarray:
        """(R, T) μ(h), value added up to week h per unit of demand up to week h."""
        return self.value_added / self.demand

    @property
    def multiplier(self) -> np.ndarray:
        """(R,) μ at the horizon."""
        return self.path[:, -1]

    @property
    def job_multiplier(self) -> np.ndarray:
        """(R,) job-years per base currency of demand, at the horizon."""
        return self.jobs[:, -1] / self.demand[:, -1]

    def summary(self) -> str:
        """Two sentences."""
        weeks, mu = self.path.shape[1], self.multiplier
        band = f" ({mu.min():.2f} to {mu.max():.2f})" if len(mu) > 1 else ""
        return (
            f"{self.label}: {self.size:+.2%} of its output for {self.weeks} weeks; after {weeks} weeks a unit of demand is "
            f"{mu.mean():.2f}{band} of value added, and a million {1e6 * self.job_multiplier.mean():.1f} job-years\n"
            f"expected: {self.open_loop:.2f} without household spending, {self.long_run:.2f} when all of it has gone round"
        )


def impulse_multiplier(
    scenario: Scenario,
    sector: str | None = None,
    firms: Sequence[int | str] | None = None,
    size: float = 1e-4,
    horizon: int = 104,
    weeks: int = 4,
    replicates: int = 1,
    *,
    seed: int | None = None,
    economy: Economy | None = None,
    network: FirmNetwork | None = None,
) -> Impulse:
    """Let the state buy `size` of their normal output more from firms for `weeks` weeks, beside a paired baseline.

    sector, firms : the target, one of them or neither (all firms)
    size          : share of the weekly output of the target at rest, which may be negative. It is marginal while it is small against spare
                    capacity and input cover: finance in the US table holds .003 weeks of inputs, and .001 for 4 weeks uses them up

    Raises InputError for unknown sectors and firms, a size of 0, an impulse longer than the horizon.
    """
    _check(weeks, horizon, replicates)
    if sector is not None and firms is not None:
        raise InputError("sector and firms: give one of the two")
    if size == 0.0 or not size > -1.0:
        raise InputError(f"size = {size:g}: a share of output above -1, not 0")
    alone = _alone(scenario, horizon)
    first = alone.runs.seed if seed is None else seed
    state, quiet, _ = prepare(alone.without_interventions(), first, economy, network=network)
    target = _target(state, sector, firms)
    bought = np.where(target, size * state.firms.normal_output, 0.0)
    sums = []
    for r in range(replicates):
        draws, begun = Draws(first + r), state.copy()
        burn_in(begun, quiet, draws, alone.horizon.burn_in)
        usual = plan(alone, begun, draws)
        runs = [_watch(begun.copy(), phases, draws, horizon, 0) for phases in (usual, _with_orders(usual, bought, weeks))]
        sums.append([np.cumsum(getattr(runs[1], name) - getattr(runs[0], name)) for name in ("value_added", "heads")])
    added, heads = np.moveaxis(np.array(sums), 1, 0)
    asked = np.cumsum(np.where(np.arange(horizon) < weeks, bought.sum(), 0.0))
    long_run, open_loop = (bought @ long_run_multipliers(state, alone, closed) / bought.sum() for closed in (None, False))
    label = "all firms" if target.all() else f"sector {sector}" if sector is not None else _label(state, tuple(np.flatnonzero(target)))
    return Impulse(
        label, size, weeks, np.tile(asked, (replicates, 1)), added, heads / WEEKS_PER_YEAR, float(open_loop), float(long_run)
    )  # fmt: skip


def _target(state: State, sector: str | None, firms: Sequence[int | str] | None) -> np.ndarray:
    if firms is not None:
        return np.isin(np.arange(state.firms.n), _members(state, [tuple(firms)])[0])
    if sector is None:
        return np.ones(state.firms.n, dtype=bool)
    if sector not in state.sector_codes:
        raise InputError(f"unknown sector '{sector}'.{nearest(sector, state.sector_codes)}")
    target = state.firms.sector == state.sector_codes.index(sector)
    if not target.any():
        raise InputError(f"sector '{sector}' has no firm here")
    return target


def _with_orders(phases: Plan, bought: np.ndarray, weeks: int) -> Plan:
    """The phases with more public purchases, (n,) base currency/wk: asked for with final demand, paid for when delivered."""

    def ask(state: State, step: Step) -> None:
        if step.t < weeks:
            state.firms.final_demand[: len(bought)] = np.maximum(state.firms.final_demand[: len(bought)] + bought, 0.0)

    def pay(state: State, step: Step) -> None:
        if step.t < weeks:
            firms = state.firms
            transfer(state, GOVERNMENT, "firm", firms.price * firms.final_fill_rate * bought, "government purchases")

    after = {"final demand: market.share": ("final demand: impulse", ask), "payment: market.sell": ("payment: impulse", pay)}
    longer = []
    for name, phase in phases:
        longer.append((name, phase))
        if name in after:
            longer.append(after.pop(name))
    assert not after, f"the schedule has no {', '.join(after)}"
    return tuple(longer)


def long_run_multipliers(state: State, scenario: Scenario, closed: bool | None = None, per_unit: np.ndarray | None = None) -> np.ndarray:
    """(n,) p of the module: value added per unit of final demand at each firm when all rounds of spending have ended.

    state    : at rest, as built from the scenario
    closed   : households spend what they earn; None: as in the scenario
    per_unit : (n,) anything else made or used per unit of output, instead of value added

    Raises ValueError where the rounds do not die out.
    """
    firms, sectors, accounts, links, cells = state.firms, state.sectors, state.accounts, state.links, state.households
    closed = scenario.households.enabled if closed is None else closed
    n, regions, first = firms.n, len(state.region_names), len(ACCOUNTS)
    own_use = value_added_coefficient(state) if per_unit is None else np.asarray(per_unit, dtype=float)
    a, products = link_coefficient(state), sectors.account_coefficient[firms.sector]
    taxed = float(accounts.tax_rate[state.account(GOVERNMENT)])
    kept = np.array([1.0 - taxed - scenario.government.benefit_share, 1.0 - taxed])  # of a unit earned by workers, by owners
    wages = firms.labour_coefficient * firms.wage
    profit = value_added_coefficient(state) - wages - firms.product_tax_coefficient
    paid_out = profit * (1.0 - scenario.government.profit_tax * (firms.profit > 0))
    earned = (kept[WORKER] * wages + kept[OWNER] * paid_out) * closed  # disposable income per unit of output
    budget = np.divide(1.0, accounts.resting_budget, out=np.zeros(accounts.n), where=accounts.resting_budget > 0)
    passes = (cells.resting_wages.reshape(regions, 2, -1)[:, WORKER] * kept[WORKER]
              + cells.resting_surplus.reshape(regions, 2, -1)[:, OWNER] * kept[OWNER]) * budget * closed  # (R, A)  # fmt: skip
    basket = sectors.sector_basket[firms.sector]
    everywhere = firms.region == EVERYWHERE
    reach = state.regions.large_customers[:, firms.sector] * everywhere  # (R, n)

    def rounds(x: np.ndarray) -> np.ndarray:
        p, y, z = x[:n], x[n : n + regions], x[n + regions :]
        pools = state.by_sector(firms.sale_share * p)
        income = np.where(everywhere, state.regions.population_share @ y, y[firms.region])
        new_p = state.sum_by_customer(a * p[links.supplier]) + (sectors.counter_coefficient @ pools)[firms.sector]
        new_p += products @ z + earned * income
        worth = basket * p
        home, other = (np.bincount(firms.region + 1, firms.customer_base[:, k] * worth, regions + 1)[1:] for k in (0, 1))
        new_y = home + other.sum() - other + reach @ (firms.customer_base[:, 0] * worth) + accounts.account_basket @ z
        new_z = np.zeros(accounts.n)
        new_z[first:] = (pools @ sectors.resting_spending + z @ accounts.resting_account_spending)[first:] * budget[first:]
        new_z[first:] += (y @ passes)[first:]
        return np.concatenate([new_p, new_y * closed, new_z])

    return series(np.concatenate([own_use, np.zeros(regions + accounts.n)]), rounds)[:n]


# -- money that stays ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LocalMultiplier:
    """Of R regions: rounds (R, K) what is spent in the region in each round, beginning with the unit itself; first (R, 4) of it by payee.

    first : of a unit received by the firms, what stays with local suppliers, workers, owners, makers of investment goods (PAYEES)
    """

    regions: tuple[str, ...]
    spent_at: str
    rounds: np.ndarray
    first: np.ndarray

    @cached_property
    def lm3(self) -> np.ndarray:
        """(R,) 1 + s_1 + s_2, currency spent in the region in three rounds per unit."""
        return self.rounds[:, :3].sum(axis=1)

    def summary(self) -> str:
        """One sentence per region."""
        return "\n".join(
            f"{name}: a unit spent at {self.spent_at} is {self.lm3[r]:.2f} after three rounds; in the first, "
            + ", ".join(f"{share:.0%} goes to {payee}" for payee, share in zip(PAYEES, self.first[r], strict=True))
            for r, name in enumerate(self.regions)
        )


PAYEES = ("local suppliers", "local workers", "local owners", "local makers of investment goods")
SPENT_AT = {"smb": "its SMBs", "large": "large firms"}


def local_multiplier(
    source: State | Scenario, region: str | None = None, spent_at: str = "smb", rounds: int = 3, *, economy: Economy | None = None
) -> LocalMultiplier:
    """Follow a unit that households of a region spend at its SMBs, or at the large firms that are everywhere.

    source : a state at rest, or the scenario to build one from; region: None for all of them
    rounds : how often the unit is followed, 3 or more

    Raises InputError for an unknown region and for one whose households buy nothing from such firms.
    """
    state = source if isinstance(source, State) else prepare(source.without_interventions(), economy=economy)[0]
    if region is not None and region not in state.region_names:
        raise InputError(f"unknown region '{region}'.{nearest(region, state.region_names)}")
    if spent_at not in SPENT_AT:
        raise InputError(f"spent_at: unknown '{spent_at}'.{nearest(spent_at, SPENT_AT)}")
    if rounds < 3:
        raise InputError(f"rounds = {rounds}: at least 3")
    chosen = range(len(state.region_names)) if region is None else (state.region_names.index(region),)
    trails = [_trail(state, r, spent_at, rounds) for r in chosen]
    return LocalMultiplier(
        tuple(state.region_names[r] for r in chosen), SPENT_AT[spent_at], np.array([t[0] for t in trails]), np.array([t[1] for t in trails])
    )


def _trail(state: State, r: int, spent_at: str, rounds: int) -> tuple[list[float], np.ndarray]:
    """What is spent in region r in each round, and the payees of the first."""
    firms = state.firms
    bought = firms.customer_base[:, 0] * state.regions.budget[r, firms.sector]
    here = firms.region == r
    start = bought * (here if spent_at == "smb" else (firms.region == EVERYWHERE) * state.regions.large_customers[r, firms.sector])
    if not start.sum() > 0:
        raise InputError(f"households of {state.region_names[r]} buy nothing from {SPENT_AT[spent_at]}")
    held, cells = start / start.sum(), np.zeros(2)
    spent, first = [1.0], None
    for _ in range(rounds - 1):
        held, cells, payees = _respend(state, r, here, held, cells)
        first = payees if first is None else first
        spent.append(float(held.sum() + cells.sum()))
    return spent, first


def _respend(state: State, r: int, here: np.ndarray, held: np.ndarray, cells: np.ndarray):
    """Tagged money one round on: what firms (n,) and the region's workers and owners (2,) held → what local firms and cells get of it."""
    firms, slots, links, households, sectors = state.firms, state.slots, state.links, state.households, state.sectors
    bought = state.sum_slots(slots.order + slots.import_order) + firms.counter_use + firms.spot_use
    costs = bought + firms.wage_bill + firms.product_tax_paid + firms.capex + firms.interest + firms.profit_tax_paid + firms.dividends
    paid = np.maximum(costs, firms.output)
    scale = np.divide(held, paid, out=np.zeros(firms.n), where=paid > 0)  # of each of its payments that is tagged
    linked = state.sum_by_supplier(slots.order[links.slot] * links.weight * scale[links.buyer])
    counter = (state.by_sector(scale * firms.output) @ sectors.counter_coefficient)[firms.sector]
    living_here = np.where(firms.region == EVERYWHERE, state.regions.population_share[r], here)
    payroll, owned = living_here @ (scale * firms.wage_bill), living_here @ (scale * (firms.dividends + firms.interest))

    mine = slice(2 * r, 2 * r + 2)
    received = (households.income + households.transfers + households.benefits)[mine]
    spending = np.divide(cells, received, out=np.zeros(2), where=received > 0)
    at_home = firms.customer_base[:, 0] * sectors.sector_basket[firms.sector] * (spending @ households.consumption[mine])
    goods = scale @ firms.capex, spending @ households.residual_investment[mine]
    u = USES.index(INVESTMENT)
    total = sectors.spending[:, u].sum() + sectors.import_spending[:, u].sum() + state.accounts.account_spending[:, u].sum()
    made = firms.sale_share * sectors.spending[firms.sector, u] / total if total > 0 else np.zeros(firms.n)

    suppliers = here * (linked + firms.sale_share * counter)
    next_held = suppliers + here * (at_home + made * sum(goods))
    payees = np.array([suppliers.sum(), payroll, owned, (here * made).sum() * goods[0]])
    return next_held, np.array([payroll, owned]), payees
