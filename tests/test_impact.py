"""Closures and impulses against closed forms: what only stops itself, what starves a customer, and where a unit of demand ends."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from models import QUIET, given, miniature, united_states

from smbsim import scenario, simulate
from smbsim.analysis import impact, tails
from smbsim.analysis import impulse as impulses
from smbsim.analysis.impact import dynamic_impact, superadditivity
from smbsim.analysis.impulse import impulse_multiplier, long_run_multipliers
from smbsim.analysis.local import local_multiplier
from smbsim.analysis.tails import power_law
from smbsim.draws import Draws
from smbsim.interventions.shocks import Removal
from smbsim.mechanisms.base import Step
from smbsim.network import chain, from_edges, random_graph, ring
from smbsim.schema import WEEKS_PER_YEAR, InputError
from smbsim.systemic import multipliers

SERVICE, OTHER = 19, 20  # rows of sectors 72 and 81 of the United States: made to order, sold mostly to households
OPEN = {"households": {"enabled": False}}
AT_ONCE = {"horizon": {"burn_in": 0}}
STARVING = {**QUIET, "production": {"rule": "leontief", "emergency_share": 0.0, "breakdown_hazard": 0.0}}


def closures(network, firms, weeks=4, horizon=30, **sections):
    spec = scenario.load({**QUIET, **AT_ONCE, **OPEN, **sections})
    return dynamic_impact(spec, firms, weeks, horizon, economy=united_states(), network=network)


@cache
def small():
    return scenario.load({"population": {"smbs": 30, "regions": 2}, "horizon": {"burn_in": 4}})


# -- closures -------------------------------------------------------------------------------------------------------------------------


def test_a_firm_that_trades_with_nobody_loses_what_it_would_have_made():
    """Services that are not made are not sold later: DSI is D weeks of own value added over T weeks of all, amplification 1."""
    network = from_edges([], [30.0, 70.0], sector=[SERVICE, SERVICE])
    found = closures(network, [0, 1, (0, 1)], weeks=3, horizon=20)
    assert np.allclose(found.dsi, [[0.3 * 3 / 20, 0.7 * 3 / 20, 3 / 20]], rtol=1e-12)
    assert np.allclose(found.employment, found.dsi, rtol=1e-12)
    assert np.allclose(found.amplification, 1.0, rtol=1e-12)
    assert np.allclose(found.size, [0.3, 0.7, 1.0], rtol=1e-14)
    assert not found.cascade.any()
    assert not found.stopped.any()
    assert found.members == ((0,), (1,), (0, 1))


def test_a_customer_without_stocks_starves_with_its_only_supplier():
    """A closed supplier of an essential input, no stocks, no valve: its customer stops too, and theirs; the reverse does not hold."""
    network = from_edges([(0, 1, 10.0), (1, 2, 10.0)], [1.0, 20.0, 40.0], sector=[SERVICE, OTHER, SERVICE])
    found = closures(network, [0, 2], orders={"input_cover_weeks": 0.0}, **STARVING)
    assert found.cascade[0, 0] == 2
    assert found.stopped[0, 0] == 2
    assert found.amplification[0, 0] > 2.0
    assert found.stopped[0, 1] == 0


def test_enough_stock_keeps_the_loss_with_the_supplier():
    network = from_edges([(0, 1, 10.0)], [1.0, 20.0], sector=[SERVICE, OTHER])
    bare, covered = (closures(network, [0], orders={"input_cover_weeks": n}, **STARVING) for n in (0.0, 8.0))
    assert bare.cascade[0, 0] == 1
    assert covered.cascade[0, 0] == 0
    assert covered.dsi[0, 0] < bare.dsi[0, 0] / 2


def test_longer_closures_cost_more():
    lost = [dynamic_impact(small(), [3], weeks, 30, economy=united_states()).dsi[0, 0] for weeks in (1, 4, 12)]
    assert np.all(np.diff(lost) > 0)


def test_groups_of_strangers_lose_the_sum_and_buffers_make_synergy():
    """Em = 0 where nothing joins the firms; > 0 where each of two suppliers alone leaves a customer enough stock; < 0 along a chain."""
    spec = scenario.load({**AT_ONCE, **OPEN, "orders": {"input_cover_weeks": 3.0, "stock_adjustment": 0.0}, **STARVING})
    options = {"weeks": 5, "horizon": 30, "economy": united_states()}
    apart = from_edges([], [30.0, 70.0], sector=[SERVICE, OTHER])
    assert np.allclose(superadditivity(spec, [(0, 1)], network=apart, **options).emergence, 0.0, atol=1e-12)
    two = from_edges([(0, 2, 10.0), (1, 2, 10.0)], [1.0, 1.0, 60.0], sector=[SERVICE, SERVICE, OTHER])
    found = superadditivity(spec, [(0, 1), (0, 2)], network=two, **options)
    assert found.emergence[0, 0] > 0.5
    assert "worse than one by one" in found.summary()
    bare = scenario.load({**AT_ONCE, **OPEN, "orders": {"input_cover_weeks": 0.0}, **STARVING})
    pair = from_edges([(0, 1, 10.0)], [1.0, 20.0], sector=[SERVICE, OTHER])
    found = superadditivity(bare, [(0, 1)], network=pair, **options)
    assert found.emergence[0, 0] < -0.2
    assert "less bad than one by one" in found.summary()


def test_first_replicate_is_a_run_of_simulate():
    """The same firms, the same draws, the same week: DSI from the recorded series, bit for bit."""
    spec = small().with_(horizon={"weeks": 12})
    shut = spec.with_(Removal(target={"firms": ["5"]}, start=0, stop=3))
    result = simulate.run({"baseline": spec, "shut": shut}, seed=1, economy=united_states())
    base, run = result.series["real_value_added"].values[:, 0]
    found = dynamic_impact(small(), [5], 3, 12, economy=united_states())
    assert found.dsi[0, 0] == (base - run).sum() / base.sum()
    assert found.labels[0].startswith("firm 5 (sector ")


def test_replicates_are_the_same_firms_under_other_draws():
    found = dynamic_impact(small(), [2, 9], 3, 12, replicates=3, economy=united_states())
    assert found.dsi.shape == (3, 2)
    assert len(np.unique(found.dsi[:, 0])) == 3  # breakdowns differ
    assert np.ptp(found.dsi[:, 0]) < 0.5 * found.dsi[:, 0].mean()  # the firm does not
    low, high = found.band()
    assert np.all((low <= found.mean) & (found.mean <= high))
    assert np.array_equal(found.dsi[:1], dynamic_impact(small(), [2, 9], 3, 12, economy=united_states()).dsi)
    still = dynamic_impact(small().with_(**QUIET), [2], 3, 12, replicates=2, economy=united_states())
    assert still.dsi[0] == still.dsi[1]


def test_breakdowns_of_the_baseline_are_nobodys_fault():
    """Firms that trade with nobody break down now and then with or without the closure."""
    network = from_edges([], [10.0] * 8, sector=[SERVICE] * 8)
    spec = scenario.load({**AT_ONCE, **OPEN, "production": {"breakdown_hazard": 0.3}})
    found = dynamic_impact(spec, [0, 1], 2, 10, economy=united_states(), network=network)
    assert found.dsi[0, 0] > 0
    assert not found.stopped.any()
    assert not found.cascade.any()


def test_other_closures_and_threads_change_nothing():
    alone = dynamic_impact(small(), [7], 3, 12, economy=united_states())
    weeks = []
    among = dynamic_impact(small(), [1, 7, (2, 3)], 3, 12, economy=united_states(), jobs=2, progress=weeks.append)
    for name in ("dsi", "employment", "own", "cascade", "stopped"):
        assert np.array_equal(getattr(among, name)[:, 1], getattr(alone, name)[:, 0])
    assert sum(weeks) == 4 + 12 + 3 * 12


def test_every_smb_is_shut_when_none_is_named():
    """And the large firms, which stand for many, are not (DECISIONS.md 16)."""
    found = dynamic_impact(small(), None, 2, 6, economy=united_states())
    assert found.dsi.shape == (1, 30)
    assert found.rank_correlation() > 0.5
    assert found.rank_correlation(found.mean**3) == pytest.approx(1.0)
    assert np.isnan(found.rank_correlation(np.ones(30)))
    assert found.ranking[0] == found.mean.argmax()
    assert "static index" in found.summary(found.mean)
    assert f"{found.mean.max():.3%}" in found.summary()
    assert "nobody fails" in found.summary()


def test_interventions_of_the_scenario_act_in_both_runs():
    """A firm that is shut already loses nothing by a closure."""
    shut = {"kind": "removal", "start": 0, "target": {"firms": ["4"]}}
    found = dynamic_impact(small().with_(shocks=[shut]), [4, 5], 3, 12, economy=united_states())
    assert found.dsi[0, 0] == 0.0
    assert np.isnan(found.amplification[0, 0])
    assert found.dsi[0, 1] > 0.0
    assert "1 at most" not in found.summary()


@pytest.mark.parametrize(
    ("firms", "options", "said"),
    [
        ([30000], {}, "unknown firm '30000'"),
        (["x"], {}, "unknown firm 'x'"),
        ([-1], {}, "unknown firm '-1'"),
        ([()], {}, "no firm to shut"),
        ([(1, 1)], {}, "a firm twice"),
        ([], {}, "no closure"),
        ([1], {"weeks": 0}, "weeks = 0"),
        ([1], {"weeks": 9, "horizon": 8}, "weeks = 9"),
        ([1], {"replicates": 0}, "replicates = 0"),
    ],
)
def test_mistakes_are_said(firms, options, said):
    with pytest.raises(InputError, match=said):
        dynamic_impact(small(), firms, **options, economy=united_states())


def test_firms_go_by_name_where_they_have_names():
    edges = [("mill", "baker", 5.0)]
    network = from_edges(edges, {"mill": 3.0, "baker": 20.0}, sector={"mill": SERVICE, "baker": OTHER})
    assert closures(network, ["baker", ("mill", "baker")], horizon=5).members == ((1,), (0, 1))
    with pytest.raises(InputError, match=r"unknown firm 'bakr'. Did you mean 'baker'\?"):
        closures(network, ["bakr"])


# -- distributions --------------------------------------------------------------------------------------------------------------------


def pareto(n, alpha, low=1.0):
    """Quantiles of a power law: a sample without luck."""
    return low * (1 - (np.arange(n) + 0.5) / n) ** (-1 / (alpha - 1))


@for_all(alpha=st.floats(1.5, 4.0), factor=st.floats(1e-6, 1e6))
@settings(max_examples=20, deadline=None)
def test_power_law_is_found_whatever_the_unit(alpha, factor):
    fit = power_law(factor * pareto(500, alpha))
    assert fit.alpha == pytest.approx(alpha, rel=0.06)
    assert fit.ks < 0.02
    again = power_law(factor * pareto(500, alpha), xmin=factor * 1.0001)
    assert abs(again.alpha - alpha) < 3 * again.error


def test_fits_are_those_of_the_package_powerlaw():
    """Alstott, Bullmore and Plenz (2014), PLOS ONE 9(1), at the same lower bound; continuous and discrete."""
    powerlaw = pytest.importorskip("powerlaw")
    whole = np.floor(pareto(400, 2.3, 3.0))
    for values, low, discrete in ((pareto(300, 2.6), 1.5, False), (whole, 5.0, True)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = powerlaw.Fit(values, xmin=low, discrete=discrete, estimate_discrete=False, verbose=0)
            alpha, sigma = theirs.power_law.alpha, theirs.power_law.sigma
        ours = power_law(values, xmin=low, discrete=discrete)
        assert ours.alpha == pytest.approx(alpha, rel=1e-3)
        assert ours.error == pytest.approx(sigma, rel=0.1)
        assert ours.tail == (values >= low).sum()


def test_bootstrap_tells_a_power_law_from_something_else():
    assert power_law(pareto(200, 2.5), bootstrap=20).p > 0.5
    flat = power_law(np.linspace(1.0, 2.0, 300), xmin=1.0, bootstrap=20)
    assert flat.p == 0.0
    assert "not a power law" in flat.summary()
    assert "p =" not in power_law(pareto(200, 2.5)).summary()


@pytest.mark.parametrize("values", [pareto(60, 2.4) + 0.05 * np.arange(60), np.append(np.full(30, 1.21), pareto(30, 2.4, 1.3))])
def test_distance_is_that_of_scipy(values):
    """Both sides of every step of the empirical distribution: many at once just above xmin are ahead of the law, a gap is behind it."""
    from scipy.stats import kstest

    fit = power_law(values, xmin=1.2)
    expected = kstest(values[values >= 1.2], lambda v: 1 - (v / 1.2) ** (1 - fit.alpha)).statistic
    assert fit.ks == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("discrete", [False, True])
def test_bootstrap_samples_have_the_body_of_the_values(discrete):
    """Four in five below xmin, and those are values that were there; the tail has the exponent of the law."""
    x = np.sort(np.concatenate([np.linspace(1.0, 9.0, 4000).round(), pareto(1000, 2.5, 10.0).round()]))
    low, tail = 10.0, int((x >= 10.0).sum())
    again = tails._resample(x, 2.5, low, tail, discrete, Draws(1), 0)
    assert (again < low).mean() == pytest.approx(1 - tail / len(x), abs=0.02)
    assert np.isin(again[again < low], x).all()
    assert power_law(again, xmin=low, discrete=discrete).alpha == pytest.approx(2.5, abs=0.2)


@pytest.mark.parametrize("values", [[], [1.0] * 50, [1.0, 2.0, 3.0]])
def test_too_little_for_a_tail_is_said(values):
    with pytest.raises(InputError, match="make a tail"):
        power_law(np.array(values))
    with pytest.raises(InputError, match="make a tail"):
        power_law(np.array(values), xmin=1.0, discrete=True)


def test_tails_of_closures():
    """From a made-up distribution of losses and of cascades."""
    k = 200
    one, none = np.ones((1, k)), np.zeros((1, k))
    found = impact.Impact(
        ("",) * k, ((0,),) * k, 4, 52, one[0], one, pareto(k, 2.2)[None] * 1e-3, none, np.floor(pareto(k, 2.5, 2.0))[None], none
    )
    assert found.tail().alpha == pytest.approx(2.2, rel=0.06)
    assert found.cascade_tail().alpha == pytest.approx(2.5, rel=0.2)
    assert found.tail().n == k


def test_spearman_is_that_of_scipy():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(5)
    x, y = rng.normal(size=40), rng.integers(0, 6, size=40).astype(float)
    assert tails.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-14)


# -- impulses -------------------------------------------------------------------------------------------------------------------------


def impulse(network=None, horizon=200, **sections):
    options = {key: sections.pop(key) for key in ("sector", "firms", "size", "weeks", "replicates") if key in sections}
    spec = scenario.load({**QUIET, **AT_ONCE, **({} if network else {"population": {"smbs": 30, "regions": 2}}), **sections})
    return impulse_multiplier(spec, horizon=horizon, economy=united_states(), network=network, **options)


@pytest.mark.parametrize("network", [chain(3), ring(4), random_graph(12, 2.0, 3, Draws(4))])
def test_open_loop_without_imports_is_one(network):
    """Every unit of demand ends as somebody's value added: v'(I - A)⁻¹ = 1 (lot-for-lot orders, capacity to spare)."""
    found = impulse(network, model="leontief", production={"breakdown_hazard": 0.0, "utilisation": 0.5})
    assert found.open_loop == pytest.approx(1.0, abs=1e-12)
    assert found.long_run == pytest.approx(1.0, abs=1e-12)
    assert found.multiplier[0] == pytest.approx(1.0, abs=1e-9)
    assert np.all(found.path[0] <= 1.0 + 1e-9)


def test_r19_closed_loop_of_one_sector():
    """1 / (1 - (1 - τ)λ): taxes of firms are the part 1 - λ that households never see; c = 1 because wealth is spent in the end."""
    network = from_edges([(0, 1, 20.0)], [30.0, 70.0], sector=[SERVICE, SERVICE])
    sections = {
        "government": {"profit_tax": 0.0, "benefit_share": 0.0, "income_tax": 0.4}, "finance": {"dividend_weeks": 1.0},
        "households": {"smoothing": 1.0, "wealth_weeks": 2.0}, "orders": {"preset": "lot_for_lot"}, "trade": {"payment_weeks": 1.0},
    }  # fmt: skip
    economy = united_states()
    parts = [np.maximum(v[SERVICE], 0.0) for v in (economy.wages, economy.taxes, economy.surplus)]
    kept = 1.0 - parts[1] / sum(parts)  # λ
    expected = 1.0 / (1.0 - (1.0 - 0.4) * kept)
    found = impulse(network, 400, size=1e-5, **sections)
    assert found.long_run == pytest.approx(expected, rel=1e-12)
    assert found.multiplier[0] == pytest.approx(expected, rel=1e-6)
    assert found.open_loop == pytest.approx(1.0, abs=1e-12)
    assert expected > 1.5


def test_share_consumed_takes_the_place_of_c_before_wealth_is_spent():
    """R19 with c < 1 is the limit n_V → ∞: with 520 weeks of wealth, what is saved hardly returns within half a year."""
    network = from_edges([], [100.0], sector=[SERVICE])
    sections = {"government": {"profit_tax": 0.0, "benefit_share": 0.0, "income_tax": 0.4}, "finance": {"dividend_weeks": 1.0}}
    found = [
        impulse(network, 26, size=1e-5, weeks=1, households={"smoothing": 1.0, "wealth_weeks": 520.0, "income_share": c}, **sections)
        for c in (0.3, 0.6)
    ]
    for c, one in zip((0.3, 0.6), found, strict=True):
        loop = 1.0 - 1.0 / one.long_run  # (1 - τ)λ
        assert one.multiplier[0] == pytest.approx(1.0 / (1.0 - c * loop), rel=0.02)
        assert one.multiplier[0] < 0.9 * one.long_run


@pytest.mark.parametrize(("sector", "size"), [("32", 1e-3), ("72", -1e-4), (None, 1e-5)])
def test_open_loop_of_the_united_states(sector, size):
    """Stocks, forecasts and rationing included: the sum over all weeks is that of the table, with the housing account's purchases."""
    found = impulse(horizon=300, sector=sector, size=size, **OPEN)
    assert found.multiplier[0] == pytest.approx(found.open_loop, rel=2e-5)
    assert 0.7 < found.open_loop < 1.0  # the rest is imports and products of accounts
    assert found.open_loop == found.long_run


