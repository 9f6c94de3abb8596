"""The state of a run: tables of typed columns, and the supply network that joins their rows.

Tables and what a row is
    firms       one firm for the whole run (rows are only ever appended); large firms and SMBs alike, told apart by `kind`
    slots       one input group of one firm: (customer, supplying sector); goods of one sector are substitutes, so stocks live here
    links       one supplier of one slot; the rows stand in customer order (customer, group, supplier)
    households  one cell: region × class, row 2 r + class (worker 0, owner 1)
    regions, sectors, accounts
    policies    one policy of the scenario, by name; opened when a plan is made (`State.enact`)

Index arrays (n firms, s slots, m links)
    slot_start      (n+1,)  slots of firm i are slot_start[i] : slot_start[i+1]
    link_start      (s+1,)  links of slot s are link_start[s] : link_start[s+1]
    customer_start  (n+1,)  links into firm i are customer_start[i] : customer_start[i+1]
    by_supplier     (m,)    links sorted by (supplier, customer), made on demand; supplier_start (n+1,) cuts them by supplier
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .kernel import Pieces, Rows, kernel
from .rows import Moves, cut_rows, find, move_owners, move_starts, pick_rows, sort_rows, spans
from .schema import Column, nearest

SMB, LARGE = 0, 1
KINDS = ("smb", "large")
WORKER, OWNER = 0, 1
CLASSES = ("worker", "owner")
THREADS_FROM = 30_000  # firms from which a week is faster on several threads; measured by `smbsim bench`
EVERYWHERE = -1  # region of a large firm
UNLIMITED = 1e300  # finite, so that every column stays finite
LANES = 32  # sums of a total that a processor adds to side by side; of fewer it makes no vectors
NO_ROWS = np.empty(0, dtype=np.int64)
NEVER = 2**30  # a week that does not come
MEMORY = 156  # weeks for which the rule of a policy remembers what it saw; a bound for its windows
CAUSES = ("none", "illiquid", "insolvent", "voluntary", "retirement", "merger")  # of the exit of a firm
NONE, ILLIQUID, INSOLVENT, VOLUNTARY, RETIREMENT, MERGER = range(len(CAUSES))

STRUCTURE = (
    Column("uid", "1", 0, "Identity of the firm for the whole run; random numbers are keyed to it", dtype="i8", low=0),
    Column("alive", "1", 1, "The firm exists", dtype="b1"),
    Column("kind", "1", SMB, "0 small or medium, 1 large firms of the sector as one row", dtype="i1", low=0, high=1, entrant="copied"),
    Column("sector", "1", 0, "Row of the sector", dtype="i4", low=0, entrant="copied"),
    Column("region", "1", 0, "Row of the region; -1 everywhere", dtype="i4", low=-1),
    Column("born", "wk", 0, "Week of entry; 0 or less for firms of the start", dtype="i4"),
    Column("cash", "currency", 0.0, "Deposits of the firm; below zero an overdraft"),
    Column("spendable", "currency", UNLIMITED, "What the firm can still pay this week; without limit where finance is off"),
    Column("customer", "1", 0, "Firm that uses the input", axis="slot", dtype="i4", low=0),
    Column("group", "1", 0, "Sector that supplies the input", axis="slot", dtype="i4", low=0),
    Column("supplier", "1", 0, "Firm that sells", axis="link", dtype="i4", low=0),
    Column("buyer", "1", 0, "Firm that buys", axis="link", dtype="i4", low=0),
    Column("slot", "1", 0, "Slot of the buyer that the link fills", axis="link", dtype="i4", low=0),
    Column("deposits", "currency", 0.0, "Deposits of the household cell", axis="household"),
    Column("population_share", "1", 1.0, "Share of the region in the households of the economy", axis="region", low=0, high=1),
    Column("balance", "currency", 0.0, "Deposits of the account; below zero a debt to the bank", axis="account"),
    Column("support", "currency", 0.0, "Support the firm was given so far, by policy", width="policy"),
    Column("support_level", "1", 0.0, "Level at which each policy supports the firm this week", width="policy"),
    Column("entitled", "wk", NEVER, "First week in which the firm met the conditions, by policy", width="policy", dtype="i4"),
    Column("rule_level", "1", 1.0, "Level at which its rule runs the policy; 1 without a rule", axis="policy", low=0),
    Column("region_on", "1", 1.0, "The policy's experiment has it on in the region", axis="policy", width="region", low=0, high=1),
    Column("seen", "1", 0.0, "What the rule was told of its metric, by week modulo their number", axis="policy", width=MEMORY),
    Column("seen_from", "wk", NEVER, "First week that it was told of", axis="policy", dtype="i4"),
    Column("in_a_row", "1", 0, "Reviews in a row at which the rule would have switched on", axis="policy", dtype="i4", low=0),
    Column("on_until", "wk", 0, "Week until which a warning keeps the policy on", axis="policy", dtype="i4"),
    Column("error_sum", "1", 0.0, "Sum of the errors of a PI rule", axis="policy"),
    Column("learned", "1", 0, "Windows in which a rule learned what is usual", axis="policy", dtype="i4", low=0),
    Column("usual", "1", 0.0, "Mean of its indicators of slowing down in them", axis="policy", width=2),
    Column("region_before", "1", 0.0, "Mean of the metric before an experiment", axis="policy", width="region"),
    Column("region_after", "1", 0.0, "The same at its end", axis="policy", width="region"),
    Column("effect", "1", 0.0, "Effect that an experiment found", axis="policy"),
    Column("direction", "1", 0.0, "Last move of the level: 1 up, -1 down", axis="policy", low=-1, high=1),
    Column("turns", "1", 0, "How often the level turned", axis="policy", dtype="i4", low=0),
    Column("claimed", "currency", 0.0, "What the firm will be given by each policy when it is due", width="policy", low=0),
    Column("policy_factor", "1", 1.0, "Factor of shocks on the strength of the policy", axis="policy", low=0),
    Column("most", "currency", UNLIMITED, "Most that the policy gives one firm in all", axis="policy", low=0),
    Column("committed", "currency", 0.0, "Taken from the budget so far: paid, deferred or guaranteed", axis="policy", low=0),
    Column("committed_before", "currency", 0.0, "The same when the running year of the policy began", axis="policy", low=0),
    Column("left", "currency", 0.0, "What the budget still allows this week", axis="policy", low=0),
    Column("spent", "currency", 0.0, "Paid by the state under the policy so far, taxes deferred included", axis="policy"),
    Column("returned", "currency", 0.0, "Paid back to the state so far: fees, deferred taxes", axis="policy"),
)

PAGE = 4096  # bytes that a system hands out together: a column of fewer saves nothing by being zero
TABLES = {
    "firm": "firms", "slot": "slots", "link": "links", "household": "households",
    "region": "regions", "sector": "sectors", "account": "accounts", "policy": "policies",
}  # fmt: skip


def _with_room(n: int) -> int:
    """Rows for which a table of n rows has memory: half as many more."""
    return n + n // 2


def layout(column: Column) -> str:
    """How a column with a second axis lies in memory. Of slots week by week, as a phase needs one week of all; of others row by row."""
    return "F" if column.axis == "slot" else "C"


def filled(shape: tuple[int, ...], column: Column, n: int) -> np.ndarray:
    """A column whose first n rows are at its default, with room for more.

    The system hands out pages when they are written to: room that nobody uses takes no memory, nor does a column of zeros.
    """
    if not column.default:
        return np.zeros(shape, column.dtype, layout(column))
    new = np.empty(shape, column.dtype, layout(column))
    new[:n] = column.default
    return new


def extended(values: np.ndarray, rows: int, column: Column) -> np.ndarray:
    """A copy with room for so many rows; zeros stay without memory."""
    if rows == len(values) and values.nbytes < PAGE:
        return values.copy(layout(column))
    new = filled((rows, *values.shape[1:]), column, 0)
    if column.default or (values.T if layout(column) == "F" else values).view(np.uint8).any():  # by bytes: -0.0 is copied
        new[: len(values)] = values
    return new


class Table:
    """Equal-length columns. `table.cash` is a view of the n rows in use; write into it, never rebind it."""

    def __init__(self, axis: str, n: int, room: int = 0):
        """n: rows in use; room: rows for which there is memory, if more."""
        self.__dict__.update(axis=axis, n=n, _rows=max(n, room), columns={}, _buffers={})

    def add(self, column: Column, width: int | None = None) -> None:
        """Allocate a column at its default; width is the length of a second axis."""
        shape = (self._rows,) if width is None else (self._rows, width)
        self.columns[column.name] = column
        self._buffers[column.name] = filled(shape, column, self.n)
        self._show(column.name)

    def append(self, rows: int) -> slice:
        """Add rows at the end, every column at its default; room grows by half when it is used up. Returns the new rows."""
        first = self.n
        self._resize(first + rows)
        return slice(first, self.n)

    def _resize(self, n: int) -> None:
        """Use n rows; those that come into use are at the default."""
        if n > self._rows:
            rows = max(n, _with_room(self._rows))
            for name, column in self.columns.items():
                self._buffers[name] = extended(getattr(self, name), rows, column)
                self._show(name)  # one after the other, so that what it was goes
            self.__dict__["_rows"] = rows
        for name, column in self.columns.items():
            if column.default:  # zeros are there: whoever leaves rows leaves zeros
                self._buffers[name][self.n : n] = column.default
        self.__dict__["n"] = n
        for name in self.columns:
            self._show(name)

    def inherited(self, models: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
        """What new rows take over from these rows, by `Column.entrant`. models (k,) rows; size (k,) relative to the model."""
        taken = {}
        for name, column in self.columns.items():
            if column.entrant is not None:
                values = getattr(self, name)[models]
                scaled = column.entrant == "scaled"
                taken[name] = values * size.reshape(-1, *[1] * (values.ndim - 1)) if scaled else values
        return taken

    def fill(self, rows: np.ndarray | slice, values: Mapping[str, np.ndarray]) -> None:
        """Write values, by column, into these rows."""
        for name, value in values.items():
            getattr(self, name)[rows] = value

    def rearrange(self, move: Moves, threads: int) -> None:
        """Rows go, rows come at the default of every column, and those between them move, in place."""
        self._resize(max(move.n, self.n))
        move(((self._buffers[name], column.default) for name, column in self.columns.items()), threads)
        self._resize(move.n)

    def whole(self, name: str) -> np.ndarray:
        """A column with the spare rows behind those in use: so a ring of weeks has one layout for kernels, however many they are."""
        return self._buffers[name]

    def widen(self, name: str, width: int) -> None:
        """Give the second axis of a column a new, larger length; what is added is at the default."""
        old = self._buffers[name]
        self._buffers[name] = filled((old.shape[0], width), self.columns[name], self.n)
        self._buffers[name][: self.n, : old.shape[1]] = old[: self.n]
        self._show(name)

    def take(self, order: np.ndarray) -> Table:
        """A new table with the rows in the given order."""
        rows = {name: np.asarray(getattr(self, name)[order], order=layout(column)) for name, column in self.columns.items()}
        return self._with(rows, len(order))

    def _with(self, values: dict[str, np.ndarray], n: int) -> Table:
        new = Table(self.axis, n)
        new.columns.update(self.columns)
        new._buffers.update(values)
        for name in values:
            new._show(name)
        return new

    def _show(self, name: str) -> None:
        self.__dict__[name] = self._buffers[name][: self.n]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self.axis} table: unknown column '{name}'.{nearest(name, self.__dict__.get('columns', ()))}")

    def __setattr__(self, name: str, value) -> None:
        raise AttributeError(f"write into the column: {TABLES[self.axis]}.{name}[:] = …")

    def __deepcopy__(self, memo) -> Table:
        return self._with({name: extended(getattr(self, name), self.n, column) for name, column in self.columns.items()}, self.n)

    def __getstate__(self):
        values = {name: np.asarray(getattr(self, name), order=layout(column)) for name, column in self.columns.items()}
        return {"axis": self.axis, "columns": self.columns, "values": values, "n": self.n}

    def __setstate__(self, saved) -> None:
        self.__dict__.update(axis=saved["axis"], n=saved["n"], _rows=saved["n"], columns=saved["columns"], _buffers=saved["values"])
        for name in self.columns:
            self._show(name)


class State:
    """All arrays of one run. It holds data; mechanisms change it, `simulate` moves it forward."""

    def __init__(
        self,
        columns: Iterable[Column],
        *,
        sectors: Sequence[str],
        regions: Sequence[str],
        accounts: Sequence[str],
        firms: Mapping[str, np.ndarray],
        slots: tuple[np.ndarray, np.ndarray],
        links: tuple[np.ndarray, np.ndarray, np.ndarray],
        widths: Mapping[str, int],
    ):
        """Allocate every column and build the index arrays; the layout of the network is made here and nowhere else.

        firms  : values of structural columns, each (n,)
        slots  : (customer, group), each (s,), sorted, no pair twice
        links  : (supplier, customer, group), each (m,), sorted by (customer, group, supplier); every (customer, group) is a slot
        widths : length of each named second axis besides "sector", "region" and "account"
        """
        n = len(firms["sector"])
        self.sector_codes, self.region_names, self.account_names = tuple(sectors), tuple(regions), tuple(accounts)
        self.policy_names: tuple[str, ...] = ()
        self.widths = {**widths, "sector": len(sectors), "region": len(regions), "account": len(accounts), "policy": 0}
        sizes = {
            "firm": n, "slot": len(slots[0]), "link": len(links[0]), "household": len(CLASSES) * len(regions),
            "region": len(regions), "sector": len(sectors), "account": len(accounts), "policy": 0,
        }  # fmt: skip
        self.firms, self.slots, self.links, self.households, self.regions, self.sectors, self.accounts, self.policies = (
            Table(axis, sizes[axis], _with_room(sizes[axis])) for axis in TABLES
        )
        for column in (*STRUCTURE, *columns):
            self.allocate(column)
        for name, values in firms.items():
            getattr(self.firms, name)[:] = values
        self._join(slots, links)
        self.flows: dict[tuple[str, str, str], float] = {}  # (flow, payer, payee) -> money moved this week
        self.events: list[tuple[int, str]] = []  # (week, what happened), for what is rare enough to be told
        self.set_threads(1)

    def allocate(self, column: Column) -> None:
        """Add one column to its table at its default."""
        width = self.widths[column.width] if isinstance(column.width, str) else column.width
        self.table(column.axis).add(column, None if column.width == 1 else width)  # a named width of 1 still is a second axis

    def _join(self, slots, links) -> None:
        self.slots.customer[:], self.slots.group[:] = slots
        self.links.supplier[:], self.links.buyer[:], group = links[0], links[1], np.asarray(links[2], dtype=np.int32)
        match_slots(self.slots.customer, self.slots.group, self.links.buyer, group, self.links.slot)
        assert np.min(self.links.slot, initial=0) >= 0, "a link has no slot, or stands before its turn"
        self._index()

    def _index(self) -> None:
        """Make the index arrays from the rows of slots and links."""
        n = self.firms.n
        self.slot_start, self.link_start = _cut(self.slots.customer, n), _cut(self.links.slot, self.slots.n)
        self.customer_start, self.supplier_start = self.link_start[self.slot_start], _cut(self.links.supplier, n)
        self._by_supplier = None

    @property
    def by_supplier(self) -> np.ndarray:
        """(m,) links sorted by (supplier, customer); made when first asked for after a change of the links."""
        if self._by_supplier is None:
            self._by_supplier = np.empty(self.links.n, dtype=np.int64)
            sort_rows(self.links.supplier, self.supplier_start[:-1].copy(), self._by_supplier)  # customers ascending per supplier
        return self._by_supplier

    def _slot_key(self, customer, group) -> np.ndarray:
        """One number per (customer, group), in the order in which slots stand."""
        return np.asarray(customer, dtype=np.int64) * len(self.sector_codes) + group

    def slot_rows(self, customer: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Rows of the slots (customer, group), which must be there."""
        return find(customer, group, self.slot_start, self.slots.group)[0]

    def link_rows(self, slot: np.ndarray, supplier: np.ndarray) -> np.ndarray:
        """Rows of the links from these suppliers to these slots, -1 where there is none."""
        row, there = find(slot, supplier, self.link_start, self.links.supplier)
        return np.where(there, row, -1)

    def slots_of(self, firms: np.ndarray) -> np.ndarray:
        """Rows of the slots of these firms, firm by firm. firms (k,) rows."""
        return spans(self.slot_start, firms)

    def links_filling(self, slots: np.ndarray) -> np.ndarray:
        """Rows of the links that fill these slots, slot by slot. slots (k,) rows."""
        return spans(self.link_start, slots)

    def links_into(self, firms: np.ndarray) -> np.ndarray:
        """Rows of the links by which these firms buy, firm by firm. firms (k,) rows."""
        return spans(self.customer_start, firms)

    def links_out_of(self, firms: np.ndarray) -> np.ndarray:
        """Rows of the links by which these firms sell, firm by firm. firms (k,) rows."""
        if self._by_supplier is not None:
            return self.by_supplier[spans(self.supplier_start, firms)]
        some, which = np.unique(firms, return_inverse=True)
        start = np.concatenate([[0], np.cumsum(self.supplier_start[some + 1] - self.supplier_start[some])])
        wanted, free, rows = (
            np.zeros(self.firms.n, dtype=np.bool_),
            np.zeros(self.firms.n, dtype=np.int64),
            np.empty(start[-1], dtype=np.int64),
        )
        wanted[some], free[some] = True, start[:-1]
        pick_rows(self.links.supplier, wanted, free, rows)
        return rows[spans(start, which)]

    def by_key(self, rows: np.ndarray, key: np.ndarray, keys: int) -> tuple[np.ndarray, np.ndarray]:
        """These firms by key, those of one key by uid, so that it does not matter in which rows they stand; and where each key begins.

        rows (k,) ascending; key (n,) in [0, keys). Returns rows (k,) and starts (keys + 1,).
        """
        uid = self.firms.uid[rows]
        if np.any(uid[1:] < uid[:-1]):
            rows = rows[np.argsort(uid)]
        owner, order = key[rows].astype(np.int32), np.empty(len(rows), dtype=np.int64)
        start = _cut(owner, keys)
        sort_rows(owner, start[:-1].copy(), order)
        return rows[order], start

    def allow_threads(self, threads: int) -> None:
        """Use up to so many threads: one where there are too few firms for more to pay."""
        self.set_threads(threads if self.firms.n >= THREADS_FROM else 1)

    def set_threads(self, threads: int, blocks: int | None = None) -> None:
        """Cut the rows into blocks for the given number of threads. Results do not depend on it."""
        self.customers = Rows(self.customer_start + self.slot_start, threads, blocks)  # rows of firms, as buyers
        self.suppliers = Rows(self.supplier_start, threads, blocks)  # rows of firms, as sellers
        self.pieces = Pieces(self.customer_start, self.firms.n, threads)  # rows of firms, as buyers, for sums by seller

    def rows(self, k: int) -> Rows:
        """So many rows with equal work each, as the firms that decide this week, for the threads of this state."""
        return Rows(np.arange(k + 1), self.customers.threads)

    def table(self, axis: str) -> Table:
        """The table of an axis: firm, link, slot, sector, …. Raises KeyError for another."""
        return getattr(self, TABLES[axis])

    def account(self, name: str) -> int:
        """Row of an account."""
        return self.account_names.index(name)

    def enact(self, names: Iterable[str]) -> list[int]:
        """Open the books of policies; those that are open go on. Returns the row of each."""
        new = [name for name in names if name not in self.policy_names]
        if new:
            self.policy_names += tuple(new)
            self.policies.append(len(new))
            self.widths = {**self.widths, "policy": len(self.policy_names)}
            for name, column in self.firms.columns.items():
                if column.width == "policy":
                    self.firms.widen(name, len(self.policy_names))
        return [self.policy_names.index(name) for name in names]

    def ring_places(self, t: int) -> tuple[int, int]:
        """Positions of week t in the rings of goods in transit, of links and of imports."""
        return t % self.widths["lead"], t % self.widths["import_lead"]

    # -- sums -------------------------------------------------------------------------------------------------------------------------

    def by_sector(self, values: np.ndarray) -> np.ndarray:
        """(n,) per firm → (G,) per sector."""
        totals = np.zeros(len(self.sector_codes))
        sum_by(self.firms.sector, 0, np.ascontiguousarray(values, dtype=np.float64), totals)
        return totals

    def by_region(self, values: np.ndarray) -> np.ndarray:
        """(n,) per firm → (R,) per region. What belongs to a firm that is everywhere is spread by population."""
        totals = np.zeros(len(self.region_names) + 1)
        sum_by(self.firms.region, EVERYWHERE, np.ascontiguousarray(values, dtype=np.float64), totals)
        return totals[1:] + self.regions.population_share * totals[0]

    def by_region_and_sector(self, values: np.ndarray) -> np.ndarray:
        """(n,) per firm → (R, G); firms that are everywhere are left out."""
        R, G = len(self.region_names), len(self.sector_codes)
        totals = np.zeros((1 + R) * G)  # of firms that are everywhere first
        sum_by(self.firms.region * G + self.firms.sector, EVERYWHERE * G, np.ascontiguousarray(values, dtype=np.float64), totals)
        return totals.reshape(1 + R, G)[1:]

    def sum_slots(self, values: np.ndarray) -> np.ndarray:
        """(s,) per slot → (n,) per customer."""
        total = np.empty(self.firms.n)
        self.customers.run(sum_rows, self.slot_start, values, total)
        return total

    def sum_by_customer(self, values: np.ndarray) -> np.ndarray:
        """(m,) per link → (n,) per customer."""
        total = np.empty(self.firms.n)
        self.customers.run(sum_rows, self.customer_start, values, total)
        return total

    def sum_by_supplier(self, values: np.ndarray) -> np.ndarray:
        """(m,) per link → (n,) per supplier."""
        return self.add_by_supplier(add_to_suppliers, self.customer_start, self.links.supplier, values)

    def add_by_supplier(self, function: Callable, *arrays, out: np.ndarray | None = None) -> np.ndarray:
        """(n,) per supplier: what function(start, stop, *arrays, totals) adds to totals (n,) for the links into the firms [start, stop).

        out (n,): where it goes
        """
        total = np.empty(self.firms.n) if out is None else out
        self.suppliers.run(add_parts, self.pieces.add(function, *arrays), total)
        return total

    def sum_links(self, values: np.ndarray) -> np.ndarray:
        """(m,) per link → (s,) per slot."""
        total = np.empty(self.slots.n)
        sum_rows(0, self.slots.n, self.link_start, values, total)
        return total

    # -- rows -------------------------------------------------------------------------------------------------------------------------

    def append_firms(self, **values: np.ndarray) -> slice:
        """Append firms without links; columns not named start at their default, uids go on unless given. Returns the new rows."""
        new = len(next(iter(values.values())))
        first = int(self.firms.uid.max(initial=-1)) + 1
        given = values.get("uid", ())
        assert np.min(given, initial=first) >= first or not np.isin(given, self.firms.uid).any(), "a uid is never used twice"
        rows = self.firms.append(new)
        self.firms.fill(rows, {"uid": np.arange(first, first + new), **values})
        for starts in ("slot_start", "customer_start", "supplier_start"):
            old = getattr(self, starts)
            setattr(self, starts, np.concatenate([old, np.full(new, old[-1])]))
        self.set_threads(self.customers.threads)
        return rows

    def rewire(
        self,
        *,
        links: Sequence[np.ndarray] = ((), (), ()),
        slots: Sequence[np.ndarray] = ((), ()),
        gone_links: np.ndarray = NO_ROWS,
        gone_slots: np.ndarray = NO_ROWS,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Change who supplies whom; the one place where the layout changes after it was made. What stays keeps its columns.

        links      : (supplier, customer, group) of new links, in any order; each pair once, to a slot that is there or new
        slots      : (customer, group) of new slots, in any order
        gone_links : rows of links that go, ascending. gone_slots : the same of slots; the links of a slot that goes must go

        Returns the rows of the new links and of the new slots, in the order given, all columns but the structural ones at their default.
        """
        customer, group = (np.asarray(part, dtype=np.int64) for part in slots)
        supplier, buyer, bought = (np.asarray(part, dtype=np.int64) for part in links)
        slot, known = find(buyer, bought, self.slot_start, self.slots.group)
        place, there = self.link_start[slot], np.zeros(len(slot), dtype=bool)  # the links of a new slot stand before those of the next
        place[known], there[known] = find(slot[known], supplier[known], self.link_start, self.links.supplier)
        assert np.isin(place[there], gone_links).all(), "a new row is there already"
        opened = self._open_slots(customer, group, gone_slots, gone_links)
        slot, known = find(buyer, bought, self.slot_start, self.slots.group)
        assert known.all(), "a link to a slot that is not there"
        made, same_slots = np.empty(len(slot), dtype=np.int64), len(opened) + len(gone_slots) == 0
        if same_slots and len(made) + len(gone_links) == 0:
            return made, opened
        starts = [(self.customer_start, buyer, self.links.buyer), (self.supplier_start, supplier, self.links.supplier)]
        for start, come, owner in (*starts, (self.link_start, slot, self.links.slot))[: 2 + same_slots]:
            move_starts(start, np.sort(come), np.sort(owner[gone_links]).astype(np.int64))
        order = _in_order(slot, supplier)
        move = Moves(self.links.n, place[order], gone_links)
        made[order] = move.made
        self.links.rearrange(move, self.customers.threads)
        self.links.supplier[made], self.links.buyer[made], self.links.slot[made] = supplier, buyer, slot
        if not same_slots:
            self.link_start = _cut(self.links.slot, self.slots.n)
        self._by_supplier = None
        self.set_threads(self.customers.threads)
        return made, opened

    def _open_slots(self, customer, group, gone, gone_links) -> np.ndarray:
        """Drop slots and make new ones; the links that stay know their new rows. Returns the rows of the new slots."""
        opened = np.empty(len(customer), dtype=np.int64)
        if len(opened) + len(gone) == 0:
            return opened
        place, there = find(customer, group, self.slot_start, self.slots.group)
        assert np.isin(place[there], gone).all(), "a new row is there already"
        assert np.isin(self.links_filling(gone), gone_links).all(), "a link outlives its slot"
        order = _in_order(customer, group)
        move = Moves(self.slots.n, place[order], gone)
        opened[order] = move.made
        move_owners(self.links.slot, self.link_start, move.first, move.stop, move.shift)
        self.slots.rearrange(move, self.customers.threads)
        self.slots.customer[opened], self.slots.group[opened] = customer, group
        self.slot_start = _cut(self.slots.customer, self.firms.n)
        return opened

    def relabelled(self, order: np.ndarray) -> State:
        """The same economy with firm order[i] in row i: an equal state under other row numbers. order (n,) a permutation."""
        new = copy.copy(self)
        rank = np.empty(self.firms.n, dtype=np.int64)
        rank[order] = np.arange(self.firms.n)
        slot_order = np.lexsort((self.slots.group, rank[self.slots.customer]))
        link_order = np.lexsort((rank[self.links.supplier], self.slots.group[self.links.slot], rank[self.links.buyer]))
        new.firms, new.slots, new.links = self.firms.take(order), self.slots.take(slot_order), self.links.take(link_order)
        for name in ("households", "regions", "sectors", "accounts", "policies", "flows", "events"):
            setattr(new, name, copy.deepcopy(getattr(self, name)))
        slots = (rank[self.slots.customer][slot_order], new.slots.group.copy())
        links = (rank[self.links.supplier][link_order], rank[self.links.buyer][link_order], self.slots.group[self.links.slot][link_order])
        new._join(slots, links)
        new.set_threads(self.customers.threads)
        return new

    def copy(self) -> State:
        """An independent copy."""
        return copy.deepcopy(self)

    # -- checks -----------------------------------------------------------------------------------------------------------------------

    def money(self) -> float:
        """All deposits less all bank loans (currency): constant, because loans create deposits and every payment has a payee."""
        loans = total(self.firms.debt) if "debt" in self.firms else 0.0
        return total(self.firms.cash) + total(self.households.deposits) + total(self.accounts.balance) - loans

    def check(self, where: str = "") -> None:
        """Every column finite and within its bounds.

        Raises ValueError naming the table, the column, how many values are wrong and the first of them.
        """
        for table in (getattr(self, name) for name in TABLES.values()):
            for name, column in table.columns.items():
                values = getattr(table, name)
                if values.size == 0:
                    continue
                least, most = np.minimum.reduce(values, axis=None), np.maximum.reduce(values, axis=None)  # half the time of min, max
                if not (math.isfinite(least) and math.isfinite(most)):  # a NaN anywhere makes both NaN
                    raise ValueError(self._complaint(table, name, ~np.isfinite(values), "not finite", where))
                if column.low is not None and least < column.low:
                    raise ValueError(self._complaint(table, name, values < column.low, f"below {column.low:g}", where))
                if column.high is not None and most > column.high:
                    raise ValueError(self._complaint(table, name, values > column.high, f"above {column.high:g}", where))

    def _complaint(self, table: Table, name: str, wrong: np.ndarray, what: str, where: str) -> str:
        rows = np.unique(np.nonzero(wrong)[0])
        ids = table.uid[rows[:3]] if "uid" in table else rows[:3]
        label = "uids" if "uid" in table else "rows"
        return (
            f"{TABLES[table.axis]}.{name}: {len(rows)} values {what}{f' {where}' if where else ''}, first {label} {[int(i) for i in ids]}"
        )

    def __getstate__(self):
        hidden = ("customers", "suppliers", "pieces")
        return {**{k: v for k, v in self.__dict__.items() if k not in hidden}, "threads": self.customers.threads}

    def __setstate__(self, saved) -> None:
        threads = saved.pop("threads")
        self.__dict__.update(saved)
        self.set_threads(threads)


def _cut(owner: np.ndarray, owners: int) -> np.ndarray:
    """(owners + 1,) the first row of each owner, and the number of rows."""
    start = np.zeros(owners + 1, dtype=np.int64)
    cut_rows(owner, start)
    return start


def _in_order(owner: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(k,) places of new rows in the order in which they will stand; no pair twice."""
    key = owner * (np.max(member, initial=0) + 1) + member
    order = np.argsort(key, kind="stable")  # which takes no time where they are in order
    assert np.all(np.diff(key[order]) > 0), "a new row is there twice"
    return order


@kernel
def match_slots(customer, group, buyer, bought, slot):
    """The slot of each link, in one pass along both, which ascend by (customer, group); -1 where there is none.

    customer, group (s,); buyer, bought (m,); writes slot (m,)
    """
    k = 0
    for e in range(buyer.size):
        while k < customer.size and (customer[k] < buyer[e] or (customer[k] == buyer[e] and group[k] < bought[e])):
            k += 1
        there = k < customer.size and customer[k] == buyer[e] and group[k] == bought[e]
        slot[e] = k if there else -1


@kernel
def two_sum(a, b):
    """t = a + b, and what this addition loses, exactly: (a - (t - z)) + (b - z) with z = t - a (Knuth)."""
    t = a + b
    z = t - a
    return t, (a - (t - z)) + (b - z)


@kernel
def total(values):
    """Σ values, compensated. values (n,).

    LANES sums go side by side, row i in lane i mod LANES, so that a processor adds many at a time, and that rows of zeros appended to the
    table do not change a bit.
    """
    s, lost = np.zeros(LANES + 1), np.zeros(LANES + 1)  # the last one joins the others
    whole = values.size - values.size % LANES
    for first in range(0, whole, LANES):
        for k in range(LANES):
            s[k], error = two_sum(s[k], values[first + k])
            lost[k] += error
    for k in range(values.size - whole):
        s[k], error = two_sum(s[k], values[whole + k])
        lost[k] += error
    for k in range(LANES):
        s[LANES], error = two_sum(s[LANES], s[k])
        lost[LANES] += error + lost[k]
    return s[LANES] + lost[LANES]


@kernel
def sum_by(key, first, values, totals):
    """totals_k += Σ values of the rows whose key is first + k, added in order. key, values (n,); writes totals (keys,)."""
    at, s = 0, totals[0]  # the total that is being added to: rows of one key often follow each other
    for i in range(key.size):
        if key[i] - first != at:
            totals[at] = s
            at = key[i] - first
            s = totals[at]
        s += values[i]
    totals[at] = s


@kernel
def sum_rows(start, stop, row_start, values, total):
    """total_i = Σ values[row_start_i : row_start_{i+1}], added in order. row_start (n+1,); values (m,); writes total (n,)."""
    for i in range(start, stop):
        s = 0.0
        for k in range(row_start[i], row_start[i + 1]):
            s += values[k]
        total[i] = s


@kernel
def add_to_suppliers(first, last, customer_start, supplier, values, totals):
    """totals_j += Σ values_e over the links e from j into the firms first … last - 1, link by link.

    customer_start (n+1,); supplier, values (m,); adds to totals (n,)
    """
    for e in range(np.uint64(customer_start[first]), np.uint64(customer_start[last])):
        totals[np.uint32(supplier[e])] += values[e]


@kernel
def add_parts(start, stop, parts, total):
    """total_i = Σ_k parts_ki, added in order. parts (K, n); writes total (n,)."""
    for i in range(start, stop):
        s = parts[0, i]
        for k in range(1, parts.shape[0]):
            s += parts[k, i]
        total[i] = s
