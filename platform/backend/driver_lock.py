"""The lock of a driver: what one process at a time may do in a storage that others use too.

The lock is the operating system's (`flock`), so it is free as soon as the process that holds it is gone,
however it ended. It holds between machines where the file system has such locks: local ones, NFS 4, Lustre,
CephFS, not object stores that are mounted as directories. What an object store that is named by a URI has in
its place is in `platform.backend.object_lock`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from platform.backend.object_lock import object_lock

from filelock import FileLock, Timeout

from trainables.core.files import write_json
from trainables.core.places import objects_of

_LOCK, _HOLDER = ".driver.lock", "driver.json"


@contextmanager
def driver_lock(folder: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a folder, and leave word in it of who does.

    Args:
        folder: what the lock is for, made where it is missing.
        busy: called with words for the holder where another process has the lock; unless it raises, the lock
            is waited for.

    Raises:
        OSError: the folder cannot be written, or its file system has no locks.
    """
    if objects_of(folder) is not None:
        with object_lock(folder, busy):
            yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        busy(_holder(folder))
        lock.acquire()
    try:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
        write_json(folder / _HOLDER, holder)
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    """Who holds the lock, in words; a holder that has not left word yet is another process."""
    try:
        told = json.loads((folder / _HOLDER).read_text())
        return f"process {told['process']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
