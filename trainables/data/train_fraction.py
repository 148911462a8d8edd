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
    count = max(1, round(fraction * len(labels)))
    rows: Tensor = dealt(labels, "train fraction", _SEED)[:count].sort().values
    return rows


def with_train_fraction(dataset: Dataset, fraction: float) -> Dataset:
    """The dataset with a share of its training split; validation and test stay whole. What corrupts stays
    the same too: noise has the strength that the whole split gives it.

    Raises:
        UsageError: fewer samples are left than there are classes, or than two.
    """
    if fraction == 1:
        return dataset
    rows = fraction_rows(dataset.train.labels, fraction)
    least = max(2, len(dataset.classes))
    if len(rows) < least:
        raise UsageError(
            f"--train-fraction {fraction:g} leaves {len(rows)} of {len(dataset.train)} training samples "
            f"of {dataset.name}, but {least} are needed at least: give a larger one"
        )
    return replace(dataset, train=dataset.train.part(rows))
