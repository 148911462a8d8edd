"""A dataset in memory and its fixed train, validation and test splits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.errors import UsageError, unknown_name
from trainables.noise import generator_of

SPLITS = ("train", "validation", "test")
_ALL = slice(None)


@dataclass(frozen=True)
class Split:
    """Images, labels (N,) and the samples' numbers (N,) in the dataset.

    `stored` is (N, C, H, W): float32 in [-1, 1], or uint8 0..255, a quarter of the memory. A sample's
    number seeds its corruption and its noise, so it stays the same in every subset.
    """

    stored: Tensor
    labels: Tensor
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Images of these rows, all by default, (B, C, H, W) float32 in [-1, 1]."""
        picked = self.stored[rows]
        return picked.float() / 127.5 - 1.0 if picked.dtype == torch.uint8 else picked

    def part(self, rows: Tensor | slice) -> Split:
        """The split of these rows."""
        return Split(self.stored[rows], self.labels[rows], self.numbers[rows])

    def first(self, limit: int) -> Split:
        """The first `limit` samples (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))


@dataclass(frozen=True)
class Facts:
    """What is known of a dataset before its images are read.

    `signal_shape` is (C, H, W), `classes` their number. `content` tells apart data that share a
    dataset's name, such as folders of images; `title` is what people call it.
    """

    title: str
    signal_shape: tuple[int, int, int]
    classes: int
    content: str = ""


@dataclass(frozen=True)
class Dataset:
    """A named dataset with its classes and its three splits."""

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """Shape of one signal, (C, H, W)."""
        return tuple(self.train.stored.shape[1:])

    def split(self, name: str) -> Split:
        """The split of that name.

        Raises:
            UsageError: there is none.
        """
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        return getattr(self, name)


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
    shuffled = torch.randperm(total, generator=generator)
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    # Golden-ratio steps through the class-sorted list spread every prefix evenly over the classes.
    position = (torch.arange(total, dtype=torch.float64) * 0.6180339887498949) % 1.0
    dealt = by_class[torch.argsort(position, stable=True)]
    parts = torch.split(dealt[: sum(sizes)], list(sizes))
    return tuple(part[torch.randperm(len(part), generator=generator)] for part in parts)
