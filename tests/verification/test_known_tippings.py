"""The search for tipping points against systems nobody tuned it to: folds, pitchforks, an exchange of stability, steep, slow and dead
systems, the logit fold of adoption (R12) and Watts cascades (R13).

Thresholds are known in closed form. Order parameters are means over the second half of a hold; noise is that of N averaged units.
"""

from __future__ import annotations

import numpy as np
import pytest
from known_systems import (
    adoption,
    adoption_push,
    branching,
    flow,
    folds,
    nudge,
    pitchfork,
    saddle_node,
    subcritical_pitchfork,
    transcritical,
    watts,
)
from scipy.optimize import brentq

from smbsim.analysis.phases import phases
from smbsim.analysis.scaling import scaling
from smbsim.analysis.tipping import tipping

SIZES = (25, 100, 400, 1600)
FOLD = 2 / (3 * np.sqrt(3))  # .3849


def searched(of_size, a=-1.0, b=1.0, push=None, sizes=SIZES, **options):
    """The search with one seed each, whose realisations the system moves together."""
    options = {"sweeps": 1, "runs": 2, "rates": False} | options
    return tipping(of_size(100), a, b, sizes={n: of_size(n) for n in sizes}, perturb=push, **options)


def thresholds(found):
    """With holds twice as long, up and down."""
    return [at.parameter for at in found.look.doubled]


def test_saddle_node_is_a_tipping_point_with_its_folds():
    """dx = r + x - x³ with noise: folds at r = ± .3849; noise makes half of the realisations go a little earlier, the hold later."""
    of_noise = {factor: flow(saddle_node, -1.2, 0.3 * factor, 100) for factor in (0.5, 2.0)}
    found = searched(lambda n: flow(saddle_node, -1.2, 0.3, n), push=nudge(1.5), noise=of_noise, rates=True)
    assert found.verdict.holding == ("T1", "T2", "T3", "T4"), found.verdict
    assert found.verdict.tipping_point
    assert thresholds(found) == pytest.approx([FOLD, -FOLD], rel=0.02)
    assert found.scaling.limit().limit == pytest.approx(FOLD, rel=0.02)
    assert found.look.loop.hysteresis
    assert found.look.loop.area == pytest.approx(2 * 2 * FOLD / (2 * 2.65) * 0.98, abs=0.03)  # about width × height of the loop
    earlier = [found.noise[factor][0] for factor in (0.5, 1.0, 2.0)]
    assert earlier == sorted(earlier, reverse=True)
    assert found.rates[0.25][0] <= found.rates[4][0]
    assert found.notes == []


def test_subcritical_pitchfork_is_a_tipping_point():
    """dx = r x + x³ - x⁵: the middle is lost at 0, where it is left ever more slowly, the outer branches at -1/4."""
    found = searched(lambda n: flow(subcritical_pitchfork, 0.0, 0.3, n, bounds=(-2, 2), seen=np.abs), push=nudge(1.5))
    assert found.verdict.tipping_point, found.verdict
    assert thresholds(found) == pytest.approx([0.0, -0.25], abs=0.02)


def test_pitchfork_is_continuous():
    """dx = r x - x³: no jump, no loop; it sharpens with size."""
    found = searched(lambda n: flow(pitchfork, 0.0, 0.3, n, seen=np.abs), push=nudge(1.5), thorough=True)
    assert not found.verdict.tipping_point
    assert found.verdict.holding == ("T3",)
    assert "continuous" in found.verdict.kind


def test_binder_curves_of_the_pitchfork_cross_at_zero():
    """U₄ of |x| at equilibrium: 0 below for a large system, 2/3 above; all curves cross at r = 0."""
    of_size = {
        n: flow(pitchfork, 0.0, 1.0, n, seen=np.abs, realisations=1500, duration=60.0, dt=0.25, averaged=False) for n in (4, 16, 64, 256)
    }
    one = scaling(of_size, -0.6, 0.6, 0.4, [1], parameters=np.linspace(-0.6, 0.6, 9), origin=0.0)
    assert one.crossings("binder") == pytest.approx(0.0, abs=0.12)
    assert (np.diff(one.binder[:, 0]) < 0).all()
    assert (np.diff(one.binder[:, -1]) > 0).all()


