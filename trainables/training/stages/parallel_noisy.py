"""Part `parallel-noisy`: both denoisers trained together by Algorithm 3, from the pretrained ones (D.3), but
shown each other's noisy states in the place of clean estimates: what `parallel-noisy` samples with
(section 4.3, Table 3).

A fraction of the samples hides the one's state from the other: the warm-up is sampled so (D.4).
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.task.recipe import Recipe
from trainables.training import coupled
from trainables.training.batches import Batch, Draws
from trainables.training.objective import Context, Objective, PreparedBatch
from trainables.training.stages.parallel import ParallelObjective

NEEDS = coupled.NEEDS
USES_CORRUPTION = True
updates = coupled.updates


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 1.5, 1.0, 1.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part, beyond those of the parts it starts from."""
    settings: dict[str, object] = {"unguided": recipe.unguided}
    if recipe.speech is not None:  # of images the levels say what a step is
        settings["T"] = recipe.T
    return settings


def build(context: Context) -> Objective:
    """Algorithm 3 with noisy states, on the pretrained denoisers."""
    return ParallelNoisyObjective(context)


class ParallelNoisyObjective(ParallelObjective):
    """The signal denoiser is given y_t, the logit denoiser x_{t-1}, as Algorithm 2 has them at that time:
    the signal's step comes first.
    """

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Lines 4, 5, 7 and 10 to 13, y_t and x_{t-1} in the place of the estimates. x_{t-1} is where the
        signal denoiser's own estimate leads x_t in a step; no gradient goes through it.

        The step adds no fresh noise: to the logit denoiser, which does not see x_t, that is no difference,
        since with a right estimate x_{t-1} is distributed alike for every eta.
        """
        assert isinstance(batch, PreparedBatch)
        noised = self.noised(batch, draws)
        no_logits, no_signal = self.hidden(draws), self.hidden(draws)
        corrupted = self.signal.encode_corrupted(batch.x_cor)
        output_x = self.output_of_signal(noised, corrupted, self.guidance(noised.y_t, no_logits))
        with torch.no_grad():
            x0_hat = self.clean_signal(batch, noised, output_x.detach())
            x_next = self.signal_loss.next_state(noised.x_t, x0_hat, batch.x_cor, noised.t)
            evidence, y_of_x = self.classifier.evidence(x_next), self.classify(x_next)
        signals = self.encoded_signals(batch, evidence, y_of_x, no_signal)
        return self.losses(batch, noised, output_x, self.output_of_logits(noised, signals))
