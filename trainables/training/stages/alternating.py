"""Part `alternating`: both denoisers trained together by Algorithm 5, from the pretrained ones (D.3).

A fraction of the samples hides what is sampled from one denoiser or the other, so that the ablations
that do without an exchange run on what they were trained for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.task.recipe import Recipe
from trainables.training import coupled
from trainables.training.batches import Batch, Draws
from trainables.training.coupled import SampledObjective
from trainables.training.objective import Context, Objective, PreparedBatch, prepared_batch

NEEDS = coupled.NEEDS
USES_CORRUPTION = True
updates = coupled.updates


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 1.5 + recipe.sampling_steps / recipe.inner_updates / 3, 1.1, 1 / recipe.inner_updates


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part, beyond those of the parts it starts from."""
    return coupled.describe_sampled(recipe)


def build(context: Context) -> Objective:
    """Algorithm 5 on the pretrained denoisers."""
    return AlternatingObjective(context)


class AlternatingObjective(SampledObjective):
    """Each denoiser is given a full sampling of the other's process."""

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        """Lines 3 to 6: y0 = f(x0), x0_hat sampled given x_cor, y0_hat sampled given x0_hat."""
        outputs, steps = self.classifier_outputs(batch), self.sampling_steps
        x0_hat = self.sampled_signal(batch.x_cor, draws, steps)
        evidence, y_of_x = self.classifier.evidence(x0_hat), self.classify(x0_hat)
        y0_hat = self.sampled_logits(evidence, y_of_x, outputs, draws, steps)
        return prepared_batch(batch, outputs, evidence, y_of_x, y0_hat)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Lines 9 to 15: both losses, each condition a fixed value."""
        assert isinstance(batch, PreparedBatch) and batch.y0_hat is not None
        noised = self.noised(batch, draws)
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        guidance = self.guidance(batch.y0_hat, self.hidden(draws))
        output_x = self.output_of_signal(noised, corrupted, guidance)
        signals = self.encoded_signals(batch, batch.evidence, batch.y_of_x, self.hidden(draws))
        return self.losses(batch, noised, output_x, self.output_of_logits(noised, signals))
