"""Samplers of the label diffusion: DiDiCM-CP over class probabilities, DiDiCM-CL over chains of labels.
A step is one of `label_updates`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import get_args

import torch
from torch import Tensor

from trainables.core.device import moved
from trainables.core.errors import UsageError, check_choice, check_range
from trainables.core.noise import NoiseSource
from trainables.diffusion.label_choices import LabelChoice, LabelPredictor, ProbabilityPredictor
from trainables.diffusion.label_updates import (
    analytic_weights,
    backward_euler,
    euler_weights,
    explicit_euler,
    kept,
    posterior_step,
)
from trainables.diffusion.labels import LabelDiffusion, labels_from, normalised

LabelScore = Callable[[Tensor, float], Tensor]
"""log s(y, c, t), (B, C, K), of C labels a sample (B, C) at one time, with 0 at the label itself."""

_LEAST_PROBABILITY = 1e-18  # a softmax that underflows to 0 cannot be divided by


# ---- a step of either sampler


@torch.no_grad()
def probability_step(
    process: LabelDiffusion,
    score: LabelScore,
    p: Tensor,
    t: float,
    s: float,
    predictor: ProbabilityPredictor = "euler",
    choice: LabelChoice = "argmin",
    noise: NoiseSource | None = None,
    checks: list[Tensor] | None = None,
) -> Tensor:
    """A step of DiDiCM-CP: the probabilities (B, K) at time s of those at time t, by one call of the score.

    Args:
        process: the label diffusion.
        score: of a label a sample, called as (B, 1) at a time.
        p: the probabilities (B, K) at time t.
        t, s: the times, t > s.
        predictor: an Euler step, explicit or backward, or the exact posterior of the score's own clean
            estimate.
        choice: the label whose score is asked for: the least or the most probable one, or one that is
            drawn from p.
        noise: where random labels are drawn from; None for the other choices.
        checks: as for `labels_from`.

    Raises:
        UsageError: random labels have no noise.
    """
    labels = _chosen_labels(p, choice, noise, checks)
    log_score = score(labels[:, None], t)[:, 0]
    return normalised(_next_probabilities(process, p, log_score, t, s, predictor))


def uniform_labels(
    process: LabelDiffusion, noise: NoiseSource, chains: int, device: torch.device
) -> Tensor:
    """The uniform labels (B, N) that the chains of DiDiCM-CL start from."""
    return moved((noise.uniform((chains,)).double() * process.classes).long(), device)


@torch.no_grad()
def label_step(
    process: LabelDiffusion,
    score: LabelScore,
    labels: Tensor,
    t: float,
    s: float,
    noise: NoiseSource,
    predictor: LabelPredictor = "euler",
    chains_at_once: int = 16,
    checks: list[Tensor] | None = None,
) -> Tensor:
    """A step of DiDiCM-CL: labels (B, N) at time s of those at time t, by N calls of the score a sample.

    Args:
        process: the label diffusion.
        score: of up to `chains_at_once` labels a sample at a time.
        labels: the labels (B, N) at time t.
        t, s: the times, t > s.
        noise: where the next labels are drawn from, by one uniform number for each chain.
        predictor: the Euler step, or analytic tau-leaping.
        chains_at_once: how many chains of a sample go through one call of the score; it does not change
            what is drawn.
        checks: as for `labels_from`.
    """
    uniform_numbers = moved(noise.uniform((labels.shape[1],)), labels.device)
    blocks = zip(
        labels.split(chains_at_once, dim=1),
        uniform_numbers.split(chains_at_once, dim=1),
        strict=True,
    )
    steps_of_blocks = [
        labels_from(
            _next_weights(process, score(block, t), block, t, s, predictor), uniform, checks
        )
        for block, uniform in blocks
    ]
    return torch.cat(steps_of_blocks, dim=1)


def frequencies_of(labels: Tensor, classes: int) -> Tensor:
    """The frequencies (B, K), float32, of K classes among labels (B, N)."""
    counts = torch.zeros(len(labels), classes, device=labels.device)
    return (
        counts.scatter_add_(1, labels, torch.ones_like(labels, dtype=counts.dtype))
        / labels.shape[1]
    )


# ---- samplers


def sample_probabilities(
    process: LabelDiffusion,
    score: LabelScore,
    start: Tensor,
    steps: int,
    predictor: ProbabilityPredictor = "euler",
    choice: LabelChoice = "argmin",
    noise: NoiseSource | None = None,
) -> Tensor:
    """DiDiCM-CP: the posterior p(c_0 | y), (B, K), by so many times `probability_step`.

    Args:
        start: the probabilities (B, K) to start from, `process.prior`.
        steps: the number of steps.
        process, score, predictor, choice, noise: as for `probability_step`.

    Raises:
        UsageError: a value is not allowed, or random labels have no noise.
    """
    check_choice("the predictor of label probabilities", predictor, get_args(ProbabilityPredictor))
    check_choice("the choice of a label", choice, get_args(LabelChoice))
    p = start
    for t, s in pairwise(process.levels(steps)):
        p = probability_step(process, score, p, t, s, predictor, choice, noise)
    return p


def sample_labels(
    process: LabelDiffusion,
    score: LabelScore,
    noise: NoiseSource,
    device: torch.device,
    steps: int,
    chains: int,
    predictor: LabelPredictor = "euler",
    chains_at_once: int = 16,
) -> Tensor:
    """DiDiCM-CL: the posterior p(c_0 | y), (B, K), as frequencies of the labels that chains end at, by so
    many times `label_step`.

    A sample needs memory for its N labels, its K frequencies and `chains_at_once` scores.

    Args:
        noise: where labels are drawn from; it says how many samples B there are.
        device: where the score computes.
        steps: the number of steps.
        chains: N, the number of independent chains of each sample.
        process, score, predictor, chains_at_once: as for `label_step`.

    Raises:
        UsageError: a value is not allowed.
    """
    check_choice("the predictor of labels", predictor, get_args(LabelPredictor))
    check_range("the number of chains", chains, 1, 1_000_000)
    check_range("the number of chains at once", chains_at_once, 1, 1_000_000)
    labels = uniform_labels(process, noise, chains, device)
    for t, s in pairwise(process.levels(steps)):
        labels = label_step(process, score, labels, t, s, noise, predictor, chains_at_once)
    return frequencies_of(labels, process.classes)


def _next_probabilities(
    process: LabelDiffusion,
    p: Tensor,
    log_score: Tensor,
    t: float,
    s: float,
    predictor: ProbabilityPredictor,
) -> Tensor:
    """Weights (B, K) at time s, 0 or more, of a step from the probabilities p at time t."""
    if predictor == "analytic":
        clean = process.clean_of(log_score, t)
        marginals = process.marginal(clean, t), process.marginal(clean, s)
        return posterior_step(p, *marginals, kept(process, t, s))
    q = torch.softmax(log_score, dim=-1).clamp_(min=_LEAST_PROBABILITY)
    if predictor == "backward-euler":
        return backward_euler(p, q, _size(process, t, s))
    return explicit_euler(p, q, _size(process, t, s)).clamp_(min=0)


def _next_weights(
    process: LabelDiffusion,
    log_score: Tensor,
    labels: Tensor,
    t: float,
    s: float,
    predictor: LabelPredictor,
) -> Tensor:
    """Weights (B, C, K) of the labels at time s, of chains at labels (B, C) at time t."""
    if predictor == "analytic":
        return analytic_weights(process.clean_of(log_score, t), labels, process, t, s)
    return euler_weights(log_score, labels, _size(process, t, s))


def _chosen_labels(
    p: Tensor, choice: LabelChoice, noise: NoiseSource | None, checks: list[Tensor] | None
) -> Tensor:
    """The labels (B,) whose scores are asked for."""
    if choice != "random":
        return p.argmin(dim=-1) if choice == "argmin" else p.argmax(dim=-1)
    if noise is None:
        raise UsageError(
            "the label is chosen at random, but no noise is given: pass a noise source"
        )
    return labels_from(p, moved(noise.uniform((1,)).squeeze(1), p.device), checks)


def _size(process: LabelDiffusion, t: float, s: float) -> float:
    """sigma_t (t - s)."""
    return float(process.rate(t)) * (t - s)
