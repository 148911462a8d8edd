"""Presets of the Gaussian mixture: how many classifiers are trained for how long, and what they are measured
on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from platform.planning import presets

from trainables.core.errors import check_range, unknown_name
from trainables.training.mixture_classifier import MixtureTraining


@dataclass(frozen=True)
class MixturePreset:
    """What is trained and measured of mixtures.

    Args:
        dimensions: d of the mixtures.
        updates: training lengths of the classifiers.
        seeds: how many mixtures there are of each d, each with classifiers of its own.
        samples: held-out samples that a classifier is measured on at each step.
        steps: the selected diffusion steps that it is measured at.
        T: the noise levels of the process.
        classes: K.
        training: batch, learning rate, network.

    Raises:
        UsageError: a number is out of range.
    """

    dimensions: tuple[int, ...]
    updates: tuple[int, ...]
    seeds: int
    samples: int
    steps: int = 10
    T: int = 50
    classes: int = 4
    training: MixtureTraining = field(default_factory=MixtureTraining)

    def __post_init__(self) -> None:
        check_range("preset seeds", self.seeds, 1, 1000)
        check_range("preset samples", self.samples, 1, 10**7)
        check_range("the number of steps", self.steps, 1, self.T)
        check_range("the number of dimensions", len(self.dimensions), 1, 100)
        check_range("the number of training lengths", len(self.updates), 2, 100)


PRESETS = {
    presets.SMOKE: MixturePreset((2, 8), (20, 80), seeds=2, samples=200, steps=5),
    "quick": MixturePreset((2, 8, 32), (100, 400, 1600), seeds=3, samples=1000),
    "standard": MixturePreset((2, 8, 32, 128), (100, 400, 1600, 6400), seeds=5, samples=5000),
    "paper": MixturePreset(
        (2, 8, 32, 128, 512),
        (100, 400, 1600, 6400, 25600),
        seeds=8,
        samples=20_000,
        steps=20,
        T=150,
        training=MixtureTraining(width=256, layers=3),
    ),
}


def preset(name: str) -> MixturePreset:
    """The preset of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
