"""Part `label-score`: the score network of the label diffusion, DiDiRN, trained on corrupted images with
their labels by the DiDiCM loss (Belhasin et al. 2026, Algorithm 1).

It makes as many updates as `retrained` does, with the same batches: both learn from labels and corrupted
images alone, so their difference is that of the method. Spoken words have classes too, and are shown to it as
their spectrograms; sentences have none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.core.config import identity
from trainables.diffusion.label_sampling import sample_probabilities
from trainables.diffusion.labels import labels_from, targets_of
from trainables.task import networks
from trainables.task.processes import label_process
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import Context, Objective, PreparedBatch, check_signals
from trainables.training.stages import retrained

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = True
SIGNALS = ("image", "word")
LABEL_FORWARDS = 1.0
updates = retrained.updates

_VALIDATION_STEPS = 4
"""Steps of DiDiCM-CP by which the part answers at every report."""


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to beside LABEL_FORWARDS: in forward passes of the signal
    denoiser, of the logit denoiser and, without gradients, of the classifier.
    """
    return 0.0, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part."""
    smoothing = recipe.label_smoothing
    return {"network": identity(recipe.label), "smoothing": smoothing, **recipe.states()}


def build(context: Context) -> Objective:
    """Training of a new score network.

    Raises:
        UsageError: sentences are spoken.
    """
    check_signals("label-score", context.task.recipe, SIGNALS)
    return LabelScoreObjective(context)


class LabelScoreObjective(Objective):
    """Score entropy of labels noised to uniform times, weighted by the rate of the process."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.process = label_process(context.dataset)
        self._smoothing = context.task.recipe.label_smoothing
        self.label = networks.new_label_network(context.dataset, context.task.recipe)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        process = self.process
        t = process.times(draws.uniform())
        targets = targets_of(batch.labels, process.classes, self._smoothing)
        noised = labels_from(process.marginal(targets, t), draws.uniform())
        log_score = self.label(batch.x_cor, noised, t)
        return {"loss": process.loss(log_score, targets, noised, t).mean()}

    @torch.no_grad()
    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The most probable classes after a few steps of DiDiCM-CP."""
        start = self.process.prior(len(batch.x_cor), batch.x_cor.device)
        score = self.label.score_of(batch.x_cor)
        return sample_probabilities(self.process, score, start, _VALIDATION_STEPS).argmax(dim=1)
