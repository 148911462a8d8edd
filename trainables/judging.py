"""How right answers are: classes against labels, transcripts of sentences against what the same Whisper
makes of the clean signal, as restricted as the answers are (paper, E.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from trainables import word_error
from trainables.config import digest, identity
from trainables.data.splits import Dataset, Samples
from trainables.models.base import Classifier
from trainables.recipe import Task
from trainables.records import write_whole

if TYPE_CHECKING:
    from trainables.models.recogniser import Recogniser

_TOGETHER = 16
_FORMAT = 1


@dataclass(frozen=True)
class Judged:
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


def together(parts: Iterable[Judged]) -> Judged:
    """What parts of the samples, in order, come to."""
    parts = list(parts)
    errors, words = ([getattr(part, name) for part in parts] for name in ("errors", "words"))
    correct = "".join(part.correct for part in parts)
    return Judged(correct, tuple(chain(*errors)), tuple(chain(*words)))


def classified(answers: Tensor, labels: Tensor) -> Judged:
    """Of class numbers (B,), against the labels (B,)."""
    return Judged("".join("1" if right else "0" for right in (answers == labels).tolist()))


def transcribed(transcripts: Sequence[str], references: Sequence[str]) -> Judged:
    """Of transcripts (B,), against the references (B,)."""
    errors, words = word_error.errors(references, transcripts)
    correct = "".join("0" if wrong else "1" for wrong in errors.tolist())
    return Judged(correct, tuple(errors.tolist()), tuple(words.tolist()))


class Judge:
    """Judges answers for samples of a task's dataset; references are made once, and kept with the data.

    Args:
        task: data and recipe.
        dataset: the task's.
        classifier: the frozen one, that makes the references of sentences.
        device: where it is.
    """

    def __init__(
        self, task: Task, dataset: Dataset, classifier: Classifier, device: torch.device
    ) -> None:
        self._task, self._dataset = task, dataset
        self._classifier, self._device = classifier, device

    def judged(self, answers: Tensor, samples: Samples) -> Judged:
        """How right the numbers are, (B,) or (B, S), that `Classifier.classes_of` gives for samples."""
        if self._dataset.script is None:
            return classified(answers, samples.labels)
        return transcribed(self.texts(answers), self.truths(samples))

    def texts(self, answers: Tensor) -> list[str]:
        """What such numbers stand for: names of classes, or transcripts."""
        if self._dataset.script is None:
            return [self._dataset.classes[number] for number in answers.tolist()]
        return self._recogniser.texts_of(answers)

    def truths(self, samples: Samples) -> list[str]:
        """What is right for samples: names of their classes, or transcripts of the clean signals."""
        if self._dataset.script is None:
            return self.texts(samples.labels)
        folder = self._folder()
        if folder is None:
            rows = torch.arange(len(samples)).split(_TOGETHER)
            return [text for chunk in rows for text in self._heard(samples, chunk)]
        paths = [folder / f"{number}.txt" for number in samples.numbers.tolist()]
        missing = torch.tensor([row for row, path in enumerate(paths) if not path.is_file()])
        for chunk in missing.long().split(_TOGETHER):
            for row, text in zip(chunk.tolist(), self._heard(samples, chunk), strict=True):
                write_whole(paths[row], text.encode())
        return [path.read_text(encoding="utf-8") for path in paths]

    @property
    def _recogniser(self) -> Recogniser:
        return cast("Recogniser", self._classifier)

    @torch.no_grad()
    def _heard(self, samples: Samples, rows: Tensor) -> list[str]:
        """Transcripts of the clean signals of these rows."""
        if not len(rows):
            return []
        raw = self._classifier.raw_logits(samples.clean(rows).to(self._device))
        return self._recogniser.texts_of(raw.argmax(dim=-1))

    def _folder(self) -> Path | None:
        """Where references are kept, named by all that they depend on; None without a cache."""
        dataset, recipe = self._dataset, self._task.recipe
        if dataset.cache is None:
            return None
        listener = [identity(recipe.classifier), self._classifier.weights_hash()]
        what = [_FORMAT, self._task.content, *listener, recipe.states()]
        return dataset.cache / f"{dataset.name}-references" / digest(what)
