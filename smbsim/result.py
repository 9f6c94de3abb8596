"""What is left of simulation: series by variant, run and week, with units and provenance; on disk a folder that can be verified.

A `Result` holds numpy arrays and named axes. One run or a thousand are the same type: the runs are an axis. `data` is the xarray
view of it, built on demand (xarray is slow to import).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from .schema import InputError, nearest

BASELINE = "baseline"
BANDS = (5, 25, 50, 75, 95)


@dataclass(frozen=True, eq=False)
class Series:
    """One recorded quantity. values: (V, R, T) by variant, run and week, or (V, R, T, K) with an axis of K labels; (V, R, K) for panels."""

    values: np.ndarray
    unit: str
    label: str
    axis: str | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """V variants × R runs (seeds) × T weeks, read-only.

    series  : by metric name, (V, R, T) or (V, R, T, K)
    panels  : by name, (V, R, K): one value per run, without weeks (bullwhip by tier; with policies those of `outcome`)
    labels  : names along each axis K ("sector", "region", "tier"; with policies "policy", "group", "account")
    firms   : first run only, by firm: sector, kind, region, tier (n,), output (n,) at rest, relative_output (V, S, n) in the weeks
              `snapshot_week` (S,), ai_functions (V, S, n) business functions with artificial intelligence then (-1: closed), and the
              largest links: supplier, buyer (rows), flow;
              of the m firms that lived in week 0: start_uid, start_sector, start_region, start_kind, start_employment (m,), and what
              became of them: start_there (in this variant), start_job_weeks, start_borrowed, start_alive (at the end), start_exit_week,
              start_exit_cause (V, m), start_support (V, P, m) currency by policy
    flows   : (variant, flow, payer, payee) → mean per year over the runs, currency
    events  : (variant, seed, week, what happened) of what is rare enough to be told
    design  : of a sweep, (R,) by name: "point" of the design and the value of every parameter in each run; otherwise empty
    """

    name: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    weeks: np.ndarray
    series: Mapping[str, Series]
    panels: Mapping[str, Series]
    labels: Mapping[str, tuple[str, ...]]
    firms: Mapping[str, np.ndarray]
    flows: Mapping[tuple[str, str, str, str], float]
    manifest: dict = field(default_factory=dict)
    events: tuple[tuple[str, int, int, str], ...] = ()
    design: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Series:
        for table in (self.series, self.panels):
            if name in table:
                return table[name]
        raise InputError(f"result '{self.name}': unknown metric '{name}'.{nearest(name, [*self.series, *self.panels])}")

    def variant(self, name: str) -> int:
        """Row of a variant. Raises InputError naming the nearest."""
        if name not in self.variants:
            raise InputError(f"result '{self.name}': unknown variant '{name}'.{nearest(name, self.variants)}")
        return self.variants.index(name)

    def relative(self, name: str, to: str = BASELINE) -> Series:
        """A series relative to its paired baseline, run by run: 1 where nothing differs, NaN where only the baseline is zero."""
        series = self[name]
        base = np.broadcast_to(series.values[self.variant(to)][None], series.values.shape)
        ratio = np.divide(series.values, base, out=np.where(series.values == 0, 1.0, np.nan), where=base != 0)
        return replace(series, values=ratio, unit="1", label=f"{series.label} relative to {to}")

    def difference(self, to: str = BASELINE) -> Result:
        """Paired differences from a variant, run by run: the effect of everything that the other variants do."""
        base = self.variant(to)

        def less(table):
            return {n: replace(s, values=s.values - s.values[base][None], label=f"Δ {s.label}") for n, s in table.items()}

        lines = dict.fromkeys(line[1:] for line in self.flows)
        flows = {(v, *line): self.flows.get((v, *line), 0.0) - self.flows.get((to, *line), 0.0) for v in self.variants for line in lines}
        return replace(self, name=f"{self.name}: difference from {to}", series=less(self.series), panels=less(self.panels), flows=flows)

    def quantiles(self, name: str, bands: Sequence[float] = BANDS) -> np.ndarray:
        """(len(bands), V, …) quantiles over the runs, in percent."""
        from . import result_file

        if name not in self.series:
            return _percentiles(self[name].values, bands)
        return np.concatenate([_percentiles(values, bands) for values in result_file.by_weeks(self, name)], axis=2)

    @cached_property
    def data(self):
        """The same as an xarray.Dataset with dimensions variant, run, week and the named axes; units and labels in the attributes."""
        import xarray as xr

        variables = {}
        for name, s in self.series.items():
            dims = ("variant", "run", "week", *([s.axis] if s.axis else []))
            variables[name] = (dims, s.values, {"units": s.unit, "long_name": s.label})
        for name, s in self.panels.items():
            variables[name] = (("variant", "run", s.axis), s.values, {"units": s.unit, "long_name": s.label})
        for name, values in self.firms.items():
            variables[f"firm_{name}"] = (FIRM_DIMS.get(name, ("firm",)), values)
        for k, name in enumerate(EVENT) if self.events else ():
            variables[f"event_{name}"] = ("event", [event[k] for event in self.events])
        coords = {"variant": list(self.variants), "run": np.arange(len(self.seeds)), "seed": ("run", list(self.seeds)), "week": self.weeks}
        coords |= {axis: list(names) for axis, names in self.labels.items()}
        coords |= {f"design_{name}": ("run", values) for name, values in self.design.items()}
        flows = json.dumps([[*line, amount] for line, amount in self.flows.items()])
        return xr.Dataset(variables, coords, {"name": self.name, "flows": flows})

    def plot(self, name: str = "output", ax=None):
        """Bands of one metric, all variants. Takes and returns a matplotlib axis."""
        from .figures.series import paths

        return paths(self, name, ax=ax)

    def summary(self) -> str:
        """What happened, in words and numbers."""
        from .analysis.summary import in_words

        return in_words(self)

    def policies(self) -> dict[str, dict]:
        """What the policies of each variant that has some cost and did: `analysis.policy.told`."""
        from .analysis.policy import told

        return told(self)

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{line}</li>" for line in self.summary().splitlines())
        return f"<b>{self.name}</b>: {len(self.variants)} variants × {len(self.seeds)} runs × {len(self.weeks)} weeks<ul>{rows}</ul>"

    def __repr__(self) -> str:
        return (
            f"Result({self.name!r}, variants={self.variants}, runs={len(self.seeds)}, weeks={len(self.weeks)}, metrics={list(self.series)})"
        )

    # -- disk -------------------------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write ensemble.nc: the same bytes for the same numbers. Written to a temporary name and renamed."""
        from . import result_file

        result_file.write(Path(path), (self,), len(self.seeds))

    def write_tables(self, folder: str | Path) -> None:
        """summary.csv (quantiles per metric, week and variant) and flows.csv (payer × payee × flow)."""
        from . import result_file

        folder = Path(folder)
        with (folder / "summary.csv").open("w", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(["variant", "metric", "unit", "label", "week", *(f"p{b}" for b in BANDS)])
            for name in self.series:
                unit, _, axis = result_file.about(self, name)
                q = self.quantiles(name)
                names = self.labels[axis] if axis else ("",)
                q = q if axis else q[..., None]
                for v, variant in enumerate(self.variants):
                    for k, label in enumerate(names):
                        for t, week in enumerate(self.weeks):
                            out.writerow([variant, name, unit, label, int(week), *(f"{x:.10g}" for x in q[:, v, t, k])])
        with (folder / "flows.csv").open("w", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(["variant", "flow", "payer", "payee", "currency_per_year"])
            for (variant, flow, payer, payee), amount in self.flows.items():
                out.writerow([variant, flow, payer, payee, f"{amount:.12g}"])


def _percentiles(values: np.ndarray, bands: Sequence[float]) -> np.ndarray:
    """Over the runs (axis 1), NaN left out, NaN where no run is known; the plain function is a hundred times faster where all are."""
    if np.isfinite(values).all():
        return np.percentile(values, bands, axis=1)
    unknown = np.isnan(values).all(axis=1)
    return np.where(unknown, np.nan, np.nanpercentile(np.where(unknown[:, None], 0.0, values), bands, axis=1))


EVENT = ("variant", "seed", "week", "text")
FIRM_DIMS = {
    "relative_output": ("variant", "snapshot", "firm"), "ai_functions": ("variant", "snapshot", "firm"), "snapshot_week": ("snapshot",),
    "supplier": ("link",), "buyer": ("link",), "flow": ("link",),
    **dict.fromkeys(("start_uid", "start_sector", "start_region", "start_kind", "start_employment"), ("starter",)),
    **dict.fromkeys(("start_there", "start_alive", "start_job_weeks", "start_borrowed"), ("variant", "starter")),
    **dict.fromkeys(("start_exit_week", "start_exit_cause"), ("variant", "starter")),
    "start_support": ("variant", "policy", "starter"),
}  # fmt: skip


def load(folder: str | Path) -> Result:
    """Read a results folder back. Raises InputError naming what is missing."""
    folder = Path(folder)
    for needed in ("ensemble.nc", "manifest.json"):
        if not (folder / needed).is_file():
            raise InputError(f"{folder}: no {needed}; is this a results folder of smbsim?")
    return replace(load_dataset(folder / "ensemble.nc"), manifest=json.loads((folder / "manifest.json").read_text()))


def load_dataset(path: str | Path) -> Result:
    """Read one ensemble.nc; the manifest stays empty."""
    from . import result_file

    return result_file.read(Path(path))


def concatenate(results: Sequence[Result]) -> Result:
    """Join results of the same variants along the run axis. The firms are those of the first."""
    first = results[0]

    def join(tables):
        return {n: replace(s, values=np.concatenate([t[n].values for t in tables], axis=1)) for n, s in tables[0].items()}

    lines = {line: None for r in results for line in r.flows}
    runs = [len(r.seeds) for r in results]
    flows = {line: sum(r.flows.get(line, 0.0) * k for r, k in zip(results, runs, strict=True)) / sum(runs) for line in lines}
    return replace(
        first, seeds=tuple(s for r in results for s in r.seeds), series=join([r.series for r in results]),
        panels=join([r.panels for r in results]), flows=flows, events=tuple(event for r in results for event in r.events),
        design={name: np.concatenate([r.design[name] for r in results]) for name in first.design},
    )  # fmt: skip
