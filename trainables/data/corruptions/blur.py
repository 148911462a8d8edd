"""`blur`: Gaussian blur, 5×5 kernel, sigma 2 pixels, borders reflected (section 4.1)."""

from __future__ import annotations

from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.core.pixel_scale import PixelScale


def corrupt(x0: Tensor, scale: PixelScale, noise: NoiseSource) -> Tensor:
    """Blur images (B, C, H, W); nothing in it is random, or depends on the scale."""
    from torchvision.transforms.v2.functional import gaussian_blur  # loads in two seconds

    output: Tensor = gaussian_blur(x0, kernel_size=[5, 5], sigma=[2.0, 2.0])
    return output