def test_transcritical_is_no_tipping_point():
    """dx = r x - x² with a little from outside: x = 0 and x = r exchange their stability, continuously."""
    found = searched(lambda n: flow(lambda p, x: transcritical(p, x) + 1e-3, 0.0, 0.1, n, bounds=(0, 9)), push=nudge(0.5, 0))
    assert not found.verdict.tipping_point
    assert found.verdict.holding == ()


def test_dead_state_is_an_artefact():
    """The same without anything from outside, and x dies below .0001: the way back stays at 0, until a small push shows what it is."""
    alive = flow(transcritical, 0.5, bounds=(0, 9))

    def mortal(p, state, seed):
        m, x = alive(p, state, seed)
        return m, np.where(x < 1e-4, 0.0, x)

    found = searched(lambda n: mortal, 1.0, -1.0, push=lambda x, size, seed: x + 0.5 * size)
    assert found.look.loop.hysteresis
    assert found.checks == {"a small push": False}
    assert not found.verdict.tipping_point
    assert "artefact" in found.verdict.kind


@pytest.mark.parametrize("width", [0.002, 0.02])
def test_steep_single_valued_response_is_no_tipping_point(width):
    """x → tanh(p / width): a jump by T1, but every parameter has one value, whatever the way and the size."""
    found = searched(lambda n: flow(lambda p, x: 5 * (np.tanh(p / width) - x), 0.0, 0.5, n), push=nudge(0.5))
    assert found.look.jumps
    assert not found.look.loop.there
    assert {"T2", "T3"}.isdisjoint(found.verdict.holding)
    assert not found.verdict.tipping_point
    assert found.verdict.kind == "a steep but single-valued response"


@pytest.mark.parametrize(("tau", "width"), [(60.0, 1.0), (30.0, 0.05), (1000.0, 0.05)])
def test_slow_response_is_delay(tau, width):
    """dx = (tanh(p / width) - x) / τ with τ of up to 50 holds: a wide loop, which closes when there is more time."""
    found = searched(lambda n: flow(lambda p, x: (np.tanh(p / width) - x) / tau, 0.0, 0.0, n))
    assert found.look.loop.there
    assert not found.look.loop.hysteresis
    assert found.look.loop.in_the_long_run < 0.05
    assert not found.verdict.tipping_point
    assert "delay" in found.verdict.kind


def test_noise_without_answer_is_no_tipping_point():
    """White noise, and noise that flips between two states whatever the parameter: two modes, but no parameter that tips them."""
    quiet = searched(lambda n: flow(lambda p, x: -x, 0.0, 0.3, n))
    flipping = searched(lambda n: flow(lambda p, x: x - x**3, 1.0, 0.5), thorough=True)
    assert not quiet.verdict.tipping_point
    assert not flipping.verdict.tipping_point
    assert not flipping.look.jumps
    assert any(m.two_modes(len(flipping.modes)) for m in flipping.modes)


def test_thresholds_of_the_cusp_meet_at_its_point():
    """dx = h + r x - x³: folds at h = ± 2 (r/3)^(3/2) for r > 0, none below; they meet at the origin."""
    r = np.linspace(-1, 2, 13)
    systems = {s: flow(lambda h, x, s=s: h + s * x - x**3, -1.0, 0.05, 100, realisations=8) for s in r}
    found = phases(systems, np.linspace(-1.5, 1.5, 41), [1])
    folds_at = 2 * (np.maximum(r, 0) / 3) ** 1.5
    wide = r >= 0.5
    assert found.crossings[wide] == pytest.approx(np.stack([folds_at, -folds_at], axis=1)[wide], abs=0.075)  # a step
    assert (found.width[r <= 0] == 0).all()
    assert found.cusp == pytest.approx((0.0, 0.0), abs=0.1)
    assert found.abrupt[r > 1].all()
    assert not found.abrupt[r < -0.5].any()


