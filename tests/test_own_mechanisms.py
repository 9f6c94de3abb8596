"""Mechanisms that a user adds to a scenario: they act, their payments are in the books, provenance tells them, mistakes are refused."""

from __future__ import annotations

import numpy as np
import pytest

import smbsim as ss
from smbsim import checkpoint, schedule
from smbsim.analysis.tipping_scenario import ScenarioSystem
from smbsim.mechanisms import Column, Mechanism, param, transfer
from smbsim.state import SMB

TINY = {"population": {"smbs": 40, "regions": 2}, "horizon": {"weeks": 12, "burn_in": 2}, "runs": {"seed": 3}}


class Gift(Mechanism):
    """Every SMB gives a share of what it made to the workers of its region."""

    name = "gift"
    columns = (Column("given", "currency/wk", 0.0, "Given this week", low=0), Column("generosity", "1", 0.0, "Share given", low=0))
    reads = ("output", "kind", "region")
    writes = ("given", "cash", "deposits")
    runs_after = {"give": "government.collect", "think": "orders.expect"}  # noqa: RUF012
    share: float = param(0.01, unit="1", doc="Share of output given", low=0, high=1, source="assumption")

    def settle(self, state, rest):
        state.firms.generosity[:] = np.where(state.firms.kind == SMB, self.share, 0.0)

    def think(self, state, step):
        state.firms.given[:] = 0.0

    def give(self, state, step):
        firms = state.firms
        firms.given[:] = firms.generosity * firms.output
        received = np.zeros(state.households.n)
        received[0::2] = np.bincount(firms.region + 1, firms.given, state.regions.n + 1)[1:]
        transfer(state, "firm", "household", firms.given, "gift", received)


class Theft(Gift):
    """The same without the accounts."""

    name = "theft"
    columns = ()
    reads, writes = ("output",), ("cash",)
    runs_after = {"give": "government.collect"}  # noqa: RUF012

    def settle(self, state, rest):
        pass

    def give(self, state, step):
        state.firms.cash[:] -= self.share * state.firms.output


BASE = ss.load(TINY)


def run(scenario, **options):
    return ss.run(scenario, jobs=1, **options)


def test_it_acts_and_its_payments_are_in_the_books():
    result = run(BASE.with_(Gift(share=0.02)), check=True)
    gifts = [amount for line, amount in result.flows.items() if line[1:] == ("gift", "firm", "household")]
    assert len(gifts) == 1
    assert gifts[0] > 0
    assert result["money_gap"].values.max() < 1e-9
    assert result["goods_gap"].values.max() < 1e-9
    assert (result["consumption"].values != run(BASE)["consumption"].values).any()


def test_money_that_bypasses_the_accounts_is_seen():
    assert run(BASE.with_(Theft()))["money_gap"].values.max() > 1e-6


def test_zero_strength_changes_nothing():
    with_it, without = run(BASE.with_(Gift(share=0.0))), run(BASE)
    assert all((with_it[name].values == without[name].values).all() for name in without.series)


def test_phases_stand_where_they_were_put():
    names = [name.split(": ")[1] for name, _ in schedule.plan(BASE.with_(Gift()).mechanisms)]
    assert names[names.index("government.collect") + 1] == "gift.give"
    assert names[names.index("orders.expect") + 1] == "gift.think"
    assert [n for n in names if "gift" not in n] == [name.split(": ")[1] for name, _ in schedule.plan(BASE.mechanisms)]


def test_it_stays_with_everything_made_of_the_scenario():
    shocked = BASE.with_(Gift()).with_(ss.DemandShock(start=2, size=0.1))
    made = [shocked, shocked.without_interventions(), *shocked.all_variants().values(), ss.load(TINY).with_({"runs.seed": 5}, Gift())]
    assert all(type(one.mechanisms[-1]) is Gift for one in made)
    assert shocked.with_(Gift(share=0.5)).mechanisms[-1].share == 0.5
    assert len(shocked.with_(Gift(share=0.5)).mechanisms) == len(BASE.mechanisms) + 1
    held = ScenarioSystem(shocked, "households.confidence", weeks=2)(0.1, None, 1)[1]
    assert held.state.firms.given.any()
    model = ss.SMBModel(BASE.with_(Gift()))
    model.step()
    assert model.state.firms.given.any()
    assert run(shocked)["output"].values.shape[0] == 2


def test_provenance_tells_it():
    """Parameters and source, in hashes too; a file cannot bring it back and says so."""
    one, other = BASE.with_(Gift()), BASE.with_(Gift(share=0.5))
    assert one == BASE.with_(Gift())
    assert len({BASE.hash8, one.hash8, other.hash8}) == 3
    told = run(one).manifest["scenario"]["mechanisms"][0]
    assert told["parameters"] == {"share": 0.01}
    assert "transfer(state" in told["source"]["give"]
    assert BASE.dump() == {key: value for key, value in one.dump().items() if key != "mechanisms"}
    with pytest.raises(ss.InputError, match="gift: no file can hold a mechanism of your own"):
        ss.load(one.dump())


def test_futures_can_begin_with_it_but_no_file_keeps_it(tmp_path):
    start = checkpoint.burn_in(BASE.with_(Gift()))
    assert (checkpoint.fork(start, [start.scenario]).flows.keys() & {("baseline", "gift", "firm", "household")}) != set()
    with pytest.raises(ss.InputError, match="cannot hold mechanisms"):
        start.save(tmp_path / "start.npz")
    assert list(tmp_path.iterdir()) == []


def changed(**attributes):
    return type("Odd", (Gift,), {"__annotations__": {}, "__module__": __name__, **attributes})()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"name": "labour"}, "there is a mechanism 'labour' already"),
        ({"runs_after": {}}, "would never act"),
        ({"runs_after": {"give": "government.colect"}}, "Did you mean 'government.collect'"),
        ({"runs_after": {"gve": "government.collect"}}, "'gve', which is no method"),
        ({"columns": (Column("cash", "currency", 0.0, "x"),)}, "there is a column 'cash' already"),
        ({"reads": ("outptu",)}, "reads has 'outptu', which is no column"),
    ],
)
def test_mistakes_are_refused(attributes, said):
    with pytest.raises(ss.InputError, match=said):
        BASE.with_(changed(**attributes))


def test_package_itself_has_none():
    assert all(not mechanism.runs_after for mechanism in BASE.mechanisms)
