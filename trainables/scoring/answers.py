"""The correctness of answers: of classes right or wrong, of sentences the number of word errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from torch import Tensor

from trainables.scoring import word_error

TOP = 5
"""Likely answers that the top-5 accuracy counts; it is taken where there are more classes than that."""


@dataclass(frozen=True)
class Correctness:
    """Which answers for N samples are correct.

    Args:
        correct: N characters, "1" for each correct answer and "0" for each wrong one; a sentence is
            correct if it has no word error.
        errors: the number of word errors of each sentence; empty for classes.
        words: the number of words of each sentence's reference; empty for classes.
        top5: N characters, "1" for each sample whose class is among the five most likely answers; empty
            where that says nothing.
    """

    correct: str
    errors: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    top5: str = ""

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
    correct, top5 = ("".join(getattr(part, name) for part in parts) for name in ("correct", "top5"))
    return Correctness(correct, tuple(chain(*errors)), tuple(chain(*words)), top5)


def class_correctness(
    answers: Tensor, labels: Tensor, likeliest: Tensor | None = None
) -> Correctness:
    """The correctness of class numbers (B,), compared with the labels (B,).

    `likeliest` are the numbers (B, TOP) of the most likely classes; None where that says nothing.
    """
    top5 = "" if likeliest is None else _digits((likeliest == labels[:, None]).any(dim=1))
    return Correctness(_digits(answers == labels), top5=top5)


def likeliest_classes(logits: Tensor) -> Tensor | None:
    """The numbers (B, TOP) of the classes with the largest logits (B, K), the largest first; of equal
    logits those of the lower numbers. None where all classes would be among them.
    """
    if logits.shape[1] <= TOP:
        return None
    return logits.argsort(dim=1, descending=True, stable=True)[:, :TOP]


def _digits(flags: Tensor) -> str:
    """Flags (B,) as a "1" for each that is set and a "0" for each other."""
    return "".join("1" if flag else "0" for flag in flags.tolist())


def transcript_correctness(transcripts: Sequence[str], references: Sequence[str]) -> Correctness:
    """The correctness of B transcripts, compared with the B references."""
    errors, words = word_error.errors(references, transcripts)
    correct = "".join("0" if count else "1" for count in errors.tolist())
    return Correctness(correct, tuple(errors.tolist()), tuple(words.tolist()))