# -- R12 ------------------------------------------------------------------------------------------------------------------------------


def test_folds_are_those_of_the_document():
    assert folds(4, 2.0) == pytest.approx([-0.7336, -1.2664], abs=1e-4)
    assert folds(4, 1.5) == pytest.approx([-0.6462, -0.8538], abs=1e-4)


@pytest.mark.parametrize(("coupling", "a", "b"), [(2.0, -1.7, -0.3), pytest.param(1.5, -1.1, -0.4, marks=pytest.mark.long)])
def test_adoption_tips_at_the_folds(coupling, a, b):
    """R12, β = 4 and 4 000 firms: both thresholds within 2 % of the analytic ones."""
    found = searched(lambda n: adoption(4000, 4, coupling), a, b, sizes=SIZES, thorough=False, runs=1, resolution=5e-4)
    assert thresholds(found) == pytest.approx(folds(4, coupling), rel=0.02)
    assert found.look.loop.hysteresis
    assert found.look.jumps


def test_adoption_is_a_tipping_point_with_peers_and_none_without():
    """βJ = 8: all four tests; βJ = 3: one root at every u, a gradual response."""
    with_peers = searched(lambda n: adoption(4 * n, 4, 2.0), -1.7, -0.3, push=adoption_push(400))
    assert with_peers.verdict.tipping_point, with_peers.verdict
    assert with_peers.scaling.limit().limit == pytest.approx(folds(4, 2.0)[0], rel=0.02)
    without = searched(lambda n: adoption(4 * n, 4, 0.75), -1.2, 0.4)
    assert not without.verdict.tipping_point
    assert without.verdict.holding == ()


# -- R13 ------------------------------------------------------------------------------------------------------------------------------


def upper_threshold() -> float:
    """Mean degree above which an infinite graph has no cascades: branching 1."""
    return brentq(lambda z: branching(z) - 1, 4, 8)


def end_of_cascades(sizes, realisations, seeds):
    """Mean degree at which one node in ten still starts a cascade, extrapolated over the sizes, and the finding itself."""
    systems = {n: watts(n, realisations=realisations) for n in sizes}
    found = scaling(systems, 4.0, 8.0, 0.5, range(seeds), parameters=np.linspace(5.0, 7.4, 9))
    return found.limit(0.9), found


def test_branching_of_watts_is_that_of_the_document():
    assert [branching(z) for z in (2, 4, 5.5, 6, 7)] == pytest.approx([1.71, 1.73, 1.11, 0.91, 0.57], abs=0.005)
    assert upper_threshold() == pytest.approx(5.76, abs=0.01)


def test_cascades_end_where_branching_does():
    """R13, small: four sizes up to 4 000, extrapolated within 5 %. A small graph has cascades beyond the threshold, which go with N."""
    limit, found = end_of_cascades((500, 1000, 2000, 4000), 75, 2)
    assert limit.limit == pytest.approx(upper_threshold(), rel=0.05)
    assert (np.diff(limit.values) < 0).all()
    assert found.sharpens


@pytest.mark.long
def test_cascades_end_where_branching_does_in_large_graphs():
    """R13: five sizes up to 64 000, within 5 %, whatever the power of N by which it is extrapolated but the slowest."""
    limit, found = end_of_cascades((1000, 4000, 16000, 64000), 200, 2)
    assert limit.limit == pytest.approx(upper_threshold(), rel=0.05)
    assert found.exponent()[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.long
@pytest.mark.parametrize(("z", "published"), [(2.0, 0.78), (4.0, 0.80), (5.5, 0.45), (6.0, 0.07), (7.0, 0.0)])
def test_chance_of_a_cascade_is_that_of_the_document(z, published):
    """R13: N = 10 000; three standard errors of the 60 published runs, which are on one graph."""
    m, _ = watts(10_000, realisations=400)(z, None, 1)
    assert abs(m.mean() - published) <= 3 * np.sqrt(max(published * (1 - published), 0.01) / 60)
