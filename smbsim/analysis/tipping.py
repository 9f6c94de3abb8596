r"""Does a system tip, where, does it come back, and is it real? All of MODEL.md 5.4 for any callable

    f(parameter, state, seed) -> (order parameter, state)          see `sweeps`

    found = tipping(f, -1.0, 1.0, sizes={n: of_size(n) for n in (100, 400, 1600, 6400)}, perturb=push)
    print(found.verdict.in_words())

In order: sweeps up and down, once more with holds twice as long, realisations begun afresh; bisection of both thresholds; the gap between
the branches in the long run; two modes of realisations around the threshold; sizes; variants and a small push against artefacts; basins;
noise and ramp speeds. What is expensive is left out where neither a jump nor a loop has been seen, unless it is asked to be thorough.
A tipping point is claimed only where T1 to T4 hold (`verdict`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from ..schema import InputError
from . import verdict as verdicts
from .basins import Basin, Perturb, basin
from .bimodality import Bimodality, bimodality
from .phases import Phases
from .scaling import COARSE, GRID, Scaling, around, check_sizes, scaling
from .sweeps import LONG, Loop, Sweep, System, each, ensemble, hold, long_run_gap, loop, sweep
from .thresholds import Threshold, threshold
from .verdict import NARROW, WINDOW, Step, Verdict

LEAST_STEPS = 21  # MODEL.md 5.4
SMALL_PUSH = 0.05  # relative to the largest, to see whether a regime hangs on a state that is empty to the last bit
SURVIVING = 0.8  # share of the gap that must be left after it
RATES = (4, 1 / 4)  # ramp speed relative to the sweep: faster leaves parameters out, slower holds longer
MARGIN = 2  # steps by which a bracket of bisection is widened at a time
BISECTIONS = 24  # trials of a threshold and its band, for the estimate of work

Progress = Callable[[int, int], None]  # units done, units in all


@dataclass(frozen=True)
class Look:
    """Sweeps, loop and thresholds of one system. thresholds, doubled, steps: up, down; None where a branch never changes side."""

    single: Sweep
    twice: Sweep
    loop: Loop
    thresholds: tuple[Threshold, Threshold]
    doubled: tuple[Threshold, Threshold]
    steps: tuple[Step | None, Step | None]

    @property
    def jumps(self) -> bool:
        """A branch changes by a large step."""
        return any(step is not None and step.large for step in self.steps)

    @property
    def suspicious(self) -> bool:
        """There is something to test: a jump or a lasting loop."""
        return self.jumps or self.loop.hysteresis


@dataclass(frozen=True)
class Tipping:
    """Everything found. look is None where the order parameter does not answer at all.

    afresh     : threshold of realisations begun afresh at every parameter; cloud (K, R) of them around it, at `cloud_at` (K,)
    modes      : the three tests of two modes, per parameter of the cloud
    scaling    : by size; None without sizes
    checks     : variant or push → the finding was there again
    basins     : "up" and "down" branch at the heart of the loop
    noise      : factor of the noise → thresholds up and down; rates: ramp speed → the same, from the largest jump
    """

    a: float
    b: float
    single: Sweep
    look: Look | None
    afresh: Threshold | None
    cloud_at: np.ndarray
    cloud: np.ndarray
    modes: tuple[Bimodality, ...]
    scaling: Scaling | None
    checks: Mapping[str, bool]
    basins: Mapping[str, Basin]
    noise: Mapping[float, tuple[float, float]]
    rates: Mapping[float, tuple[float, float]]
    verdict: Verdict
    phases: Phases | None = None  # over a second parameter, where one was asked for
    manifest: dict = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What noise and ramp speed have to do with it."""
        said = []
        missing = [f"{factor:g}" for factor, at in self.noise.items() if not np.isfinite(at).any()]
        if missing:
            said.append(f"noise-induced: there is no threshold in the range with noise × {', × '.join(missing)}")
        slow, fast = (self.rates.get(rate) for rate in (min(RATES), max(RATES)))
        if slow is not None and np.isfinite(fast).any() and not np.isfinite(slow).any():
            said.append("rate-induced: it jumps only when the parameter moves fast")
        return said


