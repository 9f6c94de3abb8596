"""Systemic risk: the ranking of firms with its plateau, the index against size, and who is hurt when the top firm closes.

Each function takes a `RiskTable` (of `analysis.risk_table`) and, if wanted, an axis; it returns the axis. RISK_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import base

NEAR_TOP = 0.95  # share of the highest index from which a firm is on the plateau
HIGH = 0.01  # index from which a firm counts as risky; Diem et al. (2022)
HUNGARY = (0.00035, 0.23)  # share of firms on the plateau, index there; Diem et al. (2022)
LEAST = 1e-7  # smallest index and share of output drawn
COLOURED = 6  # sectors with a colour of their own
SECTORS_SHOWN = 16  # rows of who_is_hurt; the others are one row
MOST_DOTS = 20_000
SHORT = 50  # a logarithmic axis that spans less has ticks at 1, 2 and 5
NAMED, FAR_ABOVE = 3, 3.0  # firms named in against_size: at most so many, from so many times the median multiple of their own output
MOSTLY_SIZE = 0.9  # rank correlation from which size explains the ranking; as in `analysis.concentration`
RELATIONS = ("the firm itself", "its customers", "its suppliers", "firms further away")
RELATION_COLORS = ("#333333", "#D55E00", "#0072B2", "#B9C9D6")  # itself, its customers, its suppliers, further away


def _percent(ax, which: str) -> None:
    """Ticks of shares in percent, as short as they are exact."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    line = ax.yaxis if which == "y" else ax.xaxis
    line.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.10g}".replace("-", "−")))
    line.set_minor_formatter(NullFormatter())


def _log(ax, low: float, high: float, which: str) -> None:
    """A logarithmic axis of shares from low to high."""
    from matplotlib.ticker import LogLocator

    (ax.set_yscale if which == "y" else ax.set_xscale)("log")
    (ax.set_ylim if which == "y" else ax.set_xlim)(low, high)
    if high < SHORT * low:
        (ax.yaxis if which == "y" else ax.xaxis).set_major_locator(LogLocator(subs=(1, 2, 5)))
    _percent(ax, which)


def _counted(risk) -> str:
    """What a loss is counted in."""
    weight = risk.manifest.get("asked", {}).get("weight", "output")
    return weight.removeprefix("region=") if not weight.startswith("region=") else f"output of {weight.removeprefix('region=')}"


def _share(x: float) -> str:
    """A share in percent with two digits, or as many as tell it from 100."""
    return f"{base.human(100 * x, 2)} %" if not 0.99 < x < 1 else f"{100 - float(f'{100 - 100 * x:.1g}'):.10g} %"


def _correlation(rho: float) -> str:
    """Two digits, or as many as tell it from one."""
    return f"{rho:.2f}" if rho < 0.995 else f"{rho:.4g}"


