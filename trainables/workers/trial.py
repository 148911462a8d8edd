"""Ray actors that load a strategy's parts once and then measure points, in search and confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from ray import tune

from trainables.core.memory import keep_pages
from trainables.data.dataset import Dataset
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, Tally
from trainables.evaluation.race import (
    COST,
    RACE,
    RIVALS,
    Rival,
    StoppedRace,
    measure_in_race,
)
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary
from trainables.scoring.metric_names import ACCURACY, GFLOPS, NFE, SECONDS_ALONE
from trainables.workers.device import worker_device
from trainables.workers.job import Job
from trainables.workers.shared_data import SharedData


def evaluator_of(job: Job, strategy: str, dataset: Dataset | None = None) -> Evaluator:
    """This worker's evaluator of a strategy; `dataset` is loaded if it is None."""
    torch.set_num_threads(job.threads)
    keep_pages()
    share = job.gpu_share or 1.0  # the share is 0 on a CPU, where it has no effect
    return Evaluator(job.task, strategy, job.storage, job.batch, worker_device(), share, dataset)


def _whole(measurements: Sequence[Measurement], seconds: Mapping[str, float]) -> dict[str, object]:
    """What is reported of a point that was measured whole."""
    values = summary(measurements)
    keys = ",".join(measurement.key for measurement in measurements)
    costs = {name: values[name] for name in (NFE, GFLOPS)}
    return {ACCURACY: values[ACCURACY], **costs, **seconds, "records": keys, "done": True}


def _stopped(race: StoppedRace) -> dict[str, object]:
    """What is reported of a point whose race was stopped."""
    names = (ACCURACY, NFE, GFLOPS, SECONDS_ALONE)
    values = {name: race.values[name] for name in names if name in race.values}
    return {**values, **race.counts, "done": True}


class SamplingTrial(tune.Trainable):
    """A Tune trainable whose trial measures one point; the actor is reused, so parts are loaded once.

    Reports accuracy, which is at most 1, the costs of a sample, and the keys of the records. A point that
    has rivals, see `trainables.evaluation.race`, may be stopped: what is reported then is of the samples
    seen, with their number and the rival in the place of the keys.
    """

    def setup(
        self, config: dict[str, object], job: Job | None = None, data: SharedData | None = None
    ) -> None:
        assert job is not None, "tune.with_parameters passes the job"
        dataset = None if data is None else data.dataset()
        self._job, self._evaluator = job, evaluator_of(job, job.strategy, dataset)

    def reset_config(self, new_config: dict[str, object]) -> bool:
        return True

    def step(self) -> dict[str, object]:
        point = {name: value for name, value in self.config.items() if name != RACE}
        samplings, race = self._job.samplings(), self.config.get(RACE)
        if race is None:
            measurements = [self._evaluator.measure(point, sampling) for sampling in samplings]
            return _whole(measurements, self._seconds(point))
        seconds = self._seconds(point)
        rivals, cost = [Rival(*rival) for rival in race[RIVALS]], race[COST]
        outcome = measure_in_race(
            self._evaluator, point, samplings, rivals, cost, self._job.batch, seconds.get(cost)
        )
        return _stopped(outcome) if isinstance(outcome, StoppedRace) else _whole(outcome, seconds)

    def _seconds(self, point: dict[str, object]) -> dict[str, float]:
        """The seconds that a point takes alone, by their name, where points are timed."""
        if not self._job.is_timed:
            return {}
        return {SECONDS_ALONE: self._evaluator.seconds_alone(point, self._job.samplings()[0])}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Saves nothing, since a trial's results are in its records."""

    def load_checkpoint(self, checkpoint: dict[str, object] | None) -> None:
        """Loads nothing, since nothing is saved."""


class Confirmer:
    """An actor that measures points of any strategy of a job on any split.

    Args:
        job: the job.
        data: its data, where they are shared; loaded from the storage if None.
    """

    def __init__(self, job: Job, data: SharedData | None = None) -> None:
        self._job, self._shared = job, data
        self._evaluators: dict[str, Evaluator] = {}
        self._dataset: Dataset | None = None

    def samples(self) -> int:
        """The number of samples of a measurement: the job's limit, or the size of a smaller split."""
        return len(self._data().split(self._job.split).first(self._job.limit))

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
