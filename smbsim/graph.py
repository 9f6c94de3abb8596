"""Supply networks as graphs: from networkx or GraphML to firms and links, and from a state back to networkx."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .network import FIRM_COLUMNS, LINK_COLUMNS, NO_REGION, Cells, FirmNetwork, Problems, assemble, similar
from .schema import WEEKS_PER_YEAR, InputError, nearest
from .state import KINDS

if TYPE_CHECKING:
    import networkx as nx

    from .state import State

MISSPELT = 0.8  # similarity from which an unknown attribute of a graph is taken for a misspelt one: one letter in five. Assumption


def read_graphml(path: str | Path, sectors: Sequence[str]) -> FirmNetwork:
    """The network of a directed GraphML file, whose attributes are those of `from_networkx`.

    Raises InputError with a line for every mistake (the first 20), naming file and node or edge.
    """
    from xml.etree.ElementTree import ParseError

    import networkx as nx

    path = Path(path)
    try:
        graph = nx.read_graphml(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ParseError, nx.NetworkXError, ValueError, KeyError) as error:
        raise InputError(f"{path.name}: not a GraphML file that can be read: {error}") from None
    return _from_graph(graph, sectors, None, path.name)


def from_networkx(
    graph: nx.DiGraph, firms: Mapping[Hashable, Mapping] | Sequence[Mapping] | None = None, sectors: Sequence[str] | None = None
) -> FirmNetwork:
    """The network of a directed graph, edges from supplier to customer.

    graph : nodes have sector [, firm, region, employment, output, final_sales], edges weight [, essentiality]; annual, base currency.
            The name of a firm is its attribute firm, or the node. Other attributes are left alone
    firms : values that replace those of nodes: {node: {"sector": …}}, or rows [{"firm": node, "sector": …}]
    sectors : codes of the economy's sectors; default those of us_2022

    Raises InputError with a line for every mistake (the first 20), naming node or edge.
    """
    if sectors is None:
        from .economy import load

        sectors = load("us_2022").sectors
    return _from_graph(graph, sectors, firms, "graph")


def _from_graph(graph: nx.DiGraph, sectors: Sequence[str], firms: Mapping | Sequence | None, source: str) -> FirmNetwork:
    if not graph.is_directed():
        raise InputError(f"{source}: the graph is undirected; links run from supplier to customer, so it must be a DiGraph")
    if not graph:
        raise InputError(f"{source}: the graph has no nodes")
    problems = Problems()
    given = _overrides(firms, [str(node) for node in graph], source, problems)
    nodes = [{**values, **given.get(str(node), {})} for node, values in graph.nodes(data=True)]
    names = [str(values.get("firm", node)) for node, values in zip(graph, nodes, strict=True)]
    name_of = dict(zip(graph, names, strict=True))
    edges = list(graph.edges(data=True))
    pairs = [(name_of[supplier], name_of[customer]) for supplier, customer, _ in edges]
    firm_cells = {"firm": names, **_attributes("node", nodes, FIRM_COLUMNS[1:], ("sector",), source, problems)}
    link_cells = {"supplier": [pair[0] for pair in pairs], "customer": [pair[1] for pair in pairs]}
    link_cells |= _attributes("edge", [values for *_, values in edges], LINK_COLUMNS[2:], ("weight",), source, problems)
    problems.stop()
    return assemble(
        Cells(source, firm_cells, lambda k: f"node '{names[k]}'"),
        Cells(source, link_cells, lambda e: f"edge '{pairs[e][0]}' → '{pairs[e][1]}'"),
        sectors,
    )


def _attributes(
    what: str, values: list[dict], known: tuple[str, ...], required: tuple[str, ...], source: str, problems: Problems
) -> dict[str, list]:
    """The known attributes as columns. what: "node" or "edge"; one that is missing everywhere, or looks misspelt, is a problem."""
    found = dict.fromkeys(str(key) for row in values for key in row)
    for column in required:
        if column not in found and values:
            problems.say(f"{source}: {what} attribute '{column}' is missing{similar(column, list(found))}")
    for key in found:
        near = difflib.get_close_matches(key, [c for c in known if c not in found and c not in required], n=1, cutoff=MISSPELT)
        if near and key not in known:
            problems.say(f"{source}: unknown {what} attribute '{key}'. Did you mean '{near[0]}'?")
    return {column: [_cell(row.get(column)) for row in values] for column in known if column in found or column in required}


def _cell(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _overrides(firms: Mapping | Sequence | None, names: list[str], source: str, problems: Problems) -> dict[str, dict]:
    """The argument `firms` of from_networkx as {name: {column: value}}."""
    items = firms.items() if isinstance(firms, Mapping) else [(row.get("firm", ""), row) for row in firms or ()]
    known, given = set(names), {}
    for node, row in items:
        name = str(node)
        if name not in known:
            problems.say(f"firms: firm '{name}' is not in {source}{similar(name, names)}")
        if name in given:
            problems.say(f"firms: firm '{name}' is there already")
        for key in row:
            if key not in FIRM_COLUMNS:
                problems.say(f"firms: firm '{name}': unknown key '{key}'.{nearest(key, FIRM_COLUMNS[1:])}")
        given[name] = {key: value for key, value in row.items() if key != "firm"}
    return given


NODE_COLUMNS = {  # column of a state shown on nodes -> weeks in a year if it is a weekly flow
    "employment": 1, "output": WEEKS_PER_YEAR, "final_sales": WEEKS_PER_YEAR, "capacity": WEEKS_PER_YEAR,
    "cash": 1, "debt": 1, "price": 1, "alive": 1,
}  # fmt: skip
EDGE_COLUMNS = ("lead_time", "backlog", "payable")


def to_networkx(state: State) -> nx.DiGraph:
    """A snapshot of the network of a state; changing it changes nothing in the state.

    Nodes are uids, with sector (code), region (name or "everywhere"), kind, and firm (name), employment, output, final_sales, capacity
    (base currency/yr), cash, debt (currency), price, alive, as far as the state has them. Edges run from supplier to customer, with
    group (code of the supplying sector), weight (base currency/yr: 52 times what is ordered in a week), essentiality, lead_time (wk),
    backlog (base currency), payable (currency). At rest `from_networkx` reads back the network that the state was built from.
    """
    import networkx as nx

    firms, links, slot = state.firms, state.links, state.links.slot
    regions = (*state.region_names, NO_REGION)  # row -1 is the last
    nodes = {
        "sector": [state.sector_codes[g] for g in firms.sector],
        "region": [regions[r] for r in firms.region],
        "kind": [KINDS[kind] for kind in firms.kind],
    }
    uids, names = firms.uid.tolist(), getattr(state, "names", ())
    if names:  # of the firms of the start; an entrant has none
        nodes["firm"] = [names[uid] if uid < len(names) else str(uid) for uid in uids]
    for name, per_year in NODE_COLUMNS.items():
        if name in firms:
            values = getattr(firms, name)
            nodes[name] = (values if per_year == 1 else values * per_year).tolist()
    edges = {"group": [state.sector_codes[g] for g in state.slots.group[slot]]}
    if "order" in state.slots and "weight" in links:
        edges["weight"] = (state.slots.order[slot] * links.weight * WEEKS_PER_YEAR).tolist()
    if "essentiality" in state.slots:
        edges["essentiality"] = state.slots.essentiality[slot].tolist()
    edges |= {name: getattr(links, name).tolist() for name in EDGE_COLUMNS if name in links}
    graph = nx.DiGraph()
    graph.add_nodes_from(zip(uids, _records(nodes), strict=True))
    graph.add_edges_from(zip(firms.uid[links.supplier].tolist(), firms.uid[links.buyer].tolist(), _records(edges), strict=True))
    return graph


def _records(columns: dict[str, list]) -> Iterable[dict]:
    """Columns as one dictionary per row."""
    return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
