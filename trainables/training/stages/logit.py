"""Part `logit`: the logit denoiser alone: the first stage of the warm start (D.3).

It sees the corrupted signal in the place of a signal estimate, so nothing of the other diffusion.
"""

from __future__ import annotations

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
    prepared_batch,
    sample_clean,
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


def describe(recipe: Recipe) -> dict[str, object]:
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
        _, self.denoising_loss = denoising_losses(
            context.task, processes(context.task, self.classifier)
        )
        self.logit = networks.new_logit_denoiser(dataset, recipe)

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        return prepared_batch(batch, self.classifier_outputs(batch))

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        outputs = self.classifier_outputs(batch)
        signals = self.logit.encode_signals(
            outputs.evidence, outputs.y_cor, outputs.evidence, outputs.y_cor
        )
        noise = draws.normal(tuple(outputs.y_cor.shape[1:]))
        y0_hat = sample_clean(
            self.denoising_loss.process, 1, noise, outputs.y_cor, self.logit, signals
        )
        return self.classifier.classes_of(y0_hat)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, PreparedBatch)
        denoising_loss = self.denoising_loss
        t, eps = denoising_loss.times(draws), draws.normal(tuple(batch.y0.shape[1:]))
        y_t = denoising_loss.noised(batch.y0, batch.y_cor, eps, t)
        signals = self.logit.encode_signals(
            batch.evidence, batch.y_of_x, batch.evidence_cor, batch.y_cor
        )
        output = self.logit(y_t, self.logit.encode_time(denoising_loss.scaled(t)), signals)
        return {"loss": denoising_loss.loss(output, batch.y0, eps, t)}
