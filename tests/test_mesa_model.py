"""The Mesa face: the same bits as `simulate.run`, agents that are views of rows, and Mesa's own idioms."""

import copy
import gc
import hashlib
import pickle
import subprocess
import sys
import tracemalloc
import weakref
from operator import attrgetter

import mesa
import networkx as nx
import numpy as np
import pytest
from mesa.agent import GroupBy

from smbsim import economy as economies
from smbsim import scenario, simulate
from smbsim.mesa_agents import SMB, LargeFirm, LazyAgentSet
from smbsim.mesa_model import SMBModel
from smbsim.schema import Column, InputError
from smbsim.state import LARGE, TABLES, State

WEEKS, BURN_IN = 30, 4
INDEXES = ("slot_start", "link_start", "customer_start", "by_supplier", "supplier_start")


@pytest.fixture(scope="module")
def economy():
    return economies.load("us_2022")


@pytest.fixture(scope="module")
def shocked():
    """Shocks that strike some firms at random and the largest ones, on top of breakdowns that use draws every week."""
    return scenario.load(
        {
            "population": {"smbs": 120, "regions": 2},
            "horizon": {"weeks": WEEKS, "burn_in": BURN_IN},
            "production": {"breakdown_hazard": 0.1},
            "runs": {"seed": 11},
            "shocks": [
                {"kind": "demand", "start": 3, "stop": 20, "size": 0.5, "target": {"share": 0.5}},
                {"kind": "capacity", "start": 8, "stop": 25, "size": 0.6, "target": {"largest": 40, "kind": "smb"}},
            ],
        }
    )


@pytest.fixture(scope="module")
def pristine(shocked, economy):
    return SMBModel(shocked, economy=economy)


@pytest.fixture
def model(pristine):
    """After the first weeks, so that no column is at rest."""
    model = copy.deepcopy(pristine)
    for _ in range(5):
        model.step()
    return model


@pytest.fixture(scope="module")
def dummy():
    """100 000 firms and nothing else."""
    n = 100_000
    none = np.zeros(0, dtype=int)
    firms = {"uid": np.arange(n), "sector": np.arange(n) % 3, "cash": np.arange(n, dtype=float)}
    model = object.__new__(SMBModel)  # without a scenario there is nothing to construct
    model.state = State(
        [], sectors=("a", "b", "c"), regions=("r",), accounts=(), firms=firms, slots=(none,) * 2, links=(none,) * 3, widths={}
    )
    model.rng = np.random.default_rng(1)
    return model


def digest(state) -> str:
    """Hash of the bytes of every column of every table, the indexes and the flows."""
    hashed = hashlib.sha256()
    for table in (getattr(state, name) for name in TABLES.values()):
        for name in table.columns:
            hashed.update(name.encode() + np.ascontiguousarray(getattr(table, name)).tobytes())
    for name in INDEXES:
        hashed.update(np.ascontiguousarray(getattr(state, name)).tobytes())
    return hashed.hexdigest() + repr(state.flows)


def weekly_digests(model, weeks) -> list[str]:
    digests = []
    for _ in range(weeks):
        model.step()
        digests.append(digest(model.state))
    return digests


# -- the same run ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_digests(shocked, economy):
    """The state after every week of `simulate.run`, and its result."""
    seen, real = {}, simulate.advance

    def spy(state, plan, step, check=False):
        real(state, plan, step, check)
        seen[step.t] = digest(state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "advance", spy)
        result = simulate.run({"scenario": shocked}, shocked.runs.seed, economy)
    return seen, result


def test_steps_are_bit_identical_to_run(pristine, run_digests):
    """k steps give every column of every table as week k - 1 of `simulate.run` does, burn-in and shocks included."""
    seen, result = run_digests
    model = copy.deepcopy(pristine)
    assert digest(model.state) == seen[-1]
    outputs = []
    for t in range(WEEKS):
        model.step()
        assert digest(model.state) == seen[t], f"week {t}"
        outputs.append(model.output)
    assert outputs == result["output"].values[0, 0].tolist()
    assert len(set(seen.values())) == WEEKS + BURN_IN  # nothing is at rest, so that equality means something


