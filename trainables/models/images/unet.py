"""The signal denoiser of the image experiments: a small U-Net with condition streams (D.2).

The corrupted image has an encoder of its own whose features join the main stream at every level.
Logits are constant over the image, so their stream is a vector a block: it scales and shifts the
feature maps as time does, which is what concatenating constant maps before a convolution amounts to.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import UsageError, check_range
from trainables.models.base import NetworkInterface, SignalDenoiser
from trainables.models.layers import ResidualBlock, TimeEmbedding, norm, zero_output


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of the U-Net: channels are `base` times a multiplier a level, with `blocks` a level.

    With `patch` = 2 the first level works on squares of 2×2 pixels, four times fewer places.
    """

    base: int = 32
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 1
    patch: int = 1
    network: Literal["unet"] = "unet"
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_range("U-Net base", self.base, 1, 4096)
        check_range("U-Net blocks", self.blocks, 1, 16)
        check_range("U-Net patch", self.patch, 1, 64)
        if not self.multipliers or min(self.multipliers) < 1:
            raise UsageError(f"U-Net multipliers are {self.multipliers}, but must all be 1 or more")

    def build(self, fit: NetworkInterface) -> SignalDenoiser:
        """An untrained network."""
        return UNet(fit.channels, fit.classes, self)


class UNet(SignalDenoiser):
    """A U-Net over images (B, C, H, W), H and W divisible by patch × 2^(levels - 1)."""

    def __init__(self, channels: int, classes: int, config: UNetConfig) -> None:
        super().__init__()
        channels = channels * config.patch**2
        self.patched, self.whole = nn.PixelUnshuffle(config.patch), nn.PixelShuffle(config.patch)
        widths = [config.base * m for m in config.multipliers]
        embedding = 4 * config.base
        self.time = TimeEmbedding(embedding)
        self.logits = nn.Sequential(
            nn.Linear(classes, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.no_logits = nn.Parameter(torch.zeros(embedding))
        self.main = UNetEncoder(channels, widths, config.blocks, embedding)
        self.corrupted = UNetEncoder(channels, widths, config.blocks, None)
        self.middle = ResidualBlock(widths[-1], widths[-1], embedding)
        self.up = nn.ModuleList(
            ResidualBlock(2 * width, width, embedding) for width in reversed(widths)
        )
        self.shrink = nn.ModuleList(
            nn.Conv2d(wide, narrow, 1)
            for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.out_norm, self.out = norm(widths[0]), nn.Conv2d(widths[0], channels, 3, padding=1)
        zero_output(self.out)

    def encode_corrupted(self, x_cor: Tensor) -> list[Tensor]:
        values: list[Tensor] = self.corrupted(self.patched(x_cor), None, None)
        return values

    def encode_time(self, t: Tensor) -> Tensor:
        output: Tensor = self.time(t)
        return output

    def encode_logits(self, y: Tensor | None, batch: int) -> Tensor:
        return self.no_logits[None] if y is None else self.logits(y)

    def forward(self, x_t: Tensor, time: Tensor, corrupted: list[Tensor], logits: Tensor) -> Tensor:
        embedding = functional.silu(time + logits)
        features = self.main(self.patched(x_t), embedding, corrupted)
        h = self.middle(features[-1], embedding)
        for level, block in enumerate(self.up):
            h = block(torch.cat([h, features[-1 - level]], dim=1), embedding)
            if level < len(self.shrink):
                h = functional.interpolate(self.shrink[level](h), scale_factor=2.0)
        output: Tensor = self.whole(self.out(functional.silu(self.out_norm(h))))
        return output


class UNetEncoder(nn.Module):
    """Features of an image at every level, from fine to coarse.

    `condition`, the features of another encoder, is added at every level.
    """

    def __init__(
        self, channels: int, widths: list[int], blocks: int, embedding: int | None
    ) -> None:
        super().__init__()
        self.inlet = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(
            nn.ModuleList(ResidualBlock(width, width, embedding) for _ in range(blocks))
            for width in widths
        )
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(widths)
        )

    def forward(
        self, x: Tensor, embedding: Tensor | None, condition: list[Tensor] | None
    ) -> list[Tensor]:
        h, features = self.inlet(x), []
        for level, blocks in enumerate(self.levels):
            if condition is not None:
                h = h + condition[level]
            for block in typing.cast(nn.ModuleList, blocks):
                h = block(h, embedding)
            features.append(h)
            if level < len(self.down):
                h = self.down[level](h)
        return features
