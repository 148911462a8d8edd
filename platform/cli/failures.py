"""Failures that come from outside a run: a server that is away, a disk that is full. Each ends it in one
line, and the same command goes on.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from platform.cli.next_commands import command

from trainables.core.errors import FullDiskError
from trainables.core.files import FULL

_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "database or disk is full")
"""What the operating system and SQLite say, where only an error's text comes from another process."""


class OutsideError(RuntimeError):
    """What a run needs has failed outside it; all that was finished is kept. The message is one line."""


class DiskFull(OutsideError):
    """A disk is full."""


def outside_error(error: BaseException) -> OutsideError | None:
    """The failure outside that an error is, or was raised from: Ray Tune raises errors of its own from those
    of its callbacks.
    """
    return next((one for one in causes(error) if isinstance(one, OutsideError)), None)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, or what caused it, in this process or another, is that a disk is full."""
    return any(
        (isinstance(one, OSError) and one.errno in FULL) or text_of_full_disk(str(one))
        for one in causes(error)
    )


def text_of_full_disk(text: str) -> bool:
    """Whether the text of an error says that a disk is full."""
    return any(words in text for words in _FULL_WORDS)


def full_disk(error: BaseException, directories: Iterable[Path]) -> DiskFull:
    """The error of one line for a full disk: which directory's it is, and how much is wanted if it is known.

    Args:
        error: what failed.
        directories: those that are written to; the fullest is named where the error names no file.
    """
    named = [
        (Path(one.filename), one.needed if isinstance(one, FullDiskError) else 0)
        for one in causes(error)
        if isinstance(one, OSError) and one.errno in FULL and isinstance(one.filename, str)
    ]
    file, needed = named[0] if named else (None, 0)
    places = {
        _existing(place): _free(place) for place in (*directories, Path(tempfile.gettempdir()))
    }
    folder = _existing(file) if file is not None else min(places, key=lambda place: places[place])
    wanted = f", {_size(needed)} are wanted" if needed else ""
    return DiskFull(
        f"the disk of {folder} is full ({_size(_free(folder))} are free{wanted}): make room"
    )


def goes_on() -> str:
    """What is kept, and the command that goes on: the one that this process was started by."""
    kept, words = "everything that was finished is kept; the same command goes on", sys.orig_argv
    ours = [
        i for i in range(1, len(words)) if words[i - 1] == "-m" and words[i].startswith("platform.")
    ]
    return f"{kept}: {command(*words[ours[0] :])}" if ours else kept


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, or in the handling of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def _existing(path: Path) -> Path:
    """The directory of a path, or of what there is of it."""
    while not path.is_dir():
        path = path.parent
    return path


def _free(path: Path) -> int:
    """Bytes that are free where a path is."""
    return shutil.disk_usage(_existing(path)).free


def _size(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"
