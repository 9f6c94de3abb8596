"""The table of the systemic-risk index: from scenarios and from files, on disk, continued, as a target, and what bad input gets."""

from __future__ import annotations

import csv
import json
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import smbsim
from smbsim import cli, simulate, terminal
from smbsim.analysis import concentration, risk_checks, risk_folder, risk_table
from smbsim.analysis import risk as risks
from smbsim.analysis import second_supplier as suppliers
from smbsim.analysis.risk_networks import SIZE_CLASSES
from smbsim.interventions.base import Target
from smbsim.network import from_edges
from smbsim.schema import InputError
from smbsim.state import LARGE, SMB
from smbsim.systemic.esri import esri, of_firms, of_state

SMALL = {"population": {"smbs": 60, "regions": 2}, "horizon": {"weeks": 4, "burn_in": 3}}
FIRMS = "firm,sector,final_sales,employment\na,mill,0,4\nb,mill,0,8\nc,bakery,60,20\nd,café,100,3\n"
LINKS = "supplier,customer,weight\na,c,10\nb,c,30\nc,d,40\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own with the files of a user in it."""
    monkeypatch.chdir(tmp_path)
    Path("firms.csv").write_text(FIRMS, encoding="utf-8")
    Path("links.csv").write_text(LINKS, encoding="utf-8")
    Path("small.yaml").write_text("name: small\npopulation: {smbs: 60, regions: 2}\n", encoding="utf-8")
    return tmp_path


FILES = ("--links", "links.csv", "--firms", "firms.csv")


def smbsim_risk(*words: str | Path, code: int = 0):
    done = CliRunner().invoke(cli.app, ["risk", *(str(word) for word in words)], catch_exceptions=False)
    assert done.exit_code == code, (done.stdout, done.stderr)
    return done


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def refused(*words: str | Path) -> list[str]:
    """The lines on stderr of bad input: no data, and the folder is as it was."""
    before = contents(Path("."))
    done = smbsim_risk(*words, code=2)
    assert done.stdout == ""
    assert contents(Path(".")) == before
    return done.stderr.splitlines()


