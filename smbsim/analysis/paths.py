r"""Does it matter how a system got here? Branches that part and meet the same luck again, the order of policies, leads that last.

    y_elh            branch e of E parted by draws of its own for some time, then all meet the late draws l of L; seen h holds later
    variance         y_el = μ + early_e + late_l + both_el by analysis of variance at every h: V_early = (MS_early - MS_both) / L, …
    PD(h)            V_early(h) / V_early(0)              0: forgotten, 1: kept, above: amplified; band by bootstrap of the branches
    ρ(h)             correlation over the branches of y(0) and y(h), mean over the late draws
    p                F test of early against both at the horizon: both is how far the same start ends apart under other late draws
    entropy          H(regime) = -Σ p log₂ p over seeds, and how much of it parameters explain
    ergodicity gap   root mean square over runs of (time mean - mean of all) / pooled deviation; p: batches of one run against runs
    lock-in          share of runs in which who leads early leads at the end; beside an urn and a coin
    order            outcome of A then B less that of B then A under the same draws, run by run

Path dependence is claimed where the early draws have an effect beyond the noise, of some size, that does not fade before the horizon.
With one set of late draws, as in MODEL.md 5.8, a difference that a chaotic system makes anew every week would look like memory; several
sets tell them apart. Sources: MODEL.md 5.8, 4.7; Arthur (1989), Economic Journal 99, for urns and lock-in; Searle, Casella and McCulloch
(1992), Variance Components, ch. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..schema import InputError
from .bimodality import Bimodality, bimodality
from .sweeps import System, each, hold_seed
from .thresholds import wilson

SIGNIFICANT = 0.01  # of the effect of early draws
LARGE = 0.05  # of the variance at the horizon; less is forgotten for every purpose
FADED = 0.7  # of PD at half the horizon: less is left at its end where memory fades on the scale of the horizon; assumption
RESAMPLES, BOOTSTRAP_SEED = 400, 1
BAND = (2.5, 97.5)  # percent
LEAST_BRANCHES, LEAST_LATE = 8, 2
ROUNDING = 1e-12  # spread relative to the size of the outcome below which it is none
BATCHES = 4
URNS = 20_000


# -- branches ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """What is left of early draws. y (E, L, T); time (T,) since the branches met the same draws; shares (3, T): early, late, both.

    pd (T,) with band (2, T); rho (T,); p at the horizon; fades: PD at the horizon is clearly below .7 of that at half of it
    ends: one or two modes of the branches at the horizon, under the first late draws
    """

    y: np.ndarray
    time: np.ndarray
    shares: np.ndarray
    pd: np.ndarray
    band: np.ndarray
    rho: np.ndarray
    p: float
    fades: bool
    ends: Bimodality
    name: str = "outcome"
    unit: str = "1"

    @property
    def early(self) -> float:
        """Share of the variance at the horizon that the early draws make."""
        return float(self.shares[0, -1])

    @property
    def path_dependent(self) -> bool:
        """Beyond the noise, of some size, and not fading."""
        return self.p < SIGNIFICANT and self.early >= LARGE and not self.fades

    @property
    def kind(self) -> str:
        if self.p >= SIGNIFICANT:
            return "no path dependence is claimed: histories end no farther apart than noise does by itself"
        if self.early < LARGE:
            return "what happened early is forgotten"
        if self.fades:
            return "what happened early is remembered, but fades"
        if self.band[0, -1] > 1:
            return "path dependent: early differences grow"
        return "path dependent: early differences stay"

    def in_words(self) -> str:
        """The kind and the numbers behind it."""
        low, high = self.band[:, -1]
        modes = "; the ends fall into two groups" if self.ends.two_modes() else ""
        return (
            f"{self.name}: {self.kind}. {self.time[-1]:g} weeks on, early draws make {self.early:.0%} of the variance (p = {self.p:.2g}); "
            f"PD = {self.pd[-1]:.2g} ({low:.2g} to {high:.2g}) from {self.y.shape[0]} branches × {self.y.shape[1]} late draws{modes}"
        )


def branches(
    f: System,
    parameter: float,
    *,
    before: int = 0,
    during: int = 26,
    after: int = 208,
    early: int = 32,
    late: int = 4,
    seed: int = 1,
    jobs: int = 1,
) -> np.ndarray:
    """(E, L, after + 1) of a system f(parameter, state, seed) -> (number, state): `before` holds shared, `during` with draws of each
    branch, then `after` holds in which all branches meet the same draws, in each of L futures. The first value is that where they meet.

    Raises InputError for fewer than 8 branches or 2 futures, and for a system that returns more than one number.
    """
    check_branches(early, late, during, after)
    state = None
    for k in range(before):
        _, state = f(parameter, state, hold_seed(seed, 0, k))

    def branch(e: int) -> np.ndarray:
        parted, there = state, np.nan
        for k in range(during):
            there, parted = f(parameter, parted, hold_seed(seed, 2 * e + 1, k))
        if np.ndim(there):
            raise InputError(f"the system returns {np.size(there)} numbers at a time; branches need one")
        y = np.full((late, after + 1), float(there))
        for number in range(late):
            now = parted
            for k in range(after):
                y[number, k + 1], now = f(parameter, now, hold_seed(seed, 2 * number + 2, during + k))
        return y

    return np.stack(each(branch, range(early), jobs))


def check_branches(early: int, late: int, during: int, after: int) -> None:
    """Raise InputError, one line per mistake."""
    wanted = (("early", early, LEAST_BRANCHES), ("late", late, LEAST_LATE), ("during", during, 1), ("after", after, 2))
    problems = [f"{name} = {n}: at least {least}" for name, n, least in wanted if n < least]
    if problems:
        raise InputError(*problems)


def memory(y: np.ndarray, time: np.ndarray | None = None, name: str = "outcome", unit: str = "1") -> Memory:
    """Judge branches (E, L, T); the first time is where they meet. Raises InputError for what cannot be judged."""
    y = np.asarray(y, dtype=float)
    if y.ndim != 3:
        raise InputError(f"branches of shape {y.shape}: (early, late, time) is needed")
    check_branches(*y.shape[:2], 1, y.shape[2] - 1)
    if not np.isfinite(y).all():
        raise InputError(f"{int((~np.isfinite(y)).sum())} of {y.size} outcomes are unknown")
    start = y[:, 0, 0]
    if start.std() <= ROUNDING * max(float(np.abs(y).max()), 1e-300):
        raise InputError("the branches do not part: draws of their own make no difference")
    v, ms = _components(y)
    rng, again = np.random.default_rng(BOOTSTRAP_SEED), []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(y), size=len(y))
        some = _components(y[rows])[0][0]
        again.append(some / max(np.var(start[rows], ddof=1), 1e-300))
    again = np.array(again)
    half = y.shape[2] // 2
    fades = bool(np.percentile(again[:, -1] - FADED * again[:, half], BAND[1]) < 0)
    total = v.sum(axis=0)
    shares = np.divide(v, total, out=np.zeros_like(v), where=total > 0)
    time = np.arange(y.shape[2], dtype=float) if time is None else np.asarray(time, dtype=float)
    pd, band = v[0] / np.var(start, ddof=1), np.percentile(again, BAND, axis=0)
    return Memory(
        y, time, shares, pd, band, _correlation(y), _significance(y[..., -1], ms[:, -1]), fades, bimodality(y[:, 0, -1]), name, unit
    )


def _components(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((3, T) variance components early, late, both; (3, T) mean squares). Where nothing is late yet, all is early."""
    e, n_late, _ = y.shape
    mean, by_early, by_late = y.mean(axis=(0, 1)), y.mean(axis=1), y.mean(axis=0)
    rest = y - by_early[:, None] - by_late[None] + mean
    ms = np.array([
        n_late * ((by_early - mean) ** 2).sum(axis=0) / (e - 1),
        e * ((by_late - mean) ** 2).sum(axis=0) / (n_late - 1),
        (rest**2).sum(axis=(0, 1)) / ((e - 1) * (n_late - 1)),
    ])  # fmt: skip
    return np.array([np.maximum(ms[0] - ms[2], 0) / n_late, np.maximum(ms[1] - ms[2], 0) / e, ms[2]]), ms