def test_closed_loop_of_the_united_states():
    """Wages, dividends, taxes, benefits, housing and regions: the whole round at once, in jobs as well."""
    fast = {"households": {"smoothing": 0.5, "wealth_weeks": 4.0}, "finance": {"dividend_weeks": 2.0}}
    found = impulse(horizon=400, sector="72", size=1e-5, **fast)
    assert found.multiplier[0] == pytest.approx(found.long_run, rel=1e-4)
    assert found.long_run > found.open_loop + 0.2
    spec = scenario.load({**QUIET, "population": {"smbs": 30, "regions": 2}, **fast})
    state, _, _ = simulate.prepare(spec, 1, united_states())
    per_job = long_run_multipliers(state, spec, per_unit=state.firms.labour_coefficient / WEEKS_PER_YEAR)
    weight = state.firms.normal_output * (state.firms.sector == state.sector_codes.index("72"))
    assert found.job_multiplier[0] == pytest.approx(per_job @ weight / weight.sum(), rel=1e-4)


def test_without_households_and_accounts_it_is_the_leontief_multiplier():
    state, _, _ = miniature(30)
    spec = scenario.load({**QUIET, "population": {"smbs": 30, "regions": 2}})
    state.accounts.resting_budget[:] = 0.0
    state.sectors.account_coefficient[:] = 0.0
    expected = multipliers.value_added_multipliers(state)
    assert np.allclose(long_run_multipliers(state, spec, closed=False), expected, rtol=1e-12)


