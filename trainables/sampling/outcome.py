"""The outcome of a schedule, made of the state that its last move leaves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.core.errors import NonFiniteError
from trainables.sampling.moves import SIGNAL
from trainables.sampling.state import State


@dataclass(frozen=True)
class Outcome:
    """The outcome of a schedule.

    Args:
        y: standardised logits (B, *logit shape), the mean of all answers.
        deviation: the standard deviation of the answers, of the same shape; zero for one answer.
        x: the last clean signal (B, *signal shape), or x_cor where no signal was sampled.
    """

    y: Tensor
    deviation: Tensor
    x: Tensor


def outcome_of(state: State) -> Outcome:
    """The outcome of the engine's state after the last move.

    Raises:
        NonFiniteError: an answer or the signal is NaN or infinite.
    """
    answers = torch.stack(state.answers)
    deviation = answers.std(dim=0) if len(answers) > 1 else torch.zeros_like(answers[0])
    trajectory = state.trajectories.get(SIGNAL)
    x = state.batch.x_cor if trajectory is None else trajectory.state
    for name, values in (("logits", answers.transpose(0, 1)), ("signals", x)):
        if not bool(torch.isfinite(values).all()):
            count = int((~torch.isfinite(values)).flatten(1).any(dim=1).sum())
            raise NonFiniteError(f"sampled {name} of {count} of {len(values)} are not finite")
    return Outcome(answers.mean(dim=0), deviation, x)
