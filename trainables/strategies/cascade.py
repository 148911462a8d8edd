"""`cascade`: a cheap answer for the samples that it settles, and a dear one for the others.

The cheap one is by the frozen classifier on the corrupted signal, as of `noisy`, or by one logit trajectory,
as of `card`; the dear one by `enhanced`, with its chains. A sample whose cheap answer leads by more than the
threshold, in raw logits, is not enhanced; the cheap answers of the others are dropped. The networks are those
of the halves, and so is the noise: with threshold 0 a point is its cheap half, and where all samples go on it
is its dear half. It is not in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import check_choice, check_range
from trainables.sampling.moves import Move, StartOverUnlessSettled
from trainables.strategies import card, enhanced, noisy

PARTS = (*card.PARTS, *(part for part in enhanced.PARTS if part not in card.PARTS))
CHEAP = ("noisy", "card")


@dataclass(frozen=True)
class Parameters(enhanced.Parameters):
    """Sampling parameters of `cascade`: those of `enhanced` are its dear half's.

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
            yield from self._cheap_half().schedule()
        if 0 < self.threshold < math.inf:
            yield StartOverUnlessSettled(self.threshold)
        if self.threshold > 0:
            yield from super().schedule()

    def _cheap_half(self) -> noisy.Parameters | card.Parameters:
        if self.cheap == "noisy":
            return noisy.Parameters()
        return card.Parameters(
            self.cheap_steps,
            self.cheap_eta,
            temperature=self.cheap_temperature,
            predictor=self.predictor,
            corrections=self.corrections,
        )
