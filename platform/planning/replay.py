"""The split and the seeds that a point is measured again with, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from platform.planning.plan import MAX_SEEDS

from trainables.core.errors import check_choice, check_range

SPLITS = ("validation", "test")
"""The splits that points are measured on; training samples would say nothing of what a point is worth."""


@dataclass(frozen=True)
class Replay:
    """The split on which a point is measured again, and the number of seeds; None is as many as the preset
    confirms with.

    Raises:
        UsageError: points are not measured on that split, or the seeds are out of range.
    """

    split: str = "test"
    seeds: int | None = None

    def __post_init__(self) -> None:
        check_choice("--split", self.split, SPLITS)
        check_range("--seeds", 1 if self.seeds is None else self.seeds, 1, MAX_SEEDS)