def rows_of(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def numbers(folder: str | Path) -> dict[str, bytes]:
    return {name: (Path(folder) / name).read_bytes() for name in risk_table.NUMBERS}


# -- files of the user --------------------------------------------------------------------------------------------------------------------


def test_table_of_ones_own_files_has_one_row_per_firm_and_these_columns():
    done = smbsim_risk(*FILES, "--out", "out", "--no-figures")
    assert Path("out/risk.csv").read_text().splitlines()[0] == "firm,esri,esri_up,esri_down,iterations"
    rows = rows_of("out/risk.csv")
    assert [row["firm"] for row in rows] == ["a", "b", "c", "d"]
    direct = esri(of_firms(smbsim_network()), range(4))
    np.testing.assert_allclose([float(row["esri"]) for row in rows], direct.esri, rtol=1e-10)
    np.testing.assert_allclose([float(row["esri_up"]) for row in rows], direct.up, rtol=1e-10)
    assert [int(row["iterations"]) for row in rows] == direct.iterations.tolist()
    assert done.stderr == ("essentiality is not given: these inputs count as linear (1); essential inputs (2) make the index larger\n")
    assert done.stdout.startswith("links: systemic risk\n  4 firms closed one at a time: ")


def smbsim_network():
    return from_edges(
        [("a", "c", 10), ("b", "c", 30), ("c", "d", 40)], {"a": 0, "b": 0, "c": 60, "d": 100}, {"a": 0, "b": 0, "c": 1, "d": 2}
    )


def test_closing_a_mill_by_hand():
    """Sales: a 10, b 30, c 100, d 100 of 240. Without a: b is all that is left of the mills, and a has sold its share to the bakery.

    Dynamic share of a: min(1, 10 / 30) = 1/3. The bakery buys a quarter from a and loses 1/4 · 1/3 of its output, the café the same.
    Upstream nobody but a loses: mills do not buy. Loss: 10/240 + (1/12) 200/240.
    """
    table = smbsim.risk(links="links.csv", firms="firms.csv")
    assert table.esri[0] == pytest.approx(10 / 240 + 200 / 240 / 12, abs=1e-12)
    assert table.hurt.firm == "c"


def test_essentiality_comes_from_the_file_of_pairs_and_the_links_override_it():
    Path("e.csv").write_text("supplier_sector,customer_sector,essentiality\nbakery,café,0\nmill,bakery,2\n", encoding="utf-8")
    linear, rated = (
        smbsim.risk(links="links.csv", firms="firms.csv"),
        smbsim.risk(links="links.csv", firms="firms.csv", essentiality="e.csv"),
    )
    assert rated.esri_down[2] < linear.esri_down[2]  # the café does not need the bakery
    Path("own.csv").write_text("supplier,customer,weight,essentiality\na,c,10,\nb,c,30,\nc,d,40,1\n")
    own = smbsim.risk(links="own.csv", firms="firms.csv", essentiality="e.csv")
    assert own.esri_down[2] == pytest.approx(linear.esri_down[2])
    done = smbsim_risk(*FILES, "--essentiality", "e.csv", "--out", "out", "--no-figures")
    assert done.stderr == ""


def test_final_sales_count_where_they_are_known():
    known = smbsim.risk(links="links.csv", firms="firms.csv")
    Path("bare.csv").write_text("firm,sector\na,mill\nb,mill\nc,bakery\nd,café\n", encoding="utf-8")
    bare = smbsim.risk(links="links.csv", firms="bare.csv")
    assert "final sales are left out" in bare.manifest["notes"][-1]
    off = smbsim.risk(links="links.csv", firms="firms.csv", final_sales=False)
    np.testing.assert_array_equal(off.esri, bare.esri)
    assert known.esri_up[3] < off.esri_up[3]  # a bakery with guests of its own outlives the café
    Path("output.csv").write_text("firm,sector,output\na,mill,10\nb,mill,30\nc,bakery,100\nd,café,100\n", encoding="utf-8")
    np.testing.assert_allclose(smbsim.risk(links="links.csv", firms="output.csv").esri, known.esri, rtol=1e-12)


def test_losses_may_be_counted_in_employment_or_in_the_output_of_a_region():
    heads = smbsim.risk(links="links.csv", firms="firms.csv", weight="employment")
    assert heads.esri[0] == pytest.approx(4 / 35 + 23 / 35 / 12)
    Path("placed.csv").write_text("firm,sector,final_sales,region\na,mill,0,x\nb,mill,0,x\nc,bakery,60,y\nd,café,100,y\n", encoding="utf-8")
    there = smbsim.risk(links="links.csv", firms="placed.csv", weight="region=y")
    assert there.esri[0] == pytest.approx(1 / 12)


def test_some_firms_only_and_the_order_of_the_network():
    Path("list.txt").write_text("firm\nc\n\na\n")
    smbsim_risk(*FILES, "--firms-list", "list.txt", "--out", "out", "--no-figures")
    whole = smbsim.risk(links="links.csv", firms="firms.csv")
    rows = rows_of("out/risk.csv")
    assert [row["firm"] for row in rows] == ["a", "c"]
    np.testing.assert_allclose([float(row["esri"]) for row in rows], whole.esri[[0, 2]], rtol=1e-10)


def test_a_graph_is_a_network_too():
    graph = smbsim_graph()
    np.testing.assert_allclose(smbsim.risk(network=graph).esri, smbsim.risk(links="links.csv", firms="firms.csv").esri[[0, 1, 2, 3]])


def smbsim_graph():
    import networkx as nx

    graph = nx.DiGraph()
    for row in csv.DictReader(FIRMS.splitlines()):
        graph.add_node(row["firm"], sector=row["sector"], final_sales=float(row["final_sales"]))
    for row in csv.DictReader(LINKS.splitlines()):
        graph.add_edge(row["supplier"], row["customer"], weight=float(row["weight"]))
    return graph


@pytest.mark.parametrize(("component", "empty"), [("up", "esri_down"), ("down", "esri_up")])
def test_a_component_that_is_not_asked_for_is_empty(component, empty):
    smbsim_risk(*FILES, "--component", component, "--out", "out", "--no-figures")
    assert {row[empty] for row in rows_of("out/risk.csv")} == {""}
    assert np.isnan(getattr(risk_table.load("out"), empty)).all()


@pytest.mark.parametrize("words", [("--market-share", "static"), ("--market-share", "off"), ("--tolerance", "1e-2"), ("--jobs", 2)])
def test_options_reach_the_index(words):
    smbsim_risk(*FILES, *words, "--out", "out", "--no-figures")
    asked = json.loads(Path("out/manifest.json").read_text())["asked"]
    keys = {"market_share": asked["market_share"], "tolerance": asked["tolerance"]}
    direct = esri(of_firms(smbsim_network()), range(4), **keys)
    np.testing.assert_allclose([float(row["esri"]) for row in rows_of("out/risk.csv")], direct.esri, rtol=1e-10)


# -- scenarios ----------------------------------------------------------------------------------------------------------------------------


def test_scenario_closes_every_smb_of_its_population_at_rest():
    state = simulate.prepare(smbsim.load(SMALL), 3)[0]
    small = np.flatnonzero(state.firms.kind == SMB)
    table = smbsim.risk(smbsim.load(SMALL), seed=3)
    np.testing.assert_allclose(table.esri, esri(of_state(state), small).esri, rtol=1e-12)
    assert table.firm.tolist() == [str(uid) for uid in state.firms.uid[small]]
    assert set(table.size_class) <= {0, 1, 2}
    assert table.output_share.sum() < 1
    everyone = smbsim.risk(smbsim.load(SMALL), seed=3, large_firms=True)
    assert len(everyone.firm) == state.firms.n
    assert (everyone.size_class == SIZE_CLASSES.index("large")).sum() == (state.firms.kind == LARGE).sum()


def test_weights_of_a_scenario():
    spec = smbsim.load(SMALL)
    heads = smbsim.risk(spec, weight="smb_employment")
    assert heads.hurt.share.sum() == pytest.approx(1)
    regions = [smbsim.risk(spec, weight=f"region=region {r}", large_firms=True).esri for r in (1, 2)]
    both, whole = np.mean(regions, axis=0), smbsim.risk(spec, large_firms=True).esri
    assert np.corrcoef(both, whole)[0, 1] > 0.9
    assert not np.allclose(*regions)


def test_reconstructions_have_bands_and_a_column_for_the_run():
    done = smbsim_risk("small.yaml", "--runs", 3, "--seed", 5, "--out", "out", "--no-figures")
    table = risk_table.load("out")
    assert table.seeds == (5, 6, 7)
    rows = rows_of("out/risk.csv")
    assert list(rows[0]) == ["run", "firm", "esri", "esri_up", "esri_down", "iterations"]
    assert [sum(row["run"] == r for row in rows) for r in "012"] == [60, 60, 60]
    alone = smbsim.risk("small.yaml", seed=6)
    np.testing.assert_array_equal(table.esri[table.run == 1], alone.esri)
    bands = table.bands()
    assert bands["gini"]["p5"] < bands["gini"]["p95"]
    assert {row["statistic"] for row in rows_of("out/statistics.csv")} == set(concentration.STATISTICS)
    classes = rows_of("out/classes.csv")
    assert sum(float(row["firms"]) for row in classes) == pytest.approx(60)
    assert all(float(row["p5"]) <= float(row["p95"]) for row in classes)
    assert "statistics: median (5 to 95 % of reconstructions)" in done.stdout
    assert done.stderr == ""


def test_one_reconstruction_is_said_to_be_a_guess_and_json_holds_the_numbers():
    done = smbsim_risk("small.yaml", "--out", "out", "--json", "--no-figures")
    told = json.loads(done.stdout)
    assert told["folder"] == "out"
    assert told["notes"] == ["one reconstruction is a guess: runs = 8 (--runs 8) gives bands"]
    assert len(told["top"]) == 10
    assert told["top"][0]["esri"] == max(one["esri"] for one in told["top"]) == pytest.approx(told["statistics"]["highest"]["p50"])
    assert told["hungary"]["plateau_index"] == 0.23


def test_results_folder_says_what_made_it_and_reads_back(here):
    done = smbsim_risk("small.yaml")
    (folder,) = (here / "results/small_risk").iterdir()
    assert {path.name for path in folder.iterdir()} >= {"input.json", "manifest.json", "parts", "figures", *risk_table.NUMBERS}
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("ranking", "against_size", "who_is_hurt") for kind in ("svg", "png")
    }
    assert f"{folder.relative_to(here)}" in done.stdout
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["seeds"] == [1]
    assert manifest["hash"] in folder.name
    assert set(manifest["files"]) == set(risk_table.NUMBERS)
    back, again = risk_table.load(folder), smbsim.risk("small.yaml")
    np.testing.assert_array_equal(back.esri, again.esri)
    np.testing.assert_array_equal(back.hurt.loss, again.hurt.loss)
    assert back.summary() == again.summary()
    assert "highest" in repr(back)
    assert "<li>" in back._repr_html_()


