"""Measures points: a strategy's parts are loaded once, then any of its points on any split."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainables import strategies
from trainables.core.memory import fitting_batch
from trainables.core.noise import SampleNoise
from trainables.core.precision import dtype_of
from trainables.core.prefetch import prefetch
from trainables.data.dataset import Dataset, Samples
from trainables.evaluation.assembly import assemble, probe
from trainables.evaluation.judge import Judge
from trainables.evaluation.listening import Quality, quality_of, references
from trainables.evaluation.measurement import Sampling, Tally, measurement_config, measurement_of
from trainables.evaluation.records import Measurement
from trainables.evaluation.storage import Storage
from trainables.sampling.engine import Engine, Outcome
from trainables.sampling.meter import Meter, MeterReading
from trainables.sampling.prefix_cache import PrefixCache, SharedBatch
from trainables.strategies import schedule_of
from trainables.task import networks
from trainables.task.recipe import Task

_SHARED_BYTES = 2**30
"""Memory of an evaluator for what its measurements have in common."""


class Evaluator:
    """Measures points of one strategy on one task; parts and data are loaded once.

    What its measurements have in common, corrupted signals and beginnings of samplings, is computed
    once too (`PrefixCache`).

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
        classifier = networks.frozen_classifier(self.dataset, task.recipe, self._weights)
        self._classifier = classifier.to(device)
        self.judge = Judge(task, self.dataset, self._classifier, device)
        self._meter = Meter()
        self._engines: dict[torch.dtype, tuple[Engine, int, PrefixCache]] = {}

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
        spent = self._meter.reading() + MeterReading(seconds=time.perf_counter() - start)
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
        self, parts: Sequence[Samples], sampling: Sampling, beginnings: PrefixCache
    ) -> Iterator[tuple[SampleNoise, SharedBatch]]:
        """Each part's noise and corrupted signals; where a GPU samples, the next part's are
        made meanwhile.
        """
        noises = [SampleNoise(sampling.seed, part.numbers.tolist()) for part in parts]
        keys = [(sampling.split, sampling.seed, noise.indices) for noise in noises]
        makers = [partial(self._corrupted, *pair) for pair in zip(parts, noises, strict=True)]
        made = prefetch(makers, threaded=self.device.type == "cuda")
        for noise, key, corrupt in zip(noises, keys, made, strict=True):
            yield noise, beginnings.batch(key, corrupt)

    def _corrupted(self, split: Samples, noise: SampleNoise) -> Tensor:
        drawn, corruption = noise.split("corruption"), self.task.corruption
        return split.corrupted(split.clean(), slice(None), corruption, drawn).to(self.device)

    def _engine(self, dtype: torch.dtype) -> tuple[Engine, int, PrefixCache]:
        """The engine on networks of that type, how many samples it takes together, and what its runs
        have in common.
        """
        if dtype not in self._engines:
            dataset, device = self.dataset, self.device
            system = assemble(self.task, dataset, self._classifier, self._weights, device, dtype)
            batch = fitting_batch(
                device, self._asked, self._gpu_share, lambda n: probe(system, dataset, n, device)
            )
            engine = Engine(system, networks.logit_shape(dataset, self.task.recipe), self._meter)
            self._engines[dtype] = engine, batch, PrefixCache(_SHARED_BYTES)
        return self._engines[dtype]
