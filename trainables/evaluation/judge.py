"""The judge of answers: classes are compared with labels, and transcripts of sentences with the same
Whisper's transcripts of the clean signals, restricted to the same tokens (paper, E.3).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from trainables.core.config import digest, identity
from trainables.core.files import write_whole
from trainables.data.dataset import Dataset, Samples
from trainables.models.base import Classifier
from trainables.scoring.answers import (
    Correctness,
    class_correctness,
    likeliest_classes,
    transcript_correctness,
)
from trainables.task.recipe import Task

_BATCH = 16
"""Clean signals that are transcribed at once."""
_FORMAT = 1
"""The format of the reference files; a higher number makes new ones."""


class Judge:
    """Judges answers for samples of a task's dataset.

    The reference transcripts of sentences are made once, and kept in the dataset's cache.

    Args:
        task: data and recipe.
        dataset: the task's data.
        classifier: the frozen classifier, which transcribes the clean signals of sentences.
        device: where the classifier is.
    """

    def __init__(
        self, task: Task, dataset: Dataset, classifier: Classifier, device: torch.device
    ) -> None:
        self._task, self._dataset = task, dataset
        self._classifier, self._device = classifier, device

    def correctness(
        self, answers: Tensor, samples: Samples, likeliest: Tensor | None = None
    ) -> Correctness:
        """The correctness of the answers for samples: numbers (B,) or (B, S) as `Classifier.classes_of`
        returns them, with the likeliest classes where there are such.
        """
        if self._dataset.script is None:
            return class_correctness(answers, samples.labels, likeliest)
        return transcript_correctness(self.texts(answers), self.truths(samples))

    def likeliest(self, y: Tensor) -> Tensor | None:
        """The likeliest classes (B, TOP) by standardised logits (B, K), for the top-5 accuracy; None for
        sentences, and where there are not more classes than that.
        """
        if self._dataset.script is not None:
            return None
        return likeliest_classes(self._classifier.scale.restored(y))

    def texts(self, answers: Tensor) -> list[str]:
        """The names of classes, or the transcripts, that answers (B,) or (B, S) stand for."""
        return self._classifier.texts_of(answers)

    def truths(self, samples: Samples) -> list[str]:
        """The right answers for samples: names of their classes, or transcripts of the clean signals."""
        if self._dataset.script is None:
            return self.texts(samples.labels)
        folder = self._folder()
        if folder is None:
            rows = torch.arange(len(samples)).split(_BATCH)
            return [text for chunk in rows for text in self._transcripts(samples, chunk)]
        paths = [folder / f"{number}.txt" for number in samples.numbers.tolist()]
        missing = torch.tensor([row for row, path in enumerate(paths) if not path.is_file()])
        for chunk in missing.long().split(_BATCH):
            for row, text in zip(chunk.tolist(), self._transcripts(samples, chunk), strict=True):
                write_whole(paths[row], text.encode())
        return [path.read_text(encoding="utf-8") for path in paths]

    @torch.no_grad()
    def _transcripts(self, samples: Samples, rows: Tensor) -> list[str]:
        """Transcripts of the clean signals of these rows."""
        if not len(rows):
            return []
        raw_logits = self._classifier.raw_logits(samples.clean(rows).to(self._device))
        return self._classifier.texts_of(raw_logits.argmax(dim=-1))

    def _folder(self) -> Path | None:
        """The folder of the reference transcripts, named by a hash of all that they depend on; None for
        a dataset without a cache.
        """
        dataset, recipe = self._dataset, self._task.recipe
        if dataset.cache is None:
            return None
        classifier = [identity(recipe.classifier), self._classifier.weights_hash()]
        origin = [_FORMAT, self._task.content, *classifier, recipe.states()]
        return dataset.cache / f"{dataset.name}-references" / digest(origin)
