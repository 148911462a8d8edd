"""The word error rate (WER) by jiwer after Whisper's English normalisation, its interval and paired test.

All work on the errors and words of each utterance: intervals resample utterances, paired tests compare
the same utterances. Where utterances were transcribed with several seeds, sum the errors and words of
each over the seeds first.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from trainables.core.errors import UsageError
from trainables.scoring.statistics import LEVEL, PairedTest, sign_flip, wilson

_RESAMPLES = 9999
_BATCH = 500  # resamples drawn at once
_MOST_KEPT = 1000  # utterances of which resamples are kept, in 80 MB


def errors(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The number of word errors (N,) of each utterance and of words (N,) of its reference, int64.

    Errors are substitutions, deletions and insertions of the shortest alignment. Both sides are
    normalised as Whisper's authors do for English (lower case, no punctuation, numbers in digits,
    one spelling). Where a reference has no words, each word of the hypothesis is an error.

    Raises:
        UsageError: there are not as many hypotheses as references, or none.
    """
    from jiwer import process_words
    from whisper.normalizers import EnglishTextNormalizer

    if not references or len(references) != len(hypotheses):
        raise UsageError(
            f"{len(references)} references and {len(hypotheses)} hypotheses were given, but a word "
            "error rate needs one hypothesis for each of one or more references"
        )
    normal = EnglishTextNormalizer()
    alignment = process_words(
        [normal(text) for text in references], [normal(text) for text in hypotheses]
    )
    counts = [
        sum(
            max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            for chunk in chunks
            if chunk.type != "equal"
        )
        for chunks in alignment.alignments
    ]
    return np.array(counts), np.array([len(words) for words in alignment.references])


def wer(errors: np.ndarray, words: np.ndarray) -> float:
    """The word error rate, 0 or more (1 is 100 %): errors of all utterances divided by words of all.

    Raises:
        UsageError: there are no words.
    """
    _check(errors, words)
    return float(errors.sum() / words.sum())


def interval(errors: np.ndarray, words: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the word error rate, over utterances (N,).

    Where every utterance has the same rate, or there is only one, resampling has no spread: the
    interval is then Wilson's of N utterances, or the rate itself where it is above 1.

    Raises:
        UsageError: there are no words.
    """
    rate = wer(errors, words)
    if len(errors) == 1 or np.allclose(errors, rate * words, atol=1e-9):
        return wilson(rate, len(errors)) if rate <= 1 else (rate, rate)
    low, high = _bootstrap((errors, words), seed)
    return min(low, rate), max(high, rate)


def paired_difference(
    errors: np.ndarray, baseline: np.ndarray, words: np.ndarray, seed: int = 0
) -> PairedTest:
    """The word error rate less that of a baseline on the same utterances.

    The interval is the 95 % percentile bootstrap over utterances; the p-value is the exact two-sided one
    of a sign-flip permutation test of the errors' differences. One utterance has no spread: the interval
    is then the difference itself.

    Args:
        errors: errors of each utterance, (N,).
        baseline: errors of the baseline for the same utterances, (N,).
        words: words of their references, (N,).
        seed: of the bootstrap.

    Raises:
        UsageError: the utterances are not the same in number, or there are no words.
    """
    _check(errors, words)
    _check(baseline, words)
    difference = errors - baseline
    rate = float(difference.sum() / words.sum())
    if not difference.any() or len(difference) == 1:
        return PairedTest(rate, rate, rate, 1.0)
    low, high = _bootstrap((difference, words), seed)
    return PairedTest(rate, min(low, rate), max(high, rate), sign_flip(difference))


def _bootstrap(data: tuple[np.ndarray, np.ndarray], seed: int) -> tuple[float, float]:
    """The 95 % percentile interval of errors divided by words, both (N,), over resampled utterances.

    It is that of `scipy.stats.bootstrap` with the same generator, to rounding; but resamples of the same
    number of utterances are drawn once for all tests, which then are products of matrices.
    """
    sums = np.stack(data, axis=1).astype(float)  # whole numbers, so that sums have no rounding
    count = len(sums)
    draws = _kept_draws(count, seed) if count <= _MOST_KEPT else _draws(count, seed)
    errors, words = np.concatenate([drawn @ sums for drawn in draws]).T
    tail = (1 - LEVEL) / 2
    low, high = np.percentile(errors / words, [100 * tail, 100 * (1 - tail)])
    return float(low), float(high)


def _draws(count: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of so many utterances is drawn in each resample, (B, N) for batches of resamples."""
    rng = np.random.default_rng(seed)
    for begin in range(0, _RESAMPLES, _BATCH):
        size = min(_BATCH, _RESAMPLES - begin)
        drawn = rng.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(float)


@functools.lru_cache(maxsize=1)
def _kept_draws(count: int, seed: int) -> list[np.ndarray]:
    """`_draws`, kept for the next test of as many utterances."""
    return list(_draws(count, seed))


def _check(errors: np.ndarray, words: np.ndarray) -> None:
    """Refuse errors and words of different numbers of utterances, and references without words."""
    if len(errors) != len(words):
        raise UsageError(
            f"errors of {len(errors)} utterances and words of {len(words)} were given, but they must "
            "be of the same utterances"
        )
    if words.sum() == 0:
        raise UsageError("a word error rate needs references with words, but they have none")
