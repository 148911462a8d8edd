"""Published networks named on the command line: which Whisper, which SGMSE, what is in their files.

It imports no torch, so that a wrong name is refused at once.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError, unknown_name
from trainables.models.speech.whisper.config import ANY_SIZE, SIZES, RecogniserConfig

if TYPE_CHECKING:
    from trainables.models.images.unet import UNetConfig
    from trainables.models.speech.ncsnpp.config import NCSNppConfig

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


def sgmse_of(asked: str | None) -> str:
    """The file's absolute path; empty where none was named.

    Raises:
        UsageError: it is no file.
    """
    if asked is None:
        return ""
    path = path_of(asked)
    if not path.is_file():
        raise UsageError(
            f"--sgmse {asked} is no file: name a checkpoint published by SGMSE (.ckpt)"
        )
    return str(path)


def chosen_sgmse(
    config: NCSNppConfig | UNetConfig, asked: str, preset: str
) -> NCSNppConfig | UNetConfig:
    """A preset's signal denoiser, to start from the checkpoint that was asked for, as `sgmse_of` gives
    it.

    Raises:
        UsageError: the signals are images, or the preset's network is none that SGMSE published.
    """
    if not asked:
        return config
    from trainables.models.speech.ncsnpp.config import NCSNppConfig

    if not isinstance(config, NCSNppConfig):
        raise UsageError(
            f"--sgmse {asked} holds a network of speech, but the dataset is of images: leave it out"
        )
    if not config.as_published:
        raise UsageError(
            f"--sgmse {asked} holds a network of a published size, which that of the preset {preset!r} "
            "is not: choose --preset paper, or leave it out"
        )
    return replace(config, checkpoint=asked, content=content_of(asked))


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
