"""Word error rate by jiwer after Whisper's English normalisation, with what its spread needs.

An utterance is the unit: its errors and words are kept, intervals resample utterances, comparisons
are of the same utterances. Where an utterance was transcribed once a seed, sum its errors and words
over the seeds first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from trainables.core.errors import UsageError
from trainables.scoring.statistics import LEVEL, PairedTest, sign_flip, wilson

_RESAMPLES = 9999
_BATCH = 500  # resamples held at once


def errors(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Word errors (N,) of each utterance and the words (N,) of its reference, int64.

    Errors are substitutions, deletions and insertions of the shortest alignment. Both sides are
    normalised as Whisper's authors do for English (lower case, no punctuation, numbers in digits,
    one spelling). A reference without words counts 0 words, and each word heard is an error.

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
    compared = process_words(
        [normal(text) for text in references], [normal(text) for text in hypotheses]
    )
    wrong = [
        sum(
            max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            for chunk in chunks
            if chunk.type != "equal"
        )
        for chunks in compared.alignments
    ]
    return np.array(wrong), np.array([len(words) for words in compared.references])


def wer(errors: np.ndarray, words: np.ndarray) -> float:
    """The word error rate, from 0: errors of all utterances by words of all; 1 is 100 %.

    Raises:
        UsageError: there are no words.
    """
    _check(errors, words)
    return float(errors.sum() / words.sum())


def interval(errors: np.ndarray, words: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the word error rate, over utterances (N,).

    Where every utterance has the same rate, or there is but one, resampling sees no spread: it is
    Wilson's interval of N utterances then (and the rate itself where it is above 1).

    Raises:
        UsageError: there are no words.
    """
    rate = wer(errors, words)
    if len(errors) == 1 or np.allclose(errors, rate * words, atol=1e-9):
        return wilson(rate, len(errors)) if rate <= 1 else (rate, rate)
    low, high = _bootstrap((errors, words), seed)
    return min(low, rate), max(high, rate)


def paired_difference(
    ours: np.ndarray, other: np.ndarray, words: np.ndarray, seed: int = 0
) -> PairedTest:
    """Word error rate of ours less that of the other, errors (N,) of the same utterances.

    Its 95 % percentile-bootstrap interval over utterances, and the exact two-sided p-value of a
    sign-flip permutation test of the errors' differences. One utterance tells nothing of the spread: the
    interval is the difference then.

    Raises:
        UsageError: the utterances are not the same in number, or there are no words.
    """
    _check(ours, words)
    _check(other, words)
    difference = ours - other
    rate = float(difference.sum() / words.sum())
    if not difference.any() or len(difference) == 1:
        return PairedTest(rate, rate, rate, 1.0)
    low, high = _bootstrap((difference, words), seed)
    return PairedTest(rate, min(low, rate), max(high, rate), sign_flip(difference))


def _bootstrap(data: tuple[np.ndarray, np.ndarray], seed: int) -> tuple[float, float]:
    found = stats.bootstrap(
        data,
        lambda errors, words, axis: errors.sum(axis=axis) / words.sum(axis=axis),
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        vectorized=True,
        paired=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def _check(errors: np.ndarray, words: np.ndarray) -> None:
    if len(errors) != len(words):
        raise UsageError(
            f"errors of {len(errors)} utterances and words of {len(words)} were given, but they must "
            "be of the same utterances"
        )
    if words.sum() == 0:
        raise UsageError("a word error rate needs references with words, but they have none")
