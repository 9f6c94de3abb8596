"""ensemble.nc: the numbers of a result in one netCDF-4 file, written and read in blocks of runs, so that memory does not grow with them.

    dimensions   variant, run, week, the named axes (sector, region, tier, …), firm, snapshot, link, starter, event
    variables    metrics (variant, run, week[, axis]), panels (variant, run, axis), firm_… of the first run, event_…, design_… (run)
    attributes   units and long_name of each metric; of the file its name, and flows as JSON: [variant, flow, payer, payee, currency/yr]

The same numbers give the same bytes, however they were computed: blocks depend on shapes only, and nothing carries a date. A result of
less than HELD bytes is read whole; of a larger one each series is read when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

import numpy as np

from .result import EVENT, FIRM_DIMS, Result, Series
from .schema import InputError

BLOCK = 2**24  # bytes of runs that are held while a file is written or a table is made
HELD = 2**25  # bytes of series below which a result is read whole
FIRM, EVENTS, DESIGN = "firm_", "event_", "design_"  # what names of variables begin with


NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"  # how netCDF-4 marks a dimension without labels

# -- written ------------------------------------------------------------------------------------------------------------------------------


def write(path: Path, runs: Iterable[Result], count: int, design: Mapping[str, np.ndarray] | None = None) -> None:
    """Write results of the same variants, weeks and metrics one after the other along the run axis.

    runs   : results, read once and in order; firms are those of the first
    count  : runs in all of them
    design : name → (count,) of a sweep; default that of the results

    Written to a temporary name and renamed. Raises InputError where a result does not fit the first.
    """
    import h5netcdf

    runs = iter(runs)
    first = next(runs)
    per_run = sum(s.values.nbytes for s in (*first.series.values(), *first.panels.values())) // max(len(first.seeds), 1)
    block = int(np.clip(BLOCK // max(per_run, 1), 1, count))
    temporary = path.with_suffix(".part")
    try:
        with h5netcdf.File(temporary, "w", libver="v110") as file:
            _begin(file, first, count, block)
            rest, at = Rest(), 0
            for some in _blocks(rest.watch(chain((first,), runs), first), block):
                stop = at + some[0].shape[1]
                for name, values in zip((*first.series, *first.panels), some, strict=True):
                    file.variables[name][:, at:stop] = values
                at = stop
            if at != count:
                raise ValueError(f"{at} runs were given, {count} announced")
            _end(file, first, rest, rest.design() if design is None else design)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


class Rest:
    """What is small enough to be gathered while the runs pass by: flows, events, seeds, design."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.events: list[tuple] = []
        self.designs: list[Mapping[str, np.ndarray]] = []
        self.sums: dict[tuple[str, str, str, str], float] = {}
        self.flows: Mapping[tuple[str, str, str, str], float] = {}

    def watch(self, runs: Iterator[Result], first: Result) -> Iterator[Result]:
        """The same results, each looked at. Raises InputError for one that does not fit the first."""
        for result in runs:
            _fits(result, first)
            for line, amount in result.flows.items():
                self.sums[line] = self.sums.get(line, 0.0) + amount * len(result.seeds)
            alone = not self.seeds
            self.seeds += result.seeds
            self.events += result.events
            self.designs.append(result.design)
            yield result
        self.flows = result.flows if alone else {line: amount / len(self.seeds) for line, amount in self.sums.items()}

    def design(self) -> dict[str, np.ndarray]:
        """Name → (R,)."""
        return {name: np.concatenate([d[name] for d in self.designs]) for name in self.designs[0]}


def _blocks(runs: Iterable[Result], block: int) -> Iterator[list[np.ndarray]]:
    """The arrays of all series and panels, `block` runs at a time, the last fewer."""
    singles = (
        [s.values[:, k : k + 1] for s in (*result.series.values(), *result.panels.values())]
        for result in runs
        for k in range(len(result.seeds))
    )
    while some := list(islice(singles, block)):
        yield [np.concatenate(each, axis=1) for each in zip(*some, strict=True)]


