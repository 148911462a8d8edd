"""The Ray actor that measures points of any strategy, and the evaluator of a worker.

Nothing here loads Ray's libraries, which takes seconds: an actor is there sooner.
"""

from __future__ import annotations

import torch

from trainables.core.memory import keep_pages
from trainables.data.dataset import Dataset
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, Tally
from trainables.workers.device import worker_device
from trainables.workers.job import Job
from trainables.workers.shared_data import SharedData


def evaluator_of(job: Job, strategy: str, dataset: Dataset | None = None) -> Evaluator:
    """This worker's evaluator of a strategy; `dataset` is loaded if it is None."""
    torch.set_num_threads(job.threads)
    keep_pages()
    share = job.gpu_share or 1.0  # the share is 0 on a CPU, where it has no effect
    return Evaluator(job.task, strategy, job.storage, job.batch, worker_device(), share, dataset)


class Confirmer:
    """An actor that measures points of any strategy on any split.

    Args:
        job: the job whose task, storage, batch, threads and share of a GPU it has.
        data: its data, where they are shared; loaded from the storage if None.
    """

    def __init__(self, job: Job, data: SharedData | None = None) -> None:
        self._job, self._shared = job, data
        self._evaluators: dict[str, Evaluator] = {}
        self._dataset: Dataset | None = None

    def samples(self, split: str, limit: int) -> int:
        """The number of samples of a measurement on a split: the limit, or the size of a smaller split."""
        return len(self._data().split(split).first(limit))

    def _data(self) -> Dataset:
        if self._dataset is None:
            shared, job = self._shared, self._job
            self._dataset = job.storage.dataset(job.task) if shared is None else shared.dataset()
        return self._dataset

    def tallies(
        self,
        strategy: str,
        points: list[dict[str, object]],
        sampling: Sampling,
        first: int,
        last: int,
        seconds: float,
    ) -> tuple[list[Tally], bool]:
        """Tallies of points on the rows from `first` up to, not including, `last` of a sampling, or on fewer
        of them where these take more than so many seconds; and whether they are of all that there are.
        """
        rows = slice(first, min(last, self.samples(sampling.split, sampling.limit)))
        tallies = self._evaluator(strategy).tallies(points, sampling, rows, seconds)
        return tallies, first + len(tallies[0]) >= rows.stop

    def seconds_alone(self, strategy: str, point: dict[str, object]) -> float:
        """Seconds that a point takes a sample, see `Evaluator.seconds_alone`."""
        return self._evaluator(strategy).seconds_alone(point, self._job.samplings()[0])

    def _evaluator(self, strategy: str) -> Evaluator:
        if strategy not in self._evaluators:
            self._evaluators[strategy] = evaluator_of(self._job, strategy, self._data())
        return self._evaluators[strategy]
