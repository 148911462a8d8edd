"""Training batches: the same for every strategy and any number of workers.

What a batch holds depends on the seed and the batch's number alone. Each worker makes the whole
batch's random numbers, which are cheap, and keeps its share of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from trainables.core.device import moved
from trainables.core.noise import BatchNoise, generator_of
from trainables.data.augment import augment
from trainables.data.dataset import Samples
from trainables.data.resolution import degraded
from trainables.task.recipe import Task
from trainables.training.classifier_cache import CachedOutputs


@dataclass(frozen=True)
class Batch:
    """Clean signals x0 and corrupted ones x_cor (B, *signal shape), labels (B,), and the frozen
    classifier's outputs for both, where they have been computed already.
    """

    x0: Tensor
    x_cor: Tensor
    labels: Tensor
    outputs: CachedOutputs | None = None


@dataclass(frozen=True)
class Share:
    """Which rows of a batch are this worker's, and the device they go to."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def of(self, whole: Tensor) -> Tensor:
        """This worker's rows of a whole batch's tensor."""
        return moved(whole[self.rank :: self.world], self.device)


class Batches:
    """Batches of augmented, corrupted training samples, by number; `outputs` are those of the classifier for
    the whole split, where corruption is a part of the data.

    On a GPU images are kept there where they fit, and moved and corrupted there.
    """

    def __init__(
        self, task: Task, split: Samples, share: Share, outputs: CachedOutputs | None = None
    ) -> None:
        self.task, self.share, self.outputs = task, share, outputs
        self.split = split.near(share.device)

    def batch(self, number: int) -> Batch:
        """This worker's share of batch `number`."""
        generator = generator_of("batch", self.task.seed, number)
        rows, share = self._rows(number), self.share
        x0 = augment(self.split.clean(rows), self.task.recipe.augmentation, generator)
        noise = BatchNoise(generator, len(x0))
        x_cor = degraded(self.split, x0, rows, self.task.degradation, noise)
        outputs = (
            None if self.outputs is None else self.outputs.part(rows[share.rank :: share.world])
        )
        return Batch(
            share.of(x0),
            share.of(x_cor),
            share.of(self.split.labels[rows]),
            None if outputs is None else outputs.to(share.device),
        )

    def _rows(self, number: int) -> Tensor:
        """The rows of the split that make batch `number`, (B,): the next ones, of one pass or of several."""
        size, batch = len(self.split), self.task.recipe.batch
        at, end, pieces = number * batch, (number + 1) * batch, []
        while at < end:
            epoch, first = divmod(at, size)
            piece = self._order(epoch)[first : first + end - at]
            pieces.append(piece)
            at += len(piece)
        return torch.cat(pieces)

    def _order(self, epoch: int) -> Tensor:
        """The permutation of the split in that pass over it."""
        if getattr(self, "_epoch", None) != epoch:
            self._epoch = epoch
            generator = generator_of("order", self.task.seed, epoch)
            self._permutation = torch.randperm(len(self.split), generator=generator)
        return self._permutation


class Draws:
    """Noise levels and noise of one update, which its number seeds: this worker's share of those of the whole
    batch.
    """

    def __init__(self, seed: int, kind: str, number: int, size: int, share: Share) -> None:
        self._generator = generator_of("draws", seed, kind, number)
        self._size, self._share = size, share

    def levels(self, T: int) -> Tensor:
        """t ~ Uniform{1..T}, (B,)."""
        return self._share.of(torch.randint(1, T + 1, (self._size,), generator=self._generator))

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal noise (B, *shape)."""
        return self._share.of(torch.randn(self._size, *shape, generator=self._generator))

    def uniform(self) -> Tensor:
        """Uniform numbers in [0, 1), (B,)."""
        return self._share.of(torch.rand(self._size, generator=self._generator))