def test_step_calls_the_one_advance(pristine, monkeypatch):
    model, calls = copy.deepcopy(pristine), []
    monkeypatch.setattr(simulate, "advance", lambda state, plan, step: calls.append((state is model.state, step.t)))
    model.step()
    model.step()
    assert calls == [(True, 0), (True, 1)]


def test_threads_do_not_show(shocked, economy, run_digests):
    model = SMBModel(shocked, threads=2, economy=economy)
    assert weekly_digests(model, 6) == [run_digests[0][t] for t in range(6)]


def test_seed_is_that_of_the_scenario_unless_given(shocked, economy, pristine):
    assert digest(SMBModel(shocked, seed=11, economy=economy).state) == digest(pristine.state)
    assert digest(SMBModel(shocked, seed=12, economy=economy).state) != digest(pristine.state)


def test_random_streams_of_mesa_change_no_number_of_the_model(pristine):
    plain, used = copy.deepcopy(pristine), copy.deepcopy(pristine)
    used.rng.random(10)
    used.random.random()
    used.agents.shuffle()
    assert weekly_digests(plain, 5) == weekly_digests(used, 5)


def test_counters_and_end(pristine):
    model = copy.deepcopy(pristine)
    assert (model.steps, model.week, model.running) == (0, -1, True)
    model.step()
    assert (model.steps, model.week, model.running) == (1, 0, True)
    model.run_model()
    assert (model.steps, model.week, model.running) == (WEEKS, WEEKS - 1, False)


