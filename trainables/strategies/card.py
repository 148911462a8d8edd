"""`card`: a logit diffusion given the corrupted signal, which stays as it is (Han et al. 2022; section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, Move, trajectory
from trainables.strategies._loops import OneLoop

PARTS = ("classifier", "card")


@dataclass(frozen=True)
class Parameters(OneLoop):
    """Sampling parameters of `card`: of the logit trajectory."""

    def chain(self) -> Iterator[Move]:
        """One logit trajectory."""
        yield Condition(SIGNAL, "x_cor")
        yield from trajectory(LOGIT, self.steps, self.eta)
        yield Answer("y")
