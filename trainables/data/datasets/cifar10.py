"""`cifar10`: 60,000 colour 32×32 images of ten classes (Krizhevsky 2009).

Read from the published batches in `cifar-10-batches-py` of the data directory, else downloaded.
"""

from __future__ import annotations

from pathlib import Path

from trainables.data.dataset import Dataset, Facts
from trainables.data.datasets import _cifar
from trainables.data.pickled_batches import SHAPE
from trainables.data.published_images import sizes


def facts(root: Path) -> Facts:
    """32×32 colour images of ten classes."""
    return Facts("cifar10", SHAPE, 10, sizes=sizes(10, 50_000, 10_000))


def load(root: Path) -> Dataset:
    """The dataset: 45,000 / 5,000 / 10,000 images.

    Raises:
        UsageError: its files are neither there nor to be downloaded, or are broken.
    """
    from torchvision.datasets import CIFAR10  # loads in two seconds

    return _cifar.load("cifar10", CIFAR10, "labels", 10, root)
