"""Presets of images, fitted to their size and number of classes (D.1 to D.4)."""

from __future__ import annotations

from dataclasses import replace
from platform.planning.presets.definition import Preset

from trainables.data.augment import Augmentation
from trainables.data.dataset import Facts
from trainables.models.images.classifier import ConvNetConfig, ResNetConfig
from trainables.models.images.logit_attention import LogitAttentionConfig
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.models.images.unet import UNetConfig
from trainables.task.recipe import Recipe, Updates

STANDARD_FLOPS = 5.4e17
"""FLOPs of training all parts of all strategies with `standard`: 5 h at `GPU_FLOPS`. They are those of the
dearest of the paper's data, colour images of 32×32 pixels and 100 classes (ResNet-50), counted on the
networks' own updates (`tests/test_standard_preset.py`); MNIST takes half of them.
"""
_LARGE = 24  # pixels a side from which images are no tiny ones
_MANY = 10  # classes beyond which the paper's logit denoiser is the one with attention


def _is_large(facts: Facts) -> bool:
    return min(facts.signal_shape[1:]) >= _LARGE


def _augmentation(facts: Facts) -> Augmentation:
    """Slight movement; colour images, which are not of letters, are mirrored too."""
    shift = 1.0 if _is_large(facts) else 0.3
    flip = 0.5 if facts.signal_shape[0] == 3 else 0.0
    return Augmentation(rotation=5.0, scale=0.05, shift=shift, flip=flip)


def _unet(facts: Facts, base: int, multipliers: tuple[int, ...], patch: int = 1) -> UNetConfig:
    """A U-Net with the largest patch, up to `patch`, and the most levels that the images' sides allow."""
    sides = facts.signal_shape[1:]

    def divides() -> bool:
        return not any(side % (patch * 2 ** (len(multipliers) - 1)) for side in sides)

    while not divides() and (patch > 1 or len(multipliers) > 1):
        if patch > 1:
            patch //= 2
        else:
            multipliers = multipliers[:-1]
    return UNetConfig(base, multipliers, patch=patch)


def _patch(facts: Facts) -> int:
    """The side of a patch: 2 pixels where images are large and can be divided by it, else 1."""
    return 2 if _is_large(facts) and not any(side % 2 for side in facts.signal_shape[1:]) else 1


def _smoke(facts: Facts) -> Preset:
    recipe = Recipe(
        Updates(classifier=60, signal=40, logit=60, coupled=20),
        T=10,
        batch=64,
        augmentation=_augmentation(facts),
        sampling_steps=2,
        classifier=ConvNetConfig(base=8, hidden=32),
        signal=_unet(facts, 8, (1, 2), _patch(facts)),
        logit=LogitMLPConfig(base=8, width=32, blocks=1, patch=_patch(facts)),
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


def _quick(facts: Facts) -> Preset:
    large = _is_large(facts)
    tiny_updates = Updates(classifier=600, signal=900, logit=2500, coupled=600)
    large_updates = Updates(classifier=1500, signal=2500, logit=2500, coupled=600)
    recipe = Recipe(
        large_updates if large else tiny_updates,
        T=30 if large else 50,
        augmentation=_augmentation(facts),
        sampling_steps=5,
        signal=_unet(facts, 16, (1, 2), _patch(facts)),
        logit=LogitMLPConfig(base=32, width=128, dropout=0.2, patch=_patch(facts)),
    )
    return Preset(
        recipe,
        trials=24,
        search_limit=500 if large else 200,
        search_seeds=1 if large else 2,
        confirm_limit=2000 if large else 400,
        confirm_seeds=1 if large else 3,
        batch=125 if large else 200,
    )


def _standard(facts: Facts) -> Preset:
    """The paper's networks and levels for one GPU: fewer updates, sized by their FLOPs (`STANDARD_FLOPS`);
    the loss counts all levels alike; what coupled training samples is sampled in 10 steps, and used 10 times
    out of a pool.

    Computed on paper: it has not been run.
    """
    preset = _paper(facts)
    recipe = replace(
        preset.recipe,
        updates=Updates(classifier=10_000, signal=30_000, logit=30_000, coupled=20_000),
        loss_weighting="velocity",
        learning_rate=5e-4,
        ema=0.999,
        sampling_steps=10,
        inner_updates=10,
    )
    return replace(preset, recipe=recipe, trials=50, search_limit=1_000, confirm_limit=5_000,
                   confirm_seeds=1)  # fmt: skip


def _paper(facts: Facts) -> Preset:
    grey, many_classes = facts.signal_shape[0] == 1, facts.classes > _MANY
    recipe = Recipe(
        Updates(classifier=20_000, signal=60_000, logit=60_000, coupled=40_000),
        T=150,
        loss_weighting="noise",
        learning_rate=2e-4,
        ema=0.9999,
        augmentation=_augmentation(facts),
        sampling_steps=150,
        inner_updates=150,
        classifier=ConvNetConfig() if grey else ResNetConfig(depth=50),
        signal=_unet(facts, 64, (2, 4)),
        logit=LogitAttentionConfig()
        if many_classes
        else LogitMLPConfig(base=64, width=512, blocks=4),
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


PRESETS = {"smoke": _smoke, "quick": _quick, "standard": _standard, "paper": _paper}