def test_same_question_gives_the_same_bytes_whatever_the_number_of_threads():
    for out, jobs in (("one", 1), ("two", 2)):
        smbsim_risk("small.yaml", "--runs", 2, "--jobs", jobs, "--out", out, "--no-figures")
    assert numbers("one") == numbers("two")


# -- continuing ---------------------------------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_a_folder_that_is_continued_with_the_same_bytes(monkeypatch):
    monkeypatch.setattr(risks, "CHUNK", 25)
    smbsim_risk("small.yaml", "--runs", 2, "--out", "whole", "--no-figures")
    shown = terminal.progress

    @contextmanager
    def until_four_chunks_are_there(*words):
        with shown(*words) as report:

            def interrupt(done: int, total: int) -> None:
                if done > 60 + 25:
                    os.kill(os.getpid(), signal.SIGINT)
                report(done, total)

            yield interrupt

    monkeypatch.setattr(terminal, "progress", until_four_chunks_are_there)
    done = smbsim_risk("small.yaml", "--runs", 2, "--out", "out", "--no-figures", code=130)
    assert done.stderr == "stopped; 4 finished chunks kept in out. To continue: the same command with --resume\n"
    assert not Path("out/manifest.json").exists()
    monkeypatch.setattr(terminal, "progress", shown)
    kept = {path.name: path.stat().st_mtime_ns for path in Path("out/parts").iterdir()}
    done = smbsim_risk("small.yaml", "--runs", 2, "--out", "out", "--no-figures", "--resume")
    assert done.stderr == "continuing out\n"
    assert {name: Path("out/parts", name).stat().st_mtime_ns for name in kept} == kept
    assert numbers("out") == numbers("whole")


