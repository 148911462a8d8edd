"""What the white-noise corruptions share."""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.core.noise import NoiseSource


def replace_pixels(x0: Tensor, fraction: float, noise: NoiseSource) -> Tensor:
    """Replace each pixel, all its channels, by standard white noise with probability `fraction`.

    x0 and the result: (B, C, H, W); replaced values are not bounded by [-1, 1]. Section 4.1.
    """
    height, width = x0.shape[-2:]
    replaced = noise.uniform((1, height, width)).to(x0.device) < fraction
    white = noise.normal(x0.shape[1:]).to(x0)
    return torch.where(replaced, white, x0)
