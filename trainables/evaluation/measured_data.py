"""The samples that a sampling names, of the task's data or of the same recordings corrupted otherwise."""

from __future__ import annotations

from dataclasses import replace

import torch

from trainables.core.errors import UsageError
from trainables.data.dataset import Dataset, Samples
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task


class MeasuredData:
    """The data that the points of a task are measured on.

    Args:
        task: what parts are trained for.
        storage: it has, or builds, the data of other corruptions, where corruption is a part of the data.
        dataset: the task's data.
    """

    def __init__(self, task: Task, storage: Storage, dataset: Dataset) -> None:
        self._task, self._storage, self._dataset = task, storage, dataset
        self._others: dict[str, Dataset] = {}

    def samples(self, sampling: Sampling) -> Samples:
        """The samples of a sampling.

        Raises:
            UsageError: there are no data that are corrupted so, or they are of other recordings.
        """
        mine = self._dataset.split(sampling.split).first(sampling.limit)
        corruption = sampling.degradation(self._task).corruption
        if not mine.fixed or corruption == self._task.corruption:
            return mine
        other = self._corrupted_by(corruption)
        samples = other.split(sampling.split).first(sampling.limit)
        if not torch.equal(samples.numbers, mine.numbers):
            listed = [str(d.left_out_file) for d in (self._dataset, other) if d.left_out]
            raise UsageError(
                f"{other.name} has other usable recordings with {corruption} than with "
                f"{self._task.corruption}: mend or remove those that were left out, see "
                f"{' and '.join(listed)}"
            )
        return samples

    def _corrupted_by(self, corruption: str) -> Dataset:
        if corruption not in self._others:
            task = replace(self._task, corruption=corruption)
            self._others[corruption] = self._storage.dataset(task)
        return self._others[corruption]