def test_public_orders_are_paid_for():
    """The state pays for what is delivered: all money stays where it can be counted, and everybody's columns stay in bounds."""
    state, plan, draws = miniature(40)
    money, held = state.money(), state.accounts.balance[0]
    bought = 0.01 * state.firms.normal_output
    for t in range(6):
        simulate.advance(state, impulses._with_orders(plan, bought, 4), Step(t, draws), check=True)
    assert state.money() == pytest.approx(money, rel=1e-13)
    assert state.accounts.balance[0] < held - 2 * bought.sum()


def test_public_orders_that_are_not_delivered_are_not_paid():
    """Demand twice the capacity of .8: the state gets, and pays, the share f of what it always buys and of the impulse."""
    production = {"breakdown_hazard": 0.0, "utilisation": 0.8, "overtime_max": 1.0}
    state, plan, draws = given(from_edges([], [100.0], sector=[SERVICE]), **OPEN, production=production)
    bought = state.firms.normal_output.copy()
    simulate.advance(state, impulses._with_orders(plan, bought, 1), Step(0, draws))
    filled = state.firms.final_fill_rate[0]
    assert filled == pytest.approx(0.625, rel=1e-12)
    usual = state.sectors.spending[SERVICE, 3]
    assert state.flows["government purchases", "government", "firm"] == pytest.approx(filled * (usual + bought[0]), rel=1e-12)


