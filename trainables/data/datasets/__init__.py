"""Datasets, one a file: a file's `load(root)` returns the `Dataset` of the file's name.

`facts(root)` says what is known of it without reading the signals. `root` is where its files lie, or
where downloads may be kept; an embedded dataset does not use it. A dataset of speech, whose corrupted
sounds are made before they are used, has `corpus(root, options)` in the place of both: what would be
built, from a look at the directory alone, by default at its `Options` as they are.

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
    from trainables.data.speech.builder import Spread


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return plugins.names(__name__)


def load(
    name: str,
    root: Path,
    cache: Path | None = None,
    spectrogram: Spectrogram | None = None,
    progress: Progress = quiet,
    spread: Spread | None = None,
) -> Dataset:
    """The dataset of that name.

    Args:
        name: the dataset's.
        root: where its files lie, or where downloads may be kept.
        cache: where what must be built is kept; `root` if None.
        spectrogram: what speech is shown as, resampled where that is of another rate; the published
            one of its rate if None.
        progress: told (recordings done, recordings in all, what is going on) of what is built.
        spread: makes what is built; here, one shard after the other, if None.

    Raises:
        UsageError: there is none, or its files are missing or broken.
    """
    module = plugins.load(__name__, "dataset", name)
    if not must_be_built(name):
        value: Dataset = module.load(root)
        return value
    from trainables.data.speech.builder import build
    from trainables.data.speech.spectrogram_split import as_spectrograms

    corpus, cache = module.corpus(root), cache or root
    return as_spectrograms(build(corpus, cache, progress, spread), corpus, cache, spectrogram)


def must_be_built(name: str) -> bool:
    """Whether the dataset of that name is made of other files before it is used, which takes minutes.

    Raises:
        UsageError: there is none.
    """
    return hasattr(plugins.load(__name__, "dataset", name), "corpus")


def facts(name: str, root: Path) -> Facts:
    """Shape and number of classes of the dataset of that name.

    Raises:
        UsageError: there is none, or its directory is not as it must be.
    """
    module = plugins.load(__name__, "dataset", name)
    if not must_be_built(name):
        value: Facts = module.facts(root)
        return value
    from trainables.data.speech.spectrogram_split import facts_of

    return facts_of(module.corpus(root))
