"""Guidance of a signal by gradients: the score of its diffusion gets the gradient of the log-probability of a
distribution of classes.

It is grad sum_c q(c) log p(c | x), minus the gradient of the cross-entropy between a fixed target q, which is
not differentiated, and a classifier's p. For a single class this is Dhariwal and Nichol's classifier guidance
(2021, algorithm 2); Sahu, Banerjee and Wu (2026) bound its error by the cross-entropy of p.

The classifier is one of two. "noisy" is the noise-conditional p_t(c | x_t), whose gradient with respect to
x_t is used as it is. Where x_t has a share of x_cor (speech), the classifier sees it without that share: what
is left is the clean signal under noise, which it has been trained on. "frozen" is the frozen classifier at
the clean estimate x0_hat(x_t), as in DPS (Chung et al. 2023) and universal guidance (Bansal et al. 2023). The
exact derivative of x0_hat is sqrt(abar_t) / (1 - abar_t) Cov[x0 | x_t], by which the clean estimate moves by
Cov[x0 | x_t] times the gradient with respect to x0_hat. The covariance is taken to be (1 - abar_t) I, that of
data with unit variance (PiGDM: Song et al. 2023), so the derivative to be sqrt(abar_t) I. Speech varies far
less about x_cor: there the deviation is the spread that the recipe has of x0 - x_cor
(`Process.clean_slope`).

DPS differentiates through the denoiser. That takes a backward pass of the denoiser at every step; and at the
noisiest levels, from which points of few steps go far, the error of a network's derivative is divided by
sqrt(abar_t). On digits (preset `quick`, `gn30`) that form and this one move the clean estimate about alike
in the middle of the levels, by 0.5 and 0.9 at 30 of 50, in directions of cosine 0.56; at level 50 they move
it by 184 and 1.2, of cosine -0.3. With the noise held fixed, the derivative 1 / sqrt(abar_t), it is moved
1 / abar_t times as far.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainables.diffusion.process import Process
from trainables.sampling.meter import Meter
from trainables.sampling.moves import SIGNAL
from trainables.sampling.state import State


@dataclass(frozen=True)
class Guides:
    """The classifiers that guide, whose operations can be differentiated with respect to signals.

    Args:
        distribution: the probabilities of classes (B, K) that standardised logits (B, K) stand for.
        frozen: clean signals (B, *signal shape) to raw logits (B, K) of the frozen classifier.
        noisy: noised signals (B, *signal shape) and their level (1,) to raw logits (B, K).
        deviation: of clean signals about what is known of them.
    """

    distribution: Callable[[Tensor], Tensor]
    frozen: Callable[[Tensor], Tensor]
    noisy: Callable[[Tensor, Tensor], Tensor]
    deviation: float = 1.0


def gradient(logits_of: Callable[..., Tensor], x: Tensor, target: Tensor, *level: Tensor) -> Tensor:
    """The gradient of sum_c q(c) log p(c | x) with respect to x (B, ...), for each sample by itself.

    Args:
        logits_of: x, and its level if it is given, to the logits (B, K) of p.
        x: signals, (B, ...).
        target: q, (B, K).
        level: the noise level of x, (1,), for a noise-conditional classifier.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        signals = leaf.view_as(leaf)  # networks that are given a leaf have no FLOPs counted
        log_p = logits_of(signals, *level).log_softmax(dim=-1)
        (value,) = torch.autograd.grad((target * log_p).sum(), leaf)
    return value


def target_of(guides: Guides | None, y: Tensor) -> Tensor:
    """The distribution of classes (B, K) that standardised logits (B, K) stand for."""
    assert guides is not None
    return guides.distribution(y)


def guided_output(
    process: Process[Any], guides: Guides | None, meter: Meter, state: State, output: Tensor
) -> Tensor:
    """The signal denoiser's output at the present state, guided where it is to be: a call of "gradient"."""
    guide, target, trajectory = state.guide, state.target, state.trajectories[SIGNAL]
    if guide is None:
        return output
    assert guides is not None and target is not None
    x_t, t, origin = trajectory.state, trajectory.level, trajectory.origin
    call = functools.partial(meter.call, f"{guide.classifier} gradient", is_network_call=False)
    meter.count("gradient", len(x_t))
    if guide.classifier == "noisy":
        level, noisy = torch.full((1,), t, device=x_t.device), guides.noisy
        function = functools.partial(
            gradient, lambda x, level: noisy(process.without_origin(x, t, origin), level)
        )
        score: Tensor = call(function, x_t, target, level, batch=len(x_t))
    else:
        function = functools.partial(gradient, guides.frozen)
        x0_hat, slope = (
            process.clean_of(x_t, output, t, origin),
            process.clean_slope(t, guides.deviation),
        )
        score = slope * call(function, x0_hat, target, batch=len(x_t))
    return process.guided(output, guide.scale * score, t)
