"""Layers of NCSN++ (Song et al. 2021), with the parameter names and shapes of published weights.

`GroupNorm_0`, `Conv_1`, `NIN_2`, `W` and the like are those names. Sums of two branches are divided
by sqrt(2), so that depth does not change the scale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.models.layers import zero_output


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with at most 32 groups of at least four channels each, all of one size."""
    return nn.GroupNorm(math.gcd(min(channels // 4, 32), channels), channels, eps=1e-6)


def conv(c_in: int, c_out: int, size: int, silent: bool = False) -> nn.Conv2d:
    """A convolution of size × size that keeps the map's size.

    Its weights are Glorot's uniform ones, or zero if `silent`.
    """
    layer = nn.Conv2d(c_in, c_out, size, padding=size // 2)
    _initialise(layer, silent)
    return layer


def linear(c_in: int, c_out: int) -> nn.Linear:
    """A linear layer with Glorot's uniform weights."""
    layer = nn.Linear(c_in, c_out)
    _initialise(layer)
    return layer


def down(h: Tensor) -> Tensor:
    """Half the map: (B, C, F, T) to (B, C, F / 2, T / 2), filtered against aliasing by (1, 3, 3, 1) / 8 along
    frequency and along time; outside the map is zero.
    """
    channels = h.shape[1]
    # Made where the map is: a GPU would have to be waited for to be sent them.
    taps = (2 - (torch.arange(4, dtype=h.dtype, device=h.device) - 1.5).abs()) / 4
    kernel = torch.outer(taps, taps).expand(channels, 1, -1, -1)
    return functional.conv2d(h, kernel, stride=2, padding=1, groups=channels)


def up(h: Tensor) -> Tensor:
    """Twice the map: (B, C, F, T) to (B, C, 2 F, 2 T), filtered; outside the map is zero.

    The filter's two phases, (1, 3) / 4 and (3, 1) / 4, are those of bilinear interpolation.
    """
    padded = functional.pad(h, (1, 1, 1, 1))
    larger = functional.interpolate(padded, scale_factor=2.0, mode="bilinear", align_corners=False)
    return larger[:, :, 2:-2, 2:-2]


class FourierTime(nn.Module):
    """Sines and cosines of log t at random fixed frequencies: (B,) or (1,) to (B or 1, 2 width)."""

    def __init__(self, width: int, scale: float = 16.0) -> None:
        super().__init__()
        self.W = nn.Parameter(scale * torch.randn(width), requires_grad=False)

    def forward(self, t: Tensor) -> Tensor:
        angles = 2 * math.pi * torch.log(t.to(self.W))[:, None] * self.W
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class NIN(nn.Module):
    """A linear map of the channels at every place (network in network)."""

    def __init__(self, c_in: int, c_out: int, silent: bool = False) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(c_in, c_out))
        self.b = nn.Parameter(torch.zeros(c_out))
        if not silent:
            nn.init.xavier_uniform_(self.W, gain=math.sqrt(0.1))

    def forward(self, places: Tensor) -> Tensor:
        """(B, places, c_in) to (B, places, c_out)."""
        return places @ self.W + self.b


class SelfAttention(nn.Module):
    """Residual self-attention with one head among all places of the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.GroupNorm_0 = group_norm(channels)
        self.NIN_0, self.NIN_1 = NIN(channels, channels), NIN(channels, channels)
        self.NIN_2, self.NIN_3 = NIN(channels, channels), NIN(channels, channels, silent=True)

    def forward(self, h: Tensor) -> Tensor:
        places = self.GroupNorm_0(h).flatten(2).transpose(1, 2)
        mixture = functional.scaled_dot_product_attention(
            self.NIN_0(places)[:, None], self.NIN_1(places)[:, None], self.NIN_2(places)[:, None]
        )
        output: Tensor = (
            h + self.NIN_3(mixture[:, 0]).transpose(1, 2).reshape(h.shape)
        ) / math.sqrt(2)
        return output


class Block(nn.Module):
    """A residual block as in BigGAN, conditioned on the time.

    Args:
        c_in: channels of the map that comes in.
        c_out: channels of the map that goes out.
        embedding: width of the embedded time.
        dropout: share of activations dropped before the second convolution.
        resample: "up" doubles the map's size, "down" halves it, "" keeps it.
    """

    def __init__(
        self, c_in: int, c_out: int, embedding: int, dropout: float, resample: str = ""
    ) -> None:
        super().__init__()
        self.resample = {"up": up, "down": down, "": None}[resample]
        self.GroupNorm_0, self.Conv_0 = group_norm(c_in), conv(c_in, c_out, 3)
        self.Dense_0 = linear(embedding, c_out)
        self.GroupNorm_1, self.Conv_1 = group_norm(c_out), conv(c_out, c_out, 3, silent=True)
        self.dropout = nn.Dropout(dropout)
        self.Conv_2 = conv(c_in, c_out, 1) if resample or c_in != c_out else None

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """h (B, c_in, F, T) and the embedded time (B or 1, embedding), after its activation."""
        inner = functional.silu(self.GroupNorm_0(h))
        if self.resample is not None:
            inner, h = self.resample(inner), self.resample(h)
        inner = self.Conv_0(inner) + self.Dense_0(embedding)[:, :, None, None]
        inner = self.Conv_1(self.dropout(functional.silu(self.GroupNorm_1(inner))))
        if self.Conv_2 is not None:
            h = self.Conv_2(h)
        output: Tensor = (h + inner) / math.sqrt(2)
        return output


class Join(nn.Module):
    """Adds a map of few channels, the input at this level's size, to the features."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.Conv_0 = conv(c_in, c_out, 1)

    def forward(self, small: Tensor, h: Tensor) -> Tensor:
        """small (B, c_in, F, T) and h (B, c_out, F, T) to (B, c_out, F, T)."""
        output: Tensor = self.Conv_0(small) + h
        return output


def _initialise(layer: nn.Conv2d | nn.Linear, silent: bool = False) -> None:
    """Initialise a layer: Glorot's uniform weights and zero biases, or all zeros if `silent`."""
    if silent:
        zero_output(layer)
        return
    nn.init.xavier_uniform_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
