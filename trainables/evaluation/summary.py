"""Summaries of measurements: accuracy with its interval, and paired tests of two points.

The same sample appears once a seed, so its answers are not independent: the unit of all statistics is
the sample. Images and single words are right or wrong. For sentences accuracy is the word accuracy,
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
    return _correct_counts(measurements) / len(measurements)


def _correct_counts(measurements: Sequence[Measurement]) -> np.ndarray:
    """The number of seeds at which each image was classified rightly, (N,).

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
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
    """Wilson's 95 % interval for mean accuracy, with the effective sample size of clustered answers.

    `scores` (N,) are the images' means over seeds. The effective size is p (1 - p) / SE^2, at least N
    (more seeds add information to N images) and at most the number of answers; it is N if all scores
    are equal.
    """
    count, p = len(scores), float(scores.mean())
    variance = float(scores.var(ddof=1)) / count if count > 1 else 0.0
    size = max(count, p * (1 - p) / variance) if variance > 0 else count
    return wilson(p, size)


def summary(measurements: Sequence[Measurement], metric: Metric = BY_ACCURACY) -> dict[str, float]:
    """Accuracy and the metric, each with its interval, and the mean cost of a sample.

    The word error rate of single words is exactly 1 - accuracy: an utterance has one word, and its
    answer is one word of the closed set, so a wrong answer is one substitution in one word.

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    accuracy, low, high = _accuracy(measurements)
    ends = sorted((metric.of(low), metric.of(high)))
    values = {metric.name: metric.of(accuracy), metric.low: ends[0], metric.high: ends[1]}
    names = [name for name in measurements[0].cost if all(name in m.cost for m in measurements)]
    cost = {name: float(np.mean([m.cost[name] for m in measurements])) for name in names}
    return {ACCURACY: accuracy, ACCURACY_LOW: low, ACCURACY_HIGH: high, **values, **cost}


def _accuracy(measurements: Sequence[Measurement]) -> tuple[float, float, float]:
    """Accuracy and the ends of its interval."""
    if _are_of_sentences(measurements):
        counts = per_utterance(measurements)
        low, high = word_error.interval(*counts)
        return 1 - word_error.wer(*counts), 1 - high, 1 - low
    scores = per_image(measurements)
    return float(scores.mean()), *interval(scores)


def _are_of_sentences(measurements: Sequence[Measurement]) -> bool:
    return any(m.words for m in measurements)


def paired(
    measurements: Sequence[Measurement], baseline: Sequence[Measurement], seed: int = 0
) -> PairedTest:
    """A paired test of two points on the same samples and seeds.

    The difference is the accuracy of `measurements` less that of `baseline`. Its p-value is that of an
    exact sign-flip permutation test over samples; its interval is Student's for images and words, and
    by bootstrap, which `seed` draws, for sentences.

    Raises:
        UsageError: the two were not measured on the same samples, or at different numbers of seeds.
    """
    if len(measurements) != len(baseline):
        raise UsageError(
            f"a paired test needs the same seeds, not {len(measurements)} and {len(baseline)}"
        )
    if _are_of_sentences([*measurements, *baseline]):
        errors, words = per_utterance(measurements)
        baseline_errors, baseline_words = per_utterance(baseline)
        if not np.array_equal(words, baseline_words):
            raise UsageError("a paired test needs the same utterances at as many seeds")
        return word_error.paired_difference(baseline_errors, errors, words, seed)
    counts, baseline_counts = _correct_counts(measurements), _correct_counts(baseline)
    if len(counts) != len(baseline_counts):
        raise UsageError(
            f"a paired test needs the same samples, not {len(counts)} and {len(baseline_counts)}"
        )
    count_differences = counts - baseline_counts
    differences = count_differences / len(measurements)
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    half_width = float(stats.t.ppf((1 + LEVEL) / 2, len(differences) - 1)) * error
    return PairedTest(mean, mean - half_width, mean + half_width, sign_flip(count_differences))