def _significance(ends: np.ndarray, ms: np.ndarray) -> float:
    """p of the F test; without any noise the effect is there or it is not."""
    from scipy.stats import f as fisher

    small, (e, n_late) = (ROUNDING * float(np.abs(ends).max())) ** 2, ends.shape
    if ms[2] > small:
        return float(fisher.sf(ms[0] / ms[2], e - 1, (e - 1) * (n_late - 1)))
    return float(ms[0] <= small)


def _correlation(y: np.ndarray) -> np.ndarray:
    """ρ(h); NaN where the branches have met."""
    z = y - y.mean(axis=0)
    start = z[:, :1, :1]
    spread = np.sqrt((z**2).sum(axis=0) * (start**2).sum(axis=0))
    least = ROUNDING * max(float(np.abs(y).max()), 1e-300) * np.sqrt((start**2).sum(axis=0))
    rho = np.divide((z * start).sum(axis=0), spread, out=np.full(spread.shape, np.nan), where=spread > least)
    known = np.isfinite(rho)
    return np.divide(np.where(known, rho, 0).sum(axis=0), known.sum(axis=0), out=np.full(len(rho[0]), np.nan), where=known.any(axis=0))


# -- ends, leads, time against ensemble ---------------------------------------------------------------------------------------------------


def entropy(labels: Sequence, parameters: Sequence | None = None) -> tuple[float, float]:
    """(bits of the regime labels over all runs, bits of it that parameters explain; 0 without any)."""
    labels = np.asarray(labels)

    def bits(some: np.ndarray) -> float:
        share = np.unique(some, return_counts=True)[1] / some.size
        return float(-(share * np.log2(share)).sum()) + 0.0

    if parameters is None:
        return bits(labels), 0.0
    values, which = np.unique(np.asarray(parameters), return_inverse=True)
    left = sum((which == k).mean() * bits(labels[which == k]) for k in range(len(values)))
    return bits(labels), bits(labels) - float(left)


