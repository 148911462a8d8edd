"""What image datasets share: a published train and test set becomes three fixed splits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import UsageError
from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Split, stratified

SPLIT_SEED = 0
_LARGEST_VALIDATION = 5000


def published(
    name: str,
    classes: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> Dataset:
    """A dataset of uint8 images (N, C, H, W) and labels (N,), as it was published in two sets.

    A tenth of the training images, 5,000 at most, are kept for validation, classes in proportion,
    and at least one of each class. The test set is shuffled, so that its first images are a fair
    sample of it. A sample's number is its place in the published order, training set first.

    Raises:
        UsageError: labels do not fit the images or the classes, or a class has fewer than two
            training images or no test image.
    """
    (train_images, train_labels), (test_images, test_labels) = map(_tensors, (train, test))
    _check(f"training images of {name}", classes, len(train_images), train_labels, least=2)
    _check(f"test images of {name}", classes, len(test_images), test_labels, least=1)
    rest, held_out, _ = sizes(len(classes), len(train_labels), len(test_labels))
    kept, validation = stratified(train_labels, (rest, held_out), SPLIT_SEED)
    kept, validation = _lend(train_labels, kept, validation)
    validation, kept = _lend(train_labels, validation, kept)
    (order,) = stratified(test_labels, (len(test_labels),), SPLIT_SEED)
    scale = pixel_scale(train_images[kept])
    return Dataset(
        name,
        classes,
        Split(train_images[kept], train_labels[kept], kept, scale),
        Split(train_images[validation], train_labels[validation], validation, scale),
        Split(test_images[order], test_labels[order], order + len(train_labels), scale),
    )


def sizes(classes: int, train: int, test: int) -> tuple[int, int, int]:
    """About how many images each split has of so many published ones: a class that proportion would
    leave out of a split is lent an image.
    """
    held_out = max(classes, min(_LARGEST_VALIDATION, train // 10))
    return train - held_out, held_out, test


def _check(what: str, classes: tuple[str, ...], images: int, labels: Tensor, least: int) -> None:
    if labels.shape != (images,):
        raise UsageError(f"{what}: {images}, but their labels are of shape {tuple(labels.shape)}")
    outside = labels[(labels < 0) | (labels >= len(classes))]
    if len(outside):
        raise UsageError(
            f"{what}: there is a label {int(outside[0])}, but labels must be from 0 to "
            f"{len(classes) - 1}"
        )
    counts = torch.bincount(labels, minlength=len(classes)).tolist()
    for given, count in zip(classes, counts, strict=True):
        if count < least:
            raise UsageError(
                f"{what}: class {given!r} has {count}, but every class needs at least 2 training "
                "images, one of which is kept for validation, and 1 test image"
            )


def _lend(labels: Tensor, giver: Tensor, taker: Tensor) -> tuple[Tensor, Tensor]:
    """Both splits' indices after `giver` has given one of each class that `taker` has none of.

    Proportional splits of few images, or of a rare class, can leave a class out.
    """
    lent = []
    for missing in sorted(set(labels.tolist()) - set(labels[taker].tolist())):
        lent.append(int((labels[giver] == missing).nonzero()[0]))
    if not lent:
        return giver, taker
    stays = torch.ones(len(giver), dtype=torch.bool)
    stays[lent] = False
    return giver[stays], torch.cat([taker, giver[lent]])


def _tensors(arrays: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor]:
    images, labels = arrays
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64))
