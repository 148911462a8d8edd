"""The discrete diffusion of class labels of DiDiCM (Belhasin et al. 2026), in closed form.

Forward: dq(c_t)/dt = R_t q(c_t) with the uniform rate matrix R_t = sigma_t (1 1^T - K I) on K labels. Its
eigenvalues are 0, for the uniform distribution, and -K sigma_t for all that is orthogonal to it, so that

    q(c_t) = a_t q(c_0) + (1 - a_t) / K,    a_t = exp(-K times the integral of sigma over [0, t]),

which needs neither an eigendecomposition nor a K×K tensor. The log-linear schedule (Lou et al. 2024) has
a_t = 1 - (1 - eps) t, from 1 at t = 0 (clean) to eps at t = 1, that is sigma_t = (1 - eps) / (K a_t).

The concrete score of a label j is the vector of ratios S(i, j) = q(c_t = i) / q(c_t = j). Networks and
functions here have its logarithm. Every term is a sum of positive numbers or a difference of logarithms,
so float32 does for K = 100,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from trainables.core.errors import NonFiniteError, check_range

Time = float | Tensor


@dataclass(frozen=True)
class LabelDiffusion:
    """The process on K labels: marginals, true ratios, its step grid and its loss.

    A time is a float, or a tensor (B,) with one time a sample.

    Args:
        classes: K, the number of labels.
        eps: a_1, the share of its own label that a sample keeps at t = 1.
        t_eps: the least time that is trained on.

    Raises:
        UsageError: a number is out of range.
    """

    classes: int
    eps: float = 1e-3
    t_eps: float = 1e-3
    T: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        check_range("the number of labels", self.classes, 2, 10_000_000)
        check_range("label diffusion eps", self.eps, 1e-6, 0.5)
        check_range("label diffusion t_eps", self.t_eps, 1e-6, 0.5)

    # ---- the forward process

    def share(self, t: Time) -> Time:
        """a_t, the share of q(c_0) in the marginal, of t's kind."""
        return (1 - t) + self.eps * t

    def scattered(self, t: Time) -> Time:
        """1 - a_t, the share of the uniform distribution, without its cancellation near t = 0."""
        return (1 - self.eps) * t

    def rate(self, t: Time) -> Time:
        """sigma_t, the rate from one label to each other label, of t's kind."""
        return (1 - self.eps) / (self.classes * self.share(t))

    def marginal(self, q0: Tensor, t: Time) -> Tensor:
        """q(c_t), (B, K), where c_0 has the probabilities q0 (B, K); each is (1 - a_t) / K or more."""
        return _to_multiply(self.share(t), q0) * q0 + (
            _to_multiply(self.scattered(t), q0) / self.classes
        )

    def log_ratios(self, q_t: Tensor, labels: Tensor) -> Tensor:
        """log S(i, c_t), (B, K): the true score of labels c_t (B,) where c_t has the probabilities q_t
        (B, K), all of them positive, as at every t > 0.
        """
        logarithms = q_t.log()
        return logarithms - logarithms.gather(-1, labels[..., None])

    # ---- training

    def times(self, uniform: Tensor) -> Tensor:
        """Training times in [t_eps, 1] for uniform numbers in [0, 1), of their shape."""
        return self.t_eps + (self.T - self.t_eps) * uniform

    def loss(self, log_score: Tensor, q0: Tensor, labels: Tensor, t: Time) -> Tensor:
        """The DiDiCM loss (its equation 5) of each sample, (B,): sigma_t times the score entropy.

        Args:
            log_score: the network's log s(y, c_t, t), (B, K).
            q0: the targets' probabilities (B, K): `targets_of`, or soft ones of mixup.
            labels: c_t, (B,), drawn from `marginal(q0, t)`.
            t: times above 0.
        """
        q_t = self.marginal(q0, t)
        return self.rate(t) * score_entropy(log_score, self.log_ratios(q_t, labels), labels)

    # ---- sampling

    def levels(self, steps: int) -> list[float]:
        """The times 1 = t_0 > ... > t_steps = 0, `steps + 1` of them, evenly spaced. Samplers step by the
        spacing of this grid; no network is called at 0.

        Raises:
            UsageError: steps is not in 1..100000.
        """
        check_range("the number of steps", steps, 1, 100_000)
        return [(steps - i) / steps for i in range(steps + 1)]

    def scaled(self, levels: Sequence[float]) -> Tensor:
        """The times themselves, (N,) float32."""
        return torch.tensor(levels, dtype=torch.float32)

    def prior(self, batch: int, device: torch.device) -> Tensor:
        """The uniform probabilities (B, K) that sampling starts from."""
        return torch.full((batch, self.classes), 1 / self.classes, device=device)

    def clean_of(self, log_score: Tensor, t: float) -> Tensor:
        """The clean estimate p(c_0) that a score (..., K) of any label at time t > 0 stands for.

        A score's column, normalised, is q(c_t); the marginal is undone, and what a network puts below
        the least that a marginal can be counts as zero.
        """
        excess = torch.softmax(log_score, dim=-1) - self.scattered(t) / self.classes
        return normalised(excess.clamp_(min=0))


