"""What a measurement is made of: which samples and noise, what was counted, what identifies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables import strategies
from trainables.core.config import digest
from trainables.core.errors import check_choice
from trainables.core.precision_names import PRECISIONS
from trainables.evaluation.listening import Quality, means
from trainables.evaluation.records import FORMATS, Measurement
from trainables.sampling.meter import MeterReading
from trainables.scoring.answers import Correctness, combine
from trainables.scoring.metric_names import (
    GFLOPS,
    NFE,
    NFE_CLASSIFIER,
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
    """What a measurement runs over: the first `limit` samples of a split, at one seed.

    The seed draws the corruption and the sampling noise of every sample. `precision`, one of
    PRECISIONS, is what the networks compute in.
    """

    split: str
    limit: int
    seed: int
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, PRECISIONS)


@dataclass(frozen=True)
class Tally:
    """What a run over some samples of a sampling gave.

    `judged` says how right the answers are; `spread` is the sum of the samples' deviations between
    chains; `quality` are the signal measures of those of the samples that are listened to.
    """

    judged: Correctness
    spread: float
    spent: MeterReading
    quality: Quality = field(default_factory=dict)


def measurement_of(
    config: dict[str, Any], point: Mapping[str, Any], tallies: Sequence[Tally]
) -> Measurement:
    """The measurement that the tallies of all its rows, in order, come to."""
    judged = combine(tally.judged for tally in tallies)
    count, spent = len(judged.correct), sum((tally.spent for tally in tallies), MeterReading())
    calls = spent.calls
    cost = {
        NFE: (calls["signal"] + calls["logit"]) / count,
        NFE_SIGNAL: calls["signal"] / count,
        NFE_LOGIT: calls["logit"] / count,
        NFE_CLASSIFIER: calls["classifier"] / count,
        GFLOPS: spent.flops / count / 1e9,
        SECONDS_PER_SAMPLE: spent.seconds / count,
        SPREAD: sum(tally.spread for tally in tallies) / count,
        **means([tally.quality for tally in tallies]),
    }
    return Measurement(config, dict(point), judged.correct, cost, judged.errors, judged.words)


def measurement_config(
    task: Task, strategy: str, point: Mapping[str, Any], sampling: Sampling
) -> dict[str, Any]:
    """All that determines a measurement, in JSON types; its hash is the measurement's key.

    Of the point only its moves count: points that come to the same schedule are measured once.
    """
    moves = [f"{move}" for move in schedule_of(strategy, point)]
    return {
        "format": FORMATS[task.recipe.kind],
        "strategy": strategy,
        "schedule": digest(moves),
        "dataset": task.dataset,
        "content": task.content,
        "corruption": task.corruption,
        "T": task.recipe.T,
        "parts": {kind: key_of(kind, task) for kind in strategies.load(strategy).PARTS},
        "split": sampling.split,
        "limit": sampling.limit,
        "seed": sampling.seed,
        "precision": sampling.precision,
    }
