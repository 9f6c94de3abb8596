"""Holds that are remembered, so that a search that was stopped goes on where it was, and a finished one can be looked at again.

A hold is a call of a system (see `sweeps`): its order parameter is a number, its state may be large. Only the numbers are written, one line
each as soon as they are known:

    parts/holds.csv     key,m        key: hash of the system's name, the parameter, the seed and the key of the state it began from

A state is a `Place`: the chain of holds and pushes that leads to it. It is walked again only where something begins from it that is not
remembered; so after a kill nothing finished is computed again but the states that the next holds begin from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ..schema import InputError
from .basins import Perturb
from .sweeps import System

HEADER = b"key,m\n"
UNKNOWN = object()  # a state that has yet to be walked to; None is a state, too


class Place:
    """Where a system is after a chain of steps. key: equal for equal chains; step(state before) → state here."""

    def __init__(self, key: str, before: Place | None, step: Callable[[Any], Any], state: Any = UNKNOWN):
        self.key, self._before, self._step, self._state = key, before, step, state

    def state(self) -> Any:
        """The state, walked to from the last place that is known."""
        chain, place = [], self
        while place is not None and place._state is UNKNOWN:
            chain.append(place)
            place = place._before
        state = None if place is None else place._state
        for one in reversed(chain):
            state = one._step(state)
        self._state, self._before = state, None
        return state


class Holds:
    """Numbers by key, in a file if there is one. missing: "compute" what is not remembered, or "refuse" to."""

    def __init__(self, path: Path | None = None, missing: str = "compute"):
        self.path, self.missing, self._lock, self._known = path, missing, Lock(), {}
        if path is None:
            return
        there = path.read_bytes() if path.is_file() else b""
        whole = there[: there.rfind(b"\n") + 1] or HEADER  # a kill may have cut the last line
        if missing == "compute" and there != whole:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole)
        self._known = {key: float(m) for key, m in (line.split(",") for line in whole.decode().splitlines()[1:])}

    def __len__(self) -> int:
        return len(self._known)

    def number(self, key: str, compute: Callable[[], float]) -> float:
        """What is remembered under a key, or what compute() gives, kept from now on."""
        if key not in self._known:
            if self.missing == "refuse":
                raise InputError(f"{self.path}: a hold is missing; what is there is not the whole search, or that of other code")
            self.put(key, compute())
        return self._known[key]

    def put(self, key: str, m: float) -> None:
        """Keep a number at once."""
        with self._lock:
            self._known[key] = float(m)
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(f"{key},{float(m)!r}\n")

    def system(self, name: str, f: System) -> System:
        """The same system with places for states. name: tells it from the others of the search."""

        def call(parameter: float, before: Place | None, seed: int) -> tuple[float, Place]:
            key = _key(name, repr(float(parameter)), seed, before)
            ended = {}

            def held(state: Any) -> Any:
                ended["m"], ended["state"] = f(parameter, state, seed)
                return ended["state"]

            m = self.number(key, lambda: (held(None if before is None else before.state()), float(ended["m"]))[1])
            return m, Place(key, None if ended else before, held, ended.get("state", UNKNOWN))

        call.cost = getattr(f, "cost", 1.0)
        return call

    def systems(self, kind: str, of: Mapping | None) -> dict | None:
        """The same for several, by name."""
        return None if of is None else {name: self.system(f"{kind} {name}", f) for name, f in of.items()}

    def push(self, perturb: Perturb) -> Perturb:
        """The same push of places."""

        def call(before: Place, size: float, seed: int) -> Place:
            return Place(_key("push", repr(float(size)), seed, before), before, lambda state: perturb(state, size, seed))

        return call

    def question(self, name: str, ask: Callable[[Any], bool]) -> Callable[[Place], bool]:
        """The same question about places."""
        return lambda place: bool(self.number(_key(name, "", 0, place), lambda: float(ask(place.state()))))


def _key(name: str, parameter: str, seed: int, before: Place | None) -> str:
    text = f"{name}|{parameter}|{seed}|{before.key if before is not None else ''}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
