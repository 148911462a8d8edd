"""A dataset's pixel scale: the mean and the deviation that its images are standardised by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelScale:
    """Mean and standard deviation of each channel over all pixels of a training split.

    Args:
        mean: a number a channel, in the units of images in [-1, 1].
        deviation: the same; 0 for a channel that never changes.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def restored(self, standardised: Tensor) -> Tensor:
        """Standardised images (B, C, H, W), or one (C, H, W), in the units of images in [-1, 1]."""
        mean, deviation = self._tensors(standardised)
        return standardised * deviation + mean

    def standardised(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W), or one (C, H, W), in [-1, 1], standardised; a channel that never changes
        is 0.
        """
        mean, deviation = self._tensors(images)
        return torch.where(deviation > 0, (images - mean) / deviation, 0.0)

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (C, 1, 1) each, of the type and device of other values."""
        mean, deviation = (
            torch.tensor(values).to(like).reshape(-1, 1, 1)
            for values in (self.mean, self.deviation)
        )
        return mean, deviation


def pixel_scale(images: Tensor) -> PixelScale:
    """The scale of images (N, C, H, W): uint8 in 0..255, or float32 in [-1, 1].

    Bytes are counted, and other values summed in float64, so that the scale does not depend on the
    machine.
    """
    channels = images.unbind(dim=1)
    moments = [_of_bytes(c) if images.dtype == torch.uint8 else _of_floats(c) for c in channels]
    return PixelScale(tuple(mean for mean, _ in moments), tuple(sd for _, sd in moments))


def _of_bytes(values: Tensor) -> tuple[float, float]:
    """Mean and deviation of bytes 0..255, in the units of images in [-1, 1]."""
    counts = torch.bincount(values.flatten(), minlength=256).double()
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1.0
    mean = (counts * levels).sum() / counts.sum()
    variance = (counts * (levels - mean).square()).sum() / counts.sum()
    return float(mean), float(variance.sqrt())


def _of_floats(values: Tensor) -> tuple[float, float]:
    double = values.double()
    return float(double.mean()), float(double.std(correction=0))
