"""Part `nested`: both denoisers trained together by Algorithm 7, from the pretrained ones (D.3)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from trainables.models import build as networks
from trainables.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import Context, Objective, PreparedBatch, noise_loss, processes

NEEDS = ("classifier", "signal", "logit")
USES_CORRUPTION = True


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.coupled


def forwards(recipe: Recipe) -> tuple[float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser
    and of the logit denoiser.
    """
    return 1.5 + recipe.sampling_steps / recipe.inner_updates / 3, 1.0


def describe(recipe: Recipe) -> dict[str, Any]:
    """The settings that shape this part, beyond those of the parts it starts from."""
    return {
        "sampling_steps": recipe.sampling_steps,
        "inner_updates": recipe.inner_updates,
        "unguided": recipe.unguided,
    }


def build(context: Context) -> Objective:
    """Algorithm 7 on the pretrained denoisers."""
    return NestedObjective(context)


class NestedObjective(Objective):
    """The logits are denoised given a sampled signal, the signal given the logits so estimated."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        dataset, recipe = context.dataset, context.task.recipe
        self._frozen = (networks.frozen_classifier(dataset, recipe, context.needed["classifier"]),)
        self.signal_process, self.logit_process = processes(context.task, self._frozen[0])
        self.signal = networks.signal_denoiser(dataset, recipe, context.needed["signal"])
        self.logit = networks.logit_denoiser(dataset, recipe, context.needed["logit"])
        self.weighting = recipe.loss_weighting
        self.inner_updates = recipe.inner_updates
        self.sampling_steps, self.unguided = recipe.sampling_steps, recipe.unguided

    def move(self, device: torch.device) -> None:
        self._frozen[0].to(device)

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        """Lines 3 and 4: y0 = f(x0), and x0_hat by a full sampling (DDIM) conditioned on x_cor."""
        classifier, process = self._frozen[0], self.signal_process
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        unguided = self.signal.encode_logits(None, len(batch.x0))
        x = draws.normal(tuple(batch.x0.shape[1:]))
        levels = process.levels(self.sampling_steps)
        for t, s in pairwise(levels):
            level = torch.tensor([t], device=x.device)
            v = self.signal(x, level / process.T, corrupted, unguided)
            x = process.step(x, process.clean_of(x, v, level), t, s, 0.0, None)
        return PreparedBatch(batch.x0, batch.x_cor, classifier(batch.x0), x, classifier(x))

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Lines 7 to 13. The logit estimate guides the signal as a value: no gradient through it."""
        assert isinstance(batch, PreparedBatch)
        T = self.signal_process.T
        t = draws.levels(T)
        eps_x = draws.normal(tuple(batch.x0.shape[1:]))
        eps_y = draws.normal(tuple(batch.y0.shape[1:]))
        x_t = self.signal_process.noised(batch.x0, eps_x, t)
        y_t = self.logit_process.noised(batch.y0, eps_y, t)
        signals = self.logit.encode_signals(batch.x0_hat, batch.y_of_x0_hat, batch.x_cor)
        v_y = self.logit(y_t, t / T, signals)
        y0_hat = self.logit_process.clean_of(y_t, v_y, t).detach()
        v_x = self.signal(
            x_t, t / T, self.signal.encode_corrupted(batch.x_cor), self._guidance(y0_hat, draws)
        )
        loss_y = noise_loss(self.logit_process, v_y, batch.y0, eps_y, t, self.weighting)
        loss_x = noise_loss(self.signal_process, v_x, batch.x0, eps_x, t, self.weighting)
        return {"loss": loss_x + loss_y, "loss_signal": loss_x, "loss_logit": loss_y}

    def _guidance(self, y0_hat: Tensor, draws: Draws) -> Tensor:
        """Encoded logits, hidden from a fraction of the samples."""
        guided = self.signal.encode_logits(y0_hat, len(y0_hat))
        hidden = (draws.uniform() < self.unguided).reshape(-1, *[1] * (guided.dim() - 1))
        return torch.where(hidden, self.signal.encode_logits(None, len(y0_hat)), guided)