def test_scenario_from_a_file(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("population: {smbs: 50, regions: 1}\nhorizon: {weeks: 2, burn_in: 0}\n", encoding="utf-8")
    model = SMBModel(path)
    model.run_model()
    assert (model.week, len(model.agents)) == (1, 50)


def test_impossible_target_is_an_input_error(shocked, economy):
    with pytest.raises(InputError, match="no such region"):
        SMBModel(
            shocked.with_({"shocks": [{"kind": "demand", "start": 0, "size": 0.1, "target": {"region": ["no such region"]}}]}),
            economy=economy,
        )


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_copies_continue_bit_identically_and_apart(model, duplicate):
    """Also in the middle of shocks; dead firms stay in the targets that were chosen with them."""
    model.state.firms.alive[model.agents.rows[:30]] = False  # targets chosen anew would not be the same
    twin = duplicate(model)
    assert twin.agents[0] != model.agents[0]
    assert twin.agents[0].model is twin
    assert twin.rng.random() == model.rng.random()
    expected = weekly_digests(model, 10)
    assert (twin.week, twin.steps) == (4, 5)  # has not moved
    assert weekly_digests(twin, 10) == expected


def test_copies_of_agents_and_sets(model):
    chosen = model.agents.select(at_most=3)
    model.favourites = {model.agents[1], model.agents[2]}  # a set hashes agents while the model is still being read
    saved = pickle.loads(pickle.dumps((chosen, chosen[1], model)))
    assert saved[0].model is saved[1].model is saved[2]
    assert saved[1] in saved[0]
    assert saved[1] in saved[2].favourites
    twin = copy.deepcopy(model)
    assert twin.favourites == set(twin.agents[1:3])
    assert copy.copy(model.agents[0]) == model.agents[0]


def test_models_are_let_go(pristine):
    """Mesa numbers agents in a dictionary of all models ever; views stay out of it."""
    model = copy.deepcopy(pristine)
    model.agents.do(lambda agent: agent.unique_id)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_mesa_is_not_imported_below_it():
    """Worker processes and the command line start fast."""
    code = "import sys, smbsim.simulate; sys.exit('mesa' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- agents are views -----------------------------------------------------------------------------------------------------------------


def test_agent_reads_its_row(model):
    firms = model.state.firms
    for agent in [*model.agents[:3], *model.large_firms[:3]]:
        row = agent.row
        assert agent.uid == firms.uid[row]
        assert agent.unique_id == agent.uid + 1
        assert agent.cash == firms.cash[row]
        assert agent.employment == firms.employment[row]
        assert agent.sector == model.state.sector_codes[firms.sector[row]]
    assert isinstance(model.agents[0], SMB)
    assert isinstance(model.agents[0], mesa.Agent)
    assert isinstance(model.large_firms[0], LargeFirm)
    assert (model.agents[0].kind, model.large_firms[0].kind) == ("smb", "large")
    assert {a.region for a in model.agents} == {"region 1", "region 2"}
    assert {a.region for a in model.large_firms} == {"everywhere"}
    assert model.agents[4].name == "4"
    assert type(model.agents[0].alive) is bool


def test_agent_sees_and_makes_changes(model):
    agent, other_view = model.agents[2], model.agents[2]
    model.state.firms.capacity[agent.row] = 123.0
    assert agent.capacity == 123.0
    agent.capacity *= 0.5
    assert (other_view.capacity, model.state.firms.capacity[agent.row]) == (61.5, 61.5)
    model.step()
    assert model.state.firms.capacity[agent.row] == 61.5
    assert agent.output == model.state.firms.output[agent.row]


def test_agent_sees_rows_and_columns_that_come_later(model):
    agent = model.agents[0]
    model.state.append_firms(sector=np.array([1, 1]), cash=np.array([5.0, 6.0]))  # the arrays move to larger ones
    model.state.allocate(Column("mood", "1", 0.5, "A number of one's own", low=0, high=1))
    assert [a.cash for a in model.agents[-2:]] == [5.0, 6.0]
    agent.mood = 0.75
    assert model.agents[0].mood == 0.75
    assert model.agents.agg("mood", max) == 0.75


def test_dead_firms_leave_the_agents(model):
    agents, first, n = model.agents, model.agents[0], len(model.agents)
    selection = model.agents.select(at_most=2)
    model.state.firms.alive[first.row] = False
    assert len(agents) == n - 1
    assert first not in agents
    assert first in selection  # fixed when it was made
    assert first.alive is False


def test_equality_is_by_model_and_row(model):
    a, b = model.agents[0], model.agents[0]
    assert a is not b
    assert a == b
    assert hash(a) == hash(b)
    assert len({a, b, model.agents[1]}) == 2
    assert a != copy.deepcopy(model).agents[0]
    assert a != 0


def test_unknown_attribute_is_an_error(model):
    agent = model.agents[0]
    with pytest.raises(AttributeError, match=r"unknown attribute 'employmnt'.*Did you mean 'employment'"):
        _ = agent.employmnt
    with pytest.raises(AttributeError, match=r"unknown attribute 'capacty'.*Did you mean 'capacity'"):
        agent.capacty = 1.0
    with pytest.raises(AttributeError, match="unknown attribute 'mood'"):
        agent.mood = 1.0
    with pytest.raises(AttributeError, match="unknown attribute 'mood'"):
        model.agents.set("mood", 1.0)
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del agent.capacity
    assert set(vars(agent)) == {"model", "row"}
    with pytest.raises(AttributeError, match=r"unknown attribute or metric 'gdpp'.*Did you mean 'gdp'"):
        _ = model.gdpp


def test_money_is_not_settable(model):
    for target in (model.agents[0], model.large_firms[0]):
        with pytest.raises(AttributeError, match=r"use model\.transfer"):
            target.cash = 1e6
        with pytest.raises(AttributeError, match="'debt' cannot be set"):
            target.debt = 0.0
    with pytest.raises(AttributeError, match=r"use model\.transfer"):
        model.agents.set("cash", 0.0)


@pytest.mark.parametrize("name", ["uid", "unique_id", "alive", "kind", "sector", "region", "born", "suppliers", "customers", "step", "row"])
def test_what_a_firm_is_cannot_be_set(model, name):
    with pytest.raises(AttributeError, match="cannot be set"):
        setattr(model.agents[0], name, 1)
    with pytest.raises(AttributeError, match="cannot be set"):
        model.agents.set(name, 1)


def test_factors_that_would_be_undone_cannot_be_set(model):
    with pytest.raises(AttributeError, match="put a shock into the scenario"):
        model.agents[0].capacity_factor = 0.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("capacity", -1.0, r"firms.capacity = -1.0 is below 0 base currency/wk"),
        ("downtime", 1.5, r"firms.downtime = 1.5 is above 1"),
        ("capacity", float("nan"), "not a finite number"),
        ("capacity", "much", "not a finite number"),
        ("repair", 2.5, "of type int32"),
        ("repair", 1e300, "of type int32"),
        ("capacity", [1.0, 2.0], "takes one value"),
    ],
)
def test_values_outside_their_bounds_are_refused(model, name, value, message):
    before = digest(model.state)
    with pytest.raises(ValueError, match=message):
        setattr(model.agents[0], name, value)
    with pytest.raises(ValueError, match=message):
        model.agents.set(name, value)
    assert digest(model.state) == before