def test_resume_without_a_folder_continues_the_newest_of_the_same_question(here):
    smbsim_risk(*FILES, "--no-figures")
    (folder,) = (here / "results/links_risk").iterdir()
    done = smbsim_risk(*FILES, "--no-figures", "--resume")
    assert done.stderr.splitlines()[0] == f"continuing {folder.relative_to(here)}"
    anew = smbsim_risk(*FILES, "--no-figures", "--resume", "--tolerance", "1e-3")
    assert anew.stderr.splitlines()[0] == "there is nothing to continue; starting anew"


def test_resume_does_not_mix_questions_and_force_overwrites():
    smbsim_risk(*FILES, "--out", "out", "--no-figures")
    lines = refused(*FILES, "--tolerance", "1e-2", "--out", "out", "--resume")
    assert lines[1:] == ["--resume: out holds another network or other options; use another folder, or --force to overwrite it"]
    smbsim_risk(*FILES, "--tolerance", "1e-2", "--out", "out", "--force", "--no-figures")
    assert json.loads(Path("out/manifest.json").read_text())["asked"]["tolerance"] == 0.01


@pytest.mark.parametrize("question", [FILES, ("small.yaml",)])
def test_resume_refuses_what_other_code_began(question, monkeypatch):
    smbsim_risk(*question, "--out", "out", "--no-figures")
    monkeypatch.setattr(risk_folder.scenarios, "code_digest", lambda: "other")
    lines = refused(*question, "--out", "out", "--resume")
    assert lines[1:] == [
        "--resume: out was begun with other code of smbsim, whose numbers may differ; use another folder, or --force to overwrite it"
    ]


