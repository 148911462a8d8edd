"""`didicm-cl`: discrete diffusion of class labels by independent chains, given the corrupted image (DiDiCM-CL
of Belhasin et al. 2026): a call of its network a step for each chain.

The frequencies of the labels that the chains end at estimate the posterior. As `didicm-cp`, it calls no
other network, and is for what has classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from trainables.core.errors import check_choice, check_range
from trainables.diffusion.label_choices import LabelPredictor
from trainables.sampling.label_moves import LabelAnswer, StartLabels, UpdateLabels
from trainables.sampling.moves import Move

PARTS = ("classifier", "label-score")
SIGNALS = ("image", "word")


@dataclass(frozen=True)
class Parameters:
    """Sampling parameters of `didicm-cl`.

    `steps`: steps of every chain. `label_chains`: N, the number of chains of a sample, which estimate one
    posterior; unlike the `chains` of other strategies they are not averaged in logit space. `predictor`:
    how a chain's step is drawn, by the Euler step's rates or by analytic tau-leaping.
    """

    steps: int
    label_chains: int
    predictor: LabelPredictor = "euler"

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 1, 100_000)
        check_range("label_chains", self.label_chains, 1, 1_000_000)
        check_choice("predictor", self.predictor, get_args(LabelPredictor))

    def schedule(self) -> Iterator[Move]:
        """All chains side by side."""
        yield StartLabels(self.steps, self.label_chains)
        for _ in range(self.steps):
            yield UpdateLabels(self.predictor)
        yield LabelAnswer()
