"""Part `logit`: the logit denoiser alone: the first stage of the warm start (D.3).

It sees the corrupted signal in the place of a signal estimate, so nothing of the other diffusion.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trainables.config import as_mapping
from trainables.models import build as networks
from trainables.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import (
    Context,
    JudgedObjective,
    Objective,
    PreparedBatch,
    noise_loss,
    processes,
    sampled,
)

NEEDS = ("classifier",)
USES_CORRUPTION = True


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.logit


def forwards(recipe: Recipe) -> tuple[float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser
    and of the logit denoiser.
    """
    return 0.0, 1.0


def describe(recipe: Recipe) -> dict[str, Any]:
    """The settings that shape this part, beyond those of the part it starts from."""
    return {"network": as_mapping(recipe.logit), "T": recipe.T, "loss": recipe.loss_weighting}


def build(context: Context) -> Objective:
    """Noise prediction by a new logit denoiser that sees x_cor."""
    return LogitObjective(context)


class LogitObjective(JudgedObjective):
    """||eps_hat - eps||^2 of y_t given x_cor, targets from the frozen classifier."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        dataset, recipe = context.dataset, context.task.recipe
        _, self.process = processes(context.task, self.classifier)
        self.weighting = recipe.loss_weighting
        self.logit = networks.new_logit_denoiser(dataset, recipe)

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        classifier = self.classifier
        y_cor = classifier(batch.x_cor)
        return PreparedBatch(batch.x0, batch.x_cor, classifier(batch.x0), y_cor, batch.x_cor, y_cor)

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        classifier = self.classifier
        y_cor = classifier(batch.x_cor)
        signals = self.logit.encode_signals(batch.x_cor, y_cor, batch.x_cor)
        y = draws.normal(tuple(y_cor.shape[1:]))
        y0_hat = sampled(self.process, 1, y, self.logit, signals)
        return classifier.classes_of(y0_hat)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, PreparedBatch)
        t, eps = draws.levels(self.process.T), draws.normal(tuple(batch.y0.shape[1:]))
        y_t = self.process.noised(batch.y0, eps, t)
        signals = self.logit.encode_signals(batch.x0_hat, batch.y_of_x0_hat, batch.x_cor)
        v = self.logit(y_t, self.logit.encode_time(t / self.process.T), signals)
        return {"loss": noise_loss(self.process, v, batch.y0, eps, t, self.weighting)}
