r"""Which parameters matter: elementary effects (Morris) and variance-based indices (Sobol) of any f(parameters, seed) → {output: number}.

Designs live in the unit cube, so that effects are those of a move through the whole range of a parameter.

    EE_k       [f(x + Δ e_k) - f(x)] / Δ                              on trajectories over a grid, each begins anywhere
    mu_star_k  mean |EE_k|        mu_k  mean EE_k         sigma_k  s.d. of EE_k: not additive or not linear
    first_k    Var(E[f | x_k]) / Var f                     alone
    total_k    E[Var(f | all but x_k)] / Var f             with everything it takes part in
    interaction_k = total_k - first_k

SALib makes designs, estimates and bootstrap intervals (95 %, blocks of the design drawn again). All points are run under the same seeds;
f is the mean over them. What luck alone would give is the noise of an index:

    mu_star    √(2/π) × standard error of EE_k over the seeds, root mean square     mean |x| of a Gaussian x around zero
    total      v / V                                                            `evaluations.noise`

A block of the design in which a run failed is left out. What one parameter does with all others at their start is `swings`, low and high
end against the start, run by run. An output is robust in sign where at least 95 % of the points have clearly the same sign, t-test over the
seeds with the false discovery rate at 5 % (Benjamini and Yekutieli 2001).

Sources: Morris (1991), Technometrics 33; Campolongo, Cariboni and Saltelli (2007), Env. Modelling & Software 22; Saltelli et al. (2010),
Computer Physics Communications 181; Herman and Usher (2017), JOSS 2(9), for SALib.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..schema import InputError
from .evaluations import HERE, Evaluations, Function, Progress, Where, evaluate, noise
from .space import Parameter, check_names, values_at

MORRIS, SOBOL = "morris", "sobol"
SAMPLES = {MORRIS: 10, SOBOL: 512}  # trajectories (Campolongo et al. 2007); base sample
LEAST_SAMPLES = {MORRIS: 2, SOBOL: 8}
MAIN_INDEX = {MORRIS: "mu_star", SOBOL: "total"}
LEVELS = 4  # of Morris' grid
LEVEL, NORMAL = 0.95, 1.96  # of intervals, and their half-width in standard errors
RESAMPLES, BOOTSTRAP_SEED, DESIGN_SEED = 1000, 1, 1
NEGLIGIBLE = 0.05  # of the variance, or of the largest mu_star; assumption
ROBUST = 0.95  # of the points
MATTERS, SMALL, INSIDE_NOISE, UNSETTLED, CONSTANT = "matters", "negligible", "inside noise", "not settled", "no effect"
FLAT = 1e-12  # relative spread of an output that does not move
POSITIVE, NEGATIVE, BOTH, NO_CLAIM = "positive", "negative", "both signs", "no claim"


@dataclass(frozen=True)
class Index:
    """One number about a parameter and an output, its bootstrap interval; noise: what luck alone would give. NaN: not known."""

    output: str
    parameter: str
    name: str
    value: float
    low: float
    high: float
    noise: float


@dataclass(frozen=True)
class Swing:
    """What an output does when one parameter goes to an end of its range and the others stay: mean difference and interval."""

    output: str
    parameter: str
    at: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Sign:
    """Of an output: shares of the points where it is clearly positive, clearly negative, neither; the verdict."""

    output: str
    positive: float
    negative: float
    verdict: str

    @property
    def open(self) -> float:
        """Share of the points without a clear sign."""
        return max(1.0 - self.positive - self.negative, 0.0)


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What was found. design: (n,) rows of `evaluations.points` in the order of SALib's design; start: value of each output unmoved.

    noise_share : output → share of the variance between points that is luck
    left_out    : output → blocks of the design left out because a run failed, of how many
    """

    method: str
    evaluations: Evaluations
    indices: tuple[Index, ...]
    swings: tuple[Swing, ...]
    signs: tuple[Sign, ...]
    start: Mapping[str, float]
    noise_share: Mapping[str, float]
    left_out: Mapping[str, tuple[int, int]]
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # output → unit, label
    signed: tuple[str, ...] = ()  # outputs whose sign is a finding
    manifest: dict = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.evaluations.parameters

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.evaluations.outputs

    def unit(self, output: str) -> str:
        """Unit of an output; 1 if nothing is said."""
        return self.units.get(output, ("1", output))[0]

    def label(self, output: str) -> str:
        """What an output is."""
        return self.units.get(output, ("1", output))[1]

    def index(self, output: str, parameter: str, name: str | None = None) -> Index:
        """One index; by default the main one of the method."""
        name = name or MAIN_INDEX[self.method]
        return next(i for i in self.indices if (i.output, i.parameter, i.name) == (output, parameter, name))

    def ranking(self, output: str) -> list[Index]:
        """The main index of every parameter, largest first; unknown ones last."""
        found = [self.index(output, p.name) for p in self.parameters]
        return sorted(found, key=lambda i: -i.value if math.isfinite(i.value) else math.inf)

    def verdict(self, output: str, parameter: str) -> str:
        """matters, negligible, inside noise, not settled, or no effect at all."""
        i = self.index(output, parameter)
        if not math.isfinite(i.value):
            return UNSETTLED
        if i.value == 0.0 and i.high == 0.0:
            return CONSTANT
        small = NEGLIGIBLE * (1.0 if self.method == SOBOL else max(self.ranking(output)[0].value, 0.0))
        if i.high <= small:
            return SMALL
        if math.isfinite(i.noise) and i.low <= i.noise:
            return INSIDE_NOISE
        return MATTERS if i.low > small else UNSETTLED

    def sign(self, output: str) -> Sign:
        """What is known of the sign of an output."""
        return next(s for s in self.signs if s.output == output)


