"""What the engine asks of a denoiser. Exact denoisers in tests keep the same contracts.

Conditions are encoded apart from the denoising call, since they stand still for a whole trajectory:
the engine encodes once and hands the encoding to every step. Noise levels are encoded apart too, all
levels of a process at once.
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
"""What a network makes of a condition; nobody but that network looks inside, so it may be anything."""


@dataclass(frozen=True)
class NetworkInterface:
    """What a network is built to fit: the sizes of signals and logits, and for speech the processes.

    `signal_shape` is that of one signal, (C, H, W), `classes` K; of sentences K is the number of tokens.
    `features` is the width of what the classifier shows of a signal, where that is not the signal.
    """

    signal_shape: tuple[int, ...]
    classes: int
    signal_process: OUVE | None = None
    logit_process: OUVE | None = None
    features: int | None = None

    @property
    def channels(self) -> int:
        """C."""
        return self.signal_shape[0]

    @property
    def of_speech(self) -> tuple[int, OUVE]:
        """The width of the classifier's features, and the process of logits.

        Raises:
            UsageError: the signals are no speech.
        """
        if self.features is None or self.logit_process is None:
            raise UsageError(
                "the network is for speech, but the signals are images: choose another"
            )
        return self.features, self.logit_process


class Classifier(Protocol):
    """A frozen classifier with standardised logits."""

    @property
    def scale(self) -> LogitScale: ...

    def __call__(self, x: Tensor) -> Tensor:
        """Signals (B, *signal shape) to standardised logits (B, *logit shape)."""

    def raw_logits(self, x: Tensor) -> Tensor:
        """The same before `scale`."""

    def classes_of(self, y: Tensor) -> Tensor:
        """Numbers of classes (B,), or of tokens (B, S), that standardised logits stand for."""

    def texts_of(self, numbers: Tensor) -> list[str]:
        """What numbers as `classes_of` gives them stand for: names of classes, or transcripts."""

    def evidence(self, x: Tensor) -> Tensor:
        """What a logit denoiser is shown of signals, (B, ...)."""

    def weights_hash(self) -> str:
        """Identifies the weights."""

    def to(self, device: torch.device, /) -> Self:
        """Moves the classifier to a device."""


class Denoiser(nn.Module):
    """What both kinds share."""

    def exact(self) -> Iterable[nn.Module]:
        """Modules that compute in float32 whatever the rest does. A network that has some is given
        states, levels and conditions in float32, and casts what it can compute with in less.
        """
        return ()


class SignalDenoiser(Denoiser):
    """Predicts v of a signal from x_t, the corrupted signal and, where given, clean logits.

    The paper's Denoiser^(x)(x_t, y0_hat, x_cor, t).
    """

    def encode_corrupted(self, x_cor: Tensor) -> Encoding:
        """The encoding of the corrupted signal (B, *signal shape)."""
        raise NotImplementedError

    def encode_time(self, t: Tensor) -> Tensor:
        """The encoding (N, ...) of noise levels t / T, (N,) in [0, 1]; the levels themselves unless a
        network has something to compute of them.
        """
        return t

    def encode_logits(self, y: Tensor | None, batch: int) -> Encoding:
        """The encoding of standardised logits (B, *logit shape); of their absence where y is None."""
        raise NotImplementedError

    def forward(self, x_t: Tensor, time: Tensor, corrupted: Encoding, logits: Encoding) -> Tensor:
        """v, of x_t's shape (B, *signal shape), at encoded noise levels, (B, ...) or (1, ...)."""
        raise NotImplementedError


class LogitDenoiser(Denoiser):
    """Predicts v of logits from y_t, a signal with its classifier output, and the corrupted signal.

    The paper's Denoiser^(y)(y_t, x0_hat, x_cor, t); conditioning on a signal means conditioning on
    the signal and its classifier output (section 3.1). `plain_encode_signals` is `encode_signals`
    operation by operation, so that its FLOPs can be counted; None where nothing hides them.
    """

    plain_encode_signals: Callable[..., Encoding] | None = None

    def encode_time(self, t: Tensor) -> Tensor:
        """The encoding (N, ...) of noise levels t / T, (N,) in [0, 1]; the levels themselves unless a
        network has something to compute of them.
        """
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
