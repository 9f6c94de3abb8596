r"""How deep, how long, and what remains: the loss of a variant against its paired baseline, run by run.

    q_t = Q_t / Q_t^base                                   Q real value added of firms unless said otherwise
    depth            1 - min q                             trough           the week of the minimum
    duration         number of weeks with q < 1 - ε        ε = .02 of Q, or a tenth of the depth where that is smaller
    loss             A = Σ (1 - q_t)⁺                      in weeks of output (Bruneau et al. 2003)
    recovery         first week after the trough with q ≥ 1 - ε for 8 weeks on end; NaN if not before the horizon
    rapidity         (q at recovery - min q) / (recovery - trough)                NaN if not before the horizon
    return rate      -ln(1 - depth / Σ (1 - q_t)⁺ from the trough on), that of the exponential with the same depth and loss; NaN likewise
    overshoot        max q - 1 after the trough
    hysteresis gap   1 - mean of q over the last 26 weeks
    index            1 - A / T
    second year      mean q - 1 over weeks 53 to 104 from the first loss on: above zero, it came out stronger; NaN if it is not reached
    loss theil       Σ_k w_k (A_k / Ā) ln(A_k / Ā) over sectors, w shares of the baseline: 0 all lose alike, -ln w_k where one bears all
    survival         share of the SMBs of the start that are there at the end, relative to the baseline

Beside the measures of a run: the share of runs not yet back, as a survival curve with its band (`not_back`, Kaplan and Meier, runs that
are not back before the horizon censored there), and whether twice the shock costs more than twice the loss (`convexity`).
Source: MODEL.md 5.6. Its ε is .02 throughout; a shock to one sector that costs less than 2 % of the economy would then have no duration
at all, so ε shrinks with the depth here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..result import BASELINE, Result
from ..schema import WEEKS_PER_YEAR

THRESHOLD = 0.02  # ε; MODEL.md 5.6
SHARE_OF_DEPTH = 0.1  # the same, relative to the depth; assumption
RECOVERED_WEEKS = 8
LAST_WEEKS = 26
NO_EFFECT = 1e-9  # a smaller depth is rounding
BANDS = (5, 50, 95)  # percent of the runs


@dataclass(frozen=True)
class Resilience:
    """The measures of the module per run, (R,), in the units of MEASURES; NaN where a run ends too early or nothing was recorded."""

    depth: np.ndarray
    trough: np.ndarray
    duration: np.ndarray
    loss: np.ndarray
    recovery: np.ndarray
    rapidity: np.ndarray
    return_rate: np.ndarray
    overshoot: np.ndarray
    hysteresis_gap: np.ndarray
    index: np.ndarray
    second_year: np.ndarray
    loss_theil: np.ndarray
    survival: np.ndarray

    @property
    def back(self) -> float:
        """Share of the runs with a loss that are back before the horizon; NaN where none has one."""
        hit = self.depth > 0
        return float(np.isfinite(self.recovery[hit]).mean()) if hit.any() else np.nan

    def band(self, name: str, bands: Sequence[float] = BANDS) -> np.ndarray:
        """(len(bands),) quantiles of a measure over the runs in which it is known, in percent; NaN where it is in none."""
        values = getattr(self, name)
        known = values[np.isfinite(values)]
        return np.percentile(known, bands) if known.size else np.full(len(bands), np.nan)


MEASURES = {  # name → unit
    "depth": "1", "trough": "wk", "duration": "wk", "loss": "weeks of output", "recovery": "wk", "rapidity": "1/wk", "return_rate": "1/wk",
    "overshoot": "1", "hysteresis_gap": "1", "index": "1", "second_year": "1", "loss_theil": "1", "survival": "1",
}  # fmt: skip
BY_SECTOR, SURVIVING = "sector_output", "surviving_smbs"  # series behind loss_theil and survival


def resilience(result: Result, variant: str, name: str = "real_value_added") -> Resilience:
    """Resilience of a variant against the baseline, for a metric without an axis. Raises InputError for unknown names."""
    q = result.relative(name).values[result.variant(variant)]
    of_paths = [np.array(column, dtype=float) for column in zip(*(_of_path(path) for path in q), strict=True)]
    return Resilience(*of_paths, _theil(result, variant), _survival(result, variant))


def _of_path(q: np.ndarray) -> tuple[float, ...]:
    depth = max(1.0 - q.min(), 0.0)
    depth = depth if depth > NO_EFFECT else 0.0
    trough = int(q.argmin()) if depth else 0
    threshold = min(THRESHOLD, SHARE_OF_DEPTH * depth)
    low = q < 1.0 - threshold if depth else np.zeros(len(q), dtype=bool)
    lost = np.maximum(1.0 - q, 0.0) if depth else np.zeros(len(q))
    recovery = _recovery(low, trough)
    rapidity = rate = np.nan
    if depth and np.isfinite(recovery):
        rapidity = (q[int(recovery)] - q[trough]) / (recovery - trough)
        after = lost[trough:].sum()
        rate = -np.log1p(-depth / after) if after > depth * (1 + NO_EFFECT) else np.nan
    overshoot = max(q[trough:].max() - 1.0, 0.0)
    gap, index = 1.0 - q[-LAST_WEEKS:].mean(), 1.0 - lost.sum() / len(q)
    begins = int(np.argmax(low)) + WEEKS_PER_YEAR
    second = q[begins : begins + WEEKS_PER_YEAR].mean() - 1.0 if depth and begins + WEEKS_PER_YEAR <= len(q) else np.nan
    return depth, trough, low.sum(), lost.sum(), recovery, rapidity, rate, overshoot, gap, index, second


def _theil(result: Result, variant: str) -> np.ndarray:
    """(R,) how unevenly the loss falls on sectors, each in weeks of its own baseline output; 0 where nothing is lost."""
    if BY_SECTOR not in result.series:
        return np.full(len(result.seeds), np.nan)
    base = result[BY_SECTOR].values[result.variant(BASELINE)]
    q = result.relative(BY_SECTOR).values[result.variant(variant)]
    lost = np.nansum(np.maximum(1.0 - q, 0.0), axis=1)  # (R, K)
    weight = base.mean(axis=1) / np.maximum(base.mean(axis=1).sum(axis=1, keepdims=True), 1e-300)
    mean = (weight * lost).sum(axis=1, keepdims=True)
    ratio = np.divide(lost, mean, out=np.zeros_like(lost), where=mean > NO_EFFECT)
    return (weight * ratio * np.log(np.where(ratio > 0, ratio, 1.0))).sum(axis=1)


def _survival(result: Result, variant: str) -> np.ndarray:
    if SURVIVING not in result.series:
        return np.full(len(result.seeds), np.nan)
    return result.relative(SURVIVING).values[result.variant(variant), :, -1]


def not_back(result: Result, variant: str, name: str = "real_value_added") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(weeks since the trough, share of runs not back by then, its 95 % band low and high); runs without a loss are left out.

    Empty where no run has a loss.
    """
    from scipy.stats import CensoredData, ecdf

    found = resilience(result, variant, name)
    hit = found.depth > 0
    if not hit.any():
        return tuple(np.empty(0) for _ in range(4))
    since = found.recovery[hit] - found.trough[hit]
    horizon = len(result.weeks) - found.trough[hit]
    back = np.isfinite(since)
    curve = ecdf(CensoredData(uncensored=since[back], right=horizon[~back])).sf
    low, high = np.ones((2, len(curve.quantiles)))
    if back.any():
        band = curve.confidence_interval(method="log-log")
        low, high = (np.where(np.isfinite(b), b, curve.probabilities) for b in (band.low.probabilities, band.high.probabilities))
    return curve.quantiles, curve.probabilities, low, high


