r"""How an economy at rest answers a small push: the eigenvalues of the map of one week.

    y(t+1) - y* = J (y(t) - y*) ,    J v ≈ [ F(y* + h v) - F(y* - h v) ] / 2h ,    F one call of `advance`

y are the columns that carry the past into the next week (CARRIERS). Beyond a few firms J is never written down: its largest eigenvalues
are found by Arnoldi iteration on the model itself, so that what is judged is what runs. Its spectral radius ρ tells whether a push dies
out; a complex pair e^{iω} swings with a period of 2π/ω weeks; a real eigenvalue decays with a half-life of ln 2 / -ln λ. Backlogs and
overtime are at a bound at rest and stay there for small pushes, so they are left out; accounts that only accumulate (state, rest of the
world) as well. Staff is carried where firms hire and fire; the unemployed are the rest of the labour force.

The income loop has one number of its own, what comes back of a unit of consumption as consumption while deposits stay what they are:

    g = Σ_s ( c_y Y'_s + κ C (1 - u₀) λ_s / Σ L ) m_s ,   m = (I - B)^-1 θ ,   demand feeds on itself if g > 1

m_s is output of sector s per unit spent on the basket θ, with B the inputs bought at home per unit of output; Y'_s = (1 - τ_y - b) wages
+ (1 - τ_y)(1 - τ_Π) profits, both per unit of output; κ the confidence of households, λ heads per unit of output. Accounts without firms
count as sectors without heads. Where all sectors are alike this is c_y Y' + κ C (1 - u₀) / X < 1 - a. Deposits, which stabilise, move
slowly; stock adjustment and hiring, which destabilise, are not in it: the spectral radius has both.

Source: MODEL.md M2 and 4.4 (network resonance); the same as the roots of 1 - λ G(z) where that formula is exact, which is a test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import heads
from ..draws import Draws
from ..mechanisms.base import Step
from ..mechanisms.government import Government
from ..mechanisms.households import Households
from ..rest import ACCOUNTS, GOVERNMENT, USES
from ..simulate import Plan, advance
from ..state import State

CARRIERS = (
    ("firms", ("expected_demand", "demand", "inventory", "output", "cash", "employment", "import_payable")),
    ("slots", ("input_stock", "pipeline", "import_pipeline")),
    ("links", ("payable",)),
    ("households", ("deposits", "income_smoothed")),
    ("regions", ("expected_fill",)),
)
RINGS = ("pipeline", "import_pipeline")
PUSH = 1e-5  # largest relative push; halves of it agree to 1e-9
EIGENVALUES = 12
RESTARTS = 20  # of the Arnoldi iteration at most, for each eigenvalue wanted
DENSE = 200  # up to so many carried values J is written down
LEAST_IMAGINARY = 1e-6  # below it an eigenvalue counts as real


@dataclass(frozen=True)
class Stability:
    """eigenvalues: complex, largest modulus first."""

    eigenvalues: np.ndarray

    @property
    def radius(self) -> float:
        """Spectral radius; above one a push grows."""
        return float(np.abs(self.eigenvalues[0]))

    @property
    def swing(self) -> complex | None:
        """The least damped swing: largest eigenvalue that is not real."""
        swings = [z for z in self.eigenvalues if abs(z.imag) > LEAST_IMAGINARY]
        return complex(swings[0]) if swings else None

    @property
    def period(self) -> float | None:
        """Period of the least damped swing in weeks."""
        return None if self.swing is None else float(2 * np.pi / abs(np.angle(self.swing)))

    @property
    def half_life(self) -> float | None:
        """Half-life of the slowest real mode in weeks; infinite at one."""
        real = [z.real for z in self.eigenvalues if abs(z.imag) <= LEAST_IMAGINARY and z.real > 0]
        if not real:
            return None
        return float(np.log(2) / -np.log(real[0])) if real[0] < 1 else np.inf

    def in_words(self) -> str:
        """One or two sentences."""
        swing = "no swing" if self.swing is None else f"swings of {self.period:.0f} weeks shrink by {1 - abs(self.swing):.1%} a week"
        if self.swing is not None and abs(self.swing) > 1:
            swing = f"swings of {self.period:.0f} weeks GROW by {abs(self.swing) - 1:.1%} a week"
        slow = "" if self.half_life is None else f"; the slowest mode has a half-life of {self.half_life:.0f} weeks"
        return f"spectral radius {self.radius:.4f}: {swing}{slow}"


def stability(state: State, plan: Plan, closed: bool = True, eigenvalues: int = EIGENVALUES) -> Stability:
    """Eigenvalues of one week at the state, which must be at rest and without noise (breakdown_hazard 0).

    closed: consumption follows income; otherwise household deposits only accumulate and are left out.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    carriers = [(table, name) for table, names in CARRIERS for name in names if closed or table != "households"]
    rest = _read(state, carriers)
    scale = np.abs(rest)
    active = np.flatnonzero(scale > 0)

    def push(v: np.ndarray) -> np.ndarray:
        """J v in relative coordinates."""
        h = PUSH / max(np.abs(v).max(), 1e-300)
        ahead, behind = (_week(state, plan, carriers, _moved(rest, scale, active, sign * h * v)) for sign in (1, -1))
        return ((ahead - behind) / (2 * h))[active] / scale[active]

    if active.size <= DENSE:
        values = np.linalg.eigvals(np.stack([push(v) for v in np.eye(active.size)], axis=1))
        return Stability(values[np.argsort(-np.abs(values), kind="stable")])
    start = np.cos(np.arange(active.size))  # any vector that is no eigenvector
    operator = LinearOperator((active.size, active.size), matvec=push, dtype=float)
    try:
        values = eigs(operator, k=eigenvalues, which="LM", v0=start, return_eigenvectors=False, tol=1e-7, maxiter=RESTARTS * eigenvalues)
    except ArpackNoConvergence as error:  # what is found counts: the largest are found first
        values = error.eigenvalues
        if len(values) == 0:
            raise ArithmeticError("no eigenvalue of a week converges") from error
    return Stability(values[np.argsort(-np.abs(values), kind="stable")])


