"""Sourcing (M11, DECISIONS.md 21): how firms replace suppliers that closed, and review those they have. Under construction."""

from __future__ import annotations

from ..schema import param
from .base import Mechanism


class Sourcing(Mechanism):
    name = "sourcing"
    optional = True
    reads = ()
    writes = ()

    enabled: bool = param(False, unit="switch", doc="Firms look for suppliers; off: the network stays as it is", source="limit of M11")

    def close_links(self, state, step):
        """Orders and backlogs with firms that closed are cancelled; the other suppliers of the slot take over."""

    def review(self, state, step):
        """Firms look for better suppliers."""
