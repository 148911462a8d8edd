"""Test samples that only one strategy answers rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from platform.comparison.matched import Field
from platform.comparison.pooling import Pooled

import numpy as np

from dashboards.comparison.model import OnlyRight
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import correct_counts

MOST_SAMPLES = 12
"""How many samples of a strategy are named at most, the first of the split."""


def only_right(field: Field) -> tuple[OnlyRight, ...]:
    """Test samples that one swept strategy's named cheapest point answers rightly at every sampling seed, and
    those of the other swept strategies at none, over the training seeds that all of them have; in the order
    of their numbers. None where fewer than two of these points have answers.
    """
    points = {
        name: next((p for p in field.shown[name] if "cheapest" in p.names), None)
        for name in field.swept
    }
    answered = {name: p for name, p in points.items() if p is not None and _answers(p)}
    seeds = set.intersection(*(_answers(p) for p in answered.values())) if answered else set()
    if len(answered) < 2 or not seeds:
        return ()
    answers = {
        name: [answer for seed in sorted(seeds) for answer in point.picks[seed].test]
        for name, point in answered.items()
    }
    right = {name: correct_counts(measurements) for name, measurements in answers.items()}
    alone = [
        OnlyRight(int(number), name)
        for name in right
        for number in _alone(name, right, answers)[:MOST_SAMPLES]
    ]
    return tuple(sorted(alone, key=lambda sample: (sample.number, sample.strategy)))


def _answers(point: Pooled) -> set[int]:
    """The training seeds at which a point's answers on test samples are recorded."""
    return {seed for seed, pick in point.picks.items() if pick.test}


def _alone(
    name: str, right: Mapping[str, np.ndarray], answers: Mapping[str, Sequence[Measurement]]
) -> list[int]:
    """The samples that one is always right on, and no other ever."""
    others = sum(counts for other, counts in right.items() if other != name)
    alone: list[int] = np.flatnonzero((right[name] == len(answers[name])) & (others == 0)).tolist()
    return alone
