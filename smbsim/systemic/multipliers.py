r"""What a unit of final demand calls for, and who is central, on the resting network alone.

    A = A_links + Σ_g b^(g) ⊗ k_g            firm by firm: links, and the counter inputs as one rank-one part per supplying sector
    a_ji = a_ig (1 - μ_ig) w_ji               along link j → i of the slot (i, g): domestic part of the coefficient, share of supplier j
    q    = u + A' q = (I - A)⁻¹' u            total requirement of anything used at u_i per unit of output, per unit of final demand at i

    output multiplier       u = 1             1           output of all firms per unit of final demand at the firm
    value-added multiplier  u = v             1           value added of all firms; the rest of the unit goes abroad and to accounts
    import content          u = imports       1
    employment multiplier   u = λ / 52        heads per base currency/yr
    influence               φ = (α/n) (I - (1 - α) W')⁻¹ 1 ,  W_ij = A_ji / Σ_j A_ji      share of i's domestic inputs bought from j
    upstreamness            mean number of steps to final use (metrics/network.py, where the equation is)

symbol  column                                   unit
a       coefficient (slot)                       1
μ       import_share (slot)                      1
w       weight (link)                            1
b       sale_share                               1
k       counter_coefficient (user × supplier)    1
λ       labour_coefficient                       heads per base currency/wk

No household spends what it earns here (that is `analysis.impulse.long_run_multipliers`). With sector technology a firm's multiplier is its
sector's in the table, whoever supplies it (POPULATION.md 1.4, theorem), which is a test. Nothing dense is made: every round of the
Neumann series is two sums over links or sectors, and converges at the rate of the largest eigenvalue of A (.42 in the US table).

Sources: Leontief (1941); Miller and Blair (2009), ch. 6, for the multipliers; Acemoglu, Carvalho, Ozdaglar and Tahbaz-Salehi (2012),
Econometrica 80(5), for the influence vector; Antràs et al. (2012) for upstreamness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..metrics.network import upstreamness as upstreamness  # one definition; its place among the multipliers is here
from ..schema import WEEKS_PER_YEAR
from ..state import KINDS, State

CONVERGED = 1e-13  # relative bound on what the rest of the series can add; near rounding
ROUNDS = 100_000  # most terms of a series; reached only where value added is next to nothing


@dataclass(frozen=True)
class Multipliers:
    """Of every firm, (n,): output, value_added, imports 1; employment heads per base currency/yr; upstreamness steps; influence 1.

    kind, sector (n,) as in the state; sectors the codes; alpha the share of value added behind the influence.
    """

    output: np.ndarray
    value_added: np.ndarray
    imports: np.ndarray
    employment: np.ndarray
    upstreamness: np.ndarray
    influence: np.ndarray
    alpha: float
    kind: np.ndarray
    sector: np.ndarray
    sectors: tuple[str, ...]

    @property
    def volatility(self) -> float:
        """‖φ‖₂: standard deviation of aggregate output per unit of independent firm shocks; 1/√n where all firms count alike."""
        return float(np.sqrt(self.influence @ self.influence))

    def summary(self) -> str:
        """A few sentences."""
        high, low, top = int(self.output.argmax()), int(self.output.argmin()), int(self.influence.argmax())
        code = [self.sectors[k] for k in self.sector]
        least, most = self.value_added.min(), self.value_added.max()
        jobs, equal = 1e6 * self.employment, 1.0 / np.sqrt(len(self.output))
        return "\n".join(
            (
                f"output multipliers run from {self.output[low]:.2f} (sector {code[low]}) to {self.output[high]:.2f} (sector {code[high]})",
                f"a unit of final demand is {least:.2f} to {most:.2f} of domestic value added",
                f"a million of final demand a year employs {jobs.min():.1f} to {jobs.max():.1f} people",
                f"row {top} ({KINDS[self.kind[top]]}, sector {code[top]}) has most influence, {self.influence[top]:.1%}; shocks to single "
                f"firms add up to {self.volatility / equal:.1f} times what they would if all counted alike",
            )
        )


def multipliers(state: State, alpha: float | None = None) -> Multipliers:
    """All of them. alpha: see `influence`."""
    alpha = _alpha(state, alpha)
    return Multipliers(
        output_multipliers(state), value_added_multipliers(state), import_content(state), employment_multipliers(state),
        upstreamness(state), influence(state, alpha), alpha,
        state.firms.kind.copy(), state.firms.sector.copy(), state.sector_codes,
    )  # fmt: skip


def output_multipliers(state: State) -> np.ndarray:
    """(n,) output of all firms per unit of final demand at the firm, m = (I - A)⁻¹' 1."""
    return total_requirement(state, np.ones(state.firms.n))


