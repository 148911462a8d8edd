"""What Algorithms 3, 5 and 7 share: two pretrained denoisers, a joint loss, and full sampling.

The algorithms differ in one thing only: what each denoiser is shown of the other (their stages).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainables.models import build as networks
from trainables.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import (
    Context,
    JudgedObjective,
    PreparedBatch,
    noise_loss,
    processes,
    sampled,
)

NEEDS = ("classifier", "signal", "logit")


def updates(recipe: Recipe) -> int:
    """Optimiser updates of every part of coupled length."""
    return recipe.updates.coupled


def describe_sampled(recipe: Recipe) -> dict[str, Any]:
    """Settings that shape a part whose training samples in full (Algorithms 5 and 7)."""
    return {
        "sampling_steps": recipe.sampling_steps,
        "inner_updates": recipe.inner_updates,
        "unguided": recipe.unguided,
    }


@dataclass(frozen=True)
class Noised:
    """Levels t (B,), noise and noised states of a batch: one level for both, as the paper has it."""

    t: Tensor
    eps_x: Tensor
    eps_y: Tensor
    x_t: Tensor
    y_t: Tensor


class CoupledObjective(JudgedObjective):
    """The pretrained denoisers, trained together; a sub-class says what conditions what."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        dataset, recipe = context.dataset, context.task.recipe
        self.signal_process, self.logit_process = processes(context.task, self.classifier)
        self.signal = networks.signal_denoiser(dataset, recipe, context.needed["signal"])
        self.logit = networks.logit_denoiser(dataset, recipe, context.needed["logit"])
        self.weighting, self.unguided = recipe.loss_weighting, recipe.unguided
        self.sampling_steps = recipe.sampling_steps
        self.inner_updates = recipe.inner_updates

    def classify(self, x: Tensor) -> Tensor:
        """f(x), standardised."""
        return self.classifier(x)

    def noised(self, batch: PreparedBatch, draws: Draws) -> Noised:
        """t ~ Uniform{1..T}, eps_x, eps_y ~ N(0, I), x_t and y_t."""
        t = draws.levels(self.signal_process.T)
        eps_x = draws.normal(tuple(batch.x0.shape[1:]))
        eps_y = draws.normal(tuple(batch.y0.shape[1:]))
        x_t = self.signal_process.noised(batch.x0, eps_x, t)
        return Noised(t, eps_x, eps_y, x_t, self.logit_process.noised(batch.y0, eps_y, t))

    def hidden(self, draws: Draws) -> Tensor:
        """Which samples' condition is hidden, (B,)."""
        return draws.uniform() < self.unguided

    def guidance(self, y: Tensor, hidden: Tensor) -> Tensor:
        """The signal denoiser's encoding of logits, of none where they are hidden."""
        guided = self.signal.encode_logits(y, len(y))
        return _where(hidden, self.signal.encode_logits(None, len(y)), guided)

    def v_of_signal(self, noised: Noised, corrupted: Any, guidance: Tensor) -> Tensor:
        """The signal denoiser's output."""
        time = self.signal.encode_time(noised.t / self.signal_process.T)
        return self.signal(noised.x_t, time, corrupted, guidance)

    def v_of_logits(self, noised: Noised, signals: Any) -> Tensor:
        """The logit denoiser's output."""
        time = self.logit.encode_time(noised.t / self.logit_process.T)
        return self.logit(noised.y_t, time, signals)

    def seen_signals(self, batch: PreparedBatch, x: Tensor, y_of_x: Tensor, hidden: Tensor) -> Any:
        """The logit denoiser's encoding of a signal, of x_cor in its place where it is hidden."""
        x = _where(hidden, batch.x_cor, x)
        return self.logit.encode_signals(x, _where(hidden, batch.y_cor, y_of_x), batch.x_cor)

    def losses(
        self, batch: PreparedBatch, noised: Noised, v_x: Tensor, v_y: Tensor
    ) -> dict[str, Tensor]:
        """L = ||eps_hat_x - eps_x||^2 + ||eps_hat_y - eps_y||^2."""
        n, weighting = noised, self.weighting
        loss_x = noise_loss(self.signal_process, v_x, batch.x0, n.eps_x, n.t, weighting)
        loss_y = noise_loss(self.logit_process, v_y, batch.y0, n.eps_y, n.t, weighting)
        return {"loss": loss_x + loss_y, "loss_signal": loss_x, "loss_logit": loss_y}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """One step of the signal, one of the logits given it."""
        x0_hat = self.sampled_signal(batch.x_cor, draws, 1)
        y = self.sampled_logits(x0_hat, self.classify(x0_hat), batch.x_cor, draws, 1)
        return self.classifier.classes_of(y)

    def sampled_signal(self, x_cor: Tensor, draws: Draws, steps: int) -> Tensor:
        """x0_hat by a sampling (DDIM) of the whole trajectory, conditioned on x_cor."""
        corrupted = self.signal.encode_corrupted(x_cor)
        unguided = self.signal.encode_logits(None, len(x_cor))
        x = draws.normal(tuple(x_cor.shape[1:]))
        return sampled(self.signal_process, steps, x, self.signal, corrupted, unguided)

    def sampled_logits(
        self, x0_hat: Tensor, y_of_x0_hat: Tensor, x_cor: Tensor, draws: Draws, steps: int
    ) -> Tensor:
        """y0_hat by a sampling (DDIM) of the whole trajectory, conditioned on x0_hat."""
        signals = self.logit.encode_signals(x0_hat, y_of_x0_hat, x_cor)
        y = draws.normal(tuple(y_of_x0_hat.shape[1:]))
        return sampled(self.logit_process, steps, y, self.logit, signals)


def _where(hidden: Tensor, there: Tensor, otherwise: Tensor) -> Tensor:
    """`there` for hidden samples, `otherwise` for the others; `there` may be one for all."""
    return torch.where(hidden.reshape(-1, *[1] * (otherwise.dim() - 1)), there, otherwise)