def test_columns_with_a_second_axis_are_read_only_rows(model):
    model.state.allocate(Column("pair", "1", 1.0, "Two numbers", width=2))
    agent = model.agents[1]
    agent.pair = [2.0, 3.0]
    assert agent.pair.tolist() == [2.0, 3.0]
    with pytest.raises(ValueError, match="read-only"):
        agent.pair[0] = 5.0
    assert model.agents.agg("pair", sum).tolist() == [len(model.agents) + 1.0, len(model.agents) + 2.0]
    assert model.agents.get("pair")[1].tolist() == [2.0, 3.0]


def test_partners_and_inputs_come_from_the_links(model):
    links, slots = model.state.links, model.state.slots
    for agent in [*model.agents[:20], *model.large_firms[:2]]:
        assert agent.suppliers.rows.tolist() == list(dict.fromkeys(links.supplier[links.buyer == agent.row].tolist()))
        assert set(agent.customers.rows.tolist()) == set(links.buyer[links.supplier == agent.row].tolist())
        assert all(agent in supplier.customers for supplier in agent.suppliers)
        mine = slots.customer == agent.row
        assert list(agent.inputs.values()) == slots.input_stock[mine].tolist()
        assert list(agent.inputs) == [model.state.sector_codes[g] for g in slots.group[mine]]
    assert any(isinstance(a, LargeFirm) for a in model.agents[0].suppliers)


def test_links_given_up_are_no_partners(model):
    agent = next(a for a in model.agents if len(a.suppliers) > 1)
    supplier = agent.suppliers[0]
    model.state.links.weight[(model.state.links.buyer == agent.row) & (model.state.links.supplier == supplier.row)] = 0.0
    assert supplier not in agent.suppliers
    assert agent not in supplier.customers


def test_subclass_brings_behaviour(pristine):
    class Shop(SMB):
        @property
        def days_of_cash(self):
            return 7 * self.cash / self.wage_bill if self.wage_bill else np.inf

        @property
        def half_capacity(self):
            return self.capacity / 2

        @half_capacity.setter
        def half_capacity(self, value):
            self.capacity = 2 * value

        def shrink(self, by):
            self.capacity *= 1 - by
            return self.capacity

    class Town(SMBModel):
        agent_classes = (Shop, LargeFirm)

    town = copy.deepcopy(pristine)
    town.__class__ = Town
    before = town.state.firms.capacity[town.agents.rows]
    assert town.agents.map("shrink", by=0.1) == (before * (1 - 0.1)).tolist()
    assert town.agents.agg("days_of_cash", min) == min(a.days_of_cash for a in town.agents)
    assert town.agents.set("half_capacity", 4.0)[0].capacity == 8.0
    assert town.agents.sort("days_of_cash", ascending=True)[0].days_of_cash == min(a.days_of_cash for a in town.agents)
    assert town.agent_types == [Shop, LargeFirm]
    assert len(town.agents.select(agent_type=Shop)) == len(town.agents)


# -- sets of agents -------------------------------------------------------------------------------------------------------------------


def test_agents_are_smbs_and_large_firms_the_others(model):
    state = model.state
    assert len(model.agents) + len(model.large_firms) == state.firms.n
    assert len(model.large_firms) == (state.firms.kind == LARGE).sum() > 0
    assert model.agents_by_type == {SMB: model.agents, LargeFirm: model.large_firms}
    assert model.agent_types == [SMB, LargeFirm]
    assert [a.unique_id for a in model.agents] == (state.firms.uid[model.agents.rows] + 1).tolist()
    with pytest.raises(AttributeError):
        model.agents = []


