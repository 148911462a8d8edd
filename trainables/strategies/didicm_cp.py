"""`didicm-cp`: discrete diffusion of the class probabilities, given the corrupted image (DiDiCM-CP of
Belhasin et al. 2026): one call of its network a step.

Neither the frozen classifier nor a denoiser is called: as `retrained`, it learns from labels of corrupted
signals. It is for images and for spoken words; sentences have no classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from trainables.core.errors import check_choice, check_range
from trainables.diffusion.label_choices import LabelChoice, ProbabilityPredictor
from trainables.sampling.label_moves import LabelAnswer, StartLabels, UpdateLabels
from trainables.sampling.moves import Move

PARTS = ("classifier", "label-score")
SIGNALS = ("image", "word")


@dataclass(frozen=True)
class Parameters:
    """Sampling parameters of `didicm-cp`.

    `steps`: steps from the uniform distribution to the posterior. `predictor`: how a step is made, by
    explicit or backward Euler, or by the exact posterior of the score's own clean estimate ("analytic").
    `choice`: the label whose score stands for those of all: the least probable one (the paper's), the most
    probable one, or one that is drawn.
    """

    steps: int
    predictor: ProbabilityPredictor = "euler"
    choice: LabelChoice = "argmin"

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 1, 100_000)
        check_choice("predictor", self.predictor, get_args(ProbabilityPredictor))
        check_choice("choice", self.choice, get_args(LabelChoice))

    def schedule(self) -> Iterator[Move]:
        """One trajectory of probabilities."""
        yield StartLabels(self.steps)
        for _ in range(self.steps):
            yield UpdateLabels(self.predictor, self.choice)
        yield LabelAnswer()
