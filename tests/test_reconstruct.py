"""The drawn network: every flow exact, every firm with something left to sell, and the degrees, places and tails it is drawn for."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from economies import write_economy
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.sparse.linalg import LinearOperator, eigs

from smbsim import reconstruct
from smbsim.draws import Draws
from smbsim.economy import load
from smbsim.reconstruct import Reconstruct, draw_network, fill_slots, technology
from smbsim.sample import draw_firms
from smbsim.schema import InputError

EQUAL = (0.25, 0.25, 0.25, 0.25)
UNEQUAL = (0.62, 0.3, 0.08)
EXACT = 1e-13  # relative; sums of up to 1e5 terms in double precision

SETTINGS = [
    Reconstruct(),
    Reconstruct(threshold=0.05, draws_per_slot=1.2),
    Reconstruct(threshold=0.0, supplier_exponent=1.0),
    Reconstruct(draws_per_slot=0.5, supplier_exponent=0.0),
    Reconstruct(supplier_cap=0.05, keep_share=0.9, weight_bound=5.0),
    Reconstruct(threshold=0.3),
]


@pytest.fixture(scope="module")
def us():
    return load("us_2022")


@pytest.fixture(scope="module")
def large_network(us):
    firms = draw_firms(us, 20_000, EQUAL, Draws(11))
    return firms, draw_network(us, firms, Draws(11))


def build(economy, smbs, seed=0, weights=EQUAL, parameters=None):
    firms = draw_firms(economy, smbs, weights, Draws(seed))
    return firms, draw_network(economy, firms, Draws(seed), parameters)


def final_sales(economy, firms, network):
    """(n,) b_j s F_g and the pool shares b_j."""
    G = economy.G
    pool = network.outside / np.bincount(firms.sector, network.outside)[firms.sector]
    sales = economy.uses[:G].sum(axis=1) + economy.domestic[:G, G:].sum(axis=1)
    return pool * firms.scale * sales[firms.sector], pool


def inputs_of(economy, firms, network):
    """The function x → A x, with the links and the rank-one counter part."""
    coefficient, _, _ = technology(economy, 0.0)
    counter = np.where(network.network_group.T, 0.0, coefficient)
    _, pool = final_sales(economy, firms, network)

    def inputs(x):
        per_output = np.divide(x, firms.output, out=np.zeros(len(firms)), where=firms.output > 0)
        linked = np.bincount(network.supplier, network.weight * per_output[network.customer], minlength=len(firms))
        return linked + pool * (counter @ np.bincount(firms.sector, x, minlength=economy.G))[firms.sector]

    return inputs


def assert_consistent(economy, firms, network):
    """The invariants of POPULATION.md 1.7 that concern the network."""
    G, n, sector = economy.G, len(firms), firms.sector
    supplier, customer = network.supplier, network.customer
    assert (network.group == sector[supplier]).all()
    order = (customer * G + network.group) * n + supplier
    assert (np.diff(order) > 0).all(), "customer order, no duplicates"
    assert not (firms.smb[supplier] & (supplier == customer)).any(), "no SMB is its own supplier"
    assert network.weight.min(initial=1.0) > 0
    assert network.network_group[sector[customer], network.group].all()

    coefficient, _, _ = technology(economy, 0.0)
    needs = np.where(network.network_group[sector], coefficient.T[sector] * firms.output[:, None], 0.0)
    slots = np.bincount(customer * G + network.group, network.weight, minlength=n * G).reshape(n, G)
    np.testing.assert_allclose(slots, needs, rtol=EXACT)
    flows = np.bincount(network.group * G + sector[customer], network.weight, minlength=G * G).reshape(G, G)
    expected = np.where(network.network_group.T, firms.scale * economy.domestic[:G, :G], 0.0)
    np.testing.assert_allclose(flows, expected, rtol=EXACT)

    final, pool = final_sales(economy, firms, network)
    producing = firms.output > 0
    assert (final[producing] > 0).all()
    np.testing.assert_allclose(np.bincount(sector, pool), 1, rtol=EXACT)
    sold = np.bincount(supplier, network.weight, minlength=n)
    np.testing.assert_allclose(sold + network.outside, firms.output, rtol=EXACT)
    x = firms.output
    assert np.abs(x - inputs_of(economy, firms, network)(x) - final)[producing].max() <= 1e-12 * x.max()
    assert (np.abs(x - inputs_of(economy, firms, network)(x) - final) <= 1e-12 * x).all()


@given(st.integers(21, 5000), st.integers(0, 2**40), st.sampled_from([EQUAL, UNEQUAL, (1.0,)]), st.sampled_from(SETTINGS))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_network_is_consistent_for_every_size_seed_region_and_setting(us, smbs, seed, weights, parameters):
    assert_consistent(us, *build(us, smbs, seed, weights, parameters))


@pytest.mark.long
@pytest.mark.parametrize("smbs", [21, 30, 50, 100, 200, 500, 1000, 2000, 5000])
def test_network_is_consistent_in_hundreds_of_builds(us, smbs):
    for seed in range(12):
        for weights in (EQUAL, UNEQUAL):
            for parameters in SETTINGS:
                assert_consistent(us, *build(us, smbs, seed, weights, parameters))


@given(st.integers(1, 5), st.integers(3, 400), st.integers(0, 1000), st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_network_is_consistent_in_other_economies(tmp_path_factory, sectors, smbs, seed, government):
    folder = tmp_path_factory.mktemp("economy")
    economy = load(write_economy(folder, sectors=sectors, seed=seed, government=government, passthrough=seed % 3))
    assert_consistent(economy, *build(economy, smbs, seed))


def test_sector_without_smbs_supplies_through_its_large_row(us):
    none = us.firms.copy()
    none[4, us.is_smb_class] = 0
    economy = replace(us, firms=none)
    firms, network = build(economy, 500)
    assert_consistent(economy, firms, network)
    assert (network.supplier[network.group == 4] == 504).all()


def test_a_small_floor_is_kept_by_every_supplier(us):
    """y_j >= f_keep phi_g x_j, with phi_g the share of its output that the sector sells outside links."""
    parameters = Reconstruct(draws_per_slot=0.5, supplier_exponent=0.0)
    firms, network = build(us, 3000, parameters=parameters)
    assert network.repaired > 0
    outside_share = np.bincount(firms.sector, network.outside) / np.bincount(firms.sector, firms.output)
    floor = parameters.keep_share * outside_share[firms.sector] * firms.output
    assert (network.outside >= floor * (1 - 1e-9)).all()


def test_firm_matrix_has_the_spectral_radius_of_the_sector_matrix(us):
    """With sector technology S A_firm = A_sector S, so that a left eigenvector u of A_sector gives u S of A_firm: equal radii."""
    firms, network = build(us, 1500, seed=3)
    inputs = inputs_of(us, firms, network)
    operator = LinearOperator((len(firms), len(firms)), matvec=lambda x: inputs(x.ravel()), dtype=float)
    found = np.abs(eigs(operator, k=1, v0=firms.output, return_eigenvectors=False)[0])
    expected = np.abs(np.linalg.eigvals(technology(us, 0.0)[0])).max()
    assert found == pytest.approx(expected, rel=1e-9)
    assert expected == pytest.approx(0.417600818894, abs=1e-9)  # POPULATION.md 1.8


def test_degrees_are_those_of_the_document(large_network):
    """POPULATION.md 1.8, N = 20,000: 18.8 links per firm, median in-degree 11, out-degree 4, a fifth without customers."""
    firms, network = large_network
    smb, n_smbs = firms.smb, firms.smb.sum()
    supplies, buys = (np.bincount(rows, minlength=len(firms))[smb] for rows in (network.supplier, network.customer))
    assert len(network) / n_smbs == pytest.approx(18.8, abs=0.3)
    assert np.median(buys) == 11
    assert np.median(supplies) == 4
    assert np.mean(supplies == 0) == pytest.approx(0.20, abs=0.02)
    assert network.repaired / len(network) < 0.002


def test_degrees_grow_with_size_as_assumed(large_network):
    """Elasticity of in- and out-degree to output within sectors: .45 and .53."""
    firms, network = large_network
    for rows, expected in ((network.customer, 0.45), (network.supplier, 0.53)):
        degree = np.bincount(rows, minlength=len(firms))
        used = firms.smb & (degree > 0)
        sector, size = firms.sector[used], np.maximum(np.bincount(firms.sector[used]), 1)
        y, x = (v - (np.bincount(sector, v) / size)[sector] for v in (np.log(degree[used]), np.log(firms.output[used])))
        assert x @ y / (x @ x) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("weights", "wanted"), [(EQUAL, 0.475), (EQUAL, 0.8), (UNEQUAL, 0.6)])
def test_share_of_links_within_the_region_is_near_its_target(us, weights, wanted):
    firms, network = build(us, 6000, weights=weights, parameters=Reconstruct(local_share=wanted))
    between = firms.smb[network.supplier] & firms.smb[network.customer]
    local = (firms.region[network.supplier] == firms.region[network.customer])[between]
    assert local.mean() == pytest.approx(wanted, abs=0.03)


def test_same_seed_same_network_other_seed_other_network(us):
    (_, first), (_, again), (_, other) = (build(us, 300, seed) for seed in (5, 5, 6))
    for f in fields(first):
        assert np.array_equal(getattr(first, f.name), getattr(again, f.name))
    assert not np.array_equal(first.supplier, other.supplier)


def test_draws_of_one_firm_do_not_depend_on_the_others(us):
    """Uniforms are keyed by (uid, group, draw): doubling the draws of large rows leaves the suppliers of SMBs as they were drawn."""
    firms = draw_firms(us, 500, EQUAL, Draws(2))
    doubled = replace(firms, nu=np.where(firms.smb, 1.0, 2 * firms.nu))
    shares = technology(us, 0.03)
    counts = []
    for version in (firms, doubled):
        market = reconstruct._market(13, *shares[:2], version, Reconstruct())
        counts.append((market.customer, reconstruct._number_of_draws(market, version, shares[2], Draws(2), Reconstruct())))
    smb = firms.smb[counts[0][0]]
    assert np.array_equal(counts[0][1][smb], counts[1][1][smb])
    assert not np.array_equal(counts[0][1], counts[1][1])


def test_network_inputs_are_the_groups_at_or_above_the_threshold(us):
    coefficient, network_group, shares = technology(us, 0.03)
    purchases = coefficient / coefficient.sum(axis=0)
    assert np.array_equal(network_group, purchases.T >= 0.03)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=EXACT)
    assert network_group.sum(axis=1).min() == 5  # POPULATION.md 1.8: network groups per sector 5–12
    assert network_group.sum(axis=1).max() == 12


def test_north_west_corner_fills_every_gap_from_rooms():
    gap, room = np.array([0.0, 3.0, 1.0, 5.0]), np.array([2.0, 0.0, 6.0, 4.0])
    to, giver, amount = reconstruct._north_west_corner(gap, room)
    assert to.tolist() == [3, 1, 1, 2]  # the 6 serve the 5 and 1 of the 3; the 4 serve 2 of the 3 and the 1
    assert giver.tolist() == [2, 2, 3, 3]
    assert amount.tolist() == [5, 1, 2, 1]


def test_self_link_is_exchanged_without_changing_any_sum():
    """(j→j, v), (k→i, w) become (k→j), (j→i): slot 0 belongs to supplier 0."""
    slot, supplier, weight = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]), np.array([3.0, 1.0, 2.0, 2.0])
    new_slot, new_supplier, new_weight = reconstruct._without_self_links(np.array([0, -1, -1]), slot, supplier, weight.copy())
    assert new_weight[(new_slot == 0) & (new_supplier == 0)].sum() == 0
    assert np.bincount(new_slot, new_weight).tolist() == np.bincount(slot, weight).tolist()
    assert np.bincount(new_supplier, new_weight).tolist() == np.bincount(supplier, weight).tolist()


def test_self_link_without_exchange_is_an_error():
    with pytest.raises(InputError, match="the firm itself"):
        reconstruct._without_self_links(np.array([0]), np.array([0]), np.array([0]), np.array([1.0]))


def test_fill_slots_compiled_is_interpreted():
    rng = np.random.default_rng(0)
    first, supplier = np.array([0, 3, 3, 7]), rng.integers(0, 4, 7)
    arguments = first, supplier, rng.random(7), rng.random(4), np.array([1.0, 2.0, 3.0])
    compiled, plain = (np.empty(7), np.empty(4)), (np.empty(7), np.empty(4))
    fill_slots(*arguments, *compiled)
    getattr(fill_slots, "py_func", fill_slots)(*arguments, *plain)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)
    np.testing.assert_allclose(np.add.reduceat(compiled[0], [0, 3]), [1.0, 3.0])


@pytest.mark.parametrize("smbs", [21, 300, 2000])
def test_gravity_rule_has_the_same_flows_and_about_as_many_links(us, smbs):
    _, sized = build(us, smbs)
    firms, network = build(us, smbs, parameters=Reconstruct(rule="scgm"))
    assert_consistent(us, firms, network)
    assert len(network) - network.repaired == pytest.approx(len(sized), rel=0.1)


def test_gravity_rule_leaves_almost_half_the_slots_without_supplier(us):
    """Why it is not the default: 46 % of slots, 2.8 % by value, have no supplier in expectation (POPULATION.md 1.4: 49 %, 2.9 %)."""
    firms = draw_firms(us, 2000, EQUAL, Draws(0))
    coefficient, network_group, shares = technology(us, 0.03)
    markets = [reconstruct._market(g, coefficient, network_group, firms, Reconstruct()) for g in range(us.G)]
    density = reconstruct._scgm_density(markets, firms, shares, Draws(0), Reconstruct())
    empty = [np.exp(-np.log1p(density * np.outer(m.need, m.sales)).sum(axis=1)) for m in markets]
    need = np.concatenate([m.need for m in markets])
    empty = np.concatenate(empty)
    assert empty.mean() == pytest.approx(0.46, abs=0.02)
    assert empty @ need / need.sum() == pytest.approx(0.029, abs=0.005)


def test_gravity_rule_refuses_more_firms_than_it_can_pair(us):
    firms = draw_firms(us, 5001, EQUAL, Draws(0))
    with pytest.raises(InputError, match="at most 5000"):
        draw_network(us, firms, Draws(0), Reconstruct(rule="scgm"))


@pytest.mark.parametrize("wrong", [{"rule": "gravity"}, {"threshold": 2}, {"keep_share": 0}, {"treshold": 0.1}, {"weight_bound": np.inf}])
def test_parameters_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        Reconstruct(**wrong)


@pytest.mark.long
def test_hundred_thousand_firms_are_consistent(us):
    assert_consistent(us, *build(us, 100_000, seed=1))