def sensitivity(
    f: Function,
    parameters: Sequence[Parameter],
    outputs: Sequence[str],
    *,
    method: str = MORRIS,
    samples: int | None = None,
    runs: int = 1,
    seed: int = 1,
    where: Where = HERE,
    progress: Progress | None = None,
) -> Sensitivity:
    """Sensitivity of outputs of f(parameters, seed) to parameters.

    method  : "morris" or "sobol"
    samples : trajectories, or size of the base sample, a power of 2
    runs    : seeds seed … seed + runs - 1 at every point; with one, noise is not known
    where, progress : see `evaluations.evaluate`

    Points: samples × (k + 1) of Morris, samples × (k + 2) of Sobol, and 2 k + 1 for the swings; equal ones are run once.
    Raises InputError for options that cannot be and for what f refuses.
    """
    samples = check(method, samples, parameters, outputs, runs)
    design = shares(method, samples, len(parameters))
    points, order = distinct(parameters, design)
    seeds = range(seed, seed + runs)
    found = evaluate(f, parameters, points, seeds, outputs, where, progress)
    return replace(analyse(method, found, order, design), signed=tuple(outputs))


def check(method: str, samples: int | None, parameters: Sequence[Parameter], outputs: Sequence[str], runs: int) -> int:
    """The number of samples. Raises InputError, one line per mistake."""
    if method not in SAMPLES:
        raise InputError(f"--method {method}: one of {', '.join(SAMPLES)}")
    check_names(parameters)
    samples = SAMPLES[method] if samples is None else samples
    problems = []
    if samples < LEAST_SAMPLES[method]:
        problems.append(f"--samples {samples}: at least {LEAST_SAMPLES[method]} for {method}")
    elif method == SOBOL and samples & (samples - 1):
        below = 2 ** int(math.log2(samples))
        problems.append(f"--samples {samples}: a Sobol sequence needs a power of 2, such as {below} or {2 * below}")
    if runs < 1:
        problems.append(f"--runs {runs}: at least 1")
    if not outputs or len(set(outputs)) < len(outputs):
        problems.append("--outputs: at least one, none of them twice")
    if problems:
        raise InputError(*problems)
    return samples


