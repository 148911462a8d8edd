"""Calls that a strategy's point costs, counted by the engine's meter on denoisers of constant output."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainables import strategies
from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.labels import LabelDiffusion
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.cost import Cost
from trainables.sampling.engine import Engine
from trainables.sampling.guidance import Guides
from trainables.sampling.meter import Meter, classifier_calls
from trainables.sampling.system import AnyProcess, CoupledSystem, LabelSystem
from trainables.strategies import schedule_of
from trainables.task.members import MOST_MEMBERS, lent_logit


class _ZeroSignalDenoiser(SignalDenoiser):
    """A signal denoiser whose output is zero."""

    def encode_corrupted(self, x_cor: Tensor) -> None:
        return None

    def encode_logits(self, y: Tensor | None, batch: int) -> None:
        return None

    def forward(self, x_t: Tensor, t: Tensor, corrupted: None, logits: None) -> Tensor:
        return torch.zeros_like(x_t)


class _ZeroLogitDenoiser(LogitDenoiser):
    """A logit denoiser whose output is zero."""

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> None:
        return None

    def forward(self, y_t: Tensor, t: Tensor, signals: None) -> Tensor:
        return torch.zeros_like(y_t)


def _zero_logits(x: Tensor, *level: Tensor) -> Tensor:
    """Logits (B, 2) that are zero for all signals, with gradients that are zero too."""
    return 0 * x.flatten(1)[:, :1].expand(-1, 2)


class _ZeroLabelScore:
    """A score network of two labels whose output is zero."""

    def encode_images(self, x: Tensor) -> None:
        return None

    def __call__(self, images: None, labels: Tensor, t: Tensor) -> Tensor:
        return torch.zeros(*labels.shape, 2)


def call_count(
    strategy: str, point: Mapping[str, object], T: int, process: AnyProcess | None = None
) -> Cost:
    """Calls for one sample, as the meter counts them in a run of the engine.

    Args:
        strategy: the strategy's name.
        point: its sampling parameters.
        T: the number of noise levels of the default process.
        process: the process of both signals and logits; GaussianDiffusion by default.

    Raises:
        UsageError: the point's parameters are unknown or out of range.
    """
    process, meter = process or GaussianDiffusion(T, clip=1.0), Meter()
    system = CoupledSystem(
        _zero_logits,
        process,
        process,
        _ZeroSignalDenoiser(),
        _ZeroLogitDenoiser(),
        [_zero_logits] * MOST_MEMBERS,
        Guides(lambda y: y.softmax(dim=-1), _zero_logits, _zero_logits),
        LabelSystem(LabelDiffusion(2), _ZeroLabelScore(), lambda logits: logits),
        lent={lent_logit(part): _ZeroLogitDenoiser() for part in strategies.lent(strategy)},
    )
    Engine(system, (2,), meter).run(
        schedule_of(strategy, point), torch.zeros(1, 1, 1, 1), SampleNoise(0, [0])
    )
    calls = meter.calls
    return Cost(
        calls["signal"],
        calls["logit"],
        classifier_calls(calls),
        nfe_label=calls["label"],
        nfe_gradient=calls["gradient"],
    )
