"""What every sampling strategy shares: how a step is made, and independent chains, averaged in logit space.

One chain is a draw from the posterior of the logits. The mean of several estimates the posterior's
mean, which is the better answer where draws differ, and their deviation says how sure it is. The
paper has one chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import check_choice, check_range
from trainables.sampling.moves import Correct, Move, NewChain, Predict, Update

PREDICTORS = ("posterior", "reverse-diffusion")


@dataclass(frozen=True, kw_only=True)
class ChainParameters:
    """Sampling parameters of a strategy with `chains` independent chains.

    `predictor`: how a step is made, by the "posterior" of the clean estimate, which is exact over
    any gap, or by "reverse-diffusion", the SDE that the paper discretises for speech (E.5), which
    images' process does not have.
    `corrections`: Langevin corrections before each step, of signal and logits alike, each a network
    call; the paper has one for speech, and only with both corrected are its strategies' costs the
    multiples of a corrected trajectory's that E.5 says.
    """

    chains: int = 1
    predictor: Literal["posterior", "reverse-diffusion"] = "posterior"
    corrections: int = 0

    def __post_init__(self) -> None:
        check_range("chains", self.chains, 1, 100_000)
        check_choice("predictor", self.predictor, PREDICTORS)
        check_range("corrections", self.corrections, 0, 1000)

    def chain(self) -> Iterator[Move]:
        """The moves of one chain, which ends with its answer; every step in it is an `Update`."""
        raise NotImplementedError

    def schedule(self) -> Iterator[Move]:
        """The moves of all chains, with corrections and by the predictor asked for."""
        for number in range(self.chains):
            if number:
                yield NewChain()
            for move in self.chain():
                if isinstance(move, Update):
                    yield from self._stepped(move)
                else:
                    yield move

    def _stepped(self, update: Update) -> Iterator[Move]:
        for _ in range(self.corrections):
            yield Correct(update.process)
        by_posterior = self.predictor == "posterior"
        yield update if by_posterior else Predict(update.process, update.eta)
