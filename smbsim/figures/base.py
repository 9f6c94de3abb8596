"""What every figure shares: one palette, axes with units, numbers people can read, labels at the ends of lines, files that never differ.

Figures are made without pyplot and without global settings: STYLE holds while a function of this package draws, and no longer.
"""

from __future__ import annotations

import functools
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..result import BASELINE, Result

# Okabe and Ito (2008), "Color Universal Design", without yellow, which is too light for a line; dark and light colours alternate.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
NEUTRAL = "#7F7F7F"  # the baseline
INK, FAINT = "#333333", "#D9D9D9"
LINES = ("-", "--", ":")  # one turn of the palette each
SHADE = {"inner": 0.30, "outer": 0.13}  # opacity of the 25–75 and the 5–95 band
MOST_BANDS = 3  # with more variants than these only the inner band is drawn

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.unicode_minus": True,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    "savefig.facecolor": "white",
    "savefig.edgecolor": "white",
    "savefig.bbox": None,
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}
SMALL = 8.0  # points
GLYPH, BOLD = 0.53, 0.60  # mean width of a letter relative to its size, DejaVu Sans
RIGHTMOST = 0.8  # an axis that ends beyond this share of the figure has no axis to its right
LINE_HEIGHT = 1.3  # of a line of text relative to its size
DPI = 150
NOTEBOOK_DPI = 80
STEPS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
FIRST = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)  # % , borders of colour classes
MOST_CLASSES = 7  # of colour on each side of zero
STILL = 1e-12  # a smaller range is none
PARENTHESES, CUT = re.compile(r"\s*\([^)]*\)"), re.compile(r"[\s,:;]+…$")


def styled(draw: Callable) -> Callable:
    """Let STYLE hold while `draw` runs."""

    @functools.wraps(draw)
    def wrapped(*args, **kwargs):
        from matplotlib import rc_context

        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapped


# -- figures, axes, files -------------------------------------------------------------------------------------------------------------


def figure(width: float, height: float):
    """An empty figure, in inches, that pyplot does not know and notebooks show."""
    return _figure_class()(figsize=(width, height), layout="constrained", facecolor="white")


@functools.cache
def _figure_class():
    """matplotlib's figure with what a notebook asks for; without pyplot nothing else would answer."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            drawn = io.BytesIO()
            self.savefig(drawn, format="png", dpi=NOTEBOOK_DPI)
            return drawn.getvalue()

    return Shown


def axis(ax=None, width: float = 7.2, height: float = 3.8):
    """The axis given, or that of a new figure, without frame and with a faint grid."""
    ax = figure(width, height).subplots() if ax is None else ax
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=STYLE["xtick.labelsize"], colors=INK, length=3)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


@styled
def save(drawn, folder: str | Path, name: str, manifest_hash: str = "") -> list[Path]:
    """Write folder/name.svg and folder/name.png, the hash in their metadata. The same figure gives the same bytes.

    drawn: a figure or any of its axes
    """
    from matplotlib import rc_context

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fig = getattr(drawn, "figure", None) or drawn
    layout = fig.get_layout_engine()
    box = None if layout else "tight"
    if layout:  # settled once for both files
        layout.execute(fig)
        fig.set_layout_engine(None)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    with rc_context({"svg.hashsalt": f"smbsim {name}"}):
        about = {"Date": None, "Creator": "smbsim", "Title": name, "Identifier": manifest_hash}
        fig.savefig(svg, format="svg", dpi=DPI, bbox_inches=box, metadata=about)
    fig.savefig(png, format="png", dpi=DPI, bbox_inches=box, metadata={"Software": "smbsim", "Title": name, "Source": manifest_hash})
    if layout:
        fig.set_layout_engine(layout)
    return [svg, png]


# -- numbers and words ----------------------------------------------------------------------------------------------------------------


def step(largest: float) -> tuple[float, str]:
    """Divisor and its sign for numbers up to `largest`: 2.5e9 → (1e9, "bn")."""
    return next(((d, s) for d, s in STEPS if abs(largest) >= d), (1.0, ""))


def human(x: float, digits: int = 3) -> str:
    """A number people can read: 1234567 → 1.23 m, -0.5 → −0.5."""
    if not np.isfinite(x):
        return "–"
    x = float(f"{x:.{digits}g}") + 0.0  # rounded first: 999 999 is 1 m; -0 is 0
    divisor, sign = step(x)
    value = x / divisor
    text = f"{value:.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
    return f"{text} {sign}".strip().replace("-", "−")


def signed(x: float, unit: str = "") -> str:
    """With its sign and unit: −3.0 %, +1.5 bn currency, 0 %. Two digits, below a tenth one."""
    text = human(x, 1 if abs(x) < 0.1 else 2)
    if 0.95 <= abs(x) < 9.95:
        text = f"{x:.1f}".replace("-", "−")
    return f"{'+' if x > 0 and text != '0' else ''}{text} {unit}".strip()


def plain(x: float, _=None) -> str:
    """A tick: as short as it is exact."""
    return f"{x:g}".replace("-", "−")


def unit_of(unit: str, largest: float) -> tuple[float, str]:
    """How to write a unit on an axis: divisor of the numbers, text. Shares ("1") become percent."""
    if unit == "1":
        return 0.01, "%"
    divisor, sign = step(largest)
    return divisor, f"{sign} {unit}".strip()


def name_axis(ax, text: str, unit: str, divisor: float = 1.0, which: str = "y") -> None:
    """Label an axis with what it shows and the unit; divide its ticks."""
    from matplotlib.ticker import FuncFormatter

    line = ax.yaxis if which == "y" else ax.xaxis
    line.set_major_formatter(FuncFormatter(lambda x, _: plain(round(x / divisor, 10))))
    if which == "x":
        name_below(ax, f"{text} ({unit})")
    else:
        ax.set_ylabel(f"{text} ({unit})", fontsize=STYLE["axes.labelsize"])


def percent(ax, which: str = "y") -> None:
    """Ticks of an axis in percent of the numbers drawn."""
    from matplotlib.ticker import FuncFormatter

    line = ax.yaxis if which == "y" else ax.xaxis
    line.set_major_formatter(FuncFormatter(lambda x, _: plain(round(100 * x, 10))))


def name_weeks(ax, weeks: np.ndarray) -> None:
    """The time axis: from the first to the last week, whole weeks."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(weeks[0], weeks[-1]) if len(weeks) > 1 else ax.set_xlim(weeks[0] - 0.5, weeks[0] + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True, steps=[1, 2, 4, 5, 10]))
    name_below(ax, "Time (weeks)")