def _fits(part: Result, first: Result) -> None:
    """Raise InputError where a run has other metrics, weeks or labels than the first."""
    if part.variants != first.variants or not np.array_equal(part.weeks, first.weeks) or set(part.series) != set(first.series):
        raise InputError(f"runs of '{first.name}' differ in variants, weeks or metrics; they have no common table")
    for axis in {s.axis for s in (*first.series.values(), *first.panels.values()) if s.axis}:
        if part.labels[axis] != first.labels[axis]:
            names = [name for name, s in first.series.items() if s.axis == axis]
            raise InputError(f"the {axis}s differ between runs; name output.metrics without those by {axis}: {', '.join(names)}")


def _begin(file, first: Result, count: int, block: int) -> None:
    """Dimensions, and the variables that runs fill."""
    file.dimensions = {"variant": len(first.variants), "run": count, "week": len(first.weeks)}
    for axis, names in first.labels.items():
        file.dimensions[axis] = len(names)
    _put(file, "variant", ("variant",), first.variants)
    _put(file, "week", ("week",), np.asarray(first.weeks))
    for axis, names in first.labels.items():
        _put(file, axis, (axis,), names)
    for dims, table in ((("variant", "run", "week"), first.series), (("variant", "run"), first.panels)):
        for name, s in table.items():
            shape = (*s.values.shape[:1], count, *s.values.shape[2:])
            how = {"chunks": (shape[0], block, *shape[2:]), "compression": "gzip", "compression_opts": 1, "shuffle": True}
            dims_ = (*dims, *([s.axis] if s.axis else []))
            v = file.create_variable(name, dims_, s.values.dtype, **how if np.prod(shape) else {})
            v.attrs["units"], v.attrs["long_name"] = s.unit, s.label


def _end(file, first: Result, rest: Rest, design: Mapping[str, np.ndarray]) -> None:
    """What is known when all runs have been seen, and the firms of the first."""
    _put(file, "run", ("run",), np.arange(len(rest.seeds)))
    _put(file, "seed", ("run",), np.array(rest.seeds, dtype=np.int64))
    for name, values in design.items():
        _put(file, DESIGN + name, ("run",), values)
    for name, values in first.firms.items():
        dims = FIRM_DIMS.get(name, ("firm",))
        for dim, size in zip(dims, values.shape, strict=True):
            if dim not in file.dimensions:
                file.dimensions[dim] = size
        _put(file, FIRM + name, dims, values)
    if rest.events:
        file.dimensions["event"] = len(rest.events)
    for k, name in enumerate(EVENT) if rest.events else ():
        _put(file, EVENTS + name, ("event",), np.array([event[k] for event in rest.events]))
    file.attrs["coordinates"] = " ".join(("seed", *(DESIGN + name for name in design)))
    file.attrs["name"] = first.name
    file.attrs["flows"] = json.dumps([[*line, amount] for line, amount in rest.flows.items()])


def _put(file, name: str, dims: tuple[str, ...], values) -> None:
    import h5py

    values = np.asarray(values)
    if values.dtype.kind in "OU":
        variable = file.create_variable(name, dims, h5py.string_dtype())
        variable[...] = values.astype(object)
    elif values.dtype.kind == "b":  # netCDF has no truth values
        variable = file.create_variable(name, dims, "i1")
        variable.attrs["dtype"] = "bool"
        variable[...] = values.astype("i1")
    else:
        how = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.dtype.kind == "f" and values.size else {}
        variable = file.create_variable(name, dims, values.dtype, **how)
        variable[...] = values


# -- read ---------------------------------------------------------------------------------------------------------------------------------


