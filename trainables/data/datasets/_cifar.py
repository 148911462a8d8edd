"""What CIFAR-10 and CIFAR-100 share: where their pickled batches are, and how they are read."""

from __future__ import annotations

import http.client
import os
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainables.core.errors import UsageError
from trainables.data import pickled_batches
from trainables.data.dataset import Dataset
from trainables.data.published_images import published

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10


def load(name: str, source: type[CIFAR10], labels: str, classes: int, root: Path) -> Dataset:
    """The dataset that torchvision's class `source` describes; `labels` is the batches' key.

    Raises:
        UsageError: its files are neither there nor to be downloaded, or are broken.
    """
    directory = root / source.base_folder
    if not directory.is_dir():
        _download(name, source, root)
    names = _class_names(directory / source.meta["filename"], source.meta["key"], classes)
    train, test = (
        _joined(
            [pickled_batches.batch(directory / file, labels, range(classes)) for file, _ in files]
        )
        for files in (source.train_list, source.test_list)
    )
    return published(name, names, train, test)


def _class_names(path: Path, key: str, classes: int) -> tuple[str, ...]:
    names = pickled_batches.read(path, key)[key]
    if (
        not isinstance(names, list)
        or len(names) != classes
        or not all(isinstance(one, str) for one in names)
    ):
        raise pickled_batches.refused(path, f"its {key!r} must be a list of {classes} names")
    return tuple(names)


def _joined(batches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _download(name: str, source: type[CIFAR10], root: Path) -> None:
    """Unpack the published archive, downloaded where `root` has none, as a whole or not at all."""
    from torchvision.datasets.utils import download_and_extract_archive

    target = root / source.base_folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}.") as space:
            download_and_extract_archive(
                source.url, root, space, filename=source.filename, md5=source.tgz_md5
            )
            if not target.is_dir():  # another process may have been faster
                os.replace(Path(space) / source.base_folder, target)
    except (RuntimeError, OSError, http.client.HTTPException, tarfile.TarError) as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UsageError(
            f"{name} cannot be downloaded ({reason}): put {source.filename} from {source.url}, or "
            f"its unpacked directory {source.base_folder}, into {root}, or name the directory that "
            "has it by --data-dir"
        ) from error
