r"""The systemic-risk index of every firm, of a scenario's network at rest, over many reconstructions, or of a user's files.

Closures are solved chunk by chunk; a chunk that is finished is kept in the folder (`risk_folder`), so that a long run can be stopped. The
outcome is a `RiskTable`: quantities are shares of the output of the economy, or of what `weight` says; the output share of a firm is that
in the output of all firms of the network, large ones included.

Source of the index: Diem, Borsos, Reisch, Kertész and Thurner (2022), Scientific Reports 12, 7719; the equations stand in
`systemic.esri`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..scenario import Scenario
from ..systemic.esri import esri
from .ensemble import digest
from .risk_folder import manifest_of, open_folder, part_of, rename_into
from .risk_job import Job, job
from .risk_networks import Case, Options
from .risk_table import NUMBERS, RELATIONS, SCORES, Hurt, RiskTable

CHUNK = 2048  # closures between two parts
TINY = np.finfo(float).tiny

Progress = Callable[[int, int], None]  # closures done, closures in all


def risk(
    scenario: Scenario | str | Path | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    **asked: Any,
) -> RiskTable:
    """The systemic-risk index of the firms of a scenario, of files, or of a network.

    scenario     : file, packaged name or Scenario; its shocks play no part, the network is that of its population at rest
    links, firms : files as in DECISIONS 25; sectors may have any codes; with essentiality, a file by pair of sectors
    network      : a FirmNetwork or networkx.DiGraph, instead of files
    runs, seed   : reconstructions of a scenario, and the seed of the first; default one
    only         : names of the firms to close; default all, of a scenario all SMBs
    large_firms  : also close the rows that stand for all large firms of a sector of a scenario
    final_sales  : sales outside links count; default yes where they are known
    tolerance    : largest change of a firm's state in the last iteration; 1e-2 is the published choice
    market_share : "dynamic", "static", "off"          component : "both", "up", "down"
    weight       : what a loss is counted in: "output", "employment", "smb_employment", "region=NAME" (output of a region)
    out, resume  : folder to write to, and whether to go on from the chunks that are there
    threads      : default one per core; results do not depend on it

    Raises InputError, one line per mistake.
    """
    return compute(job(scenario, **asked), out=out, resume=resume, threads=threads, progress=progress)


def compute(
    job: Job, *, out: str | Path | None = None, resume: bool = False, threads: int | None = None, progress: Progress | None = None
) -> RiskTable:
    """Close all firms of all runs of a job. See `risk`."""
    began, folder = time.time(), None if out is None else Path(out)
    case, found = job.case(job.seeds[0]), []  # what is wrong with it is said before anything is written
    if folder is not None:
        open_folder(folder, job, resume)
    for r, seed in enumerate(job.seeds):
        case = case if r == 0 else job.case(seed)
        total = len(case.closures) * len(job.seeds)
        done = len(case.closures) * r

        def report(n: int, done=done, total=total) -> None:
            if progress is not None:
                progress(done + n, total)

        scores = _close(case, job.options, seed, folder, resume, threads or os.cpu_count() or 1, report)
        found.append(_table(job, case, scores, r))
    table = _below_each_other(found, job)
    table.manifest.update(manifest_of(job, [len(one.firm) for one in found], time.time() - began))
    if folder is not None:
        table.save(folder)
        table.manifest["files"] = {name: digest(folder / name) for name in NUMBERS}
        rename_into(folder / "manifest.json", json.dumps(table.manifest, indent=1))
    return table


def _close(case: Case, options: Options, seed: int, folder: Path | None, resume: bool, threads: int, report) -> dict[str, np.ndarray]:
    """Scores of all closures, chunk by chunk; finished chunks are taken from the folder."""
    chunks = []
    for first in range(0, len(case.closures), CHUNK):
        rows = case.closures[first : first + CHUNK]
        part = None if folder is None else part_of(folder, seed, first)
        if resume and part is not None and part.is_file():
            with np.load(part) as kept:
                chunks.append({name: kept[name] for name in SCORES})
        else:
            found = _solve(case, options, rows, threads, lambda n, *_, first=first: report(first + n))
            chunks.append({"esri": found.esri, "esri_up": found.up, "esri_down": found.down, "iterations": found.iterations})
            if part is not None:
                temporary = part.with_suffix(".part")
                with temporary.open("wb") as data:
                    np.savez(data, **chunks[-1])
                temporary.rename(part)
        report(first + len(rows))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in SCORES}


def _solve(case: Case, options: Options, rows: np.ndarray, threads: int, report=None, losses: bool = False):
    return esri(
        case.network, rows, tolerance=options.tolerance, market_share=options.market_share, component=options.component,
        final_sales=options.final_sales, weight=case.weight, threads=threads, losses=losses, progress=report,
    )  # fmt: skip


def _table(job: Job, case: Case, scores: Mapping[str, np.ndarray], r: int) -> RiskTable:
    """The table of one run."""
    rows, network = case.closures, case.network
    sold = network.sales()
    share = sold[rows] / max(sold.sum(), TINY)
    top = int(rows[np.argmax(scores["esri"])])
    return RiskTable(
        job.name, job.seeds, case.sectors, np.full(len(rows), r), np.array([case.names[row] for row in rows], dtype=object),
        network.sector[rows], case.size_class[rows], share, **scores, hurt=_hurt(case, job.options, top),
    )  # fmt: skip


def _hurt(case: Case, options: Options, top: int) -> Hurt:
    """Who loses when one firm closes."""
    network, n, G = case.network, len(case.names), len(case.sectors)
    loss = _solve(case, options, np.array([top]), 1, losses=True).losses[0]
    weight = network.sales(options.final_sales) if case.weight is None else case.weight
    weight = weight / max(weight.sum(), TINY)
    relation = np.full(n, 3)
    relation[network.supplier[network.customer == top]] = 2
    relation[network.customer[network.supplier == top]] = 1
    relation[top] = 0
    by_cell = np.bincount(network.sector * len(RELATIONS) + relation, weight * loss, G * len(RELATIONS)).reshape(G, len(RELATIONS))
    return Hurt(str(case.names[top]), case.sectors[network.sector[top]], by_cell, np.bincount(network.sector, weight, G))


def _below_each_other(tables: Sequence[RiskTable], job: Job) -> RiskTable:
    names = ("run", "firm", "sector", "size_class", "output_share", *SCORES)
    return replace(tables[0], **{name: np.concatenate([getattr(t, name) for t in tables]) for name in names}, manifest={})
