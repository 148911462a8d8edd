"""`gn45`: 45 % of an image's elements replaced by standard white noise (section 4.1)."""

from __future__ import annotations

from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.core.pixel_scale import PixelScale
from trainables.data.corruptions._white_noise import replace_elements


def corrupt(x0: Tensor, scale: PixelScale, noise: NoiseSource) -> Tensor:
    """Corrupt images (B, C, H, W)."""
    return replace_elements(x0, scale, 0.45, noise)
