"""The command line: what every command prints and writes, and what bad input gets: one line, exit code 2, nothing half-written."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from economies import write_economy
from typer.testing import CliRunner

from smbsim import checks, cli, describe, scenario, terminal
from smbsim.analysis import ensemble, study
from smbsim.analysis.resilience import MEASURES

TINY = """\
name: tiny
description: Does a tiny economy answer?
population: {smbs: 60, regions: 1}
horizon: {weeks: 10, burn_in: 0}
output: {metrics: [output, real_value_added, sector_output, region_employment]}
shocks:
  - {kind: demand, target: {share: 0.5}, start: 2, stop: 6, size: 0.4}
"""
FIRMS = "firm,sector,final_sales\na,11,100\nb,31,100\nc,72,100\n"
LINKS = "supplier,customer,weight\na,b,50\nb,c,50\n"
NETWORK = "network: {firms: firms.csv, links: links.csv}\nhorizon: {weeks: 6, burn_in: 0}\n"
SHOCK = "shocks: [{kind: removal, target: {firms: [a]}, start: 1, stop: 3}]\n"


COMMANDS = ["run", "check", "risk", "scorecard", "describe", "list", "schema", "show", "verify", "rerun", "new", "doctor", "compare",
            "report", "sweep", "tipping", "warning", "sensitivity", "calibrate", "bench"]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own, with tiny.yaml in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


def smbsim(*words: str | Path, code: int = 0):
    """What a command prints; it must end with this exit code."""
    done = CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, (done.stdout, done.stderr)
    return done


def refused(*words: str | Path) -> list[str]:
    """The lines on stderr of a command that is bad input. It prints no data and leaves the folder as it was."""
    before = contents(Path("."))
    done = smbsim(*words, code=2)
    assert done.stdout == ""
    assert contents(Path(".")) == before
    return done.stderr.splitlines()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def numbers(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ensemble.NUMBERS}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A results folder of two runs. Tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "tiny.yaml").write_text(TINY)
    smbsim("run", folder / "tiny.yaml", "--runs", 2, "--out", folder / "out", "--no-figures")
    return folder / "out"


@pytest.fixture
def copied(results, here) -> Path:
    return Path(shutil.copytree(results, here / "copied"))


# -- help ---------------------------------------------------------------------------------------------------------------------------------


def test_every_command_option_and_argument_has_a_help_text():
    group = typer.main.get_command(cli.app)
    assert list(group.commands) == COMMANDS
    for command in (group, *group.commands.values()):
        assert command.help
        assert all(p.help for p in command.params if p.name != "help"), command.name


@pytest.mark.parametrize("command", COMMANDS)
def test_first_line_of_help_is_not_cut_in_the_list_of_commands(command):
    (line,) = (line for line in smbsim("--help").stdout.splitlines() if line.startswith(f"  {command} "))
    assert line.endswith(".")
    assert not line.endswith("...")
    assert smbsim(command, "--help").stdout.startswith("Usage: ")


def test_version_is_data():
    assert smbsim("--version").stdout == "smbsim 0.1.0\n"


# -- run ----------------------------------------------------------------------------------------------------------------------------------


def test_run_writes_numbers_then_figures_and_says_what_happened(here):
    done = smbsim("run", "tiny.yaml", "--runs", 2, "--seed", 5)
    folder = next((here / "results" / "tiny").iterdir())
    lines = done.stdout.splitlines()
    assert lines[0] == "tiny: 2 variants × 2 runs × 10 weeks"
    assert lines[1].startswith("  scenario: value added falls by ")
    assert str(folder.relative_to(here)) in lines
    assert {p.name for p in folder.iterdir()} >= {"manifest.json", "scenario.yaml", "runs.csv", *ensemble.NUMBERS, "figures", "parts"}
    figures = list((folder / "figures").iterdir())
    assert {path.suffix for path in figures} == {".svg", ".png"}
    assert all(str(path.relative_to(folder)) in done.stdout for path in figures)
    assert json.loads((folder / "manifest.json").read_text())["seeds"] == [5, 6]


def test_run_as_json_is_one_document_with_the_folder_and_the_numbers():
    done = smbsim("run", "tiny.yaml", "--out", "out", "--no-figures", "--json")
    told = json.loads(done.stdout)
    assert (told["folder"], told["figures"], told["failed"], told["runs"]) == ("out", [], 0, 1)
    assert told["resilience"]["scenario"]["depth"]["p50"] > 0
    assert told["metrics"]["output"]["variants"]["scenario"]["last"] > 0


def test_options_change_the_scenario():
    words = ("--steps", 4, "--set", "shocks[0].size=0.1", "--set", "runs.seed=9", "--no-baseline", "--no-figures", "--check", "--jobs", 1)
    smbsim("run", "tiny.yaml", "--out", "out", *words)
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["scenario"]["horizon"]["weeks"] == 4
    assert manifest["scenario"]["shocks"][0]["size"] == 0.1
    assert manifest["seeds"] == [9]
    assert list(manifest["variants"]) == ["scenario"]


def test_economy_may_be_a_folder_anywhere(tmp_path_factory):
    economy = write_economy(tmp_path_factory.mktemp("elsewhere") / "economy")
    smbsim("run", "tiny.yaml", "--economy", economy, "--out", "out", "--no-figures")
    assert json.loads(Path("out/manifest.json").read_text())["currency"] == "SYN"


def test_one_and_two_threads_give_the_same_bits(results):
    smbsim("run", "tiny.yaml", "--runs", 2, "--out", "out", "--no-figures", "--threads", 2, "--jobs", 1)
    assert numbers(Path("out")) == numbers(results)


def test_dry_run_counts_weeks_and_writes_nothing(here):
    before = contents(here)
    done = smbsim("run", "tiny.yaml", "--runs", 7, "--dry-run")
    assert done.stdout.splitlines()[:3] == [
        "2 variants × 7 runs × 10 weeks after a burn-in of 0",
        "140 weeks in all",
        "variants: baseline, scenario",
    ]
    told = json.loads(smbsim("run", "tiny.yaml", "--runs", 7, "--dry-run", "--json").stdout)
    assert told["weeks_simulated"] == 140
    assert told["seconds"] > 0
    assert told["memory_bytes"] > 0
    assert contents(here) == before


def forget(folder, seed):
    """As if the run of this seed had not ended."""
    with (folder / "runs.csv").open(newline="") as rows:
        gone = [row["id"] for row in csv.DictReader(rows) if row["seed"] == str(seed)]
    parts = sqlite3.connect(folder / "parts/all.sqlite")
    with parts:
        parts.execute("delete from runs where id = ?", gone)
    parts.close()


def test_resume_after_a_kill_gives_identical_files(copied, results):
    """As a run killed under way leaves it: no numbers, no manifest, one part missing, another half-written."""
    forget(copied, 1)
    for name in (*ensemble.NUMBERS, "manifest.json", "runs.csv"):
        (copied / name).unlink()
    done = smbsim("run", "tiny.yaml", "--runs", 2, "--out", copied, "--resume", "--no-figures")
    assert done.stderr == f"continuing {copied}\n"
    assert numbers(copied) == numbers(results)
    with (copied / "runs.csv").open(newline="") as rows:
        assert [row["status"] for row in csv.DictReader(rows)] == ["done", "resumed"]


def test_resume_gives_identical_files_without_a_metric_by_region(here):
    words = ("run", "tiny.yaml", "--set", "output.metrics=[output]", "--runs", 2, "--out", "out", "--no-figures")
    smbsim(*words)
    whole = numbers(Path("out"))
    forget(here / "out", 2)
    smbsim(*words, "--resume")
    assert numbers(Path("out")) == whole


def test_resume_without_a_folder_continues_the_newest_of_the_same_scenario(here):
    smbsim("run", "tiny.yaml", "--no-figures")
    folder = next((here / "results/tiny").iterdir()).relative_to(here)
    assert smbsim("run", "tiny.yaml", "--resume", "--no-figures").stderr == f"continuing {folder}\n"
    anew = smbsim("run", "tiny.yaml", "--set", "shocks[0].size=0.2", "--resume", "--no-figures")
    assert anew.stderr == "there is nothing to continue; starting anew\n"
    assert len(list((here / "results/tiny").iterdir())) == 2


def test_resume_does_not_mix_scenarios(copied):
    lines = refused("run", "tiny.yaml", "--set", "shocks[0].size=0.2", "--out", "copied", "--resume")
    assert lines == ["continuing copied", "--resume: copied holds another scenario; use another folder, or --force to overwrite it"]


def test_resume_does_not_mix_runs_with_and_without_baseline(copied):
    lines = refused("run", "tiny.yaml", "--out", "copied", "--resume", "--no-baseline")
    assert lines[1:] == ["--resume: the runs in copied were made with the baseline; continue them so"]


def test_force_overwrites(copied):
    smbsim("run", "tiny.yaml", "--seed", 8, "--out", "copied", "--force", "--no-figures")
    assert json.loads((copied / "manifest.json").read_text())["seeds"] == [8]
    smbsim("verify", "copied")


def test_ctrl_c_leaves_a_folder_that_can_be_continued(results, monkeypatch):
    """The signal comes while the second of two runs is under way; runs that are under way stop at their next week."""
    shown = terminal.progress

    @contextmanager
    def until_the_first_run_is_there(*words):
        with shown(*words) as report:

            def interrupt(done: int, total: int) -> None:
                if done == total // 2 + 5:
                    os.kill(os.getpid(), signal.SIGINT)
                report(done, total)

            yield interrupt

    monkeypatch.setattr(terminal, "progress", until_the_first_run_is_there)
    done = smbsim("run", "tiny.yaml", "--runs", 2, "--jobs", 1, "--out", "out", "--no-figures", code=130)
    assert done.stderr == "stopped; 1 finished run kept in out. To continue: the same command with --resume\n"
    assert smbsim("verify", "out", code=2).stderr.startswith("out was stopped before its end; continue it")
    monkeypatch.setattr(terminal, "progress", shown)
    smbsim("run", "tiny.yaml", "--runs", 2, "--out", "out", "--resume", "--no-figures")
    assert numbers(Path("out")) == numbers(results)


def test_failed_runs_are_counted_and_exit_with_1(monkeypatch):
    run = study.run_variants

    def fail_seed_2(variants, seed, *rest):
        if seed == 2:
            raise ValueError("firms.cash: 1 values not finite")
        return run(variants, seed, *rest)

    monkeypatch.setattr(study, "run_variants", fail_seed_2)
    done = smbsim("run", "tiny.yaml", "--runs", 2, "--out", "out", "--no-figures", code=1)
    assert done.stderr == "1 of 2 runs failed; see out/runs.csv\n"
    found = smbsim("verify", "out", code=4)
    assert found.stderr == "out: seed 2: failed: ValueError: firms.cash: 1 values not finite\n"
    alone = smbsim("run", "tiny.yaml", "--seed", 2, "--out", "other", "--no-figures", code=1)
    assert alone.stderr == "all 1 runs failed; the first: ValueError: firms.cash: 1 values not finite; see other/runs.csv\n"


# -- bad input ----------------------------------------------------------------------------------------------------------------------------


def bad(text: str, *words: str) -> list[str]:
    """What `run` and `check` say about tiny.yaml with these lines on top; both must say the same."""
    Path("bad.yaml").write_text(text)
    lines = refused("run", "bad.yaml", "--out", "out", *words)
    assert refused("check", "bad.yaml", *words) == lines
    return lines


def test_unknown_key():
    assert bad("finance: {loan_rat: 0.09}\n") == [
        "bad.yaml:1 finance: unknown key 'loan_rat'. Did you mean 'loan_rate'? "
        f"Valid: {', '.join(scenario.Finance.model_fields)}."
    ]  # fmt: skip


def test_wrong_type():
    assert bad('population: {smbs: "many"}\n') == ['bad.yaml:1 population.smbs = "many" is not a whole number; allowed: [1, inf) firms']


def test_out_of_bounds():
    assert bad("finance:\n  loan_rate: 4\n") == ["bad.yaml:2 finance.loan_rate = 4 is outside [0, 1] share/yr"]
    assert bad("{}", "--set", "population.smbs=.inf") == ["--set population.smbs = .inf is not a finite number"]


def test_all_mistakes_at_once():
    lines = bad("horizen: 3\npopulation: {smbs: 0}\nshocks: [{kind: demand, start: 9, stop: 4, size: 0.1}]\n")
    assert [line.split()[0] for line in lines] == ["bad.yaml:2", "bad.yaml:3", "bad.yaml:1"]


def test_missing_file():
    assert refused("run", "nowhere.yaml") == ["nowhere.yaml does not exist"]
    assert refused("run", "demand_shok")[0].startswith("there is no packaged scenario 'demand_shok'. Did you mean 'demand_shock'?")
    assert bad("network: {firms: f.csv, links: l.csv}\n") == [
        'bad.yaml:1 network.firms = "f.csv" is not a file',
        'bad.yaml:1 network.links = "l.csv" is not a file',
    ]


def test_economy_that_does_not_balance(here):
    path = write_economy(here / "economy") / "sector_accounts.csv"
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    rows[-1]["gross_output_mlcu"] = str(1.01 * float(rows[-1]["gross_output_mlcu"]))
    with path.open("w", newline="") as lines:
        out = csv.DictWriter(lines, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    lines = bad(TINY + "economy: economy\n")
    assert len(lines) == 2
    assert all("S3" in line and "%" not in line for line in lines)
    assert lines[0].startswith("sector_accounts.csv")


LINK_MISTAKES = {
    "d,b,5": "links.csv line 4: supplier 'd' is not in firms.csv",
    "a,b,5": "links.csv line 4: 'a' supplies 'b' already, in line 2",
    "c,c,5": "links.csv line 4: firm 'c' cannot be its own supplier",
    "a,c,-5": "links.csv line 4: weight -5 must be 0 or more",
}


@pytest.mark.parametrize("shocks", ["", SHOCK], ids=["at rest", "with a shock"])
@pytest.mark.parametrize("link", LINK_MISTAKES)
def test_links_that_cannot_be(here, link, shocks):
    """A link to a firm that is not there, a duplicate, a self-loop, a negative weight."""
    (here / "firms.csv").write_text(FIRMS)
    (here / "links.csv").write_text(LINKS + link + "\n")
    assert bad(NETWORK + shocks)[0].startswith(LINK_MISTAKES[link])


def test_unknown_metric():
    lines = bad(TINY.replace("[output, real_value_added", "[outputs, real_value_added"))
    assert lines[0].startswith("output.metrics: unknown metric 'outputs'. Did you mean 'output'?")


def test_links_that_cannot_be_in_a_file_with_variants_only(here):
    (here / "firms.csv").write_text(FIRMS)
    (here / "links.csv").write_text(LINKS + "d,b,5\n")
    bad(NETWORK + "variants: {linear: {production: {rule: linear}}}\n")


def test_empty_target():
    assert bad(TINY.replace("{share: 0.5}", "{share: 0}")) == ["shocks[0] (demand): target {'share': 0.0} selects no firm"]
    assert bad(TINY.replace("{share: 0.5}", '{sector: "99"}'))[0].startswith("shocks[0] (demand): unknown sector '99'.")


def test_start_after_stop():
    assert bad(TINY.replace("start: 2", "start: 7")) == ["bad.yaml:7 shocks[0]: start 7 is not before stop 6"]


def test_more_firms_than_memory_holds(monkeypatch):
    monkeypatch.setattr(scenario, "available_memory", lambda: 1e9)
    (line,) = bad(TINY.replace("smbs: 60", "smbs: 10000000"))
    assert line.startswith("bad.yaml:3 population.smbs = 10000000 needs about ")
    assert " of memory; 1 GB can be had, enough for " in line


def test_yaml_bomb():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert bad(bomb) == ["bad.yaml:1 aliases and anchors (*a, &a) are not allowed"]


def test_path_outside_the_folder_of_the_scenario(here):
    (here / "inside").mkdir()
    (here / "inside/bad.yaml").write_text("network: {firms: ../firms.csv, links: /etc/passwd}\neconomy: ../../economy\n")
    assert refused("run", "inside/bad.yaml", "--out", "out") == [
        'inside/bad.yaml:2 economy = "../../economy" is outside the folder of the file',
        'inside/bad.yaml:1 network.firms = "../firms.csv" is outside the folder of the file',
        'inside/bad.yaml:1 network.links = "/etc/passwd" is outside the folder of the file',
    ]


def test_output_folder_that_is_not_empty(here):
    (here / "out").mkdir()
    (here / "out/mine.txt").write_text("precious")
    assert refused("run", "tiny.yaml", "--out", "out") == [
        "--out: out is not empty; use --resume to continue it, --force to overwrite it, or another folder"
    ]
    assert refused("run", "tiny.yaml", "--out", "tiny.yaml") == ["--out: tiny.yaml is a file, not a folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_folder_that_cannot_be_written(here):
    (here / "locked").mkdir(mode=0o500)
    assert refused("run", "tiny.yaml", "--out", "locked/out") == ["locked/out: Permission denied"]


def test_bad_options():
    assert refused("run", "tiny.yaml", "--jobs", "some") == ["--jobs = some is neither auto nor a whole number of 1 or more"]
    assert refused("run", "tiny.yaml", "--steps", 60000) == ["--set horizon.weeks = 60000 is outside [1, 52000] wk"]
    assert "Invalid value for '--runs'" in refused("run", "tiny.yaml", "--runs", 0)[-1]
    assert "No such command 'runn'" in refused("runn")[-1]


def test_internal_error_is_one_line_and_a_traceback_on_request(monkeypatch):
    def broken(*words, **more):
        raise ZeroDivisionError("no\nway")

    monkeypatch.setattr(ensemble, "run", broken)
    done = smbsim("run", "tiny.yaml", code=3)
    assert done.stderr == "internal error: ZeroDivisionError: no way (run with smbsim --traceback … to see where)\n"
    assert "Traceback (most recent call last)" in smbsim("--traceback", "run", "tiny.yaml", code=3).stderr
    monkeypatch.setenv("SMBSIM_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in smbsim("run", "tiny.yaml", code=3).stderr


# -- check --------------------------------------------------------------------------------------------------------------------------------


def test_check_prints_differences_size_calibration_and_stability():
    done = smbsim("check", "tiny.yaml")
    assert done.stderr == ""
    for text in (
        "tiny.yaml: tiny", "population.smbs ", "variants  baseline, scenario", "81: 60 SMBs, 21 rows of large firms",
        "60 SMBs stand for 6.561 mn: a firm here weighs 109 351 times what it does in the real economy", "flows between sectors",
        "income tax rate", "spectral radius 0.99",
    ):  # fmt: skip
        assert text in done.stdout


def test_check_as_json_holds_the_numbers():
    (told,) = json.loads(smbsim("check", "tiny.yaml", "--json", "--full", "--no-stability").stdout)
    assert told["ok"]
    assert max(told["calibration"].values()) < 1e-9
    assert told["size"]["smbs"] == 60
    assert told["stability"] == {}
    assert told["scenario"]["horizon"]["weeks"] == 10


def test_check_full_prints_a_file_that_is_the_same_scenario():
    printed = smbsim("check", "tiny.yaml", "--full", "--no-stability").stdout
    section = printed[printed.index("\nscenario\n") + len("\nscenario\n") : printed.index("\nruns\n  variants")]
    Path("full.yaml").write_text(section)
    assert scenario.load("full.yaml") == scenario.load("tiny.yaml")


def test_check_warns_of_an_economy_that_swings_by_itself():
    done = smbsim("check", "tiny.yaml", "--set", "orders.preset=sterman")
    assert done.stderr.startswith("tiny.yaml: warning: this economy swings by itself: a push grows (spectral radius 1.")


def test_check_names_the_variant_that_swings(here):
    (here / "two.yaml").write_text(TINY + "variants: {nervous: {orders: {preset: sterman}}}\n")
    done = smbsim("check", "two.yaml", "--set", "population.smbs=20")
    assert done.stderr.startswith("two.yaml: warning: this economy swings by itself (nervous): a push grows")
    assert "  baseline: spectral radius 0.9" in done.stdout
    assert "  nervous: spectral radius 1.0" in done.stdout


def test_check_looks_at_every_file(here):
    (here / "bad.yaml").write_text("finance: {loan_rate: 4}\n")
    done = smbsim("check", "bad.yaml", "tiny.yaml", "--no-stability", "--json", code=2)
    bad_one, good_one = json.loads(done.stdout)
    assert bad_one == {"file": "bad.yaml", "ok": False, "errors": ["bad.yaml:1 finance.loan_rate = 4 is outside [0, 1] share/yr"]}
    assert good_one["ok"]
    assert done.stderr == "bad.yaml:1 finance.loan_rate = 4 is outside [0, 1] share/yr\n"


def test_check_of_a_network_from_files(here):
    (here / "firms.csv").write_text(FIRMS)
    (here / "links.csv").write_text(LINKS)
    (here / "net.yaml").write_text(NETWORK + SHOCK)
    (told,) = json.loads(smbsim("check", "net.yaml", "--json").stdout)
    assert (told["size"]["firms"], told["size"]["links"], told["calibration"]) == (3, 2, None)
    assert told["stability"]["baseline"]["radius"] <= 1 + 1e-6


# -- describe, list, schema ---------------------------------------------------------------------------------------------------------------


def test_list_has_every_mechanism_shock_metric_figure_and_scenario():
    printed = smbsim("list").stdout
    names = {line.split()[0] for line in printed.splitlines() if line.startswith("  ")}
    assert {e.name for e in describe.entries() if e.kind not in describe.ONLY_ON_REQUEST} <= names
    told = json.loads(smbsim("list", "--json").stdout)
    assert "demand" in told["shocks"]
    assert "us_2022" in told["packaged economies"]
    assert smbsim("list", "columns").stdout.startswith("columns\n")
    assert refused("list", "metrix")[0].startswith("there is no list of 'metrix'. Did you mean 'metrics'?")


def test_describe_without_a_name_lists_and_says_how_to_go_on():
    done = smbsim("describe")
    assert done.stdout == smbsim("list").stdout
    assert "smbsim describe NAME" in done.stderr


def test_describe_a_mechanism_has_equations_and_parameters():
    printed = smbsim("describe", "finance").stdout
    assert printed.startswith("finance · mechanism\n")
    assert "dividends  = [ M_i - M*_i ]⁺ / 13" in printed
    assert "parameter                 default  unit      allowed       tier" in printed
    assert "finance.loan_rate         0.07     share/yr  [0, 1]    " in printed


@pytest.mark.parametrize("entry", describe.entries(), ids=lambda e: f"{e.kind} {e.name}")
def test_every_entry_can_be_found_and_says_something(entry):
    assert entry in describe.find(entry.name.upper())
    assert entry.summary
    assert json.loads(json.dumps(entry.plain()))["name"] == entry.name


def test_a_name_may_be_several_things():
    told = json.loads(smbsim("describe", "demand", "--json").stdout)
    assert [entry["kind"] for entry in told] == ["shock", "column"]
    assert smbsim("describe", "plant-closure").stdout.startswith("capacity · shock\n")


def test_describe_unknown_name_says_the_nearest():
    (line,) = refused("describe", "loan_rat")
    assert line.startswith("nothing is called 'loan_rat'. Did you mean 'loan_rate'?")


def test_schema_is_printed_or_written(here):
    printed = smbsim("schema").stdout
    assert json.loads(printed) == scenario.schema()
    assert smbsim("schema", "--write").stdout == "smbsim.schema.json\n"
    assert (here / "smbsim.schema.json").read_text() == printed


# -- results ------------------------------------------------------------------------------------------------------------------------------


def test_show_prints_resilience_and_metrics(results):
    printed = smbsim("show", results).stdout
    for text in ("tiny: 2 variants × 2 runs × 10 weeks", "hysteresis_gap", "baseline: medians over the runs", "real_value_added"):
        assert text in printed
    told = json.loads(smbsim("show", results, "--json").stdout)
    assert list(told["resilience"]["scenario"]) == list(MEASURES)
    assert set(told["metrics"]) == {"output", "real_value_added"}


def test_show_refuses_what_is_no_results_folder():
    assert refused("show", "nowhere") == ["nowhere: there is no such folder"]
    assert refused("verify", ".") == [".: no manifest.json; is this a results folder of smbsim?"]


def test_verify_a_whole_folder(results):
    done = smbsim("verify", results)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 4
    assert done.stderr == ""
    assert all(part["ok"] for part in json.loads(smbsim("verify", results, "--json").stdout).values())


def damage_byte(folder):
    with (folder / "summary.csv").open("ab") as file:
        file.write(b"\n")


def damage_manifest(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["versions"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def damage_scenario(folder):
    path = folder / "scenario.yaml"
    path.write_text(path.read_text().replace("0.4", "0.5"))


def damage_runs(folder):
    path = folder / "runs.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


DAMAGES = {
    damage_byte: "summary.csv was changed: its SHA-256 is not that of the manifest",
    damage_manifest: "manifest.json has no 'versions'",
    damage_scenario: "scenario.yaml is not the scenario of the manifest",
    damage_runs: "seed 2 has no row in runs.csv",
    lambda folder: (folder / "flows.csv").unlink(): "flows.csv is missing",
    lambda folder: (folder / "ensemble.nc").write_bytes(b"x"): "ensemble.nc was changed: its SHA-256 is not that of the manifest",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_names_what_is_wrong(copied, damage):
    damage(copied)
    done = smbsim("verify", "copied", code=4)
    assert f"copied: {DAMAGES[damage]}" in done.stderr.splitlines()
    assert "FAILED" in done.stdout


def test_verify_sees_books_that_do_not_close(copied):
    from smbsim import result

    found = result.load(copied)
    found.series["money_gap"].values[0, 0, 3] = 1e-6
    found.save(copied / "ensemble.nc")
    assert "copied: money_gap is up to 1.0e-06" in smbsim("verify", "copied", code=4).stderr


def test_rerun_gives_the_same_bits(results):
    done = smbsim("rerun", results, "--out", "again")
    assert done.stdout.splitlines() == [f"{name:11}  the same bit for bit" for name in ensemble.NUMBERS]
    assert done.stderr == ""
    assert numbers(Path("again")) == numbers(results)


def test_rerun_says_what_differs_and_that_the_code_does(copied):
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["code"] = "another"
    manifest["files"]["flows.csv"] = "0" * 64
    (copied / "manifest.json").write_text(json.dumps(manifest))
    done = smbsim("rerun", "copied", "--json", code=4)
    assert done.stderr == "copied: the code of smbsim is not that of the folder; different numbers would be no surprise\n"
    same = {name: "the same bit for bit" for name in ensemble.NUMBERS}
    assert json.loads(done.stdout)["files"] == same | {"flows.csv": "DIFFERENT"}


def test_rerun_keeps_presets_of_variants(here):
    """A preset fills what the file leaves open; a variant's preset must do so again when the folder is run again."""
    (here / "preset.yaml").write_text(TINY + "variants: {swinging: {orders: {preset: sterman}}}\n")
    smbsim("run", "preset.yaml", "--out", "out", "--no-figures")
    smbsim("rerun", "out")


