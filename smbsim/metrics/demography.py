"""Who is new: firms that entered this week, and the people they took on. All zero where nobody enters."""

from __future__ import annotations

from .base import metric


@metric("firms/wk", "Entries")
def entries(state):
    """Firms that entered this week."""
    return (state.firms.entered & state.firms.alive).sum()


@metric("heads/wk", "Jobs in new firms")
def entrant_jobs(state):
    """People whom firms that entered this week took on."""
    return state.firms.employment[state.firms.entered].sum()
