"""The coupled system that is sampled: two processes, their denoisers, and the classifier between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from trainables.diffusion.process import Process
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.sampling.guidance import Guides

AnyProcess: TypeAlias = Process[Any]
"""A process of discrete or of continuous noise levels: the engine only hands its levels back to it."""


@dataclass(frozen=True)
class CoupledSystem:
    """Both processes with their denoisers, and the classifier between them.

    `classifier` maps signals (B, *signal shape) to standardised logits (B, *logit shape), and so do the
    members of `retrained`, which were trained on corrupted signals, with the scale of `classifier`. `guides`
    are the classifiers that guide a signal by their gradients. What no move of a strategy calls may be None,
    or be left out.
    """

    classifier: Callable[[Tensor], Tensor]
    signal_process: AnyProcess
    logit_process: AnyProcess
    signal_denoiser: SignalDenoiser | None = None
    logit_denoiser: LogitDenoiser | None = None
    retrained: Sequence[Callable[[Tensor], Tensor]] = ()
    guides: Guides | None = None
