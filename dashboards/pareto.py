"""Pareto fronts of accuracy (more is better, at most 1) against a cost (less is better), as a rule NFE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """The point that a hypervolume is measured from. It is the same for all strategies on a dataset, so that
    their fronts can be compared.

    Args:
        accuracy: the accuracy that is worth nothing, in [0, 1].
        nfe: the largest NFE that counts; of another cost the largest of that.
        least: the cost that none falls below, one call where it is NFE.
    """

    accuracy: float
    nfe: float
    least: float = 1.0


_CALLS_A_STEP = {"image": 1, "speech": 2}  # E.5: speech is corrected once before every step


def shared_reference(classes: int, T: int, kind: str = "image") -> Reference:
    """The reference of a dataset: chance accuracy, 0 where there are no classes but sentences, and the
    calls of 10 T steps, which the dearest of the paper's points has (alternating, D.4 and E.5).
    """
    return Reference(1 / classes if classes else 0.0, 10.0 * T * _CALLS_A_STEP[kind])


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the non-dominated (accuracy, cost) points, by rising cost; of equal points the first."""
    indices: list[int] = []
    best = -math.inf
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], i)):
        if points[index][0] > best:
            best = points[index][0]
            indices.append(index)
    return indices


def hypervolume(points: Sequence[tuple[float, float]], reference: Reference) -> float:
    """The share of the plane between the reference and accuracy 1 at the least cost, such as one call, that a
    front dominates.

    In [0, 1]; the cost counts by its logarithm, since a call saved matters by what fraction it is of the
    calls made; points of less than the least cost count as having that.
    """
    total, width = 0.0, math.log(reference.nfe / reference.least)
    dominating = [
        (a, max(cost, reference.least) / reference.least)
        for a, cost in points
        if a > reference.accuracy and cost < reference.nfe
    ]
    floor = reference.accuracy
    for index in front(dominating):
        accuracy, ratio = dominating[index]
        total += (accuracy - floor) * (width - math.log(ratio))
        floor = accuracy
    return total / ((1 - reference.accuracy) * width)
