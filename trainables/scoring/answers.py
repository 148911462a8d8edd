"""Answers, judged: right or wrong, or word errors of how many words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from trainables.scoring import word_error

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Correctness:
    """How right the answers for some samples are.

    `correct` has a "1" for each sample answered rightly and a "0" for each other; of sentences one is
    right that has no error, and `errors` and `words` are each utterance's word errors and words.
    """

    correct: str
    errors: tuple[int, ...] = ()
    words: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        """The share of samples answered rightly; of sentences 1 - WER, which may be below 0.

        Raises:
            UsageError: no sentence has a word.
        """
        if self.words:
            return 1 - word_error.wer(np.array(self.errors), np.array(self.words))
        return self.correct.count("1") / len(self.correct)


def together(parts: Iterable[Correctness]) -> Correctness:
    """What parts of the samples, in order, come to."""
    parts = list(parts)
    errors, words = ([getattr(part, name) for part in parts] for name in ("errors", "words"))
    correct = "".join(part.correct for part in parts)
    return Correctness(correct, tuple(chain(*errors)), tuple(chain(*words)))


def classified(answers: Tensor, labels: Tensor) -> Correctness:
    """Of class numbers (B,), against the labels (B,)."""
    return Correctness("".join("1" if right else "0" for right in (answers == labels).tolist()))


def transcribed(transcripts: Sequence[str], references: Sequence[str]) -> Correctness:
    """Of transcripts (B,), against the references (B,)."""
    errors, words = word_error.errors(references, transcripts)
    correct = "".join("0" if wrong else "1" for wrong in errors.tolist())
    return Correctness(correct, tuple(errors.tolist()), tuple(words.tolist()))
