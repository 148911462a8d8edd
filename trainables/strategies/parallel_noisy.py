"""`parallel-noisy`: `parallel`, each process guided by the other's noisy state, not by its clean estimate
(section 4.3, Table 3).

An ablation with networks of its own, which were trained on the noisy states that they are shown here. It
costs what `parallel` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.sampling.moves import LOGIT, SIGNAL, Condition, Move
from trainables.strategies import parallel

PARTS = ("classifier", "parallel-noisy")


@dataclass(frozen=True)
class Parameters(parallel.Parameters):
    """Sampling parameters of `parallel-noisy`: those of `parallel`."""

    def guide_signal(self, step: int) -> Move:
        """By y_t, which is at the level of the signal's own state x_t."""
        return Condition(LOGIT, "y")

    def guide_logits(self) -> Move:
        """By x_{t-1}, which the signal has just stepped to."""
        return Condition(SIGNAL, "x")
