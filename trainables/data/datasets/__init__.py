"""Datasets, one a file: a file's `load(root)` returns the `Dataset` of the file's name.

`facts(root)` says what is known of it without reading the signals. `root` is where its files lie, or
where downloads may be kept; an embedded dataset does not use it. A speech dataset, whose corrupted
sounds are made before they are used, has `build(root, cache, progress)` in the place of `load`.

Their names are the files' names: this module imports no torch, which takes seconds, before one of them
is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainables.core import plugins
from trainables.core.progress import Progress, quiet

if TYPE_CHECKING:
    from trainables.data.dataset import Dataset, Facts
    from trainables.data.spectrogram import Spectrogram


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return plugins.names(__name__)


def load(
    name: str,
    root: Path,
    cache: Path | None = None,
    spectrogram: Spectrogram | None = None,
    progress: Progress = quiet,
) -> Dataset:
    """The dataset of that name.

    Args:
        name: the dataset's.
        root: where its files lie, or where downloads may be kept.
        cache: where what must be built is kept; `root` if None.
        spectrogram: what speech is shown as, resampled where that is of another rate; the published
            one of its rate if None.
        progress: told (recordings done, recordings in all, what is going on) of what is built.

    Raises:
        UsageError: there is none, or its files are missing or broken.
    """
    module = plugins.load(__name__, "dataset", name)
    if must_be_built(name):
        from trainables.data.speech.spectrogram_split import as_spectrograms

        return as_spectrograms(module.build(root, cache or root, progress), spectrogram)
    return module.load(root)


def must_be_built(name: str) -> bool:
    """Whether the dataset of that name is made of other files before it is used, which takes minutes.

    Raises:
        UsageError: there is none.
    """
    return hasattr(plugins.load(__name__, "dataset", name), "build")


def facts(name: str, root: Path) -> Facts:
    """Shape and number of classes of the dataset of that name.

    Raises:
        UsageError: there is none, or its directory is not as it must be.
    """
    return plugins.load(__name__, "dataset", name).facts(root)
