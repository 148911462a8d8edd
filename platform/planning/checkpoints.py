"""Published networks that the command line names: which Whisper, which SGMSE, what is in their files.

This module imports no torch, so that a wrong name is refused at once.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from platform.planning.locations import absolute_path
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError, unknown_name
from trainables.models.speech.whisper.config import ANY_SIZE, SIZES, RecogniserConfig

if TYPE_CHECKING:
    from trainables.models.images.unet import UNetConfig
    from trainables.models.speech.ncsnpp.config import NCSNppConfig

_DIGITS = 16  # of a hash
USUAL_WHISPER = "base"
"""The size that the paper uses (E.3)."""


def whisper_of(argument: str) -> str:
    """The Whisper that `--whisper` names: a size as it is, or a file's absolute path.

    Raises:
        UsageError: it is neither.
    """
    if argument in SIZES:
        return argument
    path = absolute_path(argument)
    if path.is_file():
        return str(path)
    if os.sep in argument or "." in path.name.removesuffix(".en"):
        raise UsageError(
            f"--whisper {argument} is no file: name a checkpoint in openai-whisper's layout, or a size "
            f"({', '.join(SIZES)})"
        )
    raise unknown_name("--whisper", argument, SIZES)


def chosen_whisper(config: RecogniserConfig, whisper: str) -> RecogniserConfig:
    """The configuration with this Whisper, a size or a file as `whisper_of` returns it."""
    if whisper in SIZES:
        return replace(config, size=whisper)
    return replace(config, size=ANY_SIZE, checkpoint=whisper, content=content_of(whisper))


def sgmse_of(argument: str | None) -> str:
    """The absolute path of the checkpoint that `--sgmse` names; empty where it names none.

    Raises:
        UsageError: it is no file.
    """
    if argument is None:
        return ""
    path = absolute_path(argument)
    if not path.is_file():
        raise UsageError(
            f"--sgmse {argument} is no file: name a checkpoint published by SGMSE (.ckpt)"
        )
    return str(path)


def chosen_sgmse(
    config: NCSNppConfig | UNetConfig, sgmse: str, preset: str
) -> NCSNppConfig | UNetConfig:
    """A preset's signal denoiser that starts from this checkpoint, a file as `sgmse_of` returns it; if it is
    empty, the denoiser as it is.

    Raises:
        UsageError: the signals are images, or the preset's network is none that SGMSE published.
    """
    if not sgmse:
        return config
    from trainables.models.speech.ncsnpp.config import NCSNppConfig

    if not isinstance(config, NCSNppConfig):
        raise UsageError(
            f"--sgmse {sgmse} holds a network of speech, but the dataset is of images: leave it out"
        )
    if not config.as_published:
        raise UsageError(
            f"--sgmse {sgmse} holds a network of a published size, which that of the preset {preset!r} "
            "is not: choose --preset standard or paper, or leave it out"
        )
    return replace(config, checkpoint=sgmse, content=content_of(sgmse))


def content_of(path: str) -> str:
    """A hash of what is in a file, which identifies it wherever it lies."""
    status = os.stat(path)
    return _content(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _content(path: str, changed: int, size: int) -> str:
    """The hash of a file; its time of change and its size tell apart what it held at different times."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
