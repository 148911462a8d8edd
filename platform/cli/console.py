"""The terminal, for steps, progress and tables; everything else goes to a log file.

Ray, MLflow and their child processes write to the file descriptors 1 and 2; while a sweep runs these
lead to the log, and the console keeps the terminal for itself.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from platform.cli.failures import disk_is_full
from platform.cli.interrupts import check
from platform.cli.layout import blocks
from platform.planning.locations import without_passwords
from textwrap import wrap
from types import TracebackType
from typing import IO, TypeVar

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

_Item = TypeVar("_Item")
_LINE_EVERY = 5.0  # seconds between lines of a bar that changes, where there is no terminal
_SIGN_EVERY = 60.0  # and of one that does not
_PLAIN_WIDTH = 180
_BAR_WIDTH = 20
_BESIDE_TEXT = 4 + _BAR_WIDTH + 1 + 1 + 7 + 1  # indent, bar, "0:00:00", and gaps; not the count
_TEXT_WIDTH = 12  # of a bar's text at least
_ROWS_BELOW = 3  # that a picture leaves free: the bar, what precedes both, the cursor


class Console:
    """Writes to the terminal, or to a file or pipe in plain lines.

    Args:
        stream: where it writes to; a copy of the standard output if None, which stays where it is when
            the standard output is led elsewhere.
        width: how many letters a line of a table has at most; if None, as many as the terminal has, and
            180 in a file or pipe.
    """

    def __init__(self, stream: IO[str] | None = None, width: int | None = None) -> None:
        self._stream = stream or _copy_of_output()
        plain_width = None if self._stream.isatty() else _PLAIN_WIDTH
        self.rich = RichConsole(
            file=self._stream, highlight=False, soft_wrap=True, width=width or plain_width
        )
        self._begin = time.monotonic()
        self.seconds: dict[str, float] = {}

    def line(self, text: str = "") -> None:
        """Write one line, without the password of any URI in it."""
        self.rich.print(without_passwords(text), markup=False)

    def raw(self, text: str) -> None:
        """Write a text as it is, whatever lines it has, without the passwords of URIs in it."""
        self._stream.write(without_passwords(text))
        self._stream.flush()

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Announce a step of the sweep as it begins, and keep its seconds under `name`.

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

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Say on a terminal that modules are being loaded, for as long as the context lasts."""
        if not self.rich.is_terminal:
            yield
            return
        with self.rich.status("loading …", refresh_per_second=4):
            yield

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        text: Collection[str] = (),
    ) -> None:
        """Write a table, laid out by `platform.cli.layout.blocks`: nothing is cut, no line is too long.

        Args:
            title: written above it; none if empty.
            columns: titles of the columns, the rows' names first, then what matters most.
            rows: the cells of each row.
            text: titles of the columns that hold words.
        """
        width = self.rich.width
        self._bold(wrap(title, width))
        for number, block in enumerate(blocks(columns, rows, width, text)):
            if number:
                self.line()
            self._bold(block.header)
            for line in block.rows:
                self.line(line)

    def _bold(self, lines: Sequence[str]) -> None:
        """Write lines in bold."""
        for line in lines:
            self.rich.print(line, markup=False, style="bold")


def _copy_of_output() -> IO[str]:
    """The standard output, which stays where it is; letters that it cannot write are written as numbers."""
    return os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, errors="backslashreplace")


