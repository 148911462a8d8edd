"""Part `nested`: both denoisers trained together by Algorithm 7, from the pretrained ones (D.3)."""

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
    return 1.5 + recipe.sampling_steps / recipe.inner_updates / 3, 1.0, 1 / recipe.inner_updates


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part, beyond those of the parts it starts from."""
    return coupled.describe_sampled(recipe)


def build(context: Context) -> Objective:
    """Algorithm 7 on the pretrained denoisers."""
    return NestedObjective(context)


class NestedObjective(SampledObjective):
    """The logits are denoised given a sampled signal, the signal given the logits so estimated."""

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        """Lines 3 and 4: y0 = f(x0), and x0_hat by a full sampling conditioned on x_cor."""
        x0_hat = self.sampled_signal(batch.x_cor, draws, self.sampling_steps)
        evidence, y_of_x = self.classifier.evidence(x0_hat), self.classify(x0_hat)
        return prepared_batch(batch, self.classifier_outputs(batch), evidence, y_of_x)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Lines 7 to 13. The logit estimate guides the signal as a value: no gradient through it."""
        assert isinstance(batch, PreparedBatch)
        noised = self.noised(batch, draws)
        signals = self.logit.encode_signals(
            batch.evidence, batch.y_of_x, batch.evidence_cor, batch.y_cor
        )
        output_y = self.output_of_logits(noised, signals)
        y0_hat = self.clean_logits(batch, noised, output_y).detach()
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        guidance = self.guidance(y0_hat, self.hidden(draws))
        output_x = self.output_of_signal(noised, corrupted, guidance)
        return self.losses(batch, noised, output_x, output_y)
