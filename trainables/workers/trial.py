"""The trials of a search: Ray actors that load a strategy's parts once and then measure points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ray import tune

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
from trainables.workers.confirmer import evaluator_of
from trainables.workers.job import Job
from trainables.workers.shared_data import SharedData


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
