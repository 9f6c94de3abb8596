"""The risk index of many firms as a table, of one network or of several reconstructions: statistics, classes, words, files.

A run is one reconstruction: another sample of firms and another graph from the same tables, so that firm 17 of one run is not firm 17 of
the next. Hence the bands are over classes of firms and over the statistics of the ranking.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..schema import InputError
from .concentration import HUNGARY, STATISTICS, in_words, statistics_of
from .risk_networks import SIZE_CLASSES

BANDS = (5, 25, 50, 75, 95)  # percent of runs
RELATIONS = ("itself", "its customers", "its suppliers", "further away")
SCORES = ("esri", "esri_up", "esri_down", "iterations")
NUMBERS = ("risk.csv", "firms.csv", "statistics.csv", "classes.csv", "risk.nc")


@dataclass(frozen=True, eq=False)
class Hurt:
    """Who loses when the firm with the highest index closes. G sectors, four relations to it."""

    firm: str
    sector: str
    loss: np.ndarray  # (G, 4) share of the economy lost, by sector and relation; sums to the index
    share: np.ndarray  # (G,) share of each sector in the economy


@dataclass(frozen=True, eq=False)
class RiskTable:
    """The index of K firms, of one run or of several below each other; read-only. esri is a share of the economy's output (or weight)."""

    name: str
    seeds: tuple[int, ...]
    sectors: tuple[str, ...]
    run: np.ndarray  # (K,) row in seeds
    firm: np.ndarray  # (K,) names
    sector: np.ndarray  # (K,) row in sectors
    size_class: np.ndarray  # (K,) row in SIZE_CLASSES
    output_share: np.ndarray  # (K,)
    esri: np.ndarray  # (K,)
    esri_up: np.ndarray  # (K,)
    esri_down: np.ndarray  # (K,)
    iterations: np.ndarray  # (K,)
    hurt: Hurt
    manifest: dict = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names along the axis of sectors, as a `Result` has them."""
        return {"sector": self.sectors}

    def of_run(self, r: int) -> np.ndarray:
        """Rows of a run."""
        return np.flatnonzero(self.run == r)

    def top(self, k: int = 10, run: int = 0) -> np.ndarray:
        """Rows of the k firms with the highest index of a run, highest first; ties in the order of the network."""
        rows = self.of_run(run)
        return rows[np.argsort(-self.esri[rows], kind="stable")[:k]]

    @cached_property
    def statistics(self) -> dict[str, np.ndarray]:
        """Name in STATISTICS → (R,) by run."""
        found = [statistics_of(self.esri[rows], self.output_share[rows]) for rows in map(self.of_run, range(len(self.seeds)))]
        return {name: np.array([one[name] for one in found]) for name in STATISTICS}

    @cached_property
    def classes(self) -> list[dict[str, Any]]:
        """One entry per sector and size class that has firms: sector, size_class, firms per run, and quantiles of the mean index over runs.

        Runs without a firm in the class are left out of its quantiles.
        """
        C = len(SIZE_CLASSES)
        cell = self.sector.astype(np.int64) * C + self.size_class
        count, total = (np.zeros((len(self.seeds), len(self.sectors) * C)) for _ in range(2))
        np.add.at(count, (self.run, cell), 1.0)
        np.add.at(total, (self.run, cell), self.esri)
        found = []
        for c in np.flatnonzero(count.sum(axis=0)):
            there = count[:, c] > 0
            quantiles = np.percentile(total[there, c] / count[there, c], BANDS)
            about = {"sector": self.sectors[c // C], "size_class": SIZE_CLASSES[c % C], "firms": float(count[:, c].mean())}
            found.append(about | {f"p{b}": float(q) for b, q in zip(BANDS, quantiles, strict=True)})
        return found

    def bands(self) -> dict[str, dict[str, float]]:
        """Statistic → p5 … p95 over the runs."""
        return {name: {f"p{b}": float(np.percentile(v, b)) for b in BANDS} for name, v in self.statistics.items()}

    def summary(self) -> str:
        """What the ranking says, in words and numbers; medians over the runs."""
        middle = {name: float(np.median(v)) for name, v in self.statistics.items()}
        counted = self.manifest.get("asked", {}).get("weight", "output")
        who = f"firm {self.hurt.firm}, sector {self.hurt.sector}" if len(self.seeds) == 1 else ""
        return "\n".join(in_words(middle, who, counted))

    def plain(self) -> dict[str, Any]:
        """The same as plain data."""
        top = [
            {
                "firm": str(self.firm[k]), "sector": self.sectors[self.sector[k]], "size_class": SIZE_CLASSES[self.size_class[k]],
                "output_share": float(self.output_share[k]), **{name: float(getattr(self, name)[k]) for name in SCORES},
            }
            for k in self.top()
        ]  # fmt: skip
        return {
            "name": self.name, "runs": len(self.seeds), "seeds": list(self.seeds), "summary": self.summary().splitlines(),
            "statistics": {name: {"unit": STATISTICS[name][0], **q} for name, q in self.bands().items()},
            "top": top, "classes": self.classes, "hungary": HUNGARY, "notes": self.manifest.get("notes", []),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{line}</li>" for line in self.summary().splitlines())
        return f"<b>{self.name}</b>: systemic risk of {len(self.firm)} firms<ul>{rows}</ul>"

    def __repr__(self) -> str:
        return f"RiskTable({self.name!r}, firms={len(self.firm)}, runs={len(self.seeds)}, highest={self.esri.max():.4g})"

    # -- disk -------------------------------------------------------------------------------------------------------------------------

    @cached_property
    def data(self):
        """The same as an xarray.Dataset with dimensions firm (all runs below each other), run, sector and relation."""
        import xarray as xr

        share = {"units": "1"}
        variables = {
            "firm_name": ("firm", self.firm.astype(str)), "firm_run": ("firm", self.run), "firm_sector": ("firm", self.sector),
            "firm_size_class": ("firm", self.size_class), "output_share": ("firm", self.output_share, share),
            **{name: ("firm", getattr(self, name), share) for name in SCORES},
            "hurt_loss": (("sector", "relation"), self.hurt.loss, share), "hurt_share": ("sector", self.hurt.share, share),
            **{f"stat_{name}": ("run", v, {"units": STATISTICS[name][0], "long_name": STATISTICS[name][1]})
               for name, v in self.statistics.items()},
        }  # fmt: skip
        coords = {"seed": ("run", list(self.seeds)), "sector": list(self.sectors), "relation": list(RELATIONS)}
        about = {"name": self.name, "hurt_firm": self.hurt.firm, "hurt_sector": self.hurt.sector, "size_classes": " ".join(SIZE_CLASSES)}
        return xr.Dataset(variables, coords, about)

    def save(self, folder: str | Path) -> None:
        """Write NUMBERS into a folder: the same bytes for the same numbers."""
        folder, many = Path(folder), len(self.seeds) > 1
        temporary = folder / "risk.part"
        self.data.to_netcdf(temporary, engine="h5netcdf")
        temporary.rename(folder / "risk.nc")
        runs = [[int(r)] for r in self.run] if many else [[]] * len(self.run)
        head = ["run"] if many else []
        scores = zip(self.firm, self.esri, self.esri_up, self.esri_down, self.iterations, strict=True)
        body = (
            [*run, firm, *("" if np.isnan(x) else f"{x:.12g}" for x in three), int(n)]
            for run, (firm, *three, n) in zip(runs, scores, strict=True)
        )
        _write_csv(folder / "risk.csv", [*head, "firm", *SCORES], body)
        about = zip(self.firm, self.sector, self.size_class, self.output_share, strict=True)
        body = ([*run, f, self.sectors[g], SIZE_CLASSES[c], f"{x:.12g}"] for run, (f, g, c, x) in zip(runs, about, strict=True))
        _write_csv(folder / "firms.csv", [*head, "firm", "sector", "size_class", "output_share"], body)
        quantiles = [f"p{b}" for b in BANDS]
        body = ([name, *STATISTICS[name], *(f"{q[p]:.10g}" for p in quantiles)] for name, q in self.bands().items())
        _write_csv(folder / "statistics.csv", ["statistic", "unit", "label", *quantiles], body)
        keys = ["sector", "size_class", "firms", *quantiles]
        body = ([one[k] if k in keys[:2] else f"{one[k]:.10g}" for k in keys] for one in self.classes)
        _write_csv(folder / "classes.csv", keys, body)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def load(folder: str | Path) -> RiskTable:
    """Read a folder of `risk` back. Raises InputError naming what is missing."""
    import xarray as xr

    folder = Path(folder)
    for needed in ("risk.nc", "manifest.json"):
        if not (folder / needed).is_file():
            raise InputError(f"{folder}: no {needed}; did `smbsim risk` write it, to its end?")
    with xr.open_dataset(folder / "risk.nc", engine="h5netcdf") as data:
        data.load()
    about, values = data.attrs, {name: data[name].values for name in ("output_share", *SCORES)}
    hurt = Hurt(about["hurt_firm"], about["hurt_sector"], data["hurt_loss"].values, data["hurt_share"].values)
    return RiskTable(
        about["name"], tuple(int(s) for s in data["seed"].values), tuple(str(s) for s in data["sector"].values), data["firm_run"].values,
        data["firm_name"].values.astype(object), data["firm_sector"].values, data["firm_size_class"].values, **values, hurt=hurt,
        manifest=json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
    )  # fmt: skip
