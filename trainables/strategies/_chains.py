"""What every sampling strategy shares: how a step is made, and independent chains, averaged in logit space.

One chain is a draw from the posterior of the logits. The mean of several estimates the posterior's
mean, which is the better answer where draws differ, and their deviation says how sure it is. The
paper has one chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.config import added_field
from trainables.core.errors import check_choice, check_range
from trainables.sampling.moves import (
    Answer,
    Correct,
    Move,
    NewChain,
    NewChainUnlessSettled,
    Predict,
    Update,
)

PREDICTORS = ("posterior", "reverse-diffusion")
ANSWERS = ("y", "x", "mean")


@dataclass(frozen=True, kw_only=True)
class ChainParameters:
    """Sampling parameters of a strategy with `chains` independent chains.

    `temperature`: what scales the noise that steps inject, 1 as the process has it, 0 for their means
    alone, a chain without noise but that of its start. Only steps with eta > 0 inject any.
    `predictor`: how a step is made, by the "posterior" of the clean estimate, which is exact over
    any gap, or by "reverse-diffusion", the SDE that the paper discretises for speech (E.5), which
    images' process does not have.
    `corrections`: Langevin corrections before each step, of signal and logits alike, each a network
    call; the paper has one for speech, and only with both corrected are its strategies' costs the
    multiples of a corrected trajectory's that E.5 says.
    `settled`: how far ahead a sample's leading class must be for it to have no more chains, in standard
    errors of the lead, after the first chain in raw logits (`trainables.sampling.settling`); `chains` is then
    the most that a sample has. With 0 every sample has them all.
    """

    chains: int = 1
    temperature: float = 1.0
    predictor: Literal["posterior", "reverse-diffusion"] = "posterior"
    corrections: int = 0
    settled: float = added_field(0.0)

    def __post_init__(self) -> None:
        check_range("chains", self.chains, 1, 100_000)
        check_range("temperature", self.temperature, 0, 1)
        check_choice("predictor", self.predictor, PREDICTORS)
        check_range("corrections", self.corrections, 0, 1000)
        check_range("settled", self.settled, 0, 1_000_000)

    def chain(self) -> Iterator[Move]:
        """The moves of one chain, which ends with its answer; every step in it is an `Update`."""
        raise NotImplementedError

    def schedule(self) -> Iterator[Move]:
        """The moves of all chains, with corrections and by the predictor asked for."""
        for number in range(self.chains):
            if number:
                yield NewChainUnlessSettled(self.settled) if self.settled else NewChain()
            for move in self.chain():
                if isinstance(move, Update):
                    yield from self._stepped(move)
                else:
                    yield move

    def _stepped(self, update: Update) -> Iterator[Move]:
        for _ in range(self.corrections):
            yield Correct(update.process)
        temperature = self.temperature if update.eta > 0 else 1.0
        by_posterior = self.predictor == "posterior"
        step = Update if by_posterior else Predict
        yield step(update.process, update.eta, temperature)


@dataclass(frozen=True, kw_only=True)
class CoupledParameters(ChainParameters):
    """Sampling parameters of a strategy that samples signal and logits together.

    `answer`: by the sampled logits "y", as the paper has it for images; by the classifier on the sampled
    signal, f(x), as it has it for speech, whose enhanced recording is transcribed (E.3); or by the "mean"
    of both in logit space. What coupling gives the signal and what it gives the logits are two things.
    """

    answer: Literal["y", "x", "mean"] = "y"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("answer", self.answer, ANSWERS)

    def answers(self) -> Iterator[Move]:
        """The last moves of a chain, when both trajectories have ended."""
        if self.answer in ("y", "mean"):
            yield Answer("y")
        if self.answer in ("x", "mean"):
            yield Answer("x")
