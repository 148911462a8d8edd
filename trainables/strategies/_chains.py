"""What every sampling strategy shares: independent chains, averaged in logit space.

One chain is a draw from the posterior of the logits. The mean of several estimates the posterior's
mean, which is the better answer where draws differ, and their deviation says how sure it is. The
paper has one chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.errors import check_range
from trainables.strategies._moves import Move, NewChain


@dataclass(frozen=True, kw_only=True)
class Chained:
    """Sampling parameters of a strategy with `chains` independent chains."""

    chains: int = 1

    def __post_init__(self) -> None:
        check_range("chains", self.chains, 1, 100_000)

    def chain(self) -> Iterator[Move]:
        """The moves of one chain, which ends with its answer."""
        raise NotImplementedError

    def schedule(self) -> Iterator[Move]:
        """The moves of all chains."""
        for number in range(self.chains):
            if number:
                yield NewChain()
            yield from self.chain()
