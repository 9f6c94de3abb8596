"""The core week as a user would otherwise write it. Each is gated by agreement with smbsim before it is timed (`smbsim.bench.gate`)."""

from __future__ import annotations

from collections.abc import Callable


def peers() -> dict[str, Callable]:
    """Name → peer, of those whose library is installed."""
    from .agents import Naive
    from .vectorised import Vectorised

    found = {"mesa": Naive, "numpy": Vectorised}
    try:
        from .graphs import Graphs
    except ImportError:
        return found
    return {**found, "graphblas": Graphs}
