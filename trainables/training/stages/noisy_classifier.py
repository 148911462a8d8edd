"""Part `noisy-classifier`: a classifier of noised clean signals, p_t(c | x_t), trained with cross-entropy at
every noise level (Dhariwal and Nichol 2021, section 4.1), for as long as the logit denoiser, the other
network that learns from the classes.

Like the frozen classifier it is trained on clean signals with their labels, and learns of no corruption: of
speech it sees x0 + e^(theta t) sigma(t) eps, as what is left of x_t without x_cor's share
(`OUVE.without_origin`). Sentences have no classes.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from trainables.core.config import as_mapping, identity
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Recipe
from trainables.training.batches import Batch, Draws
from trainables.training.losses import denoising_losses
from trainables.training.objective import Context, Objective, PreparedBatch, check_signals

NEEDS: tuple[str, ...] = ()
USES_CORRUPTION = False
SIGNALS = ("image", "word")


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
    settings: dict[str, object] = {"network": identity(networks.encoder_config(recipe))}
    if recipe.speech is None:
        return settings | {"T": recipe.T}
    return settings | {"speech": as_mapping(recipe.speech)}


def build(context: Context) -> Objective:
    """Cross-entropy training of a new noise-conditional classifier.

    Raises:
        UsageError: sentences are spoken.
    """
    check_signals("noisy-classifier", context.task.recipe, SIGNALS)
    return NoisyClassifierObjective(context)


class NoisyClassifierObjective(Objective):
    """Cross-entropy of the labels, given clean signals that are noised to levels drawn evenly: of images from
    1..T, of speech from its times.

    The network bears the part's name, so that its weights can be put together with those of other parts.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        task = context.task
        self.process, of_logits = processes(task, None)
        self.denoising_loss, _ = denoising_losses(task, (self.process, of_logits))
        self.noisy_classifier = networks.new_noisy_classifier(context.dataset, task.recipe)

    def forward(self, batch: Batch | PreparedBatch, draws: Draws) -> dict[str, Tensor]:
        assert isinstance(batch, Batch)
        logits = self._logits(batch.x0, draws, self.denoising_loss.times(draws))
        return {"loss": functional.cross_entropy(logits, batch.labels)}

    def _logits(self, x0: Tensor, draws: Draws, t: Tensor) -> Tensor:
        """The network's logits (B, K) of clean signals x0 (B, ...) under the noise of levels t (B,)."""
        eps = draws.normal(tuple(x0.shape[1:]))
        x_t = self.denoising_loss.noised(x0, x0, eps, t)
        output: Tensor = self.noisy_classifier(self.process.without_origin(x_t, t, x0), t)
        return output

    def answers(self, batch: Batch, draws: Draws) -> Tensor:
        """The network's classes for the clean signals, noised to the middle one of the levels."""
        t, T = self.denoising_loss.times(draws), self.process.T
        middle = t.fill_(T / 2) if t.is_floating_point() else t.fill_((T + 1) // 2)
        return self._logits(batch.x0, draws, middle).argmax(dim=1)
