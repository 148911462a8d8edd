"""The evaluator, which loads a strategy's parts once and then measures any of its points."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from trainables import strategies
from trainables.core.device import synchronise
from trainables.core.memory import fitting_batch
from trainables.core.noise import SampleNoise
from trainables.core.precision import dtype_of
from trainables.core.prefetch import prefetch
from trainables.data.dataset import Dataset, Samples
from trainables.data.resolution import degraded
from trainables.evaluation.assembly import assemble, probe
from trainables.evaluation.judge import Judge
from trainables.evaluation.listening import reference_waveforms
from trainables.evaluation.measured_data import MeasuredData
from trainables.evaluation.measurement import (
    Sampling,
    Tally,
    joined,
    measurement_config,
    measurement_of,
)
from trainables.evaluation.path_choices import PathChoices
from trainables.evaluation.point_run import PointRun
from trainables.evaluation.records import Measurement
from trainables.evaluation.storage import Storage
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter, MeterReading
from trainables.sampling.observer import Observer, levels_told
from trainables.sampling.outcome import Outcome
from trainables.sampling.prefix_cache import PrefixCache, SharedBatch
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of
from trainables.task import networks
from trainables.task.members import lent_logit
from trainables.task.recipe import Task

_TIMINGS = 3
"""Runs of which the median is taken; the first may take longer, since it counts FLOPs."""
_KEPT_SECONDS = 30.0
"""After these what was measured of a point is kept, so that little is lost when that is stopped."""
_CACHE_BYTES = 2**30
"""Bytes of an evaluator's prefix cache."""


