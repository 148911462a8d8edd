"""The moves of the label diffusion (DiDiCM), the rules for their order, and what they cost.

A trajectory is of the probabilities of all labels (DiDiCM-CP), or of chains of labels (DiDiCM-CL). Its
answer is the posterior's logarithm, as logits.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import get_args

from trainables.diffusion.label_choices import (
    LabelChoice,
    LabelPredictor,
    ProbabilityPredictor,
)

LABEL = "label"
"""The name of the label diffusion's network, by which its calls are counted."""


@dataclass(frozen=True)
class StartLabels:
    """Begin a trajectory of `steps` steps, from uniform probabilities, or from uniform labels of so many
    independent chains a sample where `chains` is a number.
    """

    steps: int
    chains: int | None = None

    @property
    def calls(self) -> int:
        """The calls of the score network that a step of the trajectory makes for a sample."""
        return self.chains or 1


@dataclass(frozen=True)
class UpdateLabels:
    """One step of the label diffusion, to the next time of the grid.

    `choice` is the label whose score is asked for, where the trajectory is of probabilities; it is None for
    chains, each of which asks for that of its own label.
    """

    predictor: ProbabilityPredictor
    choice: LabelChoice | None = None


@dataclass(frozen=True)
class LabelAnswer:
    """Add an answer: the logarithm of the posterior that the complete trajectory of labels ends at."""


LabelMove = StartLabels | UpdateLabels | LabelAnswer

_CHAINS = "label chains"
"""The name under which a trajectory of chains has its steps that are left; LABEL is that of probabilities."""


def label_move_fault(move: LabelMove, steps_left: MutableMapping[str, int]) -> str | None:
    """Why a move is illegal; None if it is legal, and then `steps_left`, the steps that every trajectory of
    the chain has still to make, is as it is after the move.
    """
    match move:
        case StartLabels():
            if move.steps < 1:
                return "a trajectory needs a step or more"
            if move.chains is not None and move.chains < 1:
                return "a trajectory needs a chain or more"
            for form in (LABEL, _CHAINS):
                steps_left.pop(form, None)
            steps_left[LABEL if move.chains is None else _CHAINS] = move.steps
        case UpdateLabels():
            form = _CHAINS if move.choice is None else LABEL
            if steps_left.get(form, 0) < 1:
                return "the labels have no step left to make"
            predictors = get_args(LabelPredictor if move.choice is None else ProbabilityPredictor)
            if move.predictor not in predictors:
                return f"the predictor must be one of {', '.join(predictors)}"
            steps_left[form] -= 1
        case LabelAnswer():
            if steps_left.get(LABEL, steps_left.get(_CHAINS)) != 0:
                return "the trajectory of labels has not ended"
    return None
