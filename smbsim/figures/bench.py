"""What a week costs: by size beside what else computes it, and beside what memory allows.

Each function takes what `bench.ladder` measured and, if wanted, an axis; it returns the axis. BENCH_FIGURES is the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..bench.guard import counts
from . import base

SHOWN = {"core": "core of the week", "people": "every mechanism"}
PAIR = "A x and Aᵀ x, scipy"
PEERS = {"mesa": "Mesa", "numpy": "numpy and scipy", "graphblas": "GraphBLAS"}
NAMED_PHASES = 5  # of the core, the dearest
ROOM = 2.6  # factor of the x axis to the right of the last size, for the names


def _curves(found: dict, network: str) -> dict[str, dict[int, float]]:
    """Name → firms → seconds a week on one thread."""
    curves: dict[str, dict[int, float]] = {}
    for rung in found["rungs"]:
        if rung["network"] != network:
            continue
        for week in rung["weeks"]:
            if week["week"] in SHOWN and week["threads"] == 1:
                curves.setdefault(SHOWN[week["week"]], {})[rung["firms"]] = week["ms"] / 1e3
        for name, peer in rung["peers"].items():
            curves.setdefault(PEERS.get(name, name), {})[rung["firms"]] = peer["ms"] / 1e3
        curves.setdefault(PAIR, {})[rung["firms"]] = rung["pair_ms"] / 1e3
    return curves


def _network(found: dict) -> str:
    """That of the most rungs with peers, else of the first."""
    networks = [rung["network"] for rung in found["rungs"]]
    with_peers = [rung["network"] for rung in found["rungs"] if rung["peers"]]
    return max(with_peers or networks, key=(with_peers or networks).count)


@base.styled
def scaling(found: dict, ax=None):
    """Seconds a week against firms, one thread: the core, every mechanism, the sparse pair and the peers. Both axes are logarithmic."""
    network = _network(found)
    curves = _curves(found, network)
    ax = base.axis(ax, 7.2, 4.6)
    ax.set_xscale("log")
    ax.set_yscale("log")
    sizes = sorted({n for curve in curves.values() for n in curve})
    low, high = (f(t for curve in curves.values() for t in curve.values()) for f in (min, max))
    ax.set_xlim(sizes[0] / 1.4, sizes[-1] * 1.15)
    ax.set_ylim(low / 2, high * 2)
    order = sorted(curves, key=lambda name: -max(curves[name].values()) / max(curves[name]))
    colors = {PAIR: base.NEUTRAL, SHOWN["core"]: base.PALETTE[0], SHOWN["people"]: base.PALETTE[5]}
    others = iter((base.PALETTE[1], base.PALETTE[2], base.PALETTE[3]))
    for name in order:
        if name not in colors:
            colors[name] = next(others, base.INK)
        firms = sorted(curves[name])
        ax.plot(firms, [curves[name][n] for n in firms], marker="o", markersize=4, color=colors[name],
                linestyle="--" if name == PAIR else "-")  # fmt: skip
    whole = [name for name in order if max(curves[name]) == sizes[-1]]
    base.label_ends(ax, sizes[-1], [curves[name][sizes[-1]] for name in whole], whole, [colors[name] for name in whole])
    for name in set(order) - set(whole):  # a curve that ends early is named above its end
        last = max(curves[name])
        ax.annotate(name, (last, curves[name][last]), xytext=(6, 6), textcoords="offset points", color=colors[name], va="bottom")
    base.name_below(ax, "Firms, ten links each")
    ax.set_ylabel("Time of a week (s)")
    base.headline(ax, _scaling_title(curves), f"Network {network}, one thread; medians of {found['repeats']}")
    return ax


def _scaling_title(curves: dict[str, dict[int, float]]) -> str:
    core = curves[SHOWN["core"]]
    times = ", ".join(f"{name} {base.human(curve[max(curve)] / core[max(curve)], 2)} times ({base.human(max(curve))} firms)"
                      for name, curve in curves.items() if name in PEERS.values())  # fmt: skip
    if times:
        return f"How much longer than the core: {times}"
    return f"The core takes {base.human(core[max(core)], 2)} s a week at {base.human(max(core))} firms"


@base.styled
def roofline(found: dict, ax=None):
    """Links a second against bytes a link: the roofs are the triad on one thread and on all; on a roof, memory is the limit.

    Points are the core on the largest size of each network, on one thread and all, and its dearest phases on the first network.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    largest = max(rung["size"] for rung in found["rungs"])
    rungs = [rung for rung in found["rungs"] if rung["size"] == largest]
    points, phases = list(_cores(rungs)), _phases(rungs[0])
    ax = base.axis(ax, 7.2, 5.0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    across = [x for x, *_ in points] + [x for x, *_ in phases]
    up = [y for _, y, *_ in points] + [y for _, y, *_ in phases]
    ax.set_xlim(min(across) / 1.5, max(across) * 1.6)
    triad = {int(k): float(np.median([rung["triad_gb_s"][k] for rung in rungs])) for k in rungs[0]["triad_gb_s"]}
    ends = np.array(ax.get_xlim())
    for line in (ax.xaxis, ax.yaxis):
        line.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        line.set_major_formatter(FuncFormatter(base.plain))
        line.set_minor_formatter(NullFormatter())
    ax.set_ylim(min(up) / 2, max(max(up), 1e3 * max(triad.values()) / ends[0]) * 1.3)
    for k, rate in triad.items():
        ax.plot(ends, 1e3 * rate / ends, color=base.INK, linewidth=1.0, linestyle="-" if k == 1 else "--")
        top = rate == max(triad.values())
        where = ends[0] * 1.05 if top else ends[1] / 3.0  # where few points are
        text = f"triad, {k} thread{'s' if k > 1 else ''}: {rate:.3g} GB/s"
        down = float(np.degrees(np.arctan2(-1e3 * rate / where, where)))  # of the line, in the numbers drawn
        beside, edge = (1.08, "bottom") if top else (0.92, "top")
        ax.text(where, beside * 1e3 * rate / where, text, va=edge, rotation=down, rotation_mode="anchor", transform_rotates_text=True,
                fontsize=base.SMALL)  # fmt: skip
    colors = {rung["network"]: base.PALETTE[k] for k, rung in enumerate(rungs)}
    for x, y, network, threads, judged in points:
        filled = colors[network] if threads > 1 else "white"
        ax.plot(x, y, marker="o" if judged else "x", markersize=7, color=colors[network], markerfacecolor=filled, linestyle="none")
    for k, (x, y, name) in enumerate(sorted(phases)):
        ax.plot(x, y, marker=".", color=base.NEUTRAL, linestyle="none")
        left = k % 2 == 1  # neighbours are named on different sides, to the left above and to the right below
        ax.annotate(name, (x, y), xytext=(-5, 3) if left else (5, -3), textcoords="offset points", ha="right" if left else "left",
                    va="bottom" if left else "top",
                    fontsize=base.SMALL, color="#666666")  # fmt: skip
    for k, (network, color) in enumerate(colors.items()):
        ax.annotate(network, (1, 1), xycoords="axes fraction", xytext=(-4, -6 - 13 * k), textcoords="offset points", ha="right", va="top",
                    color=color, fontweight="bold")  # fmt: skip
    base.name_below(ax, "Bytes moved per link and week")
    ax.set_ylabel("Links per second (millions)")
    cores = [(week["share_of_triad"], counts(rung, week["threads"])) for rung in rungs for week in rung["weeks"] if week["week"] == "core"]
    best = max(share for share, judged in cores if judged)
    base.headline(
        ax, f"The core moves its bytes at up to {100 * best:.0f} % of the triad's rate",
        f"{base.human(largest)} firms. Rings: one thread; discs: all, crosses where the triad did not scale. Grey: phases of the core, "
        f"{rungs[0]['network']}, one thread",
    )  # fmt: skip
    return ax


def _cores(rungs: list[dict]) -> Iterator[tuple[float, float, str, int, bool]]:
    for rung in rungs:
        for week in rung["weeks"]:
            if week["week"] == "core":
                yield week["bytes_per_link"], 1e3 / week["ns_per_link"], rung["network"], week["threads"], counts(rung, week["threads"])


def _phases(rung: dict) -> list[tuple[float, float, str]]:
    """(bytes per link, millions of links a second, name) of the dearest phases of the core on one thread."""
    core = next(week for week in rung["weeks"] if (week["week"], week["threads"]) == ("core", 1))
    dearest = sorted(core["phases"].items(), key=lambda item: -item[1]["ms"])[:NAMED_PHASES]
    return [(phase["bytes"] / rung["links"], rung["links"] / phase["ms"] / 1e3, name.partition(": ")[2]) for name, phase in dearest]


BENCH_FIGURES: dict[str, Callable] = {"scaling": scaling, "roofline": roofline}


def draw_bench(found: dict, folder: str | Path) -> list[Path]:
    """Draw all of BENCH_FIGURES into a folder, SVG and PNG. Returns the files written."""
    return [file for name, draw in BENCH_FIGURES.items() for file in base.save(draw(found), folder, name)]
