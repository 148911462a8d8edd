"""`in32-100`: 32×32 colour images of 100 classes of ImageNet32 (Chrabaszcz et al. 2017).

Read from the published batches `train_data_batch_1` … `train_data_batch_10` and `val_data`; what
is kept of them is cached as `in32-100.npz` beside them. ImageNet cannot be downloaded without a
login.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from trainables.core.errors import UsageError
from trainables.core.files import write_whole
from trainables.core.noise import generator_of
from trainables.data import pickled_batches
from trainables.data.dataset import Dataset, Facts
from trainables.data.published_images import published, sizes

SUBSET_SEED = 0
SUBSET_CLASSES = 100
_KNOWN = range(1, 1001)
_TRAIN = tuple(f"train_data_batch_{i}" for i in range(1, 11))
_TEST = ("val_data",)
_SUBDIRECTORIES = ("imagenet32", "Imagenet32_train", "Imagenet32_val")
_CACHE = "in32-100.npz"
_PAGE = "https://image-net.org/download-images"

Sets = dict[str, tuple[np.ndarray, np.ndarray]]


def facts(root: Path) -> Facts:
    """32×32 colour images of a hundred classes."""
    counted = sizes(SUBSET_CLASSES, 128_000, 5_000)
    return Facts("in32-100", pickled_batches.SHAPE, SUBSET_CLASSES, sizes=counted)


def load(root: Path) -> Dataset:
    """The dataset: about 123,000 / 5,000 / 5,000 images; the test set is ImageNet's validation set.

    Classes are named by ImageNet32's labels, "1" to "1000".

    Raises:
        UsageError: a file is missing or broken.
    """
    sets = _cached(root / _CACHE)
    if sets is None:
        sets = _selected(root)
        # A directory that cannot be written costs the next reader time, nothing else.
        with contextlib.suppress(OSError):
            _keep(root / _CACHE, sets)
    names = tuple(str(number) for number in subset().tolist())
    return published("in32-100", names, sets["train"], sets["test"])


def subset() -> np.ndarray:
    """The chosen ImageNet32 labels (100,), ascending."""
    drawn = torch.randperm(len(_KNOWN), generator=generator_of("in32-100", SUBSET_SEED))
    return np.sort(drawn[:SUBSET_CLASSES].numpy()) + _KNOWN.start


def _selected(root: Path) -> Sets:
    paths = {name: _find(root, name) for name in (*_TRAIN, *_TEST)}
    chosen, sets = subset(), {}
    for which, names in (("train", _TRAIN), ("test", _TEST)):
        images, labels = [], []
        for name in names:
            batch_images, batch_labels = pickled_batches.batch(paths[name], "labels", _KNOWN)
            wanted = np.isin(batch_labels, chosen)
            images.append(batch_images[wanted])
            labels.append(np.searchsorted(chosen, batch_labels[wanted]))
        sets[which] = (np.concatenate(images), np.concatenate(labels))
    return sets


def _find(root: Path, name: str) -> Path:
    for directory in (root, *(root / one for one in _SUBDIRECTORIES)):
        if (directory / name).is_file():
            return directory / name
    raise UsageError(
        f"in32-100 needs the file {name}, which is neither in {root} nor in its subdirectories "
        f"{', '.join(_SUBDIRECTORIES)}: get ImageNet32's batches from {_PAGE} (asks for a login) "
        "and put them there, or name the directory that has them by --data-dir"
    )


def _keep(path: Path, sets: Sets) -> None:
    buffer = io.BytesIO()
    arrays = {
        f"{kind}_{which}": array
        for which, pair in sets.items()
        for kind, array in zip(("x", "y"), pair, strict=True)
    }
    np.savez(buffer, allow_pickle=False, subset_seed=np.int64(SUBSET_SEED), **arrays)
    write_whole(path, buffer.getvalue())


def _cached(path: Path) -> Sets | None:
    """The subset kept in a file; None where there is none, or where it is of another subset."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["subset_seed"]) != SUBSET_SEED:
                return None
            sets = {
                which: (arrays[f"x_{which}"], arrays[f"y_{which}"]) for which in ("train", "test")
            }
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(path, str(error)) from error
    for images, labels in sets.values():
        if images.shape != (len(labels), *pickled_batches.SHAPE) or images.dtype != np.uint8:
            raise _broken(path, f"images are {images.shape} {images.dtype}")
    return sets


def _broken(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is broken ({reason}): remove it, it is then made anew")
