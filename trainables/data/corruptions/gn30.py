"""`gn30`: 30 % of the pixels replaced by standard white noise (section 4.1)."""

from __future__ import annotations

from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.data.corruptions._white_noise import replace_pixels


def corrupt(x0: Tensor, noise: NoiseSource) -> Tensor:
    """Corrupt images (B, C, H, W)."""
    return replace_pixels(x0, 0.30, noise)
