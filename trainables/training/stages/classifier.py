"""Part `classifier`: trained on clean images only, then frozen for good (D.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainables.config import as_mapping
from trainables.data.splits import Dataset
from trainables.models import build as networks
from trainables.models.scale import LogitScale
from trainables.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import Context, Objective, PreparedBatch

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = False


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.classifier


def forwards(recipe: Recipe) -> tuple[float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser
    and of the logit denoiser.
    """
    return 0.2, 0.0


def describe(recipe: Recipe) -> dict[str, Any]:
    """The settings that shape this part."""
    return {"network": as_mapping(recipe.classifier)}


def build(context: Context) -> Objective:
    """Cross-entropy training of a new classifier."""
    return ClassifierObjective(context)


class ClassifierObjective(Objective):
    """Cross-entropy on clean, moved images; at the end the scale of its logits is measured."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.network = networks.new_classifier(context.dataset, context.task.recipe)
        self.scale = LogitScale(len(context.dataset.classes))

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        return {"loss": functional.cross_entropy(self.network(batch.x0), batch.labels)}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """Of the clean signals: nothing else is what it learns."""
        return self.network(batch.x0).argmax(dim=1)

    @torch.no_grad()
    def finish(self, dataset: Dataset, device: torch.device) -> None:
        rows = torch.arange(len(dataset.train)).split(512)
        images = (dataset.train.clean(chunk).to(device) for chunk in rows)
        self.scale.fit(torch.cat([self.network(chunk) for chunk in images]))
