"""What a person watches: steps, progress and tables on the terminal, everything else in a log file.

Ray, MLflow and their child processes write to the file descriptors 1 and 2; while a sweep runs these
lead to the log, and the console keeps the terminal for itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from platform.cli.interrupts import check
from types import TracebackType
from typing import IO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_LINE_EVERY = 5.0
_PLAIN_WIDTH = 180


class Console:
    """Speaks to the terminal, or to a file or pipe in plain lines, from `start` on."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
        plain_width = None if self._stream.isatty() else _PLAIN_WIDTH
        self.rich = RichConsole(
            file=self._stream, highlight=False, soft_wrap=True, width=plain_width
        )
        self._begin = time.monotonic()
        self.seconds: dict[str, float] = {}

    def line(self, text: str = "") -> None:
        """One line."""
        self.rich.print(text, markup=False)

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """A step of the sweep: announced as it begins, its seconds kept under `name`.

        Raises:
            KeyboardInterrupt: the run was interrupted before.
        """
        check()
        started = time.monotonic()
        self.line(f"[{started - self._begin:5.0f} s] {text}")
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)

    def bar(self, text: str) -> Bar:
        """A progress bar, or a line every few seconds where the output is no terminal."""
        return Bar(self, text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of text."""
        table = Table(
            title=title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number < 2 else "right", no_wrap=number != 1)
        for row in rows:
            table.add_row(*row)
        self.rich.print(table, soft_wrap=False)


class Bar:
    """Progress of one thing: `update` as often as one likes."""

    def __init__(self, console: Console, text: str) -> None:
        self._console, self._text, self._last = console, text, time.monotonic()
        self._live: Progress | None = None

    def __enter__(self) -> Bar:
        if self._console.rich.is_terminal:
            columns = (TextColumn("    {task.description}"), BarColumn(30), MofNCompleteColumn())
            # Redirection would bring what Ray prints back from the log to the terminal.
            self._live = Progress(
                *columns, TimeElapsedColumn(), console=self._console.rich, transient=True,
                redirect_stdout=False, redirect_stderr=False, refresh_per_second=4,
            )  # fmt: skip
            self._live.start()
            self._task = self._live.add_task(self._text, total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, done: float, total: float, text: str | None = None) -> None:
        """`done` of `total`, with a new text where there is one."""
        self._text = text or self._text
        if self._live is not None:
            self._live.update(self._task, completed=done, total=total, description=self._text)
        elif time.monotonic() - self._last >= _LINE_EVERY:
            self._last = time.monotonic()
            self._console.line(f"          {self._text}: {done:g} of {total:g}")


@contextmanager
def chatter_to(log: Path) -> Iterator[None]:
    """Lead what is written to file descriptors 1 and 2, child processes' too, to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
