"""Firms as Mesa agents: views of the rows of a state, and sets of them that are built when they are looped over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import index
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from mesa.agent import AgentSet, GroupBy

from . import network
from .interventions.base import FACTORS
from .schema import nearest
from .state import KINDS, STRUCTURE, State
from .state import SMB as SMB_KIND

if TYPE_CHECKING:
    from .mesa_model import SMBModel

MONEY = {
    "cash": "money moves only through transfer; use model.transfer(payer, payee, amount, flow)",
    "debt": "loans create deposits, so debt moves only together with money, in the finance mechanism",
}
STRUCTURAL = frozenset(column.name for column in STRUCTURE if column.axis == "firm") - set(MONEY)
RESET = frozenset(column for table, column in FACTORS if table == "firms")
FASTER = {sum: partial(np.sum, axis=0), min: partial(np.min, axis=0), max: partial(np.max, axis=0)}  # the same on an array, 50 times faster


class Firm(mesa.Agent):
    """One firm, seen through the row of the state that holds it. Every firm column is an attribute, read and written in place."""

    pos = None  # Mesa's place on a grid; a firm has a region

    def __init__(self, model: SMBModel, row: int):
        own = self.__dict__
        own["model"], own["row"] = model, row  # not Mesa's constructor: it would keep the view in the model

    @property
    def unique_id(self) -> int:
        """Identity for Mesa, which counts from 1."""
        return self.uid + 1

    @property
    def name(self) -> str:
        """Name in the network it was read from; otherwise its uid."""
        names = getattr(self.model.state, "names", ())
        return names[self.uid] if self.uid < len(names) else str(self.uid)

    @property
    def sector(self) -> str:
        """Code of the sector."""
        state = self.model.state
        return state.sector_codes[state.firms.sector[self.row]]

    @property
    def region(self) -> str:
        """Name of the region, "everywhere" for large firms."""
        state = self.model.state
        region = state.firms.region[self.row]
        return state.region_names[region] if region >= 0 else network.NO_REGION

    @property
    def kind(self) -> str:
        """ "smb" or "large"."""
        return KINDS[self.model.state.firms.kind[self.row]]

    @property
    def suppliers(self) -> LazyAgentSet:
        """The firms it orders from."""
        state = self.model.state
        return self._partners(state.links.supplier, np.arange(state.customer_start[self.row], state.customer_start[self.row + 1]))

    @property
    def customers(self) -> LazyAgentSet:
        """The firms that order from it. (Its shares of household demand are the column `customer_base`.)"""
        state = self.model.state
        return self._partners(state.links.buyer, state.by_supplier[state.supplier_start[self.row] : state.supplier_start[self.row + 1]])

    def _partners(self, ends: np.ndarray, links: np.ndarray) -> LazyAgentSet:
        used = links[self.model.state.links.weight[links] > 0]  # a link that was given up stays until it is paid
        return LazyAgentSet(self.model, list(dict.fromkeys(ends[used].tolist())))

    @property
    def inputs(self) -> dict[str, float]:
        """Code of the supplying sector → stock of the input (base currency)."""
        state = self.model.state
        slots = slice(state.slot_start[self.row], state.slot_start[self.row + 1])
        codes = [state.sector_codes[g] for g in state.slots.group[slots]]
        return dict(zip(codes, state.slots.input_stock[slots].tolist(), strict=True))

    def remove(self) -> None:
        """Not possible: raises TypeError."""
        raise TypeError("a firm cannot be removed: its row stays for the whole run, and exit is a matter of the mechanisms")

    @classmethod
    def create_agents(cls, model, n, *args, **kwargs):
        """Not possible: raises TypeError."""
        raise TypeError("firms cannot be created here: the population comes from the scenario, and entry is a matter of the mechanisms")

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _column(self.model.state, name)[self.row]
        if isinstance(value, np.generic):
            return value.item()
        value.setflags(write=False)
        return value

    def __setattr__(self, name: str, value) -> None:
        if _has_setter(type(self), name):
            object.__setattr__(self, name, value)
        else:
            _write(self.model.state, name, self.row, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"'{name}' cannot be deleted: a firm is a view of its row")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.model.state.firms.columns})

    def __eq__(self, other: object) -> bool:
        """The same row of the same model; a row is one firm, and so one uid, for the whole run."""
        return isinstance(other, Firm) and other.model is self.model and other.row == self.row

    def __hash__(self) -> int:
        return hash((id(self.model), self.row))

    def __reduce__(self):
        return type(self), (self.model, self.row)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: sector {self.sector}, region {self.region}>"


class SMB(Firm):
    """A small or medium business."""


class LargeFirm(Firm):
    """All large firms of a sector, in one row."""


WORKED_OUT = ("unique_id", "name", "suppliers", "customers", "inputs")
VECTORS: dict[str, Callable[[State, np.ndarray], np.ndarray]] = {  # attributes that are no columns, for many rows at once
    "unique_id": lambda state, rows: state.firms.uid[rows] + 1,
    "sector": lambda state, rows: np.array(state.sector_codes, dtype=object)[state.firms.sector[rows]],
    "region": lambda state, rows: np.array([*state.region_names, network.NO_REGION], dtype=object)[state.firms.region[rows]],  # -1 is last
    "kind": lambda state, rows: np.array(KINDS, dtype=object)[state.firms.kind[rows]],
}


class LazyAgentSet(AgentSet):
    """A Mesa AgentSet that holds row numbers, not agents: views are built when somebody looks at them.

    Without rows it is all living firms of a kind, and follows the arrays; with rows it is those firms, in that order. It is a value:
    `|`, `&`, `-`, `select`, `sort` and `shuffle` make new sets.
    """

    def __init__(self, model: SMBModel, rows: Sequence[int] | np.ndarray | None = None, kind: int = SMB_KIND):
        """rows: distinct rows of the firm table; None for all living firms of the kind."""
        self.model, self._kind, self._rows = model, kind, None
        if rows is not None:
            self._fix(rows)

    def _fix(self, rows) -> LazyAgentSet:
        self._rows = np.array(rows, dtype=np.int64)
        self._rows.setflags(write=False)
        return self

    def _result(self, rows, inplace: bool = False) -> LazyAgentSet:
        return self._fix(rows) if inplace else LazyAgentSet(self.model, rows)

    @property
    def rows(self) -> np.ndarray:
        """(k,) rows in the firm table, in the order of the set."""
        if self._rows is not None:
            return self._rows
        firms = self.model.state.firms
        return np.flatnonzero((firms.kind == self._kind) & firms.alive)

    @property
    def random(self):
        """The `random` of the model; kept because Mesa has it, and not used here."""
        return self.model.random

    @property
    def rng(self) -> np.random.Generator:
        """The generator of the model, which shuffles."""
        return self.model.rng

    # -- looking ----------------------------------------------------------------------------------------------------------------------

    def _views(self, rows: np.ndarray) -> Iterator[Firm]:
        model, classes = self.model, self.model.agent_classes
        for row, kind in zip(rows.tolist(), model.state.firms.kind[rows].tolist(), strict=True):
            yield classes[kind](model, row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Firm]:
        return self._views(self.rows)

    def __reversed__(self) -> Iterator[Firm]:
        return self._views(self.rows[::-1])

    def __contains__(self, agent: object) -> bool:
        return isinstance(agent, Firm) and agent.model is self.model and bool((self.rows == agent.row).any())

    def __getitem__(self, item: int | slice) -> Firm | list[Firm]:
        if isinstance(item, slice):
            return list(self._views(self.rows[item]))
        return self.model.agent_at(self.rows[index(item)])

    def to_list(self) -> list[Firm]:
        """The agents as a list."""
        return list(self)

    def count(self, agent: Firm) -> int:
        """1 if the agent is in the set, else 0."""
        return int(agent in self)

    def index(self, agent: Firm, start: int = 0, stop: int | None = None) -> int:
        """Position of the agent. Raises ValueError if it is not there."""
        found = self.rows[start:stop] == agent.row if agent in self else np.zeros(0, dtype=bool)
        if not found.any():
            raise ValueError(f"{agent!r} is not in the set")
        return int(np.argmax(found)) + range(len(self))[start:stop].start

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} firms>"

    # -- values -----------------------------------------------------------------------------------------------------------------------

    def _vector(self, name: str) -> np.ndarray | None:
        """Values of an attribute, one per agent; None where a class of agents works it out by itself. Raises AttributeError."""
        classes, state = self.model.agent_classes, self.model.state
        if name in VECTORS and all(getattr(cls, name) is getattr(Firm, name) for cls in classes):
            return VECTORS[name](state, self.rows)
        if name == "row":
            return self.rows
        if name == "model" or any(hasattr(cls, name) for cls in classes):
            return None
        return _column(state, name)[self.rows]

    def agg(self, attribute: str, func: Callable | Iterable[Callable]) -> Any | list[Any]:
        """Aggregate an attribute with one or several functions of an array, (k,) or (k, width)."""
        values = self._vector(attribute)
        if values is None:
            values = [getattr(agent, attribute) for agent in self]
        functions = [func] if callable(func) else list(func)
        results = [self._apply(f, values) for f in functions]
        return results[0] if callable(func) else results

    @staticmethod
    def _apply(func: Callable, values: np.ndarray | list) -> Any:
        numbers = isinstance(values, np.ndarray) and values.dtype != object
        result = (FASTER.get(func, func) if numbers else func)(values)
        return result.item() if isinstance(result, np.generic) else result

    def get(self, attr_names: str | list[str], handle_missing: str = "error", default_value: Any = None) -> list:
        """The value of each agent, or a list of values for a list of names; handle_missing is "error" or "default"."""
        if handle_missing not in ("error", "default"):
            raise ValueError(f"Unknown handle_missing option: {handle_missing}, should be one of 'error' or 'default'")
        if not isinstance(attr_names, str):
            columns = [self.get(name, handle_missing, default_value) for name in attr_names]
            return [[column[k] for column in columns] for k in range(len(self))]
        try:
            values = self._vector(attr_names)
        except AttributeError:
            if handle_missing == "error":
                raise
            return [default_value] * len(self)
        if values is None:
            default = (default_value,) if handle_missing == "default" else ()
            return [getattr(agent, attr_names, *default) for agent in self]
        return values.tolist() if values.ndim == 1 else list(values)

    def set(self, attr_name: str, value: Any) -> LazyAgentSet:
        """Set an attribute of every agent to one value. Raises as setting it on an agent does."""
        if any(_has_setter(cls, attr_name) for cls in self.model.agent_classes):
            for agent in self:
                setattr(agent, attr_name, value)
        else:
            _write(self.model.state, attr_name, self.rows, value)
        return self

    # -- choosing ---------------------------------------------------------------------------------------------------------------------

    def select(
        self,
        filter_func: Callable[[Firm], bool] | None = None,
        at_most: int | float = float("inf"),
        inplace: bool = False,
        agent_type: type | None = None,
    ) -> LazyAgentSet:
        """The agents for which filter_func is true, of a type, at most so many (a float up to 1.0 is a share), in order."""
        rows = self.rows
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(rows) * at_most)
        if agent_type is not None:
            wanted = np.array([issubclass(cls, agent_type) for cls in self.model.agent_classes])
            rows = rows[wanted[self.model.state.firms.kind[rows]]]
        if filter_func is not None:
            found = []
            for agent in self._views(rows):
                if len(found) >= at_most:
                    break
                if filter_func(agent):
                    found.append(agent.row)
            rows = found
        elif at_most < len(rows):
            rows = rows[: max(int(at_most), 0)]
        return self._result(rows, inplace)

    def shuffle(self, inplace: bool = False) -> LazyAgentSet:
        """In random order, by the generator of the model."""
        return self._result(self.rng.permutation(self.rows), inplace)

    def sort(self, key: Callable[[Firm], Any] | str, ascending: bool = False, inplace: bool = False) -> LazyAgentSet:
        """Ordered by an attribute or a function, descending unless told otherwise; equal ones keep their order."""
        values = self._vector(key) if isinstance(key, str) else None
        if values is None or values.ndim > 1:
            by = (lambda agent: getattr(agent, key)) if isinstance(key, str) else key
            rows = [agent.row for agent in sorted(self, key=by, reverse=not ascending)]
        elif ascending:
            rows = self.rows[np.argsort(values, kind="stable")]
        else:
            rows = self.rows[::-1][np.argsort(values[::-1], kind="stable")][::-1]  # reversed twice: ties stay in order
        return self._result(rows, inplace)

    def groupby(self, by: Callable | str, result_type: str = "agentset") -> LazyGroupBy:
        """Groups by an attribute or a function, in order of first appearance; result_type "agentset" or "list"."""
        values = self.get(by) if isinstance(by, str) else self.map(by)
        groups: dict[Any, list[int]] = {}
        for value, row in zip(values, self.rows.tolist(), strict=True):
            groups.setdefault(value, []).append(row)
        if result_type == "agentset":
            return LazyGroupBy({value: self._result(rows) for value, rows in groups.items()})
        return LazyGroupBy({value: list(self._views(np.array(rows))) for value, rows in groups.items()})

    # -- acting -----------------------------------------------------------------------------------------------------------------------

    def do(self, method: str | Callable, *args, **kwargs) -> LazyAgentSet:
        """Call a method (by name) or a function on each agent, in order."""
        for agent in self:
            _call(agent, method, args, kwargs)
        return self

    def shuffle_do(self, method: str | Callable, *args, **kwargs) -> LazyAgentSet:
        """As `do`, in random order."""
        self.shuffle().do(method, *args, **kwargs)
        return self

    def map(self, method: str | Callable, *args, **kwargs) -> list[Any]:
        """As `do`, returning the results."""
        return [_call(agent, method, args, kwargs) for agent in self]

    # -- as a set ---------------------------------------------------------------------------------------------------------------------

    def add(self, agent: Firm) -> None:
        """Not possible: raises TypeError."""
        raise TypeError("a set of firms is not changed: make a new one, agents | [agent]")

    def discard(self, agent: Firm) -> None:
        """Not possible: raises TypeError."""
        raise TypeError("a set of firms is not changed: make a new one, agents - [agent]")

    remove = discard

    def _rows_of(self, agents: Iterable[Firm]) -> np.ndarray:
        if isinstance(agents, LazyAgentSet) and agents.model is self.model:
            return agents.rows
        return np.array(list(dict.fromkeys(self.model.row_of(agent) for agent in agents)), dtype=np.int64)

    def __and__(self, other: Iterable[Firm]) -> LazyAgentSet:
        rows = self.rows
        return self._result(rows[np.isin(rows, self._rows_of(other))])

    def __or__(self, other: Iterable[Firm]) -> LazyAgentSet:
        rows, others = self.rows, self._rows_of(other)
        return self._result(np.concatenate([rows, others[~np.isin(others, rows)]]))

    def __sub__(self, other: Iterable[Firm]) -> LazyAgentSet:
        rows = self.rows
        return self._result(rows[~np.isin(rows, self._rows_of(other))])

    def __rsub__(self, other: Iterable[Firm]) -> LazyAgentSet:
        others = self._rows_of(other)
        return self._result(others[~np.isin(others, self.rows)])

    def __xor__(self, other: Iterable[Firm]) -> LazyAgentSet:
        return (self - other) | self.__rsub__(other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LazyAgentSet):
            return other.model is self.model and np.array_equal(np.sort(self.rows), np.sort(other.rows))
        return super().__eq__(other)

    __hash__ = None

    def __copy__(self) -> LazyAgentSet:
        return self._result(self.rows)

    def __getstate__(self) -> dict:
        return self.__dict__.copy()

    def __setstate__(self, saved: dict) -> None:
        self.__dict__.update(saved)


class LazyGroupBy(GroupBy):
    """Groups of agents by key, with `map`, `do`, `count`, `agg` and iteration as in Mesa."""

    def agg(self, attr_name: str, func: Callable) -> dict:
        """{key: func of the attribute over the group}."""
        return {
            key: group.agg(attr_name, func) if isinstance(group, LazyAgentSet) else func([getattr(agent, attr_name) for agent in group])
            for key, group in self.groups.items()
        }


def _call(agent: Firm, method: str | Callable, args, kwargs) -> Any:
    return getattr(agent, method)(*args, **kwargs) if isinstance(method, str) else method(agent, *args, **kwargs)


def _has_setter(cls: type, name: str) -> bool:
    return getattr(getattr(cls, name, None), "fset", None) is not None


def _column(state: State, name: str) -> np.ndarray:
    if name not in state.firms.columns:
        raise AttributeError(f"firm: unknown attribute '{name}'.{nearest(name, (*state.firms.columns, *WORKED_OUT))}")
    return getattr(state.firms, name)


def _write(state: State, name: str, rows: int | np.ndarray, value: Any) -> None:
    """Set a column at one row or several to one value.

    Raises AttributeError for what cannot be set, ValueError for a value outside the bounds of the column.
    """
    if name in MONEY:
        raise AttributeError(f"'{name}' cannot be set: {MONEY[name]}")
    if name in STRUCTURAL or hasattr(Firm, name) or name in ("model", "row"):
        raise AttributeError(f"'{name}' cannot be set: it is what the firm is, or follows from other columns")
    if name in RESET:
        raise AttributeError(f"'{name}' cannot be set: every week begins by setting it anew; put a shock into the scenario")
    target = _column(state, name)
    column, values = state.firms.columns[name], np.asarray(value)
    if values.shape not in ((), target.shape[1:]):
        raise ValueError(
            f"firms.{name} takes one value of shape {target.shape[1:]}, not {values.shape}; write several into model.state.firms"
        )
    with np.errstate(invalid="ignore"):  # of numbers too large for a column of whole numbers, which are refused here
        fits = values.dtype.kind in "buif" and np.isfinite(values).all() and (values.astype(target.dtype) == values).all()
    if not fits:
        raise ValueError(f"firms.{name} = {value!r} is not a finite number of type {target.dtype}")
    if column.low is not None and (values < column.low).any():
        raise ValueError(f"firms.{name} = {value!r} is below {column.low} {column.unit}")
    if column.high is not None and (values > column.high).any():
        raise ValueError(f"firms.{name} = {value!r} is above {column.high} {column.unit}")
    target[rows] = values
