"""Ray actors that load a strategy's parts once and then measure points, in search and confirmation."""

from __future__ import annotations

import torch
from ray import tune

from trainables.core.memory import keep_pages
from trainables.data.dataset import Dataset
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, Tally
from trainables.evaluation.summary import summary
from trainables.scoring.metric_names import ACCURACY, GFLOPS, NFE, SECONDS_ALONE
from trainables.workers.device import worker_device
from trainables.workers.job import Job


def evaluator_of(job: Job, strategy: str, dataset: Dataset | None = None) -> Evaluator:
    """This worker's evaluator of a strategy; `dataset` is loaded if it is None."""
    torch.set_num_threads(job.threads)
    keep_pages()
    share = job.gpu_share or 1.0  # the share is 0 on a CPU, where it has no effect
    return Evaluator(job.task, strategy, job.storage, job.batch, worker_device(), share, dataset)


class SamplingTrial(tune.Trainable):
    """A Tune trainable whose trial measures one point; the actor is reused, so parts are loaded once.

    Reports accuracy, which is at most 1, the costs of a sample, and the keys of the records.
    """

    def setup(self, config: dict[str, object], job: Job | None = None) -> None:
        assert job is not None, "tune.with_parameters passes the job"
        self._job, self._evaluator = job, evaluator_of(job, job.strategy)

    def reset_config(self, new_config: dict[str, object]) -> bool:
        return True

    def step(self) -> dict[str, object]:
        samplings = self._job.samplings()
        measurements = [self._evaluator.measure(self.config, sampling) for sampling in samplings]
        values = summary(measurements)
        keys = ",".join(measurement.key for measurement in measurements)
        costs = {name: values[name] for name in (NFE, GFLOPS)}
        if self._job.is_timed:
            costs[SECONDS_ALONE] = self._evaluator.seconds_alone(self.config, samplings[0])
        return {ACCURACY: values[ACCURACY], **costs, "records": keys, "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Saves nothing, since a trial's results are in its records."""

    def load_checkpoint(self, checkpoint: dict[str, object] | None) -> None:
        """Loads nothing, since nothing is saved."""


class Confirmer:
    """An actor that measures points of any strategy of a job on any split."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._evaluators: dict[str, Evaluator] = {}
        self._dataset: Dataset | None = None

    def samples(self) -> int:
        """The number of samples of a measurement: the job's limit, or the size of a smaller split."""
        return len(self._data().split(self._job.split).first(self._job.limit))

    def _data(self) -> Dataset:
        if self._dataset is None:
            self._dataset = self._job.storage.dataset(self._job.task)
        return self._dataset

    def tallies(
        self,
        strategy: str,
        points: list[dict[str, object]],
        sampling: Sampling,
        first: int,
        last: int,
    ) -> list[Tally]:
        """Tallies of points on the rows from `first` up to, not including, `last` of a sampling."""
        return self._evaluator(strategy).tallies(points, sampling, slice(first, last))

    def seconds_alone(self, strategy: str, point: dict[str, object]) -> float:
        """Seconds that a point takes a sample, see `Evaluator.seconds_alone`."""
        return self._evaluator(strategy).seconds_alone(point, self._job.samplings()[0])

    def _evaluator(self, strategy: str) -> Evaluator:
        if strategy not in self._evaluators:
            self._evaluators[strategy] = evaluator_of(self._job, strategy, self._data())
        return self._evaluators[strategy]
