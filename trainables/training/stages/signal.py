"""Part `signal`: the signal denoiser alone, no logits: the first stage of the warm start (D.3)."""

from __future__ import annotations

from torch import Tensor

from trainables.core.config import identity
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
    sample_clean,
)

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = True


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.signal


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 1.5, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part."""
    return {"network": identity(recipe.signal), **recipe.diffusion()}


def build(context: Context) -> Objective:
    """Noise prediction by a signal denoiser that sees x_cor and no logits, a new one or a published one."""
    objective = SignalObjective(context)
    networks.load_checkpoint(objective.signal, context.task.recipe)
    return objective


class SignalObjective(JudgedObjective):
    """||eps_hat - eps||^2 of x_t given x_cor. The classifier judges it, and teaches it nothing."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.denoising_loss, _ = denoising_losses(context.task, processes(context.task, None))
        self.signal = networks.new_signal_denoiser(context.dataset, context.task.recipe)

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        unguided = self.signal.encode_logits(None, len(batch.x0))
        noise = draws.normal(tuple(batch.x0.shape[1:]))
        process = self.denoising_loss.process
        x0_hat = sample_clean(process, 1, noise, batch.x_cor, self.signal, corrupted, unguided)
        return self.classifier.classes_of(self.classifier(x0_hat))

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        denoising_loss = self.denoising_loss
        t, eps = denoising_loss.times(draws), draws.normal(tuple(batch.x0.shape[1:]))
        x_t = denoising_loss.noised(batch.x0, batch.x_cor, eps, t)
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        unguided = self.signal.encode_logits(None, len(x_t))
        time = self.signal.encode_time(denoising_loss.scaled(t))
        output = self.signal(x_t, time, corrupted, unguided)
        return {"loss": denoising_loss.loss(output, batch.x0, eps, t)}
