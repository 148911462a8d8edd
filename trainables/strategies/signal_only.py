"""`signal-only`: logits guide the signal, never the reverse; the classifier answers on the signal.

An ablation with the networks of `alternating`: its second half turned round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, Move, trajectory
from trainables.strategies._loops import TwoLoops

PARTS = ("classifier", "alternating")


@dataclass(frozen=True)
class Parameters(TwoLoops):
    """Sampling parameters of `signal-only`."""

    def chain(self) -> Iterator[Move]:
        """Logits given x_cor alone, then the signal given them."""
        yield Condition(SIGNAL, "x_cor")
        yield from trajectory(LOGIT, self.logit_steps, self.eta)
        yield Condition(LOGIT, "y")
        yield from trajectory(SIGNAL, self.signal_steps, self.eta)
        yield Answer("x")
