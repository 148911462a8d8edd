"""`enhanced`: enhance, then classify: a signal diffusion without logits (section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import SIGNAL, Answer, Move, trajectory
from trainables.strategies._loops import OneLoop

PARTS = ("classifier", "enhanced")


@dataclass(frozen=True)
class Parameters(OneLoop):
    """Sampling parameters of `enhanced`: of the signal trajectory."""

    def chain(self) -> Iterator[Move]:
        """One signal trajectory, then the classifier on its end."""
        yield from trajectory(SIGNAL, self.steps, self.eta)
        yield Answer("x")
