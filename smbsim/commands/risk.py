"""The systemic-risk index of every firm: risk."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import printing, terminal
from .options import (
    EconomyOption,
    ForceOption,
    JsonOption,
    NoFiguresOption,
    ResumeOption,
    SetOption,
    app,
    at_a_time,
    claimed,
    resumable,
    tell,
)  # fmt: skip


@app.command()
def risk(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Scenario file, or packaged name; or give --links.")] = None,
    links: Annotated[Path | None, typer.Option(metavar="CSV", help="Your own links: supplier,customer,weight[,essentiality].")] = None,
    firms: Annotated[Path | None, typer.Option(metavar="CSV", help="Your own firms: firm,sector[,final_sales,employment,…].")] = None,
    essentiality: Annotated[
        Path | None, typer.Option(metavar="CSV", help="supplier_sector,customer_sector,essentiality: 0 none, 1 linear, 2 essential.")
    ] = None,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Reconstructions of a scenario's network; default 1.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="S", help="Seed of the first; default: the file's.")] = None,
    changes: SetOption = None,
    economy: EconomyOption = None,
    tolerance: Annotated[float, typer.Option(metavar="X", help="Largest change in the last iteration; 1e-2 is the published one.")] = 1e-6,
    market_share: Annotated[str, typer.Option(metavar="dynamic|static|off", help="How replaceable a supplier is.")] = "dynamic",
    component: Annotated[str, typer.Option(metavar="both|up|down", help="Which losses count in the index.")] = "both",
    weight: Annotated[
        str, typer.Option(metavar="KIND", help="What losses are counted in: output, employment, smb_employment, region=NAME.")
    ] = "output",
    final_sales: Annotated[
        bool | None, typer.Option("--final-sales/--no-final-sales", help="Sales outside links keep a firm going; default where known.")
    ] = None,
    large_firms: Annotated[bool, typer.Option("--large-firms", help="Also close the rows of all large firms of a sector.")] = False,
    firms_list: Annotated[Path | None, typer.Option(metavar="FILE", help="Close only the firms named here, one a line.")] = None,
    jobs: Annotated[str, typer.Option(metavar="auto|N", help="Threads; auto is one per core. Results do not depend on it.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; default results/NAME_risk/TIME-HASH.")] = None,
    resume: ResumeOption = False,
    force: ForceOption = False,
    no_figures: NoFiguresOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the firms whose closure would hurt the economy most.

    The systemic-risk index of every firm, of a scenario's network at rest or of your own links and firms.

    The results folder holds risk.csv, firms.csv, statistics.csv, classes.csv, risk.nc, manifest.json and figures/.
    """
    from .. import scenario
    from ..analysis import risk as risks
    from ..analysis import risk_folder
    from ..analysis.risk_networks import read_list
    from ..figures import risk as figures
    from ..schema import InputError

    threads = at_a_time(jobs)
    if file is None and (changes or economy):
        raise InputError("--set and --economy go with a scenario")
    job = risks.job(
        None if file is None else scenario.load(file, changes or (), economy), links=links, firms=firms, essentiality=essentiality,
        runs=runs, seed=seed, only=None if firms_list is None else read_list(firms_list), final_sales=final_sales,
        tolerance=tolerance, market_share=market_share, component=component, weight=weight, large_firms=large_firms,
    )  # fmt: skip
    name = Path(file).stem if file else links.stem
    folder = claimed(out, partial(risk_folder.newest_folder, job, name), partial(risk_folder.default_folder, job, name), resume, force)
    with (
        terminal.progress("closing firms", "building the network", "closures") as progress,
        resumable(folder, "*.npz", "finished chunk"),
    ):
        table = risks.compute(job, out=folder, resume=resume, threads=threads, progress=progress)

    def say() -> None:
        printing.risk(table.plain())
        for line in job.notes:
            terminal.note(line)

    tell(table, folder, say, table.plain, None if no_figures else figures.draw_all, as_json)