class Evaluator:
    """Measures points of one strategy on one task; parts and data are loaded once.

    Corrupted signals and prefixes of schedules that measurements have in common are computed once too
    (`PrefixCache`).

    Args:
        task: data, corruption, training.
        strategy: the strategy's name.
        storage: where parts and records are stored.
        batch: the batch size of sampling on a CPU; on a GPU it is as large as its memory allows.
        device: where networks run.
        gpu_share: the fraction of a GPU that this evaluator may use.
        dataset: the task's data; loaded from the storage by default.

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
        self.device, self._cpu_batch, self._gpu_share = device, batch, gpu_share
        self.dataset = dataset or storage.dataset(task)
        self._data = MeasuredData(task, storage, self.dataset)
        self._weights: dict[str, dict[str, Tensor]] = {}
        for kind in strategies.load(strategy).PARTS:
            weights = storage.parts.load(kind, task)
            is_lent = kind in strategies.lent(strategy)
            self._weights |= {lent_logit(kind): weights["logit"]} if is_lent else weights
        classifier = networks.frozen_classifier(self.dataset, task.recipe, self._weights)
        self._classifier = classifier.to(device)
        self.judge = Judge(task, self.dataset, self._classifier, device)
        self._meter = Meter()
        self._engines: dict[torch.dtype, tuple[Engine, int, PrefixCache]] = {}

    def measure(self, point: Mapping[str, object], sampling: Sampling) -> Measurement:
        """The measurement of a point: read from the records, or else made and written to them. It goes on
        from what there is of it in the partial records, which are added to as it takes its time.

        Raises:
            UsageError: the point's parameters are unknown or out of range.
            NonFiniteError: sampling produced NaN or infinity.
        """
        config = self.config(point, sampling)
        record = self.storage.records.find(config)
        if record is not None:
            return record
        parts, samples = self.storage.partials.find(config), len(self._data.samples(sampling))
        while (done := sum(map(len, parts))) < samples:
            if done:
                self.storage.partials.save(config, parts)
            parts += self.tallies([point], sampling, slice(done, None), _KEPT_SECONDS)
        measurement = measurement_of(config, point, [joined(parts)])
        self.storage.records.save(measurement)
        self.storage.partials.remove(config)
        return measurement

    def config(self, point: Mapping[str, object], sampling: Sampling) -> dict[str, object]:
        """The configuration that identifies the measurement of a point."""
        return measurement_config(self.task, self.strategy, point, sampling)

    def tally(
        self, point: Mapping[str, object], sampling: Sampling, rows: slice = slice(None)
    ) -> Tally:
        """Run a point on some rows of a sampling, by default all.

        Raises:
            UsageError: the point's parameters are unknown or out of range.
            NonFiniteError: sampling produced NaN or infinity.
        """
        (value,) = self.tallies([point], sampling, rows)
        return value

    def tallies(
        self,
        points: Sequence[Mapping[str, object]],
        sampling: Sampling,
        rows: slice = slice(None),
        seconds: float = math.inf,
    ) -> list[Tally]:
        """Run points on some rows of a sampling, one batch by all of them before the next batch: those
        that begin alike then share what they sample, however many rows there are. The tallies are those
        of each point alone.

        Args:
            points: the points' parameters.
            sampling: what is sampled.
            rows: of the sampling, by default all.
            seconds: after so many no other batch is begun, and the tallies are of the first rows only.

        Raises:
            UsageError: a point's parameters are unknown or out of range.
            NonFiniteError: sampling produced NaN or infinity.
        """
        engine, batch, cache = self._engine(dtype_of(sampling.precision, self.device))
        split = self._data.samples(sampling).part(rows)
        clean_waveforms = reference_waveforms(split, sampling.split, rows.start or 0)
        runs = [PointRun(schedule_of(self.strategy, point)) for point in points]
        parts = [split.part(slice(first, first + batch)) for first in range(0, len(split), batch)]
        done, end = 0, time.monotonic() + seconds
        start = time.perf_counter()
        for noise, shared in self._batches(parts, sampling, cache):
            preparing = MeterReading(seconds=time.perf_counter() - start)
            for run in runs:
                self._run_on(run, engine, shared, noise.split("sampling"), len(clean_waveforms))
                run.reading += preparing
            done += len(noise.indices)
            if time.monotonic() >= end:
                break
            start = time.perf_counter()
        sampled, listened = split.part(slice(0, done)), clean_waveforms[:done]
        return [run.tally(sampled, self.judge, self.dataset.sound, listened) for run in runs]

    def _run_on(
        self, run: PointRun, engine: Engine, shared: SharedBatch, noise: SampleNoise, listened: int
    ) -> None:
        """Go on with a point's run, on a batch; of the split so many samples are listened to."""
        start = time.perf_counter()
        self._meter.reset()
        outcome = engine.run(run.moves, shared, noise)
        run.take(outcome, self.answers(outcome), self.judge.likeliest(outcome.y), listened)
        seconds = MeterReading(seconds=time.perf_counter() - start)
        run.reading += self._meter.reading() + seconds

    def seconds_alone(self, point: Mapping[str, object], sampling: Sampling) -> float:
        """Seconds that a point takes a sample, in a batch of the size that is used, nothing of which was
        sampled before: the median of a few runs. They are comparable where nothing else runs meanwhile,
        which is for the caller to see to.

        Raises:
            UsageError: the point's parameters are unknown or out of range.
        """
        engine, batch, _ = self._engine(dtype_of(sampling.precision, self.device))
        split = self._data.samples(sampling).first(batch)
        noise = SampleNoise(sampling.seed, split.numbers.tolist())
        x_cor, moves = self._corrupt(split, noise, sampling), schedule_of(self.strategy, point)
        seconds = []
        for _ in range(_TIMINGS):
            synchronise(self.device)
            start = time.perf_counter()
            engine.run(moves, x_cor, noise.split("sampling"))
            synchronise(self.device)
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds) / len(split)

    def sample(
        self, point: Mapping[str, object], sampling: Sampling, observer: Observer | None = None
    ) -> tuple[Outcome, Tensor]:
        """The outcome of a point on a sampling's samples, and x_cor (B, *signal shape); an observer is told
        of every step.
        """
        split = self._data.samples(sampling)
        noise = SampleNoise(sampling.seed, split.numbers.tolist())
        x_cor = self._corrupt(split, noise, sampling)
        engine, _, _ = self._engine(dtype_of(sampling.precision, self.device))
        moves = schedule_of(self.strategy, point)
        return engine.run(moves, x_cor, noise.split("sampling"), observer), x_cor

    def levels(self, point: Mapping[str, object], sampling: Sampling) -> dict[str, list[float]]:
        """The levels that an observer of `sample` is told in the last trajectory of each process."""
        engine, _, _ = self._engine(dtype_of(sampling.precision, self.device))
        return levels_told(schedule_of(self.strategy, point), engine.system)

    def answers(self, outcome: Outcome) -> Tensor:
        """Class numbers (B,), or token numbers (B, S), that the outcome's logits stand for."""
        return self._classifier.classes_of(outcome.y)

    def answers_of_signal(self, outcome: Outcome) -> Tensor:
        """Class or token numbers that the classifier answers on the outcome's signal, f(x_hat), whatever the
        point answers by.
        """
        return self._classifier.classes_of(self.classified(outcome.x))

    @torch.no_grad()
    def classified(self, x: Tensor) -> Tensor:
        """The frozen classifier's standardised logits (B, *logit shape) of signals, which no meter counts."""
        return self._classifier(x)

    def probabilities(self, y: Tensor) -> Tensor:
        """The probabilities (..., K) of classes, or tokens, that standardised logits (..., K) stand for."""
        return self._classifier.scale.restored(y).softmax(dim=-1)

    def system(self, dtype: torch.dtype) -> CoupledSystem:
        """The coupled system that points are sampled from, with networks that compute in `dtype`."""
        choices = PathChoices(self.storage.path_choices, self.device, dtype, self._cpu_batch)
        networks_of = self.task, self.dataset, self._classifier, self._weights
        return assemble(*networks_of, self.device, dtype, self._cpu_batch, choices)

    def _batches(
        self, parts: Sequence[Samples], sampling: Sampling, cache: PrefixCache
    ) -> Iterator[tuple[SampleNoise, SharedBatch]]:
        """The noise and the corrupted signals of each part. While a GPU samples one part, the CPU
        prepares the next.
        """
        noises = [SampleNoise(sampling.seed, part.numbers.tolist()) for part in parts]
        degradation = sampling.degradation(self.task)
        keys = [(degradation, sampling.split, sampling.seed, noise.indices) for noise in noises]
        corruptions = [
            partial(self._corrupt, part, noise, sampling)
            for part, noise in zip(parts, noises, strict=True)
        ]
        prefetched = prefetch(corruptions, threaded=self.device.type == "cuda")
        for noise, key, corrupt in zip(noises, keys, prefetched, strict=True):
            yield noise, cache.batch(key, corrupt)

    def _corrupt(self, split: Samples, noise: SampleNoise, sampling: Sampling) -> Tensor:
        stream, degradation = noise.split("corruption"), sampling.degradation(self.task)
        x_cor = degraded(split, split.clean(), slice(None), degradation, stream)
        return x_cor.to(self.device)

    def _engine(self, dtype: torch.dtype) -> tuple[Engine, int, PrefixCache]:
        """The engine with networks of that dtype, its batch size, and its prefix cache."""
        if dtype not in self._engines:
            dataset, device, system = self.dataset, self.device, self.system(dtype)
            batch = fitting_batch(
                device,
                self._cpu_batch,
                self._gpu_share,
                lambda n: probe(system, dataset, n, device),
            )
            engine = Engine(system, networks.logit_shape(dataset, self.task.recipe), self._meter)
            self._engines[dtype] = engine, batch, PrefixCache(_CACHE_BYTES)
        return self._engines[dtype]
