"""Reduced resolution: images are made smaller and brought back to their size."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from trainables.core.errors import UsageError
from trainables.core.noise import NoiseSource
from trainables.data.dataset import Samples
from trainables.data.degradation import Degradation

SMALLEST_SIDE = 2
"""Pixels that are left of the shorter side at least."""


def reduced_sides(shape: tuple[int, ...], resolution: float) -> tuple[int, int]:
    """Height and width of an image (..., H, W) at a resolution, in pixels.

    Raises:
        UsageError: fewer than `SMALLEST_SIDE` are left.
    """
    height, width = (round(side * resolution) for side in shape[-2:])
    if min(height, width) < SMALLEST_SIDE:
        raise UsageError(
            f"resolution {resolution:g} leaves {height}×{width} pixels of {shape[-2]}×{shape[-1]}, but "
            f"{SMALLEST_SIDE} a side are needed at least: give a larger one"
        )
    return height, width


def reduced(images: Tensor, resolution: float) -> Tensor:
    """Images (B, C, H, W), reduced to a share of their rows and columns, and brought back to their size.

    Down by bilinear interpolation over the whole area that a pixel stands for (antialiased), up by
    bilinear interpolation. Nothing is random; at resolution 1 the images are returned as they are.

    Raises:
        UsageError: too few pixels are left.
    """
    if resolution == 1:
        return images
    small = interpolate(
        images, reduced_sides(tuple(images.shape), resolution), mode="bilinear", antialias=True
    )
    output: Tensor = interpolate(small, tuple(images.shape[-2:]), mode="bilinear")
    return output


def degraded(
    samples: Samples,
    x0: Tensor,
    rows: Tensor | slice,
    degradation: Degradation,
    noise: NoiseSource,
) -> Tensor:
    """x0 corrupted, then reduced; arguments and shape are those of `Samples.corrupted`.

    In this order what is seen at a lower resolution is a function of what is seen at full resolution, so
    that uncertainty of the class can only grow with it.
    """
    x_cor = samples.corrupted(x0, rows, degradation.corruption, noise)
    return reduced(x_cor, degradation.resolution)
