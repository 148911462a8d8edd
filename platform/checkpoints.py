"""Checkpoint files that are named on the command line: where they are, and what is in them."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

_DIGITS = 16


def path_of(asked: str) -> Path:
    """The file's absolute path, whether it is there or not."""
    return Path(os.path.abspath(os.path.expanduser(asked)))


def content_of(path: str) -> str:
    """A hash of what is in a file, which identifies it wherever it lies."""
    status = os.stat(path)
    return _content(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _content(path: str, changed: int, size: int) -> str:
    """A hash of a file as it was when it was changed last."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