class Stored(Mapping):
    """The series of a large file by name, each read when it is asked for. about: name → (unit, label, axis)."""

    def __init__(self, path: Path, about: dict[str, tuple[str, str, str | None]]) -> None:
        self.path, self.about = path, about

    def __getitem__(self, name: str) -> Series:
        unit, label, axis = self.about[name]
        return Series(self.read(name, slice(None)), unit, label, axis)

    def read(self, name: str, weeks: slice) -> np.ndarray:
        """(V, R, …) in these weeks."""
        import h5py

        with h5py.File(self.path, "r") as file:
            return file[name][:, :, weeks]

    def __iter__(self) -> Iterator[str]:
        return iter(self.about)

    def __len__(self) -> int:
        return len(self.about)


def read(path: Path) -> Result:
    """The result of one ensemble.nc; the manifest stays empty."""
    import h5py

    path = Path(path).resolve()
    with h5py.File(path, "r") as file:
        dims = {name: _dims(file, v) for name, v in file.items()}
        labels = {d: tuple(_values(file[d])) for d, own in dims.items() if own == (d,) and file[d].dtype.kind == "O"}
        known = {"variant", "run", "week", "seed", *labels}
        about, panels, firms, design = {}, {}, {}, {}
        events = [_values(file[EVENTS + name]).tolist() for name in EVENT if EVENTS + name in dims]
        for name, own in dims.items():
            v = file[name]
            if name in known or own == ("event",) or v.attrs.get("NAME", b"").startswith(NO_VARIABLE):
                continue
            if own == ("run",):
                design[name.removeprefix(DESIGN)] = _values(v)
            elif "run" not in own:
                firms[name.removeprefix(FIRM)] = _values(v)
            elif "week" in own:
                about[name] = (v.attrs["units"], v.attrs["long_name"], own[3] if len(own) == 4 else None)
            else:
                panels[name] = Series(_values(v), v.attrs["units"], v.attrs["long_name"], own[2])
        large = sum(file[name].size * file[name].dtype.itemsize for name in about) >= HELD
        series = Stored(path, about) if large else {name: Series(file[name][...], *of) for name, of in about.items()}
        flows = {tuple(line): amount for *line, amount in json.loads(file.attrs["flows"])}
        return Result(
            file.attrs["name"], labels.pop("variant"), tuple(int(s) for s in file["seed"][...]), file["week"][...], series, panels, labels,
            firms, flows, events=tuple(zip(*events, strict=True)), design=design,
        )  # fmt: skip


def _dims(file, variable) -> tuple[str, ...]:
    """Names of the dimensions; a variable that is a dimension has its own name."""
    if "DIMENSION_LIST" not in variable.attrs:
        return (variable.name.removeprefix("/"),)
    return tuple(file[each[0]].name.removeprefix("/") for each in variable.attrs["DIMENSION_LIST"])


def _values(variable) -> np.ndarray:
    if variable.dtype.kind == "O":
        return variable.asstr()[...]
    return variable[...].astype(bool) if variable.attrs.get("dtype") == "bool" else variable[...]


# -- in blocks of weeks -------------------------------------------------------------------------------------------------------------------


def about(result: Result, name: str) -> tuple[str, str, str | None]:
    """Unit, label and axis of a series, without reading its numbers."""
    if isinstance(result.series, Stored):
        return result.series.about[name]
    s = result.series[name]
    return s.unit, s.label, s.axis


def by_weeks(result: Result, name: str) -> Iterator[np.ndarray]:
    """(V, R, weeks of the block, …) of a series, block after block, without more than BLOCK bytes of it in memory."""
    axis = about(result, name)[2]
    per_week = 8 * len(result.variants) * len(result.seeds) * (len(result.labels[axis]) if axis else 1)
    step = max(BLOCK // per_week, 1)
    for start in range(0, len(result.weeks), step):
        weeks = slice(start, start + step)
        stored = isinstance(result.series, Stored)
        yield result.series.read(name, weeks) if stored else result.series[name].values[:, :, weeks]
