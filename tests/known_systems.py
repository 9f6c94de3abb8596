"""Systems whose behaviour is known from theory, in the form `tipping` asks for; many realisations at once, with numpy."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.stats import poisson


def flow(slope, start, noise=0.0, size=1, realisations=48, duration=20.0, dt=0.2, bounds=None, seen=None, averaged=True):
    """dx = slope(p, x) dt + noise / √size dW from `start`, all realisations at once. The order parameter is `seen` of x, averaged over the
    second half of a hold, or as it is at its end."""
    steps = round(duration / dt)
    amplitude = noise / np.sqrt(size) * np.sqrt(dt)

    def f(p, state, seed):
        rng = np.random.default_rng(seed)
        x = np.full(realisations, float(start)) if state is None else state
        kicks = amplitude * rng.standard_normal((steps, realisations)) if noise else np.zeros((steps, 1))
        total = np.zeros(realisations)
        for t in range(steps):
            x = x + slope(p, x) * dt + kicks[t]
            if bounds is not None:
                x = np.clip(x, *bounds)
            if t >= steps // 2:
                total += x if seen is None else seen(x)
        return (total / (steps - steps // 2) if averaged else x if seen is None else seen(x)), x

    return f


def nudge(scale, low=-np.inf, high=np.inf):
    """A push of size 1 moves every realisation by up to `scale`, up or down, within bounds. Whole numbers stay whole."""

    def perturb(state, size, seed):
        push = size * scale * np.random.default_rng(seed + 1_000_003).uniform(-1.0, 1.0, np.shape(state))
        return np.clip(state + push, low, high).astype(state.dtype)

    return perturb


def saddle_node(p, x):
    """Folds at ± 2/(3√3) = ± 0.3849."""
    return p + x - x**3


def pitchfork(p, x):
    """Continuous: x = ± √p above 0."""
    return p * x - x**3


def subcritical_pitchfork(p, x):
    """Jumps to a branch that exists down to -1/4."""
    return p * x + x**3 - x**5


def transcritical(p, x):
    """x = 0 and x = p exchange their stability at 0."""
    return p * x - x**2


def adoption(n, beta, coupling, realisations=48, weeks=50, share=0.4, start=0.0):
    """R12: n firms of which a share reconsiders every week and adopts with probability 1 / (1 + exp(-β (u + J x)))."""

    def f(u, state, seed):
        rng = np.random.default_rng(seed)
        adopters = np.full(realisations, round(start * n)) if state is None else state
        total = np.zeros(realisations)
        for t in range(weeks):
            chance = 1.0 / (1.0 + np.exp(-beta * (u + coupling * adopters / n)))
            adopters = adopters - rng.binomial(adopters, share * (1 - chance)) + rng.binomial(n - adopters, share * chance)
            if t >= weeks // 2:
                total += adopters / n
        return total / (weeks - weeks // 2), adopters

    return f


def folds(beta, coupling):
    """R12: u at the two folds, the jump up first: u± = ln(x / (1 - x)) / β - J x, x± = ½ (1 ± √(1 - 4 / βJ))."""
    x = 0.5 * (1 + np.array([-1.0, 1.0]) * np.sqrt(1 - 4 / (beta * coupling)))
    return np.log(x / (1 - x)) / beta - coupling * x


def adoption_push(n):
    """A push of size 1 turns up to half of n firms into adopters, or out of it."""
    return nudge(n / 2, 0, n)


# -- R13: Watts cascades ------------------------------------------------------------------------------------------------------------------


@njit
def cascade(n, ends, phi, first):
    """Share of n nodes that flip after the first; a node flips when at least phi of its neighbours have. ends (m, 2): links."""
    start = np.zeros(n + 1, np.int64)
    for e in range(ends.shape[0]):
        start[ends[e, 0] + 1] += 1
        start[ends[e, 1] + 1] += 1
    start = np.cumsum(start)
    put, other = start[:-1].copy(), np.empty(2 * ends.shape[0], np.int64)
    for e in range(ends.shape[0]):
        i, j = ends[e]
        other[put[i]] = j
        put[i] += 1
        other[put[j]] = i
        put[j] += 1
    hit, flipped, queue = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.empty(n, np.int64)
    flipped[first], queue[0], done, found = True, first, 0, 1
    while done < found:
        i = queue[done]
        done += 1
        for k in range(start[i], start[i + 1]):
            j = other[k]
            hit[j] += 1
            if not flipped[j] and hit[j] >= phi * (start[j + 1] - start[j]):
                flipped[j] = True
                queue[found] = j
                found += 1
    return found / n


def watts(n, phi=0.18, realisations=50, cascade_share=0.05):
    """R13: a Poisson graph of mean degree z per realisation and one node that flips first; m is 1 for a cascade above 5 % of the nodes."""

    def f(z, state, seed):
        rng = np.random.default_rng(seed)
        sizes = np.empty(realisations)
        for r in range(realisations):
            ends = rng.integers(0, n, (rng.poisson(n * z / 2), 2))
            sizes[r] = cascade(n, ends[ends[:, 0] != ends[:, 1]], phi, int(rng.integers(n)))
        return (sizes > cascade_share).astype(float), None

    return f


def branching(z, phi=0.18):
    """Mean number of new flips per flip on an infinite Poisson graph: Σ k (k-1) ρ_k p_k / z = z P(Poisson(z) ≤ K - 2), K = ⌊1/φ⌋."""
    return z * poisson.cdf(int(1 / phi) - 2, z)


# -- series: a parameter that moves while the system runs ---------------------------------------------------------------------------------


def moved(slope, parameters, start, noise, realisations=50, seed=1, dt=0.1, between=5):
    """(R, T): x of dx = slope(p, x) dt + noise dW, seen at every parameter after `between` steps of dt there."""
    rng = np.random.default_rng(seed)
    x, seen = np.full(realisations, float(start)), np.empty((realisations, len(parameters)))
    for k, p in enumerate(parameters):
        for _ in range(between):
            x = x + slope(p, x) * dt + noise * np.sqrt(dt) * rng.standard_normal(realisations)
        seen[:, k] = x
    return seen


def no_fold(p, x):
    """What the saddle-node is far from its folds: as stiff as there at x = -1.2, for every p."""
    return p + 0.5 - 3.3 * (x + 1.2)


def autoregression(phi, n, realisations=1, seed=1):
    """(R, n): x_t = φ x_{t-1} + e_t at its stationary state."""
    rng = np.random.default_rng(seed)
    x = np.empty((realisations, n))
    x[:, 0] = rng.standard_normal(realisations) / np.sqrt(1 - phi**2)
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + rng.standard_normal(realisations)
    return x


# -- systems with and without memory, one number each -------------------------------------------------------------------------------------


def urn_of_two(balls=(1, 1)):
    """Polya's urn, one draw a hold: share of the first colour; its limit is Beta(balls)."""

    def f(_, state, seed):
        a, b = balls if state is None else state
        first = np.random.default_rng(seed).random() < a / (a + b)
        return (a + first) / (a + b + 1), (a + first, b + (not first))

    return f


