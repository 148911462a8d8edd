"""The discrete-time Gaussian process of DDPM and DDIM, with the cosine schedule.

Forward (Ho et al. 2020, eq. 4; paper, eq. 1): z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) eps, for
t = 0..T with abar_0 = 1. Networks put out v = sqrt(abar_t) eps - sqrt(1 - abar_t) z_0 (Salimans &
Ho 2022), from which both the noise and the clean estimate follow without dividing by sqrt(abar_t):
a noise-predicting network's clean estimate explodes at t = T, which ruins samples of few steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.diffusion.process import SNR

_OFFSET = 0.008  # Nichol & Dhariwal 2021, eq. 17
_LARGEST_BETA = 0.999


def cosine_alpha_bar(T: int) -> Tensor:
    """abar_0..abar_T, (T + 1,) float64: Nichol & Dhariwal's cosine schedule, betas clipped."""
    angle = (torch.arange(T + 1, dtype=torch.float64) / T + _OFFSET) / (1 + _OFFSET) * math.pi / 2
    f = torch.cos(angle) ** 2
    alpha = (f[1:] / f[:-1]).clamp(min=1 - _LARGEST_BETA)
    return torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(alpha, dim=0)])


class GaussianDiffusion:
    """A Gaussian process of T noise levels over states of any shape (B, ...), a `Process`.

    Its prior is standard normal, whatever the origin.

    Args:
        T: the number of noise levels, 1 or more.
        clip: the largest magnitude of a clean estimate; None for no bound.
    """

    needs_origin = False

    def __init__(self, T: int, clip: float | None = None) -> None:
        check_range("T, the number of noise levels,", T, 1, 100_000)
        self.T, self.clip = T, clip
        self.alpha_bar = cosine_alpha_bar(T)
        self._tables: dict[torch.device, Tensor] = {}

    def levels(self, steps: int) -> list[int]:
        """The selected noise levels T = t_0 > ... > t_steps = 0, `steps + 1` of them, evenly spread.

        Raises:
            UsageError: steps is not in 1..T.
        """
        check_range("the number of steps", steps, 1, self.T)
        return [round(self.T * (steps - i) / steps) for i in range(steps + 1)]

    def scaled(self, levels: Sequence[int]) -> Tensor:
        """t / T, (N,), of levels t."""
        return torch.tensor(levels) / self.T

    def prior(self, origin: Tensor | None, noise: Tensor) -> Tensor:
        """z_T, standard normal."""
        return noise

    def noised(self, z0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """z_t for clean z0 (B, ...), standard normal eps of its shape and levels t (B,) in 0..T."""
        signal, noise = self._scales(t, z0)
        return signal * z0 + noise * eps

    def velocity(self, z0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """v = sqrt(abar_t) eps - sqrt(1 - abar_t) z0, what a network is to put out."""
        signal, noise = self._scales(t, z0)
        return signal * eps - noise * z0

    def clean_of(
        self, z_t: Tensor, v: Tensor, t: Tensor | int, origin: Tensor | None = None
    ) -> Tensor:
        """The clean estimate z0_hat, bounded by `clip`, for a network's output v, at levels t (B,) or
        at one level for all.
        """
        signal, noise = self._scales(t, z_t)
        z0_hat = signal * z_t - noise * v
        return z0_hat if self.clip is None else z0_hat.clamp(-self.clip, self.clip)

    def noise_of(self, z_t: Tensor, z0_hat: Tensor, t: Tensor | int) -> Tensor:
        """eps_hat, such that z_t is made of it and the clean estimate z0_hat, at levels t >= 1 as above."""
        signal, noise = self._scales(t, z_t)
        return (z_t - signal * z0_hat) / noise

    def clean_slope(self, t: int, deviation: float) -> float:
        """sqrt(abar_t) where the clean state has unit deviation: see `Process`."""
        abar, variance = float(self.alpha_bar[t]), deviation**2
        return math.sqrt(abar) * variance / (1 - abar * (1 - variance))

    def without_origin(self, z_t: Tensor, t: Tensor | int, origin: Tensor | None) -> Tensor:
        """z_t itself."""
        return z_t

    def guided(self, v: Tensor, score: Tensor, t: int) -> Tensor:
        """A network's output v with `score`, of v's shape, added to the score that it stands for.

        The score is -eps_hat / sqrt(1 - abar_t), so eps_hat becomes eps_hat - sqrt(1 - abar_t) score
        (Dhariwal and Nichol 2021, algorithm 2), and z0_hat, before it is bounded, becomes
        z0_hat + (1 - abar_t) / sqrt(abar_t) score.
        """
        signal, noise = self._scales(t, v)
        return v - noise / signal * score

    def step(
        self,
        z_t: Tensor,
        z0_hat: Tensor,
        t: int,
        s: int,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """z_s drawn from q(z_s | z_t, z0_hat) for any s < t (Song et al. 2021, eqs. 12 and 16).

        eta = 1 is DDPM: with s = t - 1, Ho et al.'s posterior exactly. eta = 0 is DDIM. `noise` is
        standard normal of z_t's shape; None where nothing is random (eta = 0 or s = 0).
        """
        abar_t, abar_s = float(self.alpha_bar[t]), float(self.alpha_bar[s])
        sigma = eta * math.sqrt((1 - abar_s) / (1 - abar_t) * (1 - abar_t / abar_s))
        eps_hat = self.noise_of(z_t, z0_hat, t)
        mean = math.sqrt(abar_s) * z0_hat + math.sqrt(max(1 - abar_s - sigma**2, 0.0)) * eps_hat
        return mean if noise is None else mean + sigma * noise

    def predict(
        self,
        z_t: Tensor,
        v: Tensor,
        t: int,
        s: int,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """Refused: the cosine schedule's betas come near 1 at the noisiest levels however many there are,
        which a discretised SDE does not stand; `step` is exact there.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "the predictor 'reverse-diffusion' is given, but a process of discrete noise levels has "
            "none: choose 'posterior'"
        )

    def correct(
        self,
        z_t: Tensor,
        v: Tensor,
        t: int,
        noise: Tensor,
        origin: Tensor | None = None,
        snr: float = SNR,
    ) -> Tensor:
        """z_t after a step of annealed Langevin dynamics of size 2 snr^2 (1 - abar_t).

        The score is -eps_hat / sqrt(1 - abar_t), eps_hat being what the bounded clean estimate leaves.
        """
        _, sigma = self._scales(t, z_t)
        return z_t - 2 * snr**2 * sigma * self._noise_left(z_t, v, t) + 2 * snr * sigma * noise

    def is_random(self, t: int, s: int, eta: float) -> bool:
        """Whether the step from t to s needs noise."""
        return eta > 0 and s > 0

    def _noise_left(self, z_t: Tensor, v: Tensor, t: int) -> Tensor:
        """eps_hat for a network's output v, such that z_t is made of it and the bounded z0_hat."""
        return self.noise_of(z_t, self.clean_of(z_t, v, t), t)

    def _scales(self, t: Tensor | int, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """sqrt(abar_t) and sqrt(1 - abar_t): numbers, or tensors shaped to multiply `like`."""
        if isinstance(t, int):
            abar = float(self.alpha_bar[t])
            return math.sqrt(abar), math.sqrt(1 - abar)
        shape = (-1, *[1] * (like.dim() - 1))
        table = self.tables(like.device)[:, t].to(like.dtype)
        return table[0].reshape(shape), table[1].reshape(shape)

    def tables(self, device: torch.device) -> Tensor:
        """sqrt(abar_t) and sqrt(1 - abar_t) for t = 0..T, (2, T + 1), copied to a device once."""
        if device not in self._tables:
            self._tables[device] = torch.stack(
                [self.alpha_bar.sqrt(), (1 - self.alpha_bar).sqrt()]
            ).to(device)
        return self._tables[device]
