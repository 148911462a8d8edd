"""Corruptions, one a file: a file's `corrupt(x0, scale, noise)` is the corruption of the file's name.

x0 is (B, C, H, W) in [-1, 1], `scale` what the dataset is standardised by; the result has x0's shape.
Whatever is random comes from `noise`. Images: Nurko et al., section 4.1. Their names are the files'
names: this module imports no torch, which takes seconds, before one of them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.core import plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from trainables.core.noise import NoiseSource
    from trainables.core.pixel_scale import PixelScale

    Corruption = Callable[[Tensor, PixelScale, NoiseSource], Tensor]


_USUAL = "gn30"


def names() -> tuple[str, ...]:
    """Names of all corruptions."""
    return plugins.names(__name__)


def for_images() -> tuple[str, ...]:
    """Names of the corruptions of images, the usual one first."""
    return _USUAL, *(name for name in names() if name != _USUAL)


def load(name: str) -> Corruption:
    """The corruption of that name.

    Raises:
        UsageError: there is none.
    """
    value: Corruption = plugins.load(__name__, "corruption", name).corrupt
    return value
