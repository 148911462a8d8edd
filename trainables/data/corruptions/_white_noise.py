"""What the white-noise corruptions share."""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.core.device import moved
from trainables.core.noise import NoiseSource
from trainables.core.pixel_scale import PixelScale


def replace_elements(x0: Tensor, scale: PixelScale, fraction: float, noise: NoiseSource) -> Tensor:
    """Replace each element, a channel of a pixel, by white noise with probability `fraction`.

    The noise is standard normal in the dataset's standardised units, in which the authors' code
    corrupts: about a channel's mean, with a channel's deviation. x0 and the result are (B, C, H, W);
    replaced elements are not bounded by [-1, 1]. Section 4.1.
    """
    replaced = moved(noise.uniform(x0.shape[1:]), x0.device) < fraction
    white = scale.restored(moved(noise.normal(x0.shape[1:]), x0.device).to(x0.dtype))
    return torch.where(replaced, white, x0)
