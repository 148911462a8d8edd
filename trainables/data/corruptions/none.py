"""`none`: images stay as they are, so that reduced resolution is all that is done to them."""

from __future__ import annotations

from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.core.pixel_scale import PixelScale


def corrupt(x0: Tensor, scale: PixelScale, noise: NoiseSource) -> Tensor:
    """The images (B, C, H, W) themselves; nothing in it is random, or depends on the scale."""
    return x0
