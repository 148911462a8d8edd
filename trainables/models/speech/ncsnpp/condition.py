"""How logits condition NCSN++ (paper, E.4): FiLM at the bottleneck, or fusion with a map midway.

Untrained conditions change nothing, since their last layer starts at zero. `encode` computes what does
not depend on the signal, once for the same logits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.models.base import Encoding
from trainables.models.layers import zero_output

_POSITIONS = 16  # sinusoids of the position of a step or a frame


class Condition(nn.Module):
    """Changes a map of features by the logits' encoding."""

    def encode(self, y: Tensor) -> Encoding:
        """The encoding of logits (B, S, K)."""
        raise NotImplementedError

    def encode_absence(self) -> Encoding:
        """The encoding of the absence of logits, one for all samples, which leaves the map unchanged."""
        raise NotImplementedError

    def forward(self, h: Tensor, logits: Encoding) -> Tensor:
        """The map h (B, C, F, T), conditioned on encoded logits; its shape stays."""
        raise NotImplementedError


class FiLM(Condition):
    """A scale and a shift for each channel, from the mean of the embedded decoding steps."""

    def __init__(self, classes: int, width: int, channels: int) -> None:
        super().__init__()
        self.steps = _Steps(classes, width)
        self.inner, self.film = nn.Linear(width, width), nn.Linear(width, 2 * channels)
        zero_output(self.film)

    def encode(self, y: Tensor) -> Tensor:
        """The scale and shift (B, 2 C) of logits (B, S, K)."""
        output: Tensor = self.film(functional.silu(self.inner(self.steps(y).mean(dim=1))))
        return output

    def encode_absence(self) -> Tensor:
        return torch.zeros(1, self.film.out_features).to(self.film.weight)

    def forward(self, h: Tensor, logits: Tensor) -> Tensor:
        scale, shift = logits[:, :, None, None].chunk(2, dim=1)
        return h * (1 + scale) + shift


class Fusion(Condition):
    """Each frame of the map attends to the decoding steps; the result is fused with all its frequencies."""

    def __init__(self, classes: int, width: int, channels: int) -> None:
        super().__init__()
        self.steps = _Steps(classes, width)
        self.keys_and_values = nn.Linear(width, 2 * width)
        self.queries = nn.Linear(channels + _POSITIONS, width)
        self.inner = nn.Conv2d(channels + width, channels, 1)
        self.outer = nn.Conv2d(channels, channels, 1)
        zero_output(self.outer)

    def encode(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Keys and values, (B, S, width) each, and ones (B, 1, 1, 1), since logits are present."""
        keys, values = self.keys_and_values(self.steps(y)).chunk(2, dim=2)
        return keys, values, torch.ones(len(y), 1, 1, 1).to(values)

    def encode_absence(self) -> tuple[Tensor, Tensor, Tensor]:
        weight = self.keys_and_values.weight
        zeros = torch.zeros(1, 1, len(weight) // 2).to(weight)
        return zeros, zeros, torch.zeros(1, 1, 1, 1).to(weight)

    def forward(self, h: Tensor, logits: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        keys, values, presence = logits
        keys, values = (rows.expand(len(h), -1, -1) for rows in (keys, values))
        frames = h.mean(dim=2).transpose(1, 2)
        queries = self.queries(_with_positions(frames))
        attended = functional.scaled_dot_product_attention(queries, keys, values)
        attended = attended.transpose(1, 2)[:, :, None].expand(-1, -1, h.shape[2], -1)
        output: Tensor = h + presence * self.outer(
            functional.silu(self.inner(torch.cat([h, attended], dim=1)))
        )
        return output


class _Steps(nn.Module):
    """Embeds decoding steps with their places: (B, S, K) to (B, S, width)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.inlet = nn.Linear(classes + _POSITIONS, width)
        self.outlet = nn.Linear(width, width)

    def forward(self, y: Tensor) -> Tensor:
        return functional.silu(self.outlet(functional.silu(self.inlet(_with_positions(y)))))


def _with_positions(rows: Tensor) -> Tensor:
    """(B, N, C) to (B, N, C + _POSITIONS): sines and cosines of each row's place in [0, 1)."""
    count = rows.shape[1]
    octaves = 2.0 ** torch.arange(_POSITIONS // 2, device=rows.device)
    angles = torch.arange(count, device=rows.device)[:, None] / count * octaves * math.pi / 2
    positions = torch.cat([angles.sin(), angles.cos()], dim=1).to(rows)
    return torch.cat([rows, positions.expand(len(rows), -1, -1)], dim=2)
