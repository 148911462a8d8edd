"""What a training reports of the samples that it does not train on: losses and accuracy, always with the same
noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.core.noise import SampleNoise
from trainables.data.dataset import Dataset
from trainables.data.resolution import degraded
from trainables.models.base import Classifier
from trainables.scoring.answers import Correctness, class_correctness, transcript_correctness
from trainables.scoring.metric_names import ACCURACY
from trainables.training.batches import Batch, Draws, Share
from trainables.training.classifier_cache import CachedOutputs, cached_outputs
from trainables.training.objective import Context, Objective


def validation_batch(objective: Objective, context: Context, device: torch.device) -> Batch:
    """The validation samples as a batch, with the same noise at every report."""
    task, dataset = context.task, context.dataset
    split = dataset.validation.first(task.recipe.validated)
    outputs = cached_outputs(split, dataset, task.recipe, objective.judge, device)
    noise = SampleNoise(task.seed, split.numbers.tolist(), "validation")
    x0 = split.clean()
    x_cor = degraded(split, x0, slice(None), task.degradation, noise)
    share = Share(device=device)
    x0, x_cor = share.of(x0), share.of(x_cor)
    if outputs is not None:
        outputs = outputs.part(slice(None)).to(device)
    elif objective.judge is not None:
        outputs = _outputs(objective.judge, x0, x_cor)
    labels = split.labels
    if dataset.script is not None:  # the right answers are the transcripts of the clean signals
        assert outputs is not None
        labels = outputs.clean.argmax(dim=-1)
    return Batch(x0, x_cor, share.of(labels), outputs)


@torch.no_grad()
def _outputs(judge: Classifier, x0: Tensor, x_cor: Tensor) -> CachedOutputs:
    """What the frozen classifier puts out for signals that stay the same at every report."""
    return CachedOutputs(judge.raw_logits(x0), judge.raw_logits(x_cor), judge.evidence(x_cor))


@torch.no_grad()
def validated(
    objective: Objective, batch: Batch, kind: str, context: Context, device: torch.device
) -> dict[str, float]:
    """Losses and accuracy on a batch of validation samples.

    Args:
        objective: of the part, with the weights to be judged; it is put into evaluation.
        batch: the validation samples.
        kind: the kind of the part, which with the task's seed is what the draws follow from.
        context: the part's training.
        device: where it is computed.
    """
    objective.eval()
    size = len(batch.labels)
    draws = Draws(context.task.seed, f"{kind}/validation", 0, size, Share(device=device))
    losses = objective(objective.prepare(batch, draws), draws)
    answers = objective.answers(batch, draws)
    correctness = _correctness(objective, context.dataset, answers, batch.labels)
    metrics = losses | {ACCURACY: correctness.share}
    return {f"validation_{name}": float(value) for name, value in metrics.items()}


def _correctness(
    objective: Objective, dataset: Dataset, answers: Tensor, labels: Tensor
) -> Correctness:
    if dataset.script is None:
        return class_correctness(answers, labels)
    judge = objective.judge
    assert judge is not None, "sentences are transcribed by a frozen recogniser"
    return transcript_correctness(judge.texts_of(answers), judge.texts_of(labels))