# -- a folder afterwards ------------------------------------------------------------------------------------------------------------------


def smbsim_on(command: str, *words, code=0):
    done = CliRunner().invoke(cli.app, [command, *map(str, words)])
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("question", [("small.yaml", "--runs", 2), (*FILES, "--essentiality", "e.csv", "--tolerance", "1e-2")])
def test_folder_is_verified_shown_and_comes_out_the_same_again(question):
    Path("e.csv").write_text("supplier_sector,customer_sector,essentiality\nmill,bakery,2\n", encoding="utf-8")
    first = smbsim_risk(*question, "--out", "out", "--no-figures")
    for name in ("links.csv", "firms.csv", "e.csv", "small.yaml"):
        Path(name).unlink()  # the folder needs nothing else
    assert "FAILED" not in smbsim_on("verify", "out").stdout
    assert all(part["ok"] for part in json.loads(smbsim_on("verify", "out", "--json").stdout).values())
    assert smbsim_on("show", "out").stdout.splitlines() == first.stdout.splitlines()[:-2]
    assert json.loads(smbsim_on("show", "out", "--json").stdout)["runs"] == (2 if "--runs" in question else 1)
    done = smbsim_on("rerun", "out", "--out", "again")
    assert done.stdout.count("the same bit for bit") == len(risk_table.NUMBERS)
    assert done.stderr == ""
    assert numbers("again") == numbers("out")


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("risk.csv", lambda text: text.replace("\nb,", "\nb,1"), ["risk.csv was changed", "risk.csv line 3 is 'b,1"]),
        ("firms.csv", lambda text: text.replace("mill", "mall"), ["firms.csv was changed", "firms.csv line 2 is 'a,mall"]),
        ("statistics.csv", lambda text: "", ["statistics.csv was changed", "statistics.csv line 1 is 'no line'"]),
        ("inputs/links.csv", lambda text: text + "\n", ["inputs/links.csv was changed"]),
        ("input.json", lambda text: text.replace("dynamic", "off"), ["input.json is not the question of the manifest"]),
        ("manifest.json", lambda text: text.replace('"ended"', '"end"'), ["manifest.json has no 'ended'"]),
    ],
)
def test_what_was_changed_in_a_folder_is_found(file, change, said):
    smbsim_risk(*FILES, "--out", "out", "--no-figures")
    path = Path("out", file)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    lines = smbsim_on("verify", "out", code=4).stderr.splitlines()
    assert len(lines) == len(said)
    for line, part in zip(lines, said, strict=True):
        assert line.startswith(f"out: {part}")


def test_scores_that_cannot_be_are_found():
    table = smbsim.risk(links="links.csv", firms="firms.csv")
    assert risk_checks._wrong_scores(table) == []
    assert "is not between 0 and 1" in risk_checks._wrong_scores(replace(table, esri=table.esri + 1))[0]
    assert "is not between its parts" in risk_checks._wrong_scores(replace(table, esri_up=table.esri + 0.1))[0]
    assert "losses by sector sum to" in risk_checks._wrong_scores(replace(table, hurt=replace(table.hurt, loss=table.hurt.loss * 2)))[0]


def test_stopped_folder_and_network_of_python_cannot_be_run_again():
    smbsim_risk(*FILES, "--out", "out", "--no-figures")
    Path("out/manifest.json").unlink()
    assert "the same command with --resume" in smbsim_on("verify", "out", code=2).stderr
    smbsim.risk(network=smbsim_network(), out="python")
    assert "FAILED" not in smbsim_on("verify", "python").stdout
    assert "it cannot be run again" in smbsim_on("rerun", "python", code=2).stderr


