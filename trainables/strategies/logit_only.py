"""`logit-only`: the signal guides the logits, never the reverse.

An ablation with the networks of `alternating`: one iteration of it, the signal unguided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, Move, trajectory
from trainables.strategies._loops import TwoLoops

PARTS = ("classifier", "alternating")


@dataclass(frozen=True)
class Parameters(TwoLoops):
    """Sampling parameters of `logit-only`."""

    def chain(self) -> Iterator[Move]:
        """The signal given x_cor alone, then the logits given it."""
        yield from trajectory(SIGNAL, self.signal_steps, self.eta)
        yield Condition(SIGNAL, "x")
        yield from trajectory(LOGIT, self.logit_steps, self.eta)
        yield Answer("y")
