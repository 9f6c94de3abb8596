r"""Random numbers keyed by what they are for: (seed, name, step) is the stream, the firm's uid is the entry.

A draw is a pure function of its key, so that adding a firm, a policy or another draw never shifts anybody else's number (common random
numbers), and no generator has a state that would have to be saved.

    z(key, i) = mix(key + (i + 1) * G)          i-th output of the generator SplitMix64 started at `key`
    u         = floor(z / 2^11) * 2^-53         uniform on [0, 1)

mix is the 64-bit finaliser and G the odd constant of SplitMix64. Source: Steele, Lea and Flood (2014), OOPSLA, fig. 17.
The key mixes the seed, the first eight bytes of the BLAKE2b hash of the name, and the step, one after the other. A draw for a pair
(a link) uses the pair's first uid to make the key of the second.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from .kernel import kernel

_MASK = (1 << 64) - 1
_G = 0x9E3779B97F4A7C15
_M1 = 0xBF58476D1CE4E5B9
_M2 = 0x94D049BB133111EB

_G64, _M1_64, _M2_64 = np.uint64(_G), np.uint64(_M1), np.uint64(_M2)
_S27, _S30, _S31, _S11, _ONE = (np.uint64(k) for k in (27, 30, 31, 11, 1))
_ULP = 2.0**-53
_NORMAL = NormalDist()
LEAST_UNIFORM = 2.0**-54  # half the spacing of the uniforms: keeps quantiles and logarithms finite


def logistic(odds):
    """1 / (1 + e^-odds): the chance whose log-odds these are, for any finite odds. Any shape."""
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0)))


def mix(z: int) -> int:
    """SplitMix64's finaliser on a Python integer; for keys, where one call a step is cheap."""
    z &= _MASK
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    return z ^ (z >> 31)


@lru_cache(maxsize=4096)
def _named(seed: int, name: str) -> tuple[int, int]:
    """The part of a key that is the same every week, and the word of the name."""
    word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    return mix((mix(seed + _G) ^ word) + _G), word


def key(seed: int, name: str, step: int = 0) -> int:
    """The 64-bit key of a stream."""
    z, word = _named(int(seed), name)
    return mix((z + int(step) * _G) ^ word)


@kernel
def fill_uniforms(stream, entry, u):
    """u_i = SplitMix64(stream)[entry_i] / 2^64. stream uint64; entry (n,) int64 >= 0; writes u (n,) in [0, 1)."""
    for i in range(entry.size):
        z = stream + (np.uint64(entry[i]) + _ONE) * _G64
        z = (z ^ (z >> _S30)) * _M1_64
        z = (z ^ (z >> _S27)) * _M2_64
        z = z ^ (z >> _S31)
        u[i] = np.float64(z >> _S11) * _ULP


@kernel
def fill_pair_uniforms(stream, first, second, u):
    """As fill_uniforms, for pairs: the output for `first` is the key for `second`. first, second (n,) int64 >= 0."""
    for i in range(first.size):
        z = stream + (np.uint64(first[i]) + _ONE) * _G64
        z = (z ^ (z >> _S30)) * _M1_64
        z = (z ^ (z >> _S27)) * _M2_64
        z = (z ^ (z >> _S31)) + (np.uint64(second[i]) + _ONE) * _G64
        z = (z ^ (z >> _S30)) * _M1_64
        z = (z ^ (z >> _S27)) * _M2_64
        z = z ^ (z >> _S31)
        u[i] = np.float64(z >> _S11) * _ULP


@dataclass(frozen=True)
class Draws:
    """All random numbers of one run."""

    seed: int

    def uniform(self, name: str, step: int, entry: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
        """Uniforms on [0, 1), one per entry (a uid), or per pair (entry, second). Entries are whole numbers >= 0; returns (n,)."""
        first = np.ascontiguousarray(entry, dtype=np.int64)
        u = np.empty(first.size)
        stream = np.uint64(key(self.seed, name, step))
        with np.errstate(over="ignore"):  # wrap-around is the arithmetic meant, also when the kernel runs uncompiled
            if second is None:
                fill_uniforms(stream, first, u)
            else:
                fill_pair_uniforms(stream, first, np.ascontiguousarray(second, dtype=np.int64), u)
        return u

    def normal(self, name: str, step: int, entry: np.ndarray) -> np.ndarray:
        """Standard normals, one per entry; returns (n,)."""
        from scipy.special import ndtri  # half a second to import

        u = self.uniform(name, step, entry)
        return ndtri(np.maximum(u, LEAST_UNIFORM, out=u), out=u)

    def one(self, name: str, step: int = 0) -> float:
        """A single uniform for a draw that belongs to no firm."""
        return float(self.uniform(name, step, np.zeros(1, dtype=np.int64))[0])

    def one_normal(self, name: str, step: int = 0) -> float:
        """A single standard normal for a draw that belongs to no firm."""
        return _NORMAL.inv_cdf(max(self.one(name, step), LEAST_UNIFORM))
