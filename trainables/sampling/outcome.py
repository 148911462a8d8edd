"""The outcome of a schedule, made of the state that its last move leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from trainables.core.errors import NonFiniteError
from trainables.sampling.moves import Move, NewChain
from trainables.sampling.settling import SettlingMove
from trainables.sampling.state import SettledSamples, State


@dataclass(frozen=True)
class Outcome:
    """The outcome of a schedule.

    Args:
        y: standardised logits (B, *logit shape), the mean of all answers.
        deviation: the standard deviation of the answers, of the same shape; zero for one answer.
        x: the last clean signal (B, *signal shape), or x_cor where no signal was sampled.
        chains: how many chains each sample has, (B,).
    """

    y: Tensor
    deviation: Tensor
    x: Tensor
    chains: Tensor


def outcome_of(state: State) -> Outcome:
    """The outcome of the engine's state after the last move.

    Raises:
        NonFiniteError: an answer or the signal is NaN or infinite.
    """
    groups = list(state.settled)
    if not state.is_over:
        answers = torch.stack(state.answers)
        groups.append(SettledSamples(state.numbers, state.chain_count, answers, state.signal))
    for name in ("answers", "x"):
        _check_finite(name, [getattr(group, name) for group in groups])
    outcomes = [_outcome_of(group) for group in groups]
    if len(outcomes) == 1:
        return outcomes[0]
    order = torch.cat([group.numbers for group in groups]).argsort()
    names = [field.name for field in fields(Outcome)]
    return Outcome(*(torch.cat([getattr(o, name) for o in outcomes])[order] for name in names))


def running_after_chains(moves: Sequence[Move], outcome: Outcome) -> Counter[int]:
    """By numbers of chains but the last, how many samples of an outcome have more; empty where all have as
    many.
    """
    chains = 1 + sum(isinstance(move, NewChain | SettlingMove) for move in moves)
    if not any(isinstance(move, SettlingMove) for move in moves):
        return Counter()
    return Counter({n: int((outcome.chains > n).sum()) for n in range(1, chains)})


def _outcome_of(samples: SettledSamples) -> Outcome:
    """The outcome of samples with as many chains."""
    answers = samples.answers
    deviation = answers.std(dim=0) if len(answers) > 1 else torch.zeros_like(answers[0])
    chains = torch.full_like(samples.numbers, samples.chains)
    return Outcome(answers.mean(dim=0), deviation, samples.x, chains)


def _check_finite(name: str, groups: Sequence[Tensor]) -> None:
    """Refuse values (B, ...), or answers (N, B, ...), of groups of samples, that are NaN or infinite.

    Raises:
        NonFiniteError: some are.
    """
    if all(bool(torch.isfinite(values).all()) for values in groups):
        return
    by_sample = [values.transpose(0, 1) if name == "answers" else values for values in groups]
    count = sum(int((~torch.isfinite(v)).flatten(1).any(dim=1).sum()) for v in by_sample)
    samples, noun = sum(map(len, by_sample)), "logits" if name == "answers" else "signals"
    raise NonFiniteError(f"sampled {noun} of {count} of {samples} are not finite")
