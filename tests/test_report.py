"""The page about a results folder: self-contained, well-formed, complete, and escaping what a user wrote."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import smbsim
from smbsim import report, result
from smbsim.figures import draw_all
from smbsim.schema import InputError

VOID = {"meta", "br", "img", "link", "hr", "input"}
TINY = {
    "name": "tiny <b>bold</b>", "description": "Does it hold <script>alert(1)</script> & more?", "sources": ["a source (assumption)"],
    "model": "money", "population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 12, "burn_in": 0},
    "shocks": [{"kind": "credit_crunch", "start": 1, "stop": 9, "size": 0.6}],
    "variants": {"grant": {"policies": [{"kind": "grant", "start": 2, "weeks": 4}]}},
    "orders": {"stock_adjustment": 0.09},
    "output": {"metrics": ["output", "real_value_added", "gdp", "employment", "exits", "smb_deposits"]},
}  # fmt: skip


class Page(HTMLParser):
    """Checks that elements close in order, and collects what matters."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.words = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[key] for key in ("href", "xlink:href", "src") if key in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out"
    draw_all(smbsim.run(smbsim.load(TINY), runs=3, out=path, jobs=1), path / "figures")
    return path


@pytest.fixture(scope="module")
def data(folder) -> dict:
    return report.gather(folder)


@pytest.fixture(scope="module")
def text(folder) -> str:
    return report.write(folder).read_text(encoding="utf-8")


def test_page_is_well_formed_and_every_link_leads_somewhere(text):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_page_needs_nothing_from_outside_and_runs_nothing(text):
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert all(link.startswith(("#", "data:image/")) for link in page.links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_what_a_user_wrote_is_text(text):
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more?" in text
    assert "<h1>tiny &lt;b&gt;bold&lt;/b&gt;</h1>" in text


def test_page_has_question_finding_figures_assumptions_money_and_how_to_rerun(folder, text):
    for part in ("finding", "differences", "policies", "figures", "assumed", "parameters", "money", "rerun"):
        assert f'<section id="{part}">' in text
    assert text.count("<figure ") == text.count('<svg role="img"') >= 5
    said = " ".join(" ".join(Page(text).words).split())
    assert "grant less scenario: " in said
    assert "orders.stock_adjustment 0.09 0.12 1/wk calibrated" in said
    assert "a source (assumption)" in said
    assert f"smbsim rerun {folder}" in said
    assert "deadweight of firms" in said


def test_counts_by_tier_add_up_and_leave_out_what_is_off(data):
    used = [p for _, rows in data["sections"] for p in rows]
    assert sum(t["count"] for t in data["tiers"]) == len(used)
    assert sum(t["changed"] for t in data["tiers"]) == len(data["changed"])
    assert "strategy" not in dict(data["sections"])
    assert "credit" in dict(data["sections"])
    assert {"orders.stock_adjustment", "credit.enabled"} <= {p["name"] for p in data["changed"]}
    assert {t["tier"] for t in data["tiers"]} <= set(report.TIERS)


def test_flow_matrix_is_that_of_the_result(folder, data):
    found, (scenario, baseline) = result.load(folder), data["flows"]
    assert (scenario["variant"], baseline["variant"]) == ("scenario", "baseline")
    for table in (scenario, baseline):
        total = sum(amount for line, amount in found.flows.items() if line[0] == table["variant"])
        assert table["sum"] == pytest.approx(total)
        assert sum(row[2] for row in table["rows"]) == pytest.approx(total)


def test_same_folder_gives_the_same_page(folder, text, tmp_path):
    assert report.write(folder, tmp_path / "page.html").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_single_variant_has_a_page_too(tmp_path):
    smbsim.run(smbsim.load({k: TINY[k] for k in ("population", "horizon", "output")} | {"name": "rest"}), out=tmp_path / "out", jobs=1)
    page = report.write(tmp_path / "out").read_text(encoding="utf-8")
    assert '<section id="differences">' not in page
    assert "does not say which question" in page
    Page(page)


def test_numbers_in_sentences_can_be_read():
    assert report._sentence("grant spends 3.247e+06, -9.8e+05 (-1.5e+06 to 2) in 2008-09; gap 4.9e-15") == (
        "grant spends 3.247 mn, −980 000 (−1.5 mn to 2) in 2008-09; gap 4.9e-15."
    )


def test_folders_of_other_commands_are_refused(tmp_path):
    (tmp_path / "manifest.json").write_text('{"kind": "risk"}')
    with pytest.raises(InputError, match="a report is about a folder of `smbsim run`"):
        report.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    with pytest.raises(InputError, match="no such folder"):
        report.write(tmp_path / "nowhere")
