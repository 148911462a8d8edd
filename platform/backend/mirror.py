"""What a driver writes for itself where the storage is an object store: files of its workspace, which are put
there when its work ends, and taken from there when it begins.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainables.core.files import write_whole
from trainables.core.places import is_uri, object_name, objects_of, place, workspace

_KEPT_HERE = ("data", "artifacts", "mlflow.db")  # how names begin of what stays on the machine
_TAKEN = ("sweeps", "diagnose")
_ENDING = ".json"  # of files that are read again
_DEPTH = 5  # sweeps/DATASET/CONDITION/SWEEP/FILE: below are trials, which are read where they are


@contextmanager
def mirrored(root: str) -> Iterator[None]:
    """Within it, a driver's workspace has what drivers left in the storage: plans, summaries, proposals. At
    the end, however it ends, what has been written to the workspace meanwhile is put into the storage: logs
    and pictures as well. Nothing is done where the storage is a directory.
    """
    if not is_uri(root):
        yield
        return
    _take(root)
    start = time.time()
    try:
        yield
    finally:
        _put(root, start)


def _take(root: str) -> None:
    remote, local = place(root), workspace(root)
    objects, start = objects_of(remote), f"{object_name(remote)}/"
    found = [
        name
        for folder in _TAKEN
        for name in objects.find(start + folder)
        if name.endswith(_ENDING) and len(Path(name.removeprefix(start)).parts) <= _DEPTH
    ]
    for name, content in objects.cat(found).items() if found else ():
        file = local / name.removeprefix(start)
        write_whole(file, content)
        time_of = objects.modified(name).timestamp()
        os.utime(file, (time_of, time_of))


def _put(root: str, since: float) -> None:
    remote, local = place(root), workspace(root)
    for file in sorted(local.rglob("*")):
        name = file.relative_to(local)
        if name.parts[0].startswith(_KEPT_HERE) or any(part.startswith(".") for part in name.parts):
            continue
        if file.is_file() and file.stat().st_mtime >= since:
            write_whole(remote / name.as_posix(), file.read_bytes())
