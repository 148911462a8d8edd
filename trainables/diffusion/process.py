"""What the engine asks of a diffusion process, whatever its state stands for.

States are real tensors (B, ...). A level says how far a state is noised: a whole number for a process
of discrete noise levels, a time for one of continuous time. A network's output is whatever the process
has its networks put out; only the process interprets it. Noise is always given, standard normal of the
state's shape.
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

    Some processes are about an origin, a state (B, ...) that noising leads to and sampling starts at:
    x_cor for signals, y_cor = f(x_cor) for logits. Those have `needs_origin` true and refuse to be
    without; the others pay no heed to it.
    """

    @property
    def needs_origin(self) -> bool:
        """Whether prior and steps are about an origin."""

    def levels(self, steps: int) -> list[Level]:
        """The selected levels, `steps + 1` of them, from the noisiest to the clean one.

        Raises:
            UsageError: there is no grid of so many steps.
        """

    def scaled(self, levels: Sequence[Level]) -> Tensor:
        """Levels as networks are told them: (N,) float32 in [0, 1], on the CPU."""

    def prior(self, origin: Tensor | None, drawn: Tensor) -> Tensor:
        """The state that sampling starts at."""

    def clean_of(
        self, z_t: Tensor, output: Tensor, t: Level, origin: Tensor | None = None
    ) -> Tensor:
        """The clean estimate z0_hat = E[z0 | z_t] that a network's output stands for."""

    def is_random(self, t: Level, s: Level, eta: float) -> bool:
        """Whether a step from t to s, of either kind, needs noise; the last never does."""

    def step(
        self,
        z_t: Tensor,
        z0_hat: Tensor,
        t: Level,
        s: Level,
        eta: float,
        drawn: Tensor | None,
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
        drawn: Tensor | None,
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
        drawn: Tensor,
        origin: Tensor | None = None,
    ) -> Tensor:
        """z_t after a step of annealed Langevin dynamics at its level, of size 2 (SNR sigma_t)^2.

        The step is not quite invariant: where all of the state's deviation is the process' noise,
        repeated steps go to 1 / sqrt(1 - SNR^2) of it, 1.15 times.
        """
