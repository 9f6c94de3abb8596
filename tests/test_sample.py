"""The drawn firms: totals of the tables exactly, the sizes of the size classes, regions, and where household sales are made."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from economies import write_economy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from smbsim.draws import Draws
from smbsim.economy import load
from smbsim.sample import (
    KIND_LARGE,
    KIND_SMB,
    LEAST_HEADS,
    Sample,
    draw_firms,
    household_sales,
    pareto_exponent,
    pareto_mean,
    pareto_quantile,
    systematic_counts,
)
from smbsim.schema import InputError

EQUAL = (0.25, 0.25, 0.25, 0.25)
UNEQUAL = (0.62, 0.3, 0.08)
EXACT = 1e-13  # relative; sums of up to 1e5 terms in double precision
KAPPA_MAX = 1.5

PARAMETERISATIONS = st.tuples(st.integers(1, 5000), st.integers(0, 2**40), st.sampled_from([EQUAL, UNEQUAL, (1.0,)]))


@pytest.fixture(scope="module")
def us():
    return load("us_2022")


@pytest.fixture(scope="module")
def many(us):
    return draw_firms(us, 100_000, EQUAL, Draws(7))


def by_sector(firms, values):
    return np.bincount(firms.sector, values)


@given(PARAMETERISATIONS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_totals_are_the_tables_for_every_size(us, case):
    """Output and employment of every sector are s times the table's, whatever is drawn: the large row carries the rest."""
    smbs, seed, weights = case
    firms = draw_firms(us, smbs, weights, Draws(seed))
    assert firms.smb.sum() == smbs
    assert len(firms) == smbs + us.G
    np.testing.assert_allclose(by_sector(firms, firms.output), firms.scale * us.output[: us.G], rtol=EXACT)
    np.testing.assert_allclose(by_sector(firms, firms.employment), firms.scale * us.employment.sum(axis=1), rtol=EXACT)
    assert firms.employment.min() > 0
    assert firms.output.min() > 0
    assert firms.nu[firms.smb].max() == 1
    assert firms.nu.min() >= 1


@given(PARAMETERISATIONS)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_smbs_stay_below_their_shares_of_the_sector(us, case):
    smbs, seed, weights = case
    firms = draw_firms(us, smbs, weights, Draws(seed))
    smb_share = us.payroll[:, us.is_smb_class].sum(axis=1) / us.payroll.sum(axis=1)
    output, employment = by_sector(firms, firms.output * firms.smb), by_sector(firms, firms.employment * firms.smb)
    assert (output <= (1 + smb_share) / 2 * firms.scale * us.output[: us.G] * (1 + EXACT)).all()
    assert (employment <= 0.98 * firms.scale * us.employment.sum(axis=1) * (1 + EXACT)).all()
    assert (firms.output[firms.smb] <= 0.25 * firms.scale * us.output[firms.sector[firms.smb]] * (1 + EXACT)).all()


def test_rows_are_ordered_by_region_and_sector_with_large_rows_last(us):
    firms = draw_firms(us, 3000, UNEQUAL, Draws(1))
    n = firms.smb.sum()
    assert (np.diff(firms.region[:n] * us.G + firms.sector[:n]) >= 0).all()
    assert (firms.kind[:n] == KIND_SMB).all()
    assert (firms.kind[n:] == KIND_LARGE).all()
    assert (firms.sector[n:] == np.arange(us.G)).all()
    assert (firms.region[n:] == -1).all()
    assert (firms.size_class[n:] == -1).all()


@given(st.lists(st.floats(0, 40), min_size=1, max_size=60), st.floats(0, 1, exclude_max=True))
@settings(max_examples=200, deadline=None)
def test_counts_are_within_one_of_their_expectation_and_exact_in_total(raw, u):
    expected = np.array([*raw, 1.0])
    expected *= np.ceil(expected.sum()) / expected.sum()
    count = systematic_counts(expected, u)
    assert count.sum() == round(expected.sum())
    assert (np.abs(count - expected) < 1 + EXACT * expected.sum()).all()
    assert (np.abs(np.cumsum(count) - np.cumsum(expected)) < 1 + EXACT * expected.sum()).all()


def test_counts_are_exact_for_the_largest_uniform():
    assert systematic_counts(np.full(40, 2500.0), 1 - 2.0**-53).tolist() == [2500] * 40


def test_counts_are_unbiased():
    """The mean over all u is the expectation."""
    expected = np.array([0.3, 1.45, 0.05, 2.2])
    mean = np.mean([systematic_counts(expected, u) for u in (np.arange(1000) + 0.5) / 1000], axis=0)
    np.testing.assert_allclose(mean, expected, atol=2e-3)


