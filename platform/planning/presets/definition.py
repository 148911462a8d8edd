"""What a preset is."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.task.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A recipe with the budget of search and confirmation.

    `search_limit` validation samples are measured at `search_seeds` seeds a trial, `confirm_limit`
    test samples at `confirm_seeds` seeds a confirmed point, `batch` samples together.
    """

    recipe: Recipe
    trials: int
    search_limit: int
    search_seeds: int
    confirm_limit: int
    confirm_seeds: int
    batch: int

    def __post_init__(self) -> None:
        for name in (
            "trials",
            "search_limit",
            "search_seeds",
            "confirm_limit",
            "confirm_seeds",
            "batch",
        ):
            check_range(f"preset {name}", getattr(self, name), 1, 10**9)
