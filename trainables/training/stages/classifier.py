"""Part `classifier`: of images, trained on clean ones only, then frozen for good (D.1). Of speech, the
scale of Whisper's logits, which are given the mean and the deviation of the signals (E.5).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from trainables.core.config import identity
from trainables.data.dataset import Dataset
from trainables.models.base import Classifier
from trainables.models.scale import LogitScale
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.task import networks
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.classifier_cache import cached_outputs
from trainables.training.objective import (
    Context,
    Frozen,
    Objective,
    PreparedBatch,
    Weights,
    channels_beside_each_other,
)

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = False


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.classifier


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 0.2, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part."""
    return {"network": identity(recipe.classifier), **recipe.states()}


def build(context: Context) -> Objective:
    """Cross-entropy training of a new classifier; for speech, where it is given, nothing to train."""
    if isinstance(context.task.recipe.classifier, RecogniserConfig):
        return ScaleObjective(context)
    return ClassifierObjective(context)


class ClassifierObjective(Objective):
    """Cross-entropy on clean, moved images; at the end the scale of its logits is measured."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        network = networks.new_classifier(context.dataset, context.task.recipe)
        self.network = channels_beside_each_other(network)
        self.scale = LogitScale(len(context.dataset.classes))

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        return {"loss": functional.cross_entropy(self.network(batch.x0), batch.labels)}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The network's classes for the clean signals, the only ones that it is trained on."""
        output: Tensor = self.network(batch.x0).argmax(dim=1)
        return output

    @torch.no_grad()
    def finish(self, dataset: Dataset, device: torch.device) -> None:
        rows = torch.arange(len(dataset.train)).split(512)
        images = (dataset.train.clean(chunk).to(device) for chunk in rows)
        self.scale.fit(torch.cat([self.network(chunk) for chunk in images]))


class ScaleObjective(Objective):
    """No network to train: at the end the scale of the recogniser's logits is measured."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._recipe = context.task.recipe
        self._frozen = Frozen(networks.recogniser(context.dataset, self._recipe))
        self.scale = networks.new_scale(context.dataset, self._recipe)

    @property
    def judge(self) -> Classifier:
        return self._frozen.classifier

    def move(self, device: torch.device) -> None:
        self.judge.to(device)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        raw = self._raw(batch)
        labels = (
            batch.labels if raw.dim() == 2 else raw.argmax(dim=-1)
        )  # of sentences none is given
        return {"loss": functional.cross_entropy(raw.movedim(-1, 1), labels)}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The recogniser's answers for the clean signals."""
        return self._raw(batch).argmax(dim=-1)

    def _raw(self, batch: Batch) -> Tensor:
        return self.judge.raw_logits(batch.x0) if batch.outputs is None else batch.outputs.clean

    @torch.no_grad()
    def finish(self, dataset: Dataset, device: torch.device) -> None:
        train = dataset.train
        outputs = cached_outputs(train, dataset, self._recipe, self.judge, device)
        assert outputs is not None
        sums = torch.zeros(2, dtype=torch.float64)
        for rows in torch.arange(len(train)).split(64):
            x0 = train.clean(rows).double()
            sums += torch.stack([x0.mean(), x0.square().mean()]) * len(rows) / len(train)
        mean, deviation = float(sums[0]), float(sums[1] - sums[0] ** 2) ** 0.5
        self.scale.fit_to(outputs.clean.cpu(), mean, deviation)

    def weights(self) -> Weights:
        """The scale, and what identifies Whisper's weights, which are not stored."""
        return {**super().weights(), "whisper": networks.fingerprint(self.judge)}
