"""What measurements come to: accuracy with its interval, and comparisons of two points.

The same sample appears once a seed, so its answers are not independent: a sample is the unit of all
that follows. Images and single words are right or wrong. Of sentences accuracy is the word accuracy,
1 - WER, which is below 0 where there are more errors than words; `trainables.scoring.word_error` has its
statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.scoring import word_error
from trainables.scoring.metric_names import (
    ACCURACY,
    ACCURACY_HIGH,
    ACCURACY_LOW,
    BY_ACCURACY,
    Metric,
)
from trainables.scoring.statistics import LEVEL, PairedTest, sign_flip, wilson


def per_image(measurements: Sequence[Measurement]) -> np.ndarray:
    """The fraction of seeds at which each image was classified rightly, (N,) in [0, 1].

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    return _right(measurements) / len(measurements)


def _right(measurements: Sequence[Measurement]) -> np.ndarray:
    """At how many seeds each image was classified rightly, (N,)."""
    rows = [np.frombuffer(m.correct.encode(), np.uint8) == ord("1") for m in measurements]
    if not rows or len({len(row) for row in rows}) != 1:
        raise UsageError("measurements of the same samples are needed, one or more")
    count: np.ndarray = np.sum(rows, axis=0)
    return count


def per_utterance(measurements: Sequence[Measurement]) -> tuple[np.ndarray, np.ndarray]:
    """Word errors and words (N,) of each utterance over all seeds.

    Raises:
        UsageError: there are no measurements of sentences, or they are of different utterances.
    """
    words = {m.words for m in measurements}
    if len(words) != 1 or words == {()}:
        raise UsageError("measurements of the same sentences are needed, one or more")
    errors = np.sum([m.errors for m in measurements], axis=0)
    return errors, np.array(words.pop()) * len(measurements)


def interval(scores: np.ndarray) -> tuple[float, float]:
    """Wilson's 95 % interval for mean accuracy, with the sample size that clustering leaves.

    `scores` is (N,), an image's mean over seeds. The effective size is p (1 - p) / SE^2, at least N
    (seeds can only add to what N images tell) and at most all answers; with all alike it is N.
    """
    count, p = len(scores), float(scores.mean())
    variance = float(scores.var(ddof=1)) / count if count > 1 else 0.0
    size = max(count, p * (1 - p) / variance) if variance > 0 else count
    return wilson(p, size)


def summary(measurements: Sequence[Measurement], metric: Metric = BY_ACCURACY) -> dict[str, float]:
    """Accuracy with its interval, the metric with its own, and the mean cost of a sample.

    The word error rate of single words is 1 - accuracy, exactly: an utterance has one word, its
    answer is one word of the closed set, so that a wrong one is one substitution in one word.

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    accuracy, low, high = _accuracy(measurements)
    ends = sorted((metric.of(low), metric.of(high)))
    answers = {metric.name: metric.of(accuracy), metric.low: ends[0], metric.high: ends[1]}
    names = [name for name in measurements[0].cost if all(name in m.cost for m in measurements)]
    cost = {name: float(np.mean([m.cost[name] for m in measurements])) for name in names}
    return {ACCURACY: accuracy, ACCURACY_LOW: low, ACCURACY_HIGH: high, **answers, **cost}


def _accuracy(measurements: Sequence[Measurement]) -> tuple[float, float, float]:
    """Accuracy and the ends of its interval."""
    if _of_sentences(measurements):
        counts = per_utterance(measurements)
        low, high = word_error.interval(*counts)
        return 1 - word_error.wer(*counts), 1 - high, 1 - low
    scores = per_image(measurements)
    return float(scores.mean()), *interval(scores)


def _of_sentences(measurements: Sequence[Measurement]) -> bool:
    return any(m.words for m in measurements)


def paired(ours: Sequence[Measurement], other: Sequence[Measurement], seed: int = 0) -> PairedTest:
    """Compare two points on the same samples and seeds: the difference in accuracy, an exact sign-flip
    permutation test over samples, and an interval of the mean difference, Student's for images and
    words, by bootstrap for sentences.

    Raises:
        UsageError: the two were not measured on the same samples, or not as often.
    """
    if len(ours) != len(other):
        raise UsageError(f"a paired test needs the same seeds, not {len(ours)} and {len(other)}")
    if _of_sentences([*ours, *other]):
        (errors, words), (errors_of_other, same) = per_utterance(ours), per_utterance(other)
        if not np.array_equal(words, same):
            raise UsageError("a paired test needs the same utterances at as many seeds")
        return word_error.paired_difference(errors_of_other, errors, words, seed)
    a, b = _right(ours), _right(other)
    if len(a) != len(b):
        raise UsageError(f"a paired test needs the same samples, not {len(a)} and {len(b)}")
    times = a - b
    difference = times / len(ours)
    mean = float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(difference) - 1)) * error
    return PairedTest(mean, mean - half, mean + half, sign_flip(times))
