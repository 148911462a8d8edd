"""The diffusion processes of the published image code: its sampler, its linear schedule, its bounds.

Its noise levels are numbered from 0 for the least noise; here level 0 is the clean state, so its level i
is level i + 1 here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.core.errors import check_range
from trainables.core.pixel_scale import PixelScale
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.published.scaling import DEVIATION, per_sample

_LINEAR_T, _FIRST_BETA, _LAST_BETA = 150, 1e-4, 0.02


class PublishedSampler(GaussianDiffusion):
    """The published sampler, on the product's process and networks.

    Its levels are those of linspace(T - 1, 0, S), cut to integers. From level t it goes to the mean of
    q(z_{t-1} | z_t, z0_hat), without noise, and takes this for the state at the next selected level,
    however far that is. So it is DDPM's mean where all levels are selected; where levels are skipped the
    state is far noisier than the network is told, and with one step it ends at level T - 1. Its flag
    `is_ddim` leaves out the noise, and is not DDIM.
    """

    def levels(self, steps: int) -> list[int]:
        check_range("the number of steps", steps, 1, self.T)
        indices = torch.linspace(self.T - 1, 0, steps).long()
        return [*(int(index) + 1 for index in indices), 0]

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
        """The mean of DDPM's step to level t - 1, whatever s and eta are."""
        return super().step(z_t, z0_hat, t, t - 1, 1.0, None)

    def is_random(self, t: int, s: int, eta: float) -> bool:
        return False


def linear_alpha_bar(T: int) -> Tensor:
    """abar_0..abar_T, (T + 1,) float64, of betas that rise linearly from 1e-4 to 0.02 in 150 levels.

    Other numbers of levels select from these evenly, so that the noisiest level always keeps 22 % of the
    signal's variance: the published code pretrains logits with it, yet samples them from pure noise.
    """
    betas = torch.linspace(_FIRST_BETA, _LAST_BETA, _LINEAR_T, dtype=torch.float64)
    whole = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas, dim=0)])
    return whole[[round(_LINEAR_T * t / T) for t in range(T + 1)]]


class LinearSchedule(GaussianDiffusion):
    """The Gaussian process with the linear schedule of `linear_alpha_bar`."""

    def __init__(self, T: int, clip: float | None = None) -> None:
        super().__init__(T, clip)
        self.alpha_bar = linear_alpha_bar(T)


class StandardisedBounds(GaussianDiffusion):
    """Clean estimates of signals are bounded by [-1, 1] in the units that the dataset is standardised
    to: to within one deviation of each channel's mean, where most bright and dark pixels are not.

    Args:
        T: the number of noise levels.
        scale: what the dataset is standardised by.
    """

    def __init__(self, T: int, scale: PixelScale) -> None:
        super().__init__(T)
        self._scale = scale

    def clean_of(
        self, z_t: Tensor, v: Tensor, t: Tensor | int, origin: Tensor | None = None
    ) -> Tensor:
        z0_hat = super().clean_of(z_t, v, t, origin)
        return self._scale.restored(self._scale.standardised(z0_hat).clamp(-1, 1))


class PerSampleLogits(GaussianDiffusion):
    """Clean estimates of logits are not bounded, but normalised by `per_sample`."""

    def __init__(self, T: int, deviation: float = DEVIATION) -> None:
        super().__init__(T)
        self._deviation = deviation

    def clean_of(
        self, z_t: Tensor, v: Tensor, t: Tensor | int, origin: Tensor | None = None
    ) -> Tensor:
        return per_sample(super().clean_of(z_t, v, t, origin), self._deviation)