def test_set_as_a_sequence(model):
    agents = model.agents
    every = list(agents)
    assert every == agents.to_list() == agents[:]
    assert (agents[0], agents[-1], agents[2:4]) == (every[0], every[-1], every[2:4])
    assert list(reversed(agents)) == every[::-1]
    assert every[5] in agents
    assert model.large_firms[0] not in agents
    assert "firm" not in agents
    assert (agents.count(every[5]), agents.count(model.large_firms[0])) == (1, 0)
    assert (agents.index(every[5]), agents.index(every[5], 3), agents.index(every[-1], -2)) == (5, 5, len(every) - 1)
    for wrong in (lambda: agents.index(every[5], 6), lambda: agents.index(model.large_firms[0])):
        with pytest.raises(ValueError, match="not in the set"):
            wrong()
    with pytest.raises(IndexError):
        agents[len(every)]
    assert bool(agents)
    assert not agents.select(lambda a: False)


def test_select(model):
    agents = model.agents
    poor = agents.select(lambda a: a.cash < 1e4)
    assert list(poor) == [a for a in agents if a.cash < 1e4]
    assert 0 < len(poor) < len(agents)
    assert agents.select(at_most=7).rows.tolist() == agents.rows[:7].tolist()
    assert len(agents.select(at_most=0.25)) == len(agents) // 4
    assert list(agents.select(lambda a: a.uid % 2, at_most=3)) == [a for a in agents if a.uid % 2][:3]
    assert len(agents.select(lambda a: True, at_most=0.5)) == len(agents) // 2
    assert len(agents.select(agent_type=LargeFirm)) == 0
    partners = agents[0].suppliers
    assert list(partners.select(agent_type=SMB)) == [a for a in partners if isinstance(a, SMB)]
    own = agents.select()
    assert own == agents
    assert own.select(at_most=2, inplace=True) is own
    assert len(own) == 2
    assert len(model.agents) == len(agents) > 2


def test_agg(model):
    agents, firms = model.agents, model.state.firms
    cash = firms.cash[agents.rows]
    assert agents.agg("cash", np.mean) == cash.mean()
    assert agents.agg("cash", sum) == pytest.approx(sum(cash.tolist()), rel=1e-12)  # added pairwise, not one after the other
    assert agents.agg("cash", [min, max, len, np.median]) == [cash.min(), cash.max(), len(cash), np.median(cash)]
    assert type(agents.agg("employment", sum)) is float
    assert agents.agg("alive", sum) == len(agents)
    assert agents.agg("sector", set) == {a.sector for a in agents}
    assert agents.agg("unique_id", max) == max(a.unique_id for a in agents)
    assert agents.agg("suppliers", lambda partners: max(map(len, partners))) == max(len(a.suppliers) for a in agents)
    assert agents.select(lambda a: a.cash < 0).agg("employment", sum) == sum(a.employment for a in agents if a.cash < 0)
    with pytest.raises(AttributeError, match="Did you mean 'cash'"):
        agents.agg("cahs", sum)
    with pytest.raises(ValueError):
        agents.select(at_most=0).agg("cash", min)


def test_get_and_set(model):
    agents = model.agents
    assert agents.get("cash") == [a.cash for a in agents]
    assert agents.get("region") == [a.region for a in agents]
    assert agents.get(["uid", "sector"]) == [[a.uid, a.sector] for a in agents]
    assert agents.get("mood", handle_missing="default", default_value=3) == [3] * len(agents)
    assert agents.get(["uid", "mood"], handle_missing="default")[0] == [0, None]
    with pytest.raises(AttributeError, match="unknown attribute 'mood'"):
        agents.get("mood")
    with pytest.raises(ValueError, match="handle_missing"):
        agents.get("cash", handle_missing="ignore")
    some = agents.select(at_most=3)
    assert some.set("capacity", 10) is some
    assert model.state.firms.capacity[some.rows].tolist() == [10.0] * 3
    assert model.agents[3].capacity != 10.0


