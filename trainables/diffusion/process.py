"""The interface of a diffusion process, of signals or of logits.

States are real tensors (B, ...). A level says how far a state is noised: an integer for processes with
discrete noise levels, a time for those with continuous time. What a network's output means (v, or a
score) depends on the process, and only the process interprets it. `noise` is always standard normal and
of the state's shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Tensor

Level = TypeVar("Level", int, float)

SNR = 0.5
"""Signal-to-noise ratio of a Langevin correction (paper, E.5)."""


class Process(Protocol[Level]):
    """A diffusion process.

    Some processes have an origin, a state (B, ...) that noising drifts to and sampling starts near: x_cor
    for signals, y_cor = f(x_cor) for logits. Their `needs_origin` is true, and they raise an error if it
    is None; the others ignore it.
    """

    @property
    def needs_origin(self) -> bool:
        """Whether the prior and the steps need an origin."""

    def levels(self, steps: int) -> list[Level]:
        """The `steps + 1` selected levels, from the noisiest to the clean one.

        Raises:
            UsageError: the process has no grid of so many steps.
        """

    def scaled(self, levels: Sequence[Level]) -> Tensor:
        """Levels as inputs of networks: (N,) float32 in [0, 1], on the CPU."""

    def prior(self, origin: Tensor | None, noise: Tensor) -> Tensor:
        """The state that sampling starts from."""

    def clean_of(
        self, z_t: Tensor, output: Tensor, t: Level, origin: Tensor | None = None
    ) -> Tensor:
        """The clean estimate z0_hat = E[z0 | z_t] that a network's output stands for."""

    def is_random(self, t: Level, s: Level, eta: float) -> bool:
        """Whether `step` or `predict` from t to s needs noise; for the last step it is false."""

    def clean_slope(self, t: Level, deviation: float) -> float:
        """The derivative of z0_hat with respect to z_t where the clean state is normal with this deviation
        about what is known of it: the mean's share times the clean variance, over the variance of z_t.
        """

    def without_origin(self, z_t: Tensor, t: Level, origin: Tensor | None) -> Tensor:
        """The noised clean state: z_t, freed of the origin's share where there is one."""

    def guided(self, output: Tensor, score: Tensor, t: Level) -> Tensor:
        """A network's output with `score`, of its shape, added to the score that it stands for."""

    def step(
        self,
        z_t: Tensor,
        z0_hat: Tensor,
        t: Level,
        s: Level,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """z_s drawn from q(z_s | z_t, z0_hat), exact for a right z0_hat whatever the gap.

        eta = 1 is the forward process' own posterior (DDPM), eta = 0 has no noise (DDIM).
        """

    def predict(
        self,
        z_t: Tensor,
        output: Tensor,
        t: Level,
        s: Level,
        eta: float,
        noise: Tensor | None,
        origin: Tensor | None = None,
    ) -> Tensor:
        """z_s by one discretised step of the reverse-time SDE, for fine grids.

        eta = 1 is reverse diffusion, eta = 0 the probability flow (Song et al. 2021, "Score-based
        generative modeling", eqs. 6 and 13); between them the SDE of the same marginals whose noise is
        eta times as large.

        Raises:
            UsageError: the process has no such step.
        """

    def correct(
        self,
        z_t: Tensor,
        output: Tensor,
        t: Level,
        noise: Tensor,
        origin: Tensor | None = None,
    ) -> Tensor:
        """z_t after a step of annealed Langevin dynamics at its level, of size 2 (SNR sigma_t)^2.

        The step is not quite invariant: where all of the state's deviation is the process' noise,
        repeated steps go to 1 / sqrt(1 - SNR^2) of it, 1.15 times.
        """
