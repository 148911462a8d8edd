"""Part `logit`: the logit denoiser alone: the first stage of the warm start (D.3).

It sees the corrupted signal in the place of a signal estimate, so nothing of the other diffusion.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trainables.core.config import as_mapping
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.losses import denoising_losses
from trainables.training.objective import (
    Context,
    JudgedObjective,
    Objective,
    PreparedBatch,
    prepared,
    sampled,
)

NEEDS = ("classifier",)
USES_CORRUPTION = True


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.logit


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 0.0, 1.0, 0.0


def describe(recipe: Recipe) -> dict[str, Any]:
    """The settings that shape this part, beyond those of the part it starts from."""
    return {"network": as_mapping(recipe.logit), **recipe.diffusion()}


def build(context: Context) -> Objective:
    """Noise prediction by a new logit denoiser that sees x_cor."""
    return LogitObjective(context)


class LogitObjective(JudgedObjective):
    """||eps_hat - eps||^2 of y_t given x_cor, targets from the frozen classifier."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        dataset, recipe = context.dataset, context.task.recipe
        _, self.learning = denoising_losses(context.task, processes(context.task, self.classifier))
        self.logit = networks.new_logit_denoiser(dataset, recipe)

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        return prepared(batch, self.classifier_outputs(batch))

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        known = self.classifier_outputs(batch)
        signals = self.logit.encode_signals(
            known.evidence, known.y_cor, known.evidence, known.y_cor
        )
        drawn = draws.normal(tuple(known.y_cor.shape[1:]))
        y0_hat = sampled(self.learning.process, 1, drawn, known.y_cor, self.logit, signals)
        return self.classifier.classes_of(y0_hat)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, PreparedBatch)
        learning = self.learning
        t, eps = learning.times(draws), draws.normal(tuple(batch.y0.shape[1:]))
        y_t = learning.noised(batch.y0, batch.y_cor, eps, t)
        signals = self.logit.encode_signals(
            batch.evidence, batch.y_of_x, batch.evidence_cor, batch.y_cor
        )
        output = self.logit(y_t, self.logit.encode_time(learning.scaled(t)), signals)
        return {"loss": learning.loss(output, batch.y0, eps, t)}