# -- new, doctor --------------------------------------------------------------------------------------------------------------------------


def test_new_writes_a_scenario_that_is_right_and_a_notebook_that_runs(here, monkeypatch):
    done = smbsim("new", "mine")
    assert done.stdout == "mine.yaml\nmine.ipynb\n"
    found = scenario.load("mine.yaml")
    assert list(found.all_variants()) == ["baseline", "scenario", "spent_elsewhere"]
    notebook = json.loads((here / "mine.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    text = (here / "mine.yaml").read_text().replace("{weeks: 104, burn_in: 52}", "{weeks: 20, burn_in: 0}").replace("stop: 39", "stop: 16")
    (here / "mine.yaml").write_text(text + "\npopulation: {smbs: 60, regions: 1}\n")
    monkeypatch.setenv("MPLBACKEND", "agg")
    exec("\n".join(code).replace('"smbs": 500', '"smbs": 60').replace("stop=39", "stop=16").replace("runs=4", "runs=1"), {})
    refused("new", "mine")


def test_every_commented_parameter_of_a_new_scenario_is_right(here):
    """Uncommented, the file says the same as the defaults do."""
    smbsim("new", "mine")
    lines = (here / "mine.yaml").read_text().partition("Everything below")[2].splitlines()[1:]
    (here / "all.yaml").write_text("\n".join(line.removeprefix("# ").removeprefix("#") for line in lines) + "\n")
    assert scenario.load("all.yaml").dump() | {"name": ""} == scenario.Scenario().dump()


def test_new_refuses_to_overwrite_and_odd_names(here):
    (here / "mine.ipynb").write_text("mine")
    assert refused("new", "mine") == ["mine.ipynb is there already; it is not overwritten"]
    assert refused("new", "../mine") == ["'../mine' cannot be the name of a scenario: letters, digits, _ and - only"]
    assert refused("new", "baseline") == ["'baseline' is the name of a packaged scenario; choose another"]


def test_doctor_finds_a_resting_economy():
    done = smbsim("doctor")
    assert ": ok" in done.stdout
    told = json.loads(smbsim("doctor", "--json").stdout)
    assert told["rests"]
    assert told["versions"]["smbsim"] == "0.1.0"


def test_doctor_fails_when_the_economy_moves(monkeypatch):
    monkeypatch.setattr(checks, "movement_at_rest", lambda: 1e-3)
    assert "the installation computes wrong numbers" in smbsim("doctor", code=4).stderr


# -- as a process -------------------------------------------------------------------------------------------------------------------------


def process(*words: str, **more) -> subprocess.CompletedProcess:
    """The command in a process of its own, as a shell starts it."""
    code = "from smbsim.cli import main; main()"
    return subprocess.run([sys.executable, "-W", "error", "-c", code, *words], capture_output=True, text=True, **more)


def test_process_ends_with_the_exit_code_and_no_traceback():
    done = process("run", "tiny.yaml", "--set", "population.smbs=0", "--out", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--set population.smbs = 0 is outside [1, inf) firms\n"
    assert not Path("out").exists()


def test_data_can_be_piped_without_colour_and_without_notes():
    done = process("run", "tiny.yaml", "--out", "out", "--no-figures", env={**os.environ, "FORCE_COLOR": "", "COLUMNS": "40"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "out"


# -- terminal -----------------------------------------------------------------------------------------------------------------------------


def test_columns_align_numbers_right_and_wrap_the_last():
    table = terminal.columns([("a", "1.5", "x " * 80), ("bcd", "10", "y")], ("name", "value", "text"))
    lines = table.splitlines()
    assert lines[0] == "  name  value  text"
    assert lines[-1] == "  bcd      10  y"
    assert max(map(len, lines)) <= terminal.WIDTH_OF_FILES
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("number", "text"), [(0.00123456, "0.001235"), (845.2, "845.2"), (12345.6, "12 346"), (1.2345e9, "1.234 bn"), (float("nan"), "–")]
)
def test_readable_numbers(number, text):
    assert terminal.readable(number) == text


def test_reflow_fills_prose_and_keeps_equations():
    text = terminal.reflow("One line\nand another.\n\n    x = y          an equation\n\nSource: a book.", 60)
    assert text == "One line and another.\n\n    x = y          an equation\n\nSource: a book."


# -- compare, report ----------------------------------------------------------------------------------------------------------------------


def test_compare_takes_files_and_folders_and_runs_only_what_is_missing(results, here):
    done = smbsim("compare", "tiny.yaml", results, "--runs", 2, "--no-figures", "--out", "first", "--metric", "output")
    assert done.stdout.splitlines()[0] == "tiny and tiny (out): paired differences of 2 runs, weeks 0 to 9"
    assert "tiny less baseline: mean (95% interval)" in done.stdout
    assert {path.name for path in Path("first").iterdir()} == {"comparison.csv", "comparison.json"}
    ran = list((here / "results" / "tiny").iterdir())
    told = json.loads(smbsim("compare", "tiny.yaml", "--runs", 2, "--no-figures", "--json").stdout)
    assert list((here / "results" / "tiny").iterdir()) == ran
    assert told["runs"] == 2
    assert {row["metric"] for row in told["differences"]} == {"output", "real_value_added"}


def test_compare_draws_and_refuses_what_cannot_be(results, here):
    done = smbsim("compare", results, "--out", "here")
    assert "  figures/forest.svg  figures/forest.png" in done.stdout
    assert refused("compare", results, "--out", "here")[0].startswith("--out: here is not empty")
    assert refused("compare", results, "--weeks", "3") == ["--weeks = 3 is not A:B, two weeks"]
    assert refused("compare", results, "--weeks", "3:99") == ["weeks 3 to 99: recorded are 0 to 9"]
    assert refused("compare", results, "--metric", "outptu")[0].startswith("unknown indicator 'outptu'. Did you mean 'output'?")
    assert refused("compare", "nothing_of_that_name")[0].startswith("there is no packaged scenario")


def test_report_is_one_page_in_the_folder(copied):
    (copied / "figures").mkdir()
    (copied / "figures" / "drawn.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')  # a folder with figures keeps them
    done = smbsim("report", copied)
    assert done.stdout == f"{copied / 'report.html'}\n"
    assert (copied / "report.html").read_text().startswith("<!doctype html>")
    smbsim("verify", copied)
    told = json.loads(smbsim("report", copied, "--out", "page.html", "--json").stdout)
    assert told["bytes"] == Path("page.html").stat().st_size
    assert refused("report", "nowhere") == ["nowhere: there is no such folder"]
