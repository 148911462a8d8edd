"""`blur`: Gaussian blur, 5×5 kernel, sigma 2 pixels, borders reflected (section 4.1)."""

from __future__ import annotations

from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from trainables.core.noise import NoiseSource


def corrupt(x0: Tensor, noise: NoiseSource) -> Tensor:
    """Blur images (B, C, H, W); nothing in it is random."""
    output: Tensor = gaussian_blur(x0, kernel_size=[5, 5], sigma=[2.0, 2.0])
    return output
