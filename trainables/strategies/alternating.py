"""`alternating`: whole trajectories of signal and logits in turns (Algorithm 4, section 3.4, B.2).

Each is guided by the clean end of the other's last one. At the paper's point, five iterations, that
is 10T denoiser and 1 + 5 classifier calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import check_choice, check_range
from trainables.sampling.moves import LOGIT, SIGNAL, Condition, Move, trajectory
from trainables.strategies._chains import CoupledParameters

PARTS = ("classifier", "alternating")


@dataclass(frozen=True)
class Parameters(CoupledParameters):
    """Sampling parameters of `alternating`.

    `iterations`: N. `signal_steps`, `logit_steps`: selected steps of each trajectory.
    `first_guidance`: what guides the first signal trajectory, the classifier's output for the
    corrupted signal ("y_cor", Algorithm 4) or nothing ("none"). `eta`: 0 is DDIM, 1 is DDPM, for
    both processes.
    """

    iterations: int
    signal_steps: int
    logit_steps: int
    first_guidance: Literal["y_cor", "none"]
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("first_guidance", self.first_guidance, ("y_cor", "none"))
        check_range("iterations", self.iterations, 1, 1000)
        check_range("signal_steps", self.signal_steps, 1, 100_000)
        check_range("logit_steps", self.logit_steps, 1, 100_000)
        check_range("eta", self.eta, 0, 1)

    def chain(self) -> Iterator[Move]:
        """The moves of Algorithm 4."""
        if self.first_guidance == "y_cor":
            yield Condition(LOGIT, "y_cor")
        for iteration in range(self.iterations):
            if iteration:
                yield Condition(LOGIT, "y")
            yield from trajectory(SIGNAL, self.signal_steps, self.eta)
            yield Condition(SIGNAL, "x")
            yield from trajectory(LOGIT, self.logit_steps, self.eta)
        yield from self.answers()
