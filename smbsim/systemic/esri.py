r"""The economic systemic risk index (ESRI): what part of an economy is lost when a firm, or any set of firms, stops.

    σ_j   = min(1, s_j / Σ_{l in sector(j)} s_l h^d_l)                    market share of a supplier among those left
    h^d_i ← min{ψ_i, min_k [1 - Σ_{j in k} Λ^{d1}_{ji} σ_j (1 - h^d_j)], 1 - Σ_{j linear} Λ^{d2}_{ji} σ_j (1 - h^d_j)}
            Λ^{d1}_{ji} = W_ji / Σ_{l in sector(j)} W_li ,  Λ^{d2}_{ji} = W_ji / Σ_l W_li          k: sectors of essential inputs
    h^u_j ← min{ψ_j, (Σ_i W_ji h^u_i + f_j) / s_j}
    ESRI  = Σ_j v_j (1 - min(h^u_j, h^d_j))

All h are computed from those of the sweep before, downstream and upstream side by side, until no h of either changes by the tolerance.

symbol  name                 unit                    symbol  name            unit
W       weight               currency per time       ψ       psi             1; capacity that is left
s       sales: Σ_i W_ji + f  currency per time       v       size, weight    shares of one
f       final_sales          currency per time       σ       market_share    1

The market share is recomputed in every sweep; `static` keeps that of the network at rest, `off` is a share of one. Without final
sales in s the upstream loss of a strongly connected network tends to everything, at any firm (MODEL.md 4.18): leave them out only to
reproduce values published so. The tolerance moves scores: at the published 1e-2 by up to 0.025 (MODEL.md section 8, rule 5).

Source: Diem, Borsos, Reisch, Kertész and Thurner (2022), Scientific Reports 12:7719.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..schema import InputError
from ..state import LARGE
from . import cascade
from . import layout as layouts
from .layout import ESSENTIAL, LINEAR, NONE

if TYPE_CHECKING:
    from ..network import FirmNetwork
    from ..state import State

MARKET_SHARE = {"dynamic": cascade.DYNAMIC, "static": cascade.STATIC, "off": cascade.OFF}
COMPONENTS = ("both", "up", "down")
PRECISION = {"double": np.float64, "single": np.float32}
MOST_LANES = 256  # more would only take memory
BATCH = 16  # closures per lane that a thread takes at a time: few enough for a progress bar, enough to keep the lanes full
BATCHES_PER_THREAD = 4  # a batch is at most so small a part of what each thread has left to do


@dataclass(frozen=True, eq=False)
class RiskNetwork:
    """What the index needs of an economy of n firms and m links. Flows may be annual or weekly, in any one currency."""

    supplier: np.ndarray  # (m,) row of the firm that sells
    customer: np.ndarray  # (m,) row of the firm that buys
    weight: np.ndarray  # (m,) currency per time, 0 or more
    sector: np.ndarray  # (n,) 0, 1, 2, …; goods of one sector are substitutes
    essentiality: np.ndarray  # (m,) 0 none, 1 linear, 2 essential
    final_sales: np.ndarray | None = None  # (n,) currency per time sold outside links; default 0
    size: np.ndarray | None = None  # (n,) weight of the firm in the index; default its sales
    closed: np.ndarray | None = None  # rows that are closed one by one when nobody says which; default all

    @property
    def n(self) -> int:
        """Number of firms."""
        return len(self.sector)

    def sales(self, final_sales: bool = True) -> np.ndarray:
        """(n,) s: sold along links, and to final use if that counts."""
        sold = np.bincount(self.supplier, self.weight, self.n)
        return sold + self.final_sales if final_sales and self.final_sales is not None else sold


@dataclass(frozen=True, eq=False)
class Risk:
    """Scores of k closures. All are shares of one."""

    esri: np.ndarray  # (k,) weight lost, up- and downstream combined
    up: np.ndarray  # (k,) upstream alone; nan where it was not asked for
    down: np.ndarray  # (k,) downstream alone; nan where it was not asked for
    iterations: np.ndarray  # (k,) sweeps until nothing changed by the tolerance
    losses: np.ndarray | None  # (k, n) loss of every firm, if asked for
    closures: np.ndarray | None  # (k,) rows, each closed alone; None where capacities were given


# -- networks -----------------------------------------------------------------------------------------------------------------------------


def of_state(state: State, large_firms: bool = False) -> RiskNetwork:
    """The network of a state at rest, weekly flows.

    A row that stands for all large firms of a sector is part of the network, but is not closed unless asked: it is not a firm.
    """
    firms, links = state.firms, state.links
    return RiskNetwork(
        supplier=links.supplier.astype(np.int64),
        customer=links.buyer.astype(np.int64),
        weight=state.slots.order[links.slot] * links.weight,
        sector=firms.sector.astype(np.int64),
        essentiality=state.slots.essentiality[links.slot],
        final_sales=firms.final_sales.copy(),
        closed=np.flatnonzero(firms.alive & ((firms.kind != LARGE) | large_firms)),
    )


def of_firms(network: FirmNetwork, essentiality_table: np.ndarray | None = None) -> RiskNetwork:
    """The network of a user, annual flows; final sales that are not given count as none.

    essentiality_table : (G, G) 0, 1 or 2 by supplying and buying sector, for links that do not say; without one these are linear

    Raises InputError if the table has no row for a sector, or suppliers of one sector differ for a customer.
    """
    group, user = network.sector[network.supplier], network.sector[network.customer]
    essentiality = np.full(len(network.supplier), LINEAR)
    if essentiality_table is not None:
        table, sectors = np.asarray(essentiality_table), int(network.sector.max(initial=-1)) + 1
        if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < sectors:
            raise InputError(f"essentiality: the table is {' × '.join(map(str, table.shape))}, but there are {sectors} sectors")
        essentiality = table[group, user]
    given = network.essentiality >= 0
    return RiskNetwork(
        supplier=network.supplier,
        customer=network.customer,
        weight=network.weight,
        sector=network.sector,
        essentiality=np.where(given, network.essentiality, essentiality),
        final_sales=np.nan_to_num(network.final_sales, nan=0.0),
    )


def check(network: RiskNetwork) -> None:
    """Raise InputError with a line for each kind of mistake."""
    n, m, lines = network.n, len(network.supplier), []

    def refuse(wrong: np.ndarray, what: str, values: np.ndarray, allowed: str) -> None:
        if np.any(wrong):
            e = int(np.flatnonzero(wrong)[0])
            more = int(np.count_nonzero(wrong)) - 1
            lines.append(f"{what} {e}: {values[e]} {allowed}{f' (and {more} more)' if more else ''}")

    for name in ("customer", "weight", "essentiality"):
        if len(getattr(network, name)) != m:
            lines.append(f"{name} has {len(getattr(network, name))} values, but supplier has {m}")
    for name in ("supplier", "customer", "sector", "essentiality", "closed"):
        values = getattr(network, name)
        if values is not None and np.asarray(values).size and np.asarray(values).dtype.kind not in "iu":
            lines.append(f"{name} must hold whole numbers")
    for name in ("final_sales", "size"):
        values = getattr(network, name)
        if values is not None and len(values) != n:
            lines.append(f"{name} has {len(values)} values, but there are {n} firms")
    if lines:
        raise InputError(*lines)
    for name in ("supplier", "customer"):
        rows = getattr(network, name)
        refuse((rows < 0) | (rows >= n), f"{name} of link", rows, f"is not a row of the {n} firms")
    if network.closed is not None:
        refuse((network.closed < 0) | (network.closed >= n), "closed", network.closed, f"is not a row of the {n} firms")
    refuse(network.sector < 0, "sector of firm", network.sector, "is not a row of a sector")
    refuse(~np.isin(network.essentiality, (NONE, LINEAR, ESSENTIAL)), "essentiality of link", network.essentiality, "must be 0, 1 or 2")
    refuse(~_amounts(network.weight), "weight of link", network.weight, "must be a finite number, 0 or more")
    for name in ("final_sales", "size"):
        if (values := getattr(network, name)) is not None:
            refuse(~_amounts(values), f"{name} of firm", values, "must be a finite number, 0 or more")
    if not lines:
        key = network.supplier * np.int64(n) + network.customer
        order = np.argsort(key, kind="stable")
        twice = np.zeros(m, dtype=bool)
        twice[order[1:]] = key[order[1:]] == key[order[:-1]]
        pairs = [f"from firm {j} to firm {i}" for j, i in zip(network.supplier[twice], network.customer[twice], strict=True)]
        if pairs:
            more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
            lines.append(f"link {int(np.flatnonzero(twice)[0])}: there is already a link {pairs[0]}{more}")
    if lines:
        raise InputError(*lines)


def _amounts(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) & (values >= 0)


# -- the index ----------------------------------------------------------------------------------------------------------------------------


def esri(
    network: RiskNetwork,
    closures: Sequence[int] | None = None,
    *,
    psi: np.ndarray | None = None,
    tolerance: float = 1e-6,
    market_share: Literal["dynamic", "static", "off"] = "dynamic",
    component: Literal["both", "up", "down"] = "both",
    final_sales: bool = True,
    weight: np.ndarray | None = None,
    threads: int = 1,
    lanes: int = 16,
    precision: Literal["double", "single"] = "double",
    losses: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Risk:
    """The index of every firm, of the firms in `closures` (each closed alone), or of the capacities in `psi`.

    closures     : (k,) rows; default all that the network says
    psi          : (k, n) capacity left of every firm, 0 closed, 1 untouched; instead of closures
    tolerance    : largest change of an h in the last sweep; 1e-2 in published values
    final_sales  : whether they count as sales that are not lost upstream
    weight       : (n,) of every firm in the index, for example its jobs; default `network.size`, default of that its sales
    lanes        : closures solved side by side once they reach much of the network, rounded up to a multiple of 16; results depend
                   neither on it nor on threads
    precision    : "single" takes half the memory where closures stand side by side; scores are then right to about 1e-5
    losses       : whether to return the loss of every firm in every closure
    progress     : called with the number of closures done and of all, in the calling thread

    Raises InputError if the network or an argument is wrong.
    """
    check(network)
    _check_arguments(tolerance, market_share, component, threads, lanes, precision)
    rows, start, shut, loss = _closures(network, closures, psi)
    size = _size(network, weight, final_sales)
    rules = layouts.Rules(float(tolerance), MARKET_SHARE[market_share], component != "up", component != "down", cascade.SPARSE)
    order = np.argsort(network.sector, kind="stable")
    layout = layouts.build(network, order, size, rules, final_sales, PRECISION[precision])
    k, rank = len(start) - 1, np.argsort(order)
    work = layouts.Closures(
        queue=np.argsort(rank[shut[start[:-1]]] if rows is not None else np.zeros(k), kind="stable"),
        start=start,
        row=rank[shut].astype(np.uint32),
        loss=loss,
        esri=np.zeros(k),
        up=np.zeros(k),
        down=np.zeros(k),
        iterations=np.zeros(k, dtype=np.int64),
        losses=np.zeros((k if losses else 0, network.n)),
        firm=order,
    )
    _run(layout, rules, work, threads, lanes, PRECISION[precision], progress or (lambda done, total: None))
    missing = np.full(k, np.nan)
    return Risk(
        esri=work.esri,
        up=work.up if rules.up else missing,
        down=work.down if rules.down else missing,
        iterations=work.iterations,
        losses=work.losses if losses else None,
        closures=rows,
    )


def _check_arguments(tolerance, market_share, component, threads, lanes, precision) -> None:
    lines = [
        f"{name} = '{value}' must be one of {', '.join(allowed)}"
        for name, value, allowed in (
            ("market_share", market_share, MARKET_SHARE), ("component", component, COMPONENTS), ("precision", precision, PRECISION),
        )
        if value not in allowed
    ]  # fmt: skip
    if not (np.isfinite(tolerance) and tolerance > 0):
        lines.append(f"tolerance = {tolerance} must be a number above 0")
    if threads < 1:
        lines.append(f"threads = {threads} must be 1 or more")
    if not 1 <= lanes <= MOST_LANES:
        lines.append(f"lanes = {lanes} must be 1 to {MOST_LANES}")
    if lines:
        raise InputError(*lines)


def _closures(network: RiskNetwork, rows, psi) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray]:
    """Rows closed one by one, or None; and of every closure the firms that are shut and how far: (k+1,) start, firm, loss."""
    n = network.n
    if psi is None:
        rows = rows if rows is not None else network.closed if network.closed is not None else range(n)
        rows = np.asarray(rows).reshape(-1)
        if rows.size and rows.dtype.kind not in "iu":
            raise InputError(f"closures must be rows of firms, whole numbers; found {rows.dtype}")
        rows = rows.astype(np.int64)
        if np.any(wrong := (rows < 0) | (rows >= n)):
            raise InputError(f"closure {rows[wrong][0]} is not a row of the {n} firms")
        return rows, np.arange(rows.size + 1), rows, np.ones(rows.size)
    if rows is not None:
        raise InputError("closures and psi are two ways to say the same: give one of them")
    psi = np.asarray(psi, dtype=np.float64)
    if psi.ndim != 2 or psi.shape[1] != n:
        raise InputError(f"psi is {' × '.join(map(str, psi.shape))}, but must have a column for each of the {n} firms")
    if np.any(wrong := ~((psi >= 0) & (psi <= 1))):
        c, i = np.argwhere(wrong)[0]
        raise InputError(f"psi of closure {c}, firm {i}: {psi[c, i]:g} is outside [0, 1]")
    closure, shut = np.nonzero(psi < 1)
    return None, np.searchsorted(closure, np.arange(len(psi) + 1)), shut, 1.0 - psi[closure, shut]


def _size(network: RiskNetwork, weight: np.ndarray | None, final_sales: bool) -> np.ndarray:
    """(n,) weights in the index, as shares of one."""
    if weight is None:
        weight = network.size if network.size is not None else network.sales(final_sales)
    weight = np.asarray(weight, dtype=np.float64)
    if weight.shape != (network.n,):
        raise InputError(f"weight has {' × '.join(map(str, weight.shape))} values, but there are {network.n} firms")
    if not np.all(_amounts(weight)):
        i = int(np.flatnonzero(~_amounts(weight))[0])
        raise InputError(f"weight of firm {i}: {weight[i]:g} must be a finite number, 0 or more")
    if network.n and weight.sum() == 0:
        raise InputError("weight: all are 0, so there is nothing to lose")
    return weight / weight.sum()


def _batches(k: int, lanes: int, threads: int) -> Iterator[tuple[int, int]]:
    """(first, last) of each batch of the queue. They become smaller towards the end, so that no thread waits long for another."""
    first = 0
    while first < k:
        size = max(lanes, min(BATCH * lanes, (k - first) // (BATCHES_PER_THREAD * threads)))
        yield first, min(first + size, k)
        first += size


def _run(layout, rules, work, threads: int, lanes: int, dtype: type, progress: Callable[[int, int], None]) -> None:
    """Give batches of closures to threads, each with a workspace of its own."""
    k = len(work.queue)
    batches = list(_batches(k, lanes, threads))
    threads, done = max(1, min(threads, len(batches))), 0
    spaces: SimpleQueue = SimpleQueue()
    for _ in range(threads):
        spaces.put(layouts.workspace(layout, lanes, dtype))

    def solve(first: int, last: int) -> int:
        space = spaces.get()
        try:
            cascade.solve(layout, rules, work, first, last, space)
        finally:
            spaces.put(space)
        return last - first

    with ThreadPoolExecutor(threads, thread_name_prefix="smbsim") as pool:
        try:
            for future in as_completed([pool.submit(solve, *ends) for ends in batches]):
                done += future.result()
                progress(done, k)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
