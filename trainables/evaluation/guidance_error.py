"""Measures a guiding classifier at diffusion steps against the true posterior of a Gaussian mixture.

Expectations over the class are sums under the true posterior, those over x_t are means over held-out
samples: nothing but x_t is random, and a perfect classifier has a KL divergence and an error of exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from trainables.core.noise import generator_of
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.mixture import GaussianMixture
from trainables.models.mixture_classifier import MixtureClassifier
from trainables.scoring.guidance import StepGuidance

LogProbabilities = Callable[[Tensor, int], Tensor]
"""log p_hat(c | x_t), (N, K), of x_t (N, d) at a level t; it can be differentiated by x_t."""


def of_network(classifier: MixtureClassifier, process: GaussianDiffusion) -> LogProbabilities:
    """The log-probabilities of a trained classifier, which computes in float32."""

    def log_probabilities(x_t: Tensor, t: int) -> Tensor:
        output: Tensor = classifier(x_t.float(), torch.tensor([t / process.T]))
        return output.double()

    return log_probabilities


def guidance_vectors(log_probabilities: LogProbabilities, x_t: Tensor, t: int) -> Tensor:
    """grad log p_hat(c | x_t) of every class by automatic differentiation, (N, K, d)."""
    with torch.enable_grad():
        x = x_t.detach().requires_grad_()
        columns = log_probabilities(x, t).sum(dim=0)
        gradients = [torch.autograd.grad(c, x, retain_graph=True)[0] for c in columns]
    return torch.stack(gradients, dim=1)


def measure_guidance(
    log_probabilities: LogProbabilities,
    mixture: GaussianMixture,
    process: GaussianDiffusion,
    levels: Sequence[int],
    samples: int,
    *words: int | str,
) -> list[StepGuidance]:
    """What a classifier is at each level, on as many held-out samples.

    Args:
        log_probabilities: the classifier's.
        mixture: of the clean samples.
        process: what noises them.
        levels: t of the steps, each in 1..T.
        samples: how many; the same clean samples and noise at all levels.
        words: the seed of the samples.
    """
    generator = generator_of("held-out mixture", *words)
    x0, _ = mixture.sample(samples, generator)
    eps = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    return [
        _at_level(log_probabilities, mixture.noised(process, t),
                  process.noised(x0, eps, torch.full((samples,), t)), t)
        for t in levels
    ]  # fmt: skip


def _at_level(
    log_probabilities: LogProbabilities, noised: GaussianMixture, x_t: Tensor, t: int
) -> StepGuidance:
    """What a classifier is at one level, on samples x_t (N, d) of the noised mixture."""
    log_p = noised.log_posterior(x_t)
    p, guidance = log_p.exp(), noised.guidance(x_t)
    log_q = log_probabilities(x_t, t).detach()
    errors = (guidance_vectors(log_probabilities, x_t, t) - guidance).square().sum(dim=2)

    def mean(values: Tensor) -> float:
        """E over x_t of the mean over classes, (N, K), under the true posterior."""
        return float((p * values).sum(dim=1).mean())

    return StepGuidance(
        level=t,
        cross_entropy=mean(-log_q),
        entropy=mean(-log_p),
        kl=mean(log_p - log_q),
        guidance_error=mean(errors),
        guidance_size=mean(guidance.square().sum(dim=2)),
    )
