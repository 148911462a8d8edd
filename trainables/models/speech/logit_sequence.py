"""The score network of sentences' logits: one vector a decoding step, autoregressive (paper, E.4).

A decoding step is conditioned on the logits of a limited number of earlier steps and, by attention to a
light Transformer over Whisper's encoder features, on the audio. Neither depends on the noised logits, so
both are in the encoding, for all steps at once; time enters with each call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import UsageError, check_range
from trainables.diffusion.ouve import OUVE
from trainables.models.base import LogitDenoiser, NetworkInterface
from trainables.models.layers import FilmBlock, TimeEmbedding, zero_output
from trainables.models.speech.logit_score import AudioContext, ResidualLogitScore, required_logits


@dataclass(frozen=True)
class LogitSequenceConfig:
    """Sizes of the network.

    Args:
        width: of the Transformer and the MLP, a multiple of `heads`.
        heads: of every attention.
        layers: of the Transformer over the audio.
        history: earlier decoding steps that a step is conditioned on.
        stride: frames of the audio that are averaged into one.
        blocks: residual blocks of the MLP.
        dropout: in all of them.
        spread: deviation of the entries of y0 - y_cor (see `OUVE.residual_score`).

    Raises:
        UsageError: a size is out of range.
    """

    width: int = 256
    heads: int = 4
    layers: int = 2
    history: int = 8
    stride: int = 4
    blocks: int = 4
    dropout: float = 0.1
    spread: float = 0.1
    network: Literal["logit-sequence"] = "logit-sequence"
    kind: ClassVar[str] = "speech"
    of_sentences: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("logit sequence width", self.width, 2, 65536)
        check_range("logit sequence heads", self.heads, 1, 256)
        check_range("logit sequence layers", self.layers, 1, 64)
        check_range("logit sequence history", self.history, 1, 4096)
        check_range("logit sequence stride", self.stride, 1, 100)
        check_range("logit sequence blocks", self.blocks, 1, 64)
        check_range("logit sequence dropout", self.dropout, 0, 0.9)
        check_range("logit sequence spread", self.spread, 1e-6, 1e3)
        if self.width % self.heads or self.width % 2:
            raise UsageError(
                f"logit sequence width is {self.width}, but must be even and a multiple of its "
                f"{self.heads} heads"
            )

    def build(self, fit: NetworkInterface) -> LogitDenoiser:
        """An untrained network."""
        return LogitSequenceScore(fit.classes, *fit.of_speech, self)


class LogitSequenceScore(ResidualLogitScore):
    """Predicts the score of logits (B, S, K) of S decoding steps from Whisper's encoder features.

    Args:
        classes: K, the tokens of the closed set.
        features: width of the encoder's features, 512 for Whisper base.
        process: the process whose score it learns.
        config: sizes.
    """

    def __init__(
        self, classes: int, features: int, process: OUVE, config: LogitSequenceConfig
    ) -> None:
        super().__init__(process, config.spread)
        width, self.history, self.stride = config.width, config.history, config.stride
        heads, inner, dropout = config.heads, 2 * width, config.dropout
        self.audio_inlet = nn.Linear(2 * features, width)
        self.audio = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                width, heads, inner, dropout, batch_first=True, norm_first=True
            ),
            config.layers,
            norm=nn.LayerNorm(width),
            enable_nested_tensor=False,
        )
        self.before = nn.Linear(classes, width)
        self.start = nn.Parameter(0.1 * torch.randn(width))
        # One layer, so that a step is conditioned on no more than `history` steps.
        self.decoding = nn.TransformerDecoderLayer(
            width, heads, inner, dropout, batch_first=True, norm_first=True
        )
        self.own = nn.Linear(2 * classes, width)
        self.time = TimeEmbedding(width)
        self.inlet = nn.Linear(classes, width)
        self.blocks = nn.ModuleList(FilmBlock(width, dropout) for _ in range(config.blocks))
        self.out_norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)
        zero_output(self.out)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> AudioContext:
        y_cor = required_logits(y_cor)
        context = self.decoding(
            self._history((y_of_x / self.spread).to(self.inlet.weight)),
            self._audio(x, x_cor),
            tgt_mask=_band(y_of_x.shape[1], self.history, y_of_x.device),
        )
        logits = torch.cat([y_cor, y_of_x - y_cor], dim=2) / self.spread
        context = context + self.own(logits.to(self.inlet.weight))
        return AudioContext(context, y_cor)

    def forward(self, y_t: Tensor, t: Tensor, signals: AudioContext) -> Tensor:
        """sigma(t) s, (B, S, K), at times t in (0, 1], (B,) or (1,)."""
        whitened = self.whitened(y_t, t, signals).to(self.inlet.weight)
        embedding = functional.silu(self.time(t).to(whitened)[:, None] + signals.context)
        h = self.inlet(whitened) + signals.context
        for block in self.blocks:
            h = block(h, embedding)
        output = self.out(functional.silu(self.out_norm(h)))
        return self.score(output, y_t, t, signals)

    def _audio(self, x: Tensor, x_cor: Tensor) -> Tensor:
        """Vectors (B, frames / stride, width) of the features of both signals."""
        frames = torch.cat([x, x_cor], dim=2).transpose(1, 2)
        averaged = functional.avg_pool1d(frames, self.stride, ceil_mode=True).transpose(1, 2)
        output: Tensor = self.audio(
            _with_positions(self.audio_inlet(averaged.to(self.inlet.weight)))
        )
        return output

    def _history(self, y: Tensor) -> Tensor:
        """Vectors (B, S, width): at each step the embedded logits of the step before it."""
        start = self.start.expand(len(y), 1, -1)
        return _with_positions(torch.cat([start, self.before(y[:, :-1])], dim=1))


def _band(steps: int, history: int, device: torch.device) -> Tensor:
    """A mask (S, S), true at the steps that the row's step does not attend to: later ones, and those
    `history` or more steps ago.
    """
    ago = torch.arange(steps, device=device)[:, None] - torch.arange(steps, device=device)
    return (ago < 0) | (ago >= history)


def _with_positions(rows: Tensor) -> Tensor:
    """Rows (B, N, width) plus sinusoids of their positions (Vaswani et al. 2017)."""
    count, half = rows.shape[1], rows.shape[2] // 2
    rates = torch.exp(torch.arange(half, device=rows.device) * (-math.log(10_000.0) / half))
    angles = torch.arange(count, device=rows.device)[:, None] * rates
    return rows + torch.cat([angles.sin(), angles.cos()], dim=1).to(rows)
