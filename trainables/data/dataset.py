"""A dataset in memory and its fixed train, validation and test splits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor

from trainables.core.device import moved
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.memory import room_for_data
from trainables.core.noise import NoiseSource, generator_of
from trainables.core.pixel_scale import PixelScale
from trainables.data import corruptions
from trainables.data.spectrogram import Sound

SPLITS = ("train", "validation", "test")
_ALL = slice(None)


class Samples(Protocol):
    """Samples of a split: labels (N,), the samples' numbers (N,) in the dataset, and their signals.

    A sample's number seeds its corruption and its noise, so it stays the same in every subset. `fixed`
    says whether corruption is a part of the data, made once, instead of drawn whenever it is used.
    """

    @property
    def labels(self) -> Tensor: ...
    @property
    def numbers(self) -> Tensor: ...
    @property
    def signal_shape(self) -> tuple[int, ...]: ...
    @property
    def fixed(self) -> bool: ...

    def __len__(self) -> int: ...

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean signals of these rows, all by default, (B, *signal shape)."""

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """Corrupted signals of these rows, of x0's shape.

        Args:
            x0: the clean signals to corrupt, those of the rows or, where corruption is drawn, copies
                of them that were moved.
            rows: whose stored corruption it is, where it is fixed.
            corruption: its name.
            noise: what it is drawn from, where it is not fixed.
        """

    def near(self, device: torch.device) -> Samples:
        """The samples kept on a device where that helps and they fit."""

    def part(self, rows: Tensor | slice) -> Samples:
        """The samples of these rows."""

    def first(self, limit: int) -> Samples:
        """The first `limit` samples (all where there are fewer); splits are shuffled already."""


@dataclass(frozen=True)
class Split:
    """Images, labels (N,) and the samples' numbers (N,) in the dataset; corrupted as they are used.

    `stored` is (N, C, H, W): float32 in [-1, 1], or uint8 0..255, a quarter of the memory. `scale` is
    what the dataset, its training split, is standardised by.
    """

    stored: Tensor
    labels: Tensor
    numbers: Tensor
    scale: PixelScale
    fixed: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """Shape of one image, (C, H, W)."""
        return tuple(self.stored.shape[1:])

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Images of these rows, all by default, (B, C, H, W) float32 in [-1, 1]."""
        if isinstance(rows, Tensor):
            rows = moved(rows, self.stored.device)
        images = self.stored[rows]
        return images.float() / 127.5 - 1.0 if images.dtype == torch.uint8 else images

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """The images x0, corrupted."""
        return corruptions.load(corruption)(x0, self.scale, noise)

    def near(self, device: torch.device) -> Split:
        """The images on a GPU, where they take up no more of it than training data may."""
        if self.stored.nbytes < room_for_data(device):
            return replace(self, stored=self.stored.to(device))
        return self

    def part(self, rows: Tensor | slice) -> Split:
        """The split of these rows."""
        return replace(
            self, stored=self.stored[rows], labels=self.labels[rows], numbers=self.numbers[rows]
        )

    def first(self, limit: int) -> Split:
        """The first `limit` samples (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))


@dataclass(frozen=True)
class Script:
    """What is known to be said where sentences are spoken (paper, E.2).

    Args:
        texts: the sentences; transcripts are made of the tokens that these are written with.
        steps: the most tokens of a transcript, so decoding steps.

    Raises:
        UsageError: there are no sentences, or the steps are out of range.
    """

    texts: tuple[str, ...]
    steps: int = 32

    def __post_init__(self) -> None:
        if not any(text.strip() for text in self.texts):
            raise UsageError("a script must have one or more sentences: give some")
        check_range("decoding steps", self.steps, 1, 220)


@dataclass(frozen=True)
class Facts:
    """What is known of a dataset before its signals are read.

    Args:
        title: what people call it.
        signal_shape: (C, H, W); for speech (2, F, T), in the published setting of its rate.
        classes: their number; none where sentences are spoken.
        content: tells apart data that share a dataset's name, such as folders of images.
        kind: what the signals are.
        samples: the length of every waveform, padded, where signals are speech.
        corruptions: names of what the data may be corrupted by, the first the usual one.
        rate: of the waveforms as they are published, Hz, where signals are speech.
        sentences: whether the answers are transcripts of sentences, not one of some classes.
        script: what is known to be said, where sentences are spoken.
        sizes: about how many samples each of SPLITS has; None where only the data tell.
        note: a sentence on what was found that people must know, if there is one.
    """

    title: str
    signal_shape: tuple[int, int, int]
    classes: int
    content: str = ""
    kind: Literal["image", "speech"] = "image"
    samples: int = 0
    corruptions: tuple[str, ...] = field(default_factory=corruptions.for_images)
    rate: int = 0
    sentences: bool = False
    script: Script | None = None
    sizes: tuple[int, int, int] | None = None
    note: str = ""

    @property
    def answers(self) -> str:
        """What the answers are: "image" for classes of images, "word" and "sentence" for what is said."""
        if self.kind == "image":
            return "image"
        return "sentence" if self.sentences else "word"


@dataclass(frozen=True)
class Dataset:
    """A named dataset with its classes and its three splits.

    Where signals are spectrograms, `sound` makes waveforms of them. `cache` is a directory for what is
    computed of the data once, where there is one. Where sentences are spoken there are no classes, but
    a `script`. `left_out` has a line for each file that could not be used, and `left_out_file` holds
    them all. `variant` names what signals were corrupted by, where that was done once and is not the usual.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    sound: Sound | None = None
    cache: Path | None = None
    script: Script | None = None
    left_out: tuple[str, ...] = ()
    left_out_file: Path | None = None
    variant: str = ""

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """Shape of one signal, (C, H, W), or (2, F, T) of a spectrogram."""
        return self.train.signal_shape

    def split(self, name: str) -> Samples:
        """The split of that name.

        Raises:
            UsageError: there is none.
        """
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        value: Samples = getattr(self, name)
        return value


def stratified(labels: Tensor, sizes: tuple[int, ...], seed: int) -> tuple[Tensor, ...]:
    """Indices (shuffled) of disjoint splits of the given sizes, classes in equal proportions.

    Samples are dealt class by class in fixed proportion, then each split is shuffled.

    Raises:
        UsageError: the sizes are more than the samples there are.
    """
    total = len(labels)
    if sum(sizes) > total:
        raise UsageError(f"splits of {sizes} samples ask for more than the {total} there are")
    generator = generator_of("split", seed)
    parts = torch.split(_dealt(labels, generator)[: sum(sizes)], list(sizes))
    return tuple(part[torch.randperm(len(part), generator=generator)] for part in parts)


def dealt(labels: Tensor, purpose: str, seed: int) -> Tensor:
    """All indices in a random order of which every prefix is spread evenly over the classes.

    Args:
        labels: the class of each sample, (N,).
        purpose, seed: what seeds the order.
    """
    return _dealt(labels, generator_of(purpose, seed))


def _dealt(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As `dealt`, drawn from a generator."""
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    # Golden-ratio steps through the class-sorted list spread every prefix evenly over the classes.
    position = (torch.arange(len(labels), dtype=torch.float64) * 0.6180339887498949) % 1.0
    return by_class[torch.argsort(position, stable=True)]
