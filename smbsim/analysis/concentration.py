r"""How unequal a risk is: statistics of a ranking, beside the figures published for Hungary, and what they say in words.

    Gini     sum_ij |x_i - x_j| / (2 n² mean(x))
    plateau  firms whose index is at least 0.95 of the highest

Source of the published figures: Diem, Borsos, Reisch, Kertész and Thurner (2022), Scientific Reports 12, 7719.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

NEAR_TOP = 0.95  # share of the highest index from which a firm is on the plateau
HIGH = 0.01  # index from which Diem et al. count a firm as risky
MANY_MEANS = 10.0
MOSTLY_SIZE = 0.9  # rank correlation with size from which the words say that size explains the ranking; assumption
HUNGARY = {"firms": 91_595, "plateau_share": 0.00035, "plateau_index": 0.23, "above_1_percent": 0.002}  # Diem et al. (2022)

STATISTICS = {  # name → unit, what it is
    "firms": ("firms", "Firms closed, one at a time"),
    "mean": ("1", "Mean index"),
    "median": ("1", "Median index"),
    "highest": ("1", "Highest index"),
    "gini": ("1", "Gini coefficient of the index"),
    "above_1_percent": ("1", "Share of firms with an index above 0.01"),
    "above_10_means": ("1", "Share of firms with more than ten times the mean index"),
    "plateau": ("firms", "Firms with at least 0.95 of the highest index"),
    "plateau_share": ("1", "Share of firms with at least 0.95 of the highest index"),
    "plateau_index": ("1", "Mean index of these firms"),
    "spearman_size": ("1", "Spearman correlation of the index with the firm's share of output"),
}


def gini(x: np.ndarray) -> float:
    """Gini coefficient of non-negative numbers; nan where they sum to 0."""
    n, total = len(x), float(np.sum(x))
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(x) / (n * total)) if total > 0 else float("nan")


def statistics_of(x: np.ndarray, size: np.ndarray) -> dict[str, float]:
    """The numbers of STATISTICS, by name, of one ranking.

    x    : (n,) 1         index of every firm closed, >= 0
    size : (n,) any unit  what rank correlation is taken with; its output

    gini is NaN where all are 0, spearman_size NaN where all are equal or there are fewer than three. Raises ValueError for n = 0.
    """
    top = x >= NEAR_TOP * x.max()
    return {
        "firms": len(x), "mean": x.mean(), "median": np.median(x), "highest": x.max(), "gini": gini(x),
        "above_1_percent": np.mean(x > HIGH), "above_10_means": np.mean(x > MANY_MEANS * x.mean()),
        "plateau": int(top.sum()), "plateau_share": top.mean(), "plateau_index": x[top].mean(), "spearman_size": _spearman(x, size),
    }  # fmt: skip


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation; nan where all are equal or there are fewer than three."""
    from scipy.stats import rankdata

    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def in_words(s: Mapping[str, float], who: str, counted: str) -> list[str]:
    """s: statistics; who: name of the firm with the highest index, if there is one; counted: what a loss is counted in."""
    n, plateau = round(s["firms"]), round(s["plateau"])
    named = f" ({who})" if who else ""
    lines = [
        f"{n} firms closed one at a time: the median firm takes {_percent(s['median'])} of {counted} with it, the mean "
        f"{_percent(s['mean'])}, the highest {_percent(s['highest'])}{named}.",
        f"Concentration: Gini {s['gini']:.2f}; {_percent(s['above_1_percent'])} of firms are above 1 %, "
        f"{_percent(s['above_10_means'])} above ten times the mean.",
        f"Plateau: {plateau} firm{'s' * (plateau != 1)} ({_percent(s['plateau_share'])}) within 5 % of the highest index.",
    ]
    rho = s["spearman_size"]
    if np.isfinite(rho):
        meaning = "size explains most of the ranking" if rho > MOSTLY_SIZE else "size alone does not explain the ranking"
        lines.append(f"Size: rank correlation with output {rho:.{2 if rho < 0.995 else 3}f}; {meaning}.")
    h = HUNGARY
    lines.append(
        f"Hungary (Diem et al. 2022, 91 595 firms): {_percent(h['plateau_share'])} of firms carry about {h['plateau_index']} each, "
        f"{_percent(1 - h['above_1_percent'])} are below 1 %. Here {_percent(s['plateau_share'])} carry about {s['plateau_index']:.2g}, "
        f"{_percent(1 - s['above_1_percent'])} are below 1 %."
    )
    return lines


def _percent(x: float) -> str:
    """A share in percent with three digits, or as many as tell it from 100."""
    return f"{float(f'{100 * x:.3g}') if not 0.999 < x < 1 else 100 - float(f'{100 - 100 * x:.1g}'):.10g} %"
