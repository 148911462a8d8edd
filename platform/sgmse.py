"""Which published SGMSE checkpoint the signal denoiser of speech starts from, where one was asked for."""

from __future__ import annotations

from dataclasses import replace
from platform.checkpoints import content_of, path_of

from trainables.errors import UsageError
from trainables.models.ncsnpp_config import NCSNppConfig
from trainables.models.unet import UNetConfig


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