@pytest.mark.parametrize("by", ["sector", "alive", "region", attrgetter("sector"), lambda a: a.employment > 5])
def test_groupby(model, by):
    key = attrgetter(by) if isinstance(by, str) else by
    groups = model.agents.groupby(by)
    expected = {}
    for a in model.agents:
        expected.setdefault(key(a), []).append(a)
    assert isinstance(groups, GroupBy)
    assert [(k, list(group)) for k, group in groups] == list(expected.items())
    assert groups.count() == {k: len(v) for k, v in expected.items()}
    assert groups.agg("cash", max) == {k: max(a.cash for a in v) for k, v in expected.items()}
    assert groups.map(len) == groups.count()
    assert groups.map("agg", "cash", max) == groups.agg("cash", max)
    listed = model.agents.groupby(by, result_type="list")
    assert dict(listed) == expected
    assert listed.agg("cash", max) == groups.agg("cash", max)


def test_do_and_map(model):
    agents = model.agents
    seen = []
    assert agents.do(lambda a, k, power: seen.append((a.uid + k) ** power), 1, power=2) is agents
    assert seen == agents.map(lambda a: a.unique_id**2)
    assert agents.do("step") is agents  # Mesa's agents have an empty step
    with pytest.raises(AttributeError, match="unknown attribute 'stepp'"):
        agents.do("stepp")


def test_shuffles_use_the_generator_of_the_model(model):
    twin, agents, state = copy.deepcopy(model), model.agents, model.random.getstate()
    shuffled = agents.shuffle()
    assert shuffled.rows.tolist() != agents.rows.tolist()
    assert shuffled == agents  # the same set
    assert shuffled.rows.tolist() == twin.agents.shuffle().rows.tolist()
    seen, seen_twin = [], []
    agents.shuffle_do(lambda a: seen.append(a.uid))
    twin.agents.shuffle_do(lambda a: seen_twin.append(a.uid))
    assert seen == seen_twin
    assert seen not in (shuffled.rows.tolist(), agents.rows.tolist())
    assert model.random.getstate() == state
    assert agents.rng is model.rng
    assert agents.random is model.random
    own = model.agents.select()
    assert own.shuffle(inplace=True) is own
    assert list(own) != list(agents)
    reset = copy.deepcopy(model)
    reset.reset_rng(5)
    model.reset_rng(5)
    assert model.agents.shuffle().rows.tolist() == reset.agents.shuffle().rows.tolist()


@pytest.mark.parametrize("key", ["cash", "sector", "alive", "unique_id", lambda a: -a.employment])
@pytest.mark.parametrize("ascending", [None, False, True])
def test_sort(model, key, ascending):
    """As Mesa sorts: descending by default, ties in the order in which they were."""
    given = {} if ascending is None else {"ascending": ascending}
    start = model.agents.shuffle()
    expected = sorted(start, key=attrgetter(key) if isinstance(key, str) else key, reverse=not ascending)
    assert list(start.sort(key, **given)) == expected
    assert start.sort(key, inplace=True, **given) is start
    assert list(start) == expected


def test_copy_is_fixed(model):
    agents = model.agents
    fixed = copy.copy(agents)
    assert fixed == agents
    assert fixed is not agents
    model.state.firms.alive[agents.rows[0]] = False
    assert len(fixed) == len(agents) + 1
    assert list(copy.deepcopy(fixed).rows) == list(fixed.rows)


def test_set_operators(model):
    agents = model.agents
    some, others = agents.select(lambda a: a.uid < 10), agents.select(lambda a: 5 <= a.uid < 20)
    uids = lambda group: [a.uid for a in group]  # noqa: E731
    assert uids(some & others) == list(range(5, 10))
    assert uids(some | others) == list(range(20))
    assert uids(some - others) == list(range(5))
    assert uids(some ^ others) == [*range(5), *range(10, 20)]
    assert uids(some | [agents[30], agents[30]]) == [*range(10), 30]
    assert uids([agents[30]] | some) == [*range(10), 30]
    assert uids([agents[30], agents[3]] - some) == [30]
    assert some < agents
    assert some.isdisjoint(others - some)
    assert some == set(some)
    assert some != others
    with pytest.raises(ValueError, match="not a firm of this model"):
        _ = some | list(copy.deepcopy(model).agents[:1])


