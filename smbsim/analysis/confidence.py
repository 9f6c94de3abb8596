r"""When does a slump in which nobody spends last? The threshold of confidence in closed form.

Nobody consumes where κ (u - u₀) >= 1 (`households`), and nobody is hired where nobody consumes: the slump is its own cause from

    κ_f = 1 / (u_f - u₀) ,     u_f - u₀ = (1 - u₀) C Σ_s λ_s m_s / Σ L = g(κ=1) - g(κ=0)

on. u_f is unemployment without any consumption while the state, investors and the rest of the world buy what they do at rest; g the gain of
the income loop (`stability.income_gain`, which has the symbols). Technology is linear, so that this is exact as far as nothing else moves:
prices and wages fixed, no firm closes, no input runs out. Below κ_f spending comes back, whatever was saved meanwhile.

Source: algebra on M14 and the Leontief inverse; the form of confidence is that of Gualdi, Tarzia, Zamponi and Bouchaud (2015).
"""

from __future__ import annotations

from ..economy import Economy
from ..scenario import Scenario
from ..simulate import prepare
from .stability import income_gain


def slump_lasts_from(scenario: Scenario, economy: Economy | None = None) -> float:
    """κ_f of the module for the economy of a scenario, at rest. Raises ValueError where consumption employs nobody."""
    state = prepare(scenario.without_interventions(), None, economy)[0]
    at = [scenario.households.model_copy(update={"confidence": kappa}) for kappa in (0.0, 1.0)]
    calm, afraid = (income_gain(state, households, scenario.government) for households in at)
    if not afraid > calm:
        raise ValueError("consumption employs nobody here: confidence has no threshold")
    return 1.0 / (afraid - calm)
