"""Entry (M6): new firms, funded by owners and the bank. Under construction."""

from __future__ import annotations

from ..schema import param
from .base import Mechanism


class Entry(Mechanism):
    name = "entry"
    optional = True
    reads = ()
    writes = ()

    enabled: bool = param(False, unit="switch", doc="New firms; off: nobody enters", source="limit of M6")

    def enter(self, state, step):
        """New firms of this week."""
