"""Samples that are left uncorrupted, for parts that are trained on clean signals, and for views of these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.data.dataset import Dataset, Samples


@dataclass(frozen=True)
class Uncorrupted:
    """Samples whose corrupted signals are the clean ones."""

    samples: Samples

    @property
    def labels(self) -> Tensor:
        return self.samples.labels

    @property
    def numbers(self) -> Tensor:
        return self.samples.numbers

    @property
    def signal_shape(self) -> tuple[int, ...]:
        return self.samples.signal_shape

    @property
    def fixed(self) -> bool:
        return self.samples.fixed

    def __len__(self) -> int:
        return len(self.samples)

    def clean(self, rows: Tensor | slice = slice(None)) -> Tensor:
        return self.samples.clean(rows)

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """x0 as it is."""
        return x0

    def near(self, device: torch.device) -> Uncorrupted:
        return Uncorrupted(self.samples.near(device))

    def part(self, rows: Tensor | slice) -> Uncorrupted:
        return Uncorrupted(self.samples.part(rows))

    def first(self, limit: int) -> Uncorrupted:
        return Uncorrupted(self.samples.first(limit))


def uncorrupted(dataset: Dataset) -> Dataset:
    """The dataset with its splits left uncorrupted."""
    train, validation, test = map(Uncorrupted, (dataset.train, dataset.validation, dataset.test))
    return replace(dataset, train=train, validation=validation, test=test)