# -- bad input ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("links.csv", LINKS + "x,c,1\n", "links.csv line 5: supplier 'x' is not in firms.csv"),
        ("links.csv", LINKS.replace("30", "-30"), "links.csv line 3: weight -30 must be 0 or more"),
        ("links.csv", LINKS + "a,c,5\n", "links.csv line 5: 'a' supplies 'c' already, in line 2"),
        ("links.csv", LINKS.replace("30", "many"), "links.csv line 3: weight 'many' is not a finite number"),
        ("links.csv", "supplier,weight\na,1\n", "links.csv: column 'customer' is missing"),
        ("firms.csv", FIRMS.replace("d,café", "d,"), "firms.csv line 5: sector is empty"),
        ("firms.csv", "firm\na\n", "firms.csv: column 'sector' is missing"),
        ("e.csv", "supplier_sector,customer_sector,essentiality\nmil,bakery,2\n",
         "e.csv line 2: no firm is in sector 'mil'. Did you mean 'mill'? Valid: bakery, café, mill."),
        ("e.csv", "supplier_sector,customer_sector,essentiality\nmill,bakery,3\n", "e.csv line 2: essentiality '3' must be 0, 1 or 2"),
        ("e.csv", "supplier_sector,customer_sector,essentiality\nmill,bakery,1\nmill,bakery,2\n",
         "e.csv line 3: sectors 'mill' and 'bakery' are there already, in line 2"),
        ("e.csv", "supplier_sector,customer_sector,essentiality\nmill,bakery\n", "e.csv line 2: 2 cells, but the header has 3 columns"),
        ("e.csv", "from,to\n", "e.csv: the columns must be supplier_sector, customer_sector, essentiality, not from, to"),
        ("list.txt", "a\nzed\n", "firms list: firm 'zed' is not among those that can be closed"),
        ("list.txt", "a\na\n", "firms list: firm 'a' is there 2 times"),
        ("list.txt", "\n", "firms list: no firm is named"),
    ],
)  # fmt: skip
def test_files_with_a_mistake_are_refused_in_one_line(file, text, line):
    Path("e.csv").write_text("supplier_sector,customer_sector,essentiality\n")
    Path("list.txt").write_text("a\n")
    Path(file).write_text(text, encoding="utf-8")
    assert refused(*FILES, "--essentiality", "e.csv", "--firms-list", "list.txt", "--out", "out") == [line]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "give a scenario, or links and firms, or a network"),
        (("small.yaml", *FILES), "give a scenario, or links and firms, or a network"),
        (("--links", "links.csv"), "give a scenario, or links and firms, or a network"),
        (("--links", "none.csv", "--firms", "firms.csv"), "none.csv: there is no such file"),
        ((*FILES, "--runs", 2), "runs and seed: this network is known, and the same in every run"),
        ((*FILES, "--set", "runs.seed=2"), "--set and --economy go with a scenario"),
        ((*FILES, "--large-firms"), "large_firms: belongs to a scenario; all firms of a known network are closed"),
        ((*FILES, "--tolerance", 0), "tolerance 0 must lie between 0 and 1"),
        ((*FILES, "--market-share", "dynamc"), "unknown market share 'dynamc'. Did you mean 'dynamic'? Valid: dynamic, static, off."),
        ((*FILES, "--component", "left"), "unknown component 'left'. Valid: both, up, down."),
        ((*FILES, "--weight", "jobs"), "unknown weight 'jobs'. Valid: output, employment, smb_employment, region=NAME."),
        ((*FILES, "--weight", "region=here"), "weight: unknown region 'here'. Valid: all."),
        ((*FILES, "--weight", "smb_employment"), "weight smb_employment: only a scenario says which firms are small; use employment"),
        ((*FILES, "--essentiality", "none.csv"), "none.csv: cannot be read: No such file or directory"),
        ((*FILES, "--firms-list", "none.txt"), "none.txt: cannot be read: No such file or directory"),
        ((*FILES, "--jobs", "many"), "--jobs = many is neither auto nor a whole number of 1 or more"),
        (("small.yaml", "--essentiality", "e.csv"), "essentiality: a scenario has that of its economy; the file goes with links and firms"),
        (("small.yaml", "--weight", "region=here"), "weight: unknown region 'here'. Valid: region 1, region 2."),
    ],
)
def test_options_that_mean_nothing_are_refused_in_one_line(words, line):
    assert refused(*words) == [line]


def test_a_folder_that_holds_something_is_not_overwritten():
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    (line,) = refused(*FILES, "--out", "out")
    assert line.startswith("--out: out is not empty; use --resume to continue it, --force to overwrite it")


