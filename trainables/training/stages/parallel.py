"""Part `parallel`: both denoisers trained together by Algorithm 3, from the pretrained ones (D.3).

A fraction of the samples hides the one's estimate from the other: the warm-up is sampled so (D.4).
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.task.recipe import Recipe
from trainables.training import coupled
from trainables.training.batches import Batch, Draws
from trainables.training.coupled import CoupledObjective
from trainables.training.objective import Context, Objective, PreparedBatch, prepared_batch

NEEDS = coupled.NEEDS
USES_CORRUPTION = True
updates = coupled.updates


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 1.5 + 1 / 3, 1.0, 1.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part, beyond those of the parts it starts from."""
    return {"unguided": recipe.unguided}


def build(context: Context) -> Objective:
    """Algorithm 3 on the pretrained denoisers."""
    return ParallelObjective(context)


class ParallelObjective(CoupledObjective):
    """Each denoiser is given the other's estimate at the same noise level."""

    @torch.no_grad()
    def prepare(self, batch: Batch, draws: Draws) -> PreparedBatch:
        """Lines 3 and 6: y0 = f(x0), and f(x_cor), which guides the first estimate."""
        return prepared_batch(batch, self.classifier_outputs(batch))

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Lines 4 to 13. Lines 9 and 11 ask the logit denoiser the same, so it is asked once; the
        estimates condition as values, no gradient goes through them.
        """
        assert isinstance(batch, PreparedBatch)
        noised = self.noised(batch, draws)
        no_logits, no_signal = self.hidden(draws), self.hidden(draws)
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        with torch.no_grad():
            first = self.output_of_signal(noised, corrupted, self.guidance(batch.y_cor, no_logits))
            x0_hat = self.clean_signal(batch, noised, first)
            evidence, y_of_x = self.classifier.evidence(x0_hat), self.classify(x0_hat)
        signals = self.encoded_signals(batch, evidence, y_of_x, no_signal)
        output_y = self.output_of_logits(noised, signals)
        y0_hat = self.clean_logits(batch, noised, output_y).detach()
        output_x = self.output_of_signal(noised, corrupted, self.guidance(y0_hat, no_logits))
        return self.losses(batch, noised, output_x, output_y)
