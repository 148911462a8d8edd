"""What a stage of training is to the loop that runs it, and what several stages compute."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainables.data.splits import Dataset
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.models.build import frozen_classifier
from trainables.models.classifier import FrozenClassifier
from trainables.recipe import Task
from trainables.training.batches import Batch, Draws

Weights = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Context:
    """What a stage is built from: the task, its data, and the weights of the parts it needs."""

    task: Task
    dataset: Dataset
    needed: dict[str, Weights]


class Objective(nn.Module):
    """A stage's trainable networks with its loss; DDP wraps it whole.

    Sub-modules are what is trained. What is frozen is kept out of sight of `parameters()`.
    """

    inner_updates = 1
    """Updates made with one prepared batch, each with noise of its own: K of Algorithms 5 and 7."""

    def prepare(self, batch: Batch, draws: Draws) -> Batch | PreparedBatch:
        """What is computed once for all inner updates of a batch, without gradients."""
        return batch

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        """Losses, scalars; "loss" is the one to minimise."""
        raise NotImplementedError

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """Class numbers (B,) that the part gives for corrupted signals in one step of sampling."""
        raise NotImplementedError

    def move(self, device: torch.device) -> None:
        """Move what is frozen to the device."""

    def finish(self, dataset: Dataset, device: torch.device) -> None:
        """What is left to do once the averaged weights are final."""

    def weights(self) -> Weights:
        """The part: a state dict for each network in it."""
        return {name: dict(child.state_dict()) for name, child in self.named_children()}


class JudgedObjective(Objective):
    """An objective that is given the frozen classifier, out of sight of `parameters()`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        needed = context.needed["classifier"]
        self._frozen = (frozen_classifier(context.dataset, context.task.recipe, needed),)

    @property
    def classifier(self) -> FrozenClassifier:
        """The frozen classifier."""
        return self._frozen[0]

    def move(self, device: torch.device) -> None:
        self.classifier.to(device)


@dataclass(frozen=True)
class PreparedBatch:
    """A batch with its targets and what is computed once for all its inner updates.

    y0 and y_cor are the classifier's standardised logits (B, K) for x0 and x_cor. x0_hat is the
    signal that the logit denoiser sees, with its logits: a sampled one (Algorithms 5 and 7), x_cor
    where there is none yet. y0_hat are sampled logits (Algorithm 5).
    """

    x0: Tensor
    x_cor: Tensor
    y0: Tensor
    y_cor: Tensor
    x0_hat: Tensor
    y_of_x0_hat: Tensor
    y0_hat: Tensor | None = None


def noise_loss(
    process: GaussianDiffusion, v_hat: Tensor, z0: Tensor, eps: Tensor, t: Tensor, weighting: str
) -> Tensor:
    """Mean squared error of the predicted noise, at levels t (B,), for a network's output v_hat.

    As the paper has it where `weighting` is "noise": ||eps_hat - eps||^2 = abar_t ||v_hat - v||^2.
    That weight vanishes where the noise is strongest, the very levels at which a denoiser must tell
    the answer from its conditions alone; "velocity" divides by abar_t, so that all levels count.
    """
    error = (v_hat - process.velocity(z0, eps, t)).square()
    if weighting == "noise":
        weight = process.tables(t.device)[0][t].square()
        error = error * weight.reshape(-1, *[1] * (z0.dim() - 1)).to(error)
    return error.mean()


def processes(
    task: Task, classifier: FrozenClassifier | None
) -> tuple[GaussianDiffusion, GaussianDiffusion]:
    """The signal process (images lie in [-1, 1]) and the logit process (bounded by what clean
    training logits reach) of a task.
    """
    bound = None if classifier is None else float(classifier.scale.largest)
    return GaussianDiffusion(task.recipe.T, clip=1.0), GaussianDiffusion(task.recipe.T, clip=bound)


def sampled(
    process: GaussianDiffusion,
    steps: int,
    z: Tensor,
    denoiser: SignalDenoiser | LogitDenoiser,
    *conditions: Any,
) -> Tensor:
    """z0 by DDIM in so many steps from z at t = T; the denoiser sees its encoded conditions."""
    levels = process.levels(steps)
    times = denoiser.encode_time(torch.tensor(levels, device=z.device) / process.T)
    for number, (t, s) in enumerate(pairwise(levels)):
        v = denoiser(z, times[number : number + 1], *conditions)
        z = process.step(z, process.clean_of(z, v, t), t, s, 0.0, None)
    return z