@dataclass(frozen=True)
class Ergodicity:
    """gap: time means of runs from the mean of all, in pooled deviations; p: that they differ no more than batches of one run do."""

    gap: float
    p: float

    @property
    def broken(self) -> bool:
        return self.p < SIGNIFICANT

    def in_words(self) -> str:
        said = "runs settle at levels of their own" if self.broken else "one long run tells as much as many; no level of its own is claimed"
        return f"ergodicity gap {self.gap:.2f} deviations (p = {self.p:.2g}): {said}"


def ergodicity(series: np.ndarray) -> Ergodicity:
    """Of runs (R, T) past their transient. What all runs share in a week is taken out. Raises InputError for fewer than 3 runs."""
    from scipy.stats import f as fisher

    x = np.asarray(series, dtype=float)
    if x.ndim != 2 or len(x) < 3 or x.shape[1] < 10 * BATCHES:
        raise InputError(f"runs of shape {x.shape}: at least 3 runs of {10 * BATCHES} values are needed")
    x = x - x.mean(axis=0)
    batch = x[:, x.shape[1] % BATCHES :].reshape(len(x), BATCHES, -1).mean(axis=2)
    means = batch.mean(axis=1)
    within = ((batch - means[:, None]) ** 2).sum() / (len(x) * (BATCHES - 1))
    between = BATCHES * (means**2).sum() / (len(x) - 1)
    deviation = float(x.std())
    if deviation == 0:
        return Ergodicity(0.0, 1.0)
    p = float(fisher.sf(between / within, len(x) - 1, len(x) * (BATCHES - 1))) if within > 0 else float(between == 0)
    return Ergodicity(float(np.sqrt((x.mean(axis=1) ** 2).mean())) / deviation, p)


@dataclass(frozen=True)
class LockIn:
    """Share of runs in which the early leader leads at the end, with its interval; the same of an urn, and by chance."""

    share: float
    low: float
    high: float
    urn: float
    chance: float

    @property
    def locked(self) -> bool:
        return self.low > self.chance

    def in_words(self) -> str:
        said = "an early lead lasts" if self.locked else "an early lead is worth no more than chance"
        return f"{said}: in {self.share:.0%} of runs ({self.low:.0%} to {self.high:.0%}); urn {self.urn:.0%}, chance {self.chance:.0%}"


