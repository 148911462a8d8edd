"""How right answers are: classes against labels, transcripts of sentences against what the same Whisper
makes of the clean signal, as restricted as the answers are (paper, E.3).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from trainables.core.config import digest, identity
from trainables.core.files import write_whole
from trainables.data.dataset import Dataset, Samples
from trainables.models.base import Classifier
from trainables.scoring.answers import Correctness, class_correctness, transcript_correctness
from trainables.task.recipe import Task

_TOGETHER = 16
_FORMAT = 1


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

    def judged(self, answers: Tensor, samples: Samples) -> Correctness:
        """How right the numbers are, (B,) or (B, S), that `Classifier.classes_of` gives for samples."""
        if self._dataset.script is None:
            return class_correctness(answers, samples.labels)
        return transcript_correctness(self.texts(answers), self.truths(samples))

    def texts(self, answers: Tensor) -> list[str]:
        """What such numbers stand for: names of classes, or transcripts."""
        return self._classifier.texts_of(answers)

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

    @torch.no_grad()
    def _heard(self, samples: Samples, rows: Tensor) -> list[str]:
        """Transcripts of the clean signals of these rows."""
        if not len(rows):
            return []
        raw = self._classifier.raw_logits(samples.clean(rows).to(self._device))
        return self._classifier.texts_of(raw.argmax(dim=-1))

    def _folder(self) -> Path | None:
        """Where references are kept, named by all that they depend on; None without a cache."""
        dataset, recipe = self._dataset, self._task.recipe
        if dataset.cache is None:
            return None
        listener = [identity(recipe.classifier), self._classifier.weights_hash()]
        what = [_FORMAT, self._task.content, *listener, recipe.states()]
        return dataset.cache / f"{dataset.name}-references" / digest(what)
