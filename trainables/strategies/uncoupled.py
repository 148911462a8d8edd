"""`uncoupled`: both diffusions and no exchange: what coupling is worth is the difference to this.

The signal is unguided, the logits see x_cor alone. The answer is the mean of both, in logit space.
Its networks are those of `alternating`, which were trained with and without each other's guidance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, Move, trajectory
from trainables.strategies._loops import TwoLoops

PARTS = ("classifier", "alternating")


@dataclass(frozen=True)
class Parameters(TwoLoops):
    """Sampling parameters of `uncoupled`."""

    def chain(self) -> Iterator[Move]:
        """Two independent trajectories, an answer of each."""
        yield from trajectory(SIGNAL, self.signal_steps, self.eta)
        yield Answer("x")
        yield Condition(SIGNAL, "x_cor")
        yield from trajectory(LOGIT, self.logit_steps, self.eta)
        yield Answer("y")