@pytest.mark.parametrize(("lo", "hi", "mean"), [(1, 5, 1.56), (5, 10, 6.6), (10, 20, 15.0), (200, 500, 480), (1, 5, 3.0), (20, 50, 20.5)])
def test_pareto_of_a_class_has_the_mean_of_the_table(lo, hi, mean):
    exponent = pareto_exponent(mean, lo, hi)
    assert pareto_mean(exponent, lo, hi) == pytest.approx(mean, rel=1e-12)
    u = (np.arange(200_000) + 0.5) / 200_000
    sizes = pareto_quantile(u, exponent, lo, hi)
    assert sizes.mean() == pytest.approx(mean, rel=1e-6)
    assert lo <= sizes.min()
    assert sizes.max() < hi


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_pareto_is_continuous_where_its_formula_is_not_defined(exponent):
    near = exponent + 1e-7
    assert pareto_mean(exponent, 2.0, 9.0) == pytest.approx(pareto_mean(near, 2.0, 9.0), rel=1e-6)
    assert pareto_quantile(0.3, exponent, 2.0, 9.0) == pytest.approx(pareto_quantile(0.3, near, 2.0, 9.0), rel=1e-6)


@pytest.mark.parametrize("smbs", [21, 200, 5000])
def test_sizes_stay_in_their_class_up_to_the_tilt_of_the_sector(us, smbs):
    firms = draw_firms(us, smbs, EQUAL, Draws(3))
    smb = firms.smb
    cell = firms.size_class[smb]
    lo, hi, mean = us.emp_min[cell], us.emp_max[cell] + 1, us.mean_employment[firms.sector[smb], cell]
    drawn_inside = (lo < mean) & (mean < hi)
    heads = firms.employment[smb]
    assert (heads <= KAPPA_MAX * hi * (1 + EXACT))[drawn_inside].all()
    assert heads.min() >= LEAST_HEADS / KAPPA_MAX / 2
    if smbs == 5000:  # no bound binds: the tilt is within [1/kappa, kappa]
        assert (heads >= lo / KAPPA_MAX * (1 - EXACT))[drawn_inside].all()


def test_class_shares_are_the_tables(us, many):
    share = np.bincount(many.size_class[many.smb]) / many.smb.sum()
    table = us.firms[:, us.is_smb_class].sum(axis=0)
    np.testing.assert_allclose(share, table / table.sum(), atol=3e-4)


def test_size_tail_has_the_exponent_of_firm_sizes(us, many):
    """Truncated-Pareto maximum likelihood from 10 heads gives 1.05 ± .1, and the size distribution at class bounds is the table's."""
    xmin, xmax = 10.0, us.smb_threshold
    heads = many.employment[many.smb]
    tail = heads[(heads >= xmin) & (heads < xmax)]
    log_ratio, mean_log = np.log(xmax / xmin), np.log(tail / xmin).mean()
    exponent = brentq(lambda a: 1 / a - log_ratio / np.expm1(a * log_ratio) - mean_log, 0.01, 10)
    assert exponent == pytest.approx(1.05, abs=0.1)
    table = us.firms[:, us.is_smb_class].sum(axis=0)
    above = table[::-1].cumsum()[::-1] / table.sum()
    for bound, expected in zip(us.emp_min[us.is_smb_class], above, strict=True):
        assert np.mean(heads >= bound) == pytest.approx(expected, abs=0.01)


def test_output_follows_payroll_so_that_smbs_have_their_share(us, many):
    payroll = us.payroll[:, us.is_smb_class].sum(axis=1) / us.payroll.sum(axis=1)
    expected = (payroll * us.output[: us.G]).sum() / us.output[: us.G].sum()
    assert many.output[many.smb].sum() / many.output.sum() == pytest.approx(expected, abs=1e-3)
    assert expected == pytest.approx(0.410, abs=5e-4)  # POPULATION.md 1.8


def test_regions_get_their_weights_in_every_sector_and_size(us):
    firms = draw_firms(us, 20_000, UNEQUAL, Draws(2))
    smb = firms.smb
    for rows in [smb, *(smb & (firms.sector == g) for g in range(us.G)), smb & (firms.employment > 100)]:
        share = np.bincount(firms.region[rows], minlength=3) / rows.sum()
        np.testing.assert_allclose(share, UNEQUAL, atol=4 / np.sqrt(rows.sum()) if rows is not smb else 1e-3)


def test_a_sector_without_smbs_is_its_large_row(us):
    none = us.firms.copy()
    none[4, us.is_smb_class] = 0
    firms = draw_firms(replace(us, firms=none), 500, EQUAL, Draws(0))
    rows = np.flatnonzero(firms.sector == 4)
    assert rows.tolist() == [500 + 4]
    assert firms.output[rows[0]] == pytest.approx(firms.scale * us.output[4])
    assert firms.employment[rows[0]] == pytest.approx(firms.scale * us.employment[4].sum())


