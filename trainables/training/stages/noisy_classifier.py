"""Part `noisy-classifier`: a classifier of noised clean signals, p_t(c | x_t), trained with cross-entropy at
every noise level (Dhariwal and Nichol 2021, section 4.1), for as long as the logit denoiser, the other
network that learns from the classes.

Like the frozen classifier it is trained on clean signals with their labels, and learns of no corruption. It
is for images alone: for spectrograms there is no such network, and sentences have no classes.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from trainables.core.config import identity
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.objective import Context, Objective, PreparedBatch, check_images

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = False
SIGNALS = ("image",)


def updates(recipe: Recipe) -> int:
    """Optimiser updates of this stage: those of the logit denoiser."""
    return recipe.updates.logit


def forwards(recipe: Recipe) -> tuple[float, float, float]:
    """What an update's forward pass amounts to, roughly: in forward passes of the signal denoiser,
    of the logit denoiser and, without gradients, of the classifier.
    """
    return 0.4, 0.0, 0.0


def describe(recipe: Recipe) -> dict[str, object]:
    """The settings that shape this part: its network has the sizes of the signal denoiser."""
    return {"network": identity(recipe.signal), "T": recipe.T}


def build(context: Context) -> Objective:
    """Cross-entropy training of a new noise-conditional classifier.

    Raises:
        UsageError: the signals are speech.
    """
    reason = "there is no such network for spectrograms"
    check_images("noisy-classifier", context.task.recipe, reason)
    return NoisyClassifierObjective(context)


class NoisyClassifierObjective(Objective):
    """Cross-entropy of the labels, given clean signals that are noised to levels drawn evenly from 1..T.

    The network bears the part's name, so that its weights can be put together with those of other parts.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        process, _ = processes(context.task, None)
        assert isinstance(process, GaussianDiffusion)
        self.process = process
        self.noisy_classifier = networks.new_noisy_classifier(context.dataset, context.task.recipe)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        t, eps = draws.levels(self.process.T), draws.normal(tuple(batch.x0.shape[1:]))
        logits = self.noisy_classifier(self.process.noised(batch.x0, eps, t), t)
        return {"loss": functional.cross_entropy(logits, batch.labels)}

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The network's classes for the clean signals, noised to the middle one of the levels."""
        t = draws.levels(self.process.T).fill_((self.process.T + 1) // 2)
        eps = draws.normal(tuple(batch.x0.shape[1:]))
        output: Tensor = self.noisy_classifier(self.process.noised(batch.x0, eps, t), t)
        return output.argmax(dim=1)
