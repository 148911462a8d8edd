"""Part `retrained`: a new network of the frozen classifier's architecture, trained on corrupted signals with
their labels, for as long as all that a coupled strategy trains.

It makes as many updates as the stages `signal`, `logit` and a coupled one together, with batches of the
sequence that they have, so it has seen as many samples. Its weights are new ones, not the frozen
classifier's: members of an ensemble that start from the same weights would be alike.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from trainables.core.config import identity
from trainables.task import networks
from trainables.task.members import MOST_MEMBERS, RETRAINED, member_kind
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import (
    Context,
    Objective,
    PreparedBatch,
    channels_beside_each_other,
    check_signals,
)

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = True
MEMBERS = MOST_MEMBERS
SIGNALS = ("image",)


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage."""
    return recipe.updates.signal + recipe.updates.logit + recipe.updates.coupled


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 0.2, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part."""
    return {"network": identity(recipe.classifier), **recipe.states()}


def build(context: Context) -> Objective:
    """Cross-entropy training of a new classifier on corrupted signals.

    Raises:
        UsageError: the signals are speech.
    """
    check_signals(RETRAINED, context.task.recipe, SIGNALS)
    return RetrainedObjective(context)


class RetrainedObjective(Objective):
    """Cross-entropy of the labels, on corrupted signals alone. The network bears its part's name, so that
    the weights of all members can be put together.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._name = member_kind(RETRAINED, context.member)
        network = networks.new_classifier(context.dataset, context.task.recipe)
        self.add_module(self._name, channels_beside_each_other(network))

    @property
    def network(self) -> nn.Module:
        """The classifier, signals (B, C, H, W) to raw logits (B, K)."""
        return self.get_submodule(self._name)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        return {"loss": functional.cross_entropy(self.network(batch.x_cor), batch.labels)}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The network's classes for the corrupted signals."""
        output: Tensor = self.network(batch.x_cor).argmax(dim=1)
        return output
