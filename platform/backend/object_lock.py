"""The lock of a driver in an object store, which has no locks of an operating system.

The lock is an object that only one process can make: it is made on the condition that it is not there, by
`If-None-Match`, which Amazon's S3 and MinIO have; a store that ignores it has no locks. Its holder writes it
anew every ten seconds. A process that wants it takes it over once nothing has changed in it for a minute by
its own clock, or at once where it sees that the holder was a process of its own machine and is gone: it makes
the object of the next number, which again only one can. A holder that was taken for dead, as when its machine
slept, sees that and ends its run.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from trainables.core.errors import DamageWarning
from trainables.core.places import object_name, objects_of

_NAME = ".driver-lock-"
_BEAT_SECONDS, _SILENT_SECONDS, _LOOK_SECONDS = 10.0, 60.0, 1.0


@contextmanager
def object_lock(folder: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a folder of an object store; as `platform.backend.driver_lock.driver_lock`, of which
    this is the part for object stores.
    """
    lock, is_told = _Lock(folder), False
    while (holder := lock.take()) is not None:
        if not is_told:
            busy(holder)
            is_told = True
    try:
        yield
    finally:
        lock.release()


class _Lock:
    """The lock of a folder as one process wants or holds it."""

    def __init__(self, folder: Path) -> None:
        self._objects = objects_of(folder)
        self._start = f"{object_name(folder)}/{_NAME}"
        self._number, self._beats = 0, 0
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        self._told = {"token": uuid.uuid4().hex, "host": socket.gethostname(), "since": now}
        self._told |= _process_here()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def take(self) -> str | None:
        """Take the lock; returns None, or words for the holder once it has shown that it lives."""
        number = self._newest()
        if number is not None:
            seen, since = self._read(number), time.monotonic()
            while seen is not None and not _is_gone(seen):
                if time.monotonic() - since > _SILENT_SECONDS:
                    break
                time.sleep(_LOOK_SECONDS)
                found = self._read(number)
                if found is not None and found != seen:
                    return _words(found)
                seen = found
            if seen is None or self._newest() != number or self._read(number) != seen:
                return self.take()
        if not self._make((number or 0) + 1):
            return self.take()
        for older in self._numbers():
            if older < self._number:
                self._remove(older)
        self._thread.start()
        return None

    def release(self) -> None:
        """Give the lock back."""
        self._ended.set()
        self._thread.join()
        self._remove(self._number)

    def _keep(self) -> None:
        """Show again and again that the holder lives; end the run where the lock was taken from it."""
        while not self._ended.wait(_BEAT_SECONDS):
            try:
                is_lost = self._newest() != self._number
                if not is_lost:
                    self._beats += 1
                    self._objects.pipe_file(self._file(self._number), self._content())
            except (
                Exception
            ):  # of whatever kind a client's are; the store is away, and may come back
                continue
            if is_lost:
                text = "the lock of this run was taken by another, which saw no sign of life: this one ends"
                warnings.warn(text, DamageWarning, stacklevel=1)
                os.kill(os.getpid(), signal.SIGINT)
                return

    def _make(self, number: int) -> bool:
        """Make the lock of a number; whether it was not there."""
        try:
            self._objects.pipe_file(self._file(number), self._content(), mode="create")
        except FileExistsError:
            return False
        self._number = number
        return True

    def _content(self) -> bytes:
        return json.dumps({**self._told, "beats": self._beats}).encode()

    def _read(self, number: int) -> dict[str, Any] | None:
        """What a lock's holder says of itself; None where the lock is gone."""
        try:
            told: dict[str, Any] = json.loads(self._objects.cat_file(self._file(number)))
        except FileNotFoundError:
            return None
        return told

    def _newest(self) -> int | None:
        """The number of the lock that is held, if one is."""
        return max(self._numbers(), default=None)

    def _numbers(self) -> list[int]:
        return [
            int(file.removeprefix(self._start)) for file in self._objects.glob(f"{self._start}*")
        ]

    def _remove(self, number: int) -> None:
        with suppress(FileNotFoundError):
            self._objects.rm_file(self._file(number))

    def _file(self, number: int) -> str:
        return f"{self._start}{number}"


def _words(told: dict[str, Any]) -> str:
    return f"process {told['process']} on {told['host']} since {told['since']}"


def _process_here() -> dict[str, Any]:
    """What tells this process from all others of this start of this machine."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = os.readlink("/proc/self/ns/pid")
    return {"process": os.getpid(), "machine": f"{boot} {space}", "started": _started(os.getpid())}


def _started(process: int) -> str | None:
    """When a process of this machine was started, in ticks; None where there is none, or it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _is_gone(told: dict[str, Any]) -> bool:
    """Whether a holder was a process of this machine that is gone."""
    is_here = bool(told["machine"] == _process_here()["machine"])
    return is_here and _started(told["process"]) != told["started"]
