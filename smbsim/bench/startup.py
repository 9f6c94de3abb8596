"""How long until the first week: imports, reading the compile cache, building, one step; each in a process of its own.

cold    an empty compile cache: everything that a run of every mechanism needs is compiled
warm    the same command again
installed   from a folder that cannot be written, with and without a home that can be; root gives up its right to write anywhere

Seconds are those on the wall; processor seconds tell how much of them was waiting for others.
A process also says which kernels it compiled for more than one kind of argument, and how many it did not find in the cache.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
DROP_FROM_BOUNDING_SET, DAC_OVERRIDE = 24, 1  # of prctl(2), capabilities(7): whether root may write what nobody may
MODULES = ("numpy", "numba", "smbsim.scenario", "smbsim.simulate")
STAGES = """
import json, sys, time
stamps = {"python": time.time()}
for module in sys.argv[2].split(","):
    __import__(module)
    stamps[module] = time.time()
from smbsim import scenario, simulate
from smbsim.mechanisms.base import Step
state, plan, draws = simulate.prepare(scenario.load(json.loads(sys.argv[1])))
stamps["build"] = time.time()
simulate.advance(state, plan, Step(0, draws))
stamps["first week"], first = time.time(), time.process_time()
for t in range(1, int(sys.argv[3])):
    simulate.advance(state, plan, Step(t, draws))
stamps["all weeks"] = time.time()
kernels = {f"{k.py_func.__module__}.{k.py_func.__name__}": k for name, module in list(sys.modules.items()) if name.startswith("smbsim")
           for k in vars(module).values() if hasattr(k, "py_func")}
print(json.dumps({"stamps": stamps, "processor": [first, time.process_time()], "used": sum(len(k.signatures) for k in kernels.values()),
                  "twice": sorted(name for name, k in kernels.items() if len(k.signatures) > (3 if name.endswith("rows.move_rows") else 1)),
                  "compiled": sum(sum(k.stats.cache_misses.values()) for k in kernels.values()),
                  "cached": sum(sum(k.stats.cache_hits.values()) for k in kernels.values()),
                  "package": sys.modules["smbsim"].__file__}))
"""
HELP = "import sys; sys.path[0] = sys.argv.pop(); sys.argv.append('--help'); from smbsim.cli import main; main()"
SMALL = {"population": {"smbs": 300, "regions": 3}, "model": "people"}  # every mechanism
DEFAULT = {}  # 2 000 SMBs, as `smbsim run` without anything
LONG_ENOUGH = 16  # weeks in which every mechanism has its turn


def process(spec: dict, weeks: int = 1, environment: Mapping[str, str] | None = None, before: Callable | None = None) -> dict:
    """A process that builds a scenario and goes so many weeks ahead: seconds from its start to each stage, and what it compiled.

    environment : of the process, where not that of this one; before : called in it before Python starts

    Raises RuntimeError with what it said when it fails.
    """
    began = time.time()
    words = [sys.executable, "-P", "-c", STAGES, json.dumps(spec), ",".join(MODULES), str(weeks)]
    known = _with_package(os.environ) if environment is None else environment
    done = subprocess.run(words, capture_output=True, text=True, env=known, check=False, preexec_fn=before)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    return {**told, "stamps": {stage: stamp - began for stage, stamp in told["stamps"].items()}}


def measure(repeats: int = 7, cold: bool = True) -> dict:
    """Seconds, medians over processes; cold once in an empty cache, and only if asked for: else the cache is used as it is."""
    with tempfile.TemporaryDirectory() as empty:
        environment = _with_package(os.environ) | ({"NUMBA_CACHE_DIR": empty} if cold else {})
        first = process(SMALL, LONG_ENOUGH, environment) if cold else None
        again = process(SMALL, LONG_ENOUGH, environment) if cold else None
        process(DEFAULT, 1, environment)
        warm = [process(DEFAULT, 1, environment) for _ in range(repeats)]
        numba = [_seconds([sys.executable, "-c", "import numba"]) for _ in range(repeats)]
        helped = [_seconds([sys.executable, "-c", HELP, str(PACKAGE.parent)]) for _ in range(repeats)]
    stages = {stage: statistics.median(one["stamps"][stage] for one in warm) for stage in warm[0]["stamps"]}
    found = {
        "warm_s": stages["first week"], "stages_s": stages, "compiled_when_warm": warm[-1]["compiled"], "help_s": statistics.median(helped),
        "warm_processor_s": statistics.median(one["processor"][0] for one in warm), "numba_s": statistics.median(numba),
        "warm_by_numba": statistics.median(one["stamps"]["first week"] / alone for one, alone in zip(warm, numba, strict=True)),
    }  # fmt: skip
    if cold:
        with tempfile.TemporaryDirectory() as folder:
            read_only = {name: second["compiled"] for name, second in installed(Path(folder)).items()}
        found |= {
            "compiled_read_only": read_only, "cold_s": first["stamps"]["all weeks"],
            "compile_s": first["stamps"]["all weeks"] - again["stamps"]["all weeks"],
            "compile_processor_s": first["processor"][1] - again["processor"][1], "kernels": first["used"],
            "compiled": first["compiled"], "twice": first["twice"], "compiled_again": again["compiled"],
        }  # fmt: skip
    return found


def installed(folder: Path) -> dict[str, dict]:
    """The second of two processes that cannot write where smbsim is: with a home of their own, and with nothing but a temporary folder.

    folder : an empty folder, for a copy of the package, homes and temporary files
    """
    package = folder / "site-packages"
    shutil.copytree(PACKAGE, package / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    found = {}
    _permit(package, 0o555, 0o444)
    try:
        for name, mode in (("home", 0o700), ("nothing", 0o500)):
            home, temporary = folder / f"{name} home", folder / f"{name} tmp"
            home.mkdir(mode=mode)
            temporary.mkdir()
            environment = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
            environment |= {"PYTHONPATH": str(package), "HOME": str(home), "TMPDIR": str(temporary)}
            found[name] = [process(SMALL, 1, environment, _give_up_rights) for _ in range(2)][-1]
    finally:
        _permit(package, 0o755, 0o644)
    return found


def _with_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, in which this smbsim is found first, and Python keeps what it compiled of it, as it does where nobody forbids it."""
    known = {key: value for key, value in environment.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**known, "PYTHONPATH": os.pathsep.join(filter(None, (str(PACKAGE.parent), environment.get("PYTHONPATH"))))}


def _permit(folder: Path, folders: int, files: int) -> None:
    """Set the rights of everything in a folder."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(folders if path.is_dir() else files)


def _give_up_rights() -> None:
    """So that root, too, cannot write what has no permission to be written."""
    if os.getuid() == 0:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, DAC_OVERRIDE, 0, 0, 0)


def _seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - began
