r"""Policies (X1): interventions of the state, by kind; what they do stands in `business`, `people` and `technology`, what all have in
`policy`. Here they are joined to a programme, whose phases are those of the week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Union

import numpy as np
from pydantic import Field

from ..draws import Draws
from ..mechanisms.base import Step
from ..rest import BANK, GOVERNMENT
from ..state import State
from .base import EMPTY, Known, resolve
from .business import CreditGuarantee, EmergencyLoan, Grant, ProcurementPreference, Regulation, TaxDeferral, WageSubsidy
from .people import BasicIncome, Benefit, JobseekerTraining, ReskillingObligation, StaffTraining, TrainingSubsidy
from .policy import Policy
from .rules import check_regions
from .technology import AdvisorySupport, DigitalInfrastructure, PublicPlatform, TaxCredit, ToolGrant

PAYOUT = ("guarantees", GOVERNMENT, BANK)  # the flow by which the state makes good a guaranteed loan
KINDS = {
    "credit_guarantee": CreditGuarantee,
    "emergency_loan": EmergencyLoan,
    "grant": Grant,
    "wage_subsidy": WageSubsidy,
    "tax_deferral": TaxDeferral,
    "procurement_preference": ProcurementPreference,
    "benefit": Benefit,
    "regulation": Regulation,
    "tool_grant": ToolGrant,
    "tax_credit": TaxCredit,
    "advisory_support": AdvisorySupport,
    "digital_infrastructure": DigitalInfrastructure,
    "public_platform": PublicPlatform,
    "staff_training": StaffTraining,
    "training_subsidy": TrainingSubsidy,
    "jobseeker_training": JobseekerTraining,
    "reskilling_obligation": ReskillingObligation,
    "basic_income": BasicIncome,
}

AnyPolicy = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007 (built from the table)


@dataclass(frozen=True, eq=False)
class Programme:
    """The policies of a scenario as phases of the week. rows: of their books; takers: firms that would ask for each."""

    policies: Sequence[Policy]
    rows: Sequence[int]
    takers: Sequence[np.ndarray]
    name: ClassVar[str] = "policies"
    optional: ClassVar[bool] = False

    def begin(self, state: State, step: Step) -> None:
        """Who is entitled to what, within which budgets."""
        for policy, k, takers in zip(self.policies, self.rows, self.takers, strict=True):
            policy.begin(state, k, step, takers)

    def support(self, state: State, step: Step) -> None:
        """What the state gives firms, lends them and promises their bank."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.support(state, k, step)

    def charge(self, state: State, step: Step) -> None:
        """What rules cost the firms."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.charge(state, k, step)

    def top_up(self, state: State, step: Step) -> None:
        """What the state gives households."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.top_up(state, k, step)

    def watch(self, state: State, step: Step) -> None:
        """What the rules of policies see, and how they go on next week."""
        for policy, k in zip(self.policies, self.rows, strict=True):
            policy.watch(state, k, step)

    def make_good(self, state: State, step: Step) -> None:
        """Books the guarantees paid this week, firm by firm in proportion to what each policy had guaranteed."""
        rows = [k for policy, k in zip(self.policies, self.rows, strict=True) if policy.guarantees]
        paid = state.flows.get(PAYOUT, 0.0)
        if not rows or paid == 0.0:
            return
        promised = state.firms.support[:, rows]
        by_firm = promised.sum(axis=1)
        lost = np.minimum(state.firms.loan_losses, by_firm)
        if lost.any():
            share = np.divide(promised, by_firm[:, None], out=np.zeros_like(promised), where=by_firm[:, None] > 0)
            state.policies.spent[rows] += min(paid / lost.sum(), 1.0) * (lost @ share)


def labels(policies: Sequence[Policy]) -> tuple[str, ...]:
    """The name of each policy: the one given, or its kind, numbered from the second on."""
    found: list[str] = []
    for policy in policies:
        name, number = policy.name or policy.kind, 2
        while name in found:
            name, number = f"{policy.name or policy.kind} {number}", number + 1
        found.append(name)
    return tuple(found)


def enact(policies: Sequence[Policy], state: State, draws: Draws, known: Known = EMPTY) -> tuple[Programme, ...]:
    """The programme of a scenario, with its books opened in the state; nothing where there is no policy.

    known: whom policies concern that began earlier

    Raises InputError, one line per mistake: a name that is not there, a target that selects nothing, a column that nobody reads.
    """
    if not policies:
        return ()
    masks = resolve(policies, state, draws, known)
    for i, policy in enumerate(policies):
        if policy.rule is not None:
            check_regions(policy.rule, f"policies[{i}] ({policy.kind})", policy.regions(state))
    takers = tuple(policy.takers(mask, state, draws) for policy, mask in zip(policies, masks, strict=True))
    return (Programme(tuple(policies), tuple(state.enact(labels(policies))), takers),)
