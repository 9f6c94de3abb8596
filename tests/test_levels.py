"""Imports point one way: the levels of ARCHITECTURE.md 3, read from the source of every module."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import smbsim

PACKAGE = Path(smbsim.__file__).parent
LEVELS = {  # every module has its line; a new module is put where its imports allow
    "schema": 0, "kernel": 0, "draws": 0, "rows": 0,
    "state": 1, "suppliers": 1, "trade_credit": 1, "accounts": 1, "heads": 1, "rest": 1, "economy": 1, "sample": 1, "reconstruct": 1,
    "network": 1, "graph": 1, "tables": 1, "adoption": 1, "tools": 1, "occupations": 1,
    "mechanisms": 2, "mechanisms.base": 2, "mechanisms.production": 2, "mechanisms.orders": 2, "mechanisms.trade": 2,
    "mechanisms.market": 2, "mechanisms.costs": 2,
    "mechanisms.labour": 2, "mechanisms.finance": 2, "mechanisms.households": 2, "mechanisms.government": 2,
    "mechanisms.foreign": 2, "mechanisms.passthrough": 2, "mechanisms.credit": 2, "mechanisms.exits": 2, "mechanisms.sourcing": 2,
    "mechanisms.entry": 2, "mechanisms.strategy": 2, "mechanisms.mergers": 2, "mechanisms.automation": 2, "mechanisms.skills": 2,
    "mechanisms.platforms": 2, "metrics.platforms": 2,
    "interventions": 2, "interventions.base": 2, "interventions.shocks": 2, "interventions.policies": 2,
    "interventions.rules": 2, "interventions.policy": 2, "interventions.business": 2, "interventions.people": 2,
    "interventions.technology": 2,
    "metrics": 2, "metrics.base": 2, "metrics.activity": 2, "metrics.finance": 2, "metrics.identities": 2, "metrics.network": 2,
    "metrics.balance": 2, "metrics.prices": 2, "metrics.exits": 2, "metrics.demography": 2,
    "metrics.labour": 2, "metrics.skills": 2, "metrics.adoption": 2, "metrics.credit": 2, "metrics.spread": 2,
    "metrics.equity": 2, "metrics.stakeholders": 2, "metrics.displacement": 2,
    "systemic": 2, "systemic.esri": 2, "systemic.cascade": 2, "systemic.layout": 2, "systemic.multipliers": 2,
    "scenario_text": 3, "scenario_errors": 3, "scenario_files": 3, "scenario": 3, "population": 3, "schedule": 3, "simulate": 3,
    "own_mechanisms": 3,
    "result": 3, "result_file": 3, "outcome": 3, "checkpoint": 3,
    "analysis": 4, "analysis.consistency": 4, "analysis.ensemble": 4, "analysis.store": 4, "analysis.executors": 4, "analysis.study": 4,
    "analysis.designs": 4, "analysis.response": 4, "analysis.sweep_checks": 4, "figures.sweep": 4, "analysis.resilience": 4,
    "analysis.stability": 4,
    "analysis.loops": 4, "analysis.lives": 4, "analysis.summary": 4,
    "analysis.impact": 4, "analysis.policy": 4, "analysis.impulse": 4, "analysis.local": 4, "analysis.paired": 4, "analysis.tails": 4,
    "analysis.risk": 4, "analysis.risk_job": 4, "analysis.risk_networks": 4, "analysis.risk_table": 4, "analysis.risk_folder": 4,
    "analysis.risk_checks": 4, "analysis.concentration": 4, "analysis.second_supplier": 4,
    "analysis.panel": 4, "analysis.facts": 4, "analysis.targets": 4, "analysis.scorecard": 4,
    "analysis.compare": 4, "analysis.intervals": 4, "analysis.side_by_side": 4, "figures.compare": 4,
    "analysis.bimodality": 4, "analysis.sweeps": 4, "analysis.thresholds": 4, "analysis.basins": 4, "analysis.scaling": 4,
    "analysis.verdict": 4, "analysis.tipping": 4, "analysis.tipping_scenario": 4, "analysis.tipping_folder": 4, "figures.tipping": 4,
    "analysis.holds": 4, "analysis.confidence": 4, "analysis.phases": 4, "analysis.tipping_checks": 4,
    "analysis.space": 4, "analysis.evaluations": 4, "analysis.outputs": 4, "analysis.points_folder": 4, "analysis.sensitivity": 4,
    "analysis.emulator": 4, "analysis.calibration": 4, "analysis.calibration_study": 4, "figures.calibration": 4, "commands.calibrate": 5,
    "analysis.sensitivity_study": 4, "figures.sensitivity": 4, "commands.sensitivity": 5, "commands.sweep": 5,
    "analysis.indicators": 4, "analysis.surrogates": 4, "analysis.warning": 4, "analysis.skill": 4, "analysis.watch": 4,
    "analysis.paths": 4, "analysis.paths_scenario": 4, "figures.paths": 4, "analysis.people": 4,
    "figures.warning": 4,
    "bench": 4, "bench.networks": 4, "bench.machine": 4, "bench.week": 4, "bench.gate": 4, "bench.layout": 4, "bench.ladder": 4,
    "bench.startup": 4, "bench.guard": 4, "bench.report": 4, "figures.bench": 4, "commands.bench": 5,
    "figures": 4, "figures.base": 4, "figures.network": 4, "figures.series": 4, "figures.risk": 4, "figures.demography": 4,
    "figures.scorecard": 4, "figures.policy": 4, "figures.adoption": 4, "figures.skills": 4,
    "mesa_model": 4, "mesa_agents": 4,
    "terminal": 5, "printing": 5, "numbers": 5, "describe": 5, "checks": 5, "starters": 5, "report": 5, "cli": 5, "__main__": 5,
    "commands": 5, "commands.options": 5, "commands.run": 5, "commands.risk": 5, "commands.scorecard": 5, "commands.names": 5,
    "commands.results": 5, "commands.start": 5, "commands.compare": 5, "commands.report": 5, "commands.tipping": 5, "commands.warning": 5,
}  # fmt: skip
UPWARD_INSIDE = {
    ("result", "Result.plot", "figures.series"),
    ("result", "Result.summary", "analysis.summary"),
    ("result", "Result.policies", "analysis.policy"),
}
FOLDERS = ("mechanisms", "interventions", "metrics", "systemic")  # a file here imports no sibling but base
SIBLINGS = {  # exceptions: kernels of the risk index have their own file; upstreamness is defined once; a target may be the riskiest firms
    ("systemic.esri", "systemic.cascade"), ("systemic.esri", "systemic.layout"), ("systemic.layout", "systemic.cascade"),
    ("systemic.layout", "systemic.esri"), ("systemic.multipliers", "metrics.network"), ("interventions.base", "systemic.esri"),
    ("interventions.policy", "interventions.rules"), ("interventions.policies", "interventions.rules"),
    *((f"interventions.{kinds}", "interventions.policy") for kinds in ("business", "people", "technology", "policies")),
    *(("interventions.policies", f"interventions.{kinds}") for kinds in ("business", "people", "technology")),
}  # fmt: skip
FACES = ("figures", "analysis", "mesa_model")  # never import each other
HEAVY = {"*mesa", "*matplotlib", "*pandas", "*xarray"}  # below level 4 only inside functions
FORBIDDEN = {"utils", "helpers", "common", "misc"}


def name_of(path: Path) -> str:
    """smbsim/mechanisms/base.py → mechanisms.base; a folder's __init__ is the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}


