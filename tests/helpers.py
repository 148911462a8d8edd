"""Exact denoisers for Gaussian data, and a tiny recipe with its training."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from trainables.data import datasets
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.labels import LabelDiffusion
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.models.images.classifier import ConvNetConfig
from trainables.models.images.didirn import SmallDiDiRNConfig
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.models.images.unet import UNetConfig
from trainables.task.members import RETRAINED, member_kinds
from trainables.task.recipe import Recipe, Task, Updates
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import train_part
from trainables.training.objective import Context, Weights
from trainables.training.part_store import in_order

DIGITS = datasets.load("digits", Path("unused"))


def exact_velocity(
    process: GaussianDiffusion, z_t: Tensor, t: int, mean: Tensor | float, variance: float
) -> Tensor:
    """E[v | z_t] where z0 ~ N(mean, variance), from Gaussian conditioning."""
    abar = float(process.alpha_bar[t])
    gain = variance * abar**0.5 / (abar * variance + 1 - abar)
    z0 = mean + gain * (z_t - abar**0.5 * mean)
    eps = (z_t - abar**0.5 * z0) / (1 - abar) ** 0.5
    return abar**0.5 * eps - (1 - abar) ** 0.5 * z0


class ExactSignal(SignalDenoiser):
    """The exact denoiser of x0 ~ N(shift * mean of the logits, variance); the mean is 0 without logits.

    `logit_means` has the mean of the logits of each sample, (B,), for every encoding.
    """

    def __init__(self, process: GaussianDiffusion, variance: float, shift: float = 1.0) -> None:
        super().__init__()
        self.process, self.variance, self.shift = process, variance, shift
        self.logit_means: list[Tensor] = []

    def encode_corrupted(self, x_cor: Tensor) -> Tensor:
        return x_cor

    def encode_logits(self, y: Tensor | None, batch: int) -> Tensor:
        self.logit_means.append(torch.zeros(batch) if y is None else y.flatten(1).mean(1))
        return self.logit_means[-1]

    def forward(self, x_t: Tensor, t: Tensor, corrupted: Tensor, logits: Tensor) -> Tensor:
        level = round(float(t) * self.process.T)
        mean = self.shift * logits.reshape(-1, *[1] * (x_t.dim() - 1))
        return exact_velocity(self.process, x_t, level, mean, self.variance)


class ExactLogit(LogitDenoiser):
    """The exact denoiser of y0 ~ N(mean of the signal, variance)."""

    def __init__(self, process: GaussianDiffusion, variance: float) -> None:
        super().__init__()
        self.process, self.variance = process, variance

    def encode_signals(self, x: Tensor, y_of_x: Tensor, x_cor: Tensor) -> Tensor:
        return x.flatten(1).mean(1)

    def forward(self, y_t: Tensor, t: Tensor, signals: Tensor) -> Tensor:
        level = round(float(t) * self.process.T)
        mean = signals.reshape(-1, *[1] * (y_t.dim() - 1))
        return exact_velocity(self.process, y_t, level, mean, self.variance)


class ExactLabels:
    """The exact score of the posteriors q0 (B, K), whatever the images."""

    def __init__(self, process: LabelDiffusion, q0: Tensor) -> None:
        self.process, self.q0 = process, q0

    def encode_images(self, x: Tensor) -> Tensor:
        return self.q0[: len(x)]

    def __call__(self, images: Tensor, labels: Tensor, t: Tensor) -> Tensor:
        q_t = self.process.marginal(images, float(t))[:, None].expand(*labels.shape, -1)
        return self.process.log_ratios(q_t, labels)


def tiny_recipe(**changes: object) -> Recipe:
    """A recipe that trains in a second."""
    settings: dict[str, object] = {
        "updates": Updates(classifier=40, signal=6, logit=6, coupled=4),
        "T": 8,
        "batch": 16,
        "sampling_steps": 2,
        "inner_updates": 2,
        "pool": 1,
        "precision": "float32",  # so that results compare
        "classifier": ConvNetConfig(base=4, hidden=8),
        "signal": UNetConfig(base=4),
        "logit": LogitMLPConfig(base=4, width=8, blocks=1, dropout=0.2),
        "label": SmallDiDiRNConfig(base=4, blocks=(1, 1), embedding=8),
    }
    return Recipe(**(settings | changes))  # type: ignore[arg-type]


def tiny_task(**changes: object) -> Task:
    """A task on digits with a tiny recipe."""
    return Task("digits", "gn30", 0, tiny_recipe(**changes))


def train(kind: str, task: Task, parts: dict[str, Weights], **options) -> Weights:
    """Train one part on digits, from the parts that it needs."""
    context = Context(task, DIGITS, {need: parts[need] for need in stages.parts_given(kind)})
    share = options.pop("share", Share())
    return train_part(kind, context, share, options.pop("report", lambda r: None), **options)


def train_all(task: Task) -> dict[str, Weights]:
    """All parts of a task on digits, trained."""
    parts: dict[str, Weights] = {}
    for kind in in_order([*stages.names(), *member_kinds(RETRAINED)]):
        parts[kind] = train(kind, task, parts)
    return parts


DISPLAYED = {"OMP_DISPLAY_ENV": "VERBOSE", "RAY_DEDUP_LOGS": "0"}
"""Variables that make OpenMP print its settings in every process that loads it."""


def turns_of_waiting(log: str) -> dict[str, set[str]]:
    """The numbers of turns that threads wait by OpenMP's printed settings, for each Ray process."""
    settings = re.findall(r"\((\w* ?pid=\d+)[^)]*\)\S*\s+GOMP_SPINCOUNT = '(\d+)'", log)
    turns_by_process: dict[str, set[str]] = {}
    for process, turns in settings:
        turns_by_process.setdefault(process, set()).add(turns)
    return turns_by_process