def test_composition_is_not_changed_by_hand(model):
    agents, agent = model.agents.select(at_most=3), model.agents[5]
    for change in (
        lambda: agents.add(agent),
        lambda: agents.discard(agents[0]),
        lambda: agents.remove(agents[0]),
        agents.pop,
        agents.clear,
        agent.remove,
        model.remove_all_agents,
        lambda: model.register_agent(agent),
        lambda: model.deregister_agent(agent),
        lambda: SMB.create_agents(model, 3),
    ):
        with pytest.raises(TypeError, match=r"mechanisms|make a new one"):
            change()
    assert len(agents) == 3


def test_a_hundred_thousand_agents_cost_nothing(dummy):
    """The set holds no list and no rows, and making it takes no memory that grows with the firms."""
    tracemalloc.start()
    agents = LazyAgentSet(dummy)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000
    assert vars(agents) == {"model": dummy, "_kind": 0, "_rows": None}
    assert len(agents) == 100_000
    half = agents.select(at_most=0.5)
    assert half.rows.nbytes == 8 * 50_000
    assert half.agg("cash", sum) == 50_000 * 49_999 / 2
    assert agents.groupby("sector").count() == {"a": 33_334, "b": 33_333, "c": 33_333}
    assert agents.sort("cash")[0].uid == 99_999


# -- money ----------------------------------------------------------------------------------------------------------------------------

ENDS = {
    "agent": lambda model: model.agents[3],
    "other agent": lambda model: model.agents[4],
    "large firm": lambda model: model.large_firms[0],
    "account": lambda model: "government",
    "households": lambda model: "household",
    "cell": lambda model: ("region 2", "owner"),
}


def held(model, end) -> float:
    """Deposits of a payer or payee."""
    if isinstance(end, str):
        return model.accounts[end] if end != "household" else sum(cell["deposits"] for cell in model.households.values())
    return model.households[end]["deposits"] if isinstance(end, tuple) else end.cash


@pytest.mark.parametrize("payer", ENDS)
@pytest.mark.parametrize("payee", ENDS)
def test_transfer_moves_money_and_conserves_it(model, payer, payee):
    source, target = ENDS[payer](model), ENDS[payee](model)
    money, before, others = model.state.money(), (held(model, source), held(model, target)), model.agents[7].cash
    model.transfer(source, target, 1000.0, "gift")
    inside = payer == payee or {payer, payee} == {"households", "cell"}  # held by both, in part
    if not inside:
        assert held(model, source) == pytest.approx(before[0] - 1000.0, rel=1e-12)
        assert held(model, target) == pytest.approx(before[1] + 1000.0, rel=1e-12)
    assert model.state.money() == pytest.approx(money, rel=1e-13)
    assert model.agents[7].cash == others
    assert [flow for flow in model.state.flows if flow[0] == "gift"]
    model.step()  # and the model goes on with it
    assert model.state.money() == pytest.approx(money, rel=1e-12)


def test_transfer_to_households_goes_to_workers_by_population(model):
    before = {cell: values["deposits"] for cell, values in model.households.items()}
    model.transfer("bank", "household", 100.0, "bonus")
    gained = {cell: values["deposits"] - before[cell] for cell, values in model.households.items()}
    shares = model.state.regions.population_share
    assert gained == pytest.approx(
        {
            (region, cls): 100 * shares[r] * (cls == "worker")
            for r, region in enumerate(model.state.region_names)
            for cls in ("worker", "owner")
        },
        abs=1e-6,
    )


def test_transfer_refuses_what_it_cannot_mean(model):
    agent, before = model.agents[0], digest(model.state)
    for amount in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="swap payer and payee"):
            model.transfer(agent, "bank", amount, "x")
    with pytest.raises(ValueError, match="Did you mean 'government'"):
        model.transfer(agent, "goverment", 1.0, "x")
    for holder in (("region 9", "owner"), 7, None):
        with pytest.raises(ValueError, match="cannot pay or be paid"):
            model.transfer(holder, agent, 1.0, "x")
    with pytest.raises(ValueError, match="not a firm of this model"):
        model.transfer(copy.deepcopy(model).agents[0], agent, 1.0, "x")
    assert digest(model.state) == before