def test_too_large_an_impulse_brings_less():
    """What firms cannot make is not bought."""
    network = from_edges([], [100.0], sector=[SERVICE])
    production = {"breakdown_hazard": 0.0, "utilisation": 0.8, "overtime_max": 1.0}
    found = impulse(network, 20, size=1.0, weeks=2, production=production, **OPEN)
    assert found.multiplier[0] == pytest.approx(0.25, rel=1e-9)


def test_impulse_in_words_and_bands():
    found = impulse(horizon=30, firms=[3, 4], size=1e-4, replicates=2, production={"breakdown_hazard": 0.005})
    assert found.path.shape == (2, 30)
    assert found.path[0, -1] != found.path[1, -1]
    assert f"{found.long_run:.2f}" in found.summary()
    assert "firm 3" in found.label
    assert "sector 72" in impulse(horizon=5, sector="72").label


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sector": "999"}, "unknown sector '999'"),
        ({"sector": "72", "firms": [1]}, "one of the two"),
        ({"firms": [999]}, "unknown firm"),
        ({"size": 0.0}, "size = 0"),
        ({"weeks": 300}, "weeks = 300"),
    ],
)
def test_wrong_impulses_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        impulse(**options)


# -- money that stays ---------------------------------------------------------------------------------------------------------------------


