"""The state of a trajectory of the label diffusion."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from trainables.core.noise import SampleNoise


@dataclass(frozen=True)
class LabelTrajectory:
    """The present state of a trajectory, which is never changed in place.

    Args:
        times: the times of the grid, from 1 to 0.
        state: the probabilities (B, K), or the labels (B, N) of N chains.
        is_of_chains: which of both.
        noise: where labels are drawn from; None once a complete trajectory is cached.
        position: the index of the state's time in `times`.
        checks: of every drawing of labels so far, whether there was something to draw from, each () bool;
            asked at the end, since a GPU would have to be waited for.
    """

    times: tuple[float, ...]
    state: Tensor
    is_of_chains: bool
    noise: SampleNoise | None
    position: int = 0
    checks: tuple[Tensor, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the state is at time 0."""
        return self.position == len(self.times) - 1

    def without_noise(self) -> LabelTrajectory:
        """The trajectory without its generators, which a complete one needs no more."""
        return replace(self, noise=None)
