"""Random numbers that belong to a sample: the same whatever its neighbours, batch or worker.

Generators live on the CPU, so that a seed means the same numbers on every device; what they draw is
moved to the device of the computation.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class NoiseSource(Protocol):
    """Draws noise for a batch: tensors of shape (B, *shape)."""

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Standard normal numbers, (B, *shape)."""

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Uniform numbers in [0, 1), (B, *shape)."""


def seed_of(*words: int | str) -> int:
    """A 63-bit seed made of words: equal for equal words on every machine."""
    text = "/".join(str(word) for word in words)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def generator_of(*words: int | str) -> torch.Generator:
    """A CPU generator seeded by `seed_of(*words)`."""
    return torch.Generator().manual_seed(seed_of(*words))


@contextmanager
def seeded(device: torch.device, *words: int | str) -> Iterator[None]:
    """A context in which torch's own generators (for dropout and initial weights) are seeded by
    `seed_of(*words)`; their states are restored at its end.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_of(*words))  # inside the fork, so nothing global is left changed
        yield


class BatchNoise:
    """Noise of a training batch: one generator for all samples."""

    def __init__(self, generator: torch.Generator, batch: int) -> None:
        self.generator, self.batch = generator, batch

    def normal(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(self.batch, *shape, generator=self.generator)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return torch.rand(self.batch, *shape, generator=self.generator)


class SampleNoise:
    """Noise of an evaluated batch: one generator a sample, seeded by (seed, stream, sample index)."""

    def __init__(self, seed: int, indices: Sequence[int], stream: str = "") -> None:
        self.seed, self.indices, self.stream = seed, tuple(indices), stream

    @functools.cached_property
    def _generators(self) -> list[torch.Generator]:
        return [generator_of(self.seed, self.stream, index) for index in self.indices]

    def split(self, stream: str) -> SampleNoise:
        """An independent source for the same samples, named `stream`."""
        return SampleNoise(self.seed, self.indices, f"{self.stream}/{stream}")

    def of_rows(self, rows: Sequence[int]) -> SampleNoise:
        """The source for some of the samples, from its beginning."""
        return SampleNoise(self.seed, [self.indices[row] for row in rows], self.stream)

    def normal(self, shape: Sequence[int]) -> Tensor:
        return self._draw(torch.randn, shape)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self._draw(torch.rand, shape)

    def _draw(self, draw: Callable[..., Tensor], shape: Sequence[int]) -> Tensor:
        return torch.stack([draw(*shape, generator=generator) for generator in self._generators])
