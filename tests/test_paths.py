"""Path dependence against systems whose memory is known: Polya's urn, autoregressions, two wells, a chaotic map, orders that commute."""

from __future__ import annotations

import numpy as np
import pytest
from known_systems import accumulating, chaotic, remembering, saturating, two_wells, urn_of_two

import smbsim as ss
from smbsim.analysis import paths, paths_scenario
from smbsim.analysis.paths import both_orders, branches, entropy, ergodicity, lock_in, memory, order, urn
from smbsim.figures import paths as figures
from smbsim.schema import InputError

RNG = np.random.default_rng(3)


def remembered(f, after=60, **options):
    return memory(branches(f, 0.0, after=after, **({"during": 26} | options)))


# -- branches ---------------------------------------------------------------------------------------------------------------------------


def test_urn_is_path_dependent_and_keeps_what_it_has():
    """Shares are a martingale with Var = n / (12 (n + 2)): PD = 1, and 26 / 28 · 88 / 86 of the variance after 86 draws is early."""
    found = remembered(urn_of_two(), early=60)
    assert found.path_dependent
    assert found.pd[-1] == pytest.approx(1.0, abs=0.15)
    assert found.early == pytest.approx(26 / 28 * 88 / 86, abs=0.05)
    assert found.rho[-1] > 0.95
    assert "early differences stay" in found.in_words()


def test_variance_of_the_urn_is_that_of_the_beta_distribution():
    """After 40 draws from one ball of each colour: uniform, variance 40 / (12 · 42)."""
    ends = np.array([branches(urn_of_two(), 0.0, during=38, after=2, early=8, late=2, seed=s)[:, 0, -1] for s in range(40)]).ravel()
    assert ends.mean() == pytest.approx(0.5, abs=0.04)
    assert ends.var() == pytest.approx(40 / (12 * 42), rel=0.15)


def test_autoregression_forgets_at_its_rate():
    """Branches of x_t = .9 x_{t-1} + e draw together as .9^h: PD = .81^h exactly, and nothing is claimed of it."""
    found = remembered(remembering(0.9))
    assert found.pd[:20] == pytest.approx(0.81 ** np.arange(20), rel=1e-9)
    assert found.rho[:20] == pytest.approx(np.ones(20))
    assert not found.path_dependent
    assert "forgotten" in found.kind


def test_long_memory_is_said_to_fade():
    """φ = .98 over 40 holds: PD = .2, most of the variance still early with few late draws, but on its way down."""
    found = remembered(remembering(0.98), after=40, during=200)
    assert found.fades
    assert not found.path_dependent
    assert "fades" in found.kind or "forgotten" in found.kind


def test_two_wells_remember_which_was_chosen():
    found = remembered(two_wells(), during=20)
    assert found.path_dependent
    assert found.ends.two_modes()
    assert "the ends fall into two groups" in found.in_words()


def test_unstable_system_amplifies():
    """x_t = 1.05 x_{t-1} + e: PD = 1.05^{2h}."""
    found = remembered(remembering(1.05), after=20)
    assert found.pd[-1] == pytest.approx(1.05**40, rel=1e-9)
    assert found.path_dependent
    assert "grow" in found.kind


@pytest.mark.parametrize("seed", range(4))
def test_chaos_is_not_mistaken_for_memory(seed):
    """With one set of late draws its branches never meet, PD about 1; with several it is seen that the early draws decide nothing."""
    y = branches(chaotic, 0.0, after=150, late=3, seed=seed)
    assert y[:, 0, -1].var() > 0.3 * y[:, 0, -50:].var()
    found = memory(y)
    assert not found.path_dependent
    assert "no path dependence is claimed" in found.in_words()


def test_independent_outcomes_are_claimed_as_often_as_the_level_says():
    tables = RNG.normal(size=(400, 12, 3, 1))
    claims = np.mean([paths._significance(y[..., 0], paths._components(y)[1][:, 0]) < 0.05 for y in tables])
    assert claims == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 400))


