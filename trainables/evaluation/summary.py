"""Summaries of measurements: accuracy with its interval, and paired tests of two points.

The same sample appears once a seed, so its answers are not independent: the unit of all statistics is
the sample. Where a point was trained at several seeds, training seeds are a second unit, see
`trainables.scoring.training_seeds`. Images and single words are right or wrong. For sentences accuracy
is the word accuracy, 1 - WER, which is below 0 where there are more errors than words;
`trainables.scoring.word_error` has its statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.scoring import word_error
from trainables.scoring.metric_names import (
    ACCURACY,
    ACCURACY_HIGH,
    ACCURACY_LOW,
    BY_ACCURACY,
    TOP5,
    TOP5_HIGH,
    TOP5_LOW,
    Metric,
)
from trainables.scoring.statistics import PairedTest, paired_counts, wilson
from trainables.scoring.training_seeds import two_sided_p, widened

SeedGroups = Sequence[Sequence[Measurement]]
"""Measurements of one point, a group a training seed, each at as many sampling seeds."""


def per_image(measurements: Sequence[Measurement]) -> np.ndarray:
    """The fraction of seeds at which each image was classified rightly, (N,) in [0, 1].

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    return _share_per_image(measurements, "correct")


def correct_counts(measurements: Sequence[Measurement]) -> np.ndarray:
    """The number of seeds at which each image was classified rightly, (N,).

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    return _counts(measurements, "correct")


def _share_per_image(measurements: Sequence[Measurement], name: str) -> np.ndarray:
    """The fraction of seeds at which each image has a "1" in a field, (N,) in [0, 1]."""
    return _counts(measurements, name) / len(measurements)


def _counts(measurements: Sequence[Measurement], name: str) -> np.ndarray:
    """The number of seeds at which each image has a "1" in a field, "correct" or "top5", (N,).

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    rows = [np.frombuffer(getattr(m, name).encode(), np.uint8) == ord("1") for m in measurements]
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
    """Accuracy and the metric, each with its interval, the top-5 accuracy where it was measured, and the
    mean cost of a sample.

    The word error rate of single words is exactly 1 - accuracy: an utterance has one word, and its
    answer is one word of the closed set, so a wrong answer is one substitution in one word.

    Raises:
        UsageError: there are no measurements, or they are of different samples.
    """
    return summary_over_seeds([measurements], metric)


def summary_over_seeds(groups: SeedGroups, metric: Metric = BY_ACCURACY) -> dict[str, float]:
    """As `summary`, over all training seeds: the mean, and an interval over seeds and samples. With one
    training seed the interval is over samples.

    Raises:
        UsageError: a training seed has no measurements, has more than another, or other samples.
    """
    measurements = _pooled(groups)
    accuracy, low, high = _accuracy(groups)
    ends = sorted((metric.of(low), metric.of(high)))
    values = {metric.name: metric.of(accuracy), metric.low: ends[0], metric.high: ends[1]}
    names = [name for name in measurements[0].cost if all(name in m.cost for m in measurements)]
    cost = {name: float(np.mean([m.cost[name] for m in measurements])) for name in names}
    accuracies = {ACCURACY: accuracy, ACCURACY_LOW: low, ACCURACY_HIGH: high}
    return {**accuracies, **values, **_top5(groups), **cost}


def _top5(groups: SeedGroups) -> dict[str, float]:
    """The top-5 accuracy with its interval; empty where not every measurement has it."""
    if not all(measurement.top5 for measurement in _pooled(groups)):
        return {}
    value, low, high = _share(groups, "top5")
    return {TOP5: value, TOP5_LOW: low, TOP5_HIGH: high}


def _pooled(groups: SeedGroups) -> list[Measurement]:
    """The measurements of all training seeds.

    Raises:
        UsageError: there are none, or some training seed has more than another.
    """
    if len({len(group) for group in groups}) != 1:
        raise UsageError("every training seed needs as many measurements of the same samples")
    return [measurement for group in groups for measurement in group]


def _accuracy(groups: SeedGroups) -> tuple[float, float, float]:
    """Accuracy and the ends of its interval."""
    if not _are_of_sentences(_pooled(groups)):
        return _share(groups, "correct")
    errors, words = _utterances(groups)
    pooled = errors.sum(axis=0), words.sum(axis=0)
    low, high = word_error.interval(*pooled)
    scores = -_linearised(errors, words)
    return _over_seeds(1 - word_error.wer(*pooled), (1 - high, 1 - low), scores, -math.inf)


