"""The score network of a closed set's logits: a compact MLP with FiLM (paper, E.4), for speech.

It is conditioned on Whisper's encoder features of a signal, not on the signal: in `encode_signals`, x
and x_cor are features (B, frames, width). Attention pools them into a few vectors. All of this is in the
encoding; time enters with each call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import UsageError, check_range
from trainables.diffusion.ouve import OUVE
from trainables.models.base import LogitDenoiser, NetworkInterface
from trainables.models.layers import FilmBlock, TimeEmbedding, zero_output


class AudioContext(NamedTuple):
    """The encoded conditions: the audio's context, (B, width) or (B, S, width), and y_cor, of y_t's shape."""

    context: Tensor
    y_cor: Tensor


@dataclass(frozen=True)
class LogitScoreConfig:
    """Sizes of the network.

    Args:
        width: of the MLP.
        blocks: residual blocks of the MLP.
        pools: vectors into which attention pools the features.
        class_width: numbers a class in the attention among classes; 0 for none.
        dropout: in the blocks and of the pooled features.
        spread: deviation of the entries of y0 - y_cor (see `OUVE.residual_score`).

    Raises:
        UsageError: a size is out of range.
    """

    width: int = 128
    blocks: int = 3
    pools: int = 4
    class_width: int = 0
    dropout: float = 0.1
    spread: float = 0.1
    network: Literal["logit-score"] = "logit-score"
    kind: ClassVar[str] = "speech"
    of_sentences: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_range("logit score width", self.width, 1, 65536)
        check_range("logit score blocks", self.blocks, 1, 64)
        check_range("logit score pools", self.pools, 1, 256)
        check_range("logit score class_width", self.class_width, 0, 4096)
        check_range("logit score dropout", self.dropout, 0, 0.9)
        check_range("logit score spread", self.spread, 1e-6, 1e3)

    def build(self, fit: NetworkInterface) -> LogitDenoiser:
        """An untrained network."""
        return LogitScore(fit.classes, *fit.of_speech, self)


class ResidualLogitScore(LogitDenoiser):
    """A speech network that puts out sigma(t) times the score, as a residual of the baseline (equation 40).

    The baseline needs y_cor, the end point of the process, so `encode_signals` needs it too.
    """

    time: TimeEmbedding

    def __init__(self, process: OUVE, spread: float) -> None:
        super().__init__()
        self.process, self.spread = process, spread

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> AudioContext:
        """The encoding of the conditions.

        Args:
            x: Whisper's encoder features of the conditioning signal, (B, frames, width).
            y_of_x: standardised logits of that signal, (B, *logit shape).
            x_cor: the features of the corrupted signal, of x's shape.
            y_cor: standardised logits of the corrupted signal, of y_of_x's shape.

        Raises:
            UsageError: y_cor is None.
        """
        raise NotImplementedError

    def exact(self) -> Iterable[nn.Module]:
        """The layers that embed time."""
        return (self.time,)

    def score(self, output: Tensor, y_t: Tensor, t: Tensor, audio: AudioContext) -> Tensor:
        """sigma(t) times the score, of y_t's shape, from an output of unit scale."""
        return self.process.residual_score(output.to(y_t), y_t, audio.y_cor, t, self.spread)

    def whitened(self, y_t: Tensor, t: Tensor, audio: AudioContext) -> Tensor:
        """y_t - y_cor, scaled to unit variance."""
        return self.process.whitened(y_t, audio.y_cor, t, self.spread)


def required_logits(y_cor: Tensor | None) -> Tensor:
    """y_cor, the logits of the corrupted signal.

    Raises:
        UsageError: it is None.
    """
    if y_cor is None:
        raise UsageError(
            "encode_signals got no y_cor, but the baseline of a speech logit network is about the "
            "corrupted signal's logits: give them as its fourth argument"
        )
    return y_cor


class LogitScore(ResidualLogitScore):
    """Predicts the score of logits (B, K) from Whisper's encoder features.

    Args:
        classes: K, the size of the closed set.
        features: width of the encoder's features, 512 for Whisper base.
        process: the process whose score it learns.
        config: sizes.
    """

    def __init__(
        self, classes: int, features: int, process: OUVE, config: LogitScoreConfig
    ) -> None:
        super().__init__(process, config.spread)
        width = config.width
        self.pool = AttentionPool(features, width, config.pools)
        self.audio = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(2 * config.pools * width, width)
        )
        self.logits = nn.Linear(2 * classes, width)
        self.time = TimeEmbedding(width)
        self.among = _AmongClasses(classes, config.class_width) if config.class_width else None
        self.inlet = nn.Linear(classes, width)
        self.blocks = nn.ModuleList(FilmBlock(width, config.dropout) for _ in range(config.blocks))
        self.out_norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)
        zero_output(self.out)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> AudioContext:
        y_cor = required_logits(y_cor)
        pooled = [self.pool(features.to(self.inlet.weight)) for features in (x, x_cor)]
        audio = self.audio(torch.cat(pooled, dim=2).flatten(1))
        logits = torch.cat([y_cor, y_of_x - y_cor], dim=1) / self.spread
        return AudioContext(audio + self.logits(logits.to(self.inlet.weight)), y_cor)

    def forward(self, y_t: Tensor, t: Tensor, signals: AudioContext) -> Tensor:
        """sigma(t) s, (B, K), at times t in (0, 1], (B,) or (1,)."""
        whitened = self.whitened(y_t, t, signals).to(self.inlet.weight)
        if self.among is not None:
            whitened = whitened + self.among(whitened, (signals.y_cor / self.spread).to(whitened))
        embedding = functional.silu(self.time(t).to(whitened) + signals.context)
        h = self.inlet(whitened) + signals.context
        for block in self.blocks:
            h = block(h, embedding)
        output = self.out(functional.silu(self.out_norm(h)))
        return self.score(output, y_t, t, signals)


class AttentionPool(nn.Module):
    """Frames (B, frames, features) to (B, pools, width), by attention with one query for each pool."""

    def __init__(self, features: int, width: int, pools: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.keys_and_values = nn.Linear(features, 2 * width)
        self.queries = nn.Parameter(torch.randn(pools, width))

    def forward(self, frames: Tensor) -> Tensor:
        keys, values = self.keys_and_values(self.norm(frames)).chunk(2, dim=2)
        queries = self.queries.expand(len(frames), -1, -1)
        return functional.scaled_dot_product_attention(queries, keys, values)


class _AmongClasses(nn.Module):
    """Attention among classes: two numbers for each class, (B, K) each, to one, (B, K)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.names = nn.Parameter(0.1 * torch.randn(classes, width))
        self.inlet, self.qkv = nn.Linear(2, width), nn.Linear(width, 3 * width)
        self.outlet = nn.Linear(width, 1)

    def forward(self, state: Tensor, y_cor: Tensor) -> Tensor:
        tokens = self.inlet(torch.stack([state, y_cor], dim=2)) + self.names
        queries, keys, values = self.qkv(tokens).chunk(3, dim=2)
        output: Tensor = self.outlet(
            functional.scaled_dot_product_attention(queries, keys, values)
        )[:, :, 0]
        return output