def name_below(ax, text: str, lines: int = 1) -> None:
    """Label the x axis below tick labels of so many lines. A fixed place: searching for one is a fifth of the time of a drawing."""
    from matplotlib.transforms import ScaledTranslation

    ax.set_xlabel(text, fontsize=STYLE["axes.labelsize"])
    down = (8 + lines * LINE_HEIGHT * STYLE["xtick.labelsize"]) / 72
    ax.xaxis.set_label_coords(0.5, 0, transform=ax.transAxes + ScaledTranslation(0, -down, ax.figure.dpi_scale_trans))


def balanced(text: str, width: int) -> str:
    """Wrapped to as few lines as `width` letters allow, all about equally long."""
    lines = max(len(textwrap.wrap(text, width)), 1)
    return next(filled for w in range(width // lines, width + 1) if (filled := textwrap.fill(text, w)).count("\n") < lines)


def headline(ax, title: str, below: str = "", names: float = 0.0) -> None:
    """The answer as a title and how to read the figure below it, both wrapped, starting `names` points left of the axis."""
    from matplotlib.transforms import ScaledTranslation

    size, box, total = STYLE["axes.titlesize"], ax.get_position(), ax.figure.get_figwidth() * 72
    width = (1 - box.x0) * total if box.x1 > RIGHTMOST else 1.15 * box.width * total  # up to the edge, or to the next axis
    width = max(width, total - 20 if names else 0)
    title = balanced(title.replace(" %", "\u00a0%"), max(int(width / (size * BOLD)), 16))
    below = textwrap.fill(below.replace(" %", "\u00a0%"), max(int(width / (SMALL * GLYPH)), 20))
    lines = below.count("\n") + 1 if below else 0
    text = ax.set_title(title, loc="left", y=1.0, fontsize=size, fontweight="bold", color=INK)  # y: matplotlib need not search
    up = 6 + lines * SMALL * LINE_HEIGHT  # points
    text.set_transform(ax.transAxes + ScaledTranslation(-names / 72, up / 72, ax.figure.dpi_scale_trans))
    if below:
        note = ax.annotate(
            below, (0, 1), xytext=(-names, 4), xycoords="axes fraction", textcoords="offset points", va="bottom",
            fontsize=SMALL, color="#666666",
        )  # fmt: skip
        note.set_in_layout(False)  # as titles: the layout must not make room for their width


def runs_in_words(n_runs: int, outer: bool = True) -> str:
    """What line and bands show."""
    if n_runs == 1:
        return "One run"
    return f"Median of {n_runs} runs; bands: 25–75 %" + (" and 5–95 % of runs" if outer else " of runs")


# -- variants and shocks --------------------------------------------------------------------------------------------------------------


def look(result: Result, variant: int) -> dict:
    """Colour and line of a variant: the baseline is grey, the others take the palette in order."""
    if result.variants[variant] == BASELINE:
        return {"color": NEUTRAL, "linestyle": "-"}
    k = sum(name != BASELINE for name in result.variants[:variant])
    return {"color": PALETTE[k % len(PALETTE)], "linestyle": LINES[k // len(PALETTE) % len(LINES)]}


def baseline_of(result: Result) -> int | None:
    """Row of the paired baseline; None if it is the only variant or was not run."""
    return result.variants.index(BASELINE) if BASELINE in result.variants and len(result.variants) > 1 else None


def shown(result: Result, variant: str | None) -> int:
    """Row of the variant asked for; by default the first that is not the baseline. Raises InputError naming the nearest."""
    if variant is not None:
        return result.variant(variant)
    return next((v for v, name in enumerate(result.variants) if name != BASELINE), 0)


def moves(result: Result, name: str) -> bool:
    """The series was recorded and changes from week to week in some run."""
    return name in result.series and bool(np.ptp(result[name].values, axis=2).max(initial=0.0) > STILL)


def windows(result: Result) -> list[tuple[float, float]]:
    """(start, stop) of every shock the manifest knows: lists called `shocks` (also `shocks+`) anywhere in it, in order of start."""
    found: set[tuple[float, float]] = set()

    def walk(node, in_shocks=False):
        if isinstance(node, dict):
            span = (node.get("start"), node.get("stop"))
            if in_shocks and all(isinstance(w, int | float) for w in span):
                found.add((float(span[0]), float(span[1])))
            for key, value in node.items():
                walk(value, str(key).rstrip("+") == "shocks")
        elif isinstance(node, list | tuple):
            for value in node:
                walk(value, in_shocks)

    if result.variants != (BASELINE,):  # without its shocks
        walk(result.manifest)
    return sorted(found)


def shade_windows(ax, result: Result, drawn: np.ndarray | None = None) -> None:
    """Shade the weeks in which a shock acts, clipped to the weeks shown. The limits must be final.

    drawn: (..., T) what is drawn there; the word "shock" goes to the side where it leaves more room.
    """
    first, last = float(result.weeks[0]), float(result.weeks[-1])
    spans = [(max(start, first), min(stop, last)) for start, stop in windows(result)]
    spans = [(start, stop) for start, stop in spans if start < stop]
    for start, stop in spans:
        ax.axvspan(start, stop, color="#F2EBDD", linewidth=0, zorder=0)
    if not spans or drawn is None:
        return
    start = spans[0][0]
    below_word = (result.weeks >= start) & (result.weeks <= start + 0.07 * (last - first))
    near = drawn[..., below_word]
    near = near[np.isfinite(near)]
    low, high = ax.get_ylim()
    top = not near.size or high - near.max() >= near.min() - low
    ax.annotate(
        "shock", (start, float(top)), xytext=(3, -3 if top else 3), xycoords=("data", "axes fraction"), textcoords="offset points",
        fontsize=SMALL, color="#8A7440", va="top" if top else "bottom",
    )  # fmt: skip


# -- labels and limits ----------------------------------------------------------------------------------------------------------------


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Positions in [low, high], in the same order and at least `gap` apart, as near to those wanted as can be (least squares)."""
    from scipy.optimize import isotonic_regression

    wanted = np.asarray(wanted, float)
    n = len(wanted)
    if n == 0:
        return wanted
    gap = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(wanted, kind="stable")
    offset = np.arange(n) * gap
    near = np.clip(isotonic_regression(wanted[order] - offset).x, low, high - offset[-1]) + offset
    out = np.empty(n)
    out[order] = near
    return out


def label_ends(ax, x: float, values: Sequence[float], texts: Sequence[str], colors: Sequence[str]) -> None:
    """Write each text to the right of its line's end (x, value), moved apart where they would overlap. Limits must be final."""
    known = [k for k, v in enumerate(values) if np.isfinite(v)]
    height = ax.get_position().height * ax.figure.get_figheight() * 72 * 0.85  # points, before the layout takes its share
    to_axes = ax.transScale + ax.transLimits
    at = np.array([to_axes.transform((x, values[k]))[1] * height for k in known])
    size = STYLE["font.size"]
    placed = spread(at, size * LINE_HEIGHT * 1.1 * (1 + max((texts[k].count("\n") for k in known), default=0)), 0.0, height)
    moved = bool(np.any(np.abs(placed - at) > 0.6 * size))
    for k, here, there in zip(known, at, placed, strict=True):
        leader = (
            {"arrowstyle": "-", "color": colors[k], "linewidth": 0.6, "shrinkA": 0, "shrinkB": 1, "relpos": (0, 0.5)} if moved else None
        )
        ax.annotate(
            texts[k], (x, values[k]), xytext=(16 if moved else 6, there - here), textcoords="offset points", color=colors[k],
            fontsize=size, va="center", annotation_clip=False, arrowprops=leader,
        )  # fmt: skip


def limits(low: float, high: float, least: float, include: Sequence[float] = (), margin: float = 0.12) -> tuple[float, float]:
    """Limits around [low, high] and `include`, never narrower than `least`, so that rounding does not look like news."""
    known = [x for x in (low, high, *include) if np.isfinite(x)] or [0.0]
    low, high = min(known), max(known)
    extra = max(least - (high - low), 0.0) / 2
    pad = margin * max(high - low, least)
    return low - extra - pad, high + extra + pad


def classes(values: np.ndarray) -> tuple[list[float], str]:
    """Borders of colour classes for differences in %: 1-2-5 steps on both sides of zero, finer near it; which ends are open."""
    known = values[np.isfinite(values)]
    largest = float(np.max(np.abs(known), initial=0.0))
    top = next((k for k, border in enumerate(FIRST) if border >= largest - 1e-9), len(FIRST) - 1)
    top = max(top, 3)
    borders = FIRST[max(top - MOST_CLASSES + 1, 0) : top + 1]
    return [*(-b for b in reversed(borders)), *borders], "both" if largest > FIRST[-1] else "neither"


def diverging(values: np.ndarray, middle: str = "#FAFAFA"):
    """Colour map and norm for differences in %: vermilion below zero, blue above, `middle` at it."""
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

    borders, extend = classes(values)
    colors = ["#6E2C00", "#D55E00", "#F2A673", "#FBE3D3", middle, "#D6E8F5", "#7DB5DE", "#0072B2", "#003B5C"]
    cmap = LinearSegmentedColormap.from_list("smbsim", colors).with_extremes(bad="#BBBBBB")
    return cmap, BoundaryNorm(borders, cmap.N, extend=extend)


def colorbar(ax, mappable, text: str, axes=None, location: str = "bottom"):
    """A thin bar with the borders of the classes as ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    across = location == "bottom"
    bar = ax.figure.colorbar(
        mappable, ax=ax if axes is None else axes, location=location, aspect=50 if across else 30, shrink=0.9, pad=0.03, spacing="uniform"
    )
    bar.outline.set_visible(False)
    bar.set_label(text, fontsize=SMALL + 0.5, color=INK)
    line = bar.ax.xaxis if across else bar.ax.yaxis
    line.set_major_locator(FixedLocator(mappable.norm.boundaries))
    line.set_major_formatter(FuncFormatter(plain))
    bar.ax.tick_params(labelsize=SMALL, colors=INK, length=0)
    bar.ax.minorticks_off()
    return bar


def sector_names(result: Result, longest: int = 40) -> list[str]:
    """Names of the sectors by row: name and code where the manifest has `sector_names`, else the code. Long names are cut at a word."""
    names = result.manifest.get("sector_names", {})
    texts = []
    for code in result.labels["sector"]:
        name = " ".join(PARENTHESES.sub("", names.get(code, "")).split()).replace(" ,", ",")
        short = textwrap.shorten(name, longest, placeholder="…")
        texts.append(f"{CUT.sub('…', short)} ({code})" if name else str(code))
    return texts


def width_of(texts: Sequence[str]) -> float:
    """Points that row names of size SMALL take, about."""
    return max((len(text) for text in texts), default=0) * SMALL * GLYPH + 14
