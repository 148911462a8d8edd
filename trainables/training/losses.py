"""What training asks of a process: times to train at, noised states, and the loss of an output."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.ouve import OUVE
from trainables.diffusion.process import Process
from trainables.task.recipe import Task
from trainables.training.batches import Draws


class DenoisingLoss(Protocol):
    """How a network learns a process; `origin` is x_cor for signals, y_cor for logits."""

    @property
    def process(self) -> Process[Any]: ...

    def times(self, draws: Draws) -> Tensor:
        """t, (B,), drawn as the process is trained."""

    def scaled(self, t: Tensor) -> Tensor:
        """t in [0, 1], (B,), which networks encode."""

    def noised(self, z0: Tensor, origin: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """z_t for clean z0 (B, ...), standard normal eps of its shape and t (B,)."""

    def next_state(self, z_t: Tensor, z0_hat: Tensor, origin: Tensor, t: Tensor) -> Tensor:
        """The state that z_t steps to, given the clean estimate z0_hat, in a sampling of as many steps as
        the recipe has noise levels; without fresh noise.
        """

    def loss(self, output: Tensor, z0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """The loss, a scalar, of a network's output at z_t."""


class GaussianLoss:
    """The network puts out v; `weighting` as in `noise_loss`."""

    def __init__(self, process: GaussianDiffusion, weighting: str) -> None:
        self.process, self.weighting = process, weighting

    def times(self, draws: Draws) -> Tensor:
        """t ~ Uniform{1..T}."""
        return draws.levels(self.process.T)

    def scaled(self, t: Tensor) -> Tensor:
        return t / self.process.T

    def noised(self, z0: Tensor, origin: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        return self.process.noised(z0, eps, t)

    def next_state(self, z_t: Tensor, z0_hat: Tensor, origin: Tensor, t: Tensor) -> Tensor:
        return self.process.noised(z0_hat, self.process.noise_of(z_t, z0_hat, t), t - 1)

    def loss(self, output: Tensor, z0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        return noise_loss(self.process, output, z0, eps, t, self.weighting)


class OUVELoss:
    """The network puts out sigma(t) s, whose target is minus the noise (paper, E.5).

    That loss hardly asks for what restores a signal: late in the process the noise is told from x_t
    alone, however little is known of x0. Given the network's `spread`, the squared error of what it
    adds to the baseline counts alike at every time (`OUVE.residual_score`). `steps` are those of the
    sampling that `next_state` is of.
    """

    def __init__(self, process: OUVE, spread: float | None, steps: int) -> None:
        self.process, self.spread, self.steps = process, spread, steps

    def times(self, draws: Draws) -> Tensor:
        """t ~ Uniform[t_eps, T]."""
        return self.process.times(draws.uniform())

    def scaled(self, t: Tensor) -> Tensor:
        return t

    def noised(self, z0: Tensor, origin: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        return self.process.noised(z0, origin, eps, t)

    def next_state(self, z_t: Tensor, z0_hat: Tensor, origin: Tensor, t: Tensor) -> Tensor:
        """Times nearer to the last one, t_eps, than to the one before it step to the clean end."""
        first, second = self.process.levels(self.steps)[:2]
        gap, t_eps = first - second, self.process.t_eps
        s = torch.where(t < t_eps + gap / 2, 0, (t - gap).clamp(min=t_eps))
        return self.process.step(z_t, z0_hat, t, s, 0.0, None, origin)

    def loss(self, output: Tensor, z0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        error = (output + eps).square()
        if self.spread is not None:
            weight = self.process.residual_weight(t, self.spread)
            error = error * weight.reshape(-1, *[1] * (z0.dim() - 1)).to(error)
        return error.mean()


def denoising_losses(
    task: Task, processes: tuple[GaussianDiffusion | OUVE, GaussianDiffusion | OUVE]
) -> tuple[DenoisingLoss, DenoisingLoss]:
    """How the networks of a task learn its signal process and its logit process."""
    recipe = task.recipe
    signal_loss, logit_loss = (
        OUVELoss(process, spread, recipe.T)
        if isinstance(process, OUVE)
        else GaussianLoss(process, recipe.loss_weighting)
        for process, spread in zip(processes, recipe.loss_spreads, strict=True)
    )
    return signal_loss, logit_loss


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