def test_components_are_those_of_a_two_way_table():
    """y = a_e + b_l + noise with deviations 2, 1, .5, many of each."""
    y = 2 * RNG.normal(size=(400, 1, 3)) + RNG.normal(size=(1, 300, 3)) + 0.5 * RNG.normal(size=(400, 300, 3))
    v, _ = paths._components(y)
    assert v.mean(axis=1) == pytest.approx([4.0, 1.0, 0.25], rel=0.15)


def test_branches_share_the_past_and_part_for_as_long_as_they_are_told():
    """Before: the same; parted: every branch its own; met: all the same. Seeds are those of the hold alone."""
    seen = []

    def f(p, state, seed):
        seen.append(seed)
        return float(np.random.default_rng(seed).random()), (state or 0) + 1

    y = branches(f, 0.0, before=3, during=2, after=4, early=8, late=2)
    assert y.shape == (8, 2, 5)
    assert len(seen) == 3 + 8 * (2 + 2 * 4)
    assert np.all(y[:, :, 1:] == y[:1, :, 1:])
    assert len(np.unique(y[:, 0, 0])) == 8
    assert len(np.unique(y[0, :, 1])) == 2
    assert np.array_equal(y, branches(f, 0.0, before=3, during=2, after=4, early=8, late=2, jobs=2))


@pytest.mark.parametrize(
    ("case", "match"),
    [
        (lambda: branches(chaotic, 0.0, early=4), "early = 4: at least 8"),
        (lambda: branches(chaotic, 0.0, late=1), "late = 1: at least 2"),
        (lambda: branches(lambda p, s, seed: (np.zeros(3), None), 0.0), "returns 3 numbers at a time"),
        (lambda: memory(np.ones((8, 2, 5))), "the branches do not part"),
        (lambda: memory(np.ones((8, 5))), r"branches of shape \(8, 5\)"),
        (lambda: memory(np.full((8, 2, 5), np.nan)), "80 of 80 outcomes are unknown"),
        (lambda: lock_in(np.ones((5, 10, 2)), 12), "first = 12 is outside 1 to 8"),
        (lambda: lock_in(np.zeros((5, 10, 2)), 2), "begins at nothing"),
        (lambda: order(np.ones(1), np.ones(1)), "at least 2"),
        (lambda: ergodicity(np.ones((2, 100))), "at least 3 runs of 40 values"),
    ],
)
def test_what_cannot_be_judged_is_refused(case, match):
    with pytest.raises(InputError, match=match):
        case()


# -- entropy, ergodicity, lock-in ---------------------------------------------------------------------------------------------------------


def test_entropy_of_regimes_and_what_parameters_explain():
    """Four equal regimes are two bits; a parameter that decides the half of them explains one; nothing else is a regime."""
    assert entropy([0, 1, 2, 3]) == (2.0, 0.0)
    assert entropy(["a", "a", "b", "b"], [1, 1, 2, 2]) == (1.0, 1.0)
    assert entropy([0, 1, 2, 3], [0, 0, 1, 1]) == (2.0, 1.0)
    assert entropy([5, 5, 5], [1, 2, 3]) == (0.0, 0.0)


def test_ergodicity_gap_of_a_stationary_series_and_of_levels_that_stay():
    """White noise: the gap is 1 / √T; with levels as large as the noise it is 1 / √2 and broken."""
    noise = RNG.normal(size=(40, 400))
    still = ergodicity(noise)
    assert not still.broken
    assert still.gap == pytest.approx(1 / 20, rel=0.3)
    levels = ergodicity(noise + RNG.normal(size=(40, 1)))
    assert levels.broken
    assert levels.gap == pytest.approx(np.sqrt(0.5), rel=0.25)
    assert "of their own" in levels.in_words()
    assert ergodicity(np.tile(np.arange(100.0), (5, 1))).gap == 0.0


def test_urn_of_two_colours_keeps_its_leader_as_the_beta_distribution_says():
    """The limit is uniform, then draws are independent: after one draw of two, the leader leads the limit with chance 3 / 4."""
    assert urn(2, 1, 4000) == pytest.approx(0.75, abs=0.01)
    assert urn(2, 100, 4000) > 0.93


