"""What a point loses where signals are degraded otherwise than those that its parts were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import correct_counts
from trainables.scoring.statistics import PairedTest, paired_counts


@dataclass(frozen=True)
class Transferred:
    """A point's measurements on the same images and seeds, of classes.

    Args:
        usual: where signals are degraded as in training, one a seed.
        others: where they are degraded otherwise, a list a degradation.
    """

    usual: Sequence[Measurement]
    others: Sequence[Sequence[Measurement]]


def loss(point: Transferred) -> PairedTest:
    """The accuracy that a point loses on average over the other degradations, with its interval and test
    over images. It is negative where the others are easier.

    Raises:
        UsageError: there is no other degradation, or the measurements are of different images or seeds.
    """
    return paired_counts(_lost_counts(point), _answers(point))


def loss_difference(point: Transferred, other: Transferred) -> PairedTest:
    """By how much a point's loss is above another's, on the same images.

    Raises:
        UsageError: there is no other degradation, or the measurements are of different images or seeds.
    """
    if _answers(point) != _answers(other) or len(point.usual[0].correct) != len(
        other.usual[0].correct
    ):
        raise UsageError("losses are compared on the same images, seeds and degradations")
    return paired_counts(_lost_counts(point) - _lost_counts(other), _answers(point))


def _lost_counts(point: Transferred) -> np.ndarray:
    """Of each image, how many answers are right as in training and wrong otherwise, less those of which the
    reverse is true; (N,), every degradation counted.
    """
    if not point.others or any(len(other) != len(point.usual) for other in point.others):
        raise UsageError("a loss needs measurements of the same seeds under other degradations")
    usual = correct_counts(point.usual)
    counts: np.ndarray = sum(
        (usual - correct_counts(other) for other in point.others), np.zeros_like(usual)
    )
    return counts


def _answers(point: Transferred) -> int:
    """How many answers of each image a loss is the mean of."""
    return len(point.usual) * len(point.others)