def remembering(phi):
    """x_t = p + φ x_{t-1} + e_t; the parameter is a push."""

    def f(p, state, seed):
        x = p + phi * (0.0 if state is None else state) + np.random.default_rng(seed).standard_normal()
        return x, x

    return f


def two_wells(noise=0.25, dt=0.1, steps=10):
    """dx = x - x³ + noise dW from the top of the barrier: early noise chooses the well."""

    def f(p, state, seed):
        x, kicks = 0.0 if state is None else state, noise * np.sqrt(dt) * np.random.default_rng(seed).standard_normal(steps)
        for kick in kicks:
            x = x + (p + x - x**3) * dt + kick
        return x, x

    return f


def chaotic(_, state, seed):
    """Logistic map with a little noise: forgets where it was, but two starts never meet."""
    x = 0.3 if state is None else state
    x = 3.99 * x * (1 - x) + 1e-6 * np.random.default_rng(seed).standard_normal()
    x = float(np.clip(x, 0.001, 0.999))
    return x, x


def accumulating(p, state, seed):
    """What is put in stays: any order of whole numbers gives the same, exactly."""
    x = (0.0 if state is None else state) + p
    return x, x


def saturating(p, state, seed):
    """Parameter 1 adds, parameter 2 doubles: they do not commute; a little noise."""
    x = 1.0 if state is None else state
    x = (x + 1.0 if p == 1 else 2.0 * x if p == 2 else x) + 0.01 * np.random.default_rng(seed).standard_normal()
    return x, x