def value_added_multipliers(state: State) -> np.ndarray:
    """(n,) value added of all firms per unit of final demand at the firm; 1 in an economy without imports and accounts."""
    return total_requirement(state, value_added_coefficient(state))


def import_content(state: State) -> np.ndarray:
    """(n,) imports of all firms per unit of final demand at the firm."""
    return total_requirement(state, import_coefficient(state))


def employment_multipliers(state: State) -> np.ndarray:
    """(n,) heads employed by all firms per base currency/yr of final demand at the firm."""
    return total_requirement(state, state.firms.labour_coefficient / WEEKS_PER_YEAR)


def influence(state: State, alpha: float | None = None) -> np.ndarray:
    """(n,) φ = (α/n) (I - (1 - α) W')⁻¹ 1: elasticity of aggregate output to the productivity of each firm.

    alpha : share of value added in costs, in (0, 1]; None: that of the economy. The entries sum to one where every firm buys inputs;
            a firm without inputs passes nothing on.

    Raises ValueError for an alpha outside (0, 1].
    """
    firms, links = state.firms, state.links
    alpha = _alpha(state, alpha)
    flow = link_coefficient(state)
    counter = state.sectors.counter_coefficient
    bought = state.sum_by_customer(flow) + _sold_over_counter(state)[firms.sector]
    per_unit = np.divide(1.0, bought, out=np.zeros(firms.n), where=bought > 0)

    def passed_on(phi: np.ndarray) -> np.ndarray:
        spent = phi * per_unit  # per unit of the customer's coefficients
        pools = state.by_sector(spent) @ counter
        return state.sum_by_supplier(flow * spent[links.buyer]) + firms.sale_share * pools[firms.sector]

    return series(np.full(firms.n, alpha / firms.n), lambda phi: (1.0 - alpha) * passed_on(phi))


def total_requirement(state: State, per_unit: np.ndarray) -> np.ndarray:
    """(n,) q = per_unit + A' q: what all firms together need per unit of final demand at the firm.

    per_unit : (n,) use of something per unit of the firm's output

    Raises ValueError where the series does not converge, because some firms add no value.
    """
    firms, links = state.firms, state.links
    a, counter = link_coefficient(state), state.sectors.counter_coefficient

    def through_suppliers(q: np.ndarray) -> np.ndarray:
        pools = state.by_sector(firms.sale_share * q)
        return state.sum_by_customer(a * q[links.supplier]) + (counter @ pools)[firms.sector]

    return series(np.asarray(per_unit, dtype=float), through_suppliers)


def series(start: np.ndarray, apply: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """start + M start + M² start + …, where apply(x) = M x.

    Ends when a geometric tail at the pace of the last two terms could not add more than rounding. Raises ValueError if the terms do not
    shrink.
    """
    total, term, last = start.copy(), start, np.inf
    for _ in range(ROUNDS):
        term = apply(term)
        total += term
        size = float(np.max(np.abs(term), initial=0.0))
        pace = size / last if 0 < last < np.inf else 0.0
        if size == 0.0 or (pace < 1.0 and size / (1.0 - pace) <= CONVERGED * float(np.max(np.abs(total)))):
            return total
        last = size
    raise ValueError(f"the Neumann series does not converge: after {ROUNDS} rounds a term is still {size:.3g}; do some firms add no value?")


def link_coefficient(state: State) -> np.ndarray:
    """(m,) a_ji: domestic input bought along the link per unit of the customer's output."""
    slots, links = state.slots, state.links
    return (slots.coefficient * (1.0 - slots.import_share))[links.slot] * links.weight


def value_added_coefficient(state: State) -> np.ndarray:
    """(n,) v: output less all inputs, domestic, imported and of accounts, per unit of output."""
    sectors = state.sectors
    spot = sectors.spot_coefficient.sum(axis=1) + sectors.other_import_coefficient + sectors.account_coefficient.sum(axis=1)
    unlinked = sectors.counter_coefficient.sum(axis=1) + spot
    return 1.0 - state.sum_slots(state.slots.coefficient) - unlinked[state.firms.sector]


def import_coefficient(state: State) -> np.ndarray:
    """(n,) imports per unit of output, stocked and on the spot."""
    sectors, slots = state.sectors, state.slots
    spot = sectors.spot_coefficient.sum(axis=1) + sectors.other_import_coefficient
    return state.sum_slots(slots.coefficient * slots.import_share) + spot[state.firms.sector]


def _sold_over_counter(state: State) -> np.ndarray:
    """(G,) counter inputs per unit of output of the user sector, as far as somebody sells them."""
    return state.sectors.counter_coefficient @ state.by_sector(state.firms.sale_share)


def _alpha(state: State, alpha: float | None) -> float:
    if alpha is None:
        output = state.firms.normal_output
        alpha = float(value_added_coefficient(state) @ output / output.sum())
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha = {alpha:g} is outside (0, 1]")
    return alpha
