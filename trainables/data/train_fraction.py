"""The part of a training split that is used: the same samples for every stage, seed and strategy."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from trainables.core.errors import UsageError
from trainables.data.dataset import Dataset, dealt

_SEED = 0  # one for all training seeds: they differ in training, not in the data


def fraction_rows(labels: Tensor, fraction: float) -> Tensor:
    """Rows, in order, of a share of a training split with these labels (N,).

    They are the first of an order that spreads every prefix evenly over the classes: a smaller fraction's
    rows are among a larger one's.
    """
    first = dealt(labels, "train fraction", _SEED)[: _count(fraction, len(labels))]
    rows: Tensor = first.sort().values
    return rows


def with_train_fraction(dataset: Dataset, fraction: float) -> Dataset:
    """The dataset with a share of its training split; validation and test stay whole. What corrupts stays
    the same too: noise has the strength that the whole split gives it.

    Raises:
        UsageError: fewer samples are left than there are classes, or than two.
    """
    if fraction == 1:
        return dataset
    check_train_fraction(fraction, len(dataset.train), len(dataset.classes))
    rows = fraction_rows(dataset.train.labels, fraction)
    return replace(dataset, train=dataset.train.part(rows))


def check_train_fraction(fraction: float, samples: int, classes: int) -> None:
    """Refuse a fraction of so many training samples that leaves fewer than there are classes, or than two.

    Raises:
        UsageError: it does.
    """
    left, least = _count(fraction, samples), max(2, classes)
    if left < least:
        raise UsageError(
            f"train fraction {fraction:g} leaves {left} of {samples} training samples, but {least} are "
            "needed at least: give a larger one"
        )


def _count(fraction: float, samples: int) -> int:
    """How many of so many samples a fraction is."""
    return max(1, round(fraction * samples))
