"""The one training loop: any stage, any number of workers, resumable at the end of a round.

A round is a pool of prepared batches, and the updates that draw from it at random until each batch has
been used as often as the stage asks for; where nothing is sampled it is one batch and one update. All
that is random in it follows from the seed and the round's number, so a resumed training goes on as if
it had not stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from trainables.core.errors import NonFiniteError
from trainables.core.noise import seed_of, seeded
from trainables.core.precision import dtype_of
from trainables.task.members import kind_and_member
from trainables.task.recipe import Recipe
from trainables.training import stages
from trainables.training.batches import Batch, Batches, Draws, Share
from trainables.training.classifier_cache import cached_outputs
from trainables.training.objective import Context, Objective, Weights
from trainables.training.rounds import Round, reporting_rounds, rounds_of
from trainables.training.validation import validated, validation_batch

LEAST_REPORTS = 20
_WARM_UP = 0.05


class Checkpoint(TypedDict):
    """A training at the end of a round.

    Keys:
        round: the number of rounds done.
        model: the objective's state dict.
        averaged: the state dict of the averaged weights.
        optimizer: the optimiser's state dict; empty without one.
    """

    round: int
    model: dict[str, Any]
    averaged: dict[str, Any]
    optimizer: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """A report of a part's training.

    Args:
        kind: the kind of the part.
        update: the number of updates done.
        updates: the number of all updates.
        metrics: mean losses since the last report, and the validation metrics.
        checkpoint: the training's checkpoint on the first worker, None on the others.
    """

    kind: str
    update: int
    updates: int
    metrics: dict[str, float]
    checkpoint: Checkpoint | None


@dataclass
class _Run:
    """The state of a part's training."""

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
    checkpoint: Checkpoint | None = None,
    build: Callable[[Context], Objective] | None = None,
) -> Weights:
    """Train one part and return its averaged weights, on the CPU.

    `report` is called on every worker, at least `LEAST_REPORTS` times where there are as many rounds, and at
    the end of every epoch where there are no more epochs than that. An interrupted training resumes from
    the checkpoint of such a report. `build` makes an objective in the place of the stage's, of the same
    length and the same batches.

    Raises:
        NonFiniteError: the loss became NaN or infinite.
    """
    context = _of_member(kind, context)
    run = _begin(kind, context, share, checkpoint, build or stages.load(kind).build)
    recipe = context.task.recipe
    updates = stages.load(kind).updates(recipe)
    stage = run.objective
    rounds = rounds_of(updates, stage.inner_updates, stage.pool, context.task.seed, kind)
    train = context.dataset.train
    outputs = cached_outputs(train, context.dataset, recipe, run.objective.judge, share.device)
    batches = Batches(context.task, train, share, outputs)
    epoch = len(context.dataset.train) / recipe.batch
    marks = reporting_rounds([len(one.order) for one in rounds], epoch, LEAST_REPORTS)
    for number in range(run.first_round, len(rounds)):
        _round(run, kind, context, share, batches, rounds[number], updates)
        if number in marks:
            done = rounds[number].first_update + len(rounds[number].order)
            passes = {"epoch": done / epoch}
            validation = validated(run.final, run.validation, kind, context, share.device)
            metrics = _means(run) | validation | passes
            saved = _checkpoint(run, number + 1) if share.rank == 0 else None
            report(Report(kind, done, updates, metrics, saved))
    final = run.final
    final.eval()
    final.finish(context.dataset, share.device)
    return {name: _on_cpu(state) for name, state in final.weights().items()}


def _of_member(kind: str, context: Context) -> Context:
    """The context of that part's training: a member of an ensemble after the first has a seed of its own, so
    other batches too.
    """
    _, member = kind_and_member(kind)
    if member == 1:
        return context
    seed = seed_of("member", context.task.seed, member)
    return replace(context, task=replace(context.task, seed=seed), member=member)


def _begin(
    kind: str,
    context: Context,
    share: Share,
    checkpoint: Checkpoint | None,
    build: Callable[[Context], Objective],
) -> _Run:
    with seeded(torch.device("cpu"), "weights", kind, context.task.seed):
        objective = build(context)
    objective.to(share.device)
    objective.move(share.device)
    averaged = AveragedModel(objective)
    parameters = list(objective.parameters())
    optimizer: torch.optim.Optimizer | None = None
    if parameters:
        optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=1e-2, fused=True)
    validation = validation_batch(objective, context, share.device)
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
    batches: Batches,
    plan: Round,
    updates: int,
) -> None:
    seed, size, peak = (
        context.task.seed,
        context.task.recipe.batch,
        context.task.recipe.learning_rate,
    )
    run.objective.eval()  # what is prepared is an estimate, so without dropout
    pool = []
    for number in range(plan.first_batch, plan.first_batch + plan.batches):
        draws = Draws(seed, f"{kind}/batch", number, size, share)
        with _autocast(share.device, context.task.recipe):
            pool.append(run.objective.prepare(batches.batch(number), draws))
    run.objective.train()
    for update, noise in enumerate(plan.order, start=plan.first_update):
        dropout = seeded(share.device, "dropout", kind, seed, update, share.rank)
        with _autocast(share.device, context.task.recipe), dropout:
            losses = run.model(pool[noise], Draws(seed, kind, update, size, share))
        if run.optimizer is not None:
            _step(run, run.optimizer, losses["loss"], learning_rate(update / updates, peak))
            _average(run, update, context.task.recipe.ema)
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


def learning_rate(progress: float, peak: float) -> float:
    """The learning rate at a fraction `progress` in [0, 1) of the training: a linear warm-up over the first
    twentieth, then a cosine to zero.
    """
    warm_up = min(1.0, (progress + 1e-3) / _WARM_UP)
    return peak * warm_up * 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def _average(run: _Run, count: int, largest: float) -> None:
    """Average the weights once more, after having done so `count` times, with a decay that grows from 0 to
    `largest`, so that the random initial weights lose their influence in short trainings too.

    `AveragedModel.update_parameters` sorts all tensors by device and type each time, which takes ten times as
    long as averaging those of a small network.
    """
    decay = 0.0 if count == 0 else min(largest, (1 + count) / (10 + count))
    averaged: list[Tensor] = [*run.final.parameters()]
    current: list[Tensor] = [*run.objective.parameters()]
    torch._foreach_lerp_(averaged, current, 1 - decay)
    for kept, buffer in zip(run.final.buffers(), run.objective.buffers(), strict=True):
        kept.copy_(buffer)
    run.averaged.n_averaged += 1


def _means(run: _Run) -> dict[str, float]:
    """Mean losses since the last report.

    Raises:
        NonFiniteError: one is NaN or infinite.
    """
    means = {name: float(total) / run.count for name, total in run.sums.items()}
    run.sums, run.count = {}, 0
    if not all(math.isfinite(value) for value in means.values()):
        raise NonFiniteError(f"the training loss is {means}: lower the recipe's learning_rate")
    return means


def _checkpoint(run: _Run, rounds_done: int) -> Checkpoint:
    return {
        "round": rounds_done,
        "model": run.objective.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimizer": {} if run.optimizer is None else run.optimizer.state_dict(),
    }


def _autocast(device: torch.device, recipe: Recipe) -> torch.autocast:
    """Autocast to the recipe's precision; bf16 is 1.3 to 1.8 times as fast on a CPU that computes in it."""
    is_bfloat16 = dtype_of(recipe.precision, device) == torch.bfloat16
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_bfloat16)


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU, laid out as usual, however they were in training."""
    plain = torch.contiguous_format
    return {name: value.detach().cpu().clone(memory_format=plain) for name, value in state.items()}