def test_firms_of_which_too_little_is_known_are_named():
    Path("firms.csv").write_text("firm,sector,final_sales\na,mill,0\nb,mill,\nc,bakery,60\nd,café,\n", encoding="utf-8")
    lines = refused(*FILES, "--final-sales")
    assert lines == ["final sales: neither final_sales nor output is given of firm 'b' and 1 more"]
    assert refused(*FILES, "--weight", "employment") == ["weight employment: firms.csv has no employment of firm 'a' and 3 more"]


@pytest.mark.parametrize(
    ("psi", "said"),
    [(np.full((1, 4), 1.5), "1.5"), (np.full((1, 4), -0.1), "-0.1"), (np.ones((1, 3)), "4"), (np.full((1, 4), np.nan), "nan")],
)
def test_capacities_outside_their_bounds_or_of_a_wrong_length_are_refused_from_python(psi, said):
    with pytest.raises(InputError, match=said) as error:
        esri(of_firms(smbsim_network()), psi=psi)
    assert len(error.value.lines) == 1


def test_folders_that_are_not_risk_are_refused():
    with pytest.raises(InputError, match=r"no risk\.nc; did `smbsim risk` write it"):
        risk_table.load(".")


# -- numbers ------------------------------------------------------------------------------------------------------------------------------


def test_gini_of_known_lists():
    assert concentration.gini(np.ones(7)) == pytest.approx(0)
    assert concentration.gini(np.array([0.0, 0, 0, 1])) == pytest.approx(0.75)
    assert concentration.gini(np.array([1.0, 3.0])) == pytest.approx(0.25)
    assert np.isnan(concentration.gini(np.zeros(3)))


def test_statistics_of_a_ranking_with_a_plateau():
    scores = np.concatenate([[0.2, 0.199, 0.195], np.full(97, 1e-4)])
    found = concentration.statistics_of(scores, scores[::-1])
    assert (found["plateau"], found["plateau_share"]) == (3, 0.03)
    assert found["plateau_index"] == pytest.approx(0.198)
    assert found["above_1_percent"] == found["above_10_means"] == 0.03
    assert np.isnan(concentration.statistics_of(np.ones(5), np.ones(5))["spearman_size"])  # nothing to rank
    assert concentration.statistics_of(scores, scores**2)["spearman_size"] == pytest.approx(1)


def test_hurt_adds_up_to_the_index_of_the_top_firm():
    table = smbsim.risk(smbsim.load(SMALL))
    assert table.hurt.loss.sum() == pytest.approx(table.esri.max(), rel=1e-9)
    assert table.hurt.share.sum() == pytest.approx(1)
    assert table.hurt.firm == table.firm[table.top(1)[0]]


# -- policy -------------------------------------------------------------------------------------------------------------------------------


def test_second_supplier_halves_what_hangs_on_one_firm():
    """Two mills, one of which supplies the bakery: with half bought from the other, its closure costs the bakery at most half."""
    network = of_firms(from_edges([("a", "c", 40), ("c", "d", 40)], {"a": 0, "b": 50, "c": 60, "d": 100}, {"a": 0, "b": 0, "c": 1, "d": 2}))
    found = suppliers.second_supplier(network, [0], tolerance=1e-10)
    assert found.moved == 20
    assert sorted(zip(found.network.supplier.tolist(), found.network.customer.tolist(), found.network.weight.tolist(), strict=True)) == [
        (0, 2, 20.0), (1, 2, 20.0), (2, 3, 40.0),
    ]  # fmt: skip
    assert found.backups.tolist() == [1]
    assert found.fall[0] > 0
    assert found.fall[0] == found.before[0] - found.after[0]
    assert found.backups_after[0] > found.backups_before[0]  # the risk has moved
    total = [net.weight.sum() for net in (network, found.network)]
    assert total[0] == total[1]


def test_second_supplier_is_one_that_the_customer_has_before_a_stranger():
    edges = [("a", "d", 30), ("b", "d", 10), ("c", "e", 99)]
    network = of_firms(from_edges(edges, {"a": 0, "b": 0, "c": 100, "d": 100, "e": 200}, {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1}))
    found = suppliers.second_supplier(network, [0])
    assert dict(zip(zip(found.network.supplier, found.network.customer, strict=True), found.network.weight, strict=True)) == {
        (0, 3): 15.0, (1, 3): 25.0, (2, 4): 99.0,
    }  # fmt: skip