@base.styled
def ranking(risk, ax=None):
    """The index of every firm by its rank, both on logarithmic axes, with the plateau at the top.

    With several runs the line is the median of each rank over the runs, the bands 25–75 and 5–95 %.
    """
    ax = base.axis(ax, 7.2, 4.2)
    curves = [np.sort(risk.esri[risk.of_run(r)])[::-1] for r in range(len(risk.seeds))]
    n = min(map(len, curves))
    scores = np.maximum(np.stack([curve[:n] for curve in curves]), LEAST)
    rank, middle = np.arange(1, n + 1), np.median(scores, axis=0)
    color = base.PALETTE[0]
    if len(curves) > 1:
        for low, high, opacity in ((5, 95, base.SHADE["outer"]), (25, 75, base.SHADE["inner"])):
            ax.fill_between(rank, *np.percentile(scores, (low, high), axis=0), color=color, alpha=opacity, linewidth=0)
    ax.plot(rank, middle, color=color, marker="o" if n <= 40 else "", markersize=3)
    plateau = int(np.median([np.sum(curve >= NEAR_TOP * curve[0]) for curve in curves]))
    level = float(middle[:plateau].mean())
    ax.set_xscale("log")
    ax.set_xlim(0.9, n * 1.15)
    floor = max(float(middle[int(0.99 * (n - 1))]) / 3, LEAST)
    _log(ax, floor, float(scores.max()) * (1.5 if len(curves) > 1 else 2.2), "y")
    if floor < HIGH < ax.get_ylim()[1]:
        above = int(np.median([np.sum(curve > HIGH) for curve in curves]))
        ax.axhline(HIGH, color=base.NEUTRAL, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        ax.annotate(
            f"1 %: {base.human(above)} firm{'s' * (above != 1)} above", (1, HIGH), xycoords=("axes fraction", "data"), xytext=(-2, 3),
            textcoords="offset points", ha="right", fontsize=base.SMALL, color="#666666",
        )  # fmt: skip
    marked = {"color": base.PALETTE[1], "alpha": 0.6, "zorder": 3, "clip_on": False}
    ax.plot([1, plateau], [level, level], linewidth=6, solid_capstyle="round", marker="o", markersize=7, markeredgewidth=0, **marked)
    beside = min(1.5 * plateau, n)  # the label stands right of the plateau, above the band there
    top = float(np.exp(np.interp(np.log(beside), np.log(rank), np.log(np.percentile(scores, 95, axis=0)))))
    spread = np.percentile(scores[:, 0], (5, 95))
    said = f"plateau: {base.human(plateau)} firm{'s' * (plateau != 1)} at {_share(level)}"
    said += f" ({_share(spread[0])} to {_share(spread[1])})" if len(curves) > 1 else ""
    ax.annotate(
        said, (beside, max(top, level)), xytext=(4, 6), textcoords="offset points", color=base.PALETTE[1],
        fontsize=base.STYLE["font.size"], va="bottom",
    )  # fmt: skip
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: base.human(x)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    base.name_below(ax, "Rank of the firm (firms, log scale)")
    ax.set_ylabel(f"Systemic-risk index (% of {_counted(risk)}, log scale)", fontsize=base.STYLE["axes.labelsize"])
    carry = "1 firm carries" if plateau == 1 else f"{base.human(plateau)} firms carry"
    title = f"{carry} {_share(level)}{' each' * (plateau > 1)} ({_share(plateau / n)} of firms)"
    title += f"; {_share(np.mean(middle <= HIGH))} stay below 1 %"
    bands = "one run" if len(curves) == 1 else f"median of {len(curves)} reconstructions by rank; bands: 25–75 % and 5–95 %"
    share, index = HUNGARY
    base.headline(ax, title, f"'{risk.name}', {base.human(n)} firms closed one at a time, {bands}. "
                             f"Published for Hungary: {_share(share)} of firms at about {_share(index)}")  # fmt: skip
    return ax


@base.styled
def against_size(risk, ax=None):
    """The index of every firm of the first run against its share of output; the sectors with the riskiest firms have colours.

    On the line a firm takes no more with it than its own output.
    """
    ax = base.axis(ax, 7.2, 4.6)
    rows = risk.of_run(0)
    size, score, sector = np.maximum(risk.output_share[rows], LEAST), np.maximum(risk.esri[rows], LEAST), risk.sector[rows]
    highest, names = np.zeros(len(risk.sectors)), base.sector_names(risk, longest=24)
    np.maximum.at(highest, sector, score)
    present = [int(g) for g in np.argsort(-highest, kind="stable") if highest[g] > 0]
    order = np.argsort(score, kind="stable")
    order = order[:: -(-len(order) // MOST_DOTS) or 1]
    own = [float(np.min(np.concatenate([size, score]))), float(np.max(size))]
    low, high = (size.min() / 1.8, size.max() * 1.8), (min(score.min(), size.min()) / 1.8, min(score.max() * 2.5, 1.3))
    _log(ax, *low, "x")
    _log(ax, *high, "y")
    ax.plot([own[0], own[1] * 2], [own[0], own[1] * 2], color=base.INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    faint = order[~np.isin(sector[order], present[:COLOURED])]
    dots = {"s": 14 if len(order) < 3000 else 6, "linewidths": 0, "rasterized": True}
    ax.scatter(size[faint], score[faint], color="#BDBDBD", zorder=2, **dots)
    for k, g in enumerate(present[:COLOURED]):
        mine = order[sector[order] == g]
        ax.scatter(size[mine], score[mine], color=base.PALETTE[k], alpha=0.8, zorder=3, label=names[g], **dots)
    if len(present) > COLOURED:
        ax.scatter([], [], color="#BDBDBD", label="other sectors", **dots)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=base.SMALL, borderaxespad=0.2, handletextpad=0.2,
              markerscale=1.4)  # fmt: skip
    middle = np.sqrt(own[0] * own[1] * 1.0)
    ax.annotate("own output only", (middle, middle), xytext=(4, -11), textcoords="offset points", fontsize=base.SMALL, color=base.INK)
    base.name_below(ax, "Share of output (%, log scale)")
    ax.set_ylabel(f"Systemic-risk index (% of {_counted(risk)}, log scale)", fontsize=base.STYLE["axes.labelsize"])
    rho = float(risk.statistics["spearman_size"][0])
    multiple = score / size
    for k in np.argsort(-multiple, kind="stable")[:NAMED]:
        if multiple[k] > FAR_ABOVE * np.median(multiple):
            label = f"firm {risk.firm[rows[k]]}: {base.human(multiple[k], 2)} times"
            ax.annotate(label, (size[k], score[k]), xytext=(-5, 2), textcoords="offset points", ha="right", fontsize=base.SMALL)
    words = "Size explains the ranking" if rho > MOSTLY_SIZE else "Size alone does not explain the ranking"
    title = f"{words}: rank correlation {_correlation(rho)}" if np.isfinite(rho) else "All firms have the same index or the same size"
    k = int(np.argmax(multiple))
    takes = f"A firm takes {base.human(np.median(multiple), 2)} times its own output with it (median)"
    most = f"at most {base.human(multiple[k], 2)} times (firm {risk.firm[rows[k]]}, sector {risk.sectors[sector[k]]})"
    base.headline(ax, title, f"'{risk.name}', {base.human(len(rows))} firms{' of the first run' * (len(risk.seeds) > 1)}. {takes}, {most}")
    return ax


@base.styled
def who_is_hurt(risk, ax=None):
    """What every sector loses when the firm with the highest index of the first run closes, and how near to it the losers are.

    Bars sum to the index; the number behind each is the share of the sector's own output that is lost.
    """
    hurt = risk.hurt
    by_sector = hurt.loss.sum(axis=1)
    order = [int(g) for g in np.argsort(-by_sector, kind="stable") if by_sector[g] > 0]
    shown, rest = order[:SECTORS_SHOWN], order[SECTORS_SHOWN:]
    bars, shares, known = list(hurt.loss[shown]), list(hurt.share[shown]), base.sector_names(risk, longest=34)
    names = [known[g] for g in shown]
    if rest:
        bars.append(hurt.loss[rest].sum(axis=0))
        shares.append(hurt.share[rest].sum())
        names.append(f"{len(rest)} other sector{'s' * (len(rest) > 1)}")
    if not bars:
        bars, shares, names = [np.zeros(4)], [1.0], ["–"]
    bars, shares = np.array(bars), np.array(shares)
    own = ax is None
    ax = base.axis(ax, 7.2, 1.6 + 0.26 * max(len(bars), 5))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=base.FAINT, linewidth=0.6)
    y, left = np.arange(len(bars)), np.zeros(len(bars))
    for k, (name, color) in enumerate(zip(RELATIONS, RELATION_COLORS, strict=True)):
        if bars[:, k].any():
            ax.barh(y, bars[:, k], left=left, color=color, height=0.72, label=name)
        left += bars[:, k]
    longest = max(float(left.max()), LEAST)
    for row, (end, share) in enumerate(zip(left, shares, strict=True)):
        ax.annotate(_share(end / share) if share > 0 else "–", (end, row), xytext=(4, 0), textcoords="offset points", va="center",
                    fontsize=base.SMALL, color="#666666")  # fmt: skip
    ax.set_yticks(y, names, fontsize=base.SMALL if own else base.SMALL - 1)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_xlim(0, longest * 1.16)
    _percent(ax, "x")
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Sector (code)", fontsize=base.STYLE["axes.labelsize"])
    counted = _counted(risk)
    base.name_below(ax, f"Loss (% of {counted} of the economy)")
    if left.any():
        ax.legend(loc="lower right", frameon=False, fontsize=base.SMALL, title="The losers are", title_fontsize=base.SMALL)
    loss = hurt.loss.sum()
    near = hurt.loss[:, 1:3].sum()
    title = f"If firm {hurt.firm} (sector {hurt.sector}) closes, {_share(loss)} of {counted} is lost"
    title += f", {_share(near / loss)} of it by its own customers and suppliers" if loss > 0 else ""
    names_width = base.width_of(names) if own else 0.0
    base.headline(
        ax,
        title,
        f"'{risk.name}'{', first run' * (len(risk.seeds) > 1)}. Grey number: share of the sector's own {counted} that is lost",
        names_width,
    )
    return ax


RISK_FIGURES: dict[str, Callable] = {"ranking": ranking, "against_size": against_size, "who_is_hurt": who_is_hurt}


def draw_all(risk, folder: str | Path, manifest_hash: str = "") -> list[Path]:
    """Draw all of RISK_FIGURES into a folder, SVG and PNG. Returns the files written."""
    return [file for name, draw in RISK_FIGURES.items() for file in base.save(draw(risk), folder, name, manifest_hash)]
