"""Which Whisper was asked for: a published size, or a file."""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import replace
from pathlib import Path

from trainables.errors import UsageError, unknown_name
from trainables.models.recogniser_config import ANY_SIZE, SIZES, RecogniserConfig

USUAL_WHISPER = "base"
"""What the paper uses (E.3)."""
_DIGITS = 16


def whisper_of(asked: str) -> str:
    """The size as it is, or the file's absolute path.

    Raises:
        UsageError: it is neither.
    """
    if asked in SIZES:
        return asked
    path = Path(os.path.abspath(os.path.expanduser(asked)))
    if path.is_file():
        return str(path)
    if os.sep in asked or "." in path.name.removesuffix(".en"):
        raise UsageError(
            f"--whisper {asked} is no file: name a checkpoint in openai-whisper's layout, or a size "
            f"({', '.join(SIZES)})"
        )
    raise unknown_name("--whisper", asked, SIZES)


def chosen_whisper(config: RecogniserConfig, asked: str) -> RecogniserConfig:
    """The configuration with the Whisper that was asked for, as `whisper_of` gives it."""
    if asked in SIZES:
        return replace(config, size=asked)
    status = os.stat(asked)
    content = _content(asked, status.st_mtime_ns, status.st_size)
    return replace(config, size=ANY_SIZE, checkpoint=asked, content=content)


@functools.cache
def _content(path: str, changed: int, size: int) -> str:
    """A hash of a file as it was when it was changed last."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
