"""Files that are written whole or not at all, and folders that one process at a time works in."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a later run, sees all of it or none of it.

    Who may read it follows from the umask, as of any file: a storage may be shared.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)  # where it is not renamed


def write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files by their names in a folder, each whole or not at all; returns their paths by name."""
    for name, content in files.items():
        write_whole(folder / name, content)
    return {name: folder / name for name in files}


def write_json(path: Path, values: Any) -> None:
    """Write JSON, whole or not at all.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    write_whole(path, json.dumps(values, indent=1, allow_nan=False).encode() + b"\n")


@contextmanager
def alone(folder: Path) -> Iterator[IO[str]]:
    """One process at a time works in a folder; the others wait, then find what it made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
