"""What all measurements of a sweep have in common; no Ray in it, so that a plan is made quickly."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task


@dataclass(frozen=True)
class Job:
    """What every trial of a sweep has in common.

    `seeds` are the seeds each point is measured at; `threads` the CPU threads of an actor and
    `gpu_share` how much of a GPU is lent to it; `precision` is what the networks compute in.
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

    def samplings(self) -> list[Sampling]:
        """One sampling a seed."""
        return [Sampling(self.split, self.limit, seed, self.precision) for seed in self.seeds]
