"""Gaussian mixtures, whose class posteriors and guidance vectors are closed-form at every noise level.

The class c of a sample is the component that it was drawn from. Under the Gaussian process of
`trainables.diffusion.gaussian`, x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, a component N(m, diag(v))
becomes N(sqrt(abar_t) m, diag(abar_t v + 1 - abar_t)): a noised mixture is a mixture again. So the posterior
p_t(c | x_t) and the guidance vectors grad log p_t(c | x_t) of a perfect classifier are known, and the error
of a trained one can be measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.diffusion.gaussian import GaussianDiffusion


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """K Gaussian components in d dimensions with diagonal covariances; everything is float64.

    Args:
        weights: the probabilities of the classes, (K,), which sum to 1.
        means: of the components, (K, d).
        variances: of each coordinate of each component, (K, d), above 0.

    Raises:
        UsageError: shapes do not fit, a variance is not positive, or the weights are no probabilities.
    """

    weights: Tensor
    means: Tensor
    variances: Tensor

    def __post_init__(self) -> None:
        shapes = tuple(self.weights.shape), tuple(self.means.shape), tuple(self.variances.shape)
        if len(shapes[1]) != 2 or shapes[1] != shapes[2] or shapes[0] != shapes[1][:1]:
            raise UsageError(
                f"weights, means and variances have the shapes {shapes}, but must be (K,), (K, d), (K, d)"
            )
        if bool((self.variances <= 0).any()):
            raise UsageError("a variance of the mixture is not above 0")
        if bool((self.weights <= 0).any()) or abs(float(self.weights.sum()) - 1) > 1e-9:
            raise UsageError("the mixture's weights must be above 0 and sum to 1")

    @property
    def classes(self) -> int:
        """K, the number of components."""
        return len(self.weights)

    @property
    def dimensions(self) -> int:
        """d, the number of coordinates."""
        return self.means.shape[1]

    def noised(self, process: GaussianDiffusion, t: int) -> GaussianMixture:
        """The mixture that x_t of a process is distributed as, at a level t in 0..T."""
        abar = float(process.alpha_bar[t])
        variances = abar * self.variances + (1 - abar)
        return GaussianMixture(self.weights, math.sqrt(abar) * self.means, variances)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Samples x (N, d) with their classes (N,)."""
        labels = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.dimensions, generator=generator, dtype=torch.float64)
        return self.means[labels] + self.variances.sqrt()[labels] * noise, labels

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, c) of samples x (N, d), (N, K)."""
        deviations = (x[:, None, :] - self.means) ** 2 / self.variances
        normalisers = torch.log(2 * math.pi * self.variances).sum(dim=1)
        return self.weights.log() - (deviations.sum(dim=2) + normalisers) / 2

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) of samples x (N, d), (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def log_posterior(self, x: Tensor) -> Tensor:
        """log p(c | x) of samples x (N, d), (N, K)."""
        return self.log_joint(x).log_softmax(dim=1)

    def scores(self, x: Tensor) -> Tensor:
        """grad_x log p(x | c) of every class, (N, K, d)."""
        return (self.means - x[:, None, :]) / self.variances

    def guidance(self, x: Tensor) -> Tensor:
        """grad_x log p(c | x) of every class, (N, K, d): a class's score less that of the mixture, which is
        the mean of the classes' scores under the posterior.
        """
        scores, posterior = self.scores(x), self.log_posterior(x).exp()
        return scores - (posterior[:, :, None] * scores).sum(dim=1, keepdim=True)


def circle_mixture(
    classes: int,
    dimensions: int,
    generator: torch.Generator,
    radius: float = 1.0,
    deviation: float = 0.5,
    spread: float = 0.5,
) -> GaussianMixture:
    """A made-up mixture whose classes are about as hard to tell apart in any number of dimensions.

    The means lie evenly on a circle in a plane that is drawn at random: all other directions tell nothing
    of the means. Each class has deviations of its own, so that its posterior is not linear in x: the
    logarithms of the coordinates' deviations are normal about that of `deviation`, and their own deviation
    falls with the root of the dimensions, so that all coordinates together tell as much for any d.

    Args:
        classes: K, 2 or more, equally likely.
        dimensions: d, 2 or more.
        generator: what plane, angle and deviations are drawn from.
        radius: of the circle.
        deviation: the median deviation of a coordinate within a class.
        spread: the deviation of the logarithms, times the root of d.

    Raises:
        UsageError: a number is out of range.
    """
    check_range("the number of classes", classes, 2, 1000)
    check_range("the number of dimensions", dimensions, 2, 100_000)
    check_range("the radius", radius, 0, 1e6)
    check_range("the deviation", deviation, 1e-6, 1e6)
    check_range("the spread of deviations", spread, 0, 10)
    plane, _ = torch.linalg.qr(torch.randn(dimensions, 2, generator=generator, dtype=torch.float64))
    turns = torch.arange(classes, dtype=torch.float64) / classes
    angles = 2 * math.pi * (turns + torch.rand(1, generator=generator, dtype=torch.float64))
    means = radius * torch.stack([angles.cos(), angles.sin()], dim=1) @ plane.T
    noise = torch.randn(classes, dimensions, generator=generator, dtype=torch.float64)
    variances = (deviation * torch.exp(spread / math.sqrt(dimensions) * noise)) ** 2
    weights = torch.full((classes,), 1 / classes, dtype=torch.float64)
    return GaussianMixture(weights, means, variances)
