"""`nested`: a logit trajectory with whole signal trajectories inside it (Algorithm 6, section 3.5).

With the paper's compute reduction (section 3.5, D.4): one unguided signal trajectory first, held
fixed during the warm-up of the logits; from then on the signal is sampled anew, guided by the
current clean logits, at regular intervals. At the paper's point that is 7T denoiser and 1 + 5
classifier calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Condition,
    Move,
    Start,
    Update,
    trajectory,
)
from trainables.strategies._chains import CoupledParameters

PARTS = ("classifier", "nested")


@dataclass(frozen=True)
class Parameters(CoupledParameters):
    """Sampling parameters of `nested`.

    `outer_steps`, `inner_steps`: selected steps of the logit trajectory and of each signal
    trajectory. `t_switch`: the last fraction of the logit trajectory, in which the signal is
    refreshed (0: never). `refresh_interval`: the fraction of the logit trajectory between two
    refreshes, one step at least. `eta`: 0 is DDIM, 1 is DDPM, for both processes.
    """

    outer_steps: int
    inner_steps: int
    t_switch: float
    refresh_interval: float
    eta: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("outer_steps", self.outer_steps, 1, 100_000)
        check_range("inner_steps", self.inner_steps, 1, 100_000)
        check_range("t_switch", self.t_switch, 0, 1)
        check_range("refresh_interval", self.refresh_interval, 0, 1)
        check_range("eta", self.eta, 0, 1)

    def chain(self) -> Iterator[Move]:
        """The moves of Algorithm 6."""
        warm_up = self.outer_steps - round(self.t_switch * self.outer_steps)
        interval = max(1, round(self.refresh_interval * self.outer_steps))
        yield from trajectory(SIGNAL, self.inner_steps, self.eta)
        yield Condition(SIGNAL, "x")
        yield Start(LOGIT, self.outer_steps)
        for step in range(self.outer_steps):
            if step >= warm_up and (step - warm_up) % interval == 0:
                yield Condition(LOGIT, "y0_hat" if step else "y_cor")
                yield from trajectory(SIGNAL, self.inner_steps, self.eta)
                yield Condition(SIGNAL, "x")
            yield Update(LOGIT, self.eta)
        yield from self.answers()