def test_accounts_and_households_are_read_only(model):
    assert model.accounts["bank"] == model.state.accounts.balance[model.state.account("bank")]
    assert list(model.households) == [(f"region {r}", cls) for r in (1, 2) for cls in ("worker", "owner")]
    assert model.households["region 2", "worker"]["deposits"] == model.state.households.deposits[2]
    for mapping in (model.accounts, model.households, model.households["region 1", "owner"]):
        with pytest.raises(TypeError):
            mapping["bank"] = 0.0


# -- Mesa's data collector and networkx -----------------------------------------------------------------------------------------------


def test_data_collector_frames(model):
    model.datacollector = mesa.DataCollector(
        model_reporters={
            "week": "week",
            "gdp": "gdp",  # a metric by name
            "poor": lambda m: len(m.agents.select(lambda a: a.cash < 0)),
            "cash": lambda m: m.agents.agg("cash", sum),
        },
        agent_reporters={"cash": "cash", "sector": "sector", "customers": lambda a: len(a.customers)},
        agenttype_reporters={LargeFirm: {"output": "output"}, SMB: {"output": "output"}},
    )
    cash, gdp = [], []
    for _ in range(3):
        model.step()
        model.datacollector.collect(model)
        cash.append(model.state.firms.cash[model.agents.rows])
        gdp.append(simulate.METRICS["gdp"](model.state))
    frame = model.datacollector.get_model_vars_dataframe()
    assert frame["week"].tolist() == [5, 6, 7]
    assert frame["gdp"].tolist() == gdp
    assert frame["cash"].tolist() == pytest.approx([c.sum() for c in cash], rel=1e-12)
    agents = model.datacollector.get_agent_vars_dataframe()
    assert list(agents.columns) == ["cash", "sector", "customers"]
    assert agents["cash"].to_numpy().tolist() == np.concatenate(cash).tolist()
    assert agents.index.names == ["Step", "AgentID"]
    assert agents.loc[7, "sector"].tolist() == model.agents.get("sector")
    assert agents.loc[7].index.tolist() == model.agents.get("unique_id")
    large = model.datacollector.get_agenttype_vars_dataframe(LargeFirm)
    assert large.loc[8, "output"].tolist() == model.large_firms.get("output")
    assert len(model.datacollector.get_agenttype_vars_dataframe(SMB)) == 3 * len(model.agents)
    twin = copy.deepcopy(model)
    twin.step()
    twin.datacollector.collect(twin)
    assert len(twin.datacollector.get_model_vars_dataframe()) == len(frame) + 1
    assert len(model.datacollector.get_model_vars_dataframe()) == len(frame)


def test_subclass_collects_in_its_step(shocked, economy):
    """The idiom of Mesa's own examples."""

    class Watched(SMBModel):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.datacollector = mesa.DataCollector(model_reporters={"output": "output"})
            self.datacollector.collect(self)

        def step(self):
            super().step()
            self.datacollector.collect(self)

    watched = Watched(shocked, economy=economy)
    watched.run_model()
    frame = watched.datacollector.get_model_vars_dataframe()
    assert len(frame) == WEEKS + 1
    assert frame["output"].iloc[-1] == watched.output


def test_graph_is_a_snapshot(model):
    graph = model.graph
    assert isinstance(graph, nx.DiGraph)
    assert graph.number_of_nodes() == model.state.firms.n
    assert graph.number_of_edges() == model.state.links.n
    hub = max(graph, key=graph.out_degree)
    firm = model.agent(hub)
    assert firm.uid == hub
    assert {a.uid for a in firm.customers} == set(graph.successors(hub))
    graph.clear()
    assert model.graph.number_of_nodes() == model.state.firms.n
    with pytest.raises(KeyError, match="no firm has uid 999999"):
        model.agent(999_999)


def test_names_and_completion(model):
    assert {"cash", "suppliers"} <= set(dir(model.agents[0]))
    assert {"gdp", "agents"} <= set(dir(model))
    assert repr(model.agents) == "<LazyAgentSet of 120 firms>"
    assert repr(model.agents[0]).startswith("<SMB 0: sector ")
    assert "120 SMBs, 5 of 30 weeks" in repr(model)
    model.state.names = ("Bakery", "Mill")  # as of a network that was read from files
    assert [a.name for a in model.agents[:3]] == ["Bakery", "Mill", "2"]
