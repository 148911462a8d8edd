"""`digits`: scikit-learn's bundled handwritten digits, 1,797 real 8×8 grey images, no download."""

from __future__ import annotations

from pathlib import Path

import torch

from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Facts, Split, stratified

SIZES = (1197, 200, 400)
SPLIT_SEED = 0


def facts(root: Path) -> Facts:
    """8×8 grey images of ten classes."""
    return Facts("digits", (1, 8, 8), 10, sizes=SIZES)


def load(root: Path) -> Dataset:
    """The dataset: pixels 0..16 scaled to [-1, 1], a fixed split of 1,197 / 200 / 400 images."""
    from sklearn.datasets import load_digits  # loads in a second

    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    parts = stratified(labels, SIZES, SPLIT_SEED)
    scale = pixel_scale(images[parts[0]])
    train, validation, test = (Split(images[part], labels[part], part, scale) for part in parts)
    classes = tuple(str(name) for name in bunch.target_names)
    return Dataset("digits", classes, train, validation, test)
