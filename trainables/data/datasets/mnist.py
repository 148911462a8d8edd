"""`mnist`: 70,000 grey 28×28 images of handwritten digits (LeCun et al. 1998).

Read from `mnist.npz` where the data directory has one (arrays `x_train`, `y_train`, `x_test`,
`y_test`), else from the published files, which torchvision downloads.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from trainables.core.errors import UsageError
from trainables.data.dataset import Dataset, Facts
from trainables.data.published_images import published, sizes

_CLASSES = tuple("0123456789")


def facts(root: Path) -> Facts:
    """28×28 grey images of ten classes."""
    return Facts("mnist", (1, 28, 28), 10, sizes=sizes(10, 60_000, 10_000))


def load(root: Path) -> Dataset:
    """The dataset: 55,000 / 5,000 / 10,000 images.

    Raises:
        UsageError: its files are neither there nor to be downloaded, or are broken.
    """
    packed = root / "mnist.npz"
    train, test = _unpacked(packed) if packed.exists() else _downloaded(root)
    return published("mnist", _CLASSES, train, test)


def _unpacked(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    sets = []
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name, count in (("train", 60_000), ("test", 10_000)):
                images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
                if images.shape != (count, 28, 28) or images.dtype != np.uint8:
                    raise UsageError(
                        f"{path}: x_{name} is {images.shape} {images.dtype}, but must be "
                        f"{(count, 28, 28)} uint8"
                    )
                sets.append((images[:, None], labels))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} is broken ({error}): remove it, or put a whole one") from error
    return sets


def _downloaded(root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    from torchvision.datasets import MNIST  # loads in two seconds

    try:
        sets = [MNIST(str(root), train=train, download=True) for train in (True, False)]
    except (RuntimeError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UsageError(
            f"mnist cannot be downloaded ({reason}): put mnist.npz into {root}, or the four "
            f"published files (train-images-idx3-ubyte.gz …) into {root / 'MNIST' / 'raw'}, or name "
            "the directory that has them by --data-dir"
        ) from error
    return [(one.data.numpy()[:, None], one.targets.numpy()) for one in sets]
