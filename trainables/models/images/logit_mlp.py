"""The logit denoiser of the image experiments: a conditional MLP with an image encoder (D.2).

The encoder gets the conditioning image and the corrupted one as channels of one input, so that it can
compare them. Time and image features modulate the MLP (FiLM).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import check_range
from trainables.models.base import LogitDenoiser, NetworkInterface
from trainables.models.layers import FilmBlock, ResidualBlock, TimeEmbedding, norm, zero_output


@dataclass(frozen=True)
class LogitMLPConfig:
    """Sizes: channels of the image encoder (which sees squares of `patch` × `patch` pixels), width and
    number of the MLP's blocks, dropout.
    """

    base: int = 32
    width: int = 128
    blocks: int = 2
    dropout: float = 0.1
    patch: int = 1
    network: Literal["mlp"] = "mlp"
    kind: ClassVar[str] = "image"
    of_sentences: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_range("logit denoiser base", self.base, 1, 4096)
        check_range("logit denoiser width", self.width, 1, 65536)
        check_range("logit denoiser blocks", self.blocks, 1, 64)
        check_range("logit denoiser dropout", self.dropout, 0, 0.9)
        check_range("logit denoiser patch", self.patch, 1, 64)

    def build(self, fit: NetworkInterface) -> LogitDenoiser:
        """An untrained network."""
        return LogitMLP(fit.channels, fit.classes, self)


class LogitMLP(LogitDenoiser):
    """Denoises logits (B, K) given images (B, C, H, W)."""

    def __init__(self, channels: int, classes: int, config: LogitMLPConfig) -> None:
        super().__init__()
        base, width = config.base, config.width
        self.images = nn.Sequential(
            nn.PixelUnshuffle(config.patch),
            nn.Conv2d(2 * channels * config.patch**2, base, 3, padding=1),
            ResidualBlock(base, base),
            nn.Conv2d(base, 2 * base, 3, stride=2, padding=1),
            ResidualBlock(2 * base, 2 * base),
            nn.Conv2d(2 * base, 2 * base, 3, stride=2, padding=1),
            norm(2 * base),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(8 * base, width),
        )
        self.logits_of_image = nn.Linear(classes, width)
        self.time = TimeEmbedding(width)
        self.inlet = nn.Linear(classes, width)
        self.blocks = nn.ModuleList(FilmBlock(width, config.dropout) for _ in range(config.blocks))
        self.out_norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)
        zero_output(self.out)

    def encode_time(self, t: Tensor) -> Tensor:
        output: Tensor = self.time(t)
        return output

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Tensor:
        output: Tensor = self.images(torch.cat([x, x_cor], dim=1)) + self.logits_of_image(y_of_x)
        return output

    def forward(self, y_t: Tensor, time: Tensor, signals: Tensor) -> Tensor:
        embedding = functional.silu(time + signals)
        h = self.inlet(y_t) + signals
        for block in self.blocks:
            h = block(h, embedding)
        output: Tensor = self.out(functional.silu(self.out_norm(h)))
        return output
