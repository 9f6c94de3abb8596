r"""History matching: which values of a few parameters the targets do not rule out, and what the targets leave open.

    I_j(x) = |E_j(x) - z_j| / √( V_j(x) + v_j + (t_j / 3)² )      implausibility of x for moment j; ruled out where any is above 3

    z_j, t_j    target and tolerance: the farthest a moment may be and still count as met
    E_j, V_j    what `emulator` expects at x, and its variance, the luck of single points included
    v_j         variance of the mean over the runs by the luck that all points share (`evaluations.noise`)

In waves: points are spread over what is left, run under the same seeds, an emulator of every moment is fitted there, and rules out more.
What is left is sampled, and its share of the space estimated, by subset simulation: levels of falling implausibility, each holding a fifth
of the one before, explored by random walks. At the end the points that fit best are run, and around the best of all

    H = Jᵀ J,   J_jl = ∂E_j/∂x_l / √(v_j + (t_j / 3)²)               Gauss and Newton; x in ranges of the parameters

says what the targets pin down: along an eigenvector with value λ they let through 6/√λ. A direction is flat where that is the whole way
across the space.

Sources: Craig et al. (1997), in Case Studies in Bayesian Statistics III; Vernon, Goldstein and Bower (2010), Bayesian Analysis 5(4);
Andrianakis et al. (2015), PLoS Comp. Biol. 11(1), for stochastic models; Pukelsheim (1994), Am. Statistician 48, for the cut at 3; Au and
Beck (2001), Prob. Eng. Mechanics 16, for subset simulation; MODEL.md 4.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..schema import InputError
from .emulator import Emulator, fit
from .evaluations import HERE, Evaluations, Function, Progress, Where, evaluate, joined, noise
from .space import Parameter, check_names, values_at

CUT = 3.0  # implausibility above which a point is ruled out; Pukelsheim (1994)
POINTS_PER_PARAMETER, LEAST_POINTS = 10, 20  # of a wave; Loeppky, Sacks and Welch (2009), Technometrics 51
WAVES, FINAL = 4, 5  # waves; points at the end that fit best
SETTLED = 0.1  # emulator's variance relative to that of the tolerance below which more waves rule out no more
SAMPLE, KEPT, LEVELS, WALK = 2000, 0.2, 30, 12  # points of a level, share kept, most levels, steps of a walk
STALLED = 1e-3  # relative fall of the implausibility of a level below which nothing is left
TIE = 0.1  # misfit that a move through a whole range costs: of what fits as well, the point nearest to the start is taken
STEP = 0.05  # of derivatives, in ranges
NAMED = 0.2  # weight in a direction from which a parameter is named
SEED = 1  # of designs and walks
AMOUNT = re.compile(r"\s*([^±+/=]+?)\s*(?:±|\+/?-)\s*(.+?)\s*")


@dataclass(frozen=True)
class Target:
    """A moment, the value it should have, and the farthest it may be from it."""

    moment: str
    value: float
    tolerance: float

    def __post_init__(self):
        if not (math.isfinite(self.value) and math.isfinite(self.tolerance) and self.tolerance > 0):
            raise InputError(f"--target {self.moment}={self.value:g}±{self.tolerance:g}: a finite value and a tolerance above 0")

    @property
    def sd(self) -> float:
        """A third of the tolerance: where nothing else is uncertain, a moment at the tolerance is just not ruled out."""
        return self.tolerance / CUT


def target(text: str) -> Target:
    """The target of "unemployment.mean=0.05±0.01" (or +-). Raises InputError."""
    name, _, amount = text.partition("=")
    match = AMOUNT.fullmatch(amount)
    try:
        return Target(name.strip(), *(float(part) for part in match.groups()))
    except (AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--target {text}: write NAME=VALUE±TOLERANCE, such as unemployment.mean=0.05±0.01") from None


@dataclass(frozen=True, eq=False)
class Wave:
    """Emulators of the moments after a wave, the shared luck of each (J,), and the share of the space that is left."""

    emulators: tuple[Emulator, ...]
    shared: np.ndarray
    left: float


@dataclass(frozen=True)
class Direction:
    """An eigenvector of H, in ranges of the parameters. width: what the targets let through along it, across: the way through all space.

    spread: standard deviation of what is left along it, that of the whole space being 1.
    """

    vector: tuple[float, ...]
    eigenvalue: float
    width: float
    across: float
    spread: float

    @property
    def flat(self) -> bool:
        """The targets leave the whole way open."""
        return self.width >= self.across


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was found. P points in all; wave (P,) in which each was run; x (P, k) shares of the ranges.

    remaining : (M, k) shares, a sample of what is not ruled out; of what is least implausible where all is
    best      : row of the point that fits best, as it was run
    """

    targets: tuple[Target, ...]
    evaluations: Evaluations
    wave: np.ndarray
    x: np.ndarray
    waves: tuple[Wave, ...]
    remaining: np.ndarray
    best: int
    directions: tuple[Direction, ...]
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    manifest: dict = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.evaluations.parameters

    @property
    def left(self) -> float:
        """Share of the space that is not ruled out."""
        return self.waves[-1].left

    @property
    def moments(self) -> np.ndarray:
        """(P, J) means over the runs."""
        return self.evaluations.values.mean(axis=1)

    def implausibility(self) -> np.ndarray:
        """(P, J) of the points as they were run; NaN where a run failed."""
        luck = [noise(self.evaluations.of(t.moment)) for t in self.targets]
        sd = [math.sqrt(np.nan_to_num(n.own + n.shared) + t.sd**2) for n, t in zip(luck, self.targets, strict=True)]
        return np.abs(self.moments - [t.value for t in self.targets]) / sd

    @property
    def fitted(self) -> dict[str, float]:
        """Parameter → value at the best point."""
        return dict(zip((p.name for p in self.parameters), self.evaluations.points[self.best].tolist(), strict=True))


