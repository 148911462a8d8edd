"""What Algorithms 3, 5 and 7 share: two pretrained denoisers, a joint loss, and full sampling.

The algorithms differ in one thing only: how each denoiser is conditioned on the other, which their stages
say.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.models.base import Encoding
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.losses import denoising_losses
from trainables.training.objective import (
    ClassifierOutputs,
    Context,
    JudgedObjective,
    PreparedBatch,
    sample_clean,
)

NEEDS = ("classifier", "signal", "logit")


def updates(recipe: Recipe) -> int:
    """Optimiser updates of every part of coupled length."""
    return recipe.updates.coupled


def describe_sampled(recipe: Recipe) -> dict[str, object]:
    """Settings that shape a part whose training samples in full (Algorithms 5 and 7)."""
    return {
        "sampling_steps": recipe.sampling_steps,
        "inner_updates": recipe.inner_updates,
        "pool": recipe.pool,
        "unguided": recipe.unguided,
    }


@dataclass(frozen=True)
class NoisedBatch:
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
        task_processes = processes(context.task, self.classifier)
        self.signal_loss, self.logit_loss = denoising_losses(context.task, task_processes)
        self.signal = networks.signal_denoiser(dataset, recipe, context.parts["signal"])
        self.logit = networks.logit_denoiser(dataset, recipe, context.parts["logit"])
        self.unguided = recipe.unguided

    def classify(self, x: Tensor) -> Tensor:
        """f(x), standardised."""
        return self.classifier(x)

    def noised(self, batch: PreparedBatch, draws: Draws) -> NoisedBatch:
        """t, drawn evenly, eps_x, eps_y ~ N(0, I), x_t and y_t."""
        t = self.signal_loss.times(draws)
        eps_x = draws.normal(tuple(batch.x0.shape[1:]))
        eps_y = draws.normal(tuple(batch.y0.shape[1:]))
        x_t = self.signal_loss.noised(batch.x0, batch.x_cor, eps_x, t)
        return NoisedBatch(
            t, eps_x, eps_y, x_t, self.logit_loss.noised(batch.y0, batch.y_cor, eps_y, t)
        )

    def hidden(self, draws: Draws) -> Tensor:
        """Which samples' condition is hidden, (B,)."""
        return draws.uniform() < self.unguided

    def guidance(self, y: Tensor, hidden: Tensor) -> Encoding:
        """The signal denoiser's encoding of logits, of none where they are hidden."""
        guided = self.signal.encode_logits(y, len(y))
        return _where(hidden, self.signal.encode_logits(None, len(y)), guided)

    def output_of_signal(
        self, noised: NoisedBatch, corrupted: Encoding, guidance: Encoding
    ) -> Tensor:
        """The signal denoiser's output."""
        time = self.signal.encode_time(self.signal_loss.scaled(noised.t))
        output: Tensor = self.signal(noised.x_t, time, corrupted, guidance)
        return output

    def output_of_logits(self, noised: NoisedBatch, signals: Encoding) -> Tensor:
        """The logit denoiser's output."""
        time = self.logit.encode_time(self.logit_loss.scaled(noised.t))
        output: Tensor = self.logit(noised.y_t, time, signals)
        return output

    def clean_signal(self, batch: PreparedBatch, noised: NoisedBatch, output: Tensor) -> Tensor:
        """x0_hat that the signal denoiser's output stands for."""
        return self.signal_loss.process.clean_of(noised.x_t, output, noised.t, batch.x_cor)

    def clean_logits(self, batch: PreparedBatch, noised: NoisedBatch, output: Tensor) -> Tensor:
        """y0_hat that the logit denoiser's output stands for."""
        return self.logit_loss.process.clean_of(noised.y_t, output, noised.t, batch.y_cor)

    def encoded_signals(
        self, batch: PreparedBatch, evidence: Tensor, y_of_x: Tensor, hidden: Tensor
    ) -> Encoding:
        """The logit denoiser's encoding of a signal estimate, given by its evidence and its logits; of x_cor
        for samples whose estimate is hidden.
        """
        evidence = _where(hidden, batch.evidence_cor, evidence)
        y_of_x = _where(hidden, batch.y_cor, y_of_x)
        return self.logit.encode_signals(evidence, y_of_x, batch.evidence_cor, batch.y_cor)

    def losses(
        self, batch: PreparedBatch, noised: NoisedBatch, output_x: Tensor, output_y: Tensor
    ) -> dict[str, Tensor]:
        """L = ||eps_hat_x - eps_x||^2 + ||eps_hat_y - eps_y||^2, given the networks' outputs."""
        loss_x = self.signal_loss.loss(output_x, batch.x0, noised.eps_x, noised.t)
        loss_y = self.logit_loss.loss(output_y, batch.y0, noised.eps_y, noised.t)
        return {"loss": loss_x + loss_y, "loss_signal": loss_x, "loss_logit": loss_y}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The answers after one sampling step of the signal, and one of the logits given that signal."""
        outputs, x0_hat = self.classifier_outputs(batch), self.sampled_signal(batch.x_cor, draws, 1)
        evidence, y_of_x = self.classifier.evidence(x0_hat), self.classify(x0_hat)
        return self.classifier.classes_of(self.sampled_logits(evidence, y_of_x, outputs, draws, 1))

    def sampled_signal(self, x_cor: Tensor, draws: Draws, steps: int) -> Tensor:
        """x0_hat by a sampling (DDIM) of the whole trajectory, conditioned on x_cor."""
        corrupted = self.signal.encode_corrupted(x_cor)
        unguided = self.signal.encode_logits(None, len(x_cor))
        noise = draws.normal(tuple(x_cor.shape[1:]))
        return sample_clean(
            self.signal_loss.process, steps, noise, x_cor, self.signal, corrupted, unguided
        )

    def sampled_logits(
        self, evidence: Tensor, y_of_x: Tensor, outputs: ClassifierOutputs, draws: Draws, steps: int
    ) -> Tensor:
        """y0_hat by a sampling (DDIM) of the whole trajectory, conditioned on a signal estimate: on its
        evidence and its logits y_of_x.
        """
        signals = self.logit.encode_signals(evidence, y_of_x, outputs.evidence, outputs.y_cor)
        noise = draws.normal(tuple(y_of_x.shape[1:]))
        return sample_clean(
            self.logit_loss.process, steps, noise, outputs.y_cor, self.logit, signals
        )


class SampledObjective(CoupledObjective):
    """Conditions are sampled in full (Algorithms 5 and 7): so dearly that every sampled batch is used K
    times, mixed with the others of a pool.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        recipe = context.task.recipe
        self.sampling_steps = recipe.sampling_steps
        self.inner_updates, self.pool = recipe.inner_updates, recipe.pool


def _where(hidden: Tensor, replacement: Encoding, value: Encoding) -> Encoding:
    """The replacement for hidden samples, the value for the others.

    Args:
        hidden: (B,), bool.
        replacement: a tensor for each sample or one for all, or a tuple of such.
        value: a tensor (B, ...), or a tuple of such, each chosen by itself.
    """
    if isinstance(value, tuple):
        pairs = zip(replacement, value, strict=True)
        return type(value)(_where(hidden, *pair) for pair in pairs)
    return torch.where(hidden.reshape(-1, *[1] * (value.dim() - 1)), replacement, value)
