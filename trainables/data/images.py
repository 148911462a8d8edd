"""What image datasets share: a published train and test set becomes three fixed splits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainables.data.splits import Dataset, Split, stratified
from trainables.errors import UsageError

SPLIT_SEED = 0
_LARGEST_VALIDATION = 5000


def published(
    name: str,
    classes: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> Dataset:
    """A dataset of uint8 images (N, C, H, W) and labels (N,), as it was published in two sets.

    A tenth of the training images, 5,000 at most, are kept for validation, classes in proportion.
    The test set is shuffled, so that its first images are a fair sample of it. A sample's number is
    its place in the published order, training set first.

    Raises:
        UsageError: a class has no images in one of the sets.
    """
    (train_images, train_labels), (test_images, test_labels) = map(_tensors, (train, test))
    for which, labels in (("training", train_labels), ("test", test_labels)):
        missing = set(range(len(classes))) - set(labels.tolist())
        if missing:
            raise UsageError(f"{name} has no {which} images of class {classes[min(missing)]!r}")
    held_out = max(len(classes), min(_LARGEST_VALIDATION, len(train_labels) // 10))
    kept, validation = stratified(
        train_labels, (len(train_labels) - held_out, held_out), SPLIT_SEED
    )
    (order,) = stratified(test_labels, (len(test_labels),), SPLIT_SEED)
    return Dataset(
        name,
        classes,
        Split(train_images[kept], train_labels[kept], kept),
        Split(train_images[validation], train_labels[validation], validation),
        Split(test_images[order], test_labels[order], order + len(train_labels)),
    )


def _tensors(arrays: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor]:
    images, labels = arrays
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64))
