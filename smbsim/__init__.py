"""smbsim: what happens to an economy of small and medium businesses.

    import smbsim as ss
    base = ss.load("scenarios/baseline.yaml")
    result = ss.run(base.with_(ss.DemandShock(start=4, stop=30, size=0.4)), runs=8)

Nothing is imported before it is asked for: `PUBLIC` says where each name lives.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

PUBLIC = {  # name → module, name there
    "run": ("analysis.ensemble", "run"),
    "load": ("scenario", "load"),
    "load_result": ("result", "load"),
    "Scenario": ("scenario", "Scenario"),
    "Result": ("result", "Result"),
    "SMBModel": ("mesa_model", "SMBModel"),
    "SMB": ("mesa_model", "SMB"),
    "from_networkx": ("graph", "from_networkx"),
    "to_networkx": ("graph", "to_networkx"),
    "resilience": ("analysis.resilience", "resilience"),
    "policy_effects": ("analysis.policy", "effects"),
    "risk": ("analysis.risk", "risk"),
    "burn_in": ("checkpoint", "burn_in"),
    "fork": ("checkpoint", "fork"),
    "compare": ("analysis.compare", "compare"),
    "sweep": ("analysis.response", "sweep"),
    "warning": ("analysis.warning", "warning"),
    "InputError": ("schema", "InputError"),
}

SHOCKS = ("DemandShock", "PreferenceShock", "CapacityShock", "LabourShock", "Removal", "ImportStop", "ImportPriceShock", "WageShock",
          "CostShock", "CreditCrunch", "TechnologyShock", "PolicyWithdrawal")  # fmt: skip
POLICIES = (
    "CreditGuarantee", "EmergencyLoan", "Grant", "WageSubsidy", "TaxDeferral", "ProcurementPreference", "Benefit", "Regulation",
    "ToolGrant", "TaxCredit", "AdvisorySupport", "DigitalInfrastructure", "PublicPlatform", "StaffTraining", "TrainingSubsidy",
    "JobseekerTraining", "ReskillingObligation", "BasicIncome",
)  # fmt: skip
PUBLIC |= {name: ("interventions.shocks", name) for name in SHOCKS} | {name: ("interventions.policies", name) for name in POLICIES}

__all__ = ["__version__", *PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'smbsim' has no attribute '{name}'; it has {', '.join(PUBLIC)}")
    module, there = PUBLIC[name]
    globals()[name] = value = getattr(import_module(f".{module}", __name__), there)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