def shares(method: str, samples: int, k: int) -> np.ndarray:
    """(n, k) the design in the unit cube: blocks of k + 1 rows (Morris) or k + 2 rows (Sobol)."""
    if method == MORRIS:
        from SALib.sample import morris

        return morris.sample(_problem(k), samples, num_levels=LEVELS, seed=DESIGN_SEED)
    from SALib.sample import sobol

    return sobol.sample(_problem(k), samples, calc_second_order=False, seed=DESIGN_SEED)


def _problem(k: int) -> dict:
    return {"num_vars": k, "names": [f"x{j}" for j in range(k)], "bounds": [[0.0, 1.0]] * k}


def distinct(parameters: Sequence[Parameter], design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (P, k) of the points to run, each once, and the rows in them of the design and of `around_start`."""
    return np.unique(np.concatenate([values_at(parameters, design), around_start(parameters)]), axis=0, return_inverse=True)


def around_start(parameters: Sequence[Parameter]) -> np.ndarray:
    """(1 + 2 k, k) values: all at their start, then each at its low and at its high end."""
    start = np.array([p.start for p in parameters])
    points = np.tile(start, (1 + 2 * len(parameters), 1))
    for k, p in enumerate(parameters):
        points[1 + 2 * k, k], points[2 + 2 * k, k] = p.low, p.high
    return points


def analyse(method: str, found: Evaluations, order: np.ndarray, design: np.ndarray) -> Sensitivity:
    """Indices, swings and signs of points already run; order: rows of the design and of `around_start` in `found.points`."""
    n = len(design)
    indices, swings, signs, left_out = [], [], [], {}
    for output in found.outputs:
        y = found.of(output)[order]
        size = len(found.parameters) + (1 if method == MORRIS else 2)
        whole = np.isfinite(y[:n]).all(axis=1).reshape(-1, size).all(axis=1)
        left_out[output] = int((~whole).sum()), len(whole)
        kept = np.repeat(whole, size)
        indices += _indices(method, found, output, design[kept], y[:n][kept])
        swings += _swings(found, output, y[n:])
        signs.append(_sign(output, found.of(output)))
    start = {output: float(found.of(output)[order[n]].mean()) for output in found.outputs}
    luck = {output: noise(found.of(output)).share for output in found.outputs}
    return Sensitivity(method, found, tuple(indices), tuple(swings), tuple(signs), start, luck, left_out)


# -- indices ------------------------------------------------------------------------------------------------------------------------------


def _indices(method: str, found: Evaluations, output: str, x: np.ndarray, y: np.ndarray) -> list[Index]:
    """All indices of one output from complete blocks: x (n, k) shares, y (n, R)."""
    names = [p.name for p in found.parameters]
    if len(y) < 2 * (len(names) + 1):  # one block has no interval
        return [Index(output, name, index, *[math.nan] * 4) for name in names for index in INDICES[method]]
    mean = y.mean(axis=1)
    if np.ptp(mean) <= FLAT * np.abs(mean).max():
        return [Index(output, name, index, 0.0, 0.0, 0.0, 0.0) for name in names for index in INDICES[method]]
    rows = (_morris if method == MORRIS else _sobol)(x, y, mean)
    return [
        Index(output, name, index, *(float(v) for v in values))
        for index, of in rows.items()
        for name, values in zip(names, of, strict=True)
    ]


INDICES = {MORRIS: ("mu_star", "mu", "sigma"), SOBOL: ("total", "first", "interaction")}


def _morris(x: np.ndarray, y: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Index → (k, 4) value, low, high, noise."""
    from SALib.analyze import morris

    k, R = x.shape[1], y.shape[1]
    found = morris.analyze(_problem(k), x, mean, num_resamples=RESAMPLES, conf_level=LEVEL, num_levels=LEVELS, seed=BOOTSTRAP_SEED)
    star, half = np.asarray(found["mu_star"], float), np.asarray(found["mu_star_conf"], float)
    effects = elementary_effects(x, y)
    error = effects.std(axis=2, ddof=1) / math.sqrt(R) if R > 1 else np.full(effects.shape[:2], np.nan)
    luck, own = np.sqrt((error**2).mean(axis=0)), effects.mean(axis=2)
    spread = NORMAL * own.std(axis=0, ddof=1) / math.sqrt(len(own))
    mu_noise = effects.mean(axis=0).std(axis=1, ddof=1) / math.sqrt(R) if R > 1 else np.full(k, np.nan)
    mu, sigma = np.asarray(found["mu"], float), np.asarray(found["sigma"], float)
    unknown = np.full(k, np.nan)
    return {
        "mu_star": np.stack([star, star - half, star + half, math.sqrt(2 / math.pi) * luck], axis=1),
        "mu": np.stack([mu, mu - spread, mu + spread, mu_noise], axis=1),
        "sigma": np.stack([sigma, unknown, unknown, luck], axis=1),
    }


def elementary_effects(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(trajectories, k, R) EE of every parameter under every seed; x (n, k) shares on trajectories of k + 1 rows, y (n, R)."""
    k = x.shape[1]
    dx = np.diff(x.reshape(-1, k + 1, k), axis=1)  # one column moves in every row
    dy = np.diff(y.reshape(-1, k + 1, y.shape[1]), axis=1)
    moved = np.abs(dx).argmax(axis=2)
    step = np.take_along_axis(dx, moved[..., None], axis=2)
    effects = np.empty_like(dy)
    np.put_along_axis(effects, np.broadcast_to(moved[..., None], dy.shape), dy / step, axis=1)
    return effects


def _sobol(x: np.ndarray, y: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Index → (k, 4) value, low, high, noise."""
    from SALib.analyze import sobol

    found = sobol.analyze(
        _problem(x.shape[1]), mean, calc_second_order=False, num_resamples=RESAMPLES, conf_level=LEVEL, keep_resamples=True,
        seed=BOOTSTRAP_SEED,
    )  # fmt: skip
    first, total = np.asarray(found["S1"], float), np.asarray(found["ST"], float)
    together = NORMAL * (found["ST_conf_all"] - found["S1_conf_all"]).std(axis=0, ddof=1)
    luck, none = np.full(len(first), noise(y).share), np.zeros(len(first))
    rows = {
        "total": (total, found["ST_conf"], luck),
        "first": (first, found["S1_conf"], none),
        "interaction": (total - first, together, luck),
    }
    return {name: np.stack([v, v - half, v + half, floor], axis=1) for name, (v, half, floor) in rows.items()}


# -- swings and signs ---------------------------------------------------------------------------------------------------------------------


def _swings(found: Evaluations, output: str, y: np.ndarray) -> list[Swing]:
    """y (1 + 2 k, R) at the points of `around_start`."""
    from scipy.stats import t

    d = y[1:] - y[0]
    R = d.shape[1]
    half = t.ppf(0.5 + LEVEL / 2, R - 1) * d.std(axis=1, ddof=1) / math.sqrt(R) if R > 1 else np.full(len(d), np.nan)
    ends = [(p, end) for p in found.parameters for end in (p.low, p.high)]
    rows = zip(ends, d.mean(axis=1), half, strict=True)
    return [Swing(output, p.name, end, float(mean), float(mean - h), float(mean + h)) for (p, end), mean, h in rows]


def _sign(output: str, y: np.ndarray) -> Sign:
    """y (P, R)."""
    from scipy.stats import false_discovery_control, t

    y = y[np.isfinite(y).all(axis=1)]
    P, R = y.shape
    if R < 2 or P == 0:
        return Sign(output, math.nan, math.nan, NO_CLAIM)
    mean, error = y.mean(axis=1), y.std(axis=1, ddof=1) / math.sqrt(R)
    ratio = np.divide(np.abs(mean), error, out=np.where(mean == 0.0, 0.0, np.inf), where=error > 0)
    clear = false_discovery_control(2.0 * t.sf(ratio, R - 1), method="by") < 1.0 - LEVEL
    positive, negative = float((clear & (mean > 0)).mean()), float((clear & (mean < 0)).mean())
    one = POSITIVE if positive >= ROBUST else NEGATIVE if negative >= ROBUST else NO_CLAIM
    return Sign(output, positive, negative, BOTH if positive and negative else one)
