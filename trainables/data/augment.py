"""Random small rotations, scalings and shifts of training images, for any dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainables.core.device import moved
from trainables.core.errors import check_range


@dataclass(frozen=True)
class Augmentation:
    """The ranges of random transforms of training images, each drawn uniformly; all zero for none.

    Args:
        rotation: degrees either way.
        scale: a fraction either way.
        shift: pixels either way.
        flip: the probability of a mirror image.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    flip: float = 0.0

    def __post_init__(self) -> None:
        check_range("augmentation rotation", self.rotation, 0, 180)
        check_range("augmentation scale", self.scale, 0, 0.9)
        check_range("augmentation shift", self.shift, 0, 1000)
        check_range("augmentation flip", self.flip, 0, 1)


def augment(images: Tensor, ranges: Augmentation, generator: torch.Generator) -> Tensor:
    """Transformed copies of images (B, C, H, W) in [-1, 1], bilinear, with border values continued."""
    if ranges == Augmentation():
        return images
    batch, _, height, width = images.shape
    angle, log_scale, right, down = 2 * torch.rand(4, batch, generator=generator) - 1
    angle = angle * math.radians(ranges.rotation)
    scale = 1 + log_scale * ranges.scale
    mirror = torch.where(torch.rand(batch, generator=generator) < ranges.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine * mirror, -sine, right * ranges.shift * 2 / width], dim=1),
        torch.stack([sine * mirror, cosine, down * ranges.shift * 2 / height], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(
        images,
        moved(grid, images.device).to(images.dtype),
        padding_mode="border",
        align_corners=False,
    )
