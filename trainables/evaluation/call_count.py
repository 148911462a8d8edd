"""What a strategy's point costs, counted by the engine's own meter on networks that do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.process import Process
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.engine import CoupledSystem, Engine
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Cost
from trainables.strategies import schedule_of


class _Still(SignalDenoiser):
    """A signal denoiser that predicts nothing."""

    def encode_corrupted(self, x_cor: Tensor) -> None:
        return None

    def encode_logits(self, y: Tensor | None, batch: int) -> None:
        return None

    def forward(self, x_t: Tensor, t: Tensor, corrupted: None, logits: None) -> Tensor:
        return torch.zeros_like(x_t)


class _StillLogits(LogitDenoiser):
    """A logit denoiser that predicts nothing."""

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> None:
        return None

    def forward(self, y_t: Tensor, t: Tensor, signals: None) -> Tensor:
        return torch.zeros_like(y_t)


def counted(
    strategy: str, point: Mapping[str, Any], T: int, process: Process[Any] | None = None
) -> Cost:
    """Calls a sample that the meter counts in a run of the engine, both processes being `process`: a
    GaussianDiffusion of T noise levels if none is given.

    Raises:
        UsageError: the point's parameters are unknown or out of range.
    """
    process, meter = process or GaussianDiffusion(T, clip=1.0), Meter()
    system = CoupledSystem(
        lambda x: torch.zeros(len(x), 2), process, process, _Still(), _StillLogits()
    )
    Engine(system, (2,), meter).run(
        schedule_of(strategy, point), torch.zeros(1, 1, 1, 1), SampleNoise(0, [0])
    )
    calls = meter.calls
    return Cost(calls["signal"], calls["logit"], calls["classifier"])
