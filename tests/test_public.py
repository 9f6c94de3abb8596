"""The public names of the package, pinned; nothing is imported before it is asked for."""

import subprocess
import sys

import pytest

import smbsim
from smbsim.interventions import policies, shocks

INTERVENTIONS = [
    "AdvisorySupport", "BasicIncome", "Benefit", "CapacityShock", "CostShock", "CreditCrunch", "CreditGuarantee", "DemandShock",
    "DigitalInfrastructure", "EmergencyLoan", "Grant", "ImportPriceShock", "ImportStop", "JobseekerTraining", "LabourShock",
    "PolicyWithdrawal", "PreferenceShock", "ProcurementPreference", "PublicPlatform", "Regulation", "Removal", "ReskillingObligation",
    "StaffTraining", "TaxCredit", "TaxDeferral", "TechnologyShock", "ToolGrant", "TrainingSubsidy", "WageShock", "WageSubsidy",
]  # fmt: skip
OTHERS = [
    "InputError", "Result", "SMB", "SMBModel", "Scenario", "__version__", "burn_in", "compare", "fork", "from_networkx", "load",
    "load_result", "policy_effects", "resilience", "risk", "run", "sweep", "to_networkx",
    "warning",
]  # fmt: skip
NAMES = sorted(INTERVENTIONS + OTHERS)
HEAVY = ("numpy", "scipy", "numba", "pandas", "xarray", "mesa", "matplotlib", "networkx", "pydantic", "rich")


def imported(code: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has imported after some code."""
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split()) & set(HEAVY)


def test_names_are_these_and_no_more_than_twenty_besides_interventions():
    """Every kind of shock and policy has its class; the rest is few enough to be remembered."""
    assert dir(smbsim) == NAMES
    assert sorted(smbsim.__all__) == NAMES
    assert len(OTHERS) <= 20
    assert {kind.__name__ for kind in (*shocks.KINDS.values(), *policies.KINDS.values())} == set(INTERVENTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_leads_somewhere(name):
    assert getattr(smbsim, name).__doc__


def test_unknown_name_is_an_error_that_lists_the_names():
    with pytest.raises(AttributeError, match="module 'smbsim' has no attribute 'rum'; it has run, load, "):
        smbsim.rum  # noqa: B018


def test_import_brings_in_nothing_heavy():
    assert imported("import smbsim") == set()


def test_command_line_brings_in_nothing_heavy_before_a_command_is_chosen():
    assert imported("import smbsim.cli") == set()


def test_scenario_shock_and_run_from_python():
    """The lines of the package's docstring, in small."""
    base = smbsim.load({"population": {"smbs": 60, "regions": 1}, "horizon": {"weeks": 10, "burn_in": 0}})
    shocked = base.with_(smbsim.DemandShock(start=2, stop=6, size=0.4))
    result = smbsim.run(shocked, runs=2, jobs=1)
    assert result.variants == ("baseline", "scenario")
    assert smbsim.resilience(result, "scenario").depth.min() > 0.05
    assert base.shocks == ()
