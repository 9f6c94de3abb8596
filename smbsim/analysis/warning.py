r"""Does a series warn of tipping? Indicators of slowing down (`indicators`), and whether they rise more than chance would have them.

    found = warning(series)                                  up to its end, in units of its time
    found = warning(series, until="tip")                     up to where it leaves its level before its largest lasting jump
    print(found.in_words())

    p         share of ≥ 200 surrogates whose τ is at least that of the series, itself among them: as long, fitted to its residuals, and
              treated as it is
    adjusted  the same by Holm's method over the indicators; return_rate is ac1 in other units, composite is made of the others: not counted
    alarm     the composite has p < .05: one test, settled beforehand, right about a stationary series 19 times of 20

An alarm says that the series returns ever more slowly, as it would before a fold. It says neither that the fold is reached nor when; slow
forcing of the noise raises variance too, and a jump that noise or a fast shock causes is not announced at all (`skill` measures both).
The way out of a basin looks like a warning and is none, so that "tip" ends the series before it: Boettiger and Hastings (2012), Proc. R.
Soc. B 279. Source: MODEL.md 5.5, 4.20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..schema import InputError
from . import indicators as slowing
from .indicators import BANDWIDTH, INDICATORS, WINDOW, check_series, in_windows, kendall, trend
from .surrogates import Kind, fit, surrogates

SURROGATES = 200  # MODEL.md 5.5
SIGNIFICANT = 0.05
BAND = (5, 95)  # percent of the surrogates
NOT_COUNTED = ("return_rate", "composite")
NO_PREDICTION = "That is no prediction: it says neither that it tips nor when."
NO_ALL_CLEAR = "A jump that noise alone or a sudden shock causes is not announced, so that silence is no all-clear."

# of a tip; assumptions, wide enough that drift, cycles and slow noise are none
SIDE = 1 / 20  # of the series on either side of a jump, over which its level is taken
LEAST_SIDE = 5
JUMP, OF_RANGE, LASTING = 4.0, 0.5, 0.9  # in deviations before it; of the range of all; share of what follows that stays on the far side

Until = float | Literal["tip"] | None


@dataclass(frozen=True)
class Rise:
    """How steadily an indicator rises. band: of τ by chance, 5 to 95 %; adjusted: NaN where it is not counted."""

    tau: float
    band: tuple[float, float]
    p: float
    adjusted: float


@dataclass(frozen=True)
class EarlyWarning:
    """Of one series. time, series, smooth (n,); ends (W,) the last time of each window; indicators name → (W,), across name → (n,).

    after: what of the series lies behind the end, for the picture: time and values.
    """

    name: str
    unit: str
    time: np.ndarray
    series: np.ndarray
    smooth: np.ndarray
    ends: np.ndarray
    indicators: Mapping[str, np.ndarray]
    across: Mapping[str, np.ndarray]
    rises: Mapping[str, Rise]
    n_surrogates: int
    kind: str
    order: int
    after: tuple[np.ndarray, np.ndarray] = field(repr=False)

    @property
    def alarm(self) -> bool:
        return self.rises["composite"].p < SIGNIFICANT

    @property
    def window(self) -> float:
        """Length of a window, in units of time."""
        return float((len(self.series) - len(self.ends) + 1) * (self.time[1] - self.time[0]))

    def in_words(self) -> str:
        """What rises, how sure that is, and what it does not say."""
        best, like = self.rises["composite"], f"AR({self.order})" if self.kind == "ar" else "phase-randomised"
        clear = [name for name, rise in self.rises.items() if rise.adjusted < SIGNIFICANT]
        listed = f"; on their own: {', '.join(clear)}" if clear else "; none of them on its own"
        basis = f"τ = {best.tau:.2f}, p = {best.p:.2g} against {self.n_surrogates} {like} surrogates{listed}"
        if self.alarm:
            return (
                f"{self.name}: the indicators rise together ({basis}). It returns ever more slowly, as it would before a fold; "
                f"{SIGNIFICANT:.0%} of series in which nothing changes show as much. {NO_PREDICTION}"
            )
        return f"{self.name}: no warning ({basis}). {NO_ALL_CLEAR}"


def warning(
    series: np.ndarray,
    time: np.ndarray | None = None,
    *,
    until: Until = None,
    across: Mapping[str, np.ndarray] | None = None,
    window: float = WINDOW,
    bandwidth: float = BANDWIDTH,
    n_surrogates: int = SURROGATES,
    kind: Kind = "ar",
    seed: int = 1,
    name: str = "series",
    unit: str = "1",
) -> EarlyWarning:
    """Judge one series (n,), evenly spaced in time.

    until             : a time, the last that is looked at; "tip": before its largest lasting jump; default: all
    across            : name → (n,) indicators that need no window, as of `indicators.across`
    window, bandwidth : of the rolling windows and the trend, relative to the length
    n_surrogates      : behind each p

    Raises InputError for a series that is too short (with the length needed), does not move, or has no tip to end before.
    """
    x = np.asarray(series, dtype=float)
    t = np.arange(len(x), dtype=float) if time is None else np.asarray(time, dtype=float)
    if x.ndim != 1 or t.shape != x.shape:
        raise InputError(f"a series of shape {x.shape} with times of shape {t.shape}: one row each is needed; `skill` takes ensembles")
    if n_surrogates < 1:
        raise InputError(f"n_surrogates = {n_surrogates}: at least 1")
    n = end_of(x, t, until)
    check_series(x[:n], window, bandwidth)
    width, dt = max(round(window * n), slowing.LEAST_WINDOW), float(t[1] - t[0])
    smooth = trend(x[:n], bandwidth)
    residual = x[:n] - smooth
    found = in_windows(residual, width, dt)
    like = surrogates(residual, n_surrogates, seed, kind)
    like = like - trend(like, bandwidth)  # what detrending does to a series it does to them
    chance = {name: kendall(values) for name, values in in_windows(like, width, dt).items()}
    taus = {name: float(kendall(values)[0]) for name, values in found.items()}
    others = {name: np.asarray(values, dtype=float)[:n] for name, values in (across or {}).items()}
    for other, values in others.items():
        taus[other] = float(kendall(values))
        same = np.ptp(values) <= slowing.STILL * max(np.abs(values).max(), 1e-300)
        chance[other] = np.full(n_surrogates, np.nan) if same else kendall(surrogates(values, n_surrogates, seed, kind))
    after = t[n - 1 :], x[n - 1 :]
    first = {name: values[0] for name, values in found.items()}
    order = len(fit(residual)[0])
    rises = _judged(taus, chance)
    return EarlyWarning(name, unit, t[:n], x[:n], smooth, t[width - 1 : n], first, others, rises, n_surrogates, kind, order, after)


def _judged(taus: Mapping[str, float], chance: Mapping[str, np.ndarray]) -> dict[str, Rise]:
    p = {name: exceeded(tau, chance[name], INDICATORS.get(name, 1)) for name, tau in taus.items()}
    counted = {name: value for name, value in p.items() if name not in NOT_COUNTED and np.isfinite(value)}
    adjusted, least = {}, 0.0
    for rank, name in enumerate(sorted(counted, key=counted.get)):  # Holm
        adjusted[name] = least = max(least, min(1.0, (len(counted) - rank) * counted[name]))
    bands = {name: tuple(np.nanpercentile(c, BAND)) if np.isfinite(c).any() else (np.nan, np.nan) for name, c in chance.items()}
    return {name: Rise(tau, bands[name], p[name], adjusted.get(name, np.nan)) for name, tau in taus.items()}


def exceeded(tau: float, chance: np.ndarray, direction: int) -> float:
    """p: how often chance does at least as much in this direction; 0 for either."""
    known = chance[np.isfinite(chance)]
    if not np.isfinite(tau) or not known.size:
        return np.nan
    more = np.abs(known) >= abs(tau) if direction == 0 else known * direction >= tau * direction
    return float((1 + more.sum()) / (1 + known.size))


# -- where a series tips --------------------------------------------------------------------------------------------------------------


def end_of(x: np.ndarray, t: np.ndarray, until: Until) -> int:
    """How many values are looked at. Raises InputError where there is no tip, or nothing before a time."""
    if until is None:
        return len(x)
    if until == "tip":
        n = tip(x)
        if n is None:
            raise InputError("until = tip: the series has no lasting jump to end before; give a time, or look at all of it")
        return n
    if isinstance(until, str) or not t[0] <= until <= t[-1]:
        raise InputError(f"until = {until}: 'tip', or a time from {t[0]:g} to {t[-1]:g}")
    return int(np.searchsorted(t, until, side="right"))


def tip(x: np.ndarray) -> int | None:
    """How many values of a series (n,) come before it leaves for its largest lasting jump; None where there is none.

    The jump lies where means of a twentieth of the series on either side differ most. It counts if it is at least four standard deviations
    of the residuals before it and half the range of all, and nine tenths of what follows stays beyond its middle. The series ends where
    it was last on the near side of its median before the jump.
    """
    n = len(x)
    side = max(round(SIDE * n), LEAST_SIDE)
    if n < 4 * side:
        return None
    level = np.convolve(x, np.full(side, 1 / side), mode="valid")  # means of x[k : k + side]
    k = int(np.argmax(np.abs(level[side:] - level[:-side]))) + side
    before, after = float(level[k - side]), float(level[k])
    sign, middle = np.sign(after - before), (before + after) / 2
    earlier = x[: max(k - side, side)]
    spread = (earlier - trend(earlier)).std()
    lasting = np.mean((x[k:] - middle) * sign > 0) >= LASTING and np.mean((earlier - middle) * sign < 0) >= LASTING
    if abs(after - before) < max(JUMP * spread, OF_RANGE * np.ptp(x)) or not lasting:
        return None
    usual = np.median(x[max(k - 5 * side, 0) : k - side // 2])
    return int(np.flatnonzero((x[:k] - usual) * sign <= 0)[-1]) + 1
