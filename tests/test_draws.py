"""Random numbers: known answers, uniform and uncorrelated, and nobody's number depends on who else draws."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smbsim.draws import Draws, fill_pair_uniforms, fill_uniforms, key, mix

MASK = 2**64 - 1
SPLITMIX64 = (  # the first five outputs from seed 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64"; Vigna's splitmix64.c)
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)
KEYS = {  # pinned: a change of these changes every result of every scenario
    (1, "breakdown", 0): 11352136894414520496,
    (1, "breakdown", 1): 3959380252546467722,
    (1, "breakdown", -104): 855706701793137216,
    (2, "breakdown", 0): 7201067376829196231,
    (1, "cash_days", 0): 8176349068890704495,
}
N = 200_000


def bits(u) -> np.ndarray:
    """The 53 bits of a uniform."""
    return (np.asarray(u) * 2.0**53).astype(np.uint64)


def splitmix(start: int, entry: np.ndarray) -> np.ndarray:
    """Steele, Lea and Flood (2014), fig. 17, in arrays: output `entry` of the generator started at `start`."""
    z = np.uint64(start & MASK) + (entry.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(z: np.ndarray) -> np.ndarray:
    return (z >> np.uint64(11)).astype(float) / 2.0**53


def test_kernel_gives_the_known_numbers_of_splitmix64():
    u = np.empty(5)
    with np.errstate(over="ignore"):
        fill_uniforms(np.uint64(1234567), np.arange(5), u)
    assert bits(u).tolist() == [z >> 11 for z in SPLITMIX64]


def test_mix_gives_the_known_numbers_of_splitmix64():
    assert [mix(1234567 + (i + 1) * 0x9E3779B97F4A7C15) for i in range(5)] == list(SPLITMIX64)


def test_keys_are_pinned():
    assert {given: key(*given) for given in KEYS} == KEYS


def test_key_depends_on_each_of_seed_name_and_step():
    keys = {key(seed, name, step) for seed in range(20) for name in ("a", "b", "ab", "") for step in range(-10, 10)}
    assert len(keys) == 20 * 4 * 20


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.integers(-(10**6), 10**6))
def test_key_is_what_the_docstring_says(seed, name, step):
    """Seed, the first eight bytes of BLAKE2b of the name, and the step, mixed one after the other, in 64 bits."""
    word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    z = mix((mix(seed + 0x9E3779B97F4A7C15) ^ word) + 0x9E3779B97F4A7C15)
    assert key(seed, name, step) == mix((z + step * 0x9E3779B97F4A7C15) ^ word)
    assert 0 <= key(seed, name, step) <= MASK


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.text(max_size=8), st.integers(-500, 500), st.lists(st.integers(0, 2**62), max_size=30))
def test_uniform_is_the_array_form_of_the_equation(seed, name, step, entry):
    entry = np.array(entry, dtype=np.int64)
    with np.errstate(over="ignore"):
        expected = uniforms(splitmix(key(seed, name, step), entry))
    assert np.array_equal(Draws(seed).uniform(name, step, entry), expected)


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), max_size=30))
def test_pair_uses_its_first_entry_as_the_key_of_the_second(seed, pairs):
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    with np.errstate(over="ignore"):
        streams = splitmix(key(seed, "pair", 3), first)
        expected = [uniforms(splitmix(int(stream), second[i : i + 1]))[0] for i, stream in enumerate(streams)]
    assert Draws(seed).uniform("pair", 3, first, second).tolist() == expected


def test_uniforms_lie_in_the_half_open_unit_interval():
    """[0, 1): the largest number of 53 bits is 1 - 2^-53."""
    u = Draws(3).uniform("any", 0, np.arange(N))
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert uniforms(np.array([MASK], dtype=np.uint64))[0] == 1.0 - 2.0**-53


@pytest.mark.parametrize("seed", [0, 1, 2, 2**63 - 1])
def test_uniforms_have_the_moments_of_the_uniform_distribution(seed):
    """Mean 1/2 ± 5 σ/√N, variance 1/12, no serial correlation at lags 1, 2 and 100, 20 cells equally full (χ² with 19 degrees)."""
    u = Draws(seed).uniform("moments", 7, np.arange(N))
    deviation = u - u.mean()
    assert abs(u.mean() - 0.5) < 5 / np.sqrt(12 * N)
    assert abs(u.var() - 1 / 12) < 5 / np.sqrt(180 * N)
    for lag in (1, 2, 100):
        assert abs(np.mean(deviation[lag:] * deviation[:-lag])) * 12 < 5 / np.sqrt(N)
    counts = np.histogram(u, 20, (0, 1))[0]
    assert np.sum((counts - N / 20) ** 2) / (N / 20) < 60  # P < 5e-6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, "a", 0), (2, "a", 0)),  # neighbouring seeds
        ((1, "a", 0), (1, "b", 0)),  # names
        ((1, "a", 0), (1, "a", 1)),  # neighbouring weeks
        ((1, "a", -1), (1, "a", 0)),  # burn-in and after
    ],
)
def test_streams_are_uncorrelated(one, other):
    u, v = (Draws(seed).uniform(name, step, np.arange(N)) for seed, name, step in (one, other))
    assert not np.any(u == v)
    assert abs(np.corrcoef(u, v)[0, 1]) < 5 / np.sqrt(N)


def test_pairs_are_uncorrelated_with_their_neighbours_and_their_mirror():
    first, second = (index.ravel() for index in np.indices((400, 400)))
    u = Draws(1).uniform("link", 0, first, second).reshape(400, 400)
    for v in (u.T, np.roll(u, 1, axis=0), np.roll(u, 1, axis=1)):
        off = ~np.eye(400, dtype=bool)
        assert abs(np.corrcoef(u[off], v[off])[0, 1]) < 5 / 400
    assert u[3, 5] != u[5, 3]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), unique=True, min_size=2, max_size=40), st.data())
def test_a_new_firm_changes_nobody(uids, data):
    """Entry i belongs to uid i whoever else draws, in whatever order."""
    draws, uids = Draws(5), np.array(uids)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(uids) - 1), max_size=40)), dtype=int)
    everybody = draws.uniform("name", 4, uids)
    assert np.array_equal(draws.uniform("name", 4, uids[chosen]), everybody[chosen])


def test_entries_may_be_of_any_whole_type_and_layout():
    entry = np.arange(20)
    expected = Draws(1).uniform("a", 0, entry)
    assert np.array_equal(Draws(1).uniform("a", 0, entry.astype(np.int32)), expected)
    assert np.array_equal(Draws(1).uniform("a", 0, np.repeat(entry, 2)[::2]), expected)
    assert Draws(1).uniform("a", 0, np.empty(0, dtype=int)).shape == (0,)


def test_one_is_the_entry_zero():
    assert Draws(9).one("sample.count", 2) == Draws(9).uniform("sample.count", 2, np.zeros(1, dtype=int))[0]
    assert isinstance(Draws(9).one("sample.count"), float)


def test_draws_have_no_state():
    draws = Draws(1)
    before = draws.uniform("a", 0, np.arange(5))
    draws.uniform("b", 0, np.arange(1000))
    assert np.array_equal(draws.uniform("a", 0, np.arange(5)), before)
    assert Draws(1) == draws


def test_pair_kernel_gives_other_numbers_than_the_single_one():
    u, v = np.empty(50), np.empty(50)
    with np.errstate(over="ignore"):
        fill_uniforms(np.uint64(1), np.arange(50), u)
        fill_pair_uniforms(np.uint64(1), np.arange(50), np.arange(50), v)
    assert not np.any(u == v)