def convexity(result: Result, variant: str, doubled: str, name: str = "real_value_added") -> np.ndarray:
    """(R,) A(2m) - 2 A(m) in weeks of output, of a variant and one with a shock twice as large: above zero, damage grows faster than the
    shock (fragile); below zero, slower."""
    once, twice = (resilience(result, one, name).loss for one in (variant, doubled))
    return twice - 2.0 * once


def _recovery(low: np.ndarray, trough: int) -> float:
    """First week from the trough on that begins RECOVERED_WEEKS weeks without loss."""
    for t in range(trough, len(low) - RECOVERED_WEEKS + 1):
        if not low[t : t + RECOVERED_WEEKS].any():
            return float(t)
    return np.nan


def sectors_hit(result: Result, variant: str, share: float = 0.25) -> list[tuple[str, int, float]]:
    """Sectors in the order in which a shock reaches them: (sector, first week of a quarter of its own depth, depth), medians over runs."""
    q = np.median(result.relative("sector_output").values[result.variant(variant)], axis=0)
    hit = []
    for k, sector in enumerate(result.labels["sector"]):
        depth = 1.0 - q[:, k].min()
        if depth > NO_EFFECT:
            hit.append((sector, int(np.argmax(q[:, k] < 1.0 - share * depth)), float(depth)))
    return sorted(hit, key=lambda h: -h[2])
