r"""A supply network known firm by firm: read from lists of firms and links, checked, and completed from the ratios of an economy.

One format everywhere: `links.csv` has supplier, customer, weight[, essentiality]; `firms.csv` has firm, sector[, region, employment,
output, final_sales]; a directed graph (`graph`) has the same words as node and edge attributes. A link points from supplier to customer.
Amounts are annual, in base-year currency, of domestic goods. The region name "everywhere" is kept for rows that stand for all large firms
of a sector: they have no place, and they alone may supply themselves.

A mistake raises InputError with one line per mistake, in three stages of which a later one cannot be judged before the earlier is right:
files and columns; cells, names and pairs; sums. What the sums must satisfy, and how `complete` fills what is not given:

    S_i = sum of w_e over links out of i,   B_i = sum of w_e over links into i
    x_i = S_i + y_i,   B_i <= x_i                                    sold on links or outside; value added is not negative
    y_i = S_i phi_g / (1 - phi_g)                                    phi_g = F_g / X_g, what the sector sells to other than firms
    x_i = B_i / sum_h a_hg,  else e_i X_g / E_g                      of a firm that sells along no link
    e_i = x_i E_g / X_g

symbol      name                   unit                  symbol      name                                unit
w           weight                 base currency/yr      X_g, E_g    output, employment of the sector    base currency/yr, heads
x, y        output, final_sales    base currency/yr      F_g         its final uses and sales to accounts   base currency/yr
e           employment             heads                 a_hg        domestic inputs per unit of output  1
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .schema import InputError, nearest
from .state import EVERYWHERE

if TYPE_CHECKING:
    from .draws import Draws
    from .economy import Economy

AMOUNTS = ("employment", "output", "final_sales")
FIRM_COLUMNS = ("firm", "sector", "region", *AMOUNTS)
LINK_COLUMNS = ("supplier", "customer", "weight", "essentiality")
N_REQUIRED = {FIRM_COLUMNS: 2, LINK_COLUMNS: 3}  # the first so many columns of a file must be there
PARTNERS = LINK_COLUMNS[:2]  # columns in which few cells stand many times
LEVELS = (0, 1, 2)  # essentiality: none, partial, essential
NOT_GIVEN = -1
ONE_REGION = "all"  # the region of every firm where no column says
NO_REGION = "everywhere"

SUM_TOLERANCE = 1e-6  # relative; amounts are often written with six or seven digits
BATCH = 10_000  # rows of a file held at once
LARGE_FILE = 5_000_000  # characters from which on pandas is asked, which takes half a second to import and is ten times as fast
MOST_AMOUNT = 1e100  # so that no sum overflows
MOST_LINES = 20  # mistakes printed
MOST_NAMES_SEARCHED = 10_000  # firms among which a similar name is looked for; 20 searches take about a second


@dataclass(frozen=True, eq=False)
class FirmNetwork:
    """What a user knows of an economy firm by firm. n firms, m links; amounts are annual; arrays are read-only.

    Made by `read_network`, `from_edges` and the readers of `graph`, which check it; the constructor does not.
    """

    names: tuple[str, ...]  # (n,)
    sector: np.ndarray  # (n,) row in the sectors of the economy
    region: np.ndarray  # (n,) row in region_names, -1 everywhere
    region_names: tuple[str, ...]  # in the order in which they are met
    employment: np.ndarray  # (n,) heads; nan where not given
    output: np.ndarray  # (n,) base currency/yr; nan where not given
    final_sales: np.ndarray  # (n,) base currency/yr sold outside links; nan where not given
    supplier: np.ndarray  # (m,) row of the firm that sells
    customer: np.ndarray  # (m,) row of the firm that buys
    weight: np.ndarray  # (m,) base currency/yr, above 0
    essentiality: np.ndarray  # (m,) 0 none, 1 partial, 2 essential; -1 where not given; one value per customer and supplying sector

    def __post_init__(self):
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def sold(self) -> np.ndarray:
        """(n,) base currency/yr sold along links."""
        return np.bincount(self.supplier, self.weight, len(self.names))

    @property
    def bought(self) -> np.ndarray:
        """(n,) base currency/yr bought along links."""
        return np.bincount(self.customer, self.weight, len(self.names))


# -- tables and their mistakes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cells:
    """The raw cells of a table: strings of a file, or any values of a graph, where None is an empty cell."""

    source: str  # "links.csv"
    columns: dict[str, Sequence[Any]]
    at: Callable[[int], str]  # row -> "line 17"; with the source it names the row

    def where(self, row: int) -> str:
        """links.csv line 17: names a row in a message."""
        return f"{self.source} {self.at(row)}"


class Problems:
    """Mistakes found so far. Only as many are put into words as will be printed."""

    def __init__(self):
        self.count = 0
        self.lines: list[tuple[tuple[int, int], str]] = []

    def add(self, table: int, rows: Iterable[int], describe: Callable[[int], str]) -> None:
        """Rows (rising) of one table with the same mistake. table: 0 firms, 1 links, which are printed in this order."""
        rows = [int(row) for row in rows]
        self.count += len(rows)
        self.lines += [((table, row), describe(row)) for row in rows[:MOST_LINES]]

    def say(self, line: str) -> None:
        """A mistake of a whole file, printed before those of rows."""
        self.count += 1
        self.lines.append(((-1, 0), line))

    def stop(self) -> None:
        """Raise InputError with the first lines, if there are any."""
        if self.count:
            lines = [line for _, line in sorted(self.lines, key=lambda entry: entry[0])][:MOST_LINES]
            raise InputError(*lines, *([f"… and {self.count - len(lines)} more"] if self.count > len(lines) else []))


def similar(word: str, names: Sequence[str]) -> str:
    """A hint for an unknown firm; nothing where the list of firms is too long to search."""
    near = difflib.get_close_matches(word, names, n=1) if len(names) <= MOST_NAMES_SEARCHED else []
    return f". Did you mean '{near[0]}'?" if near else ""


# -- reading ------------------------------------------------------------------------------------------------------------------------------


def read_network(firms_csv: str | Path, links_csv: str | Path, sectors: Sequence[str]) -> FirmNetwork:
    """The network of two CSV files in UTF-8, columns in any order.

    sectors : codes of the economy; `FirmNetwork.sector` are rows of it

    Raises InputError with a line for every mistake (the first 20), naming file and line.
    """
    problems = Problems()
    firms = _read_csv(Path(firms_csv), FIRM_COLUMNS, problems)
    links = _read_csv(Path(links_csv), LINK_COLUMNS, problems)
    problems.stop()
    return assemble(firms, links, sectors)


def _read_csv(path: Path, columns: tuple[str, ...], problems: Problems) -> Cells | None:
    """The cells of one file, without blanks around them; None after a mistake that leaves nothing to look at."""
    name, text = path.name, _read_text(path, problems)
    if text is None:
        return None
    try:
        header, cells, ragged = _split_at_once(text) or _split(text)
    except csv.Error as error:
        problems.say(f"{name} line {_lines(text)[-1]}: {error}")
        return None
    if not header:
        problems.say(f"{name}: the file is empty")
        return None
    _check_header(name, header, columns, problems)
    lines = functools.cache(lambda: _lines(text)[1:])  # only a mistake asks for them
    found = Cells(name, dict(zip(header, cells, strict=True)), lambda k: f"line {lines()[k]}")
    if not len(cells[0]):
        problems.say(f"{name}: no rows below the header")
    table = int(columns is LINK_COLUMNS)
    problems.add(table, ragged, lambda k: f"{found.where(k)}: {ragged[k]} cells, but the header has {len(header)} columns")
    return found


def _read_text(path: Path, problems: Problems) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        problems.say(f"{path}: there is no such file")
    except OSError as error:
        problems.say(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.say(f"{path.name} line {line}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8")
    return None


class Coded(Sequence):
    """A column of which each different cell is held once: cell k is cells[code[k]]."""

    def __init__(self, cells: Sequence[str], code: np.ndarray):
        self.cells, self.code = cells, code

    def __len__(self) -> int:
        return len(self.code)

    def __getitem__(self, k):
        return self.cells[self.code[k]]


def _split(text: str) -> tuple[list[str], list[Sequence[str]], dict[int, int]]:
    """Header, columns, and the length of every row that has another width. Raises csv.Error."""
    rows = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))  # a blank line is an empty row
    header = [cell.strip() for cell in next(rows, ())]
    return header, *_transpose(rows, len(header))


def _split_at_once(text: str) -> tuple[list[str], list[Sequence[str]], dict[int, int]] | None:
    """The same of a large file in which every comma separates and every row is whole; None for others, which are read cell by cell.

    So whatever a quote or a row of another width means is said in one place only.
    """
    if len(text) < LARGE_FILE or '"' in text or "\0" in text or text.count("\r") != text.count("\r\n"):
        return None
    data = text.encode()
    header = [cell.strip() for cell in text[: text.find("\n")].split(",")]
    if not _is_rectangular(data, len(header)):
        return None
    import pandas  # half a second

    types = dict.fromkeys(range(len(header)), object) | {k: "category" for k, name in enumerate(header) if name in PARTNERS}
    found = pandas.read_csv(
        io.BytesIO(data), header=None, names=range(len(header)), skiprows=1, dtype=types, index_col=False, na_filter=False,
        quoting=csv.QUOTE_NONE, low_memory=False,
    )  # fmt: skip
    columns = []
    for k, name in enumerate(header):
        if name in PARTNERS:
            columns.append(Coded([cell.strip() for cell in found[k].cat.categories], found.pop(k).cat.codes.to_numpy()))
        else:
            columns.append([cell.strip() for cell in found.pop(k).tolist()])
    return header, columns, {}


def _is_rectangular(data: bytes, width: int) -> bool:
    """Every line that is not empty has as many commas as the first, which is not empty. No quotes in the data."""
    letter = np.frombuffer(data.rstrip(b"\r\n") + b"\n", dtype=np.uint8)
    end, comma = np.flatnonzero(letter == ord("\n")), np.flatnonzero(letter == ord(","))
    commas = np.diff(np.searchsorted(comma, end), prepend=0)
    blank = np.diff(end, prepend=-1) == 1
    blank |= (np.diff(end, prepend=-1) == 2) & (letter[end - 1] == ord("\r"))
    return not blank[0] and bool(np.all((commas == width - 1) | blank))


def _transpose(rows: Iterator[list[str]], width: int) -> tuple[list[list[str]], dict[int, int]]:
    """Rows as columns, in batches so that few rows are alive at once; and the length of every row that has another width."""
    columns: list[list[str]] = [[] for _ in range(width)]
    ragged, n = {}, 0
    while batch := list(itertools.islice(rows, BATCH)):
        ragged |= {n + k: len(row) for k, row in enumerate(batch) if len(row) != width}
        for column, cells in zip(columns, zip(*batch, strict=False), strict=False):
            column.extend(map(str.strip, cells))
        n += len(batch)
    return columns, ragged


def _lines(text: str) -> list[int]:
    """The line on which each row ends, header included and blank lines not; the last one is where reading stopped."""
    reader, lines = csv.reader(io.StringIO(text, newline=""), strict=True), []
    try:
        lines += (reader.line_num for row in reader if row)
    except csv.Error:
        lines.append(reader.line_num)
    return lines


def _check_header(name: str, header: list[str], columns: tuple[str, ...], problems: Problems) -> None:
    for column in dict.fromkeys(header):
        if column not in columns:
            problems.say(f"{name}: unknown column '{column}'.{nearest(column, columns)}")
        elif header.count(column) > 1:
            problems.say(f"{name}: column '{column}' is there {header.count(column)} times")
    for column in columns[: N_REQUIRED[columns]]:
        if column not in header:
            problems.say(f"{name}: column '{column}' is missing")


def assemble(firms: Cells, links: Cells, sectors: Sequence[str]) -> FirmNetwork:
    """A checked network from the cells of two tables. Raises InputError."""
    problems = Problems()
    names, rows = _names(firms, problems)
    sector = _sectors(firms, sectors, problems)
    region, region_names = _regions(firms, len(names), problems)
    amounts = {column: _numbers(firms, column, len(names), problems, table=0) for column in AMOUNTS}
    m = len(links.columns["supplier"])
    network = FirmNetwork(
        names=names,
        sector=sector,
        region=region,
        region_names=region_names,
        **amounts,
        supplier=_rows_of(links, "supplier", rows, firms.source, problems),
        customer=_rows_of(links, "customer", rows, firms.source, problems),
        weight=_weights(links, m, problems),
        essentiality=_levels(links, m, problems),
    )
    _check_pairs(network, links, problems)
    problems.stop()
    _check_essentiality(network, links, sectors, problems)
    _check_sums(network, firms, problems)
    problems.stop()
    return network


def _names(firms: Cells, problems: Problems) -> tuple[tuple[str, ...], dict[str, int]]:
    """(n,) names, and the first row of each that is not empty."""
    names = tuple(firms.columns["firm"])
    rows: dict[str, int] = {}
    repeated = [k for k, name in enumerate(names) if rows.setdefault(name, k) != k and name]
    rows.pop("", None)
    problems.add(0, repeated, lambda k: f"{firms.where(k)}: firm '{names[k]}' is there already, in {firms.at(rows[names[k]])}")
    problems.add(0, (k for k, name in enumerate(names) if not name), lambda k: f"{firms.where(k)}: firm is empty")
    return names, rows


def _sectors(firms: Cells, sectors: Sequence[str], problems: Problems) -> np.ndarray:
    """(n,) rows of the sector codes, -1 where unknown."""
    row_of = {code: g for g, code in enumerate(sectors)}
    cells = firms.columns["sector"]
    found = np.array([row_of.get(cell, -1) if isinstance(cell, str) else -1 for cell in cells], dtype=np.int64)

    def describe(k: int) -> str:
        if cells[k] in (None, ""):
            return f"{firms.where(k)}: sector is empty"
        if not isinstance(cells[k], str):
            return f'{firms.where(k)}: sector {cells[k]} is not text; write "{cells[k]}"'
        return f"{firms.where(k)}: unknown sector '{cells[k]}'.{nearest(cells[k], sectors)}"

    problems.add(0, np.flatnonzero(found < 0), describe)
    return found


def _regions(firms: Cells, n: int, problems: Problems) -> tuple[np.ndarray, tuple[str, ...]]:
    """(n,) rows of the region names, and the names in the order in which they are met."""
    if "region" not in firms.columns:
        return np.zeros(n, dtype=np.int64), (ONE_REGION,)
    cells = ["" if cell is None else str(cell) for cell in firms.columns["region"]]
    problems.add(0, (k for k, cell in enumerate(cells) if not cell), lambda k: f"{firms.where(k)}: region is empty")
    met = tuple(dict.fromkeys(cell for cell in cells if cell != NO_REGION))
    row_of = {NO_REGION: EVERYWHERE} | {cell: r for r, cell in enumerate(met)}
    return np.array([row_of[cell] for cell in cells], dtype=np.int64), met or (ONE_REGION,)


def _rows_of(links: Cells, column: str, rows: dict[str, int], firms_source: str, problems: Problems) -> np.ndarray:
    """(m,) rows of the named firms, -1 where unknown. column: "supplier" or "customer"."""
    cells, names = links.columns[column], tuple(rows)
    different = cells.cells if isinstance(cells, Coded) else cells
    found = np.fromiter(map(rows.get, different, itertools.repeat(-1)), np.int64, len(different))
    if isinstance(cells, Coded):
        found = found[cells.code]

    def describe(k: int) -> str:
        if not cells[k]:
            return f"{links.where(k)}: {column} is empty"
        return f"{links.where(k)}: {column} '{cells[k]}' is not in {firms_source}{similar(cells[k], names)}"

    problems.add(1, np.flatnonzero(found < 0), describe)
    return found


def _number(cell: Any) -> float:
    """A cell as a number: nan if it is empty, inf if it is anything but a finite number."""
    if cell is None or (isinstance(cell, str) and not cell):
        return math.nan
    if isinstance(cell, bool) or not isinstance(cell, str | Real) or (isinstance(cell, str) and "_" in cell):
        return math.inf
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return math.inf
    if math.isnan(number) and not isinstance(cell, str):
        return math.nan  # how tables in memory write an empty cell; in a file the word is a mistake
    return number if math.isfinite(number) else math.inf


def _floats(raw: Sequence[Any]) -> np.ndarray:
    """(n,) `_number` of each cell; at once where all are strings and good."""
    try:
        if "_" not in "".join(raw):
            values = np.fromiter(map(float, raw), float, len(raw))
            if np.isfinite(values).all():
                return values
    except (TypeError, ValueError):
        pass
    return np.array([_number(cell) for cell in raw], dtype=float)


def _numbers(cells: Cells, column: str, n: int, problems: Problems, *, table: int) -> np.ndarray:
    """(n,) numbers of a column, >= 0; nan where a cell is empty or there is no such column."""
    if column not in cells.columns:
        return np.full(n, np.nan)
    raw = cells.columns[column]
    values = _floats(raw)
    problems.add(table, np.flatnonzero(np.isinf(values)), lambda k: f"{cells.where(k)}: {column} '{raw[k]}' is not a finite number")
    problems.add(table, np.flatnonzero(values < 0), lambda k: f"{cells.where(k)}: {column} {raw[k]} must be 0 or more")
    large = np.isfinite(values) & (values > MOST_AMOUNT)
    problems.add(table, np.flatnonzero(large), lambda k: f"{cells.where(k)}: {column} {raw[k]} must be {MOST_AMOUNT:g} or less")
    return values


def _weights(links: Cells, m: int, problems: Problems) -> np.ndarray:
    """(m,) weights, which must be given and above 0."""
    weight = _numbers(links, "weight", m, problems, table=1)
    problems.add(1, np.flatnonzero(np.isnan(weight)), lambda e: f"{links.where(e)}: weight is empty")
    problems.add(1, np.flatnonzero(weight == 0), lambda e: f"{links.where(e)}: weight 0 must be above 0")
    return weight


def _levels(links: Cells, m: int, problems: Problems) -> np.ndarray:
    """(m,) essentiality, NOT_GIVEN where a cell is empty or there is no such column."""
    if "essentiality" not in links.columns:
        return np.full(m, NOT_GIVEN)
    raw = links.columns["essentiality"]
    values = _floats(raw)
    valid = np.isin(values, LEVELS)
    problems.add(1, np.flatnonzero(~valid & ~np.isnan(values)), lambda e: f"{links.where(e)}: essentiality '{raw[e]}' must be 0, 1 or 2")
    return np.where(valid, values, NOT_GIVEN).astype(np.int64)


def _first_alike(key: np.ndarray) -> np.ndarray:
    """(m,) the first position that holds the same key."""
    ordered = np.sort(key)
    if (ordered[1:] != ordered[:-1]).all():  # a third of the time of finding where each stands
        return np.arange(len(key))
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first[inverse]


def _check_pairs(network: FirmNetwork, links: Cells, problems: Problems) -> None:
    """No pair twice, no firm its own supplier unless it has no place. Links with an unknown firm are left out."""
    names, supplier, customer = network.names, network.supplier, network.customer
    known = np.flatnonzero((supplier >= 0) & (customer >= 0))
    first = np.arange(len(supplier))
    first[known] = known[_first_alike(supplier[known] * len(names) + customer[known])]
    problems.add(
        1,
        np.flatnonzero(first != np.arange(len(first))),
        lambda e: f"{links.where(e)}: '{names[supplier[e]]}' supplies '{names[customer[e]]}' already, in {links.at(first[e])}",
    )
    own = known[(supplier[known] == customer[known]) & (network.region[supplier[known]] != EVERYWHERE)]
    problems.add(1, own, lambda e: f"{links.where(e)}: firm '{names[supplier[e]]}' cannot be its own supplier")


def _check_essentiality(network: FirmNetwork, links: Cells, sectors: Sequence[str], problems: Problems) -> None:
    """Goods of one sector are substitutes for a customer, so they share one level."""
    level, group = network.essentiality, network.sector[network.supplier]
    if not (level != NOT_GIVEN).any():
        return
    first = _first_alike(network.customer * len(sectors) + group)

    def describe(e: int) -> str:
        here, there = ("not given" if value == NOT_GIVEN else value for value in (level[e], level[first[e]]))
        customer = network.names[network.customer[e]]
        return (
            f"{links.where(e)}: essentiality is {here}, but {there} in {links.at(first[e])}; "
            f"all suppliers of customer '{customer}' in sector '{sectors[group[e]]}' must have the same"
        )

    problems.add(1, np.flatnonzero(level != level[first]), describe)


def _check_sums(network: FirmNetwork, firms: Cells, problems: Problems) -> None:
    """Output covers what is sold and what is bought, where it is known."""
    names, sold, bought, output, final = network.names, network.sold, network.bought, network.output, network.final_sales
    made = np.where(np.isnan(output), sold + final, output)
    short = sold > output * (1 + SUM_TOLERANCE)
    open_ = ~short & (np.abs(output - sold - final) > SUM_TOLERANCE * output)
    loss = bought > made * (1 + SUM_TOLERANCE)
    problems.add(
        0,
        np.flatnonzero(short),
        lambda i: f"{firms.where(i)}: firm '{names[i]}' sells {sold[i]:.10g} along links, more than its output {output[i]:.10g}",
    )
    problems.add(
        0,
        np.flatnonzero(open_),
        lambda i: (
            f"{firms.where(i)}: output of firm '{names[i]}' is {output[i]:.10g}, but its sales along links {sold[i]:.10g} "
            f"and final_sales {final[i]:.10g} sum to {sold[i] + final[i]:.10g}"
        ),
    )
    problems.add(0, np.flatnonzero(loss), lambda i: f"{firms.where(i)}: {_loss(names[i], bought[i], made[i])}")


def _loss(name: str, bought: float, output: float) -> str:
    return f"firm '{name}' buys inputs of {bought:.10g}, more than its output {output:.10g}: value added would be negative"


# -- completing ---------------------------------------------------------------------------------------------------------------------------


def complete(network: FirmNetwork, economy: Economy) -> FirmNetwork:
    """The network with output, final sales and employment of every firm, from the ratios of its sector where they are not given.

    Output that is not given is, by the first rule that can be used: sales along links and final sales; sales along links over the share of
    the sector that goes to firms; inputs over the sector's domestic inputs per unit of output; employment times output per head.

    Raises InputError naming the firms of which nothing is known, whose output is 0, or whose output would be below their inputs.
    """
    share_to_others, inputs_per_output, output_per_head = (ratio[network.sector] for ratio in _ratios(economy))
    sold, bought = network.sold, network.bought
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 and x/0 mark a rule that cannot be used
        rules = (
            network.output,
            sold + network.final_sales,
            np.where(sold > 0, sold / (1.0 - share_to_others), np.nan),
            np.where(bought > 0, bought / inputs_per_output, np.nan),
            network.employment * output_per_head,
        )
    output = np.full(len(network.names), np.nan)
    for rule in rules:
        output = np.where(np.isnan(output) & np.isfinite(rule), rule, output)
    _check_outputs(network, sold, bought, output)
    final_sales = np.where(np.isnan(network.final_sales), np.maximum(output - sold, 0.0), network.final_sales)
    employment = np.where(np.isnan(network.employment), output / output_per_head, network.employment)
    return replace(network, output=output, final_sales=final_sales, employment=employment)


def _ratios(economy: Economy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(G,) share sold to other than firms, domestic inputs from firms per unit of output, output per head.

    A sector without employment has the output per head of all sectors together.
    """
    G = len(economy.sectors)
    output, heads = economy.output[:G], economy.employment.sum(axis=1)
    to_others = economy.uses[:G].sum(axis=1) + economy.domestic[:G, G:].sum(axis=1)
    inputs = economy.domestic[:G, :G].sum(axis=0)
    per_head = np.divide(output, heads, out=np.full(G, output.sum() / heads.sum()), where=heads > 0)
    return np.clip(to_others / output, 0.0, 1.0), inputs / output, per_head