def imported(node: ast.AST, path: Path) -> set[str]:
    """Modules that an import statement names: those of the package by their short name, others with a star before it."""
    if isinstance(node, ast.Import):
        return {_short(alias.name) for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    if node.level:
        here = path.relative_to(PACKAGE).parts[:-1]  # of a folder's __init__, the folder
        base = ".".join([*here[: len(here) - node.level + 1], *([node.module] if node.module else [])])
    elif node.module.split(".")[0] == "smbsim":
        base = _short(node.module)
    else:
        return {_short(node.module)}
    below = {f"{base}.{alias.name}".lstrip(".") for alias in node.names} & set(FILES)  # from . import economy
    rest = {base} if len(below) < len(node.names) and base else set()
    return below | rest


def _short(name: str) -> str:
    package, _, rest = name.partition(".")
    return rest if package == "smbsim" else f"*{package}"


@cache
def imports(module: str) -> tuple[tuple[str, str], ...]:
    """(function, module imported) of every import; function is "" at module level, "TYPE_CHECKING" where only readers of types see it."""
    found = []

    def visit(node, where):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
                visit(child, "TYPE_CHECKING")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                kind = "class " if isinstance(child, ast.ClassDef) else ""
                visit(child, f"{where}.{kind}{child.name}".lstrip("."))
            else:
                found.extend((where, name) for name in imported(child, FILES[module]))
                visit(child, where)

    visit(ast.parse(FILES[module].read_text(encoding="utf-8")), "")
    return tuple((where if not _only_classes(where) else "", name) for where, name in found)


def _only_classes(where: str) -> bool:
    """The body of a class runs when its module is imported."""
    return bool(where) and all(part.startswith("class ") for part in where.split("."))


def at_module_level(module: str) -> set[str]:
    return {name for where, name in imports(module) if where == ""}


def test_the_search_sees_every_form_of_import():
    path = PACKAGE / "mechanisms" / "orders.py"
    for code, expected in {
        "from .. import economy as e": {"economy"},
        "from ..schema import Column, param": {"schema"},
        "from .base import Mechanism": {"mechanisms.base"},
        "from . import base": {"mechanisms.base"},
        "from smbsim.schema import InputError": {"schema"},
        "import smbsim.state": {"state"},
        "import numpy as np, scipy.special": {"*numpy", "*scipy"},
        "from scipy.special import ndtri": {"*scipy"},
        "from numbers import Real": {"*numbers"},
    }.items():
        assert imported(ast.parse(code).body[0], path) == expected, code
    assert ("Result.plot", "figures.series") in [(where.replace("class ", ""), name) for where, name in imports("result")]
    assert at_module_level("simulate") >= {"population", "schedule", "metrics.network", "*numpy"}


def test_every_module_has_a_level():
    assert set(FILES) - set(LEVELS) == set()


@pytest.mark.parametrize("module", FILES)
def test_imports_never_point_up(module):
    """At module level a module imports its own level or lower ones; inside functions too, but for what Result offers."""
    for where, name in imports(module):
        function = where.replace("class ", "")
        if name in LEVELS and (module, function, name) not in UPWARD_INSIDE:
            assert LEVELS[name] <= LEVELS[module], f"{module} {function} imports {name}"


def test_upward_exceptions_are_used():
    assert {(m, where.replace("class ", ""), name) for m in ("result",) for where, name in imports(m)} >= UPWARD_INSIDE


@pytest.mark.parametrize("module", FILES)
def test_folders_import_no_sibling_but_base(module):
    """Mechanisms speak to each other through columns only; so do interventions and metrics. The folder's own list may name all."""
    folder, _, name = module.partition(".")
    if folder in FOLDERS and name:
        inside = {other for _, other in imports(module) if other.split(".")[0] in FOLDERS}
        inside -= {other for one, other in SIBLINGS if one == module}
        own = {other for other in inside if other.split(".")[0] == folder}
        assert own <= {f"{folder}.base"}
        assert inside - own <= {f"{other}.base" for other in FOLDERS}


@pytest.mark.parametrize("module", FILES)
def test_figures_analysis_and_mesa_never_import_each_other(module):
    face = module.split(".")[0]
    if face in FACES:
        others = {name for _, name in imports(module) if name.split(".")[0] in FACES and name.split(".")[0] != face}
        assert others == set()


@pytest.mark.parametrize("module", FILES)
def test_heavy_libraries_are_imported_where_they_are_used(module):
    """Workers start fast and the command line answers at once: below level 4 nothing heavy at module level; mesa in mesa_model only."""
    heavy = at_module_level(module) & HEAVY
    assert heavy <= ({"*mesa"} if module in ("mesa_model", "mesa_agents") else set())


def test_imports_have_no_cycle():
    """Module-level imports can be put in one order."""
    wanted = {module: at_module_level(module) & set(FILES) for module in FILES}
    while free := {module for module, needs in wanted.items() if not needs}:
        wanted = {module: needs - free for module, needs in wanted.items() if module not in free}
    assert wanted == {}


def test_package_itself_imports_nothing_of_its_own():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert {name for node in tree.body for name in imported(node, PACKAGE / "__init__.py")} <= {"*__future__", "*importlib", "*typing"}


def test_no_file_without_a_subject():
    assert {path.stem for path in PACKAGE.rglob("*.py")} & FORBIDDEN == set()
    assert {path.name for path in PACKAGE.rglob("*") if path.is_dir()} & FORBIDDEN == set()


@pytest.mark.parametrize("module", FILES)
def test_every_module_says_what_it_is_for(module):
    assert ast.get_docstring(ast.parse(FILES[module].read_text(encoding="utf-8")))