def test_local_multiplier_of_one_firm_by_hand():
    """One firm, one region: only taxes, lending abroad and saving leave."""
    state, _, _ = given(from_edges([], [100.0], sector=[SERVICE]))
    firms, cells = state.firms, state.households
    x = firms.output[0]
    leaving = (firms.product_tax_paid[0] + firms.profit_tax_paid[0]) / x
    found = local_multiplier(state)
    assert found.rounds[0, 1] == pytest.approx(1.0 - leaving, rel=1e-12)
    received = cells.income + cells.transfers + cells.benefits
    spent = (cells.consumption + cells.residual_investment) / received
    payouts = np.array([firms.wage_bill[0], firms.dividends[0] + firms.interest[0]]) / x
    assert found.rounds[0, 2] == pytest.approx(payouts @ spent + firms.capex[0] / x * (1.0 - leaving), rel=1e-12)
    assert found.lm3[0] == pytest.approx(found.rounds[0].sum(), rel=1e-15)
    assert found.first[0].sum() == pytest.approx(found.rounds[0, 1], rel=1e-12)


def test_first_round_follows_every_payment():
    """Payment by payment in loops: links to suppliers of the region, wages and owners' income, investment goods from local makers."""
    state, _, _ = given(random_graph(20, 3.0, 4, Draws(11), regions=2))
    firms, links, slots = state.firms, state.links, state.slots
    made = [firms.sale_share[j] * state.sectors.spending[firms.sector[j], 1] / state.sectors.spending[:, 1].sum() for j in range(firms.n)]
    for r in range(2):
        here = [i for i in range(firms.n) if firms.region[i] == r]
        start = {i: firms.customer_base[i, 0] * state.regions.budget[r, firms.sector[i]] for i in here}
        kept = np.zeros(4)
        for i in here:
            share = start[i] / sum(start.values()) / firms.output[i]
            flows = [
                slots.order[links.slot[e]] * links.weight[e] for e in range(links.n) if links.buyer[e] == i and links.supplier[e] in here
            ]
            goods = firms.capex[i] * sum(made[j] for j in here)
            kept += share * np.array([sum(flows), firms.wage_bill[i], firms.dividends[i] + firms.interest[i], goods])
        assert np.allclose(local_multiplier(state, state.region_names[r]).first[0], kept, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_local_multiplier_lies_between_one_and_three(seed):
    """What stays shrinks from round to round, so that LM3 is at most 3 and more rounds add less and less."""
    state, _, _ = given(random_graph(30, 3.0, 4, Draws(seed), regions=3))
    found = local_multiplier(state, rounds=12)
    assert np.all(np.diff(found.rounds, axis=1) <= 0)
    assert np.all(found.rounds >= 0)
    assert np.all((found.lm3 >= 1.0) & (found.lm3 <= 3.0))


def test_smbs_keep_more_money_in_the_region_than_large_firms():
    """Nothing says so in the model: the wages of a firm that is everywhere are paid everywhere (Civic Economics finds 48 % and 14 %)."""
    state, _, _ = miniature(200, regions=4)
    small_firms, large = local_multiplier(state), local_multiplier(state, spent_at="large")
    assert np.all(small_firms.lm3 > large.lm3 + 0.1)
    assert np.all(large.lm3 > 1.0)
    assert len(small_firms.summary().splitlines()) == 4
    one = local_multiplier(state, "region 2")
    assert one.regions == ("region 2",)
    assert one.lm3[0] == small_firms.lm3[1]


def test_one_region_keeps_more_than_each_of_four():
    spec = scenario.load({"population": {"smbs": 200, "regions": 1}})
    whole = local_multiplier(spec, economy=united_states())
    parts = local_multiplier(spec.with_(population={"regions": 4}), economy=united_states())
    assert whole.lm3[0] > parts.lm3.max()


def test_wrong_regions_are_refused():
    state, _, _ = miniature(30)
    for options, said in (({"region": "nowhere"}, "unknown region"), ({"spent_at": "smbs"}, "Did you mean"), ({"rounds": 2}, "at least 3")):
        with pytest.raises(InputError, match=said):
            local_multiplier(state, **options)
    state.firms.customer_base[:] = 0.0
    with pytest.raises(InputError, match="buy nothing"):
        local_multiplier(state)
