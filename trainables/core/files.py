"""Files that are written whole or not at all, what is moved and removed, and the lock of a folder.

A path may be one of an object store, see `trainables.core.places`, but for the lock's.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from trainables.core.errors import FullDiskError
from trainables.core.places import object_name, objects_of

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the operating system says where a disk, or somebody's share of it, is full."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a later run, sees all of it or none of it, also after a power cut.

    Who may read it follows from the umask, as of any file: a storage may be shared. An object is put at once.

    Raises:
        FullDiskError: there is no room for it.
        OSError: it cannot be written.
    """
    if (objects := objects_of(path)) is not None:
        objects.pipe_file(object_name(path), content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in FULL:
            raise FullDiskError(str(path), len(content)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)  # it is still there if writing or renaming failed


def read_whole(path: Path) -> bytes:
    """What is in a file: of an object by one request, so never half of it before and half after a change.

    Raises:
        OSError: it cannot be read.
    """
    if (objects := objects_of(path)) is None:
        return path.read_bytes()
    content: bytes = objects.cat_file(object_name(path))
    return content


def write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files by their names in a folder, each whole or not at all; returns their paths by name."""
    for name, content in files.items():
        write_whole(folder / name, content)
    return {name: folder / name for name in files}


def write_json(path: Path, values: object) -> None:
    """Write JSON, whole or not at all.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    write_whole(path, json.dumps(values, indent=1, allow_nan=False).encode() + b"\n")


def move(path: Path, target: Path) -> None:
    """Give a file, or a folder with all that is in it, another name. Objects are moved one by one."""
    if (objects := objects_of(path)) is None:
        os.replace(path, target)
        return
    start, end = object_name(path), object_name(target)
    for file in objects.find(start):
        objects.mv(file, end + file.removeprefix(start))


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that is in it."""
    if (objects := objects_of(folder)) is None:
        shutil.rmtree(folder)
    else:
        objects.rm(object_name(folder), recursive=True)


@contextmanager
def locked(folder: Path, name: str = ".lock") -> Iterator[None]:
    """Hold a folder's lock: one thread of one process at a time, all others wait until it is released.

    Args:
        folder: what the lock is for, or what is in it; made where it is missing.
        name: the file in it that is the lock, which stays.

    Raises:
        OSError: the file cannot be written, or the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Without flock a mere marker file would be left by a process that is killed.
    with FileLock(folder / name, fallback_to_soft=False):
        yield
