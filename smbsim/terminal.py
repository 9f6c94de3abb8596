"""What a user sees: text that fits the window, columns, a progress bar. Data go to stdout, everything else to stderr.

Where the output is not a terminal there is no colour, no bar and no cutting of lines; NO_COLOR is respected (by Rich).
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

WIDTH_OF_FILES = 120  # columns of what is not a terminal
NARROWEST, WIDEST = 40, 140
BETWEEN = 2  # spaces between columns
SECONDS_BETWEEN_LINES = 30.0  # of progress where there is no terminal
GAP = re.compile(r"(?:^|(?<=\S)) {2,}(?=\S)")  # between columns
VERBATIM = re.compile(r"^\s|\S {2,}\S")  # a line that is indented or has columns: an equation, a table
MAGNITUDES = ((1e12, " tn"), (1e9, " bn"), (1e6, " mn"))
THOUSAND = 1e4  # from here on separated by spaces


def width(stream: TextIO | None = None) -> int:
    """Columns of the window."""
    stream = stream or sys.stdout
    columns = _console(stream).width if stream.isatty() else WIDTH_OF_FILES
    return max(NARROWEST, min(columns, WIDEST))


def _console(stream: TextIO):
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def out(text: str = "") -> None:
    """Data, at once: what comes next may take long."""
    print(text, flush=True)


def heading(text: str) -> None:
    """A heading among data, bold in a terminal."""
    if sys.stdout.isatty():
        _console(sys.stdout).print(text, style="bold")
    else:
        print(text)


def note(text: str = "") -> None:
    """Anything that is not data."""
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    """A note in yellow."""
    if sys.stderr.isatty():
        _console(sys.stderr).print(wrap(text, width(sys.stderr)), style="yellow")
    else:
        note(text)


def write_json(data: Any) -> None:
    """Data for a machine; what is not a finite number becomes null."""
    out(json.dumps(_finite(data), indent=1, ensure_ascii=False))


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


# -- text ---------------------------------------------------------------------------------------------------------------------------------


def wrap(text: str, columns: int | None = None, indent: str = "", hang: str = "  ") -> str:
    """One paragraph within the window, further lines indented by `hang` more."""
    return textwrap.fill(" ".join(text.split()), columns or width(), initial_indent=indent, subsequent_indent=indent + hang)


def reflow(text: str, columns: int | None = None) -> str:
    """Documentation within the window: paragraphs are filled, equations and tables keep their lines."""
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        goes_on = bool(line) and not VERBATIM.search(line) and not line.startswith("Source")
        if goes_on and lines and lines[-1] and not VERBATIM.search(lines[-1]):
            lines[-1] += " " + line
        else:
            lines.append(line.rstrip())
    return "\n".join(_fitted(line, columns or width()) for line in lines)


def _fitted(line: str, columns: int) -> str:
    """A line cut at the window; what does not fit goes below the last column that begins in its left two thirds."""
    if len(line) <= columns:
        return line
    begins = [gap.end() for gap in GAP.finditer(line) if gap.end() < 2 * columns // 3]
    start, text = (line[: begins[-1]], line[begins[-1] :]) if begins else ("", line)
    return textwrap.fill(text, columns, initial_indent=start, subsequent_indent=" " * len(start))


def columns(rows: Iterable[Sequence[Any]], header: Sequence[str] = (), indent: str = "  ") -> str:
    """Rows as aligned columns; numbers to the right, the last column fills the window and wraps."""
    cells = [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    if not cells:
        return ""
    last = len(cells[0]) - 1
    body = cells[1:] if header else cells
    widths = [max(len(row[k]) for row in cells) for k in range(last)]
    right = [all(_is_number(row[k]) for row in body) for k in range(last + 1)]
    taken = len(indent) + sum(widths) + BETWEEN * last
    room = max(width() - taken, NARROWEST // 2)
    widths.append(max(len(row[last]) for row in cells) if right[last] else 0)
    lines = []
    for row in cells:
        start = "".join((c.rjust(w) if r else c.ljust(w)) + " " * BETWEEN for c, w, r in zip(row, widths[:last], right, strict=False))
        tail = [row[last].rjust(widths[last])] if right[last] else textwrap.wrap(row[last], room) or [""]
        lines.append((indent + start + tail[0]).rstrip())
        lines += [" " * taken + more for more in tail[1:]]
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[−+-]?\d[\d ]*(\.\d+)?(e[+-]?\d+)?( ?(%|tn|bn|mn))?|–|", text))


def readable(x: float) -> str:
    """Four digits that a person can read: 0.0123, 845.2, 12 300, 1.234 bn."""
    if x is None or not math.isfinite(x):
        return "–"
    for size, name in MAGNITUDES:
        if abs(x) >= size:
            return f"{x / size:.4g}{name}"
    if abs(x) >= THOUSAND:
        return grouped(round(x))
    return f"{x:.4g}"


def grouped(n: int) -> str:
    """2000 → "2 000"."""
    return f"{n:,}".replace(",", " ")


def size(n_bytes: float) -> str:
    """Bytes with a unit."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= limit:
            return f"{n_bytes / limit:.3g} {unit}"
    return f"{n_bytes:.0f} bytes"


def duration(seconds: float) -> str:
    """Seconds with a unit."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


# -- progress -----------------------------------------------------------------------------------------------------------------------------


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on a terminal while something without a known length goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with _console(sys.stderr).status(what):
        yield


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """A function for worker threads to call now and then: it stops them after Ctrl-C, so that nobody waits for their end."""
    stopping = threading.Event()

    def stop(*_) -> None:
        stopping.set()
        raise KeyboardInterrupt

    def pause() -> None:
        if stopping.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield pause
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield pause
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress(what: str, preparing: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A function (done, in all) that shows how far it is and how long it takes; a line now and then where there is no terminal.

    After Ctrl-C it raises KeyboardInterrupt in whichever thread calls it.
    """
    with stoppable() as pause, _shown(what, preparing, unit) as show:

        def report(done: int, total: int) -> None:
            pause()
            show(done, total)

        yield report


@contextmanager
def _shown(what: str, preparing: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield _lines_now_and_then(what, unit)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    shown = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    with Progress(*shown, TextColumn("left"), console=_console(sys.stderr), transient=True, speed_estimate_period=60) as bar:
        task = bar.add_task(preparing, total=None)
        yield lambda done, total: bar.update(task, description=what, completed=done, total=total)


def _lines_now_and_then(what: str, unit: str) -> Callable[[int, int], None]:
    began = last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES or not 0 < done < total:
            return
        last = now
        left = (now - began) * (total - done) / done
        note(f"{what}: {done} of {total} {unit}, about {duration(left)} left")

    return report
