"""A point in a race: sampled in blocks, and stopped once it is known to be beaten by a rival.

The rival is a point that was measured whole and costs no more; the two are compared on the same samples at
the same seeds. A point that is ahead of its rival over all samples is stopped with a probability of at most
`ERROR`, however many blocks there are: see `trainables.scoring.racing`. What was sampled is kept in the
partial records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, joined, measurement_of
from trainables.evaluation.records import Measurement, RecordStore
from trainables.evaluation.summary import per_image, summary
from trainables.scoring.metric_names import SECONDS_ALONE
from trainables.scoring.racing import is_behind

ERROR = 0.05
"""With what probability at most a point is stopped that is in truth ahead of its rival."""
RACE, RIVALS, COST = "race", "rivals", "cost"
"""The key of a trial's race among its point's parameters; in it the keys of rivals and of the cost's name."""
STOPPED_BY, SEEN, TOTAL, SEEDS = "stopped_by", "samples_seen", "samples", "seeds"
"""The keys of what is reported of a stopped race, beside accuracy and costs."""
_LEAST_BLOCKS = 4
"""Into so many blocks a search set is cut that has fewer batches."""


@dataclass(frozen=True)
class Rival:
    """A trial that was measured whole.

    Args:
        trial: its number.
        cost: what its point costs a sample.
        records: the keys of its records, one a seed.
    """

    trial: int
    cost: float
    records: Sequence[str]


@dataclass(frozen=True)
class StoppedRace:
    """What is known of a point that was stopped.

    Args:
        rival: the number of the trial that beats it.
        seen: samples that it was measured on.
        total: samples that there are.
        seeds: at how many seeds each sample is measured.
        values: its accuracy and its costs on the samples seen, by their names.
    """

    rival: int
    seen: int
    total: int
    seeds: int
    values: Mapping[str, float]

    @property
    def counts(self) -> dict[str, int]:
        """The rival and the numbers of samples and seeds, by their keys in reports."""
        return {STOPPED_BY: self.rival, SEEN: self.seen, TOTAL: self.total, SEEDS: self.seeds}


def block_ends(samples: int, batch: int) -> list[int]:
    """Before which rows a race is looked at: after whole batches, where there are a few of them; otherwise
    after each of some equal blocks. The end of all samples is not among them.
    """
    size = batch if -(-samples // batch) >= _LEAST_BLOCKS else -(-samples // _LEAST_BLOCKS)
    return list(range(size, samples, size))


def measure_in_race(
    evaluator: Evaluator,
    point: Mapping[str, object],
    samplings: Sequence[Sampling],
    rivals: Sequence[Rival],
    cost: str,
    batch: int,
    seconds_alone: float | None = None,
) -> list[Measurement] | StoppedRace:
    """Measure a point at some samplings of the same samples, or stop when it is beaten by the most accurate
    rival that costs no more. A point that has no such rival, or has been measured, is measured whole.

    Args:
        evaluator: of the point's strategy.
        point: its sampling parameters.
        samplings: those of the search, one a seed.
        rivals: the front of what was measured whole.
        cost: the name of the cost that the front is of.
        batch: the batch size of sampling on a CPU.
        seconds_alone: what the point costs where the cost is that.

    Raises:
        UsageError: the point's parameters are unknown or out of range.
        NonFiniteError: sampling produced NaN or infinity.
    """
    records, configs = evaluator.storage.records, [evaluator.config(point, s) for s in samplings]
    is_measured = all(records.find(config) is not None for config in configs)
    first = samplings[0]
    total = len(evaluator.dataset.split(first.split).first(first.limit))
    beaten_by: tuple[int, np.ndarray] | None = None
    for end in block_ends(total, batch) if rivals and not is_measured else []:
        partial = [_first(evaluator, point, sampling, end) for sampling in samplings]
        values = summary(partial)
        if seconds_alone is not None:
            values[SECONDS_ALONE] = seconds_alone
        beaten_by = beaten_by or _strongest(records, rivals, values[cost])
        if beaten_by is None:
            break
        leads = beaten_by[1][:end] - per_image(partial)
        if is_behind(leads, total, 1 / len(samplings), ERROR):
            return StoppedRace(beaten_by[0], end, total, len(samplings), values)
    return [evaluator.measure(point, sampling) for sampling in samplings]


def _first(
    evaluator: Evaluator, point: Mapping[str, object], sampling: Sampling, end: int
) -> Measurement:
    """The measurement of a point on the samples before a row, which is kept in the partial records; what is
    there already is not sampled again.
    """
    config = evaluator.config(point, sampling)
    measurement = evaluator.storage.records.find(config)
    if measurement is None:
        partials = evaluator.storage.partials
        tallies = partials.find(config)
        sampled = sum(map(len, tallies))
        if sampled < end:
            tallies.append(evaluator.tally(point, sampling, slice(sampled, end)))
            partials.save(config, tallies)
        measurement = measurement_of(config, point, [joined(tallies)])
    return replace(measurement, correct=measurement.correct[:end], top5=measurement.top5[:end])


def _strongest(
    records: RecordStore, rivals: Sequence[Rival], cost: float
) -> tuple[int, np.ndarray] | None:
    """The number and the scores (N,) of the most accurate rival that costs no more; None where there is none
    whose records are there.
    """
    strongest: tuple[int, np.ndarray] | None = None
    for rival in rivals:
        found = [records.get(key) for key in rival.records if rival.cost <= cost]
        measurements = [measurement for measurement in found if measurement is not None]
        if len(measurements) == len(rival.records):
            scores = per_image(measurements)
            if strongest is None or scores.mean() > strongest[1].mean():
                strongest = rival.trial, scores
    return strongest