def calibrate(
    f: Function,
    parameters: Sequence[Parameter],
    targets: Sequence[Target],
    *,
    waves: int = WAVES,
    points: int | None = None,
    runs: int = 4,
    seed: int = 1,
    where: Where = HERE,
    progress: Progress | None = None,
) -> Calibration:
    """What values of the parameters of f(parameters, seed) → {moment: number} meet the targets.

    waves  : at most; fewer where emulators are certain enough
    points : of a wave; default 10 per parameter
    runs   : seeds seed … seed + runs - 1 at every point
    where, progress : see `evaluations.evaluate`

    Raises InputError for options that cannot be, for what f refuses, and where too few runs of a wave come to their end.
    """
    points = check(parameters, targets, waves, points, runs)
    seeds, names, k = range(seed, seed + runs), [t.moment for t in targets], len(parameters)
    rng, total, parts = np.random.default_rng(SEED), (waves * points + FINAL) * runs, []

    def run(shares: np.ndarray) -> tuple[Evaluations, np.ndarray]:
        """Add the points to those that were run; all of them, and their shares."""
        done = sum(len(part.points) for part in parts) * runs
        report = None if progress is None else lambda new, _: progress(done + new, total)
        parts.append(evaluate(f, parameters, values_at(parameters, shares), seeds, names, where, report))
        found = joined(parts)
        return found, np.stack([p.share(found.points[:, j]) for j, p in enumerate(parameters)], axis=1)

    fitted: list[Wave] = []
    shares = _evenly(k, points)
    for _ in range(waves):
        found, x = run(shares)
        here = np.arange(len(x)) >= len(x) - len(shares)
        fitted.append(_fitted(found, x, here | (implausible(fitted, targets)(x) <= CUT), targets))
        sample, left = remaining(implausible(fitted, targets), k, rng)
        fitted[-1] = replace(fitted[-1], left=left)
        if _settled(fitted[-1], sample, targets):
            break
        shares = _apart(sample, points, rng)
    start = np.array([float(p.share(np.array(p.start))) for p in parameters])
    found, x = run(_best_of(fitted[-1], sample, targets, start))
    wave = np.repeat(np.arange(len(parts)), [len(part.points) for part in parts])
    done = Calibration(tuple(targets), found, wave, x, tuple(fitted), sample, 0, ())
    misfit = (done.implausibility() ** 2).sum(axis=1) + TIE * ((x - start) ** 2).sum(axis=1)
    best = int(np.nanargmin(misfit))
    if progress is not None:
        progress(total, total)
    return replace(done, best=best, directions=_directions(fitted[-1], x[best], sample, targets))


