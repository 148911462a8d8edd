"""The interfaces of classifiers and denoisers, which the exact denoisers of the tests have too.

Conditions are encoded apart from the denoising call, because they stay the same for a whole
trajectory: the engine encodes them once and passes the encoding to every step. Noise levels are encoded
apart as well, all levels of a process at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

import torch
from torch import Tensor, nn

from trainables.core.errors import UsageError
from trainables.diffusion.ouve import OUVE
from trainables.models.scale import LogitScale

Encoding: TypeAlias = Any
"""A network's encoding of a condition: tensors, nested as that network likes; no other code reads it. That of
signals and of given logits has one entry for each sample, in every tensor's first dimension.
"""


def mapped(values: Encoding, function: Callable[[Tensor], object]) -> Encoding:
    """Nested lists and tuples, named ones too, with the function applied to every tensor; None stays None."""
    if values is None:
        return None
    if isinstance(values, Tensor):
        return function(values)
    entries = [mapped(value, function) for value in values]
    return type(values)(*entries) if hasattr(values, "_fields") else type(values)(entries)


@dataclass(frozen=True)
class NetworkInterface:
    """The sizes of signals and logits that a network is built for, and for speech the processes.

    Args:
        signal_shape: the shape of one signal, (C, H, W).
        classes: K, the number of classes; for sentences the number of tokens.
        signal_process: the process of signals, for speech.
        logit_process: the process of logits, for speech.
        features: the width of the classifier's evidence, where that is not the signal itself.
    """

    signal_shape: tuple[int, ...]
    classes: int
    signal_process: OUVE | None = None
    logit_process: OUVE | None = None
    features: int | None = None

    @property
    def channels(self) -> int:
        """The number of channels C of a signal."""
        return self.signal_shape[0]

    @property
    def of_speech(self) -> tuple[int, OUVE]:
        """The width of the classifier's evidence, and the process of logits.

        Raises:
            UsageError: the signals are not speech.
        """
        if self.features is None or self.logit_process is None:
            raise UsageError(
                "the network is for speech, but the signals are images: choose another"
            )
        return self.features, self.logit_process


class Classifier(Protocol):
    """A frozen classifier with standardised logits."""

    @property
    def scale(self) -> LogitScale:
        """The scale that standardises the logits."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Standardised logits (B, *logit shape) of signals (B, *signal shape)."""

    def raw_logits(self, x: Tensor) -> Tensor:
        """Raw logits (B, *logit shape) of signals (B, *signal shape), before they are standardised."""

    def guiding_logits(self, x: Tensor) -> Tensor:
        """Raw logits (B, K) of signals, by operations that can be differentiated with respect to them."""

    def classes_of(self, y: Tensor) -> Tensor:
        """Numbers of classes (B,), or of tokens (B, S), that standardised logits stand for."""

    def texts_of(self, numbers: Tensor) -> list[str]:
        """Names of classes, or transcripts, of the numbers that `classes_of` returns."""

    def evidence(self, x: Tensor) -> Tensor:
        """The representation of signals that a logit denoiser is conditioned on, (B, ...)."""

    def weights_hash(self) -> str:
        """A hash that identifies the weights."""

    def to(self, device: torch.device, /) -> Self:
        """Move the classifier to a device."""


class Denoiser(nn.Module):
    """The base of denoisers of signals and of logits."""

    def exact(self) -> Iterable[nn.Module]:
        """Modules that always compute in float32.

        A network that has such modules gets states, levels and conditions in float32, and casts to a
        lower precision itself where it can.
        """
        return ()


class SignalDenoiser(Denoiser):
    """Predicts v of a signal from x_t, the corrupted signal and clean logits, if there are any.

    The paper's Denoiser^(x)(x_t, y0_hat, x_cor, t).
    """

    def encode_corrupted(self, x_cor: Tensor) -> Encoding:
        """The encoding of the corrupted signal (B, *signal shape)."""
        raise NotImplementedError

    def encode_time(self, t: Tensor) -> Tensor:
        """The encoding (N, ...) of noise levels t / T, (N,) in [0, 1]; by default the levels themselves."""
        return t

    def encode_logits(self, y: Tensor | None, batch: int) -> Encoding:
        """The encoding of standardised logits y (B, *logit shape), or of their absence if y is None."""
        raise NotImplementedError

    def forward(self, x_t: Tensor, time: Tensor, corrupted: Encoding, logits: Encoding) -> Tensor:
        """v, of x_t's shape (B, *signal shape), at encoded noise levels, (B, ...) or (1, ...)."""
        raise NotImplementedError


class LogitDenoiser(Denoiser):
    """Predicts v of logits from y_t, a signal with its classifier output, and the corrupted signal.

    The paper's Denoiser^(y)(y_t, x0_hat, x_cor, t); conditioning on a signal means conditioning on
    the signal and its classifier output (section 3.1). `plain_encode_signals` is
    `encode_signals` without a frozen graph, so that its FLOPs can be counted; None where
    `encode_signals` itself has no such graph.
    """

    plain_encode_signals: Callable[..., Encoding] | None = None

    def encode_time(self, t: Tensor) -> Tensor:
        """The encoding (N, ...) of noise levels t / T, (N,) in [0, 1]; by default the levels themselves."""
        return t

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Encoding:
        """The encoding of the conditions: x and x_cor as `Classifier.evidence` gives them (B, ...), y_of_x
        and y_cor (B, *logit shape).
        """
        raise NotImplementedError

    def forward(self, y_t: Tensor, time: Tensor, signals: Encoding) -> Tensor:
        """v, of y_t's shape (B, *logit shape), at encoded noise levels, (B, ...) or (1, ...)."""
        raise NotImplementedError
