"""Parameters of the simplest strategies: one whole trajectory, or one of each process."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.strategies._chains import ChainParameters


@dataclass(frozen=True)
class OneLoop(ChainParameters):
    """`steps`: selected steps of the trajectory. `eta`: 0 is DDIM, 1 is DDPM."""

    steps: int
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("steps", self.steps, 1, 100_000)
        check_range("eta", self.eta, 0, 1)


@dataclass(frozen=True)
class TwoLoops(ChainParameters):
    """`signal_steps`, `logit_steps`: selected steps. `eta`: 0 is DDIM, 1 is DDPM, for both."""

    signal_steps: int
    logit_steps: int
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("signal_steps", self.signal_steps, 1, 100_000)
        check_range("logit_steps", self.logit_steps, 1, 100_000)
        check_range("eta", self.eta, 0, 1)
