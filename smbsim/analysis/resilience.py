r"""How deep, how long, and what remains: the loss of a variant against its paired baseline, run by run.

    q_t = Q_t / Q_t^base                                   Q real value added of firms unless said otherwise
    depth            1 - min q                             trough           the week of the minimum
    duration         number of weeks with q < 1 - ε        ε = .02 of Q, or a tenth of the depth where that is smaller
    loss             A = Σ (1 - q_t)⁺                      in weeks of output (Bruneau et al. 2003)
    recovery         first week after the trough with q ≥ 1 - ε for 8 weeks on end; NaN if not before the horizon
    overshoot        max q - 1 after the trough
    hysteresis gap   1 - mean of q over the last 26 weeks
    index            1 - A / T

Source: MODEL.md 5.6. Its ε is .02 throughout; a shock to one sector that costs less than 2 % of the economy would then have no duration
at all, so ε shrinks with the depth here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..result import Result

THRESHOLD = 0.02  # ε; MODEL.md 5.6
SHARE_OF_DEPTH = 0.1  # the same, relative to the depth; assumption
RECOVERED_WEEKS = 8
LAST_WEEKS = 26
NO_EFFECT = 1e-9  # a smaller depth is rounding


@dataclass(frozen=True)
class Resilience:
    """Per run, (R,): depth 1, trough week, duration wk, loss weeks of output, recovery week (NaN: not yet), overshoot, gap, index 1."""

    depth: np.ndarray
    trough: np.ndarray
    duration: np.ndarray
    loss: np.ndarray
    recovery: np.ndarray
    overshoot: np.ndarray
    hysteresis_gap: np.ndarray
    index: np.ndarray


MEASURES = {  # name → unit
    "depth": "1", "trough": "wk", "duration": "wk", "loss": "weeks of output", "recovery": "wk", "overshoot": "1", "hysteresis_gap": "1",
    "index": "1",
}  # fmt: skip


def resilience(result: Result, variant: str, name: str = "real_value_added") -> Resilience:
    """Resilience of a variant against the baseline, for a metric without an axis. Raises InputError for unknown names."""
    q = result.relative(name).values[result.variant(variant)]
    return Resilience(*(np.array(column, dtype=float) for column in zip(*(_of_path(path) for path in q), strict=True)))


def _of_path(q: np.ndarray) -> tuple[float, ...]:
    depth = max(1.0 - q.min(), 0.0)
    depth = depth if depth > NO_EFFECT else 0.0
    trough = int(q.argmin()) if depth else 0
    threshold = min(THRESHOLD, SHARE_OF_DEPTH * depth)
    low = q < 1.0 - threshold if depth else np.zeros(len(q), dtype=bool)
    loss = np.maximum(1.0 - q, 0.0).sum() if depth else 0.0
    overshoot = max(q[trough:].max() - 1.0, 0.0)
    return depth, trough, low.sum(), loss, _recovery(low, trough), overshoot, 1.0 - q[-LAST_WEEKS:].mean(), 1.0 - loss / len(q)


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