def check(parameters: Sequence[Parameter], targets: Sequence[Target], waves: int, points: int | None, runs: int) -> int:
    """The number of points of a wave. Raises InputError, one line per mistake."""
    check_names(parameters)
    points = max(POINTS_PER_PARAMETER * len(parameters), LEAST_POINTS) if points is None else points
    names, problems = [t.moment for t in targets], []
    if not targets:
        problems.append("--target: no moment to meet")
    problems += [f"--target {name}: given twice" for name in sorted({n for n in names if names.count(n) > 1})]
    least = 2 * len(parameters) + 2
    if points < least:
        problems.append(f"--points {points}: at least {least} for {len(parameters)} parameters")
    if waves < 1:
        problems.append(f"--waves {waves}: at least 1")
    if runs < 2:
        problems.append(f"--runs {runs}: at least 2, so that noise is known")
    if problems:
        raise InputError(*problems)
    return points


# -- waves --------------------------------------------------------------------------------------------------------------------------------


def _fitted(found: Evaluations, x: np.ndarray, chosen: np.ndarray, targets: Sequence[Target]) -> Wave:
    """Emulators of all moments from the chosen points. Raises InputError where too few of them have a value."""
    emulators, shared = [], []
    for t in targets:
        y = found.of(t.moment)
        known = chosen & np.isfinite(y).all(axis=1)
        if known.sum() < 2 * x.shape[1] + 2:
            first = next(iter(found.failures.values()), f"{t.moment} has no value there")
            raise InputError(f"{t.moment}: only {known.sum()} of {chosen.sum()} points of a wave have a value: {first}")
        luck = noise(y[known])
        emulators.append(fit(x[known], y[known].mean(axis=1), luck.own))
        shared.append(luck.shared)
    return Wave(tuple(emulators), np.array(shared), math.nan)


def implausible(waves: Sequence[Wave], targets: Sequence[Target]) -> Callable[[np.ndarray], np.ndarray]:
    """The function x (m, k) → (m,) largest implausibility over moments and waves."""

    def of(x: np.ndarray) -> np.ndarray:
        worst = np.zeros(len(x))
        for wave in waves:
            for emulator, shared, t in zip(wave.emulators, wave.shared, targets, strict=True):
                mean, variance = emulator.predict(x)
                worst = np.maximum(worst, np.abs(mean - t.value) / np.sqrt(variance + shared + t.sd**2))
        return worst

    return of


