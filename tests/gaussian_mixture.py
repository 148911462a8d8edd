"""A mixture of isotropic Gaussians whose posterior, guidance vectors and denoiser have closed forms."""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.models.base import SignalDenoiser


class Mixture:
    """sum_c weights_c N(means_c, variance I) over signals, in float64.

    Args:
        means: (K, *signal shape).
        weights: (K,).
        variance: of every component.
        process: the process that noises signals.
    """

    def __init__(
        self, means: Tensor, weights: Tensor, variance: float, process: GaussianDiffusion
    ) -> None:
        self.means, self.weights, self.variance, self.process = means, weights, variance, process

    def _moments(self, t: int) -> tuple[float, float]:
        """sqrt(abar_t), and the variance of a component at level t."""
        abar = float(self.process.alpha_bar[t])
        return abar**0.5, abar * self.variance + 1 - abar

    def logits(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Logits (B, K) of the posterior p_t(c | x_t), which softmax gives."""
        signal, variance = self._moments(int(t))
        distances = (x_t[:, None] - signal * self.means).flatten(2).square().sum(dim=2)
        return self.weights.log() - distances / (2 * variance)

    def posterior(self, x_t: Tensor, t: int) -> Tensor:
        """p_t(c | x_t), (B, K)."""
        return self.logits(x_t, torch.tensor([t])).softmax(dim=1)

    def guidance(self, x_t: Tensor, t: int, target: Tensor) -> Tensor:
        """The gradient of sum_c target_c log p_t(c | x_t): that of each class is what its mean differs from
        the posterior's, times sqrt(abar_t) over the variance at t.
        """
        signal, variance = self._moments(t)
        difference = target - self.posterior(x_t, t)
        return signal / variance * torch.einsum("bk,k...->b...", difference, self.means)

    def clean(self, x_t: Tensor, t: int, weights: Tensor) -> Tensor:
        """The mean of E[x0 | x_t, c] over classes with weights (B, K)."""
        signal, variance = self._moments(t)
        means = torch.einsum("bk,k...->b...", weights, self.means)
        return means + signal * self.variance / variance * (x_t - signal * means)


class MixtureDenoiser(SignalDenoiser):
    """The exact denoiser of a mixture; with a target (B, K), that of classes with these probabilities."""

    def __init__(self, mixture: Mixture, target: Tensor | None = None) -> None:
        super().__init__()
        self.mixture, self.target = mixture, target

    def encode_corrupted(self, x_cor: Tensor) -> None:
        return None

    def encode_logits(self, y: Tensor | None, batch: int) -> None:
        return None

    def forward(self, x_t: Tensor, time: Tensor, corrupted: None, logits: None) -> Tensor:
        process, t = self.mixture.process, round(float(time) * self.mixture.process.T)
        weights = self.mixture.posterior(x_t, t) if self.target is None else self.target
        x0_hat = self.mixture.clean(x_t, t, weights)
        abar = float(process.alpha_bar[t])
        return (abar**0.5 * x_t - x0_hat) / (1 - abar) ** 0.5
