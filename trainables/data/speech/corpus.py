"""A corpus that a speech dataset is built from: its recordings, and pairs of clean and corrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from trainables.core.config import digest
from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.dataset import SPLITS, Script

FORMAT = 1  # the version of the files of a build, which is a part of its key
_TRIES = 50

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Source:
    """One recording.

    Args:
        key: its name in the dataset, with forward slashes; it seeds all random numbers for it.
        path: its file.
        split: the name of its split.
        speaker: who speaks.
        label: the number of its class; -1 where there is only a text.
        text: the word, or the sentences.
    """

    key: str
    path: Path
    split: str
    speaker: str
    label: int
    text: str


@dataclass(frozen=True)
class Pair:
    """A clean waveform (L,), the corrupted one (L,) aligned with it, and the strength of the corruption."""

    clean: Tensor
    corrupted: Tensor
    strength: float


@dataclass(frozen=True)
class Pairs:
    """The pairs of one recording, and a line for each other file that could not be used for it."""

    pairs: list[Pair]
    left_out: list[str] = field(default_factory=list)


class Corpus(Protocol):
    """Recordings that a dataset can be built from. Instances are pickled to workers.

    Attributes:
        name: the dataset's name.
        rate: of the waveforms, in Hz.
        samples: the length that all waveforms are padded to.
        classes: the words; none for sentences, which are in the script.
        script: the sentences that may be spoken; None for words.
        per_shard: how many recordings are stored at a time.
        sources: the recordings.
        settings: all else that a build depends on, of JSON types.
        note: a sentence on what was found that people must know, or "".
    """

    @property
    def name(self) -> str: ...
    @property
    def rate(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def script(self) -> Script | None: ...
    @property
    def per_shard(self) -> int: ...
    @property
    def sources(self) -> tuple[Source, ...]: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def note(self) -> str: ...

    def make(self, source: Source) -> Pairs:
        """The pairs of one recording; its random numbers depend on the recording's key only.

        Raises:
            UsageError: the recording cannot be used.
        """


def key_of(corpus: Corpus) -> str:
    """A hash of everything that a build depends on; files count by their names and sizes."""
    files = [
        [source.key, source.split, source.speaker, source.label, source.text, size_of(source.path)]
        for source in corpus.sources
    ]
    contents = [FORMAT, corpus.name, corpus.rate, list(corpus.classes), corpus.settings, files]
    return digest(contents)


def size_of(path: Path) -> int:
    """The size of a file in bytes; -1 if there is none, although a list names it."""
    return path.stat().st_size if path.is_file() else -1


def files_below(directory: Path, suffixes: tuple[str, ...] = (".wav", ".flac")) -> list[Path]:
    """Sound files in a directory and below it, sorted, without hidden ones."""
    return sorted(
        path
        for path in directory.rglob("*")
        if path.suffix.lower() in suffixes and path.name[0] != "." and path.is_file()
    )


def limited(sources: Sequence[Source], most: int, seed: int) -> tuple[Source, ...]:
    """At most `most` sources of each split (0: all), drawn with the seed, in their original order."""
    if not most:
        return tuple(sources)
    chosen: set[str] = set()
    for split in SPLITS:
        keys = [source.key for source in sources if source.split == split]
        order = torch.randperm(len(keys), generator=generator_of("limit", split, seed))
        chosen.update(keys[i] for i in order[:most].tolist())
    return tuple(source for source in sources if source.key in chosen)


def first_usable(
    items: Sequence[Item], generator: torch.Generator, use: Callable[[Item], Result | None]
) -> tuple[Result, list[str]]:
    """Try items in random order until one can be used.

    Args:
        items: for example, paths of files.
        generator: of the order.
        use: returns the result for an item, or None if the item does not suit; it raises UsageError if
            the item is broken.

    Returns:
        The result, and the message of each broken item that was tried.

    Raises:
        UsageError: none of the items drawn could be used.
    """
    broken: list[str] = []
    for index in torch.randperm(len(items), generator=generator)[:_TRIES].tolist():
        try:
            result = use(items[index])
        except UsageError as error:
            broken.append(str(error))
            continue
        if result is not None:
            return result, broken
    raise UsageError(
        f"none of {min(len(items), _TRIES)} files drawn can be used"
        + (f"; the last: {broken[-1]}" if broken else ": they do not suit the limits that are set")
    )
