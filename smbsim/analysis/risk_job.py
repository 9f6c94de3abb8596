"""What `risk` is asked to compute, with all its input read and checked before anything is computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import economy as economies
from .. import scenario as scenarios
from ..graph import from_networkx
from ..network import FirmNetwork
from ..scenario import Scenario
from ..schema import InputError
from .ensemble import digest
from .risk_networks import Case, Options, of_network, of_scenario, read_essentiality, read_files


@dataclass(frozen=True, eq=False)
class Job:
    """All there is to compute: one case per seed, and what it was made from."""

    name: str
    case: Callable[[int], Case]  # seed → network
    seeds: tuple[int, ...]
    options: Options
    asked: dict  # plain data that stands for the input: equal if and only if the results are
    notes: tuple[str, ...] = ()
    sector_names: Mapping[str, str] = field(default_factory=dict)  # code → name, where they are known
    recipe: dict | None = None  # plain data: arguments of `job` that ask for the same again; None if the network was given in Python
    files: Mapping[str, Path] = field(default_factory=dict)  # argument → file, of what the recipe needs

    @property
    def hash8(self) -> str:
        """Eight hexadecimal digits that stand for the input and the code of the package."""
        text = json.dumps(self.asked, sort_keys=True) + scenarios.code_digest()
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def job(
    scenario: Scenario | str | Path | None = None,
    *,
    links: str | Path | None = None,
    firms: str | Path | None = None,
    essentiality: str | Path | None = None,
    network=None,
    runs: int | None = None,
    seed: int | None = None,
    only: Sequence[str] | None = None,
    final_sales: bool | None = None,
    **options: Any,
) -> Job:
    """What `risk` would compute, with all its input read and checked. The arguments are those of `risk`. Raises InputError."""
    Options(**options).check()
    given = [scenario is not None, links is not None or firms is not None, network is not None]
    if sum(given) != 1 or (given[1] and (links is None or firms is None)):
        raise InputError("give a scenario, or links and firms, or a network")
    if scenario is not None:
        if essentiality is not None:
            raise InputError("essentiality: a scenario has that of its economy; the file goes with links and firms")
        spec = scenario if isinstance(scenario, Scenario) else scenarios.load(scenario)
        return _job_of_scenario(spec, runs, seed, only, Options(final_sales=final_sales is not False, **options))
    if runs not in (None, 1) or seed is not None:
        raise InputError("runs and seed: this network is known, and the same in every run")
    if Options(**options).large_firms:
        raise InputError("large_firms: belongs to a scenario; all firms of a known network are closed")
    if network is not None:
        known, sectors = _known(network)
        name, asked = "network", {"network": _fingerprint(known)}
    else:
        known, sectors = read_files(links, firms)
        name, asked = Path(links).stem, {"links": digest(Path(links)), "firms": digest(Path(firms))}
    if final_sales is None:
        final_sales = not np.isnan(np.where(np.isnan(known.final_sales), known.output, known.final_sales)).any()
    table = None if essentiality is None else read_essentiality(essentiality, sectors)
    chosen = Options(final_sales=final_sales, **options)
    case = of_network(known, sectors, chosen, table, only)
    asked |= {"essentiality": None if essentiality is None else digest(Path(essentiality)), "only": list(only or ()), **asdict(chosen)}
    files = {key: Path(file) for key, file in (("links", links), ("firms", firms), ("essentiality", essentiality)) if file is not None}
    recipe = None if network is not None else {"only": None if only is None else list(only), **asdict(chosen)}
    return Job(name, lambda _: case, (0,), chosen, asked, _notes(known, table, chosen), recipe=recipe, files=files)


def _job_of_scenario(scenario: Scenario, runs: int | None, seed: int | None, only, options: Options) -> Job:
    first, count = scenario.runs.seed if seed is None else seed, runs or 1
    if count > 1 and scenario.network is not None:
        raise InputError("runs: the network of this scenario comes from files and is the same in every run")
    if count > 1 and only is not None:
        raise InputError("runs: a firms list goes with one run; firms differ between reconstructions")
    economy = economies.load(scenario.economy)
    asked = {"scenario": scenario.without_interventions().hash8, "only": list(only or ()), **asdict(options)}
    note = "one reconstruction is a guess: runs = 8 (--runs 8) gives bands" if count == 1 and scenario.network is None else None
    recipe = {"scenario": scenario.without_interventions().dump(), "runs": count, "seed": first}
    return Job(
        scenario.name or "scenario", lambda s: of_scenario(scenario, s, options, only), tuple(range(first, first + count)), options,
        asked | {"first_seed": first}, (note,) if note else (), dict(zip(economy.sectors, economy.sector_names, strict=True)),
        recipe | {"only": None if only is None else list(only), **asdict(options)},
    )  # fmt: skip


def _known(network) -> tuple[FirmNetwork, tuple[str, ...]]:
    """A network in memory and the codes of its sectors."""
    if isinstance(network, FirmNetwork):
        return network, tuple(str(g) for g in range(int(network.sector.max(initial=-1)) + 1))
    sectors = tuple(sorted({str(values["sector"]) for _, values in network.nodes(data=True) if "sector" in values}))
    return from_networkx(network, sectors=sectors), sectors


def _fingerprint(network: FirmNetwork) -> str:
    parts = [value for value in vars(network).values() if isinstance(value, np.ndarray)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def _notes(network: FirmNetwork, table: np.ndarray | None, options: Options) -> tuple[str, ...]:
    """What was assumed because nothing said it."""
    notes = []
    if table is None and (network.essentiality < 0).any():
        notes.append("essentiality is not given: these inputs count as linear (1); essential inputs (2) make the index larger")
    if not options.final_sales:
        notes.append("final sales are left out: firms live from their links alone, and what closes upstream hurts more")
    return tuple(notes)
