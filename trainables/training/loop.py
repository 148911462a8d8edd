"""The one training loop: any stage, any number of workers, resumable at the end of a round.

A round is one batch and its inner updates. All that is random in it follows from the seed and the
round's number, so a resumed training goes on as if it had not stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from trainables.core.errors import NonFiniteError
from trainables.core.noise import SampleNoise, seeded
from trainables.core.precision import dtype_of
from trainables.data.dataset import Dataset
from trainables.scoring.answers import Correctness, class_correctness, transcript_correctness
from trainables.scoring.metric_names import ACCURACY
from trainables.task.recipe import Recipe
from trainables.training import stages
from trainables.training.batches import Batch, Batches, Draws, Share
from trainables.training.classifier_cache import cached_outputs
from trainables.training.objective import Context, Objective, Weights

LEAST_REPORTS = 20
_WARM_UP = 0.05


@dataclass(frozen=True)
class Report:
    """How far a part is: updates done of `updates`, losses since the last report, its checkpoint
    (None on workers other than the first).
    """

    kind: str
    update: int
    updates: int
    metrics: dict[str, float]
    checkpoint: dict[str, Any] | None


@dataclass
class _Run:
    """All that changes while a part is trained."""

    objective: Objective
    model: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer | None
    validation: Batch
    first_round: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    @property
    def final(self) -> Objective:
        """The objective with the averaged weights."""
        return cast(Objective, self.averaged.module)


def train_part(
    kind: str,
    context: Context,
    share: Share,
    report: Callable[[Report], None],
    checkpoint: dict[str, Any] | None = None,
) -> Weights:
    """Train one part and return its averaged weights, on the CPU.

    `report` is called on every worker, at the end of every epoch and `LEAST_REPORTS` times at least;
    what it is given resumes a training that was cut off when handed back as `checkpoint`.

    Raises:
        NonFiniteError: the loss became NaN or infinite.
    """
    run = _begin(kind, context, share, checkpoint)
    recipe = context.task.recipe
    inner = run.objective.inner_updates
    rounds = math.ceil(stages.load(kind).updates(recipe) / inner)
    train = context.dataset.train
    known = cached_outputs(train, context.dataset, recipe, run.objective.judge, share.device)
    batches = Batches(context.task, train, share, known)
    epoch = len(context.dataset.train) / recipe.batch
    marks = _marks(rounds, epoch)
    for number in range(run.first_round, rounds):
        _round(run, kind, context, share, batches.batch(number), number, rounds)
        if number + 1 in marks:
            passes = {"epoch": (number + 1) / epoch}
            metrics = _means(run) | _validate(run, kind, context, share) | passes
            saved = _checkpoint(run, number + 1) if share.rank == 0 else None
            report(Report(kind, (number + 1) * inner, rounds * inner, metrics, saved))
    final = run.final
    final.eval()
    final.finish(context.dataset, share.device)
    return {name: _on_cpu(state) for name, state in final.weights().items()}


def _marks(rounds: int, epoch: float) -> set[int]:
    """Rounds after which is reported: the ends of epochs of so many rounds, and even parts."""
    even = {math.ceil(rounds * (i + 1) / LEAST_REPORTS) for i in range(LEAST_REPORTS)}
    return even | {math.ceil(epoch * (i + 1)) for i in range(int(rounds / epoch))}


def _begin(kind: str, context: Context, share: Share, checkpoint: dict[str, Any] | None) -> _Run:
    with seeded(torch.device("cpu"), "weights", kind, context.task.seed):
        objective: Objective = stages.load(kind).build(context)
    objective.to(share.device)
    objective.move(share.device)
    averaged = AveragedModel(objective, multi_avg_fn=_averaging(context.task.recipe.ema))
    parameters = list(objective.parameters())
    optimizer: torch.optim.Optimizer | None = None
    if parameters:
        optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=1e-2, fused=True)
    validation = _validation(objective, context, share.device)
    run = _Run(objective, objective, averaged, optimizer, validation)
    run.final.move(share.device)
    if checkpoint is not None:
        objective.load_state_dict(checkpoint["model"])
        averaged.load_state_dict(checkpoint["averaged"])
        if optimizer is not None:
            optimizer.load_state_dict(checkpoint["optimizer"])
        run.first_round = checkpoint["round"]
    if share.world > 1 and parameters:
        run.model = DistributedDataParallel(objective, find_unused_parameters=True)
    return run


def _round(
    run: _Run,
    kind: str,
    context: Context,
    share: Share,
    batch: Batch,
    number: int,
    rounds: int,
) -> None:
    seed, size, inner = context.task.seed, context.task.recipe.batch, run.objective.inner_updates
    peak = context.task.recipe.learning_rate
    run.objective.eval()  # what is prepared is an estimate, so without dropout
    with _autocast(share.device, context.task.recipe):
        prepared = run.objective.prepare(batch, Draws(seed, f"{kind}/batch", number, size, share))
    run.objective.train()
    for k in range(inner):
        update = number * inner + k
        dropout = seeded(share.device, "dropout", kind, seed, update, share.rank)
        with _autocast(share.device, context.task.recipe), dropout:
            losses = run.model(prepared, Draws(seed, kind, update, size, share))
        if run.optimizer is not None:
            _step(
                run, run.optimizer, losses["loss"], learning_rate(update / (rounds * inner), peak)
            )
        for name, value in losses.items():
            run.sums[name] = run.sums.get(name, torch.zeros_like(value)) + value.detach()
        run.count += 1


def _step(run: _Run, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(run.objective.parameters(), 1.0)
    optimizer.step()
    run.averaged.update_parameters(run.objective)


def learning_rate(done: float, peak: float) -> float:
    """Linear warm-up over the first twentieth, then a cosine to zero; `done` in [0, 1)."""
    return peak * min(1.0, (done + 1e-3) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))


def _averaging(largest: float) -> Callable[..., None]:
    """Averaging with a decay that grows from 0 to `largest`, so that short trainings forget their
    random start.
    """

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        decay = min(largest, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averaged, current, 1 - decay)

    return update


def _means(run: _Run) -> dict[str, float]:
    """Mean losses since the last report."""
    means = {name: float(total) / run.count for name, total in run.sums.items()}
    run.sums, run.count = {}, 0
    if not all(math.isfinite(value) for value in means.values()):
        raise NonFiniteError(f"the training loss is {means}: lower the recipe's learning_rate")
    return means


def _validation(objective: Objective, context: Context, device: torch.device) -> Batch:
    """Validation samples, with noise that is always the same."""
    task, dataset = context.task, context.dataset
    split = dataset.validation.first(task.recipe.validated)
    known = cached_outputs(split, dataset, task.recipe, objective.judge, device)
    noise = SampleNoise(task.seed, split.numbers.tolist(), "validation")
    x0 = split.clean()
    x_cor = split.corrupted(x0, slice(None), task.corruption, noise)
    whole = Share(device=device)
    if known is not None:
        known = known.part(slice(None)).to(device)
    labels = split.labels
    if dataset.script is not None:  # right is what Whisper makes of the clean signals
        assert known is not None
        labels = known.clean.argmax(dim=-1)
    return Batch(whole.of(x0), whole.of(x_cor), whole.of(labels), known)


@torch.no_grad()
def _validate(run: _Run, kind: str, context: Context, share: Share) -> dict[str, float]:
    """Losses and accuracy of the averaged weights on validation samples."""
    batch, whole, averaged = run.validation, Share(device=share.device), run.final
    averaged.eval()
    draws = Draws(context.task.seed, f"{kind}/validation", 0, len(batch.labels), whole)
    losses = averaged(averaged.prepare(batch, draws), draws)
    judged = _judged(averaged, context.dataset, averaged.answers(batch, draws), batch.labels)
    found = losses | {ACCURACY: judged.share}
    return {f"validation_{name}": float(value) for name, value in found.items()}


def _judged(objective: Objective, dataset: Dataset, answers: Tensor, labels: Tensor) -> Correctness:
    if dataset.script is None:
        return class_correctness(answers, labels)
    judge = objective.judge
    assert judge is not None, "sentences are heard by a frozen recogniser"
    return transcript_correctness(judge.texts_of(answers), judge.texts_of(labels))


def _checkpoint(run: _Run, rounds_done: int) -> dict[str, Any]:
    return {
        "round": rounds_done,
        "model": run.objective.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimizer": {} if run.optimizer is None else run.optimizer.state_dict(),
    }


def _autocast(device: torch.device, recipe: Recipe) -> torch.autocast:
    """The recipe's precision (bf16 is 1.3 to 1.8 times as fast on a CPU that computes in it)."""
    wanted = dtype_of(recipe.precision, device) == torch.bfloat16
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
