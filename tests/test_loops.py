"""The reinforcing loops: small cases by hand, what `smbsim check` says of them, and a warning where one is past its threshold."""

from __future__ import annotations

import json

import numpy as np
import pytest
from models import given
from typer.testing import CliRunner

from smbsim import cli, scenario, simulate
from smbsim.analysis.loops import Loop, _radius, credit_gain, loops, trade_credit_radius
from smbsim.network import from_edges

STORABLE = 5  # row of a sector that is kept in stock
MONEY = {"model": "money"}


def network(edges, n):
    """State at rest of firms that owe each other along these (supplier, customer) links; all of them small and poor."""
    flows = [(i, j, 52 * 8.0) for i, j in edges]
    state, _, _ = given(from_edges(flows, [52 * 16.0] * n, sector=[STORABLE] * n), **MONEY)
    state.firms.cash[:] = 1.0
    state.links.payable[:] = 5.0
    return state


# -- trade credit -------------------------------------------------------------------------------------------------------------------------


def test_ring_of_vulnerable_links_has_radius_one_and_a_chain_zero():
    """In a ring each failure brings exactly one more; in a chain it ends with the first supplier."""
    assert trade_credit_radius(network([(0, 1), (1, 2), (2, 0)], 3)) == pytest.approx(1.0)
    assert trade_credit_radius(network([(0, 1), (1, 2)], 3)) == 0.0


def test_two_firms_that_both_owe_two_have_radius_two():
    """The complete graph of three: each failure empties two suppliers."""
    edges = [(i, j) for i in range(3) for j in range(3) if i != j]
    assert trade_credit_radius(network(edges, 3)) == pytest.approx(2.0)


def test_a_supplier_that_can_bear_the_loss_breaks_the_ring():
    state = network([(0, 1), (1, 2), (2, 0)], 3)
    state.firms.cash[1] = 5.0
    assert trade_credit_radius(state) == 0.0
    state.firms.cash[1] = 4.0
    assert trade_credit_radius(state) == pytest.approx(1.0)
    assert trade_credit_radius(state, loss_given_default=0.8) == 0.0


def test_radius_is_that_of_the_matrix():
    rng = np.random.default_rng(3)
    for n, m in ((6, 8), (12, 30), (12, 14), (30, 60), (40, 45)):
        V = np.zeros((n, n))
        V[tuple(rng.integers(0, n, (2, m)))] = 1.0
        np.fill_diagonal(V, 0.0)
        assert _radius(*np.nonzero(V), n) == pytest.approx(np.abs(np.linalg.eigvals(V)).max(), abs=1e-6)


# -- credit -------------------------------------------------------------------------------------------------------------------------------


def test_gain_of_credit_by_hand():
    """Two firms with 10 and 30 of debt; a tenth is called: 1 and 3, together 4. Only the second cannot pay: d = 30/4, G = d LGD / ζ."""
    state = network([(0, 1)], 2)
    firms = state.firms
    firms.debt[:], firms.cash[:] = [10.0, 30.0], [1.0, 2.0]
    firms.profit[:] = firms.profit_tax_paid[:] = firms.capex[:] = 0.0
    assert credit_gain(state, capital_ratio=0.1, loss_given_default=0.4) == pytest.approx(30 / 4 * 0.4 / 0.1)
    firms.cash[1] = 3.0
    assert credit_gain(state, 0.1, 0.4) == 0.0, "what is called can be paid"
    firms.debt[:] = 0.0
    assert credit_gain(state, 0.1, 0.4) == 0.0, "nobody owes anything"


# -- which, and what is said --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({"model": "ario"}, []),
        ({"model": "closed"}, ["income loop"]),
        ({"model": "money"}, ["income loop", "credit spiral", "chain of trade credit"]),
        ({"model": "life"}, ["income loop", "credit spiral", "chain of trade credit"]),
    ],
)
def test_loops_are_those_that_the_model_closes(sections, names):
    spec = scenario.load({"population": {"smbs": 40, "regions": 1}, **sections})
    found = loops(simulate.prepare(spec)[0], spec)
    assert [loop.name for loop in found] == names
    assert all(np.isfinite(loop.value) and loop.value >= 0 and loop.remedy for loop in found)


def test_past_is_above_and_says_so():
    assert Loop("x", 1.2, 1.0, "what").past
    assert not Loop("x", 1.0, 1.0, "what").past
    assert Loop("x", 1.2, 1.0, "what").in_words() == "x: 1.2, ABOVE its threshold of 1 (what)"


SCENARIO = """
name: loops
model: {model}
population: {{smbs: 40, regions: 1}}
households: {{confidence: {confidence}}}
variants:
  calm: {{households: {{confidence: 0.0}}}}
"""


def check(folder, *words, model="money", confidence=0.0):
    file = folder / "loops.yaml"
    file.write_text(SCENARIO.format(model=model, confidence=confidence), encoding="utf-8")
    done = CliRunner().invoke(cli.app, ["check", str(file), "--no-stability", *words])
    assert done.exit_code == 0, done.stderr
    return done


def test_check_prints_every_loop_with_value_and_threshold(tmp_path):
    done = check(tmp_path)
    for name in ("income loop", "credit spiral", "chain of trade credit"):
        assert name in done.stdout
    assert "PAST IT" not in done.stdout
    assert done.stderr == ""
    (told,) = json.loads(check(tmp_path, "--json").stdout)
    assert {loop["name"] for found in told["loops"].values() for loop in found} == {"income loop", "credit spiral", "chain of trade credit"}
    assert all(loop["past"] is False and loop["threshold"] == 1.0 for found in told["loops"].values() for loop in found)


def test_check_warns_of_a_loop_past_its_threshold_and_of_the_variant_that_has_it(tmp_path):
    """Households that hold back all they spend when a few are out of work: the gain of income is above one."""
    done = check(tmp_path, confidence=5.0)
    (line,) = done.stderr.splitlines()
    assert "the income loop feeds on itself once it has begun (" in line
    assert "calm" not in line
    assert line.endswith("lower households.confidence or households.income_share")
    assert "PAST IT" in done.stdout
    (told,) = json.loads(check(tmp_path, "--json", confidence=5.0).stdout)
    assert [loop["past"] for loop in told["loops"]["calm"]] == [False] * 3
