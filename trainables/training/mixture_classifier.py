"""Training of noise-conditional classifiers of a Gaussian mixture: cross-entropy at every noise level.

Samples are drawn anew for every update, so that a classifier errs because its training was short or its
network is small, not because it has seen the samples before. It takes seconds on one CPU thread, so that it
needs neither the store of parts nor workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from trainables.core.errors import check_range
from trainables.core.noise import generator_of, seeded
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.mixture import GaussianMixture
from trainables.models.mixture_classifier import MixtureClassifier

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class MixtureTraining:
    """How a classifier is trained, whatever its length.

    Args:
        batch: samples an update.
        learning_rate: of Adam, which falls to 0 as a cosine.
        width, layers: of the network.
    """

    batch: int = 256
    learning_rate: float = 3e-3
    width: int = 64
    layers: int = 2

    def __post_init__(self) -> None:
        check_range("the mixture's batch", self.batch, 1, 10**6)
        check_range("the mixture's learning_rate", self.learning_rate, 1e-8, 1)


def train_classifier(
    mixture: GaussianMixture,
    process: GaussianDiffusion,
    updates: int,
    training: MixtureTraining,
    *words: int | str,
    report: Callable[[int], None] = lambda done: None,
) -> MixtureClassifier:
    """A classifier after so many updates, without gradients of its weights.

    Args:
        mixture: what it classifies.
        process: the process whose levels 1..T it is trained at, all alike.
        updates: the training's length, 1 or more.
        training: batch, learning rate, network.
        words: seed of weights and samples, as `trainables.core.noise.generator_of` takes them.
        report: called with the number of updates that have been made.

    Raises:
        UsageError: updates is out of range.
    """
    check_range("the updates of a mixture's classifier", updates, 1, 10**7)
    generator = generator_of("mixture training", *words)
    with seeded(_CPU, "mixture classifier", *words):
        classifier = MixtureClassifier(
            mixture.dimensions, mixture.classes, training.width, training.layers
        )
    optimiser = torch.optim.Adam(classifier.parameters(), training.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for done in range(updates):
        report(done)
        x0, labels = mixture.sample(training.batch, generator)
        levels = torch.randint(1, process.T + 1, (training.batch,), generator=generator)
        x_t = process.noised(x0, torch.randn(x0.shape, generator=generator).double(), levels)
        log_p = classifier(x_t.float(), levels / process.T)
        optimiser.zero_grad()
        functional.nll_loss(log_p, labels).backward()
        optimiser.step()
        schedule.step()
    return classifier.eval().requires_grad_(False)
