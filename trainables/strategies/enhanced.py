"""`enhanced`: enhance, then classify: a signal diffusion without logits (section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.errors import check_range
from trainables.strategies._chains import Chained
from trainables.strategies._moves import SIGNAL, Answer, Move, trajectory

PARTS = ("classifier", "enhanced")


@dataclass(frozen=True)
class Parameters(Chained):
    """`steps`: selected steps of the signal trajectory. `eta`: 0 is DDIM, 1 is DDPM."""

    steps: int
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("steps", self.steps, 1, 100_000)
        check_range("eta", self.eta, 0, 1)

    def chain(self) -> Iterator[Move]:
        """One signal trajectory, then the classifier on its end."""
        yield from trajectory(SIGNAL, self.steps, self.eta)
        yield Answer("x")
