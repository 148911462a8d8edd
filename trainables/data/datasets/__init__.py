"""Datasets, one a file: the function `load(root)` of a file returns the `Dataset` of the file's name.

`facts(root)` returns its `Facts` without reading signals. `root` is the directory of its files, or of
downloads; an embedded dataset does not use it. A dataset of speech must be built, since its corrupted
waveforms are made before they are used. It has `corpus(root, options)` instead of both: the `Corpus` that
it is built from, which lists the directory and opens no recording; `options` default to its `Options`.

A dataset's name is its file's name. This module imports no torch, which takes seconds, before a dataset
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
    """The names of all datasets."""
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
        name: the name of the dataset.
        root: the directory of its files, or of downloads.
        cache: the directory of builds; `root` if None.
        spectrogram: the transform of speech, which is resampled to its rate; the published one for the
            rate of the recordings if None.
        progress: called with (recordings done, recordings in all, text) during a build.
        spread: makes shards of a build, for example in parallel; one after the other if None.

    Raises:
        UsageError: there is no such dataset, or its files are missing or broken.
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
    """Whether the dataset of that name must be built before it is used, which takes minutes.

    Raises:
        UsageError: there is no such dataset.
    """
    return hasattr(plugins.load(__name__, "dataset", name), "corpus")


def facts(name: str, root: Path) -> Facts:
    """The facts of the dataset of that name, without reading signals.

    Raises:
        UsageError: there is no such dataset, or its directory has another layout.
    """
    module = plugins.load(__name__, "dataset", name)
    if not must_be_built(name):
        value: Facts = module.facts(root)
        return value
    from trainables.data.speech.spectrogram_split import facts_of

    return facts_of(module.corpus(root))
