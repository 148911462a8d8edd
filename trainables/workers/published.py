"""The Ray actor that trains and measures with choices of the published code."""

from __future__ import annotations

from pathlib import Path

import torch

from trainables.core.files import write_json
from trainables.core.memory import keep_pages
from trainables.data.dataset import Dataset
from trainables.evaluation.measurement import Sampling
from trainables.published.choice import Choice
from trainables.published.evaluator import PublishedEvaluator
from trainables.published.storage import storage_of
from trainables.published.training import train
from trainables.training.batches import Share
from trainables.training.loop import Report
from trainables.workers.device import worker_device
from trainables.workers.job import Job


class PublishedBench:
    """An actor that trains parts, and measures points, with any choice of the published code.

    Args:
        job: what all measurements have in common.
    """

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        keep_pages()
        self._job, self._device = job, worker_device()
        self._dataset: Dataset | None = None
        self._evaluators: dict[tuple[Choice, str], PublishedEvaluator] = {}

    def train(self, training: str, history: str) -> None:
        """Train the parts of a training that are missing; the last report is kept, whole, in the
        file `history`, which the driver reads meanwhile.
        """

        def write(report: Report) -> None:
            progress = {
                "kind": report.kind,
                "update": report.update,
                "updates": report.updates,
            }
            write_json(Path(history), progress)

        storage = storage_of(self._job.storage, Choice(training=training))
        train(storage, self._job.task, Share(device=self._device), write)

    def measure(
        self, choice: Choice, strategy: str, point: dict[str, object], sampling: Sampling
    ) -> None:
        """Measure a point, unless there is a record of it; the record is written."""
        if (choice, strategy) not in self._evaluators:
            self._evaluators[choice, strategy] = self._evaluator(choice, strategy)
        self._evaluators[choice, strategy].measure(point, sampling)

    def _evaluator(self, choice: Choice, strategy: str) -> PublishedEvaluator:
        job, device = self._job, self._device
        self._dataset = self._dataset or job.storage.dataset(job.task)
        share = job.gpu_share or 1.0  # the share is 0 on a CPU, where it has no effect
        return PublishedEvaluator(
            choice, job.task, strategy, job.storage, job.batch, device, share, self._dataset
        )
