"""Images that are left uncorrupted, for parts that are trained on clean signals, and for views of these."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.data.dataset import Dataset, Samples, Split


@dataclass(frozen=True)
class Uncorrupted(Split):
    """Images whose corrupted signals are the clean ones."""

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """x0 as it is."""
        return x0


def uncorrupted(dataset: Dataset) -> Dataset:
    """The dataset of images with its splits left uncorrupted."""
    train, validation, test = map(_uncorrupted, (dataset.train, dataset.validation, dataset.test))
    return replace(dataset, train=train, validation=validation, test=test)


def _uncorrupted(split: Samples) -> Uncorrupted:
    assert isinstance(split, Split), "the published choices are those of the image code"
    return Uncorrupted(split.stored, split.labels, split.numbers, split.scale)
