"""What a dataset is built from: its recordings, and how each becomes pairs of clean and corrupted."""

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

FORMAT = 1  # of what is stored; another format is another cache
_TRIES = 50

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Source:
    """One recording.

    `key` is its name in the dataset, with forward slashes; it seeds all that is drawn for it. `label`
    is -1 where there is a text only.
    """

    key: str
    path: Path
    split: str
    speaker: str
    label: int
    text: str


@dataclass(frozen=True)
class Pair:
    """A clean waveform (L,) and the same corrupted (L,), aligned; `drawn` is how strongly."""

    clean: Tensor
    corrupted: Tensor
    drawn: float


@dataclass(frozen=True)
class Pairs:
    """What one recording gave, and a line for each other file that could not be used for it."""

    pairs: list[Pair]
    left_out: list[str] = field(default_factory=list)


class Corpus(Protocol):
    """Recordings that a dataset can be built of. Instances are pickled to workers.

    `name`, `rate` in Hz, `classes` (none of sentences, which are in the `script`) and `sources` say what
    it holds; `samples` is the length that all waveforms are padded to and `corruption` the name of what
    is done to them; `settings`, of JSON types, all else that the result depends on; `per_shard` how many
    recordings are stored at a time; `note` is a sentence on what was found that people must know, or "".
    """

    @property
    def name(self) -> str: ...
    @property
    def rate(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def corruption(self) -> str: ...
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
        """The pairs of one recording; nothing is drawn but by its own generators.

        Raises:
            UsageError: the recording cannot be used.
        """


def key_of(corpus: Corpus) -> str:
    """A hash of everything that a build depends on: files by their names and sizes."""
    files = [
        [one.key, one.split, one.speaker, one.label, one.text, size_of(one.path)]
        for one in corpus.sources
    ]
    what = [FORMAT, corpus.name, corpus.rate, list(corpus.classes), corpus.settings, files]
    return digest(what)


def size_of(path: Path) -> int:
    """Bytes; -1 of a file that is named in a list, but is not there."""
    return path.stat().st_size if path.is_file() else -1


def files_below(directory: Path, suffixes: tuple[str, ...] = (".wav", ".flac")) -> list[Path]:
    """Sound files in a directory and below it, sorted, hidden ones left out."""
    return sorted(
        path
        for path in directory.rglob("*")
        if path.suffix.lower() in suffixes and path.name[0] != "." and path.is_file()
    )


def limited(sources: Sequence[Source], most: int, seed: int) -> tuple[Source, ...]:
    """At most `most` sources of each split (0: all), drawn by the seed, in their order."""
    if not most:
        return tuple(sources)
    kept: set[str] = set()
    for split in SPLITS:
        keys = [one.key for one in sources if one.split == split]
        order = torch.randperm(len(keys), generator=generator_of("limit", split, seed))
        kept.update(keys[i] for i in order[:most].tolist())
    return tuple(one for one in sources if one.key in kept)


def first_usable(
    items: Sequence[Item], generator: torch.Generator, use: Callable[[Item], Made | None]
) -> tuple[Made, list[str]]:
    """What `use` makes of the first drawn item that it can use, and a line for each that is broken.

    `use` raises UsageError for a broken item, and gives None for one that does not suit.

    Raises:
        UsageError: none of the items drawn could be used.
    """
    broken: list[str] = []
    for index in torch.randperm(len(items), generator=generator)[:_TRIES].tolist():
        try:
            made = use(items[index])
        except UsageError as error:
            broken.append(str(error))
            continue
        if made is not None:
            return made, broken
    raise UsageError(
        f"none of {min(len(items), _TRIES)} files drawn can be used"
        + (f"; the last: {broken[-1]}" if broken else ": they do not suit the limits that are set")
    )
