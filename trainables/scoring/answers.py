"""The correctness of answers: of classes right or wrong, of sentences the number of word errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from torch import Tensor

from trainables.scoring import word_error


@dataclass(frozen=True)
class Correctness:
    """Which answers for N samples are correct.

    Args:
        correct: N characters, "1" for each correct answer and "0" for each wrong one; a sentence is
            correct if it has no word error.
        errors: the number of word errors of each sentence; empty for classes.
        words: the number of words of each sentence's reference; empty for classes.
    """

    correct: str
    errors: tuple[int, ...] = ()
    words: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        """The accuracy: the share of correct answers; for sentences 1 - WER, which may be below 0.

        Raises:
            UsageError: no reference has a word.
        """
        if self.words:
            return 1 - word_error.wer(np.array(self.errors), np.array(self.words))
        return self.correct.count("1") / len(self.correct)


def combine(parts: Iterable[Correctness]) -> Correctness:
    """The correctness of all samples, from that of parts of them, in order."""
    parts = list(parts)
    errors, words = ([getattr(part, name) for part in parts] for name in ("errors", "words"))
    correct = "".join(part.correct for part in parts)
    return Correctness(correct, tuple(chain(*errors)), tuple(chain(*words)))


def class_correctness(answers: Tensor, labels: Tensor) -> Correctness:
    """The correctness of class numbers (B,), compared with the labels (B,)."""
    return Correctness("".join("1" if equal else "0" for equal in (answers == labels).tolist()))


def transcript_correctness(transcripts: Sequence[str], references: Sequence[str]) -> Correctness:
    """The correctness of B transcripts, compared with the B references."""
    errors, words = word_error.errors(references, transcripts)
    correct = "".join("0" if count else "1" for count in errors.tolist())
    return Correctness(correct, tuple(errors.tolist()), tuple(words.tolist()))
