"""The risk index: published values, the naive version on random networks, what it must not depend on, and bad input."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smbsim import network
from smbsim.draws import Draws
from smbsim.schema import InputError
from smbsim.state import LARGE
from smbsim.systemic import cascade
from smbsim.systemic.esri import ESSENTIAL, LINEAR, NONE, RiskNetwork, _batches, esri, of_firms, of_state

from . import naive_esri

REFERENCE = Path(__file__).parents[1] / "reference"
EXACT = 1e-12


def made(links, sector, essentiality=LINEAR, weight=None, **more) -> RiskNetwork:
    """A network of (supplier, customer) pairs."""
    supplier, customer = np.array(links, dtype=np.int64).reshape(-1, 2).T
    m = len(supplier)
    weight = np.ones(m) if weight is None else np.asarray(weight, dtype=float)
    levels = np.broadcast_to(np.asarray(essentiality, dtype=np.int8), m).copy()
    return RiskNetwork(supplier, customer, weight, np.asarray(sector), levels, **more)


# -- published values ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def thirteen():
    """(network, names, values) of the reference list of 13 firms."""
    data = json.loads((REFERENCE / "esri_13_firms.json").read_text(encoding="utf-8"))
    names = sorted({e[end] for e in data["edges"] for end in ("supplier", "customer")})
    row = {name: i for i, name in enumerate(names)}
    sector = np.zeros(len(names), dtype=np.int64)
    for e in data["edges"]:
        sector[row[e["supplier"]]], sector[row[e["customer"]]] = e["supplier_sector"], e["customer_sector"]
    links = [(row[e["supplier"]], row[e["customer"]]) for e in data["edges"]]
    return made(links, sector, [e["essentiality"] for e in data["edges"]], [e["weight"] for e in data["edges"]]), names, data


@pytest.mark.parametrize("tolerance", [1e-2, 1e-12])
@pytest.mark.parametrize(("score", "published"), [("esri", "esri"), ("up", "upstream_only"), ("down", "downstream_only")])
def test_thirteen_firms_match_published_values(thirteen, tolerance, score, published):
    net, names, data = thirteen
    values = getattr(esri(net, tolerance=tolerance), score)
    np.testing.assert_allclose(values, [data[published][name] for name in names], rtol=0, atol=EXACT)


def test_static_market_share_gives_the_values_known_to_be_wrong(thirteen):
    """MODEL.md section 8, rule 4; the file has five digits."""
    net, names, data = thirteen
    values = dict(zip(names, esri(net, market_share="static").esri, strict=True))
    for name, value in data["wrong_if_market_share_static"].items():
        assert values[name] == pytest.approx(value, abs=6e-6)


@pytest.mark.parametrize("essentiality", [LINEAR, ESSENTIAL])
def test_eleven_firms_match_the_closed_form(essentiality):
    data = json.loads((REFERENCE / "esri_11_firms.json").read_text(encoding="utf-8"))
    net = made(np.array(data["edges"]) - 1, data["sectors"], essentiality)
    dynamic = esri(net, tolerance=1e-12)
    elevenths = np.round(np.array(data["dynamic_market_share_esri_1_to_11"]) * 33) / 33  # the file has twelve digits
    np.testing.assert_allclose(elevenths, data["dynamic_market_share_esri_1_to_11"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(dynamic.esri, elevenths, rtol=0, atol=EXACT)
    rigid = esri(net, tolerance=1e-12, market_share="off")
    for firm, (down, up) in data["no_substitution_down_up"].items():
        assert rigid.down[int(firm) - 1] == pytest.approx(float(Fraction(down)), abs=EXACT)
        assert rigid.up[int(firm) - 1] == pytest.approx(float(Fraction(up)), abs=EXACT)
    for firm, value in data["no_substitution_esri"].items():
        assert rigid.esri[int(firm) - 1] == pytest.approx(float(Fraction(value)), abs=EXACT)


def dense_six() -> RiskNetwork:
    """MODEL.md section 6, row R18."""
    w = np.array(
        [[0, 3, 2, 7, 5, 11], [4, 0, 9, 1, 8, 6], [10, 2, 0, 4, 3, 7], [6, 5, 1, 0, 9, 2], [8, 3, 6, 10, 0, 4], [2, 7, 5, 3, 11, 0]]
    )
    sector = np.array([0, 1, 2, 0, 1, 2])
    level = np.array([[2, 1, 0], [0, 2, 1], [1, 0, 2]])
    links = np.argwhere(w > 0)
    return made(links, sector, level[sector[links[:, 0]], sector[links[:, 1]]], w[w > 0])


def test_six_firms_match_r18():
    found = esri(dense_six(), [0], tolerance=1e-13, component="down", losses=True)
    assert found.esri[0] == pytest.approx(0.50687988214742541, abs=1e-14)
    np.testing.assert_allclose(1 - found.losses[0], [0, 0.6, 0.7894068197, 0, 0.6111111111, 0.8786670561], rtol=0, atol=1e-10)


def test_final_sales_keep_a_strongly_connected_network_from_saturating():
    """MODEL.md 4.18: without them the loss of any firm tends to everything."""
    net = dense_six()
    assert np.all(esri(net, tolerance=1e-10).up > 1 - 1e-6)
    rich = dataclasses.replace(net, final_sales=np.full(6, 10.0))
    assert np.all(esri(rich).up < 0.8)
    np.testing.assert_array_equal(esri(rich, final_sales=False).up, esri(net).up)


# -- the naive version on random networks -------------------------------------------------------------------------------------------------


@st.composite
def networks(draw, most=14):
    """Small networks with isolated firms, firms without customers or suppliers, self-supply, links of weight zero, unused sectors."""
    n = draw(st.integers(1, most))
    sector = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), unique=True, max_size=4 * n))
    amount = st.just(0.0) | st.floats(1e-3, 1e3)
    weight = draw(st.lists(amount, min_size=len(pairs), max_size=len(pairs)))
    table = draw(st.lists(st.lists(st.integers(0, 2), min_size=5, max_size=5), min_size=5, max_size=5))
    final = draw(st.lists(st.just(0.0) | st.floats(1.0, 1e3), min_size=n, max_size=n))
    size = draw(st.lists(st.floats(0.1, 10.0), min_size=n, max_size=n))
    levels = [table[sector[j]][sector[i]] for j, i in pairs]
    return made(pairs, sector, levels, weight, final_sales=np.array(final), size=np.array(size))


@st.composite
def capacities(draw, net):
    """Single firms, whole sectors, and anything between closed and untouched."""
    whole = [np.where(net.sector == g, 0.0, 1.0) for g in np.unique(net.sector)]
    single = [np.where(np.arange(net.n) == i, 0.0, 1.0) for i in range(net.n)]
    level = st.integers(0, 10**6).map(lambda millionths: millionths / 10**6)
    return np.array(whole + single + draw(st.lists(st.lists(level, min_size=net.n, max_size=net.n).map(np.array), max_size=3)))


def naive(net, psi, **options):
    """[(combined, up, down, sweeps, losses)] of every row of psi."""
    links = {(int(j), int(i)): (w, e) for j, i, w, e in zip(net.supplier, net.customer, net.weight, net.essentiality, strict=True)}
    sector, final, size = (dict(enumerate(values.tolist())) for values in (net.sector, net.final_sales, net.size))
    found = []
    for row in psi:
        h_up, h_down, sweeps = naive_esri.cascade(links, sector, final, dict(enumerate(row.tolist())), **options)
        losses = [1 - min(h_up[i], h_down[i]) for i in range(net.n)]
        found.append((*naive_esri.index(size, h_up, h_down), sweeps, losses))
    return found


def compare(data, tolerance, market_share):
    """The index and the naive version, sweep for sweep, with every sweep sparse, or dense, or changing from one to the other."""
    net = data.draw(networks())
    psi = data.draw(capacities(net))
    expected = naive(net, psi, tolerance=tolerance, market_share=market_share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "SPARSE", data.draw(st.sampled_from([0.0, 0.3, 9.0])))
        found = esri(net, psi=psi, tolerance=tolerance, market_share=market_share, losses=True)
    for c, (combined, up, down, sweeps, losses) in enumerate(expected):
        assert found.esri[c] == pytest.approx(combined, abs=1e-10)
        assert found.up[c] == pytest.approx(up, abs=1e-10)
        assert found.down[c] == pytest.approx(down, abs=1e-10)
        np.testing.assert_allclose(found.losses[c], losses, rtol=0, atol=1e-10)
        assert abs(found.iterations[c] - sweeps) <= 1  # a change within rounding of the tolerance may fall on either side


COMPARED = pytest.mark.parametrize("market_share", ["dynamic", "static", "off"])


@COMPARED
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_index_equals_the_naive_version(market_share, data):
    compare(data, 1e-3, market_share)


@pytest.mark.long
@COMPARED
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_index_equals_the_naive_version_on_many_networks(market_share, data):
    compare(data, 1e-3, market_share)


# -- what results must not depend on ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def web() -> RiskNetwork:
    """500 firms, 3000 links, 25 sectors, all three classes, hubs, final sales of a third."""
    rng = np.random.default_rng(7)
    n, m = 500, 3000
    pairs = np.unique(np.stack([rng.integers(0, n, m), (n * rng.random(m) ** 2).astype(int)], axis=1), axis=0)
    sector, table = rng.integers(0, 25, n), rng.integers(0, 3, (25, 25))
    weight = rng.lognormal(0, 1.5, len(pairs))
    final = 0.5 * np.bincount(pairs[:, 0], weight, n) + rng.random(n)
    return made(pairs, sector, table[sector[pairs[:, 0]], sector[pairs[:, 1]]], weight, final_sales=final)


def same_bits(a, b) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("esri", "up", "down", "iterations", "losses"))


def test_same_call_gives_the_same_bits(web):
    assert same_bits(esri(web, losses=True), esri(web, losses=True))


@pytest.mark.parametrize("options", [{"lanes": 1}, {"lanes": 48}, {"threads": 2}, {"threads": 3, "lanes": 33}])
def test_lanes_and_threads_change_no_bit(web, options):
    """No lane looks at another, and when a closure goes on dense depends on it alone."""
    assert same_bits(esri(web, losses=True), esri(web, losses=True, **options))


@pytest.mark.parametrize(("k", "lanes", "threads"), [(0, 16, 1), (1, 16, 2), (10_000, 16, 2), (333, 64, 3)])
def test_batches_share_out_the_queue_and_become_small(k, lanes, threads):
    batches = list(_batches(k, lanes, threads))
    assert [row for first, last in batches for row in range(first, last)] == list(range(k))
    sizes = [last - first for first, last in batches]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= lanes for size in sizes[-threads:])


def test_order_of_closures_changes_no_bit(web):
    order = np.random.default_rng(0).permutation(web.n)
    shuffled = esri(web, order)
    assert shuffled.esri.tobytes() == esri(web).esri[order].tobytes()
    np.testing.assert_array_equal(shuffled.closures, order)


@pytest.mark.parametrize("market_share", ["dynamic", "static", "off"])
def test_sparse_and_dense_sweeps_agree(web, market_share, monkeypatch):
    found = []
    for part in (0.0, 0.1, 9.0):
        monkeypatch.setattr(cascade, "SPARSE", part)
        found.append(esri(web, range(0, web.n, 5), tolerance=1e-12, market_share=market_share, losses=True))
    for other in found[1:]:
        np.testing.assert_allclose(other.losses, found[0].losses, rtol=0, atol=1e-11)
        np.testing.assert_allclose(other.esri, found[0].esri, rtol=0, atol=1e-11)  # a sweep more or less


@pytest.mark.parametrize("part", [0.0, 9.0])
@pytest.mark.parametrize("market_share", ["dynamic", "off"])
def test_compiled_equals_interpreted(web, market_share, part, monkeypatch):
    """Every kernel of the cascade as plain Python, the vector loop of `raise_row` among them, on the first hundred firms."""
    few = (web.supplier < 100) & (web.customer < 100)
    net = RiskNetwork(web.supplier[few], web.customer[few], web.weight[few], web.sector[:100], web.essentiality[few], web.final_sales[:100])
    psi = np.where(np.random.default_rng(2).random((20, 100)) < 0.03, 0.25, 1.0)
    monkeypatch.setattr(cascade, "SPARSE", part)
    compiled = esri(net, psi=psi, market_share=market_share, losses=True)
    for name, k in vars(cascade).copy().items():
        if hasattr(k, "py_func"):
            monkeypatch.setattr(cascade, name, k.py_func)
    interpreted = esri(net, psi=psi, market_share=market_share, losses=True)
    np.testing.assert_array_equal(interpreted.iterations, compiled.iterations)
    np.testing.assert_allclose(interpreted.losses, compiled.losses, rtol=0, atol=1e-15)
    np.testing.assert_allclose(interpreted.esri, compiled.esri, rtol=0, atol=1e-15)
    assert np.count_nonzero(compiled.losses) > np.count_nonzero(psi < 1)


def test_numbering_of_firms_and_links_changes_nothing(web):
    rng = np.random.default_rng(1)
    firm, link = rng.permutation(web.n), rng.permutation(len(web.weight))
    rank = np.argsort(firm)
    other = RiskNetwork(
        rank[web.supplier][link], rank[web.customer][link], web.weight[link], web.sector[firm], web.essentiality[link],
        final_sales=web.final_sales[firm],
    )  # fmt: skip
    np.testing.assert_allclose(esri(other, tolerance=1e-12).esri, esri(web, tolerance=1e-12).esri[firm], rtol=0, atol=1e-9)


def test_unit_of_money_changes_nothing(web):
    scaled = dataclasses.replace(web, weight=web.weight / 52e6, final_sales=web.final_sales / 52e6)
    np.testing.assert_allclose(esri(scaled, tolerance=1e-12).esri, esri(web, tolerance=1e-12).esri, rtol=0, atol=1e-12)


def test_single_precision_states_its_error(web):
    """Scores are right to 1e-5, as the docstring of `esri` says; iterations may differ by one where a change is near the tolerance."""
    double, single = esri(web, tolerance=1e-6), esri(web, tolerance=1e-6, precision="single")
    assert 0 < np.max(np.abs(single.esri - double.esri)) < 1e-5
    assert np.max(np.abs(single.iterations - double.iterations)) <= 1


def test_tolerance_is_the_largest_change_that_is_left(web):
    """The smaller the tolerance, the more sweeps and the larger the loss; 1e-6 is within 1e-4 of the fixed point here."""
    rough, default, fine = (esri(web, tolerance=tolerance) for tolerance in (1e-2, 1e-6, 1e-12))
    assert np.all(rough.iterations <= default.iterations)
    assert np.all(rough.esri <= default.esri + 1e-15)
    assert np.all(default.esri <= fine.esri + 1e-15)
    np.testing.assert_allclose(default.esri, fine.esri, rtol=0, atol=1e-4)


# -- closures -----------------------------------------------------------------------------------------------------------------------------


def test_closing_a_row_is_a_capacity_of_zero(web):
    psi = np.ones((3, web.n))
    psi[np.arange(3), [4, 400, 17]] = 0
    assert same_bits(esri(web, [4, 400, 17], losses=True), esri(web, psi=psi, losses=True))


def test_untouched_economy_loses_nothing(web):
    found = esri(web, psi=np.ones((1, web.n)), losses=True)
    assert (found.esri[0], found.up[0], found.down[0], found.iterations[0]) == (0, 0, 0, 1)
    assert not found.losses.any()


def test_economy_closed_in_all_its_firms_loses_all(web):
    assert esri(web, psi=np.zeros((1, web.n))).esri[0] == pytest.approx(1, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_loss_rises_as_capacities_fall(web, seed):
    """Monotone in ψ, firm by firm, up to the tolerance."""
    rng = np.random.default_rng(seed)
    psi = np.where(rng.random((2, web.n)) < 0.05, rng.random((2, web.n)), 1.0)
    losses = esri(web, psi=np.stack([psi[0], np.minimum(*psi)]), tolerance=1e-12, losses=True).losses
    assert np.all(losses[1] >= losses[0] - 1e-10)


def test_joint_closure_of_unconnected_firms_is_the_sum():
    """Two separate chains in sectors of their own."""
    net = made([(0, 1), (1, 2), (3, 4), (4, 5)], [0, 1, 2, 3, 4, 5], ESSENTIAL)
    psi = np.ones((3, 6))
    psi[0, 1] = psi[1, 4] = psi[2, 1] = psi[2, 4] = 0
    one, other, both = esri(net, psi=psi).esri
    assert both == pytest.approx(one + other, abs=1e-15)


def test_half_a_monopolist_costs_half():
    """0 sells to 1, which sells to 2, each the only one of its sector: half of 0 is half of all that follow."""
    for level in (LINEAR, ESSENTIAL):
        net = made([(0, 1), (1, 2)], [0, 1, 2], level, final_sales=np.array([0.0, 0.0, 1.0]))
        found = esri(net, psi=np.array([[0.5, 1, 1]]), losses=True, market_share="off", tolerance=1e-12)
        np.testing.assert_allclose(found.losses[0], [0.5, 0.5, 0.5], rtol=0, atol=1e-15)


def test_input_of_no_use_harms_nobody_downstream():
    found = esri(made([(0, 1), (1, 2)], [0, 1, 2], NONE, final_sales=np.ones(3)), [0], losses=True)
    np.testing.assert_array_equal(found.losses[0], [1, 0, 0])


def test_components_are_those_of_the_whole(web):
    both = esri(web, tolerance=1e-12)
    up, down = (esri(web, tolerance=1e-12, component=name) for name in ("up", "down"))
    np.testing.assert_allclose(up.esri, both.up, rtol=0, atol=1e-10)
    np.testing.assert_allclose(down.esri, both.down, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(up.up, up.esri)
    assert np.all(np.isnan(up.down))
    assert np.all(np.isnan(down.up))
    assert np.all(both.esri >= np.maximum(both.up, both.down) - 1e-15)


def test_scores_are_losses_weighted(web):
    jobs = np.random.default_rng(3).random(web.n)
    found = esri(web, losses=True, weight=jobs)
    np.testing.assert_allclose(found.esri, found.losses @ jobs / jobs.sum(), rtol=0, atol=1e-13)
    sales = np.bincount(web.supplier, web.weight, web.n) + web.final_sales
    default = esri(web, losses=True)
    np.testing.assert_allclose(default.esri, default.losses @ sales / sales.sum(), rtol=0, atol=1e-13)
    same = esri(dataclasses.replace(web, size=jobs), losses=True)
    assert same_bits(same, found)


def test_nothing_is_asked_of_an_economy_without_firms():
    found = esri(made([], np.zeros(0, dtype=np.int64)))
    assert found.esri.shape == found.closures.shape == (0,)


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_counts_to_the_end(web, threads):
    seen = []
    esri(web, threads=threads, progress=lambda done, total: seen.append((done, total)))
    done, total = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert (done[-1], set(total)) == (web.n, {web.n})
    assert len(seen) > 1


def test_progress_may_stop_the_work(web):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        esri(web, threads=2, progress=stop)


# -- networks -----------------------------------------------------------------------------------------------------------------------------


def test_state_at_rest_keeps_large_firms_but_does_not_close_them():
    state, _, _ = models.miniature()
    net, large = of_state(state), state.firms.kind == LARGE
    assert net.n == state.firms.n
    np.testing.assert_array_equal(net.closed, np.flatnonzero(~large))
    np.testing.assert_array_equal(of_state(state, large_firms=True).closed, np.arange(net.n))
    np.testing.assert_allclose(np.bincount(net.supplier, net.weight, net.n) + net.final_sales, state.firms.output, rtol=1e-9)
    found = esri(net)
    np.testing.assert_array_equal(found.closures, net.closed)
    assert np.all((found.esri > 0) & (found.esri < 1))


def test_essentiality_of_a_link_overrides_the_table():
    firms = network.random_graph(40, 3, 4, Draws(1))
    table = np.arange(16).reshape(4, 4) % 3
    np.testing.assert_array_equal(of_firms(firms).essentiality, LINEAR)
    net = of_firms(firms, table)
    np.testing.assert_array_equal(net.essentiality, table[net.sector[net.supplier], net.sector[net.customer]])
    told = dataclasses.replace(firms, essentiality=np.where(firms.customer == 3, 0, -1))
    np.testing.assert_array_equal(of_firms(told, table).essentiality, np.where(net.customer == 3, 0, net.essentiality))
    assert np.all(np.isfinite(net.final_sales))


# -- bad input ----------------------------------------------------------------------------------------------------------------------------

CHAIN = {"links": [(0, 1), (1, 2)], "sector": [0, 1, 2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"supplier": np.array([0, 3])}, "supplier of link 1: 3 is not a row of the 3 firms"),
        ({"customer": np.array([-1, 2])}, "customer of link 0: -1 is not a row of the 3 firms"),
        ({"customer": np.array([1.5, 2])}, "customer must hold whole numbers"),
        ({"weight": np.array([1.0, -2.0])}, "weight of link 1: -2.0 must be a finite number, 0 or more"),
        ({"weight": np.array([np.nan, np.inf])}, "weight of link 0: nan must be a finite number, 0 or more (and 1 more)"),
        ({"weight": np.ones(3)}, "weight has 3 values, but supplier has 2"),
        ({"essentiality": np.array([1, 3])}, "essentiality of link 1: 3 must be 0, 1 or 2"),
        ({"sector": np.array([0, -1, 2])}, "sector of firm 1: -1 is not a row of a sector"),
        ({"final_sales": np.ones(2)}, "final_sales has 2 values, but there are 3 firms"),
        ({"final_sales": -np.ones(3)}, "final_sales of firm 0: -1.0 must be a finite number, 0 or more (and 2 more)"),
        ({"size": np.zeros(3)}, "weight: all are 0, so there is nothing to lose"),
        ({"closed": np.array([7])}, "closed 0: 7 is not a row of the 3 firms"),
        ({"supplier": np.array([1, 1]), "customer": np.array([2, 2])}, "link 1: there is already a link from firm 1 to firm 2"),
    ],
)
def test_wrong_network_is_refused(change, message):
    with pytest.raises(InputError) as error:
        esri(dataclasses.replace(made(**CHAIN), **change))
    assert error.value.lines == (message,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"closures": [0, 3]}, "closure 3 is not a row of the 3 firms"),
        ({"closures": [0.5]}, "closures must be rows of firms, whole numbers; found float64"),
        ({"closures": [0], "psi": np.ones((1, 3))}, "closures and psi are two ways to say the same: give one of them"),
        ({"psi": np.ones((2, 4))}, "psi is 2 × 4, but must have a column for each of the 3 firms"),
        ({"psi": np.ones(3)}, "psi is 3, but must have a column for each of the 3 firms"),
        ({"psi": np.array([[1, 1, 1], [1, 1.5, 1]])}, "psi of closure 1, firm 1: 1.5 is outside [0, 1]"),
        ({"psi": np.array([[np.nan, 1, 1]])}, "psi of closure 0, firm 0: nan is outside [0, 1]"),
        ({"weight": np.ones(2)}, "weight has 2 values, but there are 3 firms"),
        ({"weight": np.array([1, -1, 1])}, "weight of firm 1: -1 must be a finite number, 0 or more"),
        ({"tolerance": 0}, "tolerance = 0 must be a number above 0"),
        ({"market_share": "fixed"}, "market_share = 'fixed' must be one of dynamic, static, off"),
        ({"component": "all"}, "component = 'all' must be one of both, up, down"),
        ({"precision": "half"}, "precision = 'half' must be one of double, single"),
        ({"lanes": 0}, "lanes = 0 must be 1 to 256"),
        ({"threads": 0}, "threads = 0 must be 1 or more"),
    ],
)
def test_wrong_argument_is_refused(options, message):
    with pytest.raises(InputError) as error:
        esri(made(**CHAIN), **options)
    assert error.value.lines == (message,)


def test_table_without_a_sector_is_refused():
    with pytest.raises(InputError, match="essentiality: the table is 2 × 2, but there are 4 sectors"):
        of_firms(network.random_graph(40, 3, 4, Draws(1)), np.ones((2, 2), dtype=int))


@pytest.mark.parametrize("level", [-1, 3])
def test_table_out_of_range_is_refused(level):
    net = of_firms(network.random_graph(40, 3, 4, Draws(1)), np.full((4, 4), level))
    with pytest.raises(InputError, match=f"essentiality of link 0: {level} must be 0, 1 or 2"):
        esri(net)