def remaining(of: Callable[[np.ndarray], np.ndarray], k: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A sample (M, k) of the cube where of(x) ≤ CUT, and its share of the cube; where there is none, of the least implausible, and 0."""
    from scipy.stats import qmc

    x = qmc.LatinHypercube(k, rng=rng).random(SAMPLE)
    worst, share = of(x), 1.0
    for _ in range(LEVELS):
        inside = float((worst <= CUT).mean())
        if inside >= KEPT:
            kept = x[worst <= CUT]
            return (kept if share == 1.0 else _walk(of, kept, CUT, rng)[0]), share * inside
        level = max(float(np.quantile(worst, KEPT)), CUT)
        before = level
        share *= float((worst <= level).mean())
        x, worst = _walk(of, x[worst <= level], level, rng)
        if level > CUT and float(np.quantile(worst, KEPT)) > (1.0 - STALLED) * before:
            break
    return x, 0.0


def _walk(of, starts: np.ndarray, level: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SAMPLE random walks inside of(x) ≤ level, reflected at the faces of the cube: where they end, and of(x) there."""
    x = starts[rng.integers(len(starts), size=SAMPLE)]
    worst, size = of(x), 1.0
    spread = np.linalg.cholesky(np.cov(starts.T).reshape(x.shape[1], -1) + 1e-12 * np.eye(x.shape[1]))
    for _ in range(WALK):
        there = x + size * rng.normal(size=x.shape) @ spread.T
        there = 1.0 - np.abs(1.0 - np.abs(there) % 2.0)
        at = of(there)
        taken = at <= level
        x[taken], worst[taken] = there[taken], at[taken]
        size *= 1.3 if taken.mean() > 0.35 else 0.7  # towards the acceptance at which walks go farthest
    return x, worst


def _evenly(k: int, n: int) -> np.ndarray:
    from scipy.stats import qmc

    return qmc.LatinHypercube(k, rng=np.random.default_rng(SEED), optimization="random-cd").random(n)


def _apart(sample: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n points of a sample, each the farthest of some from those already taken."""
    from scipy.spatial.distance import cdist

    some = sample[rng.permutation(len(sample))[: 10 * n]]
    taken = [0]
    near = cdist(some, some[:1])[:, 0]
    while len(taken) < min(n, len(some)):
        taken.append(int(near.argmax()))
        near = np.minimum(near, cdist(some, some[taken[-1:]])[:, 0])
    return some[taken]


def _settled(wave: Wave, sample: np.ndarray, targets: Sequence[Target]) -> bool:
    """Emulators are so certain in what is left that further waves would rule out no more."""
    sure = [float(np.median(e.predict(sample)[1])) <= SETTLED * t.sd**2 for e, t in zip(wave.emulators, targets, strict=True)]
    return wave.left > 0 and all(sure)


def _misfit(wave: Wave, targets: Sequence[Target]) -> Callable[[np.ndarray], np.ndarray]:
    """x (m, k) → (m,) Σ over moments of (E - z)² / (v + (t/3)²)."""

    def of(x: np.ndarray) -> np.ndarray:
        parts = zip(wave.emulators, wave.shared, targets, strict=True)
        return sum((e.mean(x) - t.value) ** 2 / (shared + t.sd**2) for e, shared, t in parts)

    return of


def _best_of(wave: Wave, sample: np.ndarray, targets: Sequence[Target], start: np.ndarray) -> np.ndarray:
    """FINAL points that should fit best, near start (k,) where that is open: minima of the misfit from the best of the sample."""
    from scipy.optimize import minimize

    misfit = _misfit(wave, targets)

    def of(x: np.ndarray) -> np.ndarray:
        return misfit(x) + TIE * ((x - start) ** 2).sum(axis=1)

    starts = sample[np.argsort(of(sample), kind="stable")[:FINAL]]
    bounds = [(0.0, 1.0)] * sample.shape[1]
    found = [
        minimize(lambda x: float(of(x[None])[0]), start, bounds=bounds, method="Nelder-Mead", options={"maxiter": 200}).x
        for start in starts
    ]
    return np.clip(np.array(found), 0.0, 1.0)


# -- what the targets leave open ----------------------------------------------------------------------------------------------------------


def jacobian(wave: Wave, x: np.ndarray, targets: Sequence[Target]) -> np.ndarray:
    """(J, k) ∂E_j/∂x_l / √(v_j + (t_j / 3)²) at x (k,), by differences of the emulators."""
    k = len(x)
    low, high = np.clip(x - STEP * np.eye(k), 0.0, 1.0), np.clip(x + STEP * np.eye(k), 0.0, 1.0)
    steps = np.diagonal(high - low)
    rows = [
        (e.mean(high) - e.mean(low)) / steps / math.sqrt(shared + t.sd**2)
        for e, shared, t in zip(wave.emulators, wave.shared, targets, strict=True)
    ]
    return np.array(rows)


def _directions(wave: Wave, x: np.ndarray, sample: np.ndarray, targets: Sequence[Target]) -> tuple[Direction, ...]:
    """Eigenvectors of H at x (k,), the stiffest first; those of the flat space are turned to be as simple as they can be."""
    J = jacobian(wave, x, targets)
    H = J.T @ J
    vectors = np.linalg.eigh(H)[1]
    found = [_direction(H, v, sample) for v in vectors.T[::-1]]
    flat = [d.vector for d in found if d.flat]
    if len(flat) > 1:
        found = [d for d in found if not d.flat] + [_direction(H, v, sample) for v in varimax(np.array(flat).T).T]
    return tuple(sorted(found, key=lambda d: -d.eigenvalue))


def _direction(H: np.ndarray, v: np.ndarray, sample: np.ndarray) -> Direction:
    v = v * np.sign(v[np.abs(v).argmax()])
    value = max(float(v @ H @ v), 0.0)
    width = 2.0 * CUT / math.sqrt(value) if value > 0 else math.inf
    spread = float((sample @ v).std() * math.sqrt(12.0))  # of the whole cube it is 1 / √12 along any direction
    return Direction(tuple(v.tolist()), value, width, 1.0 / float(np.abs(v).max()), spread)


def varimax(vectors: np.ndarray, rounds: int = 50) -> np.ndarray:
    """The same space (k, m) with orthonormal vectors that have few large entries: Kaiser (1958), Psychometrika 23."""
    turned = vectors
    for _ in range(rounds):
        u, _, vh = np.linalg.svd(turned.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        turned = turned @ u @ vh
    return turned
