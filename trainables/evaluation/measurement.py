"""The samples and noise of a measurement, its tallies, and the configuration that identifies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import torch

from trainables import strategies
from trainables.core.config import as_mapping, digest
from trainables.core.errors import check_choice
from trainables.core.precision_names import PRECISIONS
from trainables.data.degradation import Degradation
from trainables.evaluation.listening import Quality, means, together
from trainables.evaluation.records import FORMATS, Measurement
from trainables.sampling.meter import MeterReading, classifier_calls
from trainables.scoring.answers import Correctness, combine
from trainables.scoring.metric_names import (
    GFLOPS,
    MEAN_CHAINS,
    NFE,
    NFE_CLASSIFIER,
    NFE_GRADIENT,
    NFE_LABEL,
    NFE_LOGIT,
    NFE_SIGNAL,
    SECONDS_PER_SAMPLE,
    SPREAD,
)
from trainables.strategies import schedule_of
from trainables.task.recipe import Task
from trainables.training.part_store import key_of


@dataclass(frozen=True)
class Sampling:
    """The samples, noise and precision of a measurement.

    Args:
        split: the split's name.
        limit: the number of samples, the first of the split.
        seed: seed of the corruption and the sampling noise of every sample.
        precision: what the networks compute in, one of PRECISIONS.
        tested: what is done to the signals in the place of what parts were trained on; None for the same.
    """

    split: str
    limit: int
    seed: int
    precision: str = "auto"
    tested: Degradation | None = None

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, PRECISIONS)

    def degradation(self, task: Task) -> Degradation:
        """What is done to the signals of a task."""
        return self.tested or task.degradation


@dataclass(frozen=True)
class Tally:
    """The results of a point on some samples of a sampling.

    Args:
        correctness: how right the answers are.
        spread: the samples' deviations between chains, summed.
        reading: calls, FLOPs and seconds.
        quality: signal metrics, of the samples that have some.
        running: how many samples were not settled after each chain but the last; empty where no chain ends
            early.
        deviations: the samples' deviations between chains, one each.
    """

    correctness: Correctness
    spread: float
    reading: MeterReading
    quality: Quality = field(default_factory=dict)
    running: tuple[int, ...] = ()
    deviations: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.correctness.correct)


def joined(tallies: Sequence[Tally]) -> Tally:
    """The tally of consecutive rows, from those of parts of them, in order: as if all had been run at once,
    to the last bit where parts are whole batches.
    """
    if len(tallies) == 1:
        return tallies[0]
    deviations = tuple(chain.from_iterable(tally.deviations for tally in tallies))
    return Tally(
        combine(tally.correctness for tally in tallies),
        float(torch.tensor(deviations).sum()),  # in the order and precision of one run
        sum((tally.reading for tally in tallies), MeterReading()),
        together([tally.quality for tally in tallies]),
        running=still_running(tallies),
        deviations=deviations,
    )


def still_running(tallies: Sequence[Tally]) -> tuple[int, ...]:
    """How many samples of all tallies were not settled after each chain but the last."""
    return tuple(sum(counts) for counts in zip(*(t.running for t in tallies), strict=True))


def measurement_of(
    config: dict[str, object], point: Mapping[str, object], tallies: Sequence[Tally]
) -> Measurement:
    """The measurement that is the sum of its tallies, which are of all its rows, in order."""
    correctness = combine(tally.correctness for tally in tallies)
    count = len(correctness.correct)
    reading = sum((tally.reading for tally in tallies), MeterReading())
    calls = reading.calls
    running = tuple(number / count for number in still_running(tallies))
    cost = {
        NFE: (calls["signal"] + calls["logit"] + calls["label"]) / count,
        NFE_SIGNAL: calls["signal"] / count,
        NFE_LOGIT: calls["logit"] / count,
        NFE_LABEL: calls["label"] / count,
        NFE_CLASSIFIER: classifier_calls(calls) / count,
        NFE_GRADIENT: calls["gradient"] / count,
        GFLOPS: reading.flops / count / 1e9,
        SECONDS_PER_SAMPLE: reading.seconds / count,
        SPREAD: sum(tally.spread for tally in tallies) / count,
        **({MEAN_CHAINS: 1 + sum(running)} if running else {}),
        **means([tally.quality for tally in tallies]),
    }
    return Measurement(
        config,
        dict(point),
        correctness.correct,
        cost,
        correctness.errors,
        correctness.words,
        correctness.top5,
        running,
    )


def _differing(task: Task, sampling: Sampling) -> dict[str, object]:
    """What differs from the usual: a share that is not 1, a degradation that parts were not trained on."""
    shares = {"resolution": task.resolution, "train_fraction": task.train_fraction}
    values: dict[str, object] = {name: share for name, share in shares.items() if share != 1}
    if sampling.degradation(task) != task.degradation:
        values["tested"] = as_mapping(sampling.degradation(task))
    return values


def measurement_config(
    task: Task, strategy: str, point: Mapping[str, object], sampling: Sampling
) -> dict[str, object]:
    """The configuration of a measurement: all that determines it, in JSON types. Its hash is the
    measurement's key.

    A point is identified by its schedule, so points with the same moves are measured once.
    """
    moves = [f"{move}" for move in schedule_of(strategy, point)]
    return {
        "format": FORMATS[task.recipe.answers],
        "strategy": strategy,
        "schedule": digest(moves),
        "dataset": task.dataset,
        "content": task.content,
        "corruption": task.corruption,
        **_differing(task, sampling),
        "T": task.recipe.T,
        "parts": {kind: key_of(kind, task) for kind in strategies.load(strategy).PARTS},
        "split": sampling.split,
        "limit": sampling.limit,
        "seed": sampling.seed,
        "precision": sampling.precision,
    }
