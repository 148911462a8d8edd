"""The diffusion processes of signals, logits and labels that a recipe stands for."""

from __future__ import annotations

from trainables.data.dataset import Dataset
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.labels import LabelDiffusion
from trainables.diffusion.ouve import OUVE
from trainables.models.base import Classifier
from trainables.task.recipe import Task


def processes(
    task: Task, classifier: Classifier | None
) -> tuple[GaussianDiffusion | OUVE, GaussianDiffusion | OUVE]:
    """The signal process and the logit process of a task.

    Images lie in [-1, 1], and their logits are bounded by what clean training logits reach. For speech
    the logits are diffused as the signals are.
    """
    if task.recipe.speech is not None:
        return task.recipe.speech.process, task.recipe.speech.logit_process
    bound = None if classifier is None else float(classifier.scale.largest)
    return GaussianDiffusion(task.recipe.T, clip=1.0), GaussianDiffusion(task.recipe.T, clip=bound)


def label_process(dataset: Dataset) -> LabelDiffusion:
    """The diffusion of class labels, of images or of spoken words."""
    return LabelDiffusion(len(dataset.classes))
