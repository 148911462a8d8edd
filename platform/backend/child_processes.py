"""Child processes side by side: their lines are told as they come, and none is left behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from platform.cli import interrupts
from types import TracebackType
from typing import IO

_LOOK_SECONDS = 0.2  # after which it is looked which processes have ended
_CHUNK = 2**16


class ChildProcesses:
    """Processes that have names. Those that still run when the context ends are asked to end, and waited for.

    Args:
        environment: of all of them.
        tell: gets each line that one writes to its standard output, after its name.
        warn: gets each line that one writes to its standard error, after its name.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tell: Callable[[str, str], None],
        warn: Callable[[str, str], None],
    ) -> None:
        self._environment, self._tell, self._warn = dict(environment), tell, warn
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lines: dict[str, tuple[_Lines, _Lines]] = {}

    def __enter__(self) -> ChildProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def running(self) -> list[str]:
        """The names of those whose end has not been told yet."""
        return [*self._processes]

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start another one."""
        with interrupts.held_back():  # a process that no one knows of could not be ended
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert process.stdout is not None and process.stderr is not None
            self._lines[name] = (
                _Lines(process.stdout, lambda line: self._tell(name, line)),
                _Lines(process.stderr, lambda line: self._warn(name, line)),
            )
            self._processes[name] = process

    def wait(self) -> dict[str, int]:
        """Wait until something happens, but not for long; returns the exit statuses of those that have ended,
        each once. One that a signal has ended has the status of a failure, and a line says so.
        """
        with selectors.DefaultSelector() as selector:
            for lines in (one for both in self._lines.values() for one in both):
                if lines.is_open:
                    selector.register(lines.file, selectors.EVENT_READ, lines)
            for key, _ in selector.select(_LOOK_SECONDS):
                key.data.read()
        ended = {}
        for name, process in [*self._processes.items()]:
            status = process.poll()
            if status is None:
                continue
            for lines in self._lines[name]:
                lines.finish()
            del self._processes[name], self._lines[name]
            if status < 0:
                self._warn(name, f"error: ended by {signal.Signals(-status).name}")
            ended[name] = status if status >= 0 else interrupts.FAILED
        return ended

    def _stop(self) -> None:
        """Ask all to end, and wait until they have; a further signal to this process kills them."""
        if not self._processes:
            return
        with interrupts.answered(self._kill):
            for process in self._processes.values():
                process.send_signal(signal.SIGTERM)
            while self._processes:
                try:
                    self.wait()
                except BrokenPipeError:  # who read the lines has gone, which may be why all end
                    self._tell = self._warn = _to_nobody

    def _kill(self) -> None:
        for process in self._processes.values():
            process.kill()


class _Lines:
    """The lines of a pipe, as they come.

    Args:
        file: the pipe's end.
        tell: gets each line, without its end.
    """

    def __init__(self, file: IO[bytes], tell: Callable[[str], None]) -> None:
        self.file, self._tell, self._rest, self.is_open = file, tell, b"", True
        os.set_blocking(file.fileno(), False)

    def read(self) -> bool:
        """Tell the lines that have come; returns whether there was anything."""
        try:
            chunk = os.read(self.file.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        self.is_open = chunk != b""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._tell(line.decode(errors="replace"))
        return self.is_open

    def finish(self) -> None:
        """Tell what is left, also a line without an end, and close the pipe."""
        while self.is_open and self.read():
            pass
        if self._rest:
            self._tell(self._rest.decode(errors="replace"))
        self._rest, self.is_open = b"", False
        self.file.close()


def _to_nobody(name: str, line: str) -> None:
    """Tell a line to nobody."""
