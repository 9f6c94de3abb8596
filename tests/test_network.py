"""Networks known firm by firm: what is read is what was written, every mistake has its line, and gaps are filled from the tables."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
import time
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smbsim import economy
from smbsim import network as network_module
from smbsim.draws import Draws
from smbsim.graph import from_networkx, read_graphml, to_networkx
from smbsim.network import (
    BATCH,
    MOST_NAMES_SEARCHED,
    FirmNetwork,
    chain,
    complete,
    from_edges,
    random_graph,
    read_network,
    ring,
    star,
)
from smbsim.schema import Column, InputError
from smbsim.state import EVERYWHERE, LARGE, SMB, State

SECTORS = ("11", "23", "44")
FIRMS = "firm,sector\nA,11\nB,23\nC,44\n"
LINKS = "supplier,customer,weight\nA,B,10\nB,C,20\n"
LOCAL = Path(__file__).parents[1] / "scenarios" / "local_network"


def read(folder: Path, firms: str | bytes = FIRMS, links: str | bytes = LINKS) -> FirmNetwork:
    for name, text in (("firms.csv", firms), ("links.csv", links)):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_network(folder / "firms.csv", folder / "links.csv", SECTORS)


def mistakes(folder: Path, firms: str | bytes = FIRMS, links: str | bytes = LINKS) -> list[str]:
    with pytest.raises(InputError) as error:
        read(folder, firms, links)
    return list(error.value.lines)


def assert_same(a: FirmNetwork, b: FirmNetwork, but: tuple[str, ...] = ()) -> None:
    for f in fields(FirmNetwork):
        if f.name not in but:
            np.testing.assert_array_equal(getattr(a, f.name), getattr(b, f.name), err_msg=f.name)


# -- reading files ------------------------------------------------------------------------------------------------------------------------


def test_files_are_read_as_written(tmp_path):
    network = read(
        tmp_path,
        "sector,firm,final_sales,region,output,employment\n23,A,,North,100,\n11,B,5,South,,2.5\n23,C,120,North,,0\n",
        "customer,weight,supplier,essentiality\nB,10.5,A,2\nC,1e2,B,\n",
    )
    assert network.names == ("A", "B", "C")
    assert network.sector.tolist() == [1, 0, 1]
    assert network.region.tolist() == [0, 1, 0]
    assert network.region_names == ("North", "South")
    np.testing.assert_array_equal(network.employment, [np.nan, 2.5, 0])
    np.testing.assert_array_equal(network.output, [100, np.nan, np.nan])
    np.testing.assert_array_equal(network.final_sales, [np.nan, 5, 120])
    assert network.supplier.tolist() == [0, 1]
    assert network.customer.tolist() == [1, 2]
    assert network.weight.tolist() == [10.5, 100.0]
    assert network.essentiality.tolist() == [2, -1]
    assert network.sold.tolist() == [10.5, 100.0, 0.0]
    assert network.bought.tolist() == [0.0, 10.5, 100.0]


def test_network_is_read_only(tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        read(tmp_path).weight[0] = 1.0


def test_optional_columns_are_nan_or_minus_one_and_one_region_when_absent(tmp_path):
    network = read(tmp_path)
    assert np.isnan([network.employment, network.output, network.final_sales]).all()
    assert network.region_names == ("all",)
    assert network.region.tolist() == [0, 0, 0]
    assert network.essentiality.tolist() == [-1, -1]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("A", '"A"').replace("11", '"11"'),
        lambda text: text.rstrip("\n"),
    ],
    ids=["byte order mark", "windows line ends", "blank lines", "blanks", "quotes", "no last line end"],
)
def test_harmless_differences_of_files_do_not_matter(tmp_path, change):
    assert_same(read(tmp_path, change(FIRMS), change(LINKS)), read(tmp_path))


def test_names_may_hold_commas_line_ends_and_letters_of_any_language(tmp_path):
    network = read(tmp_path, 'firm,sector\n"Müller, Söhne",11\n"a\nb",23\n', 'supplier,customer,weight\n"Müller, Söhne","a\nb",1\n')
    assert network.names == ("Müller, Söhne", "a\nb")


def test_firm_that_is_everywhere_has_no_region_and_may_supply_itself(tmp_path):
    network = read(tmp_path, "firm,sector,region\nA,11,everywhere\nB,23,North\n", "supplier,customer,weight\nA,A,1\nA,B,1\n")
    assert network.region.tolist() == [EVERYWHERE, 0]
    assert network.region_names == ("North",)


def test_all_firms_everywhere_leave_one_region(tmp_path):
    assert read(tmp_path, "firm,sector,region\nA,11,everywhere\nB,11,everywhere\nC,11,everywhere\n").region_names == ("all",)


numbers = st.floats(1e-3, 1e12)
optional = st.none() | numbers
words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6)


@st.composite
def networks(draw):
    """Valid networks: amounts as far as given add up, every third one with regions."""
    names = draw(st.lists(words, min_size=2, max_size=6, unique=True))
    n = len(names)
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1]), min_size=1, unique=True))
    supplier, customer = np.array(pairs).T
    weight = np.array([draw(numbers) for _ in pairs])
    sold, bought = np.bincount(supplier, weight, n), np.bincount(customer, weight, n)
    final = np.maximum(bought - sold, 0) * (1 + 1e-9) + np.array([draw(numbers) for _ in names])
    hide = np.array([draw(st.booleans()) for _ in range(2 * n)])
    sector = np.array([draw(st.integers(0, len(SECTORS) - 1)) for _ in names])
    level = np.array([[draw(st.integers(-1, 2)) for _ in SECTORS] for _ in names])
    region = np.array([draw(st.integers(EVERYWHERE, 1)) for _ in names])
    met = list(dict.fromkeys(region[region >= 0].tolist()))
    region = np.array([met.index(r) if r >= 0 else EVERYWHERE for r in region])
    return FirmNetwork(
        names=tuple(names),
        sector=sector,
        region=region,
        region_names=tuple(f"town {r}" for r in met) or ("all",),
        employment=np.array([draw(optional) for _ in names], dtype=float),
        output=np.where(hide[:n], np.nan, sold + final),
        final_sales=np.where(hide[n:], np.nan, final),
        supplier=supplier,
        customer=customer,
        weight=weight,
        essentiality=level[customer, sector[supplier]],
    )


def region_of(network: FirmNetwork, i: int) -> str:
    return (*network.region_names, "everywhere")[network.region[i]]


def write(network: FirmNetwork, folder: Path) -> None:
    def cell(value):
        return "" if np.isnan(value) or value == -1 else value

    with (folder / "firms.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["firm", "sector", "region", "employment", "output", "final_sales"])
        for i, name in enumerate(network.names):
            amounts = [cell(values[i]) for values in (network.employment, network.output, network.final_sales)]
            out.writerow([name, SECTORS[network.sector[i]], region_of(network, i), *amounts])
    with (folder / "links.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["supplier", "customer", "weight", "essentiality"])
        for j, i, w, e in zip(network.supplier, network.customer, network.weight, network.essentiality, strict=True):
            out.writerow([network.names[j], network.names[i], w, cell(e)])


def graph_of(network: FirmNetwork) -> nx.DiGraph:
    graph = nx.DiGraph()
    for i, name in enumerate(network.names):
        amounts = {c: float(getattr(network, c)[i]) for c in ("employment", "output", "final_sales")}
        given = {c: v for c, v in amounts.items() if not np.isnan(v)}
        graph.add_node(name, sector=SECTORS[network.sector[i]], region=region_of(network, i), **given)
    for j, i, w, e in zip(network.supplier, network.customer, network.weight, network.essentiality, strict=True):
        graph.add_edge(network.names[j], network.names[i], weight=float(w), **({} if e == -1 else {"essentiality": int(e)}))
    return graph


relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@relaxed
@given(network=networks())
def test_network_survives_a_file(tmp_path, network):
    write(network, tmp_path)
    assert_same(read_network(tmp_path / "firms.csv", tmp_path / "links.csv", SECTORS), network)


def links_of(network: FirmNetwork) -> dict:
    names = np.array(network.names, dtype=object)
    amounts = zip(network.weight, network.essentiality, strict=True)
    return dict(zip(zip(names[network.supplier], names[network.customer], strict=True), amounts, strict=True))


@relaxed
@given(network=networks())
def test_network_survives_a_graph_and_graphml(tmp_path, network):
    """A graph lists edges by supplier, so links may change their order, and nothing else."""
    graph = graph_of(network)
    nx.write_graphml_xml(graph, tmp_path / "trade.graphml")
    for found in (from_networkx(graph, sectors=SECTORS), read_graphml(tmp_path / "trade.graphml", SECTORS)):
        assert_same(found, network, but=("supplier", "customer", "weight", "essentiality"))
        assert links_of(found) == links_of(network)


@relaxed
@given(firms=st.text(max_size=60), links=st.text(max_size=60), headers=st.booleans())
def test_no_text_does_anything_but_load_or_raise_input_error(tmp_path, firms, links, headers):
    if headers:
        firms, links = FIRMS + firms, LINKS + links
    with contextlib.suppress(InputError):
        assert read(tmp_path, firms.encode("utf-8", "surrogatepass"), links.encode("utf-8", "surrogatepass")).weight.min() > 0


# -- mistakes -----------------------------------------------------------------------------------------------------------------------------


def test_missing_file_is_named(tmp_path):
    (tmp_path / "firms.csv").write_text(FIRMS)
    with pytest.raises(InputError) as error:
        read_network(tmp_path / "firms.csv", tmp_path / "link.csv", SECTORS)
    assert error.value.lines == (f"{tmp_path / 'link.csv'}: there is no such file",)


def test_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "firms.csv").write_text(FIRMS)
    with pytest.raises(InputError) as error:
        read_network(tmp_path / "firms.csv", tmp_path, SECTORS)
    assert str(error.value) == f"{tmp_path}: cannot be read: Is a directory"


FILE_MISTAKES = {
    "empty": ("", LINKS, ["firms.csv: the file is empty"]),
    "both empty": ("\n", "", ["firms.csv: the file is empty", "links.csv: the file is empty"]),
    "no rows": (FIRMS, "supplier,customer,weight\n", ["links.csv: no rows below the header"]),
    "missing columns": ("firm\nA\n", "supplier,weight\nA,1\n",
        ["firms.csv: column 'sector' is missing", "links.csv: column 'customer' is missing"]),
    "misspelt column": ("firm,sector,outputt\nA,11,1\n", LINKS,
        ["firms.csv: unknown column 'outputt'. Did you mean 'output'? Valid: firm, sector, region, employment, output, final_sales."]),
    "extra column": (FIRMS, "supplier,customer,weight,note\nA,B,1,x\n",
        ["links.csv: unknown column 'note'. Valid: supplier, customer, weight, essentiality."]),
    "column twice": ("firm,sector,sector\nA,11,11\n", LINKS, ["firms.csv: column 'sector' is there 2 times"]),
    "ragged": ("firm,sector\nA,11\n\nB\nC,44,1\n", LINKS,
        ["firms.csv line 4: 1 cells, but the header has 2 columns", "firms.csv line 5: 3 cells, but the header has 2 columns"]),
    "not utf-8": ("firm,sector\nA,11\nMüller,11\n".encode("latin-1"), LINKS,
        ["firms.csv line 3: byte 0xfc is not UTF-8; save the file as UTF-8"]),
    "open quote": ('firm,sector\nA,11\n"B,23\nC,44\n', LINKS, ["firms.csv line 4: unexpected end of data"]),
}  # fmt: skip

CELL_MISTAKES = {
    "unknown firm": (FIRMS.replace("A", "F0321"), "supplier,customer,weight\nF0312,B,1\nB,X,1\n",
        ["links.csv line 2: supplier 'F0312' is not in firms.csv. Did you mean 'F0321'?",
         "links.csv line 3: customer 'X' is not in firms.csv"]),
    "duplicate firm": (FIRMS + "A,23\n", LINKS, ["firms.csv line 5: firm 'A' is there already, in line 2"]),
    "duplicate link": (FIRMS, LINKS + "A,C,1\nA,B,5\n", ["links.csv line 5: 'A' supplies 'B' already, in line 2"]),
    "self-loop": (FIRMS, LINKS + "B,B,5\n", ["links.csv line 4: firm 'B' cannot be its own supplier"]),
    "no name": (FIRMS + ",11\n", LINKS + ",B,1\nA,,1\n",
        ["firms.csv line 5: firm is empty", "links.csv line 4: supplier is empty", "links.csv line 5: customer is empty"]),
    "unknown sector": (FIRMS.replace("B,23", "B,23.0").replace("C,44", "C,"), LINKS,
        ["firms.csv line 3: unknown sector '23.0'. Did you mean '23'? Valid: 11, 23, 44.", "firms.csv line 4: sector is empty"]),
    "quoted number as sector": (FIRMS.replace("23", "\"'23'\""), LINKS,
        ["firms.csv line 3: unknown sector ''23''. Did you mean '23'? Valid: 11, 23, 44."]),
    "empty region": ("firm,sector,region\nA,11,N\nB,11,\nC,11,N\n", LINKS, ["firms.csv line 3: region is empty"]),
    "weights": (FIRMS, "supplier,customer,weight\nA,B,-1\nA,C,0\nB,A,nan\nB,C,inf\nC,A,1_000\nC,B,\n",
        ["links.csv line 2: weight -1 must be 0 or more", "links.csv line 3: weight 0 must be above 0",
         "links.csv line 4: weight 'nan' is not a finite number", "links.csv line 5: weight 'inf' is not a finite number",
         "links.csv line 6: weight '1_000' is not a finite number", "links.csv line 7: weight is empty"]),
    "essentiality": (FIRMS, "supplier,customer,weight,essentiality\nA,B,1,3\nA,C,1,0.5\nB,C,1,-1\nC,A,1,high\nC,B,1,1\n",
        ["links.csv line 2: essentiality '3' must be 0, 1 or 2", "links.csv line 3: essentiality '0.5' must be 0, 1 or 2",
         "links.csv line 4: essentiality '-1' must be 0, 1 or 2", "links.csv line 5: essentiality 'high' must be 0, 1 or 2"]),
    "amounts": ("firm,sector,employment,output,final_sales\nA,11,-2,,\nB,23,,-100,\nC,44,,,-3\nD,44,many,,\n", LINKS,
        ["firms.csv line 2: employment -2 must be 0 or more", "firms.csv line 3: output -100 must be 0 or more",
         "firms.csv line 4: final_sales -3 must be 0 or more", "firms.csv line 5: employment 'many' is not a finite number"]),
    "number written with underscores": (FIRMS, "supplier,customer,weight\nA,B,1_0\nA,C,5\n",
        ["links.csv line 2: weight '1_0' is not a finite number"]),
    "amounts whose sums would overflow": (FIRMS, "supplier,customer,weight\nA,B,1e308\nA,C,1e100\n",
        ["links.csv line 2: weight 1e308 must be 1e+100 or less"]),
    "line after a name of two lines": ('firm,sector\n"A\nA",11\nB,12\n', "supplier,customer,weight\nB,C,1\n",
        ["firms.csv line 4: unknown sector '12'. Valid: 11, 23, 44.",
         "links.csv line 2: customer 'C' is not in firms.csv"]),
}  # fmt: skip

SUM_MISTAKES = {
    "essentiality differs": ("firm,sector\nA,11\nB,11\nC,44\n", "supplier,customer,weight,essentiality\nA,C,1,2\nB,C,1,1\nA,B,1,1\n",
        ["links.csv line 3: essentiality is 1, but 2 in line 2; all suppliers of customer 'C' in sector '11' must have the same"]),
    "essentiality given once": ("firm,sector\nA,11\nB,11\nC,44\n", "supplier,customer,weight,essentiality\nA,C,1,2\nB,C,1,\n",
        ["links.csv line 3: essentiality is not given, but 2 in line 2; all suppliers of customer 'C' in sector '11' must have the same"]),
    "sells more than it makes": ("firm,sector,output\nA,11,9\nB,23,\nC,44,\n", LINKS,
        ["firms.csv line 2: firm 'A' sells 10 along links, more than its output 9"]),
    "sums differ": ("firm,sector,output,final_sales\nA,11,30,10\nB,23,,\nC,44,,\n", LINKS,
        ["firms.csv line 2: output of firm 'A' is 30, but its sales along links 10 and final_sales 10 sum to 20"]),
    "sells more than it makes and sums differ": ("firm,sector,output,final_sales\nA,11,9,3\nB,23,,\nC,44,,\n", LINKS,
        ["firms.csv line 2: firm 'A' sells 10 along links, more than its output 9"]),
    "negative value added": ("firm,sector,output,final_sales\nA,11,,\nB,23,,\nC,44,15,\n", LINKS,
        ["firms.csv line 4: firm 'C' buys inputs of 20, more than its output 15: value added would be negative"]),
    "negative value added by sales": ("firm,sector,output,final_sales\nA,11,,\nB,23,,\nC,44,,15\n", LINKS,
        ["firms.csv line 4: firm 'C' buys inputs of 20, more than its output 15: value added would be negative"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("firms", "links", "lines"),
    [pytest.param(*case, id=name) for cases in (FILE_MISTAKES, CELL_MISTAKES, SUM_MISTAKES) for name, case in cases.items()],
)
def test_mistake_is_named_with_its_line(tmp_path, firms, links, lines):
    assert mistakes(tmp_path, firms, links) == lines


def test_all_mistakes_are_reported_in_the_order_of_the_files(tmp_path):
    found = mistakes(tmp_path, "firm,sector,output\nA,12,x\nA,23,\nC,44,-1\n", "supplier,customer,weight\nC,C,-1\nA,Z,1\n")
    assert found == [
        "firms.csv line 2: unknown sector '12'. Valid: 11, 23, 44.",
        "firms.csv line 2: output 'x' is not a finite number",
        "firms.csv line 3: firm 'A' is there already, in line 2",
        "firms.csv line 4: output -1 must be 0 or more",
        "links.csv line 2: weight -1 must be 0 or more",
        "links.csv line 2: firm 'C' cannot be its own supplier",
        "links.csv line 3: customer 'Z' is not in firms.csv",
    ]


def test_ragged_row_far_down_is_named(tmp_path):
    firms = FIRMS + "".join(f"F{k},11\n" for k in range(BATCH)) + "Z\n"
    assert mistakes(tmp_path, firms) == [f"firms.csv line {BATCH + 5}: 1 cells, but the header has 2 columns"]


def test_first_twenty_mistakes_are_printed_and_the_rest_counted(tmp_path):
    bad = "".join(f"A,X{k},1\n" for k in range(50))
    found = mistakes(tmp_path, links=LINKS + bad + "A,C,-1\n")
    assert found[:20] == [f"links.csv line {k + 4}: customer 'X{k}' is not in firms.csv" for k in range(20)]
    assert found[20:] == ["… and 31 more"]


def test_twenty_mistakes_are_not_followed_by_a_count(tmp_path):
    found = mistakes(tmp_path, links=LINKS + "".join(f"A,X{k},1\n" for k in range(20)))
    assert len(found) == 20
    assert "more" not in found[-1]


def test_long_lists_of_firms_are_not_searched_for_similar_names(tmp_path):
    firms = FIRMS + "".join(f"F{k},11\n" for k in range(MOST_NAMES_SEARCHED))
    assert mistakes(tmp_path, firms, LINKS + "F0x,B,1\n") == ["links.csv line 4: supplier 'F0x' is not in firms.csv"]


def test_sums_may_differ_by_rounding(tmp_path):
    network = read(tmp_path, "firm,sector,output,final_sales\nA,11,20.00001,10\nB,23,19.99999,\nC,44,,\n")
    assert network.output[0] == 20.00001


def test_output_zero_is_known(tmp_path):
    assert mistakes(tmp_path, "firm,sector,output\nA,11,0\nB,23,\nC,44,\n") == [
        "firms.csv line 2: firm 'A' sells 10 along links, more than its output 0"
    ]


# -- graphs -------------------------------------------------------------------------------------------------------------------------------


def small_graph() -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node(1, sector="11")
    graph.add_node(2, sector="23", output=50.0, colour="blue")
    graph.add_edge(1, 2, weight=10, essentiality=2)
    return graph


def graph_mistakes(graph: nx.Graph, firms=None) -> list[str]:
    with pytest.raises(InputError) as error:
        from_networkx(graph, firms, SECTORS)
    return list(error.value.lines)


def test_graph_edges_run_from_supplier_to_customer():
    network = from_networkx(small_graph(), sectors=SECTORS)
    assert network.names == ("1", "2")
    assert (network.supplier.tolist(), network.customer.tolist(), network.weight.tolist()) == ([0], [1], [10.0])
    np.testing.assert_array_equal(network.output, [np.nan, 50.0])
    assert network.essentiality.tolist() == [2]


@pytest.mark.parametrize("firms", [{1: {"sector": "44", "region": "N"}, 2: {"region": "S"}},
                                   [{"firm": 1, "sector": "44", "region": "N"}, {"firm": "2", "region": "S"}]])  # fmt: skip
def test_firms_replace_attributes_of_nodes(firms):
    graph = small_graph()
    network = from_networkx(graph, firms, SECTORS)
    assert network.sector.tolist() == [2, 1]
    assert network.region_names == ("N", "S")
    assert network.output[1] == 50.0
    assert "region" not in graph.nodes[1]


def test_missing_value_of_a_table_in_memory_is_not_given():
    graph = small_graph()
    graph.nodes[1]["output"], graph.nodes[2]["output"] = float("nan"), None
    assert np.isnan(from_networkx(graph, sectors=SECTORS).output).all()


def test_blanks_around_an_attribute_do_not_matter():
    assert from_networkx(with_attributes({"sector": " 44 "}), sectors=SECTORS).sector[1] == 2


def test_graph_without_edges_is_a_network_without_links():
    graph = small_graph()
    graph.remove_edge(1, 2)
    assert from_networkx(graph, sectors=SECTORS).weight.size == 0


def with_attributes(node=None, edge=None) -> nx.DiGraph:
    graph = small_graph()
    graph.nodes[2].update(node or {})
    graph.edges[1, 2].update(edge or {})
    return graph


@pytest.mark.parametrize(
    ("graph", "firms", "line"),
    [
        (nx.Graph([(1, 2)]), None, "graph: the graph is undirected; links run from supplier to customer, so it must be a DiGraph"),
        (nx.DiGraph(), None, "graph: the graph has no nodes"),
        (with_attributes({"sector": 23}), None, 'graph node \'2\': sector 23 is not text; write "23"'),
        (with_attributes({"sector": None}), None, "graph node '2': sector is empty"),
        (with_attributes({"sector": "24"}), None, "graph node '2': unknown sector '24'. Valid: 11, 23, 44."),
        (with_attributes({"output": True}), None, "graph node '2': output 'True' is not a finite number"),
        (with_attributes({"output": 9.0}), None,
         "graph node '2': firm '2' buys inputs of 10, more than its output 9: value added would be negative"),
        (with_attributes({"employmnt": 3}), None, "graph: unknown node attribute 'employmnt'. Did you mean 'employment'?"),
        (with_attributes(edge={"weight": 0}), None, "graph edge '1' → '2': weight 0 must be above 0"),
        (with_attributes(edge={"essentiality": 1.5}), None, "graph edge '1' → '2': essentiality '1.5' must be 0, 1 or 2"),
        (nx.DiGraph([(1, 2, {"weight": 1})]), None, "graph: node attribute 'sector' is missing"),
        (nx.MultiDiGraph([(1, 2, {"weight": 1}), (1, 2, {"weight": 2})]), {1: {"sector": "11"}, 2: {"sector": "11"}},
         "graph edge '1' → '2': '1' supplies '2' already, in edge '1' → '2'"),
        (small_graph(), {"3": {}}, "firms: firm '3' is not in graph"),
        (small_graph(), {2: {"outptu": 1}}, "firms: firm '2': unknown key 'outptu'. Did you mean 'output'? "
         "Valid: sector, region, employment, output, final_sales."),
        (small_graph(), [{"firm": 2}, {"firm": "2"}], "firms: firm '2' is there already"),
    ],
)  # fmt: skip
def test_mistake_in_a_graph_is_named(graph, firms, line):
    assert graph_mistakes(graph, firms) == [line]


def test_missing_weights_are_one_mistake():
    graph = small_graph()
    graph.edges[1, 2].clear()
    graph.edges[1, 2]["wieght"] = 1.0
    assert graph_mistakes(graph) == ["graph: edge attribute 'weight' is missing. Did you mean 'wieght'?"]


def test_graphml_mistakes_name_the_file(tmp_path):
    path = tmp_path / "trade.graphml"
    nx.write_graphml_xml(with_attributes({"sector": "24"}), path)
    with pytest.raises(InputError) as error:
        read_graphml(path, SECTORS)
    assert str(error.value) == "trade.graphml node '2': unknown sector '24'. Valid: 11, 23, 44."
    path.write_text("<graphml")
    with pytest.raises(InputError, match=r"^trade\.graphml: not a GraphML file that can be read: "):
        read_graphml(path, SECTORS)
    with pytest.raises(InputError, match=r"there is no such file$"):
        read_graphml(tmp_path / "none.graphml", SECTORS)


def resting_state() -> tuple[FirmNetwork, State]:
    """Three small firms and the large row of their sector, which supplies itself; and the state that rests at these flows."""
    network = FirmNetwork(
        names=("5", "6", "8", "9"),
        sector=np.array([0, 1, 1, 0]),
        region=np.array([0, 1, 0, EVERYWHERE]),
        region_names=("North", "South"),
        employment=np.array([1.0, 2.0, 3.0, 40.0]),
        output=np.array([52.0, 260.0, 312.0, 5200.0]),
        final_sales=np.array([26.0, 260.0, 286.0, 4992.0]),
        supplier=np.array([0, 3, 2, 3]),
        customer=np.array([1, 1, 3, 3]),
        weight=np.array([26.0, 104.0, 26.0, 104.0]),
        essentiality=np.array([2, 2, 1, 0]),
    )
    columns = (
        *(Column(name, "1", 0.0, "") for name in ("employment", "output", "final_sales")),
        Column("order", "1", 0.0, "", axis="slot"),
        Column("essentiality", "1", 2, "", axis="slot", dtype="i1"),
        *(Column(name, "1", 0.0, "", axis="link") for name in ("weight", "payable")),
        Column("lead_time", "wk", 1, "", axis="link", dtype="i1"),
    )
    state = State(
        columns,
        sectors=SECTORS,
        regions=network.region_names,
        accounts=(),
        firms={
            "uid": np.array([5, 6, 8, 9]),
            "kind": np.array([SMB, SMB, SMB, LARGE]),
            **{name: getattr(network, name) for name in ("sector", "region", "employment")},
            **{name: getattr(network, name) / 52 for name in ("output", "final_sales")},
        },
        slots=(np.array([1, 3, 3]), np.array([0, 0, 1])),
        links=(np.array([0, 3, 3, 2]), np.array([1, 1, 3, 3]), np.array([0, 0, 0, 1])),
        widths={},
    )
    state.slots.order[:] = [2.5, 2.0, 0.5]
    state.slots.essentiality[:] = [2, 0, 1]
    state.links.weight[:] = [0.2, 0.8, 1.0, 1.0]
    state.links.payable[:] = [1.5, 6.0, 6.0, 1.5]
    return network, state


def test_state_is_shown_as_a_graph():
    graph = to_networkx(resting_state()[1])
    assert type(graph) is nx.DiGraph
    assert graph.nodes[9] == {"sector": "11", "region": "everywhere", "kind": "large", "employment": 40.0, "output": 5200.0,
                              "final_sales": 4992.0, "cash": 0.0, "alive": True}  # fmt: skip
    assert graph.nodes[6]["region"] == "South"
    assert dict(graph.edges[5, 6]) == {"group": "11", "weight": 26.0, "essentiality": 2, "lead_time": 1, "payable": 1.5}
    assert set(graph.edges) == {(5, 6), (9, 6), (8, 9), (9, 9)}


def test_state_survives_a_graph():
    network, state = resting_state()
    found = from_networkx(to_networkx(state), sectors=SECTORS)
    assert_same(found, network, but=("supplier", "customer", "weight", "essentiality"))
    assert links_of(found) == links_of(network)


def test_names_of_firms_survive_a_graph():
    state = resting_state()[1]
    state.firms.uid[:] = [0, 1, 3, 2]
    state.names = ("a", "b", "large", "c")
    state.append_firms(sector=np.array([2]))
    found = from_networkx(to_networkx(state), sectors=SECTORS)
    assert found.names == ("a", "b", "c", "large", "4")
    assert set(links_of(found)) == {("a", "b"), ("large", "b"), ("c", "large"), ("large", "large")}


def test_graph_of_a_state_survives_graphml(tmp_path):
    network, state = resting_state()
    nx.write_graphml_xml(to_networkx(state), tmp_path / "state.graphml")
    assert links_of(read_graphml(tmp_path / "state.graphml", SECTORS)) == links_of(network)


def test_relabelled_state_has_the_same_graph():
    state = resting_state()[1]
    assert nx.utils.graphs_equal(to_networkx(state), to_networkx(state.relabelled(np.array([2, 0, 3, 1]))))


def test_graph_does_not_reach_into_the_state():
    state = resting_state()[1]
    to_networkx(state).nodes[5]["cash"] = 9.0
    assert state.firms.cash[0] == 0.0


# -- completing ---------------------------------------------------------------------------------------------------------------------------


def two_sectors(**changes) -> SimpleNamespace:
    """Sector 0 makes 100 with 10 heads, 60 of it for firms; sector 1 makes 50 without heads, all but 10 of it for firms. One account."""
    values = {
        "sectors": ("a", "b"),
        "output": np.array([100.0, 50.0, 30.0]),
        "domestic": np.array([[20.0, 40.0, 15.0], [30.0, 10.0, 0.0], [5.0, 0.0, 0.0]]),
        "uses": np.array([[25.0, 0, 0, 0], [4.0, 3, 2, 1], [25.0, 0, 0, 0]]),
        "employment": np.array([[6.0, 4.0], [0.0, 0.0]]),
    }
    return SimpleNamespace(**(values | changes))


def test_outputs_are_completed_by_the_first_rule_that_can_be_used():
    """phi = (.4, .2), domestic inputs per output (.5, 1), output per head (10, 150/10)."""
    nan = np.nan
    network = FirmNetwork(
        names=("given", "sales", "share", "share b", "inputs", "heads"),
        sector=np.array([0, 0, 0, 1, 0, 0]),
        region=np.zeros(6, dtype=int),
        region_names=("all",),
        employment=np.array([7.0, nan, 1.0, nan, 1.0, 3.0]),
        output=np.array([90.0, nan, nan, nan, nan, nan]),
        final_sales=np.array([nan, 9.0, nan, nan, nan, nan]),
        supplier=np.array([0, 1, 2, 3, 3]),
        customer=np.array([1, 2, 4, 4, 1]),
        weight=np.array([6.0, 12.0, 15.0, 5.0, 3.0]),
        essentiality=np.full(5, -1),
    )
    full = complete(network, two_sectors())
    np.testing.assert_allclose(full.output, [90, 21, 25, 10, 40, 30], rtol=1e-15)
    np.testing.assert_allclose(full.final_sales, [84, 9, 10, 2, 40, 30], rtol=1e-15)
    np.testing.assert_allclose(full.employment, [7, 2.1, 1, 10 / 15, 1, 3], rtol=1e-15)
    assert_same(full, network, but=("output", "final_sales", "employment"))


def test_sector_that_sells_nothing_to_firms_does_not_divide_by_zero():
    """With phi = 1 sales along links say nothing; inputs and employment still do."""
    economy_ = two_sectors(uses=np.array([[85.0, 0, 0, 0], [4.0, 3, 2, 1], [25.0, 0, 0, 0]]))
    edge = from_edges([(0, 1, 5.0), (1, 0, 10.0)], [30, 30])
    unknown = replace(edge, output=np.full(2, np.nan), final_sales=np.full(2, np.nan))
    np.testing.assert_allclose(complete(replace(unknown, weight=np.array([5.0, 5.0])), economy_).output, [10.0, 10.0])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "firm 'x': give its output, final_sales or employment; nothing is known of it"),
        ({"final_sales": 0.0}, "firm 'x' has output 0; leave it out, or give it output or sales"),
        ({"employment": 0.0}, "firm 'x' has output 0; leave it out, or give it output or sales"),
    ],
)
def test_firm_that_cannot_be_completed_is_named(changes, line):
    network = from_edges([("y", "z", 1.0)], {"x": 1.0, "y": 1.0, "z": 3.0})
    network = replace(network, output=np.array([np.nan, 2.0, 3.0]), final_sales=np.array([np.nan, 1.0, 3.0]))
    network = replace(network, **{name: np.array([value, *getattr(network, name)[1:]]) for name, value in changes.items()})
    with pytest.raises(InputError) as error:
        complete(network, two_sectors())
    assert error.value.lines == (line,)


def test_firm_without_output_is_named_once():
    network = from_edges([("y", "x", 1.0)], {"x": 1.0, "y": 1.0})
    with pytest.raises(InputError) as error:
        complete(replace(network, output=np.array([0.0, 2.0])), two_sectors())
    assert error.value.lines == ("firm 'x' has output 0; leave it out, or give it output or sales",)


def test_firm_that_would_lose_value_is_named():
    network = from_edges([(0, 1, 10.0), (1, 0, 3.0)], [5, 8])
    unknown = np.full(2, np.nan)
    with pytest.raises(InputError) as error:
        complete(replace(network, output=unknown, final_sales=unknown), two_sectors())
    assert error.value.lines == (
        "firm '1' buys inputs of 10, more than its output 5: value added would be negative; give output or final_sales",
    )


def test_firm_that_would_sell_more_than_it_makes_is_named():
    everything_final = two_sectors(uses=np.array([[85.0, 0, 0, 0], [4.0, 3, 2, 1], [25.0, 0, 0, 0]]))
    network = from_edges([(0, 1, 9.0), (1, 0, 3.0)], [5, 8])
    network = replace(network, output=np.array([np.nan, 20.0]), final_sales=np.array([np.nan, 17.0]))
    with pytest.raises(InputError) as error:
        complete(network, everything_final)
    assert error.value.lines == ("firm '0' sells 9 along links, more than its output 6; give output or final_sales",)


@pytest.fixture(scope="module")
def us():
    return economy.load("us_2022")


@relaxed
@given(network=networks())
def test_completed_network_is_whole_and_adds_up(us, network):
    """What was given stays, nothing is missing, output is sold along links or outside and covers inputs; or the firm is named."""
    network = replace(network, sector=network.sector * 7)
    with contextlib.suppress(InputError):
        full = complete(network, us)
        for name in ("employment", "output", "final_sales"):
            old, new = getattr(network, name), getattr(full, name)
            assert np.isfinite(new).all()
            np.testing.assert_array_equal(new[~np.isnan(old)], old[~np.isnan(old)])
        np.testing.assert_allclose(full.sold + full.final_sales, full.output, rtol=1e-6)
        assert (full.bought <= full.output * (1 + 1e-6)).all()


# -- small networks -----------------------------------------------------------------------------------------------------------------------


def degrees(network: FirmNetwork) -> tuple[list[int], list[int]]:
    """Number of customers and of suppliers of each firm."""
    n = len(network.names)
    return np.bincount(network.supplier, minlength=n).tolist(), np.bincount(network.customer, minlength=n).tolist()


def test_chain_ring_and_star_have_their_degrees():
    assert degrees(chain(4)) == ([1, 1, 1, 0], [0, 1, 1, 1])
    assert degrees(ring(4)) == ([1, 1, 1, 1], [1, 1, 1, 1])
    assert degrees(star(4)) == ([3, 0, 0, 0], [0, 1, 1, 1])
    assert degrees(star(4, hub_buys=True)) == ([0, 1, 1, 1], [3, 0, 0, 0])
    assert chain(5, sectors=2).sector.tolist() == [0, 1, 0, 1, 0]
    assert chain(1).weight.size == 0
    assert chain(11).names[2] == "F02"


def test_chain_and_ring_have_output_two():
    assert chain(6).output.tolist() == [2.0] * 6
    assert ring(6).output.tolist() == [2.0] * 6
    assert star(6).output.tolist() == [6.0] + [2.0] * 5


def test_ring_of_one_is_refused():
    with pytest.raises(ValueError, match="a ring needs 2 firms or more, not 1"):
        ring(1)


@pytest.mark.parametrize("network", [chain(5), ring(5), star(5), star(5, hub_buys=True), random_graph(200, 7.5, 3, Draws(0), regions=4)])
def test_generated_networks_are_valid_and_add_value(network, tmp_path):
    assert ((network.output - network.bought) >= 1 - 1e-12).all()
    np.testing.assert_allclose(network.sold + network.final_sales, network.output, rtol=1e-15)
    write(network, tmp_path)
    found = read_network(tmp_path / "firms.csv", tmp_path / "links.csv", SECTORS)
    assert_same(found, network, but=("region", "region_names"))
    assert [region_of(found, i) for i in range(len(found.names))] == [region_of(network, i) for i in range(len(found.names))]


@given(n=st.integers(1, 30), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_random_graph_has_exactly_the_links_asked_for(n, share, seed):
    network = random_graph(n, share * (n - 1), 3, Draws(seed))
    assert network.weight.size == round(n * share * (n - 1))
    assert len(set(zip(network.supplier.tolist(), network.customer.tolist(), strict=True))) == network.weight.size
    assert (network.supplier != network.customer).all()
    assert (network.weight >= 1).all()
    assert (network.weight <= 100).all()
    assert (np.diff(network.supplier * n + network.customer) > 0).all()


def test_random_graph_is_uniform_over_pairs():
    """Every ordered pair of 4 firms is a link in m of n (n - 1) graphs: 1/4 of 2 000, standard error .01; five of them allowed."""
    seen = np.zeros((4, 4))
    for seed in range(2000):
        network = random_graph(4, 0.75, 1, Draws(seed))
        seen[network.supplier, network.customer] += 1
    assert (np.abs(seen[~np.eye(4, dtype=bool)] / 2000 - 0.25) < 0.05).all()


def test_random_graph_depends_on_the_seed_alone():
    assert_same(random_graph(50, 4, 3, Draws(7)), random_graph(50, 4, 3, Draws(7)))
    assert not np.array_equal(random_graph(50, 4, 3, Draws(7)).supplier, random_graph(50, 4, 3, Draws(8)).supplier)


def test_random_graph_refuses_more_links_than_pairs():
    with pytest.raises(ValueError, match=r"mean_degree 3 asks for 9 links; 3 firms can have 0 to 6"):
        random_graph(3, 3, 1, Draws(0))


def test_edges_by_name_and_by_number_give_the_same_network():
    named = from_edges([("a", "b", 2.0), ("b", "c", 3.0)], {"a": 1.0, "b": 0.0, "c": 5.0}, {"a": 0, "b": 1, "c": 1})
    numbered = from_edges([(0, 1, 2.0), (1, 2, 3.0)], [1.0, 0.0, 5.0], [0, 1, 1])
    assert_same(named, numbered, but=("names",))
    assert named.names == ("a", "b", "c")
    assert named.output.tolist() == [3.0, 3.0, 5.0]
    assert named.sector.tolist() == [0, 1, 1]


def test_edges_are_checked():
    with pytest.raises(InputError) as error:
        from_edges([("a", "b", -2.0), ("a", "d", 3.0)], {"a": 1.0, "b": -1.0})
    assert error.value.lines == (
        "final_sales 'b': final_sales -1.0 must be 0 or more",
        "edges [0]: weight -2.0 must be 0 or more",
        "edges [1]: customer 'd' is not in final_sales",
    )


# -- the packaged example, size and imports -----------------------------------------------------------------------------------------------


def test_local_network_loads_and_is_completed(us):
    network = read_network(LOCAL / "firms.csv", LOCAL / "links.csv", us.sectors)
    full = complete(network, us)
    assert (len(network.names), network.weight.size) == (603, 2804)
    assert sorted(network.region_names) == ["Easton", "Harbour", "Millford", "Upland"]
    assert (network.sold <= 0.9 * network.output).all()
    assert (full.output > full.bought).all()
    large = network.employment >= us.smb_threshold
    between_smbs = ~large[network.supplier] & ~large[network.customer]
    local = network.region[network.supplier] == network.region[network.customer]
    assert local[between_smbs].mean() == pytest.approx(0.445, abs=0.001)


def test_hundred_thousand_links_are_read_in_seconds(tmp_path):
    """They take under half a second on the machine this was written on; ten times as long is allowed."""
    network = random_graph(10_000, 10, 3, Draws(1))
    write(network, tmp_path)
    start = time.perf_counter()
    found = read_network(tmp_path / "firms.csv", tmp_path / "links.csv", SECTORS)
    assert time.perf_counter() - start < 5.0
    np.testing.assert_array_equal(found.weight, network.weight)


def test_import_brings_neither_networkx_nor_pandas():
    code = "import sys, smbsim.network; print(sorted({'networkx', 'pandas', 'mesa', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- large files --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch) -> Counter:
    """Every file counts as large; how many were cut into cells at once and how many cell by cell."""
    counted, split = Counter(), network_module._split_at_once

    def count(text):
        found = split(text)
        counted["at once" if found else "cell by cell"] += 1
        return found

    monkeypatch.setattr(network_module, "LARGE_FILE", 0)
    monkeypatch.setattr(network_module, "_split_at_once", count)
    return counted


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("\n", "\r\n\r\n"),
        lambda text: text.replace(",", " , "),
        lambda text: text.rstrip("\n"),
    ],
    ids=["plain", "byte order mark", "windows line ends", "blank lines", "windows blank lines", "blanks", "no last line end"],
)
def test_large_files_are_read_at_once_to_the_same_network(tmp_path, change, at_once):
    firms = "sector,firm,final_sales,region,output,employment\n23,A,,North,100,\n11,nan,5,South,,2.5\n23,C,120,North,,0\n"
    links = "customer,weight,supplier,essentiality\nnan,10.5,A,2\nC,1e2,nan,\n"
    found = read(tmp_path, change(firms), change(links))
    assert at_once == {"at once": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "LARGE_FILE", 10**9)
        assert_same(found, read(tmp_path, firms, links))


@pytest.mark.parametrize(
    "text",
    [
        LINKS + "A,C\n", LINKS + "A,C,1,2\n", LINKS + "A,C,1,2\nB,A\n", LINKS + "   \n", LINKS + 'A,"C",1\n', "\n" + LINKS,
        LINKS.replace("\n", "\r"), LINKS + "A,C,1\0\n",
    ],
    ids=["short row", "long row", "long and short row", "row of blanks", "quotes", "blank first line", "old line ends", "zero byte"],
)  # fmt: skip
def test_what_is_not_plain_is_read_cell_by_cell(text, at_once):
    assert network_module._split_at_once(text) is None


def test_mistakes_of_large_files_are_named_as_those_of_small_ones(tmp_path, at_once):
    links = "supplier,customer,weight\nA,B,10\nX,C,20\nA,B,3\nB,C,-1\nC,,5\nA,C,nan\n"
    said = mistakes(tmp_path, FIRMS, links)
    assert at_once == {"at once": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "LARGE_FILE", 10**9)
        assert said == mistakes(tmp_path, FIRMS, links)
    assert len(said) >= 5
