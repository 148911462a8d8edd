"""`card`: a logit diffusion given the corrupted signal, which stays as it is (Han et al. 2022; section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.errors import check_range
from trainables.strategies._chains import Chained
from trainables.strategies._moves import LOGIT, SIGNAL, Answer, Condition, Move, trajectory

PARTS = ("classifier", "card")


@dataclass(frozen=True)
class Parameters(Chained):
    """`steps`: selected steps of the logit trajectory. `eta`: 0 is DDIM, 1 is DDPM."""

    steps: int
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("steps", self.steps, 1, 100_000)
        check_range("eta", self.eta, 0, 1)

    def chain(self) -> Iterator[Move]:
        """One logit trajectory."""
        yield Condition(SIGNAL, "x_cor")
        yield from trajectory(LOGIT, self.steps, self.eta)
        yield Answer("y")