def _check_outputs(network: FirmNetwork, sold: np.ndarray, bought: np.ndarray, output: np.ndarray) -> None:
    """Raise InputError for outputs (n,) that are unknown, 0, or below what is sold or bought (n,)."""
    problems, names = Problems(), network.names
    problems.add(
        0,
        np.flatnonzero(np.isnan(output)),
        lambda i: f"firm '{names[i]}': give its output, final_sales or employment; nothing is known of it",
    )
    problems.add(0, np.flatnonzero(output == 0), lambda i: f"firm '{names[i]}' has output 0; leave it out, or give it output or sales")
    short = sold > output * (1 + SUM_TOLERANCE)
    problems.add(
        0,
        np.flatnonzero(short),
        lambda i: f"firm '{names[i]}' sells {sold[i]:.10g} along links, more than its output {output[i]:.10g}; give output or final_sales",
    )
    loss = (output > 0) & ~short & (bought > output * (1 + SUM_TOLERANCE))
    problems.add(0, np.flatnonzero(loss), lambda i: f"{_loss(names[i], bought[i], output[i])}; give output or final_sales")
    problems.stop()


# -- small networks for tests and examples ------------------------------------------------------------------------------------------------


def from_edges(
    edges: Iterable[tuple[Hashable, Hashable, float]],
    final_sales: Mapping[Hashable, float] | Sequence[float],
    sector: Mapping[Hashable, int] | Sequence[int] | None = None,
) -> FirmNetwork:
    """A network written by hand.

    edges       : (supplier, customer, weight), base currency/yr
    final_sales : {firm: base currency/yr}, or a sequence for firms 0, 1, 2 …; the firms in this order are the rows
    sector      : row of the sector of each firm, by the same keys; without it all are in sector 0

    Output is sales along links and final sales. Raises InputError as `read_network`.
    """
    keys = list(final_sales) if isinstance(final_sales, Mapping) else list(range(len(final_sales)))
    rows = [0 if sector is None else int(sector[key]) for key in keys]
    names, edges = [str(key) for key in keys], list(edges)
    firms = {"firm": names, "sector": [str(row) for row in rows], "final_sales": [final_sales[key] for key in keys]}
    links = {
        "supplier": [str(edge[0]) for edge in edges],
        "customer": [str(edge[1]) for edge in edges],
        "weight": [edge[2] for edge in edges],
    }
    network = assemble(
        Cells("final_sales", firms, lambda k: f"'{names[k]}'"),
        Cells("edges", links, lambda e: f"[{e}]"),
        [str(row) for row in range(max(rows, default=0) + 1)],
    )
    return replace(network, output=network.sold + network.final_sales)