def _read(state: State, carriers) -> np.ndarray:
    columns = [getattr(getattr(state, table), name).ravel() for table, name in carriers]
    return np.concatenate([*columns, state.accounts.balance[len(ACCOUNTS) :]])


def _moved(rest, scale, active, relative):
    values = rest.copy()
    values[active] += scale[active] * relative
    return values


def _week(state: State, plan: Plan, carriers, values: np.ndarray) -> np.ndarray:
    """What the carriers are one week after they had these values; rings are turned, so that position 0 always arrives next."""
    moved, first = state.copy(), 0
    for table, name in carriers:
        column = getattr(getattr(moved, table), name)
        column[...] = values[first : first + column.size].reshape(column.shape)
        first += column.size
    moved.accounts.balance[len(ACCOUNTS) :] = values[first:]
    slots = moved.slots
    slots.supply_line[:] = slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1)
    heads.place(moved, moved.firms.employment.copy())
    advance(moved, plan, Step(0, Draws(0)))
    for ring in RINGS:
        column = getattr(slots, ring)
        column[...] = np.roll(column, -1, axis=1)
    return _read(moved, carriers)


def income_gain(state: State, households: Households, government: Government) -> float:
    """g of the income loop, at the state, which must be at rest; above one demand feeds on itself (see the module's docstring)."""
    firms, sectors, accounts, first = state.firms, state.sectors, state.accounts, len(ACCOUNTS)
    G, Q = sectors.n, accounts.n - first
    output = state.by_sector(firms.output)
    per_unit = np.divide(1.0, output, out=np.zeros(G), where=output > 0)
    budget = accounts.resting_budget[first:]
    per_budget = np.divide(1.0, budget, out=np.zeros(Q), where=budget > 0)
    bought = np.zeros((G, G))
    np.add.at(bought, (state.slots.group, firms.sector[state.slots.customer]), state.slots.order)
    inputs = np.zeros((G + Q, G + Q))
    inputs[:G, :G] = bought * per_unit + sectors.counter_coefficient.T
    inputs[G:, :G] = sectors.account_coefficient[:, first:].T
    inputs[:G, G:] = sectors.resting_spending[:, len(USES) :] * per_budget
    inputs[G:, G:] = accounts.resting_account_spending[first:, len(USES) :] * per_budget
    made = np.linalg.solve(np.eye(G + Q) - inputs, np.concatenate([sectors.sector_basket, accounts.account_basket[first:]]))

    kept = 1.0 - accounts.tax_rate[state.account(GOVERNMENT)]
    wages, staff = state.by_sector(firms.wage_bill), state.by_sector(firms.employment)
    costs = firms.spot_use + firms.counter_use + state.sum_slots(state.slots.input_use) + firms.wage_bill + firms.product_tax_paid
    profits = output - state.by_sector(costs)
    income = (kept - government.benefit_share) * wages + kept * (1.0 - government.profit_tax) * profits
    cells = state.households
    unearned = kept * (cells.resting_wages + cells.resting_surplus).sum(axis=0)[first:]
    employed = 1.0 - state.regions.unemployed.sum() / state.regions.labour_force.sum()
    mood = households.confidence * cells.consumption.sum() * employed / staff.sum()
    spent = households.income_share * np.concatenate([income * per_unit, unearned * per_budget])
    spent[:G] += mood * staff * per_unit
    return float(spent @ made)
