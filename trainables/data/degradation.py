"""A degradation of signals: a corruption, and the resolution that the input is reduced to.

It imports no torch, since a plan names one: what is done to signals is in `trainables.data.resolution`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainables.core.errors import UsageError

NONE = "none"
"""The corruption that leaves signals as they are, so that a resolution stands alone."""


@dataclass(frozen=True)
class Degradation:
    """What is done to signals before they are classified: they are corrupted, then reduced.

    Args:
        corruption: the corruption's name.
        resolution: the share of an image's rows and columns that is left of the corrupted image, in (0, 1].

    Raises:
        UsageError: the resolution is out of range.
    """

    corruption: str
    resolution: float = 1.0

    def __post_init__(self) -> None:
        check_share("resolution", self.resolution)

    @property
    def text(self) -> str:
        """The degradation in words: `gn30`, `gn30, resolution 0.5`, `resolution 0.5`."""
        if self.resolution == 1:
            return self.corruption
        reduced = f"resolution {self.resolution:g}"
        return reduced if self.corruption == NONE else f"{self.corruption}, {reduced}"

    @property
    def written(self) -> str:
        """The degradation as it is written on the command line: `gn30`, `gn30@0.5`."""
        return f"{self.corruption}@{self.resolution:g}" if self.resolution != 1 else self.corruption


def degradation_of(written: str) -> Degradation:
    """The degradation that `NAME` or `NAME@RESOLUTION` stands for.

    Raises:
        UsageError: the resolution is no number, or out of range.
    """
    corruption, separator, resolution = written.partition("@")
    if not separator:
        return Degradation(corruption)
    try:
        return Degradation(corruption, float(resolution))
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"the resolution in {written!r} is no number: write a corruption alone, or with a "
            "resolution after it, such as gn30@0.5 or none@0.5"
        ) from error


def check_share(name: str, value: float) -> None:
    """Refuse a share that is not in (0, 1], NaN included.

    Raises:
        UsageError: it is out of range.
    """
    if not 0 < value <= 1:
        raise UsageError(f"{name} is {value:g}, but must be above 0 and at most 1, which is all")


def condition_text(degradation: Degradation, train_fraction: float) -> str:
    """What is measured under, in words: the degradation, and the training share where it is not all."""
    if train_fraction == 1:
        return degradation.text
    return f"{degradation.text}, train fraction {train_fraction:g}"


def path_name(condition: str) -> str:
    """A condition in words as a part of a path: `gn30`, `gn30-resolution-0.5-train-fraction-0.25`."""
    return "-".join(re.findall(r"[\w.]+", condition))