def score_entropy(log_score: Tensor, log_ratios: Tensor, labels: Tensor) -> Tensor:
    """The sum over labels i != c_t of s_i - S_i log s_i + S_i (log S_i - 1), (B,): 0 or more, and 0 only
    for s = S (Lou et al. 2024).

    It is computed as S (e^u - 1 - u) with u = log s - log S, which does not lose the small difference of
    large terms where a ratio is large.

    Args:
        log_score: log s, (B, K).
        log_ratios: the true log S, (B, K).
        labels: c_t, (B,).
    """
    difference = log_score - log_ratios
    terms = log_ratios.exp() * (torch.expm1(difference) - difference)
    return terms.scatter(-1, labels[..., None], 0.0).sum(dim=-1)


def targets_of(labels: Tensor, classes: int, smoothing: float = 0.0) -> Tensor:
    """Probabilities (B, K) of labels (B,): 1 - smoothing for the label and `smoothing` spread over all K.

    Raises:
        UsageError: smoothing is not in [0, 1].
    """
    check_range("label smoothing", smoothing, 0, 1)
    targets = torch.full((*labels.shape, classes), smoothing / classes, device=labels.device)
    at_label = torch.full_like(
        labels[..., None], 1 - smoothing + smoothing / classes, dtype=targets.dtype
    )
    return targets.scatter_(-1, labels[..., None], at_label)


def labels_from(weights: Tensor, uniform: Tensor, checks: list[Tensor] | None = None) -> Tensor:
    """Labels (...) drawn in proportion to weights (..., K) that are 0 or more, by uniform numbers (...) in
    [0, 1): a label of weight zero is never drawn.

    Args:
        weights, uniform: as above.
        checks: gets whether all weights have a positive finite sum, () bool, for `require_distributions` to
            look at later, so that a GPU is not waited for; labels drawn of others are some labels. If None
            it is looked at once.

    Raises:
        NonFiniteError: the weights of a sample have no positive finite sum, and it is looked at here.
    """
    cumulative = weights.cumsum(dim=-1, dtype=torch.float64)
    total = cumulative[..., -1:]
    check = (torch.isfinite(total) & (total > 0)).all()
    if checks is None:
        require_distributions([check])
    else:
        checks.append(check)
    thresholds = uniform[..., None].double() * total
    # A product that rounds up to the total itself belongs to the last label that has a weight.
    thresholds = torch.minimum(thresholds, torch.nextafter(total, torch.zeros_like(total)))
    labels = torch.searchsorted(cumulative, thresholds, right=True).squeeze(-1)
    return labels.clamp_(max=weights.shape[-1] - 1)  # where the sum is NaN


def require_distributions(checks: Sequence[Tensor]) -> None:
    """Refuse labels that were drawn of what is no distribution.

    Args:
        checks: what `labels_from` found, each () bool.

    Raises:
        NonFiniteError: one of them is false.
    """
    if checks and not bool(torch.stack(list(checks)).all()):
        raise NonFiniteError("the probabilities of labels have no positive finite sum")


def normalised(weights: Tensor) -> Tensor:
    """Weights (..., K) that are 0 or more, as probabilities."""
    return weights / weights.sum(dim=-1, keepdim=True)


def _to_multiply(factor: Time, like: Tensor) -> Time:
    """A factor, a float or (B,), shaped to multiply `like` (B, K)."""
    return factor.to(like)[..., None] if isinstance(factor, Tensor) else factor
