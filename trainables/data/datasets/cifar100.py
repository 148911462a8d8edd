"""`cifar100`: 60,000 colour 32×32 images of a hundred classes (Krizhevsky 2009).

Read from the published batches in `cifar-100-python` of the data directory, else downloaded.
"""

from __future__ import annotations

from pathlib import Path

from trainables.data.dataset import Dataset, Facts
from trainables.data.datasets import _cifar
from trainables.data.pickled_batches import SHAPE
from trainables.data.published_images import sizes


def facts(root: Path) -> Facts:
    """32×32 colour images of a hundred classes."""
    return Facts("cifar100", SHAPE, 100, sizes=sizes(100, 50_000, 10_000))


def load(root: Path) -> Dataset:
    """The dataset with its fine labels: 45,000 / 5,000 / 10,000 images.

    Raises:
        UsageError: its files are neither there nor to be downloaded, or are broken.
    """
    from torchvision.datasets import CIFAR100  # loads in two seconds

    return _cifar.load("cifar100", CIFAR100, "fine_labels", 100, root)