def chain(n: int, sectors: int = 1) -> FirmNetwork:
    """Firm i supplies firm i + 1. See `_unit_links` for amounts and sectors."""
    return _unit_links(n, np.arange(n - 1), np.arange(1, n), sectors)


def ring(n: int, sectors: int = 1) -> FirmNetwork:
    """Firm i supplies firm i + 1, the last one the first; n >= 2. See `_unit_links`."""
    if n < 2:
        raise ValueError(f"a ring needs 2 firms or more, not {n}")
    return _unit_links(n, np.arange(n), np.roll(np.arange(n), -1), sectors)


def star(n: int, sectors: int = 1, hub_buys: bool = False) -> FirmNetwork:
    """Firm 0 supplies all others, or, if hub_buys, buys from them. See `_unit_links`."""
    hub, leaves = np.zeros(n - 1, dtype=np.int64), np.arange(1, n)
    return _unit_links(n, leaves, hub, sectors) if hub_buys else _unit_links(n, hub, leaves, sectors)


def random_graph(n: int, mean_degree: float, sectors: int, draws: Draws, regions: int = 1) -> FirmNetwork:
    """Exactly round(n mean_degree) links among all pairs, each set of pairs equally likely (Erdős and Rényi's G(n, m)), by supplier.

    Sectors and regions of firms are uniform, weights log-uniform in [1, 100], final sales as in `_unit_links`.

    mean_degree : links per firm, at most n - 1
    draws       : names network.pair (by attempt), network.weight (by supplier and customer), network.sector, network.region (by firm)
    """
    m, pairs = round(n * mean_degree), n * (n - 1)
    if not 0 <= m <= pairs:
        raise ValueError(f"mean_degree {mean_degree:g} asks for {m} links; {n} firms can have 0 to {pairs}")
    codes, attempt = np.empty(0, dtype=np.int64), 0
    while len(codes) < m:
        drawn = np.floor(draws.uniform("network.pair", attempt, np.arange(m)) * pairs).astype(np.int64)
        codes = np.concatenate([codes, drawn])
        codes, attempt = codes[np.sort(np.unique(codes, return_index=True)[1])], attempt + 1
    supplier, other = np.divmod(np.sort(codes[:m]), max(n - 1, 1))
    customer = other + (other >= supplier)  # skips the supplier itself
    weight = 100.0 ** draws.uniform("network.weight", 0, supplier, customer)
    sector, region = (
        np.floor(draws.uniform(f"network.{axis}", 0, np.arange(n)) * size).astype(np.int64)
        for axis, size in (("sector", sectors), ("region", regions))
    )
    names = (ONE_REGION,) if regions == 1 else tuple(f"region {r}" for r in range(regions))
    return _viable(sector, supplier, customer, weight, region, names)