def test_lead_of_an_urn_is_locked_in_and_that_of_noise_is_not():
    runs, k = 200, 4
    limit = RNG.dirichlet(np.ones(k), runs)
    draws = np.stack([RNG.multinomial(1, p, 300) for p in limit]).cumsum(axis=1) + 1
    locked = lock_in(np.concatenate([np.ones((runs, 1, k)), draws], axis=1), 50)
    assert locked.locked
    assert locked.low < locked.urn < locked.high
    chance = lock_in(np.concatenate([np.ones((runs, 1, k)), 1.0 + 0.1 * RNG.random((runs, 100, k))], axis=1), 20)
    assert not chance.locked
    assert chance.low < 0.25 < chance.high
    assert "no more than chance" in chance.in_words()


# -- order ----------------------------------------------------------------------------------------------------------------------------


def test_orders_that_commute_end_exactly_alike():
    found = order(*both_orders(accumulating, 1.0, 2.0, range(6), during=3, after=2))
    assert found.exact
    assert not found.matters
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)
    assert "exactly" in found.in_words()


def test_orders_that_do_not_commute_are_seen():
    """(1 + 1) · 2 = 4 against 1 · 2 + 1 = 3."""
    found = order(*both_orders(saturating, 1.0, 2.0, range(8)))
    assert found.matters
    assert found.mean == pytest.approx(1.0, abs=0.1)
    assert "the order matters" in found.in_words()


def test_order_within_the_noise_is_not_claimed():
    """Two sets of 10 outcomes of the same kind: an interval that leaves out zero one time in twenty."""
    claims = np.mean([order(RNG.normal(size=10), RNG.normal(size=10)).matters for _ in range(200)])
    assert claims < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert "no effect of the order is claimed" in order(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 3.1])).in_words()


# -- scenarios --------------------------------------------------------------------------------------------------------------------------

SMALL = {"population.smbs": 60, "horizon.burn_in": 8, "horizon.weeks": 60}


def test_branches_of_a_scenario_part_and_meet():
    """A closed economy forgets who broke down when."""
    small = ss.load("demand_shock").with_(SMALL)
    found = paths_scenario.of_scenario(small, "output", at=4, during=6, early=8, late=2, jobs=2)
    assert found.y.shape == (8, 2, 50)
    assert len(np.unique(found.y[:, 0, 0])) > 4  # of few firms none may break down in two branches
    assert found.pd[-1] < 0.5 * found.pd[0], found.in_words()
    assert found.name == "Output of firms"


def test_order_of_shocks_of_a_scenario():
    small = ss.load("baseline").with_(SMALL)
    one, two = (
        ss.DemandShock(start=0, stop=1, size=0.3, target={"sector": "72"}),
        ss.CapacityShock(start=0, stop=1, size=0.2, target={"sector": "31"}),
    )
    with pytest.raises(InputError, match="66 are needed for two times 20 weeks"):
        paths_scenario.order_of(small, one, two, weeks=20)
    found = paths_scenario.order_of(small, one, two, weeks=10, runs=2)
    assert (found.first, found.second) == (one.kind, two.kind)
    assert found.ab.shape == (2,)
    same = paths_scenario.order_of(small, one, one, weeks=10, runs=2)
    assert same.exact
    assert same.first != same.second


def test_scenario_refuses_a_metric_it_has_not():
    with pytest.raises(InputError, match=r"unknown metric 'outptu'\. Did you mean 'output'"):
        paths_scenario.of_scenario("baseline", "outptu")
    with pytest.raises(InputError, match="one value per sector"):
        paths_scenario.of_scenario("baseline", "sector_output")


# -- figures ----------------------------------------------------------------------------------------------------------------------------


def test_every_figure_draws(tmp_path):
    found = remembered(remembering(0.9), after=20, early=8, late=2)
    assert [path.name for path in figures.draw_all(found, tmp_path)] == ["memory.svg", "memory.png"]
    ax = figures.order(order(np.array([1.0, 2.0]), np.array([0.5, 1.0])))
    assert figures.memory(found, ax=ax) is ax
    assert figures.order(order(np.ones(3), np.ones(3))).figure.axes
