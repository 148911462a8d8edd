"""Which Whisper was asked for: a published size, or a file."""

from __future__ import annotations

import os
from dataclasses import replace
from platform.checkpoints import content_of, path_of

from trainables.errors import UsageError, unknown_name
from trainables.models.recogniser_config import ANY_SIZE, SIZES, RecogniserConfig

USUAL_WHISPER = "base"
"""What the paper uses (E.3)."""


def whisper_of(asked: str) -> str:
    """The size as it is, or the file's absolute path.

    Raises:
        UsageError: it is neither.
    """
    if asked in SIZES:
        return asked
    path = path_of(asked)
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
    return replace(config, size=ANY_SIZE, checkpoint=asked, content=content_of(asked))