def _unit_links(n: int, supplier: np.ndarray, customer: np.ndarray, sectors: int) -> FirmNetwork:
    """Links of weight 1, firm i in sector i modulo sectors; every firm sells outside links what it buys more than it sells, and 1 on top.

    So value added is at least 1, and every output in a chain or a ring is 2.
    """
    region = np.zeros(n, dtype=np.int64)
    return _viable(np.arange(n) % sectors, supplier, customer, np.ones(len(supplier)), region, (ONE_REGION,))


def _viable(
    sector: np.ndarray, supplier: np.ndarray, customer: np.ndarray, weight: np.ndarray, region: np.ndarray, region_names: tuple[str, ...]
) -> FirmNetwork:
    """A network with final sales [B - S]⁺ + 1, hence value added of at least 1. sector, region (n,); supplier, customer, weight (m,)."""
    n = len(sector)
    sold, bought = np.bincount(supplier, weight, n), np.bincount(customer, weight, n)
    final_sales = np.maximum(bought - sold, 0.0) + 1.0
    names = tuple(f"F{i:0{len(str(n - 1))}d}" for i in range(n))
    return FirmNetwork(
        names, sector, region, region_names, np.full(n, np.nan), sold + final_sales, final_sales,
        supplier, customer, weight, np.full(len(supplier), NOT_GIVEN),
    )  # fmt: skip