def test_without_another_firm_in_the_sector_nothing_changes_and_unknown_rows_are_refused():
    network = of_firms(smbsim_network())
    found = suppliers.second_supplier(network, [2])
    assert (found.moved, len(found.backups), found.fall.tolist()) == (0, 0, [0])
    with pytest.raises(InputError, match="firms must be rows from 0 to 3"):
        suppliers.second_supplier(network, [4])


# -- target -------------------------------------------------------------------------------------------------------------------------------


def targeted(state, draws, **keys) -> np.ndarray:
    return np.flatnonzero(Target(**keys).rows(state, draws, "removal"))


def test_top_risk_selects_the_firms_with_the_highest_index():
    state, _, draws = simulate.prepare(smbsim.load(SMALL), 3)
    table = smbsim.risk(smbsim.load(SMALL), seed=3)
    assert {str(uid) for uid in targeted(state, draws, top_risk=5)} == set(table.firm[table.top(5)])
    assert (state.firms.kind[targeted(state, draws, top_risk=1000)] == SMB).all()


def test_top_risk_ranks_what_the_other_keys_select():
    state, _, draws = simulate.prepare(smbsim.load(SMALL), 3)
    index = esri(of_state(state), np.arange(state.firms.n)).esri
    inside = targeted(state, draws, region="region 1", size="micro")
    best = inside[np.argsort(-index[inside], kind="stable")[:3]]
    assert targeted(state, draws, region="region 1", size="micro", top_risk=3).tolist() == sorted(best.tolist())
    large = targeted(state, draws, kind="large", top_risk=2)
    assert (state.firms.kind[large] == LARGE).all()
    assert len(large) == 2


def test_top_risk_is_that_of_rest_whatever_the_week_and_is_computed_once(monkeypatch):
    import smbsim.systemic.esri as module

    state, plan, draws = simulate.prepare(smbsim.load(SMALL), 3)
    at_rest = targeted(state.copy(), draws, top_risk=5)
    later = state.copy()
    simulate.burn_in(later, plan, draws, 20)
    assert not np.array_equal(later.slots.order, state.slots.order)
    np.testing.assert_array_equal(targeted(later, draws, top_risk=5), at_rest)
    monkeypatch.setattr(module, "esri", None)
    np.testing.assert_array_equal(targeted(later.copy(), draws, top_risk=5), at_rest)
    order = np.random.default_rng(1).permutation(state.firms.n)
    moved = later.relabelled(order)
    np.testing.assert_array_equal(np.sort(moved.firms.uid[targeted(moved, draws, top_risk=5)]), np.sort(later.firms.uid[at_rest]))


def test_variants_of_one_economy_share_the_index(monkeypatch):
    """Targets are resolved on the state that all variants are copied from: two variants close every firm once."""
    import smbsim.systemic.esri as module

    asked, index = [], module.esri
    monkeypatch.setattr(module, "esri", lambda network, rows, **options: asked.append(len(rows)) or index(network, rows, **options))
    shock = {"kind": "removal", "start": 0, "stop": 2, "target": {"top_risk": 3}}
    twice = smbsim.load({**SMALL, "horizon": {"weeks": 3, "burn_in": 2}, "shocks": [shock], "variants": {"longer": {"shocks+": [shock]}}})
    simulate.run(twice.all_variants(), 3)
    assert len(asked) == 1


def test_scenario_with_top_risk_runs_and_hurts_more_than_a_random_share():
    def shut(**target):
        return smbsim.load({**SMALL, "shocks": [{"kind": "removal", "start": 0, "stop": 3, "target": target}]})

    targets = {"top_risk": 3}, {"firms": ["1", "2", "3"]}
    top, tail = (smbsim.run(shut(**target), jobs=1).relative("output").values[1].min() for target in targets)
    assert top < tail
    with pytest.raises(InputError, match="top_risk"):
        shut(top_risk=0)
