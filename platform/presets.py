"""Presets: how much is trained, searched and confirmed, in three sizes."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.data.augment import Augmentation
from trainables.errors import check_range, unknown_name
from trainables.models.classifier import ConvNetConfig
from trainables.models.logit_mlp import LogitMLPConfig
from trainables.models.unet import UNetConfig
from trainables.recipe import Recipe, Updates


@dataclass(frozen=True)
class Preset:
    """A recipe with the budget of search and confirmation.

    `search_limit` validation images are measured at `search_seeds` seeds a trial, `confirm_limit`
    test images at `confirm_seeds` seeds a confirmed point, `batch` images together.
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


_SLIGHT = Augmentation(rotation=5.0, scale=0.05, shift=0.3)


def _smoke() -> Preset:
    recipe = Recipe(
        Updates(classifier=60, signal=40, logit=60, coupled=20),
        T=10,
        batch=64,
        augmentation=_SLIGHT,
        sampling_steps=2,
        classifier=ConvNetConfig(base=8, hidden=32),
        signal=UNetConfig(base=8),
        logit=LogitMLPConfig(base=8, width=32, blocks=1),
    )
    return Preset(
        recipe,
        trials=4,
        search_limit=64,
        search_seeds=1,
        confirm_limit=64,
        confirm_seeds=2,
        batch=64,
    )


def _quick() -> Preset:
    recipe = Recipe(
        Updates(classifier=600, signal=900, logit=2500, coupled=600),
        T=50,
        augmentation=_SLIGHT,
        sampling_steps=5,
        signal=UNetConfig(base=16),
        logit=LogitMLPConfig(base=32, width=128, dropout=0.2),
    )
    return Preset(
        recipe,
        trials=24,
        search_limit=200,
        search_seeds=2,
        confirm_limit=400,
        confirm_seeds=3,
        batch=200,
    )


def _paper() -> Preset:
    recipe = Recipe(
        Updates(classifier=20_000, signal=60_000, logit=60_000, coupled=40_000),
        T=150,
        loss_weighting="noise",
        learning_rate=2e-4,
        ema=0.9999,
        augmentation=_SLIGHT,
        sampling_steps=150,
        inner_updates=150,
        signal=UNetConfig(base=64, multipliers=(2, 4)),
        logit=LogitMLPConfig(base=64, width=512, blocks=4),
    )
    return Preset(
        recipe,
        trials=100,
        search_limit=5_000,
        search_seeds=1,
        confirm_limit=10_000,
        confirm_seeds=3,
        batch=256,
    )


_PRESETS = {"smoke": _smoke, "quick": _quick, "paper": _paper}
NAMES = tuple(_PRESETS)


def preset(name: str) -> Preset:
    """The preset of that name: `smoke` to see that all works, `quick` for two CPU cores, `paper` for
    the paper's sizes and training loss on GPUs.

    Raises:
        UsageError: there is none.
    """
    if name not in _PRESETS:
        raise unknown_name("preset", name, NAMES)
    return _PRESETS[name]()
