"""The Ornstein-Uhlenbeck process of exploding variance (OUVE) of SGMSE, for speech and its logits.

Forward (paper, E.1, equation 36; Richter et al. 2023): dx = theta (x_cor - x) dt + g(t) dw from t = 0
(clean) to t = 1 with g(t) = sigma_min (sigma_max / sigma_min)^t sqrt(2 log(sigma_max / sigma_min)).
So x_t is normal about mu(x0, x_cor, t) = e^(-theta t) x0 + (1 - e^(-theta t)) x_cor (equation 38).

States are real tensors of any shape (B, ...). A time is a float, which costs no device work, or a
tensor (B,) or (1,). Noise is always standard normal of the state's shape and given by the caller. A
network's output is sigma(t) times the score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.diffusion.process import SNR

Time = float | Tensor


@dataclass(frozen=True)
class OUVE:
    """The process and its samplers: a `Process`, whose origin is x_cor, or y_cor for logits.

    Args:
        theta: stiffness, how fast the mean goes to x_cor.
        sigma_min: scale of g at t = 0.
        sigma_max: scale of g at t = 1.
        t_eps: the least time that is trained on and sampled at, before the last step to 0.
        complex_state: the state's entries are real and imaginary parts. The published sigmas are
            deviations of complex numbers, so that every entry has sigma / sqrt(2) of its own.

    Raises:
        UsageError: a number is out of range.
    """

    theta: float = 1.5
    sigma_min: float = 0.05
    sigma_max: float = 0.5
    t_eps: float = 0.03
    complex_state: bool = False
    T: ClassVar[float] = 1.0
    needs_origin: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("OUVE theta", self.theta, 1e-6, 100)
        check_range("OUVE sigma_min", self.sigma_min, 1e-6, 1e3)
        check_range("OUVE sigma_max", self.sigma_max, 1e-6, 1e3)
        check_range("OUVE t_eps", self.t_eps, 1e-6, 0.5)
        if self.sigma_min >= self.sigma_max:
            raise UsageError(
                f"OUVE sigma_min is {self.sigma_min}, but must be below sigma_max, {self.sigma_max}"
            )

    # ---- the forward process

    def decay(self, t: Time) -> Tensor:
        """e^(-theta t), the share of the clean signal in the mean, of t's shape."""
        return torch.exp(-self.theta * _tensor(t))

    def mean(self, x0: Tensor, x_cor: Tensor, t: Time) -> Tensor:
        """mu(x0, x_cor, t), equation 38."""
        share = _to_multiply(self.decay(t), x0)
        return share * x0 + (1 - share) * x_cor

    def deviation(self, t: Time) -> Tensor:
        """sigma(t) of each entry of the state, of t's shape: the closed form of the integral of
        e^(-2 theta (t - s)) g(s)^2 over s in [0, t] (Richter et al. 2023).
        """
        t, rate = _tensor(t), self.theta + self._log_ratio
        variance = torch.exp(-2 * self.theta * t) * torch.expm1(2 * rate * t)
        return self._sigma_unit * torch.sqrt(variance * self._log_ratio / rate)

    def drift(self, x: Tensor, x_cor: Tensor) -> Tensor:
        """theta (x_cor - x), equation 36."""
        return self.theta * (x_cor - x)

    def diffusion(self, t: Time) -> Tensor:
        """g(t) of each entry of the state, of t's shape."""
        growth = torch.exp(self._log_ratio * _tensor(t))
        return self._sigma_unit * math.sqrt(2 * self._log_ratio) * growth

    def prior(self, origin: Tensor | None, noise: Tensor) -> Tensor:
        """x_T ~ N(x_cor, sigma(T)^2), where sampling starts."""
        return self.noised_about(_required_origin(origin), noise, self.T)

    # ---- training

    def times(self, uniform: Tensor) -> Tensor:
        """Training times in [t_eps, T] for uniform numbers in [0, 1), of their shape."""
        return self.t_eps + (self.T - self.t_eps) * uniform

    def noised(self, x0: Tensor, x_cor: Tensor, eps: Tensor, t: Time) -> Tensor:
        """x_t for clean x0, standard normal eps of its shape and times t.

        The score to learn is -eps / sigma(t). A network puts out sigma(t) times the score, so its
        loss is the mean of (output + eps)^2 (paper, E.5).
        """
        return self.noised_about(self.mean(x0, x_cor, t), eps, t)

    def noised_about(self, mean: Tensor, eps: Tensor, t: Time) -> Tensor:
        """mean + sigma(t) eps."""
        return mean + _to_multiply(self.deviation(t), mean) * eps

    def score_of(self, output: Tensor, t: Time) -> Tensor:
        """The score for a network's output sigma(t) s."""
        return output / _to_multiply(self.deviation(t), output)

    # ---- scores as residuals of a baseline

    def whitened(self, x_t: Tensor, x_cor: Tensor, t: Time, spread: float) -> Tensor:
        """x_t - x_cor at unit variance, where x0 - x_cor has the deviation `spread`: what a network is
        best shown.
        """
        sigma, clean_deviation = self._deviations(t, spread, x_t)
        return (x_t - x_cor) / torch.sqrt(sigma**2 + clean_deviation**2)

    def residual_score(
        self, output: Tensor, x_t: Tensor, x_cor: Tensor, t: Time, spread: float
    ) -> Tensor:
        """sigma(t) s: the baseline -(x_t - x_cor) / sigma^2 of equation 40 (paper, E.5) plus a residual.

        The residual is the part of the baseline that a clean state about x_cor with the deviation
        `spread` takes back, and the network's output at the scale of what is left, so that the
        output's target is of unit variance at every time (as of Karras et al. 2022). An output of
        zero is the exact score where x0 ~ N(x_cor, spread^2); with spread going to 0 that is the
        baseline.
        """
        sigma, clean_deviation = self._deviations(t, spread, x_t)
        variance = sigma**2 + clean_deviation**2
        baseline = -(x_t - x_cor) / sigma
        residual = (
            -baseline * clean_deviation**2 / variance
            + clean_deviation / torch.sqrt(variance) * output
        )
        return baseline + residual

    def _deviations(self, t: Time, spread: float, like: Tensor) -> tuple[Tensor, Tensor]:
        return _to_multiply(self.deviation(t), like), spread * _to_multiply(self.decay(t), like)

    def residual_weight(self, t: Time, spread: float) -> Tensor:
        """What the squared error of sigma(t) s must be multiplied by to be that of the residual's output,
        whose target is of unit variance at every time (`residual_score`); of t's shape, 1 or more.
        """
        sigma, clean_deviation = self.deviation(t), spread * self.decay(t)
        return 1 + (sigma / clean_deviation) ** 2

    # ---- sampling

    def levels(self, steps: int) -> list[float]:
        """The times T = t_0 > ... > t_(steps-1) = t_eps > t_steps = 0, `steps + 1` of them, even from T
        to t_eps; for one step, T and 0.

        Raises:
            UsageError: steps is not in 1..100000.
        """
        check_range("the number of steps", steps, 1, 100_000)
        gap = (self.T - self.t_eps) / max(steps - 1, 1)
        return [self.T - gap * i for i in range(steps - 1)] + (
            [self.t_eps if steps > 1 else self.T, 0.0]
        )

    def scaled(self, levels: Sequence[float]) -> Tensor:
        """The times themselves, (N,)."""
        return torch.tensor(levels, dtype=torch.float32) / self.T

    def is_random(self, t: float, s: float, eta: float = 1.0) -> bool:
        """Whether the step from t to s needs noise: the last one gives its mean."""
        return eta > 0 and s > 0

    def clean_of(
        self, x_t: Tensor, output: Tensor, t: Time, origin: Tensor | None = None
    ) -> Tensor:
        """x0_hat = E[x0 | x_t] by Tweedie's formula: mu is x_t + sigma^2 s, and x_cor is taken out."""
        mean = x_t + _to_multiply(self.deviation(t), x_t) * output
        return self.without_origin(mean, t, origin)

    def clean_slope(self, t: float, deviation: float) -> float:
        """a v / (a^2 v + sigma^2) with a = e^(-theta t) and v = deviation^2: see `Process`."""
        share, sigma = float(self.decay(t)), float(self.deviation(t))
        return share * deviation**2 / ((share * deviation) ** 2 + sigma**2)

    def without_origin(self, x_t: Tensor, t: Time, origin: Tensor | None) -> Tensor:
        """x0 + e^(theta t) sigma(t) eps: x_t without x_cor's share, at the scale of x0."""
        share = _to_multiply(self.decay(t), x_t)
        return (x_t - (1 - share) * _required_origin(origin)) / share

    def guided(self, output: Tensor, score: Tensor, t: Time) -> Tensor:
        """A network's output sigma(t) s with `score`, of its shape, added to the score s."""
        return output + _to_multiply(self.deviation(t), output) * score

    def step(
        self,
        x_t: Tensor,
        x0_hat: Tensor,
        t: Time,
        s: Time,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """x_s drawn from q(x_s | x_t, x0_hat) for any s < t, exact for a right x0_hat whatever the gap.

        This process's counterpart of DDPM (eta = 1) and DDIM (eta = 0), for grids too coarse for
        `predict`. Without `noise` nothing is added; ask `is_random`.
        """
        x_cor = _required_origin(origin)
        at_t, at_s = self.deviation(t), self.deviation(s)
        kept = (self.decay(t) / self.decay(s) * at_s / at_t) ** 2  # of the variance at s, by x_t
        random = eta * at_s * torch.sqrt(torch.clamp(1 - kept, min=0))
        direction = torch.sqrt(torch.clamp(at_s**2 - random**2, min=0)) / at_t
        mean = self.mean(x0_hat, x_cor, s)
        mean = mean + _to_multiply(direction, x_t) * (x_t - self.mean(x0_hat, x_cor, t))
        return mean if noise is None else mean + _to_multiply(random, x_t) * noise

    def predict(
        self,
        x_t: Tensor,
        output: Tensor,
        t: Time,
        s: Time,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """x_s by the reverse-time SDE over the whole gap from t to the next selected time s.

        eta = 1 is reverse diffusion, equation 37 and the paper's predictor (E.5); eta = 0 is the
        probability flow. Without `noise`, its mean: what the last step gives.
        """
        gap = _tensor(t) - _tensor(s)
        variance = _to_multiply(self.diffusion(t) ** 2 * gap, x_t)
        mean = x_t - self.drift(x_t, _required_origin(origin)) * _to_multiply(gap, x_t)
        mean = mean + (1 + eta**2) / 2 * variance * self.score_of(output, t)
        return mean if noise is None else mean + eta * torch.sqrt(variance) * noise

    def correct(
        self,
        x_t: Tensor,
        output: Tensor,
        t: Time,
        noise: Tensor,
        origin: Tensor | None = None,
        snr: float = SNR,
    ) -> Tensor:
        """x_t after a step of annealed Langevin dynamics of size 2 (snr sigma(t))^2 (paper, E.5).

        At a finite snr the step is not quite invariant: where sigma(t) is the state's own deviation,
        repeated steps go to 1 / sqrt(1 - snr^2) of it, 1.15 for the published 0.5.
        """
        sigma = _to_multiply(self.deviation(t), x_t)
        return x_t + 2 * snr**2 * sigma * output + 2 * snr * sigma * noise

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    @property
    def _sigma_unit(self) -> float:
        return self.sigma_min / math.sqrt(2) if self.complex_state else self.sigma_min


OUVE_16K = OUVE(complex_state=True)
"""What SGMSE publishes for 16 kHz (VoiceBank-DEMAND, WSJ0-CHiME3, WSJ0-REVERB)."""

OUVE_48K = OUVE(theta=2.0, sigma_min=0.1, sigma_max=1.0, complex_state=True)
"""What SGMSE publishes for 48 kHz (EARS-WHAM, EARS-Reverb)."""

OUVE_GENTLE = OUVE(sigma_min=0.02, sigma_max=0.2, complex_state=True)
"""For small networks: the published ones drown states of deviation 0.04 to 0.06, which digits spoken in a
second of silence have, in noise of 0.28, of which little is learnt; this ends at 0.11.
"""


def _required_origin(origin: Tensor | None) -> Tensor:
    """The origin, or the error for its absence."""
    if origin is None:
        raise UsageError(
            "an OUVE process got no origin, but it is about the corrupted state: give x_cor for "
            "signals, the classifier's logits of x_cor for logits"
        )
    return origin


def _tensor(t: Time) -> Tensor:
    """A float becomes a number on the CPU, which operations on any device take without a wait."""
    return t if isinstance(t, Tensor) else torch.tensor(t, dtype=torch.float64)


def _to_multiply(factor: Tensor, like: Tensor) -> Tensor:
    """A factor () or (B,) shaped to multiply `like` (B, ...)."""
    return factor if factor.dim() == 0 else factor.to(like).reshape(-1, *[1] * (like.dim() - 1))