def test_a_sector_without_large_firms_leaves_nothing_negative(us):
    large = ~us.is_smb_class
    firms_table, employment, payroll = (
        np.where(large & (np.arange(us.G) == 5)[:, None], 0, v) for v in (us.firms, us.employment, us.payroll)
    )
    firms = draw_firms(replace(us, firms=firms_table, employment=employment, payroll=payroll), 2000, EQUAL, Draws(0))
    assert firms.output.min() >= 0
    assert firms.employment.min() >= 0


@pytest.mark.parametrize("classes", [((1, 9), (10, 49), (50, 249), (250, None)), ((0, 9), (10, 49), (50, None))])
def test_other_economies_draw_the_same_way(tmp_path, classes):
    """Other codes, class bounds and threshold; a class may start at 0 heads or have no upper bound."""
    economy = load(write_economy(tmp_path, sectors=4, classes=classes, threshold=250, empty_class=True))
    firms = draw_firms(economy, 300, EQUAL, Draws(0))
    np.testing.assert_allclose(by_sector(firms, firms.output), firms.scale * economy.output[:4], rtol=EXACT)
    assert firms.smb.sum() == 300
    assert np.isfinite(firms.employment).all()


def test_same_seed_same_firms_other_seed_other_firms(us):
    first, again, other = (draw_firms(us, 400, EQUAL, Draws(seed)) for seed in (5, 5, 6))
    for f in fields(first):
        assert np.array_equal(getattr(first, f.name), getattr(again, f.name))
    assert not np.array_equal(first.employment, other.employment)


@pytest.mark.parametrize("weights", [[], [0.0], [1.0, -0.1], [np.nan, 1.0], [[0.5, 0.5]]])
def test_unusable_region_weights_are_refused(us, weights):
    with pytest.raises(InputError, match="region weights"):
        draw_firms(us, 100, weights, Draws(0))


def test_no_smbs_are_refused(us):
    with pytest.raises(InputError, match="0 SMBs"):
        draw_firms(us, 0, EQUAL, Draws(0))


def test_parameters_and_arguments_have_the_same_defaults():
    sample = Sample()
    assert draw_firms.__defaults__ == (sample.kappa_max, sample.tail)
    assert household_sales.__defaults__ == (sample.home_sales,)


@given(PARAMETERISATIONS, st.floats(0, 1), st.floats(0.001, 1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_customer_shares_are_shares_and_sum_to_one(us, case, home_sales, consumed_first):
    """For each (sector, region), SMBs at home, SMBs elsewhere and the large row share household demand, for any regional consumption."""
    smbs, seed, weights = case
    firms = draw_firms(us, smbs, weights, Draws(seed))
    consumption = np.append(consumed_first, np.full(len(weights) - 1, 0.5))
    consumption /= consumption.sum()
    total = firms.scale * us.uses[: us.G, 0]
    sales = total[firms.sector] * firms.output / by_sector(firms, firms.output)[firms.sector]
    shares = household_sales(firms, sales, total, consumption, home_sales)
    for array in (shares.home, shares.elsewhere, shares.large):
        assert array.min() >= 0
        assert array.max() <= 1 + EXACT
    assert (shares.home_share <= home_sales).all()
    for r in range(len(weights)):
        at_home, away = firms.smb & (firms.region == r), firms.smb & (firms.region != r)
        sold = by_sector(firms, shares.home * at_home + shares.elsewhere * away) + shares.large[:, r]
        np.testing.assert_allclose(sold, 1, atol=1e-12)
    income = (shares.home * (consumption[firms.region]) + shares.elsewhere * (1 - consumption[firms.region])) * total[firms.sector]
    np.testing.assert_allclose(income[firms.smb], sales[firms.smb], rtol=1e-11)


def test_home_share_is_the_largest_that_leaves_the_large_row_nothing_negative(us):
    """With a tenth of consumption where two thirds of the firms are, lambda_s is cut, and the large row sells nothing there."""
    firms = draw_firms(us, 2000, UNEQUAL, Draws(0))
    total = firms.scale * us.uses[: us.G, 0]
    sales = total[firms.sector] * firms.output / by_sector(firms, firms.output)[firms.sector]
    shares = household_sales(firms, sales, total, np.array([0.1, 0.5, 0.4]), 0.9)
    cut = (shares.home_share < 0.9) & (total > 0)
    assert cut.any()
    np.testing.assert_allclose(shares.large[cut].min(axis=1), 0, atol=1e-12)
