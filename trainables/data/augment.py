"""Random small rotations, scalings and shifts of training images, on top of any dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainables.core.errors import check_range


@dataclass(frozen=True)
class Augmentation:
    """How far training images are moved: each drawn uniformly, all zero for none.

    `rotation` in degrees either way, `scale` as a fraction either way, `shift` in pixels either
    way, `flip` the probability of a mirror image.
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


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Moved copies of images (B, C, H, W) in [-1, 1], bilinear, the border's value continued."""
    if how == Augmentation():
        return images
    batch, _, height, width = images.shape
    angle, log_scale, right, down = 2 * torch.rand(4, batch, generator=generator) - 1
    angle = angle * math.radians(how.rotation)
    scale = 1 + log_scale * how.scale
    mirror = torch.where(torch.rand(batch, generator=generator) < how.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine * mirror, -sine, right * how.shift * 2 / width], dim=1),
        torch.stack([sine * mirror, cosine, down * how.shift * 2 / height], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid.to(images), padding_mode="border", align_corners=False
    )
