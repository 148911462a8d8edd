"""Measures points: a strategy's parts are loaded once, then any of its points on any split."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables import strategies
from trainables.config import digest, from_mapping
from trainables.data import corruptions, datasets
from trainables.data.splits import Split
from trainables.engine import CoupledSystem, Engine, Outcome
from trainables.meter import Meter
from trainables.models import build
from trainables.noise import SampleNoise
from trainables.recipe import Task
from trainables.records import (
    FORMAT,
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
from trainables.strategies._moves import Move, check
from trainables.training.objective import processes
from trainables.training.store import PartStore, key_of


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


@dataclass(frozen=True)
class Sampling:
    """What a measurement runs over: the first `limit` samples of a split, at one seed.

    The seed draws the corruption and the sampling noise of every sample.
    """

    split: str
    limit: int
    seed: int


class Evaluator:
    """Measures points of one strategy on one task; parts and data are loaded once.

    Args:
        task: data, corruption, training.
        strategy: the strategy's name.
        storage: where parts and records are.
        batch: samples sampled together.
        device: where networks run.

    Raises:
        UsageError: a part has not been trained.
    """

    def __init__(
        self, task: Task, strategy: str, storage: Storage, batch: int, device: torch.device
    ) -> None:
        self.task, self.strategy, self.storage = task, strategy, storage
        self.batch, self.device = batch, device
        self.module = strategies.load(strategy)
        self.dataset = datasets.load(task.dataset, storage.data)
        weights: dict[str, dict[str, Tensor]] = {}
        for kind in self.module.PARTS:
            weights |= storage.parts.load(kind, task)
        self._classifier = build.frozen_classifier(self.dataset, task.recipe, weights).to(device)
        self._system = self._assemble(weights)
        self._meter = Meter()
        self._engine = Engine(self._system, (len(self.dataset.classes),), self._meter)
        self._corrupt = corruptions.load(task.corruption)

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
        split = self.dataset.split(sampling.split).first(sampling.limit)
        self._meter.reset()
        correct: list[Tensor] = []
        spread: list[Tensor] = []
        start = time.perf_counter()
        for first in range(0, len(split), self.batch):
            part = split.part(slice(first, first + self.batch))
            outcome, _ = self.sample(point, part, sampling.seed)
            correct.append(self.answers(outcome).cpu() == part.labels)
            spread.append(outcome.deviation.flatten(1).mean(dim=1).cpu())
        seconds = time.perf_counter() - start
        answers = "".join("1" if right else "0" for right in torch.cat(correct).tolist())
        cost = self._cost(len(split), seconds) | {SPREAD: float(torch.cat(spread).mean())}
        measurement = Measurement(config, dict(point), answers, cost)
        self.storage.records.save(measurement)
        return measurement

    def sample(self, point: Mapping[str, Any], split: Split, seed: int) -> tuple[Outcome, Tensor]:
        """Corrupt a few samples and run the strategy on them; returns the outcome and x_cor."""
        noise = SampleNoise(seed, split.numbers.tolist())
        x_cor = self._corrupt(split.images(), noise.split("corruption")).to(self.device)
        return self._engine.run(
            schedule_of(self.strategy, point), x_cor, noise.split("sampling")
        ), x_cor

    def answers(self, outcome: Outcome) -> Tensor:
        """Class numbers (B,) that the outcome's logits stand for."""
        return self._classifier.classes_of(outcome.y)

    def _assemble(self, weights: dict[str, dict[str, Tensor]]) -> CoupledSystem:
        dataset, recipe = self.dataset, self.task.recipe
        signal_process, logit_process = processes(self.task, self._classifier)
        signal = logit = None
        if "signal" in weights:
            signal = build.signal_denoiser(dataset, recipe, weights)
            signal.to(self.device).eval().requires_grad_(False)
        if "logit" in weights:
            logit = build.logit_denoiser(dataset, recipe, weights)
            logit.to(self.device).eval().requires_grad_(False)
        return CoupledSystem(self._classifier, signal_process, logit_process, signal, logit)

    def _cost(self, count: int, seconds: float) -> dict[str, float]:
        calls = self._meter.calls
        return {
            NFE: (calls["signal"] + calls["logit"]) / count,
            NFE_SIGNAL: calls["signal"] / count,
            NFE_LOGIT: calls["logit"] / count,
            NFE_CLASSIFIER: calls["classifier"] / count,
            GFLOPS: self._meter.flops / count / 1e9,
            SECONDS_PER_SAMPLE: seconds / count,
        }


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
        "format": FORMAT,
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
    }
