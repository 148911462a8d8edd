"""Layers that several networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation, which depends on one sample only: neither batch nor worker matters."""
    return nn.GroupNorm(math.gcd(channels, 8), channels)


def zero_output(layer: nn.Conv2d | nn.Linear) -> None:
    """Set a layer's parameters to zero, so that the output of an untrained denoiser is zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class TimeEmbedding(nn.Module):
    """An MLP of sinusoids of t / T in [0, 1]: (B,) or (1,) to (B or 1, width)."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        half = 16
        frequencies = torch.exp(torch.linspace(0, math.log(200.0), half)) * math.pi / 2
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.mlp = nn.Sequential(nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        angles = t.to(self.frequencies)[:, None] * self.frequencies
        output: Tensor = self.mlp(torch.cat([angles.sin(), angles.cos()], dim=1))
        return output


class ResidualBlock(nn.Module):
    """Two normalised 3×3 convolutions with a shortcut; an embedding scales and shifts between them."""

    def __init__(self, c_in: int, c_out: int, embedding: int | None = None) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm2, self.conv2 = norm(c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.film = None if embedding is None else nn.Linear(embedding, 2 * c_out)
        self.shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, h: Tensor, embedding: Tensor | None = None) -> Tensor:
        """h (B, c_in, H, W) and the embedding (B or 1, width) to (B, c_out, H, W)."""
        inner = self.norm2(self.conv1(functional.silu(self.norm1(h))))
        if self.film is not None and embedding is not None:
            scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
            inner = inner * (1 + scale) + shift
        output: Tensor = self.shortcut(h) + self.conv2(functional.silu(inner))
        return output


class FilmBlock(nn.Module):
    """A residual MLP whose normalised input is scaled and shifted by the embedding."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.film = nn.Linear(width, 2 * width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """h and the embedding, (B, ..., width) each."""
        scale, shift = self.film(embedding).chunk(2, dim=-1)
        inner = functional.silu(self.inner(self.norm(h) * (1 + scale) + shift))
        output: Tensor = h + self.outer(self.dropout(inner))
        return output


def magnitudes(spectrogram: Tensor) -> Tensor:
    """Magnitudes (B, 1, F, T) of a spectrogram (B, 2, F, T), how networks that classify sounds see it: phases
    say little of a word.
    """
    output: Tensor = torch.linalg.vector_norm(spectrogram, dim=1, keepdim=True)
    return output