def tipping(
    f: System,
    a: float,
    b: float,
    *,
    steps: int = LEAST_STEPS,
    holds: int = 1,
    sweeps: int = 4,
    runs: int = 100,
    seed: int = 1,
    resolution: float = 1e-3,
    sizes: Mapping[int, System] | None = None,
    variants: Mapping[str, System] | None = None,
    perturb: Perturb | None = None,
    blocked: Callable[[Any], bool] | None = None,
    noise: Mapping[float, System] | None = None,
    rates: bool = True,
    thorough: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Tipping:
    """Look for a tipping point of a system between the parameters a and b.

    steps, holds : parameters of a sweep and calls of f at each
    sweeps, runs : seeds of sweeps and of realisations begun afresh; a system that returns arrays needs one of each
    resolution   : of the thresholds, relative to the range
    sizes        : size → the same system of that size, at least four, for T3
    variants     : name → the same system with another safety valve, for T4
    perturb      : perturb(state, size, seed) → state; size 1 is a large push; for T4 and basins
    blocked      : blocked(state): everything has come to a stop there, whatever the parameter; for T4
    noise        : factor → the same system with so much noise
    rates        : also ramp four times faster and slower
    thorough     : do everything even where neither a jump nor a loop is seen
    progress     : called with (units done, in all); a unit is a call of f, or what its attribute `cost` says

    Raises InputError for a range or numbers that cannot be.
    """
    check_search(a, b, steps, holds, sweeps, runs, resolution, sizes)
    units = expected(f, steps, holds, sweeps, runs, sizes, variants, perturb, noise, rates)
    count = Count(progress, units)
    f = count.counted(f)
    sizes, variants, noise = ({name: count.counted(system) for name, system in (given or {}).items()} for given in (sizes, variants, noise))
    p = np.linspace(a, b, steps)
    seeds, many = [seed + k for k in range(sweeps)], [seed + k for k in range(runs)]
    fine = abs(b - a) * resolution

    single = sweep(f, p, seeds, holds, restart=True, jobs=jobs)
    if not single.span:
        count.finish()
        return _nothing(a, b, single)
    look = _look(f, p, seeds, holds, fine, jobs, single)
    worth = look.suspicious or thorough
    afresh, at, cloud, modes, by_size = None, np.empty(0), np.empty((0, 0)), (), None
    if worth:
        pilot = many[: max(-(-runs // 5), 1)]
        afresh = threshold(f, a, b, look.single.level, pilot, None, 2 * holds, abs(b - a) * COARSE, jobs)
        at = around(afresh.parameter, afresh.width, a, b)
        cloud = np.stack(ensemble(f, at, many, 2 * holds, jobs))
        modes = tuple(bimodality(m) for m in cloud)
        if sizes:
            by_size = scaling(sizes, a, b, look.single.level, many, 2 * holds, jobs=jobs)
    checks, basins = {}, {}
    if look.suspicious:
        for name, system in variants.items():
            again = _look(system, p, seeds, holds, fine, jobs)
            checks[name] = again is not None and (again.loop.hysteresis if look.loop.hysteresis else again.jumps)
        if perturb is not None and look.loop.hysteresis:
            checks["a small push"] = _survives(f, look, perturb, seeds, jobs)
        if perturb is not None and look.loop.there:
            basins = _basins(f, look, perturb, many, holds, jobs)
        elif perturb is not None and not look.loop.there and not checks:
            checks["a small push"] = _jumps_pushed(f, look, perturb, seeds, holds, jobs)
        if blocked is not None:
            kept = (*look.twice.up.kept, *look.twice.down.kept)
            checks["firms that are not all blocked"] = not any(blocked(state) for state in kept)
    by_noise = {1.0: _places(look)} if noise and look.suspicious else {}
    for factor, system in noise.items() if by_noise else ():
        again = _look(system, p, seeds, holds, fine, jobs, brief=True)
        by_noise[factor] = (np.nan, np.nan) if again is None else _places(again)
    by_rate = _rates(f, p, seeds, holds, look, jobs) if rates and look.suspicious else {}
    count.finish()
    tests = (
        verdicts.jump(look.steps), verdicts.two_regimes(look.loop, modes), verdicts.sharpening(by_size, worth),
        verdicts.no_artefact(checks, look.suspicious),
    )  # fmt: skip
    said = Verdict(tests, verdicts.kind(look.loop, look.steps, modes, checks, by_size))
    return Tipping(
        a, b, single, look, afresh, at, cloud, modes, by_size, checks, basins, dict(sorted(by_noise.items())), by_rate, said
    )  # fmt: skip


def check_search(a, b, steps, holds, sweeps, runs, resolution, sizes) -> None:
    """Raise InputError, one line per mistake."""
    problems = []
    if not (np.isfinite(a) and np.isfinite(b)) or a == b:
        problems.append(f"from {a} to {b}: two different finite numbers are needed")
    if steps < LEAST_STEPS:
        problems.append(f"steps = {steps}: at least {LEAST_STEPS}")
    problems += [f"{name} = {n}: at least 1" for name, n in (("holds", holds), ("sweeps", sweeps), ("runs", runs)) if n < 1]
    if not 0 < resolution <= WINDOW / 4:
        problems.append(f"resolution = {resolution} is outside (0, {WINDOW / 4}] 1")
    if problems:
        raise InputError(*problems)
    if sizes:
        check_sizes(sizes)


def _nothing(a, b, single) -> Tipping:
    tests = (verdicts.jump(()), *(verdicts.Test(name, None, "nothing to test") for name in ("T2", "T3", "T4")))
    empty = np.empty(0)
    said = Verdict(tests, verdicts.kind(None, (), (), {}, None))
    return Tipping(a, b, single, None, None, empty, np.empty((0, 0)), (), None, {}, {}, {}, {}, said)


# -- one system -------------------------------------------------------------------------------------------------------------------------


def _look(f, p, seeds, holds, fine, jobs, single: Sweep | None = None, brief: bool = False) -> Look | None:
    """brief: without thresholds of doubled holds. None where the order parameter does not answer."""
    single = sweep(f, p, seeds, holds, jobs=jobs) if single is None else single
    if not single.span:
        return None
    twice = sweep(f, p, seeds, 2 * holds, keep=single.heart, jobs=jobs)
    found = loop(f, single, twice, seeds, jobs)
    at = [_threshold(f, twice, branch, seeds, holds, fine, jobs) for branch in (0, 1)]
    doubled = at if brief else [_threshold(f, twice, branch, seeds, 2 * holds, fine, jobs) for branch in (0, 1)]
    steps = [None if not t.found else _step(f, twice, branch, t, single.span, seeds, 2 * holds, jobs) for branch, t in enumerate(doubled)]
    return Look(single, twice, found, tuple(at), tuple(doubled), tuple(steps))


def _start(twice: Sweep, branch: int) -> tuple[int, list]:
    """The earliest place before a jump on this branch, and the states there."""
    before = (twice.up, twice.down)[branch].before
    places = [place for place, _ in before]
    return (max if branch else min)(places), [state for _, state in before]


def _threshold(f, twice: Sweep, branch: int, seeds, holds, fine, jobs) -> Threshold:
    """Bisection from the states before the jump; the bracket is widened where it does not hold the threshold."""
    p, (place, states) = twice.parameters, _start(twice, branch)
    level, direction = twice.level, -1 if branch else 1
    k = twice.jump(branch)[0] + (1 - branch)  # on the far side of the jump
    near, far = place, k
    while True:
        found = threshold(f, float(p[near]), float(p[far]), level, seeds, states, holds, fine, jobs)
        wider = (min(max(near - direction * MARGIN, 0), len(p) - 1), min(max(far + direction * MARGIN, 0), len(p) - 1))
        if np.isfinite(found.low) or wider == (near, far):
            return found
        near, far = wider


def _step(f, twice: Sweep, branch: int, at: Threshold, span: float, seeds, holds, jobs) -> Step:
    """Change of m across the threshold of most realisations, within the window of T1 and within a quarter of it."""
    _, states = _start(twice, branch)
    length = abs(float(twice.parameters[-1] - twice.parameters[0]))

    def across(window: float) -> np.ndarray:
        ends = [at.parameter - window * length / 2, at.parameter + window * length / 2]
        items = [(p, seed, state) for p in ends for seed, state in zip(seeds, states, strict=True)]
        m = each(lambda item: hold(f, item[0], item[2], item[1], 0, holds)[0][-1], items, jobs)
        n = len(seeds)
        return (np.concatenate(m[n:]) - np.concatenate(m[:n])) / span

    wide, narrow = across(WINDOW), across(NARROW)
    error = float(wide.std(ddof=1) / np.sqrt(wide.size)) if wide.size > 1 else 0.0
    return Step(abs(float(wide.mean())), abs(float(narrow.mean())), error)


def _places(look: Look) -> tuple[float, float]:
    """Thresholds up and down where there is a jump, else NaN."""
    return tuple(
        t.parameter if step is not None and step.large else np.nan for t, step in zip(look.thresholds, look.steps, strict=True)
    )  # fmt: skip


# -- artefacts, basins, rates --------------------------------------------------------------------------------------------------------------


def _survives(f, look: Look, perturb: Perturb, seeds, jobs) -> bool:
    """Both branches, pushed a little in the heart of the loop, stay apart for good."""
    place = look.single.heart
    p, ways = float(look.single.parameters[place]), []
    for branch in (look.twice.up, look.twice.down):
        pushed = [(seed, perturb(state, SMALL_PUSH, seed)) for seed, state in zip(seeds, branch.kept, strict=True)]
        held = each(lambda item: hold(f, p, item[1], item[0], len(look.single.parameters), LONG)[0], pushed, jobs)
        ways.append(np.concatenate(held, axis=1))
    return bool(long_run_gap(ways[1] - ways[0]) >= SURVIVING * look.loop.gap[0])


def _jumps_pushed(f, look: Look, perturb: Perturb, seeds, holds, jobs) -> bool:
    """The jump of the way up is there when every state is pushed a little before every hold."""

    def pushed(parameter: float, state: Any, seed: int):
        return f(parameter, state if state is None else perturb(state, SMALL_PUSH, seed), seed)

    again = sweep(pushed, look.single.parameters, seeds, holds, jobs=jobs)
    _, low, high = again.jump(0)
    return bool(abs(high - low) >= verdicts.LARGE * look.single.span)


def _basins(f, look: Look, perturb: Perturb, seeds, holds, jobs) -> dict[str, Basin]:
    place = look.single.heart
    p = float(look.single.parameters[place])
    kept = {"up": look.twice.up.kept[0], "down": look.twice.down.kept[0]}
    level = float(look.twice.middle[:, place].mean())
    return {name: basin(f, p, state, perturb, level, seeds, 2 * holds, jobs=jobs) for name, state in kept.items()}


def _rates(f, p, seeds, holds, look: Look, jobs) -> dict[float, tuple[float, float]]:
    """Where the largest jumps are at other ramp speeds; NaN where they are small."""
    fast, slow = int(RATES[0]), int(1 / RATES[1])
    ramps = {
        RATES[1]: sweep(f, p, seeds, slow * holds, jobs=jobs), 1.0: look.single, RATES[0]: sweep(f, p[::fast], seeds, holds, jobs=jobs)
    }  # fmt: skip
    found = {}
    for speed, ramp in ramps.items():
        sizes = [abs(ramp.jump(branch)[2] - ramp.jump(branch)[1]) for branch in (0, 1)]
        found[speed] = tuple(ramp.at_jump(b) if size >= verdicts.LARGE * look.single.span else np.nan for b, size in enumerate(sizes))
    return found


# -- work done ----------------------------------------------------------------------------------------------------------------------------


def expected(f, steps, holds, sweeps, runs, sizes=None, variants=None, perturb=None, noise=None, rates=True) -> int:
    """Units of work if everything is done, about: calls, each as dear as the attribute `cost` of its system says (default 1)."""
    one_look = sweeps * (2 * steps * 3 * holds + 2 * LONG + 2 * BISECTIONS // 2 * 3 * holds + 16 * holds)
    pilot = max(-(-runs // 5), 1)
    cloud = 2 * holds * (pilot * BISECTIONS + runs * GRID)
    own = one_look + sweeps * steps * holds + cloud
    own += (2 * LONG * sweeps + 2 * runs * 2 * holds * 8 if perturb else 0) + (2 * steps * 5 * holds * sweeps if rates else 0)
    total = own * _cost(f) + sum(cloud * _cost(system) for system in (sizes or {}).values())
    total += sum(one_look * _cost(system) for given in (variants, noise) for system in (given or {}).values())
    return max(int(total), 1)


def _cost(system: System) -> float:
    return getattr(system, "cost", 1.0)


class Count:
    """Tells how far it is; from one thread at a time. done: units done before."""

    def __init__(self, progress: Progress | None, total: int, done: float = 0.0):
        self.progress, self.total, self.done, self.lock = progress, total, done, Lock()

    def counted(self, system: System) -> System:
        """The same system; each of its calls counts as much work as its attribute `cost` says."""
        cost = _cost(system)

        def call(parameter, state, seed):
            """As `system` (m, state), told to `progress` afterwards; from several threads, one at a time."""
            answer = system(parameter, state, seed)
            with self.lock:
                self.done += cost
                if self.progress is not None:
                    self.progress(min(int(self.done), self.total), self.total)
            return answer

        return call

    def finish(self) -> None:
        """All is done, whatever was expected."""
        if self.progress is not None:
            self.progress(self.total, self.total)
