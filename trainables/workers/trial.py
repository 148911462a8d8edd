"""The Tune trainable: an actor that loads its parts once and then measures one point a trial."""

from __future__ import annotations

from typing import Any

import torch
from ray import tune

from trainables.core.memory import keep_pages
from trainables.data.dataset import Dataset
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, Tally
from trainables.evaluation.summary import summary
from trainables.scoring.metric_names import ACCURACY, NFE
from trainables.workers.device import worker_device
from trainables.workers.job import Job


def evaluator_of(job: Job, strategy: str, dataset: Dataset | None = None) -> Evaluator:
    """An evaluator of a strategy for this worker; the dataset is loaded unless it is given."""
    torch.set_num_threads(job.threads)
    keep_pages()
    share = job.gpu_share or 1.0  # on a CPU it is 0, and nobody asks
    return Evaluator(job.task, strategy, job.storage, job.batch, worker_device(), share, dataset)


class SamplingTrial(tune.Trainable):
    """One trial samples one point; the actor is reused and keeps the parts.

    Reports accuracy, at most 1, and NFE a sample, and the keys of the records it wrote.
    """

    def setup(self, config: dict[str, Any], job: Job | None = None) -> None:
        assert job is not None, "tune.with_parameters hands over the job"
        self._job, self._evaluator = job, evaluator_of(job, job.strategy)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def step(self) -> dict[str, Any]:
        measured = [self._evaluator.measure(self.config, s) for s in self._job.samplings()]
        values = summary(measured)
        keys = ",".join(measurement.key for measurement in measured)
        return {ACCURACY: values[ACCURACY], NFE: values[NFE], "records": keys, "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the records are the truth."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load."""


class Confirmer:
    """An actor that measures points of any strategy of a job on any split."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._evaluators: dict[str, Evaluator] = {}
        self._dataset: Dataset | None = None

    def samples(self) -> int:
        """How many samples the job's measurements are of: its limit, or as many as the split has."""
        return len(self._data().split(self._job.split).first(self._job.limit))

    def _data(self) -> Dataset:
        if self._dataset is None:
            self._dataset = self._job.storage.dataset(self._job.task)
        return self._dataset

    def tally(
        self, strategy: str, point: dict[str, Any], sampling: Sampling, first: int, last: int
    ) -> Tally:
        """Run a point over rows `first` to `last` of a sampling."""
        if strategy not in self._evaluators:
            self._evaluators[strategy] = evaluator_of(self._job, strategy, self._data())
        return self._evaluators[strategy].tally(point, sampling, slice(first, last))
