"""Datasets, one a file: the function `load(root)` of a file returns the `Dataset` of the file's name.

`facts(root)` returns its `Facts` without reading signals. `root` is the directory of its files, or of
downloads; an embedded dataset does not use it. A dataset of speech must be built, since its corrupted
waveforms are made before they are used. It has `corpus(root, options)` instead of both: the `Corpus` that
it is built from, which lists the directory and opens no recording; and `CORRUPTIONS`, the options by the
names of what its recordings may be corrupted by, the usual one first, which the options default to. It has
`SENTENCES` where sentences are spoken, whose answers are transcripts.

A dataset's name is its file's name. This module imports no torch, which takes seconds, before a dataset
is used.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from trainables.core import plugins
from trainables.core.errors import unknown_name
from trainables.core.progress import Progress, quiet

if TYPE_CHECKING:
    from trainables.data.dataset import Dataset, Facts
    from trainables.data.spectrogram import Spectrogram
    from trainables.data.speech.builder import Spread
    from trainables.data.speech.corpus import Corpus


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
    corruption: str = "",
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
        corruption: what a dataset that is built is corrupted by; the usual one if empty. Others are
            corrupted as they are used.

    Raises:
        UsageError: there is no such dataset or corruption, or its files are missing or broken.
    """
    if not must_be_built(name):
        value: Dataset = _module(name).load(root)
        return value
    from trainables.data.speech.builder import build
    from trainables.data.speech.spectrogram_split import as_spectrograms

    corpus, cache = _corpus(name, root, corruption), cache or root
    speech = build(corpus, cache, progress, spread)
    variant = "" if corruption == _corruptions(name)[0] else corruption
    return as_spectrograms(speech, corpus, cache, spectrogram, variant)


def must_be_built(name: str) -> bool:
    """Whether the dataset of that name must be built before it is used, which takes minutes.

    Raises:
        UsageError: there is no such dataset.
    """
    return plugins.defines(__name__, "dataset", name, "corpus")


def answers(name: str) -> str:
    """`Facts.answers` of the dataset of that name, for which nothing is loaded.

    Raises:
        UsageError: there is no such dataset.
    """
    if not must_be_built(name):
        return "image"
    return "sentence" if plugins.defines(__name__, "dataset", name, "SENTENCES") else "word"


def facts(name: str, root: Path, corruption: str = "") -> Facts:
    """The facts of the dataset of that name, without reading signals.

    Args:
        name: the name of the dataset.
        root: the directory of its files, or of downloads.
        corruption: as for `load`.

    Raises:
        UsageError: there is no such dataset or corruption, or its directory has another layout.
    """
    if not must_be_built(name):
        value: Facts = _module(name).facts(root)
        return value
    from trainables.data.speech.spectrogram_split import facts_of

    return facts_of(_corpus(name, root, corruption), _corruptions(name))


def _corpus(name: str, root: Path, corruption: str) -> Corpus:
    """What a dataset of speech is built from; with the usual corruption where none is named.

    Raises:
        UsageError: there is no such corruption, or its directory has another layout.
    """
    known = _corruptions(name)
    if corruption and corruption not in known:
        raise unknown_name("corruption", corruption, known)
    module = _module(name)
    value: Corpus = module.corpus(root, module.CORRUPTIONS[corruption or known[0]])
    return value


def _corruptions(name: str) -> tuple[str, ...]:
    """The names of what the recordings of a dataset of speech may be corrupted by, the usual one first."""
    return tuple(_module(name).CORRUPTIONS)


def _module(name: str) -> ModuleType:
    """The file of a dataset.

    Raises:
        UsageError: there is no such dataset.
    """
    return plugins.load(__name__, "dataset", name)
