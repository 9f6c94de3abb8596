"""Strategy (M6): stages of life, aspiration, and what firms do to grow or to survive. Under construction."""

from __future__ import annotations

from ..schema import param
from .base import Mechanism


class Strategy(Mechanism):
    name = "strategy"
    optional = True
    reads = ()
    writes = ()

    enabled: bool = param(False, unit="switch", doc="Firms choose strategies; off: they hold", source="limit of M6")

    def decide(self, state, step):
        """Firms that search choose a strategy."""

    def merge(self, state, step):
        """Firms buy others of their sector."""
