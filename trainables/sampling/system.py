"""The coupled system that is sampled: two processes, their denoisers, and the classifier between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from trainables.diffusion.labels import LabelDiffusion
from trainables.diffusion.process import Process
from trainables.models.base import Encoding, LogitDenoiser, SignalDenoiser
from trainables.sampling.guidance import Guides
from trainables.sampling.moves import SIGNAL, Kind
from trainables.task.members import lent_logit

AnyProcess: TypeAlias = Process[Any]
"""A process of discrete or of continuous noise levels: the engine only hands its levels back to it."""


class LabelScoreNetwork(Protocol):
    """The score network of the label diffusion."""

    def encode_images(self, x: Tensor) -> Encoding:
        """The encoding of images (B, C, H, W), which no label and no time enters."""

    def __call__(self, images: Encoding, labels: Tensor, t: Tensor) -> Tensor:
        """log s, (B, C, K) float32, of encoded images, C labels each (B, C) and a time (1,)."""


@dataclass(frozen=True)
class LabelSystem:
    """The label diffusion (DiDiCM) with its score network; `standardised` maps raw logits (B, K) to those
    that all answers have, standardised by the frozen classifier's scale.
    """

    process: LabelDiffusion
    network: LabelScoreNetwork
    standardised: Callable[[Tensor], Tensor]


def _unchanged(y: Tensor) -> Tensor:
    return y


@dataclass(frozen=True)
class CoupledSystem:
    """Both processes with their denoisers, and the classifier between them.

    `classifier` maps signals (B, *signal shape) to standardised logits (B, *logit shape), and so do the
    members of `retrained`, which were trained on corrupted signals, with the scale of `classifier`. `guides`
    are the classifiers that guide a signal by their gradients, `labels` is the label diffusion.
    `restored` maps standardised logits (..., K) to raw ones, by which it is told whether chains are settled.
    `lent` are logit denoisers of other parts, by the names of `lent_logit`. What no move of a strategy
    calls may be None, or be left out.
    """

    classifier: Callable[[Tensor], Tensor]
    signal_process: AnyProcess
    logit_process: AnyProcess
    signal_denoiser: SignalDenoiser | None = None
    logit_denoiser: LogitDenoiser | None = None
    retrained: Sequence[Callable[[Tensor], Tensor]] = ()
    guides: Guides | None = None
    labels: LabelSystem | None = None
    restored: Callable[[Tensor], Tensor] = _unchanged
    lent: Mapping[str, LogitDenoiser] = field(default_factory=dict)

    def process(self, kind: Kind) -> AnyProcess:
        """The process of signals or of logits."""
        return self.signal_process if kind == SIGNAL else self.logit_process

    def logits_by(self, part: str | None) -> LogitDenoiser:
        """The logit denoiser that a part lends, or that of the strategy's own part, where `part` is None."""
        denoiser = self.logit_denoiser if part is None else self.lent[lent_logit(part)]
        assert denoiser is not None, "the parts of a strategy are those that its moves call"
        return denoiser
