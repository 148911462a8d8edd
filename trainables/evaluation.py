"""Measures points: a strategy's parts are loaded once, then any of its points on any split."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables import strategies
from trainables.ahead import ahead
from trainables.assembly import assemble, probe
from trainables.config import digest, from_mapping
from trainables.data import datasets
from trainables.data.speech.build import Progress, quiet
from trainables.data.splits import Dataset, Samples
from trainables.engine import Engine, Outcome
from trainables.errors import check_choice
from trainables.judging import Judge, Judged, together
from trainables.memory import fitting_batch
from trainables.meter import Meter, Spent
from trainables.models import build
from trainables.noise import SampleNoise
from trainables.precision import PRECISIONS, dtype_of
from trainables.quality import Quality, means, quality_of, references
from trainables.recipe import Task
from trainables.records import (
    FORMATS,
    GFLOPS,
    NFE,
    NFE_CLASSIFIER,
    NFE_LOGIT,
    NFE_SIGNAL,
    SECONDS_PER_SAMPLE,
    SPREAD,
    Measurement,
    RecordStore,
)
from trainables.sharing import Beginnings, SharedBatch
from trainables.strategies._moves import Move, check
from trainables.training.store import PartStore, key_of

_SHARED_BYTES = 2**30
"""Memory of an evaluator for what its measurements have in common."""


@dataclass(frozen=True)
class Storage:
    """Where everything lies: absolute directories that driver and workers can reach.

    `data_dir` is where the dataset's files are; the storage's own place for downloads if empty.
    """

    root: str
    data_dir: str = ""

    @property
    def parts(self) -> PartStore:
        return PartStore(Path(self.root) / "parts")

    @property
    def records(self) -> RecordStore:
        return RecordStore(Path(self.root) / "records")

    @property
    def data(self) -> Path:
        return Path(self.data_dir) if self.data_dir else Path(self.root) / "data"

    def dataset(self, task: Task, progress: Progress = quiet) -> Dataset:
        """The task's data; what must be built is kept in the storage, and `progress` told of it.

        Raises:
            UsageError: its files are missing or broken.
        """
        cache = Path(self.root) / "data"
        return datasets.load(task.dataset, self.data, cache, task.recipe.spectrogram, progress)


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

    judged: Judged
    spread: float
    spent: Spent
    quality: Quality = field(default_factory=dict)


class Evaluator:
    """Measures points of one strategy on one task; parts and data are loaded once.

    What its measurements have in common, corrupted signals and beginnings of samplings, is computed
    once too (`Beginnings`).

    Args:
        task: data, corruption, training.
        strategy: the strategy's name.
        storage: where parts and records are.
        batch: samples sampled together on a CPU; a GPU takes as many as fit.
        device: where networks run.
        gpu_share: how much of a GPU is this evaluator's.
        dataset: the task's data, where they are loaded already.

    Raises:
        UsageError: a part has not been trained.
    """

    def __init__(
        self,
        task: Task,
        strategy: str,
        storage: Storage,
        batch: int,
        device: torch.device,
        gpu_share: float = 1.0,
        dataset: Dataset | None = None,
    ) -> None:
        self.task, self.strategy, self.storage = task, strategy, storage
        self.device, self._asked, self._gpu_share = device, batch, gpu_share
        self.module = strategies.load(strategy)
        self.dataset = dataset or storage.dataset(task)
        self._weights: dict[str, dict[str, Tensor]] = {}
        for kind in self.module.PARTS:
            self._weights |= storage.parts.load(kind, task)
        classifier = build.frozen_classifier(self.dataset, task.recipe, self._weights)
        self._classifier = classifier.to(device)
        self.judge = Judge(task, self.dataset, self._classifier, device)
        self._meter = Meter()
        self._engines: dict[torch.dtype, tuple[Engine, int, Beginnings]] = {}

    def measure(self, point: Mapping[str, Any], sampling: Sampling) -> Measurement:
        """Measure a point, or find it in the records; the record is written before this returns.

        Raises:
            UsageError: the point's parameters are unknown or out of range.
            NonFiniteError: sampling produced NaN or infinity.
        """
        config = measurement_config(self.task, self.strategy, point, sampling)
        known = self.storage.records.find(config)
        if known is not None:
            return known
        measurement = measurement_of(config, point, [self.tally(point, sampling)])
        self.storage.records.save(measurement)
        return measurement

    def tally(
        self, point: Mapping[str, Any], sampling: Sampling, rows: slice = slice(None)
    ) -> Tally:
        """Run a point over these rows of a sampling, all by default.

        Raises:
            UsageError: the point's parameters are unknown or out of range.
            NonFiniteError: sampling produced NaN or infinity.
        """
        engine, batch, beginnings = self._engine(dtype_of(sampling.precision, self.device))
        split = self.dataset.split(sampling.split).first(sampling.limit).part(rows)
        wanted = references(split, sampling.split, rows.start or 0)
        moves = schedule_of(self.strategy, point)
        self._meter.reset()
        answers: list[Tensor] = []
        spread: list[Tensor] = []
        signals: list[Tensor] = []
        start = time.perf_counter()
        parts = [split.part(slice(first, first + batch)) for first in range(0, len(split), batch)]
        for noise, shared in self._batches(parts, sampling, beginnings):
            outcome = engine.run(moves, shared, noise.split("sampling"))
            answers.append(self.answers(outcome).cpu())
            spread.append(outcome.deviation.flatten(1).mean(dim=1).cpu())
            left = len(wanted) - sum(map(len, signals))
            signals.append(outcome.x[: max(0, left)].cpu())
        spent = self._meter.spent() + Spent(seconds=time.perf_counter() - start)
        quality: Quality = {}
        if self.dataset.sound is not None and wanted:
            quality = quality_of(self.dataset.sound, torch.cat(signals).float(), wanted)
        judged = self.judge.judged(torch.cat(answers), split)
        return Tally(judged, float(torch.cat(spread).sum()), spent, quality)

    def sample(self, point: Mapping[str, Any], sampling: Sampling) -> tuple[Outcome, Tensor]:
        """Corrupt a sampling's samples and run a point on them; returns the outcome and x_cor."""
        split = self.dataset.split(sampling.split).first(sampling.limit)
        noise = SampleNoise(sampling.seed, split.numbers.tolist())
        x_cor = self._corrupted(split, noise)
        engine, _, _ = self._engine(dtype_of(sampling.precision, self.device))
        return engine.run(schedule_of(self.strategy, point), x_cor, noise.split("sampling")), x_cor

    def answers(self, outcome: Outcome) -> Tensor:
        """Numbers of classes (B,), or of tokens (B, S), that the outcome's logits stand for."""
        return self._classifier.classes_of(outcome.y)

    def _batches(
        self, parts: Sequence[Samples], sampling: Sampling, beginnings: Beginnings
    ) -> Iterator[tuple[SampleNoise, SharedBatch]]:
        """Each part's noise and corrupted signals; where a GPU samples, the next part's are
        made meanwhile.
        """
        noises = [SampleNoise(sampling.seed, part.numbers.tolist()) for part in parts]
        keys = [(sampling.split, sampling.seed, noise.indices) for noise in noises]
        makers = [partial(self._corrupted, *pair) for pair in zip(parts, noises, strict=True)]
        made = ahead(makers, threaded=self.device.type == "cuda")
        for noise, key, corrupt in zip(noises, keys, made, strict=True):
            yield noise, beginnings.batch(key, corrupt)

    def _corrupted(self, split: Samples, noise: SampleNoise) -> Tensor:
        drawn, corruption = noise.split("corruption"), self.task.corruption
        return split.corrupted(split.clean(), slice(None), corruption, drawn).to(self.device)

    def _engine(self, dtype: torch.dtype) -> tuple[Engine, int, Beginnings]:
        """The engine on networks of that type, how many samples it takes together, and what its runs
        have in common.
        """
        if dtype not in self._engines:
            dataset, device = self.dataset, self.device
            system = assemble(self.task, dataset, self._classifier, self._weights, device, dtype)
            batch = fitting_batch(
                device, self._asked, self._gpu_share, lambda n: probe(system, dataset, n, device)
            )
            engine = Engine(system, build.logit_shape(dataset, self.task.recipe), self._meter)
            self._engines[dtype] = engine, batch, Beginnings(_SHARED_BYTES)
        return self._engines[dtype]


def measurement_of(
    config: dict[str, Any], point: Mapping[str, Any], tallies: Sequence[Tally]
) -> Measurement:
    """The measurement that the tallies of all its rows, in order, come to."""
    judged = together(tally.judged for tally in tallies)
    count, spent = len(judged.correct), sum((tally.spent for tally in tallies), Spent())
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


def schedule_of(strategy: str, point: Mapping[str, Any]) -> list[Move]:
    """The legal moves of a strategy's point.

    Raises:
        UsageError: the strategy or a parameter is unknown, or a value is out of range.
    """
    parameters = from_mapping(strategies.load(strategy).Parameters, point)
    return check(parameters.schedule())


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
