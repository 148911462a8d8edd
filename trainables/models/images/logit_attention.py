"""The logit denoiser for many classes: a ResNet-18 image encoder and cross-attention to it (D.2).

The encoder gets the conditioning image and the corrupted one as channels of one input. The logits attend
to its last feature map, whose mean modulates every block together with time (FiLM). Keys and values
depend on the images alone, so they are part of their encoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import UsageError, check_range
from trainables.models.base import LogitDenoiser, NetworkInterface
from trainables.models.images.classifier import resnet
from trainables.models.layers import TimeEmbedding, norm, zero_output

_FEATURES = 512  # channels of a ResNet-18's last feature map

Images = tuple[Tensor, ...]
"""The encoding of images: FiLM's vector, then keys and values of every block."""


@dataclass(frozen=True)
class LogitAttentionConfig:
    """Sizes: the logits become `tokens` vectors of `width`, for `blocks` blocks of `heads` heads."""

    width: int = 256
    tokens: int = 8
    heads: int = 4
    blocks: int = 4
    dropout: float = 0.1
    network: Literal["attention"] = "attention"
    kind: ClassVar[str] = "image"
    of_sentences: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_range("logit denoiser width", self.width, 1, 65536)
        check_range("logit denoiser tokens", self.tokens, 1, 4096)
        check_range("logit denoiser heads", self.heads, 1, 256)
        check_range("logit denoiser blocks", self.blocks, 1, 64)
        check_range("logit denoiser dropout", self.dropout, 0, 0.9)
        if self.width % self.heads:
            raise UsageError(
                f"logit denoiser width is {self.width}, but must be a multiple of its "
                f"{self.heads} heads"
            )

    def build(self, fit: NetworkInterface) -> LogitDenoiser:
        """An untrained network."""
        return LogitAttention(fit.channels, fit.classes, self)


class LogitAttention(LogitDenoiser):
    """Denoises logits (B, K) given images (B, C, H, W)."""

    def __init__(self, channels: int, classes: int, config: LogitAttentionConfig) -> None:
        super().__init__()
        width, self.tokens = config.width, config.tokens
        # Group instead of batch normalisation: features must not depend on other samples of the batch.
        self.images = resnet(2 * channels, 1, 18, norm_layer=norm)
        self.images.avgpool, self.images.fc = nn.Identity(), nn.Identity()
        self.whole_image = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(_FEATURES, width))
        self.logits_of_image = nn.Linear(classes, width)
        self.time = TimeEmbedding(width)
        self.inlet = nn.Linear(classes, self.tokens * width)
        self.blocks = nn.ModuleList(
            _Block(width, config.heads, config.dropout) for _ in range(config.blocks)
        )
        self.out_norm = nn.LayerNorm(width)
        self.out = nn.Linear(self.tokens * width, classes)
        zero_output(self.out)

    def encode_time(self, t: Tensor) -> Tensor:
        output: Tensor = self.time(t)
        return output

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Images:
        """FiLM's vector (B, width), then keys and values (B, heads, places, width / heads) of each block."""
        flat = self.images(torch.cat([x, x_cor], dim=1))
        places = flat.unflatten(1, (_FEATURES, -1)).transpose(1, 2)
        whole = self.whole_image(places.mean(dim=1)) + self.logits_of_image(y_of_x)
        pairs = [cast(_Block, block).keys_and_values(places) for block in self.blocks]
        return whole, *(tensor for pair in pairs for tensor in pair)

    def forward(self, y_t: Tensor, time: Tensor, signals: Images) -> Tensor:
        whole, keys, values = signals[0], signals[1::2], signals[2::2]
        embedding = functional.silu(time + whole)
        h = self.inlet(y_t).unflatten(1, (self.tokens, -1))
        for block, key, value in zip(self.blocks, keys, values, strict=True):
            h = block(h, embedding, key, value)
        output: Tensor = self.out(functional.silu(self.out_norm(h)).flatten(1))
        return output


class _Block(nn.Module):
    """Residual attention of the logit tokens to the image and a residual MLP, both modulated by FiLM."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.film = nn.Linear(width, 4 * width)
        self.queries, self.attended = nn.Linear(width, width), nn.Linear(width, width)
        self.image = nn.Sequential(nn.LayerNorm(_FEATURES), nn.Linear(_FEATURES, 2 * width))
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
        )

    def keys_and_values(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, N, width / heads) of places (B, N, features) of the image."""
        keys, values = self.image(places).chunk(2, dim=2)
        return self._split(keys), self._split(values)

    def forward(self, h: Tensor, embedding: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Tokens h (B, tokens, width), given the embedding (B, width), to tokens of the same shape."""
        scale1, shift1, scale2, shift2 = self.film(embedding)[:, None].chunk(4, dim=2)
        queries = self._split(self.queries(self.norm1(h) * (1 + scale1) + shift1))
        mixture = functional.scaled_dot_product_attention(queries, keys, values)
        h = h + self.attended(mixture.transpose(1, 2).flatten(2))
        output: Tensor = h + self.mlp(self.norm2(h) * (1 + scale2) + shift2)
        return output

    def _split(self, tokens: Tensor) -> Tensor:
        """Split tokens (B, N, width) among the heads, (B, heads, N, width / heads)."""
        output: Tensor = tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return output
