"""Part `enhanced`: the pretrained signal denoiser, trained on alone for as long as coupled training
takes, so that the baseline has seen the same batches, as often, as the strategies it is compared with.
"""

from __future__ import annotations

from trainables.task.recipe import Recipe
from trainables.training import coupled
from trainables.training.objective import Context, Objective
from trainables.training.stages.signal import SignalObjective

NEEDS = ("signal",)
USES_CORRUPTION = True
updates = coupled.updates


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 1.5, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part, beyond those of the part it starts from: none."""
    return {}


def build(context: Context) -> Objective:
    """The objective of `signal`, from its weights."""
    objective = SignalObjective(context)
    objective.signal.load_state_dict(context.parts["signal"]["signal"])
    return objective