def _share(groups: SeedGroups, name: str) -> tuple[float, float, float]:
    """The share of "1" in a field of the measurements, "correct" or "top5", and the ends of its interval."""
    pooled = _share_per_image(_pooled(groups), name)
    scores = np.stack([_share_per_image(group, name) for group in groups])
    return _over_seeds(float(pooled.mean()), interval(pooled), scores, 0.0)


def _over_seeds(
    value: float, ends: tuple[float, float], scores: np.ndarray, least: float
) -> tuple[float, float, float]:
    """A value, and its interval over seeds and samples, made of that over samples; with one training seed
    it is that. `scores` are those of each training seed and sample, (S, N), `least` the least value.
    """
    if len(scores) > 1:
        low, high = widened(value, ends, scores)
        ends = max(least, low), min(1.0, high)
    return value, *ends


def _are_of_sentences(measurements: Sequence[Measurement]) -> bool:
    return any(m.words for m in measurements)


def _utterances(groups: SeedGroups) -> tuple[np.ndarray, np.ndarray]:
    """Word errors and words of each training seed and utterance, (S, N) each.

    Raises:
        UsageError: the training seeds were not measured on as many utterances.
    """
    counts = [per_utterance(group) for group in groups]
    if len({len(errors) for errors, _ in counts}) != 1:
        raise UsageError("every training seed needs measurements of the same utterances")
    errors, words = zip(*counts, strict=True)
    return np.stack(errors), np.stack(words)


def _linearised(errors: np.ndarray, words: np.ndarray) -> np.ndarray:
    """The influence of each training seed and utterance on the ratio of all errors to all words, (S, N)
    each: errors less those expected at the mean rate, in units of the mean number of words.
    """
    values: np.ndarray = (errors - errors.sum() / words.sum() * words) / words.mean()
    return values


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
    return paired_over_seeds([measurements], [baseline], seed)


def paired_over_seeds(groups: SeedGroups, baseline: SeedGroups, seed: int = 0) -> PairedTest:
    """As `paired`, over all training seeds: the mean of the differences at each seed, with an interval
    and a p-value over seeds and samples. With one training seed they are over samples.

    Raises:
        UsageError: the two were not measured on the same samples, or at different numbers of seeds.
    """
    numbers = len(_pooled(groups)), len(_pooled(baseline))
    if numbers[0] != numbers[1] or len(groups) != len(baseline):
        raise UsageError(f"a paired test needs the same seeds, not {numbers[0]} and {numbers[1]}")
    if _are_of_sentences([*_pooled(groups), *_pooled(baseline)]):
        test, scores = _paired_sentences(groups, baseline, seed)
        most = math.inf
    else:
        test, scores = _paired_answers(groups, baseline)
        most = 1.0  # shares of right answers differ by no more
    low, high, p_value = test.low, test.high, test.p_value
    if len(groups) > 1:
        low, high = widened(test.difference, (low, high), scores)
        p_value = two_sided_p(test.difference, scores, p_value)
    return PairedTest(test.difference, max(-most, low), min(most, high), p_value)


def _paired_sentences(
    groups: SeedGroups, baseline: SeedGroups, seed: int
) -> tuple[PairedTest, np.ndarray]:
    """The paired test over utterances, and the differences of each training seed and utterance, (S, N)."""
    errors, words = _utterances(groups)
    baseline_errors, baseline_words = _utterances(baseline)
    if not np.array_equal(words, baseline_words):
        raise UsageError("a paired test needs the same utterances at as many seeds")
    fewer = baseline_errors - errors
    test = word_error.paired_difference(
        baseline_errors.sum(axis=0), errors.sum(axis=0), words.sum(axis=0), seed
    )
    return test, _linearised(fewer, words)


def _paired_answers(groups: SeedGroups, baseline: SeedGroups) -> tuple[PairedTest, np.ndarray]:
    """The paired test over samples, and the differences of each training seed and sample, (S, N)."""
    measurements = _pooled(groups)
    counts, baseline_counts = correct_counts(measurements), correct_counts(_pooled(baseline))
    if len(counts) != len(baseline_counts):
        raise UsageError(
            f"a paired test needs the same samples, not {len(counts)} and {len(baseline_counts)}"
        )
    test = paired_counts(counts - baseline_counts, len(measurements))
    pairs = zip(groups, baseline, strict=True)
    return test, np.stack([per_image(ours) - per_image(theirs) for ours, theirs in pairs])
