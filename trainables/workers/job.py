"""The job of a sweep's workers. This module does not import Ray, so that a plan is made quickly."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task


@dataclass(frozen=True)
class Job:
    """The settings that all measurements of a sweep have in common.

    Args:
        task: the task.
        strategy: the strategy's name.
        storage: where data, parts and records are.
        split: the split that points are measured on.
        limit: the number of samples, the first of the split.
        seeds: the seeds that every point is measured at.
        batch: the batch size of sampling on a CPU.
        threads: CPU threads of an actor.
        gpu_share: the fraction of a GPU that an actor may use; 0 on a CPU.
        precision: what the networks compute in.
        is_timed: whether every trial times its point, see `Evaluator.seconds_alone`.
    """

    task: Task
    strategy: str
    storage: Storage
    split: str
    limit: int
    seeds: tuple[int, ...]
    batch: int
    threads: int
    gpu_share: float = 0.0
    precision: str = "auto"
    is_timed: bool = False

    def samplings(self) -> list[Sampling]:
        """The sampling of each seed."""
        return [Sampling(self.split, self.limit, seed, self.precision) for seed in self.seeds]
