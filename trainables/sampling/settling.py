"""When the chains of a sample are settled, and how a batch goes on with the samples that are not.

Let d be the lead of an answer: the raw logit of the class that leads in the mean of the n answers so far,
less that of the second class in it; it is the logarithm of the odds between these two. A sample is settled
when

    mean(d) / (s / sqrt(n)) > threshold,    s^2 = (1 + sum (d - mean(d))^2) / n,

the mean lead in units of its standard error. The deviation s is that of the n leads, with one degree of
freedom more, whose deviation is PRIOR_DEVIATION, since a few chains that happen to agree say little about
others. So after the first chain the lead itself is compared with the threshold: at 4 the odds have to be
above e^4, 55 to 1. Later the test is much like Student's. As it is made again after every chain, the
threshold is no probability of an error: it is a dial between calls and accuracy, to be searched.

For sentences every token has to be settled.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainables.sampling.moves import NewChainUnlessSettled, StartOverUnlessSettled
from trainables.sampling.state import SettledSamples, State

SettlingMove = NewChainUnlessSettled | StartOverUnlessSettled
"""Moves after which samples may have left the batch."""

PRIOR_DEVIATION = 1.0
"""The deviation between the leads of chains that is taken for granted, in raw logits."""


def settlement(logits: Tensor) -> Tensor:
    """How firmly each sample is settled: its mean lead in units of the standard error, (B,), or for sentences
    that of its least settled token.

    Args:
        logits: raw logits of n chains' answers, (n, B, K), or (n, B, S, K) for sentences.
    """
    count = len(logits)
    first, second = logits.mean(dim=0).topk(2, dim=-1).indices.unbind(dim=-1)

    def of_class(number: Tensor) -> Tensor:
        index = number[None, ..., None].expand(count, *number.shape, 1)
        return logits.gather(-1, index)[..., 0]

    leads = of_class(first) - of_class(second)
    mean = leads.mean(dim=0)
    squares = (leads - mean).square().sum(dim=0)
    error = torch.sqrt(PRIOR_DEVIATION**2 + squares) / count
    return (mean / error).flatten(1).amin(dim=1) if mean.dim() > 1 else mean / error


def start_chain_unless_settled(
    state: State, move: SettlingMove, restored: Callable[[Tensor], Tensor]
) -> None:
    """Start a new chain of the samples that are not settled. The others leave the batch with their answers;
    where none is left, `state.is_over` is true and nothing is to be done any more.

    Args:
        state: the engine's state, after the answers of a chain.
        move: says how firmly a sample must be settled, and whether the answers so far stay.
        restored: maps standardised logits (..., K) to raw ones.
    """
    chains = state.chain_count - state.dropped_chains
    answers = torch.stack(state.answers).unflatten(0, (chains, -1)).mean(dim=1)
    is_settled = settlement(restored(answers).float()) > move.threshold
    if bool(is_settled.any()):
        rows, rest = is_settled.nonzero()[:, 0], (~is_settled).nonzero()[:, 0]
        state.settled.append(
            SettledSamples(
                state.numbers[rows],
                state.chain_count,
                torch.stack(state.answers)[:, rows],
                state.signal[rows],
            )
        )
        state.keep(rest)
    if isinstance(move, StartOverUnlessSettled):
        state.start_over()
    else:
        state.start_chain()
