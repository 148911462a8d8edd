"""Statistics of accuracy: intervals and paired tests clustered by image, from measurements.

The same image appears once a seed, so its answers are not independent: an image is the unit of all
that follows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from trainables.errors import UsageError
from trainables.records import (
    ACCURACY,
    ACCURACY_HIGH,
    ACCURACY_LOW,
    BY_ACCURACY,
    Measure,
    Measurement,
)

LEVEL = 0.95
_FLIPS = 20_000


def per_image(measurements: Sequence[Measurement]) -> np.ndarray:
    """The fraction of seeds at which each image was classified rightly, (N,) in [0, 1].

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    rows = [np.frombuffer(m.correct.encode(), np.uint8) == ord("1") for m in measurements]
    if not rows or len({len(row) for row in rows}) != 1:
        raise UsageError("measurements of the same samples are needed, one or more")
    return np.mean(rows, axis=0)


def interval(scores: np.ndarray) -> tuple[float, float]:
    """Wilson's 95 % interval for mean accuracy, with the sample size that clustering leaves.

    `scores` is (N,), an image's mean over seeds. The effective size is p (1 - p) / SE^2, at least N
    (seeds can only add to what N images tell) and at most all answers; with all alike it is N.
    """
    count, p = len(scores), float(scores.mean())
    variance = float(scores.var(ddof=1)) / count if count > 1 else 0.0
    size = max(count, p * (1 - p) / variance) if variance > 0 else count
    return wilson(p, size)


def wilson(p: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction p of `size` independent samples."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    center = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
    return max(0.0, min(center - half, p)), min(1.0, max(center + half, p))


def summary(
    measurements: Sequence[Measurement], measure: Measure = BY_ACCURACY
) -> dict[str, float]:
    """Accuracy in [0, 1] with its interval, the measure with its own, and the mean cost of a sample.

    The word error rate of single words is 1 - accuracy, exactly: an utterance has one word, its
    answer is one word of the closed set, so that a wrong one is one substitution in one word.
    """
    scores = per_image(measurements)
    accuracy, (low, high) = float(scores.mean()), interval(scores)
    ends = sorted((measure.of(low), measure.of(high)))
    shown = {measure.name: measure.of(accuracy), measure.low: ends[0], measure.high: ends[1]}
    names = [name for name in measurements[0].cost if all(name in m.cost for m in measurements)]
    cost = {name: float(np.mean([m.cost[name] for m in measurements])) for name in names}
    return {ACCURACY: accuracy, ACCURACY_LOW: low, ACCURACY_HIGH: high, **shown, **cost}


@dataclass(frozen=True)
class PairedTest:
    """Mean difference in accuracy on the same images, its 95 % interval, two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def paired(ours: Sequence[Measurement], other: Sequence[Measurement], seed: int = 0) -> PairedTest:
    """Compare two points on the same images and seeds: sign-flip permutation test over images, with
    a Student interval of the mean difference.

    Raises:
        UsageError: the two were not measured on the same samples.
    """
    a, b = per_image(ours), per_image(other)
    if len(a) != len(b):
        raise UsageError(f"a paired test needs the same samples, not {len(a)} and {len(b)}")
    difference = a - b
    mean = float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(difference) - 1)) * error
    return PairedTest(mean, mean - half, mean + half, _sign_flip(difference, seed))


def _sign_flip(difference: np.ndarray, seed: int) -> float:
    """Two-sided p-value of the mean under random signs of the images' differences."""
    nonzero = difference[difference != 0]
    if len(nonzero) == 0:
        return 1.0
    flips = np.random.default_rng(seed).choice((-1.0, 1.0), size=(_FLIPS, len(nonzero)))
    null = np.abs(flips @ nonzero)
    extreme = int((null >= abs(nonzero.sum()) - 1e-9).sum())
    return (extreme + 1) / (_FLIPS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for several tests, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected
