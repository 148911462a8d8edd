"""`parallel`: signal and logits step together, each guided by the other (Algorithm 2, section 3.3).

With the paper's warm-up (D.4): in the first half each is sampled without the other, the signal
unguided and the logits given x_cor. At the paper's point that is 2T denoiser and 1 + T/2 classifier
calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.sampling.moves import LOGIT, SIGNAL, Condition, Move, Start, Update
from trainables.strategies._chains import CoupledParameters

PARTS = ("classifier", "parallel")


@dataclass(frozen=True)
class Parameters(CoupledParameters):
    """Sampling parameters of `parallel`.

    `steps`: selected steps of both trajectories. `warm_up`: the first fraction of them, without
    exchange. `eta`: 0 is DDIM, 1 is DDPM, for both processes.
    """

    steps: int
    warm_up: float
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("steps", self.steps, 1, 100_000)
        check_range("warm_up", self.warm_up, 0, 1)
        check_range("eta", self.eta, 0, 1)

    def guide_signal(self, step: int) -> Move:
        """How the logits guide the signal's step: by their clean estimate, at first by f(x_cor)."""
        return Condition(LOGIT, "y0_hat" if step else "y_cor")

    def guide_logits(self) -> Move:
        """How the signal guides the logits' step: by its clean estimate."""
        return Condition(SIGNAL, "x0_hat")

    def chain(self) -> Iterator[Move]:
        """The moves of Algorithm 2."""
        warm_up = round(self.warm_up * self.steps)
        yield Start(SIGNAL, self.steps)
        yield Start(LOGIT, self.steps)
        if warm_up:
            yield Condition(SIGNAL, "x_cor")
        for step in range(self.steps):
            if step >= warm_up:
                yield self.guide_signal(step)
            yield Update(SIGNAL, self.eta)
            if step >= warm_up:
                yield self.guide_logits()
            yield Update(LOGIT, self.eta)
        yield from self.answers()
