"""What a stage of training is to the loop that runs it, and what several stages compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainables.core.device import moved
from trainables.core.errors import UsageError
from trainables.data.dataset import Dataset
from trainables.diffusion.process import Process
from trainables.models.base import Classifier, LogitDenoiser, SignalDenoiser
from trainables.task.networks import frozen_classifier
from trainables.task.recipe import Recipe, Task
from trainables.training.batches import Batch, Draws

Weights = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Context:
    """What a stage is built from: the task, its data, the weights of the parts it needs, and the number of
    the member that is trained, where the part is an ensemble's.
    """

    task: Task
    dataset: Dataset
    parts: dict[str, Weights]
    member: int = 1


class Objective(nn.Module):
    """A stage's trainable networks with its loss; DDP wraps it whole.

    Sub-modules are what is trained. What is frozen is kept out of sight of `parameters()`.
    """

    inner_updates = 1
    """Updates made with each prepared batch, with noise of their own: K of Algorithms 5 and 7."""
    pool = 1
    """Prepared batches that are in use at a time, one drawn at random for every update."""

    @property
    def judge(self) -> Classifier | None:
        """The frozen classifier, whose answers for signals that stay as they are need not be computed at
        every step; None where there is none.
        """
        return None

    def prepare(self, batch: Batch, draws: Draws) -> Batch | PreparedBatch:
        """What is computed once for all inner updates of a batch, without gradients."""
        return batch

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Losses, scalars; "loss" is the one to minimise."""
        raise NotImplementedError

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """Numbers of classes (B,), or of tokens (B, S), that the part gives for corrupted signals in one
        step of sampling.
        """
        raise NotImplementedError

    def move(self, device: torch.device) -> None:
        """Move what is frozen to the device."""

    def finish(self, dataset: Dataset, device: torch.device) -> None:
        """What is left to do once the averaged weights are final."""

    def weights(self) -> Weights:
        """The part: a state dict for each network in it."""
        return {name: dict(child.state_dict()) for name, child in self.named_children()}


class Frozen:
    """Holds a frozen classifier out of sight of `parameters()`; copies of an objective share it."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def __deepcopy__(self, memo: dict[int, Any]) -> Frozen:
        return self


def channels_beside_each_other(classifier: nn.Module) -> nn.Module:
    """The classifier of images, with its weights laid out so that the channels of its images and features are
    beside each other in memory. Its convolutions and its pooling are so 1.6 times as fast on a CPU with AVX2,
    an update of it 1.2 times; what denoisers compute is as fast either way.
    """
    return classifier.to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class ClassifierOutputs:
    """The classifier's standardised logits y0 and y_cor (B, *logit shape) for x0 and x_cor, and what a
    logit denoiser is shown of x_cor.
    """

    y0: Tensor
    y_cor: Tensor
    evidence: Tensor


class JudgedObjective(Objective):
    """An objective that is given the frozen classifier, out of sight of `parameters()`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        parts = context.parts["classifier"]
        classifier = frozen_classifier(context.dataset, context.task.recipe, parts)
        if isinstance(classifier, nn.Module):
            channels_beside_each_other(classifier)
        self._frozen = Frozen(classifier)

    @property
    def classifier(self) -> Classifier:
        """The frozen classifier."""
        return self._frozen.classifier

    @property
    def judge(self) -> Classifier:
        return self.classifier

    def classifier_outputs(self, batch: Batch) -> ClassifierOutputs:
        """The classifier's outputs for a batch, computed unless the batch brings them."""
        classifier, outputs = self.classifier, batch.outputs
        if outputs is None:
            y0, y_cor = classifier(batch.x0), classifier(batch.x_cor)
            return ClassifierOutputs(y0, y_cor, classifier.evidence(batch.x_cor))
        standardised = classifier.scale.standardised
        return ClassifierOutputs(
            standardised(outputs.clean), standardised(outputs.corrupted), outputs.evidence
        )

    def move(self, device: torch.device) -> None:
        self.classifier.to(device)


@dataclass(frozen=True)
class PreparedBatch:
    """A batch with its targets and what is computed once for all its inner updates.

    y0 and y_cor are the classifier's standardised logits (B, *logit shape) for x0 and x_cor. A logit
    denoiser is shown `evidence_cor` of x_cor, and `evidence` of the signal estimate, whose logits are
    y_of_x: a sampled one (Algorithms 5 and 7), x_cor where there is none yet. y0_hat are sampled
    logits (Algorithm 5).
    """

    x0: Tensor
    x_cor: Tensor
    y0: Tensor
    y_cor: Tensor
    evidence_cor: Tensor
    evidence: Tensor
    y_of_x: Tensor
    y0_hat: Tensor | None = None


def prepared_batch(
    batch: Batch,
    outputs: ClassifierOutputs,
    evidence: Tensor | None = None,
    y_of_x: Tensor | None = None,
    y0_hat: Tensor | None = None,
) -> PreparedBatch:
    """A batch with what the classifier makes of it, and of a signal estimate: x_cor if None."""
    return PreparedBatch(
        batch.x0,
        batch.x_cor,
        outputs.y0,
        outputs.y_cor,
        outputs.evidence,
        outputs.evidence if evidence is None else evidence,
        outputs.y_cor if y_of_x is None else y_of_x,
        y0_hat,
    )


def sample_clean(
    process: Process[Any],
    steps: int,
    noise: Tensor,
    origin: Tensor,
    denoiser: SignalDenoiser | LogitDenoiser,
    *conditions: Any,
) -> Tensor:
    """z0 by so many deterministic steps (DDIM's kind) from the prior about the origin, made of
    standard normal noise; the denoiser sees its encoded conditions.
    """
    levels, z = process.levels(steps), process.prior(origin, noise)
    times = denoiser.encode_time(moved(process.scaled(levels[:-1]), z.device))
    for number, (t, s) in enumerate(pairwise(levels)):
        output = denoiser(z, times[number : number + 1], *conditions)
        z = process.step(z, process.clean_of(z, output, t, origin), t, s, 0.0, None, origin)
    return z


def check_signals(part: str, recipe: Recipe, signals: Sequence[str]) -> None:
    """Refuse to train a part on signals that it is not for.

    Args:
        part: its kind.
        recipe: of the training.
        signals: what it is for, by `Recipe.answers`.

    Raises:
        UsageError: the recipe's signals are others.
    """
    if recipe.answers not in signals:
        raise UsageError(
            f"part {part!r} is for {' and '.join(signals)} signals alone, not for {recipe.answers} ones: "
            "train another"
        )
