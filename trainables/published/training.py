"""Training parts as the published code trains them: by the product's loop, stages and batches, with one
thing changed.
"""

from __future__ import annotations

from collections.abc import Callable

from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.published.choice import TRAININGS
from trainables.published.processes import LinearSchedule
from trainables.published.samples import uncorrupted
from trainables.published.storage import PublishedStorage
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import Report, train_part
from trainables.training.losses import GaussianLoss
from trainables.training.objective import Context, Objective
from trainables.training.stages.logit import LogitObjective


def train(
    storage: PublishedStorage, task: Task, share: Share, report: Callable[[Report], None]
) -> None:
    """Train the parts of the storage's training that it lacks.

    Raises:
        UsageError: a part of the product that these are trained from is missing.
        NonFiniteError: a loss became NaN or infinite.
    """
    training, dataset = storage.choice.training, storage.dataset(task)
    if training == "clean":
        dataset = uncorrupted(dataset)
    for kind in TRAININGS[training]:
        if storage.parts.has(kind, task):
            continue
        needed = {need: storage.parts.load(need, task) for need in stages.parts_given(kind)}
        build = _with_linear_schedule if (training, kind) == ("linear", "logit") else None
        context = Context(task, dataset, needed)
        weights = train_part(kind, context, share, report, build=build)
        storage.parts.save(kind, task, weights, {"device": str(share.device)})


def _with_linear_schedule(context: Context) -> Objective:
    """The objective of `logit`, whose noise has the linear schedule."""
    objective = LogitObjective(context)
    process = objective.denoising_loss.process
    assert isinstance(process, GaussianDiffusion), "the published code of images has no other"
    linear = LinearSchedule(process.T, process.clip)
    objective.denoising_loss = GaussianLoss(linear, context.task.recipe.loss_weighting)
    return objective
