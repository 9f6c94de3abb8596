"""Finished runs, each kept the moment it ends under the hash of everything it was made of: what a killed ensemble goes on from.

A run is a row of an SQLite file, committed at once, so that a kill can lose runs under way but none that ended, and a file that a kill
left half-written mends itself when it is opened. Every process that runs something writes a file of its own, parts/NAME.sqlite; all of
them together, also those of other folders, are read as one. Without a folder the rows are in memory.

    run id     SHA-256 of the resolved variants, the seed, the tables and files read and the code, first 16 bytes: `run_id`
    numbers    the arrays of all series and panels one after the other, as they are in memory; their names and shapes stand in `layouts`
    firms      of the first run only: kept with a run before which, in the order of the ensemble, none has ended

Nothing in a row is code: a folder from somebody else can be read safely.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..result import Result, Series
from ..schema import InputError

DONE, FAILED = "done", "failed"
SUFFIX = ".sqlite"
TIMEOUT = 60.0  # seconds to wait for another process that writes
TABLES = """
create table if not exists layouts (hash text primary key, text text not null);
create table if not exists runs (id text primary key, status text not null, seconds real not null, error text not null,
                                 layout text, rest text, numbers blob);
create table if not exists firms (id text primary key, layout text not null, arrays blob not null);
"""
FULL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_IOERR_WRITE")  # names of errors of SQLite


@dataclass(frozen=True)
class Record:
    """One run as it is kept: plain text and bytes, which can be sent anywhere."""

    id: str
    status: str
    seconds: float
    error: str = ""
    layout: str = ""
    rest: str = ""  # flows and events
    numbers: bytes = b""
    firm_layout: str = ""
    firms: bytes = b""


def record(run_id: str, result: Result, seconds: float) -> Record:
    """The record of the result of one run."""
    tables = [("series", result.series), ("panels", result.panels)]
    layout = {
        "name": result.name, "variants": result.variants, "seeds": result.seeds, "weeks": [int(t) for t in result.weeks],
        "labels": {axis: list(names) for axis, names in result.labels.items()},
        **{kind: [[name, s.unit, s.label, s.axis, *_form(s.values)] for name, s in table.items()] for kind, table in tables},
    }  # fmt: skip
    seeds = layout.pop("seeds")
    rest = {"seeds": seeds, "flows": [[*line, x] for line, x in result.flows.items()], "events": [list(event) for event in result.events]}
    arrays = [s.values for _, table in tables for s in table.values()]
    firms = [[name, *_form(values)] for name, values in result.firms.items()]
    return Record(
        run_id, DONE, seconds, "", json.dumps(layout), json.dumps(rest), _packed(arrays), json.dumps(firms),
        _packed(list(result.firms.values())),
    )  # fmt: skip


def result_of(kept: Record) -> Result:
    """The result that a record was made of; without firms where they were not kept."""
    layout, rest = json.loads(kept.layout), json.loads(kept.rest)
    forms = [(kind, *form) for kind in ("series", "panels") for form in layout[kind]]
    arrays = _unpacked(kept.numbers, [form[5:] for form in forms])
    tables: dict[str, dict[str, Series]] = {"series": {}, "panels": {}}
    for (kind, name, unit, label, axis, *_), values in zip(forms, arrays, strict=True):
        tables[kind][name] = Series(values, unit, label, axis)
    form_of_firms = json.loads(kept.firm_layout or "[]")
    firms = dict(zip((f[0] for f in form_of_firms), _unpacked(kept.firms, [f[1:] for f in form_of_firms]), strict=True))
    labels = {axis: tuple(names) for axis, names in layout["labels"].items()}
    return Result(
        layout["name"], tuple(layout["variants"]), tuple(rest["seeds"]), np.array(layout["weeks"]), tables["series"], tables["panels"],
        labels, firms, {tuple(line): x for *line, x in rest["flows"]}, events=tuple(tuple(event) for event in rest["events"]),
    )  # fmt: skip


def _form(values: np.ndarray) -> tuple[str, tuple[int, ...]]:
    return values.dtype.str, values.shape


def _packed(arrays: Sequence[np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(values).tobytes() for values in arrays)


def _unpacked(data: bytes, forms: Sequence[Sequence]) -> Iterator[np.ndarray]:
    at = 0
    for kind, shape in forms:
        dtype, n = np.dtype(kind), int(np.prod(shape))
        yield np.frombuffer(data, dtype, n, at).reshape(shape)
        at += n * dtype.itemsize


# -- files --------------------------------------------------------------------------------------------------------------------------------


class Store:
    """Runs by id. What is put goes to one file, what is asked for may come from any.

    folder : of the ensemble; None keeps everything in memory
    name   : of the file in folder/parts that this process writes
    others : folders of other ensembles whose runs may be taken

    Raises InputError, here and in all methods, when the folder cannot be written or the disk is full.
    """

    def __init__(self, folder: Path | None, name: str = "all", others: Sequence[Path] = ()) -> None:
        self.path = None if folder is None else folder / "parts" / f"{name}{SUFFIX}"
        missing = [str(other) for other in others if not (other / "parts").is_dir()]
        if missing:
            raise InputError(*(f"{path} has no runs to take: it has no folder parts" for path in missing))
        self.lowest: int | None = None  # place of the first run whose firms are kept
        with told(self.path):
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self.own = sqlite3.connect(self.path or ":memory:", timeout=TIMEOUT, isolation_level=None)
            self.own.execute("pragma synchronous = off")  # safe when the process dies; a power cut may lose the last runs
            self.own.executescript(TABLES)
        folders = ([folder] if folder is not None else []) + list(others)
        paths = [path for one in folders for path in sorted((one / "parts").glob(f"*{SUFFIX}")) if path != self.path]
        self.all = [self.own, *(_opened(path) for path in paths)]

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        for one in self.all:
            one.close()

    def put(self, kept: Record, place: int) -> None:
        """Keep a run, in place of what was kept under its id before. place: in the order of the ensemble."""
        with_firms = kept.status == DONE and bool(kept.firm_layout) and (self.lowest is None or place < self.lowest)
        with told(self.path):
            self.own.execute("begin immediate")
            try:
                if kept.layout:
                    self._put_layout(kept.layout)
                row = (kept.id, kept.status, kept.seconds, kept.error, _short(kept.layout), kept.rest, kept.numbers)
                self.own.execute("insert or replace into runs values (?, ?, ?, ?, ?, ?, ?)", row)
                if with_firms:
                    self._put_layout(kept.firm_layout)
                    self.own.execute("insert or replace into firms values (?, ?, ?)", (kept.id, _short(kept.firm_layout), kept.firms))
                self.own.execute("commit")
            except BaseException:
                if self.own.in_transaction:
                    self.own.execute("rollback")
                raise
        if with_firms:
            self.lowest = place

    def _put_layout(self, text: str) -> None:
        self.own.execute("insert or ignore into layouts values (?, ?)", (_short(text), text))

    def status(self, run_id: str) -> tuple[str, float, str] | None:
        """(status, seconds, error) of a run; a finished one counts before a failed one; None where it is not known."""
        found = [row for row in self._from_all("select status, seconds, error from runs where id = ?", run_id)]
        return min(found, key=lambda row: row[0] != DONE) if found else None

    def has_firms(self, run_id: str) -> bool:
        """Whether the firms of a run are kept."""
        return any(True for _ in self._from_all("select 1 from firms where id = ?", run_id))

    def get(self, run_id: str, with_firms: bool = False) -> Result:
        """The result of a finished run."""
        query = (
            "select id, status, seconds, error, text, rest, numbers from runs join layouts on layout = hash "
            "where id = ? and status = 'done'"
        )
        kept = Record(*next(self._from_all(query, run_id)))
        if with_firms:
            query = "select text, arrays from firms join layouts on layout = hash where id = ?"
            layout, arrays = next(self._from_all(query, run_id))
            kept = replace(kept, firm_layout=layout, firms=arrays)
        return result_of(kept)

    def _from_all(self, query: str, run_id: str) -> Iterator[tuple]:
        with told(self.path):
            for one in self.all:
                yield from one.execute(query, (run_id,)).fetchall()


def count(folder: Path) -> int:
    """Finished runs in the parts of a folder."""
    ids = set()
    for path in sorted((folder / "parts").glob(f"*{SUFFIX}")):
        part = _opened(path)
        ids |= {row[0] for row in part.execute("select id from runs where status = 'done'")}
        part.close()
    return len(ids)


def variants(folder: Path) -> tuple[str, ...] | None:
    """The variants of the runs in the parts of a folder; None where there are none."""
    for path in sorted((folder / "parts").glob(f"*{SUFFIX}")):
        part = _opened(path)
        row = part.execute("select text from runs join layouts on layout = hash where status = 'done' limit 1").fetchone()
        part.close()
        if row is not None:
            return tuple(json.loads(row[0])["variants"])
    return None


def clear(folder: Path) -> None:
    """Forget the runs of a folder."""
    for path in (folder / "parts").glob(f"*{SUFFIX}*"):
        path.unlink()


def _opened(path: Path) -> sqlite3.Connection:
    """A part of another process, to read. What a kill left half-written is taken back first, where the folder may be written."""
    try:
        part = sqlite3.connect(path, timeout=TIMEOUT, isolation_level=None)
        part.execute("select count(*) from runs, firms, layouts where 0").fetchall()
    except sqlite3.Error as error:
        raise InputError(f"{path} cannot be read: {error}; remove it to run its runs again") from None
    return part


def _short(text: str) -> str | None:
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text else None


@contextmanager
def told(path: Path | None) -> Iterator[None]:
    """Turn what the file system or SQLite refuses into one line that says what to do; nothing that was finished is lost by it."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in FULL:
            raise InputError(_full(path)) from None
        raise InputError(f"{path}: {error}; the runs that are in it are kept") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "errno = 28" in str(error):
            raise InputError(_full(path)) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR):
            raise InputError(f"{error.filename or path}: {os.strerror(error.errno)}: results cannot be written there") from None
        raise


def _full(path: Path | None) -> str:
    return f"{path}: the disk is full; finished runs are kept: make room, then the same command with --resume"


def run_id(what: str, seed: int) -> str:
    """32 hexadecimal digits that stand for a run. what: a digest of everything but the seed."""
    return hashlib.sha256(f"{what} {seed}".encode()).hexdigest()[:32]
