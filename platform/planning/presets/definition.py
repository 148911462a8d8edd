"""The class of presets."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.task.recipe import Recipe

GPU_FLOPS = 30e12
"""FLOPs a second that `standard` is sized for: what one GPU is taken to do in training small convolutions in
bf16, a tenth of an A100's peak. It is assumed, not measured.
"""
STANDARD_HOURS = {"image": 6, "speech": 4}
"""About how long training takes at that rate with `standard`, by the kind of signals: all parts of all
strategies. Images have retrained classifiers besides; sentences have neither labels to be diffused nor a
noise-conditional classifier.
"""


@dataclass(frozen=True)
class Preset:
    """A recipe with the budget of search and confirmation.

    Args:
        recipe: of training.
        trials: complete trials of a search.
        search_limit, search_seeds: how many validation samples a trial is measured on at most, and at how
            many seeds.
        confirm_limit, confirm_seeds: how many test samples a confirmed point is measured on at most, and
            at how many seeds.
        batch: samples that are measured together.

    Raises:
        UsageError: a number is not positive.
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