def lock_in(values: np.ndarray, first: int, seed: int = 1) -> LockIn:
    """Of (R, T, K), what K sectors or regions have, each relative to its own start: who has gained most at `first`, and at the end.

    The urn has a ball of each of K colours, and one more of the colour that is drawn, every time.
    Raises InputError for a first time outside the series.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 3 or x.shape[2] < 2:
        raise InputError(f"values of shape {x.shape}: (runs, time, two units or more) is needed")
    runs, length, k = x.shape
    if not 0 < first < length - 1:
        raise InputError(f"first = {first} is outside 1 to {length - 2}")
    gained = x / np.where(x[:, :1] != 0, x[:, :1], np.nan)
    if not np.isfinite(gained).all():
        raise InputError("a unit that begins at nothing has no gain")
    kept = float((gained[:, first].argmax(axis=1) == gained[:, -1].argmax(axis=1)).mean())
    low, high = wilson(kept, runs)
    return LockIn(kept, float(low), float(high), urn(k, first, length - 1, seed), 1 / k)


def urn(k: int, first: int, last: int, seed: int = 1) -> float:
    """Chance that the leading colour of Polya's urn after `first` draws leads after `last`. Given their limit, draws are independent."""
    rng = np.random.default_rng(seed)
    limit = rng.dirichlet(np.ones(k), URNS)
    early = rng.multinomial(first, limit)
    late = early + rng.multinomial(last - first, limit)
    tie = 0.5 * rng.random((2, URNS, k))  # less than a ball
    return float(((early + tie[0]).argmax(axis=1) == (late + tie[1]).argmax(axis=1)).mean())


# -- order ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """Outcomes (R,) of A then B and of B then A under the same draws; the mean difference with its interval."""

    first: str
    second: str
    ab: np.ndarray
    ba: np.ndarray
    mean: float
    low: float
    high: float
    name: str = "outcome"
    unit: str = "1"

    @property
    def exact(self) -> bool:
        """Alike to the last bit in every run."""
        return bool(np.array_equal(self.ab, self.ba))

    @property
    def matters(self) -> bool:
        """The interval leaves out zero."""
        return not self.exact and (self.low > 0 or self.high < 0)

    def in_words(self) -> str:
        """Whether the order matters, and by how much."""
        then = f"{self.first} then {self.second}"
        if self.exact:
            return f"{self.name}: {then} ends exactly as the other way round in all {len(self.ab)} runs"
        of = f" ({self.mean / abs(self.ba.mean()):+.2%})" if self.ba.mean() else ""
        runs = f"95 % interval {self.low:+.3g} to {self.high:+.3g}, {len(self.ab)} paired runs"
        claim = "the order matters" if self.matters else "no effect of the order is claimed"
        return f"{self.name}: {claim}: {then} less the other way round is {self.mean:+.4g} {self.unit}{of}, {runs}"


def order(ab: np.ndarray, ba: np.ndarray, first: str = "A", second: str = "B", name: str = "outcome", unit: str = "1") -> Order:
    """Compare outcomes (R,) of both orders, run by run. Raises InputError for fewer than 2 runs."""
    from scipy.stats import t as student

    ab, ba = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (ab, ba))
    if ab.shape != ba.shape or ab.ndim != 1 or len(ab) < 2:
        raise InputError(f"outcomes of shapes {ab.shape} and {ba.shape}: the same runs of both orders are needed, at least 2")
    d = ab - ba
    half = float(student.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d)))
    return Order(first, second, ab, ba, float(d.mean()), float(d.mean()) - half, float(d.mean()) + half, name, unit)


def both_orders(
    f: System, first: float, second: float, seeds: Sequence[int], *, during: int = 1, after: int = 0, rest: float = 0.0, jobs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """(R,), (R,) outcomes of a system held `during` holds at one parameter, then at the other, then `after` at rest; and the other way
    round with the same draws."""

    def end(item: tuple[int, tuple[float, float]]) -> float:
        seed, (one, two) = item
        m, state = np.nan, None
        for k, parameter in enumerate([*[one] * during, *[two] * during, *[rest] * after]):
            m, state = f(parameter, state, hold_seed(seed, 0, k))
        return float(m)

    found = each(end, [(seed, way) for way in ((first, second), (second, first)) for seed in seeds], jobs)
    return np.array(found[: len(seeds)]), np.array(found[len(seeds) :])
