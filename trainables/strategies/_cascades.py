"""What cascades share: a cheap answer for the samples that it settles, and a dear one for the others.

The cheap one is by the frozen classifier on the corrupted signal, as of `noisy`, or by one logit trajectory,
as of `card`; the dear one is by another strategy, with its chains. A sample whose cheap answer leads by more
than the threshold, in raw logits, is not sampled by that one; the cheap answers of the others are dropped.
The networks are those of the halves, and so is the noise: with threshold 0 a point is its cheap half, and
where all samples go on it is its dear half. Cascades are not in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import check_choice, check_range
from trainables.sampling.moves import LogitsBy, Move, StartOverUnlessSettled
from trainables.strategies import card, noisy
from trainables.strategies._chains import ChainParameters

CHEAP = ("noisy", "card")
LENT = ("card",)
"""The part that lends its logit denoiser to the cheap half; the dear half may have one of its own."""


@dataclass(frozen=True, kw_only=True)
class CascadeParameters(ChainParameters):
    """Sampling parameters of a cascade, beside those of its dear half, which comes after it among the bases.

    `cheap`: the strategy that answers first. `threshold`: how far that answer's class must lead for the
    sample to be settled by it, in raw logits; with 0 every sample is, with infinity none, and nothing cheap
    is sampled. `cheap_steps`, `cheap_eta`, `cheap_temperature`: of `card`, if that answers first; the
    predictor and the corrections are those of the dear half.
    """

    cheap: Literal["noisy", "card"]
    threshold: float
    cheap_steps: int = 1
    cheap_eta: float = 1.0
    cheap_temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("cheap", self.cheap, CHEAP)
        check_range("threshold", self.threshold, 0, math.inf)
        check_range("cheap_steps", self.cheap_steps, 1, 100_000)
        check_range("cheap_eta", self.cheap_eta, 0, 1)
        check_range("cheap_temperature", self.cheap_temperature, 0, 1)

    def schedule(self) -> Iterator[Move]:
        """The cheap half, then the dear one for the samples that it does not settle."""
        if self.threshold < math.inf:
            yield from self._cheap_half()
        if 0 < self.threshold < math.inf:
            yield StartOverUnlessSettled(self.threshold)
        if self.threshold > 0:
            yield from super().schedule()

    def _cheap_half(self) -> Iterator[Move]:
        if self.cheap == "noisy":
            yield from noisy.Parameters().schedule()
            return
        yield LogitsBy("card")
        yield from card.Parameters(
            self.cheap_steps,
            self.cheap_eta,
            temperature=self.cheap_temperature,
            predictor=self.predictor,
            corrections=self.corrections,
        ).schedule()