class Bar:
    """The progress of one piece of work; `update` may be called as often as one likes."""

    def __init__(self, console: Console, text: str) -> None:
        self._console, self._text = console, text
        self._begin = self._last_time = time.monotonic()
        self._line, self._last_line = f"          {text}", ""
        self._live: _LiveBar | None = None
        self._writing, self._over = threading.Lock(), threading.Event()

    def __enter__(self) -> Bar:
        if self._console.rich.is_terminal:
            columns = (TextColumn("   "), BarColumn(_BAR_WIDTH), MofNCompleteColumn(),
                       TimeElapsedColumn(), TextColumn("{task.description}", markup=False))  # fmt: skip
            # Redirection would bring what Ray prints back from the log to the terminal.
            self._live = _LiveBar(
                *columns, console=self._console.rich, transient=True,
                redirect_stdout=False, redirect_stderr=False, refresh_per_second=4,
            )  # fmt: skip
            self._live.start()
            self._task = self._live.add_task(self._fitting_text("0/?"), total=None)
        else:
            threading.Thread(target=self._show_life, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._writing:
            self._over.set()
        if self._live is not None:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        """Whether a terminal shows it, which may have pictures above it."""
        return self._live is not None

    def update(self, done: float, total: float, text: str | None = None) -> None:
        """Show that `done` of `total` is done, with a new text where one is given.

        Where there is no terminal a line is written every few seconds, if anything has changed, and
        every minute if nothing has.
        """
        self._text = text or self._text
        if self._live is not None:
            text = self._fitting_text(f"{done:g}/{total:g}")
            self._live.update(self._task, completed=done, total=total, description=text)
            return
        with self._writing:
            self._line = f"          {self._text}: {done:g} of {total:g}"
            is_new = self._line != self._last_line
            if is_new and time.monotonic() - self._last_time >= _LINE_EVERY:
                self._last_time, self._last_line = time.monotonic(), self._line
                self._console.line(self._line)

    def _show_life(self) -> None:
        """Write how long it has gone on, whenever no line was written for a while, until it is over."""
        while not self._over.wait(max(0.0, self._last_time + _SIGN_EVERY - time.monotonic())):
            with self._writing:
                now = time.monotonic()
                if now - self._last_time >= _SIGN_EVERY and not self._over.is_set():
                    self._last_time = now
                    self._console.line(f"{self._line}, after {(now - self._begin) / 60:.0f} min")

    def draw(self, picture: Sequence[str], letters: str, color: str) -> None:
        """Show lines of text above the bar, for as long as it is there, where there is a terminal that has
        room for them; `letters` of it are in a colour, as #rrggbb.
        """
        size = self._console.rich.size
        if self._live is None or not picture:
            return
        if len(picture) + _ROWS_BELOW > size.height or max(map(len, picture)) >= size.width:
            return
        text = Text("\n".join(picture))
        text.highlight_regex(f"[{letters}]+", color)
        self._live.picture = text

    def each(self, items: Sequence[_Item], text: str | None = None) -> Iterator[_Item]:
        """The items one by one; the bar shows how many are done."""
        for done, item in enumerate(items):
            self.update(done, len(items), text)
            yield item
        self.update(len(items), len(items))

    def _fitting_text(self, count: str) -> str:
        """The text, cut to what the line has room for beside the bar and the count."""
        room = max(_TEXT_WIDTH, self._console.rich.width - _BESIDE_TEXT - len(count))
        return self._text if len(self._text) <= room else self._text[: room - 1] + "…"


class _LiveBar(Progress):
    """A bar with a picture above it."""

    picture: Text | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """The picture, where there is one, and the bar."""
        if self.picture is not None:
            yield self.picture
        yield self.make_tasks_table(self.tasks)


@contextmanager
def chatter_to(log: Path) -> Iterator[None]:
    """Lead what this process and its children write to file descriptors 1 and 2 to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    copies = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        for number, (stream, copy) in enumerate(
            zip((sys.stdout, sys.stderr), copies, strict=True), start=1
        ):
            _empty(stream, number)
            os.dup2(copy, number)
            os.close(copy)
        _mask(log)


def _mask(log: Path) -> None:
    """Put `***` in the place of passwords in what libraries wrote to a log, such as their tracebacks. What is
    no regular file, such as a device, has nothing to be read back.
    """
    if not log.is_file():
        return
    text = log.read_text(encoding="utf-8", errors="surrogateescape")
    masked = without_passwords(text)
    if masked == text:
        return
    try:
        log.write_text(masked, encoding="utf-8", errors="surrogateescape")
    except OSError as error:  # on a full disk the log is cut; what ended the run is told, not this
        if not disk_is_full(error):
            raise


def _empty(stream: IO[str], number: int) -> None:
    """Write what a stream still holds to the file of its descriptor. Where the disk is full it is dropped: it
    would else come on the terminal.
    """
    try:
        stream.flush()
    except OSError as error:
        if not disk_is_full(error):
            raise
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), number)
            stream.flush()
